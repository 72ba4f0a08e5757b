/* map.c - entries in order of insertion plus a table of indexes into them; see map.h. */
#include "base/map.h"

#include "base/mem.h"

#include <string.h>

enum { FIRST_CAPACITY = 8 };

static size_t slot_count(const Map *map)
{
    return map->cap * 2;
}

/* The slot that holds the key, or the free one where it would go. */
static size_t find_slot(const Map *map, Str key, uint64_t hash)
{
    size_t mask = slot_count(map) - 1;
    size_t slot = hash & mask;
    while (map->slots[slot]) {
        const MapEntry *entry = &map->entries[map->slots[slot] - 1];
        if (entry->hash == hash && str_eq(entry->key, key))
            return slot;
        slot = (slot + 1) & mask;
    }
    return slot;
}

void *map_get(const Map *map, Str key)
{
    if (!map->cap)
        return NULL;
    uint32_t index = map->slots[find_slot(map, key, str_hash(key))];
    return index ? map->entries[index - 1].value : NULL;
}

static size_t size_of(size_t cap)
{
    return cap * (sizeof(MapEntry) + 2 * sizeof(uint32_t));
}

/* Also where removed entries are forgotten. */
static bool rebuild(Map *map, size_t cap, Err *err)
{
    if (!purse_take(map->purse, size_of(cap)))
        return budget_short(err, "a map", size_of(cap));
    MapEntry *entries = MEM_MAKE(MapEntry, cap, err);
    uint32_t *slots = entries ? MEM_MAKE(uint32_t, 2 * cap, err) : NULL;
    if (!slots) {
        mem_free(entries);
        purse_give(map->purse, size_of(cap));
        return false;
    }
    Map fresh = {
        .entries = entries, .slots = slots, .cap = cap, .max = map->max, .purse = map->purse
    };
    for (size_t i = 0; i < map->used; i++) {
        if (!map->entries[i].value)
            continue;
        fresh.entries[fresh.used++] = map->entries[i];
        fresh.slots[find_slot(&fresh, map->entries[i].key, map->entries[i].hash)] =
            (uint32_t)fresh.used;
    }
    fresh.count = fresh.used;
    map_free(map);
    *map = fresh;
    return true;
}

static bool make_room(Map *map, Err *err)
{
    if (map->count >= map->max)
        return fail(err, ERR_LIMIT, "more than %zu entries", map->max);
    if (map->used < map->cap)
        return true;
    size_t cap = map->cap ? map->cap : FIRST_CAPACITY;
    return rebuild(map, map->count * 2 > map->cap ? cap * 2 : cap, err);
}

bool map_put(Map *map, Str key, void *value, Err *err)
{
    uint64_t hash = str_hash(key);
    if (map->cap) {
        uint32_t index = map->slots[find_slot(map, key, hash)];
        MapEntry *known = index ? &map->entries[index - 1] : NULL;
        if (known && known->value) {
            known->key = key;
            known->value = value;
            return true;
        }
        if (known) { /* removed before: its place is taken again */
            if (map->count >= map->max)
                return fail(err, ERR_LIMIT, "more than %zu entries", map->max);
            *known = (MapEntry){ key, hash, value };
            map->count++;
            return true;
        }
    }
    if (!make_room(map, err))
        return false;
    map->entries[map->used++] = (MapEntry){ key, hash, value };
    map->slots[find_slot(map, key, hash)] = (uint32_t)map->used;
    map->count++;
    return true;
}

/* The removed entry must keep a key that stays readable, since find_slot compares it. */
void *map_take(Map *map, Str key)
{
    if (!map->cap)
        return NULL;
    uint32_t index = map->slots[find_slot(map, key, str_hash(key))];
    if (!index || !map->entries[index - 1].value)
        return NULL;
    MapEntry *entry = &map->entries[index - 1];
    void *value = entry->value;
    entry->value = NULL;
    entry->key =
        (Str){ 0 }; /* never equal to a key whose hash is this entry's, but the empty one */
    map->count--;
    return value;
}

bool map_next(const Map *map, size_t *cursor, const MapEntry **out)
{
    while (*cursor < map->used) {
        const MapEntry *entry = &map->entries[(*cursor)++];
        if (entry->value) {
            *out = entry;
            return true;
        }
    }
    return false;
}

void map_free(Map *map)
{
    mem_free(map->entries);
    mem_free(map->slots);
    purse_give(map->purse, size_of(map->cap));
    *map = (Map){ .max = map->max, .purse = map->purse };
}
