/* text_set.h - distinct texts of an answer, gathered and then told in order. */
#ifndef STORE_TEXT_SET_H
#define STORE_TEXT_SET_H

#include "base/arena.h"
#include "base/map.h"

enum { TEXT_SET_BYTES_MAX = 16 << 20 }; /* of all texts of one answer together */

typedef struct TextSet {
    Arena *arena;
    Map map;
    size_t limit;
} TextSet;

typedef enum TextAdd { TEXT_ADDED, TEXT_ENOUGH, TEXT_FAILED } TextAdd;
typedef bool TextFound(void *context, Str text); /* false: enough */

CHECKED bool text_set_init(TextSet *set, size_t limit, Err *err);
void text_set_done(TextSet *set);
TextAdd text_set_add(TextSet *set, Str text, Err *err); /* copies */
CHECKED bool text_set_tell(const TextSet *set, TextFound *found, void *context, Err *err);

#endif
