/* explain.h - one setting of a table, told to a person: what it is, and how it is written. */
#ifndef CONFIG_EXPLAIN_H
#define CONFIG_EXPLAIN_H

#include "config/field.h"
#include "config/nearest.h"

enum { EXPLAIN_PATH_MAX = 512 };

/* Where a path of keys leads. */
typedef struct ConfigFound {
    const ConfigField *field; /* NULL: nowhere, or the table itself */
    const ConfigField
        *table;      /* where it led so far: of the section, or of what `wrong` is not in */
    Str wrong;       /* the first key that is none; empty: all are */
    Nearest nearest; /* to that one */
    char path[EXPLAIN_PATH_MAX]; /* with [] behind lists whose elements it leads into */
} ConfigFound;

/* "protocols.grpc.keepalive"; elements of lists are "rules.name", "rules[].name" or "rules.0.name",
 * those of maps "rooms.hall.seats". A key of the table with dots in it is known as it is, or in
 * quotes. An empty path is the table. */
ConfigFound config_follow(const ConfigField *table, Str path);

/* Type, default, range, meaning, and an example that begins with the keys of `path`, from the
 * outermost section on. */
void config_explain(const ConfigField *field, Str path, Buf *out);

/* One line for each setting of a table: key, type, default, meaning. */
void config_explain_table(const ConfigField *table, Buf *out);

#endif
