/* log_run.h - log records in memory: pieces and runs of them (run_list.h).
 *
 * A line is what every question needs of a record; all else is read from the batch when it is
 * wanted. A run has its lines by time, those of one time in the order in which they were stored,
 * and the distinct streams that they belong to.
 */
#ifndef STORE_LOGS_LOG_RUN_H
#define STORE_LOGS_LOG_RUN_H

#include "otlp/batch.h"
#include "store/label_table.h"
#include "store/log_scan.h"
#include "store/run_list.h"

typedef struct LogLine {
    uint64_t time_ns;
    Str text;     /* in the batch, or in the piece */
    Batch *batch; /* the piece's */
    TraceId trace_id;
    SpanId span_id;
    uint32_t severity, record;
    uint32_t stream; /* in its piece */
    bool verbatim;   /* metadata keeps its names */
} LogLine;

typedef struct LogPiece {
    Piece base; /* first */
    Batch *batch;
    LabelTable *table;
    LabelSet **streams; /* one per resource that has records; references */
    size_t stream_count;
    LogLine *lines;
    Buf texts; /* bodies that had to be written out */
} LogPiece;

typedef struct LogPieceMake {
    LabelTable *table;
    Batch *batch;
    int64_t received_ns;
    bool verbatim;
} LogPieceMake;

/* Takes a reference to the batch. */
Piece *log_piece_make(const LogPieceMake *make, Err *err);

typedef struct LogPlace {
    const LogLine *line;
    uint32_t order;  /* in which it was stored */
    uint32_t stream; /* in run->streams */
} LogPlace;

typedef struct LogRun {
    Run base; /* first */
    Piece **pieces;
    size_t piece_count;
    LogPlace *by_time;        /* oldest first */
    const LabelSet **streams; /* by labels; the pieces hold them */
    size_t stream_count;
} LogRun;

extern const RunKind log_runs;

/* The first place whose time is not below. */
size_t log_run_seek(const LogRun *run, uint64_t time_ns);

#endif
