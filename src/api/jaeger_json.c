/* jaeger_json.c - see jaeger_json.h. */
#include "api/jaeger_json.h"

#include "model/semconv.h"
#include "model/signal.h"
#include "otlp/value_text.h"
#include "otlp/view.h"

#include <math.h>
#include <string.h>

enum {
    PROCESSES_MAX = 10000, /* different resources in one trace */
    PROCESS_TEXT_MAX = 64 << 20,
};
#define EXACT_MAX INT64_C(9007199254740992) /* 2^53: larger whole numbers travel as text */

/* ---- ids ----------------------------------------------------------------------------------------
 */

size_t jaeger_trace_id(const TraceId *id, char out[JAEGER_ID_SIZE])
{
    static const uint8_t zeros[8];
    bool is_short = !memcmp(id->bytes, zeros, sizeof zeros);
    hex_write(out, id->bytes + (is_short ? 8 : 0), is_short ? 8 : 16);
    return is_short ? 16 : 32;
}

bool jaeger_trace_id_parse(Str text, TraceId *out)
{
    char padded[TRACE_ID_HEX];
    if (!text.len || text.len > sizeof padded)
        return false;
    memset(padded, '0', sizeof padded);
    memcpy(padded + sizeof padded - text.len, text.ptr, text.len);
    return str_unhex((Str){ padded, sizeof padded }, out->bytes, sizeof out->bytes);
}

static void write_trace_id(JsonWriter *json, const TraceId *id)
{
    char text[JAEGER_ID_SIZE];
    json_text(json, (Str){ text, jaeger_trace_id(id, text) });
}

/* ---- tags ---------------------------------------------------------------------------------------
 */

static void tag_head(JsonWriter *json, Str key, Str type)
{
    json_object(json);
    json_key(json, STR("key"));
    json_text(json, key);
    json_key(json, STR("type"));
    json_text(json, type);
    json_key(json, STR("value"));
}

static void text_tag(JsonWriter *json, Str key, Str value)
{
    tag_head(json, key, STR("string"));
    json_text(json, value);
    json_end(json);
}

static void bool_tag(JsonWriter *json, Str key, bool value)
{
    tag_head(json, key, STR("bool"));
    json_bool(json, value);
    json_end(json);
}

static void int_tag(JsonWriter *json, Str key, int64_t value)
{
    tag_head(json, key, STR("int64"));
    if (value > EXACT_MAX || value < -EXACT_MAX)
        json_i64_text(json, value);
    else
        json_i64(json, value);
    json_end(json);
}

static void count_tag(JsonWriter *json, Str key, uint32_t count)
{
    if (count)
        int_tag(json, key, count);
}

static void attribute_tag(TraceWriter *writer, const AttributeView *attribute)
{
    JsonWriter *json = writer->json;
    const ValueView *value = &attribute->value;
    switch (value->kind) {
    case VALUE_STRING: text_tag(json, attribute->key, value->text); return;
    case VALUE_BOOL: bool_tag(json, attribute->key, value->boolean); return;
    case VALUE_INT: int_tag(json, attribute->key, value->integer); return;
    case VALUE_DOUBLE:
        tag_head(json, attribute->key, STR("float64"));
        json_double(json, value->real);
        json_end(json);
        return;
    case VALUE_BYTES:
        tag_head(json, attribute->key, STR("binary"));
        json_base64(json, value->text);
        json_end(json);
        return;
    case VALUE_EMPTY:
    case VALUE_ARRAY:
    case VALUE_KVLIST:
        buf_clear(&writer->scratch);
        value_text(value, &writer->scratch);
        writer->scratch_failed |= writer->scratch.failed;
        text_tag(json, attribute->key, buf_str(&writer->scratch));
        return;
    }
}

static void attribute_tags(TraceWriter *writer, Attributes list)
{
    for (AttributeView attribute; attributes_next(&list, &attribute);)
        attribute_tag(writer, &attribute);
}

static void scope_tags(JsonWriter *json, const ScopeView *scope)
{
    if (scope->name.len)
        text_tag(json, STR("otel.scope.name"), scope->name);
    if (scope->version.len)
        text_tag(json, STR("otel.scope.version"), scope->version);
}

static void status_tags(JsonWriter *json, const SpanView *span)
{
    ValueView known;
    if (span->status_code == STATUS_OK)
        text_tag(json, STR("otel.status_code"), STR("OK"));
    if (span->status_code == STATUS_ERROR) {
        text_tag(json, STR("otel.status_code"), STR("ERROR"));
        if (!attributes_find(span->attributes, STR("error"), &known))
            bool_tag(json, STR("error"), true);
    }
    if (span->status_message.len)
        text_tag(json, STR("otel.status_description"), span->status_message);
}

static void span_tags(TraceWriter *writer, const SpanRow *row, const SpanView *span)
{
    JsonWriter *json = writer->json;
    ScopeView scope = scope_view(row->batch, batch_scope_of_item(row->batch, row->span));
    json_key(json, STR("tags"));
    json_array(json);
    attribute_tags(writer, span->attributes);
    scope_tags(json, &scope);
    attribute_tags(writer, scope.attributes);
    if (span->kind != SPAN_KIND_UNSPECIFIED && span->kind <= SPAN_KIND_CONSUMER)
        text_tag(json, STR("span.kind"), span_kind_name(span->kind));
    status_tags(json, span);
    if (span->trace_state.len)
        text_tag(json, STR("w3c.tracestate"), span->trace_state);
    count_tag(json, STR("otel.dropped_attributes_count"), span->dropped_attributes);
    count_tag(json, STR("otel.dropped_events_count"), span->dropped_events);
    count_tag(json, STR("otel.dropped_links_count"), span->dropped_links);
    json_end(json);
}

/* ---- logs and references ------------------------------------------------------------------------
 */

static void span_logs(TraceWriter *writer, const SpanView *span)
{
    JsonWriter *json = writer->json;
    Fields events = span->events;
    json_key(json, STR("logs"));
    json_array(json);
    for (EventView event; event_next(&events, &event);) {
        json_object(json);
        json_key(json, STR("timestamp"));
        json_u64(json, event.time_ns / 1000);
        json_key(json, STR("fields"));
        json_array(json);
        if (event.name.len)
            text_tag(json, STR("event"), event.name);
        attribute_tags(writer, event.attributes);
        count_tag(json, STR("otel.dropped_attributes_count"), event.dropped_attributes);
        json_end(json);
        json_end(json);
    }
    json_end(json);
}

typedef struct Reference {
    Str type;
    const TraceId *trace_id;
    const SpanId *span_id;
} Reference;

static void write_reference(JsonWriter *json, const Reference *reference)
{
    json_object(json);
    json_key(json, STR("refType"));
    json_text(json, reference->type);
    json_key(json, STR("traceID"));
    write_trace_id(json, reference->trace_id);
    json_key(json, STR("spanID"));
    json_hex(json, reference->span_id, sizeof *reference->span_id);
    json_end(json);
}

static void span_references(JsonWriter *json, const SpanView *span)
{
    Fields links = span->links;
    json_key(json, STR("references"));
    json_array(json);
    if (!span_id_is_zero(&span->parent_span_id))
        write_reference(json,
                        &(Reference){ STR("CHILD_OF"), &span->trace_id, &span->parent_span_id });
    for (LinkView link; link_next(&links, &link);)
        write_reference(json, &(Reference){ STR("FOLLOWS_FROM"), &link.trace_id, &link.span_id });
    json_end(json);
}

/* ---- processes ----------------------------------------------------------------------------------
 */

/* {"serviceName":..,"tags":[..]} into the scratch buffer. */
static bool process_text(TraceWriter *writer, const SpanRow *row, size_t resource, Err *err)
{
    Buf text = BUF(PROCESS_TEXT_MAX);
    JsonWriter json = json_writer(&text), *outer = writer->json;
    writer->json = &json;
    json_object(&json);
    json_key(&json, STR("serviceName"));
    json_text(&json, row->service);
    json_key(&json, STR("tags"));
    json_array(&json);
    Attributes list = resource_attributes(row->batch, resource);
    for (AttributeView attribute; attributes_next(&list, &attribute);)
        if (!str_eq(attribute.key, STR(ATTR_SERVICE_NAME)))
            attribute_tag(writer, &attribute);
    json_end(&json);
    json_end(&json);
    writer->json = outer;
    buf_free(&writer->scratch);
    writer->scratch = text;
    return json_done(&json, err);
}

/* The name is found by the whole text, so equal resources of different batches are one process. */
static bool find_process(TraceWriter *writer, const SpanRow *row, Err *err)
{
    size_t resource =
        batch_resource_of_scope(row->batch, batch_scope_of_item(row->batch, row->span));
    if (writer->process_batch == row->batch && writer->process_resource == resource)
        return true;
    if (!process_text(writer, row, resource, err))
        return false;
    Str *name = map_get(&writer->processes, buf_str(&writer->scratch));
    if (!name) {
        Buf number = BUF(32);
        buf_addf(&number, "p%zu", writer->processes.count + 1);
        name = ARENA_MAKE(writer->arena, Str, 1, err);
        Str key;
        bool ok = name && buf_ok(&number, err) &&
                  arena_copy(writer->arena, buf_str(&number), name, err) &&
                  arena_copy(writer->arena, buf_str(&writer->scratch), &key, err) &&
                  map_put(&writer->processes, key, name, err);
        buf_free(&number);
        if (!ok)
            return false;
    }
    writer->process_name = *name;
    writer->process_batch = row->batch;
    writer->process_resource = resource;
    return true;
}

static void write_processes(TraceWriter *writer)
{
    JsonWriter *json = writer->json;
    size_t cursor = 0;
    json_key(json, STR("processes"));
    json_object(json);
    for (const MapEntry *entry; map_next(&writer->processes, &cursor, &entry);) {
        json_key(json, *(const Str *)entry->value);
        json_raw(json, entry->key);
    }
    json_end(json);
}

/* ---- spans and traces ---------------------------------------------------------------------------
 */

static void span_times(JsonWriter *json, const SpanView *span)
{
    bool backwards = span->end_ns < span->start_ns;
    json_key(json, STR("startTime"));
    json_u64(json, span->start_ns / 1000);
    json_key(json, STR("duration"));
    json_u64(json, backwards ? 0 : (span->end_ns - span->start_ns) / 1000);
}

static void span_warnings(JsonWriter *json, const SpanView *span)
{
    json_key(json, STR("warnings"));
    if (span->end_ns >= span->start_ns) {
        json_null(json);
        return;
    }
    json_array(json);
    json_text(json, STR("the span ends before it starts; its duration is shown as 0"));
    json_end(json);
}

static void write_span(TraceWriter *writer, const SpanRow *row)
{
    JsonWriter *json = writer->json;
    SpanView span = span_view(row->batch, row->span);
    json_object(json);
    json_key(json, STR("traceID"));
    write_trace_id(json, &span.trace_id);
    json_key(json, STR("spanID"));
    json_hex(json, &span.span_id, sizeof span.span_id);
    if (span.flags & FLAG_TRACE_MASK) {
        json_key(json, STR("flags"));
        json_u64(json, span.flags & FLAG_TRACE_MASK);
    }
    json_key(json, STR("operationName"));
    json_text(json, span.name);
    span_references(json, &span);
    span_times(json, &span);
    span_tags(writer, row, &span);
    span_logs(writer, &span);
    json_key(json, STR("processID"));
    json_text(json, writer->process_name);
    span_warnings(json, &span);
    json_end(json);
    writer->span_count++;
}

bool trace_writer_init(TraceWriter *writer, JsonWriter *json, Err *err)
{
    *writer = (TraceWriter){
        .json = json,
        .processes = MAP(PROCESSES_MAX),
        .scratch = BUF(PROCESS_TEXT_MAX),
    };
    writer->arena = arena_new(PROCESS_TEXT_MAX, err);
    return writer->arena != NULL;
}

void trace_writer_done(TraceWriter *writer)
{
    batch_unref(writer->last_batch);
    map_free(&writer->processes);
    arena_free(writer->arena);
    buf_free(&writer->scratch);
    *writer = (TraceWriter){ 0 };
}

static void begin_trace(TraceWriter *writer, const TraceId *id)
{
    JsonWriter *json = writer->json;
    map_free(&writer->processes);
    arena_reset(writer->arena);
    writer->process_batch = NULL;
    writer->open = true;
    writer->trace_id = *id;
    writer->trace_count++;
    json_object(json);
    json_key(json, STR("traceID"));
    write_trace_id(json, id);
    json_key(json, STR("spans"));
    json_array(json);
}

void trace_writer_end(TraceWriter *writer)
{
    JsonWriter *json = writer->json;
    if (!writer->open)
        return;
    writer->open = false;
    json_end(json);
    write_processes(writer);
    json_key(json, STR("warnings"));
    json_null(json);
    json_end(json);
}

static bool is_repeated(const TraceWriter *writer, const SpanRow *row)
{
    return writer->open && !writer->raw && writer->last_batch &&
           str_eq(item_bytes(writer->last_batch, writer->last_span),
                  item_bytes(row->batch, row->span));
}

bool trace_writer_add(TraceWriter *writer, const SpanRow *row, Err *err)
{
    if (writer->open && !trace_id_eq(&writer->trace_id, &row->trace_id))
        trace_writer_end(writer);
    if (is_repeated(writer, row))
        return true;
    if (!writer->open)
        begin_trace(writer, &row->trace_id);
    if (!find_process(writer, row, err))
        return false;
    write_span(writer, row);
    if (writer->scratch_failed)
        return fail(err, ERR_MEMORY, "no memory to write a value");
    Batch *last = writer->last_batch;
    writer->last_batch = batch_ref(row->batch);
    writer->last_span = row->span;
    batch_unref(last);
    return true;
}
