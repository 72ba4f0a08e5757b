/* promql_eval.c - runs a tree: setting up, dispatch by node, the result; see promql.h. */
#include "query/promql/promql_eval_internal.h"

#include "base/mem.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOTES_MAX = 32, TICKS = 4096, ERROR_MAX = 16 << 10 };
#define SAMPLES_MAX UINT64_C(50000000)
#define MEMORY_MAX  (UINT64_C(1) << 30)

/* ---- for all parts ------------------------------------------------------------------------------
 */

bool promql_alive(Eval *eval, size_t count, Err *err)
{
    Shared *shared = eval->shared;
    const PromQuery *query = shared->query;
    shared->ticks += count < TICKS ? (uint32_t)count + 1 : TICKS;
    if (shared->ticks < TICKS)
        return true;
    shared->ticks = 0;
    if (query->deadline_mono_ns &&
        clock_mono_ns(query->clock ? query->clock : clock_system()) >= query->deadline_mono_ns)
        return fail(err, ERR_TIMEOUT, "query timed out in expression evaluation");
    return true;
}

bool promql_charge(Eval *eval, uint64_t samples, Err *err)
{
    Shared *shared = eval->shared;
    if (samples > shared->samples_max - shared->samples)
        return fail(err, ERR_LIMIT,
                    "query processing would load too many samples into memory in query execution");
    shared->samples += samples;
    return true;
}

double *promql_scratch(Scratch *scratch, size_t count)
{
    if (count <= scratch->cap)
        return scratch->values;
    size_t more = (count - scratch->cap) * sizeof(double);
    if (!purse_take(scratch->purse, more)) {
        budget_short(&scratch->err, "values", more);
        return NULL;
    }
    double *values = mem_grow(scratch->values, count * sizeof *values);
    if (!values) {
        purse_give(scratch->purse, more);
        fail(&scratch->err, ERR_MEMORY, "no memory for %zu values", count);
        return NULL;
    }
    scratch->values = values;
    scratch->cap = count;
    return values;
}

static void scratch_done(Scratch *scratch)
{
    mem_free(scratch->values);
    purse_give(scratch->purse, scratch->cap * sizeof(double));
}

bool promql_fail(Eval *eval, Err *err, Buf *text)
{
    Err ignored; /* then what fits into an Err must do */
    if (!text->failed && !arena_copy(eval->arena, buf_str(text), &eval->shared->error, &ignored))
        eval->shared->error = (Str){ 0 };
    fail(err, ERR_INPUT, "%.*s", STR_ARG(buf_str(text)));
    buf_free(text);
    return false;
}

static void add_note(Shared *shared, bool is_warning, Str text)
{
    Err ignored;
    for (size_t i = 0; i < shared->note_count; i++)
        if (str_eq(shared->notes[i].text, text))
            return;
    if (!shared->notes)
        shared->notes = ARENA_MAKE(shared->arena, PromNote, NOTES_MAX, &ignored);
    if (!shared->notes || shared->note_count == NOTES_MAX)
        return;
    PromNote *note = &shared->notes[shared->note_count];
    note->is_warning = is_warning;
    if (arena_copy(shared->arena, text, &note->text, &ignored))
        shared->note_count++;
}

void promql_note(Eval *eval, bool is_warning, const Node *node, const char *format, ...)
{
    Buf text = BUF(ERROR_MAX);
    va_list args;
    buf_add(&text, is_warning ? STR("PromQL warning: ") : STR("PromQL info: "));
    va_start(args, format);
    buf_addv(&text, format, args);
    va_end(args);
    TextPlace place = promql_place(eval->shared->text, node->at);
    buf_addf(&text, " (%zu:%zu)", place.line, place.column);
    if (!text.failed)
        add_note(eval->shared, is_warning, buf_str(&text));
    buf_free(&text);
}

void promql_kahan_add(Kahan *kahan, double value)
{
    double total = kahan->sum + value;
    if (isinf(total))
        kahan->lost = 0;
    else if (fabs(kahan->sum) >= fabs(value))
        kahan->lost += (kahan->sum - total) + value;
    else
        kahan->lost += (value - total) + kahan->sum;
    kahan->sum = total;
}

/* Once the sum overflows, sum and what was lost are divided and stand for the mean itself. */
void promql_mean_add(Mean *mean, double value)
{
    mean->count++;
    if (!mean->incremental) {
        Kahan sum = mean->sum;
        promql_kahan_add(&sum, value);
        if (mean->count == 1 || !isinf(sum.sum)) {
            mean->sum = sum;
            return;
        }
        mean->incremental = true;
        mean->sum.sum /= mean->count - 1;
        mean->sum.lost /= mean->count - 1;
    }
    if (isinf(mean->sum.sum)) {
        bool same = isinf(value) && (mean->sum.sum > 0) == (value > 0);
        if (same || (!isinf(value) && !isnan(value)))
            return; /* infinite it stays */
    }
    double share = (mean->count - 1) / mean->count;
    Kahan next = { share * mean->sum.sum, share * mean->sum.lost };
    promql_kahan_add(&next, value / mean->count);
    mean->sum = next;
}

double promql_mean_value(const Mean *mean)
{
    return mean->incremental ? mean->sum.sum + mean->sum.lost
                             : mean->sum.sum / mean->count + mean->sum.lost / mean->count;
}

/* ---- by node ------------------------------------------------------------------------------------
 */

static bool eval_negate(Eval *eval, const Node *node, Frame *out, Err *err)
{
    if (!promql_node(eval, node->negated, out, err))
        return false;
    for (size_t i = 0; i < out->count; i++)
        for (size_t step = 0; step < out->width; step++)
            if (is_value(out->series[i].values[step]))
                out->series[i].values[step] = -out->series[i].values[step];
    return out->type == PROM_SCALAR || frame_drop_names(eval, out, err);
}

bool promql_node(Eval *eval, const Node *node, Frame *out, Err *err)
{
    if (!promql_alive(eval, 0, err))
        return false;
    switch (node->kind) {
    case NODE_NUMBER: return frame_constant(eval, out, node->number, err);
    case NODE_TEXT:
        *out = (Frame){ .type = PROM_STRING, .width = 1, .text = node->text };
        return true;
    case NODE_SELECTOR: return promql_select(eval, node, false, out, err);
    case NODE_NEGATE: return eval_negate(eval, node, out, err);
    case NODE_BINARY: return promql_binary(eval, node, out, err);
    case NODE_AGGREGATE: return promql_aggregate(eval, node, out, err);
    case NODE_CALL: return promql_call(eval, node, out, err);
    case NODE_SUBQUERY: break; /* only as a function's range, or at the root */
    }
    return fail(err, ERR_UNSUPPORTED, "a subquery does not stand alone");
}

/* ---- the result ---------------------------------------------------------------------------------
 */

typedef struct Gather {
    Eval *eval;
    PromSeries *series;
    size_t count, cap;
    const Node *node;
} Gather;

static bool gather_add(Gather *gather, PromSeries series, Err *err)
{
    if (gather->count == gather->cap) {
        size_t cap = gather->cap ? gather->cap * 2 : 8;
        PromSeries *more = ARENA_MAKE(gather->eval->arena, PromSeries, cap, err);
        if (!more)
            return false;
        if (gather->count)
            memcpy(more, gather->series, gather->count * sizeof *more);
        gather->series = more;
        gather->cap = cap;
    }
    gather->series[gather->count++] = series;
    return true;
}

/* A range vector at the root: the samples as they are. */
static bool gather_range(void *context, const RangeRow *row, Err *err)
{
    Gather *gather = context;
    Eval *eval = gather->eval;
    int64_t to = range_end(eval, gather->node, 0), from = to - range_length(eval, gather->node);
    size_t first = 0, last = 0;
    for (; first < row->count && row->samples[first].time_ms <= from; first++)
        continue;
    for (last = first; last < row->count && row->samples[last].time_ms <= to; last++)
        continue;
    Labels labels;
    if (first == last)
        return true;
    Sample *samples = ARENA_MAKE(eval->arena, Sample, last - first, err);
    if (!samples || !frame_labels_copy(eval, row->labels, &labels, err))
        return false;
    memcpy(samples, row->samples + first, (last - first) * sizeof *samples);
    return gather_add(gather, (PromSeries){ labels, samples, last - first }, err);
}

static size_t count_values(const Eval *eval, const Frame *frame, size_t series)
{
    size_t count = 0;
    for (size_t step = 0; step < eval->steps; step++)
        count += is_value(frame_at(frame, series, step));
    return count;
}

static bool gather_frame(Gather *gather, const Frame *frame, Err *err)
{
    Eval *eval = gather->eval;
    for (size_t i = 0; i < frame->count; i++) {
        size_t count = count_values(eval, frame, i), next = 0;
        if (!promql_alive(eval, eval->steps, err))
            return false;
        if (!count)
            continue;
        Sample *samples = ARENA_MAKE(eval->arena, Sample, count, err);
        if (!samples)
            return false;
        for (size_t step = 0; step < eval->steps; step++)
            if (is_value(frame_at(frame, i, step)))
                samples[next++] = (Sample){ eval_time(eval, step), frame_at(frame, i, step) };
        if (!gather_add(gather, (PromSeries){ frame->series[i].labels, samples, count }, err))
            return false;
    }
    return true;
}

static int by_labels(const void *a, const void *b)
{
    return labels_compare(((const PromSeries *)a)->labels, ((const PromSeries *)b)->labels);
}

static bool run(Eval *eval, const PromExpr *expr, PromResult *out, Err *err)
{
    const Node *root = expr->root;
    bool instant = is_root_instant(eval);
    Gather gather = { .eval = eval, .node = root };
    Frame frame = { 0 };
    out->type = root->type;
    if (!instant && root->type != PROM_SCALAR && root->type != PROM_VECTOR)
        return fail(err, ERR_INPUT,
                    "invalid expression type \"%s\" for range query, must be Scalar or instant "
                    "Vector",
                    prom_type_name(root->type));
    bool good = root->type == PROM_MATRIX
                    ? promql_ranges(eval, root, gather_range, &gather, err)
                    : promql_node(eval, root, &frame, err) && gather_frame(&gather, &frame, err);
    if (!good)
        return false;
    out->series = gather.series;
    out->count = gather.count;
    out->text = frame.text;
    if (!instant)
        out->type = PROM_MATRIX;
    if (out->type == PROM_MATRIX && out->count > 1)
        qsort(out->series, out->count, sizeof *out->series, by_labels);
    return true;
}

static bool set_times(Eval *eval, const PromQuery *query, Err *err)
{
    *eval = (Eval){ .start_ms = query->start_ms,
                    .end_ms = query->step_ms ? query->end_ms : query->start_ms,
                    .step_ms = query->step_ms ? query->step_ms : 1 };
    const int64_t most = INT64_MAX / 4;
    if (eval->start_ms < -most || eval->end_ms > most || eval->end_ms < eval->start_ms ||
        eval->step_ms < 0)
        return fail(err, ERR_INPUT, "the times of the query are out of order or out of range");
    uint64_t steps = (uint64_t)(eval->end_ms - eval->start_ms) / (uint64_t)eval->step_ms + 1;
    if (steps > SAMPLES_MAX)
        return fail(err, ERR_LIMIT, "a query of %llu steps", (unsigned long long)steps);
    eval->steps = (size_t)steps;
    return true;
}

bool promql_run(const PromExpr *expr, const PromQuery *query, PromResult *out, Err *err)
{
    Eval eval;
    *out = (PromResult){ 0 };
    if (!set_times(&eval, query, err))
        return false;
    out->arena =
        arena_new_in(query->purse, query->memory_max ? query->memory_max : MEMORY_MAX, err);
    if (!out->arena)
        return false;
    Shared shared = { .query = query,
                      .text = expr->text,
                      .arena = out->arena,
                      .samples_max = query->samples_max ? query->samples_max : SAMPLES_MAX,
                      .scratch = { .purse = query->purse } };
    eval.shared = &shared;
    eval.arena = out->arena;
    bool good = run(&eval, expr, out, err);
    out->notes = shared.notes;
    out->note_count = shared.note_count;
    out->error = shared.error;
    scratch_done(&shared.scratch);
    return good;
}

void prom_result_done(PromResult *result)
{
    arena_free(result->arena);
    *result = (PromResult){ 0 };
}
