/* process_test.c - inside somebody else's program: fork, threads that come and go, signals, exits
 * without a shutdown. Runs under tsan. */
#include "sdk/kept_spans.h"

#include "sdk/chunk.h"
#include "sdk/thread_state.h"

#include <cryostorm/context.h>

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int start_with_delay(int64_t delay_ms)
{
    memory_start(&(CryoSettings){
        .tracing = { .max_queue_size = 100000,
                     .export_config.schedule_delay_millis = delay_ms,
                     .additional_exporter_args = CRYO_ATTRS("max_spans", 100000) } });
    return 0;
}

static int start(void **state)
{
    (void)state;
    return start_with_delay(20);
}

/* gcc 12's address sanitizer does not hold its allocator's locks over fork() as libc does: a child
 * waits for ever when a thread of the parent allocates at that moment. There the worker only works
 * when it is asked to. */
static int start_for_forks(void **state)
{
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    (void)start_with_delay(60000);
    return cryo_flush(10000, NULL) ? 0 : 1; /* it has started, and waits */
#else
    return start_with_delay(20);
#endif
}

static int stop(void **state)
{
    (void)state;
    memory_stop();
    return 0;
}

/* The thread sanitizer cannot follow a thread that is started in a fork's child; the other
 * sanitizers run that test. */
#ifdef __SANITIZE_THREAD__
enum { CHILDREN_HAVE_THREADS = 0 };
#else
enum { CHILDREN_HAVE_THREADS = 1 };
#endif

/* ---- fork ------------------------------------------------------------------------------------ */

enum { CHILD_FINE = 7 };

#define CHECK(condition)                                                   \
    do {                                                                   \
        if (!(condition)) {                                                \
            fprintf(stderr, "child: line %d: %s\n", __LINE__, #condition); \
            _exit(1);                                                      \
        }                                                                  \
    } while (0)

static void look_only(void *context, const CryoSpanView *span)
{
    *(int *)context += text_is(span->name, "of the child") ? 1 : 1000;
}

/* Only what the child began itself arrives at its exporter. */
static void be_the_child(CryoSpan inherited, const CryoSpanContext *parent)
{
    int seen = 0;
    CryoSpanContext own;
    CHECK(cryo_initialized());
    cryo_span_set(inherited, CRYO_ATTRS("child", 1));
    cryo_span_end(inherited);
    {
        CRYO_SPAN(span, "of the child");
        CHECK(cryo_span_context(span, &own));
        CHECK(memcmp(own.trace_id, parent->trace_id, 16) == 0); /* the trace goes on */
        CHECK(memcmp(own.span_id, parent->span_id, 8) != 0);
    }
    CHECK(cryo_flush(10000, NULL));
    cryo_memory_spans(look_only, &seen);
    CHECK(seen == 1);
    CHECK(cryo_shutdown(5000, NULL));
    _exit(CHILD_FINE);
}

static void a_child_sends_only_its_own_spans(void **state)
{
    (void)state;
    if (!CHILDREN_HAVE_THREADS)
        skip();
    for (int i = 0; i < 5; i++) {
        for (int n = 0; n < 100; n++)
            cryo_span_end(cryo_span_start("of the parent", NULL));
        CRYO_SPAN(around, "around the fork");
        CryoSpanContext context;
        assert_true(cryo_span_context(around, &context));
        pid_t child = fork();
        if (child == 0)
            be_the_child(around, &context);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), CHILD_FINE);
    }
    assert_int_equal(span_count(), 5 * 101);
    assert_non_null(span_named("around the fork"));
}

static void children_draw_their_own_ids(void **state)
{
    (void)state;
    uint8_t ids[2][8];
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    cryo_span_end(cryo_span_start("warm up", NULL));
    for (int i = 0; i < 2; i++) {
        pid_t child = fork();
        if (child == 0) {
            CryoSpanContext context;
            CHECK(cryo_span_context(cryo_span_start("child", NULL), &context));
            CHECK(write(ends[1], context.span_id, 8) == 8);
            _exit(CHILD_FINE);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(WEXITSTATUS(status), CHILD_FINE);
        assert_int_equal(read(ends[0], ids[i], 8), 8);
    }
    assert_memory_not_equal(ids[0], ids[1], 8);
    close(ends[0]);
    close(ends[1]);
}

enum { HOLDERS = 8 }; /* more than there are states to take over */

static pthread_t forker;
static _Atomic(ThreadState *) held[HOLDERS];

static void *hold_a_state(void *place)
{
    atomic_store((_Atomic(ThreadState *) *)place, thread_state());
    for (;;)
        pause();
    return NULL;
}

static ThreadState *held_by_a_new_thread(size_t i)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, hold_a_state, &held[i]) == 0);
    while (!atomic_load(&held[i]))
        usleep(100);
    return atomic_load(&held[i]);
}

/* Goes on after the thread that forked has ended. */
static void *outlives_the_forker(void *nothing)
{
    (void)nothing;
    for (size_t i = 0; i + 1 < HOLDERS; i++)
        held_by_a_new_thread(i);
    CHECK(pthread_join(forker, NULL) == 0);
    ThreadState *last = held_by_a_new_thread(HOLDERS - 1);
    for (size_t i = 0; i + 1 < HOLDERS; i++)
        CHECK(atomic_load(&held[i]) != last);
    _exit(CHILD_FINE);
}

static void a_forking_thread_ends_only_its_own_state(void **state)
{
    (void)state;
    if (!CHILDREN_HAVE_THREADS)
        skip();
    cryo_span_end(cryo_span_start("warm up", NULL));
    pid_t child = fork();
    if (child == 0) {
        pthread_t thread;
        forker = pthread_self();
        CHECK(pthread_create(&thread, NULL, outlives_the_forker, NULL) == 0);
        while (!atomic_load(&held[HOLDERS - 2]))
            usleep(100);
        pthread_exit(NULL);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), CHILD_FINE);
}

static pid_t child_of_a_start;

/* The child finds the start that it was forked in half done, and begins anew. */
static void fork_once(void *nothing, CryoLogLevel level, CryoString message)
{
    (void)nothing;
    (void)level;
    (void)message;
    if (child_of_a_start)
        return;
    child_of_a_start = fork();
    if (child_of_a_start > 0)
        return;
    alarm(30); /* whoever waits for the parent's lock waits for ever */
    cryo_set_log_handler(NULL, NULL);
    unsetenv("OTEL_NO_SUCH_SETTING");
    CHECK(!cryo_initialized());
    CHECK(cryo_shutdown(1000, NULL));
    memory_start(NULL);
    cryo_span_end(cryo_span_start("of the child", NULL));
    CHECK(cryo_flush(10000, NULL));
    CHECK(span_named("of the child"));
    CHECK(cryo_shutdown(5000, NULL));
    _exit(CHILD_FINE);
}

static void a_fork_in_the_middle_of_a_start_leaves_no_lock(void **state)
{
    (void)state;
    if (!CHILDREN_HAVE_THREADS)
        skip();
    int status;
    assert_true(cryo_shutdown(5000, NULL));
    setenv("OTEL_NO_SUCH_SETTING", "1", 1); /* about which a word is said while it starts */
    cryo_set_log_handler(fork_once, NULL);
    memory_start(NULL);
    cryo_set_log_handler(NULL, NULL);
    unsetenv("OTEL_NO_SUCH_SETTING");
    assert_true(child_of_a_start > 0);
    assert_int_equal(waitpid(child_of_a_start, &status, 0), child_of_a_start);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), CHILD_FINE);
    cryo_span_end(cryo_span_start("of the parent", NULL));
    assert_int_equal(span_count(), 1);
}

/* ---- threads --------------------------------------------------------------------------------- */

static void *few_spans(void *argument)
{
    (void)argument;
    for (int i = 0; i < 20; i++) {
        CRYO_SPAN(span, "short-lived");
        cryo_span_set(span, CRYO_ATTRS("i", i));
    }
    return NULL;
}

static void threads_that_end_leave_nothing_behind(void **state)
{
    (void)state;
    size_t free_at_half = 0;
    for (int i = 0; i < 200; i++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, few_spans, NULL), 0);
        pthread_join(thread, NULL);
        if (i == 100 && cryo_flush(10000, NULL))
            free_at_half = chunks_free();
    }
    assert_int_equal(span_count(), 200 * 20);
    assert_true(chunks_free() >= free_at_half);
}

enum { THREADS = 4, ROUNDS = 3000 };

static void *many_spans(void *argument)
{
    CryoSpan shared = *(CryoSpan *)argument;
    for (int i = 0; i < ROUNDS; i++) {
        CRYO_SPAN(span, "busy");
        cryo_span_set(span, CRYO_ATTRS("i", i, "text", "some text"));
        if (i % 16 == 0)
            cryo_span_event(shared, "tick", CRYO_ATTRS("i", i));
    }
    cryo_span_end(shared); /* the first one ends it */
    return NULL;
}

static void many_threads_lose_nothing(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    CryoSpan shared = cryo_span_start("shared", NULL);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, many_spans, &shared), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(span_count(), THREADS * ROUNDS + 1);
    CryoCounts counts;
    cryo_counts(&counts);
    assert_int_equal(counts.started, THREADS * ROUNDS + 1);
    assert_int_equal(counts.exported, counts.started);
    assert_true(counts.late_uses >= THREADS - 1);
}

static atomic_bool running;

static void *until_told(void *argument)
{
    (void)argument;
    while (atomic_load(&running)) {
        CRYO_SPAN(span, "restless");
        cryo_span_set(span, CRYO_ATTRS("n", 1));
    }
    return NULL;
}

static void *onlooker(void *argument)
{
    (void)argument;
    CryoCounts counts;
    while (atomic_load(&running)) {
        cryo_counts(&counts);
        (void)cryo_flush(1, NULL);
    }
    return NULL;
}

static void telemetry_starts_and_stops_under_load(void **state)
{
    (void)state;
    pthread_t threads[3];
    atomic_store(&running, true);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, i < 2 ? until_told : onlooker, NULL), 0);
    for (int i = 0; i < 10; i++) {
        cryo_shutdown(5000, NULL);
        memory_start(NULL);
        usleep(5000);
    }
    atomic_store(&running, false);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
}

/* ---- signals and exits ----------------------------------------------------------------------- */

static atomic_int alarms;
static pthread_t main_thread;
static atomic_int foreign;

static void on_alarm(int number)
{
    (void)number;
    atomic_fetch_add(&alarms, 1);
    if (!pthread_equal(pthread_self(), main_thread))
        atomic_fetch_add(&foreign, 1);
}

static void signals_do_not_disturb_and_are_not_taken(void **state)
{
    (void)state;
    struct sigaction action = { .sa_handler = on_alarm }, before;
    struct itimerval storm = { { 0, 500 }, { 0, 500 } }, calm = { { 0, 0 }, { 0, 0 } };
    main_thread = pthread_self();
    cryo_span_end(cryo_span_start("starts the worker", NULL));
    assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &storm, NULL), 0);
    for (int i = 0; i < 100; i++) {
        for (int n = 0; n < 50; n++)
            cryo_span_end(cryo_span_start("in a storm", NULL));
        assert_true(cryo_flush(10000, NULL));
    }
    while (atomic_load(&alarms) < 5)
        usleep(100);
    setitimer(ITIMER_REAL, &calm, NULL);
    sigaction(SIGALRM, &before, NULL);
    assert_int_equal(atomic_load(&foreign), 0);
    assert_int_equal(span_count(), 100 * 50 + 1);
}

static void spans_at_exit(void)
{
    CRYO_SPAN(span, "in an exit handler");
    cryo_span_set(span, CRYO_ATTRS("a", 1));
}

static void a_program_may_exit_without_shutdown(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        atexit(spans_at_exit);
        for (int i = 0; i < 1000; i++)
            cryo_span_end(cryo_span_start("unsent", NULL));
        exit(CHILD_FINE);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), CHILD_FINE);
}

int main(void)
{
#define PROCESS_TEST(function) cmocka_unit_test_setup_teardown(function, start, stop)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_child_sends_only_its_own_spans, start_for_forks, stop),
        cmocka_unit_test_setup_teardown(a_fork_in_the_middle_of_a_start_leaves_no_lock,
                                        start_for_forks, stop),
        PROCESS_TEST(children_draw_their_own_ids),
        PROCESS_TEST(a_forking_thread_ends_only_its_own_state),
        PROCESS_TEST(threads_that_end_leave_nothing_behind),
        PROCESS_TEST(many_threads_lose_nothing),
        PROCESS_TEST(telemetry_starts_and_stops_under_load),
        PROCESS_TEST(signals_do_not_disturb_and_are_not_taken),
        PROCESS_TEST(a_program_may_exit_without_shutdown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
