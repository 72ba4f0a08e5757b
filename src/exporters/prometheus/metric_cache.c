/* metric_cache.c - see metric_cache.h. A series is found by the text that its lines begin with. */
#include "exporters/prometheus/metric_cache.h"

#include "base/map.h"
#include "base/mem.h"
#include "prom/exposition.h"

#include <math.h>
#include <string.h>

enum {
    KEY_MAX = 2 * POINT_MEMORY_MAX + (1 << 20), /* escaping doubles at most */
    LINE_BYTES = 1024,                          /* so many bytes may a line take on average */
    BYTES_MIN = 64 << 20,
    /* What maps and lists take for one entry, which are at least half full. */
    PLACE_BYTES = 2 * (sizeof(MapEntry) + 2 * sizeof(uint32_t) + sizeof(void *)),
};

struct MetricCache {
    Purse *purse;
    Map families, series;
    CachedFamily **sorted;
    size_t count, cap;
    uint64_t lines, lines_max, bytes, bytes_max;
    unsigned holders;
    bool littered; /* something dead waits to be freed */
    Buf key;
};

MetricCache *metric_cache_new(uint64_t lines_max, Purse *purse, Err *err)
{
    MetricCache *cache = MEM_MAKE(MetricCache, 1, err);
    if (!cache)
        return NULL;
    cache->purse = purse;
    cache->lines_max = lines_max;
    cache->bytes_max = BYTES_MIN + lines_max * LINE_BYTES;
    cache->families = MAP(lines_max + 1);
    cache->series = MAP(lines_max + 1);
    cache->key = BUF(KEY_MAX);
    return cache;
}

static size_t exemplars_cost(size_t count)
{
    return sizeof(CachedExemplars) + count * sizeof *((CachedExemplars *)NULL)->at;
}

static void exemplars_free(MetricCache *cache, CachedSeries *series)
{
    if (series->exemplars)
        purse_give(cache->purse, exemplars_cost(series->exemplars->count));
    mem_free(series->exemplars);
    series->exemplars = NULL;
}

static void series_free(MetricCache *cache, CachedSeries *series)
{
    cache->bytes -= series->bytes;
    purse_give(cache->purse, series->charged);
    exemplars_free(cache, series);
    if (series->family->family.type == METRIC_TYPE_HISTOGRAM)
        mem_free(series->buckets);
    else if (series->family->family.type == METRIC_TYPE_SUMMARY)
        mem_free(series->quantiles);
    mem_free(series);
}

static size_t family_cost(const PromFamily *family)
{
    return sizeof(CachedFamily) + family->name.len + family->help.len + family->unit.len +
           PLACE_BYTES;
}

static void family_free(MetricCache *cache, CachedFamily *family)
{
    purse_give(cache->purse, family_cost(&family->family));
    for (size_t i = 0; i < family->count; i++)
        series_free(cache, family->series[i]);
    mem_free(family->series);
    mem_free(family);
}

void metric_cache_free(MetricCache *cache)
{
    if (!cache)
        return;
    for (size_t i = 0; i < cache->count; i++)
        family_free(cache, cache->sorted[i]);
    mem_free(cache->sorted);
    map_free(&cache->series);
    map_free(&cache->families);
    buf_free(&cache->key);
    mem_free(cache);
}

/* ---- families ---- */

static Str copy_into(char **at, Str text)
{
    Str copy = { *at, text.len };
    if (text.len)
        memcpy(*at, text.ptr, text.len);
    *at += text.len;
    return copy;
}

static CachedFamily *family_new(const PromFamily *from, Err *err)
{
    size_t texts = from->name.len + from->help.len + from->unit.len;
    CachedFamily *family = mem_zeroed(1, sizeof *family + texts, err);
    if (!family)
        return NULL;
    char *at = (char *)(family + 1);
    family->family.type = from->type;
    family->family.name = copy_into(&at, from->name);
    family->family.help = copy_into(&at, from->help);
    family->family.unit = copy_into(&at, from->unit);
    return family;
}

static bool grow(void **items, size_t *cap, size_t count, Err *err)
{
    if (count < *cap)
        return true;
    size_t cap_new = *cap ? *cap * 2 : 8;
    void *grown = mem_grow(*items, cap_new * sizeof(void *));
    if (!grown)
        return fail(err, ERR_MEMORY, "no memory for series");
    *items = grown;
    *cap = cap_new;
    return true;
}

static bool grow_sorted(MetricCache *cache, Err *err)
{
    void *items = cache->sorted;
    bool ok = grow(&items, &cache->cap, cache->count, err);
    cache->sorted = items;
    return ok;
}

static void insert_sorted(MetricCache *cache, CachedFamily *family)
{
    size_t low = 0, high = cache->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (str_compare(cache->sorted[middle]->family.name, family->family.name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    memmove(cache->sorted + low + 1, cache->sorted + low,
            (cache->count - low) * sizeof(CachedFamily *));
    cache->sorted[low] = family;
    cache->count++;
}

static CachedFamily *family_of(MetricCache *cache, const PromFamily *like, Err *err)
{
    CachedFamily *family = map_get(&cache->families, like->name);
    if (family || !grow_sorted(cache, err))
        return family;
    family = family_new(like, err);
    if (!family)
        return NULL;
    if (!map_put(&cache->families, family->family.name, family, err)) {
        mem_free(family);
        return NULL;
    }
    insert_sorted(cache, family);
    purse_force(cache->purse, family_cost(like)); /* its first series has been paid for */
    return family;
}

/* ---- series ---- */

static CachedSeries *series_new(MetricCache *cache, CachedFamily *family, Err *err)
{
    Str key = buf_str(&cache->key);
    void *items = family->series;
    bool room = grow(&items, &family->cap, family->count, err);
    family->series = items;
    CachedSeries *series = room ? mem_zeroed(1, sizeof *series + key.len, err) : NULL;
    if (!series)
        return NULL;
    char *text = (char *)(series + 1);
    series->family = family;
    series->key = copy_into(&text, key);
    series->labels = str_skip(series->key, family->family.name.len + 1);
    if (!map_put(&cache->series, series->key, series, err)) {
        mem_free(series);
        return NULL;
    }
    series->bytes = sizeof *series + key.len;
    cache->bytes += series->bytes;
    family->series[family->count++] = series;
    return series;
}

void metric_cache_kill(MetricCache *cache, CachedSeries *series)
{
    if (series->dead)
        return;
    (void)map_take(&cache->series, series->key);
    series->dead = true;
    series->family->dead++;
    cache->lines -= series->lines;
    cache->littered = true;
}

/* What a series with `bytes` of values is charged. */
static size_t series_cost(Str key, size_t bytes)
{
    return sizeof(CachedSeries) + key.len + bytes + PLACE_BYTES;
}

static bool has_room(const MetricCache *cache, size_t lines, size_t bytes)
{
    return cache->lines + lines <= cache->lines_max && cache->bytes + bytes <= cache->bytes_max;
}

static void set_size(MetricCache *cache, CachedSeries *series, size_t lines, size_t bytes)
{
    cache->lines += lines - series->lines;
    cache->bytes += bytes - (series->bytes - sizeof *series - series->key.len);
    series->bytes = sizeof *series + series->key.len + bytes;
    series->lines = lines;
    size_t cost = series_cost(series->key, bytes);
    purse_give(cache->purse, series->charged - cost);
    series->charged = cost;
}

/* The key of family and labels stands in cache->key afterwards. */
static CachedSeries *find(MetricCache *cache, Str name, Labels labels)
{
    buf_clear(&cache->key);
    buf_add(&cache->key, name);
    buf_add_byte(&cache->key, '{');
    exposition_labels(&cache->key, labels);
    return cache->key.failed ? NULL : map_get(&cache->series, buf_str(&cache->key));
}

/* ---- values ---- */

typedef struct Put {
    MetricCache *cache;
    const PromPoint *point;
    CachedFamily *family; /* NULL: a new one, as the next */
    CachedSeries *series;
    const char *dropped;
} Put;

static bool is_delta(const PromPoint *point)
{
    return point->metric->temporality == TEMPORALITY_DELTA &&
           (point->metric->kind == METRIC_SUM || point->metric->kind == METRIC_HISTOGRAM);
}

/* Pays for the series as it will be; what is too much is given back when its value is set. */
static bool pay(Put *put, size_t bytes)
{
    Str key = put->series ? put->series->key : buf_str(&put->cache->key);
    size_t cost = series_cost(key, bytes), paid = put->series ? put->series->charged : 0;
    if (cost <= paid)
        return true;
    if (!purse_take(put->cache->purse, cost - paid)) {
        put->dropped = "no room in memory now";
        return false;
    }
    if (put->series)
        put->series->charged = cost;
    return true;
}

static bool make_new(Put *put, size_t bytes, Err *err)
{
    size_t cost = series_cost(buf_str(&put->cache->key), bytes);
    if (!put->family)
        put->family = family_of(put->cache, put->point->family, err);
    put->series = put->family ? series_new(put->cache, put->family, err) : NULL;
    if (put->series) {
        put->series->charged = cost;
        return true;
    }
    purse_give(put->cache->purse, cost);
    put->cache->littered = true; /* perhaps by a family without series */
    return false;
}

/* Makes the series (and family) if it is new, when there is room for it as it will be. */
static bool make_series(Put *put, size_t lines, size_t bytes, Err *err)
{
    size_t held = put->series ? put->series->lines : 0;
    size_t key = put->series ? 0 : sizeof(CachedSeries) + put->cache->key.len;
    if (lines > held && !has_room(put->cache, lines - held, bytes + key)) {
        put->dropped = "max_series is reached";
        return true;
    }
    return !pay(put, bytes) || put->series || make_new(put, bytes, err);
}

static bool put_number(Put *put, Err *err)
{
    const NumberPointView *view = &put->point->number;
    double value = view->value.kind == NUMBER_INT ? (double)view->value.integer : view->value.real;
    const CachedSeries *before = put->series;
    if (view->value.kind == NUMBER_NONE) {
        put->dropped = "a point without a value";
        return true;
    }
    bool adds = before && is_delta(put->point) && view->start_ns == before->time_ns;
    if (!make_series(put, 1, 0, err))
        return false;
    if (put->dropped)
        return true;
    put->series->value = adds ? put->series->value + value : value;
    set_size(put->cache, put->series, 1, 0);
    return true;
}

static size_t count_bounds(HistogramPointView view)
{
    size_t count = 0;
    uint64_t bucket;
    for (double bound; numbers_next_double(&view.explicit_bounds, &bound) &&
                       numbers_next_u64(&view.bucket_counts, &bucket);)
        count++;
    return count;
}

/* False: the bounds are not in order. */
static bool fill_buckets(HistogramPointView view, CachedBuckets *out)
{
    uint64_t bucket;
    double before = -INFINITY;
    out->count = view.count;
    out->sum = view.sum;
    out->has_sum = view.has_sum;
    for (double bound; numbers_next_double(&view.explicit_bounds, &bound) &&
                       numbers_next_u64(&view.bucket_counts, &bucket);) {
        if (!(bound > before))
            return false;
        before = bound;
        out->at[out->bounds].bound = bound;
        out->at[out->bounds++].count = bucket;
    }
    return true;
}

static bool same_bounds(const CachedBuckets *a, const CachedBuckets *b)
{
    if (a->bounds != b->bounds)
        return false;
    for (size_t i = 0; i < a->bounds; i++)
        if (a->at[i].bound != b->at[i].bound) /* both are numbers: NaN is never in order */
            return false;
    return true;
}

static void add_buckets(CachedBuckets *to, const CachedBuckets *more)
{
    to->count += more->count;
    to->sum += more->sum;
    to->has_sum = to->has_sum && more->has_sum;
    for (size_t i = 0; i < to->bounds; i++)
        to->at[i].count += more->at[i].count;
}

/* Joins what is new with what was there: added up, or in its place. */
static void take_buckets(Put *put, CachedBuckets *buckets, bool adds)
{
    CachedSeries *series = put->series;
    if (adds && series->buckets && same_bounds(series->buckets, buckets)) {
        add_buckets(series->buckets, buckets);
        mem_free(buckets);
        return;
    }
    mem_free(series->buckets);
    series->buckets = buckets;
    set_size(put->cache, series, buckets->bounds + 3,
             sizeof *buckets + buckets->bounds * sizeof *buckets->at);
}

static bool put_histogram(Put *put, Err *err)
{
    const HistogramPointView *view = &put->point->histogram;
    const CachedSeries *before = put->series;
    bool adds = before && is_delta(put->point) && view->start_ns == before->time_ns;
    if (before && is_delta(put->point) && view->start_ns < before->time_ns) {
        put->dropped = "a delta that overlaps the one before";
        return true;
    }
    size_t bounds = count_bounds(*view);
    size_t bytes = sizeof(CachedBuckets) + bounds * sizeof *((CachedBuckets *)NULL)->at;
    CachedBuckets *buckets = mem_zeroed(1, bytes, err);
    if (!buckets)
        return false;
    if (!fill_buckets(*view, buckets))
        put->dropped = "bounds of a histogram that are not in order";
    bool ok = put->dropped || make_series(put, bounds + 3, bytes, err);
    if (ok && !put->dropped)
        take_buckets(put, buckets, adds);
    else
        mem_free(buckets);
    return ok;
}

static bool put_summary(Put *put, Err *err)
{
    SummaryPointView view = put->point->summary;
    size_t count = fields_count(view.quantiles);
    size_t bytes = sizeof(CachedQuantiles) + count * sizeof(QuantileView);
    CachedQuantiles *quantiles = mem_zeroed(1, bytes, err);
    if (!quantiles)
        return false;
    quantiles->count = view.count;
    quantiles->sum = view.sum;
    for (QuantileView at; quantiles->quantiles < count && quantile_next(&view.quantiles, &at);)
        quantiles->at[quantiles->quantiles++] = at;
    bool ok = make_series(put, count + 2, bytes, err);
    if (!ok || put->dropped) {
        mem_free(quantiles);
        return ok;
    }
    mem_free(put->series->quantiles);
    put->series->quantiles = quantiles;
    set_size(put->cache, put->series, count + 2, bytes);
    return true;
}

/* Which bucket a value falls into; the last is above all bounds. */
static size_t bucket_of(const CachedSeries *series, double value)
{
    size_t i = 0;
    if (series->family->family.type != METRIC_TYPE_HISTOGRAM)
        return 0;
    while (i < series->buckets->bounds && value > series->buckets->at[i].bound)
        i++;
    return i;
}

static void keep_exemplar(CachedSeries *series, const ExemplarView *view)
{
    const NumberView *number = &view->value;
    double value = number->kind == NUMBER_INT ? (double)number->integer : number->real;
    size_t i = bucket_of(series, value);
    int64_t time_ms = (int64_t)(view->time_ns / 1000000);
    bool newer =
        !series->exemplars->at[i].present || time_ms >= series->exemplars->at[i].exemplar.time_ms;
    if (number->kind == NUMBER_NONE || !newer)
        return;
    series->exemplars->at[i].present = true;
    series->exemplars->at[i].exemplar =
        (SampleExemplar){ view->trace_id, view->span_id, value, time_ms };
}

/* They adorn the value: without memory for them it is shown all the same. */
static void take_exemplars(Put *put)
{
    CachedSeries *series = put->series;
    MetricType type = series->family->family.type;
    exemplars_free(put->cache, series);
    if (type != METRIC_TYPE_HISTOGRAM && type != METRIC_TYPE_COUNTER)
        return;
    bool buckets = type == METRIC_TYPE_HISTOGRAM;
    Fields list = buckets ? put->point->histogram.exemplars : put->point->number.exemplars;
    size_t count = buckets ? series->buckets->bounds + 1 : 1, cost = exemplars_cost(count);
    Err ignored;
    if (!fields_count(list) || !purse_take(put->cache->purse, cost))
        return;
    series->exemplars = mem_zeroed(1, cost, &ignored);
    if (!series->exemplars) {
        purse_give(put->cache->purse, cost);
        return;
    }
    series->exemplars->count = count;
    for (ExemplarView view; exemplar_next(&list, &view);)
        keep_exemplar(series, &view);
}

static bool put_value(Put *put, Err *err)
{
    switch (put->point->family->type) {
    case METRIC_TYPE_HISTOGRAM: return put_histogram(put, err);
    case METRIC_TYPE_SUMMARY: return put_summary(put, err);
    case METRIC_TYPE_COUNTER:
    case METRIC_TYPE_GAUGE:
    case METRIC_TYPE_UNKNOWN: return put_number(put, err);
    }
    return true;
}

static const char *unusable(const PromPoint *point)
{
    const MetricView *metric = point->metric;
    if (metric->kind != METRIC_SUM && metric->kind != METRIC_HISTOGRAM)
        return NULL;
    if (metric->temporality != TEMPORALITY_DELTA && metric->temporality != TEMPORALITY_CUMULATIVE)
        return "unspecified temporality";
    return metric->temporality == TEMPORALITY_DELTA && metric->kind == METRIC_SUM &&
                   !metric->is_monotonic
               ? "delta of a sum that is not monotonic"
               : NULL;
}

const char metric_cache_other_type[] = "a type other than the metric had before";

/* What stops a point before its value is looked at. */
static const char *obstacle(const Put *put)
{
    if (put->cache->key.failed)
        return "labels larger than can be written";
    if (put->family && put->family->family.type != put->point->family->type)
        return metric_cache_other_type;
    if (put->series && put->point->time_ns < put->series->time_ns)
        return "older than what is shown";
    return unusable(put->point);
}

bool metric_cache_put(MetricCache *cache, const PromPoint *point, int64_t now_ns,
                      const char **dropped, Err *err)
{
    Put put = { .cache = cache, .point = point };
    put.series = find(cache, point->family->name, point->labels);
    put.family = map_get(&cache->families, point->family->name);
    *dropped = put.dropped = obstacle(&put);
    if (put.dropped)
        return true;
    if (point->ended) {
        if (put.series)
            metric_cache_kill(cache, put.series);
        return true;
    }
    if (!put_value(&put, err))
        return false;
    *dropped = put.dropped;
    if (put.dropped)
        return true;
    take_exemplars(&put);
    put.series->time_ns = point->time_ns;
    put.series->updated_ns = now_ns;
    return true;
}

bool metric_cache_target(MetricCache *cache, Str name, Labels labels, int64_t now_ns,
                         const char **dropped, Err *err)
{
    PromFamily family = { name, METRIC_TYPE_GAUGE, STR("Target metadata"), { NULL, 0 } };
    MetricView metric = { .kind = METRIC_GAUGE };
    PromPoint point = { .metric = &metric, .family = &family, .labels = labels };
    point.number.value = (NumberView){ .kind = NUMBER_INT, .integer = 1 };
    return metric_cache_put(cache, &point, now_ns, dropped, err);
}

/* ---- walking ---- */

bool metric_cache_hold(MetricCache *cache, CachedFamily ***families, size_t *count, Err *err)
{
    *count = cache->count;
    *families = MEM_MAKE(CachedFamily *, cache->count + 1, err);
    if (!*families)
        return false;
    if (cache->count)
        memcpy(*families, cache->sorted, cache->count * sizeof(CachedFamily *));
    cache->holders++;
    return true;
}

static void drop_dead(MetricCache *cache, CachedFamily *family)
{
    size_t kept = 0;
    for (size_t i = 0; i < family->count; i++)
        if (family->series[i]->dead)
            series_free(cache, family->series[i]);
        else
            family->series[kept++] = family->series[i];
    family->count = kept;
    family->dead = 0;
}

static void sweep(MetricCache *cache)
{
    size_t kept = 0;
    for (size_t i = 0; i < cache->count; i++) {
        CachedFamily *family = cache->sorted[i];
        if (family->dead)
            drop_dead(cache, family);
        if (family->count) {
            cache->sorted[kept++] = family;
            continue;
        }
        (void)map_take(&cache->families, family->family.name);
        family_free(cache, family);
    }
    cache->count = kept;
    cache->littered = false;
}

void metric_cache_release(MetricCache *cache, CachedFamily **families)
{
    mem_free(families);
    if (--cache->holders == 0 && cache->littered)
        sweep(cache);
}
