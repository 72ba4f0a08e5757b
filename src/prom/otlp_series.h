/* otlp_series.h - a METRICS batch as Prometheus' series, the way its OTLP endpoint makes them.
 *
 *     gauge, sum    one series of the family's name
 *     histogram     name_bucket{le} (cumulative, +Inf always), name_count, name_sum if there is one
 *     summary       name{quantile}, name_count, name_sum
 *     resource      target_info 1 (otlp_points.h says with which labels), at the time of the
 *                   earliest and the latest of its points and every 2.5 minutes between
 *
 * A point whose flags say "no recorded value" gives stale markers (Prometheus' NaN of its own) for
 * all its series. Unsupported, and told so: delta and unspecified temporality, exponential
 * histograms, points without a value, names of which nothing is left, points with too many labels.
 */
#ifndef PROM_OTLP_SERIES_H
#define PROM_OTLP_SERIES_H

#include "prom/otlp_points.h"

#define PROM_STALE_BITS 0x7ff0000000000002U

typedef struct PromSample {
    Labels labels; /* sorted, with __name__; live until the callback returns */
    int64_t time_ms;
    double value; /* may be the stale marker: look at the bits */
    const PromFamily *family;
} PromSample;

/* Each may be NULL. False ends the walk, with the callback's Err. */
typedef struct SeriesVisitor {
    void *context;
    bool (*family)(void *context, const PromFamily *family, Err *err); /* before its samples */
    bool (*sample)(void *context, const PromSample *sample, Err *err);
    bool (*unsupported)(void *context, size_t item, const char *reason, Err *err);
} SeriesVisitor;

/* Fails as prom_points_walk() does. */
CHECKED bool prom_series_walk(const Batch *batch, const PromOptions *options,
                              const SeriesVisitor *visitor, Err *err);

#endif
