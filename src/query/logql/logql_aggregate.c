/* logql_aggregate.c - sum, avg, topk and the others over series; see logql_eval_internal.h. */
#include "query/logql/logql_eval_internal.h"
#include "query/logql/logql_range_internal.h"

#include <math.h>
#include <stdlib.h>

/* ---- many into one ------------------------------------------------------------------------------
 */

/* One group at one step, as it gathers. */
typedef struct Gathered {
    double value, mean, squares;
    size_t count;
} Gathered;

static void gather(AggregateKind kind, Gathered *at, double value)
{
    at->count++;
    bool first = at->count == 1;
    double delta = value - at->mean;
    at->mean += delta / (double)at->count;
    at->squares += delta * (value - at->mean);
    if (kind == AGGREGATE_MIN) {
        if (first || value < at->value || isnan(at->value))
            at->value = value;
    } else if (kind == AGGREGATE_MAX) {
        if (first || value > at->value || isnan(at->value))
            at->value = value;
    } else {
        at->value += value;
    }
}

static double gathered_value(AggregateKind kind, const Gathered *at)
{
    double count = (double)at->count;
    if (kind == AGGREGATE_COUNT)
        return count;
    if (kind == AGGREGATE_AVG)
        return at->value / count;
    if (kind == AGGREGATE_STDVAR)
        return at->squares / count;
    return kind == AGGREGATE_STDDEV ? sqrt(at->squares / count) : at->value;
}

typedef struct Groups {
    Matrix matrix;
    size_t *of; /* the group of each row */
} Groups;

static bool make_groups(Eval *eval, const LogqlGrouping *grouping, const Matrix *in, Groups *out,
                        Err *err)
{
    *out = (Groups){ 0 };
    out->of = ARENA_MAKE(eval->arena, size_t, in->count + 1, err);
    for (size_t i = 0; out->of && i < in->count; i++) {
        Label kept[EVAL_LABELS_MAX];
        Labels labels = labels_group(in->rows[i].labels, grouping, kept);
        int64_t index = matrix_row(eval, &out->matrix, labels, err);
        if (index == NO_ROW || !eval_on_time(eval, err))
            return false;
        out->of[i] = (size_t)index;
    }
    return out->of;
}

static bool gather_all(Eval *eval, AggregateKind kind, const Matrix *in, Groups *groups, Err *err)
{
    Matrix *out = &groups->matrix;
    Gathered *gathered = ARENA_MAKE(eval->arena, Gathered, out->count + 1, err);
    for (size_t i = 0; gathered && i < out->count; i++)
        if (!matrix_values(eval, &out->rows[i], err))
            return false;
    for (size_t k = 0; gathered && k < eval->steps; k++) {
        for (size_t i = 0; i < out->count; i++)
            gathered[i] = (Gathered){ 0 };
        for (size_t i = 0; i < in->count; i++) {
            if (!eval_on_time(eval, err))
                return false;
            if (in->rows[i].present[k])
                gather(kind, &gathered[groups->of[i]], in->rows[i].values[k]);
        }
        for (size_t i = 0; i < out->count; i++) {
            out->rows[i].present[k] = gathered[i].count > 0;
            out->rows[i].values[k] = gathered_value(kind, &gathered[i]);
        }
    }
    return gathered;
}

/* ---- some of many -------------------------------------------------------------------------------
 */

typedef struct Ranked {
    double value;
    size_t row, group;
} Ranked;

/* NaN comes last either way; ties by row, so that the answer does not depend on chance. */
static int compare(const Ranked *left, const Ranked *right, bool descending)
{
    int order = isnan(left->value) - isnan(right->value);
    if (!order)
        order = descending ? (left->value < right->value) - (left->value > right->value)
                           : (left->value > right->value) - (left->value < right->value);
    return order ? order : (left->row > right->row) - (left->row < right->row);
}
static int by_ascending(const void *a, const void *b)
{
    return compare(a, b, false);
}
static int by_descending(const void *a, const void *b)
{
    return compare(a, b, true);
}

static bool is_descending(AggregateKind kind)
{
    return kind == AGGREGATE_TOPK || kind == AGGREGATE_APPROX_TOPK || kind == AGGREGATE_SORT_DESC;
}

/* The rows that are there at step k, in order. */
static size_t rank(const LogqlAggregate *aggregate, const Matrix *in, const size_t *of,
                   Ranked *ranked, size_t k)
{
    size_t count = 0;
    for (size_t i = 0; i < in->count; i++)
        if (in->rows[i].present[k])
            ranked[count++] = (Ranked){ in->rows[i].values[k], i, of[i] };
    qsort(ranked, count, sizeof *ranked,
          is_descending(aggregate->kind) ? by_descending : by_ascending);
    return count;
}

/* The first `count` of each group stay, each step for itself. */
static bool choose(Eval *eval, const LogqlAggregate *aggregate, Matrix *in, const Groups *groups,
                   Err *err)
{
    Ranked *ranked = ARENA_MAKE(eval->arena, Ranked, in->count + 1, err);
    uint64_t *taken =
        ranked ? ARENA_MAKE(eval->arena, uint64_t, groups->matrix.count + 1, err) : NULL;
    for (size_t k = 0; taken && k < eval->steps; k++) {
        size_t count = rank(aggregate, in, groups->of, ranked, k);
        for (size_t i = 0; i < groups->matrix.count; i++)
            taken[i] = 0;
        for (size_t i = 0; i < count; i++) {
            if (!eval_on_time(eval, err))
                return false;
            in->rows[ranked[i].row].present[k] = taken[ranked[i].group]++ < aggregate->count;
        }
    }
    return taken;
}

/* At a single moment the rows themselves stand in order. */
static bool order_rows(Eval *eval, const LogqlAggregate *aggregate, Matrix *in,
                       const Groups *groups, Err *err)
{
    Ranked *ranked = ARENA_MAKE(eval->arena, Ranked, in->count + 1, err);
    MatrixRow *rows = ranked ? ARENA_MAKE(eval->arena, MatrixRow, in->count + 1, err) : NULL;
    if (!rows)
        return false;
    size_t count = rank(aggregate, in, groups->of, ranked, 0);
    for (size_t i = 0; i < count; i++)
        rows[i] = in->rows[ranked[i].row];
    *in = (Matrix){ .rows = rows, .count = count, .cap = count };
    return true;
}

static bool eval_choice(Eval *eval, const LogqlAggregate *aggregate, Matrix *in, Groups *groups,
                        Err *err)
{
    bool sorts = aggregate->kind == AGGREGATE_SORT || aggregate->kind == AGGREGATE_SORT_DESC;
    bool single = eval->ask->step_ns == 0;
    if (aggregate->kind == AGGREGATE_APPROX_TOPK && !single)
        return fail(err, ERR_INPUT, "approx_topk is only supported on instant queries");
    if (!sorts && !choose(eval, aggregate, in, groups, err))
        return false;
    return !single || order_rows(eval, aggregate, in, groups, err);
}

/* ---- the door -----------------------------------------------------------------------------------
 */

/* Lines that a sum counts together anyway need not be told apart before. */
static bool eval_inner(Eval *eval, const LogqlAggregate *aggregate, Matrix *out, Err *err)
{
    const LogqlExpr *of = aggregate->of;
    bool counts = of->kind == LOGQL_RANGE && !of->range.log->unwraps &&
                  !of->range.function->is_absent && !of->range.grouping.given;
    if (counts && aggregate->kind == AGGREGATE_SUM)
        return eval_range(eval, &of->range, &aggregate->grouping, out, err);
    return eval_expr(eval, of, out, err);
}

bool eval_aggregate(Eval *eval, const LogqlAggregate *aggregate, Matrix *out, Err *err)
{
    Matrix in;
    Groups groups;
    if (!eval_inner(eval, aggregate, &in, err) ||
        !make_groups(eval, &aggregate->grouping, &in, &groups, err))
        return false;
    bool chooses = aggregate->kind >= AGGREGATE_TOPK;
    if (chooses) {
        *out = in;
        return eval_choice(eval, aggregate, out, &groups, err);
    }
    if (!gather_all(eval, aggregate->kind, &in, &groups, err))
        return false;
    *out = groups.matrix;
    matrix_sort(out);
    return true;
}
