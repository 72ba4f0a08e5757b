/* prometheusremotewrite_exporter.c - sends metrics to whatever takes Prometheus' remote write.
 *
 * Batches wait in the sender's queue (pipe/sender.h) and are taken one at a time. Each becomes
 * series (prom/remote_series.h), which belong to lanes by the hash of their labels; the lanes send
 * side by side, each its requests one after the other:
 *
 *     queue --one batch--> series --+-> lane 0: request, request ...
 *                                   +-> lane 1: request ...            -> outcome of the batch
 *
 * So samples of one series never overtake each other, in a batch, between batches, or when one is
 * tried again: an attempt goes on where each lane has stopped, and what was taken is not sent anew.
 *
 * What cannot be a series (delta temporality, an empty metric) is told once, counted as refused and
 * does not keep back the rest. The settings' names are the public Collector's.
 */
#include "base/arena.h"
#include "base/mem.h"
#include "exporters/prometheusremotewrite/remote_write_outcome.h"
#include "otlp/batch.h"
#include "pipe/connect_settings.h"
#include "pipe/host.h"
#include "pipe/sender.h"
#include "prom/translate.h"

#include <cryostorm/version.h>

enum {
    OWN_FIELDS = 3,
    NAMES_MAX = 1 << 20, /* of external_labels */
    /* Of a batch's series with their labels: a histogram's bucket, eight bytes of the batch, is one
     * of them. Beyond the floor 64 bytes for each of the batch's. */
    SET_BYTES_MIN = 64 << 20,
    SET_FACTOR = 64,
};

typedef struct Switch {
    bool enabled;
} Switch;

typedef struct RemoteWriteQueue {
    bool enabled;
    uint64_t queue_size, num_consumers;
} RemoteWriteQueue;

typedef struct RemoteWriter RemoteWriter;

typedef struct Lane {
    RemoteWriter *writer;
    RemoteSeries *at, *end; /* what is under way, or next; NULL: all is done */
    size_t points;          /* of what is under way */
    bool sending, waits;    /* waits: for the next attempt */
} Lane;

typedef struct Job { /* the batch at hand */
    Batch *batch;
    SendSlot *token;
    const ClientInfo *client;
    RemoteSet *set;   /* NULL: there is none */
    size_t sending;   /* lanes with a request under way */
    uint64_t refused; /* data points */
    bool any_refused; /* perhaps of no data point */
    AckOutcome waits; /* the last that wants another attempt */
    Err reason;       /* of the first refusal */
} Job;

struct RemoteWriter {
    Component base;
    Str endpoint, ns; /* settings */
    TextMap external_labels;
    ConnectSettings connect;
    int64_t timeout;
    RetrySettings retry_on_failure;
    BreakerSettings circuit_breaker;
    RemoteWriteQueue remote_write_queue;
    uint64_t max_batch_size_bytes, max_batch_request_parallelism;
    Switch resource_to_telemetry_conversion, target_info, export_created_metric;
    bool add_metric_suffixes, send_metadata, disable_scope_info;
    int protobuf_message;
    SendingQueueSettings queue; /* state */
    PromOptions options;
    Arena *names; /* of labels: external_labels, under names that Prometheus takes */
    Label *labels;
    HttpField own[OWN_FIELDS];
    Connector connector;
    HttpClient *client;
    Sender *sender;
    Str path;
    Lane *lanes;
    size_t lane_count;
    Job job;
    bool told_unsupported;
};

static const char *const message_names[] = { "prometheus.WriteRequest",
                                             "io.prometheus.write.v2.Request", NULL };

/* ---- settings ---- */

/* "http://host:port/path" cut before the path. */
static bool url_split(Str url, Str *base, Str *path, Err *err)
{
    size_t scheme = str_starts(url, STR("https://")) ? 8 : str_starts(url, STR("http://")) ? 7 : 0;
    if (!scheme)
        return fail(err, ERR_INPUT, "must be a URL such as http://localhost:9090/api/v1/write");
    size_t n = scheme;
    while (n < url.len && url.ptr[n] != '/')
        n++;
    *base = str_first(url, n);
    *path = n < url.len ? str_skip(url, n) : STR("/");
    return n > scheme || fail(err, ERR_INPUT, "the URL has no host");
}

static bool check_url(Str text, Err *err)
{
    Str base, path;
    return url_split(text, &base, &path, err);
}

static const ConfigField conversion_fields[] = {
    BOOL(Switch, enabled, "false", "All attributes of the resource become labels."),
    { 0 },
};

static const ConfigField target_fields[] = {
    BOOL(Switch, enabled, "true", "A series target_info for each resource."),
    { 0 },
};

static const ConfigField created_fields[] = {
    BOOL(Switch, enabled, "false", "A series name_created with the time at which another began."),
    { 0 },
};

static const ConfigField first_retry_fields[] = { RETRY_ROWS("50ms"), { 0 } };

static const ConfigField queue_fields[] = {
    BOOL(RemoteWriteQueue, enabled, "true",
         "Let batches wait for their turn; without it whoever sends waits for the result."),
    COUNT(RemoteWriteQueue, queue_size, "10000", "0", NULL,
          "How many may wait; beyond, batches are refused."),
    COUNT(RemoteWriteQueue, num_consumers, "5", "0", "1000",
          "So many requests are under way at once, each for other series; 0 is 1."),
    { 0 },
};

static const ConfigField fields[] = {
    TEXT(RemoteWriter, endpoint, REQUIRED, "The URL to write to.", .check = check_url),
    TEXT(RemoteWriter, ns, "", "In front of every metric's name, with an underscore.",
         .name = "namespace"),
    TEXT_MAP(RemoteWriter, external_labels, "Labels for every series that has none of the name."),
    CONNECT_HTTP_ROWS_AS(RemoteWriter, connect, "snappy"),
    DURATION(RemoteWriter, timeout, "5s", "0s", "1h",
             "Give up a request after this long; 0s never does."),
    SECTION(RemoteWriter, retry_on_failure, RetrySettings, first_retry_fields,
            "What happens after a failed attempt."),
    SECTION(RemoteWriter, circuit_breaker, BreakerSettings, breaker_fields,
            "When a far side that never answers is left alone."),
    SECTION(RemoteWriter, remote_write_queue, RemoteWriteQueue, queue_fields,
            "Where batches wait for their turn."),
    COUNT(RemoteWriter, max_batch_size_bytes, "3000000", "0", "1000000000",
          "How large a request may become before it is compressed."),
    COUNT(RemoteWriter, max_batch_request_parallelism, "0", "0", "1000",
          "In place of num_consumers; 0 leaves it to that."),
    SECTION(RemoteWriter, resource_to_telemetry_conversion, Switch, conversion_fields,
            "Attributes of the resource on every series."),
    SECTION(RemoteWriter, target_info, Switch, target_fields, "What is known of each resource."),
    SECTION(RemoteWriter, export_created_metric, Switch, created_fields,
            "When counters, histograms and summaries began."),
    BOOL(RemoteWriter, add_metric_suffixes, "true", "Put type and unit behind names."),
    BOOL(RemoteWriter, send_metadata, "false",
         "Send types, units and descriptions; remote write 2.0 always does."),
    BOOL(RemoteWriter, disable_scope_info, "false",
         "No labels otel_scope_name, otel_scope_version and so on."),
    CHOICE(RemoteWriter, protobuf_message, "prometheus.WriteRequest", message_names,
           "Remote write 1.0, or io.prometheus.write.v2.Request for 2.0."),
    LATER("wal", "a log on disk in front of it"),
    { 0 },
};

static bool check_headers(const SecretMap *headers, Err *err)
{
    static const char *const ours[] = { "content-type", "content-encoding", "user-agent",
                                        "x-prometheus-remote-write-version" };
    for (size_t i = 0; i < headers->count; i++)
        for (size_t k = 0; k < COUNT_OF(ours); k++)
            if (str_eq_nocase(headers->items[i].key, str_from(ours[k])))
                return fail(err, ERR_INPUT, "headers: %s follows from what is sent; remove it",
                            ours[k]);
    return true;
}

static bool exporter_check(const void *self, Err *err)
{
    const RemoteWriter *writer = self;
    if (!str_eq(str_from(connect_http_compressions[writer->connect.compression]), STR("snappy")))
        return fail(err, ERR_INPUT, "compression type must be snappy");
    if (!writer->max_batch_size_bytes)
        return fail(err, ERR_INPUT, "max_batch_byte_size must be greater than 0");
    if (writer->remote_write_queue.enabled && !writer->remote_write_queue.queue_size)
        return fail(err, ERR_INPUT,
                    "remote_write_queue: queue_size: a 0 size queue will drop all the data");
    return check_headers(&writer->connect.headers, err) && connect_check(&writer->connect, err);
}

/* ---- the batch at hand ---- */

static void job_end(RemoteWriter *writer)
{
    remote_set_free(writer->job.set);
    writer->job = (Job){ 0 };
}

static void tell_unsupported(RemoteWriter *writer, const RemoteSet *set)
{
    if (writer->told_unsupported)
        return;
    writer->told_unsupported = true;
    host_log(writer->base.host, LOG_WARN,
             "%zu data points cannot be Prometheus' series and are dropped: %s", set->unsupported,
             set->reason);
}

static void note_refusal(Job *job, uint64_t points, const Err *reason)
{
    if (!job->any_refused)
        job->reason = *reason;
    job->any_refused = true;
    job->refused += points;
}

static bool job_begin(RemoteWriter *writer, const SendAttempt *attempt, Err *err)
{
    Job *job = &writer->job;
    job_end(writer);
    size_t size = batch_memory(attempt->batch);
    size_t size_max =
        size > SIZE_MAX / SET_FACTOR - SET_BYTES_MIN ? SIZE_MAX : SET_BYTES_MIN + size * SET_FACTOR;
    Purse *purse = budget_purse(host_budget(writer->base.host), BUDGET_BATCHES);
    job->set = remote_set_new(purse, size_max, writer->lane_count, err);
    if (!job->set || !remote_set_fill(job->set, attempt->batch, &writer->options, err)) {
        job_end(writer);
        return false;
    }
    if (job->set->unsupported) {
        Err reason = { 0 };
        fail(&reason, ERR_UNSUPPORTED, "%s", job->set->reason);
        note_refusal(job, job->set->unsupported, &reason);
        tell_unsupported(writer, job->set);
    }
    for (size_t i = 0; i < writer->lane_count; i++)
        writer->lanes[i] = (Lane){ .writer = writer, .at = job->set->lanes[i].first };
    return true;
}

/* What all lanes together make of it. */
static AckOutcome job_outcome(const RemoteWriter *writer)
{
    const Job *job = &writer->job;
    for (size_t i = 0; i < writer->lane_count; i++)
        if (writer->lanes[i].waits)
            return job->waits;
    uint64_t items = batch_item_count(job->batch);
    AckOutcome out = { .result = ACK_DELIVERED };
    if (!job->any_refused)
        return out;
    out.refused = job->refused < items ? job->refused : items;
    out.result = out.refused == items && items ? ACK_REFUSED : ACK_PARTLY;
    out.reason = job->reason;
    return out;
}

static void finish_attempt(RemoteWriter *writer)
{
    SendSlot *token = writer->job.token;
    AckOutcome outcome = job_outcome(writer);
    if (outcome.result != ACK_RETRY)
        job_end(writer);
    sender_result(writer->sender, token, &outcome);
}

/* ---- lanes ---- */

static void lane_answered(Lane *lane, const AckOutcome *outcome)
{
    Job *job = &lane->writer->job;
    if (outcome->result == ACK_RETRY) {
        lane->waits = true;
        if (job->waits.result != ACK_RETRY || outcome->retry_ms >= job->waits.retry_ms)
            job->waits = *outcome;
        return;
    }
    if (outcome->result == ACK_REFUSED)
        note_refusal(job, lane->points, &outcome->reason);
    lane->at = lane->end;
}

static void answered(void *owner, HttpResponse *response, const Err *err);

static bool post(Lane *lane, Err *err)
{
    RemoteWriter *writer = lane->writer;
    Job *job = &writer->job;
    FieldList sent;
    RemoteRequest request = { 0 };
    const RemoteWriteWish wish = { (RemoteWriteVersion)writer->protobuf_message,
                                   (size_t)writer->max_batch_size_bytes, writer->send_metadata };
    bool ok = remote_write_request(job->set, lane->at, &wish, &request, err);
    lane->end = request.end;
    lane->points = request.points;
    HttpCall call = { 0 };
    if (ok && connector_fields(&writer->connector, job->client, &sent, err)) {
        call = (HttpCall){
            .method = STR("POST"),
            .target = writer->path,
            .fields = sent.items,
            .field_count = sent.count,
            .body = request.body,
            .encoding = writer->connector.encoding,
            .timeout_ns = writer->timeout ? writer->timeout : INT64_MAX / 2,
            .done = answered,
            .owner = lane,
        };
        if (http_client_send(writer->client, &call, err))
            return true;
        request.body = call.body;
    }
    buf_free(&request.body);
    return false;
}

/* Sends the lane's next request, and judges those that cannot even be sent. */
static void lane_go(Lane *lane)
{
    while (lane->at && !lane->waits && !lane->sending) {
        Err err = { 0 };
        lane->sending = post(lane, &err);
        if (lane->sending) {
            lane->writer->job.sending++;
            return;
        }
        AckOutcome outcome =
            remote_write_outcome(NULL, &err, (RemoteWriteVersion)lane->writer->protobuf_message, 0);
        lane_answered(lane, &outcome);
    }
}

static void answered(void *owner, HttpResponse *response, const Err *err)
{
    Lane *lane = owner;
    RemoteWriter *writer = lane->writer;
    int64_t now = clock_wall_ns(host_clock(writer->base.host));
    AckOutcome outcome =
        remote_write_outcome(response, err, (RemoteWriteVersion)writer->protobuf_message, now);
    lane->sending = false;
    writer->job.sending--;
    lane_answered(lane, &outcome);
    lane_go(lane);
    if (!writer->job.sending)
        finish_attempt(writer);
}

static void exporter_send(void *self, const SendAttempt *attempt)
{
    RemoteWriter *writer = self;
    Job *job = &writer->job;
    Err err = { 0 };
    bool goes_on = attempt->number > 1 && job->set && job->batch == attempt->batch;
    if (!goes_on && !job_begin(writer, attempt, &err)) {
        AckOutcome outcome = remote_write_outcome(NULL, &err, REMOTE_WRITE_1, 0);
        sender_result(writer->sender, attempt->token, &outcome);
        return;
    }
    job->batch = attempt->batch;
    job->token = attempt->token;
    job->client = attempt->client;
    job->waits = (AckOutcome){ 0 };
    for (size_t i = 0; i < writer->lane_count; i++)
        writer->lanes[i].waits = false;
    for (size_t i = 0; i < writer->lane_count; i++)
        lane_go(&writer->lanes[i]);
    if (!job->sending)
        finish_attempt(writer);
}

/* ---- start and stop ---- */

static bool name_label(RemoteWriter *writer, Str key, Str *out, Err *err)
{
    Buf name = BUF(NAMES_MAX);
    *out = key;
    bool plain = label_name_plain(key) || str_starts(key, STR("__"));
    bool ok =
        plain || label_name(key, &name) ||
        fail(err, ERR_INPUT, "external_labels: no label name is left of \"%.*s\"", STR_ARG(key));
    ok = ok &&
         (plain || (buf_ok(&name, err) && arena_copy(writer->names, buf_str(&name), out, err)));
    buf_free(&name);
    return ok;
}

static bool make_labels(RemoteWriter *writer, Err *err)
{
    const TextMap *wished = &writer->external_labels;
    writer->names = arena_new(NAMES_MAX, err);
    writer->labels =
        writer->names ? ARENA_MAKE(writer->names, Label, wished->count + 1, err) : NULL;
    for (size_t i = 0; i < wished->count && writer->labels; i++) {
        writer->labels[i].value = wished->items[i].value;
        if (!name_label(writer, wished->items[i].key, &writer->labels[i].name, err))
            return false;
    }
    return writer->labels != NULL;
}

static bool make_options(RemoteWriter *writer, Err *err)
{
    size_t count = writer->external_labels.count;
    if (!make_labels(writer, err))
        return false;
    writer->options = (PromOptions){
        .ns = writer->ns,
        .without_suffixes = !writer->add_metric_suffixes,
        .resource_labels = writer->resource_to_telemetry_conversion.enabled,
        .scope_labels = !writer->disable_scope_info,
        .more = { writer->labels, labels_sort(writer->labels, count) },
        .more_on_targets = true,
        .without_targets = !writer->target_info.enabled,
        .created = writer->export_created_metric.enabled,
    };
    return true;
}

static bool make_lanes(RemoteWriter *writer, Err *err)
{
    uint64_t count = writer->max_batch_request_parallelism;
    count = count ? count : writer->remote_write_queue.num_consumers;
    writer->lane_count = count ? (size_t)count : 1;
    writer->lanes = MEM_MAKE(Lane, writer->lane_count, err);
    return writer->lanes != NULL;
}

static bool open_client(RemoteWriter *writer, Err *err)
{
    Str base;
    bool new_message = writer->protobuf_message == REMOTE_WRITE_2;
    writer->own[0] =
        (HttpField){ STR("content-type"),
                     new_message
                         ? STR("application/x-protobuf;proto=io.prometheus.write.v2.Request")
                         : STR("application/x-protobuf") };
    writer->own[1] = (HttpField){ STR("x-prometheus-remote-write-version"),
                                  new_message ? STR("2.0.0") : STR("0.1.0") };
    writer->own[2] = (HttpField){ STR("user-agent"), STR("cryostorm/" CRYO_VERSION) };
    const ConnectWish wish = {
        .use = ENCODING_HTTP,
        .tls = connect_wants_tls(&writer->connect, ENCODING_HTTP, writer->endpoint),
        .fields = writer->own,
        .field_count = OWN_FIELDS,
    };
    if (!url_split(writer->endpoint, &base, &writer->path, err) ||
        !connector_open(&writer->connector, &writer->connect, &wish, writer->base.host, err))
        return false;
    writer->client = connector_http(&writer->connector, base, err);
    return writer->client != NULL;
}

/* One at a time: the next batch may have newer samples of the same series. */
static bool open_sender(RemoteWriter *writer, Err *err)
{
    const RemoteWriteQueue *queue = &writer->remote_write_queue;
    writer->queue = (SendingQueueSettings){
        .enabled = true,
        .wait_for_result = !queue->enabled,
        .num_consumers = 1,
        .queue_size = queue->enabled ? queue->queue_size : SENDER_DIRECT_MAX,
        .sizer = SIZE_BY_REQUESTS,
    };
    writer->sender = sender_new(&(SenderOptions){ .host = writer->base.host,
                                                  .self = writer,
                                                  .send = exporter_send,
                                                  .timeout = writer->timeout,
                                                  .retry = &writer->retry_on_failure,
                                                  .queue = &writer->queue,
                                                  .breaker = &writer->circuit_breaker },
                                err);
    return writer->sender != NULL;
}

static bool exporter_start(void *self, Err *err)
{
    RemoteWriter *writer = self;
    return make_options(writer, err) && make_lanes(writer, err) && open_client(writer, err) &&
           open_sender(writer, err);
}

static bool exporter_reserve(void *self, const Batch *batch, Err *err)
{
    return sender_reserve(((RemoteWriter *)self)->sender, batch, err);
}

static void exporter_unreserve(void *self, const Batch *batch)
{
    sender_unreserve(((RemoteWriter *)self)->sender, batch);
}

static bool exporter_consume(void *self, const Parcel *parcel, Err *err)
{
    return sender_take(((RemoteWriter *)self)->sender, parcel, err);
}

static void exporter_flush(void *self)
{
    sender_flush(((RemoteWriter *)self)->sender);
}

/* The client first: it answers what is under way, which the sender then gives back. */
static void exporter_stop(void *self)
{
    RemoteWriter *writer = self;
    sender_close(writer->sender);
    http_client_free(writer->client);
    writer->client = NULL;
    sender_free(writer->sender);
    writer->sender = NULL;
    job_end(writer);
    connector_close(&writer->connector);
    mem_free(writer->lanes);
    arena_free(writer->names);
    writer->lanes = NULL;
    writer->names = NULL;
}

static const char *const aliases[] = { "prometheus_remote_write", NULL };

const ComponentType prometheusremotewrite_exporter = {
    .name = "prometheusremotewrite",
    .aliases = aliases,
    .summary = "Sends metrics by Prometheus' remote write, 1.0 or 2.0.",
    .kind = EXPORTER,
    .stability = ALPHA,
    .placement = SINGLE,
    .signals = METRICS,
    .traits = HOLDS,
    .size = sizeof(RemoteWriter),
    .fields = fields,
    .check = exporter_check,
    .start = exporter_start,
    .reserve = exporter_reserve,
    .unreserve = exporter_unreserve,
    .consume = exporter_consume,
    .flush = exporter_flush,
    .stop = exporter_stop,
};
