/* stepped_collector_test.c - a whole collector, from its configuration file to drained and stopped,
 * in which one thing fails: the n-th allocation, the n-th call to the disk, the n-th to the
 * network, for every n; once, or from then on.
 *
 * Whatever fails, the run ends: in an ordinary error or a correct life. Nothing crashes, every
 * acknowledgement is settled, every block of memory and every descriptor is given back, and what a
 * client was told to be delivered is on the disk after a power cut. Everything runs on one thread
 * and from one seed, so n meets every call there is; collector_fault_test.c is the same idea with
 * the store's own thread and real sockets.
 */
#include "support/collector.h"

#include "base/log.h"
#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

static const char yaml[] =
    "receivers:\n"
    "  otlp:\n"
    "    acknowledge: delivered\n"
    "    protocols:\n"
    "      grpc: { endpoint: 127.0.0.1:4317 }\n"
    "      http: { endpoint: 127.0.0.1:4318 }\n"
    "processors:\n"
    "  batch: { timeout: 20ms }\n"
    "  resource: { attributes: [ { key: seen, value: yes, action: upsert } ] }\n"
    "exporters:\n"
    "  debug: {}\n"
    "  store: { store: store }\n"
    "extensions:\n"
    "  store: { directory: data, sync: always, reserve_bytes: 0 }\n"
    "  health_check: { endpoint: 127.0.0.1:13133 }\n"
    "  page: { endpoint: 127.0.0.1:16686, store: store }\n"
    "service:\n"
    "  extensions: [health_check, page, store]\n"
    "  pipelines:\n"
    "    traces: { receivers: [otlp], processors: [resource, batch], exporters: [debug, store] }\n"
    "    metrics: { receivers: [otlp], processors: [batch], exporters: [debug, store] }\n"
    "    logs: { receivers: [otlp], processors: [batch], exporters: [store] }\n";

typedef enum Happened {
    STAYED_DOWN,
    GAVE_UP, /* the drain's deadline came before everything had settled */
    LIVED,
} Happened;

static void turn_until_answered(Collector *c)
{
    for (int i = 0; i < 5000 && !collector_all_answered(c); i++)
        collector_turn(c);
    assert_true(collector_all_answered(c)); /* at the latest by the clients' own time-outs */
}

/* One life: a request of each kind, then a question to each face. */
static Happened live(Collector *c)
{
    Err err = { 0 };
    if (!collector_start(c, &err)) {
        assert_true(err.kind != ERR_NONE && err.text[0]);
        return STAYED_DOWN;
    }
    collector_send(c, TRACES, false);
    collector_send(c, TRACES, true);
    collector_send(c, METRICS, false);
    collector_send(c, LOGS, true);
    turn_until_answered(c);
    collector_get(c, "http://127.0.0.1:13133/");
    collector_get(c, "http://127.0.0.1:16686/api/traces?service=shop&start=0");
    collector_get(c, "http://127.0.0.1:16686/api/cryo/status");
    turn_until_answered(c);
    return collector_stop(c) ? LIVED : GAVE_UP;
}

static void expect_perfect(Collector *c, Happened happened)
{
    assert_int_equal(happened, LIVED);
    for (size_t i = 0; i < collector_ask_count(c); i++)
        if (collector_ask(c, i)->verdict != VERDICT_YES)
            fail_msg("request %zu: %d %s", i, collector_ask(c, i)->status,
                     collector_ask(c, i)->text);
    assert_non_null(strstr(collector_ask(c, 4)->text, "Server available"));
    assert_non_null(strstr(collector_ask(c, 5)->text, "\"h0\""));
    assert_non_null(strstr(collector_ask(c, 5)->text, "\"g1\""));
}

static void expect_nothing_lost(Collector *c, const char *what, long n)
{
    Err err = { 0 };
    if (!collector_judge(c, CRASH_CUT, "data", &err))
        fail_msg("%s %ld failed: %s", what, n, err.text);
}

typedef struct Counts {
    long tried, stayed_down, gave_up;
} Counts;

static void count(Counts *counts, Happened happened, bool failed)
{
    counts->tried += failed;
    counts->stayed_down += happened == STAYED_DOWN;
    counts->gave_up += happened == GAVE_UP;
}

/* --- memory ---------------------------------------------------------------------------------- */

/* True: there was no n-th allocation any more. */
static bool starved_life(long n, void (*starve)(long), Counts *counts)
{
    starve_after(-1);
    long base = starve_live();
    Collector *c = collector_new(1, yaml);
    starve(n);
    Happened happened = live(c);
    bool over = !starve_happened();
    starve_end();
    if (over)
        expect_perfect(c, happened);
    expect_nothing_lost(c, "allocation", n);
    collector_free(c);
    if (starve_live() != base)
        fail_msg("allocation %ld failed: %ld blocks are left", n, starve_live() - base);
    count(counts, happened, !over);
    return over;
}

static void every_allocation_fails_once_or_from_then_on(void **state)
{
    (void)state;
    Counts once = { 0 }, forever = { 0 };
    for (long n = 0; !starved_life(n, starve_after, &once); n++)
        continue;
    assert_int_equal(once.gave_up, 0);
    for (long n = 0; !starved_life(n, starve_from, &forever); n++)
        continue;
    assert_true(once.tried > 100);
    print_message("counts: collector: each of %ld allocations failed once (%ld starts refused), "
                  "each of %ld and all behind it (%ld, and %ld drains given up)\n",
                  once.tried, once.stayed_down, forever.tried, forever.stayed_down,
                  forever.gave_up);
}

/* --- disk ------------------------------------------------------------------------------------ */

static bool broken_disk_life(DiskFault fault, Counts *counts)
{
    starve_after(-1);
    long base = starve_live();
    Collector *c = collector_new(1, yaml);
    test_disk_fail(collector_disk(c), fault);
    Happened happened = live(c);
    bool over = !test_disk_failed(collector_disk(c));
    if (over)
        expect_perfect(c, happened);
    expect_nothing_lost(c, "disk call", fault.after);
    collector_free(c);
    assert_int_equal(starve_live(), base);
    count(counts, happened, !over);
    return over;
}

static void every_disk_call_fails_once_or_from_then_on(void **state)
{
    (void)state;
    static const struct {
        int code;
        bool for_good;
    } ways[] = { { EIO, false }, { EIO, true }, { ENOSPC, false }, { ENOSPC, true } };
    Counts counts = { 0 };
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        DiskFault fault = { .calls = CALL_ANY, .code = ways[i].code, .for_good = ways[i].for_good };
        while (!broken_disk_life(fault, &counts))
            fault.after++;
        assert_true(fault.after > 10);
    }
    assert_int_equal(counts.gave_up, 0);
    print_message("counts: collector: %ld disk calls failed (EIO, ENOSPC, once and for good; "
                  "%ld starts refused)\n",
                  counts.tried, counts.stayed_down);
}

/* --- network --------------------------------------------------------------------------------- */

static bool broken_net_life(long n, Counts *counts)
{
    starve_after(-1);
    long base = starve_live();
    Collector *c = collector_new(1, yaml);
    collector_net(c)->faulty = true;
    collector_net(c)->fail_after = n;
    Happened happened = live(c);
    bool over = !collector_net(c)->failed;
    if (over)
        expect_perfect(c, happened);
    expect_nothing_lost(c, "network call", n);
    collector_free(c);
    assert_int_equal(starve_live(), base);
    count(counts, happened, !over);
    return over;
}

static void every_network_call_fails(void **state)
{
    (void)state;
    Counts counts = { 0 };
    for (long n = 0; !broken_net_life(n, &counts); n++)
        continue;
    assert_true(counts.tried > 20);
    assert_int_equal(counts.gave_up, 0);
    print_message("counts: collector: %ld network calls failed (%ld starts refused)\n",
                  counts.tried, counts.stayed_down);
}

int main(void)
{
    log_set_level(LOG_OFF);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_disk_call_fails_once_or_from_then_on),
        cmocka_unit_test(every_network_call_fails),
        cmocka_unit_test(every_allocation_fails_once_or_from_then_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
