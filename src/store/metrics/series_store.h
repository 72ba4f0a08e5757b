/* series_store.h - the samples that are held in memory, and the SeriesSource over them. */
#ifndef STORE_METRICS_SERIES_STORE_H
#define STORE_METRICS_SERIES_STORE_H

#include "store/metrics/series_run.h"

typedef struct SeriesStore {
    SeriesSource source; /* first: a SeriesSource is one of these */
    Clock *clock;
    RunList rows;
    SeriesTables tables;
} SeriesStore;

CHECKED bool series_store_init(SeriesStore *store, Clock *clock, Err *err);
void series_store_done(SeriesStore *store); /* harmless when zeroed */

/* The three questions of series_scan.h; series_cursor.c and series_meta.c. */
SeriesCursor *series_store_scan(SeriesSource *source, const SeriesScan *query, Err *err);
bool series_store_labels(SeriesSource *source, const LabelQuery *query, LabelFound *found,
                         void *context, Err *err);
bool series_store_meta(SeriesSource *source, const SeriesMetaQuery *query, Err *err);

#endif
