/* prometheus_receiver.c - scrapes Prometheus targets and sends on what they say, as OTLP metrics.
 *
 * Each target has a timer and a client of its own. The first scrape of each comes somewhere within
 * its first interval, told by a hash of the target, so that a thousand targets are not asked at
 * once; from then on every interval. An answer becomes a batch by prom/scrape_target.h. A target
 * that is slow, endless, broken or gone concerns nobody else: its scrape fails, up says 0, and its
 * series get their end.
 *
 * Answers, what they become and what is remembered of them are charged to the program's memory; an
 * answer that there is no room for is a scrape that failed.
 *
 * One instance serves all pipelines that name it. What the next one refuses is lost and counted:
 * the next scrape brings newer values anyway.
 */
#include "base/mem.h"
#include "net/http_client.h"
#include "net/url.h"
#include "otlp/batch.h"
#include "pipe/host.h"
#include "prom/scrape_target.h"
#include "receivers/prometheus/scrape_config.h"

#include <cryostorm/version.h>
#include <stdio.h>

enum {
    MESSAGE_MAX = 256 << 20, /* what one scrape may become */
    BODY_DEFAULT = 64 << 20,
    RELOAD_SECONDS = 60, /* how often the files of a tls_config are looked at */
};

typedef struct PrometheusReceiver PrometheusReceiver;

typedef struct Target {
    PrometheusReceiver *receiver;
    const ScrapeConfig *job;
    const TlsUse *tls; /* the job's */
    Str name;
    Buf path, url;
    char port[8], timeout_text[24];
    Label *labels;
    ScrapeTarget *state;
    HttpClient *client;
    Timer timer;
    int64_t interval_ns, timeout_ns, next_ns;
    int64_t wall_ns, mono_ns; /* when it was asked last */
    bool asking, told_down;
} Target;

struct PrometheusReceiver {
    Component base;
    PrometheusConfig config; /* settings */
    Target **targets;        /* state */
    size_t target_count;
    TlsUse *tls; /* one per job; those that ask over http have none */
    Label *external;
    size_t external_count;
    bool closed, told_refused;
};

static const ConfigField fields[] = {
    SECTION(PrometheusReceiver, config, PrometheusConfig, prometheus_config_fields,
            "As Prometheus' own configuration file."),
    LATER("trim_metric_suffixes", "names without units and types"),
    LATER("use_start_time_metric", "start times from a metric"),
    LATER("start_time_metric_regex", "start times from a metric"),
    LATER("report_extra_scrape_metrics", "further metrics of each scrape"),
    LATER("target_allocator", "a target allocator"),
    LATER("api_server", "Prometheus' API over the targets"),
    { 0 },
};

static bool receiver_check(const void *self, Err *err)
{
    return prometheus_config_check(&((const PrometheusReceiver *)self)->config, err);
}

/* ---- what came ---- */

static bool send_on(PrometheusReceiver *receiver, Batch *batch, Err *err)
{
    Host *host = receiver->base.host;
    Ack *ack = host_ack_new(host, batch_item_count(batch), &(AckWish){ 0 }, err);
    if (!ack)
        return false;
    if (host_send(host, &(Parcel){ batch, ack }, err))
        return true;
    ack_fail(ack, err);
    return false;
}

static void tell_result(Target *target, const ScrapeResult *result)
{
    Host *host = target->receiver->base.host;
    if (!result->up)
        host_count_dropped(host, METRICS, 1, "a scrape that failed");
    if (!result->up && !target->told_down)
        host_log(host, LOG_WARN, "Failed to scrape Prometheus endpoint job=%.*s target=%.*s: %s",
                 STR_ARG(target->job->job_name), STR_ARG(target->name), result->err.text);
    if (result->up && target->told_down)
        host_log(host, LOG_INFO, "target %.*s answers again", STR_ARG(target->name));
    target->told_down = !result->up;
    if (result->dropped)
        host_count_dropped(host, METRICS, result->dropped,
                           "a histogram, summary or time that makes no sense");
}

static void tell_lost(PrometheusReceiver *receiver, const Err *err)
{
    if (err && !receiver->told_refused)
        host_log(receiver->base.host, LOG_WARN, "what was scraped is lost: %s", err->text);
    receiver->told_refused = err != NULL;
}

static Purse *purse_of(const Target *target, BudgetOwner owner)
{
    return budget_purse(host_budget(target->receiver->base.host), owner);
}

static void take(Target *target, const ScrapeAnswer *answer)
{
    Err err = { 0 };
    ScrapeResult result = { 0 };
    Buf bytes = { .max = MESSAGE_MAX, .purse = purse_of(target, BUDGET_BODIES) };
    Batch *batch = NULL;
    bool ok = scrape_target_take(target->state, answer, &bytes, &result, &err);
    tell_result(target, &result);
    if (ok)
        batch = batch_from_bytes(METRICS, &bytes, &err);
    ok = batch && send_on(target->receiver, batch, &err);
    tell_lost(target->receiver, ok ? NULL : &err);
    batch_unref(batch);
    buf_free(&bytes);
}

static void answered(void *owner, HttpResponse *response, const Err *err)
{
    Target *target = owner;
    Loop *loop = host_loop(target->receiver->base.host);
    ScrapeAnswer answer = { .time_ns = target->wall_ns,
                            .duration_ns = loop_now(loop) - target->mono_ns,
                            .err = err };
    Err status;
    target->asking = false;
    if (target->receiver->closed)
        return;
    if (!err && response->status != 200) {
        fail(&status, ERR_INPUT, "server returned HTTP status %d %s", response->status,
             http_status_text(response->status));
        answer.err = &status;
    } else if (!err) {
        answer.content_type = http_fields_get(response->fields, STR("content-type"));
        answer.body = response->body;
    }
    take(target, &answer);
}

/* ---- asking ---- */

static void ask(Target *target)
{
    static const Str accept = STR_ROW("application/openmetrics-text;version=1.0.0,"
                                      "application/openmetrics-text;version=0.0.1;q=0.75,"
                                      "text/plain;version=0.0.4;q=0.5,*/*;q=0.1");
    Host *host = target->receiver->base.host;
    const HttpField header[] = {
        { STR("accept"), accept },
        { STR("user-agent"), STR("cryostorm/" CRYO_VERSION) },
        { STR("x-prometheus-scrape-timeout-seconds"), str_from(target->timeout_text) },
    };
    HttpCall call = { .method = STR("GET"),
                      .target = buf_str(&target->path),
                      .fields = header,
                      .field_count = COUNT_OF(header),
                      .timeout_ns = target->timeout_ns,
                      .done = answered,
                      .owner = target };
    Err err;
    target->wall_ns = clock_wall_ns(host_clock(host));
    target->mono_ns = loop_now(host_loop(host));
    target->asking = http_client_send(target->client, &call, &err);
    if (!target->asking)
        take(target, &(ScrapeAnswer){ .time_ns = target->wall_ns, .err = &err });
}

/* In step with the first scrape, whatever a late loop has missed. */
static void fire(void *owner)
{
    Target *target = owner;
    Loop *loop = host_loop(target->receiver->base.host);
    int64_t late = loop_now(loop) - target->next_ns;
    target->next_ns += (late / target->interval_ns + 1) * target->interval_ns;
    timer_set(loop, &target->timer, target->next_ns);
    if (!target->asking)
        ask(target);
}

/* ---- start and stop ---- */

static void target_free(Target *target)
{
    if (!target)
        return;
    if (target->timer.set)
        timer_cancel(host_loop(target->receiver->base.host), &target->timer);
    http_client_free(target->client);
    scrape_target_free(target->state);
    buf_free(&target->path);
    buf_free(&target->url);
    mem_free(target->labels);
    mem_free(target);
}

static Label *labels_from(const TextMap *map, size_t *count, Err *err)
{
    Label *labels = MEM_MAKE(Label, map->count + 1, err);
    for (size_t i = 0; labels && i < map->count; i++)
        labels[i] = (Label){ map->items[i].key, map->items[i].value };
    *count = labels ? labels_sort(labels, map->count) : 0;
    return labels;
}

static bool make_state(Target *target, const StaticConfig *from, const Url *url, Err *err)
{
    PrometheusReceiver *receiver = target->receiver;
    size_t count;
    target->labels = labels_from(&from->labels, &count, err);
    if (!target->labels)
        return false;
    snprintf(target->port, sizeof target->port, "%u", url->port);
    const ScrapeSettings settings = {
        .job = target->job->job_name,
        .instance = target->name,
        .scheme = target->job->scheme,
        .host = url->host,
        .port = str_from(target->port),
        .labels = { target->labels, count },
        .external = { receiver->external, receiver->external_count },
        .honor_labels = target->job->honor_labels,
        .ignore_timestamps = !target->job->honor_timestamps,
        .sample_limit = target->job->sample_limit,
        .purse = purse_of(target, BUDGET_CACHES),
    };
    target->state = scrape_target_new(&settings, err);
    return target->state != NULL;
}

static bool make_client(Target *target, Err *err)
{
    uint64_t body = target->job->body_size_limit;
    const HttpClientSettings settings = {
        .loop = host_loop(target->receiver->base.host),
        .url = buf_str(&target->url),
        .tls = target->tls->context,
        .connections = 1,
        .response_bytes = body ? (size_t)body : BODY_DEFAULT,
        .purse = purse_of(target, BUDGET_BODIES),
        .connect_timeout_ns = target->timeout_ns,
        .idle_timeout_ns = target->interval_ns * 2,
    };
    target->client = http_client_new(&settings, err);
    return target->client != NULL;
}

static void begin(Target *target)
{
    Loop *loop = host_loop(target->receiver->base.host);
    uint64_t hash = str_hash(target->name) ^ str_hash(target->job->job_name) * 31;
    target->timer = (Timer){ .fire = fire, .owner = target };
    target->next_ns = loop_now(loop) + (int64_t)(hash % (uint64_t)target->interval_ns);
    timer_set(loop, &target->timer, target->next_ns);
}

static Target *target_new(PrometheusReceiver *receiver, const ScrapeConfig *job,
                          const StaticConfig *from, Str name, Err *err)
{
    size_t at = (size_t)(job - receiver->config.scrape_configs.items);
    Url url;
    Target *target = MEM_MAKE(Target, 1, err);
    if (!target)
        return NULL;
    *target = (Target){ .receiver = receiver, .job = job, .tls = &receiver->tls[at], .name = name };
    target->interval_ns = scrape_interval_of(&receiver->config, job);
    target->timeout_ns = scrape_timeout_of(&receiver->config, job);
    snprintf(target->timeout_text, sizeof target->timeout_text, "%lld.%03lld",
             (long long)(target->timeout_ns / NANOS_PER_SECOND),
             (long long)(target->timeout_ns % NANOS_PER_SECOND / NANOS_PER_MILLI));
    target->path = BUF(1 << 16);
    target->url = BUF(1 << 12);
    buf_addf(&target->url, "%.*s://%.*s", STR_ARG(job->scheme), STR_ARG(name));
    scrape_path(job, &target->path);
    if (buf_ok(&target->url, err) && buf_ok(&target->path, err) &&
        url_parse(buf_str(&target->url), &url, err) && make_state(target, from, &url, err) &&
        make_client(target, err))
        return target;
    target_free(target);
    return NULL;
}

static size_t count_targets(const PrometheusConfig *config)
{
    size_t count = 0;
    for (size_t j = 0; j < config->scrape_configs.count; j++) {
        const StaticConfigList *list = &config->scrape_configs.items[j].static_configs;
        for (size_t s = 0; s < list->count; s++)
            count += list->items[s].targets.count;
    }
    return count;
}

static bool add_targets(PrometheusReceiver *receiver, const ScrapeConfig *job, Err *err)
{
    for (size_t s = 0; s < job->static_configs.count; s++) {
        const StaticConfig *from = &job->static_configs.items[s];
        for (size_t t = 0; t < from->targets.count; t++) {
            Target *target = target_new(receiver, job, from, from->targets.items[t], err);
            if (!target)
                return blame(err, "target %.*s", STR_ARG(from->targets.items[t]));
            receiver->targets[receiver->target_count++] = target;
        }
    }
    return true;
}

static bool open_tls(PrometheusReceiver *receiver, Err *err)
{
    const ScrapeConfigList *jobs = &receiver->config.scrape_configs;
    receiver->tls = MEM_MAKE(TlsUse, jobs->count, err);
    for (size_t i = 0; receiver->tls && i < jobs->count; i++) {
        const ScrapeConfig *job = &jobs->items[i];
        TlsConnectSettings settings = job->tls_config;
        settings.own.reload_interval = RELOAD_SECONDS * NANOS_PER_SECOND;
        if (str_eq(job->scheme, STR("https")) &&
            !tls_connect_open(&receiver->tls[i], &settings, receiver->base.host, job->job_name.ptr,
                              err))
            return blame(err, "job_name \"%.*s\"", STR_ARG(job->job_name));
    }
    return receiver->tls != NULL;
}

static bool receiver_start(void *self, Err *err)
{
    PrometheusReceiver *receiver = self;
    const PrometheusConfig *config = &receiver->config;
    receiver->closed = false;
    receiver->external =
        labels_from(&config->global.external_labels, &receiver->external_count, err);
    receiver->targets = MEM_MAKE(Target *, count_targets(config) + 1, err);
    if (!receiver->external || !receiver->targets || !open_tls(receiver, err))
        return false;
    for (size_t j = 0; j < config->scrape_configs.count; j++)
        if (!add_targets(receiver, &config->scrape_configs.items[j], err))
            return false;
    for (size_t i = 0; i < receiver->target_count; i++)
        begin(receiver->targets[i]);
    return true;
}

static void receiver_close(void *self)
{
    PrometheusReceiver *receiver = self;
    receiver->closed = true;
    for (size_t i = 0; i < receiver->target_count; i++)
        if (receiver->targets[i]->timer.set)
            timer_cancel(host_loop(receiver->base.host), &receiver->targets[i]->timer);
}

static void receiver_stop(void *self)
{
    PrometheusReceiver *receiver = self;
    for (size_t i = 0; i < receiver->target_count; i++)
        target_free(receiver->targets[i]);
    for (size_t i = 0; receiver->tls && i < receiver->config.scrape_configs.count; i++)
        tls_use_close(&receiver->tls[i]);
    mem_free(receiver->tls);
    mem_free(receiver->targets);
    mem_free(receiver->external);
    receiver->tls = NULL;
    receiver->targets = NULL;
    receiver->target_count = 0;
    receiver->external = NULL;
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
