/* tags_json.c - see tags_json.h. */
#include "api/tags_json.h"

#include <string.h>

typedef struct Reader {
    Str all;
    size_t at;
    Arena *arena;
    Err *err;
} Reader;

static bool broken(Reader *reader, const char *wanted)
{
    return fail(reader->err, ERR_INPUT, "byte %zu: expected %s", reader->at, wanted);
}

static int peek(Reader *reader)
{
    while (reader->at < reader->all.len && strchr(" \t\r\n", reader->all.ptr[reader->at]) &&
           reader->all.ptr[reader->at])
        reader->at++;
    return reader->at < reader->all.len ? (unsigned char)reader->all.ptr[reader->at] : -1;
}

static bool take(Reader *reader, char wanted)
{
    if (peek(reader) != (unsigned char)wanted)
        return false;
    reader->at++;
    return true;
}

static bool hex4(Reader *reader, uint32_t *out)
{
    uint8_t bytes[2];
    if (reader->all.len - reader->at < 4 ||
        !str_unhex((Str){ reader->all.ptr + reader->at, 4 }, bytes, sizeof bytes))
        return broken(reader, "four hexadecimal digits");
    *out = (uint32_t)bytes[0] << 8 | bytes[1];
    reader->at += 4;
    return true;
}

static size_t utf8_write(char *out, uint32_t code)
{
    size_t tail = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const uint8_t lead[] = { 0, 0xC0, 0xE0, 0xF0 };
    out[0] = (char)(lead[tail] | code >> (6 * tail));
    for (size_t i = 1; i <= tail; i++)
        out[i] = (char)(0x80 | (code >> (6 * (tail - i)) & 0x3F));
    return tail + 1;
}

/* Behind "\u": one character, two escapes when it needs a surrogate pair. */
static bool unicode_escape(Reader *reader, char *out, size_t *len)
{
    uint32_t code, low;
    if (!hex4(reader, &code))
        return false;
    if (code >= 0xDC00 && code <= 0xDFFF)
        return broken(reader, "a first half of a surrogate pair");
    if (code >= 0xD800 && code <= 0xDBFF) {
        if (reader->all.len - reader->at < 2 || memcmp(reader->all.ptr + reader->at, "\\u", 2) != 0)
            return broken(reader, "the second half of a surrogate pair");
        reader->at += 2;
        if (!hex4(reader, &low))
            return false;
        if (low < 0xDC00 || low > 0xDFFF)
            return broken(reader, "the second half of a surrogate pair");
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    *len += utf8_write(out + *len, code);
    return true;
}

static bool escape(Reader *reader, char *out, size_t *len)
{
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    if (reader->at >= reader->all.len)
        return broken(reader, "the rest of an escape");
    char letter = reader->all.ptr[reader->at++];
    if (letter == 'u')
        return unicode_escape(reader, out, len);
    const char *found = letter ? strchr(letters, letter) : NULL;
    if (!found)
        return broken(reader, "an escape that JSON knows");
    out[(*len)++] = meant[found - letters];
    return true;
}

/* An escape is never shorter than what it stands for, so the text's own length is room enough. */
static bool read_string(Reader *reader, Str *out)
{
    if (!take(reader, '"'))
        return broken(reader, "a string");
    char *text = arena_alloc(reader->arena, reader->all.len - reader->at + 1, 1, reader->err);
    if (!text)
        return false;
    size_t len = 0;
    while (reader->at < reader->all.len) {
        char c = reader->all.ptr[reader->at++];
        if (c == '"') {
            *out = (Str){ text, len };
            return true;
        }
        if ((unsigned char)c < 0x20)
            return broken(reader, "no control character in a string");
        if (c != '\\')
            text[len++] = c;
        else if (!escape(reader, text, &len))
            return false;
    }
    return broken(reader, "the end of the string");
}

/* A string, or a number, true or false by its letters. */
static bool read_scalar(Reader *reader, Str *out)
{
    if (peek(reader) == '"')
        return read_string(reader, out);
    size_t start = reader->at;
    while (reader->at < reader->all.len && reader->all.ptr[reader->at] &&
           strchr("+-.0123456789aeflrstuE", reader->all.ptr[reader->at]))
        reader->at++;
    *out = (Str){ reader->all.ptr + start, reader->at - start };
    double number;
    if (str_eq(*out, STR("true")) || str_eq(*out, STR("false")) || str_to_double(*out, &number))
        return true;
    reader->at = start;
    return broken(reader, "a string");
}

static bool read_pair(Reader *reader, TextPair *out)
{
    if (!read_string(reader, &out->key))
        return false;
    if (!take(reader, ':'))
        return broken(reader, "':'");
    return read_scalar(reader, &out->value);
}

bool tags_json_read(Str text, Arena *arena, TextPair *pairs, size_t max, size_t *count, Err *err)
{
    Reader reader = { .all = text, .arena = arena, .err = err };
    if (!take(&reader, '{'))
        return broken(&reader, "'{'");
    bool more = peek(&reader) != '}';
    while (more) {
        if (*count == max)
            return fail(err, ERR_INPUT, "more than %zu tags", max);
        if (!read_pair(&reader, &pairs[*count]))
            return false;
        ++*count;
        more = take(&reader, ',');
    }
    if (!take(&reader, '}'))
        return broken(&reader, "'}'");
    return peek(&reader) < 0 || broken(&reader, "nothing behind '}'");
}
