/* metric_series.c - the run, and the table of series of each instrument; see meter.h. */
#include "sdk/meter.h"

#include "sdk/diagnostics.h"
#include "sdk/metric_cell.h"
#include "sdk/metric_memory.h"
#include "sdk/worker.h"

#include <pthread.h>
#include <string.h>

enum { SLOTS_FIRST = 16 };

unsigned char cryo_metering;
_Atomic uint32_t meter_epoch;
MeterRun meter_run;
MeterTallies meter_tallies;

static struct {
    pthread_mutex_t lock;
    uint32_t epoch; /* the last one given */
    bool inherited; /* a fork's child that has not yet taken stock */
} meters = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- tables ---------------------------------------------------------------------------------- */

static void series_free(Series *series)
{
    if (!series)
        return;
    metric_free(series->set);
    metric_free(series->histogram);
    metric_free(series);
}

static void table_clear(Instrument *instrument)
{
    for (size_t i = 0; i < instrument->series_count; i++)
        series_free(instrument->series[i]);
    series_free(instrument->overflowed);
    metric_free(instrument->series);
    metric_free(instrument->slots);
    instrument->series = NULL;
    instrument->slots = NULL;
    instrument->overflowed = NULL;
    instrument->series_count = instrument->series_cap = instrument->slot_count = 0;
    atomic_store(&instrument->full, false);
    atomic_store(&instrument->full_told, false);
}

static void slots_fill(Instrument *instrument)
{
    memset(instrument->slots, 0, instrument->slot_count * sizeof *instrument->slots);
    for (size_t i = 0; i < instrument->series_count; i++) {
        size_t at = instrument->series[i]->hash;
        while (instrument->slots[at &= instrument->slot_count - 1])
            at++;
        instrument->slots[at] = (uint32_t)i + 1;
    }
}

/* Room for one more. */
static bool table_reserve(Instrument *instrument)
{
    if (instrument->series_count < instrument->series_cap)
        return true;
    size_t slot_count = instrument->slot_count ? 2 * instrument->slot_count : SLOTS_FIRST;
    size_t cap = slot_count / 2;
    Series **series = metric_alloc(cap * sizeof(Series *));
    uint32_t *slots = metric_alloc(slot_count * sizeof *slots);
    if (!series || !slots) {
        metric_free(series);
        metric_free(slots);
        return false;
    }
    if (instrument->series_count)
        memcpy(series, instrument->series, instrument->series_count * sizeof(Series *));
    metric_free(instrument->series);
    metric_free(instrument->slots);
    instrument->series = series;
    instrument->series_cap = cap;
    instrument->slots = slots;
    instrument->slot_count = slot_count;
    slots_fill(instrument);
    return true;
}

static Series *series_new(Instrument *instrument, const SeriesKey *key)
{
    Series *series = metric_alloc(sizeof *series);
    if (!series)
        return NULL;
    series->instrument = instrument;
    series->hash = key->hash;
    series->set = set_keep(key->attributes);
    bool good = series->set != NULL;
    if (good && instrument->kind == CRYO_HISTOGRAM) {
        series->histogram =
            metric_alloc(sizeof(HistogramTotals) + instrument->bucket_count * sizeof(uint64_t));
        good = series->histogram != NULL;
    }
    if (!good) {
        series_free(series);
        return NULL;
    }
    if (!kind_is_observable(instrument->kind))
        series->id = meter_run.series_count++;
    return series;
}

static Series *overflow_series(Instrument *instrument)
{
    static const CryoAttr overflow = { { "otel.metric.overflow", 20 },
                                       { CRYO_BOOLEAN, 0, { true } } };
    SeriesKey key = { .attributes = { &overflow, 1 } };
    if (!instrument->overflowed)
        instrument->overflowed = series_new(instrument, &key);
    return instrument->overflowed;
}

Series *series_find(Instrument *instrument, const SeriesKey *key)
{
    if (key->overflow)
        return overflow_series(instrument);
    size_t at = key->hash;
    for (; instrument->slot_count && instrument->slots[at &= instrument->slot_count - 1]; at++) {
        Series *series = instrument->series[instrument->slots[at] - 1];
        if (series->hash == key->hash && set_equal(set_attributes(series->set), key->attributes))
            return series;
    }
    if (instrument->series_count >= meter_run.config.sets_max) {
        atomic_store(&instrument->full, true);
        return overflow_series(instrument);
    }
    Series *series = table_reserve(instrument) ? series_new(instrument, key) : NULL;
    if (!series)
        return NULL;
    instrument->series[instrument->series_count++] = series;
    for (at = key->hash; instrument->slots[at &= instrument->slot_count - 1];)
        at++;
    instrument->slots[at] = (uint32_t)instrument->series_count;
    return series;
}

void series_drop(Instrument *instrument, SeriesDrop which)
{
    size_t kept = 0;
    for (size_t i = 0; i < instrument->series_count; i++) {
        Series *series = instrument->series[i];
        if (series->seen && which == DROP_UNSEEN)
            instrument->series[kept++] = series;
        else
            series_free(series);
    }
    instrument->series_count = kept;
    if (instrument->slot_count)
        slots_fill(instrument);
}

void series_tell_overflow(Instrument *instrument)
{
    if (!atomic_load_explicit(&instrument->full, memory_order_relaxed) ||
        atomic_exchange(&instrument->full_told, true))
        return;
    say(CRYO_LOG_WARN,
        "instrument %.*s has as many sets of attributes as it may: further ones are gathered "
        "under otel.metric.overflow",
        STR_ARG(instrument->name));
}

bool series_key(const CryoInstrument *handle, CryoAttrs attributes, SetBuilder *builder,
                SeriesKey *out)
{
    if (!set_build(builder, set_attributes(handle->set), attributes)) {
        counter_add(&meter_tallies.dropped_memory, 1);
        return false;
    }
    counter_add(&meter_tallies.misuses, builder->dropped);
    *out = (SeriesKey){ .attributes = { builder->list, builder->count },
                        .overflow = handle->overflow || builder->too_large };
    out->hash = out->overflow ? 0 : set_hash(out->attributes);
    return true;
}

/* ---- the run --------------------------------------------------------------------------------- */

static void tables_clear(void)
{
    for (Instrument *i = meter_instruments(); i; i = i->next)
        table_clear(i);
    meter_run.series_count = 0;
}

static void epoch_next(void)
{
    atomic_store(&meter_tallies.collections.value, 0);
    atomic_store(&meter_tallies.refused.value, 0);
    atomic_store(&meter_tallies.dropped_memory.value, 0);
    atomic_store(&meter_tallies.misuses.value, 0);
    if (++meters.epoch == 0)
        meters.epoch = 1;
    atomic_store_explicit(&meter_epoch, meters.epoch, memory_order_release);
}

void meter_begin(const MeterConfig *config)
{
    meter_lock();
    cells_reclaim();
    meter_run = (MeterRun){ .config = *config, .start_ns = clock_wall_ns(config->clock) };
    if (!meter_run.config.sets_max)
        meter_run.config.sets_max = SETS_PRESET;
    epoch_next();
    meter_unlock();
}

void meter_end(void)
{
    atomic_store(&meter_epoch, 0);
    meter_lock();
    tables_clear();
    cells_reclaim();
    meter_unlock();
}

void meter_lock(void)
{
    pthread_mutex_lock(&meters.lock);
    if (!meters.inherited)
        return;
    meters.inherited = false; /* a child that only calls exec() pays nothing */
    tables_clear();
    cells_take_stock();
}

void meter_unlock(void)
{
    pthread_mutex_unlock(&meters.lock);
}

void meter_before_fork(void)
{
    pthread_mutex_lock(&meters.lock);
}

/* The epoch moves on, so that the cells of all threads are of another run. */
void meter_after_fork(bool in_child)
{
    if (in_child) {
        meters.inherited = true;
        cells_after_fork();
    }
    if (in_child && atomic_load(&meter_epoch)) {
        meter_run.start_ns = clock_wall_ns(meter_run.config.clock);
        meter_run.collected_ns = 0;
        epoch_next();
    }
    pthread_mutex_unlock(&meters.lock);
}

void cryo_metric_counts(CryoMetricCounts *out)
{
    *out = (CryoMetricCounts){ .collections = counter_get(&meter_tallies.collections),
                               .refused = counter_get(&meter_tallies.refused),
                               .dropped_memory = counter_get(&meter_tallies.dropped_memory),
                               .misuses = counter_get(&meter_tallies.misuses) };
    worker_counts(METRICS, &out->exported, &out->failed);
    meter_lock();
    for (const Instrument *i = meter_instruments(); i; i = i->next)
        out->sets += i->series_count + (i->overflowed != NULL);
    meter_unlock();
}
