/* settings_table.c - every setting, one row each; see settings_row.h.
 *
 * Rows of one group stand together, since the settings are printed in this order. What each signal
 * has alike comes from one macro, with the ids in the order of SETTINGS_OF_SIGNAL.
 */
#include "sdk/settings_row.h"

#include <stddef.h>

#define ANY INT32_MAX

static const char *const environments[] = { "development", "staging", "production", NULL };
static const char *const schemes[] = { "http", "https", NULL };
static const char *const protocols[] = { "grpc", "http/protobuf", "http/json", NULL };
static const char *const compressions[] = { "none", "gzip", NULL };
static const char *const processors[] = { "batch", "simple", NULL };
static const char *const levels[] = { "debug", "info", "warn", "error", "none", NULL };
static const char *const severities[] = { "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", NULL };
static const char *const temporalities[] = { "cumulative", "delta", "lowmemory", NULL };
static const char *const propagators[] = { "tracecontext", "baggage", "none", NULL };
static const char *const later_propagators[] = { "b3",      "b3multi",   "jaeger", "xray",
                                                 "ottrace", "composite", NULL };
static const char *const later_tracing_exporters[] = { "zipkin", "jaeger", "otlp_file", NULL };
static const char *const later_metrics_exporters[] = { "prometheus", "otlp_file", NULL };
static const char *const later_logging_exporters[] = { "otlp_file", NULL };

#define ROW(name, kind, member, text) \
    .key = name, .type = kind, .offset = offsetof(CryoSettings, member), .preset = text
#define OTEL(...)              .otel = { __VA_ARGS__ }
#define RANGE(low, high)       .min = low, .max = high
#define ONE_OF(names)          .choices = names
#define LATER(names)           .later = names

#define OTLP_NAMES(NAME, what) OTEL("OTEL_EXPORTER_OTLP_" NAME "_" what, "OTEL_EXPORTER_OTLP_" what)
/* ID: TRACES, GROUP: "TRACING", NAME: "TRACES" in OpenTelemetry's variables, member: tracing. */
#define ROWS_OF_SIGNAL(ID, GROUP, NAME, member)                                                    \
    [SET_##ID##                                                                                    \
        _EXPORTER] = { ROW(GROUP "__EXPORTER_TYPE", SETTING_EXPORTERS, member.exporter_type,       \
                           "console"),                                                             \
                       OTEL("OTEL_" NAME "_EXPORTER"), LATER(later_##member##_exporters) },        \
  [SET_##ID##_HOST] = { ROW(GROUP "__COLLECTOR__HOST", SETTING_NAME, member.collector.host,        \
                            "localhost") },                                                        \
  [SET_##ID##                                                                                      \
      _PORT] = { ROW(GROUP "__COLLECTOR__PORT", SETTING_PORT, member.collector.port, "4317"),      \
                 RANGE(1, 65535) },                                                                \
  [SET_##ID##_SCHEME] = { ROW(GROUP "__COLLECTOR__PROTOCOL", SETTING_CHOICE,                       \
                              member.collector.protocol, "http"),                                  \
                          ONE_OF(schemes) },                                                       \
  [SET_##ID##_ENDPOINT] = { ROW(GROUP "__OTLP__ENDPOINT", SETTING_TEXT, member.otlp.endpoint, ""), \
                            OTLP_NAMES(NAME, "ENDPOINT") },                                        \
  [SET_##ID##                                                                                      \
      _PROTOCOL] = { ROW(GROUP "__OTLP__PROTOCOL", SETTING_CHOICE, member.otlp.protocol, "grpc"),  \
                     OTLP_NAMES(NAME, "PROTOCOL"), ONE_OF(protocols) },                            \
  [SET_##ID##_HEADERS] = { ROW(GROUP "__OTLP__HEADERS", SETTING_TEXT, member.otlp.headers, ""),    \
                           OTLP_NAMES(NAME, "HEADERS"), .secret = true },                          \
  [SET_##ID##_COMPRESSION] = { ROW(GROUP "__OTLP__COMPRESSION", SETTING_CHOICE,                    \
                                   member.otlp.compression, "none"),                               \
                               OTLP_NAMES(NAME, "COMPRESSION"), ONE_OF(compressions) },            \
  [SET_##ID##_OTLP_TIMEOUT] = { ROW(GROUP "__OTLP__TIMEOUT_MILLIS", SETTING_COUNT,                 \
                                    member.otlp.timeout_millis, "10000"),                          \
                                OTLP_NAMES(NAME, "TIMEOUT"), RANGE(1, ANY) },                      \
  [SET_##ID##_CERTIFICATE] = { ROW(GROUP "__OTLP__CERTIFICATE", SETTING_TEXT,                      \
                                   member.otlp.certificate, ""),                                   \
                               OTLP_NAMES(NAME, "CERTIFICATE") },                                  \
  [SET_##ID##_CLIENT_CERTIFICATE] = { ROW(GROUP "__OTLP__CLIENT_CERTIFICATE", SETTING_TEXT,        \
                                          member.otlp.client_certificate, ""),                     \
                                      OTLP_NAMES(NAME, "CLIENT_CERTIFICATE") },                    \
  [SET_##ID##                                                                                      \
      _CLIENT_KEY] = { ROW(GROUP "__OTLP__CLIENT_KEY", SETTING_TEXT, member.otlp.client_key, ""),  \
                       OTLP_NAMES(NAME, "CLIENT_KEY") }

/* clang-format off */
const SettingRow setting_rows[SETTING_COUNT_ALL] = {
    [SET_SERVICE_NAME] = { ROW("SERVICE__NAME", SETTING_NAME, service.name, "unknown-service"),
        OTEL("OTEL_SERVICE_NAME") },
    [SET_SERVICE_VERSION] = { ROW("SERVICE__VERSION", SETTING_NAME, service.version, "0.1.0") },
    [SET_SERVICE_ENVIRONMENT] = {
        ROW("SERVICE__ENVIRONMENT", SETTING_CHOICE,
            service.environment, "development"),
        ONE_OF(environments) },
    [SET_SERVICE_ATTRIBUTES] = {
        ROW("SERVICE__ADDITIONAL_ATTRIBUTES", SETTING_MAP,
            service.additional_attributes, "{}") },
    [SET_SCHEMA_URL] = { ROW("SCHEMA_URL", SETTING_TEXT, schema_url, "") },
    [SET_EXCLUDED_PATHS] = {
        ROW("EXCLUDED_PATHS", SETTING_LIST,
            excluded_paths, "/health,/metrics,/favicon.ico") },
    [SET_ENABLE_TELEMETRY] = { ROW("ENABLE_TELEMETRY", SETTING_SWITCH, enable_telemetry, "true") },
    [SET_ENABLE_METRICS] = { ROW("ENABLE_METRICS", SETTING_SWITCH, enable_metrics, "true") },
    [SET_ENABLE_WORKER_THREAD] = {
        ROW("ENABLE_WORKER_THREAD", SETTING_SWITCH,
            enable_worker_thread, "true") },
    [SET_PROPAGATION_ENABLED] = {
        ROW("PROPAGATION__ENABLED", SETTING_SWITCH,
            propagation.enabled, "true") },
    [SET_PROPAGATORS] = {
        ROW("PROPAGATION__PROPAGATOR_TYPES", SETTING_CHOICES,
            propagation.propagator_types, "tracecontext,baggage"),
        OTEL("OTEL_PROPAGATORS"),
        ONE_OF(propagators), LATER(later_propagators) },
    [SET_TRACING_ENABLED] = { ROW("TRACING__ENABLED", SETTING_SWITCH, tracing.enabled, "true") },
    ROWS_OF_SIGNAL(TRACES, "TRACING", "TRACES", tracing),
    [SET_PROCESSOR] = {
        ROW("TRACING__PROCESSOR_TYPE", SETTING_CHOICE,
            tracing.processor_type, "batch"),
        ONE_OF(processors) },
    [SET_SAMPLER] = {
        ROW("TRACING__SAMPLING_STRATEGY", SETTING_SAMPLER,
            tracing.sampling_strategy, "parent_based_always_on"),
        OTEL("OTEL_TRACES_SAMPLER") },
    [SET_SAMPLE_RATE] = { ROW("TRACING__SAMPLE_RATE", SETTING_RATIO, tracing.sample_rate, "1.0"),
        OTEL("OTEL_TRACES_SAMPLER_ARG") },
    [SET_BATCH_SIZE] = {
        ROW("TRACING__EXPORT_CONFIG__BATCH_SIZE", SETTING_COUNT,
            tracing.export_config.batch_size, "512"),
        OTEL("OTEL_BSP_MAX_EXPORT_BATCH_SIZE"),
        RANGE(1, 1 << 20) },
    [SET_DELAY] = {
        ROW("TRACING__EXPORT_CONFIG__SCHEDULE_DELAY_MILLIS", SETTING_COUNT,
            tracing.export_config.schedule_delay_millis, "5000"),
        OTEL("OTEL_BSP_SCHEDULE_DELAY"),
        RANGE(1, ANY) },
    [SET_TIMEOUT] = {
        ROW("TRACING__EXPORT_CONFIG__TIMEOUT_MILLIS", SETTING_COUNT,
            tracing.export_config.timeout_millis, "30000"),
        OTEL("OTEL_BSP_EXPORT_TIMEOUT"),
        RANGE(1, ANY) },
    [SET_QUEUE_SIZE] = {
        ROW("TRACING__MAX_QUEUE_SIZE", SETTING_COUNT,
            tracing.max_queue_size, "2048"),
        OTEL("OTEL_BSP_MAX_QUEUE_SIZE"),
        RANGE(1, 1 << 24) },
    [SET_ATTRIBUTE_LIMIT] = {
        ROW("TRACING__LIMITS__ATTRIBUTES", SETTING_COUNT,
            tracing.limits.attributes, "128"),
        OTEL("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT"),
        RANGE(0, ANY) },
    [SET_EVENT_LIMIT] = {
        ROW("TRACING__LIMITS__EVENTS", SETTING_COUNT,
            tracing.limits.events, "128"),
        OTEL("OTEL_SPAN_EVENT_COUNT_LIMIT"),
        RANGE(0, ANY) },
    [SET_LINK_LIMIT] = { ROW("TRACING__LIMITS__LINKS", SETTING_COUNT, tracing.limits.links, "128"),
        OTEL("OTEL_SPAN_LINK_COUNT_LIMIT"), RANGE(0, ANY) },
    [SET_EVENT_ATTRIBUTE_LIMIT] = {
        ROW("TRACING__LIMITS__ATTRIBUTES_PER_EVENT", SETTING_COUNT,
            tracing.limits.attributes_per_event, "128"),
        OTEL("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT"),
        RANGE(0, ANY) },
    [SET_LINK_ATTRIBUTE_LIMIT] = {
        ROW("TRACING__LIMITS__ATTRIBUTES_PER_LINK", SETTING_COUNT,
            tracing.limits.attributes_per_link, "128"),
        OTEL("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT"),
        RANGE(0, ANY) },
    [SET_VALUE_LENGTH_LIMIT] = {
        ROW("TRACING__LIMITS__VALUE_LENGTH", SETTING_COUNT,
            tracing.limits.value_length, "2147483647"),
        OTEL("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"),
        RANGE(0, ANY) },
    [SET_TRACES_EXPORTER_ARGS] = {
        ROW("TRACING__ADDITIONAL_EXPORTER_ARGS", SETTING_MAP,
            tracing.additional_exporter_args, "{}") },
    [SET_TRACES_PROCESSOR_ARGS] = {
        ROW("TRACING__ADDITIONAL_PROCESSOR_ARGS", SETTING_MAP,
            tracing.additional_processor_args, "{}") },
    [SET_METRICS_ENABLED] = { ROW("METRICS__ENABLED", SETTING_SWITCH, metrics.enabled, "true") },
    ROWS_OF_SIGNAL(METRICS, "METRICS", "METRICS", metrics),
    [SET_TEMPORALITY] = {
        ROW("METRICS__OTLP__TEMPORALITY_PREFERENCE", SETTING_CHOICE,
            metrics.temporality, "cumulative"),
        OTEL("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"),
        ONE_OF(temporalities) },
    [SET_METRICS_INTERVAL] = {
        ROW("METRICS__EXPORT_INTERVAL_MILLIS", SETTING_COUNT,
            metrics.export_interval_millis, "60000"),
        OTEL("OTEL_METRIC_EXPORT_INTERVAL"),
        RANGE(1, ANY) },
    [SET_METRICS_TIMEOUT] = {
        ROW("METRICS__EXPORT_TIMEOUT_MILLIS", SETTING_COUNT,
            metrics.export_timeout_millis, "30000"),
        OTEL("OTEL_METRIC_EXPORT_TIMEOUT"),
        RANGE(1, ANY) },
    [SET_METRICS_EXPORTER_ARGS] = {
        ROW("METRICS__ADDITIONAL_EXPORTER_ARGS", SETTING_MAP,
            metrics.additional_exporter_args, "{}") },
    [SET_LOGS_ENABLED] = { ROW("LOGGING__ENABLED", SETTING_SWITCH, logging.enabled, "true") },
    [SET_LOGS_PROCESSOR] = {
        ROW("LOGGING__PROCESSOR_TYPE", SETTING_CHOICE,
            logging.processor_type, "simple"),
        ONE_OF(processors) },
    ROWS_OF_SIGNAL(LOGS, "LOGGING", "LOGS", logging),
    [SET_LOGS_LEVEL] = { ROW("LOGGING__LEVEL", SETTING_CHOICE, logging.level, "INFO"),
        ONE_OF(severities) },
    [SET_LOGS_BATCH_SIZE] = {
        ROW("LOGGING__EXPORT_CONFIG__BATCH_SIZE", SETTING_COUNT,
            logging.export_config.batch_size, "512"),
        RANGE(1, 1 << 20) },
    [SET_LOGS_DELAY] = {
        ROW("LOGGING__EXPORT_CONFIG__SCHEDULE_DELAY_MILLIS", SETTING_COUNT,
            logging.export_config.schedule_delay_millis, "5000"),
        RANGE(1, ANY) },
    [SET_LOGS_TIMEOUT] = {
        ROW("LOGGING__EXPORT_CONFIG__TIMEOUT_MILLIS", SETTING_COUNT,
            logging.export_config.timeout_millis, "30000"),
        RANGE(1, ANY) },
    [SET_LOGS_OWN_DELAY] = {
        ROW("LOGGING__SCHEDULE_DELAY_MILLIS", SETTING_COUNT,
            logging.schedule_delay_millis, "5000"),
        OTEL("OTEL_BLRP_SCHEDULE_DELAY"),
        RANGE(1, ANY) },
    [SET_LOGS_OWN_BATCH_SIZE] = {
        ROW("LOGGING__MAX_EXPORT_BATCH_SIZE", SETTING_COUNT,
            logging.max_export_batch_size, "512"),
        OTEL("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE"),
        RANGE(1, 1 << 20) },
    [SET_LOGS_OWN_TIMEOUT] = {
        ROW("LOGGING__EXPORT_TIMEOUT_MILLIS", SETTING_COUNT,
            logging.export_timeout_millis, "30000"),
        OTEL("OTEL_BLRP_EXPORT_TIMEOUT"),
        RANGE(1, ANY) },
    [SET_LOGS_QUEUE_SIZE] = {
        ROW("LOGGING__MAX_QUEUE_SIZE", SETTING_COUNT,
            logging.max_queue_size, "512"),
        OTEL("OTEL_BLRP_MAX_QUEUE_SIZE"),
        RANGE(1, 1 << 24) },
    [SET_LOGS_ATTRIBUTE_LIMIT] = {
        ROW("LOGGING__LIMITS__ATTRIBUTES", SETTING_COUNT,
            logging.limits.attributes, "128"),
        OTEL("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT"),
        RANGE(0, ANY) },
    [SET_LOGS_VALUE_LENGTH_LIMIT] = {
        ROW("LOGGING__LIMITS__VALUE_LENGTH", SETTING_COUNT,
            logging.limits.value_length, "2147483647"),
        OTEL("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"),
        RANGE(0, ANY) },
    [SET_LOGS_EXPORTER_ARGS] = {
        ROW("LOGGING__ADDITIONAL_EXPORTER_ARGS", SETTING_MAP,
            logging.additional_exporter_args, "{}") },
    [SET_LOGS_PROCESSOR_ARGS] = {
        ROW("LOGGING__ADDITIONAL_PROCESSOR_ARGS", SETTING_MAP,
            logging.additional_processor_args, "{}") },
    [SET_LOG_LEVEL] = { ROW("LOG_LEVEL", SETTING_CHOICE, log_level, "info"),
        OTEL("OTEL_LOG_LEVEL"), ONE_OF(levels) },
};
/* clang-format on */
