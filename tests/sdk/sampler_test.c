/* sampler_test.c - thresholds by OpenTelemetry's consistent sampling, and the table of parents. */
#include "sdk/sampler.h"

#include "base/random.h"
#include "sdk/kept_spans.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static Sampler named(const char *name, double ratio)
{
    Sampler sampler;
    assert_true(sampler_from_name(str_from(name), ratio, &sampler));
    return sampler;
}

static void thresholds_are_those_of_the_specification(void **state)
{
    (void)state;
    static const struct {
        double ratio;
        uint64_t threshold, within; /* the published ones have four digits of precision */
    } rows[] = {
        { 1.0, 0, 0 },
        { 0.5, 0x80000000000000, 0 },
        { 0.25, 0xC0000000000000, 0 },
        { 0.0625, 0xF0000000000000, 0 },
        { 1.0 / 3, 0xAAAB0000000000, 0xFFFFFFFFFF },
        { 0.01, 0xFD70A000000000, 0xFFFFFFFFF },
        { 0.0, 0x100000000000000, 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t got = sampler_threshold(rows[i].ratio);
        uint64_t off = got > rows[i].threshold ? got - rows[i].threshold : rows[i].threshold - got;
        assert_true(off <= rows[i].within);
    }
}

static void only_the_last_56_bits_decide(void **state)
{
    (void)state;
    Sampler half = named("trace_id_ratio", 0.5);
    uint8_t id[16] = { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF };
    assert_false(sampler_keeps(&half, id));
    id[9] = 0x7F;
    assert_false(sampler_keeps(&half, id));
    id[9] = 0x80;
    assert_true(sampler_keeps(&half, id));
}

static void a_higher_ratio_keeps_what_a_lower_one_keeps(void **state)
{
    (void)state;
    static const double ratios[] = { 0.0, 0.001, 0.1, 0.3, 0.7, 1.0 };
    size_t kept[6] = { 0 };
    Random random;
    random_seed(&random, 42);
    for (size_t n = 0; n < 20000; n++) {
        uint8_t id[16];
        bool before = false;
        random_fill(&random, id, sizeof id);
        for (size_t i = 0; i < 6; i++) {
            Sampler sampler = named("trace_id_ratio", ratios[i]);
            bool keeps = sampler_keeps(&sampler, id);
            assert_true(keeps || !before);
            before = keeps;
            kept[i] += keeps;
        }
    }
    assert_int_equal(kept[0], 0);
    assert_in_range(kept[2], 1800, 2200);
    assert_in_range(kept[4], 13700, 14300);
    assert_int_equal(kept[5], 20000);
}

static void parents_decide_where_they_are_asked(void **state)
{
    (void)state;
    static const uint8_t id[16] = { 1 }; /* randomness 0: any ratio below 1 declines it */
    static const struct {
        const char *name;
        bool root, parent_off, parent_on;
    } rows[] = {
        { "always_on", true, true, true },
        { "always_off", false, false, false },
        { "trace_id_ratio", false, false, false },
        { "parent_based_always_on", true, false, true },
        { "parentbased_always_off", false, false, true },
        { "PARENT_BASED_TRACE_ID_RATIO", false, false, true },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        Sampler sampler = named(rows[i].name, 0.9);
        assert_int_equal(sampler_decides(&sampler, id, false, false), rows[i].root);
        assert_int_equal(sampler_decides(&sampler, id, true, false), rows[i].parent_off);
        assert_int_equal(sampler_decides(&sampler, id, true, true), rows[i].parent_on);
    }
    Sampler ignored;
    assert_false(sampler_from_name(STR("sometimes"), 1, &ignored));
}

static void a_declined_span_has_an_identity_and_is_not_exported(void **state)
{
    (void)state;
    memory_start(&(CryoSettings){ .tracing.sampling_strategy = "always_off" });
    CryoSpanContext outer_context, inner_context;
    {
        CRYO_SPAN(outer, "outer");
        CRYO_SPAN(inner, "inner");
        assert_false(cryo_span_is_recording(outer));
        assert_true(cryo_span_context(outer, &outer_context));
        assert_true(cryo_span_context(inner, &inner_context));
        cryo_span_set(outer, CRYO_ATTRS("a", 1));
        cryo_span_fail(inner, "t", "m");
    }
    assert_true(cryo_span_context_valid(&inner_context));
    assert_memory_equal(outer_context.trace_id, inner_context.trace_id, 16);
    assert_memory_not_equal(outer_context.span_id, inner_context.span_id, 8);
    assert_int_equal(inner_context.flags & CRYO_FLAG_SAMPLED, 0);
    assert_int_equal(span_count(), 0);
    CryoCounts counts;
    cryo_counts(&counts);
    assert_int_equal(counts.not_sampled, 2);
    assert_int_equal(counts.started, 0);
    memory_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thresholds_are_those_of_the_specification),
        cmocka_unit_test(only_the_last_56_bits_decide),
        cmocka_unit_test(a_higher_ratio_keeps_what_a_lower_one_keeps),
        cmocka_unit_test(parents_decide_where_they_are_asked),
        cmocka_unit_test(a_declined_span_has_an_identity_and_is_not_exported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
