/* resolve.c - names to addresses without blocking the loop; see resolve.h.
 *
 *   QUEUED --a thread takes it--> WORKING --answer--> POSTED --(Post: done)--> freed
 *     +--cancelled--> freed          +--cancelled--> ABANDONED --answer--> freed by the thread
 *
 * getaddrinfo cannot be interrupted, so a Lookup that is cancelled meanwhile is left to its thread.
 * A Crew is the threads of one loop and the queue before them; its mutex guards every state. A
 * thread that hangs may outlive the loop: the Crew is freed by whoever is the last to leave it.
 */
#include "net/resolve.h"

#include "base/mem.h"
#include "base/thread.h"

#include <netdb.h>
#include <string.h>

enum { NAME_MAX_LEN = 253 };

typedef struct Crew {
    LoopGuest guest; /* first: it is one */
    Mutex mutex;
    Lookup *first, *last; /* QUEUED */
    size_t threads;
    bool left; /* the loop is gone */
} Crew;

typedef enum LookupState { QUEUED, WORKING, POSTED, ABANDONED } LookupState;

struct Lookup {
    Loop *loop;
    Crew *crew; /* NULL: a literal, which needs none */
    Lookup *next;
    LookupState state;
    char host[NAME_MAX_LEN + 1];
    uint16_t port;
    void (*done)(void *owner, const Resolved *found, const Err *err);
    void *owner;
    Post post;
    Resolved found;
    Err err;
    bool ok;
};

static bool from_literal(Str host, uint16_t port, Resolved *out)
{
    Str path;
    Err err = { 0 };
    out->count = 0;
    if (endpoint_is_path(host, &path) && address_from_path(&out->addresses[0], path, &err)) {
        out->count = 1;
        return true;
    }
    if (!address_from_literal(&out->addresses[0], host, port))
        return false;
    out->count = 1;
    if (str_eq_nocase(host, STR("localhost")) &&
        address_from_literal(&out->addresses[1], STR("::1"), port))
        out->count = 2;
    return true;
}

static void keep(Resolved *out, const struct addrinfo *list, uint16_t port)
{
    for (; list && out->count < RESOLVED_MAX; list = list->ai_next) {
        Address *address = &out->addresses[out->count];
        if (list->ai_addrlen > sizeof address->os)
            continue;
        memset(address, 0, sizeof *address);
        memcpy(&address->os, list->ai_addr, list->ai_addrlen);
        address->len = list->ai_addrlen;
        address_set_port(address, port);
        out->count++;
    }
}

static bool ask_system(const char *host, uint16_t port, Resolved *out, Err *err)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC,
                              .ai_socktype = SOCK_STREAM,
                              .ai_flags = AI_ADDRCONFIG };
    struct addrinfo *list = NULL;
    int code = getaddrinfo(host, NULL, &hints, &list);
    if (code != 0)
        return fail(err, ERR_IO, "looking up %s: %s", host, gai_strerror(code));
    out->count = 0;
    keep(out, list, port);
    freeaddrinfo(list);
    return out->count > 0 || fail(err, ERR_IO, "looking up %s: no address", host);
}

static bool copy_name(Str host, char out[NAME_MAX_LEN + 1], Err *err)
{
    if (host.len == 0 || host.len > NAME_MAX_LEN || memchr(host.ptr, 0, host.len))
        return fail(err, ERR_INPUT, "\"%.*s\" is no host name", STR_ARG(str_first(host, 64)));
    memcpy(out, host.ptr, host.len);
    out[host.len] = 0;
    return true;
}

bool resolve_now(Str host, uint16_t port, Address *out, Err *err)
{
    char name[NAME_MAX_LEN + 1];
    Resolved found;
    if (!from_literal(host, port, &found) &&
        (!copy_name(host, name, err) || !ask_system(name, port, &found, err)))
        return false;
    *out = found.addresses[0];
    return true;
}

/* ---- threads ---- */

static void crew_free(Crew *crew)
{
    mutex_done(&crew->mutex);
    mem_free(crew);
}

/* With the mutex held, which it gives back. */
static void unlock_or_free(Crew *crew)
{
    bool last = crew->left && crew->threads == 0;
    mutex_unlock(&crew->mutex);
    if (last)
        crew_free(crew);
}

static void leave(LoopGuest *guest)
{
    Crew *crew = (Crew *)guest;
    mutex_lock(&crew->mutex);
    crew->left = true;
    unlock_or_free(crew);
}

static Crew *crew_of(Loop *loop, Err *err)
{
    LoopGuest **guest = loop_resolver(loop);
    if (!*guest) {
        Crew *crew = MEM_MAKE(Crew, 1, err);
        if (!crew)
            return NULL;
        mutex_init(&crew->mutex);
        crew->guest.leave = leave;
        *guest = &crew->guest;
    }
    return (Crew *)*guest;
}

static Lookup *take_first(Crew *crew)
{
    Lookup *lookup = crew->first;
    if (!lookup)
        return NULL;
    crew->first = lookup->next;
    if (!crew->first)
        crew->last = NULL;
    lookup->state = WORKING;
    return lookup;
}

static void finish(Lookup *lookup)
{
    if (lookup->state == ABANDONED) {
        mem_free(lookup);
        return;
    }
    lookup->state = POSTED;
    loop_post(lookup->loop, &lookup->post);
}

static void work(void *argument)
{
    Crew *crew = argument;
    mutex_lock(&crew->mutex);
    for (Lookup *lookup = take_first(crew); lookup; lookup = take_first(crew)) {
        mutex_unlock(&crew->mutex);
        lookup->ok = ask_system(lookup->host, lookup->port, &lookup->found, &lookup->err);
        mutex_lock(&crew->mutex);
        finish(lookup);
    }
    crew->threads--;
    unlock_or_free(crew);
}

/* With the mutex held. One that cannot be started is no loss while others work. */
static bool start_thread(Crew *crew, Err *err)
{
    Thread thread = { 0 };
    if (crew->threads >= LOOKUP_THREADS)
        return true;
    if (!thread_start(&thread, "cryo-dns", work, crew, err))
        return crew->threads > 0;
    thread_detach(&thread);
    crew->threads++;
    return true;
}

static bool enqueue(Lookup *lookup, Err *err)
{
    Crew *crew = lookup->crew;
    mutex_lock(&crew->mutex);
    bool ok = start_thread(crew, err);
    if (ok && crew->last)
        crew->last->next = lookup;
    else if (ok)
        crew->first = lookup;
    if (ok)
        crew->last = lookup;
    mutex_unlock(&crew->mutex);
    return ok;
}

/* ---- lookups ---- */

static void deliver(void *owner)
{
    Lookup *lookup = owner;
    if (lookup->crew) { /* whose thread may still be inside of loop_post() */
        mutex_lock(&lookup->crew->mutex);
        mutex_unlock(&lookup->crew->mutex);
    }
    lookup->done(lookup->owner, &lookup->found, lookup->ok ? NULL : &lookup->err);
    mem_free(lookup);
}

static bool begin(Lookup *lookup, Str host, Err *err)
{
    lookup->ok = from_literal(host, lookup->port, &lookup->found);
    if (lookup->ok) {
        lookup->state = POSTED;
        loop_post(lookup->loop, &lookup->post);
        return true;
    }
    lookup->crew = copy_name(host, lookup->host, err) ? crew_of(lookup->loop, err) : NULL;
    return lookup->crew && enqueue(lookup, err);
}

Lookup *resolve_start(Loop *loop, Str host, uint16_t port,
                      void (*done)(void *owner, const Resolved *found, const Err *err), void *owner,
                      Err *err)
{
    Lookup *lookup = MEM_MAKE(Lookup, 1, err);
    if (!lookup)
        return NULL;
    lookup->loop = loop;
    lookup->port = port;
    lookup->done = done;
    lookup->owner = owner;
    lookup->post = (Post){ .run = deliver, .owner = lookup };
    if (begin(lookup, host, err))
        return lookup;
    mem_free(lookup);
    return NULL;
}

static void take_out(Crew *crew, const Lookup *lookup)
{
    Lookup *before = NULL;
    for (Lookup *at = crew->first; at != lookup; at = at->next)
        before = at;
    if (before)
        before->next = lookup->next;
    else
        crew->first = lookup->next;
    if (crew->last == lookup)
        crew->last = before;
}

static LookupState let_go(Lookup *lookup)
{
    Crew *crew = lookup->crew;
    if (!crew)
        return POSTED;
    mutex_lock(&crew->mutex);
    LookupState state = lookup->state;
    if (state == QUEUED)
        take_out(crew, lookup);
    else if (state == WORKING)
        lookup->state = ABANDONED;
    mutex_unlock(&crew->mutex);
    return state;
}

void resolve_cancel(Lookup *lookup)
{
    if (!lookup)
        return;
    LookupState state = let_go(lookup);
    if (state == WORKING)
        return;
    if (state == POSTED)
        loop_unpost(lookup->loop, &lookup->post);
    mem_free(lookup);
}
