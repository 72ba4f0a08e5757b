/* listen_settings.h - what everything that listens for HTTP or gRPC has in common.
 *
 * The keys are the public Collector's (confighttp, configgrpc, confignet), with two differences
 * that its users should know: time-outs have safe defaults instead of none, and `limits` is ours. A
 * component puts a ListenSettings into its struct, LISTEN_HTTP_ROWS or LISTEN_GRPC_ROWS into its
 * table, and calls
 *
 *     listen_check   in its own check()
 *     listener_open, routes of its own, listener_listen, listener_announce   in start()
 *     listener_close in stop()
 *
 * Everything on the instance's loop.
 */
#ifndef PIPE_LISTEN_SETTINGS_H
#define PIPE_LISTEN_SETTINGS_H

#include "base/attributes.h"
#include "config/field.h"
#include "net/server.h"
#include "pipe/auth.h"
#include "pipe/host.h"
#include "pipe/tls_settings.h"

typedef struct CorsRules {
    TextList allowed_origins, allowed_headers, exposed_headers;
    uint64_t max_age; /* seconds */
} CorsRules;

typedef struct ListenLimits { /* 0: the listener's own default */
    uint64_t max_connections, max_header_size, max_inflated_size;
} ListenLimits;

typedef struct ServerParameters {
    int64_t max_connection_idle, max_connection_age, max_connection_age_grace;
} ServerParameters;

typedef struct ServerKeepalive {
    ServerParameters server_parameters;
} ServerKeepalive;

typedef struct ListenAuth {
    bool present;
    Str authenticator; /* the id of an extension */
    TextList request_params;
} ListenAuth;

typedef struct ListenSettings {
    Str endpoint;
    ListenAuth auth;
    bool include_metadata;
    TlsListenSettings tls;
    CorsRules cors;
    ListenLimits limits;
    SecretMap response_headers;
    TextList compression_algorithms;
    uint64_t max_request_body_size; /* these four of HTTP */
    int64_t read_header_timeout, read_timeout, write_timeout, idle_timeout;
    bool keep_alives_enabled;
    uint64_t max_recv_msg_size_mib, max_concurrent_streams; /* and these of gRPC */
    ServerKeepalive keepalive;
    int transport;
} ListenSettings;

extern const ConfigField cors_fields[], listen_limit_fields[], listen_auth_fields[],
    server_keepalive_fields[];
extern const char *const listen_transports[];

/* "host:port"; with transport unix a path. */
CHECKED bool listen_check_endpoint(Str text, Err *err);

/* clang-format off */
/* m: the member of T that is the ListenSettings. */
#define LISTEN_ROWS(T, m, endpoint_preset) \
    TEXT(T, m.endpoint, endpoint_preset, "Where to listen.", .name = "endpoint", \
         .check = listen_check_endpoint, .path = OPENS_SOCKET), \
    CHOICE(T, m.transport, "tcp", listen_transports, \
           "The kind of socket; of unix the endpoint is a path.", .name = "transport"), \
    OPTIONAL_SECTION(T, m.tls, TlsListenSettings, tls_listen_fields, \
                     "TLS; without it plain text.", .name = "tls"), \
    SECTION(T, m.limits, ListenLimits, listen_limit_fields, "What a peer may take.", \
            .name = "limits"), \
    IGNORED("read_buffer_size", "buffers grow with what arrives"), \
    IGNORED("write_buffer_size", "buffers grow with what is sent"), \
    OPTIONAL_SECTION(T, m.auth, ListenAuth, listen_auth_fields, \
                     "Who may come; without it everybody.", .name = "auth"), \
    BOOL(T, m.include_metadata, "false", \
         "Let the headers of a request travel with its data, for components that read them.", \
         .name = "include_metadata"), \
    LATER("middlewares", "middlewares")

#define LISTEN_HTTP_ROWS(T, m, endpoint_preset, body_preset) \
    LISTEN_ROWS(T, m, endpoint_preset), \
    SECTION(T, m.cors, CorsRules, cors_fields, \
            "Which pages of other origins may read the answers in a browser.", .name = "cors"), \
    SIZE(T, m.max_request_body_size, body_preset, "0", "64MiB", \
         "The largest body, as received, and once inflated unless limits say otherwise; 0 takes " \
         "the listener's default.", \
         .name = "max_request_body_size"), \
    SECRET_MAP(T, m.response_headers, "Headers that go with every answer.", \
               .name = "response_headers"), \
    TEXT_LIST(T, m.compression_algorithms, "", \
              "The encodings that a body may have; none named: all there are.", \
              .name = "compression_algorithms"), \
    DURATION(T, m.read_header_timeout, "10s", "0s", "24h", \
             "How long a header may take; 0s takes the default.", .name = "read_header_timeout"), \
    DURATION(T, m.read_timeout, "30s", "0s", "24h", \
             "How long a body may bring less than 500 bytes a second; 0s takes the default.", \
             .name = "read_timeout"), \
    DURATION(T, m.write_timeout, "30s", "0s", "24h", \
             "How long a peer may take less than 500 bytes a second of an answer; 0s takes the " \
             "default.", \
             .name = "write_timeout"), \
    DURATION(T, m.idle_timeout, "3m", "0s", "24h", \
             "How long a connection may wait for its next request; 0s takes the default.", \
             .name = "idle_timeout"), \
    BOOL(T, m.keep_alives_enabled, "true", "Let a connection carry several requests.", \
         .name = "keep_alives_enabled")

#define LISTEN_GRPC_ROWS(T, m, endpoint_preset) \
    LISTEN_ROWS(T, m, endpoint_preset), \
    COUNT(T, m.max_recv_msg_size_mib, "64", "0", "64", \
          "The largest message, as received, and once inflated unless limits say otherwise; 0 " \
          "takes the default.", \
          .name = "max_recv_msg_size_mib"), \
    COUNT(T, m.max_concurrent_streams, "0", "0", "10000", \
          "Requests in flight on one connection; 0 takes the default of 256.", \
          .name = "max_concurrent_streams"), \
    SECTION(T, m.keepalive, ServerKeepalive, server_keepalive_fields, \
            "How long quiet connections are kept.", .name = "keepalive")
/* clang-format on */

CHECKED bool listen_check(const ListenSettings *settings, Err *err);

typedef struct ListenWish { /* what the component says; zeroed members take defaults */
    const char *name;       /* a literal, for log lines about certificates: "grpc" */
    const char *risk;       /* what whoever reaches an open port can do; NULL: no harm */
    bool check_host;        /* as in ServerSettings */
    const TextList *allowed_hosts;
    bool (*admit)(void *route_owner, Err *err); /* likewise */
    bool (*hold)(void *route_owner);
    ServerLimits limits; /* where the settings say nothing */
} ListenWish;

typedef struct Listener {
    Server *server;
    TlsUse tls;
    Host *host;
    const char *risk;
    const ServerAuth *auth;  /* NULL: everybody may come */
    TextList request_params; /* lent by the settings' arena */
    bool is_plain, includes_metadata;
} Listener;

/* A server that is ready for its routes. The Listener stays where it is until it is closed; of the
 * settings only what their texts point to is needed afterwards. */
CHECKED bool listener_open(Listener *listener, const ListenSettings *settings,
                           const ListenWish *wish, Host *host, Err *err);
CHECKED bool listener_listen(Listener *listener, Err *err); /* err begins with "endpoint: " */
/* Logs where it listens and tells the account; from the first loop only. protocol: a literal. */
void listener_announce(const Listener *listener, const char *protocol);
/* Who sent the request: a reference for the caller, once. NULL: nobody was asked to know. */
ClientInfo *listener_client(Request *request);
const char *listener_scheme(const Listener *listener); /* "https" */
/* Part of that: the line about a port that others can reach without TLS. */
void listener_warn(const Listener *listener);
void listener_close(Listener *listener); /* a zeroed one is fine */

#endif
