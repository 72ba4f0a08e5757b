/* settings_internal.h - settings while they are gathered, and once they are loaded. */
#ifndef SDK_SETTINGS_INTERNAL_H
#define SDK_SETTINGS_INTERNAL_H

#include "base/buf.h"
#include "model/signal.h"
#include "sdk/settings_row.h"

#include <stdatomic.h>

/* Where a value came from; a higher one wins. */
typedef enum Layer {
    LAYER_PRESET,
    LAYER_FILE,      /* GROUP__KEY in .env */
    LAYER_FILE_OTEL, /* OTEL_* in .env */
    LAYER_ENV,
    LAYER_OTEL,
    LAYER_CODE,
} Layer;

typedef struct Origin {
    Layer layer;
    Str name; /* the variable */
} Origin;

/* What cryo_settings_load() gives: the public struct comes first. */
typedef struct LoadedSettings {
    CryoSettings settings;
    Arena *arena; /* everything else, and this */
    atomic_int owners;
    Origin origins[SETTING_COUNT_ALL];
    int insecure;       /* Signals: an endpoint without a scheme is plain HTTP */
    int base_endpoints; /* Signals whose endpoint is a base: a path is added for the signal */
} LoadedSettings;

/* Signals by their settings. */
typedef struct SignalSettings {
    Signal signal;
    const char *group;         /* TRACING */
    SettingId first;           /* of SETTINGS_OF_SIGNAL */
    SettingId enabled, args;   /* the switch, the exporter's arguments */
    const char *insecure_name; /* OpenTelemetry's variable */
} SignalSettings;
enum { SETTINGS_SIGNALS = 3 };
extern const SignalSettings signal_settings[SETTINGS_SIGNALS];

/* The same setting as `traces`, of another signal. */
static inline SettingId setting_of(const SignalSettings *of, SettingId traces)
{
    return (SettingId)(of->first + (traces - SET_TRACES_EXPORTER));
}

/* One more owner; each calls cryo_settings_free(). */
CryoSettings *settings_share(const CryoSettings *loaded);

typedef struct Variable {
    Str name, value;
} Variable;

enum { VARIABLES_MAX = 512 };
typedef struct Variables {
    Variable *list; /* in the arena */
    size_t count;
    bool is_file, full;
} Variables;

/* Errors become lines of one text; warnings are logged as they come. */
typedef struct SettingsLoad {
    LoadedSettings *loaded;
    Arena *arena;
    Buf errors;
    Buf warnings; /* what was warned of, so that what three signals share is said once */
    Buf idle;     /* names that are known but change nothing yet, comma-separated */
    Err starved;
    bool failed; /* starved says why: not the settings' fault */
} SettingsLoad;

void load_error(SettingsLoad *load, const char *format, ...) PRINTF(2, 3);
void load_warning(SettingsLoad *load, const char *format, ...) PRINTF(2, 3);

/* settings_env.c: those names of the environment or of a .env file that are ours or
 * OpenTelemetry's. `required`: a missing file is an error. */
void variables_from_environment(SettingsLoad *load, Variables *out);
void variables_from_file(SettingsLoad *load, const char *path, bool required, Variables *out);
const Variable *variable_find(const Variables *variables, const char *name); /* not when empty */
void variables_judge(SettingsLoad *load, const Variables *variables);        /* unknown names */

/* settings_otel.c: what is not one variable for one setting. */
void apply_otel(SettingsLoad *load, const Variables *variables);
void settle_otlp(SettingsLoad *load); /* endpoint and protocol, once all layers are in */

/* settings_load.c */
void apply_text(SettingsLoad *load, SettingId id, Str text, Origin origin);

#endif
