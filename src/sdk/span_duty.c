/* span_duty.c - ended spans as the worker sees them; see duty.h and record_duty.h. */
#include "sdk/record_duty.h"

#include <string.h>

static RecordDuty spans = {
    .row = ROW_SPANS,
    .dropped_queue = TALLY_DROPPED_QUEUE,
    .dropped_memory = TALLY_DROPPED_MEMORY,
    .drop_advice = "spans end faster than they can be exported: they are dropped now and counted "
                   "(TRACING__MAX_QUEUE_SIZE)",
};

static bool spans_plan(const CryoSettings *settings, DutyPlan *out)
{
    const CryoTracingSettings *tracing = &settings->tracing;
    *out = (DutyPlan){
        .exporters = tracing->exporter_type,
        .delay_ns = tracing->export_config.schedule_delay_millis * NANOS_PER_MILLI,
        .timeout_ns = tracing->export_config.timeout_millis * NANOS_PER_MILLI,
        .at_once = strcmp(tracing->processor_type, "simple") == 0,
    };
    return tracing->enabled == CRYO_ON;
}

static bool spans_begin(const DutyRun *run, Err *err)
{
    return record_duty_begin(&spans, run, err);
}

static bool spans_full(void)
{
    return record_duty_full(&spans);
}

static Gathered spans_gather(Outgoing *out, Err *err)
{
    (void)err;
    out->encode = spans_encode;
    out->views = spans_view;
    return record_duty_gather(&spans, out);
}

static void spans_release(const Outgoing *out)
{
    (void)out;
    record_duty_release(&spans);
}

static void spans_told(void)
{
    record_duty_tell(&spans);
}

static uint64_t spans_discard(void)
{
    return record_duty_discard(&spans);
}

static void spans_end(void)
{
    record_duty_end(&spans);
}

static void spans_forked(void)
{
    record_duty_forked(&spans);
}

const DutyType span_duty = { .signal = TRACES,
                             .what = "spans",
                             .plan = spans_plan,
                             .begin = spans_begin,
                             .full = spans_full,
                             .gather = spans_gather,
                             .release = spans_release,
                             .told = spans_told,
                             .discard = spans_discard,
                             .end = spans_end,
                             .forked = spans_forked };
