/* request_hold.c - requests that are whole, and that whoever handles them would not take yet.
 *
 * The far end of a pipeline is full and wants its senders to wait. So the request stays as it came,
 * not inflated and unanswered: of HTTP/1.1 its connection is not read on, of HTTP/2 its stream
 * stays open, and the client sends no more than it may have in flight. What is held is charged as
 * any body, so that in the end bodies wait for room (request_grant.c); and it ends with its
 * connection, for a client that gives up takes its request along.
 *
 * All that wait are asked about in their order whenever HOLD_POLL has passed: what they wait for
 * happens on other threads, unannounced. A server that drains holds nobody: whoever waited is told
 * to come back, since nothing of it was taken.
 */
#include "net/request_internal.h"
#include "net/server_internal.h"

enum { HOLD_POLL_NS = 5 * (int)NANOS_PER_MILLI };

static void holds_turn(void *owner);

void holds_init(Server *server)
{
    server->holds.timer = (Timer){ .fire = holds_turn, .owner = server };
}

static void join(Request *request)
{
    Server *server = request->server;
    Holds *holds = &server->holds;
    request->held = true;
    request->hold_next = NULL;
    request->hold_prev = holds->last;
    *(holds->last ? &holds->last->hold_next : &holds->first) = request;
    holds->last = request;
    if (!holds->timer.set)
        timer_set(server->loop, &holds->timer, loop_now(server->loop) + HOLD_POLL_NS);
}

void hold_forget(Request *request)
{
    Holds *holds = &request->server->holds;
    if (!request->held)
        return;
    request->held = false;
    *(request->hold_prev ? &request->hold_prev->hold_next : &holds->first) = request->hold_next;
    *(request->hold_next ? &request->hold_next->hold_prev : &holds->last) = request->hold_prev;
    if (!holds->first)
        timer_cancel(request->server->loop, &holds->timer);
}

static bool is_unwanted(const Request *request)
{
    return request->server->hold(request->route->owner);
}

/* One of the same route that came earlier goes first. */
static bool waits_behind(const Request *request)
{
    for (const Request *at = request->server->holds.first; at; at = at->hold_next)
        if (at->route->owner == request->route->owner)
            return true;
    return false;
}

bool hold_ask(Request *request)
{
    const Server *server = request->server;
    if (!server->hold || (!waits_behind(request) && !is_unwanted(request)))
        return false;
    if (server->draining)
        request_refuse_overload(request);
    else
        join(request);
    return true;
}

/* The first whose handler would have it now. Large ones take turns here, too (request_turn.c). */
static Request *first_wanted(const Holds *holds)
{
    Request *request = holds->first;
    while (request && is_unwanted(request))
        request = request->hold_next;
    return request;
}

/* Handling one may end others: so each is looked for from the start of the line. */
static void holds_turn(void *owner)
{
    Server *server = owner;
    Holds *holds = &server->holds;
    bool large = false;
    Request *request;
    while (!large && (request = first_wanted(holds)) != NULL) {
        large = turn_is_needed(request);
        hold_forget(request);
        request_handle(request);
    }
    if (holds->first)
        timer_set(server->loop, &holds->timer, loop_now(server->loop) + (large ? 0 : HOLD_POLL_NS));
}

void holds_end(Server *server)
{
    while (server->holds.first) {
        Request *request = server->holds.first;
        hold_forget(request);
        request_refuse_overload(request);
    }
}
