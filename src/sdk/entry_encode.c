/* entry_encode.c - attributes of records to OTLP bytes, and the request around records; see
 * entry_encode.h. */
#include "sdk/entry_encode.h"
#include "sdk/tracer.h"

/* ---- attributes ------------------------------------------------------------------------------ */

static void encode_strings(Encoder *encoder, const Entry *entry)
{
    RecordPos pos = entry->value;
    for (uint32_t left = entry->head->value_len; left >= sizeof(uint32_t);) {
        uint32_t len;
        bytes_read(&pos, &len, sizeof len);
        ValueView element = { .kind = VALUE_STRING,
                              .text = text_take(&pos, len, &encoder->scratch) };
        encode_element(encoder->out, &element);
        left -= (uint32_t)sizeof len + len;
    }
}

static void encode_booleans(Encoder *encoder, const Entry *entry)
{
    RecordPos pos = entry->value;
    for (uint32_t i = 0; i < entry->head->value_len; i++) {
        uint8_t truth;
        bytes_read(&pos, &truth, sizeof truth);
        encode_element(encoder->out, &(ValueView){ .kind = VALUE_BOOL, .boolean = truth });
    }
}

static void encode_numbers(Encoder *encoder, const Entry *entry)
{
    RecordPos pos = entry->value;
    for (uint32_t i = 0; i < entry->head->value_len / sizeof(uint64_t); i++) {
        ValueView element = { .kind = VALUE_INT };
        if (entry->head->type == CRYO_DOUBLE_ARRAY) {
            element.kind = VALUE_DOUBLE;
            bytes_read(&pos, &element.real, sizeof element.real);
        } else {
            bytes_read(&pos, &element.integer, sizeof element.integer);
        }
        encode_element(encoder->out, &element);
    }
}

static void encode_elements(Encoder *encoder, const Entry *entry)
{
    if (entry->head->type == CRYO_STRING_ARRAY)
        encode_strings(encoder, entry);
    else if (entry->head->type == CRYO_BOOLEAN_ARRAY)
        encode_booleans(encoder, entry);
    else
        encode_numbers(encoder, entry);
}

static void encode_array(Encoder *encoder, uint32_t number, Str key, const Entry *entry)
{
    ArrayEncoder array = encode_array_open(encoder->out, number, key);
    encode_elements(encoder, entry);
    encode_array_close(encoder->out, &array);
}

ValueView entry_scalar(const Entry *entry, TextScratch *scratch)
{
    RecordPos pos = entry->value;
    uint32_t len = entry->head->value_len;
    ValueView value = { .kind = VALUE_EMPTY };
    switch ((CryoType)entry->head->type) {
    case CRYO_STRING:
        value.kind = VALUE_STRING;
        value.text = text_take(&pos, len, scratch);
        break;
    case CRYO_BYTES:
        value.kind = VALUE_BYTES;
        value.text = bytes_take(&pos, len, &scratch->piece);
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
    case CRYO_DOUBLE_ARRAY: break;
    }
    return value;
}

void encode_entry(Encoder *encoder, uint32_t number, const Entry *entry)
{
    char repaired[4 * CRYO_KEY_MAX]; /* keys are short: no need for the scratch they share */
    Str key = entry->key;
    if (UNLIKELY(!utf8_valid(key))) {
        size_t len = 0;
        for (size_t i = 0; i < key.len; i++)
            repaired[len++] = (unsigned char)key.ptr[i] < 0x80 ? key.ptr[i] : '?';
        key = (Str){ repaired, len };
    }
    if (entry->head->type >= CRYO_STRING_ARRAY) {
        encode_array(encoder, number, key, entry);
    } else {
        ValueView value = entry_scalar(entry, &encoder->scratch);
        encode_attribute(encoder->out, number, key, &value);
    }
}

/* An AnyValue by itself: the array inside the value is field 5, like the others by their kinds. */
void encode_body(Encoder *encoder, uint32_t number, const Entry *entry)
{
    enum { ANY_ARRAY = 5 };
    size_t value = wire_open(encoder->out, number);
    size_t array = wire_open(encoder->out, ANY_ARRAY);
    encode_elements(encoder, entry);
    wire_close(encoder->out, array);
    wire_close(encoder->out, value);
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
