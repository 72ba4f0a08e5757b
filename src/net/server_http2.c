/* server_http2.c - the server's side of an HTTP/2 connection: many requests at once, gRPC among
 * them.
 *
 * Every stream is a Request from its first header on. The engine's closed() ends it, whatever
 * happened; until then a reply stays with its Request, because the engine sends straight from it. A
 * request that was answered before its end lingers for LINGER_NS, as connections do, and is then
 * reset; what else it holds is given back at once.
 */
#include "base/mem.h"
#include "net/http2.h"
#include "net/server_internal.h"

/* What a stream may send before anybody has looked at its head, and what all may together. */
enum { STREAM_WINDOW = 64 * 1024, WINDOW_ALL = 16 << 20 };

typedef struct Http2Talk {
    Connection *connection;
    Server *server; /* also while the connection is being closed */
    Http2 *engine;
    size_t open_streams;
    int64_t idle_since_ns; /* while there is no open stream */
    Request *heading;      /* whose header has begun and is not complete; one at a time */
    int64_t heading_since_ns;
    bool feeding;   /* inside received(): what there is to send leaves at its end */
    bool lingering; /* all is said; what still comes is read and forgotten, as in HTTP/1.1 */
    int64_t lingering_since_ns;
} Http2Talk;

/* ---- answers ---- */

/* A peer that grants no window leaves the transport idle and the answer with us. What it took of it
 * buys time, as the bytes of a slow body do. */
static void sending_is_slow(void *owner)
{
    Request *request = owner;
    Connection *connection = request->home.connection;
    Http2Talk *talk = connection->talk;
    const Payload *payload = &request->reply.payload;
    int64_t most = talk->server->limits.write_timeout_ns;
    size_t sent = payload_size(payload) - payload_left(payload);
    int64_t earned = request_patience_ns(sent - request->seen_sent, most);
    request->seen_sent = sent;
    if (connection->transport.stalled) /* then the transport's time-out runs */
        earned = most;
    if (earned > 0) {
        timer_set(talk->server->loop, &request->slow_timer, loop_now(talk->server->loop) + earned);
        return;
    }
    http2_reset(talk->engine, request->stream_id, HTTP2_CANCEL);
    connection_send(connection);
}

static void watch_sending(Http2Talk *talk, Request *request)
{
    request->slow_timer = (Timer){ .fire = sending_is_slow, .owner = request };
    timer_set(talk->server->loop, &request->slow_timer,
              loop_now(talk->server->loop) + talk->server->limits.write_timeout_ns);
}

static void answered(void *owner, Request *request)
{
    Connection *connection = owner;
    Http2Talk *talk = connection->talk;
    Reply *reply = &request->reply;
    Err err = { 0 };
    request->message = (Http2Message){ .fields = &reply->fields,
                                       .payload = reply->has_body ? &reply->payload : NULL,
                                       .trailers = reply->has_trailers ? &reply->trailers : NULL };
    if (!http2_answer(talk->engine, request->stream_id, reply->status, &request->message, &err))
        http2_reset(talk->engine, request->stream_id, HTTP2_INTERNAL_ERROR);
    if (reply->has_body)
        watch_sending(talk, request);
    if (!talk->feeding)
        connection_send(connection);
}

/* ---- windows ---- */

static void pause(void *connection, Request *request)
{
    (void)connection;
    (void)request; /* what comes from now on is withheld, and the window closes by itself */
}

/* The peer gets its window back, and as much as was granted. */
static void let_flow(const Http2Talk *talk, Request *request)
{
    if (request->need > STREAM_WINDOW)
        http2_widen(talk->engine, request->stream_id, request->need + GRPC_PREFIX_SIZE);
    http2_consume(talk->engine, request->stream_id, request->withheld);
    request->withheld = 0;
}

static void resume(void *owner, Request *request)
{
    Connection *connection = owner;
    let_flow(connection->talk, request);
    if (request->ended)
        request_end(request);
    connection_send(connection);
}

/* ---- the engine's events ---- */

static void *on_begin(void *owner, int32_t id)
{
    Http2Talk *talk = owner;
    Connection *connection = talk->connection;
    Err err = { 0 };
    RequestHome home = { .answered = answered,
                         .pause = pause,
                         .resume = resume,
                         .connection = connection,
                         .peer = connection->peer,
                         .speaks_grpc = true };
    Request *request = request_new(connection->server, &home, &err);
    if (!request)
        return NULL;
    request->stream_id = id;
    talk->open_streams++;
    talk->heading = request;
    talk->heading_since_ns = loop_now(talk->server->loop);
    return request;
}

/* Fields beyond the limit are passed over, so that the refusal can still be said. */
static void on_field(void *owner, void *stream, Str name, Str value)
{
    (void)owner;
    Request *request = stream;
    Err err = { 0 };
    if (request->head_in || request->head_fault != ERR_NONE)
        return;
    if (!http_fields_add(&request->fields, name, value, &err))
        request->head_fault = err.kind;
}

static void refuse_head(Request *request)
{
    if (request->head_fault == ERR_LIMIT)
        request_refuse(request, &(Refusal){ .status = 431, .text = "the header is too large" });
    else
        request_refuse(request, &(Refusal){ .status = 503,
                                            .text = "no memory for more requests now",
                                            .retry_ms = RETRY_OVERLOAD_MS });
}

static void on_head(void *owner, void *stream)
{
    Http2Talk *talk = owner;
    Request *request = stream;
    if (request->head_in) /* trailers: nothing in them is for us */
        return;
    request->head_in = true;
    talk->heading = NULL;
    if (request->head_fault != ERR_NONE)
        refuse_head(request);
    else if (request_head(request) && !request->waiting) /* it answers itself when it refuses */
        let_flow(talk, request);
}

static void on_body(void *owner, void *stream, Str bytes)
{
    Request *request = stream;
    if (request->state != REQUEST_RECEIVING || !request_add_body(request, bytes))
        return; /* refused: its window stays closed */
    request->withheld += bytes.len;
    if (!request->waiting)
        let_flow(owner, request);
}

static void on_end(void *owner, void *stream)
{
    (void)owner;
    Request *request = stream;
    if (request->state == REQUEST_RECEIVING)
        request_end(request);
}

static void rest_is_not_wanted(void *owner)
{
    Request *request = owner;
    Connection *connection = request->home.connection;
    Http2Talk *talk = connection->talk;
    http2_reset(talk->engine, request->stream_id, HTTP2_NO_ERROR);
    connection_send(connection);
}

/* Refused before its end. The window stays closed, so little of the rest comes; the reset that says
 * so waits, or it overtakes the answer in clients that are busy with sending. */
static void on_early(void *owner, void *stream)
{
    Http2Talk *talk = owner;
    Request *request = stream;
    timer_cancel(talk->server->loop, &request->slow_timer); /* of the answer, which has gone */
    request->slow_timer = (Timer){ .fire = rest_is_not_wanted, .owner = request };
    timer_set(talk->server->loop, &request->slow_timer, loop_now(talk->server->loop) + LINGER_NS);
}

static void on_closed(void *owner, void *stream, uint32_t code)
{
    (void)code;
    Http2Talk *talk = owner;
    if (talk->heading == stream)
        talk->heading = NULL;
    talk->open_streams--;
    talk->idle_since_ns = loop_now(talk->server->loop);
    request_lose(stream);
}

static const Http2Events events = { on_begin, on_field, on_head,  on_body,
                                    on_end,   on_early, on_closed };

/* ---- the connection's events ---- */

static void received(void *owner, Str bytes)
{
    Http2Talk *talk = owner;
    Connection *connection = talk->connection;
    Err err = { 0 };
    if (talk->lingering)
        return;
    talk->feeding = true;
    bool ok = http2_feed(talk->engine, bytes, loop_now(talk->server->loop), &err);
    talk->feeding = false;
    if (ok)
        connection_send(connection);
    else
        connection_close(connection);
}

/* The engine has nothing to say or to hear any more. */
static void end_talk(Http2Talk *talk)
{
    if (talk->server->draining) {
        talk->connection->ending = true;
    } else if (!talk->lingering) {
        talk->lingering = true;
        talk->lingering_since_ns = loop_now(talk->server->loop);
        transport_finish(&talk->connection->transport);
    }
}

static void fill(void *owner, Buf *out)
{
    Http2Talk *talk = owner;
    http2_fill(talk->engine, out, transport_aim(&talk->connection->transport));
    if (out->len == 0 && http2_is_over(talk->engine))
        end_talk(talk);
}

static bool is_idle(const void *owner)
{
    const Http2Talk *talk = owner;
    return http2_is_greeted(talk->engine) && talk->open_streams == 0;
}

static int64_t deadline(void *owner)
{
    Http2Talk *talk = owner;
    const ServerLimits *limits = &talk->connection->server->limits;
    if (talk->lingering)
        return talk->lingering_since_ns + LINGER_NS;
    if (!http2_is_greeted(talk->engine))
        return talk->connection->accepted_ns + limits->header_timeout_ns;
    if (talk->heading)
        return talk->heading_since_ns + limits->header_timeout_ns;
    return talk->open_streams ? INT64_MAX : talk->idle_since_ns + limits->idle_timeout_ns;
}

/* Idle, or a header that does not end: GOAWAY, then the end. */
static void expired(void *owner)
{
    Http2Talk *talk = owner;
    if (talk->lingering) {
        connection_close(talk->connection);
        return;
    }
    http2_goaway(talk->engine);
    connection_end(talk->connection);
}

static void drain(void *owner)
{
    Http2Talk *talk = owner;
    http2_goaway(talk->engine);
    connection_send(talk->connection);
}

/* ---- life ---- */

static void free_talk(void *owner)
{
    Http2Talk *talk = owner;
    http2_free(talk->engine);
    mem_free(talk);
}

static void *open_talk(Connection *connection, Err *err)
{
    const ServerLimits *limits = &connection->server->limits;
    Http2Talk *talk = MEM_MAKE(Http2Talk, 1, err);
    if (!talk)
        return NULL;
    Http2Settings settings = { .role = HTTP2_SERVER,
                               .streams_max = (uint32_t)limits->streams_per_connection,
                               .header_max = (uint32_t)limits->header_bytes,
                               .window = STREAM_WINDOW,
                               .window_all = WINDOW_ALL,
                               .purse = connection->server->purses.connections };
    talk->connection = connection;
    talk->server = connection->server;
    talk->idle_since_ns = loop_now(connection->server->loop);
    talk->engine = http2_new(&settings, &events, talk, err);
    if (talk->engine)
        return talk;
    mem_free(talk);
    return NULL;
}

static Request *first_of(const Http2Talk *talk)
{
    Request *request = talk->server->requests;
    while (request && request->home.connection != talk->connection)
        request = request->next;
    return request;
}

/* Each loss may run a handler's gone(), which may end its own Request: so we look anew each time.
 */
static void close_talk(void *owner)
{
    Http2Talk *talk = owner;
    talk->heading = NULL;
    for (Request *request = first_of(talk); request; request = first_of(talk))
        request_lose(request);
}

const ConnectionProtocol protocol_http2 = {
    .open = open_talk,
    .received = received,
    .fill = fill,
    .is_idle = is_idle,
    .deadline = deadline,
    .expired = expired,
    .drain = drain,
    .close = close_talk,
    .free = free_talk,
};
