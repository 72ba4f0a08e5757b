/* settings_row.h - the table of settings: one row says everything about one of them.
 *
 * A row has the setting's name in the environment, OpenTelemetry's own names for it, its type and
 * bounds, its default as a user would write it, and the member of CryoSettings that it fills. What
 * a user wrote, wherever it came from, goes through setting_parse() as text.
 */
#ifndef SDK_SETTINGS_ROW_H
#define SDK_SETTINGS_ROW_H

#include "base/arena.h"
#include "base/buf.h"

#include <cryostorm/settings.h>

typedef enum SettingType {
    SETTING_TEXT,
    SETTING_NAME,      /* text that must not be empty */
    SETTING_CHOICE,    /* one of row->choices, any case */
    SETTING_LIST,      /* "a,b" or JSON; kept as "a,b" */
    SETTING_CHOICES,   /* a list of row->choices, without repetition */
    SETTING_EXPORTERS, /* a list of names of exporters, built-in or registered */
    SETTING_SAMPLER,
    SETTING_SWITCH,
    SETTING_PORT,
    SETTING_COUNT, /* an integer between min and max */
    SETTING_RATIO, /* 0 to 1 */
    SETTING_MAP,
} SettingType;

typedef struct SettingRow {
    const char *key;     /* TRACING__COLLECTOR__HOST */
    const char *otel[2]; /* OpenTelemetry's names, the one for this signal first; NULL: none */
    SettingType type;
    size_t offset;      /* in CryoSettings */
    const char *preset; /* "": empty */
    int64_t min, max;
    const char *const *choices;
    const char *const *later; /* values whose part comes in a later version */
    bool secret;
} SettingRow;

/* What each signal has alike. */
#define SETTINGS_OF_SIGNAL(ID)                                                                     \
    SET_##ID##_EXPORTER, SET_##ID##_HOST, SET_##ID##_PORT, SET_##ID##_SCHEME, SET_##ID##_ENDPOINT, \
        SET_##ID##_PROTOCOL, SET_##ID##_HEADERS, SET_##ID##_COMPRESSION, SET_##ID##_OTLP_TIMEOUT,  \
        SET_##ID##_CERTIFICATE, SET_##ID##_CLIENT_CERTIFICATE, SET_##ID##_CLIENT_KEY

/* The rows, in the order in which they are printed. */
typedef enum SettingId {
    SET_SERVICE_NAME,
    SET_SERVICE_VERSION,
    SET_SERVICE_ENVIRONMENT,
    SET_SERVICE_ATTRIBUTES,
    SET_SCHEMA_URL,
    SET_EXCLUDED_PATHS,
    SET_ENABLE_TELEMETRY,
    SET_ENABLE_METRICS,
    SET_ENABLE_WORKER_THREAD,
    SET_PROPAGATION_ENABLED,
    SET_PROPAGATORS,
    SET_TRACING_ENABLED,
    SETTINGS_OF_SIGNAL(TRACES),
    SET_PROCESSOR,
    SET_SAMPLER,
    SET_SAMPLE_RATE,
    SET_BATCH_SIZE,
    SET_DELAY,
    SET_TIMEOUT,
    SET_QUEUE_SIZE,
    SET_ATTRIBUTE_LIMIT,
    SET_EVENT_LIMIT,
    SET_LINK_LIMIT,
    SET_EVENT_ATTRIBUTE_LIMIT,
    SET_LINK_ATTRIBUTE_LIMIT,
    SET_VALUE_LENGTH_LIMIT,
    SET_TRACES_EXPORTER_ARGS,
    SET_TRACES_PROCESSOR_ARGS,
    SET_METRICS_ENABLED,
    SETTINGS_OF_SIGNAL(METRICS),
    SET_TEMPORALITY,
    SET_METRICS_INTERVAL,
    SET_METRICS_TIMEOUT,
    SET_METRICS_EXPORTER_ARGS,
    SET_LOGS_ENABLED,
    SET_LOGS_PROCESSOR,
    SETTINGS_OF_SIGNAL(LOGS),
    SET_LOGS_LEVEL,
    SET_LOGS_BATCH_SIZE,
    SET_LOGS_DELAY,
    SET_LOGS_TIMEOUT,
    SET_LOGS_OWN_DELAY,
    SET_LOGS_OWN_BATCH_SIZE,
    SET_LOGS_OWN_TIMEOUT,
    SET_LOGS_QUEUE_SIZE,
    SET_LOGS_ATTRIBUTE_LIMIT,
    SET_LOGS_VALUE_LENGTH_LIMIT,
    SET_LOGS_EXPORTER_ARGS,
    SET_LOGS_PROCESSOR_ARGS,
    SET_LOG_LEVEL,
    SETTING_COUNT_ALL
} SettingId;

extern const SettingRow setting_rows[SETTING_COUNT_ALL];

/* Parses the text into the row's member; texts are copied into the arena. False: err says what is
 * allowed, without the name. */
CHECKED bool setting_parse(const SettingRow *row, Str text, CryoSettings *into, Arena *arena,
                           Err *err);

/* Is the member set, in a struct filled by hand? Then its text as a user would have written it goes
 * to out (maps have none: they are taken over by setting_copy_map). */
bool setting_in_code(const SettingRow *row, const CryoSettings *code, Buf *out);
CHECKED bool setting_copy_map(CryoAttrs from, CryoAttrs *to, Arena *arena, Err *err);

/* How many are left when of equal keys only the last one's value is kept, in the first one's place.
 */
size_t setting_unique(CryoAttr *pairs, size_t count);

static inline void *setting_member(const SettingRow *row, CryoSettings *settings)
{
    return (char *)settings + row->offset;
}
static inline const void *setting_value(const SettingRow *row, const CryoSettings *settings)
{
    return (const char *)settings + row->offset;
}

/* A JSON object as attributes; a JSON array of texts as "a,b". */
CHECKED bool json_to_map(Str text, CryoAttrs *out, Arena *arena, Err *err);
CHECKED bool json_to_list(Str text, Buf *out, Err *err);

#endif
