/* signal_test.c - names of what OTLP gives numbers to, also of numbers that it does not. */
#include "model/signal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void test_signals(void **state)
{
    (void)state;
    static const Signal all[] = { TRACES, METRICS, LOGS };
    Signal signal;
    for (size_t i = 0; i < COUNT_OF(all); i++)
        assert_true(signal_parse(signal_name(all[i]), &signal) && signal == all[i]);
    assert_false(signal_parse(STR("profiles"), &signal));
    assert_true(str_eq(signal_item_name(METRICS), STR("data points")));
}

static void test_names(void **state)
{
    (void)state;
    assert_true(str_eq(span_kind_name(SPAN_KIND_CONSUMER), STR("consumer")));
    assert_true(str_eq(span_kind_name(6), STR("unspecified")));
    assert_true(str_eq(status_code_name(STATUS_ERROR), STR("error")));
    assert_true(str_eq(status_code_name(UINT64_MAX), STR("unset")));
    assert_true(str_eq(temporality_name(TEMPORALITY_DELTA), STR("delta")));
    assert_true(str_eq(temporality_name(3), STR("unspecified")));
    assert_true(str_eq(severity_name(9), STR("INFO")));
    assert_true(str_eq(severity_name(SEVERITY_MAX), STR("FATAL4")));
    assert_true(str_eq(severity_name(SEVERITY_MAX + 1), STR("UNSPECIFIED")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signals),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
