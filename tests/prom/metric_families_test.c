/* metric_families_test.c - protobuf pages, and the points that they become; then the same pages cut
 * and broken everywhere. */
#include "prom/metric_families.h"

#include "codec/wire.h"
#include "otlp/batch.h"
#include "otlp/metric_view.h"
#include "prom/scrape_target.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { OUT_MAX = 1 << 20 };

/* ---- a page ---- */

static void add_label(Buf *out, const char *name, const char *value)
{
    size_t label = wire_open(out, 1);
    wire_add_bytes(out, 1, str_from(name));
    wire_add_bytes(out, 2, str_from(value));
    wire_close(out, label);
}

static size_t open_family(Buf *family, const char *name, unsigned type)
{
    family->max = OUT_MAX;
    wire_add_bytes(family, 1, str_from(name));
    wire_add_bytes(family, 2, STR("help"));
    wire_add_varint(family, 3, type);
    return wire_open(family, 4);
}

/* Its length, and the message. */
static void close_family(Buf *page, Buf *family, size_t metric)
{
    char head[WIRE_VARINT_MAX];
    wire_close(family, metric);
    char *end = wire_put_varint(head, family->len);
    buf_add(page, (Str){ head, (size_t)(end - head) });
    buf_add(page, buf_str(family));
    buf_free(family);
}

static void add_created(Buf *out, uint32_t number, uint64_t seconds)
{
    size_t created = wire_open(out, number);
    wire_add_varint(out, 1, seconds);
    wire_close(out, created);
}

static void add_counter(Buf *page)
{
    Buf family = { 0 };
    size_t metric = open_family(&family, "c_total", 0);
    add_label(&family, "a", "b");
    size_t counter = wire_open(&family, 3);
    wire_add_double(&family, 1, 7);
    size_t exemplar = wire_open(&family, 2);
    add_label(&family, "user", "u");
    wire_add_double(&family, 2, 1.5);
    wire_close(&family, exemplar);
    add_created(&family, 3, 4);
    wire_close(&family, counter);
    close_family(page, &family, metric);
}

static void add_summary(Buf *page)
{
    Buf family = { 0 };
    size_t metric = open_family(&family, "s", 2);
    size_t summary = wire_open(&family, 4);
    wire_add_varint(&family, 1, 3);
    wire_add_double(&family, 2, 9.5);
    size_t quantile = wire_open(&family, 3);
    wire_add_double(&family, 1, 0.5);
    wire_add_double(&family, 2, 2);
    wire_close(&family, quantile);
    wire_close(&family, summary);
    close_family(page, &family, metric);
}

static void add_bucket(Buf *out, uint64_t count, double bound)
{
    size_t bucket = wire_open(out, 3);
    wire_add_varint(out, 1, count);
    wire_add_double(out, 2, bound);
    wire_close(out, bucket);
}

static void add_span(Buf *out, uint32_t number, int64_t offset, uint64_t length)
{
    size_t span = wire_open(out, number);
    wire_add_sint(out, 1, offset);
    wire_add_varint(out, 2, length);
    wire_close(out, span);
}

/* Buckets 1: 2, 2: 3, 5: 1, and below zero -3: 4; classic ones, too. */
static void add_histogram(Buf *page, bool native)
{
    static const uint64_t deltas[] = { 4, 2, 3 }; /* zigzag: 2, 1, -2 */
    Buf family = { 0 };
    size_t metric = open_family(&family, native ? "n" : "h", 4);
    size_t histogram = wire_open(&family, 7);
    wire_add_varint(&family, 1, 11);
    wire_add_double(&family, 2, 20.5);
    add_bucket(&family, 4, 1);
    if (native) {
        wire_add_sint(&family, 5, 1);
        wire_add_double(&family, 6, 0.001);
        wire_add_varint(&family, 7, 1);
        add_span(&family, 9, -3, 1);
        wire_add_sint(&family, 10, 4);
        add_span(&family, 12, 1, 2);
        add_span(&family, 12, 2, 1);
        wire_add_packed_varint(&family, 13, deltas, 3);
    }
    wire_close(&family, histogram);
    close_family(page, &family, metric);
}

static void make_page(Buf *page)
{
    *page = BUF(OUT_MAX);
    add_counter(page);
    add_summary(page);
    add_histogram(page, false);
    add_histogram(page, true);
}

/* ---- what becomes of it ---- */

static void add_side(Buf *out, const char *name, int32_t offset, Numbers counts)
{
    uint64_t count;
    buf_addf(out, " %s %d:", name, offset);
    while (numbers_next_varint(&counts, &count))
        buf_addf(out, " %" PRIu64, count);
}

static void describe_point(const Batch *batch, const MetricView *metric, size_t item, Buf *out)
{
    uint64_t count;
    buf_addf(out, "%.*s", STR_ARG(metric->name));
    if (metric->kind == METRIC_SUM) {
        NumberPointView view = number_point_view(batch, item);
        buf_addf(out, " %g from %" PRIu64 "\n", view.value.real, view.start_ns / 1000000000);
    } else if (metric->kind == METRIC_SUMMARY) {
        SummaryPointView view = summary_point_view(batch, item);
        buf_addf(out, " count %" PRIu64 " sum %g", view.count, view.sum);
        for (QuantileView at; quantile_next(&view.quantiles, &at);)
            buf_addf(out, " %g:%g", at.quantile, at.value);
        buf_add_byte(out, '\n');
    } else if (metric->kind == METRIC_HISTOGRAM) {
        HistogramPointView view = histogram_point_view(batch, item);
        buf_addf(out, " count %" PRIu64 " sum %g buckets", view.count, view.sum);
        while (numbers_next_u64(&view.bucket_counts, &count))
            buf_addf(out, " %" PRIu64, count);
        buf_add_byte(out, '\n');
    } else if (metric->kind == METRIC_EXPONENTIAL) {
        ExponentialPointView view = exponential_point_view(batch, item);
        buf_addf(out, " count %" PRIu64 " sum %g scale %d zero %" PRIu64 " up to %g", view.count,
                 view.sum, view.scale, view.zero_count, view.zero_threshold);
        add_side(out, "above", view.positive.offset, view.positive.counts);
        add_side(out, "below", view.negative.offset, view.negative.counts);
        buf_add_byte(out, '\n');
    }
}

/* Everything but what is said of the scrape itself; "down: why" when it failed. */
static void scrape(Str page, bool native, bool also_classic, Buf *out)
{
    Err err;
    ScrapeResult result;
    Buf bytes = BUF(OUT_MAX);
    const ScrapeSettings settings = {
        .job = STR("j"), .instance = STR("i"), .native = native, .also_classic = also_classic
    };
    const ScrapeAnswer answer = {
        .time_ns = 10000000000,
        .content_type = STR("application/vnd.google.protobuf; "
                            "proto=io.prometheus.client.MetricFamily; encoding=delimited"),
        .body = page
    };
    ScrapeTarget *target = scrape_target_new(&settings, &err);
    assert_non_null(target);
    assert_true(scrape_target_take(target, &answer, &bytes, &result, &err));
    Batch *batch = batch_from_bytes(METRICS, &bytes, &err);
    assert_non_null(batch);
    if (!result.up)
        buf_addf(out, "down: %s\n", result.err.text);
    for (size_t m = 0; m < batch_metric_count(batch); m++) {
        MetricView metric = metric_view(batch, m);
        for (size_t i = metric.first_item; metric.kind != METRIC_GAUGE && i < metric.end_item; i++)
            describe_point(batch, &metric, i, out);
    }
    batch_unref(batch);
    scrape_target_free(target);
}

static void expect(bool native, bool also_classic, const char *expected)
{
    Buf page, out = BUF(OUT_MAX);
    make_page(&page);
    scrape(buf_str(&page), native, also_classic, &out);
    assert_string_equal(buf_text(&out), expected);
    buf_free(&page);
    buf_free(&out);
}

#define FIRST   "c_total 7 from 4\ns count 3 sum 9.5 0.5:2\nh count 11 sum 20.5 buckets 4 7\n"
#define NATIVE  "n count 11 sum 20.5 scale 1 zero 1 up to 0.001 above 0: 2 3 0 0 1 below -4: 4\n"
#define CLASSIC "n count 11 sum 20.5 buckets 4 7\n"

static void test_kinds(void **state)
{
    (void)state;
    expect(false, false, FIRST CLASSIC);
    expect(true, false, FIRST NATIVE);
    expect(true, true, FIRST NATIVE CLASSIC);
}

static void test_nonsense(void **state)
{
    (void)state;
    static const struct {
        Str page;
        const char *says;
    } rows[] = {
        { STR_ROW("\x05\x0a"), "down: a family that is longer than the answer\n" },
        { STR_ROW("\x02\x18\x00"), "down: family : a message that makes no sense\n" },
        { STR_ROW("\x03\x0a\x01\xff"), "down: family" },
        { STR_ROW("\x05\x0a\x01x\x18\x09"), "down: family x: a message that makes no sense\n" },
        { STR_ROW("\x05\x0a\x01x\x22\x00"), "down: family x: a message that makes no sense\n" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        Buf out = BUF(OUT_MAX);
        scrape(rows[i].page, true, true, &out);
        if (!str_starts(buf_str(&out), str_from(rows[i].says)))
            fail_msg("row %zu: %s", i, buf_text(&out));
        buf_free(&out);
    }
}

/* It is a page or it is none; nothing is read beyond its end, and nothing crashes. */
static void test_broken(void **state)
{
    (void)state;
    Buf page;
    make_page(&page);
    for (size_t at = 0; at < page.len; at++) {
        Buf out = BUF(OUT_MAX);
        char *exact = malloc(at + 1);
        assert_non_null(exact);
        memcpy(exact, page.ptr, at);
        scrape((Str){ exact, at }, true, true, &out);
        free(exact);
        for (unsigned bit = 0; bit < 8; bit++) {
            page.ptr[at] = (char)(page.ptr[at] ^ (1 << bit));
            scrape(buf_str(&page), true, true, &out);
            page.ptr[at] = (char)(page.ptr[at] ^ (1 << bit));
        }
        buf_free(&out);
    }
    buf_free(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
