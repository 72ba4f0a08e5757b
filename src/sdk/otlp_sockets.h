/* otlp_sockets.h - the kernel's sockets, with a list of those that are open.
 *
 * The child of a fork closes them from this list, without a word to the peer: the connections are
 * the parent's, and a goodbye on them would be a lie.
 */
#ifndef SDK_OTLP_SOCKETS_H
#define SDK_OTLP_SOCKETS_H

#include "net/socket.h"

enum { TRACKED_MAX = 16 }; /* a client has one or two; what is beyond is closed by exec or exit */

typedef struct TrackedSockets {
    Sockets base;
    int fds[TRACKED_MAX]; /* -1: free */
} TrackedSockets;

void tracked_sockets_init(TrackedSockets *sockets);
void tracked_sockets_abandon(TrackedSockets *sockets);

#endif
