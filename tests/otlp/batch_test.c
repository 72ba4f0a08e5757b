/* batch_test.c - the walk, the index and what is refused. */
#include "otlp/batch.h"

#include "base/thread.h"
#include "codec/wire.h"
#include "otlp/combine.h"
#include "otlp/encode.h"
#include "otlp/metric_view.h"
#include "otlp/view.h"
#include "support/otlp_sample.h"
#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

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

static void assert_refused(Signal signal, Str bytes, ErrKind kind)
{
    Err err;
    assert_null(batch_from_copy(signal, bytes, &err));
    assert_int_equal(err.kind, kind);
}

/* A span with one attribute whose value is an array in an array in an array ... */
static void build_nested(Buf *out, size_t levels)
{
    Buf inside = BUF(out->max), around = BUF(out->max);
    for (size_t i = 0; i < levels; i++) { /* AnyValue { array_value { values ... } } */
        buf_clear(&around);
        wire_add_bytes(&around, (levels - i) % 2 ? 5 : 1, buf_str(&inside));
        Buf swap = inside;
        inside = around;
        around = swap;
    }
    static const uint32_t path[] = { 2, SPAN_ATTRIBUTES, SCOPES_ITEM, GROUP_SCOPES, REQUEST_GROUP };
    for (size_t i = 0; i < COUNT_OF(path); i++) {
        buf_clear(&around);
        wire_add_bytes(&around, path[i], buf_str(&inside));
        Buf swap = inside;
        inside = around;
        around = swap;
    }
    buf_add(out, buf_str(&inside));
    buf_free(&inside);
    buf_free(&around);
}

static void test_depth(void **state)
{
    (void)state;
    Err err;
    Buf bytes = BUF(1000000);
    build_nested(&bytes, BATCH_DEPTH_MAX - 5);
    Batch *batch = batch_from_copy(TRACES, buf_str(&bytes), &err);
    assert_non_null(batch);
    batch_unref(batch);
    buf_clear(&bytes);
    build_nested(&bytes, BATCH_DEPTH_MAX - 4);
    assert_refused(TRACES, buf_str(&bytes), ERR_INPUT);
    buf_free(&bytes);
}

/* Lengths are written from the inside out, so the prefix of level i is known once those inside it
 * are: built backwards. */
static void test_a_million_levels(void **state)
{
    (void)state;
    enum { LEVELS = 1000000, ROOM = LEVELS * 5 + 100 };
    char *room = test_malloc(ROOM), *at = room + ROOM;
    static const uint32_t path[] = { 2, SPAN_ATTRIBUTES, SCOPES_ITEM, GROUP_SCOPES, REQUEST_GROUP };
    for (size_t i = 0; i < LEVELS; i++) {
        uint32_t number =
            i < LEVELS - COUNT_OF(path) ? (i % 2 ? 1 : 5) : path[i - (LEVELS - COUNT_OF(path))];
        size_t content = (size_t)(room + ROOM - at);
        at -= 1 + wire_varint_size(content);
        wire_put_varint(wire_put_tag(at, number, WIRE_LEN), content);
    }
    assert_refused(TRACES, (Str){ at, (size_t)(room + ROOM - at) }, ERR_INPUT);
    test_free(room);
    Buf groups = BUF(10000000);
    for (size_t i = 0; i < LEVELS; i++)
        buf_add_byte(&groups, '\x23');
    assert_refused(LOGS, buf_str(&groups), ERR_INPUT);
    buf_free(&groups);
}

/* Two bytes of nothing, a million times: only the index grows. */
static void test_index_limit(void **state)
{
    (void)state;
    Buf bytes = BUF(10000000);
    for (size_t i = 0; i < 1000000; i++)
        buf_add(&bytes, STR("\x0A\x00"));
    assert_refused(METRICS, buf_str(&bytes), ERR_LIMIT);
    buf_free(&bytes);
    /* As many empty spans are fine: an item takes eight bytes. */
    Err err;
    bytes = BUF(10000000);
    size_t group = wire_open(&bytes, 1), scopes = wire_open(&bytes, 2);
    for (size_t i = 0; i < 1000000; i++)
        buf_add(&bytes, STR("\x12\x00"));
    wire_close(&bytes, scopes);
    wire_close(&bytes, group);
    size_t len = bytes.len;
    Batch *batch = batch_from_bytes(TRACES, &bytes, &err);
    assert_non_null(batch);
    assert_int_equal(batch_item_count(batch), 1000000);
    assert_true(batch_memory(batch) < len * (2 + BATCH_INDEX_FACTOR) + 10000);
    batch_unref(batch);
}

/* An empty group is two bytes and costs twelve of index, its tables as such 40: so this many fill
 * what an index may take to the byte. */
static void test_the_index_limit_to_the_byte(void **state)
{
    (void)state;
    enum { MOST = (BATCH_INDEX_SPARE - 40) / (12 - 2 * BATCH_INDEX_FACTOR) };
    Err err;
    Buf bytes = BUF(10000);
    for (size_t i = 0; i < MOST; i++)
        buf_add(&bytes, STR("\x0A\x00"));
    Batch *batch = batch_from_copy(METRICS, buf_str(&bytes), &err);
    assert_non_null(batch);
    assert_int_equal(batch_resource_count(batch), MOST);
    batch_unref(batch);
    buf_add(&bytes, STR("\x0A\x00"));
    assert_refused(METRICS, buf_str(&bytes), ERR_LIMIT);
    buf_free(&bytes);
}

static void test_late_and_repeated_resource(void **state)
{
    (void)state;
    Err err;
    Buf bytes = BUF(1000);
    size_t group = wire_open(&bytes, REQUEST_GROUP);
    wire_add_bytes(&bytes, GROUP_RESOURCE,
                   STR("\x0A\x03\x0A\x01"
                       "a\x10\x01"));
    wire_add_bytes(&bytes, GROUP_SCOPES, STR("\x0A\x05\x1A\x03\x0A\x01s\x12\x00"));
    wire_add_bytes(&bytes, GROUP_RESOURCE,
                   STR("\x0A\x03\x0A\x01"
                       "b\x10\x02"));
    wire_close(&bytes, group);
    Batch *batch = batch_from_bytes(LOGS, &bytes, &err);
    assert_non_null(batch);
    ResourceView resource = resource_view(batch, 0);
    assert_int_equal(attributes_count(resource.attributes), 2);
    AttributeView attribute;
    assert_true(attributes_next(&resource.attributes, &attribute));
    assert_true(str_eq(attribute.key, STR("a")));
    assert_true(attributes_next(&resource.attributes, &attribute));
    assert_true(str_eq(attribute.key, STR("b")));
    assert_int_equal(resource.dropped_attributes, 2);
    assert_int_equal(attributes_count(scope_attributes(batch, 0)), 1);
    assert_int_equal(batch_item_count(batch), 1);
    batch_unref(batch);
}

/* Field 1 with a tag of two bytes, and a value in front of its key. */
static void test_odd_spelling(void **state)
{
    (void)state;
    Err err;
    Batch *batch = batch_from_copy(TRACES,
                                   STR("\x8A\x00\x10\x12\x0E\x12\x0C\x4A\x0A\x12\x05\x0A\x03"
                                       "val\x0A\x01k"),
                                   &err);
    assert_non_null(batch);
    assert_int_equal(batch_item_count(batch), 1);
    ValueView value;
    assert_true(attributes_find(item_attributes(batch, 0), STR("k"), &value));
    assert_true(str_eq(value.text, STR("val")));
    batch_unref(batch);
}

/* Tags in more bytes than they need, of a resource's group and of a span: they are found again. */
static void test_long_tags(void **state)
{
    (void)state;
    Err err;
    Batch *batch = batch_from_copy(TRACES,
                                   STR("\x8A\x80\x00\x15\x0A\x0B\x0A\x09\x0A\x01k\x12\x04\x0A\x02vv"
                                       "\x12\x06\x92\x00\x03\x2A\x01n"),
                                   &err);
    assert_non_null(batch);
    ValueView value;
    assert_true(attributes_find(resource_view(batch, 0).attributes, STR("k"), &value));
    assert_true(str_eq(value.text, STR("vv")));
    assert_true(str_eq(span_view(batch, 0).name, STR("n")));
    batch_unref(batch);
}

/* Known numbers with another wire type are unknown fields, as in every other decoder. */
static void test_wrong_wire_type(void **state)
{
    (void)state;
    Err err;
    Buf bytes = BUF(1000);
    size_t group = wire_open(&bytes, 1), scopes = wire_open(&bytes, 2);
    wire_add_varint(&bytes, 2, 7); /* would be a span */
    size_t span = wire_open(&bytes, 2);
    wire_add_varint(&bytes, 5, 7);              /* would be its name */
    wire_add_bytes(&bytes, 7, STR("12345678")); /* would be its start */
    wire_close(&bytes, span);
    wire_close(&bytes, scopes);
    wire_close(&bytes, group);
    Batch *batch = batch_from_bytes(TRACES, &bytes, &err);
    assert_non_null(batch);
    assert_int_equal(batch_item_count(batch), 1);
    assert_int_equal(span_view(batch, 0).name.len, 0);
    assert_int_equal(span_view(batch, 0).start_ns, 0);
    batch_unref(batch);
}

/* gauge, then sum: a oneof, so the gauge's points do not count. */
static void test_last_kind_of_data_counts(void **state)
{
    (void)state;
    Err err;
    Batch *batch = batch_from_copy(METRICS,
                                   STR("\x0A\x14\x12\x12\x12\x10"
                                       "\x2A\x06\x0A\x04\x3A\x00\x40\x01"
                                       "\x3A\x06\x0A\x02\x40\x02\x18\x01"),
                                   &err);
    assert_non_null(batch);
    assert_int_equal(batch_metric_count(batch), 1);
    assert_int_equal(batch_item_count(batch), 1);
    MetricView metric = metric_view(batch, 0);
    assert_true(metric.kind == METRIC_SUM && metric.is_monotonic);
    assert_int_equal(number_point_view(batch, 0).flags, 2);
    assert_int_equal(attributes_count(item_attributes(batch, 0)), 0);
    batch_unref(batch);
}

/* bucket_counts one by one instead of packed. */
static void test_unpacked_numbers(void **state)
{
    (void)state;
    Err err;
    Buf bytes = BUF(1000);
    size_t group = wire_open(&bytes, 1), scopes = wire_open(&bytes, 2),
           metric = wire_open(&bytes, 2);
    size_t data = wire_open(&bytes, METRIC_HISTOGRAM), point = wire_open(&bytes, DATA_POINTS);
    wire_add_fixed64(&bytes, 6, 5);
    wire_add_fixed64(&bytes, 6, 6);
    wire_add_double(&bytes, 7, 0.5);
    size_t opened[] = { point, data, metric, scopes, group };
    for (size_t i = 0; i < COUNT_OF(opened); i++)
        wire_close(&bytes, opened[i]);
    Batch *batch = batch_from_bytes(METRICS, &bytes, &err);
    assert_non_null(batch);
    HistogramPointView view = histogram_point_view(batch, 0);
    uint64_t count;
    double bound;
    assert_true(numbers_next_u64(&view.bucket_counts, &count) && count == 5);
    assert_true(numbers_next_u64(&view.bucket_counts, &count) && count == 6);
    assert_false(numbers_next_u64(&view.bucket_counts, &count));
    assert_true(numbers_next_double(&view.explicit_bounds, &bound) && bound == 0.5);
    batch_unref(batch);
}

/* A field of 32 bits that was written with more: the lower half counts, zigzag or not. */
static void test_wide_numbers(void **state)
{
    (void)state;
    Err err;
    Buf bytes = BUF(1000);
    size_t group = wire_open(&bytes, 1), scopes = wire_open(&bytes, 2),
           metric = wire_open(&bytes, 2);
    size_t data = wire_open(&bytes, METRIC_EXPONENTIAL), point = wire_open(&bytes, DATA_POINTS);
    size_t buckets = wire_open(&bytes, 8);
    wire_add_varint(&bytes, 1, UINT64_C(1) << 32 | 3);
    wire_close(&bytes, buckets);
    wire_add_varint(&bytes, 6, UINT64_C(1) << 32 | 1);
    wire_add_varint(&bytes, 10, UINT64_C(1) << 32 | 5);
    size_t opened[] = { point, data, metric, scopes, group };
    for (size_t i = 0; i < COUNT_OF(opened); i++)
        wire_close(&bytes, opened[i]);
    Batch *batch = batch_from_bytes(METRICS, &bytes, &err);
    assert_non_null(batch);
    ExponentialPointView view = exponential_point_view(batch, 0);
    assert_int_equal(view.positive.offset, -2);
    assert_int_equal(view.scale, -1);
    assert_int_equal(view.flags, 5);
    batch_unref(batch);
}

static void test_broken_packing(void **state)
{
    (void)state;
    /* bucket_counts of seven bytes; a varint without an end among exponential bucket counts */
    assert_refused(METRICS,
                   STR("\x0A\x11\x12\x0F\x12\x0D\x4A\x0B\x0A\x09\x32\x07"
                       "1234567"),
                   ERR_INPUT);
    assert_refused(METRICS, STR("\x0A\x0D\x12\x0B\x12\x09\x52\x07\x0A\x05\x42\x03\x12\x01\x80"),
                   ERR_INPUT);
}

/* Every text field of every message, each with a byte that is no UTF-8. */
static void test_all_text_is_checked(void **state)
{
    (void)state;
    Random random;
    random_seed(&random, 77);
    static const Signal signals[] = { TRACES, METRICS, LOGS };
    size_t repaired = 0;
    for (size_t round = 0; round < 600; round++) {
        Err err;
        Buf bytes = BUF(1000000), before = BUF(10000000);
        sample_bytes(&random, signals[round % 3], &bytes);
        for (size_t i = 1; i + 1 < bytes.len;
             i++) /* the first byte of an umlaut loses its second */
            if (bytes.ptr[i - 1] == 2 && bytes.ptr[i] == '\xC3' && bytes.ptr[i + 1] == '\xA4' &&
                random_below(&random, 2) == 0)
                bytes.ptr[i + 1] = 'x';
        Batch *batch = batch_from_copy(signals[round % 3], buf_str(&bytes), &err);
        assert_non_null(batch);
        sample_describe(batch, &before);
        repaired += batch_bytes(batch).len != bytes.len;
        Batch *again = batch_from_copy(signals[round % 3], batch_bytes(batch), &err);
        assert_non_null(again);
        assert_true(str_eq(batch_bytes(again), batch_bytes(batch)));
        batch_unref(again);
        batch_unref(batch);
        buf_free(&bytes);
        buf_free(&before);
    }
    assert_true(repaired > 100);
}

static void test_unknown_fields_stay(void **state)
{
    (void)state;
    Err err;
    Buf bytes = BUF(10000);
    build_two_spans(&bytes, STR("first"));
    buf_add(&bytes, STR("\xDB\x06\x0A\x01x\xDC\x06")); /* group 107 */
    for (uint32_t number = 15; number <= 17; number++) /* whose tags take one byte, then two */
        wire_add_varint(&bytes, number, 7);
    Batch *batch = batch_from_copy(TRACES, buf_str(&bytes), &err);
    assert_non_null(batch);
    assert_true(str_eq(batch_bytes(batch), buf_str(&bytes)));
    batch_unref(batch);
    buf_free(&bytes);
}

static void try_all(Str bytes, const char *what)
{
    long before = starve_live();
    bool ok = false;
    for (long n = 0; !ok; n++) {
        Err err = { 0 };
        starve_after(n);
        Batch *batch = batch_from_copy(TRACES, bytes, &err);
        ok = batch;
        assert_int_equal(!ok, starve_happened());
        assert_int_equal(err.kind, ok ? ERR_NONE : ERR_MEMORY);
        batch_unref(batch);
        starve_end();
        assert_int_equal(starve_live(), before);
        if (n > 100)
            fail_msg("%s: no end", what);
    }
}

static void test_starved(void **state)
{
    (void)state;
    starve_after(-1);
    Buf bytes = BUF(10000);
    build_two_spans(&bytes, STR("first"));
    try_all(buf_str(&bytes), "plain");
    buf_clear(&bytes);
    build_two_spans(&bytes, STR("bad\xFFtext"));
    try_all(buf_str(&bytes), "repaired");
    buf_free(&bytes);
}

/* Several threads hold and read one batch; the last one frees it. Runs under tsan. */
static void read_and_drop(void *argument)
{
    Batch *batch = argument;
    for (int i = 0; i < 1000; i++) {
        Batch *mine = batch_ref(batch);
        if (span_view(mine, 1).name.len != 6)
            abort();
        batch_unref(mine);
    }
    batch_unref(batch);
}

static void test_threads_share(void **state)
{
    (void)state;
    Err err;
    Buf bytes = BUF(10000);
    build_two_spans(&bytes, STR("first"));
    Batch *batch = batch_from_bytes(TRACES, &bytes, &err);
    Thread threads[4] = { 0 };
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_true(thread_start(&threads[i], "reader", read_and_drop, batch_ref(batch), &err));
    batch_unref(batch);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        thread_join(&threads[i]);
}

static Batch *charged_batch(Purse *purse, Err *err)
{
    Buf bytes = { .max = 1 << 20, .purse = purse };
    build_two_spans(&bytes, STR("first"));
    Batch *batch = batch_from_bytes(TRACES, &bytes, err);
    buf_free(&bytes);
    return batch;
}

/* From the bytes on, with all that is made of it, until the last of them is gone. */
static void test_carries_its_charge(void **state)
{
    (void)state;
    Err err;
    Budget budget;
    budget_init(&budget, 1 << 20);
    Purse *bodies = budget_purse(&budget, BUDGET_BODIES);
    Batch *batch = charged_batch(bodies, &err), *other = charged_batch(bodies, &err);
    BudgetUse use = budget_use(&budget);
    assert_int_equal(use.by_owner[BUDGET_BODIES], 0);
    assert_int_equal(use.by_owner[BUDGET_BATCHES], batch_memory(batch) + batch_memory(other));

    budget_set_limit(&budget, use.used); /* what is held moves on all the same */
    Batch *pair[] = { batch, other };
    Batch *joined = batch_concat(pair, 2, &err);
    assert_non_null(joined);
    assert_int_equal(budget_use(&budget).used, use.used + batch_memory(joined));
    Split split = split_begin(joined, (SplitLimits){ .items_max = 1 });
    Batch *piece = NULL;
    assert_true(split_next(&split, &piece, &err));
    split_end(&split);
    assert_int_equal(budget_use(&budget).used,
                     use.used + batch_memory(joined) + batch_memory(piece));
    assert_null(charged_batch(bodies, &err));
    assert_int_equal(err.kind, ERR_BUSY);

    size_t before = budget_use(&budget).used;
    batch_release_charge(batch);
    batch_release_charge(batch);
    assert_int_equal(budget_use(&budget).used, before - batch_memory(batch));
    batch_unref(other);
    batch_unref(batch);
    batch_unref(joined);
    batch_unref(piece);
    assert_int_equal(budget_use(&budget).used, 0);
}

/* Where the budget ends, nothing stays behind, and the bytes are the caller's still. */
static void test_no_room_for_an_index(void **state)
{
    (void)state;
    for (size_t limit = 64;; limit += 64) {
        Err err = { 0 };
        Budget budget;
        budget_init(&budget, limit);
        Batch *batch = charged_batch(budget_purse(&budget, BUDGET_BODIES), &err);
        bool made = batch != NULL;
        assert_true(made || err.kind == ERR_BUSY || err.kind == ERR_INPUT); /* cut bytes */
        batch_unref(batch);
        assert_int_equal(budget_use(&budget).used, 0);
        if (made)
            break;
    }
}

/* A few bytes of broken text take many to mend: those are charged before they are taken. */
static void test_mending_is_charged(void **state)
{
    (void)state;
    enum { BROKEN = 20000, LIMIT = 2 << 20 };
    static const char log[] = "\x12\x05\x2a\x03\x0a\x01\xff"; /* a record, its body one bad byte */
    Budget budget;
    budget_init(&budget, LIMIT);
    Buf bytes = { .max = 1 << 20, .purse = budget_purse(&budget, BUDGET_BODIES) };
    size_t resource = wire_open(&bytes, 1), scope = wire_open(&bytes, 2);
    for (int i = 0; i < BROKEN; i++)
        buf_add(&bytes, (Str){ log, sizeof log - 1 });
    wire_close(&bytes, scope);
    wire_close(&bytes, resource);
    Err err = { 0 };
    assert_true(buf_ok(&bytes, &err));
    assert_null(batch_from_bytes(LOGS, &bytes, &err));
    assert_int_equal(err.kind, ERR_BUSY);
    assert_true(err.retry_ms > 0);
    assert_true(budget_use(&budget).peak <= LIMIT);
    budget_set_limit(&budget, 64 << 20);
    Batch *batch = batch_from_bytes(LOGS, &bytes, &err);
    assert_non_null(batch);
    assert_int_equal(batch_item_count(batch), BROKEN);
    assert_true(budget_use(&budget).peak > LIMIT);
    batch_unref(batch);
    buf_free(&bytes);
    assert_int_equal(budget_use(&budget).used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_spans),
        cmocka_unit_test(test_repairs_text),
        cmocka_unit_test(test_refuses_every_truncation),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_a_million_levels),
        cmocka_unit_test(test_index_limit),
        cmocka_unit_test(test_the_index_limit_to_the_byte),
        cmocka_unit_test(test_late_and_repeated_resource),
        cmocka_unit_test(test_odd_spelling),
        cmocka_unit_test(test_long_tags),
        cmocka_unit_test(test_wrong_wire_type),
        cmocka_unit_test(test_last_kind_of_data_counts),
        cmocka_unit_test(test_unpacked_numbers),
        cmocka_unit_test(test_wide_numbers),
        cmocka_unit_test(test_broken_packing),
        cmocka_unit_test(test_all_text_is_checked),
        cmocka_unit_test(test_unknown_fields_stay),
        cmocka_unit_test(test_starved),
        cmocka_unit_test(test_threads_share),
        cmocka_unit_test(test_carries_its_charge),
        cmocka_unit_test(test_no_room_for_an_index),
        cmocka_unit_test(test_mending_is_charged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
