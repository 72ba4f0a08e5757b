/* host_scrape_internal.h - what a look holds while it goes on, and what the tellers of metrics
 * (tell_*.c) write with. A teller adds points to the metric that is open (s->metric); false: some
 * could not be read, and err says why. */
#ifndef RECEIVERS_HOSTMETRICS_HOST_SCRAPE_INTERNAL_H
#define RECEIVERS_HOSTMETRICS_HOST_SCRAPE_INTERNAL_H

#include "receivers/hostmetrics/host_scrape.h"

enum {
    FILE_MAX = 16 << 20, /* of /proc: a hundred thousand connections */
    PATH_SIZE = 4096,
    LABELS_MAX = 5,
};

typedef enum HostFile {
    FILE_STAT,
    FILE_LOADAVG,
    FILE_MEMINFO,
    FILE_DISKSTATS,
    FILE_MOUNTS,
    FILE_FILESYSTEMS,
    FILE_NET_DEV,
    FILE_NET_TCP,
    FILE_NET_TCP6,
    FILE_CONNTRACK_COUNT,
    FILE_CONNTRACK_MAX,
    FILE_SWAPS,
    FILE_VMSTAT,
    FILE_CPUINFO,
    FILE_UPTIME,
    FILE_PASSWD,
    HOST_FILES
} HostFile;

typedef struct FileText { /* each is read once in a look */
    bool asked, good;
    Buf text;
    Err why;
} FileText;

typedef struct ProcessLook ProcessLook;

typedef struct Scrape {
    const ScrapeWish *wish;
    const ScraperSettings *settings; /* of the scraper at hand */
    ScrapeReport *report;
    Buf *out;
    Buf usages; /* DiskUsage of each mount that is wanted; empty: not asked yet */
    FileText files[HOST_FILES];
    ProcessLook *process; /* that is being looked at; NULL: the machine is */
    int64_t now_ns, boot_ns;
    int64_t start_ns;             /* of sums */
    int64_t mono_ns, deadline_ns; /* on the clock that only grows; no deadline: 0 */
    HostMetricId metric;          /* that is open */
    size_t before, message, data, points;
} Scrape;

typedef bool HostTell(Scrape *s, Err *err);

typedef struct HostMetric {
    ScraperId scraper;
    Str name, unit, description;
    HostMetricKind kind;
    HostTell *tell;
} HostMetric;

extern const HostMetric host_metrics[HOST_METRICS];

#define DECLARE_TELL(list, id, name, unit, kind, preset, tell, text) HostTell tell;
#define DECLARE_TELLS(list)                                          list##_METRICS(DECLARE_TELL)
HOST_METRIC_LISTS(DECLARE_TELLS)

/* False: it cannot be read, or the time is over. The text lives as long as the look. */
CHECKED bool look_file(Scrape *s, HostFile file, Str *out, Err *err);

/* The path of a file of the machine, below the root path. */
CHECKED bool look_path(const Scrape *s, char out[PATH_SIZE], Err *err, const char *format, ...)
    PRINTF(4, 5);
/* The processes that there are, as uint64_t, in no order; out with room for PIDS_MAX of them. */
enum { PIDS_MAX = 1 << 18 };
CHECKED bool look_pids(const Scrape *s, Buf *out, Err *err);
CHECKED bool look_in_time(const Scrape *s, Err *err);

typedef struct Label {
    Str key, value;
} Label;

/* Labels end with one without a key, or after LABELS_MAX. */
void look_add_int(Scrape *s, uint64_t value, const Label *labels);
void look_add_real(Scrape *s, double value, const Label *labels);

bool look_wants(const NameFilter *include, const NameFilter *exclude, Str name);

CHECKED bool look_count_cpus(Scrape *s, uint64_t *out, Err *err);

uint64_t look_less(uint64_t from, uint64_t by); /* not below 0 */

/* Text of others may be any bytes: what is no UTF-8 becomes U+FFFD. */
void look_add_utf8(Buf *out, Str text);

/* The scraper's scope with all metrics that are on; false: none has points, nothing is left. */
bool look_tell_scope(Scrape *s, ScraperId scraper);
void look_close_group(Scrape *s, size_t group);

void scrape_processes(Scrape *s); /* a group for each */
void process_trouble(Scrape *s, int about, Err *why);

#endif
