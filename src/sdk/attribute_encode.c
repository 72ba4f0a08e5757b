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
    case CRYO_DOUBLE_ARRAY: break;
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
    return cryo_double(((const double *)ptr)[i]);
}

void attribute_encode(Buf *out, uint32_t number, const CryoAttr *attribute, TextScratch *scratch)
{
    const CryoValue *value = &attribute->value;
    Str key = as_str(attribute->key);
    if (value->type < CRYO_STRING_ARRAY || value->type > CRYO_DOUBLE_ARRAY) {
        ValueView view = view_of(value, scratch);
        encode_attribute(out, number, key, &view);
        return;
    }
    ArrayEncoder array = encode_array_open(out, number, key);
    for (size_t i = 0; i < value->as.array.count; i++) {
        CryoValue element = element_of(value, i);
        ValueView view = view_of(&element, scratch);
        encode_element(out, &view);
    }
    encode_array_close(out, &array);
}
