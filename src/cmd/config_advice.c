/* config_advice.c - what is no error and yet hardly meant; see config_advice.h. */
#include "cmd/config_advice.h"

#include "config/setting_walk.h"
#include "pipe/connect_settings.h"
#include "pipe/listen_settings.h"
#include "regex/regex.h"

#include <stdio.h>

enum {
    LISTENERS_MAX = 256,
    PATH_TEXT_MAX = 200,
    GRPC_PORT = 4317,
    HTTP_PORT = 4318,
    TLS_PORT = 443
};

typedef struct ListenSpot {
    const ComponentConfig *component; /* NULL: the program's own metrics */
    const ConfigField *table;
    Str host;
    uint64_t port;
    Place place;
    char path[PATH_TEXT_MAX];
} ListenSpot;

typedef struct Advice {
    const ServiceConfig *config;
    Problems *problems;
    const ComponentConfig *component; /* at work */
    ListenSpot listeners[LISTENERS_MAX];
    size_t count;
} Advice;

/* ---- hosts and ports ----------------------------------------------------------------------------
 */

/* "https://host:port/path" into its host and port; false: it has no port. */
static bool split_endpoint(Str text, Str *host, uint64_t *port)
{
    size_t at = 0;
    while (at < text.len && !str_starts(str_skip(text, at), STR("://")))
        at++;
    text = at < text.len ? str_skip(text, at + 3) : text;
    for (at = 0; at < text.len && text.ptr[at] != '/'; at++)
        continue;
    text = str_first(text, at);
    while (at > 0 && text.ptr[at - 1] != ':' && text.ptr[at - 1] != ']')
        at--;
    if (at == 0 || text.ptr[at - 1] != ':')
        return false;
    *host = str_first(text, at - 1);
    return str_to_u64(str_skip(text, at), port);
}

static bool is_any(Str host)
{
    return !host.len || str_eq(host, STR("0.0.0.0")) || str_eq(host, STR("[::]"));
}

static bool is_loopback(Str host)
{
    return str_eq_nocase(host, STR("localhost")) || str_starts(host, STR("127.")) ||
           str_eq(host, STR("[::1]"));
}

static bool hosts_meet(Str a, Str b)
{
    return is_any(a) || is_any(b) || str_eq_nocase(a, b) ||
           (str_eq_nocase(a, STR("localhost")) && is_loopback(b)) ||
           (str_eq_nocase(b, STR("localhost")) && is_loopback(a));
}

static bool has_row(const ConfigField *table, const char *key)
{
    const ConfigField *field = config_find(table, str_from(key));
    return field && field->type != CONFIG_LATER && field->type != CONFIG_IGNORED;
}

/* ---- what listens -------------------------------------------------------------------------------
 */

static bool is_same_endpoint(const ListenSpot *a, const ListenSpot *b)
{
    return a->component && a->component == b->component && str_eq(a->host, b->host);
}

/* One port may speak gRPC and HTTP, where a component names it for both with the same words. */
static void check_clash(Advice *advice, const ListenSpot *spot)
{
    for (size_t i = 0; i < advice->count && spot->port; i++) {
        const ListenSpot *other = &advice->listeners[i];
        if (other->port != spot->port || !hosts_meet(other->host, spot->host) ||
            is_same_endpoint(other, spot))
            continue;
        problem_warning(advice->problems, spot->place,
                        "port %u is also that of %s; only one of them can listen there",
                        (unsigned)spot->port, other->path);
        return;
    }
}

static void note_listener(Advice *advice, ListenSpot spot)
{
    check_clash(advice, &spot);
    if (advice->count < LISTENERS_MAX)
        advice->listeners[advice->count++] = spot;
}

static bool shares_port(const Advice *advice, const ListenSpot *spot)
{
    for (size_t i = 0; i < advice->count; i++)
        if (advice->listeners[i].port == spot->port &&
            is_same_endpoint(&advice->listeners[i], spot))
            return true;
    return false;
}

static void check_listen_protocol(Advice *advice, const ListenSpot *spot)
{
    bool grpc = has_row(spot->table, "max_recv_msg_size_mib");
    bool otlp_http = has_row(spot->table, "traces_url_path");
    if (grpc && spot->port == HTTP_PORT)
        problem_warning(advice->problems, spot->place,
                        "4318 is where OTLP over HTTP is expected, and this speaks gRPC, whose "
                        "port is 4317");
    else if (otlp_http && spot->port == GRPC_PORT && !shares_port(advice, spot))
        problem_warning(advice->problems, spot->place,
                        "4317 is where OTLP over gRPC is expected, and this speaks HTTP, whose "
                        "port is 4318");
}

static void visit_listener(Advice *advice, const ConfigSpot *spot)
{
    ListenSpot listener = { .component = advice->component,
                            .table = spot->table,
                            .place = spot->place };
    Buf path = BUF(PATH_TEXT_MAX);
    if (!split_endpoint(*(const Str *)(const void *)spot->at, &listener.host, &listener.port))
        return; /* a path of a socket */
    problems_write_path(advice->problems, &path);
    snprintf(listener.path, sizeof listener.path, "%.*s", STR_ARG(buf_str(&path)));
    buf_free(&path);
    check_listen_protocol(advice, &listener);
    note_listener(advice, listener);
}

/* ---- what connects ------------------------------------------------------------------------------
 */

/* The tls section of the table that the endpoint is in; NULL: it does not connect. */
static const TlsConnectSettings *tls_of(const ConfigSpot *spot)
{
    const ConfigField *field = config_find(spot->table, STR("tls"));
    bool connects = field && field->type == CONFIG_SECTION && field->table == tls_connect_fields;
    return connects ? (const TlsConnectSettings *)(const void *)(spot->settings + field->offset)
                    : NULL;
}

static bool is_grpc(const ConfigSpot *spot)
{
    const ConfigField *field = config_find(spot->table, STR("compression"));
    return field && field->choices == connect_grpc_compressions;
}

static bool sends_credentials(const ConfigSpot *spot)
{
    static const char *const words[] = { "authorization", "api-key", "apikey", "token" };
    const ConfigField *field = config_find(spot->table, STR("headers"));
    if (!field || field->type != CONFIG_MAP || field->item != CONFIG_SECRET)
        return false;
    const SecretPair *pairs = *(SecretPair *const *)(const void *)(spot->settings + field->offset);
    size_t count = *(const size_t *)(const void *)(spot->settings + field->second);
    for (size_t i = 0; i < count; i++)
        for (size_t w = 0; w < COUNT_OF(words); w++)
            for (size_t at = 0; at < pairs[i].key.len; at++)
                if (str_eq_nocase(str_first(str_skip(pairs[i].key, at), str_from(words[w]).len),
                                  str_from(words[w])))
                    return true;
    return false;
}

static bool has_tls_settings(const TlsConnectSettings *tls)
{
    return tls->own.cert_file.len || tls->own.cert_pem.len || tls->ca_file.len || tls->ca_pem.len ||
           tls->insecure_skip_verify || tls->server_name_override.len;
}

typedef struct Peer { /* of an endpoint that something connects to */
    const ConfigSpot *spot;
    const TlsConnectSettings *tls;
    Str host;
    uint64_t port;
    bool grpc, plain;
} Peer;

static void check_peer_tls(Problems *problems, const Peer *peer)
{
    Place place = peer->spot->place;
    const char *remedy = peer->grpc ? "write https:// in front, without tls.insecure"
                                    : "write https:// instead of http://";
    if (peer->plain && peer->port == TLS_PORT)
        problem_warning(problems, place, "port 443 expects TLS, and this is plain text; %s",
                        remedy);
    else if (peer->plain && has_tls_settings(peer->tls))
        problem_warning(problems, place, "tls has no effect, because this is plain text; %s",
                        remedy);
    else if (peer->plain && !is_loopback(peer->host) && sends_credentials(peer->spot))
        problem_warning(problems, place,
                        "headers with credentials go through the network in plain text; %s",
                        remedy);
    else if (!peer->plain && peer->grpc && peer->port == GRPC_PORT && is_loopback(peer->host) &&
             !has_tls_settings(peer->tls))
        problem_warning(problems, place,
                        "TLS is spoken here, and a port of this machine usually has none: tls: "
                        "{insecure: true} means plain text");
}

static void check_peer_port(Problems *problems, const Peer *peer)
{
    if (peer->grpc && peer->port == HTTP_PORT)
        problem_warning(problems, peer->spot->place,
                        "4318 is where OTLP over HTTP is expected, and this speaks gRPC: use 4317, "
                        "or the exporter otlphttp");
    else if (!peer->grpc && peer->port == GRPC_PORT)
        problem_warning(problems, peer->spot->place,
                        "4317 is where OTLP over gRPC is expected, and this speaks HTTP: use 4318, "
                        "or the exporter otlp");
}

/* The exporter adds the path of the signal itself. */
static void check_peer_path(Problems *problems, const ConfigSpot *spot, Str endpoint)
{
    static const Str paths[] = { STR_ROW("/v1/traces"), STR_ROW("/v1/metrics"),
                                 STR_ROW("/v1/logs") };
    for (size_t i = 0; i < COUNT_OF(paths); i++)
        if (str_ends(endpoint, paths[i]) && has_row(spot->table, "traces_endpoint"))
            problem_warning(problems, spot->place,
                            "%.*s is added to it, so that it would be there twice: give the base "
                            "URL, or give this as %.*s_endpoint",
                            STR_ARG(paths[i]), STR_ARG(str_skip(paths[i], sizeof "/v1/" - 1)));
}

static void visit_peer(Advice *advice, const ConfigSpot *spot, Str endpoint)
{
    Peer peer = { .spot = spot, .tls = tls_of(spot), .grpc = is_grpc(spot) };
    if (!peer.tls || !endpoint.len)
        return;
    if (str_eq(str_from(config_key(spot->field)), STR("endpoint")))
        check_peer_path(advice->problems, spot, endpoint);
    bool secured = str_starts(endpoint, STR("https://"));
    bool open = str_starts(endpoint, STR("http://"));
    peer.plain = open || (!secured && peer.grpc && peer.tls->insecure);
    if (!split_endpoint(endpoint, &peer.host, &peer.port))
        return;
    check_peer_tls(advice->problems, &peer);
    check_peer_port(advice->problems, &peer);
}

static void visit(void *context, const ConfigSpot *spot)
{
    Advice *advice = context;
    if (spot->field->type != CONFIG_TEXT)
        return;
    if (spot->field->path == OPENS_SOCKET)
        visit_listener(advice, spot);
    else if (str_ends(str_from(config_key(spot->field)), STR("endpoint")))
        visit_peer(advice, spot, *(const Str *)(const void *)spot->at);
}

static void advise_component(Advice *advice, const ComponentConfig *component)
{
    const ConfigWalk walk = { .visit = visit, .context = advice, .problems = advice->problems };
    advice->component = component;
    problems_enter(advice->problems, str_from(component_kind_section(component->type->kind)));
    problems_enter(advice->problems, component->id);
    config_walk(&walk, component->type->fields, component->settings, component->node);
    problems_leave(advice->problems);
    problems_leave(advice->problems);
}

static void advise_components(Advice *advice)
{
    for (int kind = 0; kind < COMPONENT_KIND_COUNT; kind++) {
        const ComponentList *list = &advice->config->defined[kind];
        for (size_t i = 0; i < list->count; i++)
            if (list->items[i]->used && list->items[i]->type->fields)
                advise_component(advice, list->items[i]);
    }
}

static void advise_own_metrics(Advice *advice, const Node *root)
{
    const Node *given = node_at(root, STR("service.telemetry.metrics"), '.');
    ListenSpot spot = { .path = "own metrics (service.telemetry.metrics)" };
    spot.place = given ? given->place : root->place;
    if (split_endpoint(advice->config->own_metrics, &spot.host, &spot.port))
        note_listener(advice, spot);
}

/* ---- the order of processors --------------------------------------------------------------------
 */

typedef struct OrderRule {
    const char *processor;
    const char *const *before; /* must not stand in front of these; NULL: of nothing at all */
    const char *why;
} OrderRule;

static const char *const samplers[] = { "tail_sampling", "groupbytrace", "probabilistic_sampler",
                                        NULL };

/* The first rule is the other way round: what it names belongs in front of everything. */
static const OrderRule rules[] = {
    { "memory_limiter", NULL,
      "should be the first processor: what stands in front of it takes memory that it cannot "
      "refuse" },
    { "batch", samplers,
      "stands in front of a sampler: batches are made of data that is then thrown away, and "
      "traces are torn apart; put it behind" },
};

static bool is_one_of(const ComponentConfig *component, const char *const *names)
{
    for (size_t i = 0; names[i]; i++)
        if (str_eq(str_from(component->type->name), str_from(names[i])))
            return true;
    return false;
}

static bool breaks(const OrderRule *rule, const ComponentList *list, size_t at)
{
    if (!rule->before)
        return at > 0;
    for (size_t i = at + 1; i < list->count; i++)
        if (is_one_of(list->items[i], rule->before))
            return true;
    return false;
}

static void advise_order(Advice *advice, const PipelineConfig *pipeline, const Node *list)
{
    const ComponentList *processors = &pipeline->processors;
    for (size_t i = 0; i < processors->count; i++) {
        const Node *item =
            list && list->kind == NODE_LIST && i < list->count ? list->items[i] : list;
        problems_enter_item(advice->problems, i);
        for (size_t r = 0; r < COUNT_OF(rules); r++) {
            const char *const wanted[] = { rules[r].processor, NULL };
            if (is_one_of(processors->items[i], wanted) && breaks(&rules[r], processors, i))
                problem_warning(advice->problems, item ? item->place : pipeline->place, "%s %s",
                                rules[r].processor, rules[r].why);
        }
        problems_leave(advice->problems);
    }
}

static void advise_pipelines(Advice *advice, const Node *root)
{
    const Node *pipelines = node_at(root, STR("service.pipelines"), '.');
    problems_enter(advice->problems, STR("service.pipelines"));
    for (size_t i = 0; i < advice->config->pipeline_count && i < pipelines->count; i++) {
        const PipelineConfig *pipeline = &advice->config->pipelines[i];
        problems_enter(advice->problems, pipeline->id);
        problems_enter(advice->problems, STR("processors"));
        advise_order(advice, pipeline, node_get(pipelines->pairs[i].value, STR("processors")));
        problems_leave(advice->problems);
        problems_leave(advice->problems);
    }
    problems_leave(advice->problems);
}

void config_advise(const ServiceConfig *config, const Node *root, Problems *problems)
{
    Advice advice = { .config = config, .problems = problems };
    advise_own_metrics(&advice, root);
    advise_components(&advice);
    advise_pipelines(&advice, root);
}

/* ---- names --------------------------------------------------------------------------------------
 */

bool config_check_names(const ServiceConfig *config, Problems *problems)
{
    Err err;
    size_t errors = problems->errors;
    Regex *good = regex_new(STR("[^\\pZ\\pC\\pS]*"), REGEX_ANCHORED, &err);
    if (!good) {
        problems_starve(problems, &err);
        return false;
    }
    for (int kind = 0; kind < COMPONENT_KIND_COUNT; kind++)
        for (size_t i = 0; i < config->defined[kind].count; i++) {
            const ComponentConfig *component = config->defined[kind].items[i];
            if (!regex_matches(good, component->id))
                problem_error(problems, component->place, "invalid character(s) in name \"%.*s\"",
                              STR_ARG(component->id));
        }
    for (size_t i = 0; i < config->pipeline_count; i++)
        if (!regex_matches(good, config->pipelines[i].id))
            problem_error(problems, config->pipelines[i].place,
                          "invalid character(s) in name \"%.*s\"",
                          STR_ARG(config->pipelines[i].id));
    regex_free(good);
    return problems->errors == errors;
}
