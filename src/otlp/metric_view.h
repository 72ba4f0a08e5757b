/* metric_view.h - reads metrics and data points of a METRICS batch; as view.h does for the rest.
 *
 *     MetricView metric = metric_view(batch, m);
 *     for (size_t i = metric.first_item; i < metric.end_item; i++)
 *         switch (metric.kind) {
 *         case METRIC_GAUGE: case METRIC_SUM: use(number_point_view(batch, i)); ...
 */
#ifndef OTLP_METRIC_VIEW_H
#define OTLP_METRIC_VIEW_H

#include "otlp/view.h"

typedef enum MetricKind {
    METRIC_EMPTY = 0, /* no data at all */
    METRIC_GAUGE = 5, /* the field numbers in Metric */
    METRIC_SUM = 7,
    METRIC_HISTOGRAM = 9,
    METRIC_EXPONENTIAL = 10,
    METRIC_SUMMARY = 11
} MetricKind;

typedef struct MetricView {
    Str name, description, unit;
    MetricKind kind;
    uint32_t temporality; /* a Temporality, or what the sender made up */
    bool is_monotonic;
    Attributes metadata;
    size_t first_item, end_item; /* its data points */
} MetricView;

typedef enum NumberKind { NUMBER_NONE, NUMBER_INT, NUMBER_DOUBLE } NumberKind;

typedef struct NumberView {
    NumberKind kind;
    union {
        int64_t integer;
        double real;
    };
} NumberView;

/* A repeated number, packed or not; copy it to read again. */
typedef struct Numbers {
    Fields packed;
    Str run;   /* what is left of the packed run at hand */
    Str loose; /* unpacked fields, read after the packed ones */
    uint32_t number;
} Numbers;

bool numbers_next_u64(Numbers *numbers, uint64_t *out);    /* fixed64 */
bool numbers_next_double(Numbers *numbers, double *out);   /* double */
bool numbers_next_varint(Numbers *numbers, uint64_t *out); /* uint64 */

typedef struct NumberPointView {
    uint64_t start_ns, time_ns;
    uint32_t flags;
    NumberView value;
    Attributes attributes;
    Fields exemplars;
} NumberPointView;

typedef struct HistogramPointView {
    uint64_t start_ns, time_ns, count;
    double sum, min, max;
    bool has_sum, has_min, has_max;
    uint32_t flags;
    Numbers bucket_counts;   /* numbers_next_u64 */
    Numbers explicit_bounds; /* numbers_next_double */
    Attributes attributes;
    Fields exemplars;
} HistogramPointView;

typedef struct BucketsView {
    int32_t offset;
    Numbers counts; /* numbers_next_varint */
} BucketsView;

typedef struct ExponentialPointView {
    uint64_t start_ns, time_ns, count, zero_count;
    double sum, min, max, zero_threshold;
    bool has_sum, has_min, has_max;
    int32_t scale;
    uint32_t flags;
    BucketsView positive, negative;
    Attributes attributes;
    Fields exemplars;
} ExponentialPointView;

typedef struct SummaryPointView {
    uint64_t start_ns, time_ns, count;
    double sum;
    uint32_t flags;
    Fields quantiles; /* for quantile_next */
    Attributes attributes;
} SummaryPointView;

typedef struct QuantileView {
    double quantile, value;
} QuantileView;

typedef struct ExemplarView {
    uint64_t time_ns;
    NumberView value;
    TraceId trace_id;
    SpanId span_id;
    Attributes filtered_attributes;
} ExemplarView;

MetricView metric_view(const Batch *batch, size_t metric);

/* Which of these fits is said by the metric's kind. */
NumberPointView number_point_view(const Batch *batch, size_t item);
HistogramPointView histogram_point_view(const Batch *batch, size_t item);
ExponentialPointView exponential_point_view(const Batch *batch, size_t item);
SummaryPointView summary_point_view(const Batch *batch, size_t item);

bool exemplar_next(Fields *exemplars, ExemplarView *out);
bool quantile_next(Fields *quantiles, QuantileView *out);

#endif
