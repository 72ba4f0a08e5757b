/* Our clients against our server over TLS: over a network that one seed drives, and over real
 * sockets. */
#include "net/tls_world.h"
#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { CALLS = 12, BODY_MAX = 40000 };

/* ---- what works ---- */

static void both_clients_speak_tls_over_real_sockets(void **state)
{
    (void)state;
    world_open_real();
    TlsOptions server = world_server_options(&good), client = world_client_options();
    world_open_server(&server);
    world_open_clients(&client);
    for (size_t size = 0; size < 3000000; size = size * 9 + 1) {
        world_must_answer(BY_GRPC, size);
        world_must_answer(BY_HTTP, size);
    }
    assert_int_equal(world.failed_handshakes, 0);
    assert_int_equal(server_counts(world.server).connections_accepted, 2);
    world_close();
}

static uint64_t live_once(uint64_t seed, uint64_t reset_in)
{
    Outcome outcomes[CALLS];
    uint64_t answered = 0;
    long before = starve_live();
    world_open_sim(seed, reset_in);
    TlsOptions server = world_server_options(&good), client = world_client_options();
    world_open_server(&server);
    world_open_clients(&client);
    for (size_t i = 0; i < CALLS; i++) {
        world_ask(random_below(&world.net.random, 2) ? BY_GRPC : BY_HTTP,
                  random_below(&world.net.random, BODY_MAX), &outcomes[i]);
        for (uint64_t turns = random_below(&world.net.random, 20); turns > 0; turns--)
            loop_step(world.loop, NANOS_PER_MILLI);
    }
    for (int i = 0; i < 20000 && loop_now(world.loop) < 9 * NANOS_PER_SECOND; i++)
        loop_step(world.loop, NANOS_PER_SECOND / 10);
    world_close();
    for (size_t i = 0; i < CALLS; i++) {
        assert_int_equal(outcomes[i].told, 1);
        answered += outcomes[i].answered;
    }
    assert_int_equal(starve_live(), before);
    return answered;
}

static void every_call_is_answered_over_any_network(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        uint64_t answered = live_once(seed, 0);
        if (answered != CALLS)
            fail_msg("seed %llu: %llu of %d answered", (unsigned long long)seed,
                     (unsigned long long)answered, CALLS);
    }
}

static void with_resets_every_call_is_told_once(void **state)
{
    (void)state;
    uint64_t answered = 0;
    for (uint64_t seed = 0; seed < 40; seed++)
        answered += live_once(seed, 50 + 40 * (seed % 10));
    assert_true(answered > 0);
}

/* Whichever allocation fails while a connection is made and used, the call is told its outcome and
 * nothing is left behind. */
static void any_allocation_may_fail(void **state)
{
    (void)state;
    static const Way ways[] = { BY_GRPC, BY_HTTP };
    long failed = 0;
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        for (long n = 0;; n++) {
            Outcome outcome = { 0 };
            long before = starve_live();
            world_open_sim(1, 0);
            TlsOptions server = world_server_options(&good), client = world_client_options();
            world_open_server(&server);
            world_open_clients(&client);
            world_ask(ways[i], 1000, &outcome);
            starve_after(n);
            for (int turns = 0; turns < 20000 && !outcome.told; turns++)
                loop_step(world.loop, NANOS_PER_SECOND);
            int happened = starve_happened();
            starve_end();
            world_close();
            assert_int_equal(outcome.told, 1);
            assert_int_equal(starve_live(), before);
            failed += happened;
            if (!happened)
                break;
        }
    }
    assert_true(failed > 20);
}

int main(void)
{
    starve_after(-1); /* for its count of what is alive */
    world_make_certs();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_clients_speak_tls_over_real_sockets),
        cmocka_unit_test(every_call_is_answered_over_any_network),
        cmocka_unit_test(any_allocation_may_fail),
        cmocka_unit_test(with_resets_every_call_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
