/* The store extension: owns one store, turns its writer where there are no threads, tells what
 * opening found. */
#include "base/log.h"
#include "otlp/batch.h"
#include "pipe/host_base.h"
#include "store/store.h"
#include "support/make_batch.h"
#include "support/test_disk.h"
#include "support/test_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

extern const ComponentType store_extension;

#define SETTINGS STR("{directory: data, sync: always, reserve_bytes: 0}")

static Buf said; /* by the program's log, one line each */

static void listen(void *context, LogLevel level, Str component, Str message)
{
    static const char *const names[] = { "debug", "info", "warn", "error", "off" };
    (void)context;
    buf_addf(&said, "%s %.*s: %.*s\n", names[level], STR_ARG(component), STR_ARG(message));
}

static TestHost *make(TestDisk *disk)
{
    Err err = { 0 };
    TestHost *host = test_host_new(&store_extension, SETTINGS, NULL, &err);
    assert_non_null(host);
    test_host_host(host)->disk = test_disk_door(disk);
    return host;
}

static TestHost *start(TestDisk *disk)
{
    Err err = { 0 };
    TestHost *host = make(disk);
    buf_clear(&said);
    if (!test_host_start(host, &err))
        fail_msg("%s", err.text);
    return host;
}

static Store *store_of(TestHost *host)
{
    return store_extension.service(test_host_self(host), SERVICE_STORE);
}

static void told(void *context, const Err *err)
{
    *(int *)context += err == NULL;
}

static bool store_one(TestHost *host, const char *words)
{
    Err err = { 0 };
    int stored = 0;
    Batch *batch = make_batch(TRACES, str_from(words), &err);
    assert_non_null(batch);
    assert_true(store_append(store_of(host), batch, told, &stored, &err));
    batch_unref(batch);
    test_host_tick(host, 10 * NANOS_PER_MILLI);
    return stored == 1;
}

static void expect_said(const char *line)
{
    if (!str_contains(buf_str(&said), str_from(line)))
        fail_msg("\"%s\" was not said, but:\n%.*s", line, STR_ARG(buf_str(&said)));
}

static void offers_its_store_while_it_runs(void **state)
{
    (void)state;
    TestDisk *disk = test_disk_new(1);
    TestHost *host = make(disk);
    assert_null(store_of(host));
    Err err = { 0 };
    assert_true(test_host_start(host, &err));
    assert_non_null(store_of(host));
    test_host_stop(host);
    assert_null(store_of(host));
    test_host_free(host);
    test_disk_free(disk);
}

static void a_directory_without_a_name_is_refused(void **state)
{
    (void)state;
    Err err = { 0 };
    Buf problems = BUF(1 << 16);
    assert_null(test_host_new(&store_extension, STR("{directory: ''}"), &problems, &err));
    if (!str_contains(buf_str(&problems), STR("directory: must not be empty")))
        fail_msg("%s", buf_text(&problems));
    buf_free(&problems);
}

static void what_was_stored_is_there_after_a_restart(void **state)
{
    (void)state;
    TestDisk *disk = test_disk_new(1);
    TestHost *host = start(disk);
    expect_said("0 spans of 0 traces, 0 samples of 0 series, 0 log records of 0 streams in data");
    assert_true(store_one(host, "{service.name=shop} a b"));
    test_host_free(host);
    host = start(disk);
    expect_said("info extension store: 2 spans of 1 traces, 0 samples of 0 series, 0 log records "
                "of 0 streams in data");
    test_host_free(host);
    test_disk_free(disk);
}

static void a_directory_belongs_to_one(void **state)
{
    (void)state;
    TestDisk *disk = test_disk_new(1);
    TestHost *first = start(disk), *second = make(disk);
    Err err = { 0 };
    assert_false(test_host_start(second, &err));
    assert_int_equal(err.kind, ERR_BUSY);
    assert_non_null(strstr(err.text, "data/traces is in use by process"));
    test_host_free(second);
    test_host_free(first);
    test_disk_free(disk);
}

/* Changes the segment on the disk: cuts `cut` bytes off its end, or flips one at `flip`. */
static void damage(TestDisk *disk, size_t cut, size_t flip)
{
    const char *name = test_disk_name(disk, ".wal", 0);
    assert_non_null(name);
    char path[512];
    snprintf(path, sizeof path, "%s", name);
    Buf bytes = BUF(1 << 20);
    assert_true(test_disk_get(disk, path, &bytes));
    assert_true(bytes.len > cut && bytes.len > flip);
    if (flip)
        bytes.ptr[flip] = (char)~bytes.ptr[flip];
    bytes.len -= cut;
    test_disk_put(disk, path, buf_str(&bytes));
    buf_free(&bytes);
}

static void what_opening_found_is_told(void **state)
{
    (void)state;
    for (int flips = 0; flips < 2; flips++) {
        TestDisk *disk = test_disk_new(1);
        TestHost *host = start(disk);
        assert_true(store_one(host, "{service.name=shop} a"));
        assert_true(store_one(host, "{service.name=shop} b"));
        test_host_free(host);
        damage(disk, flips ? 0 : 5, flips ? 150 : 0);
        host = start(disk); /* neither stops the start */
        if (flips)
            expect_said("error extension store: 1 files are damaged");
        else
            expect_said("warn extension store: cut off ");
        expect_said("1 spans of 1 traces, ");
        assert_true(store_one(host, "{service.name=shop} c"));
        test_host_free(host);
        test_disk_free(disk);
    }
}

static int set_up(void **state)
{
    (void)state;
    said = BUF(1 << 16);
    log_set_sink(&(LogSink){ .write = listen, .level = LOG_INFO });
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    log_set_sink(NULL);
    buf_free(&said);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offers_its_store_while_it_runs),
        cmocka_unit_test(a_directory_without_a_name_is_refused),
        cmocka_unit_test(what_was_stored_is_there_after_a_restart),
        cmocka_unit_test(a_directory_belongs_to_one),
        cmocka_unit_test(what_opening_found_is_told),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
