/* syslog_bridge_test.c - syslog(3) of a program that includes the bridge: recorded, passed on, and
 * as ever once it is removed. */
#define CRYO_SYSLOG_BRIDGE_HERE
#include <cryostorm/syslog.h>

#include "sdk/kept_spans.h"

#include <cryostorm/log.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <syslog.h>
#include <unistd.h>

#include <cmocka.h>

static struct {
    int severity;
    char text[200], name[20], facility[20], scope[20];
} seen;

static void copy(char *to, size_t size, CryoString from)
{
    snprintf(to, size, "%.*s", (int)from.len, from.ptr);
}

static void look(void *context, const CryoLogView *log)
{
    (void)context;
    const CryoValue *facility = attribute_of(log->attributes, "syslog.facility");
    seen.severity = log->severity;
    copy(seen.text, sizeof seen.text, log->body.as.string);
    copy(seen.name, sizeof seen.name, log->severity_text);
    copy(seen.scope, sizeof seen.scope, log->scope_name);
    copy(seen.facility, sizeof seen.facility, facility ? facility->as.string : cryo_str(""));
}

static size_t records(void)
{
    assert_true(cryo_flush(10000, NULL));
    return cryo_memory_logs(look, NULL);
}

/* What libc was handed: it prints it on standard error, too. */
static char passed_on[1000];
static int stderr_before;
static FILE *stderr_file;

static void watch_stderr(void)
{
    fflush(stderr);
    stderr_before = dup(STDERR_FILENO);
    stderr_file = tmpfile();
    assert_true(stderr_file && dup2(fileno(stderr_file), STDERR_FILENO) >= 0);
}

static void end_watching(void)
{
    dup2(stderr_before, STDERR_FILENO);
    close(stderr_before);
    rewind(stderr_file);
    passed_on[fread(passed_on, 1, sizeof passed_on - 1, stderr_file)] = '\0';
    fclose(stderr_file);
}

static int start(void **state)
{
    (void)state;
    openlog("bridge_test", LOG_PERROR, LOG_DAEMON);
    memory_start(&(CryoSettings){ .service.environment = "production",
                                  .logging = { .exporter_type = "in_memory", .level = "DEBUG" } });
    return 0;
}
static int stop(void **state)
{
    (void)state;
    memory_stop();
    closelog();
    return 0;
}

/* %m is not ISO C's, and the compiler says so where it knows what it looks at. */
static void (*const plain_syslog)(int, const char *, ...) = syslog;

static void a_message_becomes_a_record(void **state)
{
    (void)state;
    cryo_syslog_bridge_install(CRYO_SYSLOG_TAKE);
    watch_stderr();
    errno = ENOENT;
    plain_syslog(LOG_LOCAL3 | LOG_ERR, "cannot open %s: %m\n", "file");
    int kept = errno;
    end_watching();
    assert_int_equal(kept, ENOENT);
    assert_int_equal(records(), 1);
    assert_string_equal(seen.text, "cannot open file: No such file or directory");
    assert_int_equal(seen.severity, CRYO_ERROR);
    assert_string_equal(seen.name, "err");
    assert_string_equal(seen.facility, "local3");
    assert_string_equal(seen.scope, "syslog");
    assert_string_equal(passed_on, "");
}

static void each_priority_has_its_severity(void **state)
{
    (void)state;
    static const int severities[] = { 21, 19, 18, 17, 13, 10, 9, 5 };
    cryo_syslog_bridge_install(CRYO_SYSLOG_TAKE);
    for (int i = LOG_EMERG; i <= LOG_DEBUG; i++) {
        syslog(i, "x");
        assert_int_equal(records(), i + 1);
        assert_int_equal(seen.severity, severities[i]);
    }
}

static void it_is_passed_on_where_that_is_wanted(void **state)
{
    (void)state;
    cryo_syslog_bridge_install(CRYO_SYSLOG_PASS_ON);
    watch_stderr();
    syslog(LOG_WARNING, "both %d", 1);
    end_watching();
    assert_int_equal(records(), 1);
    assert_string_equal(seen.text, "both 1");
    assert_non_null(strstr(passed_on, "bridge_test: both 1"));
}

static void without_the_bridge_all_is_as_ever(void **state)
{
    (void)state;
    cryo_syslog_bridge_install(CRYO_SYSLOG_TAKE);
    cryo_syslog_bridge_remove();
    watch_stderr();
    syslog(LOG_ERR, "after removal");
    end_watching();
    assert_int_equal(records(), 0);
    assert_non_null(strstr(passed_on, "after removal"));
    cryo_syslog_bridge_install(CRYO_SYSLOG_TAKE);
    assert_true(cryo_shutdown(5000, NULL)); /* takes it out */
    watch_stderr();
    syslog(LOG_ERR, "after shutdown");
    end_watching();
    assert_non_null(strstr(passed_on, "after shutdown"));
}

static void the_level_counts_here_too(void **state)
{
    (void)state;
    memory_stop();
    memory_start(&(CryoSettings){ .service.environment = "production",
                                  .logging.exporter_type = "in_memory" });
    cryo_syslog_bridge_install(CRYO_SYSLOG_TAKE);
    syslog(LOG_DEBUG, "too low");
    assert_int_equal(records(), 0);
    syslog(LOG_INFO, "high enough");
    assert_int_equal(records(), 1);
}

int main(void)
{
#define BRIDGE_TEST(function) cmocka_unit_test_setup_teardown(function, start, stop)
    const struct CMUnitTest tests[] = {
        BRIDGE_TEST(a_message_becomes_a_record),
        BRIDGE_TEST(each_priority_has_its_severity),
        BRIDGE_TEST(it_is_passed_on_where_that_is_wanted),
        BRIDGE_TEST(without_the_bridge_all_is_as_ever),
        BRIDGE_TEST(the_level_counts_here_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
