/* flood.h - an open loop: new requests at a fixed rate, half by gRPC and half by HTTP, whatever
 * becomes of those before. Who is refused is not sent again; who was said OK to must arrive. A loop
 * and a thread of its own. */
#ifndef TESTS_OVERLOAD_FLOOD_H
#define TESTS_OVERLOAD_FLOOD_H

#include <stdint.h>

typedef struct FloodCounts {
    uint64_t grpc, http;     /* requests begun */
    uint64_t ok;             /* of these: said OK to, */
    uint64_t told_to_wait;   /* refused with a time to come back, */
    uint64_t told_nothing;   /* refused without one, */
    uint64_t failed;         /* answered with anything else, */
    uint64_t unanswered;     /* or never: connection lost, 30 s passed */
    uint64_t missing;        /* said OK to and not arrived whole */
    char first_failure[160]; /* what the first of those was, empty: none */
} FloodCounts;

void flood_start(uint16_t grpc_port, uint16_t http_port);
void flood_rate(double requests_per_second); /* from now on; 0 at first */
FloodCounts flood_counts(void);

#endif
