/* Jaeger's answers where case files do not reach: many spans, odd values, no memory, a deadline. */
#include "api/jaeger.h"

#include "api/jaeger_json.h"
#include "otlp/encode.h"
#include "store/store.h"
#include "support/make_spans.h"
#include "support/starve.h"
#include "support/test_disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static TestDisk *disk;
static Store *store;

static void told(void *context, const Err *err)
{
    *(bool *)context = err == NULL;
}

static void put(Batch *batch)
{
    Err err;
    bool stored = false;
    assert_non_null(batch);
    assert_true(store_append(store, batch, told, &stored, &err));
    batch_unref(batch);
    store_step(store);
    assert_true(stored);
}

static int set_up(void **state)
{
    (void)state;
    Err err;
    disk = test_disk_new(1);
    StoreSettings settings = store_defaults();
    settings.disk = test_disk_door(disk);
    settings.directory = "data";
    settings.sync = SEGLOG_SYNC_OFF;
    settings.own_thread = false;
    store = store_open(&settings, &err);
    return store ? 0 : 1;
}

static int tear_down(void **state)
{
    (void)state;
    Err err;
    bool ok = store_close(store, INT64_MAX, &err);
    test_disk_free(disk);
    return ok ? 0 : 1;
}

static ApiAnswer ask(const char *path, const char *query)
{
    ApiAnswer answer = { .body = BUF(64 << 20) };
    ApiRequest request = { .method = STR("GET"),
                           .path = str_from(path),
                           .query = str_from(query),
                           .now_ns = (int64_t)SPANS_EPOCH_NS + 3600 * NANOS_PER_SECOND };
    jaeger_answer(store_spans(store), &request, &answer);
    return answer;
}

static size_t count(const ApiAnswer *answer, const char *part)
{
    size_t n = 0;
    Str rest = buf_str(&answer->body);
    for (const char *at; (at = memmem(rest.ptr, rest.len, part, strlen(part))); n++)
        rest = str_skip(rest, (size_t)(at - rest.ptr) + strlen(part));
    return n;
}

static void a_trace_of_thousands_of_spans(void **state)
{
    (void)state;
    Err err;
    Buf lines = BUF(4 << 20);
    for (int i = 0; i < 6000; i++) {
        buf_addf(&lines, "trace=aaaa id=%x service=many name=n start=+%dms %%host=h%d\n", i + 1,
                 6000 - i, i % 3);
        if (i % 500 == 499) {
            put(make_spans(buf_str(&lines), &err));
            buf_clear(&lines);
        }
    }
    buf_free(&lines);
    ApiAnswer answer = ask("/api/traces/aaaa", "");
    assert_int_equal(answer.status, 200);
    assert_int_equal(count(&answer, "\"spanID\":"), 6000);
    assert_int_equal(count(&answer, "\"serviceName\":\"many\""), 3);
    assert_int_equal(count(&answer, "\"processID\":\"p3\""), 2000);
    buf_free(&answer.body);
    answer = ask("/api/traces", "service=many&limit=5");
    assert_int_equal(count(&answer, "\"spanID\":"), 6000);
    buf_free(&answer.body);
}

static void add_odd_values(Buf *out)
{
    size_t group = wire_open(out, REQUEST_GROUP), scopes = wire_open(out, GROUP_SCOPES);
    size_t span = wire_open(out, SCOPES_ITEM);
    encode_span(out, &(SpanView){ .trace_id = { { [15] = 0xBB } },
                                  .span_id = { { 1 } },
                                  .name = STR("</script><b>\"\\\x01"),
                                  .kind = 77,
                                  .status_code = 88,
                                  .dropped_attributes = 1,
                                  .dropped_events = 2,
                                  .dropped_links = 3 });
    encode_double(out, SPAN_ATTRIBUTES, STR("nan"), 0.0 / 0.0);
    encode_double(out, SPAN_ATTRIBUTES, STR("inf"), -1.0 / 0.0);
    encode_int(out, SPAN_ATTRIBUTES, STR("least"), INT64_MIN);
    encode_bytes(out, SPAN_ATTRIBUTES, STR("bytes"), (Str){ "\0\1\2\3", 4 });
    encode_attribute(out, SPAN_ATTRIBUTES, STR("empty"), &(ValueView){ .kind = VALUE_EMPTY });
    ArrayEncoder array = encode_array_open(out, SPAN_ATTRIBUTES, STR("list"));
    encode_element(out, &(ValueView){ .kind = VALUE_STRING, .text = STR("a\"b") });
    encode_element(out, &(ValueView){ .kind = VALUE_INT, .integer = 5 });
    encode_array_close(out, &array);
    wire_close(out, span);
    wire_close(out, scopes);
    wire_close(out, group);
}

static void odd_values_stay_data(void **state)
{
    (void)state;
    Err err;
    Buf bytes = BUF(1 << 16);
    add_odd_values(&bytes);
    put(batch_from_bytes(TRACES, &bytes, &err));
    buf_free(&bytes);
    static const char *const parts[] = {
        "\"operationName\":\"\\u003c/script\\u003e\\u003cb\\u003e\\\"\\\\\\u0001\"",
        "{\"key\":\"nan\",\"type\":\"float64\",\"value\":\"NaN\"}",
        "{\"key\":\"inf\",\"type\":\"float64\",\"value\":\"-Infinity\"}",
        "{\"key\":\"least\",\"type\":\"int64\",\"value\":\"-9223372036854775808\"}",
        "{\"key\":\"bytes\",\"type\":\"binary\",\"value\":\"AAECAw==\"}",
        "{\"key\":\"empty\",\"type\":\"string\",\"value\":\"\"}",
        "{\"key\":\"list\",\"type\":\"string\",\"value\":\"[\\\"a\\\\\\\"b\\\",5]\"}",
        "{\"key\":\"otel.dropped_attributes_count\",\"type\":\"int64\",\"value\":1}",
        "{\"key\":\"otel.dropped_events_count\",\"type\":\"int64\",\"value\":2}",
        "{\"key\":\"otel.dropped_links_count\",\"type\":\"int64\",\"value\":3}",
        "\"serviceName\":\"unknown_service\"",
    };
    ApiAnswer answer = ask("/api/traces/bb", "");
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        if (count(&answer, parts[i]) != 1)
            fail_msg("not once: %s\nin %.*s", parts[i], STR_ARG(buf_str(&answer.body)));
    assert_int_equal(count(&answer, "span.kind"), 0);
    buf_free(&answer.body);
    answer = ask(
        "/api/traces",
        "service=unknown_service&start=0&tag=bytes:AAECAw%3D%3D&tag=list:%5B%22a%5C%22b%22,5%5D");
    assert_int_equal(count(&answer, "\"spanID\":"), 1);
    buf_free(&answer.body);
}

static void an_answer_that_is_too_large_says_so(void **state)
{
    (void)state;
    ApiAnswer answer = { .body = BUF(4096) };
    ApiRequest request = { .method = STR("GET"), .path = STR("/api/traces/aaaa"), .now_ns = 1 };
    jaeger_answer(store_spans(store), &request, &answer);
    assert_int_equal(answer.status, 413);
    assert_int_equal(count(&answer, "larger than the limit of 4096 bytes"), 1);
    buf_free(&answer.body);
}

static void a_deadline_is_504(void **state)
{
    (void)state;
    ApiAnswer answer = { .body = BUF(1 << 20) };
    ApiRequest request = { .method = STR("GET"),
                           .path = STR("/api/traces"),
                           .query = STR("service=many"),
                           .now_ns = (int64_t)SPANS_EPOCH_NS + 3600 * NANOS_PER_SECOND,
                           .deadline_mono_ns = 1 };
    jaeger_answer(store_spans(store), &request, &answer);
    assert_int_equal(answer.status, 504);
    assert_int_equal(count(&answer, "\"code\":504"), 1);
    buf_free(&answer.body);
}

/* The asker's clock is asked, wherever a face looks for data. */
static void who_has_gone_gets_504(void **state)
{
    (void)state;
    static const char *const questions[][2] = {
        { "/api/traces", "service=many" },
        { "/api/dependencies", "endTs=1750003600000&lookback=7200000" },
    };
    TestClock gone;
    test_clock_init(&gone, 0);
    test_clock_advance(&gone, INT64_MAX / 2);
    for (size_t i = 0; i < COUNT_OF(questions); i++) {
        ApiAnswer answer = { .body = BUF(1 << 20) };
        ApiRequest request = { .method = STR("GET"),
                               .path = str_from(questions[i][0]),
                               .query = str_from(questions[i][1]),
                               .now_ns = (int64_t)SPANS_EPOCH_NS + 3600 * NANOS_PER_SECOND,
                               .deadline_mono_ns = INT64_MAX / 2,
                               .clock = &gone.base };
        jaeger_answer(store_spans(store), &request, &answer);
        if (answer.status != 504)
            fail_msg("%s: %d", questions[i][0], answer.status);
        buf_free(&answer.body);
    }
}

static void no_memory_is_an_answer_too(void **state)
{
    (void)state;
    static const char *const questions[][2] = {
        { "/api/services", "" },
        { "/api/operations", "service=many&spanKind=server" },
        { "/api/services/many/operations", "" },
        { "/api/traces",
          "service=unknown_service&start=0&tag=a:b&tags={\"c\":\"d\"}&minDuration=1ms&error=true" },
        { "/api/traces/bb", "" },
        { "/api/dependencies", "" },
    };
    long total = 0;
    starve_after(-1);
    for (size_t i = 0; i < COUNT_OF(questions); i++) {
        ApiAnswer whole = ask(questions[i][0], questions[i][1]);
        assert_int_equal(whole.status, 200);
        long n = 0;
        for (bool done = false; !done; n++) {
            long before = starve_live();
            starve_after(n);
            ApiAnswer answer = ask(questions[i][0], questions[i][1]);
            done = !starve_happened();
            starve_end();
            if (answer.status == 503)
                assert_false(done);
            else /* it did without: then nothing may be missing */
                assert_true(answer.status == 200 &&
                            str_eq(buf_str(&answer.body), buf_str(&whole.body)));
            buf_free(&answer.body);
            assert_int_equal(starve_live(), before);
        }
        total += n - 1;
        buf_free(&whole.body);
    }
    printf("counts: Jaeger's answers survive %ld failed allocations\n", total);
    assert_true(total > 60);
}

static void trace_ids_in_both_forms(void **state)
{
    (void)state;
    char text[JAEGER_ID_SIZE];
    TraceId id;
    assert_true(jaeger_trace_id_parse(STR("1"), &id));
    assert_int_equal(jaeger_trace_id(&id, text), 16);
    assert_memory_equal(text, "0000000000000001", 16);
    assert_true(jaeger_trace_id_parse(STR("0100000000000000000000000000000A"), &id));
    assert_int_equal(jaeger_trace_id(&id, text), 32);
    assert_memory_equal(text, "0100000000000000000000000000000a", 32);
    assert_false(jaeger_trace_id_parse(STR(""), &id));
    assert_false(jaeger_trace_id_parse(STR("g"), &id));
    assert_false(jaeger_trace_id_parse(STR("000000000000000000000000000000001"), &id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trace_of_thousands_of_spans),
        cmocka_unit_test(odd_values_stay_data),
        cmocka_unit_test(an_answer_that_is_too_large_says_so),
        cmocka_unit_test(a_deadline_is_504),
        cmocka_unit_test(who_has_gone_gets_504),
        cmocka_unit_test(no_memory_is_an_answer_too),
        cmocka_unit_test(trace_ids_in_both_forms),
    };
    return cmocka_run_group_tests_name("jaeger", tests, set_up, tear_down);
}
