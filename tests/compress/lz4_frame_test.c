/* lz4_frame_test.c - our reader of LZ4 frames, against what liblz4 writes with every option. */
#include "compress/lz4_frame.h"

#include "base/thread.h"
#include "compress/trial.h"
#include "compress/xxh32_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <lz4frame.h>

enum { RATIO = 255 };

static void nothing_kept(void) {}

static const Coder lz4 = { .expand = lz4_expand,
                           .compress = lz4_compress,
                           .done = nothing_kept,
                           .checked = true,
                           .context = 64 };

static void it_goes_there_and_back(void **state)
{
    (void)state;
    trial_both_ways(&lz4);
    trial_behind_others(&lz4);
    trial_small_room(&lz4);
    trial_bombs(&lz4);
    trial_starved(&lz4);
    trial_threads(&lz4);
}

static void damage_and_cuts_are_seen(void **state)
{
    (void)state;
    trial_every_cut(&lz4);
    trial_every_flip(&lz4);
}

static LZ4F_preferences_t variant;

static bool variant_compress(Str in, Buf *out, Err *err)
{
    (void)err;
    if (variant.frameInfo.contentSize)
        variant.frameInfo.contentSize = in.len;
    size_t room = LZ4F_compressFrameBound(in.len, &variant);
    size_t size = LZ4F_compressFrame(buf_reserve(out, room), room, in.ptr, in.len, &variant);
    assert_false(LZ4F_isError(size));
    out->len += size;
    return true;
}

static void set_variant(unsigned i)
{
    variant = (LZ4F_preferences_t){
        .frameInfo = { .blockSizeID = (LZ4F_blockSizeID_t)((unsigned)LZ4F_max64KB + i / 16),
                       .blockMode = i & 1 ? LZ4F_blockIndependent : LZ4F_blockLinked,
                       .blockChecksumFlag = (LZ4F_blockChecksum_t)(i >> 1 & 1),
                       .contentChecksumFlag = (LZ4F_contentChecksum_t)(i >> 2 & 1),
                       .contentSize = i >> 3 & 1 },
    };
}

/* Linked blocks, every size of block, with and without each checksum and the size. */
static void every_kind_of_frame_is_read(void **state)
{
    (void)state;
    Coder other = lz4;
    other.compress = variant_compress;
    for (unsigned i = 0; i < 4 * 16; i++) {
        set_variant(i);
        for (size_t size = 1; size < 600000; size = size * 9 + 1) {
            Err err = { 0 };
            Buf plain = trial_sample(SAMPLE_TEXT, size), packed = BUF(PLENTY);
            assert_true(variant_compress(buf_str(&plain), &packed, &err));
            trial_expands(&other, buf_str(&packed), buf_str(&plain));
            trial_refused(&other, buf_str(&packed), size - 1, ERR_LIMIT);
            buf_free(&packed);
            buf_free(&plain);
        }
        other.checked = variant.frameInfo.contentChecksumFlag;
        if (i % 5 == 0 && i < 16)
            trial_every_flip(&other);
    }
}

/* "hello hello, " eight times, by Go's pierrec/lz4. */
static void foreign_bytes_are_read(void **state)
{
    (void)state;
    trial_expands(&lz4,
                  STR("\x04\x22\x4D\x18\x64\x70\xB9\x26\x00\x00\x00\x61\x68\x65\x6C\x6C\x6F\x20\x06"
                      "\x00\x12\x2C\x07\x00\x02\x06\x00\x0F\x0D\x00\x29\x00\x41\x00\x01\x41\x00\xB0"
                      "\x6C\x6C\x6F\x20\x68\x65\x6C\x6C\x6F\x2C\x20\x00\x00\x00\x00\x0B\xC4\x05"
                      "\x9C"),
                  STR("hello hello, hello hello, hello hello, hello hello, "
                      "hello hello, hello hello, hello hello, hello hello, "));
}

static void frames_in_a_row_are_one_body(void **state)
{
    (void)state;
    Err err;
    Buf packed = BUF(PLENTY);
    assert_true(lz4_compress(STR("one "), &packed, &err));
    buf_add(&packed, STR("\x5F\x2A\x4D\x18\x03\x00\x00\x00xyz")); /* to be skipped */
    assert_true(lz4_compress(STR(""), &packed, &err));
    assert_true(lz4_compress(STR("two"), &packed, &err));
    trial_expands(&lz4, buf_str(&packed), STR("one two"));
    trial_refused(&lz4, buf_str(&packed), 6, ERR_LIMIT);
    buf_add(&packed, STR("rubbish"));
    trial_refused(&lz4, buf_str(&packed), 100, ERR_INPUT);
    buf_free(&packed);
}

typedef struct Frame {
    unsigned char flags, bd;
    Str size, rest; /* the fields of size and dictionary; what follows the header */
} Frame;

/* The header gets its right checksum. */
static Buf frame_bytes(const Frame *frame)
{
    Buf out = BUF(PLENTY);
    buf_add(&out, STR("\x04\x22\x4D\x18"));
    buf_add_byte(&out, (char)frame->flags);
    buf_add_byte(&out, (char)frame->bd);
    buf_add(&out, frame->size);
    buf_add_byte(&out, (char)(xxh32(str_skip(buf_str(&out), 4)) >> 8));
    buf_add(&out, frame->rest);
    return out;
}

static void what_no_frame_may_say_is_refused(void **state)
{
    (void)state;
    static const Frame rows[] = {
        { 0x40, 0x70, STR_ROW(""), STR_ROW("\x01\x00\x40\x00") }, /* a block above 4 MiB */
        { 0x40, 0x70, STR_ROW(""), STR_ROW("\x00\x00\x40\x00") }, /* 4 MiB that are missing */
        { 0x40, 0x30, STR_ROW(""), STR_ROW("\x00\x00\x00\x00") }, /* too small a block */
        { 0x40, 0x48, STR_ROW(""), STR_ROW("\x00\x00\x00\x00") }, /* a reserved bit */
        { 0x42, 0x40, STR_ROW(""), STR_ROW("\x00\x00\x00\x00") }, /* another one */
        { 0x80, 0x40, STR_ROW(""), STR_ROW("\x00\x00\x00\x00") }, /* version 2 */
        { 0x41, 0x40, STR_ROW("\x01\x00\x00\x00"), STR_ROW("\x00\x00\x00\x00") }, /* dictionary */
        { 0x48, 0x40, STR_ROW("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), STR_ROW("\x00\x00\x00\x00") },
        { 0x48, 0x40, STR_ROW("\x00\x00\x00\x04\x00\x00\x00\x00"), /* 64 MiB, but one byte */
          STR_ROW("\x01\x00\x00\x80x\x00\x00\x00\x00") },
        { 0x50, 0x40, STR_ROW(""), /* a wrong sum of a block */
          STR_ROW("\x01\x00\x00\x80x\x00\x00\x00\x00\x00\x00\x00\x00") },
        { 0x40, 0x40, STR_ROW(""),
          STR_ROW("\x03\x00\x00\x00\x0Fx\x01") }, /* before the beginning */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Buf bad = frame_bytes(&rows[i]);
        trial_refused(&lz4, buf_str(&bad), PLENTY, ERR_INPUT);
        assert_true(trial_largest(&lz4, buf_str(&bad), PLENTY) <= 1024);
        buf_free(&bad);
    }
    Frame right = { 0x40, 0x40, STR(""), STR("\x01\x00\x00\x80x\x00\x00\x00\x00") };
    Buf good = frame_bytes(&right);
    trial_expands(&lz4, buf_str(&good), STR("x"));
    buf_free(&good);
    trial_refused(&lz4, STR("\x02\x21\x4C\x18\x00\x00\x00\x00"), 100,
                  ERR_INPUT); /* the old format */
}

/* All its bytes are there, and it is stored as it is: only the header says that it is too large. */
static void a_block_above_what_the_header_says_is_refused(void **state)
{
    (void)state;
    enum { MOST = 1 << 16 };
    Err err;
    for (uint32_t size = MOST; size <= MOST + 1; size++) {
        char bytes[MOST + 1] = { 0 }, head[4] = { (char)size, 0, (char)(size >> 16), (char)0x80 };
        Frame empty = { 0x40, 0x40, STR(""), STR("") };
        Buf frame = frame_bytes(&empty), out = BUF(PLENTY);
        buf_add(&frame, (Str){ head, sizeof head });
        buf_add(&frame, (Str){ bytes, size });
        buf_add(&frame, (Str){ "\0\0\0", 4 });
        assert_int_equal(lz4_expand(buf_str(&frame), &out, &err), size == MOST);
        assert_true(size == MOST ? out.len == MOST : err.kind == ERR_INPUT);
        buf_free(&frame);
        buf_free(&out);
    }
}

/* A block never gets more room than its bytes can make of themselves. */
static void a_small_block_takes_little(void **state)
{
    (void)state;
    Frame small = { 0x60, 0x70, STR(""),
                    STR("\x10\x00\x00\x00"
                        "0123456789abcdef") };
    Buf bad = frame_bytes(&small);
    assert_true(trial_largest(&lz4, buf_str(&bad), PLENTY) <= (16 * RATIO + 64) * 2);
    buf_free(&bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_goes_there_and_back),
        cmocka_unit_test(damage_and_cuts_are_seen),
        cmocka_unit_test(every_kind_of_frame_is_read),
        cmocka_unit_test(foreign_bytes_are_read),
        cmocka_unit_test(frames_in_a_row_are_one_body),
        cmocka_unit_test(what_no_frame_may_say_is_refused),
        cmocka_unit_test(a_block_above_what_the_header_says_is_refused),
        cmocka_unit_test(a_small_block_takes_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
