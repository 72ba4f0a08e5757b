/* logql_range_eval.c - log lines into series: scans once, puts every line into the windows that
 * hold it.
 *
 * Step k looks at (T(k) - offset - range, T(k) - offset]. Lines are only counted, so each adds at
 * the first window that has it and is taken back behind the last one; one walk over the steps then
 * sums up. Samples of unwrap are kept by series, in order of time, and each window is a slice.
 */
#include "query/logql/logql_eval_internal.h"
#include "query/logql/logql_range_internal.h"

#include "base/buf.h"

#include <string.h>

/* What is known of a series while lines come in; beside the rows of the matrix. */
typedef struct Group {
    double *lines, *bytes; /* differences from step to step, steps + 1 of them */
    RangeSample *samples;
    size_t count, cap;
} Group;

typedef struct RangeRun {
    Eval *eval;
    const LogqlRange *range;
    const LogqlGrouping *grouping; /* NULL: all labels */
    Matrix *matrix;
    Group *groups;
    size_t group_cap;
    bool plain;        /* a stream is a series: no stage looks at labels */
    const Label *last; /* of the line before, in the same block */
    int64_t last_group;
} RangeRun;

/* ---- windows ------------------------------------------------------------------------------------
 */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* The steps whose windows have this time: first to last. False: none. */
static bool windows_of(const RangeRun *run, int64_t time_ns, size_t *first, size_t *last)
{
    const Eval *eval = run->eval;
    int64_t at = time_ns + run->range->offset_ns - eval->start_ns;
    int64_t from = -floor_div(-at, eval->step_ns);
    int64_t to = floor_div(at + run->range->range_ns - 1, eval->step_ns);
    from = from < 0 ? 0 : from;
    to = to >= (int64_t)eval->steps ? (int64_t)eval->steps - 1 : to;
    *first = (size_t)from;
    *last = (size_t)to;
    return from <= to;
}

static bool add_line(RangeRun *run, Group *group, int64_t time_ns, Err *err)
{
    Eval *eval = run->eval;
    if (!group->lines) {
        group->lines = ARENA_MAKE(eval->arena, double, 2 * (eval->steps + 1), err);
        group->bytes = group->lines + eval->steps + 1;
    }
    size_t first, last;
    if (!group->lines)
        return false;
    if (!windows_of(run, time_ns, &first, &last))
        return true;
    double bytes = (double)eval->row.line.len;
    group->lines[first] += 1;
    group->lines[last + 1] -= 1;
    group->bytes[first] += bytes;
    group->bytes[last + 1] -= bytes;
    return true;
}

static bool add_sample(RangeRun *run, Group *group, RangeSample sample, Err *err)
{
    if (group->count == group->cap) {
        size_t cap = group->cap ? 2 * group->cap : 16;
        RangeSample *samples = ARENA_MAKE(run->eval->arena, RangeSample, cap, err);
        if (!samples)
            return false;
        if (group->count)
            memcpy(samples, group->samples, group->count * sizeof *samples);
        group->samples = samples;
        group->cap = cap;
    }
    group->samples[group->count++] = sample;
    return true;
}

/* ---- series -------------------------------------------------------------------------------------
 */

static Group *group_at(RangeRun *run, int64_t index, Err *err)
{
    if ((size_t)index >= run->group_cap) {
        size_t cap = run->group_cap ? 2 * run->group_cap : 16;
        cap = cap > (size_t)index ? cap : (size_t)index + 1;
        Group *groups = ARENA_MAKE(run->eval->arena, Group, cap, err);
        if (!groups)
            return NULL;
        if (run->group_cap)
            memcpy(groups, run->groups, run->group_cap * sizeof *groups);
        run->groups = groups;
        run->group_cap = cap;
    }
    return &run->groups[index];
}

/* A mark that no filter took out ends the query. */
static bool pipeline_error(const LogqlRow *row, Labels labels, Err *err)
{
    Buf text = BUF(4096);
    buf_addf(&text, "{__error__=\"%.*s\", __error_details__=\"", STR_ARG(row->error));
    for (size_t i = 0; i < row->error_details.len; i++) {
        if (row->error_details.ptr[i] == '"' || row->error_details.ptr[i] == '\\')
            buf_add_byte(&text, '\\');
        buf_add_byte(&text, row->error_details.ptr[i]);
    }
    buf_add_byte(&text, '"');
    for (size_t i = 0; i < labels.count; i++)
        buf_addf(&text, ", %.*s=\"%.*s\"", STR_ARG(labels.ptr[i].name),
                 STR_ARG(labels.ptr[i].value));
    buf_add_byte(&text, '}');
    fail(err, ERR_INPUT, "pipeline error: '%.*s' for series: '%.*s'", STR_ARG(row->error),
         STR_ARG(buf_str(&text)));
    buf_free(&text);
    return false;
}

static int64_t find_group(RangeRun *run, Err *err)
{
    LogqlRow *row = &run->eval->row;
    Label all[ROW_LABELS_MAX], some[ROW_LABELS_MAX];
    for (size_t i = 0; i < row->count; i++)
        all[i] = (Label){ row->labels[i].name, row->labels[i].value };
    labels_order(all, row->count);
    Labels labels = { all, row->count };
    if (row->error.len)
        return pipeline_error(row, labels, err), NO_ROW;
    if (run->grouping)
        labels = labels_group(labels, run->grouping, some);
    return matrix_row(run->eval, run->matrix, labels, err);
}

/* ---- lines --------------------------------------------------------------------------------------
 */

static RowFate run_row(RangeRun *run, double *value)
{
    LogqlRow *row = &run->eval->row;
    const LogqlLog *log = run->range->log;
    RowFate fate = row_run(row, log->stages);
    return fate == ROW_KEPT && log->unwraps ? row_unwrap(row, log, value) : fate;
}

static bool take_row(RangeRun *run, const LogRow *from, Err *err)
{
    Eval *eval = run->eval;
    double value = 0;
    eval->stats.lines++;
    eval->stats.bytes += from->line.len;
    row_load(&eval->row, from);
    RowFate fate = run_row(run, &value);
    if (fate == ROW_FAILED)
        return *err = eval->row.err, false;
    if (fate == ROW_DROPPED)
        return true;
    eval->stats.lines_kept++;
    bool same =
        run->plain && from->metadata.count == 0 && run->last && from->stream.ptr == run->last;
    int64_t index = same ? run->last_group : find_group(run, err);
    Group *group = index == NO_ROW ? NULL : group_at(run, index, err);
    if (!group)
        return false;
    run->last = from->metadata.count == 0 ? from->stream.ptr : NULL;
    run->last_group = index;
    if (!run->range->log->unwraps)
        return add_line(run, group, eval->row.time_ns, err);
    return add_sample(run, group, (RangeSample){ eval->row.time_ns, value }, err);
}

static bool scan_rows(RangeRun *run, Err *err)
{
    LogScan query;
    Eval *eval = run->eval;
    const LogqlRange *range = run->range;
    if (range->range_ns > LOGQL_SPAN_MAX_NS || range->offset_ns > LOGQL_SPAN_MAX_NS ||
        range->offset_ns < -LOGQL_SPAN_MAX_NS)
        return fail(err, ERR_INPUT, "a range or an offset of more than 73 years");
    if (!eval_scan(eval, range->log, &query, err))
        return false;
    int64_t last = eval->start_ns + (int64_t)(eval->steps - 1) * eval->step_ns;
    int64_t from = eval->start_ns - range->offset_ns - range->range_ns + 1;
    int64_t to = last - range->offset_ns + 1;
    if (to <= 0)
        return true;
    query.from_ns = from > 0 ? (uint64_t)from : 0;
    query.to_ns = (uint64_t)to;
    query.no_metadata =
        run->plain && run->grouping && !run->grouping->without && run->grouping->names.count == 0;
    LogCursor *cursor = log_scan(eval->ask->source, &query, err);
    if (!cursor)
        return false;
    LogBlock block;
    LogResult result;
    bool ok = true;
    while (ok && (result = log_next(cursor, &block, err)) != LOG_END) {
        ok = result == LOG_BLOCK;
        run->last = NULL;
        for (size_t i = 0; ok && i < block.count; i++)
            ok = eval_on_time(eval, err) && take_row(run, &block.rows[i], err);
    }
    log_close(cursor);
    return ok;
}

/* ---- points -------------------------------------------------------------------------------------
 */

static void sum_lines(const RangeRun *run, const Group *group, MatrixRow *row)
{
    const RangeFunction *function = run->range->function;
    double lines = 0, bytes = 0;
    double unit = function->per_second ? (double)run->range->range_ns / 1e9 : 1;
    for (size_t k = 0; k < run->eval->steps; k++) {
        lines += group->lines[k];
        bytes += group->bytes[k];
        row->present[k] = lines > 0;
        row->values[k] = (function->counts_bytes ? bytes : lines) / unit;
    }
}

static bool sum_samples(RangeRun *run, const Group *group, MatrixRow *row, Err *err)
{
    Eval *eval = run->eval;
    const RangeFunction *function = run->range->function;
    RangeWindow window = { .parameter = run->range->parameter };
    window.scratch = ARENA_MAKE(eval->arena, double, group->count + 1, err);
    if (!window.scratch)
        return false;
    size_t low = 0, high = 0;
    for (size_t k = 0; k < eval->steps; k++) {
        window.to_ns = eval->start_ns + (int64_t)k * eval->step_ns - run->range->offset_ns;
        window.from_ns = window.to_ns - run->range->range_ns;
        while (high < group->count && group->samples[high].time_ns <= window.to_ns)
            high++;
        while (low < high && group->samples[low].time_ns <= window.from_ns)
            low++;
        eval->ticks += (uint32_t)((high - low) / 16);
        if (!eval_on_time(eval, err))
            return false;
        window.samples = group->samples + low;
        window.count = high - low;
        row->present[k] = high > low;
        if (high > low)
            row->values[k] = function->value ? function->value(&window) : 1;
        if (function->per_second)
            row->values[k] /= (double)run->range->range_ns / 1e9;
    }
    return true;
}

static bool make_points(RangeRun *run, Err *err)
{
    for (size_t i = 0; i < run->matrix->count; i++) {
        MatrixRow *row = &run->matrix->rows[i];
        const Group *group = group_at(run, (int64_t)i, err);
        if (!group || !eval_on_time(run->eval, err) || !matrix_values(run->eval, row, err))
            return false;
        if (group->lines)
            sum_lines(run, group, row);
        else if (group->samples && !sum_samples(run, group, row, err))
            return false;
    }
    return true;
}

/* One series of ones where nothing was found, with the labels that the selector fixes. */
static bool make_absent(RangeRun *run, Err *err)
{
    const LogqlLog *log = run->range->log;
    Matrix absent = { 0 };
    Label labels[LABEL_MATCHERS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < log->matcher_count; i++)
        if (log->matchers[i].op == LABEL_EQUAL)
            labels[count++] = (Label){ log->matchers[i].name, log->matchers[i].value };
    count = labels_sort(labels, count);
    int64_t index = matrix_row(run->eval, &absent, (Labels){ labels, count }, err);
    if (index == NO_ROW || !matrix_values(run->eval, &absent.rows[index], err))
        return false;
    for (size_t k = 0; k < run->eval->steps; k++) {
        bool found = false;
        for (size_t i = 0; !found && i < run->matrix->count; i++)
            found = run->matrix->rows[i].present[k];
        absent.rows[0].present[k] = !found;
        absent.rows[0].values[k] = 1;
    }
    *run->matrix = absent;
    return true;
}

/* ---- the door -----------------------------------------------------------------------------------
 */

static bool only_lines(const LogqlStage *stages)
{
    for (; stages; stages = stages->next)
        if (stages->kind != STAGE_LINE)
            return false;
    return true;
}

bool eval_range(Eval *eval, const LogqlRange *range, const LogqlGrouping *sum, Matrix *out,
                Err *err)
{
    static const LogqlGrouping nothing = { .given = true };
    RangeRun run = { .eval = eval, .range = range, .matrix = out };
    run.plain = only_lines(range->log->stages) && !range->log->unwraps;
    run.grouping = range->grouping.given        ? &range->grouping
                   : range->function->is_absent ? &nothing
                                                : sum;
    *out = (Matrix){ 0 };
    if (!scan_rows(&run, err) || !make_points(&run, err))
        return false;
    if (range->function->is_absent)
        return make_absent(&run, err);
    matrix_sort(out);
    return true;
}
