/* Each default of ServerLimits: a field that is 0 means exactly the number that server.h names, one
 * less is fine and one more is not. On a simulated clock and network. */
#include "net/server.h"

#include "codec/gzip.h"
#include "net/encoding.h"
#include "net/grpc_client.h"
#include "support/h2_frames.h"
#include "support/sim_peer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum {
    CONNECTIONS = 10000,
    STREAMS = 256,
    BODY = 64 << 20,
    INFLATED = 64 << 20,
    HEADER = 64 << 10,
    ANSWER = 100000,
};

static const int64_t header_ns = 10 * NANOS_PER_SECOND, body_ns = 30 * NANOS_PER_SECOND,
                     write_ns = 30 * NANOS_PER_SECOND, idle_ns = 180 * NANOS_PER_SECOND,
                     month_ns = 30 * 24 * 3600 * NANOS_PER_SECOND;

typedef struct Fixture {
    SimNet net;
    Loop *loop;
    Server *server;
    SimPeer peer;
    Request *kept;
    size_t taken; /* the last body's size */
} Fixture;

static Fixture f;

static void take(void *owner, Request *request)
{
    (void)owner;
    f.taken = request_body(request).len;
    Buf empty = BUF(0);
    if (request_is_grpc(request))
        request_answer_grpc(request, &empty);
    else
        request_answer_text(request, 200, STR("taken"));
}

static void keep(void *owner, Request *request)
{
    (void)owner;
    f.kept = request;
}

static void come(void)
{
    Address address = server_address(f.server);
    assert_true(sim_peer_connect(&f.peer, &f.net, f.loop, &address));
    sim_peer_send(&f.peer, STR("")); /* the server accepts it, at this time */
}

static void start(const ServerLimits *limits)
{
    Err err = { 0 };
    f.kept = NULL;
    f.taken = 0;
    sim_net_init(&f.net, 1, 0);
    f.loop = loop_new(&f.net.clock.base, &f.net.sockets, &err);
    const ServerSettings settings = { .loop = f.loop,
                                      .endpoint = STR("127.0.0.1:0"),
                                      .limits = *limits };
    const Route routes[] = { { STR("/take"), STR("GET, POST"), take, NULL, 0 },
                             { STR("/narrow"), STR("POST"), take, NULL, 1000 },
                             { STR("/keep"), STR("GET"), keep, NULL, 0 } };
    const GrpcRoute call = { .path = STR("/a.B/C"), .handle = take };
    f.server = server_new(&settings, &err);
    for (size_t i = 0; i < COUNT_OF(routes); i++)
        assert_true(f.server && server_route(f.server, &routes[i], &err));
    assert_true(server_grpc_route(f.server, &call, &err) && server_listen(f.server, &err));
    come();
}

static void start_plain(void)
{
    start(&(ServerLimits){ 0 });
}

static void stop(void)
{
    sim_peer_close(&f.peer);
    server_free(f.server);
    loop_free(f.loop);
    assert_int_equal(sim_net_open(&f.net), 0);
}

static void come_again(void)
{
    sim_peer_close(&f.peer);
    come();
}

static void say(const char *text)
{
    sim_peer_send(&f.peer, str_from(text));
}

static void say_frame(H2Frame head, Str payload)
{
    Buf out = BUF(1 << 20);
    h2_add(&out, head, payload);
    sim_peer_send(&f.peer, buf_str(&out));
    buf_free(&out);
}

static void say_start(void)
{
    Buf out = BUF(4096);
    h2_add_start(&out);
    sim_peer_send(&f.peer, buf_str(&out));
    buf_free(&out);
}

static void pass_ns(int64_t ns)
{
    test_clock_advance(&f.net.clock, ns);
    sim_peer_send(&f.peer, STR(""));
}

static bool has(const char *part)
{
    return sim_peer_has(&f.peer, part);
}

/* ---- how many ---- */

/* A network in which strangers come and say nothing. */
static struct Crowd {
    Sockets sockets;
    Poller poller;
    void *listener;
    int coming, came, told;
} crowd;

static bool crowd_watch(Poller *poller, int fd, unsigned wanted, void *watcher, Err *err)
{
    (void)poller;
    (void)wanted;
    (void)err;
    if (fd == 1)
        crowd.listener = watcher;
    return true;
}

static void crowd_forget(Poller *poller, int fd)
{
    (void)poller;
    (void)fd;
}

static size_t crowd_wait(Poller *poller, int64_t timeout_ns, SocketEvent *events, size_t max)
{
    (void)poller;
    (void)timeout_ns;
    (void)max;
    if (!crowd.listener || crowd.came == crowd.coming)
        return 0;
    events[0] = (SocketEvent){ crowd.listener, SOCKET_READ };
    return 1;
}

static void crowd_nothing(Poller *poller)
{
    (void)poller;
}

static Poller *crowd_poller(Sockets *sockets, Err *err)
{
    (void)sockets;
    (void)err;
    crowd.poller = (Poller){ .watch = crowd_watch,
                             .change = crowd_watch,
                             .forget = crowd_forget,
                             .wait = crowd_wait,
                             .wake = crowd_nothing,
                             .free = crowd_nothing };
    return &crowd.poller;
}

static int crowd_listen(Sockets *sockets, const Address *address, ListenOptions options)
{
    (void)sockets;
    (void)address;
    (void)options;
    return 1;
}

static int crowd_accept(Sockets *sockets, int listener, Address *peer)
{
    (void)sockets;
    (void)listener;
    assert_true(address_from_literal(peer, STR("127.0.0.1"), 1));
    return crowd.came < crowd.coming ? 2 + crowd.came++ : -EAGAIN;
}

static ssize_t crowd_read(Sockets *sockets, int fd, void *out, size_t size)
{
    (void)sockets;
    (void)fd;
    (void)out;
    (void)size;
    return -EAGAIN;
}

static ssize_t crowd_write(Sockets *sockets, int fd, const void *bytes, size_t size)
{
    (void)sockets;
    (void)fd;
    crowd.told += str_starts((Str){ bytes, size }, STR("HTTP/1.1 503 "));
    return (ssize_t)size;
}

static bool crowd_address(Sockets *sockets, int fd, Address *out)
{
    (void)sockets;
    (void)fd;
    return address_from_literal(out, STR("127.0.0.1"), 1);
}

static void crowd_close(Sockets *sockets, int fd)
{
    (void)sockets;
    (void)fd;
}

static int crowd_spare(Sockets *sockets)
{
    (void)sockets;
    return -EMFILE;
}

static int crowd_descriptors(Sockets *sockets)
{
    (void)sockets;
    return 1 << 20;
}

static void connections_are_10000(void **state)
{
    (void)state;
    Err err = { 0 };
    TestClock clock;
    test_clock_init(&clock, 0);
    crowd.coming = CONNECTIONS + 1;
    crowd.sockets = (Sockets){ .poller_new = crowd_poller,
                               .listen = crowd_listen,
                               .accept = crowd_accept,
                               .read = crowd_read,
                               .write = crowd_write,
                               .local_address = crowd_address,
                               .shutdown_write = crowd_close,
                               .close = crowd_close,
                               .spare = crowd_spare,
                               .descriptors_max = crowd_descriptors };
    Loop *loop = loop_new(&clock.base, &crowd.sockets, &err);
    const ServerSettings settings = { .loop = loop, .endpoint = STR("127.0.0.1:0") };
    Server *server = server_new(&settings, &err);
    assert_true(server && server_listen(server, &err));
    for (int i = 0; i < CONNECTIONS && crowd.came < crowd.coming; i++)
        loop_step(loop, 0);
    assert_int_equal(server_counts(server).connections_open, CONNECTIONS);
    assert_int_equal(server_counts(server).connections_refused, 1);
    assert_int_equal(crowd.told, 1);
    server_free(server);
    loop_free(loop);
}

static void streams_of_a_connection_are_256(void **state)
{
    (void)state;
    Str last = STR("");
    start_plain();
    say_start();
    for (uint32_t i = 0; i <= STREAMS; i++) {
        assert_int_equal(h2_count(buf_str(&f.peer.got), H2_RST_STREAM, &last), 0);
        say_frame((H2Frame){ H2_HEADERS, H2_END_HEADERS, 2 * i + 1 },
                  STR("\x83\x86\0\5:path\5/take\x01\x01x"));
    }
    assert_int_equal(server_counts(f.server).requests_in_flight, STREAMS);
    assert_int_equal(h2_count(buf_str(&f.peer.got), H2_RST_STREAM, &last), 1);
    assert_int_equal(last.ptr[3], 7); /* REFUSED_STREAM */
    stop();
}

/* ---- how large ---- */

static void a_body_has_64_mib(void **state)
{
    (void)state;
    static const char head[] = "POST /take HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                               "Content-Length: %d\r\n\r\n";
    char text[160];
    start_plain();
    snprintf(text, sizeof text, head, BODY);
    say(text);
    assert_true(has("HTTP/1.1 100 Continue\r\n"));
    come_again();
    snprintf(text, sizeof text, head, BODY + 1);
    say(text);
    assert_true(has("HTTP/1.1 413 "));
    stop();
}

static char zeros[INFLATED + 1];

static Buf pack(size_t size)
{
    Err err = { 0 };
    Buf packed = BUF(1 << 20);
    assert_true(gzip_compress((Str){ zeros, size }, GZIP_FORMAT, &packed, &err));
    return packed;
}

/* How large it was on its way. */
static size_t post_packed(const char *path, size_t size)
{
    Buf packed = pack(size), head = BUF(1024);
    buf_addf(&head,
             "POST %s HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
             path, packed.len);
    sim_peer_send(&f.peer, buf_str(&head));
    sim_peer_send(&f.peer, buf_str(&packed));
    size_t sent = packed.len;
    buf_free(&packed);
    buf_free(&head);
    return sent;
}

static void expect_bomb(size_t packed, size_t limit)
{
    char text[160];
    snprintf(text, sizeof text,
             "%zu bytes of gzip inflate to more than the limit of %zu bytes for a body", packed,
             limit);
    assert_true(sim_peer_wait(&f.peer, text));
}

static void an_inflated_body_has_64_mib(void **state)
{
    (void)state;
    start_plain();
    post_packed("/take", INFLATED);
    assert_true(sim_peer_wait(&f.peer, "taken"));
    assert_int_equal(f.taken, INFLATED);
    come_again();
    size_t packed = post_packed("/take", INFLATED + 1);
    expect_bomb(packed, INFLATED);
    assert_true(has("HTTP/1.1 413 "));
    stop();
}

/* The two are told apart: what comes, and what becomes of it. */
static void what_comes_and_what_it_inflates_to_have_limits_of_their_own(void **state)
{
    (void)state;
    start(&(ServerLimits){ .body_bytes = 1000, .inflated_bytes = 50000 });
    post_packed("/take", 50000);
    assert_true(sim_peer_wait(&f.peer, "taken"));
    assert_int_equal(f.taken, 50000);
    come_again();
    size_t packed = post_packed("/take", 50001);
    expect_bomb(packed, 50000);
    come_again();
    say("POST /take HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n");
    assert_true(has("the body is larger than the limit"));
    come_again(); /* a route that takes less takes less of both */
    packed = post_packed("/narrow", 1001);
    expect_bomb(packed, 1000);
    stop();
}

typedef struct Told {
    int calls;
    GrpcCode code;
    char text[200];
} Told;

static void note(void *owner, GrpcReply *reply, const Err *err)
{
    Told *told = owner;
    assert_null(err);
    told->calls++;
    told->code = reply->code;
    snprintf(told->text, sizeof told->text, "%.*s", STR_ARG(reply->status_text));
}

static Told call_packed(size_t size)
{
    Err err = { 0 };
    Told told = { 0 };
    char endpoint[ADDRESS_TEXT_SIZE];
    Address address = server_address(f.server);
    const GrpcClientSettings settings = { .loop = f.loop,
                                          .endpoint = str_from(address_text(&address, endpoint)) };
    GrpcClient *client = grpc_client_new(&settings, &err);
    const Str message = { zeros, size };
    GrpcCall call = { .path = STR("/a.B/C"),
                      .lent = &message,
                      .lent_count = 1,
                      .encoding = encoding_find(ENCODING_GRPC, STR("gzip")),
                      .done = note,
                      .owner = &told };
    assert_true(client && grpc_client_call(client, &call, &err));
    for (int i = 0; i < 1000 && !told.calls; i++)
        loop_step(f.loop, 0);
    assert_int_equal(told.calls, 1);
    grpc_client_free(client);
    return told;
}

static void a_grpc_bomb_is_told_as_such(void **state)
{
    (void)state;
    char text[160];
    start(&(ServerLimits){ .inflated_bytes = 1 << 20 });
    Told told = call_packed(1 << 20);
    assert_int_equal(told.code, GRPC_OK);
    assert_int_equal(f.taken, 1 << 20);
    told = call_packed((1 << 20) + 1);
    assert_int_equal(told.code, GRPC_RESOURCE_EXHAUSTED);
    Buf packed = pack((1 << 20) + 1);
    snprintf(text, sizeof text, "%zu bytes of gzip inflate to more than the limit of %d bytes",
             packed.len, 1 << 20);
    assert_non_null(strstr(told.text, text));
    assert_int_equal(server_counts(f.server).refused, 1);
    buf_free(&packed);
    stop();
}

/* As HTTP/2 counts: each field its name, its value and 32. */
static void say_header_of(size_t size)
{
    Buf text = BUF(1 << 20);
    size_t known = strlen(":methodGET:path/takehostxa") + 4 * 32;
    buf_addf(&text, "GET /take HTTP/1.1\r\nHost: x\r\na: ");
    for (size_t i = known; i < size; i++)
        buf_add_byte(&text, 'b');
    buf_addf(&text, "\r\n\r\n");
    sim_peer_send(&f.peer, buf_str(&text));
    buf_free(&text);
}

static void a_header_has_64_kib(void **state)
{
    (void)state;
    start_plain();
    say_header_of(HEADER);
    assert_true(has("HTTP/1.1 200 "));
    come_again();
    say_header_of(HEADER + 1);
    assert_true(has("HTTP/1.1 431 "));
    stop();
}

/* ---- how long ---- */

static void a_header_has_10_s_and_so_has_the_first_byte(void **state)
{
    (void)state;
    static const struct {
        const char *begin, *answer;
    } rows[] = { { "", "" },
                 { "GET /ta", "HTTP/1.1 408 " },
                 { "GET /take HTTP/1.1\r\nHost: x\r\n", "HTTP/1.1 408 " } };
    start_plain();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        come_again();
        say(rows[i].begin);
        pass_ns(header_ns - 1);
        assert_int_equal(f.peer.got.len, 0);
        assert_false(f.peer.ended);
        pass_ns(1);
        assert_true(has(rows[i].answer));
        assert_true(f.peer.ended);
    }
    stop();
}

static void a_body_has_30_s_and_one_more_for_500_bytes(void **state)
{
    (void)state;
    char half[501];
    memset(half, 'x', 500);
    half[500] = 0;
    start_plain();
    for (int i = 0; i < 2; i++) {
        come_again();
        say("POST /take HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n");
        pass_ns(body_ns - 1);
        assert_int_equal(f.peer.got.len, 0);
        if (i == 1) {
            say(half);
            pass_ns(NANOS_PER_SECOND);
            assert_int_equal(f.peer.got.len, 0);
        }
        pass_ns(1);
        assert_true(has("HTTP/1.1 408 "));
    }
    stop();
}

static void answer_kept(size_t size)
{
    Answer answer = { .status = 200, .body = BUF(ANSWER) };
    assert_true(f.kept && buf_reserve(&answer.body, size));
    memset(answer.body.ptr, 'x', size);
    answer.body.len = size;
    request_answer(f.kept, &answer);
    f.kept = NULL;
}

static void read_some(size_t size)
{
    char bytes[500];
    while (size > 0) {
        ssize_t n = f.net.sockets.read(&f.net.sockets, f.peer.fd, bytes, size);
        assert_true(n > 0);
        size -= (size_t)n;
    }
}

static void an_answer_has_30_s_and_one_more_for_500_bytes(void **state)
{
    (void)state;
    start_plain();
    for (int i = 0; i < 2; i++) {
        come_again();
        say("GET /keep HTTP/1.1\r\nHost: x\r\n\r\n");
        f.peer.deaf = true;
        answer_kept(ANSWER);
        pass_ns(write_ns - 1);
        if (i == 1) {
            read_some(500);
            pass_ns(0);
            pass_ns(NANOS_PER_SECOND);
        }
        assert_int_equal(server_counts(f.server).connections_open, 1);
        pass_ns(1);
        assert_int_equal(server_counts(f.server).connections_open, 0);
    }
    stop();
}

static void between_requests_there_are_3_min(void **state)
{
    (void)state;
    start_plain();
    say("GET /take HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(has("taken"));
    pass_ns(idle_ns - 1);
    assert_false(f.peer.ended);
    pass_ns(1);
    assert_true(f.peer.ended);
    come_again();
    say_start();
    pass_ns(idle_ns - 1);
    assert_false(f.peer.ended);
    pass_ns(1);
    assert_true(f.peer.ended);
    stop();
}

static void a_connection_may_be_of_any_age(void **state)
{
    (void)state;
    start_plain();
    say("GET /keep HTTP/1.1\r\nHost: x\r\n\r\n");
    pass_ns(month_ns);
    answer_kept(5);
    say("GET /take HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(has("taken"));
    assert_false(has("connection: close"));
    assert_false(f.peer.ended);
    stop();
}

static void whoever_is_old_enough_finishes_in_any_time(void **state)
{
    (void)state;
    start(&(ServerLimits){ .age_max_ns = NANOS_PER_SECOND });
    say("GET /keep HTTP/1.1\r\nHost: x\r\n\r\n");
    pass_ns(NANOS_PER_SECOND);
    pass_ns(month_ns);
    answer_kept(5);
    assert_true(sim_peer_wait(&f.peer, "xxxxx"));
    assert_true(has("connection: close\r\n"));
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_are_10000),
        cmocka_unit_test(streams_of_a_connection_are_256),
        cmocka_unit_test(a_body_has_64_mib),
        cmocka_unit_test(an_inflated_body_has_64_mib),
        cmocka_unit_test(what_comes_and_what_it_inflates_to_have_limits_of_their_own),
        cmocka_unit_test(a_grpc_bomb_is_told_as_such),
        cmocka_unit_test(a_header_has_64_kib),
        cmocka_unit_test(a_header_has_10_s_and_so_has_the_first_byte),
        cmocka_unit_test(a_body_has_30_s_and_one_more_for_500_bytes),
        cmocka_unit_test(an_answer_has_30_s_and_one_more_for_500_bytes),
        cmocka_unit_test(between_requests_there_are_3_min),
        cmocka_unit_test(a_connection_may_be_of_any_age),
        cmocka_unit_test(whoever_is_old_enough_finishes_in_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
