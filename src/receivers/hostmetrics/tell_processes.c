/* tell_processes.c - how many processes there are, and how long the machine has been up. */
#include "receivers/hostmetrics/host_scrape_internal.h"

static bool read_counts(Scrape *s, ProcessCounts *out, Err *err)
{
    Str text;
    return look_file(s, FILE_STAT, &text, err) &&
           (proc_process_counts(text, out) ||
            fail(err, ERR_INPUT, "/proc/stat has no processes, procs_running or procs_blocked"));
}

bool tell_processes_created(Scrape *s, Err *err)
{
    ProcessCounts counts;
    if (!read_counts(s, &counts, err))
        return false;
    look_add_int(s, counts.created, (Label[LABELS_MAX]){ 0 });
    return true;
}

/* --- in each state --------------------------------------------------------------------------- */

typedef enum Status {
    STATUS_BLOCKED,
    STATUS_IDLE,
    STATUS_PAGING,
    STATUS_RUNNING,
    STATUS_SLEEPING,
    STATUS_STOPPED,
    STATUS_ZOMBIES,
    STATUS_UNKNOWN,
    STATUSES
} Status;

static const Str names[STATUSES] = {
    [STATUS_BLOCKED] = STR_ROW("blocked"),   [STATUS_IDLE] = STR_ROW("idle"),
    [STATUS_PAGING] = STR_ROW("paging"),     [STATUS_RUNNING] = STR_ROW("running"),
    [STATUS_SLEEPING] = STR_ROW("sleeping"), [STATUS_STOPPED] = STR_ROW("stopped"),
    [STATUS_ZOMBIES] = STR_ROW("zombies"),   [STATUS_UNKNOWN] = STR_ROW("unknown"),
};

static Status status_of(char state)
{
    switch (state) {
    case 'D': return STATUS_BLOCKED;
    case 'I': return STATUS_IDLE;
    case 'W': return STATUS_PAGING;
    case 'R': return STATUS_RUNNING;
    case 'S': return STATUS_SLEEPING;
    case 'T':
    case 't': return STATUS_STOPPED;
    case 'Z': return STATUS_ZOMBIES;
    default: return STATUS_UNKNOWN;
    }
}

/* One that is gone by the time it is asked is not counted. */
static bool count_process(Scrape *s, uint64_t pid, Buf *text, uint64_t of[STATUSES], Err *err)
{
    char path[PATH_SIZE];
    ProcessStat stat;
    Err gone;
    if (!look_in_time(s, err) ||
        !look_path(s, path, err, "/proc/%llu/stat", (unsigned long long)pid))
        return false;
    buf_clear(text);
    if (disk_read_all(s->wish->disk, path, text, &gone) && proc_process_stat(buf_str(text), &stat))
        of[status_of(stat.state)]++;
    return true;
}

static bool count_processes(Scrape *s, uint64_t of[STATUSES], Err *err)
{
    enum { STAT_MAX = 4096 };
    Buf pids = BUF(PIDS_MAX * sizeof(uint64_t)), text = BUF(STAT_MAX);
    bool good = look_pids(s, &pids, err);
    const uint64_t *pid = (const uint64_t *)(const void *)pids.ptr;
    for (size_t i = 0; good && i < pids.len / sizeof *pid; i++)
        good = count_process(s, pid[i], &text, of, err);
    good = good && buf_ok(&pids, err);
    buf_free(&pids);
    buf_free(&text);
    return good;
}

/* The kernel's own count of those that run or wait for a disk is of one moment, so it is taken. */
bool tell_processes_count(Scrape *s, Err *err)
{
    ProcessCounts counts;
    uint64_t of[STATUSES] = { 0 };
    if (!read_counts(s, &counts, err) || !count_processes(s, of, err))
        return false;
    of[STATUS_BLOCKED] = counts.blocked;
    of[STATUS_RUNNING] = counts.running;
    for (int i = 0; i < STATUSES; i++)
        if (of[i] || i == STATUS_BLOCKED || i == STATUS_RUNNING)
            look_add_int(s, of[i], (Label[LABELS_MAX]){ { STR("status"), names[i] } });
    return true;
}

/* --- system ---------------------------------------------------------------------------------- */

bool tell_uptime(Scrape *s, Err *err)
{
    double seconds;
    Str text;
    if (!look_file(s, FILE_UPTIME, &text, err))
        return false;
    if (!proc_uptime(text, &seconds))
        return fail(err, ERR_INPUT, "/proc/uptime has no number");
    look_add_real(s, seconds, (Label[LABELS_MAX]){ 0 });
    return true;
}
