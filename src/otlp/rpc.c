/* rpc.c - services, paths, answers and codes; see rpc.h. */
#include "otlp/rpc.h"

#include "otlp/field_internal.h"

Str grpc_code_name(int64_t code)
{
    static const Str names[] = {
        STR_ROW("OK"),
        STR_ROW("CANCELLED"),
        STR_ROW("UNKNOWN"),
        STR_ROW("INVALID_ARGUMENT"),
        STR_ROW("DEADLINE_EXCEEDED"),
        STR_ROW("NOT_FOUND"),
        STR_ROW("ALREADY_EXISTS"),
        STR_ROW("PERMISSION_DENIED"),
        STR_ROW("RESOURCE_EXHAUSTED"),
        STR_ROW("FAILED_PRECONDITION"),
        STR_ROW("ABORTED"),
        STR_ROW("OUT_OF_RANGE"),
        STR_ROW("UNIMPLEMENTED"),
        STR_ROW("INTERNAL"),
        STR_ROW("UNAVAILABLE"),
        STR_ROW("DATA_LOSS"),
        STR_ROW("UNAUTHENTICATED"),
    };
    return names[code >= 0 && code < (int64_t)COUNT_OF(names) ? code : GRPC_UNKNOWN];
}

Str otlp_grpc_path(Signal signal)
{
    switch (signal) {
    case TRACES: return STR("/opentelemetry.proto.collector.trace.v1.TraceService/Export");
    case METRICS: return STR("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export");
    case LOGS: return STR("/opentelemetry.proto.collector.logs.v1.LogsService/Export");
    default: return (Str){ 0 };
    }
}

bool otlp_grpc_parse(Str path, Signal *out)
{
    static const Signal all[] = { TRACES, METRICS, LOGS };
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        if (!str_eq(path, otlp_grpc_path(all[i])))
            continue;
        *out = all[i];
        return true;
    }
    return false;
}

Str otlp_http_path(Signal signal)
{
    switch (signal) {
    case TRACES: return STR("/v1/traces");
    case METRICS: return STR("/v1/metrics");
    case LOGS: return STR("/v1/logs");
    default: return (Str){ 0 };
    }
}

void export_answer_write(Buf *out, const ExportAnswer *answer)
{
    if (!answer->rejected && !answer->message.len)
        return; /* full success is the empty message */
    size_t partial = wire_open(out, 1);
    if (answer->rejected)
        wire_add_varint(out, 1, (uint64_t)answer->rejected);
    if (answer->message.len)
        wire_add_bytes(out, 2, answer->message);
    wire_close(out, partial);
}

static bool read_partial(Str bytes, ExportAnswer *out)
{
    WireReader reader = wire_reader(bytes);
    WireField field;
    while (wire_next(&reader, &field)) {
        if (field_id(&field) == FIELD(1, WIRE_VARINT))
            out->rejected = (int64_t)field.value;
        else if (field_id(&field) == FIELD(2, WIRE_LEN))
            out->message = field.bytes;
    }
    return !reader.bad;
}

bool export_answer_read(Str bytes, ExportAnswer *out, Err *err)
{
    *out = (ExportAnswer){ 0 };
    WireReader reader = wire_reader(bytes);
    WireField field;
    while (wire_next(&reader, &field))
        if (field_id(&field) == FIELD(1, WIRE_LEN))
            reader.bad = reader.bad || !read_partial(field.bytes, out);
    if (reader.bad)
        return fail(err, ERR_INPUT, "malformed answer to an export");
    if (out->rejected < 0)
        out->rejected = 0; /* makes no sense; must not make counters run backwards */
    return true;
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

void rpc_status_write(Buf *out, const RpcStatus *status)
{
    if (status->code)
        wire_add_varint(out, 1, (uint64_t)(int64_t)status->code);
    if (status->message.len)
        wire_add_bytes(out, 2, status->message);
    if (status->has_retry)
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

bool rpc_status_read(Str bytes, RpcStatus *out, Err *err)
{
    *out = (RpcStatus){ 0 };
    WireReader reader = wire_reader(bytes);
    WireField field;
    while (wire_next(&reader, &field)) {
        if (field_id(&field) == FIELD(1, WIRE_VARINT))
            out->code = (int32_t)field.value;
        else if (field_id(&field) == FIELD(2, WIRE_LEN))
            out->message = field.bytes;
        else if (field_id(&field) == FIELD(3, WIRE_LEN))
            reader.bad = reader.bad || !read_detail(field.bytes, out);
    }
    return !reader.bad || fail(err, ERR_INPUT, "malformed google.rpc.Status");
}

int http_status_of_grpc(int64_t code)
{
    switch (code) {
    case GRPC_OK: return 200;
    case GRPC_INVALID_ARGUMENT: return 400;
    case GRPC_UNAUTHENTICATED: return 401;
    case GRPC_PERMISSION_DENIED: return 403;
    case GRPC_UNIMPLEMENTED: return 404;
    case GRPC_RESOURCE_EXHAUSTED: return 429;
    case GRPC_CANCELLED:
    case GRPC_DEADLINE_EXCEEDED:
    case GRPC_ABORTED:
    case GRPC_OUT_OF_RANGE:
    case GRPC_UNAVAILABLE:
    case GRPC_DATA_LOSS: return 503;
    default: return 500;
    }
}

RpcStatus rpc_status_of(const Err *err)
{
    int code = err_grpc_code(err->kind);
    bool asks = err->retry_ms || code == GRPC_RESOURCE_EXHAUSTED; /* final without RetryInfo */
    return (RpcStatus){ .code = code,
                        .message = str_from(err->text),
                        .has_retry = err_retryable(err->kind) && asks,
                        .retry_ms = err->retry_ms };
}

bool grpc_retryable(int64_t code, bool has_retry)
{
    switch (code) {
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

bool http_retryable(int status)
{
    return status == 429 || status == 502 || status == 503 || status == 504;
}
