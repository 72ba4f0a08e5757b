/* log_encode.c - log records to OTLP bytes; see record_batch.h. */
#include "sdk/entry_encode.h"

#include <string.h>

enum { TEXT_EVENT, TEXT_SEVERITY, TEXT_BODY };
enum { LOG_BODY = 5 };

static void texts_gather(Encoder *encoder, const Record *record, LogView *view)
{
    Entry entry;
    for (RecordPos pos = record_begin(record); record_next(&pos, &entry);) {
        uint32_t len = entry.head->value_len;
        Stored value = entry_value(&entry);
        if (entry.head->kind == ENTRY_NAME)
            view->event_name = text_take(&entry.value, len, &encoder->texts[TEXT_EVENT]);
        else if (entry.head->kind == ENTRY_SEVERITY)
            view->severity_text = text_take(&entry.value, len, &encoder->texts[TEXT_SEVERITY]);
        else if (entry.head->kind == ENTRY_BODY && !stored_is_many(&value))
            view->body = stored_scalar(&value, &encoder->texts[TEXT_BODY]);
    }
}

static void encode_fields(Encoder *encoder, const Record *record)
{
    const RecordBatch *batch = encoder->batch;
    LogView view = {
        .time_ns = (uint64_t)wall_time(batch, record->start_ns, record->bits & RECORD_START_WALL),
        .observed_ns = (uint64_t)(record->end_ns + batch->wall_offset_ns),
        .severity_number = record->kind,
        .flags = record->flags,
        .dropped_attributes = record->dropped_attributes,
    };
    memcpy(view.trace_id.bytes, record->trace_id, sizeof record->trace_id);
    memcpy(view.span_id.bytes, record->span_id, sizeof record->span_id);
    texts_gather(encoder, record, &view);
    if (view.severity_text.len == 0 && record->kind)
        view.severity_text = severity_name(record->kind);
    encode_log(encoder->out, &view);
}

static void encode_one(Encoder *encoder, const Record *record)
{
    size_t opened = wire_open(encoder->out, SCOPES_ITEM);
    encode_fields(encoder, record);
    Entry entry;
    for (RecordPos pos = record_begin(record); record_next(&pos, &entry);) {
        Stored value = entry_value(&entry);
        if (entry.head->kind == ENTRY_ATTRIBUTE)
            encode_entry(encoder, LOG_ATTRIBUTES, &entry);
        else if (entry.head->kind == ENTRY_BODY && stored_is_many(&value))
            encode_body(encoder, LOG_BODY, &entry);
    }
    wire_close(encoder->out, opened);
}

bool logs_encode(const Outgoing *outgoing, Buf *out, Err *err)
{
    return encode_request(outgoing->batch, encode_one, out, err);
}
