/* sim_net.c - a network in memory; see sim_net.h. Descriptors are indices + 1. */
#include "support/sim_net.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

static SimNet *of_sockets(Sockets *sockets)
{
    return (SimNet *)sockets; /* its first member */
}

static SimNet *of_poller(Poller *poller)
{
    return ((SimPoller *)poller)->net;
}

static void note(SimNet *net, uint64_t what)
{
    net->events++;
    net->hash = (net->hash ^ what) * UINT64_C(1099511628211);
}

/* Counts the call. True: this is the one that fails. */
static bool strikes(SimNet *net)
{
    if (!net->faulty || net->fail_after-- > 0)
        return false;
    net->faulty = false;
    net->failed = true;
    note(net, 'f');
    return true;
}

static int take(SimNet *net, SimKind kind)
{
    for (int i = 0; i < SIM_SOCKETS; i++) {
        SimSocket *s = &net->all[i];
        if (s->kind != SIM_FREE)
            continue;
        memset(s, 0, offsetof(SimSocket, bytes));
        s->first = s->count = 0;
        s->poller = NULL;
        s->kind = kind;
        s->peer = s->listener = -1;
        if (i >= net->used)
            net->used = i + 1;
        return i;
    }
    return -1;
}

static SimSocket *at(SimNet *net, int fd)
{
    return &net->all[fd - 1];
}

/* ---- sockets ---- */

static int sim_listen(Sockets *sockets, const Address *address, ListenOptions options)
{
    (void)options;
    SimNet *net = of_sockets(sockets);
    int i = strikes(net) ? -1 : take(net, SIM_LISTENER);
    if (i < 0)
        return -EMFILE;
    uint16_t port = address_port(address);
    net->all[i].port = port ? port : (uint16_t)(10000 + i);
    return i + 1;
}

/* Those that nobody has accepted have no descriptor yet. */
static bool is_full(const SimNet *net)
{
    size_t count = 0;
    for (int i = 0; i < SIM_SOCKETS; i++)
        count += net->all[i].kind != SIM_FREE && net->all[i].listener < 0;
    return net->most > 0 && count >= net->most;
}

static int sim_spare(Sockets *sockets)
{
    SimNet *net = of_sockets(sockets);
    int i = is_full(net) ? -1 : take(net, SIM_SPARE);
    return i < 0 ? -EMFILE : i + 1;
}

static int sim_descriptors_max(Sockets *sockets)
{
    (void)sockets;
    return INT_MAX;
}

static int sim_accept(Sockets *sockets, int listener, Address *peer)
{
    SimNet *net = of_sockets(sockets);
    if (strikes(net) || is_full(net))
        return -EMFILE;
    for (int i = 0; i < net->used; i++) {
        SimSocket *s = &net->all[i];
        if (s->kind != SIM_OPEN || s->listener != listener - 1)
            continue;
        s->listener = -1;
        (void)!address_from_literal(peer, STR("127.0.0.1"), 1);
        note(net, 'a');
        return i + 1;
    }
    return -EAGAIN;
}

static int find_listener(const SimNet *net, uint16_t port)
{
    for (int i = 0; i < net->used; i++) {
        if (net->all[i].kind == SIM_LISTENER && net->all[i].port == port)
            return i;
    }
    return -1;
}

static int sim_connect(Sockets *sockets, const Address *address)
{
    SimNet *net = of_sockets(sockets);
    int near = strikes(net) ? -1 : take(net, SIM_OPEN);
    if (near < 0)
        return -EMFILE;
    if (net->silence_in > 0 && random_below(&net->random, net->silence_in) == 0) {
        sim_net_silence(net, near);
        net->all[near].swallowed = SIM_PIPE; /* nobody answers: it never becomes writable */
        return near + 1;
    }
    int listener = find_listener(net, address_port(address));
    int far = listener < 0 ? -1 : take(net, SIM_OPEN);
    note(net, 'c');
    if (far < 0) {
        net->all[near].refused = ECONNREFUSED;
        return near + 1;
    }
    net->all[near].peer = far;
    net->all[far].peer = near;
    net->all[far].listener = listener;
    return near + 1;
}

static int sim_connect_result(Sockets *sockets, int fd)
{
    SimNet *net = of_sockets(sockets);
    return strikes(net) ? -ECONNREFUSED : -at(net, fd)->refused;
}

static void break_both(SimNet *net, SimSocket *s)
{
    s->reset = true;
    if (s->peer >= 0)
        net->all[s->peer].reset = true;
    note(net, 'r');
}

void sim_net_silence(SimNet *net, int socket)
{
    SimSocket *s = &net->all[socket];
    s->silent = true;
    if (s->peer >= 0)
        net->all[s->peer].silent = true;
    note(net, 's');
}

/* What the weather does to a connection that is used. */
static void suffer(SimNet *net, SimSocket *s)
{
    if (s->reset || s->silent)
        return;
    if (strikes(net) || (net->reset_in > 0 && random_below(&net->random, net->reset_in) == 0))
        break_both(net, s);
    else if (net->silence_in > 0 && random_below(&net->random, net->silence_in) == 0)
        sim_net_silence(net, (int)(s - net->all));
}

static bool has_arrived(const SimNet *net, const SimSocket *s)
{
    return !s->silent && s->ready_at_ns <= net->clock.mono;
}

static ssize_t sim_read(Sockets *sockets, int fd, void *out, size_t size)
{
    SimNet *net = of_sockets(sockets);
    SimSocket *s = at(net, fd);
    suffer(net, s);
    if (s->reset)
        return -ECONNRESET;
    if (!has_arrived(net, s))
        return -EAGAIN;
    if (s->count == 0)
        return s->peer < 0 || s->peer_ended ? 0 : -EAGAIN;
    size_t most = size < s->count ? size : s->count;
    size_t n = 1 + random_below(&net->random, most);
    if (random_below(&net->random, 4) == 0)
        n = 1;
    for (size_t i = 0; i < n; i++)
        ((char *)out)[i] = s->bytes[(s->first + i) % SIM_PIPE];
    s->first = (s->first + n) % SIM_PIPE;
    s->count -= n;
    note(net, n);
    return (ssize_t)n;
}

/* What the kernel takes before it waits for an answer that never comes. */
static ssize_t swallow(SimSocket *s, size_t size)
{
    size_t room = SIM_PIPE > s->swallowed ? SIM_PIPE - s->swallowed : 0;
    size_t n = size < room ? size : room;
    s->swallowed += n;
    return n ? (ssize_t)n : -EAGAIN;
}

static ssize_t sim_write(Sockets *sockets, int fd, const void *bytes, size_t size)
{
    SimNet *net = of_sockets(sockets);
    SimSocket *s = at(net, fd);
    suffer(net, s);
    if (s->reset)
        return -ECONNRESET;
    if (s->silent)
        return swallow(s, size);
    if (s->peer < 0)
        return -EPIPE;
    SimSocket *peer = &net->all[s->peer];
    if (net->delay_max_ns > 0 && peer->count == 0)
        peer->ready_at_ns =
            net->clock.mono + (int64_t)random_below(&net->random, (uint64_t)net->delay_max_ns);
    size_t room = SIM_PIPE - peer->count;
    if (room == 0)
        return -EAGAIN;
    size_t n = 1 + random_below(&net->random, size < room ? size : room);
    for (size_t i = 0; i < n; i++)
        peer->bytes[(peer->first + peer->count + i) % SIM_PIPE] = ((const char *)bytes)[i];
    peer->count += n;
    note(net, n << 16);
    return (ssize_t)n;
}

static bool sim_local_address(Sockets *sockets, int fd, Address *out)
{
    return address_from_literal(out, STR("127.0.0.1"), at(of_sockets(sockets), fd)->port);
}

static void sim_shutdown_write(Sockets *sockets, int fd)
{
    SimNet *net = of_sockets(sockets);
    SimSocket *s = at(net, fd);
    if (s->peer >= 0)
        net->all[s->peer].peer_ended = true;
}

/* A listener takes those along that nobody has accepted. */
static void close_newcomers(SimNet *net, int listener)
{
    for (int i = 0; i < net->used; i++) {
        SimSocket *s = &net->all[i];
        if (s->kind != SIM_OPEN || s->listener != listener)
            continue;
        if (s->peer >= 0) {
            net->all[s->peer].peer = -1;
            net->all[s->peer].reset = !s->silent;
        }
        s->kind = SIM_FREE;
    }
}

static void sim_close(Sockets *sockets, int fd)
{
    SimNet *net = of_sockets(sockets);
    SimSocket *s = at(net, fd);
    if (s->kind == SIM_LISTENER)
        close_newcomers(net, fd - 1);
    if (s->peer >= 0) {
        net->all[s->peer].peer = -1;
        if (s->count > 0 && !s->silent) /* unread bytes: the kernel answers with a reset */
            net->all[s->peer].reset = true;
    }
    s->kind = SIM_FREE;
    note(net, 'x');
}

/* ---- readiness ---- */

static bool sim_watch(Poller *poller, int fd, unsigned wanted, void *watcher, Err *err)
{
    SimNet *net = of_poller(poller);
    SimSocket *s = at(net, fd);
    if (strikes(net))
        return fail_errno(err, ENOSPC, "watching descriptor %d", fd);
    s->poller = poller;
    s->wanted = wanted;
    s->watcher = watcher;
    return true;
}

static void sim_forget(Poller *poller, int fd)
{
    at(of_poller(poller), fd)->poller = NULL;
}

static bool has_newcomer(const SimNet *net, int listener)
{
    for (int i = 0; i < net->used; i++) {
        if (net->all[i].kind == SIM_OPEN && net->all[i].listener == listener)
            return true;
    }
    return false;
}

static unsigned readiness(const SimNet *net, int i)
{
    const SimSocket *s = &net->all[i];
    if (s->kind == SIM_LISTENER)
        return has_newcomer(net, i) ? SOCKET_READ : 0;
    if (s->reset || s->refused)
        return SOCKET_READ | SOCKET_WRITE | SOCKET_BROKEN;
    if (s->silent)
        return s->swallowed < SIM_PIPE ? SOCKET_WRITE : 0;
    bool readable = has_arrived(net, s) && (s->count > 0 || s->peer < 0 || s->peer_ended);
    bool writable = s->peer < 0 || net->all[s->peer].count < SIM_PIPE;
    return (readable ? SOCKET_READ : 0U) | (writable ? SOCKET_WRITE : 0U);
}

static bool is_ready(const SimNet *net, int i, const Poller *poller)
{
    const SimSocket *s = &net->all[i];
    if (s->kind == SIM_FREE || s->poller != poller || s->hole)
        return false;
    unsigned ready = readiness(net, i);
    return (ready & s->wanted) || (s->reset && s->wanted == 0);
}

/* Starts somewhere, and now and then keeps one for later: but never all of them. */
static size_t collect(SimNet *net, const Poller *poller, SocketEvent *events, size_t max)
{
    size_t count = 0;
    int start = net->used ? (int)random_below(&net->random, (uint64_t)net->used) : 0;
    int kept = -1;
    for (int k = 0; k < net->used && count < max; k++) {
        int i = (start + k) % net->used;
        if (!is_ready(net, i, poller))
            continue;
        if (random_below(&net->random, 3) == 0)
            kept = i;
        else
            events[count++] = (SocketEvent){ net->all[i].watcher, readiness(net, i) };
    }
    if (count == 0 && kept >= 0)
        events[count++] = (SocketEvent){ net->all[kept].watcher, readiness(net, kept) };
    return count;
}

static size_t sim_wait(Poller *poller, int64_t timeout_ns, SocketEvent *events, size_t max)
{
    SimNet *net = of_poller(poller);
    SimPoller *self = (SimPoller *)poller;
    size_t count = collect(net, poller, events, max);
    if (count == 0 && !self->woken && timeout_ns > 0) {
        test_clock_advance(&net->clock, timeout_ns);
        note(net, (uint64_t)timeout_ns);
    }
    self->woken = false;
    return count;
}

static void sim_wake(Poller *poller)
{
    ((SimPoller *)poller)->woken = true;
}

static void sim_poller_free(Poller *poller)
{
    ((SimPoller *)poller)->net = NULL;
}

static Poller *sim_poller_new(Sockets *sockets, Err *err)
{
    static const Poller table = { .watch = sim_watch,
                                  .change = sim_watch,
                                  .forget = sim_forget,
                                  .wait = sim_wait,
                                  .wake = sim_wake,
                                  .free = sim_poller_free };
    SimNet *net = of_sockets(sockets);
    bool struck = strikes(net);
    for (int i = 0; i < SIM_LOOPS && !struck; i++) {
        if (net->pollers[i].net)
            continue;
        net->pollers[i] = (SimPoller){ .base = table, .net = net };
        return &net->pollers[i].base;
    }
    fail_errno(err, EMFILE, "making an event loop");
    return NULL;
}

void sim_net_init(SimNet *net, uint64_t seed, uint64_t reset_in)
{
    memset(net, 0, sizeof *net);
    random_seed(&net->random, seed);
    test_clock_init(&net->clock, 0);
    net->reset_in = reset_in;
    net->sockets = (Sockets){ .poller_new = sim_poller_new,
                              .listen = sim_listen,
                              .accept = sim_accept,
                              .connect = sim_connect,
                              .connect_result = sim_connect_result,
                              .read = sim_read,
                              .write = sim_write,
                              .local_address = sim_local_address,
                              .shutdown_write = sim_shutdown_write,
                              .close = sim_close,
                              .spare = sim_spare,
                              .descriptors_max = sim_descriptors_max };
}

void sim_net_mend(SimNet *net)
{
    for (int i = 0; i < net->used; i++) {
        SimSocket *s = &net->all[i];
        if (s->kind == SIM_OPEN && s->silent)
            s->reset = true;
    }
}

size_t sim_net_open(const SimNet *net)
{
    size_t count = 0;
    for (int i = 0; i < SIM_SOCKETS; i++)
        count += net->all[i].kind != SIM_FREE;
    return count;
}
