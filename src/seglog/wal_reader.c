/* wal_reader.c - see wal_reader.h. */
#include "seglog/wal_reader.h"

#include "base/crc32c.h"

#include <string.h>

typedef enum Look {
    LOOK_GOOD,
    LOOK_BAD_BODY, /* the header holds, so its length can be trusted */
    LOOK_NOTHING,
} Look;

WalFile wal_reader_init(WalReader *reader, Str bytes, uint64_t number)
{
    *reader = (WalReader){ .bytes = bytes, .number = number, .offset = WAL_SEGMENT_HEADER };
    WalSegment segment;
    if (bytes.len < WAL_SEGMENT_HEADER || !wal_segment_read((const uint8_t *)bytes.ptr, &segment) ||
        segment.first_sequence != number)
        return WAL_FILE_DAMAGED;
    reader->version = segment.version;
    reader->salt = segment.salt;
    reader->salt_known = true;
    return segment.version == WAL_FORMAT ? WAL_FILE_OK : WAL_FILE_NEWER;
}

static bool header_fits(const WalReader *reader, const WalHeader *header)
{
    uint64_t least = reader->last_sequence ? reader->last_sequence + 1 : reader->number;
    return header->version == WAL_FORMAT && header->sequence >= least &&
           header->sequence < WAL_SEQUENCE_END && header->tenant_len <= SEGLOG_TENANT_MAX &&
           (!reader->salt_known || header->salt == reader->salt);
}

/* What stands at `offset`; *size is the frame's when its header holds. */
static Look look(const WalReader *reader, uint64_t offset, WalHeader *header, uint64_t *size)
{
    uint64_t left = reader->bytes.len - offset;
    const uint8_t *at = (const uint8_t *)reader->bytes.ptr + offset;
    if (left < WAL_ALIGN || !wal_header_read(at, header) || !header_fits(reader, header))
        return LOOK_NOTHING;
    *size = wal_frame_size(header->tenant_len, header->payload_len);
    if (*size > left)
        return LOOK_BAD_BODY;
    size_t covered = (size_t)*size - WAL_FRAME_HEADER - WAL_FRAME_TRAILER;
    uint32_t crc = crc32c(header->crc, at + WAL_FRAME_HEADER, covered);
    return crc == wal_u32_read(at + *size - WAL_FRAME_TRAILER) ? LOOK_GOOD : LOOK_BAD_BODY;
}

/* The next good frame at or behind the reader's offset; the size of the file when there is none. */
static uint64_t find_frame(const WalReader *reader, WalHeader *header, uint64_t *size)
{
    uint64_t offset = reader->offset;
    while (offset < reader->bytes.len) {
        *size = WAL_ALIGN;
        Look found = look(reader, offset, header, size);
        if (found == LOOK_GOOD)
            return offset;
        uint64_t step = found == LOOK_BAD_BODY ? *size : WAL_ALIGN;
        if (step > reader->bytes.len - offset)
            break;
        offset += step;
    }
    return reader->bytes.len;
}

static void accept_frame(WalReader *reader, const WalHeader *header, uint64_t size,
                         SeglogFrame *out)
{
    const char *body = reader->bytes.ptr + reader->offset + WAL_FRAME_HEADER;
    *out = (SeglogFrame){
        .sequence = header->sequence,
        .segment = reader->number,
        .receive_ns = header->receive_ns,
        .kind = header->kind,
        .flags = header->flags,
        .tenant = { body, header->tenant_len },
        .payload = { body + header->tenant_len, header->payload_len },
    };
    reader->salt = header->salt;
    reader->salt_known = true;
    reader->last_sequence = header->sequence;
    reader->offset += size;
}

WalStep wal_reader_next(WalReader *reader, SeglogFrame *out, uint64_t *from, uint64_t *to)
{
    *from = reader->offset;
    *to = reader->bytes.len;
    if (reader->offset >= reader->bytes.len)
        return WAL_END;
    WalHeader header;
    uint64_t size;
    uint64_t found = find_frame(reader, &header, &size);
    if (found != reader->offset) {
        reader->offset = found;
        *to = found;
        return WAL_DAMAGE;
    }
    accept_frame(reader, &header, size, out);
    *to = reader->offset;
    return WAL_FRAME;
}
