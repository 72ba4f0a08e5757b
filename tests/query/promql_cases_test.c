/* Runs tests/query/promql_cases/<name>.case; support/promql_script.h says what they look like. */
#include "support/promql_script.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { CASE_MAX = 1 << 20 };
static const char folder[] = "tests/query/promql_cases";

static void told(void *context, size_t line, Str query, Str why)
{
    print_error("%s:%zu: %.*s\n    %.*s\n", (const char *)context, line, STR_ARG(query),
                STR_ARG(why));
}

static void run_file(char *name, PromqlCounts *all)
{
    static char text[CASE_MAX], path[512];
    Err err;
    PromqlCounts counts = { 0 };
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof text, file);
    fclose(file);
    if (!promql_script_run((Str){ text, len }, told, name, &counts, &err))
        fail_msg("%s: %s", name, err.text);
    assert_int_not_equal(counts.total, 0);
    assert_int_equal(counts.passed, counts.total);
    all->total += counts.total;
}

static void test_cases(void **state)
{
    (void)state;
    PromqlCounts all = { 0 };
    DIR *directory = opendir(folder);
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory));)
        if (str_ends(str_from(entry->d_name), STR(".case")))
            run_file(entry->d_name, &all);
    closedir(directory);
    assert_true(all.total > 50);
}

static void count_wrong(void *context, size_t line, Str query, Str why)
{
    (void)line, (void)query, (void)why;
    ++*(unsigned *)context;
}

/* A reader of scripts that lets everything pass would prove nothing. */
static void test_wrong_answers_are_seen(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "eval instant at 0 1\n  2\n",
        "eval instant at 0 1\n  {} 1\n",
        "load 1m\n  a 1 2\neval instant at 0 a\n  a 2\n",
        "load 1m\n  a 1 2\neval instant at 0 a\n  b 1\n",
        "load 1m\n  a 1 2\neval instant at 0 a\n",
        "load 1m\n  a 1 2\neval instant at 0 b\n  b 1\n",
        "load 1m\n  a 1 2\neval range from 0 to 1m step 1m a\n  a 1 _\n",
        "load 1m\n  a 1 2\neval range from 0 to 1m step 1m a > 1\n  a 1 2\n",
        ("load 1m\n  a 1\n  b 2\neval instant at 0 topk(2, {__name__=~\"a|b\"})\n"
         "  expect ordered\n  a 1\n  b 2\n"),
        "eval instant at 0 1\n  expect fail\n",
        "eval instant at 0 1 +\n  1\n",
        "eval instant at 0 1 +\n  expect fail msg: something else\n",
        "eval instant at 0 1\n  expect warn\n  1\n",
        "load 1m\n  a 1 2\neval instant at 1m rate(a[2m])\n  expect no_info\n  {} 0.016666666\n",
        "eval instant at 0 \"a\"\n  expect string \"b\"\n",
        "eval instant at 0 limitk(1, a)\n  expect fail\n",
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        Err err;
        unsigned seen = 0;
        PromqlCounts counts = { 0 };
        assert_true(promql_script_run(str_from(wrong[i]), count_wrong, &seen, &counts, &err));
        if (seen != 1 || counts.passed != 0)
            fail_msg("passes: %s", wrong[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_wrong_answers_are_seen),
    };
    return cmocka_run_group_tests_name("promql cases", tests, NULL, NULL);
}
