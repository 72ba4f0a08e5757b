/* nop_exporter_test.c - what comes is counted, acknowledged, and gone. */
#include "support/make_batch.h"
#include "support/starve.h"
#include "support/test_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

extern const ComponentType nop_exporter;

static TestHost *begin(void)
{
    Err err = { 0 };
    TestHost *host = test_host_new(&nop_exporter, STR(""), NULL, &err);
    if (!host || !test_host_start(host, &err))
        fail_msg("%s", err.text);
    return host;
}

static void takes_every_signal_and_counts_it_as_sent(void **state)
{
    (void)state;
    static const Signal signals[] = { TRACES, METRICS, LOGS };
    TestHost *host = begin();
    for (size_t i = 0; i < COUNT_OF(signals); i++) {
        Err err = { 0 };
        Batch *batch = make_batch_of(signals[i], 3, &err);
        assert_non_null(batch);
        assert_true(test_host_push(host, batch, true, &err));
        batch_unref(batch);
        test_host_turn(host);
        assert_int_equal(test_host_ack(host, i)->outcome.result, ACK_DELIVERED);
    }
    assert_int_equal(test_host_status(host).sent, 9);
    assert_int_equal(test_host_sent_count(host), 0);
    assert_int_equal(test_host_open(host), 0);
    test_host_free(host);
}

static void has_no_settings(void **state)
{
    (void)state;
    Err err = { 0 };
    Buf problems = BUF(4096);
    assert_null(test_host_new(&nop_exporter, STR("{endpoint: 'localhost:1'}"), &problems, &err));
    assert_true(str_contains(buf_str(&problems), STR("endpoint")));
    buf_free(&problems);
}

static void takes_data_without_any_memory(void **state)
{
    (void)state;
    starve_after(-1);
    Err err = { 0 };
    TestHost *host = begin();
    Batch *batch = make_batch_of(TRACES, 2, &err);
    assert_non_null(batch);
    const Parcel parcel = { batch, host_ack_new(test_host_host(host), 2, &(AckWish){ 0 }, &err) };
    assert_non_null(parcel.ack);
    starve_from(0);
    assert_true(nop_exporter.consume(test_host_self(host), &parcel, &err));
    starve_end();
    batch_unref(batch);
    test_host_turn(host);
    assert_int_equal(test_host_status(host).sent, 2);
    test_host_free(host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_every_signal_and_counts_it_as_sent),
        cmocka_unit_test(has_no_settings),
        cmocka_unit_test(takes_data_without_any_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
