/* store.c - the log and the rows put together; see store.h.
 *
 * A batch becomes a piece of rows on its caller's thread, then goes to the log. The log's writer
 * answers: the piece joins the rows that queries see, and whoever appended is told. Nothing of that
 * needs memory, so what the log has is never missing from the answers.
 */
#include "store/store.h"

#include "base/log.h"
#include "base/mem.h"
#include "otlp/batch.h"
#include "store/traces/trace_store.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    STORE_PATH_MAX = 1000,
    ROLL_SHARE = 8, /* a segment's rows take at most this part of the memory before it is closed */
    FRAME_MAX = 64 << 20,
};

struct Store {
    StoreSettings settings; /* its directory is only used while opening */
    Seglog *log;
    TraceStore traces;
    /* The writer's, or the opener's. */
    uint64_t segment, segment_memory; /* the newest, and what its rows take */
    uint64_t replay_refused;
};

typedef struct Append {
    SeglogEntry entry; /* first */
    Store *store;
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

/* ---- the log tells: all of it on the writer's thread, or while opening
 * --------------------------- */

static void add_rows(Store *store, Piece *piece, uint64_t segment)
{
    if (segment != store->segment)
        store->segment_memory = 0;
    store->segment = segment;
    store->segment_memory += piece->memory;
    piece->segment = segment;
    trace_store_add(&store->traces, piece);
}

static bool replay_frame(void *context, const SeglogFrame *frame, Err *err)
{
    Store *store = context;
    Batch *batch = NULL;
    if (frame->kind == SEGLOG_OTLP_TRACES && frame->flags == 0)
        batch = batch_from_copy(TRACES, frame->payload, err);
    else
        fail(err, ERR_UNSUPPORTED, "kind %d", frame->kind);
    Piece *piece = batch ? piece_new(batch, frame->receive_ns, err) : NULL;
    batch_unref(batch);
    if (!piece && err->kind == ERR_MEMORY)
        return false;
    if (!piece) {
        store->replay_refused++;
        return true;
    }
    add_rows(store, piece, frame->segment);
    uint64_t oldest = trace_store_oldest(&store->traces);
    if (trace_store_memory(&store->traces) > store->settings.memory_max && oldest < frame->segment)
        trace_store_drop(&store->traces, oldest); /* its file goes with the first tick */
    return true;
}

static void segment_dropped(void *context, uint64_t segment)
{
    trace_store_drop(&((Store *)context)->traces, segment);
}

/* Segments whose rows take too much leave, oldest first. */
static void keep_memory(Store *store, Seglog *log)
{
    if (store->segment_memory > store->settings.memory_max / ROLL_SHARE) {
        seglog_roll(log);
        store->segment_memory = 0;
    }
    Err err;
    while (trace_store_memory(&store->traces) > store->settings.memory_max)
        if (!seglog_drop_oldest(log, &err))
            return; /* tried again at the next append or tick */
}

static void tick(void *context, Seglog *log, int64_t wall_ns)
{
    (void)wall_ns;
    keep_memory(context, log);
}

/* ---- opening and closing ------------------------------------------------------------------------
 */

static Seglog *open_log(Store *store, const StoreSettings *settings, Err *err)
{
    char directory[STORE_PATH_MAX];
    if (snprintf(directory, sizeof directory, "%s/traces", settings->directory) >= STORE_PATH_MAX) {
        fail(err, ERR_INPUT, "path too long: %s", directory);
        return NULL;
    }
    SeglogSettings log = seglog_defaults();
    log.disk = settings->disk;
    log.clock = settings->clock;
    log.directory = directory;
    log.sync = settings->sync;
    log.segment_bytes = settings->segment_bytes;
    log.bytes_max = settings->bytes_max;
    log.age_max_ns = settings->age_max_ns;
    log.reserve_bytes = settings->reserve_bytes;
    log.queue_bytes = settings->queue_bytes;
    log.frame_bytes_max = settings->queue_bytes < FRAME_MAX ? settings->queue_bytes : FRAME_MAX;
    log.own_thread = settings->own_thread;
    SeglogListener listener = { store, replay_frame, segment_dropped, tick };
    return seglog_open(&log, &listener, err);
}

Store *store_open(const StoreSettings *settings, Err *err)
{
    Store *store = MEM_MAKE(Store, 1, err);
    if (!store)
        return NULL;
    store->settings = *settings;
    store->settings.directory = NULL;
    trace_store_init(&store->traces, settings->clock);
    store->log = open_log(store, settings, err);
    if (store->log)
        return store;
    trace_store_done(&store->traces);
    mem_free(store);
    blame(err, "opening store");
    return NULL;
}

bool store_close(Store *store, int64_t deadline_mono_ns, Err *err)
{
    if (!store)
        return true;
    bool ok = seglog_close(store->log, deadline_mono_ns, err);
    trace_store_done(&store->traces);
    mem_free(store);
    return ok || blame(err, "closing store");
}

/* ---- appending ----------------------------------------------------------------------------------
 */

/* The writer's thread: visible first, then told. */
static void logged(SeglogEntry *entry, const SeglogReceipt *receipt)
{
    Append *append = (Append *)entry;
    Store *store = append->store;
    if (receipt->err)
        piece_unref(append->piece);
    else
        add_rows(store, append->piece, receipt->segment);
    append->done(append->context, receipt->err);
    mem_free(append);
    keep_memory(store, store->log);
}

static bool check_batch(const Store *store, const Batch *batch, Err *err)
{
    if (batch_signal(batch) != TRACES)
        return fail(err, ERR_UNSUPPORTED, "the store keeps traces only, not %.*s",
                    STR_ARG(signal_name(batch_signal(batch))));
    size_t needs = batch_memory(batch) + batch_item_count(batch) * sizeof(SpanRow);
    if (needs > store->settings.memory_max / 2)
        return fail(err, ERR_LIMIT, "a batch of %zu bytes in memory, of %" PRIu64 " for all", needs,
                    store->settings.memory_max);
    return true;
}

bool store_append(Store *store, Batch *batch, StoreDone *done, void *context, Err *err)
{
    if (!check_batch(store, batch, err))
        return false;
    int64_t now = clock_wall_ns(store->settings.clock);
    Piece *piece = piece_new(batch, now, err);
    Append *append = piece ? MEM_MAKE(Append, 1, err) : NULL;
    if (!append) {
        piece_unref(piece);
        return false;
    }
    *append = (Append){
        .entry = { .kind = SEGLOG_OTLP_TRACES,
                   .payload = batch_bytes(batch),
                   .receive_ns = now,
                   .done = logged },
        .store = store,
        .piece = piece,
        .done = done,
        .context = context,
    };
    if (seglog_append(store->log, &append->entry, err))
        return true;
    piece_unref(piece);
    mem_free(append);
    return blame(err, "storing");
}

bool store_flush(Store *store, int64_t deadline_mono_ns, Err *err)
{
    return seglog_flush(store->log, deadline_mono_ns, err);
}

int64_t store_step(Store *store)
{
    return seglog_step(store->log);
}

SpanSource *store_spans(Store *store)
{
    return &store->traces.source;
}

void store_stats(Store *store, StoreStats *out)
{
    Err ignored; /* without memory for a snapshot there is no count of traces */
    SourceStats held = { 0 };
    MetaQuery query = { .stats = &held };
    *out = (StoreStats){ .replay_refused = store->replay_refused };
    if (source_meta(store_spans(store), &query, &ignored)) {
        out->traces = held.traces;
        out->oldest_unix_ns = held.oldest_received_ns;
    }
    trace_store_numbers(&store->traces, &out->spans, &out->spans_dropped, &out->memory_bytes);
    seglog_stats(store->log, &out->log);
}
