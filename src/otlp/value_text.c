/* value_text.c - see value_text.h. */
#include "otlp/value_text.h"

#include "codec/float_text.h"
#include "codec/json.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static void write_value(JsonWriter *json, const ValueView *value);

static void write_list(JsonWriter *json, const ValueView *value)
{
    Fields elements = value_elements(value);
    json_array(json);
    for (ValueView element; value_next(&elements, &element);)
        write_value(json, &element);
    json_end(json);
}

static void write_map(JsonWriter *json, const ValueView *value)
{
    Attributes members = value_members(value);
    json_object(json);
    for (AttributeView member; attributes_next(&members, &member);) {
        json_key(json, member.key);
        write_value(json, &member.value);
    }
    json_end(json);
}

/* Recursion ends: a batch nests at most BATCH_DEPTH_MAX deep, the writer JSON_DEPTH. */
static void write_value(JsonWriter *json, const ValueView *value)
{
    switch (value->kind) {
    case VALUE_EMPTY: json_null(json); break;
    case VALUE_STRING: json_text(json, value->text); break;
    case VALUE_BOOL: json_bool(json, value->boolean); break;
    case VALUE_INT: json_i64(json, value->integer); break;
    case VALUE_DOUBLE: json_double(json, value->real); break;
    case VALUE_BYTES: json_base64(json, value->text); break;
    case VALUE_ARRAY: write_list(json, value); break;
    case VALUE_KVLIST: write_map(json, value); break;
    }
}

/* Digits up to 1e+21 and down to 1e-6; the exponent has no zero in front: 1e-9. */
static void add_finite(double value, Buf *out)
{
    char text[FLOAT_TEXT_SIZE];
    Str number = { text, float_text(value, FLOAT_ANSWER, text) };
    bool padded = number.len > 4 && text[number.len - 4] == 'e' && text[number.len - 2] == '0';
    buf_add(out, padded ? str_first(number, number.len - 2) : number);
    if (padded)
        buf_add_byte(out, text[number.len - 1]);
}

static void add_double(double value, Buf *out)
{
    if (isnan(value))
        buf_add(out, STR("NaN"));
    else if (isinf(value))
        buf_add(out, value > 0 ? STR("Infinity") : STR("-Infinity"));
    else
        add_finite(value, out);
}

/* The writer's base64 stands between quotes; here it does not. */
static void add_base64(Str bytes, Buf *out)
{
    size_t start = out->len;
    JsonWriter json = json_writer(out);
    json_base64(&json, bytes);
    if (out->failed || out->len < start + 2)
        return;
    out->len -= 2;
    memmove(out->ptr + start, out->ptr + start + 1, out->len - start);
}

void value_text(const ValueView *value, Buf *out)
{
    JsonWriter json = json_writer(out);
    switch (value->kind) {
    case VALUE_EMPTY: break;
    case VALUE_STRING: buf_add(out, value->text); break;
    case VALUE_BOOL: buf_add(out, value->boolean ? STR("true") : STR("false")); break;
    case VALUE_INT: buf_addf(out, "%" PRId64, value->integer); break;
    case VALUE_DOUBLE: add_double(value->real, out); break;
    case VALUE_BYTES: add_base64(value->text, out); break;
    case VALUE_ARRAY:
    case VALUE_KVLIST: write_value(&json, value); break;
    }
}

bool value_text_is(const ValueView *value, Str text, Buf *scratch)
{
    if (value->kind == VALUE_STRING)
        return str_eq(value->text, text);
    buf_clear(scratch);
    value_text(value, scratch);
    return !scratch->failed && str_eq(buf_str(scratch), text);
}
