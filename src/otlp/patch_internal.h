/* patch_internal.h - replaces pieces of nested length-delimited messages and mends the lengths.
 *
 * A wrap is a message around a change: its length prefix must be written anew. A piece cuts bytes
 * out (perhaps none) and puts others in (perhaps none), inside one wrap or at the top. Applying
 * sums up how much each wrap grows, children before parents, turns every changed prefix into one
 * more piece, sorts the pieces by place and copies the bytes once.
 *
 *     bytes   tag len [ tag len [ ....xxxx.... ] ........ ]
 *     wraps           0         1
 *     piece                          xxxx, in wrap 1
 */
#ifndef OTLP_PATCH_INTERNAL_H
#define OTLP_PATCH_INTERNAL_H

#include "base/arena.h"
#include "base/buf.h"

#define PATCH_TOP UINT32_MAX

typedef struct PatchWrap {
    uint32_t prefix, body, end; /* offsets: length prefix, content, behind it */
    uint32_t parent;            /* an earlier wrap, or PATCH_TOP */
    int64_t grows;
    char bytes[10]; /* the new prefix */
} PatchWrap;

typedef struct PatchPiece {
    uint32_t at, cut, wrap, order;
    Str with;
} PatchPiece;

typedef struct Patch {
    size_t limit;    /* of bytes: for the arena, and again for wraps and pieces */
    const Buf *like; /* who pays for all of it: as for these bytes */
    Arena *arena;    /* for whoever needs a place for `with` */
    PatchWrap *wraps;
    PatchPiece *pieces;
    size_t wrap_count, wrap_cap, piece_count, piece_cap;
} Patch;

CHECKED bool patch_init(Patch *patch, const Buf *like, size_t limit, Err *err);
void patch_done(Patch *patch); /* harmless on a zeroed Patch */

/* Wraps are noted parents first. `wrap` receives the new one's number. */
CHECKED bool patch_wrap(Patch *patch, PatchWrap message, uint32_t *wrap, Err *err);
CHECKED bool patch_piece(Patch *patch, PatchPiece piece, Err *err);

/* Pieces must not overlap; those at one place keep the order in which they were noted. */
CHECKED bool patch_apply(Patch *patch, Str bytes, Buf *out, Err *err);

#endif
