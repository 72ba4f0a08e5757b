/* server_http1.c - the server's side of an HTTP/1.1 connection: one request after the other.
 *
 *   WAITING --first byte--> READING --whole--> ANSWERING --sent, kept alive--> WAITING
 *      |                       |                   |
 *      +---- idle too long ----+--- refused -------+--- sent, not kept alive --> LINGERING -->
 * closed
 *
 * While a request is being answered, what the peer sends ahead is kept, up to a limit, beyond which
 * we stop reading. LINGERING reads and forgets for a while, so that the kernel does not answer the
 * unread rest of a refused body with a reset that overtakes our answer.
 */
#include "base/mem.h"
#include "net/http1.h"
#include "net/server_internal.h"

enum { AHEAD_MAX = 64 * 1024 };

typedef enum Http1State { WAITING, READING, ANSWERING, LINGERING } Http1State;

typedef struct Http1Talk {
    Connection *connection;
    Http1 *engine;
    Http1State state;
    int64_t since_ns; /* of WAITING, READING (until the head is in) or LINGERING */
    Request *request;
    Buf ahead; /* read, not yet parsed */
    bool keep_alive, head_sent, say_continue;
    bool parsing; /* inside parse(): answers are sent when it is done */
} Http1Talk;

static void parse_ahead(Http1Talk *talk);

static void enter(Http1Talk *talk, Http1State state)
{
    talk->state = state;
    talk->since_ns = loop_now(talk->connection->server->loop);
}

/* ---- answers ---- */

static bool has_body(const Request *request)
{
    Str length = request_field(request, STR("content-length"));
    return request_field(request, STR("transfer-encoding")).ptr ||
           (length.ptr && !str_eq(length, STR("0")));
}

/* Is there more of this request to come, or may there be? */
static bool is_cut_short(const Http1Talk *talk, const Request *request)
{
    return talk->state != ANSWERING && (request->fields.count == 0 || has_body(request));
}

static void answered(void *connection, Request *request)
{
    Http1Talk *talk = ((Connection *)connection)->talk;
    if (is_cut_short(talk, request)) /* refused before it was whole */
        talk->keep_alive = false;
    if (talk->state != ANSWERING)
        enter(talk, ANSWERING);
    if (!talk->parsing)
        connection_send(connection);
}

/* RFC 9110 10.1.1: not to HTTP/1.0, and not when nothing is to follow. */
static bool expects_continue(const Http1Talk *talk)
{
    Str expect = request_field(talk->request, STR("expect"));
    return http1_minor(talk->engine) > 0 && has_body(talk->request) &&
           http_list_has(expect, STR("100-continue"));
}

/* Whoever sends far ahead of our answers, or a body that there is no room for, is not read for a
 * while. */
static void pace(Http1Talk *talk)
{
    bool far_ahead = talk->state == ANSWERING && talk->ahead.len >= AHEAD_MAX;
    bool waits = talk->request && talk->request->waiting;
    transport_pause(&talk->connection->transport, far_ahead || waits);
}

static void pause(void *connection, Request *request)
{
    (void)request;
    pace(((Connection *)connection)->talk);
}

static void resume(void *owner, Request *request)
{
    Connection *connection = owner;
    Http1Talk *talk = connection->talk;
    talk->say_continue = request->body.len == 0 && expects_continue(talk);
    pace(talk);
    if (request->ended)
        request_end(request);
    else
        connection_send(connection);
}

/* What a Request needs to know of its connection. */
static RequestHome home_of(Connection *connection)
{
    return (RequestHome){ .answered = answered,
                          .pause = pause,
                          .resume = resume,
                          .connection = connection,
                          .peer = connection->peer };
}

static void write_head(Http1Talk *talk, Buf *out)
{
    const Reply *reply = &talk->request->reply;
    http1_write_status(out, reply->status);
    http1_write_fields(out, &reply->fields);
    if (reply->bare)
        http1_write_field(out, STR("content-length"), STR("0"));
    if (!talk->keep_alive)
        http1_write_field(out, STR("connection"), STR("close"));
    else if (http1_minor(talk->engine) == 0)
        http1_write_field(out, STR("connection"), STR("keep-alive"));
    http1_write_end(out);
    talk->head_sent = true;
}

static void write_body(Http1Talk *talk, Buf *out)
{
    Reply *reply = &talk->request->reply;
    size_t left = reply->has_body ? payload_left(&reply->payload) : 0;
    size_t aim = transport_aim(&talk->connection->transport);
    size_t size = left < aim ? left : aim;
    char *room = size > 0 ? buf_reserve(out, size) : NULL;
    if (room)
        out->len += payload_read(&reply->payload, room, size);
}

static void start_lingering(Http1Talk *talk)
{
    enter(talk, LINGERING);
    transport_finish(&talk->connection->transport);
    transport_pause(&talk->connection->transport, false);
    buf_free(&talk->ahead);
}

static void finish_answer(Http1Talk *talk)
{
    request_free(talk->request);
    talk->request = NULL;
    talk->head_sent = false;
    if (!talk->keep_alive) {
        start_lingering(talk);
        return;
    }
    http1_next(talk->engine);
    enter(talk, WAITING);
}

static bool is_sent(const Http1Talk *talk)
{
    const Reply *reply = &talk->request->reply;
    return talk->head_sent && (!reply->has_body || payload_left(&reply->payload) == 0);
}

static void fill(void *owner, Buf *out)
{
    Http1Talk *talk = owner;
    if (talk->say_continue)
        buf_add(out, STR("HTTP/1.1 100 Continue\r\n\r\n"));
    talk->say_continue = false;
    while (talk->request && talk->request->state == REQUEST_ANSWERED && out->len < TRANSPORT_FILL) {
        if (is_sent(talk)) {
            if (out->len > 0)
                return; /* first let it go out */
            finish_answer(talk);
            parse_ahead(talk);
            pace(talk);
            continue;
        }
        if (!talk->head_sent)
            write_head(talk, out);
        write_body(talk, out);
        if (out->failed)
            return;
    }
}

/* ---- requests ---- */

/* RFC 9112 3.2: exactly one Host. Of two, whoever stands before us may have judged the other. */
static const char *host_fault(const Http1Talk *talk)
{
    const HttpFields *fields = &talk->request->fields;
    size_t count = 0;
    for (size_t i = 0; i < fields->count; i++)
        count += str_eq(http_fields_at(fields, i).name, STR("host"));
    if (count > 1)
        return "more than one Host";
    return count == 0 && http1_minor(talk->engine) > 0 ? "a Host is required" : NULL;
}

static bool on_head(void *owner)
{
    Http1Talk *talk = owner;
    Connection *connection = talk->connection;
    Err err = { 0 };
    RequestHome home = home_of(connection);
    talk->request = request_new(connection->server, &home, &err);
    if (!talk->request)
        return false;
    talk->keep_alive = http1_keeps_alive(talk->engine) && !connection->aged &&
                       !connection->server->draining && !connection->server->close_each;
    http1_take_fields(talk->engine, &talk->request->fields);
    const char *fault = host_fault(talk);
    if (fault) {
        talk->keep_alive = false;
        request_refuse(talk->request, &(Refusal){ .status = 400, .text = fault });
        return false;
    }
    if (!request_head(talk->request))
        return talk->keep_alive; /* then no body follows, and the message is complete */
    talk->say_continue = !talk->request->waiting && expects_continue(talk);
    return true;
}

static bool on_body(void *owner, Str bytes)
{
    Http1Talk *talk = owner;
    talk->say_continue = false;
    return request_add_body(talk->request, bytes);
}

static const Http1Events events = { on_head, on_body };

/* What cannot be parsed is answered too, by a request that has no fields. */
static void refuse_malformed(Http1Talk *talk, const Err *err)
{
    Connection *connection = talk->connection;
    Err memory = { 0 };
    RequestHome home = home_of(connection);
    bool in_target = !talk->request && http1_fields(talk->engine)->count == 0;
    int status = err->kind == ERR_INPUT         ? 400
                 : err->kind == ERR_LIMIT       ? (in_target ? 414 : 431)
                 : err->kind == ERR_UNSUPPORTED ? 501
                                                : 503;
    if (!talk->request)
        talk->request = request_new(connection->server, &home, &memory);
    if (!talk->request) {
        connection_close(connection);
        return;
    }
    Refusal refusal = { .status = status, .text = err->text };
    request_refuse(talk->request, &refusal);
}

static void on_whole(Http1Talk *talk)
{
    enter(talk, ANSWERING);
    if (talk->request->state == REQUEST_RECEIVING) /* else it was refused by its head */
        request_end(talk->request);
}

/* Feeds what came until the current request needs its answer first. The rest is left in *bytes. */
static void parse(Http1Talk *talk, Str *bytes)
{
    Err err = { 0 };
    talk->parsing = true;
    if (talk->state == WAITING)
        enter(talk, READING);
    Http1Result result = http1_feed(talk->engine, bytes, &err);
    if (result == HTTP1_MESSAGE)
        on_whole(talk);
    else if (result == HTTP1_BAD)
        refuse_malformed(talk, &err);
    else if (result == HTTP1_STOPPED && !talk->request)
        connection_close(talk->connection); /* no memory for a request */
    talk->parsing = false;
}

static bool may_parse(const Http1Talk *talk)
{
    return talk->connection->server && (talk->state == WAITING || talk->state == READING);
}

/* The next request, when it was sent ahead. */
static void parse_ahead(Http1Talk *talk)
{
    if (!may_parse(talk) || talk->ahead.len == 0)
        return;
    Str bytes = buf_str(&talk->ahead);
    parse(talk, &bytes);
    buf_drop_front(&talk->ahead, talk->ahead.len - bytes.len);
    if (talk->ahead.len == 0)
        buf_free(&talk->ahead);
}

static void received(void *owner, Str bytes)
{
    Http1Talk *talk = owner;
    Connection *connection = talk->connection;
    if (talk->state == LINGERING)
        return;
    if (may_parse(talk))
        parse(talk, &bytes);
    buf_add(&talk->ahead, bytes);
    if (talk->ahead.failed)
        connection_close(connection);
    if (!connection->server)
        return;
    pace(talk);
    connection_send(connection);
}

/* ---- time ---- */

static bool is_idle(const void *owner)
{
    const Http1Talk *talk = owner;
    return talk->state == WAITING || talk->state == LINGERING;
}

static int64_t deadline(void *owner)
{
    Http1Talk *talk = owner;
    const ServerLimits *limits = &talk->connection->server->limits;
    switch (talk->state) {
    case WAITING: return talk->since_ns + limits->idle_timeout_ns;
    case READING: /* once the head is in, the request has a time-out of its own */
        return talk->request ? INT64_MAX : talk->since_ns + limits->header_timeout_ns;
    case LINGERING: return talk->since_ns + LINGER_NS;
    case ANSWERING:
    default: return INT64_MAX;
    }
}

static void expired(void *owner)
{
    Http1Talk *talk = owner;
    if (talk->state == READING) {
        Err err = { 0 };
        RequestHome home = home_of(talk->connection);
        talk->request = request_new(talk->connection->server, &home, &err);
        if (talk->request) {
            request_refuse(talk->request,
                           &(Refusal){ .status = 408, .text = "the header came too slowly" });
            return;
        }
    }
    connection_close(talk->connection);
}

static void drain(void *owner)
{
    Http1Talk *talk = owner;
    talk->keep_alive = false;
    if (talk->state == WAITING)
        connection_close(talk->connection);
}

/* ---- life ---- */

static void free_talk(void *owner)
{
    Http1Talk *talk = owner;
    if (!talk)
        return;
    http1_free(talk->engine);
    buf_free(&talk->ahead);
    mem_free(talk);
}

static void *open_talk(Connection *connection, Err *err)
{
    Http1Talk *talk = MEM_MAKE(Http1Talk, 1, err);
    if (!talk)
        return NULL;
    talk->connection = connection;
    talk->ahead = (Buf){ .max = 4 * AHEAD_MAX, .purse = connection->server->purses.connections };
    talk->engine = http1_new(HTTP1_SERVER, connection->server->limits.header_bytes, err);
    if (!talk->engine) {
        free_talk(talk);
        return NULL;
    }
    http1_bind(talk->engine, &events, talk);
    http1_charge(talk->engine, connection->server->purses.connections);
    talk->since_ns = connection->accepted_ns; /* the header's time runs since then */
    talk->state = READING;
    return talk;
}

static void close_talk(void *owner)
{
    Http1Talk *talk = owner;
    Request *request = talk->request;
    talk->request = NULL;
    if (request)
        request_lose(request);
}

const ConnectionProtocol protocol_http1 = {
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
