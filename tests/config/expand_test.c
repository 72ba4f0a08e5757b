/* expand_test.c - what hostile variables can do. What good ones do stands in cases/expand.case. */
#include "config/expand.h"

#include "config/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct Ground {
    Arena *arena;
    Problems problems;
    Node *root;
    bool expanded;
} Ground;

typedef struct Variables {
    const char *const *pairs; /* name, value, name, value, NULL */
} Variables;

static bool find(void *context, Str name, Str *value)
{
    const Variables *variables = context;
    for (size_t i = 0; variables->pairs[i]; i += 2) {
        if (str_eq(name, str_from(variables->pairs[i]))) {
            *value = str_from(variables->pairs[i + 1]);
            return true;
        }
    }
    return false;
}

static void expand(Ground *ground, const char *yaml, const Environment *environment)
{
    Err err;
    *ground = (Ground){ .arena = arena_new(8 << 20, &err) };
    assert_non_null(ground->arena);
    problems_init(&ground->problems, ground->arena);
    ground->root = yaml_parse(str_from(yaml), STR("t"), ground->arena, &ground->problems);
    assert_non_null(ground->root);
    ground->expanded = config_expand(ground->root, environment, ground->arena, &ground->problems);
    assert_int_equal(ground->expanded, problems_none(&ground->problems));
}

static void expand_with(Ground *ground, const char *yaml, const char *const *pairs)
{
    Variables variables = { pairs };
    expand(ground, yaml, &(Environment){ .find = find, .context = &variables });
}

static void test_doubling_ends(void **state)
{
    (void)state;
    static const char *const pairs[] = { "A", "${B}${B}${B}${B}", "B", "${C}${C}${C}${C}",
                                         "C", "${D}${D}${D}${D}", "D", "${E}${E}${E}${E}",
                                         "E", "${F}${F}${F}${F}", "F", "x",
                                         NULL };
    Ground ground;
    expand_with(&ground, "[\"${A}\", \"${E}\"]", pairs);
    assert_false(ground.expanded);
    assert_int_equal(ground.problems.errors, 1);
    assert_true(str_eq(ground.root->items[1]->text, STR("xxxx"))); /* the next one counts anew */
    arena_free(ground.arena);
}

static void test_large_values_end(void **state)
{
    (void)state;
    char *large = malloc(700001);
    assert_non_null(large);
    memset(large, 'x', 700000);
    large[700000] = 0;
    const char *const pairs[] = { "A", large, NULL };
    Ground ground;
    expand_with(&ground, "a: b${A}${A}", pairs);
    assert_false(ground.expanded);
    assert_int_equal(ground.problems.starved.kind, ERR_LIMIT);
    arena_free(ground.arena);
    free(large);
}

static void test_values_that_are_no_text(void **state)
{
    (void)state;
    static const char *const pairs[] = { "A", "\xff", NULL };
    Ground ground;
    expand_with(&ground, "a: ${A}", pairs);
    assert_false(ground.expanded);
    assert_true(str_eq(ground.problems.rows[0]->text,
                       STR("the environment variable A is not valid UTF-8")));
    arena_free(ground.arena);
}

static void test_long_references_stay(void **state)
{
    (void)state;
    static const char *const pairs[] = { NULL };
    Buf yaml = BUF(1 << 20);
    buf_add(&yaml, STR("a: x${A:-"));
    for (int i = 0; i < EXPAND_REFERENCE_MAX; i++)
        buf_add_byte(&yaml, 'y');
    buf_add(&yaml, STR("}\n"));
    assert_non_null(buf_text(&yaml));
    Ground ground;
    expand_with(&ground, yaml.ptr, pairs);
    assert_true(ground.expanded);
    assert_true(str_starts(node_get(ground.root, STR("a"))->text, STR("x${A:-yyy")));
    arena_free(ground.arena);
    buf_free(&yaml);
}

/* Reading for the } of each of many ${ must not be quadratic. */
static void test_many_open_ends(void **state)
{
    (void)state;
    static const char *const pairs[] = { NULL };
    Buf yaml = BUF(1 << 20);
    buf_add(&yaml, STR("a: x"));
    for (int i = 0; i < 200000; i++)
        buf_add(&yaml, STR("${"));
    assert_non_null(buf_text(&yaml));
    Ground ground;
    expand_with(&ground, yaml.ptr, pairs);
    assert_true(ground.expanded);
    arena_free(ground.arena);
    buf_free(&yaml);
}

static void test_raw_and_origin(void **state)
{
    (void)state;
    static const char *const pairs[] = { "N", "007", "L", "[1, 2]", NULL };
    Ground ground;
    expand_with(&ground, "n: ${N}\nl: ${L}\nt: a${N}\np: plain\n", pairs);
    const Node *n = node_get(ground.root, STR("n")), *l = node_get(ground.root, STR("l"));
    const Node *t = node_get(ground.root, STR("t")), *p = node_get(ground.root, STR("p"));
    assert_true(str_eq(n->raw, STR("007")) && str_eq(n->origin, STR("${N}")));
    assert_int_equal(n->place.line, 1);
    assert_int_equal(l->kind, NODE_LIST);
    assert_true(str_eq(l->raw, STR("[1, 2]")) && str_eq(l->items[1]->origin, STR("${L}")));
    assert_int_equal(l->items[1]->place.line, 2);
    assert_true(str_eq(t->text, STR("a007")) && str_eq(t->origin, STR("a${N}")));
    assert_int_equal(p->origin.len, 0);
    assert_null(p->raw.ptr);
    arena_free(ground.arena);
}

static void test_the_process(void **state)
{
    (void)state;
    assert_int_equal(setenv("CRYO_EXPAND_TEST", "set", 1), 0);
    Ground ground;
    expand(&ground, "[\"${CRYO_EXPAND_TEST}\", \"${CRYO_EXPAND_TEST_GONE:-gone}\"]",
           environment_process());
    assert_true(ground.expanded);
    assert_true(str_eq(ground.root->items[0]->text, STR("set")));
    assert_true(str_eq(ground.root->items[1]->text, STR("gone")));
    arena_free(ground.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_doubling_ends),
        cmocka_unit_test(test_large_values_end),
        cmocka_unit_test(test_values_that_are_no_text),
        cmocka_unit_test(test_long_references_stay),
        cmocka_unit_test(test_many_open_ends),
        cmocka_unit_test(test_raw_and_origin),
        cmocka_unit_test(test_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
