/* prometheus_query.c - query and query_range: parameters in, values out. */
#include "api/prometheus_internal.h"

#include "base/clock.h"
#include "codec/float_text.h"

#include <stdio.h>

enum { TIME_TEXT = 40, POINTS_MAX = PROMQL_STEPS_MAX };

/* ---- parameters ---------------------------------------------------------------------------------
 */

typedef struct Asked {
    Buf text;
    PromExpr *expr;
    PromQuery query;
    uint64_t limit;
} Asked;

static void asked_done(Asked *asked)
{
    promql_free(asked->expr);
    buf_free(&asked->text);
}

/* Rounded to the nearest millisecond, which is what samples have. */
static int64_t to_ms(int64_t ns)
{
    int64_t half = NANOS_PER_MILLI / 2;
    return (ns + (ns < 0 ? -half : half)) / NANOS_PER_MILLI;
}

static bool read_period_ms(Str query, Str name, int64_t *out_ms, Err *err)
{
    int64_t ns = INT64_MIN;
    if (!param_period(query, name, &ns, err))
        return false;
    if (ns == INT64_MIN)
        return true;
    *out_ms = to_ms(ns);
    return *out_ms > 0 || fail(err, ERR_INPUT,
                               "invalid parameter \"%.*s\": zero or negative is not accepted, try "
                               "a positive one",
                               STR_ARG(name));
}

static bool read_common(PromAsk *ask, Asked *asked, Err *err)
{
    const ApiRequest *request = ask->request;
    PromQuery *query = &asked->query;
    int64_t timeout_ms = 0;
    query->source = ask->source;
    query->clock = request->clock;
    query->purse = request->purse;
    query->deadline_mono_ns = request->deadline_mono_ns;
    if (!read_period_ms(request->query, STR("timeout"), &timeout_ms, err) ||
        !read_period_ms(request->query, STR("lookback_delta"), &query->lookback_ms, err) ||
        !param_u64(request->query, STR("limit"), &asked->limit, err))
        return false;
    if (timeout_ms) {
        Clock *clock = request->clock ? request->clock : clock_system();
        int64_t own = clock_mono_ns(clock) + timeout_ms * NANOS_PER_MILLI;
        if (own < query->deadline_mono_ns || !query->deadline_mono_ns)
            query->deadline_mono_ns = own;
    }
    if (param_text(request->query, STR("query"), 0, &asked->text, err) == PARAM_BAD)
        return false;
    asked->expr = promql_parse(buf_str(&asked->text), err);
    return asked->expr || blame(err, "invalid parameter \"query\"");
}

/* ---- values -------------------------------------------------------------------------------------
 */

static void json_time(JsonWriter *json, int64_t time_ms)
{
    char text[TIME_TEXT];
    bool negative = time_ms < 0;
    uint64_t ms = negative ? 0 - (uint64_t)time_ms : (uint64_t)time_ms;
    unsigned long long seconds = ms / 1000;
    unsigned rest = (unsigned)(ms % 1000);
    int len = rest ? snprintf(text, sizeof text, "%s%llu.%03u", negative ? "-" : "", seconds, rest)
                   : snprintf(text, sizeof text, "%s%llu", negative ? "-" : "", seconds);
    json_raw(json, (Str){ text, (size_t)len });
}

static void json_sample(JsonWriter *json, const Sample *sample)
{
    char text[FLOAT_TEXT_SIZE];
    json_array(json);
    json_time(json, sample->time_ms);
    json_text(json, (Str){ text, float_text(sample->value, FLOAT_ANSWER, text) });
    json_end(json);
}

void prometheus_json_labels(JsonWriter *json, Labels labels)
{
    json_object(json);
    for (size_t i = 0; i < labels.count; i++) {
        json_key(json, labels.ptr[i].name);
        json_text(json, labels.ptr[i].value);
    }
    json_end(json);
}

static void json_series(JsonWriter *json, const PromSeries *series, bool is_matrix)
{
    json_object(json);
    json_key(json, STR("metric"));
    prometheus_json_labels(json, series->labels);
    json_key(json, is_matrix ? STR("values") : STR("value"));
    if (is_matrix)
        json_array(json);
    for (size_t i = 0; i < series->count; i++)
        json_sample(json, &series->samples[i]);
    if (is_matrix)
        json_end(json);
    json_end(json);
}

static Str type_text(PromType type)
{
    switch (type) {
    case PROM_SCALAR: return STR("scalar");
    case PROM_VECTOR: return STR("vector");
    case PROM_MATRIX: return STR("matrix");
    case PROM_STRING: return STR("string");
    case PROM_NONE: break;
    }
    return STR("none");
}

static void json_result(PromAsk *ask, JsonWriter *json, const Asked *asked,
                        const PromResult *result)
{
    if (result->type == PROM_SCALAR) {
        json_sample(json, &result->series[0].samples[0]);
        return;
    }
    json_array(json);
    if (result->type == PROM_STRING) {
        json_time(json, asked->query.start_ms);
        json_text(json, result->text);
    }
    ask->truncated = asked->limit && result->count > asked->limit;
    size_t count = ask->truncated ? (size_t)asked->limit : result->count;
    for (size_t i = 0; i < count; i++)
        json_series(json, &result->series[i], result->type == PROM_MATRIX);
    json_end(json);
}

static bool write_result(PromAsk *ask, const Asked *asked, const PromResult *result, Err *err)
{
    JsonWriter json = prometheus_open(ask);
    json_object(&json);
    json_key(&json, STR("resultType"));
    json_text(&json, type_text(result->type));
    json_key(&json, STR("result"));
    json_result(ask, &json, asked, result);
    json_end(&json);
    ask->notes = result->notes;
    ask->note_count = result->note_count;
    bool good = prometheus_close(ask, &json, err);
    ask->notes = NULL;
    ask->note_count = 0;
    return good;
}

static bool run(PromAsk *ask, Asked *asked, Err *err)
{
    PromResult result;
    ask->was_running = true;
    bool good = promql_run(asked->expr, &asked->query, &result, err);
    if (good)
        good = write_result(ask, asked, &result, err);
    else
        buf_add(&ask->error, result.error);
    prom_result_done(&result);
    return good;
}

/* ---- the two questions --------------------------------------------------------------------------
 */

bool prometheus_query(PromAsk *ask, Err *err)
{
    Asked asked = { .text = BUF(PARAM_TEXT_MAX) };
    int64_t at_ns = ask->request->now_ns;
    bool good =
        param_time(ask->request->query, STR("time"), &at_ns, err) && read_common(ask, &asked, err);
    asked.query.start_ms = asked.query.end_ms = to_ms(at_ns);
    good = good && run(ask, &asked, err);
    asked_done(&asked);
    return good;
}

static bool need_time(PromAsk *ask, Str name, int64_t *out_ms, Err *err)
{
    int64_t ns = INT64_MIN;
    if (!param_time(ask->request->query, name, &ns, err))
        return false;
    if (ns == INT64_MIN)
        return fail(err, ERR_INPUT,
                    "invalid parameter \"%.*s\": cannot parse \"\" to a valid timestamp",
                    STR_ARG(name));
    *out_ms = to_ms(ns);
    return true;
}

static bool read_range(PromAsk *ask, PromQuery *query, Err *err)
{
    if (!need_time(ask, STR("start"), &query->start_ms, err) ||
        !need_time(ask, STR("end"), &query->end_ms, err) ||
        !read_period_ms(ask->request->query, STR("step"), &query->step_ms, err))
        return false;
    if (query->end_ms < query->start_ms)
        return fail(err, ERR_INPUT,
                    "invalid parameter \"end\": end timestamp must not be before start time");
    if (!query->step_ms)
        return fail(err, ERR_INPUT,
                    "invalid parameter \"step\": cannot parse \"\" to a valid duration");
    if ((query->end_ms - query->start_ms) / query->step_ms > POINTS_MAX)
        return fail(err, ERR_INPUT,
                    "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing "
                    "the query resolution (?step=XX)");
    return true;
}

bool prometheus_query_range(PromAsk *ask, Err *err)
{
    Asked asked = { .text = BUF(PARAM_TEXT_MAX) };
    bool good = read_range(ask, &asked.query, err) && read_common(ask, &asked, err);
    PromType type = good ? promql_type(asked.expr) : PROM_NONE;
    if (good && type != PROM_SCALAR && type != PROM_VECTOR)
        good = fail(err, ERR_INPUT,
                    "invalid parameter \"query\": invalid expression type \"%s\" for range query, "
                    "must be Scalar or instant Vector",
                    type == PROM_MATRIX ? "range vector" : "string");
    good = good && run(ask, &asked, err);
    asked_done(&asked);
    return good;
}
