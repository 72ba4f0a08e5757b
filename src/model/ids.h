/* ids.h - trace and span ids: 16 and 8 bytes, all zero meaning none. */
#ifndef MODEL_IDS_H
#define MODEL_IDS_H

#include "base/str.h"

#include <string.h>

typedef struct TraceId {
    uint8_t bytes[16];
} TraceId;

typedef struct SpanId {
    uint8_t bytes[8];
} SpanId;

enum { TRACE_ID_HEX = 32, SPAN_ID_HEX = 16 }; /* characters, without a zero byte */

static inline bool trace_id_is_zero(const TraceId *id)
{
    static const TraceId none;
    return memcmp(id, &none, sizeof none) == 0;
}
static inline bool span_id_is_zero(const SpanId *id)
{
    static const SpanId none;
    return memcmp(id, &none, sizeof none) == 0;
}
static inline bool trace_id_eq(const TraceId *a, const TraceId *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}
static inline bool span_id_eq(const SpanId *a, const SpanId *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* From wire bytes: none unless the length is exact. */
static inline TraceId trace_id_from(Str bytes)
{
    TraceId id = { { 0 } };
    if (bytes.len == sizeof id)
        memcpy(id.bytes, bytes.ptr, sizeof id);
    return id;
}
static inline SpanId span_id_from(Str bytes)
{
    SpanId id = { { 0 } };
    if (bytes.len == sizeof id)
        memcpy(id.bytes, bytes.ptr, sizeof id);
    return id;
}

/* Lower case, 32 or 16 characters and a zero byte; returns out. */
const char *trace_id_text(const TraceId *id, char out[TRACE_ID_HEX + 1]);
const char *span_id_text(const SpanId *id, char out[SPAN_ID_HEX + 1]);

/* Exactly 32 or 16 hexadecimal digits, either case. */
CHECKED bool trace_id_parse(Str hex, TraceId *out);
CHECKED bool span_id_parse(Str hex, SpanId *out);

#endif
