/* own_telemetry.c - see own_telemetry.h. */
#include "pipe/own_telemetry.h"

#include <inttypes.h>
#include <stdio.h>

enum { LEVEL_NONE, HOST_MAX = 256 };

static const char *const level_names[] = { "none", "basic", "normal", "detailed", NULL };

/* The names that these leave as they are, which is how they are shown here. */
static bool check_without(Str text, Err *err)
{
    return !str_eq_nocase(text, STR("false")) ||
           fail(err, ERR_UNSUPPORTED, "names with scopes, units and suffixes come later");
}

static bool check_host(Str text, Err *err)
{
    if (!text.len || text.len > HOST_MAX)
        return fail(err, ERR_INPUT, "must be a name or an address");
    return true;
}

static const ConfigField prometheus_fields[] = {
    TEXT(PrometheusReader, host, "localhost", "Where to listen.", .check = check_host),
    COUNT(PrometheusReader, port, "8888", "0", "65535", "On which port; 0 takes a free one."),
    BOOL(PrometheusReader, without_scope_info, "true", "No labels that name scopes.",
         .check = check_without),
    BOOL(PrometheusReader, without_units, "true", "Names do not end in their unit.",
         .check = check_without),
    BOOL(PrometheusReader, without_type_suffix, "true", "Names of counters do not end in _total.",
         .check = check_without),
    LATER("with_resource_constant_labels", "labels of the resource on own metrics"),
    { 0 },
};

static const ConfigField pull_exporter_fields[] = {
    OPTIONAL_SECTION(PullExporter, prometheus, PrometheusReader, prometheus_fields,
                     "Prometheus' text at /metrics."),
    { 0 },
};

static const ConfigField pull_fields[] = {
    SECTION(PullReader, exporter, PullExporter, pull_exporter_fields, "In which form."),
    { 0 },
};

static const ConfigField reader_fields[] = {
    OPTIONAL_SECTION(MetricReader, pull, PullReader, pull_fields, "Served to who asks."),
    LATER("periodic", "sending own metrics"),
    { 0 },
};

const ConfigField metrics_telemetry_fields[] = {
    CHOICE(MetricsTelemetry, level, "normal", level_names,
           "none serves nothing; the others all the same."),
    TEXT(MetricsTelemetry, address, "", "host:port to listen on; readers replaced it."),
    SECTION_LIST(MetricsTelemetry, readers, MetricReader, reader_fields,
                 "Who reads them; without any " OWN_METRICS_DEFAULT " serves them."),
    LATER("views", "views over own metrics"),
    { 0 },
};

static bool reader_endpoint(const MetricReader *reader, Arena *arena, Str *out, Err *err)
{
    const PrometheusReader *prometheus = &reader->pull.exporter.prometheus;
    char text[HOST_MAX + 16];
    if (!reader->pull.present || !prometheus->present)
        return fail(err, ERR_INPUT, "a reader must have pull: {exporter: {prometheus: ...}}");
    bool is_v6 =
        str_contains(prometheus->host, STR(":")) && !str_starts(prometheus->host, STR("["));
    snprintf(text, sizeof text, is_v6 ? "[%.*s]:%" PRIu64 : "%.*s:%" PRIu64,
             STR_ARG(prometheus->host), prometheus->port);
    return arena_copy(arena, str_from(text), out, err);
}

bool metrics_telemetry_endpoint(const MetricsTelemetry *metrics, const Node *node, Arena *arena,
                                Str *out, Err *err)
{
    *out = (Str){ 0 };
    if (metrics->level == LEVEL_NONE)
        return true;
    if (metrics->address.len && metrics->readers.count)
        return fail(err, ERR_INPUT, "address and readers exclude each other");
    if (metrics->address.len) {
        *out = metrics->address;
        return config_check_endpoint(metrics->address, err) || blame(err, "address");
    }
    if (metrics->readers.count > 1)
        return fail(err, ERR_UNSUPPORTED, "several readers: not supported yet; they come later");
    if (metrics->readers.count)
        return reader_endpoint(&metrics->readers.items[0], arena, out, err);
    *out = STR(OWN_METRICS_DEFAULT);
    return !node_get(node, STR("readers")) ||
           fail(err, ERR_INPUT,
                "collector telemetry metrics reader should exist when metric level is not none");
}

/* --- log lines ------------------------------------------------------------------------------- */

static const char *const log_level_names[] = { "debug",  "info",  "warn",  "error",
                                               "dpanic", "panic", "fatal", NULL };
static const char *const encoding_names[] = { "console", "json", NULL };

static const ConfigField sampling_fields[] = {
    BOOL(SamplingTelemetry, enabled, "true", "false: every line is written."),
    DURATION(SamplingTelemetry, tick, "10s", "1s", "1h", "Lines are counted anew after this."),
    COUNT(SamplingTelemetry, initial, "10", "1", "1000000",
          "So many lines of one cause are written first."),
    COUNT(SamplingTelemetry, thereafter, "100", "0", "1000000",
          "Then every so many-th; 0: none. What is left out is counted."),
    { 0 },
};

const ConfigField logs_telemetry_fields[] = {
    CHOICE(LogsTelemetry, level, "info", log_level_names,
           "Says nothing that matters less than this."),
    CHOICE(LogsTelemetry, encoding, "console", encoding_names, "How a line is written."),
    SECTION(LogsTelemetry, sampling, SamplingTelemetry, sampling_fields,
            "How often the same thing is said."),
    IGNORED("development", "there is one way of logging"),
    IGNORED("disable_caller", "log lines name the component"),
    IGNORED("disable_stacktrace", "there are no stack traces"),
    IGNORED("output_paths", "log lines go to stderr"),
    IGNORED("error_output_paths", "log lines go to stderr"),
    IGNORED("initial_fields", "log lines have the same fields always"),
    IGNORED("processors", "sending own logs by OTLP comes later"),
    IGNORED("disable_zap_resource", "log lines carry no resource"),
    { 0 },
};

LogRules logs_telemetry_rules(const LogsTelemetry *logs)
{
    static const LogLevel levels[] = { LOG_DEBUG, LOG_INFO,  LOG_WARN, LOG_ERROR,
                                       LOG_ERROR, LOG_ERROR, LOG_ERROR };
    LogRules rules = { .level = levels[logs->level], .json = logs->encoding == 1 };
    if (logs->sampling.enabled)
        rules.sampling = (LogSampling){ .interval_ns = logs->sampling.tick,
                                        .initial = (uint32_t)logs->sampling.initial,
                                        .thereafter = (uint32_t)logs->sampling.thereafter };
    return rules;
}
