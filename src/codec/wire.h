/* wire.h - protobuf's wire format: fields read from borrowed bytes, fields written into a Buf.
 *
 * Reading: a WireReader walks the fields of one message and never leaves its bytes. A field that
 * the caller does not know costs nothing: ignore it and ask for the next. Groups, which nobody
 * sends any more, are handed over whole when they are balanced and no deeper than
 * WIRE_GROUP_DEPTH; nothing here recurses. Refused: a tag with field number 0, a varint longer than
 * ten bytes or than 64 bits, a length beyond the end, an unbalanced group.
 *
 * Writing: lengths are written as short as possible. A nested message is opened with room for
 * the length of a short one, or of the size that is guessed; when it turns out otherwise its
 * content moves as it is closed: one pass, and the bytes are those of any other encoder. Whoever
 * knows the size beforehand writes wire_add_head() and the content. Failure is the Buf's: ask
 * buf_ok() once at the end.
 */
#ifndef CODEC_WIRE_H
#define CODEC_WIRE_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/str.h"

#include <string.h>

typedef enum WireKind {
    WIRE_VARINT = 0,
    WIRE_I64 = 1,
    WIRE_LEN = 2,
    WIRE_GROUP = 3,
    WIRE_GROUP_END = 4, /* never handed out by wire_next */
    WIRE_I32 = 5
} WireKind;

enum { WIRE_GROUP_DEPTH = 100, WIRE_VARINT_MAX = 10, WIRE_NUMBER_MAX = (1 << 29) - 1 };

typedef struct WireReader {
    const char *at, *end;
    bool bad; /* sticky: what follows is malformed */
} WireReader;

typedef struct WireField {
    uint32_t number;
    WireKind kind;
    uint64_t value;    /* VARINT, I64, I32 */
    Str bytes;         /* LEN: the content; GROUP: what is between its tags */
    const char *start; /* where its tag begins; it ends where the reader now stands */
} WireField;

static inline WireReader wire_reader(Str message)
{
    const char *end = message.len ? message.ptr + message.len : message.ptr;
    return (WireReader){ .at = message.ptr, .end = end };
}

/* The next field. False at the end, and at malformed bytes (reader->bad says which). */
bool wire_next(WireReader *reader, WireField *field);

bool wire_read_long_varint(WireReader *reader, uint64_t *out);

/* One varint, as packed fields hold them. */
static inline bool wire_read_varint(WireReader *reader, uint64_t *out)
{
    if (UNLIKELY(reader->at >= reader->end || (uint8_t)*reader->at >= 0x80))
        return wire_read_long_varint(reader, out);
    *out = (uint8_t)*reader->at++;
    return true;
}

static inline int64_t wire_unzigzag(uint64_t value)
{
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}
static inline uint64_t wire_zigzag(int64_t value)
{
    return ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
}
static inline double wire_double(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
static inline uint64_t wire_double_bits(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Little endian on the wire, whatever this machine is. */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define WIRE_ORDER_U64(value) __builtin_bswap64(value)
#define WIRE_ORDER_U32(value) __builtin_bswap32(value)
#else
#define WIRE_ORDER_U64(value) (value)
#define WIRE_ORDER_U32(value) (value)
#endif
static inline uint64_t wire_load_u64(const char *ptr) /* any alignment */
{
    uint64_t value;
    memcpy(&value, ptr, sizeof value);
    return WIRE_ORDER_U64(value);
}
static inline uint32_t wire_load_u32(const char *ptr)
{
    uint32_t value;
    memcpy(&value, ptr, sizeof value);
    return WIRE_ORDER_U32(value);
}

/* What a varint takes: 1 to 10 bytes. */
static inline size_t wire_varint_size(uint64_t value)
{
    return (size_t)(70 - __builtin_clzll(value | 1)) / 7;
}
/* Size of a length-delimited field: tag, length, content. */
static inline size_t wire_len_size(uint32_t number, size_t content)
{
    return wire_varint_size((uint64_t)number << 3) + wire_varint_size(content) + content;
}

/* Writes at `out`, which has room; returns the end of what was written. */
static inline char *wire_put_varint(char *out, uint64_t value)
{
    while (value >= 0x80) {
        *out++ = (char)(value | 0x80);
        value >>= 7;
    }
    *out++ = (char)value;
    return out;
}
static inline char *wire_put_tag(char *out, uint32_t number, WireKind kind)
{
    return wire_put_varint(out, (uint64_t)number << 3 | (uint64_t)kind);
}
static inline char *wire_put_u64(char *out, uint64_t value)
{
    value = WIRE_ORDER_U64(value);
    memcpy(out, &value, sizeof value);
    return out + sizeof value;
}
static inline char *wire_put_u32(char *out, uint32_t value)
{
    value = WIRE_ORDER_U32(value);
    memcpy(out, &value, sizeof value);
    return out + sizeof value;
}

/* One field each, written even when it holds the default: proto3's rule is the caller's. */
void wire_add_varint(Buf *out, uint32_t number, uint64_t value);
void wire_add_sint(Buf *out, uint32_t number, int64_t value); /* zigzag */
void wire_add_fixed64(Buf *out, uint32_t number, uint64_t value);
void wire_add_fixed32(Buf *out, uint32_t number, uint32_t value);
void wire_add_double(Buf *out, uint32_t number, double value);
void wire_add_bytes(Buf *out, uint32_t number, Str bytes);
void wire_add_head(Buf *out, uint32_t number, size_t content); /* tag and length only */

/* Packed repeated fields; nothing is written for count 0. */
void wire_add_packed_varint(Buf *out, uint32_t number, const uint64_t *values, size_t count);
void wire_add_packed_fixed64(Buf *out, uint32_t number, const uint64_t *values, size_t count);
void wire_add_packed_double(Buf *out, uint32_t number, const double *values, size_t count);

/* Everything added between the two is the content of the message field `number`. */
size_t wire_open(Buf *out, uint32_t number);
/* The same, when about so many bytes are expected: nothing moves if the guess has the right size.
 */
size_t wire_open_about(Buf *out, uint32_t number, size_t content);
void wire_close(Buf *out, size_t opened);

#endif
