/* trace_store.c - see trace_store.h. */
#include "store/traces/trace_store.h"

#include "base/mem.h"

#include <string.h>

void trace_store_init(TraceStore *store, Clock *clock)
{
    *store = (TraceStore){
        .source = { trace_scan, trace_lookup, trace_values, trace_meta },
        .clock = clock,
    };
    store->open_end = &store->open;
    mutex_init(&store->mutex);
}

static void free_pieces(Piece *piece)
{
    while (piece) {
        Piece *next = piece->next;
        piece_unref(piece);
        piece = next;
    }
}

void trace_store_done(TraceStore *store)
{
    for (size_t i = 0; i < store->run_count; i++)
        run_unref(store->runs[i]);
    free_pieces(store->open);
    mem_free(store->runs);
    mutex_done(&store->mutex);
}

uint64_t trace_store_memory(TraceStore *store)
{
    mutex_lock(&store->mutex);
    uint64_t memory = store->memory;
    mutex_unlock(&store->mutex);
    return memory;
}

uint64_t trace_store_oldest(TraceStore *store)
{
    mutex_lock(&store->mutex);
    uint64_t segment = store->run_count ? store->runs[0]->segment
                       : store->open    ? store->open->segment
                                        : 0;
    mutex_unlock(&store->mutex);
    return segment;
}

void trace_store_numbers(TraceStore *store, uint64_t *spans, uint64_t *dropped, uint64_t *memory)
{
    mutex_lock(&store->mutex);
    *spans = store->spans;
    *dropped = store->spans_dropped;
    *memory = store->memory;
    mutex_unlock(&store->mutex);
}

bool within_deadline(Clock *clock, int64_t deadline_mono_ns, Err *err)
{
    if (!deadline_mono_ns || clock_mono_ns(clock) < deadline_mono_ns)
        return true;
    return fail(err, ERR_TIMEOUT, "the query took longer than it may");
}

/* ---- pieces become runs; all of it on the writer's thread, which alone changes the lists --------
 */

/* The first pieces of the list that belong to one segment; NULL without memory. */
static Piece **collect_open(const TraceStore *store, size_t *count)
{
    Err ignored;
    Piece **pieces = MEM_MAKE(Piece *, store->open_pieces, &ignored);
    *count = 0;
    for (Piece *piece = pieces ? store->open : NULL; piece; piece = piece->next) {
        if (piece->segment != store->open->segment)
            break;
        pieces[(*count)++] = piece;
    }
    return pieces;
}

static bool reserve_run(TraceStore *store)
{
    if (store->run_count < store->run_cap)
        return true;
    size_t cap = store->run_cap ? 2 * store->run_cap : 64;
    Run **grown = mem_grow(store->runs, cap * sizeof *grown);
    if (!grown)
        return false;
    store->runs = grown;
    store->run_cap = cap;
    return true;
}

/* The run takes the place of its pieces, which are the first of the list. */
static void publish(TraceStore *store, Run *run)
{
    Piece *leaving = store->open, **end = &leaving;
    mutex_lock(&store->mutex);
    if (!reserve_run(store)) {
        mutex_unlock(&store->mutex);
        run_unref(run);
        return;
    }
    for (size_t i = 0; i < run->piece_count; i++) {
        store->open_rows -= (*end)->count;
        store->memory -= (*end)->memory;
        end = &(*end)->next;
    }
    store->open = *end;
    *end = NULL;
    store->open_pieces -= run->piece_count;
    if (!store->open)
        store->open_end = &store->open;
    store->memory += run->memory;
    store->runs[store->run_count++] = run;
    mutex_unlock(&store->mutex);
    free_pieces(leaving);
}

static void seal(TraceStore *store)
{
    Err ignored; /* no memory: they wait, and are found all the same */
    size_t count;
    Piece **pieces = collect_open(store, &count);
    Run *run = pieces ? run_new(pieces, count, &ignored) : NULL;
    if (run)
        publish(store, run);
    mem_free(pieces);
}

void trace_store_add(TraceStore *store, Piece *piece)
{
    if (store->open && store->open->segment != piece->segment)
        seal(store);
    mutex_lock(&store->mutex);
    piece->next = NULL;
    *store->open_end = piece;
    store->open_end = &piece->next;
    store->open_pieces++;
    store->open_rows += piece->count;
    store->spans += piece->count;
    store->memory += piece->memory;
    bool full = store->open_rows >= RUN_ROWS;
    mutex_unlock(&store->mutex);
    if (full)
        seal(store);
}

/* ---- leaving -----------------------------------------------------------------------------------
 */

static void forget(TraceStore *store, size_t rows, size_t memory)
{
    store->spans -= rows;
    store->spans_dropped += rows;
    store->memory -= memory;
}

/* The mutex is held. What leaves is handed back, to be freed without it. */
static Piece *take_pieces_of(TraceStore *store, uint64_t segment)
{
    Piece *leaving = NULL;
    store->open_end = &store->open;
    while (*store->open_end) {
        Piece *piece = *store->open_end;
        if (piece->segment != segment) {
            store->open_end = &piece->next;
            continue;
        }
        *store->open_end = piece->next;
        piece->next = leaving;
        leaving = piece;
        store->open_pieces--;
        store->open_rows -= piece->count;
        forget(store, piece->count, piece->memory);
    }
    return leaving;
}

/* One run of the segment, or NULL. The mutex is held. */
static Run *take_run_of(TraceStore *store, uint64_t segment)
{
    for (size_t i = 0; i < store->run_count; i++) {
        Run *run = store->runs[i];
        if (run->segment != segment)
            continue;
        store->run_count--;
        memmove(store->runs + i, store->runs + i + 1, (store->run_count - i) * sizeof(Run *));
        forget(store, run->count, run->memory);
        return run;
    }
    return NULL;
}

void trace_store_drop(TraceStore *store, uint64_t segment)
{
    mutex_lock(&store->mutex);
    Piece *pieces = take_pieces_of(store, segment);
    mutex_unlock(&store->mutex);
    free_pieces(pieces);
    for (;;) {
        mutex_lock(&store->mutex);
        Run *run = take_run_of(store, segment);
        mutex_unlock(&store->mutex);
        if (!run)
            return;
        run_unref(run);
    }
}

/* ---- snapshots ---------------------------------------------------------------------------------
 */

/* Under the mutex: references to runs and waiting pieces. */
static bool take_references(TraceStore *store, Snapshot *out, Piece ***pieces, size_t *piece_count,
                            Err *err)
{
    out->runs = MEM_MAKE(Run *, store->run_count + 1, err);
    *pieces = out->runs ? MEM_MAKE(Piece *, store->open_pieces + 1, err) : NULL;
    if (!*pieces)
        return false;
    for (; out->count < store->run_count; out->count++)
        out->runs[out->count] = run_ref(store->runs[out->count]);
    for (Piece *piece = store->open; piece; piece = piece->next)
        (*pieces)[(*piece_count)++] = piece_ref(piece);
    return true;
}

bool snapshot_take(TraceStore *store, Snapshot *out, Err *err)
{
    *out = (Snapshot){ 0 };
    Piece **pieces = NULL;
    size_t piece_count = 0;
    mutex_lock(&store->mutex);
    bool ok = take_references(store, out, &pieces, &piece_count, err);
    mutex_unlock(&store->mutex);
    if (ok && piece_count) {
        Run *fresh = run_new(pieces, piece_count, err);
        ok = fresh != NULL;
        if (fresh)
            out->runs[out->count++] = fresh;
    }
    for (size_t i = 0; i < piece_count; i++)
        piece_unref(pieces[i]);
    mem_free(pieces);
    if (!ok)
        snapshot_done(out);
    return ok;
}

void snapshot_done(Snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->count; i++)
        run_unref(snapshot->runs[i]);
    mem_free(snapshot->runs);
    *snapshot = (Snapshot){ 0 };
}
