/* far_server.h - the server that an exporter sends to: answers from a script, and what arrived. */
#ifndef TESTS_EXPORTERS_FAR_SERVER_H
#define TESTS_EXPORTERS_FAR_SERVER_H

#include "net/server.h"
#include "support/test_host.h"

enum { ARRIVALS_MAX = 64, FAR_TEXT_MAX = 128 };

typedef struct Say { /* all zero: full success */
    ErrKind kind;    /* of a failure */
    int http_status; /* instead of the kind's own */
    uint32_t retry_ms;
    uint64_t rejected;
    bool keep; /* no answer */
} Say;

typedef struct Arrival {
    bool is_grpc;
    char path[FAR_TEXT_MAX], encoding[16], type[64], agent[64], token[FAR_TEXT_MAX];
    char items[FAR_TEXT_MAX]; /* as describe_batch() says it */
} Arrival;

typedef struct FarServer {
    Loop *loop;
    TestClock clock;
    Server *server;
    char endpoint[ADDRESS_TEXT_SIZE];
    const Say *script; /* one per request; after its end: success */
    size_t script_count;
    Arrival arrivals[ARRIVALS_MAX];
    size_t count;
    Request *kept;
} FarServer;

void far_server_begin(FarServer *far, const Say *script, size_t count);
void far_server_end(FarServer *far);
void far_server_close(FarServer *far);  /* nobody listens there now ... */
void far_server_listen(FarServer *far); /* ... and again, on the same port */

/* Turns both ends until the host's Ack number i has been settled, moving the clock if it must. */
const AckOutcome *far_server_await(FarServer *far, TestHost *host, size_t ack);
/* Turns both ends until so many requests have arrived. */
void far_server_await_arrivals(FarServer *far, TestHost *host, size_t count);

#endif
