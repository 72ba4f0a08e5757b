/* logql_row.c - the labels of a line; see logql_row_internal.h. */
#include "query/logql/logql_row_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define EXTRACTED "_extracted"

static const Str error_name = STR_ROW("__error__");
static const Str details_name = STR_ROW("__error_details__");

bool row_init(LogqlRow *row, Arena *arena, Err *err)
{
    *row = (LogqlRow){ 0 };
    row->labels = ARENA_MAKE(arena, RowLabel, ROW_LABELS_MAX, err);
    row->scratch = row->labels ? arena_new(ROW_TEXT_MAX, err) : NULL;
    return row->scratch;
}

void row_done(LogqlRow *row)
{
    arena_free(row->scratch);
    *row = (LogqlRow){ 0 };
}

static RowLabel *find(const LogqlRow *row, Str name)
{
    for (size_t i = 0; i < row->count; i++)
        if (str_eq(row->labels[i].name, name))
            return &row->labels[i];
    return NULL;
}

static void add(LogqlRow *row, RowLabel label)
{
    if (row->count < ROW_LABELS_MAX)
        row->labels[row->count++] = label;
    else
        row_mark(row, STR("LabelLimitErr"), "more than %d labels", ROW_LABELS_MAX);
}

static Str joined(LogqlRow *row, Str a, Str b)
{
    char *text = arena_alloc(row->scratch, a.len + b.len + 1, 1, &row->err);
    if (!text) {
        row->failed = true;
        return a;
    }
    memcpy(text, a.ptr, a.len);
    memcpy(text + a.len, b.ptr, b.len);
    return (Str){ text, a.len + b.len };
}

void row_load(LogqlRow *row, const LogRow *from)
{
    arena_reset(row->scratch);
    row->time_ns = (int64_t)from->time_ns;
    row->line = from->line.ptr ? from->line : STR("");
    row->error = row->error_details = STR("");
    row->count = 0;
    for (size_t i = 0; i < from->stream.count; i++)
        add(row, (RowLabel){ from->stream.ptr[i].name, from->stream.ptr[i].value, FROM_STREAM });
    for (size_t i = 0; i < from->metadata.count; i++) {
        const Label *label = &from->metadata.ptr[i];
        bool taken = labels_get(from->stream, label->name).len > 0;
        Str name = taken ? joined(row, label->name, STR(EXTRACTED)) : label->name;
        if (!taken || !find(row, name))
            add(row, (RowLabel){ name, label->value, FROM_METADATA });
    }
}

Str row_get(const LogqlRow *row, Str name, bool *found)
{
    const RowLabel *label = find(row, name);
    Str value = label ? label->value : STR("");
    if (!label && str_eq(name, error_name))
        value = row->error;
    else if (!label && str_eq(name, details_name))
        value = row->error_details;
    *found = label || value.len > 0;
    return value;
}

void row_parsed(LogqlRow *row, Str name, Str value)
{
    RowLabel *label = find(row, name);
    if (label && label->from != FROM_PARSED) {
        name = joined(row, name, STR(EXTRACTED));
        label = find(row, name);
    }
    if (label)
        *label = (RowLabel){ label->name, value, FROM_PARSED };
    else
        add(row, (RowLabel){ name, value, FROM_PARSED });
}

void row_set(LogqlRow *row, Str name, Str value)
{
    RowLabel *label = find(row, name);
    if (label)
        label->value = value;
    else
        add(row, (RowLabel){ name, value, FROM_PARSED });
}

void row_remove(LogqlRow *row, Str name)
{
    RowLabel *label = find(row, name);
    if (str_eq(name, error_name))
        row->error = STR("");
    else if (str_eq(name, details_name))
        row->error_details = STR("");
    if (label)
        *label = row->labels[--row->count];
}

bool row_copy(LogqlRow *row, Str text, Str *out)
{
    if (!row->failed && !arena_copy(row->scratch, text, out, &row->err))
        row->failed = true;
    return !row->failed;
}

void row_mark(LogqlRow *row, Str error, const char *details, ...)
{
    if (row->error.len)
        return;
    char text[256];
    va_list args;
    va_start(args, details);
    vsnprintf(text, sizeof text, details, args);
    va_end(args);
    row->error = error;
    if (!row_copy(row, str_from(text), &row->error_details))
        row->error_details = STR("");
}

static bool fits(char c, bool first)
{
    char lower = (char)(c | 0x20);
    return (lower >= 'a' && lower <= 'z') || c == '_' || c == ':' ||
           (!first && c >= '0' && c <= '9');
}

Str row_label_name(LogqlRow *row, Str prefix, Str name)
{
    name = str_trim(name);
    bool clean = prefix.len == 0 && name.len > 0;
    for (size_t i = 0; clean && i < name.len; i++)
        clean = fits(name.ptr[i], i == 0);
    Str copy;
    if (clean)
        return row_copy(row, name, &copy) ? copy : name;
    Str front = prefix.len ? joined(row, prefix, STR("_")) : STR("");
    bool digit = !prefix.len && name.len && name.ptr[0] >= '0' && name.ptr[0] <= '9';
    char *text = arena_alloc(row->scratch, front.len + name.len + 2, 1, &row->err);
    if (!text) {
        row->failed = true;
        return name;
    }
    memcpy(text, front.ptr, front.len);
    size_t len = front.len;
    if (digit)
        text[len++] = '_';
    for (size_t i = 0; i < name.len; i++)
        text[len++] = fits(name.ptr[i], false) ? name.ptr[i] : '_';
    return (Str){ text, len };
}
