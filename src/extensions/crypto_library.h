/* crypto_library.h - digests, signatures and password hashes of OpenSSL 3 and libcrypt, found when
 * an authenticator first needs them.
 *
 * As in net/tls_library_internal.h: programs without such an extension neither link nor load them,
 * and the names are the libraries' own. OpenSSL's part and libcrypt's are loaded apart.
 */
#ifndef EXTENSIONS_CRYPTO_LIBRARY_H
#define EXTENSIONS_CRYPTO_LIBRARY_H

#include "base/attributes.h"
#include "base/err.h"

#include <crypt.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#define CRYPTO_LIBRARY_FUNCTIONS(F)     \
    F(ERR_clear_error)                  \
    F(EVP_Digest)                       \
    F(EVP_DigestVerify)                 \
    F(EVP_DigestVerifyInit_ex)          \
    F(EVP_MD_CTX_free)                  \
    F(EVP_MD_CTX_new)                   \
    F(EVP_MD_fetch)                     \
    F(EVP_MD_free)                      \
    F(EVP_PKEY_CTX_set_rsa_padding)     \
    F(EVP_PKEY_CTX_set_rsa_pss_saltlen) \
    F(EVP_PKEY_free)                    \
    F(EVP_PKEY_get_bits)                \
    F(RAND_bytes)                       \
    F(d2i_PUBKEY)

typedef struct CryptoLibrary {
#define MEMBER(name) TYPE_OF(name) * name;
    CRYPTO_LIBRARY_FUNCTIONS(MEMBER)
#undef MEMBER
} CryptoLibrary;

typedef struct CryptLibrary {
    TYPE_OF(crypt_r) * crypt_r;
} CryptLibrary;

/* Any thread; they stay for the rest of the program. NULL: this machine has none. */
CHECKED const CryptoLibrary *crypto_library(Err *err);
CHECKED const CryptLibrary *crypt_library(Err *err);

#endif
