/* grpc.c - gRPC's framing; see grpc.h.
 *
 *   offset 0  1 byte   1: compressed as grpc-encoding says, 0: plain
 *          1  4 bytes  length of the message, big-endian
 *          5           the message
 */
#include "net/grpc.h"

#include "base/clock.h"

#include <string.h>

size_t grpc_prefix_size(const uint8_t prefix[GRPC_PREFIX_SIZE])
{
    return (size_t)prefix[1] << 24 | (size_t)prefix[2] << 16 | (size_t)prefix[3] << 8 | prefix[4];
}

bool grpc_prefix_parse(const uint8_t prefix[GRPC_PREFIX_SIZE], size_t size, bool *compressed,
                       Err *err)
{
    if (prefix[0] > 1)
        return fail(err, ERR_INPUT, "the gRPC prefix has the unknown flag %u", prefix[0]);
    if (grpc_prefix_size(prefix) != size)
        return fail(err, ERR_INPUT, "the gRPC prefix promises %zu bytes, but %zu came",
                    grpc_prefix_size(prefix), size);
    *compressed = prefix[0] == 1;
    return true;
}

bool grpc_frame_parse(Str bytes, GrpcFrame *out, Err *err)
{
    if (bytes.len < GRPC_PREFIX_SIZE)
        return fail(err, ERR_INPUT, "a gRPC message of %zu bytes has no prefix", bytes.len);
    Str message = str_skip(bytes, GRPC_PREFIX_SIZE);
    bool compressed;
    if (!grpc_prefix_parse((const uint8_t *)bytes.ptr, message.len, &compressed, err))
        return false;
    *out = (GrpcFrame){ .compressed = compressed, .message = message };
    return true;
}

void grpc_frame_prefix(uint8_t out[GRPC_PREFIX_SIZE], bool compressed, uint32_t size)
{
    out[0] = compressed;
    out[1] = (uint8_t)(size >> 24);
    out[2] = (uint8_t)(size >> 16);
    out[3] = (uint8_t)(size >> 8);
    out[4] = (uint8_t)size;
}

/* ---- grpc-timeout ---- */

typedef struct TimeoutUnit {
    char letter;
    int64_t ns;
} TimeoutUnit;

static const TimeoutUnit units[] = {
    { 'n', 1 },
    { 'u', NANOS_PER_MICRO },
    { 'm', NANOS_PER_MILLI },
    { 'S', NANOS_PER_SECOND },
    { 'M', 60 * NANOS_PER_SECOND },
    { 'H', 3600 * NANOS_PER_SECOND },
};

enum { TIMEOUT_DIGITS = 8 };

/* 99999999H does not fit in 63 bits of nanoseconds: it is as good as never. */
bool grpc_timeout_parse(Str text, int64_t *out_ns)
{
    uint64_t value;
    if (text.len < 2 || text.len > TIMEOUT_DIGITS + 1 ||
        !str_to_u64(str_first(text, text.len - 1), &value))
        return false;
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (units[i].letter != text.ptr[text.len - 1])
            continue;
        bool fits = value <= (uint64_t)(INT64_MAX / units[i].ns);
        *out_ns = fits ? (int64_t)value * units[i].ns : INT64_MAX;
        return true;
    }
    return false;
}

void grpc_timeout_write(int64_t timeout_ns, Buf *out)
{
    const int64_t most = 99999999;
    size_t i = 0;
    if (timeout_ns < 1)
        timeout_ns = 1;
    while (i + 1 < COUNT_OF(units) && timeout_ns / units[i].ns > most)
        i++;
    int64_t value = timeout_ns / units[i].ns;
    buf_addf(out, "%lld%c", (long long)(value > most ? most : value), units[i].letter);
}

/* ---- grpc-message ---- */

void grpc_message_encode(Str text, Buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c >= ' ' && c <= '~' && c != '%')
            buf_add_byte(out, (char)c);
        else
            buf_addf(out, "%%%02X", c);
    }
}

void grpc_message_decode(Str text, Buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte;
        if (text.ptr[i] == '%' && str_unhex(str_first(str_skip(text, i + 1), 2), &byte, 1)) {
            buf_add_byte(out, (char)byte);
            i += 2;
        } else {
            buf_add_byte(out, text.ptr[i]);
        }
    }
}
