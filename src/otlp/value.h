/* value.h - attributes and their values, read in place.
 *
 * Everything here borrows from a batch that the caller holds. An iterator is a plain struct on the
 * stack: copy it to read again from where it stands.
 */
#ifndef OTLP_VALUE_H
#define OTLP_VALUE_H

#include "base/str.h"

typedef enum ValueKind {
    VALUE_EMPTY,
    VALUE_STRING,
    VALUE_BOOL,
    VALUE_INT,
    VALUE_DOUBLE,
    VALUE_BYTES,
    VALUE_ARRAY,
    VALUE_KVLIST
} ValueKind;

typedef struct ValueView {
    ValueKind kind;
    union {
        Str text; /* STRING and BYTES; of ARRAY and KVLIST the message, for the iterators below */
        bool boolean;
        int64_t integer;
        double real;
    };
} ValueView;

typedef struct AttributeView {
    Str key;
    ValueView value;
} AttributeView;

/* Fields of one number within a message, one after the other. */
typedef struct Fields {
    Str rest;
    uint32_t number;
} Fields;

/* A list of attributes, or what is left of one. */
typedef struct Attributes {
    Str bytes;                /* of the whole batch */
    const uint32_t *at, *end; /* through the index; at == end: through fields */
    Fields fields;
} Attributes;

bool fields_next(Fields *fields, Str *content); /* LEN fields only */
size_t fields_count(Fields fields);

bool attributes_next(Attributes *list, AttributeView *out);
bool attributes_find(Attributes list, Str key, ValueView *out); /* false: not among them */
size_t attributes_count(Attributes list);

/* The elements of an ARRAY, the members of a KVLIST; of any other kind an empty list. Where a
 * sender repeats array_value or kvlist_value within one value, the last one counts. */
Fields value_elements(const ValueView *array);
bool value_next(Fields *elements, ValueView *out);
Attributes value_members(const ValueView *kvlist);

/* From the bytes of an AnyValue and of a KeyValue message, as a valid batch holds them. */
void value_merge(Str message, ValueView *out); /* a later member replaces an earlier one */
AttributeView attribute_read(Str message);

#endif
