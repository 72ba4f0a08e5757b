/* machine.h - one collector with its disk, on the simulated network: started, stopped, killed, cut
 * off from its power.
 *
 * The graph is stepped, so everything happens on the caller's thread. Each machine has its own view
 * of the network: when its process has died its sockets are gone, whatever the code that takes it
 * down still tries to say. Each time a process ends, its account is audited: every acknowledgement
 * settled, received = sent + dropped for every component, what one has sent the next has received.
 */
#ifndef TESTS_SIM_MACHINE_H
#define TESTS_SIM_MACHINE_H

#include "support/sim_net.h"
#include "support/test_disk.h"

#include "model/signal.h"
#include "pipe/component.h"
#include "pipe/graph.h"

typedef struct Machine Machine;

typedef struct HostDoor { /* the network as one machine sees it */
    Sockets base;
    Machine *machine;
} HostDoor;

enum { MACHINE_CONFIGS_MAX = 32 }; /* as many as it has components, and one more */

struct Machine {
    const char *name;
    int host; /* SimSocket.host, from 1 */
    const ComponentType *const *registry;
    SimNet *net;
    TestDisk *disk;
    Random random;
    HostDoor door;
    struct MachineConfig {
        Arena *arena; /* NULL: free */
        const ServiceConfig *config;
    } configs[MACHINE_CONFIGS_MAX]; /* of which the graph uses something */
    Graph *graph;                   /* NULL: does not run */
    bool dead;                      /* the process is gone, its code is only being taken down */
    uint64_t lost_by_reload;        /* items: everything has an heir, so there should be none */
    bool disk_failed;               /* the test made it fail, at any time */
    uint64_t exporter_sent[SIGNAL_COUNT]; /* by all processes that have ended */
    void (*idle)(void *context);          /* while it drains: the rest of the world goes on */
    void *idle_context;
};

typedef enum Death { DEATH_KILL, DEATH_CUT, DEATH_TEAR } Death;

void machine_init(Machine *machine, uint64_t seed);
void machine_done(Machine *machine); /* it does not run */

CHECKED bool machine_start(Machine *machine, Str yaml, Err *err);
/* Takes over another configuration while it runs. What that gives up is in lost_by_reload. */
CHECKED ReloadResult machine_reload(Machine *machine, Str yaml, int64_t drain_ns, Err *err);
/* At most so many turns of its loops. Only in here memory may run out (support/starve.h). */
void machine_turn(Machine *machine, unsigned turns_max);
/* Drains and stops. False: the account does not add up, err says where. */
CHECKED bool machine_stop(Machine *machine, int64_t drain_ns, bool *drained, Err *err);
/* The process dies; with the power cut peers hear nothing any more, else a reset. */
CHECKED bool machine_die(Machine *machine, Death how, Err *err);

/* How many items a component of this kind has sent, over all its lives. */
uint64_t machine_exported(Machine *machine, Signal signal);

#endif
