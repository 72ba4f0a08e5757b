/* span_duty.c - ended spans as the worker sees them; see duty.h and record_duty.h. */
#include "sdk/record_duty.h"

#include <string.h>

static RecordDuty spans = {
    .encode = spans_encode,
    .views = spans_view,
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

const DutyType span_duty = { .signal = TRACES,
                             .what = "spans",
                             .self = &spans,
                             .plan = spans_plan,
                             .begin = record_duty_begin,
                             .full = record_duty_full,
                             .gather = record_duty_gather,
                             .release = record_duty_release,
                             .told = record_duty_tell,
                             .discard = record_duty_discard,
                             .end = record_duty_end,
                             .forked = record_duty_forked };
