/* wal_reader.h - walks the bytes of one segment: its frames, and the ranges that are none.
 *
 * Takes bytes, gives frames; no I/O and no allocation, whatever the bytes are. Behind bytes that
 * are no frame it goes on at the next multiple of 64 that begins one, so one flipped bit costs one
 * frame. What it hands out has passed both checksums, bears the segment's salt, and has a sequence
 * above all before it. The time is linear in the size: a frame whose header holds but whose body
 * does not is stepped over by its length.
 */
#ifndef SEGLOG_WAL_READER_H
#define SEGLOG_WAL_READER_H

#include "seglog/wal_frame.h"

typedef enum WalFile {
    WAL_FILE_OK,
    WAL_FILE_NEWER,   /* written by a newer version: `version` says which */
    WAL_FILE_DAMAGED, /* the segment header is no good; frames may follow */
} WalFile;

typedef enum WalStep { WAL_FRAME, WAL_DAMAGE, WAL_END } WalStep;

typedef struct WalReader {
    Str bytes;
    uint64_t number; /* of the segment, from the file's name */
    uint64_t salt;
    bool salt_known; /* else the first whole frame says it */
    uint32_t version;
    uint64_t offset;        /* of what comes next */
    uint64_t last_sequence; /* of the frames so far */
} WalReader;

/* `number` is the sequence in the file's name. */
WalFile wal_reader_init(WalReader *reader, Str bytes, uint64_t number);

/* FRAME: *out is filled, its texts lie in the bytes. DAMAGE: bytes from..to are no frame; to is the
 * size of the file when nothing good follows. from and to are set for frames, too. */
WalStep wal_reader_next(WalReader *reader, SeglogFrame *out, uint64_t *from, uint64_t *to);

#endif
