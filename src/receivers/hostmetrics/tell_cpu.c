/* tell_cpu.c - what processors do: their time, speed and number, and the load averages. */
#include "base/mem.h"
#include "receivers/hostmetrics/host_scrape_internal.h"

#include <stdio.h>

static const struct {
    CpuState state;
    Str name;
} states[] = {
    { CPU_USER, STR_ROW("user") },   { CPU_SYSTEM, STR_ROW("system") },
    { CPU_IDLE, STR_ROW("idle") },   { CPU_INTERRUPT, STR_ROW("interrupt") },
    { CPU_NICE, STR_ROW("nice") },   { CPU_SOFTIRQ, STR_ROW("softirq") },
    { CPU_STEAL, STR_ROW("steal") }, { CPU_WAIT, STR_ROW("wait") },
};

static void add_state(Scrape *s, Str cpu, size_t state, double value)
{
    look_add_real(s, value,
                  (Label[LABELS_MAX]){ { STR("cpu"), cpu }, { STR("state"), states[state].name } });
}

bool tell_cpu_time(Scrape *s, Err *err)
{
    CpuTimes times;
    Str rest;
    if (!look_file(s, FILE_STAT, &rest, err))
        return false;
    while (proc_cpu_next(&rest, &times))
        for (size_t i = 0; i < COUNT_OF(states); i++)
            add_state(s, times.name, i,
                      (double)times.ticks[states[i].state] / PROC_TICKS_PER_SECOND);
    return s->points || fail(err, ERR_INPUT, "/proc/stat tells of no processor");
}

/* --- parts of time --------------------------------------------------------------------------- */

/* The place is nearly always the same as the last time. */
static const CpuPast *find_past(const ScrapePast *past, size_t place, uint64_t number)
{
    if (place < past->cpu_count && past->cpus[place].number == number)
        return &past->cpus[place];
    for (size_t i = 0; i < past->cpu_count; i++)
        if (past->cpus[i].number == number)
            return &past->cpus[i];
    return NULL;
}

/* Counters that fell (a processor that was taken out and put back) count as standing still. */
static void add_parts(Scrape *s, const CpuTimes *times, const CpuPast *before)
{
    uint64_t gone[CPU_STATES], whole = 0;
    for (size_t i = 0; i < CPU_STATES; i++) {
        gone[i] = look_less(times->ticks[i], before->ticks[i]);
        whole += gone[i];
    }
    for (size_t i = 0; i < COUNT_OF(states); i++)
        add_state(s, times->name, i, whole ? (double)gone[states[i].state] / (double)whole : 0);
}

static bool number_of(Str name, uint64_t *out)
{
    return str_to_u64(str_skip(name, 3), out); /* "cpu12" */
}

bool tell_cpu_utilization(Scrape *s, Err *err)
{
    ScrapePast *past = s->wish->past;
    CpuTimes times;
    Str text;
    uint64_t count, number;
    size_t kept = 0;
    if (!look_file(s, FILE_STAT, &text, err) || !look_count_cpus(s, &count, err))
        return false;
    CpuPast *now = MEM_MAKE(CpuPast, count, err);
    if (!now)
        return false;
    for (Str rest = text; kept < count && proc_cpu_next(&rest, &times);) {
        if (!number_of(times.name, &number))
            continue;
        const CpuPast *before = find_past(past, kept, number);
        if (before)
            add_parts(s, &times, before);
        now[kept].number = number;
        for (size_t i = 0; i < CPU_STATES; i++)
            now[kept].ticks[i] = times.ticks[i];
        kept++;
    }
    mem_free(past->cpus);
    past->cpus = now;
    past->cpu_count = kept;
    return true;
}

/* --- how many, how fast ---------------------------------------------------------------------- */

bool look_count_cpus(Scrape *s, uint64_t *out, Err *err)
{
    CpuTimes times;
    Str rest;
    if (!look_file(s, FILE_STAT, &rest, err))
        return false;
    for (*out = 0; *out < PAST_CPUS_MAX && proc_cpu_next(&rest, &times);)
        *out += 1;
    return *out > 0 || fail(err, ERR_INPUT, "/proc/stat tells of no processor");
}

static bool read_small(Scrape *s, const char *path, Buf *text, Err *err)
{
    buf_clear(text);
    return look_in_time(s, err) && disk_read_all(s->wish->disk, path, text, err);
}

/* A core is counted at the first of the processors that share it. */
static bool count_cores(Scrape *s, uint64_t *out, Err *err)
{
    enum { LIST_MAX = 64 << 10 };
    char path[PATH_SIZE];
    CpuTimes times;
    Str rest;
    uint64_t number, first;
    bool good = look_file(s, FILE_STAT, &rest, err);
    Buf text = BUF(LIST_MAX);
    *out = 0;
    while (good && proc_cpu_next(&rest, &times)) {
        if (!number_of(times.name, &number))
            continue;
        good = look_path(s, path, err, "/sys/devices/system/cpu/%.*s/topology/core_cpus_list",
                         STR_ARG(times.name)) &&
               read_small(s, path, &text, err) &&
               (proc_first_of_list(buf_str(&text), &first) ||
                fail(err, ERR_INPUT, "%s has no number", path));
        *out += good && first == number;
    }
    buf_free(&text);
    return good;
}

/* Where /sys says nothing: each package tells its cores, and is counted once. */
static bool count_cores_of_packages(Scrape *s, uint64_t *out, Err *err)
{
    enum { PACKAGES_MAX = 256 };
    bool seen[PACKAGES_MAX] = { false };
    CpuInfo info;
    Str rest;
    if (!look_file(s, FILE_CPUINFO, &rest, err))
        return false;
    for (*out = 0; proc_cpu_info_next(&rest, &info);) {
        if (info.package >= PACKAGES_MAX || seen[info.package])
            continue;
        seen[info.package] = true;
        *out += info.cores;
    }
    return *out || fail(err, ERR_INPUT,
                        "neither /sys/devices/system/cpu nor /proc/cpuinfo "
                        "tells of cores");
}

bool tell_cpu_count(Scrape *s, Err *err)
{
    Err ignored; /* then the other place is asked, and is what is complained of */
    uint64_t count;
    bool good = s->metric == CPU_LOGICAL
                    ? look_count_cpus(s, &count, err)
                    : count_cores(s, &count, &ignored) || count_cores_of_packages(s, &count, err);
    if (good)
        look_add_int(s, count, (Label[LABELS_MAX]){ 0 });
    return good;
}

static void add_frequency(Scrape *s, uint64_t number, double hertz)
{
    char name[32];
    snprintf(name, sizeof name, "cpu%llu", (unsigned long long)number);
    look_add_real(s, hertz, (Label[LABELS_MAX]){ { STR("cpu"), str_from(name) } });
}

/* Processors other than Intel's and AMD's tell it in /sys, in kHz. */
static bool tell_scaling(Scrape *s, Err *err)
{
    char path[PATH_SIZE];
    CpuTimes times;
    Str rest;
    uint64_t number, khz;
    bool good = look_file(s, FILE_STAT, &rest, err);
    Buf text = BUF(64);
    while (good && proc_cpu_next(&rest, &times)) {
        if (!number_of(times.name, &number))
            continue;
        good = look_path(s, path, err, "/sys/devices/system/cpu/%.*s/cpufreq/scaling_cur_freq",
                         STR_ARG(times.name)) &&
               read_small(s, path, &text, err) &&
               (proc_number(str_trim(buf_str(&text)), &khz) ||
                fail(err, ERR_INPUT, "%s has no number", path));
        if (good)
            add_frequency(s, number, (double)khz * 1e3);
    }
    buf_free(&text);
    return good;
}

bool tell_cpu_frequency(Scrape *s, Err *err)
{
    CpuInfo info;
    Str rest;
    if (!look_file(s, FILE_CPUINFO, &rest, err))
        return false;
    while (proc_cpu_info_next(&rest, &info))
        if (info.mhz > 0)
            add_frequency(s, info.number, info.mhz * 1e6);
    return s->points || tell_scaling(s, err);
}

/* --- load ------------------------------------------------------------------------------------ */

bool tell_load(Scrape *s, Err *err)
{
    LoadAverages load;
    Str text;
    uint64_t share = 1;
    if (!look_file(s, FILE_LOADAVG, &text, err) ||
        (s->settings->cpu_average && !look_count_cpus(s, &share, err)))
        return false;
    if (!proc_load(text, &load))
        return fail(err, ERR_INPUT, "/proc/loadavg has no three numbers");
    double value = s->metric == LOAD_1M   ? load.one
                   : s->metric == LOAD_5M ? load.five
                                          : load.fifteen;
    look_add_real(s, value / (double)share, (Label[LABELS_MAX]){ 0 });
    return true;
}
