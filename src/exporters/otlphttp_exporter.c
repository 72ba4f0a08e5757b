/* otlphttp_exporter.c - sends OTLP by HTTP, in protobuf or in JSON.
 *
 * `endpoint` is a base URL, to which /v1/traces, /v1/metrics or /v1/logs is added;
 * {signal}_endpoint is a whole URL, used as it is. Queue, retry and deadlines are the sender's
 * (pipe/sender.h), what an answer means is otlp_outcome.h's.
 */
#include "base/mem.h"
#include "exporters/otlp_outcome.h"
#include "otlp/combine.h"
#include "otlp/json_out.h"
#include "otlp/rpc.h"
#include "pipe/connect_settings.h"
#include "pipe/host.h"
#include "pipe/sender.h"

#include <cryostorm/version.h>

typedef enum BodyFormat { BODY_PROTO, BODY_JSON } BodyFormat; /* the setting "encoding" */

enum {
    OWN_FIELDS = 2,
    JSON_FACTOR =
        16, /* what JSON may take of a batch's bytes: names and quotes around small fields */
    JSON_SPARE = 4096,
};

typedef struct Target { /* where one signal goes */
    HttpClient *client;
    Buf path;
} Target;

typedef struct OtlpHttpExporter {
    Component base;
    Str endpoint, traces_endpoint, metrics_endpoint, logs_endpoint; /* settings */
    int encoding;
    ConnectSettings connect;
    int64_t timeout;
    RetrySettings retry_on_failure;
    SendingQueueSettings sending_queue;
    BreakerSettings circuit_breaker;
    Sender *sender; /* state */
    Target targets[SIGNAL_COUNT];
    Connector connector;
    HttpField own[OWN_FIELDS]; /* in front of the connector's fields */
} OtlpHttpExporter;

typedef struct Attempt { /* one request in flight */
    OtlpHttpExporter *exporter;
    SendSlot *token;
} Attempt;

/* "http://host:port/path" cut before the path; false: not such a URL. */
static bool url_split(Str url, Str *base, Str *path, Err *err)
{
    size_t scheme = str_starts(url, STR("https://")) ? 8 : str_starts(url, STR("http://")) ? 7 : 0;
    if (!scheme)
        return fail(err, ERR_INPUT, "must be a URL such as http://localhost:4318");
    size_t n = scheme;
    while (n < url.len && url.ptr[n] != '/')
        n++;
    *base = str_first(url, n);
    *path = str_skip(url, n);
    return n > scheme || fail(err, ERR_INPUT, "the URL has no host");
}

static bool check_url(Str text, Err *err)
{
    Str base, path;
    return !text.len || url_split(text, &base, &path, err);
}

static const char *const encoding_names[] = { "proto", "json", NULL };

static const ConfigField fields[] = {
    TEXT(OtlpHttpExporter, endpoint, "", "The base URL of the server.", .check = check_url),
    TEXT(OtlpHttpExporter, traces_endpoint, "", "The whole URL for traces.", .check = check_url),
    TEXT(OtlpHttpExporter, metrics_endpoint, "", "The whole URL for metrics.", .check = check_url),
    TEXT(OtlpHttpExporter, logs_endpoint, "", "The whole URL for logs.", .check = check_url),
    CHOICE(OtlpHttpExporter, encoding, "proto", encoding_names, "How bodies are encoded."),
    CONNECT_HTTP_ROWS(OtlpHttpExporter, connect),
    SENDER_ROWS(OtlpHttpExporter, "30s"),
    { 0 },
};

static bool exporter_check(const void *self, Err *err)
{
    const OtlpHttpExporter *exporter = self;
    if (!exporter->endpoint.len && !exporter->traces_endpoint.len &&
        !exporter->metrics_endpoint.len && !exporter->logs_endpoint.len)
        return fail(err, ERR_INPUT, "at least one endpoint must be specified");
    return connect_check(&exporter->connect, err) && sender_check(&exporter->sending_queue, err);
}

/* ---- sending
 * ------------------------------------------------------------------------------------- */

static void answered(void *owner, HttpResponse *response, const Err *err)
{
    Attempt attempt = *(Attempt *)owner;
    mem_free(owner);
    int64_t now = clock_wall_ns(host_clock(attempt.exporter->base.host));
    AckOutcome outcome = otlp_http_outcome(response, err, now);
    sender_result(attempt.exporter->sender, attempt.token, &outcome);
}

/* Protobuf goes out as the batch has it: the sender holds it until the result. */
static bool set_body(const OtlpHttpExporter *exporter, Batch *batch, HttpCall *out, Err *err)
{
    if (exporter->encoding == BODY_PROTO) {
        BatchPieces pieces = batch_pieces(batch);
        out->lent = pieces.at;
        out->lent_count = pieces.count;
        return true;
    }
    Batch *whole = batch_whole(batch, err);
    out->body = BUF(batch_size(batch) * JSON_FACTOR + JSON_SPARE);
    bool ok = whole && otlp_json_write(whole, &out->body, err);
    batch_unref(whole);
    return ok;
}

static bool post(OtlpHttpExporter *exporter, const SendAttempt *what, Err *err)
{
    const Target *target = &exporter->targets[signal_index(batch_signal(what->batch))];
    if (!target->client)
        return fail(err, ERR_DENIED, "no endpoint for this signal"); /* and there never will be */
    FieldList sent;
    if (!connector_fields(&exporter->connector, what->client, &sent, err))
        return false;
    Attempt *attempt = MEM_MAKE(Attempt, 1, err);
    if (!attempt)
        return false;
    *attempt = (Attempt){ exporter, what->token };
    int64_t left = what->deadline_mono_ns - clock_mono_ns(host_clock(exporter->base.host));
    HttpCall request = {
        .method = STR("POST"),
        .target = buf_str(&target->path),
        .fields = sent.items,
        .field_count = sent.count,
        .encoding = exporter->connector.encoding,
        .timeout_ns = what->deadline_mono_ns == INT64_MAX ? INT64_MAX / 2
                      : left > 1                          ? left
                                                          : 1,
        .done = answered,
        .owner = attempt,
    };
    if (set_body(exporter, what->batch, &request, err) &&
        http_client_send(target->client, &request, err))
        return true;
    buf_free(&request.body);
    mem_free(attempt);
    return false;
}

static void exporter_send(void *self, const SendAttempt *attempt)
{
    OtlpHttpExporter *exporter = self;
    Err err = { 0 };
    if (post(exporter, attempt, &err))
        return;
    AckOutcome outcome = otlp_http_outcome(NULL, &err, 0);
    sender_result(exporter->sender, attempt->token, &outcome);
}

/* ---- starting and stopping
 * ----------------------------------------------------------------------- */

static bool aim(OtlpHttpExporter *exporter, Signal signal, Str whole, Err *err)
{
    Target *target = &exporter->targets[signal_index(signal)];
    Str url = whole.len ? whole : exporter->endpoint, base, path;
    if (!url.len)
        return true; /* this signal has no endpoint: refused when it comes */
    if (!url_split(url, &base, &path, err))
        return false;
    target->path = BUF(4096);
    if (whole.len) {
        buf_add(&target->path, path.len ? path : STR("/"));
    } else {
        buf_add(&target->path, str_ends(path, STR("/")) ? str_first(path, path.len - 1) : path);
        buf_add(&target->path, otlp_http_path(signal));
    }
    if (!buf_ok(&target->path, err))
        return false;
    target->client = connector_http(&exporter->connector, base, err);
    return target->client != NULL;
}

static bool wants_tls(const OtlpHttpExporter *exporter)
{
    const Str urls[] = { exporter->endpoint, exporter->traces_endpoint, exporter->metrics_endpoint,
                         exporter->logs_endpoint };
    for (size_t i = 0; i < COUNT_OF(urls); i++)
        if (connect_wants_tls(&exporter->connect, ENCODING_HTTP, urls[i]))
            return true;
    return false;
}

static bool open_connector(OtlpHttpExporter *exporter, Err *err)
{
    Str type =
        exporter->encoding == BODY_JSON ? STR("application/json") : STR("application/x-protobuf");
    exporter->own[0] = (HttpField){ STR("content-type"), type };
    exporter->own[1] = (HttpField){ STR("user-agent"), STR("cryostorm/" CRYO_VERSION) };
    const ConnectWish wish = { .use = ENCODING_HTTP,
                               .tls = wants_tls(exporter),
                               .fields = exporter->own,
                               .field_count = OWN_FIELDS };
    return connector_open(&exporter->connector, &exporter->connect, &wish, exporter->base.host,
                          err);
}

static bool exporter_start(void *self, Err *err)
{
    OtlpHttpExporter *exporter = self;
    if (!open_connector(exporter, err) || !aim(exporter, TRACES, exporter->traces_endpoint, err) ||
        !aim(exporter, METRICS, exporter->metrics_endpoint, err) ||
        !aim(exporter, LOGS, exporter->logs_endpoint, err))
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
    return sender_reserve(((OtlpHttpExporter *)self)->sender, batch, err);
}

static void exporter_unreserve(void *self, const Batch *batch)
{
    sender_unreserve(((OtlpHttpExporter *)self)->sender, batch);
}

static bool exporter_consume(void *self, const Parcel *parcel, Err *err)
{
    return sender_take(((OtlpHttpExporter *)self)->sender, parcel, err);
}

static void exporter_flush(void *self)
{
    sender_flush(((OtlpHttpExporter *)self)->sender);
}

/* The clients first: they answer what is in flight, which the sender then gives back. */
static void exporter_stop(void *self)
{
    OtlpHttpExporter *exporter = self;
    sender_close(exporter->sender);
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        http_client_free(exporter->targets[i].client);
        buf_free(&exporter->targets[i].path);
        exporter->targets[i].client = NULL;
    }
    sender_free(exporter->sender);
    connector_close(&exporter->connector);
    exporter->sender = NULL;
}

static const char *const aliases[] = { "otlp_http", NULL };

const ComponentType otlphttp_exporter = {
    .name = "otlphttp",
    .aliases = aliases,
    .summary = "Sends traces, metrics and logs by OTLP over HTTP.",
    .kind = EXPORTER,
    .stability = BETA,
    .placement = SINGLE,
    .signals = ALL_SIGNALS,
    .traits = HOLDS | TAKES_BUNDLES,
    .size = sizeof(OtlpHttpExporter),
    .fields = fields,
    .check = exporter_check,
    .start = exporter_start,
    .reserve = exporter_reserve,
    .unreserve = exporter_unreserve,
    .consume = exporter_consume,
    .flush = exporter_flush,
    .stop = exporter_stop,
};
