/* seglog_internal.h - what the files of this room share: the log itself, and who owns which part.
 */
#ifndef SEGLOG_SEGLOG_INTERNAL_H
#define SEGLOG_SEGLOG_INTERNAL_H

#include "base/random.h"
#include "base/thread.h"
#include "seglog/seglog.h"
#include "seglog/steady_wall.h"

enum {
    SEGLOG_PATH_MAX = 1024,       /* a directory and a name in it */
    SEGLOG_STAGING = 256 * 1024,  /* frames are gathered here on their way into the file */
    SEGLOG_GROUP_BYTES = 4 << 20, /* one write and one sync cover about so much */
    SEGLOG_RETRY_MS = 1000,       /* when the disk is full */
    SEGLOG_QUEUE_RETRY_MS = 50,   /* when the queue is */
};

typedef struct Segment {
    uint64_t number, bytes;
    int64_t oldest_ns, newest_ns; /* when frames came in; 0: none yet */
} Segment;

struct Seglog {
    SeglogSettings settings; /* settings.directory is ours */
    SeglogListener listener;
    File *lock;
    Thread thread;

    /* Under the mutex. */
    Mutex mutex;
    Cond work; /* to the writer */
    Cond idle; /* to flushers */
    SeglogEntry *first, **last;
    uint64_t appended, answered, flushed, failed; /* entries since the opening */
    uint64_t flush_target;                        /* flush once so many are answered */
    bool flush_wanted, closing;
    bool woken; /* the next tick is wanted now */
    int64_t close_deadline;
    SeglogStats stats;

    /* The writer's, or the opener's before there is one. */
    Segment *segments; /* oldest first; the last is being written when file is set */
    size_t segment_count, segment_cap;
    File *file;
    uint64_t offset; /* where the next frame goes */
    uint64_t salt, next_sequence;
    uint8_t *staging;
    size_t staged;
    uint64_t staged_at; /* where the staged bytes belong */
    bool dirty;         /* written since the last sync */
    int64_t synced_mono, ticked_mono, complained_mono;
    bool refusing;   /* the last group was not taken; it is told when one is again */
    SteadyWall wall; /* what retention by age goes by */
    bool doubt_told;
    Random random;
};

/* "<directory>/<20 digits><suffix>". False: too long. */
CHECKED bool seglog_path(const Seglog *log, uint64_t number, const char *suffix,
                         char out[SEGLOG_PATH_MAX], Err *err);

/* seglog.c: makes the lock file ours; log->lock is set even when somebody else has it. */
CHECKED bool seglog_take_lock(Seglog *log, Err *err);

/* place.c: false once what lies under the directory's name is not the directory that was opened. */
CHECKED bool seglog_in_place(Seglog *log, Err *err);

/* recovery.c: repairs what is on the disk, replays it, fills segments and next_sequence. */
CHECKED bool seglog_recover(Seglog *log, Err *err);

/* writer.c */
CHECKED bool seglog_add_segment(Seglog *log, const Segment *segment, Err *err);
void seglog_begin_age(Seglog *log); /* once, when the segments are known */
void seglog_retain(Seglog *log);    /* lets segments go that are beyond size or age */
void seglog_finish(Seglog *log);    /* the writer's last act: answers the rest, syncs, closes */
void seglog_publish(Seglog *log);   /* the segments' part of the statistics */
/* When the writer has something to do next; the mutex is held. */
int64_t seglog_due(const Seglog *log);

#endif
