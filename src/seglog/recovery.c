/* recovery.c - opening: what lies in the directory is put in order, repaired and replayed.
 *
 * Segment after segment, oldest first, each read whole:
 *
 *   found                                        done
 *   nothing but (part of) a header, or zeros     removed: its creation was cut short
 *   bytes at the end of the newest that are no   cut off: the torn tail of the last write. (Who
 *   frame, nothing good behind them              alters the last frame on purpose looks the same.)
 *   the newest, whole                            synced (but under `sync: off`): its writer may
 *                                                have ended before it had done so
 *   any other bytes that are no frame            set aside: the good frames are written to
 *                                                `.wal.tmp`, the original becomes `.wal.corrupt`,
 *                                                the copy takes its name
 *   a file that the disk does not give           left where it is, for the next opening
 *   a newer format                               opening fails
 *
 * Each step of setting aside is synced before the next, so a crash in between leaves either the
 * original or, with the original renamed, a whole copy that the next opening puts in place. A
 * repair that fails is reported and tried again at the next opening; the good frames are replayed
 * anyway.
 *
 * Before a frame is replayed, its sequence and how often it was tried go into the file `replaying`,
 * which an opening that ends in order removes. What it names when we come back ended the process;
 * after two such ends the frame is copied to `<sequence>.poison`, and passed over for as long as
 * that file exists. The marker is not synced: it is there for crashes of ours, not of the machine.
 */
#include "base/buf.h"
#include "base/crc32c.h"
#include "base/log.h"
#include "base/mem.h"
#include "seglog/seglog_internal.h"
#include "seglog/wal_reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DIGITS = 20,         /* of a number in a file's name */
    FILES_MAX = 1 << 20, /* names of one kind in the directory; more is not ours */
    MARKER_SIGNED = 23,  /* "%020llu %02u", then " %08x\n": the CRC32C of that */
    MARKER_SIZE = 33,
    POISON_TRIES = 2,
    ASIDE_NAMES = 9, /* .corrupt, .corrupt2 ... when a segment is damaged again */
};

typedef struct Numbers {
    uint64_t *at;
    size_t count, cap;
} Numbers;

/* Everything that one opening needs while it lasts. */
typedef struct Recovery {
    Seglog *log;
    Numbers wals, copies, poisons; /* .wal, .wal.tmp, .poison */
    Err *listing;                  /* where the listing callback reports */
    bool listed;
    File *marker; /* NULL when it could not be made */
    char marker_path[SEGLOG_PATH_MAX];
    uint64_t tried_sequence; /* what the marker of the last opening said */
    unsigned tries;
    SeglogStats found;
} Recovery;

/* What a segment's bytes hold. */
typedef struct Survey {
    WalFile file;
    uint32_t version; /* of a newer one */
    uint64_t frames, ranges, bad_bytes;
    uint64_t tail; /* where the bad bytes at the end begin; the size when there are none */
    int64_t oldest_ns, newest_ns;
    uint64_t last_sequence;
} Survey;

static void note(Recovery *recovery, const Err *err)
{
    log_write(LOG_WARN, "seglog", "%s: %s", recovery->log->settings.directory, err->text);
}

/* ---- what is there -----------------------------------------------------------------------------
 */

static bool numbers_add(Numbers *numbers, uint64_t number, Err *err)
{
    if (numbers->count == numbers->cap) {
        size_t cap = numbers->cap ? 2 * numbers->cap : 64;
        uint64_t *grown = cap <= FILES_MAX ? mem_grow(numbers->at, cap * sizeof *grown) : NULL;
        if (!grown)
            return fail(err, ERR_MEMORY, "no memory for %zu file names", cap);
        numbers->at = grown;
        numbers->cap = cap;
    }
    numbers->at[numbers->count++] = number;
    return true;
}

static bool numbers_have(const Numbers *numbers, uint64_t number)
{
    for (size_t i = 0; i < numbers->count; i++)
        if (numbers->at[i] == number)
            return true;
    return false;
}

static int by_value(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static bool found_name(void *context, Str name)
{
    Recovery *recovery = context;
    uint64_t number;
    if (name.len <= DIGITS || !str_to_u64(str_first(name, DIGITS), &number) || !number ||
        number >= WAL_SEQUENCE_END)
        return true;
    Str suffix = str_skip(name, DIGITS);
    Numbers *numbers = str_eq(suffix, STR(".wal"))       ? &recovery->wals
                       : str_eq(suffix, STR(".wal.tmp")) ? &recovery->copies
                       : str_eq(suffix, STR(".poison"))  ? &recovery->poisons
                                                         : NULL;
    recovery->listed = !numbers || numbers_add(numbers, number, recovery->listing);
    return recovery->listed;
}

/* A copy without its original was about to take its place; one beside it was not finished. */
static bool settle_copy(Recovery *recovery, uint64_t number, Err *err)
{
    Seglog *log = recovery->log;
    Disk *disk = log->settings.disk;
    char copy[SEGLOG_PATH_MAX], path[SEGLOG_PATH_MAX];
    if (!seglog_path(log, number, ".wal.tmp", copy, err) ||
        !seglog_path(log, number, ".wal", path, err))
        return false;
    if (numbers_have(&recovery->wals, number))
        return disk->remove(disk, copy, err);
    return disk->rename(disk, copy, path, err) &&
           disk->sync_directory(disk, log->settings.directory, err) &&
           numbers_add(&recovery->wals, number, err);
}

static bool list_files(Recovery *recovery, Err *err)
{
    Disk *disk = recovery->log->settings.disk;
    recovery->listing = err;
    recovery->listed = true;
    if (!disk->list(disk, recovery->log->settings.directory, found_name, recovery, err) ||
        !recovery->listed)
        return false;
    for (size_t i = 0; i < recovery->copies.count; i++)
        if (!settle_copy(recovery, recovery->copies.at[i], err))
            return false;
    if (recovery->wals.count)
        qsort(recovery->wals.at, recovery->wals.count, sizeof *recovery->wals.at, by_value);
    return true;
}

/* ---- repairs -----------------------------------------------------------------------------------
 */

static Survey survey(Str bytes, uint64_t number)
{
    WalReader reader;
    SeglogFrame frame;
    uint64_t from, to;
    Survey out = { .file = wal_reader_init(&reader, bytes, number), .tail = bytes.len };
    out.version = reader.version;
    for (WalStep step; (step = wal_reader_next(&reader, &frame, &from, &to)) != WAL_END;) {
        if (step == WAL_DAMAGE) {
            out.ranges++;
            out.bad_bytes += to - from;
            out.tail = to == bytes.len ? from : out.tail;
            continue;
        }
        out.frames++;
        out.last_sequence = frame.sequence;
        if (!out.oldest_ns)
            out.oldest_ns = frame.receive_ns;
        if (frame.receive_ns > out.newest_ns)
            out.newest_ns = frame.receive_ns;
    }
    return out;
}

static bool cut_tail(Seglog *log, const char *path, uint64_t size, Err *err)
{
    File *file = disk_open(log->settings.disk, path, DISK_WRITE, err);
    if (!file)
        return false;
    bool ok = file_truncate(file, size, err) && file_sync(file, err);
    Err ignored;
    return file_close(file, ok ? err : &ignored) && ok;
}

/* What its process had written and not synced a power cut would still take, long after the second
 * that SEGLOG_SYNC_SECOND allows. Older segments were synced when they were closed or opened. */
static bool sync_newest(Seglog *log, const char *path, Err *err)
{
    if (log->settings.sync == SEGLOG_SYNC_OFF)
        return true;
    File *file = disk_open(log->settings.disk, path, DISK_WRITE, err);
    if (!file)
        return false;
    bool ok = file_sync(file, err);
    Err ignored;
    return file_close(file, ok ? err : &ignored) && ok;
}

/* Header and good frames of a segment into a file of their own, durably. */
static bool write_copy(Seglog *log, const char *path, Str bytes, uint64_t number, Err *err)
{
    WalReader reader;
    SeglogFrame frame;
    uint64_t from, to, offset = WAL_SEGMENT_HEADER;
    (void)wal_reader_init(&reader, bytes, number);
    Disk *disk = log->settings.disk;
    File *file = disk_open(disk, path, DISK_CREATE, err);
    if (!file)
        return false;
    bool ok = true;
    for (WalStep step; ok && (step = wal_reader_next(&reader, &frame, &from, &to)) != WAL_END;) {
        if (step != WAL_FRAME)
            continue;
        ok = file_write(file, offset, bytes.ptr + from, (size_t)(to - from), err);
        offset += to - from;
    }
    WalSegment segment = { .version = WAL_FORMAT,
                           .salt = reader.salt,
                           .first_sequence = number,
                           .created_ns = clock_wall_ns(log->settings.clock) };
    uint8_t header[WAL_SEGMENT_HEADER];
    wal_segment_write(header, &segment);
    ok = ok && file_write(file, 0, header, sizeof header, err) && file_sync(file, err) &&
         disk->sync_directory(disk, log->settings.directory, err);
    Err ignored;
    ok = file_close(file, ok ? err : &ignored) && ok;
    if (!ok)
        disk->remove(disk, path, &ignored);
    return ok;
}

/* Gives the damaged file a name under which nobody reads or removes it. */
static bool rename_aside(Seglog *log, const char *path, uint64_t number, Err *err)
{
    Disk *disk = log->settings.disk;
    for (int i = 1; i <= ASIDE_NAMES; i++) {
        char aside[SEGLOG_PATH_MAX], suffix[24];
        DiskInfo info;
        snprintf(suffix, sizeof suffix, i == 1 ? ".wal.corrupt" : ".wal.corrupt%d", i);
        if (!seglog_path(log, number, suffix, aside, err) || !disk->info(disk, aside, &info, err))
            return false;
        if (!info.exists)
            return disk->rename(disk, path, aside, err) &&
                   disk->sync_directory(disk, log->settings.directory, err);
    }
    return fail(err, ERR_LIMIT, "%s was damaged more than %d times", path, ASIDE_NAMES);
}

static bool set_aside(Seglog *log, const char *path, Str bytes, uint64_t number, Err *err)
{
    char copy[SEGLOG_PATH_MAX];
    Disk *disk = log->settings.disk;
    return seglog_path(log, number, ".wal.tmp", copy, err) &&
           write_copy(log, copy, bytes, number, err) && rename_aside(log, path, number, err) &&
           disk->rename(disk, copy, path, err) &&
           disk->sync_directory(disk, log->settings.directory, err);
}

static bool all_zero(Str bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        if (bytes.ptr[i])
            return false;
    return true;
}

/* Nothing was ever stored here: no frame, and no bytes that could have been one. */
static bool is_empty(const Survey *found, Str bytes)
{
    return !found->frames &&
           (bytes.len <= WAL_SEGMENT_HEADER || all_zero(bytes) ||
            (found->file == WAL_FILE_OK && all_zero(str_skip(bytes, WAL_SEGMENT_HEADER))));
}

/* segment->bytes becomes what the file holds afterwards, 0 when it is gone. */
static bool repair(Recovery *recovery, const char *path, Str bytes, const Survey *found,
                   Segment *segment, Err *err)
{
    Seglog *log = recovery->log;
    Disk *disk = log->settings.disk;
    bool is_last = segment->number == recovery->wals.at[recovery->wals.count - 1];
    bool good_header = found->file == WAL_FILE_OK;
    if (is_empty(found, bytes)) {
        segment->bytes = 0;
        return disk->remove(disk, path, err);
    }
    if (good_header && !found->ranges)
        return !is_last || sync_newest(log, path, err);
    if (good_header && is_last && found->ranges == 1 && found->tail < bytes.len) {
        recovery->found.torn_tails++;
        recovery->found.torn_bytes += bytes.len - found->tail;
        segment->bytes = found->frames ? found->tail : 0;
        return found->frames ? cut_tail(log, path, found->tail, err)
                             : disk->remove(disk, path, err);
    }
    recovery->found.damaged_segments++;
    recovery->found.damaged_ranges += found->ranges + !good_header;
    recovery->found.damaged_bytes += found->bad_bytes + (good_header ? 0 : WAL_SEGMENT_HEADER);
    log_write(LOG_WARN, "seglog",
              "%s is damaged: %" PRIu64 " bytes in %" PRIu64 " places; %" PRIu64
              " frames are good; the original is kept as .corrupt",
              path, found->bad_bytes, found->ranges + !good_header, found->frames);
    if (found->frames)
        return set_aside(log, path, bytes, segment->number, err);
    segment->bytes = 0;
    return rename_aside(log, path, segment->number, err);
}

/* ---- replay ------------------------------------------------------------------------------------
 */

static void sign(char text[MARKER_SIZE + 1])
{
    uint32_t crc = crc32c(0, text, MARKER_SIGNED);
    snprintf(text + MARKER_SIGNED, MARKER_SIZE + 1 - MARKER_SIGNED, " %08" PRIx32 "\n", crc);
}

/* A marker that is damaged would pass over a frame that did nothing. */
static bool is_signed(const char text[MARKER_SIZE + 1])
{
    char again[MARKER_SIZE + 1];
    memcpy(again, text, sizeof again);
    sign(again);
    return !memcmp(again, text, MARKER_SIZE);
}

static void read_marker(Recovery *recovery)
{
    Seglog *log = recovery->log;
    Disk *disk = log->settings.disk;
    Err ignored;
    snprintf(recovery->marker_path, SEGLOG_PATH_MAX, "%s/replaying", log->settings.directory);
    recovery->marker = disk_open(disk, recovery->marker_path, DISK_WRITE, &ignored);
    if (!recovery->marker)
        return;
    char text[MARKER_SIZE + 1] = { 0 };
    size_t got;
    uint64_t sequence, tries;
    if (file_read(recovery->marker, 0, text, MARKER_SIZE, &got, &ignored) && got == MARKER_SIZE &&
        is_signed(text) && str_to_u64((Str){ text, DIGITS }, &sequence) &&
        str_to_u64((Str){ text + DIGITS + 1, 2 }, &tries)) {
        recovery->tried_sequence = sequence;
        recovery->tries = (unsigned)tries;
    }
}

static void write_marker(Recovery *recovery, uint64_t sequence)
{
    if (!recovery->marker)
        return;
    char text[MARKER_SIZE + 1];
    unsigned tries = sequence == recovery->tried_sequence ? recovery->tries % 99 + 1 : 1;
    snprintf(text, sizeof text, "%020" PRIu64 " %02u", sequence, tries);
    sign(text);
    Err ignored; /* without it a poisoned frame is met again: no worse than not starting at all */
    (void)file_write(recovery->marker, 0, text, MARKER_SIZE, &ignored);
}

/* It names nothing any more before it is removed, which may fail, too: a frame that did not end the
 * process must not be taken for one that did. */
static void remove_marker(Recovery *recovery)
{
    Disk *disk = recovery->log->settings.disk;
    Err err;
    if (!recovery->marker)
        return;
    (void)!file_truncate(recovery->marker, 0, &err);
    if (!file_close(recovery->marker, &err))
        note(recovery, &err);
    if (!disk->remove(disk, recovery->marker_path, &err))
        note(recovery, &err);
}

static bool write_poison(Recovery *recovery, uint64_t sequence, Str bytes, Err *err)
{
    Seglog *log = recovery->log;
    Disk *disk = log->settings.disk;
    char path[SEGLOG_PATH_MAX];
    if (!seglog_path(log, sequence, ".poison", path, err))
        return false;
    File *file = disk_open(disk, path, DISK_WRITE, err);
    if (!file)
        return false;
    bool ok = file_write(file, 0, bytes.ptr, bytes.len, err) && file_sync(file, err) &&
              disk->sync_directory(disk, log->settings.directory, err);
    Err ignored;
    return file_close(file, ok ? err : &ignored) && ok;
}

/* Has the frame ended the process before? Then its bytes are kept where it is not replayed. */
static bool is_poison(Recovery *recovery, const SeglogFrame *frame, Str bytes)
{
    if (numbers_have(&recovery->poisons, frame->sequence))
        return true;
    if (frame->sequence != recovery->tried_sequence || recovery->tries < POISON_TRIES)
        return false;
    Err err;
    if (!write_poison(recovery, frame->sequence, bytes, &err))
        note(recovery, &err);
    log_write(LOG_ERROR, "seglog",
              "%s: frame %" PRIu64 " ended the process %u times; it is set aside as .poison",
              recovery->log->settings.directory, frame->sequence, recovery->tries);
    return true;
}

static bool replay(Recovery *recovery, Str bytes, uint64_t number, Err *err)
{
    const SeglogListener *listener = &recovery->log->listener;
    WalReader reader;
    SeglogFrame frame;
    uint64_t from, to;
    (void)wal_reader_init(&reader, bytes, number);
    for (WalStep step; (step = wal_reader_next(&reader, &frame, &from, &to)) != WAL_END;) {
        if (step != WAL_FRAME)
            continue;
        if (is_poison(recovery, &frame, (Str){ bytes.ptr + from, (size_t)(to - from) })) {
            recovery->found.poison_frames++;
            continue;
        }
        write_marker(recovery, frame.sequence);
        if (listener->replay && !listener->replay(listener->context, &frame, err))
            return blame(err, "replaying frame %" PRIu64, frame.sequence);
        recovery->found.frames_replayed++;
    }
    return true;
}

/* ---- one segment, and all of them --------------------------------------------------------------
 */

static bool recover_bytes(Recovery *recovery, const char *path, Str bytes, uint64_t number,
                          Err *err)
{
    Seglog *log = recovery->log;
    Survey found = survey(bytes, number);
    if (found.file == WAL_FILE_NEWER)
        return fail(err, ERR_UNSUPPORTED,
                    "%s is of format %" PRIu32
                    ", newer than the %d that this cryostorm reads: start the "
                    "one that wrote it, or move the file away",
                    path, found.version, WAL_FORMAT);
    if (found.last_sequence >= log->next_sequence)
        log->next_sequence = found.last_sequence + 1;
    Segment segment = { number, bytes.len, found.oldest_ns, found.newest_ns };
    Err failed;
    if (!repair(recovery, path, bytes, &found, &segment, &failed)) {
        blame(&failed, "repairing");
        note(recovery, &failed);
        segment.bytes = bytes.len;
    }
    if (!segment.bytes)
        return true;
    return seglog_add_segment(log, &segment, err) && replay(recovery, bytes, number, err);
}

static bool recover_segment(Recovery *recovery, uint64_t number, Err *err)
{
    Seglog *log = recovery->log;
    Disk *disk = log->settings.disk;
    char path[SEGLOG_PATH_MAX];
    DiskInfo info;
    if (!seglog_path(log, number, ".wal", path, err) || !disk->info(disk, path, &info, err))
        return false;
    uint64_t above = number + info.size / WAL_ALIGN + 1; /* also of frames that cannot be read */
    if (above > log->next_sequence)
        log->next_sequence = above;
    Buf bytes = BUF((size_t)info.size + 1);
    bool ok = true;
    if (disk_read_all(disk, path, &bytes, err)) {
        ok = recover_bytes(recovery, path, buf_str(&bytes), number, err);
    } else if (err->kind == ERR_MEMORY) {
        ok = false;
    } else {
        note(recovery, err);
        recovery->found.damaged_segments++;
    }
    buf_free(&bytes);
    return ok;
}

static bool recover_all(Recovery *recovery, Err *err)
{
    if (!list_files(recovery, err))
        return false;
    read_marker(recovery);
    bool ok = true;
    for (size_t i = 0; ok && i < recovery->wals.count; i++)
        ok = recover_segment(recovery, recovery->wals.at[i], err);
    remove_marker(recovery);
    return ok;
}

bool seglog_recover(Seglog *log, Err *err)
{
    Recovery recovery = { .log = log };
    log->next_sequence = 1;
    bool ok = recover_all(&recovery, err);
    for (size_t i = 0; i < recovery.poisons.count; i++)
        if (recovery.poisons.at[i] >= log->next_sequence)
            log->next_sequence = recovery.poisons.at[i] + 1;
    mem_free(recovery.wals.at);
    mem_free(recovery.copies.at);
    mem_free(recovery.poisons.at);
    log->stats = recovery.found;
    return ok;
}
