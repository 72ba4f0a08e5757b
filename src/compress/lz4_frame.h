/* lz4_frame.h - the LZ4 frame format; blocks by liblz4, the frame around them is read here.
 *
 * liblz4's own reader of frames takes memory for the largest block at the sight of a header. This
 * one decodes into the output, a block at a time, and takes for it what so many bytes can make of
 * themselves (255 from 1) and a block may hold (4 MiB), whichever is less.
 */
#ifndef COMPRESS_LZ4_FRAME_H
#define COMPRESS_LZ4_FRAME_H

#include "base/attributes.h"
#include "base/buf.h"

/* Several frames in a row; skippable ones are skipped. ERR_LIMIT at the ceiling; ERR_INPUT for
 * damage, a cut end, a dictionary, a wrong size, and anything behind the end. */
CHECKED bool lz4_expand(Str in, Buf *out, Err *err);
/* One frame that knows its size and is checked; wants encoding_most() of room. */
CHECKED bool lz4_compress(Str in, Buf *out, Err *err);

#endif
