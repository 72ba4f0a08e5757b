/* otlp_receiver.c - takes OTLP from SDKs and collectors: gRPC on 4317, HTTP on 4318.
 *
 * One instance per loop, each with listeners of its own (SO_REUSEPORT), shared by every pipeline
 * that names it. A request's bytes become a Batch (validated once, never decoded; JSON is turned
 * into protobuf on the way in) and travel on with an Ack. `acknowledge` says when the client gets
 * its OK:
 *
 *     accepted    once whoever comes next has taken the batch (the public Collector's promise)
 *     delivered   once every exporter has settled; a client that hears OK can forget its data
 *
 * Answers, by what became of the data:
 *
 *     taken, delivered        200 / OK with an empty Export...ServiceResponse
 *     delivered in part       200 / OK with partial_success: how many, and why
 *     not now                 503 / UNAVAILABLE; nothing was kept. With Retry-After / RetryInfo
 *                             when somebody knows when; else the client's own back-off is best
 *     never                   400, 413, 500 / INVALID_ARGUMENT, RESOURCE_EXHAUSTED, INTERNAL
 *
 * HTTP answers speak as the request did, protobuf or JSON; error bodies are a google.rpc.Status
 * (OTLP specification, "Failures"). A path or method is there only when a pipeline wants its
 * signal. Requests without items succeed and go no further. When both endpoints are the same, one
 * port speaks both.
 */
#include "base/mem.h"
#include "net/server.h"
#include "otlp/batch.h"
#include "otlp/json_in.h"
#include "otlp/json_out.h"
#include "otlp/rpc.h"

#include "pipe/host.h"
#include <stdio.h>

typedef enum Acknowledge { ACKNOWLEDGE_ACCEPTED, ACKNOWLEDGE_DELIVERED } Acknowledge;

typedef struct GrpcSettings {
    bool present;
    Str endpoint, transport;
    uint64_t max_recv_msg_size_mib, max_concurrent_streams;
} GrpcSettings;

typedef struct HttpSettings {
    bool present;
    Str endpoint, traces_url_path, metrics_url_path, logs_url_path;
    uint64_t max_request_body_size;
} HttpSettings;

typedef struct Protocols {
    GrpcSettings grpc;
    HttpSettings http;
} Protocols;

typedef struct OtlpReceiver OtlpReceiver;

typedef struct Way { /* the owner of a route: which signal arrives there */
    OtlpReceiver *receiver;
    Signal signal;
} Way;

struct OtlpReceiver {
    Component base;
    Protocols protocols; /* settings */
    int acknowledge;
    Way ways[SIGNAL_COUNT]; /* state */
    Server *grpc, *http;    /* the same one when the endpoints are */
};

typedef struct Pending { /* a client that waits for delivery */
    OtlpReceiver *receiver;
    Request *request;
    Signal signal;
} Pending;

static bool check_transport(Str text, Err *err)
{
    return str_eq(text, STR("tcp")) ||
           fail(err, ERR_UNSUPPORTED, "only tcp is there; unix sockets come later");
}

/* The defaults are the Collector's but for the size of a message: 64 MiB is the specification's. */
static const ConfigField grpc_fields[] = {
    ENDPOINT(GrpcSettings, endpoint, "localhost:4317", "Where to listen."),
    TEXT(GrpcSettings, transport, "tcp", "The kind of socket.", .check = check_transport),
    COUNT(GrpcSettings, max_recv_msg_size_mib, "64", "1", "64",
          "The largest message, as received and again once inflated."),
    COUNT(GrpcSettings, max_concurrent_streams, "0", "0", "10000",
          "Requests in flight on one connection; 0 takes the default of 256."),
    IGNORED("read_buffer_size", "buffers grow with what arrives"),
    IGNORED("write_buffer_size", "buffers grow with what is sent"),
    LATER("tls", "TLS"),
    LATER("auth", "authentication"),
    LATER("keepalive", "tuning of keep-alive"),
    LATER("include_metadata", "passing on of client metadata"),
    { 0 },
};

static const ConfigField http_fields[] = {
    ENDPOINT(HttpSettings, endpoint, "localhost:4318", "Where to listen."),
    TEXT(HttpSettings, traces_url_path, "/v1/traces", "The path for traces."),
    TEXT(HttpSettings, metrics_url_path, "/v1/metrics", "The path for metrics."),
    TEXT(HttpSettings, logs_url_path, "/v1/logs", "The path for logs."),
    SIZE(HttpSettings, max_request_body_size, "64MiB", "1KiB", "64MiB",
         "The largest body, as received and again once inflated."),
    LATER("tls", "TLS"),
    LATER("auth", "authentication"),
    LATER("cors", "CORS"),
    LATER("include_metadata", "passing on of client metadata"),
    LATER("compression_algorithms", "a choice of encodings"),
    LATER("response_headers", "further response headers"),
    { 0 },
};

static const ConfigField protocol_fields[] = {
    OPTIONAL_SECTION(Protocols, grpc, GrpcSettings, grpc_fields, "OTLP over gRPC."),
    OPTIONAL_SECTION(Protocols, http, HttpSettings, http_fields,
                     "OTLP over HTTP, protobuf or JSON."),
    { 0 },
};

static const char *const acknowledge_names[] = { "accepted", "delivered", NULL };

static const ConfigField fields[] = {
    SECTION(OtlpReceiver, protocols, Protocols, protocol_fields, "Which ones to speak."),
    CHOICE(OtlpReceiver, acknowledge, "accepted", acknowledge_names,
           "When the client gets its OK: once accepted into memory, or once delivered."),
    { 0 },
};

static bool otlp_check(const void *self, Err *err)
{
    const OtlpReceiver *receiver = self;
    const Protocols *protocols = &receiver->protocols;
    if (!protocols->grpc.present && !protocols->http.present)
        return fail(err, ERR_INPUT,
                    "must specify at least one protocol when using the OTLP receiver");
    return true;
}

/* ---- answers
 * ------------------------------------------------------------------------------------- */

static bool content_is(const Request *request, Str type)
{
    return http_media_type_is(request_field(request, STR("content-type")), type);
}

static bool is_json(const Request *request)
{
    return content_is(request, STR("application/json"));
}

static Str content_type(bool json)
{
    return json ? STR("application/json") : STR("application/x-protobuf");
}

static void answer_http_error(Request *request, const Err *err)
{
    Buf body = BUF(4096);
    bool json = is_json(request);
    const RpcStatus status = { .code = (GrpcCode)err_grpc_code(err->kind),
                               .message = str_from(err->text),
                               .retry_ms = err->retry_ms };
    if (json)
        otlp_json_write_status(&status, &body);
    else
        rpc_status_encode(&status, &body);
    char seconds[16];
    int len = snprintf(seconds, sizeof seconds, "%u", (err->retry_ms + 999) / 1000);
    const HttpField retry_after = { STR("retry-after"), { seconds, (size_t)len } };
    bool says_when = err_retryable(err->kind) && err->retry_ms;
    request_answer(request, &(Answer){ .status = err_http_status(err->kind),
                                       .content_type = content_type(json),
                                       .fields = &retry_after,
                                       .field_count = says_when,
                                       .body = body });
}

static void answer_error(Request *request, const Err *err)
{
    if (request_is_grpc(request))
        request_answer_err(request, err);
    else
        answer_http_error(request, err);
}

static void answer_ok(Request *request, Signal signal, const ExportAnswer *answer)
{
    Buf body = BUF(4096);
    bool json = !request_is_grpc(request) && is_json(request);
    if (json)
        otlp_json_write_answer(signal, answer, &body);
    else
        export_answer_write(&body, answer);
    if (request_is_grpc(request))
        request_answer_grpc(request, &body);
    else
        request_answer(request, &(Answer){ .status = 200,
                                           .content_type = content_type(json),
                                           .body = body });
}

static void answer_full_success(Request *request, Signal signal)
{
    answer_ok(request, signal, &(ExportAnswer){ 0 });
}

/* What became of the data, under `delivered`. */
static void answer_outcome(void *context, const AckOutcome *outcome)
{
    Pending *pending = context;
    Err err = outcome->reason;
    switch (outcome->result) {
    case ACK_DELIVERED: answer_full_success(pending->request, pending->signal); break;
    case ACK_PARTLY:
        answer_ok(pending->request, pending->signal,
                  &(ExportAnswer){ (int64_t)outcome->refused, str_from(err.text) });
        break;
    case ACK_RETRY:
        if (!err_retryable(err.kind))
            err.kind = ERR_BUSY;
        err.retry_ms = outcome->retry_ms;
        answer_error(pending->request, &err);
        break;
    case ACK_REFUSED:
        if (err_retryable(err.kind))
            err.kind = ERR_INPUT; /* whatever failed for good must not be sent again */
        answer_error(pending->request, &err);
        break;
    }
    mem_free(pending);
}

/* ---- the way in
 * ---------------------------------------------------------------------------------- */

static Ack *ack_for(OtlpReceiver *receiver, Request *request, const Batch *batch, Err *err)
{
    AckWish wish = { 0 };
    if (receiver->acknowledge == ACKNOWLEDGE_DELIVERED) {
        Pending *pending = MEM_MAKE(Pending, 1, err);
        if (!pending)
            return NULL;
        *pending = (Pending){ receiver, request, batch_signal(batch) };
        wish = (AckWish){ answer_outcome, pending, true };
    }
    Ack *ack = host_ack_new(receiver->base.host, batch_item_count(batch), &wish, err);
    if (!ack)
        mem_free(wish.context);
    return ack;
}

/* True: the request has been or will be answered. False: err is its answer. */
static bool send_on(OtlpReceiver *receiver, Request *request, Batch *batch, Err *err)
{
    Ack *ack = ack_for(receiver, request, batch, err);
    if (!ack)
        return false;
    bool waits = receiver->acknowledge == ACKNOWLEDGE_DELIVERED;
    const char *transport = request_is_grpc(request) ? "grpc" : "http";
    bool taken = host_send_from(receiver->base.host, transport, &(Parcel){ batch, ack }, err);
    if (!taken) {
        ack_hears(ack);
        ack_fail(ack, err); /* under `delivered` this becomes the answer */
    }
    if (waits)
        return true;
    if (taken)
        answer_full_success(request, batch_signal(batch));
    return taken;
}

static Batch *read_batch(const Way *way, Request *request, Err *err)
{
    Buf bytes = request_take_body(request);
    bool ok = true;
    if (!request_is_grpc(request) && is_json(request)) {
        Buf json = bytes;
        bytes = BUF(way->receiver->protocols.http.max_request_body_size);
        ok = otlp_json_read(way->signal, buf_str(&json), &bytes, err);
        buf_free(&json);
    }
    Batch *batch = ok ? batch_from_bytes(way->signal, &bytes, err) : NULL;
    buf_free(&bytes);
    return batch;
}

static bool is_understood(const Request *request)
{
    return request_is_grpc(request) || is_json(request) ||
           content_is(request, STR("application/x-protobuf"));
}

static void handle(void *owner, Request *request)
{
    const Way *way = owner;
    if (!is_understood(request)) {
        request_answer_text(request, 415, STR("send application/x-protobuf or application/json\n"));
        return;
    }
    Err err = { 0 };
    Batch *batch = read_batch(way, request, &err);
    bool answered = false;
    if (batch && batch_item_count(batch) == 0) {
        answer_full_success(request, way->signal);
        answered = true;
    } else if (batch) {
        answered = send_on(way->receiver, request, batch, &err);
    }
    batch_unref(batch);
    if (!answered)
        answer_error(request, &err);
}

/* ---- listening
 * ----------------------------------------------------------------------------------- */

static Server *make_server(OtlpReceiver *receiver, Str endpoint, size_t body_bytes, Err *err)
{
    Host *host = receiver->base.host;
    const ServerSettings settings = {
        .loop = host_loop(host),
        .endpoint = endpoint,
        .reuse_port = host_shards(host) > 1,
        .limits = { .body_bytes = body_bytes,
                    .streams_per_connection =
                        (size_t)receiver->protocols.grpc.max_concurrent_streams },
    };
    return server_new(&settings, err);
}

static bool route_grpc(OtlpReceiver *receiver, Err *err)
{
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        if (!host_wants(receiver->base.host, receiver->ways[i].signal))
            continue;
        const GrpcRoute route = { .path = otlp_grpc_path(receiver->ways[i].signal),
                                  .handle = handle,
                                  .owner = &receiver->ways[i],
                                  .message_bytes = receiver->protocols.grpc.max_recv_msg_size_mib
                                                   << 20 };
        if (!server_grpc_route(receiver->grpc, &route, err))
            return false;
    }
    return true;
}

static bool route_http(OtlpReceiver *receiver, Err *err)
{
    const HttpSettings *settings = &receiver->protocols.http;
    const Str paths[SIGNAL_COUNT] = { settings->traces_url_path, settings->metrics_url_path,
                                      settings->logs_url_path };
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        if (!host_wants(receiver->base.host, receiver->ways[i].signal))
            continue;
        Buf path = BUF(1024); /* a path without its leading slash gets one */
        buf_addf(&path, "%s%.*s", str_starts(paths[i], STR("/")) ? "" : "/", STR_ARG(paths[i]));
        const Route route = { .path = buf_str(&path),
                              .methods = STR("POST"),
                              .handle = handle,
                              .owner = &receiver->ways[i],
                              .body_bytes = (size_t)settings->max_request_body_size };
        bool ok = buf_ok(&path, err) && server_route(receiver->http, &route, err);
        buf_free(&path);
        if (!ok)
            return false;
    }
    return true;
}

static void announce(OtlpReceiver *receiver, const Server *server, const char *protocol)
{
    Host *host = receiver->base.host;
    if (!server || host_shard(host) > 0)
        return; /* one line is enough */
    Address address = server_address(server);
    char text[ADDRESS_TEXT_SIZE];
    host_announce(host, protocol, address_text(&address, text));
    if (!address_is_loopback(&address))
        host_log(host, LOG_WARN,
                 "%s listens beyond this machine, without TLS and without authentication: "
                 "whoever reaches it can send",
                 text);
}

static bool listen_on(const OtlpReceiver *receiver, Server *server, Err *err)
{
    return server_listen(server, err) ||
           blame(err, "protocols::%s::endpoint", server == receiver->grpc ? "grpc" : "http");
}

static bool start_grpc(OtlpReceiver *receiver, Err *err)
{
    const GrpcSettings *settings = &receiver->protocols.grpc;
    receiver->grpc =
        make_server(receiver, settings->endpoint, settings->max_recv_msg_size_mib << 20, err);
    return receiver->grpc && route_grpc(receiver, err);
}

static bool start_http(OtlpReceiver *receiver, Err *err)
{
    const HttpSettings *settings = &receiver->protocols.http;
    bool one_port = receiver->grpc && str_eq(settings->endpoint, receiver->protocols.grpc.endpoint);
    receiver->http =
        one_port ? receiver->grpc
                 : make_server(receiver, settings->endpoint, settings->max_request_body_size, err);
    return receiver->http && route_http(receiver, err);
}

static bool otlp_start(void *self, Err *err)
{
    static const Signal signals[SIGNAL_COUNT] = { TRACES, METRICS, LOGS };
    OtlpReceiver *receiver = self;
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        receiver->ways[i] = (Way){ receiver, signals[i] };
    const Protocols *protocols = &receiver->protocols;
    if (protocols->grpc.present && !start_grpc(receiver, err))
        return blame(err, "protocols::grpc");
    if (protocols->http.present && !start_http(receiver, err))
        return blame(err, "protocols::http");
    bool two_ports = receiver->http && receiver->http != receiver->grpc;
    if ((receiver->grpc && !listen_on(receiver, receiver->grpc, err)) ||
        (two_ports && !listen_on(receiver, receiver->http, err)))
        return false;
    announce(receiver, receiver->grpc, "gRPC");
    announce(receiver, receiver->http, "HTTP");
    return true;
}

/* No new connections; requests that are under way are still answered. */
static void otlp_close(void *self)
{
    OtlpReceiver *receiver = self;
    if (receiver->grpc)
        server_drain(receiver->grpc, INT64_MAX, NULL, NULL);
    if (receiver->http && receiver->http != receiver->grpc)
        server_drain(receiver->http, INT64_MAX, NULL, NULL);
}

static void otlp_stop(void *self)
{
    OtlpReceiver *receiver = self;
    if (receiver->http != receiver->grpc)
        server_free(receiver->http);
    server_free(receiver->grpc);
    receiver->grpc = receiver->http = NULL;
}

const ComponentType otlp_receiver = {
    .name = "otlp",
    .summary = "Takes traces, metrics and logs from SDKs and collectors, by gRPC and HTTP.",
    .kind = RECEIVER,
    .stability = BETA,
    .placement = SHARDED,
    .signals = ALL_SIGNALS,
    .traits = ALL_SHARE,
    .size = sizeof(OtlpReceiver),
    .fields = fields,
    .check = otlp_check,
    .start = otlp_start,
    .close = otlp_close,
    .stop = otlp_stop,
};
