/* span_test.c - what spans say, by the rules of OpenTelemetry's trace specification. */
#include "sdk/kept_spans.h"

#include <cryostorm/context.h>
#include <cryostorm/trace.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const CryoAttrs no_attributes;

static int start(void **state)
{
    (void)state;
    memory_start(NULL);
    return 0;
}
static int stop(void **state)
{
    (void)state;
    memory_stop();
    return 0;
}

/* ---- shape ----------------------------------------------------------------------------------- */

static void children(void)
{
    CRYO_SPAN(span, "parent", .kind = CRYO_SERVER);
    CRYO_SPAN(child, "child");
    (void)child;
}

static void a_span_in_a_block_is_the_child_of_the_one_around_it(void **state)
{
    (void)state;
    children();
    const CryoSpanView *parent = span_named("parent"), *child = span_named("child");
    static const uint8_t none[8];
    assert_non_null(parent);
    assert_non_null(child);
    assert_memory_equal(child->trace_id, parent->trace_id, 16);
    assert_memory_equal(child->parent_span_id, parent->span_id, 8);
    assert_memory_equal(parent->parent_span_id, none, 8);
    assert_int_equal(parent->kind, CRYO_SERVER);
    assert_int_equal(child->kind, CRYO_INTERNAL);
    assert_int_equal(parent->flags, CRYO_FLAG_SAMPLED | CRYO_FLAG_RANDOM);
    assert_true(child->start_ns >= parent->start_ns && child->end_ns <= parent->end_ns);
    assert_true(parent->end_ns > parent->start_ns);
    assert_null(cryo_span_current().slot);
}

static int returns_early(int way)
{
    CRYO_SPAN(span, "early");
    for (int i = 0; i < 3; i++) {
        CRYO_SPAN(inner, "inner");
        if (way == 1)
            break;
        if (way == 2)
            goto out;
        if (way == 3)
            return 3;
    }
out:
    return way;
}

static void every_way_out_of_a_block_ends_its_span(void **state)
{
    (void)state;
    for (int way = 0; way <= 3; way++) {
        assert_int_equal(returns_early(way), way);
        assert_null(cryo_span_current().slot);
    }
    assert_int_equal(span_count(), 4 + 3 + 1 + 1 + 1);
}

static void traced(void)
{
    CRYO_TRACE_FUNCTION();
    cryo_span_set(cryo_span_current(), CRYO_ATTRS("inside", 1));
}
static void traced_as(void)
{
    CRYO_TRACE_FUNCTION_AS("another name", .kind = CRYO_CONSUMER);
}

static void a_traced_function_is_named_after_itself(void **state)
{
    (void)state;
    traced();
    traced_as();
    const CryoSpanView *span = span_named("span_test.c:traced");
    assert_non_null(span);
    assert_true(text_attribute_is(span->attributes, "code.function.name", "traced"));
    assert_non_null(attribute_of(span->attributes, "code.line.number"));
    assert_int_equal(attribute_of(span->attributes, "inside")->as.integer, 1);
    span = span_named("another name");
    assert_non_null(span);
    assert_int_equal(span->kind, CRYO_CONSUMER);
    assert_true(text_attribute_is(span->attributes, "code.function.name", "traced_as"));
}

static void parents_can_be_chosen(void **state)
{
    (void)state;
    CRYO_SPAN(around, "around");
    CryoSpan root = cryo_span_start("root", &(CryoSpanOptions){ .root = true });
    CryoContext context = cryo_context_of(root);
    CryoSpanContext of_root;
    assert_true(cryo_span_context(root, &of_root));
    cryo_span_end(root);
    CryoSpan late = cryo_span_start("late", &(CryoSpanOptions){ .parent = &context });
    cryo_span_end(late);
    const CryoSpanView *view = span_named("late");
    assert_memory_equal(view->trace_id, of_root.trace_id, 16);
    assert_memory_equal(view->parent_span_id, of_root.span_id, 8);
    CryoSpanContext of_around;
    assert_true(cryo_span_context(around, &of_around));
    assert_memory_not_equal(of_around.trace_id, of_root.trace_id, 16);
}

static void a_remote_parent_brings_its_trace_state(void **state)
{
    (void)state;
    CryoSpanContext remote = { .trace_id = { 1 }, .span_id = { 2 }, .flags = 1, .is_remote = true };
    remote.trace_state_len = 7;
    memcpy(remote.trace_state, "a=1,b=2", 7);
    {
        CRYO_SPAN(server, "server", .remote = &remote);
        CRYO_SPAN(inner, "inner");
        CryoSpanContext context;
        assert_true(cryo_span_context(inner, &context));
        assert_int_equal(context.trace_state_len, 7);
        assert_false(context.is_remote);
    }
    const CryoSpanView *server = span_named("server"), *inner = span_named("inner");
    assert_memory_equal(server->trace_id, remote.trace_id, 16);
    assert_true(server->parent_is_remote);
    assert_false(inner->parent_is_remote);
    assert_true(text_is(inner->trace_state, "a=1,b=2"));
    assert_int_equal(server->flags, CRYO_FLAG_SAMPLED); /* random was not claimed */
}

static void a_wrapped_context_is_a_parent_and_no_span(void **state)
{
    (void)state;
    CryoSpanContext remote = { .trace_id = { 3 }, .span_id = { 4 }, .flags = 1, .is_remote = true };
    CryoSpan wrapped = cryo_span_wrap(&remote);
    assert_false(cryo_span_is_recording(wrapped));
    CryoToken token = cryo_attach(cryo_context_of(wrapped));
    cryo_span_end(cryo_span_start("below", NULL));
    assert_true(cryo_detach(token));
    cryo_span_end(wrapped);
    const CryoSpanView *below = span_named("below");
    assert_memory_equal(below->parent_span_id, remote.span_id, 8);
    assert_true(below->parent_is_remote);
    assert_int_equal(span_count(), 1);
    assert_null(cryo_span_wrap(&(CryoSpanContext){ 0 }).slot);
}

/* Whoever fills in a context by hand may get its length wrong. */
static void a_trace_state_longer_than_its_place_is_none(void **state)
{
    (void)state;
    CryoSpanContext context = { .trace_id = { 3 }, .span_id = { 4 }, .flags = 1 };
    context.trace_state_len = UINT16_MAX;
    CryoSpan span = cryo_span_start("child", &(CryoSpanOptions){ .remote = &context });
    cryo_span_link_to(span, &(CryoLink){ .context = &context });
    cryo_span_end(span);
    CryoSpanContext wrapped;
    CryoSpan wrap = cryo_span_wrap(&context);
    assert_true(cryo_span_context(wrap, &wrapped));
    assert_int_equal(wrapped.trace_state_len, 0);
    cryo_span_end(wrap);
    const CryoSpanView *view = span_named("child");
    assert_int_equal(view->trace_state.len, 0);
    assert_int_equal(view->link_count, 1);
    assert_int_equal(view->links[0].trace_state.len, 0);
}

static void detaching_out_of_order_is_noticed(void **state)
{
    (void)state;
    CryoCounts counts;
    CryoToken outer = cryo_attach(cryo_context_current());
    CryoToken inner = cryo_attach(cryo_context_current());
    assert_false(cryo_detach(outer));
    assert_false(cryo_detach(inner));
    cryo_counts(&counts);
    assert_int_equal(counts.misuses, 2);
}

/* ---- attributes ------------------------------------------------------------------------------ */

static void every_type_arrives(void **state)
{
    (void)state;
    const CryoString words[] = { CRYO_STR("one"), CRYO_STR("") };
    const bool truths[] = { true, false, true };
    const int64_t numbers[] = { INT64_MIN, 0, INT64_MAX };
    const double reals[] = { 0.5, -1e300 };
    CryoSpan span = cryo_span_start("types", NULL);
    char mutable[] = "mutable";
    cryo_span_set(span, CRYO_ATTRS("text", "plain", "mutable", mutable, "string",
                                   ((CryoString){ "cut here", 3 }), "bool", CRYO_BOOL(1), "int", -5,
                                   "unsigned", 7u, "char", (char)'x', "long long", INT64_MAX,
                                   "size", sizeof span, "float", 0.25f, "double", 1.5));
    cryo_span_set(span, CRYO_ATTRS("bytes", cryo_bytes("\0\1\2", 3), "words", CRYO_ARRAY(words),
                                   "truths", CRYO_ARRAY(truths), "numbers", CRYO_ARRAY(numbers),
                                   "reals", CRYO_ARRAY(reals), "nothing", cryo_strings(words, 0),
                                   "empty", ((CryoValue){ 0 })));
    cryo_span_end(span);
    CryoAttrs got = span_named("types")->attributes;
    assert_int_equal(got.count, 18);
    assert_true(text_attribute_is(got, "text", "plain"));
    assert_true(text_attribute_is(got, "mutable", "mutable"));
    assert_true(text_attribute_is(got, "string", "cut"));
    assert_true(attribute_of(got, "bool")->type == CRYO_BOOLEAN);
    assert_true(attribute_of(got, "bool")->as.boolean);
    assert_int_equal(attribute_of(got, "int")->as.integer, -5);
    assert_int_equal(attribute_of(got, "char")->as.integer, 'x');
    assert_true(attribute_of(got, "long long")->as.integer == INT64_MAX);
    assert_true(attribute_of(got, "float")->as.real == 0.25);
    assert_int_equal(attribute_of(got, "bytes")->as.string.len, 3);
    assert_int_equal(attribute_of(got, "words")->as.array.count, 2);
    const CryoString *text = attribute_of(got, "words")->as.array.ptr;
    assert_true(text_is(text[0], "one") && text_is(text[1], ""));
    assert_memory_equal(attribute_of(got, "truths")->as.array.ptr, truths, sizeof truths);
    assert_memory_equal(attribute_of(got, "numbers")->as.array.ptr, numbers, sizeof numbers);
    assert_memory_equal(attribute_of(got, "reals")->as.array.ptr, reals, sizeof reals);
    assert_int_equal(attribute_of(got, "nothing")->as.array.count, 0);
    assert_int_equal(attribute_of(got, "empty")->type, CRYO_EMPTY);
}

static void a_full_span_still_takes_new_values_of_old_keys(void **state)
{
    (void)state;
    char key[16];
    CryoSpan span = cryo_span_start("full", NULL);
    for (int i = 0; i < 130; i++) {
        snprintf(key, sizeof key, "key.%d", i);
        cryo_span_set(span, CRYO_ATTRS(key, i));
    }
    cryo_span_set(span, CRYO_ATTRS("key.5", "a text that is longer than a number"));
    cryo_span_set(span, CRYO_ATTRS("key.6", -6, "key.129", 1, "key.6", -66));
    cryo_span_end(span);
    const CryoSpanView *view = span_named("full");
    assert_int_equal(view->attributes.count, 128);
    assert_int_equal(view->dropped_attributes, 3);
    assert_true(
        text_attribute_is(view->attributes, "key.5", "a text that is longer than a number"));
    assert_int_equal(attribute_of(view->attributes, "key.6")->as.integer, -66);
    assert_null(attribute_of(view->attributes, "key.128"));
}

static void values_longer_than_a_chunk_arrive_whole(void **state)
{
    (void)state;
    static char longer[100001];
    for (size_t i = 0; i < sizeof longer - 1; i++)
        longer[i] = (char)('a' + i % 26);
    const size_t sizes[] = { 700, 750, 800, 900, 1000, 1023, 1024, 2047, 5000, 100000 };
    CryoSpan span = cryo_span_start("long", NULL);
    char key[16];
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        snprintf(key, sizeof key, "of.%zu", sizes[i]);
        cryo_span_set(span, CRYO_ATTRS(key, ((CryoString){ longer, sizes[i] })));
    }
    cryo_span_exception(span, "Error", "what happened", longer);
    cryo_span_end(span);
    const CryoSpanView *view = span_named("long");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        snprintf(key, sizeof key, "of.%zu", sizes[i]);
        const CryoValue *value = attribute_of(view->attributes, key);
        assert_non_null(value);
        assert_int_equal(value->as.string.len, sizes[i]);
        assert_memory_equal(value->as.string.ptr, longer, sizes[i]);
    }
}

static void a_name_or_description_of_any_length_is_cut(void **state)
{
    (void)state;
    enum { MIB = 1 << 20 };
    char *endless = malloc(3 * MIB);
    assert_non_null(endless);
    memset(endless, 'x', 3 * MIB - 1);
    endless[3 * MIB - 1] = '\0';
    CryoSpan span = cryo_span_start(endless, NULL);
    cryo_span_status(span, CRYO_STATUS_ERROR, endless);
    cryo_span_end(span);
    free(endless);
    const CryoSpanView *view = span_named(NULL);
    assert_int_equal(view->name.len, MIB);
    assert_int_equal(view->status_description.len, MIB);
}

static void odd_keys_and_bad_text_do_no_harm(void **state)
{
    (void)state;
    char long_key[300];
    memset(long_key, 'k', sizeof long_key - 1);
    long_key[sizeof long_key - 1] = '\0';
    CryoSpan span = cryo_span_start("bad \xFF name", NULL);
    cryo_span_set(span, CRYO_ATTRS("", 1, long_key, 2, "bad", "\xC3( is not UTF-8", "null",
                                   (const char *)NULL));
    cryo_span_end(span);
    const CryoSpanView *view = span_named("bad \xEF\xBF\xBD name");
    assert_non_null(view);
    assert_int_equal(view->dropped_attributes, 2);
    assert_true(text_attribute_is(view->attributes, "bad", "\xEF\xBF\xBD( is not UTF-8"));
    assert_true(text_attribute_is(view->attributes, "null", ""));
}

static void long_values_are_cut_by_characters(void **state)
{
    (void)state;
    memory_stop();
    memory_start(&(CryoSettings){ .tracing.limits.value_length = 3 });
    const CryoString words[] = { CRYO_STR("\xC3\xA4\xC3\xB6\xC3\xBC\xC3\x9F"), CRYO_STR("ab") };
    CryoSpan span = cryo_span_start("a name is not cut", NULL);
    cryo_span_set(span, CRYO_ATTRS("text", "\xC3\xA4\xC3\xB6\xC3\xBC\xC3\x9F", "words",
                                   CRYO_ARRAY(words), "bytes", cryo_bytes("12345", 5)));
    cryo_span_end(span);
    const CryoSpanView *view = span_named("a name is not cut");
    assert_non_null(view);
    assert_true(text_attribute_is(view->attributes, "text", "\xC3\xA4\xC3\xB6\xC3\xBC"));
    const CryoString *got = attribute_of(view->attributes, "words")->as.array.ptr;
    assert_true(text_is(got[0], "\xC3\xA4\xC3\xB6\xC3\xBC") && text_is(got[1], "ab"));
    assert_int_equal(attribute_of(view->attributes, "bytes")->as.string.len, 3);
}

/* ---- events, links, status ------------------------------------------------------------------- */

static void events_and_links_keep_their_order_and_limits(void **state)
{
    (void)state;
    memory_stop();
    memory_start(&(CryoSettings){ .tracing.limits = { .events = 3,
                                                      .links = 2,
                                                      .attributes_per_event = 1,
                                                      .attributes_per_link = CRYO_ZERO } });
    CryoSpanContext other = { .trace_id = { 9 }, .span_id = { 8 }, .is_remote = true, .flags = 1 };
    const CryoLink links[] = { { &other, CRYO_ATTRS("why", 1) }, { NULL, no_attributes } };
    CryoSpan span = cryo_span_start("lists", &(CryoSpanOptions){ .links = links, .link_count = 2 });
    for (int i = 0; i < 3; i++)
        cryo_span_link_to(span, &links[0]);
    cryo_span_event(span, "first", CRYO_ATTRS("a", 1, "a", 2, "b", 3));
    cryo_span_event_at(span, cryo_str("second"), no_attributes, 123456789);
    cryo_span_mark(span, "third");
    cryo_span_mark(span, "fourth");
    cryo_span_end(span);
    const CryoSpanView *view = span_named("lists");
    assert_int_equal(view->event_count, 3);
    assert_int_equal(view->dropped_events, 1);
    assert_true(text_is(view->events[0].name, "first"));
    assert_int_equal(view->events[0].attributes.count, 1);
    assert_int_equal(attribute_of(view->events[0].attributes, "a")->as.integer, 2);
    assert_int_equal(view->events[0].dropped_attributes, 1);
    assert_int_equal(view->events[1].time_ns, 123456789);
    assert_true(view->events[2].time_ns >= view->start_ns);
    assert_true(view->events[2].time_ns <= view->end_ns);
    assert_int_equal(view->link_count, 2);
    assert_int_equal(view->dropped_links, 2);
    assert_int_equal(view->links[0].trace_id[0], 9);
    assert_true(view->links[0].is_remote);
    assert_int_equal(view->links[0].dropped_attributes, 1);
}

static void an_exception_is_an_event_whose_own_attributes_win(void **state)
{
    (void)state;
    CryoSpan span = cryo_span_start("exception", NULL);
    CryoException exception = { .type = CRYO_STR("IoError"),
                                .message = CRYO_STR("disk on fire"),
                                .attributes = CRYO_ATTRS("exception.message", "mine", "n", 1) };
    cryo_span_exception_with(span, &exception);
    cryo_span_fail(span, "Second", "worse");
    cryo_span_end(span);
    const CryoSpanView *view = span_named("exception");
    assert_int_equal(view->event_count, 2);
    CryoAttrs got = view->events[0].attributes;
    assert_true(text_is(view->events[0].name, "exception"));
    assert_true(text_attribute_is(got, "exception.type", "IoError"));
    assert_true(text_attribute_is(got, "exception.message", "mine"));
    assert_null(attribute_of(got, "exception.stacktrace"));
    assert_int_equal(got.count, 3);
    assert_int_equal(view->status, CRYO_STATUS_ERROR);
    assert_true(text_is(view->status_description, "worse"));
}

static void status_follows_the_order_ok_error_unset(void **state)
{
    (void)state;
    static const struct {
        CryoStatus first, second, result;
        const char *description;
    } rows[] = {
        { CRYO_STATUS_UNSET, CRYO_STATUS_UNSET, CRYO_STATUS_UNSET, "" },
        { CRYO_STATUS_UNSET, CRYO_STATUS_ERROR, CRYO_STATUS_ERROR, "two" },
        { CRYO_STATUS_UNSET, CRYO_STATUS_OK, CRYO_STATUS_OK, "" },
        { CRYO_STATUS_ERROR, CRYO_STATUS_UNSET, CRYO_STATUS_ERROR, "one" },
        { CRYO_STATUS_ERROR, CRYO_STATUS_ERROR, CRYO_STATUS_ERROR, "two" },
        { CRYO_STATUS_ERROR, CRYO_STATUS_OK, CRYO_STATUS_OK, "" },
        { CRYO_STATUS_OK, CRYO_STATUS_UNSET, CRYO_STATUS_OK, "" },
        { CRYO_STATUS_OK, CRYO_STATUS_ERROR, CRYO_STATUS_OK, "" },
        { CRYO_STATUS_OK, CRYO_STATUS_OK, CRYO_STATUS_OK, "" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CryoSpan span = cryo_span_start("status", NULL);
        cryo_span_status(span, rows[i].first, "one");
        cryo_span_status(span, rows[i].second, "two");
        cryo_span_end(span);
        const CryoSpanView *view = span_named("status");
        assert_int_equal(view->status, rows[i].result);
        assert_true(text_is(view->status_description, rows[i].description));
    }
}

static void times_and_names_can_be_given(void **state)
{
    (void)state;
    CryoSpan span = cryo_span_start("old name", &(CryoSpanOptions){ .start_ns = 1000 });
    cryo_span_rename(span, "a new name that is a good deal longer than the old one");
    cryo_span_rename(span, "new");
    cryo_span_end_at(span, 5000);
    const CryoSpanView *view = span_named("new");
    assert_non_null(view);
    assert_int_equal(view->start_ns, 1000);
    assert_int_equal(view->end_ns, 5000);
    {
        CRYO_SPAN(scoped, "by site");
        cryo_span_rename(scoped, "renamed");
    }
    assert_non_null(span_named("renamed"));
    assert_null(span_named("by site"));
}

/* ---- after the end --------------------------------------------------------------------------- */

static void a_handle_is_used_up_by_the_end(void **state)
{
    (void)state;
    CryoCounts counts;
    CryoSpanContext context;
    CryoSpan span = cryo_span_start("once", NULL);
    CryoSpan copy = span;
    assert_true(cryo_span_is_recording(span));
    cryo_span_end(span);
    cryo_span_end(copy);
    cryo_span_set(copy, CRYO_ATTRS("late", 1));
    cryo_span_mark(copy, "late");
    assert_false(cryo_span_is_recording(copy));
    assert_false(cryo_span_context(copy, &context));
    assert_false(cryo_span_context_valid(&context));
    for (int i = 0; i < 100; i++) { /* its slot is somebody else's now */
        CryoSpan next = cryo_span_start("next", NULL);
        cryo_span_set(copy, CRYO_ATTRS("late", 1));
        cryo_span_end(next);
    }
    assert_int_equal(span_count(), 101);
    assert_int_equal(span_named("next")->attributes.count, 0);
    cryo_counts(&counts);
    assert_int_equal(counts.late_uses, 105);
    assert_int_equal(counts.started, 101);
    assert_int_equal(counts.exported, 101);
    assert_int_equal(counts.held, 0);
}

static void a_zeroed_handle_does_nothing(void **state)
{
    (void)state;
    CryoSpan none = { 0 };
    cryo_span_set(none, CRYO_ATTRS("a", 1));
    cryo_span_event(none, "e", no_attributes);
    cryo_span_fail(none, "t", "m");
    cryo_span_end_at(none, 0);
    cryo_span_set_now(none, no_attributes);
    assert_false(cryo_span_is_recording(none));
    assert_int_equal(span_count(), 0);
}

static void *end_it(void *argument)
{
    CryoSpan *span = argument;
    cryo_span_set(*span, CRYO_ATTRS("where", "elsewhere"));
    cryo_span_end(*span);
    return NULL;
}

static void a_span_may_end_on_another_thread(void **state)
{
    (void)state;
    CryoSpan span = cryo_span_start("moved", NULL);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, end_it, &span), 0);
    pthread_join(thread, NULL);
    assert_true(text_attribute_is(span_named("moved")->attributes, "where", "elsewhere"));
}

static void without_telemetry_everything_is_a_no_op(void **state)
{
    (void)state;
    memory_stop();
    CryoCounts counts;
    CryoSpan span = cryo_span_start("off", NULL);
    assert_null(span.slot);
    {
        CRYO_SPAN(scoped, "off", .attributes = CRYO_ATTRS("never", (abort(), 1)));
        assert_null(scoped.slot);
    }
    CryoSpanContext remote = { .trace_id = { 3 }, .span_id = { 4 }, .flags = 1, .is_remote = true };
    CryoSpan wrapped = cryo_span_wrap(&remote); /* contexts still pass through */
    CryoToken token = cryo_attach(cryo_context_of(wrapped));
    CRYO_SPAN(inner, "off");
    assert_memory_equal(cryo_context_of(inner).span_id, remote.span_id, 8);
    cryo_detach(token);
    cryo_span_end(wrapped);
    cryo_counts(&counts);
    assert_int_equal(counts.started, 0);
    assert_true(cryo_flush(0, NULL) && cryo_shutdown(0, NULL));
}

int main(void)
{
#define SPAN_TEST(function) cmocka_unit_test_setup_teardown(function, start, stop)
    const struct CMUnitTest tests[] = {
        SPAN_TEST(a_span_in_a_block_is_the_child_of_the_one_around_it),
        SPAN_TEST(every_way_out_of_a_block_ends_its_span),
        SPAN_TEST(a_traced_function_is_named_after_itself),
        SPAN_TEST(parents_can_be_chosen),
        SPAN_TEST(a_remote_parent_brings_its_trace_state),
        SPAN_TEST(a_wrapped_context_is_a_parent_and_no_span),
        SPAN_TEST(a_trace_state_longer_than_its_place_is_none),
        SPAN_TEST(detaching_out_of_order_is_noticed),
        SPAN_TEST(every_type_arrives),
        SPAN_TEST(a_full_span_still_takes_new_values_of_old_keys),
        SPAN_TEST(values_longer_than_a_chunk_arrive_whole),
        SPAN_TEST(a_name_or_description_of_any_length_is_cut),
        SPAN_TEST(odd_keys_and_bad_text_do_no_harm),
        SPAN_TEST(long_values_are_cut_by_characters),
        SPAN_TEST(events_and_links_keep_their_order_and_limits),
        SPAN_TEST(an_exception_is_an_event_whose_own_attributes_win),
        SPAN_TEST(status_follows_the_order_ok_error_unset),
        SPAN_TEST(times_and_names_can_be_given),
        SPAN_TEST(a_handle_is_used_up_by_the_end),
        SPAN_TEST(a_zeroed_handle_does_nothing),
        SPAN_TEST(a_span_may_end_on_another_thread),
        SPAN_TEST(without_telemetry_everything_is_a_no_op),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
