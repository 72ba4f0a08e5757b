/* loki.c - which question is asked, what streams there are, and the push; see loki.h. */
#include "api/loki.h"

#include "api/loki_internal.h"
#include "api/loki_push.h"

#include "otlp/batch.h"
#include "query/logql/logql.h"

#include <cryostorm/version.h>

#include <string.h>

enum { LIST_MAX = 100000 }; /* labels, values, series of one answer */

/* ---- envelopes ----------------------------------------------------------------------------------
 */

JsonWriter loki_open(ApiAnswer *answer)
{
    answer->status = 200;
    JsonWriter json = json_writer(&answer->body);
    json_object(&json);
    json_key(&json, STR("status"));
    json_text(&json, STR("success"));
    json_key(&json, STR("data"));
    return json;
}

static void answer_text(ApiAnswer *answer, int status, Str text)
{
    buf_clear(&answer->body);
    answer->status = status;
    answer->content_type = STR("text/plain; charset=utf-8");
    buf_add(&answer->body, text);
    buf_add_byte(&answer->body, '\n');
}

void loki_error(ApiAnswer *answer, const Err *err)
{
    bool asked_wrongly = err->kind == ERR_LIMIT || err->kind == ERR_UNSUPPORTED;
    answer_text(answer, asked_wrongly ? 400 : err_http_status(err->kind), str_from(err->text));
}

bool loki_has_logs(const ApiSources *sources, ApiAnswer *answer)
{
    if (!sources->logs)
        answer_text(answer, 503, STR("there is no store of logs"));
    return sources->logs;
}

bool loki_times(const ApiRequest *request, int64_t since_ns, LokiTimes *out, Err *err)
{
    out->to_ns = request->now_ns;
    if (!param_time_or_ns(request->query, STR("end"), &out->to_ns, err) ||
        !param_period(request->query, STR("since"), &since_ns, err))
        return false;
    if (since_ns < 0)
        return fail(err, ERR_INPUT, "parameter 'since' is less than nothing");
    /* an end in the future reaches back from now, as Loki does */
    int64_t last = out->to_ns < request->now_ns ? out->to_ns : request->now_ns;
    out->from_ns = last < INT64_MIN + since_ns ? INT64_MIN : last - since_ns;
    return param_time_or_ns(request->query, STR("start"), &out->from_ns, err);
}

/* ---- streams ------------------------------------------------------------------------------------
 */

static bool found_text(void *context, Str text)
{
    JsonWriter *json = context;
    json_text(json, text);
    return true;
}

/* A selector from the n-th parameter of that name. NULL without err: there is none. */
static LogqlQuery *read_selector(const ApiRequest *request, Str name, size_t nth, Err *err)
{
    Buf text = BUF(PARAM_TEXT_MAX);
    LogqlQuery *query = NULL;
    const LabelMatcher *matchers;
    size_t count;
    err->kind = ERR_NONE;
    if (param_text(request->query, name, nth, &text, err) == PARAM_FOUND)
        query = logql_parse(buf_str(&text), err);
    if (query && !logql_selector(query, &matchers, &count)) {
        fail(err, ERR_INPUT, "parameter '%.*s': expected a selector such as {app=\"shop\"} alone",
             STR_ARG(name));
        logql_free(query);
        query = NULL;
    }
    buf_free(&text);
    return query;
}

static bool stream_query(const ApiRequest *request, LogStreamQuery *out, Err *err)
{
    LokiTimes times;
    if (!loki_times(request, 6 * LOKI_HOUR_NS, &times, err))
        return false;
    *out = (LogStreamQuery){ .from_ns = times.from_ns > 0 ? (uint64_t)times.from_ns : 0,
                             .to_ns = times.to_ns > 0 ? (uint64_t)times.to_ns : 1,
                             .limit = LIST_MAX,
                             .deadline_mono_ns = request->deadline_mono_ns,
                             .clock = request->clock };
    return true;
}

/* Names of labels, or the values of one. */
static void answer_labels(const ApiSources *sources, const ApiRequest *request, Str name,
                          ApiAnswer *answer)
{
    Err err;
    LogStreamQuery query;
    if (!loki_has_logs(sources, answer))
        return;
    bool ok = stream_query(request, &query, &err);
    LogqlQuery *selector = ok ? read_selector(request, STR("query"), 0, &err) : NULL;
    ok = ok && (selector || err.kind == ERR_NONE);
    if (selector)
        ok = logql_selector(selector, &query.matchers, &query.matcher_count);
    if (ok) {
        query.name = name;
        JsonWriter json = loki_open(answer);
        json_array(&json);
        ok = log_labels(sources->logs, &query, found_text, &json, &err);
        json_end(&json);
        json_end(&json);
        ok = ok && json_done(&json, &err);
    }
    if (!ok)
        loki_error(answer, &err);
    logql_free(selector);
}

static void labels_face(const ApiSources *sources, const ApiRequest *request, ApiAnswer *answer)
{
    answer_labels(sources, request, STR(""), answer);
}

static void values_face(const ApiSources *sources, const ApiRequest *request, ApiAnswer *answer)
{
    static const Str before = STR_ROW("/loki/api/v1/label/"), behind = STR_ROW("/values");
    Buf name = BUF(PARAM_TEXT_MAX);
    Str path = str_skip(request->path, before.len);
    bool good = str_ends(path, behind) && path.len > behind.len &&
                http_percent_decode(str_first(path, path.len - behind.len), &name);
    if (good)
        answer_labels(sources, request, buf_str(&name), answer);
    else
        answer_text(answer, 404, STR("404 page not found"));
    buf_free(&name);
}

/* The selectors one after the other; a stream that several of them select comes once, because later
 * ones leave out what earlier ones select. */
typedef struct SeriesFound {
    JsonWriter json;
    const LabelMatch *earlier;
    size_t earlier_count;
} SeriesFound;

enum { SELECTORS_MAX = 32 };

static bool found_series(void *context, Labels stream)
{
    SeriesFound *found = context;
    for (size_t i = 0; i < found->earlier_count; i++)
        if (label_matches(&found->earlier[i], stream))
            return true;
    loki_write_labels(&found->json, stream);
    return true;
}

static bool list_series(const ApiSources *sources, const ApiRequest *request, Str parameter,
                        SeriesFound *found, LabelMatch *matches, Err *err)
{
    LogStreamQuery query;
    if (!stream_query(request, &query, err))
        return false;
    for (size_t i = 0; i < SELECTORS_MAX; i++) {
        LogqlQuery *selector = read_selector(request, parameter, i, err);
        if (!selector)
            return err->kind == ERR_NONE &&
                   (i > 0 || fail(err, ERR_INPUT, "there is no parameter 'match[]'"));
        bool ok = logql_selector(selector, &query.matchers, &query.matcher_count) &&
                  log_streams(sources->logs, &query, found_series, found, err) &&
                  label_match_init(&matches[i], query.matchers, query.matcher_count, err);
        logql_free(selector);
        if (!ok)
            return false;
        found->earlier_count = i + 1;
    }
    return fail(err, ERR_INPUT, "more than %d selectors", SELECTORS_MAX);
}

static void series_face(const ApiSources *sources, const ApiRequest *request, ApiAnswer *answer)
{
    Err err;
    LabelMatch matches[SELECTORS_MAX] = { { 0 } };
    if (!loki_has_logs(sources, answer))
        return;
    SeriesFound found = { .json = loki_open(answer), .earlier = matches };
    json_array(&found.json);
    Buf text = BUF(PARAM_TEXT_MAX);
    bool plain = param_text(request->query, STR("match"), 0, &text, &err) == PARAM_FOUND;
    buf_free(&text);
    bool ok =
        list_series(sources, request, plain ? STR("match") : STR("match[]"), &found, matches, &err);
    json_end(&found.json);
    json_end(&found.json);
    if (!ok || !json_done(&found.json, &err))
        loki_error(answer, &err);
    for (size_t i = 0; i < SELECTORS_MAX; i++)
        label_match_done(&matches[i]);
}

/* ---- index/stats --------------------------------------------------------------------------------
 */

typedef struct IndexStats {
    uint64_t streams, entries, bytes;
} IndexStats;

static bool count_stream(void *context, Labels stream)
{
    (void)stream;
    ((IndexStats *)context)->streams++;
    return true;
}

static bool count_lines(const ApiSources *sources, const LogStreamQuery *streams, IndexStats *out,
                        Err *err)
{
    const LogScan query = { .matchers = streams->matchers,
                            .matcher_count = streams->matcher_count,
                            .from_ns = streams->from_ns,
                            .to_ns = streams->to_ns,
                            .no_metadata = true,
                            .deadline_mono_ns = streams->deadline_mono_ns,
                            .clock = streams->clock };
    LogBlock block;
    LogResult result = LOG_FAILED;
    LogCursor *cursor = log_scan(sources->logs, &query, err);
    while (cursor && (result = log_next(cursor, &block, err)) == LOG_BLOCK)
        for (size_t i = 0; i < block.count; i++) {
            out->entries++;
            out->bytes += block.rows[i].line.len;
        }
    log_close(cursor);
    return result == LOG_END;
}

static void stats_face(const ApiSources *sources, const ApiRequest *request, ApiAnswer *answer)
{
    Err err;
    LogStreamQuery query;
    IndexStats stats = { 0 };
    if (!loki_has_logs(sources, answer))
        return;
    bool ok = stream_query(request, &query, &err);
    LogqlQuery *selector = ok ? read_selector(request, STR("query"), 0, &err) : NULL;
    if (ok && !selector && err.kind == ERR_NONE)
        fail(&err, ERR_INPUT, "there is no parameter 'query'");
    query.limit = 0;
    ok = selector && logql_selector(selector, &query.matchers, &query.matcher_count) &&
         log_streams(sources->logs, &query, count_stream, &stats, &err) &&
         count_lines(sources, &query, &stats, &err);
    answer->status = 200;
    buf_addf(&answer->body, "{\"streams\":%llu,\"chunks\":%llu,\"entries\":%llu,\"bytes\":%llu}",
             (unsigned long long)stats.streams, (unsigned long long)stats.streams,
             (unsigned long long)stats.entries, (unsigned long long)stats.bytes);
    if (!ok)
        loki_error(answer, &err);
    logql_free(selector);
}

/* ---- push ---------------------------------------------------------------------------------------
 */

static bool store_push(const ApiSources *sources, const ApiRequest *request, Buf *bytes, Err *err)
{
    Batch *batch = batch_from_bytes(LOGS, bytes, err);
    bool ok =
        batch && sources->append(sources->append_context, batch, request->deadline_mono_ns, err);
    batch_unref(batch);
    return ok;
}

static bool is_json(const ApiRequest *request, ApiAnswer *answer)
{
    if (http_media_type_is(request->content_type, STR("application/json")))
        return true;
    bool protobuf = http_media_type_is(request->content_type, STR("application/x-protobuf")) ||
                    request->content_type.len == 0;
    answer_text(answer, 415,
                protobuf ? STR("a push as protobuf with snappy is not supported yet: send JSON "
                               "(content-type: application/json)")
                         : STR("a push is JSON (content-type: application/json)"));
    return false;
}

static void push_face(const ApiSources *sources, const ApiRequest *request, ApiAnswer *answer)
{
    Err err;
    PushCounts counts;
    Budget *budget = request->purse ? request->purse->budget : NULL; /* it is data, no query */
    Buf bytes = { .max = BATCH_BYTES_MAX, .purse = budget_purse(budget, BUDGET_BODIES) };
    if (!loki_has_logs(sources, answer) || !is_json(request, answer))
        return;
    if (!sources->append) {
        answer_text(answer, 503, STR("nothing can be stored here"));
        return;
    }
    bool ok = loki_push_read(request->body, &bytes, &counts, &err) &&
              (!counts.taken || store_push(sources, request, &bytes, &err));
    buf_free(&bytes);
    if (ok && counts.refused) {
        blame(&counts.first, "%zu of %zu entries were not taken; the first", counts.refused,
              counts.taken + counts.refused);
        answer_text(answer, 400, str_from(counts.first.text));
    } else if (ok) {
        answer->status = 204;
    } else {
        answer_text(answer, err_http_status(err.kind), str_from(err.text));
        if (err.retry_ms)
            answer->fields[answer->field_count++] =
                (HttpField){ STR("retry-after"), STR("1") }; /* BUDGET_RETRY_MS, in seconds */
    }
}

/* ---- the rest -----------------------------------------------------------------------------------
 */

static void build_face(const ApiSources *sources, const ApiRequest *request, ApiAnswer *answer)
{
    (void)sources, (void)request;
    answer->status = 200;
    buf_add(&answer->body,
            STR("{\"application\":\"cryostorm\",\"version\":\"" CRYO_VERSION
                "\",\"revision\":\"\",\"branch\":\"\",\"buildUser\":\"\",\"buildDate\":\"\","
                "\"goVersion\":\"\"}"));
}

static void other_face(const ApiSources *sources, const ApiRequest *request, ApiAnswer *answer)
{
    static const Str later[] = {
        STR_ROW("tail"),
        STR_ROW("index/volume"),
        STR_ROW("index/volume_range"),
        STR_ROW("patterns"),
        STR_ROW("rules"),
        STR_ROW("index/shards"),
        STR_ROW("detected_field"), /* detected_fields, detected_field/{name}/values */
        STR_ROW("detected_labels"),
        STR_ROW("delete"),
        STR_ROW("format_query"),
    };
    (void)sources;
    Err err;
    Str path = str_skip(request->path, strlen("/loki/api/v1/"));
    for (size_t i = 0; i < COUNT_OF(later); i++)
        if (str_starts(path, later[i])) {
            fail(&err, ERR_UNSUPPORTED, "%.*s is not supported yet",
                 STR_ARG(str_first(request->path, 100)));
            answer_text(answer, 501, str_from(err.text));
            return;
        }
    answer_text(answer, 404, STR("404 page not found"));
}

static void ready_face(const ApiSources *sources, const ApiRequest *request, ApiAnswer *answer)
{
    (void)request;
    if (loki_has_logs(sources, answer))
        answer_text(answer, 200, STR("ready"));
}

#define READS .methods = STR_ROW("GET, POST")

const ApiRoute loki_routes[LOKI_ROUTES] = {
    { .path = STR_ROW("/loki/api/v1/query_range"),
      READS,
      .answer = loki_query_range,
      .field = STR_ROW("x-loki-response-encoding-flags") },
    { .path = STR_ROW("/loki/api/v1/query"), READS, .answer = loki_query_instant },
    { .path = STR_ROW("/loki/api/v1/labels"), READS, .answer = labels_face },
    { .path = STR_ROW("/loki/api/v1/label/*"), READS, .answer = values_face },
    { .path = STR_ROW("/loki/api/v1/series"), READS, .answer = series_face },
    { .path = STR_ROW("/loki/api/v1/index/stats"), READS, .answer = stats_face },
    { .path = STR_ROW("/loki/api/v1/push"),
      .methods = STR_ROW("POST"),
      .answer = push_face,
      .body_bytes = PUSH_BODY_MAX },
    { .path = STR_ROW("/loki/api/v1/status/buildinfo"),
      .methods = STR_ROW("GET"),
      .answer = build_face,
      .at_once = true },
    { .path = STR_ROW("/loki/*"), .answer = other_face, .at_once = true },
};

const ApiRoute loki_port_routes[LOKI_PORT_ROUTES] = {
    { .path = STR_ROW("/ready"), .methods = STR_ROW("GET"), .answer = ready_face, .at_once = true },
};
