/* setting_walk.c - every setting of a loaded struct; see setting_walk.h. */
#include "config/setting_walk.h"

#include "config/value_internal.h"

static void walk_table(const ConfigWalk *walk, const ConfigSpot *whole);

static void enter(const ConfigWalk *walk, Str key)
{
    if (walk->problems)
        problems_enter(walk->problems, key);
}

static void enter_item(const ConfigWalk *walk, size_t index)
{
    if (walk->problems)
        problems_enter_item(walk->problems, index);
}

static void leave(const ConfigWalk *walk)
{
    if (walk->problems)
        problems_leave(walk->problems);
}

static Place place_of(const Node *given, Place otherwise)
{
    return given ? given->place : otherwise;
}

static bool is_section(ConfigType type)
{
    return type == CONFIG_SECTION || type == CONFIG_OPTIONAL_SECTION;
}

static bool is_there(const ConfigField *field, const char *section)
{
    return field->type == CONFIG_SECTION || *(const bool *)(const void *)(section + field->second);
}

/* One element of a list or map. */
static void walk_item(const ConfigWalk *walk, const ConfigSpot *list, size_t index)
{
    const ConfigField *field = list->field;
    const char *items = *(const char *const *)(const void *)list->at;
    const Node *given = list->given;
    ConfigSpot item = *list;
    item.at = items + index * field->item_size;
    item.given = NULL;
    if (given && index < given->count && given->kind == NODE_LIST)
        item.given = given->items[index];
    else if (given && index < given->count && given->kind == NODE_MAP)
        item.given = given->pairs[index].value;
    else if (given && given->kind == NODE_SCALAR)
        item.given = given; /* "a, b" */
    item.place = place_of(item.given, list->place);
    if (field->type == CONFIG_MAP)
        enter(walk, *(const Str *)(const void *)(item.at + field->item_key));
    else
        enter_item(walk, index);
    if (field->item == CONFIG_SECTION) {
        walk_table(walk, &item);
    } else {
        item.at += field->item_value;
        walk->visit(walk->context, &item);
    }
    leave(walk);
}

static void walk_field(const ConfigWalk *walk, const ConfigSpot *spot)
{
    const ConfigField *field = spot->field;
    if (field->type == CONFIG_RETIRED || field->type == CONFIG_IGNORED ||
        field->type == CONFIG_LATER)
        return;
    if (is_section(field->type) && !is_there(field, spot->at))
        return;
    enter(walk, str_from(config_key(field)));
    walk->visit(walk->context, spot);
    if (is_section(field->type))
        walk_table(walk, spot);
    size_t count = 0;
    if (field->type == CONFIG_LIST || field->type == CONFIG_MAP)
        count = *(const size_t *)(const void *)(spot->settings + field->second);
    for (size_t i = 0; i < count; i++)
        walk_item(walk, spot, i);
    leave(walk);
}

/* whole: a section, an element, or the beginning. */
static void walk_table(const ConfigWalk *walk, const ConfigSpot *whole)
{
    const ConfigField *table = whole->field ? whole->field->table : whole->table;
    for (const ConfigField *field = table; field->type != CONFIG_NONE; field++) {
        const NodePair *pair = field_pair(field, whole->given);
        ConfigSpot spot = { .field = field,
                            .at = whole->at + field->offset,
                            .given = pair ? pair->value : NULL,
                            .table = table,
                            .settings = whole->at };
        spot.place = place_of(spot.given, whole->place);
        walk_field(walk, &spot);
    }
}

void config_walk(const ConfigWalk *walk, const ConfigField *table, const void *settings,
                 const Node *tree)
{
    ConfigSpot whole = { .at = settings, .given = tree, .table = table };
    if (tree)
        whole.place = tree->place;
    walk_table(walk, &whole);
}
