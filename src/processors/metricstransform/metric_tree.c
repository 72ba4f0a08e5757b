/* metric_tree.c - see metric_tree.h. */
#include "processors/metricstransform/metric_tree.h"

#include "codec/wire.h"
#include "otlp/encode.h"

#include <string.h>

enum { METRIC_NAME = 1 };

/* Fields of points, by number. */
enum { POINT_START = 2, NUMBER_AS_DOUBLE = 4, NUMBER_AS_INT = 6 };
enum {
    HISTOGRAM_COUNT = 4,
    HISTOGRAM_SUM = 5,
    HISTOGRAM_COUNTS = 6,
    HISTOGRAM_BOUNDS = 7,
    HISTOGRAM_MIN = 11,
    HISTOGRAM_MAX = 12,
};
enum { EXEMPLAR_AS_DOUBLE = 3, EXEMPLAR_AS_INT = 6 };

static uint32_t attributes_field(MetricKind kind)
{
    switch (kind) {
    case METRIC_HISTOGRAM: return HISTOGRAM_ATTRIBUTES;
    case METRIC_EXPONENTIAL: return EXPONENTIAL_ATTRIBUTES;
    case METRIC_SUMMARY: return SUMMARY_ATTRIBUTES;
    case METRIC_GAUGE:
    case METRIC_SUM:
    case METRIC_EMPTY: break;
    }
    return NUMBER_ATTRIBUTES;
}

/* 0: points of this kind have none. */
static uint32_t exemplars_field(MetricKind kind)
{
    switch (kind) {
    case METRIC_HISTOGRAM: return HISTOGRAM_EXEMPLARS;
    case METRIC_EXPONENTIAL: return EXPONENTIAL_EXEMPLARS;
    case METRIC_GAUGE:
    case METRIC_SUM: return NUMBER_EXEMPLARS;
    case METRIC_SUMMARY:
    case METRIC_EMPTY: break;
    }
    return 0;
}

static bool is_number(MetricKind kind)
{
    return kind == METRIC_GAUGE || kind == METRIC_SUM;
}

/* --- reading --------------------------------------------------------------------------------- */

static bool read_labels(PointTree *point, Attributes attributes, Arena *arena, Err *err)
{
    size_t count = attributes_count(attributes);
    point->labels = ARENA_MAKE(arena, AttributeView, count ? count : 1, err);
    if (!point->labels)
        return false;
    while (point->label_count < count &&
           attributes_next(&attributes, &point->labels[point->label_count]))
        point->label_count++;
    return true;
}

static bool read_point(const MetricTree *tree, size_t item, PointTree *out, Arena *arena, Err *err)
{
    *out = (PointTree){
        .raw = item_bytes(tree->batch, item), .item = item, .exemplar_scale = 1, .points = 1
    };
    if (is_number(tree->kind)) {
        NumberPointView view = number_point_view(tree->batch, item);
        out->start_ns = view.start_ns;
        out->time_ns = view.time_ns;
        out->value = view.value;
    } else if (tree->kind == METRIC_HISTOGRAM) {
        HistogramPointView view = histogram_point_view(tree->batch, item);
        out->start_ns = view.start_ns;
        out->time_ns = view.time_ns;
    }
    return read_labels(out, item_attributes(tree->batch, item), arena, err);
}

MetricTree *metric_tree_read(const Batch *batch, size_t metric, Str raw, Arena *arena, Err *err)
{
    MetricView view = metric_view(batch, metric);
    MetricTree *tree = ARENA_MAKE(arena, MetricTree, 1, err);
    size_t count = view.end_item - view.first_item;
    if (!tree)
        return NULL;
    *tree = (MetricTree){ .batch = batch,
                          .raw = raw,
                          .name = view.name,
                          .kind = view.kind,
                          .is_delta = view.temporality == TEMPORALITY_DELTA };
    tree->points = ARENA_MAKE(arena, PointTree, count ? count : 1, err);
    if (!tree->points)
        return NULL;
    for (; tree->count < count; tree->count++)
        if (!read_point(tree, view.first_item + tree->count, &tree->points[tree->count], arena,
                        err))
            return NULL;
    return tree;
}

MetricTree *metric_tree_copy(const MetricTree *tree, Arena *arena, Err *err)
{
    MetricTree *copy = ARENA_MAKE(arena, MetricTree, 1, err);
    if (!copy)
        return NULL;
    *copy = *tree;
    copy->points = ARENA_MAKE(arena, PointTree, tree->count ? tree->count : 1, err);
    if (!copy->points)
        return NULL;
    if (tree->count)
        memcpy(copy->points, tree->points, tree->count * sizeof *tree->points);
    for (size_t i = 0; i < copy->count; i++) {
        HistogramTree *histogram = copy->points[i].histogram;
        if (!histogram)
            continue;
        HistogramTree *own = ARENA_MAKE(arena, HistogramTree, 1, err);
        if (!own)
            return NULL;
        *own = *histogram;
        own->counts = ARENA_MAKE(arena, uint64_t, own->count_of_counts + 1, err);
        own->bounds = ARENA_MAKE(arena, double, own->count_of_bounds + 1, err);
        if (!own->counts || !own->bounds)
            return NULL;
        memcpy(own->counts, histogram->counts, own->count_of_counts * sizeof *own->counts);
        memcpy(own->bounds, histogram->bounds, own->count_of_bounds * sizeof *own->bounds);
        copy->points[i].histogram = own;
    }
    return copy;
}

bool metric_tree_open_histogram(const MetricTree *tree, PointTree *point, Arena *arena, Err *err)
{
    if (point->histogram)
        return true;
    HistogramTree *histogram = ARENA_MAKE(arena, HistogramTree, 1, err);
    if (!histogram)
        return false;
    histogram->view = histogram_point_view(tree->batch, point->item);
    uint64_t count;
    double bound;
    for (Numbers n = histogram->view.bucket_counts; numbers_next_u64(&n, &count);)
        histogram->count_of_counts++;
    for (Numbers n = histogram->view.explicit_bounds; numbers_next_double(&n, &bound);)
        histogram->count_of_bounds++;
    histogram->counts = ARENA_MAKE(arena, uint64_t, histogram->count_of_counts + 1, err);
    histogram->bounds = ARENA_MAKE(arena, double, histogram->count_of_bounds + 1, err);
    if (!histogram->counts || !histogram->bounds)
        return false;
    size_t at = 0;
    for (Numbers n = histogram->view.bucket_counts; numbers_next_u64(&n, &count);)
        histogram->counts[at++] = count;
    at = 0;
    for (Numbers n = histogram->view.explicit_bounds; numbers_next_double(&n, &bound);)
        histogram->bounds[at++] = bound;
    point->histogram = histogram;
    return true;
}

/* --- writing --------------------------------------------------------------------------------- */

static void add_field(Buf *out, const WireReader *reader, const WireField *field)
{
    buf_add(out, (Str){ field->start, (size_t)(reader->at - field->start) });
}

static void write_scaled_exemplar(Str raw, uint32_t number, double scale, Buf *out)
{
    WireReader reader = wire_reader(raw);
    WireField field;
    size_t message = wire_open(out, number);
    while (wire_next(&reader, &field)) {
        if (field.number == EXEMPLAR_AS_DOUBLE && field.kind == WIRE_I64)
            wire_add_double(out, EXEMPLAR_AS_DOUBLE, scale * wire_double(field.value));
        else if (field.number == EXEMPLAR_AS_INT && field.kind == WIRE_I64)
            wire_add_double(out, EXEMPLAR_AS_DOUBLE, scale * (double)(int64_t)field.value);
        else
            add_field(out, &reader, &field);
    }
    wire_close(out, message);
}

static void write_exemplars(MetricKind kind, const PointTree *point, Buf *out)
{
    uint32_t number = exemplars_field(kind);
    WireReader reader = wire_reader(point->raw);
    WireField field;
    while (number && wire_next(&reader, &field)) {
        if (field.number != number || field.kind != WIRE_LEN)
            continue;
        if (point->exemplar_scale < 1 || point->exemplar_scale > 1)
            write_scaled_exemplar(field.bytes, number, point->exemplar_scale, out);
        else
            add_field(out, &reader, &field);
    }
}

/* Does something else than what came stand for it? */
static bool is_replaced(MetricKind kind, const PointTree *point, uint32_t number)
{
    if (number == exemplars_field(kind))
        return true;
    if (number == attributes_field(kind))
        return point->relabelled;
    if (point->revalued)
        return number == POINT_START || number == NUMBER_AS_DOUBLE || number == NUMBER_AS_INT;
    if (!point->histogram)
        return false;
    return number == POINT_START || (number >= HISTOGRAM_COUNT && number <= HISTOGRAM_BOUNDS) ||
           number == HISTOGRAM_MIN || number == HISTOGRAM_MAX;
}

static void write_number(const PointTree *point, Buf *out)
{
    wire_add_fixed64(out, POINT_START, point->start_ns);
    if (point->value.kind == NUMBER_DOUBLE)
        wire_add_double(out, NUMBER_AS_DOUBLE, point->value.real);
    else if (point->value.kind == NUMBER_INT)
        wire_add_fixed64(out, NUMBER_AS_INT, (uint64_t)point->value.integer);
}

static void write_histogram(const PointTree *point, Buf *out)
{
    const HistogramTree *histogram = point->histogram;
    const HistogramPointView *view = &histogram->view;
    wire_add_fixed64(out, POINT_START, point->start_ns);
    wire_add_fixed64(out, HISTOGRAM_COUNT, view->count);
    if (view->has_sum)
        wire_add_double(out, HISTOGRAM_SUM, view->sum);
    wire_add_packed_fixed64(out, HISTOGRAM_COUNTS, histogram->counts, histogram->count_of_counts);
    wire_add_packed_double(out, HISTOGRAM_BOUNDS, histogram->bounds, histogram->count_of_bounds);
    if (view->has_min)
        wire_add_double(out, HISTOGRAM_MIN, view->min);
    if (view->has_max)
        wire_add_double(out, HISTOGRAM_MAX, view->max);
}

static void write_point(MetricKind kind, const PointTree *point, Buf *out)
{
    WireReader reader = wire_reader(point->raw);
    WireField field;
    size_t message = wire_open_about(out, DATA_POINTS, point->raw.len);
    while (wire_next(&reader, &field))
        if (!is_replaced(kind, point, field.number))
            add_field(out, &reader, &field);
    if (point->revalued)
        write_number(point, out);
    if (point->histogram)
        write_histogram(point, out);
    for (size_t i = 0; point->relabelled && i < point->label_count; i++)
        encode_attribute(out, attributes_field(kind), point->labels[i].key,
                         &point->labels[i].value);
    write_exemplars(kind, point, out);
    for (const PointTree *other = point->merged; other; other = other->before)
        write_exemplars(kind, other, out);
    wire_close(out, message);
}

static bool is_data(const WireField *field)
{
    return field->kind == WIRE_LEN &&
           (is_number((MetricKind)field->number) || field->number == METRIC_HISTOGRAM ||
            field->number == METRIC_EXPONENTIAL || field->number == METRIC_SUMMARY);
}

/* All but the points: temporality and the like. */
static void write_data_fields(Str data, Buf *out)
{
    WireReader reader = wire_reader(data);
    WireField field;
    while (wire_next(&reader, &field))
        if (field.number != DATA_POINTS)
            add_field(out, &reader, &field);
}

void metric_tree_write(const MetricTree *tree, Buf *out)
{
    WireReader reader = wire_reader(tree->raw);
    WireField field;
    wire_add_bytes(out, METRIC_NAME, tree->name);
    while (wire_next(&reader, &field))
        if (field.number != METRIC_NAME && !is_data(&field))
            add_field(out, &reader, &field);
    if (tree->kind == METRIC_EMPTY)
        return;
    size_t data = wire_open_about(out, tree->kind, tree->raw.len);
    for (reader = wire_reader(tree->raw); wire_next(&reader, &field);)
        if (is_data(&field) && field.number == (uint32_t)tree->kind)
            write_data_fields(field.bytes, out);
    for (size_t i = 0; i < tree->count; i++)
        write_point(tree->kind, &tree->points[i], out);
    wire_close(out, data);
}
