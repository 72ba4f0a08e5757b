/* Header lists, media types, lists with weights, Retry-After, query strings. */
#include "net/http.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void fields_are_found_by_lower_case_name_and_bounded(void **state)
{
    (void)state;
    Err err = { 0 };
    HttpFields fields;
    http_fields_init(&fields, 200);
    assert_true(http_fields_add(&fields, STR("Content-Type"), STR("a/B"), &err));
    assert_true(http_fields_add(&fields, STR("x"), STR(""), &err));
    assert_true(str_eq(http_fields_get(&fields, STR("content-type")), STR("a/B")));
    assert_non_null(http_fields_get(&fields, STR("x")).ptr);
    assert_null(http_fields_get(&fields, STR("y")).ptr);
    size_t added = 2;
    while (http_fields_add(&fields, STR("n"), STR("v"), &err))
        added++;
    assert_int_equal(err.kind, ERR_LIMIT);
    assert_int_equal(fields.count, added);
    assert_int_equal(added, 2 + (200 - (15 + 32) - (1 + 32)) / 34);
    http_fields_clear(&fields);
    assert_true(http_fields_add(&fields, STR("a"), STR("b"), &err));
    assert_int_equal(fields.count, 1);
    http_fields_done(&fields);
}

static void fields_are_replaced_and_removed_by_name(void **state)
{
    (void)state;
    Err err = { 0 };
    HttpFields fields;
    http_fields_init(&fields, 200);
    assert_true(http_fields_add(&fields, STR("a"), STR("1"), &err));
    assert_true(http_fields_add(&fields, STR("b"), STR("2"), &err));
    assert_true(http_fields_add(&fields, STR("a"), STR("3"), &err));
    assert_true(http_fields_set(&fields, STR("a"), STR("4"), &err));
    assert_int_equal(fields.count, 2);
    assert_int_equal(fields.charged, 2 * (2 + HTTP_FIELD_OVERHEAD));
    assert_true(str_eq(http_fields_get(&fields, STR("a")), STR("4")));
    assert_true(str_eq(http_fields_at(&fields, 0).name, STR("b")));
    http_fields_remove(&fields, STR("b"));
    http_fields_remove(&fields, STR("c"));
    assert_int_equal(fields.count, 1);
    http_fields_done(&fields);
}

static void media_types_and_lists_are_compared_as_rfc_9110_says(void **state)
{
    (void)state;
    assert_true(
        http_media_type_is(STR("application/JSON ; charset=utf-8"), STR("application/json")));
    assert_false(http_media_type_is(STR("application/jsonx"), STR("application/json")));
    assert_false(http_media_type_is((Str){ 0 }, STR("application/json")));
    assert_true(http_list_has(STR("br, GZIP;q=0.5"), STR("gzip")));
    assert_false(http_list_has(STR("br, gzip; q=0"), STR("gzip")));
    assert_false(http_list_has(STR("br, gzip;q=0.000"), STR("gzip")));
    assert_false(http_list_has(STR("xgzip"), STR("gzip")));
    assert_false(http_list_has((Str){ 0 }, STR("gzip")));
}

static void retry_after_is_seconds_or_a_date(void **state)
{
    (void)state;
    const int64_t now = 784111777 * NANOS_PER_SECOND; /* Sun, 06 Nov 1994 08:49:37 GMT */
    static const struct {
        const char *text;
        uint32_t ms;
    } rows[] = {
        { "3", 3000 },
        { " 120 ", 120000 },
        { "0", 0 },
        { "-5", 0 },
        { "99999999999", 86400000 },
        { "soon", 0 },
        { "", 0 },
        { "Sun, 06 Nov 1994 08:49:37 GMT", 0 },
        { "Sun, 06 Nov 1994 08:49:47 GMT", 10000 },
        { "Sun, 06 Nov 1994 08:49:27 GMT", 0 },
        { "Sun, 06 Nix 1994 08:49:47 GMT", 0 },
        { "Mon, 29 Feb 2044 08:49:47 GMT", 86400000 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(http_retry_after_ms(str_from(rows[i].text), now), rows[i].ms);
}

static void query_values_are_found_and_decoded(void **state)
{
    (void)state;
    Str query = STR("a=1&service=a%20b+c%2B&a=2&empty=&flag&bad=%zz&cut=%4");
    static const struct {
        const char *name;
        size_t nth;
        const char *value; /* NULL: none */
    } rows[] = {
        { "a", 0, "1" },    { "a", 1, "2" },     { "a", 2, NULL },   { "service", 0, "a b c+" },
        { "empty", 0, "" }, { "flag", 0, "" },   { "bad", 0, NULL }, { "cut", 0, NULL },
        { "ser", 0, NULL }, { "none", 0, NULL },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Buf out = BUF(64);
        bool found = http_query_get(query, str_from(rows[i].name), rows[i].nth, &out);
        assert_int_equal(found, rows[i].value != NULL);
        assert_true(!found || str_eq(buf_str(&out), str_from(rows[i].value)));
        buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_found_by_lower_case_name_and_bounded),
        cmocka_unit_test(fields_are_replaced_and_removed_by_name),
        cmocka_unit_test(media_types_and_lists_are_compared_as_rfc_9110_says),
        cmocka_unit_test(retry_after_is_seconds_or_a_date),
        cmocka_unit_test(query_values_are_found_and_decoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
