/* grpc_link.c - one HTTP/2 connection of the gRPC client. */
#include "net/grpc_client_internal.h"

#include "base/mem.h"

enum {
    STREAM_WINDOW = 1 << 20,
    STREAMS_MAX = 1,
    INTERIMS_MAX = 16
}; /* servers push nothing to us */

/* ---- the engine's events ---- */

static void *on_begin(void *owner, int32_t id)
{
    (void)owner;
    (void)id;
    return NULL; /* a server begins no streams */
}

static void on_field(void *owner, void *stream, Str name, Str value)
{
    (void)owner;
    Call *call = stream;
    Err err = { 0 };
    if (call->state == CALL_SENT && !http_fields_add(&call->reply_fields, name, value, &err)) {
        blame(&err, "the answer");
        call_finish(call, &err);
    }
}

/* An interim response (103 and its like) is followed by the real one. */
static void on_head(void *owner, void *stream)
{
    (void)owner;
    Call *call = stream;
    Str status = http_fields_get(&call->reply_fields, STR(":status"));
    if (call->state != CALL_SENT || !str_starts(status, STR("1")))
        return;
    http_fields_clear(&call->reply_fields);
    if (++call->interims > INTERIMS_MAX) {
        Err err = { 0 };
        fail(&err, ERR_INPUT, "the answer begins with more than %d interim ones", INTERIMS_MAX);
        call_finish(call, &err);
    }
}

static void on_body(void *owner, void *stream, Str bytes)
{
    (void)owner;
    Call *call = stream;
    Err err = { 0 };
    if (call->state != CALL_SENT)
        return;
    buf_add(&call->body, bytes);
    if (!buf_ok(&call->body, &err)) {
        blame(&err, "the answer");
        call_finish(call, &err);
    }
}

static void on_end(void *owner, void *stream)
{
    (void)owner;
    call_finish(stream, NULL);
}

static void on_closed(void *owner, void *stream, uint32_t code)
{
    Link *link = owner;
    Call *call = stream;
    Err err = { 0 };
    if (code == HTTP2_REFUSED_STREAM)
        fail(&err, ERR_CLOSED, "the server did not take the call");
    else
        fail(&err, ERR_IO, "the server reset the call (HTTP/2 error %u)", (unsigned)code);
    link->streams--;
    call_finish(call, &err);
    call_let_go(call);
}

static const Http2Events engine_events = { on_begin, on_field, on_head,  on_body,
                                           on_end,   NULL,     on_closed };

/* ---- the transport's events ---- */

/* Somebody who speaks HTTP/1.1 or TLS to us is the wrong port, most likely. Servers that expect TLS
 * say so in HTTP (as ours and Go's do) or send an alert, which begins with 21 and the version. */
static bool is_wrong_port(Link *link, Str bytes, Err *err)
{
    const char *authority = link->client->target.authority;
    bool first = !link->heard, plain = !link->client->limits.tls;
    bool is_http1 = str_starts(bytes, STR("HTTP/1."));
    link->heard = true;
    if (!first || !(is_http1 || str_starts(bytes, STR("\x15\x03"))))
        return false;
    if (plain &&
        (!is_http1 || str_contains(bytes, STR("TLS")) || str_contains(bytes, STR("HTTPS"))))
        fail(err, ERR_INPUT, "%s expects TLS: use https://", authority);
    else
        fail(err, ERR_INPUT, "%s speaks HTTP/1.1, not gRPC: is this an OTLP/HTTP port?", authority);
    return true;
}

static void received(void *owner, Str bytes)
{
    Link *link = owner;
    Err err = { 0 };
    link->heard_ns = loop_now(link->client->loop);
    if (is_wrong_port(link, bytes, &err) ||
        !http2_feed(link->engine, bytes, loop_now(link->client->loop), &err))
        link_close(link, &err);
    else
        link_flush(link);
}

static void fill(void *owner, Buf *out)
{
    Link *link = owner;
    http2_fill(link->engine, out, TRANSPORT_FILL);
    if (out->len > 0 || !http2_is_over(link->engine))
        return;
    Err err = { 0 };
    fail(&err, ERR_CLOSED, "the HTTP/2 connection ended");
    link_close(link, &err);
}

static void ended(void *owner, const Err *err)
{
    link_close(owner, err);
}

static void idle_passes(void *owner)
{
    Link *link = owner;
    http2_goaway(link->engine);
    link_flush(link);
}

/* ---- keepalive: a peer that vanished without a word is only noticed by asking it ---- */

static bool wants_keepalive(const Link *link)
{
    const GrpcClientSettings *limits = &link->client->limits;
    return limits->keepalive_time_ns > 0 && (link->streams > 0 || limits->keepalive_without_calls);
}

static void set_keepalive(Link *link)
{
    const GrpcClient *client = link->client;
    int64_t at = link->ping_ns ? link->ping_ns + client->limits.keepalive_timeout_ns
                               : link->heard_ns + client->limits.keepalive_time_ns;
    timer_set(client->loop, &link->keepalive, at);
}

/* Its silence is counted from now on: before, nobody asked. */
static void begin_keepalive(Link *link)
{
    if (link->keepalive.set || link->ping_ns || !wants_keepalive(link))
        return;
    link->heard_ns = loop_now(link->client->loop);
    set_keepalive(link);
}

static void give_up(Link *link)
{
    Err err = { 0 };
    fail(&err, ERR_TIMEOUT, "%s did not answer a ping within %lld ms",
         link->client->target.authority,
         (long long)(link->client->limits.keepalive_timeout_ns / NANOS_PER_MILLI));
    link_close(link, &err);
}

static void keepalive_passes(void *owner)
{
    Link *link = owner;
    const GrpcClientSettings *limits = &link->client->limits;
    int64_t now = loop_now(link->client->loop);
    if (link->ping_ns && http2_pongs(link->engine) < link->pongs_awaited) {
        give_up(link);
        return;
    }
    link->ping_ns = 0;
    if (!wants_keepalive(link))
        return; /* the next call begins it anew */
    if (now - link->heard_ns >= limits->keepalive_time_ns) {
        link->ping_ns = now;
        link->pongs_awaited = http2_pongs(link->engine) + 1;
        http2_ping(link->engine);
    }
    set_keepalive(link);
    link_flush(link);
}

/* The idle time begins anew whenever something has happened. */
static void settled(void *owner)
{
    Link *link = owner;
    GrpcClient *client = link->client;
    begin_keepalive(link);
    if (link->streams > 0)
        timer_cancel(client->loop, &link->idle);
    else if (!link->idle.set)
        timer_set(client->loop, &link->idle,
                  loop_now(client->loop) + client->limits.idle_timeout_ns);
}

static const TransportEvents transport_events = {
    .received = received, .fill = fill, .ended = ended, .settled = settled
};

/* ---- life ---- */

static void free_link(void *owner)
{
    Link *link = owner;
    http2_free(link->engine);
    mem_free(link);
}

static void unlink_from(GrpcClient *client, Link *link)
{
    if (client->current == link)
        client->current = NULL;
    if (link->prev)
        link->prev->next = link->next;
    else
        client->links = link->next;
    if (link->next)
        link->next->prev = link->prev;
}

void link_close(Link *link, const Err *err)
{
    GrpcClient *client = link->client;
    if (!client)
        return;
    link->client = NULL;
    transport_close(&link->transport);
    timer_cancel(client->loop, &link->idle);
    timer_cancel(client->loop, &link->keepalive);
    unlink_from(client, link);
    for (Call *call = client->calls; call;) {
        Call *next = call->next;
        if (call->link == link) {
            call_finish(call, err);
            call_let_go(call);
        }
        call = next;
    }
    link->doom = (Post){ .run = free_link, .owner = link };
    loop_post(client->loop, &link->doom);
}

static bool open_link(Link *link, const Channel *channel, Err *err)
{
    GrpcClient *client = link->client;
    Http2Settings settings = { .role = HTTP2_CLIENT,
                               .streams_max = STREAMS_MAX,
                               .header_max = (uint32_t)client->limits.header_bytes,
                               .window = STREAM_WINDOW,
                               .window_all = 4 * STREAM_WINDOW };
    link->engine = http2_new(&settings, &engine_events, link, err);
    if (link->engine)
        return transport_open(&link->transport, client->loop, *channel, true, err);
    channel_close(client->loop, *channel);
    return false;
}

Link *link_new(GrpcClient *client, const Channel *channel, Err *err)
{
    Link *link = MEM_MAKE(Link, 1, err);
    if (!link) {
        channel_close(client->loop, *channel);
        return NULL;
    }
    link->client = client;
    link->transport.events = &transport_events;
    link->transport.owner = link;
    link->idle = (Timer){ .fire = idle_passes, .owner = link };
    link->keepalive = (Timer){ .fire = keepalive_passes, .owner = link };
    if (!open_link(link, channel, err)) {
        free_link(link);
        return NULL;
    }
    link->next = client->links;
    if (client->links)
        client->links->prev = link;
    client->links = link;
    return link;
}

bool link_send(Link *link, Call *call, Err *err)
{
    if (!http2_request(link->engine, &call->out, call, &call->id, err))
        return false;
    call->link = link;
    call->state = CALL_SENT;
    link->streams++;
    return true;
}

void link_flush(Link *link)
{
    if (link->client)
        transport_send(&link->transport);
}

void link_forget(Link *link, Call *call)
{
    http2_reset(link->engine, call->id, HTTP2_CANCEL);
    link_flush(link);
}
