/* promql_instant.c - functions of single values and of whole vectors. */
#include "query/promql/promql_functions_internal.h"

#include <math.h>
#include <stdlib.h>

/* ---- value by value -----------------------------------------------------------------------------
 */

double fn_round(double value, const double *params)
{
    double inverse = 1 / params[0]; /* better than dividing by 0.1 and the like */
    return floor(value * inverse + 0.5) / inverse;
}

double fn_clamp_min(double value, const double *params)
{
    return isnan(value) || isnan(params[0]) ? NAN : value > params[0] ? value : params[0];
}

double fn_clamp_max(double value, const double *params)
{
    return isnan(value) || isnan(params[0]) ? NAN : value < params[0] ? value : params[0];
}

double fn_sgn(double value, const double *params)
{
    (void)params;
    return value > 0 ? 1 : value < 0 ? -1 : value;
}

static const double pi = 3.14159265358979323846;

double fn_deg(double value, const double *params)
{
    (void)params;
    return value * 180 / pi;
}

double fn_rad(double value, const double *params)
{
    (void)params;
    return value * pi / 180;
}

/* ---- dates, UTC ---------------------------------------------------------------------------------
 */

typedef struct Date {
    int64_t year, month, day; /* month and day from 1 */
    int64_t day_of_year;      /* from 1 */
    int64_t days;             /* since 1970 */
    int64_t second;           /* of the day */
} Date;

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int64_t month_days(int64_t year, int64_t month)
{
    static const int64_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    return days[month - 1] + (month == 2 && is_leap(year) ? 1 : 0);
}

/* Whole seconds since 1970; the Gregorian calendar, 400 years at a time. */
static Date date_of(double seconds)
{
    const int64_t most = INT64_C(1) << 52;
    if (isnan(seconds))
        seconds = 0; /* whoever asks answers NaN */
    int64_t at = seconds >= (double)most    ? most
                 : seconds <= -(double)most ? -most
                                            : (int64_t)seconds;
    Date date = { .days = at / 86400, .second = at % 86400 };
    if (date.second < 0) {
        date.second += 86400;
        date.days--;
    }
    const int64_t era_days = 146097;
    int64_t era = date.days / era_days - (date.days % era_days < 0 ? 1 : 0);
    int64_t rest = date.days - era * era_days; /* since 1970 + 400 * era */
    date.year = 1970 + era * 400;
    while (rest >= (is_leap(date.year) ? 366 : 365))
        rest -= is_leap(date.year++) ? 366 : 365;
    date.day_of_year = rest + 1;
    for (date.month = 1; rest >= month_days(date.year, date.month); date.month++)
        rest -= month_days(date.year, date.month);
    date.day = rest + 1;
    return date;
}

double fn_minute(double value, const double *params)
{
    (void)params;
    return isnan(value) ? NAN : (double)(date_of(value).second / 60 % 60);
}

double fn_hour(double value, const double *params)
{
    (void)params;
    return isnan(value) ? NAN : (double)(date_of(value).second / 3600);
}

double fn_day_of_week(double value, const double *params)
{
    (void)params;
    int64_t day = (date_of(value).days + 4) % 7; /* 1970 began on a Thursday; Sunday is 0 */
    return isnan(value) ? NAN : (double)(day < 0 ? day + 7 : day);
}

double fn_day_of_month(double value, const double *params)
{
    (void)params;
    return isnan(value) ? NAN : (double)date_of(value).day;
}

double fn_day_of_year(double value, const double *params)
{
    (void)params;
    return isnan(value) ? NAN : (double)date_of(value).day_of_year;
}

double fn_days_in_month(double value, const double *params)
{
    (void)params;
    Date date = date_of(isnan(value) ? 0 : value);
    return isnan(value) ? NAN : (double)month_days(date.year, date.month);
}

double fn_month(double value, const double *params)
{
    (void)params;
    return isnan(value) ? NAN : (double)date_of(value).month;
}

double fn_year(double value, const double *params)
{
    (void)params;
    return isnan(value) ? NAN : (double)date_of(value).year;
}

/* ---- scalars and vectors ------------------------------------------------------------------------
 */

bool fn_time(Eval *eval, const Node *node, Frame *out, Err *err)
{
    (void)node;
    *out = (Frame){ .type = PROM_SCALAR, .width = eval->steps };
    FrameSeries *series = frame_add(eval, out, (Labels){ 0 }, err);
    for (size_t step = 0; series && step < eval->steps; step++)
        series->values[step] = (double)eval_time(eval, step) / 1000;
    return series != NULL;
}

bool fn_pi(Eval *eval, const Node *node, Frame *out, Err *err)
{
    (void)node;
    return frame_constant(eval, out, pi, err);
}

/* What the query as a whole was asked for; an instant query has no step and no range. */
bool fn_start(Eval *eval, const Node *node, Frame *out, Err *err)
{
    (void)node;
    return frame_constant(eval, out, (double)eval->shared->query->start_ms / 1000, err);
}

bool fn_end(Eval *eval, const Node *node, Frame *out, Err *err)
{
    (void)node;
    const PromQuery *query = eval->shared->query;
    return frame_constant(eval, out,
                          (double)(query->step_ms ? query->end_ms : query->start_ms) / 1000, err);
}

bool fn_step(Eval *eval, const Node *node, Frame *out, Err *err)
{
    (void)node;
    return frame_constant(eval, out, (double)eval->shared->query->step_ms / 1000, err);
}

bool fn_range(Eval *eval, const Node *node, Frame *out, Err *err)
{
    (void)node;
    const PromQuery *query = eval->shared->query;
    int64_t range_ms = query->step_ms ? query->end_ms - query->start_ms : 0;
    return frame_constant(eval, out, (double)range_ms / 1000, err);
}

static double lesser(double a, double b)
{
    return isnan(a) || isnan(b) ? NAN : a < b ? a : b;
}
static double greater(double a, double b)
{
    return isnan(a) || isnan(b) ? NAN : a > b ? a : b;
}

static bool of_two(Eval *eval, const Node *node, Frame *out, double (*pick)(double a, double b),
                   Err *err)
{
    Frame other;
    if (!promql_node(eval, node->call.args[0], out, err) ||
        !promql_node(eval, node->call.args[1], &other, err) ||
        (other.width > 1 && !frame_widen(eval, out, err)))
        return false;
    double *values = out->series[0].values;
    for (size_t step = 0; step < out->width; step++)
        values[step] = pick(values[step], frame_at(&other, 0, step));
    return promql_alive(eval, out->width, err);
}

bool fn_min_of(Eval *eval, const Node *node, Frame *out, Err *err)
{
    return of_two(eval, node, out, lesser, err);
}

bool fn_max_of(Eval *eval, const Node *node, Frame *out, Err *err)
{
    return of_two(eval, node, out, greater, err);
}

bool fn_vector(Eval *eval, const Node *node, Frame *out, Err *err)
{
    if (!promql_node(eval, node->call.args[0], out, err))
        return false;
    out->type = PROM_VECTOR;
    return true;
}

bool fn_scalar(Eval *eval, const Node *node, Frame *out, Err *err)
{
    Frame in;
    if (!promql_node(eval, node->call.args[0], &in, err))
        return false;
    *out = (Frame){ .type = PROM_SCALAR, .width = in.width };
    FrameSeries *series = frame_add(eval, out, (Labels){ 0 }, err);
    if (!series)
        return false;
    for (size_t step = 0; step < in.width; step++) {
        size_t found = 0;
        double value = NAN;
        for (size_t i = 0; i < in.count; i++)
            if (is_value(frame_at(&in, i, step)) && ++found)
                value = frame_at(&in, i, step);
        series->values[step] = found == 1 ? value : NAN;
        if (!promql_alive(eval, in.count, err))
            return false;
    }
    return true;
}

/* Of a plain selector the samples' own times, else the step's. */
bool fn_timestamp(Eval *eval, const Node *node, Frame *out, Err *err)
{
    const Node *arg = node->call.args[0];
    if (arg->kind == NODE_SELECTOR)
        return promql_select(eval, arg, true, out, err) && frame_drop_names(eval, out, err);
    if (!promql_node(eval, arg, out, err) || !frame_widen(eval, out, err))
        return false;
    for (size_t i = 0; i < out->count; i++)
        for (size_t step = 0; step < out->width; step++)
            if (is_value(out->series[i].values[step]))
                out->series[i].values[step] = (double)eval_time(eval, step) / 1000;
    return frame_drop_names(eval, out, err);
}

bool fn_clamp(Eval *eval, const Node *node, Frame *out, Err *err)
{
    Frame low, high;
    if (!promql_node(eval, node->call.args[0], out, err) ||
        !promql_node(eval, node->call.args[1], &low, err) ||
        !promql_node(eval, node->call.args[2], &high, err) ||
        ((low.width > 1 || high.width > 1) && !frame_widen(eval, out, err)))
        return false;
    for (size_t i = 0; i < out->count; i++) {
        double *values = out->series[i].values;
        for (size_t step = 0; step < out->width; step++) {
            double least = frame_at(&low, 0, step), most = frame_at(&high, 0, step);
            if (most < least)
                values[step] = no_value();
            else if (is_value(values[step]))
                values[step] = fn_clamp_max(fn_clamp_min(values[step], &least), &most);
        }
        if (!promql_alive(eval, out->width, err))
            return false;
    }
    frame_drop_empty(out);
    return frame_drop_names(eval, out, err);
}

/* ---- absence ------------------------------------------------------------------------------------
 */

/* The labels that the selector promises: those matched by = and by nothing else. */
static bool promised_labels(Eval *eval, const Node *arg, Labels *out, Err *err)
{
    *out = (Labels){ 0 };
    if (arg->kind != NODE_SELECTOR)
        return true;
    const Selector *selector = &arg->selector;
    Label *labels = ARENA_MAKE(eval->arena, Label, selector->matcher_count + 1, err);
    if (!labels)
        return false;
    size_t count = 0;
    for (size_t i = 0; i < selector->matcher_count; i++) {
        const LabelMatcher *matcher = &selector->matchers[i];
        bool alone = matcher->op == LABEL_EQUAL && !str_eq(matcher->name, STR(LABEL_METRIC_NAME));
        for (size_t j = 0; j < selector->matcher_count; j++)
            alone = alone && (i == j || !str_eq(selector->matchers[j].name, matcher->name));
        if (alone)
            labels[count++] = (Label){ matcher->name, matcher->value };
    }
    *out = (Labels){ labels, labels_sort(labels, count) };
    return true;
}

static bool absence(Eval *eval, const Node *arg, const Frame *in, Frame *out, Err *err)
{
    Labels labels;
    *out = (Frame){ .type = PROM_VECTOR, .width = in->width };
    FrameSeries *series =
        promised_labels(eval, arg, &labels, err) ? frame_add(eval, out, labels, err) : NULL;
    if (!series)
        return false;
    for (size_t step = 0; step < in->width; step++) {
        bool present = false;
        for (size_t i = 0; i < in->count && !present; i++)
            present = is_value(frame_at(in, i, step));
        if (!present)
            series->values[step] = 1;
        if (!promql_alive(eval, in->count, err))
            return false;
    }
    frame_drop_empty(out);
    return true;
}

bool fn_absent(Eval *eval, const Node *node, Frame *out, Err *err)
{
    Frame in;
    return promql_node(eval, node->call.args[0], &in, err) &&
           absence(eval, node->call.args[0], &in, out, err);
}

typedef struct Presence {
    Eval *eval;
    const Node *range;
    Frame frame; /* one series: 1 where any sample is */
} Presence;

static bool mark_presence(void *context, const RangeRow *row, Err *err)
{
    Presence *presence = context;
    Eval *eval = presence->eval;
    size_t next = 0;
    for (size_t step = 0; step < presence->frame.width; step++) {
        int64_t to = range_end(eval, presence->range, step);
        while (next < row->count && row->samples[next].time_ms <= to)
            next++;
        if (next && row->samples[next - 1].time_ms > to - range_length(eval, presence->range))
            presence->frame.series[0].values[step] = 1;
    }
    return promql_alive(eval, row->count + presence->frame.width, err);
}

bool fn_absent_over_time(Eval *eval, const Node *node, Frame *out, Err *err)
{
    const Node *range = node->call.args[0];
    Presence presence = { .eval = eval, .range = range };
    presence.frame =
        (Frame){ .type = PROM_VECTOR, .width = range_is_fixed(range) ? 1 : eval->steps };
    return frame_add(eval, &presence.frame, (Labels){ 0 }, err) &&
           promql_ranges(eval, range, mark_presence, &presence, err) &&
           absence(eval, range, &presence.frame, out, err);
}

/* ---- order --------------------------------------------------------------------------------------
 */

static int compare(const FrameSeries *a, const FrameSeries *b, bool descending)
{
    double left = a->values[0], right = b->values[0];
    if (isnan(left) || isnan(right))
        return isnan(left) - isnan(right); /* last, both ways */
    int order = (left > right) - (left < right);
    if (order)
        return descending ? -order : order;
    return labels_compare(a->labels, b->labels);
}

static int ascending(const void *a, const void *b)
{
    return compare(a, b, false);
}
static int descending(const void *a, const void *b)
{
    return compare(a, b, true);
}

static bool sorted(Eval *eval, const Node *node, Frame *out,
                   int (*order)(const void *a, const void *b), Err *err)
{
    if (!promql_node(eval, node->call.args[0], out, err))
        return false;
    if (!is_root_instant(eval))
        promql_note(eval, true, node,
                    "sort is ineffective for range queries since results are always ordered by "
                    "labels");
    else if (out->count > 1 && eval->steps == 1)
        qsort(out->series, out->count, sizeof *out->series, order);
    return true;
}

bool fn_sort(Eval *eval, const Node *node, Frame *out, Err *err)
{
    return sorted(eval, node, out, ascending, err);
}

bool fn_sort_desc(Eval *eval, const Node *node, Frame *out, Err *err)
{
    return sorted(eval, node, out, descending, err);
}
