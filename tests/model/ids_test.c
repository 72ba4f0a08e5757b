/* ids_test.c - ids as bytes and as text. */
#include "model/ids.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void test_text_and_back(void **state)
{
    (void)state;
    TraceId trace;
    SpanId span;
    char text[TRACE_ID_HEX + 1];
    assert_true(trace_id_parse(STR("5B8EFFF798038103D269B633813FC60C"), &trace));
    assert_string_equal(trace_id_text(&trace, text), "5b8efff798038103d269b633813fc60c");
    assert_true(span_id_parse(STR("eee19b7ec3c1b174"), &span));
    assert_string_equal(span_id_text(&span, text), "eee19b7ec3c1b174");
    assert_false(trace_id_parse(STR("5b8efff798038103d269b633813fc60"), &trace));
    assert_false(span_id_parse(STR("eee19b7ec3c1b17g"), &span));
}

static void test_length_is_exact(void **state)
{
    (void)state;
    TraceId trace = trace_id_from(STR("0123456789abcdef"));
    SpanId span = span_id_from(STR("01234567"));
    assert_false(trace_id_is_zero(&trace) || span_id_is_zero(&span));
    TraceId same = trace;
    assert_true(trace_id_eq(&trace, &same));
    same.bytes[15] ^= 1;
    assert_false(trace_id_eq(&trace, &same));
    trace = trace_id_from(STR("0123456789abcde"));
    span = span_id_from(STR("012345678"));
    assert_true(trace_id_is_zero(&trace) && span_id_is_zero(&span));
    SpanId none = span_id_from((Str){ 0 });
    assert_true(span_id_eq(&span, &none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_and_back),
        cmocka_unit_test(test_length_is_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
