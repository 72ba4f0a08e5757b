/* walk_test.c - what is left out of a request from outside, and what is mended in it. The walk that
 * takes all is batch_test's. */
#include "otlp/batch.h"

#include "codec/wire.h"
#include "otlp/encode.h"
#include "otlp/metric_view.h"
#include "otlp/view.h"
#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { SPAN_TRACE_ID = 1, SPAN_SPAN_ID = 2, SPAN_PARENT_ID = 4 };

#define TRACE_ID "0123456789abcdef"
#define SPAN_ID  "01234567"

typedef struct OddSpan {
    Str name, trace_id, span_id, parent, link;
    size_t levels; /* of arrays in its attribute */
    bool kept;
} OddSpan;

static void add_array(Buf *out, size_t levels)
{
    if (!levels)
        return;
    size_t array = wire_open(out, 5), value = wire_open(out, 1);
    add_array(out, levels - 1);
    wire_close(out, value);
    wire_close(out, array);
}

static void add_span(Buf *out, const OddSpan *odd)
{
    size_t span = wire_open(out, SCOPES_ITEM);
    wire_add_bytes(out, SPAN_TRACE_ID, odd->trace_id);
    wire_add_bytes(out, SPAN_PARENT_ID, odd->parent);
    wire_add_bytes(out, SPAN_NAME, odd->name);
    size_t link = wire_open(out, SPAN_LINKS);
    wire_add_bytes(out, 1, odd->link);
    wire_close(out, link);
    size_t attribute = wire_open(out, SPAN_ATTRIBUTES);
    wire_add_bytes(out, 1, STR("nested"));
    size_t value = wire_open(out, 2);
    add_array(out, odd->levels);
    wire_close(out, value);
    wire_close(out, attribute);
    wire_add_bytes(out, SPAN_SPAN_ID, odd->span_id); /* what is wrong comes last, too */
    wire_close(out, span);
}

static const OddSpan spans[] = {
    { STR_ROW("first"), STR_ROW(TRACE_ID), STR_ROW(SPAN_ID), STR_ROW(SPAN_ID), STR_ROW(TRACE_ID), 3,
      true },
    { STR_ROW("short trace id"), STR_ROW("0123456789abcde"), STR_ROW(SPAN_ID), STR_ROW(""),
      STR_ROW(""), 0, false },
    { STR_ROW("nested too deep"), STR_ROW(TRACE_ID), STR_ROW(SPAN_ID), STR_ROW("1"), STR_ROW("23"),
      60, false },
    { STR_ROW("its parent \xFF and link"), STR_ROW(TRACE_ID), STR_ROW(SPAN_ID), STR_ROW("0123456"),
      STR_ROW("012"), 0, true },
    { STR_ROW("\xFE of a long span id"), STR_ROW(TRACE_ID), STR_ROW(SPAN_ID "8"), STR_ROW("12"),
      STR_ROW("345"), 1, false },
    { STR_ROW("no ids"), STR_ROW(""), STR_ROW(""), STR_ROW(""), STR_ROW(""), 0, true },
};
enum { SPANS = sizeof spans / sizeof spans[0] };

static void build(Buf *out)
{
    size_t group = wire_open(out, REQUEST_GROUP), scope = wire_open(out, GROUP_SCOPES);
    for (size_t i = 0; i < SPANS; i++)
        add_span(out, &spans[i]);
    wire_close(out, scope);
    wire_close(out, group);
}

static void one_bad_span_is_left_out_alone(void **state)
{
    (void)state;
    Err err;
    BatchLoss loss;
    Buf bytes = BUF(100000);
    build(&bytes);
    Batch *batch = batch_from_request(TRACES, &bytes, &loss, &err);
    assert_non_null(batch);
    size_t kept = 0;
    for (size_t i = 0; i < SPANS; i++) {
        size_t longer = str_contains(spans[i].name, STR("\xFF")) ? 2 : 0; /* U+FFFD */
        if (spans[i].kept)
            assert_int_equal(span_view(batch, kept++).name.len, spans[i].name.len + longer);
    }
    assert_int_equal(batch_item_count(batch), kept);
    assert_int_equal(loss.items, SPANS - kept);
    assert_non_null(strstr(loss.reason.text, "a trace id has 16 bytes, this one 15"));
    /* What is left needs no further look. */
    BatchLoss again;
    Buf copy = BUF(100000);
    buf_add(&copy, batch_bytes(batch));
    Batch *same = batch_from_request(TRACES, &copy, &again, &err);
    assert_non_null(same);
    assert_true(str_eq(batch_bytes(same), batch_bytes(batch)) && again.items == 0);
    batch_unref(same);
    batch_unref(batch);
}

static void other_ids_of_a_wrong_length_are_none(void **state)
{
    (void)state;
    Err err;
    BatchLoss loss;
    LinkView link;
    Buf bytes = BUF(100000);
    build(&bytes);
    Batch *batch = batch_from_request(TRACES, &bytes, &loss, &err);
    assert_non_null(batch);
    SpanView first = span_view(batch, 0), mended = span_view(batch, 1);
    assert_memory_equal(&first.parent_span_id, SPAN_ID, 8);
    assert_true(link_next(&first.links, &link));
    assert_memory_equal(&link.trace_id, TRACE_ID, 16);
    assert_memory_equal(&mended.parent_span_id, "\0\0\0\0\0\0\0", 8);
    assert_true(link_next(&mended.links, &link));
    assert_memory_equal(&link.trace_id, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
    assert_true(str_contains(mended.name, STR("\xEF\xBF\xBD")));
    batch_unref(batch);
}

/* What nests too deep in a resource belongs to all of its items. */
static void what_all_items_share_is_refused_with_them(void **state)
{
    (void)state;
    Err err;
    BatchLoss loss;
    Buf bytes = BUF(100000);
    size_t group = wire_open(&bytes, REQUEST_GROUP), resource = wire_open(&bytes, GROUP_RESOURCE);
    size_t attribute = wire_open(&bytes, 1), value = wire_open(&bytes, 2);
    add_array(&bytes, 60);
    wire_close(&bytes, value);
    wire_close(&bytes, attribute);
    wire_close(&bytes, resource);
    wire_close(&bytes, group);
    assert_null(batch_from_request(TRACES, &bytes, &loss, &err));
    assert_int_equal(err.kind, ERR_INPUT);
    buf_free(&bytes);
}

/* Damage behind a span that was left out is damage all the same. */
static void broken_framing_is_refused_with_all(void **state)
{
    (void)state;
    Err err;
    BatchLoss loss;
    Buf whole = BUF(100000);
    build(&whole);
    for (size_t len = 1; len < whole.len; len++) {
        Buf cut = BUF(100000);
        buf_add(&cut, str_first(buf_str(&whole), len));
        assert_null(batch_from_request(TRACES, &cut, &loss, &err));
        assert_int_equal(err.kind, ERR_INPUT);
        buf_free(&cut);
    }
    buf_free(&whole);
}

/* Lists of numbers in one piece must end where a number ends. */
static void packed_numbers_are_whole(void **state)
{
    (void)state;
    static const struct {
        uint32_t data, field;
        Str packed;
        bool good;
    } rows[] = {
        { METRIC_HISTOGRAM, 6, STR_ROW("01234567"), true },
        { METRIC_HISTOGRAM, 6, STR_ROW("0123456"), false },
        { METRIC_HISTOGRAM, 7, STR_ROW(""), true },
        { METRIC_HISTOGRAM, 7, STR_ROW("012345678"), false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        Err err;
        Buf bytes = BUF(1000);
        size_t group = wire_open(&bytes, REQUEST_GROUP), scope = wire_open(&bytes, GROUP_SCOPES);
        size_t metric = wire_open(&bytes, SCOPES_ITEM), data = wire_open(&bytes, rows[i].data);
        size_t point = wire_open(&bytes, DATA_POINTS);
        wire_add_bytes(&bytes, rows[i].field, rows[i].packed);
        wire_close(&bytes, point);
        wire_close(&bytes, data);
        wire_close(&bytes, metric);
        wire_close(&bytes, scope);
        wire_close(&bytes, group);
        Batch *batch = batch_from_bytes(METRICS, &bytes, &err);
        assert_int_equal(batch != NULL, rows[i].good);
        batch_unref(batch);
        buf_free(&bytes);
    }
}

static void ask_for_all(void)
{
    Err err = { 0 };
    BatchLoss loss;
    Buf bytes = BUF(100000);
    starve_hold();
    build(&bytes);
    starve_resume();
    Batch *batch = batch_from_request(TRACES, &bytes, &loss, &err);
    if (!batch)
        assert_int_equal(err.kind, ERR_MEMORY);
    batch_unref(batch);
    buf_free(&bytes);
}

static void without_memory_nothing_is_half_mended(void **state)
{
    (void)state;
    assert_true(starve_every(ask_for_all) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_bad_span_is_left_out_alone),
        cmocka_unit_test(other_ids_of_a_wrong_length_are_none),
        cmocka_unit_test(what_all_items_share_is_refused_with_them),
        cmocka_unit_test(broken_framing_is_refused_with_all),
        cmocka_unit_test(packed_numbers_are_whole),
        cmocka_unit_test(without_memory_nothing_is_half_mended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
