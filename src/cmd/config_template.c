/* config_template.c - a configuration with what each of its keys means; see config_template.h. */
#include "cmd/config_template.h"

#include "cmd/config_print.h"
#include "config/field.h"
#include "pipe/service_config.h"

#include <string.h>

enum { STEP = 2 };

typedef struct Template {
    const ComponentType *const *registry;
    Buf *out;
    bool full;
} Template;

static void indent(const Template *made, size_t columns)
{
    for (size_t i = 0; i < columns; i++)
        buf_add_byte(made->out, ' ');
}

static void end_line(const Template *made, const char *help)
{
    buf_addf(made->out, help ? "  # %s\n" : "\n", help);
}

/* As it was written, in quotes where YAML needs them. */
static void add_scalar(const Template *made, const Node *node)
{
    bool plain = node->text.len > 0 && !node->quoted;
    for (size_t i = 0; i < node->text.len; i++)
        plain = plain && !strchr("{}[],#&*!|>'\"%@`", node->text.ptr[i]);
    if (plain)
        buf_add(made->out, node->text);
    else
        config_print_text(made->out, node->text);
}

/* What no table describes, and lists: on one line. */
static void add_flow(const Template *made, const Node *node)
{
    if (node->kind == NODE_NULL)
        return;
    if (node->kind == NODE_SCALAR) {
        add_scalar(made, node);
        return;
    }
    bool map = node->kind == NODE_MAP;
    buf_add(made->out, map ? STR("{ ") : STR("["));
    for (size_t i = 0; i < node->count; i++) {
        buf_add(made->out, i ? STR(", ") : STR(""));
        if (map) {
            config_print_key(made->out, node->pairs[i].key);
            buf_add(made->out, STR(": "));
        }
        add_flow(made, map ? node->pairs[i].value : node->items[i]);
    }
    buf_add(made->out, map ? STR(" }") : STR("]"));
}

static void add_table(const Template *made, const ConfigField *table, const Node *given,
                      size_t columns);

static bool is_section(const ConfigField *field)
{
    return field->type == CONFIG_SECTION || field->type == CONFIG_OPTIONAL_SECTION;
}

static void add_given(const Template *made, const ConfigField *field, const Node *given,
                      size_t columns)
{
    indent(made, columns);
    buf_addf(made->out, "%s:", config_key(field));
    if (is_section(field)) {
        end_line(made, field->help);
        add_table(made, field->table, given, columns + STEP);
        return;
    }
    if (given->kind != NODE_NULL)
        buf_add_byte(made->out, ' ');
    add_flow(made, given);
    end_line(made, field->help);
}

/* "# timeout: 200ms  # Send whatever ..." */
static void add_missing(const Template *made, const ConfigField *field, size_t columns)
{
    if (field->type == CONFIG_RETIRED || field->type == CONFIG_IGNORED ||
        field->type == CONFIG_LATER)
        return;
    indent(made, columns);
    buf_addf(made->out, "# %s:", config_key(field));
    bool list = field->type == CONFIG_LIST;
    if (field->preset && *field->preset)
        buf_addf(made->out, list ? " [%s]" : " %s", field->preset);
    end_line(made, field->help);
}

static void add_table(const Template *made, const ConfigField *table, const Node *given,
                      size_t columns)
{
    for (const ConfigField *field = table; field->type; field++) {
        const Node *value = node_get(given, str_from(config_key(field)));
        if (value)
            add_given(made, field, value, columns);
        else if (made->full)
            add_missing(made, field, columns);
    }
}

static void add_components(const Template *made, ComponentKind kind, const Node *section)
{
    for (size_t i = 0; i < section->count; i++) {
        const NodePair *pair = &section->pairs[i];
        ComponentId id;
        Err err;
        const ComponentType *type = component_id_parse(pair->key, &id, &err)
                                        ? component_find(made->registry, kind, id.type)
                                        : NULL;
        indent(made, STEP);
        config_print_key(made->out, pair->key);
        buf_add_byte(made->out, ':');
        end_line(made, type ? type->summary : NULL);
        if (type && type->fields)
            add_table(made, type->fields, pair->value, 2 * (size_t)STEP);
    }
}

static void add_pipelines(const Template *made, const Node *pipelines)
{
    for (size_t i = 0; i < pipelines->count; i++) {
        indent(made, 2 * (size_t)STEP);
        config_print_key(made->out, pipelines->pairs[i].key);
        buf_add(made->out, STR(":\n"));
        for (const ConfigField *row = service_pipeline_fields; row->type; row++) {
            const Node *ids = node_get(pipelines->pairs[i].value, str_from(config_key(row)));
            if (ids) /* what the rows mean is said once */
                add_given(made,
                          &(ConfigField){ .key = row->key,
                                          .name = row->name,
                                          .type = row->type,
                                          .help = i ? NULL : row->help },
                          ids, 3 * (size_t)STEP);
        }
    }
}

static void add_service(const Template *made, const ConfigField *service, const Node *given)
{
    for (const ConfigField *row = service->table; row->type; row++) {
        const Node *value = node_get(given, str_from(config_key(row)));
        bool pipelines = str_eq(str_from(config_key(row)), STR("pipelines"));
        if (pipelines && value) {
            indent(made, STEP);
            buf_add(made->out, STR("pipelines:"));
            end_line(made, row->help);
            add_pipelines(made, value);
        } else if (value) {
            add_given(made, row, value, STEP);
        } else if (made->full) {
            add_missing(made, row, STEP);
        }
    }
}

void config_template(const ComponentType *const *registry, const Node *root, bool full, Buf *out)
{
    const Template made = { registry, out, full };
    for (const ConfigField *row = service_config_fields; row->type; row++) {
        const Node *section = node_get(root, str_from(config_key(row)));
        if (!section)
            continue;
        if (out->len)
            buf_add_byte(out, '\n');
        buf_addf(out, "%s:", config_key(row));
        end_line(&made, row->help);
        bool is_service = row->type != CONFIG_ANY;
        for (int kind = 0; !is_service && kind < COMPONENT_KIND_COUNT; kind++)
            if (str_eq(str_from(config_key(row)),
                       str_from(component_kind_section((ComponentKind)kind))))
                add_components(&made, (ComponentKind)kind, section);
        if (is_service)
            add_service(&made, row, section);
    }
}
