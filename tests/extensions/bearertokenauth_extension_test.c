/* A token in a header, on both sides. */
#include "base/log.h"
#include "extensions/credential.h"
#include "support/auth_ends.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

extern const ComponentType bearertokenauth_extension, otlp_exporter;

/* ---- settings ---- */

static void wrong_settings_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *says;
    } rows[] = {
        { "{}", "no bearer token provided" },
        { "{token: ''}", "no bearer token provided" },
        { "{token: a, tokens: [b]}", "either tokens or token should be provided, not both" },
        { "{tokens: [a, '']}", "tokens: the one at 2 is empty" },
        { "{token: a, header: 'A B'}", "must be the name of a header" },
        { "{token: a, header: ''}", "must have 1 to 63 characters" },
        { "{filename: /nowhere/at/all}", "filename: " },
        { "{filename: /dev/null}", "0 tokens in it" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        auth_refuses(&bearertokenauth_extension, rows[i].yaml, rows[i].says);
}

/* ---- servers ---- */

static const struct {
    const char *yaml, *field;
    const char *says; /* NULL: comes in */
} asked[] = {
    { "{token: secret}", "Authorization: Bearer secret", NULL },
    { "{token: secret}", "Authorization: bearer secret", NULL },
    { "{token: secret}", "Authorization: Bearer  secret ", NULL },
    { "{token: secret}", "Authorization: Bearer secre", "scheme or token does not match" },
    { "{token: secret}", "Authorization: Bearer secrets", "scheme or token does not match" },
    { "{token: secret}", "Authorization: Bearer secretsecret", "scheme or token does not match" },
    { "{token: secret}", "Authorization: Bearer Secret", "scheme or token does not match" },
    { "{token: secret}", "Authorization: Bearer", "scheme or token does not match" },
    { "{token: secret}", "Authorization: Bearer ", "scheme or token does not match" },
    { "{token: secret}", "Authorization: secret", "scheme or token does not match" },
    { "{token: secret}", "Authorization: Bearersecret", "scheme or token does not match" },
    { "{token: secret}", "Authorization: Basic secret", "scheme or token does not match" },
    { "{token: secret}", "Authorization:", "missing or empty authorization header: authorization" },
    { "{token: secret, scheme: ''}", "Authorization: secret", NULL },
    { "{token: secret, scheme: ''}", "Authorization: Bearer secret",
      "scheme or token does not match" },
    { "{token: secret, scheme: Api Key}", "Authorization: Api Key secret", NULL },
    { "{token: secret, header: X-Key, scheme: ''}", "x-key: secret", NULL },
    { "{tokens: [one, two]}", "Authorization: Bearer one", NULL },
    { "{tokens: [one, two]}", "Authorization: Bearer two", NULL },
    { "{tokens: [one, two]}", "Authorization: Bearer three", "scheme or token does not match" },
};

static void a_server_lets_in_who_has_a_token(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(asked); i++) {
        Err err;
        TestHost *host = auth_start(&bearertokenauth_extension, asked[i].yaml);
        const char *says = auth_asked(host, asked[i].field, &err, NULL);
        if (!says != !asked[i].says || (says && strcmp(says, asked[i].says) != 0))
            fail_msg("%s, %s: %s", asked[i].yaml, asked[i].field, says ? says : "let in");
        if (says)
            assert_int_equal(err.kind, ERR_UNKNOWN);
        test_host_free(host);
    }
}

static void who_comes_in_is_known_by_the_token(void **state)
{
    (void)state;
    Err err;
    Buf known = BUF(1 << 10);
    TestHost *host = auth_start(&bearertokenauth_extension, "{token: secret}");
    assert_null(auth_asked(host, "Authorization: Bearer secret", &err, &known));
    assert_string_equal(buf_text(&known), " raw=secret");
    buf_free(&known);
    test_host_free(host);
}

static void secrets_are_equal_or_not(void **state)
{
    (void)state;
    assert_true(secret_equal(STR("ab"), STR("ab")));
    assert_true(secret_equal((Str){ 0 }, (Str){ 0 }));
    assert_false(secret_equal(STR("ab"), STR("aB")));
    assert_false(secret_equal(STR("abab"), STR("ab")));
    assert_false(secret_equal(STR("a"), STR("ab")));
    assert_false(secret_equal((Str){ 0 }, STR("ab")));
    assert_false(secret_equal(STR("ab"), (Str){ 0 }));
    assert_false(secret_equal((Str){ "\0\0", 2 }, (Str){ 0 }));
}

/* ---- clients ---- */

static void expect_signed(TestHost *host, const char *lines, const char *sent)
{
    Err err;
    Buf out = BUF(1 << 12);
    if (!auth_signed(host, NULL, lines, &out, &err))
        fail_msg("%s", err.text);
    assert_string_equal(buf_text(&out), sent);
    buf_free(&out);
}

static void a_client_sends_its_first_token(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *sent;
    } rows[] = {
        { "{token: t}", "a: b\nauthorization: Bearer t\n" },
        { "{tokens: [one, two]}", "a: b\nauthorization: Bearer one\n" },
        { "{token: t, scheme: ''}", "a: b\nauthorization: t\n" },
        { "{token: t, header: X-Key, scheme: K}", "a: b\nauthorization: old\nx-key: K t\n" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        TestHost *host = auth_start(&bearertokenauth_extension, rows[i].yaml);
        expect_signed(host, "a: b\nauthorization: old", rows[i].sent);
        test_host_free(host);
    }
}

static void over_grpc_in_plain_text_nothing_is_sent(void **state)
{
    (void)state;
    Err err = { 0 };
    TestHost *client = auth_start(&bearertokenauth_extension, "{token: t}");
    TestHost *host = test_host_new(
        &otlp_exporter,
        STR("{endpoint: '127.0.0.1:1', tls: {insecure: true}, auth: {authenticator: a}}"), NULL,
        &err);
    test_host_offer(host,
                    bearertokenauth_extension.service(test_host_self(client), SERVICE_CLIENT_AUTH));
    assert_false(test_host_start(host, &err));
    assert_non_null(strstr(err.text, "sends a secret, which gRPC does over TLS only"));
    test_host_free(host);
    test_host_free(client);
}

/* ---- the file ---- */

static char path[] = "/tmp/bearertokenauth.XXXXXX";

static void save(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_true(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static TestHost *start_with_file(const char *more)
{
    char yaml[256];
    snprintf(yaml, sizeof yaml, "{filename: %s%s}", path, more);
    return auth_start(&bearertokenauth_extension, yaml);
}

static void expect_let_in(TestHost *host, const char *token, bool in)
{
    Err err;
    char line[64];
    snprintf(line, sizeof line, "Authorization: Bearer %s", token);
    if (!auth_asked(host, line, &err, NULL) != in)
        fail_msg("%s: %s", token, err.text);
}

static void the_file_is_read_again_when_it_changes(void **state)
{
    (void)state;
    save("one\n\n  two  \r\n");
    TestHost *host = start_with_file(", token: other");
    expect_let_in(host, "one", true);
    expect_let_in(host, "two", true);
    expect_let_in(host, "other", false);
    expect_let_in(host, "", false);
    expect_signed(host, "", "authorization: Bearer one\n");
    save("three\n");
    test_host_tick(host, 2 * NANOS_PER_SECOND);
    expect_let_in(host, "one", false);
    expect_let_in(host, "three", true);
    expect_signed(host, "", "authorization: Bearer three\n");
    save("\n\n"); /* it would let everybody in, or nobody */
    test_host_tick(host, 2 * NANOS_PER_SECOND);
    expect_let_in(host, "three", true);
    unlink(path);
    test_host_tick(host, 2 * NANOS_PER_SECOND);
    expect_let_in(host, "three", true);
    save("four\n");
    test_host_tick(host, 2 * NANOS_PER_SECOND);
    expect_let_in(host, "four", true);
    expect_let_in(host, "three", false);
    test_host_free(host);
}

static void a_file_that_comes_later_is_waited_for(void **state)
{
    (void)state;
    Err err;
    Buf out = BUF(1 << 12);
    unlink(path);
    TestHost *host = start_with_file(", file_retry: {enabled: true}");
    assert_false(auth_signed(host, NULL, "", &out, &err));
    assert_int_equal(err.kind, ERR_BUSY);
    expect_let_in(host, "late", false);
    save("late\n");
    test_host_tick(host, 2 * NANOS_PER_SECOND);
    expect_let_in(host, "late", true);
    test_host_free(host);
    buf_free(&out);
}

/* ---- both sides ---- */

static void exporters_and_receivers_agree(void **state)
{
    (void)state;
    static const struct {
        bool grpc, plain;
        const char *yaml; /* of the client; NULL: none */
        const char *says; /* NULL: it arrives */
    } rows[] = {
        { true, false, "{token: secret}", NULL },
        { false, false, "{token: secret}", NULL },
        { false, true, "{token: secret}", NULL },
        { true, false, "{token: wrong}", "scheme or token does not match" },
        { false, false, "{token: wrong}", "scheme or token does not match" },
        { true, true, NULL, "missing or empty authorization header" },
        { false, true, NULL, "missing or empty authorization header" },
    };
    TestHost *server = auth_start(&bearertokenauth_extension, "{tokens: [other, secret]}");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AuthEnds ends;
        TestHost *client =
            rows[i].yaml ? auth_start(&bearertokenauth_extension, rows[i].yaml) : NULL;
        auth_ends_begin(&ends, &(AuthWish){ .grpc = rows[i].grpc,
                                            .plain = rows[i].plain,
                                            .server = server,
                                            .client = client });
        const AckOutcome *outcome = auth_ends_push(&ends);
        if ((outcome->result == ACK_DELIVERED) != !rows[i].says ||
            (rows[i].says && !strstr(outcome->reason.text, rows[i].says)))
            fail_msg("%zu: %d %s", i, outcome->result, outcome->reason.text);
        assert_int_equal(test_host_sent_count(ends.receiver), !rows[i].says);
        if (!rows[i].says)
            assert_true(str_eq(client_info_get(auth_ends_client(&ends), CLIENT_AUTH, STR("raw")),
                               STR("secret")));
        auth_ends_end(&ends);
        test_host_free(client);
    }
    test_host_free(server);
}

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 || close(fd) != 0 ? -1 : 0;
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    log_set_level(LOG_OFF);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_settings_are_told),
        cmocka_unit_test(a_server_lets_in_who_has_a_token),
        cmocka_unit_test(who_comes_in_is_known_by_the_token),
        cmocka_unit_test(secrets_are_equal_or_not),
        cmocka_unit_test(a_client_sends_its_first_token),
        cmocka_unit_test(over_grpc_in_plain_text_nothing_is_sent),
        cmocka_unit_test(the_file_is_read_again_when_it_changes),
        cmocka_unit_test(a_file_that_comes_later_is_waited_for),
        cmocka_unit_test(exporters_and_receivers_agree),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
