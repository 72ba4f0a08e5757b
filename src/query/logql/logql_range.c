/* logql_range.c - the functions over the samples of a range; see logql_range_internal.h. */
#include "query/logql/logql_range_internal.h"

#include "base/clock.h"

#include <math.h>
#include <stdlib.h>

static double seconds(int64_t nanos)
{
    return (double)nanos / (double)NANOS_PER_SECOND;
}

static double value_sum(const RangeWindow *window)
{
    double sum = 0;
    for (size_t i = 0; i < window->count; i++)
        sum += window->samples[i].value;
    return sum;
}

static double value_avg(const RangeWindow *window)
{
    return value_sum(window) / (double)window->count;
}

/* NaN counts only when there is nothing else. */
static double value_min(const RangeWindow *window)
{
    double least = window->samples[0].value;
    for (size_t i = 1; i < window->count; i++)
        if (window->samples[i].value < least || isnan(least))
            least = window->samples[i].value;
    return least;
}

static double value_max(const RangeWindow *window)
{
    double most = window->samples[0].value;
    for (size_t i = 1; i < window->count; i++)
        if (window->samples[i].value > most || isnan(most))
            most = window->samples[i].value;
    return most;
}

static double value_first(const RangeWindow *window)
{
    return window->samples[0].value;
}

static double value_last(const RangeWindow *window)
{
    return window->samples[window->count - 1].value;
}

static double value_stdvar(const RangeWindow *window)
{
    double mean = 0, squares = 0; /* Welford's way */
    for (size_t i = 0; i < window->count; i++) {
        double delta = window->samples[i].value - mean;
        mean += delta / (double)(i + 1);
        squares += delta * (window->samples[i].value - mean);
    }
    return squares / (double)window->count;
}

static double value_stddev(const RangeWindow *window)
{
    return sqrt(value_stdvar(window));
}

/* NaN is less than anything. */
static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    if (isnan(left) || isnan(right))
        return isnan(right) - isnan(left);
    return (left > right) - (left < right);
}

static double value_quantile(const RangeWindow *window)
{
    double wanted = window->parameter;
    if (isnan(wanted))
        return wanted;
    if (wanted < 0 || wanted > 1)
        return wanted < 0 ? -(double)INFINITY : (double)INFINITY;
    for (size_t i = 0; i < window->count; i++)
        window->scratch[i] = window->samples[i].value;
    qsort(window->scratch, window->count, sizeof *window->scratch, by_value);
    double rank = wanted * (double)(window->count - 1), below = floor(rank);
    size_t low = (size_t)below, high = low + 1 < window->count ? low + 1 : low;
    double weight = rank - below;
    return window->scratch[low] * (1 - weight) + window->scratch[high] * weight;
}

/* How far the increase reaches beyond a sample towards an end of the window: all the way where that
 * is not much more than samples are apart, else half of that. */
static double reach(double gap, double apart)
{
    return gap < apart * 1.1 ? gap : apart / 2;
}

/* The increase of a counter with its resets added back, drawn out to the ends of the window but
 * never below the counter's zero. */
static double value_rate_counter(const RangeWindow *window)
{
    const RangeSample *first = window->samples, *last = first + window->count - 1;
    if (window->count < 2 || last->time_ns <= first->time_ns)
        return 0;
    double increase = last->value - first->value;
    for (size_t i = 1; i < window->count; i++)
        if (first[i].value < first[i - 1].value)
            increase += first[i - 1].value;
    double sampled = seconds(last->time_ns - first->time_ns);
    double apart = sampled / (double)(window->count - 1);
    double before = reach(seconds(first->time_ns - window->from_ns), apart);
    double after = reach(seconds(window->to_ns - last->time_ns), apart);
    if (increase > 0 && first->value >= 0) {
        double to_zero = sampled * (first->value / increase);
        before = to_zero < before ? to_zero : before;
    }
    return increase * ((sampled + before + after) / sampled) /
           seconds(window->to_ns - window->from_ns);
}

static const RangeFunction functions[] = {
    { .name = STR_ROW("count_over_time"), .takes = TAKES_LINES },
    { .name = STR_ROW("rate"), .takes = TAKES_BOTH, .per_second = true, .value = value_sum },
    { .name = STR_ROW("bytes_over_time"), .takes = TAKES_LINES, .counts_bytes = true },
    { .name = STR_ROW("bytes_rate"),
      .takes = TAKES_LINES,
      .counts_bytes = true,
      .per_second = true },
    { .name = STR_ROW("absent_over_time"), .takes = TAKES_BOTH, .is_absent = true },
    { .name = STR_ROW("rate_counter"), .takes = TAKES_SAMPLES, .value = value_rate_counter },
    { .name = STR_ROW("sum_over_time"), .takes = TAKES_SAMPLES, .value = value_sum },
    { .name = STR_ROW("avg_over_time"),
      .takes = TAKES_SAMPLES,
      .grouping = true,
      .value = value_avg },
    { .name = STR_ROW("min_over_time"),
      .takes = TAKES_SAMPLES,
      .grouping = true,
      .value = value_min },
    { .name = STR_ROW("max_over_time"),
      .takes = TAKES_SAMPLES,
      .grouping = true,
      .value = value_max },
    { .name = STR_ROW("first_over_time"),
      .takes = TAKES_SAMPLES,
      .grouping = true,
      .value = value_first },
    { .name = STR_ROW("last_over_time"),
      .takes = TAKES_SAMPLES,
      .grouping = true,
      .value = value_last },
    { .name = STR_ROW("stdvar_over_time"),
      .takes = TAKES_SAMPLES,
      .grouping = true,
      .value = value_stdvar },
    { .name = STR_ROW("stddev_over_time"),
      .takes = TAKES_SAMPLES,
      .grouping = true,
      .value = value_stddev },
    { .name = STR_ROW("quantile_over_time"),
      .takes = TAKES_SAMPLES,
      .grouping = true,
      .parameter = true,
      .value = value_quantile },
};

const RangeFunction *range_function(Str name)
{
    for (size_t i = 0; i < COUNT_OF(functions); i++)
        if (str_eq(functions[i].name, name))
            return &functions[i];
    return NULL;
}
