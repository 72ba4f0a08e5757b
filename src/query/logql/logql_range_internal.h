/* logql_range_internal.h - the functions over ranges of log lines, as a table. */
#ifndef QUERY_LOGQL_LOGQL_RANGE_INTERNAL_H
#define QUERY_LOGQL_LOGQL_RANGE_INTERNAL_H

#include "query/logql/logql_tree_internal.h"

typedef struct RangeSample {
    int64_t time_ns;
    double value;
} RangeSample;

/* The samples of one window, by time; at least one. */
typedef struct RangeWindow {
    const RangeSample *samples;
    size_t count;
    int64_t from_ns, to_ns; /* from < time <= to */
    double parameter;
    double *scratch; /* room for `count` numbers */
} RangeWindow;

typedef enum RangeTakes { TAKES_LINES, TAKES_SAMPLES, TAKES_BOTH } RangeTakes;

struct RangeFunction {
    Str name;
    RangeTakes takes; /* lines, what unwrap gives, or either */
    bool grouping;    /* by and without may follow */
    bool parameter;   /* a number comes first */
    bool counts_bytes;
    bool per_second;
    bool is_absent;
    double (*value)(const RangeWindow *window); /* of samples; NULL: their sum */
};

const RangeFunction *range_function(Str name); /* NULL: no such */

#endif
