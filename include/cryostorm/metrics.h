/* metrics.h - numbers about your program over time: how many, how much, how long.
 *
 * An instrument is made once and measured with often; what it gathers is sent at an interval
 * (METRICS__EXPORT_INTERVAL_MILLIS), one number or histogram per set of attributes.
 *
 *     static CryoCounter requests;
 *     requests = cryo_counter("app_requests_total",
 *                             &(CryoInstrumentOptions){ .unit = "{request}" });
 *     ...
 *     cryo_counter_add(requests, 1, CRYO_ATTRS("http.route", route));
 *     cryo_counter_add(requests, 1);                               without attributes
 *
 * Costs and promises. When metrics are off a measurement costs a nanosecond or two, and in C
 * neither value nor attributes are evaluated. Nothing here blocks, prints, or returns an error;
 * what had to be dropped is counted (cryo_metric_counts). Measure from any thread, but not from a
 * signal handler: each thread has cells of its own, which are added up at a collection; those of a
 * thread that ended stay. Attributes are looked up in a cache of the thread; where they are always
 * the same, bind them, and the look-up is gone:
 *
 *     CryoCounter gets = cryo_counter_bind(requests, CRYO_ATTRS("http.request.method", "GET"));
 *     cryo_counter_add(gets, 1);
 *
 * Attributes are a set: their order does not count, of equal keys the last one does, and keys that
 * are empty or too long are left out and counted. An instrument keeps at most 2000 different sets;
 * what comes later is gathered under the one attribute otel.metric.overflow = true, as is a set of
 * more than 64 attributes or 16 KiB, so that no measurement is lost. Sets are kept until the
 * shutdown, also where only what is new is told (delta); those that a callback no longer tells make
 * room. All of it together takes at most 64 MiB; what does not fit is dropped and counted.
 *
 * A handle is small, passed by value, and valid until the process ends; a zeroed one does nothing.
 * Instruments may be made before the start and stay over a shutdown; what they have gathered ends
 * with the run. In a child after fork() everything begins at zero, since what was measured before
 * is the parent's. (OpenTelemetry specification: Metrics API and SDK. Views and exemplars are not
 * there yet, nor is the exponential histogram.)
 */
#ifndef CRYOSTORM_METRICS_H
#define CRYOSTORM_METRICS_H

#include <cryostorm/attributes.h>
#include <cryostorm/value.h>

CRYO_BEGIN

typedef struct CryoInstrument CryoInstrument; /* the library's */
typedef struct CryoMeter CryoMeter;           /* who measures: a program or a library */

typedef struct CryoCounter { /* only grows: requests, bytes sent */
    CryoInstrument *instrument;
} CryoCounter;
typedef struct CryoUpDownCounter { /* grows and shrinks: what is open, queued, in use */
    CryoInstrument *instrument;
} CryoUpDownCounter;
typedef struct CryoHistogram { /* how values are spread: durations, sizes */
    CryoInstrument *instrument;
} CryoHistogram;
typedef struct CryoGauge { /* the last value counts: a temperature, a rating */
    CryoInstrument *instrument;
} CryoGauge;
typedef struct CryoObservable { /* asked at each collection */
    CryoInstrument *instrument;
} CryoObservable;

typedef enum CryoInstrumentKind {
    CRYO_COUNTER,
    CRYO_UP_DOWN_COUNTER,
    CRYO_HISTOGRAM,
    CRYO_GAUGE,
    CRYO_OBSERVABLE_COUNTER, /* the callback tells totals */
    CRYO_OBSERVABLE_UP_DOWN_COUNTER,
    CRYO_OBSERVABLE_GAUGE,
} CryoInstrumentKind;

typedef enum CryoNumberType { CRYO_INT64, CRYO_FLOAT64 } CryoNumberType;

/* -- Instruments --------------------------------------------------------------------------------
 *
 * A name is an ASCII letter followed by at most 254 letters, digits, and _ . - /; a unit has at
 * most 63 bytes. The same name (in any case), kind, number type, unit and description on the same
 * meter give the same instrument; if only some of them agree, both are exported and one line warns
 * of it. With a name that is not allowed, without memory, or beyond 4096 instruments the handle
 * does nothing, and one line says so. */
typedef struct CryoObserver CryoObserver;
typedef void (*CryoObserve)(void *context, CryoObserver *observer);

typedef struct CryoInstrumentOptions {
    const char *unit;        /* UCUM: "s", "By", "{request}" */
    const char *description; /* at most 4 KiB; the rest is cut */
    const CryoMeter *meter;  /* NULL: named after the service */
    /* Histograms: the upper bounds of the buckets, rising and finite, at most 1000. NULL: 0, 5, 10,
     * 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000; for seconds choose your own.
     * Not NULL and no bounds: no buckets. Bounds that are not in order are ignored, and one line
     * says so. */
    const double *bounds;
    size_t bound_count;
    /* Observables: this callback from now on, as with cryo_callback_add(). Where the instrument is
     * there already it is one more. */
    CryoObserve observe;
    void *context;
} CryoInstrumentOptions;

CRYO_API CryoInstrument *cryo_instrument(CryoInstrumentKind kind, CryoNumberType number,
                                         const char *name, const CryoInstrumentOptions *options);

/* The instrument with these attributes fixed. Attributes of a measurement come on top and win. */
CRYO_API CryoInstrument *cryo_instrument_bind(CryoInstrument *instrument, CryoAttrs attributes);

/* The meter of a library or part of a program. The same pair gives the same meter; version may be
 * NULL. Valid until the process ends, never NULL. At most 1024; then the service's is given. */
CRYO_API const CryoMeter *cryo_meter(const char *name, const char *version);

/* Integers, and with _double doubles. */
/* clang-format off */
#define CRYO_MAKER_(Type, function, kind, number)                                                  \
    static inline Type function(const char *name, const CryoInstrumentOptions *options)            \
    {                                                                                              \
        Type made = { cryo_instrument(kind, number, name, options) };                              \
        return made;                                                                               \
    }
CRYO_MAKER_(CryoCounter, cryo_counter, CRYO_COUNTER, CRYO_INT64)
CRYO_MAKER_(CryoCounter, cryo_counter_double, CRYO_COUNTER, CRYO_FLOAT64)
CRYO_MAKER_(CryoUpDownCounter, cryo_up_down_counter, CRYO_UP_DOWN_COUNTER, CRYO_INT64)
CRYO_MAKER_(CryoUpDownCounter, cryo_up_down_counter_double, CRYO_UP_DOWN_COUNTER, CRYO_FLOAT64)
CRYO_MAKER_(CryoHistogram, cryo_histogram, CRYO_HISTOGRAM, CRYO_INT64)
CRYO_MAKER_(CryoHistogram, cryo_histogram_double, CRYO_HISTOGRAM, CRYO_FLOAT64)
CRYO_MAKER_(CryoGauge, cryo_gauge, CRYO_GAUGE, CRYO_INT64)
CRYO_MAKER_(CryoGauge, cryo_gauge_double, CRYO_GAUGE, CRYO_FLOAT64)
CRYO_MAKER_(CryoObservable, cryo_observable_counter, CRYO_OBSERVABLE_COUNTER, CRYO_INT64)
CRYO_MAKER_(CryoObservable, cryo_observable_counter_double, CRYO_OBSERVABLE_COUNTER, CRYO_FLOAT64)
CRYO_MAKER_(CryoObservable, cryo_observable_up_down_counter, CRYO_OBSERVABLE_UP_DOWN_COUNTER,
            CRYO_INT64)
CRYO_MAKER_(CryoObservable, cryo_observable_up_down_counter_double,
            CRYO_OBSERVABLE_UP_DOWN_COUNTER, CRYO_FLOAT64)
CRYO_MAKER_(CryoObservable, cryo_observable_gauge, CRYO_OBSERVABLE_GAUGE, CRYO_INT64)
CRYO_MAKER_(CryoObservable, cryo_observable_gauge_double, CRYO_OBSERVABLE_GAUGE, CRYO_FLOAT64)

#define CRYO_BINDER_(Type, function)                                                               \
    static inline Type function(Type handle, CryoAttrs attributes)                                 \
    {                                                                                              \
        Type bound = { cryo_instrument_bind(handle.instrument, attributes) };                      \
        return bound;                                                                              \
    }
CRYO_BINDER_(CryoCounter, cryo_counter_bind)
CRYO_BINDER_(CryoUpDownCounter, cryo_up_down_counter_bind)
CRYO_BINDER_(CryoHistogram, cryo_histogram_bind)
CRYO_BINDER_(CryoGauge, cryo_gauge_bind)
/* clang-format on */

/* -- Measuring ----------------------------------------------------------------------------------
 *
 * In C:  cryo_counter_add(counter, value), cryo_counter_add(counter, value, attributes), and
 * likewise cryo_up_down_counter_add, cryo_histogram_record and cryo_gauge_set; the value's type
 * decides between integer and double. C++ calls the forms with _int and _double.
 *
 * An integer given to an instrument of doubles is converted, a double given to one of integers is
 * taken when it is whole; histograms take either. Refused and counted are: below zero for counters
 * and histograms, not finite except for gauges, a fraction for integers. Integers wrap around, as
 * they do in C. */
extern CRYO_API unsigned char cryo_metering; /* 0: nothing is measured; the library's, read only */

CRYO_API void cryo_measure_int(const CryoInstrument *instrument, int64_t value,
                               CryoAttrs attributes);
CRYO_API void cryo_measure_double(const CryoInstrument *instrument, double value,
                                  CryoAttrs attributes);

static inline CryoAttrs cryo_no_attributes(void)
{
    CryoAttrs none = { NULL, 0 };
    return none;
}

static inline bool cryo_metrics_enabled(void)
{
    return CRYO_RELAXED(cryo_metering) != 0;
}

/* clang-format off */
#define CRYO_MEASURER_(Type, function)                                                             \
    static inline const CryoInstrument *function##_of(Type handle)                                 \
    {                                                                                              \
        return handle.instrument;                                                                  \
    }                                                                                              \
    static inline void function##_int(Type handle, int64_t value, CryoAttrs attributes)            \
    {                                                                                              \
        if (CRYO_RELAXED(cryo_metering))                                                           \
            cryo_measure_int(handle.instrument, value, attributes);                                \
    }                                                                                              \
    static inline void function##_double(Type handle, double value, CryoAttrs attributes)          \
    {                                                                                              \
        if (CRYO_RELAXED(cryo_metering))                                                           \
            cryo_measure_double(handle.instrument, value, attributes);                             \
    }
CRYO_MEASURER_(CryoCounter, cryo_counter_add)
CRYO_MEASURER_(CryoUpDownCounter, cryo_up_down_counter_add)
CRYO_MEASURER_(CryoHistogram, cryo_histogram_record)
CRYO_MEASURER_(CryoGauge, cryo_gauge_set)
/* clang-format on */

static inline int64_t cryo_whole(int64_t value)
{
    return value;
}
static inline int64_t cryo_whole_unsigned(uint64_t value) /* beyond INT64_MAX it is that */
{
    return value <= INT64_MAX ? (int64_t)value : INT64_MAX;
}
static inline double cryo_real(double value)
{
    return value;
}

#ifndef __cplusplus
/* clang-format off */
#define cryo_counter_add(counter, ...)        CRYO_MEASURE_(cryo_counter_add, counter, __VA_ARGS__)
#define cryo_up_down_counter_add(counter, ...)                                                     \
    CRYO_MEASURE_(cryo_up_down_counter_add, counter, __VA_ARGS__)
#define cryo_histogram_record(histogram, ...)                                                      \
    CRYO_MEASURE_(cryo_histogram_record, histogram, __VA_ARGS__)
#define cryo_gauge_set(gauge, ...)            CRYO_MEASURE_(cryo_gauge_set, gauge, __VA_ARGS__)

/* ...: value, or value and attributes. */
#define CRYO_MEASURE_(function, handle, ...)                                                       \
    (CRYO_RELAXED(cryo_metering)                                                                   \
         ? CRYO_CALL_(function##_of(handle), CRYO_FIRST(__VA_ARGS__),                              \
                      CRYO_SECOND_(__VA_ARGS__, cryo_no_attributes(), 0))                          \
         : (void)0)
#define CRYO_CALL_(instrument, value, attributes)                                                  \
    _Generic((value), float: cryo_measure_double, double: cryo_measure_double,                     \
             default: cryo_measure_int)(instrument, CRYO_NUMBER_(value), attributes)
#define CRYO_NUMBER_(value)                                                                        \
    _Generic((value), float: cryo_real, double: cryo_real, unsigned long: cryo_whole_unsigned,     \
             unsigned long long: cryo_whole_unsigned, default: cryo_whole)(value)
#define CRYO_SECOND_(first, second, ...) second
/* clang-format on */
#endif

/* -- Observables --------------------------------------------------------------------------------
 *
 * A callback runs once per collection, on the thread that collects, and tells values there with
 * cryo_observe(observer, instrument, value) or (observer, instrument, value, attributes), for any
 * of the instruments that it was added for; it may call everything in these headers but start,
 * flush and shutdown, and should return soon. A set that it does not tell is not exported; told
 * twice, the last value counts. An observable counter or up-down counter is told its total.
 *
 * cryo_callback_add copies the list and gives a number for cryo_callback_remove, 0 where there is
 * no memory or there are 1024 already. After cryo_callback_remove has returned the callback does
 * not run and will not (from within the callback itself: will not again). */
CRYO_API uint64_t cryo_callback_add(CryoObserve observe, void *context,
                                    const CryoObservable *instruments, size_t count);
CRYO_API void cryo_callback_remove(uint64_t callback);

CRYO_API void cryo_observe_int(CryoObserver *observer, CryoObservable instrument, int64_t value,
                               CryoAttrs attributes);
CRYO_API void cryo_observe_double(CryoObserver *observer, CryoObservable instrument, double value,
                                  CryoAttrs attributes);

#ifndef __cplusplus
/* clang-format off */
#define cryo_observe(observer, instrument, ...)                                                    \
    CRYO_OBSERVE_(observer, instrument, CRYO_FIRST(__VA_ARGS__),                                   \
                  CRYO_SECOND_(__VA_ARGS__, cryo_no_attributes(), 0))
#define CRYO_OBSERVE_(observer, instrument, value, attributes)                                     \
    _Generic((value), float: cryo_observe_double, double: cryo_observe_double,                     \
             default: cryo_observe_int)(observer, instrument, CRYO_NUMBER_(value), attributes)
/* clang-format on */
#endif

/* -- What became of it --------------------------------------------------------------------------*/

typedef struct CryoMetricCounts { /* since the start */
    uint64_t collections;
    uint64_t exported;       /* data points, taken by every exporter */
    uint64_t failed;         /* data points, given up after retries, or refused */
    uint64_t refused;        /* measurements and observations with a value that is not allowed */
    uint64_t dropped_memory; /* measurements for which there was no memory */
    uint64_t misuses;        /* keys empty or too long, values told for the wrong instrument */
    uint64_t sets;           /* that are kept now, over all instruments */
} CryoMetricCounts;
CRYO_API void cryo_metric_counts(CryoMetricCounts *out);

CRYO_END

#endif
