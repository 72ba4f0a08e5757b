/* text_set.c - see text_set.h. */
#include "store/text_set.h"

#include <stdlib.h>

bool text_set_init(TextSet *set, size_t limit, Err *err)
{
    *set = (TextSet){ arena_new(TEXT_SET_BYTES_MAX, err), MAP(limit), limit };
    return set->arena != NULL;
}

void text_set_done(TextSet *set)
{
    map_free(&set->map);
    arena_free(set->arena);
}

TextAdd text_set_add(TextSet *set, Str text, Err *err)
{
    if (map_get(&set->map, text))
        return TEXT_ADDED;
    if (set->map.count >= set->limit)
        return TEXT_ENOUGH;
    Str kept;
    bool ok = arena_copy(set->arena, text, &kept, err) && map_put(&set->map, kept, set, err);
    return ok ? TEXT_ADDED : TEXT_FAILED;
}

static int compare_texts(const void *a, const void *b)
{
    return str_compare(*(const Str *)a, *(const Str *)b);
}

bool text_set_tell(const TextSet *set, TextFound *found, void *context, Err *err)
{
    Str *all = ARENA_MAKE(set->arena, Str, set->map.count + 1, err);
    if (!all)
        return false;
    size_t cursor = 0, count = 0;
    for (const MapEntry *entry; map_next(&set->map, &cursor, &entry);)
        all[count++] = entry->key;
    if (count)
        qsort(all, count, sizeof *all, compare_texts);
    for (size_t i = 0; i < count; i++)
        if (!found(context, all[i]))
            break;
    return true;
}
