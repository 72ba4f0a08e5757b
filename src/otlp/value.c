/* value.c - attributes and their values, read in place; see value.h. */
#include "otlp/value.h"

#include "otlp/batch_internal.h"
#include "otlp/tag_internal.h"

bool fields_next(Fields *fields, Str *content)
{
    WireReader reader = wire_reader(fields->rest);
    WireField field;
    while (next_field(&reader, &field)) {
        if (field.number != fields->number || field.kind != WIRE_LEN)
            continue;
        *content = field.bytes;
        fields->rest = (Str){ reader.at, (size_t)(reader.end - reader.at) };
        return true;
    }
    fields->rest = (Str){ 0 };
    return false;
}

size_t fields_count(Fields fields)
{
    size_t count = 0;
    Str ignored;
    while (fields_next(&fields, &ignored))
        count++;
    return count;
}

/* `tag`, a length of one byte, and the content: where it ends. NULL when it is anything else. */
static inline const char *short_field(Str message, char tag, Str *content)
{
    if (message.len < 2 || message.ptr[0] != tag)
        return NULL;
    size_t len = (uint8_t)message.ptr[1];
    if (len >= 0x80 || len > message.len - 2)
        return NULL;
    *content = (Str){ message.ptr + 2, len };
    return content->ptr + len;
}

void value_merge(Str message, ValueView *out)
{
    Str text;
    const char *end = short_field(message, FIELD(1, WIRE_LEN), &text);
    if (LIKELY(end && end == message.ptr + message.len)) {
        *out = (ValueView){ .kind = VALUE_STRING, .text = text };
        return;
    }
    WireReader reader = wire_reader(message);
    WireField field;
    while (next_field(&reader, &field)) {
        switch (field_id(&field)) {
        case FIELD(1, WIRE_LEN):
            *out = (ValueView){ .kind = VALUE_STRING, .text = field.bytes };
            break;
        case FIELD(2, WIRE_VARINT):
            *out = (ValueView){ .kind = VALUE_BOOL, .boolean = field.value != 0 };
            break;
        case FIELD(3, WIRE_VARINT):
            *out = (ValueView){ .kind = VALUE_INT, .integer = (int64_t)field.value };
            break;
        case FIELD(4, WIRE_I64):
            *out = (ValueView){ .kind = VALUE_DOUBLE, .real = wire_double(field.value) };
            break;
        case FIELD(5, WIRE_LEN):
            *out = (ValueView){ .kind = VALUE_ARRAY, .text = field.bytes };
            break;
        case FIELD(6, WIRE_LEN):
            *out = (ValueView){ .kind = VALUE_KVLIST, .text = field.bytes };
            break;
        case FIELD(7, WIRE_LEN):
            *out = (ValueView){ .kind = VALUE_BYTES, .text = field.bytes };
            break;
        default: break;
        }
    }
}

static ValueView value_read(Str message)
{
    ValueView value = { .kind = VALUE_EMPTY };
    value_merge(message, &value);
    return value;
}

AttributeView attribute_read(Str message)
{
    AttributeView attribute = { .value = { .kind = VALUE_EMPTY } };
    Str value;
    const char *behind_key = short_field(message, FIELD(1, WIRE_LEN), &attribute.key);
    Str rest = behind_key ? str_skip(message, (size_t)(behind_key - message.ptr)) : message;
    const char *end = short_field(rest, FIELD(2, WIRE_LEN), &value);
    if (LIKELY(behind_key && end && end == message.ptr + message.len)) {
        value_merge(value, &attribute.value);
        return attribute;
    }
    WireReader reader = wire_reader(message);
    WireField field;
    while (next_field(&reader, &field)) {
        if (field_id(&field) == FIELD(1, WIRE_LEN))
            attribute.key = field.bytes;
        else if (field_id(&field) == FIELD(2, WIRE_LEN))
            value_merge(field.bytes, &attribute.value);
    }
    return attribute;
}

bool attributes_next(Attributes *list, AttributeView *out)
{
    Str message;
    if (list->at != list->end)
        message = index_content(list->bytes, *list->at++);
    else if (!fields_next(&list->fields, &message))
        return false;
    *out = attribute_read(message);
    return true;
}

bool attributes_find(Attributes list, Str key, ValueView *out)
{
    AttributeView attribute;
    while (attributes_next(&list, &attribute)) {
        if (!str_eq(attribute.key, key))
            continue;
        *out = attribute.value;
        return true;
    }
    return false;
}

size_t attributes_count(Attributes list)
{
    return (size_t)(list.end - list.at) + fields_count(list.fields);
}

Fields value_elements(const ValueView *array)
{
    return (Fields){ array->kind == VALUE_ARRAY ? array->text : (Str){ 0 }, 1 };
}

bool value_next(Fields *elements, ValueView *out)
{
    Str message;
    if (!fields_next(elements, &message))
        return false;
    *out = value_read(message);
    return true;
}

Attributes value_members(const ValueView *kvlist)
{
    return (
        Attributes){ .fields = { kvlist->kind == VALUE_KVLIST ? kvlist->text : (Str){ 0 }, 1 } };
}
