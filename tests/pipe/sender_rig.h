/* sender_rig.h - a sender behind a small exporter whose far side is the test. */
#ifndef TESTS_PIPE_SENDER_RIG_H
#define TESTS_PIPE_SENDER_RIG_H

#include "pipe/sender.h"
#include "support/test_host.h"

enum { ATTEMPTS_MAX = 1200 };

typedef struct Far {
    Component base;
    int64_t timeout;
    RetrySettings retry_on_failure;
    SendingQueueSettings sending_queue;
    BreakerSettings circuit_breaker;
    Sender *sender;
    SendAttempt attempts[ATTEMPTS_MAX]; /* not answered yet, oldest first */
    size_t waiting, total;
    int64_t last_ns;           /* when the last attempt began */
    const AckOutcome *at_once; /* answers from inside send() */
} Far;

extern const ComponentType far_type;
enum { FAR_MAX = 16 };
extern Far *far_started[FAR_MAX]; /* by order of start, for who has several */
extern size_t far_count;
extern const AckOutcome delivered, again, refused;

typedef struct Rig {
    TestHost *test;
    Far *far;
    int64_t began_ns;
} Rig;

Rig rig_open(const char *yaml);
bool rig_push(Rig *rig, size_t items, Err *err);
/* The same; somebody waits for the outcome. */
bool rig_push_waited(Rig *rig, size_t items, Err *err);
/* Answers the oldest attempt that waits. */
void rig_answer(Rig *rig, const AckOutcome *outcome);
/* Milliseconds until the next attempt, in which no other happens. */
int64_t rig_ms_until_attempt(Rig *rig, int64_t most_ms);
/* The items of attempt i of those that wait. */
size_t rig_items(const Rig *rig, size_t i);

#define NO_JITTER "retry_on_failure: {randomization_factor: 0, max_elapsed_time: 60s}"

#endif
