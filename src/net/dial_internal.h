/* dial_internal.h - from a host name to a connected socket, for the clients.
 *
 * A target is one client's: it remembers the addresses of its name for a few seconds, so that many
 * connections made at once ask once, and is asked again when a connection is needed later. When the
 * resolver fails then, or says nothing in half of the time, what was known before is tried. Each
 * dial begins with another of the addresses of the family that the resolver prefers (round robin),
 * and falls through to the others, each within its share of the time. With TLS an address has
 * served when the handshake is done.
 */
#ifndef NET_DIAL_INTERNAL_H
#define NET_DIAL_INTERNAL_H

#include "net/loop.h"
#include "net/resolve.h"
#include "net/transport_internal.h"

/* The caller sets loop to alpn, then dial_target_init() the rest. */
typedef struct DialTarget {
    Loop *loop;
    int64_t timeout_ns; /* of the whole, name lookup and handshake included */
    TlsContext *tls;    /* NULL: plain text */
    TlsAlpn alpn;
    char *host;      /* of a unix socket the whole endpoint */
    char *authority; /* "host:port", for requests and errors */
    uint16_t port;
    Resolved known; /* in the resolver's order */
    int64_t known_ns;
    size_t turn; /* of the round robin */
} DialTarget;

CHECKED bool dial_target_init(DialTarget *target, Str endpoint, Err *err);
void dial_target_done(DialTarget *target); /* harmless when it is zeroed */

/* Lives in its owner; zeroed when at rest. */
typedef struct Dial {
    Loop *loop;
    DialTarget *target;
    /* The channel is the owner's, its handshake done; NULL: err says why there is none. */
    void (*done)(void *owner, const Channel *channel, const Err *err);
    void *owner;
    bool active;
    Lookup *lookup;
    Resolved found; /* in the order of trying */
    size_t tried;
    Channel channel; /* being connected; fd -1: none */
    Watch watch;
    int64_t deadline_ns, share_ns; /* of the time, for the address that is being tried */
    Timer timer;                   /* of the whole, or of this address' share */
    Post begins; /* with what is known already, or with the failure of the lookup */
    Err err;     /* of the address that came furthest, and of those the last */
    enum { DIAL_NOWHERE, DIAL_CONNECTING, DIAL_SHAKING } furthest;
} Dial;

/* done() is called exactly once, later, unless dial_cancel() comes first. */
void dial_start(Dial *dial, DialTarget *target,
                void (*done)(void *owner, const Channel *channel, const Err *err), void *owner);
void dial_cancel(Dial *dial); /* harmless at rest */

#endif
