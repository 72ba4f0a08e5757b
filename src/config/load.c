/* load.c - fills a struct from a tree by its table; see field.h.
 *
 * One walk over the rows of each table: every row takes its pair from the map, or its preset. What
 * is wrong is noted and the walk goes on, so one run shows everything. Where a value could not be
 * read, its member keeps the preset.
 */
#include "config/field.h"

#include "config/nearest.h"
#include "config/value_internal.h"

#include <stdio.h>
#include <string.h>

enum { SHOWN_SIZE = 128, WHAT_MAX = 400 };

typedef struct Loader {
    Arena *arena;
    Problems *problems;
    Place place; /* of the innermost thing that is there, for what is missing in it */
    bool absent; /* inside a section that is not there, or no map: nothing is required */
} Loader;

/* One row at work: where its value goes, and what the user wrote for it. */
typedef struct Slot {
    const ConfigField *field;
    char *into;        /* the struct */
    const Node *given; /* NULL: missing or null */
    Place place;       /* of the value, or of whatever should have had it */
} Slot;

static void load_section(Loader *loader, const ConfigField *table, const Node *node, void *into);

static void starve(Loader *loader, const Err *err)
{
    problems_starve(loader->problems, err);
}

/* "must be a whole number, not 'ten' (from ${env:SIZE})" */
static void refuse(Loader *loader, const Node *node, const Buf *what, Nearest nearest)
{
    char shown[SHOWN_SIZE];
    problem_error(loader->problems, node->place,
                  "must be %.*s, not %s" ORIGIN_FORMAT NEAREST_FORMAT, STR_ARG(buf_str(what)),
                  node_describe(node, shown, sizeof(shown)), ORIGIN_ARG(node->origin),
                  NEAREST_ARG(nearest));
}

static void wrong_type(Loader *loader, const ConfigField *field, ConfigType type, const Node *node)
{
    Node given = *node;
    if (type == CONFIG_SECRET || field->item == CONFIG_SECRET) {
        given.text = STR(SECRET_SHOWN);
        given.origin = (Str){ 0 }; /* a variable's default may be the secret */
    }
    Buf what = BUF(WHAT_MAX);
    type_write(field, type, &what);
    refuse(loader, &given, &what, (Nearest){ 0 });
    buf_free(&what);
}

static void out_of_range(Loader *loader, const ConfigField *field, const Node *node)
{
    Buf range = BUF(WHAT_MAX);
    range_write(field, &range);
    refuse(loader, node, &range, (Nearest){ 0 });
    buf_free(&range);
}

static void bad_choice(Loader *loader, const ConfigField *field, const Node *node)
{
    Nearest nearest = { .given = node->text };
    for (size_t i = 0; field->choices[i]; i++)
        nearest_try(&nearest, str_from(field->choices[i]));
    Buf what = BUF(WHAT_MAX);
    type_write(field, CONFIG_CHOICE, &what);
    refuse(loader, node, &what, nearest);
    buf_free(&what);
}

static void put_value(Loader *loader, ConfigType type, ConfigValue value, void *out)
{
    Err err;
    if ((type == CONFIG_TEXT || type == CONFIG_SECRET) &&
        !arena_copy(loader->arena, value.text, &value.text, &err)) {
        starve(loader, &err);
        return;
    }
    memcpy(out, &value, value_size(type));
}

/* A scalar node into one value of the row's type. */
static void load_scalar(Loader *loader, const ConfigField *field, ConfigType type, const Node *node,
                        void *out)
{
    ConfigValue value;
    Str text = type_is_text(type) && node->raw.ptr ? node->raw : node->text;
    bool has_text = node->kind == NODE_SCALAR || (node->raw.ptr && type_is_text(type));
    if (!has_text || (node->quoted && !type_is_text(type))) {
        wrong_type(loader, field, type, node);
        return;
    }
    if (!value_parse(field, type, text, &value)) {
        if (type == CONFIG_CHOICE)
            bad_choice(loader, field, node);
        else
            wrong_type(loader, field, type, node);
        return;
    }
    Err err;
    if (!value_in_range(field, type, value))
        out_of_range(loader, field, node);
    else if (field->check && !field->check(text, &err))
        problem_error(loader->problems, node->place, "%s" ORIGIN_FORMAT, err.text,
                      ORIGIN_ARG(node->origin));
    else
        put_value(loader, type, value, out);
}

/* An element of a list or map. */
static void load_element(Loader *loader, const ConfigField *field, const Node *node, void *out)
{
    if (field->item == CONFIG_SECTION)
        load_section(loader, field->table, node, out);
    else
        load_scalar(loader, field, field->item, node, out);
}

/* Room for `count` elements, noted in the struct; NULL: none wanted, or no memory. */
static char *make_items(Loader *loader, Slot slot, size_t count)
{
    Err err;
    char *items = count ? arena_alloc(loader->arena, count, slot.field->item_size, &err) : NULL;
    if (count && !items)
        starve(loader, &err);
    memcpy(slot.into + slot.field->offset, &items, sizeof(items));
    count = items ? count : 0;
    memcpy(slot.into + slot.field->second, &count, sizeof(count));
    return items;
}

/* "a, b": how presets write lists, and the environment. */
static void load_split_list(Loader *loader, Slot slot, Str text, const Node *model)
{
    size_t count = 0, at = 0;
    Str part;
    for (Str rest = text; str_split(&rest, ',', &part); count++)
        ;
    char *items = make_items(loader, slot, str_trim(text).len ? count : 0);
    for (Str rest = text; items && str_split(&rest, ',', &part); at++) {
        Node node = { .kind = NODE_SCALAR, .place = model->place, .origin = model->origin };
        node.text = str_trim(part);
        problems_enter_item(loader->problems, at);
        load_element(loader, slot.field, &node, items + at * slot.field->item_size);
        problems_leave(loader->problems);
    }
}

static void load_list(Loader *loader, Slot slot)
{
    const Node *given = slot.given;
    if (!given) {
        Node preset = { .place = slot.place };
        load_split_list(loader, slot, str_from(slot.field->preset), &preset);
        return;
    }
    if (given->kind == NODE_SCALAR && type_is_scalar(slot.field->item)) {
        load_split_list(loader, slot, given->raw.ptr ? given->raw : given->text, given);
        return;
    }
    make_items(loader, slot, 0);
    if (given->kind != NODE_LIST) {
        wrong_type(loader, slot.field, CONFIG_LIST, given);
        return;
    }
    char *items = make_items(loader, slot, given->count);
    for (size_t i = 0; items && i < given->count; i++) {
        problems_enter_item(loader->problems, i);
        load_element(loader, slot.field, given->items[i], items + i * slot.field->item_size);
        problems_leave(loader->problems);
    }
}

static void load_pair(Loader *loader, const ConfigField *field, const NodePair *pair, char *item)
{
    Err err;
    Str key;
    if (!arena_copy(loader->arena, pair->key, &key, &err)) {
        starve(loader, &err);
        return;
    }
    problems_enter(loader->problems, key);
    bool nothing = pair->value->kind == NODE_NULL && !pair->value->raw.ptr;
    if (!nothing || field->item == CONFIG_SECTION) /* a null text stays { NULL, 0 } */
        load_element(loader, field, pair->value, item + field->item_value);
    problems_leave(loader->problems);
    memcpy(item + field->item_key, &key, sizeof(key));
}

static void load_map(Loader *loader, Slot slot)
{
    const Node *given = slot.given;
    make_items(loader, slot, 0);
    if (given && given->kind != NODE_MAP) {
        wrong_type(loader, slot.field, CONFIG_MAP, given);
        return;
    }
    char *items = given ? make_items(loader, slot, given->count) : NULL;
    for (size_t i = 0; items && i < given->count; i++)
        load_pair(loader, slot.field, &given->pairs[i], items + i * slot.field->item_size);
}

static void load_preset(Loader *loader, Slot slot)
{
    Node preset = { .kind = NODE_SCALAR, .place = slot.place };
    preset.text = str_from(slot.field->preset);
    if (slot.field->preset) {
        ConfigValue value;
        if (value_parse(slot.field, slot.field->type, preset.text, &value))
            put_value(loader, slot.field->type, value, slot.into + slot.field->offset);
        else
            wrong_type(loader, slot.field, slot.field->type, &preset); /* a mistake in the table */
    } else if (!loader->absent) {
        problem_error(loader->problems, slot.place, "is required");
    }
}

static void load_subsection(Loader *loader, Slot slot, const NodePair *pair)
{
    Loader inner = *loader;
    bool present = pair != NULL;
    char *section = slot.into + slot.field->offset;
    if (slot.field->type == CONFIG_OPTIONAL_SECTION) {
        inner.absent = loader->absent || !present;
        memcpy(section + slot.field->second, &present, sizeof(present));
    }
    load_section(&inner, slot.field->table, pair ? pair->value : NULL, section);
}

/* Rows without a member: they only have something to say when somebody uses them. */
static void load_word(Loader *loader, const ConfigField *field, const NodePair *pair)
{
    if (!pair)
        return;
    if (field->type == CONFIG_LATER)
        problem_error(loader->problems, pair->place, "%s: not supported yet; it comes later",
                      field->help);
    else if (field->type == CONFIG_RETIRED)
        problem_warning(loader->problems, pair->place, "is no longer used: %s", field->help);
    else
        problem_warning(loader->problems, pair->place, "has no effect: %s", field->help);
}

static void load_slot(Loader *loader, Slot slot, const NodePair *pair)
{
    switch (slot.field->type) {
    case CONFIG_SECTION:
    case CONFIG_OPTIONAL_SECTION: load_subsection(loader, slot, pair); break;
    case CONFIG_LIST: load_list(loader, slot); break;
    case CONFIG_MAP: load_map(loader, slot); break;
    case CONFIG_ANY: {
        const Node *node = pair ? pair->value : NULL;
        memcpy(slot.into + slot.field->offset, &node, sizeof(node));
        break;
    }
    case CONFIG_RETIRED:
    case CONFIG_IGNORED:
    case CONFIG_LATER: load_word(loader, slot.field, pair); break;
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
        if (slot.field->preset || !slot.given)
            load_preset(loader, slot);
        if (slot.given)
            load_scalar(loader, slot.field, slot.field->type, slot.given,
                        slot.into + slot.field->offset);
        break;
    }
}

/* Older names are accepted, but said; two names at once are one too many. */
static void check_names(Loader *loader, const ConfigField *field, const Node *map,
                        const NodePair *used)
{
    Str rest = str_from(field->also);
    for (Str name; str_split(&rest, ',', &name);) {
        const NodePair *old = node_pair(map, str_trim(name));
        if (old && old == used)
            problem_warning(loader->problems, old->place, "\"%.*s\" is an older name of \"%s\"",
                            STR_ARG(old->key), config_key(field));
        else if (old)
            problem_error(loader->problems, old->place,
                          "\"%.*s\" is the older name of \"%.*s\", which is given too",
                          STR_ARG(old->key), STR_ARG(used->key));
    }
}

static void unknown_key(Loader *loader, const ConfigField *table, const Node *map,
                        const NodePair *pair)
{
    Nearest nearest = { .name = str_from(config_nearest(table, pair->key)) };
    bool has_preset = str_contains(map->origin, STR(":-")); /* which may hold a secret */
    Str origin = has_preset ? (Str){ 0 } : map->origin;
    problems_enter(loader->problems, pair->key);
    problem_error(loader->problems, pair->place, "unknown key" NEAREST_FORMAT ORIGIN_FORMAT,
                  NEAREST_ARG(nearest), ORIGIN_ARG(origin));
    problems_leave(loader->problems);
}

static void load_field(Loader *loader, const ConfigField *field, const Node *map, void *into)
{
    problems_enter(loader->problems, str_from(config_key(field)));
    const NodePair *pair = field_pair(field, map);
    check_names(loader, field, map, pair);
    Slot slot = { .field = field, .into = into };
    slot.place = pair ? pair->value->place : loader->place;
    if (pair && (pair->value->kind != NODE_NULL || pair->value->raw.ptr))
        slot.given = pair->value;
    load_slot(loader, slot, pair);
    problems_leave(loader->problems);
}

static void load_section(Loader *loader, const ConfigField *table, const Node *node, void *into)
{
    Loader inner = *loader;
    if (node)
        inner.place = node->place;
    if (node && node->kind != NODE_MAP && node->kind != NODE_NULL) {
        wrong_type(loader, table, CONFIG_SECTION, node);
        inner.absent = true;
        node = NULL;
    }
    for (size_t i = 0; node && i < node->count; i++)
        if (!config_find(table, node->pairs[i].key))
            unknown_key(&inner, table, node, &node->pairs[i]);
    for (const ConfigField *field = table; field->type; field++)
        load_field(&inner, field, node, into);
}

bool config_load(const ConfigField *table, const Node *node, void *into, Arena *arena,
                 Problems *problems)
{
    size_t errors = problems->errors;
    Loader loader = { .arena = arena, .problems = problems };
    load_section(&loader, table, node, into);
    return problems->errors == errors && problems->starved.kind == ERR_NONE;
}
