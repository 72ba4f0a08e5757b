/* payload.c - bytes on their way out; see payload_internal.h. */
#include "net/payload_internal.h"

#include <string.h>

static Str body_of(const Payload *payload)
{
    return payload->owned.len ? buf_str(&payload->owned) : payload->borrowed;
}

size_t payload_size(const Payload *payload)
{
    return payload->prefix_len + body_of(payload).len;
}

size_t payload_left(const Payload *payload)
{
    return payload_size(payload) - payload->sent;
}

static size_t copy_some(Payload *payload, Str from, void *out, size_t size)
{
    Str part = str_first(from, size);
    if (part.len > 0)
        memcpy(out, part.ptr, part.len);
    payload->sent += part.len;
    return part.len;
}

size_t payload_read(Payload *payload, void *out, size_t size)
{
    size_t copied = 0;
    if (payload->sent < payload->prefix_len) {
        Str prefix = { (const char *)payload->prefix, payload->prefix_len };
        copied = copy_some(payload, str_skip(prefix, payload->sent), out, size);
    }
    if (payload->sent < payload->prefix_len)
        return copied;
    Str rest = str_skip(body_of(payload), payload->sent - payload->prefix_len);
    return copied + copy_some(payload, rest, (char *)out + copied, size - copied);
}

void payload_done(Payload *payload)
{
    buf_free(&payload->owned);
    *payload = (Payload){ .owned = BUF(0) };
}
