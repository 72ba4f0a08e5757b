/* event_loop.c - telemetry in a program with an event loop of its own: no thread of ours.
 *
 * The loop waits with poll() for its own descriptor, a timer here, and for telemetry's. The same
 * goes for epoll, libuv (uv_poll_t and a uv_timer_t) and every other loop: wait for the descriptor
 * and at most so long, then tick. Ends after three rounds.
 */
#define _POSIX_C_SOURCE 200809L /* for CLOCK_MONOTONIC */
#include <cryostorm/telemetry.h>
#include <cryostorm/tick.h>
#include <cryostorm/trace.h>

#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/timerfd.h>
#include <unistd.h>

static int timer_every_ms(long ms)
{
    struct itimerspec every = { .it_interval.tv_nsec = ms * 1000000,
                                .it_value.tv_nsec = ms * 1000000 };
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    if (fd >= 0 && timerfd_settime(fd, 0, &every, NULL) == 0)
        return fd;
    perror("timer");
    return -1;
}

/* What the program is there for. */
static void work(int timer)
{
    uint64_t rounds;
    CRYO_SPAN(span, "round");
    if (read(timer, &rounds, sizeof rounds) == sizeof rounds)
        cryo_span_set(span, CRYO_ATTRS("timer.rounds", (int64_t)rounds));
}

static void event_loop(int timer)
{
    for (int rounds = 0; rounds < 3;) {
        int wait_ms = cryo_tick_ms(cryo_tick());
        struct pollfd fds[] = { { .fd = timer, .events = POLLIN },
                                { .fd = cryo_tick_fd(), .events = POLLIN } };
        if (poll(fds, 2, wait_ms) > 0 && fds[0].revents) {
            work(timer);
            rounds++;
        }
    }
}

int main(void)
{
    const CryoSettings settings = { .enable_worker_thread = CRYO_OFF };
    CryoError error;
    if (!cryo_start(&settings, &error))
        fprintf(stderr, "No telemetry: %s\n", error.text); /* and we go on without it */
    int timer = timer_every_ms(10);
    if (timer < 0)
        return 1;
    event_loop(timer);
    close(timer);
    if (!cryo_shutdown(5000, &error)) /* waits, and ticks inside */
        fprintf(stderr, "Some telemetry was lost: %s\n", error.text);
    printf("three rounds\n");
    return 0;
}
