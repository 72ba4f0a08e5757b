/* wire_test.c - protobuf's wire format: what is written reads back, what is broken is refused. */
#include "codec/wire.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ASSERT_BYTES(buf, literal)                                    \
    do {                                                              \
        assert_int_equal((buf).len, sizeof(literal) - 1);             \
        assert_memory_equal((buf).ptr, literal, sizeof(literal) - 1); \
    } while (0)

/* The examples of protobuf's own encoding guide, and the edges. */
static void test_writes_known_bytes(void **state)
{
    (void)state;
    Buf out = BUF(1000);
    wire_add_varint(&out, 1, 150);
    ASSERT_BYTES(out, "\x08\x96\x01");
    buf_clear(&out);
    wire_add_bytes(&out, 2, STR("testing"));
    ASSERT_BYTES(out, "\x12\x07testing");
    buf_clear(&out);
    wire_add_varint(&out, 1, (uint64_t)INT64_C(-2));
    ASSERT_BYTES(out, "\x08\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01");
    buf_clear(&out);
    wire_add_sint(&out, 1, -2);
    ASSERT_BYTES(out, "\x08\x03");
    buf_clear(&out);
    wire_add_fixed32(&out, 16, 0x01020304);
    ASSERT_BYTES(out, "\x85\x01\x04\x03\x02\x01");
    buf_clear(&out);
    wire_add_double(&out, 1, 1.0);
    ASSERT_BYTES(out, "\x09\x00\x00\x00\x00\x00\x00\xF0\x3F");
    buf_clear(&out);
    wire_add_packed_varint(&out, 6, (const uint64_t[]){ 3, 270, 86942 }, 3);
    ASSERT_BYTES(out, "\x32\x06\x03\x8E\x02\x9E\xA7\x05");
    buf_clear(&out);
    wire_add_packed_varint(&out, 6, NULL, 0);
    assert_int_equal(out.len, 0);
    buf_free(&out);
}

static void test_varint_sizes(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 64; bit++) {
        static const uint64_t less[] = { 0, 1 };
        for (size_t i = 0; i < COUNT_OF(less); i++) {
            uint64_t value = (UINT64_C(1) << bit) - less[i], back = 0;
            char bytes[WIRE_VARINT_MAX];
            size_t size = (size_t)(wire_put_varint(bytes, value) - bytes);
            assert_int_equal(size, wire_varint_size(value));
            WireReader reader = wire_reader((Str){ bytes, size });
            assert_true(wire_read_varint(&reader, &back) && back == value);
            assert_ptr_equal(reader.at, reader.end);
        }
    }
    assert_int_equal(wire_varint_size(UINT64_MAX), WIRE_VARINT_MAX);
}

static void test_zigzag(void **state)
{
    (void)state;
    static const int64_t values[] = { 0, -1, 1, -2, INT64_MAX, INT64_MIN };
    static const uint64_t coded[] = { 0, 1, 2, 3, UINT64_MAX - 1, UINT64_MAX };
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        assert_true(wire_zigzag(values[i]) == coded[i]);
        assert_true(wire_unzigzag(coded[i]) == values[i]);
    }
}

static void test_nested(void **state)
{
    (void)state;
    static const size_t sizes[] = { 0, 1, 123, 124, 127, 128, 300, 16383, 16384, 30000 };
    for (size_t i = 0; i < COUNT_OF(sizes) * COUNT_OF(sizes); i++) {
        size_t size = sizes[i / COUNT_OF(sizes)], guess = sizes[i % COUNT_OF(sizes)];
        Buf out = BUF(1000000), plain = BUF(1000000);
        size_t outer = wire_open_about(&out, 1, guess), inner = wire_open_about(&out, 2, guess);
        for (size_t n = 0; n < size; n++)
            buf_add_byte(&out, (char)n);
        wire_close(&out, inner);
        wire_close(&out, outer);
        size_t opened = wire_open(&plain, 1);
        wire_add_head(&plain, 2, size);
        for (size_t n = 0; n < size; n++)
            buf_add_byte(&plain, (char)n);
        wire_close(&plain, opened);
        assert_true(str_eq(buf_str(&out), buf_str(&plain)));
        buf_free(&plain);
        WireReader reader = wire_reader(buf_str(&out));
        WireField field, nested;
        assert_true(wire_next(&reader, &field) && field.number == 1 && field.kind == WIRE_LEN);
        assert_int_equal(wire_len_size(1, field.bytes.len), out.len);
        WireReader within = wire_reader(field.bytes);
        assert_true(wire_next(&within, &nested) && nested.number == 2);
        assert_int_equal(nested.bytes.len, size);
        for (size_t n = 0; n < size; n++)
            assert_int_equal(nested.bytes.ptr[n], (char)n);
        assert_false(wire_next(&within, &nested) || wire_next(&reader, &field));
        assert_false(within.bad || reader.bad);
        buf_free(&out);
    }
}

static void test_full_buffer(void **state)
{
    (void)state;
    Err err;
    for (size_t max = 0; max < 140; max++) {
        Buf out = BUF(max);
        size_t opened = wire_open(&out, 1);
        wire_add_varint(&out, 2, 300);
        wire_add_bytes(&out, 3,
                       (Str){ "0123456789012345678901234567890123456789"
                              "0123456789012345678901234567890123456789"
                              "0123456789012345678901234567890123456789",
                              120 });
        wire_add_packed_double(&out, 4, (const double[]){ 1 }, 1);
        wire_close(&out, opened);
        assert_true(out.len <= max);
        assert_false(buf_ok(&out, &err));
        assert_int_equal(err.kind, ERR_LIMIT);
        buf_free(&out);
    }
}

/* Fields of every kind, groups in groups among them. */
static const Str every_kind =
    STR_ROW("\x08\x96\x01"                         /* 1: varint */
            "\x11\x01\x02\x03\x04\x05\x06\x07\x08" /* 2: fixed64 */
            "\x1A\x03"
            "abc"                               /* 3: bytes */
            "\x23\x08\x01\x2B\x2C\x22\x01x\x24" /* 4: a group with 5 in it */
            "\x2D\x01\x02\x03\x04"              /* 5: fixed32 */
            "\xF8\xFF\xFF\xFF\x0F\x00");        /* the largest number */

static void test_reads_every_kind(void **state)
{
    (void)state;
    WireReader reader = wire_reader(every_kind);
    WireField field;
    assert_true(wire_next(&reader, &field) && field.kind == WIRE_VARINT && field.value == 150);
    assert_true(wire_next(&reader, &field) && field.kind == WIRE_I64);
    assert_true(field.value == UINT64_C(0x0807060504030201));
    assert_true(wire_next(&reader, &field) && str_eq(field.bytes, STR("abc")));
    assert_ptr_equal(field.start, every_kind.ptr + 12);
    assert_true(wire_next(&reader, &field) && field.kind == WIRE_GROUP && field.number == 4);
    assert_true(str_eq(field.bytes, STR("\x08\x01\x2B\x2C\x22\x01x")));
    assert_true(wire_next(&reader, &field) && field.kind == WIRE_I32);
    assert_true(field.value == UINT64_C(0x04030201));
    assert_true(wire_next(&reader, &field) && field.number == WIRE_NUMBER_MAX);
    assert_false(wire_next(&reader, &field));
    assert_false(reader.bad);
}

/* True when all of it reads; then the number of fields. */
static bool reads(Str bytes, size_t *count)
{
    char *exact = test_malloc(bytes.len + 1); /* so that a sanitizer sees a step too far */
    if (bytes.len)
        memcpy(exact + 1, bytes.ptr, bytes.len);
    WireReader reader = wire_reader((Str){ exact + 1, bytes.len });
    WireField field;
    *count = 0;
    while (wire_next(&reader, &field))
        (*count)++;
    bool ok = !reader.bad;
    assert_false(wire_next(&reader, &field)); /* it stays at the end */
    test_free(exact);
    return ok;
}

static void test_cut_anywhere(void **state)
{
    (void)state;
    static const size_t boundaries[] = { 0, 3, 12, 17, 26, 31, 37 };
    size_t count, next = 0;
    for (size_t len = 0; len <= every_kind.len; len++) {
        bool whole = len == boundaries[next];
        assert_int_equal(reads((Str){ every_kind.ptr, len }, &count), whole);
        if (whole)
            assert_int_equal(count, next++);
    }
    assert_int_equal(next, COUNT_OF(boundaries));
}

static void test_refuses(void **state)
{
    (void)state;
    static const Str bad[] = {
        STR_ROW("\x00\x01"),                                         /* field number 0 */
        STR_ROW("\x0C"),                                             /* end of no group */
        STR_ROW("\x0E"),                                             /* wire type 6 */
        STR_ROW("\x0F"),                                             /* wire type 7 */
        STR_ROW("\x23\x2C"),                                         /* another group's end */
        STR_ROW("\x23\x00\x24"),                                     /* rubbish in a group */
        STR_ROW("\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"),     /* a length of 2^64-1 */
        STR_ROW("\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02"),     /* 65 bits */
        STR_ROW("\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"), /* 11 bytes */
        STR_ROW("\x88\x80\x80\x80\x10\x01"),                         /* a tag of 33 bits */
    };
    size_t count;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(reads(bad[i], &count));
}

static bool groups_read(size_t depth)
{
    Buf out = BUF(10000000);
    for (size_t i = 0; i < depth; i++)
        buf_add_byte(&out, '\x23');
    for (size_t i = 0; i < depth; i++)
        buf_add_byte(&out, '\x24');
    size_t count;
    bool ok = reads(buf_str(&out), &count);
    buf_free(&out);
    return ok;
}

static void test_group_depth(void **state)
{
    (void)state;
    assert_true(groups_read(WIRE_GROUP_DEPTH));
    assert_false(groups_read(WIRE_GROUP_DEPTH + 1));
    assert_false(groups_read(1000000));
}

static void test_rubbish(void **state)
{
    (void)state;
    Random random;
    random_seed(&random, 1);
    size_t count, accepted = 0;
    for (size_t round = 0; round < 20000; round++) {
        char bytes[24];
        size_t len = random_below(&random, sizeof bytes + 1);
        random_fill(&random, bytes, len);
        accepted += reads((Str){ bytes, len }, &count);
    }
    assert_true(accepted > 0 && accepted < 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writes_known_bytes),
        cmocka_unit_test(test_varint_sizes),
        cmocka_unit_test(test_zigzag),
        cmocka_unit_test(test_nested),
        cmocka_unit_test(test_full_buffer),
        cmocka_unit_test(test_reads_every_kind),
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_group_depth),
        cmocka_unit_test(test_rubbish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
