/* The OTLP receiver with clients on loopback: what it takes, what it answers, and when. */
#include "base/log.h"
#include "otlp/batch.h"
#include "otlp/json_out.h"
#include "otlp/rpc.h"
#include "support/make_batch.h"
#include "support/otlp_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

extern const ComponentType otlp_receiver;

#define LISTEN "protocols: {grpc: {endpoint: '127.0.0.1:0'}, http: {endpoint: 'localhost:0'}}"
/* Endpoints that are the same become one port. */
#define ONE_PORT "protocols: {grpc: {endpoint: '127.0.0.1:0'}, http: {endpoint: '127.0.0.1:0'}}"

static const Signal signals[] = { TRACES, METRICS, LOGS };
static const char *const words = "{service.name=shop} a b";

typedef struct Fixture {
    TestHost *host;
    Peer peer;
    Batch *batches[COUNT_OF(signals)];
} Fixture;

static void begin_with(Fixture *f, const char *yaml, unsigned wants)
{
    Err err = { 0 };
    *f = (Fixture){ .host = test_host_new(&otlp_receiver, str_from(yaml), NULL, &err) };
    if (!f->host)
        fail_msg("%s", err.text);
    test_host_want(f->host, wants);
    if (!test_host_start(f->host, &err))
        fail_msg("%s", err.text);
    peer_begin(&f->peer, f->host);
    for (size_t i = 0; i < COUNT_OF(signals); i++) {
        f->batches[i] = make_batch(signals[i], str_from(words), &err);
        assert_non_null(f->batches[i]);
    }
}

static void begin(Fixture *f, const char *yaml)
{
    begin_with(f, yaml, ALL_SIGNALS);
}

static void end(Fixture *f)
{
    peer_end(&f->peer);
    test_host_stop(f->host);
    assert_int_equal(test_host_open(f->host), 0);
    test_host_free(f->host);
    for (size_t i = 0; i < COUNT_OF(signals); i++)
        batch_unref(f->batches[i]);
}

static void expect_sent(Fixture *f, size_t i, Signal signal)
{
    Buf got = BUF(1 << 16);
    assert_true(test_host_sent_count(f->host) > i);
    const Batch *batch = test_host_sent(f->host, i)->batch;
    assert_int_equal(batch_signal(batch), signal);
    describe_batch(batch, &got);
    assert_string_equal(buf_text(&got), words);
    buf_free(&got);
}

/* An empty Export...ServiceResponse has no bytes at all. */
static void expect_full_success(const Reply *reply, bool grpc)
{
    assert_false(reply->lost);
    assert_int_equal(reply->status, grpc ? GRPC_OK : 200);
    assert_int_equal(reply->body.len, 0);
    if (!grpc)
        assert_string_equal(reply->content_type, "application/x-protobuf");
}

static void send_one(Fixture *f, size_t signal, bool grpc, bool gzip, Reply *reply)
{
    char path[128];
    Str bytes = batch_bytes(f->batches[signal]);
    Str where = grpc ? otlp_grpc_path(signals[signal]) : otlp_http_path(signals[signal]);
    snprintf(path, sizeof path, "%.*s", STR_ARG(where));
    if (grpc)
        peer_call(&f->peer, path, bytes, gzip, reply);
    else
        peer_ask(&f->peer, &(Question){ .target = path, .body = bytes, .gzip = gzip }, reply);
}

static void all_signals_come_in(const char *yaml, bool one_port)
{
    Fixture f;
    begin(&f, yaml);
    ComponentStatus status = test_host_status(f.host);
    assert_int_equal(status.endpoint_count, 2);
    assert_int_equal(!strcmp(status.endpoints[0].address, status.endpoints[1].address), one_port);
    size_t count = 0;
    for (size_t i = 0; i < 4 * COUNT_OF(signals); i++) {
        Reply reply;
        bool grpc = i & 1, gzip = i & 2;
        send_one(&f, i / 4, grpc, gzip, &reply);
        peer_await(&f.peer, &reply);
        expect_full_success(&reply, grpc);
        expect_sent(&f, count++, signals[i / 4]);
        reply_done(&reply);
    }
    assert_int_equal(test_host_sent_count(f.host), count);
    status = test_host_status(f.host);
    assert_int_equal(status.transport_count, 2);
    assert_string_equal(status.transports[0].name, "http");
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        uint64_t sent = status.by_signal[i].sent;
        assert_true(status.transports[0].sent[i] && status.transports[1].sent[i]);
        assert_int_equal(status.transports[0].sent[i] + status.transports[1].sent[i], sent);
    }
    end(&f);
}

static void all_signals_come_in_by_both_protocols(void **state)
{
    (void)state;
    all_signals_come_in("{" LISTEN "}", false);
}

/* One path for both; a shard more or less makes no difference (net/unix_listener_internal.h). */
static void a_unix_socket_is_a_port_like_any(void **state)
{
    (void)state;
    Fixture f;
    Reply reply;
    char path[64], yaml[256], endpoint[80];
    snprintf(path, sizeof path, "/tmp/otlp_receiver_test.%d.sock", (int)getpid());
    snprintf(yaml, sizeof yaml, "{protocols: {grpc: {endpoint: %s, transport: unix}}}", path);
    snprintf(endpoint, sizeof endpoint, "unix:%s", path);
    begin(&f, yaml);
    ComponentStatus status = test_host_status(f.host);
    assert_string_equal(status.endpoints[0].address, endpoint);
    send_one(&f, 0, true, false, &reply);
    peer_await(&f.peer, &reply);
    expect_full_success(&reply, true);
    expect_sent(&f, 0, TRACES);
    reply_done(&reply);
    end(&f);
    assert_int_not_equal(access(path, F_OK), 0);
}

/* A certificate on one of the two would leave the other's callers in plain text, or outside. */
static void one_port_has_one_tls(void **state)
{
    (void)state;
    Err err = { 0 };
    Buf problems = BUF(1 << 16);
    assert_null(
        test_host_new(&otlp_receiver,
                      STR("{protocols: {grpc: {endpoint: 'localhost:1', tls: {cert_file: a, "
                          "key_file: b}}, http: {endpoint: 'localhost:1'}}}"),
                      &problems, &err));
    assert_true(str_contains(buf_str(&problems), STR("must have the same tls")));
    buf_free(&problems);
}

static void one_port_speaks_both(void **state)
{
    (void)state;
    all_signals_come_in("{" ONE_PORT "}", true);
}

/* --- what is refused, and how ------------------------------------------------------------------
 */

static const struct Refusal {
    Question question;
    int status;
    const char *says; /* part of the body */
} refusals[] = {
    { { .target = "/v1/traces", .content_type = "application/json" }, 400, "expected an object" },
    { { .target = "/v1/traces", .content_type = "application/jsonp" }, 415, "json" },
    { { .target = "/v1/traces", .content_type = "text/plain" }, 415, "protobuf" },
    { { .target = "/v1/traces", .content_type = "" }, 415, "protobuf" },
    { { .target = "/v1/traces", .encoded_wrong = true }, 415, "" },
    { { .target = "/v1/traces", .method = "GET" }, 405, "" },
    { { .target = "/v1/traces", .method = "PUT" }, 405, "" },
    { { .target = "/v1/traces/" }, 404, "" },
    { { .target = "/" }, 404, "" },
    { { .target = "/v1/profiles" }, 404, "" },
    { { .target = "/v1/traces", .body = STR_ROW("\x0a\xff") }, 400, "" },
    { { .target = "/v1/logs", .body = STR_ROW("no protobuf") }, 400, "" },
};

static void http_refuses_with_a_reason(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, "{" LISTEN "}");
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        Reply reply;
        peer_ask(&f.peer, &refusals[i].question, &reply);
        peer_await(&f.peer, &reply);
        if (reply.status != refusals[i].status)
            fail_msg("refusal %zu: %d instead of %d", i, reply.status, refusals[i].status);
        assert_true(str_contains(buf_str(&reply.body), str_from(refusals[i].says)));
        if (reply.status == 405)
            assert_string_equal(reply.allow, "POST");
        reply_done(&reply);
    }
    assert_int_equal(test_host_sent_count(f.host), 0);
    end(&f);
}

static void broken_protobuf_is_told_in_a_status(void **state)
{
    (void)state;
    Fixture f;
    Err err = { 0 };
    Reply reply;
    RpcStatus status;
    begin(&f, "{" LISTEN "}");
    peer_ask(&f.peer, &(Question){ .target = "/v1/metrics", .body = STR("\x0a\xff") }, &reply);
    peer_await(&f.peer, &reply);
    assert_int_equal(reply.status, 400);
    assert_string_equal(reply.content_type, "application/x-protobuf");
    assert_true(rpc_status_parse(buf_str(&reply.body), &status, &err));
    assert_int_equal(status.code, GRPC_INVALID_ARGUMENT);
    assert_true(status.message.len > 0);
    reply_done(&reply);
    peer_call(&f.peer, "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
              STR("\x0a\xff"), false, &reply);
    peer_await(&f.peer, &reply);
    assert_int_equal(reply.status, GRPC_INVALID_ARGUMENT);
    assert_true(reply.body.len > 0);
    reply_done(&reply);
    end(&f);
}

static void refuse_too_large(const char *yaml)
{
    static char large[1025];
    Fixture f;
    begin(&f, yaml);
    for (int gzip = 0; gzip < 2; gzip++) { /* then it is small on its way, large once inflated */
        Reply reply;
        Question question = { .target = "/v1/traces", .body = { large, sizeof large } };
        question.gzip = gzip;
        peer_ask(&f.peer, &question, &reply);
        peer_await(&f.peer, &reply);
        assert_int_equal(reply.status, 413);
        reply_done(&reply);
    }
    end(&f);
}

static void a_message_may_be_too_large(void **state)
{
    (void)state;
    refuse_too_large("{protocols: {http: {endpoint: '127.0.0.1:0', max_request_body_size: 1KiB}}}");
    refuse_too_large("{protocols: {grpc: {endpoint: '127.0.0.1:0'},"
                     " http: {endpoint: '127.0.0.1:0', max_request_body_size: 1KiB}}}");
}

static void requests_without_items_succeed_and_go_no_further(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, "{" LISTEN "}");
    for (size_t i = 0; i < COUNT_OF(signals); i++) {
        Reply http, grpc;
        batch_unref(f.batches[i]);
        Err err = { 0 };
        f.batches[i] = make_batch(signals[i], STR("{a=1} {b=2}"), &err);
        send_one(&f, i, false, false, &http);
        peer_await(&f.peer, &http);
        expect_full_success(&http, false);
        send_one(&f, i, true, true, &grpc);
        peer_await(&f.peer, &grpc);
        expect_full_success(&grpc, true);
        reply_done(&http);
        reply_done(&grpc);
    }
    Reply nothing;
    peer_ask(&f.peer, &(Question){ .target = "/v1/traces" }, &nothing);
    peer_await(&f.peer, &nothing);
    expect_full_success(&nothing, false);
    reply_done(&nothing);
    assert_int_equal(test_host_sent_count(f.host), 0);
    end(&f);
}

static void a_signal_without_a_pipeline_is_not_there(void **state)
{
    (void)state;
    Fixture f;
    Reply reply;
    begin_with(&f, "{" LISTEN "}", METRICS);
    for (size_t i = 0; i < COUNT_OF(signals); i++) {
        bool there = signals[i] == METRICS;
        send_one(&f, i, false, false, &reply);
        peer_await(&f.peer, &reply);
        assert_int_equal(reply.status, there ? 200 : 404);
        reply_done(&reply);
        send_one(&f, i, true, false, &reply);
        peer_await(&f.peer, &reply);
        assert_int_equal(reply.status, there ? GRPC_OK : GRPC_UNIMPLEMENTED);
        reply_done(&reply);
    }
    peer_call(&f.peer, "/nobody.Knows/This", STR(""), false, &reply);
    peer_await(&f.peer, &reply);
    assert_int_equal(reply.status, GRPC_UNIMPLEMENTED);
    reply_done(&reply);
    end(&f);
}

static void content_types_may_have_parameters(void **state)
{
    (void)state;
    Fixture f;
    Reply reply;
    begin(&f, "{" LISTEN "}");
    peer_ask(&f.peer,
             &(Question){ .target = "/v1/traces?x=1",
                          .content_type = "Application/X-Protobuf; charset=utf-8",
                          .body = batch_bytes(f.batches[0]) },
             &reply);
    peer_await(&f.peer, &reply);
    expect_full_success(&reply, false);
    expect_sent(&f, 0, TRACES);
    reply_done(&reply);
    end(&f);
}

static void paths_can_be_chosen(void **state)
{
    (void)state;
    Fixture f;
    Reply reply;
    begin(&f, "{protocols: {http: {endpoint: '127.0.0.1:0', traces_url_path: in/spans,"
              " logs_url_path: /in/logs}}}");
    static const struct {
        const char *target;
        size_t signal;
        int status;
    } rows[] = { { "/in/spans", 0, 200 },
                 { "/in/logs", 2, 200 },
                 { "/v1/traces", 0, 404 },
                 { "/v1/logs", 2, 404 },
                 { "/v1/metrics", 1, 200 } };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Str body = batch_bytes(f.batches[rows[i].signal]);
        peer_ask(&f.peer, &(Question){ .target = rows[i].target, .body = body }, &reply);
        peer_await(&f.peer, &reply);
        assert_int_equal(reply.status, rows[i].status);
        reply_done(&reply);
    }
    end(&f);
}

/* --- when the client hears ---------------------------------------------------------------------
 */

static void accepted_is_said_at_once(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, "{" LISTEN "}");
    for (int grpc = 0; grpc < 2; grpc++) {
        Reply reply;
        size_t number = test_host_sent_count(f.host);
        send_one(&f, 0, grpc, false, &reply);
        peer_await(&f.peer, &reply);
        expect_full_success(&reply, grpc);
        assert_non_null(test_host_sent(f.host, number)->ack); /* nobody has judged yet */
        reply_done(&reply);
    }
    end(&f);
}

/* A sending_queue with wait_for_result somewhere behind makes it `delivered`. */
static void an_exporter_may_ask_to_wait_for_the_result(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, "{" LISTEN "}");
    host_ask(test_host_host(f.host), ASK_RESULT, true);
    for (int grpc = 0; grpc < 2; grpc++) {
        Reply reply;
        size_t number = test_host_sent_count(f.host);
        send_one(&f, 0, grpc, false, &reply);
        for (int k = 0; k < 1000 && test_host_sent_count(f.host) == number; k++)
            test_host_turn(f.host);
        assert_int_equal(reply.calls, 0);
        test_host_judge(f.host, number, &(AckOutcome){ .result = ACK_DELIVERED });
        peer_await(&f.peer, &reply);
        expect_full_success(&reply, grpc);
        reply_done(&reply);
    }
    end(&f);
}

/* --- a full queue behind that wants its senders to wait ---------------------------------------
 */

static void pass_ms(Fixture *f, int ms)
{
    for (int i = 0; i < ms; i++) {
        usleep(100); /* the client's bytes need the kernel */
        test_host_tick(f->host, NANOS_PER_MILLI);
    }
}

static void hold(Fixture *f, bool on)
{
    host_ask(test_host_host(f->host), ASK_HOLD, on);
}

static void held_requests_wait_and_are_taken_in_order(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, "{" LISTEN "}");
    for (int grpc = 0; grpc < 2; grpc++) {
        Reply replies[COUNT_OF(signals)];
        size_t before = test_host_sent_count(f.host);
        hold(&f, true);
        for (size_t i = 0; i < COUNT_OF(signals); i++) {
            send_one(&f, i, grpc, i == 1, &replies[i]);
            pass_ms(&f, 20);
        }
        assert_int_equal(test_host_sent_count(f.host), before);
        assert_int_equal(replies[0].calls, 0);
        hold(&f, false);
        for (size_t i = 0; i < COUNT_OF(signals); i++) {
            for (int k = 0; k < 1000 && !replies[i].calls; k++)
                pass_ms(&f, 1);
            expect_full_success(&replies[i], grpc);
            expect_sent(&f, before + i, signals[i]);
            reply_done(&replies[i]);
        }
    }
    assert_int_equal(test_host_status(f.host).refused, 0);
    end(&f);
}

static void a_held_request_ends_with_its_client(void **state)
{
    (void)state;
    for (int grpc = 0; grpc < 2; grpc++) {
        Fixture f;
        Reply reply;
        begin(&f, "{" LISTEN "}");
        hold(&f, true);
        send_one(&f, 0, grpc, false, &reply);
        pass_ms(&f, 20);
        peer_end(&f.peer);
        pass_ms(&f, 20);
        assert_true(reply.lost);
        hold(&f, false);
        pass_ms(&f, 20);
        assert_int_equal(test_host_sent_count(f.host), 0); /* it will come again */
        reply_done(&reply);
        end(&f);
    }
}

/* Nothing of it was taken, so whoever closes says so instead of waiting for room. */
static void closing_sends_home_whoever_is_held(void **state)
{
    (void)state;
    for (int grpc = 0; grpc < 2; grpc++) {
        Fixture f;
        Reply reply;
        begin(&f, "{" LISTEN "}");
        hold(&f, true);
        send_one(&f, 0, grpc, false, &reply);
        pass_ms(&f, 20);
        assert_int_equal(reply.calls, 0);
        test_host_close(f.host);
        peer_await(&f.peer, &reply);
        assert_int_equal(reply.status, grpc ? GRPC_UNAVAILABLE : 503);
        assert_int_equal(test_host_sent_count(f.host), 0);
        reply_done(&reply);
        end(&f);
    }
}

/* And one that is freed without having been closed lets nothing dangle. */
static void stopping_forgets_whoever_is_held(void **state)
{
    (void)state;
    for (int grpc = 0; grpc < 2; grpc++) {
        Fixture f;
        Reply reply;
        begin(&f, "{" LISTEN "}");
        hold(&f, true);
        send_one(&f, 0, grpc, false, &reply);
        pass_ms(&f, 20);
        test_host_stop(f.host);
        peer_end(&f.peer);
        reply_done(&reply);
        end(&f);
    }
}

static const struct Ending {
    AckOutcome outcome;
    int http;
    GrpcCode grpc;
    const char *retry_after; /* "": no such field */
    int64_t rejected;
    const char *says; /* part of the message that explains */
} endings[] = {
    { { .result = ACK_DELIVERED }, 200, GRPC_OK, "", 0, "" },
    { { .result = ACK_PARTLY, .refused = 1, .reason = { ERR_INPUT, 0, "one is odd" } },
      200,
      GRPC_OK,
      "",
      1,
      "one is odd" },
    { { .result = ACK_PARTLY, .refused = 0, .reason = { ERR_INPUT, 0, "only a warning" } },
      200,
      GRPC_OK,
      "",
      0,
      "only a warning" },
    { { .result = ACK_RETRY, .retry_ms = 2500, .reason = { ERR_BUSY, 0, "disk is full" } },
      503,
      GRPC_UNAVAILABLE,
      "3",
      0,
      "disk is full" },
    { { .result = ACK_RETRY, .reason = { ERR_CLOSED, 0, "going away" } },
      503,
      GRPC_UNAVAILABLE,
      "",
      0,
      "going away" },
    { { .result = ACK_REFUSED, .refused = 2, .reason = { ERR_INPUT, 0, "nobody wants it" } },
      400,
      GRPC_INVALID_ARGUMENT,
      "",
      0,
      "nobody wants it" },
    /* what failed for good must not be sent again, whatever the reason */
    { { .result = ACK_REFUSED, .refused = 2, .reason = { ERR_BUSY, 0, "never" } },
      400,
      GRPC_INVALID_ARGUMENT,
      "",
      0,
      "never" },
};

static void expect_ending(const Reply *reply, const struct Ending *want, bool grpc)
{
    Err err = { 0 };
    assert_int_equal(reply->status, grpc ? (int)want->grpc : want->http);
    if (grpc) {
        assert_int_equal(reply->has_retry, want->outcome.retry_ms != 0);
        assert_int_equal(reply->retry_ms, want->outcome.retry_ms);
    } else {
        assert_string_equal(reply->retry_after, want->retry_after);
    }
    if (want->http == 200) {
        ExportAnswer answer;
        assert_true(export_answer_read(buf_str(&reply->body), &answer, &err));
        assert_int_equal(answer.rejected, want->rejected);
        assert_true(str_eq(answer.message, str_from(want->says)));
        return;
    }
    RpcStatus status = { .code = want->grpc, .message = buf_str(&reply->body) };
    if (!grpc)
        assert_true(rpc_status_parse(buf_str(&reply->body), &status, &err));
    assert_int_equal(status.code, want->grpc);
    assert_true(str_contains(status.message, str_from(want->says)));
}

static void delivered_is_said_with_the_verdict(void **state)
{
    (void)state;
    Fixture f;
    begin(&f, "{" LISTEN ", acknowledge: delivered}");
    for (size_t i = 0; i < 2 * COUNT_OF(endings); i++) {
        Reply reply;
        bool grpc = i & 1;
        send_one(&f, i % COUNT_OF(signals), grpc, false, &reply);
        for (int k = 0; k < 1000 && test_host_sent_count(f.host) == i; k++)
            test_host_turn(f.host);
        test_host_tick(f.host, NANOS_PER_SECOND);
        assert_int_equal(reply.calls, 0);
        test_host_judge(f.host, i, &endings[i / 2].outcome);
        peer_await(&f.peer, &reply);
        expect_ending(&reply, &endings[i / 2], grpc);
        reply_done(&reply);
    }
    end(&f);
}

static void who_comes_next_may_refuse(void **state)
{
    (void)state;
    static const char *const yaml[] = { "{" LISTEN "}", "{" LISTEN ", acknowledge: delivered}" };
    for (size_t i = 0; i < 8; i++) {
        Fixture f;
        Reply reply;
        bool grpc = i & 1, for_good = i & 2;
        begin(&f, yaml[i / 4]);
        test_host_refuse(f.host, for_good ? ERR_INPUT : ERR_BUSY);
        send_one(&f, 0, grpc, false, &reply);
        peer_await(&f.peer, &reply);
        int http = for_good ? 400 : 503;
        GrpcCode code = for_good ? GRPC_INVALID_ARGUMENT : GRPC_UNAVAILABLE;
        assert_int_equal(reply.status, grpc ? (int)code : http);
        assert_int_equal(test_host_open(f.host), 0);
        reply_done(&reply);
        end(&f);
    }
}

static void the_client_may_be_gone_before_the_verdict(void **state)
{
    (void)state;
    for (int grpc = 0; grpc < 2; grpc++) {
        Fixture f;
        Reply reply;
        begin(&f, "{" LISTEN ", acknowledge: delivered}");
        send_one(&f, 0, grpc, false, &reply);
        for (int k = 0; k < 1000 && test_host_sent_count(f.host) == 0; k++)
            test_host_turn(f.host);
        peer_end(&f.peer);
        test_host_turn(f.host);
        assert_true(reply.lost);
        test_host_judge(f.host, 0, &(AckOutcome){ .result = ACK_DELIVERED });
        test_host_turn(f.host);
        assert_true(test_host_ack(f.host, 0)->heard);
        assert_int_equal(test_host_open(f.host), 0);
        reply_done(&reply);
        end(&f);
    }
}

static void what_is_under_way_is_answered_after_close(void **state)
{
    (void)state;
    for (int grpc = 0; grpc < 2; grpc++) {
        Fixture f;
        Reply reply, late;
        begin(&f, "{" LISTEN ", acknowledge: delivered}");
        send_one(&f, 0, grpc, false, &reply);
        for (int k = 0; k < 1000 && test_host_sent_count(f.host) == 0; k++)
            test_host_turn(f.host);
        test_host_close(f.host);
        test_host_judge(f.host, 0, &(AckOutcome){ .result = ACK_DELIVERED });
        peer_await(&f.peer, &reply);
        expect_full_success(&reply, grpc);
        send_one(&f, 0, grpc, false, &late);
        peer_await(&f.peer, &late);
        assert_true(late.lost);
        reply_done(&reply);
        reply_done(&late);
        end(&f);
    }
}

/* --- JSON --- */

static const char *const json_type = "application/json; charset=utf-8";

static void ask_in_json(Fixture *f, size_t signal, bool gzip, Reply *reply)
{
    char path[64];
    Err err = { 0 };
    Buf json = BUF(1 << 16);
    assert_true(otlp_json_write(f->batches[signal], &json, &err));
    snprintf(path, sizeof path, "%.*s", STR_ARG(otlp_http_path(signals[signal])));
    peer_ask(&f->peer,
             &(Question){
                 .target = path, .content_type = json_type, .body = buf_str(&json), .gzip = gzip },
             reply);
    buf_free(&json);
}

static void expect_json(const Reply *reply, int status, const char *body)
{
    assert_int_equal(reply->status, status);
    assert_string_equal(reply->content_type, "application/json");
    if (!str_eq(buf_str(&reply->body), str_from(body)))
        fail_msg("%.*s, not %s", STR_ARG(buf_str(&reply->body)), body);
}

static void json_comes_in_and_is_answered_in_json(void **state)
{
    (void)state;
    static const char *const yaml[] = { "{" LISTEN "}", "{" ONE_PORT "}" };
    for (size_t y = 0; y < COUNT_OF(yaml); y++) {
        Fixture f;
        begin(&f, yaml[y]);
        for (size_t i = 0; i < 2 * COUNT_OF(signals); i++) {
            Reply reply;
            ask_in_json(&f, i / 2, i & 1, &reply);
            peer_await(&f.peer, &reply);
            expect_json(&reply, 200, "{\"partialSuccess\":{}}");
            expect_sent(&f, i, signals[i / 2]);
            reply_done(&reply);
        }
        Reply nothing;
        peer_ask(&f.peer,
                 &(Question){ .target = "/v1/logs", .content_type = json_type, .body = STR("{}") },
                 &nothing);
        peer_await(&f.peer, &nothing);
        expect_json(&nothing, 200, "{\"partialSuccess\":{}}");
        reply_done(&nothing);
        assert_int_equal(test_host_sent_count(f.host), 2 * COUNT_OF(signals));
        end(&f);
    }
}

static void broken_json_is_told_with_its_place(void **state)
{
    (void)state;
    Fixture f;
    Reply reply;
    begin(&f, "{" LISTEN "}");
    const Str body =
        STR("{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"traceId\":\"1x\"}]}]}]}");
    peer_ask(&f.peer,
             &(Question){ .target = "/v1/traces", .content_type = json_type, .body = body },
             &reply);
    peer_await(&f.peer, &reply);
    expect_json(
        &reply, 400,
        "{\"code\":3,\"message\":\"resourceSpans[0].scopeSpans[0].spans[0].traceId: line 1, "
        "column 55: expected hexadecimal digits, 32 of them\"}");
    reply_done(&reply);
    assert_int_equal(test_host_sent_count(f.host), 0);
    end(&f);
}

/* Small on its way, large as protobuf: the limit holds for both. */
static void json_may_grow_no_further_than_a_body_may(void **state)
{
    (void)state;
    Fixture f;
    Reply reply;
    Buf body = BUF(1 << 16);
    begin(&f, "{protocols: {http: {endpoint: '127.0.0.1:0', max_request_body_size: 1KiB}}}");
    buf_addf(&body, "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{\"histogram\":"
                    "{\"dataPoints\":[{\"bucketCounts\":[0");
    for (int i = 0; i < 300; i++)
        buf_addf(&body, ",0");
    buf_addf(&body, "]}]}}]}]}]}");
    peer_ask(&f.peer,
             &(Question){
                 .target = "/v1/metrics", .content_type = json_type, .body = buf_str(&body) },
             &reply);
    peer_await(&f.peer, &reply);
    assert_int_equal(reply.status, 413);
    assert_string_equal(reply.content_type, "application/json");
    reply_done(&reply);
    buf_free(&body);
    end(&f);
}

static void verdicts_are_said_in_json(void **state)
{
    (void)state;
    static const struct {
        size_t ending, signal; /* of endings, of signals */
        const char *body;
    } rows[] = {
        { 0, 0, "{\"partialSuccess\":{}}" },
        { 1, 0, "{\"partialSuccess\":{\"rejectedSpans\":\"1\",\"errorMessage\":\"one is odd\"}}" },
        { 1, 1,
          "{\"partialSuccess\":{\"rejectedDataPoints\":\"1\",\"errorMessage\":\"one is odd\"}}" },
        { 1, 2,
          "{\"partialSuccess\":{\"rejectedLogRecords\":\"1\",\"errorMessage\":\"one is odd\"}}" },
        { 3, 0,
          "{\"code\":14,\"message\":\"disk is full\",\"details\":[{\"@type\":\"type.googleapis.com/"
          "google.rpc.RetryInfo\",\"retryDelay\":\"2.500s\"}]}" },
        { 5, 0, "{\"code\":3,\"message\":\"nobody wants it\"}" },
    };
    Fixture f;
    begin(&f, "{" LISTEN ", acknowledge: delivered}");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Reply reply;
        const struct Ending *want = &endings[rows[i].ending];
        ask_in_json(&f, rows[i].signal, false, &reply);
        for (int k = 0; k < 1000 && test_host_sent_count(f.host) == i; k++)
            test_host_turn(f.host);
        test_host_judge(f.host, i, &want->outcome);
        peer_await(&f.peer, &reply);
        expect_json(&reply, want->http, rows[i].body);
        assert_string_equal(reply.retry_after, want->retry_after);
        reply_done(&reply);
    }
    end(&f);
}

int main(void)
{
    log_set_level(LOG_OFF);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_signals_come_in_by_both_protocols),
        cmocka_unit_test(one_port_speaks_both),
        cmocka_unit_test(a_unix_socket_is_a_port_like_any),
        cmocka_unit_test(one_port_has_one_tls),
        cmocka_unit_test(http_refuses_with_a_reason),
        cmocka_unit_test(broken_protobuf_is_told_in_a_status),
        cmocka_unit_test(a_message_may_be_too_large),
        cmocka_unit_test(requests_without_items_succeed_and_go_no_further),
        cmocka_unit_test(a_signal_without_a_pipeline_is_not_there),
        cmocka_unit_test(content_types_may_have_parameters),
        cmocka_unit_test(paths_can_be_chosen),
        cmocka_unit_test(accepted_is_said_at_once),
        cmocka_unit_test(delivered_is_said_with_the_verdict),
        cmocka_unit_test(an_exporter_may_ask_to_wait_for_the_result),
        cmocka_unit_test(held_requests_wait_and_are_taken_in_order),
        cmocka_unit_test(a_held_request_ends_with_its_client),
        cmocka_unit_test(closing_sends_home_whoever_is_held),
        cmocka_unit_test(stopping_forgets_whoever_is_held),
        cmocka_unit_test(who_comes_next_may_refuse),
        cmocka_unit_test(the_client_may_be_gone_before_the_verdict),
        cmocka_unit_test(what_is_under_way_is_answered_after_close),
        cmocka_unit_test(json_comes_in_and_is_answered_in_json),
        cmocka_unit_test(broken_json_is_told_with_its_place),
        cmocka_unit_test(json_may_grow_no_further_than_a_body_may),
        cmocka_unit_test(verdicts_are_said_in_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
