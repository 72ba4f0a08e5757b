/* yaml_test.c - places, limits and what a hostile text can do. What is refused stands in
 * cases/yaml.case. */
#include "config/yaml.h"

#include "base/clock.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#include <cryostorm/settings.h>

enum { ARENA_MAX = 64 << 20 };

/* libfyaml 0.7.12 forgets its own table of marks for a text that it refuses after a million of
 * them; what this program allocates is still watched. The leak sanitizer asks for this by its name.
 */
CRYO_API const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml.so\n";
}

typedef struct Ground {
    Arena *arena;
    Problems problems;
    Node *root;
    Buf said;
} Ground;

static void parse(Ground *ground, Str yaml)
{
    Err err;
    *ground = (Ground){ .arena = arena_new(ARENA_MAX, &err), .said = BUF(1 << 16) };
    assert_non_null(ground->arena);
    problems_init(&ground->problems, ground->arena);
    ground->root = yaml_parse(yaml, STR("t"), ground->arena, &ground->problems);
    assert_int_equal(ground->root == NULL, !problems_none(&ground->problems));
    problems_write(&ground->problems, &ground->said);
    assert_non_null(buf_text(&ground->said));
}

static void drop(Ground *ground)
{
    buf_free(&ground->said);
    arena_free(ground->arena);
}

static void refused(Str yaml, const char *why)
{
    Ground ground;
    parse(&ground, yaml);
    assert_null(ground.root);
    assert_string_equal(ground.said.ptr, why);
    drop(&ground);
}

static void at(const Node *node, uint32_t line, uint32_t column)
{
    assert_int_equal(node->place.line, line);
    assert_int_equal(node->place.column, column);
    assert_true(str_eq(node->place.source, STR("t")));
}

static void test_every_node_knows_its_place(void **state)
{
    (void)state;
    Ground ground;
    parse(&ground, STR("# first\nmap:\n  key: \"text\"\n  'other' : [a, {b: c}]\n  none:\n"
                       "long: |\n  lines\nlist:\n  - x\n"));
    assert_non_null(ground.root);
    at(ground.root, 2, 1);
    const NodePair *map = node_pair(ground.root, STR("map"));
    assert_int_equal(map->place.line, 2);
    assert_int_equal(map->place.column, 1);
    at(map->value, 3, 3);
    at(node_at(ground.root, STR("map.key"), '.'), 3, 8);
    assert_int_equal(node_pair(map->value, STR("other"))->place.column, 3);
    const Node *list = node_get(map->value, STR("other"));
    at(list, 4, 13);
    at(list->items[0], 4, 14);
    at(list->items[1], 4, 17);
    at(list->items[1]->pairs[0].value, 4, 21);
    at(node_get(map->value, STR("none")), 5, 3);
    assert_int_equal(node_get(map->value, STR("none"))->kind, NODE_NULL);
    assert_int_equal(node_get(ground.root, STR("long"))->place.line, 7);
    at(node_get(ground.root, STR("list"))->items[0], 9, 5);
    assert_null(node_get(ground.root, STR("missing")));
    drop(&ground);
}

static void test_quotes_are_kept(void **state)
{
    (void)state;
    Ground ground;
    parse(&ground, STR("[5, '5', null, 'null', ~, '', !!str 5, Null, nULL]"));
    static const bool quoted[] = { false, true, false, true, false, true, true, false, false };
    static const bool null[] = { false, false, true, false, true, false, false, true, false };
    assert_int_equal(ground.root->count, COUNT_OF(quoted));
    for (size_t i = 0; i < COUNT_OF(quoted); i++) {
        assert_int_equal(ground.root->items[i]->quoted, quoted[i]);
        assert_int_equal(ground.root->items[i]->kind == NODE_NULL, null[i]);
    }
    drop(&ground);
}

/* Found by fuzzing: behind two of them in a row libfyaml gives memory that nobody wrote. */
static void test_quotes_in_quotes(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *text;
    } rows[] = {
        { "'it''s'", "it's" },
        { "''''''", "''" },
        { "'a '''' b 2222222222222222222222'", "a '' b 2222222222222222222222" },
        { "\"''''\"", "''''" },
        { "'a''''  \n   b'", "a'' b" },
        { "'a''''\n\n  \n b\n\n  c '", "a''\n\nb\nc " },
        { "'''''\r\n x'", "'' x" },
        { "' '''' '", " '' " },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (int marked = 0; marked < 2; marked++) {
            char yaml[256];
            Ground ground;
            snprintf(yaml, sizeof yaml, "%s{k: %s, %s: v}", marked ? "\xEF\xBB\xBF" : "",
                     rows[i].yaml, strchr(rows[i].yaml, '\n') ? "other" : rows[i].yaml);
            parse(&ground, str_from(yaml));
            if (!str_eq(node_get(ground.root, STR("k"))->text, str_from(rows[i].text)))
                fail_msg("%s: %.*s", yaml, STR_ARG(node_get(ground.root, STR("k"))->text));
            assert_int_equal(ground.root->count, 2);
            if (!strchr(rows[i].yaml, '\n'))
                assert_true(str_eq(ground.root->pairs[1].key, str_from(rows[i].text)));
            drop(&ground);
        }
    }
}

static void test_bytes_that_are_no_text(void **state)
{
    (void)state;
    refused(STR("a: b\nc: \xff\n"), "t:2:4: not valid UTF-8\n");
    refused(STR("\xc3"), "t:1:1: not valid UTF-8\n");
    refused((Str){ "a: b\0c", 6 }, "t:1:5: a control character\n");
    refused(STR("a: b\n\x1b[31m"), "t:2:1: a control character\n");
    Ground ground;
    parse(&ground, STR("\xEF\xBB\xBFkey: value\n")); /* a byte order mark */
    assert_non_null(node_get(ground.root, STR("key")));
    drop(&ground);
}

/* Nine levels of nine aliases: 9^9 values, were they all unfolded. */
static void test_alias_bomb(void **state)
{
    (void)state;
    Buf bomb = BUF(1 << 16);
    buf_add(&bomb, STR("a0: &a0 [x, x, x, x, x, x, x, x, x]\n"));
    for (int i = 1; i < 10; i++) {
        buf_addf(&bomb, "a%d: &a%d [", i, i);
        for (int k = 0; k < 9; k++)
            buf_addf(&bomb, "%s*a%d", k ? ", " : "", i - 1);
        buf_add(&bomb, STR("]\n"));
    }
    int64_t start = clock_mono_ns(clock_system());
    Ground ground;
    parse(&ground, buf_str(&bomb));
    int64_t took_ms = (clock_mono_ns(clock_system()) - start) / NANOS_PER_MILLI;
    assert_null(ground.root);
    assert_non_null(strstr(ground.said.ptr, "this alias unfolds to more than"));
    printf("alias bomb: %lld ms\n", (long long)took_ms);
    drop(&ground);
    buf_free(&bomb);
}

/* Each alias nests one deeper than the text itself ever does. */
static void test_aliases_do_not_hide_nesting(void **state)
{
    (void)state;
    Buf text = BUF(1 << 16);
    buf_add(&text, STR("a0: &a0 []\n"));
    for (int i = 1; i <= YAML_DEPTH_MAX; i++)
        buf_addf(&text, "a%d: &a%d [*a%d]\n", i, i, i - 1);
    Ground ground;
    parse(&ground, buf_str(&text));
    assert_null(ground.root);
    assert_non_null(strstr(ground.said.ptr, "nested more than 64 deep"));
    drop(&ground);
    buf_free(&text);
}

static void nest(Buf *out, char open, char close, int depth)
{
    for (int i = 0; i < depth; i++)
        buf_add_byte(out, open);
    for (int i = 0; i < depth; i++)
        buf_add_byte(out, close);
}

static void test_nesting(void **state)
{
    (void)state;
    static const int depths[] = { YAML_DEPTH_MAX - 1, YAML_DEPTH_MAX + 1, 100000 };
    for (size_t i = 0; i < COUNT_OF(depths); i++) {
        Buf text = BUF(1 << 20);
        Ground ground;
        nest(&text, '[', ']', depths[i]);
        parse(&ground, buf_str(&text));
        assert_int_equal(ground.root != NULL, depths[i] < YAML_DEPTH_MAX);
        drop(&ground);
        buf_free(&text);
    }
}

static void test_sizes(void **state)
{
    (void)state;
    Buf text = BUF(16 << 20);
    buf_add(&text, STR("a: "));
    while (text.len < 10000000)
        buf_add(&text, STR("0123456789"));
    refused(buf_str(&text), "t: 10000003 bytes are more than the limit of 4194304\n");
    buf_clear(&text);
    buf_add_byte(&text, '[');
    for (int i = 0; i < YAML_NODES_MAX; i++)
        buf_add(&text, STR("x,"));
    buf_add_byte(&text, ']');
    Ground ground;
    parse(&ground, buf_str(&text));
    assert_non_null(strstr(ground.said.ptr, "more than 200000 values"));
    drop(&ground);
    buf_clear(&text);
    for (int i = 0; i < 5000; i++)
        buf_addf(&text, "k%d:\n", i);
    parse(&ground, buf_str(&text));
    assert_non_null(strstr(ground.said.ptr, "more than 4096 keys in one map"));
    drop(&ground);
    buf_free(&text);
}

/* Texts of megabytes that make parsers slow, deep or large. Each ends, within the arena, in a tree
 * or in a sentence with its place; how fast, this test's own time-out says. */
static void test_hostile_shapes(void **state)
{
    (void)state;
    static const struct {
        const char *head, *repeated, *tail;
        int times;
        bool good;
    } rows[] = {
        { "", "[", "", 4000000, false },
        { "", "{a: ", "", 1000000, false },
        { "", "- ", "x", 2000000, false },
        { "", "? ", "x", 2000000, false },
        { "", "a: ", "x", 1000000, false },
        { "", ":", "", 4000000, true },
        { "a: \"", "x", "", 4000000, false },
        { "a: \"", "\\x41", "\"", 1000000, true },
        { "a: '", "''", "'", 2000000, true },
        { "a: ", "x ", "", 2000000, true },
        { "a: ", "x\n ", "", 1300000, true },
        { "a: |\n", " \n", "", 2000000, false },
        { "a: |\n", "\n", "", 4000000, false },
        { "a: |\r", " \r", "", 2000000, false },
        { "a: |\n", " \n \n \n \n x\n", "", 300000, true },
        { "a: >\n", " x\n\n", "", 1000000, true },
        { "", "\n", "", 4000000, false },
        { "", "\n", "a: x", YAML_BLANK_MAX, true },
        { "a:\n", "- |\n\n\n\n\n\n\n\n\n x\n", "", 100000, true },
        { "", "# x\n", "", 1000000, true },
        { "a:", " ", "x", 4000000, true },
        { "a:\n", "\t", "x", 4000000, false },
        { "a: ", "&a ", "x", 1000000, false },
        { "a: ", "!!str ", "x", 600000, false },
        { "a: &a [", "*a, ", "]", 100, false },
        { "a: [", "&a x, ", "]", 150000, true },
        { "a: &a {", "<<: *a, ", "}", 1, false },
        { "a: ", "%YAML 1.2\n", "", 300000, false },
        { "", "%TAG !a! tag:a\n", "---\na: b\n", 200000, false },
        { "", "---\n", "", 1000000, false },
        { "a: [", ",", "]", 1000000, false },
        { "", "\xf0\x9f\x92\xa9", ": x", 1000000, true },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Buf text = BUF(5 << 20);
        buf_add(&text, str_from(rows[i].head));
        for (int k = 0; k < rows[i].times; k++)
            buf_add(&text, str_from(rows[i].repeated));
        buf_add(&text, str_from(rows[i].tail));
        assert_false(text.failed);
        Ground ground;
        parse(&ground, buf_str(&text));
        if ((ground.root != NULL) != rows[i].good)
            fail_msg("%s%s...: %s", rows[i].head, rows[i].repeated, ground.said.ptr);
        if (!ground.root && !str_starts(buf_str(&ground.said), STR("t:")))
            fail_msg("%s%s...: no place: %s", rows[i].head, rows[i].repeated, ground.said.ptr);
        drop(&ground);
        buf_free(&text);
    }
}

/* Merging maps that merge maps: what comes out is counted, as with aliases. */
static void test_merge_bomb(void **state)
{
    (void)state;
    Buf text = BUF(1 << 20);
    buf_add(&text, STR("a0: &a0 { k: [x, x, x, x, x, x, x, x, x, x] }\n"));
    for (int i = 1; i < 12; i++) {
        buf_addf(&text, "a%d: &a%d { ", i, i);
        for (int k = 0; k < 9; k++)
            buf_addf(&text, "k%d: { <<: *a%d }, ", k, i - 1);
        buf_add(&text, STR("}\n"));
    }
    Ground ground;
    parse(&ground, buf_str(&text));
    assert_null(ground.root);
    assert_non_null(strstr(ground.said.ptr, "more than"));
    assert_true(str_starts(buf_str(&ground.said), STR("t:")));
    drop(&ground);
    buf_free(&text);
}

static void test_a_file_without_end(void **state)
{
    (void)state;
    Err err;
    Problems problems;
    Arena *arena = arena_new(1 << 20, &err);
    assert_non_null(arena);
    problems_init(&problems, arena);
    assert_null(yaml_read(disk_system(), "/dev/zero", arena, &problems));
    assert_int_equal(problems.errors, 1);
    assert_true(str_contains(problems.rows[0]->text, STR("/dev/zero")));
    arena_free(arena);
}

static void test_files(void **state)
{
    (void)state;
    Err err;
    Problems problems;
    Arena *arena = arena_new(1 << 20, &err);
    assert_non_null(arena);
    problems_init(&problems, arena);
    assert_null(yaml_read(disk_system(), "/nowhere/at/all.yaml", arena, &problems));
    assert_int_equal(problems.errors, 1);
    assert_true(str_contains(problems.rows[0]->text, STR("/nowhere/at/all.yaml")));
    char path[] = "/tmp/cryo-yaml-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    assert_non_null(file);
    fputs("key: value\n", file);
    fclose(file);
    problems_init(&problems, arena);
    Node *root = yaml_read(disk_system(), path, arena, &problems);
    remove(path);
    assert_non_null(root);
    assert_true(str_eq(root->place.source, str_from(path)));
    assert_true(str_eq(node_get(root, STR("key"))->text, STR("value")));
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_node_knows_its_place),
        cmocka_unit_test(test_quotes_are_kept),
        cmocka_unit_test(test_quotes_in_quotes),
        cmocka_unit_test(test_bytes_that_are_no_text),
        cmocka_unit_test(test_alias_bomb),
        cmocka_unit_test(test_aliases_do_not_hide_nesting),
        cmocka_unit_test(test_nesting),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_hostile_shapes),
        cmocka_unit_test(test_merge_bomb),
        cmocka_unit_test(test_a_file_without_end),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
