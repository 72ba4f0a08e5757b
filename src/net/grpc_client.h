/* grpc_client.h - unary gRPC calls to one host, many at once over one HTTP/2 connection.
 *
 * A client lives on one loop and is used from its thread only. It connects when the first call is
 * made, and again at the next call after the connection was lost. grpc_client_call() either refuses
 * now and keeps nothing (false), or takes the call and calls done() exactly once, never from inside
 * grpc_client_call(): with a status that the server gave (GRPC_OK or not), or with an Err when
 * there was none: connection refused or lost, deadline passed, answer too large or malformed.
 */
#ifndef NET_GRPC_CLIENT_H
#define NET_GRPC_CLIENT_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "net/encoding.h"
#include "net/grpc.h"
#include "net/http.h"
#include "net/loop.h"
#include "net/tls.h"

typedef struct GrpcClient GrpcClient;

/* 0 takes the default. */
typedef struct GrpcClientSettings {
    Loop *loop;
    Str endpoint;                 /* "host:port", "http://host:port"; copied. https:// needs tls */
    TlsContext *tls;              /* lent for the client's life: TLS is spoken; NULL: plain text */
    Str authority;                /* sent as :authority instead of the endpoint's; copied */
    Str user_agent;               /* copied; empty: "grpc-c-cryostorm/<version>" */
    size_t calls;                 /* 1024 in flight or waiting; then ERR_BUSY */
    size_t message_bytes;         /* 4 MiB of answer, as received and again once inflated */
    size_t header_bytes;          /* 64 KiB */
    int64_t connect_timeout_ns;   /* 10 s, name lookup included */
    int64_t idle_timeout_ns;      /* 5 min without a call, then the connection is closed */
    int64_t keepalive_time_ns;    /* so long without a byte, then the peer is pinged; 0: never */
    int64_t keepalive_timeout_ns; /* 20 s for its answer, then the connection is given up */
    bool keepalive_without_calls; /* ping also while no call is under way */
} GrpcClientSettings;

typedef struct GrpcReply {
    GrpcCode code;
    Str message;     /* the answer's protobuf bytes, plain; empty unless GRPC_OK */
    Str status_text; /* grpc-message, decoded */
    Str details;     /* grpc-status-details-bin, decoded */
    bool has_retry;  /* a RetryInfo was among them */
    uint32_t retry_ms;
    Buf request; /* the call's message, handed back: take it (and set it empty) to send it again */
} GrpcReply;     /* valid during done() */

typedef struct GrpcCall {
    Str path;                /* "/package.Service/Method" */
    const HttpField *fields; /* metadata, copied; names in lower case */
    size_t field_count;
    Buf message;     /* moved in when call says true */
    const Str *lent; /* instead of message: its pieces, which stay as they are until done() */
    size_t lent_count;
    const Encoding *encoding; /* how it is compressed, one for gRPC; NULL: not */
    int64_t timeout_ns;       /* sent as grpc-timeout and kept here; 0: 10 s */
    /* err is NULL when the server gave a status; otherwise reply has only request. */
    void (*done)(void *owner, GrpcReply *reply, const Err *err);
    void *owner;
} GrpcCall;

CHECKED GrpcClient *grpc_client_new(const GrpcClientSettings *settings, Err *err);
CHECKED bool grpc_client_call(GrpcClient *client, GrpcCall *call, Err *err);
/* Calls done() of everything unanswered with ERR_CLOSED, then frees. NULL is fine. Not from inside
 * a done() of the same client. */
void grpc_client_free(GrpcClient *client);

#endif
