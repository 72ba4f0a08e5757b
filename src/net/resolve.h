/* resolve.h - names to addresses without blocking the loop.
 *
 * Literal addresses, "localhost" and the endpoints of unix sockets are answered from what is
 * written; everything else asks the system's resolver (and with it /etc/hosts) on a worker thread,
 * which posts the answer back. A loop has at most LOOKUP_THREADS of those, and lookups that find
 * none free wait for one: a resolver that hangs holds up names, never threads without number. They
 * end when there is nothing to look up.
 */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

#include "base/attributes.h"
#include "base/err.h"
#include "base/str.h"
#include "net/address.h"
#include "net/loop.h"

enum {
    RESOLVED_MAX = 8, /* further addresses of a name are not tried */
    LOOKUP_THREADS = 4,
};

typedef struct Resolved {
    Address addresses[RESOLVED_MAX]; /* in the order in which to try them */
    size_t count;
} Resolved;

typedef struct Lookup Lookup;

/* Calls done() exactly once, later, on the loop's thread; err is NULL on success. NULL: refused. */
CHECKED Lookup *resolve_start(Loop *loop, Str host, uint16_t port,
                              void (*done)(void *owner, const Resolved *found, const Err *err),
                              void *owner, Err *err);
/* done() will not be called. Only before it was. NULL is fine. */
void resolve_cancel(Lookup *lookup);

/* Blocks; for start-up. The first address. */
CHECKED bool resolve_now(Str host, uint16_t port, Address *out, Err *err);

#endif
