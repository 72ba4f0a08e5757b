/* tls_settings.c - see tls_settings.h. */
#include "pipe/tls_settings.h"

#include "pipe/host.h"

#include <limits.h>

enum {
    LOOK_NS_SECONDS = 3600, /* how often a certificate's end is compared with the time */
    CA_RELOAD_SECONDS = 10, /* client_ca_file_reload without a reload_interval */
    DAY_SECONDS = 86400,
};

/* --- rows ------------------------------------------------------------------------------------ */

static const char *const min_names[] = { "1.2", "1.3", NULL };
static const char *const max_names[] = { "", "1.2", "1.3", NULL };

/* clang-format off */
#define MATERIAL_ROWS(T) \
    TEXT(T, own.cert_file, "", "Our certificate and its chain, PEM.", .name = "cert_file", \
         .path = READS_FILE), \
    TEXT(T, own.cert_pem, "", "The same, written here.", .name = "cert_pem"), \
    TEXT(T, own.key_file, "", "The certificate's private key, PEM.", .name = "key_file", \
         .path = READS_FILE), \
    SECRET(T, own.key_pem, "", "The same, written here.", .name = "key_pem"), \
    CHOICE(T, own.min_version, "1.2", min_names, "The oldest TLS that is spoken.", \
           .name = "min_version"), \
    CHOICE(T, own.max_version, "", max_names, "The newest; empty: the newest there is.", \
           .name = "max_version"), \
    TEXT_LIST(T, own.cipher_suites, "", \
              "Suites of TLS 1.2 by IANA's names; none: those that are secure.", \
              .name = "cipher_suites"), \
    TEXT_LIST(T, own.curve_preferences, "", "Of X25519, P256, P384, P521; none: all.", \
              .name = "curve_preferences"), \
    DURATION(T, own.reload_interval, "0s", "0s", "8760h", \
             "How often the files are read again; 0s: only when everything is reloaded.", \
             .name = "reload_interval"), \
    IGNORED("include_insecure_cipher_suites", "suites that are not secure are never offered"), \
    LATER("tpm", "keys in a TPM")
/* clang-format on */

const ConfigField tls_listen_fields[] = {
    MATERIAL_ROWS(TlsListenSettings),
    TEXT(TlsListenSettings, client_ca_file, "",
         "Who signs the certificates that clients then must show, PEM.", .path = READS_FILE),
    BOOL(TlsListenSettings, client_ca_file_reload, "false",
         "Read the files again every 10s where reload_interval says nothing."),
    IGNORED("ca_file", "whom a server trusts is client_ca_file's to say"),
    IGNORED("ca_pem", "whom a server trusts is client_ca_file's to say"),
    IGNORED("include_system_ca_certs_pool", "whom a server trusts is client_ca_file's to say"),
    { 0 },
};

const ConfigField tls_connect_fields[] = {
    BOOL(TlsConnectSettings, insecure, "false",
         "Plain text, where the endpoint has no https:// in front."),
    BOOL(TlsConnectSettings, insecure_skip_verify, "false", "Believe whoever answers."),
    TEXT(TlsConnectSettings, ca_file, "",
         "Who signs the certificates of servers, PEM; none: the system's authorities.",
         .path = READS_FILE),
    TEXT(TlsConnectSettings, ca_pem, "", "The same, written here."),
    BOOL(TlsConnectSettings, include_system_ca_certs_pool, "false",
         "The system's authorities beside the ones given."),
    TEXT(TlsConnectSettings, server_name_override, "",
         "The name that the certificate must have, instead of the endpoint's."),
    MATERIAL_ROWS(TlsConnectSettings),
    { 0 },
};

/* --- rules ----------------------------------------------------------------------------------- */

static bool check_once(Str file, Str pem, const char *name, Err *err)
{
    return !file.len || !pem.len ||
           fail(err, ERR_INPUT, "tls: %s_file and %s_pem exclude each other", name, name);
}

static bool has_cert(const TlsMaterial *own)
{
    return own->cert_file.len || own->cert_pem.len;
}

static bool has_key(const TlsMaterial *own)
{
    return own->key_file.len || secret_reveal(own->key_pem).len;
}

static bool material_check(const TlsMaterial *own, Err *err)
{
    int newest = own->max_version ? own->max_version - 1 : INT_MAX; /* its names begin with "" */
    if (!check_once(own->cert_file, own->cert_pem, "cert", err) ||
        !check_once(own->key_file, secret_reveal(own->key_pem), "key", err))
        return false;
    if (has_cert(own) != has_key(own))
        return fail(err, ERR_INPUT, "tls: %s is set without %s",
                    has_cert(own) ? "a certificate" : "a key",
                    has_cert(own) ? "key_file or key_pem" : "cert_file or cert_pem");
    return own->min_version <= newest ||
           fail(err, ERR_INPUT, "tls: min_version is above max_version");
}

bool tls_listen_check(const TlsListenSettings *settings, Err *err)
{
    if (!settings->present)
        return true;
    return material_check(&settings->own, err) &&
           (has_cert(&settings->own) ||
            fail(err, ERR_INPUT, "tls: a server needs cert_file and key_file"));
}

bool tls_connect_check(const TlsConnectSettings *settings, Err *err)
{
    return material_check(&settings->own, err) &&
           check_once(settings->ca_file, settings->ca_pem, "ca", err);
}

/* --- watching -------------------------------------------------------------------------------- */

static const char *date_text(int64_t unix_seconds, char out[TIME_TEXT_SIZE])
{
    time_text(unix_seconds * NANOS_PER_SECOND, out);
    out[sizeof "2026-11-21" - 1] = 0;
    return out;
}

static void warn_of_end(TlsUse *use, int64_t ends, int days)
{
    char date[TIME_TEXT_SIZE];
    date_text(ends, date);
    use->warned_days = days;
    if (!host_speaks(use->host))
        return; /* one line is enough */
    if (days == 0)
        host_log(use->host, LOG_ERROR, "%s: the certificate ended on %s: peers refuse it; renew it",
                 use->name, date);
    else
        host_log(use->host, LOG_WARN,
                 "%s: the certificate ends within %d day%s, on %s: renew it before", use->name,
                 days, days == 1 ? "" : "s", date);
}

static void look(void *owner)
{
    static const int marks[] = { 0, 1, 7, 30 };
    TlsUse *use = owner;
    Loop *loop = host_loop(use->host);
    int64_t ends = tls_expires_unix(use->context);
    int64_t left = ends - clock_wall_ns(host_clock(use->host)) / NANOS_PER_SECOND;
    for (size_t i = 0; i < COUNT_OF(marks); i++) {
        if (left > (int64_t)marks[i] * DAY_SECONDS)
            continue;
        if (marks[i] < use->warned_days)
            warn_of_end(use, ends, marks[i]);
        break;
    }
    host_certificate(use->host, use->name, ends);
    timer_set(loop, &use->timer, loop_now(loop) + LOOK_NS_SECONDS * NANOS_PER_SECOND);
}

static void reloaded(void *owner, const Err *err)
{
    TlsUse *use = owner;
    char date[TIME_TEXT_SIZE];
    int64_t ends = tls_expires_unix(use->context);
    if (host_speaks(use->host)) {
        if (err)
            host_log(use->host, LOG_ERROR,
                     "%s: the files of tls cannot be used, the old ones stay: %s", use->name,
                     err->text);
        else if (ends == INT64_MAX)
            host_log(use->host, LOG_INFO, "%s: the files of tls were read again", use->name);
        else
            host_log(use->host, LOG_INFO, "%s: a new certificate is in force; it ends on %s",
                     use->name, date_text(ends, date));
    }
    if (!err) {
        use->warned_days = INT_MAX;
        look(use);
    }
}

/* --- opening --------------------------------------------------------------------------------- */

/* use: NULL: only to see whether it can be opened. */
static TlsOptions options_of(const TlsMaterial *own, TlsUse *use)
{
    return (TlsOptions){
        .loop = use ? host_loop(use->host) : NULL,
        .cert_file = own->cert_file,
        .cert_pem = own->cert_pem,
        .key_file = own->key_file,
        .key_pem = secret_reveal(own->key_pem),
        .min_version = str_from(min_names[own->min_version]),
        .max_version = str_from(max_names[own->max_version]),
        .cipher_suites = own->cipher_suites.items,
        .cipher_suite_count = own->cipher_suites.count,
        .curve_preferences = own->curve_preferences.items,
        .curve_count = own->curve_preferences.count,
        .reload_interval_ns = use ? own->reload_interval : 0,
        .reloaded = reloaded,
        .owner = use,
    };
}

static TlsOptions listen_options(const TlsListenSettings *settings, TlsUse *use)
{
    TlsOptions options = options_of(&settings->own, use);
    options.role = TLS_SERVER;
    options.client_ca_file = settings->client_ca_file;
    return options;
}

static TlsOptions connect_options(const TlsConnectSettings *settings, TlsUse *use)
{
    TlsOptions options = options_of(&settings->own, use);
    options.role = TLS_CLIENT;
    options.ca_file = settings->ca_file;
    options.ca_pem = settings->ca_pem;
    options.include_system_ca_certs_pool = settings->include_system_ca_certs_pool;
    options.insecure_skip_verify = settings->insecure_skip_verify;
    options.server_name = settings->server_name_override;
    return options;
}

static bool open_context(TlsUse *use, const TlsOptions *options, Err *err)
{
    use->context = tls_context_new(options, err);
    if (!use->context)
        return blame(err, "tls");
    use->timer = (Timer){ .fire = look, .owner = use };
    if (tls_expires_unix(use->context) != INT64_MAX)
        look(use);
    return true;
}

bool tls_listen_open(TlsUse *use, const TlsListenSettings *settings, Host *host, const char *name,
                     Err *err)
{
    *use = (TlsUse){ .host = host, .name = name, .warned_days = INT_MAX };
    if (!settings->present)
        return true;
    TlsOptions options = listen_options(settings, use);
    if (settings->client_ca_file_reload && !options.reload_interval_ns)
        options.reload_interval_ns = CA_RELOAD_SECONDS * NANOS_PER_SECOND;
    return open_context(use, &options, err);
}

bool tls_connect_open(TlsUse *use, const TlsConnectSettings *settings, Host *host, const char *name,
                      Err *err)
{
    *use = (TlsUse){ .host = host, .name = name, .warned_days = INT_MAX };
    TlsOptions options = connect_options(settings, use);
    if (settings->insecure_skip_verify)
        host_log(host, LOG_WARN, "tls: insecure_skip_verify: whoever answers is believed");
    return open_context(use, &options, err);
}

static bool try_options(const TlsOptions *options, int64_t *ends_unix, Err *err)
{
    TlsContext *context = tls_context_new(options, err);
    if (!context)
        return false;
    *ends_unix = tls_expires_unix(context);
    tls_context_free(context);
    return true;
}

bool tls_listen_try(const TlsListenSettings *settings, int64_t *ends_unix, Err *err)
{
    const TlsOptions options = listen_options(settings, NULL);
    return try_options(&options, ends_unix, err);
}

bool tls_connect_try(const TlsConnectSettings *settings, int64_t *ends_unix, Err *err)
{
    const TlsOptions options = connect_options(settings, NULL);
    return try_options(&options, ends_unix, err);
}

void tls_use_close(TlsUse *use)
{
    if (!use->context)
        return;
    timer_cancel(host_loop(use->host), &use->timer);
    tls_context_free(use->context);
    use->context = NULL;
}
