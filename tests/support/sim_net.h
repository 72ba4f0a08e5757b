/* sim_net.h - a network in memory, driven by one seed: the Sockets of a whole test.
 *
 * Reads and writes move as many bytes as the dice say, readiness is told in any order and sometimes
 * late, connections break when `reset_in` says so, bytes are on their way for up to `delay_max_ns`,
 * and a connection falls silent when `silence_in` says so: both ends stay open and nothing arrives
 * any more, until sim_net_mend(). Time is a TestClock that jumps when nothing
 * is ready, to the moment the loop waits for (several loops: only when each waits for no time at
 * all, so that the test moves it). The same seed gives the same run: `events` and `hash` sum up
 * what happened. One thread.
 */
#ifndef TESTS_SUPPORT_SIM_NET_H
#define TESTS_SUPPORT_SIM_NET_H

#include "base/clock.h"
#include "base/random.h"
#include "net/socket.h"

enum { SIM_SOCKETS = 512, SIM_PIPE = 8192, SIM_LOOPS = 8 };

typedef struct SimNet SimNet;

typedef struct SimPoller {
    Poller base;
    SimNet *net; /* NULL: this one is free */
    bool woken;
} SimPoller;

typedef enum SimKind { SIM_FREE, SIM_LISTENER, SIM_OPEN, SIM_SPARE } SimKind;

typedef struct SimSocket {
    SimKind kind;
    uint16_t port;        /* a listener's */
    int peer;             /* index, or -1: closed */
    int listener;         /* of one that has not been accepted yet: whose; else -1 */
    int refused;          /* errno of the connect */
    bool reset;           /* broken */
    bool hole;            /* never ready for anything */
    bool peer_ended;      /* the peer writes no more */
    bool silent;          /* a black hole, or half open */
    size_t swallowed;     /* bytes written into it */
    int64_t ready_at_ns;  /* what was sent to this socket has not arrived before */
    int host;             /* the test's: which machine it belongs to */
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
    uint64_t reset_in;   /* one of so many reads and writes breaks its connection; 0: none */
    uint64_t silence_in; /* likewise: and silences it, a connect among them; 0: none */
    int64_t delay_max_ns;
    uint64_t events, hash;
    bool faulty;     /* the call after `fail_after` further ones fails as such a call may: */
    long fail_after; /* a port is taken, descriptors are used up, a connection breaks */
    bool failed;     /* it has */
    size_t most;     /* accept and spare answer EMFILE while so many are open; 0: never */
    int used;        /* no socket from here on has ever been open */
    SimSocket all[SIM_SOCKETS];
};

void sim_net_init(SimNet *net, uint64_t seed, uint64_t reset_in);
/* Whoever is in a silent connection learns that it is gone: the other side has answered with a
 * reset. */
void sim_net_mend(SimNet *net);
void sim_net_silence(SimNet *net, int socket); /* and its peer */
size_t sim_net_open(const SimNet *net);        /* sockets that nobody has closed */

#endif
