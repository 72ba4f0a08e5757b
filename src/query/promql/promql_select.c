/* promql_select.c - selectors: one scan of the source per query, then windows that move over it. */
#include "query/promql/promql_eval_internal.h"

#include "base/mem.h"

#include <string.h>

#define LOOKBACK_MS      INT64_C(300000)
#define SUBQUERY_STEP_MS INT64_C(60000)

/* ---- when ---------------------------------------------------------------------------------------
 */

static int64_t shifted(const Eval *eval, const TimeShift *shift, size_t step)
{
    const PromQuery *query = eval->shared->query;
    int64_t at = 0;
    switch (shift->at) {
    case AT_STEP: at = eval_time(eval, step); break;
    case AT_TIME: at = shift->at_ms; break;
    case AT_START: at = query->start_ms; break;
    case AT_END: at = query->end_ms; break;
    }
    int64_t offset_ms;
    return promql_length(eval, shift->offset, &offset_ms) ? at - offset_ms : at;
}

static const TimeShift *shift_of(const Node *node)
{
    return node->kind == NODE_SUBQUERY ? &node->subquery.shift : &node->selector.shift;
}

int64_t range_end(const Eval *eval, const Node *node, size_t step)
{
    return shifted(eval, shift_of(node), step);
}

static Length range_of(const Node *node)
{
    return node->kind == NODE_SUBQUERY ? node->subquery.range : node->selector.range;
}

int64_t range_length(const Eval *eval, const Node *node)
{
    int64_t length_ms;
    return promql_length(eval, range_of(node), &length_ms) ? length_ms : 0;
}

/* Lengths that ask for the query's step are only now known. */
static bool check_lengths(const Eval *eval, const Node *node, Err *err)
{
    int64_t ms, step_ms = 1;
    bool has_range = node->kind == NODE_SUBQUERY || node->selector.has_range;
    if (!promql_length(eval, shift_of(node)->offset, &ms) ||
        (has_range && !promql_length(eval, range_of(node), &ms)) ||
        (node->kind == NODE_SUBQUERY && node->subquery.has_step &&
         !promql_length(eval, node->subquery.step, &step_ms)))
        return fail(err, ERR_INPUT, "duration out of range");
    if ((has_range && ms <= 0) || step_ms <= 0)
        return fail(err, ERR_INPUT, "duration must be greater than 0");
    return true;
}

bool range_is_fixed(const Node *node)
{
    return shift_of(node)->at != AT_STEP;
}

/* ---- reading ------------------------------------------------------------------------------------
 */

static SeriesCursor *open_scan(Eval *eval, const Node *node, int64_t length_ms, Err *err)
{
    const Shared *shared = eval->shared;
    const Selector *selector = &node->selector;
    uint64_t left = shared->samples_max - shared->samples;
    const SeriesScan scan = {
        .matchers = selector->matchers,
        .matcher_count = selector->matcher_count,
        .from_ms = shifted(eval, &selector->shift, 0) - length_ms,
        .to_ms = shifted(eval, &selector->shift, eval->steps - 1),
        .samples_max = left < SIZE_MAX ? (size_t)left + 1 : 0, /* ours is the better sentence */
        .deadline_mono_ns = shared->query->deadline_mono_ns,
        .clock = shared->query->clock,
        .purse = shared->query->purse,
    };
    return series_scan(shared->query->source, &scan, err);
}

typedef struct Newest {
    const Eval *eval;
    const SeriesRow *row;
    const TimeShift *shift;
    int64_t lookback_ms;
    bool want_times;
} Newest;

/* The newest sample of every step; steps only go forward, and so does the row. */
static void fill_newest(const Newest *from, double *values, size_t width)
{
    size_t next = 0;
    for (size_t step = 0; step < width; step++) {
        int64_t at = shifted(from->eval, from->shift, step);
        while (next < from->row->count && from->row->samples[next].time_ms <= at)
            next++;
        if (!next)
            continue;
        const Sample *sample = &from->row->samples[next - 1];
        if (sample->time_ms <= at - from->lookback_ms || sample_is_stale(sample->value))
            continue;
        values[step] = from->want_times ? (double)sample->time_ms / 1000 : sample->value;
    }
}

static bool add_newest(Eval *eval, const Newest *from, Frame *out, Err *err)
{
    Labels labels;
    if (!promql_charge(eval, from->row->count, err) ||
        !frame_labels_copy(eval, from->row->labels, &labels, err))
        return false;
    FrameSeries *series = frame_add(eval, out, labels, err);
    if (series)
        fill_newest(from, series->values, out->width);
    return series && promql_alive(eval, from->row->count + out->width, err);
}

bool promql_select(Eval *eval, const Node *node, bool want_times, Frame *out, Err *err)
{
    const TimeShift *shift = &node->selector.shift;
    int64_t lookback = eval->shared->query->lookback_ms;
    SeriesRow row;
    Newest from = { .eval = eval,
                    .row = &row,
                    .shift = shift,
                    .lookback_ms = lookback ? lookback : LOOKBACK_MS,
                    .want_times = want_times };
    *out = (Frame){ .type = PROM_VECTOR, .width = shift->at == AT_STEP ? eval->steps : 1 };
    SeriesCursor *cursor =
        check_lengths(eval, node, err) ? open_scan(eval, node, from.lookback_ms, err) : NULL;
    if (!cursor)
        return false;
    SeriesResult result;
    while ((result = series_next(cursor, &row, err)) == SERIES_ROW)
        if (!add_newest(eval, &from, out, err)) {
            result = SERIES_FAILED;
            break;
        }
    series_close(cursor);
    frame_drop_empty(out);
    return result == SERIES_END;
}

/* ---- ranges -------------------------------------------------------------------------------------
 */

typedef struct Fresh { /* a row without its stale markers */
    Purse *purse;
    Sample *samples;
    size_t cap;
} Fresh;

static bool reserve(Fresh *fresh, size_t count, Err *err)
{
    if (count <= fresh->cap)
        return true;
    size_t more = (count - fresh->cap) * sizeof(Sample);
    if (!purse_take(fresh->purse, more))
        return budget_short(err, "samples", more);
    Sample *samples = mem_grow(fresh->samples, count * sizeof *samples);
    if (!samples) {
        purse_give(fresh->purse, more);
        return fail(err, ERR_MEMORY, "no memory for %zu samples", count);
    }
    fresh->samples = samples;
    fresh->cap = count;
    return true;
}

static void fresh_done(Fresh *fresh)
{
    mem_free(fresh->samples);
    purse_give(fresh->purse, fresh->cap * sizeof(Sample));
}

static bool is_fresh(const SeriesRow *row)
{
    for (size_t i = 0; i < row->count; i++)
        if (sample_is_stale(row->samples[i].value))
            return false;
    return true;
}

static bool refresh(Fresh *fresh, const SeriesRow *row, RangeRow *out, Err *err)
{
    *out = (RangeRow){ row->labels, row->samples, row->count };
    if (is_fresh(row))
        return true;
    if (!reserve(fresh, row->count, err))
        return false;
    out->count = 0;
    for (size_t i = 0; i < row->count; i++)
        if (!sample_is_stale(row->samples[i].value))
            fresh->samples[out->count++] = row->samples[i];
    out->samples = fresh->samples;
    return true;
}

static bool selector_ranges(Eval *eval, const Node *node, RangeFound *found, void *context,
                            Err *err)
{
    SeriesCursor *cursor = open_scan(eval, node, range_length(eval, node), err);
    if (!cursor)
        return false;
    Fresh fresh = { .purse = eval->shared->query->purse };
    SeriesRow row;
    RangeRow range;
    SeriesResult result;
    while ((result = series_next(cursor, &row, err)) == SERIES_ROW)
        if (!promql_charge(eval, row.count, err) || !refresh(&fresh, &row, &range, err) ||
            !promql_alive(eval, row.count, err) || (range.count && !found(context, &range, err))) {
            result = SERIES_FAILED;
            break;
        }
    series_close(cursor);
    fresh_done(&fresh);
    return result == SERIES_END;
}

/* ---- subqueries ---------------------------------------------------------------------------------
 */

static int64_t floor_to(int64_t value, int64_t unit)
{
    int64_t rest = value % unit;
    return value - rest - (rest < 0 ? unit : 0);
}

/* The inner evaluation's points are multiples of its step, whatever the outer ones are. */
static bool subquery_times(const Eval *outer, const Node *node, Eval *inner, Err *err)
{
    const Subquery *sub = &node->subquery;
    *inner = *outer;
    if (!sub->has_step || !promql_length(outer, sub->step, &inner->step_ms))
        inner->step_ms = SUBQUERY_STEP_MS;
    int64_t from = shifted(outer, &sub->shift, 0) - range_length(outer, node);
    int64_t to = shifted(outer, &sub->shift, outer->steps - 1);
    inner->start_ms = floor_to(from, inner->step_ms);
    if (inner->start_ms <= from)
        inner->start_ms += inner->step_ms;
    inner->end_ms = to;
    inner->steps = 0;
    if (to < inner->start_ms)
        return true;
    uint64_t steps = (uint64_t)(to - inner->start_ms) / (uint64_t)inner->step_ms + 1;
    if (steps > outer->shared->samples_max)
        return fail(err, ERR_LIMIT,
                    "a subquery of %llu steps, more than the %llu samples of a query",
                    (unsigned long long)steps, (unsigned long long)outer->shared->samples_max);
    inner->steps = (size_t)steps;
    return true;
}

static bool subquery_row(Eval *inner, const Frame *frame, size_t at, Fresh *fresh, RangeRow *out)
{
    size_t count = 0;
    for (size_t step = 0; step < inner->steps; step++) {
        double value = frame_at(frame, at, step);
        if (is_value(value))
            fresh->samples[count++] = (Sample){ eval_time(inner, step), value };
    }
    *out = (RangeRow){ frame->series[at].labels, fresh->samples, count };
    return count > 0;
}

static bool subquery_ranges(Eval *eval, const Node *node, RangeFound *found, void *context,
                            Err *err)
{
    Eval inner;
    Frame frame;
    if (!subquery_times(eval, node, &inner, err))
        return false;
    if (!inner.steps)
        return true;
    Fresh fresh = { .purse = eval->shared->query->purse };
    RangeRow row;
    bool good =
        promql_node(&inner, node->subquery.inner, &frame, err) && reserve(&fresh, inner.steps, err);
    for (size_t i = 0; good && i < frame.count; i++) {
        good = promql_alive(eval, inner.steps, err);
        if (good && subquery_row(&inner, &frame, i, &fresh, &row))
            good = found(context, &row, err);
    }
    fresh_done(&fresh);
    return good;
}

bool promql_ranges(Eval *eval, const Node *node, RangeFound *found, void *context, Err *err)
{
    if (!check_lengths(eval, node, err))
        return false;
    return node->kind == NODE_SUBQUERY ? subquery_ranges(eval, node, found, context, err)
                                       : selector_ranges(eval, node, found, context, err);
}
