/* series_run.c - see series_run.h. */
#include "store/metrics/series_run.h"

#include "base/mem.h"
#include "prom/otlp_series.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- pieces ------------------------------------------------------------------------------------
 */

static void free_piece(Piece *base)
{
    enum { AT_ONCE = 256 };
    SeriesPiece *piece = (SeriesPiece *)base;
    LabelSet *sets[AT_ONCE];
    for (size_t i = 0; i < piece->base.count;) {
        size_t n = 0;
        for (; n < AT_ONCE && i < piece->base.count; i++)
            sets[n++] = piece->points[i].series;
        label_table_drop(&piece->tables->series, sets, n);
    }
    label_table_drop(&piece->tables->families, piece->families, piece->family_count);
    mem_free(piece->points);
    mem_free(piece->families);
    mem_free(piece);
}

typedef struct Filling {
    SeriesPiece *piece;
    uint64_t memory_max;
} Filling;

static size_t piece_memory(const SeriesPiece *piece)
{
    return sizeof *piece + piece->point_cap * sizeof *piece->points +
           piece->family_cap * sizeof *piece->families;
}

/* Room for one more; `cap` counts elements of `size`. */
static bool reserve(void **array, size_t count, size_t *cap, size_t size, Err *err)
{
    if (count < *cap)
        return true;
    size_t wider = *cap ? 2 * *cap : 16;
    void *grown = mem_grow(*array, wider * size);
    if (!grown)
        return fail(err, ERR_MEMORY, "no memory for %zu samples", wider);
    *array = grown;
    *cap = wider;
    return true;
}

static bool add_sample(void *context, const PromSample *sample, Err *err)
{
    Filling *filling = context;
    SeriesPiece *piece = filling->piece;
    void *points = piece->points;
    bool room = reserve(&points, piece->base.count, &piece->point_cap, sizeof(SeriesPoint), err);
    piece->points = points;
    if (!room)
        return false;
    if (piece_memory(piece) + piece->base.shared > filling->memory_max)
        return fail(err, ERR_LIMIT, "the series of a batch take more than %" PRIu64 " bytes",
                    filling->memory_max);
    LabelSet *series =
        label_table_take(&piece->tables->series, sample->labels, &piece->base.shared, err);
    if (!series)
        return false;
    piece->points[piece->base.count++] =
        (SeriesPoint){ series, { sample->time_ms, sample->value } };
    return true;
}

static bool add_family(void *context, const PromFamily *family, Err *err)
{
    SeriesPiece *piece = ((Filling *)context)->piece;
    void *families = piece->families;
    bool room =
        reserve(&families, piece->family_count, &piece->family_cap, sizeof(LabelSet *), err);
    piece->families = families;
    if (!room)
        return false;
    const char type = (char)('0' + (int)family->type);
    Label labels[] = { { STR(LABEL_METRIC_NAME), family->name },
                       { STR("help"), family->help },
                       { STR("type"), { &type, 1 } },
                       { STR("unit"), family->unit } };
    Labels set = { labels, labels_sort(labels, COUNT_OF(labels)) };
    LabelSet *kept = label_table_take(&piece->tables->families, set, &piece->base.shared, err);
    if (kept)
        piece->families[piece->family_count++] = kept;
    return kept != NULL;
}

static bool add_unsupported(void *context, size_t item, const char *reason, Err *err)
{
    SeriesPiece *piece = ((Filling *)context)->piece;
    (void)item;
    (void)err;
    piece->base.refused++;
    piece->base.refused_reason = reason;
    return true;
}

Piece *series_piece_make(const SeriesPieceMake *make, Err *err)
{
    const PromOptions options = { 0 };
    SeriesPiece *piece = MEM_MAKE(SeriesPiece, 1, err);
    if (!piece)
        return NULL;
    refs_init(&piece->base.refs);
    piece->base.kind = &series_runs;
    piece->base.received_ns = make->received_ns;
    piece->tables = make->tables;
    Filling filling = { piece, make->memory_max };
    const SeriesVisitor visitor = { .context = &filling,
                                    .family = add_family,
                                    .sample = add_sample,
                                    .unsupported = add_unsupported };
    if (!prom_series_walk(make->batch, &options, &visitor, err)) {
        free_piece(&piece->base);
        return NULL;
    }
    piece->base.memory = piece_memory(piece);
    return &piece->base;
}

/* ---- runs --------------------------------------------------------------------------------------
 */

static void free_run(Run *base)
{
    SeriesRun *run = (SeriesRun *)base;
    label_table_drop(&run->tables->series, run->series, run->series_count);
    label_table_drop(&run->tables->families, run->families, run->family_count);
    mem_free(run->series);
    mem_free(run->ends);
    mem_free(run->samples);
    mem_free(run->families);
    mem_free(run);
}

typedef struct OrderedPoint {
    const SeriesPoint *point;
    uint32_t order;
} OrderedPoint;

static int compare_addresses(const LabelSet *a, const LabelSet *b)
{
    return ((uintptr_t)a > (uintptr_t)b) - ((uintptr_t)a < (uintptr_t)b);
}

static int compare_points(const void *a, const void *b)
{
    const OrderedPoint *left = a, *right = b;
    int order = compare_addresses(left->point->series, right->point->series);
    if (order)
        return order;
    int64_t times[2] = { left->point->sample.time_ms, right->point->sample.time_ms };
    if (times[0] != times[1])
        return times[0] < times[1] ? -1 : 1;
    return (left->order > right->order) - (left->order < right->order);
}

static OrderedPoint *order_points(Piece *const *pieces, size_t count, size_t points, Err *err)
{
    OrderedPoint *ordered = MEM_MAKE(OrderedPoint, points + 1, err);
    uint32_t n = 0;
    for (size_t p = 0; ordered && p < count; p++) {
        const SeriesPiece *piece = (const SeriesPiece *)pieces[p];
        for (size_t i = 0; i < piece->base.count; i++, n++)
            ordered[n] = (OrderedPoint){ &piece->points[i], n };
    }
    if (n)
        qsort(ordered, n, sizeof *ordered, compare_points);
    return ordered;
}

/* Of several at one time the last one stays. */
static void fill_samples(SeriesRun *run, const OrderedPoint *ordered)
{
    uint32_t kept = 0;
    run->first_ms = INT64_MAX;
    run->last_ms = INT64_MIN;
    for (size_t i = 0; i < run->base.count; i++) {
        const SeriesPoint *point = ordered[i].point;
        bool fresh = !i || point->series != ordered[i - 1].point->series;
        if (fresh)
            run->series[run->series_count++] = point->series;
        if (!fresh && run->samples[kept - 1].time_ms == point->sample.time_ms)
            kept--;
        run->samples[kept++] = point->sample;
        run->ends[run->series_count - 1] = kept;
        if (point->sample.time_ms < run->first_ms)
            run->first_ms = point->sample.time_ms;
        if (point->sample.time_ms > run->last_ms)
            run->last_ms = point->sample.time_ms;
    }
    label_table_retake(&run->tables->series, run->series, run->series_count);
}

typedef struct OrderedFamily {
    LabelSet *set;
    uint32_t order; /* in which it came */
} OrderedFamily;

static int compare_by_set(const void *a, const void *b)
{
    const OrderedFamily *left = a, *right = b;
    int order = compare_addresses(left->set, right->set);
    return order ? order : (left->order > right->order) - (left->order < right->order);
}

static int compare_by_order(const void *a, const void *b)
{
    const OrderedFamily *left = a, *right = b;
    return (left->order > right->order) - (left->order < right->order);
}

/* Each once, in the order in which they last came. */
static bool fill_families(SeriesRun *run, Piece *const *pieces, size_t count, Err *err)
{
    size_t most = 0, kept = 0;
    uint32_t n = 0;
    for (size_t p = 0; p < count; p++)
        most += ((const SeriesPiece *)pieces[p])->family_count;
    run->families = MEM_MAKE(LabelSet *, most + 1, err);
    OrderedFamily *families = run->families ? MEM_MAKE(OrderedFamily, most + 1, err) : NULL;
    if (!families)
        return false;
    for (size_t p = 0; p < count; p++) {
        const SeriesPiece *piece = (const SeriesPiece *)pieces[p];
        for (size_t i = 0; i < piece->family_count; i++, n++)
            families[n] = (OrderedFamily){ piece->families[i], n };
    }
    if (n)
        qsort(families, n, sizeof *families, compare_by_set);
    for (size_t i = 0; i < n; i++)
        if (i + 1 == n || families[i].set != families[i + 1].set)
            families[kept++] = families[i];
    if (kept)
        qsort(families, kept, sizeof *families, compare_by_order);
    for (size_t i = 0; i < kept; i++)
        run->families[i] = families[i].set;
    run->family_count = kept;
    label_table_retake(&run->tables->families, run->families, kept);
    mem_free(families);
    return true;
}

static bool allocate(SeriesRun *run, Piece *const *pieces, size_t count, Err *err)
{
    for (size_t i = 0; i < count; i++)
        run->base.count += pieces[i]->count;
    run->series = MEM_MAKE(LabelSet *, run->base.count + 1, err);
    run->ends = run->series ? MEM_MAKE(uint32_t, run->base.count + 1, err) : NULL;
    run->samples = run->ends ? MEM_MAKE(Sample, run->base.count + 1, err) : NULL;
    return run->samples != NULL;
}

static void *shrink(void *array, size_t size)
{
    void *shrunk = mem_grow(array, size);
    return shrunk ? shrunk : array;
}

static void shrink_run(SeriesRun *run)
{
    size_t series = run->series_count + 1, families = run->family_count + 1;
    size_t samples = (run->series_count ? run->ends[run->series_count - 1] : 0) + 1U;
    run->series = shrink(run->series, series * sizeof *run->series);
    run->ends = shrink(run->ends, series * sizeof *run->ends);
    run->samples = shrink(run->samples, samples * sizeof *run->samples);
    run->families = shrink(run->families, families * sizeof *run->families);
    run->base.memory = sizeof *run + series * (sizeof *run->series + sizeof *run->ends) +
                       samples * sizeof *run->samples + families * sizeof *run->families;
}

static Run *make_run(Piece *const *pieces, size_t count, Err *err)
{
    SeriesRun *run = MEM_MAKE(SeriesRun, 1, err);
    if (!run)
        return NULL;
    refs_init(&run->base.refs);
    run->base.kind = &series_runs;
    run->tables = ((const SeriesPiece *)pieces[0])->tables;
    OrderedPoint *ordered = NULL;
    if (allocate(run, pieces, count, err) && fill_families(run, pieces, count, err))
        ordered = order_points(pieces, count, run->base.count, err);
    if (!ordered) {
        free_run(&run->base);
        return NULL;
    }
    fill_samples(run, ordered);
    mem_free(ordered);
    shrink_run(run);
    return &run->base;
}

const RunKind series_runs = {
    .rows = 16384,
    .make = make_run,
    .free_run = free_run,
    .free_piece = free_piece,
};

/* ---- finding -----------------------------------------------------------------------------------
 */

static bool find_series(const SeriesRun *run, const LabelSet *series, size_t *at)
{
    size_t low = 0, high = run->series_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_addresses(run->series[middle], series);
        if (order == 0) {
            *at = middle;
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

bool series_run_has(const SeriesRun *run, const LabelSet *series)
{
    size_t at;
    return find_series(run, series, &at);
}

bool series_run_overlaps(const SeriesRun *run, int64_t from_ms, int64_t to_ms)
{
    return run->last_ms > from_ms && run->first_ms <= to_ms;
}

/* The first sample that is later. */
static size_t seek_after(Samples samples, int64_t time_ms)
{
    size_t low = 0, high = samples.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (samples.ptr[middle].time_ms <= time_ms)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

Samples series_run_find(const SeriesRun *run, const LabelSet *series, int64_t from_ms,
                        int64_t to_ms)
{
    size_t at;
    if (!series_run_overlaps(run, from_ms, to_ms) || !find_series(run, series, &at))
        return (Samples){ NULL, 0 };
    size_t start = at ? run->ends[at - 1] : 0;
    Samples all = { run->samples + start, run->ends[at] - start };
    size_t from = seek_after(all, from_ms), to = seek_after(all, to_ms);
    return (Samples){ all.ptr + from, from < to ? to - from : 0 };
}
