/* world.h - everything that a run is made of: clock and network, two collectors, clients, and an
 * application with the library.
 *
 *     application (SDK) --OTLP--> edge :4317/:4318 --OTLP--> gateway :5317/:5318 --> store
 *     clients ------------------>                            ^
 *     clients -----------------------------------------------+
 *
 * One thread, one seed. What every client was told is remembered for the judge (judge.h). Names and
 * padding of all that is sent follow from numbers, so that the judge knows every byte.
 */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include "sim/machine.h"

enum {
    REQUESTS_MAX = 2000,
    REQUEST_ITEMS_MAX = 4,
    PADDING_MAX = 1200,
    APP_ITEMS_MAX = 4000,
    EDGE_GRPC = 4317,
    EDGE_HTTP = 4318,
    GATEWAY_GRPC = 5317,
    GATEWAY_HTTP = 5318,
};

typedef enum Told { TOLD_NOTHING, TOLD_OK, TOLD_PARTLY, TOLD_NO } Told;

/* Items 0 .. items-1 of request n are named "q<n>-<item>", their resource has pad=<padding(n)>. */
typedef struct Sent {
    struct World *world;
    Signal signal;
    unsigned items;
    bool to_gateway, by_grpc;
    bool answered;
    Told told;
    int64_t told_mono_ns;
    bool excused; /* what it brought may be lost: nobody promised more */
} Sent;

typedef struct Client { /* of one port */
    uint16_t port;
    bool grpc;
    void *client;
} Client;

/* The application: spans "s<n>" and log lines "l<n>", each with the attribute pad=<padding>. */
typedef struct App {
    const char *protocol, *compression;
    int port;
    long batch_size, queue_size, delay_ms, timeout_ms;
    Random random;
    bool begun, finish, ended;
    uint64_t spans, logs; /* ended and logged so far */
    unsigned rate;        /* at most so many at a time */
    struct World *world;
} App;

typedef struct World {
    SimNet *net;
    Random random;
    Machine edge, gateway;
    Loop *outside;
    Client clients[4]; /* edge grpc, http; gateway grpc, http */
    Sent *requests;
    size_t request_count;
    App app;
    bool hurried; /* time passes faster: nothing interesting happens */
    uint64_t turns;
} World;

void world_init(World *world, uint64_t seed, const ComponentType *const *registry);
size_t world_done(World *world); /* how many sockets were left open */

void world_turn(World *world);

void world_send(World *world, Signal signal, bool to_gateway, bool by_grpc);
bool world_all_answered(const World *world);

void app_begin(World *world); /* what app says is what it starts with */

/* The padding that item number n of such a kind ('q', 's', 'l') carries; zero-terminated. */
void padding(char kind, uint64_t n, char out[PADDING_MAX + 1]);

#endif
