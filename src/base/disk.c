/* disk.c - the machine's files; see disk.h. */
#include "base/disk.h"

#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { PATH_LIMIT = 4096, READ_CHUNK = 64 * 1024 };

typedef struct SystemFile {
    File base;
    int fd;
} SystemFile;

static int fd_of(File *file)
{
    return ((SystemFile *)file)->fd;
}

static File *system_open(Disk *disk, const char *path, DiskOpen how, Err *err)
{
    static const int flags[] = {
        [DISK_READ] = O_RDONLY,
        [DISK_WRITE] = O_RDWR | O_CREAT,
        [DISK_CREATE] = O_RDWR | O_CREAT | O_EXCL,
    };
    SystemFile *file = MEM_MAKE(SystemFile, 1, err);
    if (!file)
        return NULL;
    file->base.disk = disk;
    file->fd = open(path, flags[how] | O_CLOEXEC, 0640);
    if (file->fd < 0) {
        fail_errno(err, errno, "%s", path);
        mem_free(file);
        return NULL;
    }
    return &file->base;
}

static bool system_close(File *file, Err *err)
{
    int code = close(fd_of(file)) ? errno : 0;
    mem_free(file);
    return code ? fail_errno(err, code, "close") : true;
}

/* A pipe has no places: it is read from where it is. */
static ssize_t read_at(int fd, void *out, size_t size, uint64_t offset)
{
    ssize_t n = pread(fd, out, size, (off_t)offset);
    return n < 0 && errno == ESPIPE ? read(fd, out, size) : n;
}

static bool system_read(File *file, uint64_t offset, void *out, size_t size, size_t *got, Err *err)
{
    for (*got = 0; *got < size;) {
        ssize_t n = read_at(fd_of(file), (char *)out + *got, size - *got, offset + *got);
        if (n == 0)
            break;
        if (n < 0 && errno != EINTR)
            return fail_errno(err, errno, "read at %llu", (unsigned long long)offset);
        *got += n > 0 ? (size_t)n : 0;
    }
    return true;
}

static bool system_write(File *file, uint64_t offset, const void *bytes, size_t size, Err *err)
{
    for (size_t done = 0; done < size;) {
        ssize_t n =
            pwrite(fd_of(file), (const char *)bytes + done, size - done, (off_t)(offset + done));
        if (n < 0 && errno != EINTR)
            return fail_errno(err, errno, "write at %llu", (unsigned long long)offset);
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

static bool system_sync(File *file, Err *err)
{
    return fdatasync(fd_of(file)) ? fail_errno(err, errno, "sync") : true;
}

static bool system_truncate(File *file, uint64_t size, Err *err)
{
    return ftruncate(fd_of(file), (off_t)size) ? fail_errno(err, errno, "truncate") : true;
}

static bool system_lock(File *file, Err *err)
{
    if (!flock(fd_of(file), LOCK_EX | LOCK_NB))
        return true;
    if (errno == EWOULDBLOCK)
        return fail(err, ERR_BUSY, "locked by another process");
    return fail_errno(err, errno, "lock");
}

static bool system_info(Disk *disk, const char *path, DiskInfo *out, Err *err)
{
    (void)disk;
    struct stat info;
    *out = (DiskInfo){ 0 };
    if (stat(path, &info))
        return errno == ENOENT ? true : fail_errno(err, errno, "%s", path);
    *out = (DiskInfo){ .exists = true,
                       .is_directory = S_ISDIR(info.st_mode),
                       .is_file = S_ISREG(info.st_mode),
                       .size = (uint64_t)info.st_size };
    return true;
}

static bool system_leads_to(Disk *disk, const char *path, File *file, bool *same, Err *err)
{
    (void)disk;
    struct stat there, ours;
    *same = false;
    if (stat(path, &there))
        return errno == ENOENT || errno == ENOTDIR ? true : fail_errno(err, errno, "%s", path);
    if (fstat(fd_of(file), &ours))
        return fail_errno(err, errno, "%s", path);
    *same = there.st_dev == ours.st_dev && there.st_ino == ours.st_ino;
    return true;
}

static bool system_rename(Disk *disk, const char *from, const char *to, Err *err)
{
    (void)disk;
    return rename(from, to) ? fail_errno(err, errno, "rename %s to %s", from, to) : true;
}

static bool system_remove(Disk *disk, const char *path, Err *err)
{
    (void)disk;
    return unlink(path) && errno != ENOENT ? fail_errno(err, errno, "remove %s", path) : true;
}

static bool make_one(const char *path, Err *err)
{
    return mkdir(path, 0750) && errno != EEXIST ? fail_errno(err, errno, "mkdir %s", path) : true;
}

static bool system_make_directory(Disk *disk, const char *path, Err *err)
{
    (void)disk;
    char whole[PATH_LIMIT];
    size_t len = strlen(path);
    if (len >= sizeof whole)
        return fail(err, ERR_INPUT, "path longer than %d bytes", PATH_LIMIT - 1);
    memcpy(whole, path, len + 1);
    for (char *slash = strchr(whole + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (!make_one(whole, err))
            return false;
        *slash = '/';
    }
    return make_one(whole, err);
}

static bool system_sync_directory(Disk *disk, const char *path, Err *err)
{
    (void)disk;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(err, errno, "%s", path);
    int code = fsync(fd) ? errno : 0;
    close(fd);
    return code ? fail_errno(err, code, "sync %s", path) : true;
}

static bool system_list(Disk *disk, const char *path, bool (*found)(void *, Str), void *context,
                        Err *err)
{
    (void)disk;
    DIR *directory = opendir(path);
    if (!directory)
        return fail_errno(err, errno, "%s", path);
    errno = 0;
    for (struct dirent *entry; (entry = readdir(directory)); errno = 0) {
        Str name = str_from(entry->d_name);
        if (str_eq(name, STR(".")) || str_eq(name, STR("..")))
            continue;
        if (!found(context, name))
            break;
    }
    int code = errno;
    closedir(directory);
    return code ? fail_errno(err, code, "list %s", path) : true;
}

static bool system_space(Disk *disk, const char *path, uint64_t *free_bytes, Err *err)
{
    (void)disk;
    struct statvfs info;
    if (statvfs(path, &info))
        return fail_errno(err, errno, "%s", path);
    *free_bytes = (uint64_t)info.f_bavail * info.f_frsize;
    return true;
}

static bool system_usage(Disk *disk, const char *path, DiskUsage *out, Err *err)
{
    (void)disk;
    struct statvfs info;
    if (statvfs(path, &info))
        return fail_errno(err, errno, "%s", path);
    *out = (DiskUsage){
        .total = (uint64_t)info.f_blocks * info.f_frsize,
        .free = (uint64_t)info.f_bfree * info.f_frsize,
        .available = (uint64_t)info.f_bavail * info.f_frsize,
        .files = info.f_files,
        .files_free = info.f_ffree,
    };
    return true;
}

static bool system_read_link(Disk *disk, const char *path, Buf *out, Err *err)
{
    (void)disk;
    char target[PATH_LIMIT];
    ssize_t len = readlink(path, target, sizeof target);
    if (len < 0)
        return errno == ENOENT ? true : fail_errno(err, errno, "%s", path);
    buf_add(out, (Str){ target, (size_t)len });
    return buf_ok(out, err);
}

Disk *disk_system(void)
{
    static Disk machine = {
        .open = system_open,
        .close = system_close,
        .read = system_read,
        .write = system_write,
        .sync = system_sync,
        .truncate = system_truncate,
        .lock = system_lock,
        .info = system_info,
        .leads_to = system_leads_to,
        .rename = system_rename,
        .remove = system_remove,
        .make_directory = system_make_directory,
        .sync_directory = system_sync_directory,
        .list = system_list,
        .space = system_space,
        .usage = system_usage,
        .read_link = system_read_link,
    };
    return &machine;
}

/* One chunk more; *got 0 at the end of the file. A full Buf asks for one byte, to tell "fits
 * exactly" from "too large". */
static bool read_chunk(File *file, uint64_t offset, Buf *out, size_t *got, Err *err)
{
    size_t left = out->max - out->len;
    size_t want = left == 0 ? 1 : left < READ_CHUNK ? left : READ_CHUNK;
    char probe;
    char *room = left ? buf_reserve(out, want) : &probe;
    if (!room)
        return buf_ok(out, err);
    if (!file_read(file, offset, room, want, got, err))
        return false;
    if (!left && *got)
        return fail(err, ERR_LIMIT, "larger than the limit of %zu bytes", out->max);
    out->len += *got;
    return true;
}

bool disk_read_all(Disk *disk, const char *path, Buf *out, Err *err)
{
    File *file = disk_open(disk, path, DISK_READ, err);
    if (!file)
        return false;
    bool ok = true;
    size_t got = 1;
    for (uint64_t offset = 0; ok && got; offset += got)
        ok = read_chunk(file, offset, out, &got, err);
    Err ignored;
    bool closed = file_close(file, ok ? err : &ignored);
    return (ok && closed) ? true : blame(err, "%s", path);
}
