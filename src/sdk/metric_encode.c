/* metric_encode.c - a batch of metrics as OTLP bytes; see metric_batch.h. Texts are UTF-8 already:
 * they were repaired when their instrument, set or meter was made. */
#include "sdk/metric_batch.h"

#include "otlp/encode.h"
#include "sdk/attribute_encode.h"

static Str as_str(CryoString text)
{
    return (Str){ text.ptr, text.len };
}

static void encode_attributes_of(Buf *out, uint32_t number, CryoAttrs attributes)
{
    for (size_t i = 0; i < attributes.count; i++)
        attribute_encode(out, number, &attributes.ptr[i], NULL);
}

static void encode_number(Buf *out, const CryoPointView *point)
{
    NumberPointView view = { .start_ns = point->start_ns, .time_ns = point->time_ns };
    if (point->value.type == CRYO_INTEGER)
        view.value = (NumberView){ .kind = NUMBER_INT, .integer = point->value.as.integer };
    else
        view.value = (NumberView){ .kind = NUMBER_DOUBLE, .real = point->value.as.real };
    encode_number_point(out, &view);
    encode_attributes_of(out, NUMBER_ATTRIBUTES, point->attributes);
}

static void encode_histogram(Buf *out, const CryoPointView *point)
{
    HistogramPointView view = {
        .start_ns = point->start_ns,
        .time_ns = point->time_ns,
        .count = point->count,
        .sum = point->sum,
        .min = point->min,
        .max = point->max,
        .has_sum = point->has_sum,
        .has_min = point->has_min,
        .has_max = point->has_max,
    };
    HistogramBuckets buckets = { .bounds = point->bounds,
                                 .counts = point->bucket_counts,
                                 .count_of_bounds = point->bound_count,
                                 .count_of_counts = point->bucket_count };
    encode_histogram_point(out, &view, &buckets);
    encode_attributes_of(out, HISTOGRAM_ATTRIBUTES, point->attributes);
}

static MetricKind wire_kind(CryoMetricKind kind)
{
    return kind == CRYO_METRIC_SUM     ? METRIC_SUM
           : kind == CRYO_METRIC_GAUGE ? METRIC_GAUGE
                                       : METRIC_HISTOGRAM;
}

static void encode_one(Buf *out, const CryoMetricView *metric)
{
    MetricView view = { .name = as_str(metric->name),
                        .description = as_str(metric->description),
                        .unit = as_str(metric->unit),
                        .kind = wire_kind(metric->kind),
                        .temporality = metric->delta ? TEMPORALITY_DELTA : TEMPORALITY_CUMULATIVE,
                        .is_monotonic = metric->monotonic };
    size_t item = wire_open(out, SCOPES_ITEM);
    encode_metric(out, &view);
    size_t data = wire_open(out, (uint32_t)view.kind);
    encode_data(out, &view);
    for (size_t i = 0; i < metric->point_count; i++) {
        size_t point = wire_open(out, DATA_POINTS);
        if (metric->kind == CRYO_METRIC_HISTOGRAM)
            encode_histogram(out, &metric->points[i]);
        else
            encode_number(out, &metric->points[i]);
        wire_close(out, point);
    }
    wire_close(out, data);
    wire_close(out, item);
}

static bool same_scope(const CryoMetricView *a, const CryoMetricView *b)
{
    return str_eq(as_str(a->scope_name), as_str(b->scope_name)) &&
           str_eq(as_str(a->scope_version), as_str(b->scope_version));
}

/* Meters are few: each one's first metric is found by looking back. */
static bool is_first_of_scope(const MetricBatch *batch, size_t i)
{
    for (size_t before = 0; before < i; before++)
        if (same_scope(&batch->metrics[before], &batch->metrics[i]))
            return false;
    return true;
}

static void encode_scope_of(Buf *out, const MetricBatch *batch, size_t first)
{
    const CryoMetricView *head = &batch->metrics[first];
    ScopeView scope = { .name = as_str(head->scope_name), .version = as_str(head->scope_version) };
    size_t scopes = wire_open(out, GROUP_SCOPES);
    encode_scope(out, &scope);
    for (size_t i = first; i < batch->count; i++)
        if (same_scope(&batch->metrics[i], head))
            encode_one(out, &batch->metrics[i]);
    wire_close(out, scopes);
}

bool metric_batch_encode(const MetricBatch *batch, Buf *out, Err *err)
{
    size_t group = wire_open(out, REQUEST_GROUP);
    wire_add_bytes(out, GROUP_RESOURCE, batch->resource->encoded);
    for (size_t i = 0; i < batch->count; i++)
        if (is_first_of_scope(batch, i))
            encode_scope_of(out, batch, i);
    if (batch->resource->schema_url.len)
        wire_add_bytes(out, GROUP_SCHEMA_URL, batch->resource->schema_url);
    wire_close(out, group);
    return buf_ok(out, err);
}
