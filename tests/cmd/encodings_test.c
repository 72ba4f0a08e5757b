/* encodings_test.c - what the program can read and write, by protocol and name. */
#include "cmd/encodings.h"

#include "net/encoding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void expect_list(EncodingUse use, const char *text)
{
    Buf list = BUF(200);
    encoding_list(use, &list);
    assert_true(str_eq(buf_str(&list), str_from(text)));
    buf_free(&list);
}

static void the_names_are_the_public_collectors(void **state)
{
    (void)state;
    Err err = { 0 };
    for (int again = 0; again < 2; again++) {
        assert_true(encodings_register(&err));
        expect_list(ENCODING_HTTP, "gzip, deflate, zstd, snappy, x-snappy-framed, zlib, lz4");
        expect_list(ENCODING_GRPC, "gzip, deflate, zstd, snappy");
    }
}

/* The first bytes are those that the name promises, and they come back. */
static void each_name_writes_its_format(void **state)
{
    (void)state;
    static const struct {
        EncodingUse use;
        Str name, begin;
    } rows[] = {
        { ENCODING_HTTP, STR_ROW("gzip"), STR_ROW("\x1F\x8B") },
        { ENCODING_HTTP, STR_ROW("deflate"), STR_ROW("\x78") },
        { ENCODING_HTTP, STR_ROW("zlib"), STR_ROW("\x78") },
        { ENCODING_HTTP, STR_ROW("zstd"), STR_ROW("\x28\xB5\x2F\xFD") },
        { ENCODING_HTTP, STR_ROW("snappy"), STR_ROW("\x05\x10hello") },
        { ENCODING_HTTP, STR_ROW("x-snappy-framed"), STR_ROW("\xFF\x06\x00\x00sNaPpY") },
        { ENCODING_HTTP, STR_ROW("lz4"), STR_ROW("\x04\x22\x4D\x18") },
        { ENCODING_GRPC, STR_ROW("gzip"), STR_ROW("\x1F\x8B") },
        { ENCODING_GRPC, STR_ROW("zstd"), STR_ROW("\x28\xB5\x2F\xFD") },
        { ENCODING_GRPC, STR_ROW("snappy"), STR_ROW("\xFF\x06\x00\x00sNaPpY") },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Err err = { 0 };
        const Encoding *encoding = encoding_find(rows[i].use, rows[i].name);
        Buf packed = BUF(encoding_most(5)), plain = BUF(5);
        assert_non_null(encoding);
        assert_true(encoding->encode(STR("hello"), &packed, &err));
        assert_true(str_starts(buf_str(&packed), rows[i].begin));
        assert_true(encoding->decode(buf_str(&packed), &plain, &err));
        assert_true(str_eq(buf_str(&plain), STR("hello")));
        buf_free(&packed);
        buf_free(&plain);
    }
    encodings_done();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_names_are_the_public_collectors),
        cmocka_unit_test(each_name_writes_its_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
