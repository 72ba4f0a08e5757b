/* value_print.c - attribute values as JSON; see value_print.h. */
#include "sdk/value_print.h"

static void print_values(JsonWriter *json, const CryoValue *value)
{
    const CryoValue *values = value->as.array.ptr;
    json_array(json);
    for (size_t i = 0; i < value->as.array.count; i++)
        value_print(json, &values[i]);
    json_end(json);
}

static void print_map(JsonWriter *json, CryoAttrs map)
{
    json_object(json);
    for (size_t i = 0; i < map.count; i++) {
        json_key(json, (Str){ map.ptr[i].key.ptr, map.ptr[i].key.len });
        value_print(json, &map.ptr[i].value);
    }
    json_end(json);
}

static void print_array(JsonWriter *json, const CryoValue *value)
{
    const void *ptr = value->as.array.ptr;
    json_array(json);
    for (size_t i = 0; i < value->as.array.count; i++) {
        if (value->type == CRYO_STRING_ARRAY) {
            CryoString text = ((const CryoString *)ptr)[i];
            json_text(json, (Str){ text.ptr, text.len });
        } else if (value->type == CRYO_BOOLEAN_ARRAY) {
            json_bool(json, ((const bool *)ptr)[i]);
        } else if (value->type == CRYO_INTEGER_ARRAY) {
            json_i64(json, ((const int64_t *)ptr)[i]);
        } else {
            json_double(json, ((const double *)ptr)[i]);
        }
    }
    json_end(json);
}

void value_print(JsonWriter *json, const CryoValue *value)
{
    Str text = { value->as.string.ptr, value->as.string.len };
    switch (value->type) {
    case CRYO_EMPTY: json_null(json); break;
    case CRYO_STRING: json_text(json, text); break;
    case CRYO_BYTES: json_base64(json, text); break;
    case CRYO_BOOLEAN: json_bool(json, value->as.boolean); break;
    case CRYO_INTEGER: json_i64(json, value->as.integer); break;
    case CRYO_DOUBLE: json_double(json, value->as.real); break;
    case CRYO_STRING_ARRAY:
    case CRYO_BOOLEAN_ARRAY:
    case CRYO_INTEGER_ARRAY:
    case CRYO_DOUBLE_ARRAY: print_array(json, value); break;
    case CRYO_VALUE_ARRAY: print_values(json, value); break;
    case CRYO_MAP: print_map(json, value->as.map); break;
    }
}
