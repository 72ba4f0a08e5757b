/* oauth2client_extension.c - a token from an OAuth 2 server, by the client credentials flow (RFC
 * 6749 section 4.4), for everything that an exporter sends.
 *
 *     start() --> FETCHING --answer--> HELD --expiry_buffer before the end--> FETCHING
 *                    |                                                           |
 *                    +--failure--> wait 1 s, 2 s ... 1 min --> FETCHING <--------+
 *
 * Requests never wait: they take the token that is there, and until there is one, or when it has
 * ended and no newer one came, they are told ERR_BUSY. The name and secret go into the
 * Authorization header first; a server that refuses that is asked again with both in the form. A
 * failure is logged once, and when it is over.
 */
#include "base/arena.h"
#include "base/thread.h"
#include "codec/json_tree.h"
#include "extensions/credential.h"
#include "extensions/fetch.h"
#include "net/grpc.h"
#include "pipe/auth.h"
#include "pipe/host.h"
#include "pipe/tls_settings.h"

#include <ctype.h>
#include <string.h>

enum {
    SECRET_MAX = 64 << 10,
    TOKEN_MAX = 64 << 10, /* as many bytes as a header may have */
    WAIT_MAX_SECONDS = 60,
    LIFE_MAX_SECONDS = 366 * 86400,
};

typedef struct Oauth2Client {
    Component base;
    Str client_id, client_id_file, client_secret_file, token_url; /* settings */
    Secret client_secret;
    TextList scopes;
    SecretMap endpoint_params;
    int64_t timeout, expiry_buffer;
    int grant_type;
    TlsConnectSettings tls;
    ClientAuth client; /* state */
    TlsUse tls_use;
    Fetch fetch;
    Timer timer;
    int64_t wait_seconds;
    bool in_form, failed, started;
    Mutex mutex; /* guards the rest */
    Buf header;  /* "Bearer <token>"; empty: none yet */
    int64_t ends_mono_ns;
} Oauth2Client;

static const char *const grant_types[] = { "client_credentials", NULL };

static const ConfigField fields[] = {
    TEXT(Oauth2Client, client_id, "", "Who we are."),
    TEXT(Oauth2Client, client_id_file, "", "A file with it, read for every token; wins.",
         .path = READS_FILE),
    SECRET(Oauth2Client, client_secret, "", "What only we know."),
    TEXT(Oauth2Client, client_secret_file, "", "A file with it, read for every token; wins.",
         .path = READS_FILE),
    TEXT(Oauth2Client, token_url, "", "Where tokens are given out."),
    TEXT_LIST(Oauth2Client, scopes, "", "What is asked for."),
    SECRET_MAP(Oauth2Client, endpoint_params,
               "Further parameters of the request, such as audience."),
    DURATION(Oauth2Client, timeout, "10s", "0s", "10m", "Of one request; 0s takes the default."),
    DURATION(Oauth2Client, expiry_buffer, "5m", "0s", "24h",
             "How long before its end a token is renewed."),
    SECTION(Oauth2Client, tls, TlsConnectSettings, tls_connect_fields,
            "How the connection to token_url is protected."),
    CHOICE(Oauth2Client, grant_type, "client_credentials", grant_types, "The flow."),
    LATER("client_certificate_key", "the flow jwt-bearer"),
    LATER("client_certificate_key_file", "the flow jwt-bearer"),
    LATER("client_certificate_key_id", "the flow jwt-bearer"),
    { 0 },
};

static bool auth_check(const void *self, Err *err)
{
    const Oauth2Client *auth = self;
    if (!auth->client_id.len && !auth->client_id_file.len)
        return fail(err, ERR_INPUT, "no ClientID provided: set client_id or client_id_file");
    if (!secret_reveal(auth->client_secret).len && !auth->client_secret_file.len)
        return fail(err, ERR_INPUT,
                    "no ClientSecret provided: set client_secret or client_secret_file");
    if (!auth->token_url.len)
        return fail(err, ERR_INPUT, "no TokenURL provided: set token_url");
    return (fetch_check_url(auth->token_url, err) || blame(err, "token_url")) &&
           tls_connect_check(&auth->tls, err);
}

/* ---- the request ----------------------------------------------------------------------------- */

static void add_escaped(Buf *out, Str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        if (isalnum(byte) || memchr("-._~", byte, 4))
            buf_add_byte(out, (char)byte);
        else
            buf_addf(out, "%%%02X", byte);
    }
}

static void add_pair(Buf *out, Str name, Str value)
{
    if (out->len)
        buf_add_byte(out, '&');
    add_escaped(out, name);
    buf_add_byte(out, '=');
    add_escaped(out, value);
}

static bool read_text(Oauth2Client *auth, Str path, Str text, Buf *out, Err *err)
{
    if (!path.len) {
        buf_add(out, text);
        return buf_ok(out, err);
    }
    if (!disk_read_all(host_disk(auth->base.host), path.ptr, out, err))
        return false;
    Str trimmed = str_trim(buf_str(out));
    memmove(out->ptr, trimmed.ptr, trimmed.len);
    out->len = trimmed.len;
    return out->len > 0 || fail(err, ERR_INPUT, "%.*s: there is nothing in it", STR_ARG(path));
}

static void add_form(const Oauth2Client *auth, Buf *form)
{
    Buf scope = BUF(SECRET_MAX);
    add_pair(form, STR("grant_type"), str_from(grant_types[auth->grant_type]));
    for (size_t i = 0; i < auth->scopes.count; i++) {
        buf_add(&scope, i ? STR(" ") : STR(""));
        buf_add(&scope, auth->scopes.items[i]);
    }
    if (scope.len)
        add_pair(form, STR("scope"), buf_str(&scope));
    for (size_t i = 0; i < auth->endpoint_params.count; i++) {
        const SecretPair *param = &auth->endpoint_params.items[i];
        add_pair(form, param->key, secret_reveal(param->value));
    }
    form->failed = form->failed || scope.failed;
    buf_free(&scope);
}

/* RFC 6749 section 2.3.1: both are escaped before they are put together. */
static void add_basic(Buf *out, Str id, Str secret)
{
    Buf plain = BUF(8 * SECRET_MAX);
    add_escaped(&plain, id);
    buf_add_byte(&plain, ':');
    add_escaped(&plain, secret);
    buf_add(out, STR("Basic "));
    base64_encode(buf_str(&plain), out);
    for (size_t len = plain.len; len % 3; len++)
        buf_add_byte(out, '=');
    out->failed = out->failed || plain.failed;
    secret_wipe(&plain);
}

static bool ask(Oauth2Client *auth, Err *err)
{
    Buf id = BUF(SECRET_MAX), secret = BUF(SECRET_MAX), form = BUF(FETCH_BODY_MAX),
        basic = BUF(FETCH_BODY_MAX);
    bool ok =
        read_text(auth, auth->client_id_file, auth->client_id, &id, err) &&
        read_text(auth, auth->client_secret_file, secret_reveal(auth->client_secret), &secret, err);
    if (ok) {
        add_form(auth, &form);
        if (auth->in_form) {
            add_pair(&form, STR("client_id"), buf_str(&id));
            add_pair(&form, STR("client_secret"), buf_str(&secret));
        } else {
            add_basic(&basic, buf_str(&id), buf_str(&secret));
        }
        ok = buf_ok(&form, err) && buf_ok(&basic, err) &&
             fetch_begin(&auth->fetch,
                         &(FetchWish){ .url = auth->token_url,
                                       .form = buf_str(&form),
                                       .authorization = buf_str(&basic) },
                         err);
    }
    secret_wipe(&id);
    secret_wipe(&secret);
    secret_wipe(&form);
    secret_wipe(&basic);
    return ok;
}

/* ---- the answer ------------------------------------------------------------------------------ */

static void ask_in(Oauth2Client *auth, int64_t seconds)
{
    Loop *loop = host_loop(auth->base.host);
    timer_set(loop, &auth->timer, loop_now(loop) + seconds * NANOS_PER_SECOND);
}

static void note_failure(Oauth2Client *auth, const Err *err)
{
    if (!auth->failed)
        host_log(auth->base.host, LOG_ERROR, "no token from %.*s: %s; it is asked again",
                 STR_ARG(auth->token_url), err->text);
    auth->failed = true;
    ask_in(auth, auth->wait_seconds);
    auth->wait_seconds *= 2;
    if (auth->wait_seconds > WAIT_MAX_SECONDS)
        auth->wait_seconds = WAIT_MAX_SECONDS;
}

static void begin(void *owner)
{
    Oauth2Client *auth = owner;
    Err err = { 0 };
    if (!ask(auth, &err))
        note_failure(auth, &err);
}

/* What stands in front of the token: servers write "bearer" in any case, others may mind. */
static Str scheme_of(Str token_type)
{
    return !token_type.len || str_eq_nocase(token_type, STR("bearer")) ? STR("Bearer") : token_type;
}

static bool is_printable(Str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~')
            return false;
    return text.len > 0;
}

static bool keep(Oauth2Client *auth, const JsonValue *answer, Err *err)
{
    Str token = json_text_of(json_member(answer, STR("access_token")));
    Str scheme = scheme_of(json_text_of(json_member(answer, STR("token_type"))));
    int64_t life = json_i64_of(json_member(answer, STR("expires_in")));
    if (!is_printable(token) || !is_printable(scheme))
        return fail(err, ERR_INPUT, "there is no access_token in the answer");
    Loop *loop = host_loop(auth->base.host);
    bool ends = life > 0 && life < LIFE_MAX_SECONDS;
    Buf header = BUF(TOKEN_MAX);
    buf_addf(&header, "%.*s %.*s", STR_ARG(scheme), STR_ARG(token));
    if (!buf_ok(&header, err))
        return false;
    mutex_lock(&auth->mutex);
    Buf old = auth->header;
    auth->header = header;
    auth->ends_mono_ns = ends ? loop_now(loop) + life * NANOS_PER_SECOND : INT64_MAX;
    mutex_unlock(&auth->mutex);
    secret_wipe(&old);
    int64_t early = auth->expiry_buffer / NANOS_PER_SECOND;
    if (ends) /* one that lives shorter than the buffer is renewed at half of its life */
        ask_in(auth, life > early ? life - early : life > 2 ? life / 2 : 1);
    return true;
}

static bool read_answer(Oauth2Client *auth, int status, Str body, Err *err)
{
    Arena *arena = arena_new(4 * FETCH_BODY_MAX, err);
    if (!arena)
        return false;
    const JsonValue *answer = json_tree(body, arena, err);
    bool ok = false;
    if (status != 200) {
        Str code = json_text_of(json_member(answer, STR("error")));
        Str words = json_text_of(json_member(answer, STR("error_description")));
        fail(err, ERR_DENIED, "status %d%s%.*s%s%.*s", status, code.len ? ", " : "",
             STR_ARG(str_first(code, 60)), words.len ? ": " : "", STR_ARG(str_first(words, 100)));
    } else if (answer) {
        ok = keep(auth, answer, err);
    }
    arena_free(arena);
    return ok;
}

static void answered(void *owner, int status, Str body, const Err *failure)
{
    Oauth2Client *auth = owner;
    Err err = { 0 };
    bool ok = failure ? false : read_answer(auth, status, body, &err);
    if (ok) {
        if (auth->failed)
            host_log(auth->base.host, LOG_INFO, "there is a token from %.*s again",
                     STR_ARG(auth->token_url));
        auth->failed = false;
        auth->wait_seconds = 1;
        return;
    }
    bool may_mean_form = !failure && !auth->in_form && (status == 400 || status == 401);
    auth->in_form = may_mean_form; /* and after that the header again */
    if (may_mean_form)
        begin(auth);
    else
        note_failure(auth, failure ? failure : &err);
}

/* ---- clients --------------------------------------------------------------------------------- */

static bool sign(void *self, const ClientInfo *client, HttpFields *sent, Err *err)
{
    (void)client;
    Oauth2Client *auth = self;
    int64_t now = clock_mono_ns(host_clock(auth->base.host));
    mutex_lock(&auth->mutex);
    bool known = auth->header.len > 0 && now < auth->ends_mono_ns;
    bool ok = known && http_fields_set(sent, STR("authorization"), buf_str(&auth->header), err);
    mutex_unlock(&auth->mutex);
    return known ? ok
                 : fail(err, ERR_BUSY, "there is no token from %.*s at the moment",
                        STR_ARG(auth->token_url));
}

/* ---- life ------------------------------------------------------------------------------------ */

static bool auth_start(void *self, Err *err)
{
    Oauth2Client *auth = self;
    Host *host = auth->base.host;
    mutex_init(&auth->mutex);
    auth->started = true;
    auth->wait_seconds = 1;
    auth->timer = (Timer){ .fire = begin, .owner = auth };
    auth->client = (ClientAuth){ .self = auth, .needs_tls = true, .sign = sign };
    if (str_eq_nocase(str_first(auth->token_url, 8), STR("https://"))) {
        if (!tls_connect_open(&auth->tls_use, &auth->tls, host, "token_url", err))
            return false;
    } else {
        host_log(host, LOG_WARN,
                 "token_url: without TLS: whoever sees the traffic can read the "
                 "secret and the token");
    }
    auth->fetch = (Fetch){ .loop = host_loop(host),
                           .tls = auth->tls_use.context,
                           .timeout_ns = auth->timeout,
                           .done = answered,
                           .owner = auth };
    begin(auth);
    return true;
}

static void auth_stop(void *self)
{
    Oauth2Client *auth = self;
    if (!auth->started)
        return;
    timer_cancel(host_loop(auth->base.host), &auth->timer);
    fetch_stop(&auth->fetch);
    tls_use_close(&auth->tls_use);
    secret_wipe(&auth->header);
    mutex_done(&auth->mutex);
    auth->started = false;
}

static void *auth_service(void *self, ServiceKind kind)
{
    Oauth2Client *auth = self;
    return auth->started && kind == SERVICE_CLIENT_AUTH ? &auth->client : NULL;
}

const ComponentType oauth2client_extension = {
    .name = "oauth2client",
    .summary = "Sends a token that an OAuth 2 server gives out (client credentials).",
    .kind = EXTENSION,
    .stability = BETA,
    .placement = SINGLE,
    .size = sizeof(Oauth2Client),
    .fields = fields,
    .check = auth_check,
    .start = auth_start,
    .stop = auth_stop,
    .service = auth_service,
};
