/* made_item_test.c - requests made by hand are valid OTLP and say what was asked for. */
#include "cmd/made_item.h"

#include "cmd/load_item.h"
#include "otlp/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static Batch *read_back(Signal signal, Buf *out)
{
    Err err;
    assert_true(buf_ok(out, &err));
    Batch *batch = batch_from_copy(signal, buf_str(out), &err);
    if (!batch)
        fail_msg("not valid: %s", err.text);
    buf_free(out);
    return batch;
}

static Batch *span_with(const char *const *pairs, size_t count)
{
    Err err;
    Buf out = BUF(1 << 16);
    MadeRequest made = made_request_open(&out, STR("shop"));
    size_t item = wire_open(&out, SCOPES_ITEM);
    for (size_t i = 0; i < count; i++)
        assert_true(made_attribute(&out, SPAN_ATTRIBUTES, pairs[i], &err));
    wire_close(&out, item);
    made_request_close(&made);
    return read_back(TRACES, &out);
}

static void attributes_have_the_type_that_they_look_like(void **state)
{
    (void)state;
    static const char *const pairs[] = {
        "n=-5",       "r=1.5",  "yes=true", "no=false", "q=\"7\"",
        "text=a=b c", "empty=", "nan=nan",  "big=1e3",  "hex=0x10"
    };
    static const ValueKind kinds[] = { VALUE_INT,    VALUE_DOUBLE, VALUE_BOOL,   VALUE_BOOL,
                                       VALUE_STRING, VALUE_STRING, VALUE_STRING, VALUE_STRING,
                                       VALUE_DOUBLE, VALUE_STRING };
    Batch *batch = span_with(pairs, 10);
    Attributes list = item_attributes(batch, 0);
    AttributeView attribute;
    for (size_t i = 0; i < 10; i++) {
        assert_true(attributes_next(&list, &attribute));
        assert_int_equal(attribute.value.kind, kinds[i]);
    }
    ValueView value;
    assert_true(attributes_find(item_attributes(batch, 0), STR("text"), &value));
    assert_true(str_eq(value.text, STR("a=b c")));
    assert_true(attributes_find(item_attributes(batch, 0), STR("q"), &value));
    assert_true(str_eq(value.text, STR("7")));
    assert_true(attributes_find(resource_attributes(batch, 0), STR("service.name"), &value));
    assert_true(str_eq(value.text, STR("shop")));
    batch_unref(batch);
}

static void a_pair_that_is_none_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { "novalue", "=x", "", "a=\xff" };
    for (size_t i = 0; i < 4; i++) {
        Err err = { 0 };
        Buf out = BUF(1 << 10);
        assert_false(made_attribute(&out, 1, bad[i], &err));
        assert_int_equal(err.kind, ERR_INPUT);
        buf_free(&out);
    }
}

static void fill(Signal signal, uint64_t seed, Buf *out)
{
    LoadItems items;
    load_items_init(&items, signal, seed, 1000000000000);
    MadeRequest made = made_request_open(out, STR("gen"));
    for (int i = 0; i < 40; i++)
        load_item_add(&items, out, 1000000000000 + i);
    made_request_close(&made);
}

static void a_seed_makes_the_same_load(void **state)
{
    (void)state;
    static const Signal signals[] = { TRACES, METRICS, LOGS };
    for (size_t i = 0; i < 3; i++) {
        Buf one = BUF(1 << 20), same = BUF(1 << 20), other = BUF(1 << 20);
        fill(signals[i], 1, &one);
        fill(signals[i], 1, &same);
        fill(signals[i], 2, &other);
        assert_true(str_eq(buf_str(&one), buf_str(&same)));
        assert_int_equal(str_eq(buf_str(&one), buf_str(&other)), signals[i] == METRICS);
        buf_free(&same);
        buf_free(&other);
        Batch *batch = read_back(signals[i], &one);
        assert_int_equal(batch_item_count(batch), 40);
        batch_unref(batch);
    }
}

static void spans_of_the_load_are_trees(void **state)
{
    (void)state;
    Buf out = BUF(1 << 20);
    fill(TRACES, 3, &out);
    Batch *batch = read_back(TRACES, &out);
    SpanId root = { 0 };
    for (size_t i = 0; i < 40; i++) {
        SpanView span = span_view(batch, i);
        if (i % 4 == 0)
            root = span.span_id;
        assert_int_equal(span_id_is_zero(&span.parent_span_id), i % 4 == 0);
        assert_true(i % 4 == 0 || memcmp(&span.parent_span_id, &root, sizeof root) == 0);
        assert_true(span.start_ns < span.end_ns);
    }
    batch_unref(batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attributes_have_the_type_that_they_look_like),
        cmocka_unit_test(a_pair_that_is_none_is_refused),
        cmocka_unit_test(a_seed_makes_the_same_load),
        cmocka_unit_test(spans_of_the_load_are_trees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
