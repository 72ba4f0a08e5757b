/* Logs in the store: what they are called, and every question against a plain list of records. */
#include "store/log_scan.h"

#include "otlp/batch.h"
#include "otlp/json_in.h"
#include "store/store.h"
#include "support/test_disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define EPOCH_NS UINT64_C(1750000000000000000)

typedef struct Rig {
    TestDisk *disk;
    TestClock clock;
    StoreSettings settings;
    Store *store;
    Err err;
    int stored;
} Rig;

static void rig_init(Rig *rig)
{
    *rig = (Rig){ .disk = test_disk_new(1) };
    test_clock_init(&rig->clock, (int64_t)EPOCH_NS);
    rig->settings = store_defaults();
    rig->settings.disk = test_disk_door(rig->disk);
    rig->settings.clock = &rig->clock.base;
    rig->settings.directory = "data";
    rig->settings.sync = SEGLOG_SYNC_ALWAYS;
    rig->settings.reserve_bytes = 0;
    rig->settings.own_thread = false;
}

static void rig_open(Rig *rig)
{
    rig->store = store_open(&rig->settings, &rig->err);
    if (!rig->store)
        fail_msg("%s", rig->err.text);
}

static void rig_reopen(Rig *rig)
{
    assert_true(store_close(rig->store, INT64_MAX, &rig->err));
    test_disk_crash(rig->disk, CRASH_CUT);
    rig_open(rig);
}

static void rig_done(Rig *rig)
{
    assert_true(store_close(rig->store, INT64_MAX, &rig->err));
    test_disk_free(rig->disk);
}

static void told(void *context, const Err *err)
{
    *(int *)context += err == NULL;
}

static bool put_batch(Rig *rig, Batch *batch, bool verbatim)
{
    const AppendOptions options = { told, &rig->stored, verbatim };
    int before = rig->stored;
    bool taken = batch && store_append_with(rig->store, batch, &options, &rig->err);
    batch_unref(batch);
    test_clock_advance(&rig->clock, 10 * NANOS_PER_MILLI);
    if (taken)
        store_step(rig->store);
    return taken && rig->stored == before + 1;
}

static Batch *from_json(const char *text, Err *err)
{
    Buf bytes = BUF(1 << 20);
    Batch *batch = otlp_json_read(LOGS, str_from(text), &bytes, err)
                       ? batch_from_copy(LOGS, buf_str(&bytes), err)
                       : NULL;
    buf_free(&bytes);
    return batch;
}

/* ---- what things are called ---------------------------------------------------------------------
 */

static const char one_record[] =
    "{\"resourceLogs\":[{\"resource\":{\"attributes\":["
    "{\"key\":\"service.name\",\"value\":{\"stringValue\":\"shop\"}},"
    "{\"key\":\"k8s.pod.name\",\"value\":{\"stringValue\":\"shop-1\"}},"
    "{\"key\":\"host.name\",\"value\":{\"stringValue\":\"web\"}},"
    "{\"key\":\"3d\",\"value\":{\"boolValue\":true}}]},"
    "\"scopeLogs\":[{\"scope\":{\"name\":\"lib\",\"version\":\"1.0\"},\"logRecords\":[{"
    "\"timeUnixNano\":\"1750000000000000001\",\"observedTimeUnixNano\":\"1750000000000000002\","
    "\"severityNumber\":9,\"severityText\":\"INFO\",\"flags\":1,"
    "\"traceId\":\"0102030405060708090a0b0c0d0e0f10\",\"spanId\":\"0102030405060708\","
    "\"body\":{\"stringValue\":\"hello there\"},\"attributes\":["
    "{\"key\":\"http.route\",\"value\":{\"stringValue\":\"/chat\"}},"
    "{\"key\":\"n\",\"value\":{\"intValue\":\"5\"}},"
    "{\"key\":\"user\",\"value\":{\"kvlistValue\":{\"values\":["
    "{\"key\":\"first name\",\"value\":{\"stringValue\":\"Ada\"}}]}}}]}]}]}]}";

static void add_labels(Buf *out, Labels labels)
{
    buf_add_byte(out, '{');
    for (size_t i = 0; i < labels.count; i++)
        buf_addf(out, "%s%.*s=%.*s", i ? "," : "", STR_ARG(labels.ptr[i].name),
                 STR_ARG(labels.ptr[i].value));
    buf_add_byte(out, '}');
}

/* Every row as a line "time {stream} line {metadata}". */
static const char *answer(Rig *rig, LogScan query)
{
    static Buf out = { .max = 1 << 20 };
    buf_clear(&out);
    LogCursor *cursor = log_scan(store_logs(rig->store), &query, &rig->err);
    if (!cursor)
        return rig->err.text;
    LogBlock block;
    LogResult result;
    while ((result = log_next(cursor, &block, &rig->err)) == LOG_BLOCK)
        for (size_t i = 0; i < block.count; i++) {
            const LogRow *row = &block.rows[i];
            buf_addf(&out, "+%d ", (int)(row->time_ns - EPOCH_NS));
            add_labels(&out, row->stream);
            buf_addf(&out, " %.*s ", STR_ARG(row->line));
            add_labels(&out, row->metadata);
            buf_add_byte(&out, '\n');
        }
    log_close(cursor);
    return result == LOG_END ? buf_text(&out) : rig->err.text;
}

static void a_record_is_called_as_loki_calls_it(void **state)
{
    (void)state;
    Rig rig;
    rig_init(&rig);
    rig_open(&rig);
    assert_true(put_batch(&rig, from_json(one_record, &rig.err), false));
    for (int life = 0; life < 2; life++) {
        assert_string_equal(
            answer(&rig, (LogScan){ 0 }),
            "+1 {k8s_pod_name=shop-1,service_name=shop} hello there "
            "{flags=1,host_name=web,http_route=/chat,key_3d=true,n=5,"
            "observed_timestamp=1750000000000000002,scope_name=lib,scope_version=1.0,"
            "severity_number=9,severity_text=INFO,span_id=0102030405060708,"
            "trace_id=0102030405060708090a0b0c0d0e0f10,user_first_name=Ada}\n");
        assert_string_equal(answer(&rig, (LogScan){ .no_metadata = true }),
                            "+1 {k8s_pod_name=shop-1,service_name=shop} hello there {}\n");
        rig_reopen(&rig);
    }
    rig_done(&rig);
}

static void pushed_streams_keep_their_labels_also_after_a_restart(void **state)
{
    (void)state;
    Rig rig;
    rig_init(&rig);
    rig_open(&rig);
    assert_true(put_batch(&rig,
                          from_json("{\"resourceLogs\":[{\"resource\":{\"attributes\":["
                                    "{\"key\":\"job\",\"value\":{\"stringValue\":\"x\"}},"
                                    "{\"key\":\"_own\",\"value\":{\"stringValue\":\"y\"}}]},"
                                    "\"scopeLogs\":[{\"logRecords\":[{\"timeUnixNano\":"
                                    "\"1750000000000000007\",\"body\":{\"stringValue\":\"line\"},"
                                    "\"attributes\":[{\"key\":\"a.b\",\"value\":"
                                    "{\"stringValue\":\"c\"}}]}]}]}]}",
                                    &rig.err),
                          true));
    for (int life = 0; life < 2; life++) {
        assert_string_equal(answer(&rig, (LogScan){ 0 }), "+7 {_own=y,job=x} line {a.b=c}\n");
        rig_reopen(&rig);
    }
    rig_done(&rig);
}

static void bodies_that_are_no_text_and_times_that_are_missing(void **state)
{
    (void)state;
    Rig rig;
    rig_init(&rig);
    rig_open(&rig);
    assert_true(put_batch(
        &rig,
        from_json("{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":["
                  "{\"timeUnixNano\":\"1750000000000000003\",\"body\":{\"intValue\":\"42\"}},"
                  "{\"observedTimeUnixNano\":\"1750000000000000004\",\"body\":{\"arrayValue\":"
                  "{\"values\":[{\"boolValue\":true},{\"stringValue\":\"x\"}]}}},"
                  "{\"body\":{\"kvlistValue\":{\"values\":[{\"key\":\"k\",\"value\":"
                  "{\"doubleValue\":1.5}}]}}},"
                  "{\"timeUnixNano\":\"1750000000000000001\"}]}]}]}",
                  &rig.err),
        false));
    assert_string_equal(answer(&rig, (LogScan){ .no_metadata = true }),
                        "+0 {service_name=unknown_service} {\"k\":1.5} {}\n"
                        "+1 {service_name=unknown_service}  {}\n"
                        "+3 {service_name=unknown_service} 42 {}\n"
                        "+4 {service_name=unknown_service} [true,\"x\"] {}\n");
    rig_done(&rig);
}

static void a_bad_expression_and_too_many_matchers_are_refused(void **state)
{
    (void)state;
    Rig rig;
    rig_init(&rig);
    rig_open(&rig);
    LabelMatcher bad = { LABEL_REGEX, STR("service_name"), STR("(") };
    LogScan query = { .matchers = &bad, .matcher_count = 1 };
    assert_null(log_scan(store_logs(rig.store), &query, &rig.err));
    assert_int_equal(rig.err.kind, ERR_INPUT);
    LabelMatcher many[LABEL_MATCHERS_MAX + 1] = { { 0 } };
    query = (LogScan){ .matchers = many, .matcher_count = COUNT_OF(many) };
    assert_null(log_scan(store_logs(rig.store), &query, &rig.err));
    assert_int_equal(rig.err.kind, ERR_LIMIT);
    rig_done(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_called_as_loki_calls_it),
        cmocka_unit_test(pushed_streams_keep_their_labels_also_after_a_restart),
        cmocka_unit_test(bodies_that_are_no_text_and_times_that_are_missing),
        cmocka_unit_test(a_bad_expression_and_too_many_matchers_are_refused),
    };
    return cmocka_run_group_tests_name("log scan", tests, NULL, NULL);
}
