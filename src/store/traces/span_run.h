/* span_run.h - rows of spans: pieces, one per batch, and runs of pieces with their indexes.
 *
 * A piece is made from a batch before the batch goes to the log, on the thread of whoever appends,
 * so that nothing needs memory any more once the log has it. A run takes some thousand rows of one
 * segment together and sorts them; neither ever changes. Both are counted: whoever reads holds a
 * reference, and what has left the store lives on until the last reader has gone.
 */
#ifndef STORE_TRACES_SPAN_RUN_H
#define STORE_TRACES_SPAN_RUN_H

#include "base/refs.h"
#include "otlp/batch.h"
#include "store/scan.h"

typedef struct Piece {
    Refs refs;
    Batch *batch;
    SpanRow *rows; /* their texts lie in the batch */
    size_t count;
    size_t memory;       /* of all that, with the batch */
    int64_t received_ns; /* by the clock of whoever appended */
    uint64_t segment;    /* of the log; set when the log has it */
    struct Piece *next;  /* the trace store's, under its mutex */
} Piece;

/* Takes a reference to the batch. */
Piece *piece_new(Batch *batch, int64_t received_ns, Err *err);
Piece *piece_ref(Piece *piece);
void piece_unref(Piece *piece); /* NULL is fine */

typedef struct Run {
    Refs refs;
    uint64_t segment;
    Piece **pieces;
    size_t piece_count;
    const SpanRow **by_start; /* newest first */
    const SpanRow **by_trace; /* by trace id, then oldest first */
    size_t count;
    Operation *operations; /* by service, name, kind; texts in the batches */
    size_t operation_count;
    size_t trace_count;
    size_t memory; /* of the run and its pieces */
} Run;

/* Of pieces that belong to one segment, or for one query; takes references. */
Run *run_new(Piece *const *pieces, size_t count, Err *err);
Run *run_ref(Run *run);
void run_unref(Run *run); /* NULL is fine */

/* The first of by_start that starts before `to_ns` (0: the first at all). */
size_t run_seek_start(const Run *run, uint64_t to_ns);
/* The first of by_trace that has this id, count when none has; those with the id follow. */
size_t run_seek_trace(const Run *run, const TraceId *id);

/* Orders that everything sorted here follows; all of them are total. */
int row_newest_first(const SpanRow *a, const SpanRow *b);
int row_in_trace(const SpanRow *a, const SpanRow *b);
int operation_order(const Operation *a, const Operation *b);

#endif
