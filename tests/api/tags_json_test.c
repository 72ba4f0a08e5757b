/* The one JSON text that clients send: what is read, what is refused, whole and cut at every byte.
 */
#include "api/tags_json.h"

#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PAIRS = 4 };

typedef struct Read {
    bool ok;
    size_t count;
    Err err;
    char text[256]; /* "key=value;..." */
} Read;

static Read read_text(Str text)
{
    Read out = { 0 };
    TextPair pairs[PAIRS];
    Arena *arena = arena_new(1 << 16, &out.err);
    if (!arena)
        return out;
    out.ok = tags_json_read(text, arena, pairs, PAIRS, &out.count, &out.err);
    for (size_t i = 0; out.ok && i < out.count; i++)
        snprintf(out.text + strlen(out.text), sizeof out.text - strlen(out.text), "%.*s=%.*s;",
                 STR_ARG(pairs[i].key), STR_ARG(pairs[i].value));
    arena_free(arena);
    return out;
}

static void what_is_read(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        { "{}", "" },
        { " { } ", "" },
        { "{\"a\":\"b\"}", "a=b;" },
        { " {\n\"a\" :\t\"b\" , \"c\":\"\" } ", "a=b;c=;" },
        { "{\"a\":\"b\",\"a\":\"c\"}", "a=b;a=c;" },
        { "{\"n\":-1.5e3,\"t\":true,\"f\":false}", "n=-1.5e3;t=true;f=false;" },
        { "{\"\\\"\\\\\\/\\b\":\"\\n\\r\\t\\f\"}", "\"\\/\b=\n\r\t\f;" },
        { "{\"a\":\"\\ud800x\",\"b\":\"\\udc00\"}", "a=\xEF\xBF\xBDx;b=\xEF\xBF\xBD;" },
        { "{\"\\u0041\":\"\\u00e9\\u20AC\\ud83d\\ude00\"}",
          "A=\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80;" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Read read = read_text(str_from(rows[i][0]));
        if (!read.ok)
            fail_msg("%s: %s", rows[i][0], read.err.text);
        assert_string_equal(read.text, rows[i][1]);
    }
}

static void what_is_refused(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        { "", "line 1, column 1: expected an object" },
        { "[]", "line 1, column 1: expected an object" },
        { "{\"a\"}", "line 1, column 5: expected ':'" },
        { "{\"a\":}", "line 1, column 6: expected a text" },
        { "{\"a\":null}", "line 1, column 6: expected a text" },
        { "{\"a\":{}}", "line 1, column 6: expected a text" },
        { "{\"a\":\"b\",}", "line 1, column 10: expected a key in quotes" },
        { "{a:\"b\"}", "line 1, column 2: expected a key in quotes" },
        { "{\"a\":\"b\"", "line 1, column 9: expected ',' or '}'" },
        { "{\"a\":\"b\"}{", "line 1, column 10: expected nothing behind the document" },
        { "{\"a\":\"\\x\"}", "expected an escape that JSON knows" },
        { "{\"a\":\"\\u12g4\"}", "expected four hexadecimal digits" },
        { "{\"a\":\"\n\"}", "expected no control character in a text" },
        { "{\"1\":1,\"2\":2,\"3\":3,\"4\":4,\"5\":5}", "more than 4 tags" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Read read = read_text(str_from(rows[i][0]));
        assert_false(read.ok);
        assert_int_equal(read.err.kind, ERR_INPUT);
        if (!strstr(read.err.text, rows[i][1]))
            fail_msg("%s: %s, not %s", rows[i][0], read.err.text, rows[i][1]);
    }
}

/* Each beginning of a good text is refused, and nothing behind it is read: it lies at the end of a
 * block of its own size, where a sanitizer sees one byte more. */
static void no_beginning_is_enough(void **state)
{
    (void)state;
    static const char text[] = "{\"a\\u00e9\\ud83d\\ude00\":\"b\\n\",\"c\":1.5,\"d\":true}";
    for (size_t n = 0; n < strlen(text); n++) {
        char *exact = malloc(n + 1);
        memcpy(exact + 1, text, n);
        assert_false(read_text((Str){ exact + 1, n }).ok);
        free(exact);
    }
    assert_true(read_text(str_from(text)).ok);
    assert_false(read_text((Str){ "{\0}", 3 }).ok);
}

static void no_memory_is_no_crash(void **state)
{
    (void)state;
    long n = 0;
    starve_after(-1);
    for (bool done = false; !done; n++) {
        long before = starve_live();
        starve_after(n);
        Read read = read_text(STR("{\"key\":\"value\",\"k\":\"v\"}"));
        done = !starve_happened();
        starve_end();
        assert_true(read.ok == done);
        assert_int_equal(starve_live(), before);
    }
    assert_true(n > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(no_beginning_is_enough),
        cmocka_unit_test(no_memory_is_no_crash),
    };
    return cmocka_run_group_tests_name("tags json", tests, NULL, NULL);
}
