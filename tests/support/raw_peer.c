/* raw_peer.c - see raw_peer.h. */
#include "support/raw_peer.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static const int64_t patience_ns = 5 * NANOS_PER_SECOND;
enum { TURN_NS = 1000000 };

bool raw_peer_connect(RawPeer *peer, Loop *loop, const Address *address)
{
    *peer = (RawPeer){ .loop = loop, .got = BUF(256 << 20) };
    peer->fd = socket(address->os.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (peer->fd < 0 || connect(peer->fd, (const struct sockaddr *)&address->os, address->len) != 0)
        return false;
    return fcntl(peer->fd, F_SETFL, O_NONBLOCK) == 0;
}

int raw_listen(Address *out)
{
    if (!address_from_literal(out, STR("127.0.0.1"), 0))
        return -1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&out->os, out->len) != 0 ||
        listen(fd, 16) != 0 || getsockname(fd, (struct sockaddr *)&out->os, &out->len) != 0)
        return -1;
    return fd;
}

bool raw_peer_accept(RawPeer *peer, Loop *loop, int listener)
{
    int64_t until = clock_mono_ns(clock_system()) + patience_ns;
    *peer = (RawPeer){ .loop = loop, .got = BUF(256 << 20), .fd = -1 };
    while (peer->fd < 0 && clock_mono_ns(clock_system()) < until) {
        loop_step(loop, TURN_NS);
        peer->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    }
    return peer->fd >= 0;
}

static void receive(RawPeer *peer)
{
    char bytes[65536];
    ssize_t n;
    while ((n = recv(peer->fd, bytes, sizeof bytes, 0)) > 0)
        buf_add(&peer->got, (Str){ bytes, (size_t)n });
    if (n == 0 || (errno != EAGAIN && errno != EINTR))
        peer->ended = true;
}

void raw_peer_turn(RawPeer *peer)
{
    loop_step(peer->loop, TURN_NS);
    if (!peer->ended)
        receive(peer);
}

void raw_peer_send(RawPeer *peer, Str bytes)
{
    while (bytes.len > 0 && !peer->ended) {
        ssize_t n = send(peer->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return;
        bytes = str_skip(bytes, n > 0 ? (size_t)n : 0);
        raw_peer_turn(peer);
    }
}

void raw_peer_send_slowly(RawPeer *peer, Str bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        raw_peer_send(peer, (Str){ bytes.ptr + i, 1 });
        loop_step(peer->loop, 0);
    }
}

bool raw_peer_has(RawPeer *peer, const char *part)
{
    return str_contains(buf_str(&peer->got), str_from(part));
}

size_t raw_peer_count(RawPeer *peer, const char *part)
{
    Str rest = buf_str(&peer->got), wanted = str_from(part);
    size_t count = 0;
    while (rest.len >= wanted.len) {
        if (str_starts(rest, wanted))
            count++;
        rest = str_skip(rest, 1);
    }
    return count;
}

bool raw_peer_wait(RawPeer *peer, const char *part)
{
    int64_t until = clock_mono_ns(clock_system()) + patience_ns;
    while (!raw_peer_has(peer, part)) {
        if (peer->ended || peer->got.failed || clock_mono_ns(clock_system()) > until)
            return false;
        raw_peer_turn(peer);
    }
    return true;
}

bool raw_peer_wait_end(RawPeer *peer)
{
    int64_t until = clock_mono_ns(clock_system()) + patience_ns;
    while (!peer->ended && clock_mono_ns(clock_system()) < until)
        raw_peer_turn(peer);
    return peer->ended;
}

void raw_peer_close(RawPeer *peer)
{
    if (peer->fd >= 0)
        close(peer->fd);
    peer->fd = -1;
    buf_free(&peer->got);
}
