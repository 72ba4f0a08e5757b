/* encoding.h - the registered content encodings: gzip and deflate from the start, others added by
 * cmd.
 *
 * One table serves HTTP's Content-Encoding and gRPC's grpc-encoding. It is filled before any server
 * or client starts and only read afterwards.
 */
#ifndef NET_ENCODING_H
#define NET_ENCODING_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

typedef struct Encoding {
    Str name; /* as it stands on the wire: "gzip" */
    /* Appends the plain bytes to out; ERR_LIMIT once they would pass out's ceiling. */
    bool (*decode)(Str in, Buf *out, Err *err);
    bool (*encode)(Str in, Buf *out, Err *err); /* NULL: we only read it */
} Encoding;

enum { ENCODINGS_MAX = 16 };

/* `encoding` must live as long as the program. ERR_LIMIT when the table is full. */
CHECKED bool encoding_register(const Encoding *encoding, Err *err);
/* Case does not count. NULL: unknown. "identity" and "" are not encodings. */
const Encoding *encoding_find(Str name);
/* Is it the absence of one: "" or "identity"? */
PURE bool encoding_is_identity(Str name);
/* "gzip, zstd": what we read, for Accept-Encoding and grpc-accept-encoding. */
void encoding_list(Buf *out);

#endif
