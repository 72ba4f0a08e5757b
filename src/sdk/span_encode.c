/* span_encode.c - records to OTLP bytes, in one pass and without objects between; see
 * record_batch.h. */
#include "model/semconv.h"
#include "otlp/encode.h"
#include "sdk/record_batch.h"
#include "sdk/site.h"
#include "sdk/text.h"
#include "sdk/tracer.h"

typedef struct Encoder {
    const RecordBatch *batch;
    Buf *out;
    TextScratch scratch;
} Encoder;

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

static void encode_array(Encoder *encoder, uint32_t number, Str key, const Entry *entry)
{
    ArrayEncoder array = encode_array_open(encoder->out, number, key);
    if (entry->head->type == CRYO_STRING_ARRAY)
        encode_strings(encoder, entry);
    else if (entry->head->type == CRYO_BOOLEAN_ARRAY)
        encode_booleans(encoder, entry);
    else
        encode_numbers(encoder, entry);
    encode_array_close(encoder->out, &array);
}

static void encode_scalar(Encoder *encoder, uint32_t number, Str key, const Entry *entry)
{
    RecordPos pos = entry->value;
    uint32_t len = entry->head->value_len;
    ValueView value = { .kind = VALUE_EMPTY };
    switch ((CryoType)entry->head->type) {
    case CRYO_STRING:
        value.kind = VALUE_STRING;
        value.text = text_take(&pos, len, &encoder->scratch);
        break;
    case CRYO_BYTES:
        value.kind = VALUE_BYTES;
        value.text = bytes_take(&pos, len, &encoder->scratch.piece);
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
    encode_attribute(encoder->out, number, key, &value);
}

static void encode_entry(Encoder *encoder, uint32_t number, const Entry *entry)
{
    char repaired[4 * CRYO_KEY_MAX]; /* keys are short: no need for the scratch they share */
    Str key = entry->key;
    if (UNLIKELY(!utf8_valid(key))) {
        size_t len = 0;
        for (size_t i = 0; i < key.len; i++)
            repaired[len++] = (unsigned char)key.ptr[i] < 0x80 ? key.ptr[i] : '?';
        key = (Str){ repaired, len };
    }
    if (entry->head->type >= CRYO_STRING_ARRAY)
        encode_array(encoder, number, key, entry);
    else
        encode_scalar(encoder, number, key, entry);
}

/* The attributes of the event or link before `pos`, which moves behind them. */
static void encode_owned(Encoder *encoder, uint32_t number, RecordPos *pos)
{
    Entry entry;
    for (RecordPos ahead = *pos;
         record_next(&ahead, &entry) && entry.head->kind == ENTRY_OWNED_ATTRIBUTE; *pos = ahead)
        encode_entry(encoder, number, &entry);
}

/* ---- events, links --------------------------------------------------------------------------- */

static void encode_event_entry(Encoder *encoder, Entry *entry, RecordPos *pos)
{
    int64_t at;
    bytes_read(&entry->value, &at, sizeof at);
    uint32_t len = entry->head->value_len - (uint32_t)sizeof at;
    EventView event = {
        .time_ns = (uint64_t)wall_time(encoder->batch, at, entry->head->wall_time),
        .name = text_take(&entry->value, len, &encoder->scratch),
        .dropped_attributes = entry->head->dropped,
    };
    size_t opened = wire_open(encoder->out, SPAN_EVENTS);
    encode_event(encoder->out, &event);
    encode_owned(encoder, EVENT_ATTRIBUTES, pos);
    wire_close(encoder->out, opened);
}

static void encode_link_entry(Encoder *encoder, Entry *entry, RecordPos *pos)
{
    LinkHead head;
    bytes_read(&entry->value, &head, sizeof head);
    uint32_t len = entry->head->value_len - (uint32_t)sizeof head;
    LinkView link = {
        .trace_id = trace_id_from((Str){ (const char *)head.trace_id, sizeof head.trace_id }),
        .span_id = span_id_from((Str){ (const char *)head.span_id, sizeof head.span_id }),
        .trace_state = text_take(&entry->value, len, &encoder->scratch),
        .flags = (uint32_t)head.flags | FLAG_HAS_IS_REMOTE | (head.is_remote ? FLAG_IS_REMOTE : 0),
        .dropped_attributes = entry->head->dropped,
    };
    size_t opened = wire_open(encoder->out, SPAN_LINKS);
    encode_link(encoder->out, &link);
    encode_owned(encoder, LINK_ATTRIBUTES, pos);
    wire_close(encoder->out, opened);
}

/* ---- spans ----------------------------------------------------------------------------------- */

/* The three texts of a span may each need repair, so each has its own scratch. */
typedef struct SpanTexts {
    TextScratch name, status, trace_state;
} SpanTexts;

static void texts_gather(const Record *record, SpanView *view, SpanTexts *texts)
{
    Entry entry;
    for (RecordPos pos = record_begin(record); record_next(&pos, &entry);) {
        uint32_t len = entry.head->value_len;
        if (entry.head->kind == ENTRY_NAME)
            view->name = text_take(&entry.value, len, &texts->name);
        else if (entry.head->kind == ENTRY_STATUS)
            view->status_message = text_take(&entry.value, len, &texts->status);
        else if (entry.head->kind == ENTRY_TRACE_STATE)
            view->trace_state = text_take(&entry.value, len, &texts->trace_state);
    }
}

static void encode_fields(Encoder *encoder, const Record *record, SpanTexts *texts)
{
    const RecordBatch *batch = encoder->batch;
    bool remote = record->bits & RECORD_PARENT_REMOTE;
    SpanView view = {
        .kind = record->kind,
        .status_code = record->status,
        .flags = (uint32_t)record->flags | FLAG_HAS_IS_REMOTE | (remote ? FLAG_IS_REMOTE : 0),
        .start_ns = (uint64_t)wall_time(batch, record->start_ns, record->bits & RECORD_START_WALL),
        .end_ns = (uint64_t)wall_time(batch, record->end_ns, record->bits & RECORD_END_WALL),
        .dropped_attributes = record->dropped_attributes,
        .dropped_events = record->dropped_events,
        .dropped_links = record->dropped_links,
    };
    memcpy(view.trace_id.bytes, record->trace_id, sizeof record->trace_id);
    memcpy(view.span_id.bytes, record->span_id, sizeof record->span_id);
    if (record->has_parent)
        memcpy(view.parent_span_id.bytes, record->parent_id, sizeof record->parent_id);
    if (record->site)
        view.name = text_repaired(record->site->name, &texts->name);
    texts_gather(record, &view, texts);
    encode_span(encoder->out, &view);
}

static void encode_site(Buf *out, const Site *site)
{
    if (!site || site->function.len == 0)
        return;
    encode_text(out, SPAN_ATTRIBUTES, STR(ATTR_CODE_FUNCTION), site->function);
    encode_text(out, SPAN_ATTRIBUTES, STR(ATTR_CODE_FILE), site->file);
    encode_int(out, SPAN_ATTRIBUTES, STR(ATTR_CODE_LINE), site->line);
}

static void encode_record(Encoder *encoder, const Record *record, SpanTexts *texts)
{
    size_t opened = wire_open(encoder->out, SCOPES_ITEM);
    encode_fields(encoder, record, texts);
    encode_site(encoder->out, record->site);
    Entry entry;
    for (RecordPos pos = record_begin(record); record_next(&pos, &entry);) {
        if (entry.head->kind == ENTRY_ATTRIBUTE)
            encode_entry(encoder, SPAN_ATTRIBUTES, &entry);
        else if (entry.head->kind == ENTRY_EVENT)
            encode_event_entry(encoder, &entry, &pos);
        else if (entry.head->kind == ENTRY_LINK)
            encode_link_entry(encoder, &entry, &pos);
    }
    wire_close(encoder->out, opened);
}

/* ---- the request ----------------------------------------------------------------------------- */

static bool of_tracer(const RecordBatch *batch, size_t i, const CryoTracer *tracer)
{
    return (batch->records[i]->tracer ? batch->records[i]->tracer : batch->tracer) == tracer;
}

static void encode_tracer(Encoder *encoder, size_t first, SpanTexts *texts)
{
    const RecordBatch *batch = encoder->batch;
    const CryoTracer *tracer = batch->records[first]->tracer;
    if (!tracer)
        tracer = batch->tracer;
    ScopeView scope = { .name = text_repaired(tracer->name, &texts->name),
                        .version = text_repaired(tracer->version, &texts->status) };
    size_t scopes = wire_open(encoder->out, GROUP_SCOPES);
    encode_scope(encoder->out, &scope);
    for (size_t i = first; i < batch->count; i++)
        if (of_tracer(batch, i, tracer))
            encode_record(encoder, batch->records[i], texts);
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

bool spans_encode(const Outgoing *outgoing, Buf *out, Err *err)
{
    const RecordBatch *batch = outgoing->batch;
    Encoder encoder = { batch, out, TEXT_SCRATCH };
    SpanTexts texts = { TEXT_SCRATCH, TEXT_SCRATCH, TEXT_SCRATCH };
    size_t group = wire_open(out, REQUEST_GROUP);
    wire_add_bytes(out, GROUP_RESOURCE, batch->resource->encoded);
    for (size_t i = 0; i < batch->count; i++)
        if (is_first_of_tracer(batch, i))
            encode_tracer(&encoder, i, &texts);
    if (batch->resource->schema_url.len)
        wire_add_bytes(out, GROUP_SCHEMA_URL, batch->resource->schema_url);
    wire_close(out, group);
    bool whole = scratch_ok(&encoder.scratch) && scratch_ok(&texts.name) &&
                 scratch_ok(&texts.status) && scratch_ok(&texts.trace_state);
    text_scratch_free(&encoder.scratch);
    text_scratch_free(&texts.name);
    text_scratch_free(&texts.status);
    text_scratch_free(&texts.trace_state);
    if (!whole)
        return fail(err, ERR_MEMORY, "no memory to encode %zu spans", batch->count);
    return buf_ok(out, err);
}
