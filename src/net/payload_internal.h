/* payload_internal.h - bytes that are on their way out: an optional gRPC prefix, then either owned
 * bytes or bytes that live as long as the program.
 */
#ifndef NET_PAYLOAD_INTERNAL_H
#define NET_PAYLOAD_INTERNAL_H

#include "base/buf.h"
#include "base/str.h"
#include "net/grpc.h"

typedef struct Payload {
    uint8_t prefix[GRPC_PREFIX_SIZE];
    size_t prefix_len;
    Buf owned;
    Str borrowed; /* used when owned is empty */
    size_t sent;
} Payload;

size_t payload_size(const Payload *payload); /* of the whole */
size_t payload_left(const Payload *payload);
size_t payload_read(Payload *payload, void *out, size_t size); /* takes; returns how many */
void payload_done(Payload *payload);

#endif
