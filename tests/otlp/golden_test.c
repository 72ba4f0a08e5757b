/* golden_test.c - what protoc wrote is what we read: tests/golden/otlp, field by field.
 *
 * The same bytes are then cut at every place and damaged at random: refused or read, never more.
 */
#include "base/buf.h"
#include "base/disk.h"
#include "base/random.h"
#include "otlp/batch.h"
#include "otlp/combine.h"
#include "otlp/metric_view.h"
#include "otlp/view.h"
#include "support/otlp_sample.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

typedef struct Golden {
    Signal signal;
    const char *path;
} Golden;

static const Golden golden[] = {
    { TRACES, "tests/golden/otlp/traces.bin" },
    { METRICS, "tests/golden/otlp/metrics.bin" },
    { LOGS, "tests/golden/otlp/logs.bin" },
};

static Buf read_bytes(Signal signal)
{
    Err err;
    Buf bytes = BUF(1000000);
    for (size_t i = 0; i < COUNT_OF(golden); i++)
        if (golden[i].signal == signal)
            assert_true(disk_read_all(disk_system(), golden[i].path, &bytes, &err));
    assert_true(bytes.len > 100);
    return bytes;
}

static Batch *read_batch(Signal signal)
{
    Err err;
    Buf bytes = read_bytes(signal);
    Batch *batch = batch_from_bytes(signal, &bytes, &err);
    assert_non_null(batch);
    return batch;
}

static void assert_text(Str got, const char *expected)
{
    if (!str_eq(got, str_from(expected)))
        fail_msg("got \"%.*s\", not \"%s\"", STR_ARG(got), expected);
}

static ValueView find(Attributes list, const char *key)
{
    ValueView value = { .kind = VALUE_EMPTY };
    if (!attributes_find(list, str_from(key), &value))
        fail_msg("no attribute \"%s\"", key);
    return value;
}

static void assert_text_at(Attributes list, const char *key, const char *expected)
{
    ValueView value = find(list, key);
    assert_int_equal(value.kind, VALUE_STRING);
    assert_text(value.text, expected);
}

static void assert_int_at(Attributes list, const char *key, int64_t expected)
{
    ValueView value = find(list, key);
    assert_int_equal(value.kind, VALUE_INT);
    assert_true(value.integer == expected);
}

static void assert_ids(const TraceId *trace, const SpanId *span)
{
    char text[TRACE_ID_HEX + 1];
    assert_string_equal(trace_id_text(trace, text), "0102030405060708090a0b0c0d0e0f10");
    assert_string_equal(span_id_text(span, text), "0102030405060708");
}

static void check_list(ValueView list)
{
    ValueView element, inner;
    Fields elements = value_elements(&list);
    assert_int_equal(fields_count(elements), 4);
    assert_true(value_next(&elements, &element));
    assert_text(element.text, "a");
    assert_true(value_next(&elements, &element) && element.integer == 2);
    assert_true(value_next(&elements, &element) && element.kind == VALUE_ARRAY);
    Fields inners = value_elements(&element);
    assert_true(value_next(&inners, &inner) && inner.kind == VALUE_BOOL && inner.boolean);
    assert_true(value_next(&elements, &element) && element.kind == VALUE_EMPTY);
    assert_false(value_next(&elements, &element));
}

static void check_values(Attributes list)
{
    assert_int_equal(attributes_count(list), 13);
    assert_text_at(list, "text", "gr\xC3\xBCn \xF0\x9F\x98\x80");
    assert_text_at(list, "empty text", "");
    assert_true(find(list, "no").kind == VALUE_BOOL && !find(list, "no").boolean);
    assert_int_at(list, "minus one", -1);
    assert_int_at(list, "least", INT64_MIN);
    assert_int_at(list, "zero", 0);
    assert_true(fabs(find(list, "pi").real - 3.141592653589793) < DBL_EPSILON);
    assert_true(find(list, "nan").kind == VALUE_DOUBLE && isnan(find(list, "nan").real));
    assert_int_equal(find(list, "raw").kind, VALUE_BYTES);
    assert_true(str_eq(find(list, "raw").text, STR("\x00\xFF\x80")));
    assert_int_equal(find(list, "unset").kind, VALUE_EMPTY);
    assert_int_equal(find(list, "no value at all").kind, VALUE_EMPTY);
    check_list(find(list, "list"));
    ValueView map = find(list, "map");
    assert_true(find(value_members(&map), "inner").real == -0.5);
    ValueView deeper = find(value_members(&map), "deeper");
    assert_text_at(value_members(&deeper), "deepest", "!");
}

static void check_events_and_links(const SpanView *span)
{
    EventView event;
    LinkView link;
    Fields events = span->events, links = span->links;
    assert_int_equal(fields_count(events), 2);
    assert_true(event_next(&events, &event));
    assert_true(event.time_ns == 1544712660500000000);
    assert_text(event.name, "exception");
    assert_text_at(event.attributes, "exception.type", "TimeoutError");
    assert_int_equal(event.dropped_attributes, 2);
    assert_true(event_next(&events, &event) && event.name.len == 0);
    assert_false(event_next(&events, &event));
    assert_true(link_next(&links, &link));
    assert_ids(&link.trace_id, &link.span_id);
    assert_text(link.trace_state, "a=1");
    assert_text_at(link.attributes, "why", "batch");
    assert_true(link.dropped_attributes == 5 && link.flags == 256);
    assert_false(link_next(&links, &link));
}

static void check_first_span(const Batch *batch)
{
    char hex[TRACE_ID_HEX + 1];
    SpanView span = span_view(batch, 0);
    assert_string_equal(trace_id_text(&span.trace_id, hex), "5b8efff798038103d269b633813fc60c");
    assert_string_equal(span_id_text(&span.span_id, hex), "eee19b7ec3c1b174");
    assert_string_equal(span_id_text(&span.parent_span_id, hex), "eee19b7ec3c1b173");
    assert_text(span.trace_state, "congo=t61rcWkgMzE");
    assert_text(span.name, "POST /chat");
    assert_true(span.flags == 769 && span.kind == SPAN_KIND_SERVER);
    assert_true(span.start_ns == 1544712660000000000 && span.end_ns == 1544712661000000001);
    assert_true(span.dropped_attributes == 300 && span.dropped_events == UINT32_MAX);
    assert_true(span.dropped_links == 6 && span.status_code == STATUS_ERROR);
    assert_text(span.status_message, "it broke");
    check_values(span.attributes);
    check_events_and_links(&span);
}

static void test_traces(void **state)
{
    (void)state;
    Batch *batch = read_batch(TRACES);
    assert_int_equal(batch_resource_count(batch), 3);
    assert_int_equal(batch_scope_count(batch), 4);
    assert_int_equal(batch_item_count(batch), 4);
    ResourceView resource = resource_view(batch, 0);
    assert_text_at(resource.attributes, "service.name", "shop");
    assert_int_at(resource.attributes, "process.pid", 4711);
    assert_int_equal(resource.dropped_attributes, 3);
    assert_text(resource.schema_url, "https://opentelemetry.io/schemas/1.20.0");
    assert_true(resource.first_scope == 0 && resource.end_scope == 3);
    ScopeView scope = scope_view(batch, 0);
    assert_text(scope.name, "lib.http");
    assert_text(scope.version, "1.2.3");
    assert_text(scope.schema_url, "https://opentelemetry.io/schemas/1.21.0");
    assert_true(find(scope.attributes, "short").boolean && scope.dropped_attributes == 1);
    assert_true(scope.first_item == 0 && scope.end_item == 2);
    check_first_span(batch);
    SpanView odd = span_view(batch, 1);
    assert_true(trace_id_is_zero(&odd.trace_id) && span_id_is_zero(&odd.span_id));
    assert_text(span_view(batch, 2).name, "without a scope");
    assert_int_equal(batch_scope_of_item(batch, 2), 2);
    assert_int_equal(batch_resource_of_scope(batch, 2), 0);
    assert_int_equal(batch_scope_of_item(batch, 3), 3);
    assert_int_equal(batch_resource_of_scope(batch, 3), 2);
    batch_unref(batch);
}

static void check_gauge(const Batch *batch)
{
    MetricView metric = metric_view(batch, 0);
    assert_int_equal(metric.kind, METRIC_GAUGE);
    assert_text(metric.name, "queue.size");
    assert_text(metric.description, "How many wait");
    assert_text(metric.unit, "{item}");
    assert_text_at(metric.metadata, "source", "test");
    assert_true(metric.first_item == 0 && metric.end_item == 3);
    NumberPointView point = number_point_view(batch, 0);
    assert_true(point.time_ns == 10 && point.value.kind == NUMBER_DOUBLE);
    assert_true(point.value.real == 2.5);
    assert_text_at(point.attributes, "q", "a");
    point = number_point_view(batch, 1);
    assert_true(point.value.kind == NUMBER_INT && point.value.integer == -3 && point.flags == 1);
    assert_int_equal(number_point_view(batch, 2).value.kind, NUMBER_NONE);
}

static void check_sum(const Batch *batch)
{
    MetricView metric = metric_view(batch, 1);
    assert_int_equal(metric.kind, METRIC_SUM);
    assert_true(metric.temporality == TEMPORALITY_CUMULATIVE && metric.is_monotonic);
    NumberPointView point = number_point_view(batch, metric.first_item);
    assert_true(point.start_ns == 1 && point.time_ns == 2);
    assert_true(point.value.kind == NUMBER_INT && point.value.integer == 0);
    ExemplarView exemplar;
    assert_true(exemplar_next(&point.exemplars, &exemplar));
    assert_true(exemplar.time_ns == 3 && exemplar.value.real == 1.5);
    assert_ids(&exemplar.trace_id, &exemplar.span_id);
    assert_int_at(exemplar.filtered_attributes, "user", 7);
    assert_false(exemplar_next(&point.exemplars, &exemplar));
}

static void check_histogram(const Batch *batch)
{
    MetricView metric = metric_view(batch, 2);
    assert_true(metric.kind == METRIC_HISTOGRAM && metric.temporality == TEMPORALITY_DELTA);
    HistogramPointView point = histogram_point_view(batch, metric.first_item);
    assert_true(point.start_ns == 1 && point.time_ns == 2 && point.count == 7);
    assert_true(point.has_sum && point.sum == 12.25);
    assert_true(point.has_min && point.min == 0 && point.has_max && point.max == 11.5);
    uint64_t counts[4] = { 0 };
    double bounds[3] = { 0 };
    size_t n = 0;
    while (n < 4 && numbers_next_u64(&point.bucket_counts, &counts[n]))
        n++;
    assert_true(n == 3 && counts[0] == 1 && counts[1] == 0 && counts[2] == 6);
    for (n = 0; n < 3 && numbers_next_double(&point.explicit_bounds, &bounds[n]);)
        n++;
    assert_true(n == 2 && bounds[0] == 0.5 && bounds[1] == 10);
    ExemplarView exemplar;
    assert_true(exemplar_next(&point.exemplars, &exemplar) && exemplar.value.integer == 4);
    assert_text_at(point.attributes, "route", "/");
}

static void check_exponential(const Batch *batch)
{
    MetricView metric = metric_view(batch, 3);
    assert_int_equal(metric.kind, METRIC_EXPONENTIAL);
    ExponentialPointView point = exponential_point_view(batch, metric.first_item);
    assert_true(point.count == 9 && point.zero_count == 1 && point.scale == -2);
    assert_true(point.has_sum && !point.has_min && point.has_max && point.max == 8);
    assert_true(point.zero_threshold == 0.001 && point.flags == 1);
    assert_true(point.positive.offset == -5 && point.negative.offset == 4);
    uint64_t count;
    assert_true(numbers_next_varint(&point.positive.counts, &count) && count == 1);
    assert_true(numbers_next_varint(&point.positive.counts, &count) && count == 300);
    assert_false(numbers_next_varint(&point.positive.counts, &count));
    assert_true(numbers_next_varint(&point.negative.counts, &count) && count == UINT64_MAX);
    assert_text_at(point.attributes, "route", "/");
}

static void check_summary(const Batch *batch)
{
    MetricView metric = metric_view(batch, 4);
    assert_int_equal(metric.kind, METRIC_SUMMARY);
    SummaryPointView point = summary_point_view(batch, metric.first_item);
    assert_true(point.count == 5 && point.sum == 6.5 && point.flags == 1);
    QuantileView quantile;
    assert_true(quantile_next(&point.quantiles, &quantile));
    assert_true(quantile.quantile == 0 && quantile.value == 1);
    assert_true(quantile_next(&point.quantiles, &quantile));
    assert_true(quantile.quantile == 0.99 && quantile.value == 100);
    assert_false(quantile_next(&point.quantiles, &quantile));
}

static void test_metrics(void **state)
{
    (void)state;
    Batch *batch = read_batch(METRICS);
    assert_int_equal(batch_metric_count(batch), 6);
    assert_int_equal(batch_item_count(batch), 7);
    check_gauge(batch);
    check_sum(batch);
    check_histogram(batch);
    check_exponential(batch);
    check_summary(batch);
    MetricView nothing = metric_view(batch, 5);
    assert_true(nothing.kind == METRIC_EMPTY && nothing.first_item == nothing.end_item);
    ScopeView scope = scope_view(batch, 1);
    assert_true(scope.first_metric == 2 && scope.end_metric == 6);
    assert_true(scope.first_item == 4 && scope.end_item == 7);
    assert_int_equal(batch_scope_of_item(batch, 4), 1);
    assert_int_equal(batch_metric_of_item(batch, 6), 4);
    batch_unref(batch);
}

static void test_logs(void **state)
{
    (void)state;
    Batch *batch = read_batch(LOGS);
    assert_int_equal(batch_item_count(batch), 3);
    LogView log = log_view(batch, 0);
    assert_true(log.time_ns == 100 && log.observed_ns == 200);
    assert_int_equal(log.severity_number, 14);
    assert_text(log.severity_text, "Warning");
    assert_text(log.body.text, "disk almost full");
    assert_text_at(log.attributes, "disk", "/dev/sda");
    assert_true(log.dropped_attributes == 8 && log.flags == 1);
    assert_ids(&log.trace_id, &log.span_id);
    assert_text(log.event_name, "disk.full");
    log = log_view(batch, 1);
    assert_int_at(value_members(&log.body), "a", 1);
    assert_int_equal(log_view(batch, 2).body.kind, VALUE_EMPTY);
    batch_unref(batch);
}

/* Where the message may be cut without breaking a field: between top-level fields. */
static void test_cut_anywhere(void **state)
{
    (void)state;
    Err err;
    for (size_t g = 0; g < COUNT_OF(golden); g++) {
        Buf bytes = read_bytes(golden[g].signal);
        size_t accepted = 0;
        for (size_t len = 0; len <= bytes.len; len++) {
            Batch *batch = batch_from_copy(golden[g].signal, (Str){ bytes.ptr, len }, &err);
            accepted += batch != NULL;
            if (!batch)
                assert_int_equal(err.kind, ERR_INPUT);
            batch_unref(batch);
        }
        Batch *whole = read_batch(golden[g].signal);
        assert_int_equal(accepted, batch_resource_count(whole) + 1);
        batch_unref(whole);
        buf_free(&bytes);
    }
}

static void read_events_and_links(SpanView span)
{
    EventView event;
    LinkView link;
    size_t attributes = 0;
    while (event_next(&span.events, &event))
        attributes += attributes_count(event.attributes);
    while (link_next(&span.links, &link))
        attributes += attributes_count(link.attributes);
    assert_true(attributes < 1000);
}

/* What survives is valid: it reads, splits, joins and reads the same again. */
static void use_everything(Batch *batch)
{
    Err err;
    Buf before = BUF(10000000), after = BUF(10000000);
    sample_describe(batch, &before);
    for (size_t i = 0; batch_signal(batch) == TRACES && i < batch_item_count(batch); i++)
        read_events_and_links(span_view(batch, i));
    Batch *piece = NULL;
    Split split = split_begin(batch, (SplitLimits){ .items_max = 2 });
    while (split_next(&split, &piece, &err) && piece) {
        sample_describe(piece, &after);
        batch_unref(piece);
    }
    split_end(&split);
    assert_true(str_eq(buf_str(&before), buf_str(&after)));
    buf_free(&before);
    buf_free(&after);
}

static void test_damage(void **state)
{
    (void)state;
    Err err;
    Random random;
    random_seed(&random, 42);
    for (size_t round = 0; round < 3000; round++) {
        Signal signal = golden[round % COUNT_OF(golden)].signal;
        Buf bytes = read_bytes(signal);
        for (uint64_t n = random_below(&random, 4) + 1; n > 0; n--)
            bytes.ptr[random_below(&random, bytes.len)] = (char)random_next(&random);
        Batch *batch = batch_from_bytes(signal, &bytes, &err);
        if (batch)
            use_everything(batch);
        else
            assert_int_equal(err.kind, ERR_INPUT);
        batch_unref(batch);
        buf_free(&bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_traces), cmocka_unit_test(test_metrics),
        cmocka_unit_test(test_logs),   cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
