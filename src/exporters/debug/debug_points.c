/* debug_points.c - a metric and its data points in the detailed text; see debug_text.h. */
#include "exporters/debug/debug_detailed_internal.h"

#include "exporters/debug/debug_text.h"
#include "otlp/metric_view.h"

#include <inttypes.h>
#include <math.h>

typedef struct KindName {
    const char *type, *points;
} KindName;

static KindName kind_name(MetricKind kind)
{
    switch (kind) {
    case METRIC_GAUGE: return (KindName){ "Gauge", "NumberDataPoints" };
    case METRIC_SUM: return (KindName){ "Sum", "NumberDataPoints" };
    case METRIC_HISTOGRAM: return (KindName){ "Histogram", "HistogramDataPoints" };
    case METRIC_EXPONENTIAL:
        return (KindName){ "ExponentialHistogram", "ExponentialHistogramDataPoints" };
    case METRIC_SUMMARY: return (KindName){ "Summary", "SummaryDataPoints" };
    case METRIC_EMPTY: break;
    }
    return (KindName){ "Empty", "DataPoints" };
}

static void add_number(Buf *out, const NumberView *value)
{
    if (value->kind == NUMBER_INT)
        buf_addf(out, "Value: %" PRId64 "\n", value->integer);
    else if (value->kind == NUMBER_DOUBLE)
        buf_addf(out, "Value: %f\n", value->real);
}

static void add_exemplars(Buf *out, Fields exemplars)
{
    ExemplarView exemplar;
    for (size_t i = 0; exemplar_next(&exemplars, &exemplar); i++) {
        if (i == 0)
            buf_add(out, STR("Exemplars:\n"));
        buf_addf(out, "Exemplar #%zu\n     -> Trace ID: ", i);
        debug_add_id(out, exemplar.trace_id.bytes, sizeof exemplar.trace_id);
        buf_add(out, STR("\n     -> Span ID: "));
        debug_add_id(out, exemplar.span_id.bytes, sizeof exemplar.span_id);
        buf_add_byte(out, '\n');
        detail_time(out, "     -> Timestamp: ", exemplar.time_ns);
        buf_add(out, STR("     -> "));
        add_number(out, &exemplar.value);
        detail_attributes(out, "     -> FilteredAttributes:", exemplar.filtered_attributes,
                          "          ");
    }
}

static void add_head(Buf *out, uint64_t start_ns, uint64_t time_ns)
{
    detail_time(out, "StartTimestamp: ", start_ns);
    detail_time(out, "Timestamp: ", time_ns);
}

static void add_optional(Buf *out, const char *label, bool has, double value)
{
    if (has)
        buf_addf(out, "%s: %f\n", label, value);
}

static void add_histogram(Buf *out, const Batch *batch, size_t item)
{
    HistogramPointView point = histogram_point_view(batch, item);
    add_head(out, point.start_ns, point.time_ns);
    buf_addf(out, "Count: %" PRIu64 "\n", point.count);
    add_optional(out, "Sum", point.has_sum, point.sum);
    add_optional(out, "Min", point.has_min, point.min);
    add_optional(out, "Max", point.has_max, point.max);
    double bound;
    uint64_t count;
    for (size_t i = 0; numbers_next_double(&point.explicit_bounds, &bound); i++)
        buf_addf(out, "ExplicitBounds #%zu: %f\n", i, bound);
    for (size_t i = 0; numbers_next_u64(&point.bucket_counts, &count); i++)
        buf_addf(out, "Buckets #%zu, Count: %" PRIu64 "\n", i, count);
    add_exemplars(out, point.exemplars);
}

/* Bucket i covers base^(offset + i) to base^(offset + i + 1), where base is 2^(2^-scale). */
static void add_buckets(Buf *out, BucketsView buckets, int32_t scale, bool negative)
{
    double factor = ldexp(log(2.0), -scale);
    uint64_t count;
    for (int64_t i = buckets.offset; numbers_next_varint(&buckets.counts, &count); i++) {
        if (!count)
            continue;
        double low = exp((double)i * factor), high = exp((double)(i + 1) * factor);
        if (negative)
            buf_addf(out, "Bucket [%f, %f), Count: %" PRIu64 "\n", -high, -low, count);
        else
            buf_addf(out, "Bucket (%f, %f], Count: %" PRIu64 "\n", low, high, count);
    }
}

static void add_exponential(Buf *out, const Batch *batch, size_t item)
{
    ExponentialPointView point = exponential_point_view(batch, item);
    add_head(out, point.start_ns, point.time_ns);
    buf_addf(out, "Count: %" PRIu64 "\n", point.count);
    add_optional(out, "Sum", point.has_sum, point.sum);
    add_optional(out, "Min", point.has_min, point.min);
    add_optional(out, "Max", point.has_max, point.max);
    add_buckets(out, point.negative, point.scale, true);
    if (point.zero_count)
        buf_addf(out, "Bucket [0, 0], Count: %" PRIu64 "\n", point.zero_count);
    add_buckets(out, point.positive, point.scale, false);
    add_exemplars(out, point.exemplars);
}

static void add_summary(Buf *out, const Batch *batch, size_t item)
{
    SummaryPointView point = summary_point_view(batch, item);
    add_head(out, point.start_ns, point.time_ns);
    buf_addf(out, "Count: %" PRIu64 "\nSum: %f\n", point.count, point.sum);
    QuantileView quantile;
    for (size_t i = 0; quantile_next(&point.quantiles, &quantile); i++)
        buf_addf(out, "QuantileValue #%zu: Quantile %f, Value %f\n", i, quantile.quantile,
                 quantile.value);
}

static void add_point(Buf *out, const Batch *batch, MetricKind kind, size_t item)
{
    switch (kind) {
    case METRIC_GAUGE:
    case METRIC_SUM: {
        NumberPointView point = number_point_view(batch, item);
        add_head(out, point.start_ns, point.time_ns);
        add_number(out, &point.value);
        add_exemplars(out, point.exemplars);
        break;
    }
    case METRIC_HISTOGRAM: add_histogram(out, batch, item); break;
    case METRIC_EXPONENTIAL: add_exponential(out, batch, item); break;
    case METRIC_SUMMARY: add_summary(out, batch, item); break;
    case METRIC_EMPTY: break;
    }
}

static void add_temporality(Buf *out, const MetricView *metric)
{
    static const char *const names[] = { "Unspecified", "Delta", "Cumulative" };
    bool has = metric->kind == METRIC_SUM || metric->kind == METRIC_HISTOGRAM ||
               metric->kind == METRIC_EXPONENTIAL;
    if (metric->kind == METRIC_SUM)
        buf_addf(out, "     -> IsMonotonic: %s\n", metric->is_monotonic ? "true" : "false");
    if (has)
        buf_addf(out, "     -> AggregationTemporality: %s\n",
                 metric->temporality < COUNT_OF(names) ? names[metric->temporality] : "");
}

void detail_metric(Buf *out, const Batch *batch, size_t number)
{
    MetricView metric = metric_view(batch, number);
    KindName name = kind_name(metric.kind);
    buf_add(out, STR("Descriptor:\n"));
    detail_text(out, "     -> Name: ", metric.name);
    detail_text(out, "     -> Description: ", metric.description);
    detail_text(out, "     -> Unit: ", metric.unit);
    buf_addf(out, "     -> DataType: %s\n", name.type);
    detail_attributes(out, "     -> Metadata:", metric.metadata, "          ");
    add_temporality(out, &metric);
    for (size_t item = metric.first_item; item < metric.end_item; item++) {
        buf_addf(out, "%s #%zu\n", name.points, item - metric.first_item);
        detail_attributes(out, "Data point attributes:", item_attributes(batch, item), "     ");
        add_point(out, batch, metric.kind, item);
    }
}
