/* log_duty.c - log records as the worker sees them; see duty.h and record_duty.h. */
#include "sdk/record_duty.h"

#include <string.h>

static RecordDuty logs = {
    .encode = logs_encode,
    .views = logs_view,
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

const DutyType log_duty = { .signal = LOGS,
                            .what = "logs",
                            .self = &logs,
                            .plan = logs_plan,
                            .begin = record_duty_begin,
                            .full = record_duty_full,
                            .gather = record_duty_gather,
                            .release = record_duty_release,
                            .told = record_duty_tell,
                            .discard = record_duty_discard,
                            .end = record_duty_end,
                            .forked = record_duty_forked };
