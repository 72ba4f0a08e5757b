/* server.c - a listening port: its settings, listening, draining, and the end; see server.h. */
#include "net/server.h"

#include "base/mem.h"
#include "net/port_owner.h"
#include "net/resolve.h"
#include "net/server_internal.h"
#include "net/unix_listener_internal.h"

#include <errno.h>

enum {
    BACKLOG = 1024,
    NAMES_MAX = 64 * 1024, /* of each list in the settings, as fields are counted */
};

static ServerLimits with_defaults(ServerLimits limits)
{
    const ServerLimits defaults = {
        .connections = 10000,
        .streams_per_connection = 256,
        .body_bytes = 64 << 20,
        .inflated_bytes = 64 << 20,
        .header_bytes = 64 << 10,
        .header_timeout_ns = 10 * NANOS_PER_SECOND,
        .body_timeout_ns = 30 * NANOS_PER_SECOND,
        .idle_timeout_ns = 180 * NANOS_PER_SECOND,
        .write_timeout_ns = 30 * NANOS_PER_SECOND,
    };
#define DEFAULT(member) limits.member = limits.member ? limits.member : defaults.member
    DEFAULT(connections);
    DEFAULT(streams_per_connection);
    DEFAULT(body_bytes);
    DEFAULT(inflated_bytes);
    DEFAULT(header_bytes);
    DEFAULT(header_timeout_ns);
    DEFAULT(body_timeout_ns);
    DEFAULT(idle_timeout_ns);
    DEFAULT(write_timeout_ns);
#undef DEFAULT
    return limits;
}

static void drain_expires(void *owner);
static void drain_ends(void *owner);

static bool copy_names(HttpFields *into, const Str *names, size_t count, Err *err)
{
    for (size_t i = 0; i < count; i++)
        if (!http_fields_add(into, names[i], STR(""), err))
            return blame(err, "a list of names");
    return true;
}

static bool copy_settings(Server *server, const ServerSettings *settings, Err *err)
{
    server->endpoint = mem_copy_text(settings->endpoint, err);
    if (!server->endpoint)
        return false;
    for (size_t i = 0; i < settings->response_field_count; i++) {
        const HttpField *field = &settings->response_fields[i];
        if (!http_fields_add(&server->response_fields, field->name, field->value, err))
            return blame(err, "response fields");
    }
    if (settings->challenge.len &&
        !http_fields_add(&server->challenge, STR("www-authenticate"), settings->challenge, err))
        return blame(err, "challenge");
    if (settings->cors)
        server->cors = cors_new(settings->cors, err);
    return (server->cors || !settings->cors) &&
           copy_names(&server->allowed_hosts, settings->allowed_hosts, settings->allowed_host_count,
                      err) &&
           copy_names(&server->encodings, settings->encodings, settings->encoding_count, err);
}

Server *server_new(const ServerSettings *settings, Err *err)
{
    Server *server = MEM_MAKE(Server, 1, err);
    if (!server)
        return NULL;
    server->loop = settings->loop;
    server->limits = with_defaults(settings->limits);
    server->purses = (ServerPurses){
        .connections =
            budget_purse(settings->budget, settings->vital ? BUDGET_VITAL : BUDGET_CONNECTIONS),
        .bodies = budget_purse(settings->budget, BUDGET_BODIES),
        .answers = budget_purse(settings->budget, settings->vital ? BUDGET_VITAL : BUDGET_BODIES),
        .large_answers = budget_purse(settings->budget, BUDGET_QUERIES),
    };
    grants_init(server);
    turns_init(server);
    holds_init(server);
    server->tls = settings->tls;
    server->handshake_failed = settings->handshake_failed;
    server->handshake_owner = settings->handshake_owner;
    server->reuse_port = settings->reuse_port;
    server->check_host = settings->check_host;
    server->admit = settings->admit;
    server->authenticate = settings->authenticate;
    server->authenticate_owner = settings->authenticate_owner;
    server->hold = settings->hold;
    server->close_each = settings->close_each;
    http_fields_init(&server->allowed_hosts, NAMES_MAX);
    http_fields_init(&server->encodings, NAMES_MAX);
    http_fields_init(&server->response_fields, NAMES_MAX);
    http_fields_init(&server->challenge, NAMES_MAX);
    server->drain_deadline = (Timer){ .fire = drain_expires, .owner = server };
    server->drain_over = (Post){ .run = drain_ends, .owner = server };
    if (copy_settings(server, settings, err))
        return server;
    server_free(server);
    return NULL;
}

bool server_route(Server *server, const Route *route, Err *err)
{
    return route_add(&server->routes, route, err);
}

bool server_grpc_route(Server *server, const GrpcRoute *route, Err *err)
{
    Route as_http = { .path = route->path,
                      .methods = STR("POST"),
                      .handle = route->handle,
                      .owner = route->owner,
                      .body_bytes = route->message_bytes };
    return route_add(&server->grpc_routes, &as_http, err);
}

/* ---- listening ---- */

static bool explain_listen(const Server *server, const Address *address, int code, Err *err)
{
    char text[ADDRESS_TEXT_SIZE], owner[PORT_OWNER_TEXT_SIZE];
    fail_errno(err, code, "listening on %s", address_text(address, text));
    if (address_path(address) && code == EADDRINUSE)
        fail(err, ERR_IO, "listening on %s: somebody listens there already", text);
    else if (address_path(address) && code == EEXIST)
        fail(err, ERR_IO, "listening on %s: that file is no socket; remove it or choose another",
             text);
    else if (address_path(address) && code == EBUSY)
        fail(err, ERR_IO,
             "listening on %s: another process keeps its directory locked; choose one of its own",
             text);
    else if (code == EADDRINUSE && port_owner_text(address, owner))
        fail(err, ERR_IO, "listening on %s (%s): already in use by %s", server->endpoint, text,
             owner);
    return false;
}

/* SO_REUSEPORT would let another process of ours share the port unnoticed, which is hardly ever
 * what its user wants. So unless this process listens there already, nobody may. Who does is asked
 * last: reading all of /proc takes longer than all else at the start. */
static int check_port_is_ours(const Server *server, const Address *address)
{
    Sockets *sockets = loop_sockets(server->loop);
    PortOwner owner;
    uint16_t port = address_port(address);
    if (!server->reuse_port || port == 0)
        return 0;
    int fd = sockets->listen(sockets, address, (ListenOptions){ .backlog = 1 });
    if (fd >= 0)
        sockets->close(sockets, fd);
    bool is_ours = fd == -EADDRINUSE && port_owner_find(port, &owner) && owner.is_us;
    return fd < 0 && !is_ours ? fd : 0;
}

/* Without IPv6 in the kernel "every interface" is that of IPv4. */
static int open_listener(const Server *server, Address *address)
{
    Sockets *sockets = loop_sockets(server->loop);
    ListenOptions options = { .reuse_port = server->reuse_port, .backlog = BACKLOG };
    int fd = check_port_is_ours(server, address);
    fd = fd < 0 ? fd : sockets->listen(sockets, address, options);
    if (fd != -EAFNOSUPPORT || !str_starts(str_from(server->endpoint), STR(":")))
        return fd;
    if (!address_from_literal(address, STR("0.0.0.0"), address_port(address)))
        return fd;
    return sockets->listen(sockets, address, options);
}

static bool find_address(const Server *server, Address *out, Err *err)
{
    Str host, path, endpoint = str_from(server->endpoint);
    uint16_t port = 0;
    if (endpoint_is_path(endpoint, &path))
        return address_from_path(out, path, err);
    return endpoint_split(endpoint, &host, &port, err) && resolve_now(host, port, out, err);
}

static void forget_path(const Address *address)
{
    if (address_path(address))
        unix_unlisten(address);
}

bool server_listen(Server *server, Err *err)
{
    Address address;
    Sockets *sockets = loop_sockets(server->loop);
    if (!find_address(server, &address, err))
        return false;
    int fd = open_listener(server, &address);
    if (fd < 0)
        return explain_listen(server, &address, -fd, err);
    if (!accept_start(server, fd, err)) {
        sockets->close(sockets, fd);
        forget_path(&address);
        return false;
    }
    if (address_path(&address) || !sockets->local_address(sockets, fd, &server->address))
        server->address = address;
    return true;
}

static void stop_listening(Server *server)
{
    bool listens = server->listener.watched;
    accept_stop(server);
    if (listens)
        forget_path(&server->address);
}

/* ---- draining ---- */

static void close_all(Server *server)
{
    while (server->connections)
        connection_close(server->connections);
}

void server_connection_closed(Server *server)
{
    server->counts.connections_open--;
    if (server->draining && !server->connections)
        loop_post(server->loop, &server->drain_over);
}

static void drain_expires(void *owner)
{
    close_all(owner); /* the last one posts drain_over */
}

static void drain_ends(void *owner)
{
    Server *server = owner;
    timer_cancel(server->loop, &server->drain_deadline);
    void (*drained)(void *) = server->drained;
    server->drained = NULL;
    if (drained)
        drained(server->drained_owner);
}

void server_drain(Server *server, int64_t deadline_ns, void (*done)(void *owner), void *owner)
{
    stop_listening(server);
    server->draining = true;
    server->drained = done;
    server->drained_owner = owner;
    holds_end(server);
    timer_set(server->loop, &server->drain_deadline, deadline_ns);
    for (Connection *connection = server->connections; connection;) {
        Connection *next = connection->next; /* draining an idle one closes it, and only it */
        connection_drain(connection);
        connection = next;
    }
    if (!server->connections)
        loop_post(server->loop, &server->drain_over);
}

/* ---- the end ---- */

/* Those that handlers still hold. */
static void orphan_requests(Server *server)
{
    while (server->requests) {
        Request *request = server->requests;
        server->requests = request->next;
        if (request->next)
            request->next->prev = NULL;
        grant_forget(request);
        turn_forget(request);
        hold_forget(request);
        timer_cancel(server->loop, &request->slow_timer);
        request->next = request->prev = NULL;
        request->server = NULL;
    }
}

void server_free(Server *server)
{
    if (!server)
        return;
    server->drained = NULL;
    stop_listening(server);
    close_all(server);
    orphan_requests(server);
    timer_cancel(server->loop, &server->drain_deadline);
    loop_unpost(server->loop, &server->drain_over);
    turns_done(server);
    routes_done(&server->routes);
    routes_done(&server->grpc_routes);
    http_fields_done(&server->allowed_hosts);
    http_fields_done(&server->encodings);
    http_fields_done(&server->challenge);
    http_fields_done(&server->response_fields);
    cors_free(server->cors);
    mem_free(server->endpoint);
    mem_free(server);
}

Address server_address(const Server *server)
{
    return server->address;
}

ServerCounts server_counts(const Server *server)
{
    ServerCounts counts = server->counts;
    for (const Connection *connection = server->connections; connection;
         connection = connection->next) {
        counts.bytes_in += connection->transport.bytes_in;
        counts.bytes_out += connection->transport.bytes_out;
    }
    return counts;
}
