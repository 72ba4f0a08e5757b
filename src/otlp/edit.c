/* edit.c - changes over a batch, collected; see edit.h and edit_internal.h. */
#include "otlp/edit.h"

#include "otlp/edit_internal.h"
#include "otlp/encode.h"

#include <assert.h>

enum { FIRST_SLOTS = 8 };

Edits *edits_new(Batch *batch, size_t limit, Err *err)
{
    Arena *arena = arena_new_forced(batch_room(batch).purse, limit, err);
    Edits *edits = arena ? ARENA_MAKE(arena, Edits, 1, err) : NULL;
    if (!edits) {
        arena_free(arena);
        return NULL;
    }
    *edits = (Edits){ .batch = batch_ref(batch), .arena = arena, .nodes = MAP(SIZE_MAX / 2) };
    edits->last = &edits->first;
    return edits;
}

void edits_free(Edits *edits)
{
    if (!edits)
        return;
    batch_unref(edits->batch);
    map_free(&edits->nodes);
    arena_free(edits->arena); /* the Edits lie in it too */
}

static Attributes attributes_of(const Batch *batch, NodeId id)
{
    switch ((EditTarget)id.target) {
    case EDIT_RESOURCE: return resource_attributes(batch, id.number);
    case EDIT_SCOPE: return scope_attributes(batch, id.number);
    case EDIT_ITEM: break;
    }
    return item_attributes(batch, id.number);
}

static uint32_t attribute_number(const Batch *batch, NodeId id)
{
    if (id.target == EDIT_RESOURCE)
        return RESOURCE_ATTRIBUTES;
    if (id.target == EDIT_SCOPE)
        return SCOPE_ATTRIBUTES;
    if (batch->signal != METRICS)
        return batch->signal == TRACES ? SPAN_ATTRIBUTES : LOG_ATTRIBUTES;
    switch (metric_view(batch, batch_metric_of_item(batch, id.number)).kind) {
    case METRIC_HISTOGRAM: return HISTOGRAM_ATTRIBUTES;
    case METRIC_EXPONENTIAL: return EXPONENTIAL_ATTRIBUTES;
    case METRIC_SUMMARY: return SUMMARY_ATTRIBUTES;
    case METRIC_EMPTY:
    case METRIC_GAUGE:
    case METRIC_SUM: break;
    }
    return NUMBER_ATTRIBUTES;
}

static bool load_slots(Edits *edits, Node *node, Err *err)
{
    Attributes list = attributes_of(edits->batch, node->id);
    size_t count = (size_t)(list.end - list.at);
    node->cap = count + FIRST_SLOTS;
    node->slots = ARENA_MAKE(edits->arena, Slot, node->cap, err);
    if (!node->slots)
        return false;
    for (; list.at < list.end; list.at++) {
        Str message = index_content(list.bytes, *list.at);
        node->slots[node->count++] =
            (Slot){ .key = attribute_read(message).key, .message = message, .at = *list.at };
    }
    return true;
}

static Node *find_node(const Edits *edits, NodeId id)
{
    return map_get(&edits->nodes, (Str){ (const char *)&id, sizeof id });
}

static Node *touch(Edits *edits, EditTarget target, size_t number, Err *err)
{
    NodeId id = { target, (uint32_t)number };
    Node *node = find_node(edits, id);
    if (node)
        return node;
    node = ARENA_MAKE(edits->arena, Node, 1, err);
    if (!node)
        return NULL;
    node->id = id;
    if (!load_slots(edits, node, err) ||
        !map_put(&edits->nodes, (Str){ (const char *)&node->id, sizeof node->id }, node, err))
        return NULL;
    *edits->last = node;
    edits->last = &node->next;
    return node;
}

static Slot *find_slot(const Node *node, Str key, size_t from)
{
    for (size_t i = from; i < node->count; i++)
        if (node->slots[i].state != SLOT_REMOVED && str_eq(node->slots[i].key, key))
            return &node->slots[i];
    return NULL;
}

/* The attribute as a field of `node`'s message, in the arena. */
static bool encode_slot(Edits *edits, const Node *node, const AttributeView *attribute, Slot *slot,
                        Err *err)
{
    Buf field = BUF(BATCH_BYTES_MAX);
    encode_attribute(&field, attribute_number(edits->batch, node->id), attribute->key,
                     &attribute->value);
    bool ok = buf_ok(&field, err) && arena_copy(edits->arena, buf_str(&field), &slot->field, err);
    buf_free(&field);
    if (!ok)
        return false;
    slot->message = index_content(slot->field, 0);
    slot->key = attribute_read(slot->message).key;
    slot->state = SLOT_CHANGED;
    return true;
}

static bool more_slots(Edits *edits, Node *node, Err *err)
{
    if (node->count < node->cap)
        return true;
    Slot *slots = ARENA_MAKE(edits->arena, Slot, node->cap * 2, err);
    if (!slots)
        return false;
    memcpy(slots, node->slots, node->count * sizeof *slots);
    node->slots = slots;
    node->cap *= 2;
    return true;
}

static bool append(Edits *edits, Node *node, const AttributeView *attribute, Err *err)
{
    Slot slot = { .at = NO_PLACE };
    if (!more_slots(edits, node, err) || !encode_slot(edits, node, attribute, &slot, err))
        return false;
    node->slots[node->count++] = slot;
    return true;
}

bool edits_append(Edits *edits, EditTarget target, size_t number, const AttributeView *attribute,
                  Err *err)
{
    Node *node = touch(edits, target, number, err);
    return node && append(edits, node, attribute, err);
}

static void remove_from(Node *node, Str key, size_t from)
{
    for (Slot *slot; (slot = find_slot(node, key, from));)
        slot->state = SLOT_REMOVED;
}

bool edits_set(Edits *edits, EditTarget target, size_t number, const AttributeView *attribute,
               Err *err)
{
    Node *node = touch(edits, target, number, err);
    Slot *slot = node ? find_slot(node, attribute->key, 0) : NULL;
    if (!slot)
        return node && append(edits, node, attribute, err);
    if (!encode_slot(edits, node, attribute, slot, err))
        return false;
    remove_from(node, slot->key, (size_t)(slot - node->slots) + 1);
    return true;
}

bool edits_remove(Edits *edits, EditTarget target, size_t number, Str key, Err *err)
{
    Node *node = touch(edits, target, number, err);
    if (!node)
        return false;
    remove_from(node, key, 0);
    return true;
}

bool edits_find(const Edits *edits, EditTarget target, size_t number, Str key, ValueView *out)
{
    NodeId id = { target, (uint32_t)number };
    const Node *node = find_node(edits, id);
    if (!node)
        return attributes_find(attributes_of(edits->batch, id), key, out);
    const Slot *slot = find_slot(node, key, 0);
    if (slot)
        *out = attribute_read(slot->message).value;
    return slot;
}

/* Keeps what was written to `field`, which is freed. */
static bool keep_field(Edits *edits, Buf *field, Str *out, Err *err)
{
    bool ok = buf_ok(field, err) && arena_copy(edits->arena, buf_str(field), out, err);
    buf_free(field);
    return ok;
}

bool edits_set_name(Edits *edits, size_t span, Str name, Err *err)
{
    assert(edits->batch->signal == TRACES);
    Node *node = touch(edits, EDIT_ITEM, span, err);
    if (!node)
        return false;
    Buf field = BUF(BATCH_BYTES_MAX);
    wire_add_bytes(&field, SPAN_NAME, name);
    return keep_field(edits, &field, &node->name, err);
}

bool edits_set_trace_state(Edits *edits, size_t span, Str text, Err *err)
{
    assert(edits->batch->signal == TRACES);
    Node *node = touch(edits, EDIT_ITEM, span, err);
    if (!node)
        return false;
    Buf field = BUF(BATCH_BYTES_MAX);
    wire_add_bytes(&field, SPAN_TRACE_STATE, text);
    return keep_field(edits, &field, &node->trace_state, err);
}

bool edits_set_status(Edits *edits, size_t span, StatusCode code, Str message, Err *err)
{
    assert(edits->batch->signal == TRACES);
    Node *node = touch(edits, EDIT_ITEM, span, err);
    if (!node)
        return false;
    Buf field = BUF(BATCH_BYTES_MAX);
    size_t status = wire_open(&field, SPAN_STATUS);
    if (message.len)
        wire_add_bytes(&field, STATUS_MESSAGE, message);
    if (code != STATUS_UNSET)
        wire_add_varint(&field, STATUS_CODE, (uint64_t)code);
    wire_close(&field, status);
    return keep_field(edits, &field, &node->status, err);
}

bool edits_drop_item(Edits *edits, size_t item, Err *err)
{
    Node *node = touch(edits, EDIT_ITEM, item, err);
    if (!node)
        return false;
    edits->dropped_count += !node->dropped;
    node->dropped = true;
    return true;
}
