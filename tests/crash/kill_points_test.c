/* kill_points_test.c - a process that ends at every call to the disk, in turn: just before the
 * call, and just after it.
 *
 * A child opens a store, stores batches with `sync: always`, says through a pipe which are
 * acknowledged, and kills itself at its n-th call; a second one does the same with what the first
 * has left, so that recovery is cut short, too. Small segments, so that some begin and end in every
 * life. Then the parent opens the store: everything acknowledged is there, and nothing else than
 * what was sent. Files are the machine's; what a power cut does is for the disk
 * in memory (store_crash_test.c).
 */
#include "base/clock.h"
#include "base/disk.h"
#include "base/log.h"
#include "otlp/batch.h"
#include "store/scan.h"
#include "store/store.h"
#include "support/make_batch.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { SENDS = 10, NUMBERS_MAX = 2 * SENDS, PATH_SIZE = 128 };

/* ---- a disk that ends the process --------------------------------------------------------------
 */

static struct Deadly {
    Disk base;
    long left; /* calls until then */
    bool after;
} deadly;

static Disk *real(void)
{
    return disk_system();
}

static void strike(bool after)
{
    if (deadly.after == after && deadly.left-- == 0)
        kill(getpid(), SIGKILL);
}

static File *mine(File *file)
{
    if (file)
        file->disk = &deadly.base;
    return file;
}

static File *deadly_open(Disk *disk, const char *path, DiskOpen how, Err *err)
{
    (void)disk;
    strike(false);
    File *file = mine(real()->open(real(), path, how, err));
    strike(true);
    return file;
}

static bool deadly_close(File *file, Err *err)
{
    strike(false);
    bool ok = real()->close(file, err);
    strike(true);
    return ok;
}

static bool deadly_read(File *file, uint64_t offset, void *out, size_t size, size_t *got, Err *err)
{
    strike(false);
    bool ok = real()->read(file, offset, out, size, got, err);
    strike(true);
    return ok;
}

static bool deadly_write(File *file, uint64_t offset, const void *bytes, size_t size, Err *err)
{
    strike(false);
    if (size > 1 && deadly.after && deadly.left == 0) /* in the middle of it */
        (void)!real()->write(file, offset, bytes, size / 2, err);
    strike(true);
    return real()->write(file, offset, bytes, size, err);
}

static bool deadly_sync(File *file, Err *err)
{
    strike(false);
    bool ok = real()->sync(file, err);
    strike(true);
    return ok;
}

static bool deadly_truncate(File *file, uint64_t size, Err *err)
{
    strike(false);
    bool ok = real()->truncate(file, size, err);
    strike(true);
    return ok;
}

static bool deadly_rename(Disk *disk, const char *from, const char *to, Err *err)
{
    (void)disk;
    strike(false);
    bool ok = real()->rename(real(), from, to, err);
    strike(true);
    return ok;
}

static bool deadly_remove(Disk *disk, const char *path, Err *err)
{
    (void)disk;
    strike(false);
    bool ok = real()->remove(real(), path, err);
    strike(true);
    return ok;
}

static bool deadly_make_directory(Disk *disk, const char *path, Err *err)
{
    (void)disk;
    strike(false);
    bool ok = real()->make_directory(real(), path, err);
    strike(true);
    return ok;
}

static bool deadly_sync_directory(Disk *disk, const char *path, Err *err)
{
    (void)disk;
    strike(false);
    bool ok = real()->sync_directory(real(), path, err);
    strike(true);
    return ok;
}

static void deadly_init(long calls, bool after)
{
    deadly.base = *real(); /* lock, info, list, space, usage change nothing */
    deadly.base.open = deadly_open;
    deadly.base.close = deadly_close;
    deadly.base.read = deadly_read;
    deadly.base.write = deadly_write;
    deadly.base.sync = deadly_sync;
    deadly.base.truncate = deadly_truncate;
    deadly.base.rename = deadly_rename;
    deadly.base.remove = deadly_remove;
    deadly.base.make_directory = deadly_make_directory;
    deadly.base.sync_directory = deadly_sync_directory;
    deadly.left = calls;
    deadly.after = after;
}

/* ---- one life ----------------------------------------------------------------------------------
 */

static char folder[PATH_SIZE];
static long sent;
static bool told_ok[NUMBERS_MAX];
static long told_count, kills;

static Store *open_store(Disk *disk, Err *err)
{
    StoreSettings settings = store_defaults();
    settings.disk = disk;
    settings.directory = folder;
    settings.sync = SEGLOG_SYNC_ALWAYS;
    settings.segment_bytes = 1500;
    settings.reserve_bytes = 0;
    settings.own_thread = false;
    return store_open(&settings, err);
}

static int answers;        /* the pipe to the parent */
static long answered = -1; /* the newest */

static void told(void *context, const Err *err)
{
    long number = (long)(intptr_t)context;
    answered = number;
    if (!err && write(answers, &number, sizeof number) != sizeof number)
        _exit(3);
}

static void store_one(Store *store, long number)
{
    Err err = { 0 };
    char words[64];
    snprintf(words, sizeof words, "{service.name=s} n%ld", number);
    Batch *batch = make_batch(TRACES, str_from(words), &err);
    if (!batch || !store_append(store, batch, told, (void *)(intptr_t)number, &err))
        _exit(4);
    batch_unref(batch);
    store_step(store);
    while (number % 2 && answered < number) { /* the others share a group with the next */
        clock_sleep_ns(NANOS_PER_MILLI);
        store_step(store);
    }
}

/* 0: it came to its end without having been killed. */
static _Noreturn void live(long calls, bool after)
{
    Err err = { 0 };
    deadly_init(calls, after);
    Store *store = open_store(&deadly.base, &err);
    if (!store)
        _exit(2);
    for (int i = 0; i < SENDS; i++)
        store_one(store, sent + i);
    _exit(store_close(store, INT64_MAX, &err) ? 0 : 5);
}

/* True: it was killed. */
static bool one_life(long calls, bool after)
{
    int ends[2], status = 0;
    long number;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        answers = ends[1];
        live(calls, after);
    }
    close(ends[1]);
    while (read(ends[0], &number, sizeof number) == sizeof number)
        told_ok[number] = true, told_count++;
    close(ends[0]);
    assert_true(waitpid(child, &status, 0) == child);
    sent += SENDS;
    if (WIFSIGNALED(status))
        assert_int_equal(WTERMSIG(status), SIGKILL);
    else
        assert_int_equal(WEXITSTATUS(status), 0);
    return WIFSIGNALED(status);
}

/* ---- the judge ---------------------------------------------------------------------------------
 */

static void find_all(Store *store, bool *found)
{
    Err err = { 0 };
    ScanCursor *cursor = source_scan(store_spans(store), &(SpanScan){ 0 }, &err);
    assert_non_null(cursor);
    SpanBlock block;
    while (scan_next(cursor, &block, &err) == SCAN_BLOCK)
        for (size_t i = 0; i < block.count; i++) {
            uint64_t number = 0;
            assert_true(str_to_u64(str_skip(block.rows[i].name, 1), &number));
            assert_true(number < (uint64_t)sent); /* nobody sent it */
            assert_false(found[number]);          /* never twice: each was given once */
            found[number] = true;
        }
    scan_close(cursor);
}

static void judge(void)
{
    Err err = { 0 };
    bool *found = calloc(NUMBERS_MAX, sizeof *found);
    Store *store = open_store(disk_system(), &err);
    assert_non_null(found);
    if (!store)
        fail_msg("%s", err.text);
    find_all(store, found);
    for (long i = 0; i < sent; i++)
        if (told_ok[i] && !found[i])
            fail_msg("batch %ld was acknowledged and is missing", i);
    StoreStats stats;
    store_stats(store, &stats);
    assert_int_equal(stats.log.damaged_segments, 0);
    assert_true(store_close(store, INT64_MAX, &err));
    free(found);
}

static void clean(void)
{
    pid_t child = fork();
    if (child == 0) {
        execlp("rm", "rm", "-rf", "--", folder, (char *)NULL);
        _exit(1);
    }
    assert_true(waitpid(child, NULL, 0) == child);
}

/* In an empty directory, then in what that life has left, so that recovery is cut short, too. True:
 * one of them was. */
static bool two_lives(long calls, bool after)
{
    snprintf(folder, sizeof folder, "/tmp/kill_points_XXXXXX");
    assert_non_null(mkdtemp(folder));
    sent = 0;
    memset(told_ok, 0, sizeof told_ok);
    bool first = one_life(calls, after), second = one_life(calls, after);
    judge();
    clean();
    kills += first + second;
    return first || second;
}

static void at_every_call(bool after)
{
    long calls = 0;
    kills = told_count = 0;
    while (two_lives(calls, after))
        calls++;
    assert_true(kills > 50 && told_count > kills);
    print_message("counts: processes: killed %ld times, %s each of %ld calls to the disk; none of "
                  "%ld acknowledged batches was missing\n",
                  kills, after ? "in or after" : "before", calls, told_count);
}

static void killed_before_every_call(void **state)
{
    (void)state;
    at_every_call(false);
}

static void killed_after_every_call(void **state)
{
    (void)state;
    at_every_call(true);
}

int main(void)
{
    log_set_level(LOG_OFF);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_before_every_call),
        cmocka_unit_test(killed_after_every_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
