/* prometheus.c - which question is asked, and how it is answered when nothing comes of it; see
 * prometheus.h. */
#include "api/prometheus.h"

#include "api/prometheus_internal.h"

#include <cryostorm/version.h>

enum { ERROR_MAX = 64 << 10 };

/* The version of Prometheus whose API this is: clients choose by it what they may ask. */
#define PROMETHEUS_LEVEL "3.0.0"

/* ---- the envelope -------------------------------------------------------------------------------
 */

JsonWriter prometheus_open(PromAsk *ask)
{
    JsonWriter json = json_writer(&ask->answer->body);
    json_object(&json);
    json_key(&json, STR("status"));
    json_text(&json, STR("success"));
    json_key(&json, STR("data"));
    return json;
}

static void write_notes(const PromAsk *ask, JsonWriter *json, bool warnings)
{
    bool any = false;
    for (size_t i = 0; i < ask->note_count; i++) {
        if (ask->notes[i].is_warning != warnings)
            continue;
        if (!any) {
            json_key(json, warnings ? STR("warnings") : STR("infos"));
            json_array(json);
        }
        any = true;
        json_text(json, ask->notes[i].text);
    }
    if (any)
        json_end(json);
}

bool prometheus_close(PromAsk *ask, JsonWriter *json, Err *err)
{
    PromNote cut = { true, STR("results truncated due to limit") };
    if (ask->truncated && !ask->note_count) {
        ask->notes = &cut;
        ask->note_count = 1;
    }
    write_notes(ask, json, true);
    write_notes(ask, json, false);
    json_end(json);
    if (ask->notes == &cut) {
        ask->notes = NULL;
        ask->note_count = 0;
    }
    return json_done(json, err);
}

static void answer_error(ApiAnswer *answer, int status, Str type, Str text)
{
    buf_clear(&answer->body);
    answer->status = status;
    JsonWriter json = json_writer(&answer->body);
    json_object(&json);
    json_key(&json, STR("status"));
    json_text(&json, STR("error"));
    json_key(&json, STR("errorType"));
    json_text(&json, type);
    json_key(&json, STR("error"));
    json_text(&json, text);
    json_end(&json);
}

typedef struct ErrorType {
    int status;
    Str name;
} ErrorType;

static ErrorType error_type(ErrKind kind, bool was_running)
{
    const ErrorType bad_data = { 400, STR("bad_data") }, execution = { 422, STR("execution") };
    switch (kind) {
    case ERR_INPUT:
    case ERR_UNSUPPORTED:
    case ERR_LIMIT: return was_running ? execution : bad_data;
    case ERR_TIMEOUT: return (ErrorType){ 503, STR("timeout") };
    case ERR_CLOSED: return (ErrorType){ 499, STR("canceled") };
    case ERR_BUSY:
    case ERR_MEMORY: return (ErrorType){ 503, STR("unavailable") };
    case ERR_NONE:
    case ERR_DENIED:
    case ERR_UNKNOWN:
    case ERR_IO:
    case ERR_CORRUPT:
    case ERR_KIND_COUNT: break;
    }
    return (ErrorType){ 500, STR("internal") };
}

/* ---- what never changes -------------------------------------------------------------------------
 */

static bool build_info(PromAsk *ask, Err *err)
{
    static const struct {
        Str key, value;
    } rows[] = {
        { STR_ROW("version"), STR_ROW(PROMETHEUS_LEVEL "+cryostorm." CRYO_VERSION) },
        { STR_ROW("revision"), STR_ROW("") },
        { STR_ROW("branch"), STR_ROW("") },
        { STR_ROW("buildUser"), STR_ROW("") },
        { STR_ROW("buildDate"), STR_ROW("") },
        { STR_ROW("goVersion"), STR_ROW("") },
    };
    JsonWriter json = prometheus_open(ask);
    json_object(&json);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        json_key(&json, rows[i].key);
        json_text(&json, rows[i].value);
    }
    json_end(&json);
    return prometheus_close(ask, &json, err);
}

typedef struct FixedAnswer {
    Str path, data;
} FixedAnswer;

/* What a server says that scrapes nothing, has no rules and keeps no exemplars. */
static const FixedAnswer *find_fixed(Str path)
{
    static const FixedAnswer rows[] = {
        { STR_ROW("/api/v1/rules"), STR_ROW("{\"groups\":[]}") },
        { STR_ROW("/api/v1/alerts"), STR_ROW("{\"alerts\":[]}") },
        { STR_ROW("/api/v1/targets"),
          STR_ROW("{\"activeTargets\":[],\"droppedTargets\":[],\"droppedTargetCounts\":{}}") },
        { STR_ROW("/api/v1/targets/metadata"), STR_ROW("[]") },
        { STR_ROW("/api/v1/scrape_pools"), STR_ROW("{\"scrapePools\":[]}") },
        { STR_ROW("/api/v1/alertmanagers"),
          STR_ROW("{\"activeAlertmanagers\":[],\"droppedAlertmanagers\":[]}") },
        { STR_ROW("/api/v1/query_exemplars"), STR_ROW("[]") },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (str_eq(rows[i].path, path))
            return &rows[i];
    return NULL;
}

static bool fixed(PromAsk *ask, Str data, Err *err)
{
    JsonWriter json = prometheus_open(ask);
    json_raw(&json, data);
    return prometheus_close(ask, &json, err);
}

/* ---- which question -----------------------------------------------------------------------------
 */

typedef bool Question(PromAsk *ask, Err *err);

static Question *find_question(PromAsk *ask)
{
    static const struct {
        Str path;
        Question *answer;
    } rows[] = {
        { STR_ROW("/api/v1/query"), prometheus_query },
        { STR_ROW("/api/v1/query_range"), prometheus_query_range },
        { STR_ROW("/api/v1/labels"), prometheus_labels },
        { STR_ROW("/api/v1/series"), prometheus_series },
        { STR_ROW("/api/v1/metadata"), prometheus_metadata },
    };
    Str path = ask->request->path, label = STR("/api/v1/label/"), values = STR("/values");
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (str_eq(rows[i].path, path))
            return rows[i].answer;
    if (!str_starts(path, label) || !str_ends(path, values) || path.len <= label.len + values.len)
        return NULL;
    ask->name = str_skip(str_first(path, path.len - values.len), label.len);
    return prometheus_label_values;
}

static void ask_it(PromAsk *ask, Question *question)
{
    Err err;
    ask->answer->status = 200;
    if (!question(ask, &err)) {
        ErrorType type = error_type(err.kind, ask->was_running);
        bool longer = ask->error.len && !ask->error.failed;
        answer_error(ask->answer, type.status, type.name,
                     longer ? buf_str(&ask->error) : str_from(err.text));
    }
    buf_free(&ask->error);
}

static void api_face(const ApiSources *sources, const ApiRequest *request, ApiAnswer *answer)
{
    PromAsk ask = {
        .source = sources->series, .request = request, .answer = answer, .error = BUF(ERROR_MAX)
    };
    const FixedAnswer *known = find_fixed(request->path);
    Question *question = find_question(&ask);
    Err ignored;
    if (str_eq(request->path, STR("/api/v1/status/buildinfo")))
        ask_it(&ask, build_info);
    else if (known)
        answer->status = fixed(&ask, known->data, &ignored) ? 200 : 503;
    else if (!question)
        answer_error(answer, 404, STR("not_found"), STR("there is nothing at this path"));
    else if (!sources->series)
        answer_error(answer, 503, STR("unavailable"), STR("there is no store of metrics"));
    else
        ask_it(&ask, question);
}

const ApiRoute prometheus_routes[PROMETHEUS_ROUTES] = {
    { .path = STR_ROW("/api/v1/*"), .methods = STR_ROW("GET, POST"), .answer = api_face },
};

/* ---- the server itself --------------------------------------------------------------------------
 */

static void answer_plain(ApiAnswer *answer, int status, Str text)
{
    answer->status = status;
    answer->content_type = STR("text/plain; charset=utf-8");
    buf_add(&answer->body, text);
}

static void healthy_face(const ApiSources *sources, const ApiRequest *request, ApiAnswer *answer)
{
    (void)sources;
    (void)request;
    answer_plain(answer, 200, STR("cryostorm is healthy.\n"));
}

static void ready_face(const ApiSources *sources, const ApiRequest *request, ApiAnswer *answer)
{
    (void)request;
    if (sources->series)
        answer_plain(answer, 200, STR("cryostorm is ready.\n"));
    else
        answer_plain(answer, 503, STR("There is no store of metrics.\n"));
}

static void reload_face(const ApiSources *sources, const ApiRequest *request, ApiAnswer *answer)
{
    Err err;
    (void)request;
    if (!sources->reload)
        fail(&err, ERR_UNSUPPORTED, "nobody here can reload");
    if (sources->reload && sources->reload(sources->reload_context, &err)) {
        answer_plain(answer, 200, STR(""));
        return;
    }
    answer_plain(answer, err.kind == ERR_UNSUPPORTED ? 501 : 500,
                 STR("failed to reload the configuration: "));
    buf_add(&answer->body, str_from(err.text));
    buf_add_byte(&answer->body, '\n');
}

const ApiRoute prometheus_port_routes[PROMETHEUS_PORT_ROUTES] = {
    { .path = STR_ROW("/-/healthy"),
      .methods = STR_ROW("GET"),
      .answer = healthy_face,
      .at_once = true },
    { .path = STR_ROW("/-/ready"),
      .methods = STR_ROW("GET"),
      .answer = ready_face,
      .at_once = true },
    { .path = STR_ROW("/-/reload"), .methods = STR_ROW("POST, PUT"), .answer = reload_face },
};
