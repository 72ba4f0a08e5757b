/* str_test.c - borrowed text: comparing, cutting, numbers, hexadecimal, UTF-8. */
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_split(void **state)
{
    (void)state;
    Str rest = STR("a,,b"), part;
    assert_true(str_split(&rest, ',', &part) && str_eq(part, STR("a")));
    assert_true(str_split(&rest, ',', &part) && part.len == 0);
    assert_true(str_split(&rest, ',', &part) && str_eq(part, STR("b")));
    assert_false(str_split(&rest, ',', &part));
}

static void test_numbers(void **state)
{
    (void)state;
    uint64_t u;
    int64_t i;
    double d;
    assert_true(str_to_u64(STR("18446744073709551615"), &u) && u == UINT64_MAX);
    assert_false(str_to_u64(STR("18446744073709551616"), &u));
    assert_false(str_to_u64(STR(""), &u) || str_to_u64(STR("1x"), &u) || str_to_u64(STR("-1"), &u));
    assert_true(str_to_i64(STR("-9223372036854775808"), &i) && i == INT64_MIN);
    assert_false(str_to_i64(STR("9223372036854775808"), &i));
    assert_true(str_to_double(STR("1.5e3"), &d) && d == 1500.0);
    assert_false(str_to_double(STR("1.5 "), &d));
}

static void test_hex(void **state)
{
    (void)state;
    uint8_t bytes[3];
    char text[6];
    assert_true(str_unhex(STR("00fFa1"), bytes, 3));
    hex_write(text, bytes, 3);
    assert_memory_equal(text, "00ffa1", 6);
    assert_false(str_unhex(STR("00ff"), bytes, 3));
    assert_false(str_unhex(STR("00ffg1"), bytes, 3));
}

static void test_utf8(void **state)
{
    (void)state;
    assert_true(utf8_valid(STR("plain ascii that is longer than eight bytes")));
    assert_true(utf8_valid(STR("\xC3\xA4 \xE2\x82\xAC \xF0\x9F\x98\x80")));
    static const char *const bad[] = { "\x80",         "\xC0\x80",         "\xE0\x80\x80",
                                       "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82",
                                       "\xFF",         "12345678\xC3" };
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(utf8_valid(str_from(bad[i])));
}

static void test_distance(void **state)
{
    (void)state;
    assert_int_equal(str_distance(STR("tiemout"), STR("timeout"), 3), 2);
    assert_int_equal(str_distance(STR("endpoint"), STR("endpoint"), 3), 0);
    assert_int_equal(str_distance(STR("abc"), STR("xyz"), 2), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split), cmocka_unit_test(test_numbers),  cmocka_unit_test(test_hex),
        cmocka_unit_test(test_utf8),  cmocka_unit_test(test_distance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
