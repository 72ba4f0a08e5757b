/* tls_world.h - a server and both clients on one loop, with TLS or without, over a simulated
 * network or real sockets: what the tests of TLS share. */
#ifndef TESTS_NET_TLS_WORLD_H
#define TESTS_NET_TLS_WORLD_H

#include "net/grpc_client.h"
#include "net/http_client.h"
#include "net/server.h"
#include "support/sim_net.h"
#include "support/test_certs.h"

typedef struct World {
    SimNet net;
    TestClock clock; /* of real sockets */
    bool simulated;
    Loop *loop;
    TlsContext *server_tls, *client_tls;
    Server *server;
    GrpcClient *grpc;
    HttpClient *http;
    Budget budget; /* the server's */
    int failed_handshakes;
    char fault[256]; /* of the last one */
} World;

typedef struct Outcome {
    size_t size; /* of what was sent */
    int told;
    bool answered;
    char error[256];
} Outcome;

typedef enum Way { BY_GRPC, BY_HTTP } Way;

extern World world;
extern TestCert authority, good; /* good is for localhost and 127.0.0.1 */

void world_make_certs(void);
void world_open_sim(uint64_t seed, uint64_t reset_in);
void world_open_real(void);
TlsOptions world_server_options(const TestCert *cert);
TlsOptions world_client_options(void);         /* trusts the authority */
void world_open_server(const TlsOptions *tls); /* NULL: plain text; echoes */
void world_open_server_at(const char *endpoint, bool reuse_port, const TlsOptions *tls);
void world_open_clients(const TlsOptions *tls);
void world_close(void);
void world_advance(int64_t by_ns); /* the clock, and a few turns */

void world_ask(Way way, size_t size, Outcome *outcome);
void world_wait(const Outcome *outcome);
void world_must_answer(Way way, size_t size);
/* The call fails with all of the parts in its error. */
void world_must_fail(Way way, const char *part, const char *other_part);

#endif
