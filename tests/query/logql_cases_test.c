/* Runs tests/query/logql_cases/<name>.case; support/logql_script.h says what they look like. */
#include "support/logql_script.h"

#include "base/arena.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { CASE_MAX = 1 << 20 };
static const char folder[] = "tests/query/logql_cases";

static void told(void *context, unsigned line, Str query, Str why)
{
    print_error("%s:%u: %.*s%.*s\n", (const char *)context, line, STR_ARG(query), STR_ARG(why));
}

static void run_file(char *name, ScriptCounts *all)
{
    static char text[CASE_MAX], path[512];
    Err err;
    ScriptCounts counts = { 0 };
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof text, file);
    fclose(file);
    if (!logql_script_run((Str){ text, len }, told, name, &counts, &err))
        fail_msg("%s: %s", name, err.text);
    assert_int_not_equal(counts.total, 0);
    assert_int_equal(counts.passed, counts.total);
    all->total += counts.total;
}

static void test_cases(void **state)
{
    (void)state;
    ScriptCounts all = { 0 };
    DIR *cases = opendir(folder);
    assert_non_null(cases);
    for (struct dirent *entry; (entry = readdir(cases)) != NULL;)
        if (str_ends(str_from(entry->d_name), STR(".case")))
            run_file(entry->d_name, &all);
    closedir(cases);
    print_message("counts: logql cases: %u evaluations\n", all.total);
}

static void keep_quiet(void *context, unsigned line, Str query, Str why)
{
    (void)line, (void)query, (void)why;
    ++*(unsigned *)context;
}

/* The runner itself: what should not pass does not. */
static void test_can_fail(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "load\n  {a=\"b\"} \"x\" @ 1s\neval instant at 1s count_over_time({a=\"b\"}[1s])\n  "
        "{a=\"b\"} 2",
        "load\n  {a=\"b\"} \"x\" @ 1s\neval instant at 1s count_over_time({a=\"b\"}[1s])\n  "
        "{a=\"c\"} 1",
        "load\n  {a=\"b\"} \"x\" @ 1s\neval instant at 1s count_over_time({a=\"b\"}[1s])\n  expect "
        "empty",
        "eval instant at 1s count_over_time({a=\"b\"}[1s])\n  {a=\"b\"} 1",
        "eval instant at 1s 1\n  expect fail",
        "eval instant at 1s 1 +\n  expect fail msg: of another kind",
        "load\n  {a=\"b\"} \"x\" @ 1s\neval lines from 0s to 2s limit 1 forward {a=\"b\"}\n"
        "  {a=\"b\"} \"y\" @ 1s",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        Err err;
        ScriptCounts counts = { 0 };
        unsigned told_times = 0;
        assert_true(logql_script_run(str_from(wrong[i]), keep_quiet, &told_times, &counts, &err));
        assert_int_equal(told_times, 1);
        assert_int_equal(counts.total, 1);
        assert_int_equal(counts.passed, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_can_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
