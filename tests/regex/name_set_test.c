/* Names and patterns that a name is looked up in. */
#include "regex/name_set.h"

#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const Str names[] = { STR_ROW("eth0"), STR_ROW("^veth.*"), STR_ROW("a.c") };

static void strict_means_the_same_text(void **state)
{
    (void)state;
    Err err;
    NameSet *set = name_set_new(names, COUNT_OF(names), NAMES_STRICT, &err);
    assert_non_null(set);
    assert_true(name_set_has(set, STR("eth0")));
    assert_false(name_set_has(set, STR("eth01")));
    assert_true(name_set_has(set, STR("a.c")));
    assert_false(name_set_has(set, STR("abc")));
    name_set_free(set);
}

static void patterns_match_anywhere(void **state)
{
    (void)state;
    Err err;
    NameSet *set = name_set_new(names, COUNT_OF(names), NAMES_PATTERNS, &err);
    assert_non_null(set);
    assert_true(name_set_has(set, STR("my eth01")));
    assert_true(name_set_has(set, STR("veth12")));
    assert_true(name_set_has(set, STR("xabcx")));
    assert_false(name_set_has(set, STR("lo")));
    name_set_free(set);
}

static void bad_patterns_are_named(void **state)
{
    (void)state;
    static const Str bad[] = { STR_ROW("ok"), STR_ROW("a(b") };
    Err err;
    assert_null(name_set_new(bad, COUNT_OF(bad), NAMES_PATTERNS, &err));
    assert_int_equal(err.kind, ERR_INPUT);
    assert_non_null(strstr(err.text, "\"a(b\""));
}

static void nothing_has_nothing(void **state)
{
    (void)state;
    Err err;
    assert_false(name_set_has(NULL, STR("x")));
    NameSet *set = name_set_new(NULL, 0, NAMES_PATTERNS, &err);
    assert_non_null(set);
    assert_false(name_set_has(set, STR("")));
    name_set_free(set);
    assert_null(name_set_new(names, NAME_SET_MAX + 1, NAMES_STRICT, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
}

static void make_one(void)
{
    Err err;
    name_set_free(name_set_new(names, COUNT_OF(names), NAMES_PATTERNS, &err));
}

static void memory_that_fails_leaks_nothing(void **state)
{
    (void)state;
    assert_true(starve_every(make_one) >= 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strict_means_the_same_text),
        cmocka_unit_test(patterns_match_anywhere),
        cmocka_unit_test(bad_patterns_are_named),
        cmocka_unit_test(nothing_has_nothing),
        cmocka_unit_test(memory_that_fails_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
