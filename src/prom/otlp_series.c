/* otlp_series.c - see otlp_series.h. A point's labels are put once into a scratch array with room
 * for two more, __name__ and le or quantile, which then change from series to series. */
#include "prom/otlp_series.h"

#include "codec/float_text.h"

#include <math.h>
#include <string.h>

enum {
    NAME_MAX = POINT_MEMORY_MAX + 64,
    TARGET_STEP_MS = 150000,      /* half of how far back a query looks for a sample */
    TARGET_SPAN_MAX_MS = 3600000, /* of a batch whose times lie further apart only both ends */
};

#define TARGET_INFO "target_info"

typedef struct Series {
    const PromOptions *options;
    const SeriesVisitor *visitor;
    Buf name;      /* family and suffix */
    Label *labels; /* of the point at hand, sorted, with gaps closed by build() */
    PromSample sample;
    bool told; /* the family at hand: before its first sample, so that none is told in vain */
    char number[FLOAT_TEXT_SIZE];
} Series;

static double stale_marker(void)
{
    const uint64_t bits = PROM_STALE_BITS;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Base labels, __name__ and perhaps one more, in order; they replace what has their name. */
static void build(Series *series, Labels base, Label extra)
{
    Label name = { STR(LABEL_METRIC_NAME), buf_str(&series->name) };
    size_t count = 0;
    for (size_t i = 0; i < base.count; i++)
        if (!str_eq(base.ptr[i].name, name.name) && !str_eq(base.ptr[i].name, extra.name))
            series->labels[count++] = base.ptr[i];
    series->labels[count++] = name;
    if (extra.value.len)
        series->labels[count++] = extra;
    series->sample.labels = (Labels){ series->labels, labels_sort(series->labels, count) };
}

static bool tell_family(Series *series, const PromFamily *family, Err *err)
{
    const SeriesVisitor *visitor = series->visitor;
    bool told = series->told;
    series->told = true;
    return told || !visitor->family || visitor->family(visitor->context, family, err);
}

bool prom_exemplar_next(PromExemplars *exemplars, ExemplarView *out, double *value)
{
    while (exemplar_next(&exemplars->all, out)) {
        const NumberView *number = &out->value;
        *value = number->kind == NUMBER_INT ? (double)number->integer : number->real;
        bool low_enough = *value <= exemplars->upto;
        if (number->kind != NUMBER_NONE && low_enough &&
            (*value > exemplars->above || exemplars->above == -INFINITY))
            return true;
    }
    return false;
}

/* What this series of the point is called. */
static bool name_series(Series *series, const PromPoint *point, const char *suffix, Label extra,
                        Err *err)
{
    buf_clear(&series->name);
    buf_add(&series->name, point->family->name);
    buf_add(&series->name, str_from(suffix));
    if (!buf_ok(&series->name, err))
        return false;
    build(series, point->labels, extra);
    return tell_family(series, point->family, err);
}

static bool emit(Series *series, const PromPoint *point, const char *suffix, Label extra,
                 double value, Err *err)
{
    const SeriesVisitor *visitor = series->visitor;
    if (!name_series(series, point, suffix, extra, err))
        return false;
    series->sample.value = point->ended ? stale_marker() : value;
    return !visitor->sample || visitor->sample(visitor->context, &series->sample, err);
}

static Label number_label(Series *series, const char *name, double value)
{
    size_t len = float_text(value, FLOAT_FIXED, series->number);
    return (Label){ str_from(name), { series->number, len } };
}

static bool say_unsupported(Series *series, size_t item, const char *reason, Err *err)
{
    const SeriesVisitor *visitor = series->visitor;
    return !visitor->unsupported || visitor->unsupported(visitor->context, item, reason, err);
}

static bool number_series(Series *series, const PromPoint *point, Err *err)
{
    const NumberView *number = &point->number.value;
    double value = 0;
    if (number->kind == NUMBER_INT)
        value = (double)number->integer;
    else if (number->kind == NUMBER_DOUBLE)
        value = number->real;
    else if (!point->ended)
        return say_unsupported(series, point->item, "a point without a value", err);
    if (point->metric->kind == METRIC_SUM)
        series->sample.exemplars = (PromExemplars){ point->number.exemplars, -INFINITY, INFINITY };
    return emit(series, point, "", (Label){ 0 }, value, err);
}

/* The exemplars above the bucket before are this one's. */
static bool bucket_series(Series *series, const PromPoint *point, Label le, double bound,
                          uint64_t below, Err *err)
{
    PromExemplars *exemplars = &series->sample.exemplars;
    double above = exemplars->upto;
    *exemplars = (PromExemplars){ point->histogram.exemplars, above, bound };
    return emit(series, point, "_bucket", le, (double)below, err);
}

static bool histogram_series(Series *series, const PromPoint *point, Err *err)
{
    HistogramPointView view = point->histogram;
    uint64_t count, below = 0;
    double bound;
    if ((view.has_sum || point->ended) && !emit(series, point, "_sum", (Label){ 0 }, view.sum, err))
        return false;
    if (!emit(series, point, "_count", (Label){ 0 }, (double)view.count, err))
        return false;
    while (numbers_next_double(&view.explicit_bounds, &bound) &&
           numbers_next_u64(&view.bucket_counts, &count)) {
        below += count;
        if (!bucket_series(series, point, number_label(series, "le", bound), bound, below, err))
            return false;
    }
    return bucket_series(series, point, (Label){ STR("le"), STR("+Inf") }, INFINITY, view.count,
                         err);
}

static bool summary_series(Series *series, const PromPoint *point, Err *err)
{
    SummaryPointView view = point->summary;
    if (!emit(series, point, "_sum", (Label){ 0 }, view.sum, err) ||
        !emit(series, point, "_count", (Label){ 0 }, (double)view.count, err))
        return false;
    for (QuantileView at; quantile_next(&view.quantiles, &at);)
        if (!emit(series, point, "", number_label(series, "quantile", at.quantile), at.value, err))
            return false;
    return true;
}

static const char *unsupported_temporality(const MetricView *metric)
{
    if (metric->kind != METRIC_SUM && metric->kind != METRIC_HISTOGRAM &&
        metric->kind != METRIC_EXPONENTIAL)
        return NULL;
    switch (metric->temporality) {
    case TEMPORALITY_CUMULATIVE: return NULL;
    case TEMPORALITY_DELTA: return "delta temporality";
    default: return "unspecified temporality";
    }
}

static bool exponential_series(Series *series, const PromPoint *point, Err *err)
{
    const PromHistogram histogram = { &series->sample, &point->exponential, point->ended };
    series->sample.exemplars = (PromExemplars){ point->exponential.exemplars, -INFINITY, INFINITY };
    return name_series(series, point, "", (Label){ 0 }, err) &&
           series->visitor->histogram(series->visitor->context, &histogram, err);
}

static bool counts_up(const MetricView *metric)
{
    return metric->kind == METRIC_SUM ? metric->is_monotonic : metric->kind != METRIC_GAUGE;
}

static void begin_point(Series *series, const PromPoint *point)
{
    uint64_t start_ns = counts_up(point->metric) ? point->start_ns : 0;
    series->sample = (PromSample){ .family = point->family,
                                   .item = point->item,
                                   .time_ms = (int64_t)(point->time_ns / 1000000),
                                   .start_ms = (int64_t)(start_ns / 1000000),
                                   .exemplars = { .upto = -INFINITY } };
}

static bool created_series(Series *series, const PromPoint *point, Err *err)
{
    if (!series->options->created || !series->sample.start_ms)
        return true;
    return emit(series, point, "_created", (Label){ 0 }, (double)series->sample.start_ms, err);
}

static bool visit_point(void *context, const PromPoint *point, Err *err)
{
    Series *series = context;
    const char *reason = unsupported_temporality(point->metric);
    if (reason)
        return say_unsupported(series, point->item, reason, err);
    begin_point(series, point);
    if (!created_series(series, point, err))
        return false;
    if (point->metric->kind == METRIC_HISTOGRAM)
        return histogram_series(series, point, err);
    if (point->metric->kind == METRIC_EXPONENTIAL)
        return exponential_series(series, point, err);
    if (point->metric->kind == METRIC_SUMMARY)
        return summary_series(series, point, err);
    return number_series(series, point, err);
}

static bool visit_family(void *context, const PromFamily *family, Err *err)
{
    (void)family, (void)err;
    ((Series *)context)->told = false;
    return true;
}

static bool visit_unsupported(void *context, size_t item, const char *reason, Err *err)
{
    return say_unsupported(context, item, reason, err);
}

static bool visit_target(void *context, const PromTarget *target, Err *err)
{
    Series *series = context;
    Buf name = BUF(NAME_MAX);
    if (series->options->ns.len)
        buf_addf(&name, "%.*s_", STR_ARG(series->options->ns));
    buf_add(&name, STR(TARGET_INFO));
    PromFamily family = { buf_str(&name), METRIC_TYPE_GAUGE, STR("Target metadata"), { NULL, 0 } };
    PromPoint point = { .family = &family, .labels = target->labels };
    bool ok = buf_ok(&name, err);
    series->told = false;
    series->sample = (PromSample){ .family = &family, .item = PROM_NO_ITEM };
    int64_t step = target->last_ms - target->first_ms <= TARGET_SPAN_MAX_MS
                       ? TARGET_STEP_MS
                       : target->last_ms - target->first_ms;
    for (int64_t at = target->first_ms; ok && at < target->last_ms; at += step) {
        series->sample.time_ms = at;
        ok = emit(series, &point, "", (Label){ 0 }, 1, err);
    }
    series->sample.time_ms = target->last_ms;
    ok = ok && emit(series, &point, "", (Label){ 0 }, 1, err);
    buf_free(&name);
    return ok;
}

bool prom_series_walk(const Batch *batch, const PromOptions *options, const SeriesVisitor *visitor,
                      Err *err)
{
    PromOptions with = *options;
    with.exponential = visitor->histogram != NULL;
    Series series = { .options = &with, .visitor = visitor, .name = BUF(NAME_MAX) };
    const PointVisitor points = { &series, visit_family, visit_point, visit_unsupported,
                                  visit_target };
    Label labels[POINT_LABELS_MAX + 2];
    series.labels = labels;
    bool ok = prom_points_walk(batch, &with, &points, err);
    buf_free(&series.name);
    return ok;
}
