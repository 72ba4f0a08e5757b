/* series_store.c - see series_store.h. */
#include "store/metrics/series_store.h"

bool series_store_init(SeriesStore *store, Clock *clock, Err *err)
{
    *store = (SeriesStore){
        .source = { series_store_scan, series_store_labels, series_store_meta },
        .clock = clock,
    };
    run_list_init(&store->rows, &series_runs);
    return label_table_init(&store->tables.series, STR(LABEL_METRIC_NAME), err) &&
           label_table_init(&store->tables.families, STR(LABEL_METRIC_NAME), err);
}

void series_store_done(SeriesStore *store)
{
    run_list_done(&store->rows);
    label_table_done(&store->tables.series);
    label_table_done(&store->tables.families);
}
