/* tls_session_internal.h - TLS on one connection: the step between a socket and its bytes.
 *
 * A session reads and writes its descriptor through the loop's Sockets, so that a test may be the
 * network. It owns neither descriptor nor watch: who does calls it when the descriptor is ready.
 * Reading may need the socket to become writable and the other way round: tls_session_wants_write()
 * says so after any call. Bytes may wait inside for a reader who stopped early (has_pending), and
 * no readiness of the socket tells of those.
 */
#ifndef NET_TLS_SESSION_INTERNAL_H
#define NET_TLS_SESSION_INTERNAL_H

#include "base/attributes.h"
#include "base/err.h"
#include "base/str.h"
#include "net/socket.h"
#include "net/tls.h"
#include "net/tls_library_internal.h"

#include <sys/types.h>

typedef struct TlsSession TlsSession;

typedef enum TlsAlpn { TLS_ALPN_SERVER, TLS_ALPN_H2, TLS_ALPN_HTTP1 } TlsAlpn;

typedef struct TlsPeer {
    Sockets *sockets;
    int fd;
    Str host;     /* client: who is dialled; not kept */
    TlsAlpn alpn; /* client: what it speaks; H2 insists on it */
} TlsPeer;

typedef enum TlsProgress { TLS_DONE, TLS_AGAIN, TLS_FAILED } TlsProgress;

/* The context may be freed or reloaded before the session. */
CHECKED TlsSession *tls_session_new(TlsContext *context, const TlsPeer *peer, Err *err);
void tls_session_free(TlsSession *session); /* NULL is fine; says goodbye to nobody */

TlsProgress tls_session_handshake(TlsSession *session, Err *err);
/* Bytes; 0: the peer has ended in good order; -EAGAIN; other negative errno: err says why, and an
 * end that nobody announced is one of these. After the handshake only. */
ssize_t tls_session_read(TlsSession *session, void *out, size_t size, Err *err);
/* Bytes, -EAGAIN (then the same bytes again, or more behind them), or another negative errno. */
ssize_t tls_session_write(TlsSession *session, const void *bytes, size_t size);
void tls_session_finish(TlsSession *session); /* close_notify, as far as the socket takes it */

bool tls_session_wants_write(const TlsSession *session);
bool tls_session_has_pending(const TlsSession *session);
uint64_t tls_session_bytes_in(const TlsSession *session); /* of the socket */
uint64_t tls_session_bytes_out(const TlsSession *session);
/* The peer began with an HTTP request instead of a handshake. */
bool tls_session_met_http(const TlsSession *session);

/* Once, by the library's loading. */
CHECKED bool tls_session_make_bio(TlsLibrary *library, Err *err);

#endif
