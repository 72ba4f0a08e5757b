/* The disk says no, at every call and in every way: what was acknowledged is there, nothing else is
 * invented, and the log works again once the disk does. */
#include "seglog/log_helper.h"

#include "base/log.h"
#include "base/random.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { WISHES = 60, CRASHES = 100 };

/* Many appends, some together, over several segments; returns how many were made. */
static int append_some(Rig *rig, Wish *wishes, int count, const char *prefix)
{
    int made = 0;
    for (int i = 0; i < count; i++) {
        char text[TEXT_MAX];
        snprintf(text, sizeof text, "%s %d", prefix, i);
        if (wish_append(rig, &wishes[i], text))
            made++;
        if (i % 3 == 2)
            rig_run(rig);
    }
    rig_run(rig);
    return made;
}

/* Under ALWAYS: acknowledged means there, exactly once; what is there was appended. */
static void assert_kept(const Rig *rig, const Wish *wishes, int count)
{
    for (int i = 0; i < count; i++)
        if (wishes[i].answers == 1 && wishes[i].ok)
            assert_true(rig_has(rig, wishes[i].text));
    for (size_t r = 0; r < rig->replays.count; r++) {
        int known = 0;
        for (int i = 0; i < count; i++)
            known += !strcmp(rig->replays.at[r].text, wishes[i].text);
        assert_int_equal(known, 1);
        for (size_t k = 0; k < r; k++)
            assert_string_not_equal(rig->replays.at[r].text, rig->replays.at[k].text);
    }
}

static void one_failing_call_costs_no_acknowledged_frame(unsigned calls, int code, bool for_good)
{
    long n = 0;
    for (bool done = false; !done; n++) {
        static Wish wishes[WISHES];
        Rig rig;
        rig_init(&rig, SEGLOG_SYNC_ALWAYS, (uint64_t)n);
        test_disk_fail(rig.disk, (DiskFault){ calls, n, code, for_good });
        bool opened = rig_open(&rig);
        if (opened)
            append_some(&rig, wishes, WISHES, "wish");
        done = !test_disk_failed(rig.disk);
        test_disk_fail(rig.disk, (DiskFault){ .after = -1 });
        if (opened) {
            for (int i = 0; i < WISHES; i++)
                assert_true(wishes[i].answers <= 1);
            assert_true(rig_append(&rig, "the disk is well again"));
            rig_crash(&rig, n % 2 ? CRASH_CUT : CRASH_TEAR);
        }
        assert_true(rig_open(&rig));
        if (opened) {
            assert_true(rig_has(&rig, "the disk is well again"));
            rig.replays.count--; /* the last one: the others are wishes */
            assert_kept(&rig, wishes, WISHES);
        }
        rig_done(&rig);
    }
    printf("counts: calls %#x failing%s with %s: %ld points\n", calls, for_good ? " for good" : "",
           strerror(code), n - 1);
    assert_true(n > 1);
}

static void every_call_may_fail(void **state)
{
    (void)state;
    one_failing_call_costs_no_acknowledged_frame(CALL_ANY, EIO, false);
    one_failing_call_costs_no_acknowledged_frame(CALL_ANY, EIO, true);
    one_failing_call_costs_no_acknowledged_frame(CALL_WRITE, ENOSPC, false);
    one_failing_call_costs_no_acknowledged_frame(CALL_SYNC, EIO, true);
    one_failing_call_costs_no_acknowledged_frame(CALL_WRITE | CALL_TRUNCATE, ENOSPC, true);
}

static void a_failed_sync_acknowledges_nothing_and_begins_a_new_segment(void **state)
{
    (void)state;
    Rig rig;
    rig_init(&rig, SEGLOG_SYNC_ALWAYS, 1);
    assert_true(rig_open(&rig) && rig_append(&rig, "before"));
    test_disk_fail(rig.disk, (DiskFault){ CALL_SYNC, 0, EIO, false });
    assert_false(rig_append(&rig, "thrown away"));
    assert_int_equal(rig.err.kind, ERR_IO);
    Wish wish;
    assert_true(wish_append(&rig, &wish, "after"));
    rig_run(&rig);
    assert_true(wish.ok && wish.segment > 1);
    SeglogStats stats = rig_stats(&rig);
    assert_int_equal(stats.syncs_failed, 1);
    assert_int_equal(stats.segments, 2);
    rig_crash(&rig, CRASH_CUT);
    assert_true(rig_open(&rig));
    assert_int_equal(rig.replays.count, 2);
    assert_true(rig_has(&rig, "before") && rig_has(&rig, "after"));
    rig_done(&rig);
}

/* Part of a group is in the file when its write fails. None of it may stay: neither as frames that
 * were refused nor as damage. */
static void a_failed_write_leaves_nothing_behind(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        static Wish group[20];
        Rig rig;
        rig_init(&rig, SEGLOG_SYNC_ALWAYS, seed);
        assert_true(rig_open(&rig) && rig_append(&rig, "before"));
        test_disk_fail(rig.disk, (DiskFault){ CALL_WRITE, 0, ENOSPC, false });
        for (size_t i = 0; i < COUNT_OF(group); i++)
            assert_true(wish_append(&rig, &group[i], "refused, and gone without a trace"));
        rig_run(&rig);
        assert_true(test_disk_failed(rig.disk) && !group[0].ok && !group[19].ok);
        assert_true(seed % 2 || rig_append(&rig, "after"));
        assert_true(rig_close(&rig) && rig_open(&rig));
        assert_int_equal(rig.replays.count, seed % 2 ? 1 : 2);
        assert_true(rig_has(&rig, "before"));
        SeglogStats stats = rig_stats(&rig);
        assert_int_equal(stats.torn_tails + stats.damaged_segments, 0);
        rig_done(&rig);
    }
}

static void a_full_disk_refuses_and_recovers_by_itself(void **state)
{
    (void)state;
    static Wish wishes[WISHES + 1];
    Rig rig;
    rig_init(&rig, SEGLOG_SYNC_ALWAYS, 1);
    assert_true(rig_open(&rig));
    size_t refused = 0;
    for (uint64_t capacity = 100; capacity < 12000; capacity += 197) {
        test_disk_capacity(rig.disk, capacity);
        Wish *wish = &wishes[(capacity - 100) / 197];
        char text[TEXT_MAX];
        for (int again = 0; again < 4; again++) { /* more than one to fill what is free */
            snprintf(text, sizeof text, "at %d %d", (int)capacity, again);
            assert_true(wish_append(&rig, wish, text));
            rig_run(&rig);
            if (!wish->ok) {
                assert_int_equal(wish->err.kind, ERR_BUSY);
                assert_true(wish->err.retry_ms > 0);
                refused++;
            }
        }
    }
    test_disk_capacity(rig.disk, UINT64_MAX);
    assert_true(refused > 5);
    assert_true(rig_append(&rig, "space is back"));
    uint64_t written = rig_stats(&rig).frames_written;
    rig_crash(&rig, CRASH_CUT);
    assert_true(rig_open(&rig));
    assert_int_equal(rig.replays.count, written);
    assert_true(rig_has(&rig, "space is back"));
    rig_done(&rig);
}

static void the_reserve_is_left_for_others(void **state)
{
    (void)state;
    Rig rig;
    rig_init(&rig, SEGLOG_SYNC_ALWAYS, 1);
    rig.settings.reserve_bytes = 10000;
    test_disk_capacity(rig.disk, 12000);
    assert_true(rig_open(&rig));
    int stored = 0;
    while (rig_append(&rig, "on and on"))
        stored++;
    assert_true(stored > 3);
    assert_int_equal(rig.err.kind, ERR_BUSY);
    assert_non_null(strstr(rig.err.text, "stay in reserve"));
    uint64_t room;
    assert_true(rig.settings.disk->space(rig.settings.disk, "data", &room, &rig.err));
    assert_true(room >= 9500);
    test_disk_capacity(rig.disk, 20000);
    assert_true(rig_append(&rig, "on again"));
    rig_done(&rig);
}

/* Frames larger than what is gathered for one write go out in parts, of which any may fail. */
static void a_large_frame_that_fails_in_the_middle_leaves_nothing(void **state)
{
    (void)state;
    enum { LARGE = 900 * 1024 };
    static char large[LARGE];
    for (long part = 0; part < 4; part++) {
        Rig rig;
        Wish first, second, third;
        rig_init(&rig, SEGLOG_SYNC_ALWAYS, (uint64_t)part);
        rig.settings.segment_bytes = 4 << 20;
        assert_true(rig_open(&rig) && rig_append(&rig, "before"));
        test_disk_fail(rig.disk, (DiskFault){ CALL_WRITE, part, ENOSPC, false });
        assert_true(wish_append(&rig, &first, "with it"));
        second = (Wish){ 0 };
        assert_true(wish_append_bytes(&rig, &second, (Str){ large, sizeof large }));
        assert_true(wish_append(&rig, &third, "with it, too"));
        rig_run(&rig);
        assert_true(test_disk_failed(rig.disk));
        assert_false(first.ok || second.ok || third.ok);
        assert_int_equal(second.err.kind, ERR_BUSY);
        assert_true(rig_append(&rig, "after"));
        rig_crash(&rig, CRASH_CUT);
        assert_true(rig_open(&rig));
        assert_int_equal(rig.replays.count, 2);
        assert_true(rig_has(&rig, "before") && rig_has(&rig, "after"));
        rig_done(&rig);
    }
}

/* What cannot be cut back for certain is left behind with its file. */
static void a_cut_that_is_not_synced_begins_a_new_segment(void **state)
{
    (void)state;
    Rig rig;
    Wish wish;
    rig_init(&rig, SEGLOG_SYNC_ALWAYS, 1);
    assert_true(rig_open(&rig) && rig_append(&rig, "before"));
    test_disk_fail(rig.disk, (DiskFault){ CALL_WRITE | CALL_SYNC, 0, EIO, true });
    assert_false(rig_append(&rig, "refused"));
    test_disk_fail(rig.disk, (DiskFault){ .after = -1 });
    assert_true(wish_append(&rig, &wish, "after"));
    rig_run(&rig);
    assert_true(wish.ok && wish.segment > 1);
    rig_crash(&rig, CRASH_CUT);
    assert_true(rig_open(&rig));
    assert_int_equal(rig.replays.count, 2);
    assert_true(rig_has(&rig, "before") && rig_has(&rig, "after"));
    rig_done(&rig);
}

static size_t complaints;

static void count_complaint(void *nothing, LogLevel level, Str component, Str message)
{
    (void)nothing;
    (void)message;
    complaints += level == LOG_ERROR && str_eq(component, STR("seglog"));
}

static void a_disk_that_fails_on_and_on_is_complained_of_now_and_then(void **state)
{
    (void)state;
    Rig rig;
    rig_init(&rig, SEGLOG_SYNC_ALWAYS, 1);
    assert_true(rig_open(&rig));
    complaints = 0;
    log_set_sink(&(LogSink){ count_complaint, NULL, LOG_INFO });
    test_disk_fail(rig.disk, (DiskFault){ CALL_WRITE, 0, EIO, true });
    for (int i = 0; i < 21; i++) {
        assert_false(rig_append(&rig, "refused"));
        test_clock_advance(&rig.clock, NANOS_PER_SECOND);
    }
    log_set_sink(NULL);
    assert_in_range(complaints, 2, 3);
    rig_done(&rig);
}

static void a_segment_that_cannot_be_removed_leaves_later(void **state)
{
    (void)state;
    Rig rig;
    rig_init(&rig, SEGLOG_SYNC_SECOND, 1);
    rig.settings.bytes_max = 16 * 1024;
    assert_true(rig_open(&rig));
    test_disk_fail(rig.disk, (DiskFault){ CALL_REMOVE, 0, EIO, true });
    for (int i = 0; i < 300; i++)
        assert_true(rig_append(&rig, "something to fill segments"));
    assert_true(rig_stats(&rig).bytes > rig.settings.bytes_max);
    assert_int_equal(rig.replays.dropped_count, 0);
    test_disk_fail(rig.disk, (DiskFault){ .after = -1 });
    assert_true(rig_append(&rig, "the disk is well again"));
    assert_true(rig_stats(&rig).bytes <= rig.settings.bytes_max);
    assert_true(rig.replays.dropped_count > 0);
    rig_done(&rig);
}

/* What is being written does not leave, however little there may be. */
static void the_only_segment_stays_while_it_is_written(void **state)
{
    (void)state;
    Err err = { 0 };
    Rig rig;
    rig_init(&rig, SEGLOG_SYNC_SECOND, 1);
    rig.settings.bytes_max = 1;
    assert_true(rig_open(&rig));
    assert_false(seglog_drop_oldest(rig.log, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    assert_true(rig_append(&rig, "one") && rig_append(&rig, "two"));
    assert_int_equal(rig_stats(&rig).segments, 1);
    assert_false(seglog_drop_oldest(rig.log, &err));
    seglog_roll(rig.log);
    assert_true(seglog_drop_oldest(rig.log, &err));
    assert_int_equal(rig_stats(&rig).segments, 0);
    rig_done(&rig);
}

/* Nobody has to listen, and a log without limits keeps everything. */
static void a_log_works_without_listener_or_limit(void **state)
{
    (void)state;
    static const SeglogListener nobody;
    Rig rig;
    rig_init(&rig, SEGLOG_SYNC_SECOND, 1);
    rig.settings.bytes_max = 0;
    rig.settings.age_max_ns = 0;
    rig.log = seglog_open(&rig.settings, &nobody, &rig.err);
    assert_non_null(rig.log);
    for (int i = 0; i < 300; i++)
        assert_true(rig_append(&rig, "something to fill segments"));
    assert_true(rig_stats(&rig).segments > 3);
    test_clock_advance(&rig.clock, 2 * NANOS_PER_SECOND);
    seglog_step(rig.log);
    assert_true(seglog_drop_oldest(rig.log, &rig.err));
    assert_true(rig_close(&rig));
    rig.log = seglog_open(&rig.settings, &nobody, &rig.err);
    assert_non_null(rig.log);
    assert_true(rig_stats(&rig).frames_replayed > 100);
    rig_done(&rig);
}

/* ---- power cuts --------------------------------------------------------------------------------
 */

/* Loads the log with everything at once until a random call ends the world. */
static void crash_at(uint64_t seed, SeglogSync sync, size_t *acknowledged)
{
    static Wish wishes[4 * WISHES];
    Random random;
    random_seed(&random, seed);
    Rig rig;
    rig_init(&rig, sync, seed);
    int from = 0;
    for (int life = 0; life < 4; life++, from += WISHES) {
        memset(&wishes[from], 0, WISHES * sizeof *wishes);
        long calls = (long)random_below(&random, 300);
        test_disk_fail(rig.disk, (DiskFault){ CALL_ANY, calls, EIO, true });
        char prefix[16];
        snprintf(prefix, sizeof prefix, "life %d", life);
        if (rig_open(&rig)) {
            append_some(&rig, &wishes[from], WISHES, prefix);
            rig_crash(&rig, random_below(&random, 2) ? CRASH_CUT : CRASH_TEAR);
        } else {
            test_disk_crash(rig.disk, CRASH_TEAR);
        }
        test_disk_fail(rig.disk, (DiskFault){ .after = -1 });
        assert_true(rig_open(&rig));
        if (sync == SEGLOG_SYNC_ALWAYS)
            assert_kept(&rig, wishes, from + WISHES);
        assert_true(rig_close(&rig));
    }
    for (int i = 0; i < 4 * WISHES; i++)
        *acknowledged += wishes[i].ok;
    rig_done(&rig);
}

static void nothing_acknowledged_is_missing_after_a_power_cut(void **state)
{
    (void)state;
    size_t acknowledged = 0, ignored = 0;
    for (uint64_t seed = 1; seed <= CRASHES; seed++) {
        crash_at(seed, SEGLOG_SYNC_ALWAYS, &acknowledged);
        crash_at(seed, SEGLOG_SYNC_SECOND, &ignored);
    }
    printf(
        "counts: %d power cuts of the log, %zu acknowledged frames, none missing, none invented\n",
        CRASHES * 4, acknowledged);
    assert_true(acknowledged > CRASHES * WISHES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_may_fail),
        cmocka_unit_test(a_failed_sync_acknowledges_nothing_and_begins_a_new_segment),
        cmocka_unit_test(a_failed_write_leaves_nothing_behind),
        cmocka_unit_test(a_full_disk_refuses_and_recovers_by_itself),
        cmocka_unit_test(the_reserve_is_left_for_others),
        cmocka_unit_test(a_large_frame_that_fails_in_the_middle_leaves_nothing),
        cmocka_unit_test(a_cut_that_is_not_synced_begins_a_new_segment),
        cmocka_unit_test(a_disk_that_fails_on_and_on_is_complained_of_now_and_then),
        cmocka_unit_test(a_segment_that_cannot_be_removed_leaves_later),
        cmocka_unit_test(the_only_segment_stays_while_it_is_written),
        cmocka_unit_test(a_log_works_without_listener_or_limit),
        cmocka_unit_test(nothing_acknowledged_is_missing_after_a_power_cut),
    };
    return cmocka_run_group_tests_name("writer", tests, NULL, NULL);
}
