/* tls_credentials.c - certificates, keys and authorities into an SSL_CTX.
 *
 * Everything is read as PEM from memory, whether a file or a setting holds it. Every fault is found
 * here, at the start or at a reload, and names the setting.
 */
#include "base/disk.h"
#include "net/tls_context_internal.h"

#include <string.h>
#include <time.h>

enum { PEM_MAX = 4 << 20 }; /* all authorities of a system are about 200 KiB */

typedef struct Loading {
    const TlsLibrary *library;
    const TlsContext *context;
    SSL_CTX *fresh;
} Loading;

static const char *name_of(const TlsSource *source)
{
    return source->file ? source->file : "(given as text)";
}

/* ---- bytes ---- */

static bool read_source(const TlsSource *source, Buf *out, Err *err)
{
    *out = BUF(PEM_MAX);
    if (source->pem)
        buf_add(out, str_from(source->pem));
    else if (!disk_read_all(disk_system(), source->file, out, err))
        return blame(err, "%s_file", source->key); /* the path is in it */
    return buf_ok(out, err);
}

/* ---- certificates ---- */

static bool fail_pem(const Loading *loading, const TlsSource *source, const char *what, Err *err)
{
    unsigned long code = loading->library->ERR_peek_error();
    const char *why = code ? loading->library->ERR_reason_error_string(code) : NULL;
    return fail(err, ERR_INPUT, "%s_file %s: %s (%s)", source->key, name_of(source), what,
                why ? why : "unknown");
}

static bool is_end_of_pem(const TlsLibrary *library)
{
    unsigned long code = library->ERR_peek_error();
    return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

/* Calls take() for each certificate; take() does not keep the reference. */
static bool each_certificate(const Loading *loading, TlsSourceIndex index,
                             bool (*take)(const Loading *loading, X509 *certificate, size_t i),
                             Err *err)
{
    const TlsLibrary *library = loading->library;
    const TlsSource *source = &loading->context->sources[index];
    Buf pem;
    size_t count = 0;
    bool ok = read_source(source, &pem, err);
    BIO *bio = ok ? library->BIO_new_mem_buf(pem.ptr, (int)pem.len) : NULL;
    ok = ok && (bio || fail(err, ERR_MEMORY, "no memory for certificates"));
    library->ERR_clear_error();
    while (ok) {
        X509 *certificate = library->PEM_read_bio_X509(bio, NULL, NULL, NULL);
        if (!certificate)
            break;
        ok = take(loading, certificate, count++) ||
             fail_pem(loading, source, "a certificate cannot be used", err);
        library->X509_free(certificate);
    }
    if (ok && (count == 0 || !is_end_of_pem(library)))
        ok = fail_pem(loading, source,
                      count ? "damaged after its first" : "no PEM certificate in it", err);
    library->BIO_free(bio);
    buf_free(&pem);
    return ok;
}

static bool take_own(const Loading *loading, X509 *certificate, size_t i)
{
    const TlsLibrary *library = loading->library;
    if (i == 0)
        return library->SSL_CTX_use_certificate(loading->fresh, certificate) == 1;
    return library->SSL_CTX_ctrl(loading->fresh, SSL_CTRL_CHAIN_CERT, 1, certificate) == 1;
}

static bool take_authority(const Loading *loading, X509 *certificate, size_t i)
{
    (void)i;
    const TlsLibrary *library = loading->library;
    X509_STORE *store = library->SSL_CTX_get_cert_store(loading->fresh);
    return library->X509_STORE_add_cert(store, certificate) == 1;
}

/* Clients are also told whose certificates we take, so that they find theirs. */
static bool take_client_authority(const Loading *loading, X509 *certificate, size_t i)
{
    return take_authority(loading, certificate, i) &&
           loading->library->SSL_CTX_add_client_CA(loading->fresh, certificate) == 1;
}

/* ---- our own ---- */

static int no_password(char *out, int size, int writing, void *context)
{
    (void)out;
    (void)size;
    (void)writing;
    (void)context;
    return -1; /* without this OpenSSL would ask on the terminal */
}

static bool take_key(const Loading *loading, Err *err)
{
    const TlsLibrary *library = loading->library;
    const TlsSource *source = &loading->context->sources[TLS_KEY];
    const TlsSource *certificate = &loading->context->sources[TLS_CERT];
    Buf pem;
    bool ok = read_source(source, &pem, err);
    BIO *bio = ok ? library->BIO_new_mem_buf(pem.ptr, (int)pem.len) : NULL;
    library->ERR_clear_error();
    EVP_PKEY *key = bio ? library->PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
    if (ok && !key)
        ok = fail_pem(loading, source, "no PEM key in it, or one that needs a password", err);
    library->ERR_clear_error();
    if (ok && (library->SSL_CTX_use_PrivateKey(loading->fresh, key) != 1 ||
               library->SSL_CTX_check_private_key(loading->fresh) != 1))
        ok = fail(err, ERR_INPUT, "key_file %s does not belong to cert_file %s", name_of(source),
                  name_of(certificate));
    library->EVP_PKEY_free(key);
    library->BIO_free(bio);
    if (pem.ptr)
        explicit_bzero(pem.ptr, pem.len);
    buf_free(&pem);
    return ok;
}

static int64_t end_of(const Loading *loading)
{
    const TlsLibrary *library = loading->library;
    struct tm when;
    const X509 *certificate = library->SSL_CTX_get0_certificate(loading->fresh);
    if (!certificate ||
        library->ASN1_TIME_to_tm(library->X509_get0_notAfter(certificate), &when) != 1)
        return INT64_MAX;
    return timegm(&when);
}

/* ---- how we speak ---- */

/* Ours first: h2 wherever the client has it. A client that offers neither is refused (RFC 7301). */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *offered, unsigned offered_len, void *library)
{
    static const unsigned char ours[] = "\x02h2\x08http/1.1";
    unsigned char *chosen = NULL;
    (void)ssl;
    if (((const TlsLibrary *)library)
            ->SSL_select_next_proto(&chosen, out_len, ours, sizeof ours - 1, offered,
                                    offered_len) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static bool set_limits(const Loading *loading, Err *err)
{
    const TlsLibrary *library = loading->library;
    const TlsContext *context = loading->context;
    SSL_CTX *fresh = loading->fresh;
    long mode = SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER;
    library->SSL_CTX_ctrl(fresh, SSL_CTRL_MODE, mode, NULL);
    library->SSL_CTX_ctrl(fresh, SSL_CTRL_SET_READ_AHEAD, 1,
                          NULL); /* one read for header and body */
    library->SSL_CTX_set_options(fresh, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    /* Tickets resume sessions; what a cache holds would be charged to nobody. */
    library->SSL_CTX_ctrl(fresh, SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_OFF, NULL);
    if (library->SSL_CTX_ctrl(fresh, SSL_CTRL_SET_MIN_PROTO_VERSION, context->min_version, NULL) !=
            1 ||
        library->SSL_CTX_ctrl(fresh, SSL_CTRL_SET_MAX_PROTO_VERSION, context->max_version, NULL) !=
            1)
        return fail(err, ERR_UNSUPPORTED, "OpenSSL here does not speak the TLS versions wanted");
    if (context->ciphers && library->SSL_CTX_set_cipher_list(fresh, context->ciphers) != 1)
        return fail(err, ERR_INPUT, "cipher_suites: OpenSSL here can use none of them");
    return !context->curves ||
           library->SSL_CTX_ctrl(fresh, SSL_CTRL_SET_GROUPS_LIST, 0, context->curves) == 1 ||
           fail(err, ERR_INPUT, "curve_preferences: OpenSSL here cannot use them");
}

static bool set_trust(const Loading *loading, Err *err)
{
    const TlsLibrary *library = loading->library;
    const TlsContext *context = loading->context;
    const TlsSource *ca = &context->sources[TLS_CA];
    bool own = ca->file || ca->pem;
    library->SSL_CTX_set_verify(loading->fresh,
                                context->insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    if ((!own || context->include_system) &&
        library->SSL_CTX_set_default_verify_paths(loading->fresh) != 1)
        return fail(err, ERR_IO, "the system's authorities cannot be read");
    return !own || each_certificate(loading, TLS_CA, take_authority, err);
}

static bool set_client_trust(const Loading *loading, Err *err)
{
    static const unsigned char id[] = "cryostorm"; /* resuming with certificates needs one */
    const TlsLibrary *library = loading->library;
    library->SSL_CTX_set_session_id_context(loading->fresh, id, sizeof id - 1);
    if (!loading->context->sources[TLS_CLIENT_CA].file)
        return true;
    library->SSL_CTX_set_verify(loading->fresh, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                                NULL);
    return each_certificate(loading, TLS_CLIENT_CA, take_client_authority, err);
}

static bool load_all(const Loading *loading, Err *err)
{
    const TlsContext *context = loading->context;
    bool has_own = context->sources[TLS_CERT].file || context->sources[TLS_CERT].pem;
    if (!set_limits(loading, err))
        return false;
    if (has_own && !(each_certificate(loading, TLS_CERT, take_own, err) && take_key(loading, err)))
        return false;
    if (context->role == TLS_CLIENT)
        return set_trust(loading, err);
    loading->library->SSL_CTX_set_alpn_select_cb(loading->fresh, choose_protocol,
                                                 (void *)(uintptr_t)loading->library);
    return set_client_trust(loading, err);
}

SSL_CTX *tls_credentials_load(const TlsContext *context, int64_t *expires_unix, Err *err)
{
    const TlsLibrary *library = context->library;
    Loading loading = { .library = library, .context = context };
    loading.fresh = library->SSL_CTX_new(
        context->role == TLS_SERVER ? library->TLS_server_method() : library->TLS_client_method());
    if (!loading.fresh) {
        fail(err, ERR_MEMORY, "no memory for TLS");
        return NULL;
    }
    if (load_all(&loading, err)) {
        *expires_unix = end_of(&loading);
        return loading.fresh;
    }
    library->SSL_CTX_free(loading.fresh);
    return NULL;
}
