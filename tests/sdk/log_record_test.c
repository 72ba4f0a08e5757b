/* log_record_test.c - log records: what they say, which are recorded, where they go, what is
 * dropped. */
#include "sdk/chunk.h"
#include "sdk/kept_spans.h"

#include <cryostorm/log.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- logs into memory ------------------------------------------------------------------------ */

static void logs_start(CryoLoggingSettings logging)
{
    if (!logging.exporter_type)
        logging.exporter_type = "in_memory";
    memory_start(&(CryoSettings){
        .service = { .name = "shop", .version = "7", .environment = "production" },
        .logging = logging,
    });
}

static int stop(void **state)
{
    (void)state;
    memory_stop();
    return 0;
}

static const CryoLogView *newest;

static void look(void *context, const CryoLogView *log)
{
    (void)context;
    newest = log;
}

static size_t log_count(void)
{
    assert_true(cryo_flush(10000, NULL));
    return cryo_memory_logs(look, NULL);
}

static const CryoLogView *last_log(void)
{
    newest = NULL;
    assert_true(log_count() > 0);
    return newest;
}

static CryoCounts counts(void)
{
    CryoCounts now;
    cryo_counts(&now);
    return now;
}

/* ---- what a record says ---------------------------------------------------------------------- */

static void a_record_says_what_happened_and_where(void **state)
{
    (void)state;
    static const uint8_t none[16];
    logs_start((CryoLoggingSettings){ 0 });
    cryo_log(CRYO_WARN, "stock is low", CRYO_ATTRS("item", "tea", "left", 3));
    const CryoLogView *log = last_log();
    assert_int_equal(log->severity, CRYO_WARN);
    assert_true(text_is(log->body.as.string, "stock is low"));
    assert_true(text_attribute_is(log->attributes, "item", "tea"));
    assert_int_equal(attribute_of(log->attributes, "left")->as.integer, 3);
    assert_true(text_is(log->scope_name, "shop") && text_is(log->scope_version, "7"));
    assert_true(text_attribute_is(log->resource, "service.name", "shop"));
    assert_true(log->time_ns > 0 && log->time_ns == log->observed_ns);
    assert_memory_equal(log->trace_id, none, 16);
    assert_memory_equal(log->span_id, none, 8);
    assert_true(text_is(log->event_name, "") && text_is(log->severity_text, "WARN"));
    cryo_log(CRYO_INFO, "no attributes");
    assert_int_equal(last_log()->attributes.count, 0);
    cryo_logf(CRYO_ERROR, "%s has %d", "a", 5);
    assert_true(text_is(last_log()->body.as.string, "a has 5"));
    cryo_log_text(CRYO_INFO, "as in C++", (CryoAttrs){ NULL, 0 });
    assert_true(text_is(last_log()->body.as.string, "as in C++"));
}

static void a_record_knows_the_current_span(void **state)
{
    (void)state;
    CryoSpanContext outer, inner;
    logs_start((CryoLoggingSettings){ 0 });
    CRYO_SPAN(span, "outer");
    assert_true(cryo_span_context(span, &outer));
    CryoContext elsewhere = cryo_context_of(span);
    {
        CRYO_SPAN(child, "inner");
        assert_true(cryo_span_context(child, &inner));
        cryo_log(CRYO_INFO, "inside");
        const CryoLogView *log = last_log();
        assert_memory_equal(log->trace_id, inner.trace_id, 16);
        assert_memory_equal(log->span_id, inner.span_id, 8);
        assert_int_equal(log->flags, inner.flags);
        cryo_log_record(&(CryoLogRecord){ .severity = CRYO_INFO, .context = &elsewhere });
        assert_memory_equal(last_log()->span_id, outer.span_id, 8);
    }
}

static void a_body_is_any_value(void **state)
{
    (void)state;
    const int64_t numbers[] = { 1, -2, 3 };
    const CryoString words[] = { CRYO_STR("a"), CRYO_STR("bc") };
    logs_start((CryoLoggingSettings){ 0 });
    cryo_log(CRYO_INFO, 42);
    assert_int_equal(last_log()->body.as.integer, 42);
    cryo_log(CRYO_INFO, 0.5);
    assert_true(last_log()->body.as.real == 0.5);
    cryo_log(CRYO_INFO, CRYO_BOOL(1));
    assert_true(last_log()->body.type == CRYO_BOOLEAN && newest->body.as.boolean);
    cryo_log(CRYO_INFO, cryo_bytes("\0\xFF", 2));
    assert_true(last_log()->body.type == CRYO_BYTES && newest->body.as.string.len == 2);
    cryo_log(CRYO_INFO, CRYO_ARRAY(numbers));
    assert_int_equal(last_log()->body.as.array.count, 3);
    assert_int_equal(((const int64_t *)newest->body.as.array.ptr)[1], -2);
    cryo_log(CRYO_INFO, CRYO_ARRAY(words));
    assert_true(text_is(((const CryoString *)last_log()->body.as.array.ptr)[1], "bc"));
    cryo_log_record(&(CryoLogRecord){ .severity = CRYO_INFO });
    assert_int_equal(last_log()->body.type, CRYO_EMPTY);
}

static void everything_can_be_given(void **state)
{
    (void)state;
    logs_start((CryoLoggingSettings){ 0 });
    const CryoLogger *logger = cryo_logger("net", "2.1");
    assert_ptr_equal(logger, cryo_logger("net", "2.1"));
    assert_non_null(cryo_logger(NULL, NULL));
    cryo_log_record(&(CryoLogRecord){ .severity = 11,
                                      .severity_text = CRYO_STR("NOTICE"),
                                      .body = cryo_text("bye"),
                                      .event_name = CRYO_STR("peer.left"),
                                      .time_ns = 1234567890,
                                      .logger = logger });
    const CryoLogView *log = last_log();
    assert_int_equal(log->severity, 11);
    assert_true(text_is(log->severity_text, "NOTICE"));
    assert_true(text_is(log->event_name, "peer.left"));
    assert_true(text_is(log->scope_name, "net") && text_is(log->scope_version, "2.1"));
    assert_int_equal(log->time_ns, 1234567890);
    assert_true(log->observed_ns > log->time_ns);
    cryo_log_to(logger, CRYO_INFO, "short form", CRYO_ATTRS("a", 1));
    assert_true(text_is(last_log()->scope_name, "net"));
    cryo_log_record(NULL);
    cryo_log_record(&(CryoLogRecord){ .severity = 99 });
    assert_int_equal(last_log()->severity, 0); /* no such number */
    assert_true(text_is(newest->severity_text, ""));
}

static void limits_are_kept_and_counted(void **state)
{
    (void)state;
    logs_start((CryoLoggingSettings){ .limits = { .attributes = 2, .value_length = 3 } });
    cryo_log(CRYO_INFO, "a body is not cut", CRYO_ATTRS("a", "longer", "b", 1, "c", 2));
    const CryoLogView *log = last_log();
    assert_true(text_is(log->body.as.string, "a body is not cut"));
    assert_true(text_attribute_is(log->attributes, "a", "lon"));
    assert_int_equal(log->attributes.count, 2);
    assert_int_equal(log->dropped_attributes, 1);
}

/* ---- the level ------------------------------------------------------------------------------- */

static int evaluated;

static const char *expensive(void)
{
    evaluated++;
    return "made with effort";
}

static void below_the_level_nothing_is_even_evaluated(void **state)
{
    (void)state;
    evaluated = 0;
    logs_start((CryoLoggingSettings){ .level = "WARNING" });
    cryo_log(CRYO_INFO, expensive(), CRYO_ATTRS("a", expensive()));
    cryo_logf(CRYO_DEBUG, "%s", expensive());
    cryo_log_record(&(CryoLogRecord){ .severity = CRYO_INFO, .body = cryo_text("low") });
    assert_int_equal(evaluated, 0);
    assert_int_equal(log_count(), 0);
    assert_false(cryo_log_enabled(CRYO_INFO));
    cryo_log(CRYO_WARN, expensive());
    cryo_log(CRYO_FATAL, expensive());
    assert_int_equal(evaluated, 2);
    assert_int_equal(log_count(), 2);
    cryo_log_record(&(CryoLogRecord){ .severity = 0, .body = cryo_text("of unknown severity") });
    assert_int_equal(log_count(), 3);
}

static void each_level_lets_its_own_severity_through(void **state)
{
    (void)state;
    static const struct {
        const char *level;
        CryoSeverity from;
    } rows[] = { { "DEBUG", CRYO_DEBUG },
                 { "info", CRYO_INFO },
                 { "WARNING", CRYO_WARN },
                 { "ERROR", CRYO_ERROR },
                 { "CRITICAL", CRYO_FATAL } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        logs_start((CryoLoggingSettings){ .level = rows[i].level });
        assert_true(cryo_log_enabled(rows[i].from));
        assert_false(cryo_log_enabled((CryoSeverity)(rows[i].from - 1)));
        memory_stop();
        assert_false(cryo_log_enabled(CRYO_FATAL)); /* off */
    }
}

static void each_signal_can_be_on_alone(void **state)
{
    (void)state;
    memory_start(&(CryoSettings){ .service.environment = "production",
                                  .tracing.enabled = CRYO_OFF,
                                  .metrics.enabled = CRYO_OFF,
                                  .logging.exporter_type = "in_memory" });
    CryoSpan span = cryo_span_start_with(&(CryoSpanOptions){ .name = "off" });
    assert_false(cryo_span_is_recording(span));
    cryo_log(CRYO_INFO, "on");
    assert_int_equal(log_count(), 1);
    assert_int_equal(counts().started, 0);
    memory_stop();
    memory_start(&(CryoSettings){ .logging.enabled = CRYO_OFF });
    cryo_log(CRYO_FATAL, expensive());
    cryo_log_record(&(CryoLogRecord){ .severity = 0 });
    assert_int_equal(counts().logs_recorded, 0);
    cryo_span_end(cryo_span_start("on", NULL));
    assert_int_equal(span_count(), 1);
}

/* ---- an exporter that is slow, fails, logs --------------------------------------------------- */

static struct {
    atomic_bool blocks, fails, entered;
    atomic_size_t seen;
} slow;

static bool slow_export(void *self, const CryoLogView *logs, size_t count, uint32_t timeout_ms,
                        CryoError *err)
{
    (void)self, (void)logs, (void)timeout_ms;
    cryo_log(CRYO_FATAL, "said by an exporter"); /* must not loop */
    atomic_store(&slow.entered, true);
    while (atomic_load(&slow.blocks))
        usleep(1000);
    atomic_fetch_add(&slow.seen, count);
    snprintf(err->text, sizeof err->text, "told to fail");
    return !atomic_load(&slow.fails);
}

static const CryoExporterType slow_type = { .size = sizeof slow_type, .export_logs = slow_export };

static char told[1024];

static void remember(void *context, CryoLogLevel level, CryoString message)
{
    (void)context, (void)level;
    snprintf(told, sizeof told, "%.*s", (int)message.len, message.ptr);
}

static void slow_start(const char *processor, int64_t queue)
{
    atomic_store(&slow.seen, 0);
    atomic_store(&slow.entered, false);
    told[0] = '\0';
    cryo_set_log_handler(remember, NULL);
    assert_true(cryo_exporter_register("slow", &slow_type, NULL, NULL));
    logs_start((CryoLoggingSettings){ .exporter_type = "slow",
                                      .processor_type = processor,
                                      .max_export_batch_size = 10,
                                      .max_queue_size = queue });
}

static void a_slow_exporter_never_blocks_the_caller(void **state)
{
    (void)state;
    enum { QUEUE = 20, RECORDS = 500 };
    slow_start("simple", QUEUE);
    atomic_store(&slow.blocks, true);
    cryo_log(CRYO_INFO, "the first"); /* sent at once, and alone */
    while (!atomic_load(&slow.entered))
        usleep(100);
    for (int i = 1; i < RECORDS; i++)
        cryo_log(CRYO_INFO, "more");
    CryoCounts now = counts();
    assert_int_equal(now.logs_recorded, RECORDS);
    assert_int_equal(now.logs_dropped_queue, RECORDS - 1 - QUEUE);
    assert_int_equal(now.logs_held, QUEUE + 1);
    atomic_store(&slow.blocks, false);
    assert_true(cryo_flush(10000, NULL));
    now = counts();
    assert_int_equal(now.logs_exported, QUEUE + 1);
    assert_int_equal(now.logs_held, 0);
    assert_int_equal(atomic_load(&slow.seen), QUEUE + 1);
    assert_non_null(strstr(told, "LOGGING__MAX_QUEUE_SIZE"));
}

static void a_batch_waits_until_it_is_full(void **state)
{
    (void)state;
    slow_start("batch", 100);
    for (int i = 0; i < 9; i++)
        cryo_log(CRYO_INFO, "waits");
    assert_int_equal(counts().logs_held, 9);
    assert_false(atomic_load(&slow.entered));
    cryo_log(CRYO_INFO, "the tenth");
    while (atomic_load(&slow.seen) < 10)
        usleep(100);
}

static void what_cannot_be_sent_is_named_after_its_signal(void **state)
{
    (void)state;
    CryoError error;
    slow_start("batch", 100); /* it is the flush that sends, and that hears of the failure */
    atomic_store(&slow.fails, true);
    cryo_log(CRYO_INFO, "lost");
    cryo_span_end(cryo_span_start("not lost", NULL));
    assert_false(cryo_flush(10000, &error));
    assert_string_equal(error.text, "1 log records could not be delivered");
    assert_string_equal(told, "cannot export logs, 1 lost so far: told to fail");
    CryoCounts now = counts();
    assert_int_equal(now.logs_failed, 1);
    assert_int_equal(now.exported, 1);
    assert_int_equal(now.failed, 0);
    atomic_store(&slow.fails, false);
}

static void an_exporter_serves_the_signals_it_has_functions_for(void **state)
{
    (void)state;
    CryoError error;
    assert_true(cryo_exporter_register("slow", &slow_type, NULL, NULL));
    assert_false(
        cryo_start(&(CryoSettings){ .env_file = "", .tracing.exporter_type = "slow" }, &error));
    assert_non_null(strstr(error.text, "exporter slow: it was registered without a function that "
                                       "exports traces"));
}

static void records_beyond_the_budget_are_counted(void **state)
{
    (void)state;
    logs_start((CryoLoggingSettings){ .processor_type = "batch",
                                      .max_queue_size = 100000,
                                      .max_export_batch_size = 100000,
                                      .additional_exporter_args = CRYO_ATTRS("max_logs", 100000) });
    chunks_set_budget(1);
    for (int i = 0; i < 20000 && counts().logs_dropped_memory == 0; i++)
        cryo_log(CRYO_INFO, "many");
    CryoCounts now = counts();
    chunks_set_budget(0);
    assert_true(now.logs_dropped_memory > 0);
    assert_int_equal(log_count(), now.logs_recorded);
}

/* ---- where they go --------------------------------------------------------------------------- */

static char printed[8192];

/* What a run with these settings prints. */
static void print_of(const char *environment, const char *exporter)
{
    FILE *file = tmpfile();
    int before = dup(STDOUT_FILENO);
    assert_true(file && before >= 0);
    fflush(stdout);
    assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);
    memory_start(
        &(CryoSettings){ .service.environment = environment, .logging.exporter_type = exporter });
    cryo_log(CRYO_WARN, "stock is\nlow", CRYO_ATTRS("left", 3));
    cryo_log(CRYO_WARN, CRYO_MAP_OF("left", 3, "of", CRYO_ARRAY_OF("tea", 1.5)));
    bool flushed = cryo_flush(10000, NULL);
    memory_stop();
    fflush(stdout);
    dup2(before, STDOUT_FILENO);
    close(before);
    rewind(file);
    printed[fread(printed, 1, sizeof printed - 1, file)] = '\0';
    fclose(file);
    assert_true(flushed);
}

static void the_console_shows_logs_and_in_development_always(void **state)
{
    (void)state;
    print_of("production", "console");
    assert_non_null(strstr(printed, "  WARN  stock is low  left = 3\n"));
    assert_non_null(strstr(printed, "  WARN  {\"left\":3,\"of\":[\"tea\",1.5]}\n"));
    print_of("production", "in_memory");
    assert_string_equal(printed, "");
    print_of("development", "in_memory");
    assert_non_null(strstr(printed, "  WARN  stock is low  left = 3\n"));
    print_of("development", "console");
    const char *first = strstr(printed, "stock is low");
    assert_non_null(first);
    assert_null(strstr(first + 1, "stock is low")); /* not twice */
}

/* A fork in the middle of a thread's start would leave the address sanitizer's own locks taken in
 * the child; those of malloc are the C library's care. */
static void start_with_idle_worker(void)
{
    logs_start((CryoLoggingSettings){ .processor_type = "batch" });
    assert_true(cryo_flush(10000, NULL));
}

/* The thread sanitizer cannot follow a thread that is started in a fork's child. */
#ifdef __SANITIZE_THREAD__
enum { CHILDREN_HAVE_THREADS = 0 };
#else
enum { CHILDREN_HAVE_THREADS = 1 };
#endif

static void a_child_sends_only_its_own_records(void **state)
{
    (void)state;
    int status;
    if (!CHILDREN_HAVE_THREADS)
        skip();
    start_with_idle_worker();
    for (int i = 0; i < 50; i++)
        cryo_log(CRYO_INFO, "of the parent");
    pid_t child = fork();
    if (child == 0) {
        cryo_log(CRYO_INFO, "of the child");
        bool good = cryo_flush(10000, NULL) && cryo_memory_logs(look, NULL) == 1 &&
                    text_is(newest->body.as.string, "of the child");
        _exit(good && cryo_shutdown(5000, NULL) ? 7 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    assert_int_equal(log_count(), 50);
}

/* A flush, or a first measurement, makes the child's worker before anything of its own is there:
 * what it finds then is the parent's. */
static void a_child_that_flushes_first_sends_nothing(void **state)
{
    (void)state;
    int status;
    if (!CHILDREN_HAVE_THREADS)
        skip();
    start_with_idle_worker();
    for (int i = 0; i < 50; i++)
        cryo_log(CRYO_INFO, "of the parent");
    pid_t child = fork();
    if (child == 0) {
        CryoCounts counts;
        bool good = cryo_flush(10000, NULL) && cryo_memory_logs(look, NULL) == 0;
        cryo_counts(&counts);
        good = good && counts.logs_recorded == 0 && counts.logs_exported == 0;
        cryo_log(CRYO_INFO, "of the child");
        good = good && cryo_flush(10000, NULL) && cryo_memory_logs(look, NULL) == 1;
        _exit(good && cryo_shutdown(5000, NULL) ? 7 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    assert_int_equal(log_count(), 50);
}

int main(void)
{
#define LOG_TEST(function) cmocka_unit_test_teardown(function, stop)
    const struct CMUnitTest tests[] = {
        LOG_TEST(a_record_says_what_happened_and_where),
        LOG_TEST(a_record_knows_the_current_span),
        LOG_TEST(a_body_is_any_value),
        LOG_TEST(everything_can_be_given),
        LOG_TEST(limits_are_kept_and_counted),
        LOG_TEST(below_the_level_nothing_is_even_evaluated),
        LOG_TEST(each_level_lets_its_own_severity_through),
        LOG_TEST(each_signal_can_be_on_alone),
        LOG_TEST(a_slow_exporter_never_blocks_the_caller),
        LOG_TEST(a_batch_waits_until_it_is_full),
        LOG_TEST(what_cannot_be_sent_is_named_after_its_signal),
        LOG_TEST(an_exporter_serves_the_signals_it_has_functions_for),
        LOG_TEST(records_beyond_the_budget_are_counted),
        LOG_TEST(the_console_shows_logs_and_in_development_always),
        LOG_TEST(a_child_sends_only_its_own_records),
        LOG_TEST(a_child_that_flushes_first_sends_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
