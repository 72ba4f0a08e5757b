/* debug_exporter_test.c - what is written where, by whose choice, and how often. */
#include "base/log.h"
#include "support/make_batch.h"
#include "support/starve.h"
#include "support/test_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

extern const ComponentType debug_exporter;

static char path[64];

static TestHost *begin(const char *more)
{
    Err err = { 0 };
    char yaml[512];
    Buf problems = BUF(1 << 16);
    snprintf(yaml, sizeof yaml, "{use_internal_logger: false, output_paths: ['%s']%s}", path, more);
    TestHost *host = test_host_new(&debug_exporter, str_from(yaml), &problems, &err);
    if (!host || !test_host_start(host, &err))
        fail_msg("%s %.*s", err.text, STR_ARG(buf_str(&problems)));
    buf_free(&problems);
    return host;
}

static void push(TestHost *host, Signal signal, const char *words)
{
    Err err = { 0 };
    Batch *batch = make_batch(signal, str_from(words), &err);
    assert_non_null(batch);
    assert_true(test_host_push(host, batch, false, &err));
    batch_unref(batch);
    test_host_turn(host);
}

/* The file without the times in front of its lines. */
static void expect(const char *text)
{
    Err err = { 0 };
    Buf bytes = BUF(1 << 20), plain = BUF(1 << 20);
    assert_true(disk_read_all(disk_system(), path, &bytes, &err));
    for (Str rest = buf_str(&bytes); rest.len;) {
        size_t end = 0, tab = 0;
        while (end < rest.len && rest.ptr[end] != '\n')
            end++;
        Str line = str_first(rest, end + (end < rest.len));
        while (tab < line.len && line.ptr[tab] != '\t')
            tab++;
        buf_add(&plain, tab < line.len ? str_skip(line, tab + 1) : line);
        rest = str_skip(rest, line.len);
    }
    assert_string_equal(buf_text(&plain), text);
    buf_free(&bytes);
    buf_free(&plain);
}

static void writes_to_files_and_goes_on_behind_what_is_there(void **state)
{
    (void)state;
    TestHost *host = begin("");
    push(host, TRACES, "{service.name=shop} a b");
    push(host, METRICS, "{} m");
    test_host_free(host);
    host = begin(", verbosity: normal");
    push(host, LOGS, "{} hello");
    assert_int_equal(test_host_status(host).sent, 1);
    test_host_free(host);
    expect("info\tTraces {\"resource spans\": 1, \"spans\": 2}\n"
           "info\tMetrics {\"resource metrics\": 1, \"metrics\": 1, \"data points\": 1}\n"
           "info\tLogs {\"resource logs\": 1, \"log records\": 1}\n"
           "ResourceLog #0\nScopeLog #0\nhello \n");
    remove(path);
}

static void a_flood_is_sampled_by_the_second(void **state)
{
    (void)state;
    TestHost *host = begin(", sampling_initial: 1, sampling_thereafter: 3");
    for (int i = 0; i < 7; i++)
        push(host, TRACES, "{} a");
    test_host_tick(host, NANOS_PER_SECOND);
    push(host, TRACES, "{} a b");
    test_host_free(host);
    expect("info\tTraces {\"resource spans\": 1, \"spans\": 1}\n"
           "info\tTraces {\"resource spans\": 1, \"spans\": 1}\n"
           "info\tTraces {\"resource spans\": 1, \"spans\": 1}\n"
           "info\tTraces {\"resource spans\": 1, \"spans\": 2}\n");
    remove(path);
}

static void wrong_settings_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *says;
    } rows[] = {
        { "{verbosity: loud}", "verbosity" },
        { "{output_paths: [stderr]}",
          "output_paths is not supported when use_internal_logger is true" },
        { "{use_internal_logger: false, output_paths: []}",
          "output_paths must not be empty when use_internal_logger is false" },
        { "{use_internal_logger: false, output_paths: [here.txt]}", "begins with /" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Err err = { 0 };
        Buf problems = BUF(1 << 16);
        assert_null(test_host_new(&debug_exporter, str_from(rows[i].yaml), &problems, &err));
        if (!str_contains(buf_str(&problems), str_from(rows[i].says)))
            fail_msg("%s: %.*s", rows[i].yaml, STR_ARG(buf_str(&problems)));
        buf_free(&problems);
    }
}

static void a_place_that_is_not_there_is_told_at_the_start(void **state)
{
    (void)state;
    Err err = { 0 };
    TestHost *host =
        test_host_new(&debug_exporter,
                      STR("{use_internal_logger: false, output_paths: [stdout, /nowhere/at/all]}"),
                      NULL, &err);
    assert_non_null(host);
    assert_false(test_host_start(host, &err));
    assert_non_null(strstr(err.text, "/nowhere/at/all"));
    test_host_free(host);
}

static void run_starved(void)
{
    Err err = { 0 };
    char yaml[256];
    snprintf(yaml, sizeof yaml,
             "{use_internal_logger: false, output_paths: ['%s'], verbosity: detailed}", path);
    starve_hold();
    TestHost *host = test_host_new(&debug_exporter, str_from(yaml), NULL, &err);
    assert_non_null(host);
    Batch *batch = make_batch(TRACES, STR("{} a"), &err);
    assert_non_null(batch);
    starve_resume();
    bool ok = test_host_start(host, &err);
    starve_hold();
    if (ok) {
        Host *there = test_host_host(host);
        const Parcel parcel = { batch, host_ack_new(there, 1, &(AckWish){ 0 }, &err) };
        assert_non_null(parcel.ack);
        starve_resume();
        assert_true(debug_exporter.consume(test_host_self(host), &parcel, &err));
        starve_hold();
    } else {
        assert_int_equal(err.kind, ERR_MEMORY);
    }
    batch_unref(batch);
    test_host_free(host);
    starve_resume();
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    assert_true(starve_every(run_starved) > 2);
    remove(path);
}

static int make_path(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/cryo_debug_XXXXXX");
    int fd = mkstemp(path);
    log_set_level(LOG_OFF);
    return fd < 0 || close(fd) ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_to_files_and_goes_on_behind_what_is_there),
        cmocka_unit_test(a_flood_is_sampled_by_the_second),
        cmocka_unit_test(wrong_settings_are_told),
        cmocka_unit_test(a_place_that_is_not_there_is_told_at_the_start),
        cmocka_unit_test(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, make_path, NULL);
}
