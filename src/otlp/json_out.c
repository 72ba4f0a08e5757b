/* json_out.c - a batch as OTLP/JSON; see json_out.h.
 *
 * One walker serves all messages. It passes over a message's fields once and notes for each row of
 * its table where the field first and last stands; then it writes row by row, so that fields which
 * a sender repeated or scattered come out as one. It recurses from message to message, which the
 * batch bounds: BATCH_DEPTH_MAX.
 */
#include "otlp/json_out.h"

#include "codec/json.h"
#include "model/ids.h"
#include "otlp/json_names_internal.h"
#include "otlp/tag_internal.h"

#include <stdio.h>

typedef struct Note {
    size_t count;
    const char *first, *end; /* from the first tag to behind the last field */
    uint64_t value;          /* of the last one */
    Str bytes;               /* likewise */
} Note;

typedef struct Writing {
    JsonWriter json;
    Err *err; /* set once memory ran out */
    bool failed;
} Writing;

static bool fits(const JsonField *row, const WireField *field)
{
    WireKind kind = json_wire_kind(row->type);
    return row->number == field->number &&
           (kind == field->kind || (row->rule == RULE_REPEATED && field->kind == WIRE_LEN));
}

/* ---- one value ---- */

static void write_bits(JsonWriter *json, JsonType type, uint64_t bits)
{
    switch (type) {
    case TYPE_BOOL: json_bool(json, bits != 0); break;
    case TYPE_ENUM:
    case TYPE_INT32: json_i64(json, (int32_t)bits); break;
    case TYPE_SINT32: json_i64(json, (int32_t)wire_unzigzag((uint32_t)bits)); break;
    case TYPE_UINT32:
    case TYPE_FIXED32: json_u64(json, (uint32_t)bits); break;
    case TYPE_INT64:
    case TYPE_SFIXED64: json_i64_text(json, (int64_t)bits); break;
    case TYPE_UINT64:
    case TYPE_FIXED64: json_u64_text(json, bits); break;
    case TYPE_DOUBLE: json_double(json, wire_double(bits)); break;
    case TYPE_MESSAGE:
    case TYPE_TEXT:
    case TYPE_BYTES:
    case TYPE_TRACE_ID:
    case TYPE_SPAN_ID:
    default: break;
    }
}

static size_t id_size(JsonType type)
{
    return type == TYPE_TRACE_ID ? sizeof(TraceId) : sizeof(SpanId);
}

/* Of a varint that is longer than the field the upper half does not count. */
static bool is_narrow(JsonType type)
{
    return type == TYPE_ENUM || type == TYPE_INT32 || type == TYPE_UINT32 || type == TYPE_SINT32;
}

/* Is there something to be written? */
static bool worth_writing(const JsonField *row, const Note *note)
{
    if (row->type == TYPE_TRACE_ID || row->type == TYPE_SPAN_ID)
        return note->bytes.len == id_size(row->type);
    if (row->rule != RULE_SINGLE || row->type == TYPE_MESSAGE)
        return note->count > 0;
    if (json_wire_kind(row->type) == WIRE_LEN)
        return note->bytes.len > 0;
    return is_narrow(row->type) ? (uint32_t)note->value != 0 : note->value != 0;
}

static void write_scalar(JsonWriter *json, JsonType type, const Note *note)
{
    if (type == TYPE_TEXT)
        json_text(json, note->bytes);
    else if (type == TYPE_BYTES)
        json_base64(json, note->bytes);
    else if (type == TYPE_TRACE_ID || type == TYPE_SPAN_ID)
        json_hex(json, note->bytes.ptr, note->bytes.len);
    else
        write_bits(json, type, note->value);
}

/* ---- messages and lists ---- */

static void write_message(Writing *writing, const JsonMessage *message, Str bytes);

static void write_packed(JsonWriter *json, JsonType type, Str run)
{
    WireReader reader = wire_reader(run);
    WireKind kind = json_wire_kind(type);
    uint64_t value = 0;
    while (reader.at < reader.end) {
        if (kind == WIRE_I64) {
            value = wire_load_u64(reader.at);
            reader.at += sizeof value;
        } else if (!wire_read_varint(&reader, &value)) {
            return;
        }
        write_bits(json, type, value);
    }
}

static void write_list(Writing *writing, const JsonField *row, const Note *note)
{
    WireReader reader = { .at = note->first, .end = note->end };
    WireField field;
    json_array(&writing->json);
    while (next_field(&reader, &field)) {
        if (!fits(row, &field))
            continue;
        if (row->type == TYPE_MESSAGE)
            write_message(writing, json_message(row->message), field.bytes);
        else if (row->type == TYPE_TEXT)
            json_text(&writing->json, field.bytes);
        else if (field.kind == WIRE_LEN)
            write_packed(&writing->json, row->type, field.bytes);
        else
            write_bits(&writing->json, row->type, field.value);
    }
    json_end(&writing->json);
}

/* The pieces of a message that a sender repeated are, one after the other, that message. */
static COLD void write_joined(Writing *writing, const JsonField *row, const Note *note)
{
    Buf joined = BUF((size_t)(note->end - note->first));
    WireReader reader = { .at = note->first, .end = note->end };
    WireField field;
    while (next_field(&reader, &field))
        if (fits(row, &field))
            buf_add(&joined, field.bytes);
    writing->failed = writing->failed || !buf_ok(&joined, writing->err);
    write_message(writing, json_message(row->message), buf_str(&joined));
    buf_free(&joined);
}

static void write_field(Writing *writing, const JsonField *row, const Note *note)
{
    json_key(&writing->json, row->name);
    if (row->rule == RULE_REPEATED)
        write_list(writing, row, note);
    else if (row->type != TYPE_MESSAGE)
        write_scalar(&writing->json, row->type, note);
    else if (note->count > 1 && row->rule != RULE_ONEOF)
        write_joined(writing, row, note);
    else
        write_message(writing, json_message(row->message), note->bytes);
}

/* Packed numbers, and none of them. */
static bool is_empty_run(const JsonField *row, const WireField *field)
{
    return field->kind == WIRE_LEN && !field->bytes.len && json_wire_kind(row->type) != WIRE_LEN;
}

/* Fields come in the table's order, mostly, and one number in a row. Returns the row of the oneof's
 * last member. */
static size_t take_notes(const JsonMessage *message, Str bytes, Note notes[JSON_FIELDS_MAX])
{
    size_t likely = 0, winner = message->count;
    WireReader reader = wire_reader(bytes);
    WireField field = { 0 };
    while (next_field(&reader, &field)) {
        size_t i = likely;
        for (size_t n = 0; n < message->count && !fits(&message->fields[i], &field); n++)
            i = i + 1 < message->count ? i + 1 : 0;
        const JsonField *row = &message->fields[i];
        if (!fits(row, &field) || is_empty_run(row, &field))
            continue;
        bool member = row->rule == RULE_ONEOF || row->rule == RULE_ONEOF_JOINS;
        Note *note = &notes[i];
        if (member && winner != i)
            note->count = 0; /* the member before has replaced it */
        note->first = note->count++ ? note->first : field.start;
        note->end = reader.at;
        note->value = field.value;
        note->bytes = field.bytes;
        likely = i;
        winner = member ? i : winner;
    }
    return winner;
}

static void write_message(Writing *writing, const JsonMessage *message, Str bytes)
{
    Note notes[JSON_FIELDS_MAX] = { 0 };
    size_t winner = take_notes(message, bytes, notes);
    json_object(&writing->json);
    for (size_t i = 0; i < message->count; i++) {
        const JsonField *row = &message->fields[i];
        bool member = row->rule == RULE_ONEOF || row->rule == RULE_ONEOF_JOINS;
        if (notes[i].count && (!member || i == winner) && worth_writing(row, &notes[i]))
            write_field(writing, row, &notes[i]);
    }
    json_end(&writing->json);
}

bool otlp_json_write(const Batch *batch, Buf *out, Err *err)
{
    Signal signal = batch_signal(batch);
    JsonMessageId id = signal == TRACES    ? MESSAGE_TRACES
                       : signal == METRICS ? MESSAGE_METRICS
                                           : MESSAGE_LOGS;
    Writing writing = { .json = json_writer(out), .err = err };
    write_message(&writing, json_message(id), batch_bytes(batch));
    return !writing.failed && json_done(&writing.json, err);
}

/* ---- answers ---- */

bool otlp_json_replace(Signal signal, Buf *bytes, Err *err)
{
    Buf json = BUF(bytes->max);
    Batch *batch = batch_from_bytes(signal, bytes, err);
    bool good = batch && otlp_json_write(batch, &json, err);
    batch_unref(batch);
    buf_free(bytes);
    if (good)
        *bytes = json;
    else
        buf_free(&json);
    return good;
}

void otlp_json_write_answer(Signal signal, const ExportAnswer *answer, Buf *out)
{
    JsonWriter json = json_writer(out);
    json_object(&json);
    json_key(&json, STR("partialSuccess"));
    json_object(&json);
    if (answer->rejected) {
        json_key(&json, signal == TRACES    ? STR("rejectedSpans")
                        : signal == METRICS ? STR("rejectedDataPoints")
                                            : STR("rejectedLogRecords"));
        json_i64_text(&json, answer->rejected);
    }
    if (answer->message.len) {
        json_key(&json, STR("errorMessage"));
        json_text(&json, answer->message);
    }
    json_end(&json);
    json_end(&json);
}

static void write_retry(JsonWriter *json, uint32_t retry_ms)
{
    char seconds[24];
    int len = snprintf(seconds, sizeof seconds, "%u.%03us", retry_ms / 1000, retry_ms % 1000);
    json_key(json, STR("details"));
    json_array(json);
    json_object(json);
    json_key(json, STR("@type"));
    json_text(json, STR("type.googleapis.com/google.rpc.RetryInfo"));
    json_key(json, STR("retryDelay"));
    json_text(json, (Str){ seconds, (size_t)len });
    json_end(json);
    json_end(json);
}

void otlp_json_write_status(const RpcStatus *status, Buf *out)
{
    JsonWriter json = json_writer(out);
    json_object(&json);
    json_key(&json, STR("code"));
    json_i64(&json, (int64_t)status->code);
    json_key(&json, STR("message"));
    json_text(&json, status->message);
    if (status->has_retry || status->retry_ms)
        write_retry(&json, status->retry_ms);
    json_end(&json);
}
