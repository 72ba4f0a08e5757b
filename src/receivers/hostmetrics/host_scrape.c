/* host_scrape.c - from the files of /proc to OTLP; see host_scrape.h.
 *
 * A metric is opened, filled by walking its file's lines, and taken back when it has no points, as
 * is a scope without metrics. So a file is walked once per metric, which costs less than keeping
 * what was read.
 */
#include "receivers/hostmetrics/host_scrape.h"

#include "base/clock.h"
#include "host/proc_text.h"
#include "otlp/encode.h"
#include "receivers/hostmetrics/host_metric_internal.h"

#include <stdio.h>

enum {
    FILE_MAX = 16 << 20, /* of /proc: a hundred thousand connections */
    PATH_SIZE = 4096,
    LABELS_MAX = 5,
};

/* clang-format off */
const HostMetric host_metrics[HOST_METRICS] = {
    [CPU_TIME] = { SCRAPE_CPU, STR_ROW("system.cpu.time"), STR_ROW("s"),
        STR_ROW("Time that each processor spent in each state."), HOST_TOTAL },
    [LOAD_1M] = { SCRAPE_LOAD, STR_ROW("system.cpu.load_average.1m"), STR_ROW("{thread}"),
        STR_ROW("Load average over one minute."), HOST_GAUGE },
    [LOAD_5M] = { SCRAPE_LOAD, STR_ROW("system.cpu.load_average.5m"), STR_ROW("{thread}"),
        STR_ROW("Load average over five minutes."), HOST_GAUGE },
    [LOAD_15M] = { SCRAPE_LOAD, STR_ROW("system.cpu.load_average.15m"), STR_ROW("{thread}"),
        STR_ROW("Load average over fifteen minutes."), HOST_GAUGE },
    [MEMORY_USAGE] = { SCRAPE_MEMORY, STR_ROW("system.memory.usage"), STR_ROW("By"),
        STR_ROW("What the memory is used for."), HOST_LEVEL },
    [DISK_IO] = { SCRAPE_DISK, STR_ROW("system.disk.io"), STR_ROW("By"),
        STR_ROW("Bytes read from and written to disks."), HOST_TOTAL },
    [DISK_OPERATIONS] = { SCRAPE_DISK, STR_ROW("system.disk.operations"), STR_ROW("{operations}"),
        STR_ROW("Reads and writes that disks completed."), HOST_TOTAL },
    [DISK_IO_TIME] = { SCRAPE_DISK, STR_ROW("system.disk.io_time"), STR_ROW("s"),
        STR_ROW("Time in which a disk had something to do."), HOST_TOTAL },
    [DISK_OPERATION_TIME] = { SCRAPE_DISK, STR_ROW("system.disk.operation_time"), STR_ROW("s"),
        STR_ROW("Time that all reads and all writes took, added up."), HOST_TOTAL },
    [DISK_WEIGHTED_IO_TIME] = { SCRAPE_DISK, STR_ROW("system.disk.weighted_io_time"), STR_ROW("s"),
        STR_ROW("Time that operations waited and were served, times how many there were."),
        HOST_TOTAL },
    [DISK_PENDING] = { SCRAPE_DISK, STR_ROW("system.disk.pending_operations"),
        STR_ROW("{operations}"), STR_ROW("Operations that are on their way."), HOST_LEVEL },
    [DISK_MERGED] = { SCRAPE_DISK, STR_ROW("system.disk.merged"), STR_ROW("{operations}"),
        STR_ROW("Reads and writes that were put together with others."), HOST_TOTAL },
    [FILESYSTEM_USAGE] = { SCRAPE_FILESYSTEM, STR_ROW("system.filesystem.usage"), STR_ROW("By"),
        STR_ROW("Bytes of file systems in each state."), HOST_LEVEL },
    [FILESYSTEM_INODES] = { SCRAPE_FILESYSTEM, STR_ROW("system.filesystem.inodes.usage"),
        STR_ROW("{inodes}"), STR_ROW("Inodes of file systems in each state."), HOST_LEVEL },
    [NETWORK_PACKETS] = { SCRAPE_NETWORK, STR_ROW("system.network.packets"), STR_ROW("{packets}"),
        STR_ROW("Packets that interfaces carried."), HOST_TOTAL },
    [NETWORK_DROPPED] = { SCRAPE_NETWORK, STR_ROW("system.network.dropped"), STR_ROW("{packets}"),
        STR_ROW("Packets that interfaces dropped."), HOST_TOTAL },
    [NETWORK_ERRORS] = { SCRAPE_NETWORK, STR_ROW("system.network.errors"), STR_ROW("{errors}"),
        STR_ROW("Errors that interfaces met."), HOST_TOTAL },
    [NETWORK_IO] = { SCRAPE_NETWORK, STR_ROW("system.network.io"), STR_ROW("By"),
        STR_ROW("Bytes that interfaces carried."), HOST_TOTAL },
    [NETWORK_CONNECTIONS] = { SCRAPE_NETWORK, STR_ROW("system.network.connections"),
        STR_ROW("{connections}"), STR_ROW("TCP connections in each state."), HOST_LEVEL },
};
/* clang-format on */

typedef struct Scrape {
    const ScrapeWish *wish;
    const ScraperSettings *settings; /* of the scraper at hand */
    Buf *out;
    Buf text, more; /* of files at hand */
    int64_t boot_ns;
    const HostMetric *metric; /* that is open */
    size_t before, message, data, points;
} Scrape;

/* --- files ----------------------------------------------------------------------------------- */

static bool path_of(const Scrape *s, const char *file, char out[PATH_SIZE], Err *err)
{
    int len = snprintf(out, PATH_SIZE, "%.*s%s", STR_ARG(s->wish->root_path), file);
    return len < PATH_SIZE || fail(err, ERR_INPUT, "path longer than %d bytes", PATH_SIZE - 1);
}

static bool read_file(Scrape *s, const char *file, Buf *into, Err *err)
{
    char path[PATH_SIZE];
    buf_clear(into);
    return path_of(s, file, path, err) && disk_read_all(s->wish->disk, path, into, err);
}

/* Our own process stands in one place or another: below a root path the first one tells. */
static bool read_process_file(Scrape *s, const char *name, Buf *into, Err *err)
{
    char file[64];
    snprintf(file, sizeof file, "/proc/%s/%s", s->wish->root_path.len ? "1" : "self", name);
    return read_file(s, file, into, err);
}

static void read_boot_time(Scrape *s)
{
    Err ignored; /* then sums have no start; who needs the file says so */
    uint64_t seconds;
    if (read_file(s, "/proc/stat", &s->text, &ignored) &&
        proc_boot_time(buf_str(&s->text), &seconds) && seconds < INT64_MAX / NANOS_PER_SECOND)
        s->boot_ns = (int64_t)seconds * NANOS_PER_SECOND;
}

/* --- metrics --------------------------------------------------------------------------------- */

static bool is_switched_off(const ScraperSettings *settings, Str name)
{
    for (size_t i = 0; i < settings->metrics.count; i++)
        if (str_eq(settings->metrics.items[i].key, name))
            return !settings->metrics.items[i].enabled;
    return false;
}

/* False: nobody wants it. */
static bool open_metric(Scrape *s, HostMetricId id)
{
    const HostMetric *metric = &host_metrics[id];
    if (is_switched_off(s->settings, metric->name))
        return false;
    const MetricView view = {
        .name = metric->name,
        .description = metric->description,
        .unit = metric->unit,
        .kind = metric->kind == HOST_GAUGE ? METRIC_GAUGE : METRIC_SUM,
        .temporality = metric->kind == HOST_GAUGE ? 0 : TEMPORALITY_CUMULATIVE,
        .is_monotonic = metric->kind == HOST_TOTAL,
    };
    s->metric = metric;
    s->points = 0;
    s->before = s->out->len;
    s->message = wire_open(s->out, SCOPES_ITEM);
    encode_metric(s->out, &view);
    s->data = wire_open(s->out, view.kind);
    encode_data(s->out, &view);
    return true;
}

static void close_metric(Scrape *s)
{
    wire_close(s->out, s->data);
    wire_close(s->out, s->message);
    if (!s->points && !s->out->failed)
        s->out->len = s->before;
}

typedef struct Label {
    Str key, value;
} Label;

/* Labels end with one without a key. */
static void add_point(Scrape *s, NumberView value, const Label *labels)
{
    const NumberPointView point = {
        .start_ns = s->metric->kind == HOST_GAUGE ? 0 : (uint64_t)s->boot_ns,
        .time_ns = (uint64_t)s->wish->now_ns,
        .value = value,
    };
    size_t message = wire_open(s->out, DATA_POINTS);
    encode_number_point(s->out, &point);
    for (size_t i = 0; i < LABELS_MAX && labels[i].key.len; i++)
        encode_text(s->out, NUMBER_ATTRIBUTES, labels[i].key, labels[i].value);
    wire_close(s->out, message);
    s->points++;
}

static void add_int(Scrape *s, uint64_t value, const Label *labels)
{
    int64_t integer = value < INT64_MAX ? (int64_t)value : INT64_MAX;
    add_point(s, (NumberView){ .kind = NUMBER_INT, .integer = integer }, labels);
}

static void add_real(Scrape *s, double value, const Label *labels)
{
    add_point(s, (NumberView){ .kind = NUMBER_DOUBLE, .real = value }, labels);
}

static bool is_wanted(const NameFilter *include, const NameFilter *exclude, Str name)
{
    return (!include->present || name_set_has(include->set, name)) &&
           (!exclude->present || !name_set_has(exclude->set, name));
}

/* --- cpu, load, memory ----------------------------------------------------------------------- */

static bool scrape_cpu(Scrape *s, Err *err)
{
    static const Str states[CPU_STATES] = {
        [CPU_USER] = STR_ROW("user"),       [CPU_NICE] = STR_ROW("nice"),
        [CPU_SYSTEM] = STR_ROW("system"),   [CPU_IDLE] = STR_ROW("idle"),
        [CPU_WAIT] = STR_ROW("wait"),       [CPU_INTERRUPT] = STR_ROW("interrupt"),
        [CPU_SOFTIRQ] = STR_ROW("softirq"), [CPU_STEAL] = STR_ROW("steal"),
    };
    CpuTimes times;
    if (!read_file(s, "/proc/stat", &s->text, err))
        return false;
    if (!open_metric(s, CPU_TIME))
        return true;
    for (Str rest = buf_str(&s->text); proc_cpu_next(&rest, &times);)
        for (size_t i = 0; i < CPU_STATES; i++)
            add_real(s, (double)times.ticks[i] / PROC_TICKS_PER_SECOND,
                     (Label[LABELS_MAX]){ { STR("cpu"), times.name },
                                          { STR("state"), states[i] } });
    close_metric(s);
    return s->points || fail(err, ERR_INPUT, "/proc/stat tells of no processor");
}

static bool count_cpus(Scrape *s, double *out, Err *err)
{
    CpuTimes times;
    if (!read_file(s, "/proc/stat", &s->more, err))
        return false;
    *out = 0;
    for (Str rest = buf_str(&s->more); proc_cpu_next(&rest, &times);)
        *out += 1;
    return *out > 0 || fail(err, ERR_INPUT, "/proc/stat tells of no processor");
}

static bool scrape_load(Scrape *s, Err *err)
{
    LoadAverages load;
    double share = 1;
    if (!read_file(s, "/proc/loadavg", &s->text, err) ||
        (s->settings->cpu_average && !count_cpus(s, &share, err)))
        return false;
    if (!proc_load(buf_str(&s->text), &load))
        return fail(err, ERR_INPUT, "/proc/loadavg has no three numbers");
    const double values[] = { load.one, load.five, load.fifteen };
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        if (!open_metric(s, (HostMetricId)(LOAD_1M + (int)i)))
            continue;
        add_real(s, values[i] / share, (Label[LABELS_MAX]){ 0 });
        close_metric(s);
    }
    return true;
}

static uint64_t less(uint64_t from, uint64_t by)
{
    return from > by ? from - by : 0;
}

/* What the kernel can take back at once (slab) counts as cached, so that used is what is left. */
static bool scrape_memory(Scrape *s, Err *err)
{
    MemoryInfo info;
    if (!read_file(s, "/proc/meminfo", &s->text, err))
        return false;
    if (!proc_memory(buf_str(&s->text), &info))
        return fail(err, ERR_INPUT, "/proc/meminfo has no MemTotal");
    uint64_t cached = info.cached + info.slab_reclaimable;
    const struct {
        Str state;
        uint64_t bytes;
    } rows[] = {
        { STR("buffered"), info.buffers },
        { STR("cached"), cached },
        { STR("free"), info.free },
        { STR("slab_reclaimable"), info.slab_reclaimable },
        { STR("slab_unreclaimable"), info.slab_unreclaimable },
        { STR("used"), less(less(less(info.total, info.free), info.buffers), cached) },
    };
    if (!open_metric(s, MEMORY_USAGE))
        return true;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        add_int(s, rows[i].bytes, (Label[LABELS_MAX]){ { STR("state"), rows[i].state } });
    close_metric(s);
    return true;
}

/* --- disk ------------------------------------------------------------------------------------ */

static void add_both_ways(Scrape *s, const DiskStats *disk, uint64_t read, uint64_t written)
{
    add_int(s, read,
            (Label[LABELS_MAX]){ { STR("device"), disk->device },
                                 { STR("direction"), STR("read") } });
    add_int(s, written,
            (Label[LABELS_MAX]){ { STR("device"), disk->device },
                                 { STR("direction"), STR("write") } });
}

static uint64_t sectors(uint64_t count)
{
    return count <= UINT64_MAX / PROC_SECTOR_BYTES ? count * PROC_SECTOR_BYTES : UINT64_MAX;
}

static double seconds(uint64_t ms)
{
    return (double)ms / 1000;
}

static void add_disk(Scrape *s, HostMetricId id, const DiskStats *disk)
{
    const Label device[LABELS_MAX] = { { STR("device"), disk->device } };
    const Label read[LABELS_MAX] = { device[0], { STR("direction"), STR("read") } };
    const Label written[LABELS_MAX] = { device[0], { STR("direction"), STR("write") } };
    switch ((int)id) {
    case DISK_IO:
        add_both_ways(s, disk, sectors(disk->sectors_read), sectors(disk->sectors_written));
        break;
    case DISK_OPERATIONS: add_both_ways(s, disk, disk->reads, disk->writes); break;
    case DISK_MERGED: add_both_ways(s, disk, disk->reads_merged, disk->writes_merged); break;
    case DISK_IO_TIME: add_real(s, seconds(disk->io_ms), device); break;
    case DISK_WEIGHTED_IO_TIME: add_real(s, seconds(disk->weighted_ms), device); break;
    case DISK_PENDING: add_int(s, disk->pending, device); break;
    case DISK_OPERATION_TIME:
        add_real(s, seconds(disk->read_ms), read);
        add_real(s, seconds(disk->write_ms), written);
        break;
    default: break;
    }
}

static bool scrape_disk(Scrape *s, Err *err)
{
    DiskStats disk;
    if (!read_file(s, "/proc/diskstats", &s->text, err))
        return false;
    for (int id = DISK_IO; id <= DISK_MERGED; id++) {
        if (!open_metric(s, (HostMetricId)id))
            continue;
        for (Str rest = buf_str(&s->text); proc_disk_next(&rest, &disk);)
            if (is_wanted(&s->settings->include, &s->settings->exclude, disk.device))
                add_disk(s, (HostMetricId)id, &disk);
        close_metric(s);
    }
    return true;
}

/* --- filesystem ------------------------------------------------------------------------------ */

static bool is_mount_wanted(const Scrape *s, const MountLine *mount, Str directory)
{
    const ScraperSettings *settings = s->settings;
    return (settings->include_virtual_filesystems ||
            !proc_is_virtual(buf_str(&s->more), mount->type)) &&
           is_wanted(&settings->include_devices, &settings->exclude_devices, mount->device) &&
           is_wanted(&settings->include_fs_types, &settings->exclude_fs_types, mount->type) &&
           is_wanted(&settings->include_mount_points, &settings->exclude_mount_points, directory);
}

static void add_state(Scrape *s, const Label *mount, Str state, uint64_t value)
{
    Label labels[LABELS_MAX] = { mount[0], mount[1], mount[2], mount[3] };
    labels[LABELS_MAX - 1] = (Label){ STR("state"), state };
    add_int(s, value, labels);
}

static bool add_usage(Scrape *s, const MountLine *mount, Buf *directory, Err *err)
{
    char path[PATH_SIZE];
    DiskUsage usage;
    const char *text = buf_text(directory);
    Disk *disk = s->wish->disk;
    if (!text)
        return buf_ok(directory, err);
    if (!path_of(s, text, path, err) || !disk->usage(disk, path, &usage, err))
        return false;
    const Label labels[] = {
        { STR("device"), mount->device },
        { STR("mode"), proc_mount_mode(mount->options) },
        { STR("mountpoint"), buf_str(directory) },
        { STR("type"), mount->type },
    };
    if (s->metric == &host_metrics[FILESYSTEM_USAGE]) {
        add_state(s, labels, STR("used"), less(usage.total, usage.free));
        add_state(s, labels, STR("free"), usage.available);
        add_state(s, labels, STR("reserved"), less(usage.free, usage.available));
    } else if (usage.files) {
        add_state(s, labels, STR("used"), less(usage.files, usage.files_free));
        add_state(s, labels, STR("free"), usage.files_free);
    }
    return true;
}

/* One that cannot be asked does not hide the others. */
static bool add_mounts(Scrape *s, Err *err)
{
    MountLine mount;
    bool good = true;
    Buf directory = BUF(PATH_SIZE);
    for (Str rest = buf_str(&s->text); proc_mount_next(&rest, &mount);) {
        buf_clear(&directory);
        proc_unescape(mount.directory, &directory);
        if (is_mount_wanted(s, &mount, buf_str(&directory)) &&
            !add_usage(s, &mount, &directory, err))
            good = false;
    }
    buf_free(&directory);
    return good;
}

static bool scrape_filesystem(Scrape *s, Err *err)
{
    bool good = true;
    if (!read_process_file(s, "mounts", &s->text, err) ||
        !read_file(s, "/proc/filesystems", &s->more, err))
        return false;
    for (int id = FILESYSTEM_USAGE; id <= FILESYSTEM_INODES; id++) {
        if (!open_metric(s, (HostMetricId)id))
            continue;
        good = add_mounts(s, err) && good;
        close_metric(s);
    }
    return good;
}

/* --- network --------------------------------------------------------------------------------- */

static uint64_t network_value(HostMetricId id, const NetworkCounts *counts)
{
    switch ((int)id) {
    case NETWORK_PACKETS: return counts->packets;
    case NETWORK_DROPPED: return counts->dropped;
    case NETWORK_ERRORS: return counts->errors;
    default: return counts->bytes;
    }
}

static void add_interfaces(Scrape *s, HostMetricId id)
{
    NetworkStats stats;
    for (Str rest = buf_str(&s->text); proc_network_next(&rest, &stats);) {
        const Label device = { STR("device"), stats.device };
        if (!is_wanted(&s->settings->include, &s->settings->exclude, stats.device))
            continue;
        add_int(s, network_value(id, &stats.received),
                (Label[LABELS_MAX]){ device, { STR("direction"), STR("receive") } });
        add_int(s, network_value(id, &stats.sent),
                (Label[LABELS_MAX]){ device, { STR("direction"), STR("transmit") } });
    }
}

/* A kernel without IPv6 has no second file. */
static bool count_connections(Scrape *s, uint64_t counts[TCP_STATES], Err *err)
{
    char path[PATH_SIZE];
    DiskInfo info;
    const char *second = s->wish->root_path.len ? "/proc/1/net/tcp6" : "/proc/self/net/tcp6";
    Disk *disk = s->wish->disk;
    if (!read_process_file(s, "net/tcp", &s->text, err))
        return false;
    proc_tcp_count(buf_str(&s->text), counts);
    if (!path_of(s, second, path, err) || !disk->info(disk, path, &info, err))
        return false;
    if (!info.exists)
        return true;
    if (!read_process_file(s, "net/tcp6", &s->text, err))
        return false;
    proc_tcp_count(buf_str(&s->text), counts);
    return true;
}

static bool scrape_network(Scrape *s, Err *err)
{
    uint64_t counts[TCP_STATES] = { 0 };
    if (!read_process_file(s, "net/dev", &s->text, err))
        return false;
    for (int id = NETWORK_PACKETS; id <= NETWORK_IO; id++) {
        if (!open_metric(s, (HostMetricId)id))
            continue;
        add_interfaces(s, (HostMetricId)id);
        close_metric(s);
    }
    if (is_switched_off(s->settings, host_metrics[NETWORK_CONNECTIONS].name))
        return true;
    if (!count_connections(s, counts, err))
        return false;
    if (open_metric(s, NETWORK_CONNECTIONS)) {
        for (size_t i = 0; i < TCP_STATES; i++)
            add_int(s, counts[i],
                    (Label[LABELS_MAX]){ { STR("protocol"), STR("tcp") },
                                         { STR("state"), proc_tcp_state_name(i) } });
        close_metric(s);
    }
    return true;
}

/* --- the whole ------------------------------------------------------------------------------- */

static bool run_scraper(Scrape *s, ScraperId id, Err *err)
{
    static bool (*const scrape[SCRAPERS])(Scrape *, Err *) = {
        [SCRAPE_CPU] = scrape_cpu,
        [SCRAPE_LOAD] = scrape_load,
        [SCRAPE_MEMORY] = scrape_memory,
        [SCRAPE_DISK] = scrape_disk,
        [SCRAPE_FILESYSTEM] = scrape_filesystem,
        [SCRAPE_NETWORK] = scrape_network,
    };
    char name[64];
    snprintf(name, sizeof name, "cryostorm/hostmetrics/%s", scraper_name(id));
    size_t before = s->out->len, scopes = wire_open(s->out, GROUP_SCOPES);
    encode_scope(s->out, &(ScopeView){ .name = str_from(name) });
    size_t empty = s->out->len;
    bool good = scrape[id](s, err);
    bool found = s->out->len > empty;
    wire_close(s->out, scopes);
    if (!found && !s->out->failed)
        s->out->len = before;
    return good;
}

bool host_scrape(const ScrapeWish *wish, Buf *out, ScrapeReport *report, Err *err)
{
    Scrape s = { .wish = wish, .out = out, .text = BUF(FILE_MAX), .more = BUF(FILE_MAX) };
    *report = (ScrapeReport){ 0 };
    read_boot_time(&s);
    size_t before = out->len, group = wire_open(out, REQUEST_GROUP);
    size_t empty = out->len;
    for (int id = 0; id < SCRAPERS; id++) {
        s.settings = scraper_settings(wish->scrapers, (ScraperId)id);
        if (s.settings->present)
            report->failed[id] = !run_scraper(&s, (ScraperId)id, &report->why[id]);
    }
    bool found = out->len > empty;
    wire_close(out, group);
    if (!found && !out->failed)
        out->len = before;
    buf_free(&s.text);
    buf_free(&s.more);
    return buf_ok(out, err);
}
