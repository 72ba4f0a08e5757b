/* sim_peer.h - the other end of a simulated connection, by hand: bytes sent and bytes received, as
 * they are. It turns the loop under test itself and never lets time pass. */
#ifndef TESTS_SUPPORT_SIM_PEER_H
#define TESTS_SUPPORT_SIM_PEER_H

#include "base/buf.h"
#include "net/loop.h"
#include "support/sim_net.h"

typedef struct SimPeer {
    SimNet *net;
    Loop *loop;
    int fd;
    bool ended; /* the other side has closed, or broken off */
    bool deaf;  /* takes nothing of what is sent to it */
    Buf got;
} SimPeer;

bool sim_peer_connect(SimPeer *peer, SimNet *net, Loop *loop, const Address *address);
int sim_peer_listen(SimNet *net, Address *out);
/* Turns the loop until somebody has come, at most 1000 times. */
bool sim_peer_accept(SimPeer *peer, SimNet *net, Loop *loop, int listener);
/* Turns the loop until nothing happens any more. How many were taken: fewer when the other side
 * takes no more, or has gone. */
size_t sim_peer_send(SimPeer *peer, Str bytes);
bool sim_peer_wait(SimPeer *peer, const char *part); /* at most 2000 turns */
bool sim_peer_wait_end(SimPeer *peer);
bool sim_peer_has(const SimPeer *peer, const char *part);
/* Time passes in steps of 100 ms, with turns in between. */
void sim_peer_pass(SimPeer *peer, int64_t seconds);
void sim_peer_close(SimPeer *peer);

#endif
