/* fetch.h - one small answer from one URL, for authenticators that need a token or keys.
 *
 * One request at a time, on the extension's loop, over a connection of its own that ends with it:
 * what is fetched comes rarely and from more than one host. Redirects are not followed, and an
 * answer is FETCH_BODY_MAX at most.
 */
#ifndef EXTENSIONS_FETCH_H
#define EXTENSIONS_FETCH_H

#include "base/attributes.h"
#include "net/http_client.h"
#include "net/loop.h"

enum { FETCH_BODY_MAX = 1 << 20 };

typedef struct Fetch {
    Loop *loop;
    TlsContext *tls; /* lent, for https:// */
    int64_t timeout_ns;
    /* err is NULL when there is an answer, of whatever status. May begin the next one. */
    void (*done)(void *owner, int status, Str body, const Err *err);
    void *owner;
    HttpClient *client, *spent; /* state, zeroed at first */
    Post sweep;
    bool stopped;
} Fetch;

typedef struct FetchWish {
    Str url;           /* http:// or https:// */
    Str form;          /* sent by POST; ptr NULL: GET */
    Str authorization; /* empty: none */
} FetchWish;

CHECKED bool fetch_check_url(Str url, Err *err);
CHECKED bool fetch_begin(Fetch *fetch, const FetchWish *wish, Err *err); /* none may be under way */
bool fetch_is_busy(const Fetch *fetch);
void fetch_stop(Fetch *fetch); /* done() is not called any more; a zeroed one is fine */

#endif
