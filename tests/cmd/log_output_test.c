/* log_output_test.c - the program's log lines as JSON. */
#include "cmd/log_output.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void expect(const char *component, const char *message, const char *line)
{
    Err err = { 0 };
    Buf out = BUF(4096);
    log_line_json(&out, 1700000000123456789, LOG_WARN, str_from(component), str_from(message));
    buf_add_byte(&out, 0);
    assert_true(buf_ok(&out, &err));
    assert_string_equal(out.ptr, line);
    buf_free(&out);
}

static void test_lines(void **state)
{
    (void)state;
    expect("receiver otlp/in", "a \"b\"\n\x01",
           "{\"level\":\"warn\",\"ts\":\"2023-11-14T22:13:20.123Z\","
           "\"otelcol.component.id\":\"otlp/in\",\"otelcol.component.kind\":\"receiver\","
           "\"msg\":\"a \\\"b\\\"\\n\\u0001\"}\n");
    expect("service", "x",
           "{\"level\":\"warn\",\"ts\":\"2023-11-14T22:13:20.123Z\","
           "\"component\":\"service\",\"msg\":\"x\"}\n");
    expect("part two", "x",
           "{\"level\":\"warn\",\"ts\":\"2023-11-14T22:13:20.123Z\","
           "\"component\":\"part two\",\"msg\":\"x\"}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_lines) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
