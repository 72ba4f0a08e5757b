/* map.h - a hash map from text to pointers, in order of insertion when walked.
 *
 * Keys are borrowed: their bytes must outlive the entry (keep them in the value or in an arena).
 * Grows by doubling up to `max` entries; then map_put says ERR_LIMIT. With a purse (budget.h) it
 * pays for that, and map_put may say ERR_BUSY. One thread at a time.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/attributes.h"
#include "base/budget.h"
#include "base/err.h"
#include "base/str.h"

typedef struct MapEntry {
    Str key;
    uint64_t hash;
    void *value; /* NULL: removed */
} MapEntry;

typedef struct Map {
    MapEntry *entries; /* in order of insertion */
    uint32_t *slots;   /* index + 1 into entries, 0 free */
    size_t count, used, cap, max;
    Purse *purse; /* NULL: charged to nobody */
} Map;

#define MAP(ceiling) ((Map){ .max = (ceiling) })

void *map_get(const Map *map, Str key);                         /* NULL: not there */
CHECKED bool map_put(Map *map, Str key, void *value, Err *err); /* value not NULL; replaces */
void *map_take(Map *map, Str key);                              /* removes; NULL: was not there */
bool map_next(const Map *map, size_t *cursor, const MapEntry **out); /* start with cursor 0 */
void map_free(Map *map);

#endif
