/* The loop: timers in order, posts from threads, descriptors, and nodes that vanish in callbacks.
 */
#include "net/loop.h"

#include "base/random.h"
#include "base/thread.h"
#include "support/starve.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static Loop *must_loop(Clock *clock)
{
    Err err = { 0 };
    Loop *loop = loop_new(clock, NULL, &err);
    assert_non_null(loop);
    return loop;
}

enum { TIMERS = 500 };

typedef struct Alarm {
    Timer timer;
    int64_t at;
    bool cancelled;
} Alarm;

static Alarm alarms[TIMERS];
static int64_t last_fired;
static size_t fired_count;

static void alarm_fires(void *owner)
{
    Alarm *alarm = owner;
    assert_false(alarm->cancelled);
    assert_true(alarm->at >= last_fired);
    last_fired = alarm->at;
    fired_count++;
}

static void timers_fire_in_order_whatever_was_set_moved_and_cancelled(void **state)
{
    (void)state;
    TestClock clock;
    test_clock_init(&clock, 0);
    Random random;
    random_seed(&random, 7);
    Loop *loop = must_loop(&clock.base);
    int64_t start = loop_now(loop);
    size_t expected = TIMERS;
    memset(alarms, 0, sizeof alarms);
    for (size_t i = 0; i < 3 * TIMERS; i++) {
        Alarm *alarm = &alarms[i % TIMERS];
        alarm->timer.fire = alarm_fires;
        alarm->timer.owner = alarm;
        alarm->at = start + (int64_t)random_below(&random, 1000);
        timer_set(loop, &alarm->timer, alarm->at);
    }
    for (size_t i = 0; i < TIMERS; i += 3) {
        timer_cancel(loop, &alarms[i].timer);
        alarms[i].cancelled = true;
        expected--;
    }
    fired_count = 0;
    last_fired = 0;
    for (int64_t t = 0; t < 1000; t++) {
        loop_step(loop, 0);
        assert_true(last_fired <= loop_now(loop));
        test_clock_advance(&clock, 1);
    }
    loop_step(loop, 0);
    assert_int_equal(fired_count, expected);
    loop_free(loop);
}

typedef struct Mail {
    Post post;
    int *log, *next, id;
} Mail;

static void mail_arrives(void *owner)
{
    Mail *mail = owner;
    mail->log[(*mail->next)++] = mail->id;
}

static void posts_run_once_in_order_and_can_be_taken_back(void **state)
{
    (void)state;
    Loop *loop = must_loop(NULL);
    int log[8] = { 0 }, next = 0;
    Mail mails[4];
    for (int i = 0; i < 4; i++) {
        mails[i] = (Mail){ { mail_arrives, NULL, NULL, false }, log, &next, i + 1 };
        mails[i].post.owner = &mails[i];
        loop_post(loop, &mails[i].post);
    }
    loop_post(loop, &mails[0].post); /* still waits */
    loop_unpost(loop, &mails[3].post);
    loop_unpost(loop, &mails[3].post);
    assert_true(loop_step(loop, -1));
    assert_int_equal(next, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(log[i], i + 1);
    assert_false(loop_step(loop, 0));
    loop_post(loop, &mails[3].post);
    loop_free(loop); /* runs it */
    assert_int_equal(next, 4);
}

typedef struct Herd {
    Loop *loop;
    Post posts[200];
    size_t from, *arrived;
} Herd;

static void herd_member(void *owner)
{
    size_t *arrived = owner;
    if (++*arrived % 100 == 0)
        return;
}

static void herd_run(void *argument)
{
    Herd *herd = argument;
    for (size_t i = 0; i < COUNT_OF(herd->posts); i++) {
        herd->posts[i] = (Post){ herd_member, herd->arrived, NULL, false };
        loop_post(herd->loop, &herd->posts[i]);
    }
}

static void threads_post_to_one_loop(void **state)
{
    (void)state;
    static Herd herds[3];
    Thread threads[3] = { 0 };
    Err err = { 0 };
    size_t arrived = 0;
    Loop *loop = must_loop(NULL);
    for (size_t i = 0; i < 3; i++) {
        herds[i].loop = loop;
        herds[i].arrived = &arrived;
        assert_true(thread_start(&threads[i], "herd", herd_run, &herds[i], &err));
    }
    while (arrived < 3 * COUNT_OF(herds[0].posts))
        loop_step(loop, NANOS_PER_SECOND);
    for (size_t i = 0; i < 3; i++)
        thread_join(&threads[i]);
    loop_free(loop);
}

static void stop_from_thread(void *argument)
{
    loop_stop(argument);
}

static void a_stop_from_elsewhere_ends_the_run(void **state)
{
    (void)state;
    Loop *loop = must_loop(NULL);
    Thread thread = { 0 };
    Err err = { 0 };
    assert_true(thread_start(&thread, "stopper", stop_from_thread, loop, &err));
    loop_run(loop);
    thread_join(&thread);
    loop_free(loop);
}

typedef struct Pair {
    Loop *loop;
    Watch a, b;
    int calls;
} Pair;

/* Whichever comes first forgets the other, which is ready too. */
static void pair_ready(void *owner, unsigned ready)
{
    Pair *pair = owner;
    assert_int_equal(ready, SOCKET_READ);
    pair->calls++;
    loop_forget(pair->loop, &pair->a);
    loop_forget(pair->loop, &pair->b);
}

static void a_forgotten_watch_is_not_called_though_it_was_ready(void **state)
{
    (void)state;
    int one[2], two[2];
    assert_int_equal(pipe(one), 0);
    assert_int_equal(pipe(two), 0);
    assert_int_equal(write(one[1], "x", 1) + write(two[1], "x", 1), 2);
    Loop *loop = must_loop(NULL);
    Pair pair = { .loop = loop };
    pair.a = (Watch){ .ready = pair_ready, .owner = &pair };
    pair.b = (Watch){ .ready = pair_ready, .owner = &pair };
    Err err = { 0 };
    assert_true(loop_watch(loop, &pair.a, one[0], SOCKET_READ, &err));
    assert_true(loop_watch(loop, &pair.b, two[0], SOCKET_READ, &err));
    assert_true(loop_step(loop, NANOS_PER_SECOND));
    assert_int_equal(pair.calls, 1);
    assert_false(loop_step(loop, 0));
    loop_free(loop);
    for (int i = 0; i < 2; i++) {
        close(one[i]);
        close(two[i]);
    }
}

typedef struct Waiter { /* for bytes, with a deadline */
    Watch watch;
    Timer deadline;
    Loop *loop;
    int fd, answers, given_up;
} Waiter;

static void waiter_hears(void *owner, unsigned ready)
{
    Waiter *waiter = owner;
    char byte;
    (void)ready;
    assert_int_equal(read(waiter->fd, &byte, 1), 1);
    waiter->answers++;
    timer_cancel(waiter->loop, &waiter->deadline);
}

static void waiter_gives_up(void *owner)
{
    ((Waiter *)owner)->given_up++;
}

/* The process was stopped for three hours; the answer had come in the first second of them. */
static void what_came_while_it_was_stopped_is_heard_before_deadlines(void **state)
{
    (void)state;
    static const struct {
        int64_t stopped_ns;
        bool came;
    } rows[] = { { 3 * 3600 * NANOS_PER_SECOND, true },
                 { 3 * 3600 * NANOS_PER_SECOND, false },
                 { 3 * NANOS_PER_SECOND, true } };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        TestClock clock;
        test_clock_init(&clock, 0);
        Loop *loop = must_loop(&clock.base);
        int ends[2];
        Err err;
        assert_int_equal(pipe(ends), 0);
        Waiter waiter = { .loop = loop, .fd = ends[0] };
        waiter.watch = (Watch){ .ready = waiter_hears, .owner = &waiter };
        waiter.deadline = (Timer){ .fire = waiter_gives_up, .owner = &waiter };
        assert_true(loop_watch(loop, &waiter.watch, ends[0], SOCKET_READ, &err));
        timer_set(loop, &waiter.deadline, loop_now(loop) + NANOS_PER_SECOND);
        if (rows[i].came)
            assert_int_equal(write(ends[1], "x", 1), 1);
        test_clock_advance(&clock, rows[i].stopped_ns);
        loop_step(loop, 0);
        assert_int_equal(waiter.answers, rows[i].came);
        assert_int_equal(waiter.given_up, !rows[i].came);
        loop_forget(loop, &waiter.watch);
        loop_free(loop);
        close(ends[0]);
        close(ends[1]);
    }
}

static void a_starved_loop_is_refused_and_leaks_nothing(void **state)
{
    (void)state;
    Err err = { 0 };
    for (long n = 0;; n++) {
        long before = starve_live();
        starve_after(n);
        Loop *loop = loop_new(NULL, NULL, &err);
        int happened = starve_happened();
        starve_end();
        assert_true(loop || err.kind == ERR_MEMORY);
        loop_free(loop);
        assert_int_equal(starve_live(), before);
        if (!happened)
            break;
        assert_null(loop);
    }
}

/* ---- a loop inside of another one -------------------------------------------------------------
 */

static bool is_readable(int fd)
{
    struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
    return poll(&poll_fd, 1, 0) == 1;
}

static void count_up(void *owner)
{
    ++*(int *)owner;
}

static void descriptor_and_due_time_say_when_to_step(void **state)
{
    (void)state;
    TestClock clock;
    test_clock_init(&clock, 0);
    Loop *loop = must_loop(&clock.base);
    int fd = loop_descriptor(loop), ran = 0;
    Timer timer = { .fire = count_up, .owner = &ran };
    Post post = { .run = count_up, .owner = &ran };
    assert_false(is_readable(fd));
    assert_true(loop_due(loop) == INT64_MAX);
    timer_set(loop, &timer, loop_now(loop) + 500);
    assert_true(loop_due(loop) == loop_now(loop) + 500);
    loop_post(loop, &post);
    assert_true(is_readable(fd));
    assert_true(loop_due(loop) == loop_now(loop));
    assert_true(loop_step(loop, 0));
    assert_int_equal(ran, 1);
    assert_false(is_readable(fd));
    test_clock_advance(&clock, 500);
    assert_true(loop_step(loop, 0));
    assert_int_equal(ran, 2);
    assert_true(loop_due(loop) == INT64_MAX);
    loop_free(loop);
}

static void an_abandoned_loop_has_no_descriptors(void **state)
{
    (void)state;
    int before = dup(STDIN_FILENO), after;
    close(before);
    Loop *loop = must_loop(NULL);
    pid_t child = fork();
    if (child == 0) {
        loop_abandon(loop);
        after = dup(STDIN_FILENO);
        _exit(after == before ? 7 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
    Post post = { .run = count_up, .owner = &status };
    loop_post(loop, &post); /* the parent's still works */
    assert_true(loop_step(loop, 0));
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_came_while_it_was_stopped_is_heard_before_deadlines),
        cmocka_unit_test(a_starved_loop_is_refused_and_leaks_nothing),
        cmocka_unit_test(timers_fire_in_order_whatever_was_set_moved_and_cancelled),
        cmocka_unit_test(posts_run_once_in_order_and_can_be_taken_back),
        cmocka_unit_test(threads_post_to_one_loop),
        cmocka_unit_test(descriptor_and_due_time_say_when_to_step),
        cmocka_unit_test(an_abandoned_loop_has_no_descriptors),
        cmocka_unit_test(a_stop_from_elsewhere_ends_the_run),
        cmocka_unit_test(a_forgotten_watch_is_not_called_though_it_was_ready),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
