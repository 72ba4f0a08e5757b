/* log_cursor.c - scan over a snapshot of logs: a merge of all runs by time.
 *
 * Each run's lines are in order of time, so a heap with one place per run gives them in order of
 * all. The matchers are asked once per stream. What a line itself says (stream, trace,
 * text) decides before anything is read from the batch; metadata is made only for rows that are
 * handed out.
 */
#include "base/mem.h"
#include "store/logs/log_labels.h"
#include "store/logs/log_store.h"

#include <stdlib.h>

enum {
    DEADLINE_ROWS = 256,
    CONTAINS_MAX = 64,
    BLOCK_TEXT = 1 << 20,      /* metadata of a block beyond which it is handed out as it is */
    BLOCK_TEXT_MAX = 64 << 20, /* of one row beyond that: ERR_LIMIT */
};

typedef struct LogHead {
    const LogRun *run;
    size_t number;      /* of the run, in the order in which they were stored */
    size_t at, end;     /* places that are still to come: at <= place < end */
    const bool *wanted; /* per stream of the run */
} LogHead;

typedef struct LogScanState {
    LogCursor cursor; /* first */
    LogStore *store;
    Snapshot snapshot;
    LabelSets chosen;
    Arena *kept; /* as long as the cursor */
    const Str *contains;
    size_t contains_count;
    const TraceId *trace_id;
    bool newest_first, no_metadata;
    int64_t deadline;
    Clock *clock;
    size_t left;
    LogHead *heads; /* a heap: the next row on top */
    size_t head_count;
    LabelList metadata; /* of the block at hand */
    LogRow rows[LOG_BLOCK_ROWS];
} LogScanState;

/* ---- the heap ----------------------------------------------------------------------------------
 */

static const LogPlace *head_place(const LogScanState *state, const LogHead *head)
{
    return &head->run->by_time[state->newest_first ? head->end - 1 : head->at];
}

static bool comes_before(const LogScanState *state, const LogHead *a, const LogHead *b)
{
    uint64_t left = head_place(state, a)->line->time_ns;
    uint64_t right = head_place(state, b)->line->time_ns;
    if (left != right)
        return (left < right) != state->newest_first;
    return (a->number < b->number) != state->newest_first;
}

static void sink(LogScanState *state, size_t at)
{
    LogHead *heads = state->heads;
    for (;;) {
        size_t best = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < state->head_count; child++)
            if (comes_before(state, &heads[child], &heads[best]))
                best = child;
        if (best == at)
            return;
        LogHead other = heads[best];
        heads[best] = heads[at];
        heads[at] = other;
        at = best;
    }
}

typedef struct LogTaken {
    const LogLine *line; /* NULL: of a stream that is not wanted */
    const LabelSet *stream;
} LogTaken;

static LogTaken take_next(LogScanState *state)
{
    LogHead *top = &state->heads[0];
    const LogPlace *place = head_place(state, top);
    LogTaken taken = { top->wanted[place->stream] ? place->line : NULL,
                       top->run->streams[place->stream] };
    if (state->newest_first)
        top->end--;
    else
        top->at++;
    if (top->at == top->end)
        *top = state->heads[--state->head_count];
    sink(state, 0);
    return taken;
}

/* ---- opening -----------------------------------------------------------------------------------
 */

static int compare_addresses(const void *a, const void *b)
{
    uintptr_t left = (uintptr_t) * (LabelSet *const *)a, right = (uintptr_t) * (LabelSet *const *)b;
    return (left > right) - (left < right);
}

/* The streams that match, by address. The snapshot comes first: what it holds stays in the table.
 */
static bool choose_streams(LogScanState *state, LabelTable *table, const LogScan *query, Err *err)
{
    LabelMatch match;
    if (!label_match_init(&match, query->matchers, query->matcher_count, err))
        return false;
    bool ok = label_table_select(table, &match, &state->chosen, err);
    label_match_done(&match);
    if (ok && state->chosen.count)
        qsort(state->chosen.ptr, state->chosen.count, sizeof(LabelSet *), compare_addresses);
    return ok;
}

static bool want_streams(LogScanState *state, const LogRun *run, const bool **out, Err *err)
{
    *out = NULL;
    bool *wanted = ARENA_MAKE(state->kept, bool, run->stream_count + 1, err), any = false;
    if (!wanted)
        return false;
    for (size_t i = 0; state->chosen.count && i < run->stream_count; i++)
        any |= wanted[i] = bsearch(&run->streams[i], state->chosen.ptr, state->chosen.count,
                                   sizeof(LabelSet *), compare_addresses) != NULL;
    if (any)
        *out = wanted;
    return true;
}

static bool make_heads(LogScanState *state, const LogScan *query, Err *err)
{
    state->heads = ARENA_MAKE(state->kept, LogHead, state->snapshot.count + 1, err);
    if (!state->heads)
        return false;
    for (size_t i = 0; i < state->snapshot.count; i++) {
        const LogRun *run = (const LogRun *)state->snapshot.runs[i];
        LogHead head = { .run = run, .number = i, .at = log_run_seek(run, query->from_ns) };
        head.end = query->to_ns ? log_run_seek(run, query->to_ns) : run->base.count;
        if (head.at >= head.end)
            continue;
        if (!within_deadline(state->clock, state->deadline, err) ||
            !want_streams(state, run, &head.wanted, err))
            return false;
        if (head.wanted)
            state->heads[state->head_count++] = head;
    }
    for (size_t i = state->head_count / 2; i-- > 0;)
        sink(state, i);
    return true;
}

static bool copy_query(LogScanState *state, const LogScan *query, Err *err)
{
    state->newest_first = query->newest_first;
    state->no_metadata = query->no_metadata;
    state->deadline = query->deadline_mono_ns;
    state->clock = deadline_clock(query->clock, state->store->clock);
    state->left = query->limit ? query->limit : SIZE_MAX;
    state->kept = arena_new(BLOCK_TEXT_MAX, err);
    state->metadata.arena = state->kept ? arena_new(BLOCK_TEXT_MAX, err) : NULL;
    state->metadata.scratch = BUF(BLOCK_TEXT_MAX);
    if (!state->metadata.arena)
        return false;
    if (query->trace_id) {
        TraceId *id = ARENA_MAKE(state->kept, TraceId, 1, err);
        if (!id)
            return false;
        *id = *query->trace_id;
        state->trace_id = id;
    }
    /* More than these may be asked for; then the others do not restrict. */
    size_t count = query->contains_count < CONTAINS_MAX ? query->contains_count : CONTAINS_MAX;
    Str *contains = ARENA_MAKE(state->kept, Str, count + 1, err);
    for (size_t i = 0; contains && i < count; i++, state->contains_count++)
        if (!arena_copy(state->kept, query->contains[i], &contains[i], err))
            return false;
    state->contains = contains;
    return contains != NULL;
}

/* ---- rows --------------------------------------------------------------------------------------
 */

/* What is called trace_id is the label of that name of the stream, else the record's own id, else
 * an attribute: of a line without an id only its metadata could say. */
static bool trace_may_match(const LogScanState *state, const LogTaken *taken)
{
    const TraceId *own = &taken->line->trace_id;
    return !state->trace_id || trace_id_eq(state->trace_id, own) || trace_id_is_zero(own) ||
           labels_get(taken->stream->labels, STR("trace_id")).len > 0;
}

static bool line_may_match(const LogScanState *state, const LogTaken *taken)
{
    const LogLine *line = taken->line;
    if (!line || !trace_may_match(state, taken))
        return false;
    for (size_t i = 0; i < state->contains_count; i++)
        if (!str_contains(line->text, state->contains[i]))
            return false;
    return true;
}

static bool make_row(LogScanState *state, const LogTaken *taken, LogRow *out, Err *err)
{
    const LogLine *line = taken->line;
    *out = (LogRow){
        .time_ns = line->time_ns,
        .stream = taken->stream->labels,
        .line = line->text,
        .severity = line->severity,
        .trace_id = line->trace_id,
        .span_id = line->span_id,
        .batch = line->batch,
        .record = line->record,
    };
    state->metadata.verbatim = line->verbatim;
    return state->no_metadata ||
           record_metadata(&state->metadata, line->batch, line->record, &out->metadata, err);
}

static bool block_full(const LogScanState *state, const LogBlock *block)
{
    return block->count == LOG_BLOCK_ROWS || arena_used(state->metadata.arena) > BLOCK_TEXT;
}

static LogResult scan_step(LogCursor *cursor, LogBlock *out, Err *err)
{
    LogScanState *state = (LogScanState *)cursor;
    *out = (LogBlock){ .rows = state->rows };
    label_list_clear(&state->metadata);
    for (size_t seen = 0; state->head_count && state->left && !block_full(state, out); seen++) {
        if (seen % DEADLINE_ROWS == 0 && !within_deadline(state->clock, state->deadline, err))
            return LOG_FAILED;
        LogTaken taken = take_next(state);
        if (!line_may_match(state, &taken))
            continue;
        if (!make_row(state, &taken, &state->rows[out->count], err))
            return LOG_FAILED;
        out->count++;
        state->left--;
    }
    return out->count ? LOG_BLOCK : LOG_END;
}

static void scan_end(LogCursor *cursor)
{
    LogScanState *state = (LogScanState *)cursor;
    label_sets_done(&state->store->streams, &state->chosen);
    snapshot_done(&state->snapshot);
    label_list_done(&state->metadata);
    arena_free(state->metadata.arena);
    arena_free(state->kept);
    mem_free(state);
}

LogCursor *log_store_scan(LogSource *source, const LogScan *query, Err *err)
{
    LogStore *store = (LogStore *)source;
    LogScanState *state = MEM_MAKE(LogScanState, 1, err);
    if (!state)
        return NULL;
    state->cursor = (LogCursor){ scan_step, scan_end };
    state->store = store;
    if (copy_query(state, query, err) && snapshot_take(&store->rows, &state->snapshot, err) &&
        choose_streams(state, &store->streams, query, err) && make_heads(state, query, err))
        return &state->cursor;
    scan_end(&state->cursor);
    return NULL;
}
