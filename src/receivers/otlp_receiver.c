/* otlp_receiver.c - takes OTLP from SDKs and collectors: gRPC on 4317, HTTP on 4318.
 *
 * One instance per loop, each with listeners of its own (SO_REUSEPORT), shared by every pipeline
 * that names it. A request's bytes become a Batch (validated once, never decoded; JSON is turned
 * into protobuf on the way in) and travel on with an Ack. `acknowledge` says when the client gets
 * its OK:
 *
 *     accepted    once whoever comes next has taken the batch (the public Collector's promise)
 *     delivered   once every exporter has settled; a client that hears OK can forget its data.
 *                 So it is, too, where an exporter's sending_queue says wait_for_result
 *
 * Answers, by what became of the data:
 *
 *     taken, delivered        200 / OK with an empty Export...ServiceResponse
 *     delivered in part, or   200 / OK with partial_success: how many not, and why
 *     items that cannot be
 *     taken (otlp/batch.h)
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
#include "pipe/listen_settings.h"

#include <stdio.h>

enum { BODY_MAX = 64 << 20 }; /* where the settings say 0: the specification's ceiling */

typedef enum Acknowledge { ACKNOWLEDGE_ACCEPTED, ACKNOWLEDGE_DELIVERED } Acknowledge;

typedef struct GrpcSettings {
    bool present;
    ListenSettings listen;
} GrpcSettings;

typedef struct HttpSettings {
    bool present;
    ListenSettings listen;
    Str traces_url_path, metrics_url_path, logs_url_path;
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
    Listener grpc, http;    /* of one port for both only http */
};

typedef struct Pending { /* a client that waits for delivery */
    OtlpReceiver *receiver;
    Request *request;
    Signal signal;
    BatchLoss loss; /* what came with it and was not sent on */
} Pending;

/* The defaults are the Collector's but for the size of a message: 64 MiB is the specification's. */
static const ConfigField grpc_fields[] = {
    LISTEN_GRPC_ROWS(GrpcSettings, listen, "localhost:4317"),
    { 0 },
};

static const ConfigField http_fields[] = {
    LISTEN_HTTP_ROWS(HttpSettings, listen, "localhost:4318", "64MiB"),
    TEXT(HttpSettings, traces_url_path, "/v1/traces", "The path for traces."),
    TEXT(HttpSettings, metrics_url_path, "/v1/metrics", "The path for metrics."),
    TEXT(HttpSettings, logs_url_path, "/v1/logs", "The path for logs."),
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

static bool is_one_port(const Protocols *protocols)
{
    return protocols->grpc.present && protocols->http.present &&
           str_eq(protocols->grpc.listen.endpoint, protocols->http.listen.endpoint);
}

static bool same_tls(const TlsListenSettings *a, const TlsListenSettings *b)
{
    return a->present == b->present && str_eq(a->own.cert_file, b->own.cert_file) &&
           str_eq(a->own.cert_pem, b->own.cert_pem) &&
           str_eq(a->client_ca_file, b->client_ca_file) && a->own.min_version == b->own.min_version;
}

static bool otlp_check(const void *self, Err *err)
{
    const OtlpReceiver *receiver = self;
    const GrpcSettings *grpc = &receiver->protocols.grpc;
    const HttpSettings *http = &receiver->protocols.http;
    if (!grpc->present && !http->present)
        return fail(err, ERR_INPUT,
                    "must specify at least one protocol when using the OTLP receiver");
    if (grpc->present && !listen_check(&grpc->listen, err))
        return blame(err, "protocols::grpc");
    if (http->present && !listen_check(&http->listen, err))
        return blame(err, "protocols::http");
    return !is_one_port(&receiver->protocols) || same_tls(&grpc->listen.tls, &http->listen.tls) ||
           fail(err, ERR_INPUT, "protocols: grpc and http share %.*s and must have the same tls",
                STR_ARG(http->listen.endpoint));
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

/* All was taken, but for what was lost before. */
static void answer_success(Request *request, Signal signal, const BatchLoss *loss)
{
    answer_ok(request, signal,
              &(ExportAnswer){ (int64_t)loss->items, str_from(loss->reason.text) });
}

/* What became of the data, under `delivered`. */
static void answer_outcome(void *context, const AckOutcome *outcome)
{
    Pending *pending = context;
    Err err = outcome->reason;
    switch (outcome->result) {
    case ACK_DELIVERED: answer_success(pending->request, pending->signal, &pending->loss); break;
    case ACK_PARTLY:
        answer_success(pending->request, pending->signal,
                       &(BatchLoss){ pending->loss.items + outcome->refused, err });
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

typedef struct Arrival {
    const Way *way;
    Request *request;
    ClientInfo *client; /* NULL: nobody knows */
    Batch *batch;
    BatchLoss loss; /* what is not in the batch */
} Arrival;

static bool waits_for_result(const Way *way)
{
    return way->receiver->acknowledge == ACKNOWLEDGE_DELIVERED ||
           host_is_asked(way->receiver->base.host, way->signal, ASK_RESULT);
}

static Ack *ack_for(const Arrival *in, bool waits, Err *err)
{
    OtlpReceiver *receiver = in->way->receiver;
    AckWish wish = { .client = in->client };
    if (waits) {
        Pending *pending = MEM_MAKE(Pending, 1, err);
        if (!pending)
            return NULL;
        *pending = (Pending){ receiver, in->request, in->way->signal, in->loss };
        wish = (AckWish){ answer_outcome, pending, true, in->client };
    }
    Ack *ack = host_ack_new(receiver->base.host, batch_item_count(in->batch), &wish, err);
    if (!ack)
        mem_free(wish.context);
    return ack;
}

static const char *transport_of(const Arrival *in)
{
    return request_is_grpc(in->request) ? "grpc" : "http";
}

/* True: the request has been or will be answered. False: err is its answer. */
static bool send_on(const Arrival *in, Err *err)
{
    OtlpReceiver *receiver = in->way->receiver;
    bool waits = waits_for_result(in->way);
    Ack *ack = ack_for(in, waits, err);
    if (!ack)
        return false;
    bool taken =
        host_send_from(receiver->base.host, transport_of(in), &(Parcel){ in->batch, ack }, err);
    if (!taken) {
        ack_hears(ack);
        ack_fail(ack, err); /* under `delivered` this becomes the answer */
    }
    if (waits)
        return true;
    if (taken)
        answer_success(in->request, in->way->signal, &in->loss);
    return taken;
}

static bool read_batch(Arrival *in, Err *err)
{
    const Way *way = in->way;
    Buf bytes = request_take_body(in->request);
    bool ok = true;
    if (!request_is_grpc(in->request) && is_json(in->request)) {
        Buf json = bytes;
        const ListenSettings *listen = &way->receiver->protocols.http.listen;
        size_t most = (size_t)(listen->limits.max_inflated_size ? listen->limits.max_inflated_size
                                                                : listen->max_request_body_size);
        bytes = (Buf){ .max = most ? most : BODY_MAX, .purse = json.purse };
        ok = otlp_json_read(way->signal, buf_str(&json), &bytes, err);
        buf_free(&json);
    }
    in->batch = ok ? batch_from_request(way->signal, &bytes, &in->loss, err) : NULL;
    buf_free(&bytes);
    return in->batch;
}

/* False: err is the answer. */
static bool take(Arrival *in, Err *err)
{
    if (!read_batch(in, err))
        return false;
    if (in->loss.items)
        host_count_refused(in->way->receiver->base.host, transport_of(in), in->way->signal,
                           in->loss.items);
    if (batch_item_count(in->batch))
        return send_on(in, err);
    answer_success(in->request, in->way->signal, &in->loss);
    return true;
}

/* At the head of a request, so that a refusal costs no body. */
static bool admit(void *owner, Err *err)
{
    const Way *way = owner;
    return host_may_take(way->receiver->base.host, way->signal, err);
}

/* Of a whole request: is there room for it behind us, or does it wait? */
static bool hold(void *owner)
{
    const Way *way = owner;
    return host_is_asked(way->receiver->base.host, way->signal, ASK_HOLD);
}

static bool is_understood(const Request *request)
{
    return request_is_grpc(request) || is_json(request) ||
           content_is(request, STR("application/x-protobuf"));
}

static void handle(void *owner, Request *request)
{
    if (!is_understood(request)) {
        request_answer_text(request, 415, STR("send application/x-protobuf or application/json\n"));
        return;
    }
    Arrival in = { .way = owner, .request = request, .client = listener_client(request) };
    Err err = { 0 };
    if (!take(&in, &err))
        answer_error(request, &err);
    batch_unref(in.batch);
    client_info_unref(in.client);
}

/* ---- listening
 * ----------------------------------------------------------------------------------- */

static bool open_listener(OtlpReceiver *receiver, Listener *listener,
                          const ListenSettings *settings, const char *name, Err *err)
{
    const ListenWish wish = { .name = name, .risk = "send", .admit = admit, .hold = hold };
    return listener_open(listener, settings, &wish, receiver->base.host, err);
}

static bool route_grpc(OtlpReceiver *receiver, Server *server, Err *err)
{
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        if (!host_wants(receiver->base.host, receiver->ways[i].signal))
            continue;
        const GrpcRoute route = { .path = otlp_grpc_path(receiver->ways[i].signal),
                                  .handle = handle,
                                  .owner = &receiver->ways[i] };
        if (!server_grpc_route(server, &route, err))
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
                              .owner = &receiver->ways[i] };
        bool ok = buf_ok(&path, err) && server_route(receiver->http.server, &route, err);
        buf_free(&path);
        if (!ok)
            return false;
    }
    return true;
}

static bool start_grpc(OtlpReceiver *receiver, Err *err)
{
    const Protocols *protocols = &receiver->protocols;
    if (!protocols->grpc.present || is_one_port(protocols))
        return true;
    return (open_listener(receiver, &receiver->grpc, &protocols->grpc.listen, "grpc", err) &&
            route_grpc(receiver, receiver->grpc.server, err)) ||
           blame(err, "protocols::grpc");
}

/* The port of both is HTTP's, with what only gRPC has of gRPC's. */
static bool start_http(OtlpReceiver *receiver, Err *err)
{
    const Protocols *protocols = &receiver->protocols;
    if (!protocols->http.present)
        return true;
    bool both = is_one_port(protocols);
    ListenSettings settings = protocols->http.listen;
    if (both)
        settings.max_concurrent_streams = protocols->grpc.listen.max_concurrent_streams;
    if (!open_listener(receiver, &receiver->http, &settings, both ? "grpc and http" : "http", err))
        return blame(err, "protocols::http");
    return (route_http(receiver, err) &&
            (!both || route_grpc(receiver, receiver->http.server, err))) ||
           blame(err, "protocols::http");
}

static bool listen_on(Listener *listener, const char *protocol, Err *err)
{
    return !listener->server || listener_listen(listener, err) ||
           blame(err, "protocols::%s", protocol);
}

static bool otlp_start(void *self, Err *err)
{
    static const Signal signals[SIGNAL_COUNT] = { TRACES, METRICS, LOGS };
    OtlpReceiver *receiver = self;
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        receiver->ways[i] = (Way){ receiver, signals[i] };
    if (!start_grpc(receiver, err) || !start_http(receiver, err) ||
        !listen_on(&receiver->grpc, "grpc", err) || !listen_on(&receiver->http, "http", err))
        return false;
    const Protocols *protocols = &receiver->protocols;
    if (protocols->grpc.present)
        listener_announce(is_one_port(protocols) ? &receiver->http : &receiver->grpc, "gRPC");
    if (protocols->http.present)
        listener_announce(&receiver->http, "HTTP");
    return true;
}

/* No new connections; requests that are under way are still answered. */
static void otlp_close(void *self)
{
    OtlpReceiver *receiver = self;
    if (receiver->grpc.server)
        server_drain(receiver->grpc.server, INT64_MAX, NULL, NULL);
    if (receiver->http.server)
        server_drain(receiver->http.server, INT64_MAX, NULL, NULL);
}

static void otlp_stop(void *self)
{
    OtlpReceiver *receiver = self;
    listener_close(&receiver->http);
    listener_close(&receiver->grpc);
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
