/* auth.h - what authenticators offer to listeners and to clients, by id (host_service).
 *
 * An extension that can do it answers SERVICE_SERVER_AUTH with a ServerAuth and SERVICE_CLIENT_AUTH
 * with a ClientAuth of its own, which live until its stop(). Their functions are called from any
 * loop, several at a time, and must not wait: whatever takes time (a key from an issuer, a token, a
 * file) is fetched beforehand by the extension on its own loop, and until it is there they say
 * ERR_BUSY.
 */
#ifndef PIPE_AUTH_H
#define PIPE_AUTH_H

#include "net/server.h"
#include "pipe/client_info.h"

/* What an authenticator reads: a request, and those parameters of its query that the listener
 * counts as header fields (`request_params`). */
typedef struct AuthRequest {
    const Request *request;
    const HttpFields *params;
} AuthRequest;

/* The first field of that name, parameters before headers; ptr NULL: none. */
Str auth_request_field(const AuthRequest *asked, Str lower_case_name);

typedef struct ServerAuth {
    void *self;
    Str challenge; /* for WWW-Authenticate: "Basic realm=\"...\"" */
    /* True: the peer is who it says; what was found out about it is added to `client`. False:
     * ERR_UNKNOWN (no or wrong credentials; err must not repeat them), ERR_BUSY. */
    bool (*authenticate)(void *self, const AuthRequest *asked, ClientInfo *client, Err *err);
} ServerAuth;

typedef struct ClientAuth {
    void *self;
    bool needs_tls; /* of gRPC: secrets that would travel in plain text */
    /* Completes the fields that go with one request; those of the settings are in it already.
     * client: who sent the data that it carries; NULL: nobody knows. False: the request cannot go
     * out now (ERR_BUSY) or ever. */
    bool (*sign)(void *self, const ClientInfo *client, HttpFields *fields, Err *err);
} ClientAuth;

#endif
