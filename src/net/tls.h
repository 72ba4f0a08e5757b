/* tls.h - what a server or a client needs to speak TLS: certificates, keys, and whom to trust.
 *
 * A TlsContext is made from its options once, checked completely (a key that does not belong to its
 * certificate is refused at the start, not at the first connection), and then lent to any number of
 * servers and clients of the same loop. When its files change it takes them anew (tls_reload, or by
 * itself every reload_interval_ns): connections that run keep what they began with, new ones use
 * the new files, and files that cannot be used leave the old ones in force and are reported.
 *
 * OpenSSL stands behind one table of functions in tls.c and is loaded when the first context is
 * made; a system without it is an ordinary error. TLS 1.2 and 1.3; ALPN offers h2 and http/1.1.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "base/attributes.h"
#include "base/err.h"
#include "base/str.h"
#include "net/loop.h"

typedef struct TlsContext TlsContext;

typedef enum TlsRole { TLS_SERVER, TLS_CLIENT } TlsRole;

/* Texts are copied. Of a file and a PEM text for the same thing only one may be given. */
typedef struct TlsOptions {
    TlsRole role;
    Loop *loop;                        /* where the reload timer runs */
    Str ca_file, ca_pem;               /* whom a client trusts; neither: the system's authorities */
    bool include_system_ca_certs_pool; /* those, too, beside the ones given */
    Str cert_file, cert_pem;           /* our certificate with its chain; a server must have one */
    Str key_file, key_pem;
    Str client_ca_file; /* server: who signs the clients' certificates; they must show one */
    Str min_version, max_version; /* "1.2" (the least there is) or "1.3"; empty: 1.2, and 1.3 */
    const Str *cipher_suites;     /* of TLS 1.2, by IANA's names; none: OpenSSL's secure ones */
    size_t cipher_suite_count;
    const Str *curve_preferences; /* X25519, P256, P384, P521 */
    size_t curve_count;
    bool insecure_skip_verify;  /* client: whoever answers is believed */
    Str server_name;            /* client: expected instead of the host that is dialled */
    int64_t reload_interval_ns; /* how often files are looked at; 0: only by tls_reload() */
    /* Of a reload by itself: err NULL when new files are in force, else why the old ones stay. */
    void (*reloaded)(void *owner, const Err *err);
    void *owner;
} TlsOptions;

CHECKED TlsContext *tls_context_new(const TlsOptions *options, Err *err);
/* Reads the files again, now. False: the old ones stay. */
CHECKED bool tls_reload(TlsContext *context, Err *err);
/* When our certificate ends, unix seconds; INT64_MAX: we have none. */
int64_t tls_expires_unix(const TlsContext *context);
/* After every server and client that it was lent to; connections that still close are fine. NULL is
 * fine. */
void tls_context_free(TlsContext *context);

#endif
