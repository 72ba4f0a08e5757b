/* rpc_status.c - google.rpc.Status, as far as OTLP needs it; see rpc_status.h.
 *
 * Status { 1 code, 2 message, 3 details: Any { 1 type_url, 2 value } }, where the only detail that
 * is understood is RetryInfo { 1 retry_delay: Duration { 1 seconds, 2 nanos } }.
 */
#include "codec/rpc_status.h"

#include "codec/wire.h"

/* A field by number and kind at once: one of another wire type is an unknown field, not an error.
 */
#define FIELD(number, kind) ((number) << 3 | (uint32_t)(kind))

static uint32_t field_id(const WireField *field)
{
    return FIELD(field->number, field->kind); /* numbers have 29 bits */
}
const char *grpc_code_name(GrpcCode code)
{
    static const char *const names[GRPC_CODE_COUNT] = {
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    };
    return names[(unsigned)code < GRPC_CODE_COUNT ? code : GRPC_UNKNOWN];
}

#define RETRY_INFO_URL "type.googleapis.com/google.rpc.RetryInfo"

static void add_retry(Buf *out, uint32_t retry_ms)
{
    size_t any = wire_open(out, 3);
    wire_add_bytes(out, 1, STR(RETRY_INFO_URL));
    size_t info = wire_open(out, 2);
    size_t delay = wire_open(out, 1);
    if (retry_ms / 1000)
        wire_add_varint(out, 1, retry_ms / 1000);
    if (retry_ms % 1000)
        wire_add_varint(out, 2, retry_ms % 1000 * UINT64_C(1000000));
    wire_close(out, delay);
    wire_close(out, info);
    wire_close(out, any);
}

void rpc_status_encode(const RpcStatus *status, Buf *out)
{
    if (status->code)
        wire_add_varint(out, 1, (uint64_t)(int64_t)status->code);
    if (status->message.len)
        wire_add_bytes(out, 2, status->message);
    if (status->has_retry || status->retry_ms)
        add_retry(out, status->retry_ms);
}

static uint32_t delay_ms(uint64_t seconds, uint64_t nanos)
{
    const uint64_t most = UINT32_MAX / 1000 - 1;
    if ((int64_t)seconds < 0 || (int64_t)nanos < 0)
        return 0;
    seconds = seconds < most ? seconds : most;
    nanos = nanos < 1000000000 ? nanos : 999999999;
    return (uint32_t)(seconds * 1000 + (nanos + 999999) / 1000000);
}

static bool read_duration(Str bytes, uint32_t *ms)
{
    uint64_t seconds = 0, nanos = 0;
    WireReader reader = wire_reader(bytes);
    WireField field;
    while (wire_next(&reader, &field)) {
        if (field_id(&field) == FIELD(1, WIRE_VARINT))
            seconds = field.value;
        else if (field_id(&field) == FIELD(2, WIRE_VARINT))
            nanos = field.value;
    }
    *ms = delay_ms(seconds, nanos);
    return !reader.bad;
}

static bool read_retry_info(Str bytes, RpcStatus *out)
{
    WireReader reader = wire_reader(bytes);
    WireField field;
    out->has_retry = true;
    while (wire_next(&reader, &field))
        if (field_id(&field) == FIELD(1, WIRE_LEN))
            reader.bad = reader.bad || !read_duration(field.bytes, &out->retry_ms);
    return !reader.bad;
}

static bool read_detail(Str bytes, RpcStatus *out)
{
    Str url = { 0 }, value = { 0 };
    WireReader reader = wire_reader(bytes);
    WireField field;
    while (wire_next(&reader, &field)) {
        if (field_id(&field) == FIELD(1, WIRE_LEN))
            url = field.bytes;
        else if (field_id(&field) == FIELD(2, WIRE_LEN))
            value = field.bytes;
    }
    if (reader.bad || !str_ends(url, STR("/google.rpc.RetryInfo")))
        return !reader.bad;
    return read_retry_info(value, out);
}

bool rpc_status_parse(Str bytes, RpcStatus *out, Err *err)
{
    *out = (RpcStatus){ 0 };
    WireReader reader = wire_reader(bytes);
    WireField field;
    while (wire_next(&reader, &field)) {
        if (field_id(&field) == FIELD(1, WIRE_VARINT))
            out->code = field.value < GRPC_CODE_COUNT ? (GrpcCode)field.value : GRPC_UNKNOWN;
        else if (field_id(&field) == FIELD(2, WIRE_LEN))
            out->message = field.bytes;
        else if (field_id(&field) == FIELD(3, WIRE_LEN))
            reader.bad = reader.bad || !read_detail(field.bytes, out);
    }
    return !reader.bad || fail(err, ERR_INPUT, "malformed google.rpc.Status");
}

bool grpc_retryable(GrpcCode code, bool has_retry)
{
    switch ((int)code) {
    case GRPC_CANCELLED:
    case GRPC_DEADLINE_EXCEEDED:
    case GRPC_ABORTED:
    case GRPC_OUT_OF_RANGE:
    case GRPC_UNAVAILABLE:
    case GRPC_DATA_LOSS: return true;
    case GRPC_RESOURCE_EXHAUSTED: return has_retry;
    default: return false;
    }
}
