/* scraper_settings.c - the scrapers' tables, and what they allow; see host_scrape.h. */
#include "receivers/hostmetrics/host_scrape.h"

#include "receivers/hostmetrics/host_metric_internal.h"

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

static const ConfigField switch_fields[] = {
    BOOL(MetricSwitch, enabled, REQUIRED, "Whether it is told."),
    { 0 },
};

#define SWITCHES                                                       \
    SECTION_MAP(ScraperSettings, metrics, MetricSwitch, switch_fields, \
                "Metrics by name, to switch them off.")

static const ConfigField plain_fields[] = { SWITCHES, { 0 } };

static const ConfigField load_fields[] = {
    SWITCHES,
    BOOL(ScraperSettings, cpu_average, "false", "Divide by the number of processors."),
    { 0 },
};

static const ConfigField disk_fields[] = {
    SWITCHES,
    OPTIONAL_SECTION(ScraperSettings, include, NameFilter, device_fields, "Only these devices."),
    OPTIONAL_SECTION(ScraperSettings, exclude, NameFilter, device_fields, "Not these devices."),
    { 0 },
};

static const ConfigField network_fields[] = {
    SWITCHES,
    OPTIONAL_SECTION(ScraperSettings, include, NameFilter, interface_fields,
                     "Only these interfaces."),
    OPTIONAL_SECTION(ScraperSettings, exclude, NameFilter, interface_fields,
                     "Not these interfaces."),
    { 0 },
};

static const ConfigField filesystem_fields[] = {
    SWITCHES,
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

#define SCRAPER(m, rows, text) OPTIONAL_SECTION(ScrapersSettings, m, ScraperSettings, rows, text)

const ConfigField scrapers_fields[] = {
    SCRAPER(cpu, plain_fields, "Time that processors spent."),
    SCRAPER(load, load_fields, "Load averages."),
    SCRAPER(memory, plain_fields, "What memory is used for."),
    SCRAPER(disk, disk_fields, "Reading and writing of disks."),
    SCRAPER(filesystem, filesystem_fields, "How full file systems are."),
    SCRAPER(network, network_fields, "Traffic of interfaces, and TCP connections."),
    LATER("paging", "the scraper paging"),
    LATER("processes", "the scraper processes"),
    LATER("process", "the scraper process"),
    LATER("system", "the scraper system"),
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
};

const char *scraper_name(ScraperId scraper)
{
    return scrapers[scraper].name;
}

const ScraperSettings *scraper_settings(const ScrapersSettings *all, ScraperId scraper)
{
    return (const ScraperSettings *)((const char *)all + scrapers[scraper].offset);
}

/* What the public scrapers can tell besides. */
static const struct {
    ScraperId scraper;
    Str name;
} later[] = {
    { SCRAPE_CPU, STR_ROW("system.cpu.utilization") },
    { SCRAPE_CPU, STR_ROW("system.cpu.frequency") },
    { SCRAPE_CPU, STR_ROW("system.cpu.logical.count") },
    { SCRAPE_CPU, STR_ROW("system.cpu.physical.count") },
    { SCRAPE_MEMORY, STR_ROW("system.memory.utilization") },
    { SCRAPE_MEMORY, STR_ROW("system.memory.limit") },
    { SCRAPE_MEMORY, STR_ROW("system.memory.page_size") },
    { SCRAPE_MEMORY, STR_ROW("system.linux.memory.available") },
    { SCRAPE_MEMORY, STR_ROW("system.linux.memory.dirty") },
    { SCRAPE_FILESYSTEM, STR_ROW("system.filesystem.utilization") },
    { SCRAPE_NETWORK, STR_ROW("system.network.conntrack.count") },
    { SCRAPE_NETWORK, STR_ROW("system.network.conntrack.max") },
};

static bool is_later(ScraperId scraper, Str name)
{
    for (size_t i = 0; i < COUNT_OF(later); i++)
        if (later[i].scraper == scraper && str_eq(later[i].name, name))
            return true;
    return false;
}

static bool is_told(ScraperId scraper, Str name)
{
    for (int i = 0; i < HOST_METRICS; i++)
        if (host_metrics[i].scraper == scraper && str_eq(host_metrics[i].name, name))
            return true;
    return false;
}

static bool check_switches(const ScraperSettings *settings, ScraperId scraper, Err *err)
{
    for (size_t i = 0; i < settings->metrics.count; i++) {
        const MetricSwitch *one = &settings->metrics.items[i];
        bool known = is_later(scraper, one->key);
        if (known && one->enabled)
            return fail(err, ERR_UNSUPPORTED, "%s: %.*s: not supported yet; it comes later",
                        scraper_name(scraper), STR_ARG(one->key));
        if (!known && !is_told(scraper, one->key))
            return fail(err, ERR_INPUT, "%s: there is no metric \"%.*s\"", scraper_name(scraper),
                        STR_ARG(one->key));
    }
    return true;
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
    bool any = false, good = true;
    for (int i = 0; i < SCRAPERS && good; i++) {
        const ScraperSettings *scraper = scraper_settings(settings, (ScraperId)i);
        any = any || scraper->present;
        good = check_switches(scraper, (ScraperId)i, err);
    }
    if (good && !any)
        return fail(err, ERR_INPUT,
                    "must specify at least one scraper when using hostmetrics receiver");
    good = good && scrapers_open(&trial, err);
    scrapers_close(&trial);
    return good;
}
