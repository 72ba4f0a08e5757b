/* harness.c - see harness.h. */
#include "support/harness.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

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

void bench(const Bench *bench)
{
    size_t rounds = 1;
    int64_t best = time_of(bench, rounds); /* also warms up */
    while (best < BELIEVABLE_NS)
        best = time_of(bench, rounds *= 2);
    for (int i = 1; i < RUNS; i++) {
        int64_t again = time_of(bench, rounds);
        best = again < best ? again : best;
    }

    static const MemHook counting = { counting_grow, counting_release, NULL };
    allocations = 0;
    mem_set_hook(&counting);
    bench->run(bench->context, 1);
    mem_set_hook(NULL);

    double items = (double)(rounds * bench->items);
    printf("  %-34s %9.1f ns/item", bench->name, (double)best / items);
    if (bench->bytes)
        printf(" %8.0f MB/s", (double)(rounds * bench->bytes) * 1e3 / (double)best);
    else
        printf(" %13s", "");
    printf(" %8.3f allocations/item\n", (double)allocations / (double)bench->items);
}
