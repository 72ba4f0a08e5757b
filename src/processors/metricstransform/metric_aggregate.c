/* metric_aggregate.c - see metric_aggregate_internal.h.
 *
 * The key of a point is its labels in order, its time, of delta metrics its start, of histograms
 * their bounds. The first point of a key takes the others in.
 */
#include "processors/metricstransform/metric_aggregate_internal.h"

#include "base/map.h"
#include "codec/wire.h"
#include "otlp/encode.h"

#include <stdlib.h>
#include <string.h>

enum { KEY_MAX = 1 << 20 };

bool aggregation_parse(Str name, Aggregation *out)
{
    static const Str names[] = { [AGGREGATE_SUM] = STR_ROW("sum"),
                                 [AGGREGATE_MEAN] = STR_ROW("mean"),
                                 [AGGREGATE_MIN] = STR_ROW("min"),
                                 [AGGREGATE_MAX] = STR_ROW("max") };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (!str_eq(name, names[i]))
            continue;
        *out = (Aggregation)i;
        return true;
    }
    return false;
}

bool metric_can_aggregate(const MetricTree *tree, Aggregation how)
{
    return tree->kind == METRIC_GAUGE || tree->kind == METRIC_SUM ||
           (tree->kind == METRIC_HISTOGRAM && how == AGGREGATE_SUM);
}

/* --- keys ------------------------------------------------------------------------------------ */

static int by_key(const void *a, const void *b)
{
    return str_compare(((const AttributeView *)a)->key, ((const AttributeView *)b)->key);
}

static bool write_key(const MetricTree *tree, const PointTree *point, Arena *arena, Buf *out,
                      Err *err)
{
    AttributeView *labels = ARENA_MAKE(arena, AttributeView, point->label_count + 1, err);
    if (!labels)
        return false;
    if (point->label_count) {
        memcpy(labels, point->labels, point->label_count * sizeof *labels);
        qsort(labels, point->label_count, sizeof *labels, by_key);
    }
    buf_clear(out);
    wire_add_fixed64(out, 1, point->time_ns);
    wire_add_fixed64(out, 2, tree->is_delta ? point->start_ns : 0);
    for (size_t i = 0; i < point->label_count; i++)
        encode_attribute(out, 3, labels[i].key, &labels[i].value);
    if (point->histogram)
        wire_add_packed_double(out, 4, point->histogram->bounds, point->histogram->count_of_bounds);
    return buf_ok(out, err);
}

/* --- merging --------------------------------------------------------------------------------- */

static double real_of(NumberView value)
{
    return value.kind == NUMBER_INT ? (double)value.integer : value.real;
}

static bool int_add(int64_t a, int64_t b, int64_t *out)
{
    bool over = b > 0 ? a > INT64_MAX - b : a < INT64_MIN - b;
    *out = over ? 0 : a + b;
    return !over;
}

static NumberView add(NumberView a, NumberView b)
{
    NumberView sum = { .kind = NUMBER_INT };
    if (a.kind == NUMBER_INT && b.kind == NUMBER_INT && int_add(a.integer, b.integer, &sum.integer))
        return sum;
    return (NumberView){ .kind = NUMBER_DOUBLE, .real = real_of(a) + real_of(b) };
}

static bool is_less(NumberView a, NumberView b)
{
    return a.kind == NUMBER_INT && b.kind == NUMBER_INT ? a.integer < b.integer
                                                        : real_of(a) < real_of(b);
}

static NumberView combine(NumberView a, NumberView b, Aggregation how)
{
    if (a.kind == NUMBER_NONE || b.kind == NUMBER_NONE)
        return a.kind == NUMBER_NONE ? b : a;
    switch (how) {
    case AGGREGATE_MIN: return is_less(b, a) ? b : a;
    case AGGREGATE_MAX: return is_less(a, b) ? b : a;
    case AGGREGATE_SUM:
    case AGGREGATE_MEAN: break;
    }
    return add(a, b);
}

static void divide(NumberView *value, uint64_t by)
{
    if (value->kind == NUMBER_INT)
        value->integer /= (int64_t)by;
    else
        value->real /= (double)by;
}

static double sum_of(bool has_a, double a, bool has_b, double b)
{
    return (has_a ? a : 0) + (has_b ? b : 0);
}

/* The least or greatest is known only when both say theirs. */
static void merge_histogram(HistogramTree *into, const HistogramTree *from)
{
    HistogramPointView *a = &into->view;
    const HistogramPointView *b = &from->view;
    a->sum = sum_of(a->has_sum, a->sum, b->has_sum, b->sum);
    a->has_sum = a->has_sum && b->has_sum;
    a->count += b->count;
    a->min = b->min < a->min ? b->min : a->min;
    a->max = b->max > a->max ? b->max : a->max;
    a->has_min = a->has_min && b->has_min;
    a->has_max = a->has_max && b->has_max;
    for (size_t i = 0; i < into->count_of_counts && i < from->count_of_counts; i++)
        into->counts[i] += from->counts[i];
}

static bool merge(PointTree *into, const PointTree *from, Aggregation how, Arena *arena, Err *err)
{
    PointTree *kept = ARENA_MAKE(arena, PointTree, 1, err);
    if (!kept)
        return false;
    *kept = *from;
    kept->before = into->merged;
    for (PointTree *last = from->merged; last; last = last->before) {
        if (last->before)
            continue;
        last->before = kept->before; /* what it had taken in goes along */
        kept->before = from->merged;
        break;
    }
    into->merged = kept;
    into->start_ns = from->start_ns < into->start_ns ? from->start_ns : into->start_ns;
    into->points += from->value.kind != NUMBER_NONE;
    if (into->histogram) {
        merge_histogram(into->histogram, from->histogram);
        return true;
    }
    into->value = combine(into->value, from->value, how);
    into->revalued = true;
    return true;
}

/* Into those before; kept ones move together. */
static bool merge_all(MetricTree *tree, Aggregation how, Map *seen, Arena *arena, Err *err)
{
    Buf text = BUF(KEY_MAX);
    size_t kept = 0;
    bool good = true;
    for (size_t i = 0; good && i < tree->count; i++) {
        Str key;
        PointTree *point = &tree->points[i];
        good = write_key(tree, point, arena, &text, err);
        PointTree *first = good ? map_get(seen, buf_str(&text)) : NULL;
        if (first) {
            good = merge(first, point, how, arena, err);
            continue;
        }
        PointTree *place = &tree->points[kept];
        *place = *point;
        place->points = place->value.kind != NUMBER_NONE;
        good =
            good && arena_copy(arena, buf_str(&text), &key, err) && map_put(seen, key, place, err);
        kept += good;
    }
    tree->count = kept;
    buf_free(&text);
    return good;
}

bool metric_aggregate(MetricTree *tree, Aggregation how, Arena *arena, Err *err)
{
    for (size_t i = 0; tree->kind == METRIC_HISTOGRAM && i < tree->count; i++)
        if (!metric_tree_open_histogram(tree, &tree->points[i], arena, err))
            return false;
    Map seen = MAP(tree->count + 1);
    bool good = merge_all(tree, how, &seen, arena, err);
    map_free(&seen);
    for (size_t i = 0; good && how == AGGREGATE_MEAN && i < tree->count; i++)
        if (tree->points[i].points > 1)
            divide(&tree->points[i].value, tree->points[i].points);
    return good;
}
