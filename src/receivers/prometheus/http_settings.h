/* http_settings.h - how a job speaks HTTP: who it says it is, TLS, headers of its own, redirects.
 * The keys are those of Prometheus' http_config, which http_sd_configs have, too. */
#ifndef RECEIVERS_PROMETHEUS_HTTP_SETTINGS_H
#define RECEIVERS_PROMETHEUS_HTTP_SETTINGS_H

#include "config/field.h"
#include "pipe/tls_settings.h"

typedef struct BasicAuthSettings {
    bool present;
    Str username, username_file, password_file;
    Secret password;
} BasicAuthSettings;

typedef struct AuthorizationSettings {
    bool present;
    Str type, credentials_file;
    Secret credentials;
} AuthorizationSettings;

typedef struct HeaderSettings {
    Str key;
    TextList values, files;
    SecretList secrets;
} HeaderSettings;

typedef struct HeaderSettingsMap {
    HeaderSettings *items;
    size_t count;
} HeaderSettingsMap;

typedef struct HttpSettings {
    BasicAuthSettings basic_auth;
    AuthorizationSettings authorization;
    Secret bearer_token;
    Str bearer_token_file;
    TlsConnectSettings tls_config;
    HeaderSettingsMap http_headers;
    bool follow_redirects;
} HttpSettings;

extern const ConfigField basic_auth_fields[], authorization_fields[], header_fields[],
    scrape_tls_fields[];

/* clang-format off */
/* m: the member of T that is the HttpSettings. */
#define HTTP_SETTINGS_ROWS(T, m) \
    OPTIONAL_SECTION(T, m.basic_auth, BasicAuthSettings, basic_auth_fields, \
                     "A user name and a password.", .name = "basic_auth"), \
    OPTIONAL_SECTION(T, m.authorization, AuthorizationSettings, authorization_fields, \
                     "What stands in the header Authorization.", .name = "authorization"), \
    SECRET(T, m.bearer_token, "", "The same as authorization.credentials.", \
           .name = "bearer_token"), \
    TEXT(T, m.bearer_token_file, "", "The same as authorization.credentials_file.", \
         .name = "bearer_token_file", .path = READS_FILE), \
    SECTION(T, m.tls_config, TlsConnectSettings, scrape_tls_fields, \
            "How https is spoken; files that change are read again.", .name = "tls_config"), \
    SECTION_MAP(T, m.http_headers, HeaderSettings, header_fields, \
                "Further headers of every request.", .name = "http_headers"), \
    BOOL(T, m.follow_redirects, "true", "Go where an answer sends us, at most ten times.", \
         .name = "follow_redirects"), \
    IGNORED("enable_http2", "requests go over HTTP/1.1"), \
    LATER("oauth2", "tokens from an OAuth 2 server"), \
    LATER("proxy_url", "a proxy"), \
    LATER("proxy_from_environment", "a proxy"), \
    LATER("no_proxy", "a proxy"), \
    LATER("proxy_connect_header", "a proxy")
/* clang-format on */

CHECKED bool http_settings_check(const HttpSettings *settings, Err *err);

#endif
