/* prometheus_exporter.c - shows the newest value of every metric to Prometheus, at /metrics.
 *
 * Names, types and labels are those of Prometheus' own OTLP translation (prom/otlp_points.h), with
 * `namespace` in front; each resource is a target_info. Points are kept in a MetricCache and
 * written when somebody scrapes (metric_answer.h). A series that nobody updates for
 * `metric_expiration` leaves, and so does one that says itself that it has ended.
 *
 * What cannot be shown is counted with its reason and does not refuse the batch: exponential
 * histograms, deltas of sums that may fall, a type that the name does not have, points older than
 * what is shown, and everything new beyond `max_series`.
 *
 * The port is read-only and open to whoever reaches it. On a loopback address Host and Origin are
 * checked against loopback names and `allowed_hosts`; elsewhere scrapers come by any name.
 */
#include "base/mem.h"
#include "exporters/prometheus/metric_answer.h"
#include "pipe/host.h"
#include "pipe/listen_settings.h"
#include "prom/translate.h"

typedef struct ResourceLabels {
    bool enabled;
} ResourceLabels;

typedef struct PrometheusExporter {
    Component base;
    ListenSettings listen; /* settings */
    Str ns;
    TextMap const_labels;
    TextList allowed_hosts;
    bool send_timestamps, enable_open_metrics, add_metric_suffixes, without_scope_info;
    int translation_strategy;
    int64_t metric_expiration;
    uint64_t max_series;
    ResourceLabels resource_to_telemetry_conversion;
    PromOptions options; /* state */
    Label *labels;
    Buf target; /* the name of target_info */
    MetricCache *cache;
    MetricAnswers *answers;
    Listener listener;
    Timer timer;
    bool told_conflict; /* of types; then they are only counted */
} PrometheusExporter;

typedef enum Strategy {
    STRATEGY_BY_SUFFIXES,
    STRATEGY_WITH_SUFFIXES,
    STRATEGY_WITHOUT_SUFFIXES
} Strategy;

static const char *const strategy_names[] = { "", "UnderscoreEscapingWithSuffixes",
                                              "UnderscoreEscapingWithoutSuffixes", NULL };

static const ConfigField conversion_fields[] = {
    BOOL(ResourceLabels, enabled, "false", "All attributes of the resource become labels."),
    { 0 },
};

static const ConfigField fields[] = {
    LISTEN_HTTP_ROWS(PrometheusExporter, listen, "localhost:8889", "0"),
    TEXT(PrometheusExporter, ns, "", "In front of every metric's name, with an underscore.",
         .name = "namespace"),
    TEXT_MAP(PrometheusExporter, const_labels,
             "Labels for every series that has none of the name."),
    BOOL(PrometheusExporter, send_timestamps, "false", "Write the time of each point."),
    DURATION(PrometheusExporter, metric_expiration, "5m", "1s", "876000h",
             "A series that was not updated for so long is not shown any more."),
    BOOL(PrometheusExporter, enable_open_metrics, "false",
         "Answer in OpenMetrics where the scraper prefers it."),
    BOOL(PrometheusExporter, add_metric_suffixes, "true", "Put type and unit behind names."),
    CHOICE(PrometheusExporter, translation_strategy, "", strategy_names,
           "How names are written; decides before add_metric_suffixes."),
    BOOL(PrometheusExporter, without_scope_info, "false",
         "No labels otel_scope_name, otel_scope_version and so on."),
    SECTION(PrometheusExporter, resource_to_telemetry_conversion, ResourceLabels, conversion_fields,
            "Attributes of the resource on every series."),
    COUNT(PrometheusExporter, max_series, "1000000", "1", "100000000",
          "So many lines are shown at most; further series are dropped and counted."),
    TEXT_LIST(PrometheusExporter, allowed_hosts, "",
              "Names besides localhost under which a loopback endpoint may be reached."),
    { 0 },
};

static bool exporter_check(const void *self, Err *err)
{
    const PrometheusExporter *exporter = self;
    for (size_t i = 0; i < exporter->const_labels.count; i++) {
        Str key = exporter->const_labels.items[i].key;
        if (!label_name_plain(key) || str_starts(key, STR("__")))
            return fail(err, ERR_INPUT, "const_labels: \"%.*s\" is not a label name", STR_ARG(key));
    }
    return listen_check(&exporter->listen, err);
}

/* ---- start and stop ---- */

static bool make_options(PrometheusExporter *exporter, Err *err)
{
    size_t count = exporter->const_labels.count;
    exporter->labels = MEM_MAKE(Label, count + 1, err);
    if (!exporter->labels)
        return false;
    for (size_t i = 0; i < count; i++)
        exporter->labels[i] =
            (Label){ exporter->const_labels.items[i].key, exporter->const_labels.items[i].value };
    int strategy = exporter->translation_strategy;
    bool suffixes = strategy == STRATEGY_BY_SUFFIXES ? exporter->add_metric_suffixes
                                                     : strategy == STRATEGY_WITH_SUFFIXES;
    exporter->options = (PromOptions){
        .ns = exporter->ns,
        .without_suffixes = !suffixes,
        .resource_labels = exporter->resource_to_telemetry_conversion.enabled,
        .scope_labels = !exporter->without_scope_info,
        .more = { exporter->labels, labels_sort(exporter->labels, count) },
    };
    FamilyNaming naming = { STR("target_info"), { NULL, 0 }, ENDING_NONE, exporter->ns, true };
    exporter->target = BUF(4096);
    return family_name(&naming, &exporter->target) && buf_ok(&exporter->target, err);
}

static void answer(void *owner, Request *request)
{
    PrometheusExporter *exporter = owner;
    metric_answer(exporter->answers, request);
}

static bool serve(PrometheusExporter *exporter, Err *err)
{
    const ListenWish wish = {
        .name = "http",
        .risk = "read all metrics",
        .check_host = endpoint_is_loopback(exporter->listen.endpoint),
        .allowed_hosts = &exporter->allowed_hosts,
        .limits = { .body_bytes = 1 << 16, .connections = 200 },
    };
    const Route route = { STR("/metrics"), STR("GET"), answer, exporter, 0 };
    Listener *listener = &exporter->listener;
    if (!listener_open(listener, &exporter->listen, &wish, exporter->base.host, err) ||
        !server_route(listener->server, &route, err) || !listener_listen(listener, err))
        return false;
    listener_announce(listener, "HTTP");
    return true;
}

static void set_timer(PrometheusExporter *exporter)
{
    Loop *loop = host_loop(exporter->base.host);
    timer_set(loop, &exporter->timer, loop_now(loop) + exporter->metric_expiration);
}

static void expire(void *owner)
{
    PrometheusExporter *exporter = owner;
    metric_expire(exporter->answers);
    set_timer(exporter);
}

static bool exporter_start(void *self, Err *err)
{
    PrometheusExporter *exporter = self;
    if (!make_options(exporter, err))
        return false;
    Budget *budget = host_budget(exporter->base.host);
    exporter->cache =
        metric_cache_new(exporter->max_series, budget_purse(budget, BUDGET_CACHES), err);
    if (!exporter->cache)
        return false;
    const AnswerSettings settings = {
        host_loop(exporter->base.host), exporter->cache,
        exporter->metric_expiration,    exporter->send_timestamps,
        exporter->enable_open_metrics,  budget_purse(budget, BUDGET_QUERIES)
    };
    exporter->answers = metric_answers_new(&settings, err);
    if (!exporter->answers || !serve(exporter, err))
        return false;
    exporter->timer = (Timer){ .fire = expire, .owner = exporter };
    set_timer(exporter);
    return true;
}

static void exporter_stop(void *self)
{
    PrometheusExporter *exporter = self;
    if (exporter->timer.set)
        timer_cancel(host_loop(exporter->base.host), &exporter->timer);
    metric_answers_free(exporter->answers);
    listener_close(&exporter->listener);
    metric_cache_free(exporter->cache);
    mem_free(exporter->labels);
    buf_free(&exporter->target);
    exporter->answers = NULL;
    exporter->cache = NULL;
    exporter->labels = NULL;
}

/* ---- points ---- */

typedef struct Taking {
    PrometheusExporter *exporter;
    uint64_t taken, dropped;
} Taking;

static void count_dropped(Taking *taking, const char *reason)
{
    taking->dropped++;
    host_count_dropped(taking->exporter->base.host, METRICS, 1, reason);
}

/* The page stays right: the first type stays, as in the public Collector. */
static void tell_conflict(PrometheusExporter *exporter, const PromFamily *family)
{
    if (exporter->told_conflict)
        return;
    exporter->told_conflict = true;
    host_log(exporter->base.host, LOG_WARN,
             "%.*s has come as another type before, which stays; the %s is dropped (further "
             "conflicts are only counted)",
             STR_ARG(family->name), metric_type_name(family->type));
}

static bool take_point(void *context, const PromPoint *point, Err *err)
{
    Taking *taking = context;
    PrometheusExporter *exporter = taking->exporter;
    const char *dropped;
    int64_t now = loop_now(host_loop(exporter->base.host));
    if (!metric_cache_put(exporter->cache, point, now, &dropped, err))
        return false;
    if (dropped == metric_cache_other_type)
        tell_conflict(exporter, point->family);
    if (dropped)
        count_dropped(taking, dropped);
    else
        taking->taken++;
    return true;
}

static bool take_unsupported(void *context, size_t item, const char *reason, Err *err)
{
    (void)item, (void)err;
    count_dropped(context, reason);
    return true;
}

/* Nobody's point: when there is no room for it, nothing is lost that was sent. */
static bool take_target(void *context, const PromTarget *target, Err *err)
{
    PrometheusExporter *exporter = ((Taking *)context)->exporter;
    const char *dropped;
    int64_t now = loop_now(host_loop(exporter->base.host));
    return metric_cache_target(exporter->cache, buf_str(&exporter->target), target->labels, now,
                               &dropped, err);
}

static bool exporter_consume(void *self, const Parcel *parcel, Err *err)
{
    PrometheusExporter *exporter = self;
    Taking taking = { .exporter = exporter };
    const PointVisitor visitor = { &taking, NULL, take_point, take_unsupported, take_target };
    bool ok = prom_points_walk(parcel->batch, &exporter->options, &visitor, err);
    if (!ok && !taking.taken && !taking.dropped)
        return false;
    host_count_sent(exporter->base.host, METRICS, taking.taken);
    if (ok) {
        ack_done(parcel->ack);
        return true;
    }
    uint64_t rest = batch_item_count(parcel->batch) - taking.taken - taking.dropped;
    host_count_dropped(exporter->base.host, METRICS, rest, "no memory for more series");
    ack_partly(parcel->ack, rest, err); /* deltas that were added must not come again */
    return true;
}

const ComponentType prometheus_exporter = {
    .name = "prometheus",
    .summary = "Shows metrics to Prometheus, which scrapes them.",
    .kind = EXPORTER,
    .stability = ALPHA,
    .placement = SINGLE,
    .signals = METRICS,
    .size = sizeof(PrometheusExporter),
    .fields = fields,
    .check = exporter_check,
    .start = exporter_start,
    .consume = exporter_consume,
    .stop = exporter_stop,
};
