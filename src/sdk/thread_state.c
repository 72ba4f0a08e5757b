/* thread_state.c - the registry of per-thread states and their rows of ended spans; see
 * thread_state.h. */
#include "sdk/thread_state.h"

#include "base/mem.h"

#include <pthread.h>
#include <stddef.h>

enum {
    KEEP_MAX = 32, /* free chunks that a thread keeps */
    REFILL = 16,   /* how many it takes at once: the lock's cost is spread over these */
    BLOCK_ITEMS = (CHUNK_SIZE - 48) / 8,
};

struct EndedBlock {
    Chunk chunk;
    _Atomic(EndedBlock *) next;
    _Atomic uint32_t written;
    Record *items[BLOCK_ITEMS];
};
_Static_assert(sizeof(EndedBlock) <= CHUNK_SIZE, "a block is a chunk");

_Thread_local ThreadLocals thread_locals INITIAL_EXEC;

static struct {
    pthread_mutex_t lock;
    ThreadState *first;
    pthread_key_t key; /* its destructor hears of threads that end */
    bool has_key;
    bool inherited;                        /* we are a fork's child and have not yet taken stock */
    _Atomic uint64_t tallies[TALLY_COUNT]; /* of threads without a state */
} registry = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void state_leave(void *pointer)
{
    ThreadState *state = pointer;
    thread_locals.state = NULL;
    chunks_give(&state->free);
    pthread_mutex_lock(&registry.lock);
    state->owned = false;
    pthread_mutex_unlock(&registry.lock);
}

static ThreadState *state_adopt(void)
{
    for (ThreadState *state = registry.first; state; state = state->next)
        if (!state->owned)
            return state;
    ThreadState *state = mem_grow(NULL, sizeof *state);
    if (!state)
        return NULL;
    *state = (ThreadState){ .next = registry.first };
    registry.first = state;
    return state;
}

/* The first use in a fork's child: no other thread is left, so nobody owns any state; nothing that
 * had ended is ours to send, and every span that was open is the parent's. */
static void take_stock(void)
{
    registry.inherited = false;
    for (ThreadState *state = registry.first; state; state = state->next) {
        ThreadState *next = state->next;
        *state = (ThreadState){ .next = next };
    }
    for (size_t i = 0; i < TALLY_COUNT; i++)
        atomic_store_explicit(&registry.tallies[i], 0, memory_order_relaxed);
    chunks_reclaim_all();
}

ThreadState *thread_state_new(void)
{
    pthread_mutex_lock(&registry.lock);
    if (registry.inherited)
        take_stock();
    if (!registry.has_key)
        registry.has_key = pthread_key_create(&registry.key, state_leave) == 0;
    ThreadState *state = state_adopt();
    if (state) {
        state->owned = true;
        random_seed_from_system(&state->random);
        if (registry.has_key)
            pthread_setspecific(registry.key, state);
    }
    pthread_mutex_unlock(&registry.lock);
    thread_locals.state = state;
    return state;
}

void tally(Tally which)
{
    ThreadState *state = thread_state();
    if (state)
        tally_in(state, which);
    else
        atomic_fetch_add_explicit(&registry.tallies[which], 1, memory_order_relaxed);
}

void tallies_sum(uint64_t out[TALLY_COUNT])
{
    pthread_mutex_lock(&registry.lock);
    ThreadState *first = registry.inherited ? NULL : registry.first;
    for (size_t i = 0; i < TALLY_COUNT; i++) {
        out[i] = registry.inherited
                     ? 0
                     : atomic_load_explicit(&registry.tallies[i], memory_order_relaxed);
        for (ThreadState *state = first; state; state = state->next)
            out[i] += atomic_load_explicit(&state->tallies[i], memory_order_relaxed);
    }
    pthread_mutex_unlock(&registry.lock);
}

COLD Chunk *state_chunk_refill(ThreadState *state)
{
    chunks_take(&state->free, REFILL);
    return chunk_list_pop(&state->free);
}

void state_chunks_free(ThreadState *state, Chunk *chain)
{
    for (Chunk *next; chain; chain = next) {
        next = chain->next;
        chunk_list_push(&state->free, chain);
    }
    if (state->free.count <= KEEP_MAX)
        return;
    ChunkList spill = { 0 };
    while (state->free.count > KEEP_MAX - REFILL)
        chunk_list_push(&spill, chunk_list_pop(&state->free));
    chunks_give(&spill);
}

bool state_push_ended(ThreadState *state, RowKind kind, Record *record)
{
    EndedRow *row = &state->rows[kind];
    EndedBlock *block = row->write_block;
    if (!block || row->write_at == BLOCK_ITEMS) {
        EndedBlock *fresh = (EndedBlock *)(void *)state_chunk_take(state);
        if (!fresh)
            return false;
        atomic_store_explicit(&fresh->next, NULL, memory_order_relaxed);
        atomic_store_explicit(&fresh->written, 0, memory_order_relaxed);
        atomic_store_explicit(block ? &block->next : &row->first_block, fresh,
                              memory_order_release);
        row->write_block = block = fresh;
        row->write_at = 0;
    }
    block->items[row->write_at++] = record;
    atomic_store_explicit(&block->written, row->write_at, memory_order_release);
    return true;
}

/* The next record of one row, NULL when there is none yet. Used-up blocks go to `empty`. */
static Record *row_next(EndedRow *row, ChunkList *empty)
{
    if (!row->read_block)
        row->read_block = atomic_load_explicit(&row->first_block, memory_order_acquire);
    EndedBlock *block = row->read_block;
    if (block && row->read_at == BLOCK_ITEMS) {
        EndedBlock *next = atomic_load_explicit(&block->next, memory_order_acquire);
        if (!next)
            return NULL;
        chunk_list_push(empty, &block->chunk);
        row->read_block = block = next;
        row->read_at = 0;
    }
    if (!block || row->read_at == atomic_load_explicit(&block->written, memory_order_acquire))
        return NULL;
    return block->items[row->read_at];
}

void states_drain(RowKind kind, bool (*take)(void *context, Record *record), void *context)
{
    ChunkList empty = { 0 };
    pthread_mutex_lock(&registry.lock);
    /* States are only ever added, in front. What a child inherited is its parent's, and may be half
     * written; nothing of its own waits before it has taken stock. */
    ThreadState *first = registry.inherited ? NULL : registry.first;
    pthread_mutex_unlock(&registry.lock);
    for (ThreadState *state = first; state; state = state->next) {
        EndedRow *row = &state->rows[kind];
        for (Record *record; (record = row_next(row, &empty));) {
            if (!take(context, record))
                goto done;
            row->read_at++;
        }
    }
done:
    if (empty.first)
        chunks_give(&empty);
}

void states_lock(void)
{
    pthread_mutex_lock(&registry.lock);
}
void states_unlock(void)
{
    pthread_mutex_unlock(&registry.lock);
}

void states_after_fork(void)
{
    registry.inherited = true;
    thread_locals.state = NULL;
    if (registry.has_key) /* its state may become another thread's, which it must not end */
        pthread_setspecific(registry.key, NULL);
}
