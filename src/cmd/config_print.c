/* config_print.c - a whole configuration as what it came to; see config_print.h.
 *
 * JSON is made of the YAML, read again: so both say the same.
 */
#include "cmd/config_print.h"

#include "codec/json.h"
#include "config/effective.h"
#include "config/yaml.h"

enum { SERVICE_ROWS_MAX = 16, INDENT = 2 };

/* JSON's text is YAML's in double quotes. */
void config_print_text(Buf *out, Str text)
{
    JsonWriter json = json_writer(out);
    json_text(&json, text);
}

void config_print_key(Buf *out, Str key)
{
    bool plain = key.len > 0;
    for (size_t i = 0; i < key.len; i++) {
        char c = key.ptr[i];
        plain = plain && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (i && ((c >= '0' && c <= '9') || c == '_' || c == '/' || c == '.')) ||
                          (i && c == '-'));
    }
    if (plain)
        buf_add(out, key);
    else
        config_print_text(out, key);
}

static void indent(Buf *out, size_t columns)
{
    for (size_t i = 0; i < columns; i++)
        buf_add_byte(out, ' ');
}

static void print_component(const ComponentConfig *component, bool origins, Buf *out)
{
    static const Node nothing = { .kind = NODE_NULL };
    indent(out, INDENT);
    config_print_key(out, component->id);
    bool empty = !component->type->fields || !component->type->fields->type;
    buf_add(out, empty ? STR(": {}") : STR(":"));
    if (origins && !component->used)
        buf_add(out, STR("  # not started: nothing uses it"));
    buf_add_byte(out, '\n');
    if (!empty)
        config_print(component->type->fields, component->settings,
                     origins ? component->node ? component->node : &nothing : NULL, 2 * INDENT,
                     out);
}

static void print_components(const ServiceConfig *config, ComponentKind kind, bool origins,
                             Buf *out)
{
    const ComponentList *list = &config->defined[kind];
    if (list->count)
        buf_addf(out, "%s:\n", component_kind_section(kind));
    for (size_t i = 0; i < list->count; i++)
        print_component(list->items[i], origins, out);
}

static void print_ids(const char *key, const ComponentList *list, size_t columns, Buf *out)
{
    indent(out, columns);
    buf_addf(out, "%s: [", key);
    for (size_t i = 0; i < list->count; i++) {
        buf_add(out, i ? STR(", ") : STR(""));
        config_print_key(out, list->items[i]->id);
    }
    buf_add(out, STR("]\n"));
}

static void print_pipelines(const ServiceConfig *config, Buf *out)
{
    indent(out, INDENT);
    buf_add(out, STR("pipelines:\n"));
    for (size_t i = 0; i < config->pipeline_count; i++) {
        const PipelineConfig *pipeline = &config->pipelines[i];
        indent(out, 2 * INDENT);
        config_print_key(out, pipeline->id);
        buf_add(out, STR(":\n"));
        print_ids("receivers", &pipeline->receivers, 3 * INDENT, out);
        print_ids("processors", &pipeline->processors, 3 * INDENT, out);
        print_ids("exporters", &pipeline->exporters, 3 * INDENT, out);
    }
}

/* The rows of the section service that are settings, and not lists of components. */
static void print_service_rows(const LoadedConfig *config, bool origins, Buf *out)
{
    static const Node nothing = { .kind = NODE_NULL };
    const ConfigField *service = config_find(service_config_fields, STR("service"));
    ConfigField rows[SERVICE_ROWS_MAX] = { { 0 } };
    size_t count = 0;
    for (const ConfigField *row = service->table; row->type && count + 1 < COUNT_OF(rows); row++)
        if (row->type != CONFIG_ANY)
            rows[count++] = *row;
    const Node *tree = node_get(config->root, STR("service"));
    config_print(rows, (const char *)config->service->sections + service->offset,
                 origins ? tree ? tree : &nothing : NULL, INDENT, out);
}

bool config_print_yaml(const LoadedConfig *config, bool origins, Buf *out, Err *err)
{
    static const ComponentKind kinds[] = { RECEIVER, PROCESSOR, EXPORTER, CONNECTOR, EXTENSION };
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        print_components(config->service, kinds[i], origins, out);
    buf_add(out, STR("service:\n"));
    print_ids("extensions", &config->service->extensions, INDENT, out);
    print_service_rows(config, origins, out);
    print_pipelines(config->service, out);
    return buf_ok(out, err);
}

/* ---- JSON ---------------------------------------------------------------------------------------
 */

/* A number as JSON writes it: YAML has more ways. */
static bool is_json_number(Str text)
{
    double number;
    bool digits = true;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        digits = digits && ((c >= '0' && c <= '9') || c == '.' || c == 'e' || c == '+' || c == '-');
    }
    bool leads = text.len > 1 && text.ptr[0] == '0' && text.ptr[1] >= '0' && text.ptr[1] <= '9';
    return digits && !leads && !str_starts(text, STR(".")) && !str_starts(text, STR("+")) &&
           !str_ends(text, STR(".")) && str_to_double(text, &number);
}

static void write_node(const Node *node, JsonWriter *json)
{
    switch (node->kind) {
    case NODE_NULL: json_null(json); return;
    case NODE_SCALAR:
        if (!node->quoted && str_eq(node->text, STR("true")))
            json_bool(json, true);
        else if (!node->quoted && str_eq(node->text, STR("false")))
            json_bool(json, false);
        else if (!node->quoted && is_json_number(node->text))
            json_raw(json, node->text);
        else
            json_text(json, node->text);
        return;
    case NODE_LIST: json_array(json); break;
    case NODE_MAP: json_object(json); break;
    }
    for (size_t i = 0; i < node->count; i++) {
        if (node->kind == NODE_MAP)
            json_key(json, node->pairs[i].key);
        write_node(node->kind == NODE_MAP ? node->pairs[i].value : node->items[i], json);
    }
    json_end(json);
}

bool config_print_json(const LoadedConfig *config, Buf *out, Err *err)
{
    Problems problems;
    Buf yaml = BUF(CONFIG_PRINT_MAX);
    problems_init(&problems, config->arena);
    bool good = config_print_yaml(config, false, &yaml, err);
    const Node *root =
        good ? yaml_parse(buf_str(&yaml), STR("print-config"), config->arena, &problems) : NULL;
    if (good && !root)
        good = problems_ok(&problems, err) && fail(err, ERR_LIMIT, "too large to be printed");
    if (root) {
        JsonWriter json = json_writer(out);
        write_node(root, &json);
        buf_add_byte(out, '\n');
        good = json_done(&json, err) && buf_ok(out, err);
    }
    buf_free(&yaml);
    return good;
}
