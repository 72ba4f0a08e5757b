/* The server over HTTP/1.1, spoken by hand: routes, bodies, limits, time-outs, and peers that
 * leave. */
#include "net/server.h"

#include "codec/gzip.h"
#include "support/raw_peer.h"
#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <cmocka.h>

typedef struct Fixture {
    TestClock clock;
    Loop *loop;
    Server *server;
    Address address;
    Request *kept; /* by the handler of /later */
    int gone, handled;
} Fixture;

static void echo(void *owner, Request *request)
{
    Fixture *f = owner;
    f->handled++;
    Answer answer = { .status = 200,
                      .content_type = STR("application/octet-stream"),
                      .body = request_take_body(request) };
    request_answer(request, &answer);
}

static void hello(void *owner, Request *request)
{
    Fixture *f = owner;
    f->handled++;
    HttpField field = { STR("x-evil"), STR("a\r\nb: c") };
    Answer answer = { .status = 200,
                      .content_type = STR("text/plain"),
                      .fields = &field,
                      .field_count = 1,
                      .static_body = STR("hello") };
    request_answer(request, &answer);
}

static void on_gone(void *owner)
{
    ((Fixture *)owner)->gone++;
}

static void later(void *owner, Request *request)
{
    Fixture *f = owner;
    f->handled++;
    f->kept = request;
    request_on_gone(request, on_gone, f);
}

static bool add_routes(Fixture *f, Err *err)
{
    const Route routes[] = {
        { STR("/echo"), STR("POST"), echo, f, 0 },  { STR("/small"), STR("POST"), echo, f, 10 },
        { STR("/hello"), STR("GET"), hello, f, 0 }, { STR("/static/*"), STR("GET"), hello, f, 0 },
        { STR("/later"), STR(""), later, f, 0 },
    };
    for (size_t i = 0; i < COUNT_OF(routes); i++) {
        if (!server_route(f->server, &routes[i], err))
            return false;
    }
    return true;
}

static Sockets *sockets; /* NULL: the system's */

static bool start(Fixture *f, const ServerSettings *wanted, Err *err)
{
    ServerSettings settings = *wanted;
    *f = (Fixture){ 0 };
    test_clock_init(&f->clock, 0);
    f->loop = loop_new(&f->clock.base, sockets, err);
    if (!f->loop)
        return false;
    settings.loop = f->loop;
    settings.endpoint = STR("127.0.0.1:0");
    f->server = server_new(&settings, err);
    if (!f->server || !add_routes(f, err) || !server_listen(f->server, err))
        return false;
    f->address = server_address(f->server);
    return true;
}

static void stop(Fixture *f)
{
    server_free(f->server);
    loop_free(f->loop);
}

static void must_start(Fixture *f, const ServerSettings *wanted)
{
    Err err = { 0 };
    if (!start(f, wanted, &err))
        fail_msg("%s", err.text);
}

static RawPeer must_connect(Fixture *f)
{
    RawPeer peer;
    assert_true(raw_peer_connect(&peer, f->loop, &f->address));
    return peer;
}

static const ServerSettings plain = { 0 };

static void ask(Fixture *f, const char *request, const char *expected)
{
    RawPeer peer = must_connect(f);
    raw_peer_send(&peer, str_from(request));
    if (!raw_peer_wait(&peer, expected))
        fail_msg("asked\n%s\nexpected %s, got\n%.*s", request, expected,
                 STR_ARG(buf_str(&peer.got)));
    raw_peer_close(&peer);
}

static void requests_are_answered_or_refused_as_the_table_says(void **state)
{
    (void)state;
    Fixture f;
    must_start(&f, &plain);
    static const struct {
        const char *request, *answer;
    } rows[] = {
        { "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\n" },
        { "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n", "\r\n\r\nhello" },
        { "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n", "x-evil: a  b: c\r\n" },
        { "GET http://x/hello?a=b HTTP/1.1\r\nHost: x\r\n\r\n", "\r\n\r\nhello" },
        { "GET https://x/hello HTTP/1.1\r\nHost: x\r\n\r\n", "\r\n\r\nhello" },
        { "GET http://y/hello HTTP/1.1\r\nHost: x\r\n\r\n", "400 Bad Request" },
        { "GET ftp://x/hello HTTP/1.1\r\nHost: x\r\n\r\n", "400 Bad Request" },
        { "GET http://x HTTP/1.1\r\nHost: x\r\n\r\n", "400 Bad Request" },
        { "GET /static/a/b.js HTTP/1.1\r\nHost: x\r\n\r\n", "\r\n\r\nhello" },
        { "GET /hello HTTP/1.0\r\n\r\n", "connection: close\r\n" },
        { "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "connection: keep-alive\r\n" },
        { "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "\r\n\r\nabc" },
        { "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
          "2\r\nab\r\n1;x=y\r\nc\r\n0\r\nTrailer: t\r\n\r\n",
          "content-length: 3\r\n\r\nabc" },
        { "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
          "HTTP/1.1 100 Continue\r\n\r\n" },
        { "POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n",
          "413 Content Too Large" },
        { "POST /small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
          "b\r\n12345678901\r\n",
          "413 Content Too Large" },
        { "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", "404 Not Found" },
        { "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n", "allow: POST\r\n" },
        { "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n", "405 method not allowed, supported: [POST]" },
        { "PUT /hello HTTP/1.1\r\nHost: x\r\n\r\n", "allow: GET, HEAD\r\n" },
        { "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Encoding: br\r\nContent-Length: 3\r\n\r\n",
          "415 Unsupported Media Type" },
        { "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: "
          "3\r\n\r\nabc",
          "400 Bad Request" },
        { "GET /hello HTTP/1.1\r\n\r\n", "400 Bad Request" },
        { "GET hello HTTP/1.1\r\nHost: x\r\n\r\n", "400 Bad Request" },
        { "NONSENSE\r\n\r\n", "400 Bad Request" },
        { "GET /hello HTTP/1.1\nHost: x\n\n", "400 Bad Request" },
        { "GET /hello HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", "400 Bad Request" },
        { "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
          "400 Bad Request" },
        { "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: "
          "chunked\r\n\r\n",
          "400 Bad Request" },
        { "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -3\r\n\r\nabc", "400 Bad Request" },
        { "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\nabc",
          "501 Not Implemented" },
        { "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
          "501 Not Implemented" },
        { "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n",
          "200 OK" },
        { "GET /hello HTTP/1.1\r\nHost: x\r\nHost: evil\r\n\r\n", "400 Bad Request" },
        { "GET /hello HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", "more than one Host" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        ask(&f, rows[i].request, rows[i].answer);
    stop(&f);
}

static void head_has_the_length_but_no_body(void **state)
{
    (void)state;
    Fixture f;
    must_start(&f, &plain);
    RawPeer peer = must_connect(&f);
    raw_peer_send(&peer, STR("HEAD /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    assert_true(raw_peer_wait_end(&peer));
    assert_true(raw_peer_has(&peer, "content-length: 5\r\n"));
    assert_true(str_ends(buf_str(&peer.got), STR("\r\n\r\n")));
    raw_peer_close(&peer);
    stop(&f);
}

static const char pipeline[] =
    "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
    "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"
    "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    "2\r\nde\r\n1\r\nf\r\n0\r\n\r\n"
    "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

static void pipelined_requests_are_answered_in_order_at_every_split(void **state)
{
    (void)state;
    Fixture f;
    must_start(&f, &plain);
    Buf first = BUF(4096);
    Str whole = str_from(pipeline);
    for (size_t split = 0; split <= whole.len; split++) {
        RawPeer peer = must_connect(&f);
        if (split == whole.len) {
            raw_peer_send_slowly(&peer, whole);
        } else {
            raw_peer_send(&peer, str_first(whole, split));
            raw_peer_send(&peer, str_skip(whole, split));
        }
        assert_true(raw_peer_wait_end(&peer));
        assert_int_equal(raw_peer_count(&peer, "HTTP/1.1 200 OK"), 4);
        if (split == 0)
            buf_add(&first, buf_str(&peer.got));
        assert_true(str_eq(buf_str(&first), buf_str(&peer.got)));
        raw_peer_close(&peer);
    }
    buf_free(&first);
    stop(&f);
}

static void an_answer_may_come_later_and_the_next_request_waits(void **state)
{
    (void)state;
    Fixture f;
    must_start(&f, &plain);
    RawPeer peer = must_connect(&f);
    raw_peer_send(&peer, STR("GET /later HTTP/1.1\r\nHost: x\r\n\r\n"
                             "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"));
    while (!f.kept)
        loop_step(f.loop, 1000000);
    for (int i = 0; i < 5; i++)
        loop_step(f.loop, 0);
    assert_int_equal(f.handled, 1);
    request_answer_text(f.kept, 202, STR("at last"));
    assert_true(raw_peer_wait(&peer, "hello"));
    assert_true(raw_peer_has(&peer, "HTTP/1.1 202 Accepted"));
    assert_int_equal(f.gone, 0);
    raw_peer_close(&peer);
    stop(&f);
}

static void a_handler_learns_that_its_peer_has_left(void **state)
{
    (void)state;
    Fixture f;
    must_start(&f, &plain);
    RawPeer peer = must_connect(&f);
    raw_peer_send(&peer, STR("GET /later HTTP/1.1\r\nHost: x\r\n\r\n"));
    while (!f.kept)
        loop_step(f.loop, 1000000);
    raw_peer_close(&peer);
    while (!f.gone)
        loop_step(f.loop, 1000000);
    assert_true(request_is_gone(f.kept));
    request_answer_text(f.kept, 200, STR("to nobody"));
    assert_int_equal(f.gone, 1);
    stop(&f);
}

static void a_request_outlives_its_server(void **state)
{
    (void)state;
    Fixture f;
    must_start(&f, &plain);
    RawPeer peer = must_connect(&f);
    raw_peer_send(&peer, STR("POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab"));
    while (!f.kept)
        loop_step(f.loop, 1000000);
    server_free(f.server);
    f.server = NULL;
    assert_int_equal(f.gone, 1);
    assert_true(str_eq(request_body(f.kept), STR("ab")));
    Err err = { .kind = ERR_CLOSED, .text = "over" };
    request_answer_err(f.kept, &err);
    raw_peer_close(&peer);
    stop(&f);
}

static void a_large_answer_reaches_a_slow_reader_whole(void **state)
{
    (void)state;
    Fixture f;
    must_start(&f, &plain);
    Buf request = BUF(32 << 20);
    enum { SIZE = 8 << 20 };
    buf_addf(&request,
             "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
             "Content-Length: %d\r\n\r\n",
             SIZE);
    size_t head = request.len;
    for (size_t i = 0; i < SIZE; i++)
        buf_add_byte(&request, (char)(i * 31 >> 3));
    RawPeer peer = must_connect(&f);
    raw_peer_send(&peer, buf_str(&request));
    assert_true(raw_peer_wait_end(&peer));
    assert_true(str_ends(buf_str(&peer.got), str_skip(buf_str(&request), head)));
    raw_peer_close(&peer);
    buf_free(&request);
    stop(&f);
}

static void send_gzip(RawPeer *peer, const char *path, size_t plain_size)
{
    Err err = { 0 };
    Buf body = BUF(64 << 20), packed = BUF(64 << 20), head = BUF(4096);
    for (size_t i = 0; i < plain_size; i++)
        buf_add_byte(&body, 'a');
    assert_true(gzip_compress(buf_str(&body), GZIP_FORMAT, &packed, &err));
    buf_addf(&head,
             "POST %s HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nConnection: close\r\n"
             "Content-Length: %zu\r\n\r\n",
             path, packed.len);
    raw_peer_send(peer, buf_str(&head));
    raw_peer_send(peer, buf_str(&packed));
    buf_free(&body);
    buf_free(&packed);
    buf_free(&head);
}

static void gzip_bodies_are_inflated_up_to_the_limit(void **state)
{
    (void)state;
    Fixture f;
    Budget budget;
    budget_init(&budget, 10000000);
    ServerSettings settings = { .limits = { .inflated_bytes = 100000 }, .budget = &budget };
    must_start(&f, &settings);
    RawPeer peer = must_connect(&f);
    send_gzip(&peer, "/echo", 100000);
    assert_true(raw_peer_wait_end(&peer));
    assert_true(raw_peer_has(&peer, "content-length: 100000\r\n"));
    raw_peer_close(&peer);
    peer = must_connect(&f);
    send_gzip(&peer, "/echo", 100001);
    assert_true(raw_peer_wait_end(&peer));
    assert_true(raw_peer_has(&peer, "HTTP/1.1 413 "));
    raw_peer_close(&peer);
    assert_int_equal(server_counts(f.server).refused, 1);
    stop(&f);
    assert_int_equal(budget_use(&budget).used, 0);
}

static void headers_over_the_limit_are_refused_with_431(void **state)
{
    (void)state;
    Fixture f;
    ServerSettings settings = { .limits = { .header_bytes = 1000 } };
    must_start(&f, &settings);
    static const char *const parts[] = { "A: 1\r\n", "Long-Enough-To-Be-Over-At-Once: x\r\n" };
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        RawPeer peer = must_connect(&f);
        raw_peer_send(&peer, STR("GET /hello HTTP/1.1\r\nHost: x\r\n"));
        for (int k = 0; k < 1000 && !peer.ended; k++)
            raw_peer_send(&peer, str_from(parts[i]));
        assert_true(raw_peer_has(&peer, "HTTP/1.1 431 "));
        raw_peer_close(&peer);
    }
    stop(&f);
}

/* Lets the clock run in small steps, so that every timer gets its turn. */
static void pass(Fixture *f, int64_t seconds)
{
    for (int64_t i = 0; i < 10 * seconds; i++) {
        test_clock_advance(&f->clock, NANOS_PER_SECOND / 10);
        loop_step(f->loop, 0);
    }
}

static void too_many_connections_and_too_much_memory_are_503(void **state)
{
    (void)state;
    Fixture f;
    Budget budget;
    budget_init(&budget, 200000);
    ServerSettings settings = { .limits = { .connections = 2 }, .budget = &budget };
    must_start(&f, &settings);
    RawPeer a = must_connect(&f), b = must_connect(&f), c = must_connect(&f);
    assert_true(raw_peer_wait(&c, "HTTP/1.1 503 "));
    raw_peer_send(&a, STR("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n"));
    char part[1000] = { 0 };
    for (int i = 0; i < 20 && !a.ended; i++)
        raw_peer_send(&a, (Str){ part, sizeof part });
    pass(&f, 1 + GRANT_WAIT_MS / 1000);
    assert_true(raw_peer_wait(&a, "HTTP/1.1 503 "));
    assert_true(raw_peer_has(&a, "retry-after: 1\r\n"));
    raw_peer_send(&b, STR("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(raw_peer_wait(&b, "hello"));
    raw_peer_close(&a);
    raw_peer_close(&b);
    raw_peer_close(&c);
    stop(&f);
    assert_int_equal(budget_use(&budget).used, 0);
}

static void slow_peers_are_not_waited_for(void **state)
{
    (void)state;
    Fixture f;
    must_start(&f, &plain);
    RawPeer silent = must_connect(&f), header = must_connect(&f), body = must_connect(&f),
            idle = must_connect(&f);
    raw_peer_send(&header, STR("GET /hello HTT"));
    raw_peer_send(&body, STR("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n"));
    raw_peer_send(&idle, STR("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(raw_peer_wait(&idle, "hello"));
    pass(&f, 9);
    assert_int_equal(server_counts(f.server).connections_open, 4);
    pass(&f, 3);
    assert_true(raw_peer_wait_end(&silent));
    assert_true(raw_peer_wait(&header, "HTTP/1.1 408 "));
    for (int i = 0; i < 60 && !raw_peer_has(&body, "408"); i++) { /* 1 byte a second is too slow */
        raw_peer_send(&body, STR("x"));
        pass(&f, 1);
    }
    assert_true(raw_peer_wait(&body, "HTTP/1.1 408 "));
    pass(&f, 100);
    assert_int_equal(server_counts(f.server).connections_open, 1);
    pass(&f, 100);
    assert_true(raw_peer_wait_end(&idle));
    assert_int_equal(server_counts(f.server).connections_open, 0);
    raw_peer_close(&silent);
    raw_peer_close(&header);
    raw_peer_close(&body);
    raw_peer_close(&idle);
    stop(&f);
}

static void a_steady_body_has_all_the_time_it_needs(void **state)
{
    (void)state;
    Fixture f;
    must_start(&f, &plain);
    RawPeer peer = must_connect(&f);
    raw_peer_send(&peer, STR("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 120000\r\n\r\n"));
    char part[1000] = { 0 };
    for (int i = 0; i < 120; i++) {
        raw_peer_send(&peer, (Str){ part, sizeof part });
        pass(&f, 1);
    }
    assert_true(raw_peer_wait(&peer, "HTTP/1.1 200 OK"));
    raw_peer_close(&peer);
    stop(&f);
}

static void a_reader_that_takes_nothing_is_cut(void **state)
{
    (void)state;
    Fixture f;
    must_start(&f, &plain);
    Buf request = BUF(64 << 20);
    buf_addf(&request, "POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n.");
    RawPeer peer = must_connect(&f);
    raw_peer_send(&peer, buf_str(&request));
    while (!f.kept)
        loop_step(f.loop, 1000000);
    Answer answer = { .status = 200, .body = BUF(64 << 20) };
    assert_non_null(buf_reserve(&answer.body, 32 << 20));
    memset(answer.body.ptr, 'x', 32 << 20);
    answer.body.len = 32 << 20;
    request_answer(f.kept, &answer);
    for (int i = 0; i < 50; i++)
        loop_step(f.loop, 0);
    assert_int_equal(server_counts(f.server).connections_open, 1);
    pass(&f, 31);
    assert_int_equal(server_counts(f.server).connections_open, 0);
    raw_peer_close(&peer);
    buf_free(&request);
    stop(&f);
}

static void only_known_hosts_and_origins_may_speak(void **state)
{
    (void)state;
    Fixture f;
    Str names[] = { STR("ui.example") };
    ServerSettings settings = { .check_host = true,
                                .allowed_hosts = names,
                                .allowed_host_count = 1 };
    must_start(&f, &settings);
    static const struct {
        const char *fields, *answer;
    } rows[] = {
        { "Host: localhost:16686", "200 OK" },
        { "Host: 127.0.0.1", "200 OK" },
        { "Host: [::1]:1", "200 OK" },
        { "Host: UI.example:80", "200 OK" },
        { "Host: evil.example", "403 Forbidden" },
        { "Host: localhost.evil.example", "403 Forbidden" },
        { "Host: localhost\r\nOrigin: http://localhost:5173", "200 OK" },
        { "Host: localhost\r\nOrigin: https://ui.example", "200 OK" },
        { "Host: localhost\r\nOrigin: http://evil.example", "403 Forbidden" },
        { "Host: localhost\r\nOrigin: null", "403 Forbidden" },
        { "Host: localhost:1\r\nOrigin: http://localhost:1", "200 OK" },
        { "Host: evil.example\r\nOrigin: http://evil.example", "403 Forbidden" },
    };
    /* What could change something comes from a page of this Host, or from no page. */
    static const struct {
        const char *fields, *answer;
    } changes[] = {
        { "Host: localhost:16686", "200 OK" },
        { "Host: localhost:16686\r\nOrigin: http://localhost:16686", "200 OK" },
        { "Host: localhost:16686\r\nOrigin: https://UI.example", "200 OK" },
        { "Host: localhost:16686\r\nOrigin: http://localhost:5173", "403 Forbidden" },
        { "Host: localhost:16686\r\nOrigin: http://localhost", "403 Forbidden" },
        { "Host: localhost:16686\r\nOrigin: http://evil.example", "403 Forbidden" },
        { "Host: localhost:16686\r\nOrigin: null", "403 Forbidden" },
        { "Host: localhost:16686\r\nOrigin: ", "403 Forbidden" },
        { "Host: localhost:16686\r\nOrigin: file://", "403 Forbidden" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char request[256];
        snprintf(request, sizeof request, "GET /hello HTTP/1.1\r\n%s\r\n\r\n", rows[i].fields);
        ask(&f, request, rows[i].answer);
    }
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        char request[256];
        snprintf(request, sizeof request, "POST /echo HTTP/1.1\r\nContent-Length: 0\r\n%s\r\n\r\n",
                 changes[i].fields);
        ask(&f, request, changes[i].answer);
    }
    stop(&f);
}

static void what_browsers_come_to_is_safe_whatever_it_is(void **state)
{
    (void)state;
    static const char *const requests[] = {
        "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "DELETE /hello HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    };
    Fixture f;
    must_start(&f, &(ServerSettings){ .check_host = true });
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        ask(&f, requests[i], "x-content-type-options: nosniff");
        ask(&f, requests[i], "content-security-policy: default-src 'none'; frame-ancestors 'none'");
    }
    stop(&f);
}

static void drained(void *owner)
{
    ++*(int *)owner;
}

static void a_drain_waits_for_what_is_under_way(void **state)
{
    (void)state;
    Fixture f;
    must_start(&f, &plain);
    RawPeer busy = must_connect(&f), idle = must_connect(&f);
    raw_peer_send(&idle, STR("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(raw_peer_wait(&idle, "hello"));
    raw_peer_send(&busy, STR("GET /later HTTP/1.1\r\nHost: x\r\n\r\n"));
    while (!f.kept)
        loop_step(f.loop, 1000000);
    int done = 0;
    server_drain(f.server, loop_now(f.loop) + 10 * NANOS_PER_SECOND, drained, &done);
    assert_true(raw_peer_wait_end(&idle));
    RawPeer late;
    assert_false(raw_peer_connect(&late, f.loop, &f.address));
    raw_peer_close(&late);
    assert_int_equal(done, 0);
    request_answer_text(f.kept, 200, STR("last"));
    assert_true(raw_peer_wait_end(&busy));
    assert_true(raw_peer_has(&busy, "connection: close\r\n"));
    raw_peer_close(&busy);
    for (int i = 0; i < 100 && !done; i++)
        loop_step(f.loop, 1000000);
    assert_int_equal(done, 1);
    raw_peer_close(&idle);
    stop(&f);
}

static void a_drain_cuts_at_its_deadline(void **state)
{
    (void)state;
    Fixture f;
    must_start(&f, &plain);
    RawPeer busy = must_connect(&f);
    raw_peer_send(&busy, STR("GET /later HTTP/1.1\r\nHost: x\r\n\r\n"));
    while (!f.kept)
        loop_step(f.loop, 1000000);
    int done = 0;
    server_drain(f.server, loop_now(f.loop) + 10 * NANOS_PER_SECOND, drained, &done);
    pass(&f, 9);
    assert_int_equal(done, 0);
    pass(&f, 2);
    assert_int_equal(done, 1);
    assert_int_equal(f.gone, 1);
    request_answer_text(f.kept, 200, STR("too late"));
    raw_peer_close(&busy);
    stop(&f);
}

static void a_taken_port_says_by_whom(void **state)
{
    (void)state;
    Fixture f;
    must_start(&f, &plain);
    char endpoint[ADDRESS_TEXT_SIZE], by_us[64], name[16] = { 0 };
    address_text(&f.address, endpoint);
    assert_int_equal(prctl(PR_GET_NAME, name), 0); /* an emulator's, when there is one */
    snprintf(by_us, sizeof by_us, "already in use by %s", name);
    Err err = { 0 };
    ServerSettings settings = { .loop = f.loop, .endpoint = str_from(endpoint) };
    Server *second = server_new(&settings, &err);
    assert_non_null(second);
    assert_false(server_listen(second, &err));
    assert_int_equal(err.kind, ERR_IO);
    assert_non_null(strstr(err.text, endpoint));
    assert_non_null(strstr(err.text, by_us));
    server_free(second);
    stop(&f);
}

static void shards_share_a_port_and_nobody_else_does(void **state)
{
    (void)state;
    Fixture f;
    Err err = { 0 };
    char endpoint[ADDRESS_TEXT_SIZE];
    ServerSettings settings = { .reuse_port = true };
    must_start(&f, &settings);
    address_text(&f.address, endpoint);
    settings.loop = f.loop;
    settings.endpoint = str_from(endpoint);
    Server *shard = server_new(&settings, &err);
    assert_true(shard && server_listen(shard, &err));
    settings.reuse_port = false;
    Server *other = server_new(&settings, &err);
    assert_non_null(other);
    assert_false(server_listen(other, &err));
    server_free(other);
    server_free(shard);
    stop(&f);
}

static void a_refused_request_without_body_keeps_the_connection(void **state)
{
    (void)state;
    Fixture f;
    must_start(&f, &plain);
    RawPeer peer = must_connect(&f);
    raw_peer_send(&peer, STR("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"
                             "PUT /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
                             "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"
                             "PUT /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx"));
    assert_true(raw_peer_wait_end(&peer));
    assert_int_equal(raw_peer_count(&peer, "HTTP/1.1 404"), 1);
    assert_int_equal(raw_peer_count(&peer, "HTTP/1.1 405"), 2);
    assert_int_equal(raw_peer_count(&peer, "HTTP/1.1 200"), 1);
    assert_int_equal(raw_peer_count(&peer, "connection: close"), 1);
    raw_peer_close(&peer);
    stop(&f);
}

static void an_answer_that_the_budget_does_not_hold_is_503(void **state)
{
    (void)state;
    Fixture f;
    Budget budget;
    budget_init(&budget, 300000);
    must_start(&f, &(ServerSettings){ .budget = &budget });
    RawPeer peer = must_connect(&f);
    raw_peer_send(&peer, STR("GET /later HTTP/1.1\r\nHost: x\r\n\r\n"));
    while (!f.kept)
        raw_peer_turn(&peer);
    Answer answer = { .status = 200, .body = BUF(1 << 20) };
    assert_non_null(buf_reserve(&answer.body, 300000));
    memset(answer.body.ptr, 'x', 300000);
    answer.body.len = 300000;
    request_answer(f.kept, &answer);
    assert_true(raw_peer_wait(&peer, "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n"));
    raw_peer_close(&peer);
    stop(&f);
}

/* Nothing is read from it then, so nothing but the poller's word tells that it has gone. */
static void a_peer_that_sent_far_ahead_and_broke_off_is_noticed(void **state)
{
    (void)state;
    enum { AHEAD = 4000 };
    static const struct linger at_once = { .l_onoff = 1 };
    Fixture f;
    Budget budget;
    budget_init(&budget, 1 << 20);
    must_start(&f, &(ServerSettings){ .budget = &budget });
    RawPeer peer = must_connect(&f);
    raw_peer_send(&peer, STR("GET /later HTTP/1.1\r\nHost: x\r\n\r\n"));
    for (int i = 0; i < AHEAD; i++) /* more than is kept of it */
        raw_peer_send(&peer, STR("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_int_equal(f.handled, 1);
    assert_in_range(budget_use(&budget).used, 64 * 1024, 512 * 1024);
    assert_int_equal(setsockopt(peer.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    raw_peer_close(&peer);
    for (int i = 0; i < 100 && !f.gone; i++)
        loop_step(f.loop, NANOS_PER_MILLI);
    assert_int_equal(f.gone, 1);
    assert_int_equal(server_counts(f.server).connections_open, 0);
    request_answer_text(f.kept, 200, STR("to nobody"));
    assert_int_equal(budget_use(&budget).used, 0);
    stop(&f);
}

/* ---- a kernel without memory for what is waited for ---- */

static bool (*system_change)(Poller *, int, unsigned, void *, Err *);
static bool changes_fail;

static bool change(Poller *poller, int fd, unsigned wanted, void *watcher, Err *err)
{
    *err = (Err){ .kind = ERR_IO };
    return !changes_fail && system_change(poller, fd, wanted, watcher, err);
}

static Poller *new_poller(Sockets *of, Err *err)
{
    Poller *poller = sockets_system()->poller_new(of, err);
    assert_non_null(poller);
    system_change = poller->change;
    poller->change = change;
    return poller;
}

static void a_connection_that_cannot_be_paused_ends(void **state)
{
    (void)state;
    Fixture f;
    Budget budget;
    budget_init(&budget, 200000);
    Sockets unsure = *sockets_system();
    unsure.poller_new = new_poller;
    sockets = &unsure;
    must_start(&f, &(ServerSettings){ .budget = &budget });
    RawPeer peer = must_connect(&f);
    raw_peer_send(&peer, STR("POST /echo HTTP/1.1\r\n"));
    changes_fail = true;
    raw_peer_send(&peer, STR("Host: x\r\nContent-Length: 200000\r\n\r\n"));
    assert_true(raw_peer_wait_end(&peer));
    changes_fail = false;
    assert_int_equal(server_counts(f.server).connections_open, 0);
    assert_int_equal(f.handled, 0);
    raw_peer_close(&peer);
    stop(&f);
    assert_int_equal(budget_use(&budget).used, 0);
    sockets = NULL;
}

static void one_exchange(void)
{
    Fixture f;
    Err err = { 0 };
    if (start(&f, &plain, &err)) {
        RawPeer peer = must_connect(&f);
        raw_peer_send(&peer, STR("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
                                 "GET /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
        raw_peer_wait_end(&peer);
        raw_peer_close(&peer);
    } else {
        assert_int_equal(err.kind, ERR_MEMORY);
    }
    stop(&f);
}

static void starved_anywhere_it_neither_leaks_nor_crashes(void **state)
{
    (void)state;
    assert_true(starve_every(one_exchange) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starved_anywhere_it_neither_leaks_nor_crashes),
        cmocka_unit_test(requests_are_answered_or_refused_as_the_table_says),
        cmocka_unit_test(head_has_the_length_but_no_body),
        cmocka_unit_test(pipelined_requests_are_answered_in_order_at_every_split),
        cmocka_unit_test(an_answer_may_come_later_and_the_next_request_waits),
        cmocka_unit_test(a_handler_learns_that_its_peer_has_left),
        cmocka_unit_test(a_request_outlives_its_server),
        cmocka_unit_test(a_large_answer_reaches_a_slow_reader_whole),
        cmocka_unit_test(gzip_bodies_are_inflated_up_to_the_limit),
        cmocka_unit_test(headers_over_the_limit_are_refused_with_431),
        cmocka_unit_test(too_many_connections_and_too_much_memory_are_503),
        cmocka_unit_test(slow_peers_are_not_waited_for),
        cmocka_unit_test(a_steady_body_has_all_the_time_it_needs),
        cmocka_unit_test(a_reader_that_takes_nothing_is_cut),
        cmocka_unit_test(only_known_hosts_and_origins_may_speak),
        cmocka_unit_test(what_browsers_come_to_is_safe_whatever_it_is),
        cmocka_unit_test(a_drain_waits_for_what_is_under_way),
        cmocka_unit_test(a_drain_cuts_at_its_deadline),
        cmocka_unit_test(a_taken_port_says_by_whom),
        cmocka_unit_test(shards_share_a_port_and_nobody_else_does),
        cmocka_unit_test(a_refused_request_without_body_keeps_the_connection),
        cmocka_unit_test(an_answer_that_the_budget_does_not_hold_is_503),
        cmocka_unit_test(a_peer_that_sent_far_ahead_and_broke_off_is_noticed),
        cmocka_unit_test(a_connection_that_cannot_be_paused_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
