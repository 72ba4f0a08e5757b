/* log_helper.h - a log on a test disk, and what it was told and gave back. */
#ifndef TESTS_SEGLOG_LOG_HELPER_H
#define TESTS_SEGLOG_LOG_HELPER_H

#include "seglog/seglog.h"
#include "support/test_disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { REPLAYS_MAX = 4096, TEXT_MAX = 64 };

/* One append with a text of its own; counts its answers. */
typedef struct Wish {
    SeglogEntry entry; /* first */
    char text[TEXT_MAX];
    int answers;
    bool ok;
    Err err;
    uint64_t sequence, segment;
} Wish;

typedef struct Replays {
    struct {
        uint64_t sequence;
        int64_t receive_ns;
        char text[TEXT_MAX];
    } at[REPLAYS_MAX];
    size_t count;
    uint64_t dropped[REPLAYS_MAX];
    size_t dropped_count, ticks;
    long refuse_after; /* -1: never */
} Replays;

typedef struct Rig {
    TestDisk *disk;
    TestClock clock;
    SeglogSettings settings;
    Replays replays;
    Seglog *log;
    Err err;
} Rig;

#define RIG_WALL_NS (INT64_C(1750000000) * NANOS_PER_SECOND)

/* Threadless, on a test clock, small segments, no reserve. */
void rig_init(Rig *rig, SeglogSync sync, uint64_t seed);
void rig_done(Rig *rig); /* closes what is open */

bool rig_open(Rig *rig); /* forgets earlier replays; rig->err says why not */
bool rig_close(Rig *rig);
void rig_crash(Rig *rig, DiskCrash how); /* power cut: the log ends, unanswered appends fail */

/* Appends a text of the wish's own, or bytes of the test's; false: refused at once (wish->err). */
bool wish_append(Rig *rig, Wish *wish, const char *text);
bool wish_append_bytes(Rig *rig, Wish *wish, Str payload);
void rig_run(Rig *rig); /* rounds, moving the clock, until every append is answered */
bool rig_append(Rig *rig, const char *text);    /* append, run, was it stored? */
bool rig_has(const Rig *rig, const char *text); /* was it replayed? */
SeglogStats rig_stats(Rig *rig);

#endif
