/* json_reader_test.c - the JSON that is read, and what is refused where. */
#include "codec/json_reader.h"

#include "base/mem.h"
#include "base/random.h"
#include "codec/json_echo.h"
#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* In a heap block of its exact size, so that one byte too far is seen. */
static bool echo_text(Str text, Buf *out, Err *err)
{
    char *exact = mem_grow(NULL, text.len ? text.len : 1);
    assert_non_null(exact);
    memcpy(exact, text.ptr, text.len);
    JsonReader reader = json_reader((Str){ exact, text.len });
    JsonWriter writer = json_writer(out);
    json_echo(&reader, &writer);
    bool ok = json_read_end(&reader, err);
    json_reader_done(&reader);
    mem_free(exact);
    return ok;
}

static bool skip_text(Str text, Err *err)
{
    JsonReader reader = json_reader(text);
    json_skip(&reader);
    bool ok = json_read_end(&reader, err);
    json_reader_done(&reader);
    return ok;
}

static void assert_reads(Str text, const char *expected)
{
    Err err = { 0 };
    Buf out = BUF(100000);
    if (!echo_text(text, &out, &err))
        fail_msg("%.*s: %s", STR_ARG(text), err.text);
    if (!str_eq(buf_str(&out), str_from(expected)))
        fail_msg("read %.*s, not %s", STR_ARG(buf_str(&out)), expected);
    assert_true(skip_text(text, &err));
    buf_free(&out);
}

static void assert_refuses(Str text, const char *why)
{
    Err err = { 0 };
    Buf out = BUF(100000);
    if (echo_text(text, &out, &err))
        fail_msg("accepted %.*s", STR_ARG(text));
    if (strcmp(err.text, why) != 0)
        fail_msg("%.*s: \"%s\", not \"%s\"", STR_ARG(text), err.text, why);
    assert_false(skip_text(text, &err));
    assert_string_equal(err.text, why);
    buf_free(&out);
}

static void test_values(void **state)
{
    (void)state;
    assert_reads(STR(" { } "), "{}");
    assert_reads(STR("[\t]\r\n"), "[]");
    assert_reads(STR("null"), "null");
    assert_reads(STR("[true,false , null]"), "[true,false,null]");
    assert_reads(STR("{\"a\" : [ 1 , { \"b\" : \"c\" } , [ ] ] , \"\" : { } }"),
                 "{\"a\":[1,{\"b\":\"c\"},[]],\"\":{}}");
    assert_reads(STR("[0,-0,10,-1.5,1e5,1E-5,0.25e+10]"), "[0,-0,10,-1.5,1e5,1E-5,0.25e+10]");
    assert_reads(STR("{\"a\":1,\"a\":2}"), "{\"a\":1,\"a\":2}"); /* the caller's business */
}

static void test_text(void **state)
{
    (void)state;
    assert_reads(STR("\"\""), "\"\"");
    assert_reads(STR("\"plain, and longer than eight bytes\""),
                 "\"plain, and longer than eight bytes\"");
    assert_reads(STR("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), "\"\\\"\\\\/\\b\\f\\n\\r\\t\"");
    assert_reads(STR("\"before\\u0041behind\""), "\"beforeAbehind\"");
    assert_reads(STR("\"\\u00e4\\u20AC\\uD83D\\uDE00\""),
                 "\"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\"");
    assert_reads(STR("\"a\\u0000b\""), "\"a\\u0000b\"");
    assert_reads(STR("{\"k\\u0065y\":\"\xC3\xA4\"}"), "{\"key\":\"\xC3\xA4\"}");
    for (size_t before = 0; before < 20; before++) { /* the quote at every place of a word */
        char text[64], expected[64];
        snprintf(text, sizeof text, "\"%.*s\\n%.*s\"", (int)before, "abcdefghijklmnopqrst",
                 (int)(19 - before), "abcdefghijklmnopqrst");
        snprintf(expected, sizeof expected, "%s", text);
        assert_reads(str_from(text), expected);
    }
}

static void test_lone_surrogates(void **state)
{
    (void)state;
    assert_reads(STR("\"\\uD800\""), "\"\xEF\xBF\xBD\"");
    assert_reads(STR("\"\\uDC00x\""), "\"\xEF\xBF\xBDx\"");
    assert_reads(STR("\"\\uD800\\uD83D\\uDE00\""), "\"\xEF\xBF\xBD\xF0\x9F\x98\x80\"");
    assert_reads(STR("\"\\uD800\\n\""), "\"\xEF\xBF\xBD\\n\"");
    assert_refuses(STR("\"\\uD800\\uZZZZ\""),
                   "line 1, column 10: expected four hexadecimal digits");
}

static void test_refused(void **state)
{
    (void)state;
    assert_refuses(STR(""), "line 1, column 1: expected a value");
    assert_refuses(STR("{} x"), "line 1, column 4: expected nothing behind the document");
    assert_refuses(STR("{}{}"), "line 1, column 3: expected nothing behind the document");
    assert_refuses(STR("{\n \"a\": 1,\n}"), "line 3, column 1: expected a key in quotes");
    assert_refuses(STR("[1,]"), "line 1, column 4: expected a value");
    assert_refuses(STR("[,1]"), "line 1, column 2: expected a value");
    assert_refuses(STR("[1 2]"), "line 1, column 4: expected ',' or ']'");
    assert_refuses(STR("[1}"), "line 1, column 3: expected ',' or ']'");
    assert_refuses(STR("{\"a\" 1}"), "line 1, column 6: expected ':'");
    assert_refuses(STR("{a:1}"), "line 1, column 2: expected a key in quotes");
    assert_refuses(STR("{\"a\":1 \"b\":2}"), "line 1, column 8: expected ',' or '}'");
    assert_refuses(STR("'a'"), "line 1, column 1: expected a value");
    assert_refuses(STR("nul"), "line 1, column 1: expected null");
    assert_refuses(STR("[tru]"), "line 1, column 2: expected true or false");
    assert_refuses(STR("truely"), "line 1, column 5: expected nothing behind the document");
    assert_refuses(STR("NaN"), "line 1, column 1: expected a value");
    assert_refuses(STR("+1"), "line 1, column 1: expected a value");
    assert_refuses(STR("[01]"), "line 1, column 2: expected a number");
    assert_refuses(STR("[1.]"), "line 1, column 2: expected a number");
    assert_refuses(STR("[.5]"), "line 1, column 2: expected a value");
    assert_refuses(STR("[1e]"), "line 1, column 2: expected a number");
    assert_refuses(STR("-"), "line 1, column 1: expected a number");
    assert_refuses(STR("0x10"), "line 1, column 2: expected nothing behind the document");
    assert_refuses(STR("\"a\nb\""), "line 1, column 3: expected no control character in a text");
    assert_refuses(STR("\"abc"), "line 1, column 5: expected the end of the text");
    assert_refuses(STR("\"\\x\""), "line 1, column 3: expected an escape that JSON knows");
    assert_refuses(STR("\"\\"), "line 1, column 3: expected an escape that JSON knows");
    assert_refuses(STR("\"\\u12G4\""), "line 1, column 4: expected four hexadecimal digits");
    assert_refuses(STR("\xEF\xBB\xBF{}"), "line 1, column 1: expected a value");
    assert_refuses(STR("/* c */ 1"), "line 1, column 1: expected a value");
    assert_refuses(STR("1\0"), "line 1, column 2: expected nothing behind the document");
}

static void test_depth(void **state)
{
    (void)state;
    char text[2 * (JSON_READ_DEPTH + 1)];
    Err err;
    memset(text, '[', JSON_READ_DEPTH + 1);
    memset(text + JSON_READ_DEPTH + 1, ']', JSON_READ_DEPTH + 1);
    assert_true(skip_text((Str){ text + 1, 2 * JSON_READ_DEPTH }, &err));
    assert_false(skip_text((Str){ text, sizeof text }, &err));
    assert_int_equal(err.kind, ERR_INPUT);
    assert_string_equal(err.text, "line 1, column 101: nested deeper than 100 levels");
}

/* A caller that asks for another type than what is there, or refuses the value itself. */
static void test_asked_wrongly(void **state)
{
    (void)state;
    Err err;
    Str text;
    bool either;
    JsonReader reader = json_reader(STR("[\"a\"]"));
    assert_false(json_read_object(&reader));
    assert_false(json_read_text(&reader, &text)); /* failure is sticky */
    assert_false(json_read_end(&reader, &err));
    assert_string_equal(err.text, "line 1, column 1: expected an object");
    json_reader_done(&reader);

    reader = json_reader(STR("[\n\"a\", 5]"));
    assert_true(json_read_array(&reader));
    assert_true(json_read_element(&reader));
    assert_true(json_read_text(&reader, &text));
    assert_true(json_read_element(&reader));
    assert_false(json_read_bool(&reader, &either));
    assert_false(json_read_end(&reader, &err));
    assert_string_equal(err.text, "line 2, column 6: expected true or false");
    json_reader_done(&reader);

    reader = json_reader(STR("{\"n\": 5}"));
    assert_true(json_read_object(&reader));
    assert_true(json_read_key(&reader, &text));
    assert_true(json_read_number(&reader, &text));
    assert_false(json_read_fail(&reader, ERR_LIMIT, "%s is too much", "five"));
    assert_false(json_read_key(&reader, &text));
    assert_false(json_read_end(&reader, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    assert_string_equal(err.text, "line 1, column 7: five is too much");
    json_reader_done(&reader);
}

static void write_random(Random *random, JsonWriter *writer, int depth)
{
    static const Str texts[] = { STR_ROW(""), STR_ROW("a"), STR_ROW("quote \" slash \\ tab \t"),
                                 STR_ROW("\xF0\x9F\x98\x80 smile, and a long tail") };
    Str text = texts[random_below(random, COUNT_OF(texts))];
    switch (random_below(random, depth ? 6 : 4)) {
    case 0: json_text(writer, text); break;
    case 1: json_i64(writer, (int64_t)random_next(random)); break;
    case 2: json_bool(writer, random_below(random, 2)); break;
    case 3: json_null(writer); break;
    case 4:
        json_object(writer);
        for (uint64_t n = random_below(random, 4); n > 0; n--) {
            json_key(writer, text);
            write_random(random, writer, depth - 1);
        }
        json_end(writer);
        break;
    default:
        json_array(writer);
        for (uint64_t n = random_below(random, 4); n > 0; n--)
            write_random(random, writer, depth - 1);
        json_end(writer);
    }
}

/* What the writer writes is read back as it was; cut anywhere it is refused. */
static void test_round_trip_and_cut(void **state)
{
    (void)state;
    Random random;
    random_seed(&random, 7);
    for (int round = 0; round < 300; round++) {
        Err err;
        Buf text = BUF(1000000), again = BUF(1000000);
        JsonWriter writer = json_writer(&text);
        json_array(&writer);
        write_random(&random, &writer, 5);
        json_end(&writer);
        assert_true(json_done(&writer, &err));
        assert_true(echo_text(buf_str(&text), &again, &err));
        assert_true(str_eq(buf_str(&text), buf_str(&again)));
        for (size_t cut = 0; cut < text.len; cut++) {
            buf_clear(&again);
            assert_false(echo_text(str_first(buf_str(&text), cut), &again, &err));
            assert_false(skip_text(str_first(buf_str(&text), cut), &err));
            assert_int_equal(err.kind, ERR_INPUT);
        }
        buf_free(&again);
        buf_free(&text);
    }
}

static void test_damaged(void **state)
{
    (void)state;
    static const char sample[] = "{\"a\":[1,-2.5e3,\"t\\u00e4\\n\"],\"b\":{\"c\":null,\"d\":true}}";
    Random random;
    random_seed(&random, 8);
    for (int round = 0; round < 3000; round++) {
        char text[sizeof sample];
        Err err;
        Buf out = BUF(10000);
        memcpy(text, sample, sizeof sample);
        for (uint64_t n = random_below(&random, 3) + 1; n > 0; n--)
            text[random_below(&random, sizeof sample - 1)] = (char)random_next(&random);
        bool echoed = echo_text((Str){ text, sizeof sample - 1 }, &out, &err);
        assert_true(echoed == skip_text((Str){ text, sizeof sample - 1 }, &err));
        buf_free(&out);
    }
}

static void test_starved(void **state)
{
    (void)state;
    const Str text =
        STR("[\"an escape \\n makes it allocate\",\"and \\t once more, and for longer, "
            "so that it grows beyond what is there already\"]");
    for (long n = 0;; n++) {
        Err err;
        starve_after(n);
        long alive = starve_live();
        bool ok = skip_text(text, &err);
        int starved = starve_happened();
        starve_end();
        assert_int_equal(starve_live(), alive);
        assert_true(ok != (starved != 0));
        if (ok)
            return;
        assert_int_equal(err.kind, ERR_MEMORY);
    }
}

static void assert_base64(Str text, const char *expected)
{
    Buf out = BUF(1000);
    bool ok = json_unbase64(text, &out);
    if (!expected)
        assert_false(ok);
    else if (!ok || !str_eq(buf_str(&out), str_from(expected)))
        fail_msg("%.*s: %d, %.*s", STR_ARG(text), ok, STR_ARG(buf_str(&out)));
    buf_free(&out);
}

static void test_base64(void **state)
{
    (void)state;
    assert_base64(STR(""), ""); /* RFC 4648, section 10 */
    assert_base64(STR("Zg=="), "f");
    assert_base64(STR("Zm8="), "fo");
    assert_base64(STR("Zm9v"), "foo");
    assert_base64(STR("Zm9vYg=="), "foob");
    assert_base64(STR("Zm9vYmE="), "fooba");
    assert_base64(STR("Zm9vYmFy"), "foobar");
    assert_base64(STR("Zm9vYg"), "foob"); /* without padding */
    assert_base64(STR("Zm9vYmE"), "fooba");
    assert_base64(STR("+/+/"), "\xFB\xFF\xBF");
    assert_base64(STR("-_-_"), "\xFB\xFF\xBF");
    assert_base64(STR("Z"), NULL);
    assert_base64(STR("Zg="), NULL);
    assert_base64(STR("===="), NULL);
    assert_base64(STR("Zm 9"), NULL);
    assert_base64(STR("Zg==Zg=="), NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_lone_surrogates),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_asked_wrongly),
        cmocka_unit_test(test_round_trip_and_cut),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_starved),
        cmocka_unit_test(test_base64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
