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

static CryoValue strings_of(Viewer *viewer, const Stored *stored)
{
    size_t count = 0;
    RecordPos pos = stored->pos;
    uint32_t len, left;
    for (left = stored->len; left >= sizeof len; left -= (uint32_t)sizeof len + len) {
        bytes_read(&pos, &len, sizeof len);
        (void)text_take(&pos, len, &viewer->scratch);
        count++;
    }
    CryoString *strings = view_room(viewer, count, sizeof *strings);
    pos = stored->pos;
    for (size_t i = 0; strings && i < count; i++) {
        bytes_read(&pos, &len, sizeof len);
        strings[i] = view_text(viewer, text_take(&pos, len, &viewer->scratch));
    }
    return cryo_strings(strings, strings ? count : 0);
}

static CryoValue plain_array_of(Viewer *viewer, const Stored *stored)
{
    CryoType type = stored->type;
    size_t size = type == CRYO_BOOLEAN_ARRAY ? sizeof(bool) : sizeof(uint64_t);
    size_t count = stored->len / size;
    RecordPos pos = stored->pos;
    void *room = view_room(viewer, count, size);
    if (room)
        bytes_read(&pos, room, stored->len);
    return cryo_array(type, room, room ? count : 0);
}

static CryoValue value_of(Viewer *viewer, const Stored *stored);

static size_t member_count(Stored rest)
{
    StoredMember member;
    size_t count = 0;
    while (stored_next(&rest, &member))
        count++;
    return count;
}

static CryoValue values_of(Viewer *viewer, Stored rest)
{
    StoredMember member;
    size_t count = member_count(rest);
    CryoValue *values = view_room(viewer, count, sizeof *values);
    for (size_t i = 0; values && stored_next(&rest, &member); i++)
        values[i] = value_of(viewer, &member.value);
    return cryo_values(values, values ? count : 0);
}

static CryoValue map_of(Viewer *viewer, Stored rest)
{
    StoredMember member;
    size_t count = member_count(rest);
    CryoAttr *pairs = view_room(viewer, count, sizeof *pairs);
    for (size_t i = 0; pairs && stored_next(&rest, &member); i++) {
        Str key = { member.key, member.key_len };
        pairs[i].key = view_text(viewer, text_repaired(key, &viewer->scratch));
        pairs[i].value = value_of(viewer, &member.value);
    }
    return cryo_map((CryoAttrs){ pairs, pairs ? count : 0 });
}

/* Nesting is as deep as record.c lets it be. */
static CryoValue value_of(Viewer *viewer, const Stored *stored)
{
    RecordPos pos = stored->pos;
    uint32_t len = stored->len;
    CryoValue value = { .type = stored->type };
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
    case CRYO_STRING_ARRAY: return strings_of(viewer, stored);
    case CRYO_BOOLEAN_ARRAY:
    case CRYO_INTEGER_ARRAY:
    case CRYO_DOUBLE_ARRAY: return plain_array_of(viewer, stored);
    case CRYO_VALUE_ARRAY: return values_of(viewer, *stored);
    case CRYO_MAP: return map_of(viewer, *stored);
    }
    return value;
}

CryoValue view_value(Viewer *viewer, const Entry *entry)
{
    Stored stored = entry_value(entry);
    return value_of(viewer, &stored);
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
