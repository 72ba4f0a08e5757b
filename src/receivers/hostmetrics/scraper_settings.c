/* scraper_settings.c - the scrapers' tables, and what they allow; see scraper_settings.h. */
#include "receivers/hostmetrics/scraper_settings.h"

static const char *const match_names[] = { "strict", "regexp", NULL }; /* as in NameMatch */

#define NAME_FILTER_ROWS(key_of_names)                                                       \
    {                                                                                        \
        TEXT_LIST(NameFilter, names, "", "The names or patterns.", .name = key_of_names),    \
            CHOICE(NameFilter, match_type, REQUIRED, match_names,                            \
                   "strict: the same text; regexp: a pattern that matches anywhere in it."), \
            { 0 },                                                                           \
    }

static const ConfigField device_fields[] = NAME_FILTER_ROWS("devices");
static const ConfigField interface_fields[] = NAME_FILTER_ROWS("interfaces");
static const ConfigField type_fields[] = NAME_FILTER_ROWS("fs_types");
static const ConfigField mount_fields[] = NAME_FILTER_ROWS("mount_points");
static const ConfigField name_fields[] = NAME_FILTER_ROWS("names");

/* --- metrics: one section each, from the table ------------------------------------------------ */

static const ConfigField ON_fields[] = {
    BOOL(MetricSwitch, enabled, "true", "Whether it is told."),
    { 0 },
};
static const ConfigField OFF_fields[] = {
    BOOL(MetricSwitch, enabled, "false", "Whether it is told."),
    { 0 },
};

/* clang-format off */
#define SWITCH_ROW(list, id, metric, unit, kind, preset, tell, text) \
    SECTION(MetricSwitches, of[id], MetricSwitch, preset##_fields, text, .name = metric),
#define SWITCH_TABLE(list) \
    static const ConfigField list##_metrics[] = { list##_METRICS(SWITCH_ROW) { 0 } };
HOST_METRIC_LISTS(SWITCH_TABLE)

#define ATTRIBUTE_SWITCH(id, attribute, preset, add, text) \
    SECTION(AttributeSwitches, of[id], MetricSwitch, preset##_fields, text, .name = attribute),
static const ConfigField attribute_fields[] = { PROCESS_ATTRIBUTE_LIST(ATTRIBUTE_SWITCH) { 0 } };
/* clang-format on */

#define SWITCHES(list)                                                \
    SECTION(ScraperSettings, metrics, MetricSwitches, list##_metrics, \
            "Which of its metrics are told, by name.")

/* --- each scraper ---------------------------------------------------------------------------- */

static const ConfigField cpu_fields[] = { SWITCHES(CPU), { 0 } };
static const ConfigField memory_fields[] = { SWITCHES(MEMORY), { 0 } };
static const ConfigField paging_fields[] = { SWITCHES(PAGING), { 0 } };
static const ConfigField processes_fields[] = { SWITCHES(PROCESSES), { 0 } };
static const ConfigField system_fields[] = { SWITCHES(SYSTEM), { 0 } };

static const ConfigField load_fields[] = {
    SWITCHES(LOAD),
    BOOL(ScraperSettings, cpu_average, "false", "Divide by the number of processors."),
    { 0 },
};

static const ConfigField disk_fields[] = {
    SWITCHES(DISK),
    OPTIONAL_SECTION(ScraperSettings, include, NameFilter, device_fields, "Only these devices."),
    OPTIONAL_SECTION(ScraperSettings, exclude, NameFilter, device_fields, "Not these devices."),
    { 0 },
};

static const ConfigField network_fields[] = {
    SWITCHES(NETWORK),
    OPTIONAL_SECTION(ScraperSettings, include, NameFilter, interface_fields,
                     "Only these interfaces."),
    OPTIONAL_SECTION(ScraperSettings, exclude, NameFilter, interface_fields,
                     "Not these interfaces."),
    { 0 },
};

static const ConfigField filesystem_fields[] = {
    SWITCHES(FILESYSTEM),
    BOOL(ScraperSettings, include_virtual_filesystems, "false",
         "Also those that lie on no device, such as tmpfs and overlay."),
    OPTIONAL_SECTION(ScraperSettings, include_devices, NameFilter, device_fields,
                     "Only what lies on these devices."),
    OPTIONAL_SECTION(ScraperSettings, exclude_devices, NameFilter, device_fields,
                     "Nothing that lies on these devices."),
    OPTIONAL_SECTION(ScraperSettings, include_fs_types, NameFilter, type_fields,
                     "Only these types of file system."),
    OPTIONAL_SECTION(ScraperSettings, exclude_fs_types, NameFilter, type_fields,
                     "Not these types of file system."),
    OPTIONAL_SECTION(ScraperSettings, include_mount_points, NameFilter, mount_fields,
                     "Only these directories."),
    OPTIONAL_SECTION(ScraperSettings, exclude_mount_points, NameFilter, mount_fields,
                     "Not these directories."),
    { 0 },
};

#define MUTE(m, text) BOOL(ScraperSettings, m, "false", text)

static const ConfigField process_fields[] = {
    SWITCHES(PROCESS),
    SECTION(ScraperSettings, resource_attributes, AttributeSwitches, attribute_fields,
            "What is said of each process, by name."),
    OPTIONAL_SECTION(ScraperSettings, include, NameFilter, name_fields,
                     "Only processes of these names."),
    OPTIONAL_SECTION(ScraperSettings, exclude, NameFilter, name_fields,
                     "No processes of these names."),
    DURATION(ScraperSettings, scrape_process_delay, "0s", "0s", "24h",
             "Leave out processes that are younger."),
    MUTE(mute_process_all_errors, "Do not complain of any process that may not be read."),
    MUTE(mute_process_name_error, "Do not complain when its name may not be read."),
    MUTE(mute_process_exe_error, "Do not complain when its executable's path may not be read."),
    MUTE(mute_process_io_error, "Do not complain when its reads and writes may not be read."),
    MUTE(mute_process_user_error, "Do not complain when its user has no name."),
    MUTE(mute_process_cgroup_error, "Do not complain when its control groups may not be read."),
    { 0 },
};

#define SCRAPER(m, rows, text) OPTIONAL_SECTION(ScrapersSettings, m, ScraperSettings, rows, text)

const ConfigField scrapers_fields[] = {
    SCRAPER(cpu, cpu_fields, "Time that processors spent."),
    SCRAPER(load, load_fields, "Load averages."),
    SCRAPER(memory, memory_fields, "What memory is used for."),
    SCRAPER(disk, disk_fields, "Reading and writing of disks."),
    SCRAPER(filesystem, filesystem_fields, "How full file systems are."),
    SCRAPER(network, network_fields, "Traffic of interfaces, and TCP connections."),
    SCRAPER(paging, paging_fields, "Swap space, and pages that come and go."),
    SCRAPER(processes, processes_fields, "How many processes there are."),
    SCRAPER(system, system_fields, "How long the machine has been up."),
    SCRAPER(process, process_fields, "Each process, as a resource of its own."),
    LATER("nfs", "the scraper nfs"),
    { 0 },
};

/* --- rules ----------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    size_t offset;
} scrapers[SCRAPERS] = {
    [SCRAPE_CPU] = { "cpu", offsetof(ScrapersSettings, cpu) },
    [SCRAPE_LOAD] = { "load", offsetof(ScrapersSettings, load) },
    [SCRAPE_MEMORY] = { "memory", offsetof(ScrapersSettings, memory) },
    [SCRAPE_DISK] = { "disk", offsetof(ScrapersSettings, disk) },
    [SCRAPE_FILESYSTEM] = { "filesystem", offsetof(ScrapersSettings, filesystem) },
    [SCRAPE_NETWORK] = { "network", offsetof(ScrapersSettings, network) },
    [SCRAPE_PAGING] = { "paging", offsetof(ScrapersSettings, paging) },
    [SCRAPE_PROCESSES] = { "processes", offsetof(ScrapersSettings, processes) },
    [SCRAPE_SYSTEM] = { "system", offsetof(ScrapersSettings, system) },
    [SCRAPE_PROCESS] = { "process", offsetof(ScrapersSettings, process) },
};

const char *scraper_name(ScraperId scraper)
{
    return scrapers[scraper].name;
}

const ScraperSettings *scraper_settings(const ScrapersSettings *all, ScraperId scraper)
{
    return (const ScraperSettings *)((const char *)all + scrapers[scraper].offset);
}

static bool filter_open(NameFilter *filter, const char *name, Err *err)
{
    if (!filter->present || filter->set)
        return true;
    filter->set =
        name_set_new(filter->names.items, filter->names.count, (NameMatch)filter->match_type, err);
    return filter->set || blame(err, "%s", name);
}

static bool scraper_open(ScraperSettings *s, Err *err)
{
    return filter_open(&s->include, "include", err) && filter_open(&s->exclude, "exclude", err) &&
           filter_open(&s->include_devices, "include_devices", err) &&
           filter_open(&s->exclude_devices, "exclude_devices", err) &&
           filter_open(&s->include_fs_types, "include_fs_types", err) &&
           filter_open(&s->exclude_fs_types, "exclude_fs_types", err) &&
           filter_open(&s->include_mount_points, "include_mount_points", err) &&
           filter_open(&s->exclude_mount_points, "exclude_mount_points", err);
}

bool scrapers_open(ScrapersSettings *settings, Err *err)
{
    for (int i = 0; i < SCRAPERS; i++)
        if (!scraper_open((ScraperSettings *)((char *)settings + scrapers[i].offset), err))
            return blame(err, "%s", scrapers[i].name);
    return true;
}

static void filter_close(NameFilter *filter)
{
    name_set_free(filter->set);
    filter->set = NULL;
}

void scrapers_close(ScrapersSettings *settings)
{
    for (int i = 0; i < SCRAPERS; i++) {
        ScraperSettings *s = (ScraperSettings *)((char *)settings + scrapers[i].offset);
        filter_close(&s->include);
        filter_close(&s->exclude);
        filter_close(&s->include_devices);
        filter_close(&s->exclude_devices);
        filter_close(&s->include_fs_types);
        filter_close(&s->exclude_fs_types);
        filter_close(&s->include_mount_points);
        filter_close(&s->exclude_mount_points);
    }
}

bool scrapers_check(const ScrapersSettings *settings, Err *err)
{
    ScrapersSettings trial = *settings; /* for its patterns */
    bool any = false;
    for (int i = 0; i < SCRAPERS; i++)
        any = any || scraper_settings(settings, (ScraperId)i)->present;
    if (!any)
        return fail(err, ERR_INPUT,
                    "must specify at least one scraper when using hostmetrics receiver");
    bool good = scrapers_open(&trial, err);
    scrapers_close(&trial);
    return good;
}

bool scrapers_look_into_processes(const ScrapersSettings *settings)
{
    const ScraperSettings *process = &settings->process;
    return process->present && (process->metrics.of[PROCESS_DISK_IO].enabled ||
                                process->metrics.of[PROCESS_DISK_OPERATIONS].enabled ||
                                process->resource_attributes.of[PROCESS_EXECUTABLE_PATH].enabled);
}
