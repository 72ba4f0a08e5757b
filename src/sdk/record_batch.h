/* record_batch.h - ended records on their way out: spans, and log records, which are kept alike.
 *
 * record_duty.c fills one; span_encode.c, log_encode.c and the view files read it.
 */
#ifndef SDK_RECORD_BATCH_H
#define SDK_RECORD_BATCH_H

#include "sdk/outgoing.h"
#include "sdk/record.h"

typedef struct RecordBatch {
    Record **records;
    size_t count;
    int64_t wall_offset_ns; /* wall time = clock reading + this */
    const Resource *resource;
    const CryoTracer *tracer; /* of the records that name none */
} RecordBatch;

static inline int64_t wall_time(const RecordBatch *batch, int64_t time_ns, bool is_wall)
{
    return is_wall ? time_ns : time_ns + batch->wall_offset_ns;
}

/* For Outgoing: requests and views. */
CHECKED bool spans_encode(const Outgoing *outgoing, Buf *out, Err *err);
CHECKED void *spans_view(const Outgoing *outgoing, Arena *arena, Err *err);
CHECKED bool logs_encode(const Outgoing *outgoing, Buf *out, Err *err);
CHECKED void *logs_view(const Outgoing *outgoing, Arena *arena, Err *err);

#endif
