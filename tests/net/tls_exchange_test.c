/* Our clients against our server over TLS: over a network that one seed drives, and over real
 * sockets; runs under tsan, because the library's loading has a lock. */
#include "net/grpc_client.h"
#include "net/http_client.h"
#include "net/server.h"
#include "support/sim_net.h"
#include "support/starve.h"
#include "support/test_certs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { CALLS = 12, BODY_MAX = 40000 };

typedef struct World {
    SimNet net;
    TestClock clock;
    Loop *loop;
    TlsContext *server_tls, *client_tls;
    Server *server;
    GrpcClient *grpc;
    HttpClient *http;
    int failed_handshakes;
    char fault[256];
} World;

typedef struct Outcome {
    size_t size; /* of what was sent */
    int told;
    bool answered;
    char error[256];
} Outcome;

static World world;
static TestCert authority, good;

static void set_up_certs(void)
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
    World *w = owner;
    (void)peer;
    w->failed_handshakes++;
    memcpy(w->fault, err->text, sizeof err->text);
}

static void open_server(World *w, const TlsOptions *tls)
{
    Err err = { 0 };
    const Route route = { STR("/p"), STR("POST"), echo, w, 0 };
    const GrpcRoute grpc_route = { STR("/s/M"), echo, w, 0 };
    ServerSettings settings = { .loop = w->loop,
                                .endpoint = STR("127.0.0.1:0"),
                                .handshake_failed = handshake_failed,
                                .handshake_owner = w };
    if (tls) {
        w->server_tls = tls_context_new(tls, &err);
        if (!w->server_tls)
            fail_msg("%s", err.text);
        settings.tls = w->server_tls;
    }
    w->server = server_new(&settings, &err);
    assert_true(w->server && server_route(w->server, &route, &err) &&
                server_grpc_route(w->server, &grpc_route, &err) && server_listen(w->server, &err));
}

static void open_clients(World *w, const TlsOptions *tls)
{
    Err err = { 0 };
    char url[64];
    Address address = server_address(w->server);
    snprintf(url, sizeof url, "%s://localhost:%u", tls ? "https" : "http",
             (unsigned)address_port(&address));
    if (tls) {
        w->client_tls = tls_context_new(tls, &err);
        if (!w->client_tls)
            fail_msg("%s", err.text);
    }
    GrpcClientSettings grpc = { .loop = w->loop, .endpoint = str_from(url), .tls = w->client_tls };
    HttpClientSettings http = { .loop = w->loop, .url = str_from(url), .tls = w->client_tls };
    w->grpc = grpc_client_new(&grpc, &err);
    w->http = http_client_new(&http, &err);
    assert_true(w->grpc && w->http);
}

static TlsOptions server_options(const TestCert *cert)
{
    return (TlsOptions){ .role = TLS_SERVER,
                         .loop = world.loop,
                         .cert_pem = str_from(cert->cert),
                         .key_pem = str_from(cert->key) };
}

static TlsOptions client_options(void)
{
    return (
        TlsOptions){ .role = TLS_CLIENT, .loop = world.loop, .ca_pem = str_from(authority.cert) };
}

static void open_sim(uint64_t seed, uint64_t reset_in)
{
    Err err = { 0 };
    memset(&world, 0, sizeof world);
    sim_net_init(&world.net, seed, reset_in);
    world.loop = loop_new(&world.net.clock.base, &world.net.sockets, &err);
    assert_non_null(world.loop);
}

static void open_real(void)
{
    Err err = { 0 };
    memset(&world, 0, sizeof world);
    test_clock_init(&world.clock, 0);
    world.loop = loop_new(&world.clock.base, NULL, &err);
    assert_non_null(world.loop);
}

static void close_all(World *w)
{
    http_client_free(w->http);
    grpc_client_free(w->grpc);
    server_free(w->server);
    tls_context_free(w->client_tls);
    tls_context_free(w->server_tls);
    loop_free(w->loop);
    if (w->net.sockets.read)
        assert_int_equal(sim_net_open(&w->net), 0);
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

typedef enum Way { BY_GRPC, BY_HTTP } Way;

static void ask(World *w, Way way, size_t size, Outcome *outcome)
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
    bool taken = way == BY_GRPC ? grpc_client_call(w->grpc, &call, &err)
                                : http_client_send(w->http, &post, &err);
    assert_true(taken);
}

static void wait_for(World *w, const Outcome *outcome)
{
    for (int i = 0; i < 20000 && !outcome->told; i++)
        loop_step(w->loop, NANOS_PER_MILLI);
    assert_int_equal(outcome->told, 1);
}

static void must_answer(World *w, Way way, size_t size)
{
    Outcome outcome;
    ask(w, way, size, &outcome);
    wait_for(w, &outcome);
    if (!outcome.answered)
        fail_msg("%s", outcome.error);
}

/* ---- what works ---- */

static void both_clients_speak_tls_over_real_sockets(void **state)
{
    (void)state;
    open_real();
    TlsOptions server = server_options(&good), client = client_options();
    open_server(&world, &server);
    open_clients(&world, &client);
    for (size_t size = 0; size < 3000000; size = size * 9 + 1) {
        must_answer(&world, BY_GRPC, size);
        must_answer(&world, BY_HTTP, size);
    }
    assert_int_equal(world.failed_handshakes, 0);
    assert_int_equal(server_counts(world.server).connections_accepted, 2);
    close_all(&world);
}

static uint64_t live_once(uint64_t seed, uint64_t reset_in)
{
    Outcome outcomes[CALLS];
    uint64_t answered = 0;
    long before = starve_live();
    open_sim(seed, reset_in);
    TlsOptions server = server_options(&good), client = client_options();
    open_server(&world, &server);
    open_clients(&world, &client);
    for (size_t i = 0; i < CALLS; i++) {
        ask(&world, random_below(&world.net.random, 2) ? BY_GRPC : BY_HTTP,
            random_below(&world.net.random, BODY_MAX), &outcomes[i]);
        for (uint64_t turns = random_below(&world.net.random, 20); turns > 0; turns--)
            loop_step(world.loop, NANOS_PER_MILLI);
    }
    for (int i = 0; i < 20000 && loop_now(world.loop) < 9 * NANOS_PER_SECOND; i++)
        loop_step(world.loop, NANOS_PER_SECOND / 10);
    close_all(&world);
    for (size_t i = 0; i < CALLS; i++) {
        assert_int_equal(outcomes[i].told, 1);
        answered += outcomes[i].answered;
    }
    assert_int_equal(starve_live(), before);
    return answered;
}

static void every_call_is_answered_over_any_network(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        uint64_t answered = live_once(seed, 0);
        if (answered != CALLS)
            fail_msg("seed %llu: %llu of %d answered", (unsigned long long)seed,
                     (unsigned long long)answered, CALLS);
    }
}

static void with_resets_every_call_is_told_once(void **state)
{
    (void)state;
    uint64_t answered = 0;
    for (uint64_t seed = 0; seed < 40; seed++)
        answered += live_once(seed, 50 + 40 * (seed % 10));
    assert_true(answered > 0);
}

int main(void)
{
    starve_after(-1); /* for its count of what is alive */
    set_up_certs();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_clients_speak_tls_over_real_sockets),
        cmocka_unit_test(every_call_is_answered_over_any_network),
        cmocka_unit_test(with_resets_every_call_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
