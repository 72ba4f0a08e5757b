/* metric_cell.c - the path of a measurement; see metric_cell.h.
 *
 *     handle, attributes --> cell of this thread --> add
 *
 * Without attributes the cell is found by the handle's number, else in a cache of the thread: first
 * where the last one was, then by a hash of samples, and always by a comparison of all bytes. Only
 * what is in neither goes the long way: the set is made, its series looked up under the lock, its
 * cell made.
 *
 * Memory order. The thread's list of cells is published with release and walked with acquire. A
 * sum's number and its mark are relaxed: the collector takes the difference to what it has taken
 * before, so that what it does not see yet is in the next difference.
 */
#include "sdk/metric_cell.h"

#include "sdk/metric_memory.h"
#include "sdk/thread_state.h"
#include "sdk/worker.h"

#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

enum {
    CACHE_FIRST = 64,
    CACHE_MAX = 4096,
    CACHED_BYTES_MAX = 1024, /* a set larger than this goes the long way each time */
    ROW_FIRST = 64,
};

typedef enum CellKind { CELL_SUM_INT, CELL_SUM_DOUBLE, CELL_LAST, CELL_HISTOGRAM } CellKind;

typedef struct Cell Cell;
struct Cell {
    /* the owner's, at every measurement */
    uint8_t kind;
    bool grows_only, integers;
    atomic_bool locked;
    _Atomic uint32_t touched;
    _Atomic uint64_t bits; /* a sum since the run's beginning */
    const double *bounds;
    size_t bound_count, bucket_count;
    Clock *clock;
    /* the collector's */
    uint64_t taken; /* so much of bits */
    /* under `locked` */
    Number last;
    int64_t last_ns; /* 0: nothing since it was taken */
    /* set before the cell is published */
    Series *series;
    Cell *next;
    HistogramTotals *totals; /* behind the cell */
};
_Static_assert(sizeof(Cell) + sizeof(HistogramTotals) >= 128, "two threads never share a line");

typedef struct CacheEntry { /* behind it an AttributeSet, as the program gave it: not sorted */
    const CryoInstrument *handle;
    Cell *cell;
} CacheEntry;

typedef struct CacheSlot {
    uint64_t hash;
    CacheEntry *entry; /* NULL: free */
} CacheSlot;

/* What a thread knows about a handle. */
typedef struct Place {
    Cell *plain;   /* of measurements without attributes; NULL: none yet */
    size_t recent; /* slot of the cache that the last one with attributes found */
} Place;

/* An array that grows to have what is asked for. */
typedef struct Row {
    void *items;
    size_t cap;
} Row;

struct ThreadCells {
    /* the owner's */
    Row places; /* Place, by handle */
    Row series; /* Cell *, by series; NULL: none yet */
    CacheSlot *cache;
    size_t cache_mask;
    /* between owner and collector */
    _Atomic uint32_t epoch; /* of the run that all of this belongs to */
    _Atomic(Cell *) first;
    /* the registry's */
    ThreadCells *next;
    bool owned;
};

static CacheSlot no_cache;

static struct { /* under the lock of meter.h */
    ThreadCells *first;
    pthread_key_t key; /* its destructor hears of threads that end */
    bool has_key;
} registry;

/* ---- one cell -------------------------------------------------------------------------------- */

static COLD void wait_a_little(unsigned *turns)
{
    if (++*turns % 64 == 0)
        sched_yield(); /* its holder may need this processor */
}

static void cell_lock(Cell *cell)
{
    unsigned turns = 0;
    while (UNLIKELY(atomic_exchange_explicit(&cell->locked, true, memory_order_acquire)))
        wait_a_little(&turns);
}

static void cell_unlock(Cell *cell)
{
    atomic_store_explicit(&cell->locked, false, memory_order_release);
}

static COLD void refuse(void)
{
    counter_add(&meter_tallies.refused, 1);
}

static void sum_touch(Cell *cell, uint64_t bits)
{
    atomic_store_explicit(&cell->bits, bits, memory_order_relaxed);
    atomic_store_explicit(&cell->touched, 1, memory_order_relaxed);
}

static double real_of(uint64_t bits)
{
    Number number = { .integer = (int64_t)bits };
    return number.real;
}

static uint64_t bits_of(double real)
{
    Number number = { .real = real };
    return (uint64_t)number.integer;
}

static void sum_add_double(Cell *cell, double value)
{
    if (!isfinite(value) || (value < 0 && cell->grows_only)) {
        refuse();
        return;
    }
    double sum = real_of(atomic_load_explicit(&cell->bits, memory_order_relaxed)) + value;
    sum_touch(cell, bits_of(sum));
}

static size_t bucket_of(const Cell *cell, double value)
{
    const double *from = cell->bounds;
    for (size_t left = cell->bound_count; left > 0;) {
        size_t half = left / 2;
        bool above = from[half] < value; /* a bound belongs to the bucket below it */
        from += above ? half + 1 : 0;
        left = above ? left - half - 1 : half;
    }
    return (size_t)(from - cell->bounds);
}

static void totals_take(HistogramTotals *totals, double value)
{
    if (totals->count == 0 || value < totals->min)
        totals->min = value;
    if (totals->count == 0 || value > totals->max)
        totals->max = value;
    totals->count++;
    totals->sum += value;
}

static void histogram_record(Cell *cell, double value)
{
    if (!(value >= 0) || isinf(value)) {
        refuse();
        return;
    }
    size_t bucket = bucket_of(cell, value);
    cell_lock(cell);
    totals_take(cell->totals, value);
    if (cell->bucket_count)
        cell->totals->buckets[bucket]++;
    cell_unlock(cell);
}

static void gauge_set(Cell *cell, Number value)
{
    int64_t now = clock_mono_ns(cell->clock);
    cell_lock(cell);
    cell->last = value;
    cell->last_ns = now ? now : 1;
    cell_unlock(cell);
}

static COLD void cell_take_int(Cell *cell, int64_t value)
{
    switch ((CellKind)cell->kind) {
    case CELL_SUM_INT: refuse(); break; /* negative: all others were taken */
    case CELL_SUM_DOUBLE: sum_add_double(cell, (double)value); break;
    case CELL_LAST:
        gauge_set(cell, cell->integers ? (Number){ .integer = value }
                                       : (Number){ .real = (double)value });
        break;
    case CELL_HISTOGRAM: histogram_record(cell, (double)value); break;
    }
}

static inline bool sum_add_int(Cell *cell, int64_t value)
{
    if (UNLIKELY(cell->kind != CELL_SUM_INT || (value < 0 && cell->grows_only)))
        return false;
    uint64_t sum = atomic_load_explicit(&cell->bits, memory_order_relaxed) + (uint64_t)value;
    sum_touch(cell, sum);
    return true;
}

static COLD void cell_take_whole(Cell *cell, double value)
{
    if (value != trunc(value) || value < -0x1p63 || value >= 0x1p63)
        refuse();
    else if (!sum_add_int(cell, (int64_t)value))
        cell_take_int(cell, (int64_t)value);
}

static void cell_take_double(Cell *cell, double value)
{
    if (cell->kind == CELL_HISTOGRAM)
        histogram_record(cell, value);
    else if (cell->integers)
        cell_take_whole(cell, value);
    else if (cell->kind == CELL_SUM_DOUBLE)
        sum_add_double(cell, value);
    else
        gauge_set(cell, (Number){ .real = value });
}

static Cell *cell_new(Series *series)
{
    const Instrument *instrument = series->instrument;
    Cell *cell = metric_alloc(sizeof *cell + sizeof *cell->totals +
                              instrument->bucket_count * sizeof(uint64_t));
    if (!cell)
        return NULL;
    cell->totals = (HistogramTotals *)(void *)(cell + 1);
    cell->integers = instrument->number == CRYO_INT64 && instrument->kind != CRYO_HISTOGRAM;
    cell->kind = instrument->kind == CRYO_HISTOGRAM ? CELL_HISTOGRAM
                 : instrument->kind == CRYO_GAUGE   ? CELL_LAST
                 : cell->integers                   ? CELL_SUM_INT
                                                    : CELL_SUM_DOUBLE;
    cell->grows_only = kind_is_monotonic(instrument->kind);
    cell->bounds = instrument->bounds;
    cell->bound_count = instrument->bound_count;
    cell->bucket_count = instrument->bucket_count;
    cell->clock = meter_run.config.clock;
    cell->series = series;
    return cell;
}

/* ---- the cache ------------------------------------------------------------------------------- */

static inline uint64_t turn(uint64_t word, unsigned by)
{
    return word << by | word >> (64 - by);
}

/* Values tell sets apart; of a key a sample will do, since the sets of one instrument mostly have
 * the same ones. */
static inline uint64_t key_sample(CryoString key)
{
    return key.len << 8 | (unsigned char)key.ptr[key.len - 1];
}

static inline uint64_t text_sample(CryoString text)
{
    if (text.len < 8)
        return load_short(text.ptr, text.len) + text.len;
    uint64_t hash = load_u64(text.ptr) + turn(load_u64(text.ptr + text.len - 8), 27) + text.len;
    for (size_t i = 8; i + 8 < text.len; i += 8)
        hash = (hash ^ load_u64(text.ptr + i)) * 0x9E3779B97F4A7C15u;
    return hash;
}

static inline bool cacheable(CryoType type)
{
    return type >= CRYO_STRING && type <= CRYO_DOUBLE;
}

/* False: one of them is not cached. */
static inline bool cache_hash(const CryoInstrument *handle, CryoAttrs attributes, uint64_t *out)
{
    uint64_t hash = (uint64_t)handle->id + 1;
    for (size_t i = 0; i < attributes.count; i++) {
        const CryoAttr *a = &attributes.ptr[i];
        if (UNLIKELY(!cacheable(a->value.type) | (a->key.len == 0)))
            return false;
        uint64_t value = a->value.type == CRYO_STRING    ? text_sample(a->value.as.string)
                         : a->value.type == CRYO_BOOLEAN ? (uint64_t)a->value.as.boolean
                                                         : (uint64_t)a->value.as.integer;
        uint64_t both = turn(value * 0x9E3779B97F4A7C15u, 31) + key_sample(a->key);
        hash = (hash ^ both) * 0xFF51AFD7ED558CCDu;
    }
    *out = hash ^ hash >> 32;
    return true;
}

static inline bool attribute_is(const CryoAttr *a, const CryoAttr *b)
{
    if ((a->value.type != b->value.type) | (a->key.len != b->key.len))
        return false;
    if (!bytes_equal(a->key.ptr, b->key.ptr, a->key.len))
        return false;
    if (a->value.type == CRYO_STRING)
        return a->value.as.string.len == b->value.as.string.len &&
               bytes_equal(a->value.as.string.ptr, b->value.as.string.ptr, a->value.as.string.len);
    if (a->value.type == CRYO_BOOLEAN)
        return a->value.as.boolean == b->value.as.boolean;
    return a->value.as.integer == b->value.as.integer;
}

static inline AttributeSet *entry_set(const CacheEntry *entry)
{
    return (AttributeSet *)(uintptr_t)(entry + 1);
}

static inline bool entry_is(const CacheEntry *entry, const CryoInstrument *handle,
                            CryoAttrs attributes)
{
    const AttributeSet *set = entry_set(entry);
    if (entry->handle != handle || set->count != attributes.count)
        return false;
    for (size_t i = 0; i < attributes.count; i++)
        if (!attribute_is(&set->list[i], &attributes.ptr[i]))
            return false;
    return true;
}

/* Twice as large. Of two entries that now want the same slot one is forgotten. */
static bool cache_grow(ThreadCells *cells)
{
    size_t count = cells->cache == &no_cache ? CACHE_FIRST : 2 * (cells->cache_mask + 1);
    CacheSlot *grown = count <= CACHE_MAX ? metric_alloc_spare(count * sizeof *grown) : NULL;
    if (!grown)
        return false;
    for (size_t i = 0; cells->cache != &no_cache && i <= cells->cache_mask; i++) {
        CacheSlot *to = &grown[cells->cache[i].hash & (count - 1)];
        metric_free(to->entry);
        if (cells->cache[i].entry)
            *to = cells->cache[i];
        else
            to->entry = NULL;
    }
    if (cells->cache != &no_cache)
        metric_free(cells->cache);
    cells->cache = grown;
    cells->cache_mask = count - 1;
    return true;
}

/* Which slot it is in now, or would be. */
static size_t cache_put(ThreadCells *cells, const CryoInstrument *handle, CryoAttrs attributes,
                        Cell *cell)
{
    uint64_t hash;
    size_t size = set_size(attributes);
    if (size > CACHED_BYTES_MAX || !cache_hash(handle, attributes, &hash))
        return 0;
    while (cells->cache[hash & cells->cache_mask].entry || cells->cache == &no_cache)
        if (!cache_grow(cells))
            break;
    if (cells->cache == &no_cache)
        return 0;
    CacheSlot *slot = &cells->cache[hash & cells->cache_mask];
    CacheEntry *entry = slot->entry;
    if (entry && metric_capacity(entry) < sizeof *entry + size) {
        metric_free(entry);
        slot->entry = entry = NULL;
    }
    if (!entry)
        entry = metric_alloc_spare(sizeof *entry + size);
    if (!entry)
        return 0;
    *entry = (CacheEntry){ handle, cell };
    set_copy(attributes, entry_set(entry));
    *slot = (CacheSlot){ hash, entry };
    return hash & cells->cache_mask;
}

/* ---- a thread's cells ------------------------------------------------------------------------ */

/* Empties them, for the run of this epoch; by their owner, or where there is none. */
static void cells_renew(ThreadCells *cells, uint32_t epoch)
{
    atomic_store_explicit(&cells->epoch, 0, memory_order_release);
    Cell *cell = atomic_load_explicit(&cells->first, memory_order_relaxed);
    atomic_store_explicit(&cells->first, NULL, memory_order_relaxed);
    for (Cell *next; cell; cell = next) {
        next = cell->next;
        metric_free(cell);
    }
    for (size_t i = 0; cells->cache != &no_cache && i <= cells->cache_mask; i++)
        metric_free(cells->cache[i].entry);
    if (cells->cache != &no_cache)
        metric_free(cells->cache);
    metric_free(cells->places.items);
    metric_free(cells->series.items);
    cells->cache = &no_cache;
    cells->places = cells->series = (Row){ 0 };
    cells->cache_mask = 0;
    atomic_store_explicit(&cells->epoch, epoch, memory_order_release);
}

static void thread_leaves(void *pointer)
{
    ThreadCells *cells = pointer;
    thread_locals.cells = NULL;
    meter_lock();
    if (atomic_load(&cells->epoch) != atomic_load(&meter_epoch))
        cells_renew(cells, 0);
    cells->owned = false;
    meter_unlock();
}

/* Locked. */
static ThreadCells *cells_adopt(void)
{
    if (!registry.has_key)
        registry.has_key = pthread_key_create(&registry.key, thread_leaves) == 0;
    ThreadCells *cells = registry.first;
    while (cells && cells->owned)
        cells = cells->next;
    if (!cells) {
        cells = metric_alloc(sizeof *cells);
        if (!cells)
            return NULL;
        cells->cache = &no_cache;
        cells->next = registry.first;
        registry.first = cells;
    }
    cells->owned = true;
    if (registry.has_key)
        pthread_setspecific(registry.key, cells);
    return thread_locals.cells = cells;
}

/* Locked. This thread's, emptied where they are of another run. NULL: no memory, or no run. */
static ThreadCells *cells_ready(void)
{
    uint32_t epoch = atomic_load(&meter_epoch);
    if (epoch == 0)
        return NULL;
    ThreadCells *cells = thread_locals.cells;
    if (!cells)
        cells = cells_adopt();
    if (!cells)
        counter_add(&meter_tallies.dropped_memory, 1);
    else if (atomic_load_explicit(&cells->epoch, memory_order_relaxed) != epoch)
        cells_renew(cells, epoch);
    return cells;
}

/* Where the item is. NULL: no memory. */
static void *row_place(Row *row, size_t at, size_t size)
{
    size_t wanted = row->cap ? row->cap : ROW_FIRST;
    while (wanted <= at)
        wanted *= 2;
    if (wanted > row->cap) {
        void *grown = metric_alloc(wanted * size);
        if (!grown)
            return NULL;
        if (row->cap)
            memcpy(grown, row->items, row->cap * size);
        metric_free(row->items);
        *row = (Row){ grown, wanted };
    }
    return (char *)row->items + at * size;
}

/* Locked. The thread's cell of a series. */
static Cell *cell_for(ThreadCells *cells, Series *series)
{
    Cell **place = row_place(&cells->series, series->id, sizeof(Cell *));
    if (!place || *place)
        return place ? *place : NULL;
    Cell *cell = cell_new(series);
    if (!cell)
        return NULL;
    cell->next = atomic_load_explicit(&cells->first, memory_order_relaxed);
    atomic_store_explicit(&cells->first, cell, memory_order_release);
    return *place = cell;
}

static Cell *cell_make(const CryoInstrument *handle, const SeriesKey *key)
{
    meter_lock();
    ThreadCells *cells = cells_ready();
    Series *series = cells ? series_find(handle->of, key) : NULL;
    Cell *cell = series ? cell_for(cells, series) : NULL;
    if (cells && !cell)
        counter_add(&meter_tallies.dropped_memory, 1);
    meter_unlock();
    return cell;
}

/* ---- measuring ------------------------------------------------------------------------------- */

/* The long way: the first time in this thread. NULL: nothing is to be measured, or no memory. */
static COLD Cell *cell_find(const CryoInstrument *handle, CryoAttrs attributes)
{
    SetBuilder builder;
    SeriesKey key;
    if (kind_is_observable(handle->of->kind)) {
        counter_add(&meter_tallies.misuses, 1);
        return NULL;
    }
    if (atomic_load(&meter_epoch) == 0)
        return NULL;
    Cell *cell = series_key(handle, attributes, &builder, &key) ? cell_make(handle, &key) : NULL;
    set_builder_done(&builder);
    if (!cell)
        return NULL;
    series_tell_overflow(handle->of);
    worker_needed();
    ThreadCells *cells = thread_locals.cells;
    Place *place = row_place(&cells->places, handle->id, sizeof(Place));
    if (!place)
        return cell; /* and the long way again */
    if (attributes.count)
        place->recent = cache_put(cells, handle, attributes, cell);
    else
        place->plain = cell;
    return cell;
}

/* This thread's cells, when they are of this run; else NULL. */
static inline ThreadCells *cells_now(void)
{
    ThreadCells *cells = thread_locals.cells;
    if (UNLIKELY(!cells || atomic_load_explicit(&cells->epoch, memory_order_relaxed) !=
                               atomic_load_explicit(&meter_epoch, memory_order_relaxed)))
        return NULL;
    return cells;
}

static inline Place *place_of(const ThreadCells *cells, const CryoInstrument *handle)
{
    return LIKELY(cells && handle->id < cells->places.cap)
               ? (Place *)cells->places.items + handle->id
               : NULL;
}

/* Often it is the same set again: that one is compared before anything is hashed. */
static Cell *cell_cached(const CryoInstrument *handle, CryoAttrs attributes)
{
    const ThreadCells *cells = cells_now();
    Place *place = place_of(cells, handle);
    uint64_t hash;
    if (UNLIKELY(!place))
        return cell_find(handle, attributes);
    const CacheEntry *entry = cells->cache[place->recent & cells->cache_mask].entry;
    if (entry && entry_is(entry, handle, attributes))
        return entry->cell;
    if (LIKELY(cache_hash(handle, attributes, &hash))) {
        const CacheSlot *slot = &cells->cache[hash & cells->cache_mask];
        place->recent = hash & cells->cache_mask;
        if (LIKELY(slot->hash == hash && slot->entry && entry_is(slot->entry, handle, attributes)))
            return slot->entry->cell;
    }
    return cell_find(handle, attributes);
}

static inline Cell *cell_of(const CryoInstrument *handle, CryoAttrs attributes)
{
    if (UNLIKELY(!handle))
        return NULL;
    if (attributes.count > 0)
        return cell_cached(handle, attributes);
    const Place *place = place_of(cells_now(), handle);
    Cell *cell = LIKELY(place != NULL) ? place->plain : NULL;
    return LIKELY(cell != NULL) ? cell : cell_find(handle, attributes);
}

void cryo_measure_int(const CryoInstrument *handle, int64_t value, CryoAttrs attributes)
{
    Cell *cell = cell_of(handle, attributes);
    if (LIKELY(cell != NULL) && UNLIKELY(!sum_add_int(cell, value)))
        cell_take_int(cell, value);
}

void cryo_measure_double(const CryoInstrument *handle, double value, CryoAttrs attributes)
{
    Cell *cell = cell_of(handle, attributes);
    if (LIKELY(cell != NULL))
        cell_take_double(cell, value);
}

/* ---- taking ---------------------------------------------------------------------------------- */

static void sum_drain(Cell *cell)
{
    Series *series = cell->series;
    bool touched = atomic_exchange_explicit(&cell->touched, 0, memory_order_acquire);
    uint64_t now = atomic_load_explicit(&cell->bits, memory_order_relaxed);
    if (!touched && now == cell->taken)
        return;
    series->touched = true;
    if (cell->kind == CELL_SUM_INT) {
        series->value.integer = (int64_t)((uint64_t)series->value.integer + (now - cell->taken));
    } else {
        double more = real_of(now) - real_of(cell->taken);
        series->value.real += isnan(more) ? 0 : more; /* infinite before: it stays so */
    }
    cell->taken = now;
}

static void last_drain(Cell *cell)
{
    Series *series = cell->series;
    cell_lock(cell);
    Number value = cell->last;
    int64_t when = cell->last_ns;
    cell->last_ns = 0;
    cell_unlock(cell);
    if (when == 0)
        return;
    series->touched = true;
    if (series->set_ns && when < series->set_ns)
        return; /* another thread's is newer */
    series->value = value;
    series->set_ns = when;
}

static void histogram_drain(Cell *cell)
{
    Series *series = cell->series;
    HistogramTotals *to = series->histogram;
    HistogramTotals *from = cell->totals;
    cell_lock(cell);
    if (from->count) {
        to->min = to->count && to->min < from->min ? to->min : from->min;
        to->max = to->count && to->max > from->max ? to->max : from->max;
        to->count += from->count;
        to->sum += from->sum;
        for (size_t i = 0; i < cell->bucket_count; i++)
            to->buckets[i] += from->buckets[i];
        series->touched = true;
        memset(from, 0, sizeof *from + cell->bucket_count * sizeof(uint64_t));
    }
    cell_unlock(cell);
}

void cells_drain(void)
{
    meter_lock();
    ThreadCells *first = registry.first; /* only ever added to, in front */
    uint32_t epoch = atomic_load(&meter_epoch);
    meter_unlock();
    for (ThreadCells *cells = first; cells && epoch; cells = cells->next) {
        if (atomic_load_explicit(&cells->epoch, memory_order_acquire) != epoch)
            continue;
        for (Cell *cell = atomic_load_explicit(&cells->first, memory_order_acquire); cell;
             cell = cell->next) {
            if (cell->kind == CELL_HISTOGRAM)
                histogram_drain(cell);
            else if (cell->kind == CELL_LAST)
                last_drain(cell);
            else
                sum_drain(cell);
        }
    }
}

/* ---- between runs, and after fork ------------------------------------------------------------ */

void cells_reclaim(void)
{
    for (ThreadCells *cells = registry.first; cells; cells = cells->next)
        if (!cells->owned || cells == thread_locals.cells)
            cells_renew(cells, 0);
}

void cells_take_stock(void)
{
    for (ThreadCells *cells = registry.first; cells; cells = cells->next) {
        cells->owned = cells == thread_locals.cells;
        cells_renew(cells, 0);
    }
}

void cells_after_fork(void)
{
    thread_locals.cells = NULL;
    if (registry.has_key) /* its cells may become another thread's, which it must not end */
        pthread_setspecific(registry.key, NULL);
}
