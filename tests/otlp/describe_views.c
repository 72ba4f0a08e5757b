/* describe_views.c - everything that the views show of a batch; see describe_views.h. */
#include "otlp/describe_views.h"

#include "otlp/metric_view.h"
#include "otlp/value_text.h"

#include <inttypes.h>

static void add_id(Buf *out, const char *name, const void *bytes, size_t size)
{
    buf_addf(out, " %s=", name);
    buf_add_hex(out, bytes, size);
}

static void add_str(Buf *out, const char *name, Str text)
{
    buf_addf(out, " %s='%.*s'", name, STR_ARG(text));
}

static void add_value(Buf *out, const ValueView *value)
{
    buf_addf(out, "<%d>", (int)value->kind);
    value_text(value, out);
}

static void add_attributes(Buf *out, Attributes list)
{
    AttributeView attribute;
    buf_addf(out, " {");
    while (attributes_next(&list, &attribute)) {
        add_str(out, "", attribute.key);
        add_value(out, &attribute.value);
    }
    buf_addf(out, " }\n");
}

static void add_span(Buf *out, SpanView span)
{
    EventView event;
    LinkView link;
    add_id(out, "trace", &span.trace_id, sizeof span.trace_id);
    add_id(out, "span", &span.span_id, sizeof span.span_id);
    add_id(out, "parent", &span.parent_span_id, sizeof span.parent_span_id);
    add_str(out, "state", span.trace_state);
    add_str(out, "name", span.name);
    add_str(out, "message", span.status_message);
    buf_addf(out, " %" PRIu64 " %" PRIu64 " %u %u %u %u %u %u", span.start_ns, span.end_ns,
             span.kind, span.status_code, span.flags, span.dropped_attributes, span.dropped_events,
             span.dropped_links);
    add_attributes(out, span.attributes);
    while (event_next(&span.events, &event)) {
        add_str(out, "event", event.name);
        buf_addf(out, " %" PRIu64 " %u", event.time_ns, event.dropped_attributes);
        add_attributes(out, event.attributes);
    }
    while (link_next(&span.links, &link)) {
        add_id(out, "link", &link.trace_id, sizeof link.trace_id);
        add_id(out, "span", &link.span_id, sizeof link.span_id);
        add_str(out, "state", link.trace_state);
        buf_addf(out, " %u %u", link.dropped_attributes, link.flags);
        add_attributes(out, link.attributes);
    }
}

static void add_log(Buf *out, LogView log)
{
    buf_addf(out, " %" PRIu64 " %" PRIu64 " %u %u %u", log.time_ns, log.observed_ns,
             log.severity_number, log.dropped_attributes, log.flags);
    add_str(out, "severity", log.severity_text);
    add_str(out, "event", log.event_name);
    add_value(out, &log.body);
    add_id(out, "trace", &log.trace_id, sizeof log.trace_id);
    add_id(out, "span", &log.span_id, sizeof log.span_id);
    add_attributes(out, log.attributes);
}

static void add_number(Buf *out, NumberView number)
{
    if (number.kind == NUMBER_INT)
        buf_addf(out, " int %" PRId64, number.integer);
    else if (number.kind == NUMBER_DOUBLE)
        buf_addf(out, " double %a", number.real);
}

static void add_exemplars(Buf *out, Fields exemplars)
{
    ExemplarView exemplar;
    while (exemplar_next(&exemplars, &exemplar)) {
        buf_addf(out, " exemplar %" PRIu64, exemplar.time_ns);
        add_number(out, exemplar.value);
        add_id(out, "trace", &exemplar.trace_id, sizeof exemplar.trace_id);
        add_id(out, "span", &exemplar.span_id, sizeof exemplar.span_id);
        add_attributes(out, exemplar.filtered_attributes);
    }
}

static void add_optional(Buf *out, bool has, double value)
{
    if (has)
        buf_addf(out, " %a", value);
    else
        buf_addf(out, " none");
}

static void add_histogram(Buf *out, HistogramPointView point)
{
    uint64_t count;
    double bound;
    buf_addf(out, " %" PRIu64 " %" PRIu64 " %" PRIu64 " %u", point.start_ns, point.time_ns,
             point.count, point.flags);
    add_optional(out, point.has_sum, point.sum);
    add_optional(out, point.has_min, point.min);
    add_optional(out, point.has_max, point.max);
    while (numbers_next_u64(&point.bucket_counts, &count))
        buf_addf(out, " n%" PRIu64, count);
    while (numbers_next_double(&point.explicit_bounds, &bound))
        buf_addf(out, " b%a", bound);
    add_attributes(out, point.attributes);
    add_exemplars(out, point.exemplars);
}

static void add_buckets(Buf *out, BucketsView buckets)
{
    uint64_t count;
    buf_addf(out, " at %d", buckets.offset);
    while (numbers_next_varint(&buckets.counts, &count))
        buf_addf(out, " n%" PRIu64, count);
}

static void add_exponential(Buf *out, ExponentialPointView point)
{
    buf_addf(out, " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %a %d %u", point.start_ns,
             point.time_ns, point.count, point.zero_count, point.zero_threshold, point.scale,
             point.flags);
    add_optional(out, point.has_sum, point.sum);
    add_optional(out, point.has_min, point.min);
    add_optional(out, point.has_max, point.max);
    add_buckets(out, point.positive);
    add_buckets(out, point.negative);
    add_attributes(out, point.attributes);
    add_exemplars(out, point.exemplars);
}

static void add_summary(Buf *out, SummaryPointView point)
{
    QuantileView quantile;
    buf_addf(out, " %" PRIu64 " %" PRIu64 " %" PRIu64 " %a %u", point.start_ns, point.time_ns,
             point.count, point.sum, point.flags);
    while (quantile_next(&point.quantiles, &quantile))
        buf_addf(out, " q%a=%a", quantile.quantile, quantile.value);
    add_attributes(out, point.attributes);
}

static void add_number_point(Buf *out, NumberPointView point)
{
    buf_addf(out, " %" PRIu64 " %" PRIu64 " %u", point.start_ns, point.time_ns, point.flags);
    add_number(out, point.value);
    add_attributes(out, point.attributes);
    add_exemplars(out, point.exemplars);
}

static void add_metric(Buf *out, const Batch *batch, size_t m)
{
    MetricView metric = metric_view(batch, m);
    buf_addf(out, "metric %d %u %d", (int)metric.kind, metric.temporality, metric.is_monotonic);
    add_str(out, "name", metric.name);
    add_str(out, "description", metric.description);
    add_str(out, "unit", metric.unit);
    add_attributes(out, metric.metadata);
    for (size_t i = metric.first_item; i < metric.end_item; i++)
        switch (metric.kind) {
        case METRIC_HISTOGRAM: add_histogram(out, histogram_point_view(batch, i)); break;
        case METRIC_EXPONENTIAL: add_exponential(out, exponential_point_view(batch, i)); break;
        case METRIC_SUMMARY: add_summary(out, summary_point_view(batch, i)); break;
        case METRIC_GAUGE:
        case METRIC_SUM:
        case METRIC_EMPTY:
        default: add_number_point(out, number_point_view(batch, i));
        }
}

static void add_scope(Buf *out, const Batch *batch, size_t s)
{
    ScopeView scope = scope_view(batch, s);
    buf_addf(out, "scope %u", scope.dropped_attributes);
    add_str(out, "name", scope.name);
    add_str(out, "version", scope.version);
    add_str(out, "schema", scope.schema_url);
    add_attributes(out, scope.attributes);
    for (size_t m = scope.first_metric; m < scope.end_metric; m++)
        add_metric(out, batch, m);
    for (size_t i = scope.first_item; i < scope.end_item; i++)
        if (batch_signal(batch) == TRACES)
            add_span(out, span_view(batch, i));
        else if (batch_signal(batch) == LOGS)
            add_log(out, log_view(batch, i));
}

void describe_views(const Batch *batch, Buf *out)
{
    for (size_t r = 0; r < batch_resource_count(batch); r++) {
        ResourceView resource = resource_view(batch, r);
        buf_addf(out, "resource %u, %zu entities", resource.dropped_attributes,
                 fields_count(resource.entity_refs));
        add_str(out, "schema", resource.schema_url);
        add_attributes(out, resource.attributes);
        for (size_t s = resource.first_scope; s < resource.end_scope; s++)
            add_scope(out, batch, s);
    }
}
