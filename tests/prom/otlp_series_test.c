/* otlp_series_test.c - batches written as OTLP/JSON (with ' for "), their series as text. */
#include "prom/otlp_series.h"

#include "codec/float_text.h"
#include "support/json_metrics.h"
#include "support/starve.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { TEXT_MAX = 1 << 20 };

static bool write_family(void *context, const PromFamily *family, Err *err)
{
    (void)err;
    buf_addf(context, "# %.*s %s [%.*s] %.*s\n", STR_ARG(family->name),
             metric_type_name(family->type), STR_ARG(family->unit), STR_ARG(family->help));
    return true;
}

static bool write_sample(void *context, const PromSample *sample, Err *err)
{
    (void)err;
    Buf *out = context;
    uint64_t bits;
    memcpy(&bits, &sample->value, sizeof bits);
    buf_add(out, labels_get(sample->labels, STR(LABEL_METRIC_NAME)));
    buf_add_byte(out, '{');
    Str before = { NULL, 0 };
    for (size_t i = 0; i < sample->labels.count; i++) {
        const Label *label = &sample->labels.ptr[i];
        assert_true(str_compare(before, label->name) < 0);
        before = label->name;
        if (!str_eq(label->name, STR(LABEL_METRIC_NAME)))
            buf_addf(out, "%.*s=%.*s ", STR_ARG(label->name), STR_ARG(label->value));
    }
    buf_addf(out, "} %" PRId64 " ", sample->time_ms);
    if (bits == PROM_STALE_BITS)
        buf_add(out, STR("stale"));
    else
        buf_add_float(out, sample->value, FLOAT_ANSWER);
    buf_add_byte(out, '\n');
    return true;
}

static bool write_unsupported(void *context, size_t item, const char *reason, Err *err)
{
    (void)err;
    buf_addf(context, "! %zu %s\n", item, reason);
    return true;
}

static void check(const PromOptions *options, const char *json, const char *expected)
{
    Err err;
    Buf out = BUF(TEXT_MAX);
    const SeriesVisitor visitor = { &out, write_family, write_sample, write_unsupported, NULL };
    Batch *batch = json_metrics(json);
    assert_true(prom_series_walk(batch, options, &visitor, &err));
    assert_string_equal(buf_text(&out), expected);
    batch_unref(batch);
    buf_free(&out);
}

static const PromOptions plain = { 0 };

static void test_numbers(void **state)
{
    (void)state;
    check(&plain,
          MB_METRICS(
              MB_ATTR("service.name", "shop") "," MB_ATTR("service.namespace",
                                                          "eu") "," MB_ATTR("service.instance.id",
                                                                            "a-1"),
              "{'name':'chat.requests','unit':'{request}','description':'Chats.','sum':"
              "{" MB_CUMULATIVE MB_MONOTONIC "'dataPoints':[{'timeUnixNano':'5000000','asInt':'7',"
              "'attributes':[" MB_ATTR("model", "m-1") "]}]}}," MB_SUM(
                  "active", MB_CUMULATIVE,
                  "{'timeUnixNano':'5999999','asDouble':-1.5}") ","
                                                                "{'name':'cpu','unit':'1','gauge':{"
                                                                "'dataPoints':[{'asDouble':0.25},"
                                                                "{'timeUnixNano':'7000000','flags':"
                                                                "1}]}}"),
          "# chat_requests_total counter [] Chats.\n"
          "chat_requests_total{instance=a-1 job=eu/shop model=m-1 } 5 7\n"
          "# active gauge [] \n"
          "active{instance=a-1 job=eu/shop } 5 -1.5\n"
          "# cpu_ratio gauge [] \n"
          "cpu_ratio{instance=a-1 job=eu/shop } 0 0.25\n"
          "cpu_ratio{instance=a-1 job=eu/shop } 7 stale\n");
}

static void test_histogram(void **state)
{
    (void)state;
    check(&plain,
          MB_METRICS("",
                     "{'name':'d','unit':'s','histogram':{" MB_CUMULATIVE "'dataPoints':["
                     "{'timeUnixNano':'1000000','count':'6','sum':9.5,'bucketCounts':['1','2','3'],"
                     "'explicitBounds':[0.005,10],'attributes':[" MB_ATTR(
                         "le",
                         "mine") "]},"
                                 "{'timeUnixNano':'2000000','count':'4'},"
                                 "{'timeUnixNano':'3000000','flags':1,'bucketCounts':['0','0'],"
                                 "'explicitBounds':[100000000]}]}}"),
          "# d_seconds histogram [seconds] \n"
          "d_seconds_sum{le=mine } 1 9.5\n"
          "d_seconds_count{le=mine } 1 6\n"
          "d_seconds_bucket{le=0.005 } 1 1\n"
          "d_seconds_bucket{le=10 } 1 3\n"
          "d_seconds_bucket{le=+Inf } 1 6\n"
          "d_seconds_count{} 2 4\n"
          "d_seconds_bucket{le=+Inf } 2 4\n"
          "d_seconds_sum{} 3 stale\n"
          "d_seconds_count{} 3 stale\n"
          "d_seconds_bucket{le=100000000 } 3 stale\n"
          "d_seconds_bucket{le=+Inf } 3 stale\n");
}

static void test_summary(void **state)
{
    (void)state;
    check(&plain,
          MB_METRICS("",
                     "{'name':'rpc','unit':'ms','summary':{'dataPoints':[{'timeUnixNano':'1000000',"
                     "'count':'3','sum':4,'quantileValues':[{'quantile':0.5,'value':1},"
                     "{'quantile':0.99,'value':2.5}]}]}}"),
          "# rpc_milliseconds summary [milliseconds] \n"
          "rpc_milliseconds_sum{} 1 4\n"
          "rpc_milliseconds_count{} 1 3\n"
          "rpc_milliseconds{quantile=0.5 } 1 1\n"
          "rpc_milliseconds{quantile=0.99 } 1 2.5\n");
}

static void test_target_info(void **state)
{
    (void)state;
    const char *json =
        MB_METRICS(MB_ATTR("service.name", "shop") "," MB_ATTR("host.name", "h") "," MB_ATTR(
                       "host_name", "g") ","
                                         "{'key':'pid','value':{'intValue':'4'}},{'key':'args','"
                                         "value':{'arrayValue':{'values':["
                                         "{'stringValue':'a'}]}}}",
                   "{'name':'x','gauge':{'dataPoints':[{'timeUnixNano':'400000000000','asInt':1},"
                   "{'timeUnixNano':'100000000000','asInt':2}]}}");
    check(&plain, json,
          "# x gauge [] \n"
          "x{job=shop } 400000 1\n"
          "x{job=shop } 100000 2\n"
          "# target_info gauge [] Target metadata\n"
          "target_info{args=[\"a\"] host_name=h;g job=shop pid=4 } 100000 1\n"
          "target_info{args=[\"a\"] host_name=h;g job=shop pid=4 } 250000 1\n"
          "target_info{args=[\"a\"] host_name=h;g job=shop pid=4 } 400000 1\n");
    /* Without job and instance nothing could be joined with it. */
    check(&plain,
          MB_METRICS(MB_ATTR("host.name", "h"),
                     "{'name':'x','gauge':{'dataPoints':[{'asInt':1}]}}"),
          "# x gauge [] \nx{} 0 1\n");
}

static void test_options(void **state)
{
    (void)state;
    static const Label more[] = { { STR_ROW("job"), STR_ROW("never") },
                                  { STR_ROW("zone"), STR_ROW("z1") } };
    const PromOptions options = { .ns = STR("otel_demo"),
                                  .without_suffixes = true,
                                  .resource_labels = true,
                                  .scope_labels = true,
                                  .more = { more, 2 } };
    check(&options,
          MB_METRICS(
              MB_ATTR("service.name", "shop") "," MB_ATTR("b", "resource"),
              MB_SUM("chat.requests", MB_CUMULATIVE MB_MONOTONIC,
                     "{'asInt':1,'attributes':[" MB_ATTR("b", "point") "," MB_ATTR("c", "") "]}")),
          "# otel_demo_chat_requests counter [] \n"
          "otel_demo_chat_requests{b=resource job=shop otel_scope_name=lib otel_scope_version=2 "
          "service_name=shop zone=z1 } 0 1\n"
          "# otel_demo_target_info gauge [] Target metadata\n"
          "otel_demo_target_info{b=resource job=shop } 0 1\n");
}

static void test_unsupported(void **state)
{
    (void)state;
    check(&plain,
          MB_METRICS(
              "",
              MB_SUM("a", "'aggregationTemporality':1,", "{'asInt':1},{'asInt':2}") "," MB_SUM(
                  "b", "",
                  "{'asInt':1}") ","
                                 "{'name':'c','exponentialHistogram':{" MB_CUMULATIVE
                                 "'dataPoints':[{}]}},"
                                 "{'name':'d','gauge':{'dataPoints':[{},{'asInt':3,'attributes':"
                                 "[" MB_ATTR(
                                     "..",
                                     "x") "]}]}},"
                                          "{'name':'@','gauge':{'dataPoints':[{'asInt':1}]}},{"
                                          "'name':'e'},"
                                          "{'name':'h','histogram':{'aggregationTemporality':"
                                          "1,'dataPoints':[{}]}}"),
          "! 0 delta temporality\n"
          "! 1 delta temporality\n"
          "! 2 unspecified temporality\n"
          "! 3 exponential histogram\n"
          "! 4 a point without a value\n"
          "! 5 no label name is left of an attribute's key\n"
          "! 6 no name is left of the metric's\n"
          "! 7 delta temporality\n");
}

static void test_many_labels(void **state)
{
    (void)state;
    for (int count = 510; count <= 511; count++) {
        Buf json = BUF(TEXT_MAX), out = BUF(TEXT_MAX);
        buf_add(&json, STR("{'resourceMetrics':[{'scopeMetrics':[{'metrics':[{'name':'x','gauge':"
                           "{'dataPoints':[{'asInt':1,'attributes':["));
        for (int i = 0; i < count; i++)
            buf_addf(&json, "%s{'key':'k%d','value':{'boolValue':true}}", i ? "," : "", i);
        buf_add(&json, STR("]}]}}]}]}]}"));
        Err err;
        const SeriesVisitor visitor = { &out, NULL, write_sample, write_unsupported, NULL };
        Batch *batch = json_metrics(buf_text(&json));
        assert_true(prom_series_walk(batch, &plain, &visitor, &err));
        if (count == 511)
            assert_string_equal(buf_text(&out), "! 0 more than 512 labels\n");
        else
            assert_true(str_starts(buf_str(&out), STR("x{k0=true k1=true k10=true ")));
        batch_unref(batch);
        buf_free(&json);
        buf_free(&out);
    }
}

static void test_created(void **state)
{
    (void)state;
    const PromOptions options = { .created = true };
    check(&options,
          MB_METRICS(
              "",
              MB_SUM("a", MB_CUMULATIVE MB_MONOTONIC,
                     "{'startTimeUnixNano':'9000000','timeUnixNano':'10000000','asInt':"
                     "1},{'timeUnixNano':'10000000','asInt':2}") ","
                                                                 "{'name':'g','gauge':{'dataPoints'"
                                                                 ":[{'startTimeUnixNano':'9000000',"
                                                                 "'asInt':1}]}}"),
          "# a_total counter [] \n"
          "a_total_created{} 10 9\n"
          "a_total{} 10 1\n"
          "a_total{} 10 2\n"
          "# g gauge [] \n"
          "g{} 0 1\n");
}

static void test_targets(void **state)
{
    (void)state;
    static const Label zone = { { "zone", 4 }, { "z", 1 } };
    const char *json = MB_METRICS(MB_ATTR("service.name", "shop") "," MB_ATTR("a", "b"),
                                  MB_SUM("x", MB_CUMULATIVE, "{'asInt':1}"));
    const PromOptions with = { .more = { &zone, 1 }, .more_on_targets = true };
    check(&with, json,
          "# x gauge [] \nx{job=shop zone=z } 0 1\n"
          "# target_info gauge [] Target metadata\ntarget_info{a=b job=shop zone=z } 0 1\n");
    const PromOptions without = { .without_targets = true };
    check(&without, json, "# x gauge [] \nx{job=shop } 0 1\n");
}

static void run_starved(void)
{
    Err err;
    starve_hold();
    Buf out = BUF(TEXT_MAX);
    Batch *batch = json_metrics(MB_METRICS(
        MB_ATTR("service.name", "shop") "," MB_ATTR("service.namespace", "n") "," MB_ATTR("a.b",
                                                                                          "1"),
        MB_SUM("x", MB_CUMULATIVE,
               "{'asInt':1,'attributes':[" MB_ATTR("c.d", "1") "," MB_ATTR("c_d", "2") "]}")));
    const PromOptions options = { .resource_labels = true, .scope_labels = true };
    const SeriesVisitor visitor = { &out, write_family, write_sample, write_unsupported, NULL };
    starve_resume();
    bool ok = prom_series_walk(batch, &options, &visitor, &err);
    assert_true(ok || err.kind == ERR_MEMORY || out.failed);
    starve_hold();
    batch_unref(batch);
    buf_free(&out);
    starve_resume();
}

static void test_starved(void **state)
{
    (void)state;
    assert_true(starve_every(run_starved) > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),     cmocka_unit_test(test_histogram),
        cmocka_unit_test(test_summary),     cmocka_unit_test(test_target_info),
        cmocka_unit_test(test_options),     cmocka_unit_test(test_unsupported),
        cmocka_unit_test(test_many_labels), cmocka_unit_test(test_starved),
        cmocka_unit_test(test_created),     cmocka_unit_test(test_targets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
