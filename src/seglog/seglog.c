/* seglog.c - opening and closing a log, and the queue in front of its writer; see seglog.h. */
#include "seglog/seglog.h"

#include "base/log.h"
#include "base/mem.h"
#include "seglog/seglog_internal.h"
#include "seglog/wal_frame.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PID_TEXT = 24 };

SeglogSettings seglog_defaults(void)
{
    return (SeglogSettings){
        .disk = disk_system(),
        .clock = clock_system(),
        .sync = SEGLOG_SYNC_SECOND,
        .window_ns = 3 * NANOS_PER_MILLI,
        .segment_bytes = 16 << 20,
        .bytes_max = 1 << 30,
        .frame_bytes_max = 64 << 20,
        .queue_bytes = 64 << 20,
        .reserve_bytes = 100 << 20,
        .own_thread = true,
    };
}

bool seglog_path(const Seglog *log, uint64_t number, const char *suffix, char out[SEGLOG_PATH_MAX],
                 Err *err)
{
    int n = snprintf(out, SEGLOG_PATH_MAX, "%s/%020" PRIu64 "%s", log->settings.directory, number,
                     suffix);
    return n < SEGLOG_PATH_MAX || fail(err, ERR_INPUT, "path too long: %s", out);
}

/* ---- opening -----------------------------------------------------------------------------------
 */

static bool check_settings(const SeglogSettings *settings, Err *err)
{
    if (!settings->directory || !*settings->directory)
        return fail(err, ERR_INPUT, "no directory given");
    if (settings->frame_bytes_max > UINT32_MAX)
        return fail(err, ERR_INPUT, "frames of %" PRIu64 " bytes do not fit the format",
                    settings->frame_bytes_max);
    if (settings->queue_bytes < settings->frame_bytes_max)
        return fail(err, ERR_INPUT, "a frame of %" PRIu64 " bytes does not fit a queue of %" PRIu64,
                    settings->frame_bytes_max, settings->queue_bytes);
    return true;
}

/* Says who has it, from what that process wrote into the lock file. */
static bool blame_holder(Seglog *log, Err *err)
{
    char text[PID_TEXT] = { 0 };
    size_t got = 0;
    Err ignored;
    if (!file_read(log->lock, 0, text, sizeof text - 1, &got, &ignored))
        got = 0;
    Str pid = str_trim((Str){ text, got });
    uint64_t number;
    if (str_to_u64(pid, &number))
        return fail(err, ERR_BUSY, "%s is in use by process %" PRIu64, log->settings.directory,
                    number);
    return fail(err, ERR_BUSY, "%s is in use by another process", log->settings.directory);
}

bool seglog_take_lock(Seglog *log, Err *err)
{
    char path[SEGLOG_PATH_MAX], text[PID_TEXT];
    if (snprintf(path, sizeof path, "%s/lock", log->settings.directory) >= SEGLOG_PATH_MAX)
        return fail(err, ERR_INPUT, "path too long: %s", path);
    log->lock = disk_open(log->settings.disk, path, DISK_WRITE, err);
    if (!log->lock)
        return false;
    if (!log->settings.disk->lock(log->lock, err))
        return err->kind == ERR_BUSY ? blame_holder(log, err) : blame(err, "%s", path);
    int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    Err ignored; /* the text helps; the lock is what counts */
    (void)(file_truncate(log->lock, 0, &ignored) &&
           file_write(log->lock, 0, text, (size_t)n, &ignored));
    return true;
}

/* The directory itself must outlive a power cut, too. */
static bool make_directory(Seglog *log, Err *err)
{
    Disk *disk = log->settings.disk;
    const char *directory = log->settings.directory;
    DiskInfo info;
    if (!disk->info(disk, directory, &info, err))
        return false;
    if (info.exists)
        return info.is_directory || fail(err, ERR_INPUT, "%s is not a directory", directory);
    char parent[SEGLOG_PATH_MAX];
    snprintf(parent, sizeof parent, "%s", directory);
    char *slash = strrchr(parent, '/');
    if (slash == parent)
        slash++;
    if (slash)
        *slash = 0;
    return disk->make_directory(disk, directory, err) &&
           disk->sync_directory(disk, slash ? parent : ".", err);
}

static bool prepare(Seglog *log, Err *err)
{
    log->staging = mem_grow(NULL, SEGLOG_STAGING);
    if (!log->staging)
        return fail(err, ERR_MEMORY, "no memory for %d bytes of staging", SEGLOG_STAGING);
    return make_directory(log, err) && seglog_take_lock(log, err) && seglog_recover(log, err);
}

static void free_log(Seglog *log)
{
    Err ignored;
    if (log->file)
        file_close(log->file, &ignored);
    if (log->lock)
        file_close(log->lock, &ignored);
    cond_done(&log->idle);
    cond_done(&log->work);
    mutex_done(&log->mutex);
    mem_free(log->segments);
    mem_free(log->staging);
    mem_free((void *)(uintptr_t)log->settings.directory);
    mem_free(log);
}

static Seglog *new_log(const SeglogSettings *settings, const SeglogListener *listener, Err *err)
{
    Seglog *log = MEM_MAKE(Seglog, 1, err);
    if (!log)
        return NULL;
    log->settings = *settings;
    log->settings.directory = mem_copy_text(str_from(settings->directory), err);
    if (!log->settings.directory) {
        mem_free(log);
        return NULL;
    }
    if (listener)
        log->listener = *listener;
    uint64_t most = settings->bytes_max / 2;
    if (most && log->settings.segment_bytes > most)
        log->settings.segment_bytes = most; /* so that one can leave while another is written */
    mutex_init(&log->mutex);
    cond_init(&log->work);
    cond_init(&log->idle);
    log->last = &log->first;
    random_seed_from_system(&log->random);
    return log;
}

/* The writer's thread. */
static void run(void *argument)
{
    Seglog *log = argument;
    for (bool closing = false; !closing;) {
        mutex_lock(&log->mutex);
        for (int64_t due; (due = seglog_due(log)) > clock_mono_ns(log->settings.clock);)
            cond_wait_until(&log->work, &log->mutex, due);
        closing = log->closing;
        mutex_unlock(&log->mutex);
        if (!closing)
            seglog_step(log);
    }
    seglog_finish(log);
}

Seglog *seglog_open(const SeglogSettings *settings, const SeglogListener *listener, Err *err)
{
    if (!check_settings(settings, err))
        return NULL;
    Seglog *log = new_log(settings, listener, err);
    if (!log)
        return NULL;
    bool ok = prepare(log, err);
    if (ok) {
        seglog_begin_age(log);
        seglog_publish(log);
        seglog_retain(log);
    }
    if (!ok || (settings->own_thread && !thread_start(&log->thread, "seglog", run, log, err))) {
        free_log(log);
        blame(err, "opening log");
        return NULL;
    }
    return log;
}

/* ---- appending ---------------------------------------------------------------------------------
 */

static bool admit(Seglog *log, const SeglogEntry *entry, Err *err)
{
    if (log->closing)
        return fail(err, ERR_CLOSED, "the log closes");
    if (entry->payload.len > log->settings.queue_bytes - log->stats.queued_bytes) {
        fail(err, ERR_BUSY, "%" PRIu64 " bytes wait for the disk already", log->stats.queued_bytes);
        err->retry_ms = SEGLOG_QUEUE_RETRY_MS;
        return false;
    }
    return true;
}

bool seglog_append(Seglog *log, SeglogEntry *entry, Err *err)
{
    if (entry->payload.len > log->settings.frame_bytes_max)
        return fail(err, ERR_LIMIT, "%zu bytes, more than the %" PRIu64 " of a frame",
                    entry->payload.len, log->settings.frame_bytes_max);
    if (entry->tenant.len > SEGLOG_TENANT_MAX)
        return fail(err, ERR_LIMIT, "tenant name of %zu bytes", entry->tenant.len);
    mutex_lock(&log->mutex);
    bool ok = admit(log, entry, err);
    if (ok) {
        if (!log->first)
            cond_signal(&log->work);
        entry->next = NULL;
        *log->last = entry;
        log->last = &entry->next;
        log->appended++;
        log->stats.queued_bytes += entry->payload.len;
    }
    mutex_unlock(&log->mutex);
    return ok;
}

/* ---- waiting, asking, closing ------------------------------------------------------------------
 */

/* The mutex is held. False: the deadline came first. */
static bool wait_flushed(Seglog *log, uint64_t target, int64_t deadline)
{
    while (log->flushed < target) {
        if (clock_mono_ns(log->settings.clock) >= deadline)
            return false;
        if (log->settings.own_thread) {
            cond_wait_until(&log->idle, &log->mutex, deadline);
            continue;
        }
        mutex_unlock(&log->mutex);
        seglog_step(log);
        mutex_lock(&log->mutex);
    }
    return true;
}

bool seglog_flush(Seglog *log, int64_t deadline_mono_ns, Err *err)
{
    mutex_lock(&log->mutex);
    uint64_t target = log->appended, failed = log->failed;
    log->flush_wanted = true;
    log->flush_target = target;
    cond_signal(&log->work);
    bool ok = wait_flushed(log, target, deadline_mono_ns);
    uint64_t waiting = log->appended - log->answered, lost = log->failed - failed;
    mutex_unlock(&log->mutex);
    if (!ok)
        return fail(err, ERR_TIMEOUT, "flushing: %" PRIu64 " appends still wait", waiting);
    return !lost || fail(err, ERR_IO, "flushing: %" PRIu64 " appends could not be stored", lost);
}

void seglog_wake(Seglog *log)
{
    mutex_lock(&log->mutex);
    log->woken = true;
    cond_signal(&log->work);
    mutex_unlock(&log->mutex);
}

void seglog_stats(Seglog *log, SeglogStats *out)
{
    mutex_lock(&log->mutex);
    *out = log->stats;
    mutex_unlock(&log->mutex);
}

bool seglog_close(Seglog *log, int64_t deadline_mono_ns, Err *err)
{
    if (!log)
        return true;
    mutex_lock(&log->mutex);
    uint64_t failed = log->failed;
    log->closing = true;
    log->close_deadline = deadline_mono_ns;
    cond_signal(&log->work);
    mutex_unlock(&log->mutex);
    if (log->settings.own_thread)
        thread_join(&log->thread);
    else
        seglog_finish(log);
    uint64_t lost = log->failed - failed;
    free_log(log);
    return !lost || fail(err, ERR_IO, "closing log: %" PRIu64 " appends could not be stored", lost);
}
