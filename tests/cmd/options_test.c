/* The command line: every option, every spelling, and what is said of those that are none. */
#include "cmd/options.h"

#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { WORDS_MAX = 80 };

typedef struct Line { /* a command line, words separated by single spaces, and what it means */
    const char *text;
    Command command;
    const char *configs; /* separated by single spaces */
    const char *error;   /* instead of all that */
} Line;

static const Line lines[] = {
    { "", COMMAND_RUN, "", NULL },
    { "run", COMMAND_RUN, "", NULL },
    { "--config a.yaml", COMMAND_RUN, "a.yaml", NULL },
    { "--config=a.yaml", COMMAND_RUN, "a.yaml", NULL },
    { "--config a.yaml --config=b.yaml", COMMAND_RUN, "a.yaml b.yaml", NULL },
    { "run --config a.yaml", COMMAND_RUN, "a.yaml", NULL },
    { "--config a.yaml run", COMMAND_RUN, "a.yaml", NULL },
    { "--config validate", COMMAND_RUN, "validate", NULL },
    { "--config=a=b.yaml", COMMAND_RUN, "a=b.yaml", NULL },
    { "--feature-gates=a,-b --config a", COMMAND_RUN, "a", NULL },
    { "--feature-gates", COMMAND_RUN, "", "--feature-gates needs names" },
    { "help", COMMAND_HELP, "", NULL },
    { "--help", COMMAND_HELP, "", NULL },
    { "-h", COMMAND_HELP, "", NULL },
    { "version", COMMAND_VERSION, "", NULL },
    { "--version", COMMAND_VERSION, "", NULL },
    { "-v", COMMAND_VERSION, "", NULL },
    { "--config", COMMAND_RUN, "", "--config needs a file" },
    { "--config=", COMMAND_RUN, "", "--config needs a file" },
    { "--set a.b=c --config a", COMMAND_RUN, "a", NULL },
    { "--set=a=b=c", COMMAND_RUN, "", NULL },
    { "--set", COMMAND_RUN, "", "--set needs key.key=value" },
    { "--set=", COMMAND_RUN, "", "--set needs key.key=value" },
    { "--sandbox strict --config a", COMMAND_RUN, "a", NULL },
    { "--sandbox=off", COMMAND_RUN, "", NULL },
    { "--watch-config", COMMAND_RUN, "", NULL },
    { "--watch-confi", COMMAND_RUN, "",
      "'--watch-confi' is unknown; did you mean --watch-config?" },
    { "--sandbox none", COMMAND_RUN, "", "--sandbox is auto, strict or off, not 'none'" },
    { "--sandbox", COMMAND_RUN, "", "--sandbox is auto, strict or off, not ''" },
    { "--sandboxes", COMMAND_RUN, "", "'--sandboxes' is unknown; did you mean --sandbox?" },
    { "--confg a.yaml", COMMAND_RUN, "", "'--confg' is unknown; did you mean --config?" },
    { "--configs a", COMMAND_RUN, "", "'--configs' is unknown; did you mean --config?" },
    { "valdate", COMMAND_RUN, "", "'valdate' is unknown; did you mean validate?" },
    { "component", COMMAND_RUN, "", "'component' is unknown; did you mean components?" },
    { "--hepl", COMMAND_RUN, "", "'--hepl' is unknown; did you mean --help?" },
    { "--vers", COMMAND_RUN, "", "'--vers' is unknown; see cryostorm --help" },
    { "--frobnicate", COMMAND_RUN, "", "'--frobnicate' is unknown; see cryostorm --help" },
    { "run help", COMMAND_RUN, "", "'help' is one command too many" },
    { "--help run", COMMAND_RUN, "", "'run' is one command too many" },
};

/* Cuts the text into words, in place; argv[0] is the program. */
static int split(char *text, char *argv[WORDS_MAX])
{
    static char program[] = "cryostorm";
    int argc = 0;
    argv[argc++] = program;
    for (char *word = text; *word;) {
        char *end = strchr(word, ' ');
        argv[argc++] = word;
        if (!end)
            break;
        *end = 0;
        word = end + 1;
    }
    return argc;
}

static void expect_configs(const Options *options, const Line *line)
{
    Str rest = str_from(line->configs), word;
    size_t count = 0;
    while (str_split(&rest, ' ', &word)) {
        if (!word.len)
            continue;
        assert_true(count < options->config_count);
        assert_true(str_eq(str_from(options->configs[count++]), word));
    }
    assert_int_equal(options->config_count, count);
}

static void every_line_is_understood_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        char text[256], *argv[WORDS_MAX];
        assert_true(strlen(lines[i].text) < sizeof text);
        memcpy(text, lines[i].text, strlen(lines[i].text) + 1);
        Options options;
        Err err = { 0 };
        bool ok = options_parse(split(text, argv), argv, &options, &err);
        if (lines[i].error) {
            assert_false(ok);
            assert_int_equal(err.kind, ERR_INPUT);
            assert_string_equal(err.text, lines[i].error);
            continue;
        }
        if (!ok)
            fail_msg("\"%s\": %s", lines[i].text, err.text);
        assert_int_equal(options.command, lines[i].command);
        expect_configs(&options, &lines[i]);
    }
}

static void an_empty_word_is_no_command(void **state)
{
    (void)state;
    char program[] = "cryostorm", nothing[] = "";
    char *argv[] = { program, nothing };
    Options options;
    Err err = { 0 };
    assert_false(options_parse(2, argv, &options, &err));
    assert_int_equal(err.kind, ERR_INPUT);
}

static void files_have_a_ceiling(void **state)
{
    (void)state;
    char program[] = "cryostorm", file[] = "--config=a.yaml";
    char *argv[CONFIGS_MAX + 2] = { program };
    for (size_t i = 1; i < COUNT_OF(argv); i++)
        argv[i] = file;
    Options options;
    Err err = { 0 };
    assert_true(options_parse(CONFIGS_MAX + 1, argv, &options, &err));
    assert_int_equal(options.config_count, CONFIGS_MAX);
    assert_false(options_parse(CONFIGS_MAX + 2, argv, &options, &err));
    assert_string_equal(err.text, "more than 32 times --config");
}

static void the_command_may_stand_behind_options(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int at;
    } rows[] = {
        { "validate --config a", 1 },    { "--config a validate", 3 },
        { "--config=a validate", 2 },    { "--set a.b=c --config a graph --svg", 5 },
        { "--config validate", 3 },      { "--version", 2 },
        { "--sandbox off --config", 4 }, { "", 2 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[256], *argv[WORDS_MAX];
        memcpy(text, rows[i].text, strlen(rows[i].text) + 1);
        int argc = split(text, argv);
        int at = options_command_at(argc, argv);
        if (at != (rows[i].at < argc ? rows[i].at : argc))
            fail_msg("\"%s\": %d of %d", rows[i].text, at, argc);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line_is_understood_or_refused),
        cmocka_unit_test(an_empty_word_is_no_command),
        cmocka_unit_test(files_have_a_ceiling),
        cmocka_unit_test(the_command_may_stand_behind_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
