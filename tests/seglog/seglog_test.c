/* The queue in front of the log: who is admitted, answered, told to wait; threads; the lock. */
#include "seglog/seglog.h"

#include "base/thread.h"
#include "seglog/log_helper.h"
#include "support/starve.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static void what_is_appended_comes_back_in_order(void **state)
{
    (void)state;
    static const SeglogSync modes[] = { SEGLOG_SYNC_ALWAYS, SEGLOG_SYNC_SECOND, SEGLOG_SYNC_OFF };
    for (size_t m = 0; m < COUNT_OF(modes); m++) {
        Rig rig;
        rig_init(&rig, modes[m], 1);
        assert_true(rig_open(&rig));
        char text[TEXT_MAX];
        for (int i = 0; i < 200; i++) {
            snprintf(text, sizeof text, "frame %d", i);
            assert_true(rig_append(&rig, text));
        }
        assert_true(rig_stats(&rig).segments > 3);
        assert_true(rig_close(&rig));
        test_disk_crash(rig.disk, CRASH_CUT); /* a clean end is durable in every mode */
        assert_true(rig_open(&rig));
        assert_int_equal(rig.replays.count, 200);
        for (int i = 0; i < 200; i++) {
            snprintf(text, sizeof text, "frame %d", i);
            assert_string_equal(rig.replays.at[i].text, text);
            assert_true(!i || rig.replays.at[i].sequence > rig.replays.at[i - 1].sequence);
        }
        SeglogStats stats = rig_stats(&rig);
        assert_int_equal(stats.frames_replayed, 200);
        assert_int_equal(stats.torn_tails + stats.damaged_segments + stats.poison_frames, 0);
        rig_done(&rig);
    }
}

static void one_sync_covers_who_came_within_the_window(void **state)
{
    (void)state;
    Rig rig;
    rig_init(&rig, SEGLOG_SYNC_ALWAYS, 1);
    assert_true(rig_open(&rig));
    assert_true(rig_append(&rig, "first"));
    uint64_t syncs = rig_stats(&rig).syncs;
    Wish wishes[10];
    for (size_t i = 0; i < COUNT_OF(wishes); i++) {
        assert_true(wish_append(&rig, &wishes[i], "more"));
        seglog_step(rig.log);
        assert_int_equal(wishes[i].answers, 0); /* the window is not over */
    }
    test_clock_advance(&rig.clock, rig.settings.window_ns);
    seglog_step(rig.log);
    for (size_t i = 0; i < COUNT_OF(wishes); i++)
        assert_true(wishes[i].ok);
    assert_int_equal(rig_stats(&rig).syncs, syncs + 1);
    rig_done(&rig);
}

static void every_second_one_sync(void **state)
{
    (void)state;
    Rig rig;
    rig_init(&rig, SEGLOG_SYNC_SECOND, 1);
    assert_true(rig_open(&rig));
    assert_true(rig_append(&rig, "one"));
    uint64_t syncs = rig_stats(&rig).syncs;
    assert_true(rig_append(&rig, "two"));
    assert_true(rig_append(&rig, "three"));
    assert_int_equal(rig_stats(&rig).syncs, syncs);
    test_clock_advance(&rig.clock, NANOS_PER_SECOND);
    seglog_step(rig.log);
    assert_int_equal(rig_stats(&rig).syncs, syncs + 1);
    test_clock_advance(&rig.clock, 2 * NANOS_PER_SECOND); /* in which nothing is written */
    seglog_step(rig.log);
    assert_int_equal(rig_stats(&rig).syncs, syncs + 1);
    rig_crash(&rig, CRASH_CUT);
    assert_true(rig_open(&rig));
    assert_true(rig_has(&rig, "one") && rig_has(&rig, "two") && rig_has(&rig, "three"));
    rig_done(&rig);
}

static void too_large_full_and_closing_are_refused_at_once(void **state)
{
    (void)state;
    Rig rig;
    rig_init(&rig, SEGLOG_SYNC_ALWAYS, 1);
    rig.settings.frame_bytes_max = 8;
    rig.settings.queue_bytes = 16;
    assert_true(rig_open(&rig));
    Wish wishes[4];
    assert_false(wish_append(&rig, &wishes[0], "123456789"));
    assert_int_equal(wishes[0].err.kind, ERR_LIMIT);
    assert_true(wish_append(&rig, &wishes[1], "12345678"));
    assert_true(wish_append(&rig, &wishes[2], "12345678"));
    assert_false(wish_append(&rig, &wishes[3], "1"));
    assert_int_equal(wishes[3].err.kind, ERR_BUSY);
    assert_true(wishes[3].err.retry_ms > 0);
    rig_run(&rig);
    assert_true(rig_append(&rig, "room"));
    assert_int_equal(wishes[0].answers + wishes[3].answers, 0);
    rig_done(&rig);
}

static void a_deadline_ends_closing_and_the_rest_is_told(void **state)
{
    (void)state;
    Rig rig;
    rig_init(&rig, SEGLOG_SYNC_ALWAYS, 1);
    assert_true(rig_open(&rig));
    Wish wish;
    assert_true(wish_append(&rig, &wish, "late"));
    Err err;
    Seglog *log = rig.log;
    rig.log = NULL;
    assert_false(seglog_close(log, 0, &err));
    assert_int_equal(wish.answers, 1);
    assert_false(wish.ok);
    assert_int_equal(wish.err.kind, ERR_CLOSED);
    rig_done(&rig);
}

static void flush_waits_for_the_disk(void **state)
{
    (void)state;
    Rig rig;
    rig_init(&rig, SEGLOG_SYNC_OFF, 1);
    assert_true(rig_open(&rig));
    Wish wish;
    assert_true(wish_append(&rig, &wish, "flushed"));
    assert_true(seglog_flush(rig.log, INT64_MAX, &rig.err));
    assert_true(wish.ok);
    test_disk_fail(rig.disk, (DiskFault){ CALL_SYNC, 0, 5, true });
    assert_true(wish_append(&rig, &wish, "not flushed"));
    assert_false(seglog_flush(rig.log, INT64_MAX, &rig.err));
    test_disk_fail(rig.disk, (DiskFault){ .after = -1 });
    assert_true(rig_append(&rig, "after"));
    assert_true(seglog_flush(rig.log, INT64_MAX, &rig.err));
    rig_crash(&rig, CRASH_CUT);
    assert_true(rig_open(&rig));
    assert_true(rig_has(&rig, "flushed") && rig_has(&rig, "after"));
    rig_done(&rig);
}

static void the_lock_names_its_holder(void **state)
{
    (void)state;
    Rig rig;
    rig_init(&rig, SEGLOG_SYNC_ALWAYS, 1);
    assert_true(rig_open(&rig));
    Err err;
    assert_null(seglog_open(&rig.settings, NULL, &err));
    assert_int_equal(err.kind, ERR_BUSY);
    assert_non_null(strstr(err.text, "data/traces is in use by process "));
    assert_true(rig_append(&rig, "still works"));
    assert_true(rig_close(&rig));
    assert_true(rig_open(&rig));
    rig_done(&rig);
}

static void write_lock(const Rig *rig, Str text)
{
    Err err;
    File *file = disk_open(rig->settings.disk, "data/traces/lock", DISK_WRITE, &err);
    assert_true(file && file_truncate(file, 0, &err));
    assert_true(file_write(file, 0, text.ptr, text.len, &err) && file_close(file, &err));
}

/* Who wrote nothing, or nonsense, into the lock is still the holder. */
static void a_holder_without_a_name_holds_too(void **state)
{
    (void)state;
    Rig rig;
    rig_init(&rig, SEGLOG_SYNC_ALWAYS, 1);
    assert_true(rig_open(&rig));
    Err err;
    write_lock(&rig, STR("nobody"));
    assert_null(seglog_open(&rig.settings, NULL, &err));
    assert_int_equal(err.kind, ERR_BUSY);
    assert_non_null(strstr(err.text, "in use by another process"));
    write_lock(&rig, STR("4711\n"));
    test_disk_fail(rig.disk, (DiskFault){ CALL_READ, 0, 5, true });
    assert_null(seglog_open(&rig.settings, NULL, &err));
    assert_int_equal(err.kind, ERR_BUSY);
    assert_non_null(strstr(err.text, "in use by another process"));
    test_disk_fail(rig.disk, (DiskFault){ .after = -1 });
    rig_done(&rig);
}

static void assert_not_opened(SeglogSettings settings, const char *why)
{
    Err err = { 0 };
    assert_null(seglog_open(&settings, NULL, &err));
    assert_int_equal(err.kind, ERR_INPUT);
    if (!strstr(err.text, why))
        fail_msg("%s, not %s", err.text, why);
}

static void settings_that_cannot_be_are_refused(void **state)
{
    (void)state;
    Rig rig;
    rig_init(&rig, SEGLOG_SYNC_ALWAYS, 1);
    char far[2000] = "data/";
    memset(far + strlen(far), 'x', sizeof far - strlen(far) - 1);
    test_disk_put(rig.disk, "data/file", STR("no directory"));
    SeglogSettings settings = rig.settings;
    settings.directory = NULL;
    assert_not_opened(settings, "no directory given");
    settings.directory = "";
    assert_not_opened(settings, "no directory given");
    settings.directory = "data/file";
    assert_not_opened(settings, "data/file is not a directory");
    settings.directory = far;
    assert_not_opened(settings, "path too long");
    settings = rig.settings;
    settings.frame_bytes_max = (uint64_t)UINT32_MAX + 1;
    assert_not_opened(settings, "do not fit the format");
    settings.frame_bytes_max = settings.queue_bytes + 1;
    assert_not_opened(settings, "does not fit a queue");
    rig.settings.frame_bytes_max = rig.settings.queue_bytes = UINT32_MAX; /* just fits */
    assert_true(rig_open(&rig) && rig_append(&rig, "and works"));
    rig_done(&rig);
}

/* At the root, and beside the process; and one that a clock which stands still cannot flush. */
static void a_log_lives_wherever_it_is_told(void **state)
{
    (void)state;
    static const char *const directories[] = { "/log", "log", "deep/log" };
    for (size_t i = 0; i < sizeof directories / sizeof *directories; i++) {
        Rig rig;
        Wish wish;
        rig_init(&rig, SEGLOG_SYNC_ALWAYS, 1);
        rig.settings.directory = directories[i];
        rig.settings.bytes_max = 1 << 20;
        assert_true(rig_open(&rig) && rig_append(&rig, "here"));
        assert_true(wish_append(&rig, &wish, "waits"));
        assert_false(seglog_flush(rig.log, 0, &rig.err));
        assert_int_equal(rig.err.kind, ERR_TIMEOUT);
        assert_non_null(strstr(rig.err.text, "1 appends still wait"));
        rig_run(&rig);
        rig_crash(&rig, CRASH_CUT);
        assert_true(rig_open(&rig) && rig_has(&rig, "here") && rig_has(&rig, "waits"));
        rig_done(&rig);
    }
}

/* A tenant of any length that the format has room for, and none of a longer one. */
static void a_tenant_has_a_longest_name(void **state)
{
    (void)state;
    Rig rig;
    rig_init(&rig, SEGLOG_SYNC_ALWAYS, 1);
    assert_true(rig_open(&rig));
    static char name[SEGLOG_TENANT_MAX + 1];
    memset(name, 't', sizeof name);
    SeglogEntry entry = { .tenant = { name, sizeof name }, .payload = STR("x") };
    assert_false(seglog_append(rig.log, &entry, &rig.err));
    assert_int_equal(rig.err.kind, ERR_LIMIT);
    rig_done(&rig);
}

static void the_oldest_segment_leaves_by_size_and_by_age(void **state)
{
    (void)state;
    Rig rig;
    rig_init(&rig, SEGLOG_SYNC_SECOND, 1);
    rig.settings.bytes_max = 16 * 1024;
    rig.settings.age_max_ns = 3600 * NANOS_PER_SECOND;
    assert_true(rig_open(&rig));
    for (int i = 0; i < 1000; i++) {
        assert_true(rig_append(&rig, "something to fill segments"));
        assert_true(rig_stats(&rig).bytes <= 16 * 1024);
    }
    assert_true(rig.replays.dropped_count > 10);
    for (size_t i = 1; i < rig.replays.dropped_count; i++)
        assert_true(rig.replays.dropped[i] > rig.replays.dropped[i - 1]);
    test_clock_advance(&rig.clock, 3601 * NANOS_PER_SECOND);
    seglog_step(rig.log);
    SeglogStats stats = rig_stats(&rig);
    assert_int_equal(stats.segments, 0);
    assert_int_equal(stats.bytes, 0);
    assert_int_equal(stats.oldest_ns, 0);
    assert_null(test_disk_name(rig.disk, ".wal", 0));
    assert_true(rig_append(&rig, "a new beginning"));
    rig_done(&rig);
}

/* The wall clock alone jumps: a machine that was suspended, or a wrong time server. */
static void a_clock_that_jumps_drops_nothing_at_once(void **state)
{
    (void)state;
    Rig rig;
    rig_init(&rig, SEGLOG_SYNC_SECOND, 1);
    rig.settings.age_max_ns = 3600 * NANOS_PER_SECOND;
    assert_true(rig_open(&rig) && rig_append(&rig, "old"));
    rig.clock.wall += 30 * 24 * 3600 * NANOS_PER_SECOND;
    for (int minute = 0; minute < 59; minute++) {
        test_clock_advance(&rig.clock, 60 * NANOS_PER_SECOND);
        seglog_step(rig.log);
    }
    assert_int_equal(rig.replays.dropped_count, 0);
    assert_true(rig_close(&rig));
    rig.clock.wall += 24 * 3600 * NANOS_PER_SECOND; /* nor is it at the start */
    assert_true(rig_open(&rig) && rig_has(&rig, "old"));
    seglog_step(rig.log);
    assert_int_equal(rig_stats(&rig).segments, 1);
    test_clock_advance(&rig.clock, 3600 * NANOS_PER_SECOND);
    seglog_step(rig.log);
    assert_int_equal(rig_stats(&rig).segments, 0);
    assert_int_equal(rig.replays.dropped_count, 1);
    rig_done(&rig);
}

/* ---- with its own thread -----------------------------------------------------------------------
 */

enum { THREADS = 4, EACH = 200 };

typedef struct Sender {
    Rig *rig;
    Wish wishes[EACH];
    int taken;
} Sender;

static atomic_int answers_heard;

static void heard(SeglogEntry *entry, const SeglogReceipt *receipt)
{
    ((Wish *)entry)->ok = receipt->err == NULL;
    ((Wish *)entry)->answers++;
    atomic_fetch_add(&answers_heard, 1);
}

static void send_all(void *argument)
{
    Sender *sender = argument;
    for (int i = 0; i < EACH; i++) {
        Wish *wish = &sender->wishes[i];
        wish->entry = (SeglogEntry){ .kind = SEGLOG_OTLP_TRACES,
                                     .payload = STR("from a thread"),
                                     .receive_ns = RIG_WALL_NS,
                                     .done = heard };
        sender->taken += seglog_append(sender->rig->log, &wish->entry, &wish->err);
    }
}

static void many_threads_append_and_each_is_answered_once(void **state)
{
    (void)state;
    static Sender senders[THREADS];
    static Rig rig;
    rig_init(&rig, SEGLOG_SYNC_ALWAYS, 1);
    rig.settings.clock = clock_system();
    rig.settings.own_thread = true;
    assert_true(rig_open(&rig));
    atomic_store(&answers_heard, 0);
    Thread threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        senders[i] = (Sender){ .rig = &rig };
        assert_true(thread_start(&threads[i], "sender", send_all, &senders[i], &rig.err));
    }
    for (int i = 0; i < THREADS; i++)
        thread_join(&threads[i]);
    assert_true(seglog_flush(rig.log, INT64_MAX, &rig.err));
    assert_int_equal(atomic_load(&answers_heard), THREADS * EACH);
    SeglogStats stats = rig_stats(&rig);
    assert_int_equal(stats.frames_written, THREADS * EACH);
    assert_true(stats.syncs < THREADS * EACH); /* they shared them */
    rig_crash(&rig, CRASH_CUT);
    rig.settings.own_thread = false;
    assert_true(rig_open(&rig));
    assert_int_equal(rig.replays.count, THREADS * EACH);
    for (int i = 0; i < THREADS; i++)
        for (int k = 0; k < EACH; k++)
            assert_true(senders[i].wishes[k].ok && senders[i].wishes[k].answers == 1);
    rig_done(&rig);
}

/* ---- no memory ---------------------------------------------------------------------------------
 */

static bool a_life(Rig *rig)
{
    if (!rig_open(rig))
        return false;
    bool ok = true;
    for (int i = 0; i < 40 && ok; i++)
        ok = rig_append(rig, "to and fro");
    return rig_close(rig) && ok;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    long n = 0;
    starve_after(-1);
    for (bool done = false; !done; n++) {
        Rig rig;
        rig_init(&rig, SEGLOG_SYNC_ALWAYS, 1);
        long before = starve_live();
        starve_after(n);
        bool ok = a_life(&rig);
        done = !starve_happened();
        starve_end();
        assert_true(!done || ok);
        assert_int_equal(starve_live(), before);
        assert_true(a_life(&rig)); /* what is left is no obstacle */
        assert_true(rig_open(&rig));
        rig_done(&rig);
    }
    printf("counts: seglog survives %ld failed allocations\n", n - 1);
    assert_true(n > 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_appended_comes_back_in_order),
        cmocka_unit_test(one_sync_covers_who_came_within_the_window),
        cmocka_unit_test(every_second_one_sync),
        cmocka_unit_test(too_large_full_and_closing_are_refused_at_once),
        cmocka_unit_test(a_deadline_ends_closing_and_the_rest_is_told),
        cmocka_unit_test(flush_waits_for_the_disk),
        cmocka_unit_test(the_lock_names_its_holder),
        cmocka_unit_test(a_holder_without_a_name_holds_too),
        cmocka_unit_test(settings_that_cannot_be_are_refused),
        cmocka_unit_test(a_log_lives_wherever_it_is_told),
        cmocka_unit_test(a_tenant_has_a_longest_name),
        cmocka_unit_test(the_oldest_segment_leaves_by_size_and_by_age),
        cmocka_unit_test(a_clock_that_jumps_drops_nothing_at_once),
        cmocka_unit_test(many_threads_append_and_each_is_answered_once),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("seglog", tests, NULL, NULL);
}
