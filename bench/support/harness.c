/* harness.c - see harness.h. */
#include "support/harness.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BELIEVABLE_NS = 50000000, RUNS = 5 };

static size_t allocations;
static volatile size_t sink;

void bench_use(size_t value)
{
    sink = value;
}

static void *counting_grow(void *context, void *old, size_t size)
{
    (void)context;
    allocations++;
    return realloc(old, size);
}

static void counting_release(void *context, void *ptr)
{
    (void)context;
    free(ptr);
}

static int64_t time_of(const Bench *bench, size_t rounds)
{
    int64_t begin = clock_mono_ns(clock_system());
    bench->run(bench->context, rounds);
    return clock_mono_ns(clock_system()) - begin;
}

static size_t count_allocations(const Bench *bench)
{
    static const MemHook counting = { counting_grow, counting_release, NULL };
    allocations = 0;
    mem_set_hook(&counting);
    bench->run(bench->context, 1);
    mem_set_hook(NULL);
    return allocations;
}

void bench(const Bench *bench)
{
    size_t rounds = 1;
    double times[RUNS];
    int64_t first = time_of(bench, rounds); /* also warms up */
    while (first < BELIEVABLE_NS)
        first = time_of(bench, rounds *= 2);
    double items = (double)(rounds * bench->items);
    times[0] = (double)first / items;
    for (int i = 1; i < RUNS; i++)
        times[i] = (double)time_of(bench, rounds) / items;
    Spread spread = spread_of(times, RUNS);
    char note[160];
    int len = snprintf(note, sizeof note, "%.3f allocations",
                       (double)count_allocations(bench) / (double)bench->items);
    if (bench->bytes && len > 0)
        len += snprintf(note + len, sizeof note - (size_t)len, ", %.0f MB/s",
                        (double)bench->bytes / (double)bench->items * 1e3 / spread.median);
    if (bench->items == 1 && len > 0)
        len +=
            snprintf(note + len, sizeof note - (size_t)len, ", %.0f a second", 1e9 / spread.median);
    if (bench->floor && len > 0)
        snprintf(note + len, sizeof note - (size_t)len, ", floor: %s", bench->floor);
    row_print(&(Row){ bench->name, "ns", spread, note });
}

static int64_t now_ns(const BenchCalls *calls)
{
    struct timespec now;
    clock_gettime(calls->own_time ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &now);
    return now.tv_sec * NANOS_PER_SECOND + now.tv_nsec;
}

Spread bench_calls(const BenchCalls *calls)
{
    double each[BENCH_ROUNDS_MAX];
    for (size_t round = 0; round < calls->rounds; round++) {
        int64_t began = now_ns(calls);
        for (size_t i = 0; i < calls->calls; i++)
            calls->one();
        each[round] = (double)(now_ns(calls) - began) / (double)calls->calls;
        if (calls->between)
            calls->between();
    }
    return spread_of(each, calls->rounds);
}
