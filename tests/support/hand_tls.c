/* hand_tls.c - see hand_tls.h. */
#include "support/hand_tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TURNS_MAX = 5000 };

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void show(SSL *ssl, const TestCert *cert)
{
    BIO *cert_text = BIO_new_mem_buf(cert->cert, -1), *key_text = BIO_new_mem_buf(cert->key, -1);
    X509 *certificate = PEM_read_bio_X509(cert_text, NULL, NULL, NULL);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(key_text, NULL, NULL, NULL);
    must(SSL_use_certificate(ssl, certificate) == 1 && SSL_use_PrivateKey(ssl, key) == 1);
    X509_free(certificate);
    EVP_PKEY_free(key);
    BIO_free(cert_text);
    BIO_free(key_text);
}

static void begin(HandTls *hand, const HandWish *wish)
{
    SSL_CTX *context = SSL_CTX_new(TLS_method());
    SSL_CTX_set_security_level(context, 0); /* or OpenSSL would not even offer what is old */
    SSL_CTX_set_min_proto_version(context, wish->min_version);
    SSL_CTX_set_max_proto_version(context, wish->max_version);
    hand->ssl = SSL_new(context);
    SSL_CTX_free(context);
    hand->in = BIO_new(BIO_s_mem());
    hand->out = BIO_new(BIO_s_mem());
    hand->got = BUF(64 << 20);
    hand->slowly = wish->slowly;
    SSL_set_bio(hand->ssl, hand->in, hand->out);
    if (wish->cert)
        show(hand->ssl, wish->cert);
    if (wish->alpn)
        SSL_set_alpn_protos(hand->ssl, (const unsigned char *)wish->alpn,
                            (unsigned)strlen(wish->alpn));
    if (wish->server_name) {
        char name[256]; /* the call takes what may be changed, and copies it */
        snprintf(name, sizeof name, "%s", wish->server_name);
        SSL_ctrl(hand->ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name);
    }
}

void hand_tls_connect(HandTls *hand, Loop *loop, const Address *address, const HandWish *wish)
{
    *hand = (HandTls){ 0 };
    must(raw_peer_connect(&hand->peer, loop, address));
    begin(hand, wish);
    SSL_set_connect_state(hand->ssl);
}

bool hand_tls_accept(HandTls *hand, Loop *loop, int listener, const HandWish *wish)
{
    *hand = (HandTls){ 0 };
    begin(hand, wish);
    SSL_set_accept_state(hand->ssl);
    return raw_peer_accept(&hand->peer, loop, listener);
}

void hand_tls_pump(HandTls *hand)
{
    char bytes[4096];
    int n;
    while ((n = BIO_read(hand->out, bytes, sizeof bytes)) > 0) {
        Str text = { bytes, (size_t)n };
        if (hand->slowly)
            raw_peer_send_slowly(&hand->peer, text);
        else
            raw_peer_send(&hand->peer, text);
    }
    raw_peer_turn(&hand->peer);
    if (hand->peer.got.len > 0)
        BIO_write(hand->in, hand->peer.got.ptr, (int)hand->peer.got.len);
    buf_clear(&hand->peer.got);
}

bool hand_tls_shake(HandTls *hand)
{
    for (int i = 0; i < TURNS_MAX; i++) {
        ERR_clear_error();
        int result = SSL_do_handshake(hand->ssl);
        bool waits = SSL_get_error(hand->ssl, result) == SSL_ERROR_WANT_READ;
        hand->reason = ERR_GET_REASON(ERR_peek_error());
        hand_tls_pump(hand);
        if (result == 1)
            return true;
        if (!waits || (hand->peer.ended && BIO_pending(hand->in) == 0))
            return false;
    }
    return false;
}

static void take(HandTls *hand)
{
    char bytes[4096];
    int n;
    ERR_clear_error();
    while ((n = SSL_read(hand->ssl, bytes, sizeof bytes)) > 0)
        buf_add(&hand->got, (Str){ bytes, (size_t)n });
}

void hand_tls_send(HandTls *hand, Str text)
{
    must(SSL_write(hand->ssl, text.ptr, (int)text.len) == (int)text.len);
    hand_tls_pump(hand);
}

bool hand_tls_wait(HandTls *hand, const char *part)
{
    for (int i = 0; i < TURNS_MAX; i++) {
        hand_tls_pump(hand);
        take(hand);
        if (str_contains(buf_str(&hand->got), str_from(part)))
            return true;
        if (hand->peer.ended)
            return false;
    }
    return false;
}

void hand_tls_peer_cert(const HandTls *hand, char out[TEST_PEM_SIZE])
{
    X509 *certificate = SSL_get1_peer_certificate(hand->ssl);
    BIO *text = BIO_new(BIO_s_mem());
    must(certificate && PEM_write_bio_X509(text, certificate));
    int n = BIO_read(text, out, TEST_PEM_SIZE - 1);
    must(n > 0);
    out[n] = 0;
    BIO_free(text);
    X509_free(certificate);
}

void hand_tls_close(HandTls *hand)
{
    raw_peer_close(&hand->peer);
    SSL_free(hand->ssl);
    buf_free(&hand->got);
}
