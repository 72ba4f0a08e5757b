/* fast_gzip.h - gzip (RFC 1952) and zlib (RFC 1950) in one go, by libdeflate: inflating takes well
 * under half of zlib's time, which is why the program prefers it to codec/gzip.h.
 *
 * The price is that the whole output must fit at the first byte: compress/piece_internal.h says how
 * its size is guessed and what bounds it. Any thread may call; contexts are kept for the next one.
 */
#ifndef COMPRESS_FAST_GZIP_H
#define COMPRESS_FAST_GZIP_H

#include "base/attributes.h"
#include "base/buf.h"

/* Takes either format, told apart by the first bytes, and several gzip members in a row. ERR_LIMIT
 * at the ceiling; ERR_INPUT for damage, a cut end and anything behind the end. */
CHECKED bool fast_gzip_expand(Str in, Buf *out, Err *err);
CHECKED bool fast_gzip_compress(Str in, Buf *out, Err *err); /* wants encoding_most() of room */
CHECKED bool fast_zlib_compress(Str in, Buf *out, Err *err);

void fast_gzip_init(void); /* lets its memory come through base/mem.h; from one thread */
void fast_gzip_done(void); /* frees what is kept; while nobody is inside */

#endif
