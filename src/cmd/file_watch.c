/* file_watch.c - see file_watch.h. */
#include "cmd/file_watch.h"

#include "base/str.h"

enum { FILE_READ_MAX = 16 << 20 }; /* more than a configuration has */

static uint64_t add_content(uint64_t mark, File *file)
{
    char bytes[4096];
    size_t got = 1;
    Err err;
    for (uint64_t at = 0; got && at < FILE_READ_MAX; at += got) {
        if (!file_read(file, at, bytes, sizeof bytes, &got, &err))
            break;
        mark = mark * 31 + str_hash((Str){ bytes, got });
    }
    (void)!file_close(file, &err);
    return mark;
}

/* What is missing counts, too: by its place. */
static uint64_t mark_of(Disk *disk, const char *const *files, size_t count)
{
    uint64_t mark = 0;
    for (size_t i = 0; i < count; i++) {
        Err err;
        DiskInfo info = { 0 };
        bool plain = disk->info(disk, files[i], &info, &err) && info.is_file;
        File *file = plain ? disk_open(disk, files[i], DISK_READ, &err) : NULL;
        mark = mark * 31 + (file != NULL);
        if (file)
            mark = add_content(mark, file);
    }
    return mark;
}

void file_watch_begin(FileWatch *watch, Disk *disk, const char *const *files, size_t count)
{
    watch->known = watch->last = mark_of(disk, files, count);
}

bool file_watch_changed(FileWatch *watch, Disk *disk, const char *const *files, size_t count)
{
    uint64_t now = mark_of(disk, files, count);
    bool told = now == watch->last && now != watch->known;
    watch->last = now;
    if (told)
        watch->known = now;
    return told;
}
