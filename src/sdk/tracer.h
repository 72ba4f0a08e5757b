/* tracer.h - the instrumentation scopes that spans belong to: made once, never freed. */
#ifndef SDK_TRACER_H
#define SDK_TRACER_H

#include "base/str.h"

#include <cryostorm/trace.h>

enum { TRACERS_MAX = 1024 };

struct CryoTracer {
    Str name, version;
    struct CryoTracer *next;
};

/* NULL: no memory, or TRACERS_MAX different ones. */
const CryoTracer *tracer_find(Str name, Str version);

void tracers_lock(void); /* around fork() */
void tracers_unlock(void);

#endif
