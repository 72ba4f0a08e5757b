/* The advice that goes by the names of processors, with a registry that has samplers. What goes by
 * the program's own registry stands in tests/config/mistakes. */
#include "cmd/config_advice.h"

#include "config/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TYPE(symbol, text, what)          \
    static const ComponentType symbol = { \
        .name = text,                     \
        .kind = what,                     \
        .signals = ALL_SIGNALS,           \
        .size = sizeof(Component),        \
    }

TYPE(in, "otlp", RECEIVER);
TYPE(out, "debug", EXPORTER);
TYPE(batch, "batch", PROCESSOR);
TYPE(limiter, "memory_limiter", PROCESSOR);
TYPE(tail, "tail_sampling", PROCESSOR);
TYPE(chance, "probabilistic_sampler", PROCESSOR);
static const ComponentType *const registry[] = {
    &in, &out, &batch, &limiter, &tail, &chance, NULL
};

static const struct {
    const char *processors, *told; /* told: the numbers of the processors that a warning names */
} rows[] = {
    { "[]", "" },
    { "[memory_limiter, batch]", "" },
    { "[batch]", "" },
    { "[tail_sampling, batch]", "" },
    { "[memory_limiter, tail_sampling, batch]", "" },
    { "[batch, tail_sampling]", "0" },
    { "[batch, probabilistic_sampler]", "0" },
    { "[batch, tail_sampling, batch/2]", "0" },
    { "[batch, batch/2, tail_sampling, memory_limiter]", "013" },
    { "[tail_sampling, memory_limiter, batch]", "1" },
    { "'batch, tail_sampling'", "0" },
};

static void the_order_of_processors_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Err err;
        Arena *arena = arena_new(1 << 20, &err);
        Problems problems;
        char yaml[1024], told[8] = "";
        size_t len = 0;
        snprintf(yaml, sizeof yaml,
                 "receivers: {otlp: }\nexporters: {debug: }\n"
                 "processors: {batch: , batch/2: , memory_limiter: , tail_sampling: , "
                 "probabilistic_sampler: }\n"
                 "service:\n  telemetry: {metrics: {level: none}}\n"
                 "  pipelines: {traces: {receivers: [otlp], exporters: [debug], processors: %s}}\n",
                 rows[i].processors);
        problems_init(&problems, arena);
        const Node *root = yaml_parse(str_from(yaml), STR("c"), arena, &problems);
        assert_non_null(root);
        const ServiceConfig *config = service_config_load(registry, root, arena, &problems);
        assert_non_null(config);
        size_t before = problems.count;
        config_advise(config, root, &problems);
        for (size_t p = before; p < problems.count; p++) {
            static const Str path = STR_ROW("service.pipelines.traces.processors[");
            assert_true(str_starts(problems.rows[p]->path, path));
            assert_int_equal(problems.rows[p]->place.line, 6);
            assert_true(len + 1 < sizeof told);
            told[len++] = problems.rows[p]->path.ptr[path.len];
        }
        if (strcmp(told, rows[i].told) != 0)
            fail_msg("%s: told of %s, not of %s", rows[i].processors, told, rows[i].told);
        arena_free(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(the_order_of_processors_is_told) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
