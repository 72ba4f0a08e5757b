/* otlp_sample.c - OTLP messages made from a seed; see otlp_sample.h. */
#include "support/otlp_sample.h"

#include "codec/json.h"
#include "otlp/encode.h"

static bool maybe(Random *random, unsigned one_in)
{
    return random_below(random, one_in) == 0;
}

static const Str words[] = {
    STR_ROW(""),
    STR_ROW("a"),
    STR_ROW("service.name"),
    STR_ROW("http.route"),
    STR_ROW("/chat"),
    STR_ROW("\xC3\xA4"),
    STR_ROW("longer than eight bytes"),
    STR_ROW("\xF0\x9F\x98\x80 smile"),
    STR_ROW("quote \" and \\ back"),
};

static Str word(Random *random)
{
    return words[random_below(random, COUNT_OF(words))];
}

static ValueView plain_value(Random *random)
{
    switch (random_below(random, 6)) {
    case 0: return (ValueView){ .kind = VALUE_STRING, .text = word(random) };
    case 1: return (ValueView){ .kind = VALUE_BOOL, .boolean = maybe(random, 2) };
    case 2: return (ValueView){ .kind = VALUE_INT, .integer = (int64_t)random_next(random) };
    case 3:
        return (ValueView){ .kind = VALUE_DOUBLE, .real = (double)random_below(random, 999) / 8 };
    case 4: return (ValueView){ .kind = VALUE_BYTES, .text = STR("\x00\xFF\x80") };
    default: return (ValueView){ .kind = VALUE_EMPTY };
    }
}

static void add_map(Random *random, Buf *out, uint32_t number)
{
    size_t attribute = wire_open(out, number);
    size_t value = wire_open(out, 2); /* the value before its key: the Collector does so */
    size_t map = wire_open(out, 6);
    encode_text(out, 1, STR("inner"), word(random));
    encode_int(out, 1, STR("n"), 3);
    wire_close(out, map);
    wire_close(out, value);
    wire_add_bytes(out, 1, STR("map"));
    wire_close(out, attribute);
}

static void add_attributes(Random *random, Buf *out, uint32_t number)
{
    for (uint64_t n = random_below(random, 5); n > 0; n--) {
        ValueView value = plain_value(random);
        encode_attribute(out, number, word(random), &value);
    }
    if (maybe(random, 4)) {
        ArrayEncoder array = encode_array_open(out, number, STR("list"));
        for (uint64_t n = random_below(random, 4); n > 0; n--) {
            ValueView value = plain_value(random);
            encode_element(out, &value);
        }
        encode_array_close(out, &array);
    }
    if (maybe(random, 4))
        add_map(random, out, number);
}

static void add_unknown(Random *random, Buf *out)
{
    if (maybe(random, 4))
        wire_add_bytes(out, 77, STR("unknown \xFF"));
    if (maybe(random, 8))
        buf_add(out, STR("\xDB\x06\x0A\x01x\xE3\x06\xE4\x06\xDC\x06")); /* groups 107, 108 in it */
}

static TraceId trace_id(Random *random)
{
    TraceId id;
    random_fill(random, &id, sizeof id);
    return id;
}

static SpanId span_id(Random *random)
{
    SpanId id;
    random_fill(random, &id, sizeof id);
    return id;
}

static void add_span(Random *random, Buf *out)
{
    SpanView view = { .trace_id = trace_id(random),
                      .span_id = span_id(random),
                      .parent_span_id = span_id(random),
                      .trace_state = word(random),
                      .name = word(random),
                      .status_message = word(random),
                      .start_ns = random_next(random),
                      .end_ns = random_next(random),
                      .kind = (uint32_t)random_below(random, 7),
                      .status_code = (uint32_t)random_below(random, 3),
                      .flags = (uint32_t)random_below(random, 0x400) };
    size_t span = wire_open(out, SCOPES_ITEM);
    encode_span(out, &view);
    add_attributes(random, out, SPAN_ATTRIBUTES);
    for (uint64_t n = random_below(random, 3); n > 0; n--) {
        size_t event = wire_open(out, SPAN_EVENTS);
        encode_event(out, &(EventView){ .time_ns = random_next(random), .name = word(random) });
        add_attributes(random, out, EVENT_ATTRIBUTES);
        wire_close(out, event);
    }
    for (uint64_t n = random_below(random, 2); n > 0; n--) {
        size_t link = wire_open(out, SPAN_LINKS);
        encode_link(out, &(LinkView){ .trace_id = trace_id(random), .span_id = span_id(random) });
        add_attributes(random, out, LINK_ATTRIBUTES);
        wire_close(out, link);
    }
    add_unknown(random, out);
    add_attributes(random, out, SPAN_ATTRIBUTES);
    wire_close(out, span);
}

static void add_log(Random *random, Buf *out)
{
    LogView view = { .time_ns = random_next(random),
                     .severity_number = (uint32_t)random_below(random, 25),
                     .severity_text = word(random),
                     .body = plain_value(random),
                     .trace_id = trace_id(random) };
    size_t log = wire_open(out, SCOPES_ITEM);
    encode_log(out, &view);
    add_attributes(random, out, LOG_ATTRIBUTES);
    add_unknown(random, out);
    wire_close(out, log);
}

static void add_point(Random *random, Buf *out, MetricKind kind)
{
    size_t point = wire_open(out, DATA_POINTS);
    if (kind == METRIC_HISTOGRAM) {
        const uint64_t counts[] = { 1, 2, random_next(random) };
        const double bounds[] = { 0.5, 2 };
        HistogramPointView view = { .count = 5, .sum = 2, .has_sum = maybe(random, 2) };
        encode_histogram_point(out, &view, &(HistogramBuckets){ counts, bounds, 3, 2 });
        add_attributes(random, out, HISTOGRAM_ATTRIBUTES);
    } else {
        NumberPointView view = { .time_ns = random_next(random),
                                 .value = { NUMBER_INT, { .integer = 4 } } };
        encode_number_point(out, &view);
        add_attributes(random, out, NUMBER_ATTRIBUTES);
    }
    add_unknown(random, out);
    wire_close(out, point);
}

static void add_metric(Random *random, Buf *out)
{
    static const MetricKind kinds[] = { METRIC_GAUGE, METRIC_SUM, METRIC_HISTOGRAM };
    MetricView view = { .name = word(random),
                        .unit = word(random),
                        .kind = kinds[random_below(random, COUNT_OF(kinds))],
                        .temporality = (uint32_t)random_below(random, 3),
                        .is_monotonic = maybe(random, 2) };
    size_t metric = wire_open(out, SCOPES_ITEM);
    for (uint64_t n = random_below(random, 2) + 1; n > 0; n--) { /* data in two fields merges */
        size_t data = wire_open(out, (uint32_t)view.kind);
        for (uint64_t points = random_below(random, 4); points > 0; points--)
            add_point(random, out, view.kind);
        encode_data(out, &view);
        wire_close(out, data);
    }
    encode_metric(out, &view);
    add_attributes(random, out, METRIC_METADATA);
    add_unknown(random, out);
    wire_close(out, metric);
}

static void add_scope(Random *random, Signal signal, Buf *out)
{
    size_t scopes = wire_open(out, GROUP_SCOPES);
    if (!maybe(random, 3)) {
        size_t scope = wire_open(out, SCOPES_SCOPE);
        encode_scope_fields(out, &(ScopeView){ .name = word(random), .version = word(random) });
        add_attributes(random, out, SCOPE_ATTRIBUTES);
        wire_close(out, scope);
    }
    for (uint64_t n = random_below(random, 6); n > 0; n--) {
        if (signal == TRACES)
            add_span(random, out);
        else if (signal == LOGS)
            add_log(random, out);
        else
            add_metric(random, out);
        add_unknown(random, out);
    }
    if (maybe(random, 2))
        wire_add_bytes(out, SCOPES_SCHEMA_URL, word(random));
    wire_close(out, scopes);
}

static void add_resource(Random *random, Buf *out)
{
    size_t resource = wire_open(out, GROUP_RESOURCE);
    add_attributes(random, out, RESOURCE_ATTRIBUTES);
    add_unknown(random, out);
    wire_close(out, resource);
}

void sample_bytes(Random *random, Signal signal, Buf *out)
{
    for (uint64_t n = random_below(random, 4); n > 0; n--) {
        size_t group = wire_open(out, REQUEST_GROUP);
        bool late = maybe(random, 3), twice = maybe(random, 6);
        if (!late || twice)
            add_resource(random, out);
        for (uint64_t scopes = random_below(random, 4); scopes > 0; scopes--)
            add_scope(random, signal, out);
        if (late || twice)
            add_resource(random, out);
        add_unknown(random, out);
        wire_close(out, group);
    }
    add_unknown(random, out);
}

/* The value types that are plain: nested ones are compared by their bytes. */
static void describe_value(JsonWriter *json, const ValueView *value)
{
    switch (value->kind) {
    case VALUE_EMPTY: json_null(json); break;
    case VALUE_STRING: json_text(json, value->text); break;
    case VALUE_BOOL: json_bool(json, value->boolean); break;
    case VALUE_INT: json_i64(json, value->integer); break;
    case VALUE_DOUBLE: json_double(json, value->real); break;
    case VALUE_BYTES:
    case VALUE_ARRAY:
    case VALUE_KVLIST: json_hex(json, value->text.ptr, value->text.len); break;
    }
}

static void describe_attributes(JsonWriter *json, Str name, Attributes list)
{
    AttributeView attribute;
    json_key(json, name);
    json_array(json);
    while (attributes_next(&list, &attribute)) {
        json_text(json, attribute.key);
        describe_value(json, &attribute.value);
    }
    json_end(json);
}

static void describe_metric(JsonWriter *json, const Batch *batch, size_t item)
{
    MetricView metric = metric_view(batch, batch_metric_of_item(batch, item));
    json_key(json, STR("metric"));
    json_text(json, metric.name);
    json_key(json, STR("unit"));
    json_text(json, metric.unit);
    json_key(json, STR("kind"));
    json_u64(json, metric.kind);
    json_key(json, STR("temporality"));
    json_u64(json, metric.temporality);
    json_key(json, STR("monotonic"));
    json_bool(json, metric.is_monotonic);
    describe_attributes(json, STR("metadata"), metric.metadata);
}

void sample_describe_item(const Batch *batch, size_t item, Buf *out)
{
    size_t scope = batch_scope_of_item(batch, item);
    ScopeView view = scope_view(batch, scope);
    ResourceView resource = resource_view(batch, batch_resource_of_scope(batch, scope));
    JsonWriter json = json_writer(out);
    json_object(&json);
    describe_attributes(&json, STR("resource"), resource.attributes);
    json_key(&json, STR("scope"));
    json_text(&json, view.name);
    json_key(&json, STR("version"));
    json_text(&json, view.version);
    json_key(&json, STR("schema"));
    json_text(&json, view.schema_url);
    describe_attributes(&json, STR("scope attributes"), view.attributes);
    if (batch_signal(batch) == METRICS)
        describe_metric(&json, batch, item);
    describe_attributes(&json, STR("attributes"), item_attributes(batch, item));
    Str bytes = item_bytes(batch, item);
    json_key(&json, STR("bytes"));
    json_hex(&json, bytes.ptr, bytes.len);
    json_end(&json);
}

void sample_describe(const Batch *batch, Buf *out)
{
    for (size_t i = 0; i < batch_item_count(batch); i++) {
        sample_describe_item(batch, i, out);
        buf_add_byte(out, '\n');
    }
}
