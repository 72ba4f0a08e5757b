/* Tokens from a server of the test's own, over real HTTP. */
#include "base/log.h"
#include "net/server.h"
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

extern const ComponentType oauth2client_extension;

/* ---- the server that gives tokens out ---- */

typedef struct Giver {
    Loop *loop;
    Server *server;
    int status;
    const char *body;
    bool wants_form; /* refuses the Authorization header with 401 */
    int asked;
    char form[512], authorization[128];
} Giver;

static void copy(Str text, char *out, size_t size)
{
    snprintf(out, size, "%.*s", STR_ARG(text));
}

static void give(void *owner, Request *request)
{
    Giver *giver = owner;
    giver->asked++;
    copy(request_body(request), giver->form, sizeof giver->form);
    copy(request_field(request, STR("authorization")), giver->authorization,
         sizeof giver->authorization);
    bool refused = giver->wants_form && giver->authorization[0];
    Buf body = BUF(1 << 12);
    buf_addf(&body, "%s", refused ? "{\"error\":\"invalid_client\"}" : giver->body);
    request_answer(request, &(Answer){ .status = refused ? 401 : giver->status,
                                       .content_type = STR("application/json"),
                                       .body = body });
}

static void giver_begin(Giver *giver, const char *body)
{
    Err err = { 0 };
    *giver = (Giver){ .status = 200, .body = body, .loop = loop_new(NULL, NULL, &err) };
    assert_non_null(giver->loop);
    giver->server =
        server_new(&(ServerSettings){ .loop = giver->loop, .endpoint = STR("127.0.0.1:0") }, &err);
    const Route route = {
        .path = STR("/token"), .methods = STR("POST"), .handle = give, .owner = giver
    };
    assert_true(giver->server && server_route(giver->server, &route, &err) &&
                server_listen(giver->server, &err));
}

static void giver_end(Giver *giver)
{
    server_free(giver->server);
    loop_free(giver->loop);
}

static TestHost *client_of(Giver *giver, const char *more)
{
    char yaml[512], address[ADDRESS_TEXT_SIZE];
    Address at = server_address(giver->server);
    snprintf(yaml, sizeof yaml,
             "{client_id: 'my id', client_secret: 's:3', token_url: 'http://%s/token'%s}",
             address_text(&at, address), more);
    return auth_start(&oauth2client_extension, yaml);
}

/* Until the server was asked so often, and its answer read. */
static void turn(Giver *giver, TestHost *host, int asked)
{
    for (int i = 0; i < 3000 && giver->asked < asked; i++) {
        loop_step(giver->loop, 0);
        test_host_turn(host);
        usleep(1000);
    }
    assert_int_equal(giver->asked, asked);
    for (int i = 0; i < 50; i++) {
        loop_step(giver->loop, 0);
        test_host_turn(host);
        usleep(200);
    }
    assert_int_equal(giver->asked, asked);
}

static void expect_signed(TestHost *host, const char *sent)
{
    Err err;
    Buf out = BUF(1 << 12);
    bool ok = auth_signed(host, NULL, "", &out, &err);
    if (!sent) {
        assert_false(ok);
        assert_int_equal(err.kind, ERR_BUSY);
        assert_non_null(strstr(err.text, "there is no token from http://127.0.0.1:"));
    } else {
        if (!ok)
            fail_msg("%s", err.text);
        assert_string_equal(buf_text(&out), sent);
    }
    buf_free(&out);
}

static Buf lines;

static void keep_line(void *context, LogLevel level, Str component, Str message)
{
    (void)context, (void)component;
    buf_addf(&lines, "%s: %.*s\n", log_level_name(level), STR_ARG(message));
}

static size_t said(const char *what)
{
    size_t count = 0;
    for (const char *at = buf_text(&lines); (at = strstr(at, what)); at++)
        count++;
    return count;
}

/* ---- settings ---- */

static void wrong_settings_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *says;
    } rows[] = {
        { "{client_secret: a, token_url: 'http://a/'}", "no ClientID provided" },
        { "{client_id: a, token_url: 'http://a/'}", "no ClientSecret provided" },
        { "{client_id: a, client_secret: b}", "no TokenURL provided" },
        { "{client_id: a, client_secret: b, token_url: 'a:1'}", "token_url: must begin with" },
        { "{client_id: a, client_secret: b, token_url: 'ftp://a'}", "token_url: " },
        { "{client_id: a, client_secret: b, token_url: 'http://a/', grant_type: password}",
          "grant_type" },
        { "{client_certificate_key: a}", "jwt-bearer" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        auth_refuses(&oauth2client_extension, rows[i].yaml, rows[i].says);
}

/* ---- tokens ---- */

static void a_token_is_asked_for_and_sent(void **state)
{
    (void)state;
    Giver giver;
    giver_begin(&giver, "{\"access_token\":\"t1\",\"token_type\":\"bearer\",\"expires_in\":3600}");
    TestHost *host = client_of(&giver, ", scopes: [read, 'a b'], endpoint_params: {audience: x/y}");
    expect_signed(host, NULL);
    turn(&giver, host, 1);
    expect_signed(host, "authorization: Bearer t1\n");
    assert_string_equal(giver.form,
                        "grant_type=client_credentials&scope=read%20a%20b&audience=x%2Fy");
    assert_string_equal(giver.authorization, "Basic bXklMjBpZDpzJTNBMw=="); /* my%20id:s%3A3 */
    test_host_free(host);
    giver_end(&giver);
}

static void a_server_that_wants_a_form_gets_it(void **state)
{
    (void)state;
    Giver giver;
    giver_begin(&giver, "{\"access_token\":\"t1\",\"token_type\":\"DPoP\"}");
    giver.wants_form = true;
    TestHost *host = client_of(&giver, "");
    turn(&giver, host, 2);
    assert_string_equal(giver.form, "grant_type=client_credentials&client_id=my%20id&"
                                    "client_secret=s%3A3");
    expect_signed(host, "authorization: DPoP t1\n");
    test_host_free(host);
    giver_end(&giver);
}

static void a_token_is_renewed_before_it_ends(void **state)
{
    (void)state;
    Giver giver;
    giver_begin(&giver, "{\"access_token\":\"t1\",\"expires_in\":\"600\"}");
    TestHost *host = client_of(&giver, ", expiry_buffer: 100s");
    turn(&giver, host, 1);
    test_host_tick(host, 499 * NANOS_PER_SECOND);
    turn(&giver, host, 1);
    giver.body = "{\"access_token\":\"t2\",\"expires_in\":50}"; /* shorter than the buffer */
    test_host_tick(host, 2 * NANOS_PER_SECOND);
    turn(&giver, host, 2);
    expect_signed(host, "authorization: Bearer t2\n");
    giver.body = "{\"access_token\":\"t3\",\"expires_in\":600}";
    test_host_tick(host, 26 * NANOS_PER_SECOND);
    turn(&giver, host, 3);
    expect_signed(host, "authorization: Bearer t3\n");
    test_host_free(host);
    giver_end(&giver);
}

static void a_token_that_ended_is_not_sent_and_a_fault_is_told_once(void **state)
{
    (void)state;
    Giver giver;
    lines = BUF(1 << 16);
    log_set_sink(&(LogSink){ keep_line, NULL, LOG_INFO });
    giver_begin(&giver, "{\"access_token\":\"t1\",\"expires_in\":600}");
    TestHost *host = client_of(&giver, "");
    turn(&giver, host, 1);
    giver.status = 500;
    giver.body = "{\"error\":\"server_error\",\"error_description\":\"out of tokens\"}";
    test_host_tick(host, 301 * NANOS_PER_SECOND);
    turn(&giver, host, 2);
    expect_signed(host, "authorization: Bearer t1\n"); /* it has time left */
    for (int i = 3; i < 6; i++) {                      /* after 1 s, 2 s, 4 s */
        test_host_tick(host, (1 << (i - 3)) * NANOS_PER_SECOND);
        turn(&giver, host, i);
    }
    test_clock_advance(test_host_clock(host), 300 * NANOS_PER_SECOND);
    turn(&giver, host, 6);
    expect_signed(host, NULL);
    assert_int_equal(said("error: no token from http://127.0.0.1:"), 1);
    assert_int_equal(said("status 500, server_error: out of tokens; it is asked again"), 1);
    giver.status = 200;
    giver.body = "{\"access_token\":\"t2\",\"expires_in\":600}";
    test_host_tick(host, 16 * NANOS_PER_SECOND);
    turn(&giver, host, 7);
    expect_signed(host, "authorization: Bearer t2\n");
    assert_int_equal(said("info: there is a token from "), 1);
    test_host_free(host);
    giver_end(&giver);
    log_set_sink(NULL);
    log_set_level(LOG_OFF);
    buf_free(&lines);
}

static void what_is_no_token_is_not_sent(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "",
        "[]",
        "{}",
        "{\"access_token\":\"\"}",
        "{\"access_token\":\"a\\r\\nb: c\"}",
        "{\"access_token\":\"a\",\"token_type\":\"x\\ny\"}",
        "{\"access_token\":{}}",
        "<html>",
    };
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        Giver giver;
        giver_begin(&giver, bodies[i]);
        TestHost *host = client_of(&giver, "");
        turn(&giver, host, 1);
        expect_signed(host, NULL);
        test_host_free(host);
        giver_end(&giver);
    }
}

static void the_secret_may_stand_in_a_file(void **state)
{
    (void)state;
    Giver giver;
    char path[] = "/tmp/oauth2client.XXXXXX", more[128];
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, "3\n", 2) == 2 && close(fd) == 0);
    giver_begin(&giver, "{\"access_token\":\"t1\"}");
    snprintf(more, sizeof more, ", client_secret_file: %s", path);
    TestHost *host = client_of(&giver, more);
    turn(&giver, host, 1);
    assert_string_equal(giver.authorization, "Basic bXklMjBpZDoz"); /* my%20id:3 */
    test_host_free(host);
    giver_end(&giver);
    unlink(path);
}

static void stopping_in_the_middle_is_harmless(void **state)
{
    (void)state;
    Giver giver;
    giver_begin(&giver, "{}");
    TestHost *host = client_of(&giver, "");
    test_host_turn(host);
    test_host_free(host);
    giver_end(&giver);
}

/* ---- to a receiver ---- */

static void exporters_send_the_token(void **state)
{
    (void)state;
    for (int grpc = 0; grpc < 2; grpc++) {
        Giver giver;
        AuthEnds ends;
        giver_begin(&giver, "{\"access_token\":\"t1\"}");
        TestHost *host = client_of(&giver, "");
        auth_ends_begin(&ends, &(AuthWish){ .grpc = grpc,
                                            .client = host,
                                            .listen = ", include_metadata: true" });
        const AckOutcome *early = auth_ends_push(&ends);
        assert_int_not_equal(early->result, ACK_DELIVERED);
        assert_non_null(strstr(early->reason.text, "there is no token from "));
        turn(&giver, host, 1);
        assert_int_equal(auth_ends_push(&ends)->result, ACK_DELIVERED);
        assert_true(
            str_eq(client_info_get(auth_ends_client(&ends), CLIENT_METADATA, STR("authorization")),
                   STR("Bearer t1")));
        auth_ends_end(&ends);
        test_host_free(host);
        giver_end(&giver);
    }
}

int main(void)
{
    log_set_level(LOG_OFF);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_settings_are_told),
        cmocka_unit_test(a_token_is_asked_for_and_sent),
        cmocka_unit_test(a_server_that_wants_a_form_gets_it),
        cmocka_unit_test(a_token_is_renewed_before_it_ends),
        cmocka_unit_test(a_token_that_ended_is_not_sent_and_a_fault_is_told_once),
        cmocka_unit_test(what_is_no_token_is_not_sent),
        cmocka_unit_test(the_secret_may_stand_in_a_file),
        cmocka_unit_test(stopping_in_the_middle_is_harmless),
        cmocka_unit_test(exporters_send_the_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
