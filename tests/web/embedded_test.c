/* The page's files inside the program, whichever page this build has. */
#include "web/embedded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

static char plain[4 << 20];

/* zlib as the judge: the bytes are one whole gzip member of exactly the size promised. */
static Str inflated(const WebFile *file)
{
    z_stream z = { .next_in = (z_const Bytef *)(uintptr_t)file->gzip.ptr,
                   .avail_in = (uInt)file->gzip.len,
                   .next_out = (Bytef *)plain,
                   .avail_out = sizeof(plain) };
    assert_int_equal(inflateInit2(&z, 16 + MAX_WBITS), Z_OK);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(z.avail_in, 0);
    Str text = { plain, z.total_out };
    inflateEnd(&z);
    return text;
}

static void every_file_is_whole_and_described(void **state)
{
    (void)state;
    WebFile file, found;
    size_t n = 0;
    for (; web_at(n, &file); n++) {
        assert_int_equal(inflated(&file).len, file.size);
        assert_true(str_starts(file.path, STR("/")));
        assert_true(str_starts(file.etag, STR("W/\"")) && str_ends(file.etag, STR("\"")));
        assert_true(str_contains(file.content_type, STR("/")));
        bool hashed = str_starts(file.path, STR("/assets/"));
        assert_int_equal(hashed, str_contains(file.cache_control, STR("immutable")));
        assert_true(web_find(file.path, &found));
        assert_ptr_equal(found.gzip.ptr, file.gzip.ptr);
    }
    assert_true(n > 0);
}

static void the_index_is_a_page_that_the_policy_allows(void **state)
{
    (void)state;
    WebFile file;
    assert_true(web_find(STR("/index.html"), &file));
    assert_true(str_eq(file.content_type, STR("text/html; charset=utf-8")));
    assert_true(str_eq(file.cache_control, STR("no-cache")));
    Str text = inflated(&file);
    assert_true(str_starts(text, STR("<!doctype html>")));
    assert_false(str_contains(text, STR("<style"))); /* style-src and script-src are 'self' */
    assert_false(str_contains(text, STR(" style=")));
    assert_false(str_contains(text, STR("<script>")));
    assert_false(str_contains(text, STR("https://"))); /* nothing is fetched from elsewhere */
}

static void other_paths_find_nothing(void **state)
{
    (void)state;
    static const Str paths[] = {
        STR_ROW(""),
        STR_ROW("/"),
        STR_ROW("index.html"),
        STR_ROW("/index.htm"),
        STR_ROW("/index.html?"),
        STR_ROW("/index.html/"),
        STR_ROW("//index.html"),
        STR_ROW("/../index.html"),
        STR_ROW("/assets"),
    };
    WebFile file;
    for (size_t i = 0; i < COUNT_OF(paths); i++)
        assert_false(web_find(paths[i], &file));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_file_is_whole_and_described),
        cmocka_unit_test(the_index_is_a_page_that_the_policy_allows),
        cmocka_unit_test(other_paths_find_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
