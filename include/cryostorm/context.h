/* context.h - which span is current, per thread, and how to carry it elsewhere.
 *
 * A CryoContext says what work is going on: the current span's identity. It is a small value with
 * no owner: copy it into a job, a coroutine or a callback, and attach it where that runs. It stays
 * usable after its span has ended (a child can still be added; only its trace state is then gone).
 *
 *     CryoToken token = cryo_attach(job->context);
 *     run(job);                                     its spans become children
 *     cryo_detach(token);
 *
 * Attach and detach belong in pairs on one thread, innermost first. The cost is a few loads and
 * stores; no allocation, and no thread exit handler is needed for correctness. (OpenTelemetry
 * specification: Context. Values besides the span arrive with baggage, hence the spare room.)
 */
#ifndef CRYOSTORM_CONTEXT_H
#define CRYOSTORM_CONTEXT_H

#include <cryostorm/trace.h>

CRYO_BEGIN

struct CryoContext {
    CryoSpan span; /* for its trace state; may have ended */
    uint8_t trace_id[16];
    uint8_t span_id[8];
    uint8_t flags;
    bool is_remote;
    uint16_t has_trace_state;
    uint32_t reserved;
    uint64_t spare[2]; /* 0 */
};

typedef struct CryoToken {
    CryoContext before;
    uint64_t depth;
} CryoToken;

CRYO_API CryoContext cryo_context_current(void);
CRYO_API CryoSpan cryo_span_current(void); /* does nothing where there is none */

/* The context in which `span` is current. A span that does nothing changes nothing: the thread's
 * current context comes back, so that an incoming trace passes through a program that records
 * nothing itself. */
CRYO_API CryoContext cryo_context_of(CryoSpan span);

/* Makes it the thread's current one; the token brings back what was before. */
CRYO_API CryoToken cryo_attach(CryoContext context);

/* False when something else was still attached inside (it is dropped too) or the token is used up
 * (nothing happens); either is a mistake in the calling program, and counted. */
CRYO_API bool cryo_detach(CryoToken token);

CRYO_END

#endif
