/* entry_encode.c - attributes of records to OTLP bytes, and the request around records; see
 * entry_encode.h. */
#include "sdk/entry_encode.h"
#include "sdk/tracer.h"

/* ---- attributes ------------------------------------------------------------------------------ */

enum { ANY_ARRAY = 5, ANY_MAP = 6, MEMBERS = 1, PAIR_KEY = 1, PAIR_VALUE = 2 };

static void encode_strings(Encoder *encoder, const Stored *value)
{
    RecordPos pos = value->pos;
    for (uint32_t left = value->len; left >= sizeof(uint32_t);) {
        uint32_t len;
        bytes_read(&pos, &len, sizeof len);
        ValueView element = { .kind = VALUE_STRING,
                              .text = text_take(&pos, len, &encoder->scratch) };
        encode_element(encoder->out, &element);
        left -= (uint32_t)sizeof len + len;
    }
}

static void encode_booleans(Encoder *encoder, const Stored *value)
{
    RecordPos pos = value->pos;
    for (uint32_t i = 0; i < value->len; i++) {
        uint8_t truth;
        bytes_read(&pos, &truth, sizeof truth);
        encode_element(encoder->out, &(ValueView){ .kind = VALUE_BOOL, .boolean = truth });
    }
}

static void encode_numbers(Encoder *encoder, const Stored *value)
{
    RecordPos pos = value->pos;
    for (uint32_t i = 0; i < value->len / sizeof(uint64_t); i++) {
        ValueView element = { .kind = VALUE_INT };
        if (value->type == CRYO_DOUBLE_ARRAY) {
            element.kind = VALUE_DOUBLE;
            bytes_read(&pos, &element.real, sizeof element.real);
        } else {
            bytes_read(&pos, &element.integer, sizeof element.integer);
        }
        encode_element(encoder->out, &element);
    }
}

/* Keys are short: no need for the scratch that values share. */
typedef struct PlainKey {
    char bytes[CRYO_KEY_MAX];
} PlainKey;

static Str key_repaired(Str key, PlainKey *room)
{
    if (LIKELY(utf8_valid(key)))
        return key;
    for (size_t i = 0; i < key.len; i++)
        room->bytes[i] = (unsigned char)key.ptr[i] < 0x80 ? key.ptr[i] : '?';
    return (Str){ room->bytes, key.len };
}

static void encode_many(Encoder *encoder, uint32_t number, const Stored *value);
static void encode_content(Encoder *encoder, const Stored *value);

static void encode_members(Encoder *encoder, Stored rest)
{
    StoredMember member;
    while (stored_next(&rest, &member))
        if (stored_is_many(&member.value)) {
            encode_many(encoder, MEMBERS, &member.value);
        } else {
            ValueView value = stored_scalar(&member.value, &encoder->scratch);
            encode_element(encoder->out, &value);
        }
}

static void encode_pair(Encoder *encoder, uint32_t number, Str key, const Stored *value)
{
    PlainKey room;
    key = key_repaired(key, &room);
    if (LIKELY(!stored_is_many(value))) {
        ValueView view = stored_scalar(value, &encoder->scratch);
        encode_attribute(encoder->out, number, key, &view);
        return;
    }
    if (value->type != CRYO_MAP) {
        ArrayEncoder array = encode_array_open(encoder->out, number, key);
        encode_content(encoder, value);
        encode_array_close(encoder->out, &array);
        return;
    }
    size_t pair = wire_open(encoder->out, number);
    wire_add_bytes(encoder->out, PAIR_KEY, key);
    encode_many(encoder, PAIR_VALUE, value);
    wire_close(encoder->out, pair);
}

static void encode_pairs(Encoder *encoder, Stored rest)
{
    StoredMember member;
    while (stored_next(&rest, &member))
        encode_pair(encoder, MEMBERS, (Str){ member.key, member.key_len }, &member.value);
}

static void encode_content(Encoder *encoder, const Stored *value)
{
    if (value->type == CRYO_MAP)
        encode_pairs(encoder, *value);
    else if (value->type == CRYO_VALUE_ARRAY)
        encode_members(encoder, *value);
    else if (value->type == CRYO_STRING_ARRAY)
        encode_strings(encoder, value);
    else if (value->type == CRYO_BOOLEAN_ARRAY)
        encode_booleans(encoder, value);
    else
        encode_numbers(encoder, value);
}

/* An AnyValue in the field `number`: an array of whatever kind, or a map. Nesting is as deep as
 * record.c lets it be. */
static void encode_many(Encoder *encoder, uint32_t number, const Stored *value)
{
    size_t any = wire_open(encoder->out, number);
    size_t list = wire_open(encoder->out, value->type == CRYO_MAP ? ANY_MAP : ANY_ARRAY);
    encode_content(encoder, value);
    wire_close(encoder->out, list);
    wire_close(encoder->out, any);
}

ValueView stored_scalar(const Stored *stored, TextScratch *scratch)
{
    RecordPos pos = stored->pos;
    ValueView value = { .kind = VALUE_EMPTY };
    switch (stored->type) {
    case CRYO_STRING:
        value.kind = VALUE_STRING;
        value.text = text_take(&pos, stored->len, scratch);
        break;
    case CRYO_BYTES:
        value.kind = VALUE_BYTES;
        value.text = bytes_take(&pos, stored->len, &scratch->piece);
        break;
    case CRYO_BOOLEAN: {
        uint64_t truth;
        bytes_read(&pos, &truth, sizeof truth);
        value.kind = VALUE_BOOL;
        value.boolean = truth != 0;
        break;
    }
    case CRYO_INTEGER:
        value.kind = VALUE_INT;
        bytes_read(&pos, &value.integer, sizeof value.integer);
        break;
    case CRYO_DOUBLE:
        value.kind = VALUE_DOUBLE;
        bytes_read(&pos, &value.real, sizeof value.real);
        break;
    case CRYO_EMPTY:
    case CRYO_STRING_ARRAY:
    case CRYO_BOOLEAN_ARRAY:
    case CRYO_INTEGER_ARRAY:
    case CRYO_DOUBLE_ARRAY:
    case CRYO_VALUE_ARRAY:
    case CRYO_MAP: break;
    }
    return value;
}

void encode_entry(Encoder *encoder, uint32_t number, const Entry *entry)
{
    Stored value = entry_value(entry);
    encode_pair(encoder, number, entry->key, &value);
}

void encode_body(Encoder *encoder, uint32_t number, const Entry *entry)
{
    Stored value = entry_value(entry);
    encode_many(encoder, number, &value);
}

/* ---- the request ----------------------------------------------------------------------------- */

static bool of_tracer(const RecordBatch *batch, size_t i, const CryoTracer *tracer)
{
    return (batch->records[i]->tracer ? batch->records[i]->tracer : batch->tracer) == tracer;
}

static void encode_tracer(Encoder *encoder, size_t first, EncodeRecord encode_record)
{
    const RecordBatch *batch = encoder->batch;
    const CryoTracer *tracer = batch->records[first]->tracer;
    if (!tracer)
        tracer = batch->tracer;
    ScopeView scope = { .name = text_repaired(tracer->name, &encoder->texts[0]),
                        .version = text_repaired(tracer->version, &encoder->texts[1]) };
    size_t scopes = wire_open(encoder->out, GROUP_SCOPES);
    encode_scope(encoder->out, &scope);
    for (size_t i = first; i < batch->count; i++)
        if (of_tracer(batch, i, tracer))
            encode_record(encoder, batch->records[i]);
    wire_close(encoder->out, scopes);
}

/* Tracers are few: each one's first record is found by looking back. */
static bool is_first_of_tracer(const RecordBatch *batch, size_t i)
{
    const CryoTracer *tracer =
        batch->records[i]->tracer ? batch->records[i]->tracer : batch->tracer;
    for (size_t before = 0; before < i; before++)
        if (of_tracer(batch, before, tracer))
            return false;
    return true;
}

static bool scratch_ok(const TextScratch *scratch)
{
    return !scratch->piece.failed && !scratch->repaired.failed;
}

bool encode_request(const RecordBatch *batch, EncodeRecord encode_record, Buf *out, Err *err)
{
    Encoder encoder = { batch, out, TEXT_SCRATCH, { TEXT_SCRATCH, TEXT_SCRATCH, TEXT_SCRATCH } };
    size_t group = wire_open(out, REQUEST_GROUP);
    wire_add_bytes(out, GROUP_RESOURCE, batch->resource->encoded);
    for (size_t i = 0; i < batch->count; i++)
        if (is_first_of_tracer(batch, i))
            encode_tracer(&encoder, i, encode_record);
    if (batch->resource->schema_url.len)
        wire_add_bytes(out, GROUP_SCHEMA_URL, batch->resource->schema_url);
    wire_close(out, group);
    bool whole = scratch_ok(&encoder.scratch);
    text_scratch_free(&encoder.scratch);
    for (size_t i = 0; i < ENCODER_TEXTS; i++) {
        whole = whole && scratch_ok(&encoder.texts[i]);
        text_scratch_free(&encoder.texts[i]);
    }
    if (!whole)
        return fail(err, ERR_MEMORY, "no memory to encode %zu records", batch->count);
    return buf_ok(out, err);
}
