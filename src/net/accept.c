/* accept.c - a server's new connections, and what happens when there is no room for them.
 *
 * Room runs out in three ways. In none of them is anybody left in the kernel's queue, where a
 * client waits without a word:
 *
 *   connections, memory      who has been idle longest gives way to the newcomer; when nobody is
 *                            idle, the newcomer is told 503
 *   descriptors, nearly      likewise: the process' last ones are for files, and for connections
 *                            that we make ourselves
 *   descriptors, altogether  a spare one is closed, so that the newcomer can be accepted and told
 *                            503, and opened again; if even that fails, accepting pauses
 *
 * Idle is who has nothing under way: what closes is a connection that any client opens again when
 * it needs one.
 */
#include "net/server_internal.h"

#include <errno.h>

enum {
    ACCEPTS_PER_EVENT = 64,                       /* so that a storm does not hold the loop */
    ACCEPT_PAUSE_NS = 100 * (int)NANOS_PER_MILLI, /* when descriptors run out */
    DESCRIPTORS_KEPT = 64,                        /* or a quarter, if that is less */
    LOOKS_FOR_IDLE = 64,                          /* busy ones found on the way go to the front */
    DISCARDS = 16,                                /* of 1 KiB */
};

/* ---- no room ---- */

/* Whoever is too many is told so in HTTP/1.1; a client of HTTP/2 or TLS sees a connection that
 * closes. What it has sent already is read, or the kernel's reset would overtake the answer. */
static void turn_away(Server *server, int fd)
{
    static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\n"
                               "content-length: 0\r\nconnection: close\r\n\r\n";
    char discarded[1024];
    Sockets *sockets = loop_sockets(server->loop);
    server->counts.connections_refused++;
    for (int i = 0; i < DISCARDS; i++)
        if (sockets->read(sockets, fd, discarded, sizeof discarded) <= 0)
            break;
    if (!server->tls)
        sockets->write(sockets, fd, busy, sizeof busy - 1);
    sockets->close(sockets, fd);
}

/* False: nobody is idle, as far as we looked. */
static bool close_idlest(Server *server)
{
    for (int i = 0; i < LOOKS_FOR_IDLE && server->last_connection; i++) {
        Connection *connection = server->last_connection;
        if (connection_is_idle(connection)) {
            server->counts.connections_evicted++;
            connection->protocol->expired(connection->talk); /* HTTP/2 says GOAWAY */
            connection_close(connection);
            return true;
        }
        connection_refresh(connection);
    }
    return false;
}

static bool is_crowded(const Server *server, int fd)
{
    Sockets *sockets = loop_sockets(server->loop);
    int most = sockets->descriptors_max(sockets);
    int kept = most / 4 < DESCRIPTORS_KEPT ? most / 4 : DESCRIPTORS_KEPT;
    return server->counts.connections_open >= server->limits.connections || fd >= most - kept;
}

static void admit(Server *server, int fd, const Address *peer)
{
    if (is_crowded(server, fd) && !close_idlest(server)) {
        turn_away(server, fd);
        return;
    }
    if (!connection_accept(server, fd, peer) &&
        (!close_idlest(server) || !connection_accept(server, fd, peer)))
        turn_away(server, fd);
}

/* ---- no descriptor ---- */

static void keep_spare(Server *server)
{
    Sockets *sockets = loop_sockets(server->loop);
    if (server->spare < 0)
        server->spare = sockets->spare(sockets);
}

static void drop_spare(Server *server)
{
    Sockets *sockets = loop_sockets(server->loop);
    if (server->spare >= 0)
        sockets->close(sockets, server->spare);
    server->spare = -1;
}

static void pause_accepting(Server *server)
{
    Err err = { 0 };
    if (loop_want(server->loop, &server->listener, 0, &err))
        timer_set(server->loop, &server->accept_again, loop_now(server->loop) + ACCEPT_PAUSE_NS);
}

/* Gives the spare one for one newcomer. False: no more for now. */
static bool shed_one(Server *server)
{
    Sockets *sockets = loop_sockets(server->loop);
    Address peer;
    int fd = -EMFILE;
    if (server->spare >= 0) {
        drop_spare(server);
        fd = sockets->accept(sockets, server->listener.fd, &peer);
    }
    if (fd >= 0)
        turn_away(server, fd);
    else if (fd != -EAGAIN) /* the kernel says EMFILE before it looks whether somebody is there */
        pause_accepting(server);
    keep_spare(server);
    return fd >= 0;
}

static void accept_resumes(void *owner)
{
    Server *server = owner;
    Err err = { 0 };
    if (!loop_want(server->loop, &server->listener, SOCKET_READ, &err))
        timer_set(server->loop, &server->accept_again, loop_now(server->loop) + ACCEPT_PAUSE_NS);
}

/* ---- accepting ---- */

/* False: no more for now. */
static bool accept_one(Server *server)
{
    Address peer;
    Sockets *sockets = loop_sockets(server->loop);
    int fd = sockets->accept(sockets, server->listener.fd, &peer);
    switch (fd) {
    case -EAGAIN: return false;
    case -EMFILE:
    case -ENFILE: return shed_one(server);
    case -ENOMEM:
    case -ENOBUFS: pause_accepting(server); return false;
    default: break;
    }
    if (fd >= 0) /* else this one has gone meanwhile; others may be there */
        admit(server, fd, &peer);
    return true;
}

static void accept_ready(void *owner, unsigned ready)
{
    (void)ready;
    Server *server = owner;
    keep_spare(server);
    for (int i = 0; i < ACCEPTS_PER_EVENT && server->listener.watched && accept_one(server);)
        i++;
}

bool accept_start(Server *server, int listener, Err *err)
{
    server->listener = (Watch){ .ready = accept_ready, .owner = server };
    server->accept_again = (Timer){ .fire = accept_resumes, .owner = server };
    server->spare = -1;
    if (!loop_watch(server->loop, &server->listener, listener, SOCKET_READ, err))
        return false;
    keep_spare(server);
    return true;
}

void accept_stop(Server *server)
{
    if (!server->listener.watched)
        return;
    loop_forget(server->loop, &server->listener);
    timer_cancel(server->loop, &server->accept_again);
    drop_spare(server);
    Sockets *sockets = loop_sockets(server->loop);
    sockets->close(sockets, server->listener.fd);
}
