/* attribute_encode.c - see attribute_encode.h. */
#include "sdk/attribute_encode.h"

#include "otlp/encode.h"

static Str as_str(CryoString text)
{
    return (Str){ text.ptr, text.len };
}

static ValueView scalar(const CryoValue *value)
{
    switch (value->type) {
    case CRYO_STRING: return (ValueView){ .kind = VALUE_STRING, .text = as_str(value->as.string) };
    case CRYO_BYTES: return (ValueView){ .kind = VALUE_BYTES, .text = as_str(value->as.string) };
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

static ValueView element(const CryoValue *array, size_t i)
{
    const void *ptr = array->as.array.ptr;
    if (array->type == CRYO_STRING_ARRAY)
        return (ValueView){ .kind = VALUE_STRING, .text = as_str(((const CryoString *)ptr)[i]) };
    if (array->type == CRYO_BOOLEAN_ARRAY)
        return (ValueView){ .kind = VALUE_BOOL, .boolean = ((const bool *)ptr)[i] };
    if (array->type == CRYO_INTEGER_ARRAY)
        return (ValueView){ .kind = VALUE_INT, .integer = ((const int64_t *)ptr)[i] };
    return (ValueView){ .kind = VALUE_DOUBLE, .real = ((const double *)ptr)[i] };
}

void attribute_encode(Buf *out, uint32_t number, const CryoAttr *attribute)
{
    const CryoValue *value = &attribute->value;
    if (value->type < CRYO_STRING_ARRAY || value->type > CRYO_DOUBLE_ARRAY) {
        ValueView view = scalar(value);
        encode_attribute(out, number, as_str(attribute->key), &view);
        return;
    }
    ArrayEncoder encoder = encode_array_open(out, number, as_str(attribute->key));
    for (size_t i = 0; i < value->as.array.count; i++) {
        ValueView view = element(value, i);
        encode_element(out, &view);
    }
    encode_array_close(out, &encoder);
}
