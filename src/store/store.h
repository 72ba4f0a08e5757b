/* store.h - where telemetry is kept: traces behind scan.h, metrics behind series_scan.h, logs
 * behind log_scan.h.
 *
 * A Batch that is appended goes to the write-ahead log of its schema (room seglog, directories
 * `traces/`, `metrics/`, `logs/`; a quiet signal never holds back a busy one) and, once that has it
 * as the sync mode promises, into memory where queries see it. Each log is a ring of segments: at
 * the size, memory or age limit the oldest leaves, file and rows together. Sizes and memory are one
 * budget for all three, divided as shares.h says. Opening replays the logs.
 *
 * The store never changes what it was given: absurd times, zero ids and duplicates are kept and
 * handed out as they came. Age is counted from when data was received, never from what its
 * timestamps say, and by a wall clock that is steady (seglog/steady_wall.h).
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/attributes.h"
#include "base/clock.h"
#include "base/disk.h"
#include "base/err.h"
#include "seglog/seglog.h"

typedef struct Batch Batch;
typedef struct SpanSource SpanSource;     /* scan.h */
typedef struct LogSource LogSource;       /* log_scan.h */
typedef struct SeriesSource SeriesSource; /* series_scan.h */
typedef struct Store Store;
typedef struct Budget Budget; /* base/budget.h */

typedef struct StoreSettings {
    Disk *disk;
    Clock *clock;
    const char *directory; /* made when missing */
    SeglogSync sync;
    uint64_t bytes_max;     /* of the logs' files together */
    uint64_t memory_max;    /* of all rows in memory, with batches and indexes */
    int64_t age_max_ns;     /* since received; 0: no limit */
    uint64_t segment_bytes; /* what leaves at once */
    uint64_t reserve_bytes; /* of free disk, left for others */
    uint64_t queue_bytes;   /* of each log, waiting to be written; beyond it appends are ERR_BUSY */
    Budget *budget;  /* of the program, outlives the store: rows are charged. NULL: nobody counts */
    bool own_thread; /* false: store_step() drives it, for tests and simulators */
} StoreSettings;

typedef struct StoreStats {
    uint64_t spans, traces; /* held now; a trace that spans several runs of rows counts in each */
    uint64_t records, streams;
    uint64_t samples, series;
    uint64_t spans_dropped, records_dropped, samples_dropped; /* by retention, since the start */
    uint64_t points_unsupported; /* since the start: in the log, but no series was made of them */
    uint64_t memory_bytes;
    int64_t oldest_unix_ns;  /* when the oldest held data was received; 0: nothing is held */
    uint64_t replay_refused; /* frames whose bytes were whole but no batch */
    SeglogStats log;         /* of the three together */
} StoreStats;

/* sync 1s, 1 GiB on disk, 1 GiB in memory, 7 days, 16 MiB segments, 100 MiB reserve. */
StoreSettings store_defaults(void);

/* ERR_BUSY: another process has the directory, and the text says which. Settings are copied. */
CHECKED Store *store_open(const StoreSettings *settings, Err *err);

/* Called exactly once per append that was taken, on the store's writer thread: err NULL when the
 * batch is stored (sync always: on the disk). Must not block; hop to your own loop. */
typedef void StoreDone(void *context, const Err *err);

typedef struct AppendOptions {
    StoreDone *done;
    void *context;
    /* Logs: the resource attributes are the stream's labels, name by name, and what else there is
     * keeps its names too (Loki's push). False: labels are made of OTLP's attributes. */
    bool verbatim_streams;
} AppendOptions;

/* From any thread; takes a reference. False: nothing kept, `done` will not be called (ERR_BUSY with
 * retry_ms, ERR_LIMIT: larger than the store can ever hold). */
CHECKED bool store_append_with(Store *store, Batch *batch, const AppendOptions *options, Err *err);
CHECKED bool store_append(Store *store, Batch *batch, StoreDone *done, void *context, Err *err);

CHECKED bool store_flush(Store *store, int64_t deadline_mono_ns, Err *err);
int64_t store_step(Store *store); /* see seglog_step */
void store_stats(Store *store, StoreStats *out);

/* Borrowed; they live as long as the store. Any thread may query them. */
SpanSource *store_spans(Store *store);
SeriesSource *store_series(Store *store);
LogSource *store_logs(Store *store);

/* As seglog_close(). No query may run any more. NULL is fine. */
bool store_close(Store *store, int64_t deadline_mono_ns, Err *err);

#endif
