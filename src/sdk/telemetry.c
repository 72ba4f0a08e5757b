/* telemetry.c - start, flush and shutdown of the process's telemetry; see <cryostorm/telemetry.h>.
 *
 * The parts come up in the order settings, signals, propagator, and go down the other way round.
 * One lock serialises starts and shutdowns; nothing else waits for it.
 */
#include "sdk/telemetry.h"
#include "sdk/diagnostics.h"

#include "base/mem.h"
#include "sdk/exporters.h"
#include "sdk/fork.h"
#include "sdk/log_record.h"
#include "sdk/metric_callback.h"
#include "sdk/propagation.h"
#include "sdk/settings_internal.h"
#include "sdk/worker.h"

#include <cryostorm/exporter.h>
#include <cryostorm/syslog.h>
#include <cryostorm/tick.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

struct CryoTelemetry {
    CryoSettings *settings; /* one of its owners; NULL: not started */
};

_Atomic(const RunConfig *) run_config;
_Atomic(const RunConfig *) log_config;

static pthread_mutex_t life = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool changing; /* somebody holds it */
static CryoTelemetry telemetry;
static atomic_bool initialized;
static RunConfig configs[RUN_CONFIGS];
static uint32_t epoch;
static _Atomic uint64_t tallies_at_start[TALLY_COUNT]; /* cryo_counts() takes no lock */

/* ---- errors --------------------------------------------------------------------- */

bool error_set(CryoError *error, CryoErrorKind kind, Str text)
{
    if (error) {
        error->kind = kind;
        snprintf(error->text, sizeof error->text, "%.*s", STR_ARG(text));
    }
    return false;
}

bool registered_name_allowed(const char *name)
{
    size_t len = 0;
    for (; name && name[len]; len++) {
        char c = name[len];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
    }
    return len > 0 && len <= REGISTERED_NAME_MAX;
}

static bool error_from(CryoError *error, const Err *err)
{
    CryoErrorKind kind = err->kind == ERR_MEMORY    ? CRYO_ERROR_MEMORY
                         : err->kind == ERR_TIMEOUT ? CRYO_ERROR_TIMEOUT
                         : err->kind == ERR_INPUT   ? CRYO_ERROR_SETTINGS
                                                    : CRYO_ERROR_SYSTEM;
    return error_set(error, kind, str_from(err->text));
}

/* ---- start ----------------------------------------------------------------------------------- */

static uint32_t at_most(int64_t value)
{
    return value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}

static QueueConfig queue_config(int64_t size, const CryoExportSettings *export,
                                const char *processor)
{
    bool simple = strcmp(processor, "simple") == 0;
    return (QueueConfig){
        /* A thread may hold this many places that it does not use yet, so a small queue is exact.
         */
        .credit_batch = simple || size < 512 ? 1 : 8,
        .size = at_most(size),
        .batch_size = at_most(export->batch_size),
        .wake_at = simple ? 1 : at_most(export->batch_size),
    };
}

static const RunConfig *config_make(const CryoSettings *settings)
{
    const CryoTracingSettings *tracing = &settings->tracing;
    const CryoLoggingSettings *logging = &settings->logging;
    const CryoLimitSettings *limits = &tracing->limits;
    size_t length = (size_t)limits->value_length;
    epoch++;
    RunConfig *config = &configs[epoch % RUN_CONFIGS];
    *config = (RunConfig){
        .epoch = epoch,
        .clock = clock_system(),
        .span = { at_most(limits->attributes), length },
        .event = { at_most(limits->attributes_per_event), length },
        .link = { at_most(limits->attributes_per_link), length },
        .log = { at_most(logging->limits.attributes), (size_t)logging->limits.value_length },
        .events_max = at_most(limits->events),
        .links_max = at_most(limits->links),
        .queues = {
            [ROW_SPANS] = queue_config(tracing->max_queue_size, &tracing->export_config,
                                       tracing->processor_type),
            [ROW_LOGS] = queue_config(logging->max_queue_size, &logging->export_config,
                                      logging->processor_type),
        },
    };
    (void)!sampler_from_name(str_from(tracing->sampling_strategy), tracing->sample_rate,
                             &config->sampler); /* a name that the settings have checked */
    return config;
}

static void propagation_start(const CryoSettings *settings)
{
    Str list = str_from(settings->propagation.propagator_types), name;
    bool w3c = false;
    while (str_split(&list, ',', &name))
        w3c = w3c || str_eq_nocase(name, STR("tracecontext"));
    propagation_use(w3c && settings->propagation.enabled == CRYO_ON);
}

static void counts_begin(void)
{
    uint64_t now[TALLY_COUNT];
    tallies_sum(now);
    for (size_t i = 0; i < TALLY_COUNT; i++)
        atomic_store(&tallies_at_start[i], now[i]);
}

static void signals_stop(void)
{
    CRYO_RELEASE(cryo_tracing, 0);
    CRYO_RELEASE(cryo_metering, 0);
    CRYO_RELEASE(cryo_log_from, LOGS_OFF);
    cryo_syslog_bridge_remove();
    atomic_store(&run_config, NULL);
    atomic_store(&log_config, NULL);
}

static bool signals_start(const CryoSettings *settings, CryoError *error)
{
    Err err;
    const RunConfig *config = config_make(settings);
    if (!worker_begin(config, settings, &err))
        return error_from(error, &err);
    for (RowKind row = ROW_SPANS; row < ROW_COUNT; row++)
        queue_reset(config, row);
    counts_begin();
    if (worker_serves(TRACES)) {
        atomic_store_explicit(&run_config, config, memory_order_release);
        CRYO_RELEASE(cryo_tracing, 1);
    }
    if (worker_serves(LOGS)) {
        atomic_store_explicit(&log_config, config, memory_order_release);
        CRYO_RELEASE(cryo_log_from, log_level_severity(settings->logging.level));
    }
    if (worker_serves(METRICS)) {
        CRYO_RELEASE(cryo_metering, 1);
        if (callbacks_any())
            worker_needed();
    }
    return true;
}

/* An exporter that hangs keeps its run, and the settings of that run. */
static bool last_run_over(void)
{
    if (worker_stuck())
        return false;
    cryo_settings_free(telemetry.settings);
    telemetry = (CryoTelemetry){ 0 };
    return true;
}

static bool start_locked(const CryoSettings *code, CryoError *error)
{
    if (atomic_load(&initialized))
        return error_set(error, CRYO_ERROR_STATE, STR("telemetry has been started already"));
    if (!last_run_over())
        return error_set(error, CRYO_ERROR_STATE,
                         STR("an exporter of the last run has still not returned"));
    bool loaded = code && code->loaded == code;
    CryoSettings *settings = loaded ? settings_share(code) : cryo_settings_load(code, error);
    if (!settings)
        return false;
    say_from(settings->log_level);
    if (!signals_start(settings, error)) {
        cryo_settings_free(settings);
        return false;
    }
    propagation_start(settings);
    telemetry.settings = settings;
    atomic_store(&initialized, true);
    return true;
}

static void life_lock(void)
{
    pthread_mutex_lock(&life);
    atomic_store(&changing, true);
}
static void life_unlock(void)
{
    atomic_store(&changing, false);
    pthread_mutex_unlock(&life);
}

bool cryo_start(const CryoSettings *settings, CryoError *error)
{
    CryoError own = { 0 };
    CryoError *reason = error ? error : &own;
    *reason = (CryoError){ 0 };
    fork_watch();
    life_lock();
    bool good = start_locked(settings, reason);
    life_unlock();
    Str lines = str_from(own.text), line;
    while (!good && !error && str_split(&lines, '\n', &line))
        say(CRYO_LOG_ERROR, "telemetry stays off: %.*s", STR_ARG(line));
    return good;
}

bool cryo_start_from_env(CryoError *error)
{
    return cryo_start(NULL, error);
}

/* ---- the rest -------------------------------------------------------------------------------- */

static int64_t deadline_in(uint32_t timeout_ms)
{
    return clock_mono_ns(clock_system()) + timeout_ms * NANOS_PER_MILLI;
}

static bool shutdown_locked(uint32_t timeout_ms, CryoError *error)
{
    Err err;
    if (!atomic_load(&initialized))
        return true;
    signals_stop();
    atomic_store(&initialized, false);
    bool good = worker_end(deadline_in(timeout_ms), &err) || error_from(error, &err);
    propagation_use(true);
    (void)last_run_over();
    return good;
}

bool cryo_shutdown(uint32_t timeout_ms, CryoError *error)
{
    if (error)
        *error = (CryoError){ 0 };
    life_lock();
    bool good = shutdown_locked(timeout_ms, error);
    life_unlock();
    return good;
}

bool cryo_flush(uint32_t timeout_ms, CryoError *error)
{
    Err err = { 0 };
    if (error)
        *error = (CryoError){ 0 };
    if (!atomic_load(&initialized))
        return true; /* nothing can have ended */
    return worker_flush(deadline_in(timeout_ms), &err) || error_from(error, &err);
}

int64_t cryo_tick(void)
{
    return worker_tick();
}

int cryo_tick_fd(void)
{
    return worker_tick_fd();
}

void cryo_reset(void)
{
    (void)cryo_shutdown(0, NULL);
    exporters_forget();
    own_samplers_forget();
    callbacks_forget();
    cryo_memory_clear();
    counts_begin();
    cryo_set_log_handler(NULL, NULL);
    say_from("info");
}

bool cryo_initialized(void)
{
    return atomic_load(&initialized);
}

const CryoTelemetry *cryo_get(void)
{
    return &telemetry;
}

const CryoSettings *cryo_telemetry_settings(const CryoTelemetry *which)
{
    return which && atomic_load(&initialized) ? which->settings : NULL;
}

void cryo_counts(CryoCounts *out)
{
    uint64_t now[TALLY_COUNT];
    tallies_sum(now);
    for (size_t i = 0; i < TALLY_COUNT; i++) {
        uint64_t begin = atomic_load(&tallies_at_start[i]);
        now[i] -= now[i] < begin ? 0 : begin;
    }
    *out = (CryoCounts){ .started = now[TALLY_STARTED],
                         .not_sampled = now[TALLY_NOT_SAMPLED],
                         .dropped_queue = now[TALLY_DROPPED_QUEUE],
                         .dropped_memory = now[TALLY_DROPPED_MEMORY],
                         .late_uses = now[TALLY_LATE_USES],
                         .misuses = now[TALLY_MISUSES],
                         .logs_recorded = now[TALLY_LOGS_RECORDED],
                         .logs_dropped_queue = now[TALLY_LOGS_DROPPED_QUEUE],
                         .logs_dropped_memory = now[TALLY_LOGS_DROPPED_MEMORY] };
    worker_counts(TRACES, &out->exported, &out->failed);
    uint64_t gone = out->exported + out->failed + out->dropped_queue;
    out->held = out->started > gone ? out->started - gone : 0;
    worker_counts(LOGS, &out->logs_exported, &out->logs_failed);
    gone = out->logs_exported + out->logs_failed + out->logs_dropped_queue;
    out->logs_held = out->logs_recorded > gone ? out->logs_recorded - gone : 0;
    worker_counts(METRICS, &out->points_exported, &out->points_failed);
}

bool cryo_has(const char *feature)
{
    static const Str features[] = { STR_ROW("traces"),  STR_ROW("metrics"),   STR_ROW("logs"),
                                    STR_ROW("console"), STR_ROW("in_memory"), STR_ROW("otlp") };
    for (size_t i = 0; i < COUNT_OF(features); i++)
        if (str_eq(str_from(feature), features[i]))
            return true;
    return false;
}

const char *cryo_version(void)
{
    return CRYO_VERSION;
}

/* The lock may have been another thread's, which is not here. What it was doing is half done, and
 * without telemetry the child runs on. */
void telemetry_after_fork(void)
{
    for (size_t i = 0; i < TALLY_COUNT; i++)
        atomic_store(&tallies_at_start[i], 0);
    if (!atomic_load(&changing))
        return;
    pthread_mutex_init(&life, NULL);
    atomic_store(&changing, false);
    signals_stop();
    atomic_store(&initialized, false);
    telemetry = (CryoTelemetry){ 0 };
}
