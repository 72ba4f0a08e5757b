/* component_page.c - what the registry says to people, programs and editors; see component_page.h.
 */
#include "cmd/component_page.h"

#include "config/describe.h"
#include "config/explain.h"
#include "pipe/service_config.h"

static const ConfigField no_fields[] = { { 0 } };
static const ComponentKind kinds[] = { RECEIVER, PROCESSOR, EXPORTER, CONNECTOR, EXTENSION };

static const ConfigField *fields_of(const ComponentType *type)
{
    return type->fields ? type->fields : no_fields;
}

static const char *stability_name(Stability stability)
{
    static const char *const names[] = { "alpha", "beta", "stable" };
    return names[stability];
}

/* ---- the list -----------------------------------------------------------------------------------
 */

static void add_signals(const ComponentType *type, const char *between, Buf *out)
{
    static const Signal signals[] = { TRACES, METRICS, LOGS };
    bool first = true;
    for (size_t i = 0; i < COUNT_OF(signals); i++)
        if (type->signals & signals[i]) {
            buf_addf(out, "%s%.*s", first ? "" : between, STR_ARG(signal_name(signals[i])));
            first = false;
        }
}

static void list_kind(const ComponentType *const *registry, ComponentKind kind, Buf *out)
{
    bool any = false;
    for (const ComponentType *const *type = registry; *type; type++) {
        if ((*type)->kind != kind)
            continue;
        if (!any)
            buf_addf(out, "%s\n", component_kind_section(kind));
        any = true;
        buf_addf(out, "  %-16s %-7s %s", (*type)->name, stability_name((*type)->stability),
                 (*type)->summary);
        if ((*type)->signals) {
            buf_add(out, STR(" [ "));
            add_signals(*type, " ", out);
            buf_add(out, STR(" ]"));
        }
        buf_add_byte(out, '\n');
    }
}

void component_list(const ComponentType *const *registry, Buf *out)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        list_kind(registry, kinds[i], out);
}

/* ---- one component ------------------------------------------------------------------------------
 */

static bool has_name(const ComponentType *type, Str name)
{
    const ComponentType *const alone[] = { type, NULL };
    return component_find(alone, type->kind, name) != NULL;
}

static bool unknown_name(const ComponentType *const *registry, Str name, Err *err)
{
    Nearest nearest = { .given = name };
    for (const ComponentType *const *type = registry; *type; type++)
        nearest_try(&nearest, str_from((*type)->name));
    return fail(err, ERR_INPUT,
                "there is no component \"%.*s\"" NEAREST_FORMAT " (cryostorm components lists all)",
                STR_ARG(str_first(name, 64)), NEAREST_ARG(nearest));
}

static void add_names(const char *title, const char *const *names, Buf *out)
{
    if (!names || !names[0])
        return;
    buf_addf(out, "  %-10s", title);
    for (size_t i = 0; names[i]; i++)
        buf_addf(out, "%s %s", i ? "," : "", names[i]);
    buf_add_byte(out, '\n');
}

static void add_component(const ComponentType *type, Buf *out)
{
    buf_addf(out, "%s.%s\n  %s\n\n  %-10s %s\n", component_kind_section(type->kind), type->name,
             type->summary, "stability", stability_name(type->stability));
    if (type->signals) {
        buf_addf(out, "  %-10s ", "signals");
        add_signals(type, ", ", out);
        buf_add_byte(out, '\n');
    }
    add_names("also", type->aliases, out);
    add_names("older name", type->retired, out);
}

bool component_page(const ComponentType *const *registry, Str name, Buf *out, Err *err)
{
    bool any = false;
    for (const ComponentType *const *type = registry; *type; type++) {
        if (!has_name(*type, name))
            continue;
        if (any)
            buf_add_byte(out, '\n');
        any = true;
        add_component(*type, out);
        buf_add_byte(out, '\n');
        config_docs(fields_of(*type), out);
    }
    return any ? buf_ok(out, err) : unknown_name(registry, name, err);
}

static void json_names(JsonWriter *json, const char *const *names)
{
    json_array(json);
    for (size_t i = 0; names && names[i]; i++)
        json_text(json, str_from(names[i]));
    json_end(json);
}

static void json_component(const ComponentType *type, JsonWriter *json)
{
    static const Signal signals[] = { TRACES, METRICS, LOGS };
    json_object(json);
    json_key(json, STR("name")), json_text(json, str_from(type->name));
    json_key(json, STR("kind")), json_text(json, str_from(component_kind_name(type->kind)));
    json_key(json, STR("stability"));
    json_text(json, str_from(stability_name(type->stability)));
    json_key(json, STR("summary")), json_text(json, str_from(type->summary));
    json_key(json, STR("signals"));
    json_array(json);
    for (size_t i = 0; i < COUNT_OF(signals); i++)
        if (type->signals & signals[i])
            json_text(json, signal_name(signals[i]));
    json_end(json);
    json_key(json, STR("aliases")), json_names(json, type->aliases);
    json_key(json, STR("retired")), json_names(json, type->retired);
    json_key(json, STR("settings")), config_schema(fields_of(type), json);
    json_end(json);
}

void component_list_json(const ComponentType *const *registry, JsonWriter *json)
{
    json_array(json);
    for (const ComponentType *const *type = registry; *type; type++)
        json_component(*type, json);
    json_end(json);
}

/* ---- one setting --------------------------------------------------------------------------------
 */

typedef struct Explaining {
    const ComponentType *const *registry;
    Buf *out;
    Err *err;
    size_t found;
} Explaining;

static void unknown_key(Explaining *explaining, Str path, const ConfigFound *found)
{
    if (explaining->err->kind != ERR_NONE && !found->nearest.name.len)
        return; /* another component of the name may have had one that is near */
    fail(explaining->err, ERR_INPUT, "%.*s: there is no \"%.*s\"" NEAREST_FORMAT,
         STR_ARG(str_first(path, 100)), STR_ARG(found->wrong), NEAREST_ARG(found->nearest));
}

static void begin_page(Explaining *explaining)
{
    if (explaining->found++)
        buf_add_byte(explaining->out, '\n');
}

/* prefix: "receivers.otlp/a.", in front of rest. */
static void explain_at(Explaining *explaining, Str prefix, const ConfigField *table, Str rest)
{
    ConfigFound found = config_follow(table, rest);
    if (found.wrong.ptr) {
        unknown_key(explaining, prefix.len ? prefix : rest, &found);
        return;
    }
    Buf whole = BUF(2 * EXPLAIN_PATH_MAX);
    buf_add(&whole, prefix);
    buf_add(&whole, str_from(found.path));
    begin_page(explaining);
    config_explain(found.field, buf_str(&whole), explaining->out);
    buf_free(&whole);
}

static void explain_component(Explaining *explaining, const ComponentType *type, Str id, Str rest)
{
    Buf prefix = BUF(EXPLAIN_PATH_MAX);
    buf_addf(&prefix, "%s.%.*s.", component_kind_section(type->kind), STR_ARG(id));
    if (prefix.failed || rest.len >= EXPLAIN_PATH_MAX) {
        fail(explaining->err, ERR_INPUT, "the path is too long");
    } else if (rest.len) {
        explain_at(explaining, buf_str(&prefix), fields_of(type), rest);
    } else {
        begin_page(explaining);
        add_component(type, explaining->out);
        buf_add(explaining->out, STR("\nsettings\n"));
        config_explain_table(fields_of(type), explaining->out);
    }
    buf_free(&prefix);
}

/* service.pipelines.traces.receivers: the id of a pipeline is any. */
static void explain_service(Explaining *explaining, Str path)
{
    static const Str pipelines = STR_ROW("service.pipelines.");
    Str rest = str_skip(path, pipelines.len), id;
    if (!str_starts(path, pipelines)) {
        explain_at(explaining, (Str){ 0 }, service_config_fields, path);
        return;
    }
    str_split(&rest, '.', &id);
    size_t prefix = path.len - rest.len;
    if (rest.len)
        explain_at(explaining, str_first(path, prefix), service_pipeline_fields, rest);
    else
        explain_at(explaining, (Str){ 0 }, service_config_fields, STR("service.pipelines"));
}

/* The kind that a word means; COMPONENT_KIND_COUNT: none. */
static int kind_of(Str word)
{
    for (int kind = 0; kind < COMPONENT_KIND_COUNT; kind++)
        if (str_eq(word, str_from(component_kind_section((ComponentKind)kind))) ||
            str_eq(word, str_from(component_kind_name((ComponentKind)kind))))
            return kind;
    return COMPONENT_KIND_COUNT;
}

static void explain_components(Explaining *explaining, int kind, Str path)
{
    Str rest = path, id, name, slashed;
    if (!str_split(&rest, '.', &id))
        id = path;
    slashed = id;
    if (!str_split(&slashed, '/', &name))
        name = id;
    bool known = false;
    for (const ComponentType *const *type = explaining->registry; *type; type++) {
        bool meant = kind == COMPONENT_KIND_COUNT || (int)(*type)->kind == kind;
        if (!meant || !has_name(*type, name))
            continue;
        known = true;
        explain_component(explaining, *type, id, rest);
    }
    if (!known)
        unknown_name(explaining->registry, name, explaining->err);
}

bool component_explain(const ComponentType *const *registry, Str path, Buf *out, Err *err)
{
    Explaining explaining = { .registry = registry, .out = out, .err = err };
    Str rest = path, first = path;
    str_split(&rest, '.', &first);
    int kind = kind_of(first);
    if (str_eq(first, STR("service")) || (kind < COMPONENT_KIND_COUNT && !rest.len))
        explain_service(&explaining, path);
    else
        explain_components(&explaining, kind, kind < COMPONENT_KIND_COUNT ? rest : path);
    return explaining.found > 0 && buf_ok(out, err);
}

/* ---- the schema of the file ---------------------------------------------------------------------
 */

static void text_pair(JsonWriter *json, Str key, Str text)
{
    json_key(json, key);
    json_text(json, text);
}

static void object_or_null(JsonWriter *json)
{
    json_key(json, STR("type"));
    json_array(json);
    json_text(json, STR("object"));
    json_text(json, STR("null"));
    json_end(json);
}

static void closed(JsonWriter *json)
{
    json_key(json, STR("additionalProperties"));
    json_bool(json, false);
}

/* "^otlp(/.+)?$" */
static void schema_component(const ComponentType *type, const char *name, JsonWriter *json)
{
    Buf pattern = BUF(256);
    buf_addf(&pattern, "^ *%s *(/.+)?$", name);
    json_key(json, buf_str(&pattern));
    config_schema(fields_of(type), json);
    buf_free(&pattern);
}

static void schema_kind(const ComponentType *const *registry, const ConfigField *section,
                        ComponentKind kind, JsonWriter *json)
{
    json_key(json, str_from(config_key(section)));
    json_object(json);
    text_pair(json, STR("description"), str_from(section->help));
    object_or_null(json);
    json_key(json, STR("patternProperties"));
    json_object(json);
    for (const ComponentType *const *type = registry; *type; type++) {
        if ((*type)->kind != kind)
            continue;
        schema_component(*type, (*type)->name, json);
        for (size_t i = 0; (*type)->aliases && (*type)->aliases[i]; i++)
            schema_component(*type, (*type)->aliases[i], json);
        for (size_t i = 0; (*type)->retired && (*type)->retired[i]; i++)
            schema_component(*type, (*type)->retired[i], json);
    }
    json_end(json);
    closed(json);
    json_end(json);
}

/* A list of ids, or "a, b". */
static void schema_ids(const ConfigField *field, JsonWriter *json)
{
    json_key(json, str_from(config_key(field)));
    json_object(json);
    text_pair(json, STR("description"), str_from(field->help));
    json_key(json, STR("type"));
    json_array(json);
    json_text(json, STR("array"));
    json_text(json, STR("string"));
    json_text(json, STR("null"));
    json_end(json);
    json_key(json, STR("items"));
    json_object(json);
    text_pair(json, STR("type"), STR("string"));
    json_end(json);
    json_end(json);
}

static void schema_pipelines(const ConfigField *field, JsonWriter *json)
{
    json_key(json, str_from(config_key(field)));
    json_object(json);
    text_pair(json, STR("description"), str_from(field->help));
    text_pair(json, STR("type"), STR("object"));
    json_key(json, STR("patternProperties"));
    json_object(json);
    json_key(json, STR("^ *(traces|metrics|logs) *(/.+)?$"));
    json_object(json);
    text_pair(json, STR("type"), STR("object"));
    json_key(json, STR("properties"));
    json_object(json);
    for (const ConfigField *row = service_pipeline_fields; row->type; row++)
        schema_ids(row, json);
    json_end(json);
    closed(json); /* nothing is required: another source may bring the rest */
    json_end(json);
    json_end(json);
    closed(json);
    json_end(json);
}

static void schema_service(const ConfigField *service, JsonWriter *json)
{
    json_key(json, str_from(config_key(service)));
    json_object(json);
    text_pair(json, STR("description"), str_from(service->help));
    text_pair(json, STR("type"), STR("object"));
    json_key(json, STR("properties"));
    json_object(json);
    for (const ConfigField *row = service->table; row->type; row++) {
        if (row->type != CONFIG_ANY)
            config_schema_row(row, json);
        else if (str_eq(str_from(config_key(row)), STR("pipelines")))
            schema_pipelines(row, json);
        else
            schema_ids(row, json);
    }
    json_end(json);
    closed(json);
    json_end(json);
}

void component_schema(const ComponentType *const *registry, JsonWriter *json)
{
    json_object(json);
    text_pair(json, STR("$schema"), STR("https://json-schema.org/draft/2020-12/schema"));
    text_pair(json, STR("title"), STR("A configuration of cryostorm"));
    text_pair(json, STR("type"), STR("object"));
    json_key(json, STR("properties"));
    json_object(json);
    for (const ConfigField *row = service_config_fields; row->type; row++) {
        int kind = kind_of(str_from(config_key(row)));
        if (kind < COMPONENT_KIND_COUNT)
            schema_kind(registry, row, (ComponentKind)kind, json);
        else
            schema_service(row, json);
    }
    json_end(json);
    closed(json);
    json_end(json);
}
