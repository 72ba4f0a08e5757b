/* What print-config shows loads to the same again, as YAML and as JSON; secrets do not show. */
#include "cmd/config_print.h"

#include "config/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const sources[][2] = {
    { "configs/default.yaml" },
    { "configs/demo.yaml" },
    { "configs/review.yaml" },
    { "configs/demo.yaml", "configs/walk.yaml" },
};

static void load(LoadedConfig *config, const char *const *from, size_t count)
{
    Err err = { 0 };
    Options options = { .command = COMMAND_LOOK };
    for (; options.config_count < count && from[options.config_count]; options.config_count++)
        options.configs[options.config_count] = from[options.config_count];
    if (!loaded_config_read(&options, config, &err))
        fail_msg("%s", err.text);
}

/* Through `yaml:`, as somebody would give it. */
static void load_text(LoadedConfig *config, Str text)
{
    Buf uri = BUF(CONFIG_PRINT_MAX);
    buf_add(&uri, STR("yaml:"));
    buf_add(&uri, text);
    const char *const from[] = { buf_text(&uri), NULL };
    assert_non_null(from[0]);
    load(config, from, 1);
    buf_free(&uri);
}

static void what_is_printed_loads_to_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(sources); i++) {
        Err err = { 0 };
        LoadedConfig first, second, third;
        Buf yaml = BUF(CONFIG_PRINT_MAX), json = BUF(CONFIG_PRINT_MAX);
        Buf again = BUF(CONFIG_PRINT_MAX), once_more = BUF(CONFIG_PRINT_MAX);
        load(&first, sources[i], 2);
        assert_true(config_print_yaml(&first, false, &yaml, &err));
        assert_true(config_print_json(&first, &json, &err));
        load_text(&second, buf_str(&yaml));
        load_text(&third, buf_str(&json));
        assert_true(config_print_yaml(&second, false, &again, &err));
        assert_true(config_print_yaml(&third, false, &once_more, &err));
        assert_string_equal(buf_text(&again), buf_text(&yaml));
        assert_string_equal(buf_text(&once_more), buf_text(&yaml));
        loaded_config_free(&first);
        loaded_config_free(&second);
        loaded_config_free(&third);
        buf_free(&yaml), buf_free(&json), buf_free(&again), buf_free(&once_more);
    }
}

static const char *const secret =
    "yaml:\n"
    "receivers: { otlp: { protocols: { grpc: } } }\n"
    "exporters:\n"
    "  otlp/ä: { endpoint: 'h:4317', headers: { x: hunter2, y: '${SECRET_OF_TEST}' } }\n"
    "service:\n"
    "  telemetry: { metrics: { level: none }, logs: { level: '${NO_LEVEL:-warn}' } }\n"
    "  pipelines: { traces/1: { receivers: [otlp], exporters: [otlp/ä] } }\n";

static void origins_are_shown_and_secrets_are_not(void **state)
{
    (void)state;
    Err err = { 0 };
    LoadedConfig config;
    Buf yaml = BUF(CONFIG_PRINT_MAX), json = BUF(CONFIG_PRINT_MAX);
    assert_int_equal(setenv("SECRET_OF_TEST", "hunter3", 1), 0);
    load(&config, &secret, 1);
    assert_true(config_print_yaml(&config, true, &yaml, &err));
    assert_true(config_print_json(&config, &json, &err));
    assert_null(strstr(buf_text(&yaml), "hunter"));
    assert_null(strstr(buf_text(&json), "hunter"));
    assert_non_null(strstr(buf_text(&yaml), "\n  \"otlp/ä\":\n"));
    assert_non_null(strstr(buf_text(&yaml), "level: warn  # ${NO_LEVEL:-warn}\n"));
    assert_non_null(strstr(buf_text(&yaml), "timeout: 5s  # preset\n"));
    assert_non_null(strstr(buf_text(&yaml), "    traces/1:\n      receivers: [otlp]\n"));
    assert_non_null(strstr(buf_text(&json), "\"headers\":{\"x\":\"" SECRET_SHOWN "\""));
    loaded_config_free(&config);
    buf_free(&yaml), buf_free(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_printed_loads_to_the_same),
        cmocka_unit_test(origins_are_shown_and_secrets_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
