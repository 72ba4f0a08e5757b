/* run_list.h - what one schema holds in memory: pieces, one per batch, and runs of pieces.
 *
 * A piece is made from a batch before the batch goes to the log, on the thread of whoever appends,
 * so that nothing needs memory any more once the log has it. Pieces come in from the one writer.
 * Those of the newest segment wait in a list until they have RunKind.rows rows; then they become a
 * Run, which is sorted and indexed. Neither ever changes. Both are counted: whoever reads holds a
 * reference, and what has left the store lives on until the last reader has gone. Making a run may
 * fail for want of memory; then the pieces wait on and the next one tries again.
 *
 * Queries take a Snapshot: references to all runs and to the waiting pieces, taken under the mutex;
 * everything else they do without a lock.
 */
#ifndef STORE_RUN_LIST_H
#define STORE_RUN_LIST_H

#include "base/clock.h"
#include "base/err.h"
#include "base/refs.h"
#include "base/thread.h"

typedef struct RunKind RunKind;

/* The head of a schema's own piece. */
typedef struct Piece {
    Refs refs;
    const RunKind *kind;
    size_t count;               /* rows */
    size_t memory;              /* of all that, with the batch where it is kept */
    size_t shared;              /* what it added to tables that several pieces share */
    size_t refused;             /* items of the batch that no row was made of */
    const char *refused_reason; /* why, of the last one; static text */
    int64_t received_ns;        /* by the clock of whoever appended */
    uint64_t segment;           /* of the log; set when the log has it */
    struct Piece *next;         /* the list's, under its mutex */
} Piece;

/* The head of a schema's own run. */
typedef struct Run {
    Refs refs;
    const RunKind *kind;
    uint64_t segment;
    size_t count;      /* rows */
    size_t memory;     /* of the run and of the pieces that it keeps */
    int64_t oldest_ns; /* when the oldest of it was received */
} Run;

struct RunKind {
    size_t rows; /* a run is made of so many */
    /* Of pieces that belong to one segment, or for one query, in the order in which they were
     * stored. Fills what follows the head, count and memory of the head included. */
    Run *(*make)(Piece *const *pieces, size_t count, Err *err);
    void (*free_run)(Run *run);
    void (*free_piece)(Piece *piece);
};

Piece *piece_ref(Piece *piece);
void piece_unref(Piece *piece); /* NULL is fine */

typedef struct RunList {
    const RunKind *kind;
    Mutex mutex; /* over everything below */
    Run **runs;  /* in the order in which they were stored */
    size_t run_count, run_cap;
    Piece *open, **open_end; /* not yet in a run, oldest first */
    size_t open_pieces, open_rows;
    uint64_t rows, memory;
    uint64_t rows_dropped, items_refused; /* since the start */
} RunList;

void run_list_init(RunList *list, const RunKind *kind);
void run_list_done(RunList *list);

/* The writer's: takes over the caller's reference. The rows are visible from here on. */
void run_list_add(RunList *list, Piece *piece);
/* The writer's: the rows of a segment that has left. */
void run_list_drop(RunList *list, uint64_t segment);

uint64_t run_list_memory(RunList *list);
uint64_t run_list_oldest(RunList *list);   /* the segment of the oldest rows; 0: none */
int64_t run_list_oldest_ns(RunList *list); /* when received; 0: nothing is held */

typedef struct RunListNumbers {
    uint64_t rows, rows_dropped, items_refused;
} RunListNumbers;
RunListNumbers run_list_numbers(RunList *list);

/* All runs at one moment in the order in which they were stored, the waiting pieces made into one
 * more. */
typedef struct Snapshot {
    Run **runs;
    size_t count;
} Snapshot;

CHECKED bool snapshot_take(RunList *list, Snapshot *out, Err *err);
void snapshot_done(Snapshot *snapshot);            /* harmless when zeroed */
int64_t snapshot_oldest(const Snapshot *snapshot); /* when received; 0: nothing is held */

/* False, and ERR_TIMEOUT, once the deadline (0: none) has passed. */
CHECKED bool within_deadline(Clock *clock, int64_t deadline_mono_ns, Err *err);
/* Whose time a query's deadline is. */
static inline Clock *deadline_clock(Clock *of_query, Clock *of_store)
{
    return of_query ? of_query : of_store;
}

#endif
