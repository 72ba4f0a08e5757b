/* metric_batch.h - one collection: what all instruments have gathered, as views.
 *
 * The collector asks the callbacks, adds up what threads have measured, and makes a view of each
 * instrument that has something to tell. A batch and everything in it lives in an arena of the
 * caller's; attributes, names and bounds point into the meter, so it must be used up before the
 * next collection and before the run's meter_end().
 */
#ifndef SDK_METRIC_BATCH_H
#define SDK_METRIC_BATCH_H

#include "base/arena.h"
#include "base/buf.h"
#include "sdk/resource.h"

#include <cryostorm/exporter.h>

enum { METRIC_BATCH_BYTES_MAX = 256 << 20 };

typedef struct MetricBatch {
    CryoMetricView *metrics; /* in the order in which their instruments were made */
    size_t count, point_count;
    const Resource *resource;
} MetricBatch;

/* Whose the instruments without a meter are. */
typedef struct MetricSource {
    const Resource *resource;
    Str service_name, service_version;
} MetricSource;

/* One thread at a time. Where it fails (no memory) nothing is lost: the next collection has it. */
CHECKED bool metric_collect(const MetricSource *source, Arena *arena, MetricBatch *out, Err *err);

/* The same in an arena of their own, referring to nothing but it and the resource. NULL: no memory.
 */
CHECKED CryoMetricView *metric_batch_views(const MetricBatch *batch, Arena *arena, Err *err);

/* An ExportMetricsServiceRequest, appended to out: one ResourceMetrics, a ScopeMetrics per meter.
 * ERR_LIMIT: longer than out's ceiling. */
CHECKED bool metric_batch_encode(const MetricBatch *batch, Buf *out, Err *err);

#endif
