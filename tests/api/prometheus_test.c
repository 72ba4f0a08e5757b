/* Prometheus' API over a table of series: what its clients send, what they get. */
#include "api/prometheus.h"

#include "base/clock.h"
#include "support/series_table.h"
#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static SeriesTable *table;

static void add(Labels labels, int64_t time_ms, double value)
{
    Err err;
    size_t series;
    assert_true(series_table_series(table, labels, &series, &err));
    assert_true(series_table_add(table, series, (Sample){ time_ms, value }, &err));
}

static int set_up(void **state)
{
    (void)state;
    Err err;
    table = series_table_new(&err);
    static const Label up1[] = { { STR_ROW("__name__"), STR_ROW("up") },
                                 { STR_ROW("job"), STR_ROW("a") } };
    static const Label up2[] = { { STR_ROW("__name__"), STR_ROW("up") },
                                 { STR_ROW("job"), STR_ROW("b/c") },
                                 { STR_ROW("x/y"), STR_ROW("\"z\"") } };
    for (int64_t at = 0; at <= 60000; at += 15000) {
        add((Labels){ up1, 2 }, 1000000 + at, 1);
        add((Labels){ up2, 3 }, 1000500 + at, 1e-7 * (double)(at / 15000));
    }
    static const MetricMeta metas[] = {
        { STR_ROW("up"), METRIC_TYPE_GAUGE, STR_ROW("Is it?"), STR_ROW("") },
        { STR_ROW("y"), METRIC_TYPE_COUNTER, STR_ROW(""), STR_ROW("s") },
    };
    for (size_t i = 0; i < COUNT_OF(metas); i++)
        assert_true(series_table_describe(table, &metas[i], &err));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    series_table_free(table);
    return 0;
}

static void ask_of(SeriesSource *source, const char *path, const char *query, int status,
                   const char *body)
{
    ApiSources sources = { .series = source };
    ApiRequest request = { .method = STR("GET"),
                           .path = str_from(path),
                           .query = str_from(query),
                           .now_ns = 1060 * NANOS_PER_SECOND,
                           .deadline_mono_ns = INT64_MAX };
    ApiAnswer answer = { .body = BUF(API_BODY_MAX) };
    prometheus_routes[0].answer(&sources, &request, &answer);
    if (answer.status != status || !str_contains(buf_str(&answer.body), str_from(body)))
        fail_msg("%s?%s\n  expected %d %s\n  got %d %.*s", path, query, status, body, answer.status,
                 STR_ARG(buf_str(&answer.body)));
    buf_free(&answer.body);
}

static void ask(const char *path, const char *query, int status, const char *body)
{
    ask_of(series_table_source(table), path, query, status, body);
}

static void an_instant(void **state)
{
    (void)state;
    ask("/api/v1/query", "query=up", 200,
        "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[{\"metric\":{"
        "\"__name__\":\"up\",\"job\":\"a\"},\"value\":[1060,\"1\"]},{\"metric\":{\"__name__\":"
        "\"up\",\"job\":\"b/c\",\"x/y\":\"\\\"z\\\"\"},\"value\":[1060,\"3e-07\"]}]}}");
    ask("/api/v1/query", "query=1%2B1&time=1.5", 200,
        "{\"resultType\":\"scalar\",\"result\":[1.500,\"2\"]}");
    ask("/api/v1/query", "query=1/0&time=1970-01-01T00:00:02Z", 200, "[2,\"+Inf\"]");
    ask("/api/v1/query", "query=-1e21&time=-1.25", 200, "[-1.250,\"-1e+21\"]");
    ask("/api/v1/query", "query=\"a\"", 200, "{\"resultType\":\"string\",\"result\":[1060,\"a\"]}");
    ask("/api/v1/query", "query=up{job=\"b/c\"}[20s]&time=1040", 200,
        "\"resultType\":\"matrix\",\"result\":[{\"metric\":{\"__name__\":\"up\",\"job\":\"b/c\","
        "\"x/y\":\"\\\"z\\\"\"},\"values\":[[1030.500,\"2e-07\"]]}]}");
    ask("/api/v1/query", "query=up&limit=1", 200,
        "[1060,\"1\"]}]},\"warnings\":[\"results truncated due to limit\"]}");
    ask("/api/v1/query", "query=up&time=1075&lookback_delta=10s", 200, "\"result\":[]");
    ask("/api/v1/query", "query=rate(up[1m])", 200,
        "\"infos\":[\"PromQL info: metric might not be a counter");
}

static void a_range(void **state)
{
    (void)state;
    ask("/api/v1/query_range", "query=up{job=\"a\"}&start=1000&end=1030&step=15", 200,
        "{\"resultType\":\"matrix\",\"result\":[{\"metric\":{\"__name__\":\"up\",\"job\":\"a\"},"
        "\"values\":[[1000,\"1\"],[1015,\"1\"],[1030,\"1\"]]}]}");
    ask("/api/v1/query_range", "query=1&start=0&end=1&step=500ms", 200,
        "[{\"metric\":{},\"values\":[[0,\"1\"],[0.500,\"1\"],[1,\"1\"]]}]");
    ask("/api/v1/query_range", "query=1&start=0&end=11000&step=1", 200, "[11000,\"1\"]");
    ask("/api/v1/query_range", "query=1&start=0&end=11001&step=1", 400,
        "exceeded maximum resolution of 11,000 points per timeseries");
    ask("/api/v1/query_range", "query=1&start=2&end=1&step=1", 400,
        "end timestamp must not be before start time");
    ask("/api/v1/query_range", "query=1&start=0&end=1&step=0", 400, "\"step\\\"");
    ask("/api/v1/query_range", "query=1&start=0&end=1", 400, "\"step\\\"");
    ask("/api/v1/query_range", "query=1&end=1&step=1", 400, "\"start\\\"");
    ask("/api/v1/query_range", "query=up[1m]&start=0&end=1&step=1", 400,
        "must be Scalar or instant Vector");
}

static void what_goes_wrong(void **state)
{
    (void)state;
    ask("/api/v1/query", "query=up%7B", 400,
        "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"invalid parameter "
        "\\\"query\\\": 1:4: parse error: unexpected end of input");
    ask("/api/v1/query", "", 400, "no expression found in input");
    ask("/api/v1/query", "query=1&time=x", 400, "parameter 'time' is 'x'");
    ask("/api/v1/query", "query=up%2Bon()up", 422,
        "{\"status\":\"error\",\"errorType\":\"execution\",\"error\":\"found duplicate series");
    ask("/api/v1/query", "query=limitk(1,up)", 400, "1:1: limitk and limit_ratio is not supported");
    ask("/api/v1/query", "query=up&timeout=-1s", 400, "timeout");
    ask("/api/v1/query", "query=up&limit=-1", 400, "limit");
    ask("/api/v1/nothing", "", 404, "\"errorType\":\"not_found\"");
    ask_of(NULL, "/api/v1/query", "query=1", 503, "\"errorType\":\"unavailable\"");
}

static void names_and_values(void **state)
{
    (void)state;
    ask("/api/v1/labels", "", 200, "\"data\":[\"__name__\",\"job\",\"x/y\"]}");
    ask("/api/v1/labels", "match[]=up{job=\"a\"}&match%5B%5D=nothing", 200,
        "\"data\":[\"__name__\",\"job\"]}");
    ask("/api/v1/labels", "limit=2", 200,
        "[\"__name__\",\"job\"],\"warnings\":[\"results truncated due to limit\"]");
    ask("/api/v1/labels", "start=2000", 200, "\"data\":[]");
    ask("/api/v1/label/job/values", "", 200, "\"data\":[\"a\",\"b/c\"]}");
    ask("/api/v1/label/job/values", "match[]=up{job=\"a\"}&match[]=up", 200, "[\"a\",\"b/c\"]}");
    ask("/api/v1/label/U__x_2f_y/values", "", 200, "\"data\":[\"\\\"z\\\"\"]}");
    ask("/api/v1/label/x%2Fy/values", "", 200, "\"data\":[\"\\\"z\\\"\"]}");
    ask("/api/v1/label/%FF/values", "", 400, "invalid label name");
    ask("/api/v1/series", "match[]=up{job=~\"b.*\"}&match[]={job=\"b/c\"}", 200,
        "\"data\":[{\"__name__\":\"up\",\"job\":\"b/c\",\"x/y\":\"\\\"z\\\"\"}]}");
    ask("/api/v1/series", "match[]=up&limit=1", 200, "\"job\":\"a\"}],\"warnings\":[");
    ask("/api/v1/series", "", 400, "no match[] parameter provided");
    ask("/api/v1/series", "match[]=sum(up)", 400, "invalid parameter \\\"match[]\\\"");
    ask("/api/v1/metadata", "", 200,
        "\"data\":{\"up\":[{\"type\":\"gauge\",\"help\":\"Is it?\",\"unit\":\"\"}],\"y\":[{");
    ask("/api/v1/metadata", "metric=y", 200,
        "\"data\":{\"y\":[{\"type\":\"counter\",\"help\":\"\",\"unit\":\"s\"}]}}");
    ask("/api/v1/metadata", "limit=1", 200, "\"unit\":\"\"}]}}");
}

static void a_server_that_scrapes_nothing(void **state)
{
    (void)state;
    ask("/api/v1/rules", "", 200, "\"data\":{\"groups\":[]}}");
    ask("/api/v1/alerts", "", 200, "\"data\":{\"alerts\":[]}}");
    ask("/api/v1/targets", "", 200, "\"activeTargets\":[]");
    ask_of(NULL, "/api/v1/status/buildinfo", "", 200, "\"data\":{\"version\":\"3.");
}

static bool reload(void *context, Err *err)
{
    return *(bool *)context || (fail)(err, ERR_INPUT, "line 3: no");
}

static void expect_port(const ApiSources *sources, const char *path, int status, const char *body)
{
    for (size_t i = 0; i < PROMETHEUS_PORT_ROUTES; i++) {
        const ApiRequest request = { .path = str_from(path) };
        ApiAnswer answer = { .body = BUF(API_BODY_MAX) };
        if (!str_eq(prometheus_port_routes[i].path, request.path))
            continue;
        prometheus_port_routes[i].answer(sources, &request, &answer);
        assert_int_equal(answer.status, status);
        assert_true(str_contains(buf_str(&answer.body), str_from(body)));
        buf_free(&answer.body);
    }
}

static void the_port_of_its_own(void **state)
{
    (void)state;
    bool good = true;
    ApiSources sources = { .series = series_table_source(table) }, none = { 0 };
    expect_port(&sources, "/-/healthy", 200, "healthy");
    expect_port(&sources, "/-/ready", 200, "ready");
    expect_port(&none, "/-/ready", 503, "no store of metrics");
    expect_port(&sources, "/-/reload", 501, "nobody here can reload");
    sources.reload = reload;
    sources.reload_context = &good;
    expect_port(&sources, "/-/reload", 200, "");
    good = false;
    expect_port(&sources, "/-/reload", 500, "failed to reload the configuration: line 3: no");
}

/* ---- memory that runs out -----------------------------------------------------------------------
 */

static const char *starving_path, *starving_query;

static void starve_question(void)
{
    ApiSources sources = { .series = series_table_source(table) };
    ApiRequest request = { .path = str_from(starving_path), .query = str_from(starving_query) };
    ApiAnswer answer = { .body = BUF(API_BODY_MAX) };
    prometheus_routes[0].answer(&sources, &request, &answer);
    assert_in_range(answer.status, 200, 599);
    buf_free(&answer.body);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    static const char *const questions[][2] = {
        { "/api/v1/query", "query=up%2Bon()up&timeout=5s" },
        { "/api/v1/query", "query=up[1m]" },
        { "/api/v1/query_range", "query=rate(up[1m])&start=1000&end=1060&step=15&limit=1" },
        { "/api/v1/labels", "match[]=up&match[]=up" },
        { "/api/v1/label/U__x_2f_y/values", "" },
        { "/api/v1/series", "match[]=up" },
        { "/api/v1/metadata", "metric=up" },
    };
    for (size_t i = 0; i < COUNT_OF(questions); i++) {
        starving_path = questions[i][0];
        starving_query = questions[i][1];
        assert_true(starve_every(starve_question) > 1);
    }
}

int main(void)
{
    starve_after(-1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_instant),
        cmocka_unit_test(a_range),
        cmocka_unit_test(what_goes_wrong),
        cmocka_unit_test(names_and_values),
        cmocka_unit_test(the_port_of_its_own),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(a_server_that_scrapes_nothing),
    };
    return cmocka_run_group_tests_name("prometheus", tests, set_up, tear_down);
}
