/* settings_text.c - JSON objects and arrays as settings hold them; see settings_row.h.
 *
 * What a map or list of settings can be: an object, or an array of texts. One pass, everything into
 * the arena; objects and arrays nest as deep as values may (CRYO_DEPTH_MAX).
 */
#include "sdk/settings_row.h"

#include <string.h>

enum { ARRAY_MAX = 256, TEXT_MAX = 16 << 10 };

typedef struct Reader {
    const char *at, *end;
    Arena *arena;
    Err *err;
    uint32_t depth; /* of objects and arrays within the outermost */
} Reader;

static bool bad(Reader *reader, const char *wanted)
{
    size_t left = (size_t)(reader->end - reader->at);
    if (left == 0)
        return fail(reader->err, ERR_INPUT, "is not JSON: it ends where %s should be", wanted);
    return fail(reader->err, ERR_INPUT, "is not JSON: %s expected at '%.*s'", wanted,
                (int)(left < 20 ? left : 20), reader->at);
}

static void skip_space(Reader *reader)
{
    while (reader->at < reader->end && memchr(" \t\r\n", *reader->at, 4))
        reader->at++;
}

static bool took(Reader *reader, char c)
{
    skip_space(reader);
    if (reader->at == reader->end || *reader->at != c)
        return false;
    reader->at++;
    return true;
}

/* ---- text ------------------------------------------------------------------------------------ */

static bool hex4(Reader *reader, uint32_t *out)
{
    uint8_t bytes[2];
    if (reader->end - reader->at < 4 || !str_unhex((Str){ reader->at, 4 }, bytes, 2))
        return false;
    *out = (uint32_t)bytes[0] << 8 | bytes[1];
    reader->at += 4;
    return true;
}

static bool read_unicode(Reader *reader, Buf *out)
{
    uint32_t c, low;
    if (!hex4(reader, &c))
        return bad(reader, "four hexadecimal digits");
    bool pair = c >= 0xD800 && c < 0xDC00 && reader->end - reader->at >= 6 &&
                reader->at[0] == '\\' && reader->at[1] == 'u';
    if (pair) {
        reader->at += 2;
        if (!hex4(reader, &low))
            return bad(reader, "four hexadecimal digits");
        c = 0x10000 + ((c & 0x3FF) << 10) + (low & 0x3FF);
    }
    buf_add_utf8(out, c);
    return true;
}

static bool read_escape(Reader *reader, Buf *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (reader->at == reader->end)
        return bad(reader, "an escape");
    char c = *reader->at++;
    if (c == 'u')
        return read_unicode(reader, out);
    const char *known = memchr(from, c, sizeof from - 1);
    if (!known)
        return bad(reader, "an escape");
    buf_add_byte(out, to[known - from]);
    return true;
}

static bool read_text(Reader *reader, Str *out)
{
    if (!took(reader, '"'))
        return bad(reader, "a text in double quotes");
    Buf text = BUF(TEXT_MAX);
    bool good = true;
    while (good && reader->at < reader->end && *reader->at != '"') {
        char c = *reader->at++;
        if (c == '\\')
            good = read_escape(reader, &text);
        else
            buf_add_byte(&text, c);
    }
    good = good && (reader->at < reader->end || bad(reader, "a closing quote"));
    if (good) {
        reader->at++;
        good = buf_ok(&text, reader->err) &&
               arena_copy(reader->arena, buf_str(&text), out, reader->err);
    }
    buf_free(&text);
    return good;
}

/* ---- values ---------------------------------------------------------------------------------- */

static bool read_number(Reader *reader, CryoValue *out)
{
    const char *start = reader->at;
    while (reader->at < reader->end && memchr("+-.0123456789eE", *reader->at, 15))
        reader->at++;
    Str text = { start, (size_t)(reader->at - start) };
    if (str_to_i64(text, &out->as.integer)) {
        out->type = CRYO_INTEGER;
        return true;
    }
    out->type = CRYO_DOUBLE;
    return str_to_double(text, &out->as.real) || bad(reader, "a value");
}

static bool read_word(Reader *reader, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(reader->end - reader->at) < len || memcmp(reader->at, word, len) != 0)
        return false;
    reader->at += len;
    return true;
}

static bool read_scalar(Reader *reader, CryoValue *out)
{
    skip_space(reader);
    *out = (CryoValue){ .type = CRYO_EMPTY };
    if (reader->at < reader->end && *reader->at == '"') {
        Str text;
        if (!read_text(reader, &text))
            return false;
        *out = cryo_string((CryoString){ text.ptr, text.len });
        return true;
    }
    if (read_word(reader, "true"))
        *out = cryo_boolean(true);
    else if (read_word(reader, "false"))
        *out = cryo_boolean(false);
    else if (!read_word(reader, "null"))
        return read_number(reader, out);
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
    char *room = arena_alloc(reader->arena, count + 1, size, reader->err);
    if (!room)
        return false;
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
    if (!took(reader, ']')) {
        do {
            if (count == ARRAY_MAX)
                return fail(reader->err, ERR_LIMIT, "has an array of more than %d", ARRAY_MAX);
            if (!read_value(reader, &items[count++]))
                return false;
        } while (took(reader, ','));
        if (!took(reader, ']'))
            return bad(reader, "a comma or ]");
    }
    return array_of(reader, items, count, out);
}

static bool read_pair(Reader *reader, CryoAttr *out)
{
    Str key;
    if (!read_text(reader, &key))
        return false;
    out->key = (CryoString){ key.ptr, key.len };
    if (!took(reader, ':'))
        return bad(reader, "a colon");
    return read_value(reader, &out->value);
}

/* Behind the opening brace. */
static bool read_map(Reader *reader, CryoAttrs *out)
{
    CryoAttr pairs[CRYO_MAP_MAX];
    size_t count = 0;
    if (!took(reader, '}')) {
        do {
            if (count == CRYO_MAP_MAX)
                return fail(reader->err, ERR_LIMIT, "has more than %d keys", CRYO_MAP_MAX);
            if (!read_pair(reader, &pairs[count++]))
                return false;
        } while (took(reader, ','));
        if (!took(reader, '}'))
            return bad(reader, "a comma or }");
    }
    if (reader->depth > 0)
        count = setting_unique(pairs, count);
    CryoAttr *kept = ARENA_MAKE(reader->arena, CryoAttr, count + 1, reader->err);
    if (kept && count)
        memcpy(kept, pairs, count * sizeof *kept);
    *out = (CryoAttrs){ kept, count };
    return kept != NULL;
}

static bool read_value(Reader *reader, CryoValue *out)
{
    bool array = took(reader, '['), map = !array && took(reader, '{');
    if (!array && !map)
        return read_scalar(reader, out);
    if (reader->depth == CRYO_DEPTH_MAX)
        return fail(reader->err, ERR_LIMIT, "nests deeper than %d", CRYO_DEPTH_MAX);
    CryoAttrs pairs = { NULL, 0 };
    reader->depth++;
    bool good = array ? read_array(reader, out) : read_map(reader, &pairs);
    reader->depth--;
    if (good && map)
        *out = cryo_map(pairs);
    return good;
}

static bool at_end(Reader *reader)
{
    skip_space(reader);
    return reader->at == reader->end || bad(reader, "nothing more");
}

bool json_to_map(Str text, CryoAttrs *out, Arena *arena, Err *err)
{
    Reader reader = { text.ptr, text.ptr + text.len, arena, err, 0 };
    if (!took(&reader, '{'))
        return fail(err, ERR_INPUT, "must be a JSON object such as {\"key\": \"value\"}");
    return read_map(&reader, out) && at_end(&reader);
}

bool json_to_list(Str text, Buf *out, Err *err)
{
    Arena *arena = arena_new(TEXT_MAX * 4, err);
    if (!arena)
        return false;
    Reader reader = { text.ptr, text.ptr + text.len, arena, err, 0 };
    CryoValue list;
    bool good = took(&reader, '[') && read_array(&reader, &list) && at_end(&reader);
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
