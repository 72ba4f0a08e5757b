/* loki_write.c - results of LogQL as Loki writes them: streams of lines, vectors, matrices. */
#include "api/loki_internal.h"

#include "codec/float_text.h"
#include "query/logql/logql.h"

#include <inttypes.h>
#include <stdio.h>

enum { LABELS_MAX = 1024 }; /* more than LogQL lets a line have */

void loki_write_labels(JsonWriter *json, Labels labels)
{
    json_object(json);
    for (size_t i = 0; i < labels.count; i++) {
        json_key(json, labels.ptr[i].name);
        json_text(json, labels.ptr[i].value);
    }
    json_end(json);
}

/* ---- lines --------------------------------------------------------------------------------------
 */

/* Entries with the same labels form a stream, in the order in which streams are met. */
typedef struct Stream {
    size_t first, last; /* entries; linked by `next` */
} Stream;

typedef struct Streams {
    const LogqlResult *result;
    bool categorized;
    Stream *streams;
    size_t count;
    size_t *next;    /* of each entry: the next of its stream, 0: none */
    uint64_t *hash;  /* of each stream */
    uint32_t *slots; /* stream + 1, by hash; 0 free */
    size_t slot_count;
} Streams;

/* All labels of a line, or those of its stream. */
static Labels entry_labels(const Streams *streams, const LogqlEntry *entry, Label *out)
{
    if (streams->categorized)
        return entry->stream;
    const Labels parts[] = { entry->stream, entry->metadata, entry->parsed };
    size_t count = 0;
    for (size_t p = 0; p < COUNT_OF(parts); p++)
        for (size_t i = 0; i < parts[p].count && count < LABELS_MAX; i++)
            out[count++] = parts[p].ptr[i];
    return (Labels){ out, labels_sort(out, count) };
}

static bool same_stream(const Streams *streams, size_t stream, Labels labels)
{
    Label other[LABELS_MAX];
    const LogqlEntry *first = &streams->result->entries[streams->streams[stream].first];
    return labels_eq(labels, entry_labels(streams, first, other));
}

static void put_entry(Streams *streams, size_t at)
{
    Label joined[LABELS_MAX];
    Labels labels = entry_labels(streams, &streams->result->entries[at], joined);
    uint64_t hash = labels_hash(labels);
    size_t mask = streams->slot_count - 1, slot = hash & mask;
    for (; streams->slots[slot]; slot = (slot + 1) & mask) {
        size_t stream = streams->slots[slot] - 1;
        if (streams->hash[stream] != hash || !same_stream(streams, stream, labels))
            continue;
        streams->next[streams->streams[stream].last] = at;
        streams->streams[stream].last = at;
        return;
    }
    streams->slots[slot] = (uint32_t)streams->count + 1;
    streams->hash[streams->count] = hash;
    streams->streams[streams->count++] = (Stream){ at, at };
}

static bool gather(Streams *streams, Err *err)
{
    Arena *arena = streams->result->arena;
    size_t count = streams->result->entry_count;
    streams->slot_count = 16;
    while (streams->slot_count < 2 * count)
        streams->slot_count *= 2;
    streams->streams = ARENA_MAKE(arena, Stream, count + 1, err);
    streams->next = streams->streams ? ARENA_MAKE(arena, size_t, count + 1, err) : NULL;
    streams->hash = streams->next ? ARENA_MAKE(arena, uint64_t, count + 1, err) : NULL;
    streams->slots = streams->hash ? ARENA_MAKE(arena, uint32_t, streams->slot_count, err) : NULL;
    for (size_t i = 0; streams->slots && i < count; i++)
        put_entry(streams, i);
    return streams->slots;
}

static void write_entry(JsonWriter *json, const LogqlEntry *entry, bool categorized)
{
    json_array(json);
    json_i64_text(json, entry->time_ns);
    json_text(json, entry->line);
    if (categorized) {
        json_object(json);
        if (entry->metadata.count) {
            json_key(json, STR("structuredMetadata"));
            loki_write_labels(json, entry->metadata);
        }
        if (entry->parsed.count) {
            json_key(json, STR("parsed"));
            loki_write_labels(json, entry->parsed);
        }
        json_end(json);
    }
    json_end(json);
}

static void write_stream(JsonWriter *json, const Streams *streams, const Stream *stream)
{
    Label joined[LABELS_MAX];
    const LogqlEntry *entries = streams->result->entries;
    json_object(json);
    json_key(json, STR("stream"));
    loki_write_labels(json, entry_labels(streams, &entries[stream->first], joined));
    json_key(json, STR("values"));
    json_array(json);
    for (size_t at = stream->first;; at = streams->next[at]) {
        write_entry(json, &entries[at], streams->categorized);
        if (at == stream->last)
            break;
    }
    json_end(json);
    json_end(json);
}

bool loki_write_streams(JsonWriter *json, const LogqlResult *result, bool categorized, Err *err)
{
    Streams streams = { .result = result, .categorized = categorized };
    bool ok = gather(&streams, err);
    json_array(json);
    for (size_t i = 0; ok && i < streams.count; i++)
        write_stream(json, &streams, &streams.streams[i]);
    json_end(json);
    return ok;
}

/* ---- series -------------------------------------------------------------------------------------
 */

/* [1700000000.5,"2"]: seconds with up to three decimals, and the value as text. */
static void write_point(JsonWriter *json, const LogqlPoint *point)
{
    char text[FLOAT_TEXT_SIZE], time[40];
    int64_t millis = point->time_ns / 1000000;
    int len = snprintf(time, sizeof time, "%" PRId64, millis / 1000);
    if (millis % 1000)
        len = snprintf(time, sizeof time, "%.3f", (double)millis / 1000);
    json_array(json);
    json_raw(json, (Str){ time, (size_t)len });
    json_text(json, (Str){ text, float_text(point->value, FLOAT_FIXED, text) });
    json_end(json);
}

void loki_write_series(JsonWriter *json, const LogqlResult *result, bool ranges)
{
    if (result->type == LOGQL_SCALAR && !ranges) {
        write_point(json, &result->series[0].points[0]);
        return;
    }
    json_array(json);
    for (size_t i = 0; i < result->series_count; i++) {
        const LogqlSeries *series = &result->series[i];
        json_object(json);
        json_key(json, STR("metric"));
        loki_write_labels(json, series->labels);
        json_key(json, ranges ? STR("values") : STR("value"));
        if (ranges)
            json_array(json);
        for (size_t k = 0; k < series->count; k++)
            write_point(json, &series->points[k]);
        if (ranges)
            json_end(json);
        json_end(json);
    }
    json_end(json);
}
