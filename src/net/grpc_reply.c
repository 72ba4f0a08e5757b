/* grpc_reply.c - from fields and bytes to a status, for the gRPC client.
 *
 * A proxy or a server of something else answers without grpc-status; its HTTP status is then
 * translated as gRPC's own clients do.
 */
#include "net/grpc_client_internal.h"

#include "net/encoding.h"

enum { TEXT_MAX = 64 * 1024 };

static GrpcCode code_of_http(uint64_t status)
{
    switch (status) {
    case 400:
    case 431: return GRPC_INTERNAL;
    case 401: return GRPC_UNAUTHENTICATED;
    case 403: return GRPC_PERMISSION_DENIED;
    case 404: return GRPC_UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504: return GRPC_UNAVAILABLE;
    default: return GRPC_UNKNOWN;
    }
}

static bool read_status(const HttpFields *fields, ReplyScratch *scratch, GrpcReply *out, Err *err)
{
    uint64_t http_status = 0, code = 0;
    Str status = http_fields_get(fields, STR(":status"));
    Str grpc_status = http_fields_get(fields, STR("grpc-status"));
    if (!str_to_u64(status, &http_status))
        return fail(err, ERR_INPUT, "an answer without a status");
    if (grpc_status.ptr) {
        bool known = str_to_u64(grpc_status, &code) && code < GRPC_CODE_COUNT;
        out->code = known ? (GrpcCode)code : GRPC_UNKNOWN;
        grpc_message_decode(http_fields_get(fields, STR("grpc-message")), &scratch->status_text);
        return true;
    }
    if (http_status == 200)
        return fail(err, ERR_INPUT, "the answer ends without a grpc-status");
    out->code = code_of_http(http_status);
    buf_addf(&scratch->status_text, "the server answered HTTP %llu %s",
             (unsigned long long)http_status, http_status_text((int)http_status));
    return true;
}

static bool read_details(const HttpFields *fields, ReplyScratch *scratch, GrpcReply *out)
{
    RpcStatus status;
    Err ignored;
    Str details = http_fields_get(fields, STR("grpc-status-details-bin"));
    if (!details.ptr || !base64_decode(details, &scratch->details))
        return false;
    if (rpc_status_parse(buf_str(&scratch->details), &status, &ignored)) {
        out->has_retry = status.has_retry;
        out->retry_ms = status.retry_ms;
    }
    return true;
}

static bool read_message(Call *call, ReplyScratch *scratch, GrpcReply *out, Err *err)
{
    GrpcFrame frame;
    if (!grpc_frame_parse(buf_str(&call->body), &frame, err))
        return false;
    out->message = frame.message;
    if (!frame.compressed)
        return true;
    Str name = http_fields_get(&call->reply_fields, STR("grpc-encoding"));
    const Encoding *encoding = encoding_find(ENCODING_GRPC, name);
    if (!encoding)
        return fail(err, ERR_INPUT, "the answer's encoding \"%.*s\" is not known here",
                    STR_ARG(str_first(name, 32)));
    if (!encoding->decode(frame.message, &scratch->message, err))
        return blame(err, "inflating the answer");
    out->message = buf_str(&scratch->message);
    return true;
}

bool reply_read(Call *call, ReplyScratch *scratch, GrpcReply *out, Err *err)
{
    *scratch =
        (ReplyScratch){ BUF(call->client->limits.message_bytes), BUF(TEXT_MAX), BUF(TEXT_MAX) };
    if (!read_status(&call->reply_fields, scratch, out, err))
        return false;
    if (out->code == GRPC_OK && !read_message(call, scratch, out, err))
        return false;
    bool has_details = read_details(&call->reply_fields, scratch, out);
    if (!buf_ok(&scratch->status_text, err) || (has_details && !buf_ok(&scratch->details, err)))
        return false;
    out->status_text = buf_str(&scratch->status_text);
    out->details = has_details ? buf_str(&scratch->details) : STR("");
    return true;
}
