/* table.c - see table.h. */
#include "cmd/table.h"

#include <stdlib.h>
#include <unistd.h>

typedef struct TableRow {
    struct TableRow *next;
    Str cells[TABLE_COLUMNS_MAX];
} TableRow;

/* Characters, not bytes; wide ones count as one. */
static size_t width_of(Str text)
{
    size_t width = 0;
    for (size_t i = 0; i < text.len; i++)
        width += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
    return width;
}

void table_init(Table *table, Arena *arena, const char *const *heads, size_t columns)
{
    *table = (Table){ .arena = arena, .columns = columns, .heads = heads };
    table->end = &table->first;
    for (size_t i = 0; i < columns; i++)
        table->widths[i] = width_of(str_from(heads[i]));
}

bool table_add(Table *table, const Str *cells, Err *err)
{
    TableRow *row = ARENA_MAKE(table->arena, TableRow, 1, err);
    for (size_t i = 0; row && i < table->columns; i++) {
        if (!arena_copy(table->arena, cells[i], &row->cells[i], err))
            return false;
        size_t width = width_of(cells[i]);
        table->widths[i] = width > table->widths[i] ? width : table->widths[i];
    }
    if (!row)
        return false;
    *table->end = row;
    table->end = &row->next;
    return true;
}

static void print_cell(FILE *out, Str cell, size_t width)
{
    print_text(out, cell);
    for (size_t i = width_of(cell); i < width + 2; i++)
        fputc(' ', out);
}

void table_print(const Table *table, FILE *out)
{
    size_t last = table->columns - 1;
    for (size_t i = 0; i < last; i++)
        print_cell(out, str_from(table->heads[i]), table->widths[i]);
    fprintf(out, "%s\n", table->heads[last]);
    for (const TableRow *row = table->first; row; row = row->next) {
        for (size_t i = 0; i < last; i++)
            print_cell(out, row->cells[i], table->widths[i]);
        print_text(out, row->cells[last]);
        fputc('\n', out);
    }
}

/* U+0080 to U+009F, which some terminals obey too, are 0xC2 0x80..0x9F. */
static bool is_control(Str text, size_t i)
{
    unsigned char c = (unsigned char)text.ptr[i];
    bool high = c == 0xC2 && i + 1 < text.len && (unsigned char)text.ptr[i + 1] < 0xA0;
    return c < 0x20 || c == 0x7F || high;
}

void print_text(FILE *out, Str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_control(text, i)) {
            fputc(text.ptr[i], out);
            continue;
        }
        fputc(' ', out);
        i += (unsigned char)text.ptr[i] == 0xC2;
    }
}

bool colour_wanted(FILE *out)
{
    const char *never = getenv("NO_COLOR");
    return isatty(fileno(out)) && !(never && *never);
}
