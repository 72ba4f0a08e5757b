/* tick.h - telemetry without a thread of ours, for programs with an event loop of their own.
 *
 *     CryoSettings settings = { .enable_worker_thread = CRYO_OFF };   or ENABLE_WORKER_THREAD=false
 *     cryo_start(&settings, &error);
 *     for (;;) {
 *         int wait_ms = cryo_tick_ms(cryo_tick());
 *         struct pollfd fds[] = { { .fd = cryo_tick_fd(), .events = POLLIN }, ... yours ... };
 *         poll(fds, count, wait_ms);
 *         ...
 *     }
 *
 * A tick does what is due and can be done now: gathers ended spans and log records, collects
 * metrics, encodes, connects, sends, reads answers, tries again. It never waits: sockets are
 * non-blocking, and at most one batch of each signal is encoded per tick. What takes time in it is
 * the program's own: its observable callbacks and registered exporters, and the console, which is
 * written to as the program's own printf() would. The names of hosts are looked up by a helper
 * thread, which blocks all signals and ends with the lookup; none is made for literal addresses and
 * localhost.
 *
 * All else is as with the worker thread: what is recorded, the queues and their bounds, time-outs
 * and retries. cryo_flush() and cryo_shutdown() still wait, up to their time-outs, and tick inside.
 * A program that ticks too rarely loses what no longer fits into the queues, and that is counted.
 */
#ifndef CRYOSTORM_TICK_H
#define CRYOSTORM_TICK_H

#include <cryostorm/attributes.h>

#include <stdbool.h>
#include <stdint.h>

CRYO_BEGIN

/* One tick. Gives how many nanoseconds from now the next one is due at the latest; 0: at once.
 * Negative: no moment is known, either because there is nothing to tick (not started, a worker
 * thread does it, shut down) or because another thread ticks or flushes right now. Any thread may
 * call it, also from several: one of them ticks, the others return. */
CRYO_API int64_t cryo_tick(void);

/* A descriptor that is readable when a tick has something to do before that time: an answer came, a
 * batch is full, a name was found. For poll, select, epoll (level-triggered) and whatever is built
 * on them; only wait for it: reading, writing and closing it is ours. It stays the same from the
 * start to the shutdown; in a child after fork() there is a new one, and the old one is closed, so
 * ask again there. -1: there is nothing to tick. */
CRYO_API int cryo_tick_fd(void);

/* What cryo_tick() gave as a time-out for poll and epoll_wait: rounded up; negative: for ever. */
static inline int cryo_tick_ms(int64_t wait_ns)
{
    const int64_t day_ms = 86400000;
    if (wait_ns < 0)
        return -1;
    int64_t ms = wait_ns / 1000000 + (wait_ns % 1000000 != 0);
    return (int)(ms < day_ms ? ms : day_ms);
}

CRYO_END

#endif
