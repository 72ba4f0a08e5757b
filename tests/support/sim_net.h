/* sim_net.h - a network in memory, driven by one seed: the Sockets of a whole test.
 *
 * Reads and writes move as many bytes as the dice say, readiness is told in any order and sometimes
 * late, and connections break when `reset_in` says so. Time is a TestClock that jumps when nothing
 * is ready, to the moment the loop waits for. The same seed gives the same run: `events` and `hash`
 * sum up what happened. One loop and one thread.
 */
#ifndef TESTS_SUPPORT_SIM_NET_H
#define TESTS_SUPPORT_SIM_NET_H

#include "base/clock.h"
#include "base/random.h"
#include "net/socket.h"

enum { SIM_SOCKETS = 512, SIM_PIPE = 8192 };

typedef struct SimSocket {
    enum { SIM_FREE, SIM_LISTENER, SIM_OPEN } kind;
    uint16_t port;        /* a listener's */
    int peer;             /* index, or -1: closed */
    int listener;         /* of one that has not been accepted yet: whose; else -1 */
    int refused;          /* errno of the connect */
    bool reset;           /* broken */
    bool peer_ended;      /* the peer writes no more */
    char bytes[SIM_PIPE]; /* sent to this socket, not yet read */
    size_t first, count;
    bool watched;
    unsigned wanted;
    void *watcher;
} SimSocket;

typedef struct SimNet {
    Sockets sockets;
    Poller poller;
    TestClock clock;
    Random random;
    uint64_t reset_in; /* one of so many reads and writes breaks its connection; 0: none */
    bool woken;
    uint64_t events, hash;
    SimSocket all[SIM_SOCKETS];
} SimNet;

void sim_net_init(SimNet *net, uint64_t seed, uint64_t reset_in);
size_t sim_net_open(const SimNet *net); /* sockets that nobody has closed */

#endif
