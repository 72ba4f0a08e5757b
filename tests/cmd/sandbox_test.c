/* sandbox_test.c - what cannot be done any more, tried in children of the test that have entered
 * the sandbox; and which configurations fit one that is in force. */
#include "cmd/sandbox.h"

#include "cmd/load_config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char root[] = "/tmp/sandbox_test.XXXXXX";
static char config_path[64];

static void put(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", root, name);
    FILE *file = fopen(path, "w");
    if (!file || fputs(text, file) < 0 || fclose(file))
        _exit(102);
}

/* A store in root/data, which is not there yet; configuration in root/etc. */
static const char yaml[] = "receivers: {otlp: {protocols: {http: }}}\n"
                           "exporters: {store: , file: {path: %s/%s/lines.json}}\n"
                           "extensions: {store: {directory: %s/%s}}\n"
                           "service: {extensions: [store], pipelines: {traces: "
                           "{receivers: [otlp], exporters: [store, file]}}}\n";

/* Scrapers of processes need more than Landlock lets anybody read. */
static const char looking[] = "receivers: {hostmetrics: {scrapers: {process: %s}}}\n"
                              "exporters: {file: {path: %s/lines/x.json}}\n"
                              "service: {pipelines: {metrics: "
                              "{receivers: [hostmetrics], exporters: [file]}}}\n";
static const char *looks; /* the scraper's settings; NULL: the other configuration */

static void put_config(const char *lines, const char *data)
{
    char text[1024];
    if (looks)
        snprintf(text, sizeof text, looking, looks, root);
    else
        snprintf(text, sizeof text, yaml, root, lines, root, data);
    put("etc/c.yaml", text);
}

static int make_root(void **state)
{
    (void)state;
    char path[128];
    if (!mkdtemp(root))
        return 1;
    static const char *const directories[] = { "etc", "lines", "other" };
    for (size_t i = 0; i < COUNT_OF(directories); i++) {
        snprintf(path, sizeof path, "%s/%s", root, directories[i]);
        mkdir(path, 0700);
    }
    put("other/secret", "x");
    snprintf(config_path, sizeof config_path, "%s/etc/c.yaml", root);
    return 0;
}

static int remove_root(void **state)
{
    (void)state;
    static const char *const names[] = { "data",  "etc/c.yaml",   "etc",   "lines/x",
                                         "lines", "other/secret", "other", "other/x" };
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < COUNT_OF(names); i++) {
            char path[128];
            snprintf(path, sizeof path, "%s/%s", root, names[i]);
            remove(path);
        }
    return remove(root);
}

/* ---- in a child --------------------------------------------------------------------------------
 */

enum { FINE = 7, NOT_TO_BE_HAD = 8 };

#define CHECK(condition)                                                                     \
    do {                                                                                     \
        if (!(condition)) {                                                                  \
            fprintf(stderr, "child: line %d: %s (errno %d)\n", __LINE__, #condition, errno); \
            _exit(1);                                                                        \
        }                                                                                    \
    } while (0)

static Sandbox sandbox; /* in force in the child */

static SandboxMode mode = SANDBOX_AUTO;

static void enter(void)
{
    Err err = { 0 };
    LoadedConfig config;
    Options options = { .configs = { config_path }, .config_count = 1 };
    put_config("lines", "data");
    CHECK(loaded_config_read(&options, &config, &err));
    log_set_level(LOG_OFF);
    CHECK(sandbox_enter(&sandbox, mode, config.service, options.configs, 1, &err));
    loaded_config_free(&config);
}

static void in_child(void (*run)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        enter();
        run();
        _exit(FINE);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == NOT_TO_BE_HAD)
        skip(); /* this kernel does not offer it */
    assert_int_equal(WEXITSTATUS(status), FINE);
}

static int open_in(const char *name, int flags)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", root, name);
    return open(path, flags, 0600);
}

static void reach_files(void)
{
    if (!sandbox.landlock)
        _exit(NOT_TO_BE_HAD);
    CHECK(open_in("data/x", O_CREAT | O_RDWR) >= 0);
    CHECK(open_in("lines/x", O_CREAT | O_WRONLY) >= 0);
    CHECK(open_in("etc/c.yaml", O_RDONLY) >= 0);
    CHECK(open("/etc/passwd", O_RDONLY) >= 0);
    CHECK(open("/proc/self/status", O_RDONLY) >= 0);
    CHECK(open("/dev/null", O_RDWR) >= 0);
    CHECK(open_in("etc/new", O_CREAT | O_WRONLY) < 0 && errno == EACCES);
    CHECK(open_in("etc/c.yaml", O_WRONLY) < 0 && errno == EACCES);
    CHECK(open_in("other/secret", O_RDONLY) < 0 && errno == EACCES);
    CHECK(open_in("other/x", O_CREAT | O_WRONLY) < 0 && errno == EACCES);
    CHECK(open("/tmp/sandbox_test.out", O_CREAT | O_WRONLY, 0600) < 0 && errno == EACCES);
    char path[128];
    snprintf(path, sizeof path, "%s/data/x", root);
    CHECK(unlink(path) == 0);
}

static void files_are_those_of_the_configuration(void **state)
{
    (void)state;
    in_child(reach_files);
}

static void *in_a_thread(void *unused)
{
    (void)unused;
    CHECK(execl("/bin/true", "true", NULL) < 0);
    return NULL;
}

static void call(void)
{
    if (!sandbox.calls)
        _exit(NOT_TO_BE_HAD);
    pthread_t thread;
    CHECK(execl("/bin/true", "true", NULL) < 0);
    CHECK(pthread_create(&thread, NULL, in_a_thread, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(kill(getppid(), 0) < 0);
    CHECK(kill(getpid(), 0) == 0);
    CHECK(ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0);
}

static void no_program_is_started_and_no_other_process_reached(void **state)
{
    (void)state;
    in_child(call);
}

/* Of the test, which is outside: what hostmetrics reads of each process. */
static bool may_look(void)
{
    char path[64], target[256];
    snprintf(path, sizeof path, "/proc/%d/exe", (int)getppid());
    bool link = readlink(path, target, sizeof target) > 0;
    snprintf(path, sizeof path, "/proc/%d/io", (int)getppid());
    int fd = open(path, O_RDONLY);
    return link && fd >= 0 && read(fd, target, sizeof target) > 0;
}

static void look_into_a_process(void)
{
    CHECK(!sandbox.landlock && sandbox.calls);
    CHECK(may_look());
}

static void do_without(void)
{
    if (!sandbox.landlock)
        _exit(NOT_TO_BE_HAD);
    CHECK(!may_look());
}

static void who_looks_into_processes_can(void **state)
{
    (void)state;
    if (!may_look())
        skip(); /* not even outside */
    looks = "";
    in_child(look_into_a_process);
    mode = SANDBOX_STRICT;
    in_child(do_without);
    mode = SANDBOX_AUTO;
    looks = "{resource_attributes: {process.executable.path: {enabled: false}}, "
            "metrics: {process.disk.io: {enabled: false}}}";
    in_child(do_without); /* nothing that would need it */
    looks = NULL;
}

static void look_at_limits(void)
{
    struct rlimit core;
    CHECK(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur == 1 && core.rlim_max == 1);
}

static void no_core_is_dumped(void **state)
{
    (void)state;
    in_child(look_at_limits);
}

/* ---- another configuration ---------------------------------------------------------------------
 */

static bool fits(const char *lines, const char *data, Err *err)
{
    LoadedConfig config;
    Options options = { .configs = { config_path }, .config_count = 1 };
    put_config(lines, data);
    assert_true(loaded_config_read(&options, &config, err));
    bool ok = sandbox_fits(&sandbox, config.service, err);
    loaded_config_free(&config);
    return ok;
}

static void a_reload_stays_within(void **state)
{
    (void)state;
    Err err = { 0 };
    char data[128], lines[128];
    snprintf(data, sizeof data, "%s/data", root);
    snprintf(lines, sizeof lines, "%s/lines", root);
    mkdir(data, 0700);
    sandbox = (Sandbox){ .places = { { data, true }, { lines, false } }, .place_count = 2 };
    assert_true(fits("other", "elsewhere", &err)); /* nothing is limited */
    sandbox.landlock = 1;
    assert_false(fits("lines", "data", &err)); /* may be read only */
    assert_non_null(strstr(err.text, "restart it instead"));
    sandbox.places[1].writes = true;
    assert_true(fits("lines", "data", &err));
    assert_false(fits("other", "data", &err));
    assert_false(fits("lines", "elsewhere", &err)); /* is not there, and cannot be made */
    looks = "";
    assert_false(fits("", "", &err));
    assert_non_null(strstr(err.text, "hostmetrics looks into other processes"));
    sandbox.mode = SANDBOX_STRICT;
    assert_true(fits("", "", &err));
    looks = NULL;
    sandbox = (Sandbox){ 0 };
}

static void off_is_off(void **state)
{
    (void)state;
    Err err = { 0 };
    Sandbox none;
    assert_true(sandbox_enter(&none, SANDBOX_OFF, NULL, NULL, 0, &err));
    assert_int_equal(none.landlock, 0);
    assert_false(none.calls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_those_of_the_configuration),
        cmocka_unit_test(no_program_is_started_and_no_other_process_reached),
        cmocka_unit_test(who_looks_into_processes_can),
        cmocka_unit_test(no_core_is_dumped),
        cmocka_unit_test(a_reload_stays_within),
        cmocka_unit_test(off_is_off),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
