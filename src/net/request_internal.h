/* request_internal.h - a Request from its first header to the last byte of its answer.
 *
 *   RECEIVING --request_end--> HANDLED --request_answer...--> ANSWERED --connection: sent--> freed
 *       |                        |
 *       +--refused: any time--> ANSWERED
 *       +--connection lost--> freed       HANDLED --connection lost--> gone, freed by its answer
 *
 * The connection owns it while RECEIVING and ANSWERED, the handler while HANDLED. Refusals are
 * ordinary answers. The connection learns of every answer by its `answered` function, which may be
 * called from inside request_head, request_add_body and request_end.
 */
#ifndef NET_REQUEST_INTERNAL_H
#define NET_REQUEST_INTERNAL_H

#include "net/http2.h"
#include "net/payload_internal.h"
#include "net/route_internal.h"
#include "net/server.h"

typedef enum RequestState { REQUEST_RECEIVING, REQUEST_HANDLED, REQUEST_ANSWERED } RequestState;

typedef struct Reply {
    int status;
    HttpFields fields;
    HttpFields trailers; /* HTTP/2 only */
    bool has_trailers, has_body;
    bool bare; /* for want of memory nothing but the status */
    Payload payload;
} Reply;

/* What a Request knows of its connection. */
typedef struct RequestHome {
    void (*answered)(void *connection, Request *request);
    /* There is no room for more of the body, and again: there is. */
    void (*pause)(void *connection, Request *request);
    void (*resume)(void *connection, Request *request);
    void *connection; /* NULL: gone */
    Address peer;
    bool speaks_grpc; /* HTTP/2 */
} RequestHome;

struct Request {
    Server *server; /* NULL: freed before the answer */
    Purse *purse;   /* who pays for this struct */
    RequestHome home;
    Request *next, *prev; /* the server's list */
    int32_t stream_id;    /* the rest of an HTTP/2 stream's state */
    bool head_in;
    ErrKind head_fault; /* the first field that could not be kept; ERR_NONE: all were */
    Http2Message message;
    RequestState state;
    HttpFields fields;
    Str method, path, query; /* borrowed from fields */
    Str authority;           /* likewise: :authority, the absolute form's, or Host */
    const RouteEntry *route;
    Buf body;
    size_t body_max, inflated_max;
    bool grpc, head_only, whole;      /* whole: the body has arrived */
    uint8_t prefix[GRPC_PREFIX_SIZE]; /* gRPC: what comes before the body */
    size_t prefix_len;                /* so much of it has come */
    bool waiting, ended;              /* ended: only the wait is left */
    size_t need;                      /* the body's size as granted or waited for */
    int64_t granted_ns, wait_since_ns;
    Request *wait_next, *wait_prev;
    bool queued; /* whole and large: it waits for its turn */
    Request *turn_next;
    bool held; /* whole, and kept from its handler */
    Request *hold_next, *hold_prev;
    size_t withheld; /* HTTP/2: bytes whose window the peer has not got back */
    int64_t deadline_ns;
    int64_t slow_at_ns; /* when the body counts as too slow */
    Timer slow_timer;   /* while the body comes; of HTTP/2 also while the answer goes */
    size_t seen_sent;   /* of the answer, when that timer was set */
    void (*gone)(void *owner);
    void *gone_owner;
    void *carried;
    void (*drop_carried)(void *thing);
    Reply reply;
};

CHECKED Request *request_new(Server *server, const RequestHome *home, Err *err);
void request_free(Request *request);
/* The connection is lost: frees it, or leaves it to its handler. */
void request_lose(Request *request);

/* Fields are in; then the body. False: refused, and answered with that. */
bool request_head(Request *request);
bool request_add_body(Request *request, Str bytes);
/* How long `size` bytes may take: a second for every 500 of them. */
int64_t request_patience_ns(size_t size, int64_t most_ns);
void request_end(Request *request); /* hands it to the handler, or refuses it */

/* request_grant.c: room for a body of so many bytes in all, now or later (the request is then
 * `waiting`). False: refused, and answered with that. */
bool grant_ask(Request *request, size_t size);
/* Keeps what was read, whatever the budget says, and then waits if it says no. False: as above. */
bool grant_keep(Request *request, Str bytes);
void grant_forget(Request *request); /* it waits no longer */

/* request_turn.c */
bool turn_is_needed(const Request *request);
void turn_ask(Request *request); /* request_finish() follows */
void turn_forget(Request *request);
void request_finish(Request *request); /* hands it to its handler, or refuses or holds it */
void request_handle(Request *request); /* it is held no longer */

/* request_hold.c. True: it is not for its handler now (held, or refused since nobody is). */
bool hold_ask(Request *request);
void hold_forget(Request *request);

typedef struct Refusal {
    int status;
    GrpcCode code;
    const char *text;
    uint32_t retry_ms;
} Refusal;

void request_refuse(Request *request, const Refusal *refusal);
bool request_refuse_overload(Request *request); /* 503, come back; returns false */
/* With a text made on the way; kind gives both statuses. */
void request_refuse_err(Request *request, const Err *err);

#endif
