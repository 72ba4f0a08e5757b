/* edit_apply.c - splices edits into a batch; see edit.h and edit_internal.h.
 *
 * Every message around a change becomes a wrap of the Patch, once, its parents first. What is
 * dropped goes at the outermost message that holds nothing else.
 */
#include "otlp/edit_internal.h"
#include "otlp/encode.h"
#include "otlp/patch_internal.h"

#include <assert.h>

/* One application: the patch it fills, and which wraps are there already. */
typedef struct Apply {
    const Batch *batch;
    Patch patch;
    Map wraps;                              /* offset of a field's tag -> its wrap + 1 */
    uint32_t *resources, *scopes, *metrics; /* items that each loses; NULL when none is dropped */
} Apply;

typedef struct Place { /* a field in the batch */
    uint32_t tag, prefix, body, end;
} Place;

static Place place_of(const Batch *batch, uint32_t at)
{
    const char *base = batch->bytes.ptr;
    Str content = index_content(buf_str(&batch->bytes), at);
    Place place = { .tag = at, .prefix = at };
    while ((uint8_t)base[place.prefix] & 0x80)
        place.prefix++;
    place.prefix++;
    place.body = (uint32_t)(content.ptr - base);
    place.end = place.body + (uint32_t)content.len;
    return place;
}

/* The wrap of the field at `place`, inside `parent`; made at first need. */
static bool wrap_place(Apply *apply, Place place, uint32_t parent, uint32_t *wrap, Err *err)
{
    Str key = { (const char *)&place.tag, sizeof place.tag };
    const uint32_t *known = map_get(&apply->wraps, key);
    if (known) {
        *wrap = *known;
        return true;
    }
    uint32_t *kept = ARENA_MAKE(apply->patch.arena, uint32_t, 2, err);
    PatchWrap message = {
        .prefix = place.prefix, .body = place.body, .end = place.end, .parent = parent
    };
    if (!kept || !patch_wrap(&apply->patch, message, wrap, err))
        return false;
    kept[0] = *wrap;
    kept[1] = place.tag;
    return map_put(&apply->wraps, (Str){ (const char *)&kept[1], sizeof kept[1] }, kept, err);
}

static bool wrap_at(Apply *apply, uint32_t at, uint32_t parent, uint32_t *wrap, Err *err)
{
    return wrap_place(apply, place_of(apply->batch, at), parent, wrap, err);
}

/* The LEN field `number` among those in `outer` that holds offset `inside`; with NO_PLACE the last
 * one. False: there is none. */
static bool find_field(const Batch *batch, Place outer, uint32_t number, uint32_t inside,
                       Place *out)
{
    WireReader reader = wire_reader((Str){ batch->bytes.ptr + outer.body, outer.end - outer.body });
    WireField field;
    bool found = false;
    while (wire_next(&reader, &field)) {
        if (field.number != number || field.kind != WIRE_LEN)
            continue;
        Place place = place_of(batch, (uint32_t)(field.start - batch->bytes.ptr));
        if (inside != NO_PLACE && (inside < place.body || inside >= place.end))
            continue;
        *out = place;
        found = true;
    }
    return found;
}

static bool wrap_resource(Apply *apply, size_t resource, uint32_t *wrap, Err *err)
{
    return wrap_at(apply, apply->batch->index.resources[resource].at, PATCH_TOP, wrap, err);
}

static bool wrap_scope(Apply *apply, size_t scope, uint32_t *wrap, Err *err)
{
    size_t resource = batch_resource_of_scope(apply->batch, scope);
    return wrap_resource(apply, resource, wrap, err) &&
           wrap_at(apply, apply->batch->index.scopes[scope].at, *wrap, wrap, err);
}

/* All messages around an item, from the outside in: the innermost is that of its data or scope. */
static bool wrap_around_item(Apply *apply, size_t item, uint32_t *wrap, Err *err)
{
    const Batch *batch = apply->batch;
    if (!wrap_scope(apply, batch_scope_of_item(batch, item), wrap, err))
        return false;
    if (batch->signal != METRICS)
        return true;
    size_t metric = batch_metric_of_item(batch, item);
    Place outer = place_of(batch, batch->index.metrics[metric].at), data;
    bool found = find_field(batch, outer, (uint32_t)metric_view(batch, metric).kind,
                            batch->index.items[item].at, &data);
    assert(found);
    return found && wrap_place(apply, outer, *wrap, wrap, err) &&
           wrap_place(apply, data, *wrap, wrap, err);
}

static bool cut(Apply *apply, uint32_t at, uint32_t wrap, Err *err)
{
    Place place = place_of(apply->batch, at);
    PatchPiece piece = { .at = at, .cut = place.end - at, .wrap = wrap };
    return patch_piece(&apply->patch, piece, err);
}

/* The messages that hold a node's attributes: all wraps to the outside are made, `wrap` is that of
 * the message itself. For resource and scope that is a field of the one that the index names, which
 * may occur several times, or not at all (then *place is where it would have to be put). */
typedef struct Holder {
    uint32_t wrap;
    Place place;
    bool missing;
} Holder;

static bool hold_inner(Apply *apply, uint32_t outer_at, uint32_t inside, Holder *out, Err *err)
{
    Place outer = place_of(apply->batch, outer_at);
    out->missing = !find_field(apply->batch, outer, GROUP_RESOURCE, inside, &out->place);
    if (out->missing) {
        out->place = outer;
        return true;
    }
    return wrap_place(apply, out->place, out->wrap, &out->wrap, err);
}

static bool hold(Apply *apply, NodeId id, uint32_t inside, Holder *out, Err *err)
{
    _Static_assert((int)GROUP_RESOURCE == (int)SCOPES_SCOPE, "hold_inner serves both");
    const Index *index = &apply->batch->index;
    switch ((EditTarget)id.target) {
    case EDIT_RESOURCE:
        return wrap_resource(apply, id.number, &out->wrap, err) &&
               hold_inner(apply, index->resources[id.number].at, inside, out, err);
    case EDIT_SCOPE:
        return wrap_scope(apply, id.number, &out->wrap, err) &&
               hold_inner(apply, index->scopes[id.number].at, inside, out, err);
    case EDIT_ITEM: break;
    }
    out->place = place_of(apply->batch, index->items[id.number].at);
    return wrap_around_item(apply, id.number, &out->wrap, err) &&
           wrap_place(apply, out->place, out->wrap, &out->wrap, err);
}

/* A slot that has a place in the batch. */
static bool apply_slot(Apply *apply, NodeId id, const Slot *slot, Err *err)
{
    Holder holder = { 0 };
    if (slot->state == SLOT_KEPT)
        return true;
    if (!hold(apply, id, slot->at, &holder, err))
        return false;
    PatchPiece piece = { .at = slot->at,
                         .cut = place_of(apply->batch, slot->at).end - slot->at,
                         .wrap = holder.wrap };
    if (slot->state == SLOT_CHANGED)
        piece.with = slot->field;
    return patch_piece(&apply->patch, piece, err);
}

/* The appended attributes, one behind the other; as a message of their own where there is none. */
static bool join_appended(Apply *apply, const Node *node, bool missing, Str *out, Err *err)
{
    Buf bytes = BUF(BATCH_BYTES_MAX);
    for (size_t i = 0; i < node->count; i++)
        if (node->slots[i].at == NO_PLACE && node->slots[i].state == SLOT_CHANGED)
            buf_add(&bytes, node->slots[i].field);
    Buf whole = BUF(BATCH_BYTES_MAX);
    if (missing)
        wire_add_head(&whole, GROUP_RESOURCE, bytes.len);
    buf_add(&whole, buf_str(&bytes));
    bool ok = buf_ok(&bytes, err) && buf_ok(&whole, err) &&
              arena_copy(apply->patch.arena, buf_str(&whole), out, err);
    buf_free(&bytes);
    buf_free(&whole);
    return ok;
}

static bool apply_appended(Apply *apply, const Node *node, Err *err)
{
    Holder holder = { 0 };
    PatchPiece piece = { 0 };
    if (!hold(apply, node->id, NO_PLACE, &holder, err) ||
        !join_appended(apply, node, holder.missing, &piece.with, err))
        return false;
    piece.at = holder.missing ? holder.place.body : holder.place.end;
    piece.wrap = holder.wrap;
    return patch_piece(&apply->patch, piece, err);
}

/* A span's field that occurs once: all that are there go, as a later one would count or be merged,
 * and the new one comes at the end. */
static bool replace_field(Apply *apply, const Node *node, uint32_t number, Str with, Err *err)
{
    Holder holder = { 0 };
    if (!with.len)
        return true;
    if (!hold(apply, node->id, NO_PLACE, &holder, err))
        return false;
    const char *base = apply->batch->bytes.ptr;
    const Place *span = &holder.place;
    WireReader reader = wire_reader((Str){ base + span->body, span->end - span->body });
    for (WireField field; wire_next(&reader, &field);)
        if (field.number == number && field.kind == WIRE_LEN &&
            !cut(apply, (uint32_t)(field.start - base), holder.wrap, err))
            return false;
    PatchPiece piece = { .at = span->end, .wrap = holder.wrap, .with = with };
    return patch_piece(&apply->patch, piece, err);
}

static bool apply_node(Apply *apply, const Node *node, Err *err)
{
    bool appended = false;
    for (size_t i = 0; i < node->count; i++) {
        const Slot *slot = &node->slots[i];
        if (slot->at == NO_PLACE)
            appended = appended || slot->state == SLOT_CHANGED;
        else if (!apply_slot(apply, node->id, slot, err))
            return false;
    }
    return (!appended || apply_appended(apply, node, err)) &&
           replace_field(apply, node, SPAN_TRACE_STATE, node->trace_state, err) &&
           replace_field(apply, node, SPAN_NAME, node->name, err) &&
           replace_field(apply, node, SPAN_STATUS, node->status, err);
}

/* How many items each owner loses. */
static bool count_losses(Apply *apply, const Edits *edits, Err *err)
{
    const IndexCounts *count = &apply->batch->index.count;
    if (!edits->dropped_count)
        return true;
    apply->resources = ARENA_MAKE(apply->patch.arena, uint32_t, count->resources, err);
    apply->scopes = ARENA_MAKE(apply->patch.arena, uint32_t, count->scopes, err);
    apply->metrics = ARENA_MAKE(apply->patch.arena, uint32_t, count->metrics, err);
    if (!apply->resources || !apply->scopes || !apply->metrics)
        return false;
    for (const Node *node = edits->first; node; node = node->next) {
        if (!node->dropped)
            continue;
        size_t scope = batch_scope_of_item(apply->batch, node->id.number);
        apply->scopes[scope]++;
        apply->resources[batch_resource_of_scope(apply->batch, scope)]++;
        if (apply->batch->signal == METRICS)
            apply->metrics[batch_metric_of_item(apply->batch, node->id.number)]++;
    }
    return true;
}

static bool resource_goes(const Apply *apply, size_t resource)
{
    uint32_t lost = apply->resources ? apply->resources[resource] : 0;
    return lost && lost == items_count(batch_resource_items(apply->batch, resource));
}

static bool scope_goes(const Apply *apply, size_t scope)
{
    uint32_t lost = apply->scopes ? apply->scopes[scope] : 0;
    return lost && lost == items_count(batch_scope_items(apply->batch, scope));
}

static bool metric_goes(const Apply *apply, size_t metric)
{
    uint32_t lost = apply->metrics ? apply->metrics[metric] : 0;
    return lost && lost == items_count(batch_metric_items(apply->batch, metric));
}

/* Does the node go with something above it? */
static bool owner_goes(const Apply *apply, NodeId id)
{
    const Batch *batch = apply->batch;
    size_t number = id.number;
    if (!apply->resources)
        return false;
    if (id.target == EDIT_ITEM) {
        if (batch->signal == METRICS && metric_goes(apply, batch_metric_of_item(batch, number)))
            return true;
        number = batch_scope_of_item(batch, number);
    }
    if (id.target != EDIT_RESOURCE) {
        if (scope_goes(apply, number))
            return true;
        number = batch_resource_of_scope(batch, number);
    }
    return resource_goes(apply, number);
}

/* Cuts out whatever loses all its items, the outermost message at once. */
static bool cut_owners(Apply *apply, Err *err)
{
    const Index *index = &apply->batch->index;
    uint32_t wrap;
    for (size_t r = 0; apply->resources && r < index->count.resources; r++)
        if (resource_goes(apply, r) && !cut(apply, index->resources[r].at, PATCH_TOP, err))
            return false;
    for (size_t s = 0; apply->scopes && s < index->count.scopes; s++) {
        size_t resource = batch_resource_of_scope(apply->batch, s);
        if (!scope_goes(apply, s) || resource_goes(apply, resource))
            continue;
        if (!wrap_resource(apply, resource, &wrap, err) ||
            !cut(apply, index->scopes[s].at, wrap, err))
            return false;
    }
    for (size_t m = 0; apply->metrics && m < index->count.metrics; m++) {
        NodeId scope = { EDIT_SCOPE, (uint32_t)batch_scope_of_metric(apply->batch, m) };
        if (!metric_goes(apply, m) || owner_goes(apply, scope))
            continue;
        if (!wrap_scope(apply, scope.number, &wrap, err) ||
            !cut(apply, index->metrics[m].at, wrap, err))
            return false;
    }
    return true;
}

static bool apply_nodes(Apply *apply, const Edits *edits, Err *err)
{
    if (!count_losses(apply, edits, err) || !cut_owners(apply, err))
        return false;
    for (const Node *node = edits->first; node; node = node->next) {
        uint32_t wrap;
        if (owner_goes(apply, node->id))
            continue;
        if (!node->dropped) {
            if (!apply_node(apply, node, err))
                return false;
        } else if (!wrap_around_item(apply, node->id.number, &wrap, err) ||
                   !cut(apply, apply->batch->index.items[node->id.number].at, wrap, err)) {
            return false;
        }
    }
    return true;
}

Batch *edits_apply(Edits *edits, Err *err)
{
    if (!edits->first)
        return batch_ref(edits->batch);
    /* What applying takes is bounded by the edits, which are bounded by their own limit. */
    Apply apply = { .batch = edits->batch, .wraps = MAP(SIZE_MAX / 2) };
    Buf out = batch_room(edits->batch);
    Batch *changed = NULL;
    if (patch_init(&apply.patch, &out, SIZE_MAX / 2, err) && apply_nodes(&apply, edits, err) &&
        patch_apply(&apply.patch, buf_str(&edits->batch->bytes), &out, err))
        changed = batch_from_bytes(edits->batch->signal, &out, err);
    patch_done(&apply.patch);
    buf_free(&out);
    map_free(&apply.wraps);
    return changed;
}
