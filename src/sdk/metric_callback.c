/* metric_callback.c - registering and running callbacks; see metric_callback.h.
 *
 * The list is walked by number, so that a callback may add and remove others while it runs. Who
 * removes one that runs on another thread waits until it has returned.
 */
#include "sdk/metric_callback.h"

#include "base/thread.h"
#include "sdk/meter.h"
#include "sdk/metric_memory.h"
#include "sdk/worker.h"

#include <math.h>

enum { CALLBACKS_MAX = 1024, OBSERVED_MAX = 1024 };

typedef struct Callback Callback;
struct Callback {
    uint64_t id;
    CryoObserve observe;
    void *context;
    Callback *next;
    bool removed; /* while it runs */
    size_t count;
    Instrument *instruments[];
};

struct CryoObserver {
    const Callback *callback;
};

static struct {
    Mutex lock;
    Cond idle;
    Callback *first; /* the newest */
    size_t count;
    uint64_t ids;
    Callback *running; /* NULL: none */
    pthread_t runner;
} callbacks = { .lock = { PTHREAD_MUTEX_INITIALIZER }, .idle = { PTHREAD_COND_INITIALIZER } };

/* ---- adding and removing --------------------------------------------------------------------- */

static Callback *callback_new(const CryoObservable *instruments, size_t count)
{
    Callback *callback = count > 0 && count <= OBSERVED_MAX
                             ? metric_alloc(sizeof *callback + count * sizeof(Instrument *))
                             : NULL;
    for (size_t i = 0; callback && i < count; i++)
        if (instruments[i].instrument)
            callback->instruments[callback->count++] = instruments[i].instrument->of;
    return callback;
}

uint64_t cryo_callback_add(CryoObserve observe, void *context, const CryoObservable *instruments,
                           size_t count)
{
    Callback *callback = observe && instruments ? callback_new(instruments, count) : NULL;
    if (!callback)
        return 0;
    callback->observe = observe;
    callback->context = context;
    mutex_lock(&callbacks.lock);
    bool room = callbacks.count < CALLBACKS_MAX;
    if (room) {
        callback->id = ++callbacks.ids;
        callback->next = callbacks.first;
        callbacks.first = callback;
        callbacks.count++;
    }
    uint64_t id = callback->id;
    mutex_unlock(&callbacks.lock);
    if (!room)
        metric_free(callback);
    else if (cryo_metrics_enabled())
        worker_needed(); /* nothing may ever be measured but by this */
    return id;
}

/* Locked. */
static bool runs_elsewhere(const Callback *callback)
{
    return callbacks.running == callback && !pthread_equal(callbacks.runner, pthread_self());
}

/* Locked. Takes it out of the list and waits until nobody is in it. */
static void callback_remove(Callback **link)
{
    Callback *callback = *link;
    *link = callback->next;
    callbacks.count--;
    callback->removed = true;
    if (callbacks.running != callback)
        metric_free(callback);
    else
        while (runs_elsewhere(callback)) /* by address: it is freed only when it has returned */
            cond_wait(&callbacks.idle, &callbacks.lock);
}

void cryo_callback_remove(uint64_t id)
{
    mutex_lock(&callbacks.lock);
    Callback **link = &callbacks.first;
    while (*link && (*link)->id != id)
        link = &(*link)->next;
    if (*link)
        callback_remove(link);
    mutex_unlock(&callbacks.lock);
}

bool callbacks_any(void)
{
    mutex_lock(&callbacks.lock);
    bool any = callbacks.first != NULL;
    mutex_unlock(&callbacks.lock);
    return any;
}

void callbacks_forget(void)
{
    mutex_lock(&callbacks.lock);
    while (callbacks.first)
        callback_remove(&callbacks.first);
    mutex_unlock(&callbacks.lock);
}

/* ---- running --------------------------------------------------------------------------------- */

/* Locked. The oldest one with a number above `id`. */
static Callback *callback_after(uint64_t id)
{
    Callback *next = NULL;
    for (Callback *callback = callbacks.first; callback && callback->id > id;
         callback = callback->next)
        next = callback;
    return next;
}

void callbacks_run(void)
{
    uint64_t last = 0;
    mutex_lock(&callbacks.lock);
    uint64_t newest = callbacks.ids; /* those added meanwhile wait for the next collection */
    for (Callback *callback; (callback = callback_after(last)) && callback->id <= newest;) {
        CryoObserver observer = { callback };
        last = callback->id;
        callbacks.running = callback;
        callbacks.runner = pthread_self();
        mutex_unlock(&callbacks.lock);
        callback->observe(callback->context, &observer);
        mutex_lock(&callbacks.lock);
        callbacks.running = NULL;
        if (callback->removed)
            metric_free(callback);
        cond_broadcast(&callbacks.idle);
    }
    mutex_unlock(&callbacks.lock);
}

/* ---- observations ---------------------------------------------------------------------------- */

static bool is_watched(const CryoObserver *observer, CryoObservable instrument)
{
    if (!observer || !instrument.instrument)
        return false;
    for (size_t i = 0; i < observer->callback->count; i++)
        if (observer->callback->instruments[i] == instrument.instrument->of)
            return kind_is_observable(instrument.instrument->of->kind);
    counter_add(&meter_tallies.misuses, 1);
    return false;
}

/* The overflow set has the sum of all that found no other. */
static Number joined(const Series *series, Number value)
{
    const Instrument *instrument = series->instrument;
    if (series != instrument->overflowed || !series->touched || kind_is_gauge(instrument->kind))
        return value;
    if (instrument->number == CRYO_FLOAT64)
        return (Number){ .real = series->value.real + value.real };
    return (Number){ .integer =
                         (int64_t)((uint64_t)series->value.integer + (uint64_t)value.integer) };
}

static void tell(CryoObservable instrument, Number value, CryoAttrs attributes)
{
    SetBuilder builder;
    SeriesKey key;
    Instrument *of = instrument.instrument->of;
    if (series_key(instrument.instrument, attributes, &builder, &key)) {
        meter_lock();
        Series *series = series_find(of, &key);
        meter_unlock();
        if (series) {
            series->value = joined(series, value);
            series->touched = true;
        } else {
            counter_add(&meter_tallies.dropped_memory, 1);
        }
        series_tell_overflow(of);
    }
    set_builder_done(&builder);
}

static void refuse(void)
{
    counter_add(&meter_tallies.refused, 1);
}

void cryo_observe_int(CryoObserver *observer, CryoObservable instrument, int64_t value,
                      CryoAttrs attributes)
{
    if (!is_watched(observer, instrument))
        return;
    const Instrument *of = instrument.instrument->of;
    if (value < 0 && kind_is_monotonic(of->kind))
        refuse();
    else
        tell(instrument,
             of->number == CRYO_INT64 ? (Number){ .integer = value }
                                      : (Number){ .real = (double)value },
             attributes);
}

void cryo_observe_double(CryoObserver *observer, CryoObservable instrument, double value,
                         CryoAttrs attributes)
{
    if (!is_watched(observer, instrument))
        return;
    const Instrument *of = instrument.instrument->of;
    if (of->number == CRYO_INT64) {
        if (value == trunc(value) && value >= -0x1p63 && value < 0x1p63)
            cryo_observe_int(observer, instrument, (int64_t)value, attributes);
        else
            refuse();
        return;
    }
    bool gauge = kind_is_gauge(of->kind);
    if (gauge || (isfinite(value) && !(value < 0 && kind_is_monotonic(of->kind))))
        tell(instrument, (Number){ .real = value }, attributes);
    else
        refuse();
}

/* ---- fork ------------------------------------------------------------------------------------ */

void callbacks_lock(void)
{
    mutex_lock(&callbacks.lock);
}
void callbacks_unlock(void)
{
    mutex_unlock(&callbacks.lock);
}

/* What ran may have run on a thread that is not here. */
void callbacks_after_fork(void)
{
    callbacks.running = NULL;
    callbacks.idle = (Cond){ PTHREAD_COND_INITIALIZER };
}
