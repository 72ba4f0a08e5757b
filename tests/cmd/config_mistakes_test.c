/* config_mistakes_test.c - runs the files of tests/config/mistakes: whole configurations, as people
 * write them, and every line that they are told.
 *
 *     args     --config a.yaml --set x.y=z     without this line: --config main.yaml
 *     env      NAME=value
 *     file     main.yaml                       the lines that follow, each indented by two spaces
 *       receivers:
 *     told     main.yaml:1:1: ...              all of it, in order; none: nothing is wrong
 *
 * One file is one mistake; a line that begins with # says why people make it. Each is also run with
 * the n-th allocation failing, for some n.
 */
#include "cmd/load_config.h"

#include "support/starve.h"
#include "support/test_disk.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MISTAKES "tests/config/mistakes"

enum { WORDS_MAX = 32, TEXT_MAX = 1 << 20, STARVE_STEPS = 40 };

typedef struct Mistake {
    Str env[WORDS_MAX];
    size_t env_count;
    char args[1024];
    Options options;
    TestDisk *disk;
    Buf told;
    char name[256]; /* of the file that is being written */
    Buf text;
} Mistake;

static size_t failures; /* so that one run shows every case that differs */

static bool find_env(void *context, Str name, Str *value)
{
    const Mistake *mistake = context;
    for (size_t i = 0; i < mistake->env_count; i++) {
        Str rest = mistake->env[i], key = { 0 };
        if (str_split(&rest, '=', &key) && str_eq(key, name)) {
            *value = str_skip(mistake->env[i], key.len + 1);
            return true;
        }
    }
    return false;
}

static void end_file(Mistake *mistake)
{
    Err err;
    Disk *disk = test_disk_door(mistake->disk);
    char *slash = strrchr(mistake->name, '/');
    if (!mistake->name[0])
        return;
    if (slash) {
        *slash = 0;
        assert_true(disk->make_directory(disk, mistake->name, &err));
        *slash = '/';
    }
    File *file = disk_open(disk, mistake->name, DISK_WRITE, &err);
    if (!file)
        fail_msg("%s", err.text);
    assert_true(file_write(file, 0, mistake->text.ptr, mistake->text.len, &err));
    assert_true(file_close(file, &err));
    mistake->name[0] = 0;
    buf_free(&mistake->text);
    mistake->text = BUF(TEXT_MAX);
}

static void read_args(Mistake *mistake, Str line)
{
    char program[] = "cryostorm", *argv[WORDS_MAX] = { program };
    int argc = 1;
    Err err;
    assert_true(line.len < sizeof mistake->args);
    memcpy(mistake->args, line.ptr, line.len);
    for (char *word = mistake->args; word && argc < WORDS_MAX;) {
        argv[argc++] = word;
        word = strchr(word, ' ');
        if (word)
            *word++ = 0;
    }
    if (!options_parse(argc, argv, &mistake->options, &err))
        fail_msg("%s", err.text);
}

static void read_line(Mistake *mistake, Str line)
{
    if (mistake->name[0] && (!line.len || str_starts(line, STR("  ")))) {
        buf_add(&mistake->text, str_skip(line, 2));
        buf_add_byte(&mistake->text, '\n');
        return;
    }
    end_file(mistake);
    Str rest = line, word = line;
    str_split(&rest, ' ', &word);
    rest = str_trim(rest);
    if (str_eq(word, STR("env")) && mistake->env_count < WORDS_MAX)
        mistake->env[mistake->env_count++] = rest;
    else if (str_eq(word, STR("args")))
        read_args(mistake, rest);
    else if (str_eq(word, STR("file")))
        snprintf(mistake->name, sizeof mistake->name, "%.*s", STR_ARG(rest));
    else if (str_eq(word, STR("told")))
        buf_addf(&mistake->told, "%.*s\n", STR_ARG(rest));
    else if (line.len && line.ptr[0] != '#')
        fail_msg("a line that is no part of a case: %.*s", STR_ARG(line));
}

/* What is told is appended to said. False: not even an arena. */
static bool run(Mistake *mistake, Buf *said)
{
    Err err;
    const Environment variables = { .find = find_env, .context = mistake };
    Arena *arena = arena_new(CONFIG_MEMORY_MAX, &err);
    Problems problems;
    const Node *root;
    if (!arena)
        return false;
    problems_init(&problems, arena);
    ConfigReader reader = { .disk = test_disk_door(mistake->disk),
                            .arena = arena,
                            .problems = &problems,
                            .variables = &variables };
    const ServiceConfig *config = load_config_with(&reader, &mistake->options, &root);
    assert_int_equal(config != NULL, problems_none(&problems));
    problems_write(&problems, said);
    arena_free(arena);
    return true;
}

static void check_starving(Mistake *mistake)
{
    for (long n = 0; n < STARVE_STEPS; n++) {
        Buf said = BUF(TEXT_MAX);
        long before = starve_live();
        starve_after(n);
        (void)!run(mistake, &said);
        starve_end();
        buf_free(&said);
        assert_int_equal(starve_live(), before);
    }
}

static void check_file(const char *path)
{
    Err err;
    Buf text = BUF(TEXT_MAX), said = BUF(TEXT_MAX);
    Mistake mistake = { .disk = test_disk_new(1),
                        .told = BUF(TEXT_MAX),
                        .text = BUF(TEXT_MAX),
                        .options = { .configs = { "main.yaml" }, .config_count = 1 } };
    assert_non_null(mistake.disk);
    assert_true(disk_read_all(disk_system(), path, &text, &err));
    Str rest = buf_str(&text);
    for (Str line; str_split(&rest, '\n', &line);)
        read_line(&mistake, line);
    end_file(&mistake);
    assert_true(run(&mistake, &said));
    if (!str_eq(buf_str(&said), buf_str(&mistake.told)) && ++failures)
        print_error("%s\nexpected:\n%.*ssaid:\n%.*s", path, STR_ARG(buf_str(&mistake.told)),
                    STR_ARG(buf_str(&said)));
    check_starving(&mistake);
    buf_free(&text);
    buf_free(&said);
    buf_free(&mistake.told);
    buf_free(&mistake.text);
    test_disk_free(mistake.disk);
}

static void every_mistake_is_told(void **state)
{
    (void)state;
    size_t count = 0;
    DIR *folder = opendir(MISTAKES);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char path[512];
        if (!str_ends(str_from(entry->d_name), STR(".case")))
            continue;
        snprintf(path, sizeof path, MISTAKES "/%s", entry->d_name);
        check_file(path);
        count++;
    }
    closedir(folder);
    printf("%zu mistakes\n", count);
    assert_true(count > 0);
    assert_int_equal(failures, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_mistake_is_told) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
