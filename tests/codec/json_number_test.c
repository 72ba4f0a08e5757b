/* json_number_test.c - the letters of a number and their worth; doubles are held against strtod. */
#include "codec/json_number.h"

#include "base/random.h"
#include "codec/json.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_length(void **state)
{
    (void)state;
    static const struct {
        Str text;
        size_t len;
    } cases[] = {
        { STR_ROW("0"), 1 },    { STR_ROW("-0,"), 2 },    { STR_ROW("12.5e+10]"), 8 },
        { STR_ROW("1E5 "), 3 }, { STR_ROW("01"), 0 },     { STR_ROW("-"), 0 },
        { STR_ROW(""), 0 },     { STR_ROW("1."), 0 },     { STR_ROW("1.x"), 0 },
        { STR_ROW("1e"), 0 },   { STR_ROW("1e+"), 0 },    { STR_ROW("+1"), 0 },
        { STR_ROW(".5"), 0 },   { STR_ROW("1e-07x"), 5 }, { STR_ROW("0.0"), 3 },
        { STR_ROW("-x"), 0 },   { STR_ROW("1.5.5"), 3 },  { STR_ROW("123abc"), 3 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (json_number_length(cases[i].text) != cases[i].len)
            fail_msg("%.*s: %zu", STR_ARG(cases[i].text), json_number_length(cases[i].text));
}

static void assert_i64(const char *text, int64_t expected)
{
    int64_t value;
    if (!json_number_i64(str_from(text), &value) || value != expected)
        fail_msg("%s is not %" PRId64, text, expected);
}

static void assert_u64(const char *text, uint64_t expected)
{
    uint64_t value;
    if (!json_number_u64(str_from(text), &value) || value != expected)
        fail_msg("%s is not %" PRIu64, text, expected);
}

static void test_integers(void **state)
{
    (void)state;
    assert_i64("9007199254740993", 9007199254740993); /* 2^53 + 1, which no double holds */
    assert_i64("-9007199254740993", -9007199254740993);
    assert_i64("9223372036854775807", INT64_MAX);
    assert_i64("-9223372036854775808", INT64_MIN);
    assert_i64("-9.223372036854775808e18", INT64_MIN);
    assert_i64("-0", 0);
    assert_i64("1.0", 1);
    assert_i64("1.50e1", 15);
    assert_i64("12e3", 12000);
    assert_i64("1200e-2", 12);
    assert_i64("0e999999999999999999999", 0);
    assert_i64("0.000", 0);
    assert_u64("18446744073709551615", UINT64_MAX);
    assert_u64("1.8446744073709551615E+19", UINT64_MAX);
    assert_u64("-0", 0);
    assert_u64("1e19", UINT64_C(10000000000000000000));
}

static void test_integers_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "9223372036854775808",
        "-9223372036854775809",
        "1.5",
        "0.1",
        "1e-1",
        "15e-1",
        "1e19",
        "1e999999999999999999",
        "",
        "-",
        " 1",
        "1 ",
        "0x1",
        "NaN",
        "1e1e1",
        "--1",
        "1e",
        "abc",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        int64_t value;
        if (json_number_i64(str_from(texts[i]), &value))
            fail_msg("%s is %" PRId64, texts[i], value);
    }
    uint64_t value;
    assert_false(json_number_u64(STR("-1"), &value));
    assert_false(json_number_u64(STR("18446744073709551616"), &value));
    assert_false(json_number_u64(STR("1e20"), &value));
}

static void assert_as_strtod(const char *text)
{
    double value, expected = strtod(text, NULL);
    if (!json_number_double(str_from(text), &value) || memcmp(&value, &expected, sizeof value) != 0)
        fail_msg("%s is %.17g, not %.17g", text, value, expected);
}

static void test_doubles(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "0",
        "-0",
        "0.0",
        "-0.0e9",
        "1",
        "0.1",
        "-2.5",
        "1e22",
        "1e23",
        "9007199254740993",
        "1.7976931348623157e308",
        "4.9406564584124654e-324",
        "2.2250738585072011e-308",
        "2.4703282292062327e-324", /* just less than half of the smallest */
        "1e-400",
        "0.1e-9999999999999999999999",
        "123456789012345678901234567890",
        "179769313486231580793728971405303415079934132710037826936173778980444968292764750946649"
        "017977587207096330286416692887910946555547851940402630657488671505820681908902000708383"
        "676273854845817711531764475730270069855571366959622842914819860834936475292719074168444"
        "365510704342711559699508093042880",
        "9007199254740992.99999999999999999999999999999999999999999999999999999999999999999999999",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_as_strtod(texts[i]);
    double value;
    assert_false(json_number_double(STR("1e309"), &value));
    assert_false(json_number_double(STR("-1e999999999999999999999"), &value));
    assert_false(json_number_double(STR("Infinity"), &value));
    assert_false(json_number_double(STR("1.5x"), &value));
}

/* More digits than are kept: exactly between two doubles, and a last digit that decides. */
static void test_doubles_of_many_digits(void **state)
{
    (void)state;
    enum { ZEROS = 2000 };
    char text[ZEROS + 64];
    int len = snprintf(text, sizeof text, "9007199254740993.%0*d", ZEROS, 0);
    assert_as_strtod(text); /* halfway: to the even one */
    text[len - 1] = '1';
    assert_as_strtod(text); /* more than halfway: up */
    len = snprintf(text, sizeof text, "0.%0*d5e2000", ZEROS, 0);
    assert_as_strtod(text);
    len = snprintf(text, sizeof text, "%d%0*de-2000", 5, ZEROS, 0);
    assert_as_strtod(text);
    assert_true(len > ZEROS);
}

static void test_random_doubles(void **state)
{
    (void)state;
    Random random;
    random_seed(&random, 3);
    for (int i = 0; i < 200000; i++) {
        char text[64];
        uint64_t bits = random_next(&random);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (i % 2)
            snprintf(text, sizeof text, "%.*g", (int)random_below(&random, 20) + 1,
                     value - value == 0 ? value : 0);
        else
            snprintf(text, sizeof text, "%" PRIu64 ".%" PRIu64 "e%d", bits >> (bits % 64),
                     random_below(&random, 1000), (int)random_below(&random, 60) - 30);
        assert_as_strtod(text);
    }
}

/* What the writer writes is worth what it was. */
static void test_round_trip(void **state)
{
    (void)state;
    Random random;
    random_seed(&random, 4);
    for (int i = 0; i < 50000; i++) {
        uint64_t bits = random_next(&random);
        double value, again;
        char text[JSON_DOUBLE_SIZE];
        memcpy(&value, &bits, sizeof value);
        if (value - value != 0)
            continue;
        size_t len = json_double_text(value, text);
        assert_true(json_number_double((Str){ text, len }, &again));
        assert_memory_equal(&again, &value, sizeof value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_integers_refused),
        cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_doubles_of_many_digits),
        cmocka_unit_test(test_random_doubles),
        cmocka_unit_test(test_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
