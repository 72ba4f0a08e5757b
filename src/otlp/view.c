/* view.c - reads resources, scopes, spans and log records; see view.h. */
#include "otlp/view.h"

#include "otlp/batch_internal.h"
#include "otlp/tag_internal.h"

#include <assert.h>

static Attributes indexed(const Batch *batch, const uint32_t *table, size_t from, size_t to)
{
    return (Attributes){ .bytes = buf_str(&batch->bytes), .at = table + from, .end = table + to };
}

Attributes resource_attributes(const Batch *batch, size_t resource)
{
    assert(resource < batch->index.count.resources);
    const IndexResource *entry = &batch->index.resources[resource];
    return indexed(batch, batch->index.resource_attributes, entry[0].first_attribute,
                   entry[1].first_attribute);
}

Attributes scope_attributes(const Batch *batch, size_t scope)
{
    assert(scope < batch->index.count.scopes);
    const IndexScope *entry = &batch->index.scopes[scope];
    return indexed(batch, batch->index.scope_attributes, entry[0].first_attribute,
                   entry[1].first_attribute);
}

Attributes item_attributes(const Batch *batch, size_t item)
{
    assert(item < batch->index.count.items);
    const IndexItem *entry = &batch->index.items[item];
    return indexed(batch, batch->index.item_attributes, entry[0].first_attribute,
                   entry[1].first_attribute);
}

Str item_bytes(const Batch *batch, size_t item)
{
    assert(item < batch->index.count.items);
    return index_content(buf_str(&batch->bytes), batch->index.items[item].at);
}

static void read_resource(Str message, ResourceView *out)
{
    WireReader reader = wire_reader(message);
    WireField field;
    while (next_field(&reader, &field))
        if (field_id(&field) == FIELD(2, WIRE_VARINT))
            out->dropped_attributes = (uint32_t)field.value;
    out->entity_refs = (Fields){ message, 3 };
}

ResourceView resource_view(const Batch *batch, size_t resource)
{
    ResourceView out = { .attributes = resource_attributes(batch, resource) };
    const IndexResource *entry = &batch->index.resources[resource];
    out.first_scope = entry[0].first_scope;
    out.end_scope = entry[1].first_scope;
    WireReader reader = wire_reader(index_content(buf_str(&batch->bytes), entry->at));
    WireField field;
    while (next_field(&reader, &field)) {
        if (field_id(&field) == FIELD(1, WIRE_LEN))
            read_resource(field.bytes, &out);
        else if (field_id(&field) == FIELD(3, WIRE_LEN))
            out.schema_url = field.bytes;
    }
    return out;
}

static void read_scope(Str message, ScopeView *out)
{
    WireReader reader = wire_reader(message);
    WireField field;
    while (next_field(&reader, &field)) {
        switch (field_id(&field)) {
        case FIELD(1, WIRE_LEN): out->name = field.bytes; break;
        case FIELD(2, WIRE_LEN): out->version = field.bytes; break;
        case FIELD(4, WIRE_VARINT): out->dropped_attributes = (uint32_t)field.value; break;
        default: break;
        }
    }
}

static void set_children(const Batch *batch, size_t scope, ScopeView *out)
{
    const IndexScope *entry = &batch->index.scopes[scope];
    ItemRange items = batch_scope_items(batch, scope);
    out->first_item = items.from;
    out->end_item = items.to;
    if (batch->signal != METRICS)
        return;
    out->first_metric = entry[0].first_child;
    out->end_metric = entry[1].first_child;
}

ScopeView scope_view(const Batch *batch, size_t scope)
{
    ScopeView out = { .attributes = scope_attributes(batch, scope) };
    set_children(batch, scope, &out);
    uint32_t at = batch->index.scopes[scope].at;
    WireReader reader = wire_reader(index_content(buf_str(&batch->bytes), at));
    WireField field;
    while (next_field(&reader, &field)) {
        if (field_id(&field) == FIELD(1, WIRE_LEN))
            read_scope(field.bytes, &out);
        else if (field_id(&field) == FIELD(3, WIRE_LEN))
            out.schema_url = field.bytes;
    }
    return out;
}

static void read_status(Str message, SpanView *out)
{
    WireReader reader = wire_reader(message);
    WireField field;
    while (next_field(&reader, &field)) {
        if (field_id(&field) == FIELD(2, WIRE_LEN))
            out->status_message = field.bytes;
        else if (field_id(&field) == FIELD(3, WIRE_VARINT))
            out->status_code = (uint32_t)field.value;
    }
}

static void read_span_field(const WireField *field, SpanView *out)
{
    switch (field_id(field)) {
    case FIELD(1, WIRE_LEN): out->trace_id = trace_id_from(field->bytes); break;
    case FIELD(2, WIRE_LEN): out->span_id = span_id_from(field->bytes); break;
    case FIELD(3, WIRE_LEN): out->trace_state = field->bytes; break;
    case FIELD(4, WIRE_LEN): out->parent_span_id = span_id_from(field->bytes); break;
    case FIELD(5, WIRE_LEN): out->name = field->bytes; break;
    case FIELD(6, WIRE_VARINT): out->kind = (uint32_t)field->value; break;
    case FIELD(7, WIRE_I64): out->start_ns = field->value; break;
    case FIELD(8, WIRE_I64): out->end_ns = field->value; break;
    case FIELD(10, WIRE_VARINT): out->dropped_attributes = (uint32_t)field->value; break;
    case FIELD(12, WIRE_VARINT): out->dropped_events = (uint32_t)field->value; break;
    case FIELD(14, WIRE_VARINT): out->dropped_links = (uint32_t)field->value; break;
    case FIELD(15, WIRE_LEN): read_status(field->bytes, out); break;
    case FIELD(16, WIRE_I32): out->flags = (uint32_t)field->value; break;
    default: break;
    }
}

SpanView span_view(const Batch *batch, size_t item)
{
    assert(batch->signal == TRACES);
    Str message = item_bytes(batch, item);
    SpanView out = { .attributes = item_attributes(batch, item),
                     .events = { message, 11 },
                     .links = { message, 13 } };
    WireReader reader = wire_reader(message);
    WireField field;
    while (next_field(&reader, &field))
        read_span_field(&field, &out);
    return out;
}

bool event_next(Fields *events, EventView *out)
{
    Str message;
    if (!fields_next(events, &message))
        return false;
    *out = (EventView){ .attributes = { .fields = { message, 3 } } };
    WireReader reader = wire_reader(message);
    WireField field;
    while (next_field(&reader, &field)) {
        switch (field_id(&field)) {
        case FIELD(1, WIRE_I64): out->time_ns = field.value; break;
        case FIELD(2, WIRE_LEN): out->name = field.bytes; break;
        case FIELD(4, WIRE_VARINT): out->dropped_attributes = (uint32_t)field.value; break;
        default: break;
        }
    }
    return true;
}

bool link_next(Fields *links, LinkView *out)
{
    Str message;
    if (!fields_next(links, &message))
        return false;
    *out = (LinkView){ .attributes = { .fields = { message, 4 } } };
    WireReader reader = wire_reader(message);
    WireField field;
    while (next_field(&reader, &field)) {
        switch (field_id(&field)) {
        case FIELD(1, WIRE_LEN): out->trace_id = trace_id_from(field.bytes); break;
        case FIELD(2, WIRE_LEN): out->span_id = span_id_from(field.bytes); break;
        case FIELD(3, WIRE_LEN): out->trace_state = field.bytes; break;
        case FIELD(5, WIRE_VARINT): out->dropped_attributes = (uint32_t)field.value; break;
        case FIELD(6, WIRE_I32): out->flags = (uint32_t)field.value; break;
        default: break;
        }
    }
    return true;
}

static void read_log_field(const WireField *field, LogView *out)
{
    switch (field_id(field)) {
    case FIELD(1, WIRE_I64): out->time_ns = field->value; break;
    case FIELD(2, WIRE_VARINT): out->severity_number = (uint32_t)field->value; break;
    case FIELD(3, WIRE_LEN): out->severity_text = field->bytes; break;
    case FIELD(5, WIRE_LEN): value_merge(field->bytes, &out->body); break;
    case FIELD(7, WIRE_VARINT): out->dropped_attributes = (uint32_t)field->value; break;
    case FIELD(8, WIRE_I32): out->flags = (uint32_t)field->value; break;
    case FIELD(9, WIRE_LEN): out->trace_id = trace_id_from(field->bytes); break;
    case FIELD(10, WIRE_LEN): out->span_id = span_id_from(field->bytes); break;
    case FIELD(11, WIRE_I64): out->observed_ns = field->value; break;
    case FIELD(12, WIRE_LEN): out->event_name = field->bytes; break;
    default: break;
    }
}

LogView log_view(const Batch *batch, size_t item)
{
    assert(batch->signal == LOGS);
    LogView out = { .attributes = item_attributes(batch, item) };
    WireReader reader = wire_reader(item_bytes(batch, item));
    WireField field;
    while (next_field(&reader, &field))
        read_log_field(&field, &out);
    return out;
}
