/* cors.h - which pages of other origins a browser may let read our answers.
 *
 * A browser asks before it sends anything that a form could not send (the preflight), and looks at
 * our answer before it shows it to the page. Both are answered from the request's own fields:
 *
 *     preflight      OPTIONS with Access-Control-Request-Method: 204, and no handler sees it
 *     other request  the answer gets Access-Control-Allow-Origin, when its Origin may read it
 *
 * An origin that is not allowed gets no field, which is a browser's no; the request itself goes on,
 * for CORS protects answers, not servers. It therefore never takes the place of the check of Host
 * and Origin (ServerSettings.check_host), which comes first and whose no is final.
 *
 * An allowed origin is compared without regard to case and may have one '*', which stands for any
 * text: "http://app*.example.com". Credentials are always allowed. Accept, Content-Type and
 * X-Requested-With may always be sent; "*" among the allowed headers means any. Specification: the
 * Fetch standard, "HTTP CORS protocol"; the rules for wildcards are the public Collector's.
 */
#ifndef NET_CORS_H
#define NET_CORS_H

#include "base/attributes.h"
#include "base/err.h"
#include "net/http.h"

typedef struct Cors Cors;

typedef struct CorsSettings { /* everything is copied */
    const Str *allowed_origins, *allowed_headers, *exposed_headers;
    size_t allowed_origin_count, allowed_header_count, exposed_header_count;
    uint64_t max_age_s; /* how long a browser may remember a preflight; 0: its own default */
} CorsSettings;

CHECKED Cors *cors_new(const CorsSettings *settings, Err *err);
void cors_free(Cors *cors); /* NULL is fine */

bool cors_allows(const Cors *cors, Str origin); /* may pages from there read our answers? */

typedef enum CorsAnswer { CORS_GO_ON, CORS_PREFLIGHT } CorsAnswer;

/* Adds to the reply what the request (with ":method") earns. CORS_PREFLIGHT: these fields with 204
 * are the whole answer. Without memory for a field the origin is not allowed. */
CorsAnswer cors_apply(const Cors *cors, const HttpFields *request, HttpFields *reply);

#endif
