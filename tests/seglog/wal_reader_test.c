/* The bytes of a segment: the layout byte by byte, the file of the first release, and what a reader
 * does with bytes that want to lead it astray. */
#include "seglog/wal_reader.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/crc32c.h"
#include "base/disk.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { LARGE = 1000, IMAGE_MAX = 1 << 20 };

static const WalSegment segment = { WAL_FORMAT, 0x1122334455667788, 7, 1000 };

static void add_segment(Buf *out)
{
    uint8_t header[WAL_SEGMENT_HEADER];
    wal_segment_write(header, &segment);
    buf_add(out, (Str){ (const char *)header, sizeof header });
}

/* A frame as the table of offsets in wal_frame.h has it, built without the writer. */
static void add_frame(Buf *out, uint64_t sequence, Str tenant, Str payload)
{
    static const char zeros[WAL_ALIGN];
    uint8_t head[WAL_FRAME_HEADER], tail[WAL_FRAME_TRAILER];
    WalHeader header = { .version = WAL_FORMAT,
                         .kind = SEGLOG_OTLP_TRACES,
                         .tenant_len = (uint16_t)tenant.len,
                         .payload_len = (uint32_t)payload.len,
                         .salt = segment.salt,
                         .sequence = sequence };
    wal_header_write(head, &header);
    buf_add(out, (Str){ (const char *)head, sizeof head });
    size_t body = out->len;
    buf_add(out, tenant);
    buf_add(out, payload);
    buf_add(out, (Str){ zeros,
                        (2 * WAL_ALIGN - (out->len + WAL_FRAME_TRAILER) % WAL_ALIGN) % WAL_ALIGN });
    wal_u32_write(tail, crc32c(header.crc, out->ptr + body, out->len - body));
    buf_add(out, (Str){ (const char *)tail, sizeof tail });
}

static void headers_lie_as_the_table_says(void **state)
{
    (void)state;
    static const uint8_t begins[] = { 'C',  'R',  'Y',  'O',  'W', 'A', 'L',  '1',  1,    0,
                                      0,    0,    64,   0,    0,   0,   0x88, 0x77, 0x66, 0x55,
                                      0x44, 0x33, 0x22, 0x11, 7,   0,   0,    0,    0,    0,
                                      0,    0,    0xE8, 3,    0,   0,   0,    0,    0,    0 };
    uint8_t bytes[WAL_SEGMENT_HEADER];
    wal_segment_write(bytes, &segment);
    assert_memory_equal(bytes, begins, sizeof begins);
    static const uint8_t frame_begins[] = { 'C', 'R', 'Y', 'F', 1,   5,   2,   1,   8,   7,
                                            6,   5,   4,   3,   2,   1,   9,   0,   0,   0,
                                            0,   0,   0,   0,   255, 255, 255, 255, 255, 255,
                                            255, 255, 4,   3,   2,   1,   2,   1,   0,   0 };
    uint8_t head[WAL_FRAME_HEADER];
    WalHeader header = { .version = 1,
                         .kind = 5,
                         .flags = 0x102,
                         .salt = 0x0102030405060708,
                         .sequence = 9,
                         .receive_ns = -1,
                         .payload_len = 0x01020304,
                         .tenant_len = 0x102 };
    wal_header_write(head, &header);
    assert_memory_equal(head, frame_begins, sizeof frame_begins);
    assert_int_equal(wal_u32_read(head + 40), crc32c(0, head, 40));
    WalHeader back;
    assert_true(wal_header_read(head, &back));
    uint8_t again[WAL_FRAME_HEADER];
    wal_header_write(again, &back); /* field by field: a struct has gaps */
    assert_memory_equal(again, head, sizeof head);
    assert_int_equal(back.crc, header.crc);
}

/* Of what stood in their place before nothing reaches the disk. */
static void what_headers_do_not_use_is_zero(void **state)
{
    (void)state;
    uint8_t bytes[WAL_SEGMENT_HEADER], head[WAL_FRAME_HEADER];
    WalHeader header = { .version = WAL_FORMAT };
    memset(bytes, 0xFF, sizeof bytes);
    memset(head, 0xFF, sizeof head);
    wal_segment_write(bytes, &segment);
    wal_header_write(head, &header);
    for (size_t i = 40; i < 60; i++)
        assert_int_equal(bytes[i], 0);
    assert_int_equal(head[38] + head[39], 0);
}

static void sizes_are_multiples_of_64(void **state)
{
    (void)state;
    for (size_t n = 0; n < 300; n++) {
        Buf image = BUF(IMAGE_MAX);
        static const char text[300];
        add_segment(&image);
        add_frame(&image, 7, STR("t"), (Str){ text, n });
        assert_int_equal(image.len, WAL_SEGMENT_HEADER + wal_frame_size(1, n));
        assert_int_equal(image.len % WAL_ALIGN, 0);
        WalReader reader;
        SeglogFrame frame;
        uint64_t from, to;
        assert_int_equal(wal_reader_init(&reader, buf_str(&image), 7), WAL_FILE_OK);
        assert_int_equal(wal_reader_next(&reader, &frame, &from, &to), WAL_FRAME);
        assert_int_equal(frame.payload.len, n);
        assert_int_equal(wal_reader_next(&reader, &frame, &from, &to), WAL_END);
        buf_free(&image);
    }
}

/* ---- the file of the first release --------------------------------------------------------------
 */

static void the_first_release_still_reads(void **state)
{
    (void)state;
    static char large[LARGE];
    for (int i = 0; i < LARGE; i++)
        large[i] = (char)(i * 7);
    const SeglogFrame expected[] = {
        { 1, 1, 1750000000000000001, SEGLOG_OTLP_TRACES, 0, STR(""), STR("first") },
        { 2, 1, 1750000000000000002, SEGLOG_OTLP_METRICS, 1, STR("acme"),
          STR("second, with a tenant") },
        { 3, 1, -1, SEGLOG_OTLP_LOGS, 0x8000, STR(""), STR("") },
        { 4, 1, 1750000000000000004, SEGLOG_REMOTE_WRITE, 0, STR(""), { large, LARGE } },
        { 5, 1, INT64_MAX, SEGLOG_LOKI_PUSH, 0, STR("t"), STR("last") },
    };
    Err err;
    Buf image = BUF(IMAGE_MAX);
    assert_true(disk_read_all(disk_system(), "tests/golden/wal/v1.wal", &image, &err));
    WalReader reader;
    SeglogFrame frame;
    uint64_t from, to;
    assert_int_equal(wal_reader_init(&reader, buf_str(&image), 1), WAL_FILE_OK);
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        assert_int_equal(wal_reader_next(&reader, &frame, &from, &to), WAL_FRAME);
        assert_int_equal(frame.sequence, expected[i].sequence);
        assert_int_equal(frame.segment, expected[i].segment);
        assert_true(frame.receive_ns == expected[i].receive_ns);
        assert_int_equal(frame.kind, expected[i].kind);
        assert_int_equal(frame.flags, expected[i].flags);
        assert_true(str_eq(frame.tenant, expected[i].tenant));
        assert_true(str_eq(frame.payload, expected[i].payload));
    }
    assert_int_equal(wal_reader_next(&reader, &frame, &from, &to), WAL_END);
    buf_free(&image);
}

/* ---- bytes that lead astray
 * ---------------------------------------------------------------------- */

static size_t count_frames(Str bytes)
{
    WalReader reader;
    SeglogFrame frame;
    uint64_t from, to, end = WAL_SEGMENT_HEADER;
    size_t count = 0;
    (void)wal_reader_init(&reader, bytes, segment.first_sequence);
    for (WalStep step; (step = wal_reader_next(&reader, &frame, &from, &to)) != WAL_END;) {
        assert_true(from == end && to > from &&
                    to <= bytes.len); /* nothing is skipped or told twice */
        end = to;
        count += step == WAL_FRAME;
    }
    assert_true(end >= bytes.len || bytes.len < WAL_SEGMENT_HEADER);
    return count;
}

static void lengths_that_reach_too_far(void **state)
{
    (void)state;
    static const uint32_t lengths[] = { UINT32_MAX, UINT32_MAX - 63, 0x80000000, 1000, 200 };
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        Buf image = BUF(IMAGE_MAX);
        add_segment(&image);
        add_frame(&image, 7, STR(""), STR("good"));
        uint8_t head[WAL_FRAME_HEADER];
        WalHeader header = {
            .version = 1, .salt = segment.salt, .sequence = 8, .payload_len = lengths[i]
        };
        wal_header_write(head, &header);
        buf_add(&image, (Str){ (const char *)head, sizeof head });
        buf_add(&image, (Str){ "....................", 20 });
        assert_int_equal(count_frames(buf_str(&image)), 1);
        buf_free(&image);
    }
}

static void frames_of_another_file_or_out_of_order(void **state)
{
    (void)state;
    Buf image = BUF(IMAGE_MAX);
    add_segment(&image);
    add_frame(&image, 7, STR(""), STR("seven"));
    add_frame(&image, 9, STR(""), STR("nine"));
    add_frame(&image, 9, STR(""), STR("nine again"));
    add_frame(&image, 8, STR(""), STR("eight, late"));
    size_t foreign = image.len;
    add_frame(&image, 10, STR(""), STR("of another salt"));
    WalHeader header;
    assert_true(wal_header_read((const uint8_t *)image.ptr + foreign, &header));
    header.salt ^= 1;
    wal_header_write((uint8_t *)image.ptr + foreign, &header);
    add_frame(&image, 11, STR(""), STR("eleven"));
    assert_int_equal(count_frames(buf_str(&image)), 3); /* seven, nine, eleven */
    buf_free(&image);
}

/* As many headers as fit, each claiming the rest of the file: the reader must not check each body.
 */
static void many_headers_take_linear_time(void **state)
{
    (void)state;
    Buf image = BUF(IMAGE_MAX);
    add_segment(&image);
    while (image.len + WAL_ALIGN <= IMAGE_MAX) {
        char block[WAL_ALIGN] = { 0 };
        WalHeader header = { .version = 1,
                             .salt = segment.salt,
                             .sequence = 7,
                             .payload_len = (uint32_t)(IMAGE_MAX - image.len - WAL_FRAME_HEADER -
                                                       WAL_FRAME_TRAILER) };
        wal_header_write((uint8_t *)block, &header);
        buf_add(&image, (Str){ block, sizeof block });
    }
    assert_int_equal(count_frames(buf_str(&image)), 0);
    buf_free(&image);
}

static void random_bytes_hold_no_frames(void **state)
{
    (void)state;
    Random random;
    random_seed(&random, 3);
    static char bytes[10000];
    for (int i = 0; i < 300; i++) {
        random_fill(&random, bytes, sizeof bytes);
        size_t size = random_below(&random, sizeof bytes);
        for (size_t at = 0; at + WAL_ALIGN <= size; at += WAL_ALIGN)
            if (random_below(&random, 2))
                memcpy(bytes + at, "CRYF\1", 5);
        assert_int_equal(count_frames((Str){ bytes, size }), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_lie_as_the_table_says),
        cmocka_unit_test(what_headers_do_not_use_is_zero),
        cmocka_unit_test(sizes_are_multiples_of_64),
        cmocka_unit_test(the_first_release_still_reads),
        cmocka_unit_test(lengths_that_reach_too_far),
        cmocka_unit_test(frames_of_another_file_or_out_of_order),
        cmocka_unit_test(many_headers_take_linear_time),
        cmocka_unit_test(random_bytes_hold_no_frames),
    };
    return cmocka_run_group_tests_name("wal reader", tests, NULL, NULL);
}
