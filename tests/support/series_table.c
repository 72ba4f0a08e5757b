/* series_table.c - see series_table.h. What a scan may leave out it does leave out, so that a query
 * which asks for too little is seen. */
#include "support/series_table.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { TABLE_MAX = 1 << 30, METAS_MAX = 64, LABELS_MAX = 256 };

typedef struct Entry {
    Labels labels;
    uint64_t hash;
    Sample *samples;
    size_t count, cap;
} Entry;

struct SeriesTable {
    SeriesSource source;
    Arena *arena; /* labels and their texts */
    Entry *entries;
    size_t count, cap;
    MetricMeta metas[METAS_MAX];
    size_t meta_count;
};

typedef struct TableCursor {
    SeriesCursor base;
    SeriesRow *rows;
    size_t count, next;
} TableCursor;

/* ---- asking -------------------------------------------------------------------------------------
 */

static SeriesRow cut(const Entry *entry, int64_t from_ms, int64_t to_ms)
{
    size_t first = 0, end = 0;
    while (end < entry->count && entry->samples[end].time_ms <= to_ms)
        end++;
    while (first < end && entry->samples[first].time_ms <= from_ms)
        first++;
    return (SeriesRow){ entry->labels, entry->samples + first, end - first };
}

static int by_labels(const void *a, const void *b)
{
    return labels_compare(((const SeriesRow *)a)->labels, ((const SeriesRow *)b)->labels);
}

static SeriesResult cursor_next(SeriesCursor *base, SeriesRow *out, Err *err)
{
    TableCursor *cursor = (TableCursor *)base;
    (void)err;
    if (cursor->next == cursor->count)
        return SERIES_END;
    *out = cursor->rows[cursor->next++];
    return SERIES_ROW;
}

static void cursor_close(SeriesCursor *base)
{
    mem_free(((TableCursor *)base)->rows);
    mem_free(base);
}

static bool fill(const SeriesTable *table, const SeriesScan *query, const LabelMatch *match,
                 TableCursor *cursor, Err *err)
{
    size_t samples = 0;
    for (size_t i = 0; i < table->count; i++) {
        SeriesRow row = cut(&table->entries[i], query->from_ms, query->to_ms);
        if (!row.count || !label_matches(match, row.labels))
            continue;
        samples += row.count;
        if (query->series_max && cursor->count == query->series_max)
            return fail(err, ERR_LIMIT, "more than %zu series", query->series_max);
        if (query->samples_max && samples > query->samples_max)
            return fail(err, ERR_LIMIT, "more than %zu samples", query->samples_max);
        if (query->labels_only)
            row.count = 0;
        cursor->rows[cursor->count++] = row;
    }
    if (cursor->count)
        qsort(cursor->rows, cursor->count, sizeof *cursor->rows, by_labels);
    return true;
}

static SeriesCursor *table_scan(SeriesSource *source, const SeriesScan *query, Err *err)
{
    const SeriesTable *table = (const SeriesTable *)source;
    LabelMatch match;
    if (!label_match_init(&match, query->matchers, query->matcher_count, err))
        return NULL;
    TableCursor *cursor = MEM_MAKE(TableCursor, 1, err);
    if (cursor) {
        cursor->base = (SeriesCursor){ cursor_next, cursor_close };
        cursor->rows = MEM_MAKE(SeriesRow, table->count + 1, err);
    }
    bool good = cursor && cursor->rows && fill(table, query, &match, cursor, err);
    label_match_done(&match);
    if (good)
        return &cursor->base;
    if (cursor)
        cursor_close(&cursor->base);
    return NULL;
}

/* ---- names and values ---------------------------------------------------------------------------
 */

static int by_text(const void *a, const void *b)
{
    return str_compare(*(const Str *)a, *(const Str *)b);
}

static size_t collect(const SeriesTable *table, const LabelQuery *query, const LabelMatch *match,
                      Str *out)
{
    size_t count = 0;
    for (size_t i = 0; i < table->count; i++) {
        Labels labels = table->entries[i].labels;
        if (!cut(&table->entries[i], query->from_ms, query->to_ms).count ||
            !label_matches(match, labels))
            continue;
        for (size_t j = 0; j < labels.count; j++)
            if (!query->name.len)
                out[count++] = labels.ptr[j].name;
            else if (str_eq(query->name, labels.ptr[j].name))
                out[count++] = labels.ptr[j].value;
    }
    return count;
}

static bool table_labels(SeriesSource *source, const LabelQuery *query, LabelFound *found,
                         void *context, Err *err)
{
    const SeriesTable *table = (const SeriesTable *)source;
    LabelMatch match;
    if (!label_match_init(&match, query->matchers, query->matcher_count, err))
        return false;
    Str *texts = MEM_MAKE(Str, table->count * LABELS_MAX + 1, err);
    size_t count = texts ? collect(table, query, &match, texts) : 0, told = 0;
    if (count)
        qsort(texts, count, sizeof *texts, by_text);
    for (size_t i = 0; i < count && (!query->limit || told < query->limit); i++) {
        if (i && str_eq(texts[i], texts[i - 1]))
            continue;
        told++;
        if (!found(context, texts[i]))
            break;
    }
    label_match_done(&match);
    mem_free(texts);
    return texts != NULL;
}

static bool table_meta(SeriesSource *source, const SeriesMetaQuery *query, Err *err)
{
    const SeriesTable *table = (const SeriesTable *)source;
    (void)err;
    for (size_t i = 0; query->found && i < table->meta_count; i++)
        if ((!query->metric.len || str_eq(query->metric, table->metas[i].name)) &&
            !query->found(query->context, &table->metas[i]))
            break;
    if (query->stats)
        *query->stats = (SeriesStats){ .series = table->count };
    return true;
}

/* ---- filling ------------------------------------------------------------------------------------
 */

static bool copy_labels(SeriesTable *table, Labels from, Labels *out, Err *err)
{
    Label *labels = ARENA_MAKE(table->arena, Label, from.count + 1, err);
    if (!labels)
        return false;
    for (size_t i = 0; i < from.count; i++)
        if (!arena_copy(table->arena, from.ptr[i].name, &labels[i].name, err) ||
            !arena_copy(table->arena, from.ptr[i].value, &labels[i].value, err))
            return false;
    *out = (Labels){ labels, labels_sort(labels, from.count) };
    return true;
}

bool series_table_series(SeriesTable *table, Labels labels, size_t *out, Err *err)
{
    if (labels.count > LABELS_MAX)
        return fail(err, ERR_LIMIT, "more than %d labels", LABELS_MAX);
    if (!copy_labels(table, labels, &labels, err))
        return false;
    uint64_t hash = labels_hash(labels);
    for (size_t i = 0; i < table->count; i++)
        if (table->entries[i].hash == hash && labels_eq(table->entries[i].labels, labels)) {
            *out = i;
            return true;
        }
    if (table->count == table->cap) {
        size_t cap = table->cap ? table->cap * 2 : 16;
        Entry *entries = mem_grow(table->entries, cap * sizeof *entries);
        if (!entries)
            return fail(err, ERR_MEMORY, "no memory for %zu series", cap);
        table->entries = entries;
        table->cap = cap;
    }
    *out = table->count++;
    table->entries[*out] = (Entry){ .labels = labels, .hash = hash };
    return true;
}

bool series_table_add(SeriesTable *table, size_t series, Sample sample, Err *err)
{
    Entry *entry = &table->entries[series];
    if (entry->count == entry->cap) {
        size_t cap = entry->cap ? entry->cap * 2 : 16;
        Sample *samples = mem_grow(entry->samples, cap * sizeof *samples);
        if (!samples)
            return fail(err, ERR_MEMORY, "no memory for %zu samples", cap);
        entry->samples = samples;
        entry->cap = cap;
    }
    size_t at = entry->count;
    while (at > 0 && entry->samples[at - 1].time_ms >= sample.time_ms)
        at--;
    bool replaces = at < entry->count && entry->samples[at].time_ms == sample.time_ms;
    if (!replaces) {
        memmove(entry->samples + at + 1, entry->samples + at,
                (entry->count - at) * sizeof *entry->samples);
        entry->count++;
    }
    entry->samples[at] = sample;
    return true;
}

bool series_table_describe(SeriesTable *table, const MetricMeta *meta, Err *err)
{
    if (table->meta_count == METAS_MAX)
        return fail(err, ERR_LIMIT, "more than %d families", METAS_MAX);
    table->metas[table->meta_count++] = *meta;
    return true;
}

SeriesSource *series_table_source(SeriesTable *table)
{
    return &table->source;
}

SeriesTable *series_table_new(Err *err)
{
    SeriesTable *table = MEM_MAKE(SeriesTable, 1, err);
    if (!table)
        return NULL;
    table->source = (SeriesSource){ table_scan, table_labels, table_meta };
    table->arena = arena_new(TABLE_MAX, err);
    if (table->arena)
        return table;
    series_table_free(table);
    return NULL;
}

void series_table_clear(SeriesTable *table)
{
    for (size_t i = 0; i < table->count; i++)
        mem_free(table->entries[i].samples);
    table->count = 0;
    table->meta_count = 0;
    arena_reset(table->arena);
}

void series_table_free(SeriesTable *table)
{
    if (!table)
        return;
    if (table->arena)
        series_table_clear(table);
    mem_free(table->entries);
    arena_free(table->arena);
    mem_free(table);
}
