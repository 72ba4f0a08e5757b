/* worker.h - serves all signals: what each duty (duty.h) has is handed to that signal's sinks.
 *
 * One machine, which never waits (round.h), and two ways to drive it: a thread of ours, or the
 * program's own event loop, which ticks (<cryostorm/tick.h>). Whoever drives waits in between on
 * the one loop on which all connections live, and is woken there.
 *
 *     IDLE --worker_begin--> READY --first ended span--> RUNNING --worker_end--> IDLE
 *                                  --first log record-->
 *                                  --worker_needed----->
 *                              \--------worker_end (exports on the caller's thread)--/
 *
 * Without the thread RUNNING is never reached; flush and end drive on the caller's thread. In the
 * child of a fork RUNNING becomes READY: the thread is not there, loop and sinks are abandoned and
 * made anew by whoever drives next, and nothing that waited is sent.
 *
 * worker_begin and worker_end are called by one thread at a time (telemetry.c has the lock), the
 * others by any.
 */
#ifndef SDK_WORKER_H
#define SDK_WORKER_H

#include "sdk/run.h"

#include "base/attributes.h"
#include "base/err.h"
#include "model/signal.h"

/* Makes the sinks and the resource; idle when all signals are off. `settings` must stay until
 * worker_end has returned true or worker_stuck() is false again. False: err says why and nothing
 * has begun. */
CHECKED bool worker_begin(const RunConfig *config, const CryoSettings *settings, Err *err);

/* Exports what waits, until the deadline, and takes the sinks down. False: something was lost, err
 * says how much. */
bool worker_end(int64_t deadline_mono_ns, Err *err);

/* Is a worker of an earlier run still inside somebody's exporter? Its settings are still in use. */
bool worker_stuck(void);

bool worker_flush(int64_t deadline_mono_ns, Err *err);

/* Is the signal on in the run that has begun? */
bool worker_serves(Signal signal);

/* A record has been put into its row. */
void worker_notice(const RunConfig *config, RowKind row);

/* Without a thread: what is due and needs no waiting. Nanoseconds until the next time; negative:
 * not known. And the descriptor that says that there is something to do; -1: there is none. */
int64_t worker_tick(void);
int worker_tick_fd(void);

/* Makes the thread if it is not there: for a duty whose items nobody notices, such as metrics, at
 * the first instrument that is used in this process. Cheap when it is there. */
void worker_needed(void);

/* Puts a record into the thread's row; false: no place, or no memory. The worker hears of it once
 * it is there, and only when places were reserved: that is often enough, since a thread reserves
 * few at once. */
static inline bool worker_submit(RowKind kind, Record *record, ThreadState *state,
                                 const RunConfig *config)
{
    EndedRow *row = &state->rows[kind];
    bool reserve = row->credits == 0 || row->credit_epoch != config->epoch;
    if (reserve) {
        row->credit_epoch = config->epoch;
        row->credits = queue_reserve(config, kind);
    }
    bool taken = row->credits > 0 && state_push_ended(state, kind, record);
    if (taken)
        row->credits--;
    if (reserve)
        worker_notice(config, kind);
    return taken;
}

void worker_counts(Signal signal, uint64_t *exported, uint64_t *failed);

void worker_before_fork(void);
void worker_after_fork(bool in_child);

#endif
