/* json_reader.c - reads JSON from borrowed text; see json_reader.h. */
#include "codec/json_reader.h"

#include "codec/json_number.h"

#include <stdio.h>
#include <string.h>

JsonReader json_reader(Str text)
{
    const char *end = text.len ? text.ptr + text.len : text.ptr;
    return (JsonReader){
        .start = text.ptr, .at = text.ptr, .end = end, .token = text.ptr, .unescaped = BUF(text.len)
    }; /* what is meant is never longer */
}

void json_reader_done(JsonReader *reader)
{
    buf_free(&reader->unescaped);
}

/* ---- failing ---- */

static bool stop(JsonReader *reader)
{
    reader->failed = true;
    reader->at = reader->end;
    return false;
}

static COLD bool place_blame(JsonReader *reader)
{
    size_t line = 1, column = 1;
    for (const char *c = reader->start; c < reader->token; c++) {
        column = *c == '\n' ? 1 : column + 1;
        line += *c == '\n';
    }
    blame(&reader->err, "line %zu, column %zu", line, column);
    return stop(reader);
}

bool json_read_fail(JsonReader *reader, ErrKind kind, const char *format, ...)
{
    if (reader->failed)
        return false;
    va_list args;
    va_start(args, format);
    reader->err.kind = kind;
    vsnprintf(reader->err.text, sizeof reader->err.text, format, args);
    va_end(args);
    return place_blame(reader);
}

static COLD bool expected(JsonReader *reader, const char *what)
{
    reader->token = reader->at;
    return json_read_fail(reader, ERR_INPUT, "expected %s", what);
}

/* ---- structure ---- */

static inline void skip_space(JsonReader *reader)
{
    while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\n' ||
                                        *reader->at == '\r' || *reader->at == '\t'))
        reader->at++;
    reader->token = reader->at;
}

static inline bool next_is(const JsonReader *reader, char wanted)
{
    return reader->at < reader->end && *reader->at == wanted;
}

JsonKind json_peek(JsonReader *reader)
{
    skip_space(reader);
    if (reader->at == reader->end)
        return JSON_NO_VALUE;
    switch (*reader->at) {
    case '{': return JSON_OBJECT;
    case '[': return JSON_ARRAY;
    case '"': return JSON_TEXT;
    case 't':
    case 'f': return JSON_BOOL;
    case 'n': return JSON_NULL;
    default:
        return *reader->at == '-' || (*reader->at >= '0' && *reader->at <= '9') ? JSON_NUMBER
                                                                                : JSON_NO_VALUE;
    }
}

static bool enter(JsonReader *reader, char open, const char *what)
{
    skip_space(reader);
    if (!next_is(reader, open))
        return expected(reader, what);
    if (reader->depth == JSON_READ_DEPTH)
        return json_read_fail(reader, ERR_INPUT, "nested deeper than %d levels", JSON_READ_DEPTH);
    reader->at++;
    reader->depth++;
    reader->first = true;
    return true;
}

bool json_read_object(JsonReader *reader)
{
    return enter(reader, '{', "an object");
}

bool json_read_array(JsonReader *reader)
{
    return enter(reader, '[', "an array");
}

/* Is there another member? Takes the comma before it, or the bracket behind the last. */
static bool another(JsonReader *reader, char close, const char *what)
{
    skip_space(reader);
    bool first = reader->first;
    reader->first = false;
    if (next_is(reader, close)) {
        reader->at++;
        reader->depth--;
        return false;
    }
    if (first)
        return !reader->failed;
    if (!next_is(reader, ','))
        return expected(reader, what);
    reader->at++;
    return true;
}

bool json_read_element(JsonReader *reader)
{
    return another(reader, ']', "',' or ']'");
}

bool json_read_key(JsonReader *reader, Str *key)
{
    if (!another(reader, '}', "',' or '}'"))
        return false;
    skip_space(reader);
    if (!next_is(reader, '"'))
        return expected(reader, "a key in quotes");
    if (!json_read_text(reader, key))
        return false;
    const char *token = reader->token;
    skip_space(reader);
    if (!next_is(reader, ':'))
        return expected(reader, "':'");
    reader->token = token;
    reader->at++;
    return true;
}

bool json_read_end(JsonReader *reader, Err *err)
{
    skip_space(reader);
    if (reader->at < reader->end)
        expected(reader, "nothing behind the document");
    if (reader->failed)
        *err = reader->err;
    return !reader->failed;
}

/* ---- text ---- */

#define EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))
#define HIGH_BITS       EACH_BYTE(0x80)

/* Does one of eight bytes end a plain run: a quote, a backslash, a control character? */
static inline bool ends_run(uint64_t word)
{
    uint64_t quote = word ^ EACH_BYTE('"'), slash = word ^ EACH_BYTE('\\');
    uint64_t zeros = ((quote - EACH_BYTE(1)) & ~quote) | ((slash - EACH_BYTE(1)) & ~slash);
    uint64_t controls = (word - EACH_BYTE(0x20)) & ~word;
    return ((zeros | controls) & HIGH_BITS) != 0;
}

static const char *run_end(const char *at, const char *end)
{
    while (end - at >= 8) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        if (ends_run(word))
            break;
        at += 8;
    }
    while (at < end && *at != '"' && *at != '\\' && (unsigned char)*at >= 0x20)
        at++;
    return at;
}

/* The four digits behind "\u", where there are some. */
static bool hex4(const char *at, const char *end, uint32_t *out)
{
    uint8_t bytes[2];
    if (end - at < 4 || !str_unhex((Str){ at, 4 }, bytes, sizeof bytes))
        return false;
    *out = (uint32_t)bytes[0] << 8 | bytes[1];
    return true;
}

/* Behind "\u": one character, two escapes when it needs a surrogate pair. */
static bool unicode_escape(JsonReader *reader)
{
    uint32_t code, low = 0;
    if (!hex4(reader->at, reader->end, &code))
        return expected(reader, "four hexadecimal digits");
    reader->at += 4;
    if (code >= 0xD800 && code <= 0xDFFF) {
        bool pair = code <= 0xDBFF && reader->end - reader->at >= 6 && reader->at[0] == '\\' &&
                    reader->at[1] == 'u' && hex4(reader->at + 2, reader->end, &low) &&
                    low >= 0xDC00 && low <= 0xDFFF;
        code = pair ? 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00) : 0xFFFD;
        reader->at += pair ? 6 : 0;
    }
    buf_add_utf8(&reader->unescaped, code);
    return true;
}

static bool escape(JsonReader *reader)
{
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    char letter = ++reader->at < reader->end ? *reader->at : 0;
    const char *found = letter ? strchr(letters, letter) : NULL;
    if (!found && letter != 'u')
        return expected(reader, "an escape that JSON knows");
    reader->at++;
    if (!found)
        return unicode_escape(reader);
    buf_add_byte(&reader->unescaped, meant[found - letters]);
    return true;
}

/* From the first backslash on, what is meant is gathered. */
static bool read_escaped(JsonReader *reader, const char *start, Str *out)
{
    buf_clear(&reader->unescaped);
    buf_add(&reader->unescaped, (Str){ start, (size_t)(reader->at - start) });
    while (next_is(reader, '\\')) {
        if (!escape(reader))
            return false;
        start = reader->at;
        reader->at = run_end(start, reader->end);
        buf_add(&reader->unescaped, (Str){ start, (size_t)(reader->at - start) });
    }
    if (!buf_ok(&reader->unescaped, &reader->err))
        return stop(reader);
    *out = buf_str(&reader->unescaped);
    return true;
}

bool json_read_text(JsonReader *reader, Str *out)
{
    skip_space(reader);
    if (!next_is(reader, '"'))
        return expected(reader, "a text in quotes");
    const char *token = reader->at, *start = reader->at + 1;
    reader->at = run_end(start, reader->end);
    *out = (Str){ start, (size_t)(reader->at - start) };
    if (UNLIKELY(next_is(reader, '\\')) && !read_escaped(reader, start, out))
        return false;
    if (!next_is(reader, '"'))
        return expected(reader, reader->at == reader->end ? "the end of the text"
                                                          : "no control character in a text");
    reader->at++;
    reader->token = token;
    return true;
}

/* ---- the other values ---- */

bool json_read_number(JsonReader *reader, Str *letters)
{
    skip_space(reader);
    Str rest = { reader->at, (size_t)(reader->end - reader->at) };
    *letters = str_first(rest, json_number_length(rest));
    if (!letters->len)
        return expected(reader, "a number");
    reader->at += letters->len;
    return true;
}

static bool take_word(JsonReader *reader, Str word)
{
    Str rest = { reader->at, (size_t)(reader->end - reader->at) };
    if (!str_starts(rest, word))
        return false;
    reader->at += word.len;
    return true;
}

bool json_read_bool(JsonReader *reader, bool *out)
{
    skip_space(reader);
    *out = take_word(reader, STR("true"));
    return *out || take_word(reader, STR("false")) || expected(reader, "true or false");
}

bool json_read_null(JsonReader *reader)
{
    skip_space(reader);
    return take_word(reader, STR("null")) || expected(reader, "null");
}

bool json_skip(JsonReader *reader)
{
    Str ignored;
    bool either;
    switch (json_peek(reader)) {
    case JSON_OBJECT:
        json_read_object(reader);
        while (json_read_key(reader, &ignored))
            json_skip(reader);
        return !reader->failed;
    case JSON_ARRAY:
        json_read_array(reader);
        while (json_read_element(reader))
            json_skip(reader);
        return !reader->failed;
    case JSON_TEXT: return json_read_text(reader, &ignored);
    case JSON_NUMBER: return json_read_number(reader, &ignored);
    case JSON_BOOL: return json_read_bool(reader, &either);
    case JSON_NULL: return json_read_null(reader);
    case JSON_NO_VALUE:
    default: return expected(reader, "a value");
    }
}

/* ---- base64 ---- */

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

bool json_unbase64(Str text, Buf *out)
{
    size_t digits = text.len;
    if (digits % 4 == 0)
        for (int padding = 0; padding < 2 && digits && text.ptr[digits - 1] == '='; padding++)
            digits--;
    if (digits % 4 == 1)
        return false;
    uint32_t bits = 0;
    for (size_t i = 0; i < digits; i++) {
        int digit = base64_digit(text.ptr[i]);
        if (digit < 0)
            return false;
        bits = bits << 6 | (uint32_t)digit;
        if (i % 4)
            buf_add_byte(out, (char)(bits >> (6 - 2 * (i % 4))));
    }
    return true;
}
