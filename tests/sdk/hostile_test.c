/* hostile_test.c - what a careless program, or the far end of a connection, may hand to the
 * library: endless headers, texts of a megabyte, values without end. Each has its documented limit,
 * what is beyond is counted, and the program goes on. */
#include "sdk/kept_spans.h"
#include "support/starve.h"

#include <cryostorm/context.h>
#include <cryostorm/log.h>
#include <cryostorm/metrics.h>
#include <cryostorm/propagation.h>
#include <cryostorm/telemetry.h>
#include <cryostorm/trace.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MEGABYTE = 1000000, HEADERS = 1000 };

#define PARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static char *letters(size_t count, char letter)
{
    char *text = malloc(count + 1);
    assert_non_null(text);
    memset(text, letter, count);
    text[count] = '\0';
    return text;
}

/* ---- headers ---- */

static CryoHeader header(const char *name, const char *value)
{
    return (CryoHeader){ cryo_str(name), cryo_str(value) };
}

/* Extraction allocates nothing, whatever comes. */
static bool extract(const CryoHeader *headers, size_t count, CryoSpanContext *out)
{
    starve_after(0);
    bool valid = cryo_extract(headers, count, out);
    assert_false(starve_happened());
    starve_after(-1);
    return valid;
}

static void many_headers_are_no_more_than_some(void **state)
{
    (void)state;
    static CryoHeader headers[HEADERS + 1];
    CryoSpanContext context;
    headers[0] = header("TraceParent", PARENT);
    for (size_t i = 1; i <= HEADERS; i++)
        headers[i] = header("tracestate", i % 2 ? "a=1" : "");
    assert_true(extract(headers, HEADERS + 1, &context));
    assert_int_equal(context.trace_state_len, 0); /* the same member twice, and far too many */
    headers[1] = header("tracestate", "a=1,b=2");
    assert_true(extract(headers, 2, &context));
    assert_int_equal(context.trace_state_len, 7);
    for (size_t i = 1; i <= HEADERS; i++)
        headers[i] = header("traceparent", PARENT);
    assert_false(extract(headers, HEADERS + 1, &context));
    for (size_t i = 1; i <= HEADERS; i++)
        headers[i] = header("baggage", "a=1,a=1,a=1");
    assert_true(extract(headers, HEADERS + 1, &context));
}

static void headers_without_end_or_sense(void **state)
{
    (void)state;
    static const char fillers[] = ",;=- \t%0a\xff";
    CryoSpanContext context;
    for (size_t i = 0; i < sizeof fillers; i++) {
        char *text = letters(MEGABYTE, fillers[i] ? fillers[i] : 'z');
        CryoHeader headers[] = { header("traceparent", text), header("tracestate", text) };
        assert_false(extract(headers, 2, &context));
        headers[0] = header("traceparent", PARENT);
        assert_true(extract(headers, 2, &context));
        assert_int_equal(context.trace_state_len, 0);
        headers[1].value.len = 8192;
        assert_true(extract(headers, 2, &context));
        assert_int_equal(context.trace_state_len, 0);
        headers[0].value.len = 54;
        assert_false(extract(headers, 2, &context));
        free(text);
    }
}

static void headers_that_point_nowhere(void **state)
{
    (void)state;
    CryoSpanContext context;
    CryoHeader headers[] = { header("traceparent", PARENT), { { NULL, 9 }, { NULL, 9 } } };
    assert_true(extract(headers, 2, &context));
    headers[1] = (CryoHeader){ cryo_str("tracestate"), { NULL, SIZE_MAX } };
    assert_true(extract(headers, 2, &context));
    assert_int_equal(context.trace_state_len, 0);
    headers[1].value = (CryoString){ "a=1", SIZE_MAX };
    assert_true(extract(headers, 2, &context));
    headers[1].value = (CryoString){ "a=1", SIZE_MAX - 1 };
    assert_true(extract(headers, 2, &context));
    assert_int_equal(context.trace_state_len, 0);
    headers[0].value = (CryoString){ NULL, 55 };
    assert_false(extract(headers, 2, &context));
    assert_false(extract(NULL, 5, &context));
}

static bool endless_getter(void *carrier, CryoString name, size_t index, CryoString *value)
{
    ++*(size_t *)carrier;
    bool parent = name.len == strlen("traceparent");
    *value = parent ? cryo_str(PARENT) : (CryoString){ "", 0 };
    return !parent || index == 0;
}

static void a_carrier_without_end(void **state)
{
    (void)state;
    size_t asked = 0;
    CryoSpanContext context;
    assert_true(cryo_extract_with(endless_getter, &asked, &context));
    assert_int_equal(context.trace_state_len, 0);
    assert_true(asked < 50);
}

/* ---- spans ---- */

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

static void texts_of_a_megabyte_and_more(void **state)
{
    (void)state;
    char *text = letters(10 * MEGABYTE, 'x');
    CryoSpan span = cryo_span_start("named later", NULL);
    cryo_span_rename_to(span, (CryoString){ text, MEGABYTE });
    cryo_span_set_now(span, CRYO_ATTRS("long", text));
    cryo_span_set_now(span, (CryoAttrs){ &(CryoAttr){ { text, MEGABYTE }, cryo_integer(1) }, 1 });
    cryo_span_event_at(span, (CryoString){ text, MEGABYTE }, CRYO_ATTRS("long", text), 0);
    cryo_span_status_to(span, CRYO_STATUS_ERROR, (CryoString){ text, 10 * MEGABYTE });
    cryo_span_end(span);
    const CryoSpanView *view = span_named(NULL);
    assert_non_null(view);
    assert_true(view->name.len > 0 && view->name.len <= MEGABYTE);
    const CryoValue *kept = attribute_of(view->attributes, "long");
    assert_true(kept && kept->as.string.len <= 1 << 20); /* a value is cut at a MiB */
    assert_int_equal(view->attributes.count, 1);
    assert_int_equal(view->dropped_attributes, 1); /* a key has at most 255 bytes */
    assert_int_equal(view->event_count + view->dropped_events, 1);
    free(text);
}

static void a_million_of_everything(void **state)
{
    (void)state;
    CryoAttr *many = calloc(MEGABYTE, sizeof *many);
    char(*names)[8] = calloc(MEGABYTE, sizeof *names);
    assert_true(many && names);
    for (size_t i = 0; i < MEGABYTE; i++) {
        snprintf(names[i], sizeof names[i], "k%zu", i % 10000000);
        many[i] = (CryoAttr){ cryo_str(names[i]), cryo_integer(1) };
    }
    CryoSpan span = cryo_span_start("busy", NULL);
    cryo_span_set_now(span, (CryoAttrs){ many, MEGABYTE });
    CryoSpanContext self;
    cryo_span_context(span, &self);
    for (int i = 0; i < 100000; i++) {
        cryo_span_event_at(span, cryo_str("e"), (CryoAttrs){ NULL, 0 }, 0);
        cryo_span_link_to(span, &(CryoLink){ .context = &self });
    }
    cryo_span_end(span);
    const CryoSpanView *view = span_named("busy");
    assert_non_null(view);
    assert_int_equal(view->attributes.count, 128);
    assert_int_equal(view->dropped_attributes, MEGABYTE - 128);
    assert_int_equal(view->event_count, 128);
    assert_int_equal(view->dropped_events, 100000 - 128);
    assert_int_equal(view->link_count, 128);
    assert_int_equal(view->dropped_links, 100000 - 128);
    free(names);
    free(many);
}

/* A pointer may be NULL where its length is 0, everywhere. */
static void nothing_where_something_should_be(void **state)
{
    (void)state;
    CryoSpan span = cryo_span_start(NULL, NULL);
    const CryoAttr odd[] = {
        { { NULL, 0 }, cryo_integer(1) },
        { cryo_str("text"), cryo_string((CryoString){ NULL, 0 }) },
        { cryo_str("list"), { .type = CRYO_INTEGER_ARRAY, .as.array = { NULL, 0 } } },
        { cryo_str("map"), { .type = CRYO_MAP, .as.map = { NULL, 0 } } },
        { cryo_str("kind"), { .type = (CryoType)99 } },
    };
    cryo_span_set_now(span, (CryoAttrs){ odd, sizeof odd / sizeof *odd });
    cryo_span_set_now(span, (CryoAttrs){ NULL, 0 });
    cryo_span_event_at(span, (CryoString){ NULL, 0 }, (CryoAttrs){ NULL, 0 }, 0);
    cryo_span_link_to(span, NULL);
    cryo_span_rename_to(span, (CryoString){ NULL, 0 });
    cryo_span_status_to(span, (CryoStatus)99, (CryoString){ NULL, 0 });
    cryo_span_exception_with(span, NULL);
    cryo_span_end_at(span, UINT64_MAX);
    cryo_span_end(span);
    const CryoSpanView *view = span_named(NULL);
    assert_non_null(view);
    assert_int_equal(view->attributes.count, 3);
    assert_int_equal(view->dropped_attributes, 2);
    assert_int_equal(span_count(), 1);
}

/* Lengths that no memory has: dropped or cut without a look at what is there. */
static void lengths_that_cannot_be(void **state)
{
    (void)state;
    int64_t one = 1;
    CryoSpan span = cryo_span_start("lengths", NULL);
    const CryoAttr odd[] = {
        { { "key", SIZE_MAX }, cryo_integer(1) },
        { cryo_str("list"), { .type = CRYO_INTEGER_ARRAY, .as.array = { &one, SIZE_MAX } } },
        { cryo_str("list2"), { .type = CRYO_INTEGER_ARRAY, .as.array = { &one, SIZE_MAX / 8 } } },
        { cryo_str("texts"), { .type = CRYO_STRING_ARRAY, .as.array = { &one, SIZE_MAX / 2 } } },
    };
    cryo_span_set_now(span, (CryoAttrs){ odd, 3 });
    cryo_span_end(span);
    const CryoSpanView *view = span_named("lengths");
    assert_non_null(view);
    assert_int_equal(view->attributes.count, 0);
    assert_int_equal(view->dropped_attributes, 3);
}

/* A value in itself, and one of ten lists of ten lists of ten lists ... */
static void values_without_end(void **state)
{
    (void)state;
    CryoValue circle[2];
    circle[0] = circle[1] = (CryoValue){ .type = CRYO_VALUE_ARRAY, .as.array = { circle, 2 } };
    CryoValue levels[CRYO_DEPTH_MAX - 1][10];
    for (size_t i = 0; i < CRYO_DEPTH_MAX - 1; i++)
        for (size_t k = 0; k < 10; k++)
            levels[i][k] =
                i == 0 ? cryo_integer(1)
                       : (CryoValue){ .type = CRYO_VALUE_ARRAY, .as.array = { levels[i - 1], 10 } };
    const CryoAttr odd[] = { { cryo_str("circle"), circle[0] },
                             { cryo_str("fan"), levels[CRYO_DEPTH_MAX - 2][0] },
                             { cryo_str("good"), cryo_integer(1) } };
    CryoSpan span = cryo_span_start("endless", NULL);
    cryo_span_set_now(span, (CryoAttrs){ odd, 3 });
    cryo_span_end(span);
    const CryoSpanView *view = span_named("endless");
    assert_non_null(view);
    assert_int_equal(view->attributes.count, 1);
    assert_int_equal(view->dropped_attributes, 2);
}

static void text_that_is_none_is_repaired(void **state)
{
    (void)state;
    static const char bad[] = "a\xc0\xaf\xed\xa0\x80\xff"
                              "b\xe2\x82";
    CryoSpan span = cryo_span_start("placeholder", NULL);
    cryo_span_rename_to(span, cryo_str(bad));
    cryo_span_set_now(span, (CryoAttrs){ &(CryoAttr){ cryo_str(bad), cryo_text(bad) }, 1 });
    cryo_span_end(span);
    const CryoSpanView *view = span_named(NULL);
    assert_non_null(view);
    assert_int_equal(view->attributes.count, 1);
}

/* ---- settings ---- */

static const char *const hostile_values[] = { "",          "-1",
                                              "0",         "99999999999999999999",
                                              "1e400",     "NaN",
                                              "\xff\xfe",  "{\"a\":[[[[",
                                              "a,b=,=c,,", "http://[::1",
                                              "%zz=%",     NULL /* long */ };
static const char *const names[] = {
    "SERVICE__NAME",
    "SERVICE__ADDITIONAL_ATTRIBUTES",
    "TRACING__SAMPLE_RATE",
    "TRACING__MAX_QUEUE_SIZE",
    "TRACING__EXPORT_CONFIG__BATCH_SIZE",
    "TRACING__LIMITS__ATTRIBUTES",
    "TRACING__COLLECTOR__PORT",
    "METRICS__EXPORT_INTERVAL_MILLIS",
    "LOGGING__LIMITS__VALUE_LENGTH",
    "PROPAGATION__PROPAGATOR_TYPES",
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
    "OTEL_BSP_MAX_QUEUE_SIZE",
    "OTEL_BSP_SCHEDULE_DELAY",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_PROPAGATORS",
};

static void hear_nothing(void *context, CryoLogLevel level, CryoString message)
{
    (void)context, (void)level, (void)message;
}

/* Whatever stands in the environment: it starts, or says why not; spans work or do nothing. */
static void settings_of_any_kind(void **state)
{
    (void)state;
    char *lengthy = letters(100000, '9');
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        for (size_t k = 0; k < sizeof hostile_values / sizeof *hostile_values; k++) {
            setenv(names[i], hostile_values[k] ? hostile_values[k] : lengthy, 1);
            CryoSettings settings = { .env_file = "", .tracing.exporter_type = "in_memory" };
            CryoError error;
            cryo_set_log_handler(hear_nothing, NULL);
            cryo_start(&settings, &error);
            CryoSpan span = cryo_span_start("any", NULL);
            cryo_span_set_now(span, CRYO_ATTRS("k", "v"));
            cryo_span_end(span);
            cryo_shutdown(1000, NULL);
            cryo_reset();
            unsetenv(names[i]);
        }
    }
    cryo_set_log_handler(NULL, NULL);
    free(lengthy);
}

int main(void)
{
    starve_after(-1); /* before anything allocates */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_headers_are_no_more_than_some),
        cmocka_unit_test(headers_without_end_or_sense),
        cmocka_unit_test(headers_that_point_nowhere),
        cmocka_unit_test(a_carrier_without_end),
        cmocka_unit_test_setup_teardown(texts_of_a_megabyte_and_more, start, stop),
        cmocka_unit_test_setup_teardown(a_million_of_everything, start, stop),
        cmocka_unit_test_setup_teardown(nothing_where_something_should_be, start, stop),
        cmocka_unit_test_setup_teardown(lengths_that_cannot_be, start, stop),
        cmocka_unit_test_setup_teardown(values_without_end, start, stop),
        cmocka_unit_test_setup_teardown(text_that_is_none_is_repaired, start, stop),
        cmocka_unit_test(settings_of_any_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
