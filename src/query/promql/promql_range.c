/* promql_range.c - functions over a window of one series. The order of the operations is part of
 * what they promise: results are the same to the last bit as Prometheus'. */
#include "query/promql/promql_functions_internal.h"

#include <math.h>

/* ---- rate, increase, delta ----------------------------------------------------------------------
 */

/* How far the samples' change reaches to the borders of the window: up to the border when the next
 * sample could have been expected there, else half an interval; a counter not below zero. */
static double reach_factor(const Window *w, double change, bool is_counter)
{
    const Sample *first = &w->samples[0], *last = &w->samples[w->count - 1];
    double sampled = (double)(last->time_ms - first->time_ms) / 1000;
    double average = sampled / (double)(w->count - 1);
    double to_start = (double)(first->time_ms - w->from_ms) / 1000;
    double to_end = (double)(w->to_ms - last->time_ms) / 1000;
    double threshold = average * 1.1;
    if (to_start >= threshold)
        to_start = average / 2;
    if (is_counter && change > 0 && first->value >= 0) {
        double to_zero = sampled * (first->value / change);
        if (to_zero < to_start)
            to_start = to_zero;
    }
    if (to_end >= threshold)
        to_end = average / 2;
    return (sampled + to_start + to_end) / sampled;
}

static bool extrapolated(const Window *w, bool is_counter, bool is_rate, double *out)
{
    if (w->count < 2)
        return false;
    double change = w->samples[w->count - 1].value - w->samples[0].value;
    for (size_t i = 1; is_counter && i < w->count; i++)
        if (w->samples[i].value < w->samples[i - 1].value)
            change += w->samples[i - 1].value;
    double factor = reach_factor(w, change, is_counter);
    if (is_rate)
        factor /= (double)(w->to_ms - w->from_ms) / 1000;
    *out = change * factor;
    return true;
}

bool fn_rate(const Window *w, double *out)
{
    return extrapolated(w, true, true, out);
}
bool fn_increase(const Window *w, double *out)
{
    return extrapolated(w, true, false, out);
}
bool fn_delta(const Window *w, double *out)
{
    return extrapolated(w, false, false, out);
}

/* ---- the last two -------------------------------------------------------------------------------
 */

static bool instant(const Window *w, bool is_rate, double *out)
{
    if (w->count < 2)
        return false;
    const Sample *last = &w->samples[w->count - 1], *before = last - 1;
    bool reset = is_rate && last->value < before->value;
    *out = reset ? last->value : last->value - before->value;
    int64_t interval_ms = last->time_ms - before->time_ms;
    if (interval_ms == 0)
        return false;
    if (is_rate)
        *out /= (double)interval_ms / 1000;
    return true;
}

bool fn_irate(const Window *w, double *out)
{
    return instant(w, true, out);
}
bool fn_idelta(const Window *w, double *out)
{
    return instant(w, false, out);
}

bool fn_changes(const Window *w, double *out)
{
    double count = 0;
    for (size_t i = 1; i < w->count; i++) {
        double now = w->samples[i].value, before = w->samples[i - 1].value;
        count += now != before && !(isnan(now) && isnan(before));
    }
    *out = count;
    return true;
}

bool fn_resets(const Window *w, double *out)
{
    double count = 0;
    for (size_t i = 1; i < w->count; i++)
        count += w->samples[i].value < w->samples[i - 1].value;
    *out = count;
    return true;
}

/* ---- a line through the samples -----------------------------------------------------------------
 */

typedef struct Line {
    double slope, at_origin;
} Line;

static bool is_constant(const Window *w)
{
    for (size_t i = 1; i < w->count; i++)
        if (w->samples[i].value != w->samples[0].value)
            return false;
    return true;
}

static Line fit(const Window *w, int64_t origin_ms)
{
    if (is_constant(w)) {
        double value = w->samples[0].value;
        return isinf(value) ? (Line){ NAN, NAN } : (Line){ 0, value };
    }
    Kahan sum_x = { 0 }, sum_y = { 0 }, sum_xy = { 0 }, sum_xx = { 0 };
    double n = (double)w->count;
    for (size_t i = 0; i < w->count; i++) {
        double x = (double)(w->samples[i].time_ms - origin_ms) / 1e3, y = w->samples[i].value;
        promql_kahan_add(&sum_x, x);
        promql_kahan_add(&sum_y, y);
        promql_kahan_add(&sum_xy, x * y);
        promql_kahan_add(&sum_xx, x * x);
    }
    double x = kahan_total(&sum_x), y = kahan_total(&sum_y);
    double covariance = kahan_total(&sum_xy) - x * y / n;
    double variance = kahan_total(&sum_xx) - x * x / n;
    double slope = covariance / variance;
    return (Line){ slope, y / n - slope * x / n };
}

bool fn_deriv(const Window *w, double *out)
{
    if (w->count < 2)
        return false;
    *out = fit(w, w->samples[0].time_ms).slope;
    return true;
}

bool fn_predict_linear(const Window *w, double *out)
{
    if (w->count < 2)
        return false;
    Line line = fit(w, w->now_ms);
    *out = line.slope * w->params[0] + line.at_origin;
    return true;
}

/* ---- over time ----------------------------------------------------------------------------------
 */

bool fn_sum_over_time(const Window *w, double *out)
{
    Kahan sum = { 0 };
    for (size_t i = 0; i < w->count; i++)
        promql_kahan_add(&sum, w->samples[i].value);
    *out = isinf(sum.sum) ? sum.sum : kahan_total(&sum);
    return true;
}

bool fn_avg_over_time(const Window *w, double *out)
{
    Mean mean = { 0 };
    for (size_t i = 0; i < w->count; i++)
        promql_mean_add(&mean, w->samples[i].value);
    *out = promql_mean_value(&mean);
    return true;
}

bool fn_min_over_time(const Window *w, double *out)
{
    double least = w->samples[0].value;
    for (size_t i = 1; i < w->count; i++)
        if (w->samples[i].value < least || isnan(least))
            least = w->samples[i].value;
    *out = least;
    return true;
}

bool fn_max_over_time(const Window *w, double *out)
{
    double most = w->samples[0].value;
    for (size_t i = 1; i < w->count; i++)
        if (w->samples[i].value > most || isnan(most))
            most = w->samples[i].value;
    *out = most;
    return true;
}

bool fn_count_over_time(const Window *w, double *out)
{
    *out = (double)w->count;
    return true;
}

bool fn_last_over_time(const Window *w, double *out)
{
    *out = w->samples[w->count - 1].value;
    return true;
}

bool fn_first_over_time(const Window *w, double *out)
{
    *out = w->samples[0].value;
    return true;
}

bool fn_present_over_time(const Window *w, double *out)
{
    *out = w->count ? 1 : 0;
    return true;
}

static double variance(const Window *w)
{
    Kahan mean = { 0 }, squares = { 0 };
    double count = 0;
    for (size_t i = 0; i < w->count; i++) {
        double value = w->samples[i].value;
        count++;
        double delta = value - kahan_total(&mean);
        promql_kahan_add(&mean, delta / count);
        promql_kahan_add(&squares, delta * (value - kahan_total(&mean)));
    }
    return kahan_total(&squares) / count;
}

bool fn_stddev_over_time(const Window *w, double *out)
{
    *out = sqrt(variance(w));
    return true;
}

bool fn_stdvar_over_time(const Window *w, double *out)
{
    *out = variance(w);
    return true;
}

bool fn_quantile_over_time(const Window *w, double *out)
{
    double *values = promql_scratch(w->scratch, w->count);
    for (size_t i = 0; values && i < w->count; i++)
        values[i] = w->samples[i].value;
    if (values)
        *out = promql_quantile_of(w->params[0], values, w->count);
    return values != NULL;
}

/* The median of the distances from the median. */
bool fn_mad_over_time(const Window *w, double *out)
{
    double *values = promql_scratch(w->scratch, w->count);
    if (!values)
        return false;
    bool nan = false;
    for (size_t i = 0; i < w->count; i++) {
        values[i] = w->samples[i].value;
        nan = nan || isnan(values[i]);
    }
    double median = promql_quantile_of(0.5, values, w->count);
    for (size_t i = 0; i < w->count; i++)
        values[i] = fabs(w->samples[i].value - median);
    *out = nan ? NAN : promql_quantile_of(0.5, values, w->count);
    return true;
}

/* ---- when ---------------------------------------------------------------------------------------
 */

static bool time_of(const Window *w, size_t at, double *out)
{
    *out = (double)w->samples[at].time_ms / 1000;
    return true;
}

bool fn_ts_of_first_over_time(const Window *w, double *out)
{
    return time_of(w, 0, out);
}

bool fn_ts_of_last_over_time(const Window *w, double *out)
{
    return time_of(w, w->count - 1, out);
}

/* Of several that are the least, the last. */
bool fn_ts_of_min_over_time(const Window *w, double *out)
{
    size_t at = 0;
    for (size_t i = 1; i < w->count; i++)
        if (w->samples[i].value <= w->samples[at].value || isnan(w->samples[at].value))
            at = i;
    return time_of(w, at, out);
}

bool fn_ts_of_max_over_time(const Window *w, double *out)
{
    size_t at = 0;
    for (size_t i = 1; i < w->count; i++)
        if (w->samples[i].value >= w->samples[at].value || isnan(w->samples[at].value))
            at = i;
    return time_of(w, at, out);
}
