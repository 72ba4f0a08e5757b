/* exposition.h - writes what Prometheus scrapes: its text format 0.0.4 and OpenMetrics 1.0.
 *
 *     # HELP name text           not where there is none
 *     # TYPE name counter        of the family; OpenMetrics: without _total, "unknown" for untyped
 *     # UNIT name seconds        OpenMetrics, where the name ends with it
 *     name{a="b",le="0.5"} 1 ts  milliseconds; OpenMetrics: seconds
 *       # {trace_id="c"} 1 ts    OpenMetrics: its exemplar, on the same line
 *     # EOF                      OpenMetrics
 *
 * Families come one after the other, all samples of one together: the caller's business. Labels are
 * written once (exposition_labels) and given as that text, so that who exposes the same series
 * again and again keeps it. Names are written as they come; text is escaped. Failure is the Buf's.
 */
#ifndef PROM_EXPOSITION_H
#define PROM_EXPOSITION_H

#include "base/buf.h"
#include "model/ids.h"
#include "model/labels.h"
#include "model/metric_type.h"

typedef enum ExpositionFormat { EXPOSITION_TEXT, EXPOSITION_OPENMETRICS } ExpositionFormat;

/* What a client wants by its Accept header (empty: it did not say): OpenMetrics when it prefers
 * that at least as much. */
ExpositionFormat exposition_choose(Str accept);
Str exposition_content_type(ExpositionFormat format);

/* a="b",c="d": without braces, without __name__. */
void exposition_labels(Buf *out, Labels labels);

typedef struct ExpositionFamily {
    Str name;
    MetricType type;
    Str help, unit;
} ExpositionFamily;

void exposition_family(Buf *out, ExpositionFormat format, const ExpositionFamily *family);

/* Where one of the values that a sample counts was measured. */
typedef struct SampleExemplar {
    TraceId trace_id;
    SpanId span_id;
    double value;
    int64_t time_ms; /* 0: not known */
} SampleExemplar;

typedef struct ExpositionSample {
    Str family;
    const char *suffix; /* "", "_bucket", "_sum", "_count" */
    Str labels;         /* as exposition_labels() wrote them */
    const char *bound;  /* "le" or "quantile" with bound_value; NULL: none */
    double bound_value;
    double value;
    bool counts; /* value is how many: OpenMetrics writes it whole */
    bool has_time;
    int64_t time_ms;
    const SampleExemplar *exemplar; /* OpenMetrics, of counters and buckets; NULL: none */
} ExpositionSample;

void exposition_sample(Buf *out, ExpositionFormat format, const ExpositionSample *sample);
void exposition_end(Buf *out, ExpositionFormat format);

#endif
