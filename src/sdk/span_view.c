/* span_view.c - records to the read-only structs of <cryostorm/exporter.h>; see record_batch.h.
 *
 * Everything is copied into one arena, so that a view may outlive its record. That costs; it is for
 * the console, for tests and for exporters of the user's own, none of which is in a hurry.
 */
#include "model/semconv.h"
#include "sdk/record_batch.h"
#include "sdk/site.h"
#include "sdk/text.h"
#include "sdk/tracer.h"

#include <cryostorm/exporter.h>

#include <string.h>

typedef struct Viewer {
    const RecordBatch *batch;
    Arena *arena;
    TextScratch scratch;
    bool failed; /* sticky: err says why */
    Err *err;
} Viewer;

static CryoString kept(Viewer *viewer, Str text)
{
    Str copy = { "", 0 };
    if (!viewer->failed && text.len > 0)
        viewer->failed = !arena_copy(viewer->arena, text, &copy, viewer->err);
    return (CryoString){ copy.ptr, copy.len };
}

static void *made(Viewer *viewer, size_t count, size_t size)
{
    if (viewer->failed || count == 0)
        return NULL;
    void *room = arena_alloc(viewer->arena, count, size, viewer->err);
    viewer->failed = room == NULL;
    return room;
}

/* ---- attributes ------------------------------------------------------------------------------ */

static CryoValue strings_of(Viewer *viewer, const Entry *entry)
{
    size_t count = 0;
    RecordPos pos = entry->value;
    uint32_t len, left;
    for (left = entry->head->value_len; left >= sizeof len; left -= (uint32_t)sizeof len + len) {
        bytes_read(&pos, &len, sizeof len);
        (void)text_take(&pos, len, &viewer->scratch);
        count++;
    }
    CryoString *strings = made(viewer, count, sizeof *strings);
    pos = entry->value;
    for (size_t i = 0; strings && i < count; i++) {
        bytes_read(&pos, &len, sizeof len);
        strings[i] = kept(viewer, text_take(&pos, len, &viewer->scratch));
    }
    return cryo_strings(strings, strings ? count : 0);
}

static CryoValue plain_array_of(Viewer *viewer, const Entry *entry)
{
    CryoType type = (CryoType)entry->head->type;
    size_t size = type == CRYO_BOOLEAN_ARRAY ? sizeof(bool) : sizeof(uint64_t);
    size_t count = entry->head->value_len / size;
    RecordPos pos = entry->value;
    void *room = made(viewer, count, size);
    if (room)
        bytes_read(&pos, room, entry->head->value_len);
    return cryo_array(type, room, room ? count : 0);
}

static CryoValue value_of(Viewer *viewer, const Entry *entry)
{
    RecordPos pos = entry->value;
    uint32_t len = entry->head->value_len;
    CryoValue value = { .type = (CryoType)entry->head->type };
    uint64_t truth = 0;
    switch (value.type) {
    case CRYO_EMPTY: break;
    case CRYO_STRING: value.as.string = kept(viewer, text_take(&pos, len, &viewer->scratch)); break;
    case CRYO_BYTES:
        value.as.string = kept(viewer, bytes_take(&pos, len, &viewer->scratch.piece));
        break;
    case CRYO_BOOLEAN:
        bytes_read(&pos, &truth, sizeof truth);
        value.as.boolean = truth != 0;
        break;
    case CRYO_INTEGER: bytes_read(&pos, &value.as.integer, sizeof value.as.integer); break;
    case CRYO_DOUBLE: bytes_read(&pos, &value.as.real, sizeof value.as.real); break;
    case CRYO_STRING_ARRAY: return strings_of(viewer, entry);
    case CRYO_BOOLEAN_ARRAY:
    case CRYO_INTEGER_ARRAY:
    case CRYO_DOUBLE_ARRAY: return plain_array_of(viewer, entry);
    }
    return value;
}

static void attribute_view(Viewer *viewer, const Entry *entry, CryoAttr *out)
{
    out->key = kept(viewer, text_repaired(entry->key, &viewer->scratch));
    out->value = value_of(viewer, entry);
}

/* The attributes of the event or link before `pos`, which moves behind them. */
static CryoAttrs owned_attributes(Viewer *viewer, RecordPos *pos)
{
    Entry entry;
    size_t count = 0;
    for (RecordPos ahead = *pos;
         record_next(&ahead, &entry) && entry.head->kind == ENTRY_OWNED_ATTRIBUTE;)
        count++;
    CryoAttr *list = made(viewer, count, sizeof *list);
    for (size_t i = 0; i < count && record_next(pos, &entry); i++)
        if (list)
            attribute_view(viewer, &entry, &list[i]);
    return (CryoAttrs){ list, list ? count : 0 };
}

/* ---- events, links --------------------------------------------------------------------------- */

static void event_of(Viewer *viewer, Entry *entry, RecordPos *pos, CryoEventView *out)
{
    int64_t at;
    bytes_read(&entry->value, &at, sizeof at);
    uint32_t len = entry->head->value_len - (uint32_t)sizeof at;
    out->time_ns = (uint64_t)wall_time(viewer->batch, at, entry->head->wall_time);
    out->name = kept(viewer, text_take(&entry->value, len, &viewer->scratch));
    out->dropped_attributes = entry->head->dropped;
    out->attributes = owned_attributes(viewer, pos);
}

static void link_of(Viewer *viewer, Entry *entry, RecordPos *pos, CryoLinkView *out)
{
    LinkHead head;
    bytes_read(&entry->value, &head, sizeof head);
    uint32_t len = entry->head->value_len - (uint32_t)sizeof head;
    memcpy(out->trace_id, head.trace_id, sizeof out->trace_id);
    memcpy(out->span_id, head.span_id, sizeof out->span_id);
    out->flags = head.flags;
    out->is_remote = head.is_remote;
    out->trace_state = kept(viewer, text_take(&entry->value, len, &viewer->scratch));
    out->dropped_attributes = entry->head->dropped;
    out->attributes = owned_attributes(viewer, pos);
}

/* ---- spans ----------------------------------------------------------------------------------- */

enum { SITE_ATTRIBUTES = 3 };

static size_t site_view(Viewer *viewer, const Site *site, CryoAttr *out)
{
    if (!site || site->function.len == 0)
        return 0;
    out[0] = (CryoAttr){ cryo_str(ATTR_CODE_FUNCTION), cryo_string(kept(viewer, site->function)) };
    out[1] = (CryoAttr){ cryo_str(ATTR_CODE_FILE), cryo_string(kept(viewer, site->file)) };
    out[2] = (CryoAttr){ cryo_str(ATTR_CODE_LINE), cryo_integer(site->line) };
    return SITE_ATTRIBUTES;
}

typedef struct Lists {
    CryoAttr *attributes;
    CryoEventView *events;
    CryoLinkView *links;
} Lists;

static void entries_view(Viewer *viewer, const Record *record, Lists lists, CryoSpanView *out)
{
    Entry entry;
    for (RecordPos pos = record_begin(record); record_next(&pos, &entry) && !viewer->failed;) {
        RecordPos value = entry.value;
        uint32_t len = entry.head->value_len;
        switch ((EntryKind)entry.head->kind) {
        case ENTRY_ATTRIBUTE:
            attribute_view(viewer, &entry, &lists.attributes[out->attributes.count++]);
            break;
        case ENTRY_EVENT: event_of(viewer, &entry, &pos, &lists.events[out->event_count++]); break;
        case ENTRY_LINK: link_of(viewer, &entry, &pos, &lists.links[out->link_count++]); break;
        case ENTRY_NAME: out->name = kept(viewer, text_take(&value, len, &viewer->scratch)); break;
        case ENTRY_STATUS:
            out->status_description = kept(viewer, text_take(&value, len, &viewer->scratch));
            break;
        case ENTRY_TRACE_STATE:
            out->trace_state = kept(viewer, text_take(&value, len, &viewer->scratch));
            break;
        case ENTRY_OWNED_ATTRIBUTE:
        case ENTRY_DEAD: break;
        }
    }
}

static void fields_view(Viewer *viewer, const Record *record, CryoSpanView *out)
{
    const RecordBatch *batch = viewer->batch;
    const CryoTracer *tracer = record->tracer ? record->tracer : batch->tracer;
    *out = (CryoSpanView){
        .size = sizeof *out,
        .name = { "", 0 }, /* no pointer of a view is NULL that one might compare */
        .status_description = { "", 0 },
        .trace_state = { "", 0 },
        .flags = record->flags,
        .parent_is_remote = record->bits & RECORD_PARENT_REMOTE,
        .kind = (CryoKind)record->kind,
        .status = (CryoStatus)record->status,
        .start_ns = (uint64_t)wall_time(batch, record->start_ns, record->bits & RECORD_START_WALL),
        .end_ns = (uint64_t)wall_time(batch, record->end_ns, record->bits & RECORD_END_WALL),
        .dropped_attributes = record->dropped_attributes,
        .dropped_events = record->dropped_events,
        .dropped_links = record->dropped_links,
        .scope_name = kept(viewer, text_repaired(tracer->name, &viewer->scratch)),
        .scope_version = kept(viewer, text_repaired(tracer->version, &viewer->scratch)),
        .resource = { batch->resource->attributes, batch->resource->count },
    };
    memcpy(out->trace_id, record->trace_id, sizeof out->trace_id);
    memcpy(out->span_id, record->span_id, sizeof out->span_id);
    if (record->has_parent)
        memcpy(out->parent_span_id, record->parent_id, sizeof out->parent_span_id);
    if (record->site)
        out->name = kept(viewer, text_repaired(record->site->name, &viewer->scratch));
}

static void span_view_of(Viewer *viewer, const Record *record, CryoSpanView *out)
{
    fields_view(viewer, record, out);
    Lists lists = {
        .attributes = made(viewer, record->attributes + SITE_ATTRIBUTES, sizeof(CryoAttr)),
        .events = made(viewer, record->events, sizeof(CryoEventView)),
        .links = made(viewer, record->links, sizeof(CryoLinkView)),
    };
    if (viewer->failed)
        return;
    out->attributes = (CryoAttrs){ lists.attributes, 0 };
    out->events = lists.events;
    out->links = lists.links;
    out->attributes.count = site_view(viewer, record->site, lists.attributes);
    entries_view(viewer, record, lists, out);
}

void *spans_view(const Outgoing *outgoing, Arena *arena, Err *err)
{
    const RecordBatch *batch = outgoing->batch;
    Viewer viewer = { .batch = batch, .arena = arena, .scratch = TEXT_SCRATCH, .err = err };
    CryoSpanView *views = made(&viewer, batch->count, sizeof *views);
    for (size_t i = 0; i < batch->count && !viewer.failed; i++)
        span_view_of(&viewer, batch->records[i], &views[i]);
    if (!viewer.failed && (viewer.scratch.piece.failed || viewer.scratch.repaired.failed))
        viewer.failed = !fail(err, ERR_MEMORY, "no memory to read %zu spans", batch->count);
    text_scratch_free(&viewer.scratch);
    return viewer.failed ? NULL : views;
}
