/* payload_internal.h - bytes that are on their way out: an optional gRPC prefix, then either owned
 * bytes or borrowed ones, which may lie in several places.
 */
#ifndef NET_PAYLOAD_INTERNAL_H
#define NET_PAYLOAD_INTERNAL_H

#include "base/buf.h"
#include "base/str.h"
#include "net/encoding.h"
#include "net/grpc.h"

typedef struct Payload {
    uint8_t prefix[GRPC_PREFIX_SIZE];
    size_t prefix_len;
    Buf owned;
    Str borrowed;      /* used when owned is empty; */
    const Str *pieces; /* likewise, and then instead of borrowed */
    size_t piece_count, pieces_size;
    size_t sent;
    size_t piece, piece_sent; /* how far into the pieces that is */
} Payload;

/* Sends these, one behind the other, compressed if there is an encoding; otherwise the pieces are
 * borrowed until payload_done(). */
CHECKED bool payload_lend(Payload *payload, const Str *pieces, size_t count,
                          const Encoding *encoding, Err *err);
size_t payload_size(const Payload *payload); /* of the whole */
size_t payload_left(const Payload *payload);
size_t payload_read(Payload *payload, void *out, size_t size); /* takes; returns how many */
void payload_rewind(Payload *payload);                         /* to be sent once more */
void payload_done(Payload *payload);

#endif
