/* entry_view.c - values and attributes of records as views; see entry_view.h. */
#include "sdk/entry_view.h"
#include "sdk/tracer.h"

CryoString view_text(Viewer *viewer, Str text)
{
    Str copy = { "", 0 };
    if (!viewer->failed && text.len > 0)
        viewer->failed = !arena_copy(viewer->arena, text, &copy, viewer->err);
    return (CryoString){ copy.ptr, copy.len };
}

void *view_room(Viewer *viewer, size_t count, size_t size)
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
    CryoString *strings = view_room(viewer, count, sizeof *strings);
    pos = entry->value;
    for (size_t i = 0; strings && i < count; i++) {
        bytes_read(&pos, &len, sizeof len);
        strings[i] = view_text(viewer, text_take(&pos, len, &viewer->scratch));
    }
    return cryo_strings(strings, strings ? count : 0);
}

static CryoValue plain_array_of(Viewer *viewer, const Entry *entry)
{
    CryoType type = (CryoType)entry->head->type;
    size_t size = type == CRYO_BOOLEAN_ARRAY ? sizeof(bool) : sizeof(uint64_t);
    size_t count = entry->head->value_len / size;
    RecordPos pos = entry->value;
    void *room = view_room(viewer, count, size);
    if (room)
        bytes_read(&pos, room, entry->head->value_len);
    return cryo_array(type, room, room ? count : 0);
}

CryoValue view_value(Viewer *viewer, const Entry *entry)
{
    RecordPos pos = entry->value;
    uint32_t len = entry->head->value_len;
    CryoValue value = { .type = (CryoType)entry->head->type };
    uint64_t truth = 0;
    switch (value.type) {
    case CRYO_EMPTY: break;
    case CRYO_STRING:
        value.as.string = view_text(viewer, text_take(&pos, len, &viewer->scratch));
        break;
    case CRYO_BYTES:
        value.as.string = view_text(viewer, bytes_take(&pos, len, &viewer->scratch.piece));
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

void view_attribute(Viewer *viewer, const Entry *entry, CryoAttr *out)
{
    out->key = view_text(viewer, text_repaired(entry->key, &viewer->scratch));
    out->value = view_value(viewer, entry);
}

void view_scope(Viewer *viewer, const Record *record, CryoString *name, CryoString *version)
{
    const CryoTracer *tracer = record->tracer ? record->tracer : viewer->batch->tracer;
    *name = view_text(viewer, text_repaired(tracer->name, &viewer->scratch));
    *version = view_text(viewer, text_repaired(tracer->version, &viewer->scratch));
}

void *view_all(Viewer *viewer, size_t size, void (*fill)(Viewer *viewer, void *views))
{
    viewer->scratch = TEXT_SCRATCH;
    void *views = view_room(viewer, viewer->batch->count, size);
    if (views)
        fill(viewer, views);
    if (!viewer->failed && (viewer->scratch.piece.failed || viewer->scratch.repaired.failed))
        viewer->failed =
            !fail(viewer->err, ERR_MEMORY, "no memory to read %zu records", viewer->batch->count);
    text_scratch_free(&viewer->scratch);
    return viewer->failed ? NULL : views;
}
