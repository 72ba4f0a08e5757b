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

bool connector_open(Connector *connector, const ConnectSettings *settings, const ConnectWish *wish,
                    Host *host, Err *err)
{
    const char *const *names =
        wish->use == ENCODING_GRPC ? connect_grpc_compressions : connect_http_compressions;
    *connector = (Connector){ .host = host, .settings = settings };
    return copy_fields(connector, wish, err) &&
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
    mem_free(connector->fields);
    connector->fields = NULL;
    connector->field_count = 0;
}
