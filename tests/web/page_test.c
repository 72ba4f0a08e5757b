/* What the page's handler answers, without a server. */
#include "web/page.h"

#include "support/starve.h"
#include "web/embedded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static Str field_of(const WebAnswer *out, const char *name)
{
    for (size_t i = 0; i < out->answer.field_count; i++)
        if (str_eq(out->fields[i].name, str_from(name)))
            return out->fields[i].value;
    return (Str){ 0 };
}

static WebAnswer asked(WebAsk ask)
{
    WebAnswer out;
    Err err;
    assert_true(web_answer(&ask, &out, &err));
    assert_true(out.answer.field_count <= WEB_FIELDS_MAX);
    return out;
}

static void every_answer_is_safe(void **state)
{
    (void)state;
    static const Str paths[] = { STR_ROW("/"), STR_ROW("/api/x"), STR_ROW("/assets/x"),
                                 STR_ROW("/index.html") };
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        WebAnswer out = asked((WebAsk){ .path = paths[i], .accept_encoding = STR("gzip") });
        Str policy = field_of(&out, "content-security-policy");
        assert_true(str_starts(policy, STR("default-src 'none'; script-src 'self'; ")));
        assert_false(str_contains(policy, STR("unsafe")));
        assert_true(str_contains(policy, STR("frame-ancestors 'none'")));
        assert_true(str_eq(field_of(&out, "x-content-type-options"), STR("nosniff")));
        assert_true(str_eq(field_of(&out, "referrer-policy"), STR("no-referrer")));
        assert_true(str_eq(field_of(&out, "cross-origin-opener-policy"), STR("same-origin")));
    }
}

static void views_are_the_page(void **state)
{
    (void)state;
    WebFile index;
    assert_true(web_find(STR("/index.html"), &index));
    static const Str views[] = {
        STR_ROW("/"),           STR_ROW("/search"),
        STR_ROW("/index.html"), STR_ROW("/trace/4bf92f3577b34da6a3ce929d0e0e4736"),
        STR_ROW("/api"),        STR_ROW("/nobody/knows")
    };
    for (size_t i = 0; i < COUNT_OF(views); i++) {
        WebAnswer out = asked((WebAsk){ .path = views[i], .accept_encoding = STR("br, gzip") });
        assert_int_equal(out.answer.status, 200);
        assert_true(str_eq(out.answer.content_type, STR("text/html; charset=utf-8")));
        assert_true(str_eq(field_of(&out, "content-encoding"), STR("gzip")));
        assert_true(str_eq(field_of(&out, "cache-control"), STR("no-cache")));
        assert_true(str_eq(field_of(&out, "vary"), STR("accept-encoding")));
        assert_ptr_equal(out.answer.static_body.ptr, index.gzip.ptr);
    }
}

static void programs_get_no_page_for_data(void **state)
{
    (void)state;
    static const Str paths[] = { STR_ROW("/assets/index-OLD.js"), STR_ROW("/api/nothing"),
                                 STR_ROW("/api/"), STR_ROW("/loki/api/v1/tail") };
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        WebAnswer out = asked((WebAsk){ .path = paths[i] });
        assert_int_equal(out.answer.status, 404);
        assert_true(str_starts(out.answer.content_type, STR("text/plain")));
        assert_null(field_of(&out, "etag").ptr);
    }
}

static void every_file_comes_plain_to_who_takes_no_gzip(void **state)
{
    (void)state;
    static const Str refusals[] = { STR_ROW(""), STR_ROW("br"), STR_ROW("gzip;q=0, br") };
    WebFile file;
    for (size_t n = 0; web_at(n, &file); n++)
        for (size_t i = 0; i < COUNT_OF(refusals); i++) {
            WebAsk ask = { .path = file.path, .accept_encoding = refusals[i] };
            WebAnswer out = asked(ask);
            assert_int_equal(out.answer.status, 200);
            assert_null(field_of(&out, "content-encoding").ptr);
            assert_int_equal(out.answer.body.len, file.size);
            assert_int_equal(out.answer.static_body.len, 0);
            buf_free(&out.answer.body);
        }
}

static void a_current_copy_is_not_sent_again(void **state)
{
    (void)state;
    WebFile file;
    assert_true(web_find(STR("/index.html"), &file));
    char several[128], strong[64];
    int n = snprintf(several, sizeof(several), "\"other\", %.*s", STR_ARG(file.etag));
    assert_in_range(n, 1, sizeof(several) - 1);
    n = snprintf(strong, sizeof(strong), "%.*s", STR_ARG(str_skip(file.etag, 2)));
    assert_in_range(n, 1, sizeof(strong) - 1);
    const Str current[] = { file.etag, str_from(several), str_from(strong) };
    for (size_t i = 0; i < COUNT_OF(current); i++) {
        WebAnswer out = asked((WebAsk){ .path = STR("/"), .if_none_match = current[i] });
        assert_int_equal(out.answer.status, 304);
        assert_int_equal(out.answer.body.len + out.answer.static_body.len, 0);
        assert_true(str_eq(field_of(&out, "etag"), file.etag));
        assert_true(str_eq(field_of(&out, "cache-control"), STR("no-cache")));
    }
    WebAnswer out = asked((WebAsk){ .path = STR("/"),
                                    .accept_encoding = STR("gzip"),
                                    .if_none_match = STR("W/\"0123456789abcdef0123\"") });
    assert_int_equal(out.answer.status, 200);
}

static void no_memory_is_an_error_and_leaks_nothing(void **state)
{
    (void)state;
    starve_after(-1);
    long before = starve_live();
    long n = 0;
    for (bool starved = true; starved; n++) {
        WebAnswer out;
        Err err;
        starve_after(n);
        bool answered = web_answer(&(WebAsk){ .path = STR("/") }, &out, &err);
        starved = starve_happened();
        starve_end();
        assert_int_equal(answered, !starved);
        if (answered)
            assert_true(str_starts(buf_str(&out.answer.body), STR("<!doctype html>")));
        else
            assert_int_equal(err.kind, ERR_MEMORY);
        buf_free(&out.answer.body);
        assert_int_equal(starve_live(), before);
    }
    assert_true(n > 1); /* it does allocate */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_answer_is_safe),
        cmocka_unit_test(views_are_the_page),
        cmocka_unit_test(programs_get_no_page_for_data),
        cmocka_unit_test(every_file_comes_plain_to_who_takes_no_gzip),
        cmocka_unit_test(a_current_copy_is_not_sent_again),
        cmocka_unit_test(no_memory_is_an_error_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
