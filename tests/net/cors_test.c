/* What browsers are told about pages of other origins: by the rules alone, and by a server. */
#include "net/cors.h"

#include "net/server.h"
#include "support/raw_peer.h"
#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const Str origins[] = { STR_ROW("https://app.example.com"),
                               STR_ROW("http://*.dev.test:8080"), STR_ROW("http://a*a.test") };
static const Str any_origin[] = { STR_ROW("*") };
static const Str headers[] = { STR_ROW("X-Team") };
static const Str exposed[] = { STR_ROW("X-Took"), STR_ROW("X-From") };

static const CorsSettings usual = { origins, headers, exposed, 3, 1, 2, 600 };
static const CorsSettings open_to_all = { any_origin, any_origin, NULL, 1, 1, 0, 0 };

#define CREDENTIALS "access-control-allow-credentials: true\n"
#define VARY_ASKED  "vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers\n"

static const struct {
    const CorsSettings *settings;
    const char *method, *origin, *asks_method, *asks_headers;
    CorsAnswer answer;
    const char *reply;
} rows[] = {
    { &usual, "POST", "https://app.example.com", NULL, NULL, CORS_GO_ON,
      "vary: Origin\naccess-control-allow-origin: https://app.example.com\n" CREDENTIALS
      "access-control-expose-headers: X-Took, X-From\n" },
    { &usual, "POST", "HTTPS://App.Example.com", NULL, NULL, CORS_GO_ON,
      "vary: Origin\naccess-control-allow-origin: HTTPS://App.Example.com\n" CREDENTIALS
      "access-control-expose-headers: X-Took, X-From\n" },
    { &usual, "POST", "https://app.example.com.evil.test", NULL, NULL, CORS_GO_ON,
      "vary: Origin\n" },
    { &usual, "POST", "https://app.example.co", NULL, NULL, CORS_GO_ON, "vary: Origin\n" },
    { &usual, "POST", "http://a.test", NULL, NULL, CORS_GO_ON, "vary: Origin\n" },
    { &usual, "POST", "null", NULL, NULL, CORS_GO_ON, "vary: Origin\n" },
    { &usual, "POST", NULL, NULL, NULL, CORS_GO_ON, "vary: Origin\n" },
    { &usual, "OPTIONS", "https://app.example.com", NULL, NULL, CORS_GO_ON,
      "vary: Origin\naccess-control-allow-origin: https://app.example.com\n" CREDENTIALS
      "access-control-expose-headers: X-Took, X-From\n" },
    /* the star stands for any text, but for nothing less than both of its ends */
    { &usual, "OPTIONS", "http://a.b.dev.test:8080", "POST", NULL, CORS_PREFLIGHT,
      VARY_ASKED "access-control-allow-methods: POST\naccess-control-max-age: 600\n"
                 "access-control-allow-origin: http://a.b.dev.test:8080\n" CREDENTIALS },
    { &usual, "OPTIONS", "http://.dev.test", "POST", NULL, CORS_PREFLIGHT, VARY_ASKED },
    { &usual, "OPTIONS", "http://dev.test:8080", "POST", NULL, CORS_PREFLIGHT, VARY_ASKED },
    { &usual, "OPTIONS", "https://a.dev.test:8080", "POST", NULL, CORS_PREFLIGHT, VARY_ASKED },
    { &usual, "OPTIONS", "https://app.example.com", "DELETE", NULL, CORS_PREFLIGHT, VARY_ASKED },
    { &usual, "OPTIONS", NULL, "POST", NULL, CORS_PREFLIGHT, VARY_ASKED },
    { &usual, "OPTIONS", "https://app.example.com", "POST", "content-type,x-team", CORS_PREFLIGHT,
      VARY_ASKED "access-control-allow-methods: POST\n"
                 "access-control-allow-headers: content-type,x-team\n"
                 "access-control-max-age: 600\n"
                 "access-control-allow-origin: https://app.example.com\n" CREDENTIALS },
    { &usual, "OPTIONS", "https://app.example.com", "POST", "content-type, x-other", CORS_PREFLIGHT,
      VARY_ASKED },
    { &open_to_all, "GET", "https://anybody.test", NULL, NULL, CORS_GO_ON,
      "vary: Origin\naccess-control-allow-origin: *\n" CREDENTIALS },
    { &open_to_all, "OPTIONS", "https://anybody.test", "POST", "x-whatever", CORS_PREFLIGHT,
      VARY_ASKED "access-control-allow-methods: POST\n"
                 "access-control-allow-headers: x-whatever\n"
                 "access-control-allow-origin: *\n" CREDENTIALS },
};

static void add(HttpFields *fields, const char *name, const char *value)
{
    Err err = { 0 };
    if (value)
        assert_true(http_fields_add(fields, str_from(name), str_from(value), &err));
}

static void origins_and_preflights_are_judged_as_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Err err = { 0 };
        HttpFields request, reply;
        Buf said = BUF(4096);
        http_fields_init(&request, 4096);
        http_fields_init(&reply, 4096);
        add(&request, ":method", rows[i].method);
        add(&request, "origin", rows[i].origin);
        add(&request, "access-control-request-method", rows[i].asks_method);
        add(&request, "access-control-request-headers", rows[i].asks_headers);
        Cors *cors = cors_new(rows[i].settings, &err);
        assert_non_null(cors);
        assert_int_equal(cors_apply(cors, &request, &reply), rows[i].answer);
        for (size_t at = 0; at < reply.count; at++) {
            HttpField field = http_fields_at(&reply, at);
            buf_addf(&said, "%.*s: %.*s\n", STR_ARG(field.name), STR_ARG(field.value));
        }
        if (!str_eq(buf_str(&said), str_from(rows[i].reply)))
            fail_msg("row %zu: expected\n%sgot\n%.*s", i, rows[i].reply, STR_ARG(buf_str(&said)));
        cors_free(cors);
        http_fields_done(&request);
        http_fields_done(&reply);
        buf_free(&said);
    }
}

static void make_one(void)
{
    Err err = { 0 };
    Cors *cors = cors_new(&usual, &err);
    if (!cors)
        assert_int_equal(err.kind, ERR_MEMORY);
    cors_free(cors);
}

static void without_memory_there_is_none(void **state)
{
    (void)state;
    assert_true(starve_every(make_one) > 0);
}

/* ---- in a server ---- */

typedef struct Fixture {
    Loop *loop;
    Server *server;
    Address address;
    int handled;
} Fixture;

static void hello(void *owner, Request *request)
{
    ((Fixture *)owner)->handled++;
    request_answer_text(request, 200, STR("hello"));
}

static void start(Fixture *f, ServerSettings settings)
{
    Err err = { 0 };
    *f = (Fixture){ .loop = loop_new(NULL, NULL, &err) };
    assert_non_null(f->loop);
    settings.loop = f->loop;
    settings.endpoint = STR("127.0.0.1:0");
    f->server = server_new(&settings, &err);
    const Route route = { STR("/hello"), STR("POST"), hello, f, 0 };
    assert_true(f->server && server_route(f->server, &route, &err) &&
                server_listen(f->server, &err));
    f->address = server_address(f->server);
}

static void stop(Fixture *f)
{
    server_free(f->server);
    loop_free(f->loop);
}

static void expect(Fixture *f, const char *request, const char *has, const char *has_not)
{
    RawPeer peer;
    assert_true(raw_peer_connect(&peer, f->loop, &f->address));
    raw_peer_send(&peer, str_from(request));
    raw_peer_send(&peer, STR("\r\n"));
    if (!raw_peer_wait(&peer, has) || (has_not && raw_peer_has(&peer, has_not)))
        fail_msg("asked\n%s\nexpected \"%s\" without \"%s\", got\n%.*s", request, has,
                 has_not ? has_not : "", STR_ARG(buf_str(&peer.got)));
    raw_peer_close(&peer);
}

#define PREFLIGHT \
    "OPTIONS /hello HTTP/1.1\r\nHost: localhost\r\nAccess-Control-Request-Method: POST\r\n"
#define POST    "POST /hello HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n"
#define FRIEND  "Origin: https://app.example.com\r\n"
#define ALLOWED "access-control-allow-origin: https://app.example.com\r\n"

static void a_server_answers_preflights_and_marks_answers(void **state)
{
    (void)state;
    Fixture f;
    start(&f, (ServerSettings){ .cors = &usual });
    expect(&f, PREFLIGHT FRIEND, "HTTP/1.1 204 No Content\r\n", NULL);
    expect(&f, PREFLIGHT FRIEND, ALLOWED, "content-length");
    expect(&f, PREFLIGHT "Origin: https://evil.test\r\n", "204 No Content", "access-control");
    assert_int_equal(f.handled, 0);
    expect(&f, POST FRIEND, ALLOWED, NULL);
    expect(&f, POST "Origin: https://evil.test\r\n", "hello", "access-control");
    assert_int_equal(f.handled, 2);
    expect(&f, "GET /nothing HTTP/1.1\r\nHost: x\r\n" FRIEND, ALLOWED, NULL);
    stop(&f);
    start(&f, (ServerSettings){ 0 });
    expect(&f, PREFLIGHT FRIEND, "405 Method Not Allowed", "access-control");
    stop(&f);
}

/* However open CORS is: a page that came by a name of its own must not pass (DNS rebinding). */
static void the_check_of_host_and_origin_has_the_last_word(void **state)
{
    (void)state;
    Fixture f;
    start(&f, (ServerSettings){ .cors = &open_to_all, .check_host = true });
    expect(&f, POST FRIEND, "403 Forbidden", "access-control");
    expect(&f, PREFLIGHT FRIEND, "403 Forbidden", "access-control");
    expect(&f, "POST /hello HTTP/1.1\r\nHost: evil.test\r\nContent-Length: 0\r\n", "403 Forbidden",
           "access-control");
    assert_int_equal(f.handled, 0);
    expect(&f, POST "Origin: http://localhost:3000\r\n", "access-control-allow-origin: *\r\n",
           NULL);
    stop(&f);
    start(&f, (ServerSettings){ .cors = &usual, .check_host = true });
    expect(&f, POST "Origin: http://localhost:3000\r\n", "403 Forbidden", "access-control");
    stop(&f);
}

/* ---- the other settings of a listener that no handler sees ---- */

static void answers_carry_the_fields_of_their_server(void **state)
{
    (void)state;
    Fixture f;
    const HttpField fields[] = { { STR("x-served-by"), STR("edge 7") } };
    start(&f, (ServerSettings){ .response_fields = fields, .response_field_count = 1 });
    expect(&f, POST, "x-served-by: edge 7\r\n", NULL);
    expect(&f, "GET /nothing HTTP/1.1\r\nHost: x\r\n", "x-served-by: edge 7\r\n", NULL);
    stop(&f);
}

static void only_the_encodings_that_are_named_are_taken(void **state)
{
    (void)state;
    Fixture f;
    const Str names[] = { STR("deflate") };
    start(&f, (ServerSettings){ .encodings = names, .encoding_count = 1 });
    expect(&f, POST "Content-Encoding: gzip\r\n", "415 Unsupported Media Type", NULL);
    expect(&f, POST "Content-Encoding: identity\r\n", "200 OK", NULL);
    expect(&f, POST "Content-Encoding: Deflate\r\n", "400 Bad Request", NULL); /* it was tried */
    stop(&f);
}

static void a_server_may_end_each_connection_with_its_answer(void **state)
{
    (void)state;
    Fixture f;
    start(&f, (ServerSettings){ .close_each = true });
    expect(&f, POST, "connection: close\r\n", NULL);
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(origins_and_preflights_are_judged_as_the_table_says),
        cmocka_unit_test(without_memory_there_is_none),
        cmocka_unit_test(a_server_answers_preflights_and_marks_answers),
        cmocka_unit_test(the_check_of_host_and_origin_has_the_last_word),
        cmocka_unit_test(answers_carry_the_fields_of_their_server),
        cmocka_unit_test(only_the_encodings_that_are_named_are_taken),
        cmocka_unit_test(a_server_may_end_each_connection_with_its_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
