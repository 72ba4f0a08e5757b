/* json.c - writes JSON into a Buf; see json.h. */
#include "codec/json.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

JsonWriter json_writer(Buf *out)
{
    return (JsonWriter){ .out = out, .first = true };
}

static bool in_object(const JsonWriter *json)
{
    if (!json->depth)
        return false;
    uint32_t level = json->depth - 1;
    return json->objects[level / 64] >> (level % 64) & 1;
}

/* What goes before a value: a comma, or nothing. */
static void before_value(JsonWriter *json)
{
    assert(json->keyed || !in_object(json));
    if (!json->keyed && !json->first)
        buf_add_byte(json->out, ',');
    json->first = false;
    json->keyed = false;
}

static void open_level(JsonWriter *json, bool object)
{
    json->too_deep = json->too_deep || json->depth == JSON_DEPTH;
    if (json->too_deep)
        return;
    before_value(json);
    uint32_t level = json->depth++;
    uint64_t bit = UINT64_C(1) << (level % 64);
    uint64_t others = json->objects[level / 64] & ~bit;
    json->objects[level / 64] = object ? others | bit : others;
    buf_add_byte(json->out, object ? '{' : '[');
    json->first = true;
}

void json_object(JsonWriter *json)
{
    open_level(json, true);
}

void json_array(JsonWriter *json)
{
    open_level(json, false);
}

void json_end(JsonWriter *json)
{
    if (json->too_deep)
        return;
    assert(json->depth && !json->keyed);
    buf_add_byte(json->out, in_object(json) ? '}' : ']');
    json->depth--;
    json->first = false;
}

/* Two characters for a short escape, 0 where the character stands for itself or needs \u. */
static char short_escape(char c)
{
    switch (c) {
    case '"': return '"';
    case '\\': return '\\';
    case '\n': return 'n';
    case '\r': return 'r';
    case '\t': return 't';
    case '\b': return 'b';
    case '\f': return 'f';
    default: return 0;
    }
}

/* Printable ASCII; the sign of a char is the machine's. */
static bool is_plain(char c)
{
    unsigned char byte = (unsigned char)c;
    return byte >= 0x20 && byte < 0x7F && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

static void add_escaped(Buf *out, Str one)
{
    char escape = one.len ? short_escape(one.ptr[0]) : 0;
    if (escape)
        buf_add(out, (Str){ (char[]){ '\\', escape }, 2 });
    else if (!one.len)
        buf_add(out, STR("\xEF\xBF\xBD"));
    else if (one.len == 1)
        buf_addf(out, "\\u%04x", (unsigned)(unsigned char)one.ptr[0]);
    else if (str_eq(one, STR("\xE2\x80\xA8")) || str_eq(one, STR("\xE2\x80\xA9")))
        buf_addf(out, "\\u202%c", one.ptr[2] == '\xA8' ? '8' : '9');
    else
        buf_add(out, one);
}

static void add_quoted(Buf *out, Str text)
{
    buf_add_byte(out, '"');
    while (text.len) {
        size_t plain = 0;
        while (plain < text.len && is_plain(text.ptr[plain]))
            plain++;
        buf_add(out, str_first(text, plain));
        text = str_skip(text, plain);
        if (!text.len)
            break;
        size_t step = utf8_step(text);
        add_escaped(out, str_first(text, step));
        text = str_skip(text, step ? step : 1);
    }
    buf_add_byte(out, '"');
}

void json_key(JsonWriter *json, Str key)
{
    if (json->too_deep)
        return;
    assert(in_object(json) && !json->keyed);
    if (!json->first)
        buf_add_byte(json->out, ',');
    json->first = false;
    add_quoted(json->out, key);
    buf_add_byte(json->out, ':');
    json->keyed = true;
}

static void add_value(JsonWriter *json, Str value)
{
    if (json->too_deep)
        return;
    before_value(json);
    buf_add(json->out, value);
}

void json_raw(JsonWriter *json, Str value)
{
    add_value(json, value);
}

void json_text(JsonWriter *json, Str text)
{
    if (json->too_deep)
        return;
    before_value(json);
    add_quoted(json->out, text);
}

void json_bool(JsonWriter *json, bool value)
{
    add_value(json, value ? STR("true") : STR("false"));
}

void json_null(JsonWriter *json)
{
    add_value(json, STR("null"));
}

enum { INTEGER_SIZE = 24 };

static void add_integer(JsonWriter *json, bool negative, uint64_t magnitude, bool quoted)
{
    char text[INTEGER_SIZE], *at = text + INTEGER_SIZE;
    if (quoted)
        *--at = '"';
    do {
        *--at = (char)('0' + magnitude % 10);
        magnitude /= 10;
    } while (magnitude);
    if (negative)
        *--at = '-';
    if (quoted)
        *--at = '"';
    add_value(json, (Str){ at, (size_t)(text + INTEGER_SIZE - at) });
}

static uint64_t magnitude_of(int64_t value)
{
    return value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
}

void json_i64(JsonWriter *json, int64_t value)
{
    add_integer(json, value < 0, magnitude_of(value), false);
}

void json_u64(JsonWriter *json, uint64_t value)
{
    add_integer(json, false, value, false);
}

void json_i64_text(JsonWriter *json, int64_t value)
{
    add_integer(json, value < 0, magnitude_of(value), true);
}

void json_u64_text(JsonWriter *json, uint64_t value)
{
    add_integer(json, false, value, true);
}

/* 15 digits are always exact as text, 17 always suffice; most doubles need 15 or fewer. */
size_t json_double_text(double value, char out[JSON_DOUBLE_SIZE])
{
    int len = 0;
    for (int digits = 15; digits <= 17; digits++) {
        len = snprintf(out, JSON_DOUBLE_SIZE, "%.*g", digits, value);
        if (strtod(out, NULL) == value)
            break;
    }
    char *comma = strchr(out, ','); /* a host program's locale */
    if (comma)
        *comma = '.';
    return (size_t)len;
}

void json_double(JsonWriter *json, double value)
{
    char text[JSON_DOUBLE_SIZE];
    if (isnan(value))
        add_value(json, STR("\"NaN\""));
    else if (isinf(value))
        add_value(json, value > 0 ? STR("\"Infinity\"") : STR("\"-Infinity\""));
    else
        add_value(json, (Str){ text, json_double_text(value, text) });
}

void json_hex(JsonWriter *json, const void *bytes, size_t count)
{
    add_value(json, STR("\""));
    if (json->too_deep)
        return;
    buf_add_hex(json->out, bytes, count);
    buf_add_byte(json->out, '"');
}

static void add_base64_group(Buf *out, const uint8_t *in, size_t count)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = (uint32_t)in[0] << 16;
    bits |= count > 1 ? (uint32_t)in[1] << 8 : 0;
    bits |= count > 2 ? (uint32_t)in[2] : 0;
    char group[4] = { digits[bits >> 18], digits[bits >> 12 & 63], digits[bits >> 6 & 63],
                      digits[bits & 63] };
    if (count < 3)
        group[3] = '=';
    if (count < 2)
        group[2] = '=';
    buf_add(out, (Str){ group, sizeof group });
}

void json_base64(JsonWriter *json, Str bytes)
{
    add_value(json, STR("\""));
    if (json->too_deep)
        return;
    for (; bytes.len; bytes = str_skip(bytes, 3))
        add_base64_group(json->out, (const uint8_t *)bytes.ptr, bytes.len);
    buf_add_byte(json->out, '"');
}

bool json_done(const JsonWriter *json, Err *err)
{
    if (json->too_deep)
        return fail(err, ERR_LIMIT, "JSON nested deeper than %d levels", JSON_DEPTH);
    return buf_ok(json->out, err);
}
