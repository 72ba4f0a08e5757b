/* net_exchange.c - what a request costs, client and server together, over loopback in one thread.
 *
 * The body is an export of a busy SDK: 64 KiB. One at a time measures the way there and back;
 * sixteen in flight measure what is left when system calls are shared.
 */
#include "support/harness.h"

#include "net/grpc_client.h"
#include "net/http_client.h"
#include "net/server.h"

#include <stdio.h>
#include <string.h>

enum { BODY_SIZE = 64 * 1024, IN_FLIGHT = 16 };

typedef struct Work {
    Loop *loop;
    Server *server;
    GrpcClient *grpc;
    HttpClient *http;
    size_t size;      /* of a body */
    size_t in_flight; /* that are wanted */
    size_t waiting, failed;
} Work;

static void take_http(void *owner, Request *request)
{
    (void)owner;
    Answer answer = { .status = 200 };
    request_answer(request, &answer);
}

static void take_grpc(void *owner, Request *request)
{
    (void)owner;
    Buf nothing = BUF(0);
    request_answer_grpc(request, &nothing);
}

static void http_done(void *owner, HttpResponse *response, const Err *err)
{
    Work *work = owner;
    work->waiting--;
    work->failed += err || response->status != 200;
}

static void grpc_done(void *owner, GrpcReply *reply, const Err *err)
{
    Work *work = owner;
    work->waiting--;
    work->failed += err || reply->code != GRPC_OK;
}

static Buf body_of(const Work *work)
{
    Buf body = BUF(BODY_SIZE);
    char *room = buf_reserve(&body, work->size);
    if (room) {
        memset(room, 'x', work->size);
        body.len = work->size;
    }
    return body;
}

static void ask_http(Work *work)
{
    Err err = { 0 };
    HttpCall call = { .method = STR("POST"),
                      .target = STR("/v1/traces"),
                      .body = body_of(work),
                      .done = http_done,
                      .owner = work };
    bool taken = http_client_send(work->http, &call, &err);
    work->waiting += taken;
    work->failed += !taken;
}

static void ask_grpc(Work *work)
{
    Err err = { 0 };
    GrpcCall call = { .path = STR("/bench.Service/Export"),
                      .message = body_of(work),
                      .done = grpc_done,
                      .owner = work };
    bool taken = grpc_client_call(work->grpc, &call, &err);
    work->waiting += taken;
    work->failed += !taken;
}

static void exchange(Work *work, void (*ask)(Work *work), size_t rounds)
{
    for (size_t i = 0; i < rounds; i++) {
        ask(work);
        while (work->waiting >= work->in_flight)
            loop_step(work->loop, -1);
    }
    while (work->waiting > 0)
        loop_step(work->loop, -1);
}

static void run_http(void *context, size_t rounds)
{
    exchange(context, ask_http, rounds);
}

static void run_grpc(void *context, size_t rounds)
{
    exchange(context, ask_grpc, rounds);
}

static bool open_all(Work *work, Err *err)
{
    const Route route = { STR("/v1/traces"), STR("POST"), take_http, work, 0 };
    const GrpcRoute grpc_route = { STR("/bench.Service/Export"), take_grpc, work, 0 };
    work->loop = loop_new(NULL, NULL, err);
    if (!work->loop)
        return false;
    ServerSettings settings = { .loop = work->loop, .endpoint = STR("127.0.0.1:0") };
    work->server = server_new(&settings, err);
    if (!work->server || !server_route(work->server, &route, err) ||
        !server_grpc_route(work->server, &grpc_route, err) || !server_listen(work->server, err))
        return false;
    char text[ADDRESS_TEXT_SIZE], url[ADDRESS_TEXT_SIZE + 8];
    Address address = server_address(work->server);
    snprintf(url, sizeof url, "http://%s", address_text(&address, text));
    GrpcClientSettings grpc = { .loop = work->loop, .endpoint = str_from(url) };
    HttpClientSettings http = { .loop = work->loop, .url = str_from(url) };
    work->grpc = grpc_client_new(&grpc, err);
    work->http = http_client_new(&http, err);
    return work->grpc && work->http;
}

static void close_all(Work *work)
{
    grpc_client_free(work->grpc);
    http_client_free(work->http);
    server_free(work->server);
    loop_free(work->loop);
}

static void measure(Work *work, const char *name, void (*run)(void *context, size_t rounds))
{
    bench(&(Bench){ .name = name, .run = run, .context = work, .items = 1, .bytes = work->size });
}

int main(void)
{
    Work work = { .in_flight = 1 };
    Err err = { 0 };
    bool ready = open_all(&work, &err);
    if (ready) {
        measure(&work, "HTTP/1.1, empty", run_http);
        measure(&work, "gRPC, empty", run_grpc);
        work.size = BODY_SIZE;
        measure(&work, "HTTP/1.1, 64 KiB", run_http);
        measure(&work, "gRPC, 64 KiB", run_grpc);
        work.in_flight = IN_FLIGHT;
        measure(&work, "gRPC, 64 KiB, 16 in flight", run_grpc);
        work.size = 0;
        measure(&work, "gRPC, empty, 16 in flight", run_grpc);
    }
    close_all(&work);
    if (!ready || work.failed)
        fprintf(stderr, "%zu exchanges failed: %s\n", work.failed, err.text);
    return ready && !work.failed ? 0 : 1;
}
