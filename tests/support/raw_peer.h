/* raw_peer.h - the other end of a connection, by hand: bytes sent and bytes received, as they are.
 * Lives in the same thread as the loop under test, which it turns while it waits. */
#ifndef TESTS_SUPPORT_RAW_PEER_H
#define TESTS_SUPPORT_RAW_PEER_H

#include "base/buf.h"
#include "net/address.h"
#include "net/loop.h"

typedef struct RawPeer {
    Loop *loop;
    int fd;
    bool ended; /* the other side has closed */
    Buf got;
} RawPeer;

bool raw_peer_connect(RawPeer *peer, Loop *loop, const Address *address); /* blocks, on loopback */
int raw_listen(Address *out);                                  /* on a free port of loopback */
bool raw_peer_accept(RawPeer *peer, Loop *loop, int listener); /* turns the loop, at most 5 s */
void raw_peer_send(RawPeer *peer, Str bytes);        /* turns the loop as long as it takes */
void raw_peer_turn(RawPeer *peer);                   /* one turn, and takes what has come */
void raw_peer_send_slowly(RawPeer *peer, Str bytes); /* byte by byte, a turn after each */
void raw_peer_turn(RawPeer *peer); /* one turn of the loop, then takes what came */
/* Turns the loop until `part` is among what came, the other side closed, or 5 s have passed. */
bool raw_peer_wait(RawPeer *peer, const char *part);
bool raw_peer_wait_end(RawPeer *peer);
bool raw_peer_has(RawPeer *peer, const char *part);
size_t raw_peer_count(RawPeer *peer, const char *part);
void raw_peer_close(RawPeer *peer);

#endif
