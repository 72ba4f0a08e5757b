/* test_disk.h - a disk in memory that knows what has been synced, and fails when told to.
 *
 * What it models, per 512-byte sector and per directory:
 * - A write is in the page cache until its file is synced. A sync that fails throws the dirty pages
 *   away: a later sync succeeds without them (as Linux does).
 * - A name (made, renamed, removed) is durable once its directory is synced. Directories themselves
 *   are durable at once.
 * - test_disk_crash() is the power cut: everything goes back to what was synced; or, torn, each
 *   unsynced sector and each unsynced directory decides by the seed. Files that were open before
 * are dead: every call on them fails.
 * - A write that fails has written some sectors first. A full disk takes what fits.
 *
 * All calls may come from any thread. Same seed, same calls: same result.
 */
#ifndef TESTS_SUPPORT_TEST_DISK_H
#define TESTS_SUPPORT_TEST_DISK_H

#include "base/disk.h"

typedef enum DiskCall {
    CALL_OPEN = 1 << 0,
    CALL_CLOSE = 1 << 1,
    CALL_READ = 1 << 2,
    CALL_WRITE = 1 << 3,
    CALL_SYNC = 1 << 4,
    CALL_TRUNCATE = 1 << 5,
    CALL_LOCK = 1 << 6,
    CALL_INFO = 1 << 7,
    CALL_RENAME = 1 << 8,
    CALL_REMOVE = 1 << 9,
    CALL_MAKE_DIRECTORY = 1 << 10,
    CALL_SYNC_DIRECTORY = 1 << 11,
    CALL_LIST = 1 << 12,
    CALL_SPACE = 1 << 13,
    CALL_USAGE = 1 << 14,
    CALL_LEADS_TO = 1 << 15,
    CALL_READ_LINK = 1 << 16, /* a file here is a link to what is in it */
    CALL_ANY = (1 << 17) - 1,
} DiskCall;

/* CRASH_KILL: only the process dies, so what it had written stays, synced or not. */
typedef enum DiskCrash { CRASH_CUT, CRASH_TEAR, CRASH_KILL } DiskCrash;

typedef struct TestDisk TestDisk;

TestDisk *test_disk_new(uint64_t seed);
void test_disk_free(TestDisk *disk);
Disk *test_disk_door(TestDisk *disk); /* what the code under test gets */

/* From now on `after` calls of these kinds succeed and the next fails with `code` (an errno); so do
 * all later ones when `for_good`. after < 0: none fails. */
typedef struct DiskFault {
    unsigned calls; /* DiskCall bits */
    long after;
    int code;
    bool for_good;
} DiskFault;
void test_disk_fail(TestDisk *disk, DiskFault fault);
bool test_disk_failed(TestDisk *disk);    /* has one, since test_disk_fail()? */
uint64_t test_disk_calls(TestDisk *disk); /* of any kind, so far */

/* Asked at every sync that would succeed; false: it says that it has synced and has not. It may let
 * time pass. NULL: an honest disk. */
typedef bool DiskSync(void *context);
void test_disk_on_sync(TestDisk *disk, DiskSync *really, void *context);

void test_disk_capacity(TestDisk *disk, uint64_t bytes); /* of all files; UINT64_MAX: no end */
void test_disk_crash(TestDisk *disk, DiskCrash how);

/* Past the faults and at once durable: the directory with all that lies in it gets another name. */
void test_disk_move(TestDisk *disk, const char *from, const char *to);

/* Past the faults: files as a test wants them, synced. get: false when there is none. */
void test_disk_put(TestDisk *disk, const char *path, Str bytes);
bool test_disk_get(TestDisk *disk, const char *path, Buf *out);
/* The n-th name that ends so, in order; NULL when there are not so many. Borrowed until a change.
 */
const char *test_disk_name(TestDisk *disk, const char *ending, size_t n);

#endif
