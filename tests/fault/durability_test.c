/* durability_test.c - power cuts under load, judged by what had been synced.
 *
 * A collector with `acknowledge: delivered` and the store's `sync: always` takes requests over HTTP
 * and gRPC through a bad network. At a moment that the seed chooses, between two callbacks or in
 * the middle of the disk's work, the power is cut: every file goes back to its synced length, or
 * (torn) every unsynced sector decides by itself. Then a store is opened on what is left: no item
 * that a client was told OK may be missing, now or after any later cut, and none may be there that
 * nobody sent. The next life goes on with that disk.
 *
 * Everything runs on one thread and from one seed; tests/crash does it with the store's own thread
 * and real sockets. The seed is a new one each time and is printed; CRYO_SEED=n in the environment
 * repeats a run.
 */
#include "support/collector.h"

#include "base/log.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MACHINES = 10, LIVES = 10, TURNS_MAX = 120, BURST_MAX = 4 };

static const char yaml[] =
    "receivers:\n"
    "  otlp:\n"
    "    acknowledge: delivered\n"
    "    protocols:\n"
    "      grpc: { endpoint: 127.0.0.1:4317 }\n"
    "      http: { endpoint: 127.0.0.1:4318 }\n"
    "processors:\n"
    "  batch: { timeout: 3ms, send_batch_size: 8, send_batch_max_size: 8 }\n"
    "exporters:\n"
    "  store: { store: store }\n"
    "extensions:\n"
    "  store: { directory: data, sync: always, segment_bytes: 64KiB, reserve_bytes: 0 }\n"
    "service:\n"
    "  extensions: [store]\n"
    "  pipelines:\n"
    "    traces: { receivers: [otlp], processors: [batch], exporters: [store] }\n"
    "    metrics: { receivers: [otlp], processors: [batch], exporters: [store] }\n"
    "    logs: { receivers: [otlp], processors: [batch], exporters: [store] }\n";

static uint64_t seed;

static void choose_seed(void)
{
    const char *given = getenv("CRYO_SEED");
    Random random;
    random_seed_from_system(&random);
    if (!given || !str_to_u64(str_from(given), &seed))
        seed = random_next(&random) % 1000000000;
}

static void choose_weather(Collector *c)
{
    collector_net(c)->reset_in = random_below(collector_random(c), 3) ? 0 : 500;
}

/* In half of the lives the disk dies in the middle of its work, some turns before the cut. */
static void choose_disk_death(Collector *c)
{
    Random *random = collector_random(c);
    if (random_below(random, 2))
        test_disk_fail(collector_disk(c), (DiskFault){ .calls = CALL_ANY,
                                                       .after = (long)random_below(random, 80),
                                                       .code = EIO,
                                                       .for_good = true });
}

static void load(Collector *c)
{
    static const Signal signals[] = { TRACES, METRICS, LOGS };
    Random *random = collector_random(c);
    choose_weather(c);
    choose_disk_death(c);
    size_t turns = 1 + (size_t)random_below(random, TURNS_MAX);
    for (size_t i = 0; i < turns; i++) {
        size_t burst = (size_t)random_below(random, BURST_MAX);
        for (size_t k = 0; k < burst && collector_ask_count(c) < ASKS_MAX; k++)
            collector_send(c, signals[random_below(random, 3)], random_below(random, 2));
        collector_turn(c);
    }
}

static void must_start(Collector *c)
{
    Err err = { 0 };
    if (!collector_start(c, &err))
        fail_msg("seed %llu: %s", (unsigned long long)seed, err.text);
}

static size_t told_yes(const Collector *c)
{
    size_t count = 0;
    for (size_t i = 0; i < collector_ask_count(c); i++)
        count += collector_ask(c, i)->verdict == VERDICT_YES;
    return count;
}

typedef struct Tally {
    size_t cuts, torn, requests, yes, open;
} Tally;

static void cut_and_judge(Collector *c, size_t machine, size_t life, Tally *tally)
{
    Err err = { 0 };
    DiskCrash how = random_below(collector_random(c), 2) ? CRASH_CUT : CRASH_TEAR;
    tally->cuts++;
    tally->torn += how == CRASH_TEAR;
    tally->open += !collector_all_answered(c);
    if (!collector_judge(c, how, "data", &err))
        fail_msg("machine %zu, life %zu: %s\n    again: CRYO_SEED=%llu", machine, life, err.text,
                 (unsigned long long)seed);
}

static void nothing_acknowledged_is_lost(void **state)
{
    (void)state;
    Tally tally = { 0 };
    for (size_t machine = 0; machine < MACHINES; machine++) {
        Collector *c = collector_new(seed + machine, yaml);
        for (size_t life = 0; life < LIVES; life++) {
            must_start(c);
            load(c);
            cut_and_judge(c, machine, life, &tally);
        }
        tally.requests += collector_ask_count(c);
        tally.yes += told_yes(c);
        collector_free(c);
    }
    assert_true(tally.yes > tally.requests / 10); /* a collector that takes nothing loses nothing */
    assert_true(tally.open > 0);
    print_message("counts: durability: %zu power cuts (%zu torn, %zu with requests under way), "
                  "%zu requests, %zu told OK, none lost; CRYO_SEED=%llu\n",
                  tally.cuts, tally.torn, tally.open, tally.requests, tally.yes,
                  (unsigned long long)seed);
}

/* --- the same seed, the same run ------------------------------------------------------------- */

static void write_down(Collector *c, Buf *out)
{
    for (size_t i = 0; i < collector_ask_count(c); i++) {
        const Ask *ask = collector_ask(c, i);
        buf_addf(out, "%zu %d %d %d %s\n", i, ask->is_grpc, (int)ask->verdict, ask->status,
                 ask->text);
    }
    buf_addf(out, "disk %llu net %llu\n", (unsigned long long)test_disk_calls(collector_disk(c)),
             (unsigned long long)collector_net(c)->hash);
}

static void run(uint64_t its_seed, Buf *out)
{
    Err err = { 0 };
    Collector *c = collector_new(its_seed, yaml);
    for (int life = 0; life < 3; life++) {
        must_start(c);
        load(c);
        assert_true(collector_judge(c, CRASH_TEAR, "data", &err));
        write_down(c, out);
    }
    collector_free(c);
}

static void the_same_seed_gives_the_same_run(void **state)
{
    (void)state;
    Buf first = BUF(8 << 20), again = BUF(8 << 20), other = BUF(8 << 20);
    run(seed, &first);
    run(seed, &again);
    run(seed + 1, &other);
    assert_false(first.failed || again.failed || other.failed);
    assert_true(str_eq(buf_str(&first), buf_str(&again)));
    assert_false(str_eq(buf_str(&first), buf_str(&other)));
    buf_free(&first);
    buf_free(&again);
    buf_free(&other);
}

int main(void)
{
    log_set_level(LOG_OFF);
    choose_seed();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_acknowledged_is_lost),
        cmocka_unit_test(the_same_seed_gives_the_same_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
