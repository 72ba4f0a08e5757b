/* metrics_example_test.c - examples/metrics.c runs and says what its comments promise. */
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* What it prints, once it has ended well. */
static void run(char *program, char *text, size_t capacity)
{
    char console[] = "OTEL_METRICS_EXPORTER=console";
    char *arguments[] = { program, NULL }, *environment[] = { console, NULL };
    posix_spawn_file_actions_t actions;
    int ends[2], status;
    pid_t child;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO), 0);
    assert_int_equal(posix_spawn_file_actions_addclose(&actions, ends[0]), 0);
    assert_int_equal(posix_spawn(&child, program, &actions, NULL, arguments, environment), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    size_t len = 0;
    for (ssize_t got; (got = read(ends[0], text + len, capacity - 1 - len)) > 0;)
        len += (size_t)got;
    text[len] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void the_example_prints_every_kind(void **state)
{
    (void)state;
    static const char *const parts[] = {
        "app_requests_total  SUM  {request}  since the start\n",
        "  9  http.route = \"/reviews/{id}\"  http.status = 200\n",
        "app_request_latency_seconds  HISTOGRAM  s",
        "count 10  sum 0.22",
        "    <= 0.05  4\n",
        "app_active_connections  SUM",
        "\n  3\n",
        "reviews.created  SUM  {review}",
        "  5  review.kind = \"book\"",
        "reviews.rating  GAUGE  {star}",
        "  4.5  review.kind = \"book\"",
        "app_memory_bytes  GAUGE  By",
        "memory.type = \"rss\"",
    };
    char program[1024], text[16384];
    snprintf(program, sizeof program, "%s/bin/examples/metrics", getenv("CRYO_BUILD"));
    run(program, text, sizeof text);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!strstr(text, parts[i]))
            fail_msg("\"%s\" is not in:\n%s", parts[i], text);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(the_example_prints_every_kind) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
