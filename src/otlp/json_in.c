/* json_in.c - OTLP/JSON to protobuf; see json_in.h.
 *
 * One walker serves all messages: it looks each key up in the message's table and appends the
 * field. It recurses from message to message, which the reader bounds: a message is at least one
 * level of JSON, of which there are JSON_READ_DEPTH. Defaults are left out, as protobuf's own
 * encoders do, unless the field was there before: a repeated key must be able to take a value back.
 */
#include "otlp/json_in.h"

#include "codec/json_number.h"
#include "codec/json_reader.h"
#include "otlp/json_names_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct Step { /* of the path to what is being read */
    Str name;
    size_t index;
    bool listed;
} Step;

typedef struct Reading {
    JsonReader json;
    Buf *out;
    Step path[JSON_READ_DEPTH]; /* after a failure the way to it */
    size_t depth;
} Reading;

enum { PATH_SIZE = 120 }; /* of a longer one the end is shown */

/* ---- names ---- */

/* "start_time_unix_nano" as "startTimeUnixNano". */
static Str camel_case(Str key, char room[JSON_NAME_MAX])
{
    size_t len = 0;
    for (size_t i = 0; i < key.len && len < JSON_NAME_MAX; i++) {
        char c = key.ptr[i];
        bool lower = i + 1 < key.len && key.ptr[i + 1] >= 'a' && key.ptr[i + 1] <= 'z';
        if (c == '_' && lower)
            c = (char)(key.ptr[++i] - 'a' + 'A');
        room[len++] = c;
    }
    return (Str){ room, len };
}

/* Senders keep to one order, mostly the table's: the row behind the last one found comes first. */
static const JsonField *look_up(const JsonMessage *message, Str key, size_t likely)
{
    for (size_t n = 0; n < message->count; n++) {
        size_t i = likely + n < message->count ? likely + n : likely + n - message->count;
        if (str_eq(message->fields[i].name, key))
            return &message->fields[i];
    }
    return NULL;
}

static const JsonField *find_field(const JsonMessage *message, Str key, size_t likely)
{
    char room[JSON_NAME_MAX];
    const JsonField *field = look_up(message, key, likely);
    if (!field && key.len < 2 * JSON_NAME_MAX && key.len && memchr(key.ptr, '_', key.len))
        field = look_up(message, camel_case(key, room), likely);
    return field;
}

static bool enum_value(const JsonEnum *names, Str text, int64_t *out)
{
    if (!str_starts(text, names->prefix))
        return false;
    Str name = str_skip(text, names->prefix.len);
    for (size_t i = 0; i < names->count; i++) {
        *out = (int64_t)i;
        if (str_eq(names->names[i], name))
            return true;
    }
    return false;
}

/* ---- numbers ---- */

/* A number's letters, whether it stands in quotes or not. */
static bool read_letters(Reading *reading, Str *out)
{
    return json_peek(&reading->json) == JSON_TEXT ? json_read_text(&reading->json, out)
                                                  : json_read_number(&reading->json, out);
}

static bool read_signed(Reading *reading, const JsonField *field, uint64_t *bits)
{
    Str letters;
    int64_t value, most = field->type >= TYPE_INT64 ? INT64_MAX : INT32_MAX;
    if (!read_letters(reading, &letters))
        return false;
    bool named = field->type == TYPE_ENUM && enum_value(field->names, letters, &value);
    bool good = named || (json_number_i64(letters, &value) && value <= most && value >= -most - 1);
    if (!good && field->type == TYPE_ENUM)
        return json_read_fail(&reading->json, ERR_INPUT, "expected an integer or %.*s...",
                              STR_ARG(field->names->prefix));
    if (!good)
        return json_read_fail(&reading->json, ERR_INPUT, "expected an integer of %d bits",
                              most == INT64_MAX ? 64 : 32);
    *bits = field->type == TYPE_SINT32 ? wire_zigzag(value) : (uint64_t)value;
    return true;
}

static bool read_unsigned(Reading *reading, const JsonField *field, uint64_t *bits)
{
    Str letters;
    uint64_t most = field->type >= TYPE_INT64 ? UINT64_MAX : UINT32_MAX;
    if (!read_letters(reading, &letters))
        return false;
    if (json_number_u64(letters, bits) && *bits <= most)
        return true;
    return json_read_fail(&reading->json, ERR_INPUT, "expected an unsigned integer of %d bits",
                          most == UINT64_MAX ? 64 : 32);
}

static bool read_double(Reading *reading, uint64_t *bits)
{
    Str letters;
    double value;
    bool quoted = json_peek(&reading->json) == JSON_TEXT;
    if (!read_letters(reading, &letters))
        return false;
    if (quoted && str_eq(letters, STR("NaN")))
        value = (double)NAN;
    else if (quoted && str_eq(letters, STR("Infinity")))
        value = (double)INFINITY;
    else if (quoted && str_eq(letters, STR("-Infinity")))
        value = -(double)INFINITY;
    else if (!json_number_double(letters, &value))
        return json_read_fail(&reading->json, ERR_INPUT, "expected a number that a double holds");
    *bits = wire_double_bits(value);
    return true;
}

static bool read_bits(Reading *reading, const JsonField *field, uint64_t *bits)
{
    bool either = false;
    switch (field->type) {
    case TYPE_BOOL:
        if (!json_read_bool(&reading->json, &either))
            return false;
        *bits = either;
        return true;
    case TYPE_UINT32:
    case TYPE_FIXED32:
    case TYPE_UINT64:
    case TYPE_FIXED64: return read_unsigned(reading, field, bits);
    case TYPE_DOUBLE: return read_double(reading, bits);
    case TYPE_ENUM:
    case TYPE_INT32:
    case TYPE_SINT32:
    case TYPE_INT64:
    case TYPE_SFIXED64:
    case TYPE_MESSAGE:
    case TYPE_TEXT:
    case TYPE_BYTES:
    case TYPE_TRACE_ID:
    case TYPE_SPAN_ID:
    default: return read_signed(reading, field, bits);
    }
}

static void add_bits(Buf *out, WireKind kind, uint64_t bits)
{
    char *at = buf_reserve(out, WIRE_VARINT_MAX);
    if (!at)
        return;
    char *end = kind == WIRE_I64   ? wire_put_u64(at, bits)
                : kind == WIRE_I32 ? wire_put_u32(at, (uint32_t)bits)
                                   : wire_put_varint(at, bits);
    out->len += (size_t)(end - at);
}

static void add_tag(Buf *out, uint32_t number, WireKind kind)
{
    add_bits(out, WIRE_VARINT, (uint64_t)number << 3 | kind);
}

/* ---- scalars ---- */

static bool read_text(Reading *reading, const JsonField *field, bool keep_empty)
{
    Str text;
    if (!json_read_text(&reading->json, &text))
        return false;
    if (text.len || keep_empty)
        wire_add_bytes(reading->out, field->number, text);
    return true;
}

static bool read_base64(Reading *reading, const JsonField *field)
{
    Str text;
    if (!json_read_text(&reading->json, &text))
        return false;
    size_t opened = wire_open_about(reading->out, field->number, text.len / 4 * 3);
    if (!json_unbase64(text, reading->out))
        return json_read_fail(&reading->json, ERR_INPUT, "expected base64");
    wire_close(reading->out, opened);
    return true;
}

/* Of any length: what follows from a wrong one is batch.h's rule. */
static bool read_id(Reading *reading, const JsonField *field, bool keep_empty)
{
    Str hex;
    if (!json_read_text(&reading->json, &hex))
        return false;
    if (!hex.len && !keep_empty)
        return true;
    size_t opened = wire_open_about(reading->out, field->number, hex.len / 2);
    char *id = buf_reserve(reading->out, hex.len / 2);
    if (id && !str_unhex(hex, (uint8_t *)id, hex.len / 2))
        return json_read_fail(&reading->json, ERR_INPUT, "expected hexadecimal digits, %d of them",
                              field->type == TYPE_TRACE_ID ? 32 : 16);
    if (id)
        reading->out->len += hex.len / 2;
    wire_close(reading->out, opened);
    return true;
}

static bool read_scalar(Reading *reading, const JsonField *field, bool keep_default)
{
    if (field->type == TYPE_TEXT)
        return read_text(reading, field, keep_default);
    if (field->type == TYPE_BYTES)
        return read_base64(reading, field);
    if (field->type == TYPE_TRACE_ID || field->type == TYPE_SPAN_ID)
        return read_id(reading, field, keep_default);
    uint64_t bits;
    if (!read_bits(reading, field, &bits))
        return false;
    if (bits || keep_default) {
        add_tag(reading->out, field->number, json_wire_kind(field->type));
        add_bits(reading->out, json_wire_kind(field->type), bits);
    }
    return true;
}

/* ---- messages and lists ---- */

static bool read_message(Reading *reading, const JsonMessage *message);

static bool read_nested(Reading *reading, const JsonField *field)
{
    const JsonMessage *message = json_message(field->message);
    size_t opened = wire_open_about(reading->out, field->number, message->about);
    if (!read_message(reading, message))
        return false;
    wire_close(reading->out, opened);
    return true;
}

static bool read_element(Reading *reading, const JsonField *field)
{
    if (field->message == MESSAGE_ANY_VALUE && json_peek(&reading->json) == JSON_NULL) {
        wire_add_bytes(reading->out, field->number, (Str){ 0 }); /* a value, but an empty one */
        return json_read_null(&reading->json);
    }
    uint64_t bits;
    if (field->type == TYPE_MESSAGE)
        return read_nested(reading, field);
    if (field->type == TYPE_TEXT)
        return read_text(reading, field, true);
    if (!read_bits(reading, field, &bits))
        return false;
    add_bits(reading->out, json_wire_kind(field->type), bits);
    return true;
}

/* Numbers are packed: one field holds them all. */
static bool read_list(Reading *reading, const JsonField *field, Step *step)
{
    bool packed = field->type != TYPE_MESSAGE && field->type != TYPE_TEXT;
    if (!json_read_array(&reading->json))
        return false;
    size_t before = reading->out->len;
    size_t opened = packed ? wire_open(reading->out, field->number) : before;
    for (*step = (Step){ field->name, 0, true }; json_read_element(&reading->json); step->index++)
        if (!read_element(reading, field))
            return false;
    if (packed && reading->out->len == opened)
        reading->out->len = before;
    else if (packed)
        wire_close(reading->out, opened);
    return !reading->json.failed;
}

static bool read_field(Reading *reading, const JsonField *field, bool keep_default)
{
    Step *step = &reading->path[reading->depth++];
    *step = (Step){ .name = field->name };
    bool ok = true;
    if (json_peek(&reading->json) == JSON_NULL)
        ok = json_read_null(&reading->json);
    else if (field->rule == RULE_REPEATED)
        ok = read_list(reading, field, step);
    else if (field->type == TYPE_MESSAGE)
        ok = read_nested(reading, field);
    else
        ok = read_scalar(reading, field, keep_default || field->rule != RULE_SINGLE);
    if (ok)
        reading->depth--;
    return ok;
}

static bool read_message(Reading *reading, const JsonMessage *message)
{
    Str key;
    size_t likely = 0;
    uint32_t seen = 0; /* a bit per row */
    if (!json_read_object(&reading->json))
        return false;
    while (json_read_key(&reading->json, &key)) {
        const JsonField *field = find_field(message, key, likely);
        if (!field) {
            json_skip(&reading->json);
            continue;
        }
        size_t row = (size_t)(field - message->fields);
        likely = row + 1;
        if (!read_field(reading, field, seen >> row & 1))
            return false;
        seen |= UINT32_C(1) << row;
    }
    return !reading->json.failed;
}

/* ---- documents ---- */

static size_t step_text(const Step *step, bool first, char *out, size_t size)
{
    const char *dot = first ? "" : ".";
    int len = step->listed
                  ? snprintf(out, size, "%s%.*s[%zu]", dot, STR_ARG(step->name), step->index)
                  : snprintf(out, size, "%s%.*s", dot, STR_ARG(step->name));
    return (size_t)len;
}

/* The path from its end, which says more than its beginning. */
static COLD void blame_path(const Reading *reading, Err *err)
{
    char path[PATH_SIZE], one[JSON_NAME_MAX + 24];
    size_t at = sizeof path, i = reading->depth;
    while (i > 0) {
        size_t len = step_text(&reading->path[i - 1], i == 1, one, sizeof one);
        if (len > at)
            break;
        at -= len;
        i--;
        memcpy(path + at, one, len);
    }
    if (reading->depth)
        blame(err, "%s%.*s", i ? "..." : "", (int)(sizeof path - at), path + at);
}

static bool read_document(JsonMessageId id, Str json, Buf *out, Err *err)
{
    Reading reading = { .json = json_reader(json), .out = out };
    read_message(&reading, json_message(id));
    bool ok = json_read_end(&reading.json, err);
    if (!ok)
        blame_path(&reading, err);
    json_reader_done(&reading.json);
    return ok && buf_ok(out, err);
}

bool otlp_json_read(Signal signal, Str json, Buf *out, Err *err)
{
    JsonMessageId id = signal == TRACES    ? MESSAGE_TRACES
                       : signal == METRICS ? MESSAGE_METRICS
                                           : MESSAGE_LOGS;
    return read_document(id, json, out, err);
}

bool otlp_json_read_answer(Str json, Buf *scratch, ExportAnswer *out, Err *err)
{
    size_t before = scratch->len;
    return read_document(MESSAGE_EXPORT_ANSWER, json, scratch, err) &&
           export_answer_read(str_skip(buf_str(scratch), before), out, err);
}

bool otlp_json_read_status(Str json, Buf *scratch, RpcStatus *out, Err *err)
{
    size_t before = scratch->len;
    return read_document(MESSAGE_RPC_STATUS, json, scratch, err) &&
           rpc_status_parse(str_skip(buf_str(scratch), before), out, err);
}
