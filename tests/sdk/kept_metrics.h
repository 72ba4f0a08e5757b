/* kept_metrics.h - a run of the meter alone, on a clock that the test moves, and what its
 * collections give. */
#ifndef TESTS_SDK_KEPT_METRICS_H
#define TESTS_SDK_KEPT_METRICS_H

#include "sdk/meter.h"
#include "sdk/metric_batch.h"

enum { METRICS_EPOCH_S = 1750000000 }; /* when the clock begins */

/* sets_max 0: the usual limit. */
void metrics_begin(TemporalityPreference preference, size_t sets_max);
void metrics_begin_again(TemporalityPreference preference, size_t sets_max); /* same clock */
void metrics_end(void);
void metrics_wait(int64_t seconds); /* moves the clock */

/* Collects; what the functions below look at until the next one. Fails the test where it fails. */
const MetricBatch *metrics_collect(void);

const CryoMetricView *metric_named(const char *name); /* NULL: not in the last collection */
/* The point whose set is just these. NULL: none; the metric may be NULL, too. */
const CryoPointView *point_with(const CryoMetricView *metric, CryoAttrs attributes);
/* Of a metric with this name, the point without attributes; fails the test where there is none. */
const CryoPointView *only_point(const char *name);

/* What the library said meanwhile, to look into. */
void messages_begin(void);
size_t messages_with(const char *part); /* lines that have it */

#endif
