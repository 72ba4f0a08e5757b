/* crc32c.c - by the processor's instruction where it has one (SSE4.2, ARMv8), else four bits at a
 * time.
 *
 * The fallback's table has sixteen entries: it is for processors that nobody runs this on, so small
 * and obviously right beats fast there.
 */
#include "base/crc32c.h"

#include <stdbool.h>
#include <string.h>

#if defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#elif defined(__x86_64__)
#include <nmmintrin.h>
#endif

static const uint32_t nibbles[16] = {
    0x00000000, 0x105EC76F, 0x20BD8EDE, 0x30E349B1, 0x417B1DBC, 0x5125DAD3, 0x61C69362, 0x7198540D,
    0x82F63B78, 0x92A8FC17, 0xA24BB5A6, 0xB21572C9, 0xC38D26C4, 0xD3D3E1AB, 0xE330A81A, 0xF36E6F75,
};

static uint32_t by_table(uint32_t crc, const uint8_t *at, size_t size)
{
    for (; size; size--, at++) {
        crc ^= *at;
        crc = crc >> 4 ^ nibbles[crc & 15];
        crc = crc >> 4 ^ nibbles[crc & 15];
    }
    return crc;
}

#if defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)

static bool has_instruction(void)
{
    return true;
}

static uint32_t by_instruction(uint32_t crc, const uint8_t *at, size_t size)
{
    for (; size >= 8; size -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        crc = __crc32cd(crc, word);
    }
    for (; size; size--, at++)
        crc = __crc32cb(crc, *at);
    return crc;
}

#elif defined(__x86_64__)

static bool has_instruction(void)
{
    return __builtin_cpu_supports("sse4.2");
}

__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc, const uint8_t *at,
                                                                 size_t size)
{
    uint64_t wide = crc;
    for (; size >= 8; size -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        wide = _mm_crc32_u64(wide, word);
    }
    crc = (uint32_t)wide;
    for (; size; size--, at++)
        crc = _mm_crc32_u8(crc, *at);
    return crc;
}

#else

static bool has_instruction(void)
{
    return false;
}
#define by_instruction by_table

#endif

uint32_t crc32c(uint32_t crc, const void *bytes, size_t size)
{
    return ~(has_instruction() ? by_instruction(~crc, bytes, size) : by_table(~crc, bytes, size));
}
