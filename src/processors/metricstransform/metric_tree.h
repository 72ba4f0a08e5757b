/* metric_tree.h - one metric of a batch, taken apart so that its name, labels and points may
 * change.
 *
 * What is not changed is written as the bytes that came in, fields that nobody knows included. The
 * tree lives in an arena and borrows from its batch.
 */
#ifndef PROCESSORS_METRICSTRANSFORM_METRIC_TREE_H
#define PROCESSORS_METRICSTRANSFORM_METRIC_TREE_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/buf.h"
#include "otlp/metric_view.h"

typedef struct HistogramTree {
    HistogramPointView view; /* its numbers; the lists are below */
    uint64_t *counts;
    double *bounds;
    size_t count_of_counts, count_of_bounds;
} HistogramTree;

typedef struct PointTree PointTree;
struct PointTree {
    Str raw;               /* the message as it came */
    size_t item;           /* in the batch */
    AttributeView *labels; /* never changed in place: copies of a tree share them */
    size_t label_count;
    uint64_t start_ns, time_ns; /* these two: GAUGE, SUM, HISTOGRAM */
    NumberView value;           /* GAUGE, SUM */
    HistogramTree *histogram;   /* HISTOGRAM: instead of its numbers; NULL: they are as they came */
    bool relabelled, revalued;
    double exemplar_scale;
    uint64_t points;   /* how many it stands for */
    PointTree *merged; /* the last of those: a list by `before`; their exemplars go with it */
    PointTree *before;
};

typedef struct MetricTree {
    const Batch *batch;
    Str raw, name;
    MetricKind kind;
    bool is_delta;
    PointTree *points;
    size_t count;
} MetricTree;

CHECKED MetricTree *metric_tree_read(const Batch *batch, size_t metric, Str raw, Arena *arena,
                                     Err *err);
CHECKED MetricTree *metric_tree_copy(const MetricTree *tree, Arena *arena, Err *err);

/* The histogram's numbers, to be changed: point->histogram. */
CHECKED bool metric_tree_open_histogram(const MetricTree *tree, PointTree *point, Arena *arena,
                                        Err *err);

/* The content of a Metric message. */
void metric_tree_write(const MetricTree *tree, Buf *out);

#endif
