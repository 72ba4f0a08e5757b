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

#endif
