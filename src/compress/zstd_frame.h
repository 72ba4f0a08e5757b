/* zstd_frame.h - zstd (RFC 8878) in one go, by libzstd.
 *
 * A frame is decoded straight into the output, so that libzstd needs no window buffer of its own,
 * whatever the frame asks for. As a content encoding its window is at most 8 MiB all the same (RFC
 * 9659). How large the output becomes is guessed and bounded as compress/piece_internal.h says. Any
 * thread may call; contexts are kept for the next one.
 */
#ifndef COMPRESS_ZSTD_FRAME_H
#define COMPRESS_ZSTD_FRAME_H

#include "base/attributes.h"
#include "base/buf.h"

enum { ZSTD_WINDOW_BYTES_MAX = 8 << 20 };

/* Several frames in a row; skippable ones are skipped. ERR_LIMIT at the ceiling; ERR_INPUT for
 * damage, a cut end, a larger window, and anything behind the end. */
CHECKED bool zstd_expand(Str in, Buf *out, Err *err);
CHECKED bool zstd_compress(Str in, Buf *out, Err *err); /* one frame that knows its size, checked */

void zstd_done(void); /* frees what is kept; while nobody is inside */

#endif
