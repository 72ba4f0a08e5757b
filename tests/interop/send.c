/* send.c - sends spans with our library and writes down what was sent, as send.py does.
 *
 * usage: send grpc|http ENDPOINT none|gzip EXPECTED.json
 *
 * Built by tests/interop/run as a user would: from the public headers and the shared library alone.
 * Every time is given explicitly, so that it is known here independently of any exporter.
 */
#include <cryostorm/context.h>
#include <cryostorm/telemetry.h>
#include <cryostorm/trace.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 50 };

static const char *const all_attributes =
    "{\"text\":\"gr\\u00fc\\u00dfe \\u2713 <b>not "
    "markup</b>\",\"empty\":\"\",\"yes\":true,\"no\":false,"
    "\"zero\":0,\"large\":9007199254740993,\"negative\":-42,\"ratio\":0.1,\"texts\":[\"a\",\"\","
    "\"c\"],"
    "\"numbers\":[1,2,3],\"reals\":[0.5,-1.25],\"flags\":[true,false]}";

static uint64_t base_ns;
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
            "\"kind\":\"%s\",\"startNanos\":%" PRIu64 ",\"endNanos\":%" PRIu64 ",\"attributes\":%s,"
            "\"events\":[%s],\"links\":[%s],\"status\":{\"code\":\"%s\",\"message\":\"%s\"},"
            "\"scope\":{\"name\":\"interop\",\"version\":\"1.2.3\"}}",
            written++ ? ",\n" : "", cryo_trace_id_text(&sent->own, trace_id),
            cryo_span_id_text(&sent->own, span_id),
            has_parent ? cryo_span_id_text(&sent->parent, parent_id) : "", sent->name, sent->kind,
            sent->start_ns, sent->end_ns, sent->attributes, sent->events, sent->links, sent->status,
            sent->message);
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

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    snprintf(service, sizeof service, "c-%s-%s", argv[1], argv[3]);
    char endpoint[256];
    bool http = strcmp(argv[1], "http") == 0;
    snprintf(endpoint, sizeof endpoint, "%s%s", argv[2], http ? "/v1/traces" : "");
    CryoSettings settings = {
        .service = { .name = service },
        .tracing = { .exporter_type = "otlp",
                     .otlp = { .endpoint = endpoint,
                               .protocol = http ? "http/protobuf" : "grpc",
                               .compression = argv[3] } },
    };
    CryoError error;
    if (!cryo_start(&settings, &error)) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    expected = fopen(argv[4], "w");
    base_ns = UINT64_C(1700000000000000123);
    fprintf(expected, "{\"service\":\"%s\",\"spans\":[\n", service);
    send_all();
    fprintf(expected, "]}\n");
    fclose(expected);
    bool ok = cryo_shutdown(20000, &error);
    printf("%s: sent %d spans, %s\n", service, written, ok ? "flushed" : error.text);
    return ok ? 0 : 1;
}
