/* otlp_sockets.c - sockets that are counted; see otlp_sockets.h. */
#include "sdk/otlp_sockets.h"

#include <unistd.h>

static void track(TrackedSockets *sockets, int have, int put)
{
    for (size_t i = 0; i < TRACKED_MAX; i++) {
        if (sockets->fds[i] != have)
            continue;
        sockets->fds[i] = put;
        return;
    }
}

static int tracked_connect(Sockets *base, const Address *address)
{
    int fd = sockets_system()->connect(sockets_system(), address);
    if (fd >= 0)
        track((TrackedSockets *)(void *)base, -1, fd);
    return fd;
}

static void tracked_close(Sockets *base, int fd)
{
    track((TrackedSockets *)(void *)base, fd, -1);
    sockets_system()->close(sockets_system(), fd);
}

/* The other calls need no knowledge of the list; the system's table does not look at itself. */
void tracked_sockets_init(TrackedSockets *sockets)
{
    sockets->base = *sockets_system();
    sockets->base.connect = tracked_connect;
    sockets->base.close = tracked_close;
    for (size_t i = 0; i < TRACKED_MAX; i++)
        sockets->fds[i] = -1;
}

void tracked_sockets_abandon(TrackedSockets *sockets)
{
    for (size_t i = 0; i < TRACKED_MAX; i++) {
        if (sockets->fds[i] >= 0)
            close(sockets->fds[i]);
        sockets->fds[i] = -1;
    }
}
