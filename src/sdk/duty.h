/* duty.h - what the worker does for one signal: where its items come from, and when they are due.
 *
 * The worker (worker.h) has one table of duties. All that is common to them it does itself: making
 * the sinks that the settings name, the delay between two rounds, the export time-out, handing a
 * batch to each sink, counting what came of it and telling of failures, flush and shutdown (round.c
 * and worker.c). A duty only says what the settings ask for and gathers batches. All functions but
 * plan() run on the thread that drives (worker.h), or at a start on the caller's; two never at a
 * time.
 *
 *     start:  plan -> begin               a round:   gather -> (sinks) -> release, and again
 *     stop:   a last round -> discard -> end         while gather says that there is more
 *     fork:   in the child forked(); its next thread makes new sinks and goes on
 */
#ifndef SDK_DUTY_H
#define SDK_DUTY_H

#include "sdk/outgoing.h"
#include "sdk/run.h"

/* What the settings ask for. */
typedef struct DutyPlan {
    const char *exporters; /* names, "console,otlp"; none of them: the signal is off */
    int64_t delay_ns;      /* between two rounds when nobody asks for one */
    int64_t timeout_ns;    /* of one export */
    bool at_once;          /* a wake-up is reason enough for a round */
    bool console_copy;     /* also to the console; how that goes counts for nothing */
} DutyPlan;

/* What a duty may read while it runs: from begin() to end(). */
typedef struct DutyRun {
    const RunConfig *config;
    const CryoSettings *settings;
    const Resource *resource;
    const CryoTracer *scope; /* the service's own, for items that name none */
} DutyRun;

typedef enum Gathered {
    GATHERED_NOTHING,
    GATHERED_ALL,  /* this is all there is for now */
    GATHERED_MORE, /* ask again after this one */
    GATHERED_FAILED,
} Gathered;

typedef struct DutyType {
    Signal signal;
    const char *what; /* "spans", "metrics", "logs": cannot export ... */
    void *self;       /* handed to all below but plan() */
    bool (*plan)(const CryoSettings *settings, DutyPlan *out); /* false: the signal is off */
    bool (*begin)(void *self, const DutyRun *run, Err *err);
    bool (*full)(void *self); /* a round is due although the delay is not over; NULL: never */
    Gathered (*gather)(void *self, Outgoing *out, Err *err); /* all but resource and rejected */
    void (*release)(void *self); /* the sinks have seen what was gathered */
    void (*told)(void *self); /* once per round: warn of what was dropped; NULL: nothing to say */
    uint64_t (*discard)(void *self); /* what still waits is lost: how many; NULL: nothing waits */
    void (*end)(void *self);         /* lets go of what begin() took, also when that has failed */
    void (*forked)(void *self);      /* in a fork's child: what waited is the parent's */
} DutyType;

extern const DutyType span_duty, metric_duty, log_duty;

#endif
