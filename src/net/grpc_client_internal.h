/* grpc_client_internal.h - the client's own structs: the client, its links, its calls.
 *
 * A call waits while there is no connection, then belongs to a link (one HTTP/2 connection) until
 * its stream is closed. A link that was told to go away finishes what it has while a new one serves
 * new calls. Every outcome is told by the call's Post, so that done() never runs inside anything
 * else of ours:
 *
 *   WAITING --link is up--> SENT --answer, error, deadline--> TOLD
 *      +----- no connection, deadline ----------------------->+
 *
 * A call is freed when done() has been called and the engine has let go of its stream, whichever is
 * later, because the engine sends straight from it.
 */
#ifndef NET_GRPC_CLIENT_INTERNAL_H
#define NET_GRPC_CLIENT_INTERNAL_H

#include "net/dial_internal.h"
#include "net/grpc_client.h"
#include "net/http2.h"
#include "net/transport_internal.h"

typedef struct Call Call;
typedef struct Link Link;

typedef enum CallState { CALL_WAITING, CALL_SENT, CALL_TOLD } CallState;

struct Call {
    GrpcClient *client;
    Call *next, *prev; /* client->calls */
    Link *link;        /* whose engine knows its stream; NULL: none does */
    CallState state;
    bool answered; /* done() has been called */
    int32_t id;
    HttpFields fields;
    Buf message; /* as given; handed back by done() */
    Str text;    /* of it */
    Payload payload;
    Http2Message out;
    int64_t timeout_ns;
    Timer deadline;
    unsigned interims;       /* 1xx that came before the answer */
    HttpFields reply_fields; /* headers and trailers */
    Buf body;
    void (*done)(void *owner, GrpcReply *reply, const Err *err);
    void *owner;
    Post tell;
    Err err; /* why there is no status; ERR_NONE: there is one */
};

struct Link {
    GrpcClient *client; /* NULL: closed, waiting to be freed */
    Link *next, *prev;
    Transport transport;
    Http2 *engine;
    size_t streams;
    Timer idle, keepalive;
    int64_t heard_ns;       /* when its last byte came */
    int64_t ping_ns;        /* of the ping that waits for an answer; 0: none does */
    uint64_t pongs_awaited; /* how many there will be with its answer */
    Post doom;
    bool heard; /* its first byte has come */
};

struct GrpcClient {
    Loop *loop;
    GrpcClientSettings limits; /* its numbers, with defaults */
    DialTarget target;
    char *user_agent, *sent_authority; /* what calls carry */
    Dial dial;
    Link *links, *current; /* current takes new calls */
    Call *calls;
    size_t call_count; /* not yet answered */
};

/* grpc_call.c */
CHECKED Call *call_new(GrpcClient *client, const GrpcCall *wanted, Err *err);
void call_free(Call *call); /* unlinks it too */
/* The outcome is known: err NULL when reply_fields and body hold it. Only the first one counts. */
void call_finish(Call *call, const Err *err);
void call_tell(Call *call);   /* calls done() now, if nobody has */
void call_let_go(Call *call); /* the engine has forgotten its stream */

/* grpc_reply.c: what the server's fields and bytes mean. False: they are not gRPC. The reply's
 * texts live in *scratch. */
typedef struct ReplyScratch {
    Buf message, status_text, details;
} ReplyScratch;

CHECKED bool reply_read(Call *call, ReplyScratch *scratch, GrpcReply *out, Err *err);

/* grpc_link.c */
CHECKED Link *link_new(GrpcClient *client, const Channel *channel, Err *err); /* takes it over */
CHECKED bool link_send(Link *link, Call *call, Err *err);
void link_flush(Link *link);
void link_forget(Link *link, Call *call); /* its answer is not wanted any more */
void link_close(Link *link, const Err *err);

#endif
