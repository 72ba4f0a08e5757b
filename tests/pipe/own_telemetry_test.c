/* service.telemetry.metrics as people write it, and the address that comes of it. */
#include "pipe/own_telemetry.h"

#include "config/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define PULL(inside) "{readers: [{pull: {exporter: {prometheus: " inside "}}}]}"

static const struct {
    const char *yaml, *endpoint, *problem;
} rows[] = {
    { "{}", "127.0.0.1:8888", NULL },
    { "{level: detailed}", "127.0.0.1:8888", NULL },
    { "{level: none}", "", NULL },
    { "{level: none, readers: []}", "", NULL },
    { "{address: ':9999'}", ":9999", NULL },
    { "{address: '0.0.0.0:8888', level: basic}", "0.0.0.0:8888", NULL },
    { PULL("{host: '0.0.0.0', port: 8889}"), "0.0.0.0:8889", NULL },
    { PULL("{host: '::1', port: 1, without_units: true}"), "[::1]:1", NULL },
    { PULL(""), "localhost:8888", NULL },
    { PULL("{without_type_suffix: false}"), NULL, "names with scopes, units and suffixes" },
    { PULL("{port: 65536}"), NULL, "port" },
    { PULL("{host: ''}"), NULL, "must be a name or an address" },
    { PULL("{with_resource_constant_labels: }"), NULL, "labels of the resource" },
    { "{address: here}", NULL, "address" },
    { "{address: ':1', readers: [{pull: {exporter: {prometheus: }}}]}", NULL, "exclude" },
    { "{readers: []}", NULL, "reader should exist" },
    { "{readers: [{periodic: {interval: 1}}]}", NULL, "sending own metrics" },
    { "{readers: [{pull: {exporter: {otlp: }}}]}", NULL, "otlp" },
    { "{readers: [{pull: }]}", NULL, "a reader must have pull" },
    { "{views: []}", NULL, "views over own metrics" },
    { "{level: loud}", NULL, "none, basic, normal, detailed" },
};

static void addresses_and_problems(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Err err;
        Str endpoint;
        MetricsTelemetry metrics = { 0 };
        Problems problems;
        Arena *arena = arena_new(1 << 20, &err);
        problems_init(&problems, arena);
        const Node *node = yaml_parse(str_from(rows[i].yaml), STR("c"), arena, &problems);
        assert_non_null(node);
        bool good = config_load(metrics_telemetry_fields, node, &metrics, arena, &problems) &&
                    metrics_telemetry_endpoint(&metrics, node, arena, &endpoint, &err);
        if (good != (rows[i].problem == NULL))
            fail_msg("%s: %s", rows[i].yaml, good ? "was taken" : "was refused");
        Buf told = BUF(1 << 16);
        problems_write(&problems, &told);
        if (good)
            assert_true(str_eq(endpoint, str_from(rows[i].endpoint)));
        else if (!strstr(told.len ? buf_text(&told) : err.text, rows[i].problem))
            fail_msg("%s: %s", rows[i].yaml, told.len ? buf_text(&told) : err.text);
        buf_free(&told);
        arena_free(arena);
    }
}

static void nothing_said_means_the_default(void **state)
{
    (void)state;
    Err err;
    Str endpoint;
    MetricsTelemetry metrics = { .level = 2 };
    Arena *arena = arena_new(1 << 10, &err);
    assert_true(metrics_telemetry_endpoint(&metrics, NULL, arena, &endpoint, &err));
    assert_true(str_eq(endpoint, STR(OWN_METRICS_DEFAULT)));
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_and_problems),
        cmocka_unit_test(nothing_said_means_the_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
