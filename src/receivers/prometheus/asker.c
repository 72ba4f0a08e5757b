/* asker.c - see asker.h.
 *
 * Each step of a request has a client: the site's own, or one that a redirect made. Those live
 * until the next request begins, because a client must not be freed from inside its own done().
 */
#include "receivers/prometheus/asker.h"

#include "base/mem.h"
#include "net/grpc.h"
#include "net/url.h"

enum { URL_MAX = 8 << 10, FILE_MAX = 64 << 10, RELOAD_SECONDS = 60 };

struct Asker {
    AskerSettings settings;
    Buf home_url;
    HttpClient *home;
    HttpClient *detours[ASKER_REDIRECTS];
    size_t detour_count, redirects;
    Buf url; /* scheme and authority of the step */
    Buf target;
    HttpFields fields; /* of the caller */
    int64_t ends_ns;
    bool closed;
};

/* ---- what a job's askers share ---- */

static bool open_tls(AskerHome *home, Err *err)
{
    TlsConnectSettings settings = home->settings->tls_config;
    settings.own.reload_interval = RELOAD_SECONDS * NANOS_PER_SECOND;
    return home->tls.context ||
           tls_connect_open(&home->tls, &settings, home->host, home->name, err);
}

/* A file's text without the white space around it. */
static bool read_text(const AskerHome *home, Str path, Buf *out, Err *err)
{
    out->max = FILE_MAX;
    buf_clear(out);
    if (!disk_read_all(host_disk(home->host), path.ptr, out, err))
        return false;
    Str text = str_trim(buf_str(out));
    buf_drop_front(out, text.len ? (size_t)(text.ptr - out->ptr) : out->len);
    out->len = text.len;
    return true;
}

static bool text_or_file(const AskerHome *home, Str text, Str path, Buf *out, Err *err)
{
    if (path.len)
        return read_text(home, path, out, err);
    out->max = FILE_MAX;
    buf_clear(out);
    buf_add(out, text);
    return buf_ok(out, err);
}

static bool add_basic(AskerHome *home, const BasicAuthSettings *basic, Err *err)
{
    Buf user = BUF(FILE_MAX), password = BUF(FILE_MAX), value = BUF(4 * FILE_MAX);
    bool ok =
        text_or_file(home, basic->username, basic->username_file, &user, err) &&
        text_or_file(home, secret_reveal(basic->password), basic->password_file, &password, err);
    if (ok) {
        buf_add_byte(&user, ':');
        buf_add(&user, buf_str(&password));
        buf_add(&value, STR("Basic "));
        base64_encode(buf_str(&user), &value);
        for (size_t left = user.len % 3; left % 3; left++)
            buf_add_byte(&value, '=');
        ok = buf_ok(&user, err) && buf_ok(&value, err) &&
             http_fields_add(&home->own, STR("authorization"), buf_str(&value), err);
    }
    buf_free(&user);
    buf_free(&password);
    buf_free(&value);
    return ok;
}

typedef struct Credentials {
    Str type, text, path;
} Credentials;

static bool add_credentials(AskerHome *home, const Credentials *of, Err *err)
{
    Buf text = BUF(FILE_MAX), value = BUF(2 * FILE_MAX);
    bool ok = text_or_file(home, of->text, of->path, &text, err);
    buf_addf(&value, "%.*s ", STR_ARG(of->type));
    buf_add(&value, buf_str(&text));
    ok = ok && buf_ok(&value, err) &&
         http_fields_add(&home->own, STR("authorization"), buf_str(&value), err);
    buf_free(&text);
    buf_free(&value);
    return ok;
}

static bool add_header(AskerHome *home, const HeaderSettings *header, Err *err)
{
    Buf text = BUF(FILE_MAX);
    bool ok = true;
    for (size_t i = 0; ok && i < header->values.count; i++)
        ok = http_fields_add(&home->own, header->key, header->values.items[i], err);
    for (size_t i = 0; ok && i < header->secrets.count; i++)
        ok = http_fields_add(&home->own, header->key, secret_reveal(header->secrets.items[i]), err);
    for (size_t i = 0; ok && i < header->files.count; i++)
        ok = read_text(home, header->files.items[i], &text, err) &&
             http_fields_add(&home->own, header->key, buf_str(&text), err);
    buf_free(&text);
    return ok;
}

static bool add_authorization(AskerHome *home, Err *err)
{
    const HttpSettings *settings = home->settings;
    const AuthorizationSettings *of = &settings->authorization;
    Str token = secret_reveal(settings->bearer_token);
    if (settings->basic_auth.present)
        return add_basic(home, &settings->basic_auth, err) || blame(err, "basic_auth");
    if (of->present)
        return add_credentials(home,
                               &(Credentials){ of->type, secret_reveal(of->credentials),
                                               of->credentials_file },
                               err) ||
               blame(err, "authorization");
    if (token.len || settings->bearer_token_file.len)
        return add_credentials(home,
                               &(Credentials){ STR("Bearer"), token, settings->bearer_token_file },
                               err) ||
               blame(err, "bearer_token");
    return true;
}

static bool has_files(const HttpSettings *settings)
{
    bool any = settings->basic_auth.username_file.len || settings->basic_auth.password_file.len ||
               settings->authorization.credentials_file.len || settings->bearer_token_file.len;
    for (size_t i = 0; i < settings->http_headers.count; i++)
        any = any || settings->http_headers.items[i].files.count;
    return any;
}

static bool refresh(AskerHome *home, Err *err)
{
    int64_t now = loop_now(host_loop(home->host));
    bool fresh = now - home->read_ns < ASKER_FILE_SECONDS * NANOS_PER_SECOND;
    if (home->read && (fresh || !has_files(home->settings)))
        return true;
    http_fields_clear(&home->own);
    home->read = add_authorization(home, err);
    for (size_t i = 0; home->read && i < home->settings->http_headers.count; i++)
        home->read = add_header(home, &home->settings->http_headers.items[i], err) ||
                     blame(err, "http_headers");
    http_fields_clean(&home->own);
    home->read_ns = now;
    return home->read;
}

bool asker_home_open(AskerHome *home, const HttpSettings *settings, Host *host, const char *name,
                     Err *err)
{
    *home = (AskerHome){ .host = host, .settings = settings, .name = name };
    http_fields_init(&home->own, ASKER_FIELDS_MAX + FILE_MAX);
    return refresh(home, err);
}

void asker_home_close(AskerHome *home)
{
    tls_use_close(&home->tls);
    http_fields_done(&home->own);
    *home = (AskerHome){ 0 };
}

/* ---- clients ---- */

static HttpClient *client_for(Asker *asker, Str url, Err *err)
{
    AskerHome *home = asker->settings.home;
    bool https = str_starts(url, STR("https:"));
    if (https && !open_tls(home, err))
        return NULL;
    const HttpClientSettings settings = {
        .loop = host_loop(home->host),
        .url = url,
        .tls = https ? home->tls.context : NULL,
        .connections = 1,
        .response_bytes = asker->settings.response_bytes,
        .purse = budget_purse(host_budget(home->host), BUDGET_BODIES),
        .connect_timeout_ns = asker->settings.connect_timeout_ns,
        .idle_timeout_ns = asker->settings.idle_timeout_ns,
    };
    return http_client_new(&settings, err);
}

Asker *asker_new(const AskerSettings *settings, Err *err)
{
    Asker *asker = MEM_MAKE(Asker, 1, err);
    if (!asker)
        return NULL;
    asker->settings = *settings;
    asker->home_url = asker->url = asker->target = BUF(URL_MAX);
    http_fields_init(&asker->fields, ASKER_FIELDS_MAX);
    buf_add(&asker->home_url, settings->url);
    if (buf_ok(&asker->home_url, err))
        asker->home = client_for(asker, buf_str(&asker->home_url), err);
    if (asker->home)
        return asker;
    asker_free(asker);
    return NULL;
}

static void drop_detours(Asker *asker)
{
    while (asker->detour_count)
        http_client_free(asker->detours[--asker->detour_count]);
}

void asker_free(Asker *asker)
{
    if (!asker)
        return;
    asker->closed = true;
    drop_detours(asker);
    http_client_free(asker->home);
    buf_free(&asker->home_url);
    buf_free(&asker->url);
    buf_free(&asker->target);
    http_fields_done(&asker->fields);
    mem_free(asker);
}

/* ---- steps ---- */

static void answered(void *owner, HttpResponse *response, const Err *err);

static bool at_home(const Asker *asker)
{
    return str_eq_nocase(buf_str(&asker->url), buf_str(&asker->home_url));
}

static bool send_step(Asker *asker, HttpClient *client, Err *err)
{
    AskerHome *home = asker->settings.home;
    size_t own = at_home(asker) ? home->own.count : 0, count = asker->fields.count;
    HttpField *list = MEM_MAKE(HttpField, own + count + 1, err);
    if (!list)
        return false;
    for (size_t i = 0; i < count; i++)
        list[i] = http_fields_at(&asker->fields, i);
    for (size_t i = 0; i < own; i++)
        list[count + i] = http_fields_at(&home->own, i);
    HttpCall call = { .method = STR("GET"),
                      .target = buf_str(&asker->target),
                      .fields = list,
                      .field_count = count + own,
                      .plain = asker->settings.plain,
                      .timeout_ns = asker->ends_ns - loop_now(host_loop(home->host)),
                      .done = answered,
                      .owner = asker };
    bool ok = call.timeout_ns > 0 || fail(err, ERR_TIMEOUT, "no time is left");
    ok = ok && http_client_send(client, &call, err);
    mem_free(list);
    return ok;
}

bool asker_send(Asker *asker, const AskerCall *call, Err *err)
{
    drop_detours(asker);
    asker->redirects = 0;
    asker->ends_ns = loop_now(host_loop(asker->settings.home->host)) + call->timeout_ns;
    buf_clear(&asker->url);
    buf_add(&asker->url, buf_str(&asker->home_url));
    buf_clear(&asker->target);
    buf_add(&asker->target, call->target);
    http_fields_clear(&asker->fields);
    bool ok = buf_ok(&asker->url, err) && buf_ok(&asker->target, err);
    for (size_t i = 0; ok && i < call->field_count; i++)
        ok = http_fields_add(&asker->fields, call->fields[i].name, call->fields[i].value, err);
    return ok && refresh(asker->settings.home, err) && send_step(asker, asker->home, err);
}

static bool is_redirect(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* Where "Location" leads from asker->url and asker->target: both are replaced. */
static bool follow(Asker *asker, Str location, Err *err)
{
    Buf target = BUF(URL_MAX);
    Str old = buf_str(&asker->target);
    Url url;
    Str all = location;
    while (all.len && !str_starts(all, STR("#")))
        all = str_skip(all, 1);
    location = str_first(location, location.len - all.len); /* without a fragment */
    if (str_starts(location, STR("http://")) || str_starts(location, STR("https://"))) {
        if (!url_parse(location, &url, err))
            return false;
        buf_clear(&asker->url);
        buf_add(&asker->url, str_first(location, location.len - url.path.len));
        buf_add(&target, str_starts(url.path, STR("/")) ? url.path : STR("/"));
    } else if (str_starts(location, STR("/")) && !str_starts(location, STR("//"))) {
        buf_add(&target, location);
    } else if (location.len && !str_starts(location, STR("/")) &&
               !str_contains(location, STR(":"))) { /* beside what was asked */
        while (old.len && old.ptr[old.len - 1] != '/')
            old.len--;
        buf_add(&target, old);
        buf_add(&target, location);
    } else {
        return fail(err, ERR_INPUT, "a redirect to \"%.*s\", which is no address",
                    STR_ARG(str_first(location, 100)));
    }
    buf_clear(&asker->target);
    buf_add(&asker->target, buf_str(&target));
    asker->target.failed = asker->target.failed || target.failed;
    buf_free(&target);
    return buf_ok(&asker->url, err) && buf_ok(&asker->target, err);
}

static bool go_on(Asker *asker, const HttpResponse *response, Err *err)
{
    if (asker->redirects++ == ASKER_REDIRECTS)
        return fail(err, ERR_INPUT, "stopped after %d redirects", ASKER_REDIRECTS);
    if (!follow(asker, http_fields_get(response->fields, STR("location")), err))
        return false;
    HttpClient *client = asker->home;
    if (!at_home(asker)) {
        client = client_for(asker, buf_str(&asker->url), err);
        if (!client)
            return false;
        asker->detours[asker->detour_count++] = client;
    }
    return send_step(asker, client, err);
}

static void answered(void *owner, HttpResponse *response, const Err *err)
{
    Asker *asker = owner;
    Err why;
    if (err || asker->closed || !asker->settings.home->settings->follow_redirects ||
        !is_redirect(response->status)) {
        asker->settings.done(asker->settings.owner, response, err);
        return;
    }
    if (!go_on(asker, response, &why))
        asker->settings.done(asker->settings.owner, response, &why);
}
