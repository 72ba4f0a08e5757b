/* json_tree_test.c - documents as trees, and what is no document. */
#include "codec/json_tree.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const Str document = STR_ROW("{\"a\":[1,\"two\",true,null,{\"b\":-2.5}],\"t\":"
                                    "\"x\\u00e9\\n\",\"n\":\"+Inf\",\"big\":\"9007199254740993\"}");

static void a_document_is_found_by_its_names(void **state)
{
    (void)state;
    Err err;
    Arena *arena = arena_new(1 << 16, &err);
    const JsonValue *root = json_tree(document, arena, &err);
    assert_non_null(root);
    assert_int_equal(root->count, 4);
    const JsonValue *list = json_member(root, STR("a"));
    assert_int_equal(list->count, 5);
    assert_int_equal(json_i64_of(json_element(list, 0)), 1);
    assert_true(str_eq(json_text_of(json_element(list, 1)), STR("two")));
    assert_true(json_element(list, 2)->yes);
    assert_int_equal(json_element(list, 3)->kind, JSON_NULL);
    assert_true(json_double_of(json_member(json_element(list, 4), STR("b"))) == -2.5);
    assert_true(str_eq(json_text_of(json_member(root, STR("t"))), STR("x\xc3\xa9\n")));
    assert_true(isinf(json_double_of(json_member(root, STR("n")))));
    assert_true(json_i64_of(json_member(root, STR("big"))) == INT64_C(9007199254740993));
    arena_free(arena);
}

static void what_is_not_there_is_nothing(void **state)
{
    (void)state;
    Err err;
    Arena *arena = arena_new(1 << 16, &err);
    const JsonValue *root = json_tree(document, arena, &err);
    assert_null(json_member(root, STR("zz")));
    assert_null(json_member(NULL, STR("a")));
    assert_null(json_member(json_member(root, STR("a")), STR("a")));
    assert_null(json_element(json_member(root, STR("a")), 5));
    assert_null(json_element(root, 0));
    assert_null(json_element(NULL, 0));
    assert_true(json_double_of(json_member(root, STR("t"))) == 0);
    assert_int_equal(json_text_of(NULL).len, 0);
    assert_int_equal(json_i64_of(root), 0);
    arena_free(arena);
}

static void what_is_no_json_says_where(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",     "{",       "[1,", "{\"a\" 1}", "tru", "1 2",
        "[1]]", "\"\\x\"", "nul", "-",         "1.",  "{\"\\x\":1}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        Err err = { 0 };
        Arena *arena = arena_new(1 << 16, &err);
        assert_null(json_tree(str_from(bad[i]), arena, &err));
        assert_int_equal(err.kind, ERR_INPUT);
        assert_non_null(strstr(err.text, "line 1"));
        arena_free(arena);
    }
}

static void bounds_hold(void **state)
{
    (void)state;
    Err err = { 0 };
    Arena *arena = arena_new(256, &err);
    assert_null(json_tree(document, arena, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    arena_free(arena);
    char deep[2 * JSON_READ_DEPTH];
    memset(deep, '[', sizeof deep);
    arena = arena_new(1 << 20, &err);
    assert_null(json_tree((Str){ deep, sizeof deep }, arena, &err));
    assert_int_equal(err.kind, ERR_INPUT);
    arena_free(arena);
}

/* Memory that ends anywhere is said to have ended, and no tree comes of it. */
static void any_arena_is_too_small_or_enough(void **state)
{
    (void)state;
    size_t grown = 0;
    for (size_t limit = 1; !grown; limit += 8) {
        Err err = { 0 };
        Arena *arena = arena_new(limit, &err);
        const JsonValue *root = arena ? json_tree(document, arena, &err) : NULL;
        assert_int_equal(root ? ERR_NONE : ERR_LIMIT, err.kind);
        grown = root ? root->count : 0;
        arena_free(arena);
        assert_true(limit < 1 << 16);
    }
    assert_int_equal(grown, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_is_found_by_its_names),
        cmocka_unit_test(what_is_not_there_is_nothing),
        cmocka_unit_test(what_is_no_json_says_where),
        cmocka_unit_test(bounds_hold),
        cmocka_unit_test(any_arena_is_too_small_or_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
