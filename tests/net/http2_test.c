/* The HTTP/2 engine: two of them against each other in pieces of every size, and floods. */
#include "net/http2.h"

#include "base/clock.h"
#include "support/h2_frames.h"
#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { CALM = 11 }; /* ENHANCE_YOUR_CALM */

/* One side: its engine, and a transcript of its events. */
typedef struct Side {
    Http2 *engine;
    Buf text;
    int32_t id;
    bool answers;
    HttpFields fields, trailers;
    Payload payload;
    Http2Message message;
    int open;
} Side;

static void *on_begin(void *owner, int32_t id)
{
    Side *side = owner;
    side->id = id;
    side->open++;
    buf_addf(&side->text, "begin %d\n", (int)id);
    return side;
}

static void on_field(void *owner, void *stream, Str name, Str value)
{
    (void)stream;
    buf_addf(&((Side *)owner)->text, "%.*s=%.*s\n", STR_ARG(name), STR_ARG(value));
}

static void on_head(void *owner, void *stream)
{
    (void)stream;
    buf_add(&((Side *)owner)->text, STR("head\n"));
}

static void on_body(void *owner, void *stream, Str bytes)
{
    (void)stream; /* what it sends fits into the first window, so nothing is given back */
    buf_add(&((Side *)owner)->text, bytes);
}

static void on_end(void *owner, void *stream)
{
    (void)stream;
    Side *side = owner;
    Err err = { 0 };
    buf_add(&side->text, STR("\nend\n"));
    if (side->answers)
        assert_true(http2_answer(side->engine, side->id, 200, &side->message, &err));
}

static void on_closed(void *owner, void *stream, uint32_t code)
{
    (void)stream;
    Side *side = owner;
    side->open--;
    buf_addf(&side->text, "closed %u\n", (unsigned)code);
}

static const Http2Events events = { on_begin, on_field, on_head, on_body, on_end, NULL, on_closed };

static void side_init(Side *side, Http2Role role)
{
    Err err = { 0 };
    Http2Settings settings = {
        .role = role, .streams_max = 10, .header_max = 65536, .window = 65536, .window_all = 262144
    };
    *side = (Side){ .text = BUF(1 << 20), .answers = role == HTTP2_SERVER };
    side->engine = http2_new(&settings, &events, side, &err);
    assert_non_null(side->engine);
    http_fields_init(&side->fields, 4096);
    http_fields_init(&side->trailers, 4096);
}

static void side_done(Side *side)
{
    http2_free(side->engine);
    buf_free(&side->text);
    http_fields_done(&side->fields);
    http_fields_done(&side->trailers);
    payload_done(&side->payload);
}

/* Moves what `from` has to send, `step` bytes at a time. False: there was nothing. */
static bool carry(Side *from, Side *to, size_t step)
{
    Buf out = BUF(1 << 20);
    Err err = { 0 };
    http2_fill(from->engine, &out, 1 << 16);
    assert_false(out.failed);
    bool any = out.len > 0;
    for (size_t at = 0; at < out.len; at += step)
        assert_true(http2_feed(to->engine, str_first(str_skip(buf_str(&out), at), step), 1, &err));
    buf_free(&out);
    return any;
}

static const HttpField request_fields[] = { { STR_ROW(":method"), STR_ROW("POST") },
                                            { STR_ROW(":scheme"), STR_ROW("http") },
                                            { STR_ROW(":path"), STR_ROW("/s/M") },
                                            { STR_ROW(":authority"), STR_ROW("x") },
                                            { STR_ROW("te"), STR_ROW("trailers") } };

static void exchange(size_t step, Buf *client_text, Buf *server_text)
{
    Side client, server;
    Err err = { 0 };
    side_init(&client, HTTP2_CLIENT);
    side_init(&server, HTTP2_SERVER);
    for (size_t i = 0; i < COUNT_OF(request_fields); i++)
        assert_true(
            http_fields_add(&client.fields, request_fields[i].name, request_fields[i].value, &err));
    assert_true(http_fields_add(&server.fields, STR("content-type"), STR("a/b"), &err) &&
                http_fields_add(&server.trailers, STR("grpc-status"), STR("0"), &err));
    client.payload = (Payload){ .borrowed = STR("question"), .prefix_len = GRPC_PREFIX_SIZE };
    server.payload = (Payload){ .borrowed = STR("answer") };
    client.message = (Http2Message){ &client.fields, &client.payload, NULL };
    server.message = (Http2Message){ &server.fields, &server.payload, &server.trailers };
    assert_true(http2_request(client.engine, &client.message, &client, &client.id, &err));
    client.open = 1;
    for (bool moved = true; moved;) {
        moved = carry(&client, &server, step);
        moved = carry(&server, &client, step) || moved;
    }
    assert_int_equal(client.open + server.open, 0);
    http2_goaway(server.engine);
    assert_true(http2_may_request(client.engine));
    carry(&server, &client, step);
    assert_false(http2_may_request(client.engine));
    assert_true(http2_is_over(server.engine));
    buf_add(client_text, buf_str(&client.text));
    buf_add(server_text, buf_str(&server.text));
    side_done(&client);
    side_done(&server);
}

static void both_sides_say_the_same_in_pieces_of_every_size(void **state)
{
    (void)state;
    Buf client = BUF(4096), server = BUF(4096);
    exchange(1 << 20, &client, &server);
    assert_true(str_eq(buf_str(&client),
                       STR(":status=200\ncontent-type=a/b\nhead\nanswergrpc-status=0\nhead\n\nend\n"
                           "closed 0\n")));
    assert_true(str_starts(buf_str(&server), STR("begin 1\n:method=POST\n:scheme=http\n")));
    assert_true(str_ends(buf_str(&server), STR("question\nend\nclosed 0\n")));
    for (size_t step = 1; step < 200; step++) {
        Buf client_again = BUF(4096), server_again = BUF(4096);
        exchange(step, &client_again, &server_again);
        assert_true(str_eq(buf_str(&client), buf_str(&client_again)));
        assert_true(str_eq(buf_str(&server), buf_str(&server_again)));
        buf_free(&client_again);
        buf_free(&server_again);
    }
    buf_free(&client);
    buf_free(&server);
}

/* ---- floods ---- */

typedef void Wave(Buf *out, uint32_t round);

static void rapid_reset(Buf *out, uint32_t round)
{
    uint32_t id = 2 * round + 1;
    h2_add(out, (H2Frame){ H2_HEADERS, H2_END_HEADERS, id }, STR(H2_POST));
    h2_add(out, (H2Frame){ H2_RST_STREAM, 0, id }, STR("\0\0\0\x08"));
}

/* A field name in upper case is an error of the stream: we are made to reset it. */
static void made_you_reset(Buf *out, uint32_t round)
{
    h2_add(out, (H2Frame){ H2_HEADERS, H2_END_HEADERS, 2 * round + 1 }, STR(H2_POST "\0\1A\1b"));
}

static void pings(Buf *out, uint32_t round)
{
    (void)round;
    h2_add(out, (H2Frame){ H2_PING, 0, 0 }, STR("12345678"));
}

static void settings(Buf *out, uint32_t round)
{
    (void)round;
    h2_add(out, (H2Frame){ H2_SETTINGS, 0, 0 }, STR(""));
}

static void priorities(Buf *out, uint32_t round)
{
    h2_add(out, (H2Frame){ H2_PRIORITY, 0, 2 * round + 1 }, STR("\0\0\0\0\x10"));
}

static void empty_data(Buf *out, uint32_t round)
{
    if (round == 0)
        h2_add(out, (H2Frame){ H2_HEADERS, H2_END_HEADERS, 1 }, STR(H2_POST));
    h2_add(out, (H2Frame){ H2_DATA, 0, 1 }, STR(""));
}

/* Padding alone carries nothing either. */
static void padded_data(Buf *out, uint32_t round)
{
    if (round == 0)
        h2_add(out, (H2Frame){ H2_HEADERS, H2_END_HEADERS, 1 }, STR(H2_POST));
    h2_add(out, (H2Frame){ H2_DATA, 8, 1 }, STR("\0"));
}

static void updates(Buf *out, uint32_t round)
{
    (void)round;
    h2_add(out, (H2Frame){ H2_WINDOW_UPDATE, 0, 0 }, STR("\0\0\0\1"));
}

static void updates_of_a_stream(Buf *out, uint32_t round)
{
    if (round == 0)
        h2_add(out, (H2Frame){ H2_HEADERS, H2_END_HEADERS, 1 }, STR(H2_POST));
    h2_add(out, (H2Frame){ H2_WINDOW_UPDATE, 0, 1 }, STR("\0\0\0\1"));
}

/* Makes us reset: a window beyond 2 GiB, data behind the end, more than Content-Length. */
static void made_by_window(Buf *out, uint32_t round)
{
    uint32_t id = 2 * round + 1;
    h2_add(out, (H2Frame){ H2_HEADERS, H2_END_HEADERS, id }, STR(H2_POST));
    h2_add(out, (H2Frame){ H2_WINDOW_UPDATE, 0, id }, STR("\x7f\xff\xff\xff"));
}

static void made_by_length(Buf *out, uint32_t round)
{
    uint32_t id = 2 * round + 1;
    h2_add(out, (H2Frame){ H2_HEADERS, H2_END_HEADERS, id },
           STR(H2_POST "\0\xe"
                       "content-length\1"
                       "1"));
    h2_add(out, (H2Frame){ H2_DATA, H2_END_STREAM, id }, STR("ab"));
}

static void window_settings(Buf *out, uint32_t round)
{
    h2_add(out, (H2Frame){ H2_SETTINGS, 0, 0 },
           round % 2 ? STR("\0\4\0\0\0\0") : STR("\0\4\0\1\0\0"));
}

static void continuations(Buf *out, uint32_t round)
{
    H2Frame first = { H2_HEADERS, 0, 1 }, next = { H2_CONTINUATION, 0, 1 };
    h2_add(out, round ? next : first, round ? STR("\0\1a\1b") : STR(H2_GET));
}

/* How many rounds it takes until the server gives up; its answers are taken, the clock stands. */
static uint32_t rounds_until_the_end(Wave *wave, uint32_t most, Str *goaway, Buf *sent)
{
    Side server;
    Err err = { 0 };
    Buf in = BUF(1 << 20), out = BUF(1 << 20);
    side_init(&server, HTTP2_SERVER);
    h2_add_start(&in);
    uint32_t round = 0;
    bool going = true;
    for (; going && round < most; round++) {
        wave(&in, round);
        going = http2_feed(server.engine, buf_str(&in), 1, &err);
        buf_clear(&in);
        buf_clear(&out);
        http2_fill(server.engine, &out, 1 << 16);
        going = going && !http2_is_over(server.engine);
    }
    *goaway = STR("");
    buf_add(sent, buf_str(&out));
    h2_count(buf_str(sent), H2_GOAWAY, goaway);
    buf_free(&in);
    buf_free(&out);
    side_done(&server);
    return round;
}

static void floods_end_the_connection(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        Wave *wave;
        uint32_t at_least, at_most;
    } rows[] = {
        { "rapid reset", rapid_reset, 500, 1100 },
        { "made you reset", made_you_reset, 500, 1100 },
        { "ping", pings, 1000, 11000 },
        { "settings", settings, 1000, 11000 },
        { "priority", priorities, 1000, 11000 },
        { "empty data", empty_data, 1000, 11000 },
        { "padded data", padded_data, 1000, 11000 },
        { "window update", updates, 1000, 11000 },
        { "a stream's window update", updates_of_a_stream, 1000, 11000 },
        { "made you reset by a window", made_by_window, 500, 1100 },
        { "made you reset by a length", made_by_length, 500, 1100 },
        { "initial window", window_settings, 1000, 11000 },
        { "continuation", continuations, 9, 11 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Str goaway;
        Buf sent = BUF(1 << 20);
        uint32_t rounds = rounds_until_the_end(rows[i].wave, 20000, &goaway, &sent);
        if (rounds < rows[i].at_least || rounds > rows[i].at_most)
            fail_msg("%s: ended after %u rounds", rows[i].name, (unsigned)rounds);
        buf_free(&sent);
    }
}

static void a_peer_that_pings_now_and_then_is_served_for_ever(void **state)
{
    (void)state;
    Side server;
    Err err = { 0 };
    Buf in = BUF(1 << 20), out = BUF(1 << 20);
    side_init(&server, HTTP2_SERVER);
    h2_add_start(&in);
    for (int64_t second = 0; second < 1000; second++) {
        for (uint32_t i = 0; i < 100; i++)
            pings(&in, i);
        assert_true(http2_feed(server.engine, buf_str(&in), second * NANOS_PER_SECOND, &err));
        http2_fill(server.engine, &out, 1 << 16);
        assert_false(http2_is_over(server.engine));
        buf_clear(&in);
        buf_clear(&out);
    }
    buf_free(&in);
    buf_free(&out);
    side_done(&server);
}

static void the_end_of_a_flood_says_calm_down(void **state)
{
    (void)state;
    Str goaway;
    Buf sent = BUF(1 << 20);
    rounds_until_the_end(pings, 20000, &goaway, &sent);
    assert_int_equal(goaway.len, 8);
    assert_int_equal(goaway.ptr[7], CALM);
    buf_free(&sent);
}

/* Found by the simulator: with no memory for RST_STREAM nor for GOAWAY the engine heard nothing any
 * more, and its connection stayed open for ever. Now it is over in both directions. */
static void ends_without_memory(void (*act)(Side *server))
{
    Side client, server;
    Err err = { 0 };
    starve_after(-1);
    side_init(&client, HTTP2_CLIENT);
    side_init(&server, HTTP2_SERVER);
    server.answers = false;
    for (size_t i = 0; i < COUNT_OF(request_fields); i++)
        assert_true(
            http_fields_add(&client.fields, request_fields[i].name, request_fields[i].value, &err));
    client.payload = (Payload){ .borrowed = STR("question"), .prefix_len = GRPC_PREFIX_SIZE };
    client.message = (Http2Message){ &client.fields, &client.payload, NULL };
    assert_true(http2_request(client.engine, &client.message, &client, &client.id, &err));
    carry(&client, &server, 1000);
    assert_int_equal(server.open, 1);
    starve_from(0);
    act(&server);
    assert_true(starve_happened());
    starve_end();
    Buf out = BUF(1 << 16);
    http2_fill(server.engine, &out, 1000);
    assert_true(out.failed);
    assert_false(http2_feed(server.engine, STR("x"), 1, &err));
    assert_int_equal(err.kind, ERR_MEMORY);
    buf_free(&out);
    side_done(&client);
    side_done(&server);
}

static void reset(Side *server)
{
    http2_reset(server->engine, server->id, HTTP2_CANCEL);
}

static void widen(Side *server)
{
    http2_widen(server->engine, server->id, 64 << 20);
}

static void without_memory_to_say_so_it_ends_all_the_same(void **state)
{
    (void)state;
    ends_without_memory(reset);
    ends_without_memory(widen);
}

/* What is asked for beyond that is as much as the protocol has. Room that has failed is left alone,
 * and what was to be said is said into the next. */
static void a_window_is_at_most_2_gib(void **state)
{
    (void)state;
    Side server;
    Err err = { 0 };
    Str last;
    Buf in = BUF(1 << 16), out = BUF(1 << 16);
    side_init(&server, HTTP2_SERVER);
    server.answers = false;
    h2_add_start(&in);
    h2_add(&in, (H2Frame){ H2_HEADERS, H2_END_HEADERS, 1 }, STR(H2_POST));
    assert_true(http2_feed(server.engine, buf_str(&in), 1, &err));
    http2_widen(server.engine, 1, SIZE_MAX);
    out.failed = true;
    http2_fill(server.engine, &out, 1 << 16);
    assert_int_equal(out.len, 0);
    out.failed = false;
    http2_fill(server.engine, &out, 1 << 16);
    assert_true(h2_count(buf_str(&out), H2_WINDOW_UPDATE, &last) > 0);
    assert_int_equal(last.ptr[0], 0x7F); /* an increment of nearly as much */
    buf_free(&in);
    buf_free(&out);
    side_done(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sides_say_the_same_in_pieces_of_every_size),
        cmocka_unit_test(floods_end_the_connection),
        cmocka_unit_test(a_peer_that_pings_now_and_then_is_served_for_ever),
        cmocka_unit_test(the_end_of_a_flood_says_calm_down),
        cmocka_unit_test(a_window_is_at_most_2_gib),
        cmocka_unit_test(without_memory_to_say_so_it_ends_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
