/* settings.h - what a seed chooses: how the two collectors and the application are set up. */
#ifndef TESTS_SIM_SETTINGS_H
#define TESTS_SIM_SETTINGS_H

#include "sim/planted.h"
#include "sim/world.h"

#include "base/buf.h"

typedef struct Choices {
    bool calm;        /* no faults at all */
    bool delivered;   /* the edge answers only when the gateway has stored it */
    bool sync_second; /* the store syncs every second only */
    bool by_grpc;     /* from the edge to the gateway */
    bool json;        /* by HTTP: in JSON */
    bool edge_batches, resource;
    uint64_t rate; /* requests per turn, at most */
    /* Sizes; a reload chooses them anew. */
    unsigned batch_ms, batch_size, batch_max;
    unsigned gateway_batch_ms, gateway_batch_size;
    unsigned consumers, queue_size, timeout_ms;
    const char *sizer, *compression;
    bool queue, block, result;
    unsigned gather_min, gather_max, gather_ms; /* min 0: no batches in the queue */
    unsigned breaker_failures, probe_ms;        /* failures 0: no breaker */
    unsigned retry_ms, retry_max_ms, elapsed_s;
    unsigned segment_kib, reserve_kib;
} Choices;

void choose(Choices *choices, Random *random);
void choose_sizes(Choices *choices, Random *random);
void choose_app(const Choices *choices, Random *random, App *app);

void settings_of_edge(const Choices *choices, Buf *yaml);
void settings_of_gateway(const Choices *choices, Plant plant, Buf *yaml);

#endif
