/* store.c - the logs and the rows put together; see store.h.
 *
 * A batch becomes a piece of rows on its caller's thread, then goes to the log of its schema. The
 * log's writer answers: the piece joins the rows that queries see, and whoever appended is told.
 * Nothing of that needs memory, so what the log has is never missing from the answers.
 *
 * A rail is one schema's way: its log, its rows, and what is remembered of the segment that is
 * being written. Everything in it but the log and the list's own mutex belongs to the rail's
 * writer, or to whoever opens the store.
 */
#include "store/store.h"

#include "base/log.h"
#include "base/mem.h"
#include "otlp/batch.h"
#include "store/logs/log_store.h"
#include "store/metrics/series_store.h"
#include "store/shares.h"
#include "store/traces/trace_store.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    STORE_PATH_MAX = 1000,
    ROLL_SHARE = 16, /* a segment's rows take at most this part of the memory before it is closed */
    SEGMENT_SHARE = 8, /* and its file this part of the disk */
    BATCH_SHARE = 6,   /* a batch takes at most half of its schema's share */
    FRAME_MAX = 64 << 20,
    FLAG_VERBATIM = 1, /* of a frame of logs; part of the format */
};

enum { RAIL_TRACES, RAIL_METRICS, RAIL_LOGS, RAILS };
_Static_assert((int)RAILS == (int)SHARES, "every rail has a share");

typedef struct Schema {
    Signal signal;
    SeglogKind kind;
    uint16_t flags; /* that its frames may have */
    const char *directory;
    bool keeps_batches;
    Piece *(*make)(Store *store, Batch *batch, int64_t received_ns, uint16_t flags, Err *err);
} Schema;

typedef struct Rail {
    Store *store;
    const Schema *schema;
    size_t number; /* in store->rails, and as a party of the budget */
    Seglog *log;
    RunList *rows;
    LabelTable *tables[2];            /* NULL: it has none */
    uint64_t segment, segment_memory; /* the newest, and what its rows take */
    uint64_t dropped;                 /* the newest that has left; 0: none has */
    uint64_t replay_refused;
    bool told_refused; /* that some items cannot be asked for */
    size_t stale;      /* files whose rows did not fit when opening, still to be removed */
} Rail;

struct Store {
    StoreSettings settings; /* its directory is only used while opening */
    Shares shares;
    TraceStore traces;
    SeriesStore series;
    LogStore logs;
    Rail rails[RAILS];
};

typedef struct Append {
    SeglogEntry entry; /* first */
    Rail *rail;
    Batch *batch; /* until the log has its bytes; not every piece keeps it */
    Piece *piece;
    StoreDone *done;
    void *context;
} Append;

StoreSettings store_defaults(void)
{
    return (StoreSettings){
        .disk = disk_system(),
        .clock = clock_system(),
        .sync = SEGLOG_SYNC_SECOND,
        .bytes_max = 1 << 30,
        .memory_max = 1 << 30,
        .age_max_ns = 7 * 24 * 3600 * NANOS_PER_SECOND,
        .segment_bytes = 16 << 20,
        .reserve_bytes = 100 << 20,
        .queue_bytes = FRAME_MAX,
        .own_thread = true,
    };
}

/* ---- the schemas -------------------------------------------------------------------------------
 */

static Piece *make_spans(Store *store, Batch *batch, int64_t received_ns, uint16_t flags, Err *err)
{
    (void)store;
    (void)flags;
    return span_piece_new(batch, received_ns, err);
}

static Piece *make_samples(Store *store, Batch *batch, int64_t received_ns, uint16_t flags,
                           Err *err)
{
    (void)flags;
    return series_piece_make(&(SeriesPieceMake){ .tables = &store->series.tables,
                                                 .batch = batch,
                                                 .received_ns = received_ns,
                                                 .memory_max =
                                                     store->settings.memory_max / BATCH_SHARE },
                             err);
}

static Piece *make_records(Store *store, Batch *batch, int64_t received_ns, uint16_t flags,
                           Err *err)
{
    return log_piece_make(&(LogPieceMake){ .table = &store->logs.streams,
                                           .batch = batch,
                                           .received_ns = received_ns,
                                           .verbatim = (flags & FLAG_VERBATIM) != 0 },
                          err);
}

static const Schema schemas[RAILS] = {
    [RAIL_TRACES] = { TRACES, SEGLOG_OTLP_TRACES, 0, "traces", true, make_spans },
    [RAIL_METRICS] = { METRICS, SEGLOG_OTLP_METRICS, 0, "metrics", false, make_samples },
    [RAIL_LOGS] = { LOGS, SEGLOG_OTLP_LOGS, FLAG_VERBATIM, "logs", true, make_records },
};

static Rail *rail_of(Store *store, Signal signal)
{
    size_t i = 0;
    while (i + 1 < RAILS && schemas[i].signal != signal)
        i++;
    return &store->rails[i];
}

static uint64_t rail_memory(const Rail *rail)
{
    uint64_t memory = run_list_memory(rail->rows);
    for (size_t i = 0; i < COUNT_OF(rail->tables); i++)
        if (rail->tables[i])
            memory += label_table_numbers(rail->tables[i]).memory;
    return memory;
}

/* ---- the log tells: all of it on the writer's thread, or while opening
 * --------------------------- */

/* Once; the numbers go on in the statistics. */
static void tell_refused(Rail *rail, const Piece *piece)
{
    if (!piece->refused || rail->told_refused)
        return;
    rail->told_refused = true;
    log_write(LOG_WARN, "store", "some %.*s are kept in the log but cannot be queried: %s",
              STR_ARG(signal_item_name(rail->schema->signal)), piece->refused_reason);
}

static void add_rows(Rail *rail, Piece *piece, uint64_t segment)
{
    if (segment != rail->segment)
        rail->segment_memory = 0;
    rail->segment = segment;
    rail->segment_memory += piece->memory + piece->shared;
    piece->segment = segment;
    tell_refused(rail, piece);
    run_list_add(rail->rows, piece);
}

static Piece *replay_piece(Rail *rail, const SeglogFrame *frame, Err *err)
{
    const Schema *schema = rail->schema;
    if (frame->kind != schema->kind || (frame->flags & ~schema->flags)) {
        fail(err, ERR_UNSUPPORTED, "kind %d, flags %d", frame->kind, frame->flags);
        return NULL;
    }
    Batch *batch = batch_from_copy(schema->signal, frame->payload, err);
    if (!batch)
        return NULL;
    Piece *piece = schema->make(rail->store, batch, frame->receive_ns, frame->flags, err);
    batch_unref(batch);
    return piece;
}

/* What does not fit any more leaves with its rows now, with its file at the first tick. */
static void keep_replayed(Rail *rail)
{
    for (;;) {
        uint64_t oldest = run_list_oldest(rail->rows);
        ShareUse use = { .memory = rail_memory(rail) };
        if (!oldest || oldest >= rail->segment ||
            !shares_must_give(&rail->store->shares, rail->number, use))
            return;
        run_list_drop(rail->rows, oldest);
        rail->stale++;
    }
}

static bool replay_frame(void *context, const SeglogFrame *frame, Err *err)
{
    Rail *rail = context;
    Piece *piece = replay_piece(rail, frame, err);
    if (!piece && err->kind == ERR_MEMORY)
        return false;
    if (piece)
        add_rows(rail, piece, frame->segment);
    else
        rail->replay_refused++;
    keep_replayed(rail);
    return true;
}

static void segment_dropped(void *context, uint64_t segment)
{
    Rail *rail = context;
    if (rail->stale)
        rail->stale--;
    rail->dropped = segment;
    run_list_drop(rail->rows, segment);
}

static bool beyond_share(Rail *rail, Seglog *log)
{
    SeglogStats stats;
    seglog_stats(log, &stats);
    ShareUse use = { .memory = rail_memory(rail), .bytes = stats.bytes };
    return shares_must_give(&rail->store->shares, rail->number, use);
}

/* Segments that take too much leave, oldest first. */
static void keep_budget(Rail *rail, Seglog *log)
{
    if (rail->segment_memory > rail->store->settings.memory_max / ROLL_SHARE) {
        seglog_roll(log);
        rail->segment_memory = 0;
    }
    Err err;
    while (beyond_share(rail, log) || rail->stale)
        if (!seglog_drop_oldest(log, &err))
            return; /* tried again at the next append or tick */
}

static void tick(void *context, Seglog *log, int64_t wall_ns)
{
    (void)wall_ns;
    keep_budget(context, log);
}

/* ---- opening and closing ------------------------------------------------------------------------
 */

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static bool open_log(Rail *rail, const StoreSettings *settings, Err *err)
{
    char directory[STORE_PATH_MAX];
    if (snprintf(directory, sizeof directory, "%s/%s", settings->directory,
                 rail->schema->directory) >= STORE_PATH_MAX)
        return fail(err, ERR_INPUT, "path too long: %s", directory);
    SeglogSettings log = seglog_defaults();
    log.disk = settings->disk;
    log.clock = settings->clock;
    log.directory = directory;
    log.sync = settings->sync;
    log.segment_bytes = settings->segment_bytes;
    if (settings->bytes_max)
        log.segment_bytes = least(log.segment_bytes, settings->bytes_max / SEGMENT_SHARE);
    log.bytes_max = settings->bytes_max;
    log.age_max_ns = settings->age_max_ns;
    log.reserve_bytes = settings->reserve_bytes;
    log.queue_bytes = settings->queue_bytes;
    log.frame_bytes_max = least(settings->queue_bytes, FRAME_MAX);
    log.own_thread = settings->own_thread;
    SeglogListener listener = { rail, replay_frame, segment_dropped, tick };
    rail->log = seglog_open(&log, &listener, err);
    if (!rail->log)
        return blame(err, "%s", rail->schema->directory);
    shares_join(&rail->store->shares, rail->number, rail->log);
    if (beyond_share(rail, rail->log))
        seglog_wake(rail->log);
    return true;
}

static void init_rails(Store *store)
{
    for (size_t i = 0; i < RAILS; i++)
        store->rails[i] = (Rail){ .store = store, .schema = &schemas[i], .number = i };
    store->rails[RAIL_TRACES].rows = &store->traces.rows;
    store->rails[RAIL_METRICS].rows = &store->series.rows;
    store->rails[RAIL_METRICS].tables[0] = &store->series.tables.series;
    store->rails[RAIL_METRICS].tables[1] = &store->series.tables.families;
    store->rails[RAIL_LOGS].rows = &store->logs.rows;
    store->rails[RAIL_LOGS].tables[0] = &store->logs.streams;
}

/* The others wake one another until the last has left the budget. */
static bool close_logs(Store *store, int64_t deadline_mono_ns, Err *err)
{
    bool ok = true;
    Err later;
    for (size_t i = 0; i < RAILS; i++)
        shares_join(&store->shares, i, NULL);
    for (size_t i = 0; i < RAILS; i++)
        if (!seglog_close(store->rails[i].log, deadline_mono_ns, ok ? err : &later))
            ok = false;
    return ok;
}

static void free_store(Store *store)
{
    trace_store_done(&store->traces);
    series_store_done(&store->series);
    log_store_done(&store->logs);
    shares_done(&store->shares);
    mem_free(store);
}

Store *store_open(const StoreSettings *settings, Err *err)
{
    Err ignored;
    Store *store = MEM_MAKE(Store, 1, err);
    if (!store)
        return NULL;
    store->settings = *settings;
    store->settings.directory = NULL;
    shares_init(&store->shares, (ShareUse){ settings->memory_max, settings->bytes_max },
                budget_purse(settings->budget, BUDGET_STORE));
    trace_store_init(&store->traces, settings->clock);
    bool ok = series_store_init(&store->series, settings->clock, err) &&
              log_store_init(&store->logs, settings->clock, err);
    init_rails(store);
    for (size_t i = 0; ok && i < RAILS; i++)
        ok = open_log(&store->rails[i], settings, err);
    if (ok)
        return store;
    (void)close_logs(store, INT64_MAX, &ignored); /* nothing was appended */
    free_store(store);
    blame(err, "opening store");
    return NULL;
}

bool store_close(Store *store, int64_t deadline_mono_ns, Err *err)
{
    if (!store)
        return true;
    bool ok = close_logs(store, deadline_mono_ns, err);
    free_store(store);
    return ok || blame(err, "closing store");
}

/* ---- appending ----------------------------------------------------------------------------------
 */

/* The writer's thread: visible first, then told. A segment may leave before all of a group in it
 * has been answered; what comes behind follows it. */
static void logged(SeglogEntry *entry, const SeglogReceipt *receipt)
{
    Append *append = (Append *)entry;
    Rail *rail = append->rail;
    if (receipt->err) {
        piece_unref(append->piece);
    } else {
        add_rows(rail, append->piece, receipt->segment);
        if (receipt->segment <= rail->dropped)
            run_list_drop(rail->rows, receipt->segment);
        if (rail->schema->keeps_batches)
            batch_release_charge(append->batch); /* the rows' memory has it */
    }
    append->done(append->context, receipt->err);
    batch_unref(append->batch);
    mem_free(append);
    keep_budget(rail, rail->log);
}

static bool check_size(const Store *store, size_t needs, Err *err)
{
    return needs <= store->settings.memory_max / BATCH_SHARE ||
           fail(err, ERR_LIMIT, "a batch of %zu bytes in memory, at most %" PRIu64 " of %" PRIu64,
                needs, store->settings.memory_max / BATCH_SHARE, store->settings.memory_max);
}

static bool append_to(Rail *rail, Batch *batch, const AppendOptions *options, Err *err)
{
    Store *store = rail->store;
    int64_t now = clock_wall_ns(store->settings.clock);
    uint16_t flags = options->verbatim_streams && rail->schema->signal == LOGS ? FLAG_VERBATIM : 0;
    Piece *piece = rail->schema->make(store, batch, now, flags, err);
    bool fits = piece && check_size(store, piece->memory + piece->shared, err);
    Append *append = fits ? MEM_MAKE(Append, 1, err) : NULL;
    if (!append) {
        piece_unref(piece);
        return false;
    }
    *append = (Append){
        .entry = { .kind = (uint8_t)rail->schema->kind,
                   .flags = flags,
                   .payload = batch_bytes(batch),
                   .receive_ns = now,
                   .done = logged },
        .rail = rail,
        .batch = batch_ref(batch),
        .piece = piece,
        .done = options->done,
        .context = options->context,
    };
    if (seglog_append(rail->log, &append->entry, err))
        return true;
    piece_unref(piece);
    batch_unref(batch);
    mem_free(append);
    return blame(err, "storing");
}

bool store_append_with(Store *store, Batch *batch, const AppendOptions *options, Err *err)
{
    Rail *rail = rail_of(store, batch_signal(batch));
    return check_size(store, batch_memory(batch), err) && append_to(rail, batch, options, err);
}

bool store_append(Store *store, Batch *batch, StoreDone *done, void *context, Err *err)
{
    return store_append_with(store, batch, &(AppendOptions){ .done = done, .context = context },
                             err);
}

bool store_flush(Store *store, int64_t deadline_mono_ns, Err *err)
{
    for (size_t i = 0; i < RAILS; i++)
        if (!seglog_flush(store->rails[i].log, deadline_mono_ns, err))
            return false;
    return true;
}

int64_t store_step(Store *store)
{
    int64_t due = INT64_MAX;
    for (size_t i = 0; i < RAILS; i++) {
        Rail *rail = &store->rails[i];
        int64_t next = seglog_step(rail->log);
        due = next < due ? next : due;
    }
    return due;
}

/* ---- asking ------------------------------------------------------------------------------------
 */

SpanSource *store_spans(Store *store)
{
    return &store->traces.source;
}

LogSource *store_logs(Store *store)
{
    return &store->logs.source;
}

SeriesSource *store_series(Store *store)
{
    return &store->series.source;
}

static void add_log_stats(SeglogStats *sum, const SeglogStats *one)
{
    sum->frames_written += one->frames_written;
    sum->bytes_written += one->bytes_written;
    sum->syncs += one->syncs;
    sum->appends_failed += one->appends_failed;
    sum->syncs_failed += one->syncs_failed;
    sum->segments += one->segments;
    sum->bytes += one->bytes;
    if (one->oldest_ns && (!sum->oldest_ns || one->oldest_ns < sum->oldest_ns))
        sum->oldest_ns = one->oldest_ns;
    sum->queued_bytes += one->queued_bytes;
    sum->frames_replayed += one->frames_replayed;
    sum->torn_tails += one->torn_tails;
    sum->torn_bytes += one->torn_bytes;
    sum->damaged_segments += one->damaged_segments;
    sum->damaged_ranges += one->damaged_ranges;
    sum->damaged_bytes += one->damaged_bytes;
    sum->poison_frames += one->poison_frames;
}

/* Without memory for a snapshot there is no count of traces. */
static uint64_t count_traces(Store *store)
{
    Err ignored;
    SourceStats held = { 0 };
    MetaQuery query = { .stats = &held };
    return source_meta(store_spans(store), &query, &ignored) ? held.traces : 0;
}

void store_stats(Store *store, StoreStats *out)
{
    *out = (StoreStats){ .traces = count_traces(store) };
    for (size_t i = 0; i < RAILS; i++) {
        Rail *rail = &store->rails[i];
        SeglogStats log;
        seglog_stats(rail->log, &log);
        add_log_stats(&out->log, &log);
        out->memory_bytes += rail_memory(rail);
        out->replay_refused += rail->replay_refused;
        int64_t oldest = run_list_oldest_ns(rail->rows);
        if (oldest && (!out->oldest_unix_ns || oldest < out->oldest_unix_ns))
            out->oldest_unix_ns = oldest;
    }
    RunListNumbers spans = run_list_numbers(&store->traces.rows);
    RunListNumbers samples = run_list_numbers(&store->series.rows);
    RunListNumbers records = run_list_numbers(&store->logs.rows);
    out->spans = spans.rows;
    out->spans_dropped = spans.rows_dropped;
    out->samples = samples.rows;
    out->samples_dropped = samples.rows_dropped;
    out->points_unsupported = samples.items_refused;
    out->records = records.rows;
    out->records_dropped = records.rows_dropped;
    out->series = label_table_numbers(&store->series.tables.series).sets;
    out->streams = label_table_numbers(&store->logs.streams).sets;
}
