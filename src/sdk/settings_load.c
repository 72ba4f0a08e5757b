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

void load_error(SettingsLoad *load, const char *format, ...)
{
    va_list args;
    if (load->errors.len)
        buf_add_byte(&load->errors, '\n');
    va_start(args, format);
    buf_addv(&load->errors, format, args);
    va_end(args);
}

/* Tolerant where it is shared ground: a bad OTEL_ value in the environment only warns. */
static void judge(SettingsLoad *load, Origin origin, const Err *err)
{
    if (err->kind == ERR_MEMORY || (err->kind == ERR_LIMIT && origin.layer == LAYER_PRESET)) {
        load->starved = *err;
        load->failed = true;
    } else if (origin.layer == LAYER_OTEL) {
        say(CRYO_LOG_WARN, "%.*s: %s; it is ignored", STR_ARG(origin.name), err->text);
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
        if (row->otel[0] && id == SET_OTLP_ENDPOINT)
            load->loaded->base_endpoint = false;
    }
    buf_free(&text);
}

/* Rules over several settings. */
static void settle_queue(SettingsLoad *load)
{
    CryoTracingSettings *tracing = &load->loaded->settings.tracing;
    const Origin *origins = load->loaded->origins;
    if (tracing->export_config.batch_size <= tracing->max_queue_size)
        return;
    bool shared =
        origins[SET_BATCH_SIZE].layer == LAYER_OTEL || origins[SET_QUEUE_SIZE].layer == LAYER_OTEL;
    if (!shared && origins[SET_BATCH_SIZE].layer != LAYER_PRESET)
        load_error(load,
                   "TRACING__MAX_QUEUE_SIZE: %" PRId64 " is smaller than the batch size, %" PRId64,
                   tracing->max_queue_size, tracing->export_config.batch_size);
    else if (shared)
        say(CRYO_LOG_WARN, "the batch size is lowered to the queue size, %" PRId64,
            tracing->max_queue_size);
    tracing->export_config.batch_size = tracing->max_queue_size;
}

/* Arguments that nobody takes are a mistake, not a matter of taste. Registered exporters judge
 * theirs. */
static void settle_arguments(SettingsLoad *load)
{
    const CryoTracingSettings *tracing = &load->loaded->settings.tracing;
    if (tracing->additional_processor_args.count)
        load_error(load,
                   "TRACING__ADDITIONAL_PROCESSOR_ARGS: '%.*s' is unknown; the processor %s "
                   "takes no arguments",
                   (int)tracing->additional_processor_args.ptr[0].key.len,
                   tracing->additional_processor_args.ptr[0].key.ptr, tracing->processor_type);
    bool alone = strcmp(tracing->exporter_type, "console") == 0 ||
                 strcmp(tracing->exporter_type, "otlp") == 0;
    if (tracing->additional_exporter_args.count && alone)
        load_error(load,
                   "TRACING__ADDITIONAL_EXPORTER_ARGS: '%.*s' is unknown; the exporter %s "
                   "takes no arguments",
                   (int)tracing->additional_exporter_args.ptr[0].key.len,
                   tracing->additional_exporter_args.ptr[0].key.ptr, tracing->exporter_type);
}

static void settle(SettingsLoad *load)
{
    CryoSettings *settings = &load->loaded->settings;
    if (load->failed)
        return;
    settle_queue(load);
    settle_otlp(load);
    settle_arguments(load);
    if (strcmp(settings->tracing.exporter_type, "none") == 0 || !*settings->tracing.exporter_type)
        settings->tracing.enabled = CRYO_OFF;
    if (settings->enable_telemetry == CRYO_OFF)
        settings->tracing.enabled = CRYO_OFF;
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
    SettingsLoad load = {
        .loaded = loaded, .arena = arena, .errors = BUF(ERRORS_MAX), .idle = BUF(ERRORS_MAX)
    };
    gather(&load, code);
    loaded->settings.env_file = env_file_of(NULL);
    loaded->settings.loaded = loaded;
    bool good = load_result(&load, err);
    buf_free(&load.errors);
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
