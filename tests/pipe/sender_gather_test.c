/* Batches made of what waits in the sending_queue. */
#include "pipe/sender_rig.h"

#include "otlp/batch.h"
#include "support/make_batch.h"
#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#undef fail /* ours is in base/err.h */

static void expect_delivered(Rig *rig, size_t acks)
{
    for (size_t i = 0; i < acks; i++) {
        assert_true(test_host_ack(rig->test, i)->heard);
        assert_int_equal(test_host_ack(rig->test, i)->outcome.result, ACK_DELIVERED);
    }
    assert_int_equal(test_host_status(rig->test).queue_size, 0);
    assert_int_equal(sender_waiting(rig->far->sender), 0);
}

static void test_joins_up_to_min_size(void **state)
{
    (void)state;
    Rig rig = rig_open("sending_queue: {batch: {min_size: 10}}");
    Err err;
    assert_true(rig_push(&rig, 4, &err));
    assert_true(rig_push(&rig, 5, &err));
    assert_int_equal(rig.far->waiting, 0);
    assert_true(rig_push(&rig, 3, &err));
    assert_int_equal(rig.far->waiting, 1);
    assert_int_equal(rig_items(&rig, 0), 12);
    assert_int_equal(test_host_status(rig.test).queue_size, 3); /* each keeps its place */
    assert_false(test_host_ack(rig.test, 0)->heard);
    rig_answer(&rig, &delivered);
    expect_delivered(&rig, 3);
    assert_int_equal(test_host_status(rig.test).sent, 12);
    test_host_free(rig.test);
}

static void test_flush_timeout(void **state)
{
    (void)state;
    Rig rig = rig_open("sending_queue: {batch: {min_size: 10}}");
    Err err;
    assert_true(rig_push(&rig, 1, &err));
    test_host_tick(rig.test, 150 * NANOS_PER_MILLI);
    assert_true(rig_push(&rig, 2, &err));
    assert_int_equal(rig_ms_until_attempt(&rig, 1000), 50); /* the oldest counts */
    assert_int_equal(rig_items(&rig, 0), 3);
    rig_answer(&rig, &delivered);
    expect_delivered(&rig, 2);
    assert_true(rig_push(&rig, 1, &err));
    assert_int_equal(rig_ms_until_attempt(&rig, 1000), 200);
    test_host_free(rig.test);
}

static void test_hurries_for_whoever_waits(void **state)
{
    (void)state;
    Rig rig = rig_open("sending_queue: {batch: {min_size: 10}}");
    Err err;
    assert_true(rig_push_waited(&rig, 1, &err));
    assert_int_equal(rig_ms_until_attempt(&rig, 1000), 5);
    rig_answer(&rig, &delivered);
    assert_true(rig_push(&rig, 1, &err)); /* nobody waits for this one */
    assert_int_equal(rig_ms_until_attempt(&rig, 1000), 200);
    test_host_free(rig.test);
}

static void test_cuts_at_max_size(void **state)
{
    (void)state;
    Rig rig = rig_open("sending_queue: {batch: {min_size: 4, max_size: 4}}");
    Err err;
    assert_true(rig_push(&rig, 3, &err));
    assert_true(rig_push(&rig, 8, &err));
    assert_int_equal(rig.far->waiting, 2);
    assert_int_equal(rig_items(&rig, 0), 4);
    assert_int_equal(rig_items(&rig, 1), 4);
    assert_true(rig_push(&rig, 1, &err)); /* joins the rest of three */
    assert_int_equal(rig.far->waiting, 3);
    assert_int_equal(rig_items(&rig, 2), 4);
    assert_int_equal(test_host_status(rig.test).queue_size, 3);
    rig_answer(&rig, &delivered);
    rig_answer(&rig, &delivered);
    assert_false(test_host_ack(rig.test, 1)->heard);
    rig_answer(&rig, &delivered);
    expect_delivered(&rig, 3);
    test_host_free(rig.test);
}

static void test_a_rest_goes_when_it_is_time(void **state)
{
    (void)state;
    Rig rig = rig_open("sending_queue: {num_consumers: 1, batch: {min_size: 4, max_size: 4}}");
    Err err;
    assert_true(rig_push(&rig, 10, &err));
    assert_int_equal(rig.far->waiting, 1); /* pieces wait for the consumer */
    assert_int_equal(sender_waiting(rig.far->sender), 3);
    rig_answer(&rig, &delivered);
    assert_int_equal(rig_items(&rig, 0), 4);
    rig_answer(&rig, &delivered);
    assert_int_equal(rig.far->waiting, 0);
    assert_int_equal(rig_ms_until_attempt(&rig, 1000), 200);
    assert_int_equal(rig_items(&rig, 0), 2);
    rig_answer(&rig, &delivered);
    expect_delivered(&rig, 1);
    test_host_free(rig.test);
}

/* An outcome of one piece is that of its items alone; another attempt is for that piece alone. */
static void test_outcomes_of_pieces(void **state)
{
    (void)state;
    Rig rig = rig_open("{" NO_JITTER ", sending_queue: {batch: {min_size: 3, max_size: 3}}}");
    Err err;
    assert_true(rig_push(&rig, 9, &err));
    assert_int_equal(rig.far->waiting, 3);
    rig_answer(&rig, &delivered);
    rig_answer(&rig, &again);
    rig_answer(&rig, &refused);
    assert_int_equal(rig_ms_until_attempt(&rig, 9000), 5000);
    assert_int_equal(rig_items(&rig, 0), 3);
    rig_answer(&rig, &delivered);
    assert_int_equal(test_host_ack(rig.test, 0)->outcome.result, ACK_PARTLY);
    assert_int_equal(test_host_ack(rig.test, 0)->outcome.refused, 3);
    ComponentStatus status = test_host_status(rig.test);
    assert_int_equal(status.sent, 6);
    assert_int_equal(status.dropped, 3);
    assert_int_equal(status.queue_size, 0);
    test_host_free(rig.test);
}

static void test_sizers(void **state)
{
    (void)state;
    Err err;
    Batch *batch = make_batch_of(TRACES, 4, &err);
    size_t bytes = batch_bytes(batch).len;
    char yaml[160];
    batch_unref(batch);
    static const char *const queues[] = { "batch: {sizer: bytes, ", "sizer: bytes, queue_size: "
                                                                    "100000, batch: {" };
    for (size_t i = 0; i < COUNT_OF(queues); i++) { /* its own sizer, or the queue's */
        snprintf(yaml, sizeof yaml, "sending_queue: {%smin_size: %zu}}", queues[i], 2 * bytes);
        Rig rig = rig_open(yaml);
        assert_true(rig_push(&rig, 4, &err));
        assert_int_equal(rig.far->waiting, 0);
        assert_true(rig_push(&rig, 4, &err));
        assert_int_equal(rig.far->waiting, 1);
        assert_int_equal(rig_items(&rig, 0), 8);
        assert_int_equal(test_host_status(rig.test).queue_size, i ? 2 * bytes : 2);
        rig_answer(&rig, &delivered);
        expect_delivered(&rig, 2);
        test_host_free(rig.test);
    }
}

static void test_cuts_by_bytes(void **state)
{
    (void)state;
    Rig rig = rig_open("sending_queue: {sizer: items, batch: {sizer: bytes, min_size: 0, "
                       "max_size: 200}}");
    Err err;
    size_t items = 0;
    assert_true(rig_push(&rig, 100, &err));
    assert_true(rig.far->waiting > 2);
    assert_int_equal(test_host_status(rig.test).queue_size, 100);
    while (rig.far->waiting) {
        assert_in_range(batch_bytes(rig.far->attempts[0].batch).len, 1, 200);
        items += rig_items(&rig, 0);
        rig_answer(&rig, &delivered);
        assert_int_equal(test_host_status(rig.test).queue_size, 100 - items);
    }
    assert_int_equal(items, 100);
    expect_delivered(&rig, 1);
    test_host_free(rig.test);
}

/* What comes while all consumers are busy gathers by itself. */
static void test_gathers_behind_busy_consumers(void **state)
{
    (void)state;
    Rig rig = rig_open("sending_queue: {num_consumers: 1, batch: {min_size: 6}}");
    Err err;
    for (int i = 0; i < 7; i++)
        assert_true(rig_push(&rig, 3, &err));
    assert_int_equal(rig_items(&rig, 0), 6);
    rig_answer(&rig, &delivered);
    assert_int_equal(rig_items(&rig, 0), 6);
    rig_answer(&rig, &delivered);
    assert_int_equal(rig_items(&rig, 0), 6);
    rig_answer(&rig, &delivered);
    assert_int_equal(rig.far->waiting, 0);
    assert_int_equal(rig_ms_until_attempt(&rig, 1000), 200);
    assert_int_equal(rig_items(&rig, 0), 3);
    test_host_free(rig.test);
}

static void test_the_queue_is_as_large_as_without(void **state)
{
    (void)state;
    Rig rig = rig_open("sending_queue: {queue_size: 4, batch: {min_size: 100}}");
    Err err;
    for (int i = 0; i < 4; i++)
        assert_true(rig_push(&rig, 1, &err));
    assert_false(rig_push(&rig, 1, &err));
    assert_string_equal(err.text, "sending queue is full");
    test_host_free(rig.test);
}

static void test_flushing_waits_for_nobody(void **state)
{
    (void)state;
    Rig rig = rig_open("sending_queue: {batch: {min_size: 100, flush_timeout: 1h}}");
    Err err;
    assert_true(rig_push(&rig, 1, &err));
    assert_true(rig_push(&rig, 1, &err));
    test_host_flush(rig.test);
    assert_int_equal(rig_items(&rig, 0), 2);
    assert_true(rig_push(&rig, 1, &err));
    assert_int_equal(rig_items(&rig, 1), 1);
    test_host_free(rig.test);
}

static void test_gives_back_what_it_gathered(void **state)
{
    (void)state;
    Rig rig = rig_open("sending_queue: {num_consumers: 1, batch: {min_size: 4, max_size: 4}}");
    Err err;
    assert_true(rig_push(&rig, 14, &err)); /* one is sent, two pieces and a rest wait */
    assert_true(rig_push(&rig, 1, &err));
    test_host_stop(rig.test);
    assert_int_equal(test_host_status(rig.test).dropped, 15);
    assert_int_equal(test_host_ack(rig.test, 0)->outcome.result, ACK_RETRY);
    assert_int_equal(test_host_ack(rig.test, 1)->outcome.reason.kind, ERR_CLOSED);
    assert_int_equal(test_host_open(rig.test), 0);
    test_host_free(rig.test);
}

static void test_can_be_turned_off(void **state)
{
    (void)state;
    Rig rig = rig_open("sending_queue: {batch: {enabled: false}}");
    Err err;
    assert_true(rig_push(&rig, 1, &err));
    assert_int_equal(rig.far->waiting, 1);
    test_host_free(rig.test);
}

/* Whatever fails: what was taken is sent in the end, once, or given back. */
static void live(void)
{
    Err err;
    TestHost *test =
        test_host_new(&far_type,
                      STR("sending_queue: {num_consumers: 2, batch: {min_size: 4, max_size: 4}}"),
                      NULL, &err);
    if (!test)
        return;
    if (test_host_start(test, &err)) {
        Far *far = test_host_self(test);
        far->at_once = &delivered;
        uint64_t taken = 0;
        for (int i = 0; i < 6; i++) {
            Batch *batch = make_batch_of(TRACES, 3, &err);
            if (batch && test_host_push(test, batch, false, &err))
                taken += 3;
            batch_unref(batch);
        }
        test_host_tick(test, NANOS_PER_SECOND);
        assert_int_equal(test_host_status(test).sent, taken);
        assert_int_equal(test_host_status(test).queue_size, 0);
    }
    test_host_stop(test);
    assert_int_equal(test_host_open(test), 0);
    test_host_free(test);
}

static void test_starved(void **state)
{
    (void)state;
    starve_after(-1);
    long before = starve_live(), n = 0;
    for (bool hit = true; hit; n++) {
        starve_after(n);
        live();
        hit = starve_happened();
        starve_end();
        assert_int_equal(starve_live(), before);
    }
    assert_true(n > 100);
}

static void quiet(void *context, LogLevel level, Str component, Str message)
{
    (void)context, (void)level, (void)component, (void)message;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_joins_up_to_min_size),
        cmocka_unit_test(test_flush_timeout),
        cmocka_unit_test(test_hurries_for_whoever_waits),
        cmocka_unit_test(test_cuts_at_max_size),
        cmocka_unit_test(test_a_rest_goes_when_it_is_time),
        cmocka_unit_test(test_outcomes_of_pieces),
        cmocka_unit_test(test_sizers),
        cmocka_unit_test(test_cuts_by_bytes),
        cmocka_unit_test(test_gathers_behind_busy_consumers),
        cmocka_unit_test(test_the_queue_is_as_large_as_without),
        cmocka_unit_test(test_flushing_waits_for_nobody),
        cmocka_unit_test(test_gives_back_what_it_gathered),
        cmocka_unit_test(test_can_be_turned_off),
        cmocka_unit_test(test_starved),
    };
    log_set_sink(&(LogSink){ quiet, NULL, LOG_INFO });
    return cmocka_run_group_tests(tests, NULL, NULL);
}
