/* place.h - where in the user's own words something stands: "otel.yaml:12:5". */
#ifndef CONFIG_PLACE_H
#define CONFIG_PLACE_H

#include "base/buf.h"
#include "base/str.h"

#include <stdint.h>

typedef struct Place {
    Str source;            /* the file's path, or "environment", "--set", "code"; borrowed */
    uint32_t line, column; /* from 1; line 0: the source as a whole */
} Place;

/* "otel.yaml:12:5", "environment", or nothing when there is no source. */
static inline void place_write(Buf *out, Place place)
{
    buf_add(out, place.source);
    if (place.line)
        buf_addf(out, ":%u:%u", place.line, place.column);
}

#endif
