/* tag_internal.h - a wire field by number and kind at once: one that has not the declared wire
 * type is an unknown field, not an error. */
#ifndef OTLP_TAG_INTERNAL_H
#define OTLP_TAG_INTERNAL_H

#include "codec/wire.h"

#define FIELD(number, kind) ((number) << 3 | (uint32_t)(kind))

static inline uint32_t field_id(const WireField *field)
{
    return FIELD(field->number, field->kind); /* numbers have 29 bits */
}

/* wire_next() for bytes that a batch has validated: the commonest fields need no look at the end.
 */
static inline bool next_field(WireReader *reader, WireField *field)
{
    const char *at = reader->at;
    if (UNLIKELY(at == reader->end))
        return false;
    uint8_t tag = (uint8_t)*at;
    if (tag < 0x80 && (tag & 7) == WIRE_LEN && (uint8_t)at[1] < 0x80) {
        field->bytes = (Str){ at + 2, (uint8_t)at[1] };
        reader->at = at + 2 + field->bytes.len;
    } else if (tag < 0x80 && (tag & 7) == WIRE_I64) {
        field->value = wire_load_u64(at + 1);
        reader->at = at + 1 + sizeof field->value;
    } else {
        return wire_next(reader, field);
    }
    field->number = tag >> 3;
    field->kind = (WireKind)(tag & 7);
    field->start = at;
    return true;
}

#endif
