/* Own metrics as text, from accounts written by hand. */
#include "cmd/own_metrics_text.h"

#include <cryostorm/version.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { T, M, L }; /* signal_index */

static const ProcessFacts facts = {
    .instance_id = STR_ROW("an-id"),
    .uptime_seconds = 12.5,
    .cpu_seconds = 1.25,
    .resident_bytes = 1048576,
    .has_cpu = true,
    .has_resident = true,
};

static const char *written(const GraphStatus *status, Buf *out)
{
    own_metrics_write(status, &facts, out);
    return buf_text(out);
}

static void expect(const char *text, const char *line)
{
    const char *at = strstr(text, line);
    if (!at || (at != text && at[-1] != '\n'))
        fail_msg("not there: %s\n%s", line, text);
}

static void memory_says_who_holds_it(void **state)
{
    (void)state;
    Buf out = BUF(1 << 20);
    GraphStatus status = { .memory = { .limit = 1000, .peak = 900, .refused = 3 } };
    status.memory.by_owner[BUDGET_BATCHES] = 700;
    const char *text = written(&status, &out);
    expect(text, "cryostorm_memory_limit_bytes 1000\n");
    expect(text, "cryostorm_memory_peak_bytes 900\n");
    expect(text, "cryostorm_memory_held_bytes{owner=\"batches\"} 700\n");
    expect(text, "cryostorm_memory_refused_total 3\n");
    buf_free(&out);
}

static void receivers_by_transport(void **state)
{
    (void)state;
    ComponentStatus components[] = {
        { .kind = RECEIVER,
          .id = STR("otlp"),
          .signals = TRACES | LOGS,
          .by_signal = { [T] = { .sent = 7, .refused = 3 }, [L] = { .sent = 2 } },
          .transport_count = 2,
          .transports = { { .name = "grpc", .sent = { [T] = 5 }, .refused = { [T] = 3 } },
                          { .name = "http", .sent = { [T] = 2, [L] = 2 } } } },
        { .kind = RECEIVER,
          .id = STR("hostmetrics"),
          .signals = METRICS,
          .by_signal = { [M] = { .sent = 250 } } },
    };
    GraphStatus status = { .components = components, .count = COUNT_OF(components) };
    Buf out = BUF(1 << 20);
    const char *text = written(&status, &out);
    expect(text, "# TYPE otelcol_receiver_accepted_spans counter\n"
                 "otelcol_receiver_accepted_spans{receiver=\"otlp\",transport=\"grpc\"} 5\n"
                 "otelcol_receiver_accepted_spans{receiver=\"otlp\",transport=\"http\"} 2\n");
    expect(text, "otelcol_receiver_refused_spans{receiver=\"otlp\",transport=\"grpc\"} 3\n");
    expect(text, "otelcol_receiver_accepted_log_records{receiver=\"otlp\",transport=\"http\"} 2\n");
    expect(text, "otelcol_receiver_accepted_metric_points{receiver=\"hostmetrics\"} 250\n");
    assert_null(strstr(text, "metric_points{receiver=\"otlp\""));
    buf_free(&out);
}

static void exporters_and_their_queues(void **state)
{
    (void)state;
    ComponentStatus components[] = {
        { .kind = EXPORTER,
          .id = STR("otlp/jaeger"),
          .signals = TRACES,
          .by_signal = { [T] = { .sent = 9, .dropped = 4, .refused = 2 } },
          .queue_size = 3,
          .queue_capacity = 1000,
          .circuit = CIRCUIT_OPEN,
          .drop_count = 1,
          .drops = { { "no more retries left", 4, { [T] = 4 } } } },
        { .kind = EXPORTER, .id = STR("odd\"\\\nname"), .signals = ALL_SIGNALS },
    };
    GraphStatus status = { .components = components, .count = COUNT_OF(components) };
    Buf out = BUF(1 << 20);
    const char *text = written(&status, &out);
    expect(text, "otelcol_exporter_sent_spans{exporter=\"otlp/jaeger\"} 9\n");
    expect(text, "otelcol_exporter_send_failed_spans{exporter=\"otlp/jaeger\"} 4\n");
    expect(text, "otelcol_exporter_enqueue_failed_spans{exporter=\"otlp/jaeger\"} 2\n");
    expect(text, "otelcol_exporter_queue_size{exporter=\"otlp/jaeger\",data_type=\"traces\"} 3\n");
    expect(text,
           "otelcol_exporter_queue_capacity{exporter=\"otlp/jaeger\",data_type=\"traces\"} 1000\n");
    expect(text, "cryostorm_dropped_items_total{kind=\"exporter\",component=\"otlp/jaeger\","
                 "pipeline=\"\",otel_signal=\"traces\",reason=\"no more retries left\"} 4\n");
    expect(text, "cryostorm_exporter_circuit_breaker_state{exporter=\"otlp/jaeger\","
                 "data_type=\"traces\"} 2\n");
    assert_null(strstr(text, "circuit_breaker_state{exporter=\"odd"));
    expect(text, "otelcol_exporter_sent_log_records{exporter=\"odd\\\"\\\\\\nname\"} 0\n");
    buf_free(&out);
}

/* The same processor in two pipelines of one signal is one series. */
static void processors_are_summed_by_signal(void **state)
{
    (void)state;
    ComponentStatus components[] = {
        { .kind = PROCESSOR,
          .id = STR("batch"),
          .pipeline = STR("traces/a"),
          .signals = TRACES,
          .received = 5,
          .sent = 4,
          .by_signal = { [T] = { .received = 5, .sent = 4 } } },
        { .kind = PROCESSOR,
          .id = STR("memory_limiter/x"),
          .pipeline = STR("metrics"),
          .signals = METRICS,
          .by_signal = { [M] = { .received = 8, .refused = 6 } } },
        { .kind = PROCESSOR,
          .id = STR("batch"),
          .pipeline = STR("traces/b"),
          .signals = TRACES,
          .by_signal = { [T] = { .received = 10, .sent = 10 } } },
        { .kind = PROCESSOR,
          .id = STR("probabilistic_sampler/y"),
          .signals = TRACES,
          .by_signal = { [T] = { .received = 10, .sent = 3, .dropped = 7 } } },
    };
    GraphStatus status = { .components = components, .count = COUNT_OF(components) };
    Buf out = BUF(1 << 20);
    const char *text = written(&status, &out);
    expect(text,
           "otelcol_processor_incoming_items{processor=\"batch\",otel_signal=\"traces\"} 15\n");
    expect(text,
           "otelcol_processor_outgoing_items{processor=\"batch\",otel_signal=\"traces\"} 14\n");
    const char *first = strstr(text, "incoming_items{processor=\"batch\"");
    assert_null(strstr(first + 1, "incoming_items{processor=\"batch\""));
    expect(text, "otelcol_processor_refused_metric_points{processor=\"memory_limiter/x\"} 6\n");
    expect(text, "otelcol_processor_memory_limiter_accepted_metric_points"
                 "{processor=\"memory_limiter/x\"} 8\n");
    assert_null(strstr(text, "refused_spans{processor"));
    expect(text, "otelcol_processor_probabilistic_sampler_count_traces_sampled"
                 "{processor=\"probabilistic_sampler/y\",sampled=\"false\"} 7\n");
    expect(text, "otelcol_processor_probabilistic_sampler_count_traces_sampled"
                 "{processor=\"probabilistic_sampler/y\",sampled=\"true\"} 3\n");
    assert_null(strstr(text, "count_logs_sampled"));
    expect(text, "cryostorm_held_items{kind=\"processor\",component=\"batch\","
                 "pipeline=\"traces/a\",otel_signal=\"traces\"} 1\n");
    buf_free(&out);
}

static void the_process_and_all_fates(void **state)
{
    (void)state;
    GraphStatus status = {
        .acks = { .open_items = 1, .delivered_items = 2, .refused_items = 3, .lost_items = 5 }
    };
    Buf out = BUF(1 << 20);
    const char *text = written(&status, &out);
    expect(text, "otelcol_process_uptime 12.500\n");
    expect(text, "otelcol_process_cpu_seconds 1.250\n");
    expect(text, "otelcol_process_memory_rss 1048576\n");
    expect(text, "target_info{service_instance_id=\"an-id\",service_name=\"cryostorm\","
                 "service_version=\"" CRYO_VERSION "\"} 1\n");
    expect(text, "cryostorm_items_total{fate=\"lost\"} 5\n");
    expect(text, "cryostorm_open_items 1\n");
    buf_free(&out);
}

static void when_certificates_end(void **state)
{
    (void)state;
    ComponentStatus components[] = {
        { .kind = RECEIVER,
          .id = STR("otlp"),
          .signals = ALL_SIGNALS,
          .certificates = { { "grpc", 1800000000 }, { "http", 1900000000 } },
          .certificate_count = 2 },
        { .kind = EXPORTER,
          .id = STR("otlp/far"),
          .signals = TRACES,
          .certificates = { { "client", 1700000000 } },
          .certificate_count = 1 },
    };
    GraphStatus status = { .components = components, .count = COUNT_OF(components) };
    Buf out = BUF(1 << 20);
    const char *text = written(&status, &out);
    expect(text, "# TYPE cryostorm_certificate_end_seconds gauge\n");
    expect(text, "cryostorm_certificate_end_seconds{kind=\"receiver\",component=\"otlp\","
                 "certificate=\"grpc\"} 1800000000\n");
    expect(text, "cryostorm_certificate_end_seconds{kind=\"receiver\",component=\"otlp\","
                 "certificate=\"http\"} 1900000000\n");
    expect(text, "cryostorm_certificate_end_seconds{kind=\"exporter\",component=\"otlp/far\","
                 "certificate=\"client\",otel_signal=\"traces\"} 1700000000\n");
    buf_free(&out);
}

/* An exporter of two signals is two components; a scraper refuses a series that comes twice. */
static void no_series_comes_twice(void **state)
{
    (void)state;
    ComponentStatus components[] = {
        { .kind = EXPORTER, .id = STR("store"), .signals = TRACES, .queue_capacity = 1 },
        { .kind = EXPORTER, .id = STR("store"), .signals = METRICS, .queue_capacity = 1 },
        { .kind = EXPORTER, .id = STR("debug"), .signals = ALL_SIGNALS, .queue_capacity = 1 },
    };
    GraphStatus status = { .components = components, .count = COUNT_OF(components) };
    Buf out = BUF(1 << 20);
    const char *text = written(&status, &out);
    Str rest = str_from(text), line;
    while (rest.len && str_split(&rest, '\n', &line)) {
        Str after = rest, other;
        while (!str_starts(line, STR("#")) && after.len && str_split(&after, '\n', &other))
            assert_false(str_eq(line, other));
    }
    expect(text, "cryostorm_held_items{kind=\"exporter\",component=\"store\",pipeline=\"\","
                 "otel_signal=\"metrics\"} 0\n");
    buf_free(&out);
}

static void every_line_is_of_a_family(void **state)
{
    (void)state;
    ComponentStatus components[] = {
        { .kind = EXPORTER,
          .id = STR("debug"),
          .signals = ALL_SIGNALS,
          .queue_capacity = 1,
          .circuit = CIRCUIT_CLOSED },
        { .kind = PROCESSOR, .id = STR("memory_limiter"), .signals = TRACES },
        { .kind = RECEIVER, .id = STR("otlp"), .signals = ALL_SIGNALS },
    };
    GraphStatus status = { .components = components, .count = COUNT_OF(components) };
    Buf out = BUF(1 << 20);
    Str rest = str_from(written(&status, &out)), line, family = { 0 };
    while (rest.len && str_split(&rest, '\n', &line)) {
        Str word = STR("# TYPE ");
        if (str_starts(line, word)) {
            Str tail = str_skip(line, word.len);
            str_split(&tail, ' ', &family);
        } else if (!str_starts(line, STR("# HELP "))) {
            assert_true(str_starts(line, family));
            char next = line.ptr[family.len];
            assert_true(next == '{' || next == ' ');
        }
    }
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_says_who_holds_it),
        cmocka_unit_test(receivers_by_transport),
        cmocka_unit_test(exporters_and_their_queues),
        cmocka_unit_test(processors_are_summed_by_signal),
        cmocka_unit_test(the_process_and_all_fates),
        cmocka_unit_test(when_certificates_end),
        cmocka_unit_test(no_series_comes_twice),
        cmocka_unit_test(every_line_is_of_a_family),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
