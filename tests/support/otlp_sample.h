/* otlp_sample.h - OTLP messages made from a seed, and what is in them as text, for tests. */
#ifndef TESTS_SUPPORT_OTLP_SAMPLE_H
#define TESTS_SUPPORT_OTLP_SAMPLE_H

#include "base/random.h"
#include "otlp/batch.h"

/* A message with some resources, scopes and items, each with attributes of every type, now and then
 * in an odd order, with unknown fields and groups, repeated or missing parts. Valid UTF-8. */
void sample_bytes(Random *random, Signal signal, Buf *out);

/* One item with all that stands above it (resource, scope, metric), as JSON. */
void sample_describe_item(const Batch *batch, size_t item, Buf *out);
/* All items, one line each. */
void sample_describe(const Batch *batch, Buf *out);

#endif
