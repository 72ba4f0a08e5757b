/* http1.h - an HTTP/1.1 engine without I/O: bytes in, messages out, one after the other.
 *
 * Each side reads what the other sends: HTTP1_SERVER reads requests, HTTP1_CLIENT responses. After
 * each message the engine stops, so that the next one (pipelined) is not begun before the owner
 * says http1_next().
 *
 *   HEAD --(empty line: head())--> BODY --(last byte)--> DONE --(http1_next)--> HEAD
 *     any --(not HTTP, too large, head() or body() said no)--> FAILED, for good
 *
 * Stricter than llhttp, which it stands on: every line of head, chunk sizes and trailers ends in
 * CR LF, none is folded or holds a control character; a Host is the owner's to check.
 * Transfer-Encoding with Content-Length or twice or in an HTTP/1.0 request, two lengths, or a
 * length that is no number are refused (RFC 9112 6.1, 6.3, 11.2: two readers must not differ on
 * where a message ends). Chunk extensions, trailers and 1xx responses are bounded and passed over.
 */
#ifndef NET_HTTP1_H
#define NET_HTTP1_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "net/http.h"

typedef struct Http1 Http1;

typedef enum Http1Role { HTTP1_SERVER, HTTP1_CLIENT } Http1Role;

typedef enum Http1Result {
    HTTP1_MORE,    /* all taken, the message goes on */
    HTTP1_MESSAGE, /* it is complete; the rest belongs to the next */
    HTTP1_STOPPED, /* an event said no */
    HTTP1_BAD      /* err: ERR_INPUT, ERR_LIMIT (head too large), ERR_UNSUPPORTED or ERR_MEMORY */
} Http1Result;

/* False: take no more. The engine must not be freed from inside. */
typedef struct Http1Events {
    bool (*head)(void *owner);
    bool (*body)(void *owner, Str bytes);
} Http1Events;

CHECKED Http1 *http1_new(Http1Role role, size_t header_max, Err *err);
void http1_free(Http1 *http1);
void http1_charge(Http1 *http1, Purse *purse); /* for heads; before the first byte */
void http1_bind(Http1 *http1, const Http1Events *events, void *owner);

/* Takes from the front of *bytes. */
Http1Result http1_feed(Http1 *http1, Str *bytes, Err *err);
/* The peer has closed its side: MESSAGE when that ended a response, MORE when nothing was begun. */
Http1Result http1_finish(Http1 *http1, Err *err);
void http1_next(Http1 *http1); /* after HTTP1_MESSAGE */
/* The response that comes now answers a HEAD. Before its first byte. */
void http1_expect_no_body(Http1 *http1);

/* From head() on. Of a request the fields ":method" and ":path" come first. */
const HttpFields *http1_fields(const Http1 *http1);
void http1_take_fields(Http1 *http1, HttpFields *out); /* moves them out */
int http1_status(const Http1 *http1);
int http1_minor(const Http1 *http1); /* HTTP/1.<minor> */
bool http1_keeps_alive(const Http1 *http1);
bool http1_has_begun(const Http1 *http1); /* a byte of the current message has come */

/* What is sent. Control characters in values become spaces, so that no value can end its line. */
void http1_write_status(Buf *out, int status);
void http1_write_request(Buf *out, Str method, Str target);
void http1_write_field(Buf *out, Str name, Str value);
void http1_write_fields(Buf *out, const HttpFields *fields);
void http1_write_end(Buf *out); /* the empty line */

#endif
