/* trace_store.h - the spans that are held in memory, and the SpanSource over them. */
#ifndef STORE_TRACES_TRACE_STORE_H
#define STORE_TRACES_TRACE_STORE_H

#include "store/traces/span_run.h"

typedef struct TraceStore {
    SpanSource source; /* first: a SpanSource is one of these */
    Clock *clock;
    RunList rows;
} TraceStore;

void trace_store_init(TraceStore *store, Clock *clock);
void trace_store_done(TraceStore *store);

/* The four questions of scan.h; trace_scan.c and trace_meta.c. */
ScanCursor *trace_scan(SpanSource *source, const SpanScan *query, Err *err);
ScanCursor *trace_lookup(SpanSource *source, const TraceId *ids, size_t count, Err *err);
bool trace_values(SpanSource *source, const ValuesQuery *query, ValueFound *found, void *context,
                  Err *err);
bool trace_meta(SpanSource *source, const MetaQuery *query, Err *err);

#endif
