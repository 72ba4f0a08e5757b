/* sim_net.h - a network in memory, driven by one seed: the Sockets of a whole test.
 *
 * Reads and writes move as many bytes as the dice say, readiness is told in any order and sometimes
 * late, and connections break when `reset_in` says so. Time is a TestClock that jumps when nothing
 * is ready, to the moment the loop waits for (several loops: only when each waits for no time at
 * all, so that the test moves it). The same seed gives the same run: `events` and `hash` sum up
 * what happened. One thread.
 */
#ifndef TESTS_SUPPORT_SIM_NET_H
#define TESTS_SUPPORT_SIM_NET_H

#include "base/clock.h"
#include "base/random.h"
#include "net/socket.h"

enum { SIM_SOCKETS = 512, SIM_PIPE = 8192, SIM_LOOPS = 4 };

typedef struct SimNet SimNet;

typedef struct SimPoller {
    Poller base;
    SimNet *net; /* NULL: this one is free */
    bool woken;
} SimPoller;

typedef struct SimSocket {
    enum { SIM_FREE, SIM_LISTENER, SIM_OPEN, SIM_SPARE } kind;
    uint16_t port;        /* a listener's */
    int peer;             /* index, or -1: closed */
    int listener;         /* of one that has not been accepted yet: whose; else -1 */
    int refused;          /* errno of the connect */
    bool reset;           /* broken */
    bool peer_ended;      /* the peer writes no more */
    char bytes[SIM_PIPE]; /* sent to this socket, not yet read */
    size_t first, count;
    Poller *poller; /* who watches; NULL: nobody */
    unsigned wanted;
    void *watcher;
} SimSocket;

struct SimNet {
    Sockets sockets;
    SimPoller pollers[SIM_LOOPS];
    TestClock clock;
    Random random;
    uint64_t reset_in; /* one of so many reads and writes breaks its connection; 0: none */
    uint64_t events, hash;
    bool faulty;     /* the call after `fail_after` further ones fails as such a call may: */
    long fail_after; /* a port is taken, descriptors are used up, a connection breaks */
    bool failed;     /* it has */
    size_t most;     /* accept and spare answer EMFILE while so many are open; 0: never */
    SimSocket all[SIM_SOCKETS];
};

void sim_net_init(SimNet *net, uint64_t seed, uint64_t reset_in);
size_t sim_net_open(const SimNet *net); /* sockets that nobody has closed */

#endif
