/* wire.c - protobuf's wire format; see wire.h. */
#include "codec/wire.h"

static inline bool spoil(WireReader *reader)
{
    reader->bad = true;
    reader->at = reader->end;
    return false;
}

static size_t left(const WireReader *reader)
{
    return (size_t)(reader->end - reader->at);
}

bool wire_read_long_varint(WireReader *reader, uint64_t *out)
{
    uint64_t value = 0;
    for (unsigned shift = 0; reader->at < reader->end && shift < 64; shift += 7) {
        uint8_t byte = (uint8_t)*reader->at++;
        if (shift == 63 && byte > 1)
            break; /* beyond 64 bits */
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            *out = value;
            return true;
        }
    }
    return spoil(reader);
}

static inline bool read_tag(WireReader *reader, uint32_t *number, uint32_t *kind)
{
    uint64_t tag;
    if (!wire_read_varint(reader, &tag))
        return false;
    if (tag > UINT32_MAX || tag >> 3 == 0)
        return spoil(reader);
    *number = (uint32_t)(tag >> 3);
    *kind = (uint32_t)(tag & 7);
    return true;
}

static inline bool read_fixed(WireReader *reader, size_t size, uint64_t *out)
{
    if (left(reader) < size)
        return spoil(reader);
    *out = size == 8 ? wire_load_u64(reader->at) : wire_load_u32(reader->at);
    reader->at += size;
    return true;
}

static inline bool read_len(WireReader *reader, Str *out)
{
    uint64_t len;
    if (!wire_read_varint(reader, &len))
        return false;
    if (len > left(reader))
        return spoil(reader);
    *out = (Str){ reader->at, (size_t)len };
    reader->at += len;
    return true;
}

/* Walks to the end tag that closes `number`, remembering the groups opened on the way. */
static COLD bool read_group(WireReader *reader, uint32_t number, Str *out)
{
    uint32_t open[WIRE_GROUP_DEPTH], kind, depth = 0;
    const char *start = reader->at;
    open[depth++] = number;
    while (depth) {
        const char *tag = reader->at;
        uint64_t value;
        Str bytes;
        bool ok = read_tag(reader, &number, &kind);
        if (!ok)
            return false;
        if (kind == WIRE_GROUP_END) {
            ok = open[--depth] == number;
            *out = (Str){ start, (size_t)(tag - start) };
        } else if (kind == WIRE_GROUP) {
            ok = depth < WIRE_GROUP_DEPTH;
            if (ok)
                open[depth++] = number;
        } else if (kind == WIRE_LEN) {
            ok = read_len(reader, &bytes);
        } else if (kind == WIRE_VARINT) {
            ok = wire_read_varint(reader, &value);
        } else {
            ok = kind <= WIRE_I32 && read_fixed(reader, kind == WIRE_I64 ? 8 : 4, &value);
        }
        if (!ok)
            return spoil(reader);
    }
    return true;
}

bool wire_next(WireReader *reader, WireField *field)
{
    if (reader->at == reader->end)
        return false;
    uint32_t kind;
    field->start = reader->at;
    if (!read_tag(reader, &field->number, &kind))
        return false;
    field->kind = (WireKind)kind;
    switch (kind) {
    case WIRE_VARINT: return wire_read_varint(reader, &field->value);
    case WIRE_LEN: return read_len(reader, &field->bytes);
    case WIRE_I64: return read_fixed(reader, 8, &field->value);
    case WIRE_I32: return read_fixed(reader, 4, &field->value);
    case WIRE_GROUP: return read_group(reader, field->number, &field->bytes);
    default: return spoil(reader);
    }
}

enum { HEAD_MAX = 2 * WIRE_VARINT_MAX };

static void wrote(Buf *out, const char *end)
{
    out->len = (size_t)(end - out->ptr);
}

void wire_add_varint(Buf *out, uint32_t number, uint64_t value)
{
    char *at = buf_reserve(out, HEAD_MAX);
    if (at)
        wrote(out, wire_put_varint(wire_put_tag(at, number, WIRE_VARINT), value));
}

void wire_add_sint(Buf *out, uint32_t number, int64_t value)
{
    wire_add_varint(out, number, wire_zigzag(value));
}

void wire_add_fixed64(Buf *out, uint32_t number, uint64_t value)
{
    char *at = buf_reserve(out, WIRE_VARINT_MAX + sizeof value);
    if (at)
        wrote(out, wire_put_u64(wire_put_tag(at, number, WIRE_I64), value));
}

void wire_add_fixed32(Buf *out, uint32_t number, uint32_t value)
{
    char *at = buf_reserve(out, WIRE_VARINT_MAX + sizeof value);
    if (at)
        wrote(out, wire_put_u32(wire_put_tag(at, number, WIRE_I32), value));
}

void wire_add_double(Buf *out, uint32_t number, double value)
{
    wire_add_fixed64(out, number, wire_double_bits(value));
}

void wire_add_head(Buf *out, uint32_t number, size_t content)
{
    char *at = buf_reserve(out, HEAD_MAX);
    if (at)
        wrote(out, wire_put_varint(wire_put_tag(at, number, WIRE_LEN), content));
}

void wire_add_bytes(Buf *out, uint32_t number, Str bytes)
{
    wire_add_head(out, number, bytes.len);
    buf_add(out, bytes);
}

void wire_add_packed_varint(Buf *out, uint32_t number, const uint64_t *values, size_t count)
{
    size_t content = 0;
    for (size_t i = 0; i < count; i++)
        content += wire_varint_size(values[i]);
    if (!count)
        return;
    wire_add_head(out, number, content);
    char *at = buf_reserve(out, content);
    if (!at)
        return;
    for (size_t i = 0; i < count; i++)
        at = wire_put_varint(at, values[i]);
    wrote(out, at);
}

void wire_add_packed_fixed64(Buf *out, uint32_t number, const uint64_t *values, size_t count)
{
    if (!count)
        return;
    wire_add_head(out, number, count * sizeof *values);
    char *at = buf_reserve(out, count * sizeof *values);
    if (!at)
        return;
    for (size_t i = 0; i < count; i++)
        at = wire_put_u64(at, values[i]);
    wrote(out, at);
}

void wire_add_packed_double(Buf *out, uint32_t number, const double *values, size_t count)
{
    if (!count)
        return;
    wire_add_head(out, number, count * sizeof *values);
    char *at = buf_reserve(out, count * sizeof *values);
    if (!at)
        return;
    for (size_t i = 0; i < count; i++)
        at = wire_put_u64(at, wire_double_bits(values[i]));
    wrote(out, at);
}

size_t wire_open(Buf *out, uint32_t number)
{
    return wire_open_about(out, number, 0);
}

/* Until it is closed, the length is a zero of as many bytes as are set aside: 0x80 ... 0x00. */
size_t wire_open_about(Buf *out, uint32_t number, size_t content)
{
    char *at = buf_reserve(out, HEAD_MAX);
    if (!at)
        return out->len;
    at = wire_put_tag(at, number, WIRE_LEN);
    for (size_t width = wire_varint_size(content); width > 1; width--)
        *at++ = (char)0x80;
    *at++ = 0;
    wrote(out, at);
    return out->len;
}

/* How many bytes are set aside in front of `opened`; the tag before them ends below 0x80. */
static size_t width_before(const Buf *out, size_t opened)
{
    size_t width = 1;
    while ((uint8_t)out->ptr[opened - width - 1] == 0x80)
        width++;
    return width;
}

void wire_close(Buf *out, size_t opened)
{
    if (out->failed)
        return;
    size_t content = out->len - opened, width = width_before(out, opened);
    size_t needed = wire_varint_size(content);
    if (needed > width && !buf_reserve(out, needed - width))
        return;
    if (needed != width)
        memmove(out->ptr + opened - width + needed, out->ptr + opened, content);
    out->len = out->len - width + needed;
    wire_put_varint(out->ptr + opened - width, content);
}
