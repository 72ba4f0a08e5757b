/* path.c - which files and directories a configuration names; see path.h. */
#include "config/path.h"

typedef struct Walk {
    void (*visit)(void *context, ConfigPath use, Str path);
    void *context;
} Walk;

static void walk_table(const Walk *walk, const ConfigField *table, const char *settings);

static void visit_text(const Walk *walk, const ConfigField *field, const char *at)
{
    const Str *text = (const Str *)(const void *)at;
    bool is_socket = field->path == OPENS_SOCKET;
    if (field->path && text->len && (!is_socket || str_starts(*text, STR("/"))))
        walk->visit(walk->context, is_socket ? WRITES_FILE : field->path, *text);
}

static void walk_items(const Walk *walk, const ConfigField *field, const char *settings)
{
    const char *items = *(const char *const *)(const void *)(settings + field->offset);
    size_t count = *(const size_t *)(const void *)(settings + field->second);
    for (size_t i = 0; i < count; i++) {
        const char *item = items + i * field->item_size;
        if (field->item == CONFIG_SECTION)
            walk_table(walk, field->table, item);
        else if (field->item == CONFIG_TEXT)
            visit_text(walk, field, item + field->item_value);
    }
}

static bool is_there(const ConfigField *field, const char *section)
{
    return field->type == CONFIG_SECTION || *(const bool *)(const void *)(section + field->second);
}

static void walk_table(const Walk *walk, const ConfigField *table, const char *settings)
{
    for (const ConfigField *field = table; field->type != CONFIG_NONE; field++) {
        const char *at = settings + field->offset;
        if (field->type == CONFIG_TEXT)
            visit_text(walk, field, at);
        else if (field->type == CONFIG_LIST || field->type == CONFIG_MAP)
            walk_items(walk, field, settings);
        else if ((field->type == CONFIG_SECTION || field->type == CONFIG_OPTIONAL_SECTION) &&
                 is_there(field, at))
            walk_table(walk, field->table, at);
    }
}

void config_each_path(const ConfigField *table, const void *settings,
                      void (*visit)(void *context, ConfigPath use, Str path), void *context)
{
    const Walk walk = { visit, context };
    walk_table(&walk, table, settings);
}
