/* otlp_link.c - gRPC as a link, and what both transports' answers have in common. */
#include "sdk/otlp_link.h"

#include "base/mem.h"
#include "net/grpc_client.h"

#include <cryostorm/version.h>

#define USER_AGENT "OTel-OTLP-Exporter-C/" CRYO_VERSION

void link_success(LinkAnswer *answer, const ExportAnswer *said)
{
    answer->verdict = LINK_DELIVERED;
    answer->rejected = said->rejected > 0 ? (uint64_t)said->rejected : 0;
    if (said->message.len > 0 || answer->rejected)
        fail(&answer->err, ERR_INPUT, "the server said: %.*s",
             STR_ARG(str_first(said->message, 200)));
}

void link_no_answer(LinkAnswer *answer, const Err *err)
{
    answer->verdict = err_retryable(err->kind) ? LINK_AGAIN : LINK_REFUSED;
    answer->retry_ms = err->retry_ms;
    answer->err = *err;
}

/* ---- gRPC ------------------------------------------------------------------------------------ */

typedef struct GrpcLink {
    OtlpLink base;
    GrpcClient *client;
    Signal signal;
    const HttpField *fields;
    size_t field_count;
    const Encoding *encoding;
} GrpcLink;

static void grpc_done(void *owner, GrpcReply *reply, const Err *err)
{
    LinkAnswer *answer = owner;
    answer->request = reply->request;
    reply->request = (Buf){ 0 };
    if (err) {
        link_no_answer(answer, err);
    } else if (reply->code == GRPC_OK) {
        ExportAnswer said = { 0 };
        Err ignored; /* it was taken, whatever else was said */
        if (!export_answer_read(reply->message, &said, &ignored))
            said = (ExportAnswer){ 0 };
        link_success(answer, &said);
    } else {
        bool again = grpc_retryable(reply->code, reply->has_retry);
        answer->verdict = again ? LINK_AGAIN : LINK_REFUSED;
        answer->retry_ms = reply->has_retry ? reply->retry_ms : 0;
        fail(&answer->err, ERR_IO, "the server said %s: %.*s", grpc_code_name(reply->code),
             STR_ARG(str_first(reply->status_text, 150)));
    }
    answer->done = true;
}

static bool grpc_begin(OtlpLink *link, Buf *request, int64_t timeout_ns, LinkAnswer *answer,
                       Err *err)
{
    GrpcLink *self = (GrpcLink *)(void *)link;
    GrpcCall call = { .path = otlp_grpc_path(self->signal),
                      .fields = self->fields,
                      .field_count = self->field_count,
                      .message = *request,
                      .encoding = self->encoding,
                      .timeout_ns = timeout_ns,
                      .done = grpc_done,
                      .owner = answer };
    *answer = (LinkAnswer){ 0 };
    if (!grpc_client_call(self->client, &call, err))
        return false;
    *request = (Buf){ 0 };
    return true;
}

static void grpc_free(OtlpLink *link)
{
    GrpcLink *self = (GrpcLink *)(void *)link;
    grpc_client_free(self->client);
    mem_free(self);
}

OtlpLink *otlp_grpc_link(const LinkSettings *settings, Err *err)
{
    GrpcLink *self = MEM_MAKE(GrpcLink, 1, err);
    if (!self)
        return NULL;
    *self = (GrpcLink){ .base = { grpc_begin, grpc_free },
                        .signal = settings->signal,
                        .fields = settings->fields,
                        .field_count = settings->field_count,
                        .encoding = settings->encoding };
    self->client = grpc_client_new(&(GrpcClientSettings){ .loop = settings->loop,
                                                          .endpoint = settings->endpoint,
                                                          .tls = settings->tls,
                                                          .user_agent = STR(USER_AGENT) },
                                   err);
    if (self->client)
        return &self->base;
    mem_free(self);
    return NULL;
}
