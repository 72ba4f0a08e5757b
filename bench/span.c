/* span.c - what spans cost the program that makes them, beside one reading of the clock they use.
 *
 * Spans are timed in rounds that fit into the queue and exported between rounds, untimed: what is
 * measured is the calling thread's part. The best round counts, because whatever else the machine
 * does only ever adds time.
 */
#include "base/attributes.h"
#include "base/clock.h"
#include "support/harness.h"

#include <cryostorm/exporter.h>

#include <stdio.h>
#include <stdlib.h>

enum { SPANS = 500, ROUNDS = 400 };

static void read_clock(void)
{
    bench_use((size_t)clock_mono_ns(clock_system()));
}

static void scoped(void)
{
    CRYO_SPAN(span, "scoped");
    bench_use((size_t)span.generation);
}

static void handle(void)
{
    cryo_span_end(cryo_span_start("handle", NULL));
}

static void with_attributes(void)
{
    CRYO_SPAN(span, "attributes");
    cryo_span_set(span, CRYO_ATTRS("http.request.method", "GET", "url.path", "/basket/1234",
                                   "http.response.status_code", 200, "http.route", "/basket/{id}",
                                   "server.port", 8080, "server.address", "shop.example", "user.id",
                                   42, "cache.hit", CRYO_BOOL(1), "ratio", 0.5,
                                   "network.protocol.version", "1.1"));
}

static void with_event(void)
{
    CRYO_SPAN(span, "event");
    cryo_span_event(span, "rendered", CRYO_ATTRS("rows", 12));
}

static double best_ns(void (*one)(void))
{
    Clock *clock = clock_system();
    double best = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        int64_t began = clock_mono_ns(clock);
        for (int i = 0; i < SPANS; i++)
            one();
        double each = (double)(clock_mono_ns(clock) - began) / SPANS;
        best = each < best ? each : best;
        (void)cryo_flush(10000, NULL);
    }
    return best;
}

static void print(const char *name, double ns)
{
    printf("%-44s %8.1f ns\n", name, ns);
}

static bool take(void *self, const CryoSpanView *spans, size_t count, uint32_t timeout_ms,
                 CryoError *err)
{
    (void)self, (void)spans, (void)count, (void)timeout_ms, (void)err;
    return true;
}

static void start(const char *sampler)
{
    CryoError error;
    CryoSettings settings = {
        .env_file = "",
        .tracing = { .exporter_type = "nothing",
                     .sampling_strategy = sampler,
                     .max_queue_size = 2 * SPANS,
                     .export_config = { .batch_size = 2 * SPANS,
                                        .schedule_delay_millis = 100000 } },
    };
    if (cryo_start(&settings, &error))
        return;
    fprintf(stderr, "span: %s\n", error.text);
    exit(1);
}

int main(void)
{
    const CryoExporterType nothing = { .size = sizeof nothing, .export_spans = take };
    print("one reading of the clock (C)", best_ns(read_clock));
    print("off: CRYO_SPAN", best_ns(scoped));
    print("off: CRYO_SPAN and 10 attributes", best_ns(with_attributes));
    if (!cryo_exporter_register("nothing", &nothing, NULL, NULL))
        return 1;
    start("always_off");
    print("unsampled: CRYO_SPAN", best_ns(scoped));
    cryo_shutdown(1000, NULL);
    start("always_on");
    double bare = best_ns(scoped);
    print("sampled: CRYO_SPAN", bare);
    print("sampled: start and end by handle", best_ns(handle));
    print("sampled: 10 attributes, on top", best_ns(with_attributes) - bare);
    print("sampled: an event with 1 attribute, on top", best_ns(with_event) - bare);
    CryoCounts counts;
    cryo_counts(&counts);
    if (counts.dropped_queue || counts.dropped_memory)
        printf("spans were dropped: the numbers above do not count\n");
    cryo_shutdown(1000, NULL);
    return 0;
}
