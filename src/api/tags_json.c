/* tags_json.c - see tags_json.h. */
#include "api/tags_json.h"

#include "codec/json_reader.h"

#include <string.h>

typedef struct TagsRoom { /* where they go */
    Arena *arena;
    TextPair *pairs;
    size_t max, *count;
} TagsRoom;

static bool keep(Arena *arena, Str text, Str *out, Err *err)
{
    char *copy = arena_alloc(arena, text.len + 1, 1, err);
    if (!copy)
        return false;
    if (text.len)
        memcpy(copy, text.ptr, text.len);
    *out = (Str){ copy, text.len };
    return true;
}

/* A text, or a number, true or false by its letters. */
static bool read_scalar(JsonReader *json, Str *out)
{
    bool either = false;
    switch (json_peek(json)) {
    case JSON_TEXT: return json_read_text(json, out);
    case JSON_NUMBER: return json_read_number(json, out);
    case JSON_BOOL:
        if (!json_read_bool(json, &either))
            return false;
        *out = either ? STR("true") : STR("false");
        return true;
    case JSON_OBJECT:
    case JSON_ARRAY:
    case JSON_NULL:
    case JSON_NO_VALUE:
    default: return json_read_fail(json, ERR_INPUT, "expected a text");
    }
}

static bool read_pairs(JsonReader *json, TagsRoom *room, Err *err)
{
    Str text;
    json_read_object(json);
    while (json_read_key(json, &text)) {
        if (*room->count == room->max)
            return fail(err, ERR_INPUT, "more than %zu tags", room->max);
        TextPair *pair = &room->pairs[*room->count];
        if (!keep(room->arena, text, &pair->key, err))
            return false;
        if (!read_scalar(json, &text))
            break;
        if (!keep(room->arena, text, &pair->value, err))
            return false;
        ++*room->count;
    }
    return json_read_end(json, err);
}

bool tags_json_read(Str text, Arena *arena, TextPair *pairs, size_t max, size_t *count, Err *err)
{
    JsonReader json = json_reader(text);
    TagsRoom room = { arena, pairs, max, count };
    bool ok = read_pairs(&json, &room, err);
    json_reader_done(&json);
    return ok;
}
