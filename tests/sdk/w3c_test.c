/* w3c_test.c - traceparent and tracestate by W3C Trace Context level 2, and carriers. */
#include "sdk/w3c.h"

#include "sdk/kept_spans.h"

#include <cryostorm/propagation.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define IDS     "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"
#define ZERO_32 "00000000000000000000000000000000"

static void traceparents_that_are_valid(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint8_t flags;
    } rows[] = {
        { "00-" IDS "-00", 0 },
        { "00-" IDS "-01", 1 },
        { "00-" IDS "-03", 3 },
        { "00-" IDS "-ff", 3 }, /* unknown flags are not passed on */
        { " \t00-" IDS "-01 ", 1 },
        { "cc-" IDS "-01", 1 },
        { "cc-" IDS "-01-what-the-future-will-be-like", 1 },
        { "01-" IDS "-01-", 1 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CryoSpanContext context = { 0 };
        char out[TRACEPARENT_LEN + 1] = "", wanted[64], text[CRYO_TRACE_ID_TEXT];
        assert_true(traceparent_parse(str_from(rows[i].text), &context));
        assert_int_equal(context.flags, rows[i].flags);
        assert_string_equal(cryo_trace_id_text(&context, text), "0af7651916cd43dd8448eb211c80319c");
        assert_string_equal(cryo_span_id_text(&context, text), "b7ad6b7169203331");
        traceparent_write(&context, out);
        snprintf(wanted, sizeof wanted, "00-" IDS "-%02x", rows[i].flags);
        assert_string_equal(out, wanted);
    }
}

static void traceparents_that_are_not(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "00",
        "00-" IDS "-0",
        "00-" IDS "-001",
        "00-" IDS "-01-",
        "00-" IDS "-01-what-the-future",
        "00-" IDS "-01.",
        "cc-" IDS "-01.what-the-future",
        "cc-" IDS "-0",
        "ff-" IDS "-01",
        "0-" IDS "-01",
        "000-" IDS "-01",
        "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-B7ad6b7169203331-01",
        "00-" IDS "-0G",
        "00-.af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-" ZERO_32 "-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00_" IDS "-01",
        "00-0af7651916cd43dd8448eb211c80319-cb7ad6b7169203331-01",
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CryoSpanContext context = { .flags = 77 };
        assert_false(traceparent_parse(str_from(rows[i]), &context));
        assert_int_equal(context.flags, 77);
    }
}

static const char *stored(const char *text, bool *valid)
{
    static char out[CRYO_TRACE_STATE_MAX + 1];
    CryoSpanContext context = { 0 };
    *valid = trace_state_parse(str_from(text), &context);
    memcpy(out, context.trace_state, context.trace_state_len);
    out[context.trace_state_len] = '\0';
    return out;
}

static void trace_states_are_checked_and_tidied(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out; /* NULL: invalid */
    } rows[] = {
        { "", "" },
        { "foo=1", "foo=1" },
        { "foo=1,bar=2", "foo=1,bar=2" },
        { "foo=1 \t , \t bar=2, \t baz=3", "foo=1,bar=2,baz=3" },
        { "foo=1,,bar=2,", "foo=1,bar=2" },
        { "foo= 1", "foo= 1" },
        { "fw529a3039@dt=FfFf", "fw529a3039@dt=FfFf" },
        { "0a=1", "0a=1" },
        { "a-_*/@z=!~", "a-_*/@z=!~" },
        { "foo", NULL },
        { "foo=", NULL },
        { "=1", NULL },
        { "foo =1", NULL },
        { "FOO=1", NULL },
        { "foo.bar=1", NULL },
        { "@foo=1", NULL },
        { "foo=bar=baz", NULL },
        { "foo=1\x01", NULL },
        { "foo=\xC3\xA4", NULL },
        { "foo=1,foo=2", NULL },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool valid;
        const char *got = stored(rows[i].in, &valid);
        assert_int_equal(valid, rows[i].out != NULL);
        assert_string_equal(got, rows[i].out ? rows[i].out : "");
    }
}

/* "k0=v,k1=v ..." with `count` members and keys of `key_len`. */
static const char *many(size_t count, size_t key_len)
{
    static char text[20000];
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%sk%0*zu=v", i ? "," : "",
                                (int)key_len - 1, i);
    return text;
}

static void trace_states_have_ceilings(void **state)
{
    (void)state;
    bool valid;
    stored(many(32, 4), &valid);
    assert_true(valid);
    stored(many(33, 4), &valid);
    assert_false(valid);
    stored(many(1, 256), &valid);
    assert_true(valid);
    stored(many(1, 257), &valid);
    assert_false(valid);
    /* 32 * 23 bytes are too many: the last ones go, whole. */
    const char *got = stored(many(32, 20), &valid);
    assert_true(valid);
    assert_int_equal(strlen(got), 22 * 22 + 21);
    /* A long one goes before any short one. */
    char mixed[400] = "a=1,";
    memset(mixed + 4, 'x', 130);
    memcpy(mixed + 134, "=1,", 4);
    assert_non_null(strchr(stored(mixed, &valid), 'x'));
    char too_long[20400];
    snprintf(too_long, sizeof too_long, "%s%s", mixed, many(20, 20));
    got = stored(too_long, &valid);
    assert_true(valid);
    assert_null(strchr(got, 'x'));
    assert_memory_equal(got, "a=1,k", 5);
}

static void trace_states_can_be_edited(void **state)
{
    (void)state;
    CryoSpanContext context = { 0 };
    CryoString value;
    assert_true(cryo_trace_state_set(&context, cryo_str("a"), cryo_str("1")));
    assert_true(cryo_trace_state_set(&context, cryo_str("b"), cryo_str("2")));
    assert_true(cryo_trace_state_set(&context, cryo_str("a"), cryo_str("3")));
    assert_memory_equal(context.trace_state, "a=3,b=2", 7);
    assert_false(cryo_trace_state_set(&context, cryo_str("A"), cryo_str("3")));
    assert_false(cryo_trace_state_set(&context, cryo_str("c"), cryo_str("3 ")));
    assert_int_equal(context.trace_state_len, 7);
    assert_true(cryo_trace_state_get(&context, cryo_str("b"), &value) && text_is(value, "2"));
    assert_false(cryo_trace_state_get(&context, cryo_str("c"), &value));
    assert_true(cryo_trace_state_remove(&context, cryo_str("a")));
    assert_false(cryo_trace_state_remove(&context, cryo_str("a")));
    assert_int_equal(context.trace_state_len, 3);
    char key[8];
    for (int i = 0; i < 40; i++) {
        snprintf(key, sizeof key, "k%d", i);
        assert_true(cryo_trace_state_set(&context, cryo_str(key), cryo_str("v")));
    }
    assert_memory_equal(context.trace_state, "k39=v,k38=v", 11);
    assert_false(cryo_trace_state_get(&context, cryo_str("b"), &value)); /* made room */
    assert_false(cryo_trace_state_get(&context, cryo_str("k7"), &value));
    assert_true(cryo_trace_state_get(&context, cryo_str("k8"), &value));
}

static void headers_are_extracted(void **state)
{
    (void)state;
    CryoSpanContext context;
    const CryoHeader both[] = { { CRYO_STR("TraceParent"), CRYO_STR("00-" IDS "-01") },
                                { CRYO_STR("tracestate"), CRYO_STR("a=1") },
                                { CRYO_STR("TRACESTATE"), CRYO_STR("b=2") } };
    assert_true(cryo_extract(both, 3, &context));
    assert_true(context.is_remote);
    assert_int_equal(context.trace_state_len, 7);
    assert_memory_equal(context.trace_state, "a=1,b=2", 7);
    const CryoHeader twice[] = { both[0], both[0] };
    assert_false(cryo_extract(twice, 2, &context));
    assert_false(cryo_span_context_valid(&context));
    const CryoHeader bad_state[] = { both[0], { CRYO_STR("tracestate"), CRYO_STR("A=") } };
    assert_true(cryo_extract(bad_state, 2, &context));
    assert_int_equal(context.trace_state_len, 0);
    assert_false(cryo_extract(both + 1, 2, &context));
    assert_int_equal(context.trace_state_len, 0);
    assert_false(cryo_extract(NULL, 0, &context));
}

static void headers_are_injected(void **state)
{
    (void)state;
    CryoHeaders headers;
    cryo_inject(&headers);
    assert_int_equal(headers.count, 0);
    memory_start(NULL);
    {
        const CryoHeader in[] = { { CRYO_STR("traceparent"), CRYO_STR("00-" IDS "-01") },
                                  { CRYO_STR("tracestate"), CRYO_STR("a=1") } };
        CryoSpanContext caller, again;
        assert_true(cryo_extract(in, 2, &caller));
        CRYO_SPAN(span, "server", .remote = &caller);
        CryoSpanContext own;
        assert_true(cryo_span_context(span, &own));
        cryo_inject(&headers);
        assert_int_equal(headers.count, 2);
        assert_string_equal(headers.header[0].name.ptr, "traceparent");
        assert_string_equal(headers.header[1].value.ptr, "a=1");
        assert_true(cryo_extract(headers.header, headers.count, &again));
        assert_memory_equal(again.trace_id, caller.trace_id, 16);
        assert_memory_equal(again.span_id, own.span_id, 8);
    }
    memory_stop();
}

static void propagation_can_be_off(void **state)
{
    (void)state;
    CryoSpanContext context;
    CryoHeaders headers;
    size_t count;
    const CryoHeader in[] = { { CRYO_STR("traceparent"), CRYO_STR("00-" IDS "-01") } };
    memory_start(&(CryoSettings){ .propagation.enabled = CRYO_OFF });
    CRYO_SPAN(span, "span");
    cryo_inject(&headers);
    assert_int_equal(headers.count, 0);
    assert_false(cryo_extract(in, 1, &context));
    cryo_propagation_fields(&count);
    assert_int_equal(count, 0);
    memory_stop();
    assert_true(cryo_extract(in, 1, &context));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(traceparents_that_are_valid),
        cmocka_unit_test(traceparents_that_are_not),
        cmocka_unit_test(trace_states_are_checked_and_tidied),
        cmocka_unit_test(trace_states_have_ceilings),
        cmocka_unit_test(trace_states_can_be_edited),
        cmocka_unit_test(headers_are_extracted),
        cmocka_unit_test(headers_are_injected),
        cmocka_unit_test(propagation_can_be_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
