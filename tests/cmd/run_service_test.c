/* run_service_test.c - signals, in a process of the test's own: what comes while the first one is
 * still being heard twice ends nothing.
 *
 * The child sends itself signals where the log says that a certain point is reached, so nothing
 * here depends on who is faster.
 */
#include "cmd/run_service.h"

#include "base/arena.h"
#include "base/disk.h"
#include "base/log.h"
#include "cmd/load_config.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const char yaml[] = "receivers: {otlp: {protocols: {http: {endpoint: '127.0.0.1:0'}}}}\n"
                           "exporters: {debug: {}}\n"
                           "service: {pipelines: {traces: {receivers: [otlp], exporters: "
                           "[debug]}}}\n";

static void write_yaml(const char *path)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(yaml, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* context: the signals to send, 0 at the end; the first when it runs, the others while it drains */
static void send_signals(void *context, LogLevel level, Str component, Str message)
{
    (void)level;
    (void)component;
    const int *signals = context;
    if (str_starts(message, STR("Everything is ready")))
        kill(getpid(), signals[0]);
    if (!str_starts(message, STR("Starting shutdown")))
        return;
    for (size_t i = 1; signals[i]; i++)
        kill(getpid(), signals[i]);
}

static int child(const char *path, int *signals)
{
    Err err;
    Arena *arena = arena_new(CONFIG_MEMORY_MAX, &err);
    if (!arena)
        return 100;
    Problems problems;
    problems_init(&problems, arena);
    Options options = { .configs = { path }, .config_count = 1 };
    const ServiceConfig *config = load_config(&options, disk_system(), arena, &problems);
    if (!config)
        return 101;
    log_set_sink(&(LogSink){ send_signals, signals, LOG_INFO });
    int code = run_service(config);
    arena_free(arena);
    return code;
}

/* How a process ends that hears these. */
static int status_after(int *signals)
{
    char path[] = "/tmp/run_service_test.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    write_yaml(path);
    pid_t pid = fork();
    if (pid == 0)
        _exit(child(path, signals));
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    unlink(path);
    return status;
}

static void the_first_signal_drains(void **state)
{
    (void)state;
    assert_int_equal(status_after((int[]){ SIGTERM, 0 }), 0);
    assert_int_equal(status_after((int[]){ SIGINT, 0 }), 0);
}

static void heard_twice_it_is_one(void **state)
{
    (void)state;
    assert_int_equal(status_after((int[]){ SIGTERM, SIGTERM, 0 }), 0);
    assert_int_equal(status_after((int[]){ SIGINT, SIGTERM, SIGINT, 0 }), 0);
}

static void a_closing_terminal_does_not_cut_the_drain(void **state)
{
    (void)state;
    assert_int_equal(status_after((int[]){ SIGTERM, SIGHUP, 0 }), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_signal_drains),
        cmocka_unit_test(heard_twice_it_is_one),
        cmocka_unit_test(a_closing_terminal_does_not_cut_the_drain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
