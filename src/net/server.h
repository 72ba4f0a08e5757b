/* server.h - one listening port that speaks HTTP/1.1, HTTP/2 and unary gRPC, with TLS or without.
 *
 * The first bytes of a connection say which protocol it is. Whatever it is, a Request reaches the
 * handler of its route with its whole body, bounded and already inflated, and is answered exactly
 * once, at once or later. All of it happens on the loop's thread.
 *
 * Who owns what: a Request belongs to the handler from the call on, until one of the request_answer
 * functions ends it; texts read from it are borrowed until then. When the peer goes away first, the
 * handler may ask to be told (request_on_gone), and still ends the Request by answering; the answer
 * then goes nowhere. The same holds when the server is freed first. A forgotten Request leaks and
 * keeps a drain waiting.
 *
 * Memory comes from the budget: a body is read only once there is room for it. Until then the
 * connection is not read, or the stream's window stays closed; after GRANT_WAIT_MS the request is
 * refused with 503 or UNAVAILABLE and a time to come back.
 *
 * What is refused without asking a handler: 400 malformed, 403 Host or Origin not allowed, 404 no
 * such path, 405 with Allow, 408 too slow, 413 body over its limit, or over that of inflated ones,
 * 415 unknown content encoding, 431 too many header bytes, 503 + Retry-After when the budget or the
 * connections are used up; on gRPC UNIMPLEMENTED, RESOURCE_EXHAUSTED and UNAVAILABLE. Floods of
 * resets, pings or settings end the connection with GOAWAY.
 */
#ifndef NET_SERVER_H
#define NET_SERVER_H

#include "base/attributes.h"
#include "base/budget.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "net/address.h"
#include "net/cors.h"
#include "net/grpc.h"
#include "net/http.h"
#include "net/loop.h"
#include "net/tls.h"

typedef struct Server Server;
typedef struct Request Request;

/* Every limit has a default, taken where the field is 0. */
typedef struct ServerLimits {
    size_t connections; /* 10000; then the idlest is closed for a new one, or that told 503 */
    size_t streams_per_connection; /* 256, HTTP/2 and gRPC */
    size_t body_bytes;             /* 64 MiB, as received */
    size_t inflated_bytes;         /* 64 MiB, of a body that comes compressed, once inflated */
    size_t header_bytes;           /* 64 KiB, counted as HTTP/2 counts a header list */
    int64_t header_timeout_ns;     /* 10 s for a whole header, and for the first byte */
    int64_t body_timeout_ns;       /* 30 s without 500 bytes for every further second */
    int64_t age_max_ns;            /* no limit; then a connection takes no new request ... */
    int64_t age_grace_ns;          /* no limit; ... and is cut so long after */
    int64_t idle_timeout_ns;       /* 3 min between requests */
    int64_t write_timeout_ns;      /* 30 s without 500 bytes taken for every further second */
} ServerLimits;

enum { GRANT_WAIT_MS = 3000 }; /* below what clients usually wait for an answer, 10 s */

typedef struct ServerSettings {
    Loop *loop;      /* borrowed for the server's life */
    Str endpoint;    /* "host:port", port 0 takes a free one; or a path, see address.h */
    bool reuse_port; /* several servers, one per shard, on one port */
    TlsContext *tls; /* lent for the server's life; NULL: plain text */
    Budget *budget;  /* who pays for all of it; must outlive every Request. NULL: nobody */
    bool vital;      /* its connections and small answers may use what is kept for them */
    /* Who is it? Asked at the head of each request that has a route, before anything else; false:
     * refused with err (ERR_UNKNOWN is 401 with `challenge` as WWW-Authenticate, and
     * UNAUTHENTICATED). NULL: whoever. What it learns it hands on by request_carry. */
    bool (*authenticate)(void *owner, Request *request, Err *err);
    void *authenticate_owner;
    Str challenge; /* copied; empty: none */
    /* Asked with its route's owner at the head of each request, before any of its body is kept;
     * false: refused with err, and what comes of its body is read and forgotten. NULL: always. */
    bool (*admit)(void *route_owner, Err *err);
    /* Asked with its route's owner when a request is whole; true: it is kept here as it came, with
     * no answer, and asked about again (request_hold.c). NULL: never. */
    bool (*hold)(void *route_owner);
    bool check_host;          /* refuse Host and Origin that are neither loopback nor in the list */
    const Str *allowed_hosts; /* further names, without port; copied */
    size_t allowed_host_count;
    const CorsSettings *cors; /* NULL: browsers show answers to pages of ours only; copied */
    const HttpField *response_fields; /* on every HTTP answer, names in lower case; copied */
    size_t response_field_count;
    const Str *encodings; /* HTTP: those a body may have; none given: all that are known; copied */
    size_t encoding_count;
    bool close_each; /* an HTTP/1.1 connection ends with its first answer */
    ServerLimits limits;
    /* A peer and we did not agree on TLS, or it began a handshake on a port in plain text: for the
     * log. NULL: nobody wants to know. */
    void (*handshake_failed)(void *owner, const Address *peer, const Err *err);
    void *handshake_owner;
} ServerSettings;

/* Is it reached from this machine alone? Faces that others scrape by any name check the Host then
 * only. */
bool endpoint_is_loopback(Str endpoint);

/* Which requests go to whom. Among routes that match, an exact path wins over a prefix and a longer
 * prefix over a shorter one. Texts are copied. */
typedef struct Route {
    Str path;    /* "/v1/traces"; ending in '*' it is a prefix: "/assets/" + "*" */
    Str methods; /* "POST" or "GET, POST"; GET brings HEAD; empty: any */
    void (*handle)(void *owner, Request *request);
    void *owner;
    size_t body_bytes; /* as received and again once inflated; 0: the server's limits */
} Route;

/* The same for gRPC: path is "/package.Service/Method". */
typedef struct GrpcRoute {
    Str path;
    void (*handle)(void *owner, Request *request); /* the body is the message */
    void *owner;
    size_t message_bytes; /* likewise */
} GrpcRoute;

typedef struct ServerCounts {
    uint64_t connections_accepted, connections_refused, connections_open;
    uint64_t connections_evicted; /* idle, closed so that a new one finds room */
    uint64_t handshakes_failed;   /* see ServerSettings.handshake_failed */
    uint64_t requests, requests_in_flight;
    uint64_t refused; /* requests that no handler saw, see above */
    uint64_t bytes_in, bytes_out;
} ServerCounts;

CHECKED Server *server_new(const ServerSettings *settings, Err *err); /* does not listen yet */
CHECKED bool server_route(Server *server, const Route *route, Err *err);
CHECKED bool server_grpc_route(Server *server, const GrpcRoute *route, Err *err);
/* Binds and listens. A taken port is ERR_IO and says by whom where that can be known. */
CHECKED bool server_listen(Server *server, Err *err);
Address server_address(const Server *server); /* once it listens: with the real port */
ServerCounts server_counts(const Server *server);

/* Stops accepting and tells every peer so; requests in flight go on. done(owner) is called once,
 * from the loop, when the last connection has closed or at the deadline (the loop's monotonic
 * time), when what is left is cut. */
void server_drain(Server *server, int64_t deadline_ns, void (*done)(void *owner), void *owner);
/* Cuts everything that is left; NULL is fine. Unanswered Requests are told and live on. */
void server_free(Server *server);

/* ---- the request ---- */

Str request_method(const Request *request);
Str request_path(const Request *request);  /* as sent, before '?', not decoded */
Str request_query(const Request *request); /* behind '?', without it */
Str request_field(const Request *request, Str lower_case_name); /* first; ptr NULL: none */
Str request_body(const Request *request); /* plain bytes; of a gRPC call the message */
/* Moves the body out; afterwards request_body is empty and the bytes count for the caller. */
Buf request_take_body(Request *request);
bool request_is_grpc(const Request *request);
/* grpc-timeout as a moment on the loop's monotonic clock; INT64_MAX: none was given. */
int64_t request_deadline_ns(const Request *request);
const Address *request_peer(const Request *request);
size_t request_field_count(const Request *request);
HttpField request_field_at(const Request *request, size_t i); /* valid while the Request is */
/* Gives the Request something to carry to its handler, one thing at most: drop(thing) is called
 * when the Request ends, unless request_take_carried() has moved it out before. */
void request_carry(Request *request, void *thing, void (*drop)(void *thing));
void *request_take_carried(Request *request); /* NULL: nothing */
bool request_is_gone(const Request *request); /* the answer will reach nobody */
/* gone(owner) is called at most once, when the peer or the server goes before the answer. */
void request_on_gone(Request *request, void (*gone)(void *owner), void *owner);

/* ---- the answer: exactly one call, which ends the Request ---- */

typedef struct Answer {
    int status;              /* 200 */
    Str content_type;        /* empty: no such field */
    const HttpField *fields; /* further ones, copied; names in lower case */
    size_t field_count;
    Buf body;        /* moved in */
    Str static_body; /* instead of body: bytes that live as long as the program */
} Answer;

/* Content-Length is ours to add; to HEAD the body is not sent. Not for gRPC. */
void request_answer(Request *request, Answer *answer);
/* A short text/plain body. */
void request_answer_text(Request *request, int status, Str text);
/* Moves the message out of *message. */
void request_answer_grpc(Request *request, Buf *message);
/* Says err in the request's own language: its kind's HTTP status with the text, or gRPC status;
 * retry_ms becomes Retry-After or RetryInfo. */
void request_answer_err(Request *request, const Err *err);

#endif
