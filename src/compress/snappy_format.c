/* snappy_format.c - the only file that knows libsnappy; see snappy_format.h.
 *
 * The stream (framing_format.txt of the library) is chunks: a byte of type, three of length, little
 * endian, then so many bytes:
 *
 *     FF        "sNaPpY"; must be the first, and may come again
 *     00        masked CRC-32C of the plain bytes (4), then a block that makes at most 64 KiB
 *     01        the same checksum, then plain bytes, at most 64 KiB
 *     80 .. FE  to be skipped
 *     02 .. 7F  not to be skipped: refused
 *
 * Reading takes no memory but the output's. Compressing does inside libsnappy, which is C++ and
 * ends the program when it cannot have its 200 KiB; the C interface offers no other way.
 */
#include "compress/snappy_format.h"

#include "base/crc32c.h"

#include <snappy-c.h>
#include <string.h>

enum {
    RATIO_MAX = 22, /* 64 bytes from a copy of 3 */
    HEAD_SIZE = 4,
    CRC_SIZE = 4,
    PLAIN_MAX = 65536, /* in a chunk */
    TYPE_COMPRESSED = 0x00,
    TYPE_PLAIN = 0x01,
    TYPE_SKIPPABLE = 0x80,
    TYPE_BEGIN = 0xFF,
};

static const Str beginning = STR_ROW("\xFF\x06\x00\x00sNaPpY");

static uint32_t masked_crc(Str plain)
{
    uint32_t crc = crc32c(0, plain.ptr, plain.len);
    return ((crc >> 15) | (crc << 17)) + 0xA282EAD8;
}

/* ---- reading ---- */

typedef struct Block {
    Str in;
    size_t place; /* in all the input */
    size_t size;  /* of what it makes */
} Block;

static bool read_size(Block *block, Err *err)
{
    if (snappy_uncompressed_length(block->in.ptr, block->in.len, &block->size) != SNAPPY_OK)
        return fail(err, ERR_INPUT, "the snappy block at byte %zu does not say its size",
                    block->place);
    return block->size / RATIO_MAX <= block->in.len ||
           fail(err, ERR_INPUT, "the snappy block at byte %zu cannot hold the %zu bytes it says",
                block->place, block->size);
}

/* Behind what is in `out`, where room for it is reserved. */
static bool expand_block(const Block *block, Buf *out, Err *err)
{
    char nothing, *room = out->cap > 0 ? out->ptr + out->len : &nothing;
    size_t size = block->size;
    if (!buf_ok(out, err))
        return false;
    if (snappy_uncompress(block->in.ptr, block->in.len, room, &size) != SNAPPY_OK)
        return fail(err, ERR_INPUT, "the snappy block at byte %zu is damaged or cut short",
                    block->place);
    out->len += size;
    return true;
}

static bool expand_whole(Str in, Buf *out, Err *err)
{
    Block block = { .in = in };
    if (!read_size(&block, err))
        return false;
    if (block.size > 0)
        (void)buf_reserve_exact(out, block.size);
    return expand_block(&block, out, err);
}

static uint32_t little_endian(const char *bytes, size_t count)
{
    uint32_t value = 0;
    for (size_t i = count; i-- > 0;)
        value = value << 8 | (unsigned char)bytes[i];
    return value;
}

static bool expand_small(Str in, size_t place, Buf *out, Err *err)
{
    Block block = { .in = in, .place = place };
    if (!read_size(&block, err))
        return false;
    if (block.size > PLAIN_MAX)
        return fail(err, ERR_INPUT, "the snappy chunk at byte %zu has a wrong length", place);
    if (block.size > 0)
        (void)buf_reserve(out, block.size);
    return expand_block(&block, out, err);
}

/* A chunk of data, without its head. */
static bool expand_data(unsigned type, Str in, size_t place, Buf *out, Err *err)
{
    size_t before = out->len;
    Str data = str_skip(in, CRC_SIZE);
    if (in.len < CRC_SIZE || (type == TYPE_PLAIN && data.len > PLAIN_MAX))
        return fail(err, ERR_INPUT, "the snappy chunk at byte %zu has a wrong length", place);
    if (type == TYPE_PLAIN)
        buf_add(out, data);
    else if (!expand_small(data, place, out, err))
        return false;
    if (!buf_ok(out, err))
        return false;
    Str plain = str_skip(buf_str(out), before);
    return masked_crc(plain) == little_endian(in.ptr, CRC_SIZE) ||
           fail(err, ERR_INPUT, "the snappy chunk at byte %zu is damaged", place);
}

static bool expand_chunk(unsigned type, Str in, size_t place, Buf *out, Err *err)
{
    if (type == TYPE_COMPRESSED || type == TYPE_PLAIN)
        return expand_data(type, in, place, out, err);
    if (type == TYPE_BEGIN && !str_eq(in, str_skip(beginning, HEAD_SIZE)))
        return fail(err, ERR_INPUT, "the snappy chunk at byte %zu is damaged", place);
    return type >= TYPE_SKIPPABLE ||
           fail(err, ERR_INPUT, "the snappy chunk at byte %zu is of unknown type %u", place, type);
}

static bool expand_stream(Str in, Buf *out, Err *err)
{
    for (size_t place = 0; place < in.len;) {
        Str rest = str_skip(in, place);
        size_t size = rest.len < HEAD_SIZE ? 0 : little_endian(rest.ptr + 1, 3);
        if (rest.len < HEAD_SIZE + size)
            return fail(err, ERR_INPUT, "the snappy chunk at byte %zu is cut short", place);
        Str data = str_first(str_skip(rest, HEAD_SIZE), size);
        if (!expand_chunk((unsigned char)*rest.ptr, data, place, out, err))
            return false;
        place += HEAD_SIZE + size;
    }
    return true;
}

bool snappy_expand(Str in, Buf *out, Err *err)
{
    return str_starts(in, beginning) ? expand_stream(in, out, err) : expand_whole(in, out, err);
}

/* ---- writing ---- */

/* Appends a block; false: no room, which `out` says. */
static bool add_block(Str in, Buf *out)
{
    size_t size = snappy_max_compressed_length(in.len);
    char *room = buf_reserve(out, size);
    if (!room)
        return false;
    snappy_compress(in.ptr, in.len, room, &size); /* fails only without the room it asked for */
    out->len += size;
    return true;
}

bool snappy_block_compress(Str in, Buf *out, Err *err)
{
    (void)buf_reserve_exact(out, snappy_max_compressed_length(in.len));
    (void)add_block(in, out);
    buf_shrink(out);
    return buf_ok(out, err);
}

static void put_little_endian(char *to, uint32_t value, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] = (char)(value >> (8 * i));
}

/* What does not shrink by an eighth goes as it is, as the format suggests. */
static void add_chunk(Str plain, Buf *out)
{
    size_t head = out->len;
    char space[HEAD_SIZE + CRC_SIZE] = { 0 };
    buf_add(out, (Str){ space, sizeof space });
    size_t data = out->len;
    if (!add_block(plain, out))
        return;
    bool pays = out->len - data < plain.len - plain.len / 8;
    if (!pays) {
        out->len = data;
        buf_add(out, plain);
    }
    out->ptr[head] = pays ? TYPE_COMPRESSED : TYPE_PLAIN;
    put_little_endian(out->ptr + head + 1, (uint32_t)(out->len - head - HEAD_SIZE), 3);
    put_little_endian(out->ptr + head + HEAD_SIZE, masked_crc(plain), CRC_SIZE);
}

bool snappy_stream_compress(Str in, Buf *out, Err *err)
{
    buf_add(out, beginning);
    for (; in.len > 0 && !out->failed; in = str_skip(in, PLAIN_MAX))
        add_chunk(str_first(in, PLAIN_MAX), out);
    return buf_ok(out, err);
}
