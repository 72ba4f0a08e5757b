/* exporters.h - where batches can go: the built-in sinks, and those that a user registered.
 *
 * A sink serves one exporter and one signal. It is driven by one thread, the worker, or at a
 * shutdown without one by the caller's. Its send() returns before the deadline of `until`, at once
 * when it says so.
 */
#ifndef SDK_EXPORTERS_H
#define SDK_EXPORTERS_H

#include "sdk/outgoing.h"

#include <stdatomic.h>

/* How long a send may take. Shutdown moves the deadline nearer while it runs. */
typedef struct Until {
    _Atomic int64_t mono_ns;
    atomic_bool hurry; /* no more waiting before another try */
} Until;

typedef struct Sink Sink;
typedef struct SinkType {
    const char *name;
    Sink *(*create)(const CryoSettings *settings, Signal signal, Err *err);
    bool (*send)(Sink *sink, Outgoing *outgoing, const Until *until, Err *err);
    bool (*flush)(Sink *sink, const Until *until, Err *err); /* NULL: nothing to do */
    void (*destroy)(Sink *sink);
    /* In a fork's child: lets go of what belongs to the parent, without a word to its peers; the
     * sink is never used again, not even destroyed. NULL: nothing to do. */
    void (*abandon)(Sink *sink);
} SinkType;

struct Sink {
    const SinkType *type;
    Signal signal;
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
