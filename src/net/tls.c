/* tls.c - contexts of TLS: their options, and taking changed files anew; see tls.h. */
#include "net/tls.h"

#include "base/mem.h"
#include "net/tls_context_internal.h"

#include <string.h>
#include <sys/stat.h>

enum { LIST_MAX = 8192 };

/* ---- options ---- */

static bool copy_text(Str text, char **out, Err *err)
{
    if (text.len == 0)
        return true;
    *out = mem_copy_text(text, err);
    return *out != NULL;
}

static bool copy_source(TlsSource *out, const char *key, Str file, Str pem, Err *err)
{
    out->key = key;
    if (file.len > 0 && pem.len > 0)
        return fail(err, ERR_INPUT, "%s_file and %s_pem are both given; only one may be", key, key);
    return copy_text(file, &out->file, err) && copy_text(pem, &out->pem, err);
}

static bool copy_sources(TlsContext *context, const TlsOptions *options, Err *err)
{
    TlsSource *sources = context->sources;
    const Str none = { NULL, 0 };
    return copy_source(&sources[TLS_CA], "ca", options->ca_file, options->ca_pem, err) &&
           copy_source(&sources[TLS_CERT], "cert", options->cert_file, options->cert_pem, err) &&
           copy_source(&sources[TLS_KEY], "key", options->key_file, options->key_pem, err) &&
           copy_source(&sources[TLS_CLIENT_CA], "client_ca", options->client_ca_file, none, err);
}

static bool is_given(const TlsSource *source)
{
    return source->file || source->pem;
}

static bool check_pair(const TlsContext *context, Err *err)
{
    bool cert = is_given(&context->sources[TLS_CERT]), key = is_given(&context->sources[TLS_KEY]);
    if (cert != key)
        return fail(err, ERR_INPUT, "cert_file and key_file belong together, but %s is missing",
                    cert ? "key_file" : "cert_file");
    return cert || context->role == TLS_CLIENT ||
           fail(err, ERR_INPUT, "a TLS server needs cert_file and key_file");
}

static bool parse_version(const char *key, Str text, int *out, Err *err)
{
    if (text.len == 0)
        return true;
    *out = str_eq(text, STR("1.2")) ? TLS1_2_VERSION : TLS1_3_VERSION;
    return str_eq(text, STR("1.2")) || str_eq(text, STR("1.3")) ||
           fail(err, ERR_INPUT, "%s \"%.*s\": only 1.2 and 1.3 are spoken", key,
                STR_ARG(str_first(text, 16)));
}

static bool parse_versions(TlsContext *context, const TlsOptions *options, Err *err)
{
    context->min_version = TLS1_2_VERSION;
    return parse_version("min_version", options->min_version, &context->min_version, err) &&
           parse_version("max_version", options->max_version, &context->max_version, err) &&
           (context->max_version == 0 || context->max_version >= context->min_version ||
            fail(err, ERR_INPUT, "max_version 1.2 is less than min_version 1.3"));
}

static bool keep_list(Buf *list, char **out, Err *err)
{
    bool ok = buf_ok(list, err) && copy_text(buf_str(list), out, err);
    buf_free(list);
    return ok;
}

/* The suites of TLS 1.3 ("TLS_AES_128_GCM_SHA256", no WITH) are always on: there are no bad ones.
 */
static bool list_ciphers(TlsContext *context, const TlsOptions *options, Err *err)
{
    Buf list = BUF(LIST_MAX);
    bool ok = true;
    for (size_t i = 0; ok && i < options->cipher_suite_count; i++) {
        char name[80] = "";
        Str wanted = str_first(options->cipher_suites[i], sizeof name - 1);
        memcpy(name, wanted.ptr, wanted.len);
        const char *known = context->library->OPENSSL_cipher_name(name);
        ok = strcmp(known, "(NONE)") != 0 || fail(err, ERR_INPUT,
                                                  "cipher_suites: \"%s\" is not known to OpenSSL "
                                                  "here; write IANA's names",
                                                  name);
        if (ok && str_contains(wanted, STR("_WITH_")))
            buf_addf(&list, "%s%s", list.len ? ":" : "", known);
    }
    return keep_list(&list, &context->ciphers, err) && ok;
}

static bool list_curves(TlsContext *context, const TlsOptions *options, Err *err)
{
    static const struct {
        Str name;
        const char *theirs;
    } curves[] = { { STR_ROW("X25519"), "X25519" },
                   { STR_ROW("P256"), "P-256" },
                   { STR_ROW("P384"), "P-384" },
                   { STR_ROW("P521"), "P-521" } };
    Buf list = BUF(LIST_MAX);
    bool ok = true;
    for (size_t i = 0; ok && i < options->curve_count; i++) {
        size_t k = 0;
        while (k < COUNT_OF(curves) && !str_eq(curves[k].name, options->curve_preferences[i]))
            k++;
        ok = k < COUNT_OF(curves) ||
             fail(err, ERR_INPUT, "curve_preferences: \"%.*s\" is none of X25519, P256, P384, P521",
                  STR_ARG(str_first(options->curve_preferences[i], 32)));
        if (ok)
            buf_addf(&list, "%s%s", list.len ? ":" : "", curves[k].theirs);
    }
    return keep_list(&list, &context->curves, err) && ok;
}

static bool take_options(TlsContext *context, const TlsOptions *options, Err *err)
{
    context->role = options->role;
    context->insecure = options->insecure_skip_verify;
    context->include_system = options->include_system_ca_certs_pool;
    context->loop = options->loop;
    context->reload_interval_ns = options->reload_interval_ns;
    context->reloaded = options->reloaded;
    context->owner = options->owner;
    return copy_sources(context, options, err) && check_pair(context, err) &&
           copy_text(options->server_name, &context->server_name, err) &&
           parse_versions(context, options, err) && list_ciphers(context, options, err) &&
           list_curves(context, options, err);
}

/* ---- files that change ---- */

static TlsStamp stamp_of(const char *path)
{
    struct stat info;
    if (!path || stat(path, &info) != 0)
        return (TlsStamp){ 0 };
    return (TlsStamp){ .device = (int64_t)info.st_dev,
                       .inode = (int64_t)info.st_ino,
                       .size = info.st_size,
                       .changed_ns =
                           info.st_mtim.tv_sec * NANOS_PER_SECOND + info.st_mtim.tv_nsec };
}

/* Before they are read: what changes meanwhile is then seen the next time. */
static bool look_at_files(TlsContext *context)
{
    bool changed = false;
    for (size_t i = 0; i < TLS_SOURCES; i++) {
        TlsStamp now = stamp_of(context->sources[i].file);
        const TlsStamp *then = &context->stamps[i];
        changed = changed || now.device != then->device || now.inode != then->inode ||
                  now.size != then->size || now.changed_ns != then->changed_ns;
        context->stamps[i] = now;
    }
    return changed;
}

static bool load(TlsContext *context, Err *err)
{
    int64_t expires_unix = INT64_MAX;
    SSL_CTX *fresh = tls_credentials_load(context, &expires_unix, err);
    context->library->ERR_clear_error();
    if (!fresh)
        return false;
    context->library->SSL_CTX_free(context->in_force);
    context->in_force = fresh;
    context->expires_unix = expires_unix;
    return true;
}

bool tls_reload(TlsContext *context, Err *err)
{
    look_at_files(context);
    return load(context, err);
}

static void set_timer(TlsContext *context)
{
    if (context->reload_interval_ns > 0)
        timer_set(context->loop, &context->timer,
                  loop_now(context->loop) + context->reload_interval_ns);
}

/* A change is tried once: what cannot be used is reported once, and again when it changes again. */
static void timer_fires(void *owner)
{
    TlsContext *context = owner;
    Err err = { 0 };
    if (look_at_files(context)) {
        bool ok = load(context, &err);
        if (context->reloaded)
            context->reloaded(context->owner, ok ? NULL : &err);
    }
    set_timer(context);
}

/* ---- life ---- */

TlsContext *tls_context_new(const TlsOptions *options, Err *err)
{
    const TlsLibrary *library = tls_library(err);
    TlsContext *context = library ? MEM_MAKE(TlsContext, 1, err) : NULL;
    if (!context)
        return NULL;
    context->library = library;
    context->timer = (Timer){ .fire = timer_fires, .owner = context };
    if (take_options(context, options, err) && tls_reload(context, err)) {
        set_timer(context);
        return context;
    }
    tls_context_free(context);
    return NULL;
}

int64_t tls_expires_unix(const TlsContext *context)
{
    return context->expires_unix;
}

void tls_context_free(TlsContext *context)
{
    if (!context)
        return;
    if (context->loop)
        timer_cancel(context->loop, &context->timer);
    context->library->SSL_CTX_free(context->in_force); /* NULL is fine */
    for (size_t i = 0; i < TLS_SOURCES; i++) {
        mem_free(context->sources[i].file);
        mem_free(context->sources[i].pem);
    }
    mem_free(context->server_name);
    mem_free(context->ciphers);
    mem_free(context->curves);
    mem_free(context);
}
