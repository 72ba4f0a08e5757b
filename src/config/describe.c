/* describe.c - the reference page and the JSON schema of a table; see describe.h. */
#include "config/describe.h"

#include "config/value_internal.h"

enum { PATH_MAX_BYTES = 1024 };

/* What a type is called on the page, and which JSON types a schema allows for it. A plain YAML
 * number or switch is good text too. */
static const struct {
    const char *name;
    const char *json[4];
} types[] = {
    [CONFIG_BOOL] = { "switch", { "boolean", "string", "null" } },
    [CONFIG_COUNT] = { "count", { "integer", "string", "null" } },
    [CONFIG_INT] = { "integer", { "integer", "string", "null" } },
    [CONFIG_NUMBER] = { "number", { "number", "string", "null" } },
    [CONFIG_DURATION] = { "duration", { "string", "integer", "null" } },
    [CONFIG_SIZE] = { "size", { "integer", "string", "null" } },
    [CONFIG_TEXT] = { "text", { "string", "number", "boolean", "null" } },
    [CONFIG_SECRET] = { "secret", { "string", "number", "boolean", "null" } },
    [CONFIG_CHOICE] = { "choice", { "string", "null" } },
    [CONFIG_ANY] = { "anything", { NULL } },
    [CONFIG_SECTION] = { "section", { "object", "string", "null" } },
    [CONFIG_OPTIONAL_SECTION] = { "optional section", { "object", "string", "null" } },
    [CONFIG_LIST] = { "list", { "array", "string", "null" } },
    [CONFIG_MAP] = { "map", { "object", "string", "null" } },
    [CONFIG_RETIRED] = { "retired", { NULL } },
    [CONFIG_IGNORED] = { "no effect", { NULL } },
    [CONFIG_LATER] = { "not yet", { NULL } },
};

const char *config_type_name(ConfigType type)
{
    return types[type].name;
}

static bool has_member(const ConfigField *field)
{
    return field->type != CONFIG_RETIRED && field->type != CONFIG_IGNORED &&
           field->type != CONFIG_LATER;
}

static bool is_nested(const ConfigField *field)
{
    return field->type == CONFIG_SECTION || field->type == CONFIG_OPTIONAL_SECTION;
}

/* ---- the page ------------------------------------------------------------------------------- */

/* Text inside a cell: a bar would end it. */
static void cell(Buf *out, Str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '|')
            buf_add_byte(out, '\\');
        buf_add_byte(out, text.ptr[i] == '\n' ? ' ' : text.ptr[i]);
    }
}

static void preset_cell(const ConfigField *field, Buf *out)
{
    if (!has_member(field) || is_nested(field) || field->type == CONFIG_ANY)
        return;
    if (!field->preset) {
        buf_add(out, STR("required"));
    } else if (*field->preset) {
        buf_add_byte(out, '`');
        cell(out, str_from(field->preset));
        buf_add_byte(out, '`');
    }
}

static void range_cell(const ConfigField *field, Buf *out)
{
    for (size_t i = 0; field->choices && field->choices[i]; i++)
        buf_addf(out, "%s`%s`", i ? ", " : "", field->choices[i]);
    range_write(field, out);
}

static void type_cell(const ConfigField *field, Buf *out)
{
    buf_add(out, str_from(types[field->type].name));
    if (field->item)
        buf_addf(out, " of %ss", types[field->item].name);
}

static void docs_row(const ConfigField *field, Str path, Buf *out)
{
    buf_add(out, STR("| `"));
    cell(out, path);
    buf_add(out, STR("` | "));
    type_cell(field, out);
    buf_add(out, STR(" | "));
    preset_cell(field, out);
    buf_add(out, STR(" | "));
    range_cell(field, out);
    buf_add(out, STR(" | "));
    cell(out, str_from(field->help));
    if (field->also) {
        buf_add(out, STR(" Older name: "));
        cell(out, str_from(field->also));
        buf_add_byte(out, '.');
    }
    buf_add(out, STR(" |\n"));
}

static void docs_table(const ConfigField *table, Str prefix, size_t depth, Buf *out)
{
    for (const ConfigField *field = table; field->type && depth < DESCRIBE_DEPTH_MAX; field++) {
        Buf path = BUF(PATH_MAX_BYTES);
        buf_add(&path, prefix);
        buf_add(&path, str_from(config_key(field)));
        docs_row(field, buf_str(&path), out);
        if (field->type == CONFIG_LIST)
            buf_add(&path, STR("[]"));
        else if (field->type == CONFIG_MAP)
            buf_add(&path, STR(".<key>"));
        buf_add_byte(&path, '.');
        if (field->table)
            docs_table(field->table, buf_str(&path), depth + 1, out);
        out->failed = out->failed || path.failed;
        buf_free(&path);
    }
}

void config_docs(const ConfigField *table, Buf *out)
{
    buf_add(out, STR("| key | type | default | range | meaning |\n|---|---|---|---|---|\n"));
    docs_table(table, STR(""), 0, out);
}

/* ---- the schema ----------------------------------------------------------------------------- */

static void schema_table(const ConfigField *table, JsonWriter *json, size_t depth);

static void pair(JsonWriter *json, Str key, Str text)
{
    json_key(json, key);
    json_text(json, text);
}

/* Patterns look at texts only, bounds at numbers only: a type that may be both has both. */
static void schema_pattern(ConfigType type, JsonWriter *json)
{
    static const Str variable = STR_ROW("\\$\\{.+\\}");
    static const Str duration =
        STR_ROW("^[+-]?(0|([0-9]+\\.?[0-9]*|\\.[0-9]+)(ns|us|µs|ms|s|m|h))+$|\\$\\{.+\\}");
    static const Str size = STR_ROW("^[0-9]+ *([KMGTkmgt]i?[Bb]?|[Bb])?$|\\$\\{.+\\}");
    if (type == CONFIG_BOOL || type == CONFIG_COUNT || type == CONFIG_INT ||
        type == CONFIG_NUMBER || type == CONFIG_SECTION || type == CONFIG_OPTIONAL_SECTION ||
        type == CONFIG_MAP)
        pair(json, STR("pattern"), variable);
    else if (type == CONFIG_DURATION)
        pair(json, STR("pattern"), duration);
    else if (type == CONFIG_SIZE)
        pair(json, STR("pattern"), size);
}

static void number(JsonWriter *json, ConfigType type, ConfigValue value)
{
    if (type == CONFIG_NUMBER)
        json_double(json, value.number);
    else if (type == CONFIG_INT)
        json_i64(json, value.whole);
    else
        json_u64(json, value.count);
}

static void schema_bound(const ConfigField *field, ConfigType type, Str key, const char *text,
                         JsonWriter *json)
{
    ConfigValue bound;
    if (!text || !value_parse(field, type, str_from(text), &bound))
        return;
    json_key(json, key);
    number(json, type, bound);
}

static void schema_bounds(const ConfigField *field, ConfigType type, JsonWriter *json)
{
    const char *min = field->min, *max = field->max;
    if (type == CONFIG_DURATION) {
        min = max = "0"; /* the one number that needs no unit */
        type = CONFIG_COUNT;
    }
    if ((type == CONFIG_COUNT || type == CONFIG_SIZE) && !min)
        min = "0";
    if (type == CONFIG_COUNT || type == CONFIG_SIZE || type == CONFIG_INT ||
        type == CONFIG_NUMBER) {
        schema_bound(field, type, STR("minimum"), min, json);
        schema_bound(field, type, STR("maximum"), max, json);
    }
}

static void schema_types(ConfigType type, ConfigType item, JsonWriter *json)
{
    if (!types[type].json[0])
        return;
    json_key(json, STR("type"));
    json_array(json);
    for (size_t i = 0; i < COUNT_OF(types[type].json) && types[type].json[i]; i++)
        if (item != CONFIG_SECTION || !str_eq(str_from(types[type].json[i]), STR("string")))
            json_text(json, str_from(types[type].json[i]));
    json_end(json);
}

static void schema_choices(const ConfigField *field, JsonWriter *json)
{
    json_key(json, STR("anyOf"));
    json_array(json);
    json_object(json);
    json_key(json, STR("enum"));
    json_array(json);
    for (size_t i = 0; field->choices[i]; i++)
        json_text(json, str_from(field->choices[i]));
    json_null(json);
    json_end(json);
    json_end(json);
    json_object(json);
    pair(json, STR("pattern"), STR("\\$\\{.+\\}"));
    json_end(json);
    json_end(json);
}

/* The members of one value's schema, inside an object that is already open. */
static void schema_value(const ConfigField *field, ConfigType type, JsonWriter *json, size_t depth)
{
    schema_types(type, field->type == type ? field->item : CONFIG_NONE, json);
    schema_pattern(type, json);
    schema_bounds(field, type, json);
    if (type == CONFIG_CHOICE)
        schema_choices(field, json);
    if (type == CONFIG_SECTION || type == CONFIG_OPTIONAL_SECTION)
        schema_table(field->table, json, depth + 1);
    if (type != CONFIG_LIST && type != CONFIG_MAP)
        return;
    json_key(json, type == CONFIG_LIST ? STR("items") : STR("additionalProperties"));
    json_object(json);
    schema_value(field, field->item, json, depth);
    json_end(json);
}

static void schema_default(const ConfigField *field, JsonWriter *json)
{
    ConfigValue value;
    if (!type_is_scalar(field->type) || !field->preset || !*field->preset ||
        !value_parse(field, field->type, str_from(field->preset), &value))
        return;
    json_key(json, STR("default"));
    if (field->type == CONFIG_BOOL)
        json_bool(json, value.flag);
    else if (field->type == CONFIG_COUNT || field->type == CONFIG_INT ||
             field->type == CONFIG_NUMBER)
        number(json, field->type, value);
    else
        json_text(json, str_from(field->preset));
}

static void schema_property(const ConfigField *field, Str name, JsonWriter *json, size_t depth)
{
    bool old = !str_eq(name, str_from(config_key(field)));
    json_key(json, name);
    json_object(json);
    pair(json, STR("description"), str_from(field->help));
    if (old || !has_member(field)) {
        json_key(json, STR("deprecated"));
        json_bool(json, true);
    }
    schema_default(field, json);
    schema_value(field, field->type, json, depth);
    json_end(json);
}

static void schema_required(const ConfigField *table, JsonWriter *json)
{
    json_key(json, STR("required"));
    json_array(json);
    for (const ConfigField *field = table; field->type; field++)
        if (!field->preset && !field->also) /* with an older name, either will do */
            json_text(json, str_from(config_key(field)));
    json_end(json);
}

/* The members of a section's schema. A key that comes later is like an unknown one. */
static void schema_table(const ConfigField *table, JsonWriter *json, size_t depth)
{
    if (depth >= DESCRIBE_DEPTH_MAX)
        return;
    json_key(json, STR("properties"));
    json_object(json);
    for (const ConfigField *field = table; field->type; field++) {
        if (field->type == CONFIG_LATER)
            continue;
        schema_property(field, str_from(config_key(field)), json, depth);
        Str rest = str_from(field->also);
        for (Str name; str_split(&rest, ',', &name);)
            schema_property(field, str_trim(name), json, depth);
    }
    json_end(json);
    schema_required(table, json);
    json_key(json, STR("additionalProperties"));
    json_bool(json, false);
}

void config_schema(const ConfigField *table, JsonWriter *json)
{
    json_object(json);
    json_key(json, STR("type"));
    json_array(json);
    json_text(json, STR("object"));
    json_text(json, STR("null"));
    json_end(json);
    schema_table(table, json, 0);
    json_end(json);
}

void config_schema_row(const ConfigField *field, JsonWriter *json)
{
    if (field->type != CONFIG_LATER)
        schema_property(field, str_from(config_key(field)), json, 0);
}
