/* context.h - how a span becomes a thread's current context, inside the library. */
#ifndef SDK_CONTEXT_H
#define SDK_CONTEXT_H

#include "sdk/record.h"

#include <cryostorm/context.h>

/* The trace state of a span; its length, 0 where there is none or the span has ended. */
size_t span_trace_state(CryoSpan span, char out[CRYO_TRACE_STATE_MAX]);

#endif
