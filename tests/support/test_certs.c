/* test_certs.c - see test_certs.h. What fails here ends the test: there is nobody to tell. */
#include "support/test_certs.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

enum { HOUR_S = 3600 };

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void add_extension(X509 *certificate, int id, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, id, value);
    must(extension && X509_add_ext(certificate, extension, -1));
    X509_EXTENSION_free(extension);
}

static X509 *begin(const char *name, EVP_PKEY *key, const TestWish *wish)
{
    static long serial = 1;
    X509 *certificate = X509_new();
    X509_NAME *subject = X509_get_subject_name(certificate);
    long from_s = wish->from_s ? wish->from_s : -HOUR_S;
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
    X509_gmtime_adj(X509_getm_notBefore(certificate), from_s);
    X509_gmtime_adj(X509_getm_notAfter(certificate),
                    from_s + (wish->for_s ? wish->for_s : 10 * HOUR_S));
    X509_set_pubkey(certificate, key);
    must(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1,
                                    -1, 0));
    return certificate;
}

static void write_text(BIO *bio, char out[TEST_PEM_SIZE])
{
    int n = BIO_read(bio, out, TEST_PEM_SIZE - 1);
    must(n > 0 && n < TEST_PEM_SIZE - 1);
    out[n] = 0;
    BIO_free(bio);
}

static void finish(TestCert *out, X509 *certificate, EVP_PKEY *key, EVP_PKEY *signer)
{
    BIO *cert_text = BIO_new(BIO_s_mem()), *key_text = BIO_new(BIO_s_mem());
    must(X509_sign(certificate, signer, EVP_sha256()) &&
         PEM_write_bio_X509(cert_text, certificate) &&
         PEM_write_bio_PrivateKey(key_text, key, NULL, NULL, 0, NULL, NULL));
    write_text(cert_text, out->cert);
    write_text(key_text, out->key);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

void test_authority(TestCert *out, const char *name)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = begin(name, key, &(TestWish){ 0 });
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(certificate, NID_subject_key_identifier, "hash");
    finish(out, certificate, key, key);
}

void test_cert(TestCert *out, const TestCert *authority, const TestWish *wish)
{
    BIO *cert_text = BIO_new_mem_buf(authority->cert, -1);
    BIO *key_text = BIO_new_mem_buf(authority->key, -1);
    X509 *issuer = PEM_read_bio_X509(cert_text, NULL, NULL, NULL);
    EVP_PKEY *signer = PEM_read_bio_PrivateKey(key_text, NULL, NULL, NULL);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    must(issuer && signer && key);
    X509 *certificate = begin("a test", key, wish);
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
    if (wish->names)
        add_extension(certificate, NID_subject_alt_name, wish->names);
    finish(out, certificate, key, signer);
    X509_free(issuer);
    EVP_PKEY_free(signer);
    BIO_free(cert_text);
    BIO_free(key_text);
}
