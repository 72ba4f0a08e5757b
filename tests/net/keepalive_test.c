/* Connections over time: peers that vanish without a word, and connections that grow old. */
#include "net/grpc_client.h"
#include "net/http_client.h"
#include "net/server.h"
#include "support/raw_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const int64_t second = NANOS_PER_SECOND;

static TestClock test_clock;
static Loop *loop;
static Server *server;
static GrpcClient *grpc;
static HttpClient *http;
static Request *kept;
static int told, listener;
static Err told_err;
static RawPeer peer;

static void grpc_done(void *owner, GrpcReply *reply, const Err *err)
{
    (void)owner;
    (void)reply;
    told++;
    told_err = err ? *err : (Err){ 0 };
}

static void http_done(void *owner, HttpResponse *response, const Err *err)
{
    (void)owner;
    (void)response;
    told++;
    told_err = err ? *err : (Err){ 0 };
}

static void turn(void)
{
    for (int i = 0; i < 30; i++)
        loop_step(loop, NANOS_PER_MILLI / 10);
}

static void pass(int64_t time_ns)
{
    test_clock_advance(&test_clock, time_ns);
    turn();
}

static void open_loop(void)
{
    Err err = { 0 };
    test_clock_init(&test_clock, 0);
    loop = loop_new(&test_clock.base, NULL, &err);
    assert_non_null(loop);
    server = NULL;
    grpc = NULL;
    http = NULL;
    kept = NULL;
    told = 0;
}

static void open_clients(const Address *address, const GrpcClientSettings *wanted)
{
    Err err = { 0 };
    char endpoint[ADDRESS_TEXT_SIZE], url[ADDRESS_TEXT_SIZE + 8];
    GrpcClientSettings settings = *wanted;
    settings.loop = loop;
    settings.endpoint = str_from(address_text(address, endpoint));
    snprintf(url, sizeof url, "http://%s", endpoint);
    grpc = grpc_client_new(&settings, &err);
    http = http_client_new(&(HttpClientSettings){ .loop = loop, .url = str_from(url) }, &err);
    assert_true(grpc && http);
}

static void call(const char *path, int64_t timeout_ns)
{
    Err err = { 0 };
    GrpcCall wanted = { .path = str_from(path), .timeout_ns = timeout_ns, .done = grpc_done };
    told = 0;
    assert_true(grpc_client_call(grpc, &wanted, &err));
    turn();
}

static void close_all(void)
{
    grpc_client_free(grpc);
    http_client_free(http);
    server_free(server);
    loop_free(loop);
}

/* ---- pings, seen from a server that the test plays ---- */

static void open_deaf_server(const GrpcClientSettings *wanted, int64_t timeout_ns)
{
    Address address;
    open_loop();
    listener = raw_listen(&address);
    open_clients(&address, wanted);
    call("/s/M", timeout_ns);
    assert_true(raw_peer_accept(&peer, loop, listener));
}

static void close_deaf_server(void)
{
    raw_peer_close(&peer);
    close(listener);
    close_all();
}

static size_t count_pings(void)
{
    static const Str ping = STR_ROW("\x00\x00\x08\x06\x00\x00\x00\x00\x00");
    size_t count = 0;
    for (int i = 0; i < 5; i++)
        raw_peer_turn(&peer);
    for (Str rest = buf_str(&peer.got); rest.len >= ping.len; rest = str_skip(rest, 1))
        count += str_starts(rest, ping);
    return count;
}

static void a_peer_that_answers_no_ping_is_given_up(void **state)
{
    (void)state;
    open_deaf_server(&(GrpcClientSettings){ .keepalive_time_ns = 30 * second,
                                            .keepalive_timeout_ns = 5 * second },
                     600 * second);
    pass(29 * second);
    assert_int_equal(count_pings(), 0);
    pass(2 * second);
    assert_int_equal(count_pings(), 1);
    pass(4 * second);
    assert_int_equal(told, 0);
    pass(2 * second);
    assert_int_equal(told, 1);
    assert_int_equal(told_err.kind, ERR_TIMEOUT);
    assert_non_null(strstr(told_err.text, "did not answer a ping within 5000 ms"));
    close_deaf_server();
}

static void nobody_is_pinged_unless_that_was_set(void **state)
{
    (void)state;
    open_deaf_server(&(GrpcClientSettings){ 0 }, 600 * second);
    pass(500 * second);
    assert_int_equal(count_pings(), 0);
    assert_int_equal(told, 0);
    close_deaf_server();
}

/* The call is over by its own time-out; the connection stays. */
static void without_calls_pings_are_a_setting_of_their_own(void **state)
{
    (void)state;
    for (int wanted = 0; wanted < 2; wanted++) {
        open_deaf_server(&(GrpcClientSettings){ .keepalive_time_ns = 30 * second,
                                                .keepalive_without_calls = wanted },
                         second);
        pass(2 * second);
        assert_int_equal(told, 1);
        pass(31 * second);
        assert_int_equal(count_pings(), wanted);
        close_deaf_server();
    }
}

/* ---- servers ---- */

static void answer(void *owner, Request *request)
{
    (void)owner;
    Buf nothing = BUF(0);
    if (request_is_grpc(request))
        request_answer_grpc(request, &nothing);
    else
        request_answer_text(request, 200, STR("ok"));
}

static void keep(void *owner, Request *request)
{
    (void)owner;
    kept = request;
}

static void open_server(const ServerLimits *limits, const GrpcClientSettings *wanted)
{
    Err err = { 0 };
    const GrpcRoute now = { STR("/s/Now"), answer, NULL, 0 },
                    later = { STR("/s/Later"), keep, NULL, 0 };
    const Route page = { STR("/"), STR("GET"), answer, NULL, 0 };
    open_loop();
    ServerSettings settings = { .loop = loop, .endpoint = STR("127.0.0.1:0"), .limits = *limits };
    server = server_new(&settings, &err);
    assert_true(server && server_grpc_route(server, &now, &err) &&
                server_grpc_route(server, &later, &err) && server_route(server, &page, &err) &&
                server_listen(server, &err));
    Address address = server_address(server);
    open_clients(&address, wanted);
}

static void finish(void)
{
    Buf nothing = BUF(0);
    request_answer_grpc(kept, &nothing);
    turn();
}

static void a_peer_that_answers_pings_is_waited_for(void **state)
{
    (void)state;
    open_server(&(ServerLimits){ 0 }, &(GrpcClientSettings){ .keepalive_time_ns = 30 * second,
                                                             .keepalive_timeout_ns = 5 * second });
    call("/s/Later", 3600 * second);
    assert_non_null(kept);
    for (int i = 0; i < 100; i++)
        pass(4 * second);
    assert_int_equal(told, 0);
    finish();
    assert_int_equal(told, 1);
    assert_int_equal(told_err.kind, ERR_NONE);
    close_all();
}

static const ServerLimits aging = { .age_max_ns = 60 * NANOS_PER_SECOND,
                                    .age_grace_ns = 10 * NANOS_PER_SECOND };

static void an_old_connection_takes_no_new_calls_and_nobody_notices(void **state)
{
    (void)state;
    open_server(&aging, &(GrpcClientSettings){ 0 });
    call("/s/Now", second);
    assert_int_equal(told_err.kind, ERR_NONE);
    pass(59 * second);
    call("/s/Now", second);
    assert_int_equal(server_counts(server).connections_accepted, 1);
    pass(2 * second);
    call("/s/Now", second);
    assert_int_equal(told, 1);
    assert_int_equal(told_err.kind, ERR_NONE);
    assert_int_equal(server_counts(server).connections_accepted, 2);
    pass(2 * second);
    assert_int_equal(server_counts(server).connections_open, 1);
    close_all();
}

static void calls_under_way_have_the_grace_to_end(void **state)
{
    (void)state;
    for (int in_time = 0; in_time < 2; in_time++) {
        open_server(&aging, &(GrpcClientSettings){ 0 });
        call("/s/Later", 600 * second);
        pass(61 * second);
        pass(8 * second);
        assert_int_equal(told, 0);
        if (in_time)
            finish();
        pass(4 * second);
        assert_int_equal(told, 1);
        assert_int_equal(told_err.kind == ERR_NONE, in_time);
        assert_int_equal(server_counts(server).connections_open, 0);
        if (!in_time)
            finish();
        close_all();
    }
}

static void get(void)
{
    Err err = { 0 };
    HttpCall wanted = { .method = STR("GET"), .target = STR("/"), .done = http_done };
    told = 0;
    assert_true(http_client_send(http, &wanted, &err));
    turn();
    assert_int_equal(told, 1);
    assert_int_equal(told_err.kind, ERR_NONE);
}

static void http1_ages_too(void **state)
{
    (void)state;
    open_server(&aging, &(GrpcClientSettings){ 0 });
    get();
    get();
    assert_int_equal(server_counts(server).connections_accepted, 1);
    for (int i = 0; i < 7; i++) { /* less than the client's idle time each */
        pass(9 * second);
        get();
    }
    assert_int_equal(server_counts(server).connections_accepted, 2);
    close_all();
}

/* Its time comes between two lines of a header: the answer is the last one all the same. */
static void a_connection_that_ages_within_a_header_ends_behind_its_answer(void **state)
{
    (void)state;
    open_server(&(ServerLimits){ .age_max_ns = 60 * NANOS_PER_SECOND }, &(GrpcClientSettings){ 0 });
    Address address = server_address(server);
    assert_true(raw_peer_connect(&peer, loop, &address));
    raw_peer_send(&peer, STR("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(raw_peer_wait(&peer, "ok"));
    pass(59 * second);
    raw_peer_send(&peer, STR("GET / HTTP/1.1\r\n"));
    pass(2 * second);
    raw_peer_send(&peer, STR("Host: x\r\n\r\n"));
    assert_true(raw_peer_wait(&peer, "connection: close\r\n"));
    assert_true(raw_peer_wait_end(&peer));
    raw_peer_close(&peer);
    close_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_peer_that_answers_no_ping_is_given_up),
        cmocka_unit_test(nobody_is_pinged_unless_that_was_set),
        cmocka_unit_test(without_calls_pings_are_a_setting_of_their_own),
        cmocka_unit_test(a_peer_that_answers_pings_is_waited_for),
        cmocka_unit_test(an_old_connection_takes_no_new_calls_and_nobody_notices),
        cmocka_unit_test(calls_under_way_have_the_grace_to_end),
        cmocka_unit_test(http1_ages_too),
        cmocka_unit_test(a_connection_that_ages_within_a_header_ends_behind_its_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
