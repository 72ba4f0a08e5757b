/* http_settings.c - see http_settings.h. */
#include "receivers/prometheus/http_settings.h"

const ConfigField basic_auth_fields[] = {
    TEXT(BasicAuthSettings, username, "", "Who we are."),
    TEXT(BasicAuthSettings, username_file, "", "The same, from a file.", .path = READS_FILE),
    SECRET(BasicAuthSettings, password, "", "Our password."),
    TEXT(BasicAuthSettings, password_file, "", "The same, from a file.", .path = READS_FILE),
    { 0 },
};

const ConfigField authorization_fields[] = {
    TEXT(AuthorizationSettings, type, "Bearer", "The scheme, in front of the credentials."),
    SECRET(AuthorizationSettings, credentials, "", "What stands behind it."),
    TEXT(AuthorizationSettings, credentials_file, "", "The same, from a file.", .path = READS_FILE),
    { 0 },
};

const ConfigField header_fields[] = {
    TEXT_LIST(HeaderSettings, values, "", "Its values."),
    SECRET_LIST(HeaderSettings, secrets, "Values that nobody shall see."),
    TEXT_LIST(HeaderSettings, files, "", "Values that are the contents of files.",
              .path = READS_FILE),
    { 0 },
};

static const char *const min_names[] = { "TLS12", "TLS13", NULL };
static const char *const max_names[] = { "", "TLS12", "TLS13", NULL };

/* Prometheus' names for what tls_connect_fields has. */
const ConfigField scrape_tls_fields[] = {
    TEXT(TlsConnectSettings, ca_file, "", "Who signs the targets' certificates, PEM.",
         .path = READS_FILE),
    TEXT(TlsConnectSettings, ca_pem, "", "The same, written here.", .name = "ca"),
    TEXT(TlsConnectSettings, own.cert_file, "", "Our certificate, PEM.", .name = "cert_file",
         .path = READS_FILE),
    TEXT(TlsConnectSettings, own.cert_pem, "", "The same, written here.", .name = "cert"),
    TEXT(TlsConnectSettings, own.key_file, "", "Its key, PEM.", .name = "key_file",
         .path = READS_FILE),
    SECRET(TlsConnectSettings, own.key_pem, "", "The same, written here.", .name = "key"),
    TEXT(TlsConnectSettings, server_name_override, "",
         "The name that certificates must have, instead of the target's.", .name = "server_name"),
    BOOL(TlsConnectSettings, insecure_skip_verify, "false", "Believe whoever answers."),
    CHOICE(TlsConnectSettings, own.min_version, "TLS12", min_names, "The oldest TLS.",
           .name = "min_version"),
    CHOICE(TlsConnectSettings, own.max_version, "", max_names, "The newest TLS.",
           .name = "max_version"),
    { 0 },
};

static bool is_set(Secret secret)
{
    return secret_reveal(secret).len > 0;
}

static bool check_basic(const BasicAuthSettings *basic, Err *err)
{
    if (basic->username.len && basic->username_file.len)
        return fail(err, ERR_INPUT, "basic_auth: set username or username_file, not both");
    if (is_set(basic->password) && basic->password_file.len)
        return fail(err, ERR_INPUT, "basic_auth: set password or password_file, not both");
    return true;
}

static bool check_authorization(const AuthorizationSettings *of, Err *err)
{
    if (is_set(of->credentials) && of->credentials_file.len)
        return fail(err, ERR_INPUT, "authorization: set credentials or credentials_file, not both");
    if (str_eq_nocase(of->type, STR("basic")))
        return fail(err, ERR_INPUT, "authorization: type basic is what basic_auth is for");
    return true;
}

static bool check_headers(const HeaderSettingsMap *headers, Err *err)
{
    static const char *const reserved[] = {
        "Authorization",
        "Host",
        "Content-Encoding",
        "Content-Length",
        "Content-Type",
        "User-Agent",
        "Connection",
        "Keep-Alive",
        "Proxy-Authenticate",
        "Proxy-Authorization",
        "Www-Authenticate",
        "Accept-Encoding",
        "X-Prometheus-Remote-Write-Version",
        "X-Prometheus-Remote-Read-Version",
        "X-Prometheus-Scrape-Timeout-Seconds",
        "X-Amz-Date",
        "X-Amz-Security-Token",
        "X-Amz-Content-Sha256",
        "Accept",
    };
    for (size_t i = 0; i < headers->count; i++) {
        Str name = headers->items[i].key;
        for (size_t r = 0; r < COUNT_OF(reserved); r++)
            if (str_eq_nocase(name, str_from(reserved[r])))
                return fail(err, ERR_INPUT, "http_headers: %.*s is set by the receiver itself",
                            STR_ARG(name));
        for (size_t c = 0; c < name.len; c++)
            if ((unsigned char)name.ptr[c] <= ' ' || name.ptr[c] == ':')
                return fail(err, ERR_INPUT, "http_headers: \"%.*s\" is not the name of a header",
                            STR_ARG(name));
    }
    return true;
}

bool http_settings_check(const HttpSettings *settings, Err *err)
{
    bool bearer = is_set(settings->bearer_token) || settings->bearer_token_file.len;
    if (is_set(settings->bearer_token) && settings->bearer_token_file.len)
        return fail(err, ERR_INPUT, "set bearer_token or bearer_token_file, not both");
    if (bearer + settings->basic_auth.present + settings->authorization.present > 1)
        return fail(err, ERR_INPUT,
                    "set one of basic_auth, authorization and bearer_token (or its file)");
    return check_basic(&settings->basic_auth, err) &&
           check_authorization(&settings->authorization, err) &&
           check_headers(&settings->http_headers, err) &&
           tls_connect_check(&settings->tls_config, err);
}
