/* piece_internal.h - what decoders that want all of their output's room at once have in common.
 *
 * libdeflate, and libzstd where it shall work without a window of its own, decode a gzip member or
 * a zstd frame in one go into a buffer that must be large enough. How large, a header says that may
 * lie. So the first try gets what is announced, but no more than PIECE_RATIO times the bytes that
 * came; only when decoding really filled that, a further try gets four times as much, up to the
 * output's ceiling. Telemetry shrinks to a fifth or a twentieth, so there is one try as a rule; all
 * tries before the last together cost at most a third of it.
 */
#ifndef COMPRESS_PIECE_INTERNAL_H
#define COMPRESS_PIECE_INTERNAL_H

#include "base/attributes.h"
#include "base/buf.h"

enum { PIECE_RATIO = 32 };

typedef enum PieceResult {
    PIECE_WHOLE,
    PIECE_WANTS_ROOM,
    PIECE_DAMAGED,
    PIECE_NO_MEMORY
} PieceResult;

typedef struct Piece {
    Str in;       /* begins with the piece, and may go on behind it */
    size_t place; /* of `in` in all the input, for the error */
    size_t guess; /* how many bytes it may make */
    size_t read;  /* afterwards: how many of `in` it was */
    const char *what;
    /* Decodes into `room` bytes; sets piece->read and *made when it returns PIECE_WHOLE. */
    PieceResult (*decode)(void *context, struct Piece *piece, char *room, size_t size,
                          size_t *made);
} Piece;

CHECKED bool piece_expand(Piece *piece, void *context, Buf *out, Err *err);

#endif
