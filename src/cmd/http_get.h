/* http_get.h - one GET, waited for: how commands ask a running cryostorm (or anything like it). */
#ifndef CMD_HTTP_GET_H
#define CMD_HTTP_GET_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/err.h"
#include "cmd/command_tls.h"

enum { HTTP_GET_BODY_MAX = 256 << 20 };

typedef struct HttpGot {
    int status;
    char content_type[64], server[64];
    Buf body; /* the caller's to free */
} HttpGot;

typedef struct HttpAsk {
    const char *base;      /* "http://host:port" or https://, perhaps with a path */
    const CommandTls *tls; /* NULL: the system's authorities */
    Str target;            /* "/api/...?a=b", behind the path of the base */
    int64_t timeout_ns;    /* of the whole, connecting included */
    size_t body_max;       /* bytes of the answer's body; 0: HTTP_GET_BODY_MAX */
} HttpAsk;

/* False: there was no answer, and err says why. */
CHECKED bool http_get(const HttpAsk *ask, HttpGot *out, Err *err);

/* Appends "&name=value" (or "?name=value" for the first) to a target, encoded. */
void target_add(Buf *target, const char *name, Str value);

#endif
