/* debug_normal.c - a line for each resource, scope and item; see debug_text.h. */
#include "exporters/debug/debug_text.h"

#include "otlp/metric_view.h"
#include "otlp/value_text.h"
#include "otlp/view.h"

#include <inttypes.h>
#include <string.h>

void debug_add_text(Buf *out, Str text)
{
    while (text.len) {
        size_t plain = 0;
        while (plain < text.len && (unsigned char)text.ptr[plain] >= ' ' && text.ptr[plain] != 127)
            plain++;
        buf_add(out, str_first(text, plain));
        text = str_skip(text, plain);
        if (text.len) {
            buf_addf(out, "\\x%02x", (unsigned char)text.ptr[0]);
            text = str_skip(text, 1);
        }
    }
}

void debug_add_id(Buf *out, const void *bytes, size_t size)
{
    static const uint8_t none[16];
    if (memcmp(bytes, none, size) != 0)
        buf_add_hex(out, bytes, size);
}

void debug_add_value(Buf *out, const ValueView *value)
{
    Buf text = BUF(out->max);
    value_text(value, &text);
    debug_add_text(out, buf_str(&text));
    buf_free(&text);
}

static void debug_add_pairs(Buf *out, Attributes list, Str before)
{
    AttributeView attribute;
    while (attributes_next(&list, &attribute)) {
        buf_add(out, before);
        debug_add_text(out, attribute.key);
        buf_add_byte(out, '=');
        debug_add_value(out, &attribute.value);
    }
}

static void add_schema(Buf *out, Str url)
{
    if (!url.len)
        return;
    buf_add(out, STR(" ["));
    debug_add_text(out, url);
    buf_add_byte(out, ']');
}

static void add_resource(Buf *out, const char *title, size_t number, const ResourceView *resource)
{
    buf_addf(out, "%s #%zu", title, number);
    add_schema(out, resource->schema_url);
    debug_add_pairs(out, resource->attributes, STR(" "));
    buf_add_byte(out, '\n');
}

static void add_scope(Buf *out, const char *title, size_t number, const ScopeView *scope)
{
    buf_addf(out, "%s #%zu", title, number);
    if (scope->name.len) {
        buf_add_byte(out, ' ');
        debug_add_text(out, scope->name);
    }
    if (scope->version.len) {
        buf_add_byte(out, '@');
        debug_add_text(out, scope->version);
    }
    add_schema(out, scope->schema_url);
    debug_add_pairs(out, scope->attributes, STR(" "));
    buf_add_byte(out, '\n');
}

static void add_span(Buf *out, const Batch *batch, size_t item)
{
    SpanView span = span_view(batch, item);
    debug_add_text(out, span.name);
    buf_add_byte(out, ' ');
    debug_add_id(out, span.trace_id.bytes, sizeof span.trace_id);
    buf_add_byte(out, ' ');
    debug_add_id(out, span.span_id.bytes, sizeof span.span_id);
    debug_add_pairs(out, span.attributes, STR(" "));
    buf_add_byte(out, '\n');
}

static void add_log(Buf *out, const Batch *batch, size_t item)
{
    LogView log = log_view(batch, item);
    debug_add_value(out, &log.body);
    buf_add_byte(out, ' ');
    Buf pairs = BUF(out->max);
    debug_add_pairs(&pairs, log.attributes, STR(" "));
    buf_add(out, str_skip(buf_str(&pairs), 1));
    buf_free(&pairs);
    buf_add_byte(out, '\n');
}

/* ---- points
 * ---------------------------------------------------------------------------------------- */

static void add_number(Buf *out, const Batch *batch, size_t item)
{
    NumberPointView point = number_point_view(batch, item);
    if (point.value.kind == NUMBER_INT)
        buf_addf(out, "%" PRId64, point.value.integer);
    else if (point.value.kind == NUMBER_DOUBLE)
        buf_addf(out, "%g", point.value.real);
}

static void add_histogram(Buf *out, const Batch *batch, size_t item)
{
    HistogramPointView point = histogram_point_view(batch, item);
    buf_addf(out, "count=%" PRIu64, point.count);
    if (point.has_sum)
        buf_addf(out, " sum=%g", point.sum);
    if (point.has_min)
        buf_addf(out, " min=%g", point.min);
    if (point.has_max)
        buf_addf(out, " max=%g", point.max);
    uint64_t count;
    double bound;
    while (numbers_next_u64(&point.bucket_counts, &count)) {
        if (numbers_next_double(&point.explicit_bounds, &bound))
            buf_addf(out, " le%g=%" PRIu64, bound, count);
        else
            buf_addf(out, " %" PRIu64, count);
    }
}

static void add_exponential(Buf *out, const Batch *batch, size_t item)
{
    ExponentialPointView point = exponential_point_view(batch, item);
    buf_addf(out, "count=%" PRIu64, point.count);
    if (point.has_sum)
        buf_addf(out, " sum=%g", point.sum);
    if (point.has_min)
        buf_addf(out, " min=%g", point.min);
    if (point.has_max)
        buf_addf(out, " max=%g", point.max);
    if (point.zero_count)
        buf_addf(out, " zero=%" PRIu64, point.zero_count);
}

static void add_summary(Buf *out, const Batch *batch, size_t item)
{
    SummaryPointView point = summary_point_view(batch, item);
    buf_addf(out, "count=%" PRIu64 " sum=%f", point.count, point.sum);
    QuantileView quantile;
    while (quantile_next(&point.quantiles, &quantile))
        buf_addf(out, " q%g=%g", quantile.quantile, quantile.value);
}

static void add_metric(Buf *out, const Batch *batch, size_t number)
{
    MetricView metric = metric_view(batch, number);
    for (size_t item = metric.first_item; item < metric.end_item; item++) {
        debug_add_text(out, metric.name);
        Buf pairs = BUF(out->max);
        debug_add_pairs(&pairs, item_attributes(batch, item), STR(","));
        buf_add_byte(out, '{');
        buf_add(out, str_skip(buf_str(&pairs), 1));
        buf_add(out, STR("} "));
        buf_free(&pairs);
        switch (metric.kind) {
        case METRIC_GAUGE:
        case METRIC_SUM: add_number(out, batch, item); break;
        case METRIC_HISTOGRAM: add_histogram(out, batch, item); break;
        case METRIC_EXPONENTIAL: add_exponential(out, batch, item); break;
        case METRIC_SUMMARY: add_summary(out, batch, item); break;
        case METRIC_EMPTY: break;
        }
        buf_add_byte(out, '\n');
    }
}

static void add_content(Buf *out, const Batch *batch, const ScopeView *scope)
{
    switch (batch_signal(batch)) {
    case TRACES:
        for (size_t i = scope->first_item; i < scope->end_item; i++)
            add_span(out, batch, i);
        break;
    case METRICS:
        for (size_t i = scope->first_metric; i < scope->end_metric; i++)
            add_metric(out, batch, i);
        break;
    case LOGS:
        for (size_t i = scope->first_item; i < scope->end_item; i++)
            add_log(out, batch, i);
        break;
    }
}

void debug_normal(const Batch *batch, Buf *out)
{
    Signal signal = batch_signal(batch);
    const char *resource_title = signal == TRACES    ? "ResourceTraces"
                                 : signal == METRICS ? "ResourceMetrics"
                                                     : "ResourceLog";
    const char *scope_title = signal == TRACES    ? "ScopeTraces"
                              : signal == METRICS ? "ScopeMetrics"
                                                  : "ScopeLog";
    for (size_t r = 0; r < batch_resource_count(batch); r++) {
        ResourceView resource = resource_view(batch, r);
        add_resource(out, resource_title, r, &resource);
        for (size_t s = resource.first_scope; s < resource.end_scope; s++) {
            ScopeView scope = scope_view(batch, s);
            add_scope(out, scope_title, s - resource.first_scope, &scope);
            add_content(out, batch, &scope);
        }
    }
}
