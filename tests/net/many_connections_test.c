/* 10,000 connections over the kernel's own network, client and server in separate processes; and a
 * server whose descriptors run out under a storm. Prints what an idle connection costs. */
#include "net/server.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define GET "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

enum { MANY = 10000, OTHERS = 100, BUSY_MS = 60000 };

typedef struct Fixture {
    Loop *loop;
    Server *server;
    Address address;
    pid_t client;
} Fixture;

static void hello(void *owner, Request *request)
{
    (void)owner;
    request_answer_text(request, 200, STR("hello"));
}

static void start(Fixture *f)
{
    Err err = { 0 };
    f->loop = loop_new(NULL, NULL, &err);
    ServerSettings settings = { .loop = f->loop, .endpoint = STR("127.0.0.1:0") };
    const Route route = { STR("/"), STR("GET"), hello, f, 0 };
    f->server = server_new(&settings, &err);
    assert_true(f->server && server_route(f->server, &route, &err));
    if (!server_listen(f->server, &err))
        fail_msg("%s", err.text);
    f->address = server_address(f->server);
}

static void stop(Fixture *f)
{
    server_free(f->server);
    loop_free(f->loop);
}

/* ---- the client's process: plain blocking sockets; exit status 0 when all was right ---- */

static int dial(const Address *address)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address->os, address->len) == 0)
        return fd;
    perror("connect");
    _exit(2);
}

static void ask(int fd)
{
    (void)!send(fd, GET, sizeof GET - 1, MSG_NOSIGNAL);
}

/* The status of what comes; 0: closed without one; -1: nothing at all within `ms`. */
static int status_of(int fd, int ms)
{
    char text[512];
    struct pollfd wait = { .fd = fd, .events = POLLIN };
    if (poll(&wait, 1, ms) <= 0)
        return -1;
    ssize_t n = recv(fd, text, sizeof text - 1, 0);
    return n > 12 ? (text[9] - '0') * 100 + (text[10] - '0') * 10 + text[11] - '0' : 0;
}

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "client: not so: %s\n", what);
    _exit(1);
}

/* All are served and stay; one more makes the idlest give way. */
static void be_many(const Address *address)
{
    static int fds[MANY];
    for (size_t i = 0; i < MANY; i++) {
        fds[i] = dial(address);
        ask(fds[i]);
    }
    for (size_t i = 0; i < MANY; i++)
        must(status_of(fds[i], BUSY_MS) == 200, "each of 10,000 is answered");
    for (size_t i = 1; i < MANY; i++) /* all but the first are used again */
        ask(fds[i]);
    for (size_t i = 1; i < MANY; i++)
        must(status_of(fds[i], BUSY_MS) == 200, "and again");
    int late = dial(address);
    ask(late);
    must(status_of(late, BUSY_MS) == 200, "one more is answered");
    must(status_of(fds[0], BUSY_MS) == 0, "the idlest has given way");
    must(status_of(fds[1], 0) == -1, "the others stay");
    _exit(0);
}

/* More silent connections than the server has descriptors for. */
static void be_a_storm(const Address *address)
{
    enum { STORM = 600 };
    static int fds[STORM];
    size_t shed = 0;
    for (size_t i = 0; i < STORM; i++)
        fds[i] = dial(address);
    for (size_t i = 0; i < STORM; i++)
        shed += status_of(fds[i], i == 0 ? 1000 : 0) == 503;
    must(shed > STORM / 2, "most are told 503");
    int more = dial(address);
    must(status_of(more, BUSY_MS) == 503, "nobody waits in the queue");
    for (size_t i = 0; i < STORM; i++)
        close(fds[i]);
    for (int i = 0; i < 1000; i++) {
        int late = dial(address);
        ask(late);
        if (status_of(late, BUSY_MS) == 200)
            _exit(0);
        close(late);
    }
    must(false, "once they have gone others are served");
}

/* ---- the server's process ---- */

static size_t resident_bytes(void)
{
    size_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    bool ok = file && fscanf(file, "%*s %zu", &pages) == 1;
    if (file)
        fclose(file);
    return ok ? pages * (size_t)sysconf(_SC_PAGESIZE) : 0;
}

static void begin(Fixture *f, void (*client)(const Address *))
{
    f->client = fork();
    assert_true(f->client >= 0);
    if (f->client == 0)
        client(&f->address);
}

/* Serves until the client's process has ended, or `open` connections are there (0: never). */
static void serve(Fixture *f, uint64_t open)
{
    int status = -1;
    while (waitpid(f->client, &status, WNOHANG) == 0) {
        if (open > 0 && server_counts(f->server).connections_open >= open)
            return;
        loop_step(f->loop, 10 * NANOS_PER_MILLI);
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void may_open(rlim_t count)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_max < count) {
        print_message("at most %llu descriptors here: not tried\n",
                      (unsigned long long)limit.rlim_max);
        skip();
    }
    limit.rlim_cur = count;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void ten_thousand_connections_are_served_and_one_more(void **state)
{
    (void)state;
    Fixture f;
    may_open(MANY + OTHERS);
    start(&f);
    size_t before = resident_bytes();
    begin(&f, be_many);
    serve(&f, MANY);
    for (int i = 0; i < 100 && server_counts(f.server).requests < MANY; i++)
        loop_step(f.loop, 10 * NANOS_PER_MILLI);
    size_t each = (resident_bytes() - before) / MANY;
    print_message("an idle HTTP/1.1 connection takes %zu bytes of resident memory\n", each);
    serve(&f, 0);
    ServerCounts counts = server_counts(f.server);
    assert_int_equal(counts.connections_refused, 0);
    assert_int_equal(counts.connections_evicted, 1);
    assert_true(counts.requests >= 2 * MANY);
    stop(&f);
}

static void a_storm_beyond_the_descriptors_is_shed(void **state)
{
    (void)state;
    Fixture f;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    start(&f);
    begin(&f, be_a_storm);
    may_open(200);
    serve(&f, 0);
    assert_in_range(server_counts(f.server).connections_accepted, 100, 250); /* some are kept */
    stop(&f);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_thousand_connections_are_served_and_one_more),
        cmocka_unit_test(a_storm_beyond_the_descriptors_is_shed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
