/* setting_walk.h - every setting of a loaded struct, with what the user wrote for it.
 *
 * The rows of the table in order, those of sections that are there, of each element of lists and
 * maps of sections, and each element of lists and maps of single values.
 */
#ifndef CONFIG_SETTING_WALK_H
#define CONFIG_SETTING_WALK_H

#include "config/field.h"

typedef struct ConfigSpot {
    const ConfigField *field;
    const char *at;           /* the value: its member, or the element of its list or map */
    const Node *given;        /* what the user wrote; NULL: nothing, or without a tree */
    Place place;              /* of that, or of the innermost section that is there */
    const ConfigField *table; /* which the row is in */
    const char *settings;     /* the struct of that table */
} ConfigSpot;

typedef struct ConfigWalk {
    void (*visit)(void *context, const ConfigSpot *spot);
    void *context;
    Problems *problems; /* while visit() runs its path is the setting's; NULL: not wanted */
} ConfigWalk;

/* settings: what config_load() filled by this table from this tree. Without a tree (NULL) there are
 * no places. */
void config_walk(const ConfigWalk *walk, const ConfigField *table, const void *settings,
                 const Node *tree);

#endif
