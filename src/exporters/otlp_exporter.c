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
#include "pipe/host.h"
#include "pipe/sender.h"

#include <cryostorm/version.h>

typedef struct TlsSettings {
    bool insecure;
} TlsSettings;

typedef struct OtlpExporter {
    Component base;
    Str endpoint; /* settings */
    TlsSettings tls;
    int compression;
    SecretMap headers;
    int64_t timeout;
    RetrySettings retry_on_failure;
    SendingQueueSettings sending_queue;
    Sender *sender; /* state */
    GrpcClient *client;
    const Encoding *encoding; /* NULL: as it is */
    HttpField *fields;
} OtlpExporter;

typedef struct Attempt { /* one call in flight */
    OtlpExporter *exporter;
    SendSlot *token;
} Attempt;

static const ConfigField tls_fields[] = {
    BOOL(TlsSettings, insecure, "false", "Plain text, without TLS."),
    LATER("ca_file", "TLS"),
    LATER("cert_file", "TLS"),
    LATER("key_file", "TLS"),
    LATER("insecure_skip_verify", "TLS"),
    LATER("server_name_override", "TLS"),
    { 0 },
};

static const char *const compression_names[] = { "none", "gzip", "snappy", "zstd", NULL };

static bool check_endpoint(Str text, Err *err)
{
    if (str_starts(text, STR("https://")))
        return fail(err, ERR_UNSUPPORTED, "TLS comes later; use http:// or host:port");
    Str host_port = str_starts(text, STR("http://")) ? str_skip(text, 7) : text;
    return config_check_endpoint(host_port, err);
}

static const ConfigField fields[] = {
    TEXT(OtlpExporter, endpoint, REQUIRED, "The server, as host:port.", .check = check_endpoint),
    SECTION(OtlpExporter, tls, TlsSettings, tls_fields, "How the connection is protected."),
    CHOICE(OtlpExporter, compression, "gzip", compression_names, "How messages are compressed."),
    SECRET_MAP(OtlpExporter, headers, "Metadata that goes with every call."),
    SENDER_ROWS(OtlpExporter, "5s"),
    IGNORED("balancer_name", "there is one connection"),
    IGNORED("read_buffer_size", "buffers grow with what arrives"),
    IGNORED("write_buffer_size", "buffers grow with what is sent"),
    IGNORED("wait_for_ready", "a call waits for its connection, as long as its timeout allows"),
    LATER("auth", "authentication"),
    LATER("keepalive", "tuning of keep-alive"),
    LATER("authority", "another authority"),
    { 0 },
};

static bool exporter_check(const void *self, Err *err)
{
    const OtlpExporter *exporter = self;
    return exporter->tls.insecure || str_starts(exporter->endpoint, STR("http://")) ||
           fail(err, ERR_UNSUPPORTED, "TLS comes later; set tls: { insecure: true }");
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
    Attempt *attempt = MEM_MAKE(Attempt, 1, err);
    if (!attempt)
        return false;
    *attempt = (Attempt){ exporter, what->token };
    int64_t left = what->deadline_mono_ns - clock_mono_ns(host_clock(exporter->base.host));
    GrpcCall request = {
        .path = otlp_grpc_path(batch_signal(what->batch)),
        .fields = exporter->fields,
        .field_count = exporter->headers.count,
        .lent = batch_bytes(what->batch), /* the sender holds it until the result */
        .encoding = exporter->encoding,
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

static bool copy_headers(OtlpExporter *exporter, Err *err)
{
    size_t count = exporter->headers.count;
    exporter->fields = MEM_MAKE(HttpField, count, err);
    if (!exporter->fields)
        return false;
    for (size_t i = 0; i < count; i++) {
        const SecretPair *pair = &exporter->headers.items[i];
        exporter->fields[i] = (HttpField){ pair->key, secret_reveal(pair->value) };
    }
    return true;
}

static bool exporter_start(void *self, Err *err)
{
    OtlpExporter *exporter = self;
    Str compression = str_from(compression_names[exporter->compression]);
    if (!encoding_choose(ENCODING_GRPC, compression, &exporter->encoding, err))
        return false;
    exporter->client =
        grpc_client_new(&(GrpcClientSettings){ .loop = host_loop(exporter->base.host),
                                               .endpoint = exporter->endpoint,
                                               .user_agent = STR("cryostorm/" CRYO_VERSION) },
                        err);
    if (!exporter->client || !copy_headers(exporter, err))
        return false;
    exporter->sender = sender_new(&(SenderOptions){ .host = exporter->base.host,
                                                    .self = exporter,
                                                    .send = exporter_send,
                                                    .timeout = exporter->timeout,
                                                    .retry = &exporter->retry_on_failure,
                                                    .queue = &exporter->sending_queue },
                                  err);
    return exporter->sender != NULL;
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
    mem_free(exporter->fields);
    exporter->client = NULL;
    exporter->sender = NULL;
    exporter->fields = NULL;
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
    .traits = HOLDS,
    .size = sizeof(OtlpExporter),
    .fields = fields,
    .check = exporter_check,
    .start = exporter_start,
    .consume = exporter_consume,
    .flush = exporter_flush,
    .stop = exporter_stop,
};
