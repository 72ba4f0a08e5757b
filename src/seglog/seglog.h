/* seglog.h - the append-only log in segments that the store's WAL and the durable queues are made
 * of.
 *
 * What is appended is a frame: a payload with a kind, flags, a tenant and the time it was received.
 * Frames lie in segment files `<first sequence>.wal` of one directory (layout: wal_frame.h). One
 * writer does all the disk work: a thread of its own, or whoever calls seglog_step().
 *
 * Guarantees:
 * - An append that was taken is answered exactly once, in order, on the writer's thread. Under
 *   SEGLOG_SYNC_ALWAYS `done` hears success only after an fdatasync that covers the frame; under
 *   SEGLOG_SYNC_SECOND a power cut costs at most what came in the last second, of an earlier
 *   process, too; under OFF what the system had not written of the newest segment. A closed segment
 *   and a closed log are on the disk.
 * - A write that fails is cut off again, or its segment is never written again; nothing of it
 * stands between two good frames. After a failed sync nothing waiting for it is acknowledged and
 * the segment is never written again. The next append gets a fresh segment. A full disk refuses
 * with ERR_BUSY until there is room again. A directory that is no longer under its name refuses
 * with ERR_IO until it is back (place.c).
 * - Opening replays what is there, oldest first. A torn tail is cut; a segment damaged in the
 * middle keeps its good frames while the original bytes stay beside it as `.wal.corrupt`; a frame
 * whose replay ended the process twice is copied to `<sequence>.poison` and passed over from then
 * on. None of that stops the start. A segment of a newer format does (ERR_UNSUPPORTED).
 * - At least once: an append that failed may still be seen after a crash. Sequences only grow.
 *
 * Bounds: queue_bytes of payloads wait (then ERR_BUSY), frame_bytes_max is the largest payload,
 * bytes_max the size of all segments: beyond it the oldest leaves.
 */
#ifndef SEGLOG_SEGLOG_H
#define SEGLOG_SEGLOG_H

#include "base/attributes.h"
#include "base/clock.h"
#include "base/disk.h"
#include "base/err.h"
#include "base/str.h"

typedef struct Seglog Seglog;

typedef enum SeglogSync { SEGLOG_SYNC_ALWAYS, SEGLOG_SYNC_SECOND, SEGLOG_SYNC_OFF } SeglogSync;

/* What a payload is; part of the format, so a number is never given twice. */
typedef enum SeglogKind {
    SEGLOG_OTLP_TRACES = 1,
    SEGLOG_OTLP_METRICS = 2,
    SEGLOG_OTLP_LOGS = 3,
    SEGLOG_REMOTE_WRITE = 4,
    SEGLOG_LOKI_PUSH = 5,
} SeglogKind;

/* A frame as it lies in a segment; the texts are borrowed for the length of the call. */
typedef struct SeglogFrame {
    uint64_t sequence;
    uint64_t segment; /* the number of the segment, which is its first sequence */
    int64_t receive_ns;
    uint8_t kind;
    uint16_t flags;
    Str tenant;
    Str payload;
} SeglogFrame;

/* How an append ended. err is NULL when it is in the log as the sync mode promises. */
typedef struct SeglogReceipt {
    const Err *err;
    uint64_t sequence, segment;
} SeglogReceipt;

/* An append: memory of the caller's, which stays untouched until `done` has been called. */
typedef struct SeglogEntry {
    uint8_t kind; /* SeglogKind */
    uint16_t flags;
    Str tenant; /* at most SEGLOG_TENANT_MAX bytes */
    Str payload;
    int64_t receive_ns;
    /* On the writer's thread, without any lock held. Must not block; may append again; ends the
     * log's interest in the entry. */
    void (*done)(struct SeglogEntry *entry, const SeglogReceipt *receipt);
    struct SeglogEntry *next; /* the log's, while it has the entry */
    uint64_t sequence;        /* the log's */
} SeglogEntry;

enum { SEGLOG_TENANT_MAX = 256 };

/* Whoever keeps something per frame or segment. All of it is called on the thread that opens (while
 * opening) or on the writer's thread; NULL members are fine. */
typedef struct SeglogListener {
    void *context;
    /* Each frame found when opening. False fails the opening. */
    bool (*replay)(void *context, const SeglogFrame *frame, Err *err);
    /* The segment's file has left by size, age or seglog_drop_oldest(). */
    void (*dropped)(void *context, uint64_t segment);
    /* About once a second. Already before seglog_open() has returned to its caller. */
    void (*tick)(void *context, Seglog *log, int64_t wall_ns);
} SeglogListener;

typedef struct SeglogSettings {
    Disk *disk;
    Clock *clock;
    const char *directory; /* made when missing */
    SeglogSync sync;
    int64_t window_ns;      /* SEGLOG_SYNC_ALWAYS: at most one sync in this time */
    uint64_t segment_bytes; /* a segment that reached this is closed and the next one begins */
    uint64_t bytes_max;     /* of all segments together; 0: no limit */
    int64_t
        age_max_ns; /* since the newest frame of a segment came in, by steady_wall.h; 0: no limit */
    uint64_t frame_bytes_max; /* the largest payload; larger ones are ERR_LIMIT */
    uint64_t queue_bytes;     /* payloads that wait to be written */
    uint64_t reserve_bytes;   /* free space that is left on the disk for others */
    bool own_thread;          /* false: the caller drives it with seglog_step() */
} SeglogSettings;

typedef struct SeglogStats {
    uint64_t frames_written, bytes_written, syncs;
    uint64_t appends_failed, syncs_failed;
    uint64_t segments, bytes; /* on disk now */
    int64_t oldest_ns;        /* when the oldest frame came in; 0: there is none */
    uint64_t queued_bytes;
    /* What opening found. */
    uint64_t frames_replayed, torn_tails, torn_bytes;
    uint64_t damaged_segments, damaged_ranges, damaged_bytes, poison_frames;
} SeglogStats;

/* SECOND, 3 ms, 16 MiB segments, 1 GiB in all, 64 MiB frames and queue, 100 MiB reserve, own
 * thread, the machine's disk and clock; the directory is the caller's to fill in. */
SeglogSettings seglog_defaults(void);

/* Takes the directory's lock (ERR_BUSY names the process that has it), repairs, replays. The
 * settings are copied, the directory's text too; disk and clock must outlive the log. */
CHECKED Seglog *seglog_open(const SeglogSettings *settings, const SeglogListener *listener,
                            Err *err);

/* From any thread. True: entry->done will be called once. False: nothing was kept (ERR_BUSY with
 * retry_ms: the queue is full; ERR_LIMIT: larger than a frame may be; ERR_CLOSED). */
CHECKED bool seglog_append(Seglog *log, SeglogEntry *entry, Err *err);

/* Waits until everything appended before is answered and on the disk. ERR_TIMEOUT; ERR_IO when
 * something of it could not be stored. Not from `done`. */
CHECKED bool seglog_flush(Seglog *log, int64_t deadline_mono_ns, Err *err);

/* Without a thread of its own: one round of the writer. Returns the monotonic time of the next
 * round that has something to do, INT64_MAX when only an append makes work. */
int64_t seglog_step(Seglog *log);

/* From any thread: the writer's next tick comes at once. */
void seglog_wake(Seglog *log);

/* Writer's thread (or the opener before any append). Closes the segment that is being written, so
 * that it can leave; the next append begins another. */
void seglog_roll(Seglog *log);
/* Writer's thread. Removes the oldest segment that is not being written: false when there is none
 * or (err) it cannot be removed. */
CHECKED bool seglog_drop_oldest(Seglog *log, Err *err);

void seglog_stats(Seglog *log, SeglogStats *out);

/* Refuses further appends, writes and syncs what waits until the deadline passes, answers the rest
 * with ERR_CLOSED, frees. A disk call that hangs is waited for. False: not everything was stored
 * (err); the log is gone either way. NULL is fine. */
bool seglog_close(Seglog *log, int64_t deadline_mono_ns, Err *err);

#endif
