/* settings_text.c - JSON objects and arrays as settings hold them; see settings_row.h.
 *
 * What a map or list of settings can be: an object, or an array of texts. One pass, everything into
 * the arena; objects and arrays nest as deep as values may (CRYO_DEPTH_MAX).
 */
#include "sdk/settings_row.h"

#include "codec/json_number.h"
#include "codec/json_reader.h"

#include <string.h>

enum { ARRAY_MAX = 256, TEXT_MAX = 16 << 10, LIST_MAX = 64 << 10 };

typedef struct Reader {
    JsonReader json;
    Arena *arena;
    uint32_t depth; /* of objects and arrays within the outermost */
} Reader;

/* ---- values ---------------------------------------------------------------------------------- */

/* Memory has said no: the reader fails with that. */
static bool starved(Reader *reader, const Err *err)
{
    return json_read_fail(&reader->json, err->kind, "%s", err->text);
}

static bool keep_text(Reader *reader, Str text, CryoString *out)
{
    Err err;
    Str kept;
    if (text.len > TEXT_MAX)
        return json_read_fail(&reader->json, ERR_LIMIT, "a text of more than %d bytes", TEXT_MAX);
    if (!arena_copy(reader->arena, text, &kept, &err))
        return starved(reader, &err);
    *out = (CryoString){ kept.ptr, kept.len };
    return true;
}

static bool read_text(Reader *reader, CryoValue *out)
{
    Str text;
    CryoString kept;
    if (!json_read_text(&reader->json, &text) || !keep_text(reader, text, &kept))
        return false;
    *out = cryo_string(kept);
    return true;
}

static bool read_number(Reader *reader, CryoValue *out)
{
    Str letters;
    int64_t integer;
    double real;
    if (!json_read_number(&reader->json, &letters))
        return false;
    if (str_to_i64(letters, &integer))
        *out = cryo_integer(integer);
    else if (json_number_double(letters, &real))
        *out = cryo_double(real);
    else
        return json_read_fail(&reader->json, ERR_INPUT, "the number is too large");
    return true;
}

/* An array of one kind of scalars is kept as such. */
static CryoType array_type(const CryoValue *items, size_t count)
{
    static const CryoType arrays[] = { [CRYO_STRING] = CRYO_STRING_ARRAY,
                                       [CRYO_BOOLEAN] = CRYO_BOOLEAN_ARRAY,
                                       [CRYO_INTEGER] = CRYO_INTEGER_ARRAY,
                                       [CRYO_DOUBLE] = CRYO_DOUBLE_ARRAY };
    CryoType first = count ? items[0].type : CRYO_STRING;
    bool alike = first != CRYO_EMPTY && first <= CRYO_DOUBLE;
    for (size_t i = 1; i < count; i++)
        alike = alike && items[i].type == first;
    return alike ? arrays[first] : CRYO_VALUE_ARRAY;
}

static bool array_of(Reader *reader, const CryoValue *items, size_t count, CryoValue *out)
{
    CryoType type = array_type(items, count);
    size_t size = type == CRYO_STRING_ARRAY    ? sizeof(CryoString)
                  : type == CRYO_BOOLEAN_ARRAY ? sizeof(bool)
                  : type == CRYO_VALUE_ARRAY   ? sizeof(CryoValue)
                                               : sizeof(int64_t);
    Err err;
    char *room = arena_alloc(reader->arena, count + 1, size, &err);
    if (!room)
        return starved(reader, &err);
    for (size_t i = 0; i < count; i++)
        memcpy(room + i * size,
               type == CRYO_VALUE_ARRAY ? (const void *)&items[i] : (const void *)&items[i].as,
               size);
    *out = cryo_array(type, room, count);
    return true;
}

static bool read_value(Reader *reader, CryoValue *out);

static bool read_array(Reader *reader, CryoValue *out)
{
    CryoValue items[ARRAY_MAX];
    size_t count = 0;
    if (!json_read_array(&reader->json))
        return false;
    while (json_read_element(&reader->json)) {
        if (count == ARRAY_MAX)
            return json_read_fail(&reader->json, ERR_LIMIT, "an array of more than %d", ARRAY_MAX);
        if (!read_value(reader, &items[count++]))
            return false;
    }
    return !reader->json.failed && array_of(reader, items, count, out);
}

static bool read_map(Reader *reader, CryoAttrs *out)
{
    CryoAttr pairs[CRYO_MAP_MAX];
    size_t count = 0;
    Str key;
    Err err;
    if (!json_read_object(&reader->json))
        return false;
    while (json_read_key(&reader->json, &key)) {
        if (count == CRYO_MAP_MAX)
            return json_read_fail(&reader->json, ERR_LIMIT, "more than %d keys", CRYO_MAP_MAX);
        CryoAttr *pair = &pairs[count++];
        if (!keep_text(reader, key, &pair->key) || !read_value(reader, &pair->value))
            return false;
    }
    if (reader->json.failed)
        return false;
    if (reader->depth > 0)
        count = setting_unique(pairs, count);
    CryoAttr *kept = ARENA_MAKE(reader->arena, CryoAttr, count + 1, &err);
    if (!kept)
        return starved(reader, &err);
    if (count)
        memcpy(kept, pairs, count * sizeof *kept);
    *out = (CryoAttrs){ kept, count };
    return true;
}

static bool read_nested(Reader *reader, JsonKind kind, CryoValue *out)
{
    if (reader->depth == CRYO_DEPTH_MAX)
        return json_read_fail(&reader->json, ERR_LIMIT, "nests deeper than %d", CRYO_DEPTH_MAX);
    CryoAttrs pairs = { NULL, 0 };
    reader->depth++;
    bool good = kind == JSON_ARRAY ? read_array(reader, out) : read_map(reader, &pairs);
    reader->depth--;
    if (good && kind == JSON_OBJECT)
        *out = cryo_map(pairs);
    return good;
}

static bool read_value(Reader *reader, CryoValue *out)
{
    JsonKind kind = json_peek(&reader->json);
    bool truth;
    *out = (CryoValue){ .type = CRYO_EMPTY };
    switch (kind) {
    case JSON_OBJECT:
    case JSON_ARRAY: return read_nested(reader, kind, out);
    case JSON_TEXT: return read_text(reader, out);
    case JSON_NUMBER: return read_number(reader, out);
    case JSON_BOOL:
        if (!json_read_bool(&reader->json, &truth))
            return false;
        *out = cryo_boolean(truth);
        return true;
    case JSON_NULL: return json_read_null(&reader->json);
    case JSON_NO_VALUE: return json_skip(&reader->json); /* which fails, and says why */
    }
    return false;
}

/* ---- the two forms --------------------------------------------------------------------------- */

static bool finish(Reader *reader, Err *err)
{
    bool good = json_read_end(&reader->json, err) ||
                (err->kind == ERR_INPUT ? blame(err, "is not JSON") : false);
    json_reader_done(&reader->json);
    return good;
}

bool json_to_map(Str text, CryoAttrs *out, Arena *arena, Err *err)
{
    Reader reader = { .json = json_reader(text), .arena = arena };
    if (json_peek(&reader.json) != JSON_OBJECT) {
        json_reader_done(&reader.json);
        return fail(err, ERR_INPUT, "must be a JSON object such as {\"key\": \"value\"}");
    }
    bool good = read_map(&reader, out);
    return finish(&reader, err) && good;
}

bool json_to_list(Str text, Buf *out, Err *err)
{
    Arena *arena = arena_new(LIST_MAX, err);
    if (!arena)
        return false;
    Reader reader = { .json = json_reader(text), .arena = arena };
    CryoValue list;
    bool good = read_array(&reader, &list);
    good = finish(&reader, err) && good;
    if (good && list.type != CRYO_STRING_ARRAY)
        good = fail(err, ERR_INPUT, "must be a JSON array of texts, or a,b");
    const CryoString *items = good ? list.as.array.ptr : NULL;
    for (size_t i = 0; good && i < list.as.array.count; i++) {
        if (i > 0)
            buf_add_byte(out, ',');
        buf_add(out, (Str){ items[i].ptr, items[i].len });
    }
    arena_free(arena);
    return good && buf_ok(out, err);
}
