/* json_names_internal.h - OTLP's messages as JSON names them: one table that json_in.c reads by and
 * json_out.c writes by.
 *
 * A row is a field: its name in lowerCamelCase (the names in the .proto files are the same with
 * underscores), its number and type in protobuf. What is not in a table is not in OTLP/JSON:
 * fields of the profiling signal, fields of a later version.
 */
#ifndef OTLP_JSON_NAMES_INTERNAL_H
#define OTLP_JSON_NAMES_INTERNAL_H

#include "base/str.h"
#include "codec/wire.h"

typedef enum JsonType {               /* how it is written in JSON, and in protobuf */
                        TYPE_MESSAGE, /* object */
                        TYPE_TEXT,
                        TYPE_BYTES, /* base64 */
                        TYPE_TRACE_ID,
                        TYPE_SPAN_ID, /* hex */
                        TYPE_BOOL,
                        TYPE_ENUM,
                        TYPE_INT32,
                        TYPE_UINT32,
                        TYPE_SINT32,  /* zigzag */
                        TYPE_FIXED32, /* up to here numbers, from here on numbers in quotes */
                        TYPE_INT64,
                        TYPE_UINT64,
                        TYPE_FIXED64,
                        TYPE_SFIXED64,
                        TYPE_DOUBLE /* a number, or "NaN", "Infinity", "-Infinity" */
} JsonType;

typedef enum JsonRule {
    RULE_SINGLE,      /* left out when it holds the default; a repeated message is joined */
    RULE_OPTIONAL,    /* the default is a value, too */
    RULE_ONEOF,       /* the same, and of the message's oneof the last member counts */
    RULE_ONEOF_JOINS, /* the same, but messages of that member are joined */
    RULE_REPEATED     /* numbers are packed in protobuf */
} JsonRule;

typedef enum JsonMessageId {
    MESSAGE_NONE,
    MESSAGE_TRACES,
    MESSAGE_METRICS,
    MESSAGE_LOGS,
    MESSAGE_RESOURCE_SPANS,
    MESSAGE_RESOURCE_METRICS,
    MESSAGE_RESOURCE_LOGS,
    MESSAGE_SCOPE_SPANS,
    MESSAGE_SCOPE_METRICS,
    MESSAGE_SCOPE_LOGS,
    MESSAGE_RESOURCE,
    MESSAGE_ENTITY_REF,
    MESSAGE_SCOPE,
    MESSAGE_KEY_VALUE,
    MESSAGE_ANY_VALUE,
    MESSAGE_ARRAY,
    MESSAGE_KVLIST,
    MESSAGE_SPAN,
    MESSAGE_EVENT,
    MESSAGE_LINK,
    MESSAGE_STATUS,
    MESSAGE_LOG,
    MESSAGE_METRIC,
    MESSAGE_GAUGE,
    MESSAGE_SUM,
    MESSAGE_HISTOGRAM,
    MESSAGE_EXPONENTIAL,
    MESSAGE_SUMMARY,
    MESSAGE_NUMBER_POINT,
    MESSAGE_HISTOGRAM_POINT,
    MESSAGE_EXPONENTIAL_POINT,
    MESSAGE_SUMMARY_POINT,
    MESSAGE_BUCKETS,
    MESSAGE_QUANTILE,
    MESSAGE_EXEMPLAR,
    MESSAGE_EXPORT_ANSWER,
    MESSAGE_PARTIAL_SUCCESS,
    MESSAGE_RPC_STATUS
} JsonMessageId;

typedef struct JsonEnum {
    Str prefix;       /* "SPAN_KIND_" */
    const Str *names; /* "UNSPECIFIED", ...: by value, from 0 */
    size_t count;
} JsonEnum;

typedef struct JsonField {
    Str name;
    uint32_t number;
    JsonType type;
    JsonRule rule;
    JsonMessageId message; /* of a MESSAGE */
    const JsonEnum *names; /* of an ENUM */
} JsonField;

typedef struct JsonMessage {
    const JsonField *fields;
    size_t count; /* at most JSON_FIELDS_MAX */
    size_t about; /* what such a message takes in protobuf, so that it need not move */
} JsonMessage;

enum { JSON_FIELDS_MAX = 16, JSON_NAME_MAX = 32 };

const JsonMessage *json_message(JsonMessageId id);

/* The wire kind of one value of that type, unpacked. */
WireKind json_wire_kind(JsonType type);

#endif
