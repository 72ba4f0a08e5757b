/* prometheus_receiver.c - scrapes Prometheus targets and sends on what they say, as OTLP metrics.
 *
 * A job (scrape_job.h) has rules and sources of targets, a target (scrape_loop.h) a timer and
 * whom it asks. A target that is slow, endless, broken or gone concerns nobody else: its scrape
 * fails, up says 0, and its series get their end.
 *
 * One instance serves all pipelines that name it. What the next one refuses is lost and counted:
 * the next scrape brings newer values anyway.
 */
#include "base/mem.h"
#include "pipe/host.h"
#include "receivers/prometheus/scrape_job.h"
#include "regex/regex.h"

typedef struct PrometheusReceiver {
    Component base;
    PrometheusConfig config; /* settings */
    bool trim_metric_suffixes, use_start_time_metric, report_extra_scrape_metrics;
    Str start_time_metric_regex;
    ScrapeJob **jobs; /* state */
    size_t job_count;
    Regex *start_metric;
    Label *external;
    size_t external_count;
} PrometheusReceiver;

static const ConfigField fields[] = {
    SECTION(PrometheusReceiver, config, PrometheusConfig, prometheus_config_fields,
            "As Prometheus' own configuration file."),
    BOOL(PrometheusReceiver, trim_metric_suffixes, "false",
         "Names without _total and without their units."),
    BOOL(PrometheusReceiver, use_start_time_metric, "false",
         "Counts began when a metric of the target says that its process did."),
    TEXT(PrometheusReceiver, start_time_metric_regex, "",
         "That metric's name; empty: process_start_time_seconds."),
    BOOL(PrometheusReceiver, report_extra_scrape_metrics, "false",
         "scrape_timeout_seconds, scrape_sample_limit and scrape_body_size_bytes, too."),
    LATER("target_allocator", "a target allocator"),
    LATER("api_server", "Prometheus' API over the targets"),
    { 0 },
};

/* Anywhere in the name, as the public receiver has it. NULL also when there is none: see err. */
static Regex *start_regex(const PrometheusReceiver *receiver, Err *err)
{
    Str pattern = receiver->start_time_metric_regex;
    Regex *regex =
        regex_new(pattern.len ? pattern : STR("^process_start_time_seconds$"), REGEX_SEARCH, err);
    if (!regex)
        (void)blame(err, "start_time_metric_regex");
    return regex;
}

static bool receiver_check(const void *self, Err *err)
{
    const PrometheusReceiver *receiver = self;
    Regex *regex = start_regex(receiver, err);
    if (!regex)
        return false;
    regex_free(regex);
    return prometheus_config_check(&receiver->config, err);
}

static bool is_start(void *context, Str name)
{
    return regex_matches(context, name);
}

static bool make_external(PrometheusReceiver *receiver, Err *err)
{
    const TextMap *map = &receiver->config.global.external_labels;
    receiver->external = MEM_MAKE(Label, map->count + 1, err);
    for (size_t i = 0; receiver->external && i < map->count; i++)
        receiver->external[i] = (Label){ map->items[i].key, map->items[i].value };
    if (receiver->external)
        receiver->external_count = labels_sort(receiver->external, map->count);
    return receiver->external != NULL;
}

static bool start_jobs(PrometheusReceiver *receiver, Err *err)
{
    const ScrapeConfigList *jobs = &receiver->config.scrape_configs;
    JobSettings settings = { .host = receiver->base.host,
                             .config = &receiver->config,
                             .external = { receiver->external, receiver->external_count },
                             .trim_suffixes = receiver->trim_metric_suffixes,
                             .extra_facts = receiver->report_extra_scrape_metrics };
    if (receiver->use_start_time_metric)
        settings.start = (ScrapeStart){ is_start, receiver->start_metric };
    for (size_t i = 0; i < jobs->count; i++) {
        settings.job = &jobs->items[i];
        ScrapeJob *job = scrape_job_new(&settings, err);
        if (!job)
            return blame(err, "job_name \"%.*s\"", STR_ARG(settings.job->job_name));
        receiver->jobs[receiver->job_count++] = job;
    }
    return true;
}

static bool receiver_start(void *self, Err *err)
{
    PrometheusReceiver *receiver = self;
    receiver->start_metric = start_regex(receiver, err);
    if (!receiver->start_metric || !make_external(receiver, err))
        return false;
    receiver->jobs = MEM_MAKE(ScrapeJob *, receiver->config.scrape_configs.count + 1, err);
    return receiver->jobs && start_jobs(receiver, err);
}

static void receiver_close(void *self)
{
    PrometheusReceiver *receiver = self;
    for (size_t i = 0; i < receiver->job_count; i++)
        scrape_job_close(receiver->jobs[i]);
}

static void receiver_stop(void *self)
{
    PrometheusReceiver *receiver = self;
    for (size_t i = 0; i < receiver->job_count; i++)
        scrape_job_free(receiver->jobs[i]);
    mem_free(receiver->jobs);
    mem_free(receiver->external);
    regex_free(receiver->start_metric);
    receiver->jobs = NULL;
    receiver->job_count = 0;
    receiver->external = NULL;
    receiver->start_metric = NULL;
}

const ComponentType prometheus_receiver = {
    .name = "prometheus",
    .summary = "Scrapes metrics from Prometheus targets.",
    .kind = RECEIVER,
    .stability = ALPHA,
    .placement = SINGLE,
    .signals = METRICS,
    .traits = ALL_SHARE,
    .size = sizeof(PrometheusReceiver),
    .fields = fields,
    .check = receiver_check,
    .start = receiver_start,
    .close = receiver_close,
    .stop = receiver_stop,
};
