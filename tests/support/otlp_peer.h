/* otlp_peer.h - clients on the loop of a component under test, and what they were answered. */
#ifndef TESTS_SUPPORT_OTLP_PEER_H
#define TESTS_SUPPORT_OTLP_PEER_H

#include "net/grpc_client.h"
#include "net/http_client.h"
#include "support/test_host.h"

typedef struct Reply {
    int calls;  /* how often it was told: 1 once there is an answer, or none will come */
    bool lost;  /* none will come */
    int status; /* HTTP's or gRPC's */
    char content_type[64], retry_after[16], allow[32];
    bool has_retry; /* gRPC's RetryInfo */
    uint32_t retry_ms;
    Buf body; /* HTTP: the body; gRPC: the message, or the text of the status */
} Reply;

typedef struct Peer {
    TestHost *host; /* its loop drives the clients, too */
    HttpClient *http;
    GrpcClient *grpc;
} Peer;

typedef struct Question { /* zeroed members take POST and application/x-protobuf */
    const char *method, *target, *content_type;
    Str body;
    bool gzip;
    bool encoded_wrong; /* says that the body is in an encoding that nobody knows */
} Question;

/* Clients for the component's endpoints, as its status tells them (HTTP, gRPC). */
void peer_begin(Peer *peer, TestHost *host);
void peer_end(Peer *peer);

/* These begin; the answer comes while the host turns. */
void peer_ask(Peer *peer, const Question *question, Reply *reply);
void peer_call(Peer *peer, const char *path, Str message, bool gzip, Reply *reply);

/* Turns until there is an answer, at most 5 s; fails the test when there is none. */
void peer_await(Peer *peer, const Reply *reply);
void reply_done(Reply *reply);

#endif
