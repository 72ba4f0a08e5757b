/* entry_encode.h - what spans and log records have alike on their way to OTLP bytes: attributes,
 * and the request that holds them. */
#ifndef SDK_ENTRY_ENCODE_H
#define SDK_ENTRY_ENCODE_H

#include "otlp/encode.h"
#include "sdk/record_batch.h"
#include "sdk/text.h"

enum { ENCODER_TEXTS = 3 };

typedef struct Encoder {
    const RecordBatch *batch;
    Buf *out;
    TextScratch scratch;              /* of one text at a time */
    TextScratch texts[ENCODER_TEXTS]; /* of those that are needed together */
} Encoder;

/* One attribute into the list `number`. */
void encode_entry(Encoder *encoder, uint32_t number, const Entry *entry);

/* A value that is no attribute's: one of several (arrays, maps) straight to its field, any other as
 * a view. */
static inline bool stored_is_many(const Stored *value)
{
    return value->type >= CRYO_STRING_ARRAY;
}
ValueView stored_scalar(const Stored *stored, TextScratch *scratch);
void encode_body(Encoder *encoder, uint32_t number, const Entry *entry);

/* A whole export request: the resource, and for each scope its records. */
typedef void (*EncodeRecord)(Encoder *encoder, const Record *record);
CHECKED bool encode_request(const RecordBatch *batch, EncodeRecord encode_record, Buf *out,
                            Err *err);

#endif
