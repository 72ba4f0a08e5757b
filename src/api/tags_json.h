/* tags_json.h - reads the one JSON text that Jaeger's clients send: {"key":"value", ...}.
 *
 * Values are strings; numbers, true and false are taken as their text. Anything deeper is refused.
 * Bounded by the arena and `max` pairs.
 */
#ifndef API_TAGS_JSON_H
#define API_TAGS_JSON_H

#include "base/arena.h"
#include "base/str.h"

typedef struct TextPair {
    Str key, value;
} TextPair;

/* Fills pairs[*count ..]; the texts lie in the arena. ERR_INPUT says where it went wrong. */
CHECKED bool tags_json_read(Str text, Arena *arena, TextPair *pairs, size_t max, size_t *count,
                            Err *err);

#endif
