/* arena.c - many small pieces with one end; see arena.h. */
#include "base/arena.h"

#include "base/mem.h"

#include <stdint.h>
#include <string.h>

enum { FIRST_SLAB = 1024, LARGEST_SLAB = 64 * 1024 };

typedef struct Slab Slab;
struct Slab {
    Slab *older;
    size_t cap, used;
    max_align_t bytes[];
};

struct Arena {
    size_t limit, used;
    Slab *newest;
    Purse *purse;
    bool forced;
};

Arena *arena_new(size_t limit, Err *err)
{
    return arena_new_in(NULL, limit, err);
}

Arena *arena_new_in(Purse *purse, size_t limit, Err *err)
{
    Arena *arena = MEM_MAKE(Arena, 1, err);
    if (arena)
        *arena = (Arena){ .limit = limit, .purse = purse };
    return arena;
}

Arena *arena_new_forced(Purse *purse, size_t limit, Err *err)
{
    Arena *arena = arena_new_in(purse, limit, err);
    if (arena)
        arena->forced = true;
    return arena;
}

static Slab *slab_for(Arena *arena, size_t need, Err *err)
{
    size_t cap = arena->newest ? arena->newest->cap * 2 : FIRST_SLAB;
    cap = cap > LARGEST_SLAB ? LARGEST_SLAB : cap;
    cap = cap < need ? need : cap;
    if (!purse_has(arena->purse, cap))
        cap = need;
    if (!purse_pay(arena->purse, arena->forced, cap)) {
        budget_short(err, "a piece", cap);
        return NULL;
    }
    Slab *slab = cap > SIZE_MAX - sizeof *slab ? NULL : mem_grow(NULL, sizeof *slab + cap);
    if (!slab) {
        purse_give(arena->purse, cap);
        fail(err, ERR_MEMORY, "no memory for %zu bytes", need);
        return NULL;
    }
    *slab = (Slab){ .older = arena->newest, .cap = cap };
    arena->newest = slab;
    return slab;
}

void *arena_alloc(Arena *arena, size_t count, size_t size, Err *err)
{
    const size_t align = _Alignof(max_align_t);
    size_t left = arena->limit - arena->used;
    if (size && count > left / size) {
        fail(err, ERR_LIMIT, "needs more than the limit of %zu bytes", arena->limit);
        return NULL;
    }
    size_t asked = count * size;
    if (asked > SIZE_MAX - align) {
        fail(err, ERR_MEMORY, "no memory for %zu bytes", asked);
        return NULL;
    }
    size_t need = (asked + align - 1) / align * align;
    Slab *slab = arena->newest;
    if (!slab || slab->cap - slab->used < need)
        slab = slab_for(arena, need, err);
    if (!slab)
        return NULL;
    char *piece = (char *)slab->bytes + slab->used;
    slab->used += need;
    arena->used += asked;
    return memset(piece, 0, need);
}

bool arena_copy(Arena *arena, Str s, Str *out, Err *err)
{
    char *copy = arena_alloc(arena, s.len + 1, 1, err);
    if (!copy)
        return false;
    if (s.len)
        memcpy(copy, s.ptr, s.len);
    *out = (Str){ copy, s.len };
    return true;
}

size_t arena_used(const Arena *arena)
{
    return arena->used;
}

static void free_slabs(const Arena *arena, Slab *slab)
{
    for (Slab *older; slab; slab = older) {
        older = slab->older;
        purse_give(arena->purse, slab->cap);
        mem_free(slab);
    }
}

void arena_reset(Arena *arena)
{
    arena->used = 0;
    if (!arena->newest)
        return;
    free_slabs(arena, arena->newest->older);
    arena->newest->older = NULL;
    arena->newest->used = 0;
}

void arena_free(Arena *arena)
{
    if (!arena)
        return;
    free_slabs(arena, arena->newest);
    mem_free(arena);
}
