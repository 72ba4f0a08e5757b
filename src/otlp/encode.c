/* encode.c - writes OTLP messages field by field; see encode.h.
 *
 * Small messages whose size is known are written size first, into room that is reserved once.
 */
#include "otlp/encode.h"

enum { HEAD_MAX = 2 * WIRE_VARINT_MAX };

/* Keys and values are short: two overlapping moves instead of a call. */
static inline char *put_content(char *at, Str bytes)
{
    const char *from = bytes.ptr;
    size_t len = bytes.len;
    if (len > 16) {
        memcpy(at, from, len);
    } else if (len >= 8) {
        uint64_t first, last;
        memcpy(&first, from, sizeof first);
        memcpy(&last, from + len - sizeof last, sizeof last);
        memcpy(at, &first, sizeof first);
        memcpy(at + len - sizeof last, &last, sizeof last);
    } else {
        for (size_t i = 0; i < len; i++)
            at[i] = from[i];
    }
    return at + len;
}

static inline char *put_bytes(char *at, uint32_t number, Str bytes)
{
    at = wire_put_varint(wire_put_tag(at, number, WIRE_LEN), bytes.len);
    return put_content(at, bytes);
}

static char *put_text(char *at, uint32_t number, Str text)
{
    return text.len ? put_bytes(at, number, text) : at;
}

static char *put_id(char *at, uint32_t number, const uint8_t *id, size_t size)
{
    *at++ = (char)(number << 3 | WIRE_LEN);
    *at++ = (char)size;
    memcpy(at, id, size);
    return at + size;
}

static char *put_fixed64(char *at, uint32_t number, uint64_t value)
{
    return value ? wire_put_u64(wire_put_tag(at, number, WIRE_I64), value) : at;
}

static char *put_number(char *at, uint32_t number, uint64_t value)
{
    return value ? wire_put_varint(wire_put_tag(at, number, WIRE_VARINT), value) : at;
}

static void wrote(Buf *out, const char *end)
{
    out->len = (size_t)(end - out->ptr);
}

/* Room for an attribute whose AnyValue takes `value` bytes; writes all up to that AnyValue. */
static inline char *begin_attribute(Buf *out, uint32_t number, Str key, size_t value)
{
    size_t content = wire_len_size(1, key.len) + wire_len_size(2, value);
    char *at = buf_reserve(out, HEAD_MAX + content);
    if (!at)
        return NULL;
    if (LIKELY(number < 16 && content < 0x80)) { /* every tag and length takes one byte */
        *at++ = (char)(number << 3 | WIRE_LEN);
        *at++ = (char)content;
        *at++ = 1 << 3 | WIRE_LEN;
        *at++ = (char)key.len;
        at = put_content(at, key);
        *at++ = 2 << 3 | WIRE_LEN;
        *at++ = (char)value;
        return at;
    }
    at = wire_put_varint(wire_put_tag(at, number, WIRE_LEN), content);
    at = put_bytes(at, 1, key);
    return wire_put_varint(wire_put_tag(at, 2, WIRE_LEN), value);
}

static void add_len_value(Buf *out, uint32_t number, Str key, Str value, uint32_t member)
{
    char *at = begin_attribute(out, number, key, wire_len_size(member, value.len));
    if (at)
        wrote(out, put_bytes(at, member, value));
}

void encode_text(Buf *out, uint32_t number, Str key, Str value)
{
    add_len_value(out, number, key, value, 1);
}

void encode_bytes(Buf *out, uint32_t number, Str key, Str value)
{
    add_len_value(out, number, key, value, 7);
}

void encode_int(Buf *out, uint32_t number, Str key, int64_t value)
{
    char *at = begin_attribute(out, number, key, 1 + wire_varint_size((uint64_t)value));
    if (at)
        wrote(out, wire_put_varint(wire_put_tag(at, 3, WIRE_VARINT), (uint64_t)value));
}

void encode_double(Buf *out, uint32_t number, Str key, double value)
{
    char *at = begin_attribute(out, number, key, 1 + sizeof value);
    if (at)
        wrote(out, wire_put_u64(wire_put_tag(at, 4, WIRE_I64), wire_double_bits(value)));
}

void encode_bool(Buf *out, uint32_t number, Str key, bool value)
{
    char *at = begin_attribute(out, number, key, 2);
    if (at)
        wrote(out, wire_put_varint(wire_put_tag(at, 2, WIRE_VARINT), value));
}

void encode_attribute(Buf *out, uint32_t number, Str key, const ValueView *value)
{
    switch (value->kind) {
    case VALUE_EMPTY: {
        char *at = begin_attribute(out, number, key, 0);
        if (at)
            wrote(out, at);
        break;
    }
    case VALUE_STRING: encode_text(out, number, key, value->text); break;
    case VALUE_BOOL: encode_bool(out, number, key, value->boolean); break;
    case VALUE_INT: encode_int(out, number, key, value->integer); break;
    case VALUE_DOUBLE: encode_double(out, number, key, value->real); break;
    case VALUE_BYTES: encode_bytes(out, number, key, value->text); break;
    case VALUE_ARRAY: add_len_value(out, number, key, value->text, 5); break;
    case VALUE_KVLIST: add_len_value(out, number, key, value->text, 6); break;
    }
}

ArrayEncoder encode_array_open(Buf *out, uint32_t number, Str key)
{
    ArrayEncoder encoder = { .attribute = wire_open(out, number) };
    wire_add_bytes(out, 1, key);
    encoder.value = wire_open(out, 2);
    encoder.array = wire_open(out, 5);
    return encoder;
}

static void encode_value(Buf *out, uint32_t number, const ValueView *value);

void encode_element(Buf *out, const ValueView *value)
{
    encode_value(out, 1, value);
}

void encode_array_close(Buf *out, const ArrayEncoder *encoder)
{
    wire_close(out, encoder->array);
    wire_close(out, encoder->value);
    wire_close(out, encoder->attribute);
}

static void encode_value(Buf *out, uint32_t number, const ValueView *value)
{
    size_t any = wire_open(out, number);
    switch (value->kind) {
    case VALUE_EMPTY: break;
    case VALUE_STRING: wire_add_bytes(out, 1, value->text); break;
    case VALUE_BOOL: wire_add_varint(out, 2, value->boolean); break;
    case VALUE_INT: wire_add_varint(out, 3, (uint64_t)value->integer); break;
    case VALUE_DOUBLE: wire_add_double(out, 4, value->real); break;
    case VALUE_BYTES: wire_add_bytes(out, 7, value->text); break;
    case VALUE_ARRAY: wire_add_bytes(out, 5, value->text); break;
    case VALUE_KVLIST: wire_add_bytes(out, 6, value->text); break;
    }
    wire_close(out, any);
}

void encode_scope_fields(Buf *out, const ScopeView *scope)
{
    char *at = buf_reserve(out, 3 * HEAD_MAX + scope->name.len + scope->version.len);
    if (!at)
        return;
    at = put_text(at, 1, scope->name);
    at = put_text(at, 2, scope->version);
    wrote(out, put_number(at, 4, scope->dropped_attributes));
}

void encode_scope(Buf *out, const ScopeView *scope)
{
    if (!scope->name.len && !scope->version.len && !scope->dropped_attributes)
        return;
    size_t message = wire_open(out, SCOPES_SCOPE);
    encode_scope_fields(out, scope);
    wire_close(out, message);
}

static char *put_status(char *at, const SpanView *span)
{
    if (!span->status_code && !span->status_message.len)
        return at;
    size_t content = span->status_code ? 1 + wire_varint_size(span->status_code) : 0;
    content += span->status_message.len ? wire_len_size(2, span->status_message.len) : 0;
    at = wire_put_varint(wire_put_tag(at, 15, WIRE_LEN), content);
    at = put_text(at, 2, span->status_message);
    return put_number(at, 3, span->status_code);
}

void encode_span(Buf *out, const SpanView *span)
{
    enum { SPAN_FIELDS = 17 };
    size_t texts = span->trace_state.len + span->name.len + span->status_message.len;
    char *at = buf_reserve(out, SPAN_FIELDS * HEAD_MAX + texts);
    if (!at)
        return;
    at = put_id(at, 1, span->trace_id.bytes, sizeof span->trace_id);
    at = put_id(at, 2, span->span_id.bytes, sizeof span->span_id);
    at = put_text(at, 3, span->trace_state);
    if (!span_id_is_zero(&span->parent_span_id))
        at = put_id(at, 4, span->parent_span_id.bytes, sizeof span->parent_span_id);
    at = put_text(at, 5, span->name);
    at = put_number(at, 6, span->kind);
    at = put_fixed64(at, 7, span->start_ns);
    at = put_fixed64(at, 8, span->end_ns);
    at = put_number(at, 10, span->dropped_attributes);
    at = put_number(at, 12, span->dropped_events);
    at = put_number(at, 14, span->dropped_links);
    at = put_status(at, span);
    if (span->flags)
        at = wire_put_u32(wire_put_tag(at, 16, WIRE_I32), span->flags);
    wrote(out, at);
}

void encode_event(Buf *out, const EventView *event)
{
    char *at = buf_reserve(out, 3 * HEAD_MAX + event->name.len);
    if (!at)
        return;
    at = put_fixed64(at, 1, event->time_ns);
    at = put_text(at, 2, event->name);
    wrote(out, put_number(at, 4, event->dropped_attributes));
}

void encode_link(Buf *out, const LinkView *link)
{
    char *at = buf_reserve(out, 5 * HEAD_MAX + link->trace_state.len);
    if (!at)
        return;
    at = put_id(at, 1, link->trace_id.bytes, sizeof link->trace_id);
    at = put_id(at, 2, link->span_id.bytes, sizeof link->span_id);
    at = put_text(at, 3, link->trace_state);
    at = put_number(at, 5, link->dropped_attributes);
    if (link->flags)
        at = wire_put_u32(wire_put_tag(at, 6, WIRE_I32), link->flags);
    wrote(out, at);
}

void encode_log(Buf *out, const LogView *log)
{
    enum { LOG_FIELDS = 10 };
    char *at =
        buf_reserve(out, LOG_FIELDS * HEAD_MAX + log->severity_text.len + log->event_name.len);
    if (!at)
        return;
    at = put_fixed64(at, 1, log->time_ns);
    at = put_number(at, 2, log->severity_number);
    at = put_text(at, 3, log->severity_text);
    at = put_number(at, 7, log->dropped_attributes);
    if (log->flags)
        at = wire_put_u32(wire_put_tag(at, 8, WIRE_I32), log->flags);
    if (!trace_id_is_zero(&log->trace_id))
        at = put_id(at, 9, log->trace_id.bytes, sizeof log->trace_id);
    if (!span_id_is_zero(&log->span_id))
        at = put_id(at, 10, log->span_id.bytes, sizeof log->span_id);
    at = put_fixed64(at, 11, log->observed_ns);
    wrote(out, put_text(at, 12, log->event_name));
    if (log->body.kind != VALUE_EMPTY)
        encode_value(out, 5, &log->body);
}

void encode_metric(Buf *out, const MetricView *metric)
{
    size_t texts = metric->name.len + metric->description.len + metric->unit.len;
    char *at = buf_reserve(out, 3 * HEAD_MAX + texts);
    if (!at)
        return;
    at = put_text(at, 1, metric->name);
    at = put_text(at, 2, metric->description);
    wrote(out, put_text(at, 3, metric->unit));
}

void encode_data(Buf *out, const MetricView *metric)
{
    char *at = buf_reserve(out, 2 * HEAD_MAX);
    if (!at)
        return;
    if (metric->kind != METRIC_GAUGE && metric->kind != METRIC_SUMMARY)
        at = put_number(at, 2, metric->temporality);
    if (metric->kind == METRIC_SUM)
        at = put_number(at, 3, metric->is_monotonic);
    wrote(out, at);
}

static char *put_double(char *at, uint32_t number, double value)
{
    return wire_put_u64(wire_put_tag(at, number, WIRE_I64), wire_double_bits(value));
}

static char *put_value(char *at, const NumberView *value, uint32_t as_double)
{
    if (value->kind == NUMBER_DOUBLE)
        return put_double(at, as_double, value->real);
    if (value->kind == NUMBER_INT)
        return wire_put_u64(wire_put_tag(at, 6, WIRE_I64), (uint64_t)value->integer);
    return at;
}

void encode_number_point(Buf *out, const NumberPointView *point)
{
    char *at = buf_reserve(out, 4 * HEAD_MAX);
    if (!at)
        return;
    at = put_fixed64(at, 2, point->start_ns);
    at = put_fixed64(at, 3, point->time_ns);
    at = put_value(at, &point->value, 4);
    wrote(out, put_number(at, 8, point->flags));
}

void encode_histogram_point(Buf *out, const HistogramPointView *point,
                            const HistogramBuckets *buckets)
{
    enum { HISTOGRAM_FIELDS = 7 };
    char *at = buf_reserve(out, HISTOGRAM_FIELDS * HEAD_MAX);
    if (!at)
        return;
    at = put_fixed64(at, 2, point->start_ns);
    at = put_fixed64(at, 3, point->time_ns);
    at = put_fixed64(at, 4, point->count);
    at = point->has_sum ? put_double(at, 5, point->sum) : at;
    at = put_number(at, 10, point->flags);
    at = point->has_min ? put_double(at, 11, point->min) : at;
    at = point->has_max ? put_double(at, 12, point->max) : at;
    wrote(out, at);
    wire_add_packed_fixed64(out, 6, buckets->counts, buckets->count_of_counts);
    wire_add_packed_double(out, 7, buckets->bounds, buckets->count_of_bounds);
}

void encode_exemplar(Buf *out, const ExemplarView *exemplar)
{
    char *at = buf_reserve(out, 4 * HEAD_MAX);
    if (!at)
        return;
    at = put_fixed64(at, 2, exemplar->time_ns);
    at = put_value(at, &exemplar->value, 3);
    if (!span_id_is_zero(&exemplar->span_id))
        at = put_id(at, 4, exemplar->span_id.bytes, sizeof exemplar->span_id);
    if (!trace_id_is_zero(&exemplar->trace_id))
        at = put_id(at, 5, exemplar->trace_id.bytes, sizeof exemplar->trace_id);
    wrote(out, at);
}
