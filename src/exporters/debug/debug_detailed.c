/* debug_detailed.c - everything that a batch of traces or logs holds; see debug_text.h.
 *
 * The layout is the public Collector's, down to its spaces and its double colon, because people
 * compare and grep it. Metrics are in debug_points.c.
 */
#include "exporters/debug/debug_detailed_internal.h"

#include "exporters/debug/debug_text.h"
#include "otlp/view.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

void detail_text(Buf *out, const char *label, Str text)
{
    buf_add(out, str_from(label));
    debug_add_text(out, text);
    buf_add_byte(out, '\n');
}

/* 2020-02-11 20:26:12.000000321 +0000 UTC, without zeros at the end of the fraction. */
void detail_time(Buf *out, const char *label, uint64_t ns)
{
    time_t seconds = (time_t)(ns / 1000000000);
    struct tm utc;
    char text[48];
    gmtime_r(&seconds, &utc);
    size_t len = strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &utc);
    buf_addf(out, "%s%.*s", label, (int)len, text);
    if (ns % 1000000000) {
        int digits = snprintf(text, sizeof text, ".%09u", (unsigned)(ns % 1000000000));
        while (text[digits - 1] == '0')
            digits--;
        buf_add(out, (Str){ text, (size_t)digits });
    }
    buf_add(out, STR(" +0000 UTC\n"));
}

static void detail_value(Buf *out, const ValueView *value)
{
    static const char *const names[] = {
        [VALUE_EMPTY] = "Empty", [VALUE_STRING] = "Str",    [VALUE_BOOL] = "Bool",
        [VALUE_INT] = "Int",     [VALUE_DOUBLE] = "Double", [VALUE_BYTES] = "Bytes",
        [VALUE_ARRAY] = "Slice", [VALUE_KVLIST] = "Map",
    };
    buf_addf(out, "%s(", names[value->kind]);
    debug_add_value(out, value);
    buf_add_byte(out, ')');
}

void detail_attributes(Buf *out, const char *title, Attributes list, const char *indent)
{
    AttributeView attribute;
    bool first = true;
    while (attributes_next(&list, &attribute)) {
        if (first)
            buf_addf(out, "%s\n", title);
        first = false;
        buf_addf(out, "%s-> ", indent);
        debug_add_text(out, attribute.key);
        buf_add(out, STR(": "));
        detail_value(out, &attribute.value);
        buf_add_byte(out, '\n');
    }
}

static void add_hex(Buf *out, const char *label, const void *bytes, size_t size)
{
    buf_add(out, str_from(label));
    debug_add_id(out, bytes, size);
    buf_add_byte(out, '\n');
}

static void add_event(Buf *out, const EventView *event, size_t number)
{
    buf_addf(out, "SpanEvent #%zu\n", number);
    detail_text(out, "     -> Name: ", event->name);
    detail_time(out, "     -> Timestamp: ", event->time_ns);
    buf_addf(out, "     -> DroppedAttributesCount: %" PRIu32 "\n", event->dropped_attributes);
    detail_attributes(out, "     -> Attributes::", event->attributes, "          ");
}

static void add_link(Buf *out, const LinkView *link, size_t number)
{
    buf_addf(out, "SpanLink #%zu\n", number);
    add_hex(out, "     -> Trace ID: ", link->trace_id.bytes, sizeof link->trace_id);
    add_hex(out, "     -> ID: ", link->span_id.bytes, sizeof link->span_id);
    detail_text(out, "     -> TraceState: ", link->trace_state);
    buf_addf(out, "     -> DroppedAttributesCount: %" PRIu32 "\n", link->dropped_attributes);
    detail_attributes(out, "     -> Attributes::", link->attributes, "          ");
}

static void add_span_head(Buf *out, const SpanView *span)
{
    static const char *const kinds[] = { "Unspecified", "Internal", "Server",
                                         "Client",      "Producer", "Consumer" };
    static const char *const codes[] = { "Unset", "Ok", "Error" };
    add_hex(out, "    Trace ID       : ", span->trace_id.bytes, sizeof span->trace_id);
    add_hex(out, "    Parent ID      : ", span->parent_span_id.bytes, sizeof span->parent_span_id);
    add_hex(out, "    ID             : ", span->span_id.bytes, sizeof span->span_id);
    detail_text(out, "    Name           : ", span->name);
    buf_addf(out, "    Kind           : %s\n",
             span->kind < COUNT_OF(kinds) ? kinds[span->kind] : "");
    if (span->trace_state.len)
        detail_text(out, "    TraceState     : ", span->trace_state);
    detail_time(out, "    Start time     : ", span->start_ns);
    detail_time(out, "    End time       : ", span->end_ns);
    buf_addf(out, "    Status code    : %s\n",
             span->status_code < COUNT_OF(codes) ? codes[span->status_code] : "");
    detail_text(out, "    Status message : ", span->status_message);
    buf_addf(out,
             "    DroppedAttributesCount: %" PRIu32 "\n    DroppedEventsCount: %" PRIu32
             "\n    DroppedLinksCount: %" PRIu32 "\n",
             span->dropped_attributes, span->dropped_events, span->dropped_links);
}

static void add_span(Buf *out, const Batch *batch, size_t item)
{
    SpanView span = span_view(batch, item);
    add_span_head(out, &span);
    detail_attributes(out, "Attributes:", span.attributes, "     ");
    EventView event;
    for (size_t i = 0; event_next(&span.events, &event); i++) {
        if (i == 0)
            buf_add(out, STR("Events:\n"));
        add_event(out, &event, i);
    }
    LinkView link;
    for (size_t i = 0; link_next(&span.links, &link); i++) {
        if (i == 0)
            buf_add(out, STR("Links:\n"));
        add_link(out, &link, i);
    }
}

/* "Info", "Error2". */
static void add_severity(Buf *out, uint32_t number)
{
    Str name = severity_name(number);
    buf_add(out, STR("SeverityNumber: "));
    buf_add(out, str_first(name, 1));
    for (size_t i = 1; i < name.len; i++) {
        bool capital = name.ptr[i] >= 'A' && name.ptr[i] <= 'Z';
        buf_add_byte(out, (char)(name.ptr[i] + (capital ? 'a' - 'A' : 0)));
    }
    buf_addf(out, "(%" PRIu32 ")\n", number);
}

static void add_log(Buf *out, const Batch *batch, size_t item)
{
    LogView log = log_view(batch, item);
    detail_time(out, "ObservedTimestamp: ", log.observed_ns);
    detail_time(out, "Timestamp: ", log.time_ns);
    detail_text(out, "SeverityText: ", log.severity_text);
    add_severity(out, log.severity_number);
    if (log.event_name.len)
        detail_text(out, "EventName: ", log.event_name);
    buf_add(out, STR("Body: "));
    detail_value(out, &log.body);
    buf_add_byte(out, '\n');
    detail_attributes(out, "Attributes:", log.attributes, "     ");
    add_hex(out, "Trace ID: ", log.trace_id.bytes, sizeof log.trace_id);
    add_hex(out, "Span ID: ", log.span_id.bytes, sizeof log.span_id);
    buf_addf(out, "Flags: %" PRIu32 "\n", log.flags);
}

static void add_content(Buf *out, const Batch *batch, const ScopeView *scope)
{
    size_t number = 0;
    switch (batch_signal(batch)) {
    case TRACES:
        for (size_t i = scope->first_item; i < scope->end_item; i++) {
            buf_addf(out, "Span #%zu\n", number++);
            add_span(out, batch, i);
        }
        break;
    case METRICS:
        for (size_t i = scope->first_metric; i < scope->end_metric; i++) {
            buf_addf(out, "Metric #%zu\n", number++);
            detail_metric(out, batch, i);
        }
        break;
    case LOGS:
        for (size_t i = scope->first_item; i < scope->end_item; i++) {
            buf_addf(out, "LogRecord #%zu\n", number++);
            add_log(out, batch, i);
        }
        break;
    }
}

typedef struct Titles {
    const char *resource, *scope;
} Titles;

static Titles titles_of(Signal signal)
{
    switch (signal) {
    case TRACES: return (Titles){ "ResourceSpans", "ScopeSpans" };
    case METRICS: return (Titles){ "ResourceMetrics", "ScopeMetrics" };
    case LOGS: break;
    }
    return (Titles){ "ResourceLog", "ScopeLogs" };
}

void debug_detailed(const Batch *batch, Buf *out)
{
    Titles titles = titles_of(batch_signal(batch));
    for (size_t r = 0; r < batch_resource_count(batch); r++) {
        ResourceView resource = resource_view(batch, r);
        buf_addf(out, "%s #%zu\n", titles.resource, r);
        detail_text(out, "Resource SchemaURL: ", resource.schema_url);
        detail_attributes(out, "Resource attributes:", resource.attributes, "     ");
        for (size_t s = resource.first_scope; s < resource.end_scope; s++) {
            ScopeView scope = scope_view(batch, s);
            buf_addf(out, "%s #%zu\n%s SchemaURL: ", titles.scope, s - resource.first_scope,
                     titles.scope);
            detail_text(out, "", scope.schema_url);
            buf_add(out, STR("InstrumentationScope "));
            debug_add_text(out, scope.name);
            detail_text(out, " ", scope.version);
            detail_attributes(out, "InstrumentationScope attributes:", scope.attributes, "     ");
            add_content(out, batch, &scope);
        }
    }
}
