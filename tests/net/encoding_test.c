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
        const Encoding *encoding = encoding_find(str_from(names[i]));
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
    assert_null(encoding_find(STR("br")));
    assert_null(encoding_find(STR("")));
    assert_true(encoding_is_identity(STR("")) && encoding_is_identity(STR("Identity")));
    assert_false(encoding_is_identity(STR("gzip")));
}

static void others_are_added_until_the_table_is_full(void **state)
{
    (void)state;
    static const Encoding zstd = { STR_ROW("zstd"), NULL, NULL };
    Err err = { 0 };
    assert_true(encoding_register(&zstd, &err));
    assert_ptr_equal(encoding_find(STR("zstd")), &zstd);
    Buf list = BUF(100);
    encoding_list(&list);
    assert_true(str_eq(buf_str(&list), STR("gzip, deflate, zstd")));
    buf_free(&list);
    size_t added = 3;
    while (encoding_register(&zstd, &err))
        added++;
    assert_int_equal(added, ENCODINGS_MAX);
    assert_int_equal(err.kind, ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gzip_and_deflate_go_there_and_back),
        cmocka_unit_test(others_are_added_until_the_table_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
