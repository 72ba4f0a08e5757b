/* sample.c - see sample.h. */
#include "support/sample.h"

#include "base/clock.h"
#include "base/random.h"
#include "otlp/encode.h"

#include <stdio.h>

enum { PODS = 20, USERS = 5000, ROUTES = 4, TEXT_SIZE = 128, POINTS_PER_METRIC = 10 };
#define SAMPLE_NS UINT64_C(1763700000000000000)

static const Str routes[ROUTES] = { STR_ROW("/basket/{id}"), STR_ROW("/products/{id}/reviews"),
                                    STR_ROW("/checkout"), STR_ROW("/search") };

static Str text_of(char text[TEXT_SIZE], const char *format, unsigned long long number)
{
    int len = snprintf(text, TEXT_SIZE, "%s%llu", format, number);
    return (Str){ text, (size_t)len };
}

static void add_common(Buf *out, uint32_t number, Random *random)
{
    char text[TEXT_SIZE];
    encode_text(out, number, STR("http.request.method"), STR("GET"));
    encode_text(out, number, STR("http.route"), routes[random_below(random, ROUTES)]);
    encode_int(out, number, STR("http.response.status_code"), random_below(random, 20) ? 200 : 500);
    encode_text(out, number, STR("k8s.pod.name"),
                text_of(text, "shop-6d9f7c5b8d-", random_below(random, PODS)));
}

static void add_span(Buf *out, Random *random)
{
    char text[TEXT_SIZE];
    uint64_t start = SAMPLE_NS + random_below(random, NANOS_PER_SECOND);
    SpanView span = { .name = routes[random_below(random, ROUTES)],
                      .kind = SPAN_KIND_SERVER,
                      .start_ns = start,
                      .end_ns = start + random_below(random, 50 * NANOS_PER_MILLI) };
    random_fill(random, &span.trace_id, sizeof span.trace_id);
    random_fill(random, &span.span_id, sizeof span.span_id);
    random_fill(random, &span.parent_span_id, sizeof span.parent_span_id);
    encode_span(out, &span);
    add_common(out, SPAN_ATTRIBUTES, random);
    encode_text(out, SPAN_ATTRIBUTES, STR("url.path"),
                text_of(text, "/basket/", random_below(random, USERS)));
    encode_text(out, SPAN_ATTRIBUTES, STR("server.address"), STR("shop.example.org"));
    encode_text(out, SPAN_ATTRIBUTES, STR("user.id"),
                text_of(text, "user-", random_below(random, USERS)));
    encode_text(out, SPAN_ATTRIBUTES, STR("network.protocol.version"), STR("1.1"));
}

static void add_record(Buf *out, Random *random)
{
    char text[TEXT_SIZE];
    LogView record = { .time_ns = SAMPLE_NS + random_below(random, NANOS_PER_SECOND),
                       .observed_ns = SAMPLE_NS + NANOS_PER_SECOND,
                       .severity_number = 9,
                       .severity_text = STR("INFO"),
                       .body = { VALUE_STRING,
                                 .text = text_of(text,
                                                 "basket was looked up in the cache and sent to "
                                                 "the user, microseconds=",
                                                 random_below(random, 50000)) } };
    random_fill(random, &record.trace_id, sizeof record.trace_id);
    random_fill(random, &record.span_id, sizeof record.span_id);
    encode_log(out, &record);
    add_common(out, LOG_ATTRIBUTES, random);
    encode_text(out, LOG_ATTRIBUTES, STR("user.id"),
                text_of(text, "user-", random_below(random, USERS)));
}

static void add_point(Buf *out, Random *random)
{
    char text[TEXT_SIZE];
    NumberPointView point = { .start_ns = SAMPLE_NS,
                              .time_ns = SAMPLE_NS + random_below(random, NANOS_PER_SECOND),
                              .value = { NUMBER_INT,
                                         .integer = (int64_t)random_below(random, 100000) } };
    size_t message = wire_open(out, DATA_POINTS);
    encode_number_point(out, &point);
    add_common(out, NUMBER_ATTRIBUTES, random);
    encode_text(out, NUMBER_ATTRIBUTES, STR("server.address"), STR("shop.example.org"));
    encode_text(out, NUMBER_ATTRIBUTES, STR("user.id"),
                text_of(text, "user-", random_below(random, USERS)));
    wire_close(out, message);
}

static void add_metric(Buf *out, Random *random, size_t points)
{
    const MetricView metric = { .name = STR("http.server.requests"),
                                .description = STR("Requests that were answered."),
                                .unit = STR("{request}"),
                                .kind = METRIC_SUM,
                                .temporality = TEMPORALITY_CUMULATIVE,
                                .is_monotonic = true };
    size_t message = wire_open(out, SCOPES_ITEM);
    encode_metric(out, &metric);
    size_t data = wire_open(out, METRIC_SUM);
    encode_data(out, &metric);
    for (size_t i = 0; i < points; i++)
        add_point(out, random);
    wire_close(out, data);
    wire_close(out, message);
}

static void add_items(Buf *out, Signal signal, size_t items, Random *random)
{
    if (signal == METRICS) {
        for (size_t i = 0; i < items; i += POINTS_PER_METRIC)
            add_metric(out, random, items - i < POINTS_PER_METRIC ? items - i : POINTS_PER_METRIC);
        return;
    }
    for (size_t i = 0; i < items; i++) {
        size_t message = wire_open(out, SCOPES_ITEM);
        (signal == TRACES ? add_span : add_record)(out, random);
        wire_close(out, message);
    }
}

void sample_request(Signal signal, size_t items, uint64_t seed, Buf *out)
{
    Random random;
    random_seed(&random, seed);
    size_t group = wire_open(out, REQUEST_GROUP);
    size_t resource = wire_open(out, GROUP_RESOURCE);
    encode_text(out, RESOURCE_ATTRIBUTES, STR("service.name"), STR("shop"));
    encode_text(out, RESOURCE_ATTRIBUTES, STR("service.version"), STR("1.27.3"));
    encode_text(out, RESOURCE_ATTRIBUTES, STR("k8s.namespace.name"), STR("production"));
    wire_close(out, resource);
    size_t scopes = wire_open(out, GROUP_SCOPES);
    encode_scope(out, &(ScopeView){ .name = STR("shop.http"), .version = STR("2.1.0") });
    add_items(out, signal, items, &random);
    wire_close(out, scopes);
    wire_close(out, group);
}
