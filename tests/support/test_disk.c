/* test_disk.c - see test_disk.h. Its own memory comes from libc, so that starving the code under
 * test does not starve the disk. */
#include "support/test_disk.h"

#include "base/random.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECTOR = 512, ENTRIES_MAX = 4096, DIRECTORIES_MAX = 64, NAME_SIZE = 512 };

typedef struct Inode {
    uint8_t *now, *synced; /* both of `cap` bytes, zero beyond their size */
    uint8_t *dirty;        /* per sector */
    size_t size, synced_size, cap;
    const void *lock; /* the handle that has it */
    struct Inode *next;
} Inode;

typedef struct Entry {
    char path[NAME_SIZE];
    Inode *inode;
} Entry;

typedef struct Names {
    Entry *at;
    size_t count;
} Names;

struct TestDisk {
    Disk base;
    pthread_mutex_t mutex;
    Random random;
    Inode *inodes; /* all that ever were */
    Names live, durable;
    char directories[DIRECTORIES_MAX][NAME_SIZE];
    size_t directory_count;
    uint64_t calls, capacity, generation;
    DiskFault fault;
    bool failed;
    DiskSync *really;
    void *really_context;
};

typedef struct Handle {
    File base;
    Inode *inode;
    uint64_t generation;
} Handle;

static void *must(void *ptr)
{
    if (!ptr)
        abort();
    return ptr;
}

/* ---- names -------------------------------------------------------------------------------------
 */

static Entry *find(Names *names, const char *path)
{
    for (size_t i = 0; i < names->count; i++)
        if (!strcmp(names->at[i].path, path))
            return &names->at[i];
    return NULL;
}

static void name_set(Names *names, const char *path, Inode *inode)
{
    Entry *entry = find(names, path);
    if (!entry) {
        if (names->count == ENTRIES_MAX || strlen(path) >= NAME_SIZE)
            abort();
        entry = &names->at[names->count++];
        snprintf(entry->path, NAME_SIZE, "%s", path);
    }
    entry->inode = inode;
}

static void name_drop(Names *names, const char *path)
{
    Entry *entry = find(names, path);
    if (entry)
        *entry = names->at[--names->count];
}

static bool lies_in(const char *path, const char *directory)
{
    size_t n = strlen(directory);
    return !strncmp(path, directory, n) && path[n] == '/' && !strchr(path + n + 1, '/');
}

/* Makes the names of one directory in `to` what they are in `from`. */
static void copy_names(Names *to, const Names *from, const char *directory)
{
    for (size_t i = to->count; i-- > 0;)
        if (lies_in(to->at[i].path, directory))
            to->at[i] = to->at[--to->count];
    for (size_t i = 0; i < from->count; i++)
        if (lies_in(from->at[i].path, directory))
            name_set(to, from->at[i].path, from->at[i].inode);
}

static bool is_directory(const TestDisk *disk, const char *path)
{
    for (size_t i = 0; i < disk->directory_count; i++)
        if (!strcmp(disk->directories[i], path))
            return true;
    return false;
}

/* ---- contents ----------------------------------------------------------------------------------
 */

static Inode *new_inode(TestDisk *disk)
{
    Inode *inode = must(calloc(1, sizeof *inode));
    inode->next = disk->inodes;
    disk->inodes = inode;
    return inode;
}

static uint8_t *widen(uint8_t *old, size_t from, size_t to)
{
    uint8_t *grown = must(realloc(old, to));
    memset(grown + from, 0, to - from);
    return grown;
}

static void make_room(Inode *inode, size_t size)
{
    if (size <= inode->cap)
        return;
    size_t cap = inode->cap ? inode->cap : SECTOR;
    while (cap < size)
        cap *= 2;
    inode->now = widen(inode->now, inode->cap, cap);
    inode->synced = widen(inode->synced, inode->cap, cap);
    inode->dirty = widen(inode->dirty, inode->cap / SECTOR, cap / SECTOR);
    inode->cap = cap;
}

static void put_bytes(Inode *inode, uint64_t offset, const void *bytes, size_t size)
{
    if (!size)
        return;
    make_room(inode, (size_t)offset + size);
    memcpy(inode->now + offset, bytes, size);
    memset(inode->dirty + offset / SECTOR, 1, (offset + size - 1) / SECTOR - offset / SECTOR + 1);
    if (offset + size > inode->size)
        inode->size = (size_t)offset + size;
}

static void cut(Inode *inode, size_t size)
{
    make_room(inode, size);
    if (size < inode->size) {
        memset(inode->now + size, 0, inode->size - size);
        memset(inode->dirty + size / SECTOR, 1, (inode->size - 1) / SECTOR - size / SECTOR + 1);
    }
    inode->size = size;
}

static void persist_size(Inode *inode, size_t size)
{
    if (size < inode->synced_size)
        memset(inode->synced + size, 0, inode->synced_size - size);
    inode->synced_size = size;
}

static void persist(Inode *inode)
{
    for (size_t sector = 0; sector < inode->cap / SECTOR; sector++)
        if (inode->dirty[sector])
            memcpy(inode->synced + sector * SECTOR, inode->now + sector * SECTOR, SECTOR);
    if (inode->cap)
        memset(inode->dirty, 0, inode->cap / SECTOR);
    persist_size(inode, inode->size);
}

static uint64_t used(const TestDisk *disk)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < disk->live.count; i++)
        bytes += disk->live.at[i].inode->size;
    return bytes;
}

/* ---- faults ------------------------------------------------------------------------------------
 */

/* Locks; true when the call may go on, still locked. */
static bool enter(TestDisk *disk, DiskCall call, const char *what, Err *err)
{
    pthread_mutex_lock(&disk->mutex);
    disk->calls++;
    DiskFault *fault = &disk->fault;
    bool hit = false;
    if ((fault->calls & call) && fault->after >= 0) {
        hit = fault->after == 0;
        if (!hit || !fault->for_good)
            fault->after--;
    }
    if (!hit)
        return true;
    disk->failed = true;
    fail_errno(err, fault->code, "%s", what);
    return false;
}

static TestDisk *disk_of(const File *file)
{
    return (TestDisk *)file->disk;
}

/* The same for a call on a handle, which may be from before the crash. */
static bool enter_file(File *file, DiskCall call, const char *what, Err *err)
{
    TestDisk *disk = disk_of(file);
    if (!enter(disk, call, what, err))
        return false;
    if (((Handle *)file)->generation == disk->generation)
        return true;
    return fail_errno(err, EIO, "%s after the power cut", what);
}

static bool leave(TestDisk *disk, bool result)
{
    pthread_mutex_unlock(&disk->mutex);
    return result;
}

/* ---- the calls ---------------------------------------------------------------------------------
 */

static Inode *open_inode(TestDisk *disk, const char *path, DiskOpen how, Err *err)
{
    Entry *entry = find(&disk->live, path);
    if (entry && how == DISK_CREATE) {
        fail_errno(err, EEXIST, "%s", path);
        return NULL;
    }
    if (entry)
        return entry->inode;
    char parent[NAME_SIZE];
    snprintf(parent, sizeof parent, "%s", path);
    char *slash = strrchr(parent, '/');
    if (slash)
        *slash = 0;
    if (how == DISK_READ || (slash && !is_directory(disk, parent))) {
        fail_errno(err, ENOENT, "%s", path);
        return NULL;
    }
    Inode *inode = new_inode(disk);
    name_set(&disk->live, path, inode);
    return inode;
}

static File *call_open(Disk *base, const char *path, DiskOpen how, Err *err)
{
    TestDisk *disk = (TestDisk *)base;
    Inode *inode = enter(disk, CALL_OPEN, path, err) ? open_inode(disk, path, how, err) : NULL;
    Handle *handle = inode ? must(calloc(1, sizeof *handle)) : NULL;
    if (handle)
        *handle = (Handle){ { base }, inode, disk->generation };
    leave(disk, true);
    return handle ? &handle->base : NULL;
}

static bool call_close(File *file, Err *err)
{
    TestDisk *disk = disk_of(file);
    bool ok = enter_file(file, CALL_CLOSE, "close", err);
    Handle *handle = (Handle *)file;
    if (handle->inode->lock == handle)
        handle->inode->lock = NULL;
    free(handle);
    return leave(disk, ok);
}

static bool call_read(File *file, uint64_t offset, void *out, size_t size, size_t *got, Err *err)
{
    bool ok = enter_file(file, CALL_READ, "read", err);
    const Inode *inode = ((Handle *)file)->inode;
    *got = 0;
    if (ok && offset < inode->size) {
        size_t left = inode->size - (size_t)offset;
        *got = size < left ? size : left;
        if (*got)
            memcpy(out, inode->now + offset, *got);
    }
    return leave(disk_of(file), ok);
}

static bool call_write(File *file, uint64_t offset, const void *bytes, size_t size, Err *err)
{
    TestDisk *disk = disk_of(file);
    Inode *inode = ((Handle *)file)->inode;
    if (!enter_file(file, CALL_WRITE, "write", err)) {
        bool alive = ((Handle *)file)->generation == disk->generation;
        size_t some = random_below(&disk->random, size + 1) / SECTOR * SECTOR;
        if (alive && used(disk) + some <= disk->capacity)
            put_bytes(inode, offset, bytes, some);
        return leave(disk, false);
    }
    uint64_t end = offset + size, more = end > inode->size ? end - inode->size : 0;
    uint64_t have = used(disk), room = disk->capacity > have ? disk->capacity - have : 0;
    bool fits = more <= room;
    if (!fits)
        size = more - room < size ? size - (size_t)(more - room) : 0;
    put_bytes(inode, offset, bytes, size);
    return leave(disk, fits || fail_errno(err, ENOSPC, "write"));
}

static bool call_sync(File *file, Err *err)
{
    TestDisk *disk = disk_of(file);
    Inode *inode = ((Handle *)file)->inode;
    bool ok = enter_file(file, CALL_SYNC, "sync", err);
    bool really = !ok || !disk->really || disk->really(disk->really_context);
    if (ok && really)
        persist(inode);
    else if (!ok && inode->cap && ((Handle *)file)->generation == disk->generation)
        memset(inode->dirty, 0, inode->cap / SECTOR);
    return leave(disk, ok);
}

static bool call_truncate(File *file, uint64_t size, Err *err)
{
    bool ok = enter_file(file, CALL_TRUNCATE, "truncate", err);
    if (ok)
        cut(((Handle *)file)->inode, (size_t)size);
    return leave(disk_of(file), ok);
}

static bool call_lock(File *file, Err *err)
{
    bool ok = enter_file(file, CALL_LOCK, "lock", err);
    Inode *inode = ((Handle *)file)->inode;
    if (ok && inode->lock && inode->lock != file)
        ok = fail(err, ERR_BUSY, "locked by another process");
    if (ok)
        inode->lock = file;
    return leave(disk_of(file), ok);
}

static bool call_info(Disk *base, const char *path, DiskInfo *out, Err *err)
{
    TestDisk *disk = (TestDisk *)base;
    bool ok = enter(disk, CALL_INFO, path, err);
    const Entry *entry = find(&disk->live, path);
    *out = (DiskInfo){ .exists = entry || is_directory(disk, path),
                       .is_directory = !entry,
                       .is_file = entry != NULL,
                       .size = entry ? entry->inode->size : 0 };
    return leave(disk, ok);
}

static bool call_leads_to(Disk *base, const char *path, File *file, bool *same, Err *err)
{
    TestDisk *disk = (TestDisk *)base;
    bool ok = enter_file(file, CALL_LEADS_TO, path, err);
    const Entry *entry = find(&disk->live, path);
    *same = ok && entry && entry->inode == ((Handle *)file)->inode;
    return leave(disk, ok);
}

static bool call_rename(Disk *base, const char *from, const char *to, Err *err)
{
    TestDisk *disk = (TestDisk *)base;
    bool ok = enter(disk, CALL_RENAME, from, err);
    const Entry *entry = find(&disk->live, from);
    if (ok && !entry)
        ok = fail_errno(err, ENOENT, "%s", from);
    if (ok) {
        Inode *inode = entry->inode;
        name_drop(&disk->live, from);
        name_set(&disk->live, to, inode);
    }
    return leave(disk, ok);
}

static bool call_remove(Disk *base, const char *path, Err *err)
{
    TestDisk *disk = (TestDisk *)base;
    bool ok = enter(disk, CALL_REMOVE, path, err);
    if (ok)
        name_drop(&disk->live, path);
    return leave(disk, ok);
}

static bool call_make_directory(Disk *base, const char *path, Err *err)
{
    TestDisk *disk = (TestDisk *)base;
    bool ok = enter(disk, CALL_MAKE_DIRECTORY, path, err);
    for (const char *at = path; ok && at;) {
        const char *slash = strchr(at + 1, '/');
        char part[NAME_SIZE];
        snprintf(part, sizeof part, "%.*s", slash ? (int)(slash - path) : NAME_SIZE - 1, path);
        if (!is_directory(disk, part) && disk->directory_count == DIRECTORIES_MAX)
            abort();
        if (!is_directory(disk, part))
            snprintf(disk->directories[disk->directory_count++], NAME_SIZE, "%s", part);
        at = slash;
    }
    return leave(disk, ok);
}

static bool call_sync_directory(Disk *base, const char *path, Err *err)
{
    TestDisk *disk = (TestDisk *)base;
    bool ok = enter(disk, CALL_SYNC_DIRECTORY, path, err);
    if (ok)
        copy_names(&disk->durable, &disk->live, path);
    return leave(disk, ok);
}

static bool call_list(Disk *base, const char *path, bool (*found)(void *, Str), void *context,
                      Err *err)
{
    TestDisk *disk = (TestDisk *)base;
    bool ok = enter(disk, CALL_LIST, path, err);
    if (ok && !is_directory(disk, path))
        ok = fail_errno(err, ENOENT, "%s", path);
    for (size_t i = 0; ok && i < disk->live.count; i++) {
        const char *name = disk->live.at[i].path;
        if (lies_in(name, path) && !found(context, str_from(name + strlen(path) + 1)))
            break;
    }
    return leave(disk, ok);
}

static bool call_space(Disk *base, const char *path, uint64_t *free_bytes, Err *err)
{
    TestDisk *disk = (TestDisk *)base;
    bool ok = enter(disk, CALL_SPACE, path, err);
    uint64_t have = used(disk);
    *free_bytes = disk->capacity > have ? disk->capacity - have : 0;
    return leave(disk, ok);
}

/* A twentieth of it is kept for root, and every file takes one of a million inodes. */
static bool call_usage(Disk *base, const char *path, DiskUsage *out, Err *err)
{
    TestDisk *disk = (TestDisk *)base;
    bool ok = enter(disk, CALL_USAGE, path, err);
    uint64_t have = used(disk), left = disk->capacity > have ? disk->capacity - have : 0;
    uint64_t kept = disk->capacity / 20;
    *out = (DiskUsage){
        .total = disk->capacity,
        .free = left,
        .available = left > kept ? left - kept : 0,
        .files = 1000000,
        .files_free = 1000000 - disk->live.count,
    };
    return leave(disk, ok);
}

static bool call_read_link(Disk *base, const char *path, Buf *out, Err *err)
{
    TestDisk *disk = (TestDisk *)base;
    bool ok = enter(disk, CALL_READ_LINK, path, err);
    const Entry *entry = ok ? find(&disk->live, path) : NULL;
    if (entry)
        buf_add(out, (Str){ (const char *)entry->inode->now, entry->inode->size });
    return leave(disk, ok && buf_ok(out, err));
}

/* ---- what the test holds -----------------------------------------------------------------------
 */

TestDisk *test_disk_new(uint64_t seed)
{
    TestDisk *disk = must(calloc(1, sizeof *disk));
    disk->base = (Disk){ .open = call_open,
                         .close = call_close,
                         .read = call_read,
                         .write = call_write,
                         .sync = call_sync,
                         .truncate = call_truncate,
                         .lock = call_lock,
                         .info = call_info,
                         .leads_to = call_leads_to,
                         .rename = call_rename,
                         .remove = call_remove,
                         .make_directory = call_make_directory,
                         .sync_directory = call_sync_directory,
                         .list = call_list,
                         .space = call_space,
                         .usage = call_usage,
                         .read_link = call_read_link };
    disk->live.at = must(calloc(ENTRIES_MAX, sizeof(Entry)));
    disk->durable.at = must(calloc(ENTRIES_MAX, sizeof(Entry)));
    disk->capacity = UINT64_MAX;
    disk->fault.after = -1;
    random_seed(&disk->random, seed);
    pthread_mutex_init(&disk->mutex, NULL);
    return disk;
}

void test_disk_free(TestDisk *disk)
{
    while (disk->inodes) {
        Inode *inode = disk->inodes;
        disk->inodes = inode->next;
        free(inode->now);
        free(inode->synced);
        free(inode->dirty);
        free(inode);
    }
    pthread_mutex_destroy(&disk->mutex);
    free(disk->live.at);
    free(disk->durable.at);
    free(disk);
}

Disk *test_disk_door(TestDisk *disk)
{
    return &disk->base;
}

void test_disk_fail(TestDisk *disk, DiskFault fault)
{
    pthread_mutex_lock(&disk->mutex);
    disk->fault = fault;
    disk->failed = false;
    leave(disk, true);
}

bool test_disk_failed(TestDisk *disk)
{
    pthread_mutex_lock(&disk->mutex);
    return leave(disk, disk->failed);
}

uint64_t test_disk_calls(TestDisk *disk)
{
    pthread_mutex_lock(&disk->mutex);
    uint64_t calls = disk->calls;
    leave(disk, true);
    return calls;
}

void test_disk_on_sync(TestDisk *disk, DiskSync *really, void *context)
{
    pthread_mutex_lock(&disk->mutex);
    disk->really = really;
    disk->really_context = context;
    leave(disk, true);
}

void test_disk_capacity(TestDisk *disk, uint64_t bytes)
{
    pthread_mutex_lock(&disk->mutex);
    disk->capacity = bytes;
    leave(disk, true);
}

static bool coin(TestDisk *disk)
{
    return random_below(&disk->random, 2) == 1;
}

static void tear(TestDisk *disk, Inode *inode)
{
    size_t low = inode->size < inode->synced_size ? inode->size : inode->synced_size;
    size_t high = inode->size > inode->synced_size ? inode->size : inode->synced_size;
    size_t size = coin(disk) ? low + random_below(&disk->random, high - low + 1) : high;
    for (size_t sector = 0; sector < inode->cap / SECTOR; sector++)
        if (inode->dirty[sector] && coin(disk))
            memcpy(inode->synced + sector * SECTOR, inode->now + sector * SECTOR, SECTOR);
    inode->synced_size = high;
    persist_size(inode, size);
}

void test_disk_crash(TestDisk *disk, DiskCrash how)
{
    pthread_mutex_lock(&disk->mutex);
    disk->generation++;
    for (size_t i = 0; how == CRASH_TEAR && i < disk->directory_count; i++)
        if (coin(disk))
            copy_names(&disk->durable, &disk->live, disk->directories[i]);
    for (Inode *inode = disk->inodes; inode; inode = inode->next) {
        inode->lock = NULL;
        if (how == CRASH_KILL)
            continue;
        if (how == CRASH_TEAR)
            tear(disk, inode);
        if (inode->cap) {
            memcpy(inode->now, inode->synced, inode->cap);
            memset(inode->dirty, 0, inode->cap / SECTOR);
        }
        inode->size = inode->synced_size;
    }
    if (how == CRASH_KILL) {
        leave(disk, true);
        return;
    }
    disk->live.count = disk->durable.count;
    memcpy(disk->live.at, disk->durable.at, disk->durable.count * sizeof(Entry));
    leave(disk, true);
}

/* "from" itself and what lies below it. */
static void move_path(char path[NAME_SIZE], const char *from, const char *to)
{
    size_t n = strlen(from);
    char moved[2 * NAME_SIZE];
    if (strncmp(path, from, n) != 0 || (path[n] && path[n] != '/'))
        return;
    if (snprintf(moved, sizeof moved, "%s%s", to, path + n) >= NAME_SIZE)
        abort();
    memcpy(path, moved, strlen(moved) + 1);
}

void test_disk_move(TestDisk *disk, const char *from, const char *to)
{
    pthread_mutex_lock(&disk->mutex);
    for (size_t i = 0; i < disk->live.count; i++)
        move_path(disk->live.at[i].path, from, to);
    for (size_t i = 0; i < disk->durable.count; i++)
        move_path(disk->durable.at[i].path, from, to);
    for (size_t i = 0; i < disk->directory_count; i++)
        move_path(disk->directories[i], from, to);
    pthread_mutex_unlock(&disk->mutex);
}

void test_disk_put(TestDisk *disk, const char *path, Str bytes)
{
    pthread_mutex_lock(&disk->mutex);
    Inode *inode = new_inode(disk);
    put_bytes(inode, 0, bytes.ptr, bytes.len);
    persist(inode);
    name_set(&disk->live, path, inode);
    name_set(&disk->durable, path, inode);
    leave(disk, true);
}

bool test_disk_get(TestDisk *disk, const char *path, Buf *out)
{
    pthread_mutex_lock(&disk->mutex);
    const Entry *entry = find(&disk->live, path);
    if (entry)
        buf_add(out, (Str){ (const char *)entry->inode->now, entry->inode->size });
    return leave(disk, entry != NULL);
}

const char *test_disk_name(TestDisk *disk, const char *ending, size_t n)
{
    const char *previous = "";
    for (size_t i = 0;; i++) {
        const char *best = NULL;
        for (size_t k = 0; k < disk->live.count; k++) {
            const char *path = disk->live.at[k].path;
            if (str_ends(str_from(path), str_from(ending)) && strcmp(path, previous) > 0 &&
                (!best || strcmp(path, best) < 0))
                best = path;
        }
        if (!best || i == n)
            return best;
        previous = best;
    }
}
