/* The table of content encodings: what is there, what is added, where it ends. */
#include "net/encoding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void gzip_and_deflate_go_there_and_back(void **state)
{
    (void)state;
    static const char *const names[] = { "gzip", "GZIP", " deflate" };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const Encoding *encoding = encoding_find(ENCODING_HTTP, str_from(names[i]));
        Buf packed = BUF(1000), plain = BUF(100), small = BUF(4);
        Err err = { 0 };
        assert_non_null(encoding);
        assert_true(encoding->encode(STR("hello hello"), &packed, &err));
        assert_true(encoding->decode(buf_str(&packed), &plain, &err));
        assert_true(str_eq(buf_str(&plain), STR("hello hello")));
        assert_false(encoding->decode(buf_str(&packed), &small, &err));
        assert_int_equal(err.kind, ERR_LIMIT);
        buf_free(&packed);
        buf_free(&plain);
        buf_free(&small);
    }
    assert_null(encoding_find(ENCODING_BOTH, STR("br")));
    assert_null(encoding_find(ENCODING_BOTH, STR("")));
    assert_true(encoding_is_identity(STR("")) && encoding_is_identity(STR("Identity")));
    assert_false(encoding_is_identity(STR("gzip")));
}

static void a_setting_chooses(void **state)
{
    (void)state;
    Err err = { 0 };
    const Encoding *chosen;
    assert_true(encoding_choose(ENCODING_GRPC, STR("none"), &chosen, &err) && !chosen);
    assert_true(encoding_choose(ENCODING_GRPC, STR("gzip"), &chosen, &err));
    assert_ptr_equal(chosen, encoding_find(ENCODING_GRPC, STR("gzip")));
    assert_false(encoding_choose(ENCODING_GRPC, STR("br"), &chosen, &err));
    assert_int_equal(err.kind, ERR_UNSUPPORTED);
    assert_string_equal(err.text, "no compression \"br\" for gRPC; there are none, gzip, deflate");
}

static void expect_list(EncodingUse use, const char *text)
{
    Buf list = BUF(100);
    encoding_list(use, &list);
    assert_true(str_eq(buf_str(&list), str_from(text)));
    buf_free(&list);
}

static void others_are_added_until_the_table_is_full(void **state)
{
    (void)state;
    static const Encoding zstd = { STR_ROW("zstd"), ENCODING_BOTH, NULL, NULL };
    static const Encoding snappy[] = { { STR_ROW("snappy"), ENCODING_HTTP, NULL, NULL },
                                       { STR_ROW("snappy"), ENCODING_GRPC, NULL, NULL } };
    static const Encoding faster = { STR_ROW("gzip"), ENCODING_BOTH, NULL, NULL };
    Err err = { 0 };
    assert_true(encoding_register(&zstd, &err));
    assert_true(encoding_register(&snappy[0], &err));
    assert_true(encoding_register(&snappy[1], &err));
    assert_true(encoding_register(&faster, &err)); /* in the place of the old one */
    assert_ptr_equal(encoding_find(ENCODING_HTTP, STR("zstd")), &zstd);
    assert_ptr_equal(encoding_find(ENCODING_GRPC, STR("gzip")), &faster);
    assert_ptr_equal(encoding_find(ENCODING_HTTP, STR("snappy")), &snappy[0]);
    assert_ptr_equal(encoding_find(ENCODING_GRPC, STR("snappy")), &snappy[1]);
    expect_list(ENCODING_HTTP, "gzip, deflate, zstd, snappy");
    expect_list(ENCODING_GRPC, "gzip, deflate, zstd, snappy");
    static Encoding many[ENCODINGS_MAX];
    static char names[ENCODINGS_MAX];
    size_t added = 5;
    for (size_t i = 0; i < COUNT_OF(many); i++) {
        names[i] = (char)('a' + i);
        many[i] = (Encoding){ { &names[i], 1 }, ENCODING_GRPC, NULL, NULL };
        added += encoding_register(&many[i], &err);
    }
    assert_int_equal(added, ENCODINGS_MAX);
    assert_int_equal(err.kind, ERR_LIMIT);
    expect_list(ENCODING_HTTP, "gzip, deflate, zstd, snappy");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gzip_and_deflate_go_there_and_back),
        cmocka_unit_test(a_setting_chooses),
        cmocka_unit_test(others_are_added_until_the_table_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
