/* remote_write_test.c - batches become requests, read back by a reader of its own, and byte by byte
 * for the smallest. */
#include "prom/remote_write.h"
#include "support/json_metrics.h"
#include "support/remote_write_text.h"
#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { TEXT_MAX = 1 << 20, MEMORY_MAX = 64 << 20 };

static const PromOptions plain = { 0 };

static RemoteSet *fill(const char *json, const PromOptions *options, size_t lanes)
{
    Err err = { 0 };
    Batch *batch = json_metrics(json);
    RemoteSet *set = remote_set_new(NULL, MEMORY_MAX, lanes, &err);
    if (!set || !remote_set_fill(set, batch, options, &err))
        fail_msg("%s", err.text);
    batch_unref(batch);
    return set;
}

/* All requests of all lanes, each behind a line "-- points samples". */
static void requests_as_text(RemoteSet *set, const RemoteWriteWish *wish, Buf *out)
{
    Err err = { 0 };
    for (size_t i = 0; i < set->lane_count; i++)
        for (RemoteSeries *at = set->lanes[i].first; at;) {
            RemoteRequest request;
            assert_true(remote_write_request(set, at, wish, &request, &err));
            buf_addf(out, "-- %zu %zu\n", request.points, request.samples);
            assert_true(
                remote_write_text(buf_str(&request.body), wish->version == REMOTE_WRITE_2, out));
            at = request.end;
            buf_free(&request.body);
        }
}

static void check(const char *json, RemoteWriteWish wish, const char *expected)
{
    Buf out = BUF(TEXT_MAX);
    RemoteSet *set = fill(json, &plain, 1);
    wish.bytes_max = wish.bytes_max ? wish.bytes_max : TEXT_MAX;
    requests_as_text(set, &wish, &out);
    assert_string_equal(buf_text(&out), expected);
    remote_set_free(set);
    buf_free(&out);
}

static const char *const counters = MB_METRICS(
    MB_ATTR("service.name", "shop") "," MB_ATTR("host.name", "h"),
    "{'name':'sold','unit':'By','description':'Sold.','sum':{" MB_CUMULATIVE MB_MONOTONIC
    "'dataPoints':[{'timeUnixNano':'7000000','startTimeUnixNano':'2000000','asInt':'3'},"
    "{'timeUnixNano':'5000000','startTimeUnixNano':'2000000','asInt':'1','exemplars':["
    "{'timeUnixNano':'4000000','asDouble':0.5,'traceId':'0102030405060708090a0b0c0d0e0f10',"
    "'spanId':'0102030405060708','filteredAttributes':[" MB_ATTR(
        "k", "v") "]}]},"
                  "{'timeUnixNano':'9000000','flags':1,'startTimeUnixNano':'2000000'},"
                  "{'timeUnixNano':'5000000','asInt':'8','attributes':[" MB_ATTR("a.b",
                                                                                 "c") "]}]}}");

static void samples_of_a_series_are_together_and_in_order(void **state)
{
    (void)state;
    check(counters, (RemoteWriteWish){ .version = REMOTE_WRITE_1, .metadata = true },
          "-- 4 6\n"
          "{__name__=sold_bytes_total,job=shop,} 1@5 3@7 stale@9\n"
          "  exemplar{span_id=0102030405060708,trace_id=0102030405060708090a0b0c0d0e0f10,k=v,} "
          "0.5@4\n"
          "{__name__=sold_bytes_total,a_b=c,job=shop,} 8@5\n"
          "{__name__=target_info,host_name=h,job=shop,} 1@5 1@9\n"
          "# sold_bytes_total 1 [bytes] Sold.\n"
          "# target_info 2 [] Target metadata\n");
}

static void version_2_has_symbols_starts_and_types(void **state)
{
    (void)state;
    check(counters, (RemoteWriteWish){ .version = REMOTE_WRITE_2 },
          "-- 4 6\n"
          "{__name__=sold_bytes_total,job=shop,} 1@5 from 2 3@7 from 2 stale@9 from 2\n"
          "  exemplar{span_id=0102030405060708,trace_id=0102030405060708090a0b0c0d0e0f10,k=v,} "
          "0.5@4\n"
          "#  1 [bytes] Sold.\n"
          "{__name__=sold_bytes_total,a_b=c,job=shop,} 8@5\n"
          "#  1 [bytes] Sold.\n"
          "{__name__=target_info,host_name=h,job=shop,} 1@5 1@9\n"
          "#  2 [] Target metadata\n");
}

static void a_request_ends_before_it_is_too_large(void **state)
{
    (void)state;
    for (int version = 0; version < 2; version++) {
        RemoteSet *set = fill(counters, &plain, 1);
        const RemoteWriteWish wish = { (RemoteWriteVersion)version, 1, true };
        size_t requests = 0, points = 0;
        for (RemoteSeries *at = set->lanes[0].first; at; requests++) {
            Err err = { 0 };
            RemoteRequest request;
            assert_true(remote_write_request(set, at, &wish, &request, &err));
            assert_ptr_equal(request.end, at->next);
            assert_true(request.body.len <= at->bytes);
            points += request.points;
            at = request.end;
            buf_free(&request.body);
        }
        assert_int_equal(requests, 3);
        assert_int_equal(points, 4);
        remote_set_free(set);
    }
}

static void every_lane_has_series_of_its_own(void **state)
{
    (void)state;
    Buf json = BUF(TEXT_MAX), out = BUF(TEXT_MAX);
    buf_add(&json, STR("{'resourceMetrics':[{'scopeMetrics':[{'metrics':[{'name':'g','gauge':{"
                       "'dataPoints':["));
    for (int i = 0; i < 200; i++)
        buf_addf(&json,
                 "%s{'asInt':1,'timeUnixNano':'%d000000','attributes':[{'key':'n','value':{"
                 "'intValue':%d}}]}",
                 i ? "," : "", 500 - i, i % 100);
    buf_add(&json, STR("]}}]}]}]}"));
    RemoteSet *set = fill(buf_text(&json), &plain, 4);
    assert_int_equal(set->series_count, 100);
    size_t count = 0;
    for (size_t i = 0; i < 4; i++) {
        assert_non_null(set->lanes[i].first);
        for (const RemoteSeries *at = set->lanes[i].first; at; at = at->next, count++) {
            assert_int_equal(at->hash % 4, i);
            assert_true(at->samples.first->time_ms < at->samples.first->next->time_ms);
            assert_null(at->samples.first->next->next);
        }
    }
    assert_int_equal(count, 100);
    remote_set_free(set);
    buf_free(&json);
    buf_free(&out);
}

static void exemplars_go_to_their_buckets(void **state)
{
    (void)state;
    check(MB_METRICS("", "{'name':'h','histogram':{" MB_CUMULATIVE
                         "'dataPoints':[{'timeUnixNano':'1000000','count':'3','sum':12,"
                         "'bucketCounts':['1','1','1'],'explicitBounds':[1,10],'exemplars':["
                         "{'asInt':'1'},{'asDouble':1.5},{'asInt':'-4'},{'asInt':'99'},{}]}]}}"),
          (RemoteWriteWish){ .version = REMOTE_WRITE_1 },
          "-- 1 5\n"
          "{__name__=h_sum,} 12@1\n"
          "{__name__=h_count,} 3@1\n"
          "{__name__=h_bucket,le=1,} 1@1\n"
          "  exemplar{} 1@1\n"
          "  exemplar{} -4@1\n"
          "{__name__=h_bucket,le=10,} 2@1\n"
          "  exemplar{} 1.5@1\n"
          "{__name__=h_bucket,le=+Inf,} 3@1\n"
          "  exemplar{} 99@1\n");
}

static void attributes_that_make_an_exemplar_too_long_stay_out(void **state)
{
    (void)state;
    Buf json = BUF(TEXT_MAX);
    for (int letters = 63; letters <= 65; letters += 2) {
        buf_clear(&json);
        buf_add(&json, STR("{'resourceMetrics':[{'scopeMetrics':[{'metrics':[{'name':'x','sum':{"
                           "'aggregationTemporality':2,'dataPoints':[{'asInt':1,'exemplars':[{"
                           "'asInt':1,'traceId':'0102030405060708090a0b0c0d0e0f10',"
                           "'spanId':'0102030405060708','filteredAttributes':[{'key':'k','value':{"
                           "'stringValue':'"));
        for (int i = 0; i < letters; i++)
            buf_add(&json, STR("\u00e4"));
        buf_add(&json, STR("'}}]}]}]}}]}]}]}"));
        RemoteSet *set = fill(buf_text(&json), &plain, 1);
        const RemoteExemplar *exemplar =
            (const RemoteExemplar *)set->lanes[0].first->exemplars.first;
        assert_int_equal(exemplar->labels.count, letters == 63 ? 3 : 2);
        remote_set_free(set);
    }
    buf_free(&json);
}

#define EXPONENTIAL(more)                                                                        \
    MB_METRICS("", "{'name':'e','exponentialHistogram':{" MB_CUMULATIVE                          \
                   "'dataPoints':[{'timeUnixNano':'5000000','startTimeUnixNano':'1000000'," more \
                   "}]}}")

static void exponential_histograms_are_native_ones(void **state)
{
    (void)state;
    const RemoteWriteWish one = { .version = REMOTE_WRITE_1 }, two = { .version = REMOTE_WRITE_2 };
    /* OTLP's bucket 0 is Prometheus' 1; two empty ones are written, three are skipped */
    check(EXPONENTIAL("'scale':1,'count':'16','sum':7.5,'zeroCount':'2','positive':{'offset':-1,"
                      "'bucketCounts':['1','0','0','3','0','0','0','4']},'negative':{'offset':4,"
                      "'bucketCounts':['6']}"),
          one,
          "-- 1 1\n{__name__=e,}\n"
          "  histogram count=16 sum=7.5 schema=1 threshold=1e-128 zero=2 -spans=5+1 -by=+6 "
          "spans=0+4 spans=3+1 by=+1-1+0+3+1 at=5\n");
    /* scale 10 is two halvings too fine: -5..-4 and -3..0 and 1..2 */
    check(EXPONENTIAL("'scale':10,'count':'8','zeroThreshold':0.25,'positive':{'offset':-5,"
                      "'bucketCounts':['1','1','1','1','1','1','1','1']}"),
          two,
          "-- 1 1\n{__name__=e,}\n"
          "  histogram count=8 schema=8 threshold=0.25 zero=0 spans=-1+3 by=+1+3-1 at=5 from=1\n"
          "#  3 [] \n");
    check(EXPONENTIAL("'scale':3,'flags':1"), one,
          "-- 1 1\n{__name__=e,}\n  histogram count=stale sum=stale schema=3 at=5\n");
}

static void what_is_no_series_is_counted(void **state)
{
    (void)state;
    RemoteSet *set =
        fill(MB_METRICS("", MB_SUM("d", MB_DELTA MB_MONOTONIC,
                                   "{'asInt':1},{}") "," MB_SUM("c", MB_CUMULATIVE, "{'asInt':1}")),
             &plain, 1);
    assert_int_equal(set->unsupported, 2);
    assert_string_equal(set->reason, "delta temporality");
    assert_int_equal(set->series_count, 1);
    remote_set_free(set);
    set = fill(EXPONENTIAL("'scale':-5,'count':'1'"), &plain, 1);
    assert_int_equal(set->unsupported, 1);
    assert_int_equal(set->series_count, 0);
    remote_set_free(set);
}

static void check_bytes(RemoteWriteVersion version, Str expected)
{
    Err err = { 0 };
    RemoteRequest request;
    RemoteSet *set =
        fill(MB_METRICS("", "{'name':'a','gauge':{'dataPoints':[{'timeUnixNano':'1000000',"
                            "'asDouble':1}]}}"),
             &plain, 1);
    const RemoteWriteWish wish = { version, TEXT_MAX, false };
    assert_true(remote_write_request(set, set->lanes[0].first, &wish, &request, &err));
    assert_int_equal(request.body.len, expected.len);
    assert_memory_equal(request.body.ptr, expected.ptr, expected.len);
    buf_free(&request.body);
    remote_set_free(set);
}

static void the_bytes_are_those_of_the_specification(void **state)
{
    (void)state;
    check_bytes(REMOTE_WRITE_1, STR("\x0a\x1c"
                                    "\x0a\x0d\x0a\x08__name__\x12\x01"
                                    "a"
                                    "\x12\x0b\x09\0\0\0\0\0\0\xf0\x3f\x10\x01"));
    check_bytes(REMOTE_WRITE_2, STR("\x22\x00\x22\x08__name__\x22\x01"
                                    "a"
                                    "\x2a\x15\x0a\x02\x01\x02"
                                    "\x12\x0b\x09\0\0\0\0\0\0\xf0\x3f\x10\x01"
                                    "\x2a\x02\x08\x02"));
}

static void run_starved(void)
{
    Err err = { 0 };
    starve_hold();
    Batch *batch = json_metrics(counters);
    starve_resume();
    RemoteSet *set = remote_set_new(NULL, MEMORY_MAX, 3, &err);
    if (set && remote_set_fill(set, batch, &plain, &err)) {
        for (int version = 0; version < 2; version++) {
            const RemoteWriteWish wish = { (RemoteWriteVersion)version, TEXT_MAX, true };
            RemoteRequest request;
            for (size_t i = 0; i < 3; i++) {
                if (!set->lanes[i].first)
                    continue;
                bool ok = remote_write_request(set, set->lanes[i].first, &wish, &request, &err);
                assert_true(ok || err.kind == ERR_MEMORY);
                buf_free(&request.body);
            }
        }
    } else {
        assert_int_equal(err.kind, ERR_MEMORY);
    }
    remote_set_free(set);
    starve_hold();
    batch_unref(batch);
    starve_resume();
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    assert_true(starve_every(run_starved) > 5);
}

static void its_memory_is_bounded_and_charged(void **state)
{
    (void)state;
    Err err = { 0 };
    Budget budget;
    budget_init(&budget, 256 << 20);
    Purse *purse = budget_purse(&budget, BUDGET_BATCHES);
    Batch *batch = json_metrics(counters);
    RemoteSet *set = remote_set_new(purse, MEMORY_MAX, 1, &err);
    assert_non_null(set);
    assert_true(remote_set_fill(set, batch, &plain, &err));
    assert_true(atomic_load(&budget.used) > 1000);
    remote_set_free(set);
    assert_int_equal(atomic_load(&budget.used), 0);
    set = remote_set_new(purse, 2000, 1, &err);
    assert_non_null(set);
    assert_false(remote_set_fill(set, batch, &plain, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    remote_set_free(set);
    batch_unref(batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_of_a_series_are_together_and_in_order),
        cmocka_unit_test(version_2_has_symbols_starts_and_types),
        cmocka_unit_test(a_request_ends_before_it_is_too_large),
        cmocka_unit_test(every_lane_has_series_of_its_own),
        cmocka_unit_test(exemplars_go_to_their_buckets),
        cmocka_unit_test(attributes_that_make_an_exemplar_too_long_stay_out),
        cmocka_unit_test(exponential_histograms_are_native_ones),
        cmocka_unit_test(what_is_no_series_is_counted),
        cmocka_unit_test(the_bytes_are_those_of_the_specification),
        cmocka_unit_test(any_allocation_may_fail),
        cmocka_unit_test(its_memory_is_bounded_and_charged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
