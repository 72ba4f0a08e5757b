/* trace_scan.c - scan and lookup over a snapshot.
 *
 * A scan merges the runs by a heap whose top is the newest row not yet looked at; what matches goes
 * into the block. Nothing is collected beforehand, so the first block of a search over everything
 * costs little more than the rows it looks at. A lookup gathers the rows of one trace at a time.
 */
#include "base/mem.h"
#include "store/traces/span_match.h"
#include "store/traces/trace_store.h"

#include <stdlib.h>

enum {
    DEADLINE_ROWS = 256,     /* looked at between two readings of the clock */
    LOOKUP_IDS_MAX = 100000, /* traces in one lookup */
};

/* ---- scan --------------------------------------------------------------------------------------
 */

typedef struct Head {
    const SpanRun *run;
    size_t at; /* in run->by_start */
} Head;

typedef struct ScanState {
    ScanCursor cursor; /* first */
    Clock *clock;
    Snapshot snapshot;
    SpanMatch match;
    uint64_t from_ns;
    int64_t deadline;
    size_t left; /* rows that may still be handed out */
    Head *heads; /* a heap: the newest row on top */
    size_t head_count;
    SpanRow rows[SCAN_BLOCK_ROWS];
} ScanState;

static const SpanRow *head_row(const Head *head)
{
    return head->run->by_start[head->at];
}

static void sink(ScanState *state, size_t at)
{
    Head *heads = state->heads;
    for (;;) {
        size_t best = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < state->head_count; child++)
            if (row_newest_first(head_row(&heads[child]), head_row(&heads[best])) < 0)
                best = child;
        if (best == at)
            return;
        Head other = heads[best];
        heads[best] = heads[at];
        heads[at] = other;
        at = best;
    }
}

/* A head stays while its run has rows that are not older than the range. */
static bool head_goes_on(const ScanState *state, const Head *head)
{
    return head->at < head->run->base.count && head_row(head)->start_ns >= state->from_ns;
}

static bool make_heads(ScanState *state, uint64_t to_ns, Err *err)
{
    state->heads = MEM_MAKE(Head, state->snapshot.count + 1, err);
    if (!state->heads)
        return false;
    for (size_t i = 0; i < state->snapshot.count; i++) {
        const SpanRun *run = (const SpanRun *)state->snapshot.runs[i];
        Head head = { run, run_seek_start(run, to_ns) };
        if (head_goes_on(state, &head))
            state->heads[state->head_count++] = head;
    }
    for (size_t i = state->head_count / 2; i-- > 0;)
        sink(state, i);
    return true;
}

static const SpanRow *take_newest(ScanState *state)
{
    Head *top = &state->heads[0];
    const SpanRow *row = head_row(top);
    top->at++;
    if (!head_goes_on(state, top))
        *top = state->heads[--state->head_count];
    sink(state, 0);
    return row;
}

static ScanResult scan_step(ScanCursor *cursor, SpanBlock *out, Err *err)
{
    ScanState *state = (ScanState *)cursor;
    *out = (SpanBlock){ .rows = state->rows };
    for (size_t seen = 0; state->head_count && state->left && out->count < SCAN_BLOCK_ROWS;
         seen++) {
        if (seen % DEADLINE_ROWS == 0 && !within_deadline(state->clock, state->deadline, err))
            return SCAN_FAILED;
        const SpanRow *row = take_newest(state);
        bool matches = span_matches(&state->match, row);
        if (state->match.starved)
            return fail(err, ERR_MEMORY, "no memory to compare values"), SCAN_FAILED;
        if (!matches)
            continue;
        state->rows[out->count++] = *row;
        state->left--;
    }
    return out->count ? SCAN_BLOCK : SCAN_END;
}

static void scan_end(ScanCursor *cursor)
{
    ScanState *state = (ScanState *)cursor;
    span_match_done(&state->match);
    snapshot_done(&state->snapshot);
    mem_free(state->heads);
    mem_free(state);
}

ScanCursor *trace_scan(SpanSource *source, const SpanScan *query, Err *err)
{
    TraceStore *store = (TraceStore *)source;
    ScanState *state = MEM_MAKE(ScanState, 1, err);
    if (!state)
        return NULL;
    state->cursor = (ScanCursor){ scan_step, scan_end };
    state->clock = deadline_clock(query->clock, store->clock);
    state->from_ns = query->from_ns;
    state->deadline = query->deadline_mono_ns;
    state->left = query->limit ? query->limit : SIZE_MAX;
    if (!span_match_init(&state->match, query, err) ||
        !snapshot_take(&store->rows, &state->snapshot, err) ||
        !make_heads(state, query->to_ns, err)) {
        scan_end(&state->cursor);
        return NULL;
    }
    return &state->cursor;
}

/* ---- lookup ------------------------------------------------------------------------------------
 */

typedef struct LookupState {
    ScanCursor cursor; /* first */
    Snapshot snapshot;
    TraceId *ids;
    size_t id_count, next_id;
    const SpanRow **found; /* rows of the trace before next_id */
    size_t found_count, found_cap, given;
    SpanRow rows[SCAN_BLOCK_ROWS];
} LookupState;

static int compare_in_trace(const void *a, const void *b)
{
    return row_in_trace(*(const SpanRow *const *)a, *(const SpanRow *const *)b);
}

static bool reserve_found(LookupState *state, Err *err)
{
    if (state->found_count < state->found_cap)
        return true;
    size_t cap = state->found_cap ? 2 * state->found_cap : 256;
    const SpanRow **grown = mem_grow(state->found, cap * sizeof *grown);
    if (!grown)
        return fail(err, ERR_MEMORY, "no memory for a trace of %zu spans", cap);
    state->found = grown;
    state->found_cap = cap;
    return true;
}

static bool gather(LookupState *state, const TraceId *id, Err *err)
{
    state->found_count = state->given = 0;
    for (size_t r = 0; r < state->snapshot.count; r++) {
        const SpanRun *run = (const SpanRun *)state->snapshot.runs[r];
        for (size_t i = run_seek_trace(run, id);
             i < run->base.count && trace_id_eq(&run->by_trace[i]->trace_id, id); i++) {
            if (!reserve_found(state, err))
                return false;
            state->found[state->found_count++] = run->by_trace[i];
        }
    }
    if (state->found_count)
        qsort(state->found, state->found_count, sizeof *state->found, compare_in_trace);
    return true;
}

static ScanResult lookup_step(ScanCursor *cursor, SpanBlock *out, Err *err)
{
    LookupState *state = (LookupState *)cursor;
    *out = (SpanBlock){ .rows = state->rows };
    while (out->count < SCAN_BLOCK_ROWS) {
        if (state->given < state->found_count) {
            state->rows[out->count++] = *state->found[state->given++];
            continue;
        }
        if (state->next_id == state->id_count)
            break;
        if (!gather(state, &state->ids[state->next_id++], err))
            return SCAN_FAILED;
    }
    return out->count ? SCAN_BLOCK : SCAN_END;
}

static void lookup_end(ScanCursor *cursor)
{
    LookupState *state = (LookupState *)cursor;
    snapshot_done(&state->snapshot);
    mem_free(state->found);
    mem_free(state->ids);
    mem_free(state);
}

ScanCursor *trace_lookup(SpanSource *source, const TraceId *ids, size_t count, Err *err)
{
    if (count > LOOKUP_IDS_MAX) {
        fail(err, ERR_LIMIT, "more than %d traces at once", LOOKUP_IDS_MAX);
        return NULL;
    }
    LookupState *state = MEM_MAKE(LookupState, 1, err);
    if (!state)
        return NULL;
    state->cursor = (ScanCursor){ lookup_step, lookup_end };
    state->ids = MEM_MAKE(TraceId, count + 1, err);
    for (; state->ids && state->id_count < count; state->id_count++)
        state->ids[state->id_count] = ids[state->id_count];
    if (!state->ids || !snapshot_take(&((TraceStore *)source)->rows, &state->snapshot, err)) {
        lookup_end(&state->cursor);
        return NULL;
    }
    return &state->cursor;
}
