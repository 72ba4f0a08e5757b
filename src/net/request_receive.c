/* request_receive.c - a request on its way in: route, limits, body, encodings, then the handler.
 *
 * Checks come in the order that costs a stranger most and us least: what the head says is judged
 * before a byte of body is kept, room for the body is asked for before it is read, and the body is
 * counted before it is inflated.
 */
#include "net/encoding.h"
#include "net/request_internal.h"
#include "net/server_internal.h"

#include <stdio.h>
#include <string.h>

enum {
    SLOW_BYTES_PER_SECOND = 500, /* of bodies and answers, on average after the first time-out */
    TARGET_TEXT = 96,            /* how much of a path an error repeats */
};

static bool refuse(Request *request, int status, GrpcCode code, const char *text)
{
    request_refuse(request, &(Refusal){ .status = status, .code = code, .text = text });
    return false;
}

/* ---- the head ---- */

/* RFC 9112 3.2.2: servers accept the absolute form. Leaves the path in *target. */
static Str take_authority(Str *target)
{
    Str rest = str_contains(*target, STR("://")) ? *target : STR(""), scheme, authority;
    if (!str_split(&rest, ':', &scheme) ||
        (!str_eq_nocase(scheme, STR("http")) && !str_eq_nocase(scheme, STR("https"))))
        return (Str){ NULL, 0 };
    size_t before = scheme.len + 3;
    rest = str_skip(*target, before);
    if (!str_split(&rest, '/', &authority))
        authority = STR("");
    *target = str_skip(*target, before + authority.len);
    return authority;
}

static bool read_target(Request *request)
{
    Str target = http_fields_get(&request->fields, STR(":path"));
    request->method = http_fields_get(&request->fields, STR(":method"));
    request->head_only = str_eq(request->method, STR("HEAD"));
    request->authority = http_fields_get(&request->fields, STR(":authority"));
    if (!request->authority.ptr)
        request->authority = take_authority(&target);
    Str rest = target;
    if (!str_split(&rest, '?', &request->path))
        request->path = STR("");
    request->query = rest;
    return str_starts(request->path, STR("/")) || str_eq(request->path, STR("*"));
}

/* Two names for whom the request is meant (RFC 9112 3.2, RFC 9113 8.3.1): whoever stands before us
 * may have judged the other one. */
static bool names_one_host(Request *request)
{
    Str host = request_field(request, STR("host"));
    if (!request->authority.ptr)
        request->authority = host;
    return !host.ptr || str_eq_nocase(host, request->authority);
}

static bool find_grpc_route(Request *request)
{
    const Server *server = request->server;
    if (route_find(&server->grpc_routes, request->path, STR("POST"), &request->route) ==
        ROUTE_FOUND)
        return true;
    Err err = { 0 };
    fail(&err, ERR_UNSUPPORTED, "unknown method %.*s",
         STR_ARG(str_first(request->path, TARGET_TEXT)));
    request_refuse_err(request, &err);
    return false;
}

static void refuse_method(Request *request)
{
    Buf allow = BUF(512), text = BUF(1024);
    route_methods(&request->server->routes, request->path, &allow);
    buf_addf(&text, "405 method not allowed, supported: [%.*s]", STR_ARG(buf_str(&allow)));
    HttpField field = { STR("allow"), buf_str(&allow) };
    Answer answer = { .status = 405,
                      .content_type = STR("text/plain"),
                      .fields = &field,
                      .field_count = 1,
                      .body = text };
    request->server->counts.refused++;
    request_answer(request, &answer);
    buf_free(&allow);
}

static bool find_route(Request *request)
{
    const Server *server = request->server;
    if (request->grpc)
        return find_grpc_route(request);
    switch (route_find(&server->routes, request->path, request->method, &request->route)) {
    case ROUTE_FOUND: return true;
    case ROUTE_NO_METHOD: refuse_method(request); return false;
    case ROUTE_NO_PATH:
    default: return refuse(request, 404, GRPC_UNIMPLEMENTED, "404 page not found");
    }
}

/* What Content-Length promises is held against the limit before anything is sent in vain. */
static bool check_length(Request *request)
{
    uint64_t length = 0;
    Str text = request_field(request, STR("content-length"));
    if (text.ptr && !str_to_u64(text, &length))
        return refuse(request, 400, GRPC_INTERNAL, "content-length is not a number");
    size_t framing = request->grpc ? GRPC_PREFIX_SIZE : 0;
    request->need = (size_t)length;
    if (length <= request->body_max + framing)
        return true;
    return refuse(request, 413, GRPC_RESOURCE_EXHAUSTED, "the body is larger than the limit");
}

static bool encoding_is_taken(const Server *server, Str encoding)
{
    for (size_t i = 0; i < server->encodings.count; i++)
        if (str_eq_nocase(http_fields_at(&server->encodings, i).name, str_trim(encoding)))
            return true;
    return server->encodings.count == 0;
}

static bool check_encoding(Request *request)
{
    Str encoding = request_field(request, STR("content-encoding"));
    if (request->grpc || encoding_is_identity(encoding) ||
        (encoding_find(ENCODING_HTTP, encoding) && encoding_is_taken(request->server, encoding)))
        return true;
    return refuse(request, 415, GRPC_UNIMPLEMENTED, "this content-encoding is not known here");
}

/* What an answer over HTTP has whatever it says. False: it was a browser's question whether it may
 * ask, and that is answered. */
static bool begin_reply(Request *request)
{
    Err err = { 0 };
    const Server *server = request->server;
    for (size_t i = 0; i < server->response_fields.count; i++) {
        HttpField field = http_fields_at(&server->response_fields, i);
        if (!http_fields_add(&request->reply.fields, field.name, field.value, &err)) {
            request_refuse_err(request, &err);
            return false;
        }
    }
    if (!server->cors ||
        cors_apply(server->cors, &request->fields, &request->reply.fields) == CORS_GO_ON)
        return true;
    request_answer(request, &(Answer){ .status = 204 });
    return false;
}

/* "application/grpc", also with "+proto" or parameters; not "application/grpc-web". */
static bool is_grpc_type(Str type)
{
    Str base = STR("application/grpc");
    Str rest = str_skip(type, base.len);
    return str_starts(type, base) && (rest.len == 0 || *rest.ptr == '+' || *rest.ptr == ';');
}

static bool check_grpc(Request *request)
{
    Str timeout = request_field(request, STR("grpc-timeout"));
    int64_t timeout_ns;
    if (!str_eq(request->method, STR("POST")))
        return refuse(request, 405, GRPC_INTERNAL, "gRPC calls are POST");
    if (!timeout.ptr)
        return true;
    if (!grpc_timeout_parse(timeout, &timeout_ns))
        return refuse(request, 400, GRPC_INTERNAL, "grpc-timeout is malformed");
    int64_t now = loop_now(request->server->loop);
    request->deadline_ns = timeout_ns > INT64_MAX - now ? INT64_MAX : now + timeout_ns;
    return true;
}

/* Who is it? A refusal says how to say so. */
static bool authenticate(Request *request)
{
    Err err = { 0 };
    const Server *server = request->server;
    if (!server->authenticate || server->authenticate(server->authenticate_owner, request, &err))
        return true;
    Err full = { 0 };
    HttpField challenge = { 0 };
    if (err.kind == ERR_UNKNOWN && !request->grpc && server->challenge.count)
        challenge = http_fields_at(&server->challenge, 0);
    if (challenge.name.len &&
        !http_fields_add(&request->reply.fields, challenge.name, challenge.value, &full))
        request_refuse_err(request, &full);
    else
        request_refuse_err(request, &err);
    return false;
}

/* May whoever the route leads to take more at all? */
static bool admit(Request *request)
{
    Err err = { 0 };
    bool (*admits)(void *, Err *) = request->server->admit;
    if (!admits || admits(request->route->owner, &err))
        return true;
    request_refuse_err(request, &err);
    return false;
}

static void slow_fires(void *owner)
{
    Request *request = owner;
    Server *server = request->server;
    int64_t now = loop_now(server->loop);
    if (now < request->slow_at_ns || request->waiting) {
        timer_set(server->loop, &request->slow_timer,
                  request->waiting ? now + server->limits.body_timeout_ns : request->slow_at_ns);
        return;
    }
    refuse(request, 408, GRPC_DEADLINE_EXCEEDED, "the body came too slowly");
}

bool request_head(Request *request)
{
    const Server *server = request->server;
    Str type = request_field(request, STR("content-type"));
    bool target_ok = read_target(request);
    request->grpc = request->home.speaks_grpc && is_grpc_type(type);
    if (!target_ok)
        return refuse(request, 400, GRPC_UNIMPLEMENTED, "the request target is not a path");
    if (!names_one_host(request))
        return refuse(request, 400, GRPC_INTERNAL, "Host differs from the target's authority");
    if (server->check_host && !host_is_allowed(server, request))
        return refuse(request, 403, GRPC_PERMISSION_DENIED,
                      "this Host or Origin may not be used here");
    if ((!request->grpc && !begin_reply(request)) || !find_route(request))
        return false;
    if (!authenticate(request) || !admit(request))
        return false;
    if (request->route->body_bytes)
        request->body_max = request->inflated_max = request->route->body_bytes;
    request->body.max = request->body_max;
    if ((request->grpc && !check_grpc(request)) || !check_length(request) ||
        !check_encoding(request))
        return false;
    request->slow_timer = (Timer){ .fire = slow_fires, .owner = request };
    request->slow_at_ns = loop_now(server->loop) + server->limits.body_timeout_ns;
    timer_set(server->loop, &request->slow_timer, request->slow_at_ns);
    return !request->need || grant_ask(request, request->need);
}

/* ---- the body ---- */

int64_t request_patience_ns(size_t size, int64_t most_ns)
{
    int64_t earned = size > INT64_MAX / (NANOS_PER_SECOND / SLOW_BYTES_PER_SECOND)
                         ? most_ns
                         : (int64_t)size * (NANOS_PER_SECOND / SLOW_BYTES_PER_SECOND);
    return earned < most_ns ? earned : most_ns;
}

/* Up to one whole time-out from now. */
static void extend_patience(Request *request, size_t size)
{
    const Server *server = request->server;
    int64_t most = loop_now(server->loop) + server->limits.body_timeout_ns;
    int64_t at = request->slow_at_ns + request_patience_ns(size, server->limits.body_timeout_ns);
    request->slow_at_ns = at < most ? at : most;
}

/* Cuts it off *bytes. What a gRPC message will take is known from then on, before any of it is
 * kept. */
static bool read_prefix(Request *request, Str *bytes)
{
    if (!request->grpc || request->prefix_len == GRPC_PREFIX_SIZE)
        return true;
    Str part = str_first(*bytes, GRPC_PREFIX_SIZE - request->prefix_len);
    memcpy(request->prefix + request->prefix_len, part.ptr, part.len);
    request->prefix_len += part.len;
    *bytes = str_skip(*bytes, part.len);
    if (request->prefix_len < GRPC_PREFIX_SIZE)
        return true;
    size_t size = grpc_prefix_size(request->prefix);
    if (size > request->body_max)
        return refuse(request, 413, GRPC_RESOURCE_EXHAUSTED,
                      "the message is larger than the limit");
    return grant_ask(request, size);
}

bool request_add_body(Request *request, Str bytes)
{
    Str rest = bytes;
    if (bytes.len == 0)
        return true;
    if (!read_prefix(request, &rest))
        return false;
    if (rest.len > request->body.max - request->body.len)
        return refuse(request, 413, GRPC_RESOURCE_EXHAUSTED, "the body is larger than the limit");
    if (!grant_keep(request, rest))
        return false;
    extend_patience(request, bytes.len);
    return true;
}

/* ---- the end ---- */

static bool refuse_bomb(Request *request, const Encoding *encoding, size_t packed)
{
    char text[160];
    snprintf(text, sizeof text,
             "%zu bytes of %.*s inflate to more than the limit of %zu bytes for a body; send less "
             "at once",
             packed, STR_ARG(encoding->name), request->inflated_max);
    return refuse(request, 413, GRPC_RESOURCE_EXHAUSTED, text);
}

/* Replaces the body by its plain bytes. */
static bool inflate(Request *request, const Encoding *encoding)
{
    Err err = { 0 };
    Buf plain = { .max = request->inflated_max, .purse = request->body.purse };
    if (encoding->decode(buf_str(&request->body), &plain, &err)) {
        buf_free(&request->body);
        request->body = plain;
        return true;
    }
    buf_free(&plain);
    if (err.kind == ERR_MEMORY || err.kind == ERR_BUSY)
        return request_refuse_overload(request);
    if (err.kind == ERR_LIMIT)
        return refuse_bomb(request, encoding, request->body.len);
    blame(&err, "%.*s body", STR_ARG(encoding->name));
    request_refuse_err(request, &err);
    return false;
}

static bool inflate_http(Request *request)
{
    Str name = request_field(request, STR("content-encoding"));
    if (encoding_is_identity(name))
        return true;
    return inflate(request, encoding_find(ENCODING_HTTP, name));
}

static bool unwrap_grpc(Request *request)
{
    Err err = { 0 };
    bool compressed = false;
    size_t prefix_len = request->prefix_len;
    bool ok = prefix_len == GRPC_PREFIX_SIZE
                  ? grpc_prefix_parse(request->prefix, request->body.len, &compressed, &err)
                  : fail(&err, ERR_INPUT, "a gRPC message of %zu bytes has no prefix", prefix_len);
    if (!ok)
        request_refuse_err(request, &err);
    if (!ok || !compressed)
        return ok;
    const Encoding *encoding =
        encoding_find(ENCODING_GRPC, request_field(request, STR("grpc-encoding")));
    if (!encoding)
        return refuse(request, 415, GRPC_UNIMPLEMENTED, "this grpc-encoding is not known here");
    return inflate(request, encoding);
}

void request_handle(Request *request)
{
    if (!(request->grpc ? unwrap_grpc(request) : inflate_http(request)))
        return;
    request->state = REQUEST_HANDLED;
    request->route->handle(request->route->owner, request);
}

void request_finish(Request *request)
{
    if (!hold_ask(request))
        request_handle(request);
}

void request_end(Request *request)
{
    request->whole = true;
    timer_cancel(request->server->loop, &request->slow_timer);
    request->ended = request->waiting; /* then it goes on where the wait ends */
    if (request->ended)
        return;
    if (turn_is_needed(request))
        turn_ask(request);
    else
        request_finish(request);
}
