/* grpc_frame.c - any bytes as what gRPC reads from a peer: a framed message, a status with details,
 * and the texts of its header fields. What is understood must be understood the same when it is
 * written again. */
#include "net/grpc.h"

#include <stdlib.h>
#include <string.h>

enum { OUT_MAX = 16 << 20 };

static void try_frame(Str bytes)
{
    Err err;
    GrpcFrame frame;
    uint8_t prefix[GRPC_PREFIX_SIZE];
    if (!grpc_frame_parse(bytes, &frame, &err))
        return;
    grpc_frame_prefix(prefix, frame.compressed, (uint32_t)frame.message.len);
    if (memcmp(prefix, bytes.ptr, sizeof prefix) != 0)
        abort();
}

static void try_status(Str bytes)
{
    Err err;
    RpcStatus status, again;
    Buf out = BUF(OUT_MAX);
    if (rpc_status_parse(bytes, &status, &err)) {
        rpc_status_encode(&status, &out);
        if (!rpc_status_parse(buf_str(&out), &again, &err) || again.code != status.code ||
            !str_eq(again.message, status.message) || again.has_retry != status.has_retry ||
            again.retry_ms != status.retry_ms)
            abort();
    }
    buf_free(&out);
}

static void try_base64(Str bytes)
{
    Buf text = BUF(OUT_MAX), again = BUF(OUT_MAX), ignored = BUF(OUT_MAX);
    base64_encode(bytes, &text);
    if (!base64_decode(buf_str(&text), &again) || !str_eq(buf_str(&again), bytes))
        abort();
    bool valid = base64_decode(bytes, &ignored);
    if (valid && ignored.len > bytes.len)
        abort();
    buf_free(&text);
    buf_free(&again);
    buf_free(&ignored);
}

static void try_message(Str bytes)
{
    Buf text = BUF(OUT_MAX), again = BUF(OUT_MAX);
    grpc_message_encode(bytes, &text);
    grpc_message_decode(buf_str(&text), &again);
    if (!str_eq(buf_str(&again), bytes))
        abort();
    buf_clear(&again);
    grpc_message_decode(bytes, &again);
    buf_free(&text);
    buf_free(&again);
}

static void try_timeout(Str bytes)
{
    int64_t timeout_ns, again_ns;
    Buf text = BUF(64);
    if (grpc_timeout_parse(bytes, &timeout_ns) && timeout_ns > 0) {
        grpc_timeout_write(timeout_ns, &text); /* rounded down to what fits in eight digits */
        if (!grpc_timeout_parse(buf_str(&text), &again_ns) || again_ns > timeout_ns)
            abort();
    }
    buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Str bytes = { (const char *)data, size };
    try_frame(bytes);
    try_status(bytes);
    try_base64(bytes);
    try_message(bytes);
    try_timeout(bytes);
    return 0;
}
