/* idle_crowd.c - see idle_crowd.h. */
#include "overload/idle_crowd.h"

#include "base/thread.h"
#include "overload/hand_client.h"
#include "overload/load_request.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { THREADS = 4, EACH = IDLERS / THREADS };

typedef struct Idler {
    SSL *ssl; /* NULL: it could not be opened */
    int fd;
} Idler;

static Idler idlers[IDLERS];
static SSL_CTX *context;
static IdlePorts at;

static void make_context(void)
{
    BIO *text = BIO_new_mem_buf(at.authority, -1);
    X509 *authority = text ? PEM_read_bio_X509(text, NULL, NULL, NULL) : NULL;
    context = SSL_CTX_new(TLS_client_method());
    if (!context || !authority ||
        X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority) != 1)
        die("no TLS");
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    X509_free(authority);
    BIO_free(text);
}

/* The first answer is read, so that the connection has done something and waits for more. */
static int ask(SSL *ssl, int is_h2)
{
    static const char get[] = "GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n";
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
    char answer[1024];
    int sent =
        is_h2 ? SSL_write(ssl, preface, sizeof preface - 1) : SSL_write(ssl, get, sizeof get - 1);
    return sent > 0 && SSL_read(ssl, answer, sizeof answer) > 0;
}

static void open_one(Idler *idler, int is_h2)
{
    static const unsigned char h2[] = "\x02h2", http1[] = "\x08http/1.1";
    idler->fd = hand_connect(is_h2 ? at.grpc : at.http, 0);
    SSL *ssl = SSL_new(context);
    if (!ssl)
        die("no memory for TLS");
    SSL_set_fd(ssl, idler->fd);
    SSL_set_alpn_protos(ssl, is_h2 ? h2 : http1, is_h2 ? sizeof h2 - 1 : sizeof http1 - 1);
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), "127.0.0.1");
    if (idler->fd >= 0 && SSL_connect(ssl) == 1 && ask(ssl, is_h2))
        idler->ssl = ssl;
    else
        SSL_free(ssl);
}

static void open_some(void *first)
{
    for (size_t i = 0; i < EACH; i++)
        open_one((Idler *)first + i, i % 2);
}

size_t idle_open(const IdlePorts *ports)
{
    Err err;
    Thread threads[THREADS] = { 0 };
    size_t count = 0;
    at = *ports;
    make_context();
    for (size_t i = 0; i < THREADS; i++)
        if (!thread_start(&threads[i], "idlers", open_some, &idlers[i * EACH], &err))
            die(err.text);
    for (size_t i = 0; i < THREADS; i++)
        thread_join(&threads[i]);
    for (size_t i = 0; i < IDLERS; i++)
        count += idlers[i].ssl != NULL;
    return count;
}

/* What came meanwhile (tickets, settings) is read; then there is nothing, or the end. */
static int is_alive(const Idler *idler)
{
    char came[4096];
    int n = 1;
    if (!idler->ssl)
        return 0;
    hand_no_waiting(idler->fd);
    while (n > 0)
        n = SSL_read(idler->ssl, came, sizeof came);
    return SSL_get_error(idler->ssl, n) == SSL_ERROR_WANT_READ;
}

size_t idle_alive(void)
{
    size_t count = 0;
    for (size_t i = 0; i < IDLERS; i++)
        count += is_alive(&idlers[i]) != 0;
    return count;
}
