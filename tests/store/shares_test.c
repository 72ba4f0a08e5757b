/* One budget of memory and disk for three schemas: whoever is alone has all of it, whoever comes
 * gets a share, and a quiet one keeps what it has. */
#include "store/log_scan.h"
#include "store/series_scan.h"
#include "support/make_spans.h"
#include "support/store_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void put_spans(StoreRig *rig, int number)
{
    char line[400];
    snprintf(line, sizeof line, "trace=%x name=n start=+%dms @text=\"x%0200d\"", number + 1, number,
             number);
    assert_true(store_rig_put(rig, make_spans(str_from(line), &rig->err)));
}

static void put_record(StoreRig *rig, int number)
{
    char json[512];
    snprintf(json, sizeof json,
             "{'resourceLogs':[{'scopeLogs':[{'logRecords':[{'body':{'stringValue':'%0200d'}}]}]}]"
             "}",
             number);
    assert_true(store_rig_put(rig, batch_from_json(LOGS, json, &rig->err)));
}

static void put_samples(StoreRig *rig, int number)
{
    char json[1024];
    snprintf(json, sizeof json,
             "{'resourceMetrics':[{'scopeMetrics':[{'metrics':[{'name':'m','gauge':{'dataPoints':["
             "{'timeUnixNano':'%d000000','asInt':'1','attributes':[{'key':'k','value':{"
             "'stringValue':'%0200d'}}]}]}}]}]}]}",
             number, number);
    assert_true(store_rig_put(rig, batch_from_json(METRICS, json, &rig->err)));
}

typedef void Put(StoreRig *rig, int number);
static Put *const puts_of[] = { put_spans, put_samples, put_record };

static StoreStats stats_of(StoreRig *rig)
{
    StoreStats stats;
    store_step(rig->store); /* whoever was woken gives */
    store_stats(rig->store, &stats);
    assert_true(stats.memory_bytes <= rig->settings.memory_max);
    assert_true(stats.log.bytes <= rig->settings.bytes_max);
    return stats;
}

static void fill(StoreRig *rig, Put *put, int count)
{
    for (int i = 0; i < count; i++) {
        put(rig, i);
        if (i % 50 == 0)
            stats_of(rig);
    }
}

static uint64_t rows(const StoreStats *stats, int which)
{
    return which == 0 ? stats->spans : which == 1 ? stats->samples : stats->records;
}

static void start(StoreRig *rig, bool by_memory)
{
    store_rig_init(rig);
    rig->settings.segment_bytes = 16 * 1024;
    if (by_memory)
        rig->settings.memory_max = 1 << 20;
    else
        rig->settings.bytes_max = 512 * 1024;
    assert_true(store_rig_open(rig));
}

/* Each comes after the others have filled all; then everybody has about a third of what it had. */
static void everybody_comes_to_a_share(void **state)
{
    (void)state;
    for (int run = 0; run < 6; run++) {
        StoreRig rig;
        uint64_t alone[3];
        start(&rig, run % 2);
        for (int k = 0; k < 3; k++) {
            int which = (run / 2 + k) % 3;
            StoreRig single;
            start(&single, run % 2);
            fill(&single, puts_of[which], 4000);
            StoreStats stats = stats_of(&single);
            alone[which] = rows(&stats, which);
            assert_in_range(alone[which], 200, 3999);
            store_rig_done(&single);
            fill(&rig, puts_of[which], 4000);
        }
        StoreStats stats = stats_of(&rig);
        for (int k = 0; k < 3; k++) {
            assert_true(rows(&stats, k) > alone[k] / 5);
            assert_true(rows(&stats, k) < alone[k]);
        }
        store_rig_done(&rig);
    }
}

static void a_quiet_signal_keeps_what_it_has(void **state)
{
    (void)state;
    for (int by_memory = 0; by_memory < 2; by_memory++) {
        for (int quiet = 0; quiet < 3; quiet++) {
            StoreRig rig;
            start(&rig, by_memory);
            fill(&rig, puts_of[quiet], 100);
            fill(&rig, puts_of[(quiet + 1) % 3], 4000);
            fill(&rig, puts_of[(quiet + 2) % 3], 4000);
            StoreStats stats = stats_of(&rig);
            assert_int_equal(rows(&stats, quiet), 100);
            assert_true(store_rig_reopen(&rig));
            stats = stats_of(&rig);
            assert_int_equal(rows(&stats, quiet), 100);
            store_rig_done(&rig);
        }
    }
}

static void a_smaller_memory_at_the_next_start_is_shared_as_well(void **state)
{
    (void)state;
    StoreRig rig;
    store_rig_init(&rig);
    rig.settings.segment_bytes = 16 * 1024;
    assert_true(store_rig_open(&rig));
    for (int k = 0; k < 3; k++)
        fill(&rig, puts_of[k], 2000);
    assert_true(store_rig_close(&rig));
    rig.settings.memory_max = 512 * 1024;
    assert_true(store_rig_open(&rig));
    StoreStats stats = stats_of(&rig);
    uint64_t bytes = stats.log.bytes;
    for (int k = 0; k < 3; k++)
        assert_in_range(rows(&stats, k), 50, 1900);
    /* The files of what did not fit have left, too. */
    assert_true(store_rig_reopen(&rig));
    stats = stats_of(&rig);
    assert_in_range(stats.log.bytes, bytes / 2, bytes);
    store_rig_done(&rig);
}

/* What the rows take is what is charged, batches included, whoever gave them to the store. */
static void rows_are_charged_to_the_program(void **state)
{
    (void)state;
    StoreRig rig;
    Budget budget;
    budget_init(&budget, 64 << 20);
    store_rig_init(&rig);
    rig.settings.budget = &budget;
    assert_true(store_rig_open(&rig));
    fill(&rig, puts_of[0], 100);
    fill(&rig, puts_of[1], 100);
    Buf bytes = { .max = 1 << 20, .purse = budget_purse(&budget, BUDGET_BODIES) };
    Batch *batch =
        batch_from_json(TRACES, "{'resourceSpans':[{'scopeSpans':[{'spans':[{'name':'a'}]}]}]}",
                        &rig.err);
    buf_add(&bytes, batch_bytes(batch));
    batch_unref(batch);
    batch = batch_from_bytes(TRACES, &bytes, &rig.err);
    assert_true(batch && budget_use(&budget).by_owner[BUDGET_BATCHES] > 0);
    assert_true(store_rig_put(&rig, batch));
    StoreStats stats = stats_of(&rig);
    BudgetUse use = budget_use(&budget);
    assert_int_equal(use.by_owner[BUDGET_STORE], stats.memory_bytes);
    assert_int_equal(use.by_owner[BUDGET_BATCHES], 0);
    store_rig_done(&rig);
    assert_int_equal(budget_use(&budget).used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everybody_comes_to_a_share),
        cmocka_unit_test(rows_are_charged_to_the_program),
        cmocka_unit_test(a_quiet_signal_keeps_what_it_has),
        cmocka_unit_test(a_smaller_memory_at_the_next_start_is_shared_as_well),
    };
    return cmocka_run_group_tests_name("shares", tests, NULL, NULL);
}
