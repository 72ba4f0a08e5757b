/* scrape_config.c - see scrape_config.h. */
#include "receivers/prometheus/scrape_config.h"

#include "base/clock.h"
#include "net/url.h"
#include "prom/scrape_target.h"
#include "prom/translate.h"

static bool check_scheme(Str text, Err *err)
{
    return str_eq(text, STR("http")) || str_eq(text, STR("https")) ||
           fail(err, ERR_INPUT, "must be http or https");
}

static bool check_path(Str text, Err *err)
{
    return str_starts(text, STR("/")) || fail(err, ERR_INPUT, "must start with /");
}

static bool check_job(Str text, Err *err)
{
    return text.len > 0 || fail(err, ERR_INPUT, "must not be empty");
}

static const ConfigField static_fields[] = {
    TEXT_LIST(StaticConfig, targets, "", "Whom to ask, as host:port."),
    TEXT_MAP(StaticConfig, labels, "Labels for everything that these targets say."),
    { 0 },
};

#define DISCOVERY "this discovery of targets (static, file, http and dns are there)"
#define NATIVE    "native histograms with the bounds of classic ones"

/* clang-format off */
/* Of a job and of all: the same keys. */
#define LIMIT_ROWS(T) \
    COUNT(T, limits.sample_limit, "0", "0", NULL, \
          "A scrape with more samples fails; 0 sets no limit but memory's.", \
          .name = "sample_limit"), \
    SIZE(T, limits.body_size_limit, "0", "0", "1GiB", \
         "A scrape with more bytes, once inflated, fails; 0 takes 64MiB.", \
         .name = "body_size_limit"), \
    COUNT(T, limits.label_limit, "0", "0", NULL, \
          "A scrape with a sample of more labels fails; 0 sets no limit but memory's.", \
          .name = "label_limit"), \
    COUNT(T, limits.label_name_length_limit, "0", "0", NULL, \
          "A scrape with a longer name of a label fails; 0: no limit.", \
          .name = "label_name_length_limit"), \
    COUNT(T, limits.label_value_length_limit, "0", "0", NULL, \
          "A scrape with a longer value of a label fails; 0: no limit.", \
          .name = "label_value_length_limit"), \
    COUNT(T, limits.target_limit, "0", "0", NULL, \
          "With more targets every scrape of the job fails; 0: no limit.", \
          .name = "target_limit"), \
    IGNORED("keep_dropped_targets", "nobody asks a receiver for the targets that it dropped")
/* clang-format on */

static const char *const protocols[] = { "PrometheusProto",      "OpenMetricsText1.0.0",
                                         "OpenMetricsText0.0.1", "PrometheusText1.0.0",
                                         "PrometheusText0.0.4",  NULL };
static const char *const fallbacks[] = { "",
                                         "PrometheusProto",
                                         "OpenMetricsText1.0.0",
                                         "OpenMetricsText0.0.1",
                                         "PrometheusText1.0.0",
                                         "PrometheusText0.0.4",
                                         NULL };
static const char *const said[] = { "", "false", "true", NULL };

/* clang-format off */
#define FORMAT_ROWS(T) \
    CHOICE_LIST(T, formats.protocols, "", protocols, \
                "The formats that are asked for, the best first; none: both OpenMetrics and the " \
                "text format, and before them protobuf where native histograms are wanted.", \
                .name = "scrape_protocols"), \
    CHOICE(T, formats.native, "", said, \
           "Histograms with exponential buckets, which protobuf alone has.", \
           .name = "scrape_native_histograms"), \
    CHOICE(T, formats.extra_facts, "", said, \
           "The further metrics of each scrape that report_extra_scrape_metrics names.", \
           .name = "extra_scrape_metrics"), \
    CHOICE(T, formats.also_classic, "", said, "And the classic ones beside them.", \
           .name = "always_scrape_classic_histograms"), \
    LATER("convert_classic_histograms_to_nhcb", NATIVE)
/* clang-format on */

static const ConfigField job_fields[] = {
    TEXT(ScrapeConfig, job_name, REQUIRED, "The label job, and service.name.", .check = check_job),
    DURATION(ScrapeConfig, scrape_interval, "0s", "0s", "8760h",
             "How often to ask; 0 takes the global one."),
    DURATION(ScrapeConfig, scrape_timeout, "0s", "0s", "8760h",
             "How long an answer may take; 0 takes the global one, at most the interval."),
    TEXT(ScrapeConfig, metrics_path, "/metrics", "Where the metrics are.", .check = check_path),
    TEXT(ScrapeConfig, scheme, "http", "How to ask.", .check = check_scheme),
    ANY(ScrapeConfig, params, "Parameters of the URL: a map of lists."),
    BOOL(ScrapeConfig, honor_labels, "false",
         "Labels of the target's own win; else they become exported_...."),
    BOOL(ScrapeConfig, honor_timestamps, "true", "Take the times that samples carry."),
    LIMIT_ROWS(ScrapeConfig),
    FORMAT_ROWS(ScrapeConfig),
    BOOL(ScrapeConfig, scrape_classic_histograms, "false",
         "The older name of always_scrape_classic_histograms."),
    CHOICE(ScrapeConfig, fallback, "", fallbacks,
           "What an answer is that does not say it; without this the text format.",
           .name = "fallback_scrape_protocol"),
    HTTP_SETTINGS_ROWS(ScrapeConfig, http),
    BOOL(ScrapeConfig, enable_compression, "true", "Ask for answers that are compressed."),
    BOOL(ScrapeConfig, track_timestamps_staleness, "false",
         "Series whose samples carry times of their own get an end, too."),
    SECTION_LIST(ScrapeConfig, relabel_configs, RelabelConfig, relabel_config_fields,
                 "What becomes of a target's labels before it is asked."),
    SECTION_LIST(ScrapeConfig, metric_relabel_configs, RelabelConfig, relabel_config_fields,
                 "What becomes of a sample's labels."),
    SECTION_LIST(ScrapeConfig, static_configs, StaticConfig, static_fields, "The targets."),
    SECTION_LIST(ScrapeConfig, file_sd_configs, FileDiscoveryConfig, file_discovery_fields,
                 "Targets from files."),
    SECTION_LIST(ScrapeConfig, http_sd_configs, HttpDiscoveryConfig, http_discovery_fields,
                 "Targets from an http endpoint."),
    SECTION_LIST(ScrapeConfig, dns_sd_configs, DnsDiscoveryConfig, dns_discovery_fields,
                 "Targets from the DNS."),
    LATER("azure_sd_configs", DISCOVERY),
    LATER("consul_sd_configs", DISCOVERY),
    LATER("digitalocean_sd_configs", DISCOVERY),
    LATER("docker_sd_configs", DISCOVERY),
    LATER("dockerswarm_sd_configs", DISCOVERY),
    LATER("ec2_sd_configs", DISCOVERY),
    LATER("eureka_sd_configs", DISCOVERY),
    LATER("gce_sd_configs", DISCOVERY),
    LATER("hetzner_sd_configs", DISCOVERY),
    LATER("ionos_sd_configs", DISCOVERY),
    LATER("kubernetes_sd_configs", DISCOVERY),
    LATER("kuma_sd_configs", DISCOVERY),
    LATER("lightsail_sd_configs", DISCOVERY),
    LATER("linode_sd_configs", DISCOVERY),
    LATER("marathon_sd_configs", DISCOVERY),
    LATER("nerve_sd_configs", DISCOVERY),
    LATER("nomad_sd_configs", DISCOVERY),
    LATER("openstack_sd_configs", DISCOVERY),
    LATER("ovhcloud_sd_configs", DISCOVERY),
    LATER("puppetdb_sd_configs", DISCOVERY),
    LATER("scaleway_sd_configs", DISCOVERY),
    LATER("serverset_sd_configs", DISCOVERY),
    LATER("triton_sd_configs", DISCOVERY),
    LATER("uyuni_sd_configs", DISCOVERY),
    LATER("native_histogram_bucket_limit", NATIVE),
    LATER("native_histogram_min_bucket_factor", NATIVE),
    LATER("metric_name_validation_scheme", "names beyond letters, digits and underscores"),
    LATER("metric_name_escaping_scheme", "names beyond letters, digits and underscores"),
    LATER("scrape_failure_log_file", "a log of failures of its own"),
    { 0 },
};

static const ConfigField global_fields[] = {
    DURATION(GlobalConfig, scrape_interval, "1m", "1ms", "8760h", "How often to ask."),
    DURATION(GlobalConfig, scrape_timeout, "10s", "1ms", "8760h", "How long an answer may take."),
    LIMIT_ROWS(GlobalConfig),
    FORMAT_ROWS(GlobalConfig),
    TEXT_MAP(GlobalConfig, external_labels, "Labels for everything; they replace others."),
    IGNORED("evaluation_interval", "there are no rules here"),
    IGNORED("rule_query_offset", "there are no rules here"),
    IGNORED("query_log_file", "nobody queries a receiver"),
    LATER("metric_name_validation_scheme", "names beyond letters, digits and underscores"),
    LATER("metric_name_escaping_scheme", "names beyond letters, digits and underscores"),
    LATER("scrape_failure_log_file", "a log of failures of its own"),
    { 0 },
};

const ConfigField prometheus_config_fields[] = {
    SECTION(PrometheusConfig, global, GlobalConfig, global_fields, "What holds for every job."),
    SECTION_LIST(PrometheusConfig, scrape_configs, ScrapeConfig, job_fields, "The jobs."),
    LATER("scrape_config_files", "jobs in files of their own"),
    LATER("remote_write", "Prometheus' own sending (use an exporter)"),
    LATER("remote_read", "Prometheus' own reading"),
    LATER("rule_files", "rules"),
    LATER("alerting", "alerting"),
    LATER("storage", "Prometheus' own store"),
    LATER("tracing", "Prometheus' own traces"),
    LATER("otlp", "Prometheus' own receiving of OTLP"),
    LATER("runtime", "Prometheus' own runtime"),
    { 0 },
};

/* ---- rules across keys ---- */

static bool check_labels(const TextMap *labels, const char *where, Err *err)
{
    if (labels->count > SCRAPE_LABELS_MAX)
        return fail(err, ERR_INPUT, "%s: more than %d", where, SCRAPE_LABELS_MAX);
    for (size_t i = 0; i < labels->count; i++) {
        Str key = labels->items[i].key;
        Buf name = BUF(key.len + 8);
        bool ok = key.len && label_name(key, &name) && !str_starts(key, STR("__"));
        ok = ok && (str_eq(buf_str(&name), key) || str_starts(key, STR("_")));
        buf_free(&name);
        if (!ok)
            return fail(err, ERR_INPUT, "%s: \"%.*s\" is not a label name", where, STR_ARG(key));
    }
    return true;
}

bool scrape_check_target(Str target, Err *err)
{
    Url url;
    Err why;
    bool bare = !str_contains(target, STR("/")) && target.len;
    Buf text = BUF(target.len + 8);
    buf_add(&text, STR("http://"));
    buf_add(&text, target);
    bool ok = bare && url_parse(buf_str(&text), &url, &why);
    buf_free(&text);
    return ok || fail(err, ERR_INPUT, "targets: \"%.*s\" is not host:port", STR_ARG(target));
}

static bool check_params(const Node *params, Err *err)
{
    if (!params || params->kind == NODE_NULL)
        return true;
    if (params->kind != NODE_MAP)
        return fail(err, ERR_INPUT, "params: must be a map of lists");
    for (size_t i = 0; i < params->count; i++) {
        const Node *values = params->pairs[i].value;
        bool ok = values->kind == NODE_LIST;
        for (size_t v = 0; ok && v < values->count; v++)
            ok = values->items[v]->kind == NODE_SCALAR;
        if (!ok)
            return fail(err, ERR_INPUT, "params: %.*s: must be a list of texts",
                        STR_ARG(params->pairs[i].key));
    }
    return true;
}

static bool check_discovery(const ScrapeConfig *job, Err *err)
{
    for (size_t i = 0; i < job->file_sd_configs.count; i++)
        if (!file_discovery_check(&job->file_sd_configs.items[i], err))
            return blame(err, "file_sd_configs");
    for (size_t i = 0; i < job->http_sd_configs.count; i++)
        if (!http_discovery_check(&job->http_sd_configs.items[i], err))
            return blame(err, "http_sd_configs");
    for (size_t i = 0; i < job->dns_sd_configs.count; i++)
        if (!dns_discovery_check(&job->dns_sd_configs.items[i], err))
            return blame(err, "dns_sd_configs");
    return true;
}

static bool check_job_config(const PrometheusConfig *config, const ScrapeConfig *job, Err *err)
{
    if (job->scrape_timeout > scrape_interval_of(config, job))
        return fail(err, ERR_INPUT, "scrape_timeout is longer than scrape_interval");
    if (!check_params(job->params, err) || !http_settings_check(&job->http, err) ||
        !relabel_config_check(&job->relabel_configs, "relabel_configs", err) ||
        !relabel_config_check(&job->metric_relabel_configs, "metric_relabel_configs", err) ||
        !check_discovery(job, err))
        return false;
    for (size_t i = 0; i < job->static_configs.count; i++) {
        const StaticConfig *of = &job->static_configs.items[i];
        if (!check_labels(&of->labels, "labels", err))
            return false;
        for (size_t t = 0; t < of->targets.count; t++)
            if (!scrape_check_target(of->targets.items[t], err))
                return false;
    }
    return true;
}

bool prometheus_config_check(const PrometheusConfig *config, Err *err)
{
    const ScrapeConfigList *jobs = &config->scrape_configs;
    if (!jobs->count)
        return fail(err, ERR_INPUT, "no Prometheus scrape_configs set");
    if (config->global.scrape_timeout > config->global.scrape_interval)
        return fail(err, ERR_INPUT, "global: scrape_timeout is longer than scrape_interval");
    if (!check_labels(&config->global.external_labels, "external_labels", err))
        return false;
    for (size_t i = 0; i < jobs->count; i++) {
        const ScrapeConfig *job = &jobs->items[i];
        for (size_t other = 0; other < i; other++)
            if (str_eq(jobs->items[other].job_name, job->job_name))
                return fail(err, ERR_INPUT, "job_name \"%.*s\" is there twice",
                            STR_ARG(job->job_name));
        if (!check_job_config(config, job, err))
            return blame(err, "job_name \"%.*s\"", STR_ARG(job->job_name));
    }
    return true;
}

int64_t scrape_interval_of(const PrometheusConfig *config, const ScrapeConfig *job)
{
    return job->scrape_interval ? job->scrape_interval : config->global.scrape_interval;
}

int64_t scrape_timeout_of(const PrometheusConfig *config, const ScrapeConfig *job)
{
    int64_t interval = scrape_interval_of(config, job);
    int64_t timeout = job->scrape_timeout ? job->scrape_timeout : config->global.scrape_timeout;
    return timeout < interval ? timeout : interval;
}

static uint64_t either(uint64_t of_job, uint64_t of_all)
{
    return of_job ? of_job : of_all;
}

ScrapeLimits scrape_limits_of(const PrometheusConfig *config, const ScrapeConfig *job)
{
    const ScrapeLimits *own = &job->limits, *all = &config->global.limits;
    return (ScrapeLimits){
        .sample_limit = either(own->sample_limit, all->sample_limit),
        .body_size_limit = either(own->body_size_limit, all->body_size_limit),
        .target_limit = either(own->target_limit, all->target_limit),
        .label_limit = either(own->label_limit, all->label_limit),
        .label_name_length_limit =
            either(own->label_name_length_limit, all->label_name_length_limit),
        .label_value_length_limit =
            either(own->label_value_length_limit, all->label_value_length_limit),
    };
}

/* ---- formats ---- */

static bool either_said(int of_job, int of_all)
{
    return (of_job != UNSAID ? of_job : of_all) == SAID_YES;
}

bool scrape_wants_native(const PrometheusConfig *config, const ScrapeConfig *job)
{
    return either_said(job->formats.native, config->global.formats.native);
}

bool scrape_wants_classic(const PrometheusConfig *config, const ScrapeConfig *job)
{
    return job->scrape_classic_histograms ||
           either_said(job->formats.also_classic, config->global.formats.also_classic);
}

bool scrape_wants_extra(const PrometheusConfig *config, const ScrapeConfig *job)
{
    return either_said(job->formats.extra_facts, config->global.formats.extra_facts);
}

static const Str content_types[] = {
    [SCRAPE_PROTO] = STR_ROW("application/vnd.google.protobuf;"
                             "proto=io.prometheus.client.MetricFamily;encoding=delimited"),
    [SCRAPE_OPENMETRICS_1] = STR_ROW("application/openmetrics-text;version=1.0.0"),
    [SCRAPE_OPENMETRICS_0] = STR_ROW("application/openmetrics-text;version=0.0.1"),
    [SCRAPE_TEXT_1] = STR_ROW("text/plain;version=1.0.0"),
    [SCRAPE_TEXT_0] = STR_ROW("text/plain;version=0.0.4"),
};

/* The first gets the highest weight, anything else the lowest. */
void scrape_accept(const PrometheusConfig *config, const ScrapeConfig *job, Buf *out)
{
    static const int usual[] = { SCRAPE_PROTO, SCRAPE_OPENMETRICS_1, SCRAPE_OPENMETRICS_0,
                                 SCRAPE_TEXT_0 };
    const ChoiceList *list =
        job->formats.protocols.count ? &job->formats.protocols : &config->global.formats.protocols;
    const int *items = list->count ? list->items : usual;
    size_t count = list->count ? list->count : COUNT_OF(usual);
    size_t weight = COUNT_OF(content_types) + 1;
    if (!list->count && !scrape_wants_native(config, job)) {
        items++;
        count--;
    }
    for (size_t i = 0; i < count && weight > 1; i++, weight--)
        buf_addf(out, "%.*s;q=0.%zu,", STR_ARG(content_types[items[i]]), weight);
    buf_addf(out, "*/*;q=0.%zu", weight);
}

Str scrape_fallback(const ScrapeConfig *job)
{
    return job->fallback ? content_types[job->fallback - 1] : STR("");
}
