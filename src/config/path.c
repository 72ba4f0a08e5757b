/* path.c - which files and directories a configuration names; see path.h. */
#include "config/path.h"

typedef struct Visitor {
    void (*visit)(void *context, ConfigPath use, Str path);
    void *context;
} Visitor;

ConfigPath config_path_use(const ConfigSpot *spot, Str *path)
{
    const ConfigField *field = spot->field;
    bool is_list = field->type == CONFIG_LIST || field->type == CONFIG_MAP;
    bool is_text = is_list
                       ? field->item == CONFIG_TEXT && spot->at != spot->settings + field->offset
                       : field->type == CONFIG_TEXT;
    if (!field->path || !is_text)
        return PATH_NONE;
    *path = *(const Str *)(const void *)spot->at;
    if (field->path != OPENS_SOCKET)
        return path->len ? field->path : PATH_NONE;
    return str_starts(*path, STR("/")) ? WRITES_FILE : PATH_NONE;
}

static void visit(void *context, const ConfigSpot *spot)
{
    const Visitor *visitor = context;
    Str path;
    ConfigPath use = config_path_use(spot, &path);
    if (use)
        visitor->visit(visitor->context, use, path);
}

void config_each_path(const ConfigField *table, const void *settings,
                      void (*visit_path)(void *context, ConfigPath use, Str path), void *context)
{
    Visitor visitor = { visit_path, context };
    config_walk(&(ConfigWalk){ .visit = visit, .context = &visitor }, table, settings, NULL);
}
