/* writer.c - the one writer: groups of entries become frames in a file, then they are answered.
 *
 * A round (seglog_step) takes entries off the queue until a group is full or the segment is, stages
 * their frames and writes them, syncs as the mode says, and answers. Under SEGLOG_SYNC_ALWAYS
 * rounds keep `window_ns` between syncs, so that whoever arrives meanwhile shares the next one; the
 * first after a pause does not wait.
 *
 *   the disk says no to           what happens
 *   a new segment                 its file is removed, its number never used again, the group is
 *                                 refused; the next group tries again
 *   a write                       cut back to where the group began, synced; if that fails too the
 *                                 segment is left for good; the group is refused
 *   a sync                        the segment is left for good, never synced again: the system may
 *                                 have thrown the pages away and would then report success. Under
 *                                 ALWAYS the group is cut off where possible, and refused
 *   a removal                     the segment stays in the list and is tried again later
 *   (nothing, but the file has    the segment is left, the group cut off and refused; place.c says
 *   lost its name)                whether the next one begins another
 *
 * Sequences that were given to a refused group are not given again.
 */
#include "seglog/seglog_internal.h"

#include "base/crc32c.h"
#include "base/log.h"
#include "base/mem.h"
#include "seglog/wal_frame.h"

#include <inttypes.h>
#include <string.h>

enum { FIRST_SEGMENTS = 16 };
#define TICK_NS     NANOS_PER_SECOND
#define COMPLAIN_NS (10 * NANOS_PER_SECOND)

static int64_t now_mono(const Seglog *log)
{
    return clock_mono_ns(log->settings.clock);
}

/* The writer is the top of its stack, so it says what went wrong: one line in ten seconds. */
static void complain(Seglog *log, const Err *err)
{
    int64_t now = now_mono(log);
    if (log->complained_mono && now - log->complained_mono < COMPLAIN_NS)
        return;
    log->complained_mono = now;
    log_write(LOG_ERROR, "seglog", "%s: %s", log->settings.directory, err->text);
}

/* The sender's own copy is still whole, so it may wait. */
static void complain_of_refusal(Seglog *log, const Err *err)
{
    Err told = *err;
    blame(&told, "data is refused until this is mended");
    complain(log, &told);
}

/* ---- segments ----------------------------------------------------------------------------------
 */

bool seglog_add_segment(Seglog *log, const Segment *segment, Err *err)
{
    if (log->segment_count == log->segment_cap) {
        size_t cap = log->segment_cap ? 2 * log->segment_cap : FIRST_SEGMENTS;
        Segment *grown = mem_grow(log->segments, cap * sizeof *grown);
        if (!grown)
            return fail(err, ERR_MEMORY, "no memory for %zu segments", cap);
        log->segments = grown;
        log->segment_cap = cap;
    }
    log->segments[log->segment_count++] = *segment;
    return true;
}

static Segment *active(Seglog *log)
{
    return &log->segments[log->segment_count - 1];
}

void seglog_publish(Seglog *log)
{
    uint64_t bytes = 0;
    int64_t oldest = 0;
    for (size_t i = 0; i < log->segment_count; i++) {
        const Segment *segment = &log->segments[i];
        bytes += segment->bytes;
        if (segment->oldest_ns && (!oldest || segment->oldest_ns < oldest))
            oldest = segment->oldest_ns;
    }
    mutex_lock(&log->mutex);
    log->stats.segments = log->segment_count;
    log->stats.bytes = bytes;
    log->stats.oldest_ns = oldest;
    mutex_unlock(&log->mutex);
}

static bool write_segment_header(Seglog *log, File *file, Err *err)
{
    uint8_t bytes[WAL_SEGMENT_HEADER];
    WalSegment header = {
        .version = WAL_FORMAT,
        .salt = log->salt,
        .first_sequence = log->next_sequence,
        .created_ns = clock_wall_ns(log->settings.clock),
    };
    wal_segment_write(bytes, &header);
    Disk *disk = log->settings.disk;
    return file_write(file, 0, bytes, sizeof bytes, err) && file_sync(file, err) &&
           disk->sync_directory(disk, log->settings.directory, err);
}

/* The file exists durably, name included, before the first frame goes into it. */
static bool begin_segment(Seglog *log, Err *err)
{
    if (!seglog_in_place(log, err))
        return false;
    Disk *disk = log->settings.disk;
    char path[SEGLOG_PATH_MAX];
    Segment segment = { .number = log->next_sequence, .bytes = WAL_SEGMENT_HEADER };
    if (!seglog_path(log, segment.number, ".wal", path, err))
        return false;
    File *file = disk_open(disk, path, DISK_CREATE, err);
    log->salt = random_next(&log->random);
    if (file && write_segment_header(log, file, err) && seglog_add_segment(log, &segment, err)) {
        log->file = file;
        log->offset = WAL_SEGMENT_HEADER;
        log->dirty = false;
        return true;
    }
    Err ignored;
    if (file) {
        file_close(file, &ignored);
        disk->remove(disk, path, &ignored);
    }
    log->next_sequence++; /* the name is burnt */
    return blame(err, "beginning segment %" PRIu64, segment.number);
}

static void leave_segment(Seglog *log)
{
    Err ignored; /* what had to be synced is, or was answered as lost */
    if (log->file)
        file_close(log->file, &ignored);
    log->file = NULL;
    log->dirty = false;
}

/* After a failure the file is not touched again. */
static bool sync_segment(Seglog *log, Err *err)
{
    bool ok = file_sync(log->file, err);
    log->synced_mono = now_mono(log);
    log->dirty = false;
    mutex_lock(&log->mutex);
    log->stats.syncs += ok;
    log->stats.syncs_failed += !ok;
    mutex_unlock(&log->mutex);
    if (ok)
        return true;
    blame(err, "segment %" PRIu64 " is left", active(log)->number);
    complain(log, err);
    return false;
}

/* False: what was written since the last sync may be lost. */
static bool sync_or_leave(Seglog *log)
{
    Err err;
    if (!log->file || !log->dirty || sync_segment(log, &err))
        return true;
    leave_segment(log);
    return false;
}

void seglog_roll(Seglog *log)
{
    (void)sync_or_leave(log); /* in every mode: a closed segment is on the disk */
    leave_segment(log);
}

/* ---- retention ---------------------------------------------------------------------------------
 */

bool seglog_drop_oldest(Seglog *log, Err *err)
{
    size_t closed = log->segment_count - (log->file ? 1 : 0);
    if (!closed)
        return fail(err, ERR_LIMIT, "no segment can leave");
    uint64_t number = log->segments[0].number;
    char path[SEGLOG_PATH_MAX];
    Disk *disk = log->settings.disk;
    if (!seglog_path(log, number, ".wal", path, err) || !disk->remove(disk, path, err))
        return blame(err, "dropping segment %" PRIu64, number);
    log->segment_count--;
    memmove(log->segments, log->segments + 1, log->segment_count * sizeof *log->segments);
    seglog_publish(log);
    if (log->listener.dropped)
        log->listener.dropped(log->listener.context, number);
    return true;
}

static bool too_large(const Seglog *log)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < log->segment_count; i++)
        bytes += log->segments[i].bytes;
    return log->settings.bytes_max && bytes > log->settings.bytes_max;
}

static bool too_old(const Seglog *log, const Segment *segment, int64_t now)
{
    return log->settings.age_max_ns && segment->newest_ns &&
           segment->newest_ns < now - log->settings.age_max_ns;
}

static ClockReading read_clocks(const Seglog *log)
{
    return (ClockReading){ clock_wall_ns(log->settings.clock), now_mono(log) };
}

void seglog_begin_age(Seglog *log)
{
    int64_t newest = 0;
    for (size_t i = 0; i < log->segment_count; i++)
        if (log->segments[i].newest_ns > newest)
            newest = log->segments[i].newest_ns;
    steady_wall_begin(&log->wall, newest, read_clocks(log));
}

/* What time it is for retention. Told when it makes a difference that the clock is not believed. */
static int64_t now_for_age(Seglog *log)
{
    ClockReading now = read_clocks(log);
    int64_t steady = steady_wall_read(&log->wall, now);
    if (now.wall_ns == steady) {
        log->doubt_told = false;
    } else if (!log->doubt_told && log->segment_count && too_old(log, log->segments, now.wall_ns) &&
               !too_old(log, log->segments, steady)) {
        log->doubt_told = true;
        log_write(LOG_WARN, "seglog",
                  "%s: the wall clock is %" PRId64
                  " s ahead of where the data and the time since then "
                  "have it; what is too old by it leaves once the clock has said so for an hour",
                  log->settings.directory, (now.wall_ns - steady) / NANOS_PER_SECOND);
    }
    return steady;
}

void seglog_retain(Seglog *log)
{
    int64_t now = now_for_age(log);
    while (log->segment_count && (too_large(log) || too_old(log, &log->segments[0], now))) {
        Err err;
        if (log->segment_count == 1 && log->file && too_old(log, &log->segments[0], now))
            seglog_roll(log);
        if (log->segment_count == 1 && log->file)
            return; /* too large, and all of it is being written */
        if (!seglog_drop_oldest(log, &err)) {
            complain(log, &err);
            return;
        }
    }
}

/* ---- a group becomes frames --------------------------------------------------------------------
 */

static uint64_t entry_size(const SeglogEntry *entry)
{
    return wal_frame_size(entry->tenant.len, entry->payload.len);
}

static bool write_staged(Seglog *log, Err *err)
{
    if (!file_write(log->file, log->staged_at, log->staging, log->staged, err))
        return false;
    log->staged_at += log->staged;
    log->staged = 0;
    return true;
}

static bool stage(Seglog *log, const void *bytes, size_t size, Err *err)
{
    const uint8_t *from = bytes;
    while (size) {
        size_t room = SEGLOG_STAGING - log->staged;
        size_t n = size < room ? size : room;
        memcpy(log->staging + log->staged, from, n);
        log->staged += n;
        from += n;
        size -= n;
        if (log->staged == SEGLOG_STAGING && !write_staged(log, err))
            return false;
    }
    return true;
}

static bool stage_entry(Seglog *log, SeglogEntry *entry, Err *err)
{
    static const uint8_t zeros[WAL_ALIGN];
    uint8_t head[WAL_FRAME_HEADER], tail[WAL_FRAME_TRAILER];
    WalHeader header = {
        .version = WAL_FORMAT,
        .kind = entry->kind,
        .flags = entry->flags,
        .tenant_len = (uint16_t)entry->tenant.len,
        .payload_len = (uint32_t)entry->payload.len,
        .salt = log->salt,
        .sequence = entry->sequence = log->next_sequence++,
        .receive_ns = entry->receive_ns,
    };
    wal_header_write(head, &header);
    uint64_t size = entry_size(entry);
    size_t padding = (size_t)size - WAL_FRAME_HEADER - entry->tenant.len - entry->payload.len -
                     WAL_FRAME_TRAILER;
    uint32_t crc = crc32c(header.crc, entry->tenant.ptr, entry->tenant.len);
    crc = crc32c(crc, entry->payload.ptr, entry->payload.len);
    wal_u32_write(tail, crc32c(crc, zeros, padding));
    log->offset += size;
    return stage(log, head, sizeof head, err) &&
           stage(log, entry->tenant.ptr, entry->tenant.len, err) &&
           stage(log, entry->payload.ptr, entry->payload.len, err) &&
           stage(log, zeros, padding, err) && stage(log, tail, sizeof tail, err);
}

static bool has_space(Seglog *log, uint64_t bytes, Err *err)
{
    uint64_t reserve = log->settings.reserve_bytes, room;
    Disk *disk = log->settings.disk;
    Err ignored; /* a disk that cannot say how full it is will say no when written to */
    if (!reserve || !disk->space(disk, log->settings.directory, &room, &ignored))
        return true;
    if (room >= reserve && room - reserve >= bytes)
        return true;
    return fail(err, ERR_BUSY,
                "disk full: %" PRIu64 " MiB free, of which %" PRIu64 " MiB stay in reserve",
                room >> 20, reserve >> 20);
}

/* Nothing of a group that failed stays behind the frames before it. */
static void cut_back(Seglog *log, uint64_t start)
{
    Err err;
    if (file_truncate(log->file, start, &err) && file_sync(log->file, &err))
        log->offset = start;
    else
        leave_segment(log);
}

static void note_written(Seglog *log, const SeglogEntry *group)
{
    Segment *segment = active(log);
    segment->bytes = log->offset;
    for (const SeglogEntry *entry = group; entry; entry = entry->next) {
        if (!segment->oldest_ns)
            segment->oldest_ns = entry->receive_ns;
        if (entry->receive_ns > segment->newest_ns)
            segment->newest_ns = entry->receive_ns;
    }
}

/* A file that has lost its name takes bytes that nobody will find again. */
static bool has_its_name(Seglog *log, Err *err)
{
    char path[SEGLOG_PATH_MAX];
    Disk *disk = log->settings.disk;
    bool same = false;
    if (!seglog_path(log, active(log)->number, ".wal", path, err) ||
        !disk->leads_to(disk, path, log->file, &same, err))
        return false;
    return same ||
           (seglog_in_place(log, err) &&
            fail(err, ERR_IO, "%s was removed or replaced while it was being written", path));
}

static bool write_group(Seglog *log, SeglogEntry *group, uint64_t bytes, Err *err)
{
    if (!has_space(log, bytes, err) || (!log->file && !begin_segment(log, err)))
        return false;
    uint64_t start = log->offset;
    log->staged = 0;
    log->staged_at = start;
    bool ok = true;
    for (SeglogEntry *entry = group; entry && ok; entry = entry->next)
        ok = stage_entry(log, entry, err);
    ok = ok && write_staged(log, err);
    if (!ok) {
        cut_back(log, start);
        return blame(err, "writing at %" PRIu64, start);
    }
    log->dirty = true;
    if (log->settings.sync == SEGLOG_SYNC_ALWAYS && !sync_segment(log, err)) {
        Err ignored;
        (void)(file_truncate(log->file, start, &ignored)); /* at best they do not come back */
        leave_segment(log);
        return false;
    }
    if (!has_its_name(log, err)) {
        cut_back(log, start);
        leave_segment(log);
        return false;
    }
    note_written(log, group);
    return true;
}

/* ---- the queue's other end ---------------------------------------------------------------------
 */

/* As many entries as belong into one group, taken off the queue. */
static SeglogEntry *take_group(Seglog *log, uint64_t *bytes)
{
    uint64_t used = log->file ? log->offset : WAL_SEGMENT_HEADER;
    uint64_t room = used < log->settings.segment_bytes ? log->settings.segment_bytes - used : 0;
    if (room > SEGLOG_GROUP_BYTES)
        room = SEGLOG_GROUP_BYTES;
    mutex_lock(&log->mutex);
    SeglogEntry *group = log->first, *rest = group, *newest = NULL;
    for (*bytes = 0; rest; newest = rest, rest = rest->next) {
        uint64_t size = entry_size(rest);
        if (newest && *bytes + size > room)
            break;
        *bytes += size;
    }
    if (newest)
        newest->next = NULL;
    log->first = rest;
    if (!rest)
        log->last = &log->first;
    mutex_unlock(&log->mutex);
    return group;
}

static void roll_when_full(Seglog *log)
{
    mutex_lock(&log->mutex);
    uint64_t next = log->first ? entry_size(log->first) : 0;
    mutex_unlock(&log->mutex);
    if (next && log->file && log->offset > WAL_SEGMENT_HEADER &&
        log->offset + next > log->settings.segment_bytes)
        seglog_roll(log);
}

/* Every entry hears how it went, in order, without the mutex; then its room in the queue is free.
 */
static void answer(Seglog *log, SeglogEntry *group, const Err *err)
{
    uint64_t count = 0, bytes = 0, segment = err ? 0 : active(log)->number;
    for (SeglogEntry *entry = group; entry;) {
        SeglogEntry *next = entry->next;
        SeglogReceipt receipt = { err, err ? 0 : entry->sequence, segment };
        count++;
        bytes += entry->payload.len;
        entry->done(entry, &receipt);
        entry = next;
    }
    mutex_lock(&log->mutex);
    log->stats.queued_bytes -= bytes;
    log->answered += count;
    if (err) {
        log->stats.appends_failed += count;
        log->failed += count;
    } else {
        log->stats.frames_written += count;
        log->stats.bytes_written += bytes;
    }
    mutex_unlock(&log->mutex);
}

static void one_group(Seglog *log)
{
    roll_when_full(log);
    uint64_t bytes;
    SeglogEntry *group = take_group(log, &bytes);
    if (!group)
        return;
    Err err;
    bool ok = write_group(log, group, bytes, &err);
    if (!ok) {
        if (err.kind == ERR_BUSY)
            err.retry_ms = SEGLOG_RETRY_MS;
        complain_of_refusal(log, &err);
    } else if (log->refusing) {
        log_write(LOG_WARN, "seglog", "%s takes data again", log->settings.directory);
    }
    log->refusing = !ok;
    seglog_publish(log); /* whoever is answered may ask how much there is */
    answer(log, group, ok ? NULL : &err);
    seglog_retain(log);
}

static bool flush_ready(const Seglog *log)
{
    return log->flush_wanted && log->answered >= log->flush_target;
}

static void finish_flush(Seglog *log)
{
    mutex_lock(&log->mutex);
    bool ready = flush_ready(log);
    uint64_t answered = log->answered;
    mutex_unlock(&log->mutex);
    if (!ready)
        return;
    bool ok = sync_or_leave(log);
    mutex_lock(&log->mutex);
    log->flush_wanted = log->flush_target > answered;
    log->flushed = answered;
    log->failed += !ok;
    cond_broadcast(&log->idle);
    mutex_unlock(&log->mutex);
}

/* ---- rounds ------------------------------------------------------------------------------------
 */

static int64_t group_due(const Seglog *log)
{
    if (log->settings.sync != SEGLOG_SYNC_ALWAYS || !log->synced_mono || log->flush_wanted ||
        log->closing)
        return 0;
    return log->synced_mono + log->settings.window_ns;
}

int64_t seglog_due(const Seglog *log)
{
    if (log->closing || log->woken || flush_ready(log))
        return 0;
    int64_t due = log->ticked_mono + TICK_NS;
    if (log->first && group_due(log) < due)
        due = group_due(log);
    if (log->dirty && log->settings.sync == SEGLOG_SYNC_SECOND &&
        log->synced_mono + NANOS_PER_SECOND < due)
        due = log->synced_mono + NANOS_PER_SECOND;
    return due;
}

static void tick(Seglog *log, int64_t now)
{
    mutex_lock(&log->mutex);
    bool woken = log->woken;
    log->woken = false;
    mutex_unlock(&log->mutex);
    if (!woken && log->ticked_mono && now - log->ticked_mono < TICK_NS)
        return;
    log->ticked_mono = now;
    Err err;
    if (!seglog_in_place(log, &err))
        complain_of_refusal(log, &err);
    seglog_retain(log);
    if (log->listener.tick)
        log->listener.tick(log->listener.context, log, clock_wall_ns(log->settings.clock));
}

int64_t seglog_step(Seglog *log)
{
    int64_t now = now_mono(log);
    mutex_lock(&log->mutex);
    bool group_now = log->first && group_due(log) <= now;
    mutex_unlock(&log->mutex);
    if (group_now)
        one_group(log);
    if (log->dirty && log->settings.sync == SEGLOG_SYNC_SECOND &&
        now - log->synced_mono >= NANOS_PER_SECOND)
        (void)sync_or_leave(log);
    tick(log, now);
    finish_flush(log);
    mutex_lock(&log->mutex);
    int64_t due = seglog_due(log);
    mutex_unlock(&log->mutex);
    return due;
}

void seglog_finish(Seglog *log)
{
    for (;;) {
        mutex_lock(&log->mutex);
        bool more = log->first != NULL;
        mutex_unlock(&log->mutex);
        if (!more || now_mono(log) >= log->close_deadline)
            break;
        one_group(log);
    }
    mutex_lock(&log->mutex);
    SeglogEntry *rest = log->first;
    log->first = NULL;
    log->last = &log->first;
    mutex_unlock(&log->mutex);
    Err err;
    if (rest) {
        (void)fail(&err, ERR_CLOSED, "the log closes");
        answer(log, rest, &err);
    }
    bool ok = sync_or_leave(log); /* a clean end is durable in every mode */
    leave_segment(log);
    mutex_lock(&log->mutex);
    log->failed += !ok;
    log->flushed = log->answered;
    cond_broadcast(&log->idle);
    mutex_unlock(&log->mutex);
}
