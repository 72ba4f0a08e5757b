/* disk_test.c - the machine disk: reading, writing, renaming, locking, listing, and clear errors.
 */
#include "base/disk.h"

#include "base/clock.h"
#include "support/starve.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char root[64];
static char path[128], other[128];

static int make_root(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "%s", "/tmp/cryo-disk-XXXXXX");
    if (!mkdtemp(root))
        return -1;
    snprintf(path, sizeof path, "%s/a/b/file", root);
    snprintf(other, sizeof other, "%s/a/b/renamed", root);
    return 0;
}

static bool count_name(void *context, Str name)
{
    (void)name;
    ++*(int *)context;
    return true;
}

static void test_life_of_a_file(void **state)
{
    (void)state;
    Disk *disk = disk_system();
    Err err;
    char directory[128], got_text[8] = { 0 };
    size_t got;
    snprintf(directory, sizeof directory, "%s/a/b", root);
    assert_null(disk_open(disk, path, DISK_READ, &err));
    assert_non_null(strstr(err.text, path));
    assert_true(disk->make_directory(disk, directory, &err));
    assert_true(disk->make_directory(disk, directory, &err));
    File *file = disk_open(disk, path, DISK_CREATE, &err);
    assert_non_null(file);
    assert_null(disk_open(disk, path, DISK_CREATE, &err));
    assert_true(file_write(file, 3, "defg", 4, &err));
    assert_true(file_write(file, 0, "abc", 3, &err));
    assert_true(file_sync(file, &err));
    assert_true(file_truncate(file, 6, &err));
    assert_true(file_read(file, 1, got_text, 7, &got, &err));
    assert_int_equal(got, 5);
    assert_string_equal(got_text, "bcdef");
    assert_true(file_close(file, &err));
    assert_true(disk->rename(disk, path, other, &err));
    assert_true(disk->sync_directory(disk, directory, &err));
    DiskInfo info;
    assert_true(disk->info(disk, path, &info, &err));
    assert_false(info.exists);
    assert_true(disk->info(disk, other, &info, &err));
    assert_true(info.exists && info.size == 6 && !info.is_directory && info.is_file);
    int names = 0;
    assert_true(disk->list(disk, directory, count_name, &names, &err));
    assert_int_equal(names, 1);
    uint64_t room;
    assert_true(disk->space(disk, directory, &room, &err));
    assert_true(room > 0);
}

static void test_read_all(void **state)
{
    (void)state;
    Err err;
    Buf whole = BUF(6), small = BUF(5);
    assert_true(disk_read_all(disk_system(), other, &whole, &err));
    assert_true(str_eq(buf_str(&whole), STR("abcdef")));
    assert_false(disk_read_all(disk_system(), other, &small, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    buf_free(&whole);
    buf_free(&small);
    for (long n = 0;; n++) {
        Buf out = BUF(100);
        starve_after(n);
        bool ok = disk_read_all(disk_system(), other, &out, &err);
        starve_end();
        buf_free(&out);
        assert_int_equal(starve_live(), 0);
        if (ok)
            break;
        assert_int_equal(err.kind, ERR_MEMORY);
    }
}

static void test_lock(void **state)
{
    (void)state;
    Disk *disk = disk_system();
    Err err;
    File *first = disk_open(disk, other, DISK_WRITE, &err);
    File *second = disk_open(disk, other, DISK_WRITE, &err);
    assert_true(disk->lock(first, &err));
    assert_false(disk->lock(second, &err));
    assert_int_equal(err.kind, ERR_BUSY);
    assert_true(file_close(first, &err));
    assert_true(disk->lock(second, &err));
    assert_true(file_close(second, &err));
    assert_true(disk->remove(disk, other, &err));
    assert_true(disk->remove(disk, other, &err));
}

static int remove_root(void **state)
{
    (void)state;
    char directory[128];
    snprintf(directory, sizeof directory, "%s/a/b", root);
    rmdir(directory);
    snprintf(directory, sizeof directory, "%s/a", root);
    rmdir(directory);
    return rmdir(root);
}

/* A configuration may come through one: --config <(...), --config /dev/stdin. */
static void test_read_all_of_a_pipe(void **state)
{
    (void)state;
    int ends[2];
    char name[64];
    static const char said[] = "all: { of: it }";
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], said, sizeof said - 1), sizeof said - 1);
    assert_int_equal(close(ends[1]), 0);
    snprintf(name, sizeof name, "/dev/fd/%d", ends[0]);
    Err err;
    Buf whole = BUF(100);
    assert_true(disk_read_all(disk_system(), name, &whole, &err));
    assert_true(str_eq(buf_str(&whole), STR("all: { of: it }")));
    buf_free(&whole);
    close(ends[0]);
}

/* The kernel takes less than it is asked to: as much as the limit on a file's size leaves. */
static void test_short_write(void **state)
{
    (void)state;
    Err err;
    static char bytes[4096];
    struct rlimit before, small;
    struct sigaction ignore = { .sa_handler = SIG_IGN }, old;
    memset(bytes, 'x', sizeof bytes);
    assert_int_equal(sigaction(SIGXFSZ, &ignore, &old), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 1000;
    File *file = disk_open(disk_system(), other, DISK_WRITE, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    bool took = file_write(file, 0, bytes, sizeof bytes, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_false(took);
    DiskInfo info;
    assert_true(disk_system()->info(disk_system(), other, &info, &err));
    assert_int_equal(info.size, 1000);
    assert_true(file_write(file, 0, bytes, sizeof bytes, &err) && file_close(file, &err));
    assert_true(disk_system()->info(disk_system(), other, &info, &err));
    assert_int_equal(info.size, sizeof bytes);
    assert_true(disk_system()->remove(disk_system(), other, &err));
    assert_int_equal(sigaction(SIGXFSZ, &old, NULL), 0);
}

static void hear_alarm(int number)
{
    (void)number;
}

/* A signal each millisecond while we wait for bytes: reading goes on. */
static void test_interrupted_read(void **state)
{
    (void)state;
    int ends[2];
    char name[64];
    Err err;
    struct sigaction heard = { .sa_handler = hear_alarm }, old; /* without SA_RESTART */
    struct itimerval each = { { 0, 1000 }, { 0, 1000 } }, none = { 0 };
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < 10; i++) {
            clock_sleep_ns(3 * NANOS_PER_MILLI);
            if (write(ends[1], "word", 4) != 4)
                _exit(1);
        }
        _exit(0);
    }
    close(ends[1]);
    snprintf(name, sizeof name, "/dev/fd/%d", ends[0]);
    assert_int_equal(sigaction(SIGALRM, &heard, &old), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &each, NULL), 0);
    Buf whole = BUF(100);
    bool ok = disk_read_all(disk_system(), name, &whole, &err);
    assert_int_equal(setitimer(ITIMER_REAL, &none, NULL), 0);
    assert_int_equal(sigaction(SIGALRM, &old, NULL), 0);
    assert_true(ok && whole.len == 40);
    buf_free(&whole);
    close(ends[0]);
    assert_true(waitpid(child, NULL, 0) == child);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life_of_a_file),     cmocka_unit_test(test_read_all),
        cmocka_unit_test(test_read_all_of_a_pipe), cmocka_unit_test(test_lock),
        cmocka_unit_test(test_short_write),        cmocka_unit_test(test_interrupted_read),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
