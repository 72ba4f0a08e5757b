/* metric_set.h - sets of attributes: what tells one series of an instrument from another.
 *
 * As they come from a program attributes are a list in any order, perhaps with a key twice. As a
 * set they are sorted by key, each key once, all text UTF-8. Both are kept as an AttributeSet: one
 * block that owns every byte it shows.
 */
#ifndef SDK_METRIC_SET_H
#define SDK_METRIC_SET_H

#include "base/arena.h"

#include <cryostorm/value.h>

enum { SET_ATTRIBUTES_MAX = 64, SET_BYTES_MAX = 16 << 10 };

typedef struct AttributeSet {
    size_t count;
    CryoAttr list[]; /* their bytes lie behind it */
} AttributeSet;

static inline CryoAttrs set_attributes(const AttributeSet *set)
{
    return (CryoAttrs){ set ? set->list : NULL, set ? set->count : 0 };
}

/* Makes the set of a list that goes over the `under` one: equal keys of `over` win. */
typedef struct SetBuilder {
    CryoAttr list[SET_ATTRIBUTES_MAX];
    size_t count;
    size_t dropped;  /* keys that were empty or too long, values that nest */
    bool too_large;  /* more than one series may have: list is cut */
    Arena *repaired; /* texts that were not UTF-8 */
} SetBuilder;

/* The list borrows from under and over. False: no memory. Either way set_builder_done(). */
CHECKED bool set_build(SetBuilder *builder, CryoAttrs under, CryoAttrs over);
void set_builder_done(SetBuilder *builder);

uint64_t set_hash(CryoAttrs attributes);
PURE bool set_equal(CryoAttrs a, CryoAttrs b); /* in the same order */

size_t set_size(CryoAttrs attributes);             /* of the copy */
void set_copy(CryoAttrs from, AttributeSet *into); /* of set_size() bytes */
CHECKED AttributeSet *set_keep(CryoAttrs from);    /* metric_free() it; NULL: no memory */

/* ---- the look-up of a measurement: short texts, without a call or a loop ----------------------
 */

static inline uint64_t load_u64(const char *ptr)
{
    uint64_t word;
    memcpy(&word, ptr, sizeof word);
    return word;
}
static inline uint32_t load_u32(const char *ptr)
{
    uint32_t word;
    memcpy(&word, ptr, sizeof word);
    return word;
}

/* All of a text of at most 7 bytes. */
static inline uint64_t load_short(const char *ptr, size_t len)
{
    if (len >= 4)
        return (uint64_t)load_u32(ptr) << 32 | load_u32(ptr + len - 4);
    if (len == 0)
        return 0;
    uint64_t first = (unsigned char)ptr[0], middle = (unsigned char)ptr[len / 2];
    return first << 16 | middle << 8 | (unsigned char)ptr[len - 1];
}

static inline bool bytes_equal(const char *a, const char *b, size_t len)
{
    if (len < 8)
        return load_short(a, len) == load_short(b, len);
    uint64_t ends = (load_u64(a) ^ load_u64(b)) | (load_u64(a + len - 8) ^ load_u64(b + len - 8));
    if (len <= 16)
        return ends == 0;
    uint64_t inner =
        (load_u64(a + 8) ^ load_u64(b + 8)) | (load_u64(a + len - 16) ^ load_u64(b + len - 16));
    for (size_t i = 16; i + 16 < len; i += 8) /* no call: it would cost the caller its registers */
        inner |= load_u64(a + i) ^ load_u64(b + i);
    return (ends | inner) == 0;
}

#endif
