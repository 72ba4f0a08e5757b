/* grpc.h - gRPC's own framing, without I/O; its codes are in codec/rpc_status.h.
 *
 * A message travels as 1 byte flag (1: compressed), 4 bytes length (big-endian), then the bytes.
 * Unary calls carry exactly one; anything else is refused.
 */
#ifndef NET_GRPC_H
#define NET_GRPC_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "codec/rpc_status.h"

enum { GRPC_PREFIX_SIZE = 5 };

typedef struct GrpcFrame {
    bool compressed;
    Str message; /* borrowed from what was parsed */
} GrpcFrame;

/* The one message of a unary call: the whole of `bytes` must be it. */
CHECKED bool grpc_frame_parse(Str bytes, GrpcFrame *out, Err *err);
/* The same where the prefix stands apart, and `size` bytes are there behind it. */
CHECKED bool grpc_prefix_parse(const uint8_t prefix[GRPC_PREFIX_SIZE], size_t size,
                               bool *compressed, Err *err);
size_t grpc_prefix_size(const uint8_t prefix[GRPC_PREFIX_SIZE]); /* that it promises */
void grpc_frame_prefix(uint8_t out[GRPC_PREFIX_SIZE], bool compressed, uint32_t size);

/* grpc-timeout: at most 8 digits and one of H M S m u n. */
CHECKED bool grpc_timeout_parse(Str text, int64_t *out_ns);
void grpc_timeout_write(int64_t timeout_ns, Buf *out); /* at least 1n */

/* grpc-message: percent encoding of everything but printable ASCII, and of '%'. */
void grpc_message_encode(Str text, Buf *out);
void grpc_message_decode(Str text, Buf *out); /* broken escapes stay as they are */

/* Base64 as "-bin" fields have it: written without padding, read with or without. */
void base64_encode(Str bytes, Buf *out);
CHECKED bool base64_decode(Str text, Buf *out);

#endif
