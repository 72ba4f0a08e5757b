/* otlp_sink_test.c - sending to a server of room net in this process, over each transport: what
 * arrives, what is tried again, and when it is given up. */
#include "sdk/kept_spans.h"

#include "base/thread.h"
#include "model/signal.h"
#include "net/server.h"
#include "otlp/json_in.h"
#include "otlp/json_out.h"
#include "otlp/metric_view.h"

#include <cryostorm/log.h>
#include <cryostorm/metrics.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SCRIPT_MAX = 8 };

typedef enum Transport { PROTOBUF, GRPC, JSON } Transport;
static const char *const protocols[] = { "http/protobuf", "grpc", "http/json" };

/* What the server answers, one after the other; the last one again and again. */
typedef enum Step { TAKE, UNAVAILABLE, UNAVAILABLE_NOW, BAD_REQUEST, PARTLY, SILENCE } Step;

static struct {
    Loop *loop;
    Server *server;
    Thread thread;
    uint16_t port;
    const Step *script;
    size_t steps;
    Mutex lock; /* guards what follows */
    size_t at, spans;
    Batch *kept; /* the last one */
    Batch *logs; /* the same of log records */
    Batch *metrics;
    char first_name[64], user_agent[64], header[64], encoding[32], service[64];
    Request *silent[SCRIPT_MAX];
    size_t silent_count;
} peer;

static void note_field(Request *request, const char *name, char *out, size_t size)
{
    Str value = request_field(request, str_from(name));
    snprintf(out, size, "%.*s", STR_ARG(value));
}

static bool is_json(Request *request)
{
    return str_eq(request_field(request, STR("content-type")), STR("application/json"));
}

static Batch *batch_of(Request *request, Signal signal)
{
    Err err;
    Buf bytes = BUF(16 << 20);
    if (!is_json(request))
        return batch_from_copy(signal, request_body(request), &err);
    assert_true(otlp_json_read(signal, request_body(request), &bytes, &err));
    Batch *batch = batch_from_bytes(signal, &bytes, &err);
    buf_free(&bytes);
    return batch;
}

static void note_spans(Request *request)
{
    Batch *batch = batch_of(request, TRACES);
    assert_non_null(batch);
    peer.spans += batch_item_count(batch);
    snprintf(peer.first_name, sizeof peer.first_name, "%.*s", STR_ARG(span_view(batch, 0).name));
    ValueView service;
    assert_true(attributes_find(resource_attributes(batch, 0), STR("service.name"), &service));
    snprintf(peer.service, sizeof peer.service, "%.*s", STR_ARG(service.text));
    assert_true(attributes_find(resource_attributes(batch, 0), STR("list"), &service));
    assert_int_equal(fields_count(value_elements(&service)), 1);
    batch_unref(peer.kept);
    peer.kept = batch;
}

static void answer_take(Request *request, Signal signal, int64_t rejected)
{
    Buf body = BUF(1000);
    ExportAnswer answer = { rejected, rejected ? STR("not all of them") : STR("") };
    bool json = is_json(request);
    if (json)
        otlp_json_write_answer(signal, &answer, &body);
    else
        export_answer_write(&body, &answer);
    if (request_is_grpc(request))
        request_answer_grpc(request, &body);
    else
        request_answer(request, &(Answer){ .status = 200,
                                           .content_type = json ? STR("application/json")
                                                                : STR("application/x-protobuf"),
                                           .body = body });
}

static void take_spans(Request *request, int64_t rejected)
{
    note_spans(request);
    answer_take(request, TRACES, rejected);
}

static void handle_logs(void *owner, Request *request)
{
    (void)owner;
    mutex_lock(&peer.lock);
    batch_unref(peer.logs);
    peer.logs = batch_of(request, LOGS);
    answer_take(request, LOGS, 0);
    mutex_unlock(&peer.lock);
}

static void handle_metrics(void *owner, Request *request)
{
    (void)owner;
    mutex_lock(&peer.lock);
    batch_unref(peer.metrics);
    peer.metrics = batch_of(request, METRICS);
    answer_take(request, METRICS, 0);
    mutex_unlock(&peer.lock);
}

static void handle(void *owner, Request *request)
{
    (void)owner;
    mutex_lock(&peer.lock);
    Step step = peer.script[peer.at < peer.steps ? peer.at : peer.steps - 1];
    peer.at++;
    note_field(request, "user-agent", peer.user_agent, sizeof peer.user_agent);
    note_field(request, "x-secret", peer.header, sizeof peer.header);
    note_field(request, "content-encoding", peer.encoding, sizeof peer.encoding);
    switch (step) {
    case TAKE: take_spans(request, 0); break;
    case PARTLY: take_spans(request, 2); break;
    case UNAVAILABLE:
        request_answer_err(request, &(Err){ .kind = ERR_BUSY, .text = "later" });
        break;
    case UNAVAILABLE_NOW:
        request_answer_err(request,
                           &(Err){ .kind = ERR_BUSY, .retry_ms = 1000, .text = "in a second" });
        break;
    case BAD_REQUEST:
        request_answer_err(request, &(Err){ .kind = ERR_INPUT, .text = "never" });
        break;
    case SILENCE: peer.silent[peer.silent_count++ % SCRIPT_MAX] = request; break;
    }
    mutex_unlock(&peer.lock);
}

static void run_peer(void *nothing)
{
    (void)nothing;
    loop_run(peer.loop);
}

static void peer_start(const Step *script, size_t steps)
{
    Err err;
    peer.script = script;
    peer.steps = steps;
    peer.at = peer.spans = peer.silent_count = 0;
    peer.first_name[0] = peer.header[0] = '\0';
    mutex_init(&peer.lock);
    peer.loop = loop_new(NULL, NULL, &err);
    assert_non_null(peer.loop);
    peer.server =
        server_new(&(ServerSettings){ .loop = peer.loop, .endpoint = STR("127.0.0.1:0") }, &err);
    assert_non_null(peer.server);
    assert_true(
        server_route(peer.server, &(Route){ .path = STR("/v1/traces"), .handle = handle }, &err));
    assert_true(server_grpc_route(peer.server,
                                  &(GrpcRoute){ .path = otlp_grpc_path(TRACES), .handle = handle },
                                  &err));
    assert_true(server_route(peer.server,
                             &(Route){ .path = STR("/v1/logs"), .handle = handle_logs }, &err));
    assert_true(server_grpc_route(
        peer.server, &(GrpcRoute){ .path = otlp_grpc_path(LOGS), .handle = handle_logs }, &err));
    assert_true(server_route(peer.server,
                             &(Route){ .path = STR("/v1/metrics"), .handle = handle_metrics },
                             &err));
    assert_true(
        server_grpc_route(peer.server,
                          &(GrpcRoute){ .path = otlp_grpc_path(METRICS), .handle = handle_metrics },
                          &err));
    assert_true(server_listen(peer.server, &err));
    Address address = server_address(peer.server);
    peer.port = address_port(&address);
    assert_true(thread_start(&peer.thread, "peer", run_peer, NULL, &err));
}

static void peer_stop(void)
{
    loop_stop(peer.loop);
    thread_join(&peer.thread);
    for (size_t i = 0; i < peer.silent_count; i++)
        request_answer_text(peer.silent[i], 200, STR(""));
    server_free(peer.server);
    loop_free(peer.loop);
    batch_unref(peer.kept);
    batch_unref(peer.logs);
    batch_unref(peer.metrics);
    peer.kept = peer.logs = peer.metrics = NULL;
    mutex_done(&peer.lock);
}

static char log_text[4096];

static void keep_log(void *context, CryoLogLevel level, CryoString message)
{
    (void)context, (void)level;
    size_t len = strlen(log_text);
    snprintf(log_text + len, sizeof log_text - len, "%.*s\n", (int)message.len, message.ptr);
}

static void sdk_start(Transport transport, const char *compression, int64_t timeout_millis)
{
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%u%s", peer.port,
             transport == GRPC ? "" : "/v1/traces");
    const CryoString list[] = { CRYO_STR("x") };
    CryoSettings settings = {
        .service = { .name = "sender",
                     .additional_attributes =
                         CRYO_ATTRS("list", CRYO_ARRAY(list), "map",
                                    CRYO_MAP_OF("\xFF", CRYO_ARRAY_OF(1, "\xFE"))) },
        .tracing = { .exporter_type = "otlp",
                     .otlp = { .endpoint = endpoint,
                               .protocol = protocols[transport],
                               .headers = "X-Secret=a%20b",
                               .compression = compression,
                               .timeout_millis = timeout_millis } },
    };
    log_text[0] = '\0';
    cryo_set_log_handler(keep_log, NULL);
    memory_start(&settings);
}

static void make_spans(int count)
{
    for (int i = 0; i < count; i++) {
        CRYO_SPAN(span, "a span");
        cryo_span_set(span, CRYO_ATTRS("i", i));
    }
}

static void spans_arrive(Transport transport, const char *compression)
{
    static const Step script[] = { TAKE };
    peer_start(script, 1);
    sdk_start(transport, compression, 5000);
    make_spans(600);
    assert_true(cryo_flush(10000, NULL));
    make_spans(1);
    assert_true(cryo_shutdown(5000, NULL));
    assert_int_equal(peer.spans, 601);
    assert_string_equal(peer.first_name, "a span");
    assert_string_equal(peer.service, "sender");
    assert_string_equal(peer.header, "a b");
    assert_string_equal(peer.user_agent, "OTel-OTLP-Exporter-C/" CRYO_VERSION);
    assert_string_equal(log_text, "");
    memory_stop();
    peer_stop();
}

static void spans_arrive_over_each_transport(void **state)
{
    (void)state;
    for (Transport transport = PROTOBUF; transport <= JSON; transport++) {
        spans_arrive(transport, "none");
        spans_arrive(transport, "gzip");
    }
}

static bool text_value_is(Attributes list, const char *key, const char *wanted)
{
    ValueView value;
    return attributes_find(list, str_from(key), &value) && value.kind == VALUE_STRING &&
           str_eq(value.text, str_from(wanted));
}

static SpanView view_named(const Batch *batch, const char *name)
{
    for (size_t i = 0; i < batch_item_count(batch); i++)
        if (str_eq(span_view(batch, i).name, str_from(name)))
            return span_view(batch, i);
    fail_msg("no span %s", name);
    return (SpanView){ 0 };
}

static void say_everything(const CryoSpanContext *remote, const CryoSpanContext *other)
{
    static char longer[2001];
    memset(longer, 'x', sizeof longer - 1);
    const int64_t numbers[] = { -1, 2 };
    const CryoString words[] = { CRYO_STR("one"), CRYO_STR("\xFF") };
    const CryoLink link = { other, CRYO_ATTRS("why", "because") };
    CRYO_SPAN(server, "server", .kind = CRYO_SERVER, .remote = remote, .links = &link,
              .link_count = 1, .tracer = cryo_tracer("a library", "7"));
    cryo_span_set(server,
                  CRYO_ATTRS("text", "a \xC3( b", "long", longer, "number", INT64_MIN, "real", 0.5,
                             "yes", CRYO_BOOL(1), "numbers", CRYO_ARRAY(numbers), "words",
                             CRYO_ARRAY(words), "bytes", cryo_bytes("\xFF\0", 2), "empty", ""));
    cryo_span_event_at(server, cryo_str("event"), CRYO_ATTRS("n", 1), 1700000000000000000);
    cryo_span_status(server, CRYO_STATUS_ERROR, "broken");
    CRYO_TRACE_FUNCTION();
}

/* The reader is room otlp's, which validates to full depth. */
static void all_that_is_said_arrives(void **state)
{
    (void)state;
    static const Step script[] = { TAKE };
    CryoSpanContext remote = { .trace_id = { 1 }, .span_id = { 2 }, .flags = 3, .is_remote = true };
    CryoSpanContext other = { .trace_id = { 3 }, .span_id = { 4 }, .flags = 1 };
    remote.trace_state_len = 3;
    memcpy(remote.trace_state, "a=1", 3);
    peer_start(script, 1);
    sdk_start(PROTOBUF, "none", 5000);
    int64_t before = clock_wall_ns(clock_system());
    say_everything(&remote, &other);
    assert_true(cryo_flush(10000, NULL));
    int64_t after = clock_wall_ns(clock_system());
    assert_int_equal(batch_scope_count(peer.kept), 2);
    SpanView span = view_named(peer.kept, "server");
    assert_memory_equal(span.trace_id.bytes, remote.trace_id, 16);
    assert_memory_equal(span.parent_span_id.bytes, remote.span_id, 8);
    assert_true(str_eq(span.trace_state, STR("a=1")));
    assert_int_equal(span.kind, SPAN_KIND_SERVER);
    assert_int_equal(span.flags, 3 | FLAG_HAS_IS_REMOTE | FLAG_IS_REMOTE);
    assert_int_equal(span.status_code, STATUS_ERROR);
    assert_true(str_eq(span.status_message, STR("broken")));
    assert_in_range(span.start_ns, before - NANOS_PER_MILLI, after);
    assert_in_range(span.end_ns, span.start_ns, after + NANOS_PER_MILLI);
    assert_int_equal(attributes_count(span.attributes), 9);
    assert_true(text_value_is(span.attributes, "text", "a \xEF\xBF\xBD( b"));
    ValueView value, element;
    assert_true(attributes_find(span.attributes, STR("long"), &value) && value.text.len == 2000);
    assert_true(attributes_find(span.attributes, STR("number"), &value));
    assert_true(value.kind == VALUE_INT && value.integer == INT64_MIN);
    assert_true(attributes_find(span.attributes, STR("yes"), &value) && value.boolean);
    assert_true(attributes_find(span.attributes, STR("bytes"), &value));
    assert_true(value.kind == VALUE_BYTES && value.text.len == 2);
    assert_true(text_value_is(span.attributes, "empty", ""));
    assert_true(attributes_find(span.attributes, STR("numbers"), &value));
    Fields elements = value_elements(&value);
    assert_true(value_next(&elements, &element) && element.integer == -1);
    assert_true(value_next(&elements, &element) && element.integer == 2);
    assert_false(value_next(&elements, &element));
    EventView event;
    assert_true(event_next(&span.events, &event) && event.time_ns == 1700000000000000000);
    assert_true(str_eq(event.name, STR("event")) && attributes_count(event.attributes) == 1);
    LinkView link;
    assert_true(link_next(&span.links, &link) && link.flags == (1 | FLAG_HAS_IS_REMOTE));
    assert_true(text_value_is(link.attributes, "why", "because"));
    SpanView inner = view_named(peer.kept, "otlp_sink_test.c:say_everything");
    assert_memory_equal(inner.parent_span_id.bytes, span.span_id.bytes, 8);
    assert_true(text_value_is(inner.attributes, "code.function.name", "say_everything"));
    assert_int_equal(inner.flags, 3 | FLAG_HAS_IS_REMOTE);
    memory_stop();
    peer_stop();
}

/* Gives what became of 5 spans under the script. */
static CryoCounts outcome(Transport transport, const Step *script, size_t steps,
                          int64_t timeout_millis)
{
    CryoCounts counts;
    peer_start(script, steps);
    sdk_start(transport, "none", timeout_millis);
    make_spans(5);
    (void)cryo_flush(20000, NULL);
    cryo_counts(&counts);
    memory_stop();
    peer_stop();
    return counts;
}

static void logs_start(Transport transport)
{
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%u%s", peer.port,
             transport == GRPC ? "" : "/v1/logs");
    memory_start(&(CryoSettings){
        .service = { .name = "sender", .environment = "production" },
        .logging = { .exporter_type = "otlp",
                     .processor_type = "batch", /* all in one request */
                     .otlp = { .endpoint = endpoint, .protocol = protocols[transport] } },
    });
}

static void log_everything(CryoSpanContext *where)
{
    CRYO_SPAN(span, "logs");
    const int64_t numbers[] = { 1, -2 };
    assert_true(cryo_span_context(span, where));
    cryo_log_record(&(CryoLogRecord){ .severity = CRYO_WARN,
                                      .severity_text = CRYO_STR("warning"),
                                      .body = cryo_text("bad \xFF byte"),
                                      .event_name = CRYO_STR("it.happened"),
                                      .attributes = CRYO_ATTRS("a", 5, "list", CRYO_ARRAY(numbers)),
                                      .time_ns = 123,
                                      .logger = cryo_logger("net", "2") });
    cryo_log(CRYO_ERROR, CRYO_ARRAY(numbers));
    cryo_log(CRYO_ERROR, -7);
    CryoValue lines = CRYO_ARRAY_OF("tea", CRYO_ARRAY(numbers), CRYO_MAP_OF("\xFF", "\xFE"));
    cryo_log(CRYO_FATAL, CRYO_MAP_OF("lines", lines, "n", 2.5), CRYO_ATTRS("lines", lines));
}

static void check_lines(const ValueView *lines)
{
    ValueView value, inner;
    assert_int_equal(lines->kind, VALUE_ARRAY);
    Fields elements = value_elements(lines);
    assert_int_equal(fields_count(elements), 3);
    assert_true(value_next(&elements, &value) && str_eq(value.text, STR("tea")));
    assert_true(value_next(&elements, &value) && value.kind == VALUE_ARRAY);
    Fields numbers = value_elements(&value);
    assert_true(value_next(&numbers, &inner) && inner.integer == 1);
    assert_true(value_next(&numbers, &inner) && inner.integer == -2);
    assert_true(value_next(&elements, &value) && value.kind == VALUE_KVLIST);
    assert_true(attributes_find(value_members(&value), STR("?"), &inner));
    assert_true(str_eq(inner.text, STR("\xEF\xBF\xBD")));
}

static LogView log_of_severity(const char *text, uint32_t severity, ValueKind kind)
{
    for (size_t i = 0; i < batch_item_count(peer.logs); i++) {
        LogView log = log_view(peer.logs, i);
        if (log.severity_number == severity && log.body.kind == kind &&
            str_eq(log.severity_text, str_from(text)))
            return log;
    }
    fail_msg("no record of severity %u", severity);
    return (LogView){ 0 };
}

static void all_that_a_log_record_says_arrives(void **state)
{
    (void)state;
    static const Step script[] = { TAKE };
    for (Transport transport = PROTOBUF; transport <= JSON; transport++) {
        CryoSpanContext where;
        ValueView value;
        peer_start(script, 1);
        logs_start(transport);
        log_everything(&where);
        assert_true(cryo_shutdown(5000, NULL));
        LogView log = log_of_severity("warning", CRYO_WARN, VALUE_STRING);
        assert_int_equal(log.time_ns, 123);
        assert_true(log.observed_ns > 123);
        assert_true(str_eq(log.body.text, STR("bad \xEF\xBF\xBD byte")));
        assert_true(str_eq(log.event_name, STR("it.happened")));
        assert_memory_equal(log.trace_id.bytes, where.trace_id, 16);
        assert_memory_equal(log.span_id.bytes, where.span_id, 8);
        assert_int_equal(log.flags, where.flags);
        assert_true(attributes_find(log.attributes, STR("a"), &value) && value.integer == 5);
        log = log_of_severity("ERROR", CRYO_ERROR, VALUE_ARRAY);
        assert_int_equal(fields_count(value_elements(&log.body)), 2);
        log = log_of_severity("ERROR", CRYO_ERROR, VALUE_INT);
        assert_int_equal(log.body.integer, -7);
        log = log_of_severity("FATAL", CRYO_FATAL, VALUE_KVLIST);
        assert_true(attributes_find(value_members(&log.body), STR("n"), &value));
        assert_true(value.kind == VALUE_DOUBLE && value.real == 2.5);
        assert_true(attributes_find(value_members(&log.body), STR("lines"), &value));
        check_lines(&value);
        assert_true(attributes_find(log.attributes, STR("lines"), &value));
        check_lines(&value);
        memory_stop();
        peer_stop();
    }
}

static void what_may_succeed_later_is_tried_again(void **state)
{
    (void)state;
    static const Step script[] = { UNAVAILABLE, UNAVAILABLE_NOW, TAKE };
    for (Transport transport = PROTOBUF; transport <= JSON; transport++) {
        int64_t began = clock_mono_ns(clock_system());
        CryoCounts counts = outcome(transport, script, 3, 15000);
        int64_t took = clock_mono_ns(clock_system()) - began;
        assert_int_equal(counts.exported, 5);
        assert_int_equal(counts.failed, 0);
        assert_int_equal(peer.at, 3);
        assert_true(took >= 1400 * NANOS_PER_MILLI); /* half a second, then what it asked for */
    }
}

static void what_is_wrong_is_not(void **state)
{
    (void)state;
    static const Step script[] = { BAD_REQUEST };
    for (Transport transport = PROTOBUF; transport <= JSON; transport++) {
        CryoCounts counts = outcome(transport, script, 1, 15000);
        assert_int_equal(counts.failed, 5);
        assert_int_equal(peer.at, 1);
        assert_non_null(strstr(log_text, "cannot export spans, 5 lost so far: http://127.0.0.1:"));
        assert_non_null(strstr(log_text, "never"));
    }
}

static void rejected_spans_are_lost_and_told(void **state)
{
    (void)state;
    static const Step script[] = { PARTLY };
    for (Transport transport = PROTOBUF; transport <= JSON; transport++) {
        CryoCounts counts = outcome(transport, script, 1, 15000);
        assert_int_equal(counts.exported, 3);
        assert_int_equal(counts.failed, 2);
        assert_int_equal(peer.at, 1);
        assert_non_null(strstr(log_text, "2 spans rejected; the server said: not all of them"));
    }
}

static void a_silent_server_is_given_up_in_time(void **state)
{
    (void)state;
    static const Step script[] = { SILENCE };
    for (Transport transport = PROTOBUF; transport <= JSON; transport++) {
        int64_t began = clock_mono_ns(clock_system());
        CryoCounts counts = outcome(transport, script, 1, 300);
        assert_int_equal(counts.failed, 5);
        assert_true(clock_mono_ns(clock_system()) - began < 10 * NANOS_PER_SECOND);
    }
}

static void a_shutdown_does_not_wait_for_the_next_try(void **state)
{
    (void)state;
    static const Step script[] = { UNAVAILABLE };
    CryoError error;
    for (Transport transport = PROTOBUF; transport <= JSON; transport++) {
        peer_start(script, 1);
        sdk_start(transport, "none", 60000);
        make_spans(5);
        int64_t began = clock_mono_ns(clock_system());
        assert_false(cryo_shutdown(5000, &error));
        assert_true(clock_mono_ns(clock_system()) - began < 3 * NANOS_PER_SECOND);
        assert_string_equal(error.text, "5 spans could not be delivered");
        memory_stop();
        peer_stop();
    }
}

static void without_a_server_one_line_says_so(void **state)
{
    (void)state;
    static const Step script[] = { TAKE };
    for (Transport transport = PROTOBUF; transport <= JSON; transport++) {
        peer_start(script, 1);
        peer_stop(); /* its port is free now, and refuses */
        sdk_start(transport, "none", 300);
        for (int i = 0; i < 3; i++) {
            make_spans(2);
            assert_false(cryo_flush(5000, NULL));
        }
        assert_non_null(strstr(log_text, "cannot export spans, 2 lost so far: http://127.0.0.1:"));
        assert_non_null(strstr(log_text, "Connection refused; is a collector listening there?"));
        assert_ptr_equal(strchr(log_text, '\n'), log_text + strlen(log_text) - 1);
        memory_stop();
    }
}

static void headers_must_be_well_formed(void **state)
{
    (void)state;
    CryoError error;
    CryoSettings code = { .env_file = "",
                          .tracing = { .exporter_type = "otlp", .otlp.headers = "no equals" } };
    assert_false(cryo_start(&code, &error));
    assert_non_null(strstr(error.text, "headers must be key=value"));
    code.tracing.otlp.headers = "a=%zz";
    assert_false(cryo_start(&code, &error));
    assert_non_null(strstr(error.text, "badly percent-encoded"));
}

static void metrics_start(Transport transport)
{
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%u%s", peer.port,
             transport == GRPC ? "" : "/v1/metrics");
    memory_start(&(CryoSettings){
        .service = { .name = "sender" },
        .metrics = { .exporter_type = "otlp",
                     .temporality = transport == GRPC ? "delta" : "cumulative",
                     .otlp = { .endpoint = endpoint, .protocol = protocols[transport] } },
    });
}

static void metrics_arrive_over_each_transport(void **state)
{
    (void)state;
    static const Step script[] = { TAKE };
    for (Transport transport = PROTOBUF; transport <= JSON; transport++) {
        CryoMetricCounts counts;
        ValueView value;
        peer_start(script, 1);
        metrics_start(transport);
        cryo_counter_add(cryo_counter("sent.counter", NULL), 5, CRYO_ATTRS("a", "b"));
        cryo_histogram_record(cryo_histogram_double("sent.histogram", NULL), 0.5);
        assert_true(cryo_flush(5000, NULL));
        cryo_metric_counts(&counts);
        assert_int_equal(counts.exported, 2);
        assert_int_equal(counts.failed, 0);
        assert_true(cryo_shutdown(5000, NULL));
        assert_non_null(peer.metrics);
        MetricView metric = metric_view(peer.metrics, 0);
        NumberPointView point = number_point_view(peer.metrics, 0);
        assert_int_equal(metric.temporality,
                         transport == GRPC ? TEMPORALITY_DELTA : TEMPORALITY_CUMULATIVE);
        assert_true(str_eq(metric.name, STR("sent.counter")));
        assert_int_equal(point.value.integer, 5);
        assert_true(attributes_find(point.attributes, STR("a"), &value));
        assert_true(str_eq(value.text, STR("b")));
        assert_int_equal(batch_item_count(peer.metrics), 2);
        assert_true(
            attributes_find(resource_attributes(peer.metrics, 0), STR("service.name"), &value));
        assert_true(str_eq(value.text, STR("sender")));
        memory_stop();
        peer_stop();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_arrive_over_each_transport),
        cmocka_unit_test(all_that_is_said_arrives),
        cmocka_unit_test(all_that_a_log_record_says_arrives),
        cmocka_unit_test(metrics_arrive_over_each_transport),
        cmocka_unit_test(what_may_succeed_later_is_tried_again),
        cmocka_unit_test(what_is_wrong_is_not),
        cmocka_unit_test(rejected_spans_are_lost_and_told),
        cmocka_unit_test(a_silent_server_is_given_up_in_time),
        cmocka_unit_test(a_shutdown_does_not_wait_for_the_next_try),
        cmocka_unit_test(without_a_server_one_line_says_so),
        cmocka_unit_test(headers_must_be_well_formed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
