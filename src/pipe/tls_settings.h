/* tls_settings.h - `tls:` of whatever listens or connects, and the certificates that come of it.
 *
 * The keys and their defaults are the public Collector's (configtls). A component puts a
 * TlsListenSettings or TlsConnectSettings into its struct and the table here into its rows, calls
 * the check from its own check(), opens a TlsUse in start() and closes it in stop(), after the
 * server or client that it was lent to.
 *
 * A TlsUse also watches: what came of a reload is logged, and so is a certificate that ends in 30
 * days, in 7, in 1, or has ended; its end is told to the account (host_certificate).
 */
#ifndef PIPE_TLS_SETTINGS_H
#define PIPE_TLS_SETTINGS_H

#include "base/attributes.h"
#include "config/field.h"
#include "net/loop.h"
#include "net/tls.h"
#include "pipe/component.h"

typedef struct TlsMaterial { /* what both sides have */
    Str cert_file, cert_pem, key_file;
    Secret key_pem;
    int min_version, max_version; /* indices of their names */
    TextList cipher_suites, curve_preferences;
    int64_t reload_interval;
} TlsMaterial;

typedef struct TlsListenSettings {
    bool present; /* without the section: plain text */
    TlsMaterial own;
    Str client_ca_file;
    bool client_ca_file_reload;
} TlsListenSettings;

typedef struct TlsConnectSettings {
    TlsMaterial own;
    Str ca_file, ca_pem, server_name_override;
    bool insecure, insecure_skip_verify, include_system_ca_certs_pool;
} TlsConnectSettings;

extern const ConfigField tls_listen_fields[];  /* of an OPTIONAL_SECTION */
extern const ConfigField tls_connect_fields[]; /* of a SECTION */

/* The rules across keys; err begins with "tls: ". */
CHECKED bool tls_listen_check(const TlsListenSettings *settings, Err *err);
CHECKED bool tls_connect_check(const TlsConnectSettings *settings, Err *err);

typedef struct TlsUse {
    TlsContext *context; /* NULL: plain text */
    Host *host;
    const char *name; /* a literal: which of the component's certificates */
    Timer timer;
    int warned_days; /* the last warning's; INT_MAX: none */
} TlsUse;

/* On the instance's loop. Not present, or not wanted: the context stays NULL. */
CHECKED bool tls_listen_open(TlsUse *use, const TlsListenSettings *settings, Host *host,
                             const char *name, Err *err);
CHECKED bool tls_connect_open(TlsUse *use, const TlsConnectSettings *settings, Host *host,
                              const char *name, Err *err);
/* Can the files and names be used? Opens them and lets go again. When our certificate ends is in
 * *ends_unix; INT64_MAX: there is none. */
CHECKED bool tls_listen_try(const TlsListenSettings *settings, int64_t *ends_unix, Err *err);
CHECKED bool tls_connect_try(const TlsConnectSettings *settings, int64_t *ends_unix, Err *err);

void tls_use_close(TlsUse *use); /* a zeroed one is fine */

#endif
