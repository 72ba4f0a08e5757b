/* dial.c - connecting to a named host; see dial_internal.h.
 *
 *   looking up --> trying address 1 --> trying address 2 ... --> connected [--> TLS agreed]
 *       |  +--half the time, and something is known-->+
 *       +--------------+-- time out, no more addresses --> failed
 */
#include "net/dial_internal.h"

#include "base/mem.h"
#include "net/url.h"

static const int64_t resolve_again_ns = 5 * NANOS_PER_SECOND;

/* ---- targets ---- */

bool dial_target_init(DialTarget *target, Str endpoint, Err *err)
{
    Url url;
    char authority[URL_AUTHORITY_SIZE];
    if (!url_parse(endpoint, &url, err))
        return false;
    if (url.scheme == URL_HTTPS && !target->tls)
        return fail(err, ERR_INPUT, "\"%.*s\": https:// needs TLS settings, and there are none",
                    STR_ARG(endpoint));
    if (!url_authority(&url, authority, err))
        return false;
    target->port = url.port;
    target->host = mem_copy_text(url.host, err);
    target->authority = target->host ? mem_copy_text(str_from(authority), err) : NULL;
    return target->authority != NULL;
}

void dial_target_done(DialTarget *target)
{
    mem_free(target->host);
    mem_free(target->authority);
}

static bool is_fresh(const DialTarget *target)
{
    return target->known.count > 0 && loop_now(target->loop) - target->known_ns < resolve_again_ns;
}

static bool is_preferred(const DialTarget *target, size_t i)
{
    const Address *addresses = target->known.addresses;
    return addresses[i].os.ss_family == addresses[0].os.ss_family;
}

/* The preferred family from its turn on, then the rest. Turning through both families would send
 * every other connection to one that may lead nowhere. */
static void put_in_order(DialTarget *target, Resolved *out)
{
    const Resolved *known = &target->known;
    size_t preferred = 0;
    out->count = 0;
    for (size_t i = 0; i < known->count; i++)
        preferred += is_preferred(target, i);
    for (size_t i = 0; i < preferred; i++) {
        size_t wanted = (target->turn + i) % preferred, at = 0;
        while (!is_preferred(target, at) || wanted-- > 0)
            at++;
        out->addresses[out->count++] = known->addresses[at];
    }
    for (size_t i = 0; i < known->count; i++) {
        if (!is_preferred(target, i))
            out->addresses[out->count++] = known->addresses[i];
    }
    target->turn++;
}

/* ---- outcomes ---- */

static void try_next(Dial *dial);

static void rest(Dial *dial)
{
    dial->active = false;
    timer_cancel(dial->loop, &dial->timer);
    loop_unpost(dial->loop, &dial->begins);
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
    if (dial->target->port)
        blame(&err, "connecting to %s:%u", dial->target->host, (unsigned)dial->target->port);
    else
        blame(&err, "connecting to %s", dial->target->host);
    finish(dial, NULL, &err);
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

static void begin(void *owner);

/* The resolver is silent. Half of the time is left for what was known before, if anything was. */
static void lookup_is_slow(Dial *dial)
{
    int64_t left_ns = dial->deadline_ns - loop_now(dial->loop);
    int64_t waited_ns = dial->target->timeout_ns - (left_ns > 0 ? left_ns : 0);
    resolve_cancel(dial->lookup);
    dial->lookup = NULL;
    fail(&dial->err, ERR_TIMEOUT, "looking up %s: no answer within %lld ms", dial->target->host,
         (long long)(waited_ns / NANOS_PER_MILLI));
    begin(dial);
}

static void timer_fires(void *owner)
{
    Dial *dial = owner;
    Err err = { 0 };
    if (dial->lookup) {
        lookup_is_slow(dial);
        return;
    }
    bool over = loop_now(dial->loop) >= dial->deadline_ns;
    fail(&err, ERR_TIMEOUT, "no %s within %lld ms",
         dial->channel.tls ? "TLS handshake" : "connection",
         (long long)((over ? dial->target->timeout_ns : dial->share_ns) / NANOS_PER_MILLI));
    if (over) {
        note_failure(dial, &err);
        give_up(dial);
    } else {
        address_failed(dial, &err);
    }
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
    const DialTarget *target = dial->target;
    TlsPeer peer = { .sockets = loop_sockets(dial->loop),
                     .fd = dial->channel.fd,
                     .host = target->port ? str_from(target->host) : STR("localhost"),
                     .alpn = target->alpn };
    Err err = { 0 };
    dial->channel.tls = tls_session_new(target->tls, &peer, &err);
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
    if (code == 0 && dial->target->tls) {
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
        int64_t left_ns = dial->deadline_ns - loop_now(dial->loop);
        dial->share_ns = left_ns / (int64_t)(dial->found.count - dial->tried);
        timer_set(dial->loop, &dial->timer, loop_now(dial->loop) + dial->share_ns);
        if (try_address(dial, &dial->found.addresses[dial->tried++], &err))
            return;
        note_failure(dial, &err);
    }
    give_up(dial);
}

/* ---- the beginning ---- */

static void begin(void *owner)
{
    Dial *dial = owner;
    if (dial->target->known.count > 0)
        put_in_order(dial->target, &dial->found);
    try_next(dial);
}

static void resolved(void *owner, const Resolved *found, const Err *err)
{
    Dial *dial = owner;
    DialTarget *target = dial->target;
    dial->lookup = NULL;
    if (err) {
        dial->err = *err; /* for when nothing was known before */
    } else {
        target->known = *found;
        target->known_ns = loop_now(dial->loop);
    }
    begin(dial);
}

void dial_start(Dial *dial, DialTarget *target,
                void (*done)(void *owner, const Channel *channel, const Err *err), void *owner)
{
    Loop *loop = target->loop;
    *dial = (Dial){ .loop = loop, .target = target, .done = done, .owner = owner };
    dial->channel.fd = -1;
    dial->active = true;
    dial->watch = (Watch){ .ready = ready, .owner = dial };
    dial->timer = (Timer){ .fire = timer_fires, .owner = dial };
    dial->begins = (Post){ .run = begin, .owner = dial };
    dial->deadline_ns = loop_now(loop) + target->timeout_ns;
    timer_set(loop, &dial->timer, dial->deadline_ns);
    if (!is_fresh(target))
        dial->lookup =
            resolve_start(loop, str_from(target->host), target->port, resolved, dial, &dial->err);
    if (!dial->lookup)
        loop_post(loop, &dial->begins);
    else if (target->known.count > 0)
        timer_set(loop, &dial->timer, dial->deadline_ns - target->timeout_ns / 2);
}

void dial_cancel(Dial *dial)
{
    if (!dial->active)
        return;
    drop_channel(dial);
    rest(dial);
}
