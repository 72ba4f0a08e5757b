/* dial.c - connecting to a named host; see dial_internal.h.
 *
 *   looking up --> trying address 1 --> trying address 2 ... --> connected [--> TLS agreed]
 *       +--------------+-- time out, no more addresses --> failed
 */
#include "net/dial_internal.h"

static void try_next(Dial *dial);

static void rest(Dial *dial)
{
    dial->active = false;
    timer_cancel(dial->loop, &dial->timer);
    loop_unpost(dial->loop, &dial->failed);
    resolve_cancel(dial->lookup);
    dial->lookup = NULL;
    loop_forget(dial->loop, &dial->watch);
}

static void drop_channel(Dial *dial)
{
    if (dial->channel.fd < 0)
        return;
    loop_forget(dial->loop, &dial->watch);
    channel_close(dial->loop, dial->channel);
    dial->channel = (Channel){ .fd = -1 };
}

static void finish(Dial *dial, const Channel *channel, const Err *err)
{
    rest(dial);
    dial->done(dial->owner, channel, err);
}

static void give_up(void *owner)
{
    Dial *dial = owner;
    Err err = dial->err;
    drop_channel(dial);
    blame(&err, "connecting to %.*s:%u", STR_ARG(dial->to.host), (unsigned)dial->to.port);
    finish(dial, NULL, &err);
}

static void timer_fires(void *owner)
{
    Dial *dial = owner;
    fail(&dial->err, ERR_TIMEOUT, "no %s within %lld ms",
         dial->channel.tls ? "TLS handshake" : "connection",
         (long long)(dial->to.timeout_ns / NANOS_PER_MILLI));
    give_up(dial);
}

/* A certificate that is refused at one address says more than the next address' "refused". */
static void note_failure(Dial *dial, const Err *err)
{
    int stage = dial->channel.tls ? DIAL_SHAKING : DIAL_CONNECTING;
    if (stage < (int)dial->furthest)
        return;
    dial->furthest = stage == DIAL_SHAKING ? DIAL_SHAKING : DIAL_CONNECTING;
    dial->err = *err;
}

static void address_failed(Dial *dial, const Err *err)
{
    note_failure(dial, err);
    drop_channel(dial);
    try_next(dial);
}

static void succeed(Dial *dial)
{
    Channel channel = dial->channel;
    dial->channel = (Channel){ .fd = -1 };
    finish(dial, &channel, NULL);
}

/* ---- TLS ---- */

static void shake_hands(Dial *dial)
{
    Err err = { 0 };
    TlsProgress progress = tls_session_handshake(dial->channel.tls, &err);
    if (progress == TLS_DONE) {
        succeed(dial);
        return;
    }
    bool writes = tls_session_wants_write(dial->channel.tls);
    if (progress == TLS_FAILED ||
        !loop_want(dial->loop, &dial->watch, writes ? SOCKET_WRITE : SOCKET_READ, &err))
        address_failed(dial, &err);
}

static void begin_tls(Dial *dial)
{
    TlsPeer peer = { .sockets = loop_sockets(dial->loop),
                     .fd = dial->channel.fd,
                     .host = dial->to.host,
                     .alpn = dial->to.alpn };
    Err err = { 0 };
    dial->channel.tls = tls_session_new(dial->to.tls, &peer, &err);
    if (dial->channel.tls)
        shake_hands(dial);
    else
        address_failed(dial, &err);
}

/* ---- TCP ---- */

static void ready(void *owner, unsigned ready)
{
    (void)ready;
    Dial *dial = owner;
    Sockets *sockets = loop_sockets(dial->loop);
    if (dial->channel.tls) {
        shake_hands(dial);
        return;
    }
    int code = -sockets->connect_result(sockets, dial->channel.fd);
    if (code == 0 && dial->to.tls) {
        begin_tls(dial);
    } else if (code == 0) {
        succeed(dial);
    } else {
        char text[ADDRESS_TEXT_SIZE];
        Err err = { 0 };
        fail_errno(&err, code, "%s", address_text(&dial->found.addresses[dial->tried - 1], text));
        address_failed(dial, &err);
    }
}

/* One address. False: it failed at once, err says why. */
static bool try_address(Dial *dial, const Address *address, Err *err)
{
    char text[ADDRESS_TEXT_SIZE];
    Sockets *sockets = loop_sockets(dial->loop);
    int fd = sockets->connect(sockets, address);
    if (fd < 0)
        return fail_errno(err, -fd, "%s", address_text(address, text));
    dial->channel = (Channel){ .fd = fd };
    if (loop_watch(dial->loop, &dial->watch, fd, SOCKET_WRITE, err))
        return true;
    drop_channel(dial);
    return false;
}

static void try_next(Dial *dial)
{
    Err err = { 0 };
    while (dial->tried < dial->found.count) {
        if (try_address(dial, &dial->found.addresses[dial->tried++], &err))
            return;
        note_failure(dial, &err);
    }
    give_up(dial);
}

static void resolved(void *owner, const Resolved *found, const Err *err)
{
    Dial *dial = owner;
    dial->lookup = NULL;
    if (err) {
        dial->err = *err;
        give_up(dial);
        return;
    }
    dial->found = *found;
    try_next(dial);
}

void dial_start(Dial *dial, Loop *loop, const DialTo *to,
                void (*done)(void *owner, const Channel *channel, const Err *err), void *owner)
{
    *dial = (Dial){ .loop = loop, .to = *to, .done = done, .owner = owner };
    dial->channel.fd = -1;
    dial->active = true;
    dial->watch = (Watch){ .ready = ready, .owner = dial };
    dial->timer = (Timer){ .fire = timer_fires, .owner = dial };
    dial->failed = (Post){ .run = give_up, .owner = dial };
    timer_set(loop, &dial->timer, loop_now(loop) + to->timeout_ns);
    dial->lookup = resolve_start(loop, to->host, to->port, resolved, dial, &dial->err);
    if (!dial->lookup)
        loop_post(loop, &dial->failed);
}

void dial_cancel(Dial *dial)
{
    if (!dial->active)
        return;
    drop_channel(dial);
    rest(dial);
}
