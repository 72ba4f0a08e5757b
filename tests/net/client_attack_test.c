/* Clients against hostile servers: tables of what comes back and what the caller is told, however
 * it is cut. Every row is followed by a good exchange of the same client. Simulated network and
 * clock.
 */
#include "net/grpc_client.h"
#include "net/http_client.h"

#include "codec/gzip.h"
#include "support/h2_frames.h"
#include "support/sim_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { MIB = 1 << 20, LIMIT = 4 * MIB, SLACK = 256 << 10 };

typedef struct Fixture {
    SimNet net;
    Loop *loop;
    HttpClient *http;
    GrpcClient *grpc;
    int listener;
} Fixture;

typedef struct Outcome {
    int calls, status; /* of gRPC its code */
    ErrKind kind;
    char error[256], body[64];
} Outcome;

static void keep_text(Outcome *outcome, Str body, const Err *err)
{
    outcome->calls++;
    outcome->kind = err ? err->kind : ERR_NONE;
    snprintf(outcome->error, sizeof outcome->error, "%s", err ? err->text : "");
    snprintf(outcome->body, sizeof outcome->body, "%.*s", STR_ARG(str_first(body, 60)));
}

static void http_done(void *owner, HttpResponse *response, const Err *err)
{
    keep_text(owner, response->body, err);
    ((Outcome *)owner)->status = response->status;
}

static void grpc_done(void *owner, GrpcReply *reply, const Err *err)
{
    keep_text(owner, reply->message, err);
    ((Outcome *)owner)->status = (int)reply->code;
}

static void start(Fixture *f)
{
    Err err = { 0 };
    Address address;
    char text[ADDRESS_TEXT_SIZE], url[128];
    sim_net_init(&f->net, 1, 0);
    f->loop = loop_new(&f->net.clock.base, &f->net.sockets, &err);
    f->listener = sim_peer_listen(&f->net, &address);
    assert_true(f->loop && f->listener > 0);
    snprintf(url, sizeof url, "http://%s", address_text(&address, text));
    HttpClientSettings http = { .loop = f->loop, .url = str_from(url), .connections = 1 };
    GrpcClientSettings grpc = { .loop = f->loop, .endpoint = str_from(url) };
    f->http = http_client_new(&http, &err);
    f->grpc = grpc_client_new(&grpc, &err);
    assert_true(f->http && f->grpc);
}

static void stop(Fixture *f)
{
    http_client_free(f->http);
    grpc_client_free(f->grpc);
    f->net.sockets.close(&f->net.sockets, f->listener);
    loop_free(f->loop);
    assert_int_equal(sim_net_open(&f->net), 0);
}

static void must_accept(Fixture *f, SimPeer *peer)
{
    assert_true(sim_peer_accept(peer, &f->net, f->loop, f->listener));
}

/* Waits for the outcome, lets the connection go, and checks what was told. */
static void settle_outcome(SimPeer *peer, const Outcome *outcome)
{
    for (int i = 0; i < 20 && !outcome->calls; i++)
        sim_peer_pass(peer, 1);
    sim_peer_close(peer);
    while (loop_step(peer->loop, 0)) {
    }
    assert_int_equal(outcome->calls, 1);
}

static void expect(const char *name, const Outcome *outcome, ErrKind kind, int status)
{
    if (outcome->kind != kind || (kind == ERR_NONE && outcome->status != status))
        fail_msg("%s: expected %s %d, got %s %d: %s%s", name, err_kind_name(kind), status,
                 err_kind_name(outcome->kind), outcome->status, outcome->error, outcome->body);
}

/* ---- HTTP ---- */

static SimPeer begin_http(Fixture *f, const char *method, Outcome *outcome)
{
    Err err = { 0 };
    SimPeer peer;
    HttpCall call = {
        .method = str_from(method), .target = STR("/"), .done = http_done, .owner = outcome
    };
    *outcome = (Outcome){ 0 };
    assert_true(http_client_send(f->http, &call, &err));
    must_accept(f, &peer);
    assert_true(sim_peer_wait(&peer, "\r\n\r\n"));
    return peer;
}

static void good_http(Fixture *f)
{
    Outcome outcome;
    SimPeer peer = begin_http(f, "POST", &outcome);
    sim_peer_send(&peer,
                  STR("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\ngood"));
    settle_outcome(&peer, &outcome);
    expect("the next call", &outcome, ERR_NONE, 200);
    assert_string_equal(outcome.body, "good");
}

#define OK_     "HTTP/1.1 200 OK\r\n"
#define EARLY   "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
#define EARLY_4 EARLY EARLY EARLY EARLY
#define END     "\r\n\r\n"

static const struct {
    const char *bytes; /* then the server closes */
    ErrKind kind;
    int status;
} http_rows[] = {
    { OK_ "Content-Length: 2\r\n\r\nab", ERR_NONE, 200 },
    { OK_ "Content-Length: 3\r\n\r\nab", ERR_CLOSED, 0 },
    { OK_ "Content-Length: 1\r\n\r\nabHTTP/1.1 500 No" END, ERR_NONE, 200 },
    { OK_ "Content-Length: 2\r\nContent-Length: 2\r\n\r\nab", ERR_INPUT, 0 },
    { OK_ "Content-Length: -2\r\n\r\nab", ERR_INPUT, 0 },
    { OK_ "Content-Length:\r\n\r\nab", ERR_INPUT, 0 },
    { OK_ "Content-Length: 99999999999999999999\r\n\r\nab", ERR_INPUT, 0 },
    { OK_ "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0" END, ERR_INPUT, 0 },
    { OK_ "Transfer-Encoding: gzip\r\n\r\n0" END, ERR_UNSUPPORTED, 0 },
    { OK_ "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", ERR_NONE, 200 },
    { OK_ "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n", ERR_CLOSED, 0 },
    { OK_ "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\n", ERR_INPUT, 0 },
    { OK_ "Transfer-Encoding: chunked\r\n\r\n2\nab\r\n0\r\n\r\n", ERR_INPUT, 0 },
    { OK_ "Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n", ERR_INPUT, 0 },
    { OK_ "Transfer-Encoding: chunked\r\n\r\nnonsense", ERR_INPUT, 0 },
    { OK_ "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\nab", ERR_INPUT, 0 },
    { OK_ "A: b\r\n c" END, ERR_INPUT, 0 },
    { OK_ "A: b\nC: d" END, ERR_INPUT, 0 },
    { OK_ "A : b" END, ERR_INPUT, 0 },
    { OK_ "A: \x01" END, ERR_INPUT, 0 },
    { OK_ "nonsense" END, ERR_INPUT, 0 },
    { "HTTP/1.1 2x0 OK" END, ERR_INPUT, 0 },
    { "HTTP/1.1 20 OK" END, ERR_INPUT, 0 },
    { "HTTP/1.1 2000 OK" END, ERR_INPUT, 0 },
    { "HTTP/2.0 200 OK" END, ERR_INPUT, 0 },
    { "HTTP/0.9 200 OK" END, ERR_INPUT, 0 },
    { "ICY 200 OK" END, ERR_INPUT, 0 },
    { "hello", ERR_INPUT, 0 },
    { "\x15\x03\x01\x01\x02\x02\x16", ERR_INPUT, 0 }, /* a TLS alert */
    { "HTTP/1.1 204 No Content\r\n\r\nbody", ERR_NONE, 204 },
    { "HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n", ERR_NONE, 304 },
    { "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\nab", ERR_NONE,
      101 },
    { EARLY OK_ "Content-Length: 2\r\n\r\nab", ERR_NONE, 200 },
    { EARLY_4 EARLY_4 EARLY_4 EARLY_4 OK_ "Content-Length: 2\r\n\r\nab", ERR_NONE, 200 },
    { EARLY_4 EARLY_4 EARLY_4 EARLY_4 EARLY OK_ "Content-Length: 2\r\n\r\nab", ERR_INPUT, 0 },
    { EARLY, ERR_CLOSED, 0 },
    { "HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n" OK_ "\r\nab", ERR_NONE, 200 },
    { OK_ "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nab", ERR_INPUT, 0 },
    { OK_ "Content-Encoding: none\r\nContent-Length: 2\r\n\r\nab", ERR_INPUT, 0 },
    { OK_ "Content-Encoding: gzip\r\nContent-Length: 0\r\n\r\n", ERR_NONE, 200 },
    { OK_ "\r\nto the end", ERR_NONE, 200 },
    { "", ERR_CLOSED, 0 },
};

static void try_http(Fixture *f, size_t i, size_t split)
{
    Outcome outcome;
    Str bytes = str_from(http_rows[i].bytes);
    SimPeer peer = begin_http(f, "POST", &outcome);
    sim_peer_send(&peer, str_first(bytes, split));
    sim_peer_send(&peer, str_skip(bytes, split));
    f->net.sockets.shutdown_write(&f->net.sockets, peer.fd);
    settle_outcome(&peer, &outcome);
    expect(http_rows[i].bytes, &outcome, http_rows[i].kind, http_rows[i].status);
}

static void every_http_answer_means_what_the_table_says_however_it_is_cut(void **state)
{
    (void)state;
    static Fixture f;
    start(&f);
    for (size_t i = 0; i < COUNT_OF(http_rows); i++) {
        for (size_t split = 0; split <= strlen(http_rows[i].bytes); split++)
            try_http(&f, i, split);
        good_http(&f);
    }
    stop(&f);
}

static void an_early_hint_before_the_answer_to_head_promises_no_body(void **state)
{
    (void)state;
    static Fixture f;
    Outcome outcome;
    start(&f);
    SimPeer peer = begin_http(&f, "HEAD", &outcome);
    sim_peer_send(&peer, STR(EARLY OK_ "Content-Length: 5\r\n\r\n"));
    assert_int_equal(outcome.calls, 1);
    settle_outcome(&peer, &outcome);
    expect("HEAD", &outcome, ERR_NONE, 200);
    stop(&f);
}

static void what_does_not_end_is_cut_at_its_limit(void **state)
{
    (void)state;
    static const struct {
        const char *begin, *more;
        ErrKind kind;
        size_t most;
    } pours[] = {
        { "HTTP/1.1 500 No\r\nContent-Length: 1073741824\r\n\r\n", "x", ERR_LIMIT, LIMIT },
        { "HTTP/1.1 503 No\r\n\r\n", "x", ERR_LIMIT, LIMIT },
        { OK_ "Transfer-Encoding: chunked\r\n\r\n", "10\r\n0123456789abcdef\r\n", ERR_LIMIT,
          2 * LIMIT },
        { OK_ "Transfer-Encoding: chunked\r\n\r\n1;", "x", ERR_INPUT, 0 },
        { OK_ "Transfer-Encoding: chunked\r\n\r\n0\r\n", "a: b\r\n", ERR_LIMIT, 0 },
        { OK_, "a: b\r\n", ERR_LIMIT, 0 },
        { OK_ "a: ", "b", ERR_LIMIT, 0 },
        { "HTTP/1.1 200 ", "O", ERR_LIMIT, 0 },
        { "", "\r\n", ERR_LIMIT, 0 },
        { "", EARLY, ERR_INPUT, 0 },
    };
    static Fixture f;
    start(&f);
    for (size_t i = 0; i < COUNT_OF(pours); i++) {
        Outcome outcome;
        size_t poured = 0;
        Buf wave = BUF(65536);
        SimPeer peer = begin_http(&f, "POST", &outcome);
        while (wave.len + strlen(pours[i].more) <= 8192)
            buf_add(&wave, str_from(pours[i].more));
        sim_peer_send(&peer, str_from(pours[i].begin));
        while (!outcome.calls && !peer.ended && poured < 64 * MIB)
            poured += sim_peer_send(&peer, buf_str(&wave));
        if (poured > pours[i].most + SLACK)
            fail_msg("%s%s: cut after %zu", pours[i].begin, pours[i].more, poured);
        settle_outcome(&peer, &outcome);
        expect(pours[i].begin, &outcome, pours[i].kind, 0);
        good_http(&f);
        buf_free(&wave);
    }
    stop(&f);
}

static void pack(size_t plain_size, Buf *packed)
{
    Err err = { 0 };
    Buf plain = BUF(64 * MIB);
    char *room = buf_reserve(&plain, plain_size);
    assert_non_null(room);
    memset(room, 'a', plain_size);
    plain.len = plain_size;
    assert_true(gzip_compress(buf_str(&plain), GZIP_FORMAT, packed, &err));
    buf_free(&plain);
}

static void an_answer_that_inflates_beyond_its_limit_is_an_error(void **state)
{
    (void)state;
    static Fixture f;
    start(&f);
    for (size_t over = 0; over < 2; over++) {
        Outcome outcome;
        Buf packed = BUF(MIB), head = BUF(4096);
        pack(LIMIT + over, &packed);
        buf_addf(&head,
                 OK_ "Connection: close\r\nContent-Encoding: gzip\r\nContent-Length: %zu" END,
                 packed.len);
        SimPeer peer = begin_http(&f, "POST", &outcome);
        sim_peer_send(&peer, buf_str(&head));
        sim_peer_send(&peer, buf_str(&packed));
        settle_outcome(&peer, &outcome);
        expect("gzip", &outcome, over ? ERR_LIMIT : ERR_NONE, 200);
        buf_free(&packed);
        buf_free(&head);
    }
    good_http(&f);
    stop(&f);
}

/* Seconds until the caller is told; `more` comes every second. */
static int64_t dribble(SimPeer *peer, const char *begin, Str more, const Outcome *outcome)
{
    int64_t seconds = 0;
    sim_peer_send(peer, str_from(begin));
    for (; seconds < 100 && !outcome->calls; seconds++) {
        sim_peer_send(peer, more);
        sim_peer_pass(peer, 1);
    }
    return seconds;
}

static void a_server_that_dribbles_is_not_waited_for(void **state)
{
    (void)state;
    static const char *const begins[] = { "", "HTTP/1.1 200 ",
                                          OK_ "A: ", OK_ "Content-Length: 1000\r\n\r\n",
                                          OK_ "\r\n" };
    static Fixture f;
    start(&f);
    for (size_t i = 0; i < COUNT_OF(begins); i++) {
        Outcome outcome;
        SimPeer peer = begin_http(&f, "POST", &outcome);
        assert_in_range(dribble(&peer, begins[i], i ? STR("x") : STR(""), &outcome), 10, 11);
        settle_outcome(&peer, &outcome);
        expect(begins[i], &outcome, ERR_TIMEOUT, 0);
        good_http(&f);
    }
    stop(&f);
}

/* ---- gRPC ---- */

#define H200           \
    "\x88\0\xc"        \
    "content-type\x10" \
    "application/grpc"
#define STATUS0     \
    "\0\xb"         \
    "grpc-status\1" \
    "0"
#define REPLY "\0\0\0\0\4good"

enum { ROW_FRAMES = 5, HEAD = H2_END_HEADERS, LAST = H2_END_HEADERS | H2_END_STREAM };

typedef struct RowFrame {
    H2Frame head;
    Str payload;
} RowFrame;

#define FRAME(t, f, i, b)       \
    {                           \
        { t, f, i }, STR_ROW(b) \
    }
#define HEAD1 FRAME(H2_HEADERS, HEAD, 1, H200)
#define DATA1 FRAME(H2_DATA, 0, 1, REPLY)
#define LAST1 FRAME(H2_HEADERS, LAST, 1, STATUS0)

static const struct {
    const char *name;
    RowFrame frames[ROW_FRAMES]; /* behind the settings */
    ErrKind kind;
    int status;
} grpc_rows[] = {
    { "good", { HEAD1, DATA1, LAST1 }, ERR_NONE, GRPC_OK },
    { "no status in HTTP", { FRAME(H2_HEADERS, LAST, 1, STATUS0) }, ERR_IO, 0 },
    { "no status of gRPC", { HEAD1, FRAME(H2_DATA, H2_END_STREAM, 1, REPLY) }, ERR_INPUT, 0 },
    { "a status that is no number",
      { FRAME(H2_HEADERS, LAST, 1,
              H200 "\0\xb"
                   "grpc-status\1"
                   "x") },
      ERR_NONE,
      GRPC_UNKNOWN },
    { "a status beyond all",
      { FRAME(H2_HEADERS, LAST, 1,
              H200 "\0\xb"
                   "grpc-status\2"
                   "99") },
      ERR_NONE,
      GRPC_UNKNOWN },
    { "trailers only",
      { FRAME(H2_HEADERS, LAST, 1,
              H200 "\0\xb"
                   "grpc-status\1"
                   "8") },
      ERR_NONE,
      GRPC_RESOURCE_EXHAUSTED },
    { "a push before our settings are acknowledged",
      { HEAD1, FRAME(H2_PUSH_PROMISE, 4, 1, "\0\0\0\2" H2_GET), DATA1, LAST1 },
      ERR_NONE,
      GRPC_OK },
    { "a push",
      { FRAME(H2_SETTINGS, H2_ACK, 0, ""), HEAD1, FRAME(H2_PUSH_PROMISE, 4, 1, "\0\0\0\2" H2_GET),
        DATA1, LAST1 },
      ERR_CLOSED,
      0 },
    { "an answer to stream 3", { FRAME(H2_HEADERS, HEAD, 3, H200) }, ERR_CLOSED, 0 },
    { "an answer to stream 2", { FRAME(H2_HEADERS, HEAD, 2, H200) }, ERR_CLOSED, 0 },
    { "an answer to stream 0", { FRAME(H2_HEADERS, HEAD, 0, H200) }, ERR_CLOSED, 0 },
    { "data of stream 3", { FRAME(H2_DATA, 0, 3, REPLY) }, ERR_CLOSED, 0 },
    { "data before the header", { DATA1 }, ERR_CLOSED, 0 },
    { "a reset at once", { FRAME(H2_RST_STREAM, 0, 1, "\0\0\0\2") }, ERR_IO, 0 },
    { "a reset in the middle",
      { HEAD1, DATA1, FRAME(H2_RST_STREAM, 0, 1, "\0\0\0\x8") },
      ERR_IO,
      0 },
    { "refused", { FRAME(H2_RST_STREAM, 0, 1, "\0\0\0\7") }, ERR_CLOSED, 0 },
    { "more than the length",
      { FRAME(H2_HEADERS, HEAD, 1,
              H200 "\0\xe"
                   "content-length\1"
                   "5"),
        DATA1, LAST1 },
      ERR_IO,
      0 },
    { "less than the length",
      { FRAME(H2_HEADERS, HEAD, 1,
              H200 "\0\xe"
                   "content-length\2"
                   "50"),
        DATA1, LAST1 },
      ERR_IO,
      0 },
    { "a status twice", { FRAME(H2_HEADERS, HEAD, 1, "\x88" H200), DATA1, LAST1 }, ERR_IO, 0 },
    { "a field in upper case",
      { FRAME(H2_HEADERS, HEAD, 1, H200 "\0\1A\1b"), DATA1, LAST1 },
      ERR_IO,
      0 },
    { "goaway before us", { FRAME(H2_GOAWAY, 0, 0, "\0\0\0\0\0\0\0\0") }, ERR_CLOSED, 0 },
    { "goaway behind us",
      { FRAME(H2_GOAWAY, 0, 0, "\0\0\0\1\0\0\0\0"), HEAD1, DATA1, LAST1 },
      ERR_NONE,
      GRPC_OK },
    { "goaway twice",
      { FRAME(H2_GOAWAY, 0, 0, "\0\0\0\1\0\0\0\0"), FRAME(H2_GOAWAY, 0, 0, "\0\0\0\0\0\0\0\0") },
      ERR_CLOSED,
      0 },
    { "goaway that grows",
      { FRAME(H2_GOAWAY, 0, 0, "\0\0\0\1\0\0\0\0"), FRAME(H2_GOAWAY, 0, 0, "\0\0\0\3\0\0\0\0") },
      ERR_CLOSED,
      0 },
    { "a setting of push", { FRAME(H2_SETTINGS, 0, 0, "\0\2\0\0\0\1") }, ERR_CLOSED, 0 },
    { "a setting cut short", { FRAME(H2_SETTINGS, 0, 0, "\0\2\0\0\0") }, ERR_CLOSED, 0 },
    { "no streams at all",
      { FRAME(H2_SETTINGS, 0, 0, "\0\3\0\0\0\0"), HEAD1, DATA1, LAST1 },
      ERR_NONE,
      GRPC_OK },
    { "an update by 0", { FRAME(H2_WINDOW_UPDATE, 0, 0, "\0\0\0\0") }, ERR_CLOSED, 0 },
    { "index 0", { FRAME(H2_HEADERS, HEAD, 1, "\x80") }, ERR_CLOSED, 0 },
    { "half a header", { FRAME(H2_HEADERS, HEAD, 1, "\x88\0\5ab") }, ERR_CLOSED, 0 },
    { "an unknown frame", { FRAME(0x42, 0, 1, "abc"), HEAD1, DATA1, LAST1 }, ERR_NONE, GRPC_OK },
    { "early hints",
      { FRAME(H2_HEADERS, HEAD, 1,
              "\x8\3"
              "103"),
        HEAD1, DATA1, LAST1 },
      ERR_NONE,
      GRPC_OK },
    { "two messages", { HEAD1, DATA1, DATA1, LAST1 }, ERR_INPUT, 0 },
    { "half a message", { HEAD1, FRAME(H2_DATA, 0, 1, "\0\0\0\0\5good"), LAST1 }, ERR_INPUT, 0 },
    { "half a prefix", { HEAD1, FRAME(H2_DATA, 0, 1, "\0\0\0"), LAST1 }, ERR_INPUT, 0 },
    { "no message", { HEAD1, LAST1 }, ERR_INPUT, 0 },
    { "a message of 4 GiB",
      { HEAD1, FRAME(H2_DATA, 0, 1, "\0\xff\xff\xff\xffgood"), LAST1 },
      ERR_INPUT,
      0 },
    { "compressed by nothing",
      { HEAD1, FRAME(H2_DATA, 0, 1, "\1\0\0\0\4good"), LAST1 },
      ERR_INPUT,
      0 },
    { "an unknown flag", { HEAD1, FRAME(H2_DATA, 0, 1, "\2\0\0\0\4good"), LAST1 }, ERR_INPUT, 0 },
    { "an error page",
      { FRAME(H2_HEADERS, HEAD, 1,
              "\x8\3"
              "502"),
        FRAME(H2_DATA, H2_END_STREAM, 1, "<html>") },
      ERR_NONE,
      GRPC_UNAVAILABLE },
};

static SimPeer begin_grpc(Fixture *f, Outcome *outcome)
{
    Err err = { 0 };
    SimPeer peer;
    Buf settings = BUF(64);
    GrpcCall call = { .path = STR("/a/b"), .done = grpc_done, .owner = outcome };
    *outcome = (Outcome){ 0 };
    assert_true(grpc_client_call(f->grpc, &call, &err));
    must_accept(f, &peer);
    assert_true(sim_peer_wait(&peer, "PRI * HTTP/2.0"));
    h2_add(&settings, (H2Frame){ H2_SETTINGS, 0, 0 }, STR(""));
    sim_peer_send(&peer, buf_str(&settings));
    buf_free(&settings);
    return peer;
}

static void try_grpc(Fixture *f, size_t i, size_t step)
{
    Outcome outcome;
    Buf bytes = BUF(65536);
    const RowFrame *frames = grpc_rows[i].frames;
    for (size_t k = 0; k < ROW_FRAMES && frames[k].head.type + frames[k].payload.len > 0; k++)
        h2_add(&bytes, frames[k].head, frames[k].payload);
    SimPeer peer = begin_grpc(f, &outcome);
    for (size_t at = 0; at < bytes.len; at += step)
        sim_peer_send(&peer, str_first(str_skip(buf_str(&bytes), at), step));
    settle_outcome(&peer, &outcome);
    expect(grpc_rows[i].name, &outcome, grpc_rows[i].kind, grpc_rows[i].status);
    buf_free(&bytes);
}

static void every_grpc_answer_means_what_the_table_says(void **state)
{
    (void)state;
    static Fixture f;
    start(&f);
    for (size_t i = 0; i < COUNT_OF(grpc_rows); i++) {
        static const size_t steps[] = { 1 << 20, 1, 2, 3, 5, 7, 11, 17 };
        for (size_t k = 0; k < COUNT_OF(steps); k++)
            try_grpc(&f, i, steps[k]);
        try_grpc(&f, 0, 1 << 20); /* the next call */
    }
    stop(&f);
}

typedef struct Pour {
    const char *name;
    RowFrame frames[2], more;
    ErrKind kind;
    size_t most;
} Pour;

static const char zeroes[16384];

static void add_frames(Buf *out, const RowFrame *frames, size_t count)
{
    for (size_t i = 0; i < count && frames[i].head.type + frames[i].payload.len > 0; i++)
        h2_add(out, frames[i].head, frames[i].payload);
}

static void a_flood_ends_the_call_and_the_next_one_works(void **state)
{
    (void)state;
    static const Pour pours[] = {
        { "data", { HEAD1 }, { { H2_DATA, 0, 1 }, { zeroes, sizeof zeroes } }, ERR_LIMIT, LIMIT },
        { "empty data", { HEAD1 }, FRAME(H2_DATA, 0, 1, ""), ERR_CLOSED, 0 },
        { "ping", { HEAD1 }, FRAME(H2_PING, 0, 0, "12345678"), ERR_CLOSED, 0 },
        { "settings", { HEAD1 }, FRAME(H2_SETTINGS, 0, 0, ""), ERR_CLOSED, 0 },
        { "priority", { HEAD1 }, FRAME(H2_PRIORITY, 0, 1, "\0\0\0\0\1"), ERR_CLOSED, 0 },
        { "goaway", { HEAD1 }, FRAME(H2_GOAWAY, 0, 0, "\0\0\0\1\0\0\0\0"), ERR_CLOSED, 0 },
        { "window update", { HEAD1 }, FRAME(H2_WINDOW_UPDATE, 0, 0, "\0\0\0\1"), ERR_CLOSED, 0 },
        { "continuation",
          { FRAME(H2_HEADERS, 0, 1, H200) },
          FRAME(H2_CONTINUATION, 0, 1, "\0\1a\1b"),
          ERR_CLOSED,
          0 },
        { "early hints",
          { { { 0 }, { 0 } } },
          FRAME(H2_HEADERS, HEAD, 1,
                "\x8\3"
                "103"),
          ERR_INPUT,
          0 },
    };
    static Fixture f;
    start(&f);
    for (size_t i = 0; i < COUNT_OF(pours); i++) {
        Outcome outcome;
        size_t poured = 0;
        Buf begin = BUF(65536), wave = BUF(65536);
        SimPeer peer = begin_grpc(&f, &outcome);
        add_frames(&begin, pours[i].frames, 2);
        while (wave.len < 8192)
            h2_add(&wave, pours[i].more.head, pours[i].more.payload);
        sim_peer_send(&peer, buf_str(&begin));
        while (!outcome.calls && !peer.ended && poured < 16 * MIB)
            poured += sim_peer_send(&peer, buf_str(&wave));
        if (poured > pours[i].most + SLACK)
            fail_msg("%s: cut after %zu", pours[i].name, poured);
        settle_outcome(&peer, &outcome);
        expect(pours[i].name, &outcome, pours[i].kind, 0);
        try_grpc(&f, 0, 1 << 20);
        buf_free(&begin);
        buf_free(&wave);
    }
    stop(&f);
}

static void grpc_headers_and_inflated_messages_are_bounded(void **state)
{
    (void)state;
    static Fixture f;
    Buf bytes = BUF(MIB), packed = BUF(MIB), block = BUF(MIB);
    start(&f);
    for (int bomb = 0; bomb < 2; bomb++) {
        Outcome outcome;
        buf_clear(&bytes);
        buf_clear(&block);
        buf_add(&block, STR(H200 "\x40\1a\x7f\xa1\x1e"));
        buf_add(&block, (Str){ zeroes, 0 });
        for (int i = 0; i < 4000; i++)
            buf_add_byte(&block, 'b');
        for (int i = 0; i < (bomb ? 10000 : 30); i++)
            buf_add(&block, STR("\xbe"));
        h2_add(&bytes, (H2Frame){ H2_HEADERS, LAST, 1 }, buf_str(&block));
        SimPeer peer = begin_grpc(&f, &outcome);
        sim_peer_send(&peer, buf_str(&bytes));
        settle_outcome(&peer, &outcome);
        expect("a large header", &outcome, ERR_LIMIT, 0);
        try_grpc(&f, 0, 1 << 20);
    }
    Outcome outcome;
    pack(LIMIT + 1, &packed);
    buf_clear(&bytes);
    buf_clear(&block);
    h2_add(&bytes, (H2Frame){ H2_HEADERS, HEAD, 1 },
           STR(H200 "\0\xd"
                    "grpc-encoding\4gzip"));
    char prefix[5] = { 1, 0, 0, (char)(packed.len >> 8), (char)packed.len };
    buf_add(&block, (Str){ prefix, sizeof prefix });
    buf_add(&block, buf_str(&packed));
    h2_add(&bytes, (H2Frame){ H2_DATA, 0, 1 }, buf_str(&block));
    h2_add(&bytes, (H2Frame){ H2_HEADERS, LAST, 1 }, STR(STATUS0));
    SimPeer peer = begin_grpc(&f, &outcome);
    sim_peer_send(&peer, buf_str(&bytes));
    settle_outcome(&peer, &outcome);
    expect("a bomb", &outcome, ERR_LIMIT, 0);
    try_grpc(&f, 0, 1 << 20);
    buf_free(&bytes);
    buf_free(&packed);
    buf_free(&block);
    stop(&f);
}

static void a_grpc_server_that_dribbles_is_not_waited_for(void **state)
{
    (void)state;
    static Fixture f;
    Outcome outcome;
    Buf ping = BUF(64);
    start(&f);
    h2_add(&ping, (H2Frame){ H2_PING, 0, 0 }, STR("12345678"));
    SimPeer peer = begin_grpc(&f, &outcome);
    assert_in_range(dribble(&peer, "", buf_str(&ping), &outcome), 10, 11);
    settle_outcome(&peer, &outcome);
    expect("pings alone", &outcome, ERR_TIMEOUT, 0);
    try_grpc(&f, 0, 1 << 20);
    buf_free(&ping);
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_http_answer_means_what_the_table_says_however_it_is_cut),
        cmocka_unit_test(an_early_hint_before_the_answer_to_head_promises_no_body),
        cmocka_unit_test(what_does_not_end_is_cut_at_its_limit),
        cmocka_unit_test(an_answer_that_inflates_beyond_its_limit_is_an_error),
        cmocka_unit_test(a_server_that_dribbles_is_not_waited_for),
        cmocka_unit_test(every_grpc_answer_means_what_the_table_says),
        cmocka_unit_test(a_flood_ends_the_call_and_the_next_one_works),
        cmocka_unit_test(grpc_headers_and_inflated_messages_are_bounded),
        cmocka_unit_test(a_grpc_server_that_dribbles_is_not_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
