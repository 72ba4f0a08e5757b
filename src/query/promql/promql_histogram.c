/* promql_histogram.c - quantiles from classic histograms: series that differ in `le` alone. */
#include "query/promql/promql_functions_internal.h"

#include "codec/float_text.h"

#include <math.h>
#include <stdlib.h>

typedef struct Bucket {
    double bound, count;
} Bucket;

typedef struct Bounded { /* a series of the input */
    double bound;
    bool good;
    size_t group;
} Bounded;

typedef struct Quantiles {
    Eval *eval;
    const Node *node;
    Frame q, in;
    LabelIndex groups;
    Bounded *bounded;
    size_t *start, *list;
    Bucket *buckets;
    Frame *out;
} Quantiles;

static bool parse_bound(Str text, double *out)
{
    if (str_eq_nocase(text, STR("+Inf")) || str_eq_nocase(text, STR("Inf"))) {
        *out = INFINITY;
        return true;
    }
    return str_to_double(text, out) && !isnan(*out);
}

static bool sort_series(Quantiles *quantiles, Err *err)
{
    Eval *eval = quantiles->eval;
    const Frame *in = &quantiles->in;
    static Str le[] = { STR_ROW("le") };
    const NameList without = { le, 1 };
    quantiles->bounded = ARENA_MAKE(eval->arena, Bounded, in->count + 1, err);
    if (!quantiles->bounded)
        return false;
    for (size_t i = 0; i < in->count; i++) {
        Bounded *bounded = &quantiles->bounded[i];
        Labels labels, own = in->series[i].labels;
        bounded->good = parse_bound(labels_get(own, STR("le")), &bounded->bound);
        if (!bounded->good) {
            Str name = labels_get(own, STR(LABEL_METRIC_NAME));
            promql_note(eval, true, quantiles->node->call.args[1],
                        "bucket label \"le\" is missing or has a malformed value of \"%.*s\" for "
                        "metric name \"%.*s\"",
                        STR_ARG(labels_get(own, STR("le"))), STR_ARG(name));
        }
        if (!frame_labels_without(eval, own, &without, &labels, err) ||
            !label_index_put(eval, &quantiles->groups, labels, &bounded->group, err))
            return false;
    }
    return true;
}

static bool list_groups(Quantiles *quantiles, Err *err)
{
    Arena *arena = quantiles->eval->arena;
    size_t groups = quantiles->groups.count, count = quantiles->in.count;
    quantiles->start = ARENA_MAKE(arena, size_t, groups + 2, err);
    quantiles->list = ARENA_MAKE(arena, size_t, count + 1, err);
    quantiles->buckets = ARENA_MAKE(arena, Bucket, count + 1, err);
    if (!quantiles->start || !quantiles->list || !quantiles->buckets)
        return false;
    for (size_t i = 0; i < count; i++)
        quantiles->start[quantiles->bounded[i].group + 2]++;
    for (size_t g = 2; g < groups + 2; g++)
        quantiles->start[g] += quantiles->start[g - 1];
    for (size_t i = 0; i < count; i++)
        quantiles->list[quantiles->start[quantiles->bounded[i].group + 1]++] = i;
    return true;
}

/* ---- one histogram ------------------------------------------------------------------------------
 */

static int by_bound(const void *a, const void *b)
{
    double left = ((const Bucket *)a)->bound, right = ((const Bucket *)b)->bound;
    return (left > right) - (left < right);
}

/* Buckets with the same bound, written differently, are one. */
static size_t unite_buckets(Bucket *buckets, size_t count)
{
    size_t last = 0;
    for (size_t i = 1; i < count; i++) {
        if (buckets[i].bound == buckets[last].bound)
            buckets[last].count += buckets[i].count;
        else
            buckets[++last] = buckets[i];
    }
    return last + 1;
}

static bool nearly_equal(double a, double b)
{
    const double tolerance = 1e-12, least = 2.2250738585072014e-308;
    double sum = fabs(a) + fabs(b), difference = fabs(a - b);
    if (a == 0 || b == 0 || sum < least)
        return difference < tolerance * least;
    return difference / (sum < 1.7976931348623157e308 ? sum : 1.7976931348623157e308) < tolerance;
}

/* Counts never fall. Tiny differences are rounding and pass without a word. */
static bool make_monotonic(Bucket *buckets, size_t count)
{
    bool forced = false;
    double before = buckets[0].count;
    for (size_t i = 1; i < count; i++) {
        double now = buckets[i].count;
        bool tiny = nearly_equal(before, now);
        if (now == before)
            continue;
        forced = forced || (!tiny && now < before);
        if (tiny || now < before)
            buckets[i].count = before;
        else
            before = now;
    }
    return forced;
}

static double interpolate(double q, const Bucket *buckets, size_t count)
{
    double rank = q * buckets[count - 1].count;
    size_t low = 0, high = count - 1; /* the first of all but the last that reaches the rank */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (buckets[middle].count >= rank)
            high = middle;
        else
            low = middle + 1;
    }
    if (low == count - 1)
        return buckets[count - 2].bound;
    if (low == 0 && buckets[0].bound <= 0)
        return buckets[0].bound;
    double begin = 0, within = buckets[low].count;
    if (low > 0) {
        begin = buckets[low - 1].bound;
        within -= buckets[low - 1].count;
        rank -= buckets[low - 1].count;
    }
    return begin + (buckets[low].bound - begin) * (rank / within);
}

static double bucket_quantile(double q, Bucket *buckets, size_t count, bool *forced)
{
    *forced = false;
    if (isnan(q))
        return NAN;
    if (q < 0 || q > 1)
        return q < 0 ? -INFINITY : INFINITY;
    qsort(buckets, count, sizeof *buckets, by_bound);
    if (!isinf(buckets[count - 1].bound) || buckets[count - 1].bound < 0)
        return NAN;
    count = unite_buckets(buckets, count);
    *forced = make_monotonic(buckets, count);
    if (count < 2 || buckets[count - 1].count == 0)
        return NAN;
    return interpolate(q, buckets, count);
}

/* ---- over time ----------------------------------------------------------------------------------
 */

static bool fill_group(Quantiles *quantiles, size_t group, double *values, Err *err)
{
    Eval *eval = quantiles->eval;
    for (size_t step = 0; step < quantiles->out->width; step++) {
        size_t count = 0;
        bool forced = false;
        for (size_t i = quantiles->start[group]; i < quantiles->start[group + 1]; i++) {
            const Bounded *bounded = &quantiles->bounded[quantiles->list[i]];
            double value = frame_at(&quantiles->in, quantiles->list[i], step);
            if (bounded->good && is_value(value))
                quantiles->buckets[count++] = (Bucket){ bounded->bound, value };
        }
        if (!promql_alive(eval, count, err))
            return false;
        if (!count)
            continue;
        double q = frame_at(&quantiles->q, 0, step);
        values[step] = bucket_quantile(q, quantiles->buckets, count, &forced);
        if (forced)
            promql_note(eval, false, quantiles->node->call.args[1],
                        "input to histogram_quantile needed to be fixed for monotonicity (see "
                        "https://prometheus.io/docs/prometheus/latest/querying/functions/"
                        "#histogram_quantile)");
    }
    return true;
}

static void note_q(Quantiles *quantiles)
{
    for (size_t step = 0; step < quantiles->q.width; step++) {
        double q = frame_at(&quantiles->q, 0, step);
        char text[FLOAT_TEXT_SIZE];
        if (!(q >= 0 && q <= 1))
            promql_note(quantiles->eval, true, quantiles->node->call.args[0],
                        "quantile value should be between 0 and 1, got %.*s",
                        (int)float_text(q, FLOAT_GENERAL, text), text);
    }
}

bool fn_histogram_quantile(Eval *eval, const Node *node, Frame *out, Err *err)
{
    Quantiles quantiles = { .eval = eval, .node = node, .out = out };
    if (!promql_node(eval, node->call.args[0], &quantiles.q, err) ||
        !promql_node(eval, node->call.args[1], &quantiles.in, err) ||
        (quantiles.q.width > 1 && !frame_widen(eval, &quantiles.in, err)) ||
        !sort_series(&quantiles, err) || !list_groups(&quantiles, err))
        return false;
    note_q(&quantiles);
    *out = (Frame){ .type = PROM_VECTOR, .width = quantiles.in.width };
    for (size_t group = 0; group < quantiles.groups.count; group++) {
        FrameSeries *series = frame_add(eval, out, quantiles.groups.sets[group], err);
        if (!series || !fill_group(&quantiles, group, series->values, err))
            return false;
    }
    frame_drop_empty(out);
    return true;
}
