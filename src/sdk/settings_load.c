/* settings_load.c - all layers of settings into one struct; see <cryostorm/settings.h>.
 *
 * The layers are applied from the lowest to the highest, each over what was there, so that a bad
 * value is noticed even where a higher layer hides it.
 */
#include "sdk/diagnostics.h"
#include "sdk/settings_internal.h"
#include "sdk/telemetry.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

enum { ARENA_MAX = 8 << 20, ERRORS_MAX = 16 << 10 };

const SignalSettings signal_settings[SETTINGS_SIGNALS] = {
    { TRACES, "TRACING", SET_TRACES_EXPORTER, SET_TRACING_ENABLED, SET_TRACES_EXPORTER_ARGS,
      "OTEL_EXPORTER_OTLP_TRACES_INSECURE" },
    { METRICS, "METRICS", SET_METRICS_EXPORTER, SET_METRICS_ENABLED, SET_METRICS_EXPORTER_ARGS,
      "OTEL_EXPORTER_OTLP_METRICS_INSECURE" },
    { LOGS, "LOGGING", SET_LOGS_EXPORTER, SET_LOGS_ENABLED, SET_LOGS_EXPORTER_ARGS,
      "OTEL_EXPORTER_OTLP_LOGS_INSECURE" },
};

/* A line of `lines`, unless it is there: what three signals share is wrong only once. */
static PRINTF(2, 0) bool line_add(Buf *lines, const char *format, va_list args)
{
    size_t before = lines->len;
    if (lines->len)
        buf_add_byte(lines, '\n');
    size_t at = lines->len;
    buf_addv(lines, format, args);
    Str fresh = str_skip(buf_str(lines), at), seen = str_first(buf_str(lines), before), line;
    while (!lines->failed && str_split(&seen, '\n', &line))
        if (str_eq(line, fresh)) {
            lines->len = before;
            return false;
        }
    return !lines->failed;
}

void load_error(SettingsLoad *load, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)line_add(&load->errors, format, args);
    va_end(args);
}

void load_warning(SettingsLoad *load, const char *format, ...)
{
    va_list args;
    size_t before = load->warnings.len ? load->warnings.len + 1 : 0;
    va_start(args, format);
    if (line_add(&load->warnings, format, args))
        say(CRYO_LOG_WARN, "%.*s", STR_ARG(str_skip(buf_str(&load->warnings), before)));
    va_end(args);
}

/* Tolerant where it is shared ground: a bad OTEL_ value in the environment only warns. */
static void judge(SettingsLoad *load, Origin origin, const Err *err)
{
    if (err->kind == ERR_MEMORY || (err->kind == ERR_LIMIT && origin.layer == LAYER_PRESET)) {
        load->starved = *err;
        load->failed = true;
    } else if (origin.layer == LAYER_OTEL) {
        load_warning(load, "%.*s: %s; it is ignored", STR_ARG(origin.name), err->text);
    } else if (origin.layer == LAYER_CODE) {
        load_error(load, "%.*s (in code): %s", STR_ARG(origin.name), err->text);
    } else {
        bool file = origin.layer < LAYER_ENV;
        load_error(load, "%.*s%s: %s", STR_ARG(origin.name), file ? " (in .env)" : "", err->text);
    }
}

void apply_text(SettingsLoad *load, SettingId id, Str text, Origin origin)
{
    Err err;
    if (setting_parse(&setting_rows[id], text, &load->loaded->settings, load->arena, &err))
        load->loaded->origins[id] = origin;
    else
        judge(load, origin, &err);
}

static void apply_presets(SettingsLoad *load)
{
    for (size_t id = 0; id < SETTING_COUNT_ALL; id++)
        apply_text(load, (SettingId)id, str_from(setting_rows[id].preset),
                   (Origin){ LAYER_PRESET, STR("default") });
}

static void apply_groups(SettingsLoad *load, const Variables *variables)
{
    Layer layer = variables->is_file ? LAYER_FILE : LAYER_ENV;
    for (size_t id = 0; id < SETTING_COUNT_ALL; id++) {
        const Variable *found = variable_find(variables, setting_rows[id].key);
        if (found)
            apply_text(load, (SettingId)id, found->value, (Origin){ layer, found->name });
    }
}

static void apply_code(SettingsLoad *load, const CryoSettings *code)
{
    Buf text = BUF(1 << 20);
    for (size_t id = 0; code && id < SETTING_COUNT_ALL; id++) {
        const SettingRow *row = &setting_rows[id];
        Origin origin = { LAYER_CODE, str_from(row->key) };
        Err err;
        buf_clear(&text);
        if (!setting_in_code(row, code, &text))
            continue;
        if (row->type != SETTING_MAP) {
            if (buf_ok(&text, &err))
                apply_text(load, (SettingId)id, buf_str(&text), origin);
            else
                judge(load, origin, &err);
        } else if (setting_copy_map(*(const CryoAttrs *)setting_value(row, code),
                                    setting_member(row, &load->loaded->settings), load->arena,
                                    &err)) {
            load->loaded->origins[id] = origin;
        } else {
            judge(load, origin, &err);
        }
        for (size_t i = 0; i < SETTINGS_SIGNALS; i++)
            if (id == setting_of(&signal_settings[i], SET_TRACES_ENDPOINT))
                load->loaded->base_endpoints &= ~(int)signal_settings[i].signal;
    }
    buf_free(&text);
}

/* Rules over several settings. */
typedef struct QueueRule {
    const char *name; /* of the queue's size */
    SettingId batch_id, queue_id;
    int64_t *batch_size;
    int64_t queue_size;
} QueueRule;

static void settle_queue(SettingsLoad *load, const QueueRule *rule)
{
    const Origin *origins = load->loaded->origins;
    if (*rule->batch_size <= rule->queue_size)
        return;
    bool shared =
        origins[rule->batch_id].layer == LAYER_OTEL || origins[rule->queue_id].layer == LAYER_OTEL;
    if (!shared && origins[rule->batch_id].layer != LAYER_PRESET)
        load_error(load, "%s: %" PRId64 " is smaller than the batch size, %" PRId64, rule->name,
                   rule->queue_size, *rule->batch_size);
    else if (shared)
        say(CRYO_LOG_WARN, "%s: the batch size is lowered to the queue size, %" PRId64, rule->name,
            rule->queue_size);
    *rule->batch_size = rule->queue_size;
}

/* A key of its own comes before the one in EXPORT_CONFIG; in the end both say the same. */
static void settle_override(SettingsLoad *load, SettingId own, SettingId general)
{
    Origin *origins = load->loaded->origins;
    int64_t *own_value = setting_member(&setting_rows[own], &load->loaded->settings);
    int64_t *value = setting_member(&setting_rows[general], &load->loaded->settings);
    if (origins[own].layer > LAYER_PRESET) {
        *value = *own_value;
        origins[general] = origins[own];
    } else {
        *own_value = *value;
        origins[own] = origins[general];
    }
}

static void settle_batches(SettingsLoad *load)
{
    CryoTracingSettings *tracing = &load->loaded->settings.tracing;
    CryoLoggingSettings *logging = &load->loaded->settings.logging;
    settle_override(load, SET_LOGS_OWN_DELAY, SET_LOGS_DELAY);
    settle_override(load, SET_LOGS_OWN_BATCH_SIZE, SET_LOGS_BATCH_SIZE);
    settle_override(load, SET_LOGS_OWN_TIMEOUT, SET_LOGS_TIMEOUT);
    settle_queue(load, &(QueueRule){ "TRACING__MAX_QUEUE_SIZE", SET_BATCH_SIZE, SET_QUEUE_SIZE,
                                     &tracing->export_config.batch_size, tracing->max_queue_size });
    settle_queue(load,
                 &(QueueRule){ "LOGGING__MAX_QUEUE_SIZE", SET_LOGS_BATCH_SIZE, SET_LOGS_QUEUE_SIZE,
                               &logging->export_config.batch_size, logging->max_queue_size });
    logging->max_export_batch_size = logging->export_config.batch_size;
}

static void refuse_arguments(SettingsLoad *load, SettingId id, const char *kind, const char *who)
{
    const CryoAttrs *args = setting_value(&setting_rows[id], &load->loaded->settings);
    if (args->count)
        load_error(load, "%s: '%.*s' is unknown; the %s %s takes no arguments",
                   setting_rows[id].key, (int)args->ptr[0].key.len, args->ptr[0].key.ptr, kind,
                   who);
}

/* Arguments that nobody takes are a mistake, not a matter of taste. Registered exporters judge
 * theirs. */
static void settle_arguments(SettingsLoad *load)
{
    const CryoSettings *settings = &load->loaded->settings;
    for (size_t i = 0; i < SETTINGS_SIGNALS; i++) {
        SettingId exporter = setting_of(&signal_settings[i], SET_TRACES_EXPORTER);
        const char *const *names = setting_value(&setting_rows[exporter], settings);
        if (strcmp(*names, "console") == 0 || strcmp(*names, "otlp") == 0)
            refuse_arguments(load, signal_settings[i].args, "exporter", *names);
    }
    refuse_arguments(load, SET_TRACES_PROCESSOR_ARGS, "processor",
                     settings->tracing.processor_type);
    refuse_arguments(load, SET_LOGS_PROCESSOR_ARGS, "processor", settings->logging.processor_type);
}

static void settle_switches(CryoSettings *settings)
{
    for (size_t i = 0; i < SETTINGS_SIGNALS; i++) {
        const SignalSettings *of = &signal_settings[i];
        SettingId exporter = setting_of(of, SET_TRACES_EXPORTER);
        const char *const *names = setting_value(&setting_rows[exporter], settings);
        CryoSwitch *enabled = setting_member(&setting_rows[of->enabled], settings);
        bool off = of->signal == METRICS && settings->enable_metrics == CRYO_OFF;
        if (off || settings->enable_telemetry == CRYO_OFF || !**names ||
            strcmp(*names, "none") == 0)
            *enabled = CRYO_OFF;
    }
}

static void settle(SettingsLoad *load)
{
    if (load->failed)
        return;
    settle_batches(load);
    settle_otlp(load);
    settle_arguments(load);
    settle_switches(&load->loaded->settings);
    if (load->idle.len)
        say(CRYO_LOG_WARN, "set, but without effect in this version: %.*s",
            STR_ARG(buf_str(&load->idle)));
}

static const char *env_file_of(const CryoSettings *code)
{
    return code && code->env_file ? code->env_file : ".env";
}

static void gather(SettingsLoad *load, const CryoSettings *code)
{
    Variables file, environment;
    variables_from_file(load, env_file_of(code), code && code->env_file, &file);
    variables_from_environment(load, &environment);
    apply_presets(load);
    apply_groups(load, &file);
    apply_otel(load, &file);
    apply_groups(load, &environment);
    apply_otel(load, &environment);
    apply_code(load, code);
    variables_judge(load, &file);
    variables_judge(load, &environment);
    settle(load);
}

static bool load_result(SettingsLoad *load, CryoError *err)
{
    Err inner;
    if (load->failed)
        return error_set(err, CRYO_ERROR_MEMORY, str_from(load->starved.text));
    if (load->errors.len)
        return error_set(err, CRYO_ERROR_SETTINGS, buf_str(&load->errors));
    if (!buf_ok(&load->errors, &inner))
        return error_set(err, CRYO_ERROR_MEMORY, str_from(inner.text));
    return true;
}

CryoSettings *cryo_settings_load(const CryoSettings *code, CryoError *err)
{
    Err inner;
    Arena *arena = arena_new(ARENA_MAX, &inner);
    LoadedSettings *loaded = arena ? ARENA_MAKE(arena, LoadedSettings, 1, &inner) : NULL;
    if (!loaded) {
        arena_free(arena);
        error_set(err, CRYO_ERROR_MEMORY, str_from(inner.text));
        return NULL;
    }
    loaded->arena = arena;
    atomic_init(&loaded->owners, 1);
    SettingsLoad load = { .loaded = loaded,
                          .arena = arena,
                          .errors = BUF(ERRORS_MAX),
                          .warnings = BUF(ERRORS_MAX),
                          .idle = BUF(ERRORS_MAX) };
    gather(&load, code);
    loaded->settings.env_file = env_file_of(NULL);
    loaded->settings.loaded = loaded;
    bool good = load_result(&load, err);
    buf_free(&load.errors);
    buf_free(&load.warnings);
    buf_free(&load.idle);
    if (good)
        return &loaded->settings;
    arena_free(arena);
    return NULL;
}

static LoadedSettings *loaded_of(const CryoSettings *settings)
{
    union {
        const void *seen;
        LoadedSettings *loaded;
    } view = { .seen = settings->loaded };
    return view.loaded;
}

CryoSettings *settings_share(const CryoSettings *settings)
{
    LoadedSettings *loaded = loaded_of(settings);
    atomic_fetch_add(&loaded->owners, 1);
    return &loaded->settings;
}

void cryo_settings_free(CryoSettings *settings)
{
    if (!settings || settings->loaded != settings)
        return;
    LoadedSettings *loaded = loaded_of(settings);
    if (atomic_fetch_sub(&loaded->owners, 1) == 1)
        arena_free(loaded->arena);
}
