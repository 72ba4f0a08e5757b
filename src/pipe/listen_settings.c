/* listen_settings.c - see listen_settings.h. */
#include "pipe/listen_settings.h"

#include "base/mem.h"
#include "net/encoding.h"
#include "pipe/host_base.h"

#include <string.h>

enum {
    HEADER_SIZE_LEAST = 1024,
    PARAM_MAX = 64 * 1024, /* as many bytes as a header may have */
};

typedef enum Transport { TRANSPORT_TCP, TRANSPORT_UNIX } Transport;

/* --- rows ------------------------------------------------------------------------------------ */

const char *const listen_transports[] = { "tcp", "unix", NULL };

const ConfigField cors_fields[] = {
    TEXT_LIST(CorsRules, allowed_origins, "",
              "Origins such as https://app.example.com; a * stands for any text."),
    TEXT_LIST(CorsRules, allowed_headers, "",
              "Headers that may be sent beside the usual ones; * for any."),
    TEXT_LIST(CorsRules, exposed_headers, "", "Headers of answers that pages may read."),
    COUNT(CorsRules, max_age, "0", "0", "86400",
          "For how many seconds a browser may remember; 0: its own default."),
    { 0 },
};

const ConfigField listen_limit_fields[] = {
    COUNT(ListenLimits, max_connections, "0", "0", "1000000",
          "Further connections are turned away; 0 takes the listener's default, mostly 10000."),
    SIZE(ListenLimits, max_header_size, "0", "0", "1MiB",
         "The largest header, all fields together; 0 takes the default of 64KiB; else at least "
         "1KiB."),
    SIZE(ListenLimits, max_inflated_size, "0", "0", "64MiB",
         "The largest body once inflated, of one that comes compressed; 0: as large as one may be "
         "as received."),
    { 0 },
};

const ConfigField listen_auth_fields[] = {
    TEXT(ListenAuth, authenticator, "", "The id of the extension that knows who may come."),
    TEXT_LIST(ListenAuth, request_params, "",
              "Parameters of the query that count as headers for the authenticator."),
    { 0 },
};

static const ConfigField server_parameter_fields[] = {
    DURATION(ServerParameters, max_connection_idle, "3m", "0s", "876000h",
             "A connection without a call for so long is closed; 0s takes the default."),
    DURATION(
        ServerParameters, max_connection_age, "0s", "0s", "876000h",
        "A connection of this age takes no new call, so that clients spread anew; 0s: any age."),
    DURATION(ServerParameters, max_connection_age_grace, "0s", "0s", "876000h",
             "How long after that its last calls may take; 0s: as long as they like."),
    IGNORED("time", "a peer that is gone is found by max_connection_idle and by writing to it"),
    IGNORED("timeout", "a peer that is gone is found by max_connection_idle and by writing to it"),
    { 0 },
};

const ConfigField server_keepalive_fields[] = {
    SECTION(ServerKeepalive, server_parameters, ServerParameters, server_parameter_fields,
            "What this side does."),
    IGNORED("enforcement_policy", "pings are answered; only a flood of them ends a connection"),
    { 0 },
};

/* --- rules ----------------------------------------------------------------------------------- */

bool listen_check_endpoint(Str text, Err *err)
{
    return str_starts(text, STR("/")) || config_check_endpoint(text, err);
}

static size_t count_of(Str text, char wanted)
{
    size_t count = 0;
    for (size_t at = 0; at < text.len; at++)
        count += text.ptr[at] == wanted;
    return count;
}

/* Browsers send scheme://host[:port] without anything behind it, or "null" (RFC 6454 section 7.1):
 * a rule of another shape would never match. */
static bool is_origin(Str text)
{
    size_t slashes = count_of(text, '/');
    if (str_contains(text, STR("://")))
        return slashes == 2;
    return slashes == 0 && (count_of(text, '*') || str_eq(text, STR("null")));
}

static bool check_origins(const CorsRules *cors, Err *err)
{
    for (size_t i = 0; i < cors->allowed_origins.count; i++) {
        Str origin = cors->allowed_origins.items[i];
        if (count_of(origin, '*') > 1)
            return fail(err, ERR_INPUT, "cors: allowed_origins: %.*s: only one * is possible",
                        STR_ARG(origin));
        if (!is_origin(origin))
            return fail(err, ERR_INPUT,
                        "cors: allowed_origins: '%.*s' is no origin; write scheme and host, such "
                        "as https://app.example.com, without a path",
                        STR_ARG(origin));
    }
    return true;
}

static bool check_limits(const ListenLimits *limits, Err *err)
{
    if (limits->max_header_size == 0 || limits->max_header_size >= HEADER_SIZE_LEAST)
        return true;
    return fail(err, ERR_INPUT,
                "limits: max_header_size: must be at least %d bytes, or 0 for the default; with "
                "less every client would be turned away",
                HEADER_SIZE_LEAST);
}

static bool check_encodings(const TextList *names, Err *err)
{
    for (size_t i = 0; i < names->count; i++) {
        const Encoding *ignored;
        Str name = names->items[i];
        if (!encoding_is_identity(name) && !encoding_choose(ENCODING_HTTP, name, &ignored, err))
            return blame(err, "compression_algorithms");
    }
    return true;
}

bool listen_check(const ListenSettings *settings, Err *err)
{
    bool is_path = str_starts(settings->endpoint, STR("/"));
    bool is_unix = settings->transport == TRANSPORT_UNIX;
    if (is_path != is_unix)
        return fail(err, ERR_INPUT,
                    is_path ? "endpoint: a path needs transport: unix"
                            : "endpoint: with transport: unix it must be a path such as "
                              "/run/otel.sock");
    if (settings->auth.present && !settings->auth.authenticator.len)
        return fail(err, ERR_INPUT,
                    "auth: authenticator: name an extension, such as basicauth/server");
    return tls_listen_check(&settings->tls, err) && check_origins(&settings->cors, err) &&
           check_limits(&settings->limits, err) &&
           check_encodings(&settings->compression_algorithms, err);
}

/* --- servers --------------------------------------------------------------------------------- */

static int64_t first_set(int64_t a, int64_t b)
{
    return a ? a : b;
}

static ServerLimits limits_of(const ListenSettings *settings, const ServerLimits *wished)
{
    ServerLimits limits = *wished;
    int64_t idle_ns = settings->keepalive.server_parameters.max_connection_idle;
    if (settings->limits.max_connections)
        limits.connections = (size_t)settings->limits.max_connections;
    if (settings->limits.max_header_size)
        limits.header_bytes = (size_t)settings->limits.max_header_size;
    if (settings->max_concurrent_streams)
        limits.streams_per_connection = (size_t)settings->max_concurrent_streams;
    if (settings->max_request_body_size)
        limits.body_bytes = (size_t)settings->max_request_body_size;
    if (settings->max_recv_msg_size_mib)
        limits.body_bytes = (size_t)settings->max_recv_msg_size_mib << 20;
    limits.inflated_bytes = (size_t)settings->limits.max_inflated_size;
    if (!limits.inflated_bytes) /* so that who names one limit has named both */
        limits.inflated_bytes = limits.body_bytes;
    limits.age_max_ns = settings->keepalive.server_parameters.max_connection_age;
    limits.age_grace_ns = settings->keepalive.server_parameters.max_connection_age_grace;
    limits.header_timeout_ns = settings->read_header_timeout;
    limits.body_timeout_ns = settings->read_timeout;
    limits.write_timeout_ns = settings->write_timeout;
    limits.idle_timeout_ns = first_set(settings->idle_timeout, idle_ns);
    return limits;
}

/* --- who comes -------------------------------------------------------------------------------- */

static bool note_metadata(const Request *request, ClientInfo *client, Err *err)
{
    for (size_t i = 0; i < request_field_count(request); i++) {
        HttpField field = request_field_at(request, i);
        if (!client_info_add(client, CLIENT_METADATA, field.name, field.value, err))
            return false;
    }
    return true;
}

/* Those of the query that count as headers, under the names that the settings have. */
static bool note_params(const Listener *listener, const Request *request, HttpFields *params,
                        Err *err)
{
    Buf value = BUF(PARAM_MAX);
    bool ok = true;
    for (size_t i = 0; ok && i < listener->request_params.count; i++) {
        Str name = listener->request_params.items[i];
        buf_clear(&value);
        if (http_query_get(request_query(request), name, 0, &value))
            ok = http_fields_add(params, name, buf_str(&value), err);
    }
    if (value.ptr)
        explicit_bzero(value.ptr, value.len); /* it may be a secret */
    buf_free(&value);
    return ok;
}

static bool authenticate(const Listener *listener, const Request *request, ClientInfo *client,
                         Err *err)
{
    const ServerAuth *auth = listener->auth;
    HttpFields params;
    if (!auth)
        return true;
    http_fields_init(&params, PARAM_MAX);
    bool ok = note_params(listener, request, &params, err) &&
              auth->authenticate(auth->self, &(AuthRequest){ request, &params }, client, err);
    http_fields_done(&params);
    return ok;
}

static void drop_client(void *client)
{
    client_info_unref(client);
}

/* At the head of each request: whoever takes its data takes this with it. */
static bool identify(void *owner, Request *request, Err *err)
{
    const Listener *listener = owner;
    ClientInfo *client = client_info_new(request_peer(request), host_budget(listener->host), err);
    if (!client)
        return false;
    if ((listener->includes_metadata && !note_metadata(request, client, err)) ||
        !authenticate(listener, request, client, err)) {
        client_info_unref(client);
        return false;
    }
    request_carry(request, client, drop_client);
    return true;
}

ClientInfo *listener_client(Request *request)
{
    return request_take_carried(request);
}

static bool find_auth(Listener *listener, const ListenSettings *settings, Err *err)
{
    listener->includes_metadata = settings->include_metadata;
    listener->request_params = settings->auth.request_params;
    if (!settings->auth.present)
        return true;
    listener->auth =
        host_service(listener->host, settings->auth.authenticator, SERVICE_SERVER_AUTH, err);
    return listener->auth || blame(err, "auth: authenticator");
}

static void handshake_failed(void *owner, const Address *peer, const Err *err)
{
    const Listener *listener = owner;
    char text[ADDRESS_TEXT_SIZE];
    host_log(listener->host, LOG_WARN, "TLS with %s failed: %s", address_text(peer, text),
             err->text);
}

static bool make_server(Listener *listener, const ListenSettings *settings, const ListenWish *wish,
                        const HttpField *fields, Err *err)
{
    const CorsRules *rules = &settings->cors;
    const CorsSettings cors = {
        .allowed_origins = rules->allowed_origins.items,
        .allowed_origin_count = rules->allowed_origins.count,
        .allowed_headers = rules->allowed_headers.items,
        .allowed_header_count = rules->allowed_headers.count,
        .exposed_headers = rules->exposed_headers.items,
        .exposed_header_count = rules->exposed_headers.count,
        .max_age_s = rules->max_age,
    };
    const ServerSettings made = {
        .loop = host_loop(listener->host),
        .endpoint = settings->endpoint,
        .reuse_port = host_is_sharded(listener->host),
        .tls = listener->tls.context,
        .budget = host_budget(listener->host),
        .vital = listener->host->type->kind != RECEIVER, /* it tells how the program is */
        .authenticate = listener->auth || listener->includes_metadata ? identify : NULL,
        .authenticate_owner = listener,
        .challenge = listener->auth ? listener->auth->challenge : (Str){ 0 },
        .admit = wish->admit,
        .hold = wish->hold,
        .check_host = wish->check_host,
        .allowed_hosts = wish->allowed_hosts ? wish->allowed_hosts->items : NULL,
        .allowed_host_count = wish->allowed_hosts ? wish->allowed_hosts->count : 0,
        .cors = rules->allowed_origins.count ? &cors : NULL,
        .response_fields = fields,
        .response_field_count = settings->response_headers.count,
        .encodings = settings->compression_algorithms.items,
        .encoding_count = settings->compression_algorithms.count,
        .close_each = !settings->keep_alives_enabled,
        .limits = limits_of(settings, &wish->limits),
        .handshake_failed = handshake_failed,
        .handshake_owner = listener,
    };
    listener->server = server_new(&made, err);
    return listener->server != NULL;
}

bool listener_open(Listener *listener, const ListenSettings *settings, const ListenWish *wish,
                   Host *host, Err *err)
{
    *listener = (Listener){ .host = host, .risk = wish->risk, .is_plain = !settings->tls.present };
    const SecretMap *headers = &settings->response_headers;
    if (!settings->cors.allowed_origins.count &&
        settings->cors.allowed_headers.count + settings->cors.exposed_headers.count > 0)
        host_log(host, LOG_WARN, "cors: headers have no effect without allowed_origins");
    HttpField *fields = MEM_MAKE(HttpField, headers->count, err);
    if (!fields)
        return false;
    for (size_t i = 0; i < headers->count; i++)
        fields[i] = (HttpField){ headers->items[i].key, secret_reveal(headers->items[i].value) };
    bool ok = find_auth(listener, settings, err) &&
              tls_listen_open(&listener->tls, &settings->tls, host, wish->name, err) &&
              make_server(listener, settings, wish, fields, err);
    mem_free(fields);
    return ok;
}

bool listener_listen(Listener *listener, Err *err)
{
    return server_listen(listener->server, err) || blame(err, "endpoint");
}

const char *listener_scheme(const Listener *listener)
{
    return listener->is_plain ? "http" : "https";
}

void listener_warn(const Listener *listener)
{
    Address address = server_address(listener->server);
    char text[ADDRESS_TEXT_SIZE];
    if (!listener->is_plain || !listener->risk || address_is_loopback(&address))
        return;
    if (listener->auth)
        host_log(listener->host, LOG_WARN,
                 "%s listens beyond this machine without TLS: whoever sees the traffic can read "
                 "the credentials",
                 address_text(&address, text));
    else
        host_log(listener->host, LOG_WARN,
                 "%s listens beyond this machine, without TLS and without authentication: "
                 "whoever reaches it can %s",
                 address_text(&address, text), listener->risk);
}

void listener_announce(const Listener *listener, const char *protocol)
{
    if (!host_speaks(listener->host))
        return; /* one line is enough */
    Address address = server_address(listener->server);
    char text[ADDRESS_TEXT_SIZE];
    host_announce(listener->host, protocol, address_text(&address, text));
    listener_warn(listener);
}

void listener_close(Listener *listener)
{
    server_free(listener->server);
    tls_use_close(&listener->tls);
    listener->server = NULL;
}
