/* HTTP/1 under attack: tables of bytes and what the server makes of them, however they are cut; and
 * peers that send ahead, dribble, never end, or never read, on a simulated network and clock. */
#include "net/server.h"

#include "support/sim_peer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

typedef struct Fixture {
    SimNet net;
    Loop *loop;
    Server *server;
    Address address;
    Request *kept; /* by the handler of /later */
    int handled;
} Fixture;

static void echo(void *owner, Request *request)
{
    ((Fixture *)owner)->handled++;
    Answer answer = { .status = 200, .body = request_take_body(request) };
    request_answer(request, &answer);
}

static void hello(void *owner, Request *request)
{
    ((Fixture *)owner)->handled++;
    request_answer_text(request, 200, STR("hello"));
}

static void later(void *owner, Request *request)
{
    Fixture *f = owner;
    f->handled++;
    f->kept = request;
}

static void start(Fixture *f, const ServerLimits *limits)
{
    Err err = { 0 };
    f->kept = NULL;
    f->handled = 0;
    sim_net_init(&f->net, 1, 0);
    f->loop = loop_new(&f->net.clock.base, &f->net.sockets, &err);
    ServerSettings settings = { .loop = f->loop, .endpoint = STR("127.0.0.1:0") };
    if (limits)
        settings.limits = *limits;
    const Route routes[] = { { STR("/echo"), STR("POST"), echo, f, 0 },
                             { STR("/hello"), STR("GET"), hello, f, 0 },
                             { STR("/dir/*"), STR("GET"), hello, f, 0 },
                             { STR("/later"), STR("GET"), later, f, 0 } };
    f->server = server_new(&settings, &err);
    for (size_t i = 0; i < COUNT_OF(routes); i++)
        assert_true(f->server && server_route(f->server, &routes[i], &err));
    assert_true(server_listen(f->server, &err));
    f->address = server_address(f->server);
}

static void stop(Fixture *f)
{
    server_free(f->server);
    loop_free(f->loop);
    assert_int_equal(sim_net_open(&f->net), 0);
}

static SimPeer must_connect(Fixture *f)
{
    SimPeer peer;
    assert_true(sim_peer_connect(&peer, &f->net, f->loop, &f->address));
    return peer;
}

/* ---- the table ---- */

#define POST       "POST /echo HTTP/1.1\r\nHost: x\r\n"
#define CHUNKED    POST "Transfer-Encoding: chunked\r\n\r\n"
#define GET        "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"
#define GET_WITH   "GET /hello HTTP/1.1\r\nHost: x\r\n"
#define FIVE_HEADS "a: b\r\na: b\r\na: b\r\na: b\r\na: b\r\n"
#define TEN_HEADS  FIVE_HEADS FIVE_HEADS
#define SIXTY_FOUR "0123456789012345678901234567890123456789012345678901234567890123"

/* What is behind a bad request must never be served: every such row ends in a GET that would be. */
static const struct {
    const char *bytes, *outcome; /* the final statuses, and how the connection is then */
} rows[] = {
    { GET GET, "200 200 open" },
    /* where a message ends: two lengths, or none that is sound */
    { POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" GET, "400 closed" },
    { POST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n" GET, "400 closed" },
    { POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc" GET, "400 closed" },
    { POST "Content-Length: 3\r\nContent-Length: 5\r\n\r\nabc" GET, "400 closed" },
    { POST "Content-Length: 3, 3\r\n\r\nabc" GET, "400 closed" },
    { POST "Content-Length: -3\r\n\r\nabc" GET, "400 closed" },
    { POST "Content-Length: +3\r\n\r\nabc" GET, "400 closed" },
    { POST "Content-Length: 0x3\r\n\r\nabc" GET, "400 closed" },
    { POST "Content-Length: 3 3\r\n\r\nabc" GET, "400 closed" },
    { POST "Content-Length: 3.0\r\n\r\nabc" GET, "400 closed" },
    { POST "Content-Length:\r\n\r\n" GET, "400 closed" },
    { POST "Content-Length: \t \r\n\r\n" GET, "400 closed" },
    { POST "Content-Length: 18446744073709551616\r\n\r\nabc" GET, "400 closed" },
    { POST "Content-Length: 99999999999999999999999999\r\n\r\nabc" GET, "400 closed" },
    { POST "Content-Length: 18446744073709551615\r\n\r\nabc" GET, "413 closed" },
    { POST "Content-Length: 67108865\r\n\r\nabc" GET, "413 closed" }, /* 64 MiB and one */
    { POST "content-LENGTH:3\r\n\r\nabc" GET, "200 200 open" },
    { POST "Content-Length: 000003\r\n\r\nabc" GET, "200 200 open" },
    { POST "Content-Length : 3\r\n\r\nabc" GET, "400 closed" },
    { POST "Content-Length\t: 3\r\n\r\nabc" GET, "400 closed" },
    { POST " Content-Length: 3\r\n\r\nabc" GET, "400 closed" },
    { "GET /hello HTTP/1.1\r\n Host: x\r\n\r\n" GET, "400 closed" },
    { POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" GET,
      "501 closed" },
    { POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" GET,
      "501 closed" },
    { POST "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" GET,
      "501 closed" },
    { POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" GET, "501 closed" },
    { POST "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" GET, "501 closed" },
    { POST "Transfer-Encoding: identity\r\n\r\n0\r\n\r\n" GET, "501 closed" },
    { POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" GET, "501 closed" },
    { POST "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n" GET, "501 closed" },
    { POST "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n" GET, "501 closed" },
    { POST "Transfer-Encoding:\r\n\r\n0\r\n\r\n" GET, "501 closed" },
    { POST "Transfer-Encoding: \x0b"
           "chunked\r\n\r\n0\r\n\r\n" GET,
      "400 closed" },
    { POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" GET, "400 closed" },
    { POST "Transfer_Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" GET, "200 200 open" },
    { POST "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" GET, "400 closed" },
    { "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" GET, "400 closed" },
    /* chunks */
    { CHUNKED "3\r\nabc\r\n0\r\n\r\n" GET, "200 200 open" },
    { CHUNKED "3\r\nabc\r\n0\r\n\n" GET, "400 closed" },
    { CHUNKED "3\r\nabc\r\n0\n\r\n" GET, "400 closed" },
    { CHUNKED "3\nabc\r\n0\r\n\r\n" GET, "400 closed" },
    { CHUNKED "3\r\nabc\n0\r\n\r\n" GET, "400 closed" },
    { CHUNKED "3\r\nabcd\r\n0\r\n\r\n" GET, "400 closed" },
    { CHUNKED "3\r\nabc0\r\n\r\n" GET, "400 closed" },
    { CHUNKED "-3\r\nabc\r\n0\r\n\r\n" GET, "400 closed" },
    { CHUNKED "0x3\r\nabc\r\n0\r\n\r\n" GET, "400 closed" },
    { CHUNKED " 3\r\nabc\r\n0\r\n\r\n" GET, "400 closed" },
    { CHUNKED "g\r\nabc\r\n0\r\n\r\n" GET, "400 closed" },
    { CHUNKED "\r\nabc\r\n0\r\n\r\n" GET, "400 closed" },
    { CHUNKED ";a=b\r\nabc\r\n0\r\n\r\n" GET, "400 closed" },
    { CHUNKED "10000000000000000\r\nabc\r\n0\r\n\r\n" GET, "400 closed" },
    { CHUNKED "fffffffffffffffff\r\nabc\r\n0\r\n\r\n" GET, "400 closed" },
    { CHUNKED "ffffffffffffffff\r\nabc\r\n0\r\n\r\n" GET, "open" }, /* all body */
    { CHUNKED "3;a=b\r\nabc\r\n0\r\n\r\n" GET, "200 200 open" },
    { CHUNKED "3;a=\"b\"\r\nabc\r\n0\r\n\r\n" GET, "200 200 open" },
    { CHUNKED "3\r\nabc\r\n0;e=f\r\n\r\n" GET, "200 200 open" },
    { CHUNKED "3;a\nabc\r\n0\r\n\r\n" GET, "400 closed" },
    { CHUNKED "3;a\x01\r\nabc\r\n0\r\n\r\n" GET, "400 closed" },
    { CHUNKED "3;a\rb\r\nabc\r\n0\r\n\r\n" GET, "400 closed" },
    { CHUNKED "3;" SIXTY_FOUR SIXTY_FOUR SIXTY_FOUR SIXTY_FOUR "\r\nabc\r\n0\r\n\r\n" GET,
      "400 closed" },
    { CHUNKED "3\r\nabc\r\n0;" SIXTY_FOUR SIXTY_FOUR SIXTY_FOUR SIXTY_FOUR "\r\n\r\n" GET,
      "400 closed" },
    { CHUNKED "0\r\nTrailer: t\r\nHost: y\r\nContent-Length: 9\r\n\r\n" GET, "200 200 open" },
    { CHUNKED "0\r\nTransfer-Encoding: x\r\n\r\n" GET, "501 closed" },
    { CHUNKED "0\r\nTrailer: t\n\r\n" GET, "400 closed" },
    { CHUNKED "0\r\nTrailer: t\r\n folded\r\n\r\n" GET, "400 closed" },
    { CHUNKED "0\r\nTrailer : t\r\n\r\n" GET, "400 closed" },
    { CHUNKED "0\r\nTrailer: \x7f\r\n\r\n" GET, "400 closed" },
    /* lines */
    { "GET /hello HTTP/1.1\nHost: x\r\n\r\n" GET, "400 closed" },
    { "GET /hello HTTP/1.1\r\nHost: x\n\r\n" GET, "400 closed" },
    { "GET /hello HTTP/1.1\r\nHost: x\r\n\n" GET, "400 closed" },
    { "GET /hello HTTP/1.1\r\nHost: x\r\nA: b\rC: d\r\n\r\n" GET, "400 closed" },
    { "GET /hello HTTP/1.1\r\rHost: x\r\n\r\n" GET, "400 closed" },
    { GET_WITH "A: b\r\n c\r\n\r\n" GET, "400 closed" },
    { GET_WITH "A: b\r\n\tc\r\n\r\n" GET, "400 closed" },
    { GET_WITH "A\r\n\r\n" GET, "400 closed" },
    { GET_WITH ": b\r\n\r\n" GET, "400 closed" },
    { GET_WITH "A b: c\r\n\r\n" GET, "400 closed" },
    { GET_WITH "A(: c\r\n\r\n" GET, "400 closed" },
    { GET_WITH "A\x80: c\r\n\r\n" GET, "400 closed" },
    { GET_WITH "A: b\x01\r\n\r\n" GET, "400 closed" },
    { GET_WITH "A: \x7f\r\n\r\n" GET, "400 closed" },
    { GET_WITH "A: b\tc \x80\xff\r\n\r\n" GET, "200 200 open" },
    { "\r\n\r\n" GET GET, "200 200 open" },
    /* the request line */
    { "GET /hello\r\n" GET, "400 closed" }, /* HTTP/0.9 */
    { "GET /hello\r\n\r\n" GET, "400 closed" },
    { "GET /hello HTTP/0.9\r\n\r\n" GET, "400 closed" },
    { "GET /hello HTTP/1.2\r\nHost: x\r\n\r\n" GET, "400 closed" },
    { "GET /hello HTTP/2.0\r\nHost: x\r\n\r\n" GET, "400 closed" },
    { "GET /hello HTTP/11.1\r\nHost: x\r\n\r\n" GET, "400 closed" },
    { "GET /hello HTTPS/1.1\r\nHost: x\r\n\r\n" GET, "400 closed" },
    { "GET /hello http/1.1\r\nHost: x\r\n\r\n" GET, "400 closed" },
    { "get /hello HTTP/1.1\r\nHost: x\r\n\r\n" GET, "400 closed" },
    { "GET\t/hello HTTP/1.1\r\nHost: x\r\n\r\n" GET, "400 closed" },
    { "GET /hel\tlo HTTP/1.1\r\nHost: x\r\n\r\n" GET, "400 closed" },
    { "GET /hel lo HTTP/1.1\r\nHost: x\r\n\r\n" GET, "400 closed" },
    { "GET /hel\x01lo HTTP/1.1\r\nHost: x\r\n\r\n" GET, "400 closed" },
    { " GET /hello HTTP/1.1\r\nHost: x\r\n\r\n" GET, "400 closed" },
    { "GET HTTP/1.1\r\nHost: x\r\n\r\n" GET, "400 closed" },
    { "NONSENSE /hello HTTP/1.1\r\nHost: x\r\n\r\n" GET, "400 closed" },
    { SIXTY_FOUR SIXTY_FOUR " / HTTP/1.1\r\n\r\n" GET, "400 closed" },
    { "CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n" GET, "400 200 open" },
    { "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n" GET, "404 200 open" },
    { "TRACE /hello HTTP/1.1\r\nHost: x\r\n\r\n" GET, "405 200 open" },
    { "PRI / HTTP/1.1\r\nHost: x\r\n\r\n" GET, "closed" },
    { "PRI * HTTP/1.1\r\n\r\nSM\r\n\r\n" GET, "closed" },
    { "\x16\x03\x01\x02\x01\x01\xfc\x03\x03" SIXTY_FOUR, "400 closed" }, /* TLS */
    { "SSH-2.0-OpenSSH_9.2\r\n", "400 closed" },
    { "*1\r\n$4\r\nPING\r\n", "400 closed" },
    /* whom it is meant for */
    { "GET /hello HTTP/1.1\r\n\r\n" GET, "400 closed" },
    { "GET /hello HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n" GET, "400 closed" },
    { "GET /hello HTTP/1.0\r\n\r\n" GET, "200 closed" },
    { "GET http://x/hello HTTP/1.1\r\nHost: x\r\n\r\n" GET, "200 200 open" },
    { "GET HTTP://X/hello HTTP/1.1\r\nHost: x\r\n\r\n" GET, "200 200 open" },
    { "GET http://y/hello HTTP/1.1\r\nHost: x\r\n\r\n" GET, "400 200 open" },
    { "GET http://u@x/hello HTTP/1.1\r\nHost: x\r\n\r\n" GET, "400 200 open" },
    { "GET http:///hello HTTP/1.1\r\nHost: x\r\n\r\n" GET, "400 200 open" },
    { "GET ftp://x/hello HTTP/1.1\r\nHost: x\r\n\r\n" GET, "400 200 open" },
    /* paths are what they are: nothing is decoded or resolved before a route is found */
    { "GET /hello/../hello HTTP/1.1\r\nHost: x\r\n\r\n" GET, "404 200 open" },
    { "GET /..%2fhello HTTP/1.1\r\nHost: x\r\n\r\n" GET, "404 200 open" },
    { "GET /%68ello HTTP/1.1\r\nHost: x\r\n\r\n" GET, "404 200 open" },
    { "GET /hello%00 HTTP/1.1\r\nHost: x\r\n\r\n" GET, "404 200 open" },
    { "GET /%c0%ae%c0%ae/hello HTTP/1.1\r\nHost: x\r\n\r\n" GET, "404 200 open" },
    { "GET //hello HTTP/1.1\r\nHost: x\r\n\r\n" GET, "404 200 open" },
    { "GET /hello/ HTTP/1.1\r\nHost: x\r\n\r\n" GET, "404 200 open" },
    { "GET /dir/../hello HTTP/1.1\r\nHost: x\r\n\r\n" GET, "200 200 open" }, /* of /dir/ */
    { "GET /hello?a=/../%zz HTTP/1.1\r\nHost: x\r\n\r\n" GET, "200 200 open" },
    /* what else HTTP offers */
    { GET_WITH "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
               "HTTP2-Settings: AAMAAABk\r\n\r\n" GET,
      "200 200 open" },
    { GET_WITH "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n" GET, "200 200 open" },
    { POST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc" GET, "200 200 open" },
    { GET_WITH "Expect: 100-continue\r\n\r\n" GET, "200 200 open" },
    { POST "Expect: 100-continue\r\nContent-Length: 0\r\n\r\n" GET, "200 200 open" },
    { "POST /echo HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n", "open" },
    { POST "Expect: 100-continue\r\nContent-Length: 67108865\r\n\r\n", "413 closed" },
    { GET_WITH "Connection: close\r\n\r\n" GET, "200 closed" },
    { GET_WITH TEN_HEADS TEN_HEADS TEN_HEADS "\r\n" GET, "200 200 open" },
};

static void add_outcome(Str got, bool ended, Buf *out)
{
    while (got.len >= 12) {
        if (str_starts(got, STR("HTTP/1.1 ")) && got.ptr[9] != '1') {
            buf_add(out, str_first(str_skip(got, 9), 3));
            buf_add_byte(out, ' ');
        }
        got = str_skip(got, 1);
    }
    buf_add(out, ended ? STR("closed") : STR("open"));
}

/* `step` bytes at a time; 0: cut once, at `split`. */
static void try_row(Fixture *f, size_t i, size_t split, size_t step)
{
    Str bytes = str_from(rows[i].bytes);
    Buf outcome = BUF(4096);
    SimPeer peer = must_connect(f);
    for (size_t at = 0; step > 0 && at < bytes.len; at += step) {
        sim_peer_send(&peer, str_first(str_skip(bytes, at), step));
    }
    if (step == 0) {
        sim_peer_send(&peer, str_first(bytes, split));
        sim_peer_send(&peer, str_skip(bytes, split));
    }
    add_outcome(buf_str(&peer.got), peer.ended, &outcome);
    if (!str_eq(buf_str(&outcome), str_from(rows[i].outcome)))
        fail_msg("%s\nsplit %zu step %zu: expected %s, got %.*s\n%.*s", rows[i].bytes, split, step,
                 rows[i].outcome, STR_ARG(buf_str(&outcome)), STR_ARG(buf_str(&peer.got)));
    sim_peer_close(&peer);
    while (loop_step(f->loop, 0)) {
    }
    buf_free(&outcome);
}

static void every_attack_ends_as_the_table_says_however_it_is_cut(void **state)
{
    (void)state;
    static Fixture f;
    start(&f, NULL);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t len = strlen(rows[i].bytes);
        try_row(&f, i, len, 0);
        for (size_t split = 1; split < len; split++)
            try_row(&f, i, split, 0);
        try_row(&f, i, 0, 1);
    }
    assert_int_equal(server_counts(f.server).requests_in_flight, 0);
    stop(&f);
}

/* ---- 100-continue ---- */

static void only_a_body_that_is_wanted_is_asked_for(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        bool asked;
    } heads[] = {
        { POST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n", true },
        { POST "Expect: 100-Continue\r\nTransfer-Encoding: chunked\r\n\r\n", true },
        { POST "Expect: 100-continue\r\nContent-Length: 0\r\n\r\n", false },
        { GET_WITH "Expect: 100-continue\r\n\r\n", false },
        { "POST /echo HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n", false },
        { POST "Expect: 100-continue\r\nContent-Length: 67108865\r\n\r\n", false },
        { "POST /none HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
          false },
    };
    static Fixture f;
    start(&f, NULL);
    for (size_t i = 0; i < COUNT_OF(heads); i++) {
        SimPeer peer = must_connect(&f);
        sim_peer_send(&peer, str_from(heads[i].head));
        if (sim_peer_has(&peer, "HTTP/1.1 100 Continue\r\n\r\n") != heads[i].asked)
            fail_msg("%s\n%.*s", heads[i].head, STR_ARG(buf_str(&peer.got)));
        sim_peer_close(&peer);
    }
    stop(&f);
}

/* ---- too much ---- */

/* Sends `begin`, then `more` again and again until the server has had enough. Returns how much. */
static size_t pour(Fixture *f, const char *begin, const char *more, const char *expected)
{
    enum { MOST = 96 << 20 };
    size_t poured = 0;
    Buf wave = BUF(65536);
    SimPeer peer = must_connect(f);
    while (wave.len + strlen(more) <= 4096)
        buf_add(&wave, str_from(more));
    sim_peer_send(&peer, str_from(begin));
    while (poured < MOST && peer.got.len == 0 && !peer.ended)
        poured += sim_peer_send(&peer, buf_str(&wave));
    if (!str_starts(buf_str(&peer.got), str_from(expected)))
        fail_msg("%s%s...: expected %s, got %.*s", begin, more, expected,
                 STR_ARG(buf_str(&peer.got)));
    assert_true(sim_peer_wait_end(&peer));
    sim_peer_close(&peer);
    buf_free(&wave);
    return poured;
}

static void what_does_not_end_is_cut_at_its_limit(void **state)
{
    (void)state;
    enum { HEADER = 64 << 10, SLACK = 16 << 10 };
    static const struct {
        const char *begin, *more, *outcome;
        size_t most;
    } pours[] = {
        { "", "\r\n", "HTTP/1.1 414 ", HEADER },
        { "", "G", "HTTP/1.1 400 ", 4096 },
        { "GET /", "a", "HTTP/1.1 414 ", HEADER },
        { "GET /?", "%00", "HTTP/1.1 414 ", HEADER },
        { "GET / HTTP/1.1\r\n", "a: b\r\n", "HTTP/1.1 431 ", HEADER },
        { "GET / HTTP/1.1\r\n", "a:\r\n", "HTTP/1.1 431 ", HEADER },
        { "GET / HTTP/1.1\r\n", "a", "HTTP/1.1 431 ", HEADER },
        { "GET / HTTP/1.1\r\nA:", " ", "HTTP/1.1 431 ", HEADER },
        { "GET / HTTP/1.1\r\nA: ", "a", "HTTP/1.1 431 ", HEADER },
        { CHUNKED, "0", "HTTP/1.1 400 ", 4096 },
        { CHUNKED "1;", "a", "HTTP/1.1 400 ", 4096 },
        { CHUNKED "0\r\n", "a: b\r\n", "HTTP/1.1 431 ", HEADER },
        { CHUNKED "0\r\n", "a", "HTTP/1.1 431 ", HEADER },
    };
    static Fixture f;
    start(&f, NULL);
    for (size_t i = 0; i < COUNT_OF(pours); i++) {
        size_t poured = pour(&f, pours[i].begin, pours[i].more, pours[i].outcome);
        if (poured > pours[i].most + SLACK)
            fail_msg("%s%s: cut after %zu", pours[i].begin, pours[i].more, poured);
    }
    assert_int_equal(server_counts(f.server).refused, COUNT_OF(pours));
    stop(&f);
    start(&f, &(ServerLimits){ .body_bytes = 100000 });
    assert_in_range(pour(&f, CHUNKED, "5\r\nabcde\r\n", "HTTP/1.1 413 "), 200000, 230000);
    assert_in_range(pour(&f, CHUNKED, "1\r\na\r\n", "HTTP/1.1 413 "), 600000, 630000);
    assert_int_equal(f.handled, 0);
    stop(&f);
}

static void little_is_read_ahead_of_an_answer(void **state)
{
    (void)state;
    static Fixture f;
    Buf requests = BUF(1 << 20);
    start(&f, NULL);
    for (int i = 0; i < 10000; i++)
        buf_add(&requests, STR(GET));
    SimPeer peer = must_connect(&f);
    sim_peer_send(&peer, STR("GET /later HTTP/1.1\r\nHost: x\r\n\r\n"));
    size_t sent = sim_peer_send(&peer, buf_str(&requests));
    assert_in_range(sent, 65536, 2 * 65536);
    assert_int_equal(f.handled, 1);
    request_answer_text(f.kept, 200, STR("at last"));
    sim_peer_send(&peer, str_skip(buf_str(&requests), sent));
    assert_int_equal(f.handled, 10001);
    assert_false(peer.ended);
    sim_peer_close(&peer);
    buf_free(&requests);
    stop(&f);
}

/* ---- too slow ---- */

/* Sends `begin`, then `more` once a second. After how many seconds does the server give up? */
static int64_t dribble(Fixture *f, const char *begin, const char *more, const char *expected)
{
    int64_t seconds = 0;
    SimPeer peer = must_connect(f);
    sim_peer_send(&peer, str_from(begin));
    for (; seconds < 1000 && !peer.ended && !(*expected && peer.got.len > 0); seconds++) {
        sim_peer_send(&peer, str_from(more));
        sim_peer_pass(&peer, 1);
    }
    if (!str_starts(buf_str(&peer.got), str_from(expected)))
        fail_msg("%s%s...: expected %s, got %.*s", begin, more, expected,
                 STR_ARG(buf_str(&peer.got)));
    sim_peer_pass(&peer, 2);
    if (!peer.ended)
        fail_msg("%s%s: not closed after %lld s", begin, more, (long long)seconds);
    sim_peer_close(&peer);
    return seconds;
}

static void whoever_dribbles_is_not_waited_for(void **state)
{
    (void)state;
    static const struct {
        const char *begin, *more, *outcome;
        int64_t seconds;
    } slow[] = {
        { "", "", "", 10 },
        { "", "\r\n", "HTTP/1.1 408 ", 10 },
        { "P", "", "", 10 },
        { "PRI ", "", "", 10 },
        { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "", "", 10 },
        { "GET /", "a", "HTTP/1.1 408 ", 10 },
        { "GET / HTTP/1.1\r\n", "a: b\r\n", "HTTP/1.1 408 ", 10 },
        { POST "Content-Length: 9999\r\n\r\n", "a", "HTTP/1.1 408 ", 30 },
        { CHUNKED, "1\r\na\r\n", "HTTP/1.1 408 ", 30 },
        { CHUNKED "1", ";a", "HTTP/1.1 408 ", 30 },
        { CHUNKED "0\r\n", "a: b\r\n", "HTTP/1.1 408 ", 30 },
    };
    static Fixture f;
    start(&f, NULL);
    for (size_t i = 0; i < COUNT_OF(slow); i++) {
        int64_t seconds = dribble(&f, slow[i].begin, slow[i].more, slow[i].outcome);
        if (seconds < slow[i].seconds || seconds > slow[i].seconds + 2)
            fail_msg("%s%s: given up after %lld s", slow[i].begin, slow[i].more,
                     (long long)seconds);
    }
    assert_int_equal(server_counts(f.server).connections_open, 0);
    stop(&f);
}

static void a_reader_that_takes_nothing_is_cut_after_30_s(void **state)
{
    (void)state;
    static Fixture f;
    start(&f, NULL);
    SimPeer peer = must_connect(&f);
    sim_peer_send(&peer, STR("GET /later HTTP/1.1\r\nHost: x\r\n\r\n"));
    Answer answer = { .status = 200, .body = BUF(1 << 20) };
    assert_non_null(buf_reserve(&answer.body, 100000));
    memset(answer.body.ptr, 'x', 100000);
    answer.body.len = 100000;
    peer.deaf = true;
    request_answer(f.kept, &answer);
    sim_peer_pass(&peer, 29);
    assert_int_equal(server_counts(f.server).connections_open, 1);
    sim_peer_pass(&peer, 2);
    assert_int_equal(server_counts(f.server).connections_open, 0);
    assert_int_equal(server_counts(f.server).requests_in_flight, 0);
    sim_peer_close(&peer);
    stop(&f);
}

static void read_bytes(Fixture *f, SimPeer *peer, size_t size)
{
    char bytes[1000];
    while (size > 0) {
        ssize_t n = f->net.sockets.read(&f->net.sockets, peer->fd, bytes,
                                        size < sizeof bytes ? size : sizeof bytes);
        if (n <= 0 && n != -EAGAIN)
            return;
        size -= n > 0 ? (size_t)n : 0;
        sim_peer_send(peer, STR("")); /* more of it comes */
    }
}

/* Reads `first` bytes of an answer of 100000, then `rate` a second. How long does the connection
 * last? */
static int64_t read_slowly(Fixture *f, size_t first, size_t rate, int64_t most)
{
    int64_t seconds = 0;
    SimPeer peer = must_connect(f);
    sim_peer_send(&peer, STR("GET /later HTTP/1.1\r\nHost: x\r\n\r\n"));
    Answer answer = { .status = 200, .body = BUF(1 << 20) };
    assert_non_null(buf_reserve(&answer.body, 100000));
    memset(answer.body.ptr, 'x', 100000);
    answer.body.len = 100000;
    peer.deaf = true;
    request_answer(f->kept, &answer);
    read_bytes(f, &peer, first);
    for (; seconds < most && server_counts(f->server).connections_open > 0; seconds++) {
        read_bytes(f, &peer, rate);
        sim_peer_pass(&peer, 1);
    }
    sim_peer_close(&peer);
    return seconds;
}

static void a_reader_of_a_byte_a_second_is_cut_too(void **state)
{
    (void)state;
    static Fixture f;
    start(&f, NULL);
    assert_in_range(read_slowly(&f, 0, 1, 200), 30, 32);
    assert_in_range(read_slowly(&f, 0, 250, 200), 58, 64);   /* half of what it must */
    assert_in_range(read_slowly(&f, 50000, 1, 200), 30, 32); /* nobody saves up */
    assert_int_equal(server_counts(f.server).requests_in_flight, 0);
    stop(&f);
}

static void a_steady_reader_has_all_the_time_it_needs(void **state)
{
    (void)state;
    static Fixture f;
    start(&f, NULL);
    assert_int_equal(read_slowly(&f, 0, 600, 140), 140); /* 84000 bytes */
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_attack_ends_as_the_table_says_however_it_is_cut),
        cmocka_unit_test(only_a_body_that_is_wanted_is_asked_for),
        cmocka_unit_test(what_does_not_end_is_cut_at_its_limit),
        cmocka_unit_test(little_is_read_ahead_of_an_answer),
        cmocka_unit_test(whoever_dribbles_is_not_waited_for),
        cmocka_unit_test(a_reader_that_takes_nothing_is_cut_after_30_s),
        cmocka_unit_test(a_reader_of_a_byte_a_second_is_cut_too),
        cmocka_unit_test(a_steady_reader_has_all_the_time_it_needs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
