/* round.h - a signal's rounds: batch after batch is gathered and handed to each of its sinks.
 *
 * A round never waits: it goes on for as long as it can and says when it wants to be asked again.
 * Whoever drives it, the worker's thread or a program's own event loop (worker.h), waits in
 * between, on the loop on which the sinks' connections live.
 *
 *     RESTING --woken, flush, delay over--> GATHERING --a batch--> SENDING --each sink--+
 *        ^                                   |    ^                                     |
 *        +------nothing (more) waits---------+    +-------------------------------------+
 *
 * The signals' rounds go on side by side: one whose server does not answer holds up no other. All
 * of a Duty but its atomics belongs to whoever drives.
 */
#ifndef SDK_ROUND_H
#define SDK_ROUND_H

#include "sdk/duty.h"
#include "sdk/exporters.h"

enum { SINKS_MAX = 8 }; /* of a signal */

typedef enum RoundState { RESTING, GATHERING, SENDING } RoundState;

typedef struct Duty {
    const DutyType *type;
    bool on, begun;
    DutyPlan plan;
    int64_t due_ns; /* RESTING until then, when nobody asks */
    Sink *sinks[SINKS_MAX];
    size_t sink_count;
    Sink *copy;               /* the last one of them, or NULL: it does not count */
    Sink *orphans[SINKS_MAX]; /* the parent's, in a fork's child: kept, never used */
    Until until;
    atomic_bool woken; /* something waits, and whoever drives has been told */
    atomic_bool busy;  /* not RESTING */
    /* the round */
    RoundState state;
    bool whole;       /* all that waits, not only full batches */
    bool renew;       /* the delay begins anew with its end */
    uint64_t flush;   /* it serves the flush of this number and those before */
    Gathered got;     /* the batch, and whether there may be more */
    Outgoing out;     /* SENDING */
    size_t sink_at;   /* which sink has it */
    bool begun_there; /* that sink has begun */
    bool good;        /* all sinks so far took it */
    /* what came of it */
    uint64_t flush_done; /* the number of the last flush that is served */
    _Atomic uint64_t exported, failed;
    int64_t reported_at;
    uint64_t failed_reported;
} Duty;

/* As far as it goes without waiting, at most one batch. `flush`: the number of the newest flush
 * that somebody wants. Gives when it wants to go on at the latest, on the system's clock. */
int64_t duty_turn(Duty *duty, const Resource *resource, uint64_t flush);

/* In a fork's child: the round is the parent's. */
void duty_forget_round(Duty *duty);

#endif
