/* request_turn.c - large requests take turns: one for each turn of the loop.
 *
 * To inflate and to read through 64 MiB takes some tenths of a second. When a hundred such requests
 * are whole at the same moment, whoever asks for a page or for the health of the program waits for
 * the one that is being read, not for all of them.
 */
#include "net/encoding.h"
#include "net/request_internal.h"
#include "net/server_internal.h"

enum {
    LARGE_BODY = 256 * 1024,
    LARGE_PACKED = 16 * 1024, /* it may be a thousand times as much once inflated */
};

static void turns_run(void *owner);

void turns_init(Server *server)
{
    server->turns.post = (Post){ .run = turns_run, .owner = server };
}

void turns_done(Server *server)
{
    loop_unpost(server->loop, &server->turns.post);
}

static bool is_packed(const Request *request)
{
    Str name = request->grpc ? request_field(request, STR("grpc-encoding"))
                             : request_field(request, STR("content-encoding"));
    return !encoding_is_identity(name);
}

bool turn_is_needed(const Request *request)
{
    size_t size = request->body.len;
    return size >= LARGE_BODY || (size >= LARGE_PACKED && is_packed(request));
}

void turn_ask(Request *request)
{
    Server *server = request->server;
    Turns *turns = &server->turns;
    request->queued = true;
    request->turn_next = NULL;
    *(turns->last ? &turns->last->turn_next : &turns->first) = request;
    turns->last = request;
    loop_post(server->loop, &turns->post);
}

/* Walks the line: it is short, and leaving it is rare. */
void turn_forget(Request *request)
{
    Turns *turns = &request->server->turns;
    if (!request->queued)
        return;
    request->queued = false;
    Request *before = NULL;
    for (Request *at = turns->first; at && at != request; at = at->turn_next)
        before = at;
    *(before ? &before->turn_next : &turns->first) = request->turn_next;
    if (turns->last == request)
        turns->last = before;
}

static void turns_run(void *owner)
{
    Server *server = owner;
    Turns *turns = &server->turns;
    Request *request = turns->first;
    if (!request)
        return;
    turn_forget(request);
    if (turns->first)
        loop_post(server->loop, &turns->post);
    request_finish(request);
}
