/* far_server.c - see far_server.h. */
#include "exporters/far_server.h"

#include "otlp/batch.h"
#include "otlp/json_in.h"
#include "otlp/json_out.h"
#include "otlp/rpc.h"
#include "support/make_batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void copy(char *out, size_t size, Str text)
{
    snprintf(out, size, "%.*s", STR_ARG(text));
}

static bool is_json(const Request *request)
{
    return http_media_type_is(request_field(request, STR("content-type")), STR("application/json"));
}

static Batch *read_batch(const Request *request, Signal signal)
{
    Err err = { 0 };
    Buf bytes = BUF(1 << 20);
    if (!is_json(request))
        return batch_from_copy(signal, request_body(request), &err);
    assert_true(otlp_json_read(signal, request_body(request), &bytes, &err));
    return batch_from_bytes(signal, &bytes, &err);
}

static void write_down(FarServer *far, const Request *request, Signal signal)
{
    assert_true(far->count < ARRIVALS_MAX);
    Arrival *arrival = &far->arrivals[far->count++];
    arrival->is_grpc = request_is_grpc(request);
    Str encoding = arrival->is_grpc ? STR("grpc-encoding") : STR("content-encoding");
    copy(arrival->path, sizeof arrival->path, request_path(request));
    copy(arrival->encoding, sizeof arrival->encoding, request_field(request, encoding));
    copy(arrival->type, sizeof arrival->type, request_field(request, STR("content-type")));
    copy(arrival->agent, sizeof arrival->agent, request_field(request, STR("user-agent")));
    copy(arrival->token, sizeof arrival->token, request_field(request, STR("x-token")));
    Batch *batch = read_batch(request, signal);
    assert_non_null(batch);
    Buf items = BUF(FAR_TEXT_MAX - 1);
    describe_batch(batch, &items);
    copy(arrival->items, sizeof arrival->items, buf_str(&items));
    buf_free(&items);
    batch_unref(batch);
}

static void answer_success(Request *request, Signal signal, uint64_t rejected)
{
    Buf body = BUF(1024);
    const ExportAnswer answer = { (int64_t)rejected, rejected ? STR("odd") : STR("") };
    if (is_json(request))
        otlp_json_write_answer(signal, &answer, &body);
    else
        export_answer_write(&body, &answer);
    if (request_is_grpc(request))
        request_answer_grpc(request, &body);
    else
        request_answer(request,
                       &(Answer){ .status = 200,
                                  .content_type = request_field(request, STR("content-type")),
                                  .body = body });
}

static void answer_failure(Request *request, const Say *say)
{
    char seconds[16];
    int len = snprintf(seconds, sizeof seconds, "%u", say->retry_ms / 1000);
    HttpField retry = { STR("retry-after"), { seconds, (size_t)len } };
    Err err = { say->kind, say->retry_ms, "the far side says no" };
    if (request_is_grpc(request) || !say->http_status)
        request_answer_err(request, &err);
    else
        request_answer(request, &(Answer){ .status = say->http_status,
                                           .fields = &retry,
                                           .field_count = say->retry_ms > 0,
                                           .static_body = STR("the far side says no") });
}

static void handle(FarServer *far, Request *request, Signal signal)
{
    static const Say success = { 0 };
    const Say *say = far->count < far->script_count ? &far->script[far->count] : &success;
    write_down(far, request, signal);
    if (say->keep)
        far->kept = request;
    else if (say->kind != ERR_NONE)
        answer_failure(request, say);
    else
        answer_success(request, signal, say->rejected);
}

static void handle_traces(void *owner, Request *request)
{
    handle(owner, request, TRACES);
}
static void handle_metrics(void *owner, Request *request)
{
    handle(owner, request, METRICS);
}
static void handle_logs(void *owner, Request *request)
{
    handle(owner, request, LOGS);
}

static void add_routes(FarServer *far)
{
    static const struct {
        Signal signal;
        const char *prefixed;
        void (*handle)(void *owner, Request *request);
    } rows[] = { { TRACES, "/in/v1/traces", handle_traces },
                 { METRICS, "/in/v1/metrics", handle_metrics },
                 { LOGS, "/in/v1/logs", handle_logs } };
    Err err = { 0 };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Route route = { .path = otlp_http_path(rows[i].signal),
                        .methods = STR("POST"),
                        .handle = rows[i].handle,
                        .owner = far };
        assert_true(server_route(far->server, &route, &err));
        route.path = str_from(rows[i].prefixed);
        assert_true(server_route(far->server, &route, &err));
        GrpcRoute grpc = { .path = otlp_grpc_path(rows[i].signal),
                           .handle = rows[i].handle,
                           .owner = far };
        assert_true(server_grpc_route(far->server, &grpc, &err));
    }
}

void far_server_listen(FarServer *far)
{
    Err err = { 0 };
    Str endpoint = far->endpoint[0] ? str_from(far->endpoint) : STR("127.0.0.1:0");
    far->server = server_new(&(ServerSettings){ .loop = far->loop, .endpoint = endpoint }, &err);
    assert_non_null(far->server);
    add_routes(far);
    assert_true(server_listen(far->server, &err));
    Address address = server_address(far->server);
    address_text(&address, far->endpoint);
}

void far_server_begin(FarServer *far, const Say *script, size_t count)
{
    Err err = { 0 };
    *far = (FarServer){ .script = script, .script_count = count };
    test_clock_init(&far->clock, 0);
    far->loop = loop_new(&far->clock.base, NULL, &err);
    assert_non_null(far->loop);
    far_server_listen(far);
}

void far_server_close(FarServer *far)
{
    server_free(far->server);
    far->server = NULL;
}

void far_server_end(FarServer *far)
{
    server_free(far->server);
    if (far->kept)
        request_answer_text(far->kept, 500, STR("too late"));
    loop_free(far->loop);
}

static void turn(FarServer *far, TestHost *host)
{
    for (int i = 0; i < 20; i++) {
        test_host_turn(host);
        while (loop_step(far->loop, 0))
            continue;
    }
}

const AckOutcome *far_server_await(FarServer *far, TestHost *host, size_t ack)
{
    turn(far, host);
    for (int i = 0; i < 5000 && !test_host_ack(host, ack)->heard; i++) {
        test_clock_advance(test_host_clock(host), 10 * NANOS_PER_MILLI);
        turn(far, host);
    }
    assert_true(test_host_ack(host, ack)->heard);
    return &test_host_ack(host, ack)->outcome;
}

void far_server_await_arrivals(FarServer *far, TestHost *host, size_t count)
{
    int64_t until = clock_mono_ns(clock_system()) + 5 * NANOS_PER_SECOND;
    while (far->count < count && clock_mono_ns(clock_system()) < until)
        turn(far, host);
    assert_true(far->count >= count);
}
