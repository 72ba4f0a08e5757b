/* telemetry_test.c - the facade: exporters of one's own, queue and deadlines, and no memory. */
#include "sdk/kept_spans.h"

#include "sdk/chunk.h"
#include "support/starve.h"

#include <cryostorm/context.h>
#include <cryostorm/log.h>
#include <cryostorm/propagation.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- an exporter of one's own ---------------------------------------------------------------- */

typedef struct Custom {
    atomic_int created, destroyed, flushed, batches, spans;
    atomic_bool fails, blocks, entered;
} Custom;

static Custom custom;

static void *custom_create(void *context, const CryoSettings *settings, CryoError *err)
{
    (void)err;
    assert_ptr_equal(context, &custom);
    if (attribute_of(settings->tracing.additional_exporter_args, "refuse")) {
        snprintf(err->text, sizeof err->text, "told to refuse");
        return NULL;
    }
    atomic_fetch_add(&custom.created, 1);
    return &custom;
}

static bool custom_export(void *self, const CryoSpanView *spans, size_t count, uint32_t timeout_ms,
                          CryoError *err)
{
    (void)timeout_ms;
    Custom *to = self;
    cryo_span_end(cryo_span_start("made by an exporter", NULL)); /* must not loop */
    atomic_store(&to->entered, true);
    while (atomic_load(&to->blocks))
        usleep(1000);
    if (atomic_load(&to->fails)) {
        snprintf(err->text, sizeof err->text, "told to fail");
        return false;
    }
    for (size_t i = 0; i < count; i++)
        if (spans[i].size == sizeof *spans && !text_is(spans[i].name, ""))
            atomic_fetch_add(&to->spans, 1);
    atomic_fetch_add(&to->batches, 1);
    return true;
}

static bool custom_flush(void *self, uint32_t timeout_ms, CryoError *err)
{
    (void)timeout_ms, (void)err;
    atomic_fetch_add(&((Custom *)self)->flushed, 1);
    return true;
}

static void custom_destroy(void *self)
{
    atomic_fetch_add(&((Custom *)self)->destroyed, 1);
}

static const CryoExporterType custom_type = { .size = sizeof custom_type,
                                              .create = custom_create,
                                              .export_spans = custom_export,
                                              .flush = custom_flush,
                                              .destroy = custom_destroy };

static void quiet(void *context, CryoLogLevel level, CryoString message)
{
    (void)context, (void)level, (void)message;
}

static int begin(void **state)
{
    (void)state;
    custom = (Custom){ 0 };
    cryo_set_log_handler(quiet, NULL);
    assert_true(cryo_exporter_register("custom", &custom_type, &custom, NULL));
    return 0;
}
static int finish(void **state)
{
    (void)state;
    memory_stop();
    return 0;
}

static void make_spans(int count)
{
    for (int i = 0; i < count; i++)
        cryo_span_end(cryo_span_start("span", NULL));
}

static void an_exporter_of_ones_own_is_driven(void **state)
{
    (void)state;
    memory_start(&(CryoSettings){ .tracing.exporter_type = "custom,in_memory" });
    make_spans(1000);
    assert_true(cryo_flush(10000, NULL));
    assert_int_equal(custom.created, 1);
    assert_int_equal(custom.spans, 1000);
    assert_true(custom.batches >= 2);
    assert_true(custom.flushed >= 1);
    assert_int_equal(cryo_memory_spans(NULL, NULL), 1000);
    assert_true(cryo_shutdown(5000, NULL));
    assert_int_equal(custom.destroyed, 1);
    assert_true(cryo_shutdown(5000, NULL)); /* again: nothing */
    assert_int_equal(custom.destroyed, 1);
}

static void an_exporter_may_refuse_to_start(void **state)
{
    (void)state;
    CryoError error;
    CryoSettings code = { .env_file = "",
                          .tracing = { .exporter_type = "console,custom",
                                       .additional_exporter_args = CRYO_ATTRS("refuse", 1) } };
    assert_false(cryo_start(&code, &error));
    assert_string_equal(error.text, "exporter custom: told to refuse");
    assert_false(cryo_initialized());
    assert_null(cryo_span_start("off", NULL).slot);
}

static void names_of_exporters_are_checked(void **state)
{
    (void)state;
    CryoError error;
    assert_false(cryo_exporter_register("custom", &custom_type, NULL, &error));
    assert_false(cryo_exporter_register("console", &custom_type, NULL, &error));
    assert_false(cryo_exporter_register("No Name", &custom_type, NULL, &error));
    assert_false(cryo_exporter_register("", &custom_type, NULL, &error));
    assert_false(cryo_exporter_register("x", NULL, NULL, &error));
}

/* ---- queue and deadlines --------------------------------------------------------------------- */

static void a_full_queue_drops_the_new_and_counts(void **state)
{
    (void)state;
    CryoCounts counts;
    memory_start(&(CryoSettings){ .tracing = { .exporter_type = "custom", .max_queue_size = 20 } });
    atomic_store(&custom.blocks, true);
    make_spans(20); /* a full batch: the worker takes it and is stuck with it */
    while (!atomic_load(&custom.entered))
        usleep(1000);
    make_spans(50);
    cryo_counts(&counts);
    assert_int_equal(counts.started, 70);
    assert_int_equal(counts.dropped_queue, 30);
    assert_int_equal(counts.held, 40);
    atomic_store(&custom.blocks, false);
    assert_true(cryo_flush(10000, NULL));
    cryo_counts(&counts);
    assert_int_equal(counts.exported, 40);
    assert_int_equal(counts.held, 0);
}

static void failed_spans_are_counted_and_told(void **state)
{
    (void)state;
    CryoCounts counts;
    CryoError error;
    memory_start(&(CryoSettings){ .tracing.exporter_type = "custom" });
    atomic_store(&custom.fails, true);
    make_spans(5);
    assert_false(cryo_flush(10000, &error));
    assert_string_equal(error.text, "5 spans could not be delivered");
    atomic_store(&custom.fails, false);
    make_spans(5);
    assert_true(cryo_flush(10000, &error));
    atomic_store(&custom.fails, true);
    make_spans(3);
    assert_false(cryo_shutdown(5000, &error));
    assert_string_equal(error.text, "3 spans could not be delivered");
    cryo_counts(&counts);
    assert_int_equal(counts.failed, 8);
    assert_int_equal(counts.exported, 5);
}

static void count_line(void *context, CryoLogLevel level, CryoString message)
{
    (void)level, (void)message;
    atomic_fetch_add((atomic_int *)context, 1);
}

static void an_exporter_that_comes_and_goes_is_no_flood(void **state)
{
    (void)state;
    atomic_int lines = 0;
    cryo_set_log_handler(count_line, &lines);
    memory_start(&(CryoSettings){ .tracing.exporter_type = "custom" });
    for (int i = 0; i < 20; i++) {
        atomic_store(&custom.fails, i % 2 == 0);
        make_spans(1);
        assert_int_equal(cryo_flush(10000, NULL), i % 2 != 0);
    }
    assert_true(cryo_shutdown(5000, NULL));
    cryo_set_log_handler(quiet, NULL);
    assert_int_equal(atomic_load(&lines), 2); /* the first failure, and that it is over */
}

static void a_nameless_tracer_is_told_once(void **state)
{
    (void)state;
    atomic_int lines = 0;
    cryo_set_log_handler(count_line, &lines);
    for (int i = 0; i < 5; i++)
        assert_non_null(cryo_tracer("", NULL));
    cryo_set_log_handler(quiet, NULL);
    assert_int_equal(atomic_load(&lines), 1);
}

static void an_exporter_that_hangs_does_not_hang_the_program(void **state)
{
    (void)state;
    CryoError error;
    memory_start(&(CryoSettings){ .tracing.exporter_type = "custom" });
    atomic_store(&custom.blocks, true);
    make_spans(3);
    assert_false(cryo_flush(50, &error));
    assert_int_equal(error.kind, CRYO_ERROR_TIMEOUT);
    while (!atomic_load(&custom.entered))
        usleep(100);
    assert_false(cryo_flush(1, &error));
    assert_string_equal(error.text, "not everything was delivered in time; still exporting spans");
    assert_false(cryo_shutdown(50, &error));
    assert_int_equal(error.kind, CRYO_ERROR_TIMEOUT);
    assert_string_equal(error.text, "an exporter did not return in time; still exporting spans");
    assert_false(cryo_start_from_env(&error));
    assert_int_equal(error.kind, CRYO_ERROR_STATE);
    atomic_store(&custom.blocks, false);
    for (int i = 0; i < 1000 && !cryo_initialized(); i++) {
        usleep(10000);
        cryo_start(&(CryoSettings){ .env_file = "", .tracing.exporter_type = "in_memory" }, &error);
    }
    assert_true(cryo_initialized());
    assert_int_equal(custom.destroyed, 1);
}

static void simple_sends_without_waiting_for_a_batch(void **state)
{
    (void)state;
    memory_start(&(CryoSettings){ .tracing = { .exporter_type = "custom",
                                               .processor_type = "simple",
                                               .export_config.schedule_delay_millis = 1000000 } });
    make_spans(1);
    for (int i = 0; i < 2000 && !atomic_load(&custom.spans); i++)
        usleep(1000);
    assert_int_equal(custom.spans, 1);
}

static void the_delay_sends_what_is_less_than_a_batch(void **state)
{
    (void)state;
    memory_start(&(CryoSettings){
        .tracing = { .exporter_type = "custom", .export_config.schedule_delay_millis = 30 } });
    make_spans(3);
    for (int i = 0; i < 2000 && !atomic_load(&custom.spans); i++)
        usleep(1000);
    assert_int_equal(custom.spans, 3);
    assert_int_equal(custom.batches, 1);
}

static void spans_of_an_earlier_run_are_not_sent(void **state)
{
    (void)state;
    memory_start(NULL);
    CryoSpan old = cryo_span_start("old", NULL);
    assert_true(cryo_shutdown(5000, NULL));
    memory_start(NULL);
    cryo_span_set(old, CRYO_ATTRS("a", 1));
    cryo_span_end(old);
    make_spans(1);
    assert_int_equal(span_count(), 1);
    assert_null(span_named("old"));
}

static void switched_off_is_no_failure(void **state)
{
    (void)state;
    memory_start(&(CryoSettings){ .enable_telemetry = CRYO_OFF });
    assert_true(cryo_initialized());
    assert_null(cryo_span_start("off", NULL).slot);
    assert_true(cryo_flush(100, NULL));
}

static void the_build_says_what_it_can(void **state)
{
    (void)state;
    assert_true(cryo_has("otlp") && cryo_has("metrics") && !cryo_has("tea"));
    assert_string_equal(cryo_version(), CRYO_VERSION);
}

/* ---- no memory ------------------------------------------------------------------------------- */

/* A whole life: start, spans of many kinds, flush, shutdown. */
static bool live(void)
{
    static char longer[3000];
    memset(longer, 'x', sizeof longer - 1);
    CryoSettings code = { .env_file = "",
                          .service.additional_attributes = CRYO_ATTRS("a", 1),
                          .tracing = { .exporter_type = "in_memory,otlp",
                                       .otlp.endpoint = "http://127.0.0.1:1",
                                       .otlp.headers = "a=b",
                                       .otlp.timeout_millis = 50 },
                          .logging = { .exporter_type = "in_memory,otlp",
                                       .otlp.protocol = "http/json",
                                       .otlp.endpoint = "http://127.0.0.1:1",
                                       .otlp.timeout_millis = 50 },
                          .service.environment = "production" };
    bool started = cryo_start(&code, &(CryoError){ 0 });
    for (int i = 0; i < 3; i++) {
        CRYO_SPAN(span, "span");
        cryo_span_set(span, CRYO_ATTRS("text", longer, "bad", "\xFF", "map",
                                       CRYO_MAP_OF("\xFF", CRYO_ARRAY_OF(longer, "\xFF", 5))));
        cryo_span_fail(span, "Error", longer);
        CRYO_TRACE_FUNCTION();
        CryoHeaders headers;
        cryo_inject(&headers);
        cryo_log_to(cryo_logger("l", NULL), CRYO_ERROR, longer, CRYO_ATTRS("bad", "\xFF"));
    }
    (void)cryo_flush(10000, NULL);
    (void)cryo_shutdown(1000, NULL);
    cryo_memory_clear();
    return started;
}

static void the_nth_allocation_may_fail(void **state)
{
    (void)state;
    starve_after(-1);
    (void)live();
    assert_true(live()); /* what is kept for good has been made by now */
    long kept = starve_live();
    long failures = 0;
    for (long n = 0;; n++) {
        starve_after(n);
        (void)live();
        bool happened = starve_happened();
        starve_end();
        assert_int_equal(starve_live(), kept);
        if (!happened)
            break;
        failures++;
    }
    assert_true(failures > 50);
    print_message("%ld allocations failed, one at a time\n", failures);
}

static void spans_beyond_the_budget_are_counted(void **state)
{
    (void)state;
    enum { SPANS = 3000 };
    static CryoSpan spans[SPANS];
    CryoCounts counts;
    memory_start(NULL);
    chunks_set_budget(1);
    size_t begun = 0;
    for (int i = 0; i < SPANS; i++) {
        spans[i] = cryo_span_start("many", NULL);
        begun += spans[i].slot != NULL;
    }
    cryo_counts(&counts);
    assert_int_equal(counts.dropped_memory, SPANS - begun);
    assert_true(begun < SPANS);
    for (int i = 0; i < SPANS; i++)
        cryo_span_end(spans[i]);
    chunks_set_budget(0);
    make_spans(1);
    assert_non_null(span_named("span"));
}

int main(void)
{
#define TELEMETRY_TEST(function) cmocka_unit_test_setup_teardown(function, begin, finish)
    const struct CMUnitTest tests[] = {
        TELEMETRY_TEST(an_exporter_of_ones_own_is_driven),
        TELEMETRY_TEST(an_exporter_may_refuse_to_start),
        TELEMETRY_TEST(names_of_exporters_are_checked),
        TELEMETRY_TEST(a_full_queue_drops_the_new_and_counts),
        TELEMETRY_TEST(failed_spans_are_counted_and_told),
        TELEMETRY_TEST(an_exporter_that_comes_and_goes_is_no_flood),
        TELEMETRY_TEST(a_nameless_tracer_is_told_once),
        TELEMETRY_TEST(an_exporter_that_hangs_does_not_hang_the_program),
        TELEMETRY_TEST(simple_sends_without_waiting_for_a_batch),
        TELEMETRY_TEST(the_delay_sends_what_is_less_than_a_batch),
        TELEMETRY_TEST(spans_of_an_earlier_run_are_not_sent),
        TELEMETRY_TEST(switched_off_is_no_failure),
        TELEMETRY_TEST(the_build_says_what_it_can),
        TELEMETRY_TEST(the_nth_allocation_may_fail),
        TELEMETRY_TEST(spans_beyond_the_budget_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
