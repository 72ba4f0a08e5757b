/* value_test.c - maps and arrays of any values: copied whole, shown whole, or dropped and counted.
 */
#include "sdk/kept_spans.h"

#include <cryostorm/log.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int start(void **state)
{
    (void)state;
    memory_start(&(CryoSettings){ .service.environment = "production",
                                  .logging.exporter_type = "in_memory" });
    return 0;
}

static int stop(void **state)
{
    (void)state;
    memory_stop();
    return 0;
}

static const CryoLogView *newest;

static void look(void *context, const CryoLogView *log)
{
    (void)context;
    newest = log;
}

static const CryoLogView *last_log(void)
{
    assert_true(cryo_flush(10000, NULL));
    assert_true(cryo_memory_logs(look, NULL) > 0);
    return newest;
}

/* The attribute "v" of a span that was given it. */
static const CryoValue *sent(CryoValue value)
{
    CryoSpan span = cryo_span_start("values", NULL);
    cryo_span_set(span, CRYO_ATTRS("before", 1, "v", value, "after", "end"));
    cryo_span_end(span);
    CryoAttrs got = span_named("values")->attributes;
    assert_int_equal(attribute_of(got, "before")->as.integer, 1);
    assert_true(text_attribute_is(got, "after", "end"));
    return attribute_of(got, "v");
}

static const CryoValue *item(const CryoValue *array, size_t i)
{
    assert_int_equal(array->type, CRYO_VALUE_ARRAY);
    assert_true(i < array->as.array.count);
    return (const CryoValue *)array->as.array.ptr + i;
}

static void every_type_arrives_within(void **state)
{
    (void)state;
    const int64_t numbers[] = { 1, -2 };
    const CryoString words[] = { CRYO_STR("a"), CRYO_STR("bc") };
    const bool truths[] = { true, false, true };
    const double reals[] = { 0.5 };
    const CryoValue *list =
        sent(CRYO_ARRAY_OF(1, "two", 3.5, CRYO_BOOL(1), cryo_bytes("\0\xFF", 2), ((CryoValue){ 0 }),
                           CRYO_ARRAY(numbers), CRYO_ARRAY(words), CRYO_ARRAY(truths),
                           CRYO_ARRAY(reals), "\xFF"));
    assert_int_equal(list->as.array.count, 11);
    assert_int_equal(item(list, 0)->as.integer, 1);
    assert_true(text_is(item(list, 1)->as.string, "two"));
    assert_true(item(list, 2)->as.real == 3.5);
    assert_true(item(list, 3)->type == CRYO_BOOLEAN && item(list, 3)->as.boolean);
    assert_memory_equal(item(list, 4)->as.string.ptr, "\0\xFF", 2);
    assert_int_equal(item(list, 5)->type, CRYO_EMPTY);
    assert_memory_equal(item(list, 6)->as.array.ptr, numbers, sizeof numbers);
    assert_true(text_is(((const CryoString *)item(list, 7)->as.array.ptr)[1], "bc"));
    assert_memory_equal(item(list, 8)->as.array.ptr, truths, sizeof truths);
    assert_memory_equal(item(list, 9)->as.array.ptr, reals, sizeof reals);
    assert_true(text_is(item(list, 10)->as.string, "\xEF\xBF\xBD"));
}

static void maps_nest_and_a_key_again_replaces(void **state)
{
    (void)state;
    const CryoValue *map =
        sent(CRYO_MAP_OF("a", 1, "in", CRYO_MAP_OF("", "empty key", "list", CRYO_ARRAY_OF(1, "x")),
                         "a", "again", "\xFF", 5, "none", cryo_map((CryoAttrs){ NULL, 0 })));
    assert_int_equal(map->type, CRYO_MAP);
    assert_int_equal(map->as.map.count, 4);
    assert_true(text_attribute_is(map->as.map, "a", "again"));
    assert_int_equal(attribute_of(map->as.map, "\xEF\xBF\xBD")->as.integer, 5);
    assert_int_equal(attribute_of(map->as.map, "none")->as.map.count, 0);
    const CryoValue *in = attribute_of(map->as.map, "in");
    assert_true(text_attribute_is(in->as.map, "", "empty key"));
    assert_true(text_is(item(attribute_of(in->as.map, "list"), 1)->as.string, "x"));
    assert_int_equal(sent(CRYO_VALUE(CRYO_ATTRS("k", 7)))->type, CRYO_MAP);
}

static void large_ones_cross_chunks(void **state)
{
    (void)state;
    enum { ITEMS = 5000 };
    static CryoValue values[ITEMS];
    static char texts[ITEMS][24];
    for (int i = 0; i < ITEMS; i++) {
        snprintf(texts[i], sizeof texts[i], "%0*d", i % 20 + 1, i);
        values[i] = i % 3 ? cryo_text(texts[i]) : CRYO_VALUE(i);
    }
    const CryoValue *list = sent(cryo_values(values, ITEMS));
    assert_int_equal(list->as.array.count, ITEMS);
    for (size_t i = 0; i < ITEMS; i++)
        if (i % 3)
            assert_true(text_is(item(list, i)->as.string, texts[i]));
        else
            assert_int_equal(item(list, i)->as.integer, i);
}

static void a_new_value_goes_over_the_old(void **state)
{
    (void)state;
    CryoSpan span = cryo_span_start("again", NULL);
    cryo_span_set(span, CRYO_ATTRS("v", CRYO_ARRAY_OF(1, 2, "three"), "w", 1));
    cryo_span_set(span, CRYO_ATTRS("v", CRYO_MAP_OF("k", 1), "w", CRYO_ARRAY_OF(1, 2, "three")));
    cryo_span_set(span, CRYO_ATTRS("v", 5));
    cryo_span_end(span);
    CryoAttrs got = span_named("again")->attributes;
    assert_int_equal(got.count, 2);
    assert_int_equal(attribute_of(got, "v")->as.integer, 5);
    assert_true(text_is(item(attribute_of(got, "w"), 2)->as.string, "three"));
}

/* `depth` arrays in one another. */
static const CryoValue *nested(CryoValue *room, size_t depth)
{
    room[0] = cryo_values(NULL, 0);
    for (size_t i = 1; i < depth; i++)
        room[i] = cryo_values(&room[i - 1], 1);
    return sent(room[depth - 1]);
}

static uint64_t misuses(void)
{
    CryoCounts counts;
    cryo_counts(&counts);
    return counts.misuses;
}

static void what_is_too_deep_or_too_large_is_dropped(void **state)
{
    (void)state;
    CryoValue room[CRYO_DEPTH_MAX + 1];
    const CryoValue *value = nested(room, CRYO_DEPTH_MAX);
    for (int depth = 1; depth < CRYO_DEPTH_MAX; depth++)
        value = item(value, 0);
    assert_int_equal(value->as.array.count, 0);
    assert_int_equal(misuses(), 0);
    assert_null(nested(room, CRYO_DEPTH_MAX + 1));
    assert_int_equal(span_named("values")->dropped_attributes, 1);
    assert_int_equal(misuses(), 1);
    CryoValue itself[3];
    itself[0] = itself[1] = itself[2] = cryo_values(itself, 3);
    assert_null(sent(itself[0]));
    static CryoAttr pairs[CRYO_MAP_MAX + 1];
    static char keys[CRYO_MAP_MAX + 1][8], text[1 << 20];
    for (int i = 0; i <= CRYO_MAP_MAX; i++) {
        snprintf(keys[i], sizeof keys[i], "%d", i);
        pairs[i] = (CryoAttr){ cryo_str(keys[i]), cryo_integer(i) };
    }
    assert_int_equal(sent(cryo_map((CryoAttrs){ pairs, CRYO_MAP_MAX }))->as.map.count,
                     CRYO_MAP_MAX);
    assert_null(sent(cryo_map((CryoAttrs){ pairs, CRYO_MAP_MAX + 1 })));
    memset(text, 'x', sizeof text - 1);
    assert_null(sent(CRYO_ARRAY_OF(text, "more")));
    text[CRYO_KEY_MAX + 1] = '\0';
    assert_null(sent(CRYO_MAP_OF(text, 1)));
    assert_null(sent(CRYO_ARRAY_OF(cryo_array((CryoType)77, NULL, 0))));
    assert_int_equal(misuses(), 6);
}

static void texts_within_are_cut(void **state)
{
    (void)state;
    memory_stop();
    memory_start(&(CryoSettings){ .tracing.limits.value_length = 3 });
    const CryoString words[] = { CRYO_STR("abcdef") };
    const CryoValue *list = sent(
        CRYO_ARRAY_OF("abcdef", CRYO_MAP_OF("longer key", "uvwxyz", "words", CRYO_ARRAY(words))));
    assert_true(text_is(item(list, 0)->as.string, "abc"));
    assert_true(text_attribute_is(item(list, 1)->as.map, "longer key", "uvw"));
    const CryoValue *cut = attribute_of(item(list, 1)->as.map, "words");
    assert_true(text_is(((const CryoString *)cut->as.array.ptr)[0], "abc"));
}

static void a_body_may_be_one(void **state)
{
    (void)state;
    cryo_log(CRYO_INFO, CRYO_MAP_OF("order", 5, "lines", CRYO_ARRAY_OF("tea", 2)),
             CRYO_ATTRS("list", CRYO_ARRAY_OF(1, CRYO_BOOL(0))));
    const CryoLogView *log = last_log();
    assert_int_equal(log->body.type, CRYO_MAP);
    assert_int_equal(attribute_of(log->body.as.map, "order")->as.integer, 5);
    assert_int_equal(item(attribute_of(log->body.as.map, "lines"), 1)->as.integer, 2);
    assert_int_equal(item(attribute_of(log->attributes, "list"), 1)->type, CRYO_BOOLEAN);
    CryoValue itself = cryo_values(&itself, 1);
    cryo_log(CRYO_WARN, itself);
    assert_int_equal(last_log()->body.type, CRYO_EMPTY);
    assert_int_equal(newest->dropped_attributes, 1);
}

int main(void)
{
#define VALUE_TEST(function) cmocka_unit_test_setup_teardown(function, start, stop)
    const struct CMUnitTest tests[] = {
        VALUE_TEST(every_type_arrives_within),
        VALUE_TEST(maps_nest_and_a_key_again_replaces),
        VALUE_TEST(large_ones_cross_chunks),
        VALUE_TEST(a_new_value_goes_over_the_old),
        VALUE_TEST(what_is_too_deep_or_too_large_is_dropped),
        VALUE_TEST(texts_within_are_cut),
        VALUE_TEST(a_body_may_be_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
