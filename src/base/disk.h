/* disk.h - files behind one small interface that a test can replace.
 *
 * Everything that lasts goes through a Disk: the machine's (disk_system), one that fails at the
 * n-th call and knows what has been synced (tests/support/test_disk.h). Calls block: they belong on
 * worker threads. A write that fell short, and a sync that failed, are errors; what they mean is
 * the caller's law (DESIGN.md section 6). File offsets are explicit; no call depends on an earlier
 * one.
 */
#ifndef BASE_DISK_H
#define BASE_DISK_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

typedef struct Disk Disk;
typedef struct File File;

typedef enum DiskOpen {
    DISK_READ,   /* must exist */
    DISK_WRITE,  /* read and write, created when missing */
    DISK_CREATE, /* read and write, must not exist yet */
} DiskOpen;

typedef struct DiskInfo {
    bool exists, is_directory;
    bool is_file; /* false also for pipes and devices, which may block */
    uint64_t size;
} DiskInfo;

struct File {
    Disk *disk;
};

typedef struct DiskUsage {           /* of the file system that a path lies in */
    uint64_t total, free, available; /* bytes; available: to those who are not root */
    uint64_t files, files_free;      /* inodes; 0 of 0 where there are none */
} DiskUsage;

/* Paths are zero-terminated. NULL or false: err says which path and why. */
struct Disk {
    File *(*open)(Disk *disk, const char *path, DiskOpen how, Err *err);
    bool (*close)(File *file, Err *err); /* the File is gone either way */
    bool (*read)(File *file, uint64_t offset, void *out, size_t size, size_t *got, Err *err);
    bool (*write)(File *file, uint64_t offset, const void *bytes, size_t size, Err *err);
    bool (*sync)(File *file, Err *err); /* data and size (fdatasync) */
    bool (*truncate)(File *file, uint64_t size, Err *err);
    bool (*lock)(File *file, Err *err); /* exclusive, ERR_BUSY when another process has it */
    bool (*info)(Disk *disk, const char *path, DiskInfo *out, Err *err); /* missing is no error */
    /* Is that file what the path leads to now? It is not once it, or a directory above it, has been
     * removed, renamed or replaced, however well it can still be written. */
    bool (*leads_to)(Disk *disk, const char *path, File *file, bool *same, Err *err);
    bool (*rename)(Disk *disk, const char *from, const char *to, Err *err);
    bool (*remove)(Disk *disk, const char *path, Err *err); /* a file; missing is no error */
    bool (*make_directory)(Disk *disk, const char *path,
                           Err *err); /* with parents; existing is fine */
    bool (*sync_directory)(Disk *disk, const char *path, Err *err);
    /* Calls found() for each name but . and .., in no order; stops when it returns false. */
    bool (*list)(Disk *disk, const char *path, bool (*found)(void *context, Str name),
                 void *context, Err *err);
    bool (*space)(Disk *disk, const char *path, uint64_t *free_bytes, Err *err);
    bool (*usage)(Disk *disk, const char *path, DiskUsage *out, Err *err);
    /* Where a symbolic link leads, appended to out; nothing when there is none. */
    bool (*read_link)(Disk *disk, const char *path, Buf *out, Err *err);
};

Disk *disk_system(void);

static inline File *disk_open(Disk *disk, const char *path, DiskOpen how, Err *err)
{
    return disk->open(disk, path, how, err);
}
static inline bool file_close(File *file, Err *err)
{
    return file->disk->close(file, err);
}
static inline bool file_read(File *file, uint64_t offset, void *out, size_t size, size_t *got,
                             Err *err)
{
    return file->disk->read(file, offset, out, size, got, err);
}
static inline bool file_write(File *file, uint64_t offset, const void *bytes, size_t size, Err *err)
{
    return file->disk->write(file, offset, bytes, size, err);
}
static inline bool file_sync(File *file, Err *err)
{
    return file->disk->sync(file, err);
}
static inline bool file_truncate(File *file, uint64_t size, Err *err)
{
    return file->disk->truncate(file, size, err);
}

/* The whole file, appended to out; out's ceiling bounds it. */
CHECKED bool disk_read_all(Disk *disk, const char *path, Buf *out, Err *err);

#endif
