/* crowd.h - who overloads the program, but for the flood (flood.h) and the idle (idle_crowd.h): the
 * well behaved, who come again when they are told to wait, and those who are too much: bombs, large
 * requests, readers that do not read. Threads and a loop of its own.
 */
#ifndef TESTS_OVERLOAD_CROWD_H
#define TESTS_OVERLOAD_CROWD_H

#include <stdbool.h>
#include <stdint.h>

enum {
    BOMBERS = 100,     /* gzip that inflates to what a body may have */
    SLOW_READERS = 50, /* ask for pages and hardly read them */
};

typedef struct CrowdPorts {
    uint16_t grpc, http, zpages, page;
} CrowdPorts;

typedef struct CrowdReport {
    uint64_t sent, acknowledged; /* requests of the well behaved, and those that were said OK to */
    uint64_t told_to_wait;       /* refusals with a time to come back, or without one: */
    uint64_t told_nothing;
    uint64_t failed;   /* answers that no well behaved client should get, or none: */
    char failure[160]; /* the first of them */
    uint64_t big_acknowledged, big_at_once;
    uint64_t bombs, bombs_at_once; /* sent in all; on their way at the same moment */
    uint64_t bombs_opened;         /* of these: inflated and found to be no message, */
    uint64_t bombs_told_to_wait;   /* refused for now, */
    uint64_t bombs_unanswered;     /* or neither: */
    int bombs_status;              /* the status of the first of those; 0: no answer */
    uint64_t slow_stuck;           /* slow readers that the program had to stop for */
    uint64_t missing;              /* requests said OK to that have not arrived whole */
} CrowdReport;

void crowd_open(const CrowdPorts *ports); /* first */
void crowd_bomb(void);                    /* each bomber once, all at the same moment */
bool crowd_has_bombed(void);
void crowd_start(void); /* the well behaved */
void crowd_rage(void);  /* all the others, too; bombers again and again */
/* Nothing new; who was refused goes on trying. */
void crowd_calm(void);
bool crowd_is_settled(void); /* every request has been said OK to, and has arrived */
void crowd_stop(void);
CrowdReport crowd_report(void);

#endif
