/* clock.h - the time, from one place that a test can drive.
 *
 * Wall time is nanoseconds since the Unix epoch and may jump; monotonic time only ever grows and is
 * for deadlines and durations. A Clock is a value with a function, so engines take `Clock *` or,
 * better, a reading.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/attributes.h"
#include "base/str.h"

#include <stdint.h>

#define NANOS_PER_MICRO  INT64_C(1000)
#define NANOS_PER_MILLI  INT64_C(1000000)
#define NANOS_PER_SECOND INT64_C(1000000000)

typedef struct Clock Clock;
struct Clock {
    int64_t (*wall_ns)(Clock *clock);
    int64_t (*mono_ns)(Clock *clock);
};

Clock *clock_system(void); /* the machine's clock; shared, never freed */

static inline int64_t clock_wall_ns(Clock *clock)
{
    return clock->wall_ns(clock);
}
static inline int64_t clock_mono_ns(Clock *clock)
{
    return clock->mono_ns(clock);
}

/* A clock that stands still until a test moves it. */
typedef struct TestClock {
    Clock base;
    int64_t wall, mono;
} TestClock;

void test_clock_init(TestClock *clock, int64_t wall_ns);
void test_clock_advance(TestClock *clock, int64_t by_ns);

/* Sleeps on the monotonic clock; for threads of their own, never in a loop callback. */
void clock_sleep_ns(int64_t duration_ns);

enum { TIME_TEXT_SIZE = 32 };
/* RFC 3339 in UTC with nanoseconds, e.g. 2026-11-21T03:24:17.000000001Z. Returns out. */
const char *time_text(int64_t wall_ns, char out[TIME_TEXT_SIZE]);

/* The other way round, with any offset: 2026-11-21T05:24:17.5+02:00. More than nine decimals are
 * cut. False: it is not one, or out of range. */
CHECKED bool time_parse(Str text, int64_t *out_wall_ns);

/* Go's duration syntax: 200ms, 1h30m, 1.5s, 10us, 5ns, 0. False: not one, or out of range. */
CHECKED bool duration_parse(Str text, int64_t *out_ns);

/* A span of time as Prometheus and Loki write it: 1h30m, 2w, 1y (of 365 days), 250ms; whole numbers
 * with the units y w d h m s ms, each at most once, the largest first; or 0. */
CHECKED bool period_parse(Str text, int64_t *out_ns);

#endif
