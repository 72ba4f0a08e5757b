/* series_meta.c - labels, families and numbers over a snapshot of metrics. */
#include "base/mem.h"
#include "store/metrics/series_store.h"
#include "store/text_set.h"

#include <stdlib.h>

enum { FAMILIES_MAX = 1 << 20 /* told at once */ };

/* ---- labels ------------------------------------------------------------------------------------
 */

typedef struct LabelsFound {
    SeriesStore *store;
    const LabelQuery *query;
    Snapshot snapshot;
    LabelSets series;
    TextSet texts;
} LabelsFound;

/* Does a run of the range have it? The newest are asked first. */
static bool is_held(const LabelsFound *state, const LabelSet *series)
{
    for (size_t i = state->snapshot.count; i-- > 0;) {
        const SeriesRun *run = (const SeriesRun *)state->snapshot.runs[i];
        if (series_run_overlaps(run, state->query->from_ms, state->query->to_ms) &&
            series_run_has(run, series))
            return true;
    }
    return false;
}

static TextAdd add_texts(LabelsFound *state, Labels labels, Err *err)
{
    Str name = state->query->name;
    TextAdd result = TEXT_ADDED;
    if (name.len) {
        Str value = labels_get(labels, name);
        return value.len ? text_set_add(&state->texts, value, err) : TEXT_ADDED;
    }
    for (size_t i = 0; result == TEXT_ADDED && i < labels.count; i++)
        result = text_set_add(&state->texts, labels.ptr[i].name, err);
    return result;
}

static bool gather_texts(LabelsFound *state, Err *err)
{
    TextAdd result = TEXT_ADDED;
    for (size_t i = 0; result == TEXT_ADDED && i < state->series.count; i++) {
        if (!within_deadline(deadline_clock(state->query->clock, state->store->clock),
                             state->query->deadline_mono_ns, err))
            return false;
        if (is_held(state, state->series.ptr[i]))
            result = add_texts(state, state->series.ptr[i]->labels, err);
    }
    return result != TEXT_FAILED;
}

static bool find_series(LabelsFound *state, Err *err)
{
    LabelMatch match;
    if (!label_match_init(&match, state->query->matchers, state->query->matcher_count, err))
        return false;
    bool ok = snapshot_take(&state->store->rows, &state->snapshot, err) &&
              label_table_select(&state->store->tables.series, &match, &state->series, err);
    label_match_done(&match);
    return ok;
}

bool series_store_labels(SeriesSource *source, const LabelQuery *query, LabelFound *found,
                         void *context, Err *err)
{
    LabelsFound state = { .store = (SeriesStore *)source, .query = query };
    bool ok = text_set_init(&state.texts, query->limit ? query->limit : SIZE_MAX, err) &&
              find_series(&state, err) && gather_texts(&state, err) &&
              text_set_tell(&state.texts, found, context, err);
    text_set_done(&state.texts);
    label_sets_done(&state.store->tables.series, &state.series);
    snapshot_done(&state.snapshot);
    return ok;
}

/* ---- families ----------------------------------------------------------------------------------
 */

static MetricMeta meta_of(const LabelSet *family)
{
    Str type = labels_get(family->labels, STR("type"));
    return (MetricMeta){
        .name = labels_get(family->labels, STR(LABEL_METRIC_NAME)),
        .type = type.len ? (MetricType)(*type.ptr - '0') : METRIC_TYPE_UNKNOWN,
        .help = labels_get(family->labels, STR("help")),
        .unit = labels_get(family->labels, STR("unit")),
    };
}

/* What was said last of a name counts. */
static bool gather_families(const Snapshot *snapshot, Str wanted, Map *families, Err *err)
{
    for (size_t r = snapshot->count; r-- > 0;) {
        const SeriesRun *run = (const SeriesRun *)snapshot->runs[r];
        for (size_t i = run->family_count; i-- > 0;) {
            LabelSet *family = run->families[i];
            Str name = labels_get(family->labels, STR(LABEL_METRIC_NAME));
            if ((wanted.len && !str_eq(wanted, name)) || map_get(families, name))
                continue;
            if (!map_put(families, name, family, err))
                return false;
        }
    }
    return true;
}

static int compare_metas(const void *a, const void *b)
{
    const MetricMeta *left = a, *right = b;
    return str_compare(left->name, right->name);
}

static bool tell_families(const SeriesMetaQuery *query, const Map *families, Err *err)
{
    MetricMeta *all = MEM_MAKE(MetricMeta, families->count + 1, err);
    if (!all)
        return false;
    size_t cursor = 0, count = 0;
    for (const MapEntry *entry; map_next(families, &cursor, &entry);)
        all[count++] = meta_of(entry->value);
    if (count)
        qsort(all, count, sizeof *all, compare_metas);
    for (size_t i = 0; i < count; i++)
        if (!query->found(query->context, &all[i]))
            break;
    mem_free(all);
    return true;
}

static bool list_families(SeriesStore *store, const SeriesMetaQuery *query, Err *err)
{
    Snapshot snapshot;
    if (!snapshot_take(&store->rows, &snapshot, err))
        return false;
    Map families = MAP(FAMILIES_MAX);
    bool ok =
        within_deadline(deadline_clock(query->clock, store->clock), query->deadline_mono_ns, err) &&
        gather_families(&snapshot, query->metric, &families, err) &&
        tell_families(query, &families, err);
    map_free(&families);
    snapshot_done(&snapshot);
    return ok;
}

static void tell_stats(SeriesStore *store, SeriesStats *out)
{
    RunListNumbers rows = run_list_numbers(&store->rows);
    LabelTableNumbers series = label_table_numbers(&store->tables.series);
    LabelTableNumbers families = label_table_numbers(&store->tables.families);
    *out = (SeriesStats){
        .series = series.sets,
        .samples = rows.rows,
        .bytes = run_list_memory(&store->rows) + series.memory + families.memory,
        .points_unsupported = rows.items_refused,
        .oldest_received_ns = run_list_oldest_ns(&store->rows),
    };
}

bool series_store_meta(SeriesSource *source, const SeriesMetaQuery *query, Err *err)
{
    SeriesStore *store = (SeriesStore *)source;
    if (query->found && !list_families(store, query, err))
        return false;
    if (query->stats)
        tell_stats(store, query->stats);
    return true;
}
