/* option_row_test.c - words into options: values, presets, lists, and what is wrong with them. */
#include "cmd/option_row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

typedef struct Wanted {
    const char *name, *colour;
    uint64_t count;
    double ratio;
    int64_t wait_ns;
    bool loud;
    OptionWords tags;
} Wanted;

static const char *const colours[] = { "red", "green", NULL };

#define ROW(name, value, type, member, preset, choices)                      \
    {                                                                        \
        name, value, type, offsetof(Wanted, member), preset, "help", choices \
    }
static const OptionRow rows[] = {
    ROW("name", "TEXT", OPTION_TEXT, name, NULL, NULL),
    ROW("colour", "COLOUR", OPTION_TEXT, colour, "red", colours),
    ROW("count", "N", OPTION_COUNT, count, "7", NULL),
    ROW("ratio", "R", OPTION_REAL, ratio, NULL, NULL),
    ROW("wait", "DURATION", OPTION_DURATION, wait_ns, "5s", NULL),
    ROW("loud", NULL, OPTION_FLAG, loud, NULL, NULL),
    ROW("tag", "K=V", OPTION_WORDS, tags, NULL, NULL),
    { 0 },
};
static const CommandForm form = { "try", "WORD", "Tries.", rows, "  try\n" };

static OptionResult read_words(const char *line, Wanted *out, OptionWords *arguments, Err *err)
{
    static char copy[512];
    char *words[32];
    int count = 0;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *at = strtok_r(copy, " ", &words[31]); at; at = strtok_r(NULL, " ", &words[31]))
        words[count++] = at;
    *out = (Wanted){ 0 };
    *arguments = (OptionWords){ 0 };
    *err = (Err){ 0 };
    return options_read(&form, count, words, out, arguments, err);
}

static void values_are_read(void **state)
{
    (void)state;
    Wanted wanted;
    OptionWords arguments;
    Err err;
    assert_int_equal(read_words("one --name=x --colour GREEN --count 12 --ratio -1.5 --wait 2d "
                                "--loud --tag a=1 --tag=b=2 two -- --name three",
                                &wanted, &arguments, &err),
                     OPTIONS_READ);
    assert_string_equal(wanted.name, "x");
    assert_string_equal(wanted.colour, "green"); /* as the table spells it */
    assert_true(wanted.count == 12 && wanted.ratio == -1.5 && wanted.loud);
    assert_true(wanted.wait_ns == INT64_C(172800000000000));
    assert_int_equal(wanted.tags.count, 2);
    assert_string_equal(wanted.tags.items[1], "b=2");
    assert_int_equal(arguments.count, 4);
    assert_string_equal(arguments.items[2], "--name");
}

static void presets_stand_where_nothing_is_said(void **state)
{
    (void)state;
    Wanted wanted;
    OptionWords arguments;
    Err err;
    assert_int_equal(read_words("", &wanted, &arguments, &err), OPTIONS_READ);
    assert_null(wanted.name);
    assert_string_equal(wanted.colour, "red");
    assert_true(wanted.count == 7 && wanted.wait_ns == INT64_C(5000000000) && !wanted.loud);
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    static const char *const lines[][2] = {
        { "--nme x", "--nme is unknown; did you mean --name?" },
        { "--somethingelse", "see cryostorm try --help" },
        { "--name", "--name needs TEXT" },
        { "--loud=yes", "--loud takes no value" },
        { "--count -1", "not a whole number" },
        { "--count 1.5", "not a whole number" },
        { "--ratio much", "not a number" },
        { "--wait soon", "not a duration" },
        { "--colour gren", "none of red, green; did you mean green?" },
        { "--colour violet", "none of red, green" },
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        Wanted wanted;
        OptionWords arguments;
        Err err;
        assert_int_equal(read_words(lines[i][0], &wanted, &arguments, &err), OPTIONS_WRONG);
        assert_int_equal(err.kind, ERR_INPUT);
        if (!strstr(err.text, lines[i][1]))
            fail_msg("%s: %s", lines[i][0], err.text);
    }
}

static void help_wins(void **state)
{
    (void)state;
    Wanted wanted;
    OptionWords arguments;
    Err err;
    assert_int_equal(read_words("x --help --nonsense", &wanted, &arguments, &err), OPTIONS_HELP);
    assert_int_equal(read_words("-h", &wanted, &arguments, &err), OPTIONS_HELP);
}

static void lists_are_bounded(void **state)
{
    (void)state;
    char *words[2 * OPTION_WORDS_MAX + 2];
    char tag[] = "--tag", pair[] = "a=1";
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i += 2) {
        words[i] = tag;
        words[i + 1] = pair;
    }
    Wanted wanted = { 0 };
    OptionWords arguments = { 0 };
    Err err = { 0 };
    assert_int_equal(options_read(&form, 2 * OPTION_WORDS_MAX, words, &wanted, &arguments, &err),
                     OPTIONS_READ);
    wanted = (Wanted){ 0 };
    assert_int_equal(options_read(&form, 2 * OPTION_WORDS_MAX + 2, words, &wanted, &arguments,
                                  &err),
                     OPTIONS_WRONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_read),
        cmocka_unit_test(presets_stand_where_nothing_is_said),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(help_wins),
        cmocka_unit_test(lists_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
