/* json_test.c - the JSON that is written, character by character. */
#include "codec/json.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"

static void assert_writes(JsonWriter *json, const char *expected)
{
    Err err;
    assert_true(json_done(json, &err));
    if (!str_eq(buf_str(json->out), str_from(expected)))
        fail_msg("wrote %.*s, not %s", (int)json->out->len, json->out->ptr, expected);
    buf_free(json->out);
}

static void test_structure(void **state)
{
    (void)state;
    Buf out = BUF(1000);
    JsonWriter json = json_writer(&out);
    json_object(&json);
    json_key(&json, STR("empty"));
    json_object(&json);
    json_end(&json);
    json_key(&json, STR("list"));
    json_array(&json);
    json_null(&json);
    json_bool(&json, true);
    json_bool(&json, false);
    json_array(&json);
    json_end(&json);
    json_raw(&json, STR("{\"raw\":1}"));
    json_end(&json);
    json_key(&json, STR("last"));
    json_hex(&json, "\x01\xAB", 2);
    json_end(&json);
    assert_writes(&json,
                  "{\"empty\":{},\"list\":[null,true,false,[],{\"raw\":1}],\"last\":\"01ab\"}");
}

static void test_integers(void **state)
{
    (void)state;
    Buf out = BUF(1000);
    JsonWriter json = json_writer(&out);
    json_array(&json);
    json_i64(&json, 0);
    json_i64(&json, INT64_MIN);
    json_u64(&json, UINT64_MAX);
    json_i64_text(&json, -7);
    json_u64_text(&json, UINT64_MAX);
    json_end(&json);
    assert_writes(&json, "[0,-9223372036854775808,18446744073709551615,\"-7\","
                         "\"18446744073709551615\"]");
}

static void test_escapes(void **state)
{
    (void)state;
    static const struct {
        Str in;
        const char *out;
    } rows[] = {
        { STR_ROW(""), "\"\"" },
        { STR_ROW("a\"b\\c"), "\"a\\\"b\\\\c\"" },
        { STR_ROW("\n\r\t\b\f\x01\x1F\x7F"), "\"\\n\\r\\t\\b\\f\\u0001\\u001f\\u007f\"" },
        { STR_ROW("\x00"), "\"\\u0000\"" },
        { STR_ROW("</script>&"), "\"\\u003c/script\\u003e\\u0026\"" },
        { STR_ROW("\xE2\x80\xA8\xE2\x80\xA9\xE2\x80\xAA"), "\"\\u2028\\u2029\xE2\x80\xAA\"" },
        { STR_ROW("gr\xC3\xBCn \xF0\x9F\x98\x80"), "\"gr\xC3\xBCn \xF0\x9F\x98\x80\"" },
        { STR_ROW("\xFF\xC3"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"" },
        { STR_ROW("\xED\xA0\x80x"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDx\"" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Buf out = BUF(1000);
        JsonWriter json = json_writer(&out);
        json_text(&json, rows[i].in);
        assert_writes(&json, rows[i].out);
    }
}

static void test_doubles(void **state)
{
    (void)state;
    static const struct {
        double in;
        const char *out;
    } rows[] = {
        { 0, "0" },
        { -0.0, "-0" },
        { 1, "1" },
        { 0.1, "0.1" },
        { 0.1 + 0.2, "0.30000000000000004" },
        { 1e21, "1e+21" },
        { 5e-324, "4.94065645841247e-324" },
        { 123456789012345680.0, "1.2345678901234568e+17" },
        { NAN, "\"NaN\"" },
        { INFINITY, "\"Infinity\"" },
        { -INFINITY, "\"-Infinity\"" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Buf out = BUF(100);
        JsonWriter json = json_writer(&out);
        json_double(&json, rows[i].in);
        assert_writes(&json, rows[i].out);
    }
    Random random;
    random_seed(&random, 4);
    for (size_t round = 0; round < 20000; round++) {
        uint64_t bits = random_next(&random);
        double value;
        char text[JSON_DOUBLE_SIZE];
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        json_double_text(value, text);
        assert_true(strtod(text, NULL) == value);
    }
}

static void test_base64(void **state)
{
    (void)state;
    static const struct { /* RFC 4648, section 10 */
        Str in;
        const char *out;
    } rows[] = {
        { STR_ROW(""), "\"\"" },
        { STR_ROW("f"), "\"Zg==\"" },
        { STR_ROW("fo"), "\"Zm8=\"" },
        { STR_ROW("foo"), "\"Zm9v\"" },
        { STR_ROW("foob"), "\"Zm9vYg==\"" },
        { STR_ROW("foobar"), "\"Zm9vYmFy\"" },
        { STR_ROW("\xFF\xFE\xFB"), "\"//77\"" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Buf out = BUF(100);
        JsonWriter json = json_writer(&out);
        json_base64(&json, rows[i].in);
        assert_writes(&json, rows[i].out);
    }
}

static void test_depth(void **state)
{
    (void)state;
    Err err;
    Buf out = BUF(10000);
    JsonWriter json = json_writer(&out);
    for (int i = 0; i < JSON_DEPTH; i++)
        json_array(&json);
    assert_true(json_done(&json, &err));
    json_object(&json);
    json_key(&json, STR("too deep"));
    json_text(&json, STR("x"));
    json_end(&json);
    assert_false(json_done(&json, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    buf_free(&out);
}

static void test_ceiling(void **state)
{
    (void)state;
    Err err;
    Buf out = BUF(10);
    JsonWriter json = json_writer(&out);
    json_text(&json, STR("longer than ten"));
    assert_false(json_done(&json, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_structure), cmocka_unit_test(test_integers),
        cmocka_unit_test(test_escapes),   cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_base64),    cmocka_unit_test(test_depth),
        cmocka_unit_test(test_ceiling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
