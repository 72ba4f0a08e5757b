/* span_batch.h - ended records on their way out, and the two forms in which they leave.
 *
 * The worker fills one and hands it to each sink. A sink that sends OTLP asks for the bytes, which
 * are encoded straight from the records; one that shows spans to code asks for views.
 */
#ifndef SDK_SPAN_BATCH_H
#define SDK_SPAN_BATCH_H

#include "base/arena.h"
#include "base/buf.h"
#include "sdk/record.h"
#include "sdk/resource.h"

#include <cryostorm/exporter.h>

typedef struct SpanBatch {
    Record **records;
    size_t count;
    int64_t wall_offset_ns; /* wall time = clock reading + this */
    const Resource *resource;
    const CryoTracer *tracer; /* of the records that name none */
    uint64_t rejected;        /* a sink's answer: so many of them were not taken */
} SpanBatch;

static inline int64_t wall_time(const SpanBatch *batch, int64_t time_ns, bool is_wall)
{
    return is_wall ? time_ns : time_ns + batch->wall_offset_ns;
}

/* An ExportTraceServiceRequest, appended to out: one ResourceSpans, a ScopeSpans per tracer.
 * ERR_LIMIT: longer than out's ceiling. */
CHECKED bool span_batch_encode(const SpanBatch *batch, Buf *out, Err *err);

/* One view per record, all in the arena; nothing in them refers to the records. */
CHECKED CryoSpanView *span_batch_views(const SpanBatch *batch, Arena *arena, Err *err);

#endif
