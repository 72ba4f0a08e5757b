/* Contexts of TLS: what options and files are refused, and files that change while all runs. */
#include "net/tls.h"

#include "net/tls_world.h"
#include "support/hand_tls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/pem.h>

static TestCert other;
static char folder[] = "/tmp/cryostorm_tls_XXXXXX";
static char cert_path[64], key_path[64];

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0 && fclose(file) == 0);
}

/* ---- options ---- */

static void must_refuse(const TlsOptions *options, const char *part)
{
    Err err = { 0 };
    assert_null(tls_context_new(options, &err));
    if (!strstr(err.text, part))
        fail_msg("\"%s\" lacks \"%s\"", err.text, part);
}

static TlsOptions server_with(const char *cert, const char *key)
{
    return (TlsOptions){ .role = TLS_SERVER, .cert_pem = str_from(cert), .key_pem = str_from(key) };
}

static void certificates_that_cannot_serve_are_refused_at_the_start(void **state)
{
    (void)state;
    char broken[2 * TEST_PEM_SIZE];
    TlsOptions options = server_with(good.cert, other.key);
    must_refuse(&options, "key_file (given as text) does not belong to cert_file (given as text)");
    options = server_with(good.cert, "");
    must_refuse(&options, "belong together, but key_file is missing");
    options = server_with("", good.key);
    must_refuse(&options, "belong together, but cert_file is missing");
    options = (TlsOptions){ .role = TLS_SERVER };
    must_refuse(&options, "a TLS server needs cert_file and key_file");
    options = server_with("nonsense", good.key);
    must_refuse(&options, "cert_file (given as text): no PEM certificate in it");
    options = server_with(good.cert, "nonsense");
    must_refuse(&options,
                "key_file (given as text): no PEM key in it, or one that needs a password");
    snprintf(broken, sizeof broken, "%s-----BEGIN CERTIFICATE-----\nAAAA\n", good.cert);
    options = server_with(broken, good.key);
    must_refuse(&options, "cert_file (given as text): damaged after its first");
    options = (TlsOptions){ .role = TLS_CLIENT, .ca_file = STR("/nowhere/ca.pem") };
    must_refuse(&options, "ca_file: /nowhere/ca.pem: No such file");
    options.ca_pem = STR("x");
    must_refuse(&options, "ca_file and ca_pem are both given");
}

/* OpenSSL would ask for it on the terminal, if nobody stopped it. */
static void a_key_with_a_password_is_refused(void **state)
{
    (void)state;
    char text[TEST_PEM_SIZE];
    BIO *in = BIO_new_mem_buf(good.key, -1), *out = BIO_new(BIO_s_mem());
    EVP_PKEY *key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
    const unsigned char password[] = "secret";
    assert_int_equal(PEM_write_bio_PrivateKey(out, key, EVP_aes_128_cbc(), password,
                                              (int)sizeof password - 1, NULL, NULL),
                     1);
    int n = BIO_read(out, text, sizeof text - 1);
    assert_true(n > 0);
    text[n] = 0;
    TlsOptions options = server_with(good.cert, text);
    must_refuse(&options, "one that needs a password");
    EVP_PKEY_free(key);
    BIO_free(in);
    BIO_free(out);
}

static void options_that_nobody_speaks_are_refused(void **state)
{
    (void)state;
    const Str bad_suite[] = { STR("TLS_RSA_WITH_ROT13") }, bad_curve[] = { STR("P-256") };
    TlsOptions options = server_with(good.cert, good.key);
    options.min_version = STR("1.1");
    must_refuse(&options, "min_version \"1.1\": only 1.2 and 1.3 are spoken");
    options.min_version = STR("1.3");
    options.max_version = STR("1.2");
    must_refuse(&options, "max_version 1.2 is less than min_version 1.3");
    options.max_version = STR("");
    options.cipher_suites = bad_suite;
    options.cipher_suite_count = 1;
    must_refuse(&options, "cipher_suites: \"TLS_RSA_WITH_ROT13\" is not known");
    options.cipher_suite_count = 0;
    options.curve_preferences = bad_curve;
    options.curve_count = 1;
    must_refuse(&options, "curve_preferences: \"P-256\" is none of X25519, P256, P384, P521");
}

static void connect_by_hand(HandTls *hand, int version)
{
    Address address = server_address(world.server);
    hand_tls_connect(hand, world.loop, &address,
                     &(HandWish){ .min_version = version, .max_version = version });
}

static void versions_suites_and_curves_are_those_that_were_set(void **state)
{
    (void)state;
    HandTls hand;
    const Str suites[] = { STR("TLS_AES_128_GCM_SHA256"),
                           STR("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256") };
    const Str curves[] = { STR("P384") };
    world_open_real();
    TlsOptions options = world_server_options(&good);
    options.max_version = STR("1.2");
    options.cipher_suites = suites;
    options.cipher_suite_count = COUNT_OF(suites);
    options.curve_preferences = curves;
    options.curve_count = COUNT_OF(curves);
    world_open_server(&options);
    connect_by_hand(&hand, TLS1_3_VERSION);
    assert_false(hand_tls_shake(&hand));
    hand_tls_close(&hand);
    connect_by_hand(&hand, TLS1_2_VERSION);
    assert_true(hand_tls_shake(&hand));
    assert_string_equal(SSL_get_cipher_name(hand.ssl), "ECDHE-ECDSA-CHACHA20-POLY1305");
    assert_int_equal(SSL_get_negotiated_group(hand.ssl), NID_secp384r1);
    hand_tls_close(&hand);
    world_close();
}

static void the_least_version_is_the_one_that_was_set(void **state)
{
    (void)state;
    HandTls hand;
    world_open_real();
    TlsOptions options = world_server_options(&good);
    options.min_version = STR("1.3");
    world_open_server(&options);
    connect_by_hand(&hand, TLS1_2_VERSION);
    assert_false(hand_tls_shake(&hand));
    hand_tls_close(&hand);
    connect_by_hand(&hand, TLS1_3_VERSION);
    assert_true(hand_tls_shake(&hand));
    hand_tls_close(&hand);
    world_close();
}

/* ---- files that change ---- */

static int reloads;
static char fault[256];

static void reloaded(void *owner, const Err *err)
{
    (void)owner;
    reloads++;
    fault[0] = 0;
    if (err)
        memcpy(fault, err->text, sizeof err->text);
}

static void write_pair(const TestCert *cert)
{
    write_file(cert_path, cert->cert);
    write_file(key_path, cert->key);
}

static void open_with_files(void)
{
    reloads = 0;
    write_pair(&good);
    world_open_real();
    TlsOptions options = { .role = TLS_SERVER,
                           .loop = world.loop,
                           .cert_file = str_from(cert_path),
                           .key_file = str_from(key_path),
                           .reload_interval_ns = 10 * NANOS_PER_SECOND,
                           .reloaded = reloaded };
    world_open_server(&options);
}

static void must_show(const TestCert *cert)
{
    HandTls hand;
    char shown[TEST_PEM_SIZE];
    connect_by_hand(&hand, 0);
    assert_true(hand_tls_shake(&hand));
    hand_tls_peer_cert(&hand, shown);
    assert_string_equal(shown, cert->cert);
    hand_tls_close(&hand);
}

static const char request[] = "POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi";

static void changed_files_serve_new_connections_and_old_ones_go_on(void **state)
{
    (void)state;
    HandTls early;
    open_with_files();
    int64_t first_end = tls_expires_unix(world.server_tls);
    connect_by_hand(&early, 0);
    assert_true(hand_tls_shake(&early));
    hand_tls_send(&early, str_from(request));
    assert_true(hand_tls_wait(&early, "200 OK"));
    buf_clear(&early.got);
    world_advance(11 * NANOS_PER_SECOND);
    assert_int_equal(reloads, 0); /* nothing changed */
    write_pair(&other);
    world_advance(9 * NANOS_PER_SECOND);
    assert_int_equal(reloads, 0);
    must_show(&good);
    world_advance(2 * NANOS_PER_SECOND);
    assert_int_equal(reloads, 1);
    assert_string_equal(fault, "");
    must_show(&other);
    assert_true(tls_expires_unix(world.server_tls) > first_end);
    hand_tls_send(&early, str_from(request));
    assert_true(hand_tls_wait(&early, "200 OK"));
    hand_tls_close(&early);
    world_close();
}

/* As a tool does that writes one file after the other. */
static void files_that_cannot_be_used_leave_the_old_ones_in_force(void **state)
{
    (void)state;
    open_with_files();
    write_file(cert_path, other.cert);
    world_advance(11 * NANOS_PER_SECOND);
    assert_int_equal(reloads, 1);
    assert_non_null(strstr(fault, "does not belong to cert_file"));
    must_show(&good);
    world_advance(30 * NANOS_PER_SECOND);
    assert_int_equal(reloads, 1); /* said once */
    write_file(key_path, other.key);
    world_advance(11 * NANOS_PER_SECOND);
    assert_int_equal(reloads, 2);
    assert_string_equal(fault, "");
    must_show(&other);
    unlink(cert_path);
    world_advance(11 * NANOS_PER_SECOND);
    assert_int_equal(reloads, 3);
    assert_non_null(strstr(fault, cert_path));
    must_show(&other);
    world_close();
}

/* What keys live in may replace files by renaming a link: another inode, the same path. */
static void a_renamed_link_is_a_change(void **state)
{
    (void)state;
    char new_path[80];
    snprintf(new_path, sizeof new_path, "%s/new.pem", folder);
    open_with_files();
    write_file(key_path, other.key);
    write_file(new_path, other.cert);
    assert_int_equal(rename(new_path, cert_path), 0);
    world_advance(11 * NANOS_PER_SECOND);
    assert_int_equal(reloads, 1);
    must_show(&other);
    world_close();
}

static void a_reload_can_be_asked_for(void **state)
{
    (void)state;
    Err err = { 0 };
    open_with_files();
    write_pair(&other);
    assert_true(tls_reload(world.server_tls, &err));
    must_show(&other);
    write_file(key_path, "nonsense");
    assert_false(tls_reload(world.server_tls, &err));
    assert_non_null(strstr(err.text, key_path));
    must_show(&other);
    world_close();
}

static void connections_outlive_their_context(void **state)
{
    (void)state;
    HandTls early;
    open_with_files();
    connect_by_hand(&early, 0);
    assert_true(hand_tls_shake(&early));
    server_free(world.server);
    world.server = NULL;
    tls_context_free(world.server_tls);
    world.server_tls = NULL;
    hand_tls_close(&early);
    world_close();
}

static int make_all(void **state)
{
    (void)state;
    world_make_certs();
    test_cert(&other, &authority, &(TestWish){ .names = "DNS:localhost", .for_s = 360000 });
    if (!mkdtemp(folder))
        return -1;
    snprintf(cert_path, sizeof cert_path, "%s/cert.pem", folder);
    snprintf(key_path, sizeof key_path, "%s/key.pem", folder);
    return 0;
}

static int remove_all(void **state)
{
    (void)state;
    unlink(cert_path);
    unlink(key_path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificates_that_cannot_serve_are_refused_at_the_start),
        cmocka_unit_test(a_key_with_a_password_is_refused),
        cmocka_unit_test(options_that_nobody_speaks_are_refused),
        cmocka_unit_test(versions_suites_and_curves_are_those_that_were_set),
        cmocka_unit_test(the_least_version_is_the_one_that_was_set),
        cmocka_unit_test(changed_files_serve_new_connections_and_old_ones_go_on),
        cmocka_unit_test(files_that_cannot_be_used_leave_the_old_ones_in_force),
        cmocka_unit_test(a_renamed_link_is_a_change),
        cmocka_unit_test(a_reload_can_be_asked_for),
        cmocka_unit_test(connections_outlive_their_context),
    };
    return cmocka_run_group_tests(tests, make_all, remove_all);
}
