/* http2.h - an HTTP/2 engine without I/O, for both sides: bytes and a clock reading in, events and
 * bytes out.
 *
 * Each stream has a pointer of the owner's. Events of a stream come in this order:
 *
 *   begin (server only) --> field* --> head --> body* --> [field* --> head (trailers)] --> end
 *                                                                       at any point --> closed
 *
 * closed() is the last and comes once for every stream, except when the engine is freed first.
 * Events may submit answers and resets; they must not free the engine.
 *
 * A client's windows are kept open. A server's owner keeps them by itself: bytes that it has got in
 * body() stay counted against the stream's window until http2_consume(), the connection's is always
 * given back, so that a stream that waits stops no other one.
 *
 * Beyond libnghttp2's own limits (settings, queued acknowledgements, the peer's resets) three
 * buckets bound what a peer makes us do for nothing: resets that it provokes from us, frames that
 * carry nothing, and window updates that nothing we sent has paid for. An empty bucket, a header in
 * more than nine frames or of more than four times header_max ends the connection with
 * ENHANCE_YOUR_CALM.
 */
#ifndef NET_HTTP2_H
#define NET_HTTP2_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "net/http.h"
#include "net/payload_internal.h"

typedef struct Http2 Http2;

typedef enum Http2Role { HTTP2_SERVER, HTTP2_CLIENT } Http2Role;

typedef struct Http2Events {
    void *(*begin)(void *owner, int32_t id); /* the stream's pointer; NULL refuses it */
    void (*field)(void *owner, void *stream, Str name, Str value);
    void (*head)(void *owner, void *stream);
    void (*body)(void *owner, void *stream, Str bytes);
    void (*end)(void *owner, void *stream);
    /* The server's: the whole answer has been sent, and the request has not ended. Whoever does not
     * want the rest of it resets the stream, in a while: see http2_reset(). NULL: nobody asks. */
    void (*early)(void *owner, void *stream);
    void (*closed)(void *owner, void *stream, uint32_t code); /* 0: in good order */
} Http2Events;

typedef struct Http2Settings {
    Http2Role role;
    uint32_t streams_max; /* that the peer may have open at once */
    uint32_t header_max;  /* announced; the owner counts */
    uint32_t window;      /* of each stream, at first */
    uint32_t window_all;  /* of the connection */
    Purse *purse;         /* for all that the engine holds; NULL: nobody pays */
} Http2Settings;

/* What is sent on a stream; lives until that stream is closed. */
typedef struct Http2Message {
    const HttpFields *fields;
    Payload *payload;           /* NULL: no body */
    const HttpFields *trailers; /* NULL: none */
} Http2Message;

enum { HTTP2_NO_ERROR = 0, HTTP2_REFUSED_STREAM = 7, HTTP2_CANCEL = 8, HTTP2_INTERNAL_ERROR = 2 };

CHECKED Http2 *http2_new(const Http2Settings *settings, const Http2Events *events, void *owner,
                         Err *err);
void http2_free(Http2 *http2);

/* False: the connection is of no more use. Otherwise there may be something to send. */
CHECKED bool http2_feed(Http2 *http2, Str bytes, int64_t now_ns, Err *err);
/* Appends what may be sent now, about `size` bytes of it. */
void http2_fill(Http2 *http2, Buf *out, size_t size);
bool http2_is_greeted(const Http2 *http2); /* the peer's preface and settings have come */
bool http2_is_over(const Http2 *http2);    /* nothing will be read or sent any more */

/* The client's: a new stream, which waits its turn when the peer has set a limit. The fields begin
 * with the pseudo ones. */
CHECKED bool http2_request(Http2 *http2, Http2Message *message, void *stream, int32_t *out_id,
                           Err *err);
CHECKED bool http2_answer(Http2 *http2, int32_t id, int status, Http2Message *message, Err *err);
/* The server's: the peer may send so many bytes more on the stream. */
void http2_consume(Http2 *http2, int32_t id, size_t size);
/* The server's: the stream's window is at least that large from now on. */
void http2_widen(Http2 *http2, int32_t id, size_t window);
/* A client may meet a reset before it has looked at the answer in front of it, and then says that
 * the stream failed (curl 7.88 does). */
void http2_reset(Http2 *http2, int32_t id, uint32_t code);
/* Asks the peer for a sign of life; pongs() counts those that came. */
void http2_ping(Http2 *http2);
uint64_t http2_pongs(const Http2 *http2);
/* No new streams; it is over when those under way are closed. */
void http2_goaway(Http2 *http2);
bool http2_may_request(const Http2 *http2); /* the peer has not said GOAWAY */

#endif
