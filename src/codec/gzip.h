/* gzip.h - gzip and zlib ("deflate" in HTTP) over zlib, whole bodies at a time.
 *
 * The only file that knows zlib. Both functions append to a Buf whose ceiling bounds the result, so
 * that a bomb costs no more than that ceiling; zlib's own memory comes through base/mem.h.
 */
#ifndef CODEC_GZIP_H
#define CODEC_GZIP_H

#include "base/buf.h"

typedef enum GzipFormat { GZIP_FORMAT, ZLIB_FORMAT } GzipFormat;

CHECKED bool gzip_compress(Str in, GzipFormat format, Buf *out, Err *err);

/* Takes either format, told apart by its first bytes, and several gzip members in a row. ERR_LIMIT
 * at the ceiling; ERR_INPUT for damage, a cut end and anything behind the end. */
CHECKED bool gzip_expand(Str in, Buf *out, Err *err);

#endif
