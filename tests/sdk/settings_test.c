/* settings_test.c - layers, errors all at once, .env, what OpenTelemetry's variables mean. */
#include "sdk/kept_spans.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char messages[8192];
static char env_path[64];

static void remember(void *context, CryoLogLevel level, CryoString message)
{
    (void)context, (void)level;
    size_t len = strlen(messages);
    snprintf(messages + len, sizeof messages - len, "%.*s\n", (int)message.len, message.ptr);
}

static int fresh(void **state)
{
    (void)state;
    static const char *const names[] = {
        "SERVICE__NAME",
        "SERVICE__ADDITIONAL_ATTRIBUTES",
        "TRACING__SAMPLE_RATE",
        "TRACING__SAMPLE_RAT",
        "TRACING__EXPORTER_TYPE",
        "TRACING__COLLECTOR__HOST",
        "TRACING__COLLECTOR__PORT",
        "TRACING__MAX_QUEUE_SIZE",
        "TRACING__EXPORT_CONFIG__BATCH_SIZE",
        "PROPAGATION__PROPAGATOR_TYPES",
        "EXCLUDED_PATHS",
        "OTEL_ENTITIES",
        "OTEL_SERVICE_NAME",
        "OTEL_SDK_DISABLED",
        "OTEL_RESOURCE_ATTRIBUTES",
        "OTEL_TRACES_EXPORTER",
        "OTEL_TRACES_SAMPLER",
        "OTEL_TRACES_SAMPLER_ARG",
        "OTEL_TRACES_SAMPLR",
        "OTEL_BSP_SCHEDULE_DELAY",
        "OTEL_BSP_MAX_QUEUE_SIZE",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        "OTEL_EXPORTER_OTLP_HEADERS",
        "OTEL_EXPORTER_OTLP_INSECURE",
        "OTEL_ATTRIBUTE_COUNT_LIMIT",
        "OTEL_PYTHON_LOG_LEVEL",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
    messages[0] = '\0';
    cryo_set_log_handler(remember, NULL);
    return 0;
}

static void set(const char *name, const char *value)
{
    assert_int_equal(setenv(name, value, 1), 0);
}

static const char *env_file(const char *text)
{
    snprintf(env_path, sizeof env_path, "/tmp/cryo_settings_%ld.env", (long)getpid());
    FILE *file = fopen(env_path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    return env_path;
}

/* Loads without a .env file unless `code` names one. */
static CryoSettings *load(const CryoSettings *code, CryoError *error)
{
    CryoSettings use = code ? *code : (CryoSettings){ 0 };
    if (!use.env_file)
        use.env_file = "";
    return cryo_settings_load(&use, error);
}

static CryoSettings *loaded(const CryoSettings *code)
{
    CryoError error;
    CryoSettings *settings = load(code, &error);
    if (!settings)
        fail_msg("%s", error.text);
    return settings;
}

static const char *refused(const CryoSettings *code)
{
    static CryoError error;
    assert_null(load(code, &error));
    assert_int_equal(error.kind, CRYO_ERROR_SETTINGS);
    return error.text;
}

static void defaults_are_those_of_the_manual(void **state)
{
    (void)state;
    CryoSettings *s = loaded(NULL);
    assert_string_equal(s->service.name, "unknown-service");
    assert_string_equal(s->service.version, "0.1.0");
    assert_string_equal(s->service.environment, "development");
    assert_string_equal(s->excluded_paths, "/health,/metrics,/favicon.ico");
    assert_string_equal(s->propagation.propagator_types, "tracecontext,baggage");
    assert_string_equal(s->tracing.exporter_type, "console");
    assert_string_equal(s->tracing.collector.host, "localhost");
    assert_int_equal(s->tracing.collector.port, 4317);
    assert_string_equal(s->tracing.processor_type, "batch");
    assert_string_equal(s->tracing.sampling_strategy, "parent_based_always_on");
    assert_true(s->tracing.sample_rate == 1.0);
    assert_int_equal(s->tracing.export_config.batch_size, 512);
    assert_int_equal(s->tracing.export_config.schedule_delay_millis, 5000);
    assert_int_equal(s->tracing.export_config.timeout_millis, 30000);
    assert_int_equal(s->tracing.max_queue_size, 2048);
    assert_int_equal(s->tracing.limits.attributes, 128);
    assert_int_equal(s->enable_telemetry, CRYO_ON);
    assert_int_equal(s->tracing.enabled, CRYO_ON);
    cryo_settings_free(s);
    assert_string_equal(messages, "");
}

static void the_higher_layer_wins(void **state)
{
    (void)state;
    const char *path = env_file("SERVICE__NAME=from-file\n");
    CryoSettings code = { .env_file = path };
    CryoSettings *s = loaded(&code);
    assert_string_equal(s->service.name, "from-file");
    cryo_settings_free(s);

    env_file("SERVICE__NAME=from-file\nOTEL_SERVICE_NAME=otel-in-file\n");
    s = loaded(&code);
    assert_string_equal(s->service.name, "otel-in-file");
    cryo_settings_free(s);

    set("SERVICE__NAME", "from-group");
    s = loaded(&code);
    assert_string_equal(s->service.name, "from-group");
    cryo_settings_free(s);

    set("OTEL_RESOURCE_ATTRIBUTES", "service.name=from-attributes,team=%C3%A4,n=1");
    s = loaded(&code);
    assert_string_equal(s->service.name, "from-attributes");
    assert_true(text_attribute_is(s->service.additional_attributes, "team", "\xC3\xA4"));
    assert_int_equal(s->service.additional_attributes.count, 2);
    cryo_settings_free(s);

    set("OTEL_SERVICE_NAME", "from-otel");
    s = loaded(&code);
    assert_string_equal(s->service.name, "from-otel");
    cryo_settings_free(s);

    code.service.name = "from-code";
    s = loaded(&code);
    assert_string_equal(s->service.name, "from-code");
    char json[8192];
    assert_true(cryo_settings_json(s, json, sizeof json) < sizeof json);
    assert_non_null(strstr(json, "\"name\": \"from-code\""));
    assert_non_null(strstr(json, "\"SERVICE__NAME\": \"code\""));
    assert_non_null(
        strstr(json, "\"SERVICE__ADDITIONAL_ATTRIBUTES\": \"OTEL_RESOURCE_ATTRIBUTES\""));
    cryo_settings_free(s);
    unlink(path);
}

static void all_errors_come_at_once(void **state)
{
    (void)state;
    const char *path = env_file("# a comment\nexport TRACING__COLLECTOR__PORT='70000'\n"
                                "DATABASE_URL=ignored\nTRACING__NOTHING=1\nno equals sign\n");
    set("TRACING__SAMPLE_RATE", "7");
    set("TRACING__EXPORTER_TYPE", "carrier-pigeon");
    CryoSettings code = { .env_file = path, .tracing.processor_type = "bulk" };
    const char *text = refused(&code);
    assert_non_null(strstr(text, "TRACING__SAMPLE_RATE: '7' is not a number from 0 to 1"));
    assert_non_null(strstr(text, "'carrier-pigeon' is no exporter; there are console, otlp"));
    assert_non_null(strstr(text, "TRACING__COLLECTOR__PORT (in .env): '70000' is not a whole "
                                 "number from 1 to 65535"));
    assert_non_null(strstr(text, "TRACING__PROCESSOR_TYPE (in code): 'bulk' is not one of batch, "
                                 "simple"));
    assert_non_null(strstr(text, "TRACING__NOTHING (in .env): there is no such setting"));
    assert_non_null(strstr(text, ".env:5: NAME=value expected"));
    assert_null(strstr(text, "DATABASE_URL"));
    unlink(path);
    CryoError error;
    assert_false(cryo_start(&code, &error)); /* the file is gone now: one more error */
    assert_non_null(strstr(error.text, "there is no such file"));
    assert_false(cryo_initialized());
    assert_null(cryo_telemetry_settings(cryo_get()));
    CRYO_SPAN(span, "the program runs on");
    assert_null(span.slot);
}

static void only_a_file_is_read(void **state)
{
    (void)state;
    CryoSettings code = { .env_file = env_file("") };
    assert_int_equal(remove(code.env_file), 0);
    assert_int_equal(mkfifo(code.env_file, 0600), 0);
    assert_non_null(strstr(refused(&code), "there is no such file")); /* reading it would block */
    remove(code.env_file);
}

static void a_file_that_is_too_full_is_one_error(void **state)
{
    (void)state;
    static const char line[] = "OTEL_X=1\n";
    char text[1000 * (sizeof line - 1) + 1];
    for (size_t i = 0; i < 1000; i++)
        memcpy(text + i * (sizeof line - 1), line, sizeof line);
    const char *said = refused(&(CryoSettings){ .env_file = env_file(text) });
    assert_ptr_equal(strstr(said, "more than 512 variables in .env"), said);
    assert_null(strstr(said + 1, "more than"));
    said = refused(&(CryoSettings){ .env_file = env_file("# fine\n=nameless\n") });
    assert_string_equal(said, ".env:2: NAME=value expected, found '=nameless'");
    remove(env_path);
}

static void a_byte_order_mark_is_no_part_of_a_name(void **state)
{
    (void)state;
    CryoSettings code = { .env_file = env_file("\xEF\xBB\xBFSERVICE__NAME=marked\r\n") };
    CryoSettings *s = loaded(&code);
    assert_string_equal(s->service.name, "marked");
    cryo_settings_free(s);
    remove(env_path);
}

static void every_reason_is_a_line_of_its_own(void **state)
{
    (void)state;
    set("TRACING__SAMPLE_RATE", "2");
    set("TRACING__COLLECTOR__PORT", "\033[31m");
    assert_false(cryo_start(&(CryoSettings){ .env_file = "" }, NULL));
    const char *first = strstr(messages, "telemetry stays off: ");
    assert_non_null(first);
    assert_non_null(strstr(first + 1, "\ntelemetry stays off: "));
    assert_null(strchr(messages, '\033'));
}

static void arguments_that_nobody_takes_are_errors(void **state)
{
    (void)state;
    CryoSettings code = {
        .tracing = { .exporter_type = "console",
                     .additional_exporter_args = CRYO_ATTRS("colour", "red"),
                     .additional_processor_args = CRYO_ATTRS("workers", 3) },
    };
    const char *text = refused(&code);
    assert_non_null(strstr(text, "TRACING__ADDITIONAL_EXPORTER_ARGS: 'colour' is unknown"));
    assert_non_null(strstr(text, "TRACING__ADDITIONAL_PROCESSOR_ARGS: 'workers' is unknown"));
}

static void shared_ground_is_tolerant(void **state)
{
    (void)state;
    set("OTEL_BSP_SCHEDULE_DELAY", "soon");
    set("OTEL_TRACES_SAMPLR", "always_on");
    set("TRACING__SAMPLE_RAT", "0.5");
    set("OTEL_PYTHON_LOG_LEVEL", "debug");
    set("OTEL_SDK_DISABLED", "yes");
    set("OTEL_ENTITIES", "x");
    CryoSettings *s = loaded(NULL);
    assert_int_equal(s->tracing.export_config.schedule_delay_millis, 5000);
    assert_int_equal(s->enable_telemetry, CRYO_ON);
    assert_non_null(strstr(messages, "OTEL_BSP_SCHEDULE_DELAY: 'soon' is not a whole number"));
    assert_non_null(strstr(messages, "did you mean OTEL_TRACES_SAMPLER"));
    assert_non_null(strstr(messages, "did you mean TRACING__SAMPLE_RATE"));
    assert_non_null(strstr(messages, "'yes' is neither true nor false"));
    assert_non_null(strstr(messages, "without effect in this version: OTEL_ENTITIES"));
    assert_null(strstr(messages, "PYTHON"));
    cryo_settings_free(s);
}

static void endpoints_are_completed(void **state)
{
    (void)state;
    static const struct {
        const char *general, *own, *protocol, *endpoint, *wanted_protocol;
    } rows[] = {
        { "http://h:4318", NULL, NULL, "http://h:4318/v1/traces", "http/protobuf" },
        { "http://h:4318/", NULL, NULL, "http://h:4318/v1/traces", "http/protobuf" },
        { "http://h/base/", NULL, NULL, "http://h:80/base/v1/traces", "http/protobuf" },
        { "http://h:4317", NULL, NULL, "http://h:4317", "grpc" },
        { "http://h:4317", NULL, "http/protobuf", "http://h:4317/v1/traces", "http/protobuf" },
        { "http://h:9999", NULL, "grpc", "http://h:9999", "grpc" },
        { "http://x:1", "http://h:4318", NULL, "http://h:4318/", "http/protobuf" },
        { "http://x:1", "http://h:4318/own", NULL, "http://h:4318/own", "http/protobuf" },
        { "http://[::1]:4318", NULL, NULL, "http://[::1]:4318/v1/traces", "http/protobuf" },
        { NULL, NULL, "grpc", "http://localhost:4317", "grpc" },
        { NULL, NULL, "http/protobuf", "http://localhost:4318/v1/traces", "http/protobuf" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fresh(NULL);
        if (rows[i].general)
            set("OTEL_EXPORTER_OTLP_ENDPOINT", rows[i].general);
        if (rows[i].own)
            set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", rows[i].own);
        if (rows[i].protocol)
            set("OTEL_EXPORTER_OTLP_PROTOCOL", rows[i].protocol);
        CryoSettings *s = loaded(NULL);
        assert_string_equal(s->tracing.exporter_type, "otlp");
        assert_string_equal(s->tracing.otlp.endpoint, rows[i].endpoint);
        assert_string_equal(s->tracing.otlp.protocol, rows[i].wanted_protocol);
        cryo_settings_free(s);
    }
}

static void an_endless_endpoint_is_named_and_cut(void **state)
{
    (void)state;
    static char url[20000];
    memset(url, 'h', sizeof url - 1);
    memcpy(url, "http://", 7);
    set("OTEL_EXPORTER_OTLP_ENDPOINT", url);
    const char *said = refused(NULL);
    assert_ptr_equal(strstr(said, "OTEL_EXPORTER_OTLP_ENDPOINT: 'http://hhh"), said);
    assert_non_null(strstr(said, "is not a URL"));
}

static void the_collector_of_a_higher_layer_wins_against_an_endpoint(void **state)
{
    (void)state;
    set("OTEL_EXPORTER_OTLP_ENDPOINT", "http://from-otel:4318");
    set("TRACING__COLLECTOR__HOST", "from-group");
    CryoSettings *s = loaded(NULL);
    assert_string_equal(s->tracing.otlp.endpoint, "http://from-otel:4318/v1/traces");
    cryo_settings_free(s);
    CryoSettings code = { .tracing.collector = { .host = "from-code", .port = 4318 } };
    s = loaded(&code);
    assert_string_equal(s->tracing.otlp.endpoint, "http://from-code:4318/v1/traces");
    cryo_settings_free(s);
    unsetenv("OTEL_EXPORTER_OTLP_ENDPOINT");
    code = (CryoSettings){ .tracing.exporter_type = "otlp" };
    s = loaded(&code);
    assert_string_equal(s->tracing.otlp.endpoint, "http://from-group:4317");
    assert_string_equal(s->tracing.otlp.protocol, "grpc");
    cryo_settings_free(s);
}

static void an_exporter_that_was_chosen_is_not_overruled(void **state)
{
    (void)state;
    set("OTEL_EXPORTER_OTLP_ENDPOINT", "http://h:4318");
    set("OTEL_TRACES_EXPORTER", "console,otlp");
    CryoSettings *s = loaded(NULL);
    assert_string_equal(s->tracing.exporter_type, "console,otlp");
    cryo_settings_free(s);
    set("OTEL_TRACES_EXPORTER", "none");
    s = loaded(NULL);
    assert_int_equal(s->tracing.enabled, CRYO_OFF);
    cryo_settings_free(s);
}

static void expect_endpoint(const CryoSettings *code, const char *endpoint)
{
    CryoSettings *s = loaded(code);
    assert_string_equal(s->tracing.otlp.endpoint, endpoint);
    cryo_settings_free(s);
}

static void tls_is_what_an_endpoint_means_unless_it_says_otherwise(void **state)
{
    (void)state;
    set("OTEL_EXPORTER_OTLP_ENDPOINT", "https://h:4317");
    expect_endpoint(NULL, "https://h:4317");
    set("OTEL_EXPORTER_OTLP_ENDPOINT", "https://h");
    expect_endpoint(NULL, "https://h:443/v1/traces");
    set("OTEL_EXPORTER_OTLP_ENDPOINT", "h:4317");
    expect_endpoint(NULL, "https://h:4317");
    set("OTEL_EXPORTER_OTLP_INSECURE", "true");
    expect_endpoint(NULL, "http://h:4317");
    set("OTEL_EXPORTER_OTLP_ENDPOINT", "https://h:4317"); /* the scheme has the last word */
    expect_endpoint(NULL, "https://h:4317");
    set("OTEL_EXPORTER_OTLP_ENDPOINT", "http://h:99999");
    assert_non_null(strstr(refused(NULL), "is not a URL"));
    set("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://h:1");
    assert_non_null(strstr(refused(NULL), "write http:// or https://"));
    fresh(NULL);
    CryoSettings code = { .tracing = { .exporter_type = "otlp", .collector.protocol = "HTTPS" } };
    expect_endpoint(&code, "https://localhost:4317");
}

static void certificates_are_for_all_signals_or_for_one(void **state)
{
    (void)state;
    set("OTEL_EXPORTER_OTLP_ENDPOINT", "https://h:4317");
    set("OTEL_EXPORTER_OTLP_CERTIFICATE", "/a");
    set("OTEL_EXPORTER_OTLP_LOGS_CERTIFICATE", "/b");
    set("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "/c");
    set("OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY", "/d");
    set("TRACING__OTLP__CLIENT_KEY", "/e");
    CryoSettings *s = loaded(NULL);
    assert_string_equal(s->tracing.otlp.certificate, "/a");
    assert_string_equal(s->logging.otlp.certificate, "/b");
    assert_string_equal(s->metrics.otlp.client_certificate, "/c");
    assert_string_equal(s->metrics.otlp.client_key, "/d");
    assert_string_equal(s->tracing.otlp.client_key, "/e");
    assert_string_equal(s->logging.otlp.client_key, "");
    cryo_settings_free(s);
}

static void lists_and_maps_are_json_or_plain(void **state)
{
    (void)state;
    set("EXCLUDED_PATHS", "[\"/a\", \"/b\"]");
    set("PROPAGATION__PROPAGATOR_TYPES", " TraceContext , tracecontext,baggage");
    set("SERVICE__ADDITIONAL_ATTRIBUTES",
        "{\"text\": \"a\\u00e4\\ud83d\\ude00\\n\", \"n\": -5, \"real\": 2.5, \"yes\": true,"
        " \"list\": [1, 2], \"words\": [\"a\"], \"none\": []}");
    CryoSettings *s = loaded(NULL);
    assert_string_equal(s->excluded_paths, "/a,/b");
    CryoAttrs map = s->service.additional_attributes;
    assert_true(text_attribute_is(map, "text", "a\xC3\xA4\xF0\x9F\x98\x80\n"));
    assert_int_equal(attribute_of(map, "n")->as.integer, -5);
    assert_true(attribute_of(map, "real")->as.real == 2.5);
    assert_int_equal(attribute_of(map, "list")->as.array.count, 2);
    assert_int_equal(attribute_of(map, "words")->type, CRYO_STRING_ARRAY);
    cryo_settings_free(s);
    static const char *const bad[] = { "{",
                                       "{}x",
                                       "{\"a\"}",
                                       "{\"a\":}",
                                       "[]",
                                       "{\"a\":[1,}",
                                       "{\"a\":\"}",
                                       "{\"a\":1,}",
                                       "{\"a\":{\"b\":[1,}}",
                                       "a=b",
                                       "{\"a\":\"\\u12\"}",
                                       "{\"a\":tru}" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        set("SERVICE__ADDITIONAL_ATTRIBUTES", bad[i]);
        assert_non_null(strstr(refused(NULL), "SERVICE__ADDITIONAL_ATTRIBUTES: "));
    }
}

static void maps_nest_to_a_bounded_depth(void **state)
{
    (void)state;
    char deep[64];
    set("SERVICE__ADDITIONAL_ATTRIBUTES",
        "{\"a\": [1, \"b\", null, [true], {\"c\": {\"d\": 2.5, \"e\": 1, \"e\": 2}}], \"m\": {}}");
    CryoSettings *s = loaded(NULL);
    const CryoValue *a = attribute_of(s->service.additional_attributes, "a");
    assert_int_equal(a->type, CRYO_VALUE_ARRAY);
    assert_int_equal(a->as.array.count, 5);
    const CryoValue *items = a->as.array.ptr;
    assert_int_equal(items[0].as.integer, 1);
    assert_true(text_is(items[1].as.string, "b") && items[2].type == CRYO_EMPTY);
    assert_int_equal(items[3].type, CRYO_BOOLEAN_ARRAY);
    const CryoValue *c = attribute_of(items[4].as.map, "c");
    assert_true(attribute_of(c->as.map, "d")->as.real == 2.5);
    assert_int_equal(c->as.map.count, 2); /* a key again replaces its value */
    assert_int_equal(attribute_of(c->as.map, "e")->as.integer, 2);
    assert_int_equal(attribute_of(s->service.additional_attributes, "m")->as.map.count, 0);
    cryo_settings_free(s);
    for (int depth = CRYO_DEPTH_MAX; depth <= CRYO_DEPTH_MAX + 1; depth++) {
        snprintf(deep, sizeof deep, "{\"a\":%.*s%.*s}", depth, "[[[[[[[[[[[[[[[[[[", depth,
                 "]]]]]]]]]]]]]]]]]]");
        set("SERVICE__ADDITIONAL_ATTRIBUTES", deep);
        if (depth > CRYO_DEPTH_MAX)
            assert_non_null(strstr(refused(NULL), "nests deeper than 16"));
        else
            cryo_settings_free(loaded(NULL));
    }
}

static void maps_from_code_are_copied_whole(void **state)
{
    (void)state;
    char text[] = "first";
    CryoValue inner[] = { cryo_text(text), cryo_integer(5), cryo_map((CryoAttrs){ NULL, 0 }) };
    CryoAttr pairs[] = { { cryo_str("in"), cryo_values(inner, 3) } };
    CryoSettings code = { .service.additional_attributes =
                              CRYO_ATTRS("map", cryo_map((CryoAttrs){ pairs, 1 })) };
    CryoSettings *s = loaded(&code);
    memset(text, 'x', sizeof text - 1);
    memset(inner, 0, sizeof inner);
    memset(pairs, 0, sizeof pairs);
    const CryoValue *map = attribute_of(s->service.additional_attributes, "map");
    const CryoValue *in = attribute_of(map->as.map, "in");
    assert_int_equal(in->as.array.count, 3);
    assert_true(text_is(((const CryoValue *)in->as.array.ptr)[0].as.string, "first"));
    cryo_settings_free(s);
    CryoValue itself[2];
    itself[0] = itself[1] = cryo_values(itself, 2);
    code.service.additional_attributes = CRYO_ATTRS("self", itself[0]);
    assert_non_null(strstr(refused(&code), "nests deeper than 16"));
}

static void later_propagators_are_named_as_such(void **state)
{
    (void)state;
    set("PROPAGATION__PROPAGATOR_TYPES", "tracecontext,b3");
    assert_non_null(strstr(refused(NULL), "'b3' is not in this version yet"));
}

static void a_sampler_argument_counts_only_with_its_sampler(void **state)
{
    (void)state;
    set("OTEL_TRACES_SAMPLER_ARG", "0.25");
    CryoSettings *s = loaded(NULL);
    assert_true(s->tracing.sample_rate == 1.0);
    cryo_settings_free(s);
    set("OTEL_TRACES_SAMPLER", "parentbased_traceidratio");
    s = loaded(NULL);
    assert_true(s->tracing.sample_rate == 0.25);
    assert_string_equal(s->tracing.sampling_strategy, "parent_based_trace_id_ratio");
    cryo_settings_free(s);
}

static void zero_can_be_said_in_code(void **state)
{
    (void)state;
    set("OTEL_ATTRIBUTE_COUNT_LIMIT", "7");
    CryoSettings code = { .tracing = { .sample_rate = CRYO_ZERO, .limits.events = CRYO_ZERO } };
    CryoSettings *s = loaded(&code);
    assert_true(s->tracing.sample_rate == 0.0);
    assert_int_equal(s->tracing.limits.events, 0);
    assert_int_equal(s->tracing.limits.attributes, 7);
    assert_int_equal(s->tracing.limits.attributes_per_link, 7);
    cryo_settings_free(s);
}

static void the_queue_holds_at_least_a_batch(void **state)
{
    (void)state;
    CryoSettings code = { .tracing.max_queue_size = 100 };
    CryoSettings *s = loaded(&code);
    assert_int_equal(s->tracing.export_config.batch_size, 100);
    cryo_settings_free(s);
    code.tracing.export_config.batch_size = 200;
    assert_non_null(strstr(refused(&code), "TRACING__MAX_QUEUE_SIZE: 100 is smaller than the batch "
                                           "size, 200"));
}

static void secrets_are_not_printed(void **state)
{
    (void)state;
    set("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20geheim");
    CryoSettings *s = loaded(NULL);
    char json[8192];
    size_t len = cryo_settings_json(s, json, sizeof json);
    assert_int_equal(len, strlen(json));
    assert_null(strstr(json, "geheim"));
    assert_non_null(strstr(json, "\"headers\": \"****"));
    assert_non_null(strstr(json, "\n  \"tracing\": {\n    \"enabled\": true,"));
    char cut[10];
    assert_int_equal(cryo_settings_json(s, cut, sizeof cut), len);
    assert_int_equal(strlen(cut), 9);
    assert_int_equal(cryo_settings_json(&(CryoSettings){ 0 }, json, sizeof json), 0);
    cryo_settings_free(s);
}

static void loaded_settings_outlive_their_owner_while_in_use(void **state)
{
    (void)state;
    CryoError error;
    CryoSettings code = { .service.name = "kept", .tracing.exporter_type = "in_memory" };
    CryoSettings *s = loaded(&code);
    assert_true(cryo_start(s, &error));
    cryo_settings_free(s);
    assert_string_equal(cryo_telemetry_settings(cryo_get())->service.name, "kept");
    assert_false(cryo_start(NULL, &error));
    assert_int_equal(error.kind, CRYO_ERROR_STATE);
    cryo_span_end(cryo_span_start("span", NULL));
    CryoAttrs resource = span_named("span")->resource;
    assert_true(text_attribute_is(resource, "service.name", "kept"));
    assert_true(text_attribute_is(resource, "telemetry.sdk.language", "c"));
    assert_int_equal(attribute_of(resource, "process.pid")->as.integer, getpid());
    memory_stop();
}

int main(void)
{
#define SETTINGS_TEST(function) cmocka_unit_test_setup_teardown(function, fresh, fresh)
    const struct CMUnitTest tests[] = {
        SETTINGS_TEST(defaults_are_those_of_the_manual),
        SETTINGS_TEST(the_higher_layer_wins),
        SETTINGS_TEST(all_errors_come_at_once),
        SETTINGS_TEST(only_a_file_is_read),
        SETTINGS_TEST(every_reason_is_a_line_of_its_own),
        SETTINGS_TEST(a_byte_order_mark_is_no_part_of_a_name),
        SETTINGS_TEST(a_file_that_is_too_full_is_one_error),
        SETTINGS_TEST(arguments_that_nobody_takes_are_errors),
        SETTINGS_TEST(shared_ground_is_tolerant),
        SETTINGS_TEST(endpoints_are_completed),
        SETTINGS_TEST(an_endless_endpoint_is_named_and_cut),
        SETTINGS_TEST(the_collector_of_a_higher_layer_wins_against_an_endpoint),
        SETTINGS_TEST(an_exporter_that_was_chosen_is_not_overruled),
        SETTINGS_TEST(tls_is_what_an_endpoint_means_unless_it_says_otherwise),
        cmocka_unit_test(certificates_are_for_all_signals_or_for_one),
        SETTINGS_TEST(lists_and_maps_are_json_or_plain),
        SETTINGS_TEST(maps_nest_to_a_bounded_depth),
        SETTINGS_TEST(maps_from_code_are_copied_whole),
        SETTINGS_TEST(later_propagators_are_named_as_such),
        SETTINGS_TEST(a_sampler_argument_counts_only_with_its_sampler),
        SETTINGS_TEST(zero_can_be_said_in_code),
        SETTINGS_TEST(the_queue_holds_at_least_a_batch),
        SETTINGS_TEST(secrets_are_not_printed),
        SETTINGS_TEST(loaded_settings_outlive_their_owner_while_in_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
