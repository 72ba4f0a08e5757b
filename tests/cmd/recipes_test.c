/* What `cryostorm init` writes: every recipe, short and in full, loads without a word, and to the
 * same as the recipe itself. */
#include "cmd/recipes.h"

#include "cmd/config_print.h"
#include "cmd/config_template.h"
#include "cmd/registry.h"
#include "config/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { TEXT_MAX = 1 << 20 };

static bool unset(void *context, Str name, Str *value)
{
    (void)context, (void)name, (void)value;
    return false;
}

/* What it came to; a word about it is a failure. */
static void came_to(const char *name, Str yaml, Buf *out)
{
    static const Environment nothing = { .find = unset };
    Err err = { 0 };
    LoadedConfig config = { .arena = arena_new(CONFIG_MEMORY_MAX, &err) };
    Problems problems;
    Buf uri = BUF(TEXT_MAX), said = BUF(TEXT_MAX);
    assert_non_null(config.arena);
    buf_add(&uri, STR("yaml:"));
    buf_add(&uri, yaml);
    problems_init(&problems, config.arena);
    ConfigReader reader = {
        .disk = disk_system(), .arena = config.arena, .problems = &problems, .variables = &nothing
    };
    const Options options = { .configs = { buf_text(&uri) }, .config_count = 1 };
    config.service = load_config_with(&reader, &options, &config.root);
    problems_write(&problems, &said);
    if (!config.service || said.len)
        fail_msg("%s: %.*s\n%.*s", name, STR_ARG(buf_str(&said)), STR_ARG(yaml));
    assert_true(config_print_yaml(&config, false, out, &err));
    loaded_config_free(&config);
    buf_free(&uri);
    buf_free(&said);
}

static void check(const Recipe *recipe, bool full)
{
    Err err;
    Problems problems;
    Buf made = BUF(TEXT_MAX), before = BUF(TEXT_MAX), after = BUF(TEXT_MAX);
    Arena *arena = arena_new(8 << 20, &err);
    assert_non_null(arena);
    problems_init(&problems, arena);
    const Node *root = yaml_parse(str_from(recipe->yaml), STR("recipe"), arena, &problems);
    assert_non_null(root);
    config_template(registry, root, full, &made);
    came_to(recipe->name, str_from(recipe->yaml), &before);
    came_to(recipe->name, buf_str(&made), &after);
    assert_string_equal(buf_text(&after), buf_text(&before));
    assert_true(str_contains(buf_str(&made), STR("  # Which ones to speak.\n")) ==
                str_contains(str_from(recipe->yaml), STR("protocols")));
    assert_int_equal(str_contains(buf_str(&made), STR("\n    # ")), full);
    arena_free(arena);
    buf_free(&made), buf_free(&before), buf_free(&after);
}

static void every_recipe_loads_without_a_word(void **state)
{
    (void)state;
    size_t count = 0;
    for (const Recipe *recipe = recipes; recipe->name; recipe++, count++) {
        check(recipe, false);
        check(recipe, true);
    }
    assert_true(count > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_recipe_loads_without_a_word) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
