/* arena.h - many small pieces with one end: a request, a query, a batch, a config file.
 *
 * Pieces are carved from slabs that double from 1 KiB to 64 KiB, zeroed, aligned for any type, and
 * freed together. The limit counts what was asked for, so it does not depend on the slabs. An Arena
 * belongs to one thread at a time.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/attributes.h"
#include "base/budget.h"
#include "base/err.h"
#include "base/str.h"

typedef struct Arena Arena;

CHECKED Arena *arena_new(size_t limit, Err *err);
/* Its slabs are charged to purse (budget.h; NULL: to nobody). Over the budget: ERR_BUSY. */
CHECKED Arena *arena_new_in(Purse *purse, size_t limit, Err *err);
CHECKED Arena *arena_new_forced(Purse *purse, size_t limit, Err *err); /* never over the budget */
CHECKED void *arena_alloc(Arena *arena, size_t count, size_t size, Err *err);
CHECKED bool arena_copy(Arena *arena, Str s, Str *out, Err *err); /* also zero-terminated */
size_t arena_used(const Arena *arena);                            /* bytes asked for so far */
void arena_reset(Arena *arena); /* everything in it ends; one slab is kept for reuse */
void arena_free(Arena *arena);

#define ARENA_MAKE(arena, T, n, err) ((T *)arena_alloc(arena, n, sizeof(T), err))

#endif
