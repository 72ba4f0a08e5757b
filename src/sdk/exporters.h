/* exporters.h - where batches can go: the built-in sinks, and those that a user registered.
 *
 * A sink serves one exporter and one signal. It is driven by one thread at a time: the worker's, or
 * that of a program which ticks, flushes or shuts down without one (worker.h). Nothing in it waits:
 * a sink whose sending takes time goes on when it is asked to, and lets its connections live on the
 * loop that it was given.
 */
#ifndef SDK_EXPORTERS_H
#define SDK_EXPORTERS_H

#include "net/loop.h"
#include "sdk/outgoing.h"

#include <stdatomic.h>

/* How long a send may take. */
typedef struct Until {
    int64_t batch_ns;       /* this batch, as long as nobody shuts down */
    _Atomic int64_t end_ns; /* INT64_MAX, until a shutdown says how long it waits */
} Until;

/* In a hurry there is no more waiting before another try. */
static inline bool until_hurries(const Until *until)
{
    return atomic_load(&until->end_ns) != INT64_MAX;
}

static inline int64_t until_ns(const Until *until)
{
    int64_t end = atomic_load(&until->end_ns);
    return end != INT64_MAX ? end : until->batch_ns;
}

typedef enum SinkProgress {
    SINK_FAILED,
    SINK_SENT,
    SINK_WAITS, /* ask again when something has happened on the loop, or at its due_ns */
} SinkProgress;

typedef struct Sink Sink;
typedef struct SinkType {
    const char *name;
    Sink *(*create)(const CryoSettings *settings, Signal signal, Err *err);
    bool (*send)(Sink *sink, Outgoing *outgoing, const Until *until, Err *err);
    /* After a send that was true: how it goes on, until it fails or is sent. NULL: it is sent. */
    SinkProgress (*go_on)(Sink *sink, Outgoing *outgoing, const Until *until, Err *err);
    bool (*flush)(Sink *sink, const Until *until, Err *err); /* NULL: nothing to do */
    /* Also in the middle of a send. In a fork's child the parent's are not even destroyed. */
    void (*destroy)(Sink *sink);
} SinkType;

struct Sink {
    const SinkType *type;
    Signal signal;
    Loop *loop;     /* the worker's, from before the first send */
    int64_t due_ns; /* while it waits */
};

extern const SinkType console_sink, memory_sink, otlp_sink;

bool exporter_known(Str name);
void exporter_names(char *out, size_t size); /* "console, otlp ...", for messages */

/* By name; settings as loaded. NULL: err says why. */
CHECKED Sink *exporter_create(Str name, const CryoSettings *settings, Signal signal, Err *err);

void exporters_forget(void); /* those that were registered; for cryo_reset */
void exporters_lock(void);   /* around fork() */
void exporters_unlock(void);
void memory_sink_lock(void);
void memory_sink_unlock(void);

#endif
