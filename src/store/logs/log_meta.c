/* log_meta.c - streams, their labels, and numbers, over a snapshot of logs. */
#include "base/mem.h"
#include "store/logs/log_store.h"
#include "store/text_set.h"

enum { DEADLINE_STREAMS = 1024 };

/* The distinct streams of a snapshot that match, by labels; the snapshot holds them. */
typedef struct Streams {
    Snapshot snapshot;
    const LabelSet **sets;
    size_t count;
} Streams;

static bool overlaps(const LogRun *run, const LogStreamQuery *query)
{
    if (!run->base.count)
        return false;
    return run->by_time[run->base.count - 1].line->time_ns >= query->from_ns &&
           (!query->to_ns || run->by_time[0].line->time_ns < query->to_ns);
}

static bool list_sets(Streams *streams, const LogStreamQuery *query, Err *err)
{
    size_t most = 0;
    const Snapshot *snapshot = &streams->snapshot;
    for (size_t i = 0; i < snapshot->count; i++)
        most += ((const LogRun *)snapshot->runs[i])->stream_count;
    streams->sets = MEM_MAKE(const LabelSet *, most + 1, err);
    if (!streams->sets)
        return false;
    for (size_t i = 0; i < snapshot->count; i++) {
        const LogRun *run = (const LogRun *)snapshot->runs[i];
        for (size_t j = 0; overlaps(run, query) && j < run->stream_count; j++)
            streams->sets[streams->count++] = run->streams[j];
    }
    streams->count = label_sets_sort(streams->sets, streams->count);
    return true;
}

static bool keep_matching(const LogStore *store, Streams *streams, const LogStreamQuery *query,
                          Err *err)
{
    LabelMatch match;
    if (!label_match_init(&match, query->matchers, query->matcher_count, err))
        return false;
    size_t kept = 0;
    bool ok = true;
    for (size_t i = 0; ok && i < streams->count; i++) {
        ok =
            i % DEADLINE_STREAMS != 0 || within_deadline(deadline_clock(query->clock, store->clock),
                                                         query->deadline_mono_ns, err);
        if (ok && label_matches(&match, streams->sets[i]->labels))
            streams->sets[kept++] = streams->sets[i];
    }
    streams->count = kept;
    label_match_done(&match);
    return ok;
}

static void streams_done(Streams *streams)
{
    mem_free(streams->sets);
    snapshot_done(&streams->snapshot);
}

static bool streams_find(LogStore *store, const LogStreamQuery *query, Streams *out, Err *err)
{
    *out = (Streams){ 0 };
    if (snapshot_take(&store->rows, &out->snapshot, err) && list_sets(out, query, err) &&
        keep_matching(store, out, query, err) &&
        within_deadline(deadline_clock(query->clock, store->clock), query->deadline_mono_ns, err))
        return true;
    streams_done(out);
    return false;
}

bool log_store_streams(LogSource *source, const LogStreamQuery *query, StreamFound *found,
                       void *context, Err *err)
{
    Streams streams;
    if (!streams_find((LogStore *)source, query, &streams, err))
        return false;
    size_t most = query->limit && query->limit < streams.count ? query->limit : streams.count;
    for (size_t i = 0; i < most; i++)
        if (!found(context, streams.sets[i]->labels))
            break;
    streams_done(&streams);
    return true;
}

static TextAdd add_names(TextSet *set, Labels labels, Err *err)
{
    TextAdd result = TEXT_ADDED;
    for (size_t i = 0; result == TEXT_ADDED && i < labels.count; i++)
        result = text_set_add(set, labels.ptr[i].name, err);
    return result;
}

static TextAdd add_value(TextSet *set, Labels labels, Str name, Err *err)
{
    Str value = labels_get(labels, name);
    return value.len ? text_set_add(set, value, err) : TEXT_ADDED;
}

bool log_store_labels(LogSource *source, const LogStreamQuery *query, LabelFound *found,
                      void *context, Err *err)
{
    Streams streams;
    TextSet set;
    if (!streams_find((LogStore *)source, query, &streams, err))
        return false;
    TextAdd result =
        text_set_init(&set, query->limit ? query->limit : SIZE_MAX, err) ? TEXT_ADDED : TEXT_FAILED;
    for (size_t i = 0; result == TEXT_ADDED && i < streams.count; i++) {
        Labels labels = streams.sets[i]->labels;
        result = query->name.len ? add_value(&set, labels, query->name, err)
                                 : add_names(&set, labels, err);
    }
    bool ok = result != TEXT_FAILED && text_set_tell(&set, found, context, err);
    text_set_done(&set);
    streams_done(&streams);
    return ok;
}

bool log_store_stats(LogSource *source, LogStats *out, Err *err)
{
    LogStore *store = (LogStore *)source;
    (void)err;
    LabelTableNumbers streams = label_table_numbers(&store->streams);
    *out = (LogStats){
        .records = run_list_numbers(&store->rows).rows,
        .streams = streams.sets,
        .bytes = run_list_memory(&store->rows) + streams.memory,
        .oldest_received_ns = run_list_oldest_ns(&store->rows),
    };
    return true;
}
