/* clock_test.c - durations as Go writes them, times as RFC 3339 writes them. */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t nanos;
    } good[] = {
        { "200ms", 200 * NANOS_PER_MILLI },
        { "0", 0 },
        { "0s", 0 },
        { "1h30m", 5400 * NANOS_PER_SECOND },
        { "1.5s", 1500 * NANOS_PER_MILLI },
        { "-2s", -2 * NANOS_PER_SECOND },
        { "10us", 10 * NANOS_PER_MICRO },
        { "7ns", 7 },
    };
    int64_t nanos;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_true(duration_parse(str_from(good[i].text), &nanos));
        assert_int_equal(nanos, good[i].nanos);
    }
    static const char *const bad[] = { "",          "5",    "s", "5 s", "5sec", "1.2.3s",
                                       "99999999h", "1e3s", "+", "-",   "h1" };
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(duration_parse(str_from(bad[i]), &nanos));
}

static void test_time_text(void **state)
{
    (void)state;
    char out[TIME_TEXT_SIZE];
    assert_string_equal(time_text(0, out), "1970-01-01T00:00:00.000000000Z");
    assert_string_equal(time_text(1700000000000000001, out), "2023-11-14T22:13:20.000000001Z");
    assert_string_equal(time_text(-1, out), "1969-12-31T23:59:59.999999999Z");
    assert_string_equal(time_text(INT64_MAX, out), "2262-04-11T23:47:16.854775807Z");
}

static void test_times_come_back(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t nanos;
    } good[] = {
        { "1970-01-01T00:00:00Z", 0 },
        { "2023-11-14T22:13:20.000000001Z", 1700000000000000001 },
        { "2023-11-15T00:13:20+02:00", 1700000000 * NANOS_PER_SECOND },
        { "2023-11-14t20:43:20.5-01:30", 1700000000 * NANOS_PER_SECOND + 500000000 },
        { "2024-02-29T00:00:00Z", 1709164800 * NANOS_PER_SECOND },
        { "1969-12-31T23:59:59.9999999999z", -1 },
    };
    int64_t nanos;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_true(time_parse(str_from(good[i].text), &nanos));
        assert_int_equal(nanos, good[i].nanos);
    }
    for (int64_t day = -40000; day < 80000; day += 13) {
        char text[TIME_TEXT_SIZE];
        int64_t at = day * 86400 * NANOS_PER_SECOND + 12345;
        assert_true(time_parse(str_from(time_text(at, text)), &nanos));
        assert_int_equal(nanos, at);
    }
    static const char *const bad[] = { "",
                                       "2023-11-14",
                                       "2023-11-14T22:13:20",
                                       "2023-11-14T22:13:20.Z",
                                       "2023-02-29T00:00:00Z",
                                       "2023-13-01T00:00:00Z",
                                       "2023-11-14T24:00:00Z",
                                       "2023-11-14 22:13:20Z",
                                       "2023-11-14T22:13:20+2:00",
                                       "3023-11-14T22:13:20Z" };
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(time_parse(str_from(bad[i]), &nanos));
}

static void test_periods(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds;
    } good[] = { { "5m", 300 },      { "1h30m", 5400 }, { "1y", 31536000 },
                 { "1w2d", 777600 }, { "0", 0 },        { "0s", 0 },
                 { "1d1s", 86401 },  { "90s", 90 },     { "3000ms", 3 } };
    int64_t nanos;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_true(period_parse(str_from(good[i].text), &nanos));
        assert_int_equal(nanos, good[i].seconds * NANOS_PER_SECOND);
    }
    static const char *const bad[] = { "",    "5",  "m",  "1.5h", "1m1h", "1m1m",
                                       "-5m", "5x", "5M", "300y", "5m ",  "1h-5m" };
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(period_parse(str_from(bad[i]), &nanos));
}

static void test_a_test_clock_moves_only_by_hand(void **state)
{
    (void)state;
    TestClock clock;
    test_clock_init(&clock, 1000);
    int64_t before = clock_mono_ns(&clock.base);
    assert_int_equal(clock_wall_ns(&clock.base), 1000);
    test_clock_advance(&clock, 5);
    assert_int_equal(clock_wall_ns(&clock.base), 1005);
    assert_int_equal(clock_mono_ns(&clock.base), before + 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_time_text),
        cmocka_unit_test(test_times_come_back),
        cmocka_unit_test(test_periods),
        cmocka_unit_test(test_a_test_clock_moves_only_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
