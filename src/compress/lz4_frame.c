/* lz4_frame.c - the only file that knows liblz4; see lz4_frame.h.
 *
 * The frame (lz4_Frame_format.md of the library, version 1.6.2; numbers are little endian):
 *
 *     magic 184D2204 (4), FLG (1), BD (1), content size (8, if FLG 08), dictionary (4, if FLG 01),
 *     second byte of the XXH32 of all that but the magic (1)
 *     blocks: size (4; its highest bit: stored as it is), the bytes, their XXH32 (4, if FLG 10)
 *     end: size 0 (4), the content's XXH32 (4, if FLG 04)
 *
 * FLG's two highest bits are the version, 01; its bit 20 says that no block refers to what came
 * before it. BD has the largest size of a block: 64 KiB, 256 KiB, 1 MiB, 4 MiB.
 */
#include "compress/lz4_frame.h"

#include "compress/piece_internal.h"
#include "compress/xxh32_internal.h"

#include <lz4.h>
#include <lz4frame.h>
#include <string.h>

enum {
    FLAG_VERSION = 0xC0,
    FLAG_VERSION_1 = 0x40,
    FLAG_INDEPENDENT = 0x20,
    FLAG_BLOCK_SUMS = 0x10,
    FLAG_SIZE = 0x08,
    FLAG_CONTENT_SUM = 0x04,
    FLAG_RESERVED = 0x02,
    FLAG_DICTIONARY = 0x01,
    BD_RESERVED = 0x8F,
    BD_SHIFT = 4,
    BD_LEAST = 4, /* 64 KiB; every further one is four times that */
    BD_MOST = 7,
    RATIO_MAX = 255, /* a byte can lengthen a match by so much */
    RATIO_SPARE = 64,
    WINDOW = 65536, /* how far back a match reaches */
};

#define MAGIC           0x184D2204U
#define MAGIC_SKIPPABLE 0x184D2A50U /* to 5F */
#define BLOCK_STORED    0x80000000U

typedef struct Frame {
    Str rest; /* unread */
    size_t total;
    unsigned flags;
    size_t block_max;
    uint64_t content_size; /* with FLAG_SIZE */
    size_t begin;          /* where its content starts in the output */
} Frame;

/* ---- reading ---- */

static bool damaged(const Frame *frame, const char *what, Err *err)
{
    return fail(err, ERR_INPUT, "the lz4 frame %s before byte %zu", what,
                frame->total - frame->rest.len);
}

static bool take(Frame *frame, size_t size, Str *out, Err *err)
{
    if (size > frame->rest.len)
        return fail(err, ERR_INPUT, "the lz4 frame is cut short at byte %zu", frame->total);
    *out = str_first(frame->rest, size);
    frame->rest = str_skip(frame->rest, size);
    return true;
}

static bool take_number(Frame *frame, size_t size, uint64_t *out, Err *err)
{
    Str bytes = { 0 };
    if (!take(frame, size, &bytes, err))
        return false;
    *out = 0;
    for (size_t i = size; i-- > 0;)
        *out = *out << 8 | (unsigned char)bytes.ptr[i];
    return true;
}

/* FLG to the header's checksum. */
static bool read_header(Frame *frame, Err *err)
{
    Str from = frame->rest;
    uint64_t flags, bd, sum, dictionary = 0;
    if (!take_number(frame, 1, &flags, err) || !take_number(frame, 1, &bd, err))
        return false;
    frame->flags = (unsigned)flags;
    unsigned size = (unsigned)bd >> BD_SHIFT;
    if ((flags & FLAG_VERSION) != FLAG_VERSION_1 || (flags & FLAG_RESERVED) || (bd & BD_RESERVED) ||
        size < BD_LEAST || size > BD_MOST)
        return damaged(frame, "has a header of another version or damage", err);
    frame->block_max = (size_t)1 << (8 + 2 * size);
    if ((flags & FLAG_SIZE) && !take_number(frame, 8, &frame->content_size, err))
        return false;
    if ((flags & FLAG_DICTIONARY) && !take_number(frame, 4, &dictionary, err))
        return false;
    Str header = str_first(from, from.len - frame->rest.len);
    if (!take_number(frame, 1, &sum, err))
        return false;
    if (sum != (xxh32(header) >> 8 & 0xFF))
        return damaged(frame, "has a damaged header", err);
    return dictionary == 0 || damaged(frame, "wants a dictionary", err);
}

/* Room for what the header announces, as far as the input justifies it (piece_internal.h). Without
 * a size the output grows block by block. */
static void reserve_announced(const Frame *frame, Buf *out)
{
    uint64_t most = out->max - out->len, justified = (uint64_t)frame->total * PIECE_RATIO;
    uint64_t size = frame->flags & FLAG_SIZE ? frame->content_size : 0;
    size = size < justified ? size : justified;
    size = size < most ? size : most;
    if (size > 0)
        (void)buf_reserve_exact(out, (size_t)size); /* a failure shows with the first block */
}

/* With less room than the block may want: is the ceiling what stopped it? */
static bool stopped_by_ceiling(Str in, const char *history, size_t history_size, char *room,
                               size_t size)
{
    int made = LZ4_decompress_safe_partial_usingDict(in.ptr, room, (int)in.len, (int)size,
                                                     (int)size, history, (int)history_size);
    return made >= 0 && (size_t)made == size;
}

static bool expand_block(const Frame *frame, Str in, Buf *out, Err *err)
{
    size_t most = in.len * RATIO_MAX + RATIO_SPARE, left = out->max - out->len;
    size_t want = most < frame->block_max ? most : frame->block_max;
    size_t size = want < left ? want : left;
    char nothing, *room = out->cap > 0 ? out->ptr + out->len : &nothing;
    if (size > 0 && !(room = buf_reserve(out, size)))
        return buf_ok(out, err);
    size_t past = frame->flags & FLAG_INDEPENDENT ? 0 : out->len - frame->begin;
    past = past < WINDOW ? past : WINDOW;
    int made =
        LZ4_decompress_safe_usingDict(in.ptr, room, (int)in.len, (int)size, room - past, (int)past);
    if (made >= 0) {
        out->len += (size_t)made;
        return true;
    }
    if (size == want || !stopped_by_ceiling(in, room - past, past, room, size))
        return damaged(frame, "has a damaged block", err);
    out->failed = out->over_max = true;
    return buf_ok(out, err);
}

static bool read_block(Frame *frame, uint32_t head, Buf *out, Err *err)
{
    size_t size = head & ~BLOCK_STORED;
    uint64_t sum;
    Str in;
    if (size > frame->block_max)
        return damaged(frame, "has too large a block", err);
    if (!take(frame, size, &in, err))
        return false;
    if ((frame->flags & FLAG_BLOCK_SUMS) && !take_number(frame, 4, &sum, err))
        return false;
    if ((frame->flags & FLAG_BLOCK_SUMS) && sum != xxh32(in))
        return damaged(frame, "has a damaged block", err);
    if (!(head & BLOCK_STORED))
        return expand_block(frame, in, out, err);
    buf_add(out, in);
    return buf_ok(out, err);
}

static bool read_end(Frame *frame, const Buf *out, Err *err)
{
    Str content = str_skip(buf_str(out), frame->begin);
    uint64_t sum;
    if ((frame->flags & FLAG_SIZE) && content.len != frame->content_size)
        return damaged(frame, "is not as long as it says,", err);
    if (!(frame->flags & FLAG_CONTENT_SUM))
        return true;
    if (!take_number(frame, 4, &sum, err))
        return false;
    return sum == xxh32(content) || damaged(frame, "has damaged content", err);
}

static bool read_frame(Frame *frame, Buf *out, Err *err)
{
    frame->begin = out->len;
    if (!read_header(frame, err))
        return false;
    reserve_announced(frame, out);
    for (;;) {
        uint64_t head;
        if (!take_number(frame, 4, &head, err))
            return false;
        if (head == 0)
            return read_end(frame, out, err);
        if (!read_block(frame, (uint32_t)head, out, err))
            return false;
    }
}

static bool skip_frame(Frame *frame, Err *err)
{
    uint64_t size;
    Str skipped;
    return take_number(frame, 4, &size, err) && take(frame, (size_t)size, &skipped, err);
}

bool lz4_expand(Str in, Buf *out, Err *err)
{
    Frame frame = { .rest = in, .total = in.len };
    do {
        uint64_t magic;
        if (!take_number(&frame, 4, &magic, err))
            return false;
        bool ok = (magic & ~0xFULL) == MAGIC_SKIPPABLE ? skip_frame(&frame, err)
                  : magic == MAGIC                     ? read_frame(&frame, out, err)
                                   : damaged(&frame, "has no magic number", err);
        if (!ok)
            return false;
    } while (frame.rest.len > 0);
    return true;
}

/* ---- writing ---- */

bool lz4_compress(Str in, Buf *out, Err *err)
{
    const LZ4F_preferences_t wanted = {
        .frameInfo = { .blockSizeID = LZ4F_max256KB,
                       .blockMode = LZ4F_blockIndependent, /* which every reader can do */
                       .contentChecksumFlag = LZ4F_contentChecksumEnabled,
                       .contentSize = in.len },
        .autoFlush = 1,
    };
    char *room = buf_reserve_exact(out, LZ4F_compressFrameBound(in.len, &wanted));
    if (!room)
        return buf_ok(out, err);
    size_t size = LZ4F_compressFrame(room, out->cap - out->len, in.ptr, in.len, &wanted);
    if (LZ4F_isError(size))
        return fail(err, ERR_MEMORY, "compressing: %s", LZ4F_getErrorName(size));
    out->len += size;
    buf_shrink(out);
    return true;
}
