/* net_exchange.c - what a request costs, client and server together, over loopback in one thread.
 *
 * The body is an export of a busy SDK: 64 KiB. One at a time measures the way there and back;
 * sixteen in flight measure what is left when system calls are shared. With TLS (1.3, P-256) both
 * ends encrypt and decrypt in the same thread. At last, what a connection costs: its handshake, and
 * the memory that it holds while it is idle.
 */
#include "support/harness.h"

#include "net/grpc_client.h"
#include "net/http_client.h"
#include "net/server.h"
#include "support/test_certs.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>

enum { BODY_SIZE = 64 * 1024, IN_FLIGHT = 16, IDLE = 400 };

typedef struct Work {
    Loop *loop;
    TlsContext *server_tls, *client_tls; /* NULL: plain text */
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

static bool make_contexts(Work *work, Err *err)
{
    TestCert authority, cert;
    test_authority(&authority, "bench");
    test_cert(&cert, &authority, &(TestWish){ .names = "IP:127.0.0.1" });
    const TlsOptions server = { .role = TLS_SERVER,
                                .cert_pem = str_from(cert.cert),
                                .key_pem = str_from(cert.key) };
    const TlsOptions client = { .role = TLS_CLIENT, .ca_pem = str_from(authority.cert) };
    work->server_tls = tls_context_new(&server, err);
    work->client_tls = work->server_tls ? tls_context_new(&client, err) : NULL;
    return work->client_tls != NULL;
}

static void url_of(const Work *work, char out[ADDRESS_TEXT_SIZE + 8])
{
    char text[ADDRESS_TEXT_SIZE];
    Address address = server_address(work->server);
    snprintf(out, ADDRESS_TEXT_SIZE + 8, "%s://%s", work->server_tls ? "https" : "http",
             address_text(&address, text));
}

static HttpClient *new_http(const Work *work, Err *err)
{
    char url[ADDRESS_TEXT_SIZE + 8];
    url_of(work, url);
    return http_client_new(&(HttpClientSettings){ .loop = work->loop,
                                                  .url = str_from(url),
                                                  .tls = work->client_tls },
                           err);
}

static bool open_all(Work *work, bool tls, Err *err)
{
    char url[ADDRESS_TEXT_SIZE + 8];
    const Route route = { STR("/v1/traces"), STR("POST"), take_http, work, 0 };
    const GrpcRoute grpc_route = { STR("/bench.Service/Export"), take_grpc, work, 0 };
    work->loop = loop_new(NULL, NULL, err);
    if (!work->loop || (tls && !make_contexts(work, err)))
        return false;
    ServerSettings settings = { .loop = work->loop,
                                .endpoint = STR("127.0.0.1:0"),
                                .tls = work->server_tls };
    work->server = server_new(&settings, err);
    if (!work->server || !server_route(work->server, &route, err) ||
        !server_grpc_route(work->server, &grpc_route, err) || !server_listen(work->server, err))
        return false;
    url_of(work, url);
    GrpcClientSettings grpc = { .loop = work->loop,
                                .endpoint = str_from(url),
                                .tls = work->client_tls };
    work->grpc = grpc_client_new(&grpc, err);
    work->http = new_http(work, err);
    return work->grpc && work->http;
}

static void close_all(Work *work)
{
    grpc_client_free(work->grpc);
    http_client_free(work->http);
    server_free(work->server);
    tls_context_free(work->client_tls);
    tls_context_free(work->server_tls);
    loop_free(work->loop);
}

static void measure(Work *work, const char *what, void (*run)(void *context, size_t rounds))
{
    char name[64];
    snprintf(name, sizeof name, "%s%s", what, work->server_tls ? ", TLS" : "");
    bench(&(Bench){ .name = name, .run = run, .context = work, .items = 1, .bytes = work->size });
}

/* A connection, one request, and the end. */
static void run_connections(void *context, size_t rounds)
{
    Work *work = context;
    HttpClient *kept = work->http;
    Err err = { 0 };
    for (size_t i = 0; i < rounds; i++) {
        work->http = new_http(work, &err);
        if (!work->http) {
            work->failed++;
            break;
        }
        exchange(work, ask_http, 1);
        http_client_free(work->http);
    }
    work->http = kept;
}

static size_t heap_used(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* Each has answered a request before. Client and server are in this process, so the number is for
 * both ends, the client's Task and settings included. */
static void print_idle(Work *work)
{
    Err err = { 0 };
    HttpClient *clients[IDLE] = { NULL };
    HttpClient *kept = work->http;
    size_t before = heap_used();
    for (size_t i = 0; i < IDLE; i++) {
        clients[i] = work->http = new_http(work, &err);
        if (work->http)
            exchange(work, ask_http, 1);
    }
    work->http = kept;
    printf("%-40s %10zu bytes of heap\n",
           work->server_tls ? "an idle connection, both ends, TLS"
                            : "an idle connection, both ends",
           (heap_used() - before) / IDLE);
    for (size_t i = 0; i < IDLE; i++)
        http_client_free(clients[i]);
}

static bool run_all(bool tls)
{
    Work work = { .in_flight = 1 };
    Err err = { 0 };
    bool ready = open_all(&work, tls, &err);
    if (ready) {
        measure(&work, "HTTP/1.1, empty", run_http);
        measure(&work, "gRPC, empty", run_grpc);
        measure(&work, "HTTP/1.1, connection and request", run_connections);
        work.size = BODY_SIZE;
        measure(&work, "HTTP/1.1, 64 KiB", run_http);
        measure(&work, "gRPC, 64 KiB", run_grpc);
        work.in_flight = IN_FLIGHT;
        measure(&work, "gRPC, 64 KiB, 16 in flight", run_grpc);
        work.size = 0;
        measure(&work, "gRPC, empty, 16 in flight", run_grpc);
        work.in_flight = 1;
        print_idle(&work);
    }
    close_all(&work);
    if (!ready || work.failed)
        fprintf(stderr, "%zu exchanges failed: %s\n", work.failed, err.text);
    return ready && !work.failed;
}

int main(void)
{
    bool plain = run_all(false);
    return run_all(true) && plain ? 0 : 1;
}
