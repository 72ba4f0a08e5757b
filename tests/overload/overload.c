/* overload.c - starts the program under a small limit, overloads it in every way at once, and
 * judges: resident memory as the kernel counts it stays within the limit and 32 MiB, health and
 * pages answer within a second all the time, whoever behaves is told to wait and loses nothing.
 *
 *     overload PROGRAM SECONDS
 */
#include "overload/crowd.h"

#include "base/clock.h"
#include "base/thread.h"
#include "host/memory.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MIB = 1 << 20, LIMIT_MIB = 256, SPARE_MIB = 32, ASK_MS = 250, SETTLE_SECONDS = 120 };

static const char config[] =
    "receivers: {otlp: {protocols: {grpc: {endpoint: '127.0.0.1:%u'},"
    " http: {endpoint: '127.0.0.1:%u'}}}}\n"
    "processors: {batch: }\n"
    "exporters: {otlp: {endpoint: '127.0.0.1:%u', tls: {insecure: true}, timeout: 60s,\n"
    "  compression: none, retry_on_failure: {initial_interval: 200ms, max_elapsed_time: 0s},\n"
    "  sending_queue: {num_consumers: 4, queue_size: 1000000}}}\n"
    "extensions: {health_check: {endpoint: '127.0.0.1:%u'}, zpages: {endpoint: '127.0.0.1:%u'}}\n"
    "service: {memory_limit: %uMiB, telemetry: {metrics: {level: none}},\n"
    "  extensions: [health_check, zpages],\n"
    "  pipelines: {traces: {receivers: [otlp], processors: [batch], exporters: [otlp]}}}\n";

static struct Looking {
    pid_t pid;
    uint16_t health, page;
    atomic_bool over;
    atomic_ullong asked, unanswered, slowest_ms;
    atomic_ullong late_ms; /* by how much a thread that does nothing woke too late */
} watch;

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

static int64_t now_ms(void)
{
    return clock_mono_ns(clock_system()) / NANOS_PER_MILLI;
}

/* ---- the program ---- */

static uint16_t free_port(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, (struct sockaddr *)&at, len) || getsockname(fd, (struct sockaddr *)&at, &len))
        exit(2);
    close(fd);
    return ntohs(at.sin_port);
}

static pid_t start_program(const char *program, const LoadPorts *ports)
{
    char path[] = "/tmp/cryostorm-overload-XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0 || dprintf(fd, config, ports->grpc, ports->http, ports->far, watch.health,
                          ports->page, LIMIT_MIB) < 0)
        exit(2);
    close(fd);
    pid_t pid = fork();
    if (pid == 0) {
        execl(program, program, "--config", path, (char *)NULL);
        _exit(127);
    }
    return pid;
}

/* ---- looking at it ---- */

/* How long a GET took in ms; -1: it was not answered with 200. */
static int64_t get(uint16_t port, const char *path)
{
    char text[256];
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons(port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct timeval patience = { .tv_sec = 5 };
    int64_t began = now_ms();
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    int len = snprintf(text, sizeof text,
                       "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
    bool ok = connect(fd, (struct sockaddr *)&to, sizeof to) == 0 &&
              send(fd, text, (size_t)len, MSG_NOSIGNAL) == len &&
              recv(fd, text, sizeof text - 1, 0) > 12 && strncmp(text + 9, "200", 3) == 0;
    close(fd);
    return ok ? now_ms() - began : -1;
}

static void ask(uint16_t port, const char *path)
{
    int64_t took = get(port, path);
    if ((took < 0 || took > 500) && getenv("OVERLOAD_TALK"))
        printf("slow: %s %lld ms\n", path, (long long)took);
    atomic_fetch_add(&watch.asked, 1);
    if (took < 0)
        atomic_fetch_add(&watch.unanswered, 1);
    else if ((unsigned long long)took > atomic_load(&watch.slowest_ms))
        atomic_store(&watch.slowest_ms, (unsigned long long)took);
}

static void run_asker(void *unused)
{
    (void)unused;
    while (!atomic_load(&watch.over)) {
        ask(watch.health, "/");
        ask(watch.page, "/debug/pipelinez");
        sleep_ms(ASK_MS);
    }
}

/* How busy the machine itself is: with more load than processors everybody waits. */
static void run_ruler(void *unused)
{
    (void)unused;
    while (!atomic_load(&watch.over)) {
        int64_t began = now_ms();
        sleep_ms(10);
        unsigned long long late = (unsigned long long)(now_ms() - began - 10);
        if (late > atomic_load(&watch.late_ms))
            atomic_store(&watch.late_ms, late);
    }
}

static uint64_t status_kib(const char *name)
{
    char path[64], line[256];
    unsigned long long kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)watch.pid);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0)
            kib = strtoull(line + strlen(name) + 1, NULL, 10);
    if (file)
        fclose(file);
    return kib;
}

static void say(const char *phase, int64_t began)
{
    if (getenv("OVERLOAD_TALK"))
        printf("%6.1f s %-8s resident %llu MiB, highest %llu MiB\n",
               (double)(now_ms() - began) / 1000, phase,
               (unsigned long long)status_kib("VmRSS:") / 1024,
               (unsigned long long)status_kib("VmHWM:") / 1024);
    fflush(stdout);
}

/* ---- the verdict ---- */

static int failures;

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    failures++;
    printf("FAILED: %s\n", what);
}

static void judge(const LoadReport *load, uint64_t peak_mib)
{
    printf(
        "resident at most %llu MiB of %d + %d\n"
        "requests: %llu said OK to, %llu told to wait, %llu refused without a time, %llu failed\n"
        "large requests: %llu of %d said OK to; missing at the far side: %llu\n"
        "bombs: %llu, idle connections: %llu\n"
        "health and page: asked %llu times, unanswered %llu, slowest %llu ms (the machine: %llu)\n",
        (unsigned long long)peak_mib, LIMIT_MIB, SPARE_MIB, (unsigned long long)load->acknowledged,
        (unsigned long long)load->told_to_wait, (unsigned long long)load->told_nothing,
        (unsigned long long)load->failed, (unsigned long long)load->big_acknowledged, BIG_SENDERS,
        (unsigned long long)load->missing, (unsigned long long)load->bombs,
        (unsigned long long)load->idle_open, watch.asked, watch.unanswered, watch.slowest_ms,
        watch.late_ms);
    must(peak_mib <= LIMIT_MIB + SPARE_MIB, "resident memory stays within the limit and 32 MiB");
    must(load->acknowledged > 100 && load->told_to_wait > 100, "it was an overload");
    must(load->acknowledged == load->sent, "every request was taken in the end");
    must(load->big_acknowledged == BIG_SENDERS, "every large request was taken in the end");
    must(load->missing == 0, "what was said OK to has arrived");
    must(load->failed == 0, "whoever behaves is told to wait and nothing else");
    must(watch.unanswered == 0 && watch.slowest_ms < 1000 + 10 * watch.late_ms,
         "health and page answer in a second");
}

static bool wait_until_ready(void)
{
    for (int i = 0; i < 200; i++) {
        if (get(watch.health, "/") >= 0)
            return true;
        sleep_ms(50);
    }
    return false;
}

static void pass(const char *phase, int64_t began, int64_t until_ms, bool (*settled)(void))
{
    for (int i = 0; now_ms() < until_ms && !(settled && settled()); i++) {
        if (i % 10 == 0)
            say(phase, began);
        sleep_ms(100);
    }
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    watch.health = free_port();
    LoadPorts ports = { free_port(), free_port(), free_port(), free_port() };
    watch.page = ports.page;
    watch.pid = start_program(argv[1], &ports);
    if (!wait_until_ready())
        return 2;
    Err err;
    Thread asker = { 0 }, ruler = { 0 };
    int64_t began = now_ms();
    if (!thread_start(&asker, "asker", run_asker, NULL, &err) ||
        !thread_start(&ruler, "ruler", run_ruler, NULL, &err))
        return 2;
    load_start(&ports);
    pass("load", began, began + strtoll(argv[2], NULL, 10) * 1000, NULL);
    load_calm();
    pass("calm", began, now_ms() + SETTLE_SECONDS * 1000, load_is_settled);
    LoadReport load;
    load_stop(&load);
    atomic_store(&watch.over, true);
    thread_join(&asker);
    thread_join(&ruler);
    uint64_t peak_mib = status_kib("VmHWM:") / 1024;
    kill(watch.pid, SIGTERM);
    waitpid(watch.pid, NULL, 0);
    judge(&load, peak_mib);
    fflush(stdout);
    _exit(failures ? 1 : 0); /* threads that still wait for an answer are not waited for */
}
