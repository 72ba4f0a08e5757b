/* Bodies come in only as fast as the budget has room: who waits, for how long, and who gives way.
 */
#include "net/server.h"
#include "support/h2_frames.h"
#include "support/raw_peer.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

enum { LIMIT = 16 << 20, BODY = 2 << 20 };

typedef struct Fixture {
    TestClock clock;
    Loop *loop;
    Server *server;
    Address address;
    Budget budget;
    size_t hogged, asked, got; /* got: the last body's size */
    char order[16];            /* of what was taken: large and small */
    bool refuses;
} Fixture;

static void take(void *owner, Request *request)
{
    Fixture *f = owner;
    f->got = request_body(request).len;
    f->order[strlen(f->order)] = f->got > 1000 ? 'L' : 's';
    request_answer_text(request, 200, STR("taken"));
}

static bool admit(void *owner, Err *err)
{
    Fixture *f = owner;
    f->asked++;
    if (!f->refuses)
        return true;
    *err = (Err){ .kind = ERR_BUSY, .retry_ms = 7000, .text = "full up" };
    return false;
}

static void start(Fixture *f)
{
    Err err = { 0 };
    *f = (Fixture){ 0 };
    test_clock_init(&f->clock, 0);
    budget_init(&f->budget, LIMIT);
    f->loop = loop_new(&f->clock.base, NULL, &err);
    const ServerSettings settings = {
        .loop = f->loop, .endpoint = STR("127.0.0.1:0"), .budget = &f->budget, .admit = admit
    };
    const Route route = { .path = STR("/"), .methods = STR("POST"), .handle = take, .owner = f };
    const GrpcRoute call = { .path = STR("/a.B/C"), .handle = take, .owner = f };
    f->server = server_new(&settings, &err);
    assert_true(f->server && server_route(f->server, &route, &err) &&
                server_grpc_route(f->server, &call, &err) && server_listen(f->server, &err));
    f->address = server_address(f->server);
}

/* Somebody else holds all that bodies may have, but for `left`. */
static void hog(Fixture *f, size_t left)
{
    Purse *batches = budget_purse(&f->budget, BUDGET_BATCHES);
    purse_give(batches, f->hogged);
    size_t reach = LIMIT / 16 * 13, used = budget_use(&f->budget).used;
    f->hogged = left < reach && used < reach - left ? reach - left - used : 0;
    purse_force(batches, f->hogged);
}

static void stop(Fixture *f)
{
    server_free(f->server);
    while (loop_step(f->loop, 0))
        continue;
    purse_give(budget_purse(&f->budget, BUDGET_BATCHES), f->hogged);
    assert_int_equal(budget_use(&f->budget).used, 0);
    loop_free(f->loop);
}

static RawPeer must_connect(Fixture *f)
{
    RawPeer peer;
    int yes = 1;
    assert_true(raw_peer_connect(&peer, f->loop, &f->address));
    assert_int_equal(setsockopt(peer.fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes), 0);
    return peer;
}

static void pass_ms(Fixture *f, int64_t ms)
{
    for (int64_t i = 0; i < ms; i += 10) {
        test_clock_advance(&f->clock, 10 * NANOS_PER_MILLI);
        loop_step(f->loop, 0);
    }
}

static void turn(Fixture *f)
{
    for (int i = 0; i < 50; i++)
        loop_step(f->loop, 0);
}

static size_t bodies(const Fixture *f)
{
    return budget_use(&f->budget).by_owner[BUDGET_BODIES];
}

static void send_head(RawPeer *peer, size_t length, const char *more)
{
    char head[160];
    int n = snprintf(head, sizeof head,
                     "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n%s\r\n", length, more);
    raw_peer_send(peer, (Str){ head, (size_t)n });
}

static void send_zeros(RawPeer *peer, size_t size)
{
    static const char zeros[64 * 1024];
    for (size_t sent = 0; sent < size && !peer->ended; sent += sizeof zeros)
        raw_peer_send(peer,
                      (Str){ zeros, size - sent < sizeof zeros ? size - sent : sizeof zeros });
}

/* ---- HTTP/1.1 ---- */

static void room_for_a_known_length_is_taken_before_it_comes(void **state)
{
    (void)state;
    Fixture f;
    start(&f);
    RawPeer peer = must_connect(&f);
    send_head(&peer, BODY, "");
    turn(&f);
    assert_int_equal(bodies(&f), BODY);
    send_zeros(&peer, BODY);
    assert_true(raw_peer_wait(&peer, "taken"));
    assert_int_equal(f.got, BODY);
    assert_int_equal(bodies(&f), 0);
    raw_peer_close(&peer);
    stop(&f);
}

static void without_room_it_is_not_read_until_there_is(void **state)
{
    (void)state;
    Fixture f;
    start(&f);
    RawPeer peer = must_connect(&f);
    hog(&f, BODY / 2);
    send_head(&peer, BODY, "Expect: 100-continue\r\n");
    pass_ms(&f, 1000);
    assert_false(raw_peer_has(&peer, "100 Continue"));
    assert_int_equal(bodies(&f), 0);
    send_zeros(&peer, 64 * 1024); /* all the same: it stays in the kernel */
    pass_ms(&f, 1000);
    assert_int_equal(bodies(&f), 0);
    hog(&f, LIMIT);
    pass_ms(&f, 100);
    assert_int_equal(bodies(&f), BODY);
    send_zeros(&peer, BODY - 64 * 1024);
    assert_true(raw_peer_wait(&peer, "taken"));
    assert_int_equal(f.got, BODY);
    raw_peer_close(&peer);
    stop(&f);
}

static void whoever_expects_a_word_hears_it_when_there_is_room(void **state)
{
    (void)state;
    Fixture f;
    start(&f);
    RawPeer peer = must_connect(&f);
    hog(&f, 0);
    send_head(&peer, BODY, "Expect: 100-continue\r\n");
    pass_ms(&f, 100);
    hog(&f, LIMIT);
    pass_ms(&f, 100);
    assert_true(raw_peer_wait(&peer, "100 Continue"));
    send_zeros(&peer, BODY);
    assert_true(raw_peer_wait(&peer, "taken"));
    raw_peer_close(&peer);
    stop(&f);
}

static void nobody_waits_longer_than_a_while(void **state)
{
    (void)state;
    Fixture f;
    start(&f);
    RawPeer peer = must_connect(&f);
    hog(&f, 0);
    send_head(&peer, BODY, "");
    pass_ms(&f, GRANT_WAIT_MS - 100);
    raw_peer_turn(&peer);
    assert_false(raw_peer_has(&peer, "HTTP/1.1"));
    pass_ms(&f, 200);
    assert_true(raw_peer_wait(&peer, "HTTP/1.1 503 "));
    assert_true(raw_peer_has(&peer, "retry-after: 1\r\n"));
    assert_int_equal(f.got, 0);
    raw_peer_close(&peer);
    stop(&f);
}

static void only_so_many_wait(void **state)
{
    (void)state;
    Fixture f;
    start(&f);
    RawPeer peers[65];
    hog(&f, 0);
    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        peers[i] = must_connect(&f);
        send_head(&peers[i], 1000, "");
        turn(&f);
    }
    raw_peer_turn(&peers[0]);
    assert_false(raw_peer_has(&peers[0], "HTTP/1.1"));
    assert_true(raw_peer_wait(&peers[64], "HTTP/1.1 503 "));
    for (size_t i = 0; i < COUNT_OF(peers); i++)
        raw_peer_close(&peers[i]);
    turn(&f);
    stop(&f);
}

static void a_body_of_unknown_length_waits_while_it_grows(void **state)
{
    (void)state;
    Fixture f;
    start(&f);
    RawPeer peer = must_connect(&f);
    raw_peer_send(&peer, STR("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                             "40000\r\n"));
    send_zeros(&peer, 128 * 1024);
    turn(&f);
    hog(&f, 0);
    size_t before = bodies(&f);
    send_zeros(&peer, 128 * 1024);
    pass_ms(&f, 500);
    assert_true(bodies(&f) <= before + 128 * 1024); /* what one round had read at most */
    hog(&f, LIMIT);
    pass_ms(&f, 100);
    raw_peer_send(&peer, STR("\r\n0\r\n\r\n"));
    assert_true(raw_peer_wait(&peer, "taken"));
    assert_int_equal(f.got, 256 * 1024);
    raw_peer_close(&peer);
    stop(&f);
}

static void a_promise_that_is_not_kept_gives_way(void **state)
{
    (void)state;
    Fixture f;
    start(&f);
    RawPeer slow = must_connect(&f), peer = must_connect(&f);
    send_head(&slow, BODY, "");
    raw_peer_send(&slow, STR("x"));
    turn(&f);
    hog(&f, BODY / 2 + LIMIT / 8);
    send_head(&peer, BODY, "");
    pass_ms(&f, 1900);
    assert_int_equal(bodies(&f), BODY);
    pass_ms(&f, 1000);
    send_zeros(&peer, BODY);
    assert_true(raw_peer_wait(&peer, "taken"));
    hog(&f, LIMIT);
    send_zeros(&slow, BODY - 1); /* and all the same it may go on */
    assert_true(raw_peer_wait(&slow, "taken"));
    assert_int_equal(f.got, BODY);
    raw_peer_close(&slow);
    raw_peer_close(&peer);
    stop(&f);
}

/* A large one leaves an eighth of the limit, so small ones go on coming in. */
static void large_ones_leave_room_for_small_ones(void **state)
{
    (void)state;
    Fixture f;
    start(&f);
    RawPeer large = must_connect(&f), small = must_connect(&f);
    hog(&f, BODY + LIMIT / 16);
    send_head(&large, BODY, "");
    pass_ms(&f, 100);
    assert_int_equal(bodies(&f), 0);
    send_head(&small, 5, "");
    raw_peer_send(&small, STR("abcde"));
    assert_true(raw_peer_wait(&small, "taken"));
    hog(&f, BODY + LIMIT / 4);
    pass_ms(&f, 100);
    assert_int_equal(bodies(&f), BODY);
    raw_peer_close(&large);
    raw_peer_close(&small);
    stop(&f);
}

/* What is whole at one moment is read one after the other, and others get their turn between. */
static void large_requests_take_turns(void **state)
{
    (void)state;
    Fixture f;
    start(&f);
    RawPeer peers[5];
    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        peers[i] = must_connect(&f);
        send_head(&peers[i], 300000, "");
        send_zeros(&peers[i], 300000 - 1);
    }
    RawPeer small = must_connect(&f);
    turn(&f);
    for (size_t i = 0; i < COUNT_OF(peers); i++)
        assert_int_equal(send(peers[i].fd, "x", 1, 0), 1);
    while (!f.order[0])
        loop_step(f.loop, NANOS_PER_SECOND);
    static const char whole[] = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\ny";
    assert_int_equal(send(small.fd, whole, sizeof whole - 1, 0), sizeof whole - 1);
    raw_peer_close(&peers[4]); /* and who leaves gives its turn away */
    turn(&f);
    assert_string_equal(f.order, "LLsLL"); /* a step of the loop has two turns */
    for (size_t i = 0; i < 4; i++)
        raw_peer_close(&peers[i]);
    raw_peer_close(&small);
    stop(&f);
}

static void who_is_not_admitted_is_told_before_the_body(void **state)
{
    (void)state;
    Fixture f;
    start(&f);
    f.refuses = true;
    RawPeer peer = must_connect(&f);
    send_head(&peer, BODY, "");
    assert_true(raw_peer_wait(&peer, "HTTP/1.1 503 "));
    assert_true(raw_peer_has(&peer, "retry-after: 7\r\n"));
    send_zeros(&peer, 256 * 1024);
    turn(&f);
    assert_int_equal(bodies(&f), 0);
    assert_int_equal(f.asked, 1);
    raw_peer_close(&peer);
    stop(&f);
}

static void a_waiting_peer_may_leave_and_so_may_the_server(void **state)
{
    (void)state;
    Fixture f;
    start(&f);
    RawPeer leaves = must_connect(&f), stays = must_connect(&f);
    hog(&f, 0);
    raw_peer_send(&leaves, STR("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                               "4\r\nabcd\r\n"));
    send_head(&stays, BODY, "");
    turn(&f);
    raw_peer_close(&leaves);
    pass_ms(&f, 100);
    stop(&f); /* which sees that nothing stays charged */
    raw_peer_close(&stays);
}

/* ---- HTTP/2 ---- */

static void say(RawPeer *peer, H2Frame frame, Str payload)
{
    Buf out = BUF(1 << 20);
    h2_add(&out, frame, payload);
    raw_peer_send(peer, buf_str(&out));
    buf_free(&out);
}

static void say_data(RawPeer *peer, uint32_t id, size_t size)
{
    static const char zeros[16384];
    for (size_t sent = 0; sent < size;) {
        size_t part = size - sent < sizeof zeros ? size - sent : sizeof zeros;
        say(peer, (H2Frame){ H2_DATA, 0, id }, (Str){ zeros, part });
        sent += part;
    }
}

static RawPeer must_connect_h2(Fixture *f)
{
    RawPeer peer = must_connect(f);
    Buf out = BUF(4096);
    h2_add_start(&out);
    raw_peer_send(&peer, buf_str(&out));
    buf_free(&out);
    turn(f);
    raw_peer_turn(&peer);
    return peer;
}

static uint32_t u32_at(const char *at)
{
    const uint8_t *bytes = (const uint8_t *)at;
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* By how much the stream's window was opened so far. */
static size_t opened(RawPeer *peer, uint32_t id)
{
    size_t sum = 0;
    raw_peer_turn(peer);
    Str rest = buf_str(&peer->got);
    while (rest.len >= 9) {
        size_t len = u32_at(rest.ptr) >> 8;
        if (rest.ptr[3] == H2_WINDOW_UPDATE && (u32_at(rest.ptr + 5) & INT32_MAX) == id)
            sum += u32_at(rest.ptr + 9);
        rest = str_skip(rest, 9 + len);
    }
    return sum;
}

/* POST /a.B/C as application/grpc: a literal field each, HPACK without Huffman. */
#define GRPC_HEAD                                 \
    "\x83\x86\x04\x06/a.B/C\x01\x01x\x0f\x10\x10" \
    "application/grpc"

static void a_stream_that_waits_gets_no_window(void **state)
{
    (void)state;
    Fixture f;
    start(&f);
    RawPeer peer = must_connect_h2(&f);
    hog(&f, 0);
    say(&peer, (H2Frame){ H2_HEADERS, H2_END_HEADERS, 1 }, STR(H2_POST));
    say_data(&peer, 1, 60000);
    pass_ms(&f, 1000);
    assert_int_equal(opened(&peer, 1), 0);
    assert_true(bodies(&f) <= 64 * 1024);
    hog(&f, LIMIT);
    pass_ms(&f, 100);
    assert_true(opened(&peer, 1) >= 60000);
    say(&peer, (H2Frame){ H2_DATA, H2_END_STREAM, 1 }, STR("x"));
    assert_true(raw_peer_wait(&peer, "taken"));
    assert_int_equal(f.got, 60001);
    raw_peer_close(&peer);
    stop(&f);
}

static void a_message_opens_its_window_as_far_as_it_is_granted(void **state)
{
    (void)state;
    Fixture f;
    start(&f);
    RawPeer peer = must_connect_h2(&f);
    say(&peer, (H2Frame){ H2_HEADERS, H2_END_HEADERS, 1 },
        (Str){ GRPC_HEAD, sizeof GRPC_HEAD - 1 });
    turn(&f);
    assert_int_equal(opened(&peer, 1), 0);
    const char prefix[5] = { 0, 0, BODY >> 16, 0, 0 };
    say(&peer, (H2Frame){ H2_DATA, 0, 1 }, (Str){ prefix, sizeof prefix });
    turn(&f);
    assert_int_equal(bodies(&f), BODY);
    assert_true(opened(&peer, 1) >= BODY + sizeof prefix - 64 * 1024);
    say_data(&peer, 1, BODY);
    say(&peer, (H2Frame){ H2_DATA, H2_END_STREAM, 1 }, STR(""));
    turn(&f);
    assert_int_equal(f.got, BODY);
    raw_peer_close(&peer);
    stop(&f);
}

static void a_whole_request_waits_for_its_turn(void **state)
{
    (void)state;
    Fixture f;
    start(&f);
    RawPeer peer = must_connect_h2(&f);
    hog(&f, 0);
    for (uint32_t id = 1; id <= 3; id += 2) {
        say(&peer, (H2Frame){ H2_HEADERS, H2_END_HEADERS, id }, STR(H2_POST));
        say(&peer, (H2Frame){ H2_DATA, H2_END_STREAM, id }, STR("abc"));
    }
    pass_ms(&f, 1000);
    assert_int_equal(f.got, 0);
    hog(&f, LIMIT);
    pass_ms(&f, 100);
    assert_int_equal(f.got, 3);
    raw_peer_close(&peer);
    stop(&f);
}

static void what_an_engine_holds_is_paid_for(void **state)
{
    (void)state;
    Fixture f;
    start(&f);
    RawPeer peer = must_connect_h2(&f);
    size_t idle = budget_use(&f.budget).by_owner[BUDGET_CONNECTIONS];
    assert_true(idle > 8 * 1024);
    for (uint32_t id = 1; id < 200; id += 2)
        say(&peer, (H2Frame){ H2_HEADERS, H2_END_HEADERS, id }, STR(H2_POST));
    turn(&f);
    assert_true(budget_use(&f.budget).by_owner[BUDGET_CONNECTIONS] > idle + 100 * 500);
    raw_peer_close(&peer);
    turn(&f);
    assert_int_equal(budget_use(&f.budget).used, 0);
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(room_for_a_known_length_is_taken_before_it_comes),
        cmocka_unit_test(without_room_it_is_not_read_until_there_is),
        cmocka_unit_test(whoever_expects_a_word_hears_it_when_there_is_room),
        cmocka_unit_test(nobody_waits_longer_than_a_while),
        cmocka_unit_test(only_so_many_wait),
        cmocka_unit_test(a_body_of_unknown_length_waits_while_it_grows),
        cmocka_unit_test(a_promise_that_is_not_kept_gives_way),
        cmocka_unit_test(large_ones_leave_room_for_small_ones),
        cmocka_unit_test(large_requests_take_turns),
        cmocka_unit_test(who_is_not_admitted_is_told_before_the_body),
        cmocka_unit_test(a_waiting_peer_may_leave_and_so_may_the_server),
        cmocka_unit_test(a_stream_that_waits_gets_no_window),
        cmocka_unit_test(a_message_opens_its_window_as_far_as_it_is_granted),
        cmocka_unit_test(a_whole_request_waits_for_its_turn),
        cmocka_unit_test(what_an_engine_holds_is_paid_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
