/* The store as a whole: what is appended is found, also after a restart; limits; no memory. */
#include "store/store.h"

#include "store/scan.h"
#include "support/make_spans.h"
#include "support/starve.h"
#include "support/test_disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

typedef struct Rig {
    TestDisk *disk;
    TestClock clock;
    StoreSettings settings;
    Store *store;
    Err err;
    int stored, failed;
} Rig;

static void rig_init(Rig *rig)
{
    *rig = (Rig){ .disk = test_disk_new(1) };
    test_clock_init(&rig->clock, (int64_t)SPANS_EPOCH_NS);
    rig->settings = store_defaults();
    rig->settings.disk = test_disk_door(rig->disk);
    rig->settings.clock = &rig->clock.base;
    rig->settings.directory = "data";
    rig->settings.sync = SEGLOG_SYNC_ALWAYS;
    rig->settings.reserve_bytes = 0;
    rig->settings.own_thread = false;
}

static bool rig_open(Rig *rig)
{
    rig->store = store_open(&rig->settings, &rig->err);
    return rig->store != NULL;
}

static bool rig_close(Rig *rig)
{
    Store *store = rig->store;
    rig->store = NULL;
    return store_close(store, INT64_MAX, &rig->err);
}

static void rig_done(Rig *rig)
{
    (void)rig_close(rig);
    test_disk_free(rig->disk);
}

static void told(void *context, const Err *err)
{
    Rig *rig = context;
    rig->stored += err == NULL;
    rig->failed += err != NULL;
    if (err)
        rig->err = *err;
}

static bool put(Rig *rig, const char *lines)
{
    Batch *batch = make_spans(str_from(lines), &rig->err);
    int before = rig->stored;
    bool taken = batch && store_append(rig->store, batch, told, rig, &rig->err);
    batch_unref(batch);
    test_clock_advance(&rig->clock, 10 * NANOS_PER_MILLI);
    if (taken)
        store_step(rig->store);
    return taken && rig->stored == before + 1;
}

/* The names of all spans that match, newest first, with spaces between. */
static const char *names(Rig *rig, SpanScan query)
{
    static char text[4096];
    text[0] = 0;
    ScanCursor *cursor = source_scan(store_spans(rig->store), &query, &rig->err);
    assert_non_null(cursor);
    SpanBlock block;
    while (scan_next(cursor, &block, &rig->err) == SCAN_BLOCK)
        for (size_t i = 0; i < block.count; i++)
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s%.*s", *text ? " " : "",
                     STR_ARG(block.rows[i].name));
    scan_close(cursor);
    return text;
}

static uint64_t spans(Rig *rig)
{
    StoreStats stats;
    store_stats(rig->store, &stats);
    return stats.spans;
}

static void what_is_stored_is_found_also_after_a_restart(void **state)
{
    (void)state;
    Rig rig;
    rig_init(&rig);
    assert_true(rig_open(&rig));
    assert_true(put(&rig, "trace=a1 service=shop name=one start=+1s\n"
                          "trace=a1 id=2 parent=1 service=shop name=two start=+2s"));
    assert_true(put(&rig, "trace=b2 service=web name=three start=+3s"));
    for (int life = 0; life < 3; life++) {
        assert_string_equal(names(&rig, (SpanScan){ 0 }), "three two one");
        StoreStats stats;
        store_stats(rig.store, &stats);
        assert_int_equal(stats.spans, 3);
        assert_int_equal(stats.traces, 2);
        assert_int_equal(stats.oldest_unix_ns, SPANS_EPOCH_NS);
        assert_true(stats.memory_bytes > 300);
        assert_true(rig_close(&rig));
        test_disk_crash(rig.disk, CRASH_CUT);
        test_clock_advance(&rig.clock, NANOS_PER_SECOND);
        assert_true(rig_open(&rig));
    }
    rig_done(&rig);
}

static void nothing_is_seen_before_the_log_has_it(void **state)
{
    (void)state;
    Rig rig;
    rig_init(&rig);
    assert_true(rig_open(&rig));
    assert_true(put(&rig, "name=first"));
    Batch *batch = make_spans(STR("name=second"), &rig.err);
    assert_true(store_append(rig.store, batch, told, &rig, &rig.err));
    batch_unref(batch);
    assert_string_equal(names(&rig, (SpanScan){ 0 }), "first");
    test_disk_fail(rig.disk, (DiskFault){ CALL_SYNC, 0, 5, false });
    store_step(rig.store);
    test_clock_advance(&rig.clock, NANOS_PER_SECOND);
    store_step(rig.store);
    assert_int_equal(rig.failed, 1);
    assert_string_equal(names(&rig, (SpanScan){ 0 }), "first");
    assert_true(put(&rig, "name=third"));
    assert_true(str_contains(str_from(names(&rig, (SpanScan){ 0 })), STR("third")));
    rig_done(&rig);
}

static void a_full_disk_refuses_serves_and_recovers(void **state)
{
    (void)state;
    Rig rig;
    rig_init(&rig);
    rig.settings.segment_bytes = 4096;
    test_disk_capacity(rig.disk, 3000);
    assert_true(rig_open(&rig));
    char line[64];
    int stored = 0, refused = 0;
    for (int i = 0; i < 200; i++) {
        snprintf(line, sizeof line, "trace=%x name=n%d start=+%dms", i + 1, i, i);
        if (put(&rig, line)) {
            stored++;
        } else {
            assert_int_equal(rig.err.kind, ERR_BUSY);
            assert_true(rig.err.retry_ms > 0);
            refused++;
        }
        assert_int_equal(spans(&rig), stored); /* queries go on, and see what was stored */
        if (i == 150)
            test_disk_capacity(rig.disk, UINT64_MAX);
    }
    assert_true(refused > 50);
    assert_string_equal(names(&rig, (SpanScan){ .limit = 2 }), "n199 n198");
    assert_true(rig_close(&rig));
    test_disk_crash(rig.disk, CRASH_CUT);
    assert_true(rig_open(&rig));
    assert_int_equal(spans(&rig), stored);
    StoreStats stats;
    store_stats(rig.store, &stats);
    assert_int_equal(stats.log.torn_tails + stats.log.damaged_segments, 0);
    rig_done(&rig);
}

static void a_second_store_in_the_directory_is_told_who_has_it(void **state)
{
    (void)state;
    Rig rig;
    rig_init(&rig);
    assert_true(rig_open(&rig));
    Err err;
    assert_null(store_open(&rig.settings, &err));
    assert_int_equal(err.kind, ERR_BUSY);
    assert_non_null(strstr(err.text, "data/traces is in use by process "));
    assert_true(put(&rig, "name=unharmed"));
    rig_done(&rig);
}

static void only_what_can_fit_is_taken(void **state)
{
    (void)state;
    Rig rig;
    rig_init(&rig);
    rig.settings.memory_max = 4000;
    assert_true(rig_open(&rig));
    char lines[4096] = "";
    for (int i = 0; i < 40; i++)
        snprintf(lines + strlen(lines), sizeof lines - strlen(lines), "name=n%d\n", i);
    Batch *large = make_spans(str_from(lines), &rig.err);
    assert_false(store_append(rig.store, large, told, &rig, &rig.err));
    assert_int_equal(rig.err.kind, ERR_LIMIT);
    batch_unref(large);
    rig_done(&rig);
}

/* Many small batches; the rows of many runs; the oldest leave by size, by memory and by age. */
static void the_oldest_leave_file_and_rows_together(void **state)
{
    (void)state;
    for (int by = 0; by < 3; by++) {
        Rig rig;
        rig_init(&rig);
        rig.settings.segment_bytes = 8 * 1024;
        if (by == 0)
            rig.settings.bytes_max = 64 * 1024;
        if (by == 1)
            rig.settings.memory_max = 256 * 1024;
        if (by == 2)
            rig.settings.age_max_ns = 5 * NANOS_PER_SECOND;
        assert_true(rig_open(&rig));
        char line[128];
        for (int i = 0; i < 2000; i++) {
            snprintf(line, sizeof line, "trace=%x service=shop name=n%d start=+%dms", i + 1, i, i);
            assert_true(put(&rig, line));
            StoreStats stats;
            if (i % 100)
                continue;
            store_stats(rig.store, &stats);
            assert_true(stats.log.bytes <= rig.settings.bytes_max);
            assert_true(stats.memory_bytes <= rig.settings.memory_max);
            assert_int_equal(stats.spans + stats.spans_dropped, i + 1);
        }
        StoreStats stats;
        store_stats(rig.store, &stats);
        assert_in_range(stats.spans, 100, 1900);
        assert_true(clock_wall_ns(&rig.clock.base) - stats.oldest_unix_ns <
                    (by == 2 ? 8 : 3600) * NANOS_PER_SECOND);
        assert_string_equal(names(&rig, (SpanScan){ .limit = 2 }), "n1999 n1998");
        uint64_t held = stats.spans;
        assert_true(rig_close(&rig) && rig_open(&rig));
        assert_int_equal(spans(&rig), held);
        rig_done(&rig);
    }
}

/* Batches that arrive together are one group of the log's, and the memory may run out before all
 * of it is answered: what comes behind the segment's rows must not stay for ever. */
static void rows_do_not_outlive_a_segment_that_leaves_within_a_group(void **state)
{
    (void)state;
    enum { GROUP = 60, SPANS = 40 };
    Rig rig;
    rig_init(&rig);
    rig.settings.memory_max = 256 * 1024;
    assert_true(rig_open(&rig));
    char lines[4096] = "";
    for (int i = 0; i < SPANS; i++)
        snprintf(lines + strlen(lines), sizeof lines - strlen(lines), "name=n%d\n", i);
    for (int i = 0; i < GROUP; i++) {
        Batch *batch = make_spans(str_from(lines), &rig.err);
        assert_true(batch && store_append(rig.store, batch, told, &rig, &rig.err));
        batch_unref(batch);
    }
    store_step(rig.store);
    assert_int_equal(rig.stored, GROUP);
    for (int i = 0; i < 2000; i++) /* enough for every segment of the group to leave */
        assert_true(put(&rig, "name=later"));
    const Matcher of_the_group = { .field = MATCH_NAME, .value = STR("n0") };
    assert_string_equal(
        names(&rig, (SpanScan){ .matchers = &of_the_group, .matcher_count = 1, .limit = 1 }), "");
    assert_string_equal(names(&rig, (SpanScan){ .limit = 1 }), "later");
    rig_done(&rig);
}

static void a_smaller_memory_at_the_next_start_keeps_the_newest(void **state)
{
    (void)state;
    Rig rig;
    rig_init(&rig);
    rig.settings.segment_bytes = 8 * 1024;
    assert_true(rig_open(&rig));
    char line[128];
    for (int i = 0; i < 1000; i++) {
        snprintf(line, sizeof line, "name=n%d start=+%dms", i, i);
        assert_true(put(&rig, line));
    }
    assert_true(rig_close(&rig));
    rig.settings.memory_max = 200 * 1024;
    assert_true(rig_open(&rig));
    store_step(rig.store);
    StoreStats stats;
    store_stats(rig.store, &stats);
    assert_true(stats.memory_bytes <= rig.settings.memory_max);
    assert_in_range(stats.spans, 50, 900);
    assert_string_equal(names(&rig, (SpanScan){ .limit = 1 }), "n999");
    rig_done(&rig);
}

static void a_query_keeps_what_it_began_with(void **state)
{
    (void)state;
    Rig rig;
    rig_init(&rig);
    rig.settings.age_max_ns = NANOS_PER_SECOND;
    assert_true(rig_open(&rig));
    assert_true(put(&rig, "name=old start=+1s\nname=older"));
    SpanScan query = { 0 };
    ScanCursor *cursor = source_scan(store_spans(rig.store), &query, &rig.err);
    assert_non_null(cursor);
    test_clock_advance(&rig.clock, 10 * NANOS_PER_SECOND);
    assert_true(put(&rig, "name=new"));
    test_clock_advance(&rig.clock, NANOS_PER_SECOND);
    store_step(rig.store);
    SpanBlock block;
    assert_int_equal(scan_next(cursor, &block, &rig.err), SCAN_BLOCK);
    assert_int_equal(block.count, 2);
    assert_true(str_eq(block.rows[0].name, STR("old")));
    assert_int_equal(scan_next(cursor, &block, &rig.err), SCAN_END);
    scan_close(cursor);
    assert_false(str_contains(str_from(names(&rig, (SpanScan){ 0 })), STR("old")));
    rig_done(&rig);
}

static void ignore_answer(SeglogEntry *entry, const SeglogReceipt *receipt)
{
    (void)entry;
    (void)receipt;
}

static void frames_that_are_no_traces_are_counted_and_passed_over(void **state)
{
    (void)state;
    Rig rig;
    rig_init(&rig);
    assert_true(rig_open(&rig) && put(&rig, "name=good") && rig_close(&rig));
    SeglogSettings log_settings = seglog_defaults();
    log_settings.disk = rig.settings.disk;
    log_settings.clock = rig.settings.clock;
    log_settings.directory = "data/traces";
    log_settings.own_thread = false;
    log_settings.reserve_bytes = 0;
    Seglog *log = seglog_open(&log_settings, NULL, &rig.err);
    assert_non_null(log);
    SeglogEntry entries[2] = { { .kind = SEGLOG_OTLP_TRACES, .payload = STR("\xFF\xFF") },
                               { .kind = SEGLOG_LOKI_PUSH, .payload = STR("{}") } };
    for (int i = 0; i < 2; i++) {
        entries[i].done = ignore_answer;
        assert_true(seglog_append(log, &entries[i], &rig.err));
    }
    assert_true(seglog_close(log, INT64_MAX, &rig.err));
    assert_true(rig_open(&rig));
    StoreStats stats;
    store_stats(rig.store, &stats);
    assert_int_equal(stats.replay_refused, 2);
    assert_string_equal(names(&rig, (SpanScan){ 0 }), "good");
    rig_done(&rig);
}

/* ---- no memory ---------------------------------------------------------------------------------
 */

static bool a_life(Rig *rig)
{
    if (!rig_open(rig))
        return false;
    bool ok = true;
    char line[64];
    for (int i = 0; i < 30; i++) {
        snprintf(line, sizeof line, "trace=%x name=n%d start=+%dms", i / 3 + 1, i, i);
        ok = put(rig, line) && ok;
    }
    SpanScan query = { .limit = 10 };
    ScanCursor *cursor = source_scan(store_spans(rig->store), &query, &rig->err);
    SpanBlock block;
    ok = cursor && scan_next(cursor, &block, &rig->err) == SCAN_BLOCK && ok;
    scan_close(cursor);
    TraceId id = { { [15] = 3 } };
    cursor = source_lookup(store_spans(rig->store), &id, 1, &rig->err);
    ok = cursor && scan_next(cursor, &block, &rig->err) == SCAN_BLOCK && ok;
    scan_close(cursor);
    return rig_close(rig) && ok;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    long n = 0;
    starve_after(-1);
    for (bool done = false; !done; n++) {
        Rig rig;
        rig_init(&rig);
        rig.settings.segment_bytes = 2048;
        long before = starve_live();
        starve_after(n);
        bool ok = a_life(&rig);
        done = !starve_happened();
        starve_end();
        assert_true(!done || ok);
        assert_int_equal(starve_live(), before);
        int stored = rig.stored;
        assert_true(rig_open(&rig));
        assert_int_equal(spans(&rig), stored); /* what was acknowledged, no more and no less */
        rig_done(&rig);
    }
    printf("counts: the store survives %ld failed allocations\n", n - 1);
    assert_true(n > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_stored_is_found_also_after_a_restart),
        cmocka_unit_test(nothing_is_seen_before_the_log_has_it),
        cmocka_unit_test(a_full_disk_refuses_serves_and_recovers),
        cmocka_unit_test(a_second_store_in_the_directory_is_told_who_has_it),
        cmocka_unit_test(only_what_can_fit_is_taken),
        cmocka_unit_test(the_oldest_leave_file_and_rows_together),
        cmocka_unit_test(rows_do_not_outlive_a_segment_that_leaves_within_a_group),
        cmocka_unit_test(a_smaller_memory_at_the_next_start_keeps_the_newest),
        cmocka_unit_test(a_query_keeps_what_it_began_with),
        cmocka_unit_test(frames_that_are_no_traces_are_counted_and_passed_over),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
