/* zstd_frame.c - the only file that knows libzstd; see zstd_frame.h.
 *
 * The contexts' memory comes through base/mem.h. Choosing it, and reading a frame's header, are in
 * the part of the library's interface that its shared object exports but does not promise for ever;
 * both have stood unchanged since 1.3.
 */
#include "compress/zstd_frame.h"

#include "base/mem.h"
#include "base/shelf.h"
#include "compress/piece_internal.h"

#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>
#include <zstd_errors.h>

enum { LEVEL = 1 };

static Shelf compressors, decompressors;

static void *take(void *context, size_t size)
{
    (void)context;
    return mem_grow(NULL, size);
}

static void give(void *context, void *ptr)
{
    (void)context;
    mem_free(ptr);
}

static const ZSTD_customMem memory = { take, give, NULL };

void zstd_done(void)
{
    for (void *kept; (kept = shelf_take(&compressors));)
        ZSTD_freeCCtx(kept);
    for (void *kept; (kept = shelf_take(&decompressors));)
        ZSTD_freeDCtx(kept);
}

/* ---- reading ---- */

static PieceResult decode(void *context, Piece *piece, char *room, size_t size, size_t *made)
{
    *made = ZSTD_decompressDCtx(context, room, size, piece->in.ptr, piece->read);
    if (!ZSTD_isError(*made))
        return PIECE_WHOLE;
    ZSTD_ErrorCode code = ZSTD_getErrorCode(*made);
    if (code == ZSTD_error_memory_allocation)
        return PIECE_NO_MEMORY;
    return code == ZSTD_error_dstSize_tooSmall ? PIECE_WANTS_ROOM : PIECE_DAMAGED;
}

/* Sets where the frame ends and what it may hold at most: its header says so, or else the number of
 * its blocks does. */
static bool measure(Piece *frame, Err *err)
{
    ZSTD_frameHeader header;
    size_t wants = ZSTD_getFrameHeader(&header, frame->in.ptr, frame->in.len);
    if (ZSTD_isError(wants))
        return fail(err, ERR_INPUT, "no zstd frame begins at byte %zu", frame->place);
    if (wants == 0 && header.windowSize > ZSTD_WINDOW_BYTES_MAX)
        return fail(err, ERR_INPUT, "the zstd frame at byte %zu wants a window of more than %d MiB",
                    frame->place, ZSTD_WINDOW_BYTES_MAX >> 20);
    frame->read = ZSTD_findFrameCompressedSize(frame->in.ptr, frame->in.len);
    if (wants > 0 || ZSTD_isError(frame->read))
        return fail(err, ERR_INPUT, "the zstd frame at byte %zu is damaged or cut short",
                    frame->place);
    unsigned long long most = ZSTD_decompressBound(frame->in.ptr, frame->read);
    frame->guess = most < SIZE_MAX ? (size_t)most : SIZE_MAX;
    return true;
}

static bool expand_frames(void *context, Str in, Buf *out, Err *err)
{
    Piece frame = { .in = in, .what = "zstd frame", .decode = decode };
    do {
        if (!measure(&frame, err) || !piece_expand(&frame, context, out, err))
            return false;
        frame.place += frame.read;
        frame.in = str_skip(in, frame.place);
    } while (frame.in.len > 0);
    return true;
}

bool zstd_expand(Str in, Buf *out, Err *err)
{
    void *context = shelf_take(&decompressors);
    if (!context)
        context = ZSTD_createDCtx_advanced(memory);
    if (!context)
        return fail(err, ERR_MEMORY, "no memory to decompress");
    bool ok = expand_frames(context, in, out, err);
    if (!shelf_put(&decompressors, context))
        ZSTD_freeDCtx(context);
    return ok;
}

/* ---- writing ---- */

static ZSTD_CCtx *compressor_get(void)
{
    ZSTD_CCtx *context = shelf_take(&compressors);
    if (context)
        return context;
    context = ZSTD_createCCtx_advanced(memory);
    if (!context ||
        (!ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, LEVEL)) &&
         !ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1))))
        return context;
    ZSTD_freeCCtx(context);
    return NULL;
}

bool zstd_compress(Str in, Buf *out, Err *err)
{
    ZSTD_CCtx *context = compressor_get();
    if (!context)
        return fail(err, ERR_MEMORY, "no memory to compress");
    size_t most = out->max - out->len, bound = ZSTD_compressBound(in.len), size = 0;
    char *room = buf_reserve_exact(out, most && most < bound ? most : bound);
    if (room)
        size = ZSTD_compress2(context, room, out->cap - out->len, in.ptr, in.len);
    if (!ZSTD_isError(size))
        out->len += size;
    else
        out->failed = true; /* for want of memory or of room */
    out->over_max |= ZSTD_getErrorCode(size) == ZSTD_error_dstSize_tooSmall;
    if (!shelf_put(&compressors, context))
        ZSTD_freeCCtx(context);
    buf_shrink(out);
    return buf_ok(out, err);
}
