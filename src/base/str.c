/* str.c - borrowed text; see str.h. */
#include "base/str.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { DISTANCE_MAX_LEN = 64, NUMBER_MAX_LEN = 63 };

Str str_from(const char *zero_terminated)
{
    return zero_terminated ? (Str){ zero_terminated, strlen(zero_terminated) } : (Str){ 0 };
}

bool str_eq(Str a, Str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool str_eq_nocase(Str a, Str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (fold(a.ptr[i]) != fold(b.ptr[i]))
            return false;
    return true;
}

int str_compare(Str a, Str b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter ? memcmp(a.ptr, b.ptr, shorter) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

bool str_starts(Str s, Str prefix)
{
    return s.len >= prefix.len && str_eq((Str){ s.ptr, prefix.len }, prefix);
}

bool str_ends(Str s, Str suffix)
{
    return s.len >= suffix.len && str_eq((Str){ s.ptr + s.len - suffix.len, suffix.len }, suffix);
}

bool str_contains(Str s, Str part)
{
    return part.len == 0 || (s.len >= part.len && memmem(s.ptr, s.len, part.ptr, part.len));
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

Str str_trim(Str s)
{
    while (s.len && is_space(s.ptr[0]))
        s = str_skip(s, 1);
    while (s.len && is_space(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

Str str_skip(Str s, size_t n)
{
    n = n < s.len ? n : s.len;
    return n ? (Str){ s.ptr + n, s.len - n } : s;
}

Str str_first(Str s, size_t n)
{
    return (Str){ s.ptr, n < s.len ? n : s.len };
}

/* Eight bytes a round, multiply and fold: short keys in small tables, no adversary-proofing. */
uint64_t str_hash(Str s)
{
    uint64_t hash = 0x9E3779B97F4A7C15u ^ s.len;
    while (s.len) {
        uint64_t word = 0;
        size_t n = s.len < 8 ? s.len : 8;
        memcpy(&word, s.ptr, n);
        hash = (hash ^ word) * 0xFF51AFD7ED558CCDu;
        hash ^= hash >> 32;
        s = (Str){ s.ptr + n, s.len - n };
    }
    return hash;
}

bool str_split(Str *rest, char separator, Str *part)
{
    if (!rest->ptr)
        return false;
    const char *at = rest->len ? memchr(rest->ptr, separator, rest->len) : NULL;
    if (!at) {
        *part = *rest;
        *rest = (Str){ 0 };
        return true;
    }
    size_t n = (size_t)(at - rest->ptr);
    *part = (Str){ rest->ptr, n };
    *rest = (Str){ at + 1, rest->len - n - 1 };
    return true;
}

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* One row of the edit matrix at a time. */
size_t str_distance(Str a, Str b, size_t most)
{
    if (a.len > DISTANCE_MAX_LEN || b.len > DISTANCE_MAX_LEN)
        return most + 1;
    size_t row[DISTANCE_MAX_LEN + 1];
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t above = row[j];
            size_t change = fold(a.ptr[i - 1]) == fold(b.ptr[j - 1]) ? 0 : 1;
            row[j] = least(above + 1, row[j - 1] + 1, diagonal + change);
            diagonal = above;
        }
    }
    return row[b.len] <= most ? row[b.len] : most + 1;
}

bool str_to_u64(Str s, uint64_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(s.ptr[i] - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return s.len > 0;
}

bool str_to_i64(Str s, int64_t *out)
{
    bool negative = s.len && s.ptr[0] == '-';
    uint64_t value;
    if (!str_to_u64(negative ? str_skip(s, 1) : s, &value))
        return false;
    if (value > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return false;
    *out = negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

bool str_to_double(Str s, double *out)
{
    char text[NUMBER_MAX_LEN + 1];
    if (s.len == 0 || s.len > NUMBER_MAX_LEN || is_space(s.ptr[0]))
        return false;
    memcpy(text, s.ptr, s.len);
    text[s.len] = 0;
    char *end;
    errno = 0;
    *out = strtod(text, &end);
    return end == text + s.len;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = fold(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool str_unhex(Str hex, uint8_t *out, size_t n)
{
    if (hex.len != 2 * n)
        return false;
    for (size_t i = 0; i < n; i++) {
        int high = hex_digit(hex.ptr[2 * i]), low = hex_digit(hex.ptr[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

void hex_write(char *out, const void *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *in = bytes;
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[in[i] >> 4];
        out[2 * i + 1] = digits[in[i] & 15];
    }
}

static bool is_tail(Str s, size_t at)
{
    return at < s.len && ((unsigned char)s.ptr[at] & 0xC0) == 0x80;
}

/* Refuses overlong forms, surrogates and anything above U+10FFFF (RFC 3629). */
size_t utf8_step(Str s)
{
    if (!s.len)
        return 0;
    unsigned char lead = (unsigned char)s.ptr[0];
    unsigned char next = s.len > 1 ? (unsigned char)s.ptr[1] : 0;
    if (lead < 0x80)
        return 1;
    if (lead < 0xC2 || lead > 0xF4 || !is_tail(s, 1))
        return 0;
    if (lead < 0xE0)
        return 2;
    if (!is_tail(s, 2) || (lead == 0xE0 && next < 0xA0) || (lead == 0xED && next > 0x9F))
        return 0;
    if (lead < 0xF0)
        return 3;
    if (!is_tail(s, 3) || (lead == 0xF0 && next < 0x90) || (lead == 0xF4 && next > 0x8F))
        return 0;
    return 4;
}

bool utf8_valid(Str s)
{
    while (s.len >= 8) { /* plain ASCII, eight bytes at a time */
        uint64_t word;
        memcpy(&word, s.ptr, sizeof word);
        if (word & 0x8080808080808080u)
            break;
        s = str_skip(s, 8);
    }
    while (s.len) {
        size_t n = utf8_step(s);
        if (!n)
            return false;
        s = str_skip(s, n);
    }
    return true;
}
