/* label_match_test.c - the four matchers, as selectors of both query languages use them. */
#include "store/label_match.h"

#include "store/log_scan.h"
#include "store/series_scan.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const Label chat[] = { { STR_ROW("__name__"), STR_ROW("chat_requests_total") },
                              { STR_ROW("job"), STR_ROW("llm\napp") } };

static bool holds(LabelOp op, const char *name, const char *value)
{
    const LabelMatcher matcher = { op, str_from(name), str_from(value) };
    LabelMatch match;
    Err err;
    assert_true(label_match_init(&match, &matcher, 1, &err));
    bool result = label_matches(&match, (Labels){ chat, 2 });
    label_match_done(&match);
    return result;
}

static void four_operators(void **state)
{
    (void)state;
    assert_true(holds(LABEL_EQUAL, "__name__", "chat_requests_total"));
    assert_false(holds(LABEL_EQUAL, "__name__", "chat_requests"));
    assert_true(holds(LABEL_NOT_EQUAL, "job", "x"));
    assert_false(holds(LABEL_NOT_EQUAL, "job", "llm\napp"));
    assert_true(holds(LABEL_REGEX, "job", "llm.app"));
    assert_false(holds(LABEL_REGEX, "job", "llm"));
    assert_true(holds(LABEL_NOT_REGEX, "job", "llm"));
    assert_false(holds(LABEL_NOT_REGEX, "job", "l.*"));
}

static void a_missing_label_is_empty(void **state)
{
    (void)state;
    assert_true(holds(LABEL_EQUAL, "path", ""));
    assert_false(holds(LABEL_NOT_EQUAL, "path", ""));
    assert_true(holds(LABEL_REGEX, "path", ".*"));
    assert_false(holds(LABEL_REGEX, "path", ".+"));
    assert_true(holds(LABEL_NOT_REGEX, "path", ".+"));
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    const LabelMatcher bad = { LABEL_REGEX, STR("job"), STR("(") };
    LabelMatch match;
    Err err = { 0 };
    assert_false(label_match_init(&match, &bad, 1, &err));
    assert_int_equal(err.kind, ERR_INPUT);
    assert_non_null(strstr(err.text, "job"));
    LabelMatcher many[LABEL_MATCHERS_MAX + 1] = { { LABEL_EQUAL, { NULL, 0 }, { NULL, 0 } } };
    assert_false(label_match_init(&match, many, LABEL_MATCHERS_MAX + 1, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    label_match_done(&match);
}

static void both_doors_take_them(void **state)
{
    (void)state;
    const LabelMatcher matcher = { LABEL_EQUAL, STR("job"), STR("a") };
    const SeriesScan metrics = { .matchers = &matcher, .matcher_count = 1 };
    const LogScan logs = { .matchers = metrics.matchers, .matcher_count = metrics.matcher_count };
    assert_ptr_equal(logs.matchers, &matcher);
    assert_true(sample_is_stale(stale_marker()));
    assert_false(sample_is_stale((double)NAN));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_operators),
        cmocka_unit_test(a_missing_label_is_empty),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(both_doors_take_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
