/* chunk.c - slabs cut into chunks, and the list of free ones; see chunk.h. */
#include "sdk/chunk.h"

#include "base/mem.h"
#include "base/thread.h"

typedef struct Slab {
    struct Slab *next;
    _Alignas(max_align_t) unsigned char bytes[CHUNKS_PER_SLAB * CHUNK_SIZE];
} Slab;

static struct {
    pthread_mutex_t lock; /* guards all below */
    Slab *slabs;
    ChunkList free;
    size_t bytes, budget;
} pool = { .lock = PTHREAD_MUTEX_INITIALIZER, .budget = CHUNK_BYTES_MAX };

static Chunk *chunk_at(Slab *slab, size_t i)
{
    return (Chunk *)(void *)(slab->bytes + i * CHUNK_SIZE);
}

static bool slab_add(void)
{
    if (pool.bytes + CHUNKS_PER_SLAB * CHUNK_SIZE > pool.budget)
        return false;
    Slab *slab = mem_grow(NULL, sizeof *slab);
    if (!slab)
        return false;
    slab->next = pool.slabs;
    pool.slabs = slab;
    pool.bytes += CHUNKS_PER_SLAB * CHUNK_SIZE;
    for (size_t i = CHUNKS_PER_SLAB; i-- > 0;) {
        Chunk *chunk = chunk_at(slab, i);
        atomic_init(&chunk->state, 2); /* generation 1: a zeroed handle never matches */
        chunk_list_push(&pool.free, chunk);
    }
    return true;
}

void chunks_take(ChunkList *list, size_t count)
{
    pthread_mutex_lock(&pool.lock);
    while (count-- > 0 && (pool.free.first || slab_add()))
        chunk_list_push(list, chunk_list_pop(&pool.free));
    pthread_mutex_unlock(&pool.lock);
}

void chunks_give(ChunkList *list)
{
    pthread_mutex_lock(&pool.lock);
    for (Chunk *chunk; (chunk = chunk_list_pop(list));)
        chunk_list_push(&pool.free, chunk);
    pthread_mutex_unlock(&pool.lock);
}

void chunks_set_budget(size_t bytes)
{
    pthread_mutex_lock(&pool.lock);
    pool.budget = bytes ? bytes : CHUNK_BYTES_MAX;
    pthread_mutex_unlock(&pool.lock);
}

size_t chunks_free(void)
{
    pthread_mutex_lock(&pool.lock);
    size_t count = pool.free.count;
    pthread_mutex_unlock(&pool.lock);
    return count;
}

void chunks_reclaim_all(void)
{
    pthread_mutex_lock(&pool.lock);
    pool.free = (ChunkList){ 0 };
    for (Slab *slab = pool.slabs; slab; slab = slab->next) {
        for (size_t i = 0; i < CHUNKS_PER_SLAB; i++) {
            Chunk *chunk = chunk_at(slab, i);
            uint64_t generation = atomic_load_explicit(&chunk->state, memory_order_relaxed) >> 1;
            atomic_store_explicit(&chunk->state, (generation + 1) << 1, memory_order_relaxed);
            chunk_list_push(&pool.free, chunk);
        }
    }
    pthread_mutex_unlock(&pool.lock);
}

void chunks_lock(void)
{
    pthread_mutex_lock(&pool.lock);
}
void chunks_unlock(void)
{
    pthread_mutex_unlock(&pool.lock);
}
