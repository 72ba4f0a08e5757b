/* promql_functions_internal.h - the table of functions: what they take, what they do. */
#ifndef QUERY_PROMQL_PROMQL_FUNCTIONS_INTERNAL_H
#define QUERY_PROMQL_PROMQL_FUNCTIONS_INTERNAL_H

#include "query/promql/promql_eval_internal.h"

enum { FUNCTION_ARGS_MAX = 6, FUNCTION_PARAMS_MAX = 2 };

/* What a function sees of one series at one step. */
typedef struct Window {
    const Sample *samples; /* by time, from < time <= to, no stale markers */
    size_t count;          /* not 0 */
    int64_t from_ms, to_ms;
    int64_t now_ms;       /* the step, whatever @ and offset say */
    const double *params; /* its scalars at this step */
    Scratch *scratch;
} Window;

typedef bool WindowFunction(const Window *window, double *out); /* false: no value here */
typedef double MathFunction(double value, const double *params);
typedef bool WholeFunction(Eval *eval, const Node *node, Frame *out, Err *err);

struct Function {
    Str name;
    PromType args[FUNCTION_ARGS_MAX]; /* the last one repeats where more are allowed */
    uint8_t arg_count;                /* those that args names */
    uint8_t optional;                 /* so many of the last ones may be missing */
    bool variadic;                    /* the last one may come any number of times */
    PromType result;
    bool keeps_name;
    bool is_counter;        /* rate, increase: say so when the name is not a counter's */
    WindowFunction *window; /* one of these three */
    MathFunction *math;     /* vector first, then scalars */
    WholeFunction *whole;
};

const Function *promql_function(Str name);

/* promql_range.c */
WindowFunction fn_rate, fn_increase, fn_delta, fn_irate, fn_idelta, fn_changes, fn_resets, fn_deriv,
    fn_predict_linear, fn_sum_over_time, fn_avg_over_time, fn_min_over_time, fn_max_over_time,
    fn_count_over_time, fn_last_over_time, fn_first_over_time, fn_present_over_time,
    fn_stddev_over_time, fn_stdvar_over_time, fn_quantile_over_time, fn_mad_over_time,
    fn_ts_of_first_over_time, fn_ts_of_last_over_time, fn_ts_of_min_over_time,
    fn_ts_of_max_over_time;

/* promql_instant.c */
MathFunction fn_round, fn_clamp_min, fn_clamp_max, fn_sgn, fn_deg, fn_rad, fn_minute, fn_hour,
    fn_day_of_week, fn_day_of_month, fn_day_of_year, fn_days_in_month, fn_month, fn_year;
WholeFunction fn_start, fn_end, fn_step, fn_range, fn_min_of, fn_max_of;
WholeFunction fn_time, fn_pi, fn_scalar, fn_vector, fn_timestamp, fn_clamp, fn_absent,
    fn_absent_over_time, fn_sort, fn_sort_desc;

/* promql_labels.c */
WholeFunction fn_label_replace, fn_label_join;

/* promql_histogram.c */
WholeFunction fn_histogram_quantile;

/* promql_aggregate.c: of values sorted by quantile_sort(); NaN when there are none. */
double promql_quantile_of(double q, double *values, size_t count);

#endif
