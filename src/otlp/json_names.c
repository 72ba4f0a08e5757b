/* json_names.c - OTLP's messages as JSON names them; see json_names_internal.h. */
#include "otlp/json_names_internal.h"

#define ROW(name, number, type, rule)                            \
    {                                                            \
        STR_ROW(name), number, TYPE_##type, RULE_##rule, 0, NULL \
    }
#define ENUM(name, number, names)                                  \
    {                                                              \
        STR_ROW(name), number, TYPE_ENUM, RULE_SINGLE, 0, &(names) \
    }
#define MESSAGE(name, number, rule, id)                                      \
    {                                                                        \
        STR_ROW(name), number, TYPE_MESSAGE, RULE_##rule, MESSAGE_##id, NULL \
    }

/* ---- enums ---- */

static const Str span_kind_names[] = { STR_ROW("UNSPECIFIED"), STR_ROW("INTERNAL"),
                                       STR_ROW("SERVER"),      STR_ROW("CLIENT"),
                                       STR_ROW("PRODUCER"),    STR_ROW("CONSUMER") };
static const JsonEnum span_kinds = { STR_ROW("SPAN_KIND_"), span_kind_names,
                                     COUNT_OF(span_kind_names) };

static const Str status_code_names[] = { STR_ROW("UNSET"), STR_ROW("OK"), STR_ROW("ERROR") };
static const JsonEnum status_codes = { STR_ROW("STATUS_CODE_"), status_code_names,
                                       COUNT_OF(status_code_names) };

static const Str temporality_names[] = { STR_ROW("UNSPECIFIED"), STR_ROW("DELTA"),
                                         STR_ROW("CUMULATIVE") };
static const JsonEnum temporalities = { STR_ROW("AGGREGATION_TEMPORALITY_"), temporality_names,
                                        COUNT_OF(temporality_names) };

static const Str severity_names[] = {
    STR_ROW("UNSPECIFIED"), STR_ROW("TRACE"), STR_ROW("TRACE2"), STR_ROW("TRACE3"),
    STR_ROW("TRACE4"),      STR_ROW("DEBUG"), STR_ROW("DEBUG2"), STR_ROW("DEBUG3"),
    STR_ROW("DEBUG4"),      STR_ROW("INFO"),  STR_ROW("INFO2"),  STR_ROW("INFO3"),
    STR_ROW("INFO4"),       STR_ROW("WARN"),  STR_ROW("WARN2"),  STR_ROW("WARN3"),
    STR_ROW("WARN4"),       STR_ROW("ERROR"), STR_ROW("ERROR2"), STR_ROW("ERROR3"),
    STR_ROW("ERROR4"),      STR_ROW("FATAL"), STR_ROW("FATAL2"), STR_ROW("FATAL3"),
    STR_ROW("FATAL4"),
};
static const JsonEnum severities = { STR_ROW("SEVERITY_NUMBER_"), severity_names,
                                     COUNT_OF(severity_names) };

/* ---- common and resource ---- */

static const JsonField any_value_fields[] = {
    ROW("stringValue", 1, TEXT, ONEOF),     ROW("boolValue", 2, BOOL, ONEOF),
    ROW("intValue", 3, INT64, ONEOF),       ROW("doubleValue", 4, DOUBLE, ONEOF),
    MESSAGE("arrayValue", 5, ONEOF, ARRAY), MESSAGE("kvlistValue", 6, ONEOF, KVLIST),
    ROW("bytesValue", 7, BYTES, ONEOF),
};

static const JsonField array_fields[] = {
    MESSAGE("values", 1, REPEATED, ANY_VALUE),
};

static const JsonField kvlist_fields[] = {
    MESSAGE("values", 1, REPEATED, KEY_VALUE),
};

static const JsonField key_value_fields[] = {
    ROW("key", 1, TEXT, SINGLE),
    MESSAGE("value", 2, SINGLE, ANY_VALUE),
};

static const JsonField scope_fields[] = {
    ROW("name", 1, TEXT, SINGLE),
    ROW("version", 2, TEXT, SINGLE),
    MESSAGE("attributes", 3, REPEATED, KEY_VALUE),
    ROW("droppedAttributesCount", 4, UINT32, SINGLE),
};

static const JsonField entity_ref_fields[] = {
    ROW("schemaUrl", 1, TEXT, SINGLE),
    ROW("type", 2, TEXT, SINGLE),
    ROW("idKeys", 3, TEXT, REPEATED),
    ROW("descriptionKeys", 4, TEXT, REPEATED),
};

static const JsonField resource_fields[] = {
    MESSAGE("attributes", 1, REPEATED, KEY_VALUE),
    ROW("droppedAttributesCount", 2, UINT32, SINGLE),
    MESSAGE("entityRefs", 3, REPEATED, ENTITY_REF),
};

/* ---- the levels above the items ---- */

static const JsonField traces_fields[] = {
    MESSAGE("resourceSpans", 1, REPEATED, RESOURCE_SPANS),
};
static const JsonField metrics_fields[] = {
    MESSAGE("resourceMetrics", 1, REPEATED, RESOURCE_METRICS),
};
static const JsonField logs_fields[] = {
    MESSAGE("resourceLogs", 1, REPEATED, RESOURCE_LOGS),
};

static const JsonField resource_spans_fields[] = {
    MESSAGE("resource", 1, SINGLE, RESOURCE),
    MESSAGE("scopeSpans", 2, REPEATED, SCOPE_SPANS),
    ROW("schemaUrl", 3, TEXT, SINGLE),
};
static const JsonField resource_metrics_fields[] = {
    MESSAGE("resource", 1, SINGLE, RESOURCE),
    MESSAGE("scopeMetrics", 2, REPEATED, SCOPE_METRICS),
    ROW("schemaUrl", 3, TEXT, SINGLE),
};
static const JsonField resource_logs_fields[] = {
    MESSAGE("resource", 1, SINGLE, RESOURCE),
    MESSAGE("scopeLogs", 2, REPEATED, SCOPE_LOGS),
    ROW("schemaUrl", 3, TEXT, SINGLE),
};

static const JsonField scope_spans_fields[] = {
    MESSAGE("scope", 1, SINGLE, SCOPE),
    MESSAGE("spans", 2, REPEATED, SPAN),
    ROW("schemaUrl", 3, TEXT, SINGLE),
};
static const JsonField scope_metrics_fields[] = {
    MESSAGE("scope", 1, SINGLE, SCOPE),
    MESSAGE("metrics", 2, REPEATED, METRIC),
    ROW("schemaUrl", 3, TEXT, SINGLE),
};
static const JsonField scope_logs_fields[] = {
    MESSAGE("scope", 1, SINGLE, SCOPE),
    MESSAGE("logRecords", 2, REPEATED, LOG),
    ROW("schemaUrl", 3, TEXT, SINGLE),
};

/* ---- traces ---- */

static const JsonField span_fields[] = {
    ROW("traceId", 1, TRACE_ID, SINGLE),
    ROW("spanId", 2, SPAN_ID, SINGLE),
    ROW("traceState", 3, TEXT, SINGLE),
    ROW("parentSpanId", 4, SPAN_ID, SINGLE),
    ROW("name", 5, TEXT, SINGLE),
    ENUM("kind", 6, span_kinds),
    ROW("startTimeUnixNano", 7, FIXED64, SINGLE),
    ROW("endTimeUnixNano", 8, FIXED64, SINGLE),
    MESSAGE("attributes", 9, REPEATED, KEY_VALUE),
    ROW("droppedAttributesCount", 10, UINT32, SINGLE),
    MESSAGE("events", 11, REPEATED, EVENT),
    ROW("droppedEventsCount", 12, UINT32, SINGLE),
    MESSAGE("links", 13, REPEATED, LINK),
    ROW("droppedLinksCount", 14, UINT32, SINGLE),
    MESSAGE("status", 15, SINGLE, STATUS),
    ROW("flags", 16, FIXED32, SINGLE),
};

static const JsonField event_fields[] = {
    ROW("timeUnixNano", 1, FIXED64, SINGLE),
    ROW("name", 2, TEXT, SINGLE),
    MESSAGE("attributes", 3, REPEATED, KEY_VALUE),
    ROW("droppedAttributesCount", 4, UINT32, SINGLE),
};

static const JsonField link_fields[] = {
    ROW("traceId", 1, TRACE_ID, SINGLE),
    ROW("spanId", 2, SPAN_ID, SINGLE),
    ROW("traceState", 3, TEXT, SINGLE),
    MESSAGE("attributes", 4, REPEATED, KEY_VALUE),
    ROW("droppedAttributesCount", 5, UINT32, SINGLE),
    ROW("flags", 6, FIXED32, SINGLE),
};

static const JsonField status_fields[] = {
    ROW("message", 2, TEXT, SINGLE),
    ENUM("code", 3, status_codes),
};

/* ---- logs ---- */

static const JsonField log_fields[] = {
    ROW("timeUnixNano", 1, FIXED64, SINGLE),
    ENUM("severityNumber", 2, severities),
    ROW("severityText", 3, TEXT, SINGLE),
    MESSAGE("body", 5, SINGLE, ANY_VALUE),
    MESSAGE("attributes", 6, REPEATED, KEY_VALUE),
    ROW("droppedAttributesCount", 7, UINT32, SINGLE),
    ROW("flags", 8, FIXED32, SINGLE),
    ROW("traceId", 9, TRACE_ID, SINGLE),
    ROW("spanId", 10, SPAN_ID, SINGLE),
    ROW("observedTimeUnixNano", 11, FIXED64, SINGLE),
    ROW("eventName", 12, TEXT, SINGLE),
};

/* ---- metrics ---- */

static const JsonField metric_fields[] = {
    ROW("name", 1, TEXT, SINGLE),
    ROW("description", 2, TEXT, SINGLE),
    ROW("unit", 3, TEXT, SINGLE),
    MESSAGE("gauge", 5, ONEOF_JOINS, GAUGE),
    MESSAGE("sum", 7, ONEOF_JOINS, SUM),
    MESSAGE("histogram", 9, ONEOF_JOINS, HISTOGRAM),
    MESSAGE("exponentialHistogram", 10, ONEOF_JOINS, EXPONENTIAL),
    MESSAGE("summary", 11, ONEOF_JOINS, SUMMARY),
    MESSAGE("metadata", 12, REPEATED, KEY_VALUE),
};

static const JsonField gauge_fields[] = {
    MESSAGE("dataPoints", 1, REPEATED, NUMBER_POINT),
};
static const JsonField sum_fields[] = {
    MESSAGE("dataPoints", 1, REPEATED, NUMBER_POINT),
    ENUM("aggregationTemporality", 2, temporalities),
    ROW("isMonotonic", 3, BOOL, SINGLE),
};
static const JsonField histogram_fields[] = {
    MESSAGE("dataPoints", 1, REPEATED, HISTOGRAM_POINT),
    ENUM("aggregationTemporality", 2, temporalities),
};
static const JsonField exponential_fields[] = {
    MESSAGE("dataPoints", 1, REPEATED, EXPONENTIAL_POINT),
    ENUM("aggregationTemporality", 2, temporalities),
};
static const JsonField summary_fields[] = {
    MESSAGE("dataPoints", 1, REPEATED, SUMMARY_POINT),
};

static const JsonField number_point_fields[] = {
    ROW("startTimeUnixNano", 2, FIXED64, SINGLE),
    ROW("timeUnixNano", 3, FIXED64, SINGLE),
    ROW("asDouble", 4, DOUBLE, ONEOF),
    MESSAGE("exemplars", 5, REPEATED, EXEMPLAR),
    ROW("asInt", 6, SFIXED64, ONEOF),
    MESSAGE("attributes", 7, REPEATED, KEY_VALUE),
    ROW("flags", 8, UINT32, SINGLE),
};

static const JsonField histogram_point_fields[] = {
    ROW("startTimeUnixNano", 2, FIXED64, SINGLE),
    ROW("timeUnixNano", 3, FIXED64, SINGLE),
    ROW("count", 4, FIXED64, SINGLE),
    ROW("sum", 5, DOUBLE, OPTIONAL),
    ROW("bucketCounts", 6, FIXED64, REPEATED),
    ROW("explicitBounds", 7, DOUBLE, REPEATED),
    MESSAGE("exemplars", 8, REPEATED, EXEMPLAR),
    MESSAGE("attributes", 9, REPEATED, KEY_VALUE),
    ROW("flags", 10, UINT32, SINGLE),
    ROW("min", 11, DOUBLE, OPTIONAL),
    ROW("max", 12, DOUBLE, OPTIONAL),
};

static const JsonField exponential_point_fields[] = {
    MESSAGE("attributes", 1, REPEATED, KEY_VALUE),
    ROW("startTimeUnixNano", 2, FIXED64, SINGLE),
    ROW("timeUnixNano", 3, FIXED64, SINGLE),
    ROW("count", 4, FIXED64, SINGLE),
    ROW("sum", 5, DOUBLE, OPTIONAL),
    ROW("scale", 6, SINT32, SINGLE),
    ROW("zeroCount", 7, FIXED64, SINGLE),
    MESSAGE("positive", 8, SINGLE, BUCKETS),
    MESSAGE("negative", 9, SINGLE, BUCKETS),
    ROW("flags", 10, UINT32, SINGLE),
    MESSAGE("exemplars", 11, REPEATED, EXEMPLAR),
    ROW("min", 12, DOUBLE, OPTIONAL),
    ROW("max", 13, DOUBLE, OPTIONAL),
    ROW("zeroThreshold", 14, DOUBLE, SINGLE),
};

static const JsonField buckets_fields[] = {
    ROW("offset", 1, SINT32, SINGLE),
    ROW("bucketCounts", 2, UINT64, REPEATED),
};

static const JsonField summary_point_fields[] = {
    ROW("startTimeUnixNano", 2, FIXED64, SINGLE),
    ROW("timeUnixNano", 3, FIXED64, SINGLE),
    ROW("count", 4, FIXED64, SINGLE),
    ROW("sum", 5, DOUBLE, SINGLE),
    MESSAGE("quantileValues", 6, REPEATED, QUANTILE),
    MESSAGE("attributes", 7, REPEATED, KEY_VALUE),
    ROW("flags", 8, UINT32, SINGLE),
};

static const JsonField quantile_fields[] = {
    ROW("quantile", 1, DOUBLE, SINGLE),
    ROW("value", 2, DOUBLE, SINGLE),
};

static const JsonField exemplar_fields[] = {
    ROW("timeUnixNano", 2, FIXED64, SINGLE), ROW("asDouble", 3, DOUBLE, ONEOF),
    ROW("spanId", 4, SPAN_ID, SINGLE),       ROW("traceId", 5, TRACE_ID, SINGLE),
    ROW("asInt", 6, SFIXED64, ONEOF),        MESSAGE("filteredAttributes", 7, REPEATED, KEY_VALUE),
};

/* ---- answers ---- */

static const JsonField export_answer_fields[] = {
    MESSAGE("partialSuccess", 1, SINGLE, PARTIAL_SUCCESS),
};
static const JsonField partial_success_fields[] = {
    /* of all three signals at once */
    ROW("rejectedSpans", 1, INT64, SINGLE),
    ROW("rejectedDataPoints", 1, INT64, SINGLE),
    ROW("rejectedLogRecords", 1, INT64, SINGLE),
    ROW("errorMessage", 2, TEXT, SINGLE),
};
static const JsonField rpc_status_fields[] = {
    ROW("code", 1, INT32, SINGLE),
    ROW("message", 2, TEXT, SINGLE),
};

#define TABLE(fields, about)            \
    {                                   \
        fields, COUNT_OF(fields), about \
    }

/* The sizes are those of telemetry as SDKs send it; a wrong guess costs one move. */
static const JsonMessage messages[] = {
    [MESSAGE_TRACES] = TABLE(traces_fields, 0),
    [MESSAGE_METRICS] = TABLE(metrics_fields, 0),
    [MESSAGE_LOGS] = TABLE(logs_fields, 0),
    [MESSAGE_RESOURCE_SPANS] = TABLE(resource_spans_fields, 1 << 14),
    [MESSAGE_RESOURCE_METRICS] = TABLE(resource_metrics_fields, 1 << 14),
    [MESSAGE_RESOURCE_LOGS] = TABLE(resource_logs_fields, 1 << 14),
    [MESSAGE_SCOPE_SPANS] = TABLE(scope_spans_fields, 1 << 14),
    [MESSAGE_SCOPE_METRICS] = TABLE(scope_metrics_fields, 1 << 14),
    [MESSAGE_SCOPE_LOGS] = TABLE(scope_logs_fields, 1 << 14),
    [MESSAGE_RESOURCE] = TABLE(resource_fields, 200),
    [MESSAGE_ENTITY_REF] = TABLE(entity_ref_fields, 0),
    [MESSAGE_SCOPE] = TABLE(scope_fields, 0),
    [MESSAGE_KEY_VALUE] = TABLE(key_value_fields, 0),
    [MESSAGE_ANY_VALUE] = TABLE(any_value_fields, 0),
    [MESSAGE_ARRAY] = TABLE(array_fields, 0),
    [MESSAGE_KVLIST] = TABLE(kvlist_fields, 0),
    [MESSAGE_SPAN] = TABLE(span_fields, 300),
    [MESSAGE_EVENT] = TABLE(event_fields, 0),
    [MESSAGE_LINK] = TABLE(link_fields, 0),
    [MESSAGE_STATUS] = TABLE(status_fields, 0),
    [MESSAGE_LOG] = TABLE(log_fields, 300),
    [MESSAGE_METRIC] = TABLE(metric_fields, 300),
    [MESSAGE_GAUGE] = TABLE(gauge_fields, 300),
    [MESSAGE_SUM] = TABLE(sum_fields, 300),
    [MESSAGE_HISTOGRAM] = TABLE(histogram_fields, 300),
    [MESSAGE_EXPONENTIAL] = TABLE(exponential_fields, 300),
    [MESSAGE_SUMMARY] = TABLE(summary_fields, 300),
    [MESSAGE_NUMBER_POINT] = TABLE(number_point_fields, 0),
    [MESSAGE_HISTOGRAM_POINT] = TABLE(histogram_point_fields, 300),
    [MESSAGE_EXPONENTIAL_POINT] = TABLE(exponential_point_fields, 300),
    [MESSAGE_SUMMARY_POINT] = TABLE(summary_point_fields, 300),
    [MESSAGE_BUCKETS] = TABLE(buckets_fields, 0),
    [MESSAGE_QUANTILE] = TABLE(quantile_fields, 0),
    [MESSAGE_EXEMPLAR] = TABLE(exemplar_fields, 0),
    [MESSAGE_EXPORT_ANSWER] = TABLE(export_answer_fields, 0),
    [MESSAGE_PARTIAL_SUCCESS] = TABLE(partial_success_fields, 0),
    [MESSAGE_RPC_STATUS] = TABLE(rpc_status_fields, 0),
};

const JsonMessage *json_message(JsonMessageId id)
{
    return &messages[id];
}

WireKind json_wire_kind(JsonType type)
{
    switch (type) {
    case TYPE_MESSAGE:
    case TYPE_TEXT:
    case TYPE_BYTES:
    case TYPE_TRACE_ID:
    case TYPE_SPAN_ID: return WIRE_LEN;
    case TYPE_FIXED32: return WIRE_I32;
    case TYPE_FIXED64:
    case TYPE_SFIXED64:
    case TYPE_DOUBLE: return WIRE_I64;
    case TYPE_BOOL:
    case TYPE_ENUM:
    case TYPE_INT32:
    case TYPE_UINT32:
    case TYPE_SINT32:
    case TYPE_INT64:
    case TYPE_UINT64:
    default: return WIRE_VARINT;
    }
}
