/* jaeger.c - which question is asked, and the short ones; see jaeger.h. */
#include "api/jaeger.h"

#include "api/jaeger_internal.h"
#include "base/clock.h"
#include "model/signal.h"
#include "net/http.h"

enum { SERVICE_TEXT_MAX = 4096, DEPENDENCIES_LOOKBACK_MS = 24 * 3600 * 1000 };

/* ---- the envelope -------------------------------------------------------------------------------
 */

JsonWriter envelope_open(ApiAnswer *answer)
{
    JsonWriter json = json_writer(&answer->body);
    json_object(&json);
    json_key(&json, STR("data"));
    return json;
}

bool envelope_close(JsonWriter *json, size_t total, Err *err)
{
    json_key(json, STR("total"));
    json_u64(json, total);
    json_key(json, STR("limit"));
    json_u64(json, 0);
    json_key(json, STR("offset"));
    json_u64(json, 0);
    json_key(json, STR("errors"));
    json_null(json);
    json_end(json);
    return json_done(json, err);
}

static void envelope_error(ApiAnswer *answer, int status, Str text)
{
    buf_clear(&answer->body);
    answer->status = status;
    JsonWriter json = envelope_open(answer);
    json_null(&json);
    json_key(&json, STR("total"));
    json_u64(&json, 0);
    json_key(&json, STR("limit"));
    json_u64(&json, 0);
    json_key(&json, STR("offset"));
    json_u64(&json, 0);
    json_key(&json, STR("errors"));
    json_array(&json);
    json_object(&json);
    json_key(&json, STR("code"));
    json_i64(&json, status);
    json_key(&json, STR("msg"));
    json_text(&json, text);
    json_end(&json);
    json_end(&json);
    json_end(&json);
}

/* ---- services and operations --------------------------------------------------------------------
 */

typedef struct List {
    JsonWriter *json;
    size_t count;
    Str kind; /* only this one; empty: all */
    bool names_only;
    Str last; /* name written last: the same of another kind is not repeated */
} List;

static bool list_text(void *context, Str value)
{
    List *list = context;
    json_text(list->json, value);
    list->count++;
    return true;
}

static bool services(SpanSource *source, const ApiRequest *request, ApiAnswer *answer, Err *err)
{
    JsonWriter json = envelope_open(answer);
    List list = { .json = &json };
    ValuesQuery query = { .what = VALUES_SERVICES,
                          .deadline_mono_ns = request->deadline_mono_ns,
                          .clock = request->clock };
    json_array(&json);
    bool ok = source_values(source, &query, list_text, &list, err);
    json_end(&json);
    return ok && envelope_close(&json, list.count, err);
}

static Str kind_text(uint8_t kind)
{
    return kind == SPAN_KIND_UNSPECIFIED ? STR("") : span_kind_name(kind);
}

static bool list_operation(void *context, const Operation *found)
{
    List *list = context;
    JsonWriter *json = list->json;
    if (list->names_only) {
        if (list->count && str_eq(list->last, found->name))
            return true;
        list->last = found->name;
        return list_text(list, found->name);
    }
    if (list->kind.len && !str_eq(list->kind, kind_text(found->kind)))
        return true;
    json_object(json);
    json_key(json, STR("name"));
    json_text(json, found->name);
    json_key(json, STR("spanKind"));
    json_text(json, kind_text(found->kind));
    json_end(json);
    list->count++;
    return true;
}

static bool write_operations(SpanSource *source, const ApiRequest *request, List *list, Str service,
                             ApiAnswer *answer, Err *err)
{
    JsonWriter json = envelope_open(answer);
    list->json = &json;
    MetaQuery query = { .service = service,
                        .deadline_mono_ns = request->deadline_mono_ns,
                        .clock = request->clock,
                        .context = list,
                        .operation = list_operation };
    json_array(&json);
    bool ok = source_meta(source, &query, err);
    json_end(&json);
    return ok && envelope_close(&json, list->count, err);
}

static bool operations(SpanSource *source, const ApiRequest *request, ApiAnswer *answer, Err *err)
{
    Buf service = BUF(SERVICE_TEXT_MAX), kind = BUF(SERVICE_TEXT_MAX);
    ParamResult has_service = param_text(request->query, STR("service"), 0, &service, err);
    ParamResult has_kind = has_service == PARAM_FOUND
                               ? param_text(request->query, STR("spanKind"), 0, &kind, err)
                               : PARAM_BAD;
    bool ok = has_kind != PARAM_BAD;
    if (has_service == PARAM_NONE)
        fail(err, ERR_INPUT, "parameter 'service' is required");
    List list = { .kind = buf_str(&kind) };
    ok = ok && write_operations(source, request, &list, buf_str(&service), answer, err);
    buf_free(&service);
    buf_free(&kind);
    return ok;
}

/* `part` is {service} of the path, still encoded. */
static bool operations_of(SpanSource *source, const ApiRequest *request, Str part,
                          ApiAnswer *answer, Err *err)
{
    Buf service = BUF(SERVICE_TEXT_MAX);
    List list = { .names_only = true };
    bool ok = http_percent_decode(part, &service);
    if (service.failed)
        ok = buf_ok(&service, err);
    else if (!ok)
        fail(err, ERR_INPUT, "'%.*s' is no service name", STR_ARG(str_first(part, 64)));
    ok = ok && write_operations(source, request, &list, buf_str(&service), answer, err);
    buf_free(&service);
    return ok;
}

/* ---- dependencies -------------------------------------------------------------------------------
 */

static bool list_edge(void *context, const Edge *found)
{
    List *list = context;
    JsonWriter *json = list->json;
    json_object(json);
    json_key(json, STR("parent"));
    json_text(json, found->parent);
    json_key(json, STR("child"));
    json_text(json, found->child);
    json_key(json, STR("callCount"));
    json_u64(json, found->calls);
    json_end(json);
    list->count++;
    return true;
}

static bool dependencies(SpanSource *source, const ApiRequest *request, ApiAnswer *answer, Err *err)
{
    uint64_t end_ms = (uint64_t)(request->now_ns / NANOS_PER_MILLI);
    uint64_t lookback_ms = DEPENDENCIES_LOOKBACK_MS;
    if (!param_u64(request->query, STR("endTs"), &end_ms, err) ||
        !param_u64(request->query, STR("lookback"), &lookback_ms, err))
        return false;
    uint64_t most_ms = UINT64_MAX / (uint64_t)NANOS_PER_MILLI - 1;
    if (end_ms > most_ms)
        end_ms = most_ms;
    uint64_t from_ms = lookback_ms < end_ms ? end_ms - lookback_ms : 0;
    JsonWriter json = envelope_open(answer);
    List list = { .json = &json };
    MetaQuery query = { .from_ns = from_ms * (uint64_t)NANOS_PER_MILLI,
                        .to_ns = (end_ms + 1) * (uint64_t)NANOS_PER_MILLI,
                        .deadline_mono_ns = request->deadline_mono_ns,
                        .clock = request->clock,
                        .context = &list,
                        .edge = list_edge };
    json_array(&json);
    bool ok = source_meta(source, &query, err);
    json_end(&json);
    return ok && envelope_close(&json, list.count, err);
}

/* ---- which question -----------------------------------------------------------------------------
 */

typedef enum Asked {
    ASKED_NOTHING,
    ASKED_SERVICES,
    ASKED_OPERATIONS,
    ASKED_OPERATIONS_OF,
    ASKED_SEARCH,
    ASKED_TRACE,
    ASKED_DEPENDENCIES,
} Asked;

/* *part is what the path names. */
static Asked route(Str path, Str *part)
{
    static const struct {
        Str path;
        Asked asked;
    } exact[] = {
        { STR_ROW("/api/services"), ASKED_SERVICES },
        { STR_ROW("/api/operations"), ASKED_OPERATIONS },
        { STR_ROW("/api/traces"), ASKED_SEARCH },
        { STR_ROW("/api/dependencies"), ASKED_DEPENDENCIES },
    };
    for (size_t i = 0; i < COUNT_OF(exact); i++)
        if (str_eq(path, exact[i].path))
            return exact[i].asked;
    Str services_of = STR("/api/services/"), behind = STR("/operations"),
        trace = STR("/api/traces/");
    if (str_starts(path, services_of) && str_ends(path, behind) &&
        path.len > services_of.len + behind.len) {
        *part = str_skip(str_first(path, path.len - behind.len), services_of.len);
        return ASKED_OPERATIONS_OF;
    }
    *part = str_skip(path, trace.len);
    return str_starts(path, trace) ? ASKED_TRACE : ASKED_NOTHING;
}

static bool answer_it(SpanSource *source, const ApiRequest *request, Asked asked, Str part,
                      ApiAnswer *answer, Err *err)
{
    switch (asked) {
    case ASKED_SERVICES: return services(source, request, answer, err);
    case ASKED_OPERATIONS: return operations(source, request, answer, err);
    case ASKED_OPERATIONS_OF: return operations_of(source, request, part, answer, err);
    case ASKED_SEARCH: return jaeger_search(source, request, answer, err);
    case ASKED_TRACE: return jaeger_trace(source, request, part, answer, err);
    case ASKED_DEPENDENCIES: return dependencies(source, request, answer, err);
    case ASKED_NOTHING: break;
    }
    return fail(err, ERR_UNSUPPORTED, "there is nothing at this path");
}

void jaeger_answer(SpanSource *source, const ApiRequest *request, ApiAnswer *answer)
{
    Err err;
    Str part = { 0 };
    Asked asked = route(request->path, &part);
    answer->status = 200;
    if (!answer_it(source, request, asked, part, answer, &err))
        envelope_error(answer, err_http_status(err.kind), str_from(err.text));
}

static void face(const ApiSources *sources, const ApiRequest *request, ApiAnswer *answer)
{
    if (sources->spans)
        jaeger_answer(sources->spans, request, answer);
    else
        envelope_error(answer, 503, STR("there is no store of traces"));
}

const ApiRoute jaeger_routes[JAEGER_ROUTES] = {
    { .path = STR_ROW("/api/services"), .methods = STR_ROW("GET"), .answer = face },
    { .path = STR_ROW("/api/services/*"), .methods = STR_ROW("GET"), .answer = face },
    { .path = STR_ROW("/api/operations"), .methods = STR_ROW("GET"), .answer = face },
    { .path = STR_ROW("/api/traces"), .methods = STR_ROW("GET"), .answer = face },
    { .path = STR_ROW("/api/traces/*"), .methods = STR_ROW("GET"), .answer = face },
    { .path = STR_ROW("/api/dependencies"), .methods = STR_ROW("GET"), .answer = face },
};
