/* cryo_status.c - see cryo_status.h. */
#include "api/cryo_status.h"

#include "base/clock.h"
#include "codec/json.h"

#include <cryostorm/version.h>

static void member(JsonWriter *json, Str key, uint64_t value)
{
    json_key(json, key);
    json_u64(json, value);
}

static void member_ms(JsonWriter *json, Str key, int64_t unix_ns)
{
    json_key(json, key);
    if (unix_ns)
        json_i64(json, unix_ns / NANOS_PER_MILLI);
    else
        json_null(json);
}

static void member_text(JsonWriter *json, Str key, Str text)
{
    json_key(json, key);
    if (text.len)
        json_text(json, text);
    else
        json_null(json);
}

static void begin(JsonWriter *json, Str key)
{
    json_key(json, key);
    json_object(json);
}

/* Bytes, and how often more was refused. */
static void member_memory(JsonWriter *json, const BudgetUse *memory)
{
    if (!memory->limit) {
        json_key(json, STR("memory"));
        json_null(json);
        return;
    }
    begin(json, STR("memory"));
    member(json, STR("limit"), memory->limit);
    member(json, STR("held"), memory->used);
    member(json, STR("most_held"), memory->peak);
    member(json, STR("refused"), memory->refused);
    begin(json, STR("by"));
    for (size_t i = 0; i < BUDGET_OWNERS; i++)
        member(json, str_from(budget_owner_name((BudgetOwner)i)), memory->by_owner[i]);
    json_end(json);
    json_end(json);
}

static void cryo_status_answer(const CryoStatus *status, const SourceStats *stored, int64_t now_ns,
                               ApiAnswer *answer)
{
    JsonWriter json = json_writer(&answer->body);
    json_object(&json);
    member_text(&json, STR("version"), STR(CRYO_VERSION));
    member_ms(&json, STR("start_unix_ms"), status->start_unix_ns);
    member_ms(&json, STR("now_unix_ms"), now_ns);
    begin(&json, STR("received"));
    member(&json, STR("spans"), status->spans);
    member(&json, STR("metric_points"), status->metric_points);
    member(&json, STR("log_records"), status->log_records);
    json_end(&json);
    begin(&json, STR("stored"));
    member(&json, STR("spans"), stored->spans);
    member(&json, STR("traces"), stored->traces);
    member(&json, STR("bytes"), stored->bytes);
    member_ms(&json, STR("oldest_unix_ms"), stored->oldest_received_ns);
    json_end(&json);
    begin(&json, STR("dropped"));
    member(&json, STR("spans"), status->spans_dropped);
    json_end(&json);
    member_memory(&json, &status->memory);
    begin(&json, STR("endpoints"));
    member_text(&json, STR("otlp_grpc"), status->otlp_grpc);
    member_text(&json, STR("otlp_http"), status->otlp_http);
    member_text(&json, STR("ui"), status->ui);
    json_end(&json);
    json_end(&json);
    Err ignored; /* without memory there is nothing better to say than the status line */
    answer->status = json_done(&json, &ignored) ? 200 : 503;
}

static void face(const ApiSources *sources, const ApiRequest *request, ApiAnswer *answer)
{
    Err ignored; /* a source that cannot tell holds nothing that we know of */
    SourceStats stored = { 0 };
    MetaQuery query = { .deadline_mono_ns = request->deadline_mono_ns,
                        .clock = request->clock,
                        .stats = &stored };
    if (!sources->spans || !source_meta(sources->spans, &query, &ignored))
        stored = (SourceStats){ 0 };
    cryo_status_answer(request->status, &stored, request->now_ns, answer);
}

const ApiRoute cryo_status_routes[CRYO_STATUS_ROUTES] = {
    { .path = STR_ROW("/api/cryo/status"),
      .methods = STR_ROW("GET"),
      .answer = face,
      .wants_status = true },
};
