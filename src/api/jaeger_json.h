/* jaeger_json.h - spans as Jaeger's JSON (v1): traces, processes, tags, logs, references.
 *
 * Rows come trace by trace, each trace by start (as source_lookup gives them), and are written as
 * they come; only the processes of one trace are kept until its end. A span that was stored twice
 * byte by byte is written once, unless `raw`. Skewed clocks are not corrected.
 */
#ifndef API_JAEGER_JSON_H
#define API_JAEGER_JSON_H

#include "base/arena.h"
#include "base/map.h"
#include "codec/json.h"
#include "store/scan.h"

typedef struct TraceWriter {
    JsonWriter *json;
    bool raw;
    bool open;         /* inside a trace */
    TraceId trace_id;  /* which */
    Batch *last_batch; /* of the row written last; a reference */
    uint32_t last_span;
    Arena *arena;         /* for the processes of this trace */
    Map processes;        /* a process's JSON to its name, p1 p2 ... */
    Batch *process_batch; /* whose resource was looked up last; only compared */
    size_t process_resource;
    Str process_name;
    Buf scratch;
    bool scratch_failed; /* sticky: a value could not be written */
    size_t trace_count, span_count;
} TraceWriter;

CHECKED bool trace_writer_init(TraceWriter *writer, JsonWriter *json, Err *err);
void trace_writer_done(TraceWriter *writer); /* harmless when zeroed */

CHECKED bool trace_writer_add(TraceWriter *writer, const SpanRow *row, Err *err);
void trace_writer_end(TraceWriter *writer); /* closes the last trace */

/* As Jaeger writes an id: 16 digits when the upper half is zero, else 32. Returns the length. */
enum { JAEGER_ID_SIZE = 33 };
size_t jaeger_trace_id(const TraceId *id, char out[JAEGER_ID_SIZE]);
/* 1 to 32 hexadecimal digits; leading zeros may be missing. */
CHECKED bool jaeger_trace_id_parse(Str text, TraceId *out);

#endif
