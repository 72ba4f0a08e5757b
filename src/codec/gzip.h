/* gzip.h - gzip and zlib ("deflate" in HTTP) over zlib, whole bodies at a time, or written in
 * pieces.
 *
 * The only file that knows zlib. All functions append to a Buf whose ceiling bounds the result, so
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

/* One gzip member in pieces, for what is too large to be compressed in one go on a loop. */
typedef struct GzipWriter GzipWriter;
CHECKED GzipWriter *gzip_writer_new(Err *err);
CHECKED bool gzip_writer_add(GzipWriter *writer, Str in, Buf *out, Err *err);
CHECKED bool gzip_writer_end(GzipWriter *writer, Buf *out, Err *err);
void gzip_writer_free(GzipWriter *writer); /* NULL is fine */

#endif
