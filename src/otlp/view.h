/* view.h - reads resources, scopes, spans and log records of a batch, through its index.
 *
 * A view is a plain struct, filled by one pass over the fields of its own message (attributes,
 * events, links and children are stepped over), and borrows from the batch. Numbers are those of
 * batch.h; a view cannot fail, because the batch was validated. Of a field that a sender repeats,
 * the last one counts; repeated messages merge. metric_view.h has metrics and data points.
 *
 *     for (size_t r = 0; r < batch_resource_count(batch); r++) {
 *         ResourceView resource = resource_view(batch, r);
 *         for (size_t s = resource.first_scope; s < resource.end_scope; s++) {
 *             ScopeView scope = scope_view(batch, s);
 *             for (size_t i = scope.first_item; i < scope.end_item; i++)
 *                 use(span_view(batch, i));
 *         }
 *     }
 */
#ifndef OTLP_VIEW_H
#define OTLP_VIEW_H

#include "model/ids.h"
#include "otlp/batch.h"
#include "otlp/value.h"

typedef struct ResourceView {
    Attributes attributes;
    Str schema_url;
    uint32_t dropped_attributes;
    Fields entity_refs; /* EntityRef messages, of the last Resource if it is repeated */
    size_t first_scope, end_scope;
} ResourceView;

typedef struct ScopeView {
    Str name, version, schema_url;
    Attributes attributes;
    uint32_t dropped_attributes;
    size_t first_item, end_item;     /* spans, data points or log records */
    size_t first_metric, end_metric; /* METRICS only, else 0 */
} ScopeView;

typedef struct SpanView {
    TraceId trace_id; /* none unless 16 bytes were sent */
    SpanId span_id, parent_span_id;
    Str trace_state, name, status_message;
    uint64_t start_ns, end_ns; /* since the Unix epoch */
    uint32_t kind;             /* a SpanKind, or what the sender made up */
    uint32_t status_code;      /* a StatusCode, likewise */
    uint32_t flags;
    uint32_t dropped_attributes, dropped_events, dropped_links;
    Attributes attributes;
    Fields events, links; /* for event_next and link_next */
} SpanView;

typedef struct EventView {
    uint64_t time_ns;
    Str name;
    Attributes attributes;
    uint32_t dropped_attributes;
} EventView;

typedef struct LinkView {
    TraceId trace_id;
    SpanId span_id;
    Str trace_state;
    Attributes attributes;
    uint32_t dropped_attributes, flags;
} LinkView;

typedef struct LogView {
    uint64_t time_ns, observed_ns;
    uint32_t severity_number;
    Str severity_text, event_name;
    ValueView body;
    Attributes attributes;
    uint32_t dropped_attributes, flags;
    TraceId trace_id;
    SpanId span_id;
} LogView;

ResourceView resource_view(const Batch *batch, size_t resource);
ScopeView scope_view(const Batch *batch, size_t scope);
SpanView span_view(const Batch *batch, size_t item); /* a TRACES batch */
LogView log_view(const Batch *batch, size_t item);   /* a LOGS batch */

bool event_next(Fields *events, EventView *out);
bool link_next(Fields *links, LinkView *out);

/* Attributes alone, without reading the rest of the message. */
Attributes resource_attributes(const Batch *batch, size_t resource);
Attributes scope_attributes(const Batch *batch, size_t scope);
Attributes item_attributes(const Batch *batch, size_t item);

/* The bytes of one item's message: a Span, a data point or a LogRecord. */
Str item_bytes(const Batch *batch, size_t item);

#endif
