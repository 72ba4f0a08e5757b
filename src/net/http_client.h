/* http_client.h - HTTP/1.1 requests to one host over a few kept-alive connections.
 *
 * A client lives on one loop and is used from its thread only. http_client_send() either refuses
 * now and keeps nothing (false), or takes the request and calls done() exactly once, never from
 * inside http_client_send(): with a response of whatever status, or with an Err when there was
 * none. A request that failed on a connection which had been idle, before a byte of response, is
 * sent once more on a fresh one (the server may have closed it meanwhile).
 *
 * A connection that cannot be made at any of the host's addresses fails the requests that wait only
 * when it was the last hope: while another one serves or is being made, they wait for that one.
 */
#ifndef NET_HTTP_CLIENT_H
#define NET_HTTP_CLIENT_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "net/encoding.h"
#include "net/http.h"
#include "net/loop.h"
#include "net/tls.h"

typedef struct HttpClient HttpClient;

/* 0 takes the default. */
typedef struct HttpClientSettings {
    Loop *loop;
    Str url;               /* "http://host:port" and perhaps a path, which is not used; copied */
    TlsContext *tls;       /* lent for the client's life: TLS is spoken, https:// needs one; NULL:
                              plain text */
    size_t connections;    /* 8; further requests wait, at most `waiting` of them */
    size_t waiting;        /* 1024; then send refuses with ERR_BUSY */
    size_t response_bytes; /* 4 MiB, as received and again once inflated */
    size_t header_bytes;   /* 64 KiB */
    Purse *purse;          /* who pays for answers, also while they are inflated: an answer that has
                              no room is ERR_BUSY; NULL: nobody */
    int64_t connect_timeout_ns; /* 10 s, name lookup included */
    int64_t idle_timeout_ns;    /* 30 s, then an unused connection is closed */
} HttpClientSettings;

typedef struct HttpResponse {
    int status;
    const HttpFields *fields;
    Str body;         /* inflated */
    Buf request_body; /* the request's, handed back: take it (and set it empty) to send it again */
} HttpResponse;       /* valid during done() */

typedef struct HttpCall {
    Str method;              /* "POST" */
    Str target;              /* "/v1/traces?x=1" */
    const HttpField *fields; /* copied; Host, Content-Length and Accept-Encoding are ours */
    size_t field_count;
    Buf body;        /* moved in when send says true */
    const Str *lent; /* instead of body: its pieces, which stay as they are until done() */
    size_t lent_count;
    const Encoding *encoding; /* compress it, and say so; one for HTTP; NULL: as it is */
    bool plain;               /* ask for an answer that is not compressed */
    int64_t timeout_ns;       /* of the whole, connecting included; 0: 10 s */
    /* err is NULL when there is a response; otherwise response has only request_body. */
    void (*done)(void *owner, HttpResponse *response, const Err *err);
    void *owner;
} HttpCall;

CHECKED HttpClient *http_client_new(const HttpClientSettings *settings, Err *err);
CHECKED bool http_client_send(HttpClient *client, HttpCall *call, Err *err);
/* Calls done() of everything unanswered with ERR_CLOSED, then frees. NULL is fine. Not from inside
 * a done() of the same client. */
void http_client_free(HttpClient *client);

#endif
