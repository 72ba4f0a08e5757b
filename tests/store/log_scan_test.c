/* Logs in the store: what they are called, and every question against a plain list of records. */
#include "store/log_scan.h"

#include "support/starve.h"
#include "support/store_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void rig_start(StoreRig *rig)
{
    store_rig_init(rig);
    assert_true(store_rig_open(rig));
}

/* ---- what things are called ---------------------------------------------------------------------
 */

static const char one_record[] =
    "{'resourceLogs':[{'resource':{'attributes':["
    "{'key':'service.name','value':{'stringValue':'shop'}},"
    "{'key':'k8s.pod.name','value':{'stringValue':'shop-1'}},"
    "{'key':'host.name','value':{'stringValue':'web'}},"
    "{'key':'3d','value':{'boolValue':true}}]},"
    "'scopeLogs':[{'scope':{'name':'lib','version':'1.0'},'logRecords':[{"
    "'timeUnixNano':'1750000000000000001','observedTimeUnixNano':'1750000000000000002',"
    "'severityNumber':9,'severityText':'INFO','flags':1,"
    "'traceId':'0102030405060708090a0b0c0d0e0f10','spanId':'0102030405060708',"
    "'body':{'stringValue':'hello there'},'attributes':["
    "{'key':'http.route','value':{'stringValue':'/chat'}},"
    "{'key':'n','value':{'intValue':'5'}},"
    "{'key':'user','value':{'kvlistValue':{'values':["
    "{'key':'first name','value':{'stringValue':'Ada'}}]}}}]}]}]}]}";

static void add_labels(Buf *out, Labels labels)
{
    buf_add_byte(out, '{');
    for (size_t i = 0; i < labels.count; i++)
        buf_addf(out, "%s%.*s=%.*s", i ? "," : "", STR_ARG(labels.ptr[i].name),
                 STR_ARG(labels.ptr[i].value));
    buf_add_byte(out, '}');
}

/* Every row as a line "time {stream} line {metadata}". */
static const char *answer(StoreRig *rig, LogScan query)
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
            buf_addf(&out, "+%d ", (int)(row->time_ns - (uint64_t)RIG_EPOCH_NS));
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
    StoreRig rig;
    rig_start(&rig);
    assert_true(store_rig_put(&rig, batch_from_json(LOGS, one_record, &rig.err)));
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
        assert_true(store_rig_reopen(&rig));
    }
    store_rig_done(&rig);
}

static void pushed_streams_keep_their_labels_also_after_a_restart(void **state)
{
    (void)state;
    static const char json[] =
        "{'resourceLogs':[{'resource':{'attributes':["
        "{'key':'job','value':{'stringValue':'x'}},{'key':'_own','value':{'stringValue':'y'}}]},"
        "'scopeLogs':[{'logRecords':[{'timeUnixNano':'1750000000000000007','body':{'stringValue':"
        "'line'},'attributes':[{'key':'a.b','value':{'stringValue':'c'}}]}]}]}]}";
    StoreRig rig;
    rig_start(&rig);
    assert_true(store_rig_put_verbatim(&rig, batch_from_json(LOGS, json, &rig.err)));
    for (int life = 0; life < 2; life++) {
        assert_string_equal(answer(&rig, (LogScan){ 0 }), "+7 {_own=y,job=x} line {a.b=c}\n");
        assert_true(store_rig_reopen(&rig));
    }
    store_rig_done(&rig);
}

static void bodies_that_are_no_text_and_times_that_are_missing(void **state)
{
    (void)state;
    static const char json[] =
        "{'resourceLogs':[{'scopeLogs':[{'logRecords':["
        "{'timeUnixNano':'1750000000000000003','body':{'intValue':'42'}},"
        "{'observedTimeUnixNano':'1750000000000000004','body':{'arrayValue':{'values':["
        "{'boolValue':true},{'stringValue':'x'}]}}},"
        "{'body':{'kvlistValue':{'values':[{'key':'k','value':{'doubleValue':1.5}}]}}},"
        "{'timeUnixNano':'1750000000000000001'}]}]}]}";
    StoreRig rig;
    rig_start(&rig);
    assert_true(store_rig_put(&rig, batch_from_json(LOGS, json, &rig.err)));
    assert_string_equal(answer(&rig, (LogScan){ .no_metadata = true }),
                        "+0 {service_name=unknown_service} {\"k\":1.5} {}\n"
                        "+1 {service_name=unknown_service}  {}\n"
                        "+3 {service_name=unknown_service} 42 {}\n"
                        "+4 {service_name=unknown_service} [true,\"x\"] {}\n");
    store_rig_done(&rig);
}

/* ---- streams and what bounds a query ------------------------------------------------------------
 */

#define RECORD_OF(service, ns, line)                                                \
    "{'resourceLogs':[{'resource':{'attributes':[{'key':'service.name','value':{"   \
    "'stringValue':'" service "'}}]},'scopeLogs':[{'logRecords':[{'timeUnixNano':'" \
    "175000000000000000" ns "','body':{'stringValue':'" line "'}}]}]}]}"

static bool put(StoreRig *rig, const char *json)
{
    return store_rig_put(rig, batch_from_json(LOGS, json, &rig->err));
}

static bool add_text(void *context, Str text)
{
    buf_addf(context, "%.*s ", STR_ARG(text));
    return true;
}

static bool add_stream(void *context, Labels stream)
{
    add_labels(context, stream);
    return true;
}

static void streams_and_their_labels_are_listed(void **state)
{
    (void)state;
    StoreRig rig;
    rig_start(&rig);
    assert_true(put(&rig, RECORD_OF("web", "5", "x")) && put(&rig, RECORD_OF("db", "1", "x")) &&
                put(&rig, RECORD_OF("web", "7", "x")));
    Buf out = BUF(1 << 10);
    LogSource *source = store_logs(rig.store);
    LogStreamQuery query = { 0 };
    assert_true(log_labels(source, &query, add_text, &out, &rig.err));
    query.name = STR("service_name");
    assert_true(log_labels(source, &query, add_text, &out, &rig.err));
    assert_true(log_streams(source, &query, add_stream, &out, &rig.err));
    LabelMatcher matcher = { LABEL_REGEX, STR("service_name"), STR("w.*") };
    query = (LogStreamQuery){ .matchers = &matcher, .matcher_count = 1, .limit = 5 };
    assert_true(log_streams(source, &query, add_stream, &out, &rig.err));
    assert_string_equal(buf_text(&out), "service_name db web {service_name=db}{service_name=web}"
                                        "{service_name=web}");
    query.deadline_mono_ns = clock_mono_ns(&rig.clock.base);
    assert_false(log_streams(source, &query, add_stream, &out, &rig.err));
    assert_int_equal(rig.err.kind, ERR_TIMEOUT);
    LogScan late = { .deadline_mono_ns = query.deadline_mono_ns };
    assert_null(log_scan(source, &late, &rig.err));
    assert_int_equal(rig.err.kind, ERR_TIMEOUT);
    TestClock far; /* the query's own time counts, not the store's */
    test_clock_init(&far, 0);
    test_clock_advance(&far, INT64_MAX / 2);
    late = (LogScan){ .deadline_mono_ns = INT64_MAX / 2, .clock = &far.base };
    rig.err.kind = ERR_NONE;
    assert_null(log_scan(source, &late, &rig.err));
    assert_int_equal(rig.err.kind, ERR_TIMEOUT);
    query.deadline_mono_ns = INT64_MAX / 2;
    query.clock = &far.base;
    assert_false(log_streams(source, &query, add_stream, &out, &rig.err));
    buf_free(&out);
    store_rig_done(&rig);
}

static void lines_of_one_time_keep_their_order(void **state)
{
    (void)state;
    StoreRig rig;
    rig_start(&rig);
    assert_true(put(&rig, RECORD_OF("a", "5", "1")) && put(&rig, RECORD_OF("b", "5", "2")) &&
                put(&rig, RECORD_OF("a", "5", "3")));
    assert_string_equal(answer(&rig, (LogScan){ .no_metadata = true }),
                        "+5 {service_name=a} 1 {}\n+5 {service_name=b} 2 {}\n"
                        "+5 {service_name=a} 3 {}\n");
    assert_string_equal(answer(&rig,
                               (LogScan){ .no_metadata = true, .newest_first = true, .limit = 2 }),
                        "+5 {service_name=a} 3 {}\n+5 {service_name=b} 2 {}\n");
    store_rig_done(&rig);
}

static void a_query_keeps_what_it_began_with_and_then_the_stream_leaves(void **state)
{
    (void)state;
    StoreRig rig;
    store_rig_init(&rig);
    rig.settings.age_max_ns = NANOS_PER_SECOND;
    assert_true(store_rig_open(&rig));
    assert_true(put(&rig, RECORD_OF("old", "1", "line")));
    LogScan query = { 0 };
    LogCursor *cursor = log_scan(store_logs(rig.store), &query, &rig.err);
    assert_non_null(cursor);
    test_clock_advance(&rig.clock, 10 * NANOS_PER_SECOND);
    store_step(rig.store);
    assert_true(put(&rig, RECORD_OF("new", "2", "line")));
    LogBlock block;
    assert_int_equal(log_next(cursor, &block, &rig.err), LOG_BLOCK);
    assert_int_equal(block.count, 1);
    assert_true(str_eq(labels_get(block.rows[0].stream, STR("service_name")), STR("old")));
    log_close(cursor);
    StoreStats stats;
    store_stats(rig.store, &stats);
    assert_int_equal(stats.streams, 1);
    assert_int_equal(stats.records, 1);
    assert_int_equal(stats.records_dropped, 1);
    store_rig_done(&rig);
}

static void a_bad_expression_and_too_many_matchers_are_refused(void **state)
{
    (void)state;
    StoreRig rig;
    rig_start(&rig);
    LabelMatcher bad = { LABEL_REGEX, STR("service_name"), STR("(") };
    LogScan query = { .matchers = &bad, .matcher_count = 1 };
    assert_null(log_scan(store_logs(rig.store), &query, &rig.err));
    assert_int_equal(rig.err.kind, ERR_INPUT);
    LabelMatcher many[LABEL_MATCHERS_MAX + 1] = { { 0 } };
    query = (LogScan){ .matchers = many, .matcher_count = COUNT_OF(many) };
    assert_null(log_scan(store_logs(rig.store), &query, &rig.err));
    assert_int_equal(rig.err.kind, ERR_LIMIT);
    store_rig_done(&rig);
}

/* The id may be the record's own, an attribute, or a label of the stream; then it is not the
 * record's that is called trace_id. Only a row that is surely of another trace is left out. */
static void a_trace_is_found_by_whatever_is_called_trace_id(void **state)
{
    (void)state;
    static const char own[] =
        "{'resourceLogs':[{'scopeLogs':[{'logRecords':["
        "{'timeUnixNano':'1750000000000000001','body':{'stringValue':'own'},"
        "'traceId':'0102030405060708090a0b0c0d0e0f10'},"
        "{'timeUnixNano':'1750000000000000002','body':{'stringValue':'other'},"
        "'traceId':'ff02030405060708090a0b0c0d0e0f10'},"
        "{'timeUnixNano':'1750000000000000003','body':{'stringValue':'attribute'},"
        "'attributes':[{'key':'trace.id','value':{'stringValue':"
        "'0102030405060708090a0b0c0d0e0f10'}}]}]}]}]}";
    static const char stream[] =
        "{'resourceLogs':[{'resource':{'attributes':[{'key':'trace_id','value':{'stringValue':"
        "'0102030405060708090a0b0c0d0e0f10'}}]},'scopeLogs':[{'logRecords':["
        "{'timeUnixNano':'1750000000000000004','body':{'stringValue':'stream'},"
        "'traceId':'ff02030405060708090a0b0c0d0e0f10'}]}]}]}";
    StoreRig rig;
    TraceId asked;
    rig_start(&rig);
    assert_true(trace_id_parse(STR("0102030405060708090a0b0c0d0e0f10"), &asked));
    assert_true(put(&rig, own));
    assert_true(store_rig_put_verbatim(&rig, batch_from_json(LOGS, stream, &rig.err)));
    assert_string_equal(answer(&rig, (LogScan){ .trace_id = &asked, .no_metadata = true }),
                        "+1 {service_name=unknown_service} own {}\n"
                        "+3 {service_name=unknown_service} attribute {}\n"
                        "+4 {trace_id=0102030405060708090a0b0c0d0e0f10} stream {}\n");
    store_rig_done(&rig);
}

/* Twice as many as are made labels; the id comes last and is there. */
static void very_many_attributes_are_cut_and_the_ids_stay(void **state)
{
    (void)state;
    StoreRig rig;
    rig_start(&rig);
    Buf json = BUF(1 << 20);
    buf_add(&json, STR("{'resourceLogs':[{'scopeLogs':[{'logRecords':[{'timeUnixNano':"
                       "'1750000000000000001','traceId':'0102030405060708090a0b0c0d0e0f10',"
                       "'attributes':["));
    for (int i = 0; i < 2048; i++)
        buf_addf(&json, "%s{'key':'a%d','value':{'intValue':'%d'}}", i ? "," : "", 9999 - i, i);
    buf_add(&json, STR("]}]}]}]}"));
    assert_true(put(&rig, buf_text(&json)));
    LogScan query = { 0 };
    LogBlock block;
    LogCursor *cursor = log_scan(store_logs(rig.store), &query, &rig.err);
    assert_non_null(cursor);
    assert_int_equal(log_next(cursor, &block, &rig.err), LOG_BLOCK);
    Labels metadata = block.rows[0].metadata;
    assert_in_range(metadata.count, 1000, 1024 + 1); /* an empty name of the scope counts too */
    assert_true(str_eq(labels_get(metadata, STR("a9999")), STR("0")));
    assert_int_equal(labels_get(metadata, STR("trace_id")).len, 32);
    log_close(cursor);
    buf_free(&json);
    store_rig_done(&rig);
}

/* ---- no memory ----------------------------------------------------------------------------------
 */

static bool skip_stream(void *context, Labels stream)
{
    (void)context;
    return stream.count > 0;
}

static bool ask_all(StoreRig *rig)
{
    LogBlock block;
    LabelMatcher matcher = { LABEL_REGEX, STR("service_name"), STR("s.*") };
    const Str word = STR("here");
    LogScan scan = {
        .matchers = &matcher, .matcher_count = 1, .contains = &word, .contains_count = 1
    };
    LogStreamQuery streams = { 0 };
    LogSource *source = store_logs(rig->store);
    LogCursor *cursor = log_scan(source, &scan, &rig->err);
    bool ok = cursor && log_next(cursor, &block, &rig->err) == LOG_BLOCK;
    log_close(cursor);
    return log_streams(source, &streams, skip_stream, NULL, &rig->err) && ok;
}

static bool a_life(StoreRig *rig, Batch *batch)
{
    if (!store_rig_open(rig))
        return false;
    bool ok = true;
    for (int i = 0; i < 10; i++)
        ok = store_rig_put(rig, batch_ref(batch)) && ok;
    ok = ask_all(rig) && ok;
    return store_rig_close(rig) && ok;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    Err err;
    long n = 0;
    starve_after(-1);
    Batch *batch = batch_from_json(LOGS, one_record, &err);
    assert_non_null(batch);
    for (bool done = false; !done; n++) {
        StoreRig rig;
        store_rig_init(&rig);
        rig.settings.segment_bytes = 2048;
        long before = starve_live();
        starve_after(n);
        bool ok = a_life(&rig, batch);
        done = !starve_happened();
        starve_end();
        assert_true(!done || ok);
        assert_int_equal(starve_live(), before);
        int stored = rig.stored;
        assert_true(store_rig_open(&rig));
        StoreStats stats;
        store_stats(rig.store, &stats);
        assert_int_equal(stats.records, stored); /* what was acknowledged, no more and no less */
        store_rig_done(&rig);
    }
    batch_unref(batch);
    print_message("counts: logs in the store survive %ld failed allocations\n", n - 1);
    assert_true(n > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_called_as_loki_calls_it),
        cmocka_unit_test(pushed_streams_keep_their_labels_also_after_a_restart),
        cmocka_unit_test(bodies_that_are_no_text_and_times_that_are_missing),
        cmocka_unit_test(streams_and_their_labels_are_listed),
        cmocka_unit_test(lines_of_one_time_keep_their_order),
        cmocka_unit_test(a_query_keeps_what_it_began_with_and_then_the_stream_leaves),
        cmocka_unit_test(a_trace_is_found_by_whatever_is_called_trace_id),
        cmocka_unit_test(very_many_attributes_are_cut_and_the_ids_stay),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(a_bad_expression_and_too_many_matchers_are_refused),
    };
    return cmocka_run_group_tests_name("log scan", tests, NULL, NULL);
}
