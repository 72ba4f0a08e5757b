/* send.c - sends spans, metrics and logs with our library and writes down what was sent, as send.py
 * does.
 *
 * usage: send grpc|http|json ENDPOINT none|gzip EXPECTED.json
 *
 * Built by tests/interop/run as a user would: from the public headers and the shared library alone.
 * Metrics and logs are the rows of send.h, which plan.py writes from measurements.json. Every time
 * of a span or a log record is given explicitly, so that it is known here independently of any
 * exporter; for the metrics the time before the start and after the end is written down.
 */
#include <cryostorm/context.h>
#include <cryostorm/log.h>
#include <cryostorm/metrics.h>
#include <cryostorm/telemetry.h>
#include <cryostorm/trace.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { STEPS = 50 };

typedef struct Add { /* one measurement */
    double value;
    CryoAttrs attributes;
} Add;

typedef struct Row { /* one instrument and all that it measures */
    CryoInstrumentKind kind;
    const char *name, *unit;
    bool integer;
    struct {
        const double *ptr;
        size_t count;
    } bounds;
    struct {
        const Add *ptr;
        size_t count;
    } adds;
} Row;

typedef struct LogRow {
    int severity;
    CryoString text, body;
    CryoAttrs attributes;
} LogRow;

#include "send.h" /* plan_rows and plan_logs, of the types above */

enum {
    ROWS = sizeof plan_rows / sizeof *plan_rows,
    LOGS = sizeof plan_logs / sizeof *plan_logs,
};

static const char *const all_attributes =
    "{\"text\":\"gr\\u00fc\\u00dfe \\u2713 <b>not "
    "markup</b>\",\"empty\":\"\",\"yes\":true,\"no\":false,"
    "\"zero\":0,\"large\":9007199254740993,\"negative\":-42,\"ratio\":0.1,\"texts\":[\"a\",\"\","
    "\"c\"],"
    "\"numbers\":[1,2,3],\"reals\":[0.5,-1.25],\"flags\":[true,false]}";

static uint64_t base_ns, log_times_ns[LOGS];
static char service[64];
static FILE *expected;
static int written;

typedef struct Sent { /* what the expectation of one span is made of */
    const char *name, *kind, *attributes, *events, *links, *status, *message;
    uint64_t start_ns, end_ns;
    CryoSpanContext own, parent;
} Sent;

static void write_expectation(const Sent *sent)
{
    char trace_id[CRYO_TRACE_ID_TEXT], span_id[CRYO_SPAN_ID_TEXT], parent_id[CRYO_SPAN_ID_TEXT];
    bool has_parent = cryo_span_context_valid(&sent->parent);
    fprintf(expected,
            "%s{\"traceId\":\"%s\",\"spanId\":\"%s\",\"parentSpanId\":\"%s\",\"name\":\"%s\","
            "\"flags\":%d,\"kind\":\"%s\",\"startNanos\":%" PRIu64 ",\"endNanos\":%" PRIu64
            ",\"attributes\":%s,"
            "\"events\":[%s],\"links\":[%s],\"status\":{\"code\":\"%s\",\"message\":\"%s\"},"
            "\"scope\":{\"name\":\"interop\",\"version\":\"1.2.3\"}}",
            written++ ? ",\n" : "", cryo_trace_id_text(&sent->own, trace_id),
            cryo_span_id_text(&sent->own, span_id),
            has_parent ? cryo_span_id_text(&sent->parent, parent_id) : "", sent->name,
            sent->own.flags, sent->kind, sent->start_ns, sent->end_ns, sent->attributes,
            sent->events, sent->links, sent->status, sent->message);
}

static CryoSpan start(Sent *sent, CryoSpanOptions options)
{
    options.tracer = cryo_tracer("interop", "1.2.3");
    options.start_ns = sent->start_ns;
    CryoSpan span = cryo_span_start(sent->name, &options);
    cryo_span_context(cryo_span_current(), &sent->parent);
    cryo_span_context(span, &sent->own);
    return span;
}

static void finish(CryoSpan span, const Sent *sent)
{
    cryo_span_end_at(span, sent->end_ns);
    write_expectation(sent);
}

static Sent sent_as(const char *name, const char *kind, uint64_t offset_ns)
{
    return (Sent){ .name = name,
                   .kind = kind,
                   .attributes = "{}",
                   .events = "",
                   .links = "",
                   .status = "UNSET",
                   .message = "",
                   .start_ns = base_ns + offset_ns,
                   .end_ns = base_ns + offset_ns + 1500000 };
}

/* ---- metrics and logs ------------------------------------------------------------------------ */

static CryoInstrument *instrument_of(Row *row, CryoObserve observe)
{
    const CryoInstrumentOptions options = { .unit = row->unit,
                                            .meter = cryo_meter("interop", "1.2.3"),
                                            .bounds = row->bounds.ptr,
                                            .bound_count = row->bounds.count,
                                            .observe = observe,
                                            .context = row };
    return cryo_instrument(row->kind, row->integer ? CRYO_INT64 : CRYO_FLOAT64, row->name,
                           &options);
}

static void observe(void *context, CryoObserver *observer)
{
    Row *row = context;
    CryoObservable gauge = { instrument_of(row, NULL) }; /* the one there is */
    for (size_t i = 0; i < row->adds.count; i++)
        cryo_observe(observer, gauge, row->adds.ptr[i].value, row->adds.ptr[i].attributes);
}

static void measure(Row *row)
{
    bool observed = row->kind == CRYO_OBSERVABLE_GAUGE;
    const CryoInstrument *instrument = instrument_of(row, observed ? observe : NULL);
    for (size_t i = 0; i < row->adds.count && !observed; i++)
        cryo_measure_double(instrument, row->adds.ptr[i].value, row->adds.ptr[i].attributes);
}

static uint64_t now_ns(void)
{
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void write_logs(void)
{
    for (int i = 0; i < LOGS; i++) {
        log_times_ns[i] = now_ns(); /* logs are asked for by recent time */
        cryo_log_record(&(CryoLogRecord){ .severity = plan_logs[i].severity,
                                          .severity_text = plan_logs[i].text,
                                          .body = cryo_string(plan_logs[i].body),
                                          .attributes = plan_logs[i].attributes,
                                          .time_ns = log_times_ns[i],
                                          .logger = cryo_logger("interop", "1.2.3") });
    }
}

/* ---- spans ----------------------------------------------------------------------------------- */

static void send_children(void)
{
    Sent query = sent_as("query", "client", 1000000);
    CryoSpan span = start(&query, (CryoSpanOptions){ .kind = CRYO_CLIENT });
    cryo_span_event_at(span, cryo_str("retry"), CRYO_ATTRS("attempt", 2), query.start_ns + 1000);
    cryo_span_status(span, CRYO_STATUS_ERROR, "no such table");
    char events[160];
    snprintf(events, sizeof events,
             "{\"name\":\"retry\",\"nanos\":%" PRIu64 ",\"attributes\":{\"attempt\":2}}",
             query.start_ns + 1000);
    query.events = events;
    query.status = "ERROR";
    query.message = "no such table";
    finish(span, &query);

    Sent publish = sent_as("publish", "producer", 3000000);
    span = start(&publish, (CryoSpanOptions){ .kind = CRYO_PRODUCER });
    cryo_span_status(span, CRYO_STATUS_OK, NULL);
    CryoToken token = cryo_attach(cryo_context_of(span));
    write_logs();
    cryo_detach(token);
    publish.status = "OK";
    finish(span, &publish);

    for (int n = 0; n < STEPS; n++) {
        char name[16], attributes[32];
        snprintf(name, sizeof name, "step %d", n);
        snprintf(attributes, sizeof attributes, "{\"n\":%d}", n);
        Sent step = sent_as(name, n % 2 ? "consumer" : "internal", 5000000 + (uint64_t)n * 1000);
        step.attributes = attributes;
        span = start(&step, (CryoSpanOptions){ .kind = n % 2 ? CRYO_CONSUMER : CRYO_INTERNAL });
        cryo_span_set(span, CRYO_ATTRS("n", n));
        finish(span, &step);
    }
}

static void send_all(void)
{
    static const CryoString texts[] = { { "a", 1 }, { "", 0 }, { "c", 1 } };
    static const int64_t numbers[] = { 1, 2, 3 };
    static const double reals[] = { 0.5, -1.25 };
    static const bool flags[] = { true, false };
    const CryoSpanContext far = { .trace_id = { 0x12, 0x34, [15] = 7 }, .span_id = { [7] = 0x99 } };
    const CryoLink link = { &far, CRYO_ATTRS("why", "batch") };

    Sent root = sent_as("GET /reviews", "server", 0);
    CryoSpan span =
        start(&root, (CryoSpanOptions){ .kind = CRYO_SERVER, .links = &link, .link_count = 1 });
    cryo_span_set(span,
                  CRYO_ATTRS("text",
                             "gr\xC3\xBC\xC3\x9F"
                             "e \xE2\x9C\x93 <b>not markup</b>",
                             "empty", "", "yes", CRYO_BOOL(1), "no", CRYO_BOOL(0), "zero", 0,
                             "large", INT64_C(9007199254740993), "negative", -42, "ratio", 0.1));
    cryo_span_set(span, CRYO_ATTRS("texts", CRYO_ARRAY(texts), "numbers", CRYO_ARRAY(numbers),
                                   "reals", CRYO_ARRAY(reals), "flags", CRYO_ARRAY(flags)));
    cryo_span_event_at(span, cryo_str("cache miss"), CRYO_ATTRS("key", "reviews:1", "size", 12),
                       root.start_ns + 1000);
    CryoToken token = cryo_attach(cryo_context_of(span));
    send_children();
    cryo_detach(token);

    char events[160];
    snprintf(events, sizeof events,
             "{\"name\":\"cache miss\",\"nanos\":%" PRIu64
             ",\"attributes\":{\"key\":\"reviews:1\",\"size\":12}}",
             root.start_ns + 1000);
    root.events = events;
    root.attributes = all_attributes;
    root.links =
        "{\"traceId\":\"12340000000000000000000000000007\",\"spanId\":\"0000000000000099\","
        "\"attributes\":{\"why\":\"batch\"}}";
    root.end_ns = base_ns + 9000000;
    finish(span, &root);
}

static bool begin(const char *protocol, const char *address, const char *compression)
{
    static const char *const paths[] = { "/v1/traces", "/v1/metrics", "/v1/logs" };
    const char *named = strcmp(protocol, "json") == 0   ? "http/json"
                        : strcmp(protocol, "http") == 0 ? "http/protobuf"
                                                        : "grpc";
    char endpoints[3][256];
    CryoOtlpSettings otlp[3];
    for (int i = 0; i < 3; i++) {
        snprintf(endpoints[i], sizeof endpoints[i], "%s%s", address, *named == 'h' ? paths[i] : "");
        otlp[i] = (CryoOtlpSettings){ .endpoint = endpoints[i],
                                      .protocol = named,
                                      .compression = compression };
    }
    const CryoSettings settings = {
        .service = { .name = service,
                     .environment = "staging", /* in development logs are also printed */
                     .additional_attributes = CRYO_ATTRS("team", "blue") },
        .tracing = { .exporter_type = "otlp", .otlp = otlp[0] },
        .metrics = { .exporter_type = "otlp", .otlp = otlp[1] },
        .logging = { .exporter_type = "otlp", .otlp = otlp[2] },
    };
    CryoError error;
    bool ok = cryo_start(&settings, &error);
    if (!ok)
        fprintf(stderr, "%s\n", error.text);
    return ok;
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    const char *preference = getenv("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE");
    preference = preference ? preference : "cumulative";
    snprintf(service, sizeof service, "c-%s-%s-%s", argv[1], argv[3], preference);
    uint64_t began_ns = now_ns();
    expected = fopen(argv[4], "w");
    if (!expected || !begin(argv[1], argv[2], argv[3]))
        return 1;
    base_ns = UINT64_C(1700000000000000123);
    fprintf(expected, "{\"service\":\"%s\",\"temporality\":\"%s\",\"spans\":[\n", service,
            preference);
    Row rows[ROWS];
    memcpy(rows, plan_rows, sizeof rows);
    for (int i = 0; i < ROWS; i++)
        measure(&rows[i]);
    send_all();
    CryoError error;
    bool ok = cryo_flush(20000, &error) && cryo_shutdown(20000, &error); /* two collections */
    fprintf(expected, "],\"logs_inside\":\"publish\",\"logNanos\":[");
    for (int i = 0; i < LOGS; i++)
        fprintf(expected, "%s%" PRIu64, i ? "," : "", log_times_ns[i]);
    fprintf(expected, "],\"beganNanos\":%" PRIu64 ",\"endedNanos\":%" PRIu64 "}\n", began_ns,
            now_ns());
    fclose(expected);
    printf("%s: sent %d spans, the metrics and the logs; %s\n", service, written,
           ok ? "flushed" : error.text);
    return ok ? 0 : 1;
}
