/* Servers and clients of both kinds over a network that one seed drives: whatever is cut, delayed
 * or broken, every call is told its outcome once, what was answered is right, nothing is left. */
#include "net/grpc_client.h"
#include "net/http_client.h"
#include "net/server.h"
#include "support/sim_net.h"
#include "support/starve.h"

#include <errno.h>
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
    Loop *loop;
    Server *server;
    GrpcClient *grpc;
    HttpClient *http;
    int handled;
} World;

typedef struct Delayed {
    Timer timer;
    Request *request;
    World *world;
} Delayed;

typedef struct Outcome {
    size_t size; /* of what was sent */
    int told;
    bool answered;
} Outcome;

static char letter(size_t size, size_t i)
{
    return (char)('a' + (size + i) % 26);
}

/* ---- the server: every answer comes at a time of its own ---- */

static void answer_now(void *owner)
{
    Delayed *delayed = owner;
    Request *request = delayed->request;
    delayed->request = NULL;
    Buf body = request_take_body(request);
    if (request_is_grpc(request)) {
        request_answer_grpc(request, &body);
        return;
    }
    Answer answer = { .status = 200, .body = body };
    request_answer(request, &answer);
}

static Delayed delays[4 * CALLS];

static void handle(void *owner, Request *request)
{
    World *world = owner;
    Delayed *delayed = &delays[world->handled++ % (int)COUNT_OF(delays)];
    assert_null(delayed->request);
    *delayed = (Delayed){ .request = request, .world = world };
    delayed->timer = (Timer){ .fire = answer_now, .owner = delayed };
    int64_t wait = (int64_t)random_below(&world->net.random, 3000) * NANOS_PER_MILLI;
    timer_set(world->loop, &delayed->timer, loop_now(world->loop) + wait);
}

static void answer_all_delayed(World *world)
{
    for (size_t i = 0; i < COUNT_OF(delays); i++) {
        if (!delays[i].request)
            continue;
        timer_cancel(world->loop, &delays[i].timer);
        answer_now(&delays[i]);
    }
}

/* ---- the clients ---- */

static void check_answer(Outcome *outcome, Str body)
{
    outcome->answered = true;
    assert_int_equal(body.len, outcome->size);
    for (size_t i = 0; i < body.len; i++)
        assert_int_equal(body.ptr[i], letter(body.len, i));
}

static void grpc_done(void *owner, GrpcReply *reply, const Err *err)
{
    Outcome *outcome = owner;
    outcome->told++;
    if (!err && reply->code == GRPC_OK)
        check_answer(outcome, reply->message);
}

static void http_done(void *owner, HttpResponse *response, const Err *err)
{
    Outcome *outcome = owner;
    outcome->told++;
    if (!err && response->status == 200)
        check_answer(outcome, response->body);
}

static Buf body_of(World *world, Outcome *outcome)
{
    Buf body = BUF(BODY_MAX);
    outcome->size = random_below(&world->net.random, BODY_MAX);
    for (size_t i = 0; i < outcome->size; i++)
        buf_add_byte(&body, letter(outcome->size, i));
    return body;
}

static void ask(World *world, Outcome *outcome)
{
    Err err = { 0 };
    *outcome = (Outcome){ 0 };
    Buf body = body_of(world, outcome);
    bool gzip = random_below(&world->net.random, 2);
    GrpcCall call = { .path = STR("/s/M"),
                      .message = body,
                      .encoding = gzip ? encoding_find(ENCODING_GRPC, STR("gzip")) : NULL,
                      .done = grpc_done,
                      .owner = outcome };
    HttpCall post = { .method = STR("POST"),
                      .target = STR("/p"),
                      .body = body,
                      .encoding = gzip ? encoding_find(ENCODING_HTTP, STR("gzip")) : NULL,
                      .done = http_done,
                      .owner = outcome };
    bool taken = random_below(&world->net.random, 2) ? grpc_client_call(world->grpc, &call, &err)
                                                     : http_client_send(world->http, &post, &err);
    assert_true(taken);
}

/* ---- a whole life ---- */

static void begin(World *world, uint64_t seed, uint64_t reset_in)
{
    Err err = { 0 };
    memset(delays, 0, sizeof delays);
    world->handled = 0;
    sim_net_init(&world->net, seed, reset_in);
    world->loop = loop_new(&world->net.clock.base, &world->net.sockets, &err);
    assert_non_null(world->loop);
    ServerSettings settings = { .loop = world->loop, .endpoint = STR("127.0.0.1:4317") };
    const Route route = { STR("/p"), STR("POST"), handle, world, 0 };
    const GrpcRoute grpc_route = { STR("/s/M"), handle, world, 0 };
    world->server = server_new(&settings, &err);
    assert_true(world->server && server_route(world->server, &route, &err) &&
                server_grpc_route(world->server, &grpc_route, &err) &&
                server_listen(world->server, &err));
    GrpcClientSettings grpc = { .loop = world->loop, .endpoint = STR("localhost:4317") };
    HttpClientSettings http = { .loop = world->loop, .url = STR("http://localhost:4317") };
    world->grpc = grpc_client_new(&grpc, &err);
    world->http = http_client_new(&http, &err);
    assert_true(world->grpc && world->http);
}

static void set_flag(void *owner)
{
    *(bool *)owner = true;
}

/* Drains the server while calls are under way, then takes everything down. */
static void end(World *world)
{
    bool drained = false;
    server_drain(world->server, loop_now(world->loop) + 60 * NANOS_PER_SECOND, set_flag, &drained);
    http_client_free(world->http);
    grpc_client_free(world->grpc);
    for (int i = 0; i < 100000 && !drained; i++)
        loop_step(world->loop, NANOS_PER_SECOND);
    assert_true(drained);
    server_free(world->server);
    answer_all_delayed(world);
    loop_free(world->loop);
    assert_int_equal(sim_net_open(&world->net), 0);
}

static World world;

static uint64_t live_once(uint64_t seed, uint64_t reset_in, size_t *answered)
{
    Outcome outcomes[CALLS];
    long before = starve_live();
    begin(&world, seed, reset_in);
    for (size_t i = 0; i < CALLS; i++) {
        ask(&world, &outcomes[i]);
        for (uint64_t turns = random_below(&world.net.random, 20); turns > 0; turns--)
            loop_step(world.loop, NANOS_PER_MILLI);
    }
    for (int i = 0; i < 20000 && loop_now(world.loop) < 9 * NANOS_PER_SECOND; i++)
        loop_step(world.loop, NANOS_PER_SECOND / 10);
    end(&world);
    for (size_t i = 0; i < CALLS; i++) {
        assert_int_equal(outcomes[i].told, 1);
        *answered += outcomes[i].answered;
    }
    assert_int_equal(starve_live(), before);
    return world.net.hash ^ world.net.events;
}

static void without_resets_every_call_is_answered(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 40; seed++) {
        size_t answered = 0;
        live_once(seed, 0, &answered);
        if (answered != CALLS)
            fail_msg("seed %llu: %zu of %d answered", (unsigned long long)seed, answered, CALLS);
    }
}

static void with_resets_every_call_is_told_once(void **state)
{
    (void)state;
    size_t answered = 0;
    for (uint64_t seed = 0; seed < 80; seed++)
        live_once(seed, 50 + 40 * (seed % 10), &answered);
    assert_true(answered > 0);
}

static void the_same_seed_is_the_same_run(void **state)
{
    (void)state;
    size_t answered = 0;
    for (uint64_t seed = 0; seed < 5; seed++)
        assert_int_equal(live_once(seed, 200, &answered), live_once(seed, 200, &answered));
}

static int exhausted_calls;
static int (*real_accept)(Sockets *sockets, int listener, Address *peer);

static int accept_without_descriptors(Sockets *sockets, int listener, Address *peer)
{
    if (exhausted_calls-- > 0)
        return exhausted_calls % 2 ? -EMFILE : -ENOMEM;
    return real_accept(sockets, listener, peer);
}

/* Readiness alone would make the loop spin; instead it waits a while and asks again. */
static void a_server_without_descriptors_waits_for_some(void **state)
{
    (void)state;
    Outcome outcome;
    begin(&world, 1, 0);
    real_accept = world.net.sockets.accept;
    world.net.sockets.accept = accept_without_descriptors;
    exhausted_calls = 5;
    ask(&world, &outcome);
    int steps = 0;
    for (; steps < 500 && !outcome.told; steps++)
        loop_step(world.loop, NANOS_PER_SECOND);
    assert_true(outcome.answered);
    assert_true(loop_now(world.loop) >= 500 * NANOS_PER_MILLI);
    end(&world);
}

int main(void)
{
    starve_after(-1); /* for its count of what is alive */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_resets_every_call_is_answered),
        cmocka_unit_test(with_resets_every_call_is_told_once),
        cmocka_unit_test(the_same_seed_is_the_same_run),
        cmocka_unit_test(a_server_without_descriptors_waits_for_some),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
