/* translate_test.c - names as Prometheus' OTLP translation makes them. */
#include "prom/translate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

typedef struct FamilyRow {
    const char *name, *unit;
    NameEnding ending;
    const char *expected; /* NULL: there is none */
    const char *ns;
    bool plain;
} FamilyRow;

static const FamilyRow families[] = {
    { "chat_requests_total", "", ENDING_TOTAL, "otel_demo_chat_requests_total", .ns = "otel_demo" },
    { "chat_requests", "{request}", ENDING_TOTAL, "chat_requests_total", .ns = NULL },
    { "http.server.request.duration", "s", ENDING_NONE, "http_server_request_duration_seconds",
      .ns = NULL },
    { "request.duration.seconds", "s", ENDING_NONE, "request_duration_seconds", .ns = NULL },
    { "memory usage", "By", ENDING_RATIO, "memory_usage_bytes", .ns = NULL },
    { "disk.io", "By/s", ENDING_RATIO, "disk_io_bytes_per_second", .ns = NULL },
    { "disk.io", " By / s ", ENDING_RATIO, "disk_io_bytes_per_second", .ns = NULL },
    { "requests", "1/s", ENDING_TOTAL, "requests_per_second_total", .ns = NULL },
    { "speed", "m/{step}", ENDING_RATIO, "speed_meters", .ns = NULL },
    { "speed", "m/", ENDING_RATIO, "speed_meters", .ns = NULL },
    { "speed", "/s", ENDING_RATIO, "speed_per_second", .ns = NULL },
    { "speed", "m/s/h", ENDING_RATIO, "speed_meters_per_s_h", .ns = NULL },
    { "cpu.utilization", "1", ENDING_RATIO, "cpu_utilization_ratio", .ns = NULL },
    { "ratio.cpu", "1", ENDING_RATIO, "cpu_ratio", .ns = NULL },
    { "connections", "1", ENDING_NONE, "connections", .ns = NULL },
    { "items", "1", ENDING_TOTAL, "items_total", .ns = NULL },
    { "total.items.total", "", ENDING_TOTAL, "items_total", .ns = NULL },
    { "battery", "%", ENDING_RATIO, "battery_percent", .ns = NULL },
    { "a.b", "parsecs", ENDING_NONE, "a_b_parsecs", .ns = NULL },
    { "a", "x@y#z/w w", ENDING_NONE, "a_x_y_z_per_w_w", .ns = NULL },
    { "a", "x@", ENDING_NONE, "a_x_", .ns = NULL },
    { "a", "x@/s", ENDING_NONE, "a_x_per_second", .ns = NULL },
    { "a", "s/@", ENDING_NONE, "a_seconds", .ns = NULL },
    { "2xx.answers", "", ENDING_TOTAL, "_2xx_answers_total", .ns = NULL },
    { "2xx", "", ENDING_TOTAL, "web_2xx_total", .ns = "web" },
    { "a__b..c", "", ENDING_NONE, "a_b_c", .ns = NULL },
    { "job:rate::sum", "", ENDING_NONE, "job:rate::sum", .ns = NULL },
    { "caf\xc3\xa9.open", "", ENDING_NONE, "caf_open", .ns = NULL },
    { "\xe6\x97\xa5\xe6\x9c\xac", "", ENDING_NONE, NULL, .ns = NULL },
    { "@#$", "", ENDING_NONE, NULL, .ns = NULL },
    { "", "", ENDING_NONE, NULL, .ns = NULL },
    { "@", "s", ENDING_NONE, "seconds", .ns = NULL },
    { "a", "", ENDING_NONE, "my_space_a", .ns = "my space!" },
    { "a__b.c", "s", ENDING_TOTAL, "a__b_c", .plain = true },
    { "a", "s", ENDING_TOTAL, "x_a", .ns = "x", .plain = true },
    { "1a", "", ENDING_NONE, "_1a", .plain = true },
    { "____", "", ENDING_NONE, "____", .plain = true },
    { ".", "", ENDING_NONE, NULL, .plain = true },
};

static void test_families(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(families); i++) {
        const FamilyRow *row = &families[i];
        Buf out = BUF(200);
        buf_add(&out, STR("kept "));
        FamilyNaming naming = { str_from(row->name), str_from(row->unit), row->ending,
                                str_from(row->ns), row->plain };
        bool made = family_name(&naming, &out);
        if (made != (row->expected != NULL))
            fail_msg("%s: %s", row->name, buf_text(&out));
        if (made)
            assert_string_equal(buf_text(&out) + 5, row->expected);
        buf_free(&out);
    }
}

static void test_labels(void **state)
{
    (void)state;
    static const struct {
        const char *key, *expected;
        bool plain;
    } rows[] = {
        { "http.method", "http_method", false },
        { "plain_1", "plain_1", true },
        { "a..b", "a__b", false },
        { "caf\xc3\xa9", "caf_", false },
        { "9lives", "key_9lives", false },
        { "_private", "key_private", false },
        { "__meta", "__meta", true },
        { ".dotted", "key_dotted", false },
        { "__", "__", true },
        { "__name__", "__name__", true },
        { "a:b", "a_b", false },
        { "..", NULL, false },
        { "", NULL, false },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Buf out = BUF(100);
        assert_int_equal(label_name(str_from(rows[i].key), &out), rows[i].expected != NULL);
        if (rows[i].expected)
            assert_string_equal(buf_text(&out), rows[i].expected);
        assert_int_equal(label_name_plain(str_from(rows[i].key)), rows[i].plain);
        buf_free(&out);
    }
}

static void test_units(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        { "s", "seconds" },  { "By/s", "bytes_per_second" },
        { "1", "" },         { "1/s", "per_second" },
        { "{request}", "" }, { "{request}/s", "per_second" },
        { "x@", "x" },       { "@x", "x" },
        { "", "" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Buf out = BUF(100);
        unit_name(str_from(rows[i][0]), &out);
        assert_string_equal(buf_text(&out), rows[i][1]);
        buf_free(&out);
    }
}

static void test_ceiling(void **state)
{
    (void)state;
    Err err;
    Buf out = BUF(4);
    FamilyNaming naming = { .name = STR("9.lives"), .unit = STR("s") };
    assert_true(family_name(&naming, &out));
    assert_false(buf_ok(&out, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    buf_free(&out);
    out = BUF(8);
    assert_true(label_name(STR("9lives.."), &out));
    assert_false(buf_ok(&out, &err));
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_families),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_units),
        cmocka_unit_test(test_ceiling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
