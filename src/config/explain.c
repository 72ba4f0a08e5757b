/* explain.c - one setting of a table, told to a person; see explain.h. */
#include "config/explain.h"

#include "config/describe.h"
#include "config/value_internal.h"

#include <stdio.h>
#include <string.h>

enum { STEP = 2, EXAMPLE_ROWS = 4, EXAMPLE_DEPTH = 8, KEY_COLUMNS = 28, TYPE_COLUMNS = 18 };

/* ---- the way ------------------------------------------------------------------------------------
 */

static bool is_index(Str key)
{
    uint64_t index;
    return str_to_u64(key, &index);
}

static void try_all(const ConfigField *table, Nearest *nearest)
{
    for (const ConfigField *field = table; field->type; field++)
        nearest_try(nearest, str_from(config_key(field)));
}

/* A key with dots in it, such as the name of a metric, is in quotes. */
static void add_step(ConfigFound *found, const char *before, Str key)
{
    size_t len = strlen(found->path);
    const char *quote = str_contains(key, STR(".")) ? "\"" : "";
    snprintf(found->path + len, sizeof found->path - len, "%s%s%.*s%s", len ? before : "", quote,
             STR_ARG(key), quote);
}

/* The whole of a name of the table that has dots in it; else 0. */
static size_t dotted_len(const ConfigField *table, Str path)
{
    for (const ConfigField *field = table; field && field->type; field++) {
        Str name = str_from(config_key(field));
        if (str_contains(name, STR(".")) && str_starts(path, name) &&
            (path.len == name.len || path.ptr[name.len] == '.'))
            return name.len;
    }
    return 0;
}

/* Cuts the next key off: one in quotes, one of the table, or what stands before the next dot. */
static bool next_key(const ConfigField *table, Str *path, Str *key)
{
    size_t dotted = dotted_len(table, *path);
    if (dotted) {
        *key = str_first(*path, dotted);
        *path = dotted < path->len ? str_skip(*path, dotted + 1) : (Str){ 0 };
        return true;
    }
    if (!str_starts(*path, STR("\"")))
        return str_split(path, '.', key);
    *path = str_skip(*path, 1);
    bool any = str_split(path, '"', key);
    *path = path->len ? str_skip(*path, 1) : (Str){ 0 };
    return any;
}

ConfigFound config_follow(const ConfigField *table, Str path)
{
    ConfigFound found = { .table = table };
    for (Str key; next_key(found.table, &path, &key);) {
        if (found.field && found.field->type == CONFIG_LIST)
            add_step(&found, "[]", STR(""));
        bool of_map = found.field && found.field->type == CONFIG_MAP;
        if (of_map)
            add_step(&found, ".", key);
        if (of_map || (found.field && found.field->type == CONFIG_LIST && is_index(key))) {
            if (!str_split(&path, '.', &key))
                break; /* an element of it, which the row describes */
        }
        if (str_ends(key, STR("[]")))
            key.len -= 2;
        const ConfigField *field = found.table ? config_find(found.table, key) : NULL;
        if (!field) {
            found.wrong = key;
            found.nearest = (Nearest){ .given = key };
            if (found.table)
                try_all(found.table, &found.nearest);
            return found;
        }
        add_step(&found, ".", str_from(config_key(field)));
        found.field = field;
        found.table = field->table;
    }
    return found;
}

/* ---- the example --------------------------------------------------------------------------------
 */

static void indent(Buf *out, size_t columns)
{
    for (size_t i = 0; i < columns; i++)
        buf_add_byte(out, ' ');
}

/* The first of what people write that the row's own rule takes. */
static Str sample_text(const ConfigField *field)
{
    static const Str samples[] = { STR_ROW("localhost:4317"), STR_ROW("http://localhost:4318"),
                                   STR_ROW("/var/lib/cryostorm/file"), STR_ROW("text"),
                                   STR_ROW("INFO") };
    Err unused;
    for (size_t i = 0; field->check && i < COUNT_OF(samples); i++)
        if (field->check(samples[i], &unused))
            return samples[i];
    return field->check ? (Str){ 0 } : samples[field->path ? 2 : 3];
}

/* A value that the row takes: its preset where it has one. */
static void sample(const ConfigField *field, ConfigType type, Buf *out)
{
    const char *preset = field->type == type && field->preset ? field->preset : "";
    bool quoted = type == CONFIG_TEXT || type == CONFIG_SECRET;
    if (*preset)
        buf_addf(out, quoted ? "\"%s\"" : "%s", preset);
    else if (type == CONFIG_BOOL)
        buf_add(out, STR("true"));
    else if (type == CONFIG_COUNT || type == CONFIG_INT || type == CONFIG_NUMBER)
        buf_add(out, str_from(field->min ? field->min : "1"));
    else if (type == CONFIG_DURATION)
        buf_add(out, str_from(field->max ? field->max : "5s"));
    else if (type == CONFIG_SIZE)
        buf_add(out, str_from(field->max ? field->max : "4MiB"));
    else if (type == CONFIG_CHOICE)
        buf_addf(out, "%s", *field->choices[0] ? field->choices[0] : field->choices[1]);
    else if (type == CONFIG_SECRET)
        buf_add(out, STR("\"${env:SECRET}\""));
    else if (field->item == CONFIG_NONE && !sample_text(field).len)
        buf_add(out, STR("\"\""));
    else
        buf_add(out, sample_text(field)); /* none: an empty list */
}

static void example_value(const ConfigField *field, size_t columns, size_t depth, Buf *out);

static bool can_be_shown(const ConfigField *field)
{
    return field->type != CONFIG_RETIRED && field->type != CONFIG_IGNORED &&
           field->type != CONFIG_LATER;
}

static void example_rows(const ConfigField *table, size_t columns, size_t depth, Buf *out)
{
    size_t shown = 0;
    for (const ConfigField *field = table; field->type && depth < EXAMPLE_DEPTH; field++) {
        bool wanted = !field->preset || shown < EXAMPLE_ROWS;
        if (!can_be_shown(field) || !wanted)
            continue;
        indent(out, columns);
        buf_addf(out, "%s:", config_key(field));
        example_value(field, columns + STEP, depth + 1, out);
        shown++;
    }
}

/* What stands behind the colon, its line end included. */
static void example_value(const ConfigField *field, size_t columns, size_t depth, Buf *out)
{
    switch (field->type) {
    case CONFIG_SECTION:
    case CONFIG_OPTIONAL_SECTION:
        buf_add_byte(out, '\n');
        example_rows(field->table, columns, depth, out);
        return;
    case CONFIG_ANY: buf_add(out, STR(" {}\n")); return;
    case CONFIG_LIST:
    case CONFIG_MAP: break;
    case CONFIG_NONE:
    case CONFIG_BOOL:
    case CONFIG_COUNT:
    case CONFIG_INT:
    case CONFIG_NUMBER:
    case CONFIG_DURATION:
    case CONFIG_SIZE:
    case CONFIG_TEXT:
    case CONFIG_SECRET:
    case CONFIG_CHOICE:
    case CONFIG_RETIRED:
    case CONFIG_IGNORED:
    case CONFIG_LATER:
        buf_add_byte(out, ' ');
        sample(field, field->type, out);
        buf_add_byte(out, '\n');
        return;
    }
    bool list = field->type == CONFIG_LIST;
    if (field->item == CONFIG_SECTION) {
        buf_add_byte(out, '\n');
        indent(out, columns);
        buf_add(out, list ? STR("-\n") : STR("name:\n"));
        example_rows(field->table, columns + STEP, depth, out);
    } else if (list && field->preset && *field->preset) {
        buf_addf(out, " [%s]\n", field->preset);
    } else {
        buf_add(out, list ? STR(" [") : STR(" { name: "));
        sample(field, field->item, out);
        buf_add(out, list ? STR("]\n") : STR(" }\n"));
    }
}

/* The keys of the path, one below the other. */
static void write_example(const ConfigField *field, Str path, Buf *out)
{
    size_t columns = STEP;
    for (Str key; next_key(NULL, &path, &key);) {
        bool element = str_ends(key, STR("[]"));
        key.len -= element ? 2 : 0;
        indent(out, columns);
        buf_addf(out, "%.*s:", STR_ARG(key));
        columns += STEP;
        if (path.len)
            buf_add_byte(out, '\n');
        if (!element)
            continue;
        indent(out, columns);
        buf_add(out, STR("-\n"));
        columns += STEP;
    }
    if (can_be_shown(field))
        example_value(field, columns, 0, out);
    else
        buf_add_byte(out, '\n');
}

/* ---- the page -----------------------------------------------------------------------------------
 */

static void write_type(const ConfigField *field, Buf *out)
{
    bool is_group = field->type == CONFIG_LIST || field->type == CONFIG_MAP;
    if (field->type == CONFIG_RETIRED || field->type == CONFIG_IGNORED ||
        field->type == CONFIG_LATER) {
        buf_add(out, field->type == CONFIG_LATER ? STR("not supported yet; it is refused")
                                                 : STR("accepted, without any effect"));
        return;
    }
    type_write(field, field->type, out);
    if (!is_group)
        return;
    buf_add(out, STR(" of "));
    if (field->item == CONFIG_SECTION)
        buf_add(out, STR("maps of settings"));
    else
        type_write(field, field->item, out);
}

static void line(Buf *out, const char *name, Str text)
{
    if (text.len)
        buf_addf(out, "  %-10s %.*s\n", name, STR_ARG(text));
}

static bool has_preset(const ConfigField *field)
{
    return can_be_shown(field) && field->type != CONFIG_SECTION &&
           field->type != CONFIG_OPTIONAL_SECTION && field->type != CONFIG_ANY &&
           field->type != CONFIG_MAP;
}

void config_explain(const ConfigField *field, Str path, Buf *out)
{
    Buf text = BUF(1 << 12);
    buf_addf(out, "%.*s\n  %s\n\n", STR_ARG(path), field->help);
    write_type(field, &text);
    line(out, "type", buf_str(&text));
    if (field->type == CONFIG_OPTIONAL_SECTION)
        line(out, "default", STR("not there; the key alone, without a value, is enough"));
    else if (has_preset(field))
        line(out, "default",
             !field->preset   ? STR("none: it must be given")
             : *field->preset ? str_from(field->preset)
                              : STR("empty"));
    buf_free(&text);
    text = BUF(1 << 12);
    range_write(field, &text);
    line(out, "range", buf_str(&text));
    line(out, "older name", str_from(field->also));
    buf_free(&text);
    if (field->table) {
        buf_add(out, STR("\nsettings\n"));
        config_explain_table(field->table, out);
    }
    if (!can_be_shown(field) || field->type == CONFIG_ANY)
        return;
    buf_add(out, STR("\nexample\n"));
    write_example(field, path, out);
}

void config_explain_table(const ConfigField *table, Buf *out)
{
    for (const ConfigField *field = table; field->type; field++) {
        buf_addf(out, "  %-*s %-*s %s", KEY_COLUMNS, config_key(field), TYPE_COLUMNS,
                 config_type_name(field->type), field->help);
        if (has_preset(field))
            buf_addf(out, " (%s)",
                     !field->preset   ? "required"
                     : *field->preset ? field->preset
                                      : "empty");
        buf_add_byte(out, '\n');
    }
}
