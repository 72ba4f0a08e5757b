/* tls_library_internal.h - OpenSSL 3 as a table of functions, found when it is first needed.
 *
 * Programs that never speak TLS neither link it nor load it. The names are OpenSSL's own, so that
 * its manual pages apply: library->SSL_read(...). What its headers make macros of SSL_ctrl and
 * SSL_CTX_ctrl is called through these two.
 */
#ifndef NET_TLS_LIBRARY_INTERNAL_H
#define NET_TLS_LIBRARY_INTERNAL_H

#include "base/attributes.h"
#include "base/err.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#define TLS_LIBRARY_FUNCTIONS(F)        \
    F(ASN1_TIME_to_tm)                  \
    F(BIO_clear_flags)                  \
    F(BIO_free)                         \
    F(BIO_get_data)                     \
    F(BIO_get_new_index)                \
    F(BIO_meth_new)                     \
    F(BIO_meth_set_create)              \
    F(BIO_meth_set_ctrl)                \
    F(BIO_meth_set_read)                \
    F(BIO_meth_set_write)               \
    F(BIO_new)                          \
    F(BIO_new_mem_buf)                  \
    F(BIO_set_data)                     \
    F(BIO_set_flags)                    \
    F(BIO_set_init)                     \
    F(ERR_clear_error)                  \
    F(ERR_peek_error)                   \
    F(ERR_reason_error_string)          \
    F(EVP_PKEY_free)                    \
    F(OPENSSL_cipher_name)              \
    F(OPENSSL_init_ssl)                 \
    F(PEM_read_bio_PrivateKey)          \
    F(PEM_read_bio_X509)                \
    F(SSL_CTX_add_client_CA)            \
    F(SSL_CTX_check_private_key)        \
    F(SSL_CTX_ctrl)                     \
    F(SSL_CTX_free)                     \
    F(SSL_CTX_get0_certificate)         \
    F(SSL_CTX_get_cert_store)           \
    F(SSL_CTX_new)                      \
    F(SSL_CTX_set_alpn_select_cb)       \
    F(SSL_CTX_set_cipher_list)          \
    F(SSL_CTX_set_default_verify_paths) \
    F(SSL_CTX_set_options)              \
    F(SSL_CTX_set_session_id_context)   \
    F(SSL_CTX_set_verify)               \
    F(SSL_CTX_use_PrivateKey)           \
    F(SSL_CTX_use_certificate)          \
    F(SSL_ctrl)                         \
    F(SSL_do_handshake)                 \
    F(SSL_free)                         \
    F(SSL_get0_alpn_selected)           \
    F(SSL_get0_param)                   \
    F(SSL_get_error)                    \
    F(SSL_get_verify_result)            \
    F(SSL_has_pending)                  \
    F(SSL_new)                          \
    F(SSL_read)                         \
    F(SSL_select_next_proto)            \
    F(SSL_set1_host)                    \
    F(SSL_set_accept_state)             \
    F(SSL_set_alpn_protos)              \
    F(SSL_set_bio)                      \
    F(SSL_set_connect_state)            \
    F(SSL_shutdown)                     \
    F(SSL_write)                        \
    F(TLS_client_method)                \
    F(TLS_server_method)                \
    F(X509_STORE_add_cert)              \
    F(X509_VERIFY_PARAM_set1_ip_asc)    \
    F(X509_free)                        \
    F(X509_get0_notAfter)               \
    F(X509_verify_cert_error_string)

typedef struct TlsLibrary {
#define MEMBER(name) TYPE_OF(name) * name;
    TLS_LIBRARY_FUNCTIONS(MEMBER)
#undef MEMBER
    BIO_METHOD *socket_bio; /* see tls_session.c */
} TlsLibrary;

/* Any thread. It stays for the rest of the program. NULL: this machine has no OpenSSL 3. */
CHECKED const TlsLibrary *tls_library(Err *err);

#endif
