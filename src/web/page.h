/* page.h - the handler that serves the web page, for a server of room net.
 *
 * GET and HEAD of an embedded file answer with it, compressed where the client takes gzip, and with
 * 304 where its copy is the current one. Any other path answers with the page itself, which finds
 * its view by the address: every view is a URL. Missing files below /assets/ are 404, so that a
 * page of an older build fails loudly instead of running HTML as its script; so is whatever lies
 * below /api/ and belongs to no route, because programs read those answers.
 *
 * Every answer carries the page's security headers. Host and Origin are the server's business
 * (ServerSettings.check_host). Mount it last and widest: as the route of the prefix that ends in
 * '*'.
 */
#ifndef WEB_PAGE_H
#define WEB_PAGE_H

#include "base/str.h"
#include "net/server.h"

/* A Route's handle; owner is not used. Thread: the server's loop; nothing is shared. */
void web_handle(void *owner, Request *request);

/* The same without a server: what is answered to what was asked. */
typedef struct WebAsk {
    Str path, accept_encoding, if_none_match;
} WebAsk;

enum { WEB_FIELDS_MAX = 8 };

typedef struct WebAnswer {
    Answer answer;                    /* its body is the caller's; its fields are not set ... */
    HttpField fields[WEB_FIELDS_MAX]; /* ... but these, so that the whole may be copied */
} WebAnswer;

/* False when there is no memory to inflate a file for a client that does not take gzip. */
CHECKED bool web_answer(const WebAsk *ask, WebAnswer *out, Err *err);

#endif
