/* scrape_target_test.c - pages of several scrapes in a row, and what they become. */
#include "prom/scrape_target.h"

#include "otlp/batch.h"
#include "otlp/json_out.h"
#include "otlp/metric_view.h"
#include "support/starve.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { OUT_MAX = 16 << 20, SECOND = 1000000000 };

static const ScrapeSettings plain = {
    .job = { "api", 3 },
    .instance = { "h:80", 4 },
    .scheme = { "http", 4 },
    .host = { "h", 1 },
    .port = { "80", 2 },
};

static void add_attributes(Buf *out, Attributes list)
{
    for (AttributeView attribute; attributes_next(&list, &attribute);)
        buf_addf(out, " %.*s=%.*s", STR_ARG(attribute.key), STR_ARG(attribute.value.text));
}

static void add_times(Buf *out, uint64_t start_ns, uint64_t time_ns, uint32_t flags)
{
    if (start_ns)
        buf_addf(out, " from %" PRIu64, start_ns / SECOND);
    buf_addf(out, " at %" PRIu64 "%s", time_ns / SECOND, flags & 1 ? " ended" : "");
}

static void add_histogram(Buf *out, HistogramPointView view)
{
    uint64_t count;
    double bound;
    buf_addf(out, " count %" PRIu64, view.count);
    if (view.has_sum)
        buf_addf(out, " sum %g", view.sum);
    while (numbers_next_u64(&view.bucket_counts, &count))
        if (numbers_next_double(&view.explicit_bounds, &bound))
            buf_addf(out, " %" PRIu64 "<=%g", count, bound);
        else
            buf_addf(out, " %" PRIu64, count);
    add_attributes(out, view.attributes);
    add_times(out, view.start_ns, view.time_ns, view.flags);
}

static void add_summary(Buf *out, SummaryPointView view)
{
    buf_addf(out, " count %" PRIu64 " sum %g", view.count, view.sum);
    for (QuantileView at; quantile_next(&view.quantiles, &at);)
        buf_addf(out, " %g:%g", at.quantile, at.value);
    add_attributes(out, view.attributes);
    add_times(out, view.start_ns, view.time_ns, view.flags);
}

static void add_point(Buf *out, const Batch *batch, const MetricView *metric, size_t item)
{
    buf_addf(out, "%.*s", STR_ARG(metric->name));
    if (metric->kind == METRIC_HISTOGRAM) {
        add_histogram(out, histogram_point_view(batch, item));
    } else if (metric->kind == METRIC_SUMMARY) {
        add_summary(out, summary_point_view(batch, item));
    } else {
        NumberPointView view = number_point_view(batch, item);
        buf_addf(out, "%s", metric->kind == METRIC_GAUGE ? "" : metric->is_monotonic ? " +" : " ~");
        if (view.value.kind == NUMBER_DOUBLE)
            buf_addf(out, " %g", view.value.real);
        add_attributes(out, view.attributes);
        add_times(out, view.start_ns, view.time_ns, view.flags);
    }
    buf_add_byte(out, '\n');
}

/* Without what is said of the scrape itself, unless `all`. */
static void describe(const Batch *batch, bool all, Buf *out)
{
    for (size_t m = 0; m < batch_metric_count(batch); m++) {
        MetricView metric = metric_view(batch, m);
        bool fact = str_starts(metric.name, STR("scrape_")) || str_eq(metric.name, STR("up"));
        for (size_t i = metric.first_item; i < metric.end_item && (all || !fact); i++)
            add_point(out, batch, &metric, i);
    }
}

static Batch *take(ScrapeTarget *target, int second, const char *page, ScrapeResult *result)
{
    Err err, timeout = { .kind = ERR_TIMEOUT, .text = "too slow" };
    Buf bytes = BUF(OUT_MAX);
    const ScrapeAnswer answer = { .time_ns = (int64_t)second * SECOND,
                                  .duration_ns = SECOND / 4,
                                  .err = page ? NULL : &timeout,
                                  .content_type = STR("text/plain"),
                                  .body = str_from(page) };
    assert_true(scrape_target_take(target, &answer, &bytes, result, &err));
    Batch *batch = batch_from_bytes(METRICS, &bytes, &err);
    assert_non_null(batch);
    return batch;
}

static ScrapeTarget *target_of(const ScrapeSettings *settings)
{
    Err err;
    ScrapeTarget *target = scrape_target_new(settings, &err);
    assert_non_null(target);
    return target;
}

static void expect(ScrapeTarget *target, int second, const char *page, const char *expected)
{
    ScrapeResult result;
    Buf out = BUF(OUT_MAX);
    Batch *batch = take(target, second, page, &result);
    describe(batch, false, &out);
    assert_string_equal(buf_text(&out), expected);
    batch_unref(batch);
    buf_free(&out);
}

static void test_kinds(void **state)
{
    (void)state;
    ScrapeTarget *target = target_of(&plain);
    expect(
        target, 10,
        "# TYPE c_total counter\nc_total{a=\"b\"} 7\n"
        "# TYPE g gauge\ng 1.5\n"
        "u{x=\"y\"} 2\n"
        "# TYPE h histogram\nh_bucket{le=\"2\"} 3\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 6\n"
        "h_sum 9.5\nh_count 6\n"
        "# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 4\ns_count 3\n",
        "c_total + 7 a=b from 10 at 10\n"
        "g 1.5 at 10\n"
        "u 2 x=y at 10\n"
        "h count 6 sum 9.5 1<=1 2<=2 3 from 10 at 10\n"
        "s count 3 sum 4 0.5:1 from 10 at 10\n");
    scrape_target_free(target);
}

static void test_message(void **state)
{
    (void)state;
    Err err;
    ScrapeResult result;
    Buf bytes = BUF(OUT_MAX), json = BUF(OUT_MAX);
    static const Label labels[] = { { STR_ROW("team"), STR_ROW("a") } };
    ScrapeSettings settings = plain;
    settings.labels = (Labels){ labels, 1 };
    ScrapeTarget *target = target_of(&settings);
    const ScrapeAnswer answer = {
        .time_ns = 5,
        .content_type = STR("application/openmetrics-text; version=1.0.0"),
        .body = STR("# TYPE c_seconds counter\n# UNIT c_seconds seconds\n# HELP c_seconds Help.\n"
                    "c_seconds_total{otel_scope_name=\"lib\",otel_scope_x=\"1\"} 2 1.5\n"
                    "c_seconds_created{otel_scope_name=\"lib\",otel_scope_x=\"1\"} 1\n"
                    "# TYPE target info\ntarget_info{host_name=\"n\"} 1\n# EOF\n")
    };
    assert_true(scrape_target_take(target, &answer, &bytes, &result, &err));
    assert_true(result.up);
    assert_int_equal(result.samples, 3);
    Batch *batch = batch_from_bytes(METRICS, &bytes, &err);
    assert_non_null(batch);
    assert_true(otlp_json_write(batch, &json, &err));
    static const char expected[] =
        "{\"resourceMetrics\":[{\"resource\":{\"attributes\":["
        "{\"key\":\"service.name\",\"value\":{\"stringValue\":\"api\"}},"
        "{\"key\":\"service.instance.id\",\"value\":{\"stringValue\":\"h:80\"}},"
        "{\"key\":\"server.address\",\"value\":{\"stringValue\":\"h\"}},"
        "{\"key\":\"server.port\",\"value\":{\"stringValue\":\"80\"}},"
        "{\"key\":\"url.scheme\",\"value\":{\"stringValue\":\"http\"}},"
        "{\"key\":\"host_name\",\"value\":{\"stringValue\":\"n\"}},"
        "{\"key\":\"team\",\"value\":{\"stringValue\":\"a\"}}]},"
        "\"scopeMetrics\":[{\"scope\":{\"name\":\"lib\",\"attributes\":["
        "{\"key\":\"x\",\"value\":{\"stringValue\":\"1\"}}]},"
        "\"metrics\":[{\"name\":\"c_seconds_total\",\"description\":\"Help.\",\"unit\":\"s\","
        "\"sum\":{\"dataPoints\":[{\"startTimeUnixNano\":\"1000000000\","
        "\"timeUnixNano\":\"1500000000\",\"asDouble\":2,\"attributes\":["
        "{\"key\":\"team\",\"value\":{\"stringValue\":\"a\"}}]}],"
        "\"aggregationTemporality\":2,\"isMonotonic\":true},\"metadata\":["
        "{\"key\":\"prometheus.type\",\"value\":{\"stringValue\":\"counter\"}}]}]}]},";
    if (!str_starts(buf_str(&json), str_from(expected)))
        fail_msg("%s", buf_text(&json));
    batch_unref(batch);
    buf_free(&json);
    scrape_target_free(target);
}

static void test_start_times(void **state)
{
    (void)state;
    ScrapeTarget *target = target_of(&plain);
    const char *types = "# TYPE c counter\n# TYPE h histogram\n";
    char page[200];
    static const struct {
        int second, c, h;
        const char *expected;
    } rows[] = {
        { 10, 5, 7, "c + 5 from 10 at 10\nh count 7 7 from 10 at 10\n" },
        { 20, 5, 7, "c + 5 from 10 at 20\nh count 7 7 from 10 at 20\n" },
        { 30, 4, 8, "c + 4 from 30 at 30\nh count 8 8 from 10 at 30\n" },
        { 40, 9, 2, "c + 9 from 30 at 40\nh count 2 2 from 40 at 40\n" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        snprintf(page, sizeof page, "%sc %d\nh_count %d\n", types, rows[i].c, rows[i].h);
        expect(target, rows[i].second, page, rows[i].expected);
    }
    expect(target, 50, NULL, "c + from 30 at 50 ended\nh count 0 0 from 40 at 50 ended\n");
    expect(target, 60, NULL, "");
    snprintf(page, sizeof page, "%sc 10\n", types); /* the target was away, not restarted */
    expect(target, 70, page, "c + 10 from 30 at 70\n");
    scrape_target_free(target);
}

static void test_what_vanishes_ends(void **state)
{
    (void)state;
    ScrapeTarget *target = target_of(&plain);
    const char *histogram = "# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_sum 3\nh_count 4\n";
    expect(target, 10, histogram, "h count 4 sum 3 2<=1 2 from 10 at 10\n");
    expect(target, 20, "a{b=\"c\"} 1\na 2\nt 3 5000\n",
           "h count 0 0<=1 0 from 10 at 20 ended\na 1 b=c at 20\na 2 at 20\nt 3 at 5\n");
    expect(target, 30, "a 2\n", "a b=c at 30 ended\na 2 at 30\n"); /* t has times of its own */
    expect(target, 40, "a 2\nbroken{\n", "a at 40 ended\n");
    expect(target, 50, "a 2\n", "a 2 at 50\n");
    expect(target, 60, "", "a at 60 ended\n");
    expect(target, 70, "", "");
    scrape_target_free(target);
}

static void test_labels(void **state)
{
    (void)state;
    static const Label own[] = { { STR_ROW("team"), STR_ROW("own") } };
    static const Label external[] = { { STR_ROW("zone"), STR_ROW("z") } };
    ScrapeSettings settings = plain;
    settings.labels = (Labels){ own, 1 };
    settings.external = (Labels){ external, 1 };
    const char *page = "a{team=\"t\",job=\"j\",zone=\"no\",exported_team=\"e\",le=\"1\"} 1\n";
    ScrapeTarget *target = target_of(&settings);
    expect(
        target, 1, page,
        "a 1 exported_exported_team=t exported_job=j exported_team=e le=1 team=own zone=z at 1\n");
    scrape_target_free(target);
    settings.honor_labels = true;
    target = target_of(&settings);
    expect(target, 1, page, "a 1 exported_team=e le=1 team=t zone=z at 1\n");
    scrape_target_free(target);
}

static void test_timestamps(void **state)
{
    (void)state;
    ScrapeSettings settings = plain;
    settings.ignore_timestamps = true;
    ScrapeTarget *target = target_of(&settings);
    expect(target, 10, "a 1 5000\n", "a 1 at 10\n");
    scrape_target_free(target);
}

static void test_odd_ones(void **state)
{
    (void)state;
    ScrapeResult result;
    Buf out = BUF(OUT_MAX);
    ScrapeTarget *target = target_of(&plain);
    Batch *batch = take(target, 10,
                        "# TYPE h histogram\nh 1\nh_bucket 2\n" /* no buckets: nothing */
                        "h_bucket{le=\"1\",k=\"falls\"} 5\nh_bucket{le=\"2\",k=\"falls\"} 4\n"
                        "h_count{k=\"falls\"} 6\nh_bucket{le=\"x\"} 1\n"
                        "h_bucket{le=\"1\",k=\"inf\"} 1\nh_bucket{le=\"+Inf\",k=\"inf\"} 2\n"
                        "# TYPE s summary\ns 3\ns_sum{k=\"alone\"} 1\n"
                        "t 1 -5\nt 1 9223372036854775807\n",
                        &result);
    describe(batch, false, &out);
    assert_string_equal(buf_text(&out), "h count 2 1<=1 1 k=inf from 10 at 10\n");
    assert_int_equal(result.dropped, 8);
    batch_unref(batch);
    buf_free(&out);
    scrape_target_free(target);
}

static void add_exemplars(Buf *out, Fields exemplars)
{
    char trace[TRACE_ID_HEX + 1], span[SPAN_ID_HEX + 1];
    for (ExemplarView at; exemplar_next(&exemplars, &at);) {
        buf_addf(out, "%g at %" PRIu64 " %s %s", at.value.real, at.time_ns / 1000000,
                 trace_id_text(&at.trace_id, trace), span_id_text(&at.span_id, span));
        add_attributes(out, at.filtered_attributes);
        buf_add_byte(out, '\n');
    }
}

static void test_exemplars(void **state)
{
    (void)state;
    ScrapeResult result;
    Err err;
    Buf out = BUF(OUT_MAX), bytes = BUF(OUT_MAX);
    ScrapeTarget *target = target_of(&plain);
    const ScrapeAnswer answer = {
        .time_ns = (int64_t)10 * SECOND,
        .content_type = STR("application/openmetrics-text; version=1.0.0"),
        .body = STR("# TYPE c counter\nc_total 3 # {trace_id=\"0102030405060708090a0b0c0d0e0f10\","
                    "span_id=\"0102030405060708\",user=\"u\"} 1.5 7.25\n"
                    "# TYPE h histogram\nh_bucket{le=\"1\"} 1 # {trace_id=\"short\"} 0.5\n"
                    "h_bucket{le=\"+Inf\"} 2 # {} 9\nh_count 2\nh_sum 9.5\n"
                    "# TYPE g gauge\ng 1 # {a=\"b\"} 1\n# EOF\n")
    };
    assert_true(scrape_target_take(target, &answer, &bytes, &result, &err));
    assert_true(result.up);
    Batch *batch = batch_from_bytes(METRICS, &bytes, &err);
    assert_non_null(batch);
    add_exemplars(&out, number_point_view(batch, 0).exemplars);
    add_exemplars(&out, histogram_point_view(batch, 1).exemplars);
    add_exemplars(&out, number_point_view(batch, 2).exemplars);
    assert_string_equal(buf_text(&out),
                        "1.5 at 7250 0102030405060708090a0b0c0d0e0f10 0102030405060708 user=u\n"
                        "9 at 10000 00000000000000000000000000000000 0000000000000000\n"
                        "0.5 at 10000 00000000000000000000000000000000 0000000000000000 "
                        "trace_id=short\n");
    batch_unref(batch);
    buf_free(&out);
    scrape_target_free(target);
}

static void test_facts(void **state)
{
    (void)state;
    ScrapeResult result;
    ScrapeSettings settings = plain;
    settings.sample_limit = 2;
    ScrapeTarget *target = target_of(&settings);
    static const struct {
        const char *page, *expected, *why;
    } rows[] = {
        { "a 1\nb 2\n",
          "a 1 at 10\nb 2 at 10\nup 1 at 10\nscrape_duration_seconds 0.25 at 10\n"
          "scrape_samples_scraped 2 at 10\nscrape_samples_post_metric_relabeling 2 at 10\n"
          "scrape_series_added 2 at 10\n",
          "" },
        { "a 1\nb 2\nc 3\n",
          "a at 10 ended\nb at 10 ended\nup 0 at 10\nscrape_duration_seconds 0.25 at 10\n"
          "scrape_samples_scraped 3 at 10\nscrape_samples_post_metric_relabeling 3 at 10\n"
          "scrape_series_added 0 at 10\n",
          "more samples than sample_limit" },
        { NULL,
          "up 0 at 10\nscrape_duration_seconds 0.25 at 10\n"
          "scrape_samples_scraped 0 at 10\nscrape_samples_post_metric_relabeling 0 at 10\n"
          "scrape_series_added 0 at 10\n",
          "too slow" },
        { "<html>\n",
          "up 0 at 10\nscrape_duration_seconds 0.25 at 10\n"
          "scrape_samples_scraped 0 at 10\nscrape_samples_post_metric_relabeling 0 at 10\n"
          "scrape_series_added 0 at 10\n",
          "line 1, column 1: expected the name of a metric" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Buf out = BUF(OUT_MAX);
        Batch *batch = take(target, 10, rows[i].page, &result);
        describe(batch, true, &out);
        assert_string_equal(buf_text(&out), rows[i].expected);
        if (rows[i].why[0])
            assert_string_equal(result.err.text, rows[i].why);
        assert_int_equal(result.up, rows[i].why[0] == 0);
        batch_unref(batch);
        buf_free(&out);
    }
    scrape_target_free(target);
}

static void run_starved(void)
{
    static const char *const pages[] = { "# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_count 3\n",
                                         "a{job=\"x\",otel_scope_name=\"n\"} 1\n" };
    Err err;
    ScrapeResult result;
    ScrapeTarget *target = scrape_target_new(&plain, &err);
    for (int i = 0; target && i < 3; i++) {
        Buf out = BUF(OUT_MAX);
        const ScrapeAnswer answer = { .time_ns = i, .body = str_from(pages[i % 2]) };
        if (!scrape_target_take(target, &answer, &out, &result, &err))
            assert_int_equal(err.kind, ERR_MEMORY);
        buf_free(&out);
    }
    scrape_target_free(target);
}

static void test_starved(void **state)
{
    (void)state;
    assert_true(starve_every(run_starved) > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),       cmocka_unit_test(test_message),
        cmocka_unit_test(test_start_times), cmocka_unit_test(test_what_vanishes_ends),
        cmocka_unit_test(test_labels),      cmocka_unit_test(test_timestamps),
        cmocka_unit_test(test_odd_ones),    cmocka_unit_test(test_exemplars),
        cmocka_unit_test(test_facts),       cmocka_unit_test(test_starved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
