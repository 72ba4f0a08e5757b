/* http_discovery.c - http_sd_configs: a list of targets as JSON from a URL; see discovery.h. */
#include "receivers/prometheus/discovery.h"

#include "base/mem.h"
#include "net/url.h"
#include "receivers/prometheus/asker.h"

#include <cryostorm/version.h>
#include <stdio.h>

enum { ANSWER_MAX = 4 << 20, SECONDS_TEXT = 24 };

struct HttpDiscovery {
    DiscoverySettings settings;
    const HttpDiscoveryConfig *config;
    AskerHome home;
    Asker *asker;
    Str target; /* of the url */
    Timer timer;
    char seconds[SECONDS_TEXT];
    bool asking, closed, told;
};

static bool check_url(Str text, Err *err)
{
    Url url;
    if (!str_starts(text, STR("http://")) && !str_starts(text, STR("https://")))
        return fail(err, ERR_INPUT, "must begin with http:// or https://");
    return url_parse(text, &url, err);
}

const ConfigField http_discovery_fields[] = {
    TEXT(HttpDiscoveryConfig, url, REQUIRED, "Where the list of targets is.", .check = check_url),
    DURATION(HttpDiscoveryConfig, refresh_interval, "1m", "1s", "8760h", "How often it is asked."),
    HTTP_SETTINGS_ROWS(HttpDiscoveryConfig, http),
    { 0 },
};

bool http_discovery_check(const HttpDiscoveryConfig *config, Err *err)
{
    return http_settings_check(&config->http, err);
}

static void tell(HttpDiscovery *discovery, const Err *err)
{
    const DiscoverySettings *settings = &discovery->settings;
    Str url = discovery->config->url;
    if (err && !discovery->told)
        host_log(settings->host, LOG_WARN,
                 "job %.*s: http_sd_configs: %.*s: %s (its targets stay as they were)",
                 STR_ARG(settings->job), STR_ARG(url), err->text);
    if (!err && discovery->told)
        host_log(settings->host, LOG_INFO, "job %.*s: http_sd_configs: %.*s answers again",
                 STR_ARG(settings->job), STR_ARG(url));
    discovery->told = err != NULL;
}

static bool take(HttpDiscovery *discovery, const HttpResponse *response, Err *err)
{
    const DiscoverySettings *settings = &discovery->settings;
    const Label source = { STR("__meta_url"), discovery->config->url };
    Purse *purse = budget_purse(host_budget(settings->host), BUDGET_CACHES);
    TargetGroups groups;
    if (response->status != 200)
        return fail(err, ERR_INPUT, "server returned HTTP status %d %s", response->status,
                    http_status_text(response->status));
    if (!http_media_type_is(http_fields_get(response->fields, STR("content-type")),
                            STR("application/json")))
        return fail(err, ERR_INPUT, "its content type is not application/json");
    if (!target_groups_read(&groups, response->body, source, purse, err))
        return false;
    bool ok = settings->found(settings->owner, settings->at, &groups, err);
    target_groups_done(&groups);
    return ok;
}

static void answered(void *owner, HttpResponse *response, const Err *err)
{
    HttpDiscovery *discovery = owner;
    Err why = { 0 };
    discovery->asking = false;
    if (discovery->closed)
        return;
    if (err)
        why = *err;
    bool ok = !err && take(discovery, response, &why);
    tell(discovery, ok ? NULL : &why);
}

static void fire(void *owner)
{
    HttpDiscovery *discovery = owner;
    Loop *loop = host_loop(discovery->settings.host);
    const HttpField header[] = {
        { STR("accept"), STR("application/json") },
        { STR("user-agent"), STR("cryostorm/" CRYO_VERSION) },
        { STR("x-prometheus-refresh-interval-seconds"), str_from(discovery->seconds) },
    };
    const AskerCall call = { .target = discovery->target,
                             .fields = header,
                             .field_count = COUNT_OF(header),
                             .timeout_ns = discovery->config->refresh_interval };
    Err err;
    timer_set(loop, &discovery->timer, loop_now(loop) + discovery->config->refresh_interval);
    if (discovery->asking)
        return;
    discovery->asking = asker_send(discovery->asker, &call, &err);
    if (!discovery->asking)
        tell(discovery, &err);
}

static bool open_asker(HttpDiscovery *discovery, Err *err)
{
    const HttpDiscoveryConfig *config = discovery->config;
    Url url;
    if (!url_parse(config->url, &url, err) ||
        !asker_home_open(&discovery->home, &config->http, discovery->settings.host,
                         discovery->settings.job.ptr, err))
        return false;
    const AskerSettings settings = { .home = &discovery->home,
                                     .url = str_first(config->url, config->url.len - url.path.len),
                                     .response_bytes = ANSWER_MAX,
                                     .connect_timeout_ns = config->refresh_interval,
                                     .idle_timeout_ns = config->refresh_interval * 2,
                                     .done = answered,
                                     .owner = discovery };
    discovery->target = url.path.len ? url.path : STR("/");
    discovery->asker = asker_new(&settings, err);
    return discovery->asker != NULL;
}

HttpDiscovery *http_discovery_new(const DiscoverySettings *settings,
                                  const HttpDiscoveryConfig *config, Err *err)
{
    HttpDiscovery *discovery = MEM_MAKE(HttpDiscovery, 1, err);
    if (!discovery)
        return NULL;
    discovery->settings = *settings;
    discovery->config = config;
    discovery->timer = (Timer){ .fire = fire, .owner = discovery };
    snprintf(discovery->seconds, sizeof discovery->seconds, "%g",
             (double)config->refresh_interval / (double)NANOS_PER_SECOND);
    if (!open_asker(discovery, err)) {
        http_discovery_free(discovery);
        return NULL;
    }
    fire(discovery);
    return discovery;
}

void http_discovery_free(HttpDiscovery *discovery)
{
    if (!discovery)
        return;
    discovery->closed = true;
    timer_cancel(host_loop(discovery->settings.host), &discovery->timer);
    asker_free(discovery->asker);
    asker_home_close(&discovery->home);
    mem_free(discovery);
}
