/* series_cursor.c - scan over a snapshot of metrics, series after series.
 *
 * The table of series says which ones match; their order is that of the answer. For each one its
 * slices are looked up in all runs. One slice is handed out as it lies there; several that follow
 * one another are copied behind each other; those that overlap are merged pair by pair, the later
 * run winning where both have a time.
 */
#include "base/mem.h"
#include "store/metrics/series_store.h"

#include <string.h>

typedef struct SeriesScanState {
    SeriesCursor cursor; /* first */
    SeriesStore *store;
    Snapshot snapshot;
    LabelSets series;
    size_t next;
    int64_t from_ms, to_ms, deadline;
    Clock *clock;
    Purse *purse;
    bool labels_only;
    size_t series_left, samples_left;
    Samples *slices; /* of the series at hand, in the order in which the runs were stored */
    size_t slice_count;
    Sample *buffers[2];
    size_t buffer_caps[2];
} SeriesScanState;

/* ---- slices ------------------------------------------------------------------------------------
 */

/* How many samples they have together. */
static size_t find_slices(SeriesScanState *state, const LabelSet *series)
{
    size_t total = 0;
    state->slice_count = 0;
    for (size_t i = 0; i < state->snapshot.count; i++) {
        const SeriesRun *run = (const SeriesRun *)state->snapshot.runs[i];
        Samples slice = series_run_find(run, series, state->from_ms, state->to_ms);
        if (!slice.count)
            continue;
        state->slices[state->slice_count++] = slice;
        total += slice.count;
        if (state->labels_only)
            break;
    }
    return total;
}

static bool slices_in_order(const SeriesScanState *state)
{
    for (size_t i = 1; i < state->slice_count; i++) {
        const Samples *before = &state->slices[i - 1];
        if (before->ptr[before->count - 1].time_ms >= state->slices[i].ptr[0].time_ms)
            return false;
    }
    return true;
}

static bool reserve_buffer(SeriesScanState *state, size_t which, size_t count, Err *err)
{
    if (count <= state->buffer_caps[which])
        return true;
    size_t cap = count + count / 2, more = (cap - state->buffer_caps[which]) * sizeof(Sample);
    if (!purse_take(state->purse, more))
        return budget_short(err, "samples of a series", more);
    Sample *grown = mem_grow(state->buffers[which], cap * sizeof *grown);
    if (!grown) {
        purse_give(state->purse, more);
        return fail(err, ERR_MEMORY, "no memory for %zu samples of a series", cap);
    }
    state->buffers[which] = grown;
    state->buffer_caps[which] = cap;
    return true;
}

static void free_buffers(SeriesScanState *state)
{
    for (size_t i = 0; i < COUNT_OF(state->buffers); i++) {
        mem_free(state->buffers[i]);
        purse_give(state->purse, state->buffer_caps[i] * sizeof(Sample));
    }
}

/* Of both at one time `later` counts. */
static Samples merge(Samples earlier, Samples later, Sample *out)
{
    size_t a = 0, b = 0, n = 0;
    while (a < earlier.count && b < later.count) {
        int64_t left = earlier.ptr[a].time_ms, right = later.ptr[b].time_ms;
        a += left == right;
        out[n++] = left < right ? earlier.ptr[a++] : later.ptr[b++];
    }
    memcpy(out + n, earlier.ptr + a, (earlier.count - a) * sizeof *out);
    n += earlier.count - a;
    if (later.count > b)
        memcpy(out + n, later.ptr + b, (later.count - b) * sizeof *out);
    return (Samples){ out, n + later.count - b };
}

/* Neighbours pair by pair, from one buffer into the other, until there is one. */
static void merge_all(SeriesScanState *state)
{
    for (size_t to = 1; state->slice_count > 1; to = 1 - to) {
        size_t pairs = 0;
        Sample *out = state->buffers[to];
        for (size_t i = 0; i < state->slice_count; i += 2) {
            Samples none = { NULL, 0 };
            Samples later = i + 1 < state->slice_count ? state->slices[i + 1] : none;
            state->slices[pairs] = merge(state->slices[i], later, out);
            out += state->slices[pairs++].count;
        }
        state->slice_count = pairs;
    }
}

static bool join_slices(SeriesScanState *state, size_t total, bool in_order, Samples *out, Err *err)
{
    if (state->slice_count > 1) {
        if (!reserve_buffer(state, 0, total, err) ||
            (!in_order && !reserve_buffer(state, 1, total, err)))
            return false;
        size_t n = 0;
        for (size_t i = 0; in_order && i < state->slice_count; i++) {
            memcpy(state->buffers[0] + n, state->slices[i].ptr,
                   state->slices[i].count * sizeof(Sample));
            n += state->slices[i].count;
        }
        if (in_order)
            state->slices[0] = (Samples){ state->buffers[0], n };
        else
            merge_all(state);
    }
    *out = state->slices[0];
    return true;
}

/* ---- the cursor --------------------------------------------------------------------------------
 */

static bool take_samples(SeriesScanState *state, size_t total, SeriesRow *out, Err *err)
{
    Samples samples;
    bool in_order = slices_in_order(state);
    /* What overlaps may be fewer once it is merged. */
    if (in_order && total > state->samples_left)
        return fail(err, ERR_LIMIT, "the query needs more samples than it may");
    if (!join_slices(state, total, in_order, &samples, err))
        return false;
    if (samples.count > state->samples_left)
        return fail(err, ERR_LIMIT, "the query needs more samples than it may");
    state->samples_left -= samples.count;
    out->samples = samples.ptr;
    out->count = samples.count;
    return true;
}

static SeriesResult scan_step(SeriesCursor *cursor, SeriesRow *out, Err *err)
{
    SeriesScanState *state = (SeriesScanState *)cursor;
    while (state->next < state->series.count) {
        if (!within_deadline(state->clock, state->deadline, err))
            return SERIES_FAILED;
        const LabelSet *series = state->series.ptr[state->next++];
        size_t total = find_slices(state, series);
        if (!total)
            continue;
        if (!state->series_left--)
            return fail(err, ERR_LIMIT, "the query needs more series than it may"), SERIES_FAILED;
        *out = (SeriesRow){ .labels = series->labels };
        if (!state->labels_only && !take_samples(state, total, out, err))
            return SERIES_FAILED;
        return SERIES_ROW;
    }
    return SERIES_END;
}

static void scan_end(SeriesCursor *cursor)
{
    SeriesScanState *state = (SeriesScanState *)cursor;
    label_sets_done(&state->store->tables.series, &state->series);
    snapshot_done(&state->snapshot);
    mem_free(state->slices);
    free_buffers(state);
    mem_free(state);
}

/* The snapshot comes first: what it holds stays in the table. */
static bool begin(SeriesScanState *state, const SeriesScan *query, Err *err)
{
    LabelMatch match;
    if (!label_match_init(&match, query->matchers, query->matcher_count, err))
        return false;
    bool ok = snapshot_take(&state->store->rows, &state->snapshot, err) &&
              label_table_select(&state->store->tables.series, &match, &state->series, err);
    label_match_done(&match);
    state->slices = ok ? MEM_MAKE(Samples, state->snapshot.count + 1, err) : NULL;
    return state->slices != NULL;
}

SeriesCursor *series_store_scan(SeriesSource *source, const SeriesScan *query, Err *err)
{
    SeriesScanState *state = MEM_MAKE(SeriesScanState, 1, err);
    if (!state)
        return NULL;
    *state = (SeriesScanState){
        .cursor = { scan_step, scan_end },
        .store = (SeriesStore *)source,
        .from_ms = query->from_ms,
        .to_ms = query->to_ms,
        .deadline = query->deadline_mono_ns,
        .clock = deadline_clock(query->clock, ((SeriesStore *)source)->clock),
        .purse = query->purse,
        .labels_only = query->labels_only,
        .series_left = query->series_max ? query->series_max : SIZE_MAX,
        .samples_left = query->samples_max ? query->samples_max : SIZE_MAX,
    };
    if (begin(state, query, err))
        return &state->cursor;
    scan_end(&state->cursor);
    return NULL;
}
