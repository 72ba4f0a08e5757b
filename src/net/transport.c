/* transport.c - a connected socket as bytes in and bytes out; see transport_internal.h.
 *
 *   HANDSHAKE --tls agrees--> READY --ended, closed--> (closed)
 *       +------ it does not --> REFUSED --the peer ends, closed--> (closed)
 */
#include "net/transport_internal.h"

#include <errno.h>

enum {
    READ_SIZE = 32 * 1024,
    READS_PER_EVENT = 4,   /* so that one busy peer does not hold the loop */
    WRITES_PER_EVENT = 16, /* likewise */
    KEPT_CAPACITY = 4096,
    FORGET_MAX = 1024 * 1024, /* that a refused peer may still say */
};

/* ---- bytes, through TLS or not ---- */

static ssize_t channel_read(Transport *transport, void *out, size_t size, Err *err)
{
    Sockets *sockets = loop_sockets(transport->loop);
    if (transport->tls) {
        ssize_t n = tls_session_read(transport->tls, out, size, err);
        transport->bytes_in = tls_session_bytes_in(transport->tls);
        return n;
    }
    ssize_t n = sockets->read(sockets, transport->watch.fd, out, size);
    transport->bytes_in += n > 0 ? (uint64_t)n : 0;
    return n;
}

/* What is counted is what the socket took: of a TLS record that may be a part only. */
static ssize_t channel_write(Transport *transport, const void *bytes, size_t size)
{
    Sockets *sockets = loop_sockets(transport->loop);
    if (transport->tls) {
        ssize_t n = tls_session_write(transport->tls, bytes, size);
        transport->bytes_out = tls_session_bytes_out(transport->tls);
        return n;
    }
    ssize_t n = sockets->write(sockets, transport->watch.fd, bytes, size);
    transport->bytes_out += n > 0 ? (uint64_t)n : 0;
    return n;
}

static void end(Transport *transport, const Err *err)
{
    if (!transport->open)
        return;
    transport_close(transport);
    transport->events->ended(transport->owner, err);
}

/* Tells the loop what we wait for now. */
static bool watch_anew(Transport *transport, bool writing, Err *err)
{
    bool tls_writes = transport->tls && tls_session_wants_write(transport->tls);
    unsigned wanted =
        (transport->deaf ? 0U : SOCKET_READ) | (writing || tls_writes ? SOCKET_WRITE : 0U);
    return loop_want(transport->loop, &transport->watch, wanted, err);
}

static void rewatch(Transport *transport, bool writing)
{
    Err err = { 0 };
    if (!watch_anew(transport, writing, &err))
        end(transport, &err);
}

/* ---- sending ---- */

size_t transport_aim(const Transport *transport)
{
    return purse_has(transport->purse, TRANSPORT_FILL) ? TRANSPORT_FILL : TRANSPORT_LEAN;
}

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
    ssize_t n = channel_write(transport, transport->out.ptr + transport->out_sent,
                              transport->out.len - transport->out_sent);
    if (n >= 0) {
        transport->out_sent += (size_t)n;
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

static bool transport_has_pending(const Transport *transport)
{
    return transport->out_sent < transport->out.len;
}

void transport_send(Transport *transport)
{
    if (!transport->open || transport->busy || transport->mute ||
        transport->stage != TRANSPORT_READY)
        return;
    transport->busy = true; /* fill() may cause further calls: this loop serves them */
    bool more = refill(transport);
    for (int i = 0; more && i < WRITES_PER_EVENT; i++)
        more = write_some(transport) && refill(transport);
    transport->busy = false;
    transport->stalled = transport_has_pending(transport);
    if (!transport->stalled && transport->out.cap > KEPT_CAPACITY)
        buf_free(&transport->out); /* thousands of idle connections shall not keep it */
    if (transport->open)
        rewatch(transport, transport->stalled);
    if (transport->open)
        transport->events->settled(transport->owner);
}

/* ---- receiving ---- */

/* One read. False when there is no more for now, or the connection is over. A TLS record is less
 * than what we would take, so there only "not now" means that nothing waits. */
static bool read_some(Transport *transport)
{
    char bytes[READ_SIZE];
    Err err = { 0 };
    ssize_t n = channel_read(transport, bytes, sizeof bytes, &err);
    if (n > 0) {
        transport->events->received(transport->owner, (Str){ bytes, (size_t)n });
        return transport->open && !transport->deaf && (transport->tls || (size_t)n == sizeof bytes);
    }
    if (n == -EAGAIN || n == -EINTR)
        return false;
    if (n == 0)
        fail(&err, ERR_CLOSED, "the peer closed the connection");
    else if (!transport->tls) /* which has said why */
        fail_errno(&err, (int)-n, "receiving");
    end(transport, &err);
    return false;
}

/* Bytes inside of TLS make no socket readable. What waits there may also be the beginning of a
 * record, so this is for readers who stopped before they were told "not now". */
static void read_rest_later(Transport *transport)
{
    if (transport->open && !transport->deaf && transport->tls &&
        tls_session_has_pending(transport->tls))
        loop_post(transport->loop, &transport->again);
}

static void receive(Transport *transport)
{
    bool more = true;
    transport->busy = true; /* answers to all that was read leave together */
    for (int i = 0; i < READS_PER_EVENT && more; i++)
        more = read_some(transport);
    transport->busy = false;
    if (more)
        read_rest_later(transport);
}

static void again(void *owner)
{
    Transport *transport = owner;
    if (transport->open && !transport->deaf)
        receive(transport);
    transport_send(transport);
}

void transport_pause(Transport *transport, bool pause)
{
    Err err = { 0 };
    if (!transport->open || transport->mute || transport->deaf == pause)
        return;
    transport->deaf = pause;
    if (!watch_anew(transport, transport_has_pending(transport), &err))
        loop_post(transport->loop, &transport->again); /* its end is not the caller's to bear */
    read_rest_later(transport);
}

/* ---- agreeing on TLS ---- */

/* Whoever speaks HTTP to us is told so in its own language; else TLS has said what is wrong. */
static void refuse(Transport *transport, const Err *err)
{
    static const char text[] = "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\n"
                               "content-length: 48\r\nconnection: close\r\n\r\n"
                               "TLS is expected on this port: use https:// here\n";
    Sockets *sockets = loop_sockets(transport->loop);
    transport->stage = TRANSPORT_REFUSED;
    if (tls_session_met_http(transport->tls))
        sockets->write(sockets, transport->watch.fd, text, sizeof text - 1);
    sockets->shutdown_write(sockets, transport->watch.fd);
    transport->events->refused(transport->owner, err);
    if (transport->open)
        rewatch(transport, false);
}

static void shake_hands(Transport *transport)
{
    Err err = { 0 };
    TlsProgress progress = tls_session_handshake(transport->tls, &err);
    if (progress == TLS_FAILED) {
        refuse(transport, &err);
        return;
    }
    if (progress == TLS_DONE)
        transport->stage = TRANSPORT_READY;
    rewatch(transport, false);
    if (transport->open)
        transport->events->settled(transport->owner);
}

static void forget(Transport *transport)
{
    char bytes[4096];
    Err err = { 0 };
    Sockets *sockets = loop_sockets(transport->loop);
    ssize_t n = sockets->read(sockets, transport->watch.fd, bytes, sizeof bytes);
    if (n == -EAGAIN || n == -EINTR)
        return;
    transport->forgotten += n > 0 ? (size_t)n : 0;
    if (n > 0 && transport->forgotten < FORGET_MAX)
        return;
    fail(&err, ERR_CLOSED, "refused");
    end(transport, &err);
}

/* Paused and with nothing to send we want nothing, and are told again and again that it broke. */
static bool is_lost(const Transport *transport, unsigned what)
{
    return (what & SOCKET_BROKEN) && !transport->watch.wanted;
}

static void ready(void *owner, unsigned what)
{
    Transport *transport = owner;
    if (is_lost(transport, what)) {
        Err err = { 0 };
        fail(&err, ERR_IO, "the connection broke");
        end(transport, &err);
        return;
    }
    if (transport->stage == TRANSPORT_REFUSED) {
        forget(transport);
        return;
    }
    if (transport->stage == TRANSPORT_HANDSHAKE) {
        shake_hands(transport);
        what = SOCKET_READ; /* the first request may have come along */
    }
    if (transport->tls && tls_session_wants_write(transport->tls))
        what |= SOCKET_READ;
    if (transport->open && transport->stage == TRANSPORT_READY && !transport->deaf &&
        (what & SOCKET_READ))
        receive(transport);
    transport_send(transport);
}

/* ---- life ---- */

void channel_close(Loop *loop, Channel channel)
{
    tls_session_free(channel.tls);
    loop_sockets(loop)->close(loop_sockets(loop), channel.fd);
}

bool transport_open(Transport *transport, Loop *loop, Channel channel, bool shaken, Err *err)
{
    transport->loop = loop;
    /* An answer that is ready makes room once it is gone, so it is never refused. */
    transport->out = (Buf){ .max = TRANSPORT_OUT_MAX, .purse = transport->purse, .forced = true };
    transport->watch = (Watch){ .ready = ready, .owner = transport };
    transport->again = (Post){ .run = again, .owner = transport };
    transport->stage = shaken || !channel.tls ? TRANSPORT_READY : TRANSPORT_HANDSHAKE;
    transport->open = loop_watch(loop, &transport->watch, channel.fd, SOCKET_READ, err);
    if (!transport->open) {
        channel_close(loop, channel);
        return false;
    }
    transport->tls = channel.tls;
    read_rest_later(transport);
    return true;
}

/* TLS ends in good order only behind what is whole: an answer that was cut stays one. */
static void say_goodbye(Transport *transport)
{
    if (transport->tls && !transport_has_pending(transport))
        tls_session_finish(transport->tls);
}

void transport_finish(Transport *transport)
{
    Sockets *sockets = loop_sockets(transport->loop);
    if (!transport->open)
        return;
    say_goodbye(transport);
    sockets->shutdown_write(sockets, transport->watch.fd);
}

void transport_close(Transport *transport)
{
    if (!transport->open)
        return;
    Sockets *sockets = loop_sockets(transport->loop);
    transport->open = false;
    say_goodbye(transport);
    loop_unpost(transport->loop, &transport->again);
    loop_forget(transport->loop, &transport->watch);
    sockets->close(sockets, transport->watch.fd);
    tls_session_free(transport->tls);
    transport->tls = NULL;
    buf_free(&transport->out);
}
