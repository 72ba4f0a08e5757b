/* metric_thread_test.c - measuring from many threads, threads that end, runs that begin and end
 * under load, fork. Runs under tsan. */
#include "sdk/kept_metrics.h"

#include "sdk/fork.h"
#include "sdk/metric_callback.h"

#include <cryostorm/telemetry.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { THREADS = 8, ROUNDS = 20000 };

static CryoCounter counter, real;
static CryoHistogram spread;
static CryoGauge gauge;
static atomic_bool over;

static int start(void **state)
{
    (void)state;
    counter = cryo_counter("threads.counter", NULL);
    real = cryo_counter_double("threads.real", NULL);
    spread = cryo_histogram("threads.histogram", NULL);
    gauge = cryo_gauge("threads.gauge", NULL);
    atomic_store(&over, false);
    metrics_begin(PREFER_CUMULATIVE, 0);
    return 0;
}
static int stop(void **state)
{
    (void)state;
    metrics_end();
    return 0;
}

static void measure_once(int i)
{
    cryo_counter_add(counter, 1);
    cryo_counter_add(real, 0.5);
    cryo_histogram_record(spread, i % 20);
    cryo_counter_add(counter, 1, CRYO_ATTRS("i", i % 10, "text", "abc"));
    cryo_gauge_set(gauge, i);
}

static void *measure(void *nothing)
{
    for (int i = 0; i < ROUNDS; i++)
        measure_once(i);
    return nothing;
}

static void *measure_until_over(void *nothing)
{
    for (int i = 0; !atomic_load(&over); i++)
        measure_once(i);
    return nothing;
}

static void all_begin(pthread_t *threads, void *(*run)(void *))
{
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run, NULL), 0);
}

static void all_end(pthread_t *threads)
{
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static void check_sums(uint64_t times)
{
    uint64_t by_attributes = 0, buckets = 0;
    assert_true((uint64_t)only_point("threads.counter")->value.as.integer == times);
    assert_true(only_point("threads.real")->value.as.real == 0.5 * (double)times);
    const CryoPointView *point = only_point("threads.histogram");
    for (size_t i = 0; i < point->bucket_count; i++)
        buckets += point->bucket_counts[i];
    assert_true(point->count == times && buckets == times);
    for (int i = 0; i < 10; i++)
        by_attributes +=
            (uint64_t)point_with(metric_named("threads.counter"), CRYO_ATTRS("i", i, "text", "abc"))
                ->value.as.integer;
    assert_true(by_attributes == times);
    assert_non_null(metric_named("threads.gauge"));
}

static void many_threads_lose_nothing(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    all_begin(threads, measure);
    uint64_t before = 0;
    for (int i = 0; i < 20; i++) { /* meanwhile */
        metrics_collect();
        const CryoPointView *point =
            point_with(metric_named("threads.histogram"), cryo_no_attributes());
        uint64_t buckets = 0;
        for (size_t k = 0; point && k < point->bucket_count; k++)
            buckets += point->bucket_counts[k];
        assert_true(!point || (point->count == buckets && point->count >= before));
        before = point ? point->count : 0;
    }
    all_end(threads);
    metrics_collect();
    check_sums((uint64_t)THREADS * ROUNDS);
    all_begin(threads, measure); /* in the places of those that ended */
    all_end(threads);
    metrics_collect();
    check_sums(2ull * THREADS * ROUNDS);
}

static void deltas_add_up(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    uint64_t sum = 0, count = 0;
    double doubles = 0;
    metrics_end();
    metrics_begin(PREFER_DELTA, 0);
    all_begin(threads, measure);
    for (int i = 0; i < 50; i++) {
        if (i == 49)
            all_end(threads);
        metrics_collect();
        CryoAttrs none = cryo_no_attributes();
        const CryoPointView *point = point_with(metric_named("threads.counter"), none);
        sum += point ? (uint64_t)point->value.as.integer : 0;
        point = point_with(metric_named("threads.real"), none);
        doubles += point ? point->value.as.real : 0;
        point = point_with(metric_named("threads.histogram"), none);
        count += point ? point->count : 0;
    }
    assert_true(sum == (uint64_t)THREADS * ROUNDS && count == sum);
    assert_true(doubles == 0.5 * (double)sum);
}

static void runs_begin_and_end_under_load(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    all_begin(threads, measure_until_over);
    for (int i = 0; i < 30; i++) {
        metrics_collect();
        metrics_end();
        metrics_begin_again(i % 2 ? PREFER_DELTA : PREFER_CUMULATIVE, 0);
    }
    atomic_store(&over, true);
    all_end(threads);
    metrics_end();
    metrics_begin(PREFER_CUMULATIVE, 0); /* nothing of an earlier run is in this one */
    metrics_collect();
    assert_null(metric_named("threads.counter"));
    measure_once(0);
    metrics_collect();
    assert_int_equal(only_point("threads.counter")->value.as.integer, 1);
}

static _Atomic int running;

static void slow_observation(void *context, CryoObserver *observer)
{
    (void)observer;
    atomic_fetch_add(&running, 1);
    for (int i = 0; i < 2000; i++)
        measure_once(i);
    *(volatile int *)context += 1; /* gone once the callback is removed */
    atomic_fetch_sub(&running, 1);
}

static void *add_and_remove(void *nothing)
{
    CryoObservable watched = cryo_observable_gauge("threads.watched", NULL);
    for (int i = 0; i < 200; i++) {
        int calls = 0;
        uint64_t callback = cryo_callback_add(slow_observation, &calls, &watched, 1);
        cryo_callback_remove(callback);
        assert_true(calls >= 0);
    }
    atomic_store(&over, true);
    return nothing;
}

static void a_removed_callback_does_not_run(void **state)
{
    (void)state;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, add_and_remove, NULL), 0);
    while (!atomic_load(&over))
        metrics_collect();
    pthread_join(thread, NULL);
    assert_int_equal(atomic_load(&running), 0);
}

enum { CHILD_FINE = 7 };

#define CHECK(condition)                                                   \
    do {                                                                   \
        if (!(condition)) {                                                \
            fprintf(stderr, "child: line %d: %s\n", __LINE__, #condition); \
            _exit(1);                                                      \
        }                                                                  \
    } while (0)

static void be_the_child(void)
{
    metrics_wait(5);
    metrics_collect();
    CHECK(metric_named("threads.counter") == NULL); /* what was measured is the parent's */
    measure_once(0);
    metrics_collect();
    const CryoMetricView *metric = metric_named("threads.counter");
    CHECK(metric && metric->point_count == 2);
    const CryoPointView *point = point_with(metric, cryo_no_attributes());
    CHECK(point && point->value.as.integer == 1);
    CHECK(point->start_ns > (uint64_t)METRICS_EPOCH_S * NANOS_PER_SECOND);
    _exit(CHILD_FINE);
}

static void a_child_begins_at_zero(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    int status;
    fork_watch();
    measure_once(0);
    metrics_wait(5);
    all_begin(threads, measure_until_over); /* in the middle of things */
    pid_t child = fork();
    if (child == 0)
        be_the_child();
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), CHILD_FINE);
    atomic_store(&over, true);
    all_end(threads);
    metrics_collect();
    assert_true(only_point("threads.counter")->value.as.integer >= 1);
    assert_true(only_point("threads.counter")->start_ns ==
                (uint64_t)METRICS_EPOCH_S * NANOS_PER_SECOND);
}

int main(void)
{
#define THREAD_TEST(function) cmocka_unit_test_setup_teardown(function, start, stop)
    const struct CMUnitTest tests[] = {
        THREAD_TEST(many_threads_lose_nothing),     THREAD_TEST(deltas_add_up),
        THREAD_TEST(runs_begin_and_end_under_load), THREAD_TEST(a_removed_callback_does_not_run),
        THREAD_TEST(a_child_begins_at_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
