/* make_batch.h - small batches for tests of the pipeline, built from words and written as words. */
#ifndef TESTS_SUPPORT_MAKE_BATCH_H
#define TESTS_SUPPORT_MAKE_BATCH_H

#include "otlp/batch.h"

/* "{service.name=shop n=5} a b {} c": per pair of braces one resource with its attributes (whole
 * numbers become integers, true and false booleans, all else text) and one scope; per word behind
 * it one item: a span of that name, a log record with that body, or a metric of that name with one
 * data point. */
CHECKED Batch *make_batch(Signal signal, Str words, Err *err);

/* `count` items named "a". */
CHECKED Batch *make_batch_of(Signal signal, size_t count, Err *err);

/* The same words back, without kinds and severities; spans with a status end in !code or
 * !code:message; items without a name are "?". Reads the bytes by itself, not by view.h. */
void describe_batch(const Batch *batch, Buf *out);

#endif
