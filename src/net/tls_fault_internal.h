/* tls_fault_internal.h - why a TLS connection failed, in a sentence that says what to do. */
#ifndef NET_TLS_FAULT_INTERNAL_H
#define NET_TLS_FAULT_INTERNAL_H

#include "base/err.h"
#include "base/str.h"
#include "net/tls_library_internal.h"

/* What a session has seen of its peer. */
typedef struct TlsWitness {
    char *host; /* client: the name that is expected; the session's */
    bool is_server, insist_on_h2;
    bool met_http;      /* server: a request in plain text */
    bool ended;         /* the socket has come to its end */
    int fault;          /* errno of the socket; 0: none */
    long verify_result; /* X509_V_... */
    char first[8];      /* bytes that came, for telling who answers instead of TLS */
    size_t first_len;
} TlsWitness;

/* Looks at what came from the socket. False: a server need not look further, it is no TLS. */
bool tls_witness_begins(TlsWitness *seen, Str bytes);

/* Fills err after OpenSSL gave up, from its error queue and what was seen. */
void tls_fault_explain(const TlsLibrary *library, const TlsWitness *seen, bool secured, Err *err);

#endif
