/* trace_store.h - the spans that are held in memory, and the SpanSource over them.
 *
 * Pieces come in from the one writer. Those of the newest segment wait in a list until they have
 * RUN_ROWS rows; then they become a Run. Queries take a Snapshot: references to all runs and to the
 * waiting pieces, taken under the mutex; everything else they do without a lock. Making a run may
 * fail for want of memory; then the pieces wait on and the next one tries again.
 */
#ifndef STORE_TRACES_TRACE_STORE_H
#define STORE_TRACES_TRACE_STORE_H

#include "base/clock.h"
#include "base/thread.h"
#include "store/traces/span_run.h"

enum { RUN_ROWS = 4096 };

typedef struct TraceStore {
    SpanSource source; /* first: a SpanSource is one of these */
    Clock *clock;
    Mutex mutex; /* over everything below */
    Run **runs;  /* oldest segment first */
    size_t run_count, run_cap;
    Piece *open, **open_end; /* not yet in a run, oldest first */
    size_t open_pieces, open_rows;
    uint64_t spans, spans_dropped, memory;
} TraceStore;

void trace_store_init(TraceStore *store, Clock *clock);
void trace_store_done(TraceStore *store);

/* The writer's: takes over the caller's reference. The rows are visible from here on. */
void trace_store_add(TraceStore *store, Piece *piece);
/* The writer's: the rows of a segment that has left. */
void trace_store_drop(TraceStore *store, uint64_t segment);

uint64_t trace_store_memory(TraceStore *store);
uint64_t trace_store_oldest(TraceStore *store); /* the segment of the oldest rows; 0: none */
void trace_store_numbers(TraceStore *store, uint64_t *spans, uint64_t *dropped, uint64_t *memory);

/* All runs at one moment, the waiting pieces made into one more. */
typedef struct Snapshot {
    Run **runs;
    size_t count;
} Snapshot;

CHECKED bool snapshot_take(TraceStore *store, Snapshot *out, Err *err);
void snapshot_done(Snapshot *snapshot); /* harmless when zeroed */

/* The four questions of scan.h; trace_scan.c and trace_meta.c. */
ScanCursor *trace_scan(SpanSource *source, const SpanScan *query, Err *err);
ScanCursor *trace_lookup(SpanSource *source, const TraceId *ids, size_t count, Err *err);
bool trace_values(SpanSource *source, const ValuesQuery *query, ValueFound *found, void *context,
                  Err *err);
bool trace_meta(SpanSource *source, const MetaQuery *query, Err *err);

/* False, and ERR_TIMEOUT, once the deadline (0: none) has passed. */
CHECKED bool within_deadline(Clock *clock, int64_t deadline_mono_ns, Err *err);

#endif
