/* host_scrape.h - one look at the machine, as the bytes of an OTLP metrics message.
 *
 *     resource (no attributes)
 *       scope cryostorm/hostmetrics/<scraper>     one per scraper that found something
 *         metrics under their public names, system.cpu.time and so on
 *
 * Sums start when the machine was booted. A scraper that fails leaves out what it could not read
 * and says why; the others go on. Everything is read through a Disk, below `root_path` where one is
 * given: a container that has the machine's files mounted there then tells of the machine.
 */
#ifndef RECEIVERS_HOSTMETRICS_HOST_SCRAPE_H
#define RECEIVERS_HOSTMETRICS_HOST_SCRAPE_H

#include "base/attributes.h"
#include "base/disk.h"
#include "config/field.h"
#include "regex/name_set.h"

typedef enum ScraperId {
    SCRAPE_CPU,
    SCRAPE_LOAD,
    SCRAPE_MEMORY,
    SCRAPE_DISK,
    SCRAPE_FILESYSTEM,
    SCRAPE_NETWORK,
    SCRAPERS
} ScraperId;

typedef struct MetricSwitch { /* metrics: {system.cpu.time: {enabled: false}} */
    Str key;
    bool enabled;
} MetricSwitch;

typedef struct MetricSwitches {
    MetricSwitch *items;
    size_t count;
} MetricSwitches;

typedef struct NameFilter {
    bool present;
    TextList names; /* settings */
    int match_type; /* a NameMatch */
    NameSet *set;   /* state */
} NameFilter;

typedef struct ScraperSettings { /* each scraper has some of these */
    bool present, cpu_average, include_virtual_filesystems;
    MetricSwitches metrics;
    NameFilter include, exclude; /* devices, or interfaces */
    NameFilter include_devices, include_fs_types, include_mount_points;
    NameFilter exclude_devices, exclude_fs_types, exclude_mount_points;
} ScraperSettings;

typedef struct ScrapersSettings {
    ScraperSettings cpu, load, memory, disk, filesystem, network;
} ScrapersSettings;

extern const ConfigField scrapers_fields[];

/* The rules across keys. */
CHECKED bool scrapers_check(const ScrapersSettings *settings, Err *err);

/* Compiles the filters; undone by scrapers_close, which may be called at any time. */
CHECKED bool scrapers_open(ScrapersSettings *settings, Err *err);
void scrapers_close(ScrapersSettings *settings);

typedef struct ScrapeReport {
    bool failed[SCRAPERS];
    Err why[SCRAPERS];
} ScrapeReport;

typedef struct ScrapeWish {
    const ScrapersSettings *scrapers; /* opened */
    Disk *disk;
    Str root_path;
    int64_t now_ns;
} ScrapeWish;

/* Appends the message; nothing when nothing was found. False: no memory for it. */
CHECKED bool host_scrape(const ScrapeWish *wish, Buf *out, ScrapeReport *report, Err *err);

const char *scraper_name(ScraperId scraper);

#endif
