/* metric.c - what a measurement costs the program that makes it.
 *
 * Bars: a bound add at most 3 ns and flat across threads, an add with three attributes at most 25.
 * Times are the thread's own, also where several measure at the same time.
 */
#include "base/attributes.h"
#include "base/clock.h"
#include "base/thread.h"
#include "support/harness.h"

#include <cryostorm/exporter.h>
#include <cryostorm/metrics.h>

#include <stdio.h>
#include <stdlib.h>

enum { CALLS = 20000, ROUNDS = 101, THREADS_MAX = 8, SETS = 2000 };

static CryoCounter counter, bound, real;
static CryoHistogram spread;
static CryoGauge gauge;
static const char *volatile route = "/basket/{id}"; /* not known when it is compiled */

#define REPEAT(what)                  \
    for (int i = 0; i < CALLS; i++) { \
        what;                         \
    }

static void add_bound(void)
{
    REPEAT(cryo_counter_add(bound, 1))
}
static void add_double(void)
{
    REPEAT(cryo_counter_add(real, 1.5))
}
static void add_three(void)
{
    CryoString path = cryo_str(route);
    REPEAT(cryo_counter_add(counter, 1,
                            CRYO_ATTRS("http.request.method", "GET", "http.route", path,
                                       "http.response.status_code", 200)))
}
static void add_many_sets(void)
{
    REPEAT(cryo_counter_add(counter, 1,
                            CRYO_ATTRS("http.request.method", "GET", "shard", i % 100,
                                       "http.response.status_code", 200)))
}
static void record_bound(void)
{
    REPEAT(cryo_histogram_record(spread, i % 1000))
}
static void set_bound(void)
{
    REPEAT(cryo_gauge_set(gauge, i))
}

typedef struct Measured {
    void (*run)(void);
    Spread spread;
} Measured;

static Spread each(Spread of, double count)
{
    return (Spread){ of.median / count, of.low / count, of.high / count };
}

static void measure(void *argument)
{
    Measured *measured = argument;
    measured->run(); /* what is new is made */
    measured->spread =
        each(bench_calls(&(BenchCalls){
                 .one = measured->run, .calls = 1, .rounds = ROUNDS, .own_time = 1 }),
             CALLS);
}

static void print(const char *name, void (*run)(void), const char *floor)
{
    Measured measured = { .run = run };
    measure(&measured);
    row_print(&(Row){ name, "ns", measured.spread, floor });
}

/* The median thread: they run at the same time, on as many processors as there are. */
static void print_threads(const char *name, void (*run)(void), size_t count, const char *floor)
{
    Thread threads[THREADS_MAX] = { 0 };
    Measured measured[THREADS_MAX];
    double medians[THREADS_MAX];
    char row[64];
    Err err;
    for (size_t i = 0; i < count; i++) {
        measured[i] = (Measured){ .run = run };
        if (!thread_start(&threads[i], "bench", measure, &measured[i], &err))
            exit(1);
    }
    for (size_t i = 0; i < count; i++) {
        thread_join(&threads[i]);
        medians[i] = measured[i].spread.median;
    }
    snprintf(row, sizeof row, "%s, %zu threads", name, count);
    row_print(&(Row){ row, "ns", spread_of(medians, count), floor });
}

static bool take(void *self, const CryoMetricView *metrics, size_t count, uint32_t timeout_ms,
                 CryoError *err)
{
    (void)self, (void)metrics, (void)count, (void)timeout_ms, (void)err;
    return true;
}

static void start(void)
{
    CryoError error;
    const CryoExporterType nothing = { .size = sizeof nothing, .export_metrics = take };
    CryoSettings settings = { .env_file = "",
                              .tracing.enabled = CRYO_OFF,
                              .logging.enabled = CRYO_OFF,
                              .metrics.exporter_type = "nothing" };
    if (cryo_exporter_register("nothing", &nothing, NULL, &error) && cryo_start(&settings, &error))
        return;
    fprintf(stderr, "metric: %s\n", error.text);
    exit(1);
}

static void collect(void)
{
    (void)cryo_flush(10000, NULL);
}

static void print_collection(void)
{
    CryoCounter wide = cryo_counter("wide", NULL);
    for (int i = 0; i < SETS; i++)
        cryo_counter_add(wide, 1, CRYO_ATTRS("i", i, "http.request.method", "GET"));
    Spread all = bench_calls(&(BenchCalls){ .one = collect, .calls = 1, .rounds = ROUNDS });
    row_print(&(Row){ "counter: collect and show 2000 sets, each", "ns", each(all, SETS), NULL });
}

int main(void)
{
    counter = cryo_counter("counter", NULL);
    bound = cryo_counter_bind(counter, CRYO_ATTRS("http.request.method", "GET"));
    real = cryo_counter_double("real", NULL);
    spread = cryo_histogram("spread", NULL);
    gauge = cryo_gauge("gauge", NULL);
    print("counter: library off, add, 3 attributes", add_three, "floor: 2");
    start();
    print("counter: add, bound", add_bound, "floor: 3");
    for (size_t threads = 2; threads <= THREADS_MAX; threads *= 2)
        print_threads("counter: add, bound", add_bound, threads, "floor: 3");
    print("counter: add, bound, double", add_double, NULL);
    print("counter: add, 3 attributes", add_three, "floor: 25");
    for (size_t threads = 2; threads <= THREADS_MAX; threads *= 2)
        print_threads("counter: add, 3 attributes", add_three, threads, "floor: 25");
    print("counter: add, 3 attributes, 100 sets in turn", add_many_sets, NULL);
    print("histogram: record, bound, 15 bounds", record_bound, NULL);
    print("gauge: set, bound", set_bound, NULL);
    print_collection();
    cryo_shutdown(1000, NULL);
    return 0;
}
