/* The file exporter: what is in the file, read back; a full disk, and the writer's thread.
 * (runs under tsan) */
#include "base/log.h"
#include "otlp/batch.h"
#include "otlp/json_in.h"
#include "otlp/json_out.h"
#include "pipe/host_base.h"
#include "support/make_batch.h"
#include "support/otlp_sample.h"
#include "support/starve.h"
#include "support/test_disk.h"
#include "support/test_host.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

extern const ComponentType file_exporter;

#define PATH "out.json"

typedef struct Fixture {
    TestDisk *disk;
    TestHost *host;
} Fixture;

static void begin(Fixture *f, const char *yaml)
{
    Err err;
    *f = (Fixture){ .disk = test_disk_new(1) };
    f->host = test_host_new(&file_exporter, str_from(yaml), NULL, &err);
    assert_non_null(f->host);
    test_host_host(f->host)->disk = test_disk_door(f->disk);
    if (!test_host_start(f->host, &err))
        fail_msg("%s", err.text);
}

static void end(Fixture *f)
{
    test_host_stop(f->host);
    assert_int_equal(test_host_open(f->host), 0);
    test_host_free(f->host);
    test_disk_free(f->disk);
}

static bool push(TestHost *host, Signal signal, const char *words, Err *err)
{
    Batch *batch = make_batch(signal, str_from(words), err);
    assert_non_null(batch);
    bool taken = test_host_push(host, batch, true, err);
    batch_unref(batch);
    return taken;
}

static Batch *read_line(Signal signal, Str line)
{
    Err err;
    Buf bytes = BUF(16 << 20);
    if (!otlp_json_read(signal, line, &bytes, &err))
        fail_msg("%s", err.text);
    Batch *batch = batch_from_bytes(signal, &bytes, &err);
    assert_non_null(batch);
    return batch;
}

static void expect_line(Str line, Signal signal, const char *want)
{
    Buf got = BUF(1 << 16);
    Batch *batch = read_line(signal, line);
    describe_batch(batch, &got);
    assert_string_equal(buf_text(&got), want);
    batch_unref(batch);
    buf_free(&got);
}

static void all_signals_go_into_one_file(void **state)
{
    (void)state;
    Fixture f;
    Err err;
    Buf text = BUF(1 << 20);
    Str rest, line;
    begin(&f, "{path: " PATH "}");
    assert_true(push(f.host, TRACES, "{service.name=shop} a b", &err));
    assert_true(push(f.host, METRICS, "{} m(n=1)", &err));
    assert_true(push(f.host, LOGS, "{} hello", &err));
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(test_host_ack(f.host, i)->outcome.result, ACK_DELIVERED);
    ComponentStatus status = test_host_status(f.host);
    assert_int_equal(status.sent, 4);
    assert_int_equal(status.by_signal[signal_index(TRACES)].sent, 2);
    assert_true(test_disk_get(f.disk, PATH, &text));
    rest = buf_str(&text);
    assert_true(str_split(&rest, '\n', &line));
    expect_line(line, TRACES, "{service.name=shop} a b");
    assert_true(str_split(&rest, '\n', &line));
    expect_line(line, METRICS, "{} m(n=1)");
    assert_true(str_split(&rest, '\n', &line));
    expect_line(line, LOGS, "{} hello");
    assert_int_equal(rest.len, 0);
    buf_free(&text);
    end(&f);
}

/* Everything that OTLP has, from a seed: what is read back makes the same line again. */
static void lines_read_back_make_the_same_lines(void **state)
{
    (void)state;
    static const Signal signals[] = { TRACES, METRICS, LOGS };
    Random random;
    random_seed(&random, 1);
    for (size_t i = 0; i < 60; i++) {
        Fixture f;
        Err err;
        Buf bytes = BUF(1 << 20), text = BUF(16 << 20), again = BUF(16 << 20);
        Signal signal = signals[i % 3];
        sample_bytes(&random, signal, &bytes);
        Batch *batch = batch_from_bytes(signal, &bytes, &err);
        assert_non_null(batch);
        begin(&f, "{path: " PATH "}");
        assert_true(test_host_push(f.host, batch, true, &err));
        assert_true(test_disk_get(f.disk, PATH, &text));
        Batch *back = read_line(signal, buf_str(&text));
        assert_int_equal(batch_item_count(back), batch_item_count(batch));
        assert_true(otlp_json_write(back, &again, &err));
        buf_add_byte(&again, '\n');
        assert_string_equal(buf_text(&again), buf_text(&text));
        batch_unref(back);
        batch_unref(batch);
        end(&f);
        buf_free(&bytes);
        buf_free(&text);
        buf_free(&again);
    }
}

/* The line that the public Collector's file exporter writes for the same data. Its readers take
 * ours: the same names, ids in hexadecimal, 64 bits in quotes, enums as numbers. */
static void lines_look_like_the_public_ones(void **state)
{
    (void)state;
    static const char theirs[] =
        "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":"
        "{\"stringValue\":\"shop\"}}]},\"scopeSpans\":[{\"scope\":{\"name\":\"lib\"},\"spans\":[{"
        "\"traceId\":\"5b8efff798038103d269b633813fc60c\",\"spanId\":\"eee19b7ec3c1b174\","
        "\"parentSpanId\":\"\",\"name\":\"pay\",\"kind\":2,"
        "\"startTimeUnixNano\":\"1544712660000000000\",\"endTimeUnixNano\":\"1544712661000000000\","
        "\"attributes\":[{\"key\":\"n\",\"value\":{\"intValue\":\"5\"}}],\"status\":{}}]}]}]}\n";
    static const char *const parts[] = {
        "\"traceId\":\"5b8efff798038103d269b633813fc60c\"",
        "\"spanId\":\"eee19b7ec3c1b174\"",
        "\"startTimeUnixNano\":\"1544712660000000000\"",
        "\"kind\":2",
        "{\"key\":\"n\",\"value\":{\"intValue\":\"5\"}}",
        "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\"",
    };
    Fixture f;
    Err err;
    Buf text = BUF(1 << 20);
    Batch *batch = read_line(TRACES, str_from(theirs));
    begin(&f, "{path: " PATH "}");
    assert_true(test_host_push(f.host, batch, true, &err));
    assert_true(test_disk_get(f.disk, PATH, &text));
    const char *ours = buf_text(&text);
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        assert_non_null(strstr(ours, parts[i]));
    assert_ptr_equal(strchr(ours, '\n'), ours + text.len - 1);
    batch_unref(batch);
    buf_free(&text);
    end(&f);
}

static size_t count_lines(TestDisk *disk)
{
    Buf text = BUF(1 << 20);
    size_t lines = 0;
    assert_true(test_disk_get(disk, PATH, &text));
    for (size_t i = 0; i < text.len; i++)
        lines += text.ptr[i] == '\n';
    assert_true(!text.len || text.ptr[text.len - 1] == '\n');
    buf_free(&text);
    return lines;
}

static void a_full_disk_keeps_the_data_and_then_refuses(void **state)
{
    (void)state;
    Fixture f;
    Err err;
    begin(&f, "{path: " PATH "}");
    assert_true(push(f.host, TRACES, "{} first", &err));
    test_disk_capacity(f.disk, 150);
    size_t taken = 0;
    while (taken < 2000 && push(f.host, TRACES, "{} next", &err))
        taken++;
    assert_int_equal(taken, 1000); /* the sender's queue */
    assert_int_equal(err.kind, ERR_BUSY);
    assert_false(test_host_ack(f.host, 1)->heard);
    assert_int_equal(count_lines(f.disk), 1);
    test_disk_capacity(f.disk, UINT64_MAX);
    test_host_tick(f.host, 5 * NANOS_PER_SECOND);
    assert_int_equal(test_host_ack(f.host, 1)->outcome.result, ACK_DELIVERED);
    assert_int_equal(count_lines(f.disk), 1001);
    end(&f);
}

static void stopping_gives_back_what_is_not_written(void **state)
{
    (void)state;
    Fixture f;
    Err err;
    begin(&f, "{path: " PATH "}");
    test_disk_fail(f.disk, (DiskFault){ .calls = CALL_WRITE, .code = EIO, .for_good = true });
    assert_true(push(f.host, TRACES, "{} a", &err));
    test_host_flush(f.host);
    test_host_stop(f.host);
    assert_int_equal(test_host_ack(f.host, 0)->outcome.result, ACK_RETRY);
    assert_int_equal(test_host_status(f.host).dropped, 1);
    end(&f);
}

/* Files of a mebibyte, by way of the settings. */
static void rotation_is_set_by_its_section(void **state)
{
    (void)state;
    Fixture f;
    Err err;
    begin(&f, "{path: d/out.json, create_directory: true,"
              " rotation: {max_megabytes: 1, max_backups: 1}}");
    for (int i = 0; i < 12; i++) {
        Batch *batch = make_batch_of(LOGS, 5000, &err);
        assert_non_null(batch);
        assert_true(test_host_push(f.host, batch, true, &err));
        batch_unref(batch);
    }
    assert_int_equal(test_host_status(f.host).sent, 60000);
    assert_non_null(test_disk_name(f.disk, ".json", 1));
    assert_null(test_disk_name(f.disk, ".json", 2));
    end(&f);
}

/* The same with the writer's thread, on a real disk. */
static void the_thread_writes_too(void **state)
{
    (void)state;
    char directory[] = "/tmp/file_exporter_XXXXXX", yaml[256], path[128];
    Err err;
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/new/out.json", directory);
    snprintf(yaml, sizeof yaml, "{path: %s, create_directory: true}", path);
    TestHost *host = test_host_new(&file_exporter, str_from(yaml), NULL, &err);
    assert_non_null(host);
    test_host_host(host)->stepped = false;
    assert_true(test_host_start(host, &err));
    for (size_t i = 0; i < 100; i++)
        assert_true(push(host, TRACES, "{} a b", &err));
    while (!test_host_ack(host, 50)->heard)
        test_host_turn(host);
    test_host_stop(host); /* some are written, the others are given back */
    assert_int_equal(test_host_open(host), 0);
    ComponentStatus status = test_host_status(host);
    assert_int_equal(status.sent + status.dropped, 200);
    Buf text = BUF(1 << 20);
    assert_true(disk_read_all(disk_system(), path, &text, &err));
    Str rest = buf_str(&text), line;
    for (uint64_t i = 0; i < status.sent; i += 2) {
        assert_true(str_split(&rest, '\n', &line));
        expect_line(line, TRACES, "{} a b");
    }
    assert_int_equal(rest.len, 0);
    buf_free(&text);
    test_host_free(host);
    unlink(path);
    *strrchr(path, '/') = 0;
    rmdir(path);
    rmdir(directory);
}

static void bad_settings_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *problem;
    } rows[] = {
        { "{}", "path" },
        { "{path: ''}", "path must be non-empty" },
        { "{path: x, format: proto}", "format proto: not supported yet; it comes later" },
        { "{path: x, compression: zstd}", "compressed files" },
        { "{path: x, group_by: {enabled: true}}", "several files, chosen by an attribute" },
        { "{path: x, append: true, rotation: }", "append and rotation exclude each other" },
        { "{path: x, rotation: {localtime: true}}", "names in local time" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Err err;
        TestHost *host = test_host_new(&file_exporter, str_from(rows[i].yaml), NULL, &err);
        assert_null(host);
        if (!strstr(err.text, rows[i].problem))
            fail_msg("%s: %s", rows[i].yaml, err.text);
    }
}

static void with_little_memory(void)
{
    Err err;
    starve_hold();
    TestDisk *disk = test_disk_new(1);
    Batch *batch = make_batch(TRACES, STR("{} a b"), &err);
    TestHost *host = test_host_new(&file_exporter, STR("{path: " PATH "}"), NULL, &err);
    test_host_host(host)->disk = test_disk_door(disk);
    starve_resume();
    if (test_host_start(host, &err))
        (void)test_host_push(host, batch, true, &err);
    test_host_stop(host);
    assert_int_equal(test_host_open(host), 0);
    starve_hold();
    test_host_free(host);
    batch_unref(batch);
    test_disk_free(disk);
    starve_resume();
}

static void memory_that_fails_loses_nothing(void **state)
{
    (void)state;
    assert_true(starve_every(with_little_memory) > 5);
}

int main(void)
{
    log_set_level(LOG_OFF);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_signals_go_into_one_file),
        cmocka_unit_test(lines_read_back_make_the_same_lines),
        cmocka_unit_test(lines_look_like_the_public_ones),
        cmocka_unit_test(a_full_disk_keeps_the_data_and_then_refuses),
        cmocka_unit_test(stopping_gives_back_what_is_not_written),
        cmocka_unit_test(rotation_is_set_by_its_section),
        cmocka_unit_test(the_thread_writes_too),
        cmocka_unit_test(bad_settings_are_named),
        cmocka_unit_test(memory_that_fails_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
