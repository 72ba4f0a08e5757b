/* otlp_outcome.c - what an OTLP server's answer means for the data; see otlp_outcome.h. */
#include "exporters/otlp_outcome.h"

#include "otlp/json_in.h"
#include "otlp/rpc.h"

#include <stdio.h>

enum { JSON_ANSWER_MAX = 65536 }; /* of an answer in JSON, its texts */

static AckOutcome outcome(AckResult result, ErrKind kind, const char *where, Str why)
{
    AckOutcome out = { .result = result };
    fail(&out.reason, kind, "%s: %.*s", where, STR_ARG(str_first(why, 200)));
    return out;
}

/* There was no answer, or none that can be read. The network's failures are worth another try, and
 * so is what a proxy or a server that restarts says instead of HTTP: bytes that are no answer judge
 * nothing. Our own limits are final. */
static AckOutcome no_answer(const Err *err)
{
    bool unreadable = err->kind == ERR_INPUT || err->kind == ERR_UNSUPPORTED;
    bool again = err_retryable(err->kind) || unreadable;
    return (AckOutcome){ .result = again ? ACK_RETRY : ACK_REFUSED,
                         .retry_ms = err->retry_ms,
                         .reason = *err };
}

/* A success may still have left out some items. They are lost; trying again would be wrong. */
static AckOutcome success(const ExportAnswer *answer)
{
    if (!answer->rejected)
        return (AckOutcome){ .result = ACK_DELIVERED };
    AckOutcome out = outcome(ACK_PARTLY, ERR_INPUT, "partial success", answer->message);
    out.refused = (uint64_t)answer->rejected;
    return out;
}

/* A body that is no answer does not undo a success. */
static AckOutcome success_of(Str body)
{
    ExportAnswer answer;
    Err ignored;
    if (!export_answer_read(body, &answer, &ignored))
        answer = (ExportAnswer){ 0 };
    return success(&answer);
}

AckOutcome otlp_grpc_outcome(const GrpcReply *reply, const Err *err)
{
    if (err)
        return no_answer(err);
    if (reply->code == GRPC_OK)
        return success_of(reply->message);
    bool again = grpc_retryable(reply->code, reply->has_retry);
    AckOutcome out = outcome(again ? ACK_RETRY : ACK_REFUSED, again ? ERR_BUSY : ERR_INPUT,
                             grpc_code_name(reply->code), reply->status_text);
    out.retry_ms = reply->has_retry ? reply->retry_ms : 0;
    return out;
}

static AckOutcome http_success(const HttpResponse *response, bool json)
{
    if (!json)
        return success_of(response->body);
    ExportAnswer answer;
    Err ignored;
    Buf scratch = BUF(JSON_ANSWER_MAX);
    if (!otlp_json_read_answer(response->body, &scratch, &answer, &ignored))
        answer = (ExportAnswer){ 0 };
    AckOutcome out = success(&answer);
    buf_free(&scratch);
    return out;
}

/* What the server said about its refusal: a Status, else the body as it is. */
static AckOutcome http_failure(const HttpResponse *response, bool json)
{
    int status = response->status;
    bool again = http_retryable(status);
    RpcStatus said = { 0 };
    Err ignored;
    Buf scratch = BUF(JSON_ANSWER_MAX);
    bool ok = json ? otlp_json_read_status(response->body, &scratch, &said, &ignored)
                   : rpc_status_parse(response->body, &said, &ignored);
    char where[64];
    snprintf(where, sizeof where, "%d %s", status, http_status_text(status));
    AckOutcome out = outcome(again ? ACK_RETRY : ACK_REFUSED, again ? ERR_BUSY : ERR_INPUT, where,
                             ok ? said.message : response->body);
    buf_free(&scratch);
    return out;
}

AckOutcome otlp_http_outcome(const HttpResponse *response, const Err *err, int64_t wall_now_ns)
{
    if (err)
        return no_answer(err);
    bool json = http_media_type_is(http_fields_get(response->fields, STR("content-type")),
                                   STR("application/json"));
    if (response->status >= 200 && response->status < 300)
        return http_success(response, json);
    AckOutcome out = http_failure(response, json);
    Str retry_after = http_fields_get(response->fields, STR("retry-after"));
    out.retry_ms = out.result == ACK_RETRY ? http_retry_after_ms(retry_after, wall_now_ns) : 0;
    return out;
}
