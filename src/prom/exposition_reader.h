/* exposition_reader.h - reads what Prometheus scrapes, event by event: text format 0.0.4 and
 * OpenMetrics 1.0, as Prometheus itself reads them.
 *
 *     exposition_feed(reader, bytes, &err)      as much as there is, in whatever pieces
 *     exposition_finish(reader)                 that was all
 *     while ((result = exposition_next(reader, &event, &err)) == EXPOSITION_EVENT) ...
 *
 * The text format is taken leniently (blank lines, tabs, other comments, a last line without its
 * end), OpenMetrics strictly (single spaces, "# EOF" and nothing behind it). Refused with ERR_INPUT
 * and "line 3, column 17: ...": anything else, among it label values that are not UTF-8, a label
 * name given twice, a type that nobody knows. With ERR_LIMIT: a line longer than
 * EXPOSITION_LINE_MAX, more than EXPOSITION_LABELS_MAX labels.
 */
#ifndef PROM_EXPOSITION_READER_H
#define PROM_EXPOSITION_READER_H

#include "base/buf.h"
#include "model/labels.h"
#include "prom/exposition.h"

enum {
    EXPOSITION_LINE_MAX = 1 << 20,
    EXPOSITION_LABELS_MAX = 256, /* of one sample */
};

typedef enum ExpositionType { /* what may stand behind # TYPE */
                              EXPOSITION_UNKNOWN,
                              EXPOSITION_COUNTER,
                              EXPOSITION_GAUGE,
                              EXPOSITION_HISTOGRAM,
                              EXPOSITION_SUMMARY,
                              EXPOSITION_GAUGEHISTOGRAM,
                              EXPOSITION_INFO,
                              EXPOSITION_STATESET,
                              EXPOSITION_NATIVE, /* none: a histogram with exponential buckets */
} ExpositionType;

typedef enum ExpositionEventKind {
    EXPOSITION_TYPE,
    EXPOSITION_HELP,
    EXPOSITION_UNIT,
    EXPOSITION_SAMPLE
} ExpositionEventKind;

typedef struct ExpositionExemplar {
    Labels labels; /* sorted */
    double value;
    bool has_time;
    int64_t time_ms;
} ExpositionExemplar;

enum { NATIVE_BUCKETS_MAX = 1 << 16, NATIVE_SCHEMA_MIN = -4, NATIVE_SCHEMA_MAX = 8 };

/* Bucket i of schema s reaches from above base^(i-1) to base^i, base being 2^(2^-s). */
typedef struct NativeBuckets {
    int32_t first; /* the index of counts[0] */
    const uint64_t *counts;
    size_t count;
} NativeBuckets;

typedef struct NativeHistogram {
    int32_t schema;
    uint64_t count, zero_count;
    double sum, zero_threshold;
    NativeBuckets positive, negative;
} NativeHistogram;

/* Texts live until the next call for the reader. */
typedef struct ExpositionEvent {
    ExpositionEventKind kind;
    Str name;            /* of the family, or of the sample */
    ExpositionType type; /* EXPOSITION_TYPE */
    Str text;            /* HELP, unescaped; UNIT */
    Labels labels;       /* SAMPLE: sorted, without __name__ and without empty ones */
    double value;
    bool has_time;
    int64_t time_ms;
    bool has_exemplar;
    ExpositionExemplar exemplar;
    double created_s;              /* of protobuf; 0: not said */
    const NativeHistogram *native; /* of protobuf, instead of value; else NULL */
} ExpositionEvent;

typedef enum ExpositionResult {
    EXPOSITION_EVENT,
    EXPOSITION_MORE, /* feed or finish */
    EXPOSITION_END,
    EXPOSITION_FAILED /* and so will every further call */
} ExpositionResult;

typedef struct ExpositionReader ExpositionReader;

CHECKED ExpositionReader *exposition_reader_new(ExpositionFormat format, Err *err);
void exposition_reader_free(ExpositionReader *reader); /* NULL is fine */

CHECKED bool exposition_feed(ExpositionReader *reader, Str bytes, Err *err);
void exposition_finish(ExpositionReader *reader);
ExpositionResult exposition_next(ExpositionReader *reader, ExpositionEvent *out, Err *err);

#endif
