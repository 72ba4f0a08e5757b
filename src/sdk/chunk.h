/* chunk.h - the memory of spans: chunks of one size, from slabs, under one byte budget.
 *
 * A span's record begins in one chunk (its slot) and goes on in others when it has much to say; the
 * queues of ended records are made of chunks, too. Each thread keeps some free ones at hand
 * (thread_state.h), so that after warm-up neither the allocator nor a lock is on the span path.
 *
 * Slabs are never given back, and a chunk's first word, its state, is only ever touched atomically
 * and never reset, whatever the chunk is used for. That is what makes a stale handle harmless: it
 * points to a word that is still there and whose generation has moved on.
 *
 *     state = generation << 1 | locked
 */
#ifndef SDK_CHUNK_H
#define SDK_CHUNK_H

#include "base/attributes.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CHUNK_SIZE = 1024,          /* a span with some ten attributes fits in one */
    CHUNKS_PER_SLAB = 64,       /* 64 KiB from the allocator at a time */
    CHUNK_BYTES_MAX = 64 << 20, /* the budget of all slabs: some 60 000 spans */
};

typedef struct Chunk {
    _Atomic uint64_t state;
    struct Chunk *next; /* of the same record, or of a list of free ones */
    uint32_t begin;     /* offset of the data from the start of the chunk */
    uint32_t used;      /* offset behind the last byte of data */
} Chunk;

typedef struct ChunkList {
    Chunk *first;
    size_t count;
} ChunkList;

static inline void chunk_list_push(ChunkList *list, Chunk *chunk)
{
    chunk->next = list->first;
    list->first = chunk;
    list->count++;
}
static inline Chunk *chunk_list_pop(ChunkList *list)
{
    Chunk *chunk = list->first;
    if (chunk) {
        list->first = chunk->next;
        list->count--;
    }
    return chunk;
}

/* Moves up to `count` free chunks into the list, making a slab where none are free. Less than
 * asked, perhaps none: the budget or the allocator said no. Any thread; takes the pool's lock. */
void chunks_take(ChunkList *list, size_t count);
void chunks_give(ChunkList *list); /* all of them back; the list is empty then */

void chunks_set_budget(size_t bytes); /* for tests; 0: CHUNK_BYTES_MAX */
size_t chunks_free(void);             /* in the pool, not counting those that threads keep */

/* In a fork's child, where no other thread is left: every chunk is free and every handle stale. */
void chunks_reclaim_all(void);

/* Around fork(), so that the pool is consistent in the child. */
void chunks_lock(void);
void chunks_unlock(void);

#endif
