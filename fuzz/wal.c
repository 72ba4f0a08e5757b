/* wal.c - rubbish as a segment file: what the reader hands out lies in the bytes, in order, whole.
 *
 * With the first byte odd, checksums are put right wherever something looks like a header, so that
 * the fuzzer gets past them. Every range that the reader tells must follow the one before it, and
 * cutting the file at the end of a frame must give the same frames up to there.
 */
#include "base/crc32c.h"
#include "seglog/wal_reader.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void insist(bool holds)
{
    if (!holds)
        abort();
}

static void mend_frame(uint8_t *at, size_t left)
{
    WalHeader header;
    if (!wal_header_read(at, &header)) /* fills it, whatever the checksum says */
        wal_header_write(at, &header);
    uint64_t size = wal_frame_size(header.tenant_len, header.payload_len);
    if (size > left)
        return;
    size_t covered = (size_t)size - WAL_FRAME_HEADER - WAL_FRAME_TRAILER;
    wal_u32_write(at + size - WAL_FRAME_TRAILER,
                  crc32c(header.crc, at + WAL_FRAME_HEADER, covered));
}

static void mend(uint8_t *bytes, size_t size)
{
    WalSegment segment;
    if (size >= WAL_SEGMENT_HEADER && !wal_segment_read(bytes, &segment))
        wal_segment_write(bytes, &segment);
    for (size_t at = WAL_SEGMENT_HEADER; at + WAL_ALIGN <= size; at += WAL_ALIGN)
        if (!memcmp(bytes + at, "CRYF", 4))
            mend_frame(bytes + at, size - at);
}

/* Frames in the first `size` bytes; the last one's end goes to *end. */
static size_t walk(Str bytes, uint64_t number, uint64_t *end)
{
    WalReader reader;
    SeglogFrame frame;
    uint64_t from, to, at = WAL_SEGMENT_HEADER, sequence = 0;
    size_t frames = 0;
    (void)wal_reader_init(&reader, bytes, number);
    for (WalStep step; (step = wal_reader_next(&reader, &frame, &from, &to)) != WAL_END;) {
        insist(from == at && to > from && to <= bytes.len);
        at = to;
        if (step == WAL_DAMAGE)
            continue;
        insist(frame.payload.ptr >= bytes.ptr + from &&
               frame.payload.ptr + frame.payload.len <= bytes.ptr + to);
        insist(frame.tenant.len <= SEGLOG_TENANT_MAX && frame.sequence > sequence);
        sequence = frame.sequence;
        frames++;
        *end = to;
    }
    return frames;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    uint8_t *copy = malloc(size);
    insist(copy != NULL);
    memcpy(copy, data + 1, size - 1);
    if (data[0] & 1)
        mend(copy, size - 1);
    uint64_t end = 0, ignored;
    size_t frames = walk((Str){ (const char *)copy, size - 1 }, 1, &end);
    insist(walk((Str){ (const char *)copy, (size_t)end }, 1, &ignored) == frames);
    free(copy);
    return 0;
}
