/* connection.c - one accepted connection: which protocol it speaks, its time-outs, its end.
 *
 *   SNIFFING --"PRI "--> HTTP/2          any --peer ended, time out, connection_close--> closed
 *       +-----else-----> HTTP/1.1        closed --(Post)--> freed
 *
 * With TLS the handshake comes before, in the transport. What is refused there lingers for a
 * moment, so that the peer learns why.
 */
#include "base/mem.h"
#include "net/server_internal.h"

#include <string.h>

enum { TLS_HANDSHAKE_BYTE = 22 }; /* begins a ClientHello, and no request */

static const char http2_begins[SNIFF_SIZE] = { 'P', 'R', 'I', ' ' };

static size_t cost_of(const Server *server, bool shaking)
{
    if (!server->tls)
        return CONNECTION_COST;
    return CONNECTION_COST + TLS_COST + (shaking ? HANDSHAKE_COST : 0);
}

/* ---- the end ---- */

static void free_connection(void *owner)
{
    Connection *connection = owner;
    if (connection->talk)
        connection->protocol->free(connection->talk);
    mem_free(connection);
}

static void link_to(Server *server, Connection *connection)
{
    connection->prev = NULL;
    connection->next = server->connections;
    if (connection->next)
        connection->next->prev = connection;
    else
        server->last_connection = connection;
    server->connections = connection;
}

static void unlink_from(Server *server, Connection *connection)
{
    if (connection->prev)
        connection->prev->next = connection->next;
    else
        server->connections = connection->next;
    if (connection->next)
        connection->next->prev = connection->prev;
    else
        server->last_connection = connection->prev;
}

void connection_refresh(Connection *connection)
{
    unlink_from(connection->server, connection);
    link_to(connection->server, connection);
}

bool connection_is_idle(const Connection *connection)
{
    return connection->protocol && !connection->transport.stalled &&
           connection->protocol->is_idle(connection->talk);
}

void connection_close(Connection *connection)
{
    Server *server = connection->server;
    if (!server)
        return;
    connection->server = NULL;
    transport_close(&connection->transport);
    timer_cancel(server->loop, &connection->timer);
    unlink_from(server, connection);
    server->counts.bytes_in += connection->transport.bytes_in;
    server->counts.bytes_out += connection->transport.bytes_out;
    purse_give(server->purses.connections, connection->charged);
    if (connection->talk)
        connection->protocol->close(connection->talk);
    connection->doom = (Post){ .run = free_connection, .owner = connection };
    loop_post(server->loop, &connection->doom);
    server_connection_closed(server);
}

void connection_end(Connection *connection)
{
    connection->ending = true;
    connection_send(connection);
}

/* ---- what goes wrong before the first request ---- */

static void report(Connection *connection, const Err *err)
{
    Server *server = connection->server;
    server->counts.handshakes_failed++;
    if (server->handshake_failed)
        server->handshake_failed(server->handshake_owner, &connection->peer, err);
}

static void touch(Connection *connection);

static void refused(void *owner, const Err *err)
{
    Connection *connection = owner;
    connection->refused_ns = loop_now(connection->server->loop);
    report(connection, err);
    touch(connection);
}

static bool is_shaking(const Connection *connection)
{
    return connection->transport.stage == TRANSPORT_HANDSHAKE;
}

static void note_silence(Connection *connection)
{
    Err err = { 0 };
    if (!is_shaking(connection))
        return;
    fail(&err, ERR_TIMEOUT, "no TLS handshake within %lld ms",
         (long long)(connection->server->limits.header_timeout_ns / NANOS_PER_MILLI));
    report(connection, &err);
}

/* A TLS handshake on a port without: what follows is refused as the malformed request that it is.
 */
static void note_tls(Connection *connection, Str bytes)
{
    Err err = { 0 };
    if (connection->server->tls || connection->sniffed_len > 0 || *bytes.ptr != TLS_HANDSHAKE_BYTE)
        return;
    fail(&err, ERR_IO, "a TLS handshake on a port in plain text; set tls here, or insecure there");
    report(connection, &err);
}

/* ---- time ---- */

/* What the peer takes of what waits for it buys it time, up to one whole time-out from now. */
static void note_sending(Connection *connection)
{
    const Transport *transport = &connection->transport;
    int64_t most = connection->server->limits.write_timeout_ns;
    int64_t latest = loop_now(connection->server->loop) + most;
    size_t sent = (size_t)(transport->bytes_out - connection->seen_sent);
    connection->seen_sent = transport->bytes_out;
    if (!transport->stalled) {
        connection->slow_at_ns = 0;
        return;
    }
    int64_t at =
        connection->slow_at_ns ? connection->slow_at_ns + request_patience_ns(sent, most) : latest;
    connection->slow_at_ns = at < latest ? at : latest;
}

static int64_t write_deadline(const Connection *connection)
{
    return connection->slow_at_ns ? connection->slow_at_ns : INT64_MAX;
}

static int64_t age_deadline(const Connection *connection)
{
    const ServerLimits *limits = &connection->server->limits;
    if (!limits->age_max_ns || (connection->aged && !limits->age_grace_ns))
        return INT64_MAX;
    return connection->accepted_ns + limits->age_max_ns +
           (connection->aged ? limits->age_grace_ns : 0);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t deadline_of(const Connection *connection)
{
    const ServerLimits *limits = &connection->server->limits;
    if (connection->refused_ns)
        return connection->refused_ns + LINGER_NS;
    int64_t at = connection->protocol ? connection->protocol->deadline(connection->talk)
                                      : connection->accepted_ns + limits->header_timeout_ns;
    return earlier(at, earlier(write_deadline(connection), age_deadline(connection)));
}

/* The timer is only moved when it would fire too late: when it fires early, it is set again. */
static void touch(Connection *connection)
{
    int64_t at = deadline_of(connection);
    Timer *timer = &connection->timer;
    if (at != INT64_MAX && (!timer->set || at < timer->at_ns))
        timer_set(connection->server->loop, timer, at);
}

static void timer_fires(void *owner)
{
    Connection *connection = owner;
    int64_t now = loop_now(connection->server->loop);
    bool old = now >= age_deadline(connection);
    bool stuck = now >= write_deadline(connection) || (old && connection->aged);
    if (stuck || (!connection->protocol && now >= deadline_of(connection))) {
        note_silence(connection);
        connection_close(connection);
        return;
    }
    if (old) {
        connection->aged = true;
        connection_drain(connection);
    } else if (now >= deadline_of(connection)) {
        connection->protocol->expired(connection->talk);
    }
    if (connection->server)
        touch(connection);
}

/* ---- bytes ---- */

static void choose(Connection *connection, const ConnectionProtocol *protocol)
{
    Err err = { 0 };
    void *talk = protocol->open(connection, &err);
    if (!talk) {
        connection_close(connection);
        return;
    }
    connection->talk = talk;
    connection->protocol = protocol;
    if (connection->server->draining)
        protocol->drain(connection->talk);
    Str sniffed = { connection->sniffed, connection->sniffed_len };
    if (connection->server && sniffed.len > 0)
        protocol->received(connection->talk, sniffed);
}

/* Takes bytes for as long as they could begin HTTP/2. */
static void sniff(Connection *connection, Str *bytes)
{
    while (bytes->len > 0 && connection->sniffed_len < SNIFF_SIZE) {
        if (*bytes->ptr != http2_begins[connection->sniffed_len]) {
            choose(connection, &protocol_http1);
            return;
        }
        connection->sniffed[connection->sniffed_len++] = *bytes->ptr;
        *bytes = str_skip(*bytes, 1);
    }
    if (connection->sniffed_len == SNIFF_SIZE)
        choose(connection, &protocol_http2);
}

static void received(void *owner, Str bytes)
{
    Connection *connection = owner;
    if (!connection->protocol) {
        note_tls(connection, bytes);
        sniff(connection, &bytes);
    }
    if (connection->server && connection->protocol && bytes.len > 0)
        connection->protocol->received(connection->talk, bytes);
}

static void fill(void *owner, Buf *out)
{
    Connection *connection = owner;
    if (connection->protocol)
        connection->protocol->fill(connection->talk, out);
    if (connection->ending && out->len == 0)
        connection_close(connection);
}

static void ended(void *owner, const Err *err)
{
    (void)err; /* a peer may leave whenever it likes */
    connection_close(owner);
}

void connection_send(Connection *connection)
{
    if (connection->server)
        transport_send(&connection->transport);
}

void connection_drain(Connection *connection)
{
    if (connection->protocol)
        connection->protocol->drain(connection->talk);
    else
        connection_close(connection); /* it has not asked for anything yet */
}

/* ---- the beginning ---- */

static void give_back_handshake(Connection *connection)
{
    const Server *server = connection->server;
    size_t cost = cost_of(server, is_shaking(connection));
    purse_give(server->purses.connections, connection->charged - cost);
    connection->charged = cost;
}

static void settled(void *owner)
{
    give_back_handshake(owner);
    note_sending(owner);
    touch(owner);
    connection_refresh(owner);
}

static const TransportEvents events = { received, fill, ended, settled, refused };

static bool open_transport(Connection *connection, int fd, Err *err)
{
    Server *server = connection->server;
    Channel channel = { .fd = fd };
    TlsPeer peer = { .sockets = loop_sockets(server->loop), .fd = fd };
    if (server->tls)
        channel.tls = tls_session_new(server->tls, &peer, err);
    if (!server->tls || channel.tls)
        return transport_open(&connection->transport, server->loop, channel, false, err);
    channel_close(server->loop, channel);
    return false;
}

static void start(Connection *connection, int fd)
{
    Server *server = connection->server;
    Err err = { 0 };
    connection->transport.events = &events;
    connection->transport.owner = connection;
    connection->transport.purse = server->purses.connections;
    connection->timer = (Timer){ .fire = timer_fires, .owner = connection };
    connection->accepted_ns = loop_now(server->loop);
    link_to(server, connection);
    server->counts.connections_open++;
    if (!open_transport(connection, fd, &err)) {
        connection_close(connection);
        return;
    }
    touch(connection);
}

bool connection_accept(Server *server, int fd, const Address *peer)
{
    Err err = { 0 };
    size_t cost = cost_of(server, true);
    if (!purse_take(server->purses.connections, cost))
        return false;
    Connection *connection = MEM_MAKE(Connection, 1, &err);
    if (!connection) {
        purse_give(server->purses.connections, cost);
        return false;
    }
    server->counts.connections_accepted++;
    connection->server = server;
    connection->charged = cost;
    connection->peer = *peer;
    start(connection, fd);
    return true;
}
