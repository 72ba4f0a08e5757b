/* What probabilistic_sampler keeps of 10,000 traces and records, and how it marks them: compared,
 * by a digest, with what the public Collector 0.158 did with the same ones; then single items. */
#include "base/log.h"
#include "base/sha256.h"
#include "otlp/encode.h"
#include "support/starve.h"
#include "support/test_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

extern const ComponentType probabilistic_sampler_processor;

enum { COUNT = 10000, TEXT_MAX = 4 << 20 };

/* --- one item in, one item out ------------------------------------------------------------------
 */

static void add_span(Buf *out, const TraceId *id, Str state, const AttributeView *attribute)
{
    size_t span = wire_open(out, SCOPES_ITEM);
    SpanView view = { .trace_id = *id, .trace_state = state, .name = STR("s") };
    encode_span(out, &view);
    if (attribute)
        encode_attribute(out, SPAN_ATTRIBUTES, attribute->key, &attribute->value);
    wire_close(out, span);
}

/* text: the record's severity text, to know it again. */
static void add_record(Buf *out, const TraceId *id, Str text, const AttributeView *attribute)
{
    size_t record = wire_open(out, SCOPES_ITEM);
    LogView view = { .trace_id = *id, .severity_text = text };
    encode_log(out, &view);
    if (attribute)
        encode_attribute(out, LOG_ATTRIBUTES, attribute->key, &attribute->value);
    wire_close(out, record);
}

typedef struct Opened {
    Buf bytes;
    size_t group, scopes;
} Opened;

static Opened begin(void)
{
    Opened batch = { .bytes = BUF(TEXT_MAX) };
    batch.group = wire_open(&batch.bytes, REQUEST_GROUP);
    batch.scopes = wire_open(&batch.bytes, GROUP_SCOPES);
    return batch;
}

static Batch *end(Opened *batch, Signal signal)
{
    Err err;
    wire_close(&batch->bytes, batch->scopes);
    wire_close(&batch->bytes, batch->group);
    Batch *made = batch_from_bytes(signal, &batch->bytes, &err);
    buf_free(&batch->bytes);
    assert_non_null(made);
    return made;
}

static TestHost *start(const char *settings)
{
    Err err;
    char yaml[200];
    snprintf(yaml, sizeof yaml, "{%s}", settings);
    TestHost *host = test_host_new(&probabilistic_sampler_processor, str_from(yaml), NULL, &err);
    if (!host || !test_host_start(host, &err))
        fail_msg("%s", err.text);
    test_host_judge_all(host, true);
    return host;
}

/* --- what the public Collector did --------------------------------------------------------------
 */

static TraceId made_id(unsigned i)
{
    TraceId id;
    char text[32];
    uint8_t sum[SHA256_SIZE];
    snprintf(text, sizeof text, "trace %u", i);
    sha256(str_from(text), sum);
    memcpy(&id, sum, sizeof id);
    return id;
}

static Batch *make_all(Signal signal)
{
    static const char *const states[] = { "", "vendor=1,ot=th:8", "ot=rv:c0ffee00c0ffee;th:4" };
    Opened batch = begin();
    for (unsigned i = 0; i < COUNT; i++) {
        TraceId id = made_id(i);
        char number[16];
        snprintf(number, sizeof number, "%u", i);
        if (signal == TRACES)
            add_span(&batch.bytes, &id, str_from(states[i % 3]), NULL);
        else
            add_record(&batch.bytes, &id, str_from(number), NULL);
    }
    return end(&batch, signal);
}

static Str text_at(Attributes attributes, const char *key)
{
    ValueView value = { .text = STR("") };
    if (attributes_find(attributes, str_from(key), &value))
        assert_int_equal(value.kind, VALUE_STRING);
    return value.text;
}

/* "17 ot=th:8", "17 8 00c0ffee00c0ff": a line for each that is kept. */
static void describe(const Batch *in, const Batch *kept, Buf *out)
{
    size_t at = 0;
    for (size_t i = 0; i < batch_item_count(kept); i++) {
        if (batch_signal(kept) == TRACES) {
            SpanView span = span_view(kept, i);
            for (SpanView came = span_view(in, at); !trace_id_eq(&came.trace_id, &span.trace_id);)
                came = span_view(in, ++at);
            buf_addf(out, "%zu %.*s\n", at, STR_ARG(span.trace_state));
        } else {
            LogView log = log_view(kept, i);
            Str threshold = text_at(log.attributes, "sampling.threshold");
            Str randomness = text_at(log.attributes, "sampling.randomness");
            buf_addf(out, "%.*s %.*s %.*s\n", STR_ARG(log.severity_text), STR_ARG(threshold),
                     STR_ARG(randomness));
        }
    }
}

static void check_digest(const char *settings, Signal signal, const char *want)
{
    Err err;
    uint8_t sum[SHA256_SIZE];
    char hex[2 * SHA256_SIZE + 1] = "";
    TestHost *host = start(settings);
    Batch *in = make_all(signal);
    Buf text = BUF(TEXT_MAX);
    assert_true(test_host_push(host, in, true, &err));
    assert_int_equal(test_host_sent_count(host), 1);
    const Batch *kept = test_host_sent(host, 0)->batch;
    describe(in, kept, &text);
    sha256(buf_str(&text), sum);
    hex_write(hex, sum, sizeof sum);
    assert_string_equal(hex, want);
    ComponentStatus status = test_host_status(host);
    assert_int_equal(status.sent, batch_item_count(kept));
    assert_int_equal(status.sent + status.dropped, COUNT);
    buf_free(&text);
    batch_unref(in);
    test_host_free(host);
}

static void test_decides_as_the_public_one(void **state)
{
    (void)state;
    static const struct {
        const char *settings, *traces, *logs;
    } rows[] = {
        { "sampling_percentage: 13, hash_seed: 22",
          "a9e1fed97b8706e17182ec08db6ed331b34063b8fb7cb3b33681c18a7abcabf4",
          "2a943bd071ed7657a88d1899a898d76086a819a9ab476f6b51d84c581e8e11d7" },
        { "mode: proportional, sampling_percentage: 33.3",
          "8214b967c2715dc326aaf5cc59d4ec3c5cfeeb9ff933f83c97d1bdc0255cf5aa",
          "33d5369d5510dd6a88a127696742a59843d7acc2a17348cba3818ad3fe741ff2" },
        { "mode: equalizing, sampling_percentage: 33.3, sampling_precision: 2",
          "c240093f5f4b782831b4872836b6ebada6bb9b888220dc7cd3456ffedc303372",
          "522f49560bed9b3d06a3709f2a5705543357e9b411e0cc665145029a88ba5c6d" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_digest(rows[i].settings, TRACES, rows[i].traces);
        check_digest(rows[i].settings, LOGS, rows[i].logs);
    }
}

/* --- spans ---------------------------------------------------------------------------------------
 */

/* Low seven bytes: the randomness c0000000000000. */
static const TraceId c0_id = { { 1, 2, 3, 4, 5, 6, 7, 8, 9, 0xc0 } };

/* What becomes of one span; NULL: it goes. */
static void check_span(const char *settings, const TraceId *id, const char *in, const char *want)
{
    Err err;
    TestHost *host = start(settings);
    Opened opened = begin();
    add_span(&opened.bytes, id, str_from(in), NULL);
    Batch *batch = end(&opened, TRACES);
    assert_true(test_host_push(host, batch, true, &err));
    assert_int_equal(test_host_sent_count(host), want ? 1 : 0);
    if (want) {
        SpanView span = span_view(test_host_sent(host, 0)->batch, 0);
        char got[2048];
        snprintf(got, sizeof got, "%.*s", STR_ARG(span.trace_state));
        assert_string_equal(got, want);
    }
    assert_int_equal(test_host_ack(host, 0)->outcome.result, ACK_DELIVERED);
    batch_unref(batch);
    test_host_free(host);
}

#define HALF "mode: equalizing, sampling_percentage: 50"
#define OPEN ", fail_closed: false"

static void test_thresholds(void **state)
{
    (void)state;
    check_span(HALF, &c0_id, "", "ot=th:8");
    check_span("mode: equalizing, sampling_percentage: 20", &c0_id, "", NULL);
    check_span("mode: equalizing, sampling_percentage: 25", &c0_id, "", "ot=th:c");
    check_span("mode: equalizing, sampling_percentage: 100", &c0_id, "", "ot=th:0");
    check_span(HALF, &c0_id, "ot=th:c", "ot=th:c");
    check_span(HALF, &c0_id, "ot=rv:7fffffffffffff", NULL);
    check_span(HALF, &c0_id, "ot=rv:80000000000000;th:0", "ot=rv:80000000000000;th:8");
    check_span("mode: proportional, sampling_percentage: 50", &c0_id, "ot=th:8", "ot=th:c");
    check_span("mode: proportional, sampling_percentage: 50", &c0_id, "ot=th:c", NULL);
    check_span("mode: proportional, sampling_percentage: 0.1", &c0_id,
               "ot=rv:ffffffffffffff;th:ffffffffffffff", NULL);
    check_span("sampling_percentage: 0" OPEN, &c0_id, "", NULL);
    check_span("sampling_percentage: 0.001", &c0_id, "", NULL);
}

static void test_keeps_what_others_wrote(void **state)
{
    (void)state;
    check_span(HALF, &c0_id, " a=1 ,, t@s=2 3,ot=x:y;th:4;z:", "ot=th:8;x:y;z:,a=1,t@s=2 3");
    check_span(HALF OPEN, &c0_id, "ot=th:d;x:y", "ot=th:0;x:y"); /* it cannot have passed d */
    check_span(HALF, &c0_id, "ot=th:d;x:y", NULL);
    check_span("sampling_percentage: 100" OPEN, &c0_id, "a=1,ot=th:4", "a=1,ot=th:4");
    check_span("sampling_percentage: 100", &c0_id, "a=1,ot=th:4", NULL);
    check_span("sampling_percentage: 100" OPEN, &(TraceId){ { 0 } }, "", "ot=th:0");
    check_span("sampling_percentage: 100", &(TraceId){ { 0 } }, "", NULL);
    check_span(HALF, &(TraceId){ { 0 } }, "ot=rv:80000000000000", "ot=rv:80000000000000;th:8");
}

static void test_texts_that_are_none(void **state)
{
    (void)state;
    static char many[256], large[1100] = "a=";
    for (size_t i = 0; i < 32; i++)
        memcpy(many + 4 * i, "a=1,", 4);
    memset(large + 2, 'x', sizeof large - 3);
    const char *const texts[] = {
        "a",
        "=1",
        "A=1",
        "a=",
        "a=\x7f",
        "a@=1",
        "@a=1",
        "a@0=1",
        "a@abcdefghijklmno=1",
        "ot=",
        "ot=th",
        "ot=:8",
        "ot=th:",
        "ot=th:8;",
        "ot=th:g",
        "ot=th:123456789012345",
        "ot=rv:8",
        "ot=rv:8000000000000g",
        "ot=T:1",
        "ot=th:8;t:!",
        "ot=8th:1",
        many,
        large,
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        check_span(HALF, &c0_id, texts[i], NULL);
        check_span(HALF OPEN, &c0_id, texts[i], texts[i]);
    }
}

static void test_priorities(void **state)
{
    (void)state;
    const struct {
        const char *settings;
        ValueView value;
        bool kept;
    } rows[] = {
        { "sampling_percentage: 0", { .kind = VALUE_INT, .integer = 1 }, true },
        { "sampling_percentage: 0", { .kind = VALUE_STRING, .text = STR("0.5") }, true },
        { "sampling_percentage: 0", { .kind = VALUE_STRING, .text = STR("high") }, false },
        { "sampling_percentage: 100", { .kind = VALUE_DOUBLE, .real = 0 }, false },
        { "sampling_percentage: 100", { .kind = VALUE_INT, .integer = 0 }, false },
        { "sampling_percentage: 100", { .kind = VALUE_INT, .integer = -1 }, true },
        { "sampling_percentage: 100", { .kind = VALUE_BOOL, .boolean = false }, true },
    };
    Err err;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        TestHost *host = start(rows[i].settings);
        Opened opened = begin();
        add_span(&opened.bytes, &c0_id, STR(""),
                 &(AttributeView){ STR("sampling.priority"), rows[i].value });
        Batch *batch = end(&opened, TRACES);
        assert_true(test_host_push(host, batch, true, &err));
        assert_int_equal(test_host_sent_count(host), rows[i].kept);
        batch_unref(batch);
        test_host_free(host);
    }
}

/* --- log records
 * ---------------------------------------------------------------------------------- */

/* "threshold randomness" of one record; NULL: it goes. */
static void check_record(const char *settings, const TraceId *id, AttributeView attribute,
                         const char *want)
{
    Err err;
    TestHost *host = start(settings);
    Opened opened = begin();
    add_record(&opened.bytes, id, STR("x"), &attribute);
    Batch *batch = end(&opened, LOGS);
    assert_true(test_host_push(host, batch, true, &err));
    assert_int_equal(test_host_sent_count(host), want ? 1 : 0);
    if (want) {
        LogView log = log_view(test_host_sent(host, 0)->batch, 0);
        Str threshold = text_at(log.attributes, "sampling.threshold");
        Str randomness = text_at(log.attributes, "sampling.randomness");
        char got[100];
        snprintf(got, sizeof got, "%.*s %.*s", STR_ARG(threshold), STR_ARG(randomness));
        assert_string_equal(got, want);
    }
    batch_unref(batch);
    test_host_free(host);
}

static AttributeView text(const char *key, const char *value)
{
    return (AttributeView){ str_from(key), { .kind = VALUE_STRING, .text = str_from(value) } };
}

static AttributeView whole(const char *key, int64_t value)
{
    return (AttributeView){ str_from(key), { .kind = VALUE_INT, .integer = value } };
}

static void test_records(void **state)
{
    (void)state;
    const TraceId none = { { 0 } };
    check_record(HALF, &c0_id, text("a", "b"), "8 ");
    check_record(HALF, &c0_id, text("sampling.threshold", "c"), "c ");
    check_record(HALF, &c0_id, text("sampling.threshold", "d"), NULL);
    check_record(HALF OPEN, &c0_id, text("sampling.threshold", "d"), "0 ");
    check_record(HALF, &c0_id, text("sampling.threshold", "high"), NULL);
    check_record(HALF OPEN, &c0_id, text("sampling.threshold", "high"), "high ");
    check_record(HALF, &none, text("sampling.randomness", "90000000000000"), "8 90000000000000");
    check_record(HALF, &none, text("sampling.randomness", "9"), NULL);
    check_record(HALF, &none, text("a", "b"), NULL);
    check_record("sampling_percentage: 1, sampling_priority: p", &c0_id, text("p", "100"), NULL);
    check_record("mode: equalizing, sampling_percentage: 1, sampling_priority: p", &c0_id,
                 whole("p", 50), "8 ");
    check_record("mode: equalizing, sampling_percentage: 1, sampling_priority: p", &c0_id,
                 whole("p", 101), NULL);
    check_record("sampling_percentage: 100, from_attribute: id", &none, text("id", ""), NULL);
    check_record("sampling_percentage: 100, from_attribute: id, attribute_source: record", &c0_id,
                 text("other", "a"), NULL);
}

#define HASH_OF_ONE "614c08461127ac" /* from FNV-1a of four zero bytes and "1" */

static void test_an_attribute_is_hashed(void **state)
{
    (void)state;
    const TraceId none = { { 0 } };
    const char *settings = "sampling_percentage: 100, from_attribute: id";
    check_record(settings, &none, text("id", "1"), "0 " HASH_OF_ONE);
    check_record(settings, &none, whole("id", 1), "0 " HASH_OF_ONE);
    AttributeView bytes = { STR("id"), { .kind = VALUE_BYTES, .text = STR("1") } };
    check_record(settings, &none, bytes, "0 " HASH_OF_ONE);
}

/* --- unhappy ---------------------------------------------------------------------------------- */

static void test_refusals_go_back(void **state)
{
    (void)state;
    Err err;
    TestHost *host = start("sampling_percentage: 100");
    Opened opened = begin();
    add_span(&opened.bytes, &c0_id, STR(""), NULL);
    Batch *batch = end(&opened, TRACES);
    test_host_refuse(host, ERR_BUSY);
    assert_false(test_host_push(host, batch, true, &err));
    test_host_turn(host);
    assert_int_equal(test_host_ack(host, 0)->outcome.result, ACK_RETRY);
    assert_int_equal(test_host_status(host).dropped, 0);
    batch_unref(batch);
    test_host_free(host);
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    Err err;
    long before = starve_live();
    for (int logs = 0; logs < 2; logs++) {
        bool taken = false;
        for (long n = 0; !taken; n++) {
            TestHost *host = start("sampling_percentage: 100, from_attribute: id");
            Opened opened = begin();
            const TraceId none = { { 0 } };
            AttributeView id = text("id", "1");
            if (logs)
                add_record(&opened.bytes, &none, STR("x"), &id);
            else
                add_span(&opened.bytes, &c0_id, STR("a=1"), &id);
            Batch *batch = end(&opened, logs ? LOGS : TRACES);
            starve_after(n);
            taken = test_host_push(host, batch, true, &err);
            starve_end();
            batch_unref(batch);
            test_host_free(host);
        }
    }
    assert_int_equal(starve_live(), before);
}

int main(void)
{
    log_set_level(LOG_OFF);
    starve_after(-1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decides_as_the_public_one),
        cmocka_unit_test(test_thresholds),
        cmocka_unit_test(test_keeps_what_others_wrote),
        cmocka_unit_test(test_texts_that_are_none),
        cmocka_unit_test(test_priorities),
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_an_attribute_is_hashed),
        cmocka_unit_test(test_refusals_go_back),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
