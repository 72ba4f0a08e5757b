/* own_metrics.h - serves the program's own metrics at /metrics, on a loop and thread of its own, so
 * that they can be asked for while the pipelines are busy. */
#ifndef CMD_OWN_METRICS_H
#define CMD_OWN_METRICS_H

#include "base/attributes.h"
#include "base/clock.h"
#include "base/disk.h"
#include "net/address.h"
#include "pipe/graph.h"

typedef struct OwnMetrics OwnMetrics;

typedef struct OwnMetricsOptions {
    Graph *graph; /* these three are borrowed */
    Clock *clock;
    Disk *disk;
    Budget *budget;   /* outlives it */
    Str endpoint;     /* host:port; borrowed */
    int64_t began_ns; /* when the process did, by the monotonic clock */
} OwnMetricsOptions;

CHECKED OwnMetrics *own_metrics_start(const OwnMetricsOptions *options, Err *err);
Address own_metrics_address(const OwnMetrics *metrics);
void own_metrics_stop(OwnMetrics *metrics); /* before its graph is freed; NULL is fine */

#endif
