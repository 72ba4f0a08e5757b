/* snappy_format.h - snappy's two formats: the block, and the framed stream of small blocks.
 *
 * HTTP's "snappy" is a block, "x-snappy-framed" and gRPC's "snappy" are streams. No block can begin
 * as a stream does (its second element would copy from before the beginning), so one function reads
 * both. A block announces its size; more than its bytes can make of themselves (64 from 3) is
 * refused before memory is taken.
 */
#ifndef COMPRESS_SNAPPY_FORMAT_H
#define COMPRESS_SNAPPY_FORMAT_H

#include "base/attributes.h"
#include "base/buf.h"

/* ERR_LIMIT at the ceiling; ERR_INPUT for damage and a cut end. */
CHECKED bool snappy_expand(Str in, Buf *out, Err *err);
CHECKED bool snappy_block_compress(Str in, Buf *out, Err *err); /* wants encoding_most() of room */
CHECKED bool snappy_stream_compress(Str in, Buf *out, Err *err);

#endif
