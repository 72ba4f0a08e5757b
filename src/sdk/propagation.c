/* propagation.c - contexts into and out of carriers; see <cryostorm/propagation.h>. */
#include "sdk/propagation.h"

#include "sdk/context.h"
#include "sdk/w3c.h"

#include <stdatomic.h>
#include <string.h>

static const CryoString fields[] = { { "traceparent", 11 }, { "tracestate", 10 } };

enum { TRACEPARENT, TRACESTATE };

/* Set at the start from the settings; true before any start, so that traces pass through. */
static atomic_bool in_use = true;

void propagation_use(bool w3c)
{
    atomic_store(&in_use, w3c);
}

const CryoString *cryo_propagation_fields(size_t *count)
{
    *count = atomic_load(&in_use) ? COUNT_OF(fields) : 0;
    return fields;
}

/* ---- inject ---------------------------------------------------------------------------------- */

/* The thread's current context as it travels. */
static void current_span_context(CryoSpanContext *out)
{
    const CryoContext *current = &thread_locals.current;
    memcpy(out->trace_id, current->trace_id, sizeof out->trace_id);
    memcpy(out->span_id, current->span_id, sizeof out->span_id);
    out->flags = current->flags;
    out->is_remote = current->is_remote;
    out->trace_state_len = 0;
    if (current->has_trace_state)
        out->trace_state_len = (uint16_t)span_trace_state(current->span, out->trace_state);
}

void cryo_inject_context(const CryoSpanContext *context, CryoHeaders *out)
{
    out->count = 0;
    if (!context || !cryo_span_context_valid(context) || !atomic_load(&in_use))
        return;
    char *at = out->text;
    traceparent_write(context, at);
    out->header[out->count++] = (CryoHeader){ fields[TRACEPARENT], { at, TRACEPARENT_LEN } };
    at[TRACEPARENT_LEN] = '\0';
    size_t len = context->trace_state_len;
    if (len == 0 || len > CRYO_TRACE_STATE_MAX)
        return;
    at += TRACEPARENT_LEN + 1;
    memcpy(at, context->trace_state, len);
    at[len] = '\0';
    out->header[out->count++] = (CryoHeader){ fields[TRACESTATE], { at, len } };
}

void cryo_inject(CryoHeaders *out)
{
    CryoSpanContext context;
    current_span_context(&context);
    cryo_inject_context(&context, out);
}

void cryo_inject_with(CryoSetter set, void *carrier)
{
    CryoHeaders headers;
    cryo_inject(&headers);
    for (size_t i = 0; i < headers.count; i++)
        set(carrier, headers.header[i].name, headers.header[i].value);
}

/* ---- extract --------------------------------------------------------------------------------- */

/* Of tracestate: bytes of all its headers together, and their number; more counts as invalid. */
enum { TRACE_STATE_IN_MAX = 8192, TRACE_STATE_HEADERS_MAX = 32 };

/* A value that points nowhere is an empty one, whatever its length. */
static bool get_value(CryoGetter get, void *carrier, int field, size_t index, Str *out)
{
    CryoString value = { 0 };
    bool there = get(carrier, fields[field], index, &value);
    *out = (Str){ value.ptr, value.ptr ? value.len : 0 };
    return there;
}

/* All values of tracestate, joined by commas; false: too much. */
static bool gather_trace_state(CryoGetter get, void *carrier, Str *out, char *text)
{
    Str value;
    size_t len = 0;
    for (size_t i = 0; get_value(get, carrier, TRACESTATE, i, &value); i++) {
        if (i == TRACE_STATE_HEADERS_MAX || value.len >= TRACE_STATE_IN_MAX - len)
            return false;
        if (i > 0)
            text[len++] = ',';
        if (value.len > 0)
            memcpy(text + len, value.ptr, value.len);
        len += value.len;
    }
    *out = (Str){ text, len };
    return true;
}

bool cryo_extract_with(CryoGetter get, void *carrier, CryoSpanContext *out)
{
    *out = (CryoSpanContext){ 0 };
    Str value, another;
    if (!atomic_load(&in_use) || !get_value(get, carrier, TRACEPARENT, 0, &value) ||
        !traceparent_parse(value, out))
        return false;
    if (get_value(get, carrier, TRACEPARENT, 1, &another)) {
        *out = (CryoSpanContext){ 0 }; /* which one would be right? */
        return false;
    }
    char text[TRACE_STATE_IN_MAX];
    Str trace_state;
    if (!gather_trace_state(get, carrier, &trace_state, text) ||
        !trace_state_parse(trace_state, out))
        out->trace_state_len = 0; /* the ids are good all the same */
    out->is_remote = true;
    return true;
}

typedef struct HeaderList {
    const CryoHeader *headers;
    size_t count;
} HeaderList;

static bool list_get(void *carrier, CryoString name, size_t index, CryoString *value)
{
    const HeaderList *list = carrier;
    for (size_t i = 0; i < list->count; i++) {
        CryoString have = list->headers[i].name;
        if (!have.ptr || !str_eq_nocase((Str){ have.ptr, have.len }, (Str){ name.ptr, name.len }) ||
            index-- > 0)
            continue;
        *value = list->headers[i].value;
        return true;
    }
    return false;
}

bool cryo_extract(const CryoHeader *headers, size_t count, CryoSpanContext *out)
{
    HeaderList list = { headers, headers ? count : 0 };
    return cryo_extract_with(list_get, &list, out);
}
