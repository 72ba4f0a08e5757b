/* debug_text_test.c - the text of the debug exporter, compared with tests/golden/debug, for the
 * messages in tests/golden/otlp that protoc wrote.
 *
 * CRYO_GOLDEN=write in the environment writes the texts anew; read what changed before keeping it.
 */
#include "exporters/debug/debug_text.h"

#include "base/disk.h"
#include "support/make_spans.h"
#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TEXT_MAX = 1 << 20 };

typedef struct Golden {
    Signal signal;
    const char *bytes, *normal, *detailed;
} Golden;

static const Golden golden[] = {
    { TRACES, "tests/golden/otlp/traces.bin", "tests/golden/debug/traces.normal.txt",
      "tests/golden/debug/traces.detailed.txt" },
    { METRICS, "tests/golden/otlp/metrics.bin", "tests/golden/debug/metrics.normal.txt",
      "tests/golden/debug/metrics.detailed.txt" },
    { LOGS, "tests/golden/otlp/logs.bin", "tests/golden/debug/logs.normal.txt",
      "tests/golden/debug/logs.detailed.txt" },
};

static Batch *read_batch(const Golden *row)
{
    Err err = { 0 };
    Buf bytes = BUF(TEXT_MAX);
    assert_true(disk_read_all(disk_system(), row->bytes, &bytes, &err));
    Batch *batch = batch_from_bytes(row->signal, &bytes, &err);
    buf_free(&bytes);
    assert_non_null(batch);
    return batch;
}

static void write_golden(const char *path, Str text)
{
    Err err = { 0 };
    File *file = disk_open(disk_system(), path, DISK_WRITE, &err);
    assert_non_null(file);
    assert_true(file_truncate(file, 0, &err));
    assert_true(file_write(file, 0, text.ptr, text.len, &err));
    assert_true(file_close(file, &err));
}

static void compare(const char *path, Str got)
{
    Err err = { 0 };
    Buf want = BUF(TEXT_MAX);
    const char *mode = getenv("CRYO_GOLDEN");
    if (mode && !strcmp(mode, "write"))
        write_golden(path, got);
    if (!disk_read_all(disk_system(), path, &want, &err))
        fail_msg("%s", err.text);
    Str rest = buf_str(&want);
    for (int line = 1; rest.len || got.len; line++) {
        Str want_line = { 0 }, got_line = { 0 };
        (void)!str_split(&rest, '\n', &want_line);
        (void)!str_split(&got, '\n', &got_line);
        if (!str_eq(want_line, got_line) || !rest.len != !got.len)
            fail_msg("%s:%d: \"%.*s\", but: \"%.*s\"", path, line, STR_ARG(want_line),
                     STR_ARG(got_line));
    }
    buf_free(&want);
}

static void texts_are_as_they_were(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(golden); i++) {
        Batch *batch = read_batch(&golden[i]);
        Buf normal = BUF(TEXT_MAX), detailed = BUF(TEXT_MAX);
        debug_normal(batch, &normal);
        debug_detailed(batch, &detailed);
        assert_false(normal.failed || detailed.failed);
        compare(golden[i].normal, buf_str(&normal));
        compare(golden[i].detailed, buf_str(&detailed));
        buf_free(&normal);
        buf_free(&detailed);
        batch_unref(batch);
    }
}

static bool is_tame(char c)
{
    return c == '\n' || ((unsigned char)c >= ' ' && c != 127);
}

static void telemetry_cannot_drive_a_terminal(void **state)
{
    (void)state;
    Err err = { 0 };
    Batch *batch = make_spans(STR("name=\"\x1b[2Jboo\r\" message=\x07 scope=a\x08z/1\x7f "
                                  "@k\x01=v\x02 %r=\x03 event=e\x04 link=b2/7"),
                              &err);
    if (!batch)
        fail_msg("%s", err.text);
    Buf text = BUF(TEXT_MAX);
    debug_normal(batch, &text);
    debug_detailed(batch, &text);
    for (size_t i = 0; i < text.len; i++)
        assert_true(is_tame(text.ptr[i]));
    static const char *const shown[] = { "\\x1b[2Jboo\\x0d", "\\x07",  "a\\x08z", "1\\x7f",
                                         "k\\x01",           "v\\x02", "\\x03",   "e\\x04" };
    for (size_t i = 0; i < COUNT_OF(shown); i++)
        if (!str_contains(buf_str(&text), str_from(shown[i])))
            fail_msg("\"%s\" is missing in:\n%.*s", shown[i], STR_ARG(buf_str(&text)));
    buf_free(&text);
    batch_unref(batch);
}

static void an_id_that_is_none_is_empty(void **state)
{
    (void)state;
    Err err = { 0 };
    Batch *batch = make_spans(STR("trace=0 id=0 name=a @k=v"), &err);
    assert_non_null(batch);
    Buf text = BUF(TEXT_MAX);
    debug_normal(batch, &text);
    assert_true(str_contains(buf_str(&text), STR("\na   k=v\n")));
    buf_clear(&text);
    debug_detailed(batch, &text);
    assert_true(str_contains(buf_str(&text), STR("Trace ID       : \n")));
    assert_true(str_contains(buf_str(&text), STR("    ID             : \n")));
    buf_free(&text);
    batch_unref(batch);
}

/* A full Buf, or one without memory, loses the end of the text and nothing else. */
static void the_end_may_be_missing(void **state)
{
    (void)state;
    starve_after(-1);
    for (size_t i = 0; i < COUNT_OF(golden); i++) {
        Batch *batch = read_batch(&golden[i]);
        long base = starve_live();
        for (size_t size = 0; size < 3000; size += 7) {
            Buf text = BUF(size);
            debug_detailed(batch, &text);
            debug_normal(batch, &text);
            assert_true(text.len <= size);
            buf_free(&text);
        }
        for (long n = 0, more = 1; more; n++) {
            Buf text = BUF(TEXT_MAX);
            starve_after(n);
            debug_detailed(batch, &text);
            debug_normal(batch, &text);
            more = starve_happened();
            starve_end();
            buf_free(&text);
            assert_int_equal(starve_live(), base);
        }
        batch_unref(batch);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_as_they_were),
        cmocka_unit_test(telemetry_cannot_drive_a_terminal),
        cmocka_unit_test(an_id_that_is_none_is_empty),
        cmocka_unit_test(the_end_may_be_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
