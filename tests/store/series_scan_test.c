/* Metrics in the store: what series there are of a batch, and every question asked of them. */
#include "store/series_scan.h"

#include "codec/float_text.h"
#include "support/starve.h"
#include "support/store_rig.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* ---- asking -------------------------------------------------------------------------------------
 */

static void add_labels(Buf *out, Labels labels)
{
    buf_add_byte(out, '{');
    for (size_t i = 0; i < labels.count; i++)
        buf_addf(out, "%s%.*s=%.*s", i ? "," : "", STR_ARG(labels.ptr[i].name),
                 STR_ARG(labels.ptr[i].value));
    buf_add_byte(out, '}');
}

/* Every series as a line "{labels} time=value time=value". */
static const char *answer(StoreRig *rig, SeriesScan query)
{
    static Buf out = { .max = 1 << 20 };
    buf_clear(&out);
    if (!query.to_ms)
        query.to_ms = INT64_MAX;
    SeriesCursor *cursor = series_scan(store_series(rig->store), &query, &rig->err);
    if (!cursor)
        return rig->err.text;
    SeriesRow row;
    SeriesResult result;
    while ((result = series_next(cursor, &row, &rig->err)) == SERIES_ROW) {
        add_labels(&out, row.labels);
        for (size_t i = 0; i < row.count; i++) {
            buf_addf(&out, " %" PRId64 "=", row.samples[i].time_ms);
            if (sample_is_stale(row.samples[i].value))
                buf_add(&out, STR("stale"));
            else
                buf_add_float(&out, row.samples[i].value, FLOAT_ANSWER);
        }
        buf_add_byte(&out, '\n');
    }
    series_close(cursor);
    return result == SERIES_END ? buf_text(&out) : rig->err.text;
}

static bool add_text(void *context, Str text)
{
    buf_addf(context, "%.*s ", STR_ARG(text));
    return true;
}

static const char *labels(StoreRig *rig, LabelQuery query)
{
    static Buf out = { .max = 1 << 20 };
    buf_clear(&out);
    if (!query.to_ms)
        query.to_ms = INT64_MAX;
    return series_labels(store_series(rig->store), &query, add_text, &out, &rig->err)
               ? buf_text(&out)
               : rig->err.text;
}

static bool add_meta(void *context, const MetricMeta *meta)
{
    buf_addf(context, "%.*s %s [%.*s] %.*s\n", STR_ARG(meta->name), metric_type_name(meta->type),
             STR_ARG(meta->unit), STR_ARG(meta->help));
    return true;
}

static const char *families(StoreRig *rig, Str metric)
{
    static Buf out = { .max = 1 << 20 };
    buf_clear(&out);
    const SeriesMetaQuery query = { .metric = metric, .context = &out, .found = add_meta };
    return series_meta(store_series(rig->store), &query, &rig->err) ? buf_text(&out)
                                                                    : rig->err.text;
}

/* ---- one batch ----------------------------------------------------------------------------------
 */

#define ATTR(key, value) "{'key':'" key "','value':{'stringValue':'" value "'}}"
#define METRICS_OF(metrics)                                 \
    "{'resourceMetrics':[{'resource':{'attributes':[" ATTR( \
        "service.name", "shop") "]},"                       \
                                "'scopeMetrics':[{'metrics':[" metrics "]}]}]}"
#define COUNTER(name, points)                                                         \
    "{'name':'" name "','description':'How many.','sum':{'aggregationTemporality':2," \
    "'isMonotonic':true,'dataPoints':[" points "]}}"
#define GAUGE(name, points) "{'name':'" name "','gauge':{'dataPoints':[" points "]}}"
#define POINT(ms, value)    "{'timeUnixNano':'" #ms "000000','asDouble':" #value "}"
#define POINT_OF(ms, value, key, text) \
    "{'timeUnixNano':'" #ms "000000','asDouble':" #value ",'attributes':[" ATTR(key, text) "]}"

static bool put(StoreRig *rig, const char *json)
{
    return store_rig_put(rig, batch_from_json(METRICS, json, &rig->err));
}

static void rig_start(StoreRig *rig)
{
    store_rig_init(rig);
    assert_true(store_rig_open(rig));
}

static void series_are_found_also_after_a_restart(void **state)
{
    (void)state;
    StoreRig rig;
    rig_start(&rig);
    assert_true(put(&rig, METRICS_OF(COUNTER("chats", POINT_OF(1000, 5, "model", "b") "," POINT_OF(
                                                          1000, 7, "model",
                                                          "a")) "," GAUGE("temperature",
                                                                          POINT(1000, 1.5)))));
    assert_true(put(&rig, METRICS_OF(COUNTER("chats", POINT_OF(2000, 6, "model", "b")))));
    for (int life = 0; life < 2; life++) {
        assert_string_equal(answer(&rig, (SeriesScan){ 0 }),
                            "{__name__=chats_total,job=shop,model=a} 1000=7\n"
                            "{__name__=chats_total,job=shop,model=b} 1000=5 2000=6\n"
                            "{__name__=temperature,job=shop} 1000=1.5\n");
        assert_string_equal(answer(&rig, (SeriesScan){ .from_ms = 1000, .to_ms = 2000 }),
                            "{__name__=chats_total,job=shop,model=b} 2000=6\n");
        assert_string_equal(labels(&rig, (LabelQuery){ 0 }), "__name__ job model ");
        assert_string_equal(labels(&rig, (LabelQuery){ .name = STR("model") }), "a b ");
        assert_string_equal(families(&rig, STR("")), "chats_total counter [] How many.\n"
                                                     "temperature gauge [] \n");
        assert_string_equal(families(&rig, STR("temperature")), "temperature gauge [] \n");
        assert_true(store_rig_reopen(&rig));
    }
    store_rig_done(&rig);
}

static void histograms_and_ended_series(void **state)
{
    (void)state;
    StoreRig rig;
    rig_start(&rig);
    assert_true(put(&rig, METRICS_OF("{'name':'took','unit':'s','histogram':{"
                                     "'aggregationTemporality':2,'dataPoints':[{"
                                     "'timeUnixNano':'1000000000','count':'3','sum':4.5,"
                                     "'bucketCounts':['1','2'],'explicitBounds':[0.5]}]}}")));
    assert_true(put(&rig, METRICS_OF(GAUGE("gone", "{'timeUnixNano':'2000000000','flags':1}"))));
    assert_string_equal(answer(&rig, (SeriesScan){ 0 }),
                        "{__name__=gone,job=shop} 2000=stale\n"
                        "{__name__=took_seconds_bucket,job=shop,le=+Inf} 1000=3\n"
                        "{__name__=took_seconds_bucket,job=shop,le=0.5} 1000=1\n"
                        "{__name__=took_seconds_count,job=shop} 1000=3\n"
                        "{__name__=took_seconds_sum,job=shop} 1000=4.5\n");
    assert_string_equal(families(&rig, STR("took_seconds")), "took_seconds histogram [seconds] \n");
    store_rig_done(&rig);
}

static void what_came_last_describes_a_family(void **state)
{
    (void)state;
    StoreRig rig;
    rig_start(&rig);
    assert_true(put(
        &rig,
        METRICS_OF("{'name':'m','description':'old','gauge':{'dataPoints':[" POINT(1, 1) "]}}")));
    assert_true(put(
        &rig,
        METRICS_OF("{'name':'m','description':'new','gauge':{'dataPoints':[" POINT(2, 1) "]}}")));
    assert_string_equal(families(&rig, STR("")), "m gauge [] new\n");
    assert_true(put(
        &rig,
        METRICS_OF("{'name':'m','description':'old','gauge':{'dataPoints':[" POINT(3, 1) "]}}")));
    assert_string_equal(families(&rig, STR("")), "m gauge [] old\n");
    store_rig_done(&rig);
}

static void limits_and_deadlines_end_a_query(void **state)
{
    (void)state;
    StoreRig rig;
    rig_start(&rig);
    assert_true(
        put(&rig, METRICS_OF(GAUGE("a", POINT(1, 1) "," POINT(2, 2)) "," GAUGE("b", POINT(1, 1)))));
    assert_string_equal(answer(&rig, (SeriesScan){ .series_max = 2, .samples_max = 3 }),
                        "{__name__=a,job=shop} 1=1 2=2\n{__name__=b,job=shop} 1=1\n");
    assert_string_equal(answer(&rig, (SeriesScan){ .series_max = 1 }),
                        "the query needs more series than it may");
    assert_int_equal(rig.err.kind, ERR_LIMIT);
    assert_string_equal(answer(&rig, (SeriesScan){ .samples_max = 2 }),
                        "the query needs more samples than it may");
    assert_int_equal(rig.err.kind, ERR_LIMIT);
    assert_string_equal(answer(&rig, (SeriesScan){ .series_max = 2, .labels_only = true }),
                        "{__name__=a,job=shop}\n{__name__=b,job=shop}\n");
    const int64_t late = clock_mono_ns(&rig.clock.base);
    answer(&rig, (SeriesScan){ .deadline_mono_ns = late });
    assert_int_equal(rig.err.kind, ERR_TIMEOUT);
    rig.err.kind = ERR_NONE;
    labels(&rig, (LabelQuery){ .deadline_mono_ns = late });
    assert_int_equal(rig.err.kind, ERR_TIMEOUT);
    TestClock far; /* the query's own time counts, not the store's */
    test_clock_init(&far, 0);
    test_clock_advance(&far, INT64_MAX / 2);
    rig.err.kind = ERR_NONE;
    answer(&rig, (SeriesScan){ .deadline_mono_ns = INT64_MAX / 2, .clock = &far.base });
    assert_int_equal(rig.err.kind, ERR_TIMEOUT);
    rig.err.kind = ERR_NONE;
    labels(&rig, (LabelQuery){ .deadline_mono_ns = INT64_MAX / 2, .clock = &far.base });
    assert_int_equal(rig.err.kind, ERR_TIMEOUT);
    LabelMatcher bad = { LABEL_REGEX, STR("job"), STR("*") };
    answer(&rig, (SeriesScan){ .matchers = &bad, .matcher_count = 1 });
    assert_int_equal(rig.err.kind, ERR_INPUT);
    store_rig_done(&rig);
}

static void a_label_that_is_not_there_is_empty(void **state)
{
    (void)state;
    StoreRig rig;
    rig_start(&rig);
    assert_true(
        put(&rig, METRICS_OF(GAUGE("a", POINT_OF(1, 1, "k", "v")) "," GAUGE("b", POINT(1, 2)))));
    LabelMatcher matcher = { LABEL_EQUAL, STR("k"), STR("") };
    assert_string_equal(answer(&rig, (SeriesScan){ .matchers = &matcher, .matcher_count = 1 }),
                        "{__name__=b,job=shop} 1=2\n");
    matcher.op = LABEL_NOT_EQUAL;
    assert_string_equal(answer(&rig, (SeriesScan){ .matchers = &matcher, .matcher_count = 1 }),
                        "{__name__=a,job=shop,k=v} 1=1\n");
    assert_string_equal(labels(&rig, (LabelQuery){ .name = STR(LABEL_METRIC_NAME),
                                                   .matchers = &matcher,
                                                   .matcher_count = 1 }),
                        "a ");
    assert_string_equal(labels(&rig, (LabelQuery){ .to_ms = 0, .from_ms = 1 }), "");
    store_rig_done(&rig);
}

static void points_without_a_series_are_counted_and_told_once(void **state)
{
    (void)state;
    static const char json[] =
        METRICS_OF("{'name':'e','exponentialHistogram':{"
                   "'aggregationTemporality':2,'dataPoints':["
                   "{'timeUnixNano':'1000000000','count':'1'},"
                   "{'timeUnixNano':'2000000000','count':'1'}]}}," GAUGE("g", POINT(1, 1)));
    StoreRig rig;
    rig_start(&rig);
    assert_true(put(&rig, json) && put(&rig, json));
    SeriesStats stats;
    const SeriesMetaQuery query = { .stats = &stats };
    assert_true(series_meta(store_series(rig.store), &query, &rig.err));
    assert_int_equal(stats.points_unsupported, 4);
    assert_int_equal(stats.series, 1);
    assert_int_equal(stats.samples, 2);
    assert_int_equal(stats.oldest_received_ns, RIG_EPOCH_NS);
    assert_string_equal(answer(&rig, (SeriesScan){ 0 }), "{__name__=g,job=shop} 1=1\n");
    store_rig_done(&rig);
}

static void a_query_keeps_what_it_began_with_and_then_the_series_leaves(void **state)
{
    (void)state;
    StoreRig rig;
    store_rig_init(&rig);
    rig.settings.age_max_ns = NANOS_PER_SECOND;
    assert_true(store_rig_open(&rig));
    assert_true(put(&rig, METRICS_OF(GAUGE("old", POINT(1, 1)))));
    SeriesScan query = { .to_ms = INT64_MAX };
    SeriesCursor *cursor = series_scan(store_series(rig.store), &query, &rig.err);
    assert_non_null(cursor);
    test_clock_advance(&rig.clock, 10 * NANOS_PER_SECOND);
    store_step(rig.store);
    assert_true(put(&rig, METRICS_OF(GAUGE("new", POINT(2, 2)))));
    SeriesRow row;
    assert_int_equal(series_next(cursor, &row, &rig.err), SERIES_ROW);
    assert_true(str_eq(labels_get(row.labels, STR(LABEL_METRIC_NAME)), STR("old")));
    assert_int_equal(series_next(cursor, &row, &rig.err), SERIES_END);
    StoreStats stats;
    store_stats(rig.store, &stats);
    assert_int_equal(stats.series, 2);
    series_close(cursor);
    store_stats(rig.store, &stats);
    assert_int_equal(stats.series, 1);
    assert_int_equal(stats.samples_dropped, 1);
    assert_string_equal(answer(&rig, (SeriesScan){ 0 }), "{__name__=new,job=shop} 2=2\n");
    assert_string_equal(families(&rig, STR("")), "new gauge [] \n");
    store_rig_done(&rig);
}

/* ---- no memory ----------------------------------------------------------------------------------
 */

/* So many samples that what has been put before becomes a run of its own. */
static void end_the_run(StoreRig *rig)
{
    Buf json = BUF(8 << 20);
    buf_addf(&json, "%s",
             "{'resourceMetrics':[{'resource':{'attributes':[" ATTR(
                 "service.name",
                 "f") "]},'scopeMetrics':[{'metrics':[{'name':'f','gauge':{'dataPoints':[");
    for (int i = 1; i <= 16384; i++)
        buf_addf(&json, "%s{'timeUnixNano':'%d000000','asInt':1}", i > 1 ? "," : "", i);
    buf_add(&json, STR("]}}]}]}]}"));
    assert_true(put(rig, buf_text(&json)));
    buf_free(&json);
}

static void rows_that_are_put_together_are_paid_for(void **state)
{
    (void)state;
    StoreRig rig;
    Budget budget;
    rig_start(&rig);
    static const char *const parts[] = {
        METRICS_OF(GAUGE("a", POINT(1, 1) "," POINT(3, 3))),
        METRICS_OF(GAUGE("a", POINT(5, 5))), /* behind it */
        METRICS_OF(GAUGE("a", POINT(2, 2))), /* between them */
    };
    static const char *const answers[] = { "{__name__=a,job=shop} 1=1 3=3\n",
                                           "{__name__=a,job=shop} 1=1 3=3 5=5\n",
                                           "{__name__=a,job=shop} 1=1 2=2 3=3 5=5\n" };
    LabelMatcher matcher = { LABEL_EQUAL, STR(LABEL_METRIC_NAME), STR("a") };
    SeriesScan query = { .matchers = &matcher,
                         .matcher_count = 1,
                         .purse = budget_purse(&budget, BUDGET_QUERIES) };
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        assert_true(put(&rig, parts[i]));
        budget_init(&budget, 8 * sizeof(Sample)); /* a quarter of it for queries */
        rig.err.kind = ERR_NONE;
        answer(&rig, query);
        assert_int_equal(rig.err.kind, i ? ERR_BUSY : ERR_NONE); /* one slice needs no copy */
        assert_int_equal(budget_use(&budget).used, 0);
        budget_init(&budget, 16 * 1024);
        assert_string_equal(answer(&rig, query), answers[i]);
        assert_int_equal(budget_use(&budget).used, 0);
        assert_int_equal(budget_use(&budget).peak > 0, i > 0);
        end_the_run(&rig);
    }
    store_rig_done(&rig);
}

static const char some[] =
    METRICS_OF(GAUGE("a", POINT(1, 1) "," POINT(2, 2)) "," COUNTER("b", POINT_OF(1, 3, "k", "v")));
static const char others[] = METRICS_OF(GAUGE("a", POINT(1, 5) "," POINT(3, 2)));

static bool count_text(void *context, Str text)
{
    (void)text;
    ++*(int *)context;
    return true;
}

static bool count_meta(void *context, const MetricMeta *meta)
{
    (void)meta;
    ++*(int *)context;
    return true;
}

static bool ask_all(StoreRig *rig)
{
    int count = 0;
    SeriesRow row;
    LabelMatcher matcher = { LABEL_REGEX, STR(LABEL_METRIC_NAME), STR("a|b.*") };
    SeriesScan scan = { .matchers = &matcher, .matcher_count = 1, .to_ms = INT64_MAX };
    LabelQuery names = { .name = STR("job"), .to_ms = INT64_MAX };
    SeriesMetaQuery meta = { .context = &count, .found = count_meta };
    SeriesSource *source = store_series(rig->store);
    SeriesCursor *cursor = series_scan(source, &scan, &rig->err);
    bool ok = cursor && series_next(cursor, &row, &rig->err) == SERIES_ROW;
    series_close(cursor);
    ok = series_labels(source, &names, count_text, &count, &rig->err) && ok;
    return series_meta(source, &meta, &rig->err) && ok;
}

static bool a_life(StoreRig *rig, Batch *const batches[2])
{
    if (!store_rig_open(rig))
        return false;
    bool ok = true;
    for (int i = 0; i < 12; i++)
        ok = store_rig_put(rig, batch_ref(batches[i % 2])) && ok;
    ok = ask_all(rig) && ok;
    return store_rig_close(rig) && ok;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    Err err;
    long n = 0;
    starve_after(-1);
    Batch *const batches[2] = { batch_from_json(METRICS, some, &err),
                                batch_from_json(METRICS, others, &err) };
    assert_true(batches[0] && batches[1]);
    for (bool done = false; !done; n++) {
        StoreRig rig;
        store_rig_init(&rig);
        rig.settings.segment_bytes = 1024;
        long before = starve_live();
        starve_after(n);
        bool ok = a_life(&rig, batches);
        done = !starve_happened();
        starve_end();
        assert_true(!done || ok);
        assert_int_equal(starve_live(), before);
        int stored = rig.stored;
        assert_true(store_rig_open(&rig));
        StoreStats stats;
        store_stats(rig.store, &stats);
        assert_in_range(stats.samples, stored * 2, stored * 3);
        store_rig_done(&rig);
    }
    batch_unref(batches[0]);
    batch_unref(batches[1]);
    print_message("counts: metrics in the store survive %ld failed allocations\n", n - 1);
    assert_true(n > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_that_are_put_together_are_paid_for),
        cmocka_unit_test(series_are_found_also_after_a_restart),
        cmocka_unit_test(histograms_and_ended_series),
        cmocka_unit_test(what_came_last_describes_a_family),
        cmocka_unit_test(limits_and_deadlines_end_a_query),
        cmocka_unit_test(a_label_that_is_not_there_is_empty),
        cmocka_unit_test(points_without_a_series_are_counted_and_told_once),
        cmocka_unit_test(a_query_keeps_what_it_began_with_and_then_the_series_leaves),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("series scan", tests, NULL, NULL);
}
