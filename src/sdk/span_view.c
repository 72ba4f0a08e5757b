/* span_view.c - records to the read-only structs of <cryostorm/exporter.h>; see record_batch.h.
 *
 * Everything is copied into one arena, so that a view may outlive its record. That costs; it is for
 * the console, for tests and for exporters of the user's own, none of which is in a hurry.
 */
#include "model/semconv.h"
#include "sdk/entry_view.h"
#include "sdk/site.h"

#include <cryostorm/exporter.h>

#include <string.h>

/* The attributes of the event or link before `pos`, which moves behind them. */
static CryoAttrs owned_attributes(Viewer *viewer, RecordPos *pos)
{
    Entry entry;
    size_t count = 0;
    for (RecordPos ahead = *pos;
         record_next(&ahead, &entry) && entry.head->kind == ENTRY_OWNED_ATTRIBUTE;)
        count++;
    CryoAttr *list = view_room(viewer, count, sizeof *list);
    for (size_t i = 0; i < count && record_next(pos, &entry); i++)
        if (list)
            view_attribute(viewer, &entry, &list[i]);
    return (CryoAttrs){ list, list ? count : 0 };
}

/* ---- events, links --------------------------------------------------------------------------- */

static void event_of(Viewer *viewer, Entry *entry, RecordPos *pos, CryoEventView *out)
{
    int64_t at;
    bytes_read(&entry->value, &at, sizeof at);
    uint32_t len = entry->head->value_len - (uint32_t)sizeof at;
    out->time_ns = (uint64_t)wall_time(viewer->batch, at, entry->head->wall_time);
    out->name = view_text(viewer, text_take(&entry->value, len, &viewer->scratch));
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
    out->trace_state = view_text(viewer, text_take(&entry->value, len, &viewer->scratch));
    out->dropped_attributes = entry->head->dropped;
    out->attributes = owned_attributes(viewer, pos);
}

/* ---- spans ----------------------------------------------------------------------------------- */

enum { SITE_ATTRIBUTES = 3 };

static size_t site_view(Viewer *viewer, const Site *site, CryoAttr *out)
{
    if (!site || site->function.len == 0)
        return 0;
    out[0] =
        (CryoAttr){ cryo_str(ATTR_CODE_FUNCTION), cryo_string(view_text(viewer, site->function)) };
    out[1] = (CryoAttr){ cryo_str(ATTR_CODE_FILE), cryo_string(view_text(viewer, site->file)) };
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
            view_attribute(viewer, &entry, &lists.attributes[out->attributes.count++]);
            break;
        case ENTRY_EVENT: event_of(viewer, &entry, &pos, &lists.events[out->event_count++]); break;
        case ENTRY_LINK: link_of(viewer, &entry, &pos, &lists.links[out->link_count++]); break;
        case ENTRY_NAME:
            out->name = view_text(viewer, text_take(&value, len, &viewer->scratch));
            break;
        case ENTRY_STATUS:
            out->status_description = view_text(viewer, text_take(&value, len, &viewer->scratch));
            break;
        case ENTRY_TRACE_STATE:
            out->trace_state = view_text(viewer, text_take(&value, len, &viewer->scratch));
            break;
        case ENTRY_OWNED_ATTRIBUTE:
        case ENTRY_BODY:
        case ENTRY_SEVERITY:
        case ENTRY_DEAD: break;
        }
    }
}

static void fields_view(Viewer *viewer, const Record *record, CryoSpanView *out)
{
    const RecordBatch *batch = viewer->batch;
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
        .resource = { batch->resource->attributes, batch->resource->count },
    };
    view_scope(viewer, record, &out->scope_name, &out->scope_version);
    memcpy(out->trace_id, record->trace_id, sizeof out->trace_id);
    memcpy(out->span_id, record->span_id, sizeof out->span_id);
    if (record->has_parent)
        memcpy(out->parent_span_id, record->parent_id, sizeof out->parent_span_id);
    if (record->site)
        out->name = view_text(viewer, text_repaired(record->site->name, &viewer->scratch));
}

static void span_view_of(Viewer *viewer, const Record *record, CryoSpanView *out)
{
    fields_view(viewer, record, out);
    Lists lists = {
        .attributes = view_room(viewer, record->attributes + SITE_ATTRIBUTES, sizeof(CryoAttr)),
        .events = view_room(viewer, record->events, sizeof(CryoEventView)),
        .links = view_room(viewer, record->links, sizeof(CryoLinkView)),
    };
    if (viewer->failed)
        return;
    out->attributes = (CryoAttrs){ lists.attributes, 0 };
    out->events = lists.events;
    out->links = lists.links;
    out->attributes.count = site_view(viewer, record->site, lists.attributes);
    entries_view(viewer, record, lists, out);
}

static void views_of(Viewer *viewer, void *out)
{
    CryoSpanView *views = out;
    for (size_t i = 0; i < viewer->batch->count && !viewer->failed; i++)
        span_view_of(viewer, viewer->batch->records[i], &views[i]);
}

void *spans_view(const Outgoing *outgoing, Arena *arena, Err *err)
{
    Viewer viewer = { .batch = outgoing->batch, .arena = arena, .err = err };
    return view_all(&viewer, sizeof(CryoSpanView), views_of);
}
