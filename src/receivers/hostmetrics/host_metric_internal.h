/* host_metric_internal.h - the metrics that scrapers tell, each a row: what host_scrape.c encodes
 * by and what settings may switch off. */
#ifndef RECEIVERS_HOSTMETRICS_HOST_METRIC_INTERNAL_H
#define RECEIVERS_HOSTMETRICS_HOST_METRIC_INTERNAL_H

#include "receivers/hostmetrics/host_scrape.h"

typedef enum HostMetricId {
    CPU_TIME,
    LOAD_1M,
    LOAD_5M,
    LOAD_15M,
    MEMORY_USAGE,
    DISK_IO,
    DISK_OPERATIONS,
    DISK_IO_TIME,
    DISK_OPERATION_TIME,
    DISK_WEIGHTED_IO_TIME,
    DISK_PENDING,
    DISK_MERGED,
    FILESYSTEM_USAGE,
    FILESYSTEM_INODES,
    NETWORK_PACKETS,
    NETWORK_DROPPED,
    NETWORK_ERRORS,
    NETWORK_IO,
    NETWORK_CONNECTIONS,
    HOST_METRICS
} HostMetricId;

typedef struct HostMetric {
    ScraperId scraper;
    Str name, unit, description;
    enum {
        HOST_GAUGE,
        HOST_LEVEL,
        HOST_TOTAL
    } kind; /* gauge; sum that also falls; that never does */
} HostMetric;

extern const HostMetric host_metrics[HOST_METRICS];

const ScraperSettings *scraper_settings(const ScrapersSettings *all, ScraperId scraper);

#endif
