/* metric_cache.h - the newest value of every series, in families: what a scrape is answered with.
 *
 *     MetricCache -> CachedFamily (sorted by name) -> CachedSeries (in order of arrival)
 *
 * Two points are one series when family and labels are the same, so that no answer ever holds a
 * series twice. Delta sums and delta histograms are added up as long as each begins where the last
 * one ended; a gap begins anew, which Prometheus reads as a reset.
 *
 * Bounds: lines (a histogram is one for each bucket and three more) and bytes, and the purse that
 * pays for it: a series that it has no room for is not taken. One thread. While
 * somebody walks the families in several goes, metric_cache_hold() keeps what is taken out of it in
 * memory, marked dead.
 */
#ifndef EXPORTERS_PROMETHEUS_METRIC_CACHE_H
#define EXPORTERS_PROMETHEUS_METRIC_CACHE_H

#include "base/budget.h"
#include "prom/exposition.h"
#include "prom/otlp_points.h"

typedef struct CachedSeries CachedSeries;

typedef struct CachedFamily {
    PromFamily family; /* its texts are its own */
    CachedSeries **series;
    size_t count, cap, dead;
} CachedFamily;

typedef struct CachedBuckets {
    uint64_t count;
    double sum;
    bool has_sum;
    size_t bounds;
    struct {
        double bound;
        uint64_t count; /* in this bucket alone; behind the last bound: the rest of `count` */
    } at[];
} CachedBuckets;

typedef struct CachedQuantiles {
    uint64_t count;
    double sum;
    size_t quantiles;
    QuantileView at[];
} CachedQuantiles;

/* The newest exemplar of each bucket, the last one above all bounds; of a counter there is one. */
typedef struct CachedExemplars {
    size_t count;
    struct {
        bool present;
        SampleExemplar exemplar;
    } at[];
} CachedExemplars;

struct CachedSeries {
    Str key, labels; /* labels as exposition_labels() writes them */
    CachedFamily *family;
    uint64_t time_ns;   /* of the newest point */
    int64_t updated_ns; /* when that came, on the monotonic clock */
    size_t lines, bytes, charged;
    bool dead;
    CachedExemplars *exemplars; /* of the newest point; NULL: none */
    union {
        double value;
        CachedBuckets *buckets;     /* METRIC_TYPE_HISTOGRAM */
        CachedQuantiles *quantiles; /* METRIC_TYPE_SUMMARY */
    };
};

typedef struct MetricCache MetricCache;

/* Why metric_cache_put() drops a point whose family has another type. */
extern const char metric_cache_other_type[];

/* purse: NULL: nobody pays. */
CHECKED MetricCache *metric_cache_new(uint64_t lines_max, Purse *purse, Err *err);
void metric_cache_free(MetricCache *cache); /* NULL is fine */

/* Takes the point, or says in *dropped (a literal) why not. False: ERR_MEMORY. Exemplars are kept
 * where there is room for them. */
CHECKED bool metric_cache_put(MetricCache *cache, const PromPoint *point, int64_t now_ns,
                              const char **dropped, Err *err);
/* target_info of a resource. */
CHECKED bool metric_cache_target(MetricCache *cache, Str name, Labels labels, int64_t now_ns,
                                 const char **dropped, Err *err);

/* The families as they stand, sorted; they live until metric_cache_release. */
CHECKED bool metric_cache_hold(MetricCache *cache, CachedFamily ***families, size_t *count,
                               Err *err);
void metric_cache_release(MetricCache *cache, CachedFamily **families);
void metric_cache_kill(MetricCache *cache, CachedSeries *series);

#endif
