/* server_internal.h - the server's own structs: the server, and a connection of whatever protocol.
 *
 * A connection starts SNIFFING; its first bytes choose a ConnectionProtocol. It is closed at once
 * and freed by a Post, so that no event ever frees what its caller still stands on.
 */
#ifndef NET_SERVER_INTERNAL_H
#define NET_SERVER_INTERNAL_H

#include "net/request_internal.h"
#include "net/route_internal.h"
#include "net/server.h"
#include "net/transport_internal.h"

typedef struct Connection Connection;

/* What differs between HTTP/1.1 and HTTP/2. `talk` is what open() made. */
typedef struct ConnectionProtocol {
    void *(*open)(Connection *connection, Err *err);
    void (*received)(void *talk, Str bytes);
    void (*fill)(void *talk, Buf *out);
    bool (*is_idle)(const void *talk); /* nothing is under way */
    int64_t (*deadline)(void *talk);   /* when to give up waiting for the peer; INT64_MAX: not */
    void (*expired)(void *talk);
    void (*drain)(void *talk); /* finish what is under way, begin nothing new */
    void (*close)(void *talk); /* the connection is lost: let go of the requests */
    void (*free)(void *talk);  /* later, when nothing of it is on the stack any more */
} ConnectionProtocol;

extern const ConnectionProtocol protocol_http1, protocol_http2;

enum { SNIFF_SIZE = 4 }; /* "PRI " begins HTTP/2 and nothing else */

struct Connection {
    Server *server; /* NULL: closed, waiting to be freed */
    Connection *next, *prev;
    Transport transport;
    Address peer;
    Timer timer; /* at or before the deadline: see touch() in connection.c */
    Post doom;
    size_t charged; /* to the budget */
    int64_t accepted_ns;
    int64_t refused_ns; /* when its TLS handshake failed; 0: it did not */
    int64_t slow_at_ns; /* when what we send counts as taken too slowly; 0: nothing waits */
    uint64_t seen_sent; /* bytes, when that was set */
    char sniffed[SNIFF_SIZE];
    size_t sniffed_len;
    const ConnectionProtocol *protocol; /* NULL: sniffing */
    void *talk;
    bool aged;   /* has been told that it is old enough */
    bool ending; /* close once everything has been sent */
};

typedef struct ServerPurses { /* all NULL without a budget */
    Purse *connections, *bodies, *answers;
    Purse *large_answers; /* the result of a question */
} ServerPurses;

typedef struct Turns { /* see request_turn.c */
    Request *first, *last;
    Post post;
} Turns;

/* Whole requests whose handlers would not have them yet; see request_hold.c. */
typedef struct Holds {
    Request *first, *last;
    Timer timer;
} Holds;

/* Requests whose bodies wait for room; see request_grant.c. */
typedef struct Grants {
    Request *first, *last;
    size_t count;
    Timer timer;
} Grants;

struct Server {
    Loop *loop;
    ServerLimits limits;
    ServerPurses purses;
    Grants grants;
    Turns turns;
    Holds holds;
    char *endpoint;
    TlsContext *tls; /* NULL: plain text */
    void (*handshake_failed)(void *owner, const Address *peer, const Err *err);
    void *handshake_owner;
    bool reuse_port, check_host, close_each;
    bool (*authenticate)(void *owner, Request *request, Err *err);
    void *authenticate_owner;
    HttpFields challenge; /* one field, or none */
    bool (*admit)(void *route_owner, Err *err);
    bool (*hold)(void *route_owner);
    HttpFields allowed_hosts, encodings; /* names only */
    HttpFields response_fields;
    Cors *cors; /* NULL: none */
    RouteTable routes, grpc_routes;
    Watch listener;
    Timer accept_again; /* descriptors ran out */
    int spare;          /* a descriptor for whoever comes then; -1: none */
    Address address;
    Connection *connections, *last_connection; /* who was active last comes first */
    Request *requests;
    ServerCounts counts;
    bool draining;
    Timer drain_deadline;
    Post drain_over;
    void (*drained)(void *owner);
    void *drained_owner;
};

enum {
    CONNECTION_COST = 8 * 1024, /* charged for each, beside what its engine takes */
    TLS_COST = 20 * 1024,       /* and for its TLS: idle, the two are 27 KiB (bench net_exchange) */
    HANDSHAKE_COST = 48 * 1024, /* and until the handshake is done: its records and messages */
    RETRY_OVERLOAD_MS = 1000,   /* what a peer is told to wait when we are full */
    LINGER_NS = 1000000000,     /* how long what comes behind our last word is read and forgotten */
};

/* connection.c */
/* False: no memory, or none in the budget; fd is still the caller's. */
CHECKED bool connection_accept(Server *server, int fd, const Address *peer);
bool connection_is_idle(const Connection *connection);
void connection_refresh(Connection *connection); /* to the front of the server's list */
void connection_close(Connection *connection);
void connection_send(Connection *connection); /* there is something to send */
void connection_drain(Connection *connection);
/* What there is to send goes out, then it is closed. */
void connection_end(Connection *connection);

/* accept.c. Takes over the listener when it says true. */
CHECKED bool accept_start(Server *server, int listener, Err *err);
void accept_stop(Server *server); /* harmless when it was not started */

/* request_grant.c */
void grants_init(Server *server);

/* request_turn.c */
void turns_init(Server *server);
void turns_done(Server *server);

/* request_hold.c */
void holds_init(Server *server);
void holds_end(Server *server); /* whoever is held is told to come back; nobody is from now on */

/* host_check.c: may this request's Host and Origin speak to us? */
bool host_is_allowed(const Server *server, const Request *request);

/* server.c */
void server_connection_closed(Server *server);

#endif
