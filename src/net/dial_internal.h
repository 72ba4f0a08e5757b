/* dial_internal.h - from a host name to a connected socket, for the clients.
 *
 * Looks the name up, then tries its addresses one after the other within one time-out.
 */
#ifndef NET_DIAL_INTERNAL_H
#define NET_DIAL_INTERNAL_H

#include "net/loop.h"
#include "net/resolve.h"

typedef struct DialTo {
    Str host; /* borrowed until done() or dial_cancel() */
    uint16_t port;
    int64_t timeout_ns;
} DialTo;

/* Lives in its owner; zeroed when at rest. */
typedef struct Dial {
    Loop *loop;
    DialTo to;
    void (*done)(void *owner, int fd, const Err *err); /* fd is the owner's; -1: err says why */
    void *owner;
    bool active;
    Lookup *lookup;
    Resolved found;
    size_t tried;
    int fd; /* being connected, or -1 */
    Watch watch;
    Timer timer;
    Post failed; /* what went wrong at once is told later */
    Err err;     /* of the last address that was tried */
} Dial;

/* done() is called exactly once, later, unless dial_cancel() comes first. */
void dial_start(Dial *dial, Loop *loop, const DialTo *to,
                void (*done)(void *owner, int fd, const Err *err), void *owner);
void dial_cancel(Dial *dial); /* harmless at rest */

#endif
