/* memory.c - see memory.h.
 *
 *     /proc/self/status     VmRSS:      1234 kB      (in kB whatever the page size, unlike statm)
 *     /proc/meminfo         MemTotal:   1234 kB
 *     /proc/self/cgroup     0::/a/b                  v2: /sys/fs/cgroup/a/b/memory.max, "max": none
 *                           4:cpu,memory:/a/b        v1: /sys/fs/cgroup/memory/a/b/
 *                                                        memory.limit_in_bytes, huge: none
 *
 * A group is bounded by those above it, too, so each of them is asked. In a container the path may
 * be one that only the machine outside knows; then the root, which is asked last, is the container.
 */
#include "host/memory.h"

#include <stdio.h>

enum { PROC_FILE_MAX = 64 << 10, PATH_SIZE = 4096 };

/* "Name:   123 kB" in a file of such lines. */
static bool read_kib(Disk *disk, const char *path, Str name, uint64_t *bytes, Err *err)
{
    Buf text = BUF(PROC_FILE_MAX);
    bool found = false, read = disk_read_all(disk, path, &text, err);
    Str rest = buf_str(&text), line, label;
    while (read && !found && str_split(&rest, '\n', &line)) {
        str_split(&line, ':', &label);
        line = str_trim(line);
        uint64_t kib;
        if (!str_eq(label, name) || !str_ends(line, STR(" kB")) ||
            !str_to_u64(str_trim(str_first(line, line.len - 3)), &kib) || kib > UINT64_MAX >> 10)
            continue;
        *bytes = kib << 10;
        found = true;
    }
    buf_free(&text);
    return found || (read && fail(err, ERR_IO, "%s has no %.*s", path, STR_ARG(name)));
}

bool memory_resident(Disk *disk, uint64_t *bytes, Err *err)
{
    return read_kib(disk, "/proc/self/status", STR("VmRSS"), bytes, err);
}

/* Lowers *bytes to the number in that file, if there is such a file with a number. */
static bool apply_limit(Disk *disk, const char *path, uint64_t *bytes, Err *err)
{
    DiskInfo info;
    uint64_t limit;
    if (!disk->info(disk, path, &info, err))
        return false;
    if (!info.exists)
        return true;
    Buf text = BUF(PROC_FILE_MAX);
    bool read = disk_read_all(disk, path, &text, err);
    if (read && str_to_u64(str_trim(buf_str(&text)), &limit) && limit < *bytes)
        *bytes = limit;
    buf_free(&text);
    return read;
}

typedef struct Hierarchy {
    const char *mount, *file;
} Hierarchy;

/* The group and all above it, to the root. */
static bool apply_group(Disk *disk, const Hierarchy *where, Str group, uint64_t *bytes, Err *err)
{
    char path[PATH_SIZE];
    for (;;) {
        while (str_ends(group, STR("/")))
            group.len--;
        int len =
            snprintf(path, sizeof path, "%s%.*s/%s", where->mount, STR_ARG(group), where->file);
        if (len < (int)sizeof path && !apply_limit(disk, path, bytes, err))
            return false;
        if (!group.len)
            return true;
        while (group.len && !str_ends(group, STR("/")))
            group.len--;
    }
}

/* "5:cpu,memory" has it, "5:cpu,memory_other" has not. */
static bool has_memory(Str controllers)
{
    Str name;
    while (str_split(&controllers, ',', &name))
        if (str_eq(name, STR("memory")))
            return true;
    return false;
}

static bool apply_line(Disk *disk, Str line, uint64_t *bytes, Err *err)
{
    static const Hierarchy v1 = { "/sys/fs/cgroup/memory", "memory.limit_in_bytes" };
    static const Hierarchy v2 = { "/sys/fs/cgroup", "memory.max" };
    Str number = { 0 }, controllers = { 0 };
    str_split(&line, ':', &number);
    str_split(&line, ':', &controllers);
    if (!controllers.len && str_eq(number, STR("0")))
        return apply_group(disk, &v2, line, bytes, err);
    return !has_memory(controllers) || apply_group(disk, &v1, line, bytes, err);
}

static bool apply_groups(Disk *disk, uint64_t *bytes, Err *err)
{
    static const char path[] = "/proc/self/cgroup";
    DiskInfo info;
    if (!disk->info(disk, path, &info, err))
        return false;
    if (!info.exists) /* a kernel without control groups */
        return true;
    Buf text = BUF(PROC_FILE_MAX);
    bool good = disk_read_all(disk, path, &text, err);
    Str rest = buf_str(&text), line;
    while (good && str_split(&rest, '\n', &line))
        good = apply_line(disk, line, bytes, err);
    buf_free(&text);
    return good;
}

bool memory_total(Disk *disk, uint64_t *bytes, Err *err)
{
    return read_kib(disk, "/proc/meminfo", STR("MemTotal"), bytes, err) &&
           apply_groups(disk, bytes, err);
}
