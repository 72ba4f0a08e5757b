/* steady_wall_test.c - which wall clock is believed, and when. */
#include "seglog/steady_wall.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SECOND NANOS_PER_SECOND
#define HOUR   (3600 * SECOND)
#define DAY    (24 * HOUR)
#define NOW    (INT64_C(1750000000) * SECOND)

static SteadyWall steady;

/* What is believed, in seconds from NOW, when the clocks say so. */
static int64_t read_at(int64_t wall, int64_t mono)
{
    return (steady_wall_read(&steady, (ClockReading){ NOW + wall, 1000 * SECOND + mono }) - NOW) /
           SECOND;
}

static void begin(int64_t last_seen_ns)
{
    steady_wall_begin(&steady, last_seen_ns, (ClockReading){ NOW, 1000 * SECOND });
}

static void a_clock_that_goes_is_believed(void **state)
{
    (void)state;
    begin(0);
    for (int64_t t = 0; t < 10 * DAY; t += HOUR)
        assert_int_equal(read_at(t, t), t / SECOND);
    assert_int_equal(read_at(10 * DAY + 299 * SECOND, 10 * DAY), 10 * DAY / SECOND + 299);
}

static void a_jump_ahead_has_to_last_for_an_hour(void **state)
{
    (void)state;
    begin(0);
    assert_int_equal(read_at(3 * HOUR, SECOND), 1);
    assert_int_equal(read_at(3 * HOUR + 59 * 60 * SECOND, SECOND + 59 * 60 * SECOND), 1 + 59 * 60);
    assert_int_equal(read_at(4 * HOUR, SECOND + HOUR), 4 * 3600);
    assert_int_equal(read_at(5 * HOUR, SECOND + 2 * HOUR), 5 * 3600);
    assert_int_equal(read_at(9 * HOUR, SECOND + 2 * HOUR), 5 * 3600); /* the next one, too */
}

static void further_jumps_do_not_begin_the_hour_anew(void **state)
{
    (void)state;
    begin(0);
    assert_int_equal(read_at(DAY, 0), 0);
    assert_int_equal(read_at(9 * DAY, 50 * 60 * SECOND), 50 * 60);
    assert_int_equal(read_at(9 * DAY, HOUR), 9 * 24 * 3600);
}

static void whoever_jumps_back_within_the_hour_has_done_nothing(void **state)
{
    (void)state;
    begin(0);
    assert_int_equal(read_at(400 * DAY, 0), 0);
    assert_int_equal(read_at(10 * SECOND, 10 * SECOND), 10);
    assert_int_equal(read_at(HOUR, HOUR), 3600);
    assert_int_equal(read_at(400 * DAY, HOUR), 3600);
    assert_int_equal(read_at(400 * DAY, 2 * HOUR - SECOND), 2 * 3600 - 1);
}

static void a_jump_back_is_believed_at_once(void **state)
{
    (void)state;
    begin(0);
    assert_int_equal(read_at(-3 * DAY, SECOND), -3 * 24 * 3600);
    assert_int_equal(read_at(-3 * DAY + HOUR, SECOND + HOUR), -3 * 24 * 3600 + 3600);
}

/* The newest data says when the clock was last seen. */
static void the_first_reading_may_be_the_jump(void **state)
{
    (void)state;
    begin(NOW - 30 * DAY);
    assert_int_equal(read_at(0, 0), -30 * 24 * 3600);
    assert_int_equal(read_at(HOUR, HOUR), 3600);
    begin(NOW - 60 * SECOND);
    assert_int_equal(read_at(0, 0), 0);
    begin(NOW + 400 * DAY); /* data of a clock that was ahead */
    assert_int_equal(read_at(0, 0), 0);
    begin(INT64_MAX);
    assert_int_equal(read_at(0, 0), 0);
    begin(-1);
    assert_int_equal(read_at(0, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_that_goes_is_believed),
        cmocka_unit_test(a_jump_ahead_has_to_last_for_an_hour),
        cmocka_unit_test(further_jumps_do_not_begin_the_hour_anew),
        cmocka_unit_test(whoever_jumps_back_within_the_hour_has_done_nothing),
        cmocka_unit_test(a_jump_back_is_believed_at_once),
        cmocka_unit_test(the_first_reading_may_be_the_jump),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
