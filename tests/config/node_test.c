/* node_test.c - building, finding and merging trees without any file. */
#include "config/node.h"

#include "config/field.h"

#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const Place env = { STR_ROW("environment"), 0, 0 };

static Node *scalar(Arena *arena, const char *text)
{
    Err err;
    Node *node = node_scalar(arena, str_from(text), env, &err);
    assert_non_null(node);
    return node;
}

static void set(Arena *arena, Node *root, const char *path, Node *value)
{
    Err err;
    assert_true(node_set(arena, root, str_from(path), '.', value, &err));
}

static void is(const Node *root, const char *path, const char *text)
{
    const Node *node = node_at(root, str_from(path), '.');
    if (!text) {
        assert_null(node);
        return;
    }
    assert_non_null(node);
    assert_int_equal(node->kind, NODE_SCALAR);
    assert_true(str_eq(node->text, str_from(text)));
}

static Arena *arena(void)
{
    Err err;
    Arena *made = arena_new(1 << 20, &err);
    assert_non_null(made);
    return made;
}

static Node *map(Arena *from)
{
    Err err;
    Node *node = node_new(from, NODE_MAP, env, &err);
    assert_non_null(node);
    return node;
}

static void test_set_makes_maps_on_the_way(void **state)
{
    (void)state;
    Arena *a = arena();
    Node *root = map(a);
    set(a, root, "tracing.collector.host", scalar(a, "here"));
    set(a, root, "tracing.collector.port", scalar(a, "4317"));
    set(a, root, "tracing.enabled", scalar(a, "true"));
    set(a, root, "tracing.enabled", scalar(a, "false"));
    is(root, "tracing.collector.host", "here");
    is(root, "tracing.collector.port", "4317");
    is(root, "tracing.enabled", "false");
    is(root, "tracing.collector.nothing", NULL);
    is(root, "nothing.at.all", NULL);
    assert_int_equal(node_get(root, STR("tracing"))->count, 2);
    set(a, root, "tracing.enabled.more", scalar(a, "x")); /* a scalar in the way is replaced */
    is(root, "tracing.enabled.more", "x");
    assert_null(node_at(root, STR(""), '.'));
    arena_free(a);
}

static void test_missing_is_not_null(void **state)
{
    (void)state;
    Err err;
    Arena *a = arena();
    Node *root = map(a);
    Node *nothing = node_new(a, NODE_NULL, env, &err);
    NodePair pair = { .key = STR("there"), .place = env, .value = nothing };
    assert_true(node_put(a, root, pair, &err));
    assert_non_null(node_pair(root, STR("there")));
    assert_int_equal(node_get(root, STR("there"))->kind, NODE_NULL);
    assert_null(node_pair(root, STR("not there")));
    assert_null(node_pair(NULL, STR("there")));
    assert_null(node_pair(nothing, STR("there")));
    arena_free(a);
}

static void test_merge(void **state)
{
    (void)state;
    Err err;
    Arena *a = arena();
    Node *base = map(a), *over = map(a);
    Node *list = node_new(a, NODE_LIST, env, &err);
    set(a, base, "a.kept", scalar(a, "1"));
    set(a, base, "a.changed", scalar(a, "2"));
    set(a, base, "wiped.x", scalar(a, "3"));
    set(a, base, "list", list);
    assert_true(node_append(a, list, scalar(a, "old"), &err));
    Node *newer = node_new(a, NODE_LIST, env, &err);
    assert_true(node_append(a, newer, scalar(a, "new"), &err));
    set(a, over, "a.changed", scalar(a, "4"));
    set(a, over, "a.added", scalar(a, "5"));
    set(a, over, "wiped", node_new(a, NODE_NULL, env, &err));
    set(a, over, "list", newer);
    assert_true(node_merge(a, base, over, &err));
    is(base, "a.kept", "1");
    is(base, "a.changed", "4");
    is(base, "a.added", "5");
    assert_int_equal(node_get(base, STR("wiped"))->kind, NODE_NULL);
    assert_int_equal(node_get(base, STR("list"))->count, 1);
    assert_true(str_eq(node_get(base, STR("list"))->items[0]->text, STR("new")));
    arena_free(a);
}

static void test_a_copy_is_its_own(void **state)
{
    (void)state;
    Err err;
    Arena *a = arena();
    Node *root = map(a);
    Node *list = node_new(a, NODE_LIST, env, &err);
    set(a, root, "a.list", list);
    set(a, root, "a.b", scalar(a, "x"));
    assert_true(node_append(a, list, scalar(a, "y"), &err));
    Node *copy = node_copy(a, root, &err);
    assert_non_null(copy);
    set(a, copy, "a.b", scalar(a, "changed"));
    assert_true(node_append(a, node_at(copy, STR("a.list"), '.'), scalar(a, "z"), &err));
    is(root, "a.b", "x");
    is(copy, "a.b", "changed");
    assert_int_equal(list->count, 1);
    assert_int_equal(node_at(copy, STR("a.list"), '.')->count, 2);
    arena_free(a);
}

static void test_describe(void **state)
{
    (void)state;
    Arena *a = arena();
    char out[100];
    Node *node = scalar(a, "abc");
    assert_string_equal(node_describe(node, out, sizeof(out)), "'abc'");
    node->quoted = true;
    assert_string_equal(node_describe(node, out, sizeof(out)), "the text 'abc'");
    assert_string_equal(node_describe(map(a), out, sizeof(out)), "a map");
    arena_free(a);
}

typedef struct Exporter {
    Str host;
    uint64_t port;
    TextList paths;
} Exporter;

static const ConfigField fields[] = {
    TEXT(Exporter, host, "localhost", "Where."),
    COUNT(Exporter, port, "4317", "1", "65535", "Which port."),
    TEXT_LIST(Exporter, paths, "", "What else."),
    { 0 },
};

/* Settings from variables: no YAML, plain texts take the type of their row. */
static void test_settings_without_yaml(void **state)
{
    (void)state;
    Arena *a = arena();
    Problems problems;
    Exporter exporter;
    Node *root = map(a);
    problems_init(&problems, a);
    set(a, root, "port", scalar(a, "4318"));
    set(a, root, "paths", scalar(a, "/health, /metrics"));
    assert_true(config_load(fields, root, &exporter, a, &problems));
    assert_true(str_eq(exporter.host, STR("localhost")));
    assert_int_equal(exporter.port, 4318);
    assert_int_equal(exporter.paths.count, 2);
    assert_true(str_eq(exporter.paths.items[1], STR("/metrics")));
    set(a, root, "port", scalar(a, "many"));
    assert_false(config_load(fields, root, &exporter, a, &problems));
    Buf said = BUF(1000);
    problems_write(&problems, &said);
    assert_string_equal(buf_text(&said), "environment: port: must be a whole number, not 'many'\n");
    buf_free(&said);
    arena_free(a);
}

static bool build(Arena *a, Err *err)
{
    Node *root = node_new(a, NODE_MAP, env, err);
    for (char key[] = "a.b.c"; root && key[4] < 'z'; key[4]++) {
        Node *value = node_scalar(a, STR("a longer text, so that it takes some room"), env, err);
        if (!value || !node_set(a, root, str_from(key), '.', value, err))
            return false;
    }
    Node *copy = root ? node_copy(a, root, err) : NULL;
    return copy && node_merge(a, root, copy, err);
}

static void test_starving(void **state)
{
    (void)state;
    Err err;
    bool happened = true;
    for (long n = 0; happened; n++) {
        Arena *a = arena();
        starve_after(n);
        bool built = build(a, &err);
        happened = starve_happened();
        starve_end();
        assert_int_equal(built, !happened);
        assert_true(built || err.kind == ERR_MEMORY);
        arena_free(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_makes_maps_on_the_way),
        cmocka_unit_test(test_missing_is_not_null),
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_a_copy_is_its_own),
        cmocka_unit_test(test_describe),
        cmocka_unit_test(test_settings_without_yaml),
        cmocka_unit_test(test_starving),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
