/* registry_test.c - one walk over the registry that asks the same of every component.
 *
 * A component runs on its presets, with what must be given or would take a fixed port from
 * `given`; a new component needs a line there only for those two reasons.
 */
#include "cmd/registry.h"

#include "base/log.h"
#include "cmd/load_config.h"
#include "compress/snappy_format.h"
#include "config/describe.h"
#include "net/encoding.h"
#include "pipe/host_base.h"
#include "store/store.h"
#include "support/make_batch.h"
#include "support/starve.h"
#include "support/test_disk.h"
#include "support/test_host.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct Given {
    ComponentKind kind;
    const char *name, *yaml;
} given[] = {
    { RECEIVER, "otlp",
      "{protocols: {grpc: {endpoint: '127.0.0.1:0'}, http: {endpoint: '127.0.0.1:0'}}}" },
    { RECEIVER, "hostmetrics", "{scrapers: {cpu: , load: , memory: }}" },
    { PROCESSOR, "attributes", "{actions: [{key: a, value: b, action: upsert}]}" },
    { PROCESSOR, "memory_limiter", "{check_interval: 1s, limit_mib: 100}" },
    { PROCESSOR, "metricstransform",
      "{transforms: [{include: a, action: insert, new_name: b, operations: [{action: add_label, "
      "new_label: x, new_value: y}, {action: aggregate_labels, aggregation_type: sum}]}]}" },
    { PROCESSOR, "probabilistic_sampler", "{sampling_percentage: 50}" },
    { PROCESSOR, "resource", "{attributes: [{key: a, value: b, action: upsert}]}" },
    { PROCESSOR, "resourcedetection", "{detectors: [env, system]}" },
    { PROCESSOR, "span", "{name: {from_attributes: [a]}, status: {code: Ok}}" },
    { EXPORTER, "file", "{path: out.json}" },
    { EXPORTER, "otlp", "{endpoint: '127.0.0.1:1', tls: {insecure: true}}" },
    { EXPORTER, "otlphttp", "{endpoint: 'http://127.0.0.1:1'}" },
    { EXPORTER, "prometheus", "{endpoint: '127.0.0.1:0'}" },
    { EXPORTER, "prometheusremotewrite", "{endpoint: 'http://127.0.0.1:1'}" },
    { RECEIVER, "prometheus",
      "{config: {global: {scrape_interval: 100ms, scrape_timeout: 50ms}, scrape_configs: "
      "[{job_name: j, static_configs: [{targets: ['127.0.0.1:1']}]}]}}" },
    { EXTENSION, "basicauth", "{htpasswd: {inline: 'ann:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g='}}" },
    { EXTENSION, "bearertokenauth", "{token: t}" },
    { EXTENSION, "headers_setter", "{headers: [{key: a, value: b}]}" },
    { EXTENSION, "health_check", "{endpoint: '127.0.0.1:0'}" },
    { EXTENSION, "oauth2client",
      "{client_id: a, client_secret: b, token_url: 'http://127.0.0.1:1/'}" },
    { EXTENSION, "oidc", "{issuer_url: 'http://127.0.0.1:1', audience: us}" },
    { EXTENSION, "page", "{endpoint: '127.0.0.1:0'}" },
    { EXTENSION, "pprof", "{endpoint: '127.0.0.1:0'}" },
    { EXTENSION, "zpages", "{endpoint: '127.0.0.1:0'}" },
};

static Str settings_of(const ComponentType *type)
{
    for (size_t i = 0; i < COUNT_OF(given); i++)
        if (given[i].kind == type->kind && !strcmp(given[i].name, type->name))
            return str_from(given[i].yaml);
    return STR("{}");
}

/* --- a life on a test host, with a disk and a store of its own ---------------------------------
 */

typedef struct Life {
    TestDisk *disk;
    TestClock clock; /* the store's */
    Store *store;    /* for who asks for one */
    TestHost *host;
} Life;

static bool life_begin(Life *life, const ComponentType *type, Err *err)
{
    *life = (Life){ .disk = test_disk_new(1) };
    test_disk_put(life->disk, "/proc/self/status", STR("VmRSS: 1024 kB\n"));
    test_clock_init(&life->clock, 1000 * NANOS_PER_SECOND);
    StoreSettings settings = store_defaults();
    settings.disk = test_disk_door(life->disk);
    settings.clock = &life->clock.base;
    settings.directory = "offered";
    settings.own_thread = false;
    life->store = store_open(&settings, err);
    life->host = life->store ? test_host_new(type, settings_of(type), NULL, err) : NULL;
    if (!life->host)
        return false;
    test_host_host(life->host)->disk = test_disk_door(life->disk);
    test_host_offer(life->host, life->store);
    test_host_judge_all(life->host, true);
    Component *component = test_host_self(life->host);
    component->host = test_host_host(life->host);
    component->id = component->host->id;
    return true;
}

static void life_end(Life *life)
{
    Err ignored;
    test_host_free(life->host);
    (void)store_close(life->store, INT64_MAX, &ignored);
    test_disk_free(life->disk);
}

static void must_begin(Life *life, const ComponentType *type)
{
    Err err = { 0 };
    if (!life_begin(life, type, &err))
        fail_msg("%s \"%s\": %s", component_kind_name(type->kind), type->name, err.text);
}

static void must_start(Life *life, const ComponentType *type)
{
    Err err = { 0 };
    if (!test_host_start(life->host, &err))
        fail_msg("%s \"%s\": %s", component_kind_name(type->kind), type->name, err.text);
}

/* --- what is asked -----------------------------------------------------------------------------
 */

static bool has_name(const ComponentType *type, Str name)
{
    if (str_eq(str_from(type->name), name) || component_is_retired_name(type, name))
        return true;
    for (const char *const *alias = type->aliases; alias && *alias; alias++)
        if (str_eq(str_from(*alias), name))
            return true;
    return false;
}

static void expect_only_one_has(const ComponentType *owner, const char *name)
{
    size_t count = 0;
    for (const ComponentType *const *type = registry; *type; type++)
        count += (*type)->kind == owner->kind && has_name(*type, str_from(name));
    if (count != 1)
        fail_msg("%s: %zu components are called \"%s\"", component_kind_section(owner->kind), count,
                 name);
    assert_ptr_equal(component_find(registry, owner->kind, str_from(name)), owner);
}

static void names_are_unique(void **state)
{
    (void)state;
    for (const ComponentType *const *type = registry; *type; type++) {
        ComponentId id;
        Err err = { 0 };
        assert_true(component_id_parse(str_from((*type)->name), &id, &err));
        assert_int_equal(id.name.len, 0);
        expect_only_one_has(*type, (*type)->name);
        for (const char *const *alias = (*type)->aliases; alias && *alias; alias++)
            expect_only_one_has(*type, *alias);
        for (const char *const *retired = (*type)->retired; retired && *retired; retired++)
            expect_only_one_has(*type, *retired);
    }
}

static void the_registry_is_in_order(void **state)
{
    (void)state;
    for (size_t i = 1; registry[0] && registry[i]; i++) {
        const ComponentType *before = registry[i - 1], *here = registry[i];
        assert_true(before->kind <= here->kind);
        if (before->kind == here->kind)
            assert_true(strcmp(before->name, here->name) < 0);
    }
}

static void every_type_is_complete(void **state)
{
    (void)state;
    for (const ComponentType *const *at = registry; *at; at++) {
        const ComponentType *type = *at;
        assert_true(type->size >= sizeof(Component));
        assert_true(type->summary && str_ends(str_from(type->summary), STR(".")));
        bool consumes = type->kind == PROCESSOR || type->kind == EXPORTER;
        assert_int_equal(consumes, type->consume != NULL);
        assert_int_equal(type->kind == EXTENSION, type->signals == 0);
        assert_int_equal(type->signals & ~(unsigned)ALL_SIGNALS, 0);
        assert_int_equal((type->traits & HOLDS) != 0, type->flush != NULL);
        if (type->start)
            assert_non_null(type->stop);
    }
}

static void expect_help(const ComponentType *type, const ConfigField *table, int depth)
{
    assert_true(depth < DESCRIBE_DEPTH_MAX);
    for (const ConfigField *row = table; row && row->type != CONFIG_NONE; row++) {
        if (!row->help || !*row->help)
            fail_msg("%s \"%s\": %s has no help", component_kind_name(type->kind), type->name,
                     config_key(row));
        if (row->table != table)
            expect_help(type, row->table, depth + 1);
    }
}

static void every_row_has_help_docs_and_schema(void **state)
{
    (void)state;
    static const ConfigField none[] = { { 0 } };
    for (const ComponentType *const *type = registry; *type; type++) {
        const ConfigField *fields = (*type)->fields ? (*type)->fields : none;
        expect_help(*type, fields, 0);
        Err err = { 0 };
        Buf docs = BUF(1 << 20), schema = BUF(1 << 20);
        JsonWriter json = json_writer(&schema);
        config_docs(fields, &docs);
        config_schema(fields, &json);
        assert_true(buf_ok(&docs, &err));
        assert_true(json_done(&json, &err));
        for (const ConfigField *row = fields; row->type != CONFIG_NONE; row++) {
            assert_true(str_contains(buf_str(&docs), str_from(config_key(row))));
            bool refused = row->type == CONFIG_LATER; /* no editor should offer it */
            if (!refused)
                assert_true(str_contains(buf_str(&schema), str_from(config_key(row))));
        }
        buf_free(&docs);
        buf_free(&schema);
    }
}

/* A bound that is no value itself refuses every value. */
static void expect_bound(const ComponentType *type, const ConfigField *row, const char *bound)
{
    Err err = { 0 };
    char text[128], refusal[128];
    Buf problems = BUF(1 << 16);
    snprintf(text, sizeof text, "{%s: %s}", config_key(row), bound);
    snprintf(refusal, sizeof refusal, "%s: must be", config_key(row));
    test_host_free(test_host_new(type, str_from(text), &problems, &err));
    if (str_contains(buf_str(&problems), str_from(refusal)))
        fail_msg("%s: %.*s", type->name, STR_ARG(buf_str(&problems)));
    buf_free(&problems);
}

static void every_bound_is_a_value(void **state)
{
    (void)state;
    for (const ComponentType *const *type = registry; *type; type++)
        for (const ConfigField *row = (*type)->fields; row && row->type != CONFIG_NONE; row++) {
            if (row->min)
                expect_bound(*type, row, row->min);
            if (row->max)
                expect_bound(*type, row, row->max);
        }
}

static void misspelt_settings_are_told_with_a_suggestion(void **state)
{
    (void)state;
    for (const ComponentType *const *type = registry; *type; type++) {
        Err err = { 0 };
        Buf problems = BUF(1 << 16);
        assert_null(test_host_new(*type, STR("{no_such_setting_at_all: 1}"), &problems, &err));
        assert_true(str_contains(buf_str(&problems), STR("no_such_setting_at_all")));
        buf_free(&problems);
    }
}

static void start_and_stop_twice_is_harmless(void **state)
{
    (void)state;
    for (const ComponentType *const *type = registry; *type; type++) {
        Life life;
        must_begin(&life, *type);
        for (int i = 0; i < 2; i++) {
            must_start(&life, *type);
            test_host_tick(life.host, 10 * NANOS_PER_MILLI);
            test_host_close(life.host);
            test_host_flush(life.host);
            test_host_stop(life.host);
            if ((*type)->stop)
                (*type)->stop(test_host_self(life.host));
        }
        life_end(&life);
    }
}

static void stop_without_start_is_harmless(void **state)
{
    (void)state;
    for (const ComponentType *const *type = registry; *type; type++) {
        Life life;
        must_begin(&life, *type);
        if ((*type)->stop)
            (*type)->stop(test_host_self(life.host));
        life_end(&life);
    }
}

/* --- the configurations that come with the house -----------------------------------------------
 */

/* The reference pipeline names the debug exporter as it was called when it was written. */
static bool is_of_old_name(const char *config, Str told)
{
    return config && str_eq(str_from(config), STR("configs/review.yaml")) &&
           str_ends(told, STR("exporters.logging: \"logging\" is an older name of \"debug\"\n")) &&
           str_starts(told, STR("configs/review.yaml:")) && !memchr(told.ptr, '\n', told.len - 1);
}

/* config NULL: the one that is built in. */
static void expect_no_problems(const char *config)
{
    Err err = { 0 };
    Options options = { .configs = { config }, .config_count = config != NULL };
    if (config && str_eq(str_from(config), STR("configs/walk.yaml"))) /* laid over another */
        options = (Options){ .configs = { "configs/demo.yaml", config }, .config_count = 2 };
    Arena *arena = arena_new(CONFIG_MEMORY_MAX, &err);
    assert_non_null(arena);
    Problems problems;
    Buf text = BUF(1 << 20);
    problems_init(&problems, arena);
    const ServiceConfig *loaded = load_config(&options, disk_system(), arena, &problems);
    problems_write(&problems, &text);
    if (!loaded || (text.len && !is_of_old_name(config, buf_str(&text))))
        fail_msg("%s: %.*s", config ? config : "built in", STR_ARG(buf_str(&text)));
    buf_free(&text);
    arena_free(arena);
}

static void every_configuration_loads_without_a_word(void **state)
{
    (void)state;
    DIR *directory = opendir("configs");
    size_t count = 0;
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory));) {
        char path[512];
        if (!str_ends(str_from(entry->d_name), STR(".yaml")))
            continue;
        snprintf(path, sizeof path, "configs/%s", entry->d_name);
        expect_no_problems(path);
        count++;
    }
    closedir(directory);
    assert_true(count > 0);
    expect_no_problems(NULL);
}

/* --- without memory ----------------------------------------------------------------------------
 */

static Batch *first_batch(const ComponentType *type)
{
    Err err = { 0 };
    Signal signal = type->signals & TRACES ? TRACES : type->signals & METRICS ? METRICS : LOGS;
    Batch *batch = make_batch(signal, STR("{service.name=shop} a b"), &err);
    assert_non_null(batch);
    return batch;
}

/* From settings to the end, with a batch through whoever takes one. False: it could not start. */
static bool live(const ComponentType *type, Batch *batch)
{
    Life life;
    Err err = { 0 };
    bool started = life_begin(&life, type, &err) && test_host_start(life.host, &err);
    if (started) {
        if (type->consume)
            (void)test_host_push(life.host, batch, true, &err);
        test_host_tick(life.host, 300 * NANOS_PER_MILLI);
        test_host_close(life.host);
        test_host_flush(life.host);
        test_host_stop(life.host);
        assert_int_equal(test_host_open(life.host), 0);
    }
    life_end(&life);
    return started;
}

static void refusing_memory_at_any_point_leaks_nothing(void **state)
{
    (void)state;
    long points = 0;
    starve_after(-1);
    for (const ComponentType *const *type = registry; *type; type++) {
        Batch *batch = first_batch(*type);
        long base = starve_live();
        bool happened = true;
        for (long n = 0; happened; n++) {
            starve_after(n);
            bool started = live(*type, batch);
            happened = starve_happened();
            assert_true(started || happened);
            starve_end();
            if (starve_live() != base)
                fail_msg("%s \"%s\": allocation %ld failed: %ld blocks are left",
                         component_kind_name((*type)->kind), (*type)->name, n,
                         starve_live() - base);
            points += happened;
        }
        batch_unref(batch);
    }
    print_message("counts: %ld allocations refused, one after the other, in every component\n",
                  points);
}

/* What prometheusremotewrite asks for. Not all that the program has: gzip's keeps contexts, which
 * would count as left behind. */
static int register_snappy(void **state)
{
    static const Encoding snappy = { STR_ROW("snappy"), ENCODING_HTTP, snappy_expand,
                                     snappy_block_compress };
    Err err = { 0 };
    (void)state;
    return encoding_register(&snappy, &err) ? 0 : -1;
}

int main(void)
{
    log_set_level(LOG_OFF);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_unique),
        cmocka_unit_test(the_registry_is_in_order),
        cmocka_unit_test(every_type_is_complete),
        cmocka_unit_test(every_row_has_help_docs_and_schema),
        cmocka_unit_test(every_bound_is_a_value),
        cmocka_unit_test(misspelt_settings_are_told_with_a_suggestion),
        cmocka_unit_test(start_and_stop_twice_is_harmless),
        cmocka_unit_test(stop_without_start_is_harmless),
        cmocka_unit_test(every_configuration_loads_without_a_word),
        cmocka_unit_test(refusing_memory_at_any_point_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, register_snappy, NULL);
}
