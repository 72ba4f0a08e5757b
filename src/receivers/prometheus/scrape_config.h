/* scrape_config.h - the part of Prometheus' configuration that the prometheus receiver reads:
 * global and scrape_configs with static targets. Everything else that Prometheus knows is refused
 * at its line. */
#ifndef RECEIVERS_PROMETHEUS_SCRAPE_CONFIG_H
#define RECEIVERS_PROMETHEUS_SCRAPE_CONFIG_H

#include "config/field.h"
#include "pipe/tls_settings.h"

typedef struct StaticConfig {
    TextList targets;
    TextMap labels;
} StaticConfig;

typedef struct StaticConfigList {
    StaticConfig *items;
    size_t count;
} StaticConfigList;

typedef struct ScrapeConfig {
    Str job_name, metrics_path, scheme;
    int64_t scrape_interval, scrape_timeout; /* 0: the global ones */
    uint64_t sample_limit, body_size_limit;
    bool honor_labels, honor_timestamps;
    const Node *params; /* name: [values]; NULL: none */
    TlsConnectSettings tls_config;
    StaticConfigList static_configs;
} ScrapeConfig;

typedef struct ScrapeConfigList {
    ScrapeConfig *items;
    size_t count;
} ScrapeConfigList;

typedef struct GlobalConfig {
    int64_t scrape_interval, scrape_timeout;
    TextMap external_labels;
} GlobalConfig;

typedef struct PrometheusConfig {
    GlobalConfig global;
    ScrapeConfigList scrape_configs;
} PrometheusConfig;

extern const ConfigField prometheus_config_fields[];

/* The rules across keys, as Prometheus has them. */
CHECKED bool prometheus_config_check(const PrometheusConfig *config, Err *err);

int64_t scrape_interval_of(const PrometheusConfig *config, const ScrapeConfig *job);
int64_t scrape_timeout_of(const PrometheusConfig *config, const ScrapeConfig *job);

/* Appends the request's target: "/metrics?module=a&module=b". */
void scrape_path(const ScrapeConfig *job, Buf *out);

#endif
