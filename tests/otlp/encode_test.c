/* encode_test.c - what the field-by-field writers write is what the views read. */
#include "otlp/encode.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static const ValueView array_values[] = {
    { .kind = VALUE_STRING, .text = STR_ROW("x") },
    { .kind = VALUE_INT, .integer = INT64_MIN },
    { .kind = VALUE_EMPTY },
};

static void add_every_attribute(Buf *out, uint32_t number)
{
    char long_text[300];
    memset(long_text, 'l', sizeof long_text);
    encode_text(out, number, STR("text"), (Str){ long_text, sizeof long_text });
    encode_text(out, number, STR("empty"), (Str){ 0 });
    encode_int(out, number, STR("int"), -5);
    encode_int(out, number, STR("zero"), 0);
    encode_double(out, number, STR("double"), 0.25);
    encode_bool(out, number, STR("no"), false);
    encode_bytes(out, number, STR("bytes"), STR("\x00\xFF"));
    encode_attribute(out, number, STR("none"), &(ValueView){ .kind = VALUE_EMPTY });
    ArrayEncoder array = encode_array_open(out, number, STR("array"));
    for (size_t i = 0; i < COUNT_OF(array_values); i++)
        encode_element(out, &array_values[i]);
    encode_array_close(out, &array);
}

static void check_array(ValueView value)
{
    assert_int_equal(value.kind, VALUE_ARRAY);
    Fields elements = value_elements(&value);
    assert_int_equal(fields_count(elements), COUNT_OF(array_values));
    ValueView element;
    assert_true(value_next(&elements, &element));
    assert_true(str_eq(element.text, STR("x")));
    assert_true(value_next(&elements, &element));
    assert_true(element.integer == INT64_MIN);
    assert_true(value_next(&elements, &element));
    assert_int_equal(element.kind, VALUE_EMPTY);
    assert_false(value_next(&elements, &element));
}

static void check_every_attribute(Attributes list)
{
    ValueView value;
    assert_int_equal(attributes_count(list), 9);
    assert_true(attributes_find(list, STR("text"), &value));
    assert_int_equal(value.text.len, 300);
    assert_true(attributes_find(list, STR("empty"), &value));
    assert_int_equal(value.kind, VALUE_STRING);
    assert_int_equal(value.text.len, 0);
    assert_true(attributes_find(list, STR("int"), &value));
    assert_true(value.kind == VALUE_INT && value.integer == -5);
    assert_true(attributes_find(list, STR("zero"), &value));
    assert_true(value.kind == VALUE_INT && value.integer == 0);
    assert_true(attributes_find(list, STR("double"), &value));
    assert_true(value.kind == VALUE_DOUBLE && value.real == 0.25);
    assert_true(attributes_find(list, STR("no"), &value));
    assert_true(value.kind == VALUE_BOOL && !value.boolean);
    assert_true(attributes_find(list, STR("bytes"), &value));
    assert_true(value.kind == VALUE_BYTES && str_eq(value.text, STR("\x00\xFF")));
    assert_true(attributes_find(list, STR("none"), &value));
    assert_int_equal(value.kind, VALUE_EMPTY);
    assert_true(attributes_find(list, STR("array"), &value));
    check_array(value);
    assert_false(attributes_find(list, STR("absent"), &value));
}

static const SpanView whole_span = {
    .trace_id = { "0123456789abcde" },
    .span_id = { "0123456" },
    .parent_span_id = { "6543210" },
    .trace_state = STR_ROW("a=b"),
    .name = STR_ROW("GET /"),
    .status_message = STR_ROW("it broke"),
    .start_ns = UINT64_MAX,
    .end_ns = 1,
    .kind = SPAN_KIND_CONSUMER,
    .status_code = STATUS_ERROR,
    .flags = 0x301,
    .dropped_attributes = 1,
    .dropped_events = UINT32_MAX,
    .dropped_links = 300,
};

static void add_span(Buf *out)
{
    size_t span = wire_open(out, SCOPES_ITEM);
    encode_span(out, &whole_span);
    add_every_attribute(out, SPAN_ATTRIBUTES);
    size_t event = wire_open(out, SPAN_EVENTS);
    encode_event(out, &(EventView){ .time_ns = 5, .name = STR("e"), .dropped_attributes = 9 });
    add_every_attribute(out, EVENT_ATTRIBUTES);
    wire_close(out, event);
    size_t link = wire_open(out, SPAN_LINKS);
    encode_link(out, &(LinkView){ .trace_id = whole_span.trace_id,
                                  .span_id = whole_span.span_id,
                                  .trace_state = STR("c=d"),
                                  .dropped_attributes = 3,
                                  .flags = 0x100 });
    add_every_attribute(out, LINK_ATTRIBUTES);
    wire_close(out, link);
    wire_close(out, span);
}

/* Resource and scope around whatever `add_item` writes. */
static Batch *encode_batch(Signal signal, void (*add_item)(Buf *out))
{
    Err err;
    Buf out = BUF(100000);
    size_t group = wire_open(&out, REQUEST_GROUP);
    size_t resource = wire_open(&out, GROUP_RESOURCE);
    add_every_attribute(&out, RESOURCE_ATTRIBUTES);
    wire_add_varint(&out, RESOURCE_DROPPED, 4);
    wire_close(&out, resource);
    size_t scopes = wire_open(&out, GROUP_SCOPES);
    size_t scope = wire_open(&out, SCOPES_SCOPE);
    encode_scope_fields(&out, &(ScopeView){ .name = STR("lib"),
                                            .version = STR("2"),
                                            .dropped_attributes = 6 });
    add_every_attribute(&out, SCOPE_ATTRIBUTES);
    wire_close(&out, scope);
    add_item(&out);
    wire_add_bytes(&out, SCOPES_SCHEMA_URL, STR("scope url"));
    wire_close(&out, scopes);
    wire_add_bytes(&out, GROUP_SCHEMA_URL, STR("resource url"));
    wire_close(&out, group);
    Batch *batch = batch_from_bytes(signal, &out, &err);
    assert_non_null(batch);
    assert_int_equal(batch_item_count(batch), 1);
    return batch;
}

static void check_owners(const Batch *batch)
{
    ResourceView resource = resource_view(batch, 0);
    check_every_attribute(resource.attributes);
    assert_true(str_eq(resource.schema_url, STR("resource url")));
    assert_int_equal(resource.dropped_attributes, 4);
    ScopeView scope = scope_view(batch, 0);
    check_every_attribute(scope.attributes);
    assert_true(str_eq(scope.name, STR("lib")) && str_eq(scope.version, STR("2")));
    assert_true(str_eq(scope.schema_url, STR("scope url")));
    assert_int_equal(scope.dropped_attributes, 6);
}

static void check_span(const SpanView *span)
{
    assert_true(trace_id_eq(&span->trace_id, &whole_span.trace_id));
    assert_true(span_id_eq(&span->span_id, &whole_span.span_id));
    assert_true(span_id_eq(&span->parent_span_id, &whole_span.parent_span_id));
    assert_true(str_eq(span->trace_state, whole_span.trace_state));
    assert_true(str_eq(span->name, whole_span.name));
    assert_true(str_eq(span->status_message, whole_span.status_message));
    assert_true(span->start_ns == whole_span.start_ns && span->end_ns == whole_span.end_ns);
    assert_int_equal(span->kind, whole_span.kind);
    assert_int_equal(span->status_code, whole_span.status_code);
    assert_int_equal(span->flags, whole_span.flags);
    assert_int_equal(span->dropped_attributes, whole_span.dropped_attributes);
    assert_int_equal(span->dropped_events, whole_span.dropped_events);
    assert_int_equal(span->dropped_links, whole_span.dropped_links);
    check_every_attribute(span->attributes);
}

static void test_span(void **state)
{
    (void)state;
    Batch *batch = encode_batch(TRACES, add_span);
    check_owners(batch);
    SpanView span = span_view(batch, 0);
    check_span(&span);
    EventView event;
    assert_true(event_next(&span.events, &event));
    assert_true(event.time_ns == 5 && str_eq(event.name, STR("e")));
    assert_int_equal(event.dropped_attributes, 9);
    check_every_attribute(event.attributes);
    assert_false(event_next(&span.events, &event));
    LinkView link;
    assert_true(link_next(&span.links, &link));
    assert_true(span_id_eq(&link.span_id, &whole_span.span_id));
    assert_true(str_eq(link.trace_state, STR("c=d")));
    assert_true(link.dropped_attributes == 3 && link.flags == 0x100);
    check_every_attribute(link.attributes);
    assert_false(link_next(&span.links, &link));
    batch_unref(batch);
}

static void add_log(Buf *out)
{
    size_t log = wire_open(out, SCOPES_ITEM);
    encode_log(out, &(LogView){ .time_ns = 11,
                                .observed_ns = 12,
                                .severity_number = 17,
                                .severity_text = STR("ERR"),
                                .event_name = STR("ev"),
                                .body = { .kind = VALUE_INT, .integer = 0 },
                                .dropped_attributes = 2,
                                .flags = 1,
                                .trace_id = whole_span.trace_id,
                                .span_id = whole_span.span_id });
    add_every_attribute(out, LOG_ATTRIBUTES);
    wire_close(out, log);
}

static void test_log(void **state)
{
    (void)state;
    Batch *batch = encode_batch(LOGS, add_log);
    check_owners(batch);
    LogView log = log_view(batch, 0);
    assert_true(log.time_ns == 11 && log.observed_ns == 12);
    assert_int_equal(log.severity_number, 17);
    assert_true(str_eq(severity_name(log.severity_number), STR("ERROR")));
    assert_true(str_eq(log.severity_text, STR("ERR")) && str_eq(log.event_name, STR("ev")));
    assert_true(log.body.kind == VALUE_INT && log.body.integer == 0);
    assert_true(log.dropped_attributes == 2 && log.flags == 1);
    assert_true(trace_id_eq(&log.trace_id, &whole_span.trace_id));
    assert_true(span_id_eq(&log.span_id, &whole_span.span_id));
    check_every_attribute(log.attributes);
    batch_unref(batch);
}

static void add_sum(Buf *out)
{
    MetricView view = { .name = STR("requests"),
                        .description = STR("how many"),
                        .unit = STR("1"),
                        .kind = METRIC_SUM,
                        .temporality = TEMPORALITY_CUMULATIVE,
                        .is_monotonic = true };
    size_t metric = wire_open(out, SCOPES_ITEM);
    encode_metric(out, &view);
    size_t data = wire_open(out, (uint32_t)view.kind);
    size_t point = wire_open(out, DATA_POINTS);
    encode_number_point(out, &(NumberPointView){ .start_ns = 1,
                                                 .time_ns = 2,
                                                 .flags = 1,
                                                 .value = { NUMBER_INT, { .integer = -7 } } });
    add_every_attribute(out, NUMBER_ATTRIBUTES);
    size_t exemplar = wire_open(out, NUMBER_EXEMPLARS);
    encode_exemplar(out, &(ExemplarView){ .time_ns = 3,
                                          .value = { NUMBER_DOUBLE, { .real = 0 } },
                                          .trace_id = whole_span.trace_id,
                                          .span_id = whole_span.span_id });
    wire_close(out, exemplar);
    wire_close(out, point);
    encode_data(out, &view);
    wire_close(out, data);
    wire_close(out, metric);
}

static void test_sum(void **state)
{
    (void)state;
    Batch *batch = encode_batch(METRICS, add_sum);
    check_owners(batch);
    MetricView metric = metric_view(batch, 0);
    assert_true(str_eq(metric.name, STR("requests")) && str_eq(metric.unit, STR("1")));
    assert_true(str_eq(metric.description, STR("how many")));
    assert_int_equal(metric.kind, METRIC_SUM);
    assert_int_equal(metric.temporality, TEMPORALITY_CUMULATIVE);
    assert_true(metric.is_monotonic);
    assert_true(metric.first_item == 0 && metric.end_item == 1);
    NumberPointView point = number_point_view(batch, 0);
    assert_true(point.start_ns == 1 && point.time_ns == 2 && point.flags == 1);
    assert_true(point.value.kind == NUMBER_INT && point.value.integer == -7);
    check_every_attribute(point.attributes);
    ExemplarView exemplar;
    assert_true(exemplar_next(&point.exemplars, &exemplar));
    assert_true(exemplar.value.kind == NUMBER_DOUBLE && exemplar.value.real == 0);
    assert_true(trace_id_eq(&exemplar.trace_id, &whole_span.trace_id));
    batch_unref(batch);
}

static const uint64_t bucket_counts[] = { 1, 0, UINT64_MAX };
static const double bounds[] = { 0.5, 10 };

static void add_histogram(Buf *out)
{
    size_t metric = wire_open(out, SCOPES_ITEM);
    size_t data = wire_open(out, METRIC_HISTOGRAM);
    size_t point = wire_open(out, DATA_POINTS);
    HistogramPointView view = { .count = 3, .has_sum = true, .has_max = true, .max = INFINITY };
    encode_histogram_point(out, &view,
                           &(HistogramBuckets){ bucket_counts, bounds, COUNT_OF(bucket_counts),
                                                COUNT_OF(bounds) });
    add_every_attribute(out, HISTOGRAM_ATTRIBUTES);
    wire_close(out, point);
    wire_close(out, data);
    wire_close(out, metric);
}

static void test_histogram(void **state)
{
    (void)state;
    Batch *batch = encode_batch(METRICS, add_histogram);
    HistogramPointView point = histogram_point_view(batch, 0);
    assert_int_equal(point.count, 3);
    assert_true(point.has_sum && point.sum == 0 && !point.has_min);
    assert_true(point.has_max && point.max > 1e300);
    uint64_t count;
    for (size_t i = 0; i < COUNT_OF(bucket_counts); i++)
        assert_true(numbers_next_u64(&point.bucket_counts, &count) && count == bucket_counts[i]);
    assert_false(numbers_next_u64(&point.bucket_counts, &count));
    double bound;
    for (size_t i = 0; i < COUNT_OF(bounds); i++)
        assert_true(numbers_next_double(&point.explicit_bounds, &bound) && bound == bounds[i]);
    assert_false(numbers_next_double(&point.explicit_bounds, &bound));
    check_every_attribute(point.attributes);
    batch_unref(batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_span),
        cmocka_unit_test(test_log),
        cmocka_unit_test(test_sum),
        cmocka_unit_test(test_histogram),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
