/* rpc.c - services, paths, answers and codes; see rpc.h. */
#include "otlp/rpc.h"

#include "otlp/tag_internal.h"

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

int http_status_of_grpc(GrpcCode code)
{
    switch ((int)code) {
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
    GrpcCode code = (GrpcCode)err_grpc_code(err->kind);
    bool asks = err->retry_ms || code == GRPC_RESOURCE_EXHAUSTED; /* final without RetryInfo */
    return (RpcStatus){ .code = code,
                        .message = str_from(err->text),
                        .has_retry = err_retryable(err->kind) && asks,
                        .retry_ms = err->retry_ms };
}

bool http_retryable(int status)
{
    return status == 429 || status == 502 || status == 503 || status == 504;
}
