/* log_duty.c - log records as the worker sees them; see duty.h and record_duty.h. */
#include "sdk/record_duty.h"

#include <string.h>

static RecordDuty logs = {
    .row = ROW_LOGS,
    .dropped_queue = TALLY_LOGS_DROPPED_QUEUE,
    .dropped_memory = TALLY_LOGS_DROPPED_MEMORY,
    .drop_advice = "log records come faster than they can be exported: they are dropped now and "
                   "counted (LOGGING__MAX_QUEUE_SIZE)",
};

static bool has_console(Str names)
{
    Str name;
    while (str_split(&names, ',', &name))
        if (str_eq_nocase(name, STR("console")))
            return true;
    return false;
}

static bool logs_plan(const CryoSettings *settings, DutyPlan *out)
{
    const CryoLoggingSettings *logging = &settings->logging;
    *out = (DutyPlan){
        .exporters = logging->exporter_type,
        .delay_ns = logging->export_config.schedule_delay_millis * NANOS_PER_MILLI,
        .timeout_ns = logging->export_config.timeout_millis * NANOS_PER_MILLI,
        .at_once = strcmp(logging->processor_type, "simple") == 0,
        .console_copy = strcmp(settings->service.environment, "development") == 0 &&
                        !has_console(str_from(logging->exporter_type)),
    };
    return logging->enabled == CRYO_ON;
}

static bool logs_begin(const DutyRun *run, Err *err)
{
    return record_duty_begin(&logs, run, err);
}

static bool logs_full(void)
{
    return record_duty_full(&logs);
}

static Gathered logs_gather(Outgoing *out, Err *err)
{
    (void)err;
    out->encode = logs_encode;
    out->views = logs_view;
    return record_duty_gather(&logs, out);
}

static void logs_release(const Outgoing *out)
{
    (void)out;
    record_duty_release(&logs);
}

static void logs_told(void)
{
    record_duty_tell(&logs);
}

static uint64_t logs_discard(void)
{
    return record_duty_discard(&logs);
}

static void logs_end(void)
{
    record_duty_end(&logs);
}

static void logs_forked(void)
{
    record_duty_forked(&logs);
}

const DutyType log_duty = { .signal = LOGS,
                            .what = "logs",
                            .plan = logs_plan,
                            .begin = logs_begin,
                            .full = logs_full,
                            .gather = logs_gather,
                            .release = logs_release,
                            .told = logs_told,
                            .discard = logs_discard,
                            .end = logs_end,
                            .forked = logs_forked };
