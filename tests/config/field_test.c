/* field_test.c - single values, names and their neighbours. */
#include "config/field.h"

#include "config/value_internal.h"

#include "config/every_row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const ConfigField none = { 0 };

static void test_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {
        { "0", 0 },
        { "4096", 4096 },
        { "4096B", 4096 },
        { "1KiB", 1024 },
        { "1kib", 1024 },
        { "3Mi", 3145728 },
        { "2 GiB", 2147483648 },
        { "1TiB", 1099511627776 },
        { "1PiB", 1125899906842624 },
        { "2Pi", 2251799813685248 },
        { "1PB", 1000000000000000 },
        { "5KB", 5000 },
        { "5MB", 5000000 },
        { "1GB", 1000000000 },
        { "18446744073709551615", UINT64_MAX },
    };
    static const char *const bad[] = {
        "", "B", "-1", "1.5MiB", "1XB", "1KiBs", "16777216TiB", "one"
    };
    ConfigValue value;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_true(value_parse(&none, CONFIG_SIZE, str_from(good[i].text), &value));
        assert_int_equal(value.count, good[i].bytes);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(value_parse(&none, CONFIG_SIZE, str_from(bad[i]), &value));
}

static void test_whole_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t number;
    } good[] = {
        { "0", 0 },      { "-5", -5 },   { "0x7f", 127 },
        { "0xFF", 255 }, { "0o17", 15 }, { "-9223372036854775808", INT64_MIN },
    };
    static const char *const bad[] = {
        "",      "-", "0x", "0o8", "0xg", "1e3", "9223372036854775808", "0x8000000000000000",
        "1_000", " 1"
    };
    ConfigValue value;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_true(value_parse(&none, CONFIG_INT, str_from(good[i].text), &value));
        assert_int_equal(value.whole, good[i].number);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(value_parse(&none, CONFIG_INT, str_from(bad[i]), &value));
    assert_true(value_parse(&none, CONFIG_COUNT, STR("0xffffffffffffffff"), &value));
    assert_int_equal(value.count, UINT64_MAX);
    assert_false(value_parse(&none, CONFIG_COUNT, STR("0x10000000000000000"), &value));
    assert_false(value_parse(&none, CONFIG_COUNT, STR("-1"), &value));
}

static void test_endpoints(void **state)
{
    (void)state;
    static const char *const good[] = { "localhost:4317", ":4317", "0.0.0.0:0", "[::1]:65535",
                                        "host.example:1" };
    static const char *const bad[] = {
        "",       "localhost", "localhost:",    ":",           "host:65536", "host:-1",
        "::1:80", "[::1]",     "http://host:1", "host:1/path", "[::1]80"
    };
    Err err;
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_true(config_check_endpoint(str_from(good[i]), &err));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(config_check_endpoint(str_from(bad[i]), &err));
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(config_find(every_row_fields, STR("timeout"))->key, "timeout");
    assert_string_equal(config_find(every_row_fields, STR("key"))->key, "token");
    assert_string_equal(config_find(every_row_fields, STR("2xx"))->key, "instead_of");
    assert_null(config_find(every_row_fields, STR("instead_of")));
    assert_null(config_find(every_row_fields, STR("")));
    assert_string_equal(config_nearest(every_row_fields, STR("TIMEOUT")), "timeout");
    assert_string_equal(config_nearest(every_row_fields, STR("tiemout")), "timeout");
    assert_string_equal(config_nearest(every_row_fields, STR("protocol")), "protocols");
    assert_null(config_nearest(every_row_fields, STR("x")));
    assert_null(config_nearest(every_row_fields, STR("balast"))); /* retired is no advice */
    assert_null(config_nearest(every_row_fields, STR("")));
}

/* Every preset and bound of the table is a value of its row. */
static void test_presets_load(void **state)
{
    (void)state;
    Err err;
    Problems problems;
    EveryRow settings = { 0 };
    Arena *arena = arena_new(1 << 20, &err);
    assert_non_null(arena);
    problems_init(&problems, arena);
    assert_false(config_load(every_row_fields, NULL, &settings, arena, &problems));
    assert_int_equal(problems.count, 1);
    assert_true(str_eq(problems.rows[0]->path, STR("needed")));
    assert_int_equal(settings.timeout, INT64_C(5000000000));
    assert_int_equal(settings.limit, 4 << 20);
    assert_int_equal(settings.verbosity, NORMAL);
    assert_int_equal(settings.levels.count, 2);
    assert_int_equal(settings.levels.items[1], DETAILED);
    assert_int_equal(settings.protocols.http.streams, 100);
    assert_false(settings.protocols.http.present);
    assert_string_equal(settings.title.ptr, "untitled");
    arena_free(arena);
}

/* A mistake in a table is noted like any other: the walk over all tables finds it. */
static void test_a_bad_preset_is_noted(void **state)
{
    (void)state;
    static const ConfigField fields[] = {
        COUNT(Door, streams, "many", NULL, NULL, "Requests at a time."),
        { 0 },
    };
    Err err;
    Problems problems;
    Door door = { 0 };
    Arena *arena = arena_new(1 << 20, &err);
    assert_non_null(arena);
    problems_init(&problems, arena);
    assert_false(config_load(fields, NULL, &door, arena, &problems));
    assert_int_equal(problems.errors, 1);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),        cmocka_unit_test(test_whole_numbers),
        cmocka_unit_test(test_endpoints),    cmocka_unit_test(test_names),
        cmocka_unit_test(test_presets_load), cmocka_unit_test(test_a_bad_preset_is_noted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
