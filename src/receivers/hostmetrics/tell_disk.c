/* tell_disk.c - what disks carried, and how full file systems are. */
#include "receivers/hostmetrics/host_scrape_internal.h"

#include <string.h>

static void add_both_ways(Scrape *s, const DiskStats *disk, uint64_t read, uint64_t written)
{
    const Label device = { STR("device"), disk->device };
    look_add_int(s, read, (Label[LABELS_MAX]){ device, { STR("direction"), STR("read") } });
    look_add_int(s, written, (Label[LABELS_MAX]){ device, { STR("direction"), STR("write") } });
}

static uint64_t sectors(uint64_t count)
{
    return count <= UINT64_MAX / PROC_SECTOR_BYTES ? count * PROC_SECTOR_BYTES : UINT64_MAX;
}

static double seconds(uint64_t ms)
{
    return (double)ms / 1000;
}

static void add_disk(Scrape *s, const DiskStats *disk)
{
    const Label device[LABELS_MAX] = { { STR("device"), disk->device } };
    const Label read[LABELS_MAX] = { device[0], { STR("direction"), STR("read") } };
    const Label written[LABELS_MAX] = { device[0], { STR("direction"), STR("write") } };
    switch ((int)s->metric) {
    case DISK_IO:
        add_both_ways(s, disk, sectors(disk->sectors_read), sectors(disk->sectors_written));
        break;
    case DISK_OPERATIONS: add_both_ways(s, disk, disk->reads, disk->writes); break;
    case DISK_MERGED: add_both_ways(s, disk, disk->reads_merged, disk->writes_merged); break;
    case DISK_IO_TIME: look_add_real(s, seconds(disk->io_ms), device); break;
    case DISK_WEIGHTED_IO_TIME: look_add_real(s, seconds(disk->weighted_ms), device); break;
    case DISK_PENDING: look_add_int(s, disk->pending, device); break;
    case DISK_OPERATION_TIME:
        look_add_real(s, seconds(disk->read_ms), read);
        look_add_real(s, seconds(disk->write_ms), written);
        break;
    default: break;
    }
}

bool tell_disks(Scrape *s, Err *err)
{
    DiskStats disk;
    Str rest;
    if (!look_file(s, FILE_DISKSTATS, &rest, err))
        return false;
    while (proc_disk_next(&rest, &disk))
        if (look_wants(&s->settings->include, &s->settings->exclude, disk.device))
            add_disk(s, &disk);
    return true;
}

/* --- file systems ----------------------------------------------------------------------------
 *
 * A file system is asked once in a look, however many metrics tell of it: asking may wait. */

typedef struct MountUse {
    bool good;
    DiskUsage usage;
} MountUse;

static bool is_mount_wanted(const Scrape *s, Str filesystems, const MountLine *mount, Str directory)
{
    const ScraperSettings *settings = s->settings;
    return (settings->include_virtual_filesystems || !proc_is_virtual(filesystems, mount->type)) &&
           look_wants(&settings->include_devices, &settings->exclude_devices, mount->device) &&
           look_wants(&settings->include_fs_types, &settings->exclude_fs_types, mount->type) &&
           look_wants(&settings->include_mount_points, &settings->exclude_mount_points,
                      directory) &&
           utf8_valid(mount->device) && utf8_valid(mount->type) && utf8_valid(directory);
}

static void add_state(Scrape *s, const Label *mount, Str state, uint64_t value)
{
    Label labels[LABELS_MAX] = { mount[0], mount[1], mount[2], mount[3] };
    labels[LABELS_MAX - 1] = (Label){ STR("state"), state };
    look_add_int(s, value, labels);
}

static void add_use(Scrape *s, const Label *mount, const DiskUsage *usage)
{
    uint64_t used = look_less(usage->total, usage->free);
    switch ((int)s->metric) {
    case FILESYSTEM_USAGE:
        add_state(s, mount, STR("used"), used);
        add_state(s, mount, STR("free"), usage->available);
        add_state(s, mount, STR("reserved"), look_less(usage->free, usage->available));
        break;
    case FILESYSTEM_INODES:
        if (!usage->files)
            break;
        add_state(s, mount, STR("used"), look_less(usage->files, usage->files_free));
        add_state(s, mount, STR("free"), usage->files_free);
        break;
    default:
        if (used + usage->available)
            look_add_real(s, (double)used / (double)(used + usage->available),
                          (Label[LABELS_MAX]){ mount[0], mount[1], mount[2], mount[3] });
    }
}

/* The use of the n-th mount that is wanted. */
static bool use_of(Scrape *s, size_t n, const char *directory, MountUse *out, Err *err)
{
    char path[PATH_SIZE];
    Disk *disk = s->wish->disk;
    if (s->usages.len > n * sizeof *out) {
        memcpy(out, s->usages.ptr + n * sizeof *out, sizeof *out);
        return true;
    }
    *out = (MountUse){ 0 };
    out->good = look_in_time(s, err) && look_path(s, path, err, "%s", directory) &&
                disk->usage(disk, path, &out->usage, err);
    buf_add(&s->usages, (Str){ (const char *)out, sizeof *out });
    return out->good;
}

static bool add_mount(Scrape *s, const MountLine *mount, Buf *directory, size_t n)
{
    MountUse use;
    Err why = { 0 };
    const char *text = buf_text(directory);
    bool good = text && use_of(s, n, text, &use, &why);
    if (text && !good)
        scrape_trouble(s->report, SCRAPE_FILESYSTEM, (int)s->metric, &why);
    if (!text || !use.good)
        return text != NULL;
    const Label labels[] = {
        { STR("device"), mount->device },
        { STR("mode"), proc_mount_mode(mount->options) },
        { STR("mountpoint"), buf_str(directory) },
        { STR("type"), mount->type },
    };
    add_use(s, labels, &use.usage);
    return true;
}

/* One that cannot be asked does not hide the others. */
bool tell_filesystems(Scrape *s, Err *err)
{
    MountLine mount;
    Str rest, filesystems;
    if (!look_file(s, FILE_MOUNTS, &rest, err) ||
        !look_file(s, FILE_FILESYSTEMS, &filesystems, err))
        return false;
    size_t wanted = 0;
    bool good = true;
    Buf directory = BUF(PATH_SIZE);
    while (good && proc_mount_next(&rest, &mount)) {
        buf_clear(&directory);
        proc_unescape(mount.directory, &directory);
        if (is_mount_wanted(s, filesystems, &mount, buf_str(&directory)))
            good = add_mount(s, &mount, &directory, wanted++);
    }
    good = buf_ok(&directory, err) && buf_ok(&s->usages, err);
    buf_free(&directory);
    return good;
}
