/* promql_functions.c - the table of functions, and how the two plain kinds of them are called: over
 * a window of each series, or value by value. */
#include "query/promql/promql_functions_internal.h"

#include <math.h>

/* ---- the table ----------------------------------------------------------------------------------
 */

static double fn_abs(double value, const double *params)
{
    (void)params;
    return fabs(value);
}

#define MATH_OF_ONE(fn, call)                            \
    static double fn(double value, const double *params) \
    {                                                    \
        (void)params;                                    \
        return call(value);                              \
    }
MATH_OF_ONE(fn_ceil, ceil)
MATH_OF_ONE(fn_floor, floor)
MATH_OF_ONE(fn_exp, exp)
MATH_OF_ONE(fn_ln, log)
MATH_OF_ONE(fn_log2, log2)
MATH_OF_ONE(fn_log10, log10)
MATH_OF_ONE(fn_sqrt, sqrt)
MATH_OF_ONE(fn_sin, sin)
MATH_OF_ONE(fn_cos, cos)
MATH_OF_ONE(fn_tan, tan)
MATH_OF_ONE(fn_asin, asin)
MATH_OF_ONE(fn_acos, acos)
MATH_OF_ONE(fn_atan, atan)
MATH_OF_ONE(fn_sinh, sinh)
MATH_OF_ONE(fn_cosh, cosh)
MATH_OF_ONE(fn_tanh, tanh)
MATH_OF_ONE(fn_asinh, asinh)
MATH_OF_ONE(fn_acosh, acosh)
MATH_OF_ONE(fn_atanh, atanh)

#define RANGE_FN(text, fn)                                                            \
    {                                                                                 \
        .name = STR_ROW(text), .args = { PROM_MATRIX }, .arg_count = 1, .window = fn, \
        .result = PROM_VECTOR                                                         \
    }
#define MATH_FN(text, fn)                                                           \
    {                                                                               \
        .name = STR_ROW(text), .args = { PROM_VECTOR }, .arg_count = 1, .math = fn, \
        .result = PROM_VECTOR                                                       \
    }
#define DATE_FN(text, fn)                                                                          \
    {                                                                                              \
        .name = STR_ROW(text), .args = { PROM_VECTOR }, .arg_count = 1, .optional = 1, .math = fn, \
        .result = PROM_VECTOR                                                                      \
    }
#define VECTOR_FN(text, fn)                                                          \
    {                                                                                \
        .name = STR_ROW(text), .args = { PROM_VECTOR }, .arg_count = 1, .whole = fn, \
        .result = PROM_VECTOR                                                        \
    }

/* Sorted by kind; small enough to walk. */
static const Function functions[] = {
    { .name = STR_ROW("rate"),
      .args = { PROM_MATRIX },
      .arg_count = 1,
      .window = fn_rate,
      .is_counter = true,
      .result = PROM_VECTOR },
    { .name = STR_ROW("increase"),
      .args = { PROM_MATRIX },
      .arg_count = 1,
      .window = fn_increase,
      .is_counter = true,
      .result = PROM_VECTOR },
    RANGE_FN("delta", fn_delta),
    RANGE_FN("irate", fn_irate),
    RANGE_FN("idelta", fn_idelta),
    RANGE_FN("changes", fn_changes),
    RANGE_FN("resets", fn_resets),
    RANGE_FN("deriv", fn_deriv),
    RANGE_FN("sum_over_time", fn_sum_over_time),
    RANGE_FN("avg_over_time", fn_avg_over_time),
    RANGE_FN("min_over_time", fn_min_over_time),
    RANGE_FN("max_over_time", fn_max_over_time),
    RANGE_FN("count_over_time", fn_count_over_time),
    RANGE_FN("present_over_time", fn_present_over_time),
    RANGE_FN("stddev_over_time", fn_stddev_over_time),
    RANGE_FN("stdvar_over_time", fn_stdvar_over_time),
    RANGE_FN("mad_over_time", fn_mad_over_time),
    RANGE_FN("ts_of_first_over_time", fn_ts_of_first_over_time),
    RANGE_FN("ts_of_last_over_time", fn_ts_of_last_over_time),
    RANGE_FN("ts_of_min_over_time", fn_ts_of_min_over_time),
    RANGE_FN("ts_of_max_over_time", fn_ts_of_max_over_time),
    { .name = STR_ROW("last_over_time"),
      .args = { PROM_MATRIX },
      .arg_count = 1,
      .window = fn_last_over_time,
      .keeps_name = true,
      .result = PROM_VECTOR },
    { .name = STR_ROW("first_over_time"),
      .args = { PROM_MATRIX },
      .arg_count = 1,
      .window = fn_first_over_time,
      .keeps_name = true,
      .result = PROM_VECTOR },
    { .name = STR_ROW("quantile_over_time"),
      .args = { PROM_SCALAR, PROM_MATRIX },
      .arg_count = 2,
      .window = fn_quantile_over_time,
      .result = PROM_VECTOR },
    { .name = STR_ROW("predict_linear"),
      .args = { PROM_MATRIX, PROM_SCALAR },
      .arg_count = 2,
      .window = fn_predict_linear,
      .result = PROM_VECTOR },
    MATH_FN("abs", fn_abs),
    MATH_FN("ceil", fn_ceil),
    MATH_FN("floor", fn_floor),
    MATH_FN("exp", fn_exp),
    MATH_FN("ln", fn_ln),
    MATH_FN("log2", fn_log2),
    MATH_FN("log10", fn_log10),
    MATH_FN("sqrt", fn_sqrt),
    MATH_FN("sgn", fn_sgn),
    MATH_FN("sin", fn_sin),
    MATH_FN("cos", fn_cos),
    MATH_FN("tan", fn_tan),
    MATH_FN("asin", fn_asin),
    MATH_FN("acos", fn_acos),
    MATH_FN("atan", fn_atan),
    MATH_FN("sinh", fn_sinh),
    MATH_FN("cosh", fn_cosh),
    MATH_FN("tanh", fn_tanh),
    MATH_FN("asinh", fn_asinh),
    MATH_FN("acosh", fn_acosh),
    MATH_FN("atanh", fn_atanh),
    MATH_FN("deg", fn_deg),
    MATH_FN("rad", fn_rad),
    { .name = STR_ROW("round"),
      .args = { PROM_VECTOR, PROM_SCALAR },
      .arg_count = 2,
      .optional = 1,
      .math = fn_round,
      .result = PROM_VECTOR },
    { .name = STR_ROW("clamp_min"),
      .args = { PROM_VECTOR, PROM_SCALAR },
      .arg_count = 2,
      .math = fn_clamp_min,
      .result = PROM_VECTOR },
    { .name = STR_ROW("clamp_max"),
      .args = { PROM_VECTOR, PROM_SCALAR },
      .arg_count = 2,
      .math = fn_clamp_max,
      .result = PROM_VECTOR },
    { .name = STR_ROW("clamp"),
      .args = { PROM_VECTOR, PROM_SCALAR, PROM_SCALAR },
      .arg_count = 3,
      .whole = fn_clamp,
      .result = PROM_VECTOR },
    DATE_FN("minute", fn_minute),
    DATE_FN("hour", fn_hour),
    DATE_FN("day_of_week", fn_day_of_week),
    DATE_FN("day_of_month", fn_day_of_month),
    DATE_FN("day_of_year", fn_day_of_year),
    DATE_FN("days_in_month", fn_days_in_month),
    DATE_FN("month", fn_month),
    DATE_FN("year", fn_year),
    { .name = STR_ROW("start"), .whole = fn_start, .result = PROM_SCALAR },
    { .name = STR_ROW("end"), .whole = fn_end, .result = PROM_SCALAR },
    { .name = STR_ROW("step"), .whole = fn_step, .result = PROM_SCALAR },
    { .name = STR_ROW("range"), .whole = fn_range, .result = PROM_SCALAR },
    { .name = STR_ROW("min_of"),
      .args = { PROM_SCALAR, PROM_SCALAR },
      .arg_count = 2,
      .whole = fn_min_of,
      .result = PROM_SCALAR },
    { .name = STR_ROW("max_of"),
      .args = { PROM_SCALAR, PROM_SCALAR },
      .arg_count = 2,
      .whole = fn_max_of,
      .result = PROM_SCALAR },
    { .name = STR_ROW("time"), .whole = fn_time, .result = PROM_SCALAR },
    { .name = STR_ROW("pi"), .whole = fn_pi, .result = PROM_SCALAR },
    { .name = STR_ROW("scalar"),
      .args = { PROM_VECTOR },
      .arg_count = 1,
      .whole = fn_scalar,
      .result = PROM_SCALAR },
    { .name = STR_ROW("vector"),
      .args = { PROM_SCALAR },
      .arg_count = 1,
      .whole = fn_vector,
      .result = PROM_VECTOR },
    VECTOR_FN("timestamp", fn_timestamp),
    VECTOR_FN("absent", fn_absent),
    VECTOR_FN("sort", fn_sort),
    VECTOR_FN("sort_desc", fn_sort_desc),
    { .name = STR_ROW("absent_over_time"),
      .args = { PROM_MATRIX },
      .arg_count = 1,
      .whole = fn_absent_over_time,
      .result = PROM_VECTOR },
    { .name = STR_ROW("label_replace"),
      .args = { PROM_VECTOR, PROM_STRING, PROM_STRING, PROM_STRING, PROM_STRING },
      .arg_count = 5,
      .whole = fn_label_replace,
      .result = PROM_VECTOR },
    { .name = STR_ROW("label_join"),
      .args = { PROM_VECTOR, PROM_STRING, PROM_STRING, PROM_STRING },
      .arg_count = 4,
      .variadic = true,
      .whole = fn_label_join,
      .result = PROM_VECTOR },
    { .name = STR_ROW("histogram_quantile"),
      .args = { PROM_SCALAR, PROM_VECTOR },
      .arg_count = 2,
      .whole = fn_histogram_quantile,
      .result = PROM_VECTOR },
};

const Function *promql_function(Str name)
{
    for (size_t i = 0; i < COUNT_OF(functions); i++)
        if (str_eq(functions[i].name, name))
            return &functions[i];
    return NULL;
}

/* ---- scalars beside the series ------------------------------------------------------------------
 */

typedef struct Params {
    Frame frames[FUNCTION_PARAMS_MAX];
    size_t count;
    bool fixed; /* the same at every step */
} Params;

static bool eval_params(Eval *eval, const Call *call, Params *out, Err *err)
{
    *out = (Params){ .fixed = true };
    for (size_t i = 0; i < call->arg_count; i++) {
        if (call->args[i]->type != PROM_SCALAR)
            continue;
        if (!promql_node(eval, call->args[i], &out->frames[out->count], err))
            return false;
        out->fixed = out->fixed && out->frames[out->count].width == 1;
        out->count++;
    }
    return true;
}

static void params_at(const Params *params, size_t step, double out[FUNCTION_PARAMS_MAX])
{
    for (size_t i = 0; i < params->count; i++)
        out[i] = frame_at(&params->frames[i], 0, step);
}

static const Node *series_arg(const Call *call, PromType type)
{
    for (size_t i = 0; i < call->arg_count; i++)
        if (call->args[i]->type == type)
            return call->args[i];
    return NULL;
}

/* ---- over a window ------------------------------------------------------------------------------
 */

typedef struct Moving {
    Eval *eval;
    const Node *call, *range;
    const Function *function;
    Params params;
    Frame *out;
} Moving;

/* Both ends only go forward from step to step. */
static void fill_windows(const Moving *moving, const RangeRow *row, double *values)
{
    Eval *eval = moving->eval;
    double params[FUNCTION_PARAMS_MAX] = { 0 };
    size_t first = 0, end = 0;
    for (size_t step = 0; step < moving->out->width; step++) {
        Window window = { .to_ms = range_end(eval, moving->range, step),
                          .now_ms = eval_time(eval, step),
                          .params = params,
                          .scratch = &eval->shared->scratch };
        window.from_ms = window.to_ms - range_length(eval, moving->range);
        while (end < row->count && row->samples[end].time_ms <= window.to_ms)
            end++;
        while (first < end && row->samples[first].time_ms <= window.from_ms)
            first++;
        window.samples = row->samples + first;
        window.count = end - first;
        params_at(&moving->params, step, params);
        double value;
        if (window.count && moving->function->window(&window, &value))
            values[step] = value;
    }
}

static bool ends_as_counter(Str name)
{
    return str_ends(name, STR("_total")) || str_ends(name, STR("_sum")) ||
           str_ends(name, STR("_count")) || str_ends(name, STR("_bucket"));
}

static bool add_windows(void *context, const RangeRow *row, Err *err)
{
    Moving *moving = context;
    Eval *eval = moving->eval;
    Labels labels;
    Str name = labels_get(row->labels, STR(LABEL_METRIC_NAME));
    if (moving->function->is_counter && name.len && !ends_as_counter(name))
        promql_note(
            eval, false, moving->range,
            "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "
            "\"%.*s\"",
            STR_ARG(name));
    if (!frame_labels_copy(eval, row->labels, &labels, err))
        return false;
    FrameSeries *series = frame_add(eval, moving->out, labels, err);
    if (!series)
        return false;
    fill_windows(moving, row, series->values);
    if (eval->shared->scratch.err.kind != ERR_NONE) {
        *err = eval->shared->scratch.err;
        return blame(err, "the values of a window");
    }
    return promql_alive(eval, row->count + moving->out->width, err);
}

static void note_quantiles(Eval *eval, const Node *node, const Params *params)
{
    size_t width = params->frames[0].width;
    for (size_t step = 0; step < width; step++) {
        double q = params->frames[0].series[0].values[step];
        if (!(q >= 0 && q <= 1))
            promql_note(eval, true, node->call.args[0],
                        "quantile value should be between 0 and 1, got %g", q);
    }
}

static bool call_window(Eval *eval, const Node *node, Frame *out, Err *err)
{
    const Function *function = node->call.function;
    Moving moving = { .eval = eval, .call = node, .function = function, .out = out };
    moving.range = series_arg(&node->call, PROM_MATRIX);
    if (!eval_params(eval, &node->call, &moving.params, err))
        return false;
    bool fixed = range_is_fixed(moving.range) && moving.params.fixed &&
                 function->window != fn_predict_linear; /* which looks ahead from the step */
    *out = (Frame){ .type = PROM_VECTOR, .width = fixed ? 1 : eval->steps };
    if (!promql_ranges(eval, moving.range, add_windows, &moving, err))
        return false;
    if (function->window == fn_quantile_over_time && out->count)
        note_quantiles(eval, node, &moving.params);
    frame_drop_empty(out);
    return function->keeps_name || frame_drop_names(eval, out, err);
}

/* ---- value by value -----------------------------------------------------------------------------
 */

/* Functions of dates take vector(time()) when they are given nothing. */
static bool eval_argument(Eval *eval, const Call *call, Frame *out, Err *err)
{
    const Node *arg = series_arg(call, PROM_VECTOR);
    if (arg)
        return promql_node(eval, arg, out, err);
    if (!fn_time(eval, NULL, out, err))
        return false;
    out->type = PROM_VECTOR;
    return true;
}

static bool call_math(Eval *eval, const Node *node, Frame *out, Err *err)
{
    Params params;
    double at[FUNCTION_PARAMS_MAX] = { 1, 0 }; /* round() to 1 */
    if (!eval_argument(eval, &node->call, out, err) ||
        !eval_params(eval, &node->call, &params, err) ||
        (!params.fixed && !frame_widen(eval, out, err)))
        return false;
    for (size_t i = 0; i < out->count; i++) {
        double *values = out->series[i].values;
        if (!promql_alive(eval, out->width, err))
            return false;
        for (size_t step = 0; step < out->width; step++) {
            params_at(&params, step, at);
            if (is_value(values[step]))
                values[step] = node->call.function->math(values[step], at);
        }
    }
    return frame_drop_names(eval, out, err);
}

bool promql_call(Eval *eval, const Node *node, Frame *out, Err *err)
{
    const Function *function = node->call.function;
    if (function->window)
        return call_window(eval, node, out, err);
    if (function->math)
        return call_math(eval, node, out, err);
    return function->whole(eval, node, out, err);
}
