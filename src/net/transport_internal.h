/* transport_internal.h - a connected socket as bytes in and bytes out.
 *
 * This is where TLS stands: between the socket and whoever owns the transport, who notices nothing
 * but the time that the handshake takes. Sending is
 * pulled: the owner is asked to fill an empty buffer whenever the peer can take more, so that a
 * slow peer holds at most one buffer of ours. Events never free the transport; its owner closes it
 * whenever it likes, also from inside an event, and frees it later (a Post).
 */
#ifndef NET_TRANSPORT_INTERNAL_H
#define NET_TRANSPORT_INTERNAL_H

#include "base/attributes.h"
#include "base/buf.h"
#include "net/loop.h"
#include "net/tls_session_internal.h"

enum {
    TRANSPORT_FILL = 64 * 1024,      /* what fill() should aim for, see transport_aim() */
    TRANSPORT_LEAN = 4 * 1024,       /* the same where memory is short */
    TRANSPORT_OUT_MAX = 1024 * 1024, /* what it may not pass */
};

/* A connection as it is handed over: the descriptor and, for TLS, what speaks it there. */
typedef struct Channel {
    int fd;
    TlsSession *tls; /* NULL: plain text */
} Channel;

typedef struct TransportEvents {
    void (*received)(void *owner, Str bytes);
    void (*fill)(void *owner, Buf *out); /* appends what is to be sent next; nothing: nothing */
    /* The peer has closed its side (ERR_CLOSED) or the connection broke; it is closed by now. At
     * most once. */
    void (*ended)(void *owner, const Err *err);
    void (*settled)(void *owner); /* after every burst: time-outs may have to be set anew */
    /* Of a server: TLS was not agreed on. What the peer still says is read and forgotten, so that
     * our last words reach it, until it ends or the owner closes. */
    void (*refused)(void *owner, const Err *err);
} TransportEvents;

typedef struct Transport {
    Loop *loop;
    const TransportEvents *events;
    void *owner;
    Purse *purse; /* for the buffer; NULL: nobody pays */
    Watch watch;
    TlsSession *tls; /* NULL: plain text */
    Post again;      /* bytes wait inside of tls */
    Buf out;
    size_t out_sent;
    size_t forgotten; /* bytes, when REFUSED */
    uint64_t bytes_in, bytes_out;
    bool stalled; /* what is in the buffer waits for the peer */
    enum { TRANSPORT_HANDSHAKE, TRANSPORT_READY, TRANSPORT_REFUSED } stage;
    bool open, busy; /* busy: inside received(), sending waits for its end */
    bool deaf;       /* reading is paused */
    bool mute;       /* the peer takes no more; what it said before that is still read */
} Transport;

/* Takes over the channel, also when it fails. A server's handshake is done here, a client's before
 * (dial.c): `shaken` says that it is. */
CHECKED bool transport_open(Transport *transport, Loop *loop, Channel channel, bool shaken,
                            Err *err);
void channel_close(Loop *loop, Channel channel); /* one that nobody took over */
/* How much fill() should add: a reader that is slow keeps that much. */
size_t transport_aim(const Transport *transport);
void transport_send(Transport *transport);              /* there is something new to fill with */
void transport_pause(Transport *transport, bool pause); /* calls none of the events */
void transport_finish(Transport *transport); /* tells the peer that nothing more will be sent */
void transport_close(Transport *transport);  /* harmless when it is closed or zeroed */

#endif
