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

typedef struct Census {
    Scrape *s;
    Buf text;
    uint64_t of[STATUSES];
    Err *err; /* why it ended early */
    bool good;
} Census;

/* One that is gone by the time it is asked is not counted. */
static bool count_process(void *context, Str name)
{
    Census *census = context;
    char path[PATH_SIZE];
    ProcessStat stat;
    uint64_t number;
    Err gone;
    if (!str_to_u64(name, &number))
        return true;
    census->good =
        look_in_time(census->s, census->err) &&
        look_path(census->s, path, census->err, "/proc/%llu/stat", (unsigned long long)number);
    if (!census->good)
        return false;
    buf_clear(&census->text);
    if (disk_read_all(census->s->wish->disk, path, &census->text, &gone) &&
        proc_process_stat(buf_str(&census->text), &stat))
        census->of[status_of(stat.state)]++;
    return true;
}

/* The kernel's own count of those that run or wait for a disk is of one moment, so it is taken. */
bool tell_processes_count(Scrape *s, Err *err)
{
    enum { STAT_MAX = 4096 };
    char path[PATH_SIZE];
    ProcessCounts counts;
    Census census = { .s = s, .text = BUF(STAT_MAX), .err = err, .good = true };
    Disk *disk = s->wish->disk;
    if (!read_counts(s, &counts, err) || !look_path(s, path, err, "/proc"))
        return false;
    bool good = disk->list(disk, path, count_process, &census, err) && census.good;
    buf_free(&census.text);
    if (!good)
        return false;
    census.of[STATUS_BLOCKED] = counts.blocked;
    census.of[STATUS_RUNNING] = counts.running;
    for (int i = 0; i < STATUSES; i++)
        if (census.of[i] || i == STATUS_BLOCKED || i == STATUS_RUNNING)
            look_add_int(s, census.of[i], (Label[LABELS_MAX]){ { STR("status"), names[i] } });
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
