/* auth_ends.h - authenticators under test: alone, and between an exporter and the otlp receiver. */
#ifndef TESTS_SUPPORT_AUTH_ENDS_H
#define TESTS_SUPPORT_AUTH_ENDS_H

#include "pipe/auth.h"
#include "support/test_host.h"

/* A started extension; fails the test when it does not start. */
TestHost *auth_start(const ComponentType *type, const char *yaml);
/* Fails unless these settings are refused with that text, by check() or by start(). */
void auth_refuses(const ComponentType *type, const char *yaml, const char *says);

/* What the server side says to these fields ("name: value", lines). NULL when it lets the peer in;
 * else its text. `known` (may be NULL): what it found out, "name=value" each behind a space. */
const char *auth_asked(TestHost *host, const char *lines, Err *err, Buf *known);
/* What the client side sends, with those lines there before: "name: value\n" each. */
bool auth_signed(TestHost *host, const ClientInfo *client, const char *lines, Buf *out, Err *err);

/* An exporter and a receiver that talk over real sockets. */
typedef struct AuthWish {
    bool grpc, plain;          /* plain: without TLS */
    TestHost *server, *client; /* started extensions; NULL: none on this side */
    const char *listen, *send; /* further settings, each with ", " in front; NULL: none */
} AuthWish;
typedef struct AuthEnds {
    AuthWish wish;
    TestHost *receiver, *exporter;
    char folder[32];
} AuthEnds;

void auth_ends_begin(AuthEnds *ends, const AuthWish *wish);
const AckOutcome *auth_ends_push(AuthEnds *ends); /* one batch, until its end */
/* Who sent the batch that arrived last. */
const ClientInfo *auth_ends_client(const AuthEnds *ends);
void auth_ends_end(AuthEnds *ends);

#endif
