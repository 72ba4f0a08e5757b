/* steady_wall.c - see steady_wall.h. */
#include "seglog/steady_wall.h"

static int64_t believe(SteadyWall *steady, ClockReading now)
{
    *steady = (SteadyWall){ now.wall_ns, now.mono_ns, 0 };
    return now.wall_ns;
}

void steady_wall_begin(SteadyWall *steady, int64_t last_seen_ns, ClockReading now)
{
    bool known = last_seen_ns > 0 && last_seen_ns < now.wall_ns;
    *steady = (SteadyWall){ known ? last_seen_ns : now.wall_ns, now.mono_ns, 0 };
    (void)steady_wall_read(steady, now);
}

int64_t steady_wall_read(SteadyWall *steady, ClockReading now)
{
    int64_t expected = steady->wall_ns + (now.mono_ns - steady->mono_ns);
    if (now.wall_ns - expected <= STEADY_WALL_JUMP_NS)
        return believe(steady, now);
    if (!steady->doubt_mono_ns)
        steady->doubt_mono_ns = now.mono_ns;
    if (now.mono_ns - steady->doubt_mono_ns >= STEADY_WALL_DOUBT_NS)
        return believe(steady, now);
    return expected;
}
