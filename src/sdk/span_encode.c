/* span_encode.c - records of spans to OTLP bytes, in one pass and without objects between; see
 * record_batch.h. */
#include "model/semconv.h"
#include "sdk/entry_encode.h"
#include "sdk/site.h"

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
enum { TEXT_NAME, TEXT_STATUS, TEXT_TRACE_STATE };

static void texts_gather(Encoder *encoder, const Record *record, SpanView *view)
{
    TextScratch *texts = encoder->texts;
    Entry entry;
    for (RecordPos pos = record_begin(record); record_next(&pos, &entry);) {
        uint32_t len = entry.head->value_len;
        if (entry.head->kind == ENTRY_NAME)
            view->name = text_take(&entry.value, len, &texts[TEXT_NAME]);
        else if (entry.head->kind == ENTRY_STATUS)
            view->status_message = text_take(&entry.value, len, &texts[TEXT_STATUS]);
        else if (entry.head->kind == ENTRY_TRACE_STATE)
            view->trace_state = text_take(&entry.value, len, &texts[TEXT_TRACE_STATE]);
    }
}

static void encode_fields(Encoder *encoder, const Record *record)
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
        view.name = text_repaired(record->site->name, &encoder->texts[TEXT_NAME]);
    texts_gather(encoder, record, &view);
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

static void encode_one(Encoder *encoder, const Record *record)
{
    size_t opened = wire_open(encoder->out, SCOPES_ITEM);
    encode_fields(encoder, record);
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

bool spans_encode(const Outgoing *outgoing, Buf *out, Err *err)
{
    return encode_request(outgoing->batch, encode_one, out, err);
}
