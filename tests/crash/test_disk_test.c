/* The judge is judged: the test disk loses what was not synced and only that, fails where it is
 * told, and does the same again for the same seed. */
#include "support/test_disk.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static Err err;

static File *open_in(TestDisk *disk, const char *path, DiskOpen how)
{
    Disk *door = test_disk_door(disk);
    assert_true(door->make_directory(door, "d", &err));
    File *file = disk_open(door, path, how, &err);
    assert_non_null(file);
    return file;
}

static void put(File *file, uint64_t offset, const char *text)
{
    assert_true(file_write(file, offset, text, strlen(text), &err));
}

static void expect(TestDisk *disk, const char *path, const char *text)
{
    Buf bytes = BUF(1 << 16);
    bool there = test_disk_get(disk, path, &bytes);
    assert_true(there == (text != NULL));
    if (text)
        assert_true(str_eq(buf_str(&bytes), str_from(text)));
    buf_free(&bytes);
}

static bool sync_d(TestDisk *disk)
{
    Disk *door = test_disk_door(disk);
    return door->sync_directory(door, "d", &err);
}

static void a_power_cut_leaves_what_was_synced(void **state)
{
    (void)state;
    TestDisk *disk = test_disk_new(1);
    Disk *door = test_disk_door(disk);
    File *named = open_in(disk, "d/named", DISK_CREATE);
    File *nameless = open_in(disk, "d/nameless", DISK_CREATE);
    put(named, 0, "safe");
    assert_true(file_sync(named, &err) && file_truncate(named, 4, &err));
    door->remove(door, "d/nameless", &err);
    assert_true(sync_d(disk));
    put(named, 4, ", not safe");
    put(nameless, 0, "x");
    File *late = open_in(disk, "d/late", DISK_CREATE);
    put(late, 0, "synced, but without a name");
    assert_true(file_sync(late, &err));
    test_disk_crash(disk, CRASH_CUT);
    expect(disk, "d/named", "safe");
    expect(disk, "d/nameless", NULL);
    expect(disk, "d/late", NULL);
    assert_false(file_write(named, 0, "dead", 4, &err));
    assert_false(file_sync(named, &err));
    (void)file_close(named, &err);
    (void)file_close(nameless, &err);
    (void)file_close(late, &err);
    test_disk_free(disk);
}

static void renames_and_removals_need_the_directory(void **state)
{
    (void)state;
    for (int synced = 0; synced < 2; synced++) {
        TestDisk *disk = test_disk_new(1);
        Disk *door = test_disk_door(disk);
        assert_true(door->make_directory(door, "d", &err));
        test_disk_put(disk, "d/a", STR("A"));
        test_disk_put(disk, "d/b", STR("B"));
        assert_true(door->rename(door, "d/a", "d/c", &err) && door->remove(door, "d/b", &err));
        if (synced)
            assert_true(sync_d(disk));
        test_disk_crash(disk, CRASH_CUT);
        expect(disk, "d/a", synced ? NULL : "A");
        expect(disk, "d/b", synced ? NULL : "B");
        expect(disk, "d/c", synced ? "A" : NULL);
        test_disk_free(disk);
    }
}

static void a_failed_sync_loses_the_pages_for_good(void **state)
{
    (void)state;
    TestDisk *disk = test_disk_new(1);
    File *file = open_in(disk, "d/f", DISK_CREATE);
    assert_true(sync_d(disk));
    put(file, 0, "one");
    test_disk_fail(disk, (DiskFault){ CALL_SYNC, 0, EIO, false });
    assert_false(file_sync(file, &err));
    assert_true(test_disk_failed(disk));
    assert_true(file_sync(file, &err)); /* and says nothing about what is gone */
    test_disk_crash(disk, CRASH_CUT);
    Buf bytes = BUF(100);
    assert_true(test_disk_get(disk, "d/f", &bytes));
    assert_false(str_contains(buf_str(&bytes), STR("one")));
    buf_free(&bytes);
    (void)file_close(file, &err);
    test_disk_free(disk);
}

static void tearing_keeps_synced_sectors_and_mixes_the_others(void **state)
{
    (void)state;
    static char old_text[4096], new_text[4096];
    memset(old_text, 'o', sizeof old_text);
    memset(new_text, 'n', sizeof new_text);
    int mixed = 0;
    for (uint64_t seed = 0; seed < 20; seed++) {
        Buf results[2] = { BUF(8192), BUF(8192) };
        for (int again = 0; again < 2; again++) {
            TestDisk *disk = test_disk_new(seed);
            Disk *door = test_disk_door(disk);
            assert_true(door->make_directory(door, "d", &err));
            test_disk_put(disk, "d/f", (Str){ old_text, sizeof old_text });
            File *file = open_in(disk, "d/f", DISK_WRITE);
            assert_true(file_write(file, 1024, new_text, 2048, &err));
            test_disk_crash(disk, CRASH_TEAR);
            assert_true(test_disk_get(disk, "d/f", &results[again]));
            (void)file_close(file, &err);
            test_disk_free(disk);
        }
        assert_int_equal(results[0].len, sizeof old_text);
        assert_true(str_eq(buf_str(&results[0]), buf_str(&results[1])));
        assert_memory_equal(results[0].ptr, old_text, 1024);
        assert_memory_equal(results[0].ptr + 3072, old_text, 1024);
        for (size_t at = 1024; at < 3072; at += 512)
            assert_memory_equal(results[0].ptr + at,
                                results[0].ptr[at] == 'n' ? new_text : old_text, 512);
        Str written = { results[0].ptr + 1024, 2048 };
        mixed += str_contains(written, STR("no")) || str_contains(written, STR("on"));
        buf_free(&results[0]);
        buf_free(&results[1]);
    }
    assert_true(mixed > 5);
}

static void a_full_disk_takes_what_fits(void **state)
{
    (void)state;
    TestDisk *disk = test_disk_new(1);
    Disk *door = test_disk_door(disk);
    uint64_t room;
    File *file = open_in(disk, "d/f", DISK_CREATE);
    test_disk_capacity(disk, 6);
    assert_false(file_write(file, 0, "12345678", 8, &err));
    assert_int_equal(err.kind, ERR_BUSY);
    expect(disk, "d/f", "123456");
    assert_true(door->space(door, "d", &room, &err) && room == 0);
    assert_true(file_truncate(file, 2, &err) && file_write(file, 2, "ABCD", 4, &err));
    assert_true(file_close(file, &err));
    test_disk_free(disk);
}

static void the_nth_call_fails_once_or_for_good(void **state)
{
    (void)state;
    TestDisk *disk = test_disk_new(1);
    File *file = open_in(disk, "d/f", DISK_CREATE);
    uint64_t before = test_disk_calls(disk);
    test_disk_fail(disk, (DiskFault){ CALL_WRITE, 1, ENOSPC, false });
    bool first = file_write(file, 0, "1", 1, &err), second = file_write(file, 0, "2", 1, &err);
    bool third = file_write(file, 0, "3", 1, &err);
    assert_true(first && !second && third);
    assert_int_equal(test_disk_calls(disk), before + 3);
    test_disk_fail(disk, (DiskFault){ CALL_WRITE, 0, EIO, true });
    assert_false(file_write(file, 0, "4", 1, &err));
    assert_false(file_write(file, 0, "5", 1, &err));
    assert_true(file_sync(file, &err)); /* other calls are not meant */
    assert_true(file_close(file, &err));
    test_disk_free(disk);
}

static void a_lock_is_held_by_one_handle(void **state)
{
    (void)state;
    TestDisk *disk = test_disk_new(1);
    Disk *door = test_disk_door(disk);
    File *one = open_in(disk, "d/lock", DISK_WRITE), *other = open_in(disk, "d/lock", DISK_WRITE);
    assert_true(door->lock(one, &err));
    assert_false(door->lock(other, &err));
    assert_int_equal(err.kind, ERR_BUSY);
    assert_true(file_close(one, &err));
    assert_true(door->lock(other, &err));
    assert_true(file_close(other, &err));
    test_disk_free(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_power_cut_leaves_what_was_synced),
        cmocka_unit_test(renames_and_removals_need_the_directory),
        cmocka_unit_test(a_failed_sync_loses_the_pages_for_good),
        cmocka_unit_test(tearing_keeps_synced_sectors_and_mixes_the_others),
        cmocka_unit_test(a_full_disk_takes_what_fits),
        cmocka_unit_test(the_nth_call_fails_once_or_for_good),
        cmocka_unit_test(a_lock_is_held_by_one_handle),
    };
    return cmocka_run_group_tests_name("test disk", tests, NULL, NULL);
}
