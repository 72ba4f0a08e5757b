/* sampler_registry_test.c - a sampler of one's own: what it is asked, and that its word counts. */
#include "sdk/kept_spans.h"

#include <cryostorm/context.h>
#include <cryostorm/propagation.h>
#include <cryostorm/sampling.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct {
    int asked;
    CryoSamplingQuestion last;
    char name[40];
} seen;

/* Keeps what has the attribute "keep", and children of what is kept. */
static bool picky(void *context, const CryoSamplingQuestion *question)
{
    assert_ptr_equal(context, &seen);
    assert_int_equal(question->size, sizeof *question);
    cryo_span_end(cryo_span_start("by a sampler", NULL)); /* must not ask again */
    seen.asked++;
    seen.last = *question;
    snprintf(seen.name, sizeof seen.name, "%.*s", (int)question->name.len, question->name.ptr);
    if (question->has_parent)
        return question->parent_sampled;
    return attribute_of(question->attributes, "keep") != NULL;
}

static int start(void **state)
{
    (void)state;
    seen.asked = 0;
    assert_true(cryo_sampler_register("picky", picky, &seen, NULL));
    memory_start(&(CryoSettings){ .tracing.sampling_strategy = "PICKY" });
    return 0;
}
static int stop(void **state)
{
    (void)state;
    memory_stop();
    return 0;
}

static void its_word_counts(void **state)
{
    (void)state;
    {
        CRYO_SPAN(dropped, "dropped");
        assert_false(cryo_span_is_recording(dropped));
        CRYO_SPAN(child, "its child", .kind = CRYO_CLIENT);
        assert_false(cryo_span_is_recording(child));
        assert_true(seen.last.has_parent && !seen.last.parent_sampled);
        assert_int_equal(seen.last.kind, CRYO_CLIENT);
    }
    {
        CRYO_SPAN(kept, "kept", .attributes = CRYO_ATTRS("keep", 1));
        assert_true(cryo_span_is_recording(kept));
        assert_string_equal(seen.name, "kept");
        assert_false(seen.last.has_parent);
        cryo_span_end(cryo_span_start("child by handle", NULL));
        assert_string_equal(seen.name, "child by handle");
        assert_true(seen.last.has_parent && seen.last.parent_sampled);
        assert_false(seen.last.parent_is_remote);
        CryoSpanContext own;
        assert_true(cryo_span_context(kept, &own));
        assert_memory_equal(seen.last.trace_id, own.trace_id, 16);
    }
    assert_int_equal(seen.asked, 4);
    assert_int_equal(span_count(), 2);
    assert_null(span_named("by a sampler"));
    CryoCounts counts;
    cryo_counts(&counts);
    assert_int_equal(counts.not_sampled, 2);
}

static void a_remote_parent_is_told_as_such(void **state)
{
    (void)state;
    CryoSpanContext caller;
    const CryoHeader incoming = { CRYO_STR("traceparent"),
                                  CRYO_STR(
                                      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01") };
    assert_true(cryo_extract(&incoming, 1, &caller));
    CRYO_SPAN(span, "server", .kind = CRYO_SERVER, .remote = &caller);
    assert_true(cryo_span_is_recording(span));
    assert_true(seen.last.parent_is_remote && seen.last.parent_sampled);
}

static void names_are_checked(void **state)
{
    (void)state;
    CryoError error;
    assert_false(cryo_sampler_register("picky", picky, NULL, &error));
    assert_int_equal(error.kind, CRYO_ERROR_STATE);
    assert_false(cryo_sampler_register("always_on", picky, NULL, &error));
    assert_false(cryo_sampler_register("Bad Name", picky, NULL, &error));
    assert_false(cryo_sampler_register(NULL, picky, NULL, NULL));
    assert_false(cryo_sampler_register("nothing", NULL, NULL, &error));
    CryoSettings wrong = { .env_file = "", .tracing.sampling_strategy = "other" };
    assert_null(cryo_settings_load(&wrong, &error));
    assert_non_null(strstr(error.text, "parent_based_trace_id_ratio, picky"));
    int more = 0;
    for (char name[] = "a"; cryo_sampler_register(name, picky, NULL, &error); name[0]++)
        more++;
    assert_int_equal(more, 15);
    assert_string_equal(error.text, "there are 16 samplers already");
    cryo_reset();
    assert_null(
        cryo_settings_load(&(CryoSettings){ .env_file = "", .tracing.sampling_strategy = "picky" },
                           &error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(its_word_counts, start, stop),
        cmocka_unit_test_setup_teardown(a_remote_parent_is_told_as_such, start, stop),
        cmocka_unit_test_setup_teardown(names_are_checked, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
