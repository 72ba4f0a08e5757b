/* tls_session.c - TLS on one connection, over the loop's Sockets; see tls_session_internal.h.
 *
 * OpenSSL reads and writes through a BIO of our own, so nothing is copied on the way and nothing is
 * kept for a connection that is idle (SSL_MODE_RELEASE_BUFFERS). One call reads the socket a
 * bounded number of times: a peer who sends handshakes or empty records for ever would otherwise
 * never let it return.
 */
#include "net/tls_session_internal.h"

#include "base/mem.h"
#include "net/tls_context_internal.h"
#include "net/tls_fault_internal.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

enum { READS_PER_CALL = 16 };

struct TlsSession {
    const TlsLibrary *library;
    SSL *ssl;
    Sockets *sockets;
    int fd;
    int reads_left; /* of this call */
    uint64_t bytes_in, bytes_out;
    bool wants_write, secured, broken, finished;
    TlsWitness seen;
};

/* ---- the socket, as OpenSSL sees it ---- */

/* The callbacks get nothing but the BIO, and need this to ask it whose it is. Set once. */
static const TlsLibrary *openssl;

static int not_now(BIO *bio, int direction)
{
    openssl->BIO_set_flags(bio, direction | BIO_FLAGS_SHOULD_RETRY);
    return -1;
}

static bool is_again(ssize_t n)
{
    return n == -EAGAIN || n == -EINTR;
}

static int bio_read(BIO *bio, char *out, int size)
{
    TlsSession *session = openssl->BIO_get_data(bio);
    openssl->BIO_clear_flags(bio, BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY);
    if (session->reads_left-- <= 0)
        return not_now(bio, BIO_FLAGS_READ); /* there will be a next call: the socket is readable */
    ssize_t n = session->sockets->read(session->sockets, session->fd, out, (size_t)size);
    if (is_again(n))
        return not_now(bio, BIO_FLAGS_READ);
    if (n <= 0) {
        session->seen.fault = (int)-n;
        session->seen.ended = n == 0;
        return (int)n;
    }
    session->bytes_in += (uint64_t)n;
    return tls_witness_begins(&session->seen, (Str){ out, (size_t)n }) ? (int)n : -1;
}

static int bio_write(BIO *bio, const char *bytes, int size)
{
    TlsSession *session = openssl->BIO_get_data(bio);
    openssl->BIO_clear_flags(bio, BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY);
    ssize_t n = session->sockets->write(session->sockets, session->fd, bytes, (size_t)size);
    if (is_again(n))
        return not_now(bio, BIO_FLAGS_WRITE);
    if (n < 0) {
        session->seen.fault = (int)-n;
        return -1;
    }
    session->bytes_out += (uint64_t)n;
    return (int)n;
}

static long bio_ctrl(BIO *bio, int what, long number, void *pointer)
{
    (void)number;
    (void)pointer;
    TlsSession *session = openssl->BIO_get_data(bio);
    if (what == BIO_CTRL_EOF)
        return session->seen.ended;
    return what == BIO_CTRL_FLUSH; /* nothing is kept back, so it is done */
}

static int bio_create(BIO *bio)
{
    openssl->BIO_set_init(bio, 1);
    return 1;
}

bool tls_session_make_bio(TlsLibrary *library, Err *err)
{
    int type = library->BIO_get_new_index() | BIO_TYPE_SOURCE_SINK;
    BIO_METHOD *method = library->BIO_meth_new(type, "cryostorm sockets");
    if (!method)
        return fail(err, ERR_MEMORY, "TLS: no memory for OpenSSL");
    library->BIO_meth_set_create(method, bio_create);
    library->BIO_meth_set_read(method, bio_read);
    library->BIO_meth_set_write(method, bio_write);
    library->BIO_meth_set_ctrl(method, bio_ctrl);
    library->socket_bio = method;
    openssl = library;
    return true;
}

/* ---- the beginning ---- */

static bool is_ip(Str host)
{
    Address address;
    return !str_eq_nocase(host, STR("localhost")) && address_from_literal(&address, host, 0);
}

/* Who must answer, and whom the server is told we look for: a name, never an address (RFC 6066). */
static bool expect_host(TlsSession *session, const TlsContext *context)
{
    const TlsLibrary *library = session->library;
    char *host = session->seen.host;
    bool ok = true;
    if (is_ip(str_from(host)))
        return context->insecure ||
               library->X509_VERIFY_PARAM_set1_ip_asc(library->SSL_get0_param(session->ssl),
                                                      host) == 1;
    ok = library->SSL_ctrl(session->ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                           host) == 1;
    return ok && (context->insecure || library->SSL_set1_host(session->ssl, host) == 1);
}

static bool prepare_client(TlsSession *session, const TlsContext *context, const TlsPeer *peer)
{
    static const unsigned char h2[] = "\x02h2", http1[] = "\x08http/1.1";
    const TlsLibrary *library = session->library;
    bool is_h2 = peer->alpn == TLS_ALPN_H2;
    session->seen.insist_on_h2 = is_h2;
    library->SSL_set_connect_state(session->ssl);
    return library->SSL_set_alpn_protos(session->ssl, is_h2 ? h2 : http1,
                                        is_h2 ? sizeof h2 - 1 : sizeof http1 - 1) == 0 &&
           expect_host(session, context);
}

static bool prepare(TlsSession *session, const TlsContext *context, const TlsPeer *peer, Err *err)
{
    const TlsLibrary *library = session->library;
    session->ssl = library->SSL_new(context->in_force);
    BIO *bio = session->ssl ? library->BIO_new(library->socket_bio) : NULL;
    if (!bio)
        return fail(err, ERR_MEMORY, "no memory for a TLS connection");
    library->BIO_set_data(bio, session);
    library->SSL_set_bio(session->ssl, bio, bio); /* which owns it now */
    session->seen.is_server = context->role == TLS_SERVER;
    if (session->seen.is_server) {
        library->SSL_set_accept_state(session->ssl);
        return true;
    }
    Str host = context->server_name ? str_from(context->server_name) : peer->host;
    session->seen.host = mem_copy_text(host, err);
    if (!session->seen.host)
        return false;
    return prepare_client(session, context, peer) ||
           fail(err, ERR_INPUT, "\"%s\" cannot be the name of a TLS server", session->seen.host);
}

TlsSession *tls_session_new(TlsContext *context, const TlsPeer *peer, Err *err)
{
    TlsSession *session = MEM_MAKE(TlsSession, 1, err);
    if (!session)
        return NULL;
    session->library = context->library;
    session->sockets = peer->sockets;
    session->fd = peer->fd;
    bool ok = prepare(session, context, peer, err);
    session->library->ERR_clear_error();
    if (ok)
        return session;
    tls_session_free(session);
    return NULL;
}

void tls_session_free(TlsSession *session)
{
    if (!session)
        return;
    if (session->ssl)
        session->library->SSL_free(session->ssl);
    mem_free(session->seen.host);
    mem_free(session);
}

/* ---- steps ---- */

/* The program around us may use OpenSSL in this thread too: its errors are not ours, nor the other
 * way round. */
static void begin_call(TlsSession *session)
{
    session->reads_left = READS_PER_CALL;
    session->wants_write = false;
    session->library->ERR_clear_error();
}

/* What a call came to: TLS_AGAIN, or TLS_FAILED with err, which the session does not survive. */
static TlsProgress end_call(TlsSession *session, int result, Err *err)
{
    const TlsLibrary *library = session->library;
    int outcome = library->SSL_get_error(session->ssl, result);
    session->wants_write = outcome == SSL_ERROR_WANT_WRITE;
    if (outcome == SSL_ERROR_WANT_READ || outcome == SSL_ERROR_WANT_WRITE)
        return TLS_AGAIN;
    session->broken = true;
    session->seen.verify_result = library->SSL_get_verify_result(session->ssl);
    tls_fault_explain(library, &session->seen, session->secured, err);
    library->ERR_clear_error();
    return TLS_FAILED;
}

static bool speaks_h2(const TlsSession *session)
{
    const unsigned char *name = NULL;
    unsigned len = 0;
    session->library->SSL_get0_alpn_selected(session->ssl, &name, &len);
    return len == 2 && memcmp(name, "h2", 2) == 0;
}

TlsProgress tls_session_handshake(TlsSession *session, Err *err)
{
    begin_call(session);
    int result = session->library->SSL_do_handshake(session->ssl);
    if (result != 1)
        return end_call(session, result, err);
    session->secured = true;
    if (!session->seen.insist_on_h2 || speaks_h2(session))
        return TLS_DONE;
    fail(err, ERR_IO, "%s does not agree to speak HTTP/2 (ALPN): is this a gRPC port?",
         session->seen.host);
    return TLS_FAILED;
}

static int int_size(size_t size)
{
    return size > INT_MAX ? INT_MAX : (int)size;
}

ssize_t tls_session_read(TlsSession *session, void *out, size_t size, Err *err)
{
    begin_call(session);
    int n = session->library->SSL_read(session->ssl, out, int_size(size));
    if (n > 0)
        return n;
    if (session->library->SSL_get_error(session->ssl, n) == SSL_ERROR_ZERO_RETURN)
        return 0;
    if (end_call(session, n, err) == TLS_AGAIN)
        return -EAGAIN;
    return session->seen.fault ? -session->seen.fault : -EPROTO;
}

ssize_t tls_session_write(TlsSession *session, const void *bytes, size_t size)
{
    Err unused = { 0 };
    if (session->broken)
        return -EPIPE;
    begin_call(session);
    int n = session->library->SSL_write(session->ssl, bytes, int_size(size));
    if (n > 0)
        return n;
    return end_call(session, n, &unused) == TLS_AGAIN ? -EAGAIN : -EPIPE;
}

void tls_session_finish(TlsSession *session)
{
    if (!session->secured || session->broken || session->finished)
        return;
    session->finished = true;
    begin_call(session);
    session->library->SSL_shutdown(session->ssl);
    session->library->ERR_clear_error();
}

/* ---- questions ---- */

bool tls_session_wants_write(const TlsSession *session)
{
    return session->wants_write;
}

bool tls_session_has_pending(const TlsSession *session)
{
    return session->secured && !session->broken && session->library->SSL_has_pending(session->ssl);
}

uint64_t tls_session_bytes_in(const TlsSession *session)
{
    return session->bytes_in;
}

uint64_t tls_session_bytes_out(const TlsSession *session)
{
    return session->bytes_out;
}

bool tls_session_met_http(const TlsSession *session)
{
    return session->seen.met_http;
}
