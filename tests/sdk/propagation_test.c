/* propagation_test.c - contexts on their way out, and the tracers that make the spans. */
#include "sdk/kept_spans.h"

#include <cryostorm/context.h>
#include <cryostorm/propagation.h>
#include <cryostorm/trace.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

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

static CryoSpanContext given(void)
{
    CryoSpanContext context = { .trace_id = { 0xab }, .span_id = { 0xcd }, .flags = 1 };
    context.trace_state_len = 3;
    memcpy(context.trace_state, "a=1", 3);
    return context;
}

static void a_given_context_is_written(void **state)
{
    (void)state;
    CryoSpanContext context = given();
    CryoHeaders headers;
    cryo_inject_context(&context, &headers);
    assert_int_equal(headers.count, 2);
    assert_true(text_is(headers.header[0].name, "traceparent"));
    assert_string_equal(headers.header[0].value.ptr,
                        "00-ab000000000000000000000000000000-cd00000000000000-01");
    assert_true(text_is(headers.header[1].name, "tracestate"));
    assert_string_equal(headers.header[1].value.ptr, "a=1");

    context.trace_state_len = 0;
    cryo_inject_context(&context, &headers);
    assert_int_equal(headers.count, 1);
}

static void no_context_writes_nothing(void **state)
{
    (void)state;
    CryoSpanContext none = { .trace_id = { 1 } }; /* without a span id it is none */
    CryoHeaders headers = { .count = 9 };
    cryo_inject_context(&none, &headers);
    assert_int_equal(headers.count, 0);
    headers.count = 9;
    cryo_inject_context(NULL, &headers);
    assert_int_equal(headers.count, 0);
}

typedef struct Carrier {
    size_t count;
    CryoString name, value;
    char text[128];
} Carrier;

static void put(void *carrier, CryoString name, CryoString value)
{
    Carrier *to = carrier;
    to->count++;
    to->name = name;
    assert_true(value.len < sizeof(to->text));
    memcpy(to->text, value.ptr, value.len + 1); /* with the zero byte that is promised */
}

static void a_setter_is_called_for_each_header(void **state)
{
    (void)state;
    Carrier carrier = { 0 };
    cryo_inject_with(put, &carrier); /* no span is current */
    assert_int_equal(carrier.count, 0);

    CryoSpanContext context;
    {
        CRYO_SPAN(span, "call", .kind = CRYO_CLIENT);
        assert_true(cryo_span_context(span, &context));
        cryo_inject_with(put, &carrier);
    }
    assert_int_equal(carrier.count, 1);
    assert_true(text_is(carrier.name, "traceparent"));
    char trace_id[CRYO_TRACE_ID_TEXT];
    assert_non_null(strstr(carrier.text, cryo_trace_id_text(&context, trace_id)));
}

static void a_tracer_names_the_scope_of_its_spans(void **state)
{
    (void)state;
    const CryoTracer *tracer = cryo_tracer("orders", "1.2.3");
    assert_non_null(tracer);
    assert_ptr_equal(tracer, cryo_tracer("orders", "1.2.3"));
    assert_ptr_not_equal(tracer, cryo_tracer("orders", "1.2.4"));
    assert_ptr_not_equal(tracer, cryo_tracer("orders", NULL));
    cryo_span_end(cryo_span_start("named", &(CryoSpanOptions){ .tracer = tracer }));
    const CryoSpanView *span = span_named("named");
    assert_non_null(span);
    assert_true(text_is(span->scope_name, "orders"));
    assert_true(text_is(span->scope_version, "1.2.3"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_given_context_is_written, start, stop),
        cmocka_unit_test_setup_teardown(no_context_writes_nothing, start, stop),
        cmocka_unit_test_setup_teardown(a_setter_is_called_for_each_header, start, stop),
        cmocka_unit_test_setup_teardown(a_tracer_names_the_scope_of_its_spans, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
