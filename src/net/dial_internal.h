/* dial_internal.h - from a host name to a connected socket, for the clients.
 *
 * Looks the name up, then tries its addresses one after the other within one time-out. With TLS an
 * address has served when the handshake is done.
 */
#ifndef NET_DIAL_INTERNAL_H
#define NET_DIAL_INTERNAL_H

#include "net/loop.h"
#include "net/resolve.h"
#include "net/transport_internal.h"

typedef struct DialTo {
    Str host; /* borrowed until done() or dial_cancel() */
    uint16_t port;
    int64_t timeout_ns;
    TlsContext *tls; /* NULL: plain text */
    TlsAlpn alpn;
} DialTo;

/* Lives in its owner; zeroed when at rest. */
typedef struct Dial {
    Loop *loop;
    DialTo to;
    /* The channel is the owner's, its handshake done; NULL: err says why there is none. */
    void (*done)(void *owner, const Channel *channel, const Err *err);
    void *owner;
    bool active;
    Lookup *lookup;
    Resolved found;
    size_t tried;
    Channel channel; /* being connected; fd -1: none */
    Watch watch;
    Timer timer;
    Post failed; /* what went wrong at once is told later */
    Err err;     /* of the address that came furthest, and of those the last */
    enum { DIAL_NOWHERE, DIAL_CONNECTING, DIAL_SHAKING } furthest;
} Dial;

/* done() is called exactly once, later, unless dial_cancel() comes first. */
void dial_start(Dial *dial, Loop *loop, const DialTo *to,
                void (*done)(void *owner, const Channel *channel, const Err *err), void *owner);
void dial_cancel(Dial *dial); /* harmless at rest */

#endif
