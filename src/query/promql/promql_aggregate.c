/* promql_aggregate.c - many series to few: sum, avg, topk and their kin.
 *
 * Groups are made once from the labels; then each group goes over its steps by itself.
 */
#include "query/promql/promql_functions_internal.h"

#include "codec/float_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct Groups {
    LabelIndex index;
    size_t *start, *list; /* of group g: list[start[g] .. start[g + 1]) */
} Groups;

typedef struct Aggregation {
    Eval *eval;
    const Node *node;
    const Aggregate *spec;
    const Frame *in;
    Frame param; /* count 0: none */
    Groups groups;
    Frame *out;
} Aggregation;

static bool group_labels(Eval *eval, const Aggregate *spec, Labels own, Labels *out, Err *err)
{
    return spec->without ? frame_labels_without(eval, own, &spec->labels, out, err)
                         : frame_labels_only(eval, own, &spec->labels, out, err);
}

static bool make_groups(Aggregation *agg, Err *err)
{
    Eval *eval = agg->eval;
    const Frame *in = agg->in;
    Groups *groups = &agg->groups;
    size_t *group = ARENA_MAKE(eval->arena, size_t, in->count + 1, err);
    if (!group)
        return false;
    for (size_t i = 0; i < in->count; i++) {
        Labels labels;
        if (!group_labels(eval, agg->spec, in->series[i].labels, &labels, err) ||
            !label_index_put(eval, &groups->index, labels, &group[i], err))
            return false;
    }
    groups->start = ARENA_MAKE(eval->arena, size_t, groups->index.count + 2, err);
    groups->list = ARENA_MAKE(eval->arena, size_t, in->count + 1, err);
    if (!groups->start || !groups->list)
        return false;
    for (size_t i = 0; i < in->count; i++)
        groups->start[group[i] + 2]++;
    for (size_t g = 2; g < groups->index.count + 2; g++)
        groups->start[g] += groups->start[g - 1];
    for (size_t i = 0; i < in->count; i++)
        groups->list[groups->start[group[i] + 1]++] = i;
    return true;
}

static double param_at(const Aggregation *agg, size_t step)
{
    return frame_at(&agg->param, 0, step);
}

/* ---- one value per group ------------------------------------------------------------------------
 */

typedef struct Cell { /* of one group at one step */
    double count, value;
    Mean mean;
} Cell;

static void cell_add(Cell *cell, AggregateOp op, double value)
{
    double delta;
    cell->count++;
    switch (op) {
    case AGG_SUM: promql_kahan_add(&cell->mean.sum, value); break;
    case AGG_AVG: promql_mean_add(&cell->mean, value); break;
    case AGG_MIN:
        if (cell->count == 1 || value < cell->value || isnan(cell->value))
            cell->value = value;
        break;
    case AGG_MAX:
        if (cell->count == 1 || value > cell->value || isnan(cell->value))
            cell->value = value;
        break;
    case AGG_STDDEV:
    case AGG_STDVAR: /* Welford's */
        delta = value - cell->mean.sum.sum;
        cell->mean.sum.sum += delta / cell->count;
        cell->value += delta * (value - cell->mean.sum.sum);
        break;
    case AGG_COUNT:
    case AGG_GROUP:
    case AGG_TOPK:
    case AGG_BOTTOMK:
    case AGG_QUANTILE:
    case AGG_COUNT_VALUES: break;
    }
}

static double cell_result(const Cell *cell, AggregateOp op)
{
    switch (op) {
    case AGG_SUM:
        return isinf(cell->mean.sum.sum) ? cell->mean.sum.sum : kahan_total(&cell->mean.sum);
    case AGG_AVG: return promql_mean_value(&cell->mean);
    case AGG_COUNT: return cell->count;
    case AGG_GROUP: return 1;
    case AGG_STDDEV: return sqrt(cell->value / cell->count);
    case AGG_STDVAR: return cell->value / cell->count;
    case AGG_MIN:
    case AGG_MAX:
    case AGG_TOPK:
    case AGG_BOTTOMK:
    case AGG_QUANTILE:
    case AGG_COUNT_VALUES: break;
    }
    return cell->value;
}

/* A group of one whose only value is not finite has no spread that could be told. */
static void cell_first(Cell *cell, AggregateOp op, double value)
{
    bool spread = op == AGG_STDDEV || op == AGG_STDVAR;
    cell_add(cell, op, value);
    if (spread)
        cell->value = isfinite(value) ? 0 : NAN;
}

static bool fold_group(Aggregation *agg, size_t group, Cell *cells, double *values, Err *err)
{
    const Groups *groups = &agg->groups;
    AggregateOp op = agg->spec->op;
    size_t width = agg->in->width;
    memset(cells, 0, width * sizeof *cells);
    for (size_t i = groups->start[group]; i < groups->start[group + 1]; i++) {
        const double *from = agg->in->series[groups->list[i]].values;
        if (!promql_alive(agg->eval, width, err))
            return false;
        for (size_t step = 0; step < width; step++) {
            if (!is_value(from[step]))
                continue;
            if (cells[step].count == 0)
                cell_first(&cells[step], op, from[step]);
            else
                cell_add(&cells[step], op, from[step]);
        }
    }
    for (size_t step = 0; step < width; step++)
        if (cells[step].count > 0)
            values[step] = cell_result(&cells[step], op);
    return true;
}

static bool fold(Aggregation *agg, Err *err)
{
    Eval *eval = agg->eval;
    Cell *cells = ARENA_MAKE(eval->arena, Cell, agg->in->width, err);
    if (!cells)
        return false;
    for (size_t group = 0; group < agg->groups.index.count; group++) {
        FrameSeries *series = frame_add(eval, agg->out, agg->groups.index.sets[group], err);
        if (!series || !fold_group(agg, group, cells, series->values, err))
            return false;
    }
    return true;
}

/* ---- quantile -----------------------------------------------------------------------------------
 */

static int nan_first(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    if (isnan(left) || isnan(right))
        return isnan(right) - isnan(left);
    return (left > right) - (left < right);
}

double promql_quantile_of(double q, double *values, size_t count)
{
    if (!count || isnan(q))
        return NAN;
    if (q < 0 || q > 1)
        return q < 0 ? -INFINITY : INFINITY;
    qsort(values, count, sizeof *values, nan_first);
    double last = (double)(count - 1), rank = q * last;
    double lower = floor(rank), upper = lower + 1 < last ? lower + 1 : last;
    double weight = rank - lower;
    return values[(size_t)lower] * (1 - weight) + values[(size_t)upper] * weight;
}

static bool quantile_step(Aggregation *agg, size_t group, size_t step, double *out, Err *err)
{
    const Groups *groups = &agg->groups;
    Scratch *scratch = &agg->eval->shared->scratch;
    size_t count = 0;
    double *values = promql_scratch(scratch, groups->start[group + 1] - groups->start[group]);
    if (!values) {
        *err = scratch->err;
        return blame(err, "the values of a group");
    }
    for (size_t i = groups->start[group]; i < groups->start[group + 1]; i++) {
        double value = frame_at(agg->in, groups->list[i], step);
        if (is_value(value))
            values[count++] = value;
    }
    if (count)
        *out = promql_quantile_of(param_at(agg, step), values, count);
    return promql_alive(agg->eval, count, err);
}

static void note_quantile(Aggregation *agg)
{
    for (size_t step = 0; step < agg->param.width; step++) {
        double q = param_at(agg, step);
        char text[FLOAT_TEXT_SIZE];
        if (!(q >= 0 && q <= 1))
            promql_note(agg->eval, true, agg->spec->param,
                        "quantile value should be between 0 and 1, got %.*s",
                        (int)float_text(q, FLOAT_GENERAL, text), text);
    }
}

static bool quantile(Aggregation *agg, Err *err)
{
    note_quantile(agg);
    for (size_t group = 0; group < agg->groups.index.count; group++) {
        FrameSeries *series = frame_add(agg->eval, agg->out, agg->groups.index.sets[group], err);
        if (!series)
            return false;
        for (size_t step = 0; step < agg->out->width; step++)
            if (!quantile_step(agg, group, step, &series->values[step], err))
                return false;
    }
    return true;
}

/* ---- topk, bottomk ------------------------------------------------------------------------------
 */

typedef struct Ranked {
    double value;
    size_t series;
} Ranked;

static int smallest_first(const void *a, const void *b)
{
    const Ranked *left = a, *right = b;
    if (isnan(left->value) != isnan(right->value))
        return isnan(left->value) ? 1 : -1; /* last, both ways */
    if (left->value < right->value || left->value > right->value)
        return left->value < right->value ? -1 : 1;
    return (left->series > right->series) - (left->series < right->series);
}

static int largest_first(const void *a, const void *b)
{
    const Ranked *left = a, *right = b;
    if (isnan(left->value) != isnan(right->value))
        return isnan(left->value) ? 1 : -1;
    if (left->value < right->value || left->value > right->value)
        return left->value > right->value ? -1 : 1;
    return (left->series > right->series) - (left->series < right->series);
}

static size_t rank_group(const Aggregation *agg, size_t group, size_t step, Ranked *out)
{
    const Groups *groups = &agg->groups;
    size_t count = 0;
    for (size_t i = groups->start[group]; i < groups->start[group + 1]; i++) {
        double value = frame_at(agg->in, groups->list[i], step);
        if (is_value(value))
            out[count++] = (Ranked){ value, groups->list[i] };
    }
    qsort(out, count, sizeof *out, agg->spec->op == AGG_TOPK ? largest_first : smallest_first);
    double k = param_at(agg, step);
    return k < 1 ? 0 : k < (double)count ? (size_t)k : count;
}

/* At one step the answer has an order: that of the values. */
static bool top_ordered(Aggregation *agg, Ranked *ranked, Err *err)
{
    for (size_t group = 0; group < agg->groups.index.count; group++) {
        size_t count = rank_group(agg, group, 0, ranked);
        for (size_t i = 0; i < count; i++) {
            Labels labels = agg->in->series[ranked[i].series].labels;
            FrameSeries *series = frame_add(agg->eval, agg->out, labels, err);
            if (!series)
                return false;
            series->values[0] = ranked[i].value;
        }
    }
    return true;
}

static bool top_columns(Aggregation *agg, Ranked *ranked, Err *err)
{
    for (size_t i = 0; i < agg->in->count; i++)
        if (!frame_add(agg->eval, agg->out, agg->in->series[i].labels, err))
            return false;
    for (size_t group = 0; group < agg->groups.index.count; group++)
        for (size_t step = 0; step < agg->out->width; step++) {
            size_t count = rank_group(agg, group, step, ranked);
            for (size_t i = 0; i < count; i++)
                agg->out->series[ranked[i].series].values[step] = ranked[i].value;
            if (!promql_alive(agg->eval, count, err))
                return false;
        }
    frame_drop_empty(agg->out);
    return true;
}

static bool check_k(const Aggregation *agg, Err *err)
{
    for (size_t step = 0; step < agg->param.width; step++) {
        double k = param_at(agg, step);
        if (isnan(k))
            return fail(err, ERR_INPUT, "Parameter value is NaN");
        if (k > 9.2e18 || k < -9.2e18)
            return fail(err, ERR_INPUT, "Scalar value %g %s int64", k,
                        k > 0 ? "overflows" : "underflows");
    }
    return true;
}

static bool top(Aggregation *agg, Err *err)
{
    Ranked *ranked = ARENA_MAKE(agg->eval->arena, Ranked, agg->in->count + 1, err);
    if (!ranked || !check_k(agg, err))
        return false;
    return agg->out->width == 1 ? top_ordered(agg, ranked, err) : top_columns(agg, ranked, err);
}

/* ---- count_values -------------------------------------------------------------------------------
 */

static bool is_label_name(Str name)
{
    return name.len && utf8_valid(name) && !str_eq(name, STR(LABEL_METRIC_NAME));
}

static bool count_value(Aggregation *agg, LabelIndex *index, size_t series, size_t step, Err *err)
{
    Eval *eval = agg->eval;
    double value = frame_at(agg->in, series, step);
    if (!is_value(value))
        return true;
    char text[FLOAT_TEXT_SIZE];
    Label label = { .name = agg->param.text };
    Labels labels;
    Str shown = { text, float_text(value, FLOAT_FIXED, text) };
    if (!arena_copy(eval->arena, shown, &label.value, err) ||
        !frame_labels_with(eval, agg->in->series[series].labels, label, &labels, err))
        return false;
    /* The label joins those that the groups are made of, whatever was there before. */
    NameList names = agg->spec->labels;
    if (!agg->spec->without) {
        names.names = ARENA_MAKE(eval->arena, Str, names.count + 1, err);
        if (!names.names)
            return false;
        if (names.count)
            memcpy(names.names, agg->spec->labels.names, names.count * sizeof(Str));
        names.names[names.count++] = label.name;
        if (!frame_labels_only(eval, labels, &names, &labels, err))
            return false;
    } else if (!frame_labels_without(eval, labels, &names, &labels, err) ||
               !frame_labels_with(eval, labels, label, &labels, err)) {
        return false;
    }
    size_t at;
    if (!label_index_put(eval, index, labels, &at, err) ||
        (at == agg->out->count && !frame_add(eval, agg->out, labels, err)))
        return false;
    double *count = &agg->out->series[at].values[step];
    *count = is_value(*count) ? *count + 1 : 1;
    return true;
}

static bool count_all_values(Aggregation *agg, Err *err)
{
    LabelIndex index = { 0 };
    if (!is_label_name(agg->param.text)) {
        Buf text = BUF(1 << 16);
        buf_add(&text, STR("invalid label name "));
        buf_add_quoted(&text, agg->param.text);
        return promql_fail(agg->eval, err, &text);
    }
    for (size_t i = 0; i < agg->in->count; i++)
        for (size_t step = 0; step < agg->in->width; step++)
            if (!count_value(agg, &index, i, step, err))
                return false;
    return true;
}

/* ---- which --------------------------------------------------------------------------------------
 */

static bool aggregate(Aggregation *agg, Err *err)
{
    AggregateOp op = agg->spec->op;
    if (op == AGG_COUNT_VALUES)
        return count_all_values(agg, err);
    if (!make_groups(agg, err))
        return false;
    if (op == AGG_QUANTILE)
        return quantile(agg, err);
    return op == AGG_TOPK || op == AGG_BOTTOMK ? top(agg, err) : fold(agg, err);
}

bool promql_aggregate(Eval *eval, const Node *node, Frame *out, Err *err)
{
    const Aggregate *spec = &node->aggregate;
    Frame in;
    Aggregation agg = { .eval = eval, .node = node, .spec = spec, .in = &in, .out = out };
    if (!promql_node(eval, spec->inner, &in, err) ||
        (spec->param && !promql_node(eval, spec->param, &agg.param, err)) ||
        (agg.param.width > 1 && !frame_widen(eval, &in, err)))
        return false;
    *out = (Frame){ .type = PROM_VECTOR, .width = in.width };
    return aggregate(&agg, err);
}
