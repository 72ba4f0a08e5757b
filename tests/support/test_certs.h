/* test_certs.h - certificates and keys for tests, made when they are needed: none is in the tree.
 *
 * Everything is PEM text on P-256 keys. An authority signs what is asked for; a wish says how the
 * certificate differs from a good one.
 */
#ifndef TESTS_SUPPORT_TEST_CERTS_H
#define TESTS_SUPPORT_TEST_CERTS_H

#include "base/str.h"

enum { TEST_PEM_SIZE = 4096 };

typedef struct TestCert {
    char cert[TEST_PEM_SIZE], key[TEST_PEM_SIZE];
} TestCert;

typedef struct TestWish {
    const char *names;  /* as OpenSSL writes them: "DNS:localhost,IP:127.0.0.1"; NULL: none */
    long from_s, for_s; /* valid from now + from_s on, for so long; 0: an hour ago, and ten hours */
} TestWish;

void test_authority(TestCert *out, const char *name);
void test_cert(TestCert *out, const TestCert *authority, const TestWish *wish);

#endif
