/* json_out_test.c - batches as OTLP/JSON: against an encoder that is not ours, and there and back.
 */
#include "otlp/json_out.h"

#include "base/disk.h"
#include "codec/json.h"
#include "codec/json_number.h"
#include "codec/json_reader.h"
#include "otlp/describe_views.h"
#include "otlp/encode.h"
#include "otlp/json_in.h"
#include "support/otlp_sample.h"
#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { BYTES_MAX = 10000000 };

static const Signal signals[] = { TRACES, METRICS, LOGS };

static Batch *batch_of(Signal signal, Str bytes)
{
    Err err = { 0 };
    Batch *batch = batch_from_copy(signal, bytes, &err);
    if (!batch)
        fail_msg("%s", err.text);
    return batch;
}

static Buf json_of(const Batch *batch)
{
    Err err = { 0 };
    Buf json = BUF(BYTES_MAX);
    if (!otlp_json_write(batch, &json, &err))
        fail_msg("%s", err.text);
    return json;
}

/* The same document in one spelling: no white space, numbers as our writer has them. */
static void normalise(JsonReader *reader, JsonWriter *writer)
{
    Str text;
    bool either;
    double number;
    switch (json_peek(reader)) {
    case JSON_OBJECT:
        json_read_object(reader);
        json_object(writer);
        while (json_read_key(reader, &text)) {
            json_key(writer, text);
            normalise(reader, writer);
        }
        json_end(writer);
        break;
    case JSON_ARRAY:
        json_read_array(reader);
        json_array(writer);
        while (json_read_element(reader))
            normalise(reader, writer);
        json_end(writer);
        break;
    case JSON_TEXT:
        if (json_read_text(reader, &text))
            json_text(writer, text);
        break;
    case JSON_NUMBER:
        if (json_read_number(reader, &text) && json_number_double(text, &number))
            json_double(writer, number);
        break;
    case JSON_BOOL:
        if (json_read_bool(reader, &either))
            json_bool(writer, either);
        break;
    case JSON_NULL:
    case JSON_NO_VALUE:
    default: fail_msg("not in OTLP/JSON: %.20s", reader->at);
    }
}

static Buf normal(Str json)
{
    Err err;
    Buf out = BUF(BYTES_MAX);
    JsonReader reader = json_reader(json);
    JsonWriter writer = json_writer(&out);
    normalise(&reader, &writer);
    assert_true(json_read_end(&reader, &err));
    json_reader_done(&reader);
    return out;
}

static Buf read_golden(const char *name, const char *kind)
{
    Err err;
    char path[100];
    Buf bytes = BUF(BYTES_MAX);
    snprintf(path, sizeof path, "tests/golden/otlp/%s.%s", name, kind);
    assert_true(disk_read_all(disk_system(), path, &bytes, &err));
    assert_true(bytes.len > 100);
    return bytes;
}

static void test_golden(void **state)
{
    (void)state;
    static const struct {
        Signal signal;
        const char *name;
    } golden[] = {
        { TRACES, "traces" },      { METRICS, "metrics" },      { LOGS, "logs" },
        { TRACES, "traces_full" }, { METRICS, "metrics_full" }, { LOGS, "logs_full" },
    };
    for (size_t i = 0; i < COUNT_OF(golden); i++) {
        Buf bytes = read_golden(golden[i].name, "bin"), text = read_golden(golden[i].name, "json");
        Batch *batch = batch_of(golden[i].signal, buf_str(&bytes));
        Buf json = json_of(batch);
        Buf ours = normal(buf_str(&json)), theirs = normal(buf_str(&text));
        for (size_t at = 0; at < ours.len && at < theirs.len; at++)
            if (ours.ptr[at] != theirs.ptr[at])
                fail_msg("%s: \"%.60s\", not \"%.60s\"", golden[i].name,
                         ours.ptr + (at > 30 ? at - 30 : 0), theirs.ptr + (at > 30 ? at - 30 : 0));
        assert_int_equal(ours.len, theirs.len);
        buf_free(&theirs);
        buf_free(&ours);
        buf_free(&json);
        batch_unref(batch);
        buf_free(&text);
        buf_free(&bytes);
    }
}

/* What the views show is the same before and after; and so is the JSON. */
static void assert_returns(const Batch *batch)
{
    Err err = { 0 };
    Buf json = json_of(batch), bytes = BUF(BYTES_MAX), before = BUF(BYTES_MAX);
    if (!otlp_json_read(batch_signal(batch), buf_str(&json), &bytes, &err))
        fail_msg("%s\n%.*s", err.text, STR_ARG(buf_str(&json)));
    Batch *again = batch_of(batch_signal(batch), buf_str(&bytes));
    Buf twice = json_of(again), after = BUF(BYTES_MAX);
    describe_views(batch, &before);
    describe_views(again, &after);
    if (!str_eq(buf_str(&before), buf_str(&after)))
        fail_msg("was %.*s\nis %.*s", STR_ARG(buf_str(&before)), STR_ARG(buf_str(&after)));
    assert_true(str_eq(buf_str(&json), buf_str(&twice)));
    assert_int_equal(batch_item_count(batch), batch_item_count(again));
    buf_free(&after);
    buf_free(&twice);
    batch_unref(again);
    buf_free(&before);
    buf_free(&bytes);
    buf_free(&json);
}

static void test_there_and_back(void **state)
{
    (void)state;
    Random random;
    random_seed(&random, 20);
    size_t items = 0;
    for (size_t round = 0; round < 600; round++) {
        Signal signal = signals[round % COUNT_OF(signals)];
        Buf bytes = BUF(BYTES_MAX);
        sample_bytes(&random, signal, &bytes);
        Batch *batch = batch_of(signal, buf_str(&bytes));
        assert_returns(batch);
        items += batch_item_count(batch);
        batch_unref(batch);
        buf_free(&bytes);
    }
    assert_true(items > 1000);
}

static void test_golden_there_and_back(void **state)
{
    (void)state;
    static const char *const names[] = { "traces_full", "metrics_full", "logs_full" };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        Buf bytes = read_golden(names[i], "bin");
        Batch *batch = batch_of(signals[i], buf_str(&bytes));
        assert_returns(batch);
        batch_unref(batch);
        buf_free(&bytes);
    }
}

static void assert_json(Signal signal, Str bytes, const char *expected)
{
    Batch *batch = batch_of(signal, bytes);
    Buf json = json_of(batch);
    if (!str_eq(buf_str(&json), str_from(expected)))
        fail_msg("wrote %.*s\nnot   %s", STR_ARG(buf_str(&json)), expected);
    buf_free(&json);
    batch_unref(batch);
}

/* Opens what stands around an item, adds `content` as the item, closes. */
static void assert_item_json(Signal signal, Str content, const char *expected)
{
    Buf bytes = BUF(10000), whole = BUF(10000);
    size_t group = wire_open(&bytes, REQUEST_GROUP);
    size_t scopes = wire_open(&bytes, GROUP_SCOPES);
    wire_add_bytes(&bytes, SCOPES_ITEM, content);
    wire_close(&bytes, scopes);
    wire_close(&bytes, group);
    const char *kind = signal == TRACES ? "Spans" : signal == METRICS ? "Metrics" : "Logs";
    const char *item = signal == TRACES ? "spans" : signal == METRICS ? "metrics" : "logRecords";
    buf_addf(&whole, "{\"resource%s\":[{\"scope%s\":[{\"%s\":[%s]}]}]}", kind, kind, item,
             expected);
    assert_json(signal, buf_str(&bytes), buf_text(&whole));
    buf_free(&whole);
    buf_free(&bytes);
}

static void test_left_out(void **state)
{
    (void)state;
    Buf span = BUF(1000);
    assert_json(TRACES, STR(""), "{}");
    wire_add_bytes(&span, 1, STR("seven bytes")); /* an id of a wrong length */
    wire_add_bytes(&span, 2, STR("\0\0\0\0\0\0\0\0"));
    wire_add_bytes(&span, 5, STR("")); /* a default that was sent */
    wire_add_varint(&span, 6, 0);
    wire_add_varint(&span, 5, 7); /* of another wire type: unknown */
    wire_add_bytes(&span, 99, STR("unknown"));
    assert_item_json(TRACES, buf_str(&span), "{\"spanId\":\"0000000000000000\"}");
    buf_free(&span);
}

static void test_repeated_by_the_sender(void **state)
{
    (void)state;
    Buf span = BUF(1000), metric = BUF(1000);
    wire_add_bytes(&span, 5, STR("first"));
    wire_add_bytes(&span, 15, STR("\x12\x01m")); /* status: message */
    encode_text(&span, SPAN_ATTRIBUTES, STR("a"), STR("1"));
    wire_add_bytes(&span, 5, STR("last"));
    wire_add_bytes(&span, 15, STR("\x18\x02")); /* status: code */
    encode_bool(&span, SPAN_ATTRIBUTES, STR("b"), false);
    assert_item_json(TRACES, buf_str(&span),
                     "{\"name\":\"last\",\"attributes\":[{\"key\":\"a\",\"value\":{\"stringValue\":"
                     "\"1\"}},{\"key\":\"b\",\"value\":{\"boolValue\":false}}],"
                     "\"status\":{\"message\":\"m\",\"code\":2}}");
    wire_add_bytes(&metric, 5, STR("\x0A\x00")); /* gauge: a point */
    wire_add_bytes(&metric, 7, STR("\x0A\x00")); /* sum: a point */
    wire_add_bytes(&metric, 7, STR("\x18\x01")); /* sum: monotonic */
    assert_item_json(METRICS, buf_str(&metric),
                     "{\"sum\":{\"dataPoints\":[{}],\"isMonotonic\":true}}");
    buf_free(&metric);
    buf_free(&span);
}

/* A sender that changes its mind: what another member replaced is gone, even if its kind comes
 * back. */
static void test_replaced_data(void **state)
{
    (void)state;
    Buf metric = BUF(1000);
    wire_add_bytes(&metric, 7, STR("\x18\x01")); /* sum: monotonic */
    wire_add_bytes(&metric, 5, STR("\x0A\x00")); /* gauge: a point */
    wire_add_bytes(&metric, 7, STR("\x0A\x00")); /* sum: a point */
    wire_add_bytes(&metric, 7, STR("\x10\x02")); /* sum: cumulative */
    assert_item_json(METRICS, buf_str(&metric),
                     "{\"sum\":{\"dataPoints\":[{}],\"aggregationTemporality\":2}}");
    buf_free(&metric);
}

/* Of 64 bits for a field of 32 the lower half counts, also for whether it is the default. */
static void test_wide_numbers(void **state)
{
    (void)state;
    Buf span = BUF(1000), metric = BUF(1000);
    wire_add_varint(&span, 6, UINT64_C(7) << 32);
    wire_add_varint(&span, 10, UINT64_C(7) << 32 | 5);
    assert_item_json(TRACES, buf_str(&span), "{\"droppedAttributesCount\":5}");
    size_t data = wire_open(&metric, 10), point = wire_open(&metric, DATA_POINTS);
    wire_add_varint(&metric, 6, UINT64_C(1) << 32 | 1); /* zigzag */
    size_t buckets = wire_open(&metric, 8);
    wire_add_varint(&metric, 1, UINT64_C(1) << 32);
    wire_close(&metric, buckets), wire_close(&metric, point), wire_close(&metric, data);
    assert_item_json(METRICS, buf_str(&metric),
                     "{\"exponentialHistogram\":{\"dataPoints\":[{\"scale\":-1,"
                     "\"positive\":{}}]}}");
    buf_free(&metric);
    buf_free(&span);
}

/* A run of no numbers is not there, alone or before others. */
static void test_empty_run(void **state)
{
    (void)state;
    Buf metric = BUF(1000);
    size_t data = wire_open(&metric, 9), point = wire_open(&metric, DATA_POINTS);
    wire_add_bytes(&metric, 6, STR(""));
    wire_add_bytes(&metric, 7, STR(""));
    wire_add_double(&metric, 7, 2);
    wire_close(&metric, point), wire_close(&metric, data);
    assert_item_json(METRICS, buf_str(&metric),
                     "{\"histogram\":{\"dataPoints\":[{\"explicitBounds\":[2]}]}}");
    buf_free(&metric);
}

/* Numbers that were not packed, and values of every kind that a default could swallow. */
static void test_numbers(void **state)
{
    (void)state;
    Buf metric = BUF(1000);
    size_t data = wire_open(&metric, 9), point = wire_open(&metric, DATA_POINTS);
    wire_add_fixed64(&metric, 6, UINT64_MAX);
    wire_add_packed_fixed64(&metric, 6, (uint64_t[]){ 0, 1 }, 2);
    wire_add_double(&metric, 5, 0);
    wire_add_double(&metric, 7, -0.0);
    wire_close(&metric, point), wire_close(&metric, data);
    assert_item_json(METRICS, buf_str(&metric),
                     "{\"histogram\":{\"dataPoints\":[{\"sum\":0,\"bucketCounts\":["
                     "\"18446744073709551615\",\"0\",\"1\"],\"explicitBounds\":[-0]}]}}");
    buf_free(&metric);
}

/* Whatever a batch may hold can be written. */
static void test_deepest(void **state)
{
    (void)state;
    Err err;
    Buf body = BUF(100000), json = BUF(100000);
    size_t opened[BATCH_DEPTH_MAX];
    opened[0] = wire_open(&body, REQUEST_GROUP);
    opened[1] = wire_open(&body, GROUP_SCOPES);
    opened[2] = wire_open(&body, SCOPES_ITEM);
    opened[3] = wire_open(&body, 5); /* the body of a log: a list in a list in a list ... */
    for (size_t i = 4; i < COUNT_OF(opened); i++)
        opened[i] = wire_open(&body, i % 2 ? 1 : 5);
    for (size_t i = COUNT_OF(opened); i > 0; i--)
        wire_close(&body, opened[i - 1]);
    Batch *batch = batch_of(LOGS, buf_str(&body));
    assert_true(otlp_json_write(batch, &json, &err));
    batch_unref(batch);
    buf_free(&json);
    buf_free(&body);
}

static void test_starved(void **state)
{
    (void)state;
    Buf bytes = BUF(BYTES_MAX);
    Random random;
    random_seed(&random, 23); /* has repeated resources, which are joined */
    for (int i = 0; i < 4; i++)
        sample_bytes(&random, METRICS, &bytes);
    for (long n = 0;; n++) {
        Err err;
        starve_after(-1);
        Batch *batch = batch_of(METRICS, buf_str(&bytes));
        Buf json = BUF(BYTES_MAX);
        starve_after(n);
        bool ok = otlp_json_write(batch, &json, &err);
        int starved = starve_happened();
        starve_end();
        assert_true(ok != (starved != 0));
        if (!ok)
            assert_int_equal(err.kind, ERR_MEMORY);
        buf_free(&json);
        batch_unref(batch);
        if (ok)
            break;
    }
    buf_free(&bytes);
}

static void test_answers(void **state)
{
    (void)state;
    static const struct {
        Signal signal;
        ExportAnswer answer;
        const char *json;
    } cases[] = {
        { TRACES, { 0 }, "{\"partialSuccess\":{}}" },
        { TRACES,
          { 3, STR_ROW("too \"old\"") },
          "{\"partialSuccess\":{\"rejectedSpans\":\"3\",\"errorMessage\":\"too \\\"old\\\"\"}}" },
        { METRICS, { 1, STR_ROW("") }, "{\"partialSuccess\":{\"rejectedDataPoints\":\"1\"}}" },
        { LOGS, { 2, STR_ROW("") }, "{\"partialSuccess\":{\"rejectedLogRecords\":\"2\"}}" },
        { LOGS, { 0, STR_ROW("hm") }, "{\"partialSuccess\":{\"errorMessage\":\"hm\"}}" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        Err err;
        ExportAnswer read;
        Buf json = BUF(1000), scratch = BUF(1000);
        otlp_json_write_answer(cases[i].signal, &cases[i].answer, &json);
        assert_string_equal(buf_text(&json), cases[i].json);
        assert_true(otlp_json_read_answer(buf_str(&json), &scratch, &read, &err));
        assert_int_equal(read.rejected, cases[i].answer.rejected);
        assert_true(str_eq(read.message, cases[i].answer.message));
        buf_free(&scratch);
        buf_free(&json);
    }
}

static void test_status(void **state)
{
    (void)state;
    Err err;
    RpcStatus read;
    Buf json = BUF(1000), scratch = BUF(1000);
    otlp_json_write_status(&(RpcStatus){ .code = GRPC_INVALID_ARGUMENT, .message = STR("no") },
                           &json);
    assert_string_equal(buf_text(&json), "{\"code\":3,\"message\":\"no\"}");
    assert_true(otlp_json_read_status(buf_str(&json), &scratch, &read, &err));
    assert_int_equal(read.code, GRPC_INVALID_ARGUMENT);
    assert_true(str_eq(read.message, STR("no")));
    buf_clear(&json);
    otlp_json_write_status(
        &(RpcStatus){ .code = GRPC_UNAVAILABLE, .message = STR("full"), .retry_ms = 1500 }, &json);
    assert_string_equal(buf_text(&json),
                        "{\"code\":14,\"message\":\"full\",\"details\":[{\"@type\":\"type."
                        "googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"1.500s\"}]}");
    buf_clear(&scratch);
    assert_true(otlp_json_read_status(buf_str(&json), &scratch, &read, &err));
    assert_int_equal(read.code, GRPC_UNAVAILABLE);
    assert_false(otlp_json_read_status(STR("<html>"), &scratch, &read, &err));
    buf_free(&scratch);
    buf_free(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_golden_there_and_back),
        cmocka_unit_test(test_left_out),
        cmocka_unit_test(test_repeated_by_the_sender),
        cmocka_unit_test(test_replaced_data),
        cmocka_unit_test(test_wide_numbers),
        cmocka_unit_test(test_empty_run),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_deepest),
        cmocka_unit_test(test_starved),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
