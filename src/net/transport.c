/* transport.c - a connected socket as bytes in and bytes out; see transport_internal.h. */
#include "net/transport_internal.h"

#include <errno.h>

enum {
    READ_SIZE = 32 * 1024,
    READS_PER_EVENT = 4,   /* so that one busy peer does not hold the loop */
    WRITES_PER_EVENT = 16, /* likewise */
    KEPT_CAPACITY = 4096,
};

static void end(Transport *transport, const Err *err)
{
    if (!transport->open)
        return;
    transport_close(transport);
    transport->events->ended(transport->owner, err);
}

/* Tells the loop what we wait for now. */
static void rewatch(Transport *transport, bool writing)
{
    unsigned wanted = (transport->deaf ? 0U : SOCKET_READ) | (writing ? SOCKET_WRITE : 0U);
    Err err = { 0 };
    if (!loop_want(transport->loop, &transport->watch, wanted, &err))
        end(transport, &err);
}

/* ---- sending ---- */

static bool refill(Transport *transport)
{
    if (transport->out_sent < transport->out.len)
        return true;
    buf_clear(&transport->out);
    transport->out_sent = 0;
    transport->events->fill(transport->owner, &transport->out);
    Err err = { 0 };
    if (transport->open && !buf_ok(&transport->out, &err))
        end(transport, &err);
    return transport->open && transport->out.len > 0;
}

/* One write. False when the peer takes no more for now, or the connection broke. */
static bool write_some(Transport *transport)
{
    Sockets *sockets = loop_sockets(transport->loop);
    ssize_t n =
        sockets->write(sockets, transport->watch.fd, transport->out.ptr + transport->out_sent,
                       transport->out.len - transport->out_sent);
    if (n >= 0) {
        transport->out_sent += (size_t)n;
        transport->bytes_out += (uint64_t)n;
        return true;
    }
    if (n == -EINTR)
        return true;
    if (n != -EAGAIN) { /* reading will say what happened, after the answer that may be there */
        transport->mute = true;
        transport->deaf = false;
        buf_clear(&transport->out);
        transport->out_sent = 0;
    }
    return false;
}

static bool transport_has_pending(const Transport *transport);

/* Every byte that the peer took starts its patience anew. */
static void note_stall(Transport *transport, bool progress)
{
    bool pending = transport_has_pending(transport);
    if (pending && (progress || !transport->stalled))
        transport->stalled_since_ns = loop_now(transport->loop);
    transport->stalled = pending;
}

void transport_send(Transport *transport)
{
    uint64_t before = transport->bytes_out;
    if (!transport->open || transport->busy || transport->mute)
        return;
    transport->busy = true; /* fill() may cause further calls: this loop serves them */
    bool more = refill(transport);
    for (int i = 0; more && i < WRITES_PER_EVENT; i++)
        more = write_some(transport) && refill(transport);
    transport->busy = false;
    note_stall(transport, transport->bytes_out != before);
    if (!transport_has_pending(transport) && transport->out.cap > KEPT_CAPACITY)
        buf_free(&transport->out); /* thousands of idle connections shall not keep it */
    if (transport->open)
        rewatch(transport, transport_has_pending(transport));
    if (transport->open)
        transport->events->settled(transport->owner);
}

static bool transport_has_pending(const Transport *transport)
{
    return transport->out_sent < transport->out.len;
}

/* ---- receiving ---- */

/* One read. False when there is no more for now, or the connection is over. */
static bool read_some(Transport *transport)
{
    char bytes[READ_SIZE];
    Sockets *sockets = loop_sockets(transport->loop);
    ssize_t n = sockets->read(sockets, transport->watch.fd, bytes, sizeof bytes);
    Err err = { 0 };
    if (n > 0) {
        transport->bytes_in += (uint64_t)n;
        transport->events->received(transport->owner, (Str){ bytes, (size_t)n });
        return transport->open && !transport->deaf && (size_t)n == sizeof bytes;
    }
    if (n == -EAGAIN || n == -EINTR)
        return false;
    if (n == 0)
        fail(&err, ERR_CLOSED, "the peer closed the connection");
    else
        fail_errno(&err, (int)-n, "receiving");
    end(transport, &err);
    return false;
}

static void ready(void *owner, unsigned what)
{
    Transport *transport = owner;
    if (what & SOCKET_READ) {
        transport->busy = true; /* answers to all that was read leave together */
        for (int i = 0; i < READS_PER_EVENT && read_some(transport);)
            i++;
        transport->busy = false;
    }
    transport_send(transport);
}

void transport_pause(Transport *transport, bool pause)
{
    if (!transport->open || transport->mute || transport->deaf == pause)
        return;
    transport->deaf = pause;
    rewatch(transport, transport_has_pending(transport));
}

/* ---- life ---- */

bool transport_open(Transport *transport, Loop *loop, int fd, Err *err)
{
    transport->loop = loop;
    transport->out = BUF(TRANSPORT_OUT_MAX);
    transport->watch = (Watch){ .ready = ready, .owner = transport };
    transport->open = loop_watch(loop, &transport->watch, fd, SOCKET_READ, err);
    if (!transport->open)
        loop_sockets(loop)->close(loop_sockets(loop), fd);
    return transport->open;
}

void transport_finish(Transport *transport)
{
    Sockets *sockets = loop_sockets(transport->loop);
    if (transport->open)
        sockets->shutdown_write(sockets, transport->watch.fd);
}

void transport_close(Transport *transport)
{
    if (!transport->open)
        return;
    Sockets *sockets = loop_sockets(transport->loop);
    transport->open = false;
    loop_forget(transport->loop, &transport->watch);
    sockets->close(sockets, transport->watch.fd);
    buf_free(&transport->out);
}
