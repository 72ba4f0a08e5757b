/* dial.c - connecting to a named host; see dial_internal.h.
 *
 *   looking up --> trying address 1 --> trying address 2 ... --> connected
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

static void drop_socket(Dial *dial)
{
    if (dial->fd < 0)
        return;
    loop_forget(dial->loop, &dial->watch);
    loop_sockets(dial->loop)->close(loop_sockets(dial->loop), dial->fd);
    dial->fd = -1;
}

static void finish(Dial *dial, int fd, const Err *err)
{
    rest(dial);
    dial->done(dial->owner, fd, err);
}

static void give_up(void *owner)
{
    Dial *dial = owner;
    Err err = dial->err;
    drop_socket(dial);
    blame(&err, "connecting to %.*s:%u", STR_ARG(dial->to.host), (unsigned)dial->to.port);
    finish(dial, -1, &err);
}

static void timer_fires(void *owner)
{
    Dial *dial = owner;
    fail(&dial->err, ERR_TIMEOUT, "no connection within %lld ms",
         (long long)(dial->to.timeout_ns / NANOS_PER_MILLI));
    give_up(dial);
}

static void writable(void *owner, unsigned ready)
{
    (void)ready;
    Dial *dial = owner;
    Sockets *sockets = loop_sockets(dial->loop);
    int code = -sockets->connect_result(sockets, dial->fd);
    if (code == 0) {
        int fd = dial->fd;
        dial->fd = -1;
        finish(dial, fd, NULL);
        return;
    }
    char text[ADDRESS_TEXT_SIZE];
    fail_errno(&dial->err, code, "%s", address_text(&dial->found.addresses[dial->tried - 1], text));
    drop_socket(dial);
    try_next(dial);
}

/* One address. False: it failed at once, err says why. */
static bool try_address(Dial *dial, const Address *address)
{
    char text[ADDRESS_TEXT_SIZE];
    Sockets *sockets = loop_sockets(dial->loop);
    dial->fd = sockets->connect(sockets, address);
    if (dial->fd < 0)
        return fail_errno(&dial->err, -dial->fd, "%s", address_text(address, text));
    if (loop_watch(dial->loop, &dial->watch, dial->fd, SOCKET_WRITE, &dial->err))
        return true;
    drop_socket(dial);
    return false;
}

static void try_next(Dial *dial)
{
    while (dial->tried < dial->found.count) {
        if (try_address(dial, &dial->found.addresses[dial->tried++]))
            return;
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
                void (*done)(void *owner, int fd, const Err *err), void *owner)
{
    *dial = (Dial){ .loop = loop, .to = *to, .done = done, .owner = owner, .fd = -1 };
    dial->active = true;
    dial->watch = (Watch){ .ready = writable, .owner = dial };
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
    drop_socket(dial);
    rest(dial);
}
