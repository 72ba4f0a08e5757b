/* json_in_test.c - OTLP/JSON to protobuf: against an encoder that is not ours, and what senders may
 * do that an encoder would not. */
#include "otlp/json_in.h"

#include "base/disk.h"
#include "base/random.h"
#include "codec/json_reader.h"
#include "otlp/batch.h"
#include "otlp/describe_views.h"
#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { BYTES_MAX = 1000000 };

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

static Buf convert(Signal signal, Str json)
{
    Err err = { 0 };
    Buf bytes = BUF(BYTES_MAX);
    if (!otlp_json_read(signal, json, &bytes, &err))
        fail_msg("%s\n%.*s", err.text, STR_ARG(json));
    return bytes;
}

static void test_golden_bytes(void **state)
{
    (void)state;
    static const struct {
        Signal signal;
        const char *name;
    } golden[] = {
        { METRICS, "metrics" },      { LOGS, "logs" },      { TRACES, "traces_full" },
        { METRICS, "metrics_full" }, { LOGS, "logs_full" },
    };
    for (size_t i = 0; i < COUNT_OF(golden); i++) {
        Buf expected = read_golden(golden[i].name, "bin"),
            json = read_golden(golden[i].name, "json");
        Buf bytes = convert(golden[i].signal, buf_str(&json));
        for (size_t at = 0; at < bytes.len && at < expected.len; at++)
            if (bytes.ptr[at] != expected.ptr[at])
                fail_msg("%s: differs at %zu", golden[i].name, at);
        assert_int_equal(bytes.len, expected.len);
        buf_free(&bytes);
        buf_free(&json);
        buf_free(&expected);
    }
}

/* Its protobuf has ids of a wrong length, which JSON leaves out: the views show no difference. */
static void test_golden_views(void **state)
{
    (void)state;
    Err err;
    Buf expected = BUF(BYTES_MAX), got = BUF(BYTES_MAX);
    Buf json = read_golden("traces", "json"), bin = read_golden("traces", "bin");
    Buf bytes = convert(TRACES, buf_str(&json));
    Batch *theirs = batch_from_bytes(TRACES, &bin, &err);
    Batch *ours = batch_from_bytes(TRACES, &bytes, &err);
    assert_non_null(theirs);
    assert_non_null(ours);
    describe_views(theirs, &expected);
    describe_views(ours, &got);
    assert_string_equal(buf_text(&got), buf_text(&expected));
    batch_unref(ours);
    batch_unref(theirs);
    buf_free(&json);
    buf_free(&got);
    buf_free(&expected);
}

/* ---- one item, spelled in two ways ---- */

/* A document with one span, metric or log record in it. */
static Buf around(Signal signal, const char *item)
{
    Buf json = BUF(BYTES_MAX);
    const char *format =
        signal == TRACES ? "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[%s]}]}]}"
        : signal == LOGS ? "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[%s]}]}]}"
                         : "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[%s]}]}]}";
    const char *hole = strstr(format, "%s");
    buf_add(&json, (Str){ format, (size_t)(hole - format) });
    buf_add(&json, str_from(item));
    buf_add(&json, str_from(hole + 2));
    return json;
}

static void assert_same(Signal signal, const char *spelled, const char *plain)
{
    Buf one = around(signal, spelled), other = around(signal, plain);
    Buf got = convert(signal, buf_str(&one)), expected = convert(signal, buf_str(&other));
    if (!str_eq(buf_str(&got), buf_str(&expected)))
        fail_msg("%s is not %s", spelled, plain);
    buf_free(&expected);
    buf_free(&got);
    buf_free(&other);
    buf_free(&one);
}

static void assert_value(const char *spelled, const char *plain)
{
    char one[200], other[200];
    snprintf(one, sizeof one, "{\"body\":{%s}}", spelled);
    snprintf(other, sizeof other, "{\"body\":{%s}}", plain);
    assert_same(LOGS, one, other);
}

static void assert_means(const char *spelled, const char *plain) /* members of a log record */
{
    char one[400], other[400];
    snprintf(one, sizeof one, "{%s}", spelled);
    snprintf(other, sizeof other, "{%s}", plain);
    assert_same(LOGS, one, other);
}

/* The protobuf of a log record with those members, in hexadecimal. */
static void assert_bytes(const char *members, const char *hex)
{
    char item[400];
    snprintf(item, sizeof item, "{%s}", members);
    Buf json = around(LOGS, item), bytes = convert(LOGS, buf_str(&json)), text = BUF(1000);
    size_t head = 6; /* tags and lengths of what stands around it, all short */
    buf_add_hex(&text, bytes.ptr + head, bytes.len - head);
    assert_string_equal(buf_text(&text), hex);
    buf_free(&text);
    buf_free(&bytes);
    buf_free(&json);
}

static void test_bytes(void **state)
{
    (void)state;
    assert_bytes("", "");
    assert_bytes("\"timeUnixNano\":\"9007199254740993\"", "090100000000002000"); /* 2^53 + 1 */
    assert_bytes("\"body\":{\"intValue\":\"-1\"}", "2a0b18ffffffffffffffffff01");
    assert_bytes("\"body\":{\"doubleValue\":-0.0}", "2a09210000000000000080");
    assert_bytes("\"body\":{\"stringValue\":\"\"}", "2a020a00");
    assert_bytes("\"body\":{}", "2a00");
    assert_bytes("\"flags\":4294967295", "45ffffffff");
    assert_bytes("\"spanId\":\"EEE19b7ec3c1b174\"", "5208eee19b7ec3c1b174");
    assert_bytes("\"severityNumber\":-1", "10ffffffffffffffffff01");
}

static void test_integers(void **state)
{
    (void)state;
    assert_value("\"intValue\":9007199254740993", "\"intValue\":\"9007199254740993\"");
    assert_value("\"intValue\":-9223372036854775808", "\"intValue\":\"-9223372036854775808\"");
    assert_value("\"intValue\":5.0", "\"intValue\":\"5\"");
    assert_value("\"intValue\":\"1e3\"", "\"intValue\":\"1000\"");
    assert_value("\"intValue\":-0", "\"intValue\":\"0\"");
    assert_means("\"timeUnixNano\":1.7e+18", "\"timeUnixNano\":\"1700000000000000000\"");
    assert_means("\"timeUnixNano\":18446744073709551615",
                 "\"timeUnixNano\":\"18446744073709551615\"");
    assert_means("\"flags\":\"257\"", "\"flags\":257");
    assert_means("\"droppedAttributesCount\":2.0", "\"droppedAttributesCount\":2");
}

static void test_doubles(void **state)
{
    (void)state;
    assert_value("\"doubleValue\":\"1.5\"", "\"doubleValue\":1.5");
    assert_value("\"doubleValue\":15e-1", "\"doubleValue\":1.5");
    assert_value("\"doubleValue\":1", "\"doubleValue\":1.0");
    assert_bytes("\"body\":{\"doubleValue\":\"Infinity\"}", "2a0921000000000000f07f");
    assert_bytes("\"body\":{\"doubleValue\":\"-Infinity\"}", "2a0921000000000000f0ff");
    assert_bytes("\"body\":{\"doubleValue\":\"NaN\"}", "2a0921000000000000f87f");
}

static void test_enums_ids_bytes(void **state)
{
    (void)state;
    assert_means("\"severityNumber\":\"SEVERITY_NUMBER_WARN2\"", "\"severityNumber\":14");
    assert_means("\"severityNumber\":\"14\"", "\"severityNumber\":14");
    assert_means("\"severityNumber\":\"SEVERITY_NUMBER_UNSPECIFIED\"", "");
    assert_same(TRACES,
                "{\"kind\":\"SPAN_KIND_CONSUMER\",\"status\":{\"code\":\"STATUS_CODE_ERROR\"}}",
                "{\"kind\":5,\"status\":{\"code\":2}}");
    assert_same(METRICS, "{\"sum\":{\"aggregationTemporality\":\"AGGREGATION_TEMPORALITY_DELTA\"}}",
                "{\"sum\":{\"aggregationTemporality\":1}}");
    assert_means("\"traceId\":\"5B8EFFF798038103D269B633813FC60C\"",
                 "\"traceId\":\"5b8efff798038103d269b633813fc60c\"");
    assert_means("\"traceId\":\"\",\"spanId\":\"\"", "");
    assert_bytes("\"spanId\":\"5B8e\"", "52025b8e"); /* the batch judges lengths */
    assert_value("\"bytesValue\":\"-_8\"", "\"bytesValue\":\"+/8=\"");
    assert_bytes("\"body\":{\"bytesValue\":\"AP+A\"}", "2a053a0300ff80");
    assert_bytes("\"body\":{\"bytesValue\":\"\"}", "2a023a00");
}

static void test_names(void **state)
{
    (void)state;
    assert_means("\"time_unix_nano\":\"5\",\"severity_text\":\"x\",\"dropped_attributes_count\":1",
                 "\"timeUnixNano\":\"5\",\"severityText\":\"x\",\"droppedAttributesCount\":1");
    assert_value("\"string_value\":\"x\"", "\"stringValue\":\"x\"");
    assert_means("\"timeunixnano\":\"5\",\"Flags\":1,\"_flags\":1,\"flags_\":1", "");
    Buf snake = convert(TRACES, STR("{\"resource_spans\":[{\"scope_spans\":[{\"spans\":[]}]}]}"));
    Buf camel = convert(TRACES, STR("{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[]}]}]}"));
    assert_true(str_eq(buf_str(&snake), buf_str(&camel)));
    buf_free(&camel);
    buf_free(&snake);
}

static void test_unknown_is_skipped(void **state)
{
    (void)state;
    assert_means("\"new\":{\"deep\":[1,{\"er\":[null,\"}\"]}]},\"flags\":1,\"a\":[],\"b\":-1e5",
                 "\"flags\":1");
    assert_value("\"futureValue\":true,\"intValue\":\"1\",\"string_value_strindex\":4",
                 "\"intValue\":\"1\"");
    Buf bytes = convert(TRACES, STR("{\"other\":[{}]}"));
    assert_int_equal(bytes.len, 0);
    buf_free(&bytes);
}

static void test_null(void **state)
{
    (void)state;
    assert_means("\"flags\":null,\"body\":null,\"attributes\":null,\"traceId\":null,"
                 "\"severityText\":null,\"severityNumber\":null,\"timeUnixNano\":null",
                 "");
    assert_value("\"stringValue\":null", "");
    assert_value("\"arrayValue\":{\"values\":[null,{\"intValue\":1}]}",
                 "\"arrayValue\":{\"values\":[{},{\"intValue\":1}]}");
}

static void test_order_and_repeats(void **state)
{
    (void)state;
    assert_bytes("\"attributes\":[{\"value\":{\"boolValue\":true},\"key\":\"k\"}]",
                 "3207120210010a016b");
    assert_bytes("\"severityNumber\":9,\"severityNumber\":0", "10091000"); /* the last counts */
    assert_bytes("\"severityText\":\"a\",\"severityText\":\"\"", "1a01611a00");
    assert_bytes("\"attributes\":[{\"key\":\"a\"}],\"flags\":1,\"attributes\":[{\"key\":\"b\"}]",
                 "32030a016145010000003203"
                 "0a0162");
    assert_bytes("\"attributes\":[],\"attributes\":[ ]", "");
    assert_same(METRICS,
                "{\"histogram\":{\"dataPoints\":[{\"bucketCounts\":[],\"explicitBounds\":[]}]}}",
                "{\"histogram\":{\"dataPoints\":[{}]}}");
}

/* ---- what is refused ---- */

static void assert_refuses(Signal signal, const char *item, const char *why)
{
    Err err = { 0 };
    Buf json = around(signal, item), bytes = BUF(BYTES_MAX);
    if (otlp_json_read(signal, buf_str(&json), &bytes, &err))
        fail_msg("accepted %s", item);
    assert_int_equal(err.kind, ERR_INPUT);
    assert_string_equal(err.text, why);
    buf_free(&bytes);
    buf_free(&json);
}

static void test_refused_values(void **state)
{
    (void)state;
    assert_refuses(TRACES, "{},{\"traceId\":\"W47/95gDgQPSabYzgT/GDA==\"}",
                   "resourceSpans[0].scopeSpans[0].spans[1].traceId: line 1, column 58: expected "
                   "hexadecimal digits, 32 of them");
    assert_refuses(TRACES, "{\"links\":[{\"spanId\":\"5b8efff798038103d\"}]}",
                   "resourceSpans[0].scopeSpans[0].spans[0].links[0].spanId: line 1, column 64: "
                   "expected hexadecimal digits, 16 of them");
    assert_refuses(TRACES, "{\n\"name\": 5}",
                   "resourceSpans[0].scopeSpans[0].spans[0].name: line 2, column 9: expected a "
                   "text in quotes");
    assert_refuses(TRACES, "{\"kind\":\"SERVER\"}",
                   "resourceSpans[0].scopeSpans[0].spans[0].kind: line 1, column 52: expected an "
                   "integer or SPAN_KIND_...");
    assert_refuses(LOGS, "{\"flags\":-1}",
                   "resourceLogs[0].scopeLogs[0].logRecords[0].flags: line 1, column 56: expected "
                   "an unsigned integer of 32 bits");
    assert_refuses(LOGS, "{\"flags\":4294967296}",
                   "resourceLogs[0].scopeLogs[0].logRecords[0].flags: line 1, column 56: expected "
                   "an unsigned integer of 32 bits");
    assert_refuses(LOGS, "{\"timeUnixNano\":\"\"}",
                   "resourceLogs[0].scopeLogs[0].logRecords[0].timeUnixNano: line 1, column 63: "
                   "expected an unsigned integer of 64 bits");
    assert_refuses(LOGS, "{\"body\":{\"intValue\":1.5}}",
                   "resourceLogs[0].scopeLogs[0].logRecords[0].body.intValue: line 1, column 67: "
                   "expected an integer of 64 bits");
    assert_refuses(LOGS, "{\"body\":{\"doubleValue\":\"nan\"}}",
                   "resourceLogs[0].scopeLogs[0].logRecords[0].body.doubleValue: line 1, column "
                   "70: expected a number that a double holds");
    assert_refuses(LOGS, "{\"body\":{\"bytesValue\":\"?\"}}",
                   "resourceLogs[0].scopeLogs[0].logRecords[0].body.bytesValue: line 1, column 69: "
                   "expected base64");
    assert_refuses(LOGS, "{\"body\":{\"boolValue\":\"true\"}}",
                   "resourceLogs[0].scopeLogs[0].logRecords[0].body.boolValue: line 1, column 68: "
                   "expected true or false");
    assert_refuses(LOGS, "{\"attributes\":{}}",
                   "resourceLogs[0].scopeLogs[0].logRecords[0].attributes: line 1, column 61: "
                   "expected an array");
    assert_refuses(LOGS, "{\"attributes\":[null]}",
                   "resourceLogs[0].scopeLogs[0].logRecords[0].attributes[0]: line 1, column 62: "
                   "expected an object");
    assert_refuses(METRICS, "{\"gauge\":{\"dataPoints\":[{\"asInt\":\"9223372036854775808\"}]}}",
                   "resourceMetrics[0].scopeMetrics[0].metrics[0].gauge.dataPoints[0].asInt: line "
                   "1, column 83: expected an integer of 64 bits");
}

static void assert_refuses_document(const char *json, const char *why)
{
    Err err = { 0 };
    Buf bytes = BUF(BYTES_MAX);
    assert_false(otlp_json_read(TRACES, str_from(json), &bytes, &err));
    assert_string_equal(err.text, why);
    buf_free(&bytes);
}

static void test_refused_documents(void **state)
{
    (void)state;
    assert_refuses_document("", "line 1, column 1: expected an object");
    assert_refuses_document("[]", "line 1, column 1: expected an object");
    assert_refuses_document("{} {}", "line 1, column 4: expected nothing behind the document");
    assert_refuses_document("{\"resourceSpans\":[{]}",
                            "resourceSpans[0]: line 1, column 20: expected a key in quotes");
    assert_refuses_document("{\"resourceSpans\":[{}",
                            "resourceSpans[1]: line 1, column 21: expected ',' or ']'");
    assert_refuses_document("{\"unknown\":[1,}", "line 1, column 15: expected a value");
}

static void test_long_path(void **state)
{
    (void)state;
    Err err = { 0 };
    Buf item = BUF(BYTES_MAX), bytes = BUF(BYTES_MAX);
    buf_addf(&item, "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"body\":");
    for (int i = 0; i < 20; i++)
        buf_addf(&item, "{\"arrayValue\":{\"values\":[");
    buf_addf(&item, "5");
    assert_false(otlp_json_read(LOGS, buf_str(&item), &bytes, &err));
    assert_true(str_starts(str_from(err.text), STR("....")));
    assert_true(str_ends(str_from(err.text), STR("column 555: expected an object")));
    buf_free(&bytes);
    buf_free(&item);
}

static void test_too_deep(void **state)
{
    (void)state;
    Err err = { 0 };
    Buf json = BUF(BYTES_MAX), bytes = BUF(BYTES_MAX);
    buf_addf(&json, "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"body\":");
    for (int i = 0; i < 40; i++)
        buf_addf(&json, "{\"arrayValue\":{\"values\":[");
    assert_false(otlp_json_read(LOGS, buf_str(&json), &bytes, &err));
    assert_int_equal(err.kind, ERR_INPUT);
    buf_clear(&json);
    buf_addf(&json, "{\"x\":");
    for (int i = 0; i < JSON_READ_DEPTH; i++)
        buf_add_byte(&json, '[');
    assert_false(otlp_json_read(LOGS, buf_str(&json), &bytes, &err));
    assert_int_equal(err.kind, ERR_INPUT);
    buf_free(&bytes);
    buf_free(&json);
}

/* A list of zeros takes four times the room in protobuf: the ceiling decides, not the sender. */
static void test_ceiling(void **state)
{
    (void)state;
    Err err = { 0 };
    Buf json = BUF(BYTES_MAX), bytes = BUF(10000);
    buf_addf(&json, "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{\"histogram\":"
                    "{\"dataPoints\":[{\"bucketCounts\":[0");
    for (int i = 0; i < 5000; i++)
        buf_addf(&json, ",0");
    buf_addf(&json, "]}]}}]}]}]}");
    assert_false(otlp_json_read(METRICS, buf_str(&json), &bytes, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    assert_true(bytes.cap <= 10000);
    buf_free(&bytes);
    buf_free(&json);
}

static void test_cut_anywhere(void **state)
{
    (void)state;
    static const char *const names[] = { "traces", "metrics", "logs" };
    static const Signal signals[] = { TRACES, METRICS, LOGS };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        Buf json = read_golden(names[i], "json"), bytes = BUF(BYTES_MAX);
        for (size_t cut = 0; cut + 2 < json.len; cut++) { /* the last two are "}\n" */
            Err err;
            buf_clear(&bytes);
            assert_false(otlp_json_read(signals[i], (Str){ json.ptr, cut }, &bytes, &err));
            assert_int_equal(err.kind, ERR_INPUT);
        }
        buf_free(&bytes);
        buf_free(&json);
    }
}

/* Whatever is accepted is protobuf that the batch accepts. */
static void test_damaged(void **state)
{
    (void)state;
    static const char bits[] = "{}[]\",:0-n\\";
    Random random;
    random_seed(&random, 31);
    Buf json = read_golden("traces", "json"), damaged = BUF(BYTES_MAX);
    for (int round = 0; round < 2000; round++) {
        Err err;
        Buf bytes = BUF(BYTES_MAX);
        buf_clear(&damaged);
        buf_add(&damaged, buf_str(&json));
        size_t at = random_below(&random, damaged.len);
        damaged.ptr[at] =
            round % 2 ? (char)random_next(&random) : bits[random_below(&random, sizeof bits - 1)];
        if (otlp_json_read(TRACES, buf_str(&damaged), &bytes, &err)) {
            Batch *batch = batch_from_bytes(TRACES, &bytes, &err);
            assert_non_null(batch);
            batch_unref(batch);
        }
        buf_free(&bytes);
    }
    buf_free(&damaged);
    buf_free(&json);
}

static void test_starved(void **state)
{
    (void)state;
    const Str json =
        STR("{\"resourceLogs\":[{\"resource\":{\"attributes\":[{\"key\":\"\\u0061\"}]},"
            "\"scopeLogs\":[{\"logRecords\":[{\"body\":{\"stringValue\":\"a longer "
            "text \\n with an escape, and then some more of it, and more\"}}]}]}]}");
    for (long n = 0;; n++) {
        Err err;
        Buf bytes = BUF(BYTES_MAX);
        starve_after(n);
        bool ok = otlp_json_read(LOGS, json, &bytes, &err);
        int starved = starve_happened();
        starve_end();
        buf_free(&bytes);
        assert_true(ok != (starved != 0));
        if (ok)
            return;
        assert_int_equal(err.kind, ERR_MEMORY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_bytes),   cmocka_unit_test(test_golden_views),
        cmocka_unit_test(test_bytes),          cmocka_unit_test(test_integers),
        cmocka_unit_test(test_doubles),        cmocka_unit_test(test_enums_ids_bytes),
        cmocka_unit_test(test_names),          cmocka_unit_test(test_unknown_is_skipped),
        cmocka_unit_test(test_null),           cmocka_unit_test(test_order_and_repeats),
        cmocka_unit_test(test_refused_values), cmocka_unit_test(test_refused_documents),
        cmocka_unit_test(test_long_path),      cmocka_unit_test(test_too_deep),
        cmocka_unit_test(test_ceiling),        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_damaged),        cmocka_unit_test(test_starved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
