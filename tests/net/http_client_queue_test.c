/* Requests that wait for a connection while another one cannot be made: who fails, who waits, and
 * that nobody dials without end. On a simulated network whose connects fail as the test says. */
#include "net/http_client.h"
#include "net/server.h"

#include "support/sim_net.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { CALLS = 3 };

typedef struct World {
    SimNet net;
    Loop *loop;
    Server *server;
    HttpClient *client;
    Request *kept[CALLS];
    int handled;
    int (*real_connect)(Sockets *sockets, const Address *address);
    int connects, good_connects; /* so many of them succeed */
    struct {
        int calls, status;
        char error[248];
    } told[CALLS];
} World;

static World world;

static void keep(void *owner, Request *request)
{
    (void)owner;
    assert_true(world.handled < CALLS);
    world.kept[world.handled++] = request;
}

static int connect_as_told(Sockets *sockets, const Address *address)
{
    return world.connects++ < world.good_connects ? world.real_connect(sockets, address)
                                                  : -ECONNREFUSED;
}

static void start(int good_connects)
{
    Err err = { 0 };
    char url[64];
    memset(&world, 0, sizeof world);
    sim_net_init(&world.net, 1, 0);
    world.good_connects = good_connects;
    world.real_connect = world.net.sockets.connect;
    world.net.sockets.connect = connect_as_told;
    world.loop = loop_new(&world.net.clock.base, &world.net.sockets, &err);
    const ServerSettings settings = { .loop = world.loop, .endpoint = STR("127.0.0.1:0") };
    const Route route = { STR("/"), STR("GET"), keep, NULL, 0 };
    world.server = server_new(&settings, &err);
    assert_true(world.server && server_route(world.server, &route, &err) &&
                server_listen(world.server, &err));
    Address address = server_address(world.server);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", (unsigned)address_port(&address));
    const HttpClientSettings client = { .loop = world.loop,
                                        .url = str_from(url),
                                        .connections = CALLS };
    world.client = http_client_new(&client, &err);
    assert_non_null(world.client);
}

static void stop(void)
{
    http_client_free(world.client);
    server_free(world.server);
    loop_free(world.loop);
    assert_int_equal(sim_net_open(&world.net), 0);
}

static void turn(void)
{
    for (int i = 0; i < 200; i++)
        loop_step(world.loop, 0);
}

static void pass_ns(int64_t ns)
{
    test_clock_advance(&world.net.clock, ns);
    turn();
}

static void done(void *owner, HttpResponse *response, const Err *err)
{
    size_t i = *(const size_t *)owner;
    world.told[i].calls++;
    world.told[i].status = response->status;
    if (err)
        memcpy(world.told[i].error, err->text, sizeof err->text);
}

static const size_t numbers[CALLS] = { 0, 1, 2 };

static void ask_all(void)
{
    Err err = { 0 };
    for (size_t i = 0; i < CALLS; i++) {
        HttpCall call = { .method = STR("GET"),
                          .target = STR("/"),
                          .timeout_ns = 60 * NANOS_PER_SECOND,
                          .done = done,
                          .owner = (void *)(uintptr_t)&numbers[i] };
        assert_true(http_client_send(world.client, &call, &err));
    }
    turn();
}

static int count_told(void)
{
    int told = 0;
    for (size_t i = 0; i < CALLS; i++)
        told += world.told[i].calls;
    return told;
}

static void assert_all_answered(void)
{
    for (size_t i = 0; i < CALLS; i++) {
        assert_int_equal(world.told[i].calls, 1);
        assert_int_equal(world.told[i].status, 200);
    }
}

static void one_connection_serves_all_when_no_other_can_be_made(void **state)
{
    (void)state;
    start(1);
    ask_all();
    assert_int_equal(world.connects, CALLS);
    for (int i = 0; i < CALLS; i++) {
        assert_int_equal(world.handled, i + 1);
        assert_int_equal(count_told(), i);
        request_answer_text(world.kept[i], 200, STR("ok"));
        turn();
    }
    assert_all_answered();
    assert_int_equal(world.connects, CALLS); /* all within one second */
    stop();
}

static void further_ones_are_tried_again_after_a_second(void **state)
{
    (void)state;
    start(1);
    ask_all();
    pass_ns(NANOS_PER_SECOND - 1);
    assert_int_equal(world.connects, CALLS);
    pass_ns(1);
    assert_int_equal(world.connects, CALLS + 2); /* for the two that wait; refused again */
    assert_int_equal(count_told(), 0);
    world.good_connects = 100;
    pass_ns(NANOS_PER_SECOND);
    assert_int_equal(world.handled, CALLS);
    for (int i = 0; i < CALLS; i++)
        request_answer_text(world.kept[i], 200, STR("ok"));
    turn();
    assert_all_answered();
    stop();
}

static void without_any_connection_all_are_told_at_once(void **state)
{
    (void)state;
    start(0);
    ask_all();
    for (size_t i = 0; i < CALLS; i++) {
        assert_int_equal(world.told[i].calls, 1);
        assert_non_null(strstr(world.told[i].error, "connecting to 127.0.0.1:"));
    }
    pass_ns(10 * NANOS_PER_SECOND);
    assert_int_equal(world.connects, CALLS);
    stop();
}

static void whoever_waits_for_the_last_one_is_told_when_it_ends(void **state)
{
    (void)state;
    start(1);
    ask_all();
    assert_int_equal(world.handled, 1);
    server_free(world.server); /* with it the connection that serves */
    world.server = NULL;
    turn();
    assert_int_equal(count_told(), CALLS);
    pass_ns(10 * NANOS_PER_SECOND);
    assert_int_equal(world.connects, CALLS + 2); /* one for each that waited, at once */
    request_answer_text(world.kept[0], 200, STR("to nobody"));
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_connection_serves_all_when_no_other_can_be_made),
        cmocka_unit_test(further_ones_are_tried_again_after_a_second),
        cmocka_unit_test(without_any_connection_all_are_told_at_once),
        cmocka_unit_test(whoever_waits_for_the_last_one_is_told_when_it_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
