/* wal_frame.c - writing and reading the two headers; see wal_frame.h. */
#include "seglog/wal_frame.h"

#include "base/crc32c.h"

#include <string.h>

static const char segment_magic[8] = { 'C', 'R', 'Y', 'O', 'W', 'A', 'L', '1' };
static const char frame_magic[4] = { 'C', 'R', 'Y', 'F' };

static void put(uint8_t *out, uint64_t value, int size)
{
    for (int i = 0; i < size; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get(const uint8_t *bytes, int size)
{
    uint64_t value = 0;
    for (int i = 0; i < size; i++)
        value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

void wal_u32_write(uint8_t *out, uint32_t value)
{
    put(out, value, 4);
}
uint32_t wal_u32_read(const uint8_t *bytes)
{
    return (uint32_t)get(bytes, 4);
}

uint64_t wal_frame_size(size_t tenant_len, size_t payload_len)
{
    uint64_t size = (uint64_t)WAL_FRAME_HEADER + tenant_len + payload_len + WAL_FRAME_TRAILER;
    return (size + WAL_ALIGN - 1) / WAL_ALIGN * WAL_ALIGN;
}

void wal_segment_write(uint8_t out[WAL_SEGMENT_HEADER], const WalSegment *segment)
{
    memset(out, 0, WAL_SEGMENT_HEADER);
    memcpy(out, segment_magic, sizeof segment_magic);
    put(out + 8, segment->version, 4);
    put(out + 12, WAL_ALIGN, 4);
    put(out + 16, segment->salt, 8);
    put(out + 24, segment->first_sequence, 8);
    put(out + 32, (uint64_t)segment->created_ns, 8);
    put(out + 60, crc32c(0, out, 60), 4);
}

bool wal_segment_read(const uint8_t bytes[WAL_SEGMENT_HEADER], WalSegment *out)
{
    *out = (WalSegment){
        .version = (uint32_t)get(bytes + 8, 4),
        .salt = get(bytes + 16, 8),
        .first_sequence = get(bytes + 24, 8),
        .created_ns = (int64_t)get(bytes + 32, 8),
    };
    return !memcmp(bytes, segment_magic, sizeof segment_magic) &&
           get(bytes + 60, 4) == crc32c(0, bytes, 60);
}

void wal_header_write(uint8_t out[WAL_FRAME_HEADER], WalHeader *header)
{
    memset(out, 0, WAL_FRAME_HEADER);
    memcpy(out, frame_magic, sizeof frame_magic);
    out[4] = header->version;
    out[5] = header->kind;
    put(out + 6, header->flags, 2);
    put(out + 8, header->salt, 8);
    put(out + 16, header->sequence, 8);
    put(out + 24, (uint64_t)header->receive_ns, 8);
    put(out + 32, header->payload_len, 4);
    put(out + 36, header->tenant_len, 2);
    header->crc = crc32c(0, out, 40);
    put(out + 40, header->crc, 4);
}

bool wal_header_read(const uint8_t bytes[WAL_FRAME_HEADER], WalHeader *out)
{
    if (memcmp(bytes, frame_magic, sizeof frame_magic) != 0)
        return false;
    *out = (WalHeader){
        .version = bytes[4],
        .kind = bytes[5],
        .flags = (uint16_t)get(bytes + 6, 2),
        .salt = get(bytes + 8, 8),
        .sequence = get(bytes + 16, 8),
        .receive_ns = (int64_t)get(bytes + 24, 8),
        .payload_len = (uint32_t)get(bytes + 32, 4),
        .tenant_len = (uint16_t)get(bytes + 36, 2),
        .crc = (uint32_t)get(bytes + 40, 4),
    };
    return out->crc == crc32c(0, bytes, 40);
}
