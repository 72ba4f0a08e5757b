/* batch_test.c - the walk, the index and what is refused. */
#include "otlp/batch.h"

#include "codec/wire.h"
#include "otlp/view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void add_attribute(Buf *out, uint32_t number, Str key, Str value)
{
    size_t attribute = wire_open(out, number);
    wire_add_bytes(out, 1, key);
    size_t any = wire_open(out, 2);
    wire_add_bytes(out, 1, value);
    wire_close(out, any);
    wire_close(out, attribute);
}

static void add_span(Buf *out, Str name)
{
    size_t span = wire_open(out, 2);
    wire_add_bytes(out, 1, STR("0123456789abcdef"));
    wire_add_bytes(out, 2, STR("01234567"));
    wire_add_bytes(out, 5, name);
    wire_add_varint(out, 6, SPAN_KIND_SERVER);
    wire_add_fixed64(out, 7, 1000);
    wire_add_fixed64(out, 8, 3000);
    add_attribute(out, 9, STR("http.route"), STR("/chat"));
    wire_add_varint(out, 99, 5); /* unknown */
    wire_close(out, span);
}

static void build_two_spans(Buf *out, Str name)
{
    size_t resource_spans = wire_open(out, 1);
    size_t resource = wire_open(out, 1);
    add_attribute(out, 1, STR("service.name"), STR("shop"));
    wire_close(out, resource);
    size_t scope_spans = wire_open(out, 2);
    add_span(out, name);
    add_span(out, STR("second"));
    wire_close(out, scope_spans);
    wire_close(out, resource_spans);
}

static void test_reads_spans(void **state)
{
    (void)state;
    Err err;
    Buf bytes = BUF(10000);
    build_two_spans(&bytes, STR("first"));
    Batch *batch = batch_from_bytes(TRACES, &bytes, &err);
    assert_non_null(batch);
    assert_null(bytes.ptr);
    assert_int_equal(batch_item_count(batch), 2);
    assert_int_equal(batch_resource_count(batch), 1);
    ResourceView resource = resource_view(batch, 0);
    ValueView value;
    assert_true(attributes_find(resource.attributes, STR("service.name"), &value));
    assert_true(str_eq(value.text, STR("shop")));
    assert_int_equal(resource.first_scope, 0);
    assert_int_equal(resource.end_scope, 1);
    ScopeView scope = scope_view(batch, 0);
    assert_int_equal(scope.end_item, 2);
    SpanView span = span_view(batch, 1);
    assert_true(str_eq(span.name, STR("second")));
    assert_int_equal(span.kind, SPAN_KIND_SERVER);
    assert_int_equal(span.end_ns - span.start_ns, 2000);
    AttributeView attribute;
    assert_true(attributes_next(&span.attributes, &attribute));
    assert_true(str_eq(attribute.key, STR("http.route")));
    assert_false(attributes_next(&span.attributes, &attribute));
    batch_unref(batch);
}

static void test_repairs_text(void **state)
{
    (void)state;
    Err err;
    Buf bytes = BUF(10000);
    build_two_spans(&bytes, STR("a\xFF\xFE"
                                "b"));
    Batch *batch = batch_from_bytes(TRACES, &bytes, &err);
    assert_non_null(batch);
    assert_int_equal(batch_item_count(batch), 2);
    assert_true(str_eq(span_view(batch, 0).name, STR("a\xEF\xBF\xBD\xEF\xBF\xBD"
                                                     "b")));
    assert_true(str_eq(span_view(batch, 1).name, STR("second")));
    batch_unref(batch);
}

static void test_refuses_every_truncation(void **state)
{
    (void)state;
    Err err;
    Buf bytes = BUF(10000);
    build_two_spans(&bytes, STR("first"));
    for (size_t len = 1; len < bytes.len; len++) {
        assert_null(batch_from_copy(TRACES, (Str){ bytes.ptr, len }, &err));
        assert_int_equal(err.kind, ERR_INPUT);
    }
    buf_free(&bytes);
}

static void test_empty(void **state)
{
    (void)state;
    Err err;
    Batch *batch = batch_from_copy(LOGS, (Str){ 0 }, &err);
    assert_non_null(batch);
    assert_int_equal(batch_item_count(batch), 0);
    batch_unref(batch_ref(batch));
    batch_unref(batch);
    batch_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_spans),
        cmocka_unit_test(test_repairs_text),
        cmocka_unit_test(test_refuses_every_truncation),
        cmocka_unit_test(test_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
