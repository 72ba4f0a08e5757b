/* The sender: queue, retries, the end. Batches and the breaker have tests of their own. */
#include "pipe/sender_rig.h"

#include "otlp/batch.h"
#include "pipe/host_base.h"
#include "support/make_batch.h"
#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#undef fail /* ours is in base/err.h */

/* --- retries --------------------------------------------------------------------------------- */

static void test_back_off(void **state)
{
    (void)state;
    static const int64_t waits_ms[] = { 5000, 7500, 11250,
                                        16875 }; /* and then the minute is over */
    Rig rig = rig_open("{" NO_JITTER "}");
    Err err;
    assert_true(rig_push(&rig, 3, &err));
    assert_int_equal(rig.far->attempts[0].number, 1);
    assert_int_equal(rig.far->attempts[0].deadline_mono_ns, rig.began_ns + 5 * NANOS_PER_SECOND);
    for (size_t i = 0; i < COUNT_OF(waits_ms); i++) {
        rig_answer(&rig, &again);
        assert_int_equal(rig_ms_until_attempt(&rig, 100000), waits_ms[i]);
        assert_int_equal(rig.far->attempts[0].number, i + 2);
        assert_false(test_host_ack(rig.test, 0)->heard);
    }
    rig_answer(&rig, &again);
    const TestAck *ack = test_host_ack(rig.test, 0);
    assert_true(ack->heard);
    assert_int_equal(ack->outcome.result, ACK_RETRY);
    assert_string_equal(ack->outcome.reason.text, "no more retries left: gone");
    ComponentStatus status = test_host_status(rig.test);
    assert_int_equal(status.dropped, 3);
    assert_string_equal(status.drops[0].reason, "no more retries left");
    assert_int_equal(sender_waiting(rig.far->sender), 0);
    test_host_free(rig.test);
}

static void test_max_interval(void **state)
{
    (void)state;
    Rig rig = rig_open("retry_on_failure: {randomization_factor: 0, initial_interval: 1s, "
                       "multiplier: 3, max_interval: 4s, max_elapsed_time: 0s}");
    static const int64_t waits_ms[] = { 1000, 3000, 4000, 4000, 4000 };
    Err err;
    assert_true(rig_push(&rig, 1, &err));
    for (size_t i = 0; i < COUNT_OF(waits_ms); i++) {
        rig_answer(&rig, &again);
        assert_int_equal(rig_ms_until_attempt(&rig, 100000), waits_ms[i]);
    }
    rig_answer(&rig, &delivered);
    assert_int_equal(test_host_ack(rig.test, 0)->outcome.result, ACK_DELIVERED);
    assert_int_equal(test_host_status(rig.test).sent, 1);
    test_host_free(rig.test);
}

static void test_jitter(void **state)
{
    (void)state;
    Rig rig = rig_open("{retry_on_failure: {initial_interval: 1s, multiplier: 1, "
                       "randomization_factor: 0.5}, circuit_breaker: {enabled: false}}");
    int64_t least = INT64_MAX, most = 0;
    Err err;
    assert_true(rig_push(&rig, 1, &err));
    for (int i = 0; i < 60; i++) {
        rig_answer(&rig, &again);
        int64_t ms = rig_ms_until_attempt(&rig, 5000);
        least = ms < least ? ms : least;
        most = ms > most ? ms : most;
    }
    assert_in_range(least, 500, 650);
    assert_in_range(most, 1350, 1501);
    test_host_free(rig.test);
}

static void test_throttled(void **state)
{
    (void)state;
    Rig rig = rig_open("{" NO_JITTER "}");
    AckOutcome busy = { .result = ACK_RETRY, .retry_ms = 9000, .reason = { ERR_BUSY, 0, "slow" } };
    Err err;
    assert_true(rig_push(&rig, 1, &err));
    rig_answer(&rig, &busy);
    assert_int_equal(rig_ms_until_attempt(&rig, 20000), 9000);
    busy.retry_ms = 60000; /* beyond what is left of the minute: no use waiting */
    rig_answer(&rig, &busy);
    assert_true(test_host_ack(rig.test, 0)->heard);
    assert_int_equal(test_host_ack(rig.test, 0)->outcome.retry_ms, 60000);
    test_host_free(rig.test);
}

static void test_no_retry(void **state)
{
    (void)state;
    Rig rig = rig_open("retry_on_failure: {enabled: false}");
    Err err;
    assert_true(rig_push(&rig, 1, &err));
    rig_answer(&rig, &again);
    assert_string_equal(test_host_ack(rig.test, 0)->outcome.reason.text, "not retried: gone");
    test_host_free(rig.test);
}

/* --- outcomes -------------------------------------------------------------------------------- */

static void test_outcomes(void **state)
{
    (void)state;
    Rig rig = rig_open("");
    AckOutcome partly = { .result = ACK_PARTLY, .refused = 2, .reason = { ERR_INPUT, 0, "two" } };
    Err err;
    for (int i = 0; i < 3; i++)
        assert_true(rig_push(&rig, 5, &err));
    assert_int_equal(test_host_status(rig.test).queue_size, 3);
    rig_answer(&rig, &delivered);
    rig_answer(&rig, &refused);
    rig_answer(&rig, &partly);
    assert_int_equal(test_host_ack(rig.test, 0)->outcome.result, ACK_DELIVERED);
    assert_int_equal(test_host_ack(rig.test, 1)->outcome.refused, 5);
    assert_int_equal(test_host_ack(rig.test, 2)->outcome.refused, 2);
    ComponentStatus status = test_host_status(rig.test);
    assert_int_equal(status.received, 15);
    assert_int_equal(status.sent, 8);
    assert_int_equal(status.dropped, 7);
    assert_int_equal(component_held(&status), 0);
    assert_int_equal(status.drop_count, 2);
    assert_int_equal(status.by_signal[signal_index(TRACES)].sent, 8);
    assert_int_equal(status.by_signal[signal_index(TRACES)].dropped, 7);
    assert_int_equal(status.queue_size, 0);
    assert_int_equal(status.queue_capacity, 1000);
    test_host_free(rig.test);
}

/* send() may answer before it returns, also after a wait, and also many times in a row. */
static void test_answers_from_inside(void **state)
{
    (void)state;
    Rig rig = rig_open("{" NO_JITTER ", sending_queue: {num_consumers: 2}}");
    Err err;
    for (int i = 0; i < 6; i++)
        assert_true(rig_push(&rig, 1, &err));
    assert_int_equal(rig.far->total, 2);
    rig.far->at_once = &delivered;
    rig_answer(&rig, &again);
    rig_answer(&rig, &delivered); /* the other consumer empties the queue in one go */
    assert_int_equal(rig.far->total, 6);
    assert_int_equal(rig_ms_until_attempt(&rig, 9000), 5000);
    assert_int_equal(sender_waiting(rig.far->sender), 0);
    rig.far->at_once = &again;
    assert_true(rig_push(&rig, 1, &err));
    assert_int_equal(rig_ms_until_attempt(&rig, 9000), 5000);
    test_host_free(rig.test);
}

/* --- the queue ------------------------------------------------------------------------------- */

static void test_queue_counts_what_is_on_its_way(void **state)
{
    (void)state;
    Rig rig = rig_open("sending_queue: {num_consumers: 2, queue_size: 5}");
    Err err;
    for (int i = 0; i < 5; i++)
        assert_true(rig_push(&rig, 1, &err));
    assert_int_equal(rig.far->waiting, 2);
    assert_false(rig_push(&rig, 1, &err));
    assert_int_equal(err.kind, ERR_BUSY);
    assert_string_equal(err.text, "sending queue is full");
    assert_string_equal(test_host_status(rig.test).blocked, "sending queue is full");
    rig_answer(&rig, &delivered);
    assert_int_equal(rig.far->waiting, 2);
    assert_true(rig_push(&rig, 1, &err));
    assert_false(rig_push(&rig, 1, &err));
    assert_int_equal(test_host_status(rig.test).refused, 2);
    for (int i = 0; i < 5; i++)
        rig_answer(&rig, &delivered);
    assert_string_equal(test_host_status(rig.test).blocked, ""); /* half empty again */
    test_host_free(rig.test);
}

static void test_a_queue_of_one_has_room_again(void **state)
{
    (void)state;
    Rig rig = rig_open("sending_queue: {num_consumers: 1, queue_size: 1}");
    Err err;
    assert_true(rig_push(&rig, 1, &err));
    assert_false(rig_push(&rig, 1, &err));
    assert_string_equal(test_host_status(rig.test).blocked, "sending queue is full");
    rig_answer(&rig, &delivered);
    assert_string_equal(test_host_status(rig.test).blocked, "");
    test_host_free(rig.test);
}

static void test_sizers(void **state)
{
    (void)state;
    Rig rig = rig_open("sending_queue: {num_consumers: 1, queue_size: 10, sizer: items}");
    Err err;
    assert_true(rig_push(&rig, 6, &err));
    assert_false(rig_push(&rig, 5, &err));
    assert_int_equal(err.kind, ERR_BUSY);
    assert_true(rig_push(&rig, 4, &err));
    assert_false(rig_push(&rig, 11, &err)); /* never fits */
    assert_int_equal(err.kind, ERR_LIMIT);
    test_host_free(rig.test);
    rig = rig_open("sending_queue: {num_consumers: 1, queue_size: 100, sizer: bytes}");
    assert_true(rig_push(&rig, 1, &err));
    assert_false(rig_push(&rig, 1, &err));
    test_host_free(rig.test);
}

/* One batch is pushed again and again: it counts every time, and costs the test nothing. */
static void test_memory_is_bounded_whatever_is_counted(void **state)
{
    (void)state;
    Rig rig = rig_open("sending_queue: {num_consumers: 1, queue_size: 1000000}");
    Err err;
    Batch *batch = make_batch_of(TRACES, 20000, &err);
    assert_non_null(batch);
    size_t fit = SENDER_MEMORY_MAX / batch_memory(batch);
    assert_in_range(fit, 2, 100000);
    for (size_t i = 0; i < fit; i++)
        assert_true(test_host_push(rig.test, batch, false, &err));
    assert_false(test_host_push(rig.test, batch, false, &err));
    assert_int_equal(err.kind, ERR_BUSY);
    rig_answer(&rig, &delivered);
    assert_true(test_host_push(rig.test, batch, false, &err));
    batch_unref(batch);
    test_host_free(rig.test);
}

static void test_a_sender_takes_half_of_a_small_limit(void **state)
{
    (void)state;
    Rig rig = rig_open("sending_queue: {num_consumers: 1, queue_size: 1000000}");
    Err err;
    Budget budget;
    Batch *batch = make_batch_of(TRACES, 100, &err);
    budget_init(&budget, 10 * batch_memory(batch));
    test_host_stop(rig.test);
    test_host_host(rig.test)->budget = &budget;
    assert_true(test_host_start(rig.test, &err));
    for (int i = 0; i < 5; i++)
        assert_true(test_host_push(rig.test, batch, false, &err));
    assert_false(test_host_push(rig.test, batch, false, &err));
    assert_int_equal(err.kind, ERR_BUSY);
    batch_unref(batch);
    test_host_free(rig.test);
}

static void test_without_a_queue(void **state)
{
    (void)state;
    Rig rig = rig_open("sending_queue: {enabled: false}");
    Err err;
    for (int i = 0; i < SENDER_DIRECT_MAX; i++)
        assert_true(rig_push(&rig, 1, &err));
    assert_int_equal(rig.far->waiting, SENDER_DIRECT_MAX);
    assert_false(rig_push(&rig, 1, &err));
    assert_int_equal(err.kind, ERR_BUSY);
    test_host_free(rig.test);
}

/* --- the end --------------------------------------------------------------------------------- */

static void test_flush_ends_waiting(void **state)
{
    (void)state;
    Rig rig = rig_open("{" NO_JITTER "}");
    AckOutcome busy = { .result = ACK_RETRY, .retry_ms = 2000, .reason = { ERR_BUSY, 0, "slow" } };
    Err err;
    assert_true(rig_push(&rig, 1, &err));
    assert_true(rig_push(&rig, 1, &err));
    rig_answer(&rig, &again);
    rig_answer(&rig, &busy);
    test_host_flush(rig.test);
    assert_int_equal(rig.far->waiting, 1); /* the other one was asked to wait */
    rig_answer(&rig, &again);
    test_host_flush(rig.test); /* changes nothing any more */
    assert_int_equal(rig_ms_until_attempt(&rig, 9000), SENDER_DRAIN_RETRY_MS);
    rig_answer(&rig, &delivered);
    assert_int_equal(rig_ms_until_attempt(&rig, 9000), 2000 - SENDER_DRAIN_RETRY_MS);
    test_host_free(rig.test);
}

static void test_gives_back_what_it_holds(void **state)
{
    (void)state;
    Rig rig = rig_open("{" NO_JITTER ", sending_queue: {num_consumers: 2}}");
    Err err;
    for (int i = 0; i < 20; i++)
        assert_true(rig_push(&rig, 1, &err));
    rig_answer(&rig, &again); /* one waits, one is being sent, 18 are in the queue */
    test_host_stop(rig.test);
    for (size_t i = 0; i < 20; i++) {
        assert_int_equal(test_host_ack(rig.test, i)->outcome.result, ACK_RETRY);
        assert_int_equal(test_host_ack(rig.test, i)->outcome.reason.kind, ERR_CLOSED);
    }
    ComponentStatus status = test_host_status(rig.test);
    assert_int_equal(status.dropped, 20);
    assert_string_equal(status.drops[0].reason, "not sent before the end");
    assert_int_equal(test_host_open(rig.test), 0);
    test_host_free(rig.test);
}

/* As grpc_client_free does: what is in flight fails while the exporter stops. */
static void test_close_begins_nothing(void **state)
{
    (void)state;
    Rig rig = rig_open("{retry_on_failure: {enabled: false}, sending_queue: {num_consumers: 2}}");
    Err err;
    for (int i = 0; i < 5; i++)
        assert_true(rig_push(&rig, 1, &err));
    sender_close(rig.far->sender);
    rig_answer(&rig, &again);
    rig_answer(&rig, &delivered);
    assert_int_equal(rig.far->total, 2);
    assert_false(test_host_ack(rig.test, 0)->heard);
    assert_int_equal(test_host_ack(rig.test, 1)->outcome.result, ACK_DELIVERED);
    test_host_stop(rig.test);
    assert_int_equal(test_host_ack(rig.test, 0)->outcome.reason.kind, ERR_CLOSED);
    assert_int_equal(test_host_ack(rig.test, 4)->outcome.reason.kind, ERR_CLOSED);
    test_host_free(rig.test);
}

static void test_settings(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *told;
    } rows[] = {
        { "{}", "" },
        { "sending_queue: {block_on_overflow: true, wait_for_result: true, batch: {}}", "" },
        { "sending_queue: {storage: file_storage}",
          "c:1:17: sending_queue.storage: a sending_queue on disk: not supported yet; it comes "
          "later\n" },
        { "sending_queue: {num_consumers: 0}",
          "c:1:32: sending_queue.num_consumers: must be between 1 and 1000, not '0'\n" },
        { "sending_queue: {queue_size: 0}",
          "c:1:29: sending_queue.queue_size: must be at least 1, not '0'\n" },
        { "sending_queue: {sizer: kilos}",
          "c:1:24: sending_queue.sizer: must be one of requests, items, bytes, not 'kilos'\n" },
        { "sending_queue: {batch: {sizer: requests}}",
          "c:1:32: sending_queue.batch.sizer: `batch` supports only `items` or `bytes` sizers, "
          "found: \"requests\"\n" },
        { "sending_queue: {batch: {flush_timeout: 0s}}",
          "c:1:40: sending_queue.batch.flush_timeout: must be between 1us and 24h, not '0s'\n" },
        { "sending_queue: {batch: {min_size: -1}}",
          "c:1:35: sending_queue.batch.min_size: must be a whole number, not '-1'\n" },
        { "sending_queue: {batch: {min_size: 10, max_size: 9}}",
          "c:1:1: sending_queue::batch: `max_size` must be greater or equal to `min_size`\n" },
        { "sending_queue: {batch: {min_size: 10, max_size: 10}}", "" },
        { "sending_queue: {sizer: items, queue_size: 9, batch: {min_size: 10}}",
          "c:1:1: sending_queue: `min_size` must be less than or equal to `queue_size`\n" },
        { "sending_queue: {sizer: items, queue_size: 9, batch: {min_size: 10, sizer: bytes}}", "" },
        { "sending_queue: {queue_size: 9, batch: {min_size: 10, enabled: false, max_size: 1}}",
          "" },
        { "sending_queue: {batch: {partition: {metadata_keys: [tenant]}}}",
          "c:1:53: sending_queue.batch.partition.metadata_keys[0]: batches by metadata "
          "(\"tenant\"): not supported yet; they come later\n" },
        { "circuit_breaker: {consecutive_failures: 0}",
          "c:1:41: circuit_breaker.consecutive_failures: must be between 1 and 1000000, not "
          "'0'\n" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Err err;
        Buf told = BUF(4096);
        TestHost *test = test_host_new(&far_type, str_from(rows[i].yaml), &told, &err);
        assert_string_equal(buf_text(&told), rows[i].told);
        buf_free(&told);
        test_host_free(test);
    }
}

static void live(void)
{
    Err err;
    TestHost *test = test_host_new(&far_type, STR("{" NO_JITTER "}"), NULL, &err);
    if (!test)
        return;
    if (test_host_start(test, &err)) {
        Far *far = test_host_self(test);
        far->at_once = &again;
        for (int i = 0; i < 40; i++) { /* the ring grows */
            Batch *batch = make_batch_of(TRACES, 1, &err);
            if (batch)
                test_host_push(test, batch, false, &err);
            batch_unref(batch);
        }
        far->at_once = &delivered;
        test_host_flush(test);
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
        cmocka_unit_test(test_back_off),
        cmocka_unit_test(test_max_interval),
        cmocka_unit_test(test_jitter),
        cmocka_unit_test(test_throttled),
        cmocka_unit_test(test_no_retry),
        cmocka_unit_test(test_outcomes),
        cmocka_unit_test(test_answers_from_inside),
        cmocka_unit_test(test_queue_counts_what_is_on_its_way),
        cmocka_unit_test(test_a_queue_of_one_has_room_again),
        cmocka_unit_test(test_sizers),
        cmocka_unit_test(test_memory_is_bounded_whatever_is_counted),
        cmocka_unit_test(test_a_sender_takes_half_of_a_small_limit),
        cmocka_unit_test(test_without_a_queue),
        cmocka_unit_test(test_flush_ends_waiting),
        cmocka_unit_test(test_gives_back_what_it_holds),
        cmocka_unit_test(test_close_begins_nothing),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_starved),
    };
    log_set_sink(&(LogSink){ quiet, NULL, LOG_INFO });
    return cmocka_run_group_tests(tests, NULL, NULL);
}
