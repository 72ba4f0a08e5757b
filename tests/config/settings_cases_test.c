/* settings_cases_test.c - runs the files of tests/config/cases: YAML into the table of every_row.h.
 *
 *     case     what is shown
 *     env      NAME=value                  a variable, for ${env:NAME}; may repeat
 *     file     NAME=text                   a file, for ${file:NAME}; \n is a line end
 *     yaml                                 the lines that follow, each indented by two spaces
 *       timeout: 5
 *     problem  1:10: timeout: must be ...  all that is noted, in order; none: nothing is wrong
 *     value    timeout = 5s                what a path came to, as config_print writes it;
 *                                          "nothing" for null, "missing" for no such path
 *
 * Each case is also run with the n-th allocation failing, for every n, and on every beginning of
 * its YAML; what it prints is read again and must print the same.
 */
#include "config/effective.h"
#include "config/expand.h"
#include "config/yaml.h"

#include "config/every_row.h"
#include "support/starve.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CASES "tests/config/cases"

enum { LINES_MAX = 64, TEXT_MAX = 1 << 20 };

typedef struct Case {
    Str name, file;
    Str env[LINES_MAX], files[LINES_MAX], values[LINES_MAX];
    size_t env_count, file_count, value_count;
    Buf yaml, problems;
} Case;

typedef struct Outcome {
    Arena *arena;
    Problems problems;
    Node *root;
    EveryRow settings;
    bool loaded;
} Outcome;

static size_t failures; /* so that one run shows every case that differs */

static bool find_in(const Str *lines, size_t count, Str name, Str *value)
{
    for (size_t i = 0; i < count; i++) {
        Str rest = lines[i], key = { 0 };
        if (str_split(&rest, '=', &key) && str_eq(key, name)) {
            *value = str_skip(lines[i], key.len + 1);
            return true;
        }
    }
    return false;
}

static bool find_env(void *context, Str name, Str *value)
{
    const Case *c = context;
    return find_in(c->env, c->env_count, name, value);
}

static bool read_file(void *context, Str scheme, Str location, Buf *text, Err *err)
{
    const Case *c = context;
    Str rest;
    if (!str_eq(scheme, STR("file")) || !find_in(c->files, c->file_count, location, &rest))
        return (fail)(err, ERR_INPUT, "no such %.*s", STR_ARG(scheme));
    for (; rest.len; rest = str_skip(rest, 1)) {
        bool line_end = str_starts(rest, STR("\\n"));
        buf_add_byte(text, line_end ? '\n' : *rest.ptr);
        rest = str_skip(rest, line_end);
    }
    return true;
}

/* False: not even an arena. */
static bool run(Case *c, Str yaml, Outcome *out)
{
    Err err;
    *out = (Outcome){ .arena = arena_new(8 << 20, &err) };
    if (!out->arena)
        return false;
    const Environment environment = { .find = find_env, .context = c, .read = read_file };
    problems_init(&out->problems, out->arena);
    out->root = yaml_parse(yaml, STR("case"), out->arena, &out->problems);
    if (!out->root)
        return true;
    bool expanded = config_expand(out->root, &environment, out->arena, &out->problems);
    out->loaded =
        config_load(every_row_fields, out->root, &out->settings, out->arena, &out->problems) &&
        expanded;
    assert_int_equal(out->loaded, problems_none(&out->problems));
    return true;
}

static void write_shown(const Node *node, Buf *out)
{
    if (!node) {
        buf_add(out, STR("missing"));
    } else if (node->kind == NODE_NULL) {
        buf_add(out, STR("nothing"));
    } else if (node->kind == NODE_SCALAR) {
        buf_add(out, node->text);
    } else if (node->kind == NODE_MAP) {
        buf_addf(out, "{%zu}", node->count);
    } else {
        for (size_t i = 0; i < node->count; i++) {
            buf_add(out, i ? STR(", ") : STR("["));
            write_shown(node->items[i], out);
        }
        buf_add(out, node->count ? STR("]") : STR("[]"));
    }
}

static const Node *walk(const Node *node, Str path)
{
    Str key;
    while (node && str_split(&path, '.', &key)) {
        uint64_t index;
        if (node->kind == NODE_LIST && str_to_u64(key, &index) && index < node->count)
            node = node->items[index];
        else
            node = node_get(node, key);
    }
    return node;
}

static void check_values(Case *c, Outcome *out)
{
    Buf printed = BUF(TEXT_MAX), again = BUF(TEXT_MAX);
    config_print(every_row_fields, &out->settings, NULL, 0, &printed);
    assert_false(printed.failed);
    Outcome second;
    assert_true(run(c, buf_str(&printed), &second));
    for (size_t i = 0; i < c->value_count; i++) {
        Buf shown = BUF(TEXT_MAX);
        Str rest = c->values[i], path = { 0 };
        assert_true(str_split(&rest, '=', &path));
        write_shown(walk(second.root, str_trim(path)), &shown);
        if (!str_eq(buf_str(&shown), str_trim(rest)) && ++failures)
            print_error("%.*s: %.*s: %.*s came to '%.*s', not '%.*s'\n", STR_ARG(c->file),
                        STR_ARG(c->name), STR_ARG(str_trim(path)), STR_ARG(buf_str(&shown)),
                        STR_ARG(str_trim(rest)));
        buf_free(&shown);
    }
    if (out->loaded && out->settings.extra == NULL) {
        config_print(every_row_fields, &second.settings, NULL, 0, &again);
        assert_true(second.loaded);
        if (!str_eq(buf_str(&printed), buf_str(&again)))
            fail_msg("%.*s: %.*s: read again, it prints otherwise:\n%.*s\nand was:\n%.*s",
                     STR_ARG(c->file), STR_ARG(c->name), STR_ARG(buf_str(&again)),
                     STR_ARG(buf_str(&printed)));
    }
    arena_free(second.arena);
    buf_free(&printed);
    buf_free(&again);
}

static void check_problems(Case *c, Outcome *out)
{
    Buf said = BUF(TEXT_MAX);
    problems_write(&out->problems, &said);
    if (!str_eq(buf_str(&said), buf_str(&c->problems)) && ++failures)
        print_error("%.*s: %.*s\nexpected:\n%.*ssaid:\n%.*s", STR_ARG(c->file), STR_ARG(c->name),
                    STR_ARG(buf_str(&c->problems)), STR_ARG(buf_str(&said)));
    buf_free(&said);
}

/* With the n-th allocation failing: the same outcome, or one that says that memory was short. */
static void check_starving(Case *c, bool loads)
{
    long before = starve_live();
    for (long n = 0;; n++) {
        Outcome out;
        starve_after(n);
        bool ran = run(c, buf_str(&c->yaml), &out);
        starve_end();
        bool happened = starve_happened();
        assert_true(ran || happened);
        if (ran)
            assert_true(out.loaded == loads || out.problems.starved.kind == ERR_MEMORY ||
                        out.problems.errors > 0);
        arena_free(out.arena);
        assert_int_equal(starve_live(), before);
        if (!happened)
            return;
    }
}

/* Whatever a beginning means, it ends in settings or in a problem. */
static void check_beginnings(Case *c)
{
    for (size_t len = 0; len < c->yaml.len; len++) {
        Outcome out;
        char *exact = malloc(len ? len : 1);
        assert_non_null(exact);
        memcpy(exact, c->yaml.ptr, len);
        assert_true(run(c, (Str){ exact, len }, &out));
        free(exact);
        arena_free(out.arena);
    }
}

static void check(Case *c)
{
    Outcome out;
    assert_true(run(c, buf_str(&c->yaml), &out));
    check_problems(c, &out);
    if (out.root)
        check_values(c, &out);
    bool loaded = out.loaded;
    arena_free(out.arena);
    check_starving(c, loaded);
    check_beginnings(c);
    buf_free(&c->yaml);
    buf_free(&c->problems);
}

/* One line of the file into the case; returns whether it opened a YAML block. */
static bool take_line(Case *c, Str line, bool in_yaml)
{
    if (in_yaml && (line.len == 0 || str_starts(line, STR("  ")))) {
        buf_add(&c->yaml, str_skip(line, 2));
        buf_add_byte(&c->yaml, '\n');
        return true;
    }
    Str word = line, rest = line;
    str_split(&rest, ' ', &word);
    rest = str_trim(rest);
    if (str_eq(word, STR("env")) && c->env_count < LINES_MAX) {
        c->env[c->env_count++] = rest;
    } else if (str_eq(word, STR("file")) && c->file_count < LINES_MAX) {
        c->files[c->file_count++] = rest;
    } else if (str_eq(word, STR("value")) && c->value_count < LINES_MAX) {
        c->values[c->value_count++] = rest;
    } else if (str_eq(word, STR("problem"))) {
        bool placed = rest.len && rest.ptr[0] >= '0' && rest.ptr[0] <= '9';
        buf_addf(&c->problems, "%s%.*s\n", placed ? "case:" : "", STR_ARG(rest));
    } else if (line.len && line.ptr[0] != '#' && !str_eq(word, STR("yaml"))) {
        fail_msg("%.*s: a line that is no part of a case: %.*s", STR_ARG(c->file), STR_ARG(line));
    }
    return str_eq(word, STR("yaml"));
}

static size_t run_file(Str file, Str text)
{
    Case c = { .file = file, .yaml = BUF(TEXT_MAX), .problems = BUF(TEXT_MAX) };
    size_t count = 0;
    bool in_yaml = false;
    for (Str line; str_split(&text, '\n', &line);) {
        if (!str_starts(line, STR("case "))) {
            in_yaml = take_line(&c, line, in_yaml);
            continue;
        }
        if (count++)
            check(&c);
        c = (Case){ .file = file, .yaml = BUF(TEXT_MAX), .problems = BUF(TEXT_MAX) };
        c.name = str_trim(str_skip(line, 5));
        in_yaml = false;
    }
    if (count)
        check(&c);
    return count;
}

static void test_cases(void **state)
{
    (void)state;
    size_t count = 0;
    DIR *folder = opendir(CASES);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (!str_ends(str_from(entry->d_name), STR(".case")))
            continue;
        Err err;
        char path[512];
        Buf text = BUF(TEXT_MAX);
        snprintf(path, sizeof(path), CASES "/%s", entry->d_name);
        assert_true(disk_read_all(disk_system(), path, &text, &err));
        count += run_file(str_from(entry->d_name), buf_str(&text));
        buf_free(&text);
    }
    closedir(folder);
    printf("%zu cases\n", count);
    assert_true(count > 0);
    assert_int_equal(failures, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_cases) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
