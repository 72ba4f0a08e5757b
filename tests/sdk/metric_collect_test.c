/* metric_collect_test.c - the numbers of a collection, by the rules of OpenTelemetry's metrics
 * specification: sums, last values and histograms, cumulative and delta, limits, observables. */
#include "sdk/kept_metrics.h"

#include "otlp/batch.h"
#include "otlp/encode.h"
#include "otlp/metric_view.h"
#include "sdk/metric_memory.h"
#include "support/starve.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const uint64_t begin_ns = (uint64_t)METRICS_EPOCH_S * NANOS_PER_SECOND;

static int cumulative(void **state)
{
    (void)state;
    metrics_begin(PREFER_CUMULATIVE, 0);
    messages_begin();
    return 0;
}
static int delta(void **state)
{
    (void)state;
    metrics_begin(PREFER_DELTA, 0);
    return 0;
}
static int stop(void **state)
{
    (void)state;
    metrics_end();
    metric_set_budget(0);
    return 0;
}

static int64_t integer_of(const char *name, CryoAttrs attributes)
{
    const CryoPointView *point = point_with(metric_named(name), attributes);
    assert_non_null(point);
    assert_int_equal(point->value.type, CRYO_INTEGER);
    return point->value.as.integer;
}

/* ---- sums and last values -------------------------------------------------------------------- */

static void sums_go_on_from_the_start(void **state)
{
    (void)state;
    CryoCounter counter = cryo_counter("sum.counter", NULL);
    CryoUpDownCounter open = cryo_up_down_counter("sum.open", NULL);
    CryoCounter real = cryo_counter_double("sum.real", NULL);
    assert_int_equal(metrics_collect()->count, 0); /* nothing was measured, so nothing is told */
    cryo_counter_add(counter, 5);
    cryo_counter_add(counter, 0);
    cryo_up_down_counter_add(open, 3);
    cryo_up_down_counter_add(open, -5);
    cryo_counter_add(real, 0.25);
    cryo_counter_add(real, 1);
    metrics_wait(10);
    metrics_collect();
    assert_int_equal(only_point("sum.counter")->value.as.integer, 5);
    assert_int_equal(only_point("sum.open")->value.as.integer, -2);
    assert_true(only_point("sum.real")->value.as.real == 1.25);
    assert_true(metric_named("sum.counter")->monotonic && !metric_named("sum.open")->monotonic);
    assert_int_equal(metric_named("sum.counter")->kind, CRYO_METRIC_SUM);
    assert_false(metric_named("sum.counter")->delta);
    assert_true(only_point("sum.counter")->time_ns == begin_ns + 10u * NANOS_PER_SECOND);
    uint64_t from = only_point("sum.counter")->start_ns;
    metrics_wait(10);
    metrics_collect(); /* unchanged, and told again */
    assert_int_equal(only_point("sum.counter")->value.as.integer, 5);
    assert_true(only_point("sum.counter")->start_ns == from);
    assert_true(only_point("sum.counter")->time_ns == begin_ns + 20u * NANOS_PER_SECOND);
}

static void deltas_tell_what_is_new(void **state)
{
    (void)state;
    CryoCounter counter = cryo_counter("delta.counter", NULL);
    CryoUpDownCounter open = cryo_up_down_counter("delta.open", NULL);
    CryoCounter real = cryo_counter_double("delta.real", NULL);
    cryo_counter_add(counter, 5);
    cryo_up_down_counter_add(open, 3);
    cryo_counter_add(real, 0.5);
    metrics_wait(10);
    metrics_collect();
    assert_true(metric_named("delta.counter")->delta && !metric_named("delta.open")->delta);
    assert_int_equal(only_point("delta.counter")->value.as.integer, 5);
    uint64_t first = only_point("delta.counter")->time_ns;
    metrics_wait(10);
    cryo_counter_add(counter, 0);
    cryo_counter_add(real, 0.25);
    metrics_collect();
    assert_int_equal(only_point("delta.counter")->value.as.integer, 0); /* touched */
    assert_true(only_point("delta.counter")->start_ns == first);
    assert_true(only_point("delta.real")->value.as.real == 0.25);
    assert_int_equal(only_point("delta.open")->value.as.integer, 3); /* cumulative, so again */
    metrics_wait(10);
    metrics_collect();
    assert_null(metric_named("delta.counter")); /* nothing since */
    assert_non_null(metric_named("delta.open"));
}

static void lowmemory_is_delta_where_nothing_must_be_kept(void **state)
{
    (void)state;
    metrics_end();
    metrics_begin(PREFER_LOWMEMORY, 0);
    cryo_counter_add(cryo_counter("low.counter", NULL), 1);
    cryo_histogram_record(cryo_histogram("low.histogram", NULL), 1);
    cryo_up_down_counter_add(cryo_up_down_counter("low.open", NULL), 1);
    metrics_collect();
    assert_true(metric_named("low.counter")->delta && metric_named("low.histogram")->delta);
    assert_false(metric_named("low.open")->delta);
}

static void the_last_value_of_a_gauge_counts(void **state)
{
    (void)state;
    CryoGauge gauge = cryo_gauge_double("gauge", NULL);
    CryoGauge whole = cryo_gauge("gauge.whole", NULL);
    cryo_gauge_set(gauge, 1.5, CRYO_ATTRS("room", "a"));
    cryo_gauge_set(gauge, 7, CRYO_ATTRS("room", "b"));
    metrics_wait(1);
    cryo_gauge_set(gauge, -2.5, CRYO_ATTRS("room", "a"));
    cryo_gauge_set(whole, -3);
    metrics_collect();
    const CryoMetricView *metric = metric_named("gauge");
    assert_int_equal(metric->kind, CRYO_METRIC_GAUGE);
    assert_true(point_with(metric, CRYO_ATTRS("room", "a"))->value.as.real == -2.5);
    assert_true(point_with(metric, CRYO_ATTRS("room", "b"))->value.as.real == 7);
    assert_int_equal(only_point("gauge.whole")->value.as.integer, -3);
    cryo_gauge_set(gauge, INFINITY, CRYO_ATTRS("room", "a")); /* a gauge may show it */
    metrics_collect();
    assert_true(isinf(point_with(metric_named("gauge"), CRYO_ATTRS("room", "a"))->value.as.real));
}

static void what_is_not_allowed_is_refused_and_counted(void **state)
{
    (void)state;
    CryoMetricCounts counts;
    CryoCounter whole = cryo_counter("refuse.whole", NULL);
    CryoCounter real = cryo_counter_double("refuse.real", NULL);
    CryoHistogram spread = cryo_histogram_double("refuse.spread", NULL);
    CryoUpDownCounter open = cryo_up_down_counter_double("refuse.open", NULL);
    cryo_counter_add(whole, -1);
    cryo_counter_add(whole, 1.5);
    cryo_counter_add(whole, 1e30);
    cryo_counter_add(real, -0.5);
    cryo_counter_add(real, NAN);
    cryo_counter_add(real, INFINITY);
    cryo_histogram_record(spread, -1);
    cryo_histogram_record(spread, NAN);
    cryo_histogram_record(spread, INFINITY);
    cryo_up_down_counter_add(open, -INFINITY);
    cryo_metric_counts(&counts);
    assert_int_equal(counts.refused, 10);
    assert_int_equal(metrics_collect()->count, 0);
    cryo_counter_add(whole, 2.0); /* whole, so taken */
    cryo_counter_add(real, 3);
    metrics_collect();
    assert_int_equal(only_point("refuse.whole")->value.as.integer, 2);
    assert_true(only_point("refuse.real")->value.as.real == 3);
}

static void integers_wrap_around(void **state)
{
    (void)state;
    CryoUpDownCounter counter = cryo_up_down_counter("wrap", NULL);
    cryo_up_down_counter_add(counter, INT64_MAX);
    cryo_up_down_counter_add(counter, 2);
    metrics_collect();
    assert_true(only_point("wrap")->value.as.integer == INT64_MIN + 1);
    CryoCounter bytes = cryo_counter("unsigned", NULL);
    cryo_counter_add(bytes, UINT64_MAX); /* more than an integer holds: the most it can */
    metrics_collect();
    assert_true(only_point("unsigned")->value.as.integer == INT64_MAX);
}

/* ---- histograms ------------------------------------------------------------------------------ */

static void a_bound_belongs_to_the_bucket_below(void **state)
{
    (void)state;
    static const double bounds[] = { 0,   5,   10,   25,   50,   75,   100,  250,
                                     500, 750, 1000, 2500, 5000, 7500, 10000 };
    CryoHistogram spread = cryo_histogram("histogram.bounds", NULL);
    static const int64_t values[] = { 0, 1, 5, 6, 10, 10000, 10001, 99999 };
    int64_t sum = 0;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        cryo_histogram_record(spread, values[i]);
        sum += values[i];
    }
    metrics_collect();
    const CryoPointView *point = only_point("histogram.bounds");
    static const uint64_t expected[16] = { 1, 2, 2, [14] = 1, [15] = 2 };
    assert_int_equal(point->count, 8);
    assert_true(point->has_sum && point->sum == (double)sum);
    assert_true(point->has_min && point->min == 0 && point->has_max && point->max == 99999);
    assert_int_equal(point->bound_count, 15);
    assert_int_equal(point->bucket_count, 16);
    assert_memory_equal(point->bounds, bounds, sizeof bounds);
    assert_memory_equal(point->bucket_counts, expected, sizeof expected);
}

static void a_delta_histogram_begins_anew(void **state)
{
    (void)state;
    static const double bounds[] = { 1, 2 };
    CryoHistogram spread =
        cryo_histogram_double("histogram.delta",
                              &(CryoInstrumentOptions){ .bounds = bounds, .bound_count = 2 });
    cryo_histogram_record(spread, 0.1);
    cryo_histogram_record(spread, 9);
    metrics_collect();
    assert_true(only_point("histogram.delta")->max == 9);
    cryo_histogram_record(spread, 1.5);
    metrics_collect();
    const CryoPointView *point = only_point("histogram.delta");
    assert_int_equal(point->count, 1);
    assert_true(point->sum == 1.5 && point->min == 1.5 && point->max == 1.5);
    static const uint64_t expected[] = { 0, 1, 0 };
    assert_memory_equal(point->bucket_counts, expected, sizeof expected);
    metrics_collect();
    assert_null(metric_named("histogram.delta"));
}

static void a_cumulative_histogram_goes_on(void **state)
{
    (void)state;
    CryoHistogram spread = cryo_histogram_double("histogram.cumulative", NULL);
    cryo_histogram_record(spread, 3);
    metrics_collect();
    cryo_histogram_record(spread, 7);
    metrics_collect();
    const CryoPointView *point = only_point("histogram.cumulative");
    assert_true(point->count == 2 && point->sum == 10 && point->min == 3 && point->max == 7);
}

/* ---- attributes ------------------------------------------------------------------------------ */

static void attributes_are_a_set(void **state)
{
    (void)state;
    CryoMetricCounts counts;
    const int64_t numbers[] = { 1, 2 };
    const CryoString words[] = { CRYO_STR("x"), CRYO_STR("\xFF") };
    CryoCounter counter = cryo_counter("sets", NULL);
    for (int i = 0; i < 3; i++) { /* the second time from the cache */
        cryo_counter_add(counter, 1, CRYO_ATTRS("a", 1, "b", "two", "c", CRYO_BOOL(1)));
        cryo_counter_add(counter, 1, CRYO_ATTRS("c", CRYO_BOOL(1), "a", 1, "b", "two"));
        cryo_counter_add(counter, 1, CRYO_ATTRS("a", 9, "c", CRYO_BOOL(1), "b", "two", "a", 1));
        cryo_counter_add(counter, 10, CRYO_ATTRS("a", 1.0, "b", "two", "c", CRYO_BOOL(1)));
        cryo_counter_add(counter, 100, CRYO_ATTRS("list", CRYO_ARRAY(numbers)));
        cryo_counter_add(counter, 1000, CRYO_ATTRS("words", CRYO_ARRAY(words)));
        cryo_counter_add(counter, 10000, CRYO_ATTRS("bad", "\xFF"));
        cryo_counter_add(counter, 10000, CRYO_ATTRS("bad", "\xFE"));
    }
    cryo_counter_add(counter, 7, CRYO_ATTRS("", 1));
    cryo_counter_add(counter, 1, CRYO_ATTRS("m", CRYO_MAP_OF("k", 1), "l", CRYO_ARRAY_OF(1, "x")));
    metrics_collect();
    const CryoString repaired[] = { CRYO_STR("x"), CRYO_STR("\xEF\xBF\xBD") };
    assert_int_equal(metric_named("sets")->point_count, 6);
    assert_int_equal(integer_of("sets", CRYO_ATTRS("a", 1, "b", "two", "c", CRYO_BOOL(1))), 9);
    assert_int_equal(integer_of("sets", CRYO_ATTRS("a", 1.0, "b", "two", "c", CRYO_BOOL(1))), 30);
    assert_int_equal(integer_of("sets", CRYO_ATTRS("list", CRYO_ARRAY(numbers))), 300);
    assert_int_equal(integer_of("sets", CRYO_ATTRS("words", CRYO_ARRAY(repaired))), 3000);
    assert_int_equal(integer_of("sets", CRYO_ATTRS("bad", "\xEF\xBF\xBD")), 60000);
    assert_int_equal(integer_of("sets", cryo_no_attributes()), 8);
    cryo_metric_counts(&counts);
    assert_int_equal(counts.misuses, 3);
    assert_int_equal(counts.sets, 6);
}

static void sets_that_look_alike_to_the_hash_are_told_apart(void **state)
{
    (void)state;
    char text[64];
    CryoCounter counter = cryo_counter("alike", NULL);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 200; i++) { /* equal ends, another middle; keys too */
            snprintf(text, sizeof text, "the same beginning %03d and the same end", i);
            cryo_counter_add(counter, 1, CRYO_ATTRS(text, 1));
            cryo_counter_add(counter, 1, CRYO_ATTRS("key", text));
        }
    metrics_collect();
    assert_int_equal(metric_named("alike")->point_count, 400);
    for (size_t i = 0; i < 400; i++)
        assert_int_equal(metric_named("alike")->points[i].value.as.integer, 2);
}

static const CryoAttrs *overflow_set(void)
{
    static CryoAttr list[1];
    static CryoAttrs attributes = { list, 1 };
    list[0] = (CryoAttr){ cryo_str("otel.metric.overflow"), cryo_boolean(true) };
    return &attributes;
}

static void beyond_the_limit_is_the_overflow_set(void **state)
{
    (void)state;
    CryoCounter counter = cryo_counter("overflow", NULL);
    for (int i = 0; i < 2000; i++)
        cryo_counter_add(counter, 1, CRYO_ATTRS("i", i));
    metrics_collect();
    assert_int_equal(metric_named("overflow")->point_count, 2000);
    assert_null(point_with(metric_named("overflow"), *overflow_set()));
    assert_int_equal(messages_with("as many sets of attributes as it may"), 0);
    for (int i = 1900; i < 2100; i++)
        cryo_counter_add(counter, 1, CRYO_ATTRS("i", i));
    cryo_counter_add(cryo_counter_bind(counter, CRYO_ATTRS("late", 1)), 50);
    metrics_collect();
    assert_int_equal(metric_named("overflow")->point_count, 2001);
    assert_int_equal(integer_of("overflow", *overflow_set()), 100 + 50);
    assert_int_equal(integer_of("overflow", CRYO_ATTRS("i", 1950)), 2); /* goes on */
    assert_int_equal(messages_with("as many sets of attributes as it may"), 1);
}

static void a_set_too_large_is_the_overflow_set_too(void **state)
{
    (void)state;
    static char large[SET_BYTES_MAX + 1];
    CryoAttr many[SET_ATTRIBUTES_MAX + 1];
    char keys[SET_ATTRIBUTES_MAX + 1][8];
    for (size_t i = 0; i <= SET_ATTRIBUTES_MAX; i++) {
        snprintf(keys[i], sizeof keys[i], "k%zu", i);
        many[i] = (CryoAttr){ cryo_str(keys[i]), cryo_integer(1) };
    }
    memset(large, 'x', sizeof large - 1);
    CryoCounter counter = cryo_counter("large", NULL);
    cryo_counter_add(counter, 1, CRYO_ATTRS("text", large));
    cryo_counter_add(counter, 2, ((CryoAttrs){ many, SET_ATTRIBUTES_MAX + 1 }));
    cryo_counter_add(counter, 4, ((CryoAttrs){ many, SET_ATTRIBUTES_MAX }));
    metrics_collect();
    assert_int_equal(metric_named("large")->point_count, 2);
    assert_int_equal(integer_of("large", *overflow_set()), 3);
}

/* ---- observables ----------------------------------------------------------------------------- */

typedef struct Source {
    CryoObservable counter, open, level, foreign;
    int64_t total;
    double value;
    int calls;
    bool silent;
} Source;

static void ask(void *context, CryoObserver *observer)
{
    Source *source = context;
    source->calls++;
    if (source->silent)
        return;
    cryo_observe(observer, source->counter, source->total, CRYO_ATTRS("cpu", 0));
    cryo_observe(observer, source->open, -source->total);
    cryo_observe(observer, source->level, 99.0);
    cryo_observe(observer, source->level, source->value); /* the last one counts */
    cryo_observe(observer, source->foreign, 1);
}

static Source source_make(void)
{
    return (Source){ .counter = cryo_observable_counter("observed.counter", NULL),
                     .open = cryo_observable_up_down_counter("observed.open", NULL),
                     .level = cryo_observable_gauge_double("observed.level", NULL),
                     .foreign = cryo_observable_gauge("observed.foreign", NULL),
                     .total = 10,
                     .value = 0.5 };
}

static void callbacks_run_once_per_collection(void **state)
{
    (void)state;
    CryoMetricCounts counts;
    Source source = source_make();
    CryoObservable watched[] = { source.counter, source.open, source.level };
    uint64_t callback = cryo_callback_add(ask, &source, watched, 3);
    assert_int_not_equal(callback, 0);
    metrics_collect();
    assert_int_equal(source.calls, 1);
    assert_int_equal(integer_of("observed.counter", CRYO_ATTRS("cpu", 0)), 10);
    assert_int_equal(only_point("observed.open")->value.as.integer, -10);
    assert_true(only_point("observed.level")->value.as.real == 0.5);
    assert_null(metric_named("observed.foreign")); /* the callback was not added for it */
    source.total = 25;
    metrics_collect();
    assert_int_equal(integer_of("observed.counter", CRYO_ATTRS("cpu", 0)), 25);
    source.silent = true;
    assert_int_equal(metrics_collect()->count, 0); /* not told, not exported */
    cryo_callback_remove(callback);
    cryo_callback_remove(callback);
    metrics_collect();
    assert_int_equal(source.calls, 3);
    cryo_metric_counts(&counts);
    assert_int_equal(counts.misuses, 2);
    assert_int_equal(counts.collections, 4);
}

static void deltas_of_observed_totals(void **state)
{
    (void)state;
    Source source = source_make();
    CryoObservable watched[] = { source.counter, source.open, source.level, source.foreign };
    assert_int_not_equal(cryo_callback_add(ask, &source, watched, 4), 0);
    static const int64_t totals[] = { 10, 25, 25, 7 }, deltas[] = { 10, 15, 0, 7 };
    for (size_t i = 0; i < 4; i++) {
        source.total = totals[i];
        metrics_wait(1);
        metrics_collect();
        assert_true(metric_named("observed.counter")->delta);
        assert_int_equal(integer_of("observed.counter", CRYO_ATTRS("cpu", 0)), deltas[i]);
        assert_int_equal(only_point("observed.open")->value.as.integer, -totals[i]);
    }
    source.silent = true; /* a pause, and then the difference to the total before it */
    metrics_collect();
    source.silent = false;
    source.total = 9;
    metrics_collect();
    assert_int_equal(integer_of("observed.counter", CRYO_ATTRS("cpu", 0)), 2);
}

static void many_sets(void *context, CryoObserver *observer)
{
    int *from = context;
    CryoObservable counter = cryo_observable_counter("observed.many", NULL);
    for (int i = 0; i < 5; i++)
        cryo_observe(observer, counter, 10, CRYO_ATTRS("i", *from + i));
}

static void sets_no_longer_told_make_room(void **state)
{
    (void)state;
    metrics_end();
    metrics_begin(PREFER_CUMULATIVE, 3);
    int from = 0;
    CryoInstrumentOptions options = { .observe = many_sets, .context = &from };
    CryoObservable counter = cryo_observable_counter("observed.many", &options);
    for (from = 0; from < 50; from += 5) {
        metrics_collect();
        const CryoMetricView *metric = metric_named("observed.many");
        assert_int_equal(metric->point_count, 4);
        assert_int_equal(integer_of("observed.many", CRYO_ATTRS("i", from + 2)), 10);
        assert_int_equal(integer_of("observed.many", *overflow_set()), 20);
    }
    cryo_measure_int(counter.instrument, 1, cryo_no_attributes()); /* only callbacks tell it */
    CryoMetricCounts counts;
    cryo_metric_counts(&counts);
    assert_int_equal(counts.misuses, 1);
}

typedef struct Reentrant {
    CryoObservable gauge;
    CryoCounter counter;
    uint64_t self, others;
    int calls;
} Reentrant;

static void changes_itself(void *context, CryoObserver *observer)
{
    Reentrant *it = context;
    it->calls++;
    cryo_observe(observer, it->gauge, it->calls);
    cryo_counter_add(it->counter, 1, CRYO_ATTRS("from", "a callback"));
    (void)cryo_counter("made.in.a.callback", NULL);
    it->others += cryo_callback_add(ask, NULL, &it->gauge, 1) != 0;
    cryo_callback_remove(it->self + (uint64_t)it->calls); /* the one just added: never runs */
    if (it->calls == 2)
        cryo_callback_remove(it->self);
    cryo_observe(observer, it->gauge, 10 * it->calls);
}

static void a_callback_may_use_the_library(void **state)
{
    (void)state;
    Reentrant it = { .gauge = cryo_observable_gauge("reentrant", NULL),
                     .counter = cryo_counter("reentrant.counter", NULL) };
    it.self = cryo_callback_add(changes_itself, &it, &it.gauge, 1);
    metrics_collect();
    metrics_collect();
    assert_int_equal(only_point("reentrant")->value.as.integer, 20);
    metrics_collect();
    assert_int_equal(it.calls, 2);
    assert_int_equal(it.others, 2);
    assert_int_equal(integer_of("reentrant.counter", CRYO_ATTRS("from", "a callback")), 2);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void beyond_the_budget_is_dropped_and_counted(void **state)
{
    (void)state;
    CryoMetricCounts counts;
    CryoHistogram spread = cryo_histogram("budget", NULL);
    cryo_histogram_record(spread, 1, CRYO_ATTRS("i", -1));
    metric_set_budget(200000);
    for (int i = 0; i < 1000; i++)
        cryo_histogram_record(spread, 1, CRYO_ATTRS("i", i));
    cryo_metric_counts(&counts);
    assert_in_range(counts.dropped_memory, 1, 999);
    metrics_collect();
    uint64_t recorded = 0;
    for (size_t i = 0; i < metric_named("budget")->point_count; i++)
        recorded += metric_named("budget")->points[i].count;
    assert_int_equal(recorded + counts.dropped_memory, 1001);
    cryo_histogram_record(spread, 1, CRYO_ATTRS("i", -1)); /* what is there goes on */
    metrics_collect();
    assert_int_equal(point_with(metric_named("budget"), CRYO_ATTRS("i", -1))->count, 2);
}

static int told;

static void tell_one(void *context, CryoObserver *observer)
{
    cryo_observe(observer, *(const CryoObservable *)context, ++told, CRYO_ATTRS("bad", "\xFF"));
}

/* Everything that a measurement, a callback and a collection allocate fails once. */
static void starved_run(void)
{
    CryoMetricCounts counts;
    Resource resource = { 0 };
    MetricBatch batch;
    Buf bytes = BUF(1 << 20);
    Err err;
    CryoObservable gauge = cryo_observable_gauge("starved.gauge", NULL);
    CryoHistogram spread = cryo_histogram("starved.histogram", NULL);
    metrics_begin(PREFER_DELTA, 0);
    uint64_t callback = cryo_callback_add(tell_one, &gauge, &gauge, 1);
    for (int i = 0; i < 100; i++)
        cryo_histogram_record(spread, 1, CRYO_ATTRS("i", i, "bad", "\xFF"));
    cryo_histogram_record(spread, 1);
    Arena *arena = arena_new(1 << 20, &err);
    if (arena && metric_collect(&(MetricSource){ .resource = &resource }, arena, &batch, &err)) {
        (void)!metric_batch_views(&batch, arena, &err);
        if (metric_batch_encode(&batch, &bytes, &err))
            assert_true(bytes.len > 0);
    }
    cryo_metric_counts(&counts);
    assert_true(counts.dropped_memory <= 3); /* what failed was one measurement, or none */
    cryo_callback_remove(callback);
    buf_free(&bytes);
    arena_free(arena);
    metrics_end();
}

static void no_memory_loses_no_more_than_it_must(void **state)
{
    (void)state;
    metrics_end();
    starve_after(-1);
    starved_run(); /* what lives as long as the process */
    assert_in_range(starve_every(starved_run), 50, 100000);
    metrics_begin(PREFER_CUMULATIVE, 0);
}

/* A collection that fails loses nothing: the next one has it. */
static void a_failed_collection_keeps_its_numbers(void **state)
{
    (void)state;
    Resource resource = { 0 };
    MetricBatch batch;
    Err err;
    CryoCounter counter = cryo_counter("kept.delta", NULL);
    for (int i = 0; i < 10; i++)
        cryo_counter_add(counter, 1, CRYO_ATTRS("i", i));
    Arena *small = arena_new(600, &err);
    assert_false(metric_collect(&(MetricSource){ .resource = &resource }, small, &batch, &err));
    arena_free(small);
    metrics_collect();
    assert_int_equal(metric_named("kept.delta")->point_count, 10);
    assert_int_equal(integer_of("kept.delta", CRYO_ATTRS("i", 9)), 1);
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static void check_bytes(const Batch *batch, const MetricBatch *from)
{
    size_t item = 0;
    assert_int_equal(batch_item_count(batch), from->point_count);
    for (size_t m = 0; m < from->count; m++) {
        MetricView metric = metric_view(batch, m);
        const CryoMetricView *want = &from->metrics[m];
        assert_true(str_eq(metric.name, (Str){ want->name.ptr, want->name.len }));
        assert_true(str_eq(metric.unit, (Str){ want->unit.ptr, want->unit.len }));
        assert_int_equal(metric.end_item - metric.first_item, want->point_count);
        for (size_t p = 0; p < want->point_count; p++, item++) {
            const CryoPointView *point = &want->points[p];
            if (want->kind == CRYO_METRIC_HISTOGRAM) {
                HistogramPointView got = histogram_point_view(batch, item);
                assert_int_equal(metric.kind, METRIC_HISTOGRAM);
                assert_true(got.count == point->count && got.sum == point->sum);
                assert_true(got.min == point->min && got.max == point->max);
                uint64_t buckets = 0, count, total = 0;
                while (numbers_next_u64(&got.bucket_counts, &count)) {
                    buckets++;
                    total += count;
                }
                assert_int_equal(buckets, point->bucket_count);
                assert_int_equal(total, point->count);
                assert_true(got.start_ns == point->start_ns && got.time_ns == point->time_ns);
                continue;
            }
            NumberPointView got = number_point_view(batch, item);
            assert_true(got.start_ns == point->start_ns && got.time_ns == point->time_ns);
            if (point->value.type == CRYO_INTEGER)
                assert_true(got.value.kind == NUMBER_INT &&
                            got.value.integer == point->value.as.integer);
            else
                assert_true(got.value.kind == NUMBER_DOUBLE &&
                            got.value.real == point->value.as.real);
        }
    }
}

static void the_bytes_say_the_same(void **state)
{
    (void)state;
    const CryoMeter *library = cryo_meter("library", "2");
    const CryoString words[] = { CRYO_STR("x"), CRYO_STR("y") };
    CryoInstrumentOptions theirs = { .unit = "By", .description = "theirs", .meter = library };
    CryoCounter counter = cryo_counter("bytes.counter", &theirs);
    CryoGauge gauge = cryo_gauge_double("bytes.gauge", NULL);
    CryoHistogram spread = cryo_histogram_double("bytes.histogram", NULL);
    cryo_counter_add(counter, 0, CRYO_ATTRS("a", 1, "b", CRYO_BOOL(0), "c", 0.5));
    cryo_counter_add(counter, 7, CRYO_ATTRS("words", CRYO_ARRAY(words)));
    cryo_gauge_set(gauge, 0.0);
    cryo_histogram_record(spread, 0.0);
    cryo_histogram_record(spread, 12.5, CRYO_ATTRS("text", "t"));
    const MetricBatch *from = metrics_collect();
    Buf bytes = BUF(1 << 20);
    Err err;
    assert_true(metric_batch_encode(from, &bytes, &err));
    Batch *batch = batch_from_copy(METRICS, buf_str(&bytes), &err);
    if (!batch)
        fail_msg("%s", err.text);
    assert_int_equal(batch_scope_count(batch), 2);
    MetricView first = metric_view(batch, 0);
    assert_int_equal(first.kind, METRIC_SUM);
    assert_int_equal(first.temporality, TEMPORALITY_CUMULATIVE);
    assert_true(first.is_monotonic);
    check_bytes(batch, from);
    batch_unref(batch);
    buf_free(&bytes);
}

static void views_outlive_their_batch(void **state)
{
    (void)state;
    Err err;
    Arena *arena = arena_new(1 << 20, &err);
    CryoHistogram spread =
        cryo_histogram("views",
                       &(CryoInstrumentOptions){ .unit = "ms", .description = "how long" });
    cryo_histogram_record(spread, 7, CRYO_ATTRS("key", "value"));
    const MetricBatch *batch = metrics_collect();
    const CryoMetricView *views = metric_batch_views(batch, arena, &err);
    assert_non_null(views);
    metrics_end(); /* everything that the batch pointed to is gone */
    assert_memory_equal(views->description.ptr, "how long", 8);
    assert_int_equal(views->points->attributes.count, 1);
    assert_memory_equal(views->points->attributes.ptr->value.as.string.ptr, "value", 5);
    assert_int_equal(views->points->bucket_counts[2], 1);
    assert_true(views->points->bounds[1] == 5);
    arena_free(arena);
    metrics_begin(PREFER_CUMULATIVE, 0);
}

int main(void)
{
#define CUMULATIVE_TEST(function) cmocka_unit_test_setup_teardown(function, cumulative, stop)
#define DELTA_TEST(function)      cmocka_unit_test_setup_teardown(function, delta, stop)
    const struct CMUnitTest tests[] = {
        CUMULATIVE_TEST(sums_go_on_from_the_start),
        DELTA_TEST(deltas_tell_what_is_new),
        DELTA_TEST(lowmemory_is_delta_where_nothing_must_be_kept),
        CUMULATIVE_TEST(the_last_value_of_a_gauge_counts),
        CUMULATIVE_TEST(what_is_not_allowed_is_refused_and_counted),
        CUMULATIVE_TEST(integers_wrap_around),
        CUMULATIVE_TEST(a_bound_belongs_to_the_bucket_below),
        DELTA_TEST(a_delta_histogram_begins_anew),
        CUMULATIVE_TEST(a_cumulative_histogram_goes_on),
        CUMULATIVE_TEST(attributes_are_a_set),
        CUMULATIVE_TEST(sets_that_look_alike_to_the_hash_are_told_apart),
        CUMULATIVE_TEST(beyond_the_limit_is_the_overflow_set),
        CUMULATIVE_TEST(a_set_too_large_is_the_overflow_set_too),
        CUMULATIVE_TEST(callbacks_run_once_per_collection),
        DELTA_TEST(deltas_of_observed_totals),
        CUMULATIVE_TEST(sets_no_longer_told_make_room),
        CUMULATIVE_TEST(a_callback_may_use_the_library),
        CUMULATIVE_TEST(beyond_the_budget_is_dropped_and_counted),
        CUMULATIVE_TEST(no_memory_loses_no_more_than_it_must),
        DELTA_TEST(a_failed_collection_keeps_its_numbers),
        CUMULATIVE_TEST(the_bytes_say_the_same),
        CUMULATIVE_TEST(views_outlive_their_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
