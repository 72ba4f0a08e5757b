/* connect_settings.c - see connect_settings.h. */
#include "pipe/connect_settings.h"

#include "base/mem.h"
#include "net/address.h"

#include <cryostorm/version.h>

const char *const connect_grpc_compressions[] = { "none", "gzip", "snappy", "zstd", NULL };
const char *const connect_http_compressions[] = {
    "none", "gzip", "zstd", "zlib", "deflate", "snappy", "x-snappy-framed", "lz4", NULL
};

const ConfigField client_keepalive_fields[] = {
    DURATION(ClientKeepalive, time, "10s", "1s", "24h",
             "Ping a connection that is silent so long."),
    DURATION(ClientKeepalive, timeout, "10s", "1s", "24h", "Give it up without an answer so long."),
    BOOL(ClientKeepalive, permit_without_stream, "false", "Ping while no call is under way, too."),
    { 0 },
};

const ConfigField connect_auth_fields[] = {
    TEXT(ConnectAuth, authenticator, "", "The id of the extension that has the credentials."),
    { 0 },
};

enum { FIELDS_MAX = 64 * 1024 }; /* of one request, in HTTP/2's count */

static bool is_https(Str endpoint)
{
    return str_eq_nocase(str_first(endpoint, 8), STR("https://"));
}

static bool is_http(Str endpoint)
{
    return str_eq_nocase(str_first(endpoint, 7), STR("http://"));
}

bool connect_check_grpc_endpoint(Str text, Err *err)
{
    Str path;
    return endpoint_is_path(text, &path) ||
           config_check_endpoint(str_skip(text, is_https(text)  ? 8
                                                : is_http(text) ? 7
                                                                : 0),
                                 err);
}

bool connect_check(const ConnectSettings *settings, Err *err)
{
    if (settings->auth.present && !settings->auth.authenticator.len)
        return fail(err, ERR_INPUT,
                    "auth: authenticator: name an extension, such as basicauth/client");
    return tls_connect_check(&settings->tls, err);
}

bool connect_wants_tls(const ConnectSettings *settings, EncodingUse use, Str endpoint)
{
    if (is_https(endpoint) || is_http(endpoint))
        return is_https(endpoint);
    return use == ENCODING_GRPC && !settings->tls.insecure;
}

static bool copy_fields(Connector *connector, const ConnectWish *wish, Err *err)
{
    const SecretMap *headers = &connector->settings->headers;
    connector->fields = MEM_MAKE(HttpField, wish->field_count + headers->count, err);
    if (!connector->fields)
        return false;
    for (size_t i = 0; i < wish->field_count; i++)
        connector->fields[connector->field_count++] = wish->fields[i];
    for (size_t i = 0; i < headers->count; i++)
        connector->fields[connector->field_count++] =
            (HttpField){ headers->items[i].key, secret_reveal(headers->items[i].value) };
    return true;
}

static bool find_auth(Connector *connector, const ConnectWish *wish, Err *err)
{
    const ConnectAuth *auth = &connector->settings->auth;
    if (!auth->present)
        return true;
    connector->auth = host_service(connector->host, auth->authenticator, SERVICE_CLIENT_AUTH, err);
    if (!connector->auth)
        return blame(err, "auth: authenticator");
    if (connector->auth->needs_tls && wish->use == ENCODING_GRPC && !wish->tls)
        return fail(err, ERR_INPUT,
                    "auth: authenticator: %.*s sends a secret, which gRPC does over TLS only; "
                    "remove tls.insecure, or use otlp_http",
                    STR_ARG(auth->authenticator));
    return true;
}

static bool list_completed(Connector *connector, Err *err)
{
    size_t count = connector->completed.count;
    HttpField *list = MEM_MAKE(HttpField, count, err);
    if (!list)
        return false;
    for (size_t i = 0; i < count; i++)
        list[i] = http_fields_at(&connector->completed, i);
    mem_free(connector->completed_list);
    connector->completed_list = list;
    return true;
}

bool connector_fields(Connector *connector, const ClientInfo *client, FieldList *out, Err *err)
{
    const ClientAuth *auth = connector->auth;
    *out = (FieldList){ connector->fields, connector->field_count };
    if (!auth)
        return true;
    http_fields_clear(&connector->completed);
    for (size_t i = 0; i < connector->field_count; i++) {
        const HttpField *field = &connector->fields[i];
        if (!http_fields_add(&connector->completed, field->name, field->value, err))
            return false;
    }
    if (!auth->sign(auth->self, client, &connector->completed, err))
        return blame(err, "auth: %.*s", STR_ARG(connector->settings->auth.authenticator));
    if (!list_completed(connector, err))
        return false;
    *out = (FieldList){ connector->completed_list, connector->completed.count };
    return true;
}

bool connector_open(Connector *connector, const ConnectSettings *settings, const ConnectWish *wish,
                    Host *host, Err *err)
{
    const char *const *names =
        wish->use == ENCODING_GRPC ? connect_grpc_compressions : connect_http_compressions;
    *connector = (Connector){ .host = host, .settings = settings };
    http_fields_init(&connector->completed, FIELDS_MAX);
    return copy_fields(connector, wish, err) && find_auth(connector, wish, err) &&
           encoding_choose(wish->use, str_from(names[settings->compression]), &connector->encoding,
                           err) &&
           (!wish->tls || tls_connect_open(&connector->tls, &settings->tls, host, "client", err));
}

GrpcClient *connector_grpc(const Connector *connector, Str endpoint, Err *err)
{
    const ConnectSettings *settings = connector->settings;
    Str agent = settings->user_agent.len ? settings->user_agent : STR("cryostorm/" CRYO_VERSION);
    const ClientKeepalive *keepalive = &settings->keepalive;
    return grpc_client_new(&(GrpcClientSettings){ .loop = host_loop(connector->host),
                                                  .endpoint = endpoint,
                                                  .tls = connector->tls.context,
                                                  .authority = settings->authority,
                                                  .user_agent = agent,
                                                  .keepalive_time_ns =
                                                      keepalive->present ? keepalive->time : 0,
                                                  .keepalive_timeout_ns = keepalive->timeout,
                                                  .keepalive_without_calls =
                                                      keepalive->permit_without_stream },
                           err);
}

HttpClient *connector_http(const Connector *connector, Str url, Err *err)
{
    const ConnectSettings *settings = connector->settings;
    return http_client_new(&(HttpClientSettings){ .loop = host_loop(connector->host),
                                                  .url = url,
                                                  .tls =
                                                      is_https(url) ? connector->tls.context : NULL,
                                                  .connections =
                                                      (size_t)settings->max_conns_per_host,
                                                  .idle_timeout_ns = settings->idle_conn_timeout },
                           err);
}

void connector_close(Connector *connector)
{
    tls_use_close(&connector->tls);
    http_fields_done(&connector->completed);
    mem_free(connector->completed_list);
    mem_free(connector->fields);
    connector->completed_list = NULL;
    connector->fields = NULL;
    connector->field_count = 0;
}
