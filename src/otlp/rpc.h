/* rpc.h - what surrounds a batch on its way: services, paths, answers and what their codes mean.
 *
 * Facts of OTLP/gRPC and OTLP/HTTP. Texts that the readers hand out borrow from the bytes read.
 */
#ifndef OTLP_RPC_H
#define OTLP_RPC_H

#include "base/buf.h"
#include "model/signal.h"

typedef enum GrpcCode {
    GRPC_OK,
    GRPC_CANCELLED,
    GRPC_UNKNOWN,
    GRPC_INVALID_ARGUMENT,
    GRPC_DEADLINE_EXCEEDED,
    GRPC_NOT_FOUND,
    GRPC_ALREADY_EXISTS,
    GRPC_PERMISSION_DENIED,
    GRPC_RESOURCE_EXHAUSTED,
    GRPC_FAILED_PRECONDITION,
    GRPC_ABORTED,
    GRPC_OUT_OF_RANGE,
    GRPC_UNIMPLEMENTED,
    GRPC_INTERNAL,
    GRPC_UNAVAILABLE,
    GRPC_DATA_LOSS,
    GRPC_UNAUTHENTICATED
} GrpcCode;

Str grpc_code_name(int64_t code); /* UNAVAILABLE ...; UNKNOWN for what is none of them */

/* gRPC: "/opentelemetry.proto.collector.trace.v1.TraceService/Export" and so on. */
Str otlp_grpc_path(Signal signal);
bool otlp_grpc_parse(Str path, Signal *out);

/* HTTP: "/v1/traces" and so on. */
Str otlp_http_path(Signal signal);

/* ExportTraceServiceResponse and its siblings, which are alike on the wire. */
typedef struct ExportAnswer {
    int64_t rejected; /* items lost for good; never retried */
    Str message;      /* a warning when nothing was rejected; empty: full success */
} ExportAnswer;

void export_answer_write(Buf *out, const ExportAnswer *answer);
CHECKED bool export_answer_read(Str bytes, ExportAnswer *out, Err *err);

/* google.rpc.Status: the body of an HTTP error, and gRPC's grpc-status-details-bin. */
typedef struct RpcStatus {
    int32_t code;
    Str message;
    bool has_retry;    /* a RetryInfo is among the details */
    uint32_t retry_ms; /* wait this long; 0 with has_retry: the sender chooses */
} RpcStatus;

void rpc_status_write(Buf *out, const RpcStatus *status);
CHECKED bool rpc_status_read(Str bytes, RpcStatus *out, Err *err);

/* The answer of a receiver that failed: gRPC code, and the HTTP status it stands for. */
int http_status_of_grpc(int64_t code);
RpcStatus rpc_status_of(const Err *err); /* message borrows err's text */

/* May a client send the same again? */
bool grpc_retryable(int64_t code, bool has_retry);
bool http_retryable(int status); /* 429, 502, 503, 504 */

#endif
