/* path.h - which files and directories a configuration names: the text rows with a `path`. */
#ifndef CONFIG_PATH_H
#define CONFIG_PATH_H

#include "config/field.h"
#include "config/setting_walk.h"

/* Calls visit_path() for every path that is given, in sections, lists and maps too; empty ones are
 * left out. `settings` is what config_load() filled by the same table. The path is followed by a
 * zero byte. */
void config_each_path(const ConfigField *table, const void *settings,
                      void (*visit_path)(void *context, ConfigPath use, Str path), void *context);

/* What the component does at the path of one spot; PATH_NONE: it is none, or empty. */
ConfigPath config_path_use(const ConfigSpot *spot, Str *path);

#endif
