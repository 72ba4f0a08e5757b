/* encode.h - writes OTLP messages field by field, straight to wire bytes.
 *
 * The same structs that view.h fills are what the writers take; their lists (attributes, events,
 * links) are not looked at, the caller adds them one by one inside the message:
 *
 *     size_t group = wire_open(out, REQUEST_GROUP);        ResourceSpans
 *     size_t resource = wire_open(out, GROUP_RESOURCE);
 *     encode_text(out, RESOURCE_ATTRIBUTES, STR("service.name"), name);
 *     wire_close(out, resource);
 *     size_t scopes = wire_open(out, GROUP_SCOPES);        ScopeSpans
 *     encode_scope(out, &scope);
 *     size_t span = wire_open(out, SCOPES_ITEM);
 *     encode_span(out, &view);
 *     encode_int(out, SPAN_ATTRIBUTES, STR("n"), 5);
 *     wire_close(out, span) ... wire_close(out, scopes), wire_close(out, group);
 *
 * Defaults are left out, as proto3 asks, but never members of a oneof that is set. Text is written
 * as it comes: whoever takes it from outside makes sure that it is UTF-8. Failure is the Buf's.
 */
#ifndef OTLP_ENCODE_H
#define OTLP_ENCODE_H

#include "codec/wire.h"
#include "otlp/metric_view.h"
#include "otlp/view.h"

/* Field numbers where something is opened or added. */
enum {
    REQUEST_GROUP = 1, /* ResourceSpans, ResourceMetrics, ResourceLogs */
    GROUP_RESOURCE = 1,
    GROUP_SCOPES = 2, /* ScopeSpans, ScopeMetrics, ScopeLogs */
    GROUP_SCHEMA_URL = 3,
    RESOURCE_ATTRIBUTES = 1,
    RESOURCE_DROPPED = 2,
    SCOPES_SCOPE = 1,
    SCOPES_ITEM = 2, /* Span, Metric, LogRecord */
    SCOPES_SCHEMA_URL = 3,
    SCOPE_ATTRIBUTES = 3,
    SPAN_TRACE_STATE = 3,
    SPAN_NAME = 5,
    SPAN_ATTRIBUTES = 9,
    SPAN_EVENTS = 11,
    SPAN_LINKS = 13,
    SPAN_STATUS = 15,
    STATUS_MESSAGE = 2,
    STATUS_CODE = 3,
    EVENT_ATTRIBUTES = 3,
    LINK_ATTRIBUTES = 4,
    LOG_ATTRIBUTES = 6,
    METRIC_METADATA = 12,
    DATA_POINTS = 1, /* in whatever MetricKind is opened in a Metric */
    NUMBER_EXEMPLARS = 5,
    NUMBER_ATTRIBUTES = 7,
    HISTOGRAM_EXEMPLARS = 8,
    HISTOGRAM_ATTRIBUTES = 9,
    EXPONENTIAL_ATTRIBUTES = 1,
    EXPONENTIAL_EXEMPLARS = 11,
    SUMMARY_ATTRIBUTES = 7,
    EXEMPLAR_ATTRIBUTES = 7
};

/* One attribute in the list `number`. */
void encode_text(Buf *out, uint32_t number, Str key, Str value);
void encode_bytes(Buf *out, uint32_t number, Str key, Str value);
void encode_int(Buf *out, uint32_t number, Str key, int64_t value);
void encode_double(Buf *out, uint32_t number, Str key, double value);
void encode_bool(Buf *out, uint32_t number, Str key, bool value);
void encode_attribute(Buf *out, uint32_t number, Str key, const ValueView *value); /* any kind */

/* An attribute that is an array: encode_element() between the two. */
typedef struct ArrayEncoder {
    size_t attribute, value, array;
} ArrayEncoder;
ArrayEncoder encode_array_open(Buf *out, uint32_t number, Str key);
void encode_element(Buf *out, const ValueView *value);
void encode_array_close(Buf *out, const ArrayEncoder *encoder);

/* A whole InstrumentationScope in a ScopeSpans and so on; nothing when it is empty. A scope with
 * attributes is opened as SCOPES_SCOPE and filled with encode_scope_fields. */
void encode_scope(Buf *out, const ScopeView *scope);
void encode_scope_fields(Buf *out, const ScopeView *scope);

/* The fields of a message that was opened: all but its lists. */
void encode_span(Buf *out, const SpanView *span);
void encode_event(Buf *out, const EventView *event);
void encode_link(Buf *out, const LinkView *link);
void encode_log(Buf *out, const LogView *log);

/* Name, description, unit. Then wire_open(out, kind), encode_data, points, wire_close. */
void encode_metric(Buf *out, const MetricView *metric);
void encode_data(Buf *out, const MetricView *metric); /* temporality, monotonic */
void encode_number_point(Buf *out, const NumberPointView *point);

/* Lists of numbers are given beside the view, whose own are iterators. */
typedef struct HistogramBuckets {
    const uint64_t *counts;
    const double *bounds;
    size_t count_of_counts, count_of_bounds;
} HistogramBuckets;
void encode_histogram_point(Buf *out, const HistogramPointView *point,
                            const HistogramBuckets *buckets);
void encode_exemplar(Buf *out, const ExemplarView *exemplar);

#endif
