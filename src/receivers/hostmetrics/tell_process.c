/* tell_process.c - what a process is, and what it used. */
#include "otlp/encode.h"
#include "receivers/hostmetrics/process_look_internal.h"

#include <unistd.h>

/* clang-format off */
#define DECLARE_ADD(id, key, preset, add, text) static ProcessAdd add;
PROCESS_ATTRIBUTE_LIST(DECLARE_ADD)
#define ATTRIBUTE_ROW(id, key, preset, add, text) [id] = { STR_ROW(key), add },
const ProcessAttribute process_attributes[PROCESS_ATTRIBUTES] = {
    PROCESS_ATTRIBUTE_LIST(ATTRIBUTE_ROW)
};
/* clang-format on */

/* --- what it is ------------------------------------------------------------------------------ */

static bool add_text(Scrape *s, Str key, Str text)
{
    Buf *clean = &s->process->text;
    buf_clear(clean);
    look_add_utf8(clean, text);
    encode_text(s->out, RESOURCE_ATTRIBUTES, key, buf_str(clean));
    return true;
}

static bool add_pid(Scrape *s, Str key, Err *err)
{
    (void)err;
    encode_int(s->out, RESOURCE_ATTRIBUTES, key, (int64_t)s->process->pid);
    return true;
}

static bool add_parent(Scrape *s, Str key, Err *err)
{
    (void)err;
    encode_int(s->out, RESOURCE_ATTRIBUTES, key, (int64_t)s->process->stat.parent);
    return true;
}

static bool add_name(Scrape *s, Str key, Err *err)
{
    (void)err;
    return add_text(s, key, s->process->name);
}

/* The kernel's own processes have none: an empty one is told. */
static bool add_executable(Scrape *s, Str key, Err *err)
{
    char path[PATH_SIZE];
    Disk *disk = s->wish->disk;
    Buf target = BUF(PATH_SIZE);
    bool good = process_path(s, "/exe", path, err) && disk->read_link(disk, path, &target, err);
    if (good)
        add_text(s, key, buf_str(&target));
    buf_free(&target);
    return good;
}

static bool add_cgroup(Scrape *s, Str key, Err *err)
{
    Str text;
    return process_file(s, PROCESS_CGROUP_FILE, &text, err) && add_text(s, key, str_trim(text));
}

static bool add_command(Scrape *s, Str key, Err *err)
{
    Str text, first;
    if (!process_file(s, PROCESS_COMMAND_FILE, &text, err))
        return false;
    return add_text(s, key, str_split(&text, 0, &first) ? first : STR(""));
}

/* Its arguments with spaces between them. */
static bool add_command_line(Scrape *s, Str key, Err *err)
{
    Str text;
    if (!process_file(s, PROCESS_COMMAND_FILE, &text, err))
        return false;
    if (text.len && !text.ptr[text.len - 1])
        text.len--;
    Buf *clean = &s->process->text;
    buf_clear(clean);
    look_add_utf8(clean, text);
    for (size_t i = 0; i < clean->len; i++)
        if (!clean->ptr[i])
            clean->ptr[i] = ' ';
    encode_text(s->out, RESOURCE_ATTRIBUTES, key, buf_str(clean));
    return true;
}

static bool read_status(Scrape *s, ProcessStatus *out, Err *err)
{
    Str text;
    return process_file(s, PROCESS_STATUS_FILE, &text, err) &&
           (proc_process_status(text, out) || fail(err, ERR_INPUT, "its status has no Uid"));
}

/* Names stand in /etc/passwd; directories of users elsewhere are not asked. */
static bool find_user(Scrape *s, uint64_t number, Str *name, Err *err)
{
    Str users;
    KnownUser *known = &s->process->users[number % USERS_KNOWN];
    if (!look_file(s, FILE_PASSWD, &users, err))
        return false;
    if (!known->known || known->number != number) {
        *known = (KnownUser){ .known = true, .number = number };
        if (!proc_user_name(users, number, &known->name))
            known->name = STR("");
    }
    *name = known->name;
    return name->len || fail(err, ERR_INPUT, "unknown userid %llu", (unsigned long long)number);
}

static bool add_owner(Scrape *s, Str key, Err *err)
{
    ProcessStatus status;
    Str name;
    return read_status(s, &status, err) && find_user(s, status.user, &name, err) &&
           add_text(s, key, name);
}

/* --- what it used ---------------------------------------------------------------------------- */

static const Label nothing[LABELS_MAX];

static void add_ticks(Scrape *s, const uint64_t ticks[3], double per_tick)
{
    static const Str names[] = { STR_ROW("user"), STR_ROW("system"), STR_ROW("wait") };
    for (size_t i = 0; i < COUNT_OF(names); i++)
        look_add_real(s, (double)ticks[i] * per_tick,
                      (Label[LABELS_MAX]){ { STR("state"), names[i] } });
}

bool tell_process_cpu(Scrape *s, Err *err)
{
    const ProcessStat *stat = &s->process->stat;
    const ProcessPast *before = s->process->before;
    uint64_t cpus, ticks[] = { stat->user_ticks, stat->system_ticks, stat->wait_ticks };
    int64_t gone_ns = s->mono_ns - s->wish->past->processes_ns;
    if (s->metric == PROCESS_CPU_TIME) {
        add_ticks(s, ticks, 1.0 / PROC_TICKS_PER_SECOND);
        return true;
    }
    if (!look_count_cpus(s, &cpus, err))
        return false;
    if (!before || gone_ns <= 0)
        return true;
    ticks[0] = look_less(ticks[0], before->user_ticks);
    ticks[1] = look_less(ticks[1], before->system_ticks);
    ticks[2] = look_less(ticks[2], before->wait_ticks);
    add_ticks(s, ticks,
              (double)NANOS_PER_SECOND / PROC_TICKS_PER_SECOND / (double)gone_ns / (double)cpus);
    return true;
}

bool tell_process_memory(Scrape *s, Err *err)
{
    const ProcessStat *stat = &s->process->stat;
    uint64_t resident = stat->resident_pages * (uint64_t)sysconf(_SC_PAGESIZE);
    MemoryInfo info;
    Str text;
    if (s->metric != PROCESS_MEMORY_UTILIZATION) {
        look_add_int(s, s->metric == PROCESS_MEMORY_USAGE ? resident : stat->virtual_bytes,
                     nothing);
        return true;
    }
    if (!look_file(s, FILE_MEMINFO, &text, err))
        return false;
    if (!proc_memory(text, &info))
        return fail(err, ERR_INPUT, "/proc/meminfo has no MemTotal");
    look_add_real(s, 100 * (double)resident / (double)info.total, nothing);
    return true;
}

bool tell_process_disk(Scrape *s, Err *err)
{
    ProcessIo io;
    Str text;
    if (!process_file(s, PROCESS_IO_FILE, &text, err))
        return false;
    if (!proc_process_io(text, &io))
        return fail(err, ERR_INPUT, "its io has no counts");
    bool is_bytes = s->metric == PROCESS_DISK_IO;
    look_add_int(s, is_bytes ? io.read_bytes : io.reads,
                 (Label[LABELS_MAX]){ { STR("direction"), STR("read") } });
    look_add_int(s, is_bytes ? io.written_bytes : io.writes,
                 (Label[LABELS_MAX]){ { STR("direction"), STR("write") } });
    return true;
}

bool tell_process_faults(Scrape *s, Err *err)
{
    (void)err;
    const ProcessStat *stat = &s->process->stat;
    look_add_int(s, stat->major_faults, (Label[LABELS_MAX]){ { STR("type"), STR("major") } });
    look_add_int(s, stat->minor_faults, (Label[LABELS_MAX]){ { STR("type"), STR("minor") } });
    return true;
}

bool tell_process_threads(Scrape *s, Err *err)
{
    (void)err;
    look_add_int(s, s->process->stat.threads, nothing);
    return true;
}

static bool count_name(void *context, Str name)
{
    (void)name;
    uint64_t *count = context;
    *count += 1;
    return true;
}

bool tell_process_files(Scrape *s, Err *err)
{
    char path[PATH_SIZE];
    uint64_t count = 0;
    Disk *disk = s->wish->disk;
    if (!process_path(s, "/fd", path, err) || !disk->list(disk, path, count_name, &count, err))
        return false;
    look_add_int(s, count, nothing);
    return true;
}

bool tell_process_switches(Scrape *s, Err *err)
{
    ProcessStatus status;
    if (!read_status(s, &status, err))
        return false;
    look_add_int(s, status.forced_switches,
                 (Label[LABELS_MAX]){ { STR("type"), STR("involuntary") } });
    look_add_int(s, status.switches, (Label[LABELS_MAX]){ { STR("type"), STR("voluntary") } });
    return true;
}

bool tell_process_signals(Scrape *s, Err *err)
{
    ProcessStatus status;
    uint64_t count = 0;
    if (!read_status(s, &status, err))
        return false;
    for (uint64_t bits = status.pending; bits; bits &= bits - 1)
        count++;
    look_add_int(s, count, nothing);
    return true;
}

/* What it is on Windows; why there is nothing here is said once for all processes. */
bool tell_process_handles(Scrape *s, Err *err)
{
    (void)s, (void)err;
    return true;
}

bool tell_process_uptime(Scrape *s, Err *err)
{
    (void)err;
    const ProcessLook *look = s->process;
    if (look->start_ns && s->now_ns >= look->start_ns)
        look_add_real(s, (double)(s->now_ns - look->start_ns) / (double)NANOS_PER_SECOND, nothing);
    return true;
}
