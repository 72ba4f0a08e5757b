/* otlp_exporter.c - sends OTLP by gRPC: to Jaeger, Tempo, another collector, a vendor.
 *
 * A batch's bytes go out as they are; nothing is decoded. Queue, retry and deadlines are the
 * sender's (pipe/sender.h), what an answer means is otlp_outcome.h's. Many calls are in flight on
 * one connection.
 */
#include "base/mem.h"
#include "exporters/otlp_outcome.h"
#include "otlp/batch.h"
#include "otlp/rpc.h"
#include "pipe/connect_settings.h"
#include "pipe/host.h"
#include "pipe/sender.h"

typedef struct OtlpExporter {
    Component base;
    Str endpoint; /* settings */
    ConnectSettings connect;
    int64_t timeout;
    RetrySettings retry_on_failure;
    SendingQueueSettings sending_queue;
    BreakerSettings circuit_breaker;
    Sender *sender; /* state */
    Connector connector;
    GrpcClient *client;
} OtlpExporter;

typedef struct Attempt { /* one call in flight */
    OtlpExporter *exporter;
    SendSlot *token;
} Attempt;

static const ConfigField fields[] = {
    TEXT(OtlpExporter, endpoint, REQUIRED,
         "The server, as host:port; https:// in front asks for TLS, http:// for plain text.",
         .check = connect_check_grpc_endpoint),
    CONNECT_GRPC_ROWS(OtlpExporter, connect),
    SENDER_ROWS(OtlpExporter, "5s"),
    { 0 },
};

static bool exporter_check(const void *self, Err *err)
{
    const OtlpExporter *exporter = self;
    return connect_check(&exporter->connect, err) && sender_check(&exporter->sending_queue, err);
}

static void answered(void *owner, GrpcReply *reply, const Err *err)
{
    Attempt attempt = *(Attempt *)owner;
    mem_free(owner);
    AckOutcome outcome = otlp_grpc_outcome(reply, err);
    sender_result(attempt.exporter->sender, attempt.token, &outcome);
}

static bool call(OtlpExporter *exporter, const SendAttempt *what, Err *err)
{
    FieldList sent;
    if (!connector_fields(&exporter->connector, what->client, &sent, err))
        return false;
    Attempt *attempt = MEM_MAKE(Attempt, 1, err);
    if (!attempt)
        return false;
    *attempt = (Attempt){ exporter, what->token };
    BatchPieces pieces = batch_pieces(what->batch); /* the sender holds it until the result */
    int64_t left = what->deadline_mono_ns - clock_mono_ns(host_clock(exporter->base.host));
    GrpcCall request = {
        .path = otlp_grpc_path(batch_signal(what->batch)),
        .fields = sent.items,
        .field_count = sent.count,
        .lent = pieces.at,
        .lent_count = pieces.count,
        .encoding = exporter->connector.encoding,
        .timeout_ns = what->deadline_mono_ns == INT64_MAX ? INT64_MAX / 2
                      : left > 1                          ? left
                                                          : 1,
        .done = answered,
        .owner = attempt,
    };
    if (grpc_client_call(exporter->client, &request, err))
        return true;
    mem_free(attempt);
    return false;
}

static void exporter_send(void *self, const SendAttempt *attempt)
{
    OtlpExporter *exporter = self;
    Err err = { 0 };
    if (call(exporter, attempt, &err))
        return;
    AckOutcome outcome = otlp_grpc_outcome(NULL, &err);
    sender_result(exporter->sender, attempt->token, &outcome);
}

static bool exporter_start(void *self, Err *err)
{
    OtlpExporter *exporter = self;
    const ConnectWish wish = { .use = ENCODING_GRPC,
                               .tls = connect_wants_tls(&exporter->connect, ENCODING_GRPC,
                                                        exporter->endpoint) };
    if (!connector_open(&exporter->connector, &exporter->connect, &wish, exporter->base.host, err))
        return false;
    exporter->client = connector_grpc(&exporter->connector, exporter->endpoint, err);
    if (!exporter->client)
        return false;
    exporter->sender = sender_new(&(SenderOptions){ .host = exporter->base.host,
                                                    .self = exporter,
                                                    .send = exporter_send,
                                                    .timeout = exporter->timeout,
                                                    .retry = &exporter->retry_on_failure,
                                                    .queue = &exporter->sending_queue,
                                                    .breaker = &exporter->circuit_breaker },
                                  err);
    return exporter->sender != NULL;
}

static bool exporter_reserve(void *self, const Batch *batch, Err *err)
{
    return sender_reserve(((OtlpExporter *)self)->sender, batch, err);
}

static void exporter_unreserve(void *self, const Batch *batch)
{
    sender_unreserve(((OtlpExporter *)self)->sender, batch);
}

static bool exporter_consume(void *self, const Parcel *parcel, Err *err)
{
    return sender_take(((OtlpExporter *)self)->sender, parcel, err);
}

static void exporter_flush(void *self)
{
    sender_flush(((OtlpExporter *)self)->sender);
}

/* The client answers what is in flight as it goes; the sender, closed, begins nothing for that. */
static void exporter_stop(void *self)
{
    OtlpExporter *exporter = self;
    sender_close(exporter->sender);
    grpc_client_free(exporter->client);
    sender_free(exporter->sender);
    connector_close(&exporter->connector);
    exporter->client = NULL;
    exporter->sender = NULL;
}

static const char *const aliases[] = { "otlp_grpc", NULL };

const ComponentType otlp_exporter = {
    .name = "otlp",
    .aliases = aliases,
    .summary = "Sends traces, metrics and logs by OTLP over gRPC.",
    .kind = EXPORTER,
    .stability = BETA,
    .placement = SINGLE,
    .signals = ALL_SIGNALS,
    .traits = HOLDS | TAKES_BUNDLES,
    .size = sizeof(OtlpExporter),
    .fields = fields,
    .check = exporter_check,
    .start = exporter_start,
    .reserve = exporter_reserve,
    .unreserve = exporter_unreserve,
    .consume = exporter_consume,
    .flush = exporter_flush,
    .stop = exporter_stop,
};
