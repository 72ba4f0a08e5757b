/* log_test.c - what reaches the sink, and how often the same is said. */
#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SECOND = 1000000000 };

static char last[LOG_LINE_MAX + 64];
static int lines;

static void keep(void *context, LogLevel level, Str component, Str message)
{
    (void)context, (void)level, (void)component;
    snprintf(last, sizeof last, "%.*s", STR_ARG(message));
    lines++;
}

static int start(void **state)
{
    (void)state;
    lines = 0;
    log_set_sink(&(LogSink){ keep, NULL, LOG_INFO });
    return 0;
}

static int stop(void **state)
{
    (void)state;
    log_set_sampling((LogSampling){ 0 });
    log_set_sink(NULL);
    return 0;
}

static void test_levels(void **state)
{
    (void)state;
    log_write(LOG_DEBUG, "x", "no");
    log_write(LOG_WARN, "x", "%d", 7);
    assert_int_equal(lines, 1);
    assert_string_equal(last, "7");
    log_set_level(LOG_ERROR);
    log_write(LOG_WARN, "x", "no");
    assert_int_equal(lines, 1);
}

static void test_long_lines_are_cut(void **state)
{
    (void)state;
    char text[5000];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = 0;
    log_write(LOG_INFO, "x", "%s", text);
    assert_int_equal(strlen(last), LOG_LINE_MAX - 1);
}

/* A cause is component, level and format: other arguments are the same thing said again. */
static void test_causes(void **state)
{
    (void)state;
    log_set_sampling((LogSampling){ .interval_ns = 3600LL * SECOND, .initial = 2 });
    for (int i = 0; i < 100; i++) {
        log_write(LOG_INFO, "a", "failed %d", i);
        log_write(LOG_WARN, "a", "failed %d", i);
        log_write(LOG_INFO, "b", "failed %d", i);
        log_write(LOG_INFO, "a", "other %d", i);
    }
    assert_int_equal(lines, 4 * 2);
    log_tell_unsaid(false); /* the interval is not over */
    assert_int_equal(lines, 8);
}

static void test_every_nth_says_how_many(void **state)
{
    (void)state;
    log_set_sampling(
        (LogSampling){ .interval_ns = 3600LL * SECOND, .initial = 1, .thereafter = 10 });
    for (int i = 0; i < 11; i++)
        log_write(LOG_INFO, "a", "failed %d", i);
    assert_int_equal(lines, 2);
    assert_string_equal(last, "failed 10 (and 9 more like it)");
}

static void test_an_interval_that_is_over_tells_its_rest(void **state)
{
    (void)state;
    LogSampler sampler = { .rule = { .interval_ns = SECOND, .initial = 1 } };
    uint64_t unsaid;
    size_t index;
    assert_true(log_sample(&sampler, 5, 0, &unsaid));
    assert_false(log_sample(&sampler, 5, 1, &unsaid));
    assert_false(log_sample(&sampler, 5, 2, &unsaid));
    assert_int_equal(log_sample_overdue(&sampler, SECOND - 1, &index), 0);
    assert_int_equal(log_sample_overdue(&sampler, SECOND, &index), 2);
    assert_int_equal(index, log_sample_index(&sampler, 5));
    assert_int_equal(log_sample_overdue(&sampler, SECOND, &index), 0);
    assert_true(log_sample(&sampler, 5, SECOND, &unsaid)); /* a new interval */
    assert_int_equal(unsaid, 0);
}

static void test_more_causes_than_are_remembered(void **state)
{
    (void)state;
    LogSampler sampler = { .rule = { .interval_ns = SECOND, .initial = 1 } };
    uint64_t unsaid;
    for (uint64_t hash = 1; hash <= LOG_CAUSES; hash++)
        assert_true(log_sample(&sampler, hash, (int64_t)hash, &unsaid));
    for (uint64_t hash = 1; hash <= LOG_CAUSES; hash++)
        assert_false(log_sample(&sampler, hash, 100, &unsaid));
    assert_true(log_sample(&sampler, 1000, 100, &unsaid)); /* takes the place of 1 */
    assert_int_equal(log_sample_index(&sampler, 1), LOG_CAUSES);
    assert_false(log_sample(&sampler, 2, 100, &unsaid));
}

static void test_the_end_tells_what_is_left(void **state)
{
    (void)state;
    log_set_sampling((LogSampling){ .interval_ns = 3600LL * SECOND, .initial = 1 });
    for (int i = 0; i < 4; i++)
        log_write(LOG_INFO, "a", "failed %d", i);
    assert_int_equal(lines, 1);
    log_tell_unsaid(true);
    assert_int_equal(lines, 2);
    assert_string_equal(last, "failed 3 (and 2 more like it)");
    log_tell_unsaid(true);
    assert_int_equal(lines, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_levels, start, stop),
        cmocka_unit_test_setup_teardown(test_long_lines_are_cut, start, stop),
        cmocka_unit_test_setup_teardown(test_causes, start, stop),
        cmocka_unit_test_setup_teardown(test_every_nth_says_how_many, start, stop),
        cmocka_unit_test_setup_teardown(test_an_interval_that_is_over_tells_its_rest, start, stop),
        cmocka_unit_test_setup_teardown(test_more_causes_than_are_remembered, start, stop),
        cmocka_unit_test_setup_teardown(test_the_end_tells_what_is_left, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
