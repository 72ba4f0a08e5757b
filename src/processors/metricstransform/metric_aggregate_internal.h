/* metric_aggregate_internal.h - points that are the same become one. */
#ifndef PROCESSORS_METRICSTRANSFORM_METRIC_AGGREGATE_INTERNAL_H
#define PROCESSORS_METRICSTRANSFORM_METRIC_AGGREGATE_INTERNAL_H

#include "processors/metricstransform/metric_tree.h"

typedef enum Aggregation {
    AGGREGATE_SUM,
    AGGREGATE_MEAN,
    AGGREGATE_MIN,
    AGGREGATE_MAX
} Aggregation;

CHECKED bool aggregation_parse(Str name, Aggregation *out);

/* Numbers can in every way, histograms be summed, other kinds not at all. */
bool metric_can_aggregate(const MetricTree *tree, Aggregation how);

CHECKED bool metric_aggregate(MetricTree *tree, Aggregation how, Arena *arena, Err *err);

#endif
