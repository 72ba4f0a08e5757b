/* tls_world.c - see tls_world.h. */
#include "net/tls_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

World world;
TestCert authority, good;

void world_make_certs(void)
{
    test_authority(&authority, "an authority");
    test_cert(&good, &authority, &(TestWish){ .names = "DNS:localhost,IP:127.0.0.1" });
}

/* ---- the server ---- */

static void echo(void *owner, Request *request)
{
    (void)owner;
    Buf body = request_take_body(request);
    if (request_is_grpc(request)) {
        request_answer_grpc(request, &body);
        return;
    }
    Answer answer = { .status = 200, .body = body };
    request_answer(request, &answer);
}

static void handshake_failed(void *owner, const Address *peer, const Err *err)
{
    (void)owner;
    (void)peer;
    world.failed_handshakes++;
    memcpy(world.fault, err->text, sizeof err->text);
}

void world_open_server(const TlsOptions *tls)
{
    world_open_server_at("127.0.0.1:0", false, tls);
}

void world_open_server_at(const char *endpoint, bool reuse_port, const TlsOptions *tls)
{
    Err err = { 0 };
    const Route route = { STR("/p"), STR("POST"), echo, &world, 0 };
    const GrpcRoute grpc_route = { STR("/s/M"), echo, &world, 0 };
    ServerSettings settings = { .loop = world.loop,
                                .endpoint = str_from(endpoint),
                                .reuse_port = reuse_port,
                                .check_host = true,
                                .budget = &world.budget,
                                .handshake_failed = handshake_failed,
                                .handshake_owner = &world };
    budget_init(&world.budget, 64 << 20);
    if (tls) {
        world.server_tls = tls_context_new(tls, &err);
        if (!world.server_tls)
            fail_msg("%s", err.text);
        settings.tls = world.server_tls;
    }
    world.server = server_new(&settings, &err);
    assert_true(world.server && server_route(world.server, &route, &err) &&
                server_grpc_route(world.server, &grpc_route, &err) &&
                server_listen(world.server, &err));
}

void world_open_clients(const TlsOptions *tls)
{
    Err err = { 0 };
    char url[64];
    Address address = server_address(world.server);
    snprintf(url, sizeof url, "%s://localhost:%u", tls ? "https" : "http",
             (unsigned)address_port(&address));
    if (tls) {
        world.client_tls = tls_context_new(tls, &err);
        if (!world.client_tls)
            fail_msg("%s", err.text);
    }
    GrpcClientSettings grpc = { .loop = world.loop,
                                .endpoint = str_from(url),
                                .tls = world.client_tls };
    HttpClientSettings http = { .loop = world.loop, .url = str_from(url), .tls = world.client_tls };
    world.grpc = grpc_client_new(&grpc, &err);
    world.http = http_client_new(&http, &err);
    assert_true(world.grpc && world.http);
}

TlsOptions world_server_options(const TestCert *cert)
{
    return (TlsOptions){ .role = TLS_SERVER,
                         .loop = world.loop,
                         .cert_pem = str_from(cert->cert),
                         .key_pem = str_from(cert->key) };
}

TlsOptions world_client_options(void)
{
    return (
        TlsOptions){ .role = TLS_CLIENT, .loop = world.loop, .ca_pem = str_from(authority.cert) };
}

void world_open_sim(uint64_t seed, uint64_t reset_in)
{
    Err err = { 0 };
    memset(&world, 0, sizeof world);
    world.simulated = true;
    sim_net_init(&world.net, seed, reset_in);
    world.loop = loop_new(&world.net.clock.base, &world.net.sockets, &err);
    assert_non_null(world.loop);
}

void world_open_real(void)
{
    Err err = { 0 };
    memset(&world, 0, sizeof world);
    test_clock_init(&world.clock, 0);
    world.loop = loop_new(&world.clock.base, NULL, &err);
    assert_non_null(world.loop);
}

void world_close(void)
{
    http_client_free(world.http);
    grpc_client_free(world.grpc);
    server_free(world.server);
    tls_context_free(world.client_tls);
    tls_context_free(world.server_tls);
    loop_free(world.loop); /* what has closed is freed by then */
    assert_int_equal(budget_use(&world.budget).used, 0);
    if (world.simulated)
        assert_int_equal(sim_net_open(&world.net), 0);
}

/* ---- the clients ---- */

static char letter(size_t size, size_t i)
{
    return (char)('a' + (size + i) % 26);
}

static void check_answer(Outcome *outcome, Str body)
{
    outcome->answered = true;
    assert_int_equal(body.len, outcome->size);
    for (size_t i = 0; i < body.len; i++)
        assert_int_equal(body.ptr[i], letter(body.len, i));
}

static void note(Outcome *outcome, bool good_status, Str body, const Err *err)
{
    outcome->told++;
    if (err)
        memcpy(outcome->error, err->text, sizeof err->text);
    if (good_status)
        check_answer(outcome, body);
}

static void grpc_done(void *owner, GrpcReply *reply, const Err *err)
{
    note(owner, !err && reply->code == GRPC_OK, reply->message, err);
}

static void http_done(void *owner, HttpResponse *response, const Err *err)
{
    note(owner, !err && response->status == 200, response->body, err);
}

void world_ask(Way way, size_t size, Outcome *outcome)
{
    Err err = { 0 };
    Buf body = BUF(1 << 24);
    *outcome = (Outcome){ .size = size };
    for (size_t i = 0; i < size; i++)
        buf_add_byte(&body, letter(size, i));
    GrpcCall call = { .path = STR("/s/M"), .message = body, .done = grpc_done, .owner = outcome };
    HttpCall post = { .method = STR("POST"),
                      .target = STR("/p"),
                      .body = body,
                      .done = http_done,
                      .owner = outcome };
    bool taken = way == BY_GRPC ? grpc_client_call(world.grpc, &call, &err)
                                : http_client_send(world.http, &post, &err);
    assert_true(taken);
}

void world_wait(const Outcome *outcome)
{
    for (int i = 0; i < 20000 && !outcome->told; i++)
        loop_step(world.loop, NANOS_PER_MILLI);
    assert_int_equal(outcome->told, 1);
}

void world_must_answer(Way way, size_t size)
{
    Outcome outcome;
    world_ask(way, size, &outcome);
    world_wait(&outcome);
    if (!outcome.answered)
        fail_msg("%s", outcome.error);
}

void world_must_fail(Way way, const char *part, const char *other_part)
{
    Outcome outcome;
    world_ask(way, 100, &outcome);
    world_wait(&outcome);
    assert_false(outcome.answered);
    if (!strstr(outcome.error, part) || !strstr(outcome.error, other_part))
        fail_msg("\"%s\" lacks \"%s\" or \"%s\"", outcome.error, part, other_part);
}

void world_advance(int64_t by_ns)
{
    test_clock_advance(world.simulated ? &world.net.clock : &world.clock, by_ns);
    for (int i = 0; i < 20; i++)
        loop_step(world.loop, 0);
}
