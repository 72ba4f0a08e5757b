/* table.h - answers for a terminal: columns that line up, and text that cannot do it any harm. */
#ifndef CMD_TABLE_H
#define CMD_TABLE_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/err.h"
#include "base/str.h"

#include <stdio.h>

enum { TABLE_COLUMNS_MAX = 8 };

/* Rows are gathered in an arena and printed together. */
typedef struct Table {
    Arena *arena;
    size_t columns;
    const char *const *heads;
    struct TableRow *first, **end;
    size_t widths[TABLE_COLUMNS_MAX];
} Table;

void table_init(Table *table, Arena *arena, const char *const *heads, size_t columns);
/* Copies the cells, one per column. */
CHECKED bool table_add(Table *table, const Str *cells, Err *err);
void table_print(const Table *table, FILE *out); /* the last column is not padded */

/* Control characters, which could move the cursor or worse, come out as spaces. */
void print_text(FILE *out, Str text);

/* May this stream have colours? A terminal, NO_COLOR not set. */
bool colour_wanted(FILE *out);

#endif
