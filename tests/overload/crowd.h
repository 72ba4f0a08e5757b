/* crowd.h - the load of tests/overload: who sends what to a collector that cannot keep up, and the
 * far side that hears of it in the end. Threads and a loop of its own; it knows the collector by
 * its ports only.
 */
#ifndef TESTS_OVERLOAD_CROWD_H
#define TESTS_OVERLOAD_CROWD_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SENDERS = 16,      /* well behaved ones: half speak gRPC, half HTTP */
    BIG_SENDERS = 50,  /* one request of 60 MiB each */
    BOMBERS = 100,     /* gzip that inflates to what a body may have */
    SLOW_READERS = 50, /* ask for pages and never read them */
    IDLERS = 5000,     /* open connections that ask for nothing */
};

typedef struct LoadPorts {
    uint16_t far, grpc, http, page;
} LoadPorts;

typedef struct LoadReport {
    uint64_t sent, acknowledged; /* requests of the well behaved, and those that were said OK to */
    uint64_t told_to_wait;       /* refusals with a time to come back, or without one: */
    uint64_t told_nothing;
    uint64_t failed; /* answers that no well behaved client should get */
    uint64_t big_acknowledged;
    uint64_t missing; /* requests said OK to that have not arrived whole */
    uint64_t bombs, idle_open;
} LoadReport;

/* Begins with everything at once; the far side takes 400 ms for each call. */
void load_start(const LoadPorts *ports);
/* No new requests; the far side takes what comes at once. Those that were refused go on trying. */
void load_calm(void);
bool load_is_settled(void); /* every request has been said OK to, and has arrived */
void load_stop(LoadReport *report);

#endif
