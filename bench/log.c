/* log.c - what log records cost the program that makes them, beside one reading of the clock.
 *
 * Timed like spans (span.c): in rounds that fit into the queue, the calling thread's part alone.
 */
#include "base/attributes.h"
#include "base/clock.h"
#include "support/harness.h"

#include <cryostorm/exporter.h>
#include <cryostorm/log.h>

#include <stdio.h>
#include <stdlib.h>

enum { RECORDS = 400, ROUNDS = 200 };

static void read_clock(void)
{
    bench_use((size_t)clock_mono_ns(clock_system()));
}

static void below_the_level(void)
{
    cryo_log(CRYO_DEBUG, "not wanted", CRYO_ATTRS("a", 1));
}

static void message(void)
{
    cryo_log(CRYO_INFO, "a message of some forty characters, or so");
}

static void with_attributes(void)
{
    cryo_log(CRYO_INFO, "order accepted",
             CRYO_ATTRS("item", "tea", "count", 3, "price", 4.5, "express", CRYO_BOOL(1)));
}

static void formatted(void)
{
    cryo_logf(CRYO_INFO, "order %d of %s", 42, "tea");
}

static void flush(void)
{
    (void)cryo_flush(10000, NULL);
}

static bool export_nothing(void *self, const CryoLogView *logs, size_t count, uint32_t timeout_ms,
                           CryoError *err)
{
    (void)self, (void)logs, (void)count, (void)timeout_ms, (void)err;
    return true;
}

int main(void)
{
    static const CryoExporterType nothing = { .size = sizeof nothing,
                                              .export_logs = export_nothing };
    static const struct {
        const char *name;
        void (*one)(void);
    } rows[] = { { "one reading of the clock (C)", read_clock },
                 { "log record: below the level", below_the_level },
                 { "log record: a message", message },
                 { "log record: four attributes", with_attributes },
                 { "log record: formatted", formatted } };
    CryoError error;
    CryoSettings settings = {
        .service.environment = "production",
        .env_file = "",
        .tracing.exporter_type = "none",
        .metrics.exporter_type = "none",
        .logging = { .exporter_type = "nothing",
                     .processor_type = "batch",
                     .max_queue_size = 2048,
                     .max_export_batch_size = 2048 },
    };
    if (!cryo_exporter_register("nothing", &nothing, NULL, &error) ||
        !cryo_start(&settings, &error)) {
        fprintf(stderr, "%s\n", error.text);
        return EXIT_FAILURE;
    }
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        row_print(
            &(Row){ rows[i].name, "ns",
                    bench_calls(&(BenchCalls){
                        .one = rows[i].one, .calls = RECORDS, .rounds = ROUNDS, .between = flush }),
                    NULL });
    CryoCounts counts;
    cryo_counts(&counts);
    cryo_shutdown(5000, NULL);
    return counts.logs_dropped_queue == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
