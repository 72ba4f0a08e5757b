/* scraper_settings.h - the scrapers, and what a user may say to each. */
#ifndef RECEIVERS_HOSTMETRICS_SCRAPER_SETTINGS_H
#define RECEIVERS_HOSTMETRICS_SCRAPER_SETTINGS_H

#include "base/attributes.h"
#include "config/field.h"
#include "receivers/hostmetrics/host_metric_internal.h"
#include "regex/name_set.h"

typedef enum ScraperId { /* in the order in which they are asked */
#define ID_OF(list) SCRAPE_##list,
                         HOST_METRIC_LISTS(ID_OF)
#undef ID_OF
                             SCRAPERS
} ScraperId;

typedef struct MetricSwitch { /* {enabled: false} */
    bool enabled;
} MetricSwitch;

typedef struct MetricSwitches { /* of each scraper its own metrics */
    MetricSwitch of[HOST_METRICS];
} MetricSwitches;

typedef struct AttributeSwitches { /* of a process's resource */
    MetricSwitch of[PROCESS_ATTRIBUTES];
} AttributeSwitches;

typedef struct NameFilter {
    bool present;
    TextList names; /* settings */
    int match_type; /* a NameMatch */
    NameSet *set;   /* state */
} NameFilter;

typedef struct ScraperSettings { /* each scraper has some of these */
    bool present, cpu_average, include_virtual_filesystems;
    MetricSwitches metrics;
    NameFilter include, exclude; /* devices, interfaces, or names of processes */
    NameFilter include_devices, include_fs_types, include_mount_points;
    NameFilter exclude_devices, exclude_fs_types, exclude_mount_points;
    AttributeSwitches resource_attributes;
    int64_t scrape_process_delay;
    bool mute_process_all_errors, mute_process_name_error, mute_process_exe_error,
        mute_process_io_error, mute_process_user_error, mute_process_cgroup_error;
} ScraperSettings;

typedef struct ScrapersSettings {
    ScraperSettings cpu, load, memory, disk, filesystem, network, paging, processes, system,
        process;
} ScrapersSettings;

extern const ConfigField scrapers_fields[];

/* The rules across keys. */
CHECKED bool scrapers_check(const ScrapersSettings *settings, Err *err);

/* Compiles the filters; undone by scrapers_close, which may be called at any time. */
CHECKED bool scrapers_open(ScrapersSettings *settings, Err *err);
void scrapers_close(ScrapersSettings *settings);

/* Is anything on that only who might debug a process may read: its reads and writes, its path? */
bool scrapers_look_into_processes(const ScrapersSettings *settings);

const char *scraper_name(ScraperId scraper);
const ScraperSettings *scraper_settings(const ScrapersSettings *all, ScraperId scraper);

#endif
