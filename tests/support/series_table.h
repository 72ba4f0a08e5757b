/* series_table.h - a SeriesSource in memory, for tests and benchmarks of queries: the simplest
 * thing that keeps what store/series_scan.h promises. */
#ifndef TESTS_SUPPORT_SERIES_TABLE_H
#define TESTS_SUPPORT_SERIES_TABLE_H

#include "store/series_scan.h"

typedef struct SeriesTable SeriesTable;

SeriesTable *series_table_new(Err *err);
void series_table_free(SeriesTable *table);
void series_table_clear(SeriesTable *table);

/* The number of the series with these labels, a new one where there is none. Copies; empty values
 * are dropped and names sorted, as a store does. */
CHECKED bool series_table_series(SeriesTable *table, Labels labels, size_t *out, Err *err);
/* In any order; of several at one time the last one counts. */
CHECKED bool series_table_add(SeriesTable *table, size_t series, Sample sample, Err *err);
/* What metadata says of a family. Texts of the program. */
CHECKED bool series_table_describe(SeriesTable *table, const MetricMeta *meta, Err *err);

SeriesSource *series_table_source(SeriesTable *table);

#endif
