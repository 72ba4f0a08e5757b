/* The hostmetrics receiver on machines of a few files: what it tells, filters, and failures.
 * (runs under tsan) */
#include "base/log.h"
#include "otlp/metric_view.h"
#include "pipe/host_base.h"
#include "receivers/hostmetrics/host_scrape_internal.h"
#include "support/starve.h"
#include "support/test_disk.h"
#include "support/test_host.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <unistd.h>

extern const ComponentType hostmetrics_receiver;

#define ALL_FILE "{scrapers: {cpu: , load: , memory: , disk: , filesystem: , network: }}"

typedef struct Fixture {
    TestDisk *disk;
    TestHost *host;
} Fixture;

static void put_machine(TestDisk *disk, const char *root, const char *process)
{
    static const struct {
        const char *name, *text;
    } files[] = {
        { "/proc/stat", "cpu 9 9 9 9\ncpu0 100 200 300 400 500 600 700 800\nbtime 900\n" },
        { "/proc/loadavg", "0.5 1.5 2.5 1/80 11206\n" },
        { "/proc/meminfo", "MemTotal: 100 kB\nMemFree: 40 kB\nBuffers: 1 kB\nCached: 20 kB\n"
                           "SReclaimable: 5 kB\nSUnreclaim: 6 kB\n" },
        { "/proc/diskstats", "8 0 sda 1 2 3 4000 5 6 7 8000 9 10000 11000\n"
                             "7 0 loop0 1 1 1 1 1 1 1 1 1 1 1\n" },
        { "/proc/filesystems", "nodev\ttmpfs\n\text4\n" },
        { "/proc/%s/mounts", "/dev/sda1 / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n"
                             "/dev/sdb1 /my\\040disk ext4 ro 0 0\n" },
        { "/proc/%s/net/dev", "a|b\nc|d\n  lo: 1 2 3 4 0 0 0 0 9 10 11 12 0 0 0 0\n"
                              "eth0: 5 6 7 8 0 0 0 0 13 14 15 16 0 0 0 0\n" },
        { "/proc/%s/net/tcp", "sl\n 0: a b 0A\n 1: a b 01\n" },
        { "/proc/%s/net/tcp6", "sl\n 0: a b 0A\n" },
    };
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        char path[256];
        const char *at = strstr(files[i].name, "%s");
        if (at)
            snprintf(path, sizeof path, "%s%.*s%s%s", root, (int)(at - files[i].name),
                     files[i].name, process, at + 2);
        else
            snprintf(path, sizeof path, "%s%s", root, files[i].name);
        test_disk_put(disk, path, str_from(files[i].text));
    }
}

static void begin(Fixture *f, const char *yaml)
{
    Err err;
    *f = (Fixture){ .disk = test_disk_new(1) };
    put_machine(f->disk, "", "self");
    test_disk_capacity(f->disk, 1000000);
    f->host = test_host_new(&hostmetrics_receiver, str_from(yaml), NULL, &err);
    if (!f->host)
        fail_msg("%s", err.text);
    test_host_host(f->host)->disk = test_disk_door(f->disk);
    if (!test_host_start(f->host, &err))
        fail_msg("%s", err.text);
}

static void end(Fixture *f)
{
    test_host_stop(f->host);
    assert_int_equal(test_host_open(f->host), 0);
    test_host_free(f->host);
    test_disk_free(f->disk);
}

/* --- what came out, one line per point ------------------------------------------------------- */

static void write_point(const MetricView *metric, const NumberPointView *point, Buf *out)
{
    buf_addf(out, "%.*s{", STR_ARG(metric->name));
    Attributes attributes = point->attributes;
    AttributeView attribute;
    for (bool first = true; attributes_next(&attributes, &attribute); first = false)
        buf_addf(out, "%s%.*s=%.*s", first ? "" : ",", STR_ARG(attribute.key),
                 STR_ARG(attribute.value.text));
    if (point->value.kind == NUMBER_INT)
        buf_addf(out, "} %lld\n", (long long)point->value.integer);
    else
        buf_addf(out, "} %g\n", point->value.real);
}

static const char *write_points(const Batch *batch, Buf *out)
{
    for (size_t m = 0; m < batch_metric_count(batch); m++) {
        MetricView metric = metric_view(batch, m);
        for (size_t i = metric.first_item; i < metric.end_item; i++) {
            NumberPointView point = number_point_view(batch, i);
            uint64_t start = metric.kind == METRIC_SUM ? 900 * (uint64_t)NANOS_PER_SECOND : 0;
            assert_int_equal(point.start_ns, start);
            write_point(&metric, &point, out);
        }
    }
    return buf_text(out);
}

static const Batch *only_batch(Fixture *f)
{
    test_host_tick(f->host, NANOS_PER_SECOND);
    assert_int_equal(test_host_sent_count(f->host), 1);
    return test_host_sent(f->host, 0)->batch;
}

static void expect_points(const char *yaml, const char *want)
{
    Fixture f;
    Buf got = BUF(1 << 20);
    begin(&f, yaml);
    assert_string_equal(write_points(only_batch(&f), &got), want);
    buf_free(&got);
    end(&f);
}

/* --- each scraper ---------------------------------------------------------------------------- */

static void processors(void **state)
{
    (void)state;
    expect_points("{scrapers: {cpu: }}", "system.cpu.time{cpu=cpu0,state=user} 1\n"
                                         "system.cpu.time{cpu=cpu0,state=system} 3\n"
                                         "system.cpu.time{cpu=cpu0,state=idle} 4\n"
                                         "system.cpu.time{cpu=cpu0,state=interrupt} 6\n"
                                         "system.cpu.time{cpu=cpu0,state=nice} 2\n"
                                         "system.cpu.time{cpu=cpu0,state=softirq} 7\n"
                                         "system.cpu.time{cpu=cpu0,state=steal} 8\n"
                                         "system.cpu.time{cpu=cpu0,state=wait} 5\n");
}

static void load_and_memory(void **state)
{
    (void)state;
    expect_points("{scrapers: {load: , memory: }}",
                  "system.cpu.load_average.1m{} 0.5\n"
                  "system.cpu.load_average.5m{} 1.5\n"
                  "system.cpu.load_average.15m{} 2.5\n"
                  "system.memory.usage{state=used} 34816\n"
                  "system.memory.usage{state=free} 40960\n"
                  "system.memory.usage{state=buffered} 1024\n"
                  "system.memory.usage{state=cached} 25600\n"
                  "system.memory.usage{state=slab_reclaimable} 5120\n"
                  "system.memory.usage{state=slab_unreclaimable} 6144\n");
    expect_points("{scrapers: {load: {cpu_average: true, metrics: {system.cpu.load_average.5m: "
                  "{enabled: false}}}}}",
                  "system.cpu.load_average.1m{} 0.5\n"
                  "system.cpu.load_average.15m{} 2.5\n");
}

static void disks(void **state)
{
    (void)state;
    expect_points("{scrapers: {disk: {exclude: {devices: ['^loop'], match_type: regexp}}}}",
                  "system.disk.io{device=sda,direction=read} 1536\n"
                  "system.disk.io{device=sda,direction=write} 3584\n"
                  "system.disk.operations{device=sda,direction=read} 1\n"
                  "system.disk.operations{device=sda,direction=write} 5\n"
                  "system.disk.io_time{device=sda} 10\n"
                  "system.disk.operation_time{device=sda,direction=read} 4\n"
                  "system.disk.operation_time{device=sda,direction=write} 8\n"
                  "system.disk.weighted_io_time{device=sda} 11\n"
                  "system.disk.pending_operations{device=sda} 9\n"
                  "system.disk.merged{device=sda,direction=read} 2\n"
                  "system.disk.merged{device=sda,direction=write} 6\n");
}

static void interfaces(void **state)
{
    (void)state;
    expect_points("{scrapers: {network: {include: {interfaces: [eth0], match_type: strict}, "
                  "metrics: {system.network.connections: {enabled: false}}}}}",
                  "system.network.packets{device=eth0,direction=receive} 6\n"
                  "system.network.packets{device=eth0,direction=transmit} 14\n"
                  "system.network.dropped{device=eth0,direction=receive} 8\n"
                  "system.network.dropped{device=eth0,direction=transmit} 16\n"
                  "system.network.errors{device=eth0,direction=receive} 7\n"
                  "system.network.errors{device=eth0,direction=transmit} 15\n"
                  "system.network.io{device=eth0,direction=receive} 5\n"
                  "system.network.io{device=eth0,direction=transmit} 13\n");
}

static void connections(void **state)
{
    (void)state;
    Fixture f;
    Buf got = BUF(1 << 20);
    begin(&f, "{scrapers: {network: }}");
    const char *text = write_points(only_batch(&f), &got);
    assert_non_null(strstr(text, "system.network.connections{protocol=tcp,state=LISTEN} 2\n"));
    assert_non_null(strstr(text, "system.network.connections{protocol=tcp,state=ESTABLISHED} 1\n"));
    assert_non_null(strstr(text, "system.network.connections{protocol=tcp,state=FIN_WAIT_1} 0\n"));
    assert_non_null(strstr(text, "system.network.io{device=lo,direction=receive} 1\n"));
    buf_free(&got);
    end(&f);
}

static void file_systems(void **state)
{
    (void)state;
    Fixture f;
    Buf got = BUF(1 << 20);
    begin(&f, "{scrapers: {filesystem: }}");
    const char *text = write_points(only_batch(&f), &got);
    assert_null(strstr(text, "tmpfs"));
    assert_non_null(strstr(text, "system.filesystem.usage{device=/dev/sdb1,mode=ro,mountpoint=/my "
                                 "disk,type=ext4,state=reserved} 50000\n"));
    assert_non_null(strstr(text, "mountpoint=/,type=ext4,state=free}"));
    assert_non_null(strstr(text, "system.filesystem.inodes.usage{device=/dev/sda1"));
    buf_free(&got);
    end(&f);
    begin(&f, "{scrapers: {filesystem: {include_virtual_filesystems: true, "
              "exclude_fs_types: {fs_types: [ext4], match_type: strict}, "
              "include_mount_points: {mount_points: ['^/t'], match_type: regexp}}}}");
    text = write_points(only_batch(&f), &got);
    assert_non_null(strstr(text, "device=tmpfs,mode=rw,mountpoint=/tmp,type=tmpfs,state=used"));
    assert_null(strstr(text, "ext4"));
    buf_free(&got);
    end(&f);
}

/* --- the whole ------------------------------------------------------------------------------- */

static void it_looks_after_the_delay_and_then_every_interval(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, "{initial_delay: 2s, collection_interval: 10s, scrapers: {load: }}");
    test_host_tick(f.host, 1990 * NANOS_PER_MILLI);
    assert_int_equal(test_host_sent_count(f.host), 0);
    test_host_tick(f.host, 20 * NANOS_PER_MILLI);
    assert_int_equal(test_host_sent_count(f.host), 1);
    test_host_tick(f.host, 9 * NANOS_PER_SECOND);
    assert_int_equal(test_host_sent_count(f.host), 1);
    test_host_tick(f.host, 2 * NANOS_PER_SECOND);
    assert_int_equal(test_host_sent_count(f.host), 2);
    test_host_close(f.host);
    test_host_tick(f.host, 60 * NANOS_PER_SECOND);
    assert_int_equal(test_host_sent_count(f.host), 2);
    end(&f);
}

static void kinds_and_units_are_the_public_ones(void **state)
{
    (void)state;
    static const struct {
        const char *name, *unit;
        bool gauge, monotonic;
    } rows[] = {
        { "system.cpu.time", "s", false, true },
        { "system.cpu.load_average.1m", "{thread}", true, false },
        { "system.memory.usage", "By", false, false },
        { "system.disk.io", "By", false, true },
        { "system.disk.pending_operations", "{operations}", false, false },
        { "system.filesystem.inodes.usage", "{inodes}", false, false },
        { "system.network.io", "By", false, true },
        { "system.network.connections", "{connections}", false, false },
    };
    Fixture f;
    begin(&f, ALL_FILE);
    const Batch *batch = only_batch(&f);
    size_t found = 0;
    assert_int_equal(batch_metric_count(batch), 19);
    assert_int_equal(batch_scope_count(batch), 6);
    assert_int_equal(attributes_count(resource_attributes(batch, 0)), 0);
    for (size_t m = 0; m < batch_metric_count(batch); m++) {
        MetricView metric = metric_view(batch, m);
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
            if (!str_eq(metric.name, str_from(rows[i].name)))
                continue;
            found++;
            assert_true(str_eq(metric.unit, str_from(rows[i].unit)));
            assert_int_equal(metric.kind, rows[i].gauge ? METRIC_GAUGE : METRIC_SUM);
            assert_int_equal(metric.is_monotonic, rows[i].monotonic);
            assert_int_equal(metric.temporality, rows[i].gauge ? 0 : TEMPORALITY_CUMULATIVE);
        }
    }
    assert_int_equal(found, COUNT_OF(rows));
    end(&f);
}

static void a_root_path_stands_before_every_file(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, "{root_path: /hostfs/, scrapers: "
              "{cpu: , load: , memory: , disk: , filesystem: , network: }}");
    put_machine(f.disk, "/hostfs", "1");
    assert_int_equal(batch_metric_count(only_batch(&f)), 19);
    end(&f);
}

static void what_fails_is_left_out(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, ALL_FILE);
    test_disk_put(f.disk, "/proc/meminfo", STR("no memory\n"));
    test_disk_put(f.disk, "/proc/stat", STR("btime 900\n"));
    const Batch *batch = only_batch(&f);
    assert_int_equal(batch_metric_count(batch), 17);
    assert_int_equal(batch_scope_count(batch), 4);
    end(&f);
    begin(&f, "{scrapers: {memory: }}");
    test_disk_put(f.disk, "/proc/meminfo", STR("no memory\n"));
    test_host_tick(f.host, 2 * NANOS_PER_SECOND);
    assert_int_equal(test_host_sent_count(f.host), 0); /* not an empty batch */
    end(&f);
}

/* A batch is made of what could be read, whichever file call fails. */
static void any_file_may_fail(void **state)
{
    (void)state;
    bool failed = true;
    for (long n = 0; failed; n++) {
        Fixture f;
        begin(&f, ALL_FILE);
        test_disk_fail(f.disk, (DiskFault){ .calls = CALL_ANY, .after = n, .code = EIO });
        test_host_tick(f.host, NANOS_PER_SECOND);
        failed = test_disk_failed(f.disk);
        assert_int_equal(test_host_sent_count(f.host), 1);
        size_t metrics = batch_metric_count(test_host_sent(f.host, 0)->batch);
        assert_true(metrics >= 12 && metrics <= 19);
        assert_true(failed || metrics == 19);
        end(&f);
    }
}

static void who_is_refused_goes_on(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, "{collection_interval: 1s, scrapers: {load: }}");
    test_host_refuse(f.host, ERR_BUSY);
    test_host_tick(f.host, NANOS_PER_SECOND);
    test_host_refuse(f.host, ERR_NONE);
    test_host_tick(f.host, NANOS_PER_SECOND);
    assert_int_equal(test_host_sent_count(f.host), 1);
    ComponentStatus status = test_host_status(f.host);
    assert_int_equal(status.received, 6);
    assert_int_equal(status.refused, 3);
    assert_int_equal(component_held(&status), 0);
    end(&f);
}

#define EVERYTHING                                                                                \
    "{scrapers: {cpu: , load: , memory: , disk: , filesystem: , network: , paging: , processes: " \
    ", system: , process: }}"

static bool has_process(const Batch *batch, int64_t pid)
{
    for (size_t r = 0; r < batch_resource_count(batch); r++) {
        Attributes attributes = resource_attributes(batch, r);
        AttributeView attribute;
        while (attributes_next(&attributes, &attribute))
            if (str_eq(attribute.key, STR("process.pid")) && attribute.value.integer == pid)
                return true;
    }
    return false;
}

static double uptime_of(const Batch *batch)
{
    for (size_t m = 0; m < batch_metric_count(batch); m++)
        if (str_eq(metric_view(batch, m).name, STR("system.uptime")))
            return number_point_view(batch, metric_view(batch, m).first_item).value.real;
    return 0;
}

static void the_thread_looks_too(void **state)
{
    (void)state;
    Err err;
    TestHost *host = test_host_new(&hostmetrics_receiver, STR(EVERYTHING), NULL, &err);
    assert_non_null(host);
    test_host_host(host)->stepped = false;
    assert_true(test_host_start(host, &err));
    test_host_tick(host, NANOS_PER_SECOND);
    while (!test_host_sent_count(host))
        test_host_turn(host);
    const Batch *batch = test_host_sent(host, 0)->batch; /* this machine */
    assert_true(batch_metric_count(batch) >= 10);
    assert_true(has_process(batch, getpid()));
    assert_true(uptime_of(batch) > 0);
    test_host_tick(host, 60 * NANOS_PER_SECOND);
    test_host_free(host); /* in the middle of a look */
}

/* --- processes ------------------------------------------------------------------------------- */

static void put_process(TestDisk *disk, int pid)
{
    static const struct {
        const char *name, *text;
    } files[] = {
        { "stat", "7 (a) S 1 0 0 0 -1 0 10 0 3 0 500 60 0 0 20 0 6 0 5000 40960 0\n" },
        { "status", "Uid: 0 0 0 0\n" },
        { "cmdline", "/bin/a" },
        { "io", "syscr: 1\nsyscw: 1\nread_bytes: 1\nwrite_bytes: 1\n" },
        { "exe", "/bin/a" },
    };
    Err err;
    char path[64];
    snprintf(path, sizeof path, "/proc/%d", pid);
    assert_true(test_disk_door(disk)->make_directory(test_disk_door(disk), path, &err));
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        snprintf(path, sizeof path, "/proc/%d/%s", pid, files[i].name);
        test_disk_put(disk, path, str_from(files[i].text));
    }
}

/* A disk of whose processes one ends at the n-th file that is read of it. */
typedef struct Vanishing {
    Disk base, *below;
    const char *path;
    long reads_left;
} Vanishing;

static bool is_gone(Vanishing *v, const char *path)
{
    if (strncmp(path, v->path, strlen(v->path)))
        return false;
    if (v->reads_left > 0)
        v->reads_left--;
    else
        return true;
    return false;
}

static File *vanishing_open(Disk *disk, const char *path, DiskOpen how, Err *err)
{
    Vanishing *v = (Vanishing *)disk;
    if (!is_gone(v, path))
        return v->below->open(v->below, path, how, err);
    fail_errno(err, ENOENT, "%s", path);
    return NULL;
}

static bool vanishing_info(Disk *disk, const char *path, DiskInfo *out, Err *err)
{
    Vanishing *v = (Vanishing *)disk;
    *out = (DiskInfo){ 0 };
    return (!v->reads_left && !strncmp(path, v->path, strlen(v->path))) ||
           v->below->info(v->below, path, out, err);
}

static bool vanishing_list(Disk *disk, const char *path, bool (*found)(void *, Str), void *context,
                           Err *err)
{
    (void)disk;
    return found(context, STR("7")) && found(context, STR("self")) && found(context, STR("8")) &&
           (path && err);
}

static bool vanishing_link(Disk *disk, const char *path, Buf *out, Err *err)
{
    Vanishing *v = (Vanishing *)disk;
    return is_gone(v, path) || v->below->read_link(v->below, path, out, err);
}

static void keep_count(void *context, LogLevel level, Str component, Str message)
{
    (void)level, (void)component, (void)message;
    size_t *lines = context;
    *lines += 1;
}

static void processes_that_vanish_leave_nothing(void **state)
{
    (void)state;
    size_t lines = 0, vanished = 0;
    const LogSink sink = { .write = keep_count, .context = &lines, .level = LOG_WARN };
    for (long n = 0; n < 8; n++) {
        Fixture f;
        begin(&f, "{scrapers: {process: }}");
        put_process(f.disk, 7);
        put_process(f.disk, 8);
        test_disk_put(f.disk, "/etc/passwd", STR("root:x:0:0\n"));
        Vanishing v = { .base = *test_disk_door(f.disk),
                        .below = test_disk_door(f.disk),
                        .path = "/proc/7",
                        .reads_left = n };
        v.base.open = vanishing_open;
        v.base.info = vanishing_info;
        v.base.list = vanishing_list;
        v.base.read_link = vanishing_link;
        test_host_host(f.host)->disk = &v.base;
        log_set_sink(&sink);
        const Batch *batch = only_batch(&f);
        size_t processes = batch_resource_count(batch);
        assert_in_range(processes, 1, 2);
        vanished += processes == 1;
        log_set_level(LOG_OFF);
        end(&f);
    }
    assert_true(vanished >= 4); /* stat, cmdline, status, io */
    assert_int_equal(lines, 0);
}

/* A machine of ten thousand processes, made as they are asked for. */
enum { MANY = 10000 };

typedef struct Crowd {
    Disk base, *below;
    uint64_t opened;
} Crowd;

static File *crowd_open(Disk *disk, const char *path, DiskOpen how, Err *err)
{
    Crowd *crowd = (Crowd *)disk;
    const char *name = strrchr(path, '/');
    char one[64];
    unsigned pid = 0;
    bool counts = sscanf(path, "/proc/%u/", &pid) == 1;
    crowd->opened += counts;
    if (counts)
        snprintf(one, sizeof one, "/proc/7%s", name);
    return crowd->below->open(crowd->below, counts ? one : path, how, err);
}

static bool crowd_info(Disk *disk, const char *path, DiskInfo *out, Err *err)
{
    Crowd *crowd = (Crowd *)disk;
    return crowd->below->info(crowd->below, path, out, err);
}

static bool crowd_list(Disk *disk, const char *path, bool (*found)(void *, Str), void *context,
                       Err *err)
{
    (void)disk;
    for (int i = MANY; i > 0; i--) {
        char name[16];
        snprintf(name, sizeof name, "%d", i);
        if (!found(context, str_from(name)))
            break;
    }
    return path && err;
}

static bool crowd_link(Disk *disk, const char *path, Buf *out, Err *err)
{
    Crowd *crowd = (Crowd *)disk;
    (void)path;
    return crowd->below->read_link(crowd->below, "/proc/7/exe", out, err);
}

static void ten_thousand_processes(void **state)
{
    (void)state;
    enum { FILES = 4, BYTES = 1200 }; /* of a process: what is opened, and what it takes */
    Fixture f;
    begin(&f, "{scrapers: {process: {metrics: {process.cpu.utilization: {enabled: true}}}}}");
    put_process(f.disk, 7);
    test_disk_put(f.disk, "/etc/passwd", STR("root:x:0:0\n"));
    Crowd crowd = { .base = *test_disk_door(f.disk), .below = test_disk_door(f.disk) };
    crowd.base.open = crowd_open;
    crowd.base.info = crowd_info;
    crowd.base.list = crowd_list;
    crowd.base.read_link = crowd_link;
    test_host_host(f.host)->disk = &crowd.base;
    long live = starve_live();
    const Batch *batch = only_batch(&f);
    assert_int_equal(batch_resource_count(batch), MANY);
    assert_true(crowd.opened <= (uint64_t)MANY * FILES);
    assert_true(batch_size(batch) <= (size_t)MANY * BYTES);
    assert_true(starve_live() - live < 100); /* blocks: none of them one for each process */
    end(&f);
}

/* --- everything ------------------------------------------------------------------------------ */

static void put_rest(TestDisk *disk)
{
    static const struct {
        const char *path, *text;
    } files[] = {
        { "/proc/stat", "cpu0 1 1 1 1\nbtime 900\nprocesses 1\nprocs_running 1\n"
                        "procs_blocked 1\n" },
        { "/proc/cpuinfo", "processor : 0\ncpu MHz : 1\nphysical id : 0\ncpu cores : 1\n" },
        { "/proc/swaps", "Filename Type Size Used Priority\n/swap file 1 1 1\n" },
        { "/proc/vmstat", "pgfault 1\n" },
        { "/proc/uptime", "1 1\n" },
        { "/proc/sys/net/netfilter/nf_conntrack_count", "1\n" },
        { "/proc/sys/net/netfilter/nf_conntrack_max", "1\n" },
        { "/etc/passwd", "root:x:0:0\n" },
        { "/proc/7", "" }, /* the disk lists files only */
    };
    Err err;
    assert_true(test_disk_door(disk)->make_directory(test_disk_door(disk), "/proc/7/fd", &err));
    for (size_t i = 0; i < COUNT_OF(files); i++)
        test_disk_put(disk, files[i].path, str_from(files[i].text));
    put_process(disk, 7);
}

/* The scraper's settings with that metric alone. */
static void write_alone(HostMetricId id, Buf *out)
{
    ScraperId scraper = host_metrics[id].scraper;
    buf_addf(out, "{scrapers: {%s: {metrics: {", scraper_name(scraper));
    for (int i = 0; i < HOST_METRICS; i++)
        if (host_metrics[i].scraper == scraper)
            buf_addf(out, "%.*s: {enabled: %s}, ", STR_ARG(host_metrics[i].name),
                     i == (int)id ? "true" : "false");
    buf_add(out, STR("}}}}"));
}

/* Each row of the table, alone, comes out alone, as the row says; switched off it does not. */
static void every_metric_is_switched(void **state)
{
    (void)state;
    for (int id = 0; id < HOST_METRICS; id++) {
        Fixture f;
        Buf yaml = BUF(1 << 16);
        write_alone((HostMetricId)id, &yaml);
        begin(&f, buf_text(&yaml));
        put_rest(f.disk);
        test_host_tick(f.host, 62 * NANOS_PER_SECOND); /* two looks: for parts of time */
        size_t count = test_host_sent_count(f.host);
        if (id == PROCESS_HANDLES)
            assert_int_equal(count, 0);
        else if (!count)
            fail_msg("%.*s does not come", STR_ARG(host_metrics[id].name));
        for (size_t i = 0; i < count; i++) {
            const Batch *batch = test_host_sent(f.host, i)->batch;
            assert_int_equal(batch_metric_count(batch), 1);
            MetricView metric = metric_view(batch, 0);
            assert_true(str_eq(metric.name, host_metrics[id].name));
            assert_true(str_eq(metric.unit, host_metrics[id].unit));
            assert_int_equal(metric.kind == METRIC_GAUGE, host_metrics[id].kind == HOST_GAUGE);
            assert_int_equal(metric.is_monotonic, host_metrics[id].kind == HOST_TOTAL);
        }
        buf_free(&yaml);
        end(&f);
    }
}

/* A disk on which opening a file takes a second. */
typedef struct Slow {
    Disk base, *below;
    TestClock *clock;
} Slow;

static File *slow_open(Disk *disk, const char *path, DiskOpen how, Err *err)
{
    Slow *slow = (Slow *)disk;
    test_clock_advance(slow->clock, NANOS_PER_SECOND);
    return slow->below->open(slow->below, path, how, err);
}

static void a_timeout_leaves_out_what_comes_later(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, "{timeout: 2500ms, scrapers: {load: , memory: , disk: , system: }}");
    put_rest(f.disk);
    Slow slow = { .base = *test_disk_door(f.disk),
                  .below = test_disk_door(f.disk),
                  .clock = test_host_clock(f.host) };
    slow.base.open = slow_open;
    test_host_host(f.host)->disk = &slow.base;
    const Batch *batch = only_batch(&f); /* stat, loadavg and meminfo: 3 s; then it is over */
    assert_int_equal(batch_metric_count(batch), 4);
    assert_true(str_eq(metric_view(batch, 3).name, STR("system.memory.usage")));
    end(&f);
}

static void bad_settings_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *problem;
    } rows[] = {
        { "{}", "must specify at least one scraper when using hostmetrics receiver" },
        { "{scrapers: {process: {include: {names: ['(']  , match_type: regexp}}}}",
          "process: include: \"(\"" },
        { "{scrapers: {nfs: }}", "the scraper nfs" },
        { "{scrapers: {cpu: {metrics: {system.cpu.tme: {enabled: true}}}}}",
          "did you mean \"system.cpu.time\"" },
        { "{scrapers: {cpu: {metrics: {system.disk.io: {enabled: true}}}}}", "system.disk.io" },
        { "{scrapers: {disk: {include: {devices: ['a(b'], match_type: regexp}}}}",
          "disk: include: \"a(b\"" },
        { "{scrapers: {disk: {include: {devices: [x]}}}}", "match_type" },
        { "{root_path: host, scrapers: {cpu: }}", "root_path must start with /" },
        { "{timeout: -1s, scrapers: {cpu: }}", "timeout" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Err err;
        assert_null(test_host_new(&hostmetrics_receiver, str_from(rows[i].yaml), NULL, &err));
        if (!strstr(err.text, rows[i].problem))
            fail_msg("%s: %s", rows[i].yaml, err.text);
    }
}

static void with_little_memory(void)
{
    Err err;
    starve_hold();
    TestDisk *disk = test_disk_new(1);
    put_machine(disk, "", "self");
    TestHost *host = test_host_new(&hostmetrics_receiver, STR(ALL_FILE), NULL, &err);
    test_host_host(host)->disk = test_disk_door(disk);
    starve_resume();
    if (test_host_start(host, &err))
        test_host_tick(host, NANOS_PER_SECOND);
    test_host_stop(host);
    assert_int_equal(test_host_open(host), 0);
    starve_hold();
    test_host_free(host);
    test_disk_free(disk);
    starve_resume();
}

static void memory_that_fails_leaks_nothing(void **state)
{
    (void)state;
    assert_true(starve_every(with_little_memory) > 5);
}

int main(void)
{
    log_set_level(LOG_OFF);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(processors),
        cmocka_unit_test(load_and_memory),
        cmocka_unit_test(disks),
        cmocka_unit_test(interfaces),
        cmocka_unit_test(connections),
        cmocka_unit_test(file_systems),
        cmocka_unit_test(it_looks_after_the_delay_and_then_every_interval),
        cmocka_unit_test(kinds_and_units_are_the_public_ones),
        cmocka_unit_test(a_root_path_stands_before_every_file),
        cmocka_unit_test(what_fails_is_left_out),
        cmocka_unit_test(any_file_may_fail),
        cmocka_unit_test(who_is_refused_goes_on),
        cmocka_unit_test(the_thread_looks_too),
        cmocka_unit_test(processes_that_vanish_leave_nothing),
        cmocka_unit_test(ten_thousand_processes),
        cmocka_unit_test(every_metric_is_switched),
        cmocka_unit_test(a_timeout_leaves_out_what_comes_later),
        cmocka_unit_test(bad_settings_are_named),
        cmocka_unit_test(memory_that_fails_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
