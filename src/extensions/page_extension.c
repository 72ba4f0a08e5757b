/* page_extension.c - the web page and the APIs of Jaeger, Prometheus, Loki and our own, on one
 * port; and on the ports where Prometheus' and Loki's clients look by themselves, where those are
 * free.
 *
 * Host and Origin are checked against the loopback names and `allowed_hosts`: a page from elsewhere
 * must not read what is stored here through somebody's browser (DNS rebinding). Questions to the
 * store run on query threads (api/api_server.h); files come from inside the program (web/page.h).
 */
#include "api/api_server.h"
#include "api/append.h"
#include "api/cryo_services.h"
#include "api/jaeger.h"
#include "api/loki.h"
#include "api/prometheus.h"
#include "net/server.h"
#include "pipe/host.h"
#include "pipe/listen_settings.h"
#include "store/scan.h"
#include "store/store.h"
#include "web/page.h"

#include <stdio.h>

enum { STATUS_MEMORY_MAX = 1 << 20, BODY_MAX = 16 << 20 };

typedef struct PageExtension {
    Component base;
    ListenSettings listen; /* settings */
    Str store, prometheus, loki;
    TextList allowed_hosts;
    AppendTo stored; /* state */
    Listener listener, prometheus_listener, loki_listener;
    ApiServer *api;
    int64_t start_ns;
    char address[ADDRESS_TEXT_SIZE], grpc[ADDRESS_TEXT_SIZE], http[ADDRESS_TEXT_SIZE];
} PageExtension;

static const ConfigField fields[] = {
    LISTEN_HTTP_ROWS(PageExtension, listen, "localhost:16686", "16MiB"),
    TEXT(PageExtension, store, "store", "The store extension to read from."),
    TEXT_LIST(PageExtension, allowed_hosts, "",
              "Names besides localhost under which browsers may reach it."),
    TEXT(PageExtension, prometheus, "",
         "Also open Prometheus' API here (127.0.0.1:9090), if the port is free."),
    TEXT(PageExtension, loki, "",
         "Also open Loki's API here (127.0.0.1:3100), if the port is free."),
    { 0 },
};

static void add_component(CryoStatus *out, const ComponentStatus *component)
{
    if (component->kind == RECEIVER) {
        out->spans += component->by_signal[signal_index(TRACES)].sent;
        out->metric_points += component->by_signal[signal_index(METRICS)].sent;
        out->log_records += component->by_signal[signal_index(LOGS)].sent;
    }
    out->spans_dropped += component->by_signal[signal_index(TRACES)].dropped;
}

/* Written once: query threads may be reading them. */
static void learn_endpoints(PageExtension *page, const ComponentStatus *component)
{
    for (size_t i = 0; i < component->endpoint_count; i++) {
        const EndpointStatus *endpoint = &component->endpoints[i];
        bool is_http = str_eq(str_from(endpoint->protocol), STR("HTTP"));
        char *known = is_http ? page->http : page->grpc;
        if (component->kind == RECEIVER && !known[0])
            snprintf(known, ADDRESS_TEXT_SIZE, "%s", endpoint->address);
    }
}

/* On the loop's thread. Without memory the numbers are zero, which the next second mends. */
static void fill_status(void *context, CryoStatus *out)
{
    PageExtension *page = context;
    out->start_unix_ns = page->start_ns;
    out->ui = str_from(page->address);
    Err err;
    Arena *arena = arena_new(STATUS_MEMORY_MAX, &err);
    const GraphStatus *status = arena ? host_status(page->base.host, arena, &err) : NULL;
    if (status)
        out->memory = status->memory;
    for (size_t i = 0; status && i < status->count; i++) {
        add_component(out, &status->components[i]);
        learn_endpoints(page, &status->components[i]);
    }
    arena_free(arena);
    out->otlp_grpc = str_from(page->grpc);
    out->otlp_http = str_from(page->http);
}

/* name: also of its certificate. */
static bool open_listener(PageExtension *page, Listener *listener, const ListenSettings *settings,
                          const char *name, Err *err)
{
    const ListenWish wish = {
        .name = name,
        .risk = "read everything that is stored",
        .check_host = true,
        .allowed_hosts = &page->allowed_hosts,
        .limits = { .body_bytes = BODY_MAX },
    };
    return listener_open(listener, settings, &wish, page->base.host, err);
}

static bool reload(void *host, Err *err)
{
    return host_reload(host, err);
}

static bool open_api(PageExtension *page, Err *err)
{
    Host *host = page->base.host;
    page->api = api_server_new(
        &(ApiServerSettings){
            .loop = host_loop(host),
            .sources = { .spans = store_spans(page->stored.store),
                         .series = store_series(page->stored.store),
                         .logs = store_logs(page->stored.store),
                         .append = append_and_wait,
                         .append_context = &page->stored,
                         .reload = reload,
                         .reload_context = host },
            .clock = host_clock(host),
            .budget = host_budget(host),
            .status = fill_status,
            .context = page,
            .in_place = page->stored.stepped,
        },
        err);
    return page->api != NULL;
}

static bool show_page(PageExtension *page, Err *err)
{
    const Route rest = { .path = STR("/*"), .methods = STR("GET"), .handle = web_handle };
    Server *server = page->listener.server;
    return api_server_show(page->api, server, jaeger_routes, JAEGER_ROUTES, err) &&
           api_server_show(page->api, server, prometheus_routes, PROMETHEUS_ROUTES, err) &&
           api_server_show(page->api, server, loki_routes, LOKI_ROUTES, err) &&
           api_server_show(page->api, server, cryo_status_routes, CRYO_STATUS_ROUTES, err) &&
           api_server_show(page->api, server, cryo_services_routes, CRYO_SERVICES_ROUTES, err) &&
           server_route(server, &rest, err);
}

static void tell_where(const Listener *listener, const char *what)
{
    char text[ADDRESS_TEXT_SIZE];
    Address address = server_address(listener->server);
    host_log(listener->host, LOG_INFO, "%s on %s://%s", what, listener_scheme(listener),
             address_text(&address, text));
    listener_warn(listener);
}

/* Beside the page's own port, protected in the same way. */
static bool open_also(PageExtension *page, Listener *listener, Str endpoint, const char *name,
                      Err *err)
{
    ListenSettings settings = page->listen;
    settings.endpoint = endpoint;
    return open_listener(page, listener, &settings, name, err);
}

/* A port where others may already be: then it stays closed, and that is no failure. */
static void listen_too(Listener *listener, const char *name)
{
    Err err;
    char what[32];
    snprintf(what, sizeof what, "%s API is", name);
    if (listener_listen(listener, &err))
        tell_where(listener, what);
    else
        host_log(listener->host, LOG_WARN, "%s API has no port of its own: %s", name, err.text);
}

static bool open_prometheus(PageExtension *page, Err *err)
{
    if (!page->prometheus.len)
        return true;
    Listener *listener = &page->prometheus_listener;
    if (!open_also(page, listener, page->prometheus, "prometheus", err) ||
        !api_server_show(page->api, listener->server, prometheus_routes, PROMETHEUS_ROUTES, err) ||
        !api_server_show(page->api, listener->server, prometheus_port_routes,
                         PROMETHEUS_PORT_ROUTES, err))
        return blame(err, "prometheus");
    listen_too(listener, "Prometheus'");
    return true;
}

static bool open_loki(PageExtension *page, Err *err)
{
    if (!page->loki.len)
        return true;
    Listener *listener = &page->loki_listener;
    if (!open_also(page, listener, page->loki, "loki", err) ||
        !api_server_show(page->api, listener->server, loki_routes, LOKI_ROUTES, err) ||
        !api_server_show(page->api, listener->server, loki_port_routes, LOKI_PORT_ROUTES, err))
        return blame(err, "loki");
    listen_too(listener, "Loki's");
    return true;
}

static bool open_page(PageExtension *page, Err *err)
{
    return open_listener(page, &page->listener, &page->listen, "http", err) &&
           open_api(page, err) && show_page(page, err) && listener_listen(&page->listener, err);
}

static bool page_check(const void *self, Err *err)
{
    const PageExtension *page = self;
    if (!listen_check(&page->listen, err))
        return false;
    if (page->prometheus.len && !config_check_endpoint(page->prometheus, err))
        return blame(err, "prometheus");
    return !page->loki.len || config_check_endpoint(page->loki, err) || blame(err, "loki");
}

static bool page_start(void *self, Err *err)
{
    PageExtension *page = self;
    Host *host = page->base.host;
    page->start_ns = clock_wall_ns(host_clock(host));
    page->stored =
        (AppendTo){ host_service(host, page->store, SERVICE_STORE, err), host_is_stepped(host) };
    if (!page->stored.store)
        return blame(err, "store");
    if (!open_page(page, err))
        return false;
    Address address = server_address(page->listener.server);
    address_text(&address, page->address);
    tell_where(&page->listener, "The page and the APIs are");
    return open_prometheus(page, err) && open_loki(page, err);
}

static void page_stop(void *self)
{
    PageExtension *page = self;
    listener_close(&page->listener);
    listener_close(&page->prometheus_listener);
    listener_close(&page->loki_listener);
    api_server_free(page->api);
    page->api = NULL;
}

const ComponentType page_extension = {
    .name = "page",
    .summary = "The web page and the HTTP APIs of Jaeger, Prometheus and Loki, over a store.",
    .kind = EXTENSION,
    .stability = ALPHA,
    .placement = SINGLE,
    .size = sizeof(PageExtension),
    .fields = fields,
    .check = page_check,
    .start = page_start,
    .stop = page_stop,
};
