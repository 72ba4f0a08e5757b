/* wal_frame.h - the bytes of a segment file, format version 1. All numbers are little endian.
 *
 *   segment header, 64 bytes at offset 0     frame, at a multiple of 64
 *    0  8  "CRYOWAL1"                         0  4  "CRYF"
 *    8  4  format version, 1                  4  1  format version, 1
 *   12  4  alignment, 64                      5  1  payload kind (SeglogKind)
 *   16  8  salt, random                       6  2  flags
 *   24  8  first sequence                     8  8  salt of the segment
 *   32  8  created, ns since 1970            16  8  sequence
 *   40 20  zero                              24  8  received, ns since 1970
 *   60  4  CRC32C of bytes 0..59             32  4  payload length
 *                                            36  2  tenant length
 *                                            38  2  zero
 *                                            40  4  CRC32C of bytes 0..39
 *                                            44     tenant, payload, zeros
 *                                            -4  4  CRC32C of bytes 44..-4, seeded with the
 * header's
 *
 * A frame's size is what these need, rounded up to 64; its last four bytes are the checksum, so
 * that every byte of the file is covered. The salt keeps a payload that contains frames (somebody
 * sends us a segment file) from being taken for some when reading resumes behind damage, and bytes
 * that an earlier file left on the disk too. The second checksum is seeded with the first, so that
 * a body belongs to its header.
 */
#ifndef SEGLOG_WAL_FRAME_H
#define SEGLOG_WAL_FRAME_H

#include "base/attributes.h"
#include "base/str.h"
#include "seglog/seglog.h"

enum {
    WAL_FORMAT = 1,
    WAL_ALIGN = 64,
    WAL_SEGMENT_HEADER = 64,
    WAL_FRAME_HEADER = 44,
    WAL_FRAME_TRAILER = 4,
};

/* No sequence reaches this, so that whoever counts on never wraps. */
#define WAL_SEQUENCE_END (UINT64_C(1) << 62)

typedef struct WalSegment {
    uint32_t version;
    uint64_t salt, first_sequence;
    int64_t created_ns;
} WalSegment;

typedef struct WalHeader {
    uint8_t version, kind;
    uint16_t flags, tenant_len;
    uint32_t payload_len;
    uint64_t salt, sequence;
    int64_t receive_ns;
    uint32_t crc; /* of the header itself; seeds the body's */
} WalHeader;

/* Of the whole frame, padding and checksums included. */
PURE uint64_t wal_frame_size(size_t tenant_len, size_t payload_len);

void wal_segment_write(uint8_t out[WAL_SEGMENT_HEADER], const WalSegment *segment);
/* False: not a segment header, or damaged. Any version that is whole is read. */
CHECKED bool wal_segment_read(const uint8_t bytes[WAL_SEGMENT_HEADER], WalSegment *out);

void wal_header_write(uint8_t out[WAL_FRAME_HEADER], WalHeader *header); /* fills header->crc */
CHECKED bool wal_header_read(const uint8_t bytes[WAL_FRAME_HEADER], WalHeader *out);

void wal_u32_write(uint8_t *out, uint32_t value);
PURE uint32_t wal_u32_read(const uint8_t *bytes);

#endif
