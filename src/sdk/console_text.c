/* console_text.c - spans, metrics and log records as lines for people; see console_text.h. */
#include "sdk/console_text.h"

#include "base/clock.h"
#include "sdk/value_print.h"

#include <inttypes.h>
#include <string.h>

static const char *kind_name(CryoKind kind)
{
    static const char *const names[] = {
        "", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"
    };
    return kind <= CRYO_CONSUMER ? names[kind] : "";
}

/* Text from telemetry must not steer the terminal. */
static void add_plain(Buf *out, CryoString text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        buf_add_byte(out, c < 0x20 || c == 0x7F ? ' ' : text.ptr[i]);
    }
}

static void add_attributes(Buf *out, CryoAttrs attributes, const char *before)
{
    for (size_t i = 0; i < attributes.count; i++) {
        JsonWriter json = json_writer(out);
        buf_add(out, str_from(before));
        add_plain(out, attributes.ptr[i].key);
        buf_add(out, STR(" = "));
        value_print(&json, &attributes.ptr[i].value);
    }
}

static void add_millis(Buf *out, uint64_t from_ns, uint64_t to_ns)
{
    int64_t micros = (int64_t)(to_ns - from_ns) / NANOS_PER_MICRO;
    int64_t size = micros < 0 ? -micros : micros;
    buf_addf(out, "%s%" PRId64 ".%03" PRId64 " ms", micros < 0 ? "-" : "", size / 1000,
             size % 1000);
}

static void add_head(Buf *out, const CryoSpanView *span)
{
    char at[TIME_TEXT_SIZE];
    static const uint8_t none[8];
    add_plain(out, span->name);
    buf_addf(out, "  %s  ", kind_name(span->kind));
    add_millis(out, span->start_ns, span->end_ns);
    if (span->status == CRYO_STATUS_OK)
        buf_add(out, STR("  OK"));
    if (span->status == CRYO_STATUS_ERROR) {
        buf_add(out, span->status_description.len ? STR("  ERROR: ") : STR("  ERROR"));
        add_plain(out, span->status_description);
    }
    buf_addf(out, "\n  %s  trace ", time_text((int64_t)span->start_ns, at));
    buf_add_hex(out, span->trace_id, sizeof span->trace_id);
    buf_add(out, STR("  span "));
    buf_add_hex(out, span->span_id, sizeof span->span_id);
    if (memcmp(span->parent_span_id, none, sizeof none) != 0) {
        buf_add(out, STR("  parent "));
        buf_add_hex(out, span->parent_span_id, sizeof span->parent_span_id);
    }
}

static void add_dropped(Buf *out, const CryoSpanView *span)
{
    if (span->dropped_attributes || span->dropped_events || span->dropped_links)
        buf_addf(out, "\n  dropped: %u attributes, %u events, %u links", span->dropped_attributes,
                 span->dropped_events, span->dropped_links);
}

void console_span(Buf *out, const CryoSpanView *span)
{
    add_head(out, span);
    add_attributes(out, span->attributes, "\n  ");
    for (size_t i = 0; i < span->event_count; i++) {
        buf_add(out, STR("\n  event +"));
        add_millis(out, span->start_ns, span->events[i].time_ns);
        buf_add(out, STR("  "));
        add_plain(out, span->events[i].name);
        add_attributes(out, span->events[i].attributes, "  ");
    }
    for (size_t i = 0; i < span->link_count; i++) {
        buf_add(out, STR("\n  link  trace "));
        buf_add_hex(out, span->links[i].trace_id, sizeof span->links[i].trace_id);
        buf_add(out, STR("  span "));
        buf_add_hex(out, span->links[i].span_id, sizeof span->links[i].span_id);
        add_attributes(out, span->links[i].attributes, "  ");
    }
    add_dropped(out, span);
    buf_add_byte(out, '\n');
}

/* ---- metrics --------------------------------------------------------------------------------- */

static void add_number(Buf *out, double number)
{
    JsonWriter json = json_writer(out);
    json_double(&json, number);
}

static void add_optional(Buf *out, const char *name, bool is_there, double number)
{
    if (!is_there)
        return;
    buf_addf(out, "  %s ", name);
    add_number(out, number);
}

static void add_buckets(Buf *out, const CryoPointView *point)
{
    for (size_t i = 0; i < point->bucket_count; i++) {
        if (point->bucket_counts[i] == 0)
            continue;
        bool last = i >= point->bound_count;
        buf_addf(out, "\n    %s ", last ? ">" : "<=");
        if (!last || point->bound_count > 0)
            add_number(out, point->bounds[last ? point->bound_count - 1 : i]);
        buf_addf(out, "  %" PRIu64, point->bucket_counts[i]);
    }
}

static void add_point(Buf *out, const CryoMetricView *metric, const CryoPointView *point)
{
    buf_add(out, STR("\n "));
    if (metric->kind == CRYO_METRIC_HISTOGRAM) {
        buf_addf(out, " count %" PRIu64, point->count);
        add_optional(out, "sum", point->has_sum, point->sum);
        add_optional(out, "min", point->has_min, point->min);
        add_optional(out, "max", point->has_max, point->max);
        add_attributes(out, point->attributes, "  ");
        add_buckets(out, point);
        return;
    }
    JsonWriter json = json_writer(out);
    buf_add_byte(out, ' ');
    value_print(&json, &point->value);
    add_attributes(out, point->attributes, "  ");
}

void console_metric(Buf *out, const CryoMetricView *metric)
{
    static const char *const kinds[] = { "GAUGE", "SUM", "HISTOGRAM" };
    char at[TIME_TEXT_SIZE];
    add_plain(out, metric->name);
    buf_addf(out, "  %s", metric->kind <= CRYO_METRIC_HISTOGRAM ? kinds[metric->kind] : "");
    if (metric->unit.len) {
        buf_add(out, STR("  "));
        add_plain(out, metric->unit);
    }
    if (metric->kind != CRYO_METRIC_GAUGE)
        buf_add(out, metric->delta ? STR("  since the last") : STR("  since the start"));
    if (metric->point_count)
        buf_addf(out, "\n  %s", time_text((int64_t)metric->points[0].time_ns, at));
    for (size_t i = 0; i < metric->point_count; i++)
        add_point(out, metric, &metric->points[i]);
    buf_add_byte(out, '\n');
}

/* ---- logs ------------------------------------------------------------------------------------ */

static bool is_zero(const uint8_t *bytes, size_t len)
{
    size_t i = 0;
    while (i < len && bytes[i] == 0)
        i++;
    return i == len;
}

static void add_body(Buf *out, const CryoValue *body)
{
    JsonWriter json = json_writer(out);
    if (body->type == CRYO_STRING)
        add_plain(out, body->as.string);
    else if (body->type != CRYO_EMPTY)
        value_print(&json, body);
}

void console_log(Buf *out, const CryoLogView *log)
{
    char at[TIME_TEXT_SIZE];
    Str severity = log->severity > 0 ? severity_name((uint64_t)log->severity) : STR("-");
    buf_add(out,
            str_from(time_text((int64_t)(log->time_ns ? log->time_ns : log->observed_ns), at)));
    buf_addf(out, "  %.*s  ", STR_ARG(severity));
    if (log->event_name.len) {
        add_plain(out, log->event_name);
        buf_add(out, STR("  "));
    }
    add_body(out, &log->body);
    add_attributes(out, log->attributes, "  ");
    if (log->dropped_attributes)
        buf_addf(out, "  dropped: %u attributes", log->dropped_attributes);
    if (!is_zero(log->trace_id, sizeof log->trace_id)) {
        buf_add(out, STR("  trace "));
        buf_add_hex(out, log->trace_id, sizeof log->trace_id);
        buf_add(out, STR("  span "));
        buf_add_hex(out, log->span_id, sizeof log->span_id);
    }
    buf_add_byte(out, '\n');
}
