/* metric_collect.c - makes a batch of what has been gathered; see metric_batch.h.
 *
 *     callbacks --> cells drained into series --> points --> commit
 *
 * Nothing of a series changes until all points are made: the commit then begins the next interval
 * of those that are reported as deltas, and cannot fail.
 */
#include "sdk/metric_batch.h"

#include "sdk/meter.h"
#include "sdk/metric_callback.h"
#include "sdk/metric_cell.h"

#include <string.h>

/* One instrument's part of a collection. */
typedef struct Part {
    Instrument *instrument;
    Series **series;
    size_t count;
    bool delta;
} Part;

typedef struct Collection {
    const MetricSource *source;
    Arena *arena;
    MetricBatch *batch;
    Part *parts;
    size_t part_count;
    int64_t now_ns;
} Collection;

/* OpenTelemetry's table: what each preference makes of each kind. */
static bool reported_as_delta(CryoInstrumentKind kind)
{
    TemporalityPreference preference = meter_run.config.preference;
    switch (kind) {
    case CRYO_COUNTER:
    case CRYO_HISTOGRAM: return preference != PREFER_CUMULATIVE;
    case CRYO_OBSERVABLE_COUNTER: return preference == PREFER_DELTA;
    case CRYO_UP_DOWN_COUNTER:
    case CRYO_OBSERVABLE_UP_DOWN_COUNTER:
    case CRYO_GAUGE:
    case CRYO_OBSERVABLE_GAUGE: break;
    }
    return false;
}

/* ---- what there is --------------------------------------------------------------------------- */

/* Locked. What callbacks tell is a total: only where the one before is needed for a difference are
 * sets kept, and those that are no longer told as long as there is room enough. */
static void observable_prepare(Instrument *instrument)
{
    if (!reported_as_delta(instrument->kind))
        series_drop(instrument, DROP_ALL);
    else if (instrument->series_count > meter_run.config.sets_max / 2)
        series_drop(instrument, DROP_UNSEEN);
    for (size_t i = 0; i < instrument->series_count; i++)
        instrument->series[i]->touched = false; /* what a collection told that then failed */
    if (instrument->overflowed)
        instrument->overflowed->touched = false;
}

static void observe(void)
{
    meter_lock();
    for (Instrument *i = meter_instruments(); i; i = i->next)
        if (kind_is_observable(i->kind))
            observable_prepare(i);
    meter_unlock();
    callbacks_run();
}

/* Locked. The lists are copied: threads add to them while we work. */
static bool part_fill(Collection *c, Instrument *instrument, Part *part, Err *err)
{
    size_t count = instrument->series_count;
    *part = (Part){ .instrument = instrument, .delta = reported_as_delta(instrument->kind) };
    part->series = ARENA_MAKE(c->arena, Series *, count + 1, err);
    if (!part->series)
        return false;
    if (count)
        memcpy(part->series, instrument->series, count * sizeof(Series *));
    if (instrument->overflowed)
        part->series[count++] = instrument->overflowed;
    part->count = count;
    return true;
}

/* Locked. */
static bool parts_fill(Collection *c, Err *err)
{
    size_t count = 0;
    for (Instrument *i = meter_instruments(); i; i = i->next)
        count += i->series_count || i->overflowed;
    c->part_count = count;
    c->parts = ARENA_MAKE(c->arena, Part, count, err);
    bool good = c->parts != NULL;
    for (Instrument *i = meter_instruments(); i && good; i = i->next)
        if (i->series_count || i->overflowed)
            good = part_fill(c, i, &c->parts[--count], err);
    return good;
}

/* ---- points ---------------------------------------------------------------------------------- */

static bool has_point(const Part *part, const Series *series)
{
    bool this_time = part->delta || kind_is_observable(part->instrument->kind);
    return series->touched || (series->seen && !this_time);
}

static uint64_t start_of(const Part *part)
{
    int64_t start = part->instrument->made_ns > meter_run.start_ns ? part->instrument->made_ns
                                                                   : meter_run.start_ns;
    if (part->delta && meter_run.collected_ns > start)
        start = meter_run.collected_ns;
    return (uint64_t)start;
}

/* A total that fell has begun anew: all of it is new. */
static Number since_before(const Instrument *instrument, const Series *series)
{
    Number now = series->value, before = series->before;
    if (instrument->number == CRYO_FLOAT64)
        return (Number){ .real = now.real < before.real ? now.real : now.real - before.real };
    return now.integer < before.integer ? now : (Number){ .integer = now.integer - before.integer };
}

static bool histogram_point(Collection *c, const Series *series, CryoPointView *point, Err *err)
{
    const Instrument *instrument = series->instrument;
    const HistogramTotals *totals = series->histogram;
    size_t buckets = instrument->bucket_count;
    point->count = totals->count;
    point->sum = totals->sum;
    point->min = totals->min;
    point->max = totals->max;
    point->has_sum = true;
    point->has_min = point->has_max = totals->count > 0;
    if (buckets == 0)
        return true;
    uint64_t *counts = ARENA_MAKE(c->arena, uint64_t, buckets, err);
    if (counts)
        memcpy(counts, totals->buckets, buckets * sizeof *counts);
    point->bounds = instrument->bounds;
    point->bound_count = instrument->bound_count;
    point->bucket_counts = counts;
    point->bucket_count = buckets;
    return counts != NULL;
}

static bool point_fill(Collection *c, const Part *part, const Series *series, CryoPointView *point,
                       Err *err)
{
    const Instrument *instrument = part->instrument;
    *point = (CryoPointView){ .attributes = set_attributes(series->set),
                              .start_ns = start_of(part),
                              .time_ns = (uint64_t)c->now_ns };
    if (series->histogram)
        return histogram_point(c, series, point, err);
    Number value = part->delta && kind_is_observable(instrument->kind)
                       ? since_before(instrument, series)
                       : series->value;
    point->value =
        instrument->number == CRYO_INT64 ? cryo_integer(value.integer) : cryo_double(value.real);
    return true;
}

static CryoString as_string(Str text)
{
    return (CryoString){ text.ptr, text.len };
}

static CryoMetricView metric_head(const Collection *c, const Part *part)
{
    const Instrument *instrument = part->instrument;
    const CryoMeter *meter = instrument->meter;
    const MetricSource *source = c->source;
    return (CryoMetricView){
        .size = sizeof(CryoMetricView),
        .name = as_string(instrument->name),
        .unit = as_string(instrument->unit),
        .description = as_string(instrument->description),
        .kind = instrument->kind == CRYO_HISTOGRAM ? CRYO_METRIC_HISTOGRAM
                : kind_is_gauge(instrument->kind)  ? CRYO_METRIC_GAUGE
                                                   : CRYO_METRIC_SUM,
        .monotonic = kind_is_monotonic(instrument->kind),
        .delta = part->delta,
        .scope_name = as_string(meter ? meter->name : source->service_name),
        .scope_version = as_string(meter ? meter->version : source->service_version),
        .resource = { source->resource->attributes, source->resource->count },
    };
}

static bool metric_fill(Collection *c, const Part *part, Err *err)
{
    size_t count = 0;
    for (size_t i = 0; i < part->count; i++)
        count += has_point(part, part->series[i]);
    if (count == 0)
        return true;
    CryoPointView *points = ARENA_MAKE(c->arena, CryoPointView, count, err);
    if (!points)
        return false;
    size_t filled = 0;
    for (size_t i = 0; i < part->count; i++)
        if (has_point(part, part->series[i]) &&
            !point_fill(c, part, part->series[i], &points[filled++], err))
            return false;
    CryoMetricView *metric = &c->batch->metrics[c->batch->count++];
    *metric = metric_head(c, part);
    metric->points = points;
    metric->point_count = count;
    c->batch->point_count += count;
    return true;
}

/* ---- commit ---------------------------------------------------------------------------------- */

static void series_begin_anew(Series *series)
{
    size_t buckets = series->instrument->bucket_count * sizeof(uint64_t);
    series->value = (Number){ 0 };
    if (series->histogram)
        memset(series->histogram, 0, sizeof *series->histogram + buckets);
}

static void series_commit(const Part *part, Series *series)
{
    if (kind_is_observable(part->instrument->kind)) {
        if (series->touched)
            series->before = series->value;
        series->seen = series->touched;
    } else {
        series->seen = series->seen || series->touched;
        if (part->delta)
            series_begin_anew(series);
    }
    series->touched = false;
}

static void commit(Collection *c)
{
    for (size_t i = 0; i < c->part_count; i++)
        for (size_t k = 0; k < c->parts[i].count; k++)
            series_commit(&c->parts[i], c->parts[i].series[k]);
    meter_run.collected_ns = c->now_ns;
    counter_add(&meter_tallies.collections, 1);
}

bool metric_collect(const MetricSource *source, Arena *arena, MetricBatch *out, Err *err)
{
    Collection c = { .source = source, .arena = arena, .batch = out };
    *out = (MetricBatch){ .resource = source->resource };
    if (atomic_load(&meter_epoch) == 0)
        return true;
    observe();
    c.now_ns = clock_wall_ns(meter_run.config.clock);
    if (c.now_ns < meter_run.collected_ns)
        c.now_ns = meter_run.collected_ns; /* the clock was set back */
    cells_drain();
    meter_lock();
    bool good = parts_fill(&c, err);
    meter_unlock();
    out->metrics = good ? ARENA_MAKE(arena, CryoMetricView, c.part_count, err) : NULL;
    good = out->metrics != NULL;
    for (size_t i = 0; good && i < c.part_count; i++)
        good = metric_fill(&c, &c.parts[i], err);
    if (good)
        commit(&c);
    return good || blame(err, "collecting metrics");
}
