/* The circuit breaker: when it opens, what it lets through, and that it loses nothing. */
#include "pipe/sender_rig.h"

#include "otlp/batch.h"
#include "support/make_batch.h"
#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#undef fail /* ours is in base/err.h */

#define QUICK_RETRY                                                                        \
    "retry_on_failure: {randomization_factor: 0, multiplier: 1, initial_interval: 100ms, " \
    "max_elapsed_time: 0s}"
#define BREAKER "circuit_breaker: {consecutive_failures: 3, probe_interval: 2s}"

static CircuitState state_of(Rig *rig)
{
    return test_host_status(rig->test).circuit;
}

static void push_some(Rig *rig, int count)
{
    Err err;
    for (int i = 0; i < count; i++)
        assert_true(rig_push(rig, 1, &err));
}

/* Three failures of different elements in a row: it opens. */
static Rig open_breaker(const char *yaml, int elements)
{
    Rig rig = rig_open(yaml);
    push_some(&rig, elements);
    assert_int_equal(state_of(&rig), CIRCUIT_CLOSED);
    assert_int_equal(rig.far->waiting, 3);
    for (int i = 0; i < 3; i++)
        rig_answer(&rig, &again);
    assert_int_equal(state_of(&rig), CIRCUIT_OPEN);
    return rig;
}

#define YAML "{" QUICK_RETRY ", " BREAKER ", sending_queue: {num_consumers: 3, queue_size: 20}}"

static void test_opens_and_sends_one_probe_at_a_time(void **state)
{
    (void)state;
    Rig rig = open_breaker(YAML, 8);
    for (int i = 0; i < 3; i++) { /* back-off alone would have asked sixty times by then */
        size_t before = rig.far->total;
        assert_int_equal(rig_ms_until_attempt(&rig, 9000), 2000);
        assert_int_equal(rig.far->total, before + 1);
        assert_int_equal(state_of(&rig), CIRCUIT_HALF_OPEN);
        test_host_tick(rig.test, 5 * NANOS_PER_SECOND); /* however long the probe takes */
        assert_int_equal(rig.far->waiting, 1);
        rig_answer(&rig, &again);
        assert_int_equal(state_of(&rig), CIRCUIT_OPEN);
    }
    assert_int_equal(rig_ms_until_attempt(&rig, 9000), 2000);
    rig_answer(&rig, &delivered);
    assert_int_equal(state_of(&rig), CIRCUIT_CLOSED);
    assert_int_equal(rig.far->waiting, 3); /* all consumers work again, at once */
    while (rig.far->waiting)
        rig_answer(&rig, &delivered);
    ComponentStatus status = test_host_status(rig.test);
    assert_int_equal(status.sent, 8);
    assert_int_equal(status.dropped, 0);
    test_host_free(rig.test);
}

/* One that is never taken is not the probe for ever. */
static void test_probes_take_turns(void **state)
{
    (void)state;
    Rig rig = open_breaker(YAML, 3);
    const Batch *seen[3];
    for (int i = 0; i < 3; i++) {
        assert_int_equal(rig_ms_until_attempt(&rig, 9000), 2000);
        seen[i] = rig.far->attempts[0].batch;
        rig_answer(&rig, &again);
    }
    assert_true(seen[0] != seen[1] && seen[1] != seen[2] && seen[0] != seen[2]);
    test_host_free(rig.test);
}

static void test_only_failures_in_a_row_count(void **state)
{
    (void)state;
    static const AckOutcome partly = { .result = ACK_PARTLY,
                                       .refused = 1,
                                       .reason = { ERR_INPUT, 0, "one" } };
    const AckOutcome *answers[] = { &delivered, &refused, &partly }; /* each is an answer */
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        Rig rig = rig_open(YAML);
        push_some(&rig, 12);
        for (int round = 0; round < 3; round++) {
            rig_answer(&rig, &again);
            rig_answer(&rig, &again);
            rig_answer(&rig, answers[i]);
            assert_int_equal(state_of(&rig), CIRCUIT_CLOSED);
            test_host_tick(rig.test, 200 * NANOS_PER_MILLI);
        }
        test_host_free(rig.test);
    }
}

/* What was sent before it opened may still be answered. */
static void test_a_late_answer_closes_it(void **state)
{
    (void)state;
    Rig rig = rig_open("{" QUICK_RETRY ", " BREAKER
                       ", sending_queue: {num_consumers: 4, queue_size: 20}}");
    push_some(&rig, 6);
    for (int i = 0; i < 3; i++)
        rig_answer(&rig, &again);
    assert_int_equal(state_of(&rig), CIRCUIT_OPEN);
    test_host_tick(rig.test, NANOS_PER_SECOND); /* their retries are due by now, and kept */
    assert_int_equal(rig.far->waiting, 1);
    rig_answer(&rig, &delivered);
    assert_int_equal(state_of(&rig), CIRCUIT_CLOSED);
    assert_int_equal(rig.far->waiting, 4);
    test_host_free(rig.test);
}

/* The minute of max_elapsed_time passes while it is open: nothing is given up for that. */
static void test_it_loses_nothing(void **state)
{
    (void)state;
    Rig rig = open_breaker("{retry_on_failure: {randomization_factor: 0, initial_interval: 100ms, "
                           "max_elapsed_time: 10s}, circuit_breaker: {consecutive_failures: 3, "
                           "probe_interval: 60s}, sending_queue: {num_consumers: 3}}",
                           9);
    assert_int_equal(rig_ms_until_attempt(&rig, 90000), 60000);
    assert_int_equal(test_host_status(rig.test).dropped, 0);
    rig_answer(&rig, &again); /* its own attempt has failed after its own time: the back-off's no */
    assert_int_equal(test_host_status(rig.test).dropped, 1);
    assert_int_equal(rig_ms_until_attempt(&rig, 90000), 60000);
    rig_answer(&rig, &delivered);
    while (rig.far->waiting)
        rig_answer(&rig, &delivered);
    assert_int_equal(test_host_status(rig.test).sent, 8);
    test_host_free(rig.test);
}

static void test_without_retries(void **state)
{
    (void)state;
    Rig rig = open_breaker("{retry_on_failure: {enabled: false}, " BREAKER
                           ", sending_queue: {num_consumers: 3}}",
                           7);
    assert_int_equal(test_host_status(rig.test).dropped, 3); /* as the settings have it */
    rig_answer(&rig, &again);                                /* two more were on their way */
    rig_answer(&rig, &again);
    assert_int_equal(rig.far->waiting, 0);
    assert_int_equal(rig_ms_until_attempt(&rig, 9000), 2000);
    rig_answer(&rig, &delivered);
    while (rig.far->waiting)
        rig_answer(&rig, &delivered);
    assert_int_equal(test_host_status(rig.test).sent, 2);
    test_host_free(rig.test);
}

static void test_nothing_waits_and_then_something_comes(void **state)
{
    (void)state;
    Rig rig = open_breaker("{retry_on_failure: {enabled: false}, " BREAKER
                           ", sending_queue: {num_consumers: 3}}",
                           3);
    Err err;
    test_host_tick(rig.test, 10 * NANOS_PER_SECOND);
    assert_int_equal(state_of(&rig), CIRCUIT_OPEN);
    assert_true(rig_push(&rig, 1, &err)); /* so it is the probe */
    assert_int_equal(rig.far->waiting, 1);
    assert_true(rig_push(&rig, 1, &err));
    assert_int_equal(rig.far->waiting, 1);
    rig_answer(&rig, &delivered);
    assert_int_equal(rig.far->waiting, 1);
    test_host_free(rig.test);
}

static void test_health_hears_of_it(void **state)
{
    (void)state;
    Rig rig = open_breaker(YAML, 4);
    assert_string_equal(test_host_status(rig.test).degraded, "the circuit breaker is open: gone");
    assert_string_equal(test_host_status(rig.test).blocked, ""); /* there is room */
    assert_int_equal(rig_ms_until_attempt(&rig, 9000), 2000);
    assert_string_equal(test_host_status(rig.test).degraded, "the circuit breaker is open: gone");
    rig_answer(&rig, &delivered);
    assert_string_equal(test_host_status(rig.test).degraded, "");
    test_host_free(rig.test);
}

static void test_draining_closes_it(void **state)
{
    (void)state;
    Rig rig = open_breaker(YAML, 8);
    test_host_tick(rig.test, NANOS_PER_SECOND);
    assert_int_equal(rig.far->waiting, 0);
    test_host_flush(rig.test);
    assert_int_equal(rig.far->waiting, 3);
    for (int i = 0; i < 3; i++)
        rig_answer(&rig, &again);
    assert_int_equal(state_of(&rig), CIRCUIT_CLOSED); /* it opens no more */
    assert_in_range(rig_ms_until_attempt(&rig, 9000), 1, SENDER_DRAIN_RETRY_MS);
    while (rig.far->waiting || rig_ms_until_attempt(&rig, 1000) < 1000)
        rig_answer(&rig, &delivered);
    assert_int_equal(test_host_status(rig.test).sent, 8);
    test_host_free(rig.test);
}

static void test_stopping_gives_back_what_it_keeps(void **state)
{
    (void)state;
    Rig rig = open_breaker(YAML, 8);
    test_host_tick(rig.test, NANOS_PER_SECOND);
    test_host_stop(rig.test);
    assert_int_equal(test_host_status(rig.test).dropped, 8);
    assert_int_equal(test_host_open(rig.test), 0);
    test_host_free(rig.test);
}

/* Answers from inside send(): a probe that fails or works before the attempt returns. */
static void test_answers_from_inside(void **state)
{
    (void)state;
    Rig rig = rig_open(YAML);
    rig.far->at_once = &again;
    push_some(&rig, 8);
    assert_int_equal(state_of(&rig), CIRCUIT_OPEN);
    assert_int_equal(rig_ms_until_attempt(&rig, 9000), 2000);
    assert_int_equal(state_of(&rig), CIRCUIT_OPEN);
    rig.far->at_once = &delivered;
    assert_int_equal(rig_ms_until_attempt(&rig, 9000), 2000);
    assert_int_equal(state_of(&rig), CIRCUIT_CLOSED);
    assert_int_equal(test_host_status(rig.test).sent, 8);
    assert_int_equal(sender_waiting(rig.far->sender), 0);
    test_host_free(rig.test);
}

static void test_it_can_be_turned_off(void **state)
{
    (void)state;
    Rig rig = rig_open("{" QUICK_RETRY ", circuit_breaker: {enabled: false}}");
    push_some(&rig, 1);
    for (int i = 0; i < 50; i++) {
        rig_answer(&rig, &again);
        assert_int_equal(rig_ms_until_attempt(&rig, 9000), 100);
    }
    assert_int_equal(state_of(&rig), CIRCUIT_NONE);
    test_host_free(rig.test);
}

static void test_the_default_opens_after_ten(void **state)
{
    (void)state;
    Rig rig = rig_open("{" QUICK_RETRY "}");
    push_some(&rig, 20);
    for (int i = 0; i < 9; i++)
        rig_answer(&rig, &again);
    assert_int_equal(state_of(&rig), CIRCUIT_CLOSED);
    rig_answer(&rig, &again);
    assert_int_equal(state_of(&rig), CIRCUIT_OPEN);
    assert_int_equal(rig_ms_until_attempt(&rig, 9000), 5000);
    test_host_free(rig.test);
}

static void quiet(void *context, LogLevel level, Str component, Str message)
{
    (void)context, (void)level, (void)component, (void)message;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opens_and_sends_one_probe_at_a_time),
        cmocka_unit_test(test_probes_take_turns),
        cmocka_unit_test(test_only_failures_in_a_row_count),
        cmocka_unit_test(test_a_late_answer_closes_it),
        cmocka_unit_test(test_it_loses_nothing),
        cmocka_unit_test(test_without_retries),
        cmocka_unit_test(test_nothing_waits_and_then_something_comes),
        cmocka_unit_test(test_health_hears_of_it),
        cmocka_unit_test(test_draining_closes_it),
        cmocka_unit_test(test_stopping_gives_back_what_it_keeps),
        cmocka_unit_test(test_answers_from_inside),
        cmocka_unit_test(test_it_can_be_turned_off),
        cmocka_unit_test(test_the_default_opens_after_ten),
    };
    log_set_sink(&(LogSink){ quiet, NULL, LOG_INFO });
    return cmocka_run_group_tests(tests, NULL, NULL);
}
