/* series_scan.h - the only door for queries over metrics: scan, values, meta. What scan.h says of
 * sources holds here too: questions are plain values, calls may block, a source may be asked from
 * several threads at once, a cursor belongs to one.
 *
 * A series is a label set, `__name__` among them, with samples in order of time. Histograms and
 * summaries of OTLP are the series that Prometheus makes of them (room prom). Times are
 * milliseconds since 1970. Of several samples of one series at one time the one stored last counts.
 */
#ifndef STORE_SERIES_SCAN_H
#define STORE_SERIES_SCAN_H

#include "base/clock.h"
#include "model/metric_type.h"
#include "store/label_match.h"

#include <string.h>

typedef struct SeriesSource SeriesSource;
typedef struct SeriesCursor SeriesCursor;

typedef struct Sample {
    int64_t time_ms;
    double value;
} Sample;

/* Prometheus' mark for "this series ended here": a NaN of its own, told by its bits. */
#define STALE_BITS 0x7ff0000000000002U
static inline bool sample_is_stale(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits == STALE_BITS;
}
static inline double stale_marker(void)
{
    const uint64_t bits = STALE_BITS;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* A series belongs to the answer when all matchers hold and it has a sample in the range. */
typedef struct SeriesScan {
    const LabelMatcher *matchers;
    size_t matcher_count;
    int64_t from_ms, to_ms;   /* from < time <= to; PromQL's ranges are open to the left */
    bool labels_only;         /* samples are not wanted */
    size_t series_max;        /* more: ERR_LIMIT; 0: no limit */
    size_t samples_max;       /* of all series together; more: ERR_LIMIT; 0: no limit */
    int64_t deadline_mono_ns; /* then ERR_TIMEOUT; 0: none */
    Clock *clock;             /* whose time that is; NULL: the store's */
    Purse *purse; /* who pays for rows that are put together; none left: ERR_BUSY. NULL: nobody */
} SeriesScan;

/* One series, whole. Valid until the next series_next() or series_close(). */
typedef struct SeriesRow {
    Labels labels;
    const Sample *samples; /* by time, each time once; stale markers included */
    size_t count;          /* 0 only with labels_only */
} SeriesRow;

typedef enum SeriesResult { SERIES_ROW, SERIES_END, SERIES_FAILED } SeriesResult;

/* Names of labels, or with `name` its values. */
typedef struct LabelQuery {
    Str name; /* empty: which names there are */
    const LabelMatcher *matchers;
    size_t matcher_count;   /* none: every series */
    int64_t from_ms, to_ms; /* as in SeriesScan; series a little outside may be among them */
    size_t limit;           /* at most so many, which ones is not said; 0: no limit */
    int64_t deadline_mono_ns;
    Clock *clock; /* whose time that is; NULL: the store's */
} LabelQuery;
typedef bool LabelFound(void *context, Str text); /* false: enough */

typedef struct MetricMeta {
    Str name; /* of the family: without _bucket, _sum, _count */
    MetricType type;
    Str help, unit;
} MetricMeta;

typedef struct SeriesStats {
    uint64_t series, samples, bytes;
    uint64_t
        points_unsupported; /* data points that no series was made of (exponential histograms) */
    int64_t oldest_received_ns; /* 0: nothing is held */
} SeriesStats;

typedef struct SeriesMetaQuery {
    Str metric; /* of this family; empty: of all */
    int64_t deadline_mono_ns;
    Clock *clock; /* whose time that is; NULL: the store's */
    void *context;
    bool (*found)(void *context, const MetricMeta *meta); /* sorted by name; false: enough */
    SeriesStats *stats;                                   /* NULL: not wanted */
} SeriesMetaQuery;

struct SeriesSource {
    SeriesCursor *(*scan)(SeriesSource *source, const SeriesScan *query, Err *err);
    bool (*labels)(SeriesSource *source, const LabelQuery *query, LabelFound *found, void *context,
                   Err *err);
    bool (*meta)(SeriesSource *source, const SeriesMetaQuery *query, Err *err);
};

struct SeriesCursor {
    SeriesResult (*next)(SeriesCursor *cursor, SeriesRow *out, Err *err);
    void (*close)(SeriesCursor *cursor);
};

/* Series that match, in the order of labels_compare(). The matchers are copied. A bad regular
 * expression is ERR_INPUT. */
CHECKED static inline SeriesCursor *series_scan(SeriesSource *source, const SeriesScan *query,
                                                Err *err)
{
    return source->scan(source, query, err);
}
/* Distinct, sorted bytewise. */
CHECKED static inline bool series_labels(SeriesSource *source, const LabelQuery *query,
                                         LabelFound *found, void *context, Err *err)
{
    return source->labels(source, query, found, context, err);
}
CHECKED static inline bool series_meta(SeriesSource *source, const SeriesMetaQuery *query, Err *err)
{
    return source->meta(source, query, err);
}
CHECKED static inline SeriesResult series_next(SeriesCursor *cursor, SeriesRow *out, Err *err)
{
    return cursor->next(cursor, out, err);
}
static inline void series_close(SeriesCursor *cursor)
{
    if (cursor)
        cursor->close(cursor);
}

#endif
