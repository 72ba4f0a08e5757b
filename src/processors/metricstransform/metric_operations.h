/* metric_operations.h - what `metricstransform` can do to a metric, one operation after the other.
 *
 *     add_label               new_label, new_value
 *     update_label            label, new_label, value_actions [{value, new_value}]
 *     delete_label_value      label, label_value: points that have it go
 *     toggle_scalar_data_type int becomes double and the other way round
 *     experimental_scale_value  experimental_scale: values times this
 *     aggregate_labels        label_set: these stay, points that then are the same become one
 *     aggregate_label_values  label, aggregated_values: these become new_value, then the same
 *
 * Points are the same when their labels and their time are (of delta metrics the start, too).
 * Numbers are summed, averaged, or the least or greatest is kept; histograms with the same bounds
 * are summed. What a kind of metric cannot do leaves it as it is, and is told by *skipped.
 */
#ifndef PROCESSORS_METRICSTRANSFORM_METRIC_OPERATIONS_H
#define PROCESSORS_METRICSTRANSFORM_METRIC_OPERATIONS_H

#include "config/field.h"
#include "processors/metricstransform/metric_tree.h"

typedef struct ValueAction {
    Str value, new_value;
} ValueAction;

typedef struct ValueActions {
    ValueAction *items;
    size_t count;
} ValueActions;

typedef struct MetricOperation {
    int action;
    Str label, new_label, new_value, label_value, aggregation_type;
    TextList label_set, aggregated_values;
    ValueActions value_actions;
    double experimental_scale;
} MetricOperation;

typedef struct MetricOperations {
    MetricOperation *items;
    size_t count;
} MetricOperations;

extern const ConfigField operation_fields[];

CHECKED bool operation_check(const MetricOperation *operation, Err *err);

CHECKED bool operation_apply(const MetricOperation *operation, MetricTree *tree, Arena *arena,
                             bool *skipped, Err *err);

#endif
