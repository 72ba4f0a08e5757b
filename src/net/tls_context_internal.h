/* tls_context_internal.h - a context from within: what sessions need of it, and what it is made of.
 */
#ifndef NET_TLS_CONTEXT_INTERNAL_H
#define NET_TLS_CONTEXT_INTERNAL_H

#include "base/buf.h"
#include "net/tls.h"
#include "net/tls_library_internal.h"

/* A thing that is given as a file or as its text. */
typedef struct TlsSource {
    const char *key; /* the setting's name, for errors */
    char *file, *pem;
} TlsSource;

typedef enum TlsSourceIndex {
    TLS_CA,
    TLS_CERT,
    TLS_KEY,
    TLS_CLIENT_CA,
    TLS_SOURCES
} TlsSourceIndex;

/* What changes when a file does. All zero: there is none. */
typedef struct TlsStamp {
    int64_t device, inode, size, changed_ns;
} TlsStamp;

struct TlsContext {
    const TlsLibrary *library;
    SSL_CTX *in_force; /* the sessions hold references of their own */
    int64_t expires_unix;
    TlsRole role;
    bool insecure, include_system;
    int min_version, max_version; /* OpenSSL's numbers; 0: no limit of ours */
    char *server_name;            /* NULL: the host that is dialled */
    char *ciphers, *curves;       /* as OpenSSL lists them; NULL: its own choice */
    TlsSource sources[TLS_SOURCES];
    TlsStamp stamps[TLS_SOURCES]; /* of the files when they were last looked at */
    Loop *loop;
    int64_t reload_interval_ns;
    Timer timer;
    void (*reloaded)(void *owner, const Err *err);
    void *owner;
};

/* tls_credentials.c: a new SSL_CTX from the sources as they are now. NULL: err says which is wrong.
 */
CHECKED SSL_CTX *tls_credentials_load(const TlsContext *context, int64_t *expires_unix, Err *err);

#endif
