/* resolve.c - names to addresses without blocking the loop; see resolve.h.
 *
 * getaddrinfo cannot be interrupted, so a Lookup that is cancelled meanwhile is left to its thread,
 * which frees it. `mutex` decides who that is: the thread posts, unless the loop has let go first.
 */
#include "net/resolve.h"

#include "base/mem.h"
#include "base/thread.h"

#include <netdb.h>
#include <string.h>

enum { NAME_MAX_LEN = 253 };

struct Lookup {
    Loop *loop;
    char host[NAME_MAX_LEN + 1];
    uint16_t port;
    void (*done)(void *owner, const Resolved *found, const Err *err);
    void *owner;
    Post post;
    Resolved found;
    Err err;
    bool ok;
    Mutex mutex;
    bool cancelled, posted; /* guarded */
};

static bool from_literal(Str host, uint16_t port, Resolved *out)
{
    out->count = 0;
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

/* ---- in the background ---- */

static void lookup_free(Lookup *lookup)
{
    mutex_done(&lookup->mutex);
    mem_free(lookup);
}

static void deliver(void *owner)
{
    Lookup *lookup = owner;
    mutex_lock(&lookup->mutex); /* the thread may still hold it */
    mutex_unlock(&lookup->mutex);
    lookup->done(lookup->owner, &lookup->found, lookup->ok ? NULL : &lookup->err);
    lookup_free(lookup);
}

static void work(void *argument)
{
    Lookup *lookup = argument;
    lookup->ok = ask_system(lookup->host, lookup->port, &lookup->found, &lookup->err);
    mutex_lock(&lookup->mutex);
    bool cancelled = lookup->cancelled;
    lookup->posted = true;
    if (!cancelled)
        loop_post(lookup->loop, &lookup->post);
    mutex_unlock(&lookup->mutex);
    if (cancelled)
        lookup_free(lookup);
}

static bool start_thread(Lookup *lookup, Err *err)
{
    Thread thread = { 0 };
    if (!thread_start(&thread, "cryo-dns", work, lookup, err))
        return false;
    thread_detach(&thread);
    return true;
}

static bool begin(Lookup *lookup, Str host, Err *err)
{
    lookup->ok = lookup->posted = from_literal(host, lookup->port, &lookup->found);
    if (lookup->ok) {
        loop_post(lookup->loop, &lookup->post);
        return true;
    }
    return copy_name(host, lookup->host, err) && start_thread(lookup, err);
}

Lookup *resolve_start(Loop *loop, Str host, uint16_t port,
                      void (*done)(void *owner, const Resolved *found, const Err *err), void *owner,
                      Err *err)
{
    Lookup *lookup = MEM_MAKE(Lookup, 1, err);
    if (!lookup)
        return NULL;
    mutex_init(&lookup->mutex);
    lookup->loop = loop;
    lookup->port = port;
    lookup->done = done;
    lookup->owner = owner;
    lookup->post = (Post){ .run = deliver, .owner = lookup };
    if (begin(lookup, host, err))
        return lookup;
    lookup_free(lookup);
    return NULL;
}

void resolve_cancel(Lookup *lookup)
{
    if (!lookup)
        return;
    mutex_lock(&lookup->mutex);
    bool ours = lookup->posted; /* otherwise the thread still works on it */
    lookup->cancelled = true;
    if (ours)
        loop_unpost(lookup->loop, &lookup->post);
    mutex_unlock(&lookup->mutex);
    if (ours)
        lookup_free(lookup);
}
