/* steady_wall.h - the wall clock as far as it can be believed, for what would delete data by it.
 *
 * A machine that was suspended, a battery that is empty, a wrong time server: the wall clock is
 * hours or years ahead from one moment to the next, and everything is older than it may be. So a
 * jump ahead of more than STEADY_WALL_JUMP_NS has to last for STEADY_WALL_DOUBT_NS of monotonic
 * time before it is believed; until then the time goes on from before the jump. A jump back is
 * believed at once: it makes nothing older. Pure: readings go in.
 */
#ifndef SEGLOG_STEADY_WALL_H
#define SEGLOG_STEADY_WALL_H

#include "base/clock.h"

#define STEADY_WALL_JUMP_NS  (5 * 60 * NANOS_PER_SECOND)
#define STEADY_WALL_DOUBT_NS (3600 * NANOS_PER_SECOND)

typedef struct SteadyWall {
    int64_t wall_ns, mono_ns; /* readings that belonged together, and were believed */
    int64_t doubt_mono_ns;    /* since when the wall clock is too far ahead; 0: it is not */
} SteadyWall;

typedef struct ClockReading {
    int64_t wall_ns, mono_ns;
} ClockReading;

/* last_seen_ns: the newest time that the wall clock is known to have shown, 0: none is. */
void steady_wall_begin(SteadyWall *steady, int64_t last_seen_ns, ClockReading now);
/* What time it is. */
int64_t steady_wall_read(SteadyWall *steady, ClockReading now);

#endif
