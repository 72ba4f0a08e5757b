/* metric_families.h - reads Prometheus' protobuf exposition: io.prometheus.client.MetricFamily
 * messages, each behind its length, as the events that exposition_reader.h has for text.
 *
 * A classic histogram or summary becomes the samples that the text format writes for it (_bucket
 * with le, _sum, _count; quantile), so that labels and limits mean the same. A histogram with
 * exponential buckets is one sample with `native` if those are wanted; else, or if it has classic
 * buckets and those are wanted, too, it is also (or only) what its classic part says.
 *
 * Refused with ERR_INPUT: malformed messages, texts that are not UTF-8, an empty name, buckets that
 * make no sense; with ERR_LIMIT: more than EXPOSITION_LABELS_MAX labels, NATIVE_BUCKETS_MAX
 * buckets.
 */
#ifndef PROM_METRIC_FAMILIES_H
#define PROM_METRIC_FAMILIES_H

#include "prom/exposition_reader.h"

typedef struct MetricFamiliesWish {
    bool native;       /* exponential buckets */
    bool also_classic; /* and the others beside them */
    bool (*take)(void *context, const ExpositionEvent *event, Err *err); /* false: stop */
    void *context;
} MetricFamiliesWish;

/* Does a Content-Type say so? */
PURE bool metric_families_are(Str content_type);
CHECKED bool metric_families_read(Str body, const MetricFamiliesWish *wish, Err *err);

#endif
