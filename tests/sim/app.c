/* app.c - the application: it makes spans and log lines, waits, flushes, and shuts down in the end;
 * see world.h. The library in it is the real one, without its thread: the application ticks. */
#include "sim/fiber.h"
#include "sim/world.h"

#include <cryostorm/log.h>
#include <cryostorm/telemetry.h>
#include <cryostorm/tick.h>
#include <cryostorm/trace.h>

#include <stdio.h>
#include <stdlib.h>

enum { FLUSH_MS = 2000, LAST_TRIES = 5, LAST_MS = 20000 };

/* It ticks in each turn of the world: who waits longer than the library asked for only waits. */
static void sleep_ms(const App *app, uint64_t ms)
{
    const TestClock *clock = &app->world->net->clock;
    int64_t until = clock->mono + (int64_t)ms * NANOS_PER_MILLI;
    do {
        (void)cryo_tick();
        fiber_wait();
    } while (clock->mono < until);
}

static void quiet(void *context, CryoLogLevel level, CryoString message)
{
    (void)context, (void)level, (void)message;
}

static void make_span(App *app)
{
    char name[32], pad[PADDING_MAX + 1];
    snprintf(name, sizeof name, "s%llu", (unsigned long long)app->spans);
    padding('s', app->spans++, pad);
    CryoSpan span = cryo_span_start_with(
        &(CryoSpanOptions){ .name = name, .attributes = CRYO_ATTRS("pad", (const char *)pad) });
    cryo_span_end(span);
}

static void make_line(App *app)
{
    char line[32], pad[PADDING_MAX + 1];
    snprintf(line, sizeof line, "l%llu", (unsigned long long)app->logs);
    padding('l', app->logs++, pad);
    cryo_log_record(&(CryoLogRecord){ .severity = CRYO_INFO,
                                      .body = cryo_text(line),
                                      .attributes = CRYO_ATTRS("pad", (const char *)pad) });
}

static void app_main(void *argument)
{
    App *app = argument;
    while (!app->finish) {
        uint64_t burst = random_below(&app->random, app->rate + 1);
        for (uint64_t i = 0; i < burst && app->spans < APP_ITEMS_MAX; i++)
            make_span(app);
        burst = random_below(&app->random, app->rate + 1) / 2;
        for (uint64_t i = 0; i < burst && app->logs < APP_ITEMS_MAX; i++)
            make_line(app);
        if (random_below(&app->random, 30) == 0)
            (void)cryo_flush(1 + (uint32_t)random_below(&app->random, FLUSH_MS), NULL);
        sleep_ms(app, random_below(&app->random, 40));
    }
    for (int i = 0; i < LAST_TRIES && !cryo_flush(FLUSH_MS, NULL); i++)
        sleep_ms(app, 500);
    (void)cryo_shutdown(LAST_MS, NULL);
    app->ended = true;
}

void app_begin(World *world)
{
    App *app = &world->app;
    char endpoints[2][64];
    app->world = world;
    random_seed(&app->random, random_next(&world->random));
    for (int i = 0; i < 2; i++) {
        bool grpc = app->protocol[0] == 'g';
        snprintf(endpoints[i], sizeof endpoints[i], "http://127.0.0.1:%d%s", app->port,
                 grpc ? ""
                 : i  ? "/v1/logs"
                      : "/v1/traces");
    }
    CryoExportSettings exports = { .batch_size = app->batch_size,
                                   .schedule_delay_millis = app->delay_ms,
                                   .timeout_millis = app->timeout_ms };
    CryoOtlpSettings otlp = { .endpoint = endpoints[0],
                              .protocol = app->protocol,
                              .compression = app->compression,
                              .timeout_millis = app->timeout_ms };
    CryoSettings settings = { .service = { .name = "app", .environment = "production" },
                              .enable_metrics = CRYO_OFF,
                              .enable_worker_thread = CRYO_OFF,
                              .env_file = "" };
    settings.tracing = (CryoTracingSettings){ .exporter_type = "otlp",
                                              .otlp = otlp,
                                              .export_config = exports,
                                              .max_queue_size = app->queue_size };
    otlp.endpoint = endpoints[1];
    settings.logging = (CryoLoggingSettings){ .exporter_type = "otlp",
                                              .processor_type = "batch",
                                              .otlp = otlp,
                                              .export_config = exports,
                                              .max_queue_size = app->queue_size };
    cryo_set_log_handler(quiet, NULL);
    CryoError error;
    if (!cryo_start(&settings, &error)) {
        fprintf(stderr, "%s\n", error.text);
        abort();
    }
    app->begun = true;
    fiber_begin(app_main, app);
}
