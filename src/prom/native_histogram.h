/* native_histogram.h - an exponential histogram of OTLP as a native one of Prometheus.
 *
 * Both have buckets that grow by 2^(2^-scale). OTLP's bucket i is (base^i, base^(i+1)], Prometheus'
 * is (base^(i-1), base^i]: the index moves by one. A scale above 8 is more than Prometheus has:
 * pairs of buckets are merged until it fits. Buckets are written as spans of neighbours and the
 * difference of each count to the one before; a gap of up to two empty buckets is cheaper to write
 * than to skip.
 */
#ifndef PROM_NATIVE_HISTOGRAM_H
#define PROM_NATIVE_HISTOGRAM_H

#include "otlp/metric_view.h"

/* Appends the fields of the message Histogram but for `timestamp` and `start_timestamp`: the same
 * in remote write 1.0 and 2.0. ended: the marker of a series that has ended. NULL, or why it cannot
 * be one; out's failure is asked for as always. */
const char *native_histogram_write(const ExponentialPointView *point, bool ended, Buf *out);

#endif
