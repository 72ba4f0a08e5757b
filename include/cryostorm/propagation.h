/* propagation.h - a trace crosses to another program in two small headers.
 *
 * The caller injects its current context into the request's headers, the callee extracts it and
 * makes its first span a child:
 *
 *     CryoSpanContext caller;
 *     cryo_extract(headers, count, &caller);
 *     CRYO_SPAN(span, "GET /basket", .kind = CRYO_SERVER, .remote = &caller);
 *
 *     CryoHeaders out;
 *     cryo_inject(&out);
 *     for (size_t i = 0; i < out.count; i++)
 *         add_header(request, out.header[i].name.ptr, out.header[i].value.ptr);
 *
 * The format is W3C Trace Context level 2 (traceparent, tracestate); which formats are in use is
 * the setting PROPAGATION__PROPAGATOR_TYPES (settings.h). Extraction never fails: what is not valid
 * counts as absent. Before cryo_start..., and with telemetry off, both work, so that a trace passes
 * through. Any thread; no allocation.
 */
#ifndef CRYOSTORM_PROPAGATION_H
#define CRYOSTORM_PROPAGATION_H

#include <cryostorm/context.h>
#include <cryostorm/trace.h>
#include <cryostorm/value.h>

CRYO_BEGIN

typedef struct CryoHeader {
    CryoString name, value;
} CryoHeader;

enum { CRYO_HEADERS_MAX = 4 };

/* What inject writes: names and values point into the library and into text, and each has a zero
 * byte behind it. Valid where it is; do not copy the struct. */
typedef struct CryoHeaders {
    size_t count; /* 0: there is nothing to send */
    CryoHeader header[CRYO_HEADERS_MAX];
    char text[64 + CRYO_TRACE_STATE_MAX];
} CryoHeaders;

CRYO_API void cryo_inject(CryoHeaders *out);                                  /* current context */
CRYO_API void cryo_inject_context(const CryoSpanContext *, CryoHeaders *out); /* a given one */

/* Header names match in any case; a repeated tracestate is joined (more than 32 of them or 8 KiB
 * count as none), a repeated traceparent is invalid. False and all zero: no valid context came in.
 */
CRYO_API bool cryo_extract(const CryoHeader *headers, size_t count, CryoSpanContext *out);

/* The same over a carrier of any shape. The setter is called once per header, with zero bytes
 * behind both texts. The getter gives the index-th value of a header (names compare without case),
 * false when there is no such; its text need only live until the next call. */
typedef void (*CryoSetter)(void *carrier, CryoString name, CryoString value);
typedef bool (*CryoGetter)(void *carrier, CryoString name, size_t index, CryoString *value);

CRYO_API void cryo_inject_with(CryoSetter set, void *carrier);
CRYO_API bool cryo_extract_with(CryoGetter get, void *carrier, CryoSpanContext *out);

/* The names of the headers in use, in the order in which they are written; *count says how many. */
CRYO_API const CryoString *cryo_propagation_fields(size_t *count);

/* W3C's trace state: a list of at most 32 entries that vendors carry along. Setting puts the entry
 * in front; the right-most ones make room. False: key or value is not allowed, or not there. */
CRYO_API bool cryo_trace_state_get(const CryoSpanContext *context, CryoString key,
                                   CryoString *value);
CRYO_API bool cryo_trace_state_set(CryoSpanContext *context, CryoString key, CryoString value);
CRYO_API bool cryo_trace_state_remove(CryoSpanContext *context, CryoString key);

CRYO_END

#endif
