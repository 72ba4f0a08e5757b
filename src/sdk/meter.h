/* meter.h - instruments, and the series that one run of telemetry gathers with them.
 *
 *     CryoMeter --< Instrument --< CryoInstrument      what a program holds: the instrument itself,
 *                        |                             and each set of attributes bound to it
 *                        '----< Series                 a set of attributes that was measured
 *                                  '----< Cell         its part that one thread writes
 *
 * Meters, instruments and handles live until the process ends. A run goes from meter_begin() to
 * meter_end(); it has an epoch, and series and cells are of one run. One lock guards all lists and
 * tables; a measurement takes it only when it meets a set of attributes for the first time in its
 * thread. What a collection adds up in a series is the collector's alone.
 */
#ifndef SDK_METER_H
#define SDK_METER_H

#include "base/clock.h"
#include "base/counter.h"
#include "sdk/metric_set.h"

#include <cryostorm/metrics.h>

#include <stdatomic.h>

enum {
    METERS_MAX = 1024,
    INSTRUMENTS_MAX = 4096,
    BOUND_MAX = 2000, /* sets bound to one instrument; more are the overflow set */
    BOUNDS_MAX = 1000,
    SETS_PRESET = 2000, /* series of one instrument, without the overflow set */
};

typedef struct Instrument Instrument;
typedef struct Series Series;

struct CryoMeter {
    Str name, version;
    CryoMeter *next;
};

struct CryoInstrument {
    uint32_t id;   /* from 0, over all handles */
    bool overflow; /* stands for the overflow set */
    Instrument *of;
    const AttributeSet *set; /* NULL: none */
    CryoInstrument *next;    /* of the same instrument */
};

struct Instrument {
    CryoInstrument plain, overflow;
    const CryoMeter *meter; /* NULL: the service's */
    Str name, unit, description;
    CryoInstrumentKind kind;
    CryoNumberType number;
    const double *bounds;
    size_t bound_count, bucket_count; /* bucket_count 0: no buckets */
    CryoInstrument *bound;
    size_t bound_handles;
    int64_t made_ns; /* wall time; 0: before any run */
    /* the series of this run, under the lock */
    Series **series; /* in order of their making */
    size_t series_count, series_cap;
    uint32_t *slots; /* index + 1 into series, 0 free; a power of two of them, at most half full */
    size_t slot_count;
    Series *overflowed;
    atomic_bool full, full_told;
    Instrument *next;
};

/* What a number is depends on its instrument. */
typedef union Number {
    int64_t integer;
    double real;
} Number;

typedef struct HistogramTotals {
    uint64_t count;
    double sum, min, max;
    uint64_t buckets[];
} HistogramTotals;

struct Series {
    Instrument *instrument;
    AttributeSet *set;
    uint64_t hash;
    uint32_t id; /* from 0, over all that threads measure in this run */
    /* the collector's */
    bool touched;   /* since the last collection */
    bool seen;      /* ever; observables: in the last collection */
    Number value;   /* sums: since the start, or since the last collection; gauges: the last one */
    Number before;  /* observables: what the last collection was told */
    int64_t set_ns; /* gauges: when */
    HistogramTotals *histogram;
};

static inline bool kind_is_observable(CryoInstrumentKind kind)
{
    return kind >= CRYO_OBSERVABLE_COUNTER;
}
static inline bool kind_is_monotonic(CryoInstrumentKind kind)
{
    return kind == CRYO_COUNTER || kind == CRYO_HISTOGRAM || kind == CRYO_OBSERVABLE_COUNTER;
}
static inline bool kind_is_gauge(CryoInstrumentKind kind)
{
    return kind == CRYO_GAUGE || kind == CRYO_OBSERVABLE_GAUGE;
}

/* ---- the run --------------------------------------------------------------------------------- */

typedef enum TemporalityPreference {
    PREFER_CUMULATIVE,
    PREFER_DELTA,     /* up-down counters stay cumulative */
    PREFER_LOWMEMORY, /* delta for counters and histograms that are not observed */
} TemporalityPreference;

typedef struct MeterConfig {
    Clock *clock;
    TemporalityPreference preference;
    size_t sets_max; /* of each instrument; 0: SETS_PRESET */
} MeterConfig;

/* One thread at a time calls these two, and no collection runs meanwhile. What is measured counts
 * from the first to the second, but programs look at cryo_metering first. */
void meter_begin(const MeterConfig *config);
void meter_end(void); /* what was gathered is gone: collect before */

/* 0: no run. */
extern _Atomic uint32_t meter_epoch;

typedef struct MeterRun {
    MeterConfig config;
    int64_t start_ns;      /* wall time */
    int64_t collected_ns;  /* the last collection; 0: none yet */
    uint32_t series_count; /* ids given */
} MeterRun;
extern MeterRun meter_run; /* written under the lock; the collector reads its config without */

typedef struct MeterTallies {
    Counter collections, refused, dropped_memory, misuses;
} MeterTallies;
extern MeterTallies meter_tallies;

void meter_lock(void);
void meter_unlock(void);
void meter_before_fork(void);
void meter_after_fork(bool in_child); /* a child's run begins anew, with nothing in it */

/* ---- under the lock -------------------------------------------------------------------------- */

Instrument *meter_instruments(void); /* newest first, by next; they are only ever added */

/* What a measurement through a handle is gathered under. */
typedef struct SeriesKey {
    CryoAttrs attributes; /* sorted */
    uint64_t hash;
    bool overflow;
} SeriesKey;

/* Made where there is none; the overflow set where there is no room for it. NULL: no memory. */
Series *series_find(Instrument *instrument, const SeriesKey *key);

/* Drops all of them, or those that were not told in the last collection; for observables. */
typedef enum SeriesDrop { DROP_ALL, DROP_UNSEEN } SeriesDrop;
void series_drop(Instrument *instrument, SeriesDrop which);

/* ---- without the lock ------------------------------------------------------------------------ */

/* Says once, after a series_find(), that an instrument's limit is reached. */
void series_tell_overflow(Instrument *instrument);

/* Fills the key of what a handle and attributes stand for; it borrows from the builder. False: no
 * memory (counted). Either way set_builder_done(). */
CHECKED bool series_key(const CryoInstrument *handle, CryoAttrs attributes, SetBuilder *builder,
                        SeriesKey *out);

#endif
