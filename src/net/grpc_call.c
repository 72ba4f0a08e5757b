/* grpc_call.c - one call of the gRPC client: its request, its deadline, its outcome. */
#include "net/grpc_client_internal.h"

#include "base/mem.h"
#include "net/encoding.h"

enum { FIELDS_MAX = 64 * 1024, DEFAULT_TIMEOUT_S = 10 };

/* ---- the request ---- */

static bool add_timeout(HttpFields *fields, int64_t timeout_ns, Err *err)
{
    Buf text = BUF(32);
    grpc_timeout_write(timeout_ns, &text);
    bool ok =
        buf_ok(&text, err) && http_fields_add(fields, STR("grpc-timeout"), buf_str(&text), err);
    buf_free(&text);
    return ok;
}

static bool add_accepted(HttpFields *fields, Err *err)
{
    Buf text = BUF(512);
    encoding_list(ENCODING_GRPC, &text);
    bool ok = buf_ok(&text, err) &&
              http_fields_add(fields, STR("grpc-accept-encoding"), buf_str(&text), err);
    buf_free(&text);
    return ok;
}

static bool add_fields(Call *call, const GrpcCall *wanted, Err *err)
{
    const HttpField first[] = {
        { STR(":method"), STR("POST") },
        { STR(":scheme"), call->client->limits.tls ? STR("https") : STR("http") },
        { STR(":path"), wanted->path },
        { STR(":authority"), str_from(call->client->sent_authority) },
        { STR("te"), STR("trailers") },
        { STR("content-type"), STR("application/grpc") },
        { STR("user-agent"), str_from(call->client->user_agent) },
        { STR("grpc-encoding"), wanted->encoding ? wanted->encoding->name : STR("") },
    };
    size_t count = COUNT_OF(first) - !wanted->encoding;
    for (size_t i = 0; i < count; i++) {
        if (!http_fields_add(&call->fields, first[i].name, first[i].value, err))
            return false;
    }
    for (size_t i = 0; i < wanted->field_count; i++) {
        const HttpField *field = &wanted->fields[i];
        if (!http_fields_add(&call->fields, field->name, field->value, err))
            return false;
    }
    http_fields_clean(&call->fields);
    return add_timeout(&call->fields, call->timeout_ns, err) && add_accepted(&call->fields, err);
}

static bool wrap_message(Call *call, const GrpcCall *wanted, Err *err)
{
    Payload *payload = &call->payload;
    bool lent = wanted->lent_count > 0;
    call->text = buf_str(&wanted->message);
    if (!payload_lend(payload, lent ? wanted->lent : &call->text, lent ? wanted->lent_count : 1,
                      wanted->encoding, err))
        return false;
    size_t size = payload_size(payload);
    if (size > UINT32_MAX)
        return fail(err, ERR_LIMIT, "a message of %zu bytes does not fit in a frame", size);
    payload->prefix_len = GRPC_PREFIX_SIZE;
    grpc_frame_prefix(payload->prefix, wanted->encoding != NULL, (uint32_t)size);
    return true;
}

/* ---- life ---- */

static void deadline_passes(void *owner)
{
    Call *call = owner;
    Err err = { 0 };
    fail(&err, ERR_TIMEOUT, "no answer within %lld ms",
         (long long)(call->timeout_ns / NANOS_PER_MILLI));
    call_finish(call, &err);
}

static void tell(void *owner)
{
    call_tell(owner);
}

static void link_in(GrpcClient *client, Call *call)
{
    call->next = client->calls;
    if (client->calls)
        client->calls->prev = call;
    client->calls = call;
    client->call_count++;
}

static bool prepare(Call *call, const GrpcCall *wanted, Err *err)
{
    const GrpcClientSettings *limits = &call->client->limits;
    http_fields_init(&call->fields, FIELDS_MAX);
    http_fields_init(&call->reply_fields, limits->header_bytes);
    call->body = BUF(limits->message_bytes + GRPC_PREFIX_SIZE);
    call->timeout_ns =
        wanted->timeout_ns ? wanted->timeout_ns : DEFAULT_TIMEOUT_S * NANOS_PER_SECOND;
    call->deadline = (Timer){ .fire = deadline_passes, .owner = call };
    call->tell = (Post){ .run = tell, .owner = call };
    call->done = wanted->done;
    call->owner = wanted->owner;
    return add_fields(call, wanted, err) && wrap_message(call, wanted, err);
}

/* The message stays the caller's until it is taken: see grpc_client_call(). */
Call *call_new(GrpcClient *client, const GrpcCall *wanted, Err *err)
{
    Call *call = MEM_MAKE(Call, 1, err);
    if (!call)
        return NULL;
    call->client = client;
    link_in(client, call);
    if (prepare(call, wanted, err)) {
        timer_set(client->loop, &call->deadline, loop_now(client->loop) + call->timeout_ns);
        call->out = (Http2Message){ .fields = &call->fields, .payload = &call->payload };
        return call;
    }
    call_free(call);
    return NULL;
}

void call_free(Call *call)
{
    GrpcClient *client = call->client;
    if (!call->answered)
        client->call_count--;
    if (call->prev)
        call->prev->next = call->next;
    else
        client->calls = call->next;
    if (call->next)
        call->next->prev = call->prev;
    timer_cancel(client->loop, &call->deadline);
    loop_unpost(client->loop, &call->tell);
    http_fields_done(&call->fields);
    http_fields_done(&call->reply_fields);
    payload_done(&call->payload);
    buf_free(&call->message);
    buf_free(&call->body);
    mem_free(call);
}

void call_let_go(Call *call)
{
    call->link = NULL;
    if (call->answered)
        call_free(call);
}

/* ---- the outcome ---- */

void call_finish(Call *call, const Err *err)
{
    if (call->state == CALL_TOLD)
        return;
    call->state = CALL_TOLD;
    if (err)
        call->err = *err;
    timer_cancel(call->client->loop, &call->deadline);
    loop_post(call->client->loop, &call->tell);
}

static void answer(Call *call, GrpcReply *reply)
{
    ReplyScratch scratch = { BUF(0), BUF(0), BUF(0) };
    Err err = call->err;
    if (err.kind == ERR_NONE && !reply_read(call, &scratch, reply, &err))
        *reply = (GrpcReply){ .code = GRPC_UNKNOWN, .request = reply->request };
    call->done(call->owner, reply, err.kind == ERR_NONE ? NULL : &err);
    buf_free(&scratch.message);
    buf_free(&scratch.status_text);
    buf_free(&scratch.details);
}

void call_tell(Call *call)
{
    if (call->answered)
        return;
    if (call->link)
        link_forget(call->link, call);
    loop_unpost(call->client->loop, &call->tell);
    call->answered = true;
    call->client->call_count--;
    payload_done(&call->payload); /* it borrows the message, the caller's again */
    GrpcReply reply = { .code = GRPC_UNKNOWN, .request = call->message };
    call->message = BUF(0);
    answer(call, &reply);
    buf_free(&reply.request);
    if (!call->link)
        call_free(call);
}
