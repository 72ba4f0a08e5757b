/* metric_copy.c - views of a batch that outlive it; see metric_batch.h. */
#include "sdk/metric_batch.h"

#include "sdk/metric_set.h"

#include <string.h>

/* Whoever copies sets good to false where memory ends, and looks once. */
typedef struct Copier {
    Arena *arena;
    Err *err;
    bool good;
} Copier;

static const void *copy_bytes(Copier *copier, const void *from, size_t size)
{
    void *to = copier->good && size ? arena_alloc(copier->arena, 1, size, copier->err) : NULL;
    if (to)
        memcpy(to, from, size);
    else if (size)
        copier->good = false;
    return to;
}

static void copy_text(Copier *copier, CryoString *text)
{
    text->ptr = copy_bytes(copier, text->ptr, text->len);
}

static void copy_set(Copier *copier, CryoAttrs *attributes)
{
    size_t size = set_size(*attributes);
    AttributeSet *set = copier->good ? arena_alloc(copier->arena, 1, size, copier->err) : NULL;
    if (set)
        set_copy(*attributes, set);
    else
        copier->good = false;
    *attributes = set_attributes(set);
}

static void copy_point(Copier *copier, CryoPointView *point)
{
    copy_set(copier, &point->attributes);
    point->bounds = copy_bytes(copier, point->bounds, point->bound_count * sizeof(double));
    point->bucket_counts =
        copy_bytes(copier, point->bucket_counts, point->bucket_count * sizeof(uint64_t));
}

static void copy_metric(Copier *copier, CryoMetricView *metric)
{
    copy_text(copier, &metric->name);
    copy_text(copier, &metric->description);
    copy_text(copier, &metric->unit);
    copy_text(copier, &metric->scope_name);
    copy_text(copier, &metric->scope_version);
    CryoPointView *points =
        ARENA_MAKE(copier->arena, CryoPointView, metric->point_count, copier->err);
    copier->good = copier->good && points;
    for (size_t i = 0; copier->good && i < metric->point_count; i++) {
        points[i] = metric->points[i];
        copy_point(copier, &points[i]);
    }
    metric->points = points;
}

CryoMetricView *metric_batch_views(const MetricBatch *batch, Arena *arena, Err *err)
{
    Copier copier = { .arena = arena, .err = err, .good = true };
    CryoMetricView *views = ARENA_MAKE(arena, CryoMetricView, batch->count, err);
    for (size_t i = 0; views && copier.good && i < batch->count; i++) {
        views[i] = batch->metrics[i];
        copy_metric(&copier, &views[i]);
    }
    return copier.good ? views : NULL;
}
