/* clock_jump_test.c - a whole collector that was stopped for hours, and one whose wall clock is set
 * while it runs: forwards, backwards, in the middle of requests.
 *
 *   stopped (SIGSTOP, a debugger, a frozen machine)   both clocks are ahead at once
 *   suspended (a laptop), a wrong time server         only the wall clock is
 *
 * Requests that were under way may break, but are never refused; whoever comes afterwards is served
 * at once; nothing that was told OK is gone, though it is older than `max_age` by a clock that has
 * only just said so. Nothing spins: collector_turn() ends the test when a turn has no end.
 */
#include "support/collector.h"

#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define HOUR (3600 * NANOS_PER_SECOND)
#define DAY  (24 * HOUR)

static const char yaml[] =
    "receivers:\n"
    "  otlp:\n"
    "    acknowledge: delivered\n"
    "    protocols:\n"
    "      grpc:\n"
    "        endpoint: 127.0.0.1:4317\n"
    "        keepalive: { server_parameters: { time: 30s, timeout: 5s } }\n"
    "      http: { endpoint: 127.0.0.1:4318 }\n"
    "processors:\n"
    "  batch: { timeout: 20ms }\n"
    "exporters:\n"
    "  store: { store: store }\n"
    "  otlphttp:\n" /* nobody listens there: it waits for its next attempt */
    "    endpoint: http://127.0.0.1:4999\n"
    "    retry_on_failure: { initial_interval: 1s, max_interval: 30s, max_elapsed_time: 0s }\n"
    "extensions:\n"
    "  store: { directory: data, sync: always, reserve_bytes: 0, max_age: 12h }\n"
    "  health_check: { endpoint: 127.0.0.1:13133 }\n"
    "service:\n"
    "  extensions: [health_check, store]\n"
    "  pipelines:\n"
    "    traces: { receivers: [otlp], processors: [batch], exporters: [store] }\n"
    "    metrics: { receivers: [otlp], processors: [batch], exporters: [store] }\n"
    "    logs: { receivers: [otlp], processors: [batch], exporters: [otlphttp] }\n";

static const struct {
    const char *what;
    int64_t wall_ns, mono_ns;
} jumps[] = {
    { "stopped for 3 h", 3 * HOUR, 3 * HOUR },
    { "suspended for 3 h", 3 * HOUR, 0 },
    { "suspended for 10 days", 10 * DAY, 0 },
    { "a clock that is a year ahead", 365 * DAY, 0 },
    { "a clock that is a day behind", -DAY, 0 },
    { "a clock that is ten years behind", -3650 * DAY, 0 },
};

static void turn_until_answered(Collector *c, const char *what)
{
    for (int i = 0; i < 5000 && !collector_all_answered(c); i++)
        collector_turn(c);
    if (!collector_all_answered(c))
        fail_msg("%s: a request was never answered", what);
}

/* Traces and metrics, which are delivered at once. */
static void send_some(Collector *c, size_t count)
{
    for (size_t i = 0; i < count; i++)
        collector_send(c, i & 1 ? TRACES : METRICS, i & 2);
}

static void all_are_taken(Collector *c, const char *what)
{
    size_t from = collector_ask_count(c);
    send_some(c, 8);
    turn_until_answered(c, what);
    for (size_t i = from; i < collector_ask_count(c); i++)
        if (collector_ask(c, i)->verdict != VERDICT_YES)
            fail_msg("%s: request %zu: %d %s", what, i, collector_ask(c, i)->status,
                     collector_ask(c, i)->text);
}

static void none_is_refused(Collector *c, const char *what)
{
    for (size_t i = 0; i < collector_ask_count(c); i++)
        if (collector_ask(c, i)->verdict == VERDICT_NO && collector_ask(c, i)->signal != LOGS)
            fail_msg("%s: request %zu: %d %s", what, i, collector_ask(c, i)->status,
                     collector_ask(c, i)->text);
}

/* `turns`: how long the requests have been under way when it happens. */
static void live_through(size_t jump, int turns)
{
    Err err = { 0 };
    const char *what = jumps[jump].what;
    Collector *c = collector_new(jump * 100 + (size_t)turns, yaml);
    if (!collector_start(c, &err))
        fail_msg("%s", err.text);
    all_are_taken(c, what);
    collector_send(c, LOGS, false); /* for the exporter that waits */
    send_some(c, 4);
    for (int i = 0; i < turns; i++)
        collector_turn(c);
    collector_net(c)->clock.wall += jumps[jump].wall_ns;
    collector_net(c)->clock.mono += jumps[jump].mono_ns;
    turn_until_answered(c, what);
    for (int i = 0; i < 10; i++) {
        all_are_taken(c, what);
        test_clock_advance(&collector_net(c)->clock, 3 * NANOS_PER_SECOND);
        for (int k = 0; k < 10; k++)
            collector_turn(c);
    }
    none_is_refused(c, what);
    collector_get(c, "http://127.0.0.1:13133/");
    turn_until_answered(c, what);
    assert_int_equal(collector_ask(c, collector_ask_count(c) - 1)->status, 200);
    (void)collector_stop(c); /* the log records still wait */
    if (!collector_judge(c, CRASH_CUT, "data", &err))
        fail_msg("%s, after %d turns: %s", what, turns, err.text);
    collector_free(c);
}

static void jumps_are_lived_through(void **state)
{
    (void)state;
    size_t lives = 0;
    for (size_t i = 0; i < COUNT_OF(jumps); i++)
        for (int turns = 0; turns < 40; turns += turns < 8 ? 1 : 8, lives++)
            live_through(i, turns);
    print_message("counts: clocks: %zu jumps lived through\n", lives);
}

int main(void)
{
    log_set_level(LOG_OFF);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jumps_are_lived_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
