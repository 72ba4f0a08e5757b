/* round.c - a signal's rounds; see round.h. */
#include "sdk/round.h"

#include "sdk/diagnostics.h"

#include <inttypes.h>

#define REPORT_EVERY_NS (60 * NANOS_PER_SECOND)

static int64_t now_ns(void)
{
    return clock_mono_ns(clock_system());
}

/* ---- what is said ---------------------------------------------------------------------------- */

static void report_failure(Duty *duty, const Err *err)
{
    int64_t now = now_ns();
    if (duty->reported_at && now - duty->reported_at < REPORT_EVERY_NS)
        return;
    uint64_t failed = atomic_load(&duty->failed);
    duty->reported_at = now;
    duty->failed_reported = failed;
    const char *of = duty->type->signal == METRICS ? " data points" : "";
    say(CRYO_LOG_ERROR, "cannot export %s, %" PRIu64 "%s lost so far: %s", duty->type->what, failed,
        of, err->text);
}

static void report_success(Duty *duty)
{
    if (duty->failed_reported == 0)
        return;
    say(CRYO_LOG_INFO, "exporting %s again; %" PRIu64 " were lost", duty->type->what,
        atomic_load(&duty->failed));
    duty->failed_reported = 0; /* the time stays: a server that comes and goes is no flood */
}

/* ---- RESTING --------------------------------------------------------------------------------- */

/* `woken` is exchanged, not looked at: either what was put into a row is found by the round that
 * begins, or it wakes us once more (worker_notice). */
static bool round_begin(Duty *duty, uint64_t flush)
{
    bool woken = atomic_exchange(&duty->woken, false);
    bool wanted = flush != duty->flush_done, over = now_ns() >= duty->due_ns;
    if (!woken && !wanted && !over)
        return false;
    duty->flush = flush;
    duty->renew = wanted || over;
    duty->whole = duty->renew || duty->plan.at_once;
    duty->got = GATHERED_MORE;
    duty->state = GATHERING;
    atomic_store(&duty->busy, true);
    return true;
}

static void sinks_flush(Duty *duty)
{
    duty->until.batch_ns = now_ns() + duty->plan.timeout_ns;
    for (size_t i = 0; i < duty->sink_count; i++) {
        Err err = { 0 };
        if (duty->sinks[i]->type->flush &&
            !duty->sinks[i]->type->flush(duty->sinks[i], &duty->until, &err))
            report_failure(duty, &err);
    }
}

/* When the next one is due; 0 where somebody has asked for it meanwhile. */
static int64_t round_end(Duty *duty)
{
    if (duty->flush != duty->flush_done)
        sinks_flush(duty);
    if (duty->renew)
        duty->due_ns = now_ns() + duty->plan.delay_ns;
    duty->flush_done = duty->flush;
    duty->state = RESTING;
    atomic_store(&duty->busy, false);
    if (duty->type->told)
        duty->type->told(duty->type->self);
    return atomic_load(&duty->woken) ? 0 : duty->due_ns;
}

/* ---- GATHERING ------------------------------------------------------------------------------- */

static bool wants_more(const Duty *duty)
{
    const DutyType *type = duty->type;
    return duty->got == GATHERED_MORE && (duty->whole || (type->full && type->full(type->self)));
}

/* False: the round is over. */
static bool gather(Duty *duty, const Resource *resource)
{
    const DutyType *type = duty->type;
    Err err = { 0 };
    if (!wants_more(duty))
        return false;
    duty->out = (Outgoing){ .signal = type->signal, .resource = resource };
    duty->got = type->gather(type->self, &duty->out, &err);
    if (duty->got == GATHERED_FAILED)
        report_failure(duty, &err);
    if (duty->got != GATHERED_ALL && duty->got != GATHERED_MORE)
        return false;
    duty->until.batch_ns = now_ns() + duty->plan.timeout_ns;
    duty->sink_at = 0;
    duty->begun_there = false;
    duty->good = true;
    duty->state = SENDING;
    return true;
}

/* ---- SENDING --------------------------------------------------------------------------------- */

static SinkProgress sink_goes_on(Duty *duty, Sink *sink, Err *err)
{
    if (!duty->begun_there) {
        if (!sink->type->send(sink, &duty->out, &duty->until, err))
            return SINK_FAILED;
        if (!sink->type->go_on)
            return SINK_SENT;
        duty->begun_there = true;
    }
    return sink->type->go_on(sink, &duty->out, &duty->until, err);
}

static void batch_end(Duty *duty)
{
    if (duty->good) {
        uint64_t count = duty->out.count;
        uint64_t rejected = duty->out.rejected < count ? duty->out.rejected : count;
        atomic_fetch_add(&duty->failed, rejected);
        atomic_fetch_add(&duty->exported, count - rejected);
        report_success(duty);
    }
    duty->type->release(duty->type->self);
    duty->state = GATHERING;
}

static void sink_failed(Duty *duty, const Sink *sink, const Err *err)
{
    if (sink == duty->copy)
        return;
    if (duty->good)
        atomic_fetch_add(&duty->failed, duty->out.count);
    duty->good = false;
    report_failure(duty, err);
}

/* One sink after the other. When to go on with the one that waits; 0: with the next batch. */
static int64_t send_on(Duty *duty)
{
    while (duty->sink_at < duty->sink_count) {
        Sink *sink = duty->sinks[duty->sink_at];
        Err err = { 0 };
        SinkProgress progress = sink_goes_on(duty, sink, &err);
        if (progress == SINK_WAITS)
            return sink->due_ns;
        if (progress == SINK_FAILED)
            sink_failed(duty, sink, &err);
        duty->begun_there = false;
        duty->sink_at++;
    }
    batch_end(duty);
    return wants_more(duty) ? 0 : round_end(duty);
}

int64_t duty_turn(Duty *duty, const Resource *resource, uint64_t flush)
{
    switch (duty->state) {
    case RESTING:
        if (!round_begin(duty, flush))
            return duty->due_ns;
        /* fall through */
    case GATHERING:
        if (!gather(duty, resource))
            return round_end(duty);
        /* fall through */
    case SENDING: return send_on(duty);
    }
    return 0;
}

void duty_forget_round(Duty *duty)
{
    duty->state = RESTING;
    duty->flush_done = 0;
    atomic_store(&duty->busy, false);
    atomic_store(&duty->woken, false);
}
