/* w3c.h - W3C Trace Context, level 2: traceparent and tracestate as text, without carriers.
 *
 *     traceparent   version "-" trace id "-" span id "-" flags     2-32-16-2 lower-case digits
 *     tracestate    key=value, key=value ...                       newest first, at most 32
 */
#ifndef SDK_W3C_H
#define SDK_W3C_H

#include "base/str.h"

#include <cryostorm/trace.h>

enum { TRACEPARENT_LEN = 55, TRACE_STATE_MEMBERS = 32 };

/* Fills ids and flags. False: not valid, and out is as it was. */
CHECKED bool traceparent_parse(Str text, CryoSpanContext *out);
void traceparent_write(const CryoSpanContext *context, char out[TRACEPARENT_LEN]);

/* Checks the list, drops empty members and white space around the others, and copies it to the
 * context; a list that is too long for it loses members longer than 128 first, then the last ones.
 * False: not valid, and the context has none. */
CHECKED bool trace_state_parse(Str text, CryoSpanContext *out);

#endif
