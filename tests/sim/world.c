/* world.c - see world.h. */
#include "sim/world.h"

#include "net/grpc_client.h"
#include "net/http_client.h"
#include "otlp/batch.h"
#include "otlp/rpc.h"
#include "sim/doors.h"
#include "sim/fiber.h"
#include "support/make_batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    REST_MAX = 20000, /* callbacks in a row; more is a loop that never rests */
    ANSWER_MS = 3000,
    APP_HOST = 3,
};

static void must_do(bool ok)
{
    if (!ok)
        abort();
}

void padding(char kind, uint64_t n, char out[PADDING_MAX + 1])
{
    uint64_t mixed = (n + 1) * UINT64_C(0x9E3779B97F4A7C15) + (uint64_t)kind;
    size_t len = (size_t)((mixed >> 20) % PADDING_MAX);
    if (mixed >> 62)
        len %= 40;
    for (size_t i = 0; i < len; i++)
        out[i] = (char)('a' + (mixed + i * (mixed >> 56)) % 26);
    out[len] = 0;
}

/* ---- clients --------------------------------------------------------------------------------- */

static void hear(Sent *sent, Told told)
{
    must_do(!sent->answered);
    sent->answered = true;
    sent->told = told;
    sent->told_mono_ns = sent->world->net->clock.mono;
}

/* An OK may say that some items were not taken. */
static Told success(Str body)
{
    ExportAnswer answer;
    Err err = { 0 };
    must_do(export_answer_read(body, &answer, &err));
    return answer.rejected ? TOLD_PARTLY : TOLD_OK;
}

static void http_says(void *owner, HttpResponse *response, const Err *err)
{
    hear(owner, err ? TOLD_NOTHING : response->status == 200 ? success(response->body) : TOLD_NO);
}

static void grpc_says(void *owner, GrpcReply *reply, const Err *err)
{
    hear(owner, err ? TOLD_NOTHING : reply->code == GRPC_OK ? success(reply->message) : TOLD_NO);
}

static Buf message(const World *world, const Sent *sent)
{
    char words[2 * PADDING_MAX], pad[PADDING_MAX + 1];
    Err err = { 0 };
    size_t number = (size_t)(sent - world->requests);
    padding('q', number, pad);
    int len = snprintf(words, sizeof words, "{service.name=client pad='%s'}", pad);
    for (unsigned i = 0; i < sent->items; i++)
        len += snprintf(words + len, sizeof words - (size_t)len, " q%zu-%u", number, i);
    Batch *batch = make_batch(sent->signal, str_from(words), &err);
    must_do(batch != NULL);
    Buf bytes = BUF(1 << 16);
    buf_add(&bytes, batch_bytes(batch));
    must_do(!bytes.failed);
    batch_unref(batch);
    return bytes;
}

static void post(HttpClient *client, Sent *sent, Buf *bytes, bool gzip)
{
    static const HttpField fields[] = { { STR_ROW("content-type"),
                                          STR_ROW("application/x-protobuf") } };
    Err err = { 0 };
    HttpCall call = { .method = STR("POST"),
                      .target = otlp_http_path(sent->signal),
                      .fields = fields,
                      .field_count = COUNT_OF(fields),
                      .body = *bytes,
                      .encoding = gzip ? encoding_find(ENCODING_HTTP, STR("gzip")) : NULL,
                      .timeout_ns = ANSWER_MS * NANOS_PER_MILLI,
                      .done = http_says,
                      .owner = sent };
    must_do(http_client_send(client, &call, &err));
}

static void call(GrpcClient *client, Sent *sent, Buf *bytes, bool gzip)
{
    Err err = { 0 };
    GrpcCall call = { .path = otlp_grpc_path(sent->signal),
                      .message = *bytes,
                      .encoding = gzip ? encoding_find(ENCODING_GRPC, STR("gzip")) : NULL,
                      .timeout_ns = ANSWER_MS * NANOS_PER_MILLI,
                      .done = grpc_says,
                      .owner = sent };
    must_do(grpc_client_call(client, &call, &err));
}

void world_send(World *world, Signal signal, bool to_gateway, bool by_grpc)
{
    if (world->request_count == REQUESTS_MAX)
        return;
    Sent *sent = &world->requests[world->request_count++];
    *sent =
        (Sent){ .world = world, .signal = signal, .to_gateway = to_gateway, .by_grpc = by_grpc };
    sent->items = 1 + (unsigned)random_below(&world->random, REQUEST_ITEMS_MAX);
    bool gzip = random_below(&world->random, 2);
    Buf bytes = message(world, sent);
    void *client = world->clients[2 * to_gateway + !by_grpc].client;
    if (by_grpc)
        call(client, sent, &bytes, gzip);
    else
        post(client, sent, &bytes, gzip);
}

bool world_all_answered(const World *world)
{
    for (size_t i = 0; i < world->request_count; i++)
        if (!world->requests[i].answered)
            return false;
    return true;
}

static void client_new(World *world, Client *client)
{
    char address[64];
    Err err = { 0 };
    snprintf(address, sizeof address, "%s127.0.0.1:%u", client->grpc ? "" : "http://",
             client->port);
    if (client->grpc)
        client->client = grpc_client_new(&(GrpcClientSettings){ .loop = world->outside,
                                                                .endpoint = str_from(address) },
                                         &err);
    else
        client->client = http_client_new(&(HttpClientSettings){ .loop = world->outside,
                                                                .url = str_from(address) },
                                         &err);
    must_do(client->client != NULL);
}

static void client_free(Client *client)
{
    if (client->grpc)
        grpc_client_free(client->client);
    else
        http_client_free(client->client);
}

/* ---- turns ----------------------------------------------------------------------------------- */

static void outside_turns(World *world)
{
    int left = REST_MAX;
    while (loop_step(world->outside, 0))
        must_do(--left > 0);
}

static void time_passes(World *world)
{
    int64_t step = world->hurried ? 10 : random_below(&world->random, 20) ? 1 : 15;
    test_clock_advance(&world->net->clock, step * NANOS_PER_MILLI);
}

/* Everyone works a little, in an order of the seed's; then time passes. */
void world_turn(World *world)
{
    unsigned first = (unsigned)random_below(&world->random, 4);
    for (unsigned i = 0; i < 4; i++) {
        unsigned most = world->hurried ? 1000 : 1 + (unsigned)random_below(&world->random, 12);
        switch ((first + i) % 4) {
        case 0: machine_turn(&world->edge, most); break;
        case 1: machine_turn(&world->gateway, most); break;
        case 2: outside_turns(world); break;
        default: fiber_turn(); break;
        }
    }
    world->turns++;
    time_passes(world);
}

/* While one machine drains, it turns itself. */
static void while_edge_drains(void *context)
{
    World *world = context;
    machine_turn(&world->gateway, 100);
    outside_turns(world);
    fiber_turn();
    test_clock_advance(&world->net->clock, 2 * NANOS_PER_MILLI);
}

static void while_gateway_drains(void *context)
{
    World *world = context;
    machine_turn(&world->edge, 100);
    outside_turns(world);
    fiber_turn();
    test_clock_advance(&world->net->clock, 2 * NANOS_PER_MILLI);
}

/* ---- begin and end --------------------------------------------------------------------------- */

void world_init(World *world, uint64_t seed, const ComponentType *const *registry)
{
    Err err = { 0 };
    *world = (World){ .edge = { .name = "edge", .host = 1, .idle = while_edge_drains },
                      .gateway = { .name = "gateway", .host = 2, .idle = while_gateway_drains },
                      .clients = { { .port = EDGE_GRPC, .grpc = true },
                                   { .port = EDGE_HTTP },
                                   { .port = GATEWAY_GRPC, .grpc = true },
                                   { .port = GATEWAY_HTTP } } };
    random_seed(&world->random, seed);
    world->net = calloc(1, sizeof *world->net);
    world->requests = calloc(REQUESTS_MAX, sizeof *world->requests);
    must_do(world->net && world->requests);
    sim_net_init(world->net, random_next(&world->random), 0);
    test_clock_advance(&world->net->clock, INT64_C(1750000000) * NANOS_PER_SECOND);
    Machine *machines[] = { &world->edge, &world->gateway };
    for (size_t i = 0; i < COUNT_OF(machines); i++) {
        machines[i]->net = world->net;
        machines[i]->registry = registry;
        machines[i]->idle_context = world;
        machine_init(machines[i], random_next(&world->random));
    }
    doors_open(world->net, random_next(&world->random), APP_HOST);
    world->outside = loop_new(&world->net->clock.base, &world->net->sockets, &err);
    must_do(world->outside != NULL);
    for (size_t i = 0; i < COUNT_OF(world->clients); i++)
        client_new(world, &world->clients[i]);
}

size_t world_done(World *world)
{
    for (size_t i = 0; i < COUNT_OF(world->clients); i++)
        client_free(&world->clients[i]);
    loop_free(world->outside);
    doors_close();
    size_t open = sim_net_open(world->net);
    machine_done(&world->edge);
    machine_done(&world->gateway);
    free(world->requests);
    free(world->net);
    world->net = NULL;
    return open;
}
