/* oidc_extension.c - lets in who has a token (JWT) of an OpenID Connect issuer.
 *
 *     start() --> DISCOVERY --jwks_uri--> KEYS --> wait REFRESH_SECONDS --> DISCOVERY
 *                     |                     |
 *                     +------failure--------+--> wait 1 s, 2 s ... 1 min --> DISCOVERY
 *
 * An issuer's document and keys are fetched on the extension's loop and read again every hour, and
 * when a token names a key that is not there, but not sooner than UNKNOWN_SECONDS after the last
 * time: whoever invents key ids makes us ask the issuer six times a minute at most. Until there are
 * keys a request is told ERR_BUSY. What fails is logged once; keys that are there stay in force.
 * With `public_keys_file` nothing is fetched: the file is watched.
 *
 * A token is believed when its signature is right (jwt.h), `iss` is the issuer's URL, `aud` has the
 * audience, `exp` is there and not past, and `nbf` is not ahead; clocks may differ by
 * LEEWAY_SECONDS. Before that nothing of it counts but `iss`, which chooses among several
 * providers.
 *
 * The keys are replaced by the loop and read by all: a mutex guards the pointer, and a reference is
 * held while a signature is checked.
 */
#include "base/mem.h"
#include "base/thread.h"
#include "extensions/credential.h"
#include "extensions/fetch.h"
#include "extensions/jwt.h"
#include "extensions/watched_file.h"
#include "pipe/auth.h"
#include "pipe/tls_settings.h"

#include <ctype.h>
#include <math.h>

enum {
    REFRESH_SECONDS = 3600,
    UNKNOWN_SECONDS = 10,
    WAIT_MAX_SECONDS = 60,
    LEEWAY_SECONDS = 60,
    TIMEOUT_SECONDS = 5,
    URL_MAX = 2048,
    HEADER_MAX = 64,
    PROVIDERS_MAX = 32,
    DOCUMENT_ARENA_BYTES = 8 * FETCH_BODY_MAX,
};

typedef struct ProviderRules {
    Str issuer_url, audience, issuer_ca_path, username_claim, groups_claim, public_keys_file;
    bool ignore_audience, ignore_issuer;
} ProviderRules;

typedef struct ProviderItem {
    ProviderRules rules;
} ProviderItem;

typedef struct ProviderItems {
    ProviderItem *items;
    size_t count;
} ProviderItems;

typedef struct Provider {
    Host *host; /* NULL: not started */
    const ProviderRules *rules;
    TlsConnectSettings tls_settings;
    TlsUse tls;
    Fetch fetch;
    WatchedFile file;
    Timer timer;
    Post wanted; /* a token named a key that is not there */
    bool has_document, failed;
    int64_t wait_seconds;
    Mutex mutex; /* guards the rest */
    JwtKeys *keys;
    bool asking;
    int64_t asked_mono_ns;
} Provider;

typedef struct Oidc {
    Component base;
    ProviderRules own; /* settings */
    ProviderItems providers;
    Str attribute;
    ServerAuth server; /* state */
    char header[HEADER_MAX];
    Provider *list;
    size_t count;
} Oidc;

/* clang-format off */
#define PROVIDER_ROWS(T, m) \
    TEXT(T, m.issuer_url, "", "The issuer, as its tokens name it in iss.", .name = "issuer_url"), \
    TEXT(T, m.audience, "", "Whom its tokens must be for.", .name = "audience"), \
    BOOL(T, m.ignore_audience, "false", "Take tokens for others, too.", \
         .name = "ignore_audience"), \
    BOOL(T, m.ignore_issuer, "false", "Take tokens that name another issuer, signed by this one.", \
         .name = "ignore_issuer"), \
    TEXT(T, m.issuer_ca_path, "", \
         "Who signs the issuer's certificate, PEM; none: the system's authorities.", \
         .name = "issuer_ca_path", .path = READS_FILE), \
    TEXT(T, m.username_claim, "", "The claim that has the name; empty: sub.", \
         .name = "username_claim"), \
    TEXT(T, m.groups_claim, "", "The claim that has the groups; empty: none.", \
         .name = "groups_claim"), \
    TEXT(T, m.public_keys_file, "", \
         "A file with the keys (JWKS), read again when it changes; then nothing is fetched.", \
         .name = "public_keys_file", .path = READS_FILE)
/* clang-format on */

static const ConfigField provider_fields[] = { PROVIDER_ROWS(ProviderItem, rules), { 0 } };

static bool check_header(Str text, Err *err)
{
    return (text.len > 0 && text.len < HEADER_MAX) ||
           fail(err, ERR_INPUT, "must be the name of a header");
}

static const ConfigField fields[] = {
    PROVIDER_ROWS(Oidc, own),
    SECTION_LIST(Oidc, providers, ProviderItem, provider_fields, "Several issuers."),
    TEXT(Oidc, attribute, "authorization", "The header that has the token, behind \"Bearer \".",
         .check = check_header),
    { 0 },
};

static bool has_own(const Oidc *oidc)
{
    const ProviderRules *own = &oidc->own;
    return own->issuer_url.len || own->audience.len || own->issuer_ca_path.len ||
           own->username_claim.len || own->groups_claim.len || own->public_keys_file.len ||
           own->ignore_audience || own->ignore_issuer || !oidc->providers.count;
}

static size_t provider_count(const Oidc *oidc)
{
    return oidc->providers.count + has_own(oidc);
}

static const ProviderRules *rules_at(const Oidc *oidc, size_t i)
{
    if (has_own(oidc) && i-- == 0)
        return &oidc->own;
    return &oidc->providers.items[i].rules;
}

static bool check_provider(const Oidc *oidc, size_t at, Err *err)
{
    const ProviderRules *rules = rules_at(oidc, at);
    if (!rules->audience.len && !rules->ignore_audience)
        return fail(err, ERR_INPUT,
                    "no Audience provided for the OIDC configuration: set audience, "
                    "or ignore_audience");
    if (!rules->issuer_url.len)
        return fail(err, ERR_INPUT,
                    "no IssuerURL provided for the OIDC configuration: set "
                    "issuer_url");
    for (size_t i = 0; i < at; i++)
        if (str_eq(rules_at(oidc, i)->issuer_url, rules->issuer_url))
            return fail(err, ERR_INPUT, "duplicate issuer URL found: %.*s",
                        STR_ARG(rules->issuer_url));
    if (rules->issuer_url.len > URL_MAX - 64)
        return fail(err, ERR_INPUT, "issuer_url: too long");
    return rules->public_keys_file.len || fetch_check_url(rules->issuer_url, err) ||
           blame(err, "issuer_url");
}

static bool oidc_check(const void *self, Err *err)
{
    const Oidc *oidc = self;
    if (provider_count(oidc) > PROVIDERS_MAX)
        return fail(err, ERR_INPUT, "providers: %d at most", PROVIDERS_MAX);
    for (size_t i = 0; i < provider_count(oidc); i++)
        if (!check_provider(oidc, i, err))
            return false;
    return true;
}

/* ---- keys ------------------------------------------------------------------------------------ */

static bool take_keys(void *owner, Str json, Err *err)
{
    Provider *provider = owner;
    JwtKeys *keys = jwt_keys_parse(json, err);
    if (!keys)
        return false;
    mutex_lock(&provider->mutex);
    JwtKeys *old = provider->keys;
    provider->keys = keys;
    mutex_unlock(&provider->mutex);
    jwt_keys_unref(old);
    return true;
}

static void set_asking(Provider *provider, bool asking)
{
    mutex_lock(&provider->mutex);
    provider->asking = asking;
    if (asking)
        provider->asked_mono_ns = loop_now(host_loop(provider->host));
    mutex_unlock(&provider->mutex);
}

static void ask_in(Provider *provider, int64_t seconds)
{
    Loop *loop = host_loop(provider->host);
    set_asking(provider, false);
    timer_set(loop, &provider->timer, loop_now(loop) + seconds * NANOS_PER_SECOND);
}

static void note_failure(Provider *provider, const Err *err)
{
    if (!provider->failed)
        host_log(provider->host, LOG_ERROR, "no keys from %.*s: %s; it is asked again",
                 STR_ARG(provider->rules->issuer_url), err->text);
    provider->failed = true;
    ask_in(provider, provider->wait_seconds);
    provider->wait_seconds *= 2;
    if (provider->wait_seconds > WAIT_MAX_SECONDS)
        provider->wait_seconds = WAIT_MAX_SECONDS;
}

static bool is_https(Str url)
{
    return str_eq_nocase(str_first(url, 8), STR("https://"));
}

static bool ask(Provider *provider, Str url, Err *err)
{
    return fetch_begin(&provider->fetch, &(FetchWish){ .url = url }, err);
}

static void begin(void *owner)
{
    Provider *provider = owner;
    Err err = { 0 };
    Buf url = BUF(URL_MAX);
    Str issuer = provider->rules->issuer_url;
    if (fetch_is_busy(&provider->fetch))
        return;
    while (str_ends(issuer, STR("/")))
        issuer.len--;
    buf_addf(&url, "%.*s/.well-known/openid-configuration", STR_ARG(issuer));
    provider->has_document = false;
    set_asking(provider, true);
    if (!buf_ok(&url, &err) || !ask(provider, buf_str(&url), &err))
        note_failure(provider, &err);
    buf_free(&url);
}

/* The issuer must call itself what we call it (OpenID Connect Discovery 1.0, section 4.3), and an
 * issuer behind TLS cannot send us to keys in plain text. */
static bool take_document(Provider *provider, Str body, Err *err)
{
    const ProviderRules *rules = provider->rules;
    Arena *arena = arena_new(DOCUMENT_ARENA_BYTES, err);
    const JsonValue *document = arena ? json_tree(body, arena, err) : NULL;
    bool ok = false;
    if (document) {
        Str issuer = json_text_of(json_member(document, STR("issuer")));
        Str keys = json_text_of(json_member(document, STR("jwks_uri")));
        if (!rules->ignore_issuer && !str_eq(issuer, rules->issuer_url))
            fail(err, ERR_INPUT, "it calls itself \"%.*s\"", STR_ARG(str_first(issuer, 100)));
        else if (is_https(rules->issuer_url) && !is_https(keys))
            fail(err, ERR_INPUT, "its jwks_uri is not https://");
        else
            ok = ask(provider, keys, err) || blame(err, "jwks_uri");
    }
    arena_free(arena);
    return ok;
}

static bool take_answer(Provider *provider, int status, Str body, Err *err)
{
    if (status != 200)
        return fail(err, ERR_INPUT, "status %d", status);
    if (!provider->has_document) {
        provider->has_document = true;
        return take_document(provider, body, err);
    }
    if (!take_keys(provider, body, err))
        return false;
    if (provider->failed)
        host_log(provider->host, LOG_INFO, "there are keys from %.*s again",
                 STR_ARG(provider->rules->issuer_url));
    provider->failed = false;
    provider->wait_seconds = 1;
    ask_in(provider, REFRESH_SECONDS);
    return true;
}

static void answered(void *owner, int status, Str body, const Err *failure)
{
    Provider *provider = owner;
    Err err = { 0 };
    if (failure)
        note_failure(provider, failure);
    else if (!take_answer(provider, status, body, &err))
        note_failure(provider, &err);
}

/* From any loop: may the issuer have newer keys? Then it is asked. */
static bool hope_for_keys(Provider *provider)
{
    int64_t now = clock_mono_ns(host_clock(provider->host));
    if (provider->rules->public_keys_file.len)
        return false;
    mutex_lock(&provider->mutex);
    bool asks =
        !provider->asking && now - provider->asked_mono_ns >= UNKNOWN_SECONDS * NANOS_PER_SECOND;
    bool hope = provider->asking || asks;
    if (asks) {
        provider->asking = true;
        provider->asked_mono_ns = now;
    }
    mutex_unlock(&provider->mutex);
    if (asks)
        loop_post(host_loop(provider->host), &provider->wanted);
    return hope;
}

/* ---- claims ---------------------------------------------------------------------------------- */

static bool has_audience(const JsonValue *claim, Str audience)
{
    if (!claim)
        return false;
    if (claim->kind == JSON_TEXT)
        return str_eq(claim->text, audience);
    for (const JsonValue *item = claim->kind == JSON_ARRAY ? claim->first : NULL; item;
         item = item->next)
        if (item->kind == JSON_TEXT && str_eq(item->text, audience))
            return true;
    return false;
}

static bool check_times(const JsonValue *claims, double now, Err *err)
{
    const JsonValue *exp = json_member(claims, STR("exp"));
    const JsonValue *nbf = json_member(claims, STR("nbf"));
    if (!exp || exp->kind != JSON_NUMBER || !isfinite(json_double_of(exp)))
        return fail(err, ERR_UNKNOWN, "the token does not say when it ends");
    if (now >= json_double_of(exp) + LEEWAY_SECONDS)
        return fail(err, ERR_UNKNOWN, "the token has ended");
    if (nbf && (nbf->kind != JSON_NUMBER || !(json_double_of(nbf) - LEEWAY_SECONDS <= now)))
        return fail(err, ERR_UNKNOWN, "the token is not valid yet");
    return true;
}

static bool check_claims(const Provider *provider, const JsonValue *claims, Err *err)
{
    const ProviderRules *rules = provider->rules;
    const JsonValue *issuer = json_member(claims, STR("iss"));
    int64_t now_ns = clock_wall_ns(host_clock(provider->host));
    if (!rules->ignore_issuer &&
        (!issuer || issuer->kind != JSON_TEXT || !str_eq(issuer->text, rules->issuer_url)))
        return fail(err, ERR_UNKNOWN, "the token is of another issuer");
    if (!rules->ignore_audience && !has_audience(json_member(claims, STR("aud")), rules->audience))
        return fail(err, ERR_UNKNOWN, "the token is for another audience");
    return check_times(claims, (double)now_ns / (double)NANOS_PER_SECOND, err);
}

static bool note_subject(const ProviderRules *rules, const JsonValue *claims, ClientInfo *client,
                         Err *err)
{
    Str name = rules->username_claim.len ? rules->username_claim : STR("sub");
    const JsonValue *claim = json_member(claims, name);
    if (!claim && rules->username_claim.len)
        return fail(err, ERR_UNKNOWN,
                    "username claim from the OIDC configuration not found on the token returned by "
                    "the OIDC provider");
    if (claim && claim->kind != JSON_TEXT)
        return fail(err, ERR_UNKNOWN,
                    "the username returned by the OIDC provider isn't a regular string");
    return client_info_add(client, CLIENT_AUTH, STR("subject"), claim ? claim->text : (Str){ 0 },
                           err);
}

static bool note_groups(const ProviderRules *rules, const JsonValue *claims, ClientInfo *client,
                        Err *err)
{
    if (!rules->groups_claim.len)
        return true;
    const JsonValue *claim = json_member(claims, rules->groups_claim);
    if (!claim)
        return fail(err, ERR_UNKNOWN,
                    "groups claim from the OIDC configuration not found on the token returned by "
                    "the OIDC provider");
    const JsonValue *item = claim->kind == JSON_ARRAY ? claim->first : claim;
    for (; item; item = claim->kind == JSON_ARRAY ? item->next : NULL) {
        if (item->kind != JSON_TEXT)
            return fail(err, ERR_UNKNOWN, "the groups of the token are no texts");
        if (!client_info_add(client, CLIENT_AUTH, STR("membership"), item->text, err))
            return false;
    }
    return true;
}

/* ---- requests -------------------------------------------------------------------------------- */

static Provider *provider_of(Oidc *oidc, const JsonValue *claims)
{
    Str issuer = json_text_of(json_member(claims, STR("iss")));
    for (size_t i = 0; i < oidc->count; i++)
        if (oidc->count == 1 || str_eq(oidc->list[i].rules->issuer_url, issuer))
            return &oidc->list[i];
    return NULL;
}

static bool come_back(const char *why, Err *err)
{
    fail(err, ERR_BUSY, "%s", why);
    err->retry_ms = 1000;
    return false;
}

static bool verify(Provider *provider, const Jwt *jwt, Err *err)
{
    mutex_lock(&provider->mutex);
    JwtKeys *keys = jwt_keys_ref(provider->keys);
    mutex_unlock(&provider->mutex);
    if (!keys)
        return come_back("the keys of the issuer are not there yet", err);
    JwtVerdict verdict = jwt_verify(jwt, keys, err);
    jwt_keys_unref(keys);
    if (verdict == JWT_NO_KEY && hope_for_keys(provider))
        return come_back("the issuer is asked for the key of the token", err);
    err->kind = ERR_UNKNOWN;
    return verdict == JWT_GOOD;
}

static bool let_in(Oidc *oidc, Str token, Arena *arena, ClientInfo *client, Err *err)
{
    Jwt jwt;
    if (!jwt_parse(token, arena, &jwt, err)) {
        err->kind = ERR_UNKNOWN; /* whatever is wrong with it */
        return false;
    }
    Provider *provider = provider_of(oidc, jwt.claims);
    if (!provider)
        return fail(err, ERR_UNKNOWN, "the token is of another issuer");
    return verify(provider, &jwt, err) && check_claims(provider, jwt.claims, err) &&
           note_subject(provider->rules, jwt.claims, client, err) &&
           note_groups(provider->rules, jwt.claims, client, err) &&
           client_info_add(client, CLIENT_AUTH, STR("raw"), token, err);
}

static bool authenticate(void *self, const AuthRequest *asked, ClientInfo *client, Err *err)
{
    Oidc *oidc = self;
    Str field = auth_request_field(asked, str_from(oidc->header));
    if (!field.len)
        return fail(err, ERR_UNKNOWN, "authentication didn't succeed");
    Str token = credential_behind(field, STR("Bearer"));
    if (!token.len)
        return fail(err, ERR_UNKNOWN, "invalid authorization header format");
    Arena *arena = arena_new(JWT_ARENA_BYTES, err);
    bool ok = arena && let_in(oidc, token, arena, client, err);
    arena_free(arena);
    return ok;
}

/* ---- life ------------------------------------------------------------------------------------ */

static bool start_provider(Provider *provider, const ProviderRules *rules, Host *host, Err *err)
{
    provider->host = host;
    provider->rules = rules;
    provider->wait_seconds = 1;
    mutex_init(&provider->mutex);
    provider->timer = (Timer){ .fire = begin, .owner = provider };
    provider->wanted = (Post){ .run = begin, .owner = provider };
    if (rules->public_keys_file.len) {
        provider->file = (WatchedFile){ .key = "public_keys_file",
                                        .path = rules->public_keys_file.ptr,
                                        .take = take_keys,
                                        .owner = provider };
        return watched_file_open(&provider->file, host, false, err);
    }
    provider->tls_settings.ca_file = rules->issuer_ca_path;
    if (is_https(rules->issuer_url)) {
        if (!tls_connect_open(&provider->tls, &provider->tls_settings, host, "issuer", err))
            return blame(err, "issuer_ca_path");
    } else {
        host_log(host, LOG_WARN, "issuer_url: without TLS: whoever is between can let in anybody");
    }
    provider->fetch = (Fetch){ .loop = host_loop(host),
                               .tls = provider->tls.context,
                               .timeout_ns = TIMEOUT_SECONDS * NANOS_PER_SECOND,
                               .done = answered,
                               .owner = provider };
    begin(provider);
    return true;
}

static bool oidc_start(void *self, Err *err)
{
    Oidc *oidc = self;
    for (size_t i = 0; i < oidc->attribute.len; i++)
        oidc->header[i] = (char)tolower((unsigned char)oidc->attribute.ptr[i]);
    oidc->server =
        (ServerAuth){ .self = oidc, .challenge = STR("Bearer"), .authenticate = authenticate };
    oidc->count = provider_count(oidc);
    oidc->list = MEM_MAKE(Provider, oidc->count, err);
    for (size_t i = 0; oidc->list && i < oidc->count; i++)
        if (!start_provider(&oidc->list[i], rules_at(oidc, i), oidc->base.host, err))
            return false;
    return oidc->list != NULL;
}

static void oidc_stop(void *self)
{
    Oidc *oidc = self;
    for (size_t i = 0; oidc->list && i < oidc->count; i++) {
        Provider *provider = &oidc->list[i];
        if (!provider->host)
            continue;
        Loop *loop = host_loop(provider->host);
        timer_cancel(loop, &provider->timer);
        loop_unpost(loop, &provider->wanted);
        watched_file_close(&provider->file);
        fetch_stop(&provider->fetch);
        tls_use_close(&provider->tls);
        jwt_keys_unref(provider->keys);
        mutex_done(&provider->mutex);
    }
    mem_free(oidc->list);
    oidc->list = NULL;
}

static void *oidc_service(void *self, ServiceKind kind)
{
    Oidc *oidc = self;
    return oidc->list && kind == SERVICE_SERVER_AUTH ? &oidc->server : NULL;
}

const ComponentType oidc_extension = {
    .name = "oidc",
    .summary = "Lets in who has a token of an OpenID Connect issuer.",
    .kind = EXTENSION,
    .stability = BETA,
    .placement = SINGLE,
    .size = sizeof(Oidc),
    .fields = fields,
    .check = oidc_check,
    .start = oidc_start,
    .stop = oidc_stop,
    .service = oidc_service,
};
