/* Names and passwords, on both sides; the hashes were made by OpenSSL's passwd and by crypt(3). */
#include "base/log.h"
#include "net/grpc.h"
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

extern const ComponentType basicauth_extension;

#define BCRYPT_4  "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"
#define BCRYPT_8  "$2y$08$abcdefghijklmnopqrstuuKxCcvB7KZ7.BpDoK0bh6qM7Dl1/xiJa"
#define BCRYPT_15 "$2y$15$abcdefghijklmnopqrstuuKxCcvB7KZ7.BpDoK0bh6qM7Dl1/xiJa"
#define SHA       "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="
#define LONG_ONE  "a much longer password, of more than sixteen bytes"

/* ---- settings ---- */

static void wrong_settings_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *says;
    } rows[] = {
        { "{}", "no credential source provided" },
        { "{htpasswd: {}}", "no credential source provided" },
        { "{htpasswd: {inline: 'a:b'}, client_auth: {username: a}}",
          "only one of htpasswd or client_auth can be specified" },
        { "{client_auth: {password: a}}", "set username or username_file" },
        { "{client_auth: {username: 'a:b'}}", "must not have a ':' in it" },
        { "{htpasswd: {file: /nowhere}}", "htpasswd: file: " },
        { "{client_auth: {username: a, password_file: /nowhere}}", "client_auth: password_file: " },
        { "{htpasswd: {inline: '# nobody'}}", "no name:hash line in it" },
        { "{htpasswd: {inline: \"a:b\\n\\nc\"}}", "line 4: must be name:hash" },
        { "{htpasswd: {inline: ':b'}}", "line 2: must be name:hash" },
        { "{htpasswd: {inline: 'a:$argon2id$v=19'}}", "a hash of a kind that is not known here" },
        { "{htpasswd: {inline: 'a:{SSHA}aaaa'}}", "a hash of a kind that is not known here" },
        { "{htpasswd: {inline: 'a:$2y$10$short'}}", "a damaged bcrypt hash" },
        { "{htpasswd: {inline: 'a:" BCRYPT_15 "'}}", "bcrypt of cost 15 takes too long" },
        { "{htpasswd: {inline: 'a:$6$rounds=9999999$b$c'}}", "so many rounds take too long" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        auth_refuses(&basicauth_extension, rows[i].yaml, rows[i].says);
}

/* ---- servers ---- */

static const char *ask(TestHost *host, const char *pair, Err *err, Buf *known)
{
    Buf line = BUF(1 << 12);
    buf_addf(&line, "authorization: Basic ");
    base64_encode(str_from(pair), &line);
    const char *says = auth_asked(host, buf_text(&line), err, known);
    buf_free(&line);
    return says;
}

static const struct {
    const char *line, *pair;
    bool right;
} pairs[] = {
    { "ann:" BCRYPT_4, "ann:secret", true },
    { "ann:" BCRYPT_4, "ann:Secret", false },
    { "ann:" BCRYPT_4, "bob:secret", false },
    { "ann:" BCRYPT_4, "ann:", false },
    { "ann:" BCRYPT_8, "ann:secret", true },
    { "ann:$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/", "ann:secret", true },
    { "ann:$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/", "ann:secre", false },
    { "ann:$apr1$ab$/IHfw/oIqxUlQLA0YEmiq/", "ann:" LONG_ONE, true },
    { "ann:$apr1$ab$/IHfw/oIqxUlQLA0YEmiq/", "ann:" LONG_ONE "!", false },
    { "ann:$1$abc$iCQ2D3nhptRYi27fDYv2s1", "ann:secret", true },
    { "ann:$5$abc$qsg6EHbUzHQzF1POlD7zUwBINSELQxypPaeDcZe6vH0", "ann:secret", true },
    { "ann:$6$abc$IdWKNKTJEb8LxY7CGg8YBXlvtfZzFw7Mp/"
      "r6niK9YB2mdvgY..TKjv1T..8RadRt2qvUHYRLr/TsVArtr91iR1",
      "ann:secret", true },
    { "ann:" SHA, "ann:secret", true },
    { "ann:" SHA, "ann:5en6G6MezRroT3XKqkdPOmY/BfQ=", false },
    { "ann:" SHA, "ann:" SHA, false },
    { "ann:plain", "ann:plain", true },
    { "ann:plain", "ann:plai", false },
    { "ann:with:colons", "ann:with:colons", true },
    { "ann:old\\nbob:x\\nann:new", "ann:new", true },
    { "ann:old\\nbob:x\\nann:new", "ann:old", false },
    { "# a word\\n\\n  ann:x  ", "ann:x", true },
};

static void a_server_knows_every_kind_of_hash(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        char yaml[512];
        Err err;
        snprintf(yaml, sizeof yaml, "{htpasswd: {inline: \"%s\"}}", pairs[i].line);
        TestHost *host = auth_start(&basicauth_extension, yaml);
        for (int again = 0; again < 2; again++) { /* checked, and then remembered */
            const char *says = ask(host, pairs[i].pair, &err, NULL);
            if (!says != pairs[i].right)
                fail_msg("%s, %s: %s", pairs[i].line, pairs[i].pair, says ? says : "let in");
            if (says)
                assert_string_equal(says, "invalid credentials");
        }
        test_host_free(host);
    }
}

static void what_is_no_pair_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *field, *says;
    } rows[] = {
        { "authorization:", "no basic auth provided" },
        { "authorization: Bearer YTpi", "invalid authorization scheme prefix" },
        { "authorization: BasicYTpi", "invalid authorization scheme prefix" },
        { "authorization: Basic", "invalid authorization scheme prefix" },
        { "authorization: Basic ???", "invalid authorization format" },
        { "authorization: Basic YWI=", "invalid authorization format" }, /* ab */
        { "authorization: Basic Og==", "invalid credentials" },          /* : */
        { "authorization: basic  YTpi", NULL },
        { "Authorization: BASIC YTpi", NULL },
    };
    TestHost *host = auth_start(&basicauth_extension, "{htpasswd: {inline: 'a:b'}}");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Err err;
        const char *says = auth_asked(host, rows[i].field, &err, NULL);
        if (!says != !rows[i].says || (says && strcmp(says, rows[i].says) != 0))
            fail_msg("%s: %s", rows[i].field, says ? says : "let in");
        if (says)
            assert_int_equal(err.kind, ERR_UNKNOWN);
    }
    test_host_free(host);
}

static void who_comes_in_is_known_by_name(void **state)
{
    (void)state;
    Err err;
    Buf known = BUF(1 << 10);
    TestHost *host = auth_start(&basicauth_extension, "{htpasswd: {inline: 'ann:b'}}");
    assert_null(ask(host, "ann:b", &err, &known));
    assert_string_equal(buf_text(&known), " username=ann raw=YW5uOmI");
    buf_free(&known);
    test_host_free(host);
}

/* ---- who guesses ---- */

static size_t guess_until_busy(TestHost *host, const char *name, size_t most)
{
    Err err;
    for (size_t i = 0; i < most; i++) {
        char pair[64];
        snprintf(pair, sizeof pair, "%s:guess %zu", name, i);
        assert_non_null(ask(host, pair, &err, NULL));
        if (err.kind == ERR_BUSY)
            return i;
        assert_int_equal(err.kind, ERR_UNKNOWN);
    }
    return most;
}

/* 256 times 50 us each, of a second at once: 79 guesses, and 15 or 16 for each second more. */
static void guessing_is_paid_from_an_account_that_fills_slowly(void **state)
{
    (void)state;
    Err err;
    TestHost *host =
        auth_start(&basicauth_extension, "{htpasswd: {inline: \"ann:" BCRYPT_8 "\\nbob:plain\"}}");
    assert_null(ask(host, "ann:secret", &err, NULL));
    size_t first = guess_until_busy(host, "nobody", 200);
    assert_in_range(first, 78, 80);
    assert_int_equal(guess_until_busy(host, "ann", 10), 0);
    assert_string_equal(ask(host, "ann:more", &err, NULL),
                        "too many wrong passwords at the moment: come back later");
    assert_int_equal(err.retry_ms, 1000);
    assert_null(ask(host, "ann:secret", &err, NULL)); /* remembered */
    assert_null(ask(host, "bob:plain", &err, NULL));  /* costs nothing */
    assert_string_equal(ask(host, "nobody:guess 70", &err, NULL), "invalid credentials");
    test_host_tick(host, NANOS_PER_SECOND);
    assert_in_range(guess_until_busy(host, "carl", 100), 14, 17);
    test_host_free(host);
}

static void right_passwords_are_paid_back(void **state)
{
    (void)state;
    Buf yaml = BUF(1 << 16);
    buf_addf(&yaml, "{htpasswd: {inline: \"");
    for (int i = 0; i < 100; i++)
        buf_addf(&yaml, "user%d:" BCRYPT_8 "\\n", i);
    buf_addf(&yaml, "\"}}");
    TestHost *host = auth_start(&basicauth_extension, buf_text(&yaml));
    for (int i = 0; i < 100; i++) {
        Err err;
        char pair[64];
        snprintf(pair, sizeof pair, "user%d:secret", i);
        assert_null(ask(host, pair, &err, NULL));
    }
    test_host_free(host);
    buf_free(&yaml);
}

/* ---- the files ---- */

static char path[] = "/tmp/basicauth.XXXXXX";

static void save(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_true(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void a_changed_list_is_in_force_at_once(void **state)
{
    (void)state;
    Err err;
    char yaml[128];
    save("ann:one\nbob:two\ncarl:three\n");
    snprintf(yaml, sizeof yaml, "{htpasswd: {file: %s, inline: 'bob:inline'}}", path);
    TestHost *host = auth_start(&basicauth_extension, yaml);
    assert_null(ask(host, "ann:one", &err, NULL));
    assert_null(ask(host, "bob:inline", &err, NULL));
    assert_non_null(ask(host, "bob:two", &err, NULL));
    assert_non_null(ask(host, "ann:four", &err, NULL));
    save("ann:four\n");
    test_host_tick(host, 2 * NANOS_PER_SECOND);
    assert_non_null(ask(host, "ann:one", &err, NULL)); /* no longer remembered */
    assert_null(ask(host, "ann:four", &err, NULL));
    assert_non_null(ask(host, "carl:three", &err, NULL));
    save("ann:$what$is$this\n");
    test_host_tick(host, 2 * NANOS_PER_SECOND);
    assert_null(ask(host, "ann:four", &err, NULL));
    test_host_free(host);
}

static void expect_signed(TestHost *host, const char *sent)
{
    Err err;
    Buf out = BUF(1 << 12);
    if (!auth_signed(host, NULL, "authorization: old", &out, &err))
        fail_msg("%s", err.text);
    assert_string_equal(buf_text(&out), sent);
    buf_free(&out);
}

static void a_client_says_who_it_is(void **state)
{
    (void)state;
    char yaml[128];
    TestHost *host =
        auth_start(&basicauth_extension, "{client_auth: {username: ann, password: secret}}");
    expect_signed(host, "authorization: Basic YW5uOnNlY3JldA==\n");
    test_host_free(host);
    host = auth_start(&basicauth_extension, "{client_auth: {username: a, password: b}}");
    expect_signed(host, "authorization: Basic YTpi\n");
    test_host_free(host);
    save("secret\n");
    snprintf(yaml, sizeof yaml, "{client_auth: {username: ann, password: old, password_file: %s}}",
             path);
    host = auth_start(&basicauth_extension, yaml);
    expect_signed(host, "authorization: Basic YW5uOnNlY3JldA==\n");
    save("b\n");
    test_host_tick(host, 2 * NANOS_PER_SECOND);
    expect_signed(host, "authorization: Basic YW5uOmI=\n");
    test_host_free(host);
}

/* ---- both sides ---- */

static void exporters_and_receivers_agree(void **state)
{
    (void)state;
    static const struct {
        bool grpc;
        const char *password;
        const char *says; /* NULL: it arrives */
    } rows[] = {
        { true, "secret", NULL },
        { false, "secret", NULL },
        { true, "wrong", "invalid credentials" },
        { false, "wrong", "invalid credentials" },
    };
    TestHost *server = auth_start(&basicauth_extension, "{htpasswd: {inline: 'ann:" BCRYPT_4 "'}}");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char yaml[128];
        AuthEnds ends;
        snprintf(yaml, sizeof yaml, "{client_auth: {username: ann, password: %s}}",
                 rows[i].password);
        TestHost *client = auth_start(&basicauth_extension, yaml);
        auth_ends_begin(&ends,
                        &(AuthWish){ .grpc = rows[i].grpc, .server = server, .client = client });
        const AckOutcome *outcome = auth_ends_push(&ends);
        if ((outcome->result == ACK_DELIVERED) != !rows[i].says ||
            (rows[i].says && !strstr(outcome->reason.text, rows[i].says)))
            fail_msg("%zu: %d %s", i, outcome->result, outcome->reason.text);
        if (!rows[i].says)
            assert_true(
                str_eq(client_info_get(auth_ends_client(&ends), CLIENT_AUTH, STR("username")),
                       STR("ann")));
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
        cmocka_unit_test(a_server_knows_every_kind_of_hash),
        cmocka_unit_test(what_is_no_pair_is_refused),
        cmocka_unit_test(who_comes_in_is_known_by_name),
        cmocka_unit_test(guessing_is_paid_from_an_account_that_fills_slowly),
        cmocka_unit_test(right_passwords_are_paid_back),
        cmocka_unit_test(a_changed_list_is_in_force_at_once),
        cmocka_unit_test(a_client_says_who_it_is),
        cmocka_unit_test(exporters_and_receivers_agree),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
