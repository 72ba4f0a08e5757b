/* request_grant.c - room for a body: granted by the budget, or waited for.
 *
 *   known length (Content-Length, a gRPC prefix)  all of it at once, so that what has begun to come
 *                                                 in can also be finished
 *   unknown length                                as it grows
 *
 * While a request waits, its connection is not read (HTTP/1.1), or its stream's window stays closed
 * (HTTP/2). What was read before that is kept by force, which is why no more than WAITERS_MAX may
 * wait; whoever comes then is refused at once. Those who wait are asked in turn whenever GRANT_POLL
 * has passed, and whoever fits goes on, so that a large one holds up no small one. A grant lapses
 * when its peer uses it too slowly while others wait: promising a large body costs a peer nothing.
 */
#include "net/request_internal.h"
#include "net/server_internal.h"

enum {
    WAITERS_MAX = 64,                          /* on one server: a listener of one loop */
    GRANT_POLL_NS = 20 * (int)NANOS_PER_MILLI, /* room comes from other threads, unannounced */
    STEP_BYTES = 64 * 1024,                    /* what a body of unknown length waits for */
    LARGE_PART = 64,                           /* of the limit: what is more is large */
    SMALL_PART = 8,                            /* what large ones leave */
    LAPSE_SECONDS = 2,                         /* from then on a grant must have been ... */
    LAPSE_BYTES_PER_SECOND = 1 << 20,          /* ... used so fast */
};

static void grants_turn(void *owner);

void grants_init(Server *server)
{
    server->grants.timer = (Timer){ .fire = grants_turn, .owner = server };
}

/* ---- the line of those who wait ---- */

static void join(Request *request)
{
    Grants *grants = &request->server->grants;
    request->waiting = true;
    request->wait_since_ns = loop_now(request->server->loop);
    request->wait_next = NULL;
    request->wait_prev = grants->last;
    *(grants->last ? &grants->last->wait_next : &grants->first) = request;
    grants->last = request;
    grants->count++;
    if (!grants->timer.set)
        timer_set(request->server->loop, &grants->timer, request->wait_since_ns + GRANT_POLL_NS);
}

void grant_forget(Request *request)
{
    Grants *grants = &request->server->grants;
    if (!request->waiting)
        return;
    request->waiting = false;
    *(request->wait_prev ? &request->wait_prev->wait_next : &grants->first) = request->wait_next;
    *(request->wait_next ? &request->wait_next->wait_prev : &grants->last) = request->wait_prev;
    grants->count--;
    if (!grants->count)
        timer_cancel(request->server->loop, &grants->timer);
}

static bool begin_wait(Request *request)
{
    if (request->server->grants.count >= WAITERS_MAX)
        return request_refuse_overload(request);
    join(request);
    request->home.pause(request->home.connection, request);
    return true;
}

/* ---- grants ---- */

/* A few large bodies must not keep everybody else out: they leave a part to the small ones. */
static bool leaves_room(const Request *request, size_t more)
{
    size_t limit = purse_limit(request->body.purse);
    return more <= limit / LARGE_PART || purse_has(request->body.purse, more + limit / SMALL_PART);
}

/* What does not fit leaves the body as it was. */
static bool reserve(Request *request)
{
    Buf *body = &request->body;
    size_t more = request->need > body->len ? request->need - body->len : 0;
    if (!leaves_room(request, more))
        return false;
    if (more ? buf_reserve_exact(body, more) != NULL : purse_has(body->purse, 0)) {
        request->granted_ns = loop_now(request->server->loop);
        return true;
    }
    body->failed = body->over_budget = false;
    return false;
}

bool grant_ask(Request *request, size_t size)
{
    request->need = size < request->body.max ? size : request->body.max;
    return request->waiting || reserve(request) || begin_wait(request);
}

bool grant_keep(Request *request, Str bytes)
{
    Buf *body = &request->body;
    if (!request->waiting)
        buf_reserve(body, bytes.len);
    bool short_of_room = request->waiting || body->over_budget;
    if (short_of_room) {
        body->failed = body->over_budget = false;
        body->forced = true;
        buf_reserve_exact(body, bytes.len);
        body->forced = false;
    }
    buf_add(body, bytes);
    if (body->failed)
        return request_refuse_overload(request);
    bool must_wait = short_of_room && !request->waiting;
    return !must_wait || grant_ask(request, body->len + STEP_BYTES);
}

/* ---- time ---- */

static bool is_too_slow(const Request *request, int64_t now)
{
    int64_t age = (now - request->granted_ns) / NANOS_PER_SECOND;
    size_t unused = request->body.cap - request->body.len;
    return request->state == REQUEST_RECEIVING && !request->waiting && unused >= STEP_BYTES &&
           age >= LAPSE_SECONDS && request->body.len / LAPSE_BYTES_PER_SECOND < (size_t)age;
}

static void take_back(Server *server, int64_t now)
{
    for (Request *request = server->requests; request; request = request->next)
        if (is_too_slow(request, now))
            buf_shrink(&request->body);
}

static void go_on(Request *request)
{
    int64_t waited = loop_now(request->server->loop) - request->wait_since_ns;
    grant_forget(request);
    request->slow_at_ns += waited; /* it was we who kept the peer waiting */
    request->home.resume(request->home.connection, request);
}

static void grants_turn(void *owner)
{
    Server *server = owner;
    Grants *grants = &server->grants;
    int64_t now = loop_now(server->loop);
    take_back(server, now);
    /* Resuming one may end others: so each round looks at the line from its start. */
    size_t turns = grants->count;
    Request *request = grants->first;
    while (request && turns-- > 0) {
        Request *next = request->wait_next;
        if (reserve(request)) {
            go_on(request);
            next = grants->first;
        } else if (now - request->wait_since_ns >= GRANT_WAIT_MS * NANOS_PER_MILLI) {
            request_refuse_overload(request);
            next = grants->first;
        }
        request = next;
    }
    if (grants->count)
        timer_set(server->loop, &grants->timer, now + GRANT_POLL_NS);
}
