/* settings.h - what telemetry can be told: in code, in the environment, in a .env file.
 *
 * Every setting has a member here and a name for the environment: its path in capitals, groups
 * joined by two underscores, e.g. tracing.collector.host is TRACING__COLLECTOR__HOST; most also
 * have OpenTelemetry's own variable (OTEL_...). Lists are "a,b" or a JSON array, maps a JSON
 * object. What counts, highest first:
 *
 *     code  >  OTEL_* in the environment  >  GROUP__KEY in the environment  >  .env file  > default
 *
 * In code, leave a member zero (NULL, CRYO_UNSET) to let the lower layers decide; a number that
 * shall be zero is written CRYO_ZERO. An empty variable counts as unset.
 *
 * Ours is strict, shared ground is tolerant: an unknown key or a bad value in code or in .env, and
 * a bad value of a GROUP__KEY, are errors, all reported at once with name, value and what is
 * allowed. An unknown GROUP__KEY or OTEL_* name in the environment, and a bad OTEL_* value, is a
 * warning that names the nearest known one, and the next layer counts; only OTLP's endpoint and
 * headers must be right, since spans that went elsewhere would be worse. Switches are true or
 * false; an OTEL_* switch that is neither counts as false.
 *
 * What comes in a later version (https, the exporter prometheus, propagators other than W3C's,
 * OTEL_CONFIG_FILE) is refused by the same rules, with a message that says so.
 */
#ifndef CRYOSTORM_SETTINGS_H
#define CRYOSTORM_SETTINGS_H

#include <cryostorm/attributes.h>
#include <cryostorm/value.h>

CRYO_BEGIN

struct CryoError; /* telemetry.h */

typedef enum CryoSwitch { CRYO_UNSET, CRYO_OFF, CRYO_ON } CryoSwitch;

enum { CRYO_ZERO = -1 };

typedef struct CryoServiceSettings {
    const char *name;                /* unknown-service              OTEL_SERVICE_NAME */
    const char *version;             /* 0.1.0 */
    const char *environment;         /* development; staging, production */
    CryoAttrs additional_attributes; /* of the resource      OTEL_RESOURCE_ATTRIBUTES */
} CryoServiceSettings;

typedef struct CryoPropagationSettings {
    CryoSwitch enabled;           /* on */
    const char *propagator_types; /* tracecontext,baggage    OTEL_PROPAGATORS */
} CryoPropagationSettings;

/* Where the collector is. Port 4317 speaks gRPC, 4318 HTTP with protobuf, others gRPC. */
typedef struct CryoCollectorSettings {
    const char *host;     /* localhost */
    int32_t port;         /* 4317; 1 to 65535 */
    const char *protocol; /* http; https is refused until TLS comes */
} CryoCollectorSettings;

/* OTLP beyond host and port; each OTEL_EXPORTER_OTLP_name for all signals, and
 * OTEL_EXPORTER_OTLP_{TRACES,METRICS,LOGS}_name for one. An endpoint or a protocol selects the
 * exporter otlp for the signals it is for, unless their exporter is chosen. */
typedef struct CryoOtlpSettings {
    const char *endpoint;    /* URL for this signal, used as it is; instead of collector */
    const char *protocol;    /* grpc, http/protobuf, http/json */
    const char *headers;     /* "key=value,key=value", values percent-encoded; secret */
    const char *compression; /* none, gzip */
    int64_t timeout_millis;  /* 10000: one export with all its retries */
    /* Files, PEM, for https:// endpoints. Without certificate the system's authorities count. */
    const char *certificate;                     /* of the authority that signed the server's */
    const char *client_certificate, *client_key; /* of ours, where the server demands one */
} CryoOtlpSettings;

typedef struct CryoExportSettings {
    int64_t batch_size;            /* 512                    OTEL_BSP_MAX_EXPORT_BATCH_SIZE */
    int64_t schedule_delay_millis; /* 5000                   OTEL_BSP_SCHEDULE_DELAY */
    int64_t timeout_millis;        /* 30000                  OTEL_BSP_EXPORT_TIMEOUT */
} CryoExportSettings;

/* Counts may be CRYO_ZERO. */
typedef struct CryoLimitSettings {
    int64_t attributes;           /* 128                    OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT */
    int64_t events;               /* 128                    OTEL_SPAN_EVENT_COUNT_LIMIT */
    int64_t links;                /* 128                    OTEL_SPAN_LINK_COUNT_LIMIT */
    int64_t attributes_per_event; /* 128                    OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT */
    int64_t attributes_per_link;  /* 128                    OTEL_LINK_ATTRIBUTE_COUNT_LIMIT */
    int64_t value_length; /* code points; no limit   OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT */
} CryoLimitSettings;

typedef struct CryoTracingSettings {
    CryoSwitch enabled;              /* on                         OTEL_TRACES_EXPORTER=none */
    const char *exporter_type;       /* console; otlp, in_memory, none, or a registered name; a list
                                        "a,b" exports to each      OTEL_TRACES_EXPORTER */
    CryoCollectorSettings collector; /*                      OTEL_EXPORTER_OTLP_ENDPOINT */
    CryoOtlpSettings otlp;
    const char *processor_type;    /* batch; simple: the worker sends each span at once */
    const char *sampling_strategy; /* parent_based_always_on; always_on, always_off,
                                      parent_based_always_off, trace_id_ratio,
                                      parent_based_trace_id_ratio, or a registered name
                                      OTEL_TRACES_SAMPLER */
    double sample_rate;            /* 1.0; 0 to 1            OTEL_TRACES_SAMPLER_ARG */
    CryoExportSettings export_config;
    int64_t max_queue_size; /* 2048; at least batch_size     OTEL_BSP_MAX_QUEUE_SIZE */
    CryoLimitSettings limits;
    CryoAttrs additional_exporter_args;  /* of the chosen exporter */
    CryoAttrs additional_processor_args; /* of the chosen processor */
} CryoTracingSettings;

typedef struct CryoMetricsSettings {
    CryoSwitch enabled;              /* on                         OTEL_METRICS_EXPORTER=none */
    const char *exporter_type;       /* as with tracing            OTEL_METRICS_EXPORTER */
    CryoCollectorSettings collector; /*                      OTEL_EXPORTER_OTLP_ENDPOINT */
    CryoOtlpSettings otlp;
    const char *temporality; /* METRICS__OTLP__TEMPORALITY_PREFERENCE: cumulative; delta, lowmemory
                              * OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE */
    int64_t export_interval_millis;     /* 60000             OTEL_METRIC_EXPORT_INTERVAL */
    int64_t export_timeout_millis;      /* 30000             OTEL_METRIC_EXPORT_TIMEOUT */
    CryoAttrs additional_exporter_args; /* of the chosen exporter */
} CryoMetricsSettings;

/* Counts may be CRYO_ZERO. */
typedef struct CryoLogLimitSettings {
    int64_t attributes;   /* 128                          OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT */
    int64_t value_length; /* code points; no limit  OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT */
} CryoLogLimitSettings;

/* In the environment LOGGING__...; log records also appear on the console where service.environment
 * is development and another exporter is chosen. */
typedef struct CryoLoggingSettings {
    CryoSwitch enabled;              /* on                         OTEL_LOGS_EXPORTER=none */
    const char *processor_type;      /* simple; batch */
    const char *exporter_type;       /* as with tracing            OTEL_LOGS_EXPORTER */
    CryoCollectorSettings collector; /*                      OTEL_EXPORTER_OTLP_ENDPOINT */
    CryoOtlpSettings otlp;
    const char *level; /* INFO; DEBUG, WARNING, ERROR, CRITICAL: nothing below it is recorded */
    CryoExportSettings export_config; /* without OTEL_BSP_*; the next three come before it */
    int64_t schedule_delay_millis;    /* 5000                 OTEL_BLRP_SCHEDULE_DELAY */
    int64_t max_export_batch_size;    /* 512                  OTEL_BLRP_MAX_EXPORT_BATCH_SIZE */
    int64_t export_timeout_millis;    /* 30000                OTEL_BLRP_EXPORT_TIMEOUT */
    int64_t max_queue_size;           /* 512; at least the batch size   OTEL_BLRP_MAX_QUEUE_SIZE */
    CryoLogLimitSettings limits;
    CryoAttrs additional_exporter_args;  /* of the chosen exporter */
    CryoAttrs additional_processor_args; /* of the chosen processor */
} CryoLoggingSettings;

typedef struct CryoSettings {
    CryoServiceSettings service;
    const char *schema_url;          /* of the resource; empty */
    const char *excluded_paths;      /* /health,/metrics,/favicon.ico: HTTP helpers make no spans */
    CryoSwitch enable_telemetry;     /* on; off switches everything off   OTEL_SDK_DISABLED */
    CryoSwitch enable_metrics;       /* on */
    CryoSwitch enable_worker_thread; /* on; off: the program calls cryo_tick(), see tick.h */
    CryoPropagationSettings propagation;
    CryoTracingSettings tracing;
    CryoMetricsSettings metrics;
    CryoLoggingSettings logging;
    const char *log_level; /* info; debug, warn, error, none: our own messages  OTEL_LOG_LEVEL */
    const char *env_file;  /* .env in the working directory; "" reads none */
    const void *loaded;    /* the library's */
} CryoSettings;

/* All layers together: every member filled in, lists as "a,b". NULL: err lists everything that is
 * wrong. `code` may be NULL. The result is immutable, of any thread, and yours to free. */
CRYO_API CRYO_CHECKED CryoSettings *cryo_settings_load(const CryoSettings *code,
                                                       struct CryoError *err);
CRYO_API void cryo_settings_free(CryoSettings *settings); /* only what load() gave; NULL is fine */

/* JSON, indented by 2, secrets hidden, with an object "origin" that says for each setting that is
 * not a default where it came from: code, the variable, or the file. Works like snprintf: at most
 * `capacity` bytes with the zero byte are written; gives the full length. 0: not a loaded one. */
CRYO_API size_t cryo_settings_json(const CryoSettings *loaded, char *out, size_t capacity);

CRYO_END

#endif
