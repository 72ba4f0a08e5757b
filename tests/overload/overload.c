/* overload.c - starts the program under a small limit, measures what it takes, overloads it in
 * every way at once, and judges: resident memory as the kernel counts it stays within the limit and
 * 32 MiB, health and pages answer all the time, whoever behaves is told to wait and loses nothing.
 *
 *     overload PROGRAM DIRECTORY SECONDS       the directory is empty; who called removes it
 *
 *     gather    5,000 idle TLS connections are opened and stay
 *     bombs     a hundred of them at once into the empty program, which inflates them
 *     measure   well behaved clients alone, until the queue is full; from then on what arrives at
 *               the slow far side in a second is what the program can take: an exporter that is
 *               slower than the clients, as in most real overloads
 *     load      8 times that, whatever is answered, and bombs, large requests, slow readers
 *     calm      nothing new; the far side hurries; what was refused is sent again and taken
 *
 * Every line of the verdict is a check. Those with a time are generous: the numbers are printed.
 */
#include "overload/crowd.h"
#include "overload/far_side.h"
#include "overload/flood.h"
#include "overload/hand_client.h"
#include "overload/idle_crowd.h"
#include "overload/load_request.h"
#include "support/test_certs.h"

#include "base/clock.h"
#include "base/thread.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    LIMIT_MIB = 1024, /* connections may have a quarter, and 5,000 with TLS are charged 180 */
    SPARE_MIB = 32,
    ASK_MS = 250,
    ANSWER_MS_MAX = 10000,
    FILL_SECONDS = 60,
    MEASURE_SECONDS = 4,
    SETTLE_SECONDS = 180,
};

static const double FACTOR = 8, AIM = 8.4; /* what must be reached, what is tried */

typedef struct Ports {
    uint16_t far, grpc, http, tls_grpc, tls_http, health, zpages, page;
} Ports;

static const char config[] =
    "receivers:\n"
    "  otlp: {protocols: {grpc: {endpoint: '127.0.0.1:%u'}, http: {endpoint: '127.0.0.1:%u'}}}\n"
    "  otlp/tls: {protocols: {\n"
    "    grpc: {endpoint: '127.0.0.1:%u', tls: &tls {cert_file: %s/cert, key_file: %s/key},\n"
    "      keepalive: {server_parameters: {max_connection_idle: 1h}}},\n"
    "    http: {endpoint: '127.0.0.1:%u', tls: *tls, idle_timeout: 1h}}}\n"
    "processors: {batch: {send_batch_size: 256}}\n"
    "exporters: {otlp: {endpoint: '127.0.0.1:%u', tls: {insecure: true}, timeout: 60s,\n"
    "  compression: none, retry_on_failure: {initial_interval: 200ms, max_elapsed_time: 0s},\n"
    "  sending_queue: {num_consumers: 4, queue_size: 1000000}}}\n"
    "extensions: {health_check: {endpoint: '127.0.0.1:%u'}, zpages: {endpoint: '127.0.0.1:%u'},\n"
    "  store: {directory: %s/store}, page: {endpoint: '127.0.0.1:%u'}}\n"
    "service: {memory_limit: %uMiB, telemetry: {metrics: {level: none}},\n"
    "  extensions: [health_check, zpages, store, page],\n"
    "  pipelines: {traces: {receivers: [otlp, otlp/tls], processors: [batch],\n"
    "    exporters: [otlp]}}}\n";

typedef struct Face { /* what must answer all the time */
    const char *path;
    uint16_t port;
    unsigned long long asked, unanswered, slowest_ms;
} Face;

static struct Watching {
    pid_t pid;
    Face faces[3];
    atomic_bool over;
    Thread asker, ruler;
    unsigned long long late_ms; /* by how much a thread that does nothing woke too late */
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
        die("no free port");
    close(fd);
    return ntohs(at.sin_port);
}

static void write_file(const char *directory, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    if (!file || fputs(text, file) < 0 || fclose(file))
        die("a file cannot be written");
}

static pid_t start_program(const char *program, const char *directory, const Ports *p)
{
    char text[4096], path[512];
    snprintf(text, sizeof text, config, p->grpc, p->http, p->tls_grpc, directory, directory,
             p->tls_http, p->far, p->health, p->zpages, directory, p->page, LIMIT_MIB);
    write_file(directory, "config.yaml", text);
    snprintf(path, sizeof path, "%s/config.yaml", directory);
    pid_t pid = fork();
    if (pid == 0) {
        execl(program, program, "--config", path, (char *)NULL);
        _exit(127);
    }
    return pid;
}

/* ---- looking at it ---- */

/* How long a GET took in ms; -1: it was not answered with 200. */
static int64_t get(const Face *face)
{
    char text[256];
    int64_t began = now_ms();
    int fd = hand_connect(face->port, 0);
    int len =
        snprintf(text, sizeof text,
                 "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", face->path);
    bool ok = fd >= 0 && hand_send(fd, (Str){ text, (size_t)len }) && hand_answer(fd).status == 200;
    if (fd >= 0)
        close(fd);
    return ok ? now_ms() - began : -1;
}

static void ask(Face *face)
{
    int64_t took = get(face);
    if ((took < 0 || took > 500) && getenv("OVERLOAD_TALK"))
        printf("slow: %s of port %u %lld ms\n", face->path, face->port, (long long)took);
    face->asked++;
    if (took < 0)
        face->unanswered++;
    else if ((unsigned long long)took > face->slowest_ms)
        face->slowest_ms = (unsigned long long)took;
}

static void run_asker(void *unused)
{
    (void)unused;
    while (!atomic_load(&watch.over)) {
        for (size_t i = 0; i < COUNT_OF(watch.faces); i++)
            ask(&watch.faces[i]);
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
        if (late > watch.late_ms)
            watch.late_ms = late;
    }
}

static void start_watching(void)
{
    Err err;
    if (!thread_start(&watch.asker, "asker", run_asker, NULL, &err) ||
        !thread_start(&watch.ruler, "ruler", run_ruler, NULL, &err))
        die(err.text);
}

static void stop_watching(void)
{
    atomic_store(&watch.over, true);
    thread_join(&watch.asker);
    thread_join(&watch.ruler);
}

static uint64_t status_mib(const char *name)
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
    return kib / 1024;
}

static void say(const char *phase)
{
    static int64_t began;
    began = began ? began : now_ms();
    if (getenv("OVERLOAD_TALK"))
        printf("%6.1f s %-8s resident %llu MiB, highest %llu MiB\n",
               (double)(now_ms() - began) / 1000, phase, (unsigned long long)status_mib("VmRSS:"),
               (unsigned long long)status_mib("VmHWM:"));
    fflush(stdout);
}

/* ---- the course ---- */

typedef struct Course {
    size_t idle_opened, idle_left;
    uint64_t idle_mib; /* resident with them alone */
    double taken_s;    /* requests that go through in a second */
    double offered_s;  /* and that came in the load, grpc_s of them by gRPC */
    double grpc_s, through_s;
    bool filled;
    uint64_t peak_mib;
} Course;

static bool pass(const char *phase, int64_t seconds, bool (*settled)(void))
{
    int64_t until = now_ms() + seconds * 1000;
    for (int i = 0; now_ms() < until; i++) {
        if (settled && settled())
            return true;
        if (i % 10 == 0)
            say(phase);
        sleep_ms(100);
    }
    return false;
}

static bool is_ready(void)
{
    return get(&watch.faces[0]) >= 0 && get(&watch.faces[2]) >= 0;
}

static bool is_full(void)
{
    return crowd_report().told_to_wait > 0;
}

static bool is_settled(void)
{
    return crowd_is_settled() && flood_counts().missing == 0;
}

/* How many requests a second have arrived since then. */
static double arrived_s(uint64_t spans, int64_t since_ms)
{
    return (double)(book_spans() - spans) / SPANS * 1000 / (double)(now_ms() - since_ms);
}

static void measure(Course *course)
{
    course->filled = pass("filling", FILL_SECONDS, is_full);
    uint64_t spans = book_spans();
    int64_t since_ms = now_ms();
    pass("measure", MEASURE_SECONDS, NULL);
    course->taken_s = arrived_s(spans, since_ms);
}

static void overload(Course *course, int64_t seconds)
{
    uint64_t spans = book_spans();
    int64_t since_ms = now_ms();
    flood_rate(AIM * course->taken_s);
    crowd_rage();
    pass("load", seconds, NULL);
    flood_rate(0);
    FloodCounts flood = flood_counts();
    double took_s = (double)(now_ms() - since_ms) / 1000;
    course->through_s = arrived_s(spans, since_ms);
    course->grpc_s = (double)flood.grpc / took_s;
    course->offered_s = (double)(flood.grpc + flood.http) / took_s;
    course->idle_left = idle_alive();
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

static void judge_load(const Course *course, const FloodCounts *flood)
{
    printf("taken: %.0f requests a second of %d spans\n"
           "offered: %.0f a second, %.0f by gRPC and %.0f by HTTP: %.1f times that; %.0f a second "
           "went through\n"
           "of these %llu were said OK to, %llu told to wait, %llu refused without a time, %llu "
           "failed, %llu unanswered; missing: %llu\n",
           course->taken_s, SPANS, course->offered_s, course->grpc_s,
           course->offered_s - course->grpc_s, course->offered_s / course->taken_s,
           course->through_s, (unsigned long long)flood->ok,
           (unsigned long long)flood->told_to_wait, (unsigned long long)flood->told_nothing,
           (unsigned long long)flood->failed, (unsigned long long)flood->unanswered,
           (unsigned long long)flood->missing);
    if (flood->first_failure[0])
        printf("the first of the failures: %s\n", flood->first_failure);
    must(course->filled && course->taken_s > 0, "what the program takes can be measured");
    must(course->offered_s >= FACTOR * course->taken_s, "8 times of what it takes is offered");
    must(course->grpc_s >= 0.45 * course->offered_s && course->grpc_s <= 0.55 * course->offered_s,
         "half of it by gRPC, half by HTTP");
    must(flood->ok > 0 && flood->told_to_wait > flood->ok, "it was an overload");
    must(!flood->told_nothing && !flood->failed, "who comes too often is told to wait");
    must(flood->unanswered == 0, "everybody gets an answer");
    must(flood->missing == 0, "what was said OK to has arrived, also of the flood");
}

static void judge_crowd(const Course *course, const CrowdReport *crowd)
{
    printf("well behaved: %llu requests said OK to of %llu, %llu times told to wait, %llu refused "
           "without a time, %llu failed; missing: %llu\n"
           "large requests: %llu at once, %llu of %d said OK to in the end\n"
           "bombs: %llu at once, %llu in all: %llu inflated, %llu told to wait, %llu neither (%d)\n"
           "slow readers that the program has stopped for: %llu of %d\n"
           "idle TLS connections: %zu opened, %zu left; with them alone %llu MiB were resident\n",
           (unsigned long long)crowd->acknowledged, (unsigned long long)crowd->sent,
           (unsigned long long)crowd->told_to_wait, (unsigned long long)crowd->told_nothing,
           (unsigned long long)crowd->failed, (unsigned long long)crowd->missing,
           (unsigned long long)crowd->big_at_once, (unsigned long long)crowd->big_acknowledged,
           BIG_SENDERS, (unsigned long long)crowd->bombs_at_once, (unsigned long long)crowd->bombs,
           (unsigned long long)crowd->bombs_opened, (unsigned long long)crowd->bombs_told_to_wait,
           (unsigned long long)crowd->bombs_unanswered, crowd->bombs_status,
           (unsigned long long)crowd->slow_stuck, SLOW_READERS, course->idle_opened,
           course->idle_left, (unsigned long long)course->idle_mib);
    if (crowd->failure[0])
        printf("the first of the failures: %s\n", crowd->failure);
    must(crowd->told_to_wait > 0, "the well behaved are told to wait");
    must(!crowd->told_nothing && !crowd->failed, "and are told nothing else");
    must(crowd->acknowledged == crowd->sent && crowd->acknowledged > 100,
         "every request was taken in the end");
    must(crowd->missing == 0, "what was said OK to has arrived");
    must(crowd->big_at_once == BIG_SENDERS, "there were 50 large requests at once");
    must(crowd->big_acknowledged == BIG_SENDERS, "every large request was taken in the end");
    must(crowd->bombs_at_once == BOMBERS && crowd->bombs >= BOMBERS,
         "there were 100 bombs at once");
    must(crowd->bombs_opened > 0, "bombs were inflated");
    must(crowd->bombs_unanswered == 0, "every bomb was answered");
    must(crowd->slow_stuck == SLOW_READERS, "there were 50 slow readers");
    must(course->idle_opened == IDLERS, "there were 5,000 idle TLS connections");
    must(course->idle_left == IDLERS, "and they have stayed");
}

static void judge_program(const Course *course, int status)
{
    for (size_t i = 0; i < COUNT_OF(watch.faces); i++) {
        const Face *face = &watch.faces[i];
        printf("%s: asked %llu times, unanswered %llu, slowest %llu ms\n",
               i == 0   ? "health"
               : i == 1 ? "zPages"
                        : "page",
               face->asked, face->unanswered, face->slowest_ms);
        must(face->asked > 10 && !face->unanswered && face->slowest_ms < ANSWER_MS_MAX,
             "health and pages answer all the time");
    }
    printf("a thread that only sleeps woke up to %llu ms late\n"
           "resident at most %llu MiB of %d + %d\n",
           watch.late_ms, (unsigned long long)course->peak_mib, LIMIT_MIB, SPARE_MIB);
    must(course->peak_mib > 0 && course->peak_mib <= LIMIT_MIB + SPARE_MIB,
         "resident memory stays within the limit and 32 MiB");
    must(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the program ends well");
}

/* ---- all of it ---- */

static void allow_many_files(void)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

static void make_certificates(const char *directory, TestCert *authority)
{
    static TestCert own;
    test_authority(authority, "overload");
    const TestWish wish = { .names = "DNS:localhost,IP:127.0.0.1", .for_s = 90 * 24 * 3600 };
    test_cert(&own, authority, &wish);
    write_file(directory, "cert", own.cert);
    write_file(directory, "key", own.key);
}

static void run_course(Course *course, const Ports *p, const char *authority, int64_t seconds)
{
    book_open();
    far_side_start(p->far);
    course->idle_opened = idle_open(&(IdlePorts){ p->tls_grpc, p->tls_http, authority });
    course->idle_mib = status_mib("VmRSS:");
    say("gathered");
    flood_start(p->grpc, p->http);
    crowd_open(&(CrowdPorts){ p->grpc, p->http, p->zpages, p->page });
    crowd_bomb();
    pass("bombs", FILL_SECONDS, crowd_has_bombed);
    crowd_start();
    measure(course);
    overload(course, seconds);
    crowd_calm();
    far_side_hurry();
    pass("calm", SETTLE_SECONDS, is_settled);
    crowd_stop();
    course->peak_mib = status_mib("VmHWM:");
}

int main(int argc, char **argv)
{
    static TestCert authority;
    Course course = { 0 };
    int status = -1;
    if (argc != 4)
        return 2;
    allow_many_files();
    make_certificates(argv[2], &authority);
    const Ports ports = { free_port(), free_port(), free_port(), free_port(),
                          free_port(), free_port(), free_port(), free_port() };
    watch.faces[0] = (Face){ .path = "/", .port = ports.health };
    watch.faces[1] = (Face){ .path = "/debug/pipelinez", .port = ports.zpages };
    watch.faces[2] = (Face){ .path = "/", .port = ports.page };
    watch.pid = start_program(argv[1], argv[2], &ports);
    if (!pass("start", 20, is_ready))
        die("the program does not start");
    start_watching();
    run_course(&course, &ports, authority.cert, strtoll(argv[3], NULL, 10));
    stop_watching();
    kill(watch.pid, SIGTERM);
    waitpid(watch.pid, &status, 0);
    const FloodCounts flood = flood_counts();
    const CrowdReport crowd = crowd_report();
    judge_load(&course, &flood);
    judge_crowd(&course, &crowd);
    judge_program(&course, status);
    fflush(stdout);
    _exit(failures ? 1 : 0); /* threads that still wait for an answer are not waited for */
}
