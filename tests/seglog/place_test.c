/* place_test.c - somebody moves, removes, replaces or empties the directory of a log that is open,
 * or takes away the right to write there: what comes is refused and may come again, nothing that
 * was told stored is missing afterwards, and the log works again by itself as soon as it can.
 */
#include "seglog/log_helper.h"

#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static Rig rig;
static char logged[8192];

static void hear(void *context, LogLevel level, Str component, Str message)
{
    (void)context;
    (void)level;
    (void)component;
    size_t used = strlen(logged);
    snprintf(logged + used, sizeof logged - used, "%.*s\n", STR_ARG(message));
}

static int open_rig(void **state)
{
    (void)state;
    static const LogSink sink = { .write = hear };
    log_set_sink(&sink);
    logged[0] = 0;
    rig_init(&rig, SEGLOG_SYNC_ALWAYS, 1);
    assert_true(rig_open(&rig) && rig_append(&rig, "before"));
    return 0;
}

static int close_rig(void **state)
{
    (void)state;
    rig_done(&rig);
    return 0;
}

static bool was_logged(const char *words)
{
    return strstr(logged, words) != NULL;
}

/* Refused, and worth sending again; the words say where and what to do. */
static void refuses(const char *words)
{
    static Wish wish;
    memset(&wish, 0, sizeof wish);
    assert_true(wish_append(&rig, &wish, "refused"));
    rig_run(&rig);
    assert_false(wish.ok);
    assert_true(err_retryable(wish.err.kind));
    if (!strstr(wish.err.text, words))
        fail_msg("it should say '%s', but says: %s", words, wish.err.text);
}

/* After a power cut: all that was told stored, nothing that was refused. */
static void has_all(size_t count)
{
    rig_crash(&rig, CRASH_CUT);
    assert_true(rig_open(&rig));
    assert_int_equal(rig.replays.count, count);
    assert_true(rig_has(&rig, "before") && rig_has(&rig, "after") && !rig_has(&rig, "refused"));
}

static void moved_away_it_refuses_and_brought_back_it_goes_on(void **state)
{
    (void)state;
    test_disk_move(rig.disk, "data", "elsewhere");
    refuses("data/traces is gone: bring it back, or restart");
    refuses("data/traces is gone: bring it back, or restart");
    assert_true(was_logged("data is refused until this is mended: data/traces is gone"));
    assert_false(was_logged("takes data again"));
    test_disk_move(rig.disk, "elsewhere", "data");
    assert_true(rig_append(&rig, "after"));
    assert_true(was_logged("data/traces takes data again"));
    has_all(2);
}

static void it_says_so_even_if_nobody_sends(void **state)
{
    (void)state;
    test_disk_move(rig.disk, "data", "elsewhere");
    test_clock_advance(&rig.clock, 2 * NANOS_PER_SECOND);
    seglog_step(rig.log);
    assert_true(was_logged("data/traces is gone"));
    test_disk_move(rig.disk, "elsewhere", "data");
    assert_true(rig_append(&rig, "after"));
    has_all(2);
}

static void made_anew_it_is_locked_and_taken(void **state)
{
    (void)state;
    Disk *door = test_disk_door(rig.disk);
    test_disk_move(rig.disk, "data", "elsewhere");
    assert_true(door->make_directory(door, "data/traces", &rig.err));
    refuses("was removed or replaced while it was being written");
    assert_true(was_logged("was emptied or replaced while it was in use"));
    assert_true(rig_append(&rig, "after"));
    Rig second = rig;
    second.log = NULL;
    assert_false(rig_open(&second)); /* nobody else may have it */
    assert_int_equal(second.err.kind, ERR_BUSY);
    rig_crash(&rig, CRASH_CUT);
    assert_true(rig_open(&rig));
    assert_int_equal(rig.replays.count, 1); /* the rest lies elsewhere */
    assert_true(rig_has(&rig, "after"));
}

static void replaced_by_somebody_elses_it_refuses(void **state)
{
    (void)state;
    Disk *door = test_disk_door(rig.disk);
    test_disk_move(rig.disk, "data", "elsewhere");
    assert_true(door->make_directory(door, "data/traces", &rig.err));
    test_disk_put(rig.disk, "data/traces/lock", STR("4711\n"));
    refuses("another directory lies at data/traces: bring the old one back, or restart");
    assert_null(test_disk_name(rig.disk, ".wal.corrupt", 0));
    test_disk_move(rig.disk, "data", "other");
    test_disk_move(rig.disk, "elsewhere", "data");
    assert_true(rig_append(&rig, "after"));
    has_all(2);
}

static void without_its_newest_file_it_begins_another(void **state)
{
    (void)state;
    Disk *door = test_disk_door(rig.disk);
    const char *newest = test_disk_name(rig.disk, ".wal", 0);
    assert_true(door->remove(door, newest, &rig.err));
    refuses("00000000000000000001.wal was removed or replaced while it was being written");
    assert_true(rig_append(&rig, "after"));
    assert_true(was_logged("takes data again"));
}

/* A lock that cannot be taken again is tried again. */
static void failing_to_take_it_anew_is_no_end(void **state)
{
    (void)state;
    static const unsigned calls[] = { CALL_OPEN, CALL_LOCK, CALL_INFO, CALL_LEADS_TO };
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        Disk *door = test_disk_door(rig.disk);
        char away[32];
        snprintf(away, sizeof away, "elsewhere%zu", i);
        test_disk_move(rig.disk, "data", away);
        assert_true(door->make_directory(door, "data/traces", &rig.err));
        test_disk_fail(rig.disk, (DiskFault){ calls[i], 0, EIO, true });
        refuses("");
        refuses("");
        test_disk_fail(rig.disk, (DiskFault){ .after = -1 });
        (void)rig_append(&rig, "perhaps");
        assert_true(rig_append(&rig, "after"));
    }
}

/* chmod, chattr, mount -o remount,ro: what is asked of the disk is answered so, for as long as it
 * lasts. */
static void without_the_right_to_write_it_refuses_until_it_has_it_again(void **state)
{
    (void)state;
    static const struct {
        unsigned calls;
        int code;
        const char *words;
    } ways[] = {
        { CALL_OPEN | CALL_WRITE | CALL_TRUNCATE | CALL_REMOVE, EROFS, "Read-only file system" },
        { CALL_OPEN | CALL_REMOVE | CALL_RENAME, EACCES, NULL }, /* the open file is still there */
        { CALL_OPEN | CALL_INFO | CALL_LEADS_TO | CALL_LIST, EACCES, "Permission denied" },
        { CALL_LEADS_TO, ESTALE, "Stale file handle" },
    };
    size_t stored = 1;
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        logged[0] = 0;
        test_clock_advance(&rig.clock, 60 * NANOS_PER_SECOND);
        test_disk_fail(rig.disk, (DiskFault){ ways[i].calls, 0, ways[i].code, true });
        if (ways[i].words) {
            refuses(ways[i].words);
            refuses(ways[i].words);
            assert_true(was_logged("data/traces: data is refused until this is mended"));
        } else {
            assert_true(rig_append(&rig, "meanwhile"));
            seglog_roll(rig.log);
            refuses("Permission denied");
            stored++;
        }
        test_disk_fail(rig.disk, (DiskFault){ .after = -1 });
        assert_true(rig_append(&rig, "after"));
        assert_true(was_logged("data/traces takes data again"));
        stored++;
    }
    has_all(stored);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(moved_away_it_refuses_and_brought_back_it_goes_on, open_rig,
                                        close_rig),
        cmocka_unit_test_setup_teardown(it_says_so_even_if_nobody_sends, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(made_anew_it_is_locked_and_taken, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(replaced_by_somebody_elses_it_refuses, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(without_its_newest_file_it_begins_another, open_rig,
                                        close_rig),
        cmocka_unit_test_setup_teardown(failing_to_take_it_anew_is_no_end, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(without_the_right_to_write_it_refuses_until_it_has_it_again,
                                        open_rig, close_rig),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
