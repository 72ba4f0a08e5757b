/* problem_test.c - the list of what is wrong: order, bounds, memory. */
#include "config/problem.h"

#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static Place place(const char *source, uint32_t line, uint32_t column)
{
    return (Place){ str_from(source), line, column };
}

static Arena *arena(size_t limit)
{
    Err err;
    Arena *made = arena_new(limit, &err);
    assert_non_null(made);
    return made;
}

static void says(Problems *problems, const char *expected)
{
    Buf said = BUF(1 << 20);
    problems_write(problems, &said);
    assert_non_null(buf_text(&said));
    assert_string_equal(said.ptr, expected);
    buf_free(&said);
}

static void test_sorted_by_place(void **state)
{
    (void)state;
    Problems problems;
    problems_init(&problems, arena(1 << 16));
    assert_true(problems_none(&problems));
    says(&problems, "");
    problem_error(&problems, place("b", 1, 1), "five");
    problem_error(&problems, place("a", 12, 1), "four");
    problem_warning(&problems, place("a", 3, 20), "two");
    problem_error(&problems, place("a", 3, 9), "one");
    problem_error(&problems, place("a", 3, 20), "three %s", "of all");
    problem_error(&problems, (Place){ 0 }, "zero");
    says(&problems, "zero\na:3:9: one\na:3:20: warning: two\na:3:20: three of all\n"
                    "a:12:1: four\nb:1:1: five\n");
    assert_int_equal(problems.errors, 5);
    assert_int_equal(problems.warnings, 1);
    arena_free(problems.arena);
}

static void test_paths(void **state)
{
    (void)state;
    Problems problems;
    problems_init(&problems, arena(1 << 16));
    problems_enter(&problems, STR("receivers"));
    problems_enter(&problems, STR("otlp/2"));
    problem_warning(&problems, place("a", 1, 1), "one");
    problems_enter(&problems, STR("rules"));
    problems_enter_item(&problems, 3);
    problems_enter(&problems, STR("name"));
    problem_warning(&problems, place("a", 2, 1), "two");
    for (int i = 0; i < 4; i++)
        problems_leave(&problems);
    problem_warning(&problems, place("environment", 0, 0), "three");
    says(&problems, "a:1:1: warning: receivers.otlp/2: one\n"
                    "a:2:1: warning: receivers.otlp/2.rules[3].name: two\n"
                    "environment: warning: receivers: three\n");
    assert_true(problems_none(&problems));
    arena_free(problems.arena);
}

/* A path that is too deep loses its end, and comes back whole. */
static void test_deep_paths(void **state)
{
    (void)state;
    Problems problems;
    problems_init(&problems, arena(1 << 20));
    problems_enter(&problems, STR("top"));
    for (int i = 0; i < 3 * PROBLEM_DEPTH_MAX; i++)
        problems_enter_item(&problems, 1);
    problem_error(&problems, place("a", 1, 1), "deep");
    for (int i = 0; i < 3 * PROBLEM_DEPTH_MAX; i++)
        problems_leave(&problems);
    assert_int_equal(problems.count, 1);
    assert_true(str_starts(problems.rows[0]->path, STR("top[1][1]")));
    problem_error(&problems, place("a", 2, 1), "flat");
    assert_true(str_eq(problems.rows[1]->path, STR("top")));
    arena_free(problems.arena);
}

static void test_bounded(void **state)
{
    (void)state;
    Problems problems;
    problems_init(&problems, arena(1 << 20));
    for (uint32_t i = 0; i < PROBLEMS_MAX + 7; i++)
        problem_error(&problems, place("a", i + 1, 1), "wrong");
    Buf said = BUF(1 << 20);
    problems_write(&problems, &said);
    assert_true(str_ends(buf_str(&said), STR("a:100:1: wrong\nand 7 more\n")));
    buf_free(&said);
    arena_free(problems.arena);
}

static void test_one_clean_line(void **state)
{
    (void)state;
    Problems problems;
    problems_init(&problems, arena(1 << 20));
    char longer[PROBLEM_TEXT_MAX * 2];
    memset(longer, 'x', sizeof(longer));
    problem_error(&problems, place("a", 1, 1), "%s", "a\nb\x1b\x7f\tc");
    problem_error(&problems, place("a", 2, 1), "%.*s", (int)sizeof(longer), longer);
    memset(longer, 0, sizeof(longer));
    for (size_t i = 0; i + 2 < sizeof(longer); i += 2)
        memcpy(longer + i, "\xc3\xa4", 2);
    problem_error(&problems, place("a", 3, 1), "%s", longer);
    assert_true(str_eq(problems.rows[0]->text, STR("a b   c")));
    assert_int_equal(problems.rows[1]->text.len, PROBLEM_TEXT_MAX - 1);
    assert_true(utf8_valid(problems.rows[2]->text));
    assert_int_equal(problems.rows[2]->text.len, PROBLEM_TEXT_MAX - 2);
    arena_free(problems.arena);
}

static void test_as_an_err(void **state)
{
    (void)state;
    Err err;
    Problems problems;
    problems_init(&problems, arena(1 << 20));
    assert_true(problems_ok(&problems, &err));
    problem_warning(&problems, place("a", 1, 1), "only a warning");
    assert_true(problems_ok(&problems, &err));
    problem_error(&problems, place("a", 7, 1), "later");
    problems_enter(&problems, STR("key"));
    problem_error(&problems, place("a", 2, 5), "first");
    assert_false(problems_ok(&problems, &err));
    assert_int_equal(err.kind, ERR_INPUT);
    assert_string_equal(err.text, "a:2:5: key: first (and more)");
    arena_free(problems.arena);
}

static void test_memory_is_never_forgotten(void **state)
{
    (void)state;
    Err err;
    for (long n = 0;; n++) {
        Problems problems;
        problems_init(&problems, arena(1 << 20));
        problems_enter(&problems, STR("key"));
        starve_from(n);
        problem_error(&problems, place("a", 1, 1), "wrong");
        bool happened = starve_happened();
        starve_end();
        assert_int_equal(problems.errors, 1);
        assert_false(problems_none(&problems));
        assert_false(problems_ok(&problems, &err));
        Buf said = BUF(1000);
        problems_write(&problems, &said);
        assert_true(said.len > 0);
        buf_free(&said);
        arena_free(problems.arena);
        if (!happened)
            return;
    }
}

static void test_a_full_arena_is_said(void **state)
{
    (void)state;
    Err err;
    Problems problems;
    problems_init(&problems, arena(16));
    problem_warning(&problems, place("a", 1, 1), "does not fit");
    assert_false(problems_ok(&problems, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    says(&problems, "and 1 more\nreading the configuration: needs more than the limit of 16 "
                    "bytes\n");
    arena_free(problems.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sorted_by_place),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_deep_paths),
        cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_one_clean_line),
        cmocka_unit_test(test_as_an_err),
        cmocka_unit_test(test_memory_is_never_forgotten),
        cmocka_unit_test(test_a_full_arena_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
