/* run_service_test.c - signals, in a process of the test's own: what comes while the first one is
 * still being heard twice ends nothing.
 *
 * The child sends itself signals where the log says that a certain point is reached, so nothing
 * here depends on who is faster.
 */
#include "cmd/run_service.h"

#include "base/log.h"
#include "cmd/load_config.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const char yaml[] = "receivers: {otlp: {protocols: {http: {endpoint: '127.0.0.1:0'}}}}\n"
                           "exporters: {debug: {}}\n"
                           "service: {pipelines: {traces: {receivers: [otlp], exporters: "
                           "[debug]}}}\n";

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    if (!file || fputs(text, file) < 0 || fclose(file))
        _exit(102);
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
    Options options = { .configs = { path }, .config_count = 1 };
    LoadedConfig config;
    if (!loaded_config_read(&options, &config, &err))
        return 101;
    log_set_sink(&(LogSink){ send_signals, signals, LOG_INFO });
    return run_service(&options, &config);
}

/* ---- reloading: the child changes its file and sends itself SIGHUP, step by step
 * -----------------
 */

static const char reloaded[] = "receivers: {otlp: {protocols: {http: {endpoint: '127.0.0.1:0'}}}}\n"
                               "exporters: {debug/second: {}}\n"
                               "service: {pipelines: {traces: {receivers: [otlp], exporters: "
                               "[debug/second]}}}\n";

typedef struct Reloading {
    const char *path;
    bool watched; /* no signal is sent */
    int starts, refusals;
} Reloading;

static void tell_changed(const Reloading *reloading)
{
    if (!reloading->watched)
        kill(getpid(), SIGHUP);
}

/* good -> bad file: refused, goes on -> good file: taken over -> end */
static void reload_steps(void *context, LogLevel level, Str component, Str message)
{
    (void)level;
    (void)component;
    Reloading *reloading = context;
    if (str_starts(message, STR("Everything is ready"))) {
        reloading->starts++;
        write_text(reloading->path, "receivers: {otlp: {nonsense: 1}}\n");
        tell_changed(reloading);
    } else if (str_starts(message, STR("not reloaded"))) {
        reloading->refusals++;
        write_text(reloading->path, reloaded);
        tell_changed(reloading);
    } else if (str_starts(message, STR("Reloaded"))) {
        reloading->starts++;
        kill(getpid(), SIGTERM);
    }
}

/* watched: not NULL */
static int reloading_child(const char *path, int *watched)
{
    Err err;
    /* the child writes its own configuration, which nobody does inside a sandbox */
    Options options = { .configs = { path },
                        .config_count = 1,
                        .sandbox = SANDBOX_OFF,
                        .watch_config = watched != NULL };
    LoadedConfig config;
    Reloading reloading = { .path = path, .watched = watched != NULL };
    if (!loaded_config_read(&options, &config, &err))
        return 101;
    log_set_sink(&(LogSink){ reload_steps, &reloading, LOG_INFO });
    int code = run_service(&options, &config);
    return code ? code : 10 * reloading.starts + reloading.refusals;
}

/* How a process ends that does this. */
static int status_of(int (*run)(const char *path, int *signals), int *signals)
{
    char path[] = "/tmp/run_service_test.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    write_text(path, yaml);
    pid_t pid = fork();
    if (pid == 0)
        _exit(run(path, signals));
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    unlink(path);
    return status;
}

static int status_after(int *signals)
{
    return status_of(child, signals);
}

static void a_bad_file_is_refused_and_a_good_one_taken_over(void **state)
{
    (void)state;
    int status = status_of(reloading_child, NULL);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 21); /* two starts, one refusal */
}

static void a_file_that_changes_is_read_again_when_asked(void **state)
{
    (void)state;
    int status = status_of(reloading_child, (int[]){ 0 });
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 21); /* the same without a signal */
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

/* ---- limits
 * ------------------------------------------------------------------------------------------------
 */

static void count_files(void *context, LogLevel level, Str component, Str message)
{
    (void)level, (void)component;
    struct rlimit files;
    if (!str_starts(message, STR("Everything is ready")))
        return;
    *(bool *)context = getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur == files.rlim_max;
    kill(getpid(), SIGTERM);
}

static int modest_child(const char *path, int *signals)
{
    (void)signals;
    Err err;
    Options options = { .configs = { path }, .config_count = 1 };
    LoadedConfig config;
    struct rlimit files;
    bool raised = false;
    if (getrlimit(RLIMIT_NOFILE, &files) || !loaded_config_read(&options, &config, &err))
        return 101;
    files.rlim_cur = 64;
    setrlimit(RLIMIT_NOFILE, &files);
    log_set_sink(&(LogSink){ count_files, &raised, LOG_INFO });
    return run_service(&options, &config) || !raised;
}

static void as_many_descriptors_as_the_administrator_allows(void **state)
{
    (void)state;
    assert_int_equal(status_of(modest_child, NULL), 0);
}

/* ---- the service manager
 * ----------------------------------------------------------------------------------------- */

static int notified_child(const char *path)
{
    Err err;
    Options options = { .configs = { path }, .config_count = 1 };
    LoadedConfig config;
    if (!loaded_config_read(&options, &config, &err))
        return 101;
    log_set_level(LOG_OFF);
    return run_service(&options, &config);
}

static void expect_told(int fd, const char *begins)
{
    char message[300];
    ssize_t n = recv(fd, message, sizeof message - 1, 0);
    assert_true(n > 0);
    message[n] = 0;
    if (strncmp(message, begins, strlen(begins)))
        fail_msg("told \"%s\", not \"%s\"", message, begins);
}

/* Ready, alive twice, reloading, ready again, stopping: in this order, whatever the time. */
static void the_service_manager_hears(void **state)
{
    (void)state;
    char path[] = "/tmp/run_service_test.XXXXXX";
    int file = mkstemp(path), ears = socket(AF_UNIX, SOCK_DGRAM, 0);
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    socklen_t len = sizeof address;
    assert_true(file >= 0 && ears >= 0);
    close(file);
    write_text(path, yaml);
    /* the kernel gives it an abstract name */
    assert_int_equal(bind(ears, (struct sockaddr *)&address, sizeof(sa_family_t)), 0);
    assert_int_equal(getsockname(ears, (struct sockaddr *)&address, &len), 0);
    char name[sizeof address.sun_path + 2] = "@";
    memcpy(name + 1, address.sun_path + 1, len - offsetof(struct sockaddr_un, sun_path) - 1);
    pid_t pid = fork();
    if (pid == 0) {
        setenv("NOTIFY_SOCKET", name, 1);
        setenv("WATCHDOG_USEC", "200000", 1);
        _exit(notified_child(path));
    }
    expect_told(ears, "READY=1\nSTATUS=");
    expect_told(ears, "WATCHDOG=1");
    expect_told(ears, "WATCHDOG=1");
    kill(pid, SIGHUP);
    char message[300];
    ssize_t n;
    while ((n = recv(ears, message, sizeof message, 0)) == 10) /* WATCHDOG=1 */
        continue;
    assert_true(n > 12 && memcmp(message, "RELOADING=1\n", 12) == 0);
    expect_told(ears, "READY=1\n");
    kill(pid, SIGTERM);
    while ((n = recv(ears, message, sizeof message, 0)) == 10)
        continue;
    assert_true(n > 10 && memcmp(message, "STOPPING=1", 10) == 0);
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    close(ears);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_service_manager_hears),
        cmocka_unit_test(as_many_descriptors_as_the_administrator_allows),
        cmocka_unit_test(the_first_signal_drains),
        cmocka_unit_test(heard_twice_it_is_one),
        cmocka_unit_test(a_bad_file_is_refused_and_a_good_one_taken_over),
        cmocka_unit_test(a_file_that_changes_is_read_again_when_asked),
        cmocka_unit_test(a_closing_terminal_does_not_cut_the_drain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
