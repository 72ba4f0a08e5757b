/* trace_store.c - see trace_store.h. */
#include "store/traces/trace_store.h"

void trace_store_init(TraceStore *store, Clock *clock)
{
    *store = (TraceStore){
        .source = { trace_scan, trace_lookup, trace_values, trace_meta },
        .clock = clock,
    };
    run_list_init(&store->rows, &span_runs);
}

void trace_store_done(TraceStore *store)
{
    run_list_done(&store->rows);
}
