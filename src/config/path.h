/* path.h - which files and directories a configuration names: the text rows with a `path`. */
#ifndef CONFIG_PATH_H
#define CONFIG_PATH_H

#include "config/field.h"

/* Calls visit() for every path that is given, in sections, lists and maps too; empty ones are left
 * out. `settings` is what config_load() filled by the same table. The path is followed by a zero
 * byte. */
void config_each_path(const ConfigField *table, const void *settings,
                      void (*visit)(void *context, ConfigPath use, Str path), void *context);

#endif
