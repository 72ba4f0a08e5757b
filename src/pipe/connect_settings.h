/* connect_settings.h - what everything that connects by HTTP or gRPC has in common.
 *
 * The keys and defaults are the public Collector's (confighttp, configgrpc). TLS is spoken where
 * the endpoint begins with https://, not where it begins with http://, and with a gRPC endpoint
 * that has neither unless `tls: {insecure: true}` says otherwise. A component puts the settings
 * into its struct, the rows into its table, and a Connector into its state:
 *
 *     connect_check     in its own check()
 *     connector_open    in start(), then connector_grpc or connector_http for its clients
 *     connector_close   in stop(), once those clients are freed
 *
 * Everything on the instance's loop.
 */
#ifndef PIPE_CONNECT_SETTINGS_H
#define PIPE_CONNECT_SETTINGS_H

#include "base/attributes.h"
#include "config/field.h"
#include "net/encoding.h"
#include "net/grpc_client.h"
#include "net/http_client.h"
#include "pipe/auth.h"
#include "pipe/host.h"
#include "pipe/tls_settings.h"

typedef struct ClientKeepalive {
    bool present;
    int64_t time, timeout;
    bool permit_without_stream;
} ClientKeepalive;

typedef struct ConnectAuth {
    bool present;
    Str authenticator; /* the id of an extension */
} ConnectAuth;

typedef struct ConnectSettings {
    TlsConnectSettings tls;
    ConnectAuth auth;
    SecretMap headers;
    int compression;           /* index into the names of the protocol */
    Str authority, user_agent; /* gRPC */
    ClientKeepalive keepalive;
    uint64_t max_conns_per_host; /* HTTP */
    int64_t idle_conn_timeout;
} ConnectSettings;

extern const ConfigField client_keepalive_fields[], connect_auth_fields[];
extern const char *const connect_grpc_compressions[], *const connect_http_compressions[];

/* clang-format off */
/* m: the member of T that is the ConnectSettings. */
#define CONNECT_ROWS(T, m, compressions, compression_preset) \
    SECTION(T, m.tls, TlsConnectSettings, tls_connect_fields, "How the connection is protected.", \
            .name = "tls"), \
    CHOICE(T, m.compression, compression_preset, compressions, "How what is sent is compressed.", \
           .name = "compression"), \
    SECRET_MAP(T, m.headers, "Headers that go with everything that is sent.", .name = "headers"), \
    IGNORED("read_buffer_size", "buffers grow with what arrives"), \
    IGNORED("write_buffer_size", "buffers grow with what is sent"), \
    OPTIONAL_SECTION(T, m.auth, ConnectAuth, connect_auth_fields, \
                     "Who says who we are; without it nobody.", .name = "auth"), \
    LATER("middlewares", "middlewares")

#define CONNECT_GRPC_ROWS(T, m) \
    CONNECT_ROWS(T, m, connect_grpc_compressions, "gzip"), \
    TEXT(T, m.authority, "", "The :authority of calls; empty: the endpoint's.", \
         .name = "authority"), \
    TEXT(T, m.user_agent, "", "The user-agent of calls; empty: our name and version.", \
         .name = "user_agent"), \
    IGNORED("balancer_name", "there is one connection"), \
    OPTIONAL_SECTION(T, m.keepalive, ClientKeepalive, client_keepalive_fields, \
                     "Pings to a silent server; without the section none.", .name = "keepalive"), \
    IGNORED("wait_for_ready", "a call waits for its connection, as long as its timeout allows")

#define CONNECT_HTTP_ROWS(T, m) CONNECT_HTTP_ROWS_AS(T, m, "gzip")
#define CONNECT_HTTP_ROWS_AS(T, m, compression_preset) \
    CONNECT_ROWS(T, m, connect_http_compressions, compression_preset), \
    COUNT(T, m.max_conns_per_host, "0", "0", "1000", \
          "Connections to one server; 0 takes the default of 8.", .name = "max_conns_per_host"), \
    DURATION(T, m.idle_conn_timeout, "90s", "0s", "24h", \
             "How long an unused connection is kept; 0s takes the default of 30s.", \
             .name = "idle_conn_timeout"), \
    IGNORED("compression_params", "an encoding has one level here"), \
    IGNORED("max_idle_conns", "max_conns_per_host bounds all connections"), \
    IGNORED("max_idle_conns_per_host", "max_conns_per_host bounds all connections"), \
    IGNORED("disable_keep_alives", "connections are kept for the next request"), \
    IGNORED("force_attempt_http2", "requests go over HTTP/1.1"), \
    IGNORED("http2_read_idle_timeout", "requests go over HTTP/1.1"), \
    IGNORED("http2_ping_timeout", "requests go over HTTP/1.1"), \
    LATER("cookies", "cookies"), \
    LATER("proxy_url", "a proxy")
/* clang-format on */

/* host:port, also with http:// or https:// in front, or unix:///path: of gRPC. */
CHECKED bool connect_check_grpc_endpoint(Str text, Err *err);
CHECKED bool connect_check(const ConnectSettings *settings, Err *err);

typedef struct Connector {
    Host *host;
    const ConnectSettings *settings; /* borrowed */
    TlsUse tls;
    const Encoding *encoding; /* NULL: what is sent stays as it is */
    HttpField *fields;        /* those of the caller, then the settings' headers */
    size_t field_count;
    const ClientAuth *auth; /* NULL: none */
    HttpFields completed;   /* of one request, by auth */
    HttpField *completed_list;
} Connector;

typedef struct ConnectWish {
    EncodingUse use;         /* ENCODING_GRPC or ENCODING_HTTP */
    bool tls;                /* it will be needed: connect_wants_tls */
    const HttpField *fields; /* of the component; they must live as long as the Connector */
    size_t field_count;
} ConnectWish;

/* gRPC: by scheme and tls.insecure. HTTP: by scheme alone. */
PURE bool connect_wants_tls(const ConnectSettings *settings, EncodingUse use, Str endpoint);
CHECKED bool connector_open(Connector *connector, const ConnectSettings *settings,
                            const ConnectWish *wish, Host *host, Err *err);
/* The fields of one request, for data of this client (NULL: nobody knows); valid until the next
 * call. */
typedef struct FieldList {
    const HttpField *items;
    size_t count;
} FieldList;
CHECKED bool connector_fields(Connector *connector, const ClientInfo *client, FieldList *out,
                              Err *err);
CHECKED GrpcClient *connector_grpc(const Connector *connector, Str endpoint, Err *err);
CHECKED HttpClient *connector_http(const Connector *connector, Str url, Err *err);
void connector_close(Connector *connector); /* a zeroed one is fine */

#endif
