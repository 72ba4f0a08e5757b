/* settings_signals_test.c - what the three signals share in their settings, and what metrics and
 * logs have of their own. */
#include <cryostorm/settings.h>
#include <cryostorm/telemetry.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char messages[4096];

static void remember(void *context, CryoLogLevel level, CryoString message)
{
    (void)context, (void)level;
    size_t len = strlen(messages);
    snprintf(messages + len, sizeof messages - len, "%.*s\n", (int)message.len, message.ptr);
}

static bool is_setting(const char *entry)
{
    return strncmp(entry, "OTEL_", 5) == 0 || strncmp(entry, "ENABLE_", 7) == 0 ||
           strstr(entry, "__") != NULL;
}

static int fresh(void **state)
{
    (void)state;
    for (char **entry = environ; *entry;) {
        char name[100];
        if (!is_setting(*entry)) {
            entry++;
            continue;
        }
        snprintf(name, sizeof name, "%.*s", (int)strcspn(*entry, "="), *entry);
        unsetenv(name);
        entry = environ;
    }
    messages[0] = '\0';
    cryo_set_log_handler(remember, NULL);
    return 0;
}

static void set(const char *name, const char *value)
{
    assert_int_equal(setenv(name, value, 1), 0);
}

static CryoSettings *loaded(const CryoSettings *code)
{
    CryoError error;
    CryoSettings use = code ? *code : (CryoSettings){ 0 };
    use.env_file = "";
    CryoSettings *settings = cryo_settings_load(&use, &error);
    if (!settings)
        fail_msg("%s", error.text);
    return settings;
}

static const char *refused(void)
{
    static CryoError error;
    CryoSettings code = { .env_file = "" };
    assert_null(cryo_settings_load(&code, &error));
    assert_int_equal(error.kind, CRYO_ERROR_SETTINGS);
    return error.text;
}

static size_t lines_with(const char *text, const char *wanted)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, wanted)); at++)
        count++;
    return count;
}

static void defaults_are_those_of_the_manual(void **state)
{
    (void)state;
    CryoSettings *s = loaded(NULL);
    assert_int_equal(s->enable_metrics, CRYO_ON);
    assert_int_equal(s->metrics.enabled, CRYO_ON);
    assert_string_equal(s->metrics.exporter_type, "console");
    assert_string_equal(s->metrics.collector.host, "localhost");
    assert_int_equal(s->metrics.collector.port, 4317);
    assert_string_equal(s->metrics.temporality, "cumulative");
    assert_int_equal(s->metrics.export_interval_millis, 60000);
    assert_int_equal(s->metrics.export_timeout_millis, 30000);
    assert_int_equal(s->logging.enabled, CRYO_ON);
    assert_string_equal(s->logging.processor_type, "simple");
    assert_string_equal(s->logging.exporter_type, "console");
    assert_string_equal(s->logging.level, "INFO");
    assert_int_equal(s->logging.schedule_delay_millis, 5000);
    assert_int_equal(s->logging.max_export_batch_size, 512);
    assert_int_equal(s->logging.export_timeout_millis, 30000);
    assert_int_equal(s->logging.max_queue_size, 512);
    assert_string_equal(messages, "");
    cryo_settings_free(s);
}

static void one_endpoint_is_for_all_signals(void **state)
{
    (void)state;
    set("OTEL_EXPORTER_OTLP_ENDPOINT", "http://h:4318/base/");
    set("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://m:9999/own");
    set("OTEL_EXPORTER_OTLP_LOGS_HEADERS", "a=b");
    set("OTEL_EXPORTER_OTLP_TIMEOUT", "77");
    CryoSettings *s = loaded(NULL);
    assert_string_equal(s->tracing.exporter_type, "otlp");
    assert_string_equal(s->metrics.exporter_type, "otlp");
    assert_string_equal(s->logging.exporter_type, "otlp");
    assert_string_equal(s->tracing.otlp.endpoint, "http://h:4318/base/v1/traces");
    assert_string_equal(s->metrics.otlp.endpoint, "http://m:9999/own");
    assert_string_equal(s->logging.otlp.endpoint, "http://h:4318/base/v1/logs");
    assert_string_equal(s->tracing.otlp.headers, "");
    assert_string_equal(s->logging.otlp.headers, "a=b");
    assert_int_equal(s->metrics.otlp.timeout_millis, 77);
    cryo_settings_free(s);
}

static void a_signals_own_endpoint_selects_otlp_for_it_alone(void **state)
{
    (void)state;
    set("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://h:4317");
    set("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/json");
    CryoSettings *s = loaded(NULL);
    assert_string_equal(s->tracing.exporter_type, "console");
    assert_string_equal(s->metrics.exporter_type, "otlp");
    assert_string_equal(s->logging.exporter_type, "otlp");
    assert_string_equal(s->logging.otlp.protocol, "grpc");
    assert_string_equal(s->logging.otlp.endpoint, "http://h:4317");
    assert_string_equal(s->metrics.otlp.protocol, "http/json");
    assert_string_equal(s->metrics.otlp.endpoint, "http://localhost:4318/v1/metrics");
    cryo_settings_free(s);
}

static void an_exporter_that_was_chosen_is_not_overruled(void **state)
{
    (void)state;
    set("OTEL_EXPORTER_OTLP_ENDPOINT", "http://h:4318");
    set("METRICS__EXPORTER_TYPE", "console");
    set("OTEL_LOGS_EXPORTER", "none");
    CryoSettings *s = loaded(NULL);
    assert_string_equal(s->tracing.exporter_type, "otlp");
    assert_string_equal(s->metrics.exporter_type, "console");
    assert_int_equal(s->metrics.enabled, CRYO_ON);
    assert_int_equal(s->logging.enabled, CRYO_OFF);
    cryo_settings_free(s);
}

static void what_three_signals_share_is_wrong_once(void **state)
{
    (void)state;
    set("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://h:4318");
    assert_int_equal(lines_with(refused(), "is not a scheme that OTLP uses"), 1);
    unsetenv("OTEL_EXPORTER_OTLP_ENDPOINT");
    set("OTEL_EXPORTER_OTLP_COMPRESSION", "zip");
    cryo_settings_free(loaded(NULL));
    assert_int_equal(lines_with(messages, "OTEL_EXPORTER_OTLP_COMPRESSION: 'zip'"), 1);
}

static void switches_reach_as_far_as_they_say(void **state)
{
    (void)state;
    set("ENABLE_METRICS", "false");
    CryoSettings *s = loaded(NULL);
    assert_int_equal(s->metrics.enabled, CRYO_OFF);
    assert_int_equal(s->logging.enabled, CRYO_ON);
    cryo_settings_free(s);
    set("OTEL_SDK_DISABLED", "true");
    s = loaded(NULL);
    assert_int_equal(s->tracing.enabled, CRYO_OFF);
    assert_int_equal(s->logging.enabled, CRYO_OFF);
    cryo_settings_free(s);
}

static void a_logging_key_of_its_own_comes_before_the_general_one(void **state)
{
    (void)state;
    set("LOGGING__EXPORT_CONFIG__BATCH_SIZE", "50");
    set("LOGGING__EXPORT_CONFIG__SCHEDULE_DELAY_MILLIS", "60");
    set("LOGGING__SCHEDULE_DELAY_MILLIS", "70");
    set("OTEL_BLRP_EXPORT_TIMEOUT", "80");
    CryoSettings *s = loaded(NULL);
    assert_int_equal(s->logging.export_config.batch_size, 50);
    assert_int_equal(s->logging.max_export_batch_size, 50);
    assert_int_equal(s->logging.export_config.schedule_delay_millis, 70);
    assert_int_equal(s->logging.schedule_delay_millis, 70);
    assert_int_equal(s->logging.export_config.timeout_millis, 80);
    cryo_settings_free(s);
    set("LOGGING__MAX_QUEUE_SIZE", "49");
    assert_non_null(strstr(refused(), "LOGGING__MAX_QUEUE_SIZE: 49 is smaller"));
}

static void bad_values_name_what_is_allowed(void **state)
{
    (void)state;
    set("LOGGING__LEVEL", "loud");
    set("METRICS__EXPORT_INTERVAL_MILLIS", "0");
    set("METRICS__COLLECTOR__PORT", "70000");
    const char *text = refused();
    assert_non_null(strstr(text, "LOGGING__LEVEL: 'loud' is not one of DEBUG, INFO, WARNING, "
                                 "ERROR, CRITICAL"));
    assert_non_null(strstr(text, "METRICS__EXPORT_INTERVAL_MILLIS: '0' is not a whole number"));
    assert_non_null(strstr(text, "METRICS__COLLECTOR__PORT: '70000'"));
}

static void what_comes_later_is_refused_as_such(void **state)
{
    (void)state;
    set("METRICS__EXPORTER_TYPE", "prometheus");
    assert_non_null(strstr(refused(), "'prometheus' is not in this version yet"));
    unsetenv("METRICS__EXPORTER_TYPE");
    set("OTEL_METRICS_EXPORTER", "prometheus");
    CryoSettings *s = loaded(NULL); /* shared ground: the default counts */
    assert_string_equal(s->metrics.exporter_type, "console");
    assert_non_null(strstr(messages, "'prometheus' is not in this version yet; it is ignored"));
    cryo_settings_free(s);
    set("OTEL_CONFIG_FILE", "otel.yaml");
    assert_non_null(
        strstr(refused(), "OTEL_CONFIG_FILE: settings from such a file come in a later"));
    set("OTEL_CONFIG_FILE", "");
    cryo_settings_free(loaded(NULL));
}

static void arguments_that_nobody_takes_are_errors(void **state)
{
    (void)state;
    set("LOGGING__ADDITIONAL_EXPORTER_ARGS", "{\"x\": 1}");
    set("LOGGING__ADDITIONAL_PROCESSOR_ARGS", "{\"y\": 1}");
    const char *text = refused();
    assert_non_null(strstr(text, "LOGGING__ADDITIONAL_EXPORTER_ARGS: 'x' is unknown; the exporter "
                                 "console takes no arguments"));
    assert_non_null(strstr(text, "LOGGING__ADDITIONAL_PROCESSOR_ARGS: 'y' is unknown; the "
                                 "processor simple takes no arguments"));
}

static void code_comes_first_and_is_printed(void **state)
{
    (void)state;
    char json[8192];
    set("OTEL_METRIC_EXPORT_INTERVAL", "5000");
    set("METRICS__EXPORT_TIMEOUT_MILLIS", "900");
    CryoSettings code = { .metrics = { .export_interval_millis = 250,
                                       .otlp = { .headers = "key=geheim" } },
                          .logging = { .level = "critical" } };
    CryoSettings *s = loaded(&code);
    assert_int_equal(s->metrics.export_interval_millis, 250);
    assert_string_equal(s->logging.level, "CRITICAL");
    assert_true(cryo_settings_json(s, json, sizeof json) < sizeof json);
    assert_non_null(strstr(json, "\"METRICS__EXPORT_INTERVAL_MILLIS\": \"code\""));
    assert_non_null(strstr(json, "\"METRICS__EXPORT_TIMEOUT_MILLIS\": "
                                 "\"METRICS__EXPORT_TIMEOUT_MILLIS\""));
    assert_non_null(strstr(json, "\"level\": \"CRITICAL\""));
    assert_null(strstr(json, "geheim"));
    assert_int_equal(lines_with(json, "\"logging\": {"), 1);
    cryo_settings_free(s);
}

int main(void)
{
#define SIGNALS_TEST(function) cmocka_unit_test_setup_teardown(function, fresh, fresh)
    const struct CMUnitTest tests[] = {
        SIGNALS_TEST(defaults_are_those_of_the_manual),
        SIGNALS_TEST(one_endpoint_is_for_all_signals),
        SIGNALS_TEST(a_signals_own_endpoint_selects_otlp_for_it_alone),
        SIGNALS_TEST(an_exporter_that_was_chosen_is_not_overruled),
        SIGNALS_TEST(what_three_signals_share_is_wrong_once),
        SIGNALS_TEST(switches_reach_as_far_as_they_say),
        SIGNALS_TEST(a_logging_key_of_its_own_comes_before_the_general_one),
        SIGNALS_TEST(bad_values_name_what_is_allowed),
        SIGNALS_TEST(what_comes_later_is_refused_as_such),
        SIGNALS_TEST(arguments_that_nobody_takes_are_errors),
        SIGNALS_TEST(code_comes_first_and_is_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
