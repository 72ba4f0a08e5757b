/* ids.c - trace and span ids as text; see ids.h. */
#include "model/ids.h"

const char *trace_id_text(const TraceId *id, char out[TRACE_ID_HEX + 1])
{
    hex_write(out, id->bytes, sizeof id->bytes);
    out[TRACE_ID_HEX] = 0;
    return out;
}

const char *span_id_text(const SpanId *id, char out[SPAN_ID_HEX + 1])
{
    hex_write(out, id->bytes, sizeof id->bytes);
    out[SPAN_ID_HEX] = 0;
    return out;
}

bool trace_id_parse(Str hex, TraceId *out)
{
    return str_unhex(hex, out->bytes, sizeof out->bytes);
}

bool span_id_parse(Str hex, SpanId *out)
{
    return str_unhex(hex, out->bytes, sizeof out->bytes);
}
