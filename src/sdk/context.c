/* context.c - the current context of each thread; see <cryostorm/context.h>. */
#include "sdk/context.h"

CryoContext cryo_context_current(void)
{
    return thread_locals.current;
}

CryoSpan cryo_span_current(void)
{
    return thread_locals.current.span;
}

CryoToken cryo_attach(CryoContext context)
{
    CryoToken token = { thread_locals.current, ++thread_locals.depth };
    thread_locals.current = context;
    return token;
}

bool cryo_detach(CryoToken token)
{
    bool in_order = token.depth == thread_locals.depth;
    if (!in_order)
        tally(TALLY_MISUSES);
    if (token.depth == 0 || token.depth > thread_locals.depth)
        return false;
    thread_locals.current = token.before;
    thread_locals.depth = token.depth - 1;
    return in_order;
}
