/* encoding.h - the registered content encodings: gzip and deflate from the start, others added, and
 * these two replaced by faster ones, by cmd.
 *
 * One table serves HTTP's Content-Encoding and gRPC's grpc-encoding; a row says for which of the
 * two it stands, because "snappy" is one format there and another one here. The table is filled
 * before any server or client starts and only read afterwards, from any thread.
 */
#ifndef NET_ENCODING_H
#define NET_ENCODING_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

typedef enum EncodingUse { ENCODING_HTTP = 1, ENCODING_GRPC = 2, ENCODING_BOTH = 3 } EncodingUse;

typedef struct Encoding {
    Str name; /* as it stands on the wire: "gzip" */
    EncodingUse use;
    /* Appends the plain bytes to out; ERR_LIMIT once they would pass out's ceiling, ERR_INPUT for
     * what is damaged or cut short. Takes no memory that the bytes do not justify. */
    bool (*decode)(Str in, Buf *out, Err *err);
    bool (*encode)(Str in, Buf *out, Err *err); /* see encoding_most() */
} Encoding;

enum { ENCODINGS_MAX = 16 };

/* `encoding` must live as long as the program; it takes the place of one of the same name and use.
 * ERR_LIMIT when the table is full. */
CHECKED bool encoding_register(const Encoding *encoding, Err *err);
/* For one use. Case does not count. NULL: unknown. "identity" and "" are not encodings. */
const Encoding *encoding_find(EncodingUse use, Str name);
/* What a setting calls "none", "gzip" ...; *out is NULL for "none".
 * ERR_UNSUPPORTED, with those that there are, when it is not in the table. */
CHECKED bool encoding_choose(EncodingUse use, Str name, const Encoding **out, Err *err);
/* Is it the absence of one: "" or "identity"? */
PURE bool encoding_is_identity(Str name);
/* "gzip, zstd": what we read, for Accept-Encoding and grpc-accept-encoding. */
void encoding_list(EncodingUse use, Buf *out);
/* The ceiling that an output needs so that `encode` never meets it: what cannot shrink grows. */
size_t encoding_most(size_t plain_size);

#endif
