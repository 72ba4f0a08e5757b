/* logql.h - Loki's query language over a LogSource: parse once, run for any times.
 *
 *     LogqlQuery *query = logql_parse(text, &err);
 *     logql_run(query, &(LogqlAsk){ .source = .., .from_ns = .., .to_ns = .., .step_ns = .. },
 *               &result, &err);
 *     ... result.series or result.entries ...
 *     logql_result_done(&result);
 *     logql_free(query);
 *
 * A query is immutable once parsed: any thread may run it, each run has an arena of its own. What
 * the language has and this engine does not is refused when parsing, with its name and place:
 * "parse error at line 1, col 7: ...". Every loop over data heeds the deadline.
 */
#ifndef QUERY_LOGQL_LOGQL_H
#define QUERY_LOGQL_LOGQL_H

#include "base/arena.h"
#include "base/clock.h"
#include "store/log_scan.h"

enum {
    LOGQL_TEXT_MAX = 64 << 10,
    LOGQL_DEPTH_MAX = 100,       /* of parentheses and operators within one another */
    LOGQL_ENTRIES_MAX = 5000,    /* log lines of one answer */
    LOGQL_STEPS_MAX = 11000,     /* points of one series */
    LOGQL_SERIES_MAX = 500,      /* of one answer */
    LOGQL_GROUPS_MAX = 100000,   /* series on the way to it */
    LOGQL_MEMORY_MAX = 256 << 20 /* of one run: labels, points, samples, lines */
};

/* How far from 1970 a metric query may ask, and how long its ranges and offsets may be. */
#define LOGQL_TIME_MAX_NS (INT64_C(1) << 62)
#define LOGQL_SPAN_MAX_NS (INT64_C(1) << 61)

typedef struct LogqlQuery LogqlQuery;

typedef enum LogqlType {
    LOGQL_STREAMS, /* log lines */
    LOGQL_METRIC,  /* series */
    LOGQL_SCALAR,  /* a number */
} LogqlType;

/* NULL: ERR_INPUT says what is wrong and where; ERR_UNSUPPORTED likewise for what is not there. */
CHECKED LogqlQuery *logql_parse(Str text, Err *err);
void logql_free(LogqlQuery *query); /* NULL is fine */
LogqlType logql_type(const LogqlQuery *query);

/* The selector of a query of log lines without a pipeline, such as /series and match[] take. False:
 * it is something else. Lives as long as the query. */
bool logql_selector(const LogqlQuery *query, const LabelMatcher **matchers, size_t *count);

typedef struct LogqlAsk {
    LogSource *source;
    Clock *clock;             /* for the deadline */
    int64_t deadline_mono_ns; /* 0: none */
    /* Lines: from <= time < to. Series: the moments from, from + step ... <= to, with step 0 the
     * one moment `to`. */
    int64_t from_ns, to_ns, step_ns;
    Purse *purse;      /* who pays for it; NULL: nobody */
    size_t limit;      /* lines; 0: 100 */
    bool newest_first; /* which lines count, and their order */
} LogqlAsk;

typedef struct LogqlEntry {
    int64_t time_ns;
    Str line;
    Labels stream, metadata, parsed; /* each name once in all three */
} LogqlEntry;

typedef struct LogqlPoint {
    int64_t time_ns;
    double value;
} LogqlPoint;

typedef struct LogqlSeries {
    Labels labels; /* an empty value may be among them, where a parser was told to keep it */
    const LogqlPoint *points;
    size_t count;
} LogqlSeries;

typedef struct LogqlStats {
    uint64_t lines, bytes; /* read */
    uint64_t lines_kept;   /* passed the filters */
    int64_t exec_ns;       /* by LogqlAsk.clock */
} LogqlStats;

typedef struct LogqlResult {
    Arena *arena;
    LogqlType type;
    const LogqlEntry *entries; /* in the order asked for */
    size_t entry_count;
    const LogqlSeries *series; /* a scalar is one without labels */
    size_t series_count;
    LogqlStats stats;
} LogqlResult;

/* ERR_LIMIT: more than the bounds above; ERR_TIMEOUT; ERR_INPUT: a query that cannot be answered
 * (several series match where one must). Nothing is left to free then. */
CHECKED bool logql_run(const LogqlQuery *query, const LogqlAsk *ask, LogqlResult *out, Err *err);
void logql_result_done(LogqlResult *result);

#endif
