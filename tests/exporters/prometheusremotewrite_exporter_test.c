/* prometheusremotewrite_exporter_test.c - batches in, requests out at a server of the test's, which
 * reads them and answers from a script. */
#include "cmd/encodings.h"
#include "net/server.h"
#include "support/json_metrics.h"
#include "support/remote_write_text.h"
#include "support/starve.h"
#include "support/test_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

extern const ComponentType prometheusremotewrite_exporter;

enum { TEXT_MAX = 1 << 20, REQUESTS_MAX = 64 };

typedef struct Say { /* all zero: 204, with what 2.0 wants to hear */
    int status;
    unsigned retry_after; /* seconds */
    bool keep;            /* no answer */
    bool old;             /* as a server says it that knows 1.0 only */
} Say;

typedef struct Fixture {
    Loop *loop;
    TestClock clock;
    Server *server;
    char endpoint[ADDRESS_TEXT_SIZE];
    const Say *script; /* one per request; after its end: success */
    size_t script_count, count;
    Request *kept;
    char type[80], version[16], agent[32], token[32];
    Buf texts[REQUESTS_MAX];
    TestHost *host;
} Fixture;

static void copy_field(const Request *request, const char *name, char *out, size_t size)
{
    snprintf(out, size, "%.*s", STR_ARG(request_field(request, str_from(name))));
}

static void write_down(Fixture *f, const Request *request)
{
    Err err = { 0 };
    copy_field(request, "content-type", f->type, sizeof f->type);
    copy_field(request, "x-prometheus-remote-write-version", f->version, sizeof f->version);
    copy_field(request, "user-agent", f->agent, sizeof f->agent);
    copy_field(request, "x-token", f->token, sizeof f->token);
    assert_true(f->count < REQUESTS_MAX);
    Buf *text = &f->texts[f->count++];
    *text = BUF(TEXT_MAX);
    /* the server has read the snappy block that content-encoding announced */
    if (!remote_write_text(request_body(request), strcmp(f->version, "2.0.0") == 0, text))
        fail_msg("no such message: %s", err.text);
}

static void handle(void *owner, Request *request)
{
    static const Say success = { 0 };
    Fixture *f = owner;
    const Say *say = f->count < f->script_count ? &f->script[f->count] : &success;
    char seconds[16];
    int len = snprintf(seconds, sizeof seconds, "%u", say->retry_after);
    const HttpField retry = { STR("retry-after"), { seconds, (size_t)len } };
    const HttpField written = { STR("x-prometheus-remote-write-samples-written"), STR("1") };
    write_down(f, request);
    if (say->keep) {
        f->kept = request;
        return;
    }
    request_answer(request,
                   &(Answer){ .status = say->status ? say->status : 204,
                              .fields = say->status ? &retry : &written,
                              .field_count = say->status ? say->retry_after > 0 : !say->old,
                              .static_body = say->status ? STR("no!\n") : STR("") });
}

static void listen_there(Fixture *f)
{
    Err err = { 0 };
    const Route route = { STR("/api/v1/write"), STR("POST"), handle, f, 0 };
    test_clock_init(&f->clock, 0);
    f->loop = loop_new(&f->clock.base, NULL, &err);
    assert_non_null(f->loop);
    f->server =
        server_new(&(ServerSettings){ .loop = f->loop, .endpoint = STR("127.0.0.1:0") }, &err);
    assert_non_null(f->server);
    assert_true(server_route(f->server, &route, &err));
    assert_true(server_listen(f->server, &err));
    Address address = server_address(f->server);
    address_text(&address, f->endpoint);
}

static void begin(Fixture *f, const char *more, const Say *script, size_t count)
{
    Err err = { 0 };
    char yaml[1000];
    *f = (Fixture){ .script = script, .script_count = count };
    listen_there(f);
    snprintf(yaml, sizeof yaml, "{endpoint: 'http://%s/api/v1/write', disable_scope_info: true%s}",
             f->endpoint, more);
    Buf problems = BUF(1 << 16);
    f->host = test_host_new(&prometheusremotewrite_exporter, str_from(yaml), &problems, &err);
    if (!f->host || !test_host_start(f->host, &err))
        fail_msg("%s %.*s", err.text, STR_ARG(buf_str(&problems)));
    buf_free(&problems);
}

static void end(Fixture *f)
{
    assert_int_equal(test_host_open(f->host), 0);
    test_host_free(f->host);
    server_free(f->server);
    if (f->kept)
        request_answer_text(f->kept, 500, STR("too late"));
    loop_free(f->loop);
    for (size_t i = 0; i < f->count; i++)
        buf_free(&f->texts[i]);
}

static void push(Fixture *f, const char *json)
{
    Err err = { 0 };
    Batch *batch = json_metrics(json);
    assert_true(test_host_push(f->host, batch, false, &err));
    batch_unref(batch);
}

static void turn(Fixture *f)
{
    for (int i = 0; i < 20; i++) {
        test_host_turn(f->host);
        while (loop_step(f->loop, 0))
            continue;
    }
}

static const AckOutcome *await(Fixture *f, size_t ack)
{
    turn(f);
    for (int i = 0; i < 20000 && !test_host_ack(f->host, ack)->heard; i++) {
        test_clock_advance(test_host_clock(f->host), 10 * NANOS_PER_MILLI);
        turn(f);
    }
    assert_true(test_host_ack(f->host, ack)->heard);
    return &test_host_ack(f->host, ack)->outcome;
}

static void expect(Fixture *f, size_t i, const char *text)
{
    assert_true(i < f->count);
    assert_string_equal(buf_text(&f->texts[i]), text);
}

#define POINT(value, ms) "{'asInt':" value ",'timeUnixNano':'" ms "000000'}"
#define GAUGE(value, ms) \
    MB_METRICS("", "{'name':'g','gauge':{'dataPoints':[" POINT(value, ms) "]}}")

static void sends_what_is_pushed(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, ", namespace: ns, external_labels: {zone-1: z, job: no}, headers: {X-Token: t}", NULL,
          0);
    push(&f, MB_METRICS(MB_ATTR("service.name", "shop") "," MB_ATTR("a", "b"),
                        MB_SUM("sold", MB_CUMULATIVE MB_MONOTONIC, POINT("3", "7"))));
    assert_int_equal(await(&f, 0)->result, ACK_DELIVERED);
    Buf all = BUF(TEXT_MAX);
    for (size_t i = 0; i < f.count; i++)
        buf_add(&all, buf_str(&f.texts[i]));
    assert_non_null(strstr(buf_text(&all), "{__name__=ns_sold_total,job=shop,zone_1=z,} 3@7\n"));
    assert_non_null(strstr(buf_text(&all), "{__name__=ns_target_info,a=b,job=shop,zone_1=z,} 1@7"));
    buf_free(&all);
    assert_string_equal(f.type, "application/x-protobuf");
    assert_string_equal(f.version, "0.1.0");
    assert_true(str_starts(str_from(f.agent), STR("cryostorm/")));
    assert_string_equal(f.token, "t");
    assert_int_equal(test_host_status(f.host).sent, 1);
    end(&f);
}

static void speaks_version_2(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, ", protobuf_message: io.prometheus.write.v2.Request", NULL, 0);
    push(&f, GAUGE("3", "7"));
    assert_int_equal(await(&f, 0)->result, ACK_DELIVERED);
    expect(&f, 0, "{__name__=g,} 3@7\n#  2 [] \n");
    assert_string_equal(f.type, "application/x-protobuf;proto=io.prometheus.write.v2.Request");
    assert_string_equal(f.version, "2.0.0");
    end(&f);
}

static void a_server_that_knows_only_version_1_is_no_success(void **state)
{
    (void)state;
    static const Say old[] = { { .old = true }, { .old = true } };
    Fixture f;
    begin(&f, ", protobuf_message: io.prometheus.write.v2.Request", old, 1);
    push(&f, GAUGE("3", "7"));
    const AckOutcome *outcome = await(&f, 0);
    assert_int_equal(outcome->result, ACK_REFUSED);
    assert_non_null(strstr(outcome->reason.text, "protobuf_message: prometheus.WriteRequest"));
    end(&f);
    begin(&f, "", old, 1);
    push(&f, GAUGE("3", "7"));
    assert_int_equal(await(&f, 0)->result, ACK_DELIVERED);
    end(&f);
}

static void tries_again_what_may_pass(void **state)
{
    (void)state;
    static const Say says[] = { { .status = 500 }, { .status = 503 }, { .status = 429 } };
    for (size_t i = 0; i < COUNT_OF(says); i++) {
        Fixture f;
        begin(&f, "", &says[i], 1);
        push(&f, GAUGE("3", "7"));
        assert_int_equal(await(&f, 0)->result, ACK_DELIVERED);
        assert_int_equal(f.count, 2);
        expect(&f, 1, "{__name__=g,} 3@7\n");
        end(&f);
    }
}

static void waits_as_long_as_it_is_asked_to(void **state)
{
    (void)state;
    static const Say says[] = { { .status = 429, .retry_after = 60 } };
    Fixture f;
    begin(&f, "", says, 1);
    int64_t before = clock_mono_ns(host_clock(test_host_host(f.host)));
    push(&f, GAUGE("3", "7"));
    assert_int_equal(await(&f, 0)->result, ACK_DELIVERED);
    int64_t waited = clock_mono_ns(host_clock(test_host_host(f.host))) - before;
    assert_true(waited >= 60 * NANOS_PER_SECOND);
    end(&f);
}

static void gives_up_what_will_never_be_taken(void **state)
{
    (void)state;
    static const Say says[] = { { .status = 400 } };
    Fixture f;
    begin(&f, "", says, 1);
    push(&f, GAUGE("3", "7"));
    const AckOutcome *outcome = await(&f, 0);
    assert_int_equal(outcome->result, ACK_REFUSED);
    assert_string_equal(outcome->reason.text, "400 Bad Request: no!");
    push(&f, GAUGE("4", "8"));
    assert_int_equal(await(&f, 1)->result, ACK_DELIVERED);
    assert_int_equal(f.count, 2);
    end(&f);
}

/* A newer sample behind an older one that is tried again. */
static void samples_of_a_series_never_overtake(void **state)
{
    (void)state;
    static const Say says[] = { { .status = 503 }, { .status = 503 }, { .status = 503 } };
    Fixture f;
    begin(&f, ", remote_write_queue: {num_consumers: 8}", says, 3);
    push(&f, GAUGE("1", "1"));
    push(&f, GAUGE("2", "2"));
    push(&f, GAUGE("3", "3"));
    assert_int_equal(await(&f, 2)->result, ACK_DELIVERED);
    assert_int_equal(f.count, 6);
    for (size_t i = 0; i < 4; i++)
        expect(&f, i, "{__name__=g,} 1@1\n");
    expect(&f, 4, "{__name__=g,} 2@2\n");
    expect(&f, 5, "{__name__=g,} 3@3\n");
    end(&f);
}

static void make_series(Buf *json, int count)
{
    buf_add(json, STR("{'resourceMetrics':[{'scopeMetrics':[{'metrics':[{'name':'g','gauge':{"
                      "'dataPoints':["));
    for (int i = 0; i < count; i++)
        buf_addf(json,
                 "%s{'asInt':1,'timeUnixNano':'1000000','attributes':[{'key':'n','value':{"
                 "'intValue':%d}}]}",
                 i ? "," : "", i);
    buf_add(json, STR("]}}]}]}]}"));
}

static void what_was_taken_is_not_sent_anew(void **state)
{
    (void)state;
    static const Say says[] = { { 0 }, { .status = 503 }, { 0 }, { .status = 400 } };
    Fixture f;
    Buf json = BUF(TEXT_MAX);
    make_series(&json, 6);
    begin(&f, ", max_batch_size_bytes: 1, remote_write_queue: {num_consumers: 1}", says,
          COUNT_OF(says));
    push(&f, buf_text(&json));
    const AckOutcome *outcome = await(&f, 0);
    assert_int_equal(outcome->result, ACK_PARTLY);
    assert_int_equal(outcome->refused, 1);
    assert_int_equal(f.count, 7);
    assert_string_equal(buf_text(&f.texts[1]), buf_text(&f.texts[2]));
    for (size_t i = 3; i < 7; i++)
        assert_string_not_equal(buf_text(&f.texts[i - 1]), buf_text(&f.texts[i]));
    assert_int_equal(test_host_status(f.host).sent, 5);
    buf_free(&json);
    end(&f);
}

static void lanes_send_side_by_side(void **state)
{
    (void)state;
    static const Say says[] = { { .keep = true } };
    Fixture f;
    Buf json = BUF(TEXT_MAX);
    make_series(&json, 40);
    begin(&f, ", timeout: 2s, max_batch_request_parallelism: 4, retry_on_failure: {enabled: false}",
          says, 1);
    push(&f, buf_text(&json));
    for (int i = 0; i < 1000 && f.count < 4; i++)
        turn(&f);
    assert_int_equal(f.count, 4); /* the others do not wait for the one without an answer */
    assert_int_equal(await(&f, 0)->result, ACK_RETRY);
    buf_free(&json);
    end(&f);
}

static void deltas_are_refused_and_counted(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, "", NULL, 0);
    push(&f, MB_METRICS("", MB_SUM("d", MB_DELTA MB_MONOTONIC,
                                   POINT("1", "1")) ","
                                                    "{'name':'g','gauge':{'dataPoints':[" POINT(
                                                        "2", "2") "]}}"));
    const AckOutcome *outcome = await(&f, 0);
    assert_int_equal(outcome->result, ACK_PARTLY);
    assert_int_equal(outcome->refused, 1);
    assert_string_equal(outcome->reason.text, "delta temporality");
    expect(&f, 0, "{__name__=g,} 2@2\n");
    push(&f, MB_METRICS("", MB_SUM("d", MB_DELTA MB_MONOTONIC, POINT("1", "1"))));
    assert_int_equal(await(&f, 1)->result, ACK_REFUSED);
    assert_int_equal(f.count, 1);
    ComponentStatus status = test_host_status(f.host);
    assert_int_equal(status.sent, 1);
    assert_int_equal(status.dropped, 2);
    end(&f);
}

static void options_shape_what_is_sent(void **state)
{
    (void)state;
    Fixture f;
    begin(&f,
          ", add_metric_suffixes: false, target_info: {enabled: false}, send_metadata: true, "
          "resource_to_telemetry_conversion: {enabled: true}, export_created_metric: "
          "{enabled: true}, remote_write_queue: {num_consumers: 1}",
          NULL, 0);
    push(&f, MB_METRICS(MB_ATTR("service.name", "shop") "," MB_ATTR("a.b", "c"),
                        MB_SUM("sold", MB_CUMULATIVE MB_MONOTONIC,
                               "{'asInt':1,'timeUnixNano':'7000000','startTimeUnixNano':"
                               "'2000000'}")));
    assert_int_equal(await(&f, 0)->result, ACK_DELIVERED);
    expect(&f, 0,
           "{__name__=sold_created,a_b=c,job=shop,service_name=shop,} 2@7\n"
           "{__name__=sold,a_b=c,job=shop,service_name=shop,} 1@7\n"
           "# sold 1 [] \n");
    end(&f);
}

static void stopping_gives_back_what_is_under_way(void **state)
{
    (void)state;
    static const Say says[] = { { .keep = true } };
    Fixture f;
    begin(&f, "", says, 1);
    push(&f, GAUGE("1", "1"));
    push(&f, GAUGE("2", "2"));
    for (int i = 0; i < 1000 && f.count < 1; i++)
        turn(&f);
    test_host_stop(f.host);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(test_host_ack(f.host, i)->outcome.result, ACK_RETRY);
    end(&f);
}

static void a_full_queue_refuses(void **state)
{
    (void)state;
    static const Say says[] = { { .keep = true } };
    Fixture f;
    Err err = { 0 };
    begin(&f, ", remote_write_queue: {queue_size: 1}", says, 1);
    push(&f, GAUGE("1", "1"));
    Batch *batch = json_metrics(GAUGE("2", "2"));
    assert_false(prometheusremotewrite_exporter.reserve(test_host_self(f.host), batch, &err));
    assert_int_equal(err.kind, ERR_BUSY);
    batch_unref(batch);
    test_host_stop(f.host);
    end(&f);
}

static void wrong_settings_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *says;
    } rows[] = {
        { "{}", "endpoint" },
        { "{endpoint: 'a:1'}", "http://localhost:9090/api/v1/write" },
        { "{endpoint: 'http://a', compression: gzip}", "compression type must be snappy" },
        { "{endpoint: 'http://a', max_batch_size_bytes: 0}",
          "max_batch_byte_size must be greater than 0" },
        { "{endpoint: 'http://a', remote_write_queue: {queue_size: 0}}",
          "a 0 size queue will drop all the data" },
        { "{endpoint: 'http://a', remote_write_queue: {num_consumers: -1}}", "num_consumers" },
        { "{endpoint: 'http://a', headers: {Content-Type: x}}", "content-type" },
        { "{endpoint: 'http://a', external_labels: {'': x}}", "a key is empty" },
        { "{endpoint: 'http://a', protobuf_message: v3}", "io.prometheus.write.v2.Request" },
        { "{endpoint: 'http://a', auth: {}}", "authenticator" },
        { "{endpoint: 'http://a', wal: {directory: x}}", "wal" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Err err = { 0 };
        Buf problems = BUF(1 << 16);
        assert_null(test_host_new(&prometheusremotewrite_exporter, str_from(rows[i].yaml),
                                  &problems, &err));
        if (!str_contains(buf_str(&problems), str_from(rows[i].says)))
            fail_msg("%s: %.*s", rows[i].yaml, STR_ARG(buf_str(&problems)));
        buf_free(&problems);
    }
}

/* At every place memory may be missing: the batch is delivered after all, or given back. */
static void any_allocation_may_fail(void **state)
{
    (void)state;
    for (long n = 0; n < 400; n += 7) {
        Fixture f;
        begin(&f, ", retry_on_failure: {max_elapsed_time: 10s}", NULL, 0);
        Err err = { 0 };
        Batch *batch = json_metrics(GAUGE("1", "1"));
        starve_after(n);
        bool taken = test_host_push(f.host, batch, false, &err);
        for (int i = 0; i < 50; i++)
            test_host_turn(f.host);
        starve_end();
        batch_unref(batch);
        if (taken)
            assert_true(await(&f, 0)->result != ACK_PARTLY);
        end(&f);
    }
}

static int register_encodings(void **state)
{
    Err err = { 0 };
    (void)state;
    return encodings_register(&err) ? 0 : -1;
}

static int forget_encodings(void **state)
{
    (void)state;
    encodings_done();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_what_is_pushed),
        cmocka_unit_test(speaks_version_2),
        cmocka_unit_test(a_server_that_knows_only_version_1_is_no_success),
        cmocka_unit_test(tries_again_what_may_pass),
        cmocka_unit_test(waits_as_long_as_it_is_asked_to),
        cmocka_unit_test(gives_up_what_will_never_be_taken),
        cmocka_unit_test(samples_of_a_series_never_overtake),
        cmocka_unit_test(what_was_taken_is_not_sent_anew),
        cmocka_unit_test(lanes_send_side_by_side),
        cmocka_unit_test(deltas_are_refused_and_counted),
        cmocka_unit_test(options_shape_what_is_sent),
        cmocka_unit_test(stopping_gives_back_what_is_under_way),
        cmocka_unit_test(a_full_queue_refuses),
        cmocka_unit_test(wrong_settings_are_told),
        cmocka_unit_test(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, register_encodings, forget_encodings);
}
