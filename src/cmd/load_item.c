/* load_item.c - see load_item.h. */
#include "cmd/load_item.h"

#include "base/clock.h"
#include "model/semconv.h"

enum { SPANS_PER_TRACE = 4, ROUTES = 8, HOSTS = 20 };

static const Str routes[ROUTES] = {
    STR_ROW("/products"), STR_ROW("/products/{id}"), STR_ROW("/cart"),   STR_ROW("/cart/items"),
    STR_ROW("/checkout"), STR_ROW("/login"),         STR_ROW("/search"), STR_ROW("/reviews"),
};
static const Str span_names[SPANS_PER_TRACE] = {
    STR_ROW("handle request"),
    STR_ROW("query database"),
    STR_ROW("read cache"),
    STR_ROW("render"),
};

void load_items_init(LoadItems *items, Signal signal, uint64_t seed, int64_t now_ns)
{
    *items = (LoadItems){ .signal = signal, .start_ns = now_ns };
    random_seed(&items->random, seed);
}

static void add_attributes(LoadItems *items, Buf *out, uint32_t number, size_t route)
{
    uint64_t host = random_below(&items->random, HOSTS);
    char name[] = "host-00";
    name[5] = (char)('0' + host / 10);
    name[6] = (char)('0' + host % 10);
    encode_text(out, number, STR(ATTR_HTTP_ROUTE), routes[route]);
    encode_text(out, number, STR(ATTR_HOST_NAME), str_from(name));
    encode_int(out, number, STR(ATTR_HTTP_STATUS),
               random_below(&items->random, 20) == 0 ? 500 : 200);
}

static void add_span(LoadItems *items, Buf *out, int64_t now_ns)
{
    bool root = items->left_in_trace == 0;
    if (root) {
        random_fill(&items->random, &items->trace_id, sizeof items->trace_id);
        random_fill(&items->random, &items->root_id, sizeof items->root_id);
        items->left_in_trace = SPANS_PER_TRACE;
    }
    size_t place = SPANS_PER_TRACE - items->left_in_trace--;
    uint64_t took = (1 + random_below(&items->random, 200)) * NANOS_PER_MILLI / (place + 1);
    SpanView span = {
        .trace_id = items->trace_id,
        .name = span_names[place],
        .kind = root ? SPAN_KIND_SERVER : SPAN_KIND_INTERNAL,
        .start_ns = (uint64_t)now_ns - took,
        .end_ns = (uint64_t)now_ns,
        .flags = FLAG_SAMPLED,
        .status_code = random_below(&items->random, 20) == 0 ? STATUS_ERROR : STATUS_UNSET,
    };
    if (root)
        span.span_id = items->root_id;
    else
        random_fill(&items->random, &span.span_id, sizeof span.span_id);
    if (!root)
        span.parent_span_id = items->root_id;
    encode_span(out, &span);
    add_attributes(items, out, SPAN_ATTRIBUTES, random_below(&items->random, ROUTES));
}

/* Each is a metric of one point: a counter that grows. */
static void add_point(LoadItems *items, Buf *out, int64_t now_ns)
{
    const MetricView metric = { .name = STR("gen.requests"),
                                .unit = STR("{request}"),
                                .kind = METRIC_SUM,
                                .temporality = TEMPORALITY_CUMULATIVE,
                                .is_monotonic = true };
    NumberPointView point = { .start_ns = (uint64_t)items->start_ns, .time_ns = (uint64_t)now_ns };
    size_t route = items->made % ROUTES;
    point.value = (NumberView){ .kind = NUMBER_INT, .integer = (int64_t)(items->made / ROUTES) };
    encode_metric(out, &metric);
    size_t data = wire_open(out, METRIC_SUM);
    encode_data(out, &metric);
    size_t message = wire_open(out, DATA_POINTS);
    encode_number_point(out, &point);
    encode_text(out, NUMBER_ATTRIBUTES, STR(ATTR_HTTP_ROUTE), routes[route]);
    wire_close(out, message);
    wire_close(out, data);
}

static void add_record(LoadItems *items, Buf *out, int64_t now_ns)
{
    size_t route = random_below(&items->random, ROUTES);
    Buf line = BUF(256);
    buf_addf(&line, "GET %.*s took %u ms", STR_ARG(routes[route]),
             (unsigned)random_below(&items->random, 900));
    LogView record = {
        .time_ns = (uint64_t)now_ns,
        .observed_ns = (uint64_t)now_ns,
        .severity_number = random_below(&items->random, 20) == 0 ? 17 : 9,
        .body = { .kind = VALUE_STRING, .text = buf_str(&line) },
    };
    record.severity_text = severity_name(record.severity_number);
    encode_log(out, &record);
    buf_free(&line);
    add_attributes(items, out, LOG_ATTRIBUTES, route);
}

void load_item_add(LoadItems *items, Buf *out, int64_t now_ns)
{
    size_t message = wire_open(out, SCOPES_ITEM);
    if (items->signal == TRACES)
        add_span(items, out, now_ns);
    else if (items->signal == METRICS)
        add_point(items, out, now_ns);
    else
        add_record(items, out, now_ns);
    wire_close(out, message);
    items->made++;
}
