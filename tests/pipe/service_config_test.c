/* What a whole configuration file is told, line by line. */
#include "pipe/service_config.h"

#include "config/yaml.h"
#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#undef fail /* ours is in base/err.h */

typedef struct Thing {
    Component base;
    uint64_t size, least;
} Thing;

static bool thing_check(const void *self, Err *err)
{
    const Thing *thing = self;
    if (thing->least > thing->size)
        return fail(err, ERR_INPUT, "least must not be above size");
    return true;
}

static const ConfigField thing_fields[] = {
    COUNT(Thing, size, "5", "1", "9", "How large."),
    COUNT(Thing, least, "0", "0", "9", "How small."),
    { 0 },
};

static const char *const new_names[] = { "otlp_grpc", NULL };
static const char *const old_names[] = { "logging", NULL };

static const ComponentType otlp_in = {
    .name = "otlp",
    .kind = RECEIVER,
    .signals = ALL_SIGNALS,
    .size = sizeof(Thing),
    .fields = thing_fields,
    .check = thing_check,
};
static const ComponentType batch = {
    .name = "batch",
    .kind = PROCESSOR,
    .signals = ALL_SIGNALS,
    .size = sizeof(Thing),
    .fields = thing_fields,
    .check = thing_check,
};
static const ComponentType tail = {
    .name = "tail_sampling",
    .kind = PROCESSOR,
    .signals = TRACES,
    .size = sizeof(Thing),
};
static const ComponentType otlp_out = {
    .name = "otlp",
    .aliases = new_names,
    .kind = EXPORTER,
    .signals = ALL_SIGNALS,
    .size = sizeof(Thing),
    .fields = thing_fields,
};
static const ComponentType debug = {
    .name = "debug",
    .retired = old_names,
    .kind = EXPORTER,
    .signals = ALL_SIGNALS,
    .size = sizeof(Thing),
};
static const ComponentType health = {
    .name = "health_check",
    .kind = EXTENSION,
    .size = sizeof(Thing),
};
static const ComponentType *const registry[] = { &otlp_in, &batch,  &tail, &otlp_out,
                                                 &debug,   &health, NULL };

/* --- tables ---------------------------------------------------------------------------------- */

#define HEAD                                   \
    "receivers: {otlp: }\n"                    \
    "processors: {batch: , tail_sampling: }\n" \
    "exporters: {otlp: , debug: }\n"

static const struct {
    const char *yaml, *told;
} rows[] = {
    /* The whole. */
    { "", "c:1:1: empty configuration file\n" },
    { "{}", "c:1:1: empty configuration file\n" },
    { "[1]", "c:1:1: must be a map, not a list\n" },
    { "receivers: {otlp: }\nexporters: {debug: }\nservices: {}\n",
      "c:1:1: service.pipelines: service must have at least one pipeline\n"
      "c:3:1: services: unknown key; did you mean \"service\"\n" },
    { "service: {pipelines: {traces: {}}}\n",
      "c:1:1: no receiver configuration specified in config\n"
      "c:1:1: no exporter configuration specified in config\n"
      "c:1:23: service.pipelines.traces: must have at least one receiver\n"
      "c:1:23: service.pipelines.traces: must have at least one exporter\n" },
    /* Ids and types. */
    { "receivers: {otpl: , /x: , otlp/: , ot-lp: , 'otlp/a b': , ' otlp / a ': , otlp/a: }\n"
      "exporters: {debug: }\n"
      "service: {pipelines: {traces: {receivers: [otpl, otlp/a], exporters: [debug]}}}\n",
      "c:1:13: receivers.otpl: unknown receiver type \"otpl\"; did you mean \"otlp\" (there are: "
      "otlp)\n"
      "c:1:21: receivers./x: in \"/x\" id: the part before / should not be empty\n"
      "c:1:27: receivers.otlp/: in \"otlp/\" id: the part after / should not be empty\n"
      "c:1:36: receivers.ot-lp: invalid character(s) in type \"ot-lp\"\n"
      "c:1:45: receivers.otlp/a b: invalid character(s) in name \"a b\"\n"
      "c:1:75: receivers.otlp/a: duplicate name \"otlp/a\"\n" },
    { "receivers: {otlp: }\nexporters: {logging: , otlp_grpc/x: }\n"
      "service: {pipelines: {logs: {receivers: otlp, exporters: 'logging, otlp_grpc/x'}}}\n",
      "c:2:13: warning: exporters.logging: \"logging\" is an older name of \"debug\"\n" },
    /* Settings, all of them at once. */
    { "receivers: {otlp: {size: many}, otlp/b: {least: 7}}\n"
      "exporters: {debug: {verbosity: 1}}\n"
      "service: {pipelines: {traces: {receivers: [otlp, otlp/b], exporters: [debug]}}}\n",
      "c:1:26: receivers.otlp.size: must be a whole number, not 'many'\n"
      "c:1:42: receivers.otlp/b: least must not be above size\n"
      "c:2:21: exporters.debug.verbosity: unknown key\n" },
    /* References. */
    { HEAD
      "service:\n  extensions: [helth_check]\n  pipelines:\n"
      "    traces: {receivers: [otpl], processors: [batch, bacth, batch], exporters: [otlp]}\n"
      "    logs: {receivers: [otlp], processors: [tail_sampling], exporters: [debug, debug]}\n",
      "c:5:16: service.extensions[0]: references extension \"helth_check\" which is not "
      "configured\n"
      "c:7:26: service.pipelines.traces.receivers[0]: references receiver \"otpl\" which is not "
      "configured; did you mean \"otlp\"\n"
      "c:7:53: service.pipelines.traces.processors[1]: references processor \"bacth\" which is not "
      "configured; did you mean \"batch\"\n"
      "c:7:60: service.pipelines.traces.processors[2]: references processor \"batch\" multiple "
      "times\n"
      "c:8:5: service.pipelines.logs.processors: processor \"tail_sampling\" does not support "
      "logs\n"
      "c:8:79: warning: service.pipelines.logs.exporters[1]: \"debug\" is listed twice; once is "
      "enough\n" },
    { HEAD "service: {pipelines: {trace: {}, profiles: , 'traces/a': {receiver: [otlp]}}}\n",
      "c:4:23: service.pipelines.trace: unknown signal \"trace\"; did you mean \"traces\" (there "
      "are: traces, metrics, logs)\n"
      "c:4:34: service.pipelines.profiles: pipelines of profiles: not supported yet; they come "
      "later\n"
      "c:4:46: service.pipelines.traces/a: must have at least one receiver\n"
      "c:4:46: service.pipelines.traces/a: must have at least one exporter\n"
      "c:4:59: service.pipelines.traces/a.receiver: unknown key; did you mean \"receivers\"\n" },
    { HEAD "service: {pipelines: {traces: {receivers: {otlp: }, exporters: [[debug], otlp]}}}\n",
      "c:4:43: service.pipelines.traces.receivers: must be a list of ids, not a map\n"
      "c:4:65: service.pipelines.traces.exporters[0]: must be an id, not a list\n" },
    { "receivers: {otlp: , otlp/b: }\nexporters: {debug: }\nextensions: {health_check: }\n"
      "service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}\n",
      "c:1:21: warning: receivers.otlp/b: is not used by service.pipelines, so it is not started\n"
      "c:3:14: warning: extensions.health_check: is not used by service.extensions, so it is not "
      "started\n" },
    /* What comes later, and what has no effect. */
    { HEAD "connectors: {forward: }\n"
           "service:\n  telemetry: {metrics: {level: detailed}, logs: {level: loud}}\n"
           "  pipelines: {traces: {receivers: [otlp], processors: [batch, tail_sampling], "
           "exporters: [otlp, debug]}}\n",
      "c:4:13: connectors: connectors: not supported yet; they come later\n"
      "c:6:57: service.telemetry.logs.level: must be one of debug, info, warn, error, dpanic, "
      "panic, fatal, not 'loud'\n" },
    /* Own metrics. */
    { HEAD "service:\n  telemetry: {metrics: {address: 'localhost:1'}}\n"
           "  pipelines: {traces: {receivers: [otlp], processors: [batch, tail_sampling], "
           "exporters: [otlp, debug]}}\n",
      "c:5:34: warning: service.telemetry.metrics.address: is no longer used by the public "
      "Collector; readers replaced it: readers: [{pull: {exporter: {prometheus: {host: localhost, "
      "port: 8888}}}}]\n" },
    { HEAD "service:\n  telemetry: {metrics: {readers: []}}\n"
           "  pipelines: {traces: {receivers: [otlp], exporters: [otlp, debug]}}\n",
      "c:5:15: service.telemetry.metrics: collector telemetry metrics reader should exist when "
      "metric level is not none\n" },
    { HEAD "service:\n  memory_limit: 63MiB\n"
           "  pipelines: {traces: {receivers: [otlp], processors: [batch, tail_sampling], "
           "exporters: [otlp, debug]}}\n",
      "c:4:1: service: memory_limit must be at least 64MiB, or 0\n" },
};

static const ServiceConfig *load(const char *yaml, Arena *arena, Problems *problems)
{
    problems_init(problems, arena);
    const Node *root = yaml_parse(str_from(yaml), STR("c"), arena, problems);
    return root ? service_config_load(registry, root, arena, problems) : NULL;
}

static void test_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Err err;
        Arena *arena = arena_new(1 << 20, &err);
        Problems problems;
        const ServiceConfig *config = load(rows[i].yaml, arena, &problems);
        Buf out = BUF(1 << 16);
        problems_write(&problems, &out);
        assert_string_equal(buf_text(&out), rows[i].told);
        assert_int_equal(config == NULL, problems.errors > 0);
        buf_free(&out);
        arena_free(arena);
    }
}

static const char *const good = "receivers: {otlp: {size: 3}, otlp/two: }\n"
                                "processors: {batch: , ' batch / b ': {size: 9}}\n"
                                "exporters: {otlp: }\n"
                                "extensions: {health_check: }\n"
                                "service:\n"
                                "  extensions: [health_check]\n"
                                "  telemetry: {logs: {level: warn}}\n"
                                "  memory_limit: 256MiB\n"
                                "  pipelines:\n"
                                "    traces: {receivers: [otlp, otlp/two], processors: [batch/b,"
                                " batch], exporters: [otlp]}\n"
                                "    metrics/fast: {receivers: [otlp], exporters: [otlp]}\n";

static void assert_id(const ComponentConfig *component, const char *id)
{
    assert_true(str_eq(component->id, str_from(id)));
}

static void test_good(void **state)
{
    (void)state;
    Err err;
    Arena *arena = arena_new(1 << 20, &err);
    Problems problems;
    const ServiceConfig *config = load(good, arena, &problems);
    assert_non_null(config);
    assert_int_equal(problems.warnings, 0);
    assert_int_equal(config->logs.level, LOG_WARN);
    assert_int_equal(config->memory_limit, 256 << 20);
    assert_int_equal(config->extensions.count, 1);
    assert_int_equal(config->pipeline_count, 2);
    const PipelineConfig *traces = &config->pipelines[0], *metrics = &config->pipelines[1];
    assert_int_equal(traces->signal, TRACES);
    assert_id(traces->receivers.items[1], "otlp/two");
    assert_id(traces->processors.items[0], "batch/b");
    assert_id(traces->processors.items[1], "batch");
    assert_int_equal(metrics->signal, METRICS);
    assert_true(str_eq(metrics->id, STR("metrics/fast")));
    assert_ptr_equal(metrics->receivers.items[0], traces->receivers.items[0]);
    assert_int_equal(((const Thing *)traces->receivers.items[0]->settings)->size, 3);
    assert_int_equal(((const Thing *)traces->processors.items[0]->settings)->size, 9);
    assert_int_equal(((const Thing *)traces->processors.items[1]->settings)->size, 5);
    arena_free(arena);
}

static void assert_place(const ServiceConfig *config, const char *message, unsigned line,
                         unsigned column)
{
    Place place = service_config_place(config, str_from(message));
    assert_int_equal(place.line, line);
    assert_int_equal(place.column, column);
}

/* Where what did not start stands: the value that is quoted, the key that is named, the component.
 */
static void test_place(void **state)
{
    (void)state;
    Err err;
    Arena *arena = arena_new(1 << 20, &err);
    Problems problems;
    const ServiceConfig *config =
        load("receivers:\n  otlp: {size: 00007}\n  otlp/b: {size: 3}\nexporters: {debug: }\n"
             "service: {pipelines: {traces: {receivers: [otlp, otlp/b], exporters: [debug]}}}\n",
             arena, &problems);
    assert_non_null(config);
    assert_place(config, "receivers::otlp: 00007 is too much", 2, 16);
    assert_place(config, "receivers::otlp/b: the size is taken", 3, 12);
    assert_place(config, "receivers::otlp/b: oversized", 3, 3);
    assert_place(config, "receivers::otlp/c: size", 0, 0);
    assert_place(config, "no memory", 0, 0);
    arena_free(arena);
}

static void test_starved(void **state)
{
    (void)state;
    starve_after(-1);
    long before = starve_live(), n = 0;
    for (bool hit = true; hit; n++) {
        Err err;
        starve_after(n);
        Arena *arena = arena_new(1 << 20, &err);
        Problems problems = { 0 };
        const ServiceConfig *config = arena ? load(good, arena, &problems) : NULL;
        hit = starve_happened();
        starve_end();
        if (hit && arena)
            assert_true(!config || problems_none(&problems));
        else
            assert_int_equal(config == NULL, hit);
        arena_free(arena);
        assert_int_equal(starve_live(), before);
    }
    assert_true(n > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_told),
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_place),
        cmocka_unit_test(test_starved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
