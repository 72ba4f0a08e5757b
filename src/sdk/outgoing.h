/* outgoing.h - items of one signal on their way out, and the two forms in which they leave.
 *
 * A duty (duty.h) fills one and the worker hands it to each of that signal's sinks. A sink that
 * sends OTLP asks for the bytes; one that shows telemetry to code asks for views. Neither has to
 * know what the batch is made of.
 */
#ifndef SDK_OUTGOING_H
#define SDK_OUTGOING_H

#include "base/arena.h"
#include "base/buf.h"
#include "model/signal.h"
#include "sdk/resource.h"

typedef struct Outgoing Outgoing;
struct Outgoing {
    Signal signal;
    size_t count;      /* spans, data points, log records: what the counts count */
    size_t view_count; /* spans, metrics, log records: what views() gives */
    const Resource *resource;
    const void *batch; /* what the two functions read: a RecordBatch, or the meter's own */
    uint64_t rejected; /* a sink's answer: so many of them were not taken */

    /* The export request's bytes, appended to out: one ResourceSpans, ResourceMetrics or
     * ResourceLogs, with a scope's group for each scope. ERR_LIMIT: longer than out's ceiling. */
    bool (*encode)(const Outgoing *outgoing, Buf *out, Err *err);

    /* view_count structs in the arena, which refer to nothing but the arena and the resource:
     * CryoSpanView, CryoMetricView or CryoLogView. NULL: err says why. */
    void *(*views)(const Outgoing *outgoing, Arena *arena, Err *err);
};

#endif
