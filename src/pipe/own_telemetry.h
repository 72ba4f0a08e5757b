/* own_telemetry.h - service.telemetry: how the program tells of itself.
 *
 * `logs`: level, encoding and sampling of its log lines. `metrics`: where its own are served. Of
 * what the public Collector accepts there: `level` (none: nowhere), `readers` with one pull
 * exporter for Prometheus, and the older `address`. Readers that push are refused for now.
 */
#ifndef PIPE_OWN_TELEMETRY_H
#define PIPE_OWN_TELEMETRY_H

#include "base/log.h"
#include "config/field.h"

#define OWN_METRICS_DEFAULT "127.0.0.1:8888"

typedef struct PrometheusReader {
    bool present, without_scope_info, without_units, without_type_suffix;
    Str host;
    uint64_t port;
} PrometheusReader;

typedef struct PullExporter {
    PrometheusReader prometheus;
} PullExporter;

typedef struct PullReader {
    bool present;
    PullExporter exporter;
} PullReader;

typedef struct MetricReader {
    PullReader pull;
} MetricReader;

typedef struct MetricReaders {
    MetricReader *items;
    size_t count;
} MetricReaders;

typedef struct MetricsTelemetry {
    int level;
    Str address;
    MetricReaders readers;
} MetricsTelemetry;

typedef struct SamplingTelemetry {
    bool enabled;
    int64_t tick;
    uint64_t initial, thereafter;
} SamplingTelemetry;

typedef struct LogsTelemetry {
    int level, encoding;
    SamplingTelemetry sampling;
} LogsTelemetry;

typedef struct LogRules { /* how the program writes its own log lines */
    LogLevel level;
    bool json; /* a JSON object per line, else text */
    LogSampling sampling;
} LogRules;

extern const ConfigField logs_telemetry_fields[];
extern const ConfigField metrics_telemetry_fields[];

LogRules logs_telemetry_rules(const LogsTelemetry *logs);

/* host:port to listen on, in the arena; empty: nowhere. `node` is the section in the tree (NULL:
 * it is not there). False: the rules across keys say no. */
CHECKED bool metrics_telemetry_endpoint(const MetricsTelemetry *metrics, const Node *node,
                                        Arena *arena, Str *out, Err *err);

#endif
