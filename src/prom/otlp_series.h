/* otlp_series.h - a METRICS batch as Prometheus' series, the way its OTLP endpoint makes them.
 *
 *     gauge, sum    one series of the family's name
 *     histogram     name_bucket{le} (cumulative, +Inf always), name_count, name_sum if there is one
 *     summary       name{quantile}, name_count, name_sum
 *     resource      target_info 1 (otlp_points.h says with which labels), at the time of the
 *                   earliest and the latest of its points and every 2.5 minutes between
 *
 * With the option `created` monotonic sums, histograms and summaries that know their start have
 * name_created, in milliseconds since 1970. An exponential histogram is one series for a visitor
 * that has `histogram`.
 *
 * A point whose flags say "no recorded value" gives stale markers (Prometheus' NaN of its own) for
 * all its series. Unsupported, and told so: delta and unspecified temporality, exponential
 * histograms that the visitor does not want, points without a value, names of which nothing is
 * left, points with too many labels.
 */
#ifndef PROM_OTLP_SERIES_H
#define PROM_OTLP_SERIES_H

#include "prom/otlp_points.h"

#include <stdint.h>

#define PROM_STALE_BITS 0x7ff0000000000002U
#define PROM_NO_ITEM    SIZE_MAX /* no data point's: target_info */

/* Those of a point's exemplars that belong to one series: of a bucket, which lie in it. */
typedef struct PromExemplars {
    Fields all;
    double above, upto; /* -Inf takes whatever is below */
} PromExemplars;

bool prom_exemplar_next(PromExemplars *exemplars, ExemplarView *out, double *value);

typedef struct PromSample {
    Labels labels; /* sorted, with __name__; live until the callback returns */
    int64_t time_ms;
    double value; /* may be the stale marker: look at the bits */
    const PromFamily *family;
    size_t item;      /* the data point's */
    int64_t start_ms; /* of what counts up; 0: not known */
    PromExemplars exemplars;
} PromSample;

typedef struct PromHistogram { /* exponential, cumulative */
    const PromSample *sample;  /* its value means nothing */
    const ExponentialPointView *point;
    bool ended;
} PromHistogram;

/* Each may be NULL. False ends the walk, with the callback's Err. */
typedef struct SeriesVisitor {
    void *context;
    bool (*family)(void *context, const PromFamily *family, Err *err); /* before its samples */
    bool (*sample)(void *context, const PromSample *sample, Err *err);
    bool (*unsupported)(void *context, size_t item, const char *reason, Err *err);
    bool (*histogram)(void *context, const PromHistogram *histogram, Err *err);
} SeriesVisitor;

/* Fails as prom_points_walk() does. */
CHECKED bool prom_series_walk(const Batch *batch, const PromOptions *options,
                              const SeriesVisitor *visitor, Err *err);

#endif
