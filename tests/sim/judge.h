/* judge.h - what the store holds, compared with what was sent and what was promised.
 *
 * - Nothing that was acknowledged as delivered is missing, unless it was excused: a client was
 *   answered by a receiver with `acknowledge: accepted`, or the store's sync mode promised less.
 * - Nothing is invented: every item was sent, as this signal, with this padding.
 * - The library counted no more as exported than there is.
 */
#ifndef TESTS_SIM_JUDGE_H
#define TESTS_SIM_JUDGE_H

#include "sim/world.h"

typedef struct Findings {
    uint64_t items, repeated;     /* in the store; more than once */
    uint64_t app_spans, app_logs; /* different ones */
} Findings;

/* Opens the store of the gateway's disk; no process runs there. False: err says what is wrong. */
CHECKED bool judge(World *world, Findings *findings, Err *err);

#endif
