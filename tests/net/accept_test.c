/* No room for new connections: who gives way, who is told 503, and that nobody is left waiting. */
#include "net/server.h"

#include "support/h2_frames.h"
#include "support/sim_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define GET "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

enum { BY_MEMORY = 999 }; /* as many connections as a budget has room for */

typedef struct Fixture {
    SimNet net;
    Loop *loop;
    Server *server;
    Address address;
    Budget budget;
} Fixture;

static void hello(void *owner, Request *request)
{
    (void)owner;
    request_answer_text(request, 200, STR("hello"));
}

static void start(Fixture *f, const ServerLimits *limits)
{
    Err err = { 0 };
    sim_net_init(&f->net, 1, 0);
    f->loop = loop_new(&f->net.clock.base, &f->net.sockets, &err);
    budget_init(&f->budget, 88000); /* a quarter of it is for connections: two */
    ServerSettings settings = { .loop = f->loop, .endpoint = STR("127.0.0.1:0") };
    settings.budget = limits->connections == BY_MEMORY ? &f->budget : NULL;
    settings.limits = *limits;
    const Route route = { STR("/"), STR("GET"), hello, f, 0 };
    f->server = server_new(&settings, &err);
    assert_true(f->server && server_route(f->server, &route, &err));
    assert_true(server_listen(f->server, &err));
    f->address = server_address(f->server);
}

static void stop(Fixture *f)
{
    server_free(f->server);
    loop_free(f->loop);
    assert_int_equal(sim_net_open(&f->net), 0);
}

static SimPeer come(Fixture *f, Str bytes)
{
    SimPeer peer;
    assert_true(sim_peer_connect(&peer, &f->net, f->loop, &f->address));
    sim_peer_send(&peer, bytes);
    return peer;
}

static void close_all(SimPeer *peers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sim_peer_close(&peers[i]);
}

static void the_idlest_gives_way(void **state)
{
    (void)state;
    static Fixture f;
    SimPeer peers[5];
    start(&f, &(ServerLimits){ .connections = 3 });
    for (size_t i = 0; i < 3; i++) {
        peers[i] = come(&f, STR(GET));
        assert_true(sim_peer_wait(&peers[i], "hello"));
    }
    sim_peer_send(&peers[0], STR(GET)); /* now the second has been idle longest */
    peers[3] = come(&f, STR(GET));
    assert_true(sim_peer_wait(&peers[3], "hello"));
    assert_true(sim_peer_wait_end(&peers[1]));
    peers[4] = come(&f, STR(GET));
    assert_true(sim_peer_wait(&peers[4], "hello"));
    assert_true(sim_peer_wait_end(&peers[2]));
    sim_peer_send(&peers[0], STR(GET));
    assert_false(peers[0].ended);
    ServerCounts counts = server_counts(f.server);
    assert_int_equal(counts.connections_open, 3);
    assert_int_equal(counts.connections_evicted, 2);
    assert_int_equal(counts.connections_refused, 0);
    close_all(peers, 5);
    stop(&f);
}

static void who_is_busy_stays_and_the_newcomer_is_told(void **state)
{
    (void)state;
    static Fixture f;
    static const char *const busy[] = {
        "", "G", "GET / HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n", "POST / HTTP/1.1\r\nHost: x\r\n",
    };
    for (size_t i = 0; i < COUNT_OF(busy); i++) {
        start(&f, &(ServerLimits){ .connections = 1 });
        SimPeer first = come(&f, str_from(busy[i])), second = come(&f, STR(GET));
        assert_true(sim_peer_wait_end(&second));
        assert_true(str_starts(STR("HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\n"),
                               str_first(buf_str(&second.got), 50))); /* what arrived of it */
        assert_int_equal(server_counts(f.server).connections_refused, 1);
        assert_false(first.ended);
        sim_peer_close(&first);
        sim_peer_close(&second);
        stop(&f);
    }
}

static void an_idle_http2_connection_is_told_to_go(void **state)
{
    (void)state;
    static Fixture f;
    Str last;
    Buf bytes = BUF(4096);
    start(&f, &(ServerLimits){ .connections = 1 });
    h2_add_start(&bytes);
    SimPeer first = come(&f, buf_str(&bytes)), second = come(&f, STR(GET));
    assert_true(sim_peer_wait(&second, "hello"));
    assert_true(sim_peer_wait_end(&first));
    assert_int_equal(h2_count(buf_str(&first.got), H2_GOAWAY, &last), 1);
    sim_peer_close(&first);
    sim_peer_close(&second);
    buf_free(&bytes);
    stop(&f);
}

static void memory_is_room_too(void **state)
{
    (void)state;
    static Fixture f;
    start(&f, &(ServerLimits){ .connections = BY_MEMORY });
    SimPeer first = come(&f, STR(GET)), second = come(&f, STR("GET")), third = come(&f, STR(GET));
    assert_true(sim_peer_wait(&third, "hello"));
    assert_true(sim_peer_wait_end(&first));
    assert_false(second.ended);
    assert_int_equal(server_counts(f.server).connections_evicted, 1);
    sim_peer_close(&first);
    sim_peer_close(&second);
    sim_peer_close(&third);
    stop(&f);
}

static void without_descriptors_the_spare_one_answers(void **state)
{
    (void)state;
    static Fixture f;
    SimPeer peers[20];
    start(&f, &(ServerLimits){ 0 });
    for (size_t i = 0; i < COUNT_OF(peers); i++)
        assert_true(sim_peer_connect(&peers[i], &f.net, f.loop, &f.address));
    f.net.most = 27; /* twenty ends of the peers', listener, spare: five can be accepted */
    for (size_t i = 0; i < COUNT_OF(peers); i++)
        sim_peer_send(&peers[i], STR(GET));
    ServerCounts counts = server_counts(f.server);
    assert_int_equal(counts.connections_accepted, 5);
    assert_int_equal(counts.connections_refused, 15);
    size_t told = 0, served = 0;
    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        told += peers[i].ended;
        served += sim_peer_has(&peers[i], "hello");
    }
    assert_int_equal(served, 5);
    assert_int_equal(told, 15);
    close_all(peers, COUNT_OF(peers));
    while (loop_step(f.loop, 0)) {
    }
    SimPeer late = come(&f, STR(GET));
    assert_true(sim_peer_wait(&late, "hello"));
    sim_peer_close(&late);
    stop(&f);
}

static void without_a_spare_one_accepting_pauses(void **state)
{
    (void)state;
    static Fixture f;
    f.net.most = 0;
    start(&f, &(ServerLimits){ 0 });
    SimPeer first = come(&f, STR(GET)), second;
    assert_true(sim_peer_connect(&second, &f.net, f.loop, &f.address));
    f.net.most = 1; /* not even the spare one can be had again */
    sim_peer_send(&second, STR(GET));
    assert_int_equal(server_counts(f.server).connections_accepted, 1);
    assert_false(sim_peer_has(&second, "hello"));
    f.net.most = 0;
    sim_peer_pass(&second, 1);
    assert_true(sim_peer_has(&second, "hello"));
    sim_peer_close(&first);
    sim_peer_close(&second);
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_idlest_gives_way),
        cmocka_unit_test(who_is_busy_stays_and_the_newcomer_is_told),
        cmocka_unit_test(an_idle_http2_connection_is_told_to_go),
        cmocka_unit_test(memory_is_room_too),
        cmocka_unit_test(without_descriptors_the_spare_one_answers),
        cmocka_unit_test(without_a_spare_one_accepting_pauses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
