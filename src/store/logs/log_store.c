/* log_store.c - see log_store.h. */
#include "store/logs/log_store.h"

bool log_store_init(LogStore *store, Clock *clock, Err *err)
{
    *store = (LogStore){
        .source = { log_store_scan, log_store_labels, log_store_streams, log_store_stats },
        .clock = clock,
    };
    run_list_init(&store->rows, &log_runs);
    return label_table_init(&store->streams, STR("service_name"), err);
}

void log_store_done(LogStore *store)
{
    run_list_done(&store->rows);
    label_table_done(&store->streams);
}
