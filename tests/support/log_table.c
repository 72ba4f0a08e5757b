/* log_table.c - see log_table.h. What a scan may leave out it does leave out, so that a query which
 * asks for too little is seen. */
#include "support/log_table.h"

#include "base/arena.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { TABLE_MAX = 1 << 30 };

struct LogTable {
    LogSource source;
    Arena *arena;
    LogRow *rows;
    size_t count, cap;
};

typedef struct TableCursor {
    LogCursor base;
    LogRow **rows;
    size_t count, next;
    LogRow block[LOG_BLOCK_ROWS];
} TableCursor;

/* ---- asking -------------------------------------------------------------------------------------
 */

static bool of_trace(const LogRow *row, const TraceId *id)
{
    TraceId named;
    Str text = labels_get(row->stream, STR("trace_id"));
    if (!text.len)
        text = labels_get(row->metadata, STR("trace_id"));
    return trace_id_parse(text, &named) && trace_id_eq(id, &named);
}

static bool wanted(const LogRow *row, const LogScan *query, const LabelMatch *match)
{
    if (row->time_ns < query->from_ns || (query->to_ns && row->time_ns >= query->to_ns))
        return false;
    for (size_t i = 0; i < query->contains_count; i++)
        if (!str_contains(row->line, query->contains[i]))
            return false;
    if (query->trace_id && !of_trace(row, query->trace_id))
        return false;
    return label_matches(match, row->stream);
}

static int by_time(const void *a, const void *b)
{
    const LogRow *left = *(LogRow *const *)a, *right = *(LogRow *const *)b;
    if (left->time_ns != right->time_ns)
        return left->time_ns < right->time_ns ? -1 : 1;
    return (left > right) - (left < right);
}

static int by_time_back(const void *a, const void *b)
{
    return by_time(b, a);
}

static LogResult cursor_next(LogCursor *cursor, LogBlock *out, Err *err)
{
    TableCursor *at = (TableCursor *)cursor;
    (void)err;
    size_t left = at->count - at->next;
    size_t count = left < LOG_BLOCK_ROWS ? left : LOG_BLOCK_ROWS;
    for (size_t i = 0; i < count; i++)
        at->block[i] = *at->rows[at->next + i];
    at->next += count;
    *out = (LogBlock){ at->block, count };
    return count ? LOG_BLOCK : LOG_END;
}

static void cursor_close(LogCursor *cursor)
{
    mem_free(((TableCursor *)cursor)->rows);
    mem_free(cursor);
}

static LogCursor *table_scan(LogSource *source, const LogScan *query, Err *err)
{
    LogTable *table = (LogTable *)source;
    LabelMatch match;
    if (!label_match_init(&match, query->matchers, query->matcher_count, err))
        return NULL;
    TableCursor *cursor = MEM_MAKE(TableCursor, 1, err);
    LogRow **rows = cursor ? MEM_MAKE(LogRow *, table->count + 1, err) : NULL;
    if (!rows) {
        label_match_done(&match);
        mem_free(cursor);
        return NULL;
    }
    cursor->base = (LogCursor){ cursor_next, cursor_close };
    cursor->rows = rows;
    for (size_t i = 0; i < table->count; i++)
        if (wanted(&table->rows[i], query, &match))
            rows[cursor->count++] = &table->rows[i];
    label_match_done(&match);
    if (cursor->count)
        qsort(rows, cursor->count, sizeof(LogRow *), query->newest_first ? by_time_back : by_time);
    if (query->limit && cursor->count > query->limit)
        cursor->count = query->limit;
    return &cursor->base;
}

static int compare_texts(const void *a, const void *b)
{
    return str_compare(*(const Str *)a, *(const Str *)b);
}

static size_t count_labels(const LogTable *table)
{
    size_t count = 0;
    for (size_t i = 0; i < table->count; i++)
        count += table->rows[i].stream.count;
    return count;
}

static bool table_labels(LogSource *source, const LogStreamQuery *query, LabelFound *found,
                         void *context, Err *err)
{
    LogTable *table = (LogTable *)source;
    LabelMatch match;
    if (!label_match_init(&match, query->matchers, query->matcher_count, err))
        return false;
    Str *texts = MEM_MAKE(Str, count_labels(table) + 1, err);
    size_t count = 0;
    for (size_t i = 0; texts && i < table->count; i++) {
        Labels stream = table->rows[i].stream;
        if (!label_matches(&match, stream))
            continue;
        for (size_t k = 0; k < stream.count; k++)
            if (!query->name.len || str_eq(query->name, stream.ptr[k].name))
                texts[count++] = query->name.len ? stream.ptr[k].value : stream.ptr[k].name;
    }
    label_match_done(&match);
    if (count)
        qsort(texts, count, sizeof *texts, compare_texts);
    bool more = true;
    for (size_t i = 0; more && i < count; i++)
        if (i == 0 || !str_eq(texts[i - 1], texts[i]))
            more = found(context, texts[i]);
    bool ok = texts;
    mem_free(texts);
    return ok;
}

static int compare_streams(const void *a, const void *b)
{
    return labels_compare(*(const Labels *)a, *(const Labels *)b);
}

static bool table_streams(LogSource *source, const LogStreamQuery *query, StreamFound *found,
                          void *context, Err *err)
{
    LogTable *table = (LogTable *)source;
    LabelMatch match;
    if (!label_match_init(&match, query->matchers, query->matcher_count, err))
        return false;
    Labels *streams = MEM_MAKE(Labels, table->count + 1, err);
    size_t count = 0;
    for (size_t i = 0; streams && i < table->count; i++)
        if (label_matches(&match, table->rows[i].stream))
            streams[count++] = table->rows[i].stream;
    label_match_done(&match);
    if (count)
        qsort(streams, count, sizeof *streams, compare_streams);
    bool more = true;
    for (size_t i = 0; more && i < count; i++)
        if (i == 0 || !labels_eq(streams[i - 1], streams[i]))
            more = found(context, streams[i]);
    bool ok = streams;
    mem_free(streams);
    return ok;
}

static bool table_stats(LogSource *source, LogStats *out, Err *err)
{
    (void)err;
    *out = (LogStats){ .records = ((LogTable *)source)->count };
    return true;
}

/* ---- filling ------------------------------------------------------------------------------------
 */

LogTable *log_table_new(Err *err)
{
    LogTable *table = MEM_MAKE(LogTable, 1, err);
    if (!table)
        return NULL;
    table->source = (LogSource){ table_scan, table_labels, table_streams, table_stats };
    table->arena = arena_new(TABLE_MAX, err);
    if (!table->arena) {
        mem_free(table);
        return NULL;
    }
    return table;
}

void log_table_free(LogTable *table)
{
    if (!table)
        return;
    arena_free(table->arena);
    mem_free(table->rows);
    mem_free(table);
}

void log_table_clear(LogTable *table)
{
    arena_reset(table->arena);
    table->count = 0;
}

LogSource *log_table_source(LogTable *table)
{
    return &table->source;
}

static bool copy_labels(LogTable *table, Labels from, Labels *out, Err *err)
{
    Label *labels = ARENA_MAKE(table->arena, Label, from.count + 1, err);
    for (size_t i = 0; labels && i < from.count; i++)
        if (!arena_copy(table->arena, from.ptr[i].name, &labels[i].name, err) ||
            !arena_copy(table->arena, from.ptr[i].value, &labels[i].value, err))
            return false;
    *out = (Labels){ labels, labels ? labels_sort(labels, from.count) : 0 };
    return labels;
}

bool log_table_add(LogTable *table, const LogRow *row, Err *err)
{
    if (table->count == table->cap) {
        size_t cap = table->cap ? 2 * table->cap : 64;
        LogRow *rows = mem_grow(table->rows, cap * sizeof *rows);
        if (!rows)
            return fail(err, ERR_MEMORY, "a table of %zu log rows", cap);
        table->rows = rows;
        table->cap = cap;
    }
    LogRow *to = &table->rows[table->count];
    *to = *row;
    if (!copy_labels(table, row->stream, &to->stream, err) ||
        !copy_labels(table, row->metadata, &to->metadata, err) ||
        !arena_copy(table->arena, row->line, &to->line, err))
        return false;
    table->count++;
    return true;
}
