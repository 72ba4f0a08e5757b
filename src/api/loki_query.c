/* loki_query.c - /loki/api/v1/query and query_range; see loki.h. */
#include "api/loki_internal.h"

#include "query/logql/logql.h"

enum { LINES_DEFAULT = 100, STEPS_WANTED = 250 };
#define SECOND INT64_C(1000000000)

typedef struct Question {
    LogqlQuery *query;
    LogqlAsk ask;
    bool is_range, categorized;
} Question;

/* ---- reading it ---------------------------------------------------------------------------------
 */

static bool read_query(const ApiRequest *request, LogqlQuery **out, Err *err)
{
    Buf text = BUF(PARAM_TEXT_MAX);
    ParamResult found = param_text(request->query, STR("query"), 0, &text, err);
    if (found == PARAM_FOUND)
        *out = logql_parse(buf_str(&text), err);
    else if (found == PARAM_NONE)
        fail(err, ERR_INPUT,
             "parse error at line 1, col 1: syntax error: unexpected end of query: there is no "
             "parameter 'query'");
    buf_free(&text);
    return *out;
}

static bool read_direction(const ApiRequest *request, bool *newest_first, Err *err)
{
    Buf text = BUF(PARAM_TEXT_MAX);
    ParamResult found = param_text(request->query, STR("direction"), 0, &text, err);
    Str value = buf_str(&text);
    bool forward = found == PARAM_FOUND && str_eq_nocase(value, STR("forward"));
    bool ok = found == PARAM_NONE || forward ||
              (found == PARAM_FOUND && str_eq_nocase(value, STR("backward")));
    if (found == PARAM_FOUND && !ok)
        fail(err, ERR_INPUT, "invalid direction '%.*s': expected forward or backward",
             STR_ARG(str_first(value, 60)));
    *newest_first = !forward;
    buf_free(&text);
    return ok;
}

/* Every stream thinned out to one line per interval. */
static bool refuse_interval(const ApiRequest *request, Err *err)
{
    int64_t interval = 0;
    return param_period(request->query, STR("interval"), &interval, err) &&
           (interval == 0 ||
            fail(err, ERR_UNSUPPORTED, "parameter 'interval' is not supported yet"));
}

static bool read_range(const ApiRequest *request, LogqlAsk *ask, Err *err)
{
    LokiTimes times;
    if (!loki_times(request, LOKI_HOUR_NS, &times, err) || !refuse_interval(request, err))
        return false;
    ask->from_ns = times.from_ns;
    ask->to_ns = times.to_ns;
    if (ask->to_ns < ask->from_ns)
        return fail(err, ERR_INPUT, "end timestamp must not be before start time");
    /* the two may be further apart than an int64_t reaches */
    uint64_t apart_ns = (uint64_t)ask->to_ns - (uint64_t)ask->from_ns;
    int64_t seconds = (int64_t)(apart_ns / (STEPS_WANTED * SECOND));
    ask->step_ns = (seconds > 1 ? seconds : 1) * SECOND;
    if (!param_period(request->query, STR("step"), &ask->step_ns, err))
        return false;
    return ask->step_ns > 0 ||
           fail(err, ERR_INPUT,
                "zero or negative query resolution step widths are not accepted. Try a positive "
                "integer");
}

static bool read_question(const ApiRequest *request, Question *out, Err *err)
{
    LogqlAsk *ask = &out->ask;
    uint64_t limit = LINES_DEFAULT;
    ask->to_ns = request->now_ns;
    ask->deadline_mono_ns = request->deadline_mono_ns;
    ask->purse = request->purse;
    out->categorized = http_list_has(request->field, STR("categorize-labels"));
    if (!read_query(request, &out->query, err) ||
        !read_direction(request, &ask->newest_first, err) ||
        !param_u64(request->query, STR("limit"), &limit, err))
        return false;
    ask->limit = (size_t)limit;
    if (limit == 0)
        return fail(err, ERR_INPUT, "limit must be a positive value");
    if (out->is_range)
        return read_range(request, ask, err);
    if (logql_type(out->query) == LOGQL_STREAMS)
        return fail(err, ERR_INPUT,
                    "log queries are not supported as an instant query type, please change your "
                    "query to a range query type");
    return param_time_or_ns(request->query, STR("time"), &ask->to_ns, err);
}

/* ---- answering it -------------------------------------------------------------------------------
 */

static void member_u64(JsonWriter *json, Str key, uint64_t value)
{
    json_key(json, key);
    json_u64(json, value);
}

static void write_stats(JsonWriter *json, const LogqlResult *result)
{
    const LogqlStats *stats = &result->stats;
    double seconds = (double)stats->exec_ns / (double)SECOND;
    double per = seconds > 0 ? 1 / seconds : 0;
    json_key(json, STR("stats"));
    json_object(json);
    json_key(json, STR("summary"));
    json_object(json);
    member_u64(json, STR("bytesProcessedPerSecond"), (uint64_t)((double)stats->bytes * per));
    member_u64(json, STR("linesProcessedPerSecond"), (uint64_t)((double)stats->lines * per));
    member_u64(json, STR("totalBytesProcessed"), stats->bytes);
    member_u64(json, STR("totalLinesProcessed"), stats->lines);
    member_u64(json, STR("totalPostFilterLines"), stats->lines_kept);
    member_u64(json, STR("totalEntriesReturned"), result->entry_count);
    json_key(json, STR("execTime"));
    json_double(json, seconds);
    json_end(json);
    json_end(json);
}

static Str type_name(const Question *question, const LogqlResult *result)
{
    if (result->type == LOGQL_STREAMS)
        return STR("streams");
    if (question->is_range)
        return STR("matrix");
    return result->type == LOGQL_SCALAR ? STR("scalar") : STR("vector");
}

static bool write_answer(const Question *question, const LogqlResult *result, ApiAnswer *answer,
                         Err *err)
{
    JsonWriter json = loki_open(answer);
    bool ok = true;
    json_object(&json);
    json_key(&json, STR("resultType"));
    json_text(&json, type_name(question, result));
    if (question->categorized && result->type == LOGQL_STREAMS) {
        json_key(&json, STR("encodingFlags"));
        json_array(&json);
        json_text(&json, STR("categorize-labels"));
        json_end(&json);
    }
    json_key(&json, STR("result"));
    if (result->type == LOGQL_STREAMS)
        ok = loki_write_streams(&json, result, question->categorized, err);
    else
        loki_write_series(&json, result, question->is_range);
    write_stats(&json, result);
    json_end(&json);
    json_end(&json);
    return ok && json_done(&json, err);
}

static void answer_question(const ApiSources *sources, const ApiRequest *request, bool is_range,
                            ApiAnswer *answer)
{
    Err err;
    LogqlResult result = { 0 };
    Question question = { .is_range = is_range };
    if (!loki_has_logs(sources, answer))
        return;
    question.ask.source = sources->logs;
    question.ask.clock = request->clock;
    if (!read_question(request, &question, &err) ||
        !logql_run(question.query, &question.ask, &result, &err) ||
        !write_answer(&question, &result, answer, &err))
        loki_error(answer, &err);
    logql_result_done(&result);
    logql_free(question.query);
}

void loki_query_range(const ApiSources *sources, const ApiRequest *request, ApiAnswer *answer)
{
    answer_question(sources, request, true, answer);
}

void loki_query_instant(const ApiSources *sources, const ApiRequest *request, ApiAnswer *answer)
{
    answer_question(sources, request, false, answer);
}
