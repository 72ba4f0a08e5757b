/* sim_peer.c - see sim_peer.h. */
#include "support/sim_peer.h"

#include <errno.h>

enum { TURNS_MAX = 2000, GOT_MAX = 256 << 20 };

bool sim_peer_connect(SimPeer *peer, SimNet *net, Loop *loop, const Address *address)
{
    *peer = (SimPeer){ .net = net, .loop = loop, .got = BUF(GOT_MAX) };
    peer->fd = net->sockets.connect(&net->sockets, address);
    return peer->fd > 0 && net->sockets.connect_result(&net->sockets, peer->fd) == 0;
}

int sim_peer_listen(SimNet *net, Address *out)
{
    if (!address_from_literal(out, STR("127.0.0.1"), 0))
        return -1;
    int fd = net->sockets.listen(&net->sockets, out, (ListenOptions){ .backlog = 1 });
    return fd > 0 && net->sockets.local_address(&net->sockets, fd, out) ? fd : -1;
}

bool sim_peer_accept(SimPeer *peer, SimNet *net, Loop *loop, int listener)
{
    Address from;
    *peer = (SimPeer){ .net = net, .loop = loop, .got = BUF(GOT_MAX), .fd = -EAGAIN };
    for (int i = 0; i < TURNS_MAX && peer->fd == -EAGAIN; i++) {
        peer->fd = net->sockets.accept(&net->sockets, listener, &from);
        loop_step(loop, 0);
    }
    return peer->fd > 0;
}

static void receive(SimPeer *peer)
{
    char bytes[SIM_PIPE];
    ssize_t n = 1;
    while (n > 0 && !peer->ended && !peer->deaf) {
        n = peer->net->sockets.read(&peer->net->sockets, peer->fd, bytes, sizeof bytes);
        if (n > 0)
            buf_add(&peer->got, (Str){ bytes, (size_t)n });
        else if (n != -EAGAIN)
            peer->ended = true;
    }
}

/* One turn of the loop, then takes what has come. False: nothing happens any more. */
static bool turn(SimPeer *peer)
{
    size_t before = peer->got.len;
    bool ran = loop_step(peer->loop, 0);
    receive(peer);
    return ran || peer->got.len != before;
}

static void settle(SimPeer *peer)
{
    for (int i = 0; i < TURNS_MAX && turn(peer); i++) {
    }
}

size_t sim_peer_send(SimPeer *peer, Str bytes)
{
    size_t sent = 0;
    while (sent < bytes.len && !peer->ended) {
        ssize_t n = peer->net->sockets.write(&peer->net->sockets, peer->fd, bytes.ptr + sent,
                                             bytes.len - sent);
        sent += n > 0 ? (size_t)n : 0;
        if (n == -EAGAIN && !turn(peer))
            break;
        if (n < 0 && n != -EAGAIN)
            break;
    }
    settle(peer);
    return sent;
}

bool sim_peer_has(const SimPeer *peer, const char *part)
{
    return str_contains(buf_str(&peer->got), str_from(part));
}

bool sim_peer_wait(SimPeer *peer, const char *part)
{
    for (int i = 0; i < TURNS_MAX && !sim_peer_has(peer, part) && !peer->ended; i++)
        turn(peer);
    return sim_peer_has(peer, part);
}

bool sim_peer_wait_end(SimPeer *peer)
{
    for (int i = 0; i < TURNS_MAX && !peer->ended; i++)
        turn(peer);
    return peer->ended;
}

void sim_peer_pass(SimPeer *peer, int64_t seconds)
{
    for (int64_t i = 0; i < 10 * seconds; i++) {
        test_clock_advance(&peer->net->clock, NANOS_PER_SECOND / 10);
        settle(peer);
    }
}

void sim_peer_close(SimPeer *peer)
{
    if (peer->fd > 0)
        peer->net->sockets.close(&peer->net->sockets, peer->fd);
    peer->fd = -1;
    buf_free(&peer->got);
}
