/* sample.h - OTLP requests as busy programs send them, repeatable from a seed.
 *
 * Sizes are those of real traffic: about 400 bytes a span, 370 a log record, 280 a data point.
 */
#ifndef BENCH_SUPPORT_SAMPLE_H
#define BENCH_SUPPORT_SAMPLE_H

#include "base/buf.h"
#include "model/signal.h"

/* Appends a whole request. */
void sample_request(Signal signal, size_t items, uint64_t seed, Buf *out);

#endif
