/* fast_gzip.c - the only file that knows libdeflate; see fast_gzip.h. */
#include "compress/fast_gzip.h"

#include "base/mem.h"
#include "base/shelf.h"
#include "compress/piece_internal.h"

#include <libdeflate.h>

enum {
    /* A sixth of level 6's time. What 6 saves depends on the bodies: 2 % in bench/compress.c, a
     * tenth to a fifth in docs/performance.md. */
    LEVEL = 1,
    GZIP_SMALLEST = 18, /* header and trailer */
};

static Shelf compressors, decompressors;

static void *take(size_t size)
{
    return mem_grow(NULL, size);
}

static struct libdeflate_decompressor *decompressor_get(Err *err)
{
    struct libdeflate_decompressor *kept = shelf_take(&decompressors);
    if (kept)
        return kept;
    kept = libdeflate_alloc_decompressor();
    if (!kept)
        fail(err, ERR_MEMORY, "no memory to decompress");
    return kept;
}

static void decompressor_put(struct libdeflate_decompressor *used)
{
    if (!shelf_put(&decompressors, used))
        libdeflate_free_decompressor(used);
}

static struct libdeflate_compressor *compressor_get(Err *err)
{
    struct libdeflate_compressor *kept = shelf_take(&compressors);
    if (kept)
        return kept;
    kept = libdeflate_alloc_compressor(LEVEL);
    if (!kept)
        fail(err, ERR_MEMORY, "no memory to compress");
    return kept;
}

static void compressor_put(struct libdeflate_compressor *used)
{
    if (!shelf_put(&compressors, used))
        libdeflate_free_compressor(used);
}

void fast_gzip_init(void)
{
    libdeflate_set_memory_allocator(take, mem_free);
}

void fast_gzip_done(void)
{
    for (void *kept; (kept = shelf_take(&compressors));)
        libdeflate_free_compressor(kept);
    for (void *kept; (kept = shelf_take(&decompressors));)
        libdeflate_free_decompressor(kept);
}

/* ---- reading ---- */

static PieceResult result_of(enum libdeflate_result result)
{
    switch (result) {
    case LIBDEFLATE_SUCCESS: return PIECE_WHOLE;
    case LIBDEFLATE_INSUFFICIENT_SPACE: return PIECE_WANTS_ROOM;
    case LIBDEFLATE_BAD_DATA:
    case LIBDEFLATE_SHORT_OUTPUT:
    default: return PIECE_DAMAGED;
    }
}

static PieceResult decode_gzip(void *context, Piece *piece, char *room, size_t size, size_t *made)
{
    return result_of(libdeflate_gzip_decompress_ex(context, piece->in.ptr, piece->in.len, room,
                                                   size, &piece->read, made));
}

static PieceResult decode_zlib(void *context, Piece *piece, char *room, size_t size, size_t *made)
{
    return result_of(libdeflate_zlib_decompress_ex(context, piece->in.ptr, piece->in.len, room,
                                                   size, &piece->read, made));
}

/* The end of the last member says its size, modulo 2^32; of most bodies that is the only member. */
static size_t announced(Str in)
{
    if (in.len < GZIP_SMALLEST)
        return 0;
    const unsigned char *end = (const unsigned char *)in.ptr + in.len - 4;
    return end[0] | (size_t)end[1] << 8 | (size_t)end[2] << 16 | (size_t)end[3] << 24;
}

static bool expand_members(void *context, Str in, Buf *out, Err *err)
{
    Piece piece = { .in = in, .what = "gzip member", .decode = decode_gzip };
    do {
        piece.guess = announced(in);
        if (!piece_expand(&piece, context, out, err))
            return false;
        piece.place += piece.read;
        piece.in = str_skip(in, piece.place);
    } while (piece.in.len > 0);
    return true;
}

static bool expand_zlib(void *context, Str in, Buf *out, Err *err)
{
    enum { USUAL_RATIO = 8 };
    size_t guess = in.len > SIZE_MAX / USUAL_RATIO ? SIZE_MAX : in.len * USUAL_RATIO;
    Piece piece = { .in = in, .guess = guess, .what = "zlib stream", .decode = decode_zlib };
    if (!piece_expand(&piece, context, out, err))
        return false;
    buf_shrink(out);
    return piece.read == in.len ||
           fail(err, ERR_INPUT, "the zlib stream ends at byte %zu of %zu", piece.read, in.len);
}

bool fast_gzip_expand(Str in, Buf *out, Err *err)
{
    struct libdeflate_decompressor *context = decompressor_get(err);
    if (!context)
        return false;
    bool is_gzip = str_starts(in, STR("\x1F\x8B"));
    bool ok = is_gzip ? expand_members(context, in, out, err) : expand_zlib(context, in, out, err);
    decompressor_put(context);
    return ok;
}

/* ---- writing ---- */

typedef size_t Compress(struct libdeflate_compressor *context, const void *in, size_t in_size,
                        void *out, size_t room);

static bool compress_with(Compress *compress, size_t bound, Str in, Buf *out, Err *err)
{
    struct libdeflate_compressor *context = compressor_get(err);
    if (!context)
        return false;
    size_t most = out->max - out->len, size = 0;
    char *room = buf_reserve_exact(out, most && most < bound ? most : bound);
    if (room) {
        size = compress(context, in.ptr, in.len, room, out->cap - out->len);
        out->len += size;
        if (!size)
            out->failed = out->over_max = true;
    }
    compressor_put(context);
    buf_shrink(out);
    return buf_ok(out, err);
}

bool fast_gzip_compress(Str in, Buf *out, Err *err)
{
    size_t bound = libdeflate_gzip_compress_bound(NULL, in.len);
    return compress_with(libdeflate_gzip_compress, bound, in, out, err);
}

bool fast_zlib_compress(Str in, Buf *out, Err *err)
{
    size_t bound = libdeflate_zlib_compress_bound(NULL, in.len);
    return compress_with(libdeflate_zlib_compress, bound, in, out, err);
}
