/* The server over HTTP/2, spoken by hand: what only a misbehaving peer sends. */
#include "net/server.h"
#include "support/h2_frames.h"
#include "support/raw_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

typedef struct Fixture {
    TestClock clock;
    Loop *loop;
    Server *server;
    RawPeer peer;
    int handled, gone;
    Request *kept;
    int64_t deadline_ns;
    size_t body_len;
} Fixture;

enum { MESSAGE_MAX = 100 };

static void hello(void *owner, Request *request)
{
    ((Fixture *)owner)->handled++;
    request_answer_text(request, 200, STR("hello"));
}

static void hello_grpc(void *owner, Request *request)
{
    Fixture *f = owner;
    f->handled++;
    f->deadline_ns = request_deadline_ns(request);
    f->body_len = request_body(request).len;
    request_answer_text(request, 200, STR("hello"));
}

static void on_gone(void *owner)
{
    ((Fixture *)owner)->gone++;
}

static void keep(void *owner, Request *request)
{
    Fixture *f = owner;
    f->handled++;
    f->kept = request;
    request_on_gone(request, on_gone, f);
}

static void start(Fixture *f, const ServerLimits *limits)
{
    Err err = { 0 };
    *f = (Fixture){ 0 };
    test_clock_init(&f->clock, 0);
    f->loop = loop_new(&f->clock.base, NULL, &err);
    ServerSettings settings = { .loop = f->loop, .endpoint = STR("127.0.0.1:0") };
    if (limits)
        settings.limits = *limits;
    const Route get = { STR("/"), STR("GET"), hello, f, 0 };
    const Route post = { STR("/"), STR("POST"), keep, f, 0 };
    f->server = server_new(&settings, &err);
    const GrpcRoute call = { STR("/s/call"), hello_grpc, f, MESSAGE_MAX };
    assert_true(f->server && server_route(f->server, &get, &err) &&
                server_route(f->server, &post, &err) && server_grpc_route(f->server, &call, &err) &&
                server_listen(f->server, &err));
    Address address = server_address(f->server);
    assert_true(raw_peer_connect(&f->peer, f->loop, &address));
}

static void stop(Fixture *f)
{
    raw_peer_close(&f->peer);
    server_free(f->server);
    loop_free(f->loop);
}

static void say(Fixture *f, const H2Frame *frame, Str payload)
{
    Buf out = BUF(1 << 20);
    h2_add(&out, *frame, payload);
    raw_peer_send(&f->peer, buf_str(&out));
    buf_free(&out);
}

static void say_start(Fixture *f)
{
    Buf out = BUF(4096);
    h2_add_start(&out);
    raw_peer_send(&f->peer, buf_str(&out));
    buf_free(&out);
}

static size_t heard(Fixture *f, uint8_t type)
{
    Str last;
    return h2_count(buf_str(&f->peer.got), type, &last);
}

static void wait_for(Fixture *f, uint8_t type, size_t count)
{
    for (int i = 0; i < 1000 && heard(f, type) < count && !f->peer.ended; i++)
        raw_peer_turn(&f->peer);
    assert_true(heard(f, type) >= count);
}

static void pass(Fixture *f, int64_t seconds)
{
    for (int64_t i = 0; i < 10 * seconds; i++) {
        test_clock_advance(&f->clock, NANOS_PER_SECOND / 10);
        loop_step(f->loop, 0);
    }
}

static void the_preface_may_come_byte_by_byte(void **state)
{
    (void)state;
    Fixture f;
    Buf out = BUF(4096);
    start(&f, NULL);
    h2_add_start(&out);
    h2_add(&out, (H2Frame){ H2_HEADERS, H2_END_HEADERS | H2_END_STREAM, 1 }, STR(H2_GET));
    raw_peer_send_slowly(&f.peer, buf_str(&out));
    assert_true(raw_peer_wait(&f.peer, "hello"));
    assert_int_equal(f.handled, 1);
    buf_free(&out);
    stop(&f);
}

static void a_header_list_over_the_limit_is_431(void **state)
{
    (void)state;
    Fixture f;
    Buf block = BUF(4096);
    start(&f, &(ServerLimits){ .header_bytes = 500 });
    say_start(&f);
    buf_add(&block, STR(H2_GET));
    for (int i = 0; i < 8; i++) {
        buf_add(&block, (Str){ "\0\1a\x64", 4 });
        for (int k = 0; k < 100; k++)
            buf_add_byte(&block, 'b');
    }
    say(&f, &(H2Frame){ H2_HEADERS, H2_END_HEADERS | H2_END_STREAM, 1 }, buf_str(&block));
    assert_true(raw_peer_wait(&f.peer, "the header is too large"));
    say(&f, &(H2Frame){ H2_HEADERS, H2_END_HEADERS | H2_END_STREAM, 3 }, STR(H2_GET));
    assert_true(raw_peer_wait(&f.peer, "hello"));
    assert_int_equal(server_counts(f.server).refused, 1);
    buf_free(&block);
    stop(&f);
}

static void a_header_that_does_not_end_is_not_waited_for(void **state)
{
    (void)state;
    Fixture f;
    start(&f, NULL);
    say_start(&f);
    say(&f, &(H2Frame){ H2_HEADERS, 0, 1 }, STR(H2_GET));
    pass(&f, 9);
    assert_int_equal(server_counts(f.server).connections_open, 1);
    pass(&f, 2);
    assert_true(raw_peer_wait_end(&f.peer));
    assert_int_equal(server_counts(f.server).connections_open, 0);
    assert_int_equal(server_counts(f.server).requests_in_flight, 0);
    stop(&f);
}

static void an_idle_connection_is_told_to_go(void **state)
{
    (void)state;
    Fixture f;
    start(&f, NULL);
    say_start(&f);
    say(&f, &(H2Frame){ H2_HEADERS, H2_END_HEADERS | H2_END_STREAM, 1 }, STR(H2_GET));
    assert_true(raw_peer_wait(&f.peer, "hello"));
    pass(&f, 179);
    assert_int_equal(server_counts(f.server).connections_open, 1);
    pass(&f, 2);
    assert_true(raw_peer_wait_end(&f.peer));
    assert_int_equal(heard(&f, H2_GOAWAY), 1);
    stop(&f);
}

static void a_body_that_does_not_come_is_408_and_reset(void **state)
{
    (void)state;
    Fixture f;
    start(&f, NULL);
    say_start(&f);
    say(&f, &(H2Frame){ H2_HEADERS, H2_END_HEADERS, 1 }, STR(H2_POST));
    say(&f, &(H2Frame){ H2_DATA, 0, 1 }, STR("abc"));
    pass(&f, 31);
    assert_true(raw_peer_wait(&f.peer, "the body came too slowly"));
    pass(&f, 2);
    wait_for(&f, H2_RST_STREAM, 1);
    assert_int_equal(f.handled, 0);
    say(&f, &(H2Frame){ H2_HEADERS, H2_END_HEADERS | H2_END_STREAM, 3 }, STR(H2_GET));
    assert_true(raw_peer_wait(&f.peer, "hello"));
    stop(&f);
}

/* A client that is still sending when the reset comes may never look at the answer before it. */
static void an_answer_before_the_end_of_its_request_is_not_overtaken(void **state)
{
    (void)state;
    Fixture f;
    Str last;
    static const char bytes[16384];
    start(&f, NULL);
    say_start(&f);
    wait_for(&f, H2_SETTINGS, 2);
    say(&f, &(H2Frame){ H2_HEADERS, H2_END_HEADERS, 1 },
        STR(H2_POST "\0\x10"
                    "content-encoding\1x"));
    assert_true(raw_peer_wait(&f.peer, "this content-encoding is not known here"));
    for (int i = 0; i < 3; i++) /* as much as its window lets it */
        say(&f, &(H2Frame){ H2_DATA, 0, 1 }, (Str){ bytes, sizeof bytes });
    size_t updates = h2_count(buf_str(&f.peer.got), H2_WINDOW_UPDATE, &last);
    pass(&f, 0);
    assert_int_equal(heard(&f, H2_RST_STREAM), 0);
    pass(&f, 2);
    wait_for(&f, H2_RST_STREAM, 1);
    assert_int_equal(h2_count(buf_str(&f.peer.got), H2_RST_STREAM, &last), 1);
    assert_memory_equal(last.ptr, "\0\0\0\0", 4); /* NO_ERROR */
    assert_int_equal(heard(&f, H2_WINDOW_UPDATE), updates);
    assert_int_equal(server_counts(f.server).requests_in_flight, 0);
    say(&f, &(H2Frame){ H2_HEADERS, H2_END_HEADERS | H2_END_STREAM, 3 }, STR(H2_GET));
    assert_true(raw_peer_wait(&f.peer, "hello"));
    stop(&f);
}

static void whoever_ends_its_request_after_all_is_not_reset(void **state)
{
    (void)state;
    Fixture f;
    start(&f, NULL);
    say_start(&f);
    say(&f, &(H2Frame){ H2_HEADERS, H2_END_HEADERS, 1 },
        STR(H2_POST "\0\x10"
                    "content-encoding\1x"));
    assert_true(raw_peer_wait(&f.peer, "this content-encoding is not known here"));
    say(&f, &(H2Frame){ H2_DATA, H2_END_STREAM, 1 }, STR("abc"));
    assert_int_equal(server_counts(f.server).requests_in_flight, 0);
    pass(&f, 2);
    raw_peer_turn(&f.peer);
    assert_int_equal(heard(&f, H2_RST_STREAM), 0);
    stop(&f);
}

static void keep_one(Fixture *f)
{
    say_start(f);
    say(f, &(H2Frame){ H2_HEADERS, H2_END_HEADERS | H2_END_STREAM, 1 }, STR(H2_POST));
    for (int i = 0; i < 1000 && !f->kept; i++)
        raw_peer_turn(&f->peer);
    assert_non_null(f->kept);
}

/* ---- gRPC, as no client says it ---- */

static void add_field(Buf *out, const char *name, const char *value)
{
    buf_add_byte(out, 0); /* a literal that is not remembered */
    buf_add_byte(out, (char)strlen(name));
    buf_add(out, str_from(name));
    buf_add_byte(out, (char)strlen(value));
    buf_add(out, str_from(value));
}

typedef struct Call {
    const char *method, *type, *field, *value; /* one more field, or NULL */
    Str body;
    bool handled;
} Call;

static void say_call(Fixture *f, const Call *call, uint32_t id)
{
    Buf head = BUF(4096);
    add_field(&head, ":method", call->method);
    add_field(&head, ":scheme", "http");
    add_field(&head, ":path", "/s/call");
    add_field(&head, ":authority", "x");
    add_field(&head, "content-type", call->type);
    if (call->field)
        add_field(&head, call->field, call->value);
    say(f, &(H2Frame){ H2_HEADERS, H2_END_HEADERS, id }, buf_str(&head));
    for (size_t i = 0; i < call->body.len; i++) /* the prefix comes in pieces */
        say(f, &(H2Frame){ H2_DATA, 0, id }, str_first(str_skip(call->body, i), 1));
    say(f, &(H2Frame){ H2_DATA, H2_END_STREAM, id }, STR(""));
    buf_free(&head);
}

#define EMPTY STR_ROW("\0\0\0\0\0")

static void calls_that_are_none_never_reach_their_handler(void **state)
{
    (void)state;
    static const Call calls[] = {
        { "POST", "application/grpc", NULL, NULL, EMPTY, true },
        { "POST", "application/grpc+proto", NULL, NULL, EMPTY, true },
        { "POST", "application/grpc; x=y", NULL, NULL, EMPTY, true },
        { "POST", "application/grpc", "grpc-timeout", "1S", EMPTY, true },
        { "POST", "application/grpc", "grpc-timeout", "99999999H", EMPTY, true },
        { "POST", "application/grpc", NULL, NULL, STR_ROW("\0\0\0\0\2xy"), true },
        { "POST", "application/grpc-web", NULL, NULL, EMPTY, false },
        { "PUT", "application/grpc", NULL, NULL, EMPTY, false },
        { "POST", "application/grpc", "grpc-timeout", "soon", EMPTY, false },
        { "POST", "application/grpc", NULL, NULL, STR_ROW("\0\0\0\0\x65"), false }, /* 101 */
        { "POST", "application/grpc", NULL, NULL, STR_ROW("\0\0\0\0\x02x"), false },
        { "POST", "application/grpc", NULL, NULL, STR_ROW("\2\0\0\0\0"), false },
        { "POST", "application/grpc", NULL, NULL, STR_ROW("\0\0"), false },
        { "POST", "application/grpc", "grpc-encoding", "none-such", STR_ROW("\1\0\0\0\1x"), false },
        { "POST", "application/grpc", "grpc-encoding", "gzip", STR_ROW("\1\0\0\0\1x"), false },
    };
    Fixture f;
    start(&f, NULL);
    say_start(&f);
    int handled = 0;
    for (uint32_t i = 0; i < COUNT_OF(calls); i++) {
        say_call(&f, &calls[i], 2 * i + 1);
        wait_for(&f, H2_HEADERS, i + 1); /* each is answered, and the next one comes through */
        handled += calls[i].handled;
        if (f.handled != handled)
            fail_msg("call %u: %d handled", (unsigned)i, f.handled);
        if (calls[i].handled) /* without its prefix */
            assert_int_equal(f.body_len, calls[i].body.len - 5);
    }
    assert_false(f.peer.ended);
    stop(&f);
}

static void a_time_out_is_a_deadline_and_a_long_one_is_none(void **state)
{
    (void)state;
    Fixture f;
    start(&f, NULL);
    say_start(&f);
    say_call(&f, &(Call){ "POST", "application/grpc", "grpc-timeout", "2S", EMPTY, true }, 1);
    wait_for(&f, H2_HEADERS, 1);
    assert_int_equal(f.deadline_ns, loop_now(f.loop) + 2 * NANOS_PER_SECOND);
    say_call(&f, &(Call){ "POST", "application/grpc", NULL, NULL, EMPTY, true }, 3);
    wait_for(&f, H2_HEADERS, 2);
    assert_true(f.deadline_ns == INT64_MAX);
    stop(&f);
}

static void a_reset_is_learnt_by_the_handler(void **state)
{
    (void)state;
    Fixture f;
    start(&f, NULL);
    keep_one(&f);
    say(&f, &(H2Frame){ H2_RST_STREAM, 0, 1 }, (Str){ "\0\0\0\x08", 4 });
    for (int i = 0; i < 1000 && !f.gone; i++)
        raw_peer_turn(&f.peer);
    assert_int_equal(f.gone, 1);
    request_answer_text(f.kept, 200, STR("late"));
    say(&f, &(H2Frame){ H2_HEADERS, H2_END_HEADERS | H2_END_STREAM, 3 }, STR(H2_GET));
    assert_true(raw_peer_wait(&f.peer, "hello"));
    stop(&f);
}

static void a_lost_connection_loses_all_its_requests(void **state)
{
    (void)state;
    Fixture f;
    start(&f, NULL);
    keep_one(&f);
    Request *first = f.kept;
    f.kept = NULL;
    say(&f, &(H2Frame){ H2_HEADERS, H2_END_HEADERS | H2_END_STREAM, 3 }, STR(H2_POST));
    for (int i = 0; i < 1000 && !f.kept; i++)
        raw_peer_turn(&f.peer);
    say(&f, &(H2Frame){ H2_HEADERS, H2_END_HEADERS, 5 }, STR(H2_POST)); /* its body is missing */
    raw_peer_close(&f.peer);
    for (int i = 0; i < 1000 && f.gone < 2; i++)
        loop_step(f.loop, NANOS_PER_MILLI);
    assert_int_equal(f.gone, 2);
    assert_int_equal(server_counts(f.server).requests_in_flight, 2);
    request_answer_text(first, 200, STR("late"));
    request_answer_text(f.kept, 200, STR("late"));
    assert_int_equal(server_counts(f.server).requests_in_flight, 0);
    stop(&f);
}

static void garbage_behind_the_preface_ends_the_connection(void **state)
{
    (void)state;
    Fixture f;
    start(&f, NULL);
    raw_peer_send(&f.peer, STR("PRI * HTTP/2.0\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(raw_peer_wait_end(&f.peer));
    stop(&f);
}

static void more_streams_than_allowed_are_refused(void **state)
{
    (void)state;
    Fixture f;
    start(&f, &(ServerLimits){ .streams_per_connection = 4 });
    say_start(&f);
    wait_for(&f, H2_SETTINGS, 2); /* ours, and the acknowledgement of the peer's */
    for (uint32_t id = 1; id < 13; id += 2)
        say(&f, &(H2Frame){ H2_HEADERS, H2_END_HEADERS, id }, STR(H2_POST));
    wait_for(&f, H2_RST_STREAM, 2);
    assert_int_equal(server_counts(f.server).requests_in_flight, 4);
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_preface_may_come_byte_by_byte),
        cmocka_unit_test(a_header_list_over_the_limit_is_431),
        cmocka_unit_test(a_header_that_does_not_end_is_not_waited_for),
        cmocka_unit_test(an_idle_connection_is_told_to_go),
        cmocka_unit_test(a_body_that_does_not_come_is_408_and_reset),
        cmocka_unit_test(calls_that_are_none_never_reach_their_handler),
        cmocka_unit_test(a_time_out_is_a_deadline_and_a_long_one_is_none),
        cmocka_unit_test(an_answer_before_the_end_of_its_request_is_not_overtaken),
        cmocka_unit_test(whoever_ends_its_request_after_all_is_not_reset),
        cmocka_unit_test(a_reset_is_learnt_by_the_handler),
        cmocka_unit_test(a_lost_connection_loses_all_its_requests),
        cmocka_unit_test(garbage_behind_the_preface_ends_the_connection),
        cmocka_unit_test(more_streams_than_allowed_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
