/* tracer.c - the list of tracers; see tracer.h. */
#include "sdk/tracer.h"
#include "sdk/diagnostics.h"

#include "base/mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

static struct {
    pthread_mutex_t lock;
    CryoTracer *first;
    size_t count;
} tracers = { .lock = PTHREAD_MUTEX_INITIALIZER };

static CryoTracer *tracer_new(Str name, Str version)
{
    CryoTracer *tracer = mem_grow(NULL, sizeof *tracer + name.len + version.len);
    if (!tracer)
        return NULL;
    char *text = (char *)(tracer + 1);
    if (name.len)
        memcpy(text, name.ptr, name.len);
    if (version.len)
        memcpy(text + name.len, version.ptr, version.len);
    *tracer = (CryoTracer){ .name = { text, name.len },
                            .version = { text + name.len, version.len },
                            .next = tracers.first };
    return tracer;
}

const CryoTracer *tracer_find(Str name, Str version)
{
    pthread_mutex_lock(&tracers.lock);
    CryoTracer *tracer = tracers.first;
    while (tracer && !(str_eq(tracer->name, name) && str_eq(tracer->version, version)))
        tracer = tracer->next;
    if (!tracer && tracers.count < TRACERS_MAX) {
        tracer = tracer_new(name, version);
        if (tracer) {
            tracers.first = tracer;
            tracers.count++;
        }
    }
    pthread_mutex_unlock(&tracers.lock);
    return tracer;
}

const CryoTracer *cryo_tracer(const char *name, const char *version)
{
    static const CryoTracer none; /* what is given instead when there is no room for another */
    static atomic_bool told;
    if ((!name || !*name) && !atomic_exchange(&told, true))
        say(CRYO_LOG_WARN, "cryo_tracer: a tracer without a name");
    const CryoTracer *tracer = tracer_find(str_from(name), str_from(version));
    return tracer ? tracer : &none;
}

void tracers_lock(void)
{
    pthread_mutex_lock(&tracers.lock);
}
void tracers_unlock(void)
{
    pthread_mutex_unlock(&tracers.lock);
}
