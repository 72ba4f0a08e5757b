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

/* base: "http://host:port" or https://, perhaps with a path in front of `target`, which is
 * "/api/...?a=b". False: there was no answer, and err says why. */
CHECKED bool http_get(const char *base, const CommandTls *tls, Str target, int64_t timeout_ns,
                      HttpGot *out, Err *err);

/* Appends "&name=value" (or "?name=value" for the first) to a target, encoded. */
void target_add(Buf *target, const char *name, Str value);

#endif
