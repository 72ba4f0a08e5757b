/* grpc.h - gRPC's own framing and vocabulary, without I/O.
 *
 * A message travels as 1 byte flag (1: compressed), 4 bytes length (big-endian), then the bytes.
 * Unary calls carry exactly one; anything else is refused. Codes are those of grpc/status.h.
 */
#ifndef NET_GRPC_H
#define NET_GRPC_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

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

enum { GRPC_PREFIX_SIZE = 5 };

typedef struct GrpcFrame {
    bool compressed;
    Str message; /* borrowed from what was parsed */
} GrpcFrame;

/* The one message of a unary call: the whole of `bytes` must be it. */
CHECKED bool grpc_frame_parse(Str bytes, GrpcFrame *out, Err *err);
void grpc_frame_prefix(uint8_t out[GRPC_PREFIX_SIZE], bool compressed, uint32_t size);

/* grpc-timeout: at most 8 digits and one of H M S m u n. */
CHECKED bool grpc_timeout_parse(Str text, int64_t *out_ns);
void grpc_timeout_write(int64_t timeout_ns, Buf *out); /* at least 1n */

/* grpc-message: percent encoding of everything but printable ASCII, and of '%'. */
void grpc_message_encode(Str text, Buf *out);
void grpc_message_decode(Str text, Buf *out); /* broken escapes stay as they are */

/* google.rpc.Status, the protobuf behind grpc-status-details-bin and OTLP/HTTP's error bodies.
 * retry_ms above 0 adds a RetryInfo. */
typedef struct RpcStatus {
    GrpcCode code;
    Str message;
    uint32_t retry_ms;
    bool has_retry; /* a RetryInfo was there, be it with a delay of 0 */
} RpcStatus;

void rpc_status_encode(const RpcStatus *status, Buf *out);
CHECKED bool rpc_status_parse(Str bytes, RpcStatus *out, Err *err); /* message borrows from bytes */

/* Base64 as "-bin" fields have it: written without padding, read with or without. */
void base64_encode(Str bytes, Buf *out);
CHECKED bool base64_decode(Str text, Buf *out);

#endif
