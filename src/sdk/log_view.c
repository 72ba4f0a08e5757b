/* log_view.c - log records to the read-only structs of <cryostorm/exporter.h>; see entry_view.h. */
#include "sdk/entry_view.h"

#include <string.h>

static void entries_view(Viewer *viewer, const Record *record, CryoAttr *attributes,
                         CryoLogView *out)
{
    Entry entry;
    for (RecordPos pos = record_begin(record); record_next(&pos, &entry) && !viewer->failed;) {
        uint32_t len = entry.head->value_len;
        if (entry.head->kind == ENTRY_ATTRIBUTE)
            view_attribute(viewer, &entry, &attributes[out->attributes.count++]);
        else if (entry.head->kind == ENTRY_BODY)
            out->body = view_value(viewer, &entry);
        else if (entry.head->kind == ENTRY_NAME)
            out->event_name = view_text(viewer, text_take(&entry.value, len, &viewer->scratch));
        else if (entry.head->kind == ENTRY_SEVERITY)
            out->severity_text = view_text(viewer, text_take(&entry.value, len, &viewer->scratch));
    }
}

static void log_view_of(Viewer *viewer, const Record *record, CryoLogView *out)
{
    const RecordBatch *batch = viewer->batch;
    Str severity = record->kind ? severity_name(record->kind) : STR("");
    *out = (CryoLogView){
        .size = sizeof *out,
        .time_ns = (uint64_t)wall_time(batch, record->start_ns, record->bits & RECORD_START_WALL),
        .observed_ns = (uint64_t)(record->end_ns + batch->wall_offset_ns),
        .severity = record->kind,
        .severity_text = { severity.ptr, severity.len },
        .event_name = { "", 0 }, /* no pointer of a view is NULL that one might compare */
        .dropped_attributes = record->dropped_attributes,
        .flags = record->flags,
        .resource = { batch->resource->attributes, batch->resource->count },
    };
    memcpy(out->trace_id, record->trace_id, sizeof out->trace_id);
    memcpy(out->span_id, record->span_id, sizeof out->span_id);
    view_scope(viewer, record, &out->scope_name, &out->scope_version);
    CryoAttr *attributes = view_room(viewer, record->attributes, sizeof *attributes);
    out->attributes = (CryoAttrs){ attributes, 0 };
    entries_view(viewer, record, attributes, out);
}

static void views_of(Viewer *viewer, void *out)
{
    CryoLogView *views = out;
    for (size_t i = 0; i < viewer->batch->count && !viewer->failed; i++)
        log_view_of(viewer, viewer->batch->records[i], &views[i]);
}

void *logs_view(const Outgoing *outgoing, Arena *arena, Err *err)
{
    Viewer viewer = { .batch = outgoing->batch, .arena = arena, .err = err };
    return view_all(&viewer, sizeof(CryoLogView), views_of);
}
