/* host_scrape.c - from the files of /proc to OTLP; see host_scrape.h.
 *
 * A metric of the table is opened, filled by its teller, and taken back when it has no points, as
 * is a scope without metrics. A file is read once in a look, and a file that cannot be read is one
 * trouble, however many metrics come from it.
 */
#include "receivers/hostmetrics/host_scrape.h"

#include "base/mem.h"
#include "otlp/encode.h"
#include "receivers/hostmetrics/host_scrape_internal.h"

#include <stdio.h>

/* The conventions whose names these are, as the public receiver says it. */
#define SCHEMA_URL "https://opentelemetry.io/schemas/1.9.0"

/* clang-format off */
#define METRIC_ROW(list, id, metric, of, sort, preset, teller, text) \
    [id] = { SCRAPE_##list, STR_ROW(metric), STR_ROW(of), STR_ROW(text), HOST_##sort, teller },
#define METRIC_ROWS(list) list##_METRICS(METRIC_ROW)
const HostMetric host_metrics[HOST_METRICS] = { HOST_METRIC_LISTS(METRIC_ROWS) };

/* Our own process stands in one place or another: below a root path the first one tells. A kernel
 * without IPv6 has no tcp6. */
static const struct {
    const char *path, *path_below; /* NULL: the same */
    enum { MUST_BE, MAY_BE_MISSING, ELSE_OURS } missing; /* ours: without the root path */
} files[HOST_FILES] = {
    [FILE_STAT] = { "/proc/stat", NULL, MUST_BE },
    [FILE_LOADAVG] = { "/proc/loadavg", NULL, MUST_BE },
    [FILE_MEMINFO] = { "/proc/meminfo", NULL, MUST_BE },
    [FILE_DISKSTATS] = { "/proc/diskstats", NULL, MUST_BE },
    [FILE_MOUNTS] = { "/proc/self/mounts", "/proc/1/mounts", MUST_BE },
    [FILE_FILESYSTEMS] = { "/proc/filesystems", NULL, MUST_BE },
    [FILE_NET_DEV] = { "/proc/self/net/dev", "/proc/1/net/dev", MUST_BE },
    [FILE_NET_TCP] = { "/proc/self/net/tcp", "/proc/1/net/tcp", MUST_BE },
    [FILE_NET_TCP6] = { "/proc/self/net/tcp6", "/proc/1/net/tcp6", MAY_BE_MISSING },
    [FILE_CONNTRACK_COUNT] = { "/proc/sys/net/netfilter/nf_conntrack_count", NULL, MUST_BE },
    [FILE_CONNTRACK_MAX] = { "/proc/sys/net/netfilter/nf_conntrack_max", NULL, MUST_BE },
    [FILE_SWAPS] = { "/proc/swaps", NULL, MUST_BE },
    [FILE_VMSTAT] = { "/proc/vmstat", NULL, MUST_BE },
    [FILE_CPUINFO] = { "/proc/cpuinfo", NULL, MUST_BE },
    [FILE_UPTIME] = { "/proc/uptime", NULL, MUST_BE },
    [FILE_PASSWD] = { "/etc/passwd", NULL, ELSE_OURS },
};
/* clang-format on */

/* --- files ----------------------------------------------------------------------------------- */

bool look_path(const Scrape *s, char out[PATH_SIZE], Err *err, const char *format, ...)
{
    Str root = s->wish->root_path;
    int len = snprintf(out, PATH_SIZE, "%.*s", STR_ARG(root));
    if (len < PATH_SIZE) {
        va_list args;
        va_start(args, format);
        len += vsnprintf(out + len, PATH_SIZE - (size_t)len, format, args);
        va_end(args);
    }
    return len < PATH_SIZE || fail(err, ERR_INPUT, "path longer than %d bytes", PATH_SIZE - 1);
}

bool look_in_time(const Scrape *s, Err *err)
{
    return !s->deadline_ns || clock_mono_ns(s->wish->clock) < s->deadline_ns ||
           fail(err, ERR_TIMEOUT, "timeout is over: what was not read by then is left out");
}

static bool read_file(Scrape *s, HostFile file, Buf *into, Err *err)
{
    char path[PATH_SIZE];
    DiskInfo info = { .exists = true };
    Disk *disk = s->wish->disk;
    bool below = s->wish->root_path.len && files[file].path_below;
    if (!look_in_time(s, err) ||
        !look_path(s, path, err, "%s", below ? files[file].path_below : files[file].path))
        return false;
    if (files[file].missing != MUST_BE && !disk->info(disk, path, &info, err))
        return false;
    if (!info.exists && files[file].missing == ELSE_OURS)
        return disk_read_all(disk, files[file].path, into, err);
    return !info.exists || disk_read_all(disk, path, into, err);
}

bool look_file(Scrape *s, HostFile file, Str *out, Err *err)
{
    FileText *one = &s->files[file];
    if (!one->asked) {
        one->text = BUF(FILE_MAX);
        one->good = read_file(s, file, &one->text, &one->why);
        one->asked = true;
    }
    *out = buf_str(&one->text);
    if (!one->good)
        *err = one->why;
    return one->good;
}

static void read_boot_time(Scrape *s)
{
    Err ignored; /* then sums have no start; who needs the file says so */
    Str text;
    uint64_t seconds;
    if (look_file(s, FILE_STAT, &text, &ignored) && proc_boot_time(text, &seconds) &&
        seconds < INT64_MAX / NANOS_PER_SECOND)
        s->boot_ns = (int64_t)seconds * NANOS_PER_SECOND;
}

/* --- metrics --------------------------------------------------------------------------------- */

static void open_metric(Scrape *s, HostMetricId id)
{
    const HostMetric *metric = &host_metrics[id];
    const MetricView view = {
        .name = metric->name,
        .description = metric->description,
        .unit = metric->unit,
        .kind = metric->kind == HOST_GAUGE ? METRIC_GAUGE : METRIC_SUM,
        .temporality = metric->kind == HOST_GAUGE ? 0 : TEMPORALITY_CUMULATIVE,
        .is_monotonic = metric->kind == HOST_TOTAL,
    };
    s->metric = id;
    s->points = 0;
    s->before = s->out->len;
    s->message = wire_open(s->out, SCOPES_ITEM);
    encode_metric(s->out, &view);
    s->data = wire_open(s->out, view.kind);
    encode_data(s->out, &view);
}

static void close_metric(Scrape *s)
{
    wire_close(s->out, s->data);
    wire_close(s->out, s->message);
    if (!s->points && !s->out->failed)
        s->out->len = s->before;
}

static void add_point(Scrape *s, NumberView value, const Label *labels)
{
    bool is_gauge = host_metrics[s->metric].kind == HOST_GAUGE;
    const NumberPointView point = {
        .start_ns = is_gauge ? 0 : (uint64_t)s->start_ns,
        .time_ns = (uint64_t)s->now_ns,
        .value = value,
    };
    size_t message = wire_open(s->out, DATA_POINTS);
    encode_number_point(s->out, &point);
    for (size_t i = 0; i < LABELS_MAX && labels[i].key.len; i++)
        encode_text(s->out, NUMBER_ATTRIBUTES, labels[i].key, labels[i].value);
    wire_close(s->out, message);
    s->points++;
}

void look_add_int(Scrape *s, uint64_t value, const Label *labels)
{
    int64_t integer = value < INT64_MAX ? (int64_t)value : INT64_MAX;
    add_point(s, (NumberView){ .kind = NUMBER_INT, .integer = integer }, labels);
}

void look_add_real(Scrape *s, double value, const Label *labels)
{
    add_point(s, (NumberView){ .kind = NUMBER_DOUBLE, .real = value }, labels);
}

bool look_wants(const NameFilter *include, const NameFilter *exclude, Str name)
{
    return (!include->present || name_set_has(include->set, name)) &&
           (!exclude->present || !name_set_has(exclude->set, name));
}

void look_add_utf8(Buf *out, Str text)
{
    while (text.len) {
        size_t step = utf8_step(text);
        if (step)
            buf_add(out, str_first(text, step));
        else
            buf_add_utf8(out, 0xFFFD);
        text = str_skip(text, step ? step : 1);
    }
}

uint64_t look_less(uint64_t from, uint64_t by)
{
    return from > by ? from - by : 0;
}

/* --- the whole ------------------------------------------------------------------------------- */

static void tell_metrics(Scrape *s, ScraperId scraper)
{
    for (int id = 0; id < HOST_METRICS; id++) {
        Err why = { 0 };
        if (host_metrics[id].scraper != scraper || !s->settings->metrics.of[id].enabled)
            continue;
        open_metric(s, (HostMetricId)id);
        bool good = host_metrics[id].tell(s, &why);
        if (!good && s->process)
            process_trouble(s, id, &why);
        else if (!good)
            scrape_trouble(s->report, scraper, id, &why);
        close_metric(s);
    }
}

bool look_tell_scope(Scrape *s, ScraperId scraper)
{
    char name[64];
    snprintf(name, sizeof name, "cryostorm/hostmetrics/%s", scraper_name(scraper));
    size_t before = s->out->len, scopes = wire_open(s->out, GROUP_SCOPES);
    encode_scope(s->out, &(ScopeView){ .name = str_from(name) });
    size_t empty = s->out->len;
    tell_metrics(s, scraper);
    bool found = s->out->len > empty;
    wire_close(s->out, scopes);
    if (!found && !s->out->failed)
        s->out->len = before;
    return found;
}

void look_close_group(Scrape *s, size_t group)
{
    wire_add_bytes(s->out, GROUP_SCHEMA_URL, STR(SCHEMA_URL));
    wire_close(s->out, group);
}

static void scrape_machine(Scrape *s)
{
    size_t before = s->out->len, group = wire_open(s->out, REQUEST_GROUP);
    bool found = false;
    for (int id = 0; id < SCRAPE_PROCESS; id++) {
        s->settings = scraper_settings(s->wish->scrapers, (ScraperId)id);
        if (s->settings->present && look_tell_scope(s, (ScraperId)id))
            found = true;
    }
    look_close_group(s, group);
    if (!found && !s->out->failed)
        s->out->len = before;
}

static void scrape_done(Scrape *s)
{
    for (size_t i = 0; i < HOST_FILES; i++)
        buf_free(&s->files[i].text);
    buf_free(&s->usages);
}

bool host_scrape(const ScrapeWish *wish, Buf *out, ScrapeReport *report, Err *err)
{
    int64_t start_ns = clock_mono_ns(wish->clock);
    Scrape s = {
        .wish = wish,
        .report = report,
        .out = out,
        .usages = BUF(FILE_MAX),
        .now_ns = clock_wall_ns(wish->clock),
        .mono_ns = start_ns,
        .deadline_ns = wish->timeout_ns ? start_ns + wish->timeout_ns : 0,
    };
    *report = (ScrapeReport){ 0 };
    read_boot_time(&s);
    s.start_ns = s.boot_ns;
    scrape_machine(&s);
    s.settings = scraper_settings(wish->scrapers, SCRAPE_PROCESS);
    if (s.settings->present)
        scrape_processes(&s);
    scrape_done(&s);
    return buf_ok(out, err);
}
