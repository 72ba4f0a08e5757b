/* xxh32.c - see xxh32_internal.h. Four lanes take four bytes each of every 16; their sum, and what
 * is left over, are stirred at the end. */
#include "compress/xxh32_internal.h"

#define PRIME_1 0x9E3779B1U
#define PRIME_2 0x85EBCA77U
#define PRIME_3 0xC2B2AE3DU
#define PRIME_4 0x27D4EB2FU
#define PRIME_5 0x165667B1U

enum { WORD = 4, STRIPE = 4 * WORD };

static uint32_t rotate(uint32_t value, unsigned by)
{
    return value << by | value >> (32 - by);
}

static uint32_t word_at(const char *bytes)
{
    const unsigned char *b = (const unsigned char *)bytes;
    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static uint32_t stir(uint32_t lane, const char *bytes)
{
    return rotate(lane + word_at(bytes) * PRIME_2, 13) * PRIME_1;
}

/* The lanes are four variables, not an array, so that they stay in registers. */
static uint32_t stripes(Str *bytes)
{
    uint32_t a = PRIME_1 + PRIME_2, b = PRIME_2, c = 0, d = 0U - PRIME_1;
    const char *at = bytes->ptr, *end = at + bytes->len / STRIPE * STRIPE;
    for (; at < end; at += STRIPE) {
        a = stir(a, at);
        b = stir(b, at + WORD);
        c = stir(c, at + 2 * WORD);
        d = stir(d, at + 3 * WORD);
    }
    *bytes = str_skip(*bytes, bytes->len / STRIPE * STRIPE);
    return rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18);
}

uint32_t xxh32(Str bytes)
{
    uint32_t length = (uint32_t)bytes.len;
    uint32_t sum = (bytes.len >= STRIPE ? stripes(&bytes) : PRIME_5) + length;
    for (; bytes.len >= WORD; bytes = str_skip(bytes, WORD))
        sum = rotate(sum + word_at(bytes.ptr) * PRIME_3, 17) * PRIME_4;
    for (size_t i = 0; i < bytes.len; i++)
        sum = rotate(sum + (unsigned char)bytes.ptr[i] * PRIME_5, 11) * PRIME_1;
    sum = (sum ^ sum >> 15) * PRIME_2;
    sum = (sum ^ sum >> 13) * PRIME_3;
    return sum ^ sum >> 16;
}
