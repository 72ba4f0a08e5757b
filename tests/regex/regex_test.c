/* regex_test.c - what the shim promises; that RE2 itself is right is RE2's business. */
#include "regex/regex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static Regex *compiled(const char *pattern, RegexMode mode)
{
    Err err;
    Regex *regex = regex_new(str_from(pattern), mode, &err);
    if (!regex)
        fail_msg("%s: %s", pattern, err.text);
    return regex;
}

static bool says(const char *pattern, RegexMode mode, Str text)
{
    Regex *regex = compiled(pattern, mode);
    bool matches = regex_matches(regex, text);
    regex_free(regex);
    return matches;
}

static void anchored_means_the_whole_text(void **state)
{
    (void)state;
    assert_true(says("abc", REGEX_ANCHORED, STR("abc")));
    assert_false(says("abc", REGEX_ANCHORED, STR("abcd")));
    assert_false(says("b", REGEX_ANCHORED, STR("abc")));
    assert_true(says("a|bc", REGEX_ANCHORED, STR("bc")));
    assert_false(says("a|bc", REGEX_ANCHORED, STR("abc"))); /* not ^a|bc$ */
    assert_true(says("a.*c", REGEX_ANCHORED, STR("a\nc")));
    assert_true(says("", REGEX_ANCHORED, STR("")));
    assert_true(says(".*", REGEX_ANCHORED, (Str){ NULL, 0 }));
    assert_false(says(".+", REGEX_ANCHORED, STR("")));
}

static void searching_finds_it_anywhere(void **state)
{
    (void)state;
    assert_true(says("b", REGEX_SEARCH, STR("abc")));
    assert_true(says("(?i)B", REGEX_SEARCH, STR("abc")));
    assert_false(says("a.c", REGEX_SEARCH, STR("a\nc")));
    assert_false(says("^b", REGEX_SEARCH, STR("abc")));
}

static void groups_are_found_and_named(void **state)
{
    (void)state;
    Regex *regex = compiled("(?P<verb>[A-Z]+) (/[a-z]*)(x)?", REGEX_SEARCH);
    Str groups[4];
    assert_int_equal(regex_groups(regex), 4);
    assert_true(str_eq(regex_group_name(regex, 1), STR("verb")));
    assert_int_equal(regex_group_name(regex, 2).len, 0);
    assert_int_equal(regex_group_name(regex, 9).len, 0);
    assert_true(regex_find(regex, STR("-- GET /chat --"), groups, 4));
    assert_true(str_eq(groups[0], STR("GET /chat")));
    assert_true(str_eq(groups[1], STR("GET")));
    assert_true(str_eq(groups[2], STR("/chat")));
    assert_null(groups[3].ptr);
    assert_true(regex_find(regex, STR("GET /"), groups, 1));
    assert_false(regex_find(regex, STR("get /"), groups, 4));
    regex_free(regex);
}

static void a_bad_pattern_says_why(void **state)
{
    (void)state;
    static const char *const bad[] = { "(", "[a", "a{2", "*", "(?<name>x)(", "\\" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        Err err = { 0 };
        Regex *regex = regex_new(str_from(bad[i]), REGEX_ANCHORED, &err);
        if (i == 2) { /* RE2 takes it as text, as Go does */
            assert_non_null(regex);
            regex_free(regex);
            continue;
        }
        assert_null(regex);
        assert_int_equal(err.kind, ERR_INPUT);
        assert_non_null(strstr(err.text, "regular expression"));
    }
}

static void a_huge_pattern_is_refused(void **state)
{
    (void)state;
    Err err = { 0 };
    assert_null(regex_new(STR("((a{100}){100}){100}"), REGEX_SEARCH, &err));
    assert_true(err.kind == ERR_LIMIT || err.kind == ERR_INPUT);
    char *text = malloc(REGEX_PATTERN_MAX + 1);
    assert_non_null(text);
    memset(text, 'a', REGEX_PATTERN_MAX + 1);
    assert_null(regex_new((Str){ text, REGEX_PATTERN_MAX + 1 }, REGEX_SEARCH, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    free(text);
}

static void plain_text_is_known_as_such(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        bool is_literal;
    } rows[] = { { "chat_requests", true }, { "a.c", false }, { "", true }, { "a|b", false } };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        Regex *regex = compiled(rows[i].pattern, REGEX_ANCHORED);
        Str literal;
        assert_int_equal(regex_literal(regex, &literal), rows[i].is_literal);
        if (rows[i].is_literal)
            assert_true(str_eq(literal, str_from(rows[i].pattern)));
        regex_free(regex);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(anchored_means_the_whole_text),
        cmocka_unit_test(searching_finds_it_anywhere),
        cmocka_unit_test(groups_are_found_and_named),
        cmocka_unit_test(a_bad_pattern_says_why),
        cmocka_unit_test(a_huge_pattern_is_refused),
        cmocka_unit_test(plain_text_is_known_as_such),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
