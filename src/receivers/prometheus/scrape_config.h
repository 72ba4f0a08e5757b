/* scrape_config.h - the part of Prometheus' configuration that the prometheus receiver reads:
 * global and scrape_configs with static targets. Everything else that Prometheus knows is refused
 * at its line. */
#ifndef RECEIVERS_PROMETHEUS_SCRAPE_CONFIG_H
#define RECEIVERS_PROMETHEUS_SCRAPE_CONFIG_H

#include "config/field.h"
#include "receivers/prometheus/discovery.h"
#include "receivers/prometheus/http_settings.h"
#include "receivers/prometheus/relabel_config.h"

typedef struct StaticConfig {
    TextList targets;
    TextMap labels;
} StaticConfig;

typedef struct StaticConfigList {
    StaticConfig *items;
    size_t count;
} StaticConfigList;

typedef struct ScrapeLimits { /* of a job, or the global ones; 0: none */
    uint64_t sample_limit, body_size_limit, target_limit;
    uint64_t label_limit, label_name_length_limit, label_value_length_limit;
} ScrapeLimits;

typedef enum ScrapeProtocol { /* in the order in which they are offered unless told otherwise */
                              SCRAPE_PROTO,
                              SCRAPE_OPENMETRICS_1,
                              SCRAPE_OPENMETRICS_0,
                              SCRAPE_TEXT_1,
                              SCRAPE_TEXT_0,
} ScrapeProtocol;

typedef struct ScrapeFormats { /* of a job, or the global ones; empty or unsaid: those */
    ChoiceList protocols;      /* ScrapeProtocol */
    int native, also_classic;  /* Said */
    int extra_facts;
} ScrapeFormats;

typedef enum Said { UNSAID, SAID_NO, SAID_YES } Said;

typedef struct ScrapeConfig {
    Str job_name, metrics_path, scheme;
    int64_t scrape_interval, scrape_timeout; /* 0: the global ones */
    ScrapeLimits limits;
    ScrapeFormats formats;
    int fallback;                   /* ScrapeProtocol + 1; 0: none */
    bool scrape_classic_histograms; /* the older name of also_classic */
    bool honor_labels, honor_timestamps, track_timestamps_staleness, enable_compression;
    const Node *params; /* name: [values]; NULL: none */
    HttpSettings http;
    RelabelConfigList relabel_configs, metric_relabel_configs;
    StaticConfigList static_configs;
    FileDiscoveryList file_sd_configs;
    HttpDiscoveryList http_sd_configs;
    DnsDiscoveryList dns_sd_configs;
} ScrapeConfig;

typedef struct ScrapeConfigList {
    ScrapeConfig *items;
    size_t count;
} ScrapeConfigList;

typedef struct GlobalConfig {
    int64_t scrape_interval, scrape_timeout;
    ScrapeLimits limits;
    ScrapeFormats formats;
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

/* The job's, and the global one where that is 0. */
ScrapeLimits scrape_limits_of(const PrometheusConfig *config, const ScrapeConfig *job);

bool scrape_wants_native(const PrometheusConfig *config, const ScrapeConfig *job);
bool scrape_wants_classic(const PrometheusConfig *config, const ScrapeConfig *job);
bool scrape_wants_extra(const PrometheusConfig *config, const ScrapeConfig *job);
/* The header Accept. */
void scrape_accept(const PrometheusConfig *config, const ScrapeConfig *job, Buf *out);
Str scrape_fallback(const ScrapeConfig *job); /* a content type; empty: none */

/* host:port, and nothing behind it. */
CHECKED bool scrape_check_target(Str target, Err *err);

#endif
