/* Names of components, and ids as users write them. */
#include "pipe/component.h"

#include "pipe/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#undef fail /* ours is in base/err.h */

static const char *const aliases[] = { "otlp_grpc", "otlpgrpc", NULL };
static const char *const retired[] = { "jaeger", NULL };
static const ComponentType in = { .name = "otlp", .kind = RECEIVER };
static const ComponentType out = {
    .name = "otlp", .kind = EXPORTER, .aliases = aliases, .retired = retired
};
static const ComponentType *const registry[] = { &in, &out, NULL };

static void test_find(void **state)
{
    (void)state;
    assert_ptr_equal(component_find(registry, RECEIVER, STR("otlp")), &in);
    assert_ptr_equal(component_find(registry, EXPORTER, STR("otlp")), &out);
    assert_ptr_equal(component_find(registry, EXPORTER, STR("otlpgrpc")), &out);
    assert_ptr_equal(component_find(registry, EXPORTER, STR("jaeger")), &out);
    assert_null(component_find(registry, RECEIVER, STR("otlp_grpc")));
    assert_null(component_find(registry, PROCESSOR, STR("otlp")));
    assert_null(component_find(registry, EXPORTER, STR("OTLP"))); /* names have case */
    assert_true(component_is_retired_name(&out, STR("jaeger")));
    assert_false(component_is_retired_name(&out, STR("otlp_grpc")));
    assert_string_equal(component_kind_name(EXTENSION), "extension");
    assert_string_equal(component_kind_section(PROCESSOR), "processors");
}

static const struct {
    const char *text, *type, *name;
} good[] = {
    { "otlp", "otlp", "" },
    { "otlp/a", "otlp", "a" },
    { " otlp / a ", "otlp", "a" },
    { "otlp/a/b", "otlp", "a/b" },
    { "Otlp_2/\xC3\xA4-1.2:3,[x]", "Otlp_2", "\xC3\xA4-1.2:3,[x]" },
    { "x/\xE4\xB8\xAD\xE6\x96\x87", "x", "\xE4\xB8\xAD\xE6\x96\x87" },
};

static const struct {
    const char *text, *wrong;
} bad[] = {
    { "", "id must not be empty" },
    { "  ", "id must not be empty" },
    { "/a", "in \"/a\" id: the part before / should not be empty" },
    { "a/ ", "in \"a/ \" id: the part after / should not be empty" },
    { "2a", "invalid character(s) in type \"2a\"" },
    { "a-b/c", "invalid character(s) in type \"a-b\"" },
    { "a/b c", "invalid character(s) in name \"b c\"" },
    { "a/b\tc", "invalid character(s) in name \"b\tc\"" },
    { "a/$b", "invalid character(s) in name \"$b\"" },
    { "a/b\xC2\xA0", "invalid character(s) in name \"b\xC2\xA0\"" },
    { "a/\xE2\x82\xAC", "invalid character(s) in name \"\xE2\x82\xAC\"" },
    { "a/\xF0\x9F\x98\x80", "invalid character(s) in name \"\xF0\x9F\x98\x80\"" },
    { "a/\xFF", "invalid character(s) in name \"\xFF\"" },
};

static void test_ids(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        ComponentId id;
        Err err;
        assert_true(component_id_parse(str_from(good[i].text), &id, &err));
        assert_true(str_eq(id.type, str_from(good[i].type)));
        assert_true(str_eq(id.name, str_from(good[i].name)));
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        ComponentId id;
        Err err;
        assert_false(component_id_parse(str_from(bad[i].text), &id, &err));
        assert_string_equal(err.text, bad[i].wrong);
    }
}

static void test_bounds(void **state)
{
    (void)state;
    char text[1200];
    ComponentId id;
    Err err;
    memset(text, 'a', sizeof text);
    assert_true(component_id_parse((Str){ text, 63 }, &id, &err));
    assert_false(component_id_parse((Str){ text, 64 }, &id, &err));
    text[1] = '/';
    assert_true(component_id_parse((Str){ text, 2 + 1024 }, &id, &err));
    assert_false(component_id_parse((Str){ text, 2 + 1025 }, &id, &err));
    assert_non_null(strstr(err.text, "is longer than 1024 characters (1025)"));
}

static void test_held(void **state)
{
    (void)state;
    ComponentStatus status = { .received = 10, .sent = 4, .dropped = 1, .refused = 3 };
    status.kind = PROCESSOR; /* what it refused it had never received */
    assert_int_equal(component_held(&status), 5);
    status.kind = RECEIVER; /* what the next one refused it had */
    assert_int_equal(component_held(&status), 2);
    status.sent = 9; /* read later than the rest */
    assert_int_equal(component_held(&status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
