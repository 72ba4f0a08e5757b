/* request.c - what handlers see of a request, and how it is answered; see server.h.
 *
 * Every way to answer ends in deliver(): it lets go of what came in, and gives the reply to the
 * connection, or drops it when that is gone.
 */
#include "net/request_internal.h"

#include "base/mem.h"
#include "net/encoding.h"
#include "net/server_internal.h"

#include <assert.h>
#include <stdio.h>

enum {
    REPLY_FIELDS_MAX = 64 * 1024,
    GRPC_GZIP_FROM = 1024, /* smaller answers do not shrink enough to pay */
    TEXT_MAX = 4096,
    SHORT_ANSWER = 2 * TEXT_MAX,
    PAGE_ANSWER = 256 * 1024, /* beyond, it is charged as what it is: the result of a question */
};

/* ---- life ---- */

static void link_to(Server *server, Request *request)
{
    request->next = server->requests;
    if (server->requests)
        server->requests->prev = request;
    server->requests = request;
    server->counts.requests++;
    server->counts.requests_in_flight++;
}

static void unlink_from(Server *server, Request *request)
{
    if (request->prev)
        request->prev->next = request->next;
    else
        server->requests = request->next;
    if (request->next)
        request->next->prev = request->prev;
    server->counts.requests_in_flight--;
}

Request *request_new(Server *server, const RequestHome *home, Err *err)
{
    Request *request = MEM_MAKE(Request, 1, err);
    if (!request)
        return NULL;
    if (!purse_take(server->purses.connections, sizeof *request)) {
        mem_free(request);
        budget_short(err, "a request", sizeof *request);
        return NULL;
    }
    request->purse = server->purses.connections;
    request->server = server;
    request->home = *home;
    request->body_max = server->limits.body_bytes;
    request->inflated_max = server->limits.inflated_bytes;
    request->body = (Buf){ .max = request->body_max, .purse = server->purses.bodies };
    request->deadline_ns = INT64_MAX;
    http_fields_init(&request->fields, server->limits.header_bytes);
    http_fields_init(&request->reply.fields, REPLY_FIELDS_MAX);
    http_fields_init(&request->reply.trailers, REPLY_FIELDS_MAX);
    http_fields_charge(&request->fields, server->purses.connections);
    link_to(server, request);
    return request;
}

void request_free(Request *request)
{
    if (!request)
        return;
    if (request->server) {
        grant_forget(request);
        turn_forget(request);
        hold_forget(request);
        timer_cancel(request->server->loop, &request->slow_timer);
        unlink_from(request->server, request);
    }
    buf_free(&request->body);
    http_fields_done(&request->fields);
    http_fields_done(&request->reply.fields);
    http_fields_done(&request->reply.trailers);
    payload_done(&request->reply.payload);
    if (request->drop_carried)
        request->drop_carried(request->carried);
    purse_give(request->purse, sizeof *request);
    mem_free(request);
}

void request_lose(Request *request)
{
    request->home.connection = NULL;
    if (request->state != REQUEST_HANDLED) {
        request_free(request);
        return;
    }
    void (*gone)(void *) = request->gone;
    request->gone = NULL;
    if (gone)
        gone(request->gone_owner);
}

/* ---- answering ---- */

/* What can be said without memory: the bare status. */
static void without_memory(Request *request)
{
    Reply *reply = &request->reply;
    http_fields_clear(&reply->fields);
    http_fields_clear(&reply->trailers);
    payload_done(&reply->payload);
    reply->has_trailers = reply->has_body = false;
    reply->bare = true;
    reply->status = 503;
}

/* A large answer to a slow reader is held for long. Without room for it, 503 is said instead; what
 * is short, as the reasons of refusals are, is said whatever the budget says. */
static void charge_reply(Request *request)
{
    const ServerPurses *purses = &request->server->purses;
    Buf *body = &request->reply.payload.owned;
    if (body->cap <= SHORT_ANSWER)
        buf_charge_forced(body, purses->answers);
    else if (!buf_charge(body, body->cap <= PAGE_ANSWER ? purses->answers : purses->large_answers))
        without_memory(request);
}

static void deliver(Request *request)
{
    if (request->server) {
        timer_cancel(request->server->loop, &request->slow_timer);
        grant_forget(request);
        turn_forget(request);
        hold_forget(request);
    }
    buf_free(&request->body);
    request->gone = NULL;
    if (!request->home.connection) {
        request_free(request);
        return;
    }
    charge_reply(request);
    http_fields_clean(&request->reply.fields);
    request->state = REQUEST_ANSWERED;
    request->home.answered(request->home.connection, request);
}

static bool add_number(HttpFields *fields, Str name, uint64_t value, Err *err)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    return http_fields_add(fields, name, (Str){ text, (size_t)n }, err);
}

/* What browsers come to: whatever the answer is, an error too, it is neither guessed to be a page
 * nor framed, and runs nothing. Handlers may say better. */
static bool add_security(HttpFields *fields, Err *err)
{
    static const HttpField security[] = {
        { STR_ROW("x-content-type-options"), STR_ROW("nosniff") },
        { STR_ROW("content-security-policy"),
          STR_ROW("default-src 'none'; frame-ancestors 'none'") },
    };
    for (size_t i = 0; i < COUNT_OF(security); i++) {
        if (!http_fields_get(fields, security[i].name).ptr &&
            !http_fields_add(fields, security[i].name, security[i].value, err))
            return false;
    }
    return true;
}

static bool write_head(Request *request, const Answer *answer, Err *err)
{
    const Reply *reply = &request->reply;
    HttpFields *fields = &request->reply.fields;
    if (answer->content_type.len > 0 &&
        !http_fields_add(fields, STR("content-type"), answer->content_type, err))
        return false;
    for (size_t i = 0; i < answer->field_count; i++) {
        if (!http_fields_add(fields, answer->fields[i].name, answer->fields[i].value, err))
            return false;
    }
    if (request->server && request->server->check_host && !add_security(fields, err))
        return false;
    if (answer->status == 204 || answer->status == 304)
        return true;
    return add_number(fields, STR("content-length"), payload_size(&reply->payload), err);
}

void request_answer(Request *request, Answer *answer)
{
    Err err = { 0 };
    Reply *reply = &request->reply;
    reply->status = answer->status;
    reply->payload = (Payload){ .owned = answer->body, .borrowed = answer->static_body };
    answer->body = BUF(0);
    if (!write_head(request, answer, &err))
        without_memory(request);
    reply->has_body = !request->head_only && payload_size(&reply->payload) > 0;
    deliver(request);
}

void request_answer_text(Request *request, int status, Str text)
{
    Answer answer = { .status = status,
                      .content_type = STR("text/plain; charset=utf-8"),
                      .body = BUF(TEXT_MAX) };
    buf_add(&answer.body, str_first(text, TEXT_MAX));
    request_answer(request, &answer);
}

/* ---- gRPC ---- */

static bool grpc_head(Reply *reply, Err *err)
{
    reply->status = 200;
    return http_fields_add(&reply->fields, STR("content-type"), STR("application/grpc"), err);
}

/* Compresses when the client reads gzip and it pays. A failure means: as it is. */
static bool grpc_compress(Request *request, Buf *message)
{
    const Encoding *gzip = encoding_find(ENCODING_GRPC, STR("gzip"));
    Err err = { 0 };
    if (message->len < GRPC_GZIP_FROM || !gzip ||
        !http_list_has(request_field(request, STR("grpc-accept-encoding")), gzip->name))
        return false;
    Buf smaller = BUF(message->len);
    if (!gzip->encode(buf_str(message), &smaller, &err) ||
        !http_fields_add(&request->reply.fields, STR("grpc-encoding"), gzip->name, &err)) {
        buf_free(&smaller);
        return false;
    }
    buf_free(message);
    *message = smaller;
    return true;
}

void request_answer_grpc(Request *request, Buf *message)
{
    Err err = { 0 };
    Reply *reply = &request->reply;
    Payload *payload = &reply->payload;
    bool compressed = grpc_compress(request, message);
    grpc_frame_prefix(payload->prefix, compressed, (uint32_t)message->len);
    payload->prefix_len = GRPC_PREFIX_SIZE;
    payload->owned = *message;
    *message = BUF(message->max);
    reply->has_body = reply->has_trailers = true;
    if (!grpc_head(reply, &err) ||
        !http_fields_add(&reply->trailers, STR("grpc-status"), STR("0"), &err))
        without_memory(request);
    deliver(request);
}

static bool add_details(Reply *reply, const RpcStatus *status, Err *err)
{
    Buf details = BUF(TEXT_MAX), text = BUF(2 * TEXT_MAX);
    rpc_status_encode(status, &details);
    base64_encode(buf_str(&details), &text);
    bool ok = buf_ok(&details, err) && buf_ok(&text, err) &&
              http_fields_add(&reply->fields, STR("grpc-status-details-bin"), buf_str(&text), err);
    buf_free(&details);
    buf_free(&text);
    return ok;
}

static bool add_message(Reply *reply, Str message, Err *err)
{
    Buf text = BUF(3 * TEXT_MAX);
    grpc_message_encode(str_first(message, TEXT_MAX), &text);
    bool ok = buf_ok(&text, err) &&
              http_fields_add(&reply->fields, STR("grpc-message"), buf_str(&text), err);
    buf_free(&text);
    return ok;
}

/* Trailers only, with a google.rpc.Status when a retry delay is given. */
static void request_answer_grpc_error(Request *request, const RpcStatus *status)
{
    Err err = { 0 };
    Reply *reply = &request->reply;
    bool ok = grpc_head(reply, &err) &&
              add_number(&reply->fields, STR("grpc-status"), status->code, &err) &&
              add_message(reply, status->message, &err);
    RpcStatus short_status = *status;
    short_status.message = str_first(status->message, TEXT_MAX / 4);
    if (ok && (status->retry_ms > 0 || status->has_retry))
        ok = add_details(reply, &short_status, &err);
    if (!ok)
        without_memory(request);
    deliver(request);
}

/* ---- errors in either language ---- */

static void answer_plain_error(Request *request, int status, Str text, uint32_t retry_ms)
{
    char seconds[16];
    int n = snprintf(seconds, sizeof seconds, "%u", (unsigned)((uint64_t)retry_ms + 999) / 1000);
    HttpField retry = { STR("retry-after"), { seconds, (size_t)n } };
    Answer answer = { .status = status,
                      .content_type = STR("text/plain; charset=utf-8"),
                      .fields = &retry,
                      .field_count = retry_ms > 0 ? 1 : 0,
                      .body = BUF(TEXT_MAX) };
    buf_add(&answer.body, str_first(text, TEXT_MAX - 1));
    buf_add_byte(&answer.body, '\n');
    request_answer(request, &answer);
}

void request_answer_err(Request *request, const Err *err)
{
    Str text = str_from(err->text);
    if (!request->grpc) {
        answer_plain_error(request, err_http_status(err->kind), text, err->retry_ms);
        return;
    }
    RpcStatus status = { .code = (GrpcCode)err_grpc_code(err->kind),
                         .message = text,
                         .retry_ms = err->retry_ms };
    request_answer_grpc_error(request, &status);
}

void request_refuse_err(Request *request, const Err *err)
{
    if (request->server)
        request->server->counts.refused++;
    request_answer_err(request, err);
}

void request_refuse(Request *request, const Refusal *refusal)
{
    request->server->counts.refused++;
    Str text = str_from(refusal->text);
    if (!request->grpc) {
        answer_plain_error(request, refusal->status, text, refusal->retry_ms);
        return;
    }
    RpcStatus status = { .code = refusal->code, .message = text, .retry_ms = refusal->retry_ms };
    request_answer_grpc_error(request, &status);
}

bool request_refuse_overload(Request *request)
{
    request_refuse(request, &(Refusal){ .status = 503,
                                        .code = GRPC_UNAVAILABLE,
                                        .text = "no memory for more requests now",
                                        .retry_ms = RETRY_OVERLOAD_MS });
    return false;
}

/* ---- reading ---- */

Str request_method(const Request *request)
{
    return request->method;
}
Str request_path(const Request *request)
{
    return request->path;
}
Str request_query(const Request *request)
{
    return request->query;
}
Str request_field(const Request *request, Str lower_case_name)
{
    return http_fields_get(&request->fields, lower_case_name);
}
Str request_body(const Request *request)
{
    return buf_str(&request->body);
}
bool request_is_grpc(const Request *request)
{
    return request->grpc;
}
const Address *request_peer(const Request *request)
{
    return &request->home.peer;
}

size_t request_field_count(const Request *request)
{
    return request->fields.count;
}

HttpField request_field_at(const Request *request, size_t i)
{
    return http_fields_at(&request->fields, i);
}

void request_carry(Request *request, void *thing, void (*drop)(void *thing))
{
    assert(!request->drop_carried);
    request->carried = thing;
    request->drop_carried = drop;
}

void *request_take_carried(Request *request)
{
    void *thing = request->carried;
    request->carried = NULL;
    request->drop_carried = NULL;
    return thing;
}

int64_t request_deadline_ns(const Request *request)
{
    return request->deadline_ns;
}
bool request_is_gone(const Request *request)
{
    return !request->home.connection;
}

Buf request_take_body(Request *request)
{
    Buf body = request->body;
    request->body = BUF(request->body_max);
    return body;
}

void request_on_gone(Request *request, void (*gone)(void *owner), void *owner)
{
    request->gone = gone;
    request->gone_owner = owner;
}
