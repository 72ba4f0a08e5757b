/* log_table.h - a LogSource in memory, for tests and benchmarks of queries: the simplest thing that
 * keeps what store/log_scan.h promises. */
#ifndef TESTS_SUPPORT_LOG_TABLE_H
#define TESTS_SUPPORT_LOG_TABLE_H

#include "store/log_scan.h"

typedef struct LogTable LogTable;

LogTable *log_table_new(Err *err);
void log_table_free(LogTable *table);
void log_table_clear(LogTable *table);

/* Copies labels and line; empty labels are dropped, as a store does. */
CHECKED bool log_table_add(LogTable *table, const LogRow *row, Err *err);
LogSource *log_table_source(LogTable *table);

#endif
