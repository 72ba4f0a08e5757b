/* thread_state.h - what each thread keeps at hand: random numbers, free chunks, its ended
 * spans and log records.
 *
 * A state belongs to one thread at a time and is found through one thread-local pointer. It is
 * never freed: when its thread ends the next new thread takes it over, and should a thread end
 * without telling us (exit handlers ran in another order) only a few chunks lie idle. Correctness
 * needs no destructor.
 *
 * The ended spans of a thread, and its log records, each wait in a row of blocks, which are chunks
 * full of pointers: the thread writes, the worker reads, nobody locks.
 *
 *     thread:  items[written], then written + 1 (release), a new block linked by next (release)
 *     worker:  written (acquire), then items below it; next (acquire) when a block is used up
 *
 * How many may wait in all is the queue size of the settings: a thread takes credits for several
 * from one common number and spends them one per span; the worker gives them back.
 */
#ifndef SDK_THREAD_STATE_H
#define SDK_THREAD_STATE_H

#include "base/random.h"
#include "sdk/chunk.h"

#include <cryostorm/context.h>

typedef struct Record Record;

typedef enum Tally {
    TALLY_STARTED,
    TALLY_NOT_SAMPLED,
    TALLY_DROPPED_QUEUE,
    TALLY_DROPPED_MEMORY,
    TALLY_LATE_USES,
    TALLY_MISUSES,
    TALLY_LOGS_RECORDED,
    TALLY_LOGS_DROPPED_QUEUE,
    TALLY_LOGS_DROPPED_MEMORY,
    TALLY_COUNT
} Tally;

typedef enum RowKind { ROW_SPANS, ROW_LOGS, ROW_COUNT } RowKind;

typedef struct EndedBlock EndedBlock;
typedef struct ThreadCells ThreadCells; /* metric_cell.c */

typedef struct EndedRow {
    /* the owning thread's */
    EndedBlock *write_block;
    uint32_t write_at;
    uint32_t credits;
    uint32_t credit_epoch; /* of the run that gave them */
    /* between owner and worker */
    _Atomic(EndedBlock *) first_block;
    /* the worker's */
    EndedBlock *read_block;
    uint32_t read_at;
} EndedRow;

typedef struct ThreadState {
    /* the owning thread's */
    Random random;
    ChunkList free;
    EndedRow rows[ROW_COUNT];
    _Atomic uint64_t tallies[TALLY_COUNT]; /* written by the owner only, read by all */
    /* the registry's */
    struct ThreadState *next;
    bool owned;
} ThreadState;

/* The thread-locals, all of them: plain data. */
typedef struct ThreadLocals {
    ThreadState *state;
    ThreadCells *cells;
    CryoContext current;
    uint64_t depth;  /* of attached contexts */
    bool suppressed; /* the worker: what exporters do is not traced */
} ThreadLocals;

extern _Thread_local ThreadLocals thread_locals INITIAL_EXEC;

ThreadState *thread_state_new(void); /* adopts or makes one for this thread; NULL: no memory */

static inline ThreadState *thread_state(void)
{
    ThreadState *state = thread_locals.state;
    return LIKELY(state != NULL) ? state : thread_state_new();
}

void tally(Tally which); /* for this thread; counted somewhere even without a state */
static inline void tally_in(ThreadState *state, Tally which)
{
    uint64_t now = atomic_load_explicit(&state->tallies[which], memory_order_relaxed);
    atomic_store_explicit(&state->tallies[which], now + 1, memory_order_relaxed);
}
void tallies_sum(uint64_t out[TALLY_COUNT]);

/* A chunk from the thread's own, refilled from the pool; NULL: the budget is used up. */
Chunk *state_chunk_refill(ThreadState *state);
static inline Chunk *state_chunk_take(ThreadState *state)
{
    return LIKELY(state->free.first != NULL) ? chunk_list_pop(&state->free)
                                             : state_chunk_refill(state);
}
void state_chunks_free(ThreadState *state, Chunk *chain); /* a record's, linked by next */

/* Puts a record into one of the thread's rows. False: no chunk for a new block. */
CHECKED bool state_push_ended(ThreadState *state, RowKind row, Record *record);

/* The worker: calls take() for every record that waits in such a row of any thread, as long as
 * it says true. One thread at a time. */
void states_drain(RowKind row, bool (*take)(void *context, Record *record), void *context);

/* Around fork(). The child takes stock at its first use, not in the handler: a child that only
 * calls exec() pays nothing. From then on every inherited handle is stale and all counts begin
 * anew. */
void states_lock(void);
void states_unlock(void);
void states_after_fork(void); /* in the child */

#endif
