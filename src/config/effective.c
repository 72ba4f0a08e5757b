/* effective.c - what a configuration came to; see effective.h. */
#include "config/effective.h"

#include "base/clock.h"
#include "codec/json.h"
#include "config/value_internal.h"

#include <inttypes.h>
#include <string.h>

enum { STEP = 2 };

typedef struct Printer {
    Buf *out;
    size_t indent;
    bool origins;
} Printer;

static void print_section(Printer printer, const ConfigField *table, const char *values,
                          const Node *tree);

static Printer deeper(Printer printer)
{
    printer.indent += STEP;
    return printer;
}

static void indent(Printer printer)
{
    for (size_t i = 0; i < printer.indent; i++)
        buf_add_byte(printer.out, ' ');
}

/* In the largest unit that is exact, or several: 1h30m, 200ms. */
static void write_duration(Buf *out, int64_t nanos)
{
    static const struct {
        uint64_t nanos;
        const char *unit;
    } units[] = {
        { 3600 * (uint64_t)NANOS_PER_SECOND, "h" }, { 60 * (uint64_t)NANOS_PER_SECOND, "m" },
        { (uint64_t)NANOS_PER_SECOND, "s" },        { (uint64_t)NANOS_PER_MILLI, "ms" },
        { (uint64_t)NANOS_PER_MICRO, "us" },        { 1, "ns" },
    };
    if (nanos == 0)
        buf_add(out, STR("0s"));
    if (nanos < 0)
        buf_add_byte(out, '-');
    uint64_t left = nanos < 0 ? -(uint64_t)nanos : (uint64_t)nanos;
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        uint64_t whole = left / units[i].nanos;
        left %= units[i].nanos;
        if (whole)
            buf_addf(out, "%" PRIu64 "%s", whole, units[i].unit);
    }
}

static void write_size(Buf *out, uint64_t bytes)
{
    static const char *const units[] = { "", "KiB", "MiB", "GiB", "TiB" };
    size_t unit = 0;
    while (bytes && bytes % 1024 == 0 && unit + 1 < COUNT_OF(units)) {
        bytes /= 1024;
        unit++;
    }
    buf_addf(out, "%" PRIu64 "%s", bytes, units[unit]);
}

/* Double-quoted, as both YAML and JSON read it. */
static void write_key(Buf *out, Str text)
{
    buf_add_byte(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '"' || c == '\\')
            buf_addf(out, "\\%c", c);
        else if (c < ' ' || c == 0x7f)
            buf_addf(out, "\\u%04x", c);
        else
            buf_add_byte(out, (char)c);
    }
    buf_add_byte(out, '"');
}

/* The same, safe from being expanded when it is read again: ${ is written $${, and $$ is $$$. */
static void write_text(Buf *out, Str text)
{
    Buf escaped = BUF(out->max);
    for (size_t i = 0; i < text.len; i++) {
        bool special = i + 1 < text.len && (text.ptr[i + 1] == '{' || text.ptr[i + 1] == '$');
        if (text.ptr[i] == '$' && special)
            buf_add_byte(&escaped, '$');
        buf_add_byte(&escaped, text.ptr[i]);
    }
    write_key(out, buf_str(&escaped));
    out->failed = out->failed || escaped.failed;
    buf_free(&escaped);
}

static void write_value(Buf *out, const ConfigField *field, ConfigType type, const char *at)
{
    ConfigValue value = { 0 };
    char number[JSON_DOUBLE_SIZE];
    memcpy(&value, at, value_size(type));
    switch (type) {
    case CONFIG_BOOL: buf_add(out, value.flag ? STR("true") : STR("false")); break;
    case CONFIG_COUNT: buf_addf(out, "%" PRIu64, value.count); break;
    case CONFIG_INT: buf_addf(out, "%" PRId64, value.whole); break;
    case CONFIG_NUMBER:
        buf_add(out, (Str){ number, json_double_text(value.number, number) });
        break;
    case CONFIG_DURATION: write_duration(out, value.whole); break;
    case CONFIG_SIZE: write_size(out, value.count); break;
    case CONFIG_CHOICE: buf_add(out, str_from(field->choices[value.choice])); break;
    case CONFIG_TEXT:
        if (value.text.ptr)
            write_text(out, value.text);
        break;
    case CONFIG_SECRET:
        if (value.text.ptr)
            write_text(out, value.text.len ? STR(SECRET_SHOWN) : STR(""));
        break;
    case CONFIG_NONE:
    case CONFIG_ANY:
    case CONFIG_SECTION:
    case CONFIG_OPTIONAL_SECTION:
    case CONFIG_LIST:
    case CONFIG_MAP:
    case CONFIG_RETIRED:
    case CONFIG_IGNORED:
    case CONFIG_LATER: break;
    }
}

/* "  # otel.yaml:6:19" and the end of the line. A variable's default may be a secret: only where
 * the value stands is said of secrets. */
static void end_line(Printer printer, const ConfigField *field, const Node *given)
{
    bool secret = field->type == CONFIG_SECRET || field->item == CONFIG_SECRET;
    if (printer.origins) {
        buf_add(printer.out, STR("  # "));
        if (!given || given->kind == NODE_NULL)
            buf_add(printer.out, STR("preset"));
        else if (given->origin.len && !secret && !str_contains(given->origin, STR("\n")))
            buf_add(printer.out, given->origin);
        else
            place_write(printer.out, given->place);
    }
    buf_add_byte(printer.out, '\n');
}

typedef struct Items { /* of a list or map in the struct */
    const char *first;
    size_t count;
} Items;

static Items items_of(const ConfigField *field, const char *values)
{
    Items items;
    memcpy(&items.first, values + field->offset, sizeof(items.first));
    memcpy(&items.count, values + field->second, sizeof(items.count));
    return items;
}

static void print_scalar_list(Printer printer, const ConfigField *field, Items items,
                              const Node *given)
{
    buf_add(printer.out, STR(" ["));
    for (size_t i = 0; i < items.count; i++) {
        if (i)
            buf_add(printer.out, STR(", "));
        write_value(printer.out, field, field->item, items.first + i * field->item_size);
    }
    buf_add_byte(printer.out, ']');
    end_line(printer, field, given);
}

static void print_section_list(Printer printer, const ConfigField *field, Items items,
                               const Node *given)
{
    if (items.count == 0)
        buf_add(printer.out, STR(" []"));
    end_line(printer, field, given);
    bool paired = given && given->kind == NODE_LIST && given->count == items.count;
    for (size_t i = 0; i < items.count; i++) {
        Printer inner = deeper(printer);
        indent(inner);
        buf_add(inner.out, STR("-\n"));
        print_section(deeper(inner), field->table, items.first + i * field->item_size,
                      paired ? given->items[i] : NULL);
    }
}

static void print_map(Printer printer, const ConfigField *field, Items items, const Node *given)
{
    if (items.count == 0)
        buf_add(printer.out, STR(" {}"));
    end_line(printer, field, given);
    for (size_t i = 0; i < items.count; i++) {
        const char *item = items.first + i * field->item_size;
        Str key;
        memcpy(&key, item + field->item_key, sizeof(key));
        const Node *value = node_get(given, key);
        Printer inner = deeper(printer);
        indent(inner);
        write_key(inner.out, key);
        buf_add_byte(inner.out, ':');
        if (field->item == CONFIG_SECTION) {
            buf_add_byte(inner.out, '\n');
            print_section(deeper(inner), field->table, item, value);
            continue;
        }
        buf_add_byte(inner.out, ' ');
        write_value(inner.out, field, field->item, item + field->item_value);
        end_line(inner, field, value);
    }
}

static void print_field(Printer printer, const ConfigField *field, const char *values,
                        const Node *given)
{
    const char *at = values + field->offset;
    indent(printer);
    buf_addf(printer.out, "%s:", config_key(field));
    if (field->type == CONFIG_SECTION || field->type == CONFIG_OPTIONAL_SECTION) {
        buf_add_byte(printer.out, '\n');
        print_section(deeper(printer), field->table, at, given);
    } else if (field->type == CONFIG_MAP) {
        print_map(printer, field, items_of(field, values), given);
    } else if (field->type == CONFIG_LIST && field->item == CONFIG_SECTION) {
        print_section_list(printer, field, items_of(field, values), given);
    } else if (field->type == CONFIG_LIST) {
        print_scalar_list(printer, field, items_of(field, values), given);
    } else if (field->type == CONFIG_ANY) {
        const Node *node;
        memcpy(&node, at, sizeof(node));
        buf_add(printer.out, node && node->kind != NODE_NULL ? STR(" \"[as written]\"") : STR(""));
        end_line(printer, field, given);
    } else {
        buf_add_byte(printer.out, ' ');
        write_value(printer.out, field, field->type, at);
        end_line(printer, field, given);
    }
}

static bool is_shown(const ConfigField *field, const char *values)
{
    bool present = true;
    if (field->type == CONFIG_OPTIONAL_SECTION)
        memcpy(&present, values + field->offset + field->second, sizeof(present));
    return present && field->type != CONFIG_RETIRED && field->type != CONFIG_IGNORED &&
           field->type != CONFIG_LATER;
}

static void print_section(Printer printer, const ConfigField *table, const char *values,
                          const Node *tree)
{
    for (const ConfigField *field = table; field->type; field++) {
        const NodePair *pair = field_pair(field, tree);
        if (is_shown(field, values))
            print_field(printer, field, values, pair ? pair->value : NULL);
    }
}

void config_print(const ConfigField *table, const void *values, const Node *tree, size_t indent,
                  Buf *out)
{
    Printer printer = { .out = out, .indent = indent, .origins = tree != NULL };
    print_section(printer, table, values, tree);
}
