/* HTTP/2 under attack: a table of frames and what the server makes of them, whole and byte by byte;
 * resets whose work must end; readers that grant no window. On a simulated network and clock. */
#include "net/server.h"

#include "support/h2_frames.h"
#include "support/sim_peer.h"

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
    SimPeer peer;
    Request *kept[4096];
    size_t handled, gone;
} Fixture;

static void hello(void *owner, Request *request)
{
    ((Fixture *)owner)->handled++;
    request_answer_text(request, 200, STR("hello"));
}

static void large(void *owner, Request *request)
{
    ((Fixture *)owner)->handled++;
    Answer answer = { .status = 200, .body = BUF(1 << 20) };
    char *room = buf_reserve(&answer.body, 200000);
    assert_non_null(room);
    memset(room, 'x', 200000);
    answer.body.len = 200000;
    request_answer(request, &answer);
}

static void on_gone(void *owner)
{
    ((Fixture *)owner)->gone++;
}

static void keep(void *owner, Request *request)
{
    Fixture *f = owner;
    assert_true(f->handled < COUNT_OF(f->kept));
    f->kept[f->handled++] = request;
    request_on_gone(request, on_gone, f);
}

static void connect_again(Fixture *f)
{
    Address address = server_address(f->server);
    assert_true(sim_peer_connect(&f->peer, &f->net, f->loop, &address));
}

static void start_with(Fixture *f, Budget *budget)
{
    Err err = { 0 };
    f->handled = f->gone = 0;
    sim_net_init(&f->net, 1, 0);
    f->loop = loop_new(&f->net.clock.base, &f->net.sockets, &err);
    ServerSettings settings = { .loop = f->loop, .endpoint = STR("127.0.0.1:0"), .budget = budget };
    const Route routes[] = { { STR("/"), STR("GET"), hello, f, 0 },
                             { STR("/"), STR("POST"), keep, f, 0 },
                             { STR("/large"), STR("GET"), large, f, 0 } };
    f->server = server_new(&settings, &err);
    for (size_t i = 0; i < COUNT_OF(routes); i++)
        assert_true(f->server && server_route(f->server, &routes[i], &err));
    assert_true(server_listen(f->server, &err));
    connect_again(f);
}

static void start(Fixture *f)
{
    start_with(f, NULL);
}

static void let_go(Fixture *f)
{
    sim_peer_close(&f->peer);
    while (loop_step(f->loop, 0)) {
    }
    assert_int_equal(server_counts(f->server).connections_open, 0);
}

static void stop(Fixture *f)
{
    server_free(f->server);
    loop_free(f->loop);
    assert_int_equal(sim_net_open(&f->net), 0);
}

static void say(Fixture *f, const H2Frame *frame, Str payload)
{
    Buf out = BUF(1 << 20);
    h2_add(&out, *frame, payload);
    sim_peer_send(&f->peer, buf_str(&out));
    buf_free(&out);
}

static void say_start(Fixture *f)
{
    Buf out = BUF(4096);
    h2_add_start(&out);
    sim_peer_send(&f->peer, buf_str(&out));
    buf_free(&out);
}

/* ---- the table ---- */

enum { ROW_FRAMES = 4, PADDED = 8, PRIORITY = 0x20, WHOLE = H2_END_HEADERS | H2_END_STREAM };

typedef struct RowFrame {
    H2Frame head;
    Str payload;
} RowFrame;

#define GET1                                      \
    {                                             \
        { H2_HEADERS, WHOLE, 1 }, STR_ROW(H2_GET) \
    }
#define GET3                                      \
    {                                             \
        { H2_HEADERS, WHOLE, 3 }, STR_ROW(H2_GET) \
    }
#define POST1                                               \
    {                                                       \
        { H2_HEADERS, H2_END_HEADERS, 1 }, STR_ROW(H2_POST) \
    }
#define GET_WITH(fields)                                 \
    {                                                    \
        { H2_HEADERS, WHOLE, 1 }, STR_ROW(H2_GET fields) \
    }
#define HEAD(bytes)                              \
    {                                            \
        { H2_HEADERS, WHOLE, 1 }, STR_ROW(bytes) \
    }
#define SETTING(bytes)                        \
    {                                         \
        { H2_SETTINGS, 0, 0 }, STR_ROW(bytes) \
    }
#define DATA1(flags, b)                   \
    {                                     \
        { H2_DATA, flags, 1 }, STR_ROW(b) \
    }
#define FRAME(t, f, i, b)       \
    {                           \
        { t, f, i }, STR_ROW(b) \
    }
#define SIX        "\0\1\0\0\0\0"
#define SETTINGS_8 SIX SIX SIX SIX SIX SIX SIX SIX

/* Outcome: H<stream> an answer begins, R<stream>:<code> it is reset, G<code> GOAWAY; then how the
 * connection is. Codes: 1 PROTOCOL_ERROR, 3 FLOW_CONTROL_ERROR, 5 STREAM_CLOSED, 6
 * FRAME_SIZE_ERROR, 7 REFUSED_STREAM, 9 COMPRESSION_ERROR, 11 ENHANCE_YOUR_CALM. */
static const struct {
    const char *name;
    RowFrame frames[ROW_FRAMES]; /* behind preface and settings */
    const char *outcome;
} rows[] = {
    { "a good request", { GET1, GET3 }, "H1 H3 open" },
    /* streams */
    { "data on an idle stream", { DATA1(0, "a"), GET3 }, "G1 closed" },
    { "an even stream", { FRAME(H2_HEADERS, WHOLE, 2, H2_GET), GET3 }, "G1 closed" },
    { "a header on stream 0", { FRAME(H2_HEADERS, WHOLE, 0, H2_GET), GET3 }, "G1 closed" },
    { "a stream behind", { GET3, GET1 }, "H3 open" },
    { "a header that is not the last", { POST1, POST1, GET3 }, "R1:1 H3 open" },
    { "data behind the end", { GET1, DATA1(0, "a"), GET3 }, "H1 H3 open" },
    { "a reset of stream 0", { FRAME(H2_RST_STREAM, 0, 0, "\0\0\0\x8"), GET3 }, "G1 closed" },
    { "a reset of an idle one", { FRAME(H2_RST_STREAM, 0, 1, "\0\0\0\x8"), GET3 }, "G1 closed" },
    { "a short reset", { POST1, FRAME(H2_RST_STREAM, 0, 1, "\0\0\0"), GET3 }, "G6 closed" },
    { "a push", { FRAME(H2_PUSH_PROMISE, 4, 1, "\0\0\0\2"), GET3 }, "G1 closed" },
    { "a goaway, then requests", { FRAME(H2_GOAWAY, 0, 0, "\0\0\0\0\0\0\0\0"), GET1 }, "closed" },
    /* frames */
    { "an unknown frame", { FRAME(0x42, 0xff, 1, "abc"), GET1 }, "H1 open" },
    { "padding beyond", { POST1, DATA1(PADDED, "\3ab"), GET3 }, "G1 closed" },
    { "padding of a header beyond",
      { FRAME(H2_HEADERS, WHOLE | PADDED, 1, "\x9" H2_GET) },
      "G1 closed" },
    { "a lone continuation", { FRAME(H2_CONTINUATION, 4, 1, H2_GET), GET3 }, "G1 closed" },
    { "a ping inside a header",
      { FRAME(H2_HEADERS, 0, 1, H2_GET), FRAME(H2_PING, 0, 0, "12345678") },
      "G1 closed" },
    { "another's continuation",
      { FRAME(H2_HEADERS, 0, 1, H2_GET), FRAME(H2_CONTINUATION, 4, 3, "") },
      "G1 closed" },
    { "a continuation",
      { FRAME(H2_HEADERS, 1, 1, "\x82\x86"), FRAME(H2_CONTINUATION, 4, 1, "\x84\x01\x01x") },
      "H1 open" },
    { "a ping on a stream", { FRAME(H2_PING, 0, 1, "12345678"), GET3 }, "G1 closed" },
    { "a short ping", { FRAME(H2_PING, 0, 0, "1234567"), GET3 }, "G6 closed" },
    { "a short goaway", { FRAME(H2_GOAWAY, 0, 0, "\0\0\0\0"), GET3 }, "G6 closed" },
    { "a priority on itself",
      { POST1, FRAME(H2_PRIORITY, 0, 1, "\0\0\0\1\0"), GET3 },
      "G1 closed" },
    { "a header that depends on itself",
      { FRAME(H2_HEADERS, WHOLE | PRIORITY, 1, "\0\0\0\1\0" H2_GET), GET3 },
      "G1 closed" },
    { "a short priority", { POST1, FRAME(H2_PRIORITY, 0, 1, "\0\0\0\1"), GET3 }, "G6 closed" },
    /* settings */
    { "half a setting", { SETTING("\0\1\0\0\0"), GET1 }, "G6 closed" },
    { "settings of a stream", { FRAME(H2_SETTINGS, 0, 1, ""), GET3 }, "G1 closed" },
    { "an acknowledgement that says something",
      { FRAME(H2_SETTINGS, H2_ACK, 0, SIX), GET1 },
      "G6 closed" },
    { "a window of 2 GiB", { SETTING("\0\4\x80\0\0\0"), GET1 }, "G3 closed" },
    { "frames of 100 bytes", { SETTING("\0\5\0\0\0\x64"), GET1 }, "G1 closed" },
    { "push 2", { SETTING("\0\2\0\0\0\2"), GET1 }, "G1 closed" },
    { "an unknown setting", { SETTING("\x42\x42\0\0\0\2"), GET1 }, "H1 open" },
    { "32 settings", { SETTING(SETTINGS_8 SETTINGS_8 SETTINGS_8 SETTINGS_8), GET1 }, "H1 open" },
    { "33 settings",
      { SETTING(SETTINGS_8 SETTINGS_8 SETTINGS_8 SETTINGS_8 SIX), GET1 },
      "G11 closed" },
    { "no table", { SETTING("\0\1\0\0\0\0"), GET1, GET3 }, "H1 H3 open" },
    { "a table of 4 GiB", { SETTING("\0\1\xff\xff\xff\xff"), GET1, GET3 }, "H1 H3 open" },
    /* windows */
    { "an update by 0", { FRAME(H2_WINDOW_UPDATE, 0, 0, "\0\0\0\0"), GET1 }, "G1 closed" },
    { "a stream's update by 0",
      { POST1, FRAME(H2_WINDOW_UPDATE, 0, 1, "\0\0\0\0"), GET3 },
      "G1 closed" },
    { "an update beyond",
      { FRAME(H2_WINDOW_UPDATE, 0, 0, "\x7f\xff\xff\xff"), GET1 },
      "G3 closed" },
    { "a stream's update beyond",
      { POST1, FRAME(H2_WINDOW_UPDATE, 0, 1, "\x7f\xff\xff\xff"), GET3 },
      "R1:3 H3 open" },
    { "an update of an idle stream",
      { FRAME(H2_WINDOW_UPDATE, 0, 1, "\0\0\0\1"), GET3 },
      "G1 closed" },
    { "a short update", { FRAME(H2_WINDOW_UPDATE, 0, 0, "\0\0\1"), GET1 }, "G6 closed" },
    { "a setting that makes a window pass 2 GiB",
      { POST1, FRAME(H2_WINDOW_UPDATE, 0, 1, "\x7f\xff\0\0"), SETTING("\0\4\x7f\xff\xff\xff"),
        GET3 },
      "R1:3 H3 open" },
    /* fields: \0 name value is a literal without indexing */
    { "a name in upper case", { GET_WITH("\0\1A\1b"), GET3 }, "R1:1 H3 open" },
    { "an empty name", { GET_WITH("\0\0\1b"), GET3 }, "R1:1 H3 open" },
    { "a name with a colon inside", { GET_WITH("\0\3a:b\1b"), GET3 }, "R1:1 H3 open" },
    { "a name with a space", { GET_WITH("\0\3a b\1b"), GET3 }, "R1:1 H3 open" },
    { "a value with a line end", { GET_WITH("\0\1a\3b\nc"), GET3 }, "R1:1 H3 open" },
    { "a value with CR", { GET_WITH("\0\1a\3b\rc"), GET3 }, "R1:1 H3 open" },
    { "a value with NUL", { GET_WITH("\0\1a\3b\0c"), GET3 }, "R1:1 H3 open" },
    { "connection",
      { GET_WITH("\0\xa"
                 "connection\5close"),
        GET3 },
      "R1:1 H3 open" },
    { "transfer-encoding",
      { GET_WITH("\0\x11"
                 "transfer-encoding\7chunked"),
        GET3 },
      "R1:1 H3 open" },
    { "te", { GET_WITH("\0\2te\4gzip"), GET3 }, "R1:1 H3 open" },
    { "another :path", { GET_WITH("\x84"), GET3 }, "R1:1 H3 open" },
    { "a pseudo field behind others", { HEAD("\x82\x86\0\1a\1b\x84"), GET3 }, "R1:1 H3 open" },
    { "an unknown pseudo field", { GET_WITH("\0\4:foo\1b"), GET3 }, "R1:1 H3 open" },
    { "a status", { GET_WITH("\x88"), GET3 }, "R1:1 H3 open" },
    { "no path", { HEAD("\x82\x86\x01\x01x"), GET3 }, "R1:1 H3 open" },
    { "an empty path", { HEAD("\x82\x86\x01\x01x\0\5:path\0"), GET3 }, "R1:1 H3 open" },
    { "no slash", { HEAD("\x82\x86\x01\x01x\0\5:path\1a"), GET3 }, "R1:1 H3 open" },
    { "a path with a line end",
      { HEAD("\x82\x86\x01\x01x\0\5:path\3/\r\n"), GET3 },
      "R1:1 H3 open" },
    { "no method", { HEAD("\x86\x84\x01\x01x"), GET3 }, "R1:1 H3 open" },
    { "a method with a space",
      { HEAD("\0\7:method\5GET /\x86\x84\x01\x01x"), GET3 },
      "R1:1 H3 open" },
    { "another host", { GET_WITH("\0\4host\1y"), GET3 }, "H1 H3 open" },
    { "connect", { HEAD("\0\7:method\7CONNECT\x01\x01x"), GET3 }, "H1 H3 open" },
    { "two lengths",
      { GET_WITH("\0\xe"
                 "content-length\1"
                 "0\0\xe"
                 "content-length\1"
                 "0"),
        GET3 },
      "R1:1 H3 open" },
    { "a length below nothing",
      { GET_WITH("\0\xe"
                 "content-length\2-1"),
        GET3 },
      "R1:1 H3 open" },
    { "less than the length",
      { GET_WITH("\0\xe"
                 "content-length\1"
                 "1"),
        GET3 },
      "R1:1 H3 open" },
    { "more than the length",
      { FRAME(H2_HEADERS, 4, 1,
              H2_POST "\0\xe"
                      "content-length\1"
                      "1"),
        DATA1(1, "ab"), GET3 },
      "R1:1 H3 open" },
    { "trailers without an end",
      { POST1, FRAME(H2_HEADERS, 4, 1, "\0\1a\1b"), GET3 },
      "R1:1 H3 open" },
    { "a pseudo field in trailers",
      { POST1, FRAME(H2_HEADERS, WHOLE, 1, "\x84"), GET3 },
      "R1:1 H3 open" },
    /* HPACK */
    { "index 0", { HEAD("\x80"), GET3 }, "G9 closed" },
    { "an index beyond the table", { GET_WITH("\xbe"), GET3 }, "G9 closed" },
    { "an index beyond everything",
      { GET_WITH("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"), GET3 },
      "G9 closed" },
    { "a length beyond everything",
      { GET_WITH("\0\x7f\xff\xff\xff\xff\xff\xff\xff\xff\x7f"), GET3 },
      "G9 closed" },
    { "a length beyond the block", { GET_WITH("\0\1a\5b"), GET3 }, "G9 closed" },
    { "half an integer", { GET_WITH("\xff"), GET3 }, "G9 closed" },
    { "Huffman with its end inside", { GET_WITH("\0\1a\x84\xff\xff\xff\xff"), GET3 }, "G9 closed" },
    { "Huffman padded with zeroes", { GET_WITH("\0\1a\x81\x18"), GET3 }, "G9 closed" },
    { "a larger table than offered", { HEAD("\x3f\xe2\x1f" H2_GET), GET3 }, "G9 closed" },
    { "a table resized within", { HEAD("\x82\x20\x86\x84\x01\x01x"), GET3 }, "G9 closed" },
    { "a table resized twice", { HEAD("\x20\x3f\xe1\x1f" H2_GET), GET3 }, "H1 H3 open" },
};

static uint32_t number_at(Str bytes, size_t at)
{
    const unsigned char *b = (const unsigned char *)bytes.ptr + at;
    return bytes.len < at + 4
               ? 0
               : (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static void add_outcome(Str got, bool ended, Buf *out)
{
    while (got.len >= 9) {
        size_t size = number_at(got, 0) >> 8;
        uint32_t id = number_at(got, 5);
        Str payload = str_first(str_skip(got, 9), size);
        switch (got.ptr[3]) {
        case H2_HEADERS: buf_addf(out, "H%u ", (unsigned)id); break;
        case H2_RST_STREAM:
            buf_addf(out, "R%u:%u ", (unsigned)id, (unsigned)number_at(payload, 0));
            break;
        case H2_GOAWAY: buf_addf(out, "G%u ", (unsigned)number_at(payload, 4)); break;
        default: break;
        }
        got = str_skip(got, 9 + size);
    }
    buf_add(out, ended ? STR("closed") : STR("open"));
}

static void try_row(Fixture *f, size_t i, size_t step)
{
    Buf bytes = BUF(65536), outcome = BUF(4096);
    connect_again(f);
    h2_add_start(&bytes);
    for (size_t k = 0;
         k < ROW_FRAMES && rows[i].frames[k].head.type + rows[i].frames[k].payload.len > 0; k++)
        h2_add(&bytes, rows[i].frames[k].head, rows[i].frames[k].payload);
    for (size_t at = 0; at < bytes.len; at += step)
        sim_peer_send(&f->peer, str_first(str_skip(buf_str(&bytes), at), step));
    add_outcome(buf_str(&f->peer.got), f->peer.ended, &outcome);
    if (!str_eq(buf_str(&outcome), str_from(rows[i].outcome)))
        fail_msg("%s, step %zu: expected %s, got %.*s", rows[i].name, step, rows[i].outcome,
                 STR_ARG(buf_str(&outcome)));
    let_go(f);
    assert_int_equal(server_counts(f->server).requests_in_flight, 0);
    buf_free(&bytes);
    buf_free(&outcome);
}

static void every_attack_ends_as_the_table_says(void **state)
{
    (void)state;
    static Fixture f;
    start(&f);
    let_go(&f);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        try_row(&f, i, 1 << 20);
        try_row(&f, i, 7);
        try_row(&f, i, 1);
    }
    stop(&f);
}

/* ---- floods ---- */

/* The outcome of a start and one HEADERS frame whose block is `first`, then `count` times `more`.
 */
static void flood_of_headers(Fixture *f, Str first, Str more, int count, Buf *outcome)
{
    Buf bytes = BUF(1 << 20), block = BUF(1 << 20);
    connect_again(f);
    h2_add_start(&bytes);
    buf_add(&block, first);
    for (int i = 0; i < count && block.len + more.len <= 16384; i++)
        buf_add(&block, more);
    h2_add(&bytes, (H2Frame){ H2_HEADERS, WHOLE, 1 }, buf_str(&block));
    h2_add(&bytes, (H2Frame){ H2_HEADERS, WHOLE, 3 }, STR(H2_GET));
    sim_peer_send(&f->peer, buf_str(&bytes));
    add_outcome(buf_str(&f->peer.got), f->peer.ended, outcome);
    let_go(f);
    buf_free(&bytes);
    buf_free(&block);
}

static void a_header_that_unpacks_to_much_is_cut(void **state)
{
    (void)state;
    static Fixture f;
    static const struct {
        int count; /* of references to a field of 4000 bytes: the limit is 64 KiB */
        const char *outcome;
    } bombs[] = {
        { 10, "H1 H3 open" }, { 30, "H1 H3 open" }, { 100, "G11 closed" }, { 12000, "G11 closed" }
    };
    Buf first = BUF(8192);
    start(&f);
    let_go(&f);
    buf_add(&first, STR(H2_GET "\x40\1a\x7f\xa1\x1e")); /* indexed: "a", 4000 bytes */
    for (int i = 0; i < 4000; i++)
        buf_add_byte(&first, 'b');
    for (size_t i = 0; i < COUNT_OF(bombs); i++) {
        Buf outcome = BUF(4096);
        flood_of_headers(&f, buf_str(&first), STR("\xbe"), bombs[i].count, &outcome);
        if (!str_eq(buf_str(&outcome), str_from(bombs[i].outcome)))
            fail_msg("%d references: %.*s", bombs[i].count, STR_ARG(buf_str(&outcome)));
        buf_free(&outcome);
    }
    assert_int_equal(server_counts(f.server).refused, 1); /* the 30: 431 */
    assert_int_equal(f.handled, 3);
    buf_free(&first);
    stop(&f);
}

static void empty_fields_count(void **state)
{
    (void)state;
    static Fixture f;
    Buf outcome = BUF(4096);
    start(&f);
    let_go(&f);
    flood_of_headers(&f, STR(H2_GET), STR("\0\1a\0"), 1500, &outcome);
    assert_true(str_eq(buf_str(&outcome), STR("H1 H3 open")));
    assert_int_equal(f.handled, 2);
    flood_of_headers(&f, STR(H2_GET), STR("\0\1a\0"), 4000, &outcome);
    assert_int_equal(server_counts(f.server).refused, 1);
    buf_free(&outcome);
    stop(&f);
}

/* A few bytes each, for the field is in the table: what they unpack to is held all the same. */
static void headers_that_are_held_count_for_the_budget(void **state)
{
    (void)state;
    enum { MANY = 200, EACH = 12 };
    static Fixture f;
    Buf bytes = BUF(1 << 20), block = BUF(8192);
    Budget budget;
    budget_init(&budget, 16 << 20); /* of which connections may have a quarter */
    start_with(&f, &budget);
    h2_add_start(&bytes);
    buf_add(&block, STR(H2_POST "\x40\1a\x7f\xa1\x1e")); /* indexed: "a", 4000 bytes */
    for (int i = 0; i < 4000; i++)
        buf_add_byte(&block, 'b');
    h2_add(&bytes, (H2Frame){ H2_HEADERS, WHOLE, 1 }, buf_str(&block));
    buf_clear(&block);
    buf_add(&block, STR(H2_POST));
    for (int i = 0; i < EACH; i++)
        buf_add_byte(&block, '\xbe');
    for (uint32_t i = 1; i < MANY; i++)
        h2_add(&bytes, (H2Frame){ H2_HEADERS, WHOLE, 2 * i + 1 }, buf_str(&block));
    sim_peer_send(&f.peer, buf_str(&bytes));
    assert_in_range(f.handled, 10, (4 << 20) / (EACH * 4000));
    for (size_t i = 0; i < f.handled; i++)
        request_answer_text(f.kept[i], 200, STR("late"));
    let_go(&f);
    size_t before = f.handled;
    connect_again(&f); /* there is room again */
    say_start(&f);
    say(&f, &(H2Frame){ H2_HEADERS, WHOLE, 1 }, STR(H2_GET));
    assert_int_equal(f.handled, before + 1);
    buf_free(&bytes);
    buf_free(&block);
    let_go(&f);
    stop(&f);
    assert_int_equal(budget_use(&budget).used, 0);
}

static void the_work_of_reset_requests_is_cancelled(void **state)
{
    (void)state;
    enum { MANY = 900 }; /* fewer than end the connection */
    static Fixture f;
    Buf wave = BUF(4096);
    start(&f);
    say_start(&f);
    for (uint32_t i = 0; i < MANY; i++) {
        h2_add(&wave, (H2Frame){ H2_HEADERS, WHOLE, 2 * i + 1 }, STR(H2_POST));
        h2_add(&wave, (H2Frame){ H2_RST_STREAM, 0, 2 * i + 1 }, STR("\0\0\0\x8"));
        sim_peer_send(&f.peer, buf_str(&wave));
        buf_clear(&wave);
    }
    assert_int_equal(f.handled, MANY);
    assert_int_equal(f.gone, MANY);
    for (size_t i = 0; i < MANY; i++)
        request_answer_text(f.kept[i], 200, STR("to nobody"));
    assert_int_equal(server_counts(f.server).requests_in_flight, 0);
    assert_false(f.peer.ended);
    buf_free(&wave);
    let_go(&f);
    stop(&f);
}

/* ---- readers that grant no window ---- */

static void ask_large(Fixture *f)
{
    say_start(f);
    say(f, &(H2Frame){ H2_SETTINGS, 0, 0 }, STR("\0\4\0\0\0\0")); /* no window at all */
    say(f, &(H2Frame){ H2_HEADERS, WHOLE, 1 }, STR("\x82\x86\0\5:path\6/large\x01\x01x"));
    assert_int_equal(f->handled, 1);
    assert_int_equal(server_counts(f->server).requests_in_flight, 1);
}

static bool is_reset(Fixture *f)
{
    Str last = STR("");
    return h2_count(buf_str(&f->peer.got), H2_RST_STREAM, &last) > 0;
}

/* Grants `window` every second. After how many seconds is the stream reset? */
static int64_t grant_until_reset(Fixture *f, const char window[4], int64_t most)
{
    int64_t seconds = 0;
    for (; seconds < most && !is_reset(f); seconds++) {
        if (window)
            say(f, &(H2Frame){ H2_WINDOW_UPDATE, 0, 1 }, (Str){ window, 4 });
        sim_peer_pass(&f->peer, 1);
    }
    return seconds;
}

static void a_reader_that_grants_nothing_is_given_up_after_30_s(void **state)
{
    (void)state;
    static Fixture f;
    start(&f);
    ask_large(&f);
    assert_in_range(grant_until_reset(&f, NULL, 100), 30, 31);
    assert_int_equal(server_counts(f.server).requests_in_flight, 0);
    say(&f, &(H2Frame){ H2_HEADERS, WHOLE, 3 }, STR(H2_GET)); /* the others are not harmed */
    assert_int_equal(f.handled, 2);
    let_go(&f);
    stop(&f);
}

static void a_reader_of_a_byte_a_second_is_given_up_too(void **state)
{
    (void)state;
    static Fixture f;
    start(&f);
    ask_large(&f);
    assert_in_range(grant_until_reset(&f, "\0\0\0\1", 100), 30, 32);
    let_go(&f);
    stop(&f);
}

static void a_steady_reader_has_all_the_time_it_needs(void **state)
{
    (void)state;
    static Fixture f;
    start(&f);
    ask_large(&f);
    say(&f, &(H2Frame){ H2_WINDOW_UPDATE, 0, 0 }, STR("\0\7\0\0"));  /* of the connection: plenty */
    assert_int_equal(grant_until_reset(&f, "\0\0\3\xe8", 150), 150); /* 1000 bytes */
    say(&f, &(H2Frame){ H2_WINDOW_UPDATE, 0, 1 }, STR("\0\1\0\0"));
    assert_int_equal(server_counts(f.server).requests_in_flight, 0);
    assert_false(is_reset(&f));
    let_go(&f);
    stop(&f);
}

/* All the windows it could wish for, and it reads `rate` bytes a second. */
static int64_t read_slowly(Fixture *f, size_t rate, int64_t most)
{
    int64_t seconds = 0;
    char bytes[1000];
    say_start(f);
    say(f, &(H2Frame){ H2_SETTINGS, 0, 0 }, STR("\0\4\0\7\0\0"));
    say(f, &(H2Frame){ H2_WINDOW_UPDATE, 0, 0 }, STR("\0\7\0\0"));
    f->peer.deaf = true;
    say(f, &(H2Frame){ H2_HEADERS, WHOLE, 1 }, STR("\x82\x86\0\5:path\6/large\x01\x01x"));
    for (; seconds < most && server_counts(f->server).connections_open > 0; seconds++) {
        for (size_t left = rate; left > 0;) {
            ssize_t n = f->net.sockets.read(&f->net.sockets, f->peer.fd, bytes, left);
            left -= n > 0 ? (size_t)n : left;
        }
        sim_peer_pass(&f->peer, 1);
    }
    return seconds;
}

static void whoever_reads_a_byte_a_second_is_cut(void **state)
{
    (void)state;
    static Fixture f;
    start(&f);
    assert_in_range(read_slowly(&f, 1, 200), 30, 32);
    assert_int_equal(server_counts(f.server).requests_in_flight, 0);
    sim_peer_close(&f.peer);
    connect_again(&f);
    assert_int_equal(read_slowly(&f, 600, 200), 200);
    let_go(&f);
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_attack_ends_as_the_table_says),
        cmocka_unit_test(a_header_that_unpacks_to_much_is_cut),
        cmocka_unit_test(empty_fields_count),
        cmocka_unit_test(headers_that_are_held_count_for_the_budget),
        cmocka_unit_test(the_work_of_reset_requests_is_cancelled),
        cmocka_unit_test(a_reader_that_grants_nothing_is_given_up_after_30_s),
        cmocka_unit_test(a_reader_of_a_byte_a_second_is_given_up_too),
        cmocka_unit_test(a_steady_reader_has_all_the_time_it_needs),
        cmocka_unit_test(whoever_reads_a_byte_a_second_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
