/* span_run.h - rows of spans: pieces and runs (run_list.h), and what a run of spans is sorted by.
 */
#ifndef STORE_TRACES_SPAN_RUN_H
#define STORE_TRACES_SPAN_RUN_H

#include "otlp/batch.h"
#include "store/run_list.h"
#include "store/scan.h"

typedef struct SpanPiece {
    Piece base; /* first */
    Batch *batch;
    SpanRow *rows; /* their texts lie in the batch */
} SpanPiece;

/* Takes a reference to the batch. */
Piece *span_piece_new(Batch *batch, int64_t received_ns, Err *err);

typedef struct SpanRun {
    Run base; /* first */
    Piece **pieces;
    size_t piece_count;
    const SpanRow **by_start; /* newest first */
    const SpanRow **by_trace; /* by trace id, then oldest first */
    Operation *operations;    /* by service, name, kind; texts in the batches */
    size_t operation_count;
    size_t trace_count;
} SpanRun;

extern const RunKind span_runs;

/* The first of by_start that starts before `to_ns` (0: the first at all). */
size_t run_seek_start(const SpanRun *run, uint64_t to_ns);
/* The first of by_trace that has this id, count when none has; those with the id follow. */
size_t run_seek_trace(const SpanRun *run, const TraceId *id);

/* Orders that everything sorted here follows; all of them are total. */
int row_newest_first(const SpanRow *a, const SpanRow *b);
int row_in_trace(const SpanRow *a, const SpanRow *b);
int operation_order(const Operation *a, const Operation *b);

#endif
