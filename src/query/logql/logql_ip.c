/* logql_ip.c - see logql_ip_internal.h. */
#include "query/logql/logql_ip_internal.h"

#include <string.h>

enum { V4_AT = 12 }; /* where the four bytes stand in ::ffff:0:0/96 */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    char lower = (char)(c | 0x20);
    return is_digit(c) || (lower >= 'a' && lower <= 'f');
}

static void clear_v4(uint8_t out[16])
{
    memset(out, 0, V4_AT);
    out[10] = out[11] = 0xFF;
}

/* Four numbers at the front; how long, 0: none. */
static size_t read_v4(Str text, uint8_t out[4])
{
    size_t at = 0;
    for (int part = 0; part < 4; part++) {
        unsigned value = 0;
        size_t start = at;
        if (part > 0 && (at >= text.len || text.ptr[at++] != '.'))
            return 0;
        start = at;
        while (at < text.len && at - start < 3 && is_digit(text.ptr[at]))
            value = value * 10 + (unsigned)(text.ptr[at++] - '0');
        if (at == start || value > 255)
            return 0;
        out[part] = (uint8_t)value;
    }
    return at < text.len && is_digit(text.ptr[at]) ? 0 : at;
}

static bool read_group(Str *text, unsigned *out)
{
    size_t len = 0;
    *out = 0;
    for (; len < text->len && len < 5 && is_hex(text->ptr[len]); len++) {
        char c = text->ptr[len];
        *out = *out * 16 + (unsigned)(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    *text = str_skip(*text, len);
    return len > 0 && len < 5;
}

/* The whole text as version 6: groups, at most one "::", perhaps a version 4 at the end. */
static bool read_v6(Str text, uint8_t out[16])
{
    size_t count = 0, gap = SIZE_MAX; /* bytes so far; where "::" stood */
    memset(out, 0, 16);
    if (str_starts(text, STR("::")))
        gap = 0, text = str_skip(text, 2);
    while (text.len) {
        unsigned value;
        if (count <= V4_AT && read_v4(text, out + count) == text.len) {
            count += 4;
            break;
        }
        if (count >= 16 || !read_group(&text, &value))
            return false;
        out[count++] = (uint8_t)(value >> 8);
        out[count++] = (uint8_t)value;
        if (text.len == 0)
            break;
        if (str_starts(text, STR("::")) && gap == SIZE_MAX)
            gap = count, text = str_skip(text, 2);
        else if (text.len > 1 && text.ptr[0] == ':')
            text = str_skip(text, 1);
        else
            return false;
    }
    if (gap == SIZE_MAX)
        return count == 16;
    if (count >= 16)
        return false;
    memmove(out + 16 - (count - gap), out + gap, count - gap);
    memset(out + gap, 0, 16 - count);
    return true;
}

static bool read_address(Str text, uint8_t out[16])
{
    clear_v4(out);
    return (text.len && read_v4(text, out + V4_AT) == text.len) ||
           (memchr(text.ptr, ':', text.len) && read_v6(text, out));
}

static bool read_cidr(Str address, Str bits, LogqlIp *out)
{
    uint64_t count;
    if (!read_address(address, out->low) || !str_to_u64(bits, &count))
        return false;
    bool v4 = !memchr(address.ptr, ':', address.len);
    if (count > (v4 ? 32U : 128U))
        return false;
    count += v4 ? 96 : 0;
    memcpy(out->high, out->low, 16);
    for (size_t bit = count; bit < 128; bit++) {
        uint8_t mask = (uint8_t)(0x80 >> bit % 8);
        out->low[bit / 8] &= (uint8_t)~mask;
        out->high[bit / 8] |= mask;
    }
    return true;
}

bool logql_ip_parse(Str text, LogqlIp *out)
{
    if (text.len == 0)
        return false;
    const char *slash = memchr(text.ptr, '/', text.len), *dash = memchr(text.ptr, '-', text.len);
    const char *cut = slash ? slash : dash;
    size_t first = cut ? (size_t)(cut - text.ptr) : text.len;
    if (slash)
        return read_cidr(str_first(text, first), str_skip(text, first + 1), out);
    if (dash)
        return first > 0 && read_address(str_first(text, first), out->low) &&
               first + 1 < text.len && read_address(str_skip(text, first + 1), out->high) &&
               memcmp(out->low, out->high, 16) <= 0;
    if (!read_address(text, out->low))
        return false;
    memcpy(out->high, out->low, 16);
    return true;
}

static bool inside(const LogqlIp *ip, const uint8_t address[16])
{
    return memcmp(ip->low, address, 16) <= 0 && memcmp(address, ip->high, 16) <= 0;
}

/* A run of letters that addresses are written with. Version 4 may stand anywhere in it ("a10.0.0.1"
 * in a word, "10.0.0.1:80" with a port). */
static bool in_run(const LogqlIp *ip, Str run)
{
    uint8_t address[16];
    if (run.len > 64)
        run.len = 64;
    if (memchr(run.ptr, ':', run.len) && read_v6(run, address) && inside(ip, address))
        return true;
    clear_v4(address);
    for (size_t at = 0; at < run.len; at++) {
        if (!is_digit(run.ptr[at]) || (at > 0 && is_digit(run.ptr[at - 1])))
            continue;
        size_t len = read_v4(str_skip(run, at), address + V4_AT);
        if (len && inside(ip, address))
            return true;
    }
    return false;
}

bool logql_ip_in(const LogqlIp *ip, Str text)
{
    for (size_t at = 0; at < text.len;) {
        size_t end = at;
        while (end < text.len &&
               (is_hex(text.ptr[end]) || text.ptr[end] == '.' || text.ptr[end] == ':'))
            end++;
        if (end - at >= 2 && in_run(ip, (Str){ text.ptr + at, end - at }))
            return true;
        at = end + 1;
    }
    return false;
}
