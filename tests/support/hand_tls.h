/* hand_tls.h - the other end of a TLS connection, by hand: OpenSSL on a RawPeer, so that a test
 * says what an ordinary peer never would, and when. Turns the loop under test while it waits. */
#ifndef TESTS_SUPPORT_HAND_TLS_H
#define TESTS_SUPPORT_HAND_TLS_H

#include "support/raw_peer.h"
#include "support/test_certs.h"

#include <openssl/ssl.h>

typedef struct HandWish {
    int min_version, max_version; /* TLS1_1_VERSION ...; 0: OpenSSL's */
    const TestCert *cert;         /* NULL: none; a server needs one */
    const char *alpn;             /* client, as on the wire: "\2h2"; NULL: none */
    const char *server_name;      /* client: SNI; NULL: none */
    bool slowly;                  /* byte by byte, a turn of the loop after each */
} HandWish;

typedef struct HandTls {
    RawPeer peer;
    SSL *ssl;
    BIO *in, *out;
    bool slowly;
    int reason; /* of OpenSSL, why the handshake failed */
    Buf got;    /* plain */
} HandTls;

void hand_tls_connect(HandTls *hand, Loop *loop, const Address *address, const HandWish *wish);
bool hand_tls_accept(HandTls *hand, Loop *loop, int listener, const HandWish *wish);
bool hand_tls_shake(HandTls *hand); /* false: it failed, or the other side is gone */
void hand_tls_pump(HandTls *hand);  /* one turn: sends what OpenSSL wants sent, takes what came */
void hand_tls_send(HandTls *hand, Str text);
bool hand_tls_wait(HandTls *hand, const char *part); /* until it is among what came, or the end */
/* The certificate that the other side has shown, as PEM. */
void hand_tls_peer_cert(const HandTls *hand, char out[TEST_PEM_SIZE]);
void hand_tls_close(HandTls *hand);

#endif
