/* otlp_link.h - one OTLP request over one transport, and what came of it.
 *
 * A link takes the request's bytes, and sooner or later, while its loop is stepped, fills the
 * answer. What an answer means is the OTLP specification's: HTTP 429, 502, 503, 504, some gRPC
 * codes, and connections that fail may be tried again; everything else is final.
 */
#ifndef SDK_OTLP_LINK_H
#define SDK_OTLP_LINK_H

#include "base/buf.h"
#include "net/encoding.h"
#include "net/http.h"
#include "net/loop.h"
#include "net/tls.h"
#include "otlp/rpc.h"

typedef enum LinkVerdict { LINK_DELIVERED, LINK_AGAIN, LINK_REFUSED } LinkVerdict;

typedef struct LinkAnswer {
    bool done;
    LinkVerdict verdict;
    uint32_t retry_ms; /* what the server asked for; 0: nothing */
    uint64_t rejected; /* delivered: but so many items were not taken */
    Buf request;       /* handed back */
    Err err;           /* why; with rejected items what the server said */
} LinkAnswer;

typedef struct OtlpLink OtlpLink;
struct OtlpLink {
    /* Moves the request in. The answer is filled once, from within a step of the loop. False: err
     * says why, and the request is still the caller's. */
    bool (*begin)(OtlpLink *link, Buf *request, int64_t timeout_ns, LinkAnswer *answer, Err *err);
    void (*free)(OtlpLink *link); /* fills the answer of a request that is under way */
};

typedef struct LinkSettings {
    Loop *loop;
    Signal signal;   /* gRPC: whose service is called */
    Str endpoint;    /* http://host:port/path */
    TlsContext *tls; /* for https://; lent for the link's life */
    const HttpField *fields;
    size_t field_count;
    bool json; /* HTTP: requests and answers are OTLP/JSON */
    /* NULL: none. HTTP: the request comes compressed; gRPC: the link does it. */
    const Encoding *encoding;
} LinkSettings;

CHECKED OtlpLink *otlp_grpc_link(const LinkSettings *settings, Err *err);
CHECKED OtlpLink *otlp_http_link(const LinkSettings *settings, Err *err);

/* For links: an answer with what a success said, and one without any answer from the server. */
void link_success(LinkAnswer *answer, const ExportAnswer *said);
void link_no_answer(LinkAnswer *answer, const Err *err);

#endif
