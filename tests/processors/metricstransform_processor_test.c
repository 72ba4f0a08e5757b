/* What metricstransform makes of points: merged, scaled, toggled; histograms, exemplars, and fields
 * that nobody knows. */
#include "base/log.h"
#include "otlp/json_in.h"
#include "otlp/json_out.h"
#include "otlp/metric_view.h"
#include "support/otlp_sample.h"
#include "support/starve.h"
#include "support/test_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

extern const ComponentType metricstransform_processor;

static Batch *read_json(const char *json)
{
    Err err;
    Buf bytes = BUF(1 << 20);
    if (!otlp_json_read(METRICS, str_from(json), &bytes, &err))
        fail_msg("%s", err.text);
    Batch *batch = batch_from_bytes(METRICS, &bytes, &err);
    assert_non_null(batch);
    return batch;
}

#define METRIC(inside)                                                                            \
    "{\"resourceMetrics\":[{\"resource\":{},\"scopeMetrics\":[{\"scope\":{},\"metrics\":[" inside \
    "]}]}]}"
#define LABEL(key, value) "{\"key\":\"" key "\",\"value\":{\"stringValue\":\"" value "\"}}"

static TestHost *begin(const char *operations)
{
    Err err;
    char yaml[1024];
    snprintf(yaml, sizeof yaml, "{transforms: [{include: m, action: update, operations: [%s]}]}",
             operations);
    TestHost *host = test_host_new(&metricstransform_processor, str_from(yaml), NULL, &err);
    if (!host || !test_host_start(host, &err))
        fail_msg("%s", err.text);
    test_host_judge_all(host, true);
    return host;
}

/* The metrics part of the JSON that comes out. */
static void expect(const char *operations, const char *in, const char *want)
{
    Err err;
    Buf out = BUF(1 << 20);
    TestHost *host = begin(operations);
    Batch *batch = read_json(in);
    assert_true(test_host_push(host, batch, true, &err));
    assert_int_equal(test_host_sent_count(host), 1);
    assert_true(otlp_json_write(test_host_sent(host, 0)->batch, &out, &err));
    const char *text = strstr(buf_text(&out), "\"metrics\":[");
    assert_non_null(text);
    assert_string_equal(text + strlen("\"metrics\":["), want);
    batch_unref(batch);
    buf_free(&out);
    test_host_free(host);
}

#define SUM_IN                                                                                   \
    METRIC(                                                                                      \
        "{\"name\":\"m\",\"unit\":\"By\",\"sum\":{\"aggregationTemporality\":2,"                 \
        "\"isMonotonic\":true,\"dataPoints\":["                                                  \
        "{\"attributes\":[" LABEL("cpu", "0") "," LABEL(                                         \
            "state",                                                                             \
            "user") "],"                                                                         \
                    "\"startTimeUnixNano\":\"5\",\"timeUnixNano\":\"9\",\"asInt\":\"10\"},"      \
                    "{\"attributes\":[" LABEL("state", "user") "," LABEL(                        \
                        "cpu", "1") "],"                                                         \
                                    "\"startTimeUnixNano\":\"4\",\"timeUnixNano\":\"9\","        \
                                    "\"asInt\":\"31\"},"                                         \
                                    "{\"attributes\":[" LABEL("cpu", "0") "," LABEL(             \
                                        "state",                                                 \
                                        "idle") "],"                                             \
                                                "\"startTimeUnixNano\":\"5\",\"timeUnixNano\":"  \
                                                "\"9\",\"asInt\":\"7\"},"                        \
                                                "{\"attributes\":[" LABEL("cpu", "1") "," LABEL( \
                                                    "state", "user") "],"                        \
                                                                     "\"startTimeUnixNano\":"    \
                                                                     "\"5\",\"timeUnixNano\":"   \
                                                                     "\"10\",\"asInt\":\"1\"}]}}")

#define SUM_OUT(user)                                                                              \
    "{\"name\":\"m\",\"unit\":\"By\",\"sum\":{\"dataPoints\":["                                    \
    "{\"startTimeUnixNano\":\"4\",\"timeUnixNano\":\"9\",\"asInt\":\"" user "\","                  \
    "\"attributes\":[" LABEL(                                                                      \
        "state", "user") "]},"                                                                     \
                         "{\"startTimeUnixNano\":\"5\",\"timeUnixNano\":\"9\",\"asInt\":\"7\","    \
                         "\"attributes\":[" LABEL(                                                 \
                             "state", "idle") "]},"                                                \
                                              "{\"startTimeUnixNano\":\"5\",\"timeUnixNano\":"     \
                                              "\"10\",\"asInt\":\"1\","                            \
                                              "\"attributes\":[" LABEL(                            \
                                                  "state", "user") "]}],"                          \
                                                                   "\"aggregationTemporality\":2," \
                                                                   "\"isMonotonic\":true}}]}]}]}"

static void points_that_are_the_same_become_one(void **state)
{
    (void)state;
    static const struct {
        const char *type, *want;
    } rows[] = {
        { "sum", SUM_OUT("41") },
        { "mean", SUM_OUT("20") },
        { "min", SUM_OUT("10") },
        { "max", SUM_OUT("31") },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char operation[128];
        snprintf(operation, sizeof operation,
                 "{action: aggregate_labels, label_set: [state], aggregation_type: %s}",
                 rows[i].type);
        expect(operation, SUM_IN, rows[i].want);
    }
}

static void values_of_a_label_become_one(void **state)
{
    (void)state;
    expect("{action: aggregate_label_values, label: state, aggregated_values: [user, idle], "
           "new_value: any, aggregation_type: sum}",
           METRIC("{\"name\":\"m\",\"gauge\":{\"dataPoints\":["
                  "{\"attributes\":[" LABEL(
                      "state", "user") "],\"asDouble\":1.5},"
                                       "{\"attributes\":[" LABEL(
                                           "state", "wait") "],\"asInt\":\"2\"},"
                                                            "{\"attributes\":[" LABEL(
                                                                "state",
                                                                "idle") "],\"asInt\":\"4\"}]}}"),
           "{\"name\":\"m\",\"gauge\":{\"dataPoints\":[{\"asDouble\":5.5,\"attributes\":[" LABEL(
               "state", "any") "]},{\"asInt\":\"2\",\"attributes\":[" LABEL("state",
                                                                            "wait") "]}]}}]}]}]}");
}

static void sums_too_large_go_on_as_doubles(void **state)
{
    (void)state;
    expect("{action: aggregate_labels, aggregation_type: sum}",
           METRIC("{\"name\":\"m\",\"gauge\":{\"dataPoints\":["
                  "{\"asInt\":\"9223372036854775807\"},{\"asInt\":\"1\"}]}}"),
           "{\"name\":\"m\",\"gauge\":{\"dataPoints\":[{\"asDouble\":9.223372036854776e+18}]}}]}"
           "]}]}");
}

#define POINT_WITH_EXEMPLAR                                                                      \
    METRIC("{\"name\":\"m\",\"gauge\":{\"dataPoints\":[{\"timeUnixNano\":\"3\",\"asInt\":\"5\"," \
           "\"exemplars\":[{\"timeUnixNano\":\"2\",\"asInt\":\"5\"}],\"flags\":1}]}}")

static void values_are_scaled_and_toggled(void **state)
{
    (void)state;
    expect("{action: experimental_scale_value, experimental_scale: 2.5}", POINT_WITH_EXEMPLAR,
           "{\"name\":\"m\",\"gauge\":{\"dataPoints\":[{\"timeUnixNano\":\"3\",\"exemplars\":[{"
           "\"timeUnixNano\":\"2\",\"asDouble\":12.5}],\"asInt\":\"12\",\"flags\":1}]}}]}]}]}");
    expect("{action: toggle_scalar_data_type}", POINT_WITH_EXEMPLAR,
           "{\"name\":\"m\",\"gauge\":{\"dataPoints\":[{\"timeUnixNano\":\"3\",\"asDouble\":5,"
           "\"exemplars\":[{\"timeUnixNano\":\"2\",\"asInt\":\"5\"}],\"flags\":1}]}}]}]}]}");
    expect("{action: toggle_scalar_data_type}, {action: toggle_scalar_data_type}",
           METRIC("{\"name\":\"m\",\"gauge\":{\"dataPoints\":[{\"asDouble\":-2.9}]}}"),
           "{\"name\":\"m\",\"gauge\":{\"dataPoints\":[{\"asDouble\":-2}]}}]}]}]}");
}

#define BUCKETS(label, counts, bounds)                                            \
    "{\"timeUnixNano\":\"9\",\"count\":\"3\",\"sum\":6,\"bucketCounts\":[" counts \
    "],\"explicitBounds\":[" bounds                                               \
    "],\"attributes\":[" LABEL("k", label) "],\"min\":1,\"max\":" label "}"

static void histograms_are_summed_and_scaled(void **state)
{
    (void)state;
    static const char in[] = METRIC("{\"name\":\"m\",\"histogram\":{\"dataPoints\":[" BUCKETS(
        "3", "\"1\",\"2\"",
        "10") "," BUCKETS("4", "\"0\",\"3\"",
                          "10") "," BUCKETS("5", "\"3\",\"0\"",
                                            "20") "],\"aggregationTemporality\":2}}");
    expect("{action: aggregate_labels, aggregation_type: sum}", in,
           "{\"name\":\"m\",\"histogram\":{\"dataPoints\":[{\"timeUnixNano\":\"9\",\"count\":\"6\","
           "\"sum\":12,\"bucketCounts\":[\"1\",\"5\"],\"explicitBounds\":[10],\"min\":1,\"max\":4},"
           "{\"timeUnixNano\":\"9\",\"count\":\"3\",\"sum\":6,\"bucketCounts\":[\"3\",\"0\"],"
           "\"explicitBounds\":[20],\"min\":1,\"max\":5}],\"aggregationTemporality\":2}}]}]}]}");
    expect("{action: delete_label_value, label: k, label_value: '4'}, "
           "{action: delete_label_value, label: k, label_value: '5'}, "
           "{action: experimental_scale_value, experimental_scale: 0.5}",
           in,
           "{\"name\":\"m\",\"histogram\":{\"dataPoints\":[{\"timeUnixNano\":\"9\",\"count\":\"3\","
           "\"sum\":3,\"bucketCounts\":[\"1\",\"2\"],\"explicitBounds\":[5],\"attributes\":[" LABEL(
               "k", "3") "],\"min\":0.5,\"max\":1.5}],\"aggregationTemporality\":2}}]}]}]}");
}

/* A mean of buckets means nothing, and summaries cannot be summed: they stay as they are. */
static void what_cannot_be_done_changes_nothing(void **state)
{
    (void)state;
    static const char histogram[] =
        "{\"name\":\"m\",\"histogram\":{\"dataPoints\":[" BUCKETS("3", "\"1\",\"2\"", "10") "]}}";
    static const char summary[] = "{\"name\":\"m\",\"summary\":{\"dataPoints\":[{\"count\":\"1\","
                                  "\"sum\":2,\"attributes\":[" LABEL("k", "v") "]}]}}";
    char in[1024], want[1024];
    snprintf(in, sizeof in, METRIC("%s"), histogram);
    snprintf(want, sizeof want, "%s]}]}]}", histogram);
    expect("{action: aggregate_labels, aggregation_type: mean}", in, want);
    snprintf(in, sizeof in, METRIC("%s"), summary);
    snprintf(want, sizeof want, "%s]}]}]}", summary);
    expect("{action: aggregate_labels, aggregation_type: sum}", in, want);
    expect("{action: toggle_scalar_data_type}", in, want);
    expect("{action: experimental_scale_value, experimental_scale: 2}", in, want);
}

static void what_is_merged_is_accounted_for(void **state)
{
    (void)state;
    Err err;
    TestHost *host = begin("{action: aggregate_labels, aggregation_type: sum}");
    Batch *batch = read_json(SUM_IN);
    assert_true(test_host_push(host, batch, true, &err));
    ComponentStatus status = test_host_status(host);
    assert_int_equal(status.received, 4);
    assert_int_equal(status.sent, 2);
    assert_int_equal(status.dropped, 2);
    assert_int_equal(component_held(&status), 0);
    assert_int_equal(test_host_ack(host, 0)->outcome.result, ACK_DELIVERED);
    batch_unref(batch);
    test_host_free(host);
}

/* Every metric of any message, meant and renamed: all else is what came in. A name that is copied
 * over itself shows what a tree loses on the way. */
static void a_tree_loses_nothing(void **state)
{
    (void)state;
    Random random;
    random_seed(&random, 3);
    for (int i = 0; i < 100; i++) {
        Err err;
        Buf bytes = BUF(1 << 20), want = BUF(16 << 20), got = BUF(16 << 20);
        sample_bytes(&random, METRICS, &bytes);
        Batch *batch = batch_from_bytes(METRICS, &bytes, &err);
        TestHost *host =
            test_host_new(&metricstransform_processor,
                          STR("{transforms: [{include: '', match_type: regexp, action: update}]}"),
                          NULL, &err);
        assert_null(host); /* an empty pattern is none; one that matches everything is */
        host = test_host_new(
            &metricstransform_processor,
            STR("{transforms: [{include: '(?s).*', match_type: regexp, action: update}]}"), NULL,
            &err);
        assert_true(batch && host && test_host_start(host, &err));
        test_host_judge_all(host, true);
        assert_true(test_host_push(host, batch, true, &err));
        if (batch_item_count(batch)) {
            const Batch *changed = test_host_sent(host, 0)->batch;
            assert_int_equal(batch_item_count(changed), batch_item_count(batch));
            for (size_t item = 0; item < batch_item_count(batch); item++) {
                buf_clear(&want);
                buf_clear(&got);
                sample_describe_item(batch, item, &want);
                sample_describe_item(changed, item, &got);
                /* exemplars move behind the other fields, so the bytes at the end may differ */
                Str a = buf_str(&want), b = buf_str(&got), cut = STR(",\"bytes\"");
                while (a.len && !str_starts(a, cut))
                    a = str_skip(a, 1);
                while (b.len && !str_starts(b, cut))
                    b = str_skip(b, 1);
                assert_true(str_eq(str_first(buf_str(&want), want.len - a.len),
                                   str_first(buf_str(&got), got.len - b.len)));
                assert_int_equal(a.len, b.len);
            }
        }
        test_host_free(host);
        batch_unref(batch);
        buf_free(&bytes);
        buf_free(&want);
        buf_free(&got);
    }
}

static void with_little_memory(void)
{
    Err err;
    starve_hold();
    TestHost *host =
        test_host_new(&metricstransform_processor,
                      STR("{transforms: [{include: m, action: insert, new_name: c, operations: "
                          "[{action: aggregate_labels, label_set: [state], aggregation_type: mean},"
                          "{action: experimental_scale_value, experimental_scale: 2}]}]}"),
                      NULL, &err);
    Batch *batch = read_json(SUM_IN);
    starve_resume();
    if (test_host_start(host, &err))
        (void)test_host_push(host, batch, true, &err);
    test_host_stop(host);
    assert_int_equal(test_host_open(host), 0);
    starve_hold();
    batch_unref(batch);
    test_host_free(host);
    starve_resume();
}

static void memory_that_fails_leaks_nothing(void **state)
{
    (void)state;
    assert_true(starve_every(with_little_memory) > 5);
}

int main(void)
{
    log_set_level(LOG_OFF);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_that_are_the_same_become_one),
        cmocka_unit_test(values_of_a_label_become_one),
        cmocka_unit_test(sums_too_large_go_on_as_doubles),
        cmocka_unit_test(values_are_scaled_and_toggled),
        cmocka_unit_test(histograms_are_summed_and_scaled),
        cmocka_unit_test(what_cannot_be_done_changes_nothing),
        cmocka_unit_test(what_is_merged_is_accounted_for),
        cmocka_unit_test(a_tree_loses_nothing),
        cmocka_unit_test(memory_that_fails_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
