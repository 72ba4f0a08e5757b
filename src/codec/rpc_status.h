/* rpc_status.h - gRPC's codes, and google.rpc.Status with a RetryInfo: how services say no.
 *
 * A Status is what stands behind grpc-status-details-bin, and the body of OTLP/HTTP's errors. It is
 * here, below net and otlp, because both speak it.
 */
#ifndef CODEC_RPC_STATUS_H
#define CODEC_RPC_STATUS_H

#include "base/buf.h"

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
    GRPC_UNAUTHENTICATED,
    GRPC_CODE_COUNT
} GrpcCode;

const char *grpc_code_name(GrpcCode code); /* "UNAVAILABLE"; "UNKNOWN" for what is none */

typedef struct RpcStatus {
    GrpcCode code;
    Str message;       /* when parsed, borrowed from the bytes */
    uint32_t retry_ms; /* wait this long; 0 with has_retry: the sender chooses */
    bool has_retry;    /* a RetryInfo is among the details; written also when retry_ms is not 0 */
} RpcStatus;

void rpc_status_encode(const RpcStatus *status, Buf *out);
CHECKED bool rpc_status_parse(Str bytes, RpcStatus *out, Err *err);

/* May a client send the same again (OTLP specification)? */
bool grpc_retryable(GrpcCode code, bool has_retry);

#endif
