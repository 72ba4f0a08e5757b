/* table_test.c - columns line up, and text from outside stays text. */
#include "cmd/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void columns_line_up_by_characters(void **state)
{
    (void)state;
    static const char *const heads[] = { "A", "NAME", "LAST" };
    Err err;
    Arena *arena = arena_new(1 << 16, &err);
    Table table;
    table_init(&table, arena, heads, 3);
    assert_true(table_add(&table, (Str[]){ STR("1"), STR("gr\xc3\xbc\xc3\x9f"), STR("x") }, &err));
    assert_true(table_add(&table, (Str[]){ STR("22"), STR("longer"), STR("") }, &err));
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    table_print(&table, out);
    fclose(out);
    assert_string_equal(text, "A   NAME    LAST\n"
                              "1   gr\xc3\xbc\xc3\x9f    x\n"
                              "22  longer  \n");
    free(text);
    arena_free(arena);
}

static void control_characters_are_spaces(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    print_text(out, STR("a\033[2Jb\nc\x7f\xc2\x9b"
                        "d\xc3\xa9\tz"));
    fclose(out);
    assert_string_equal(text, "a [2Jb c  d\xc3\xa9 z");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_line_up_by_characters),
        cmocka_unit_test(control_characters_are_spaces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
