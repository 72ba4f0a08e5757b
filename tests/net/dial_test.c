/* Which address a connection begins with, what follows when it fails, and when names are asked
 * again. On the simulated network a port stands for an address: it knows no others. */
#include "net/dial_internal.h"

#include "support/sim_net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static SimNet net;
static Loop *loop;
static DialTarget target;
static Dial dial;
static int told;
static Err told_err;
static bool connected;

static void done(void *owner, const Channel *channel, const Err *err)
{
    (void)owner;
    told++;
    connected = channel != NULL;
    told_err = err ? *err : (Err){ 0 };
    if (channel)
        channel_close(loop, *channel);
}

static void open_all(const char *endpoint)
{
    Err err = { 0 };
    sim_net_init(&net, 1, 0);
    loop = loop_new(&net.clock.base, &net.sockets, &err);
    target = (DialTarget){ .loop = loop, .timeout_ns = 10 * NANOS_PER_SECOND };
    assert_true(loop && dial_target_init(&target, str_from(endpoint), &err));
}

static void close_all(void)
{
    dial_target_done(&target);
    loop_free(loop);
}

static void know(const char *const *hosts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_true(address_from_literal(&target.known.addresses[i], str_from(hosts[i]),
                                         (uint16_t)(i + 1)));
    target.known.count = count;
    target.known_ns = loop_now(loop);
}

static int listen_on(uint16_t port)
{
    Address address;
    assert_true(address_from_literal(&address, STR("127.0.0.1"), port));
    return net.sockets.listen(&net.sockets, &address, (ListenOptions){ .backlog = 1 });
}

static void dial_once(void)
{
    told = 0;
    dial_start(&dial, &target, done, NULL);
    assert_int_equal(told, 0); /* never from inside */
    for (int i = 0; i < 1000 && !told; i++)
        loop_step(loop, NANOS_PER_SECOND / 10);
    assert_int_equal(told, 1);
}

static void connections_go_round_the_preferred_family(void **state)
{
    (void)state;
    static const char *const hosts[] = { "::1", "::2", "127.0.0.1", "::3", "127.0.0.2" };
    static const uint16_t first[] = { 1, 2, 4, 1 };
    static const uint16_t rest[][4] = {
        { 2, 4, 3, 5 }, { 4, 1, 3, 5 }, { 1, 2, 3, 5 }, { 2, 4, 3, 5 }
    };
    open_all("name:1");
    know(hosts, COUNT_OF(hosts));
    for (size_t round = 0; round < COUNT_OF(first); round++) {
        dial_once(); /* nobody listens */
        assert_false(connected);
        assert_int_equal(dial.found.count, COUNT_OF(hosts));
        assert_int_equal(address_port(&dial.found.addresses[0]), first[round]);
        for (size_t i = 0; i < 4; i++)
            assert_int_equal(address_port(&dial.found.addresses[i + 1]), rest[round][i]);
    }
    close_all();
}

static void an_address_that_refuses_is_followed_by_the_next(void **state)
{
    (void)state;
    static const char *const hosts[] = { "::1", "127.0.0.1" };
    open_all("name:1");
    int fd = listen_on(2);
    know(hosts, COUNT_OF(hosts));
    dial_once();
    assert_true(connected);
    net.sockets.close(&net.sockets, fd);
    close_all();
}

static int (*real_connect)(Sockets *sockets, const Address *address);

/* Port 1 is a hole: nothing comes back, neither yes nor no. */
static int connect_into_holes(Sockets *sockets, const Address *address)
{
    int fd = real_connect(sockets, address);
    if (address_port(address) == 1)
        net.all[fd - 1].hole = true;
    return fd;
}

static void a_silent_address_takes_only_its_share_of_the_time(void **state)
{
    (void)state;
    static const char *const hosts[] = { "::1", "127.0.0.1" };
    open_all("name:1");
    int fd = listen_on(2);
    real_connect = net.sockets.connect;
    net.sockets.connect = connect_into_holes;
    know(hosts, COUNT_OF(hosts));
    dial_once();
    assert_true(connected);
    assert_true(loop_now(loop) >= 5 * NANOS_PER_SECOND && loop_now(loop) < 6 * NANOS_PER_SECOND);
    know(hosts, 1);
    dial_once();
    assert_false(connected);
    assert_int_equal(told_err.kind, ERR_TIMEOUT);
    assert_non_null(strstr(told_err.text, "connecting to name:1: no connection within 10000 ms"));
    net.sockets.close(&net.sockets, fd);
    close_all();
}

static void a_name_is_asked_again_only_after_a_while(void **state)
{
    (void)state;
    static const char *const stale[] = { "10.0.0.1" };
    open_all("127.0.0.1:9");
    know(stale, 1);
    dial_once();
    assert_int_equal(address_port(&dial.found.addresses[0]), 1); /* what was known */
    test_clock_advance(&net.clock, 6 * NANOS_PER_SECOND);
    dial_once();
    assert_int_equal(address_port(&dial.found.addresses[0]), 9); /* what it is now */
    close_all();
}

static void what_was_known_serves_when_the_resolver_does_not(void **state)
{
    (void)state;
    static const char *const known[] = { "10.0.0.1" };
    char endpoint[270];
    memset(endpoint, 'a', sizeof endpoint); /* too long for a name: refused at once */
    memcpy(endpoint + 260, ":1", 3);
    open_all(endpoint);
    int fd = listen_on(1);
    test_clock_advance(&net.clock, 60 * NANOS_PER_SECOND);
    know(known, 1);
    target.known_ns = 0;
    dial_once();
    assert_true(connected);
    target.known.count = 0;
    dial_once();
    assert_non_null(strstr(told_err.text, "connecting to aaaa"));
    net.sockets.close(&net.sockets, fd);
    close_all();
}

static void a_dial_that_is_cancelled_says_nothing(void **state)
{
    (void)state;
    static const char *const hosts[] = { "::1" };
    open_all("name:1");
    know(hosts, 1);
    for (int turns = 0; turns < 4; turns++) {
        told = 0;
        dial_start(&dial, &target, done, NULL);
        for (int i = 0; i < turns && !told; i++)
            loop_step(loop, 0);
        int before = told;
        dial_cancel(&dial);
        loop_step(loop, 0);
        assert_int_equal(told, before);
    }
    assert_int_equal(sim_net_open(&net), 0);
    close_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_go_round_the_preferred_family),
        cmocka_unit_test(an_address_that_refuses_is_followed_by_the_next),
        cmocka_unit_test(a_silent_address_takes_only_its_share_of_the_time),
        cmocka_unit_test(a_name_is_asked_again_only_after_a_while),
        cmocka_unit_test(what_was_known_serves_when_the_resolver_does_not),
        cmocka_unit_test(a_dial_that_is_cancelled_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
