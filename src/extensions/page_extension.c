/* page_extension.c - the web page, Jaeger's API and our own, on one port.
 *
 * Host and Origin are checked against the loopback names and `allowed_hosts`: a page from elsewhere
 * must not read what is stored here through somebody's browser (DNS rebinding). Questions to the
 * store run on query threads (api/api_server.h); files come from inside the program (web/page.h).
 */
#include "api/api_server.h"
#include "net/server.h"
#include "pipe/host.h"
#include "store/scan.h"
#include "store/store.h"
#include "web/page.h"

#include <stdio.h>

enum { STATUS_MEMORY_MAX = 1 << 20 };

typedef struct PageExtension {
    Component base;
    Str endpoint, store; /* settings */
    TextList allowed_hosts;
    Store *stored; /* state */
    Server *server;
    ApiServer *api;
    int64_t start_ns;
    char address[ADDRESS_TEXT_SIZE], grpc[ADDRESS_TEXT_SIZE], http[ADDRESS_TEXT_SIZE];
} PageExtension;

static const ConfigField fields[] = {
    ENDPOINT(PageExtension, endpoint, "localhost:16686", "Where to listen."),
    TEXT(PageExtension, store, "store", "The store extension to read from."),
    TEXT_LIST(PageExtension, allowed_hosts, "",
              "Names besides localhost under which browsers may reach it."),
    LATER("tls", "TLS"),
    LATER("auth", "authentication"),
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
    for (size_t i = 0; status && i < status->count; i++) {
        add_component(out, &status->components[i]);
        learn_endpoints(page, &status->components[i]);
    }
    arena_free(arena);
    out->otlp_grpc = str_from(page->grpc);
    out->otlp_http = str_from(page->http);
}

static bool open_server(PageExtension *page, Err *err)
{
    Host *host = page->base.host;
    const ServerSettings settings = {
        .loop = host_loop(host),
        .endpoint = page->endpoint,
        .check_host = true,
        .allowed_hosts = page->allowed_hosts.items,
        .allowed_host_count = page->allowed_hosts.count,
        .limits = { .body_bytes = 1 << 20 },
    };
    page->server = server_new(&settings, err);
    if (!page->server)
        return false;
    page->api = api_server_new(&(ApiServerSettings){ .loop = host_loop(host),
                                                     .server = page->server,
                                                     .source = store_spans(page->stored),
                                                     .clock = host_clock(host),
                                                     .status = fill_status,
                                                     .context = page,
                                                     .in_place = host_is_stepped(host) },
                               err);
    const Route rest = { .path = STR("/*"), .methods = STR("GET"), .handle = web_handle };
    if (!page->api || !server_route(page->server, &rest, err))
        return false;
    return server_listen(page->server, err) || blame(err, "endpoint");
}

static bool page_start(void *self, Err *err)
{
    PageExtension *page = self;
    Host *host = page->base.host;
    page->start_ns = clock_wall_ns(host_clock(host));
    page->stored = host_service(host, page->store, SERVICE_STORE, err);
    if (!page->stored)
        return blame(err, "store");
    if (!open_server(page, err))
        return false;
    Address address = server_address(page->server);
    address_text(&address, page->address);
    host_log(host, LOG_INFO, "The page and Jaeger's API are on http://%s", page->address);
    if (!address_is_loopback(&address))
        host_log(host, LOG_WARN,
                 "%s listens beyond this machine, without TLS and without authentication: "
                 "whoever reaches it can read everything that is stored",
                 page->address);
    return true;
}

static void page_stop(void *self)
{
    PageExtension *page = self;
    server_free(page->server);
    api_server_free(page->api);
    page->server = NULL;
    page->api = NULL;
}

const ComponentType page_extension = {
    .name = "page",
    .summary = "The web page and Jaeger's HTTP API, over a store.",
    .kind = EXTENSION,
    .stability = ALPHA,
    .placement = SINGLE,
    .size = sizeof(PageExtension),
    .fields = fields,
    .start = page_start,
    .stop = page_stop,
};
