/* attribute_encode.c - see attribute_encode.h. */
#include "sdk/attribute_encode.h"

#include "otlp/encode.h"

static Str as_str(CryoString text)
{
    return (Str){ text.ptr, text.len };
}

static ValueView view_of(const CryoValue *value, TextScratch *scratch)
{
    Str text = as_str(value->as.string);
    switch (value->type) {
    case CRYO_STRING:
        return (ValueView){ .kind = VALUE_STRING,
                            .text = scratch ? text_repaired(text, scratch) : text };
    case CRYO_BYTES: return (ValueView){ .kind = VALUE_BYTES, .text = text };
    case CRYO_BOOLEAN: return (ValueView){ .kind = VALUE_BOOL, .boolean = value->as.boolean };
    case CRYO_INTEGER: return (ValueView){ .kind = VALUE_INT, .integer = value->as.integer };
    case CRYO_DOUBLE: return (ValueView){ .kind = VALUE_DOUBLE, .real = value->as.real };
    case CRYO_EMPTY:
    case CRYO_STRING_ARRAY:
    case CRYO_BOOLEAN_ARRAY:
    case CRYO_INTEGER_ARRAY:
    case CRYO_DOUBLE_ARRAY:
    case CRYO_VALUE_ARRAY:
    case CRYO_MAP: break;
    }
    return (ValueView){ .kind = VALUE_EMPTY };
}

static CryoValue element_of(const CryoValue *array, size_t i)
{
    const void *ptr = array->as.array.ptr;
    if (array->type == CRYO_STRING_ARRAY)
        return cryo_string(((const CryoString *)ptr)[i]);
    if (array->type == CRYO_BOOLEAN_ARRAY)
        return cryo_boolean(((const bool *)ptr)[i]);
    if (array->type == CRYO_INTEGER_ARRAY)
        return cryo_integer(((const int64_t *)ptr)[i]);
    if (array->type == CRYO_VALUE_ARRAY)
        return ((const CryoValue *)ptr)[i];
    return cryo_double(((const double *)ptr)[i]);
}

enum { ANY_ARRAY = 5, ANY_MAP = 6, MEMBERS = 1, PAIR_KEY = 1, PAIR_VALUE = 2 };

static bool is_many(const CryoValue *value)
{
    return value->type >= CRYO_STRING_ARRAY && value->type <= CRYO_MAP;
}

/* An AnyValue in the field `number`: an array or a map. */
static void encode_many(Buf *out, uint32_t number, const CryoValue *value, TextScratch *scratch)
{
    bool map = value->type == CRYO_MAP;
    size_t any = wire_open(out, number);
    size_t list = wire_open(out, map ? ANY_MAP : ANY_ARRAY);
    for (size_t i = 0; map && i < value->as.map.count; i++)
        attribute_encode(out, MEMBERS, &value->as.map.ptr[i], scratch);
    for (size_t i = 0; !map && i < value->as.array.count; i++) {
        CryoValue element = element_of(value, i);
        ValueView view = view_of(&element, scratch);
        if (is_many(&element))
            encode_many(out, MEMBERS, &element, scratch);
        else
            encode_element(out, &view);
    }
    wire_close(out, list);
    wire_close(out, any);
}

/* Stays while the value is repaired, too. */
static Str key_repaired(Str key, TextScratch *scratch)
{
    if (!scratch || utf8_valid(key))
        return key;
    buf_clear(&scratch->piece);
    buf_add(&scratch->piece, text_repaired(key, scratch));
    return scratch->piece.failed ? STR("") : buf_str(&scratch->piece);
}

void attribute_encode(Buf *out, uint32_t number, const CryoAttr *attribute, TextScratch *scratch)
{
    const CryoValue *value = &attribute->value;
    Str key = key_repaired(as_str(attribute->key), scratch);
    if (!is_many(value)) {
        ValueView view = view_of(value, scratch);
        encode_attribute(out, number, key, &view);
        return;
    }
    size_t pair = wire_open(out, number);
    wire_add_bytes(out, PAIR_KEY, key);
    encode_many(out, PAIR_VALUE, value, scratch);
    wire_close(out, pair);
}
