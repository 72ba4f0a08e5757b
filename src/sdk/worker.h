/* worker.h - the one thread that takes ended spans, and the sinks that it feeds.
 *
 *     IDLE --worker_begin--> READY --first ended span--> RUNNING --worker_end--> IDLE
 *                              \--------worker_end (exports on the caller's thread)--/
 *
 * In the child of a fork RUNNING becomes READY: the thread is not there, its sinks are abandoned
 * and made anew by the next thread, and nothing that waited is sent.
 *
 * worker_begin and worker_end are called by one thread at a time (telemetry.c has the lock), the
 * others by any.
 */
#ifndef SDK_WORKER_H
#define SDK_WORKER_H

#include "sdk/exporters.h"
#include "sdk/run.h"

enum { SINKS_MAX = 8 };

/* Makes the sinks and the resource. `settings` must stay until worker_end has returned true or
 * worker_stuck() is false again. False: err says why and nothing has begun. */
CHECKED bool worker_begin(const RunConfig *config, const CryoSettings *settings, Err *err);

/* Exports what waits, until the deadline, and takes the sinks down. False: something was lost, err
 * says how much. */
bool worker_end(int64_t deadline_mono_ns, Err *err);

/* Is a worker of an earlier run still inside somebody's exporter? Its settings are still in use. */
bool worker_stuck(void);

bool worker_flush(int64_t deadline_mono_ns, Err *err);

/* The span path: an ended span has been put into its row. */
void worker_notice(const RunConfig *config);

void worker_counts(uint64_t *exported, uint64_t *failed);

void worker_before_fork(void);
void worker_after_fork(bool in_child);

#endif
