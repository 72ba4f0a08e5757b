/* meter_test.c - making instruments: names, identity, what is bound, what is said. */
#include "sdk/kept_metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int start(void **state)
{
    (void)state;
    metrics_begin(PREFER_CUMULATIVE, 0);
    messages_begin();
    return 0;
}
static int stop(void **state)
{
    (void)state;
    metrics_end();
    return 0;
}

static void names_follow_the_rules(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool allowed;
    } rows[] = {
        { "a", true },     { "A.b_c-d/9", true }, { "http.server.duration", true },
        { "", false },     { "9lives", false },   { "_private", false },
        { "a b", false },  { "\xC3\xA4", false }, { "a:b", false },
        { "a{b}", false }, { "a\\b", false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(cryo_counter(rows[i].name, NULL).instrument != NULL, rows[i].allowed);
    assert_null(cryo_counter(NULL, NULL).instrument);
    char longest[257];
    memset(longest, 'n', sizeof longest);
    longest[256] = '\0';
    assert_null(cryo_counter(longest, NULL).instrument);
    longest[255] = '\0';
    assert_non_null(cryo_counter(longest, NULL).instrument);
    assert_int_equal(messages_with("measures nothing"), 1); /* once, not for each */
    cryo_counter_add((CryoCounter){ 0 }, 1);                /* and it is harmless */
}

static void the_same_instrument_comes_back(void **state)
{
    (void)state;
    CryoInstrumentOptions options = { .unit = "By", .description = "sent" };
    CryoCounter one = cryo_counter("same.bytes", &options);
    assert_ptr_equal(cryo_counter("same.bytes", &options).instrument, one.instrument);
    assert_ptr_equal(cryo_counter("SAME.bytes", &options).instrument, one.instrument);
    assert_int_equal(messages_with("is known as same.bytes"), 1);
    assert_int_equal(messages_with("two instruments"), 0);
    CryoInstrumentOptions other = options;
    other.meter = cryo_meter("library", "2.0");
    assert_ptr_not_equal(cryo_counter("same.bytes", &other).instrument, one.instrument);
    assert_int_equal(messages_with("two instruments"), 0); /* another meter, another namespace */
    assert_ptr_equal(cryo_meter("library", "2.0"), other.meter);
    assert_ptr_not_equal(cryo_meter("library", NULL), other.meter);
}

static void conflicts_are_both_exported_and_told_once(void **state)
{
    (void)state;
    CryoCounter counter = cryo_counter("conflict", NULL);
    CryoCounter real = cryo_counter_double("conflict", NULL);
    CryoUpDownCounter up_down = cryo_up_down_counter("conflict", NULL);
    CryoCounter unit = cryo_counter("conflict", &(CryoInstrumentOptions){ .unit = "s" });
    assert_int_equal(messages_with("two instruments are named conflict"), 3);
    assert_ptr_equal(cryo_counter_double("conflict", NULL).instrument, real.instrument);
    assert_int_equal(messages_with("two instruments are named conflict"), 3);
    cryo_counter_add(counter, 1);
    cryo_counter_add(real, 0.5);
    cryo_up_down_counter_add(up_down, -7);
    cryo_counter_add(unit, 3);
    assert_int_equal(metrics_collect()->count, 4);
}

static void bounds_must_rise(void **state)
{
    (void)state;
    static const double falls[] = { 1, 3, 2 }, twice[] = { 1, 1 }, good[] = { -1, 0.5, 2 };
    CryoHistogram bad =
        cryo_histogram("bounds.falls",
                       &(CryoInstrumentOptions){ .bounds = falls, .bound_count = 3 });
    CryoHistogram same =
        cryo_histogram("bounds.twice",
                       &(CryoInstrumentOptions){ .bounds = twice, .bound_count = 2 });
    CryoHistogram own =
        cryo_histogram_double("bounds.good",
                              &(CryoInstrumentOptions){ .bounds = good, .bound_count = 3 });
    CryoHistogram none =
        cryo_histogram("bounds.none", &(CryoInstrumentOptions){ .bounds = good, .bound_count = 0 });
    cryo_histogram_record(bad, 1);
    cryo_histogram_record(same, 1);
    cryo_histogram_record(own, 0.5);
    cryo_histogram_record(none, 5);
    metrics_collect();
    assert_int_equal(messages_with("bounds must rise"), 1);
    assert_int_equal(only_point("bounds.falls")->bound_count, 15);
    assert_int_equal(only_point("bounds.twice")->bound_count, 15);
    assert_int_equal(only_point("bounds.good")->bound_count, 3);
    assert_int_equal(only_point("bounds.good")->bucket_counts[1], 1);
    assert_int_equal(only_point("bounds.none")->bucket_count, 0);
    assert_int_equal(only_point("bounds.none")->count, 1);
    (void)cryo_histogram_double("bounds.good", NULL);
    assert_int_equal(messages_with("keeps the bounds"), 1);
}

static void what_is_bound_shares_its_series(void **state)
{
    (void)state;
    CryoCounter counter = cryo_counter("bound", NULL);
    CryoCounter get = cryo_counter_bind(counter, CRYO_ATTRS("m", "GET", "code", 200));
    CryoCounter same = cryo_counter_bind(counter, CRYO_ATTRS("code", 200, "m", "GET"));
    assert_ptr_equal(get.instrument, same.instrument);
    assert_ptr_equal(cryo_counter_bind(counter, cryo_no_attributes()).instrument,
                     counter.instrument);
    cryo_counter_add(get, 1);
    cryo_counter_add(counter, 2, CRYO_ATTRS("m", "GET", "code", 200));
    cryo_counter_add(get, 4, CRYO_ATTRS("code", 404)); /* goes over what is bound */
    cryo_counter_add(cryo_counter_bind(get, CRYO_ATTRS("x", 1)), 8);
    metrics_collect();
    const CryoMetricView *metric = metric_named("bound");
    assert_int_equal(metric->point_count, 3);
    assert_int_equal(point_with(metric, CRYO_ATTRS("code", 200, "m", "GET"))->value.as.integer, 3);
    assert_int_equal(point_with(metric, CRYO_ATTRS("code", 404, "m", "GET"))->value.as.integer, 4);
    assert_int_equal(
        point_with(metric, CRYO_ATTRS("code", 200, "m", "GET", "x", 1))->value.as.integer, 8);
}

static void an_instrument_may_be_older_than_the_run(void **state)
{
    (void)state;
    metrics_end();
    CryoCounter counter = cryo_counter("older", NULL);
    CryoCounter bound = cryo_counter_bind(counter, CRYO_ATTRS("a", 1));
    cryo_counter_add(counter, 100); /* nothing is on */
    for (int run = 0; run < 3; run++) {
        metrics_begin(PREFER_CUMULATIVE, 0);
        cryo_counter_add(counter, 1);
        cryo_counter_add(bound, 2);
        metrics_collect();
        assert_int_equal(only_point("older")->value.as.integer, 1); /* each run by itself */
        assert_int_equal(point_with(metric_named("older"), CRYO_ATTRS("a", 1))->value.as.integer,
                         2);
        metrics_end();
    }
    metrics_begin(PREFER_CUMULATIVE, 0);
}

static void off_means_nothing_is_evaluated(void **state)
{
    (void)state;
    metrics_end();
    int evaluated = 0, attributes = 0;
    CryoCounter counter = cryo_counter("off", NULL);
    cryo_counter_add(counter, evaluated++, CRYO_ATTRS("a", attributes++));
    assert_int_equal(evaluated + attributes, 0);
    assert_false(cryo_metrics_enabled());
    metrics_begin(PREFER_CUMULATIVE, 0);
    cryo_counter_add(counter, ++evaluated);
    assert_int_equal(evaluated, 1);
    assert_true(cryo_metrics_enabled());
}

static void texts_are_cut_and_repaired(void **state)
{
    (void)state;
    char unit[100];
    memset(unit, 'u', sizeof unit);
    unit[99] = '\0';
    CryoGauge gauge =
        cryo_gauge("texts",
                   &(CryoInstrumentOptions){ .unit = unit, .description = "bad \xFF text" });
    cryo_gauge_set(gauge, 1);
    metrics_collect();
    const CryoMetricView *metric = metric_named("texts");
    assert_int_equal(metric->unit.len, 63);
    assert_memory_equal(metric->description.ptr, "bad \xEF\xBF\xBD text", 12);
    assert_int_equal(messages_with("a unit has at most 63"), 1);
    assert_memory_equal(metric->scope_name.ptr, "shop", 4);
}

int main(void)
{
#define METER_TEST(function) cmocka_unit_test_setup_teardown(function, start, stop)
    const struct CMUnitTest tests[] = {
        METER_TEST(names_follow_the_rules),
        METER_TEST(the_same_instrument_comes_back),
        METER_TEST(conflicts_are_both_exported_and_told_once),
        METER_TEST(bounds_must_rise),
        METER_TEST(what_is_bound_shares_its_series),
        METER_TEST(an_instrument_may_be_older_than_the_run),
        METER_TEST(off_means_nothing_is_evaluated),
        METER_TEST(texts_are_cut_and_repaired),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
