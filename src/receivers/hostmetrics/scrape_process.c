/* scrape_process.c - each process, as a resource of its own.
 *
 *     resource process.pid, .parent_pid, .executable.name ...
 *       scope cryostorm/hostmetrics/process
 *         metrics, whose sums start when the process did
 *
 * Processes come and go while they are looked at: one that is gone by the time something of it is
 * read leaves no trace and no complaint. What may not be read is one trouble, told for the first
 * process and counted for the others, unless its mute_ setting is on. Each process holds its files
 * only while it is looked at; what is kept for the next look is six numbers.
 */
#include "base/mem.h"
#include "otlp/encode.h"
#include "receivers/hostmetrics/process_look_internal.h"

#include <stdlib.h>

enum {
    PROCESS_ROOM = 256 << 10, /* more than one process takes in the message */
};

/* --- files ----------------------------------------------------------------------------------- */

bool process_path(const Scrape *s, const char *file, char out[PATH_SIZE], Err *err)
{
    return look_path(s, out, err, "/proc/%llu%s", (unsigned long long)s->process->pid, file);
}

/* As much of it as there is room for. */
static bool read_start(Disk *disk, const char *path, Buf *out, Err *err)
{
    Err ignored;
    size_t got = 0;
    File *file = disk_open(disk, path, DISK_READ, err);
    if (!file)
        return false;
    char *room = buf_reserve(out, COMMAND_MAX);
    bool good = room ? file_read(file, 0, room, COMMAND_MAX, &got, err) : buf_ok(out, err);
    out->len += got;
    return file_close(file, good ? err : &ignored) && good;
}

bool process_file(Scrape *s, ProcessFile file, Str *out, Err *err)
{
    static const char *const names[PROCESS_FILES] = {
        [PROCESS_STATUS_FILE] = "/status",
        [PROCESS_IO_FILE] = "/io",
        [PROCESS_COMMAND_FILE] = "/cmdline",
        [PROCESS_CGROUP_FILE] = "/cgroup",
    };
    char path[PATH_SIZE];
    Disk *disk = s->wish->disk;
    FileText *one = &s->process->files[file];
    if (!one->asked) {
        buf_clear(&one->text);
        one->good =
            process_path(s, names[file], path, &one->why) &&
            (file == PROCESS_COMMAND_FILE ? read_start(disk, path, &one->text, &one->why)
                                          : disk_read_all(disk, path, &one->text, &one->why));
        one->asked = true;
    }
    *out = buf_str(&one->text);
    if (!one->good)
        *err = one->why;
    return one->good;
}

/* --- troubles -------------------------------------------------------------------------------- */

static bool is_muted(const ScraperSettings *settings, int about)
{
    switch (about) {
    case PROCESS_DISK_IO:
    case PROCESS_DISK_OPERATIONS: return settings->mute_process_io_error;
    case HOST_METRICS + PROCESS_EXECUTABLE_NAME: return settings->mute_process_name_error;
    case HOST_METRICS + PROCESS_EXECUTABLE_PATH: return settings->mute_process_exe_error;
    case HOST_METRICS + PROCESS_OWNER: return settings->mute_process_user_error;
    case HOST_METRICS + PROCESS_CGROUP: return settings->mute_process_cgroup_error;
    default: return false;
    }
}

static bool is_gone(Scrape *s)
{
    char path[PATH_SIZE];
    DiskInfo info;
    Err ignored;
    return process_path(s, "", path, &ignored) &&
           s->wish->disk->info(s->wish->disk, path, &info, &ignored) && !info.exists;
}

void process_trouble(Scrape *s, int about, Err *why)
{
    ProcessLook *look = s->process;
    const ScraperSettings *settings = s->settings;
    look->gone = look->gone || is_gone(s);
    if (look->gone || settings->mute_process_all_errors || is_muted(settings, about))
        return;
    blame(why, "process \"%.*s\" (pid %llu)", STR_ARG(look->name), (unsigned long long)look->pid);
    scrape_trouble(s->report, SCRAPE_PROCESS, about, why);
}

/* --- one process ----------------------------------------------------------------------------- */

static int64_t start_of(const Scrape *s, uint64_t ticks)
{
    enum { TICK_NS = 1000 * 1000 * 1000 / PROC_TICKS_PER_SECOND };
    if (!s->boot_ns || ticks > (uint64_t)(INT64_MAX - s->boot_ns) / TICK_NS)
        return 0;
    return s->boot_ns + (int64_t)ticks * TICK_NS;
}

static Str base_of(Str path)
{
    size_t at = path.len;
    while (at > 0 && path.ptr[at - 1] != '/')
        at--;
    return str_skip(path, at);
}

static Str first_argument(Str command)
{
    size_t len = 0;
    while (len < command.len && command.ptr[len])
        len++;
    return str_first(command, len);
}

/* The kernel cuts names; the command line may have the whole of it. */
static Str name_of(Scrape *s)
{
    Err ignored;
    Str name = s->process->stat.name, command;
    if (name.len < NAME_CUT || !process_file(s, PROCESS_COMMAND_FILE, &command, &ignored))
        return name;
    Str whole = base_of(first_argument(command));
    return str_starts(whole, name) ? whole : name;
}

/* False: it is gone, or may not be read. */
static bool read_process(Scrape *s, uint64_t pid)
{
    char path[PATH_SIZE];
    Err why = { 0 };
    ProcessLook *look = s->process;
    look->pid = pid;
    look->name = STR("");
    look->gone = false;
    for (size_t i = 0; i < PROCESS_FILES; i++)
        look->files[i].asked = false;
    buf_clear(&look->stat_text);
    bool good = process_path(s, "/stat", path, &why) &&
                disk_read_all(s->wish->disk, path, &look->stat_text, &why) &&
                (proc_process_stat(buf_str(&look->stat_text), &look->stat) ||
                 fail(&why, ERR_INPUT, "%s is not what it should be", path));
    if (!good) {
        process_trouble(s, HOST_METRICS + PROCESS_EXECUTABLE_NAME, &why);
        return false;
    }
    buf_clear(&look->name_text);
    look_add_utf8(&look->name_text, name_of(s));
    look->name = buf_str(&look->name_text);
    look->start_ns = start_of(s, look->stat.start_ticks);
    return true;
}

static bool is_wanted(const Scrape *s)
{
    const ScraperSettings *settings = s->settings;
    const ProcessLook *look = s->process;
    return look_wants(&settings->include, &settings->exclude, look->name) &&
           (!settings->scrape_process_delay || !look->start_ns ||
            s->now_ns - look->start_ns >= settings->scrape_process_delay);
}

static void add_resource(Scrape *s)
{
    size_t resource = wire_open(s->out, GROUP_RESOURCE);
    for (int i = 0; i < PROCESS_ATTRIBUTES; i++) {
        Err why = { 0 };
        const ProcessAttribute *attribute = &process_attributes[i];
        if (s->settings->resource_attributes.of[i].enabled &&
            !attribute->add(s, attribute->key, &why))
            process_trouble(s, HOST_METRICS + i, &why);
    }
    wire_close(s->out, resource);
}

static void tell_process(Scrape *s)
{
    size_t before = s->out->len, group = wire_open(s->out, REQUEST_GROUP);
    s->start_ns = s->process->start_ns;
    add_resource(s);
    bool found = look_tell_scope(s, SCRAPE_PROCESS);
    look_close_group(s, group);
    if ((!found || s->process->gone) && !s->out->failed)
        s->out->len = before;
}

/* --- all of them ----------------------------------------------------------------------------- */

static bool keep_pid(void *context, Str name)
{
    uint64_t pid;
    Buf *pids = context;
    if (str_to_u64(name, &pid))
        buf_add(pids, (Str){ (const char *)&pid, sizeof pid });
    return !pids->failed;
}

static int by_number(const void *a, const void *b)
{
    const uint64_t *one = a, *other = b;
    return (*one > *other) - (*one < *other);
}

/* Both lists go up, so that *place only goes up too. */
static const ProcessPast *find_past(const ScrapePast *past, size_t *place, const ProcessLook *look)
{
    while (*place < past->process_count && past->processes[*place].pid < look->pid)
        *place += 1;
    const ProcessPast *found = &past->processes[*place];
    bool same = *place < past->process_count && found->pid == look->pid &&
                found->start_ticks == look->stat.start_ticks; /* numbers are used again */
    return same ? found : NULL;
}

static bool has_room(const Scrape *s, Err *err)
{
    return s->out->max - s->out->len >= PROCESS_ROOM ||
           fail(err, ERR_LIMIT,
                "what processes have to tell is more than %zu bytes: those with "
                "higher numbers are left out",
                s->out->max);
}

static bool tell_all(Scrape *s, const uint64_t *pids, size_t count, ScrapePast *now, Err *err)
{
    ProcessLook *look = s->process;
    size_t place = 0;
    for (size_t i = 0; i < count; i++) {
        if (!look_in_time(s, err) || !has_room(s, err))
            return false;
        if (!read_process(s, pids[i]) || !is_wanted(s))
            continue;
        look->before = find_past(s->wish->past, &place, look);
        tell_process(s);
        if (!look->gone && now->processes)
            now->processes[now->process_count++] =
                (ProcessPast){ look->pid, look->stat.start_ticks, look->stat.user_ticks,
                               look->stat.system_ticks, look->stat.wait_ticks };
    }
    return true;
}

static bool remember(ScrapePast *past, ScrapePast *now)
{
    mem_free(past->processes);
    past->processes = now->processes;
    past->process_count = now->process_count;
    past->processes_ns = now->processes_ns;
    return true;
}

bool look_pids(const Scrape *s, Buf *out, Err *err)
{
    char path[PATH_SIZE];
    Disk *disk = s->wish->disk;
    return look_path(s, path, err, "/proc") && disk->list(disk, path, keep_pid, out, err);
}

static bool run(Scrape *s, Buf *pids, Err *err)
{
    ScrapePast now = { .processes_ns = s->mono_ns };
    if (!look_pids(s, pids, err))
        return false;
    size_t count = pids->len / sizeof(uint64_t);
    if (count)
        qsort(pids->ptr, count, sizeof(uint64_t), by_number);
    if (s->settings->metrics.of[PROCESS_CPU_UTILIZATION].enabled) {
        now.processes = MEM_MAKE(ProcessPast, count ? count : 1, err);
        if (!now.processes)
            return false;
    }
    bool good = tell_all(s, (const uint64_t *)(const void *)pids->ptr, count, &now, err);
    return remember(s->wish->past, &now) && good && buf_ok(pids, err);
}

void scrape_processes(Scrape *s)
{
    enum { ABOUT_ALL = HOST_METRICS + PROCESS_ATTRIBUTES, ABOUT_HANDLES };
    Err why = { 0 };
    Buf pids = BUF(PIDS_MAX * sizeof(uint64_t));
    ProcessLook *look = MEM_MAKE(ProcessLook, 1, &why);
    if (look) {
        look->stat_text = BUF(PROCESS_FILE_MAX);
        look->name_text = look->text = BUF(4 * COMMAND_MAX);
        for (size_t i = 0; i < PROCESS_FILES; i++)
            look->files[i].text = BUF(PROCESS_FILE_MAX);
        s->process = look;
    }
    if (!look || !run(s, &pids, &why))
        scrape_trouble(s->report, SCRAPE_PROCESS, ABOUT_ALL, &why);
    if (s->settings->metrics.of[PROCESS_HANDLES].enabled) {
        fail(&why, ERR_UNSUPPORTED, "process.handles: only Windows has them");
        scrape_trouble(s->report, SCRAPE_PROCESS, ABOUT_HANDLES, &why);
    }
    buf_free(&pids);
    s->process = NULL;
    if (!look)
        return;
    buf_free(&look->stat_text);
    buf_free(&look->name_text);
    buf_free(&look->text);
    for (size_t i = 0; i < PROCESS_FILES; i++)
        buf_free(&look->files[i].text);
    mem_free(look);
}
