/* Metrics in the store: what series there are of a batch, and every question asked of them. */
#include "store/series_scan.h"

#include "codec/float_text.h"
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(series_are_found_also_after_a_restart),
    };
    return cmocka_run_group_tests_name("series scan", tests, NULL, NULL);
}
