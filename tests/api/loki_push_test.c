/* Pushes as messages: what the records carry, each bound, and every allocation failing. */
#include "api/loki_push.h"

#include "otlp/view.h"
#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { OUT_MAX = 64 << 20 };

static Batch *push(Str body, PushCounts *counts)
{
    Err err;
    Buf out = BUF(OUT_MAX);
    if (!loki_push_read(body, &out, counts, &err))
        fail_msg("%s", err.text);
    Batch *batch = batch_from_bytes(LOGS, &out, &err);
    assert_non_null(batch);
    assert_int_equal(batch_item_count(batch), counts->taken);
    buf_free(&out);
    return batch;
}

static void expect_text(Attributes attributes, const char *key, const char *value)
{
    ValueView found;
    assert_true(attributes_find(attributes, str_from(key), &found));
    assert_int_equal(found.kind, VALUE_STRING);
    assert_true(str_eq(found.text, str_from(value)));
}

static void test_record(void **state)
{
    (void)state;
    PushCounts counts;
    Batch *batch = push(STR("{\"streams\":[{\"values\":[[\"1700000000000000005\",\"it \\u00e9\","
                            "{\"trace_id\":\"0123456789abcdef0123456789abcdef\","
                            "\"span_id\":\"not one\",\"a.b\":\"c\"}]],"
                            "\"stream\":{\"app\":\"shop\",\"zone\":\"1\"}}]}"),
                        &counts);
    assert_int_equal(counts.taken, 1);
    assert_int_equal(counts.refused, 0);
    LogView log = log_view(batch, 0);
    assert_true(log.time_ns == 1700000000000000005);
    assert_true(log.observed_ns == 0);
    assert_true(str_eq(log.body.text, STR("it \xc3\xa9")));
    assert_int_equal(log.trace_id.bytes[1], 0x23);
    assert_true(span_id_is_zero(&log.span_id));
    expect_text(log.attributes, "span_id", "not one");
    expect_text(log.attributes, "a.b", "c");
    assert_int_equal(attributes_count(log.attributes), 2);
    expect_text(resource_attributes(batch, 0), "app", "shop");
    expect_text(resource_attributes(batch, 0), "zone", "1");
    batch_unref(batch);
}

static void add_many(Buf *out, int count, const char *format)
{
    for (int i = 0; i < count; i++) {
        char text[64];
        snprintf(text, sizeof text, "%s\"%s%d\":\"v\"", i ? "," : "", format, i);
        buf_add(out, str_from(text));
    }
}

/* One push of a single entry around a part that is at its bound, and one beyond it. */
static void bound(const char *before, int count, const char *name, const char *behind,
                  const char *why)
{
    for (int beyond = 0; beyond <= 1; beyond++) {
        PushCounts counts;
        Buf body = BUF(OUT_MAX);
        buf_add(&body, str_from(before));
        if (name)
            add_many(&body, count + beyond, name);
        for (int i = 0; !name && i < count + beyond; i++)
            buf_add_byte(&body, 'x');
        buf_add(&body, str_from(behind));
        batch_unref(push(buf_str(&body), &counts));
        assert_int_equal(counts.taken, !beyond);
        assert_int_equal(counts.refused, beyond);
        if (beyond && !strstr(counts.first.text, why))
            fail_msg("'%s' is not in: %s", why, counts.first.text);
        buf_free(&body);
    }
}

/* All that fit are taken, and what is beyond is said. */
static void test_too_many_entries(void **state)
{
    (void)state;
    PushCounts counts;
    Buf body = BUF(OUT_MAX);
    buf_add(&body, STR("{\"streams\":[{\"stream\":{\"a\":\"b\"},\"values\":["));
    for (int i = 0; i < PUSH_ENTRIES_MAX + 2; i++)
        buf_add(&body, i ? STR(",[\"1\",\"\"]") : STR("[\"1\",\"\"]"));
    buf_add(&body, STR("]}]}"));
    batch_unref(push(buf_str(&body), &counts));
    assert_int_equal(counts.taken, PUSH_ENTRIES_MAX);
    assert_int_equal(counts.refused, 2);
    assert_non_null(strstr(counts.first.text, "entry 1000001: more than 1000000 entries"));
    buf_free(&body);
}

static void test_bounds(void **state)
{
    (void)state;
    bound("{\"streams\":[{\"stream\":{\"a\":\"b\"},\"values\":[[\"1\",\"", PUSH_LINE_MAX, NULL,
          "\"]]}]}", "stream 1, entry 1: the line has");
    bound("{\"streams\":[{\"stream\":{", PUSH_LABELS_MAX, "a", "},\"values\":[[\"1\",\"x\"]]}]}",
          "stream 1: a stream with more than");
    bound("{\"streams\":[{\"stream\":{\"", PUSH_NAME_MAX, NULL,
          "\":\"b\"},\"values\":[[\"1\",\"x\"]]}]}", "stream 1: label 'xxx");
    bound("{\"streams\":[{\"stream\":{\"a\":\"", PUSH_VALUE_MAX, NULL,
          "\"},\"values\":[[\"1\",\"x\"]]}]}", "stream 1: label 'a' is longer");
    bound("{\"streams\":[{\"stream\":{\"a\":\"b\"},\"values\":[[\"1\",\"x\",{", PUSH_METADATA_MAX,
          "k", "}]]}]}", "entry 1: more than");
    bound("{\"streams\":[{\"stream\":{\"a\":\"b\"},\"values\":[[\"1\",\"x\",{\"k\":\"",
          PUSH_METADATA_BYTES_MAX - 1, NULL, "\"}]]}]}", "entry 1: metadata of more than");
}

/* A wrong entry costs itself, and is said with its place. */
static void test_wrong_entries(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "7", "an entry is a list of a time and a line" },
        { "[]", "an entry is a list of a time and a line" },
        { "[null,\"x\"]", "the time is no text" },
        { "[\"soon\",\"x\"]", "the time 'soon' is no number of nanoseconds" },
        { "[\"-1\",\"x\"]", "the time '-1' is no number of nanoseconds" },
        { "[1.5,\"x\"]", "the time '1.5' is no number of nanoseconds" },
        { "[\"1\"]", "the line is no text" },
        { "[\"1\",2]", "the line is no text" },
        { "[\"1\",\"x\",3]", "the metadata is no object" },
        { "[\"1\",\"x\",{\"k\":4}]", "a value of the metadata is no text" },
        { "[\"1\",\"x\",{},5]", "an entry has more than time, line and metadata" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        PushCounts counts;
        char body[300];
        snprintf(
            body, sizeof body,
            "{\"streams\":[{\"stream\":{\"a\":\"b\"},\"values\":[[7,\"number\"],%s,[\"8\",\"z\"]]}"
            "]}",
            cases[i][0]);
        Batch *batch = push(str_from(body), &counts);
        assert_int_equal(counts.taken, 2);
        assert_int_equal(counts.refused, 1);
        assert_int_equal(log_view(batch, 0).time_ns, 7);
        assert_int_equal(log_view(batch, 1).time_ns, 8);
        if (!strstr(counts.first.text, "stream 1, entry 2: ") ||
            !strstr(counts.first.text, cases[i][1]))
            fail_msg("%s: %s", cases[i][0], counts.first.text);
        batch_unref(batch);
    }
}

/* A wrong stream costs its entries, at least one; the next is taken. */
static void test_wrong_streams(void **state)
{
    (void)state;
    static const struct {
        const char *stream;
        size_t refused;
        const char *why;
    } cases[] = {
        { "7", 1, "a stream is an object" },
        { "{}", 1, "has no \"stream\"" },
        { "{\"stream\":[],\"values\":[[\"1\",\"x\"],[\"2\",\"x\"]]}", 2, "has no \"stream\"" },
        { "{\"stream\":{},\"values\":[[\"1\",\"x\"]]}", 1, "a stream without labels" },
        { "{\"stream\":{\"a\":\"\"},\"other\":1}", 1, "a stream without labels" },
        { "{\"stream\":{\"a\":1},\"values\":7}", 1, "the value of label 'a' is no text" },
        { "{\"stream\":{\"\":\"b\"},\"values\":[]}", 1, "'' is no name of a label" },
        { "{\"stream\":{\"1a\":\"b\"}}", 1, "'1a' is no name of a label" },
        { "{\"stream\":{\"a.b\":\"c\"}}", 1, "'a.b' is no name of a label" },
        { "{\"stream\":{\"a~\":\"c\"}}", 1, "'a~' is no name of a label" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        PushCounts counts;
        char body[300];
        snprintf(body, sizeof body,
                 "{\"streams\":[%s,{\"stream\":{\"_Z9\":\"b\"},\"values\":[[\"8\",\"z\"]]}]}",
                 cases[i].stream);
        Batch *batch = push(str_from(body), &counts);
        assert_int_equal(counts.taken, 1);
        assert_int_equal(counts.refused, cases[i].refused);
        expect_text(resource_attributes(batch, 0), "_Z9", "b");
        if (!strstr(counts.first.text, "stream 1: ") || !strstr(counts.first.text, cases[i].why))
            fail_msg("%s: %s", cases[i].stream, counts.first.text);
        batch_unref(batch);
    }
}

/* No push at all: nothing is taken of it. A push of nothing is one. */
static void test_wrong_bodies(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "7", "{}", "{\"streams\":{}}", "{\"stream\":[]}", "{\"streams\":[", "{\"streams\":[]}x",
    };
    PushCounts counts;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        Err err = { 0 };
        Buf out = BUF(OUT_MAX);
        assert_false(loki_push_read(str_from(bad[i]), &out, &counts, &err));
        assert_int_equal(err.kind, ERR_INPUT);
        assert_int_equal(out.len, 0);
    }
    batch_unref(push(STR("{\"streams\":[],\"more\":null}"), &counts));
    assert_int_equal(counts.taken + counts.refused, 0);
}

/* Ids of the right form are the record's own; those of zeros say that there is none, so they stay
 * what they were written as. */
static void test_ids(void **state)
{
    (void)state;
    PushCounts counts;
    Batch *batch = push(STR("{\"streams\":[{\"stream\":{\"a\":\"b\"},\"values\":[[\"1\",\"x\",{"
                            "\"trace_id\":\"00000000000000000000000000000000\","
                            "\"span_id\":\"0000000000000000\"}],[\"2\",\"y\",{"
                            "\"trace_id\":\"short\",\"span_id\":\"00f067aa0ba902b7\"}]]}]}"),
                        &counts);
    LogView none = log_view(batch, 0), one = log_view(batch, 1);
    assert_true(span_id_is_zero(&none.span_id));
    expect_text(none.attributes, "trace_id", "00000000000000000000000000000000");
    expect_text(none.attributes, "span_id", "0000000000000000");
    assert_int_equal(one.span_id.bytes[1], 0xf0);
    expect_text(one.attributes, "trace_id", "short");
    assert_int_equal(attributes_count(one.attributes), 1);
    batch_unref(batch);
}

/* ---- every allocation ----------------------------------------------------------------------- */

/* Either all of it or an error: a lack of memory refuses no entry. */
static void the_purse_of_the_message_pays(void **state)
{
    (void)state;
    Err err;
    PushCounts counts;
    Budget budget;
    Buf body = BUF(OUT_MAX);
    buf_add(&body, STR("{\"streams\":[{\"stream\":{\"a\":\"b\"},\"values\":["));
    for (int i = 0; i < 1000; i++)
        buf_addf(&body, "%s[\"%d\",\"a line of some thirty bytes or so\"]", i ? "," : "", i + 1);
    buf_add(&body, STR("]}]}"));
    budget_init(&budget, 40000);
    Buf out = { .max = OUT_MAX, .purse = budget_purse(&budget, BUDGET_BODIES) };
    assert_false(loki_push_read(buf_str(&body), &out, &counts, &err));
    assert_int_equal(err.kind, ERR_BUSY);
    assert_true(err.retry_ms > 0);
    buf_free(&out);
    assert_int_equal(budget_use(&budget).used, 0);
    budget_set_limit(&budget, 4000000);
    assert_true(loki_push_read(buf_str(&body), &out, &counts, &err));
    Batch *batch = batch_from_bytes(LOGS, &out, &err);
    assert_int_equal(batch_item_count(batch), 1000);
    assert_int_equal(budget_use(&budget).by_owner[BUDGET_BATCHES], batch_memory(batch));
    batch_unref(batch);
    assert_int_equal(budget_use(&budget).used, 0);
    buf_free(&body);
}

static void push_once(void)
{
    static const char body[] =
        "{\"streams\":[{\"stream\":{\"a\\u0062\":\"\\\"b\"},\"values\":[[\"1\",\"\\tx\",{"
        "\"\\u006b\":"
        "\"\\tv\"}],[\"2\",\"y\"]]},{\"stream\":{\"a\":\"b\"},\"values\":[[\"\\u0031\",\"x\"]]}]}";
    Err err;
    PushCounts counts;
    Buf out = BUF(OUT_MAX);
    if (loki_push_read(str_from(body), &out, &counts, &err)) {
        assert_int_equal(counts.taken, 3);
        assert_int_equal(counts.refused, 0);
    } else {
        assert_int_equal(err.kind, ERR_MEMORY);
    }
    buf_free(&out);
}

static void test_starved(void **state)
{
    (void)state;
    starve_after(-1);
    long failed = starve_every(push_once);
    assert_true(failed > 5);
    print_message("counts: loki push: %ld allocations failed one by one\n", failed);
    starve_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_purse_of_the_message_pays),
        cmocka_unit_test(test_record),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_too_many_entries),
        cmocka_unit_test(test_wrong_entries),
        cmocka_unit_test(test_wrong_streams),
        cmocka_unit_test(test_wrong_bodies),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_starved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
