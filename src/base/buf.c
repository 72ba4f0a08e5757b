/* buf.c - owned, bounded bytes; see buf.h. */
#include "base/buf.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

enum { FIRST_CAPACITY = 64 };

static char *refuse(Buf *buf, bool *why)
{
    buf->failed = true;
    if (why)
        *why = true;
    return NULL;
}

static size_t doubled(const Buf *buf, size_t extra)
{
    size_t want = buf->cap ? buf->cap : FIRST_CAPACITY;
    while (want - buf->len < extra)
        want = want > buf->max / 2 ? buf->max : want * 2;
    return want < buf->max ? want : buf->max;
}

static bool pay(const Buf *buf, size_t size)
{
    return purse_pay(buf->purse, buf->forced, size);
}

/* Not `want` but what is needed is enough where the budget has no room for more. */
static char *grow(Buf *buf, size_t need, size_t want)
{
    if (!pay(buf, want - buf->cap)) {
        want = need;
        if (!pay(buf, want - buf->cap))
            return refuse(buf, &buf->over_budget);
    }
    char *grown = mem_grow(buf->ptr, want);
    if (!grown) {
        purse_give(buf->purse, want - buf->cap);
        return refuse(buf, NULL);
    }
    buf->ptr = grown;
    buf->cap = want;
    return buf->ptr + buf->len;
}

static char *reserve(Buf *buf, size_t extra, bool exact)
{
    if (buf->failed)
        return NULL;
    if (extra <= buf->cap - buf->len)
        return buf->ptr + buf->len;
    if (extra > buf->max - buf->len)
        return refuse(buf, &buf->over_max);
    size_t need = buf->len + extra;
    return grow(buf, need, exact ? need : doubled(buf, extra));
}

char *buf_reserve(Buf *buf, size_t extra)
{
    return reserve(buf, extra, false);
}

char *buf_reserve_exact(Buf *buf, size_t extra)
{
    return reserve(buf, extra, true);
}

void buf_shrink(Buf *buf)
{
    char *smaller = buf->len > 0 && buf->len < buf->cap / 2 ? mem_grow(buf->ptr, buf->len) : NULL;
    if (!smaller && buf->len > 0)
        return; /* also when the allocator will not: then it stays as it is */
    if (!buf->len)
        mem_free(buf->ptr);
    purse_give(buf->purse, buf->cap - buf->len);
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
    buf->failed = buf->over_max = buf->over_budget = false;
}

void buf_free(Buf *buf)
{
    mem_free(buf->ptr);
    purse_give(buf->purse, buf->cap);
    *buf = (Buf){ .max = buf->max, .purse = buf->purse, .forced = buf->forced };
}

bool buf_charge(Buf *buf, Purse *purse)
{
    bool counted = buf->purse && purse && buf->purse->budget == purse->budget;
    if (!counted && !purse_take(purse, buf->cap))
        return false;
    if (counted)
        purse_move(buf->purse, purse, buf->cap);
    else
        purse_give(buf->purse, buf->cap);
    buf->purse = purse;
    return true;
}

void buf_charge_forced(Buf *buf, Purse *purse)
{
    purse_force(purse, buf->cap);
    purse_give(buf->purse, buf->cap);
    buf->purse = purse;
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
    if (buf->over_budget)
        return budget_short(err, "more than a text", buf->len);
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
