/* buf.c - owned, bounded bytes; see buf.h. */
#include "base/buf.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

enum { FIRST_CAPACITY = 64 };

static char *refuse(Buf *buf, bool over_max)
{
    buf->failed = true;
    buf->over_max = over_max;
    return NULL;
}

static char *grow_to(Buf *buf, size_t capacity)
{
    char *grown = mem_grow(buf->ptr, capacity);
    if (!grown)
        return refuse(buf, false);
    buf->ptr = grown;
    buf->cap = capacity;
    return buf->ptr + buf->len;
}

char *buf_reserve(Buf *buf, size_t extra)
{
    if (buf->failed)
        return NULL;
    if (extra <= buf->cap - buf->len)
        return buf->ptr + buf->len;
    if (extra > buf->max - buf->len)
        return refuse(buf, true);
    size_t want = buf->cap ? buf->cap : FIRST_CAPACITY;
    while (want - buf->len < extra)
        want = want > buf->max / 2 ? buf->max : want * 2;
    return grow_to(buf, want > buf->max ? buf->max : want);
}

char *buf_reserve_exact(Buf *buf, size_t extra)
{
    if (buf->failed)
        return NULL;
    if (extra <= buf->cap - buf->len)
        return buf->ptr + buf->len;
    if (extra > buf->max - buf->len)
        return refuse(buf, true);
    return grow_to(buf, buf->len + extra);
}

void buf_shrink(Buf *buf)
{
    char *smaller = buf->len > 0 && buf->len < buf->cap / 2 ? mem_grow(buf->ptr, buf->len) : NULL;
    if (!smaller)
        return; /* also when the allocator will not: then it stays as it is */
    buf->ptr = smaller;
    buf->cap = buf->len;
}

void buf_add(Buf *buf, Str s)
{
    char *room = s.len ? buf_reserve(buf, s.len) : NULL;
    if (!room)
        return;
    memcpy(room, s.ptr, s.len);
    buf->len += s.len;
}

void buf_add_byte(Buf *buf, char byte)
{
    char *room = buf_reserve(buf, 1);
    if (!room)
        return;
    *room = byte;
    buf->len++;
}

void buf_addf(Buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_addv(buf, format, args);
    va_end(args);
}

void buf_addv(Buf *buf, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    char line[512];
    int n = vsnprintf(line, sizeof line, format, args);
    if (n >= 0 && (size_t)n < sizeof line) {
        buf_add(buf, (Str){ line, (size_t)n });
    } else if (n >= 0) {
        char *room = buf_reserve(buf, (size_t)n + 1);
        if (room) {
            vsnprintf(room, (size_t)n + 1, format, again);
            buf->len += (size_t)n;
        }
    }
    va_end(again);
}

void buf_add_utf8(Buf *buf, uint32_t code)
{
    static const uint8_t lead[] = { 0, 0xC0, 0xE0, 0xF0 };
    if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
        code = 0xFFFD;
    unsigned tail = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    buf_add_byte(buf, (char)(lead[tail] | code >> (6 * tail)));
    while (tail-- > 0)
        buf_add_byte(buf, (char)(0x80 | (code >> (6 * tail) & 0x3F)));
}

void buf_add_hex(Buf *buf, const void *bytes, size_t count)
{
    char *room = buf_reserve(buf, 2 * count);
    if (!room)
        return;
    hex_write(room, bytes, count);
    buf->len += 2 * count;
}

void buf_drop_front(Buf *buf, size_t count)
{
    if (count >= buf->len) {
        buf->len = 0;
        return;
    }
    memmove(buf->ptr, buf->ptr + count, buf->len - count);
    buf->len -= count;
}

void buf_clear(Buf *buf)
{
    buf->len = 0;
    buf->failed = false;
    buf->over_max = false;
}

void buf_free(Buf *buf)
{
    mem_free(buf->ptr);
    *buf = BUF(buf->max);
}

Str buf_str(const Buf *buf)
{
    return (Str){ buf->ptr, buf->len };
}

bool buf_ok(const Buf *buf, Err *err)
{
    if (!buf->failed)
        return true;
    if (buf->over_max)
        return fail(err, ERR_LIMIT, "larger than the limit of %zu bytes", buf->max);
    return fail(err, ERR_MEMORY, "no memory past %zu bytes", buf->len);
}

const char *buf_text(Buf *buf)
{
    char *room = buf_reserve(buf, 1);
    if (!room)
        return NULL;
    *room = 0;
    return buf->ptr;
}
