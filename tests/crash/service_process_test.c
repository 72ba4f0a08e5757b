/* service_process_test.c - the program as a process: killed at any moment, stopped and continued,
 * ended under load, started twice on one directory, its directory taken away, reloaded.
 *
 * What must hold is what was told to the clients, and what the program says; never how long it
 * took. The moments of the kills are the seed's and the machine's: tests/sim has the same faults
 * without the machine's share in them.
 */
#include "crash/real_service.h"

#include "base/random.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    KILLS = 50,
    KILL_MS = 40,
    RELOADS = 30,
    LOAD = 200,
    LONG_STOP_MS = 5000,
    PATIENCE_MS = 60000
};

static RealService service;

static void begin(void)
{
    if (!real_service_begin(&service)) {
        real_service_end(&service);
        skip();
    }
    real_service_standard(&service);
}

static void must_start(void)
{
    if (!real_service_start(&service))
        fail_msg("it does not start: %.*s", STR_ARG(buf_str(&service.said)));
}

static void must_be_right(void)
{
    Err err = { 0 };
    if (!real_service_judge(&service, &err))
        fail_msg("%s", err.text);
}

static int how_many(void)
{
    const char *text = getenv("CRYO_KILLS");
    uint64_t count;
    return text && str_to_u64(str_from(text), &count) ? (int)count : KILLS;
}

static void killed_at_any_moment_nothing_told_ok_is_missing(void **state)
{
    (void)state;
    begin();
    Random random;
    random_seed(&random, 1);
    int kills = how_many();
    for (int i = 0; i < kills; i++) {
        must_start();
        real_service_load(&service, 1 + (int)random_below(&random, KILL_MS), REAL_SPANS_MAX);
        real_service_kill(&service);
        if (i % 10 == 9)
            must_be_right();
    }
    must_be_right();
    assert_true(service.ok > 0);
    print_message("counts: processes: %d killed under load, %ld spans sent, %ld told OK, none "
                  "missing; CRYO_KILLS=n for more\n",
                  kills, service.sent, service.ok);
    real_service_end(&service);
}

/* A pause of the machine or of a debugger: nobody is given up, nothing is lost or sent twice. */
static void stopped_and_continued_it_goes_on(void **state)
{
    (void)state;
    begin();
    must_start();
    for (int i = 0; i < 5; i++) {
        real_service_load(&service, PATIENCE_MS, LOAD / 5);
        kill(service.pid, SIGSTOP);
        real_service_load(&service, i == 4 ? LONG_STOP_MS : 100, REAL_SPANS_MAX);
        kill(service.pid, SIGCONT);
    }
    assert_true(real_service_takes_one(&service));
    assert_int_equal(service.refused, 0);
    kill(service.pid, SIGTERM);
    assert_int_equal(real_service_wait(&service), 0);
    must_be_right();
    real_service_end(&service);
}

static void ended_under_load_it_drains(void **state)
{
    (void)state;
    begin();
    must_start();
    real_service_load(&service, PATIENCE_MS, LOAD);
    kill(service.pid, SIGTERM);
    kill(service.pid, SIGTERM);
    real_service_load(&service, 50, REAL_SPANS_MAX);
    assert_int_equal(real_service_wait(&service), 0);
    assert_true(str_contains(buf_str(&service.said), STR("Drained")));
    must_be_right();
    real_service_end(&service);
}

static int how_many_reloads(void)
{
    const char *text = getenv("CRYO_RELOADS");
    uint64_t count;
    return text && str_to_u64(str_from(text), &count) ? (int)count : RELOADS;
}

/* SIGHUP with a wrong file changes nothing; with another good one, in the middle of the load,
 * nothing that was told OK is lost, and whoever talks to the receiver, which is the same in all of
 * them, keeps its connection. */
static void reloaded_under_load_it_keeps_its_word(void **state)
{
    (void)state;
    begin();
    must_start();
    real_service_load(&service, PATIENCE_MS, LOAD);
    real_service_configure(&service, "receivers: { otlp: { protocols: { carrier_pigeon: } } }\n");
    kill(service.pid, SIGHUP);
    assert_true(real_service_says(&service, "the old configuration stays"));
    long before = service.ok;
    real_service_load(&service, PATIENCE_MS, LOAD);
    assert_true(service.ok >= before + LOAD);
    int reloads = how_many_reloads();
    for (int i = 1; i <= reloads; i++) {
        buf_clear(&service.said);
        real_service_vary(&service, i);
        kill(service.pid, SIGHUP);
        real_service_load(&service, 20, REAL_SPANS_MAX);
        assert_true(real_service_says(&service, "Reloaded the configuration."));
        assert_false(str_contains(buf_str(&service.said), STR("Listening")));
        real_service_load(&service, PATIENCE_MS, 10);
    }
    assert_true(real_service_takes_one(&service));
    assert_int_equal(service.dialled, REAL_CLIENTS);
    kill(service.pid, SIGTERM);
    assert_int_equal(real_service_wait(&service), 0);
    must_be_right();
    print_message("counts: %d reloads under load, %ld spans told OK, %ld refused, none missing; "
                  "CRYO_RELOADS=n for more\n",
                  reloads, service.ok, service.refused);
    real_service_end(&service);
}

/* The second one says who has the directory, and ends; a lock that nobody holds any more is none.
 */
static void one_directory_one_process(void **state)
{
    (void)state;
    begin();
    RealService second = { .log = -1 };
    must_start();
    second = service;
    second.pid = 0;
    Buf said = BUF(1 << 20);
    second.said = said;
    assert_false(real_service_start(&second));
    int status = real_service_wait(&second);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    char who[64];
    snprintf(who, sizeof who, "%d", (int)service.pid);
    assert_true(str_contains(buf_str(&second.said), str_from(who)));
    buf_free(&second.said);
    assert_true(real_service_takes_one(&service)); /* the first has not noticed */
    real_service_kill(&service);
    must_start(); /* the killed one's lock file is still there */
    assert_true(real_service_takes_one(&service));
    real_service_kill(&service);
    must_be_right();
    real_service_end(&service);
}

/* Somebody moves the data away while it runs. It neither ends nor lies: what comes is refused, and
 * said why; brought back it goes on by itself, and all that was told OK is there. */
static void its_directory_may_be_moved_away_and_come_back(void **state)
{
    (void)state;
    begin();
    char away[REAL_PATH_MAX + 8];
    snprintf(away, sizeof away, "%s.away", service.data);
    must_start();
    real_service_load(&service, PATIENCE_MS, LOAD);
    assert_int_equal(rename(service.data, away), 0);
    real_service_load(&service, PATIENCE_MS, REAL_CLIENTS); /* who has it already may be told OK */
    long ok = service.ok, refused = service.refused;
    real_service_load(&service, PATIENCE_MS, LOAD);
    assert_int_equal(service.ok, ok);
    assert_true(service.refused >= refused + LOAD);
    assert_true(real_service_says(&service, "traces is gone: bring it back, or restart"));
    assert_int_equal(kill(service.pid, 0), 0);
    assert_int_equal(rename(away, service.data), 0);
    assert_true(real_service_takes_one(&service));
    assert_true(real_service_says(&service, "takes data again"));
    kill(service.pid, SIGTERM);
    assert_int_equal(real_service_wait(&service), 0);
    must_be_right();
    real_service_end(&service);
}

static void remove_below(const char *folder, const char *name)
{
    char path[2 * REAL_PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    pid_t child = fork();
    if (child == 0) {
        execlp("find", "find", path, "-type", "f", "-delete", (char *)NULL);
        _exit(1);
    }
    int status = 1;
    assert_true(child > 0 && waitpid(child, &status, 0) == child && status == 0);
}

/* Somebody deletes all files, the lock among them, and leaves the directories: what was in them is
 * gone, but it goes on with empty ones, and keeps them to itself. */
static void its_files_may_be_deleted(void **state)
{
    (void)state;
    begin();
    must_start();
    real_service_load(&service, PATIENCE_MS, LOAD);
    remove_below(service.data, "");
    real_service_load(&service, PATIENCE_MS, REAL_CLIENTS); /* who has it already may be told OK */
    assert_true(real_service_says(&service, "was emptied or replaced while it was in use"));
    memset(service.told_ok, 0, REAL_SPANS_MAX * sizeof *service.told_ok);
    real_service_load(&service, PATIENCE_MS, LOAD);
    assert_true(real_service_takes_one(&service));
    kill(service.pid, SIGTERM);
    assert_int_equal(real_service_wait(&service), 0);
    must_be_right();
    real_service_end(&service);
}

/* rm -rf: nothing is taken any more, it says what to do, and that helps. */
static void its_directory_may_be_removed(void **state)
{
    (void)state;
    begin();
    char away[REAL_PATH_MAX + 8];
    snprintf(away, sizeof away, "%s.away", service.data);
    must_start();
    real_service_load(&service, PATIENCE_MS, LOAD);
    assert_int_equal(rename(service.data, away), 0);
    remove_below(away, "");
    real_service_load(&service, PATIENCE_MS, REAL_CLIENTS);
    long ok = service.ok;
    real_service_load(&service, PATIENCE_MS, LOAD);
    assert_int_equal(service.ok, ok);
    assert_true(real_service_says(&service, "or restart to begin with an empty one"));
    kill(service.pid, SIGTERM);
    assert_int_equal(real_service_wait(&service), 0);
    memset(service.told_ok, 0, REAL_SPANS_MAX * sizeof *service.told_ok);
    must_start();
    assert_true(real_service_takes_one(&service));
    kill(service.pid, SIGTERM);
    assert_int_equal(real_service_wait(&service), 0);
    must_be_right();
    real_service_end(&service);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_at_any_moment_nothing_told_ok_is_missing),
        cmocka_unit_test(stopped_and_continued_it_goes_on),
        cmocka_unit_test(ended_under_load_it_drains),
        cmocka_unit_test(reloaded_under_load_it_keeps_its_word),
        cmocka_unit_test(one_directory_one_process),
        cmocka_unit_test(its_directory_may_be_moved_away_and_come_back),
        cmocka_unit_test(its_files_may_be_deleted),
        cmocka_unit_test(its_directory_may_be_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
