/* span.c - what a span costs the program that makes it: off, unsampled, sampled, with attributes.
 *
 * C is one reading of the clock, which a sampled span needs twice and which no library can make
 * cheaper. The exporter takes everything and does nothing, so the worker thread, where there is a
 * core for it, costs the program only the hand-over. What the queue had to drop is said at the end:
 * this loop ends spans faster than any program does.
 */
#include "support/harness.h"

#include "base/clock.h"

#include <cryostorm/exporter.h>

#include <stdio.h>
#include <stdlib.h>

static void run_clock(void *context, size_t rounds)
{
    (void)context;
    int64_t sum = 0;
    for (size_t i = 0; i < rounds; i++)
        sum += clock_wall_ns(clock_system());
    bench_use((size_t)sum);
}

static void run_span(void *context, size_t rounds)
{
    (void)context;
    for (size_t i = 0; i < rounds; i++) {
        CryoSpan span = cryo_span_start("work", NULL);
        bench_use((size_t)span.generation);
        cryo_span_end(span);
    }
}

static void run_scope(void *context, size_t rounds)
{
    (void)context;
    for (size_t i = 0; i < rounds; i++) {
        CRYO_SPAN(span, "work");
        bench_use((size_t)span.generation);
    }
}

static void run_attributes(void *context, size_t rounds)
{
    (void)context;
    for (size_t i = 0; i < rounds; i++) {
        CRYO_SPAN(span, "work");
        cryo_span_set(span, CRYO_ATTRS("http.request.method", "GET", "url.path", "/basket/1234",
                                       "http.response.status_code", 200, "server.port", 8443,
                                       "server.address", "shop.example.org"));
        cryo_span_set(span, CRYO_ATTRS("cache.hit", CRYO_BOOL(i % 2 == 0), "items", i, "price",
                                       12.5, "currency", "EUR", "customer.tier", "gold"));
    }
}

static bool discard(void *self, const CryoSpanView *spans, size_t count, uint32_t timeout_ms,
                    CryoError *err)
{
    (void)self, (void)spans, (void)count, (void)timeout_ms, (void)err;
    return true;
}

/* One life of the library with these settings. */
static bool measure(const char *sampling, const char *plain, const char *scoped, const char *full)
{
    CryoError error;
    setenv("TRACING__EXPORTER_TYPE", "discard", 1);
    setenv("TRACING__SAMPLING_STRATEGY", sampling, 1);
    if (!cryo_start_from_env(&error)) {
        fprintf(stderr, "span: %s\n", error.text);
        return false;
    }
    bench(&(Bench){ .name = plain, .run = run_span, .items = 1 });
    bench(&(Bench){ .name = scoped, .run = run_scope, .items = 1 });
    bench(&(Bench){ .name = full, .run = run_attributes, .items = 1 });
    CryoCounts counts;
    bool stopped = cryo_shutdown(5000, &error);
    cryo_counts(&counts);
    printf("    %llu spans, %.0f %% of them dropped at the queue\n",
           (unsigned long long)counts.started,
           counts.started ? 100.0 * (double)counts.dropped_queue / (double)counts.started : 0.0);
    return stopped;
}

int main(void)
{
    static const CryoExporterType type = { .size = sizeof(type), .export_spans = discard };
    CryoError error;
    if (!cryo_exporter_register("discard", &type, NULL, &error)) {
        fprintf(stderr, "span: %s\n", error.text);
        return 1;
    }
    bench(&(Bench){ .name = "C: one reading of the clock", .run = run_clock, .items = 1 });
    bench(&(Bench){ .name = "off: start, end", .run = run_span, .items = 1 });
    bench(&(Bench){ .name = "off: scoped", .run = run_scope, .items = 1 });
    bool sound = measure("always_off", "unsampled: start, end", "unsampled: scoped",
                         "unsampled: scoped, 10 attributes") &&
                 measure("always_on", "sampled: start, end", "sampled: scoped",
                         "sampled: scoped, 10 attributes");
    return sound ? 0 : 1;
}
