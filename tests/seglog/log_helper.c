/* log_helper.c - see log_helper.h. */
#include "seglog/log_helper.h"

#include <stdio.h>
#include <string.h>

void rig_init(Rig *rig, SeglogSync sync, uint64_t seed)
{
    memset(rig, 0, sizeof *rig);
    rig->disk = test_disk_new(seed);
    test_clock_init(&rig->clock, RIG_WALL_NS);
    test_clock_advance(&rig->clock, NANOS_PER_SECOND);
    rig->settings = seglog_defaults();
    rig->settings.disk = test_disk_door(rig->disk);
    rig->settings.clock = &rig->clock.base;
    rig->settings.directory = "data/traces";
    rig->settings.sync = sync;
    rig->settings.segment_bytes = 4096;
    rig->settings.reserve_bytes = 0;
    rig->settings.frame_bytes_max = 1 << 20;
    rig->settings.own_thread = false;
    rig->replays.refuse_after = -1;
}

bool rig_close(Rig *rig)
{
    Seglog *log = rig->log;
    rig->log = NULL;
    return seglog_close(log, INT64_MAX, &rig->err);
}

void rig_done(Rig *rig)
{
    (void)rig_close(rig);
    test_disk_free(rig->disk);
}

static bool replayed(void *context, const SeglogFrame *frame, Err *err)
{
    Replays *replays = context;
    if (replays->refuse_after >= 0 && replays->refuse_after-- == 0) {
        *err = (Err){ .kind = ERR_MEMORY, .text = "the test refuses" };
        return false;
    }
    assert_true(replays->count < REPLAYS_MAX);
    assert_true(frame->payload.len < TEXT_MAX);
    replays->at[replays->count].sequence = frame->sequence;
    replays->at[replays->count].receive_ns = frame->receive_ns;
    char *text = replays->at[replays->count++].text;
    memcpy(text, frame->payload.ptr, frame->payload.len);
    text[frame->payload.len] = 0;
    return true;
}

static void dropped(void *context, uint64_t segment)
{
    Replays *replays = context;
    assert_true(replays->dropped_count < REPLAYS_MAX);
    replays->dropped[replays->dropped_count++] = segment;
}

static void ticked(void *context, Seglog *log, int64_t wall_ns)
{
    (void)log;
    (void)wall_ns;
    ((Replays *)context)->ticks++;
}

bool rig_open(Rig *rig)
{
    SeglogListener listener = { &rig->replays, replayed, dropped, ticked };
    rig->replays.count = rig->replays.dropped_count = 0;
    rig->log = seglog_open(&rig->settings, &listener, &rig->err);
    return rig->log != NULL;
}

void rig_crash(Rig *rig, DiskCrash how)
{
    test_disk_crash(rig->disk, how);
    (void)rig_close(rig);
}

static void answered(SeglogEntry *entry, const SeglogReceipt *receipt)
{
    Wish *wish = (Wish *)entry;
    wish->answers++;
    wish->ok = receipt->err == NULL;
    wish->sequence = receipt->sequence;
    wish->segment = receipt->segment;
    if (receipt->err)
        wish->err = *receipt->err;
}

bool wish_append_bytes(Rig *rig, Wish *wish, Str payload)
{
    wish->entry = (SeglogEntry){ .kind = SEGLOG_OTLP_TRACES,
                                 .tenant = STR("anybody"),
                                 .payload = payload,
                                 .receive_ns = clock_wall_ns(&rig->clock.base),
                                 .done = answered };
    return seglog_append(rig->log, &wish->entry, &wish->err);
}

bool wish_append(Rig *rig, Wish *wish, const char *text)
{
    *wish = (Wish){ 0 };
    snprintf(wish->text, sizeof wish->text, "%s", text);
    return wish_append_bytes(rig, wish, str_from(wish->text));
}

void rig_run(Rig *rig)
{
    for (int i = 0; i < 10000; i++) {
        SeglogStats stats;
        seglog_step(rig->log);
        seglog_stats(rig->log, &stats);
        if (!stats.queued_bytes)
            return;
        test_clock_advance(&rig->clock, NANOS_PER_MILLI);
    }
    fail_msg("appends are still waiting after 10 s");
}

bool rig_append(Rig *rig, const char *text)
{
    Wish wish;
    if (!wish_append(rig, &wish, text)) {
        rig->err = wish.err;
        return false;
    }
    rig_run(rig);
    assert_int_equal(wish.answers, 1);
    if (!wish.ok)
        rig->err = wish.err;
    return wish.ok;
}

bool rig_has(const Rig *rig, const char *text)
{
    for (size_t i = 0; i < rig->replays.count; i++)
        if (!strcmp(rig->replays.at[i].text, text))
            return true;
    return false;
}

SeglogStats rig_stats(Rig *rig)
{
    SeglogStats stats;
    seglog_stats(rig->log, &stats);
    return stats;
}
