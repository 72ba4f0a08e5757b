/* Both OTLP exporters against a server on loopback that answers from a script: what arrives, and
 * what becomes of the data. */
#include "base/log.h"
#include "exporters/far_server.h"
#include "otlp/combine.h"
#include "otlp/rpc.h"
#include "pipe/auth.h"
#include "support/make_batch.h"

#include <cryostorm/version.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

extern const ComponentType otlp_exporter, otlphttp_exporter;

static const char *const words = "{service.name=shop} a b";

typedef struct Fixture {
    FarServer far;
    TestHost *host;
    bool grpc;
} Fixture;

/* auth: what the test's host offers as an authenticator, or NULL. */
static void begin_as(Fixture *f, bool grpc, const char *settings, ClientAuth *auth)
{
    char yaml[512];
    Err err = { 0 };
    f->grpc = grpc;
    snprintf(yaml, sizeof yaml,
             grpc ? "{endpoint: '%s', tls: {insecure: true}%s}" : "{endpoint: 'http://%s'%s}",
             f->far.endpoint, settings);
    f->host = test_host_new(grpc ? &otlp_exporter : &otlphttp_exporter, str_from(yaml), NULL, &err);
    if (f->host)
        test_host_offer(f->host, auth);
    if (!f->host || !test_host_start(f->host, &err))
        fail_msg("%s: %s", yaml, err.text);
}

/* `settings`: further ones, each with ", " in front. */
static void begin(Fixture *f, bool grpc, const char *settings, const Say *script, size_t count)
{
    far_server_begin(&f->far, script, count);
    begin_as(f, grpc, settings, NULL);
}

static void end(Fixture *f)
{
    test_host_stop(f->host);
    assert_int_equal(test_host_open(f->host), 0);
    test_host_free(f->host);
    far_server_end(&f->far);
}

static void push(Fixture *f, Signal signal)
{
    Err err = { 0 };
    Batch *batch = make_batch(signal, str_from(words), &err);
    assert_non_null(batch);
    assert_true(test_host_push(f->host, batch, false, &err));
    batch_unref(batch);
}

static void all_signals_arrive_as_they_are(void **state)
{
    (void)state;
    static const Signal signals[] = { TRACES, METRICS, LOGS };
    static const char *const settings[] = { ", compression: none, headers: {x-token: abc}",
                                            ", headers: {X-Token: abc}" };
    for (size_t i = 0; i < 4; i++) {
        Fixture f;
        bool grpc = i & 1, gzip = i & 2;
        begin(&f, grpc, settings[gzip], NULL, 0);
        for (size_t k = 0; k < COUNT_OF(signals); k++) {
            push(&f, signals[k]);
            assert_int_equal(far_server_await(&f.far, f.host, k)->result, ACK_DELIVERED);
            const Arrival *arrival = &f.far.arrivals[k];
            Str path = grpc ? otlp_grpc_path(signals[k]) : otlp_http_path(signals[k]);
            assert_true(str_eq(str_from(arrival->path), path));
            assert_string_equal(arrival->items, words);
            assert_string_equal(arrival->encoding, gzip ? "gzip" : "");
            assert_string_equal(arrival->token, "abc");
            assert_string_equal(arrival->type,
                                grpc ? "application/grpc" : "application/x-protobuf");
            assert_non_null(strstr(arrival->agent, "cryostorm/" CRYO_VERSION));
        }
        assert_int_equal(f.far.count, COUNT_OF(signals));
        assert_int_equal(test_host_status(f.host).sent, 2 * COUNT_OF(signals));
        end(&f);
    }
}

/* Says who sent the data; has no token before the first try. */
static bool sign(void *self, const ClientInfo *client, HttpFields *fields, Err *err)
{
    int *tries = self;
    if (++*tries == 1)
        return (fail)(err, ERR_BUSY, "no token yet");
    Str tenant = client_info_get(client, CLIENT_METADATA, STR("x-tenant"));
    return http_fields_add(fields, STR("x-token"), tenant, err);
}

static void an_authenticator_completes_each_request(void **state)
{
    (void)state;
    for (int grpc = 0; grpc < 2; grpc++) {
        Fixture f;
        Err err = { 0 };
        int tries = 0;
        ClientAuth auth = { .self = &tries, .sign = sign };
        ClientInfo *client = client_info_new(NULL, NULL, &err);
        assert_true(client_info_add(client, CLIENT_METADATA, STR("x-tenant"), STR("red"), &err));
        far_server_begin(&f.far, NULL, 0);
        begin_as(&f, grpc, ", headers: {a: b}, auth: {authenticator: c}", &auth);
        test_host_set_client(f.host, client);
        push(&f, TRACES);
        client_info_unref(client); /* the data has it */
        assert_int_equal(far_server_await(&f.far, f.host, 0)->result, ACK_DELIVERED);
        assert_int_equal(tries, 2); /* what has no token yet is tried again */
        assert_string_equal(f.far.arrivals[0].token, "red");
        end(&f);
    }
}

static void a_secret_does_not_go_over_grpc_in_plain_text(void **state)
{
    (void)state;
    Err err = { 0 };
    ClientAuth auth = { .needs_tls = true, .sign = sign };
    TestHost *host =
        test_host_new(&otlp_exporter,
                      STR("{endpoint: 'a:1', tls: {insecure: true}, auth: {authenticator: c}}"),
                      NULL, &err);
    test_host_offer(host, &auth);
    assert_false(test_host_start(host, &err));
    assert_non_null(strstr(err.text, "c sends a secret, which gRPC does over TLS only"));
    test_host_free(host);
}

/* As it comes from a processor that gathers; tried again after a refusal, too. */
static void a_bundle_arrives_joined(void **state)
{
    (void)state;
    static const struct {
        bool grpc;
        const char *settings;
    } ways[] = { { true, ", compression: none" },
                 { true, "" },
                 { false, ", compression: none" },
                 { false, "" },
                 { false, ", encoding: json" },
                 { false, ", sending_queue: {sizer: bytes, queue_size: 100000}" } };
    static const Say later[] = { { .kind = ERR_BUSY } };
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        Fixture f;
        Err err = { 0 };
        Batch *parts[] = { make_batch(LOGS, STR("{n=1} a b"), &err),
                           make_batch(LOGS, STR("{n=2} c"), &err),
                           make_batch(LOGS, STR("{n=3} d"), &err) };
        Batch *bundle = batch_bundle(parts, COUNT_OF(parts), &err);
        assert_non_null(bundle);
        begin(&f, ways[i].grpc, ways[i].settings, later, 1);
        assert_true(test_host_push(f.host, bundle, false, &err));
        assert_int_equal(far_server_await(&f.far, f.host, 0)->result, ACK_DELIVERED);
        assert_int_equal(f.far.count, 2);
        assert_string_equal(f.far.arrivals[1].items, "{n=1} a b {n=2} c {n=3} d");
        assert_int_equal(test_host_status(f.host).sent, 4);
        batch_unref(bundle);
        for (size_t k = 0; k < COUNT_OF(parts); k++)
            batch_unref(parts[k]);
        end(&f);
    }
}

static const Say unavailable[] = { { .kind = ERR_BUSY },
                                   { .kind = ERR_LIMIT, .http_status = 429, .retry_ms = 3000 } };

static void not_now_is_tried_again(void **state)
{
    (void)state;
    for (int grpc = 0; grpc < 2; grpc++) {
        Fixture f;
        const char *settings = ", retry_on_failure: {initial_interval: 100ms, max_interval: 1s}";
        begin(&f, grpc, settings, unavailable, 2);
        int64_t before = clock_mono_ns(&test_host_clock(f.host)->base);
        push(&f, TRACES);
        assert_int_equal(far_server_await(&f.far, f.host, 0)->result, ACK_DELIVERED);
        assert_int_equal(f.far.count, 3);
        assert_string_equal(f.far.arrivals[2].items, words); /* nothing got lost on the way */
        assert_true(clock_mono_ns(&test_host_clock(f.host)->base) - before >=
                    3 * NANOS_PER_SECOND); /* the far side said when */
        assert_int_equal(test_host_status(f.host).sent, 2);
        assert_int_equal(test_host_status(f.host).dropped, 0);
        end(&f);
    }
}

static void never_is_final(void **state)
{
    (void)state;
    static const Say no[] = { { .kind = ERR_INPUT } };
    for (int grpc = 0; grpc < 2; grpc++) {
        Fixture f;
        begin(&f, grpc, "", no, 1);
        push(&f, TRACES);
        const AckOutcome *outcome = far_server_await(&f.far, f.host, 0);
        assert_int_equal(outcome->result, ACK_REFUSED);
        assert_non_null(strstr(outcome->reason.text, "the far side says no"));
        assert_int_equal(f.far.count, 1);
        assert_int_equal(test_host_status(f.host).dropped, 2);
        push(&f, TRACES); /* the next one is not held against it */
        assert_int_equal(far_server_await(&f.far, f.host, 1)->result, ACK_DELIVERED);
        end(&f);
    }
}

static void a_part_may_be_refused(void **state)
{
    (void)state;
    static const Say partly[] = { { .rejected = 1 } };
    for (int grpc = 0; grpc < 2; grpc++) {
        Fixture f;
        begin(&f, grpc, "", partly, 1);
        push(&f, TRACES);
        const AckOutcome *outcome = far_server_await(&f.far, f.host, 0);
        assert_int_equal(outcome->result, ACK_PARTLY);
        assert_int_equal(outcome->refused, 1);
        assert_int_equal(f.far.count, 1); /* what was lost is not sent again */
        assert_int_equal(test_host_status(f.host).sent, 1);
        assert_int_equal(test_host_status(f.host).dropped, 1);
        end(&f);
    }
}

static void a_server_that_comes_late_gets_everything(void **state)
{
    (void)state;
    for (int grpc = 0; grpc < 2; grpc++) {
        Fixture f;
        begin(&f, grpc, "", NULL, 0);
        far_server_close(&f.far);
        push(&f, TRACES);
        for (int i = 0; i < 50; i++)
            test_host_tick(f.host, 10 * NANOS_PER_MILLI);
        assert_false(test_host_ack(f.host, 0)->heard);
        far_server_listen(&f.far);
        assert_int_equal(far_server_await(&f.far, f.host, 0)->result, ACK_DELIVERED);
        assert_int_equal(f.far.count, 1);
        end(&f);
    }
}

static void without_a_server_the_data_is_given_back_at_last(void **state)
{
    (void)state;
    for (int grpc = 0; grpc < 2; grpc++) {
        Fixture f;
        begin(&f, grpc, ", retry_on_failure: {max_elapsed_time: 20s}", NULL, 0);
        far_server_close(&f.far);
        push(&f, TRACES);
        const AckOutcome *outcome = far_server_await(&f.far, f.host, 0);
        assert_int_equal(outcome->result, ACK_RETRY);
        assert_int_equal(test_host_status(f.host).dropped, 2);
        end(&f);
    }
}

static void an_attempt_that_hangs_ends_and_is_repeated(void **state)
{
    (void)state;
    static const Say hangs[] = { { .keep = true } };
    for (int grpc = 0; grpc < 2; grpc++) {
        Fixture f;
        begin(&f, grpc, ", timeout: 2s", hangs, 1);
        push(&f, TRACES);
        assert_int_equal(far_server_await(&f.far, f.host, 0)->result, ACK_DELIVERED);
        assert_int_equal(f.far.count, 2);
        end(&f);
    }
}

static void stopping_gives_back_what_is_under_way(void **state)
{
    (void)state;
    static const Say hangs[] = { { .keep = true } };
    for (int grpc = 0; grpc < 2; grpc++) {
        Fixture f;
        begin(&f, grpc, "", hangs, 1);
        push(&f, TRACES);
        far_server_await_arrivals(&f.far, f.host, 1);
        test_host_stop(f.host);
        assert_int_equal(test_host_ack(f.host, 0)->outcome.result, ACK_RETRY);
        end(&f);
    }
}

static void every_signal_may_have_an_endpoint_of_its_own(void **state)
{
    (void)state;
    Fixture f = { 0 };
    char yaml[512];
    Err err = { 0 };
    far_server_begin(&f.far, NULL, 0);
    snprintf(yaml, sizeof yaml,
             "{traces_endpoint: 'http://%s/in/v1/traces', endpoint: 'http://%s/in/'}",
             f.far.endpoint, f.far.endpoint);
    f.host = test_host_new(&otlphttp_exporter, str_from(yaml), NULL, &err);
    assert_true(f.host && test_host_start(f.host, &err));
    push(&f, TRACES);
    push(&f, METRICS);
    assert_int_equal(far_server_await(&f.far, f.host, 0)->result, ACK_DELIVERED);
    assert_int_equal(far_server_await(&f.far, f.host, 1)->result, ACK_DELIVERED);
    bool traces_first = strstr(f.far.arrivals[0].path, "traces") != NULL;
    assert_string_equal(f.far.arrivals[!traces_first].path, "/in/v1/traces");
    assert_string_equal(f.far.arrivals[traces_first].path, "/in/v1/metrics");
    end(&f);
}

static void a_signal_without_an_endpoint_is_refused_at_once(void **state)
{
    (void)state;
    Fixture f = { 0 };
    char yaml[256];
    Err err = { 0 };
    far_server_begin(&f.far, NULL, 0);
    snprintf(yaml, sizeof yaml, "{traces_endpoint: 'http://%s/v1/traces'}", f.far.endpoint);
    f.host = test_host_new(&otlphttp_exporter, str_from(yaml), NULL, &err);
    assert_true(f.host && test_host_start(f.host, &err));
    push(&f, LOGS);
    test_host_turn(f.host);
    assert_true(test_host_ack(f.host, 0)->heard);
    assert_int_equal(test_host_ack(f.host, 0)->outcome.result, ACK_REFUSED);
    assert_non_null(strstr(test_host_ack(f.host, 0)->outcome.reason.text, "no endpoint"));
    end(&f);
}

static void wrong_settings_are_told(void **state)
{
    (void)state;
    static const struct {
        const ComponentType *type;
        const char *yaml, *says;
    } rows[] = {
        { &otlp_exporter, "{}", "endpoint" },
        { &otlp_exporter, "{endpoint: 'a:1', auth: {}}", "auth: authenticator: name an ext" },
        { &otlp_exporter, "{endpoint: 'https://a'}", "port" },
        { &otlp_exporter, "{endpoint: 'a:1', keepalive: {time: 0s}}", "time" },
        { &otlp_exporter, "{endpoint: 'a:1', tls: {cert_file: b}}", "tls: a certificate is set w" },
        { &otlp_exporter, "{endpoint: 'a:1', tls: {ca_file: b, ca_pem: c}}",
          "tls: ca_file and ca_" },
        { &otlp_exporter, "{endpoint: a, tls: {insecure: true}}", "port" },
        { &otlp_exporter, "{endpoint: 'a:1', tls: {insecure: true}, compression: zip}", "gzip" },
        { &otlphttp_exporter, "{}", "at least one endpoint must be specified" },
        { &otlphttp_exporter, "{endpoint: 'a:1'}", "http://localhost:4318" },
        { &otlphttp_exporter, "{endpoint: 'https://a:1', tls: {key_file: b}}",
          "tls: a key is set" },
        { &otlphttp_exporter, "{endpoint: 'https:///x'}", "host" },
        { &otlphttp_exporter, "{endpoint: 'http:///x'}", "host" },
        { &otlphttp_exporter, "{endpoint: 'http://a:1', encoding: xml}", "json" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Err err = { 0 };
        Buf problems = BUF(1 << 16);
        assert_null(test_host_new(rows[i].type, str_from(rows[i].yaml), &problems, &err));
        if (!str_contains(buf_str(&problems), str_from(rows[i].says)))
            fail_msg("%s: %.*s", rows[i].yaml, STR_ARG(buf_str(&problems)));
        buf_free(&problems);
    }
}

static void json_arrives_as_it_is(void **state)
{
    (void)state;
    static const Signal signals[] = { TRACES, METRICS, LOGS };
    static const char *const settings[] = { ", encoding: json, compression: none",
                                            ", encoding: json" };
    static const Say script[] = { { 0 }, { 0 }, { 0 }, { .rejected = 1 } };
    for (size_t gzip = 0; gzip < 2; gzip++) {
        Fixture f;
        begin(&f, false, settings[gzip], script, COUNT_OF(script));
        for (size_t k = 0; k < COUNT_OF(signals); k++) {
            push(&f, signals[k]);
            assert_int_equal(far_server_await(&f.far, f.host, k)->result, ACK_DELIVERED);
            const Arrival *arrival = &f.far.arrivals[k];
            assert_string_equal(arrival->type, "application/json");
            assert_string_equal(arrival->items, words);
            assert_string_equal(arrival->encoding, gzip ? "gzip" : "");
        }
        push(&f, TRACES);
        const AckOutcome *partly = far_server_await(&f.far, f.host, 3);
        assert_int_equal(partly->result, ACK_PARTLY);
        assert_int_equal(partly->refused, 1);
        assert_string_equal(partly->reason.text, "partial success: odd");
        end(&f);
    }
}

int main(void)
{
    log_set_level(LOG_OFF);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_signals_arrive_as_they_are),
        cmocka_unit_test(an_authenticator_completes_each_request),
        cmocka_unit_test(a_secret_does_not_go_over_grpc_in_plain_text),
        cmocka_unit_test(a_bundle_arrives_joined),
        cmocka_unit_test(not_now_is_tried_again),
        cmocka_unit_test(never_is_final),
        cmocka_unit_test(a_part_may_be_refused),
        cmocka_unit_test(a_server_that_comes_late_gets_everything),
        cmocka_unit_test(without_a_server_the_data_is_given_back_at_last),
        cmocka_unit_test(an_attempt_that_hangs_ends_and_is_repeated),
        cmocka_unit_test(stopping_gives_back_what_is_under_way),
        cmocka_unit_test(every_signal_may_have_an_endpoint_of_its_own),
        cmocka_unit_test(a_signal_without_an_endpoint_is_refused_at_once),
        cmocka_unit_test(wrong_settings_are_told),
        cmocka_unit_test(json_arrives_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
