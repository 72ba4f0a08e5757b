/* scrape_encode.c - a scrape as an ExportMetricsServiceRequest; see scrape_internal.h. */
#include "model/semconv.h"
#include "model/signal.h"
#include "otlp/encode.h"
#include "prom/scrape_internal.h"
#include "prom/translate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SCOPE_PREFIX "otel_scope_"

enum { SUMMARY_QUANTILES = 6, FLAG_ENDED = 1 };

static const char *type_text(ExpositionType type)
{
    static const char *const names[] = { "unknown",   "counter",  "gauge",
                                         "histogram", "summary",  "gaugehistogram",
                                         "info",      "stateset", "histogram" };
    return names[type];
}

static MetricKind kind_of(ExpositionType type)
{
    switch (type) {
    case EXPOSITION_COUNTER:
    case EXPOSITION_INFO:
    case EXPOSITION_STATESET: return METRIC_SUM;
    case EXPOSITION_HISTOGRAM: return METRIC_HISTOGRAM;
    case EXPOSITION_SUMMARY: return METRIC_SUMMARY;
    case EXPOSITION_NATIVE: return METRIC_EXPONENTIAL;
    case EXPOSITION_UNKNOWN:
    case EXPOSITION_GAUGE:
    case EXPOSITION_GAUGEHISTOGRAM: break;
    }
    return METRIC_GAUGE;
}

static void add_labels(Buf *out, uint32_t number, Labels labels)
{
    for (size_t i = 0; i < labels.count; i++)
        encode_text(out, number, labels.ptr[i].name, labels.ptr[i].value);
}

/* ---- points ---- */

static void add_exemplars(Buf *out, uint32_t number, const ScrapePoint *point)
{
    for (const ScrapeExemplar *at = point->stale ? NULL : point->exemplars; at; at = at->next) {
        ExemplarView view = { .time_ns = (uint64_t)at->time_ns,
                              .value = { .kind = NUMBER_DOUBLE, .real = at->value } };
        size_t opened = wire_open(out, number);
        for (size_t i = 0; i < at->labels.count; i++) {
            const Label *label = &at->labels.ptr[i];
            bool taken =
                (str_eq(label->name, STR("trace_id")) &&
                 trace_id_parse(label->value, &view.trace_id)) ||
                (str_eq(label->name, STR("span_id")) && span_id_parse(label->value, &view.span_id));
            if (!taken)
                encode_text(out, EXEMPLAR_ATTRIBUTES, label->name, label->value);
        }
        encode_exemplar(out, &view);
        wire_close(out, opened);
    }
}

static void add_number(Buf *out, const ScrapePoint *point)
{
    NumberPointView view = { .start_ns = (uint64_t)point->start_ns,
                             .time_ns = (uint64_t)point->time_ns };
    if (point->stale)
        view.flags = FLAG_ENDED;
    else
        view.value = (NumberView){ .kind = NUMBER_DOUBLE, .real = point->value };
    size_t opened = wire_open(out, DATA_POINTS);
    encode_number_point(out, &view);
    add_exemplars(out, NUMBER_EXEMPLARS, point);
    add_labels(out, NUMBER_ATTRIBUTES, point->labels);
    wire_close(out, opened);
}

static int compare_bounds(const void *a, const void *b)
{
    double left = ((const ScrapeBound *)a)->bound, right = ((const ScrapeBound *)b)->bound;
    return (left > right) - (left < right);
}

/* Buckets in order, counts that only rise, none above the whole: else it is none. */
static bool is_histogram(const ScrapePoint *point, size_t bounds)
{
    double before = 0;
    for (size_t i = 0; i < bounds; i++) {
        if (i > 0 && !(point->bounds[i].bound > point->bounds[i - 1].bound))
            return false;
        if (!(point->bounds[i].value >= before))
            return false;
        before = point->bounds[i].value;
    }
    return point->has_count && point->count >= before && point->count < 0x1p63;
}

/* The buckets below +Inf; that one is the count, where there is no other. */
static size_t finite_bounds(ScrapePoint *point)
{
    size_t count = point->bound_count;
    if (count)
        qsort(point->bounds, count, sizeof *point->bounds, compare_bounds);
    if (!count || !(isinf(point->bounds[count - 1].bound) && point->bounds[count - 1].bound > 0))
        return count;
    if (!point->has_count)
        point->count = point->bounds[count - 1].value;
    point->has_count = true;
    return count - 1;
}

static void add_buckets(Buf *out, const ScrapePoint *point, size_t bounds)
{
    size_t opened = wire_open(out, 6);
    double before = 0;
    for (size_t i = 0; i <= bounds; i++) {
        double value = i < bounds ? point->bounds[i].value : point->count;
        uint64_t count = point->stale ? 0 : (uint64_t)(value - before);
        char bytes[sizeof count];
        wire_put_u64(bytes, count);
        buf_add(out, (Str){ bytes, sizeof bytes });
        before = value;
    }
    wire_close(out, opened);
    opened = wire_open(out, 7);
    for (size_t i = 0; i < bounds; i++) {
        uint64_t bits;
        char bytes[sizeof bits];
        memcpy(&bits, &point->bounds[i].bound, sizeof bits);
        wire_put_u64(bytes, bits);
        buf_add(out, (Str){ bytes, sizeof bytes });
    }
    wire_close(out, opened);
}

static bool add_histogram(Buf *out, ScrapePoint *point)
{
    size_t bounds = finite_bounds(point);
    if (!point->stale && !is_histogram(point, bounds))
        return false;
    HistogramPointView view = { .start_ns = (uint64_t)point->start_ns,
                                .time_ns = (uint64_t)point->time_ns,
                                .flags = point->stale ? FLAG_ENDED : 0 };
    if (!point->stale) {
        view.count = (uint64_t)point->count;
        view.sum = point->sum;
        view.has_sum = point->has_sum;
    }
    size_t opened = wire_open(out, DATA_POINTS);
    encode_histogram_point(out, &view, &(HistogramBuckets){ 0 });
    add_buckets(out, point, bounds);
    add_exemplars(out, HISTOGRAM_EXEMPLARS, point);
    add_labels(out, HISTOGRAM_ATTRIBUTES, point->labels);
    wire_close(out, opened);
    return true;
}

/* Prometheus' bucket i is OTLP's i - 1: both are named by a bound, one by the upper, one by the
 * lower. */
static void add_side(Buf *out, uint32_t number, const NativeBuckets *buckets)
{
    if (!buckets->count)
        return;
    size_t opened = wire_open(out, number);
    wire_add_sint(out, 1, (int64_t)buckets->first - 1);
    wire_add_packed_varint(out, 2, buckets->counts, buckets->count);
    wire_close(out, opened);
}

static void add_native(Buf *out, const ScrapePoint *point)
{
    const NativeHistogram *native = point->native;
    size_t opened = wire_open(out, DATA_POINTS);
    add_labels(out, EXPONENTIAL_ATTRIBUTES, point->labels);
    wire_add_fixed64(out, 2, (uint64_t)point->start_ns);
    wire_add_fixed64(out, 3, (uint64_t)point->time_ns);
    if (point->stale) {
        wire_add_varint(out, 10, FLAG_ENDED);
    } else {
        wire_add_fixed64(out, 4, native->count);
        wire_add_double(out, 5, native->sum);
        wire_add_sint(out, 6, native->schema);
        wire_add_fixed64(out, 7, native->zero_count);
        add_side(out, 8, &native->positive);
        add_side(out, 9, &native->negative);
        add_exemplars(out, EXPONENTIAL_EXEMPLARS, point);
        wire_add_double(out, 14, native->zero_threshold);
    }
    wire_close(out, opened);
}

static bool add_summary(Buf *out, const ScrapePoint *point)
{
    if (!point->stale && !(point->has_count && point->count >= 0 && point->count < 0x1p63))
        return false;
    size_t opened = wire_open(out, DATA_POINTS);
    wire_add_fixed64(out, 2, (uint64_t)point->start_ns);
    wire_add_fixed64(out, 3, (uint64_t)point->time_ns);
    if (!point->stale) {
        wire_add_fixed64(out, 4, (uint64_t)point->count);
        wire_add_double(out, 5, point->sum);
    }
    for (size_t i = 0; i < point->bound_count; i++) {
        size_t quantile = wire_open(out, SUMMARY_QUANTILES);
        wire_add_double(out, 1, point->bounds[i].bound);
        if (!point->stale)
            wire_add_double(out, 2, point->bounds[i].value);
        wire_close(out, quantile);
    }
    add_labels(out, SUMMARY_ATTRIBUTES, point->labels);
    if (point->stale)
        wire_add_varint(out, 8, FLAG_ENDED);
    wire_close(out, opened);
    return true;
}

static void add_point(Buf *out, MetricKind kind, ScrapePoint *point, size_t *dropped)
{
    bool ok = true;
    if (kind == METRIC_HISTOGRAM)
        ok = add_histogram(out, point);
    else if (kind == METRIC_SUMMARY)
        ok = add_summary(out, point);
    else if (kind == METRIC_EXPONENTIAL)
        add_native(out, point);
    else if (point->has_value || point->stale)
        add_number(out, point);
    *dropped += !ok;
}

/* ---- what is around them ---- */

/* Without "_total" of a counter and without the unit, as long as something is left. */
static Str trimmed(const ScrapeFamily *family)
{
    Str name = family->name, unit = family->meta ? family->meta->unit : STR("");
    if (family->type == EXPOSITION_COUNTER && str_ends(name, STR("_total")) && name.len > 6)
        name.len -= 6;
    bool ends = unit.len && str_ends(name, unit) && name.len > unit.len + 1;
    if (ends && name.ptr[name.len - unit.len - 1] == '_')
        name.len -= unit.len + 1;
    return name;
}

static void add_metric(Buf *out, const ScrapeFamily *family, bool trim, size_t *dropped)
{
    MetricView view = { .name = trim ? trimmed(family) : family->name,
                        .kind = kind_of(family->type),
                        .temporality = TEMPORALITY_CUMULATIVE,
                        .is_monotonic = family->type == EXPOSITION_COUNTER };
    Buf unit = BUF(EXPOSITION_LINE_MAX);
    if (family->meta) {
        unit_from_name(family->meta->unit, &unit);
        view.description = family->meta->help;
        view.unit = buf_str(&unit);
    }
    size_t opened = wire_open(out, SCOPES_ITEM);
    encode_metric(out, &view);
    size_t data = wire_open(out, view.kind);
    for (ScrapePoint *point = family->first; point; point = point->next)
        add_point(out, view.kind, point, dropped);
    encode_data(out, &view);
    wire_close(out, data);
    encode_text(out, METRIC_METADATA, STR("prometheus.type"), str_from(type_text(family->type)));
    wire_close(out, opened);
    out->failed = out->failed || unit.failed;
    buf_free(&unit);
}

static Str scope_part(Labels labels, const char *name)
{
    return labels_get(labels, str_from(name));
}

static void add_scope(Buf *out, const ScrapeScope *scope, bool trim, size_t *dropped)
{
    static const Str prefix = STR_ROW(SCOPE_PREFIX);
    ScopeView view = { .name = scope_part(scope->labels, SCOPE_PREFIX "name"),
                       .version = scope_part(scope->labels, SCOPE_PREFIX "version"),
                       .schema_url = scope_part(scope->labels, SCOPE_PREFIX "schema_url") };
    size_t opened = wire_open(out, GROUP_SCOPES);
    size_t inner = wire_open(out, SCOPES_SCOPE);
    encode_scope_fields(out, &view);
    for (size_t i = 0; i < scope->labels.count; i++) {
        Str name = str_skip(scope->labels.ptr[i].name, prefix.len);
        if (!str_eq(name, STR("name")) && !str_eq(name, STR("version")) &&
            !str_eq(name, STR("schema_url")))
            encode_text(out, SCOPE_ATTRIBUTES, name, scope->labels.ptr[i].value);
    }
    wire_close(out, inner);
    for (const ScrapeFamily *family = scope->first; family; family = family->next)
        if (family->first)
            add_metric(out, family, trim, dropped);
    if (view.schema_url.len)
        wire_add_bytes(out, SCOPES_SCHEMA_URL, view.schema_url);
    wire_close(out, opened);
}

static void add_attribute(Buf *out, const char *key, Str value)
{
    if (value.len)
        encode_text(out, RESOURCE_ATTRIBUTES, str_from(key), value);
}

static void add_resource(Buf *out, const ScrapeResource *resource, const ScrapeSettings *settings)
{
    size_t opened = wire_open(out, GROUP_RESOURCE);
    add_attribute(out, ATTR_SERVICE_NAME, resource->job);
    add_attribute(out, ATTR_SERVICE_INSTANCE_ID, resource->instance);
    add_attribute(out, "server.address", settings->host);
    add_attribute(out, "server.port", settings->port);
    add_attribute(out, "url.scheme", settings->scheme);
    add_labels(out, RESOURCE_ATTRIBUTES, resource->info);
    wire_close(out, opened);
}

static bool has_points(const ScrapeResource *resource)
{
    for (const ScrapeScope *scope = resource->first; scope; scope = scope->next)
        for (const ScrapeFamily *family = scope->first; family; family = family->next)
            if (family->first)
                return true;
    return false;
}

void scrape_encode(const Scrape *scrape, const ScrapeSettings *settings, Buf *out, size_t *dropped)
{
    for (const ScrapeResource *resource = scrape->first; resource; resource = resource->next) {
        if (!has_points(resource))
            continue;
        size_t opened = wire_open(out, REQUEST_GROUP);
        add_resource(out, resource, settings);
        for (const ScrapeScope *scope = resource->first; scope; scope = scope->next)
            add_scope(out, scope, settings->trim_suffixes, dropped);
        wire_close(out, opened);
    }
}
