/* log_store.h - the log records that are held in memory, and the LogSource over them. */
#ifndef STORE_LOGS_LOG_STORE_H
#define STORE_LOGS_LOG_STORE_H

#include "store/logs/log_run.h"

typedef struct LogStore {
    LogSource source; /* first: a LogSource is one of these */
    Clock *clock;
    RunList rows;
    LabelTable streams;
} LogStore;

CHECKED bool log_store_init(LogStore *store, Clock *clock, Err *err);
void log_store_done(LogStore *store); /* harmless when zeroed */

/* The four questions of log_scan.h; log_cursor.c and log_meta.c. */
LogCursor *log_store_scan(LogSource *source, const LogScan *query, Err *err);
bool log_store_labels(LogSource *source, const LogStreamQuery *query, LabelFound *found,
                      void *context, Err *err);
bool log_store_streams(LogSource *source, const LogStreamQuery *query, StreamFound *found,
                       void *context, Err *err);
bool log_store_stats(LogSource *source, LogStats *out, Err *err);

#endif
