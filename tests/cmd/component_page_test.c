/* What the program's own registry says: every setting can be explained by its path, and what the
 * explanation gives as an example is taken; the schema knows every key that a configuration of ours
 * has; the list names every component. */
#include "cmd/component_page.h"

#include "cmd/registry.h"
#include "codec/json_tree.h"
#include "config/yaml.h"
#include "pipe/service_config.h"
#include "regex/regex.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* ---- explain ------------------------------------------------------------------------------------
 */

static size_t explained;

static const Node *example_of(Str page, Arena *arena)
{
    static const Str mark = STR_ROW("\nexample\n");
    Problems problems;
    problems_init(&problems, arena);
    for (size_t i = 0; i < page.len; i++)
        if (str_starts(str_skip(page, i), mark)) {
            const Node *node =
                yaml_parse(str_skip(page, i + mark.len), STR("example"), arena, &problems);
            if (!node)
                fail_msg("no YAML: %.*s", STR_ARG(page));
            return node;
        }
    return NULL;
}

/* The example must not have a key or a value that the table refuses. */
static void check_example(const ComponentType *type, Str page, Arena *arena)
{
    const Node *root = example_of(page, arena);
    Problems problems;
    Err err;
    problems_init(&problems, arena);
    if (!root)
        return;
    const Node *section = node_get(root, str_from(component_kind_section(type->kind)));
    const Node *settings = node_get(section, str_from(type->name));
    void *into = arena_alloc(arena, 1, type->size, &err);
    assert_non_null(settings);
    assert_non_null(into);
    (void)config_load(type->fields, settings, into, arena, &problems);
    for (size_t i = 0; i < problems.count; i++) {
        const Problem *row = problems.rows[i];
        if (row->level == PROBLEM_ERROR && !str_eq(row->text, STR("is required")))
            fail_msg("%.*s\n%.*s: %.*s", STR_ARG(page), STR_ARG(row->path), STR_ARG(row->text));
    }
}

static void explain_rows(const ComponentType *type, const ConfigField *table, Str prefix, int depth)
{
    for (const ConfigField *field = table; field->type && depth < 8; field++) {
        Err err = { 0 };
        Buf path = BUF(1024), page = BUF(1 << 20);
        Arena *arena = arena_new(8 << 20, &err);
        assert_non_null(arena);
        buf_addf(&path, "%.*s.%s", STR_ARG(prefix), config_key(field));
        if (!component_explain(registry, buf_str(&path), &page, &err))
            fail_msg("%.*s: %s", STR_ARG(buf_str(&path)), err.text);
        assert_true(str_contains(buf_str(&page), str_from(field->help)));
        check_example(type, buf_str(&page), arena);
        explained++;
        if (field->type == CONFIG_MAP)
            buf_add(&path, STR(".any"));
        if (field->table)
            explain_rows(type, field->table, buf_str(&path), depth + 1);
        arena_free(arena);
        buf_free(&path);
        buf_free(&page);
    }
}

static void every_setting_is_explained(void **state)
{
    (void)state;
    for (const ComponentType *const *type = registry; *type; type++) {
        Buf path = BUF(256);
        buf_addf(&path, "%s.%s", component_kind_section((*type)->kind), (*type)->name);
        if ((*type)->fields)
            explain_rows(*type, (*type)->fields, buf_str(&path), 0);
        buf_free(&path);
    }
    printf("%zu settings\n", explained);
    assert_true(explained > 100);
}

static const struct {
    const char *path, *has; /* in the page, or in the error */
    bool good;
} paths[] = {
    { "otlp.protocols.grpc.keepalive", "receivers.otlp.protocols.grpc.keepalive\n", true },
    { "otlp/2.protocols", "receivers.otlp/2.protocols\n", true },
    { "otlp", "exporters.otlp\n", true },
    { "otlp", "receivers.otlp\n", true },
    { "receiver.otlp.protocols", "receivers.otlp.protocols\n", true },
    { "logging.verbosity", "exporters.logging.verbosity\n", true },
    { "batch.timeout", "range      between 0s and 24h\n", true },
    { "service.telemetry.logs.encoding", "one of console, json", true },
    { "service.pipelines.traces/a.exporters", "service.pipelines.traces/a.exporters\n", true },
    { "service.pipelines.traces", "signal[/name]", true },
    { "resource.attributes.key", "      attributes:\n        -\n          key: ", true },
    { "resource.attributes[].key", "processors.resource.attributes[].key\n", true },
    { "resource.attributes.0.key", "processors.resource.attributes[].key\n", true },
    { "exporters.otlp.headers.x", "exporters.otlp.headers.x\n", true },
    { "receivers", "What takes data in.", true },
    { "otlp.protcols", "there is no \"protcols\"; did you mean \"protocols\"", false },
    { "otpl.protocols", "there is no component \"otpl\"; did you mean \"otlp\"", false },
    { "batch.timeout.x", "there is no \"x\"", false },
    { "service.telemetri", "did you mean \"telemetry\"", false },
    { "", "there is no component", false },
    { ".", "there is no component", false },
};

static void paths_lead_to_settings(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        Err err = { 0 };
        Buf page = BUF(1 << 20);
        bool good = component_explain(registry, str_from(paths[i].path), &page, &err);
        Str shown = good ? buf_str(&page) : str_from(err.text);
        if (good != paths[i].good || !str_contains(shown, str_from(paths[i].has)))
            fail_msg("%s: %.*s", paths[i].path, STR_ARG(shown));
        buf_free(&page);
    }
}

/* ---- the schema ---------------------------------------------------------------------------------
 */

static const JsonValue *schema_of(const JsonValue *schema, Str key)
{
    const JsonValue *properties = json_member(schema, STR("properties"));
    const JsonValue *found = properties ? json_member(properties, key) : NULL;
    const JsonValue *patterns = json_member(schema, STR("patternProperties"));
    for (const JsonValue *row = patterns ? patterns->first : NULL; row && !found; row = row->next) {
        Err err;
        Regex *regex = regex_new(row->key, REGEX_SEARCH, &err);
        assert_non_null(regex);
        if (regex_matches(regex, key))
            found = row;
        regex_free(regex);
    }
    if (!found) /* the schema of any key, or `false` */
        found = json_member(schema, STR("additionalProperties"));
    return found && found->kind == JSON_OBJECT ? found : NULL;
}

static void check_keys(const JsonValue *schema, const Node *node, Str path)
{
    for (size_t i = 0; i < node->count; i++) {
        Buf inner = BUF(1024);
        const JsonValue *next = json_member(schema, STR("items"));
        if (node->kind == NODE_MAP) {
            buf_addf(&inner, "%.*s.%.*s", STR_ARG(path), STR_ARG(node->pairs[i].key));
            next = schema_of(schema, node->pairs[i].key);
            if (!next)
                fail_msg("the schema has no %.*s", STR_ARG(buf_str(&inner)));
        }
        if (next && (json_member(next, STR("properties")) || json_member(next, STR("items")) ||
                     json_member(next, STR("patternProperties"))))
            check_keys(next, node->kind == NODE_MAP ? node->pairs[i].value : node->items[i],
                       buf_str(&inner));
        buf_free(&inner);
    }
}

static void the_schema_knows_every_key_of_ours(void **state)
{
    (void)state;
    Err err;
    Buf text = BUF(COMPONENT_PAGE_MAX);
    Arena *arena = arena_new(256 << 20, &err);
    JsonWriter json = json_writer(&text);
    component_schema(registry, &json);
    assert_true(json_done(&json, &err));
    const JsonValue *schema = json_tree(buf_str(&text), arena, &err);
    if (!schema)
        fail_msg("%s", err.text);
    DIR *folder = opendir("configs");
    assert_non_null(folder);
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char path[512];
        Problems problems;
        if (!str_ends(str_from(entry->d_name), STR(".yaml")))
            continue;
        snprintf(path, sizeof path, "configs/%s", entry->d_name);
        problems_init(&problems, arena);
        const Node *root = yaml_read(disk_system(), path, arena, &problems);
        assert_non_null(root);
        check_keys(schema, root, str_from(entry->d_name));
        count++;
    }
    closedir(folder);
    assert_true(count > 2);
    assert_null(schema_of(schema, STR("reciever")));
    assert_null(schema_of(schema_of(schema, STR("receivers")), STR("otpl")));
    assert_non_null(schema_of(schema_of(schema, STR("exporters")), STR("logging/a")));
    arena_free(arena);
    buf_free(&text);
}

/* ---- the list -----------------------------------------------------------------------------------
 */

static void every_component_is_listed(void **state)
{
    (void)state;
    Err err;
    Buf list = BUF(COMPONENT_PAGE_MAX), all = BUF(COMPONENT_PAGE_MAX);
    Arena *arena = arena_new(256 << 20, &err);
    JsonWriter json = json_writer(&all);
    component_list(registry, &list);
    component_list_json(registry, &json);
    assert_true(json_done(&json, &err));
    const JsonValue *rows = json_tree(buf_str(&all), arena, &err);
    assert_non_null(rows);
    for (size_t i = 0; registry[i]; i++) {
        Buf page = BUF(COMPONENT_PAGE_MAX);
        const JsonValue *row = json_element(rows, i);
        assert_true(str_contains(buf_str(&list), str_from(registry[i]->summary)));
        assert_true(
            str_eq(json_text_of(json_member(row, STR("name"))), str_from(registry[i]->name)));
        assert_non_null(json_member(json_member(row, STR("settings")), STR("properties")));
        assert_true(component_page(registry, str_from(registry[i]->name), &page, &err));
        assert_true(str_contains(buf_str(&page), str_from(registry[i]->summary)));
        buf_free(&page);
    }
    assert_false(component_page(registry, STR("bacth"), &list, &err));
    assert_string_equal(err.text, "there is no component \"bacth\"; did you mean \"batch\" "
                                  "(cryostorm components lists all)");
    arena_free(arena);
    buf_free(&list);
    buf_free(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_setting_is_explained),
        cmocka_unit_test(paths_lead_to_settings),
        cmocka_unit_test(the_schema_knows_every_key_of_ours),
        cmocka_unit_test(every_component_is_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
